"""Differences between two sets of numbers, and what several tests at once ask for."""

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
    TestResult,
    check_interval,
    complete_rows,
    generator,
    in_units,
    out_of_units,
    percent,
    percentiles,
    resampled,
    row,
    untested,
    varies,
    z_of,
)
from homogen.records import BadInput, Draws, Estimate, shown
from homogen.records.checks import real, whole

MEAN_INTERVALS = ("auto", "student", "bootstrap")
"""Known intervals of :func:`mean`."""
LEAST_FOR_BOOTSTRAP = 40
"""Questions from which the bootstrap of a mean of skewed values covers what it says."""
LEAST_PAIRS = 6
"""Below so many pairs no test at 95% can reject, and no interval of a difference is given."""

_EXACT = 50  # differences up to which the signed-rank test counts all patterns of signs


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


def paired_difference(a: Row, b: Row, level: float = 0.95) -> Estimate:
    r"""Mean of a - b over the same questions, with Student's t interval of the differences (Student 1908).

    .. math:: \bar d = \frac{1}{n} \sum_i (a_i - b_i), \qquad
              \bar d \pm t_{n - 1} \, \frac{s_d}{\sqrt n}

    What makes a question easy or hard for both falls out; two intervals of two means, one beside the other, would not
    use that. :math:`s_d` is the standard deviation of the differences (divisor n - 1), t the quantile of Student's
    distribution. At n = 10 a percentile bootstrap of these means covers 90% where it says 95%, this one 94 to 95%, also
    for skewed differences. Of yes/no outcomes :func:`mcnemar` has the interval.

    Parameters
    ----------
    a, b
        ``(n,)`` each, in the same unit, of the same questions; a pair with a NaN is left out.
    level
        Of the interval, between 0 and 1.

    Returns
    -------
    Estimate
        In the unit of a and b. Undefined without pairs. Below six pairs, and for differences that are all the same up
        to rounding (1e-12 of the largest number), the ends are NaN, with the reason in ``method``.

    References
    ----------
    Student (1908), *Biometrika* 6.

    Examples
    --------
    >>> print(paired_difference([3, 4, 5, 9, 7, 6], [1, 2, 3, 6, 5, 5]))
    2.000 [1.336, 2.664], n=6, coverage 100%
    """
    z_of(level)
    (x, y), given = complete_rows(a=a, b=b)
    n = len(x)
    if not n:
        return Estimate.undefined("no values")
    order = np.lexsort([y, x])  # sums then do not depend on the order of rows
    (x, y), exponent = in_units(x[order], y[order])
    d = x - y
    method = f"mean of a - b, Student's t {percent(level)} over questions"
    value = out_of_units(d.mean(), exponent)
    if n < LEAST_PAIRS or np.ptp(d) <= TIE:  # the largest number of all is 1 in these units
        few = f"fewer than {LEAST_PAIRS} pairs" if n > 1 else ONE
        reason = few if n < LEAST_PAIRS else "the values do not vary"
        return Estimate(value, NAN, NAN, n, n / given, f"{method}, no interval: {reason}")
    half = float(stats.t.isf((1 - level) / 2, n - 1) * stats.sem(d))
    low, high = (out_of_units(d.mean() + side * half, exponent) for side in (-1, 1))
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


