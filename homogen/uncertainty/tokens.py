"""What a model said of its own tokens while it answered once: no second draw, nothing to pay.

One row of T numbers an answer, rows of different length; the result is an array, ``(n,)``, higher = less certain. An
answer without tokens or with NaN among them is NaN. What low precision leaves on the wrong side of 0 is taken for 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from homogen.records.checks import real
from homogen.uncertainty._base import Row, mean, ragged, reduce


def mean_entropy(token_entropies: Iterable[Row]) -> np.ndarray:
    r"""Mean entropy of the next-token distributions along an answer.

    .. math:: \bar H = \frac{1}{T} \sum_{t=1}^{T} H_t, \qquad H_t = -\sum_{v} p_t(v) \ln p_t(v)

    Parameters
    ----------
    token_entropies
        One row an answer: :math:`H_t` in nats at each of its tokens.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` nats, from 0 (no other token had a chance at any step) to the logarithm of the vocabulary's size.

    References
    ----------
    M. Fomicheva et al. (2020), "Unsupervised quality estimation for neural machine translation", *TACL* 8.

    Examples
    --------
    >>> mean_entropy([[0.0, 1.0, 2.0], [0.5], []])
    array([1. , 0.5, nan])
    """
    return mean(*ragged(token_entropies, "entropy", sign=1))


def max_entropy(token_entropies: Iterable[Row]) -> np.ndarray:
    r"""Largest entropy along an answer.

    .. math:: \max_{t} H_t

    Parameters
    ----------
    token_entropies
        One row an answer: :math:`H_t` in nats at each of its tokens.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` nats, at least 0. A longer answer has more chances of a large value.

    References
    ----------
    P. Manakul, A. Liusie and M. Gales (2023), "SelfCheckGPT: Zero-resource black-box hallucination detection for
    generative large language models", EMNLP.

    Examples
    --------
    >>> max_entropy([[0.0, 1.0, 2.0], [0.5], []])
    array([2. , 0.5, nan])
    """
    return reduce(np.maximum, *ragged(token_entropies, "entropy", sign=1))


def std_entropy(token_entropies: Iterable[Row]) -> np.ndarray:
    r"""Standard deviation of the entropy along an answer.

    .. math:: \sqrt{\frac{1}{T} \sum_{t=1}^{T} (H_t - \bar H)^2}

    Divides by T, not T - 1, as the paper's numbers do.

    Parameters
    ----------
    token_entropies
        One row an answer: :math:`H_t` in nats at each of its tokens.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` nats, at least 0. It is 0 for an answer of one token, and for one that is as uncertain at every token:
        it speaks of unevenness.

    References
    ----------
    Liu (2026), arXiv 2603.24124.

    Examples
    --------
    >>> std_entropy([[0.0, 1.0, 1.0, 2.0], [0.5]]).round(4)
    array([0.7071, 0.    ])
    """
    flat, size = ragged(token_entropies, "entropy", sign=1)
    with np.errstate(over="ignore", invalid="ignore"):  # beyond the range of a float
        return np.sqrt(mean((flat - np.repeat(mean(flat, size), size)) ** 2, size))


def high_entropy_ratio(token_entropies: Iterable[Row], threshold: float | None = None) -> np.ndarray:
    r"""Share of an answer's tokens at which the entropy is high.

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

    References
    ----------
    Liu (2026), arXiv 2603.24124.

    Examples
    --------
    >>> high_entropy_ratio([[0.1, 0.1, 0.1, 2.1], [1.0, 1.0]])
    array([0.25, 0.  ])
    >>> high_entropy_ratio([[0.1, 0.1, 0.1, 2.1], [1.0, 1.0]], threshold=0.5)
    array([0.25, 1.  ])
    """
    if threshold is not None:
        real(threshold, "threshold must be an entropy in nats (at least 0) or None", lambda x: 0 <= x < math.inf)
    flat, size = ragged(token_entropies, "entropy", sign=1)
    limit = np.repeat(2 * mean(flat, size), size) if threshold is None else threshold
    return mean(np.where(np.isnan(flat), np.nan, flat > limit), size)


def negative_log_likelihood(token_logprobs: Iterable[Row], normalize: bool = True) -> np.ndarray:
    r"""How surprised the model was by its own answer.

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

    References
    ----------
    A. Malinin and M. Gales (2021), "Uncertainty estimation in autoregressive structured prediction", ICLR.
    M. Nguyen, S. Gupta and H. Le (2026), "Probabilities are all you need: A probability-only approach to uncertainty
    estimation in large language models", AAAI (PRO).
    H. Ma et al. (2025), "Estimating LLM uncertainty with logits", arXiv:2502.00290 (LogTokU).

    Examples
    --------
    >>> negative_log_likelihood([[-1.0, -2.0], [-0.5], []])
    array([1.5, 0.5, nan])
    >>> negative_log_likelihood([[-1.0, -2.0], [-0.5]], normalize=False)
    array([3. , 0.5])
    """
    flat, size = ragged(token_logprobs, "log-probability", sign=-1)
    return (mean(-flat, size) if normalize else reduce(np.add, -flat, size)) + 0.0


def perplexity(token_logprobs: Iterable[Row]) -> np.ndarray:
    r"""Number of equally likely tokens that would surprise as much as the answer's own did.

    .. math:: e^{\mathrm{NLL}} = \exp\Bigl( -\frac{1}{T} \sum_{t=1}^{T} \ln p(y_t \mid y_{<t}, x) \Bigr)

    Parameters
    ----------
    token_logprobs
        One row an answer: the natural log-probability of each of its tokens, none above 0.

    Returns
    -------
    numpy.ndarray
        ``(n,)``, at least 1; infinite where the NLL exceeds 709 nats, the range of a float. Evaluation refuses infinite
        scores: take :func:`negative_log_likelihood`, which ranks alike and stays finite.

    Notes
    -----
    The NLL, the perplexity and, in reverse, the normalised likelihood :math:`e^{-\mathrm{NLL}}` rank answers alike: one
    AUROC for the three, and what the notes there say of LogTokU and PRO holds here too.

    References
    ----------
    F. Jelinek, R. L. Mercer, L. R. Bahl and J. K. Baker (1977), "Perplexity: a measure of the difficulty of speech
    recognition tasks", *J. Acoust. Soc. Am.* 62.

    Examples
    --------
    >>> perplexity([np.log([0.25, 0.25, 0.25])]).round(12)
    array([4.])
    """
    with np.errstate(over="ignore"):
        return np.exp(negative_log_likelihood(token_logprobs))


def minimum_token_probability(token_logprobs: Iterable[Row]) -> np.ndarray:
    r"""How unlikely the least likely token of an answer was: one minus its probability.

    .. math:: 1 - \min_t p(y_t \mid y_{<t}, x)

    The name is the field's, the direction the house's: higher = less certain. Manakul et al. take the largest
    :math:`-\ln p`, uqlm the smallest :math:`p` as a confidence: one ranking under three names.

    Parameters
    ----------
    token_logprobs
        One row an answer: the natural log-probability of each of its tokens, none above 0.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` from 0 (every token was certain) to 1. A longer answer has more chances of an unlikely token.

    References
    ----------
    P. Manakul, A. Liusie and M. Gales (2023), "SelfCheckGPT: Zero-resource black-box hallucination detection for
    generative large language models", EMNLP.

    Examples
    --------
    >>> minimum_token_probability([np.log([0.5, 0.8]), np.log([1.0]), []])
    array([0.5, 0. , nan])
    """
    return -np.expm1(reduce(np.minimum, *ragged(token_logprobs, "log-probability", sign=-1))) + 0.0
