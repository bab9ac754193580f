"""Differences between two sets of outcomes, paired or not, and what several tests at once ask for."""

from __future__ import annotations

import dataclasses
import math
from numbers import Integral

import numpy as np
from scipy import stats

from homogen.evaluation._base import (
    NAN,
    Row,
    TestResult,
    check_binary,
    check_interval,
    complete_rows,
    is_number,
    percentiles,
    resampled,
    row,
    untested,
    z_of,
)
from homogen.records import BadInput, Estimate


def wilson(successes: int, n: int, level: float = 0.95) -> Estimate:
    """A proportion with Wilson's score interval (Wilson 1927, *JASA* 22).

    Examples
    --------
    >>> print(wilson(0, 10))
    0.000 [0.000, 0.278], n=10, coverage 100%
    """
    z_of(level)
    if not (isinstance(successes, Integral) and isinstance(n, Integral) and 0 <= successes <= n):
        raise BadInput(f"needs whole numbers 0 <= successes <= n, got {successes!r} of {n!r}")
    if not n:
        return Estimate.undefined("no trials")
    low, high = stats.binomtest(int(successes), int(n)).proportion_ci(level, method="wilson")
    return Estimate(successes / n, float(low), float(high), int(n), 1.0, f"proportion, Wilson {level:.0%}")


def bootstrap_mean(values: Row, resamples: int = 10_000, seed: int = 0, level: float = 0.95) -> Estimate:
    """The mean of one number a question, with a bootstrap interval; NaN is left out.

    Examples
    --------
    >>> print(bootstrap_mean([1.0, 2.0, 3.0, float("nan")]))
    2.000 [1.000, 3.000], n=3, coverage 75%
    """
    check_interval("bootstrap", resamples, seed, level, ("bootstrap",))
    (x,), given = complete_rows(values=values)
    x, n = np.sort(x), len(x)
    if not n:
        return Estimate.undefined("no values")
    means = np.concatenate([x[rows].mean(axis=1) for rows in resampled(n, resamples, seed)])
    low, high = percentiles(means, level)[:2]
    if n == 1:
        low = high = NAN  # one question says nothing of how questions vary
    method = f"mean, bootstrap {level:.0%} over questions, {resamples:,} resamples"
    return Estimate(float(x.mean()), low, high, n, n / given, method)


def paired_bootstrap_difference(
    a: Row, b: Row, resamples: int = 10_000, seed: int = 0, level: float = 0.95
) -> Estimate:
    """Mean of a - b over the same questions, with a bootstrap interval that keeps the pairs together.

    Examples
    --------
    >>> print(paired_bootstrap_difference([3, 4, 5, 9], [1, 2, 3, 7]))
    2.000 [2.000, 2.000], n=4, coverage 100%
    """
    (x, y), given = complete_rows(a=a, b=b)
    mean = bootstrap_mean(x - y, resamples, seed, level)
    return dataclasses.replace(
        mean, coverage=len(x) / max(given, 1), method=mean.method.replace("mean", "mean of a - b")
    )


def holm(pvalues: Row) -> np.ndarray:
    r"""Adjust p-values for testing m hypotheses at once (Holm 1979, *Scand. J. Stat.* 6).

    .. math:: \tilde p_{(i)} = \max_{j \le i} \min\{1, (m - j + 1)\, p_{(j)}\}

    NaN (a test that is undefined) stays NaN and is not counted.

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
              \operatorname{Var}(d) \approx \frac{n_1 + n_0}{n_1 n_0} + \frac{d^2}{2 (n_1 + n_0)}

    The interval is normal with this large-sample variance (Hedges and Olkin 1985, chapter 5). Needs two of each class.

    Examples
    --------
    >>> print(cohens_d([3, 4, 5, 1, 2, 3], [1, 1, 1, 0, 0, 0]))
    2.000 [0.040, 3.960], n=6, coverage 100%
    """
    z = z_of(level)
    (s, w), given = complete_rows(("wrong",), score=score, wrong=wrong)
    n, n1, n0 = len(w), int(w.sum()), int((~w).sum())
    if min(n1, n0) < 2:
        return Estimate.undefined("needs two wrong and two right answers", n, n / max(given, 1))
    pooled = math.sqrt(((n1 - 1) * s[w].var(ddof=1) + (n0 - 1) * s[~w].var(ddof=1)) / (n - 2))
    if pooled <= 1e-12 * np.abs(s).max():  # rounding of a constant is no spread
        return Estimate.undefined("the score does not vary within the classes", n, n / given)
    d = float(s[w].mean() - s[~w].mean()) / pooled
    half = z * math.sqrt(n / (n1 * n0) + d**2 / (2 * n))
    return Estimate(d, d - half, d + half, n, n / given, f"Cohen's d, normal {level:.0%}")


