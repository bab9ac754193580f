"""Answers as an NLI model is given them: checked, and with the question before each where one is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from homogen.records import BadInput, shown
from homogen.records.checks import one_a_question


def with_question(texts: Iterable[str], question: str | None, separator: str = " ") -> list[str]:
    """Put the question before every answer that is not empty, or nothing if it is None.

    Between the two stands a space as in the code of Kuhn et al. and Farquhar et al.; uqlm has a new line.

    Examples
    --------
    >>> with_question(["1969", ""], "When was the landing?")
    ['When was the landing? 1969', '']
    """
    if question is not None and not isinstance(question, str):
        raise BadInput(f"question must be a text or None, got {shown(question)}")
    return [f"{question}{separator}{text}" if question and text.strip() else text for text in texts]


def by_question(
    answers: Iterable[Sequence[str]], questions: Sequence[str] | None = None, separator: str = " "
) -> list[list[str]]:
    """Check all answers of a benchmark, and put each question before its answers if questions are given.

    Examples
    --------
    >>> by_question([["Paris", "Lyon"], ["1969"]], ["Capital?", "When?"])
    [['Capital? Paris', 'Capital? Lyon'], ['When? 1969']]
    """
    if isinstance(answers, str) or not isinstance(answers, Iterable):
        raise one_a_question("answers", "list", answers)
    rows = []
    for q, own in enumerate(answers):
        if isinstance(own, str) or not isinstance(own, Iterable):
            raise one_a_question("answers", "list", own, q)
        row = list(own)
        for i, text in enumerate(row):
            if not isinstance(text, str):
                raise BadInput(f"answer {i} of question {q} is {shown(text)}, not a text (a missing answer is '')")
        rows.append(row)
    if questions is None:
        return rows
    if isinstance(questions, str) or not isinstance(questions, Iterable):
        raise BadInput(f"expected one text a question, got {shown(questions)}")
    questions = list(questions)
    if len(questions) != len(rows):
        raise BadInput(f"{len(rows)} lists of answers need as many questions, got {len(questions)}")
    return [with_question(row, question, separator) for row, question in zip(rows, questions, strict=True)]
