"""Print what must be fast beside what it is measured against, on this machine.

``make bench`` runs it; nothing here is a test, because a busy machine would fail it. Ratios carry over from one
machine to the next, seconds do not. Answers are made (nli_model.answers): what the clock sees is how long they are
and how many are repeated.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from nli_model import answers, make

import homogen as hg


class Table:
    """Rows as they come, so that a reader sees what has been measured while the rest runs."""

    def __init__(self) -> None:
        self.met = True
        print(f"{'work':<58} {'must reach':<26} {'here':<42} met")

    def row(self, work: str, wanted: str, here: str, met: bool | None) -> None:
        """Print a row; ``None`` says that nothing could be measured."""
        self.met &= met is not False
        print(f"{work:<58} {wanted:<26} {here:<42} {'—' if met is None else 'yes' if met else 'NO'}", flush=True)


def best(work: Callable, times: int = 3) -> tuple[float, object]:
    """Least seconds of several runs, and the last result."""
    seconds, result = math.inf, None
    for _ in range(times):
        start = time.perf_counter()
        result = work()
        seconds = min(seconds, time.perf_counter() - start)
    return seconds, result


def bootstrap(table: Table) -> None:
    """AUROC's interval against resampling with scikit-learn in a loop."""
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    wrong = rng.random(790) < 0.45
    score = np.round(rng.normal(wrong * 0.4), 1)  # ties, as scores of homogenized answers have them
    ours, estimate = best(lambda: hg.evaluation.auroc(score, wrong, draws=hg.Draws(10_000)))
    loops = 500

    def loop() -> None:
        for rows in rng.integers(0, 790, (loops, 790)):
            roc_auc_score(wrong[rows], score[rows])

    theirs = best(loop)[0] * 10_000 / loops
    off = abs(estimate.value - roc_auc_score(wrong, score))
    table.row(
        "bootstrap AUROC, n = 790, 10,000 resamples",
        "20x scikit-learn, to 1e-12",
        f"{theirs / ours:.0f}x, off by {off:.0e} ({ours:.2f} s)",
        theirs / ours >= 20 and off < 1e-12,
    )


def delong(table: Table) -> None:
    """The paired test on a hundred thousand rows."""
    rng = np.random.default_rng(0)
    wrong = rng.random(100_000) < 0.4
    a, b = rng.normal(wrong, 1), rng.normal(wrong, 1.1)
    seconds, _ = best(lambda: hg.evaluation.delong_test(a, b, wrong))
    table.row("DeLong, n = 100,000", "under 1 s", f"{seconds:.2f} s", seconds < 1)


def plain_jaccard(benchmark: list[list[str]]) -> list[float]:
    """Semantic entropy over Jaccard clusters as one would write it down: pair by pair from the definition."""

    def bigrams(text: str) -> set:
        words = text.lower().split()
        return set(itertools.pairwise(words)) if len(words) > 1 else set(words)

    def similarity(a: str, b: str) -> float:
        x, y = bigrams(a), bigrams(b)
        return len(x & y) / len(x | y)

    return [_entropy([[similarity(a, b) for b in row] for a in row]) for row in benchmark]


def thrifty_jaccard(benchmark: list[list[str]]) -> list[float]:
    """The same by the fairest loop: bigrams made once, each pair compared once."""
    scores = []
    for row in benchmark:
        sets = [set(itertools.pairwise(text.lower().split())) or {text} for text in row]
        S = [[1.0] * len(row) for _ in row]
        for (i, x), (j, y) in itertools.combinations(enumerate(sets), 2):
            S[i][j] = S[j][i] = len(x & y) / len(x | y)
        scores.append(_entropy(S))
    return scores


