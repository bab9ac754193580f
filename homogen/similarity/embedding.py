"""Likeness of embeddings: cosines, every distinct text embedded once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from homogen.records import BadInput, shown
from homogen.records.checks import floats, listed_by_question, one_a_question
from homogen.similarity._base import distinct_texts, flatten

Embedder = Callable[[list[str]], np.ndarray]
"""Any function from n texts to an ``(n, d)`` array."""


def embed(answers: Iterable[Sequence[str]], embedder: Embedder) -> list[np.ndarray]:
    r"""Unit vectors of all answers, every distinct text embedded once, in one call of the embedder.

    .. math:: u_i = v_i / \lVert v_i \rVert

    Use it where several measures share the embeddings: :func:`cosine_of`, and ``sindex`` and ``selfcheck`` of
    :mod:`homogen.uncertainty`.

    Parameters
    ----------
    answers
        One list of texts a question; the lists may differ in length.
    embedder
        A function from a list of n texts to an ``(n, d)`` array (:func:`homogen.models.load_embedder`).

    Returns
    -------
    list of numpy.ndarray
        One ``(N_i, d)`` float64 array of unit vectors a question; a missing (empty) answer is a row of NaN.
        If no answer is left at all the embedder is not called and d is 1.

    Examples
    --------
    >>> def lengths(texts):
    ...     return np.array([[len(t), 0.0] for t in texts])
    >>> embed([["Paris", ""]], lengths)
    [array([[ 1.,  0.],
           [nan, nan]])]
    """
    texts, lengths = flatten(answers)
    text_of, distinct = distinct_texts(texts)
    filled = [i for i, text in enumerate(distinct) if text.strip()]
    unit = np.full((len(distinct), 1), np.nan)
    if filled:
        vectors = _embed_distinct([distinct[i] for i in filled], embedder)
        unit = np.full((len(distinct), vectors.shape[1]), np.nan)
        unit[filled] = vectors
    return [unit[ids] for ids in np.split(text_of, np.cumsum(lengths)[:-1])] if len(lengths) else []


def cosine_of(embeddings: Iterable[np.ndarray]) -> list[np.ndarray]:
    r"""Cosine similarities of vectors already at hand.

    .. math:: S_{ij} = \frac{v_i \cdot v_j}{\lVert v_i \rVert \, \lVert v_j \rVert}

    Parameters
    ----------
    embeddings
        One ``(N, d)`` array a question, a row an answer, of any length but zero; a row of NaN is a missing answer.

    Returns
    -------
    list of numpy.ndarray
        One ``(N, N)`` float64 matrix a question, in [-1, 1], symmetric, exactly 1 on the diagonal and between equal
        rows; NaN where an answer is missing.

    Examples
    --------
    >>> cosine_of([np.array([[2.0, 0.0], [3.0, 4.0], [1.0, 0.0]])])
    [array([[1. , 0.6, 1. ],
           [0.6, 1. , 0.6],
           [1. , 0.6, 1. ]])]
    """
    rows = listed_by_question(embeddings, "embeddings", "(N, d) array")
    return [_cosines(vectors, q) for q, vectors in enumerate(rows)]


def _cosines(vectors: np.ndarray, question: int) -> np.ndarray:
    V = floats(vectors, "embeddings must be numbers in rows of equal length")
    if V.ndim < 2 and V.size:
        raise one_a_question("embeddings", "(N, d) array", vectors, question)
    if V.ndim != 2:
        raise BadInput(f"embeddings must have shape (N, d), got {V.shape}")
    missing = np.isnan(V).all(axis=1)
    V = V.copy()
    V[~missing] = _unit(V[~missing], lambda i: f"embedding {np.flatnonzero(~missing)[i]}")
    S = np.clip(V @ V.T, -1.0, 1.0)
    S = (S + S.T) / 2
    # Rounding leaves v·v a few ulps from 1; equal vectors are equal answers, at any threshold.
    same: dict[bytes, int] = {}
    twin = np.array([same.setdefault(v.tobytes(), i) for i, v in enumerate(V)], dtype=int)
    S[twin[:, None] == twin] = 1.0
    S[missing] = np.nan
    S[:, missing] = np.nan
    return S


def cosine(answers: Iterable[Sequence[str]], embedder: Embedder) -> list[np.ndarray]:
    r"""Cosine similarity of the answers' embeddings.

    .. math:: S_{ij} = \frac{v_i \cdot v_j}{\lVert v_i \rVert \, \lVert v_j \rVert}

    Parameters
    ----------
    answers
        As in :func:`homogen.similarity.jaccard`.
    embedder
        A function from a list of n texts to an ``(n, d)`` array (:func:`homogen.models.load_embedder`). It is called
        once, with every distinct text; how many go through a model at once is its own business.

    Returns
    -------
    list of numpy.ndarray
        One ``(N, N)`` float64 matrix a question, in [-1, 1], symmetric, exactly 1 on the diagonal and between identical
        texts; NaN where an answer is missing.

    Notes
    -----
    Cosines of different embedders live on different scales: 0.85 is "nearly the same sentence" to one and "on
    the same topic" to another. A threshold belongs to its embedder.

    References
    ----------
    N. Reimers and I. Gurevych (2019), "Sentence-BERT: Sentence embeddings using Siamese BERT-networks", EMNLP.

    Examples
    --------
    >>> def vowels(texts):
    ...     return np.array([[t.count(c) for c in "aeiou"] for t in texts])
    >>> first, second = cosine([["banana", "sedan", "sedan"], ["I do not know"]], vowels)
    >>> first.round(3)
    array([[1.   , 0.707, 0.707],
           [0.707, 1.   , 1.   ],
           [0.707, 1.   , 1.   ]])
    """
    return cosine_of(embed(answers, embedder))


def _embed_distinct(texts: list[str], embedder: Embedder) -> np.ndarray:
    """Unit vectors of distinct, non-empty texts."""
    if not callable(embedder):
        raise BadInput(
            f"an embedder is a function from texts to vectors, got {shown(embedder)}; "
            "homogen.models.load_embedder makes one"
        )
    vectors = floats(embedder(texts), f"the embedder returned no array of numbers for {len(texts)} texts")
    if vectors.ndim != 2 or len(vectors) != len(texts) or not vectors.shape[1]:
        raise BadInput(f"the embedder returned shape {vectors.shape} for {len(texts)} texts, expected (n, d)")
    return _unit(vectors, lambda i: f"the embedding of {texts[i][:60]!r}")


def _unit(vectors: np.ndarray, name: Callable[[int], str]) -> np.ndarray:
    """Scale rows to length 1; complain by name about a row that has no direction."""
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if bad.size:
        raise BadInput(f"{name(bad[0])} holds NaN or infinity")
    # Dividing by the largest entry first keeps the squares of huge and tiny vectors in range.
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0)
    if not largest.all():
        raise BadInput(f"{name(int(np.argmin(largest)))} is zero and has no direction")
    vectors = vectors / largest
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
