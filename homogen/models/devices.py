"""Devices and precisions: what there is, what is picked, and how a run's provenance names it."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from homogen.records import BadInput, unknown

DEVICES = ("auto", "cpu", "cuda")
"""Where a model can run."""
DTYPES = ("auto", "float32", "bfloat16")
"""Precisions that weights can be loaded in."""


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


def tune(about: str = "/proc/cpuinfo") -> None:
    """Let Intel's MKL, with which torch multiplies in float32, take its AVX2 code on AMD's processors.

    Left alone, it takes code for processors without AVX2 there: products of 16 rows take twice as long. What the user
    has set stays. ``about`` is where the system describes the processor.
    """
    try:
        amd = "AuthenticAMD" in Path(about).read_text().split()
    except OSError:
        return
    if amd:
        os.environ.setdefault("MKL_CBWR", "AVX2")