def paired_wilcoxon(a: Row, b: Row, level: float = 0.95) -> TestResult:
    """Wilcoxon's signed-rank test (Wilcoxon 1945), with the Hodges-Lehmann shift and its interval.

    Pairs that are equal are left out of the test, not of the shift: the median of all means of two differences (Hodges
    and Lehmann 1963). Its interval holds the shifts that the test does not reject at 1 - ``level``, so without ties or
    zeros among the differences it leaves out 0 exactly where p < 1 - ``level``. Both come from the exact distribution
    up to n = 50 (the interval also with ties, then conservative), from the normal one beyond. Where n is too small for
    any rejection (n < 6 at 95%) the ends are NaN. Memory grows with n squared (n = 5,000: 0.5 GB).

    Examples
    --------
    >>> r = paired_wilcoxon([9, 8, 7, 9, 6, 9], [5, 6, 6, 4, 6, 2])
    >>> r.pvalue, r.difference
    (0.0625, 3.0)
    """
    z_of(level)
    (x, y), _ = complete_rows(a=a, b=b)
    d, n = x - y, len(x)
    if not n:
        return untested("no pairs", 0)
    test = stats.wilcoxon(d) if d.any() else None
    i, j = np.triu_indices(n)
    walsh = np.sort((d[i] + d[j]) / 2)
    k = _rejected_rank_sums(n, level)
    # The smaller rank sum is the number of means on the other side of 0, so 0 is rejected if fewer than k are.
    low, high = (float(walsh[k - 1]), float(walsh[-k])) if k else (NAN, NAN)
    statistic, pvalue = (float(test.statistic), float(test.pvalue)) if test else (0.0, 1.0)
    method = f"signed-rank test, Hodges-Lehmann shift {level:.0%}"
    return TestResult(statistic, pvalue, float(np.median(walsh)), low, high, n, method)


def mcnemar(a: Row, b: Row, level: float = 0.95) -> TestResult:
    """Do two yes/no outcomes of the same questions have the same rate? Exact (McNemar 1947, *Psychometrika* 12).

    ``statistic`` is the smaller number of questions with one outcome but not the other, ``difference`` the rate of
    ``a`` minus that of ``b``, with the adjusted Wald interval of Bonett and Price (2012).

    Examples
    --------
    >>> mcnemar([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 1, 0]).pvalue
    0.125
    """
    z = z_of(level)
    (x, y), _ = complete_rows(("a", "b"), a=a, b=b)
    n, a_only, b_only = len(x), int((x & ~y).sum()), int((~x & y).sum())
    if not n:
        return untested("no pairs", 0)
    pvalue = float(stats.binomtest(a_only, a_only + b_only).pvalue) if a_only + b_only else 1.0
    p, q = (a_only + 1) / (n + 2), (b_only + 1) / (n + 2)
    half = z * math.sqrt((p + q - (p - q) ** 2) / (n + 2))
    low, high = max(-1.0, p - q - half), min(1.0, p - q + half)
    method = f"exact McNemar test, Bonett-Price {level:.0%}"
    return TestResult(float(min(a_only, b_only)), pvalue, (a_only - b_only) / n, low, high, n, method)


def fisher(a: Row, b: Row, level: float = 0.95) -> TestResult:
    r"""Do two independent groups have the same rate of a yes/no outcome? Exact (Fisher 1922, *J. R. Stat. Soc.* 85).

    ``statistic`` is the sample odds ratio of ``a`` against ``b`` (infinite or 0 with an empty cell, NaN where nobody or
    everybody has the outcome); ``difference`` the rate of ``a`` minus that of ``b``, with Newcombe's hybrid-score
    interval (Newcombe 1998, *Stat. Med.* 17, method 10). For the same questions twice use :func:`mcnemar`.

    Parameters
    ----------
    a, b
        ``(n_a,)`` and ``(n_b,)`` of 0 and 1; NaN is left out.

    Examples
    --------
    >>> r = fisher([1, 1, 1, 0], [1, 0, 0, 0])
    >>> print(f"odds ratio {r.statistic:.0f}, p = {r.pvalue:.3f}, {r.difference:.2f} [{r.low:.2f}, {r.high:.2f}]")
    odds ratio 9, p = 0.486, 0.50 [-0.14, 0.79]
    """
    z_of(level)
    groups = []
    for name, values in (("a", a), ("b", b)):
        x = row(name, values)
        check_binary(name, x)
        groups.append(x[~np.isnan(x)].astype(bool))
    (yes_a, n_a), (yes_b, n_b) = ((int(x.sum()), len(x)) for x in groups)
    if not n_a or not n_b:
        return untested("a group is empty", n_a + n_b)
    from statsmodels.stats.proportion import confint_proportions_2indep

    odds, pvalue = stats.fisher_exact([[yes_a, n_a - yes_a], [yes_b, n_b - yes_b]])
    low, high = confint_proportions_2indep(
        yes_a, n_a, yes_b, n_b, method="newcomb", compare="diff", alpha=1 - level, correction=False
    )
    method = f"Fisher's exact test, Newcombe {level:.0%}"
    difference = yes_a / n_a - yes_b / n_b
    return TestResult(float(odds), float(pvalue), difference, float(low), float(high), n_a + n_b, method)


