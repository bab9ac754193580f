"""How alike are N answers to one question: texts to an ``(N, N)`` similarity matrix.

Every measure returns a symmetric float64 matrix with ones on the diagonal, and NaN in the row and the column of
a missing answer (an empty text), so that :func:`homogen.clustering.cluster` leaves it out. The batched forms take
a list of lists, one list of answers a question, and do a whole benchmark at once: that is where the speed is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
from scipy import sparse

Embedder = Callable[[list[str]], np.ndarray]
"""Any function from n texts to an ``(n, d)`` array."""

_UNITS = {"char-bigram": str.strip, "word-bigram": str.split}


def jaccard(texts: Sequence[str], unit: str = "word-bigram") -> np.ndarray:
    r"""Share of bigrams that two answers have in common.

    .. math:: S_{ij} = \frac{|A_i \cap A_j|}{|A_i \cup A_j|}

    where :math:`A_i` is the *set* of adjacent pairs of words (or of characters) of text :math:`i`, lower-cased
    and split on white space. A text of one word (or one character) is its own single element.

    Parameters
    ----------
    texts
        The N answers to one question. An empty text, or one of white space alone, is missing.
    unit
        ``"word-bigram"``, the paper's, or ``"char-bigram"``: pairs of neighbouring characters, inner spaces
        included, of the text without the white space around it.

    Returns
    -------
    numpy.ndarray
        ``(N, N)`` float64 in [0, 1], symmetric, ones on the diagonal; NaN where an answer is missing.

    Raises
    ------
    ValueError
        If ``unit`` is unknown or a text is not a string.

    Notes
    -----
    Punctuation stays: "Paris" and "Paris." are different words. Two answers of one word are therefore
    either the same (1) or unlike (0), whatever they mean. Each value is one correctly rounded division, so
    a similarity of two fifths is equal to a threshold written ``0.4`` and not a rounding error below it.

    References
    ----------
    P. Jaccard (1912), "The distribution of the flora in the alpine zone", *New Phytologist* 11(2), 37-50.

    Examples
    --------
    Of the four bigrams "the cat", "cat sat", "sat down" and "sat up" two are shared:

    >>> jaccard(["the cat sat down", "The cat sat up"])
    array([[1. , 0.5],
           [0.5, 1. ]])
    >>> jaccard(["Paris", "paris", " "])
    array([[ 1.,  1., nan],
           [ 1.,  1., nan],
           [nan, nan, nan]])
    """
    return jaccard_batch([texts], unit=unit)[0]


def jaccard_batch(texts_by_question: Iterable[Sequence[str]], unit: str = "word-bigram") -> list[np.ndarray]:
    """Jaccard similarities of all questions of a benchmark in one pass; see :func:`jaccard`.

    Every distinct text is taken apart once and its bigrams become whole numbers. Each question then gets
    columns of its own in one sparse 0/1 matrix ``X`` with a row an answer, so that ``X @ X.T`` holds the sizes of
    all intersections within questions and nothing between them.

    Parameters
    ----------
    texts_by_question
        One list of answers a question; the lists may differ in length.
    unit
        As in :func:`jaccard`.

    Returns
    -------
    list of numpy.ndarray
        One ``(N_i, N_i)`` matrix a question.

    Examples
    --------
    >>> [S.shape for S in jaccard_batch([["a b", "a b c"], ["x", "y", "z"], []])]
    [(2, 2), (3, 3), (0, 0)]
    """
    if unit not in _UNITS:
        raise ValueError(f"unknown unit {unit!r} (known: {', '.join(_UNITS)})")
    texts, lengths = _flatten(texts_by_question)
    if not texts:
        return [np.empty((0, 0)) for _ in lengths]
    text_of, distinct = _distinct(texts)
    X = _incidence(distinct, unit)[text_of]
    question = np.repeat(np.arange(len(lengths)), lengths)
    size = np.diff(X.indptr)

    # Shifting a bigram's column by its question keeps questions apart; factorize closes the gaps.
    columns = np.repeat(question, size) * X.shape[1] + X.indices
    X.indices, seen = pd.factorize(columns)
    X = sparse.csr_array((X.data, X.indices, X.indptr), shape=(len(texts), len(seen)))
    shared = (X @ X.T).tocoo()

    # All blocks lie flat one after the other: answer r of a question of N answers starts N places after answer r-1.
    N = lengths[question]
    row_start = np.cumsum(N) - N
    first = (np.cumsum(lengths) - lengths)[question]
    intersection = np.zeros(N.sum())
    intersection[row_start[shared.row] + shared.col - first[shared.row]] = shared.data

    count = np.where(size > 0, size, np.nan)  # a missing answer makes its row and column NaN
    row = np.repeat(np.arange(len(texts)), N)
    column = np.arange(len(row)) + (first - row_start)[row]
    ratio = intersection / (count[row] + count[column] - intersection)
    return [block.reshape(n, n) for n, block in zip(lengths, np.split(ratio, np.cumsum(lengths**2)[:-1]), strict=True)]


def embed(texts_by_question: Iterable[Sequence[str]], embedder: Embedder | str) -> list[np.ndarray]:
    """Unit vectors of all answers, every distinct text embedded once, in one call of the embedder.

    Use it where several measures share the embeddings: :func:`cosine_of`, and ``sindex`` and ``selfcheck`` of
    :mod:`homogen.uncertainty`.

    Parameters
    ----------
    texts_by_question
        One list of answers a question; the lists may differ in length.
    embedder
        A function from a list of n texts to an ``(n, d)`` array, or the name of one
        (:func:`homogen.models.load_embedder`).

    Returns
    -------
    list of numpy.ndarray
        One ``(N_i, d)`` float64 array of unit vectors a question; a missing (empty) answer is a row of NaN.
        If no answer is left at all the embedder is not called and d is 1.

    Raises
    ------
    ValueError
        If the embedder returns another shape than ``(n, d)``, or a vector that is zero, NaN or infinite; the
        message names the text.

    Examples
    --------
    >>> def lengths(texts):
    ...     return np.array([[len(t), 0.0] for t in texts])
    >>> embed([["Paris", ""]], lengths)
    [array([[ 1.,  0.],
           [nan, nan]])]
    """
    texts, lengths = _flatten(texts_by_question)
    text_of, distinct = _distinct(texts)
    filled = [i for i, text in enumerate(distinct) if text.strip()]
    unit = np.full((len(distinct), 1), np.nan)
    if filled:
        vectors = _embed_distinct([distinct[i] for i in filled], embedder)
        unit = np.full((len(distinct), vectors.shape[1]), np.nan)
        unit[filled] = vectors
    return [unit[ids] for ids in np.split(text_of, np.cumsum(lengths)[:-1])] if len(lengths) else []


def cosine_of(embeddings: np.ndarray) -> np.ndarray:
    r"""Cosine similarities of vectors already at hand.

    .. math:: S_{ij} = \frac{v_i \cdot v_j}{\lVert v_i \rVert \, \lVert v_j \rVert}

    Parameters
    ----------
    embeddings
        ``(N, d)``, a row an answer, of any length but zero; a row of NaN is a missing answer.

    Returns
    -------
    numpy.ndarray
        ``(N, N)`` float64 in [-1, 1], symmetric, exactly 1 on the diagonal and between equal rows; NaN where an
        answer is missing.

    Raises
    ------
    ValueError
        If the array is not two-dimensional, or a row is zero, infinite or NaN in part.

    Examples
    --------
    >>> cosine_of(np.array([[2.0, 0.0], [3.0, 4.0], [1.0, 0.0]]))
    array([[1. , 0.6, 1. ],
           [0.6, 1. , 0.6],
           [1. , 0.6, 1. ]])
    """
    V = np.asarray(embeddings, dtype=np.float64)
    if V.ndim != 2:
        raise ValueError(f"embeddings must have shape (N, d), got {V.shape}")
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


def cosine(texts: Sequence[str], embedder: Embedder | str) -> np.ndarray:
    r"""Cosine similarity of the answers' embeddings.

    .. math:: S_{ij} = \frac{v_i \cdot v_j}{\lVert v_i \rVert \, \lVert v_j \rVert}

    Parameters
    ----------
    texts
        The N answers to one question. An empty text, or one of white space alone, is missing.
    embedder
        A function from a list of n texts to an ``(n, d)`` array, or the name of one
        (:func:`homogen.models.load_embedder`).

    Returns
    -------
    numpy.ndarray
        ``(N, N)`` float64 in [-1, 1], symmetric, exactly 1 on the diagonal and between identical texts; NaN where
        an answer is missing.

    Raises
    ------
    ValueError
        If the embedder returns another shape than ``(n, d)``, or a vector that is zero, NaN or infinite; the
        message names the text.

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
    >>> cosine(["banana", "sedan", "sedan"], vowels).round(3)
    array([[1.   , 0.707, 0.707],
           [0.707, 1.   , 1.   ],
           [0.707, 1.   , 1.   ]])
    """
    return cosine_batch([texts], embedder)[0]


def cosine_batch(texts_by_question: Iterable[Sequence[str]], embedder: Embedder | str) -> list[np.ndarray]:
    """Cosine similarities of all questions of a benchmark: one call of the embedder; see :func:`cosine`.

    Parameters
    ----------
    texts_by_question
        One list of answers a question; the lists may differ in length.
    embedder
        As in :func:`cosine`. How many texts go through a model at once is the embedder's own business.

    Returns
    -------
    list of numpy.ndarray
        One ``(N_i, N_i)`` matrix a question.

    Examples
    --------
    >>> def vowels(texts):
    ...     return np.array([[t.count(c) for c in "aeiou"] for t in texts])
    >>> [S.shape for S in cosine_batch([["banana", "sedan"], ["I do not know"]], vowels)]
    [(2, 2), (1, 1)]
    """
    return [cosine_of(vectors) for vectors in embed(texts_by_question, embedder)]


def _flatten(texts_by_question: Iterable[Sequence[str]]) -> tuple[list[str], np.ndarray]:
    """All texts in one list, and how many belong to each question."""
    texts: list[str] = []
    lengths: list[int] = []
    for q, answers in enumerate(texts_by_question):
        if isinstance(answers, str):
            raise ValueError(f"expected a list of answers, got one text: {answers[:40]!r}")
        for i, text in enumerate(answers):
            if not isinstance(text, str):
                raise ValueError(f"answer {i} of question {q} is {text!r}, not a text (a missing answer is '')")
        texts.extend(answers)
        lengths.append(len(answers))
    return texts, np.array(lengths, dtype=int)


def _distinct(texts: list[str]) -> tuple[np.ndarray, list[str]]:
    """The number of each text among the distinct ones, and those in order of first appearance."""
    number = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    return np.fromiter(map(number.__getitem__, texts), dtype=int, count=len(texts)), list(number)


def _incidence(texts: list[str], unit: str) -> sparse.csr_array:
    """Which text has which bigram: a 0/1 matrix with a row a text."""
    take_apart = _UNITS[unit]
    parts: list[str] = []
    size = np.empty(len(texts), dtype=int)
    for i, text in enumerate(texts):
        found = take_apart(text.lower())
        size[i] = len(found)
        parts += found
    left, vocabulary = pd.factorize(np.array(parts, dtype=object))
    none = len(vocabulary)  # stands to the right of a text's last part, where nothing follows
    right = np.append(left[1:], none)[: len(left)]
    last = np.cumsum(size)[size > 0] - 1
    right[last] = none
    # A last part begins no pair, unless it is the only one: then it stands for itself.
    keep = np.ones(len(parts), dtype=bool)
    keep[last[size[size > 0] > 1]] = False
    column, bigrams = pd.factorize(left[keep] * (none + 1) + right[keep])
    row = np.repeat(np.arange(len(texts)), size)[keep]
    X = sparse.coo_array((np.ones(len(row), dtype=np.int32), (row, column)), shape=(len(texts), len(bigrams))).tocsr()
    X.data[:] = 1  # a bigram said twice counts once
    return X


def _embed_distinct(texts: list[str], embedder: Embedder | str) -> np.ndarray:
    """Unit vectors of distinct, non-empty texts."""
    if isinstance(embedder, str):
        from homogen.models import load_embedder

        embedder = load_embedder(embedder)
    vectors = np.asarray(embedder(texts), dtype=np.float64)
    if vectors.ndim != 2 or len(vectors) != len(texts) or not vectors.shape[1]:
        raise ValueError(f"the embedder returned shape {vectors.shape} for {len(texts)} texts, expected (n, d)")
    return _unit(vectors, lambda i: f"the embedding of {texts[i][:60]!r}")


def _unit(vectors: np.ndarray, name: Callable[[int], str]) -> np.ndarray:
    """Scale rows to length 1; complain by name about a row that has no direction."""
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if bad.size:
        raise ValueError(f"{name(bad[0])} holds NaN or infinity")
    # Dividing by the largest entry first keeps the squares of huge and tiny vectors in range.
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0)
    if not largest.all():
        raise ValueError(f"{name(int(np.argmin(largest)))} is zero and has no direction")
    vectors = vectors / largest
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
