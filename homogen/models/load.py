"""Load a generator from wherever its weights are."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from homogen.models import trained
from homogen.models.catalogue import (
    BITSANDBYTES_LEVELS,
    GGUF_LEVELS,
    Unavailable,
    card_of,
    is_trained,
    split_quantization,
)
from homogen.models.devices import DTYPES, pick_device, tune
from homogen.models.quantization import _bitsandbytes, _round_weights
from homogen.models.weights import GGUF, _one_line, quietly, resolve_weights
from homogen.records import BadInput, PromptTemplate, unknown

ALONE = PromptTemplate("{question}")
"""Nothing around a question but the chat template."""


@dataclasses.dataclass(frozen=True)
class LoadedModel:
    """A generator in memory: network, tokenizer, and what identifies it."""

    name: str
    revision: str
    network: Any
    tokenizer: Any
    device: str
    root: str = ""
    """The model that a chain of trainings began with; "" of any other model. It is asked as that one is."""

    @property
    def chat(self) -> bool:
        """Whether prompts go through the model's chat template (:func:`asked_in_template`)."""
        return asked_in_template(self.root or self.name, self.tokenizer)

    @property
    def thinks(self) -> bool:
        """Whether the chat template can switch a reasoning block on and off; here it is off."""
        return self.chat and "enable_thinking" in str(self.tokenizer.chat_template)

    def wrap(self, text: str, template: PromptTemplate = ALONE) -> str:
        """Put a rendered prompt into the model's chat template, reasoning off where it can be.

        A base model's, and one of a template outside any chat, stays as it is but for the system's message.
        """
        if not (self.chat and template.chat):
            return template.plain(text)
        switch = {"enable_thinking": False} if self.thinks else {}
        return in_template(self.tokenizer, text, template, **switch)


def in_template(tokenizer: Any, text: str, template: PromptTemplate, **switches: Any) -> str:
    """Put a rendered prompt, and the system's message if there is one, into a tokenizer's chat template.

    A chat template that knows no system's message gets it in front of the user's.
    """

    from jinja2 import TemplateError

    def written(messages: list[dict[str, str]]) -> str:
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **switches)

    said = [{"role": "user", "content": text}]
    if not template.system:
        return written(said)
    try:
        both = written([{"role": "system", "content": template.system}, *said])
    except TemplateError:
        both = ""
    # Some templates refuse a system's message, others leave it out and say nothing.
    return both if template.system in both else written([{"role": "user", "content": template.plain(text)}])


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
    return not Path(split_quantization(name)[0].removesuffix(GGUF)).name.lower().endswith(("-base", "-pt"))


def load_model(name: str, device: str = "auto", dtype: str = "auto") -> LoadedModel:
    """Load a generator.

    Attention runs through PyTorch's fused kernels (sdpa). A model that is larger than one card is shared out over all
    cards of the machine.

    Parameters
    ----------
    name
        A folder, a ``.gguf`` file, a card's name, or a hub id ``owner/name``; a level of quantization may follow after
        a colon; or one that was trained here (:mod:`homogen.alignment`). ``q8_0``,
        ``q5_1``, ``q5_0``, ``q4_1`` and ``q4_0`` round every weight of a linear layer as GGUF files of that level do
        and compute on with the rounded weights; ``int8`` and ``nf4`` are those of bitsandbytes and want a GPU.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    dtype
        ``"float32"``, ``"bfloat16"``, or ``"auto"``: bfloat16 on a GPU, and on a CPU that multiplies it where the model
        has more than 300 million weights; else float32, and so for one that was trained here.

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
    tune()
    if is_trained(name):
        return _load_trained(name, device, dtype)
    plain, level = split_quantization(name)
    from homogen.models import memory

    if dtype == "auto":
        try:
            dtype = memory.default_dtype(device, memory.size_at(plain))
        except BadInput as error:
            raise BadInput(f"model {name!r} could not be loaded: {error}") from error
    memory.check_room(name, device, dtype)
    folder, revision = resolve_weights(plain, dtype)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options = {"dtype": getattr(torch, dtype), "attn_implementation": "sdpa", "trust_remote_code": False}
    if level in BITSANDBYTES_LEVELS:
        options |= {"quantization_config": _bitsandbytes(level), "device_map": "auto"}
    try:
        parameters = memory.count_parameters(Path(folder))
    except BadInput as error:
        raise BadInput(f"model {name!r} could not be loaded: {error}") from error
    if parameters is not None:
        want = memory.needed(parameters, dtype, level)
        if memory.place(name, want, memory.free_memory(device), dtype) == "several":
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


def _load_trained(name: str, device: str, dtype: str) -> LoadedModel:
    """A trained model: its base, itself perhaps a trained one, with the adapter's weights put into its own."""
    folder, account = trained.folder_of(name), trained.about(name)
    # The steps of a short training are smaller than the rounding of bfloat16.
    base = load_model(account["base"], device, "float32" if dtype == "auto" else dtype)
    if account.get("revision") not in (None, base.revision):
        raise BadInput(
            f"{name} was trained on other weights of {base.name} ({str(account['revision'])[:12]}…) than are here "
            f"({base.revision[:12]}…)"
        )
    with quietly():
        try:
            network = trained.merged(base.network, folder)
        except ImportError as error:
            raise Unavailable(f"{name} wants peft ({error}); install it: pip install -e '.[train]'") from error
        except Exception as error:  # of the library's reader
            raise BadInput(f"model {name!r} could not be loaded: {_one_line(error)}") from error
    return LoadedModel(name, name, network, base.tokenizer, device, base.root or base.name)
