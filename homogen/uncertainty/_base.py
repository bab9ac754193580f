"""What the rooms of this package share: checks that name the question, ragged rows, stacks of matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from homogen.records import BadInput

ROUNDING = 1e-3
"""What low precision may leave on the wrong side of a bound."""


def depth(value: object) -> int:
    """How deep numbers are nested; ``np.ndim`` without the copy, and for rows of different length too."""
    levels = 0
    while not hasattr(value, "ndim"):
        if isinstance(value, str) or not isinstance(value, Sequence):
            return levels
        levels += 1
        if not value:
            return levels
        value = value[0]
    return levels + value.ndim


def questions(values: Iterable, dimensions: int) -> tuple[list, bool]:
    """The questions, and whether it was one alone; nothing at all is one question without answers."""
    rows = list(values)
    one = max((depth(row) for row in rows), default=0) < dimensions
    return ([values if hasattr(values, "__len__") else rows] if one else rows), one


def each(score: Callable, values: Iterable, check: Callable, dimensions: int) -> float | np.ndarray:
    """Score every question's checked array, or the one question's."""
    rows, one = questions(values, dimensions)
    return shaped(np.array([score(check(row, q)) for q, row in enumerate(rows)], dtype=np.float64), one)


def shaped(scores: np.ndarray, one: bool) -> float | np.ndarray:
    """A float for one question, an array for a list of them."""
    return float(scores[0]) if one else scores


def numbers(values: Iterable, where: str) -> np.ndarray:
    """An array of floats; None is a missing number."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput(f"{where}: must be numbers in rows of equal length") from None


def labels_of(row: Sequence[int], question: int) -> np.ndarray:
    """One question's cluster numbers."""
    try:
        values = np.asarray(row)
    except ValueError:
        values = np.empty((0, 0, 1))
    if values.ndim != 1 or (values.size and (values.dtype.kind not in "iu" or values.min() < -1)):
        raise BadInput(f"question {question}: labels must be whole numbers from 0, and -1 for a missing answer")
    return values.astype(int)


def vector(row: Sequence[float], question: int, what: str, low: float, high: float) -> np.ndarray:
    """One number an answer, within bounds or NaN."""
    values = numbers(row, f"question {question}: {what}")
    if values.ndim != 1:
        raise BadInput(f"question {question}: {what} must be one number an answer, got shape {values.shape}")
    if ((values < low - ROUNDING) | (values > high + ROUNDING) | np.isinf(values)).any():
        raise BadInput(f"question {question}: {what} must lie in [{low:g}, {high:g}]")
    return np.clip(values, low, high)


def nli_rows(rows: Sequence, question: int) -> np.ndarray:
    """The pairs that are not missing: ``(k, 3)`` probabilities of entailment, neutral and contradiction."""
    P = numbers(rows, f"question {question}: NLI probabilities")
    if P.size == 0:
        return np.empty((0, 3))
    if P.ndim != 2 or P.shape[1] != 3:
        raise BadInput(f"question {question}: NLI probabilities must have shape (k, 3), got {P.shape}")
    P = P[~np.isnan(P).any(axis=1)]
    if ((P < -ROUNDING) | (P > 1 + ROUNDING)).any() or (np.abs(P.sum(axis=1) - 1) > ROUNDING).any():
        raise BadInput(f"question {question}: NLI probabilities must lie in [0, 1] and add up to 1 in each row")
    return np.clip(P, 0, 1)


def unit_rows(vectors: Sequence, question: int) -> np.ndarray:
    """The embeddings that are not missing, scaled to length 1."""
    V = numbers(vectors, f"question {question}: embeddings")
    if V.ndim != 2 and V.size:
        raise BadInput(f"question {question}: embeddings must have shape (N, d), got {V.shape}")
    V = V[~np.isnan(V).any(axis=1)] if V.size else np.empty((0, 0))
    length = np.linalg.norm(V, axis=1, keepdims=True)
    if not (np.isfinite(length) & (length > 0)).all():
        raise BadInput(f"question {question}: an embedding is zero or infinite and has no direction")
    return V / length


