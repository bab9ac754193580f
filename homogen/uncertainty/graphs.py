"""Spread of drawn answers, read off their similarities: the mean of the matrix, and its spectrum.

A question is a matrix, ``(N, N)``, symmetric, with ones on the diagonal; those of one size are taken together. A
missing answer is a row and a column of NaN and is left out; with fewer than two left, or a NaN between two others, a
question's score is NaN. Similarities go in, doubt comes out: all are higher = less certain, and identical answers have
the least score, though not always 0. Scores read off eigenvalues are rounded to 12 decimals, so that the same answers
in another order are tied to the last bit, but for the rare score that lies on a rounding edge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import xlogy

from homogen.records.checks import real
from homogen.uncertainty._base import over_matrices

_AT = 1e-9  # eigenvalues so near a threshold count as on it, wherever rounding has put them


def lexical_dissimilarity(S: Sequence) -> np.ndarray:
    r"""How unlike the drawn answers are on average: one minus their mean similarity.

    .. math:: 1 - \frac{2}{N (N - 1)} \sum_{i < j} S_{ij}

    Parameters
    ----------
    S
        One ``(N, N)`` matrix of similarities a question, Jaccard's if it is to be lexical, in [-1, 1], a row and column
        of NaN for a missing answer (left out).

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` from 0 (all alike) to 1 for similarities in [0, 1], to 2 for cosines; NaN with fewer than two answers
        left.

    References
    ----------
    M. Fomicheva et al. (2020), "Unsupervised quality estimation for neural machine translation", *TACL* 8.

    Examples
    --------
    >>> lexical_dissimilarity([[[1.0, 0.5, 0.0], [0.5, 1.0, 0.25], [0.0, 0.25, 1.0]], np.ones((2, 2))])
    array([0.75, 0.  ])
    """
    return over_matrices(S, lambda M: 1 - _pairs(M).mean(axis=1), low=-1)


def degree(S: Sequence) -> np.ndarray:
    r"""How far the drawn answers' graph is from complete, by the degrees of its nodes.

    .. math:: \frac{1}{N^2} \operatorname{tr}(N I - D) = 1 - \frac{1}{N^2} \sum_{i, j} S_{ij},
              \qquad D_{ii} = \sum_j S_{ij}

    Parameters
    ----------
    S
        One ``(N, N)`` matrix of similarities a question, in [0, 1], a row and column of NaN for a missing answer (left
        out).

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` from 0 (all alike) to 1 - 1/N: *not* the degree itself, which falls as doubt rises, but what is missing
        from the full one. NaN with fewer than two answers left. The diagonal counts, so that it is (N - 1)/N times
        :func:`lexical_dissimilarity`: for equal N the two rank alike. lm-polygraph's DegMat; the authors' own code
        leaves out one factor 1/N.

    References
    ----------
    Z. Lin, S. Trivedi and J. Sun (2024), "Generating with confidence: Uncertainty quantification for black-box large
    language models", *TMLR*.

    Examples
    --------
    >>> degree([[[1.0, 0.5], [0.5, 1.0]]])
    array([0.25])
    """
    return over_matrices(S, lambda M: 2 * (1 - _pairs(M)).sum(axis=1) / M.shape[1] ** 2, low=0)


def eccentricity(S: Sequence, threshold: float = 0.9) -> np.ndarray:
    r"""How far the drawn answers lie from their centre, in the spectral embedding of their graph.

    .. math:: \Bigl( \sum_{k: \lambda_k < \theta} \lVert v_k - \bar v_k \mathbf{1} \rVert^2 \Bigr)^{1/2},
              \qquad L = I - D^{-1/2} S D^{-1/2} = \sum_k \lambda_k v_k v_k^\top

    with :math:`D_{ii} = \sum_j S_{ij}` and :math:`\bar v_k` the mean of the entries of :math:`v_k`.

    Parameters
    ----------
    S
        As in :func:`degree`.
    threshold
        :math:`\theta` in (0, 2]: only eigenvectors of smaller eigenvalue count. 0.9 is the paper's and lm-polygraph's.

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` from 0 (all alike) to :math:`\sqrt{N - 1}` (no two alike); NaN with fewer than two answers left.

    Notes
    -----
    Summed over an eigenspace the squared norms are :math:`\operatorname{tr} P - \lVert P \mathbf{1} \rVert^2 / N` of
    its projector P, whatever its basis, so equal eigenvalues do no harm. The score is *not* continuous: its square
    jumps by up to 1 where an eigenvalue crosses the threshold. One within 1e-9 of the threshold counts as on it and is
    left out, so that rounding cannot split an eigenspace.

    References
    ----------
    Z. Lin, S. Trivedi and J. Sun (2024), "Generating with confidence: Uncertainty quantification for black-box large
    language models", *TMLR*.

    Examples
    --------
    >>> eccentricity([np.ones((2, 2)), np.eye(2)])
    array([0., 1.])
    """
    real(threshold, "threshold must be a number in (0, 2]", lambda x: 0 < x <= 2)

    def score(M: np.ndarray) -> np.ndarray:
        values, vectors = np.linalg.eigh(_similar(M))
        kept = 1 - values < threshold - _AT
        squares = (kept * (1 - vectors.sum(axis=1) ** 2 / M.shape[1])).sum(axis=1)
        # The root would make 1e-8 of a rounding error of 1e-16.
        return np.round(np.sqrt(np.where(squares < 1e-12, 0, squares)), 12)

    return over_matrices(S, score, low=0)


def laplacian(S: Sequence) -> np.ndarray:
    r"""Number of meanings, counted continuously by the small eigenvalues of the graph Laplacian.

    .. math:: \sum_k \max(0, 1 - \lambda_k), \qquad L = I - D^{-1/2} S D^{-1/2}

    with :math:`\lambda_k` the eigenvalues of L and :math:`D_{ii} = \sum_j S_{ij}` (EigValLaplacian in lm-polygraph). If
    similarity is all or nothing, and who is like the like is alike, it is the number of clusters.

    Parameters
    ----------
    S
        As in :func:`degree`.

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` from 1, not 0, (all alike) to N (no two alike); NaN with fewer than two answers left.

    References
    ----------
    Z. Lin, S. Trivedi and J. Sun (2024), "Generating with confidence: Uncertainty quantification for black-box large
    language models", *TMLR*.

    Examples
    --------
    >>> laplacian([[[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    array([2.])
    """
    return over_matrices(
        S, lambda M: np.round(np.maximum(np.linalg.eigvalsh(_similar(M)), 0).sum(axis=1), 12) + 0.0, low=0
    )


def kernel_language_entropy(S: Sequence, t: float = 0.3, scale: bool = False) -> np.ndarray:
    r"""Von Neumann entropy of heat that spreads over the drawn answers' graph.

    .. math:: -\operatorname{tr}(K \ln K), \qquad K_{ij} = \frac{H_{ij}}{N \sqrt{H_{ii} H_{jj}}}, \qquad
              H = e^{-t L}, \qquad L = D - W, \quad W = 2 S

    Edges add both directions' weights, hence the 2; L is the plain Laplacian, not the normalised one.

    Parameters
    ----------
    S
        As in :func:`degree`. In the paper the mean over both directions of 1 for entailment, 1/2 for neutral, 0 for
        contradiction; lm-polygraph takes the probabilities, P(entailment) + P(neutral) / 2.
    t
        How long the heat spreads, above 0; large t makes everything one. 0.3 is lm-polygraph's default.
    scale
        Divide by ln N, so that questions with missing answers compare; both published codes do.

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` nats, up to ln N (no two alike), or up to 1 with ``scale``; NaN with fewer than two answers left.
        Identical answers have the least score for their N and t, but not 0: the heat has not quite evened out by then.

    References
    ----------
    A. Nikitin, J. Kossen, Y. Gal and P. Marttinen (2024), "Kernel language entropy: Fine-grained uncertainty
    quantification for LLMs from semantic similarities", NeurIPS.

    Examples
    --------
    >>> same, other = np.ones((10, 10)), np.eye(10)
    >>> kernel_language_entropy([same, other]).round(4)
    array([0.153 , 2.3026])
    >>> kernel_language_entropy([other], scale=True)
    array([1.])
    """
    real(t, "t must be a number above 0 and finite", lambda x: 0 < x < math.inf)

    def score(M: np.ndarray) -> np.ndarray:
        N = M.shape[1]
        W = 2 * M
        values, vectors = np.linalg.eigh(np.eye(N) * W.sum(axis=2)[:, None, :] - W)
        H = (vectors * np.exp(-t * np.maximum(values, 0))[:, None, :]) @ vectors.transpose(0, 2, 1)
        root = np.sqrt(np.diagonal(H, axis1=1, axis2=2))
        entropy = _entropy(H / (root[:, :, None] * root[:, None, :]))
        return np.round(entropy / np.log(N) if scale else entropy, 12) + 0.0

    return over_matrices(S, score, low=0)


def vendi_score(S: Sequence) -> np.ndarray:
    r"""Effective number of different answers.

    .. math:: \exp\Bigl( -\sum_k \lambda_k \ln \lambda_k \Bigr), \qquad \lambda_k \text{ the eigenvalues of } S / N

    Parameters
    ----------
    S
        One ``(N, N)`` matrix of similarities a question, in [-1, 1], a row and column of NaN for a missing answer (left
        out).

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` from 1, not 0, (all alike) to N (no two alike): many different answers are little certainty, so
        diversity needs no turning round. NaN with fewer than two answers left.

    Notes
    -----
    The score is defined for positive semidefinite similarities, as cosines and Jaccard's are. NLI's are not always:
    negative eigenvalues are then set to 0 and the others divided by their sum, which is the nearest such matrix (in
    Frobenius norm) brought back to trace 1 and keeps the score between 1 and N. The authors' code drops them without
    the division.

    References
    ----------
    D. Friedman and A. B. Dieng (2023), "The Vendi score: A diversity evaluation metric for machine learning", *TMLR*.

    Examples
    --------
    >>> vendi_score([np.eye(3), np.ones((3, 3))])
    array([3., 1.])
    """
    return over_matrices(S, lambda M: np.round(np.exp(_entropy(M)), 12), low=-1)


def _pairs(M: np.ndarray) -> np.ndarray:
    """Similarities of all pairs, ``(q, N (N - 1) / 2)``, sorted: the same last bit of their sum in any order."""
    i, j = np.triu_indices(M.shape[1], k=1)
    return np.sort(np.ascontiguousarray(M[:, i, j]), axis=1)


def _similar(M: np.ndarray) -> np.ndarray:
    """``D^-1/2 S D^-1/2``; with ones on the diagonal no degree is 0."""
    root = np.sqrt(M.sum(axis=2))
    return M / (root[:, :, None] * root[:, None, :])


def _entropy(M: np.ndarray) -> np.ndarray:
    """Von Neumann entropy of each matrix once its trace is 1."""
    p = np.maximum(np.linalg.eigvalsh(M), 0)
    p /= p.sum(axis=1, keepdims=True)
    return -xlogy(p, p).sum(axis=1)
