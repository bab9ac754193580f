"""Does a score rank wrong answers above right ones: AUROC, PR-AUC, and a test of a fitted score."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy import optimize, stats

from homogen.evaluation._base import (
    NAN,
    PermutationResult,
    Row,
    against_null,
    auroc_of,
    check_binary,
    check_interval,
    complete_rows,
    estimate_from_counts,
    generator,
    percent,
    ratio,
    row,
    z_of,
)
from homogen.records import BadInput, Draws, Estimate, shown
from homogen.records.checks import is_real
from homogen.records.draws import check_draws

AUROC_INTERVALS = ("auto", "bootstrap", "delong", "newcombe")
"""Known intervals of :func:`auroc`."""

LEAST_OF_A_CLASS = 10
"""Answers of the smaller class from which a bootstrap of AUROC covers what it says,"""
LEAST_OUT_OF_ORDER = 5
"""if so many of them, on average, are out of order: beside an AUROC of 0 or 1 its percentiles are too narrow."""


def auroc(score: Row, wrong: Row, interval: str | None = "auto", draws: Draws = Draws()) -> Estimate:
    r"""Probability that a wrong answer scores higher than a right one, a tie counting half (Hanley and McNeil 1982).

    .. math:: \mathrm{AUROC} = \frac{1}{n_1 n_0} \sum_{i\,\text{wrong}} \sum_{j\,\text{right}}
              \bigl(\mathbf{1}\{s_i > s_j\} + \tfrac{1}{2}\mathbf{1}\{s_i = s_j\}\bigr)

    Of :math:`n_1` wrong and :math:`n_0` right answers with scores s. A constant score has exactly 0.5, interval
    [0.5, 0.5], and so has any function of the clusters on questions with one cluster: that holds by construction and is
    no finding.

    Parameters
    ----------
    score
        ``(n,)``; higher = less certain. Only its order matters.
    wrong
        ``(n,)`` of 0 and 1. A question with a NaN in either is left out.
    interval
        ``"auto"``: bootstrap where the smaller class has ten answers and, times the AUROC's distance from 0 or 1, makes
        five at least; Newcombe's elsewhere. ``"bootstrap"``: percentiles
        over resampled questions; those with one class only are dropped and counted in ``method``. With 1, 2, 3 or 5
        wrong answers of 70 it covers .20, .68, .76 and .92 where it says .95. ``"newcombe"``: the score interval of
        Notes. ``"delong"``: normal with DeLong's variance (:func:`delong_test`), cut off at 0 and 1. ``None``: none.
    draws
        Of the bootstrap; the level is that of the other intervals too.

    Returns
    -------
    Estimate
        From 0 to 1; 0.5 is chance. ``classes`` has the numbers of wrong and of right answers. Undefined without both
        classes. With fewer than two of a class no interval is given: the ends are NaN, and ``method`` has the reason.
        At perfect separation (0 or 1) bootstrap and DeLong's interval would have no width, whatever n is, which says
        nothing of what another sample would give: NaN too, and Newcombe's in their place under ``"auto"``.

    Notes
    -----
    Newcombe's interval (his method 5) holds the :math:`\theta` that solve

    .. math:: (\hat\theta - \theta)^2 \le z^2\, \frac{\theta (1 - \theta)}{n_1 n_0}
              \Bigl[1 + \Bigl(\frac{n_1 + n_0}{2} - 1\Bigr)
              \Bigl(\frac{1 - \theta}{2 - \theta} + \frac{\theta}{1 + \theta}\Bigr)\Bigr]

    References
    ----------
    Hanley and McNeil (1982), *Radiology* 143. Newcombe (2006), *Stat. Med.* 25. DeLong, DeLong and
    Clarke-Pearson (1988), *Biometrics* 44. Efron and Tibshirani (1993), *An Introduction to the Bootstrap*, chapter 13.

    Examples
    --------
    Of the four pairs (wrong, right) three are in order and one is tied:

    >>> auroc([0.9, 0.4, 0.4, 0.1], [1, 1, 0, 0], interval=None).value
    0.875
    """
    check_interval(interval, draws, AUROC_INTERVALS)
    point = estimate_from_counts(auroc_of, "AUROC", score, wrong, None, draws)
    (s, w), _ = complete_rows(("wrong",), score=score, wrong=wrong)
    n1, n0 = int(w.sum()), int((~w).sum())
    few = min(n1, n0)
    if not few:
        return point
    point = dataclasses.replace(point, classes=(n1, n0))
    if interval is None:
        return point
    if few < 2:
        return dataclasses.replace(point, method=f"AUROC, no interval: needs two of each class, has {few} of one")
    if interval == "delong":
        return _with_delong(point, s, w, draws.level)
    enough = few >= LEAST_OF_A_CLASS and few * min(point.value, 1 - point.value) >= LEAST_OUT_OF_ORDER
    if interval == "bootstrap" or (interval == "auto" and enough):
        drawn = estimate_from_counts(auroc_of, "AUROC", score, wrong, "bootstrap", draws, AUROC_INTERVALS)
        if interval == "bootstrap" or not math.isnan(drawn.low):
            return dataclasses.replace(drawn, classes=point.classes)
    if s.min() == s.max():
        return dataclasses.replace(point, low=0.5, high=0.5, method="AUROC of a constant score, 0.5 by construction")
    low, high = _newcombe(point.value, n1, n0, z_of(draws.level))
    return dataclasses.replace(point, low=low, high=high, method=f"AUROC, Newcombe {percent(draws.level)}")


def _with_delong(point: Estimate, s: np.ndarray, w: np.ndarray, level: float) -> Estimate:
    method = f"AUROC, DeLong {percent(level)}"
    if point.value in (0.0, 1.0):
        return dataclasses.replace(point, method=f"{method}, no interval: degenerate, perfect separation")
    half = z_of(level) * math.sqrt(_delong_covariance([s], w)[0, 0])
    return dataclasses.replace(
        point, low=max(0.0, point.value - half), high=min(1.0, point.value + half), method=method
    )


def _newcombe(area: float, n1: int, n0: int, z: float) -> tuple[float, float]:
    """The ends of Newcombe's method 5 for an AUROC."""

    def beyond(t: float) -> float:
        variance = t * (1 - t) / (n1 * n0) * (1 + ((n1 + n0) / 2 - 1) * ((1 - t) / (2 - t) + t / (1 + t)))
        return (area - t) ** 2 - z**2 * variance

    # Right beside the ends, for there 0 and 1 solve it as well.
    low = 0.0 if area == 0 else optimize.brentq(beyond, 0.0, min(area, 1 - 1e-12), xtol=1e-14)
    high = 1.0 if area == 1 else optimize.brentq(beyond, max(area, 1e-12), 1.0, xtol=1e-14)
    return float(low), float(high)