def paired_wilcoxon(a: Row, b: Row, level: float = 0.95) -> TestResult:
    r"""Do paired outcomes differ? Wilcoxon's signed-rank test with the Hodges-Lehmann shift and its interval.

    .. math:: W = \min\Bigl\{ \sum_{d_i > 0} R_i,\; \sum_{d_i < 0} R_i \Bigr\}, \qquad
              \hat\theta = \operatorname{median}_{i \le j} \frac{d_i + d_j}{2}, \qquad d_i = a_i - b_i

    :math:`R_i` are the ranks of the :math:`|d_i| > 0`, ties sharing their mean rank. Pairs that are equal are left out
    of the test (Wilcoxon 1945), not of the shift.

    Parameters
    ----------
    a, b
        ``(n,)`` each, in the same unit, of the same questions; a pair with a NaN is left out.
    level
        Of the interval, between 0 and 1.

    Returns
    -------
    TestResult
        ``statistic`` is W; ``effect`` the shift :math:`\hat\theta`, in the unit of a and b. Undefined without pairs
        (p = 1 where all are equal). Where n is too small for any rejection (n < 6 at 95%) the ends are NaN.

    Notes
    -----
    Up to 50 differences other than 0 the p-value is exact, also with ties: twice the share of the :math:`2^m` patterns
    of signs over these very ranks whose sum of positive ranks is at most W. (``scipy.stats.wilcoxon`` is so up to
    n = 50 without ties and zeros only; with them it counts patterns up to n = 13 and turns to the normal distribution
    from 14.) Beyond 50 it is normal, its variance corrected for ties, without continuity correction. ``method`` says
    which it was.

    The interval holds the shifts that the test of n differences without ties would not reject: with
    :math:`k` rejected rank sums 0, 1, …, k - 1, from the k-th smallest mean of two differences to the k-th largest. It
    leaves out 0 exactly where p < 1 - ``level``, as long as there are neither ties nor zeros; with them it is
    conservative, and where test and interval then disagree about 0 ``method`` says so.

    Differences up to 1e-12 of the largest outcome count as 0, and absolute differences that lie as close to each other
    as tied: 0.1 + 0.2 is 0.3. Memory grows with n squared (n = 5,000: 0.5 GB).

    References
    ----------
    Wilcoxon (1945), *Biometrics Bull.* 1. Hodges and Lehmann (1963), *Ann. Math. Stat.* 34.

    Examples
    --------
    The smaller rank sum is 0 for two of the 32 patterns of five signs (one pair is equal):

    >>> r = paired_wilcoxon([9, 8, 7, 9, 6, 9], [5, 6, 6, 4, 6, 2])
    >>> r.statistic, r.pvalue, r.effect.value
    (0.0, 0.0625, 3.0)
    """
    z_of(level)
    (x, y), given = complete_rows(a=a, b=b)
    n = len(x)
    if not n:
        return untested("no pairs", 0, given)
    d, exponent = _differences(x, y)
    moved = d[d != 0]
    rank = stats.rankdata(np.abs(moved))
    statistic = float(min(rank[moved > 0].sum(), rank[moved < 0].sum()))
    if len(moved) <= _EXACT:
        patterns = _sums(2 * rank)  # whole numbers, also for mean ranks
        pvalue = min(1.0, 2 * float(patterns[: int(2 * statistic) + 1].sum()))
    else:
        pvalue = float(stats.wilcoxon(moved, method="asymptotic").pvalue)
    i, j = np.triu_indices(n)
    walsh = np.sort((d[i] + d[j]) / 2)
    k = _rejected_rank_sums(n, level)
    # The smaller rank sum is the number of means on the other side of 0, so 0 is rejected if fewer than k are.
    low, high, middle = (out_of_units(v, exponent) for v in (walsh[k - 1], walsh[-k], np.median(walsh)))
    notes = ["exact" if len(moved) <= _EXACT else "normal"]
    if len(moved) < n:
        notes.append(f"{n - len(moved)} equal pairs left out")
    if len(np.unique(rank)) < len(rank):
        notes.append("ties")
    method = f"signed-rank test ({', '.join(notes)}), Hodges-Lehmann shift {percent(level)}"
    method += f" ({'exact' if n <= _EXACT else 'normal'})"
    if not k:
        method = f"{method}, no interval: too few pairs to reject"
        return TestResult(statistic, pvalue, Estimate(middle, NAN, NAN, n, n / given, method))
    if (pvalue < 1 - level) != (low > 0 or high < 0):
        method += ", which disagree about 0"
    return TestResult(statistic, pvalue, Estimate(middle, low, high, n, n / given, method))


