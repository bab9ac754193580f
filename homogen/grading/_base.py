"""What every rule of grading checks of its arguments, and the comparison with each reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

Read = TypeVar("Read")


def _missing(answer: str | None) -> bool:
    return answer is None or not answer.strip()


def _listed(texts: Sequence[str], least: int = 1) -> Sequence[str]:
    """Guard against a bare string, whose letters would pass for a list of texts, and against too few."""
    if isinstance(texts, str):
        raise ValueError(f"expected a list of texts, got the single string {texts!r}")
    if len(texts) < least:
        raise ValueError("needs at least one reference")
    return texts


def _best(
    answer: str, references: Sequence[str], read: Callable[[str], Read], score: Callable[[Read, Read], float]
) -> float:
    """The best score in [0, 1] of an answer beside a reference, both read in one way; NaN for a missing answer."""
    references = _listed(references)
    if _missing(answer):
        return math.nan
    given, best = read(answer), 0.0
    for reference in references:
        if best < 1:
            best = max(best, float(score(given, read(reference))))
    return best
