"""What is gained by answering only where a score is low: risk and coverage, and abstention with a guarantee.

All quantities are expectations over the orders of tied rows, in closed form.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd

from homogen.evaluation._base import Row, complete_rows, estimate_from_counts, is_number, ratio, row
from homogen.records import BadInput, Estimate, unknown


def risk_coverage(score: Row, wrong: Row) -> pd.DataFrame:
    """Error rate among the k answers of lowest score, for every k (El-Yaniv and Wiener 2010, *JMLR* 11).

    Returns columns ``coverage`` (k/n) and ``risk``, k = 1…n. Inside a block of ties errors are spread evenly.

    Examples
    --------
    >>> risk_coverage([0.1, 0.5, 0.5, 0.9], [0, 1, 0, 1]).risk.round(3).tolist()
    [0.0, 0.25, 0.333, 0.5]
    """
    (s, w), _ = complete_rows(("wrong",), score=score, wrong=wrong)
    _, block, size = np.unique(s, return_inverse=True, return_counts=True)
    share = np.repeat(np.bincount(block, w, len(size)) / size, size)
    k = np.arange(1, len(w) + 1)
    return pd.DataFrame({"coverage": k / max(len(w), 1), "risk": np.cumsum(share) / k})


def aurc(
    score: Row,
    wrong: Row,
    interval: str | None = "bootstrap",
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    r"""Area under the risk-coverage curve, lower is better (Geifman, Uziel and El-Yaniv 2019, ICLR).

    .. math:: \mathrm{AURC} = \frac{1}{n} \sum_{k=1}^{n} \frac{\text{errors among the } k \text{ lowest scores}}{k}

    Parameters are those of :func:`auroc` without DeLong. A constant score has the error rate.

    Examples
    --------
    >>> round(aurc([0.1, 0.5, 0.5, 0.9], [0, 1, 0, 1], interval=None).value, 4)
    0.2708
    """
    return estimate_from_counts(aurc_of, "AURC", score, wrong, interval, resamples, seed, level)


def excess_aurc(
    score: Row,
    wrong: Row,
    interval: str | None = "bootstrap",
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    r"""AURC beyond that of an oracle which gives all right answers first (Geifman, Uziel and El-Yaniv 2019, ICLR).

    .. math:: \mathrm{AURC} - \frac{1}{n}\Bigl(n_1 - n_0 \sum_{k=n_0+1}^{n} \frac{1}{k}\Bigr)

    Here :math:`n_0` answers are right and :math:`n_1` wrong. 0 is the oracle's order, and with one class every order is
    that. Unlike AURC it does not charge a score for the error rate as such. Parameters are those of :func:`auroc`
    without DeLong.

    Examples
    --------
    AURC is 0.2708; the oracle's risks are 0, 0, 1/3 and 1/2, on average 0.2083:

    >>> round(excess_aurc([0.1, 0.5, 0.5, 0.9], [0, 1, 0, 1], interval=None).value, 4)
    0.0625
    """
    return estimate_from_counts(_excess, "excess AURC", score, wrong, interval, resamples, seed, level)


def prr(
    score: Row,
    wrong: Row,
    interval: str | None = "bootstrap",
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    r"""Prediction rejection ratio: how much of an oracle's gain a score has (Malinin and Gales 2021, ICLR).

    .. math:: \mathrm{PRR} = \frac{\mathrm{AURC}_\text{random} - \mathrm{AURC}}
              {\mathrm{AURC}_\text{random} - \mathrm{AURC}_\text{oracle}}

    1 is the oracle's order, right answers first; 0 is chance. The random baseline is the error rate, not a shuffle, and
    a constant score has exactly 0. Parameters are those of :func:`auroc` without DeLong.

    Examples
    --------
    >>> round(prr([0.1, 0.5, 0.5, 0.9], [0, 1, 0, 1], interval=None).value, 4)
    0.7857
    """
    return estimate_from_counts(prr_of, "PRR", score, wrong, interval, resamples, seed, level)


def accuracy_at_coverage(
    score: Row,
    wrong: Row,
    coverage: float = 0.5,
    interval: str | None = "bootstrap",
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """Accuracy if only the share ``coverage`` of the answers with the lowest scores is given (in (0, 1]).

    A boundary inside a block of ties, or inside one question, takes that share of it. The other parameters are
    those of :func:`auroc` without DeLong.

    Examples
    --------
    >>> accuracy_at_coverage([0.1, 0.5, 0.5, 0.9], [0, 1, 0, 1], coverage=0.5, interval=None).value
    0.75
    """
    if not is_number(coverage) or not 0 < coverage <= 1:
        raise BadInput(f"coverage must lie in (0, 1], got {coverage!r}")

    def accuracy(right: np.ndarray, bad: np.ndarray) -> np.ndarray:
        size = right + bad
        kept = coverage * size.sum(axis=1)
        share = np.clip(kept[:, None] - (size.cumsum(axis=1) - size), 0, size) / np.maximum(size, 1)
        return 1 - (bad * share).sum(axis=1) / kept

    return estimate_from_counts(
        accuracy, f"accuracy at {coverage:.0%} coverage", score, wrong, interval, resamples, seed, level
    )


@dataclasses.dataclass(frozen=True)
class AbstentionRule:
    """Answer exactly where ``score < threshold``; what that guarantees, and on how many calibration rows it rests.

    ``bound`` is the guaranteed bound, at most the alpha asked for; ``coverage`` the share of the calibration rows that
    would be answered; ``n`` the rows that the guarantee counts. ``-inf`` answers nothing, ``inf`` everything.
    """

    threshold: float
    bound: float
    coverage: float
    n: int
    method: str

    def answers(self, score: Row) -> np.ndarray:
        """Which of new questions to answer, ``(n,)`` bool; a question without a score (NaN) is not answered."""
        return row("score", score) < self.threshold


def conformal_abstention(score: Row, wrong: Row, alpha: float, guarantee: str = "wrong") -> AbstentionRule:
    r"""Threshold below which answers are given, with a finite-sample bound on the wrong ones that get through.

    .. math:: t = s^{\text{wrong}}_{(K)}, \qquad K = \lfloor \alpha (N + 1) \rfloor, \qquad
              P(S_{\text{new}} < t,\, \dots) \le \frac{K}{N + 1} \le \alpha

    t is the K-th smallest score of a wrong calibration answer: -inf (abstain always) if K = 0, inf if there are fewer.
    With ``guarantee="wrong"`` N counts the wrong calibration answers, and P(answered | wrong) is bounded:
    class-conditional split conformal prediction (Vovk, Gammerman and Shafer 2005, chapter 4). With ``"joint"`` N counts
    all calibration answers, and P(answered and wrong) is bounded: conformal risk control with the loss
    :math:`\mathbf{1}\{\text{answered and wrong}\}` (Angelopoulos et al. 2024, ICLR).

    The bound holds for a new question that is exchangeable with the calibration rows, on average over both; it is a
    statement about neither one calibration set, nor a category, nor another benchmark. Ties are conservative, because
    scores equal to t are not answered. The bound does not say that answers are worth having: look at ``coverage``.

    Parameters
    ----------
    score, wrong
        ``(n,)`` each, of calibration questions that were used for nothing else. NaN rows are left out.
    alpha
        The bound asked for, in (0, 1).
    guarantee
        ``"wrong"`` or ``"joint"``.

    Examples
    --------
    Four wrong answers; K = floor(0.4 · 5) = 2, so what lies below the second smallest of 2, 5, 6, 9 is answered:

    >>> rule = conformal_abstention([1, 2, 3, 4, 5, 6, 9], [0, 1, 0, 0, 1, 1, 1], alpha=0.4)
    >>> rule.threshold, rule.bound, rule.answers([4.9, 5.0]).tolist()
    (5.0, 0.4, [True, False])
    """
    if guarantee not in ("wrong", "joint"):
        raise unknown("guarantee", guarantee, ["wrong", "joint"])
    if not is_number(alpha) or not 0 < alpha < 1:
        raise BadInput(f"alpha must lie between 0 and 1, got {alpha!r}")
    (s, w), _ = complete_rows(("wrong",), score=score, wrong=wrong)
    of_wrong = np.sort(s[w])
    n = len(of_wrong) if guarantee == "wrong" else len(s)
    K = math.floor(alpha * (n + 1)) + 1
    while K / (n + 1) > alpha:  # not by the product, for 0.29 · 100 is 28.999…96
        K -= 1
    method = {
        "wrong": f"split conformal given wrong, P(answered | wrong) <= {alpha:g}",
        "joint": f"conformal risk control, P(answered and wrong) <= {alpha:g}",
    }[guarantee]
    if not K:
        what = "wrong answers" if guarantee == "wrong" else "answers"
        least = math.ceil(1 / alpha - 1e-9) - 1
        return AbstentionRule(
            -math.inf, 0.0, 0.0 if len(s) else math.nan, n, f"{method}; abstains always: needs {least} {what}, has {n}"
        )
    threshold = float(of_wrong[K - 1]) if len(of_wrong) >= K else math.inf
    coverage = float((s < threshold).mean())
    return AbstentionRule(threshold, K / (n + 1), coverage, n, method)


def _gain(right: np.ndarray, bad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Count times (error rate - AURC), and the harmonic numbers :math:`H_0 \ldots H_n`.

    Place j of a block of m ties with e errors, behind M places with E errors, has the expected risk
    (E + j e/m) / (M + j). Summed over j = 1…m that is e + (E - M e/m) (H_{M+m} - H_M): no gain where the block's error
    rate is that of the places before it, and none at all, exactly, if there is only one block.
    """
    size = right + bad
    H = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, size[0].sum() + 1))])
    end = size.cumsum(axis=1)
    before, errors = end - size, bad.cumsum(axis=1) - bad
    return ((H[end] - H[before]) * (bad * before / np.maximum(size, 1) - errors)).sum(axis=1), H


def aurc_of(right: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """AURC of ``(B, G)`` counts."""
    return (bad.sum(axis=1) - _gain(right, bad)[0]) / (right + bad).sum(axis=1)


def prr_of(right: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """PRR of ``(B, G)`` counts."""
    gain, H = _gain(right, bad)
    n_right = right.sum(axis=1)
    return ratio(gain, n_right * (H[-1] - H[n_right]))  # the oracle's gain, by the same formula


def _excess(right: np.ndarray, bad: np.ndarray) -> np.ndarray:
    gain, H = _gain(right, bad)
    n_right = right.sum(axis=1)
    return np.maximum(n_right * (H[-1] - H[n_right]) - gain, 0) / (right + bad).sum(
        axis=1
    )  # never below, but for rounding
