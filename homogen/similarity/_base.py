"""What every similarity needs: all texts of a benchmark in one row, and the distinct ones among them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from homogen.nli.texts import by_question


def flatten(answers: Iterable[Sequence[str]]) -> tuple[list[str], np.ndarray]:
    """All texts in one list, and how many belong to each question."""
    rows = by_question(answers)
    return list(chain.from_iterable(rows)), np.array([len(row) for row in rows], dtype=int)


def distinct_texts(texts: list[str]) -> tuple[np.ndarray, list[str]]:
    """The number of each text among the distinct ones, and those in order of first appearance."""
    number = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    return np.fromiter(map(number.__getitem__, texts), dtype=int, count=len(texts)), list(number)
