"""Right or wrong as a language model says it: whether an answer says the same as one that is known to be right."""

from __future__ import annotations

import importlib.resources
import json
import math
from collections.abc import Callable, Sequence

import numpy as np

from homogen.grading._base import _missing
from homogen.records import BadInput, Question

WORDS = ("yes", "no")
"""The words whose log-probabilities are compared."""
PROMPT = """Question: {question}
Right: {references}{distractors}
Given answer: {answer}

Does the given answer agree with what is right? Reply with one word, yes or no."""
"""What a judge is asked."""
_SHOWN = 3  # references and distractors; more make the prompt long and the comparison no better


def judge_prompts(answers: Sequence[str], questions: Sequence[Question]) -> list[str]:
    """What is asked of a judge about each answer.

    Parameters
    ----------
    answers, questions
        n of each, in one order.

    Examples
    --------
    >>> asked = Question("q1", "mine", "Who?", ("Ada", "Ada Lovelace"), ("Grace",))
    >>> print(judge_prompts(["It was Ada."], [asked])[0])
    Question: Who?
    Right: Ada / Ada Lovelace
    Wrong: Grace
    Given answer: It was Ada.
    <BLANKLINE>
    Does the given answer agree with what is right? Reply with one word, yes or no.
    """
    if len(answers) != len(questions):
        raise ValueError(f"unequal lengths: {len(answers)} answers to {len(questions)} questions")
    return [
        PROMPT.format(
            question=question.text,
            references=" / ".join(question.references[:_SHOWN]),
            distractors="\nWrong: " + " / ".join(question.distractors[:_SHOWN]) if question.distractors else "",
            answer=" ".join(answer.split()),
        )
        for answer, question in zip(answers, questions, strict=True)
    ]


def judged(
    answers: Sequence[str], questions: Sequence[Question], judge: Callable[[list[str]], np.ndarray]
) -> np.ndarray:
    r"""Grade answers by what a language model says of them.

    An answer is wrong if :math:`\ln p(\text{no}) > \ln p(\text{yes})` after the prompt of :func:`judge_prompts`.

    Parameters
    ----------
    answers, questions
        n of each, in one order.
    judge
        Maps m prompts to an (m, 2) array: log-probabilities of going on with "yes" and with "no".

    Returns
    -------
    numpy.ndarray
        (n,) float: 1 wrong, 0 right, NaN for a missing answer.

    Raises
    ------
    BadInput
        If the judge gives anything but two log-probabilities a prompt.

    Examples
    --------
    >>> asked = [Question("q1", "mine", "Who?", ("Ada",)), Question("q2", "mine", "When?", ("1843",))]
    >>> def judge(prompts):
    ...     return np.log([[0.8, 0.1] if "answer: Ada" in prompt else [0.2, 0.7] for prompt in prompts])
    >>> judged(["Ada", "1900"], asked, judge)
    array([0., 1.])
    """
    if len(answers) != len(questions):
        raise ValueError(f"unequal lengths: {len(answers)} answers to {len(questions)} questions")
    given = [i for i, answer in enumerate(answers) if not _missing(answer)]
    result = np.full(len(answers), math.nan)
    prompts = judge_prompts([answers[i] for i in given], [questions[i] for i in given])
    if prompts:
        said = np.asarray(judge(prompts), dtype=float)
        if said.shape != (len(prompts), 2) or np.isnan(said).any():
            raise BadInput(
                f"the judge gave {said.shape} numbers for {len(prompts)} prompts, expected two log-probabilities each"
            )
        result[given] = said[:, 1] > said[:, 0]
    return result


def labelled() -> list[tuple[str, str, str, bool]]:
    """Answers that were labelled by hand: benchmark, question id, answer, and whether it is wrong.

    They are the greedy answers of Qwen2.5-Coder-1.5B-Instruct to the 132 ``computing`` questions, read one by one.
    What merely goes around the question is wrong; a "yes" or "no" that decides it is an answer.

    Examples
    --------
    >>> labels = labelled()
    >>> len(labels), sum(wrong for *_, wrong in labels)
    (132, 45)
    """
    text = importlib.resources.files("homogen.grading").joinpath("data/labels.jsonl").read_text("utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    return [(row["benchmark"], row["question_id"], row["answer"], row["wrong"]) for row in rows]
