"""homogen: the executable companion to *The Alignment Tax* (Liu, arXiv 2603.24124).

``import homogen as hg`` is cheap: modules and names load when they are first touched.
"""

import importlib
import pkgutil
from typing import Any

__version__ = "0.1.0"

_MODULES = tuple(sorted(found.name for found in pkgutil.iter_modules(__path__) if found.ispkg))
_NAMES = {
    "BadInput": "records",
    "Draws": "records",
    "Estimate": "records",
    "Question": "records",
    "Response": "records",
    "SamplingSpec": "records",
    "benchmarks": "questions",
    "claims": "book.overview",
    "load_questions": "questions",
    "sample": "sampling",
}

__all__ = [*_MODULES, *_NAMES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"homogen.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"homogen.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'homogen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
