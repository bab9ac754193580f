"""A cascade judged where neither its fit nor its thresholds have looked, beside the controls it must beat."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from homogen import evaluation
from homogen.cascade._base import fit_evidence, numbers, stratified
from homogen.cascade.boundary import Boundary, stages_of
from homogen.cascade.fit import bands, evidence, out_of_fold, scored_rows, stage_fits, stops
from homogen.records import BadInput, Draws, shown
from homogen.records.checks import ranged, whole
from homogen.records.draws import check_draws

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of the questions to pass on that :func:`cross_validate` and :func:`cost_curve` try."""

LOTS = 200
"""Times that the control by lot is drawn."""


@dataclasses.dataclass(frozen=True)
class CrossValidated:
    """A cascade with its controls, judged on questions that neither its fit nor its thresholds have seen.

    Attributes
    ----------
    table : pandas.DataFrame
        A row a method (``cascade``, ``by lot``, ``parallel``, and each boundary alone), with columns ``auroc``,
        ``low``, ``high``, ``cost`` (mean a question), ``share_of_parallel_cost``, and ``calls_saved`` (of the last
        stage). For ``by lot`` these are the mean over 200 lots and the range of 95% of them.
    evidence : pandas.DataFrame
        ``(n, methods)``, all but ``by lot``: out-of-fold log-odds of a wrong answer over the error rate of the fit's
        own rows, NaN for rows left out: the scores that ``table`` judges, and those to hand to a paired test.
    stage : numpy.ndarray
        ``(n,)`` stage at which the cascade stopped, from 0; -1 for rows left out.
    thresholds : pandas.DataFrame
        A row an outer fold: the ``share`` to pass on that it chose, and for each stage but the last the ``edge`` of
        evidence within which it passes on.
    prior : float
        Mean error rate of the outer training sets.
    coverage : float
        Share of the questions with all scores and a label.
    lots_as_good : float
        One-sided p of knowing where to spend, :math:`(1 + b) / (1 + 200)` with b the lots whose AUROC is at least the
        cascade's.
    """

    table: pd.DataFrame
    evidence: pd.DataFrame
    stage: np.ndarray
    thresholds: pd.DataFrame
    prior: float
    coverage: float
    lots_as_good: float

    @property
    def prob_wrong(self) -> pd.DataFrame:
        """The evidence as probabilities of a wrong answer, all folds with one prior."""
        return expit(self.evidence + logit(self.prior))