def fitted_test(
    fit: Callable[[np.ndarray], Row],
    wrong: Row,
    draws: Draws = Draws(200),
    measure: Callable[[Row, np.ndarray], float] | None = None,
) -> PermutationResult:
    r"""AUROC of a score that was fitted to the labels, beside fits to labels that say nothing (Ojala and Garriga 2010).

    .. math:: p = \frac{1 + \#\{b : A(f(w_b), w_b) \ge A(f(w), w)\}}{1 + B}

    :math:`w_b` are the labels in a random order and :math:`f` fits everything anew (weights, folds, thresholds), out of
    fold or not: what fitting alone gives is in the null, so it need not be 0.5. Intervals over questions with the fit
    held fixed leave out that another sample would have been fitted otherwise, and cover .76 to .87 where they say .95.

    Parameters
    ----------
    fit
        From labels ``(n,)`` to scores ``(n,)``, higher = less certain.
    wrong
        ``(n,)`` of 0 and 1. NaN stays where it is, and its question is left out of the AUROC.
    draws
        Orders of the labels, and the share of the null's range that is shown.
    measure
        From scores and labels to a number, higher = better, in the AUROC's place: A above.

    Returns
    -------
    PermutationResult
        ``observed`` is the AUROC of ``fit(wrong)``, or its measure. Undefined without both classes.

    References
    ----------
    Ojala and Garriga (2010), *J. Mach. Learn. Res.* 11. Phipson and Smyth (2010), *Stat. Appl. Genet. Mol. Biol.* 9.

    Examples
    --------
    A "fit" that hands the labels back is perfect, and on any labels: nothing was learned.

    >>> r = fitted_test(lambda labels: labels, [0, 1, 0, 1, 1], draws=Draws(99))
    >>> r.observed, r.null_mean, r.pvalue
    (1.0, 1.0, 1.0)
    """
    check_draws(draws)
    rng = generator(draws.seed)
    if not callable(fit):
        raise BadInput(f"fit must be a function from labels to scores, got {shown(fit)}")
    if measure is not None and not callable(measure):
        raise BadInput(f"measure must be a function from scores and labels to a number, got {shown(measure)}")
    labels = row("wrong", wrong)
    check_binary("wrong", labels)
    known = np.flatnonzero(~np.isnan(labels))

    def area(w: np.ndarray) -> float:
        if measure is None:
            return auroc(fit(w), w, interval=None).value
        value = measure(fit(w), w)
        if not is_real(value):
            raise BadInput(f"measure must give a number for scores and labels, gave {shown(value)}")
        return float(value)

    observed = area(labels)
    if math.isnan(observed):
        return PermutationResult.undefined("needs wrong and right answers", len(known), len(labels))
    null = np.empty(draws.resamples)
    for b in range(draws.resamples):
        dealt = labels.copy()
        dealt[known] = rng.permutation(labels[known])
        null[b] = area(dealt)
    what = "AUROC" if measure is None else getattr(measure, "__name__", "measure")
    method = f"{what} of a fitted score, {draws.resamples:,} refits to permuted labels"
    kinds = int(np.nansum(labels)), int((labels == 0).sum())
    effect = Estimate(observed, NAN, NAN, len(known), len(known) / len(labels), method, kinds)
    return against_null(effect, null, draws.level)


