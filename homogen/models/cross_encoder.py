"""A sequence classifier from transformers as an NLI model: pairs of texts to probabilities.

Pairs are tokenised once, sorted by length and cut into batches of about equal padded size, longest first, so that a
batch too large for the card is found at once; it is then halved and tried again. What is longer than the model reads is
cut from the longer of the two texts, counted and said.
"""

from __future__ import annotations

import copy
import functools
import itertools
import json
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from homogen.models import memory
from homogen.models.catalogue import NLI_MODELS, card_of, is_hub_id, split_quantization
from homogen.models.devices import DTYPES, pick_device
from homogen.models.judge import LanguageJudge
from homogen.models.load import load_model
from homogen.models.weights import GGUF, _folder_of, _one_line, folder_digest, quietly, revision_of
from homogen.nli.asking import self_check
from homogen.records import BadInput, unknown
from homogen.records.checks import is_whole, whole

_MEANINGS = ("entailment", "neutral", "contradiction")
_ONE_SEPARATOR = {"albert", "bert", "deberta", "deberta-v2", "distilbert", "electra", "modernbert"}
_PADDED_TOKENS = {"cpu": 2**10, "cuda": 2**16}


class CrossEncoder:
    """Probabilities of entailment, neutral and contradiction of pairs (premise, hypothesis).

    Parameters
    ----------
    network, tokenizer
        A sequence classifier with three labels, in evaluation mode on its device, and its tokenizer.
    name
        What identifies weights, precision and length limit; a cache of pairs is keyed by it.
    padded_tokens
        Rows times length of a batch; ``None`` takes 1,024 on a CPU, where larger batches gain
        nothing, and 65,536 on a GPU.
    max_length
        Longest pair in tokens; ``None`` takes what the model reads.
    workers
        Batches side by side on a CPU, each on one core; ``None`` takes torch's number of threads. A GPU has one.

    Attributes
    ----------
    truncated : int
        Pairs cut so far.

    Raises
    ------
    BadInput
        If the model's ``id2label`` does not name the three labels, or its tokenizer joins a pair in another way than
        the model was trained on.
    """

    def __init__(
        self,
        network: Any,
        tokenizer: Any,
        name: str,
        padded_tokens: int | None = None,
        max_length: int | None = None,
        workers: int | None = None,
    ):
        self.name = name
        self.truncated = 0
        self._network, self._tokenizer = _with_near_positions(network), tokenizer
        self._device = next(network.parameters()).device
        self._columns = _columns(network.config, name)
        if padded_tokens is not None:
            whole("padded_tokens", padded_tokens, 1)
        self._padded_tokens = padded_tokens or _PADDED_TOKENS.get(self._device.type, 2**10)
        import torch

        self._workers = (workers or torch.get_num_threads()) if self._device.type == "cpu" else 1
        limit = min(tokenizer.model_max_length, getattr(network.config, "max_position_embeddings", None) or 512)
        if max_length is not None and not (is_whole(max_length) and 8 <= max_length <= limit):
            raise BadInput(f"max_length must lie between 8 and the {limit} tokens that {name} reads, got {max_length}")
        self._max_length = max_length or limit
        _check_template(tokenizer, network.config.model_type, name)

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Give ``(n, 3)`` float64 probabilities: entailment, neutral, contradiction."""
        answers = np.empty((len(pairs), 3))
        if not pairs:
            return answers
        encoded = self._encode(pairs)
        length = np.array([len(row) for row in encoded["input_ids"]])
        order = np.argsort(-length, kind="stable")
        if self._workers > 1:
            batches = np.split(order, _cuts(length[order], self._padded_tokens, self._workers))
            for rows, found in zip(batches, self._side_by_side(encoded, batches), strict=True):
                answers[rows] = found
            return answers
        import torch

        while len(order):
            rows, rest = np.split(order, [self._rows(length[order[0]])])
            try:
                answers[rows] = self._forward(encoded, rows)
            except torch.cuda.OutOfMemoryError:
                if len(rows) == 1:
                    raise BadInput(f"{self.name}: one pair of {length[rows[0]]} tokens does not fit the GPU") from None
                self._padded_tokens //= 2
                torch.cuda.empty_cache()
                continue
            order = rest
        return answers

    def _rows(self, longest: int) -> int:
        return max(1, self._padded_tokens // int(longest))

    def _side_by_side(self, encoded: dict[str, list], batches: list[np.ndarray]) -> list[np.ndarray]:
        """One core a batch: products of this size gain little from being split over cores."""
        import torch

        threads = torch.get_num_threads()
        try:
            with ThreadPoolExecutor(self._workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                return list(pool.map(lambda rows: self._forward(encoded, rows), batches))
        finally:
            torch.set_num_threads(threads)

    def _encode(self, pairs: Sequence[tuple[str, str]]) -> dict[str, list]:
        premises, hypotheses = map(list, zip(*pairs, strict=True))
        whole = self._tokenizer(premises, hypotheses, truncation=False, verbose=False)["input_ids"]
        long = sum(len(row) > self._max_length for row in whole)
        if long:
            self.truncated += long
            warnings.warn(
                f"{self.name}: {long:,} of {len(pairs):,} pairs are longer than {self._max_length} tokens and were cut",
                stacklevel=3,
            )
        return dict(
            self._tokenizer(premises, hypotheses, truncation="longest_first", max_length=self._max_length)
            if long
            else self._tokenizer(premises, hypotheses, truncation=False)
        )

    def _forward(self, encoded: dict[str, list], rows: np.ndarray) -> np.ndarray:
        some = {key: [values[i] for i in rows] for key, values in encoded.items()}
        import torch

        batch = self._tokenizer.pad(some, padding=True, return_tensors="pt").to(self._device)
        with torch.inference_mode():
            logits = self._network(**batch).logits
        return logits.double().softmax(dim=-1)[:, self._columns].cpu().numpy()


def _with_near_positions(network: Any) -> Any:
    """The same network on the same weights; a DeBERTa-v2 or v3 is spared the distances that do not occur.

    The library's disentangled attention multiplies every token with all 512 relative positions of its table and then
    picks out those that occur: in a pair of 30 tokens, 59. Each column of such a product stands by itself, so leaving
    out those that are never picked changes results by rounding alone.
    """
    weights = itertools.chain(network.parameters(), network.buffers())
    network = copy.deepcopy(network, {id(tensor): tensor for tensor in weights})
    for module in network.modules():
        if hasattr(module, "disentangled_attention_bias") and hasattr(module, "pos_ebd_size"):
            module.disentangled_attention_bias = partial(_near_bias, module)
    return network


def _near_bias(module: Any, query: Any, key: Any, distance: Any, table: Any, *rest):
    """The attention's own bias by position, from as much of its table as the batch's distances reach."""
    middle = module.pos_ebd_size
    reach = min(int(distance.abs().max()) + 1, middle)
    near = copy.copy(module)  # the same weights under another size: batches side by side differ in length
    near.pos_ebd_size = reach
    bias = type(module).disentangled_attention_bias
    return bias(near, query, key, distance, table[middle - reach : middle + reach], *rest)


def _cuts(length: np.ndarray, padded_tokens: int, workers: int) -> list[int]:
    """Where to cut rows, longest first, into batches of at most so many padded tokens.

    Plain cutting to the limit may leave a small last batch, and a worker without one. So the least limit is taken that
    needs no more batches than plain cutting, rounded up to a multiple of the workers.
    """

    def greedy(limit: int) -> list[int]:
        cuts = [0]
        while cuts[-1] < len(length):
            cuts.append(cuts[-1] + max(1, limit // int(length[cuts[-1]])))
        return cuts[1:-1]

    batches = len(greedy(padded_tokens)) + 1
    batches += -batches % workers
    low, high = 1, padded_tokens
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if len(greedy(middle)) < batches else (middle + 1, high)
    return greedy(high)


def _columns(config: Any, name: str) -> list[int]:
    """Where the model's own labels stand, in our order."""
    labels = {int(i): str(label).lower() for i, label in config.id2label.items()}
    columns = [[i for i, label in labels.items() if label.startswith(meaning[:7])] for meaning in _MEANINGS]
    if len(labels) != 3 or any(len(found) != 1 for found in columns):
        raise BadInput(
            f"{name} fails its self-check: its id2label {config.id2label} does not name entailment, neutral and "
            "contradiction, so the order of its answers is not known"
        )
    return [found[0] for found in columns]


