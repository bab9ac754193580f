"""Does a score say more than something simpler does: AUROC and a likelihood-ratio test given a covariate (length)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import optimize, stats

from homogen.evaluation._base import (
    NAN,
    Row,
    TestResult,
    auroc_of,
    bootstrap_interval,
    check_interval,
    complete_rows,
    in_units,
    numbers,
    percent,
    resampled,
    untested,
    varies,
    z_of,
)
from homogen.records import BadInput, Draws, Estimate


def partial_auroc_given(
    score: Row, covariate: Row, wrong: Row, interval: str | None = "bootstrap", draws: Draws = Draws()
) -> Estimate:
    r"""AUROC of what is left of a score after a straight line on a covariate, such as the length of the answer.

    .. math:: r = s - \hat\beta_0 - X \hat\beta, \qquad \hat\beta = \arg\min \lVert s - \beta_0 - X \beta \rVert^2

    Then :func:`auroc` of the residuals r. The line is fitted again in every resample of questions, so the interval
    contains its uncertainty. It takes away what is linear in the covariate and nothing else, whatever the covariate
    itself has to say about errors; whether the score adds to the covariate is :func:`likelihood_ratio_test`.

    Parameters
    ----------
    score
        ``(n,)``; higher = less certain. Units play no part.
    covariate
        ``(n,)`` or ``(n, k)``, each column in a unit of its own. Columns that add nothing (constant, collinear) do no
        harm.
    wrong
        ``(n,)`` of 0 and 1. A question with a NaN anywhere is left out.
    interval
        ``"bootstrap"`` or ``None``. Resamples with one class only are dropped and counted in ``method``.
    draws
        As in :func:`auroc`.

    Returns
    -------
    Estimate
        From 0 to 1. A score that is a line in the covariate has exactly 0.5, interval [0.5, 0.5], by construction.
        Undefined without both classes, and with fewer than k + 2 questions. The ends are NaN, with the reason in
        ``method``, where all resamples agree (the residuals separate the classes).

    References
    ----------
    Janes and Pepe (2009), *Biometrika* 96, on ROC curves given covariates.

    Examples
    --------
    The score is the length, and 1 more where the answer is wrong:

    >>> length, wrong = [1, 2, 3, 4, 5, 6], [0, 1, 0, 0, 1, 0]
    >>> score = [n + w for n, w in zip(length, wrong)]
    >>> partial_auroc_given(score, length, wrong, interval=None).value
    1.0
    """
    check_interval(interval, draws, ("bootstrap",))
    s, X, w, given = _complete(score, covariate, wrong)
    n, k = X.shape
    if not n:
        return Estimate.undefined("no question has a score, a covariate and a label" if given else "no questions")
    if w.all() or not w.any():
        return Estimate.undefined(f"{'every' if w[0] else 'no'} answer is wrong", n, n / given)
    if n < k + 2:
        return Estimate.undefined(f"{k + 1} coefficients need {k + 2} questions", n, n / given)
    # Columns that a line spans alike, at right angles and of one size: units and collinear columns do no harm.
    U = _basis(np.column_stack([np.ones(n), X]))
    y = (s - s.mean()) / s.std() if varies(s) else np.zeros(n)
    p = U.shape[1]
    pairs = (U[:, :, None] * U[:, None, :]).reshape(n, p * p)

    def values(weight: np.ndarray) -> np.ndarray:
        gram, moment = (weight @ pairs).reshape(-1, p, p), weight @ (U * y[:, None])
        beta = np.linalg.pinv(gram, rcond=1e-10, hermitian=True) @ moment[:, :, None]
        left = np.round(y - beta[:, :, 0] @ U.T, 9)  # in standard deviations; what is smaller is rounding
        order = np.argsort(left, axis=1)
        left = np.take_along_axis(left, order, axis=1)
        weight = np.take_along_axis(weight, order, axis=1).astype(np.int64)
        # One cell for each block of ties; the questions not drawn count 0.
        block = np.cumsum(np.diff(left, axis=1, prepend=left[:, :1]) > 0, axis=1) + n * np.arange(len(left))[:, None]
        counts = [np.bincount(block.ravel(), (weight * (w[order] == c)).ravel(), left.size) for c in (False, True)]
        right, bad = (c.reshape(left.shape).astype(np.int64) for c in counts)
        return auroc_of(right, bad)

    value = float(values(np.ones((1, n)))[0])
    name = f"AUROC given {k} covariate{'s' if k > 1 else ''}"
    if interval is None:
        return Estimate(value, NAN, NAN, n, n / given, name)
    drawn = []
    for rows in resampled(n, draws):
        cells = rows + n * np.arange(len(rows))[:, None]
        drawn.append(values(np.bincount(cells.ravel(), minlength=rows.size).reshape(-1, n).astype(np.float64)))
    line = not np.ptp(np.round(y - U @ (U.T @ y) / n, 9))  # nothing is left, in no resample either
    low, high, method = bootstrap_interval(np.concatenate(drawn), draws.level, n, name, by_construction=line)
    return Estimate(value, low, high, n, n / given, method)


def likelihood_ratio_test(score: Row, covariate: Row, wrong: Row, level: float = 0.95) -> TestResult:
    r"""Does a score add to what a covariate says of errors? Logistic regressions with and without it (Wilks 1938).

    .. math:: 2\,(\ell_1 - \ell_0) \sim \chi^2_1, \qquad
              \operatorname{logit} P(\text{wrong}) = \beta_0 + x \beta + \gamma s

    :math:`\ell_1` is the largest log-likelihood of this model, :math:`\ell_0` that with :math:`\gamma = 0`. The test is
    for large n.

    Parameters
    ----------
    score, covariate, wrong
        As in :func:`partial_auroc_given`.
    level
        Of the interval, between 0 and 1.

    Returns
    -------
    TestResult
        ``statistic`` is :math:`2 (\ell_1 - \ell_0)`; ``effect`` is :math:`\gamma`, the change in the log-odds of a
        wrong answer for one standard deviation of the score at a given covariate, with Wald's interval. Near the edge
        of significance the two may disagree, and the test is the better one. Undefined without both classes, where the
        score is constant or a line in the covariate, and where the likelihood has no maximum, because a plane separates
        wrong from right answers (Albert and Anderson 1984).

    References
    ----------
    Wilks (1938), *Ann. Math. Stat.* 9. Albert and Anderson (1984), *Biometrika* 71.

    Examples
    --------
    >>> r = likelihood_ratio_test([1, 5, 2, 4, 3, 6, 2, 5], [3, 4, 1, 2, 5, 4, 2, 6], [0, 1, 0, 0, 1, 1, 1, 0])
    >>> print(f"chi2 = {r.statistic:.2f}, p = {r.pvalue:.2f}, {r.effect}")
    chi2 = 0.35, p = 0.56, 0.516 [-1.245, 2.277], n=8 (4 wrong), coverage 100%
    """
    z = z_of(level)
    s, X, w, given = _complete(score, covariate, wrong)
    n = len(s)
    if w.all() or not w.any():
        return untested(f"{'every' if w[0] else 'no'} answer is wrong" if n else "no questions", n, given)
    if not varies(s):
        return untested("the score does not vary", n, given)
    without = _basis(np.column_stack([np.ones(n), X]))
    s = (s - s.mean()) / s.std()
    if np.abs(s - without @ (without.T @ s) / n).max() < 1e-9:
        return untested("the score is a line in the covariate", n, given)
    design = np.column_stack([without, s])
    if _separated(design, w):
        return untested("perfect separation, the likelihood has no maximum", n, given)
    from statsmodels.discrete.discrete_model import Logit

    small, full = (_fitted(Logit(w.astype(np.float64), x)) for x in (without, design))
    statistic = max(0.0, 2 * float(full.llf - small.llf))  # never below, but for rounding
    value, reach = float(full.params[-1]), z * float(full.bse[-1])
    method = f"likelihood-ratio test, log-odds per standard deviation, Wald {percent(level)}"
    effect = Estimate(value, value - reach, value + reach, n, n / given, method, (int(w.sum()), int((~w).sum())))
    return TestResult(statistic, float(stats.chi2.sf(statistic, 1)), effect)


def _fitted(model: Any) -> Any:
    """Fit a logistic regression whose likelihood has a maximum to the last digits of its coefficients.

    Newton's steps are measured against an absolute tolerance. Where a coefficient is in the thousands its last digit is
    larger than that, and the fit, which is as exact as it can be, would be said not to have converged.
    """
    return model.fit(disp=0, maxiter=200, tol=1e-12, warn_convergence=False)


def _complete(score: Row, covariate: Row, wrong: Row) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Rows without NaN, sorted so that the order given plays no part, and how many were given."""
    X = numbers("covariate", covariate, "numbers")
    if X.ndim == 1:
        X = X[:, None]
    if X.ndim != 2 or not X.shape[1]:
        raise BadInput(f"covariate must have shape (n,) or (n, k), got {X.shape}")
    named = {f"covariate {j}" if X.shape[1] > 1 else "covariate": x for j, x in enumerate(X.T)}
    (s, *columns, w), given = complete_rows(("wrong",), score=score, **named, wrong=wrong)
    order = np.lexsort([w, *columns, s])
    s, *columns = (in_units(x[order])[0][0] for x in (s, *columns))  # units play no part
    return s, np.column_stack(columns), w[order], given


def _basis(X: np.ndarray) -> np.ndarray:
    """Columns at right angles, of mean square 1, that span what a constant and X span; the constant comes first."""
    spread = X[:, 1:].std(axis=0)
    some = [j for j in range(X.shape[1] - 1) if varies(X[:, 1 + j])]
    centred = (X[:, 1:] - X[:, 1:].mean(axis=0))[:, some] / spread[some]
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    left = left[:, size > 1e-10 * size.max(initial=0)]
    left = left - left.mean(axis=0)
    return np.column_stack([X[:, :1], left * math.sqrt(len(X))])


def _separated(design: np.ndarray, wrong: np.ndarray) -> bool:
    """Whether a plane has no wrong answer on its right side, no right one on its wrong side, and some off it.

    A linear programme decides it (Konis 2007): complete and quasi-complete separation alike.
    """
    signed = np.where(wrong[:, None], design, -design)
    best = optimize.linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1))
    return bool(-best.fun > 1e-6)
