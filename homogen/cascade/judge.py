"""A cascade judged where neither its fit nor its thresholds have looked, beside the controls it must beat."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from numbers import Integral, Real

import numpy as np
import pandas as pd
from scipy.special import logit

from homogen import evaluation
from homogen.cascade._base import fit_logistic, labels, stratified
from homogen.cascade.run import Boundary, stage_scores
from homogen.records import BadInput

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of the questions to pass on that :func:`cross_validate` and :func:`cost_curve` try."""


@dataclasses.dataclass(frozen=True)
class CrossValidated:
    """A cascade with its controls, judged on questions that neither its fit nor its thresholds have seen.

    Attributes
    ----------
    table : pandas.DataFrame
        A row a method (``cascade``, ``by lot``, ``parallel``, and each boundary alone), with columns ``auroc``,
        ``low``, ``high``, ``cost`` (mean a question), ``share_of_parallel_cost``, and ``calls_saved`` (of the last
        stage).
    risk : pandas.DataFrame
        ``(n, methods)`` out-of-fold probability of a wrong answer by each method, NaN for rows left out.
    stage : numpy.ndarray
        ``(n,)`` stage at which the cascade stopped, from 0; -1 for rows left out.
    shares : tuple of float
        The share to pass on that each outer fold chose.
    coverage : float
        Share of the questions with all scores and a label.
    """

    table: pd.DataFrame
    risk: pd.DataFrame
    stage: np.ndarray
    shares: tuple[float, ...]
    coverage: float


def cross_validate(
    boundaries: Sequence[Boundary],
    wrong: Sequence[float],
    shares: Sequence[float] = SHARES,
    tolerance: float = 0.01,
    folds: int = 5,
    seed: int = 0,
    resamples: int = 10_000,
    questions: Sequence | None = None,
) -> CrossValidated:
    """Fit and judge a cascade by nested cross-validation, beside its matched controls.

    Stage k estimates the probability of a wrong answer by a logistic regression on the scores of stages 1…k. A question
    is passed on if its estimate is among the given share nearest to the training folds' median, where the stage is most
    in doubt; the estimate of the stage at which it stops is its score. The share is chosen inside each outer training
    set, by another cross-validation: the smallest (cheapest) whose AUROC is within ``tolerance`` of all in parallel.

    Parameters
    ----------
    boundaries
        At least two, in the order in which they are run. Their own thresholds play no part.
    wrong
        ``(n,)`` true where the answer is wrong.
    shares
        Shares in [0, 1] to choose from: 0 stops everyone at the first stage, 1 is all in parallel.
    tolerance
        How much AUROC may be given away for a cheaper share.
    folds
        Outer and inner folds, stratified by ``wrong``.
    seed
        Of the folds, the lots and the bootstrap.
    resamples
        Of the bootstrap intervals.
    questions
        For boundaries whose score is a function. All are scored: judging needs what running would save.

    Returns
    -------
    CrossValidated

    Raises
    ------
    BadInput
        If there are fewer than two boundaries, lengths differ, or either class has fewer rows than twice the folds.

    Notes
    -----
    AUROC pools the rows of all outer folds, each scored by its own fold's fit, in log-odds over that fold's error rate.
    ``by lot`` passes on as many questions at each stage of each fold as the cascade does, but any of them: what it
    gains over a single boundary it gains by spending, what the cascade gains over it by knowing where to spend.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> wrong = rng.random(200) < 0.4
    >>> cheap, dear = wrong + rng.normal(0, 2, 200), wrong + rng.normal(0, 1, 200)
    >>> found = cross_validate([Boundary("cheap", 1, cheap), Boundary("dear", 9, dear)], wrong, resamples=100)
    >>> found.table.index.tolist()
    ['cascade', 'by lot', 'parallel', 'cheap alone', 'dear alone']
    >>> bool(found.table.loc["cascade", "cost"] < found.table.loc["parallel", "cost"])
    True
    """
    S, w, keep, given = _rows(boundaries, wrong, questions)
    shares = _check_shares(shares)
    if isinstance(folds, bool) or not isinstance(folds, Integral) or folds < 2:
        raise BadInput(f"folds must be a whole number of at least 2, got {folds!r}")
    if not (isinstance(tolerance, Real) and 0 <= tolerance <= 1):
        raise BadInput(f"tolerance must lie in [0, 1], got {tolerance!r}")
    if min(w.sum(), (~w).sum()) < 2 * folds:
        raise BadInput(
            f"{folds} outer and inner folds need {2 * folds} wrong and {2 * folds} right answers, "
            f"got {int(w.sum())} and {int((~w).sum())}"
        )
    names = ["cascade", "by lot", "parallel", *(f"{b.name} alone" for b in boundaries)]
    n, stages = S.shape
    risk = np.full((n, len(names)), np.nan)
    stage, lot_stage = np.zeros(n, dtype=int), np.zeros(n, dtype=int)
    base = np.empty(n)
    rng = np.random.default_rng(seed)
    chosen = []
    for train, test in stratified(w, folds, seed):
        base[test] = w[train].mean()
        share = _choose(S[train], w[train], shares, tolerance, folds, seed)
        chosen.append(share)
        fits = [fit_logistic(S[train, : k + 1], w[train]) for k in range(stages)]
        inside, outside = _risks(fits, S[train]), _risks(fits, S[test])
        stage[test] = _stops(outside, _bands(inside, share), np.median(inside, axis=0))
        lot_stage[test] = rng.permutation(stage[test])
        risk[test, 0] = outside[np.arange(len(test)), stage[test]]
        risk[test, 1] = outside[np.arange(len(test)), lot_stage[test]]
        risk[test, 2] = outside[:, -1]
        for k in range(stages):
            risk[test, 3 + k] = fit_logistic(S[train, k : k + 1], w[train])(S[test, k : k + 1])
    costs = np.array([b.cost for b in boundaries], dtype=np.float64)
    spent = np.cumsum(costs)
    mean_cost = [spent[stage].mean(), spent[lot_stage].mean(), spent[-1], *costs]
    last_saved = [np.mean(stage < stages - 1), np.mean(lot_stage < stages - 1), 0.0, *[1.0] * (stages - 1), 0.0]
    estimates = [evaluation.auroc(_evidence(r, base), w, resamples=resamples, seed=seed) for r in risk.T]
    table = pd.DataFrame(
        {
            "auroc": [e.value for e in estimates],
            "low": [e.low for e in estimates],
            "high": [e.high for e in estimates],
            "cost": mean_cost,
            "share_of_parallel_cost": np.array(mean_cost) / spent[-1] if spent[-1] else np.nan,
            "calls_saved": last_saved,
        },
        index=names,
    )
    full = pd.DataFrame(np.nan, index=range(given), columns=names)
    full.loc[keep] = risk
    all_stages = np.full(given, -1)
    all_stages[keep] = stage
    return CrossValidated(table, full, all_stages, tuple(chosen), len(w) / given)