def _check_template(tokenizer: Any, model_type: str, name: str) -> None:
    """[CLS] A [SEP] B [SEP], as BERT's kin was trained; recent releases double the separator for some of them."""
    a, b = "The cat is alive.", "The cat is dead."
    if model_type not in _ONE_SEPARATOR:
        return
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    parts = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in (a, b)]
    wanted = [cls, *parts[0], sep, *parts[1], sep]
    found = tokenizer(a, b)["input_ids"]
    if found != wanted:
        raise BadInput(
            f"{name} fails its self-check: its tokenizer writes a pair as "
            f"{' '.join(map(str, tokenizer.convert_ids_to_tokens(found)))} instead of [CLS] A [SEP] B [SEP]"
        )


def load_nli(
    name: str,
    device: str = "auto",
    dtype: str = "auto",
    padded_tokens: int | None = None,
    max_length: int | None = None,
    check: bool = True,
) -> Callable[[Sequence[tuple[str, str]]], np.ndarray]:
    """Load an NLI model as a function from pairs of texts to probabilities; the same call returns the same object.

    Parameters
    ----------
    name
        A short name of :data:`NLI_MODELS`, a folder, or a hub id ``owner/name`` of a cross-encoder with three labels;
        or a generator, which is asked in words (:class:`LanguageJudge`) and loaded at the first pair.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    dtype
        ``"float32"``, ``"bfloat16"``, or ``"auto"``: float32 on the CPU, bfloat16 on a GPU; of a generator as in
        :func:`homogen.models.load_model`.
    padded_tokens
        Rows times length of a batch; ``None`` takes a size that suits the device. Not for a generator.
    max_length
        Longest pair in tokens; ``None`` takes what the model reads. Longer pairs are cut, counted and warned about. Not
        for a generator, which cuts nothing.
    check
        Whether the model must pass :func:`homogen.nli.self_check` before it is given out.

    Returns
    -------
    callable
        ``pairs -> (n, 3)`` probabilities of entailment, neutral and contradiction, whatever the order of the model's
        own labels. Its attribute ``name`` identifies weights, precision and length limit, ``truncated`` counts the
        pairs that were cut.

    Raises
    ------
    BadInput
        If the name is unknown, the weights are missing, the labels are not named, the pair template is not the one the
        model was trained on, or the self-check fails; the message says which.
    """
    if dtype not in DTYPES:
        raise unknown("dtype", dtype, DTYPES)
    return kept(name, pick_device(device), dtype, padded_tokens, max_length, check)


