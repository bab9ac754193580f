"""Which of two scores of the same questions ranks wrong answers better: DeLong's test, and one by resampling."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from homogen.evaluation._base import (
    Row,
    TestResult,
    auroc_of,
    check_interval,
    class_counts,
    complete_rows,
    percent,
    percentiles,
    resampled,
    untested,
    z_of,
)
from homogen.evaluation.ranking import _average_precision, _delong_covariance, auroc
from homogen.evaluation.rejection import aurc_of, prr_of
from homogen.records import Draws, Estimate
from homogen.records.checks import one_of


def delong_test(score_a: Row, score_b: Row, wrong: Row, level: float = 0.95) -> TestResult:
    r"""Test whether two scores of the same questions have the same AUROC.

    .. math:: z = \frac{A_a - A_b}{\sqrt{\mathrm{Var}(A_a) + \mathrm{Var}(A_b) - 2\,\mathrm{Cov}(A_a, A_b)}}

    The (co)variances are those of the shares of pairs in order, one share for each wrong answer (:math:`V`) and one for
    each right one (:math:`U`), by mid-ranks in :math:`O(n \log n)`:

    .. math:: \mathrm{Cov}(A_a, A_b) = \frac{\operatorname{cov}(V_a, V_b)}{n_1}
              + \frac{\operatorname{cov}(U_a, U_b)}{n_0}

    Parameters
    ----------
    score_a, score_b
        ``(n,)`` each, in units of their own; higher = less certain.
    wrong
        ``(n,)`` of 0 and 1. A question with a NaN in any of the three is left out.
    level
        Of the interval, between 0 and 1.

    Returns
    -------
    TestResult
        ``statistic`` is z, ``effect`` :math:`A_a - A_b` with a normal interval. Scores that rank alike have
        difference 0 and p = 1. Undefined with fewer than two of a class, and where the difference cannot vary (one
        score separates the classes, and the other does so in another ranking, or reverses them).

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), *Biometrics* 44. Sun and Xu (2014), *IEEE Signal Process. Lett.* 21.

    Examples
    --------
    >>> r = delong_test([4, 3, 2, 1, 0], [0, 4, 1, 3, 2], [1, 1, 0, 1, 0])
    >>> print(f"{r.effect.value:.3f}, z = {r.statistic:.3f}, p = {r.pvalue:.3f}")
    0.167, z = 0.354, p = 0.724
    """
    z = z_of(level)
    (a, b, w), given = complete_rows(("wrong",), score_a=score_a, score_b=score_b, wrong=wrong)
    if min(w.sum(), (~w).sum()) < 2:
        return untested("needs two wrong and two right answers", len(w), given)
    difference = auroc(a, w, None).value - auroc(b, w, None).value
    covariance = _delong_covariance([a, b], w)
    se = math.sqrt(max(0.0, covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))
    method = f"difference of AUROC, DeLong {percent(level)}"
    if se < 1e-12:  # rounding alone: the scores order every wrong answer against the right ones alike
        if difference or _both_separate(a, b, w):
            return untested("the difference does not vary", len(w), given, difference)
        return TestResult(0.0, 1.0, _difference(0.0, 0.0, 0.0, w, given, method))
    pvalue = 2 * float(stats.norm.sf(abs(difference) / se))
    effect = _difference(difference, difference - z * se, difference + z * se, w, given, method)
    return TestResult(difference / se, pvalue, effect)


def _difference(value: float, low: float, high: float, wrong: np.ndarray, given: int, method: str) -> Estimate:
    kinds = int(wrong.sum()), int((~wrong).sum())
    return Estimate(value, low, high, len(wrong), len(wrong) / given, method, kinds)


def bootstrap_test(score_a: Row, score_b: Row, wrong: Row, metric: str = "auroc", draws: Draws = Draws()) -> TestResult:
    r"""Test whether two scores of the same questions have the same AUROC, AURC, PRR or PR-AUC, by resampling questions.

    .. math:: p = \min\Bigl\{1,\; 2\,\frac{1 + \min(\#\{d^* \le 0\}, \#\{d^* \ge 0\})}{1 + B}\Bigr\}

    Both scores are taken from the same resampled questions, which keeps the pairs together; d* is the resampled
    difference a - b, [low, high] its percentiles, and p the level at which that interval would just reach 0 (Efron and
    Tibshirani 1993, chapter 15), with 1 added because B resamples cannot show a p-value of 0. ``statistic`` is the
    difference over the standard deviation of the d*. Scores that rank alike have difference 0 and p = 1.

    Parameters
    ----------
    score_a, score_b, wrong
        As in :func:`delong_test`.
    metric
        ``"auroc"``, ``"aurc"`` (there a negative difference favours a), ``"prr"`` or ``"pr_auc"``. Resamples in which
        it is undefined are dropped and counted in ``method``. The difference of :func:`excess_aurc` is that of AURC.
    draws
        As in :func:`auroc`.

    Returns
    -------
    TestResult
        In the unit of the metric. Undefined with fewer than two questions, where the metric is (one class), and where
        the difference cannot vary, as in :func:`delong_test`.

    References
    ----------
    Efron and Tibshirani (1993), *An Introduction to the Bootstrap*, chapter 15.

    Examples
    --------
    >>> r = bootstrap_test([4, 3, 2, 1, 0], [0, 4, 1, 3, 2], [1, 1, 0, 1, 0], draws=Draws(1000))
    >>> print(f"{r.effect.value:.3f}, p = {r.pvalue:.2f}")
    0.167, p = 0.87
    """
    one_of("metric", metric, list(_METRICS))
    check_interval("bootstrap", draws, ("bootstrap",))
    statistic, name = _METRICS[metric]
    (a, b, w), given = complete_rows(("wrong",), score_a=score_a, score_b=score_b, wrong=wrong)
    n = len(w)
    if n < 2:
        return untested("needs two questions", n, given)
    sides = []
    for s in (a, b):
        _, cells, count = class_counts(s, w)
        sides.append((cells, count))
    order = np.lexsort([cells for cells, _ in sides])  # so the order of rows plays no part
    sides = [(cells[order], count) for cells, count in sides]

    def differences(rows: np.ndarray) -> np.ndarray:
        of_a, of_b = (statistic(*count(cells[rows])) for cells, count in sides)
        d = of_a - of_b
        return np.where(np.abs(d) < 1e-12, 0.0, d)  # equal up to rounding is equal

    difference = float(differences(np.arange(n)[None])[0])
    if math.isnan(difference):
        return untested(f"{'every' if w[0] else 'no'} answer is wrong", n, given)
    drawn = np.concatenate([differences(rows) for rows in resampled(n, draws)])
    low, high, dropped = percentiles(drawn, draws.level)
    drawn = drawn[~np.isnan(drawn)]
    spread = float(drawn.std()) if len(drawn) else 0.0
    if spread < 1e-12 and (difference or _both_separate(a, b, w)):
        return untested("the difference does not vary", n, given, difference)
    tail = min((drawn <= 0).sum(), (drawn >= 0).sum())
    pvalue = min(1.0, 2 * (1 + float(tail)) / (1 + len(drawn)))
    note = f", {dropped:,} with one class dropped" if dropped else ""
    drew = f"bootstrap {percent(draws.level)} over questions, {draws.resamples:,} resamples{note}"
    effect = _difference(difference, low, high, w, given, f"difference of {name}, {drew}")
    return TestResult(difference / spread if spread else 0.0, pvalue, effect)


def _both_separate(a: np.ndarray, b: np.ndarray, w: np.ndarray) -> bool:
    """Whether two rankings both put every wrong answer above, or every right one: then no resample tells them apart."""
    perfect = all(auroc(s, w, None).value in (0, 1) for s in (a, b))
    return perfect and not np.array_equal(stats.rankdata(a), stats.rankdata(b))


_METRICS = {
    "auroc": (auroc_of, "AUROC"),
    "aurc": (aurc_of, "AURC"),
    "prr": (prr_of, "PRR"),
    "pr_auc": (_average_precision, "average precision"),
}
