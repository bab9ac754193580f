"""Do forecasts mean what they say: reliability, ECE, Brier score; and forecasts made of a score, out of fold.

``prob_wrong`` is a forecast of each answer's chance to be wrong, in [0, 1].
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import optimize, special

from homogen.evaluation._base import (
    NAN,
    Row,
    check_binary,
    complete_rows,
    estimate_from_counts,
    mass_bins,
    probabilities,
    row,
    same_length,
    varies,
    whole,
)
from homogen.records import BadInput, Estimate, unknown

BINNINGS = ("width", "mass")
_EDGE = 1e-6  # temperature scaling moves forecasts of 0 and 1 so far inside, to have finite log-odds
_COLDEST, _HOTTEST = 0.01, 100.0


def reliability(prob_wrong: Row, wrong: Row, bins: int = 15, binning: str = "width") -> pd.DataFrame:
    """Mean forecast and error rate in bins of the forecast (the reliability diagram; Murphy and Winkler 1977).

    Returns columns ``low``, ``high``, ``n``, ``forecast``, ``error_rate``, a bin a row.

    Parameters
    ----------
    prob_wrong, wrong
        ``(n,)`` each; a question with a NaN in either is left out.
    bins
        How many, at least 1.
    binning
        ``"width"``: bins (low, high] of width 1/bins, the first with 0; those without a forecast have n = 0 and NaN.
        ``"mass"``: about n/bins questions each, [low, high] the smallest and largest forecast inside. Equal forecasts
        share a bin, the one where the middle of their ranks lies, so bins can come out uneven, and those that are left
        empty are left out.

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


