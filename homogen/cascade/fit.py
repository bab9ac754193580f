"""Thresholds from data: how sure a stage must be to stop."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from homogen.cascade._base import complete, fit_evidence, labels, stratified
from homogen.cascade.boundary import Boundary, CascadeResult, how_many, run_cascade, stage_scores, stages_of
from homogen.records import BadInput
from homogen.records.checks import ranged, whole


@dataclasses.dataclass(frozen=True)
class FittedCascade:
    """Boundaries with thresholds, made by :func:`fit_cascade`.

    Attributes
    ----------
    share : float
        Share of the questions that each stage was to pass on.
    thresholds : pandas.DataFrame
        A row a boundary: ``clear_below`` and ``flag_above``, in log-odds of a wrong answer over the error rate of the
        questions it was fitted on, and ``passed_at_edge``, the chance with which a question at one of them is passed
        on. The last stage decides at 0.
    """

    share: float
    thresholds: pd.DataFrame
    _fits: tuple[Callable[[np.ndarray], np.ndarray], ...] = dataclasses.field(repr=False)
    _means: np.ndarray = dataclasses.field(repr=False)

    def run(self, boundaries: Sequence[Boundary], questions: Sequence | None = None, seed: int = 0) -> CascadeResult:
        """Run the cascade on questions, new ones as a rule.

        Parameters
        ----------
        boundaries
            The same boundaries, by name and in order, with the scores of these questions. A score that is a function is
            called for the questions that reach its stage alone. A NaN counts as an average score.
        questions
            Handed to scores that are functions.
        seed
            Of the lots that are drawn for questions at a threshold. Tied scores lie there in crowds, as those of
            homogenized answers do. Questions that are run one by one want a seed each.
        """
        boundaries = stages_of(boundaries)
        names = [boundary.name for boundary in boundaries]
        if names != list(self.thresholds.index):
            raise BadInput(f"fitted on the boundaries {list(self.thresholds.index)}, got {names}")
        n = how_many(boundaries, questions)
        scores = np.full((n, len(boundaries)), np.nan)

        def stage(k: int) -> Callable[[list[int]], np.ndarray]:
            def evidence(rows: list[int]) -> np.ndarray:
                here = np.array(rows, dtype=int)
                own = stage_scores(boundaries[k], questions, here, n)
                scores[here, k] = np.where(np.isnan(own), self._means[k], own)
                if not len(here):
                    return np.empty(0)
                found = self._fits[k](scores[here, : k + 1])
                edge, chance = self.thresholds[["flag_above", "passed_at_edge"]].iloc[k]
                stops = (np.abs(found) == edge) & (lots.random(len(here)) >= chance)
                return np.where(stops, np.nextafter(found, np.where(found > 0, np.inf, -np.inf)), found)

            return evidence

        lots = np.random.default_rng(whole("seed", seed, 0))
        rows = self.thresholds.itertuples(index=False)
        stages = [
            Boundary(b.name, b.cost, stage(k), row.flag_above, row.clear_below)
            for k, (b, row) in enumerate(zip(boundaries, rows, strict=True))
        ]
        return run_cascade(stages, range(n))


def fit_cascade(
    boundaries: Sequence[Boundary], wrong: Sequence[float], share: float = 0.5, questions: Sequence | None = None
) -> FittedCascade:
    r"""Learn from labelled questions when each stage should stop.

    Stage k weighs the scores of stages 1…k by a logistic regression into the evidence

    .. math:: e_k = \ln \frac{P(\text{wrong} \mid s_1, \ldots, s_k)}{P(\text{right} \mid s_1, \ldots, s_k)}
              - \ln \frac{P(\text{wrong})}{P(\text{right})}

    and passes on where :math:`|e_k|` is least: where the scores so far say next to nothing. Beyond :math:`\pm` the band
    that leaves the given share to the next stage it flags or clears; where evidence ties at the band's edge, lots
    decide who is passed on, so that the share is kept. The last stage flags where :math:`e_S > 0`.

    Parameters
    ----------
    boundaries
        At least two, in the order in which they are run. Thresholds of their own play no part.
    wrong
        ``(n,)`` true where the answer is wrong; rows with a NaN in a score or here are left out.
    share
        Of the questions that reach a stage, how many it passes on, in [0, 1].
    questions
        For boundaries whose score is a function. All are scored.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> wrong = rng.random(200) < 0.4
    >>> cheap, dear = wrong + rng.normal(0, 2, 200), wrong + rng.normal(0, 1, 200)
    >>> boundaries = [Boundary("cheap", 1, cheap), Boundary("dear", 9, dear)]
    >>> fitted = fit_cascade(boundaries, wrong, share=0.25)
    >>> fitted.run(boundaries).reached
    array([1.  , 0.25])
    """
    share = ranged("share", share, 0, 1)
    boundaries = stages_of(boundaries)
    S, w, _, _ = scored_rows(boundaries, wrong, questions)
    if not 0 < w.sum() < len(w):
        raise BadInput(f"needs wrong and right answers, got {int(w.sum())} wrong of {len(w)}")
    fits = stage_fits(S, w)
    ends = [*bands(evidence(fits, S), share), (0.0, 1.0)]
    edges = np.maximum([edge for edge, _ in ends], 0.0)
    thresholds = pd.DataFrame(
        {"clear_below": -edges, "flag_above": edges, "passed_at_edge": [chance for _, chance in ends]},
        index=[boundary.name for boundary in boundaries],
    )
    return FittedCascade(share, thresholds, tuple(fits), S.mean(axis=0))


def scored_rows(
    boundaries: Sequence[Boundary], wrong: Sequence[float], questions: Sequence | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Scores ``(n, S)`` and labels of the rows that have all of them, which rows those are, and how many were given."""
    boundaries = stages_of(boundaries)
    if len(boundaries) < 2:
        raise BadInput(f"a cascade to be judged needs two boundaries, got {len(boundaries)}")
    names = [boundary.name for boundary in boundaries]
    if len(set(names)) < len(names):
        raise BadInput(f"two boundaries have one name: {', '.join(map(repr, names))}")
    w = labels(wrong)
    n = len(w)
    given = how_many(boundaries, questions)
    for boundary in boundaries:
        if callable(boundary.score) and given != n:
            raise BadInput(f"boundary {boundary.name!r} scores questions: {n} are needed")
    S = np.stack([stage_scores(b, questions, np.arange(n), n) for b in boundaries], axis=1)
    keep = complete(S, w)
    return S[keep], w[keep].astype(bool), keep, n


