"""Means, the effect of a score on two groups, and what several tests at once ask for."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import stats

from homogen.evaluation._base import (
    NAN,
    ONE,
    TIE,
    Row,
    check_interval,
    complete_rows,
    generator,
    in_units,
    out_of_units,
    percent,
    percentiles,
    resampled,
    row,
    varies,
    z_of,
)
from homogen.records import BadInput, Draws, Estimate, shown
from homogen.records.checks import whole

MEAN_INTERVALS = ("auto", "student", "bootstrap")
"""Known intervals of :func:`mean`."""
LEAST_FOR_BOOTSTRAP = 40
"""Questions from which the bootstrap of a mean of skewed values covers what it says."""


def mean(values: Row, interval: str = "auto", draws: Draws = Draws()) -> Estimate:
    r"""The mean of one number a question, with its interval over questions.

    .. math:: \bar x = \frac{1}{n} \sum_i x_i, \qquad
              \bar x \pm t_{n - 1} \, \frac{s}{\sqrt n}
              \quad\text{or}\quad
              \bigl[\, Q_{(1 - \gamma)/2}(\bar x^*),\; Q_{(1 + \gamma)/2}(\bar x^*) \,\bigr]

    The latter are quantiles of the means :math:`\bar x^*` of n questions drawn with replacement; :math:`\gamma` is
    the level. Of values as skewed as token entropies (gamma, shape 2) it covers .81 with 6 questions and .90 with 30,
    where Student's t covers .91 and .93.

    Parameters
    ----------
    values
        ``(n,)`` in any unit; NaN is left out.
    interval
        ``"student"``, ``"bootstrap"``, or ``"auto"``: Student's t below 40 questions, the bootstrap from there up.
    draws
        As in :func:`auroc`.

    Returns
    -------
    Estimate
        In the unit of the values. Undefined without values. For one value, and for values that are all the same, the
        ends are NaN, with the reason in ``method``: a sample without spread shows no doubt, but leaves it (for a
        proportion use :func:`wilson`).

    References
    ----------
    Student (1908), *Biometrika* 6. Efron and Tibshirani (1993), *An Introduction to the Bootstrap*, Chapman & Hall,
    chapter 13.

    Examples
    --------
    >>> print(mean([1.0, 2.0, 3.0, float("nan")]))
    2.000 [-0.484, 4.484], n=3, coverage 75%
    """
    check_interval(interval, draws, MEAN_INTERVALS)
    (x,), given = complete_rows(values=values)
    (x,), exponent = in_units(x)
    x, n = np.sort(x), len(x)
    if not n:
        return Estimate.undefined("no values")
    student = interval == "student" or (interval == "auto" and n < LEAST_FOR_BOOTSTRAP)
    over = f"{percent(draws.level)} over questions"
    method = f"mean, Student's t {over}" if student else f"mean, bootstrap {over}, {draws.resamples:,} resamples"
    value = out_of_units(x.mean(), exponent)
    if n < 2 or not varies(x):
        reason = ONE if n < 2 else "the values do not vary"
        return Estimate(value, NAN, NAN, n, n / given, f"{method}, no interval: {reason}")
    if student:
        half = float(stats.t.isf((1 - draws.level) / 2, n - 1) * stats.sem(x))
        low, high = (out_of_units(x.mean() + side * half, exponent) for side in (-1, 1))
        return Estimate(value, low, high, n, n / given, method)
    means = np.concatenate([x[rows].mean(axis=1) for rows in resampled(n, draws)])
    low, high = (out_of_units(end, exponent) for end in percentiles(means, draws.level)[:2])
    return Estimate(value, low, high, n, n / given, method)


def mean_over_lots(draw: Callable[[np.random.Generator], float], lots: int = 200, seed: int = 0) -> Estimate:
    r"""What a control drawn by lot is worth: the mean over many lots, with the range of single ones.

    .. math:: \bar x = \frac{1}{L} \sum_{l=1}^{L} x_l, \qquad [Q_{.025}(x), Q_{.975}(x)]

    One lot is one throw: beside it, a difference of the size of its spread says nothing. The range is no interval of
    the mean; it is where one more lot would fall 19 times of 20.

    Parameters
    ----------
    draw
        Gives one lot's number from a random generator. A lot without a value is NaN, and left out.
    lots
        How many, at least 2.
    seed
        Of the generator that all lots share.

    Returns
    -------
    Estimate
        In the unit of the lots; ``n`` is how many lots have a value. Undefined if none has.

    References
    ----------
    Efron and Tibshirani (1993), *An Introduction to the Bootstrap*, chapter 6, on how many draws a range needs.

    Examples
    --------
    >>> dice = mean_over_lots(lambda rng: rng.integers(1, 7), lots=1000)
    >>> f"{dice.value:.0f}", dice.low, dice.high
    ('4', 1.0, 6.0)
    """
    whole("lots", lots, 2)
    if not callable(draw):
        raise BadInput(f"draw must be a function from a generator to a number, got {shown(draw)}")
    rng = generator(seed)
    drawn = row("lots", [draw(rng) for _ in range(lots)])
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return Estimate.undefined("no lot has a value")
    low, high, _ = percentiles(drawn, 0.95)
    method = f"mean over {len(drawn):,} lots, range of 95% of them"
    return Estimate(float(drawn.mean()), low, high, len(drawn), len(drawn) / lots, method)


def holm(pvalues: Row) -> np.ndarray:
    r"""Adjust p-values for testing m hypotheses at once (Holm 1979).

    .. math:: \tilde p_{(i)} = \max_{j \le i} \min\{1, (m - j + 1)\, p_{(j)}\}

    Rejecting where :math:`\tilde p \le \alpha` makes the chance of any false rejection at most :math:`\alpha`, however
    the tests hang together; it never rejects less than Bonferroni's :math:`m p`.

    Parameters
    ----------
    pvalues
        ``(m,)`` in [0, 1]. NaN (a test that is undefined) is not counted.

    Returns
    -------
    numpy.ndarray
        ``(m,)`` adjusted p-values in [0, 1], in the order given; NaN stays NaN.

    References
    ----------
    Holm (1979), *Scand. J. Stat.* 6.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p = row("p-values", pvalues)
    if ((p < 0) | (p > 1)).any():
        raise BadInput("p-values must lie in [0, 1]")
    order = np.argsort(p)[: int((~np.isnan(p)).sum())]  # NaN sorts last
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)))
    return adjusted


