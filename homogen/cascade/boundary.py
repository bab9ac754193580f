"""Boundaries in a row: what they flag and what they cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from homogen.cascade._base import numbers
from homogen.records import BadInput, shown
from homogen.records.checks import real, sized


@dataclasses.dataclass(frozen=True)
class Boundary:
    """One stage of a cascade.

    Parameters
    ----------
    name
        What the stage looks at, as it will stand in tables.
    cost
        Price of scoring one question, at least 0, in any unit that all boundaries share (calls, milliseconds).
    score
        ``(n,)`` scores of all questions, or a function from the questions that reach the stage to their scores, which
        is then called for no others. NaN is no opinion: the question is passed on.
    flag_above
        A higher score flags the answer as likely wrong.
    clear_below
        A lower score clears it.

    Raises
    ------
    BadInput
        If a score could both flag and clear.
    """

    name: str
    cost: float
    score: Sequence[float] | np.ndarray | Callable[[list], Sequence[float] | np.ndarray]
    flag_above: float = np.inf
    clear_below: float = -np.inf

    def __post_init__(self) -> None:
        def must(field: str, what: str, fits: Callable[[float], bool]) -> None:
            real(getattr(self, field), f"boundary {self.name!r}: {field} must be {what}", fits)

        must("cost", "a finite number of at least 0", lambda cost: 0 <= cost < np.inf)
        for threshold in ("flag_above", "clear_below"):
            must(threshold, "a number", lambda value: not np.isnan(value))
        if self.clear_below > self.flag_above:
            raise BadInput(
                f"boundary {self.name!r} clears below {self.clear_below} and flags above {self.flag_above}: "
                "between them it would do both"
            )


@dataclasses.dataclass(frozen=True)
class CascadeResult:
    """What a cascade said of each of n questions, and what it cost, with S stages.

    Attributes
    ----------
    flagged : numpy.ndarray
        ``(n,)`` bool: a stage flagged the answer. What no stage decides is not flagged.
    stage : numpy.ndarray
        ``(n,)`` int: the stage that decided, from 0; -1 where none did.
    cost : numpy.ndarray
        ``(n,)`` sum of the costs of the stages that the question went through.
    reached : numpy.ndarray
        ``(S,)`` share of the questions that reached each stage; the first is 1.
    parallel_cost : float
        What one question costs where all stages are run on it.
    """

    flagged: np.ndarray
    stage: np.ndarray
    cost: np.ndarray
    reached: np.ndarray
    parallel_cost: float

    @property
    def mean_cost(self) -> float:
        """Cost of a question on average; NaN without questions."""
        return float(self.cost.mean()) if len(self.cost) else np.nan

    @property
    def share_of_parallel_cost(self) -> float:
        """Mean cost over the cost of all stages; NaN if that is 0."""
        return self.mean_cost / self.parallel_cost if self.parallel_cost else np.nan

    @property
    def calls_saved(self) -> np.ndarray:
        """``(S,)`` share of the questions that were spared each stage; 0 for the first."""
        return 1 - self.reached


def run_cascade(boundaries: Sequence[Boundary], questions: Sequence | None = None) -> CascadeResult:
    r"""Run boundaries in the order given; a question stops at the first that flags or clears it.

    .. math:: \text{stage}_i = \min\{k : s_{ik} > \text{flag\_above}_k \text{ or } s_{ik} < \text{clear\_below}_k\}

    Parameters
    ----------
    boundaries
        At least one, cheapest first if the order is to pay.
    questions
        Handed to those boundaries whose score is a function; only needed if there is one.

    Notes
    -----
    The mean cost is :math:`\sum_i c_i \prod_{j<i} \beta_j` with :math:`\beta_j` the share that stage j passes on of
    what reaches it (:func:`cascade_cost`).

    References
    ----------
    P. Viola and M. Jones (2001), "Rapid object detection using a boosted cascade of simple features", CVPR. M. Liu
    (2026), arXiv:2603.24124 (boundaries B1 to B5).

    Examples
    --------
    >>> cheap = Boundary("entropy", 1, [0.1, 0.5, 0.9, 0.5], flag_above=0.8, clear_below=0.2)
    >>> dear = Boundary("evidence", 9, [0.9, 0.9, 0.1, 0.1], flag_above=0.5)
    >>> result = run_cascade([cheap, dear])
    >>> result.flagged, result.stage, result.cost
    (array([False,  True,  True, False]), array([ 0,  1,  0, -1]), array([ 1., 10.,  1., 10.]))
    >>> result.share_of_parallel_cost, result.calls_saved
    (0.55, array([0. , 0.5]))
    """
    boundaries = stages_of(boundaries)
    n = how_many(boundaries, questions)
    here = np.arange(n)
    flagged = np.zeros(n, dtype=bool)
    stage = np.full(n, -1)
    cost = np.zeros(n)
    reached = np.zeros(len(boundaries))
    for k, boundary in enumerate(boundaries):
        score = stage_scores(boundary, questions, here, n)
        reached[k] = len(here) / n if n else np.nan
        cost[here] += boundary.cost
        flags, clears = score > boundary.flag_above, score < boundary.clear_below
        flagged[here[flags]] = True
        stage[here[flags | clears]] = k
        here = here[~(flags | clears)]
    return CascadeResult(flagged, stage, cost, reached, float(sum(b.cost for b in boundaries)))


def cascade_cost(costs: Sequence[float], passed_on: Sequence[float]) -> float:
    r"""Expected cost of a question from what each stage costs and passes on.

    .. math:: \sum_{i=1}^{S} c_i \prod_{j<i} \beta_j

    Parameters
    ----------
    costs
        ``(S,)`` cost :math:`c_i` of each stage.
    passed_on
        ``(S - 1,)`` or ``(S,)`` share :math:`\beta_j` that each stage passes on, of the questions that reach it; the
        last stage has nobody to pass on to.

    Examples
    --------
    >>> cascade_cost([1, 9], [0.5])
    5.5
    """
    c, beta = numbers(costs, "costs"), numbers(passed_on, "shares passed on")
    if not len(c) or len(beta) not in (len(c) - 1, len(c)):
        raise BadInput(f"S costs need S - 1 shares passed on, got shapes {c.shape} and {beta.shape}")
    if not (c >= 0).all() or not ((beta >= 0) & (beta <= 1)).all():
        raise BadInput("costs must be finite and at least 0, shares passed on in [0, 1]")
    return float(c @ np.concatenate([[1.0], np.cumprod(beta)])[: len(c)])


def stages_of(boundaries: Iterable[Boundary]) -> list[Boundary]:
    """A list of at least one boundary and of nothing else."""
    try:
        stages = list(boundaries)
    except TypeError:
        raise BadInput(f"expected a list of boundaries, got {shown(boundaries)}") from None
    if not stages:
        raise BadInput("a cascade needs a boundary")
    for stage in stages:
        if not isinstance(stage, Boundary):
            raise BadInput(f"expected boundaries, got {shown(stage)} among them")
    return stages


def how_many(boundaries: Sequence[Boundary], questions: Sequence | None) -> int:
    """The number of questions: of those given, else of the scores."""
    if questions is not None:
        sized(questions, "questions")
    n = None if questions is None else len(questions)
    for boundary in boundaries:
        if callable(boundary.score):
            if questions is None:
                raise BadInput(f"boundary {boundary.name!r} scores questions, but none are given")
        elif n is None:
            n = len(numbers(boundary.score, f"scores of boundary {boundary.name!r}"))
    assert n is not None  # there is a boundary
    return n


def stage_scores(boundary: Boundary, questions: Sequence | None, here: np.ndarray, n: int) -> np.ndarray:
    """The stage's scores of the questions that reached it."""
    given, wanted = boundary.score, n
    if asks := callable(given):
        assert questions is not None  # see how_many
        given, wanted = given([questions[i] for i in here]), len(here)
    score = numbers(given, f"scores of boundary {boundary.name!r}")
    if score.shape != (wanted,):
        raise BadInput(f"boundary {boundary.name!r} has scores of shape {score.shape} for {wanted} questions")
    return score if asks else score[here]
