"""What learned parts share: checked labels, stratified folds, a logistic regression."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from homogen.records import BadInput


def labels(wrong: Sequence[float], n: int) -> np.ndarray:
    w = np.asarray(wrong, dtype=np.float64)
    if w.shape != (n,):
        raise BadInput(f"wrong must have one label for each of {n} questions, got shape {w.shape}")
    if not (np.isnan(w) | (w == 0) | (w == 1)).all():
        raise BadInput("wrong must hold 0 and 1 (or false and true) and NaN only")
    return w


def stratified(wrong: np.ndarray, folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import StratifiedKFold

    return list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(wrong, wrong))


def fit_logistic(X: np.ndarray, wrong: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """A logistic regression on standardised columns (ridge penalty of scikit-learn's default strength)."""
    from sklearn.linear_model import LogisticRegression

    mean, scale = X.mean(axis=0), X.std(axis=0)
    scale = np.where(scale > 1e-12 * np.abs(X).max(axis=0), scale, 1.0)  # a constant column says nothing
    model = LogisticRegression(solver="newton-cholesky", tol=1e-10).fit((X - mean) / scale, wrong)
    return lambda rows: model.predict_proba((rows - mean) / scale)[:, 1]