def cost_curve(
    boundaries: Sequence[Boundary],
    wrong: Sequence[float],
    shares: Sequence[float] = SHARES,
    folds: int = 5,
    seed: int = 0,
    questions: Sequence | None = None,
) -> pd.DataFrame:
    """Cost and AUROC of a cascade at every share passed on, out of fold, and which points no other beats on both.

    Fits are those of :func:`cross_validate`, but the share is not chosen: read the curve, do not pick its best point
    and report that.

    Parameters
    ----------
    boundaries, wrong, shares, folds, seed, questions
        As in :func:`cross_validate`.

    Returns
    -------
    pandas.DataFrame
        A row a share: ``share``, ``cost`` (mean a question), ``share_of_parallel_cost``, ``calls_saved`` (of the last
        stage), ``auroc``, and ``on_front`` (:func:`pareto_front`).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> wrong = rng.random(200) < 0.4
    >>> cheap, dear = wrong + rng.normal(0, 2, 200), wrong + rng.normal(0, 1, 200)
    >>> curve = cost_curve([Boundary("cheap", 1, cheap), Boundary("dear", 9, dear)], wrong, shares=[0, 0.5, 1])
    >>> curve.cost.tolist()[0], curve.cost.tolist()[-1]
    (1.0, 10.0)
    """
    S, w, _, _ = _rows(boundaries, wrong, questions)
    shares = _check_shares(shares)
    if min(w.sum(), (~w).sum()) < folds:
        raise BadInput(f"{folds} folds need as many wrong and right answers, got {int(w.sum())} and {int((~w).sum())}")
    spent = np.cumsum([float(b.cost) for b in boundaries])
    evidence, stage = _out_of_fold(S, w, shares, folds, seed)
    cost = spent[stage].mean(axis=1)
    auroc = [evaluation.auroc(r, w, interval=None).value for r in evidence]
    return pd.DataFrame(
        {
            "share": shares,
            "cost": cost,
            "share_of_parallel_cost": cost / spent[-1] if spent[-1] else np.nan,
            "calls_saved": (stage < len(spent) - 1).mean(axis=1),
            "auroc": auroc,
            "on_front": pareto_front(cost, auroc),
        }
    )


