"""Do forecasts mean what they say: reliability, ECE, Brier score.

``prob_wrong`` is a forecast of each answer's chance to be wrong, in [0, 1].
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd

from homogen.evaluation._base import (
    NAN,
    PermutationResult,
    Row,
    against_null,
    complete_rows,
    estimate_from_counts,
    generator,
    mass_bins,
    probabilities,
    steps,
)
from homogen.records import Draws, Estimate
from homogen.records.checks import one_of, whole
from homogen.records.draws import check_draws

BINNINGS = ("width", "mass")


_MOST_BINS = 10**6


def reliability(prob_wrong: Row, wrong: Row, bins: int = 15, binning: str = "width") -> pd.DataFrame:
    r"""Mean forecast and error rate in bins of the forecast (the reliability diagram; Murphy and Winkler 1977).

    .. math:: \bar p_b = \frac{1}{n_b} \sum_{i \in b} p_i, \qquad \bar w_b = \frac{1}{n_b} \sum_{i \in b} w_i

    Forecasts mean what they say where :math:`\bar w_b` is near :math:`\bar p_b` in every bin.

    Parameters
    ----------
    prob_wrong
        ``(n,)`` forecasts in [0, 1].
    wrong
        ``(n,)`` of 0 and 1. A question with a NaN in either is left out.
    bins
        How many, 1 to a million.
    binning
        ``"width"``: bins (low, high] of width 1/bins, the first with 0; those without a forecast have n = 0 and NaN.
        ``"mass"``: about n/bins questions each, [low, high] the smallest and largest forecast inside. Equal forecasts
        share a bin, the one where the middle of their ranks lies, so bins can come out uneven, and those that are left
        empty are left out.

    Returns
    -------
    pandas.DataFrame
        A bin a row: ``low``, ``high``, ``n``, ``forecast`` :math:`\bar p_b` and ``error_rate`` :math:`\bar w_b`.

    References
    ----------
    Murphy and Winkler (1977), *J. R. Stat. Soc. C* 26.

    Examples
    --------
    >>> print(reliability([0.1, 0.2, 0.2, 0.9], [0, 0, 1, 1], bins=2).round(3).to_string(index=False))
     low  high  n  forecast  error_rate
     0.0   0.5  3     0.167       0.333
     0.5   1.0  1     0.900       1.000
    """
    _check_bins(bins, binning)
    (p, w), _ = complete_rows(("wrong",), prob_wrong=probabilities(prob_wrong), wrong=wrong)
    order = np.lexsort([w, p])  # sums then do not depend on the order of rows
    p, w = p[order], w[order]
    values, size = np.unique(p, return_counts=True)
    bin_of = np.repeat(_binned(values, size, bins, binning), size)
    n = np.bincount(bin_of, minlength=bins)
    with np.errstate(invalid="ignore"):  # empty bins: 0/0 is their NaN
        forecast, rate = (np.bincount(bin_of, x, minlength=bins) / n for x in (p, w))
    table = pd.DataFrame({"n": n, "forecast": forecast, "error_rate": rate})
    if binning == "width":
        low, high = np.arange(bins) / bins, np.arange(1, bins + 1) / bins
    else:
        table = table[n > 0].reset_index(drop=True)
        ends = np.cumsum(table.n.to_numpy())
        low, high = p[ends - table.n.to_numpy()], p[ends - 1]
    table.insert(0, "low", low)
    table.insert(1, "high", high)
    return table


def ece(prob_wrong: Row, wrong: Row, bins: int = 15, binning: str = "width") -> Estimate:
    r"""Expected calibration error: mean distance of forecast and error rate over bins (Naeini et al. 2015).

    .. math:: \mathrm{ECE} = \sum_b \frac{n_b}{n} \bigl\lvert \bar w_b - \bar p_b \bigr\rvert

    The bins are those of :func:`reliability`. Absolute values of chance gaps add up: with few questions a bin, ECE is
    above 0 even for perfect forecasts, and higher again in resamples, so that a percentile interval can lie beside its
    own estimate. It has none here; :func:`calibration_test` says what perfect forecasts would give. Compare forecasts
    at one n and one binning. Always forecasting the base rate has an ECE of 0 and tells nothing apart.

    Parameters
    ----------
    prob_wrong, wrong, bins, binning
        As in :func:`reliability`.

    Returns
    -------
    Estimate
        From 0 to 1, lower is better; its ends are NaN. Undefined without questions.

    References
    ----------
    Naeini, Cooper and Hauskrecht (2015), AAAI.

    Examples
    --------
    Bins of (0, 0.5] and (0.5, 1]: 3/4 · (1/3 - 1/6) + 1/4 · (1 - 0.9):

    >>> print(f"{ece([0.1, 0.2, 0.2, 0.9], [0, 0, 1, 1], bins=2).value:.4f}")
    0.1500
    """
    _check_bins(bins, binning)
    p = probabilities(prob_wrong)
    (kept, _), _ = complete_rows(("wrong",), prob_wrong=p, wrong=wrong)
    error = _ece_of(np.unique(kept), bins, binning)
    name = f"ECE, {bins} bins of equal {binning}"
    return estimate_from_counts(error, name, p, wrong, None)


def calibration_test(
    prob_wrong: Row, wrong: Row, bins: int = 15, binning: str = "width", draws: Draws = Draws(2000)
) -> PermutationResult:
    r"""Beside an ECE, the range of ECEs that these very forecasts would have if they meant what they say.

    .. math:: w_i^* \sim \mathrm{Bernoulli}(p_i), \qquad
              p = \frac{1 + \#\{b : \mathrm{ECE}(p, w_b^*) \ge \mathrm{ECE}(p, w)\}}{1 + B}

    Labels are drawn from the forecasts, question by question (consistency resampling, Bröcker and Smith 2007). A small
    p says that the forecasts are off; a large one that this n cannot show it.

    Parameters
    ----------
    prob_wrong, wrong, bins, binning
        As in :func:`reliability`.
    draws
        Of the labels, and the share of their range that is shown.

    Returns
    -------
    PermutationResult
        ``observed`` is :func:`ece`. Undefined without questions.

    References
    ----------
    Bröcker and Smith (2007), *Weather Forecast.* 22.

    Examples
    --------
    Ten forecasts of 0.9 with every answer right are off; a single one might be chance.

    >>> print(f"{calibration_test([0.9] * 10, [0] * 10).pvalue:.4f}, {calibration_test([0.9], [0]).pvalue:.1f}")
    0.0005, 0.1
    """
    check_draws(draws)
    observed = ece(prob_wrong, wrong, bins, binning)
    (p, _), given = complete_rows(("wrong",), prob_wrong=probabilities(prob_wrong), wrong=wrong)
    n, rng = len(p), generator(draws.seed)
    if not n:
        return PermutationResult.undefined("no questions", 0, given)
    values, size = np.unique(p, return_counts=True)
    error, null = _ece_of(values, bins, binning), []
    for some in steps(n, draws.resamples):
        # Of equal forecasts only the number of wrong answers counts.
        bad = rng.binomial(size, values, (some, len(values)))
        null.append(error(size - bad, bad))
    method = f"{observed.method}; {draws.resamples:,} draws of the labels from the forecasts"
    return against_null(dataclasses.replace(observed, method=method), np.concatenate(null), draws.level)


def _ece_of(values: np.ndarray, bins: int, binning: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """ECE of ``(B, G)`` counts of right and wrong answers at each distinct forecast."""

    def error(right: np.ndarray, bad: np.ndarray) -> np.ndarray:
        size = right + bad
        bin_of = np.broadcast_to(_binned(values, size, bins, binning), size.shape)
        # Values come lowest first, so a bin is a run of them: a cell a run, however many bins there are.
        start = np.diff(bin_of, axis=1, prepend=-1) > 0
        gaps = np.abs(np.bincount(start.ravel().cumsum() - 1, (bad - size * values).ravel()))
        return np.bincount(np.nonzero(start)[0], gaps) / size.sum(axis=1)

    return error


def brier(prob_wrong: Row, wrong: Row, interval: str | None = "bootstrap", draws: Draws = Draws()) -> Estimate:
    r"""Mean squared error of the forecasts, lower is better (Brier 1950).

    .. math:: \mathrm{BS} = \frac{1}{n} \sum_i (p_i - w_i)^2

    Always forecasting the base rate :math:`\bar w` gives :math:`\bar w (1 - \bar w)`, at most 0.25, and knows nothing
    of any question: set a score beside that number (``uncertainty`` of :func:`brier_decomposition`).

    Parameters
    ----------
    prob_wrong
        ``(n,)`` forecasts in [0, 1].
    wrong
        ``(n,)`` of 0 and 1. A question with a NaN in either is left out.
    interval, draws
        As in :func:`aurc`.

    Returns
    -------
    Estimate
        From 0 to 1. Undefined without questions. The ends are NaN, with the reason in ``method``, for one question and
        where all resamples agree; always 0.5, beside both classes, is 0.25 by construction and keeps its interval.

    References
    ----------
    Brier (1950), *Mon. Weather Rev.* 78.

    Examples
    --------
    >>> print(f"{brier([0.1, 0.2, 0.2, 0.9], [0, 0, 1, 1], interval=None).value:.4f}")
    0.1750
    """
    p = probabilities(prob_wrong)
    (kept, _), _ = complete_rows(("wrong",), prob_wrong=p, wrong=wrong)
    values = np.unique(kept)

    def score(right: np.ndarray, bad: np.ndarray) -> np.ndarray:
        return (right @ values**2 + bad @ (1 - values) ** 2) / (right + bad).sum(axis=1)

    return estimate_from_counts(score, "Brier score", p, wrong, interval, draws)


@dataclasses.dataclass(frozen=True)
class BrierParts:
    """What a Brier score is made of; NaN if undefined.

    Attributes
    ----------
    reliability
        Squared distance of forecast and error rate within bins: lower is better calibrated.
    resolution
        Squared distance of the bins' error rates from the base rate: higher tells more apart.
    uncertainty
        Variance of the labels, the Brier score of always forecasting the base rate.
    within_variance, within_covariance
        What forecasts that differ inside a bin add and take away; 0 over distinct forecasts.
    n
        Questions without NaN.
    method
        Over which bins, or why undefined.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within_variance: float
    within_covariance: float
    n: int
    method: str

    @property
    def score(self) -> float:
        """The Brier score: reliability - resolution + uncertainty + within_variance - within_covariance."""
        within = self.within_variance - self.within_covariance
        return self.reliability - self.resolution + self.uncertainty + within


def brier_decomposition(prob_wrong: Row, wrong: Row, bins: int | None = None) -> BrierParts:
    r"""Split the Brier score into reliability, resolution and uncertainty (Murphy 1973).

    .. math:: \mathrm{BS} = \underbrace{\sum_k \tfrac{n_k}{n} (\bar p_k - \bar w_k)^2}_\text{reliability}
              - \underbrace{\sum_k \tfrac{n_k}{n} (\bar w_k - \bar w)^2}_\text{resolution}
              + \underbrace{\bar w (1 - \bar w)}_\text{uncertainty}
              + \underbrace{\tfrac{1}{n} \sum_i (p_i - \bar p_{k(i)})^2}_\text{within-bin variance}
              - \underbrace{\tfrac{2}{n} \sum_i (p_i - \bar p_{k(i)})(w_i - \bar w_{k(i)})}_\text{within-bin covariance}

    Over the distinct forecasts (``bins=None``) the last two are 0, but where no two forecasts are equal resolution is
    then as large as it can be and reliability absorbs it: choose bins. Over bins they are what Stephenson, Coelho and
    Jolliffe (2008) add, without which the parts do not make up the score.

    Parameters
    ----------
    prob_wrong, wrong
        As in :func:`brier`.
    bins
        ``None``, or how many bins of equal width, as in :func:`reliability`.

    Returns
    -------
    BrierParts
        NaN without questions; with one class resolution and uncertainty are 0.

    References
    ----------
    Murphy (1973), *J. Appl. Meteorol.* 12. Stephenson, Coelho and Jolliffe (2008), *Weather Forecast.* 23.

    Examples
    --------
    >>> parts = brier_decomposition([0.1, 0.2, 0.2, 0.9], [0, 0, 1, 1])
    >>> print(f"{parts.reliability:.4f} - {parts.resolution:.4f} + {parts.uncertainty:.4f} = {parts.score:.4f}")
    0.0500 - 0.1250 + 0.2500 = 0.1750
    """
    if bins is not None:
        whole("bins", bins, 1, _MOST_BINS)
    (p, w), _ = complete_rows(("wrong",), prob_wrong=probabilities(prob_wrong), wrong=wrong)
    n = len(p)
    if not n:
        return BrierParts(NAN, NAN, NAN, NAN, NAN, 0, "undefined: no questions")
    order = np.lexsort([w, p])  # sums then do not depend on the order of rows
    p, w = p[order], w[order].astype(np.float64)
    values, group, size = np.unique(p, return_inverse=True, return_counts=True)
    if bins is not None:
        group = _binned(values, size, bins, "width")[group]
    n_k = np.bincount(group)
    held = np.maximum(n_k, 1)
    p_k, w_k = (np.bincount(group, x) / held for x in (p, w))
    if bins is None:
        p_k = values  # as it is: the mean of equal forecasts has rounding in it
    rate = w.mean()
    return BrierParts(
        reliability=float((n_k * (p_k - w_k) ** 2).sum() / n),
        resolution=float((n_k * (w_k - rate) ** 2).sum() / n),
        uncertainty=float(rate * (1 - rate)),
        within_variance=float(((p - p_k[group]) ** 2).mean()),
        within_covariance=float(2 * ((p - p_k[group]) * (w - w_k[group])).mean()),
        n=n,
        method="Brier score over " + ("distinct forecasts" if bins is None else f"{bins} bins of equal width"),
    )


def _check_bins(bins: int, binning: str) -> None:
    whole("bins", bins, 1, _MOST_BINS)
    one_of("binning", binning, BINNINGS)


def _binned(values: np.ndarray, size: np.ndarray, bins: int, binning: str) -> np.ndarray:
    """The bin of each distinct forecast, lowest first; equal-mass ones for every row of counts."""
    if binning == "mass":
        return mass_bins(size, bins)
    # k/bins is the double nearest to it, as a forecast typed 0.7 is: no forecast slips over its own edge.
    return np.maximum(np.searchsorted(np.arange(bins + 1) / bins, values, side="left") - 1, 0)