def cross_validate(
    boundaries: Sequence[Boundary],
    wrong: Sequence[float],
    shares: Sequence[float] = SHARES,
    tolerance: float = 0.01,
    folds: int = 5,
    draws: Draws = Draws(),
    questions: Sequence | None = None,
) -> CrossValidated:
    r"""Fit and judge a cascade by nested cross-validation, beside its matched controls.

    .. math:: \hat\beta = \min\{\beta : A(\beta) \ge A(1) - \text{tolerance}\}

    with :math:`A(\beta)` the AUROC, inside a training set, of the cascade that passes on the share :math:`\beta`.

    The cascade is that of :func:`fit_cascade`: a question is passed on where the evidence so far is least. How many
    are is chosen inside each outer training set, by another cross-validation: the smallest (cheapest) share whose
    AUROC is within ``tolerance`` of all in parallel. Where evidence ties at the edge, who passes is drawn by lot.

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
    draws
        Of the bootstrap intervals; the seed is that of the folds and the lots as well.
    questions
        For boundaries whose score is a function. All are scored: judging needs what running would save.

    Raises
    ------
    BadInput
        If a class has fewer rows than twice the folds.

    Notes
    -----
    AUROC pools the rows of all outer folds, each scored by its own fold's fit, and its interval holds the fits fixed:
    for a verdict, fit again to permuted labels (:func:`homogen.evaluation.fitted_test`). ``by lot`` passes on as many
    questions at each stage of each fold as the cascade does, but any of them, 200 times over: what it gains over a
    single boundary it gains by spending, what the cascade gains over it by knowing where to spend. The order of the
    rows plays no part.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> wrong = rng.random(200) < 0.4
    >>> cheap, dear = wrong + rng.normal(0, 2, 200), wrong + rng.normal(0, 1, 200)
    >>> found = cross_validate([Boundary("cheap", 1, cheap), Boundary("dear", 9, dear)], wrong, draws=Draws(100))
    >>> found.table.index.tolist()
    ['cascade', 'by lot', 'parallel', 'cheap alone', 'dear alone']
    >>> bool(found.table.loc["cascade", "cost"] < found.table.loc["parallel", "cost"])
    True
    """
    boundaries = stages_of(boundaries)
    S, w, keep, given = scored_rows(boundaries, wrong, questions)
    tried = _check_shares(shares)
    check_draws(draws)
    whole("folds", folds, 2)
    tolerance = ranged("tolerance", tolerance, 0, 1)
    if min(w.sum(), (~w).sum()) < 2 * folds:
        raise BadInput(
            f"{folds} outer and inner folds need {2 * folds} wrong and {2 * folds} right answers, "
            f"got {int(w.sum())} and {int((~w).sum())}"
        )
    names = ["cascade", "parallel", *(f"{b.name} alone" for b in boundaries)]
    n, stages = S.shape
    found = np.full((n, len(names)), np.nan)
    stage, drawn = np.zeros(n, dtype=int), np.empty((LOTS, n))
    rng = np.random.default_rng(draws.seed)
    thresholds, priors = [], []
    for train, test in stratified(w, folds, draws.seed):
        share = _choose(S[train], w[train], tried, tolerance, folds, draws.seed)
        fits = stage_fits(S[train], w[train])
        inside, outside = evidence(fits, S[train]), evidence(fits, S[test])
        edges = bands(inside, share)
        stage[test] = stops(outside, edges, rng)
        for lot in drawn:
            lot[test] = outside[np.arange(len(test)), rng.permutation(stage[test])]
        found[test, 0] = outside[np.arange(len(test)), stage[test]]
        found[test, 1] = outside[:, -1]
        for k in range(stages):
            found[test, 2 + k] = fit_evidence(S[train, k : k + 1], w[train])(S[test, k : k + 1])
        thresholds.append({"share": share, **{f"edge {k}": edge for k, (edge, _) in enumerate(edges)}})
        priors.append(w[train].mean())
    costs = np.array([b.cost for b in boundaries], dtype=np.float64)
    spent = np.cumsum(costs)
    mean_cost = [*[spent[stage].mean()] * 2, spent[-1], *costs]
    last_saved = [*[np.mean(stage < stages - 1)] * 2, 0.0, *[1.0] * (stages - 1), 0.0]
    estimates = [evaluation.auroc(column, w, draws=draws) for column in found.T]
    areas = [evaluation.auroc(lot, w, interval=None).value for lot in drawn]
    dealt = iter(areas)
    by_lot = evaluation.mean_over_lots(lambda _: next(dealt), LOTS)
    as_good = sum(area >= estimates[0].value - 1e-12 for area in areas)
    estimates.insert(1, by_lot)
    table = pd.DataFrame(
        {
            "auroc": [e.value for e in estimates],
            "low": [e.low for e in estimates],
            "high": [e.high for e in estimates],
            "cost": mean_cost,
            "share_of_parallel_cost": np.array(mean_cost) / spent[-1] if spent[-1] else np.nan,
            "calls_saved": last_saved,
        },
        index=[names[0], "by lot", *names[1:]],
    )
    full = pd.DataFrame(np.nan, index=range(given), columns=names)
    full.loc[keep] = found
    all_stages = np.full(given, -1)
    all_stages[keep] = stage
    lots_as_good = (1 + int(as_good)) / (1 + LOTS)
    prior, coverage = float(np.mean(priors)), len(w) / given
    return CrossValidated(table, full, all_stages, pd.DataFrame(thresholds), prior, coverage, lots_as_good)


