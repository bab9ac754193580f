"""Does a score tell wrong answers from right ones: estimates with their intervals, and tests.

``score`` is a number a question, higher = less certain; ``wrong`` is true (1) where the answer is wrong, the positive
class. A question whose score or label is NaN is left out and lowers ``coverage``. What cannot be estimated is
``Estimate.undefined`` with the reason. Lengths that differ, infinite scores and labels other than 0, 1 and NaN are a
``BadInput`` (a ValueError). ``level`` is always the confidence level, ``resamples`` and ``seed`` are a bootstrap's.

Scores of homogenized answers take few distinct values, so ties matter. AUROC counts one as half, and quantities of a
ranking are their expectation over all orders of the tied rows, in closed form: nothing depends on the order of rows.
Bootstraps draw questions with replacement, from sorted rows, and take percentiles (Efron and Tibshirani 1993, chapter
13).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from numbers import Integral

import numpy as np
import pandas as pd
from scipy import stats

from homogen.records import BadInput, Estimate, unknown

Row = Sequence[float]
"""``(n,)`` numbers: a list, an array, a column."""

_CHUNK = 2**20  # numbers drawn at a time: bounds the memory of a bootstrap


@dataclasses.dataclass(frozen=True)
class TestResult:
    """A two-sided test of a difference a - b with its interval, on ``n`` pairs; NaN if undefined (see ``method``)."""

    __test__ = False  # not one of pytest's

    statistic: float
    pvalue: float
    difference: float
    low: float
    high: float
    n: int
    method: str


def auroc(
    score: Row,
    wrong: Row,
    interval: str | None = "bootstrap",
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    r"""Probability that a wrong answer scores higher than a right one, a tie counting half (Hanley and McNeil 1982).

    .. math:: \mathrm{AUROC} = \frac{1}{n_1 n_0} \sum_{i\,\text{wrong}} \sum_{j\,\text{right}}
              \bigl(\mathbf{1}\{s_i > s_j\} + \tfrac{1}{2}\mathbf{1}\{s_i = s_j\}\bigr)

    A constant score has exactly 0.5, interval [0.5, 0.5], and so has any function of the clusters on questions with one
    cluster: that holds by construction and is no finding.

    Parameters
    ----------
    score, wrong
        ``(n,)`` each.
    interval
        ``"bootstrap"`` over questions, where resamples with one class only are dropped and counted in ``method``;
        ``"delong"``, normal with DeLong's variance, cut off at 0 and 1 (needs two of each class; at perfect separation
        that variance is 0, which says nothing of its width: NaN ends, and ``method`` says so); or ``None``.

    Examples
    --------
    Of the four pairs (wrong, right) three are in order and one is tied:

    >>> auroc([0.9, 0.4, 0.4, 0.1], [1, 1, 0, 0], interval=None).value
    0.875
    """
    if interval != "delong":
        return _ranking(_auroc, "AUROC", score, wrong, interval, resamples, seed, level, ("bootstrap", "delong"))
    point = auroc(score, wrong, interval=None)
    (s, w), _ = _rows(("wrong",), score=score, wrong=wrong)
    z, few = _z(level), min(w.sum(), (~w).sum())
    if few < 2:
        note = ", no interval: needs two of each class" if few else ""
        return dataclasses.replace(point, method=point.method + note)
    method = f"AUROC, DeLong {level:.0%}"
    if point.value in (0.0, 1.0):
        return dataclasses.replace(point, method=f"{method}, no interval: degenerate, perfect separation")
    half = z * math.sqrt(_delong_covariance([s], w)[0, 0])
    return dataclasses.replace(
        point, low=max(0.0, point.value - half), high=min(1.0, point.value + half), method=method
    )


def delong_test(score_a: Row, score_b: Row, wrong: Row, level: float = 0.95) -> TestResult:
    r"""Test whether two scores of the same questions have the same AUROC.

    .. math:: z = \frac{A_a - A_b}{\sqrt{\mathrm{Var}(A_a) + \mathrm{Var}(A_b) - 2\,\mathrm{Cov}(A_a, A_b)}}

    DeLong, DeLong and Clarke-Pearson (1988, *Biometrics* 44), by mid-ranks in :math:`O(n \log n)` (Sun and Xu 2014,
    *IEEE Signal Process. Lett.* 21). Needs two wrong and two right answers.

    Parameters
    ----------
    score_a, score_b, wrong
        ``(n,)`` each; a question with a NaN in any of them is left out.

    Examples
    --------
    >>> r = delong_test([4, 3, 2, 1, 0], [0, 4, 1, 3, 2], [1, 1, 0, 1, 0])
    >>> print(f"{r.difference:.3f}, z = {r.statistic:.3f}, p = {r.pvalue:.3f}")
    0.167, z = 0.354, p = 0.724
    """
    z = _z(level)
    (a, b, w), _ = _rows(("wrong",), score_a=score_a, score_b=score_b, wrong=wrong)
    if min(w.sum(), (~w).sum()) < 2:
        return _untested("needs two wrong and two right answers", len(w))
    difference = auroc(a, w, None).value - auroc(b, w, None).value
    covariance = _delong_covariance([a, b], w)
    se = math.sqrt(max(0.0, covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))
    method = f"difference of AUROC, DeLong {level:.0%}"
    if se < 1e-12:  # rounding alone: the scores order every wrong answer against the right ones alike
        if difference:
            return _untested("the difference does not vary", len(w), difference)
        return TestResult(0.0, 1.0, 0.0, 0.0, 0.0, len(w), method)
    pvalue = 2 * float(stats.norm.sf(abs(difference) / se))
    return TestResult(difference / se, pvalue, difference, difference - z * se, difference + z * se, len(w), method)


def risk_coverage(score: Row, wrong: Row) -> pd.DataFrame:
    """Error rate among the k answers of lowest score, for every k (El-Yaniv and Wiener 2010, *JMLR* 11).

    Returns columns ``coverage`` (k/n) and ``risk``, k = 1…n. Inside a block of ties errors are spread evenly.

    Examples
    --------
    >>> risk_coverage([0.1, 0.5, 0.5, 0.9], [0, 1, 0, 1]).risk.round(3).tolist()
    [0.0, 0.25, 0.333, 0.5]
    """
    (s, w), _ = _rows(("wrong",), score=score, wrong=wrong)
    _, block, size = np.unique(s, return_inverse=True, return_counts=True)
    share = np.repeat(np.bincount(block, w, len(size)) / size, size)
    k = np.arange(1, len(w) + 1)
    return pd.DataFrame({"coverage": k / max(len(w), 1), "risk": np.cumsum(share) / k})


def aurc(
    score: Row,
    wrong: Row,
    interval: str | None = "bootstrap",
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    r"""Area under the risk-coverage curve, lower is better (Geifman, Uziel and El-Yaniv 2019, ICLR).

    .. math:: \mathrm{AURC} = \frac{1}{n} \sum_{k=1}^{n} \frac{\text{errors among the } k \text{ lowest scores}}{k}

    Parameters are those of :func:`auroc` without DeLong. A constant score has the error rate.

    Examples
    --------
    >>> round(aurc([0.1, 0.5, 0.5, 0.9], [0, 1, 0, 1], interval=None).value, 4)
    0.2708
    """
    return _ranking(_aurc, "AURC", score, wrong, interval, resamples, seed, level)


def prr(
    score: Row,
    wrong: Row,
    interval: str | None = "bootstrap",
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    r"""Prediction rejection ratio: how much of an oracle's gain a score has (Malinin and Gales 2021, ICLR).

    .. math:: \mathrm{PRR} = \frac{\mathrm{AURC}_\text{random} - \mathrm{AURC}}
              {\mathrm{AURC}_\text{random} - \mathrm{AURC}_\text{oracle}}

    1 is the oracle's order, right answers first; 0 is chance. The random baseline is the error rate, not a shuffle, and
    a constant score has exactly 0. Parameters are those of :func:`auroc` without DeLong.

    Examples
    --------
    >>> round(prr([0.1, 0.5, 0.5, 0.9], [0, 1, 0, 1], interval=None).value, 4)
    0.7857
    """
    return _ranking(_prr, "PRR", score, wrong, interval, resamples, seed, level)


def accuracy_at_coverage(
    score: Row,
    wrong: Row,
    coverage: float = 0.5,
    interval: str | None = "bootstrap",
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """Accuracy if only the share ``coverage`` of the answers with the lowest scores is given (in (0, 1]).

    A boundary inside a block of ties, or inside one question, takes that share of it. The other parameters are
    those of :func:`auroc` without DeLong.

    Examples
    --------
    >>> accuracy_at_coverage([0.1, 0.5, 0.5, 0.9], [0, 1, 0, 1], coverage=0.5, interval=None).value
    0.75
    """
    if not 0 < coverage <= 1:
        raise BadInput(f"coverage must lie in (0, 1], got {coverage!r}")

    def accuracy(right: np.ndarray, bad: np.ndarray) -> np.ndarray:
        size = right + bad
        kept = coverage * size.sum(axis=1)
        share = np.clip(kept[:, None] - (size.cumsum(axis=1) - size), 0, size) / np.maximum(size, 1)
        return 1 - (bad * share).sum(axis=1) / kept

    return _ranking(accuracy, f"accuracy at {coverage:.0%} coverage", score, wrong, interval, resamples, seed, level)


def wilson(successes: int, n: int, level: float = 0.95) -> Estimate:
    """A proportion with Wilson's score interval (Wilson 1927, *JASA* 22).

    Examples
    --------
    >>> print(wilson(0, 10))
    0.000 [0.000, 0.278], n=10, coverage 100%
    """
    _z(level)
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
    (x,), given = _rows(values=values)
    x, n = np.sort(x), len(x)
    if not n:
        return Estimate.undefined("no values")
    low, high = _percentiles((x[rows].mean(axis=1) for rows in _resampled(n, resamples, seed)), level)[:2]
    if n == 1:
        low = high = math.nan  # one question says nothing of how questions vary
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
    (x, y), given = _rows(a=a, b=b)
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
    p = np.asarray(pvalues, dtype=np.float64)
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
    z = _z(level)
    (s, w), given = _rows(("wrong",), score=score, wrong=wrong)
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
    _z(level)
    (x, y), _ = _rows(a=a, b=b)
    d, n = x - y, len(x)
    if not n:
        return _untested("no pairs", 0)
    test = stats.wilcoxon(d) if d.any() else None
    i, j = np.triu_indices(n)
    walsh = np.sort((d[i] + d[j]) / 2)
    k = _rejected_rank_sums(n, level)
    # The smaller rank sum is the number of means on the other side of 0, so 0 is rejected if fewer than k are.
    low, high = (float(walsh[k - 1]), float(walsh[-k])) if k else (math.nan, math.nan)
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
    z = _z(level)
    (x, y), _ = _rows(("a", "b"), a=a, b=b)
    n, a_only, b_only = len(x), int((x & ~y).sum()), int((~x & y).sum())
    if not n:
        return _untested("no pairs", 0)
    pvalue = float(stats.binomtest(a_only, a_only + b_only).pvalue) if a_only + b_only else 1.0
    p, q = (a_only + 1) / (n + 2), (b_only + 1) / (n + 2)
    half = z * math.sqrt((p + q - (p - q) ** 2) / (n + 2))
    low, high = max(-1.0, p - q - half), min(1.0, p - q + half)
    method = f"exact McNemar test, Bonett-Price {level:.0%}"
    return TestResult(float(min(a_only, b_only)), pvalue, (a_only - b_only) / n, low, high, n, method)


def _untested(reason: str, n: int, difference: float = math.nan) -> TestResult:
    return TestResult(math.nan, math.nan, difference, math.nan, math.nan, n, f"undefined: {reason}")


def _rejected_rank_sums(n: int, level: float) -> int:
    """How many of the rank sums 0, 1, 2, … a two-sided signed-rank test of n differences rejects at 1 - level."""
    if n > 50:  # where SciPy's test turns to the normal distribution as well
        return max(0, math.ceil(n * (n + 1) / 4 - _z(level) * math.sqrt(n * (n + 1) * (2 * n + 1) / 24)))
    chance = np.ones(1)  # of each sum of the ranks that got a plus sign
    for rank in range(1, n + 1):
        none = np.zeros(rank)
        chance = (np.append(chance, none) + np.append(none, chance)) / 2
    return int((2 * chance.cumsum() < 1 - level).sum())


def _z(level: float) -> float:
    """How many standard errors an interval reaches; and the check of its level."""
    if not 0 < level < 1:
        raise BadInput(f"level must lie between 0 and 1, got {level!r}")
    return float(stats.norm.ppf((1 + level) / 2))


def _rows(binary: Sequence[str] = (), /, **columns: Row) -> tuple[list[np.ndarray], int]:
    """The rows without NaN, column by column (the binary ones as bool), and how many rows were given."""
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}
    for name, x in arrays.items():
        if x.ndim != 1:
            raise BadInput(f"{name} must be one row of numbers, got shape {x.shape}")
        if np.isinf(x).any():
            raise BadInput(f"{name} must be finite, but number {int(np.flatnonzero(np.isinf(x))[0])} is infinite")
        if name in binary and not (np.isnan(x) | (x == 0) | (x == 1)).all():
            raise BadInput(f"{name} must hold 0 and 1 (or false and true) and NaN only")
    if len({len(x) for x in arrays.values()}) > 1:
        raise BadInput("lengths differ: " + ", ".join(f"{name} has {len(x)}" for name, x in arrays.items()))
    keep = ~np.isnan(list(arrays.values())).any(axis=0)
    return [x[keep].astype(bool) if name in binary else x[keep] for name, x in arrays.items()], len(keep)


def _resampled(n: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Row numbers of all resamples, ``(some, n)`` at a time."""
    if isinstance(resamples, bool) or not isinstance(resamples, Integral) or resamples < 1:
        raise BadInput(f"resamples must be a whole number of at least 1, got {resamples!r}")
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // n)
    for done in range(0, resamples, step):
        yield rng.integers(0, n, (min(step, resamples - done), n), dtype=np.int32)


