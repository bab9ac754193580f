"""Forecasts made of a score, out of fold: Platt, isotonic and temperature scaling."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import optimize, special

from homogen.evaluation._base import Row, check_binary, in_units, probabilities, row, same_length, varies
from homogen.records import BadInput
from homogen.records.checks import whole

_EDGE = 1e-6  # temperature scaling moves forecasts of 0 and 1 so far inside, to have finite log-odds
_COLDEST, _HOTTEST = 0.01, 100.0
_DIGITS = 10  # of log-odds: what is smaller is the rounding of a fit


def platt(score: Row, wrong: Row, folds: int = 5, seed: int = 0) -> np.ndarray:
    r"""Make forecasts of a score by a logistic curve, each from the other folds (Platt 1999).

    .. math:: p = \frac{1}{1 + e^{-(a s + b)}}, \qquad
              (a, b) = \arg\max \sum_i \bigl[ t_i \ln p_i + (1 - t_i) \ln (1 - p_i) \bigr]

    No penalty; the labels are Platt's targets :math:`t = (n_1 + 1)/(n_1 + 2)` for a wrong and :math:`1/(n_0 + 2)` for a
    right answer in place of 1 and 0, with which the fit exists also where the score separates the classes. A score that
    does not vary gets their mean.

    Parameters
    ----------
    score
        ``(n,)``, in any unit. NaN gets no forecast.
    wrong
        ``(n,)`` of 0 and 1. A question with a score and no label (NaN) is in no fold and gets the fit of all others.
    folds
        Stratified by class, at least 2; each class needs as many questions.
    seed
        Deals the questions out to the folds, 0 to 2³² - 1; the order of rows plays no part (two identical rows may
        swap).

    Returns
    -------
    numpy.ndarray
        ``(n,)`` forecasts in [0, 1], NaN where the score is NaN.

    Raises
    ------
    BadInput
        If a class has fewer questions than there are folds.

    Notes
    -----
    Where one fold has more wrong answers than another, the others have fewer. Left as they are, the forecasts of a
    constant score are the training error rates, which run *against* the labels: with 33 wrong of 99 and five folds
    their AUROC is 0.476, though nothing was learnt. So the folds are put on one prior:

    .. math:: \operatorname{logit} p' = \operatorname{logit} p - \operatorname{logit} \pi_k
              + \frac{1}{K} \sum_l \operatorname{logit} \pi_l

    with :math:`\pi_k` the error rate that fold k's fit has learnt (of :func:`platt` the mean target, of
    :func:`isotonic` the training error rate, of :func:`temperature` the forecast that the fit makes of the mean
    log-odds). What is taken away comes from the training folds alone; what is added is the same for all rows, so the
    labels of a question's own fold, which are in it, cannot change a ranking. The Brier score differs from that without
    the shift by :math:`O(1/n^2)` (of :func:`temperature` by :math:`O(1/n)`; 0.0004 at n = 100). The evidence, the first
    difference, is rounded to ten digits, so that two fits of nothing tie. A constant score gets one constant forecast:
    AUROC exactly 0.5, and of the first two methods a Brier score of :math:`\bar w (1 - \bar w)` up to the rounding of
    the folds and targets. Forecasts of 0 and 1 stay. Only the priors are mended: a *slope* learnt from noise still runs
    against the fold left out, so a score of pure noise comes out a little below 0.5 on average.

    References
    ----------
    Platt (1999), in *Advances in Large Margin Classifiers*, MIT Press.

    Examples
    --------
    >>> platt([1, 2, 3, 4, 5, 6, 7, 8], [0, 0, 1, 0, 1, 0, 1, 1], folds=2).round(2).tolist()
    [0.5, 0.5, 0.41, 0.51, 0.5, 0.69, 0.76, 0.5]
    """
    return _out_of_fold(_fit_platt, _scaled(score), wrong, folds, seed)


def isotonic(score: Row, wrong: Row, folds: int = 5, seed: int = 0) -> np.ndarray:
    r"""Make forecasts of a score by a rising step function, each from the other folds (Zadrozny and Elkan 2002).

    .. math:: p = m(s), \qquad m = \arg\min_{m \text{ never falls}} \sum_i \bigl( w_i - m(s_i) \bigr)^2

    Linear between the training scores and flat beyond them (scikit-learn's ``IsotonicRegression``). It makes ties, and
    with few questions forecasts of exactly 0 and 1.

    Parameters
    ----------
    score, wrong, folds, seed
        As in :func:`platt`.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` forecasts in [0, 1], NaN where the score is NaN.

    Notes
    -----
    All folds share one prior, as in :func:`platt`. A shift in log-odds leaves forecasts of 0 and 1 where they are.

    References
    ----------
    Zadrozny and Elkan (2002), KDD.

    Examples
    --------
    >>> isotonic([1, 2, 3, 4, 5, 6, 7, 8], [0, 0, 1, 0, 1, 0, 1, 1], folds=2).round(2).tolist()
    [0.33, 0.33, 0.33, 0.67, 0.33, 1.0, 1.0, 1.0]
    """
    return _out_of_fold(_fit_isotonic, _scaled(score), wrong, folds, seed)


def temperature(prob_wrong: Row, wrong: Row, folds: int = 5, seed: int = 0) -> np.ndarray:
    r"""Rescale the log-odds of forecasts by one temperature, fitted by log-loss on the other folds (Guo et al. 2017).

    .. math:: p' = \sigma\Bigl(\frac{1}{T} \ln \frac{p}{1 - p}\Bigr), \qquad 0.01 \le T \le 100

    It takes probabilities, not a score, and has no intercept: 0.5 stays 0.5 (up to the shift in the notes). Forecasts
    of 0 and 1 count as 1e-6 and 1 - 1e-6. Forecasts that are worse than none end at T = 100, near 0.5.

    Parameters
    ----------
    prob_wrong
        ``(n,)`` forecasts in [0, 1]. NaN gets no forecast.
    wrong, folds, seed
        As in :func:`platt`.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` forecasts in [0, 1], NaN where the forecast is NaN.

    Notes
    -----
    All folds share one prior, as in :func:`platt`: with :math:`z` the log-odds of a forecast and :math:`\bar z` their
    mean over all labelled questions, fold k's :math:`z/T_k` becomes
    :math:`(z - \bar z)/T_k + \bar z\, \overline{1/T}`. The temperatures of the folds thus turn about :math:`\bar z` and
    not about 0, and 0.5 moves by as little as they differ.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger (2017), ICML.

    Examples
    --------
    Forecasts of 0.01 and 0.99 that are wrong one time in four:

    >>> p = temperature([0.01] * 12 + [0.99] * 12, [0, 0, 0, 1] * 3 + [1, 1, 1, 0] * 3, folds=3)
    >>> p[[0, 12]].round(2).tolist()
    [0.25, 0.75]
    """
    return _out_of_fold(_fit_temperature, probabilities(prob_wrong), wrong, folds, seed)


def _out_of_fold(fit: Callable, x: np.ndarray, wrong: Row, folds: int, seed: int) -> np.ndarray:
    """Forecasts ``(n,)`` by the fits of the other folds, on one prior.

    A fit gives log-odds of new rows, and those that it has for a row of which nothing is known: its prior. It may look
    at the scores of all rows, but at labels of its own only.
    """
    whole("folds", folds, 2)
    whole("seed", seed, 0, 2**32 - 1)  # what scikit-learn takes
    y = row("wrong", wrong)
    check_binary("wrong", y)
    same_length(score=x, wrong=y)
    fold = dealt(x, y, folds, seed)
    order = np.lexsort([y, x])  # a fit does not depend on the order of rows, not even in its rounding
    order = order[fold[order] >= 0]
    evidence, priors = np.full(len(x), np.nan), []
    for k in (-1, *range(folds)):
        asked = (fold == k) & ~np.isnan(x)
        known = order[fold[order] != k]
        if asked.any():
            odds, prior = fit(x[known], y[known], x[order])
            evidence[asked] = np.round(odds(x[asked]) - prior, _DIGITS)
            priors += [prior] if k >= 0 else []
    return special.expit(evidence + np.mean(priors))


def dealt(x: np.ndarray, y: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold of each row, -1 without score or label."""
    from sklearn.model_selection import StratifiedKFold

    rows = np.lexsort([y, x])  # what the rows hold decides, not the order in which they come
    rows = rows[~np.isnan(x[rows]) & ~np.isnan(y[rows])]
    n1 = int(y[rows].sum())
    if min(n1, len(rows) - n1) < folds:
        raise BadInput(f"{folds} folds need {folds} wrong and {folds} right answers, got {n1} and {len(rows) - n1}")
    fold = np.full(len(x), -1)
    split = StratifiedKFold(folds, shuffle=True, random_state=seed).split(np.zeros((len(rows), 1)), y[rows])
    for k, (_, test) in enumerate(split):
        fold[rows[test]] = k
    return fold


def _scaled(score: Row) -> np.ndarray:
    (x,), _ = in_units(row("score", score))
    return x


def _fit_platt(x: np.ndarray, y: np.ndarray, _: np.ndarray) -> tuple[Callable, float]:
    from sklearn.linear_model import LogisticRegression

    n1 = y.sum()
    target = np.where(y > 0, (n1 + 1) / (n1 + 2), 1 / (len(y) - n1 + 2))
    prior = float(special.logit(target.mean()))
    if not varies(x):
        return lambda new: np.full(len(new), prior), prior
    centre, spread = x.mean(), x.std()
    X = ((x - centre) / spread)[:, None]
    # A soft target is both labels, each with its weight. C is infinite: no penalty.
    model = LogisticRegression(C=np.inf, solver="newton-cg", tol=1e-8)
    model.fit(np.vstack([X, X]), np.repeat([1, 0], len(x)), np.concatenate([target, 1 - target]))
    return lambda new: model.decision_function(((new - centre) / spread)[:, None]), prior


def _fit_isotonic(x: np.ndarray, y: np.ndarray, _: np.ndarray) -> tuple[Callable, float]:
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(out_of_bounds="clip").fit(x, y)
    return lambda new: special.logit(np.clip(model.predict(new), 0, 1)), float(special.logit(y.mean()))


def _odds(p: np.ndarray) -> np.ndarray:
    return special.logit(np.clip(p, _EDGE, 1 - _EDGE))


def _fit_temperature(p: np.ndarray, y: np.ndarray, every: np.ndarray) -> tuple[Callable, float]:
    z = _odds(p)

    def slope(cold: float) -> float:  # of the log-loss in 1/T: it rises, because the loss is convex
        return float(z @ (special.expit(cold * z) - y))

    least, most = 1 / _HOTTEST, 1 / _COLDEST
    if slope(least) >= 0:
        cold = least
    elif slope(most) <= 0:
        cold = most
    else:
        cold = optimize.brentq(slope, least, most, xtol=1e-12)
    return lambda new: cold * _odds(new), cold * float(_odds(every).mean())
