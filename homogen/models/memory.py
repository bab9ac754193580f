"""Where a model fits: how much memory its weights want, how much there is, and what would fit instead.

The estimate is of the weights and a tenth more for what the libraries hold beside them. The keys and values of the
answers come on top; :class:`~homogen.engines.transformers.TransformersEngine` fits its batches into what is left.
"""

from __future__ import annotations

import functools
import json
import os
import struct
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from homogen.models.catalogue import (
    BITS,
    BITSANDBYTES_LEVELS,
    CARDS,
    GGUF_LEVELS,
    Unavailable,
    hub_models,
    size_of,
    split_quantization,
)
from homogen.records import BadInput

BYTES = {"float32": 4, "bfloat16": 2}
"""Bytes a weight at each precision."""
TABLES = 0.13
"""Share of a model's weights in its tables of tokens, about: models of 3 to 14 billion have 11 to 13 per cent."""
MARGIN = 1.1
"""What is held beside the weights, as a factor."""


LARGE = 300
"""Millions of weights above which bfloat16 is faster than float32 on a processor that multiplies it; ``make bench`` has
both speeds. Of smaller models float32 is the faster."""
_UNITS = {"amx_bf16", "avx512_bf16"}


@functools.cache
def multiplies_bfloat16(about: str = "/proc/cpuinfo") -> bool:
    """Whether this processor has instructions that multiply bfloat16 (Intel's AMX; Intel's or AMD's AVX-512).

    ``about`` is where the system describes it; elsewhere than on Linux nothing does, and the answer is no.
    """
    try:
        return not _UNITS.isdisjoint(Path(about).read_text().split())
    except OSError:
        return False


def default_dtype(device: str, size: int | None = None) -> str:
    """Precision that a generator is loaded in where none is asked for.

    Parameters
    ----------
    device
        ``"cpu"`` or ``"cuda"``.
    size
        Millions of weights, None if not known.
    """
    fast = device == "cuda" or ((size or 0) > LARGE and multiplies_bfloat16())
    return "bfloat16" if fast else "float32"


def count_parameters(folder: Path) -> int | None:
    """Number of weights in a folder's safetensors, read off their headers; None if it has none."""
    total, found = 0, False
    # Some repositories keep the same weights once more, in one file of another form.
    paths = sorted(folder.glob("model*.safetensors")) or sorted(folder.glob("*.safetensors"))
    for path in paths:
        try:
            with open(path, "rb") as file:
                header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
            shapes = [entry["shape"] for name, entry in header.items() if name != "__metadata__"]
        except (OSError, ValueError, struct.error, KeyError, MemoryError, OverflowError) as error:
            raise BadInput(f"{path} is damaged: its header cannot be read") from error
        found = True
        for shape in shapes:
            size = 1
            for side in shape:
                size *= side
            total += size
    return total if found else None


def needed(parameters: int, dtype: str, level: str = "") -> int:
    """Bytes that so many weights want, at a precision or a level of bitsandbytes.

    GGUF levels are rounded to and then computed with at full precision, so that they want as much as that.

    Examples
    --------
    >>> needed(1_000_000, "bfloat16"), needed(1_000_000, "bfloat16", "nf4")
    (2200000, 824313)
    """
    whole = BYTES[dtype]
    if level in BITSANDBYTES_LEVELS:
        # The tables of tokens, at both ends, stay as they are.
        return round(parameters * (TABLES * whole + (1 - TABLES) * BITS[level] / 8) * MARGIN)
    return round(parameters * whole * MARGIN)


def size_at(name: str) -> int | None:
    """Millions of weights of a model that is known, or lies in a folder or a GGUF file here; None if it is neither."""
    path = Path(name)
    if path.is_dir():
        count = count_parameters(path)
    elif path.is_file() and name.endswith(".gguf"):
        count = gguf_parameters(path)
    else:
        return size_of(name)
    return None if count is None else count // 10**6


def gguf_parameters(path: Path) -> int:
    """Number of weights in a GGUF file; :class:`BadInput` if it cannot be read."""
    import gguf

    try:
        return sum(int(tensor.n_elements) for tensor in gguf.GGUFReader(path).tensors)
    except Exception as error:  # of a reader that trusts what it reads
        raise BadInput(f"{path} is damaged or no GGUF file ({type(error).__name__}: {error})") from error