def _percentiles(chunks: Iterator[np.ndarray], level: float) -> tuple[float, float, int]:
    """The interval's ends, and how many resamples had no value."""
    _z(level)
    values = np.concatenate(list(chunks))
    defined = values[~np.isnan(values)]
    if not len(defined):
        return math.nan, math.nan, len(values)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high), len(values) - len(defined)


def _ranking(
    statistic: Callable,
    name: str,
    score: Row,
    wrong: Row,
    interval: str | None,
    resamples: int,
    seed: int,
    level: float,
    intervals: Sequence[str] = ("bootstrap",),
) -> Estimate:
    """Estimate a statistic of the numbers of right and of wrong answers at each distinct score, lowest first.

    The statistic takes ``(B, G)`` counts of each for B samples at once. A resample of questions changes counts only.
    """
    if interval not in (None, *intervals):
        raise unknown("interval", interval, [*intervals, "None"])
    (s, w), given = _rows(("wrong",), score=score, wrong=wrong)
    n = len(s)
    if not n:
        return Estimate.undefined("no question has both a score and a label" if given else "no questions")
    distinct, group = np.unique(s, return_inverse=True)
    G = len(distinct)
    cells = np.sort(group + G * w)  # one cell for each score and class; sorted, so the order of rows plays no part

    def values(samples: np.ndarray) -> np.ndarray:
        offset = 2 * G * np.arange(len(samples))[:, None]
        counts = np.bincount((samples + offset).ravel(), minlength=2 * G * len(samples)).reshape(-1, 2 * G)
        return statistic(counts[:, :G], counts[:, G:])

    value = float(values(cells[None])[0])
    if math.isnan(value):
        return Estimate.undefined(f"{'every' if w[0] else 'no'} answer is wrong", n, n / given)
    if interval is None:
        return Estimate(value, math.nan, math.nan, n, n / given, name)
    low, high, dropped = _percentiles((values(cells[rows]) for rows in _resampled(n, resamples, seed)), level)
    note = f", {dropped:,} with one class dropped" if dropped else ""
    method = f"{name}, bootstrap {level:.0%} over questions, {resamples:,} resamples{note}"
    return Estimate(value, low, high, n, n / given, method)


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.full(len(a), np.nan), where=b > 0)


