"""The greedy answers that a chapter grades: as short as the drawn ones, or as long as the paper's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from homogen import grading, sampling
from homogen.experiment.runs import GRADED_DEPARTS, GREEDY_DEPARTS, word_logprobs
from homogen.grading.judging import WORDS

if TYPE_CHECKING:
    from homogen.sampling.store import Run

PROMPT, TOKENS = "brief", 200
"""How the paper asks for the answer that it grades, and after how many tokens that is cut."""
WORDS_DEPART = "a system's message in words of ours, as the paper's are not printed"
"""What is left of a departure where answers are asked for so."""


class Graded(NamedTuple):
    """Greedy answers and their grades.

    Parameters
    ----------
    run
        The run whose greedy answers were graded.
    wrong
        One number a question: 1 wrong, 0 right, NaN missing or undecided.
    departs
        In what that is not as the paper does it; for :meth:`homogen.book.findings.Chapter.record`.
    asked
        The same of how the answers were asked for alone.
    """

    run: Run
    wrong: np.ndarray
    departs: str
    asked: str


def graded(
    run: Run,
    embedder: Callable[[list[str]], np.ndarray] | None = None,
    brief: bool = False,
    judge: str = "",
    store: str = "runs",
    device: str = "auto",
) -> Graded:
    """Grade a run's greedy answers, or longer ones to the same questions.

    Parameters
    ----------
    run
        The drawn answers, with a greedy one to each question.
    embedder
        For the rules (:func:`homogen.grading.wrong`).
    brief
        Grade answers of up to 200 tokens to the prompt ``brief``, which has a system's message, as the paper does;
        they are drawn by this call where they are not in the store.
    judge
        A generator that grades; "" leaves it to the rules. Its grades are kept in the store.
    store, device
        As in :func:`homogen.sampling.sample`.

    Raises
    ------
    Unavailable
        If the weights of a model cannot be had and the store lacks what it would say.
    """
    answered = run
    if brief:
        # One answer at temperature 0, which is the greedy one again.
        spec = dataclasses.replace(run.spec, prompt=PROMPT, max_new_tokens=TOKENS, n=1, temperature=0.0)
        answered = sampling.sample(run.questions, spec, store=store, device=device)

    def asked_of(prompts: list[str]) -> np.ndarray:
        return word_logprobs(judge, prompts, WORDS, device, store)

    how = {"method": "judge", "judge": asked_of} if judge else {"embedder": embedder}
    wrong = grading.wrong(answered.greedy(), run.questions, **how)
    departures = (WORDS_DEPART if brief else GREEDY_DEPARTS), ("" if judge else GRADED_DEPARTS)
    return Graded(answered, wrong, "; ".join(filter(None, departures)), departures[0])