def free_memory(device: str) -> list[int]:
    """Bytes free on each card; on the CPU one number, what the system calls available."""
    if device == "cuda":
        import torch

        return [torch.cuda.mem_get_info(i)[0] for i in range(torch.cuda.device_count())]
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable")]
    except OSError:
        pages = os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2**40
        return [pages * (os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 1)]


def place(name: str, want: int, free: Sequence[int], dtype: str) -> str:
    """Say whether a model goes on one device (``"one"``) or is shared out over all (``"several"``).

    Parameters
    ----------
    name
        The model's, for the message and to find what would fit.
    want
        Bytes, from :func:`needed`.
    free
        Bytes free on each device.
    dtype
        The precision that it would be loaded in.

    Raises
    ------
    Unavailable
        If it does not fit; the message has the estimate, the room there is, and the nearest that fits.

    Examples
    --------
    >>> place("mine/model", 10, [8, 8], "bfloat16")
    'several'
    """
    if free and want <= free[0]:
        return "one"
    if len(free) > 1 and want <= sum(free):
        return "several"
    room = sum(free)
    fits = nearest(name, room, dtype)
    raise Unavailable(
        f"model {name!r} wants about {_gigabytes(want)} of memory, and there is room for {_gigabytes(room)}; "
        + (f"the nearest that fits: {fits}" if fits else "no model that is known here fits")
    )


def check_room(name: str, device: str, dtype: str = "auto") -> None:
    """Refuse a model that this machine cannot take, as far as is known before gigabytes of weights are fetched.

    Parameters
    ----------
    name
        A model's, with its level of quantization. The size of a folder's model, or of one of the hub that no profile
        names, is not known yet: it passes.
    device
        ``"cpu"`` or ``"cuda"``. What other programs hold of a card's memory now may be free when the model is loaded:
        it is measured against the whole.
    dtype
        As in :func:`homogen.models.load_model`.

    Raises
    ------
    Unavailable
        If its level wants a GPU or a package and there is none, or it does not fit (:func:`place`).

    Examples
    --------
    >>> check_room("mine/own", "cpu")
    """
    plain, level = split_quantization(name)
    if level in BITSANDBYTES_LEVELS and device != "cuda":
        raise Unavailable(
            f"model {name!r}: {level} is computed by bitsandbytes, which wants a GPU; "
            f"on a CPU take one of {', '.join(GGUF_LEVELS)}"
        )
    if level in BITSANDBYTES_LEVELS and find_spec("bitsandbytes") is None:
        raise Unavailable(
            f"model {name!r}: {level} wants the package bitsandbytes, which is not installed; "
            "run: pip install -e '.[gpu]' in the project's folder"
        )
    size = size_of(name)
    if size is None or Path(plain).exists():
        return
    if dtype == "auto":
        dtype = default_dtype(device, size)
    place(name, needed(size * 10**6, dtype, level), _whole_memory(device), dtype)


def check_conversion(name: str, parameters: int) -> None:
    """Refuse to dequantize a GGUF file for which there is too little memory: half as much again as float32 takes.

    Raises
    ------
    Unavailable
        With what it wants, what there is, and the largest generator that would fit.
    """
    place(name, round(1.5 * parameters * BYTES["float32"]), free_memory("cpu"), "float32")


def _whole_memory(device: str) -> list[int]:
    if device != "cuda":
        return free_memory(device)
    import torch

    return [torch.cuda.get_device_properties(i).total_memory for i in range(torch.cuda.device_count())]


def nearest(name: str, room: int, dtype: str) -> str | None:
    """The same model at a level of bitsandbytes if that fits, else the largest known generator that does.

    One of the same family and stage comes before a larger one of another.

    Examples
    --------
    >>> nearest("Qwen/Qwen3-14B", 10 * 10**9, "bfloat16")
    'Qwen/Qwen3-4B'
    >>> nearest("Qwen/Qwen3-14B", 13 * 10**9, "bfloat16")
    'Qwen/Qwen3-14B:nf4'
    """
    plain, level = split_quantization(name)
    every = {**CARDS, **hub_models()}
    own = every.get(plain)
    if own and not level and dtype == "bfloat16" and needed(own.size * 10**6, dtype, "nf4") <= room:
        return f"{plain}:nf4"
    fit = [m for m in every.values() if m.stage not in ("embedder", "nli") and needed(m.size * 10**6, dtype) <= room]
    fit = [m for m in fit if m.name != plain]

    def likeness(m) -> tuple:
        return (own is not None and m.family == own.family, own is not None and m.stage == own.stage, m.size)

    return max(fit, key=likeness).name if fit else None


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
