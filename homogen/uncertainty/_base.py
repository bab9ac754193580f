"""What the rooms of this package share: checks that name the question, ragged rows, stacks of matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from homogen.records import BadInput, shown
from homogen.records.checks import floats, label_row, listed, listed_by_question, one_a_question

Row = Sequence[float] | np.ndarray
"""Numbers of one answer or one question: a list, an array, a column."""

ROUNDING = 1e-3
"""What low precision may leave on the wrong side of a bound; it is clipped to the bound."""


def each(score: Callable, values: Iterable, check: Callable, what: str, unit: str) -> np.ndarray:
    """Score every question's checked array."""
    rows = listed_by_question(values, what, unit)
    return np.array([score(check(row, q)) for q, row in enumerate(rows)], dtype=np.float64)


def beside(values: object, what: str, expected: int, given: str) -> list:
    """What is given beside the questions, one item a question."""
    rows = listed(values, what)
    if len(rows) != expected:
        raise BadInput(f"{given} of {expected} questions but {what} of {len(rows)}")
    return rows


def numbers(values: Iterable, where: str) -> np.ndarray:
    """An array of floats, of what is said to be wrong there."""
    return floats(values, f"{where}: must be numbers in rows of equal length")


def texts_of(texts: Sequence[str | None]) -> list[str]:
    """A list of texts; None is an empty one."""
    rows = listed_by_question(texts, "texts", "text")
    for i, text in enumerate(rows):
        if not (text is None or isinstance(text, str)):
            raise BadInput(f"question {i}: must be a text or None, got {shown(text)}")
    return [text or "" for text in rows]


def labels_of(row: Sequence[int], question: int) -> np.ndarray:
    """One question's cluster numbers."""
    values = label_row(row, question)
    if values.size and values.max() > np.iinfo(np.int32).max:
        # Names of clusters mean nothing; small ones leave room to number the clusters of all questions.
        values = np.where(values < 0, -1, np.unique(values, return_inverse=True)[1])
    return values.astype(int)