def _auroc(right: np.ndarray, bad: np.ndarray) -> np.ndarray:
    # In whole numbers until the division: twice the pairs in order, a tie counting one.
    twice = (bad * (2 * right.cumsum(axis=1) - right)).sum(axis=1)
    return _ratio(twice, 2 * right.sum(axis=1) * bad.sum(axis=1))


def _gain(right: np.ndarray, bad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Count times (error rate - AURC), and the harmonic numbers :math:`H_0 \ldots H_n`.

    Place j of a block of m ties with e errors, behind M places with E errors, has the expected risk
    (E + j e/m) / (M + j). Summed over j = 1…m that is e + (E - M e/m) (H_{M+m} - H_M): no gain where the block's error
    rate is that of the places before it, and none at all, exactly, if there is only one block.
    """
    size = right + bad
    H = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, size[0].sum() + 1))])
    end = size.cumsum(axis=1)
    before, errors = end - size, bad.cumsum(axis=1) - bad
    return ((H[end] - H[before]) * (bad * before / np.maximum(size, 1) - errors)).sum(axis=1), H


def _aurc(right: np.ndarray, bad: np.ndarray) -> np.ndarray:
    return (bad.sum(axis=1) - _gain(right, bad)[0]) / (right + bad).sum(axis=1)


def _prr(right: np.ndarray, bad: np.ndarray) -> np.ndarray:
    gain, H = _gain(right, bad)
    n_right = right.sum(axis=1)
    return _ratio(gain, n_right * (H[-1] - H[n_right]))  # the oracle's gain, by the same formula


def _delong_covariance(scores: Sequence[np.ndarray], wrong: np.ndarray) -> np.ndarray:
    """Covariance of the AUROCs of several scores: a wrong (right) answer's share of pairs in order, from mid-ranks."""
    wins, losses = [], []
    for s in scores:
        rank = stats.rankdata(s)
        wins.append((rank[wrong] - stats.rankdata(s[wrong])) / (~wrong).sum())
        losses.append((rank[~wrong] - stats.rankdata(s[~wrong])) / wrong.sum())
    return np.atleast_2d(np.cov(wins) / wrong.sum() + np.cov(losses) / (~wrong).sum())
