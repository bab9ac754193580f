"""Likeness of meaning by a natural-language-inference model: who entails whom, who contradicts whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from homogen.nli.asking import CONTRADICTION, ENTAILMENT, NEUTRAL, NLI, Model, as_nli
from homogen.nli.texts import by_question
from homogen.records import unknown

_BOTH = {"min": np.minimum, "max": np.maximum, "mean": lambda a, b: (a + b) / 2}


def entailment(texts: Sequence[str], nli: NLI | Model, question: str | None = None, both: str = "min") -> np.ndarray:
    r"""Probability that two answers entail each other.

    .. math:: S_{ij} = \min\{P(i \models j),\ P(j \models i)\}

    Parameters
    ----------
    texts
        The N answers to one question. An empty text, or one of white space alone, is missing.
    nli
        A function from n pairs (premise, hypothesis) to ``(n, 3)`` probabilities of entailment, neutral and
        contradiction (:func:`homogen.models.load_nli` makes one), or a :class:`homogen.nli.NLI`, which
        remembers pairs and counts forward passes.
    question
        Put before both answers, with a space between; ``None`` compares the bare answers. A short answer ("In 1969")
        means little without its question.
    both
        How the two directions make one number: ``"min"`` (both must hold), ``"max"`` (one suffices) or ``"mean"``.

    Returns
    -------
    numpy.ndarray
        ``(N, N)`` float64 in [0, 1], symmetric, exactly 1 on the diagonal and between identical texts, for which the
        model is not asked; NaN where an answer is missing.

    Raises
    ------
    BadInput
        If ``both`` is unknown, a text is not a string, or the model returns anything but probabilities.

    Notes
    -----
    All ordered pairs of distinct answers go through the model: N(N - 1) passes for N distinct answers. Where labels
    are all that is wanted, :func:`homogen.clustering.cluster_nli` asks for far fewer.

    References
    ----------
    L. Kuhn, Y. Gal and S. Farquhar (2023), "Semantic uncertainty", ICLR (bidirectional entailment).

    Examples
    --------
    >>> def nli(pairs):  # a text entails its own beginnings, and is neutral to all else
    ...     return np.array([[0.9, 0.1, 0.0] if a.startswith(b) else [0.1, 0.9, 0.0] for a, b in pairs])
    >>> entailment(["Paris", "Paris, France", ""], nli)
    array([[1. , 0.1, nan],
           [0.1, 1. , nan],
           [nan, nan, nan]])
    >>> entailment(["Paris", "Paris, France"], nli, both="max")[0, 1]
    np.float64(0.9)
    """
    return entailment_batch([texts], nli, None if question is None else [question], both)[0]


def entailment_batch(
    texts_by_question: Iterable[Sequence[str]],
    nli: NLI | Model,
    questions: Sequence[str] | None = None,
    both: str = "min",
) -> list[np.ndarray]:
    """Entailment of all questions of a benchmark at once: one call of the model; see :func:`entailment`.

    Pairs are asked once even if several questions share them, sorted by length and in full batches by the model.

    Parameters
    ----------
    texts_by_question
        One list of answers a question; the lists may differ in length.
    nli, both
        As in :func:`entailment`.
    questions
        One question a list of answers, or ``None``.

    Returns
    -------
    list of numpy.ndarray
        One ``(N_i, N_i)`` matrix a question.

    Examples
    --------
    >>> def nli(pairs):
    ...     return np.tile([0.2, 0.5, 0.3], (len(pairs), 1))
    >>> [S[0, 1] for S in entailment_batch([["a", "b"], ["b", "a", "c"]], nli)]
    [np.float64(0.2), np.float64(0.2)]
    """
    return _matrices(texts_by_question, nli, questions, both, lambda p: p[:, ENTAILMENT])


def noncontradiction(
    texts: Sequence[str], nli: NLI | Model, question: str | None = None, both: str = "min"
) -> np.ndarray:
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
    >>> noncontradiction(["no", "yes"], nli).round(12)
    array([[1. , 0.2],
           [0.2, 1. ]])
    """
    return noncontradiction_batch([texts], nli, None if question is None else [question], both)[0]


def noncontradiction_batch(
    texts_by_question: Iterable[Sequence[str]],
    nli: NLI | Model,
    questions: Sequence[str] | None = None,
    both: str = "min",
) -> list[np.ndarray]:
    """Non-contradiction of all questions of a benchmark at once; see :func:`noncontradiction`.

    Examples
    --------
    >>> def nli(pairs):
    ...     return np.tile([0.25, 0.5, 0.25], (len(pairs), 1))
    >>> noncontradiction_batch([["a", "b"], ["c"]], nli)
    [array([[1.  , 0.75],
           [0.75, 1.  ]]), array([[1.]])]
    """
    return _matrices(texts_by_question, nli, questions, both, lambda p: 1 - p[:, CONTRADICTION])


def weighted_nli(texts: Sequence[str], nli: NLI | Model, question: str | None = None, both: str = "mean") -> np.ndarray:
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
    >>> weighted_nli(["a", "b"], nli)
    array([[1.   , 0.625],
           [0.625, 1.   ]])
    """
    return weighted_nli_batch([texts], nli, None if question is None else [question], both)[0]


def weighted_nli_batch(
    texts_by_question: Iterable[Sequence[str]],
    nli: NLI | Model,
    questions: Sequence[str] | None = None,
    both: str = "mean",
) -> list[np.ndarray]:
    """Weighted NLI likeness of all questions of a benchmark at once; see :func:`weighted_nli`.

    Examples
    --------
    >>> def nli(pairs):
    ...     return np.tile([0.5, 0.5, 0.0], (len(pairs), 1))
    >>> weighted_nli_batch([["a", "b"]], nli)[0][0, 1]
    np.float64(0.75)
    """
    return _matrices(texts_by_question, nli, questions, both, lambda p: p[:, ENTAILMENT] + p[:, NEUTRAL] / 2)


def _matrices(
    texts_by_question: Iterable[Sequence[str]],
    nli: NLI | Model,
    questions: Sequence[str] | None,
    both: str,
    likeness: Callable[[np.ndarray], np.ndarray],
) -> list[np.ndarray]:
    if not isinstance(both, str) or both not in _BOTH:
        raise unknown("way to put both directions together", both, _BOTH)
    rows = by_question(texts_by_question, questions)
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
