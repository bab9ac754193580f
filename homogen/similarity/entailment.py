"""Likeness of meaning by a natural-language-inference model: who entails whom, who contradicts whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from homogen.nli.asking import CONTRADICTION, ENTAILMENT, NEUTRAL, NLI, Model, as_nli
from homogen.nli.texts import by_question
from homogen.records.checks import one_of

_BOTH: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "min": np.minimum,
    "max": np.maximum,
    "mean": lambda a, b: (a + b) / 2,
}


def entailment(
    answers: Iterable[Sequence[str]],
    nli: NLI | Model,
    questions: Sequence[str] | None = None,
    both: str = "min",
) -> list[np.ndarray]:
    r"""Probability that two answers entail each other.

    .. math:: S_{ij} = \min\{P(i \models j),\ P(j \models i)\}

    Parameters
    ----------
    answers
        As in :func:`homogen.similarity.jaccard`.
    nli
        A function from n pairs (premise, hypothesis) to ``(n, 3)`` probabilities of entailment, neutral and
        contradiction (:func:`homogen.models.load_nli` makes one), or a :class:`homogen.nli.NLI`, which
        remembers pairs and counts forward passes.
    questions
        One text a list of answers, put before each of them with a space between; ``None`` compares the bare answers. A
        short answer ("In 1969") means little without its question.
    both
        How the two directions make one number: ``"min"`` (both must hold), ``"max"`` (one suffices) or ``"mean"``.

    Returns
    -------
    list of numpy.ndarray
        One ``(N, N)`` float64 matrix a question, in [0, 1], symmetric, exactly 1 on the diagonal and between identical
        texts, for which the model is not asked; NaN where an answer is missing.

    Notes
    -----
    All ordered pairs of distinct answers go through the model in one call: N(N - 1) passes for N distinct answers, a
    pair that several questions share once. Where labels are all that is wanted, :func:`homogen.clustering.cluster_nli`
    asks for far fewer.

    References
    ----------
    L. Kuhn, Y. Gal and S. Farquhar (2023), "Semantic uncertainty", ICLR (bidirectional entailment).

    Examples
    --------
    >>> def nli(pairs):  # a text entails its own beginnings, and is neutral to all else
    ...     return np.array([[0.9, 0.1, 0.0] if a.startswith(b) else [0.1, 0.9, 0.0] for a, b in pairs])
    >>> entailment([["Paris", "Paris, France", ""]], nli)
    [array([[1. , 0.1, nan],
           [0.1, 1. , nan],
           [nan, nan, nan]])]
    >>> entailment([["Paris", "Paris, France"]], nli, both="max")[0][0, 1]
    np.float64(0.9)
    """
    return _matrices(answers, nli, questions, both, lambda p: p[:, ENTAILMENT])


def noncontradiction(
    answers: Iterable[Sequence[str]],
    nli: NLI | Model,
    questions: Sequence[str] | None = None,
    both: str = "min",
) -> list[np.ndarray]:
    r"""Probability that two answers do not contradict each other.

    .. math:: S_{ij} = 1 - \max\{P(i \perp j),\ P(j \perp i)\}

    Two answers that have nothing to do with each other score high: nothing is contradicted. Parameters, result and
    errors are those of :func:`entailment`; ``both="mean"`` is the form of the libraries lm-polygraph and uqlm.

    References
    ----------
    Z. Lin, S. Trivedi and J. Sun (2024), "Generating with confidence", *TMLR*. J. Chen and J. Mueller (2024),
    "Quantifying uncertainty in answers from any language model", ACL.

    Examples
    --------
    >>> def nli(pairs):  # "yes" and "no" contradict each other, more surely the one way than the other
    ...     return np.array([[0.0, 0.2, 0.8] if a < b else [0.0, 0.4, 0.6] for a, b in pairs])
    >>> noncontradiction([["no", "yes"]], nli)[0].round(12)
    array([[1. , 0.2],
           [0.2, 1. ]])
    """
    return _matrices(answers, nli, questions, both, lambda p: 1 - p[:, CONTRADICTION])


def weighted_nli(
    answers: Iterable[Sequence[str]],
    nli: NLI | Model,
    questions: Sequence[str] | None = None,
    both: str = "mean",
) -> list[np.ndarray]:
    r"""NLI as one likeness: entailment counts one, neutral half, contradiction nothing.

    .. math:: S_{ij} = \tfrac{1}{2} \bigl( s(i, j) + s(j, i) \bigr), \qquad
              s(i, j) = P(i \models j) + \tfrac{1}{2} P(i \text{ neutral to } j)

    The graph weight of kernel language entropy and, one direction at a time, the kernel of semantic density.
    Parameters, result and errors are those of :func:`entailment`.

    References
    ----------
    A. Nikitin, J. Kossen, Y. Gal and P. Marttinen (2024), "Kernel language entropy", NeurIPS. X. Qiu and
    R. Miikkulainen (2024), "Semantic density", NeurIPS.

    Examples
    --------
    >>> def nli(pairs):
    ...     return np.tile([0.5, 0.25, 0.25], (len(pairs), 1))
    >>> weighted_nli([["a", "b"], ["c"]], nli)
    [array([[1.   , 0.625],
           [0.625, 1.   ]]), array([[1.]])]
    """
    return _matrices(answers, nli, questions, both, lambda p: p[:, ENTAILMENT] + p[:, NEUTRAL] / 2)


def _matrices(
    answers: Iterable[Sequence[str]],
    nli: NLI | Model,
    questions: Sequence[str] | None,
    both: str,
    likeness: Callable[[np.ndarray], np.ndarray],
) -> list[np.ndarray]:
    one_of("way to put both directions together", both, tuple(_BOTH))
    rows = by_question(answers, questions)
    if not rows:
        return []
    distinct = [list(dict.fromkeys(text for text in row if text.strip())) for row in rows]
    pairs = [(a, b) for texts in distinct for a in texts for b in texts]
    values = likeness(as_nli(nli)(pairs))
    sizes = np.array([len(texts) for texts in distinct], dtype=int)
    matrices = []
    for row, texts, flat in zip(rows, distinct, np.split(values, np.cumsum(sizes**2)[:-1]), strict=True):
        one_way = flat.reshape(len(texts), len(texts))
        S = np.full((len(texts) + 1, len(texts) + 1), np.nan)  # a missing answer is the last row and column
        S[:-1, :-1] = _BOTH[both](one_way, one_way.T)
        place = {text: i for i, text in enumerate(texts)}
        where = [place.get(text, len(texts)) for text in row]
        matrices.append(S[np.ix_(where, where)])
    return matrices