def stage_fits(S: np.ndarray, wrong: np.ndarray) -> list[Callable[[np.ndarray], np.ndarray]]:
    """Evidence of every stage as a function of the scores up to it."""
    return [fit_evidence(S[:, : k + 1], wrong) for k in range(S.shape[1])]


def evidence(fits: Sequence[Callable[[np.ndarray], np.ndarray]], S: np.ndarray) -> np.ndarray:
    """``(n, S)`` evidence of every stage."""
    return np.stack([fit(S[:, : k + 1]) for k, fit in enumerate(fits)], axis=1)


def bands(inside: np.ndarray, share: float) -> list[tuple[float, float]]:
    """How little evidence is passed on, and with which chance at the very edge, so that the share of training rows is.

    The chance matters where evidence ties, as it does for scores of homogenized answers: a block of equal rows would
    else be passed on whole or not at all.
    """
    weight = np.ones(len(inside))
    found = []
    for doubt in np.abs(inside[:, :-1]).T:
        order = np.argsort(doubt, kind="stable")
        passed, wanted = np.cumsum(weight[order]), share * weight.sum()
        if share >= 1:
            edge, chance = np.inf, 1.0
        elif wanted <= 0:
            edge, chance = -1.0, 0.0
        else:
            edge = doubt[order][min(int(np.searchsorted(passed, wanted - 1e-9)), len(order) - 1)]
            at = doubt == edge
            chance = min(1.0, (wanted - weight[doubt < edge].sum()) / weight[at].sum())
        weight = weight * np.where(doubt < edge, 1.0, np.where(doubt == edge, chance, 0.0))
        found.append((float(edge), float(chance)))
    return found


def stops(outside: np.ndarray, edges: list[tuple[float, float]], rng: np.random.Generator) -> np.ndarray:
    """The stage at which each row stops, from 0."""
    stage = np.zeros(len(outside), dtype=int)
    for k, (edge, chance) in enumerate(edges):
        doubt = np.abs(outside[:, k])
        passes = (doubt < edge) | ((doubt == edge) & (rng.random(len(doubt)) < chance))
        stage[(stage == k) & passes] = k + 1
    return stage


def out_of_fold(
    S: np.ndarray, wrong: np.ndarray, shares: np.ndarray, folds: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Evidence and last stage of every row at every share, ``(shares, n)`` each, by fits that have not seen the row."""
    found, stage = np.empty((len(shares), len(S))), np.empty((len(shares), len(S)), dtype=int)
    for train, test in stratified(wrong, folds, seed):
        fits = stage_fits(S[train], wrong[train])
        inside, outside = evidence(fits, S[train]), evidence(fits, S[test])
        for g, share in enumerate(shares):
            stage[g, test] = stops(outside, bands(inside, share), np.random.default_rng([whole("seed", seed, 0), g]))
            found[g, test] = outside[np.arange(len(test)), stage[g, test]]
    return found, stage
