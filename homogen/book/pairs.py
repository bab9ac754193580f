"""Which two questions of a set are shown side by side: one answered right, one wrong, drawn answers that spread alike.

The two are chosen by a rule (:func:`pick`), never by hand.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from homogen.records import BadInput

RULE = (
    "One question with a right greedy answer and one with a wrong one whose drawn answers fall into clusters of the "
    "same sizes: into as few clusters as occur on both sides, the largest as large as possible, and of several such "
    "questions the first in the benchmark's order."
)
"""How the two questions are chosen, as the page says it."""


@dataclasses.dataclass(frozen=True)
class Drawn:
    """Answers drawn to each question of a set at one temperature, and how they spread.

    Parameters
    ----------
    answers
        A list of texts a question.
    labels
        The cluster of each answer, -1 for a missing one.
    semantic_entropy
        A number a question, in nats; NaN where it is undefined.
    """

    answers: Sequence[Sequence[str]]
    labels: Sequence[Sequence[int]]
    semantic_entropy: Sequence[float]


@dataclasses.dataclass(frozen=True)
class Asked:
    """A set of questions with the greedy answer to each, and what was drawn at each temperature.

    Parameters
    ----------
    questions, references, greedy
        A text a question; of several references one that is shown.
    wrong
        Of the greedy answers: 1 wrong, 0 right, NaN not graded.
    entropy
        Mean token entropy of the greedy answer, in nats.
    drawn
        By temperature.
    """

    questions: Sequence[str]
    references: Sequence[str]
    greedy: Sequence[str]
    wrong: Sequence[float]
    entropy: Sequence[float]
    drawn: Mapping[float, Drawn]


@dataclasses.dataclass(frozen=True)
class Pair:
    """Places of the two questions that are shown, or the reason why there are none."""

    right: int = -1
    wrong: int = -1
    reason: str = ""


def pick(labels: Sequence[Sequence[int]], wrong: Sequence[float]) -> Pair:
    """Choose two questions whose drawn answers spread alike, by :data:`RULE`.

    Clusters of the same sizes have the same number and the same semantic entropy: what a score reads off them is equal
    by construction.

    Parameters
    ----------
    labels
        The cluster of each drawn answer, a row a question; -1 for a missing one. A question with fewer than two
        answers left is passed over.
    wrong
        Of the greedy answers: 1 wrong, 0 right; one that is NaN is passed over.

    Returns
    -------
    Pair
        If there is none, with the reason.

    Examples
    --------
    >>> rows = [[0, 1, 2], [0, 0, 0], [0, 1, 1], [0, 0, 1]]
    >>> pick(rows, [0, 0, 1, 0])
    Pair(right=3, wrong=2, reason='')
    >>> pick(rows, [0, 0, 0, 0]).reason
    'no greedy answer is wrong'
    """
    if len(labels) != len(wrong):
        raise BadInput(f"unequal lengths: {len(labels)} rows of labels, {len(wrong)} greedy answers")
    first: tuple[dict[tuple[int, ...], int], dict[tuple[int, ...], int]] = ({}, {})
    for place, (row, bad) in enumerate(zip(labels, wrong, strict=True)):
        split = sizes(row)
        if sum(split) > 1 and not math.isnan(bad):
            first[bool(bad)].setdefault(split, place)
    for side, word in zip(first, ("right", "wrong"), strict=True):
        if not side:
            return Pair(reason=f"no greedy answer is {word}")
    both = first[0].keys() & first[1].keys()
    if not both:
        return Pair(reason="no right and no wrong greedy answer have drawn answers in clusters of the same sizes")
    split = min(both, key=lambda s: (len(s), [-size for size in s]))
    return Pair(first[0][split], first[1][split])


def sizes(labels: Sequence[int]) -> tuple[int, ...]:
    """Count the answers of each cluster, the largest first; missing ones (-1) are left out.

    Examples
    --------
    >>> sizes([0, 1, 1, -1, 2])
    (2, 1, 1)
    """
    row = np.asarray(labels, dtype=int)
    return tuple(sorted(np.bincount(row[row >= 0]).tolist(), reverse=True)) if (row >= 0).any() else ()