def pr_auc(score: Row, wrong: Row, interval: str | None = "bootstrap", draws: Draws = Draws()) -> Estimate:
    r"""Area under the precision-recall curve as average precision, wrong answers the positives.

    .. math:: \mathrm{AP} = \sum_t (R_t - R_{t-1})\, P_t

    Thresholds t run down the distinct scores, so ties are one threshold, and nothing is interpolated: the number of
    scikit-learn's ``average_precision_score``. :math:`P_t` is the share of wrong answers among those that score t or
    more, :math:`R_t` the share of the wrong answers that do. Chance is the error rate, not one half: a constant score
    has exactly that, and values from sets with different error rates cannot be compared.

    Parameters
    ----------
    score, wrong
        As in :func:`auroc`.
    interval
        ``"bootstrap"`` over questions, where resamples without a wrong answer are dropped and counted in ``method``; or
        ``None``.
    draws
        As in :func:`auroc`.

    Returns
    -------
    Estimate
        From 0 to 1. Undefined if no answer is wrong. The ends are NaN, with the reason in ``method``, for one question
        and where all resamples agree (perfect separation, or every answer is wrong).

    References
    ----------
    Davis and Goadrich (2006), ICML, on why the curve is not interpolated.

    Examples
    --------
    At 0.9 precision 1, recall 1/2; at 0.4 precision 2/3, recall 1; chance is 1/2:

    >>> round(pr_auc([0.9, 0.4, 0.4, 0.1], [1, 1, 0, 0], interval=None).value, 4)
    0.8333
    """
    return estimate_from_counts(_average_precision, "average precision", score, wrong, interval, draws)


def _average_precision(right: np.ndarray, bad: np.ndarray) -> np.ndarray:
    flagged_bad = bad[:, ::-1].cumsum(axis=1)
    flagged = flagged_bad + right[:, ::-1].cumsum(axis=1)
    precision = flagged_bad / np.maximum(flagged, 1)
    return ratio((bad[:, ::-1] * precision).sum(axis=1), bad.sum(axis=1))


def _delong_covariance(scores: Sequence[np.ndarray], wrong: np.ndarray) -> np.ndarray:
    """Covariance of the AUROCs of several scores: a wrong (right) answer's share of pairs in order, from mid-ranks."""
    wins, losses = [], []
    for s in scores:
        rank = stats.rankdata(s)
        wins.append((rank[wrong] - stats.rankdata(s[wrong])) / (~wrong).sum())
        losses.append((rank[~wrong] - stats.rankdata(s[~wrong])) / wrong.sum())
    return np.atleast_2d(np.cov(wins) / wrong.sum() + np.cov(losses) / (~wrong).sum())
