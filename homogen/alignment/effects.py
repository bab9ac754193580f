"""What a training did to the answers, over trainings and questions: estimates that hold for new ones of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from homogen.records import BadInput, Estimate, shown
from homogen.records.checks import floats, share


def average(array: Sequence | np.ndarray) -> float:
    """The mean of the numbers that are there; NaN without any.

    Examples
    --------
    >>> average([[1.0, np.nan], [3.0, np.nan]])
    2.0
    """
    values = np.asarray(array, float)
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else np.nan


def crossed(
    statistic: Callable[..., float],
    *arrays: Sequence | np.ndarray,
    level: float = 0.95,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    undefined: str = "not a number",
) -> Estimate:
    r"""Give a statistic of trainings that all answered the same questions, with an interval over both.

    Each training (a seed) is a row and each question a column of a crossed design. The pseudo-values of the two-way
    jackknife

    .. math:: p_{sq} = SQ\,\hat\theta - (S-1)Q\,\hat\theta_{(s\cdot)} - S(Q-1)\,\hat\theta_{(\cdot q)}
              + (S-1)(Q-1)\,\hat\theta_{(sq)}

    where a seed, a question or both are left out, are for a mean the numbers themselves. As in the random-effects
    analysis of variance, :math:`\operatorname{var} \hat\theta = (M_S + M_Q - M_{SQ}) / SQ`, with mean squares between
    seeds, between questions, and of what is left; Student's t has Satterthwaite's degrees of freedom (Clark 1973,
    *J. Verbal Learning Verbal Behav.* 12). Seeds that differ less than chance has them differ take nothing away:
    :math:`M_S - M_{SQ}` counts as 0 where it is below. With one seed the interval is over questions alone, and says
    nothing of another training. With few seeds that differ much the interval holds the truth a little less often than
    it says. Where nothing varies there is no interval: a rate of 0 on sixty questions is not known to be 0.

    Parameters
    ----------
    statistic
        From arrays of those shapes, with fewer seeds or questions, to a number; NaN where it is undefined.
    *arrays
        ``(S, ..., Q)`` each, seeds first and questions last; NaN where there is no number.
    level
        Of the interval.
    bounds
        What the statistic can be; the interval ends there.
    undefined
        What it means where the statistic is NaN.

    Returns
    -------
    Estimate
        The statistic of all; ``n`` is how many questions have a number in each array, and the coverage the share of
        the cells, a seed and a question each, that have.

    Raises
    ------
    BadInput
        If an array has fewer than two dimensions, or they differ in seeds or questions.

    Examples
    --------
    >>> gains = [[1.0, 2.0, 3.0, 2.0], [2.0, 3.0, 4.0, 3.0], [1.0, 2.0, 4.0, 1.0]]
    >>> print(crossed(np.mean, gains))
    2.333 [0.780, 3.887], n=4, coverage 100%
    """
    given = [floats(array, "each array must hold numbers") for array in arrays]
    if not given or any(array.ndim < 2 for array in given):
        raise BadInput("each array must have a row a seed and a column a question")
    seeds, questions = given[0].shape[0], given[0].shape[-1]
    if any((array.shape[0], array.shape[-1]) != (seeds, questions) for array in given):
        raise BadInput(f"arrays of unequal seeds or questions: {shown([array.shape for array in given])}")
    share("level", level)
    if not seeds or not questions:
        return Estimate.undefined("nothing was measured")
    has = np.logical_and.reduce([np.isfinite(a).reshape(seeds, -1, questions).any(axis=1) for a in given])
    n, coverage = int(has.any(axis=0).sum()), float(has.mean())
    value = float(statistic(*given))
    if not np.isfinite(value) or questions < 2:
        reason = "one question" if np.isfinite(value) else undefined
        return Estimate(value, np.nan, np.nan, n, coverage, f"undefined: {reason}")
    error, df = _spread(statistic, given, value)
    if not np.isfinite(error) or error <= 1e-12 * max(1.0, abs(value)):
        reason = "nothing varies" if np.isfinite(error) else "undefined without one of the questions or seeds"
        return Estimate(value, np.nan, np.nan, n, coverage, f"no interval: {reason}")
    half = error * stats.t.isf((1 - level) / 2, df)
    low, high = np.clip((value - half, value + half), *bounds).tolist()
    what = f"{seeds} seeds and {questions} questions crossed" if seeds > 1 else "over questions, of one seed"
    return Estimate(value, low, high, n, coverage, f"two-way jackknife, {what}")


def _spread(statistic: Callable[..., float], arrays: list[np.ndarray], value: float) -> tuple[float, float]:
    """Standard error and degrees of freedom."""
    seeds, questions = arrays[0].shape[0], arrays[0].shape[-1]

    def without(s: int | None, q: int | None) -> float:
        left = [a if s is None else np.delete(a, s, axis=0) for a in arrays]
        return float(statistic(*(a if q is None else np.delete(a, q, axis=-1) for a in left)))

    no_question = np.array([without(None, q) for q in range(questions)])
    if seeds == 1:
        pseudo = questions * value - (questions - 1) * no_question
        return float(pseudo.std(ddof=1) / np.sqrt(questions)), questions - 1
    no_seed = np.array([without(s, None) for s in range(seeds)])
    neither = np.array([[without(s, q) for q in range(questions)] for s in range(seeds)])
    p = seeds * questions * value - (seeds - 1) * questions * no_seed[:, None]
    p = p - seeds * (questions - 1) * no_question + (seeds - 1) * (questions - 1) * neither
    by_seed, by_question = p.mean(axis=1), p.mean(axis=0)
    rest = p - by_seed[:, None] - by_question + p.mean()
    squares = (
        questions * by_seed.var(ddof=1),
        seeds * by_question.var(ddof=1),
        (rest**2).sum() / ((seeds - 1) * (questions - 1)),
    )
    ms, mq, me = map(float, squares)
    total, df = mq + max(ms - me, 0.0), (seeds - 1, questions - 1, (seeds - 1) * (questions - 1))
    if total == 0:
        return 0.0, questions - 1
    freedom = 1 / sum((m / total) ** 2 / d for m, d in zip((ms, mq, me), df, strict=True))
    return float(np.sqrt(total / (seeds * questions))), freedom


def farthest_both(
    moved: np.ndarray, measured: np.ndarray, other_moved: np.ndarray, other_measured: np.ndarray
) -> float:
    r"""A measure of one arm minus that of another, where both have moved equally far from their start.

    Both are taken at the farthest that both have come, between two doses by a straight line over
    :math:`\sqrt{\max(d, 0)}` of a divergence :math:`d`, which grows with the square of a small step.

    Parameters
    ----------
    moved, other_moved
        ``(S, 1 + doses, Q)``, how far each dose is from the start; the start stands first.
    measured, other_measured
        The same of the measure.

    Returns
    -------
    float
        NaN where one arm's last dose does not come as far as the other's first: there the two would be compared at
        their common start, and differ by little whatever they do.

    Examples
    --------
    >>> far, near = np.array([[[0.0], [4.0], [16.0]]]), np.array([[[0.0], [1.0], [9.0]]])
    >>> farthest_both(far, 10 - far**0.5, near, 10 - 2 * near**0.5)  # at 9
    3.0
    """
    (x, y), (u, v) = _way(moved, measured), _way(other_moved, other_measured)
    if len(x) < 2 or len(u) < 2:
        return np.nan
    at = min(x.max(), u.max())
    return float(np.interp(at, x, y) - np.interp(at, u, v)) if at >= max(x[1], u[1]) else np.nan


def _way(moved: np.ndarray, measured: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means by dose: the start, then the doses from near to far; one without a number is left out."""
    means = [[average(row) for row in np.moveaxis(a, 1, 0)] for a in (moved, measured)]
    pairs = [(np.sqrt(max(x, 0.0)), y) for x, y in zip(*means, strict=True) if np.isfinite((x, y)).all()]
    x, y = np.array([*pairs[:1], *sorted(pairs[1:])], float).reshape(-1, 2).T
    return x, y
