"""Two numbers of each question: their difference, and tests of it."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from homogen.evaluation._base import (
    NAN,
    ONE,
    TIE,
    Row,
    TestResult,
    complete_rows,
    in_units,
    out_of_units,
    percent,
    untested,
    z_of,
)
from homogen.records import BadInput, Estimate
from homogen.records.checks import real

LEAST_PAIRS = 6
"""Below so many pairs no test at 95% can reject, and no interval of a difference is given."""


_EXACT = 50  # differences up to which the signed-rank test counts all patterns of signs


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
