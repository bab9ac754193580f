"""What learned parts share: checked numbers, stratified folds, a logistic regression in log-odds."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import logit

from homogen.evaluation._base import check_binary
from homogen.records import BadInput
from homogen.records.checks import floats, whole


def numbers(values: Sequence | np.ndarray, what: str, dimensions: int = 1) -> np.ndarray:
    """Float64 of the wanted depth, or a complaint; NaN may be among them, infinities may not."""
    x = floats(values, f"{what} must be numbers in {'a row' if dimensions == 1 else 'rows of equal length'}")
    if x.ndim != dimensions:
        raise BadInput(f"{what} must have {dimensions} dimension{'s' * (dimensions > 1)}, got shape {x.shape}")
    if np.isinf(x).any():
        raise BadInput(f"{what} must be finite")
    return x


def labels(wrong: Sequence[float], n: int | None = None) -> np.ndarray:
    """Checked labels, NaN among them; one for each of n questions, where there are others to go with."""
    w = numbers(wrong, "wrong")
    if n is not None and len(w) != n:
        raise BadInput(f"wrong must have one label for each of {n} questions, got {len(w)}")
    check_binary("wrong", w)
    return w


def complete(X: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Which rows have all numbers and a label, in an order of their own: folds and lots then do not hang on theirs."""
    keep = np.flatnonzero(~np.isnan(X).any(axis=1) & ~np.isnan(w))
    return keep[np.lexsort((w[keep], *X[keep].T))]


def stratified(wrong: np.ndarray, folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows of the training and of the test part of each fold."""
    from sklearn.model_selection import StratifiedKFold

    whole("folds", folds, 2)
    whole("seed", seed, 0, 2**32 - 1)  # what scikit-learn takes
    fewest = int(min(wrong.sum(), (~wrong).sum()))
    if fewest < folds:
        raise BadInput(f"{folds} folds need {folds} wrong and {folds} right answers, got {fewest} of one of them")
    return list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(wrong, wrong))


def fit_evidence(X: np.ndarray, wrong: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Log-odds of a wrong answer over those of the training rows' error rate, by a logistic regression.

    In log-odds, because probabilities of extreme scores run into 1 and tie; over the error rate, because folds differ
    in it, and against their test rows': pooled as they are, the forecasts of a score that knows nothing would have an
    AUROC below one half. Rounded, because two fits of nothing agree to their last digits only. Columns are
    standardised; the ridge penalty has scikit-learn's default strength.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    largest = np.abs(X).max(axis=0, initial=0.0)
    largest = np.where(largest > 0, largest, 1.0)
    mean, scale = (X / largest).mean(axis=0), (X / largest).std(axis=0)
    scale = np.where(scale > 1e-12, scale, 1.0)  # a constant column says nothing
    model = LogisticRegression(solver="newton-cholesky", tol=1e-10)
    with warnings.catch_warnings():  # where the optimum is next to the start, lbfgs takes the last step, and finds it
        warnings.filterwarnings("ignore", "Line search of Newton solver", ConvergenceWarning)
        model.fit((X / largest - mean) / scale, wrong)
    prior = logit(wrong.mean())
    return lambda rows: np.round(model.decision_function((rows / largest - mean) / scale) - prior, 8)
