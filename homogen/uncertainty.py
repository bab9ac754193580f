"""How unsure a model is of its answer: one number a question, *higher = less certain*.

Two sources. What the model said of its own tokens while it answered once costs nothing more: entropies and
log-probabilities, a row of T numbers an answer, rows of different length. Whether N drawn answers to one question agree
costs the drawing; it is read off labels, similarities or embeddings, and says nothing where all answers are alike.

Natural logarithms throughout (nats). What is undefined is NaN, never 0: an answer without tokens or with NaN among
them, a question with fewer than two answers left. Measures of tokens take one row an answer and return an array,
``(n,)``. Measures of drawn answers take one question and return a float, or a list of questions and return an array.
All raise a ValueError that names the answer or question if a shape, a sign or an infinity is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from scipy.special import xlogy

_ROUNDING = 1e-3  # what low precision may leave on the wrong side of zero


def mean_entropy(token_entropies: Iterable[Sequence[float]]) -> np.ndarray:
    r"""Mean entropy of the next-token distributions along an answer (Fomicheva et al. 2020, *TACL* 8).

    .. math:: \bar H = \frac{1}{T} \sum_{t=1}^{T} H_t, \qquad H_t = -\sum_{v} p_t(v) \ln p_t(v)

    Parameters
    ----------
    token_entropies
        One row an answer: :math:`H_t` in nats at each of its tokens.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` nats, at least 0.

    Examples
    --------
    >>> mean_entropy([[0.0, 1.0, 2.0], [0.5], []])
    array([1. , 0.5, nan])
    """
    return _mean(*_ragged(token_entropies, "entropy", sign=1))


def max_entropy(token_entropies: Iterable[Sequence[float]]) -> np.ndarray:
    r"""Largest entropy along an answer, :math:`\max_t H_t` (Manakul, Liusie and Gales 2023, EMNLP).

    Input, units and NaN are those of :func:`mean_entropy`. A longer answer has more chances of a large value.

    Examples
    --------
    >>> max_entropy([[0.0, 1.0, 2.0], [0.5], []])
    array([2. , 0.5, nan])
    """
    return _reduce(np.maximum, *_ragged(token_entropies, "entropy", sign=1))


def std_entropy(token_entropies: Iterable[Sequence[float]]) -> np.ndarray:
    r"""Standard deviation of the entropy along an answer (Liu 2026, arXiv:2603.24124).

    .. math:: \sqrt{\frac{1}{T} \sum_{t=1}^{T} (H_t - \bar H)^2}

    Input, units and NaN are those of :func:`mean_entropy`. Divides by T, not T - 1, as the paper's numbers do.

    Examples
    --------
    >>> std_entropy([[0.0, 1.0, 1.0, 2.0], [0.5]]).round(4)
    array([0.7071, 0.    ])
    """
    flat, size = _ragged(token_entropies, "entropy", sign=1)
    return np.sqrt(_mean((flat - np.repeat(_mean(flat, size), size)) ** 2, size))


def high_entropy_ratio(token_entropies: Iterable[Sequence[float]], threshold: float | None = None) -> np.ndarray:
    r"""Share of an answer's tokens at which the entropy is high (Liu 2026, arXiv:2603.24124).

    .. math:: \frac{1}{T} \sum_{t=1}^{T} \mathbf{1}\{H_t > \theta\}, \qquad \theta = 2 \bar H \text{ by default}

    Parameters
    ----------
    token_entropies
        One row an answer: :math:`H_t` in nats at each of its tokens.
    threshold
        :math:`\theta` in nats; ``None`` means twice the mean of the same answer, as in the paper.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` shares. By default below 1/2 (Markov's inequality) and the same when all entropies are scaled: it
        speaks of peaks, not of how uncertain the answer is overall.

    Examples
    --------
    >>> high_entropy_ratio([[0.1, 0.1, 0.1, 2.1], [1.0, 1.0]])
    array([0.25, 0.  ])
    >>> high_entropy_ratio([[0.1, 0.1, 0.1, 2.1], [1.0, 1.0]], threshold=0.5)
    array([0.25, 1.  ])
    """
    if threshold is not None and not (math.isfinite(threshold) and threshold >= 0):
        raise ValueError(f"threshold must be an entropy in nats (at least 0) or None, got {threshold!r}")
    flat, size = _ragged(token_entropies, "entropy", sign=1)
    limit = np.repeat(2 * _mean(flat, size), size) if threshold is None else threshold
    return _mean(np.where(np.isnan(flat), np.nan, flat > limit), size)


def negative_log_likelihood(token_logprobs: Iterable[Sequence[float]], normalize: bool = True) -> np.ndarray:
    r"""How surprised the model was by its own answer (Malinin and Gales 2021, ICLR).

    .. math:: -\frac{1}{T} \sum_{t=1}^{T} \ln p(y_t \mid y_{<t}, x)

    Parameters
    ----------
    token_logprobs
        One row an answer: the natural log-probability of each of its tokens, none above 0.
    normalize
        Mean over tokens; ``False`` leaves out the :math:`1/T`, and longer answers score higher.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` nats, at least 0.

    Examples
    --------
    >>> negative_log_likelihood([[-1.0, -2.0], [-0.5], []])
    array([1.5, 0.5, nan])
    >>> negative_log_likelihood([[-1.0, -2.0], [-0.5]], normalize=False)
    array([3. , 0.5])
    """
    flat, size = _ragged(token_logprobs, "log-probability", sign=-1)
    return _mean(-flat, size) if normalize else _reduce(np.add, -flat, size)


def perplexity(token_logprobs: Iterable[Sequence[float]]) -> np.ndarray:
    r"""Equally likely tokens that would surprise as much: :math:`e^{\mathrm{NLL}}` (Jelinek et al. 1977, *JASA* 62).

    Input and NaN are those of :func:`negative_log_likelihood`; at least 1. It ranks answers alike: the same AUROC.

    Examples
    --------
    >>> perplexity([np.log([0.25, 0.25, 0.25])]).round(12)
    array([4.])
    """
    return np.exp(negative_log_likelihood(token_logprobs))


def number_of_sets(labels: Sequence) -> float | np.ndarray:
    """Number of clusters that the drawn answers fall into (Lin, Trivedi and Sun 2024, *TMLR*).

    Parameters
    ----------
    labels
        ``(N,)`` cluster numbers of one question, -1 for a missing answer (left out); or a list of such rows.

    Returns
    -------
    float or numpy.ndarray
        From 1 (all alike) to N; NaN with fewer than two answers left.

    Examples
    --------
    >>> number_of_sets([0, 1, 0, 2])
    3.0
    >>> number_of_sets([[0, 1, 0, 2], [0, 0, -1], [0, -1]])
    array([ 3.,  1., nan])
    """

    def score(row: np.ndarray) -> float:
        left = row[row >= 0]
        return len(np.unique(left)) if len(left) > 1 else math.nan

    return _each(score, labels, _labels)


def semantic_entropy(labels: Sequence, logprobs: Sequence | None = None) -> float | np.ndarray:
    r"""Entropy over meanings: of the clusters that the drawn answers fall into.

    .. math:: -\sum_{C} p_C \ln p_C, \qquad p_C = \frac{|C|}{N} \quad \text{or} \quad
              p_C = \frac{\sum_{i \in C} e^{\ell_i}}{\sum_{i} e^{\ell_i}}

    The first, discrete, form counts answers (Farquhar, Kossen, Kuhn and Gal 2024, *Nature* 630); the second weighs them
    by sequence log-probabilities :math:`\ell_i` (Kuhn, Gal and Farquhar 2023, ICLR).

    Parameters
    ----------
    labels
        ``(N,)`` cluster numbers of one question, -1 for a missing answer (left out); or a list of such rows.
    logprobs
        :math:`\ell_i`, one finite number an answer, shaped like ``labels``; length-normalised (the mean over its
        tokens), so that a long answer does not weigh less for being long.

    Returns
    -------
    float or numpy.ndarray
        Nats, from 0 (one cluster) to ln N; NaN with fewer than two answers left or a NaN among their :math:`\ell_i`.
        Equal cluster sizes give equal entropies to the last bit, so that tied questions are tied for the AUROC too.

    Examples
    --------
    >>> round(semantic_entropy([0, 1, 0, 1]), 6)
    0.693147
    >>> semantic_entropy([[0, 0, 0], [0, 1, 2], [0, -1, -1]]).round(4)
    array([0.    , 1.0986,    nan])
    >>> round(semantic_entropy([0, 0, 1], logprobs=np.log([0.3, 0.3, 0.2])), 4)
    0.5623
    """
    rows, one = _questions(labels, 1)
    rows = [_labels(row, q) for q, row in enumerate(rows)]
    size = np.array([len(row) for row in rows], dtype=int)
    flat = np.concatenate([*rows, np.empty(0, dtype=int)])
    left = flat >= 0
    question = np.repeat(np.arange(len(rows)), size)[left]
    weight = np.ones(len(question))
    if logprobs is not None:
        given, given_size = _ragged([logprobs] if one else logprobs, "log-probability")
        if len(given_size) != len(size):
            raise ValueError(f"labels of {len(size)} questions but log-probabilities of {len(given_size)}")
        if (given_size != size).any():
            q = np.flatnonzero(given_size != size)[0]
            raise ValueError(f"question {q}: {size[q]} labels but {given_size[q]} log-probabilities")
        # Scaled so that a question's likeliest answer weighs 1: exp cannot underflow for all of them.
        likeliest = _reduce(np.maximum, given[left], np.bincount(question, minlength=len(rows)))
        weight = np.exp(given[left] - likeliest[question])
    stride = flat.max(initial=0) + 1
    cluster, member = np.unique(question * stride + flat[left], return_inverse=True)
    owner = cluster // stride
    p = np.bincount(member, weight, len(cluster)) / np.bincount(question, weight, len(rows))[owner]
    # The last bit of a sum depends on its order: add up the clusters of every question in order of size.
    order = np.lexsort((p, owner))
    entropy = np.bincount(owner[order], -xlogy(p, p)[order], len(rows)) + 0.0
    entropy[np.bincount(question, minlength=len(rows)) < 2] = np.nan
    return float(entropy[0]) if one else entropy


def selfcheck(greedy: Sequence, samples: Sequence) -> float | np.ndarray:
    r"""How far drawn answers stray from the greedy one, by their embeddings.

    .. math:: 1 - \frac{1}{k} \sum_{i=1}^{k} \cos(g, s_i)

    SelfCheckGPT (Manakul, Liusie and Gales 2023, EMNLP) with cosines in place of BERTScore.

    Parameters
    ----------
    greedy
        ``(d,)`` embedding :math:`g` of the greedy answer; or ``(Q, d)``, a row a question.
    samples
        ``(k, d)`` embeddings :math:`s_i` of the drawn answers (usually k = 5), a row of NaN for a missing one (left
        out); or a list of Q such arrays.

    Returns
    -------
    float or numpy.ndarray
        From 0 (all as the greedy answer) to 2; NaN if the greedy answer or every drawn one is missing.

    Examples
    --------
    >>> round(selfcheck([1.0, 0.0], [[2.0, 0.0], [3.0, 4.0]]), 6)
    0.2
    """
    first, one = _questions(greedy, 1)
    drawn = [samples] if one else list(samples)
    if len(first) != len(drawn):
        raise ValueError(f"{len(first)} greedy answers but samples of {len(drawn)} questions")
    scores = np.full(len(first), np.nan)
    for q, (g, s) in enumerate(zip(first, drawn, strict=True)):
        unit_g, unit_s = _unit_rows(np.atleast_2d(g), q), _unit_rows(s, q)
        if len(unit_g) and len(unit_s):
            if unit_g.shape[1] != unit_s.shape[1]:
                raise ValueError(f"question {q}: embeddings of {unit_g.shape[1]} and {unit_s.shape[1]} dimensions")
            scores[q] = 1 - _cosines(unit_s, unit_g).mean()
    return float(scores[0]) if one else scores


def sindex(embeddings: Sequence, threshold: float = 0.95) -> float | np.ndarray:
    r"""SINdex: entropy over embedding clusters, each weighed by its coherence.

    .. math:: -\sum_{C} p'_C \ln p'_C, \qquad p'_C = \frac{|C|}{N} \, \overline{\cos}(C)

    (Abdaljalil et al. 2025, arXiv:2503.05980), where :math:`\overline{\cos}(C)` is the mean cosine over the pairs in
    :math:`C`, and 1 for a single answer; :math:`p'_C` is not renormalised. In sample order, each answer joins the first
    cluster to whose members its mean cosine distance is at most 1 - ``threshold``, or opens its own.

    Parameters
    ----------
    embeddings
        ``(N, d)`` embeddings of one question's answers, a row of NaN for a missing one (left out); or a list of such.
    threshold
        Least mean cosine to a cluster's members, in (0, 1].

    Returns
    -------
    float or numpy.ndarray
        Nats; exactly 0 for identical answers; NaN with fewer than two answers left.

    Examples
    --------
    >>> round(sindex([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), 6)
    0.693147
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must lie in (0, 1], got {threshold!r}")

    def score(unit: np.ndarray) -> float:
        if len(unit) < 2:
            return math.nan
        cosines = _cosines(unit, unit)
        clusters: list[list[int]] = []
        for i in range(len(unit)):
            for members in clusters:
                if cosines[i, members].mean() >= threshold - 1e-12:  # a mean of equal cosines may lose its last bit
                    members.append(i)
                    break
            else:
                clusters.append([i])
        # With the ones on the diagonal taken off, every pair is in the sum twice.
        k = np.array([len(c) for c in clusters])
        within = np.array([cosines[np.ix_(c, c)].sum() for c in clusters]) - k
        p = np.sort(k / len(unit) * np.where(k > 1, within / np.maximum(k * (k - 1), 1), 1.0))
        return -xlogy(p, p).sum() + 0.0

    return _each(score, embeddings, _unit_rows)


def lexical_dissimilarity(S: Sequence) -> float | np.ndarray:
    r"""How unlike the drawn answers are on average (Fomicheva et al. 2020, *TACL* 8).

    .. math:: 1 - \frac{2}{N (N - 1)} \sum_{i < j} S_{ij}

    Parameters
    ----------
    S
        ``(N, N)`` similarities of one question's answers, Jaccard's if it is to be lexical, a row and column of NaN
        for a missing one (left out); or a list of such matrices.

    Returns
    -------
    float or numpy.ndarray
        From 0 (all alike) to 1 for similarities in [0, 1]; NaN with fewer than two answers left.

    Examples
    --------
    >>> lexical_dissimilarity([[1.0, 0.5, 0.0], [0.5, 1.0, 0.25], [0.0, 0.25, 1.0]])
    0.75
    """

    def score(values: np.ndarray) -> float:
        left = np.flatnonzero(~np.isnan(values).all(axis=1))
        pairs = values[np.ix_(left, left)][np.triu_indices(len(left), k=1)]
        return 1 - np.sort(pairs).mean() if len(pairs) else math.nan  # sorted: the same last bit in any order

    return _each(score, S, _square)


def _questions(values: Sequence, dimensions: int) -> tuple[list, bool]:
    """The questions, and whether it was one alone; nothing at all is one question without answers."""
    rows = list(values)
    one = not rows or np.ndim(rows[0]) < dimensions
    return ([values] if one else rows), one


def _each(score: Callable, values: Sequence, check: Callable) -> float | np.ndarray:
    """Score every question's checked array, or the one question's."""
    rows, one = _questions(values, 1 if check is _labels else 2)
    scores = np.array([score(check(row, q)) for q, row in enumerate(rows)], dtype=np.float64)
    return float(scores[0]) if one else scores


def _labels(row: Sequence[int], question: int) -> np.ndarray:
    values = np.asarray(row)
    if values.ndim != 1 or (values.size and (values.dtype.kind not in "iu" or values.min() < -1)):
        raise ValueError(f"question {question}: labels must be whole numbers from 0, and -1 for a missing answer")
    return values.astype(int)


def _square(matrix: Sequence, question: int) -> np.ndarray:
    S = np.asarray(matrix, dtype=np.float64)
    if S.size and (S.ndim != 2 or S.shape[0] != S.shape[1]):
        raise ValueError(f"question {question}: similarities must be square, got shape {S.shape}")
    return S if S.size else np.empty((0, 0))


def _unit_rows(vectors: Sequence, question: int) -> np.ndarray:
    """The embeddings that are not missing, scaled to length 1."""
    V = np.asarray(vectors, dtype=np.float64)
    if V.ndim != 2 and V.size:
        raise ValueError(f"question {question}: embeddings must have shape (N, d), got {V.shape}")
    V = V[~np.isnan(V).any(axis=1)] if V.size else np.empty((0, 0))
    length = np.linalg.norm(V, axis=1, keepdims=True)
    if not (np.isfinite(length) & (length > 0)).all():
        raise ValueError(f"question {question}: an embedding is zero or infinite and has no direction")
    return V / length


def _cosines(U: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Cosines without their last digits: equal vectors get exactly 1, and tied scores stay tied."""
    return np.round(np.clip(U @ V.T, -1, 1), 12)


def _ragged(rows: Iterable[Sequence[float]], what: str, sign: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """All numbers in one row, and how many belong to each answer; none infinite or of the wrong sign."""
    arrays = [np.asarray(row, dtype=np.float64) for row in rows]
    for i, row in enumerate(arrays):
        if row.ndim != 1:
            raise ValueError(f"row {i} must be one {what} a token, got shape {row.shape}; give one row an answer")
        if np.isinf(row).any() or (sign * row < -_ROUNDING).any():
            limit = {1: "below 0 or infinite", -1: "above 0 or infinite", 0: "infinite"}[sign]
            raise ValueError(f"row {i}: {what} {limit}")
    return np.concatenate([*arrays, np.empty(0)]), np.array([len(row) for row in arrays], dtype=int)


def _reduce(ufunc: np.ufunc, flat: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Reduce each answer's stretch of ``flat``; NaN for an empty one, which ``reduceat`` would get wrong."""
    out = np.full(len(size), np.nan)
    if len(flat):
        out[size > 0] = ufunc.reduceat(flat, (np.cumsum(size) - size)[size > 0])
    return out


def _mean(flat: np.ndarray, size: np.ndarray) -> np.ndarray:
    return _reduce(np.add, flat, size) / np.maximum(size, 1)