def cosines(U: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Cosines without their last digits: equal vectors get exactly 1, and tied scores stay tied."""
    return np.round(np.clip(U @ V.T, -1, 1), 12)


def mean_of(values: np.ndarray) -> float:
    """The mean, with the same last bit in any order; NaN of nothing."""
    return float(np.sort(values, axis=None).mean()) if values.size else np.nan


def over_matrices(S: Iterable, score: Callable, low: float) -> float | np.ndarray:
    """Score similarity matrices, all questions with equally many answers left at once.

    ``score`` maps ``(q, N, N)``, N at least 2, to ``(q,)``. Matrices are checked here: square, symmetric, ones on the
    diagonal, in [``low``, 1]. Answers whose whole row is NaN are left out; any other NaN makes the score NaN.
    """
    rows, one = questions(S, 2)
    out = np.full(len(rows), np.nan)
    by_shape: dict[int, list[tuple[int, np.ndarray]]] = {}
    for q, row in enumerate(rows):
        M = numbers(row, f"question {q}: similarities")
        if M.size and (M.ndim != 2 or M.shape[0] != M.shape[1]):
            raise BadInput(f"question {q}: similarities must be square, got shape {M.shape}")
        by_shape.setdefault(len(M) if M.size else 0, []).append((q, M))
    by_left: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    for size, members in by_shape.items():
        if size:
            index, stack = np.array([q for q, _ in members]), np.stack([M for _, M in members])
            missing = _check(stack, index, low)
            # Answers that are left go first, in their order; the rest of the matrix is cut off below.
            order = np.argsort(missing, axis=1, kind="stable")
            stack = np.take_along_axis(np.take_along_axis(stack, order[:, :, None], 1), order[:, None, :], 2)
            left = size - missing.sum(axis=1)
            for n in np.unique(left):
                by_left.setdefault(int(n), []).append((index[left == n], stack[left == n, :n, :n]))
    for n, parts in by_left.items():
        index, stack = (np.concatenate(x) for x in zip(*parts, strict=True))
        whole = ~np.isnan(stack).any(axis=(1, 2))
        if n > 1 and whole.any():
            M = np.clip((stack[whole] + stack[whole].transpose(0, 2, 1)) / 2, low, 1)
            M[:, np.arange(n), np.arange(n)] = 1
            out[index[whole]] = score(M)
    return shaped(out, one)


def _check(stack: np.ndarray, index: np.ndarray, low: float) -> np.ndarray:
    """Which answers are missing, ``(q, N)``; raises for a matrix that is no similarity."""

    def refuse(bad: np.ndarray, what: str) -> None:
        if bad.any():
            raise BadInput(f"question {index[bad][0]}: similarities must {what}")

    refuse(np.isinf(stack).any(axis=(1, 2)), "be finite")
    refuse(((stack < low - ROUNDING) | (stack > 1 + ROUNDING)).any(axis=(1, 2)), f"lie in [{low:g}, 1]")
    turned = stack.transpose(0, 2, 1)
    unlike = (np.isnan(stack) != np.isnan(turned)) | (np.abs(stack - turned) > ROUNDING)
    refuse(unlike.any(axis=(1, 2)), "be symmetric")
    diagonal = np.diagonal(stack, axis1=1, axis2=2)
    refuse((np.abs(diagonal - 1) > ROUNDING).any(axis=1), "be 1 on the diagonal")
    return np.isnan(stack).all(axis=2)


def ragged(
    rows: Iterable[Sequence[float]], what: str, sign: int = 0, name: Callable[[int], str] = "row {}".format
) -> tuple[np.ndarray, np.ndarray]:
    """All numbers in one row, and how many belong to each answer; none infinite or of the wrong sign."""
    arrays = [numbers(row, f"{name(i)}: {what}") for i, row in enumerate(rows)]
    for i, row in enumerate(arrays):
        if row.ndim != 1:
            raise BadInput(f"{name(i)} must be one {what} a token, got shape {row.shape}; give one row an answer")
    size = np.array([len(row) for row in arrays], dtype=int)
    flat = np.concatenate([*arrays, np.empty(0)])
    bad = np.isinf(flat)
    if sign:
        bad |= sign * flat < -ROUNDING
    if bad.any():
        limit = {1: "below 0 or infinite", -1: "above 0 or infinite", 0: "infinite"}[sign]
        raise BadInput(f"{name(int(np.repeat(np.arange(len(size)), size)[bad][0]))}: {what} {limit}")
    return flat, size


def reduce(ufunc: np.ufunc, flat: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Reduce each answer's stretch of ``flat``; NaN for an empty one, which ``reduceat`` would get wrong."""
    out = np.full(len(size), np.nan)
    if len(flat):
        out[size > 0] = ufunc.reduceat(flat, (np.cumsum(size) - size)[size > 0])
    return out


def mean(flat: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Mean of each answer's stretch of ``flat``."""
    return reduce(np.add, flat, size) / np.maximum(size, 1)
