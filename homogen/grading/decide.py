"""Which answers of a benchmark are wrong, each by the rule that suits its question."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from homogen.grading.judging import judged
from homogen.grading.matching import contains, exact_match, token_f1
from homogen.grading.nearest import CONVENTIONS, Overlap, embedding, overlap, overlap_wrong, words
from homogen.grading.numbers import numeric
from homogen.records import BadInput, Question, unknown

METHODS = ("auto", "contains", "embedding", "exact", "f1", "judge", "numeric", "overlap", "words")
"""Known ways to grade; see :func:`wrong`."""


def wrong(
    answers: Sequence[str],
    questions: Sequence[Question],
    method: str = "auto",
    embedder: Callable[[list[str]], np.ndarray] | None = None,
    threshold: float = 0.5,
    convention: str = "compare",
    judge: Callable[[list[str]], np.ndarray] | None = None,
) -> np.ndarray:
    """Grade one answer to each question.

    Parameters
    ----------
    answers
        n answers, in the order of the questions.
    questions
        n questions.
    method
        ``"numeric"``, ``"contains"``, ``"words"``, ``"embedding"``, ``"judge"`` (:func:`judged`); SQuAD's ``"exact"``
        and ``"f1"``; the paper's ``"overlap"``; or ``"auto"``: numeric for questions of kind math, embedding (words if
        there is no embedder) where there are distractors, contains for the rest.
    embedder
        Maps a list of m texts to an (m, d) array; for ``"embedding"`` and ``"auto"``.
    threshold
        An answer whose token F1 is below it is wrong; for ``"f1"``.
    convention
        What undecided overlaps count as (:func:`overlap_wrong`); for ``"overlap"`` and ``"words"``, also within
        ``"auto"``.
    judge
        Maps m prompts to (m, 2) log-probabilities of "yes" and "no"; for ``"judge"``.

    Returns
    -------
    numpy.ndarray
        (n,) float: 1 wrong, 0 right, NaN missing or undecided.

    Raises
    ------
    BadInput
        If a question that is graded by number has no number in its references (the message has its id).

    Examples
    --------
    >>> asked = [Question("q1", "mine", "2 + 3?", ("5",), kind="math"), Question("q2", "mine", "Who?", ("Ada",))]
    >>> wrong(["It is 5.", "Grace"], asked)
    array([0., 1.])
    """
    if method not in METHODS:
        raise unknown("grading method", method, METHODS)
    if convention not in CONVENTIONS:
        raise unknown("convention", convention, CONVENTIONS)
    if len(answers) != len(questions):
        raise ValueError(f"unequal lengths: {len(answers)} answers to {len(questions)} questions")
    if method == "embedding" and embedder is None:
        raise BadInput("grading by embedding needs an embedder; pass embedder=")
    if method == "judge":
        if judge is None:
            raise BadInput("grading by a judge needs one; pass judge=")
        return judged(answers, questions, judge)
    result = np.full(len(questions), math.nan)
    overlaps: dict[int, Overlap] = {}
    embedded: list[int] = []
    for i, (answer, question) in enumerate(zip(answers, questions, strict=True)):
        how = _auto(question, embedder) if method == "auto" else method
        if how == "embedding":
            embedded.append(i)
        elif how in ("overlap", "words"):
            label = overlap if how == "overlap" else words
            overlaps[i] = label(answer, question.references, question.distractors)
        elif how == "f1":
            f1 = token_f1(answer, question.references)
            result[i] = math.nan if math.isnan(f1) else f1 < threshold
        else:
            grader = {"numeric": numeric, "exact": exact_match, "contains": contains}[how]
            try:
                result[i] = 1.0 - grader(answer, question.references)
            except BadInput as error:
                raise BadInput(f"question {question.id!r}: {error}") from None
    result[list(overlaps)] = overlap_wrong(list(overlaps.values()), convention)
    if embedder is not None and embedded:
        result[embedded] = embedding(
            [answers[i] for i in embedded],
            [questions[i].references for i in embedded],
            [questions[i].distractors for i in embedded],
            embedder,
        )
    return result


def _auto(question: Question, embedder: object) -> str:
    """The method that suits a question."""
    if question.kind == "math":
        return "numeric"
    if question.distractors:
        return "words" if embedder is None else "embedding"
    return "contains"
