"""How one answer, or each answer, agrees with the others that were drawn: embeddings, NLI, any similarity.

One score a question, higher = less certain. A missing answer is a row of NaN or a NaN and is left out; a row that is
NaN in part is a mistake and raises.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import xlogy

from homogen.records import BadInput, shown
from homogen.records.checks import listed, listed_by_question, one_a_question, real
from homogen.uncertainty._base import (
    ROUNDING,
    beside,
    cosines,
    cosines_in_step,
    each,
    mean_of,
    nli_rows,
    numbers,
    unit_rows,
    vector,
)

_BLOCK = 1_000_000  # numbers of a stack of questions at a time


def selfcheck(greedy: Sequence, samples: Sequence) -> np.ndarray:
    r"""How far drawn answers stray from the greedy one, by their embeddings.

    .. math:: 1 - \frac{1}{k} \sum_{i=1}^{k} \cos(g, s_i)

    SelfCheckGPT with cosines in place of BERTScore.

    Parameters
    ----------
    greedy
        ``(Q, d)``: one embedding :math:`g` a question, of the greedy answer.
    samples
        One ``(k, d)`` array a question: embeddings :math:`s_i` of the drawn answers (usually k = 5), a row of NaN for a
        missing one (left out).

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` from 0 (all as the greedy answer) to 2; NaN if the greedy answer or every drawn one is missing.

    References
    ----------
    P. Manakul, A. Liusie and M. Gales (2023), "SelfCheckGPT: Zero-resource black-box hallucination detection for
    generative large language models", EMNLP.

    Examples
    --------
    >>> selfcheck([[1.0, 0.0]], [[[2.0, 0.0], [3.0, 4.0]]]).round(6)
    array([0.2])
    """
    first = listed_by_question(greedy, "greedy", "embedding")
    drawn = beside(samples, "samples", len(first), "greedy answers")
    scores = np.full(len(first), np.nan)
    for q, (g, s) in enumerate(zip(first, drawn, strict=True)):
        answer = numbers(g, f"question {q}: the greedy answer's embedding")
        if not answer.ndim:
            raise one_a_question("greedy", "embedding", g, q)
        if answer.ndim != 1:
            raise BadInput(f"question {q}: the greedy answer's embedding must have shape (d,), got {answer.shape}")
        unit_g, unit_s = unit_rows(answer[None, :], q), unit_rows(s, q)
        if len(unit_g) and len(unit_s):
            if unit_g.shape[1] != unit_s.shape[1]:
                raise BadInput(f"question {q}: embeddings of {unit_g.shape[1]} and {unit_s.shape[1]} dimensions")
            scores[q] = 1 - mean_of(cosines_in_step(unit_s, unit_g))
    return scores


def selfcheck_nli(probabilities: Sequence) -> np.ndarray:
    r"""How far drawn answers contradict the greedy one, by an NLI model.

    .. math:: \frac{1}{k} \sum_{i=1}^{k}
              \frac{P_i(\text{contradiction})}{P_i(\text{entailment}) + P_i(\text{contradiction})}

    SelfCheckGPT with NLI: the premise is a drawn answer, the hypothesis the greedy one, as in the paper; the authors'
    code puts them the other way round.

    Parameters
    ----------
    probabilities
        One ``(k, 3)`` array a question: entailment, neutral and contradiction of its pairs, a row of NaN for a missing
        answer (left out). For a greedy answer of several sentences, the original's case, give one
        array a sentence and take the mean of the result.

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` from 0 (none contradicts) to 1; NaN if no pair is left. A pair that is neutral beyond doubt has no
        value and is left out as well.

    References
    ----------
    P. Manakul, A. Liusie and M. Gales (2023), "SelfCheckGPT: Zero-resource black-box hallucination detection for
    generative large language models", EMNLP.

    Examples
    --------
    >>> selfcheck_nli([[[0.6, 0.2, 0.2], [0.1, 0.6, 0.3]]]).round(6)  # the mean of 1/4 and 3/4
    array([0.5])
    """

    def score(P: np.ndarray) -> float:
        decided = P[:, 0] + P[:, 2]
        P, decided = P[decided > 0], decided[decided > 0]
        return mean_of(P[:, 2] / decided)

    return each(score, probabilities, nli_rows, "probabilities", "(k, 3) array")


def sindex(embeddings: Sequence, threshold: float = 0.95) -> np.ndarray:
    r"""SINdex: entropy over embedding clusters, each weighed by its coherence.

    .. math:: -\sum_{C} p'_C \ln p'_C, \qquad p'_C = \frac{|C|}{N} \, \overline{\cos}(C)

    where :math:`\overline{\cos}(C)` is the mean cosine over the pairs in :math:`C`, and 1 for a single answer;
    :math:`p'_C` is not renormalised, and the logarithm is natural. In sample order, each answer joins the first
    cluster to whose members its mean cosine distance is at most 1 - ``threshold``, or opens its own.

    Parameters
    ----------
    embeddings
        One ``(N, d)`` array a question, a row an answer, NaN for a missing one (left out).
    threshold
        Least mean cosine to a cluster's members, in (0, 1].

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` nats, at least 0, exactly 0 for identical answers; NaN with fewer than two answers left. The one score
        here that may depend on the order of the answers.

    References
    ----------
    S. Abdaljalil et al. (2025), "SINdex: Semantic inconsistency index for hallucination detection in LLMs",
    arXiv:2503.05980.

    Examples
    --------
    >>> sindex([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], np.ones((3, 2))]).round(6)
    array([0.693147, 0.      ])
    """
    real(threshold, "threshold must be a number in (0, 1]", lambda x: 0 < x <= 1)

    rows = listed_by_question(embeddings, "embeddings", "(N, d) array")
    units = [unit_rows(row, q) for q, row in enumerate(rows)]
    scores = np.full(len(rows), np.nan)
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for q, unit in enumerate(units):
        by_shape.setdefault(unit.shape, []).append(q)
    for (n, d), members in by_shape.items():
        step = max(1, _BLOCK // max(n * max(n, d), 1))
        for start in range(0, len(members) if n > 1 else 0, step):
            block = members[start : start + step]
            scores[block] = _coherent_entropy(np.stack([units[q] for q in block]), threshold)
    return scores


def _coherent_entropy(unit: np.ndarray, threshold: float) -> np.ndarray:
    """SINdex of ``(q, N, d)`` unit vectors, all questions one step at a time."""
    cos = cosines(unit, unit)
    questions, n = cos.shape[:2]
    everyone = np.arange(questions)
    member = np.zeros((questions, n, n))  # answer, cluster
    size = np.zeros((questions, n))
    for i in range(n):
        near = (cos[:, i, None, :] @ member)[:, 0]
        # A mean of equal cosines may lose its last bit.
        fits = (size > 0) & (near / np.maximum(size, 1) >= threshold - 1e-12)
        joined = np.where(fits.any(axis=1), fits.argmax(axis=1), (size > 0).sum(axis=1))
        member[everyone, i, joined] = 1
        size[everyone, joined] += 1
    # With the ones on the diagonal taken off, every pair is in the sum twice; rounded, equal sums are equal.
    within = ((cos @ member) * member).sum(axis=1) - size
    coherence = np.where(size > 1, np.round(within / np.maximum(size * (size - 1), 1), 12), 1.0)
    p = np.sort(size / n * coherence, axis=1)
    return -xlogy(p, p).sum(axis=1) + 0.0


def semantic_density(similarity_to_answer: Sequence, logprobs: Sequence, answers: Sequence | None = None) -> np.ndarray:
    r"""One minus the semantic density of an answer among the drawn ones.

    .. math:: 1 - \frac{\sum_{i} e^{\ell_i} (1 - d_i^2)}{\sum_{i} e^{\ell_i}}, \qquad
              d_i^2 = P_i(\text{contradiction}) + \tfrac{1}{2} P_i(\text{neutral})

    over *distinct* drawn answers: their probability already says how often one comes.

    Parameters
    ----------
    similarity_to_answer
        One row of ``(N,)`` a question: :math:`1 - d_i^2` of each drawn answer, which is P(entailment) + P(neutral) / 2,
        the mean of both directions in the authors' code; NaN for a missing answer (left out).
    logprobs
        :math:`\ell_i`, shaped alike, natural and length-normalised (the mean over tokens). NaN for an answer that is
        there leaves the density undefined.
    answers
        Their texts, shaped alike: equal ones then count once, with the highest :math:`\ell_i` among them, and empty
        ones are missing. Without it the answers are taken for distinct.

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` from 0 (all mean the same as the answer) to 1: the density itself is a confidence. NaN if no drawn
        answer is left (one is enough), or the log-probability of one that is.

    Notes
    -----
    lm-polygraph also counts the judged answer itself as a drawn one of similarity 1 (append it to do the same), and
    asks the NLI model in one direction. uqlm does not drop repeated answers and sets the kernel to 0 where
    :math:`P(\text{contradiction}) + P(\text{neutral}) / \sqrt{2} > 1`.

    References
    ----------
    X. Qiu and R. Miikkulainen (2024), "Semantic density: Uncertainty quantification for large language models through
    confidence measurement in semantic space", NeurIPS.

    Examples
    --------
    >>> semantic_density([[1.0, 0.25]], [np.log([0.6, 0.2])]).round(4)  # (0.6 * 0 + 0.2 * 0.75) / 0.8
    array([0.1875])
    >>> semantic_density([[1.0, 0.25, 1.0]], [np.log([0.6, 0.2, 0.6])], answers=[["Yes", "No", "Yes"]]).round(4)
    array([0.1875])
    """
    rows = listed_by_question(similarity_to_answer, "similarities", "row")
    given = beside(logprobs, "log-probabilities", len(rows), "similarities")
    said = None if answers is None else beside(answers, "answers", len(rows), "similarities")
    scores = np.full(len(rows), np.nan)
    for q, row in enumerate(rows):
        s = vector(row, q, "similarities", 0, 1)
        lp = vector(given[q], q, "log-probabilities", -np.inf, 0)
        texts = [""] * len(s) if said is None else listed(said[q], f"question {q}: answers")
        for values, what in ((lp, "log-probabilities"), (texts, "answers")):
            if len(values) != len(s):
                raise BadInput(f"question {q}: {len(s)} similarities but {len(values)} {what}")
        left = ~np.isnan(s)
        if said is not None:
            for text in texts:
                if not (text is None or isinstance(text, str)):
                    raise BadInput(f"question {q}: answers must be texts or None, got {shown(text)}")
            left &= np.array([bool(text and text.strip()) for text in texts], dtype=bool)
        if np.isnan(lp[left]).any():
            continue
        if said is not None:
            best: dict[str, int] = {}
            for i in sorted(np.flatnonzero(left), key=lambda i: (-lp[i], s[i])):
                best.setdefault(texts[i], int(i))
            left = np.isin(np.arange(len(s)), list(best.values()))
        if left.any():
            order = np.lexsort((s[left], lp[left]))
            s, lp = s[left][order], lp[left][order]
            weight = np.exp(lp - lp[-1])
            scores[q] = min((weight * (1 - s)).sum() / weight.sum(), 1.0)
    return scores


def cocoa(uncertainty: Sequence[float], similarity_to_samples: Sequence) -> np.ndarray:
    r"""CoCoA: the model's own doubt about an answer, times how unlike it the drawn answers are.

    .. math:: u(y^*) \cdot \frac{1}{N} \sum_{i=1}^{N} \bigl(1 - s(y^*, y_i)\bigr)

    It is 0 as soon as either factor is: drawn answers that are all alike silence the token level
    too, which is the case this project is about.

    Parameters
    ----------
    uncertainty
        :math:`u(y^*)` of the answer, at least 0, one number a question. Their three variants are
        :func:`~homogen.uncertainty.negative_log_likelihood` with and without ``normalize`` and
        :func:`~homogen.uncertainty.mean_entropy`.
    similarity_to_samples
        One row of ``(N,)`` a question: the similarity of each drawn answer to the answer, at most 1, NaN for a missing
        one (left out).

    Returns
    -------
    numpy.ndarray
        ``(Q,)``, at least 0, in units of ``uncertainty``; NaN if that is NaN or no drawn answer is left. uqlm's score
        of this name is the product of the two *confidences*, and ranks otherwise.

    References
    ----------
    R. Vashurin et al. (2025), "CoCoA: A generalized approach to uncertainty quantification by integrating confidence
    and consistency of LLM outputs", arXiv:2502.04964.

    Examples
    --------
    >>> cocoa([2.0, 2.0, 2.0], [[1.0, 1.0], [1.0, 0.5], [0.0, np.nan]])
    array([0. , 0.5, 2. ])
    """
    u = numbers(uncertainty, "uncertainty")
    if not u.ndim:
        raise one_a_question("uncertainty", "number", uncertainty)
    rows = listed_by_question(similarity_to_samples, "similarities", "row")
    if u.ndim != 1 or len(u) != len(rows):
        raise BadInput(f"uncertainty has shape {u.shape} but there are similarities of {len(rows)} questions")
    bad = np.isinf(u) | (u < -ROUNDING)
    if bad.any():
        raise BadInput(f"question {np.flatnonzero(bad)[0]}: uncertainty below 0 or infinite")
    spread = [1 - vector(row, q, "similarities", -1, 1) for q, row in enumerate(rows)]
    with np.errstate(over="ignore"):
        return np.maximum(u, 0) * np.array([mean_of(d[~np.isnan(d)]) for d in spread], dtype=np.float64)