def _entropy(S: list[list[float]]) -> float:
    group = list(range(len(S)))

    def find(i: int) -> int:
        while group[i] != i:
            i = group[i]
        return i

    for i, j in itertools.combinations(range(len(S)), 2):
        if S[i][j] >= 0.4:
            group[find(j)] = find(i)
    sizes = Counter(find(i) for i in range(len(S))).values()
    return -sum(k / len(S) * math.log(k / len(S)) for k in sizes)


def jaccard(table: Table) -> None:
    """Similarities, clusters and entropies of a whole benchmark, and the memory they take."""
    # Homogenized answers are what the project is about. With nearly all answers distinct, taking the texts apart and
    # numbering their words is most of the work, and the plain loop has to do no less of it.
    for name, repeats, wanted in (("half of them repeats", 0.5, 20), ("nearly all distinct", 0.05, 0)):
        benchmark = answers(790, repeats=repeats)

        def ours(benchmark: list = benchmark) -> np.ndarray:
            labels = hg.clustering.cluster(hg.similarity.jaccard(benchmark), threshold=0.4)
            return hg.uncertainty.semantic_entropy(labels)

        seconds, entropies = best(ours, 9)
        plain, expected = best(lambda benchmark=benchmark: plain_jaccard(benchmark))
        thrifty, _ = best(lambda benchmark=benchmark: thrifty_jaccard(benchmark))
        same = np.abs(entropies - expected).max() < 1e-12
        table.row(
            f"Jaccard clusters and SE, 790 x 10, {name}",
            f"under 1 s, {wanted}x the loop" if wanted else "under 1 s",
            f"{seconds:.3f} s, {plain / seconds:.0f}x ({thrifty / seconds:.1f}x the thriftiest)",
            seconds < 1 and plain / seconds >= wanted and bool(same),
        )
    tracemalloc.start()
    ours()
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    table.row("  memory of the same", "under 300 MB", f"{peak:.0f} MB", peak < 300)


def every_ordered_pair(benchmark: list[list[str]], model: Callable) -> tuple[list[np.ndarray], int]:
    """Strict clusters from the full table, question by question, ten pairs a batch: lm-polygraph's way."""
    labels, pairs = [], 0
    for row in benchmark:
        distinct = sorted(set(row))
        table = {}
        for k in range(0, len(distinct) ** 2, 10):
            some = list(itertools.islice(itertools.product(distinct, distinct), k, k + 10))
            table.update(zip(some, model(some).argmax(axis=1) == 0, strict=True))
            pairs += len(some)
        firsts: list[str] = []
        own = []
        for text in row:
            fits = [c for c, first in enumerate(firsts) if text == first or (table[first, text] and table[text, first])]
            own.append(fits[0] if fits else len(firsts))
            firsts += [] if fits else [text]
        labels.append(np.array(own))
    return labels, pairs


def nli(table: Table, questions: int) -> None:
    """Passes and seconds of the lean evaluation against all ordered pairs."""
    from homogen.models.cross_encoder import CrossEncoder
    from homogen.nli.asking import NLI

    benchmark = answers(questions)
    model = CrossEncoder(*make([text for row in benchmark for text in row]), name="xsmall-shaped")
    model(list(zip(benchmark[0][:8], benchmark[0][1:9], strict=True)))  # warm
    start = time.perf_counter()
    lean = NLI(model)
    labels = hg.clustering.cluster_nli(benchmark, lean)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    expected, pairs = every_ordered_pair(benchmark, model)
    theirs = time.perf_counter() - start
    same = all(np.array_equal(a, b) for a, b in zip(labels, expected, strict=True))
    table.row(
        f"NLI clusters, {questions} x 10, DeBERTa-v3-xsmall's shape",
        "3x fewer pairs, 3x faster",
        f"{pairs / lean.forward_passes:.1f}x fewer, {theirs / ours:.1f}x faster, {'same' if same else 'OTHER'} labels",
        pairs / lean.forward_passes >= 3 and theirs / ours >= 3 and same,
    )

    def passes(row: list[str], verdict: list[float]) -> int:
        count = NLI(lambda pairs: np.tile(verdict, (len(pairs), 1)))
        hg.clustering.cluster_nli([row], count)
        return count.forward_passes

    alike, unlike = passes(["same"] * 10, [1, 0, 0]), passes(list("abcdefghij"), [0, 1, 0])
    table.row(
        "  10 identical answers, 10 distinct", "0 and 45 pairs", f"{alike} and {unlike}", (alike, unlike) == (0, 45)
    )


