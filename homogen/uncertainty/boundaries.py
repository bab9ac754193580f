"""Signals of a question itself, or of its evidence, before or beside any answer: the paper's boundaries B2 to B5.

B1, fluency, is the token entropy of :func:`~homogen.uncertainty.mean_entropy`. All are higher = less certain: each says
how it turns the paper's boundary so. A missing question or embedding (a row of NaN) has the score NaN or is left out; a
row that is NaN in part is a mistake and raises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from homogen.records import BadInput
from homogen.records.checks import whole
from homogen.uncertainty._base import (
    cosines,
    cosines_in_step,
    directions,
    each,
    mean_of,
    nli_rows,
    numbers,
    present_rows,
    unit_rows,
)

_BLOCK = 4_000_000  # similarities in memory at a time


def embedding_density(embeddings: Sequence, k: int = 10, reference: Sequence | None = None) -> np.ndarray:
    r"""Boundary B2: how far a question lies from the questions nearest to it.

    .. math:: 1 - \frac{1}{k} \sum_{j \in \mathrm{NN}_k(q)} \cos(e_q, e_j)

    The paper calls the mean cosine the density and takes a low one as risky; this is one minus it. Neighbours are
    exact, found in blocks: memory grows with the number of questions, not with its square.

    Parameters
    ----------
    embeddings
        ``(Q, d)``, a row a question; a row of NaN is missing, and nobody's neighbour.
    k
        How many neighbours.
    reference
        ``(R, d)``: look for neighbours among these instead of the other questions. A question that is among them too
        finds itself.

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` from 0 (k copies of the question) to 2; NaN for a missing one. The score of a question depends on which
        others are there: the paper's two variants, among all 790 and among the 401 labelled, are two different scores.

    Raises
    ------
    BadInput
        If there are fewer than k neighbours (with fewer it would be another measure).

    References
    ----------
    Liu (2026), arXiv 2603.24124.

    Examples
    --------
    >>> embedding_density([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], k=1)
    array([0., 0., 1.])
    >>> embedding_density([[3.0, 4.0]], k=1, reference=[[1.0, 0.0], [-1.0, 0.0]])
    array([0.4])
    """
    whole("k", k, 1)
    unit, present = _present(embeddings, "embeddings")
    out = np.full(len(present), np.nan)
    pool = unit if reference is None else _present(reference, "reference")[0]
    others = len(pool) - (reference is None)
    if len(unit) and others < k:
        raise BadInput(f"k={k} neighbours asked for but there are {others}; lower k or give a larger reference")
    if len(unit) and unit.shape[1] != pool.shape[1]:
        raise BadInput(f"embeddings of {unit.shape[1]} dimensions but a reference of {pool.shape[1]}")
    scores = np.empty(len(unit))
    rows = max(1, _BLOCK // max(len(pool), 1))
    for start in range(0, len(unit), rows):
        block = np.arange(start, min(start + rows, len(unit)))
        cos = cosines(unit[block], pool)
        if reference is None:
            cos[np.arange(len(block)), block] = -np.inf
        scores[block] = 1 - np.sort(np.partition(cos, -k, axis=1)[:, -k:], axis=1).mean(axis=1)
    out[present] = scores
    return out


def entity_association(entity_embeddings: Sequence) -> np.ndarray:
    r"""Boundary B4: how little a question's entities have to do with each other.

    .. math:: 1 - \frac{2}{E (E - 1)} \sum_{i < j} \cos(e_i, e_j)

    The paper's proxy for a missing link in a knowledge graph, and its own direction. Its code gives 0, which is *fully
    associated*, to a question of fewer than two entities; here that is NaN. :func:`~homogen.uncertainty.entities` finds
    entities.

    Parameters
    ----------
    entity_embeddings
        One ``(E, d)`` array a question, a row an entity, NaN for a missing one (left out).

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` from 0 (all the same) to 2; NaN with fewer than two entities left.

    References
    ----------
    Liu (2026), arXiv 2603.24124.

    Examples
    --------
    >>> entity_association([[[1.0, 0.0], [0.0, 2.0], [1.0, 0.0]], [[1.0, 0.0]]]).round(4)  # cosines 0, 1, 0; none
    array([0.6667,    nan])
    """

    def score(unit: np.ndarray) -> float:
        i, j = np.triu_indices(len(unit), k=1)
        return mean_of(1 - cosines_in_step(unit[i], unit[j]))

    return each(score, entity_embeddings, unit_rows, "embeddings", "(E, d) array")


def grounding(probabilities: Sequence) -> np.ndarray:
    r"""Boundary B5: how far an answer is from following from any piece of evidence.

    .. math:: 1 - \max_{j} P_j(\text{entailment})

    where the premise is the j-th passage of evidence and the hypothesis the answer. The paper takes the benchmark's
    gold references for evidence. They are not there at inference, and they also define what counts as wrong, so that a
    figure got with them is an upper bound for retrieval, not a forecast.

    Parameters
    ----------
    probabilities
        One ``(k, 3)`` array an answer: entailment, neutral and contradiction against k passages, a row of NaN for a
        missing one (left out).

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` from 0 (a passage entails the answer) to 1; NaN without evidence.

    References
    ----------
    Liu (2026), arXiv 2603.24124.

    Examples
    --------
    >>> grounding([[[0.2, 0.7, 0.1], [0.9, 0.1, 0.0]]]).round(6)
    array([0.1])
    """

    def score(P: np.ndarray) -> float:
        return 1 - P[:, 0].max() if len(P) else math.nan

    return each(score, probabilities, nli_rows, "probabilities", "(k, 3) array")


def _present(vectors: Sequence, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Unit rows of the embeddings that are there, and which those are."""
    V = numbers(vectors, what)
    if V.size and V.ndim != 2:
        raise BadInput(f"{what} must have shape (Q, d), got {V.shape}")
    if not V.size:
        return np.empty((0, 0)), np.zeros(len(V) if V.ndim else 0, dtype=bool)
    present = present_rows(V, what)
    return directions(V[present], lambda i: f"{what}, row {np.flatnonzero(present)[i]},"), present
