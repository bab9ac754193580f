"""The paper's own cascade: a mixture of two scores where the first is undecided, the first alone elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from homogen.cascade._base import labels, numbers
from homogen.evaluation import auroc
from homogen.records import BadInput
from homogen.records.checks import ranged

WEIGHTS = tuple(k / 20 for k in range(21))
"""Weights of the first score that the paper tries: 0 to 1 by 0.05."""

DELTAS = tuple(k / 50 for k in range(1, 26))
"""Half-widths of the undecided band that the paper tries: 0.02 to 0.50 by 0.02."""


@dataclasses.dataclass(frozen=True)
class MixtureCascade:
    """One operating point of the mixture cascade.

    Attributes
    ----------
    score
        ``(n,)`` the score given to each question, higher = less certain.
    escalated
        ``(n,)`` bool, whether the second score was asked for.
    """

    score: np.ndarray
    escalated: np.ndarray

    @property
    def calls_saved(self) -> float:
        """Share of questions for which the second score was not needed."""
        return float(1 - self.escalated.mean())


def scaled(values: Sequence[float]) -> np.ndarray:
    r"""Scores moved to [0, 1] by their own least and greatest.

    .. math:: \frac{x_i - \min x}{\max x - \min x}

    Raises
    ------
    BadInput
        If scores do not vary.

    Examples
    --------
    >>> scaled([2, 4, 3])
    array([0. , 1. , 0.5])
    """
    x = numbers(values, "scores")
    if not len(x) or not np.isfinite(x).all() or x.min() == x.max():
        raise BadInput("min-max scaling needs finite scores of at least two values")
    x = x / 2  # exactly, so that the range of even the largest numbers is finite
    return (x - x.min()) / (x.max() - x.min())


def mixture(first: Sequence[float], second: Sequence[float], weight: float) -> np.ndarray:
    r"""Both scores in parallel.

    .. math:: w\, a_i + (1 - w)\, b_i

    Parameters
    ----------
    first, second
        ``(n,)`` scores; :math:`a` and :math:`b` are these moved to [0, 1] by their own least and greatest.
    weight
        :math:`w`, of the first, in [0, 1].

    Raises
    ------
    BadInput
        If scores do not vary.

    Examples
    --------
    >>> mixture([0, 1, 2], [5, 3, 1], 0.75)
    array([0.25, 0.5 , 0.75])
    """
    a, b = scaled(first), scaled(second)
    if len(a) != len(b):
        raise BadInput(f"{len(a)} first scores but {len(b)} second ones")
    weight = ranged("weight", weight, 0, 1)
    return weight * a + (1 - weight) * b


def mixture_cascade(
    first: Sequence[float], second: Sequence[float], weight: float = 0.65, delta: float = 0.2
) -> MixtureCascade:
    r"""The mixture where the first score is near its median, the first score alone elsewhere.

    .. math:: s_i = \begin{cases} w a_i + (1-w) b_i & |a_i - \operatorname{median}(a)| \le \delta \\
              a_i & \text{otherwise} \end{cases}

    with :math:`a` and :math:`b` the two scores scaled to [0, 1] over the questions at hand. It needs all questions to
    decide on one, so it describes an experiment rather than a system; :func:`homogen.cascade.fit_cascade` makes
    thresholds that run on new questions.

    Parameters
    ----------
    first, second
        ``(n,)`` scores, higher = less certain; the first is the cheaper one.
    weight
        Of the first score in the mixture, in [0, 1].
    delta
        Half-width of the undecided band on the scaled first score, at least 0.

    Returns
    -------
    MixtureCascade
        Scores, and which questions asked for the second one.

    References
    ----------
    Liu (2026), arXiv 2603.24124, experiment 3.

    Examples
    --------
    >>> result = mixture_cascade([0.0, 0.4, 0.5, 1.0], [0.0, 1.0, 0.0, 1.0], weight=0.5, delta=0.1)
    >>> result.score, result.escalated.tolist(), result.calls_saved
    (array([0.  , 0.7 , 0.25, 1.  ]), [False, True, True, False], 0.5)
    """
    delta = ranged("delta", delta, 0, np.inf)
    both, a = mixture(first, second, weight), scaled(first)
    # A score exactly delta from the median belongs to the band, whatever the last bit of the difference.
    band = np.abs(a - np.median(a)) <= delta + 1e-12
    return MixtureCascade(np.where(band, both, a), band)


def mixture_curve(
    first: Sequence[float],
    second: Sequence[float],
    wrong: Sequence[float],
    weight: float = 0.65,
    deltas: Sequence[float] = DELTAS,
) -> pd.DataFrame:
    r"""AUROC and cost of the mixture cascade for each half-width, as a DataFrame.

    .. math:: \text{escalated}(\delta) = \#\{i : |a_i - \operatorname{median}(a)| \le \delta\}

    Parameters
    ----------
    first, second, weight
        As in :func:`mixture_cascade`.
    wrong
        ``(n,)`` of 0 and 1.
    deltas
        Half-widths to try.

    Returns
    -------
    pandas.DataFrame
        A row a half-width: ``delta``, ``auroc`` (NaN where one class is missing), ``escalated`` (how many questions),
        ``share_escalated``.

    Examples
    --------
    >>> mixture_curve([0.0, 0.4, 0.5, 1.0], [0, 1, 0, 1], [0, 1, 0, 1], weight=0.5, deltas=[0.0, 0.1]).round(2)
       delta  auroc  escalated  share_escalated
    0    0.0   0.75          0              0.0
    1    0.1   1.00          2              0.5
    """
    labels(wrong, len(numbers(first, "scores")))
    rows = []
    for delta in numbers(deltas, "deltas").tolist():
        made = mixture_cascade(first, second, weight, delta)
        value = auroc(made.score, wrong, interval=None).value
        rows.append((delta, value, int(made.escalated.sum()), float(made.escalated.mean())))
    return pd.DataFrame(rows, columns=["delta", "auroc", "escalated", "share_escalated"])