def label_rows(rows: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Every question's cluster numbers in one row, and how many each has."""
    if all(isinstance(row, np.ndarray) and row.ndim == 1 and row.dtype == np.int64 for row in rows):
        # What clustering returns: looked at all at once, as it is a hundred times cheaper than row by row.
        flat = np.concatenate([*rows, np.empty(0, dtype=np.int64)])
        if not flat.size or (flat.min() >= -1 and flat.max() <= np.iinfo(np.int32).max):
            return flat, np.array([len(row) for row in rows], dtype=int)
    checked = [labels_of(row, q) for q, row in enumerate(rows)]
    return np.concatenate([*checked, np.empty(0, dtype=int)]), np.array([len(row) for row in checked], dtype=int)


def present_rows(array: np.ndarray, where: str) -> np.ndarray:
    """Which rows are not missing; a row that is NaN in part is a mistake."""
    nan = np.isnan(array)
    missing = nan.all(axis=1)
    partly = nan.any(axis=1) & ~missing
    if partly.any():
        raise BadInput(f"{where}, row {partly.argmax()} is NaN in part; what is missing is a whole row of NaN")
    return ~missing


def vector(row: Sequence[float], question: int, what: str, low: float, high: float) -> np.ndarray:
    """One number an answer, within bounds or NaN."""
    values = numbers(row, f"question {question}: {what}")
    if not values.ndim:
        raise one_a_question(what, "row", row, question)
    if values.ndim != 1:
        raise BadInput(f"question {question}: {what} must be one number an answer, got shape {values.shape}")
    if ((values < low - ROUNDING) | (values > high + ROUNDING) | np.isinf(values)).any():
        limits = f"lie in [{low:g}, {high:g}]" if np.isfinite(low) else f"be finite and at most {high:g}"
        raise BadInput(f"question {question}: {what} must {limits}")
    return np.clip(values, low, high)


def nli_rows(rows: Sequence, question: int) -> np.ndarray:
    """The pairs that are not missing: ``(k, 3)`` probabilities of entailment, neutral and contradiction."""
    P = numbers(rows, f"question {question}: NLI probabilities")
    if P.size == 0:
        return np.empty((0, 3))
    if P.ndim < 2:
        raise one_a_question("probabilities", "(k, 3) array", rows, question)
    if P.ndim != 2 or P.shape[1] != 3:
        raise BadInput(f"question {question}: NLI probabilities must have shape (k, 3), got {P.shape}")
    P = P[present_rows(P, f"question {question}: NLI probabilities")]
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf is out of range before
        bad = ((P < -ROUNDING) | (P > 1 + ROUNDING)).any() or (np.abs(P.sum(axis=1) - 1) > ROUNDING).any()
    if bad:
        raise BadInput(f"question {question}: NLI probabilities must lie in [0, 1] and add up to 1 in each row")
    return np.clip(P, 0, 1)


def unit_rows(vectors: Sequence | np.ndarray, question: int) -> np.ndarray:
    """The embeddings that are not missing, scaled to length 1."""
    V = numbers(vectors, f"question {question}: embeddings")
    if V.ndim < 2 and V.size:
        raise one_a_question("embeddings", "(N, d) array", vectors, question)
    if V.ndim != 2 and V.size:
        raise BadInput(f"question {question}: embeddings must have shape (N, d), got {V.shape}")
    if not V.size:
        return np.empty((0, 0))
    present = present_rows(V, f"question {question}: embeddings")
    return directions(V[present], lambda i: f"question {question}: embedding {np.flatnonzero(present)[i]}")


def directions(V: np.ndarray, name: Callable[[int], str]) -> np.ndarray:
    """Rows scaled to length 1; complains by name about one without direction."""
    # Divided by the largest entry first, huge and tiny vectors keep their squares in range.
    largest = np.abs(V).max(axis=1, keepdims=True, initial=0.0)
    bad = ~(np.isfinite(largest) & (largest > 0))[:, 0]
    if bad.any():
        raise BadInput(f"{name(int(bad.argmax()))} is zero or infinite and has no direction")
    V = V / largest
    return V / np.linalg.norm(V, axis=1, keepdims=True)


def cosines(U: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Cosines of every row with every other, without their last digits: equal vectors get exactly 1."""
    return np.round(np.clip(U @ V.swapaxes(-1, -2), -1, 1), 12)


def cosines_in_step(U: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Cosines of rows side by side, the same to the last bit wherever a row stands, as a matrix product is not."""
    return np.round(np.clip((U * V).sum(axis=1), -1, 1), 12)


def mean_of(values: np.ndarray) -> float:
    """The mean, with the same last bit in any order; NaN of nothing."""
    return float(np.sort(values, axis=None).mean()) if values.size else np.nan


def over_matrices(S: Iterable, score: Callable, low: float) -> np.ndarray:
    """Score similarity matrices, all questions with equally many answers left at once.

    ``score`` maps ``(q, N, N)``, N at least 2, to ``(q,)``. Matrices are checked here: square, symmetric, ones on the
    diagonal, in [``low``, 1]. Answers whose whole row is NaN are left out; any other NaN makes the score NaN.
    """
    rows = listed_by_question(S, "similarities", "matrix")
    out = np.full(len(rows), np.nan)
    by_shape: dict[int, list[tuple[int, np.ndarray]]] = {}
    for q, row in enumerate(rows):
        M = numbers(row, f"question {q}: similarities")
        if M.size and M.ndim < 2:
            raise one_a_question("similarities", "matrix", row, q)
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
    return out


def _check(stack: np.ndarray, index: np.ndarray, low: float) -> np.ndarray:
    """Which answers are missing, ``(q, N)``; raises for a matrix that is no similarity."""

    def refuse(bad: np.ndarray, what: str) -> None:
        if bad.any():
            raise BadInput(f"question {index[bad][0]}: similarities must {what}")

    refuse(np.isinf(stack).any(axis=(1, 2)), "be finite")
    refuse(np.any((stack < low - ROUNDING) | (stack > 1 + ROUNDING), axis=(1, 2)), f"lie in [{low:g}, 1]")
    turned = stack.transpose(0, 2, 1)
    unlike = (np.isnan(stack) != np.isnan(turned)) | (np.abs(stack - turned) > ROUNDING)
    refuse(unlike.any(axis=(1, 2)), "be symmetric")
    diagonal = np.diagonal(stack, axis1=1, axis2=2)
    refuse((np.abs(diagonal - 1) > ROUNDING).any(axis=1), "be 1 on the diagonal")
    return np.isnan(stack).all(axis=2)


def ragged(
    rows: Iterable[Row],
    what: str,
    sign: int = 0,
    name: Callable[[int], str] = "row {}".format,
    of_answers: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """All numbers in one row, and how many belong to each row; none infinite or of the wrong sign.

    A row is an answer with one number a token, or, ``of_answers``, a question with one number an answer.
    """
    unit, whole = ("an answer", "a question") if of_answers else ("a token", "an answer")
    arrays = [numbers(row, f"{name(i)}: {what}") for i, row in enumerate(listed(rows, "rows of numbers"))]
    for i, row in enumerate(arrays):
        if of_answers and not row.ndim:
            raise one_a_question("logprobs", "row", row, i)
        if row.ndim != 1:
            raise BadInput(f"{name(i)} must be one {what} {unit}, got shape {row.shape}; give one row {whole}")
    size = np.array([len(row) for row in arrays], dtype=int)
    flat = np.concatenate([*arrays, np.empty(0)])
    bad = np.isinf(flat)
    if sign:
        bad |= sign * flat < -ROUNDING
    if bad.any():
        limit = {1: "below 0 or infinite", -1: "above 0 or infinite", 0: "infinite"}[sign]
        raise BadInput(f"{name(int(np.repeat(np.arange(len(size)), size)[bad][0]))}: {what} {limit}")
    if sign:
        flat = sign * np.maximum(sign * flat, 0) + 0.0
    return flat, size


def reduce(ufunc: np.ufunc, flat: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Reduce each answer's stretch of ``flat``; NaN for an empty one, which ``reduceat`` would get wrong."""
    out = np.full(len(size), np.nan)
    if len(flat):
        with np.errstate(over="ignore"):
            out[size > 0] = ufunc.reduceat(flat, (np.cumsum(size) - size)[size > 0])
    return out


def mean(flat: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Mean of each answer's stretch of ``flat``."""
    return reduce(np.add, flat, size) / np.maximum(size, 1)
