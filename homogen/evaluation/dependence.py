r"""Do two numbers a question go together: correlation, and three statistics that see more than a straight line.

The last three have a permutation null: the partners of ``a`` are dealt out at random, draw by draw. Their values
are above 0 for independent data too, so read them beside ``null_mean``. With a row that does not vary there is nothing
to measure: undefined, as are fewer than three pairs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy import special, stats
from scipy.spatial import distance

from homogen.evaluation._base import (
    PermutationResult,
    Row,
    TestResult,
    against_null,
    complete_rows,
    in_units,
    mass_bins,
    percent,
    shuffled,
    untested,
    varies,
    z_of,
)
from homogen.records import Draws, Estimate
from homogen.records.checks import one_of, whole
from homogen.records.draws import check_draws

ESTIMATORS = ("plugin", "miller-madow")


def pearson(a: Row, b: Row, level: float = 0.95) -> TestResult:
    r"""Pearson's correlation: how close the pairs lie to a straight line.

    .. math:: r = \frac{\sum_i (a_i - \bar a)(b_i - \bar b)}{\sqrt{\sum_i (a_i - \bar a)^2 \sum_i (b_i - \bar b)^2}}

    The test is Student's t with n - 2 degrees of freedom, exact for normal data; the interval is that of Fisher's z and
    good for little else:

    .. math:: t = r \sqrt{\frac{n - 2}{1 - r^2}}, \qquad
              \tanh\Bigl(\operatorname{artanh} r \pm \frac{z}{\sqrt{n - 3}}\Bigr)

    r near 0 rules out a line, not dependence.

    Parameters
    ----------
    a, b
        ``(n,)`` each, in units of their own; a pair with NaN is left out.
    level
        Of the interval, between 0 and 1.

    Returns
    -------
    TestResult
        ``statistic`` is t, ``effect`` is r, from -1 to 1 (against 0, no correlation). With three pairs the interval
        is [-1, 1]. Pairs on a line have r = ±1, t infinite, p = 0 and no width: a statement about these pairs. Where
        fewer than nine in ten values of a row are distinct, as in counts, there is no interval (NaN): Fisher's z is not
        made for them, and :func:`correlation_test` is. Undefined with fewer than three pairs, and where a row does not
        vary.

    References
    ----------
    Fisher (1921), *Metron* 1.

    Examples
    --------
    >>> r = pearson([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])
    >>> print(f"{r.effect}; t = {r.statistic:.2f}, p = {r.pvalue:.3f}")
    0.800 [-0.280, 0.986], n=5, coverage 100%; t = 2.31, p = 0.104
    """
    z_of(level)
    (x, y), given, reason = _pairs(a, b)
    n = len(x)
    if reason:
        return untested(reason, n, given)
    # Standardised, for SciPy takes a small spread at a large mean for a constant.
    x, y = ((v - v.mean()) / v.std() for v in (x, y))
    result = stats.pearsonr(x, y)
    r = float(result.statistic)
    method = f"Pearson's r, Fisher's z {percent(level)}"
    if abs(r) > 1 - 1e-12:  # a line up to rounding
        exact = Estimate(round(r), round(r), round(r), n, n / given, method)
        return TestResult(math.copysign(math.inf, r), 0.0, exact)
    low, high = result.confidence_interval(level)
    if min(len(np.unique(x)), len(np.unique(y))) < 0.9 * n:
        low, high, method = math.nan, math.nan, "Pearson's r, no interval: values tie"
    t = r * math.sqrt((n - 2) / (1 - r**2))
    return TestResult(t, float(result.pvalue), Estimate(r, float(low), float(high), n, n / given, method))


def correlation_test(a: Row, b: Row, draws: Draws = Draws(1000)) -> PermutationResult:
    r"""Size of Pearson's correlation beside its size where partners are drawn at random.

    .. math:: p = \frac{1 + \#\{b : |r_b| \ge |r|\}}{1 + B}

    For numbers with many ties, such as counts of clusters from 1 to 10, for which Fisher's z of :func:`pearson` is no
    interval.

    Parameters
    ----------
    a, b
        As in :func:`pearson`.
    draws
        Random orders of b, and the share of their range that is shown.

    Returns
    -------
    PermutationResult
        ``observed`` is :math:`|r|`. Undefined with fewer than three pairs, and where a row does not vary.

    References
    ----------
    Phipson and Smyth (2010), *Stat. Appl. Genet. Mol. Biol.* 9.

    Examples
    --------
    >>> r = correlation_test([1, 1, 2, 2, 3, 3], [1, 1, 1, 2, 2, 3], draws=Draws(999))
    >>> print(f"{r.observed:.2f}, by chance up to {r.null_high:.2f}, p = {r.pvalue:.2f}")
    0.82, by chance up to 0.82, p = 0.12
    """
    (x, y), given, reason = _checked(a, b, draws)
    n = len(x)
    if reason:
        return PermutationResult.undefined(reason, n, given)
    order = np.lexsort([y, x])  # so the order of rows plays no part
    x, y = ((v[order] - v.mean()) / v.std() for v in (x, y))
    null = np.array([abs(float(y[rows] @ x)) / n for rows in _orders(n, draws)])
    method = f"size of Pearson's r, {draws.resamples:,} permutations"
    return against_null(_bare(abs(float(x @ y)) / n, n, given, method), null, draws.level)


def distance_correlation(a: Row, b: Row, draws: Draws = Draws(1000)) -> PermutationResult:
    r"""Distance correlation, 0 in the limit if and only if a and b are independent (Székely, Rizzo and Bakirov 2007).

    .. math:: \mathrm{dCor} = \sqrt{\frac{\langle A, B \rangle}
              {\sqrt{\langle A, A \rangle \langle B, B \rangle}}}, \qquad A = H \bigl(|a_i - a_j|\bigr)_{ij} H, \quad
              H = I - \tfrac{1}{n} \mathbf{1}\mathbf{1}^\top

    The biased V-statistic, between 0 and 1, the number that statsmodels and dcor give; for independent pairs it is
    still near 0.1 at n = 300 (``null_mean``). Memory grows with n squared, time with n squared times the draws.

    Parameters
    ----------
    a, b
        ``(n,)`` each, in units of their own; a pair with NaN is left out.
    draws
        Of the permutations, and the share of them in [``null_low``, ``null_high``].

    Returns
    -------
    PermutationResult
        ``observed`` is dCor, from 0 to 1. Undefined with fewer than three pairs, and where a row does not vary.

    References
    ----------
    Székely, Rizzo and Bakirov (2007), *Ann. Stat.* 35.

    Examples
    --------
    A parabola, which has no correlation at all:

    >>> a = range(-10, 11)
    >>> d = distance_correlation(a, [x**2 for x in a], draws=Draws(500))
    >>> print(f"{d.observed:.3f}, null {d.null_mean:.3f}, p = {d.pvalue:.3f}")
    0.493, null 0.329, p = 0.046
    """
    (x, y), given, reason = _checked(a, b, draws)
    if reason:
        return PermutationResult.undefined(reason, len(x), given)
    # Libraries give one value and no null; permutations need these matrices, which give that value too.
    A, B = (_centred(distance.squareform(distance.pdist(v[:, None]))) for v in (x, y))
    size = math.sqrt((A * A).sum()) * math.sqrt((B * B).sum())
    null = np.array([np.einsum("ij,ij", A, B[order][:, order]) for order in _orders(len(x), draws)]) / size
    null = np.sqrt(np.maximum(null, 0))  # never below, but for rounding
    observed = math.sqrt(max(float((A * B).sum()), 0) / size)
    method = f"distance correlation, {draws.resamples:,} permutations"
    return against_null(_bare(observed, len(x), given, method), null, draws.level)


def hsic(a: Row, b: Row, draws: Draws = Draws(1000)) -> PermutationResult:
    r"""Hilbert-Schmidt independence criterion with Gaussian kernels (Gretton et al. 2005, ALT).

    .. math:: \mathrm{HSIC} = \frac{1}{n^2} \operatorname{tr}(K H L H), \qquad
              K_{ij} = e^{-(a_i - a_j)^2 / 2 \sigma_a^2}, \qquad H = I - \tfrac{1}{n} \mathbf{1}\mathbf{1}^\top

    The biased V-statistic (Gretton et al. 2008, NeurIPS). :math:`\sigma` is the median distance of two questions, or
    of two with different values where more than half of the pairs are tied; units play no part. Its size means little
    by itself: read ``pvalue``, and ``observed`` beside ``null_mean``. Memory grows with n squared, time with its cube.

    Parameters
    ----------
    a, b, draws
        As in :func:`distance_correlation`.

    Returns
    -------
    PermutationResult
        ``observed`` is HSIC, from 0 up. Undefined with fewer than three pairs, and where a row does not vary.

    References
    ----------
    Gretton, Bousquet, Smola and Schölkopf (2005), ALT. Gretton et al. (2008), NeurIPS.

    Examples
    --------
    >>> a = range(-10, 11)
    >>> h = hsic(a, [x**2 for x in a], draws=Draws(500))
    >>> print(f"{h.observed:.3f}, null {h.null_mean:.3f}, p = {h.pvalue:.3f}")
    0.030, null 0.009, p = 0.012
    """
    (x, y), given, reason = _checked(a, b, draws)
    n = len(x)
    if reason:
        return PermutationResult.undefined(reason, n, given)
    K, L = (_centred_kernel(v) for v in (x, y))
    # tr(KHLH) is the squared size of U^T P V for any roots K = U U^T and L = V V^T. Gaussian kernels of one number are
    # all but a few dozen columns, so that a permutation costs n times their product and not n squared.
    U, V = (_root_of(matrix) for matrix in (K, L))
    null = np.array([((U.T @ V[order]) ** 2).sum() for order in _orders(n, draws)]) / n**2
    method = f"HSIC, {draws.resamples:,} permutations"
    return against_null(_bare(float((K * L).sum()) / n**2, n, given, method), null, draws.level)


def mutual_information(
    a: Row, b: Row, bins: int = 8, estimator: str = "plugin", draws: Draws = Draws(1000)
) -> PermutationResult:
    r"""Mutual information of a and b in nats, over equal-mass bins (Shannon 1948). Divide by ln 2 for bits.

    .. math:: I = \sum_{j,k} \frac{n_{jk}}{n} \ln \frac{n\, n_{jk}}{n_{j\cdot}\, n_{\cdot k}}

    The plug-in estimate is biased upward by about :math:`(K - 1)^2 / 2n` nats for K bins each (Miller 1955): 0.03 nats,
    0.045 bits, for 8 bins and 790 independent questions. The same bias is in every permutation, which is why
    ``null_mean`` comes with it: the evidence is in what is left, and in ``pvalue``.

    Parameters
    ----------
    a, b
        ``(n,)`` each; a pair with NaN is left out. Only the order of the values matters.
    bins
        How many for each, 2 to a million. Ties share a bin, as in equal-mass :func:`reliability`, so a number with
        fewer values has fewer bins, and 0/1 columns have two.
    estimator
        ``"plugin"``, or ``"miller-madow"`` less the bias in the numbers of occupied cells,
        :math:`(K_{ab} - K_a - K_b + 1)/2n`; that one can be below 0.
    draws
        As in :func:`distance_correlation`.

    Returns
    -------
    PermutationResult
        ``observed`` is I in nats. Undefined with fewer than three pairs, and where a row does not vary.

    References
    ----------
    Shannon (1948), *Bell Syst. Tech. J.* 27. Miller (1955), in *Information Theory in Psychology*.

    Examples
    --------
    Two columns that are the same say ln 2 nats of each other, one bit:

    >>> m = mutual_information([0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1], draws=Draws(500))
    >>> print(f"{m.observed:.3f} nats, {m.observed / math.log(2):.3f} bits, null {m.null_mean:.3f}, p = {m.pvalue:.2f}")
    0.693 nats, 1.000 bits, null 0.071, p = 0.03
    """
    whole("bins", bins, 2, 10**6)
    one_of("estimator", estimator, ESTIMATORS)
    (x, y), given, reason = _checked(a, b, draws)
    n = len(x)
    if reason:
        return PermutationResult.undefined(reason, n, given)
    (of_x, nx), (of_y, ny) = (_cells(v, bins) for v in (x, y))
    entropies = -special.xlogy(nx / n, nx / n).sum() - special.xlogy(ny / n, ny / n).sum()
    plain = special.xlogy(np.arange(n + 1) / n, np.arange(n + 1) / n)

    def information(orders: np.ndarray) -> np.ndarray:
        cell = of_x * len(ny) + of_y[orders] + len(nx) * len(ny) * np.arange(len(orders))[:, None]
        joint = np.bincount(cell.ravel(), minlength=len(nx) * len(ny) * len(orders)).reshape(len(orders), -1)
        nats = entropies + plain[joint].sum(axis=1)
        if estimator == "miller-madow":
            nats = nats - ((joint > 0).sum(axis=1) - len(nx) - len(ny) + 1) / (2 * n)
        return nats

    observed = float(information(np.arange(n)[None])[0])
    null = np.concatenate([information(orders) for orders in shuffled(np.zeros(n), draws)])
    method = f"mutual information in nats, {estimator}, {len(nx)} x {len(ny)} equal-mass bins"
    method += f", {draws.resamples:,} permutations"
    return against_null(_bare(observed, n, given, method), null, draws.level)


def _bare(value: float, n: int, given: int, method: str) -> Estimate:
    """A value without an interval."""
    return Estimate(value, math.nan, math.nan, n, n / given, method)


def _pairs(a: Row, b: Row) -> tuple[tuple[np.ndarray, np.ndarray], int, str]:
    """Pairs without NaN, sorted, as the order given plays no part; how many were given; why they say nothing."""
    (x, y), given = complete_rows(a=a, b=b)
    order = np.lexsort([y, x])
    (x,), (y,) = (in_units(v[order])[0] for v in (x, y))  # units play no part
    if len(x) < 3:
        return (x, y), given, "needs three pairs"
    still = [name for name, v in (("a", x), ("b", y)) if not varies(v)]
    return (x, y), given, f"{' and '.join(still)} {'do' if still[1:] else 'does'} not vary" if still else ""


def _checked(a: Row, b: Row, draws: Draws) -> tuple[tuple[np.ndarray, np.ndarray], int, str]:
    check_draws(draws)
    return _pairs(a, b)


def _orders(n: int, draws: Draws) -> Iterator[np.ndarray]:
    """Random orders of n rows, one at a time."""
    for orders in shuffled(np.zeros(n), draws):
        yield from orders


def _centred_kernel(x: np.ndarray) -> np.ndarray:
    apart = distance.pdist(x[:, None])
    bandwidth = np.median(apart) or np.median(apart[apart > 0])
    return _centred(np.exp(-(distance.squareform(apart) ** 2) / (2 * bandwidth**2)))


def _centred(K: np.ndarray) -> np.ndarray:
    """H K H."""
    return K - K.mean(axis=0) - K.mean(axis=1)[:, None] + K.mean()


def _root_of(K: np.ndarray) -> np.ndarray:
    """Columns U with U U^T = K up to rounding."""
    size, vectors = np.linalg.eigh(K)
    some = size > 1e-13 * size[-1]
    return vectors[:, some] * np.sqrt(size[some])


def _cells(x: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """The bin of each number, counted from 0 without empty ones, and how many each holds."""
    _, group, size = np.unique(x, return_inverse=True, return_counts=True)
    _, cell, n = np.unique(mass_bins(size, bins)[group], return_inverse=True, return_counts=True)
    return cell, n
