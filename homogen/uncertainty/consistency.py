"""How one answer, or each answer, agrees with the others that were drawn: embeddings, NLI, any similarity.

One question gives a float, a list of questions an array. A missing answer is a row of NaN or a NaN and is left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import xlogy

from homogen.records import BadInput
from homogen.uncertainty._base import (
    ROUNDING,
    cosines,
    each,
    mean_of,
    nli_rows,
    numbers,
    questions,
    shaped,
    unit_rows,
    vector,
)


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
    first, one = questions(greedy, 1)
    drawn = [samples] if one else list(samples)
    if len(first) != len(drawn):
        raise BadInput(f"{len(first)} greedy answers but samples of {len(drawn)} questions")
    scores = np.full(len(first), np.nan)
    for q, (g, s) in enumerate(zip(first, drawn, strict=True)):
        unit_g, unit_s = unit_rows(np.atleast_2d(g), q), unit_rows(s, q)
        if len(unit_g) and len(unit_s):
            if unit_g.shape[1] != unit_s.shape[1]:
                raise BadInput(f"question {q}: embeddings of {unit_g.shape[1]} and {unit_s.shape[1]} dimensions")
            scores[q] = 1 - cosines(unit_s, unit_g).mean()
    return float(scores[0]) if one else scores


def selfcheck_nli(probabilities: Sequence) -> float | np.ndarray:
    r"""How far drawn answers contradict the greedy one, by an NLI model.

    .. math:: \frac{1}{k} \sum_{i=1}^{k}
              \frac{P_i(\text{contradiction})}{P_i(\text{entailment}) + P_i(\text{contradiction})}

    SelfCheckGPT with NLI (Manakul, Liusie and Gales 2023, EMNLP): the premise is a drawn answer, the hypothesis the
    greedy one, as in the paper; the authors' code puts them the other way round.

    Parameters
    ----------
    probabilities
        ``(k, 3)`` entailment, neutral and contradiction of one question's pairs, a row of NaN for a missing answer
        (left out); or a list of such arrays. For a greedy answer of several sentences, the original's case, give one
        array a sentence and take the mean of the result.

    Returns
    -------
    float or numpy.ndarray
        From 0 (none contradicts) to 1; NaN if no pair is left. A pair that is neutral beyond doubt has no value and is
        left out as well.

    Examples
    --------
    >>> round(selfcheck_nli([[0.6, 0.2, 0.2], [0.1, 0.6, 0.3]]), 6)  # the mean of 1/4 and 3/4
    0.5
    """

    def score(P: np.ndarray) -> float:
        decided = P[:, 0] + P[:, 2]
        P, decided = P[decided > 0], decided[decided > 0]
        return mean_of(P[:, 2] / decided)

    return each(score, probabilities, nli_rows, 2)


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
        raise BadInput(f"threshold must lie in (0, 1], got {threshold!r}")

    def score(unit: np.ndarray) -> float:
        if len(unit) < 2:
            return math.nan
        cos = cosines(unit, unit)
        clusters: list[list[int]] = []
        for i in range(len(unit)):
            for members in clusters:
                if cos[i, members].mean() >= threshold - 1e-12:  # a mean of equal cosines may lose its last bit
                    members.append(i)
                    break
            else:
                clusters.append([i])
        # With the ones on the diagonal taken off, every pair is in the sum twice.
        k = np.array([len(c) for c in clusters])
        within = np.array([cos[np.ix_(c, c)].sum() for c in clusters]) - k
        p = np.sort(k / len(unit) * np.where(k > 1, within / np.maximum(k * (k - 1), 1), 1.0))
        return -xlogy(p, p).sum() + 0.0

    return each(score, embeddings, unit_rows, 2)


def semantic_density(
    similarity_to_answer: Sequence, logprobs: Sequence, answers: Sequence | None = None
) -> float | np.ndarray:
    r"""One minus the semantic density of an answer among the drawn ones (Qiu and Miikkulainen 2024, NeurIPS).

    .. math:: 1 - \frac{\sum_{i} e^{\ell_i} (1 - d_i^2)}{\sum_{i} e^{\ell_i}}, \qquad
              d_i^2 = P_i(\text{contradiction}) + \tfrac{1}{2} P_i(\text{neutral})

    over *distinct* drawn answers: their probability already says how often one comes.

    Parameters
    ----------
    similarity_to_answer
        ``(N,)`` :math:`1 - d_i^2` of each drawn answer, which is P(entailment) + P(neutral) / 2, the mean of both
        directions in the authors' code; NaN for a missing answer (left out). Or a list of such rows.
    logprobs
        :math:`\ell_i`, shaped alike, natural and length-normalised (the mean over tokens).
    answers
        Their texts, shaped alike: equal ones then count once, with the highest :math:`\ell_i` among them, and empty
        ones are missing. Without it the answers are taken for distinct.

    Returns
    -------
    float or numpy.ndarray
        From 0 (all mean the same as the answer) to 1; NaN if no drawn answer is left. One is enough.

    Notes
    -----
    lm-polygraph also counts the judged answer itself as a drawn one of similarity 1 (append it to do the same), and
    asks the NLI model in one direction. uqlm does not drop repeated answers and sets the kernel to 0 where
    :math:`P(\text{contradiction}) + P(\text{neutral}) / \sqrt{2} > 1`.

    Examples
    --------
    >>> round(semantic_density([1.0, 0.25], np.log([0.6, 0.2])), 4)  # (0.6 * 0 + 0.2 * 0.75) / 0.8
    0.1875
    >>> round(semantic_density([1.0, 0.25, 1.0], np.log([0.6, 0.2, 0.6]), answers=["Yes", "No", "Yes"]), 4)
    0.1875
    """
    rows, one = questions(similarity_to_answer, 1)
    beside = [[logprobs] if one else list(logprobs)]
    if answers is not None:
        beside.append([answers] if one else list(answers))
    for given, what in zip(beside, ("log-probabilities", "answers"), strict=False):
        if len(given) != len(rows):
            raise BadInput(f"similarities of {len(rows)} questions but {what} of {len(given)}")
    scores = np.full(len(rows), np.nan)
    for q, row in enumerate(rows):
        s = vector(row, q, "similarities", 0, 1)
        lp = vector(beside[0][q], q, "log-probabilities", -np.inf, 0)
        texts = list(beside[1][q]) if answers is not None else [""] * len(s)
        for given, what in ((lp, "log-probabilities"), (texts, "answers")):
            if len(given) != len(s):
                raise BadInput(f"question {q}: {len(s)} similarities but {len(given)} {what}")
        left = ~(np.isnan(s) | np.isnan(lp))
        if answers is not None:
            left &= [bool(text and text.strip()) for text in texts]
            best: dict[str, int] = {}
            for i in sorted(np.flatnonzero(left), key=lambda i: (-lp[i], s[i])):
                best.setdefault(texts[i], i)
            left = np.isin(np.arange(len(s)), list(best.values()))
        if left.any():
            order = np.lexsort((s[left], lp[left]))
            s, lp = s[left][order], lp[left][order]
            weight = np.exp(lp - lp[-1])
            scores[q] = (weight * (1 - s)).sum() / weight.sum()
    return shaped(scores, one)


def cocoa(uncertainty: float | Sequence[float], similarity_to_samples: Sequence) -> float | np.ndarray:
    r"""CoCoA: the model's own doubt about an answer, times how unlike the drawn answers are (Vashurin et al. 2025).

    .. math:: u(y^*) \cdot \frac{1}{N} \sum_{i=1}^{N} \bigl(1 - s(y^*, y_i)\bigr)

    (arXiv:2502.04964.) It is 0 as soon as either factor is: drawn answers that are all alike silence the token level
    too, which is the case this project is about.

    Parameters
    ----------
    uncertainty
        :math:`u(y^*)` of the answer, at least 0, one number a question. Their three variants are
        :func:`~homogen.uncertainty.negative_log_likelihood` with and without ``normalize`` and
        :func:`~homogen.uncertainty.mean_entropy`.
    similarity_to_samples
        ``(N,)`` similarity of each drawn answer to the answer, at most 1, NaN for a missing one (left out); or a list
        of such rows.

    Returns
    -------
    float or numpy.ndarray
        At least 0, in units of ``uncertainty``; NaN if that is NaN or no drawn answer is left. uqlm's score of this
        name is the product of the two *confidences*, and ranks otherwise.

    Examples
    --------
    >>> cocoa(2.0, [1.0, 0.5])
    0.5
    >>> cocoa([2.0, 2.0], [[1.0, 1.0], [0.0, np.nan]])
    array([0., 2.])
    """
    u = numbers(uncertainty, "uncertainty")
    one = u.ndim == 0
    u, rows = np.atleast_1d(u), [similarity_to_samples] if one else list(similarity_to_samples)
    if u.ndim != 1 or len(u) != len(rows):
        raise BadInput(f"uncertainty has shape {u.shape} but there are similarities of {len(rows)} questions")
    bad = np.isinf(u) | (u < -ROUNDING)
    if bad.any():
        raise BadInput(f"question {np.flatnonzero(bad)[0]}: uncertainty below 0 or infinite")
    spread = [1 - vector(row, q, "similarities", -1, 1) for q, row in enumerate(rows)]
    return shaped(np.maximum(u, 0) * np.array([mean_of(d[~np.isnan(d)]) for d in spread]), one)
