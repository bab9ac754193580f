"""Outcomes that are yes or no: one rate, and two rates compared, paired or not."""

from __future__ import annotations

import math
from numbers import Integral

import numpy as np
from scipy import stats

from homogen.evaluation._base import Row, TestResult, check_binary, complete_rows, percent, row, untested, z_of
from homogen.records import BadInput, Estimate


def wilson(successes: int, n: int, level: float = 0.95) -> Estimate:
    r"""A proportion with Wilson's score interval (Wilson 1927).

    .. math:: \frac{\hat p + \frac{z^2}{2n} \pm z \sqrt{\frac{\hat p (1 - \hat p)}{n} + \frac{z^2}{4 n^2}}}
              {1 + \frac{z^2}{n}}, \qquad \hat p = \frac{\text{successes}}{n}

    The rates that a normal test with its own standard error does not reject; z is the normal quantile of ``level``. It
    stays inside [0, 1], and 0 of 10 has a width, which a bootstrap would not give it.

    Parameters
    ----------
    successes, n
        Whole numbers, 0 <= successes <= n.
    level
        Of the interval, between 0 and 1.

    Returns
    -------
    Estimate
        From 0 to 1. Undefined for n = 0.

    References
    ----------
    Wilson (1927), *J. Am. Stat. Assoc.* 22.

    Examples
    --------
    >>> print(wilson(0, 10))
    0.000 [0.000, 0.278], n=10, coverage 100%
    """
    z_of(level)
    counts = all(isinstance(x, Integral) and not isinstance(x, bool) for x in (successes, n))
    if not (counts and 0 <= successes <= n <= 2**53):
        raise BadInput(f"needs whole numbers 0 <= successes <= n, got {successes!r:.40} of {n!r:.40}")
    if not n:
        return Estimate.undefined("no trials")
    low, high = stats.binomtest(int(successes), int(n)).proportion_ci(level, method="wilson")
    return Estimate(successes / n, float(low), float(high), int(n), 1.0, f"proportion, Wilson {percent(level)}")


def mcnemar(a: Row, b: Row, level: float = 0.95) -> TestResult:
    r"""Do two yes/no outcomes of the same questions have the same rate? Exact (McNemar 1947).

    .. math:: p = \min\Bigl\{1,\; 2 \sum_{k \le \min(n_{10}, n_{01})} \binom{m}{k} 2^{-m}\Bigr\}, \qquad
              m = n_{10} + n_{01}

    :math:`n_{10}` questions have the outcome under a but not under b, :math:`n_{01}` the reverse; the others say
    nothing of the difference. Its interval is the adjusted Wald one of Bonett and Price (2012),

    .. math:: \tilde p_{10} - \tilde p_{01} \pm z \sqrt{\frac{\tilde p_{10} + \tilde p_{01}
              - (\tilde p_{10} - \tilde p_{01})^2}{n + 2}}, \qquad \tilde p_{jk} = \frac{n_{jk} + 1}{n + 2}

    cut off at -1 and 1.

    Parameters
    ----------
    a, b
        ``(n,)`` of 0 and 1, of the same questions; a pair with a NaN is left out.
    level
        Of the interval, between 0 and 1.

    Returns
    -------
    TestResult
        ``statistic`` is :math:`\min(n_{10}, n_{01})`, ``effect`` the rate of a minus that of b. Undefined without
        pairs; p = 1 where all pairs agree. The exact test and the interval can differ about 0.

    References
    ----------
    McNemar (1947), *Psychometrika* 12. Bonett and Price (2012), *J. Educ. Behav. Stat.* 37.

    Examples
    --------
    >>> mcnemar([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 1, 0]).pvalue
    0.125
    """
    z = z_of(level)
    (x, y), given = complete_rows(("a", "b"), a=a, b=b)
    n, a_only, b_only = len(x), int((x & ~y).sum()), int((~x & y).sum())
    if not n:
        return untested("no pairs", 0, given)
    pvalue = float(stats.binomtest(a_only, a_only + b_only).pvalue) if a_only + b_only else 1.0
    p, q = (a_only + 1) / (n + 2), (b_only + 1) / (n + 2)
    half = z * math.sqrt((p + q - (p - q) ** 2) / (n + 2))
    low, high = max(-1.0, p - q - half), min(1.0, p - q + half)
    method = f"exact McNemar test, Bonett-Price {percent(level)}"
    effect = Estimate((a_only - b_only) / n, low, high, n, n / given, method)
    return TestResult(float(min(a_only, b_only)), pvalue, effect)


def fisher(a: Row, b: Row, level: float = 0.95) -> TestResult:
    r"""Do two independent groups have the same rate of a yes/no outcome? Exact (Fisher 1922).

    .. math:: P(X = k) = \frac{\binom{n_a}{k} \binom{n_b}{m - k}}{\binom{n_a + n_b}{m}}, \qquad
              p = \sum_{k:\, P(X = k) \le P(X = x_a)} P(X = k)

    Of :math:`m` questions with the outcome, :math:`x_a` are in group a: hypergeometric if the groups do not matter. The
    interval of the difference is Newcombe's hybrid score interval, from the Wilson intervals :math:`[l, u]` of both
    rates (method 10 of Newcombe 1998):

    .. math:: \Bigl[\hat p_a - \hat p_b - \sqrt{(\hat p_a - l_a)^2 + (u_b - \hat p_b)^2},\;
              \hat p_a - \hat p_b + \sqrt{(u_a - \hat p_a)^2 + (\hat p_b - l_b)^2}\Bigr]

    For the same questions twice use :func:`mcnemar`.

    Parameters
    ----------
    a, b
        ``(n_a,)`` and ``(n_b,)`` of 0 and 1; NaN is left out.
    level
        Of the interval, between 0 and 1.

    Returns
    -------
    TestResult
        ``statistic`` is the sample odds ratio of a against b (infinite or 0 with an empty cell, NaN where nobody or
        everybody has the outcome); ``effect`` the rate of a minus that of b; its n both groups. Undefined if a
        group is empty. The exact test and the interval can differ about 0.

    References
    ----------
    Fisher (1922), *J. R. Stat. Soc.* 85. Newcombe (1998), *Stat. Med.* 17.

    Examples
    --------
    >>> r = fisher([1, 1, 1, 0], [1, 0, 0, 0])
    >>> print(f"odds ratio {r.statistic:.0f}, p = {r.pvalue:.3f}, {r.effect}")
    odds ratio 9, p = 0.486, 0.500 [-0.135, 0.789], n=8, coverage 100%
    """
    z_of(level)
    groups, given = [], 0
    for name, values in (("a", a), ("b", b)):
        x = row(name, values)
        check_binary(name, x)
        groups.append(x[~np.isnan(x)].astype(bool))
        given += len(x)
    (yes_a, n_a), (yes_b, n_b) = ((int(x.sum()), len(x)) for x in groups)
    if not n_a or not n_b:
        return untested("a group is empty", n_a + n_b, given)
    from statsmodels.stats.proportion import confint_proportions_2indep

    odds, pvalue = stats.fisher_exact([[yes_a, n_a - yes_a], [yes_b, n_b - yes_b]])
    low, high = confint_proportions_2indep(
        yes_a, n_a, yes_b, n_b, method="newcomb", compare="diff", alpha=1 - level, correction=False
    )
    method = f"Fisher's exact test, Newcombe {percent(level)}"
    n, difference = n_a + n_b, yes_a / n_a - yes_b / n_b
    effect = Estimate(difference, float(low), float(high), n, n / given, method)
    return TestResult(float(odds), float(pvalue), effect)