def tost(a: Row, b: Row, margin: float, level: float = 0.95) -> TestResult:
    r"""Are paired outcomes equivalent, their mean difference within ± ``margin``? Two one-sided t-tests.

    .. math:: p = \max\bigl\{P(T > t_+),\; P(T < t_-)\bigr\}, \qquad
              t_\pm = \frac{\bar d \pm \Delta}{s_d / \sqrt{n}}, \qquad \Delta = \text{margin}

    T is Student's t with n - 1 degrees of freedom. A small p shows equivalence; a large one shows nothing, and
    least of all a difference. The interval is the t-interval at :math:`1 - 2\alpha` with :math:`\alpha` = 1 -
    ``level``, so 90% for the default: it lies inside ± margin exactly where p < :math:`\alpha`. The margin has to be
    chosen before the data are seen.

    Parameters
    ----------
    a, b
        ``(n,)`` outcomes of the same questions, in the same unit; a pair with NaN is left out.
    margin
        Largest mean difference that counts as none, above 0, in the unit of the outcomes.
    level
        1 - :math:`\alpha`, above 0.5 and below 1.

    Returns
    -------
    TestResult
        ``statistic`` is the t of the side with the larger p, ``effect`` the mean of a - b. Undefined with fewer
        than two pairs, and where the differences do not vary.

    References
    ----------
    Schuirmann (1987), *J. Pharmacokinet. Biopharm.* 15.

    Examples
    --------
    >>> r = tost([0.71, 0.64, 0.80, 0.55, 0.62], [0.70, 0.66, 0.79, 0.57, 0.61], margin=0.05)
    >>> print(f"{r.effect.value:.3f} [{r.effect.low:.3f}, {r.effect.high:.3f}], p = {r.pvalue:.4f}")
    -0.002 [-0.018, 0.014], p = 0.0014
    """
    z_of(level)
    real(margin, "margin must be above 0 and finite", lambda x: 0 < x < math.inf)
    if level <= 0.5:
        raise BadInput(f"level must be above 0.5 for an interval at 2 level - 1, got {level!r}")
    (x, y), given = complete_rows(a=a, b=b)
    n = len(x)
    if n < 2:
        return untested("needs two pairs", n, given)
    order = np.lexsort([y, x])  # sums then do not depend on the order of rows
    (x, y, (within,)), exponent = in_units(x[order], y[order], np.array([margin], dtype=np.float64))
    d = x - y
    difference = out_of_units(d.mean(), exponent)
    if np.ptp(d) <= TIE * max(np.abs(x).max(), np.abs(y).max()):  # rounding of a constant is no spread
        return untested("the differences do not vary", n, given, difference)
    from statsmodels.stats.weightstats import ttost_paired

    pvalue, above, below = ttost_paired(x, y, -within, within)
    statistic = max((above[1], above[0]), (below[1], below[0]))[1]
    half = stats.t.ppf(level, n - 1) * stats.sem(d)
    low, high = (out_of_units(d.mean() + side * half, exponent) for side in (-1, 1))
    method = f"two one-sided t-tests of paired differences, margin {margin:g}, t-interval {percent(2 * level - 1)}"
    effect = Estimate(difference, low, high, n, n / given, method)
    return TestResult(float(statistic), float(pvalue), effect)


def _differences(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, int]:
    """Differences :func:`in_units`, where what lies within rounding of 0 is 0 and of each other is of equal size."""
    (x, y), exponent = in_units(x, y)
    d = x - y
    order = np.argsort(np.abs(d))
    size = np.concatenate([[0.0], np.abs(d)[order]])
    first = np.diff(size, prepend=-1) > TIE  # the largest number of all is about 1 in these units
    level_of = np.empty_like(d)
    level_of[order] = size[first][np.cumsum(first) - 1][1:]
    return np.sign(d) * level_of, exponent


def _sums(sizes: np.ndarray) -> np.ndarray:
    """Chance of each sum 0, 1, 2, … of whole numbers, where each is in it or not with chance 1/2."""
    chance = np.ones(1)
    for size in sizes.astype(int):
        none = np.zeros(size)
        chance = (np.append(chance, none) + np.append(none, chance)) / 2
    return chance


def _rejected_rank_sums(n: int, level: float) -> int:
    """How many of the rank sums 0, 1, 2, … a two-sided signed-rank test of n differences rejects at 1 - level."""
    if n > _EXACT:
        return max(0, math.ceil(n * (n + 1) / 4 - z_of(level) * math.sqrt(n * (n + 1) * (2 * n + 1) / 24)))
    return int((2 * _sums(np.arange(1, n + 1)).cumsum() < 1 - level).sum())