def cohens_d(score: Row, wrong: Row, level: float = 0.95) -> Estimate:
    r"""Mean score of the wrong minus that of the right answers, in pooled standard deviations (Cohen 1988).

    .. math:: d = \frac{\bar s_1 - \bar s_0}{s_p}, \qquad
              s_p^2 = \frac{(n_1 - 1) s_1^2 + (n_0 - 1) s_0^2}{n_1 + n_0 - 2}, \qquad
              \operatorname{Var}(d) \approx \frac{n_1 + n_0}{n_1 n_0} + \frac{d^2}{2 (n_1 + n_0)}

    The interval is normal with this large-sample variance (Hedges and Olkin 1985, chapter 5). The divisors
    :math:`n - 1` make the estimate a little larger where every question is counted twice.

    Parameters
    ----------
    score
        ``(n,)``; higher = less certain. Units play no part.
    wrong
        ``(n,)`` of 0 and 1. A question with a NaN in either is left out.
    level
        Of the interval, between 0 and 1.

    Returns
    -------
    Estimate
        In standard deviations; above 0 where wrong answers score higher. Undefined with fewer than two of a class, and
        where the score does not vary within the classes.

    References
    ----------
    Cohen (1988), *Statistical Power Analysis for the Behavioral Sciences*. Hedges and Olkin (1985), *Statistical
    Methods for Meta-Analysis*.

    Examples
    --------
    >>> print(cohens_d([3, 4, 5, 1, 2, 3], [1, 1, 1, 0, 0, 0]))
    2.000 [0.040, 3.960], n=6, coverage 100%
    """
    z = z_of(level)
    (s, w), given = complete_rows(("wrong",), score=score, wrong=wrong)
    (s,), _ = in_units(s)
    n, n1, n0 = len(w), int(w.sum()), int((~w).sum())
    if min(n1, n0) < 2:
        return Estimate.undefined("needs two wrong and two right answers", n, n / max(given, 1))
    pooled = math.sqrt(((n1 - 1) * s[w].var(ddof=1) + (n0 - 1) * s[~w].var(ddof=1)) / (n - 2))
    if pooled <= TIE * np.abs(s).max():  # rounding of a constant is no spread
        return Estimate.undefined("the score does not vary within the classes", n, n / given)
    d = float(s[w].mean() - s[~w].mean()) / pooled
    half = z * math.sqrt(n / (n1 * n0) + d**2 / (2 * n))
    return Estimate(d, d - half, d + half, n, n / given, f"Cohen's d, normal {percent(level)}")