@functools.lru_cache(maxsize=2)
def kept(
    name: str, device: str, dtype: str, padded_tokens: int | None, max_length: int | None, check: bool
) -> Callable:
    """Load an NLI model, or give the one that was loaded before."""
    if (revision := _generator(name)) is not None:
        if padded_tokens is not None or max_length is not None:
            raise BadInput(f"{name} is a generator: it reads pairs whole, and takes no padded_tokens and no max_length")
        label = Path(name).name if Path(name).exists() else name
        load = functools.partial(load_model, name, device, dtype)
        if Path(name).is_dir():  # nobody else's verdicts are kept of it: what is wrong with it is said at once
            try:
                model = load()
            except BadInput as error:
                raise type(error)(f"NLI {error}") from error
            return LanguageJudge(lambda: model, f"{label}@{revision[:12]}", check)
        return LanguageJudge(load, f"{label}@{revision[:12]}", check)
    local = Path(name).is_dir()
    if not (local or name in NLI_MODELS or is_hub_id(name)):
        raise unknown("NLI model", name, NLI_MODELS)
    source = NLI_MODELS.get(name, name)
    folder, commit = _folder_of(source)
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    if dtype == "auto":
        dtype = memory.default_dtype(device)
    with quietly():
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            network = AutoModelForSequenceClassification.from_pretrained(
                folder, dtype=getattr(torch, dtype), trust_remote_code=False
            )
        except Exception as error:  # as above
            where = f" ({source} on the Hugging Face hub)" if not local else ""
            raise BadInput(f"NLI model {name!r}{where} could not be loaded: {_one_line(error)}") from error
    revision = commit or folder_digest(Path(folder))
    model = CrossEncoder(
        network.to(device).eval(),
        tokenizer,
        f"{source}@{revision[:12]}, {dtype}, at most {max_length or 'all'} tokens",
        padded_tokens,
        max_length,
    )
    if check:
        self_check(model)
    return model


def _generator(name: str) -> str | None:
    """What identifies the weights of a generator, without loading them; None of a classifier or an unknown name."""
    path, known = Path(name), card_of(name)
    if path.is_dir():
        try:
            kinds = json.loads((path / "config.json").read_text("utf-8")).get("architectures") or [""]
        except (OSError, ValueError, AttributeError, RecursionError):
            return None  # loading it says what is wrong
        return revision_of(name) if str(kinds[0]).endswith("ForCausalLM") else None
    if not name.endswith(GGUF) and (known is None or known.stage in ("embedder", "nli")):
        return None
    if name.endswith(GGUF) and not path.is_file():
        raise BadInput(f"there is no file {name}")
    return revision_of(name) or _folder_of(split_quantization(name)[0])[1]