def tost(a: Row, b: Row, margin: float, level: float = 0.95) -> TestResult:
    r"""Are paired outcomes equivalent, their mean difference within ± ``margin``? Two one-sided t-tests.

    .. math:: p = \max\bigl\{P(T > t_+),\; P(T < t_-)\bigr\}, \qquad
              t_\pm = \frac{\bar d \pm \Delta}{s_d / \sqrt{n}}, \qquad \Delta = \text{margin}

    Schuirmann (1987, *J. Pharmacokinet. Biopharm.* 15). A small p shows equivalence; a large one shows nothing, and
    least of all a difference. The interval is the t-interval at :math:`1 - 2\alpha` with :math:`\alpha` = 1 -
    ``level``, so 90% for the default: it lies inside ± margin exactly where p < :math:`\alpha`. ``statistic`` is the t
    of the side with the larger p. The margin has to be chosen before the data are seen.

    Parameters
    ----------
    a, b
        ``(n,)`` outcomes of the same questions; a pair with NaN is left out.
    margin
        Largest mean difference that counts as none, above 0, in the unit of the outcomes.

    Examples
    --------
    >>> r = tost([0.71, 0.64, 0.80, 0.55, 0.62], [0.70, 0.66, 0.79, 0.57, 0.61], margin=0.05)
    >>> print(f"{r.difference:.3f} [{r.low:.3f}, {r.high:.3f}], p = {r.pvalue:.4f}")
    -0.002 [-0.018, 0.014], p = 0.0014
    """
    z_of(level)
    if not is_number(margin) or not 0 < margin < math.inf:
        raise BadInput(f"margin must be above 0 and finite, got {margin!r}")
    if level <= 0.5:
        raise BadInput(f"level must be above 0.5 for an interval at 2 level - 1, got {level!r}")
    (x, y), _ = complete_rows(a=a, b=b)
    n = len(x)
    if n < 2:
        return untested("needs two pairs", n)
    order = np.lexsort([y, x])  # sums then do not depend on the order of rows
    x, y = x[order], y[order]
    d = x - y
    difference = float(d.mean())
    if np.ptp(d) <= 1e-12 * max(np.abs(x).max(), np.abs(y).max()):  # rounding of a constant is no spread
        return untested("the differences do not vary", n, difference)
    from statsmodels.stats.weightstats import ttost_paired

    pvalue, above, below = ttost_paired(x, y, -margin, margin)
    statistic = max((above[1], above[0]), (below[1], below[0]))[1]
    half = float(stats.t.ppf(level, n - 1) * stats.sem(d))
    method = f"two one-sided t-tests of paired differences, margin {margin:g}, t-interval {2 * level - 1:.0%}"
    return TestResult(float(statistic), float(pvalue), difference, difference - half, difference + half, n, method)


def _rejected_rank_sums(n: int, level: float) -> int:
    """How many of the rank sums 0, 1, 2, … a two-sided signed-rank test of n differences rejects at 1 - level."""
    if n > 50:  # where SciPy's test turns to the normal distribution as well
        return max(0, math.ceil(n * (n + 1) / 4 - z_of(level) * math.sqrt(n * (n + 1) * (2 * n + 1) / 24)))
    chance = np.ones(1)  # of each sum of the ranks that got a plus sign
    for rank in range(1, n + 1):
        none = np.zeros(rank)
        chance = (np.append(chance, none) + np.append(none, chance)) / 2
    return int((2 * chance.cumsum() < 1 - level).sum())
