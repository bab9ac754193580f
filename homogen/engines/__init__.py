"""Engines draw answers. An engine is anything with ``identity`` and ``generate(prompts, spec)``; one file each.

What it is asked (:class:`Prompt`), what greedy means and how an answer ends is the same for all: ``endings``.
:func:`homogen.sampling.sample` makes one itself for a model of this process. Hand it one for a model behind a server,
or for vLLM with options of its own.

An option of the wrong kind or out of range, and numbers that can be no log-probabilities, are a
:class:`~homogen.records.BadInput`: one line that names the thing and the mend.
"""

import importlib

_NAMES = {
    "OpenAIEngine": "openai",
    "Prompt": "endings",
    "Standby": "serving",
    "TransformersEngine": "transformers",
    "VLLMEngine": "vllm",
    "entropy_bounds": "bounds",
    "serve": "serving",
}

__all__ = ["OpenAIEngine", "Prompt", "Standby", "TransformersEngine", "VLLMEngine"]
__all__ += ["entropy_bounds", "serve"]


def __getattr__(name: str):
    """Load an engine when it is first touched: each brings a heavy library."""
    if name in _NAMES:
        return getattr(importlib.import_module(f"homogen.engines.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'homogen.engines' has no attribute {name!r}")
