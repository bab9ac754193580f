"""What every rule of grading checks of its arguments."""

from __future__ import annotations

from collections.abc import Sequence


def _missing(answer: str | None) -> bool:
    return answer is None or not answer.strip()


def _listed(texts: Sequence[str], least: int = 1) -> Sequence[str]:
    """Guard against a bare string, whose letters would pass for a list of texts, and against too few."""
    if isinstance(texts, str):
        raise ValueError(f"expected a list of texts, got the single string {texts!r}")
    if len(texts) < least:
        raise ValueError("needs at least one reference")
    return texts