def ece(
    prob_wrong: Row,
    wrong: Row,
    bins: int = 15,
    binning: str = "width",
    interval: str | None = "bootstrap",
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    r"""Expected calibration error: mean distance of forecast and error rate over bins (Naeini et al. 2015, AAAI).

    .. math:: \mathrm{ECE} = \sum_b \frac{n_b}{n} \bigl\lvert \bar w_b - \bar p_b \bigr\rvert

    The bins are those of :func:`reliability`; equal-mass bins are made again in every resample. Absolute
    values of chance gaps add up: with few questions a bin, ECE is above 0 even for perfect forecasts, and higher again
    in resamples, so the interval sits high and may leave out the estimate and 0. Compare forecasts at one n and one
    binning. Always forecasting the base rate has an ECE of 0 and tells nothing apart.

    Parameters
    ----------
    prob_wrong, wrong, bins, binning
        As for :func:`reliability`.
    interval
        ``"bootstrap"`` over questions, or ``None``.

    Examples
    --------
    Bins of (0, 0.5] and (0.5, 1]: 3/4 · (1/3 - 1/6) + 1/4 · (1 - 0.9):

    >>> print(f"{ece([0.1, 0.2, 0.2, 0.9], [0, 0, 1, 1], bins=2, interval=None).value:.4f}")
    0.1500
    """
    _check_bins(bins, binning)
    p = probabilities(prob_wrong)
    (kept, _), _ = complete_rows(("wrong",), prob_wrong=p, wrong=wrong)
    values = np.unique(kept)

    def error(right: np.ndarray, bad: np.ndarray) -> np.ndarray:
        size = right + bad
        bin_of = np.broadcast_to(_binned(values, size, bins, binning), size.shape)
        gap = bad - size * values
        cell = bin_of + bins * np.arange(len(size))[:, None]
        sums = np.bincount(cell.ravel(), gap.ravel(), minlength=bins * len(size)).reshape(-1, bins)
        return np.abs(sums).sum(axis=1) / size.sum(axis=1)

    name = f"ECE, {bins} bins of equal {binning}"
    return estimate_from_counts(error, name, p, wrong, interval, resamples, seed, level)


def brier(
    prob_wrong: Row,
    wrong: Row,
    interval: str | None = "bootstrap",
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    r"""Mean squared error of the forecasts, lower is better (Brier 1950, *Mon. Weather Rev.* 78).

    .. math:: \mathrm{BS} = \frac{1}{n} \sum_i (p_i - w_i)^2

    Always forecasting the base rate :math:`\bar w` gives :math:`\bar w (1 - \bar w)`, at most 0.25, and knows nothing
    of any question: set a score beside that number (``uncertainty`` of :func:`brier_decomposition`).

    Parameters
    ----------
    prob_wrong, wrong
        ``(n,)`` each; a question with a NaN in either is left out.
    interval
        ``"bootstrap"`` over questions, or ``None``.

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

    return estimate_from_counts(score, "Brier score", p, wrong, interval, resamples, seed, level)


@dataclasses.dataclass(frozen=True)
class BrierParts:
    """What a Brier score is made of; NaN if undefined (see ``method``). ``score`` adds the parts up."""

    reliability: float
    resolution: float
    uncertainty: float
    within_variance: float
    within_covariance: float
    n: int
    method: str

    @property
    def score(self) -> float:
        """The Brier score."""
        within = self.within_variance - self.within_covariance
        return self.reliability - self.resolution + self.uncertainty + within


def brier_decomposition(prob_wrong: Row, wrong: Row, bins: int | None = None) -> BrierParts:
    r"""Split the Brier score into reliability, resolution and uncertainty (Murphy 1973, *J. Appl. Meteorol.* 12).

    .. math:: \mathrm{BS} = \underbrace{\sum_k \tfrac{n_k}{n} (\bar p_k - \bar w_k)^2}_\text{reliability}
              - \underbrace{\sum_k \tfrac{n_k}{n} (\bar w_k - \bar w)^2}_\text{resolution}
              + \underbrace{\bar w (1 - \bar w)}_\text{uncertainty}
              + \underbrace{\tfrac{1}{n} \sum_i (p_i - \bar p_{k(i)})^2}_\text{within-bin variance}
              - \underbrace{\tfrac{2}{n} \sum_i (p_i - \bar p_{k(i)})(w_i - \bar w_{k(i)})}_\text{within-bin covariance}

    Over the distinct forecasts (``bins=None``) the last two are 0, but where no two forecasts are equal resolution is
    then as large as it can be and reliability absorbs it: choose bins. Over bins they are what Stephenson, Coelho and
    Jolliffe (2008, *Weather Forecast.* 23) add, without which the parts do not make up the score.

    Parameters
    ----------
    prob_wrong, wrong
        ``(n,)`` each; a question with a NaN in either is left out.
    bins
        ``None``, or how many bins of equal width, as in :func:`reliability`.

    Examples
    --------
    >>> parts = brier_decomposition([0.1, 0.2, 0.2, 0.9], [0, 0, 1, 1])
    >>> print(f"{parts.reliability:.4f} - {parts.resolution:.4f} + {parts.uncertainty:.4f} = {parts.score:.4f}")
    0.0500 - 0.1250 + 0.2500 = 0.1750
    """
    if bins is not None:
        whole("bins", bins, 1)
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


def platt(score: Row, wrong: Row, folds: int = 5, seed: int = 0) -> np.ndarray:
    r"""Make forecasts of a score by a logistic curve, each from the other folds (Platt 1999).

    .. math:: p = \frac{1}{1 + e^{-(a s + b)}}

    No penalty; the labels are Platt's targets :math:`(n_1 + 1)/(n_1 + 2)` and :math:`1/(n_0 + 2)` in place of 1 and 0,
    with which the fit exists also where the score separates wrong from right answers. A score that does not vary gets
    their mean.

    Parameters
    ----------
    score, wrong
        ``(n,)`` each. A question with a score and no label is in no fold and gets the fit of all the others.
    folds
        Stratified by class, at least 2; each class needs as many questions.
    seed
        Deals the questions out to the folds; the order of rows plays no part (two identical rows may swap).

    Returns
    -------
    numpy.ndarray
        ``(n,)`` forecasts, NaN where the score is NaN.

    Examples
    --------
    >>> platt([1, 2, 3, 4, 5, 6, 7, 8], [0, 0, 1, 0, 1, 0, 1, 1], folds=2).round(2).tolist()
    [0.5, 0.5, 0.41, 0.51, 0.5, 0.69, 0.76, 0.5]
    """
    return _out_of_fold(_fit_platt, row("score", score), wrong, folds, seed)


def isotonic(score: Row, wrong: Row, folds: int = 5, seed: int = 0) -> np.ndarray:
    """Make forecasts of a score by a rising step function, each from the other folds (Zadrozny and Elkan 2002, KDD).

    The least-squares fit among those that never fall (scikit-learn's ``IsotonicRegression``), linear between the
    training scores and flat beyond them. It makes ties, and with few questions forecasts of exactly 0 and 1.
    Parameters and result are those of :func:`platt`.

    Examples
    --------
    >>> isotonic([1, 2, 3, 4, 5, 6, 7, 8], [0, 0, 1, 0, 1, 0, 1, 1], folds=2).round(2).tolist()
    [0.33, 0.33, 0.33, 0.67, 0.33, 1.0, 1.0, 1.0]
    """
    return _out_of_fold(_fit_isotonic, row("score", score), wrong, folds, seed)


def temperature(prob_wrong: Row, wrong: Row, folds: int = 5, seed: int = 0) -> np.ndarray:
    r"""Rescale the log-odds of forecasts by one temperature, fitted by log-loss on the other folds (Guo et al. 2017).

    .. math:: p' = \sigma\Bigl(\frac{1}{T} \ln \frac{p}{1 - p}\Bigr), \qquad 0.01 \le T \le 100

    Unlike the other two this keeps 0.5 where it is, and takes probabilities, not a score. Forecasts of 0 and 1 count as
    1e-6 and 1 - 1e-6. Forecasts that are worse than none end at T = 100, near 0.5. Other parameters and the result are
    those of :func:`platt`.

    Examples
    --------
    Forecasts of 0.01 and 0.99 that are wrong one time in four:

    >>> p = temperature([0.01] * 12 + [0.99] * 12, [0, 0, 0, 1] * 3 + [1, 1, 1, 0] * 3, folds=3)
    >>> p[[0, 12]].round(2).tolist()
    [0.25, 0.75]
    """
    return _out_of_fold(_fit_temperature, probabilities(prob_wrong), wrong, folds, seed)


def _check_bins(bins: int, binning: str) -> None:
    whole("bins", bins, 1)
    if binning not in BINNINGS:
        raise unknown("binning", binning, BINNINGS)


def _binned(values: np.ndarray, size: np.ndarray, bins: int, binning: str) -> np.ndarray:
    """The bin of each distinct forecast, lowest first; equal-mass ones for every row of counts."""
    if binning == "mass":
        return mass_bins(size, bins)
    # k/bins is the double nearest to it, as a forecast typed 0.7 is: no forecast slips over its own edge.
    return np.maximum(np.searchsorted(np.arange(bins + 1) / bins, values, side="left") - 1, 0)


def _out_of_fold(fit: Callable, x: np.ndarray, wrong: Row, folds: int, seed: int) -> np.ndarray:
    whole("folds", folds, 2)
    whole("seed", seed, 0)
    y = row("wrong", wrong)
    check_binary("wrong", y)
    same_length(score=x, wrong=y)
    fold = _folds(x, y, folds, seed)
    forecast = np.full(len(x), np.nan)
    order = np.lexsort([y, x])  # a fit does not depend on the order of rows, not even in its rounding
    for k in (-1, *range(folds)):
        asked = (fold == k) & ~np.isnan(x)
        known = order[((fold >= 0) & (fold != k))[order]]
        if asked.any():
            forecast[asked] = fit(x[known], y[known])(x[asked])
    return forecast


def _folds(x: np.ndarray, y: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold of each row, -1 without score or label."""
    from sklearn.model_selection import StratifiedKFold

    rows = np.lexsort([y, x])  # what the rows hold decides, not the order in which they come
    rows = rows[~np.isnan(x[rows]) & ~np.isnan(y[rows])]
    n1 = int(y[rows].sum())
    if min(n1, len(rows) - n1) < folds:
        raise BadInput(f"{folds} folds need {folds} wrong and {folds} right answers, got {n1} and {len(rows) - n1}")
    fold = np.full(len(x), -1)
    split = StratifiedKFold(folds, shuffle=True, random_state=seed).split(x[rows][:, None], y[rows])
    for k, (_, test) in enumerate(split):
        fold[rows[test]] = k
    return fold


def _fit_platt(x: np.ndarray, y: np.ndarray) -> Callable:
    from sklearn.linear_model import LogisticRegression

    n1 = y.sum()
    target = np.where(y > 0, (n1 + 1) / (n1 + 2), 1 / (len(y) - n1 + 2))
    if not varies(x):
        return lambda new: np.full(len(new), target.mean())
    centre, spread = x.mean(), x.std()
    X = ((x - centre) / spread)[:, None]
    # A soft target is both labels, each with its weight. C is infinite: no penalty.
    model = LogisticRegression(C=np.inf, solver="newton-cg", tol=1e-8)
    model.fit(np.vstack([X, X]), np.repeat([1, 0], len(x)), np.concatenate([target, 1 - target]))
    return lambda new: model.predict_proba(((new - centre) / spread)[:, None])[:, 1]


def _fit_isotonic(x: np.ndarray, y: np.ndarray) -> Callable:
    from sklearn.isotonic import IsotonicRegression

    return IsotonicRegression(out_of_bounds="clip").fit(x, y).predict


def _fit_temperature(p: np.ndarray, y: np.ndarray) -> Callable:
    def odds(p: np.ndarray) -> np.ndarray:
        return special.logit(np.clip(p, _EDGE, 1 - _EDGE))

    z = odds(p)

    def slope(cold: float) -> float:  # of the log-loss in 1/T: it rises, because the loss is convex
        return float(z @ (special.expit(cold * z) - y))

    least, most = 1 / _HOTTEST, 1 / _COLDEST
    if slope(least) >= 0:
        cold = least
    elif slope(most) <= 0:
        cold = most
    else:
        cold = optimize.brentq(slope, least, most, xtol=1e-12)
    return lambda new: special.expit(cold * odds(new))
