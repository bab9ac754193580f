"""What all rooms share: checked rows, resampling, percentiles, and the results of tests."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from homogen.records import BadInput, Draws, Estimate, fixed, unknown
from homogen.records.checks import floats, share, whole
from homogen.records.draws import check_draws
from homogen.records.results import percent

Row = Sequence[float] | np.ndarray
"""``(n,)`` numbers: a list, an array, a column."""

CHUNK = 2**20  # numbers drawn at a time: bounds the memory of a bootstrap
NAN = math.nan
TIE = 1e-12  # of the largest entry: what differs by no more is rounding


@dataclasses.dataclass(frozen=True)
class TestResult:
    """A test of a difference a - b (or another effect), and the effect with its interval.

    The test is two-sided unless the function says otherwise.

    Attributes
    ----------
    statistic
        The test's own number (z, t, a rank sum, …); the function says which.
    pvalue
        Chance, if there were no effect, of a statistic at least as extreme; in [0, 1].
    effect
        What was tested, in the unit of what was compared, with its interval at the ``level`` asked for, the pairs or
        questions without NaN that went in, and how test and interval were made. Whatever is undefined is NaN, and its
        ``method`` has the reason.
    """

    __test__ = False  # not one of pytest's

    statistic: float
    pvalue: float
    effect: Estimate


@dataclasses.dataclass(frozen=True)
class PermutationResult:
    r"""A statistic beside its distribution where labels or partners are drawn at random.

    .. math:: p = \frac{1 + \#\{b : T_b \ge T\}}{1 + B}

    One-sided, for B random draws with the statistics :math:`T_b`; the draw that was observed counts as one of them, so
    p is never 0 and the test keeps its level (Phipson and Smyth 2010, *Stat. Appl. Genet. Mol. Biol.* 9).

    Attributes
    ----------
    effect
        The statistic of the data as they are, without an interval; its ``method`` gives p and the range of the draws
        as well. Whatever is undefined is NaN, and the reason is there.
    pvalue
        As above, in (0, 1].
    null_mean, null_median
        Of the draws: what the statistic is worth where there is nothing to find.
    null_low, null_high
        The middle share ``level`` of the draws. They are no interval of the effect.
    """

    effect: Estimate
    pvalue: float
    null_mean: float
    null_low: float
    null_high: float
    null_median: float

    @property
    def observed(self) -> float:
        """The statistic of the data as they are."""
        return self.effect.value

    @classmethod
    def undefined(cls, reason: str, n: int = 0, given: int = 0, observed: float = NAN) -> PermutationResult:
        """A comparison that cannot be made, and why."""
        return cls(_untested(reason, n, given, observed), NAN, NAN, NAN, NAN, NAN)


def _coverage(n: int, given: int) -> float:
    """The coverage: how many of the rows given went in."""
    return n / given if given else 0.0


def untested(reason: str, n: int, given: int, effect: float = NAN) -> TestResult:
    """A test that cannot be made, and why."""
    return TestResult(NAN, NAN, _untested(reason, n, given, effect))


def _untested(reason: str, n: int, given: int, value: float) -> Estimate:
    return Estimate(value, NAN, NAN, n, _coverage(n, given), f"undefined: {reason}")


def z_of(level: float) -> float:
    """How many standard errors an interval reaches; and the check of its level."""
    return float(stats.norm.isf((1 - share("level", level)) / 2))


def numbers(name: str, values: object, shape: str = "one row of numbers") -> np.ndarray:
    """Floats of any shape."""
    return floats(values, f"{name} must be {shape}")


def row(name: str, values: Row) -> np.ndarray:
    """``(n,)`` floats, finite or NaN."""
    x = numbers(name, values)
    if x.ndim != 1:
        raise BadInput(f"{name} must be one row of numbers, got shape {x.shape}")
    if np.isinf(x).any():
        raise BadInput(f"{name} must be finite, but number {int(np.flatnonzero(np.isinf(x))[0])} is infinite")
    return x


Labels = Sequence[Hashable]


def labels_of(name: str, values: Labels) -> list[Any]:
    """Names or numbers, one a question."""
    try:
        found = list(values.tolist() if hasattr(values, "tolist") else values)
        set(found)
    except TypeError as error:
        raise BadInput(f"{name} must hold names or numbers, one a question: {error}") from None
    return found


def no_label(label: Hashable) -> bool:
    """Whether it is None, NaN or an empty string."""
    return bool(pd.api.types.is_scalar(label) and (pd.isna(label) or label == ""))


def in_order(found: Iterable[Any]) -> list[Any]:
    """The distinct labels, sorted."""
    distinct = set(found)
    try:
        return sorted(distinct)
    except TypeError:  # names and numbers side by side
        return sorted(distinct, key=lambda label: (str(type(label)), str(label)))


def same_length(**columns: Sequence | np.ndarray) -> None:
    """Check that columns are of one length."""
    if len({len(x) for x in columns.values()}) > 1:
        raise BadInput("lengths differ: " + ", ".join(f"{name} has {len(x)}" for name, x in columns.items()))


def check_binary(name: str, x: np.ndarray) -> None:
    """Check that there is nothing but 0, 1 and NaN."""
    if not (np.isnan(x) | (x == 0) | (x == 1)).all():
        raise BadInput(f"{name} must hold 0 and 1 (or false and true) and NaN only")


def complete_rows(binary: Sequence[str] = (), /, **columns: Row) -> tuple[list[np.ndarray], int]:
    """The rows without NaN, column by column (the binary ones as bool), and how many rows were given."""
    arrays = {name: row(name, values) for name, values in columns.items()}
    for name in binary:
        check_binary(name, arrays[name])
    same_length(**arrays)
    keep = ~np.isnan(np.array(list(arrays.values()))).any(axis=0)
    return [x[keep].astype(bool) if name in binary else x[keep] for name, x in arrays.items()], len(keep)


def probabilities(prob_wrong: Row) -> np.ndarray:
    """``(n,)`` floats in [0, 1] or NaN."""
    p = row("prob_wrong", prob_wrong)
    if ((p < 0) | (p > 1)).any():
        raise BadInput("prob_wrong must hold probabilities in [0, 1] (platt and isotonic make them of a score)")
    return p


def in_units(*rows: np.ndarray) -> tuple[list[np.ndarray], int]:
    """The rows over the power of two that puts the largest entry of all into [1/2, 1), and its exponent.

    It changes no digit, and squares of the result neither overflow nor vanish.
    """
    exponent = int(np.frexp(max((np.abs(x).max(initial=0) for x in rows), default=0.0))[1])
    return [np.ldexp(x, -exponent) for x in rows], exponent


def out_of_units(x: float, exponent: int) -> float:
    """Undo :func:`in_units`."""
    with np.errstate(over="ignore", under="ignore"):
        value = float(np.ldexp(x, exponent))
    if math.isinf(value) and not math.isinf(x):
        raise BadInput("a - b is beyond 1.8e308, the largest number there is: give both in a larger unit")
    return value


def varies(x: np.ndarray) -> bool:
    """Whether there is more than one value; rounding of a constant is none."""
    (x,), _ = in_units(x)
    return bool(len(x)) and bool(np.ptp(x) > TIE * np.abs(x).max())


def mass_bins(size: np.ndarray, bins: int) -> np.ndarray:
    """Equal-mass bin of each distinct value, from their counts ``(..., G)``, lowest value first.

    A block of m equal values behind M smaller ones goes where its middle, (M + m/2)/n, lies: ties stay together, in
    whole numbers, whatever the order of rows. A value that is not there (a resample) gets a bin, which changes nothing.
    """
    end = size.cumsum(axis=-1)
    return np.minimum(bins * (2 * end - size) // np.maximum(2 * end[..., -1:], 1), bins - 1)


def generator(seed: int) -> np.random.Generator:
    """Random numbers from a seed."""
    return np.random.default_rng(whole("seed", seed, 0))


def steps(n: int, resamples: int) -> Iterator[int]:
    """How many resamples of n numbers to draw at a time."""
    step = max(1, CHUNK // max(n, 1))
    for done in range(0, resamples, step):
        yield min(step, resamples - done)


def resampled(n: int, draws: Draws) -> Iterator[np.ndarray]:
    """Row numbers of all resamples with replacement, ``(some, n)`` at a time."""
    rng = generator(draws.seed)
    return (rng.integers(0, n, (some, n), dtype=np.int32) for some in steps(n, draws.resamples))


def shuffled(blocks: np.ndarray, draws: Draws) -> Iterator[np.ndarray]:
    """Random orders of the rows that leave each row inside its block, ``(some, n)`` at a time.

    ``blocks`` are whole numbers in ascending order: 0, 0, 1, 1, 1, 2, …
    """
    rng = generator(draws.seed)
    some = steps(len(blocks), draws.resamples)
    return (np.argsort(blocks + rng.random((many, len(blocks))), axis=1) for many in some)


def percentiles(values: np.ndarray, level: float) -> tuple[float, float, int]:
    """The middle share ``level`` of the values, and how many of them are NaN."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return NAN, NAN, len(values)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high), len(values) - len(defined)


def against_null(effect: Estimate, null: Row, level: float = 0.95, sign: int = 1) -> PermutationResult:
    r"""Set an estimate beside draws of what it would be by chance.

    .. math:: p = \frac{1 + \#\{b : \pm T_b \ge \pm T\}}{1 + B}

    Parameters
    ----------
    effect
        The statistic T of the data as they are.
    null
        ``(B,)`` statistics of data where there is nothing to find. NaN draws do not count.
    level
        Of the range [``null_low``, ``null_high``], between 0 and 1.
    sign
        1 where large values are the extreme ones, -1 where small ones are.

    Returns
    -------
    PermutationResult
        Undefined without a draw. What is equal up to rounding (1e-10) is as extreme.

    References
    ----------
    Phipson and Smyth (2010), *Stat. Appl. Genet. Mol. Biol.* 9.

    Examples
    --------
    >>> against_null(Estimate(3, NAN, NAN, n=8), [0, 1, 2, 3]).pvalue
    0.4
    """
    z_of(level)
    if not isinstance(effect, Estimate) or isinstance(sign, bool) or not isinstance(sign, int) or abs(sign) != 1:
        raise BadInput("an Estimate is wanted, and a sign of 1 or -1 for large or small values as the extreme ones")
    null, observed = row("null", null), effect.value
    null = null[~np.isnan(null)]
    if not len(null):
        effect = dataclasses.replace(effect, method="undefined: no draw has a value")
        return PermutationResult(effect, NAN, NAN, NAN, NAN, NAN)
    slack = 1e-10 * max(1e-300, abs(observed))  # equal up to rounding is as extreme
    extreme = int((sign * (null - observed) >= -slack).sum())
    low, high, _ = percentiles(null, level)
    pvalue = (1 + extreme) / (1 + len(null))
    method = f"{effect.method}; p = {pvalue:.3f}, {percent(level)} of draws {fixed(low)} to {fixed(high)}"
    effect = dataclasses.replace(effect, method=method)
    return PermutationResult(effect, pvalue, float(null.mean()), low, high, float(np.median(null)))


def check_interval(interval: str | None, draws: Draws, known: Sequence[str]) -> None:
    """Check an interval's name and what belongs to it, even where the estimate turns out undefined."""
    check_draws(draws)
    if interval is not None and (not isinstance(interval, str) or interval not in known):
        raise unknown("interval", interval, [*known, "None"])


ONE = "one question says nothing of how questions vary"
STILL = "the resamples do not vary"


def bootstrap_interval(
    values: np.ndarray, level: float, n: int, over: str, by_construction: bool = False
) -> tuple[float, float, str]:
    """Percentiles of resampled values, and the words of ``method``: how they were made, or why there are none.

    Resamples of one question, or of a score that separates the classes, are all alike. That is no certainty but a
    sample too small to show any doubt, so the ends are NaN; unless the value is what it is for every sample.
    """
    low, high, dropped = percentiles(values, level)
    note = f", {dropped:,} with one class dropped" if dropped else ""
    method = f"{over}, bootstrap {percent(level)} over questions, {len(values):,} resamples{note}"
    if n < 2 or (high - low <= TIE and not by_construction):
        return NAN, NAN, f"{method}, no interval: {ONE if n < 2 else STILL}"
    return low, high, method


def class_counts(score: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray, Callable]:
    """The distinct scores, each row's cell (score and class), and what counts samples of cells.

    The counter takes ``(B, anything)`` cells and gives ``(B, G)`` numbers of right and of wrong answers.
    """
    distinct, group = np.unique(score, return_inverse=True)
    G = len(distinct)

    def count(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        offset = 2 * G * np.arange(len(cells))[:, None]
        counts = np.bincount((cells + offset).ravel(), minlength=2 * G * len(cells)).reshape(-1, 2 * G)
        return counts[:, :G], counts[:, G:]

    return distinct, group + G * wrong, count


def estimate_from_counts(
    statistic: Callable,
    name: str,
    score: Row,
    wrong: Row,
    interval: str | None,
    draws: Draws = Draws(),
    intervals: Sequence[str] = ("bootstrap",),
) -> Estimate:
    """Estimate a statistic of the numbers of right and of wrong answers at each distinct score, lowest first.

    The statistic takes ``(B, G)`` counts of each for B samples at once, and gives NaN where a class is missing that it
    needs. A resample of questions changes counts only.
    """
    check_interval(interval, draws, intervals)
    (s, w), given = complete_rows(("wrong",), score=score, wrong=wrong)
    n = len(s)
    if not n:
        return Estimate.undefined("no question has both a score and a label" if given else "no questions")
    distinct, cells, count = class_counts(s, w)
    cells = np.sort(cells)  # so the order of rows plays no part
    value = float(statistic(*count(cells[None]))[0])
    if math.isnan(value):
        return Estimate.undefined(f"{'every' if w[0] else 'no'} answer is wrong", n, n / given)
    if interval is None:
        return Estimate(value, NAN, NAN, n, n / given, name)
    values = np.concatenate([statistic(*count(cells[rows])) for rows in resampled(n, draws)])
    constant = len(distinct) == 1 and 0 < w.sum() < n
    low, high, method = bootstrap_interval(values, draws.level, n, name, by_construction=constant)
    return Estimate(value, low, high, n, n / given, method)


def ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``a / b``, NaN where ``b`` is 0."""
    return np.divide(a, b, out=np.full(len(a), np.nan), where=b > 0)


def auroc_of(right: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """AUROC of ``(B, G)`` counts."""
    # In whole numbers until the division: twice the pairs in order, a tie counting one.
    twice = (bad * (2 * right.cumsum(axis=1) - right)).sum(axis=1)
    return ratio(twice, 2 * right.sum(axis=1) * bad.sum(axis=1))