def embeddings(table: Table) -> None:
    """Each distinct text once, as fast as one call of the library."""
    try:
        embedder = hg.models.load_embedder("all-minilm-l6-v2", device="cpu")
        from sentence_transformers import SentenceTransformer

        card = hg.models.CARDS["all-minilm-l6-v2"]
        library = SentenceTransformer(str(card.files[0].locate().parent), device="cpu")
    except (hg.BadInput, ImportError) as error:
        table.row("embeddings", "0.95x one encode call", str(error)[:42], None)
        return
    benchmark = answers(100, repeats=0.0)
    texts = [text for row in benchmark for text in row]
    seen: list[str] = []
    hg.similarity.cosine([row + row for row in benchmark[:20]], lambda t: seen.extend(t) or np.eye(len(t)) + 1)
    once = sorted(seen) == sorted({text for row in benchmark[:20] for text in row})
    ours, theirs = math.inf, math.inf
    for _ in range(3):  # in turns, so that a busy moment hits both
        ours = min(ours, best(lambda: hg.similarity.embed([texts], embedder), 1)[0])
        theirs = min(theirs, best(lambda: library.encode(texts, batch_size=64, show_progress_bar=False), 1)[0])
    table.row(
        f"embeddings of {len(texts):,} texts, all-MiniLM-L6-v2",
        "once each, 0.95x one encode",
        f"{'once each' if once else 'REPEATED'}, {theirs / ours:.2f}x",
        once and theirs / ours >= 0.95,
    )


def sampling(table: Table) -> None:
    """What accumulating token statistics costs over the library's own loop."""
    import torch

    from homogen.engines.transformers import TransformersEngine

    try:
        model = hg.models.load_model("smollm2-135m-instruct", device="cpu")
    except hg.BadInput as error:
        table.row("token statistics while sampling", "at most 10% over generate", str(error)[:42], None)
        return
    prompts = [(f"q{i}", f"Answer concisely: what is number {i}?") for i in range(16)]
    spec = hg.SamplingSpec(
        model="smollm2-135m-instruct", prompt="plain", n=10, temperature=1.0, max_new_tokens=40, seed=1
    )
    engine = TransformersEngine(model, workers=1)
    start = time.perf_counter()
    drawn = [r for r in engine.generate(prompts, spec) if r.sample >= 0]
    ours = sum(len(r.token_logprobs) for r in drawn) / (time.perf_counter() - start)
    chats = [
        model.tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], add_generation_prompt=True, tokenize=False
        )
        for _, text in prompts
    ]
    encoded = model.tokenizer(chats, return_tensors="pt", padding=True)
    start = time.perf_counter()
    with torch.inference_mode():
        ids = model.network.generate(
            **encoded, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=40, num_return_sequences=10
        )
    new = ids[:, encoded["input_ids"].shape[1] :]
    ended = (new == model.tokenizer.eos_token_id).int().cumsum(dim=1).clamp(max=1)
    real = int((1 - ended).sum() + ended.any(dim=1).sum())
    theirs = real / (time.perf_counter() - start)
    table.row(
        "token statistics while sampling, SmolLM2, 160 x 40",
        "at most 10% over generate",
        f"{ours / theirs:.2f}x the real tokens a second",
        ours / theirs >= 0.9,
    )


