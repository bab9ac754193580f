"""Spread of drawn answers, by the clusters they fall into and the probability the model gives them.

A question is a row of N numbers, one for each of its answers. A missing answer has label -1 or a NaN and is left out;
with fewer than two left a question's score is NaN. All are higher = less certain, and nothing here depends, to the last
bit, on the order of the answers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import xlogy

from homogen.records import BadInput
from homogen.records.checks import listed_by_question, one_a_question, one_of
from homogen.uncertainty._base import beside, each, label_rows, labels_of, mean, numbers, ragged, reduce

NORMALIZATIONS = ("farquhar", "kuhn", "polygraph")
"""What :func:`semantic_entropy` can do with the probabilities of clusters."""


def number_of_sets(labels: Sequence) -> np.ndarray:
    r"""Number of clusters that the drawn answers fall into.

    .. math:: |\{ C(i) : 1 \le i \le N \}|

    with :math:`C(i)` the cluster of answer i. Semantic entropy without the sizes of the clusters.

    Parameters
    ----------
    labels
        One row of ``(N,)`` cluster numbers a question, -1 for a missing answer (left out).

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` from 1 (all alike) to N, higher = less certain; NaN with fewer than two answers left.

    References
    ----------
    Z. Lin, S. Trivedi and J. Sun (2024), "Generating with confidence: Uncertainty quantification for black-box large
    language models", *TMLR*.

    Examples
    --------
    >>> number_of_sets([[0, 1, 0, 2], [0, 0, -1], [0, -1]])
    array([ 3.,  1., nan])
    """

    def score(row: np.ndarray) -> float:
        left = row[row >= 0]
        return len(np.unique(left)) if len(left) > 1 else math.nan

    return each(score, labels, labels_of, "labels", "row")


def semantic_entropy(
    labels: Sequence, logprobs: Sequence | None = None, normalization: str | None = None
) -> np.ndarray:
    r"""Entropy over meanings: of the clusters that the drawn answers fall into.

    .. math:: -\sum_{C} p_C \ln p_C, \qquad p_C = \frac{|C|}{N} \quad \text{or} \quad
              p_C = \frac{\sum_{i \in C} e^{\ell_i}}{\sum_{i} e^{\ell_i}}

    The first, discrete, form counts answers (Farquhar et al. 2024); the second weighs them by sequence
    log-probabilities :math:`\ell_i` (Kuhn et al. 2023).

    Parameters
    ----------
    labels
        One row of ``(N,)`` cluster numbers a question, -1 for a missing answer (left out).
    logprobs
        :math:`\ell_i`, one row a question like ``labels``, finite, none above 0; length-normalised (the mean over an
        answer's tokens), so that a long answer does not weigh less for being long.
    normalization
        What is done with the masses :math:`m_C = \sum_{i \in C} e^{\ell_i}`; only with ``logprobs``.

        - ``"farquhar"`` (the default): they are divided by their sum, as above. The code of Farquhar et al. 2024, where
          it is called Rao, and uqlm.
        - ``"kuhn"``: :math:`-\frac{1}{K} \sum_C \ln m_C` over the K clusters, not normalised. The code of Kuhn et al.
          2023, which adds a constant 5.
        - ``"polygraph"``: :math:`-\frac{1}{N} \sum_i \ln m_{C(i)}` over the answers, not normalised. lm-polygraph's
          default, there with log-probabilities of whole sequences.

        The last two estimate the entropy by Monte Carlo: they grow with the answers' surprise even in one cluster, and
        may lie below 0.

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` nats, from 0 (one cluster) to ln N; NaN with fewer than two answers left or a NaN among their
        :math:`\ell_i`. Equal cluster sizes give equal entropies to the last bit, so that tied questions are tied for
        the AUROC too.

    References
    ----------
    S. Farquhar, J. Kossen, L. Kuhn and Y. Gal (2024), "Detecting hallucinations in large language models using semantic
    entropy", *Nature* 630.
    L. Kuhn, Y. Gal and S. Farquhar (2023), "Semantic uncertainty: Linguistic invariances for uncertainty estimation in
    natural language generation", ICLR.

    Examples
    --------
    >>> semantic_entropy([[0, 0, 0], [0, 1, 2], [0, -1, -1]]).round(4)
    array([0.    , 1.0986,    nan])
    >>> lp = [np.log([0.3, 0.3, 0.2])]  # a question alone is a list of one
    >>> [semantic_entropy([[0, 0, 1]], lp, normalization=name)[0].round(4) for name in NORMALIZATIONS]
    [np.float64(0.5623), np.float64(1.0601), np.float64(0.877)]
    """
    if normalization is not None:
        one_of("normalization", normalization, NORMALIZATIONS)
    if normalization is not None and logprobs is None:
        raise BadInput("a normalization needs logprobs; without them clusters weigh by their size")
    rows = listed_by_question(labels, "labels", "row")
    flat, size = label_rows(rows)
    left = flat >= 0
    question = np.repeat(np.arange(len(rows)), size)[left]
    given = np.zeros(len(question))
    if logprobs is not None:
        given_rows = listed_by_question(logprobs, "logprobs", "row")
        every, given_size = ragged(given_rows, "log-probability", -1, "question {}".format, of_answers=True)
        _same_length(size, given_size, "log-probabilities")
        given = every[left]
    # The last bit of a sum depends on its order: answers are put in order of cluster and probability.
    by_probability = np.lexsort((given, question))
    order = np.lexsort((given, flat[left], question))
    in_order, question, given = given[by_probability], question[order], given[order]
    stride = flat.max(initial=0) + 1
    cluster, member = np.unique(question * stride + flat[left][order], return_inverse=True)
    owner = cluster // stride
    drawn = np.bincount(question, minlength=len(rows))
    if normalization in (None, "farquhar"):
        # Scaled so that a question's likeliest answer weighs 1: exp cannot underflow for all of them.
        highest = reduce(np.maximum, given, drawn)[question]
        mass = np.bincount(member, np.exp(given - highest), len(cluster))
        # The sum over all answers does not go cluster by cluster: their names mean nothing.
        total = np.bincount(question, np.exp(in_order - highest), len(rows))
        p = np.minimum(mass / total[owner], 1)
        order = np.lexsort((p, owner))  # clusters of equal sizes are added up in the same order too
        entropy = np.bincount(owner[order], -xlogy(p, p)[order], len(rows)) + 0.0
    else:
        size = np.bincount(member, minlength=len(cluster))
        weight = np.ones(len(cluster)) if normalization == "kuhn" else size
        log_mass = weight * reduce(np.logaddexp, given, size)
        order = np.lexsort((log_mass, owner))
        entropy = -np.bincount(owner[order], log_mass[order], len(rows)) + 0.0
        entropy /= np.maximum(np.bincount(owner, weight, len(rows)), 1)
    entropy[drawn < 2] = np.nan
    return entropy


def overlapping_semantic_entropy(membership: Sequence, logprobs: Sequence | None = None) -> np.ndarray:
    r"""Semantic entropy where an answer may sit in several clusters, as uqlm 0.6 has it.

    .. math:: -\sum_{C} p_C \ln p_C, \qquad p_C = \frac{\sum_{i \in C} w_i}{\sum_{C'} \sum_{i \in C'} w_i}

    with :math:`w_i = 1`, or :math:`e^{\ell_i}` where log-probabilities are given. An answer in two clusters counts in
    both, and masses are divided by their sum, which then exceeds the number of answers.

    Parameters
    ----------
    membership
        One ``(N, K)`` bool matrix a question, of :func:`homogen.clustering.membership_nli`; an answer in no cluster is
        missing (left out).
    logprobs
        :math:`\ell_i`, one row a question with one finite number an answer, none above 0, length-normalised.

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` nats, from 0 (one cluster) to ln K; NaN with fewer than two answers left or a NaN among their
        :math:`\ell_i`. Where no answer sits in two clusters it is :func:`semantic_entropy`.

    References
    ----------
    D. Bouchard and M. S. Chauhan (2025), "Uncertainty quantification for language models: a suite of black-box,
    white-box, LLM judge, and ensemble scorers", arXiv:2504.19254 (uqlm).

    Examples
    --------
    Masses 2 and 2 of 4, where three answers alone would be 2 and 1 of 3:

    >>> overlapping_semantic_entropy([[[True, False], [False, True], [True, True]]]).round(6)
    array([0.693147])
    """
    matrices = listed_by_question(membership, "membership", "matrix")
    rows = [None] * len(matrices)
    if logprobs is not None:
        rows = beside(logprobs, "log-probabilities", len(matrices), "memberships")
    scores = np.full(len(matrices), np.nan)
    for q, (matrix, row) in enumerate(zip(matrices, rows, strict=True)):
        member = numbers(matrix, f"question {q}: membership")
        if member.size and member.ndim < 2:
            raise one_a_question("membership", "matrix", matrix, q)
        if member.size and (member.ndim != 2 or not ((member == 0) | (member == 1)).all()):
            raise BadInput(f"question {q}: membership must be a matrix of true and false, got shape {member.shape}")
        given = (
            np.zeros(len(member))
            if row is None
            else ragged([row], "log-probability", -1, lambda _, q=q: f"question {q}", of_answers=True)[0]
        )
        if len(given) != len(member):
            raise BadInput(f"question {q}: {len(member)} answers but {len(given)} log-probabilities")
        left = member.any(axis=1) if member.size else np.zeros(len(member), dtype=bool)
        if left.sum() > 1:
            weight = np.exp(given[left] - given[left].max())
            # Each cluster's weights are sorted before they are added up, and so are the masses: no order shows.
            mass = np.sort(np.sort(weight[:, None] * member[left], axis=0).sum(axis=0))
            p = np.minimum(mass / mass.sum(), 1)
            scores[q] = -xlogy(p, p).sum() + 0.0
    return scores


def predictive_entropy(logprobs: Sequence) -> np.ndarray:
    r"""Entropy over whole answers, estimated from the drawn ones.

    .. math:: -\frac{1}{N} \sum_{i=1}^{N} \ell_i \approx -\mathbb{E}_{y} \ln p(y \mid x)

    Parameters
    ----------
    logprobs
        :math:`\ell_i`, one row a question: the natural log-probability of each drawn answer, NaN for a missing one
        (left out). Of the whole sequence it is the entropy; the mean over tokens gives the length-normalised variant,
        which is no entropy but does not grow with length.

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` nats, at least 0; NaN with fewer than two answers left. Ten equal answers need not score 0: it speaks
        of words, :func:`semantic_entropy` of meanings.

    References
    ----------
    A. Malinin and M. Gales (2021), "Uncertainty estimation in autoregressive structured prediction", ICLR.

    Examples
    --------
    >>> predictive_entropy([[-1.0, -3.0], [-0.5, -0.5, -2.0], [-1.0]])
    array([ 2.,  1., nan])
    """
    rows = listed_by_question(logprobs, "logprobs", "row")
    flat, size = ragged(rows, "log-probability", -1, "question {}".format, of_answers=True)
    question = np.repeat(np.arange(len(size)), size)
    order = np.lexsort((flat, question))
    flat, question = flat[order], question[order]
    left = ~np.isnan(flat)
    drawn = np.bincount(question[left], minlength=len(size))
    scores = mean(-flat[left], drawn) + 0.0
    scores[drawn < 2] = np.nan
    return scores


def _same_length(size: np.ndarray, given: np.ndarray, what: str) -> None:
    """Refuse labels that do not fit what is given beside them."""
    if len(given) != len(size):
        raise BadInput(f"labels of {len(size)} questions but {what} of {len(given)}")
    if (given != size).any():
        q = np.flatnonzero(given != size)[0]
        raise BadInput(f"question {q}: {size[q]} labels but {given[q]} {what}")