def pareto_front(cost: Sequence[float], auroc: Sequence[float]) -> np.ndarray:
    """Which points are not beaten: no other costs at most as much and scores at least as well, one of them strictly.

    Parameters
    ----------
    cost, auroc
        ``(n,)`` each; a NaN in either puts the point off the front.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` bool; equal points are on the front together.

    Examples
    --------
    >>> pareto_front([1, 2, 3, 2], [0.6, 0.7, 0.65, 0.7])
    array([ True,  True, False,  True])
    """
    c, a = np.asarray(cost, dtype=np.float64), np.asarray(auroc, dtype=np.float64)
    if c.ndim != 1 or c.shape != a.shape:
        raise BadInput(f"cost and auroc must be rows of equal length, got shapes {c.shape} and {a.shape}")
    no_worse = (c[:, None] <= c) & (a[:, None] >= a)
    better = no_worse & ((c[:, None] < c) | (a[:, None] > a))
    return ~better.any(axis=0) & ~np.isnan(c) & ~np.isnan(a)


def _rows(
    boundaries: Sequence[Boundary], wrong: Sequence[float], questions: Sequence | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Scores ``(n, S)`` and labels of the rows that have all of them, which rows those are, and how many were given."""
    if len(boundaries) < 2:
        raise BadInput(f"a cascade to be judged needs two boundaries, got {len(boundaries)}")
    n = len(wrong)
    w = labels(wrong, n)
    for boundary in boundaries:
        if callable(boundary.score) and (questions is None or len(questions) != n):
            raise BadInput(f"boundary {boundary.name!r} scores questions: {n} are needed")
    S = np.stack([stage_scores(b, questions, np.arange(n), n) for b in boundaries], axis=1)
    keep = np.flatnonzero(~np.isnan(S).any(axis=1) & ~np.isnan(w))
    return S[keep], w[keep].astype(bool), keep, n


def _check_shares(shares: Sequence[float]) -> np.ndarray:
    values = np.asarray(shares, dtype=np.float64)
    if values.ndim != 1 or not len(values) or not ((values >= 0) & (values <= 1)).all():
        raise BadInput(f"shares must be numbers in [0, 1], at least one, got {shares!r}")
    return np.unique(values)


def _risks(fits: list[Callable], S: np.ndarray) -> np.ndarray:
    """``(n, S)`` estimate of every stage."""
    return np.stack([fit(S[:, : k + 1]) for k, fit in enumerate(fits)], axis=1)


def _bands(inside: np.ndarray, share: float) -> np.ndarray:
    """How near the median an estimate must be to be passed on: so that this share of the training rows is."""
    center = np.median(inside, axis=0)
    here, bands = np.arange(len(inside)), []
    for k in range(inside.shape[1] - 1):
        doubt = np.abs(inside[here, k] - center[k])
        band = np.quantile(doubt, share) if 0 < share < 1 and len(doubt) else (np.inf if share == 1 else -1.0)
        bands.append(band)
        here = here[doubt <= band]
    return np.array(bands)


def _stops(risk: np.ndarray, bands: np.ndarray, center: np.ndarray) -> np.ndarray:
    """The stage at which each row stops."""
    stage = np.zeros(len(risk), dtype=int)
    for k, band in enumerate(bands):
        stage[(stage == k) & (np.abs(risk[:, k] - center[k]) <= band)] = k + 1
    return stage


def _out_of_fold(
    S: np.ndarray, wrong: np.ndarray, shares: np.ndarray, folds: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Evidence and last stage of every row at every share, ``(shares, n)`` each, by fits that have not seen the row."""
    risk, stage = np.empty((len(shares), len(S))), np.empty((len(shares), len(S)), dtype=int)
    for train, test in stratified(wrong, folds, seed):
        fits = [fit_logistic(S[train, : k + 1], wrong[train]) for k in range(S.shape[1])]
        inside, outside = _risks(fits, S[train]), _risks(fits, S[test])
        for g, share in enumerate(shares):
            stage[g, test] = _stops(outside, _bands(inside, share), np.median(inside, axis=0))
            risk[g, test] = outside[np.arange(len(test)), stage[g, test]]
        risk[:, test] = _evidence(risk[:, test], wrong[train].mean())
    return risk, stage


def _evidence(risk: np.ndarray, base: np.ndarray | float) -> np.ndarray:
    """Log-odds of an estimate over those of its training rows' error rate.

    Folds differ in that rate, and against the test rows': pooled as they are, the estimates of a score that knows
    nothing would have an AUROC below one half. Rounded, because two fits of nothing agree to their last digits only.
    """
    return np.round(logit(risk) - logit(base), 8)


def _choose(S: np.ndarray, wrong: np.ndarray, shares: np.ndarray, tolerance: float, folds: int, seed: int) -> float:
    """The cheapest share whose AUROC is near enough to all in parallel; failing that, the best."""
    evidence, _ = _out_of_fold(S, wrong, np.append(shares, 1.0), folds, seed)
    *auroc, parallel = (evaluation.auroc(row, wrong, interval=None).value for row in evidence)
    enough = [share for share, value in zip(shares, auroc, strict=True) if value >= parallel - tolerance]
    return float(enough[0] if enough else shares[int(np.argmax(auroc))])
