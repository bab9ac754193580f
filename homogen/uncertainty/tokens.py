"""What a model said of its own tokens while it answered once: no second draw, nothing to pay.

One row of T numbers an answer, rows of different length; the result is an array, ``(n,)``. An answer without tokens or
with NaN among them is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from homogen.records import BadInput
from homogen.uncertainty._base import mean, ragged, reduce


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
    return mean(*ragged(token_entropies, "entropy", sign=1))


def max_entropy(token_entropies: Iterable[Sequence[float]]) -> np.ndarray:
    r"""Largest entropy along an answer, :math:`\max_t H_t` (Manakul, Liusie and Gales 2023, EMNLP).

    Input, units and NaN are those of :func:`mean_entropy`. A longer answer has more chances of a large value.

    Examples
    --------
    >>> max_entropy([[0.0, 1.0, 2.0], [0.5], []])
    array([2. , 0.5, nan])
    """
    return reduce(np.maximum, *ragged(token_entropies, "entropy", sign=1))


def std_entropy(token_entropies: Iterable[Sequence[float]]) -> np.ndarray:
    r"""Standard deviation of the entropy along an answer (Liu 2026, arXiv:2603.24124).

    .. math:: \sqrt{\frac{1}{T} \sum_{t=1}^{T} (H_t - \bar H)^2}

    Input, units and NaN are those of :func:`mean_entropy`. Divides by T, not T - 1, as the paper's numbers do.

    Examples
    --------
    >>> std_entropy([[0.0, 1.0, 1.0, 2.0], [0.5]]).round(4)
    array([0.7071, 0.    ])
    """
    flat, size = ragged(token_entropies, "entropy", sign=1)
    return np.sqrt(mean((flat - np.repeat(mean(flat, size), size)) ** 2, size))


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
        raise BadInput(f"threshold must be an entropy in nats (at least 0) or None, got {threshold!r}")
    flat, size = ragged(token_entropies, "entropy", sign=1)
    limit = np.repeat(2 * mean(flat, size), size) if threshold is None else threshold
    return mean(np.where(np.isnan(flat), np.nan, flat > limit), size)


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

    Notes
    -----
    The paper compares two published methods by what a server's chosen-token log-probability leaves of them, and both
    come down to this function. PRO (Nguyen, Gupta and Le 2026, AAAI) bounds the entropy from below by the probabilities
    of the K likeliest answers, :math:`-\ln p_K - \sum_{i} p_i \ln (p_i / p_K)`; with K = 1 that is
    ``normalize=False`` exactly. LogTokU (Ma et al. 2025, arXiv:2502.00290) takes the top-k *logits* as evidence of a
    Dirichlet distribution at each token; the paper's stand-in for it, the mean of :math:`-\ln p(y_t)`, is
    ``normalize=True``. So the two rank answers of equal length alike, and LogTokU proper is another quantity that this
    input cannot give. Neither is :func:`mean_entropy`: the entropy of a distribution is no function of the probability
    of the one token that was picked.

    Examples
    --------
    >>> negative_log_likelihood([[-1.0, -2.0], [-0.5], []])
    array([1.5, 0.5, nan])
    >>> negative_log_likelihood([[-1.0, -2.0], [-0.5]], normalize=False)
    array([3. , 0.5])
    """
    flat, size = ragged(token_logprobs, "log-probability", sign=-1)
    return mean(-flat, size) if normalize else reduce(np.add, -flat, size)


def perplexity(token_logprobs: Iterable[Sequence[float]]) -> np.ndarray:
    r"""Equally likely tokens that would surprise as much: :math:`e^{\mathrm{NLL}}` (Jelinek et al. 1977, *JASA* 62).

    Input and NaN are those of :func:`negative_log_likelihood`; at least 1. The NLL, the perplexity and, in reverse,
    the normalised likelihood :math:`e^{-\mathrm{NLL}}` rank answers alike: one AUROC for the three, and what the notes
    there say of LogTokU and PRO holds here too.

    Examples
    --------
    >>> perplexity([np.log([0.25, 0.25, 0.25])]).round(12)
    array([4.])
    """
    return np.exp(negative_log_likelihood(token_logprobs))


def minimum_token_probability(token_logprobs: Iterable[Sequence[float]]) -> np.ndarray:
    r"""How unlikely the least likely token of an answer was (Manakul, Liusie and Gales 2023, EMNLP).

    .. math:: 1 - \min_t p(y_t \mid y_{<t}, x)

    They take the largest :math:`-\ln p`, uqlm the smallest :math:`p` as a confidence: one ranking under three names.

    Parameters
    ----------
    token_logprobs
        One row an answer: the natural log-probability of each of its tokens, none above 0.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` from 0 (every token was certain) to 1. A longer answer has more chances of an unlikely token.

    Examples
    --------
    >>> minimum_token_probability([np.log([0.5, 0.8]), np.log([1.0]), []])
    array([0.5, 0. , nan])
    """
    return -np.expm1(np.minimum(reduce(np.minimum, *ragged(token_logprobs, "log-probability", sign=-1)), 0)) + 0.0