def precision(table: Table) -> None:
    """Tokens a second of the larger models in both precisions: what ``dtype="auto"`` chooses between."""
    from homogen.engines.transformers import TransformersEngine
    from homogen.models.memory import multiplies_bfloat16

    prompts = [(f"q{i}", f"Name a city in country number {i}, and say why it is worth a visit.") for i in range(16)]
    for name in ("qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"):
        spec = hg.SamplingSpec(model=name, prompt="plain", n=10, temperature=1.0, max_new_tokens=20, seed=1)
        speed = {}
        try:
            for dtype in ("float32", "bfloat16"):
                engine = TransformersEngine(hg.models.load_model(name, "cpu", dtype))
                start = time.perf_counter()
                drawn = sum(len(r.token_logprobs) for r in engine.generate(prompts, spec))
                speed[dtype] = drawn / (time.perf_counter() - start)
                del engine
        except hg.BadInput as error:
            table.row(f"sampling, {name}", "make weights-desk", str(error)[:42], None)
            continue
        units = multiplies_bfloat16()
        matrix = units and "amx_bf16" in Path("/proc/cpuinfo").read_text().split()
        least = 2 if matrix else 1.5  # units for whole matrices gain more than those for vectors
        ratio = speed["bfloat16"] / speed["float32"]
        table.row(
            f"sampling, {name}, {'with' if units else 'no'} units for bfloat16",
            f"bfloat16 >= {least}x" if units else "float32 is the faster",
            f"{speed['float32']:.0f} float32, {speed['bfloat16']:.0f} bfloat16 tokens/s",
            ratio >= least if units else ratio <= 1,
        )


def memory(table: Table) -> None:
    """Peak memory of sampling 20 and 200 tokens: logits kept for a statistic would show as gigabytes."""

    def peak(tokens: int) -> float:
        command = [sys.executable, __file__, "--peak-of", str(tokens)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    short, long = peak(20), peak(200)
    kept = 160 * _VOCABULARY * 180 * 4 / 2**20
    table.row(
        "  memory of 160 x 200 tokens over 160 x 20",
        "independent of length",
        f"{long - short:+.0f} MB (logits kept: {kept:+,.0f} MB)",
        long - short < 0.02 * kept,
    )


_VOCABULARY = 49_152


def _peak_of(tokens: int) -> float:
    """MB that this process has needed at most, after sampling from a tiny network with a large vocabulary."""
    import resource
    import tempfile

    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from homogen.engines.transformers import TransformersEngine

    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(_VOCABULARY)}, unk_token="w1"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    with tempfile.TemporaryDirectory() as folder:
        PreTrainedTokenizerFast(tokenizer_object=words, eos_token="w0").save_pretrained(folder)
        shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
        LlamaForCausalLM(LlamaConfig(vocab_size=_VOCABULARY, eos_token_id=0, **shape)).save_pretrained(folder)
        engine = TransformersEngine(hg.models.load_model(folder, device="cpu"), workers=1)
    spec = hg.SamplingSpec(model="tiny", prompt="plain", n=10, max_new_tokens=tokens, seed=1)
    for _ in engine.generate([(str(i), f"w{i + 2}") for i in range(16)], spec):
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def importing(table: Table) -> None:
    """A fresh interpreter."""

    def seconds(code: str) -> float:
        return best(lambda: subprocess.run([sys.executable, "-c", code], check=True), 5)[0]

    cost = seconds("import homogen") - seconds("pass")
    table.row("import homogen", "under 0.5 s", f"{cost:.3f} s", cost < 0.5)


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=20, help="of the NLI row, ten answers each")
    parser.add_argument("--peak-of", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak_of:
        print(_peak_of(given.peak_of))
        return
    table = Table()
    for row in (bootstrap, delong, jaccard, embeddings, importing, sampling, precision, memory):
        row(table)
    nli(table, given.questions)
    print("`make book` is measured by itself: `time make book`, cold and again.")
    if not table.met:
        print("Not every row is met; a busy machine is the first suspect.")


if __name__ == "__main__":
    main()