def cost_curve(
    boundaries: Sequence[Boundary],
    wrong: Sequence[float],
    shares: Sequence[float] = SHARES,
    folds: int = 5,
    seed: int = 0,
    questions: Sequence | None = None,
) -> pd.DataFrame:
    r"""Cost and AUROC of a cascade at every share passed on, out of fold, and which points no other beats on both.

    .. math:: C(\beta) = \sum_k c_k\, P_\beta(\text{stage} \ge k), \qquad A(\beta) = P(e_w > e_r)

    with :math:`e_w` and :math:`e_r` the evidence on which a wrong and a right answer stopped (ties count half).

    Fits are those of :func:`cross_validate`, but the share is not chosen: read the curve, do not pick its best point
    and report that.

    Parameters
    ----------
    boundaries, wrong, shares, folds, questions
        As in :func:`cross_validate`.
    seed
        Of the folds.

    Returns
    -------
    pandas.DataFrame
        A row a share: ``share``, ``cost`` (mean a question), ``share_of_parallel_cost``, ``calls_saved`` (of the last
        stage), ``auroc``, and ``on_front`` (:func:`pareto_front`).

    Raises
    ------
    BadInput
        If a class has fewer rows than there are folds.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> wrong = rng.random(200) < 0.4
    >>> cheap, dear = wrong + rng.normal(0, 2, 200), wrong + rng.normal(0, 1, 200)
    >>> curve = cost_curve([Boundary("cheap", 1, cheap), Boundary("dear", 9, dear)], wrong, shares=[0, 0.5, 1])
    >>> curve.cost.tolist()[0], curve.cost.tolist()[-1]
    (1.0, 10.0)
    """
    boundaries = stages_of(boundaries)
    S, w, _, _ = scored_rows(boundaries, wrong, questions)
    tried = _check_shares(shares)
    spent = np.cumsum([float(b.cost) for b in boundaries])
    found, stage = out_of_fold(S, w, tried, folds, seed)
    cost = spent[stage].mean(axis=1)
    auroc = [evaluation.auroc(row, w, interval=None).value for row in found]
    return pd.DataFrame(
        {
            "share": tried,
            "cost": cost,
            "share_of_parallel_cost": cost / spent[-1] if spent[-1] else np.nan,
            "calls_saved": (stage < len(spent) - 1).mean(axis=1),
            "auroc": auroc,
            "on_front": pareto_front(cost, auroc),
        }
    )


def pareto_front(cost: Sequence[float] | np.ndarray, auroc: Sequence[float] | np.ndarray) -> np.ndarray:
    r"""Which points are not beaten: no other costs at most as much and scores at least as well, one of them strictly.

    .. math:: \{ i : \nexists\, j \text{ with } c_j \le c_i,\ A_j \ge A_i,\ (c_j, A_j) \ne (c_i, A_i) \}

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
    c, a = numbers(cost, "cost"), numbers(auroc, "auroc")
    if c.shape != a.shape:
        raise BadInput(f"cost and auroc must be rows of equal length, got shapes {c.shape} and {a.shape}")
    no_worse = (c[:, None] <= c) & (a[:, None] >= a)
    better = no_worse & ((c[:, None] < c) | (a[:, None] > a))
    return ~better.any(axis=0) & ~np.isnan(c) & ~np.isnan(a)


def _check_shares(shares: Sequence[float]) -> np.ndarray:
    values = numbers(shares, "shares")
    if not len(values) or not ((values >= 0) & (values <= 1)).all():
        raise BadInput(f"shares must be numbers in [0, 1], at least one, got {shown(shares)}")
    return np.unique(values)


def _choose(S: np.ndarray, wrong: np.ndarray, shares: np.ndarray, tolerance: float, folds: int, seed: int) -> float:
    """The cheapest share whose AUROC is near enough to all in parallel; failing that, the best."""
    found, _ = out_of_fold(S, wrong, np.append(shares, 1.0), folds, seed)
    *auroc, parallel = (evaluation.auroc(row, wrong, interval=None).value for row in found)
    enough = [share for share, value in zip(shares, auroc, strict=True) if value >= parallel - tolerance]
    return float(enough[0] if enough else shares[int(np.argmax(auroc))])
