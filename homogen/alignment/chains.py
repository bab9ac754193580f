"""A chain of two stages as it is made in practice: a teacher's answers first, then what the model itself drew."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from homogen import grading
from homogen.alignment.arms import ARMS, second_stages
from homogen.alignment.data import Example
from homogen.alignment.drawing import answers
from homogen.alignment.recipe import Recipe
from homogen.records import GREEDY, Question, SamplingSpec, prompt_template

if TYPE_CHECKING:
    from homogen.sampling.store import Run


class Chain(NamedTuple):
    """Two stages, and what the second is trained on.

    Parameters
    ----------
    first
        Supervised training of the base on a teacher's answers.
    candidates
        What the first stage's last model drew, several answers to each question.
    usable
        The same by question, as trained on: an answer that was cut by the limit is an empty text, and so is each to a
        question that says a reference itself.
    right
        For each of them whether it says a reference.
    stages
        The second stage by arm (:data:`ARMS`).
    """

    first: Recipe
    candidates: Run
    usable: list[list[str]]
    right: list[list[bool]]
    stages: dict[str, Recipe]


def chain(
    base: str,
    teacher: Run,
    spec: SamplingSpec,
    arms: Collection[str] = tuple(ARMS),
    supervised: Mapping[str, Any] | None = None,
    preferred: Mapping[str, Any] | None = None,
    alpha: float = 1.5,
    seed: int = 0,
    store: str = "runs",
    device: str = "auto",
) -> Chain:
    """Train the first stage on a teacher's greedy answers, draw from it, and say what the arms of the second are.

    A question whose text says one of its references is left out of the second stage: an answer that repeats the
    question would be right.

    Parameters
    ----------
    base
        The model to begin with.
    teacher
        A stronger model's run. Answers that are missing or cut are left out.
    spec
        How candidates are drawn; its model is left out of account, and ``seed`` is added to its seed.
    arms, alpha, seed
        As in :func:`second_stages`; the seed is that of the first stage too.
    supervised, preferred
        Settings of :class:`Recipe` for the first and the second stage.
    store, device
        As in :func:`homogen.sampling.sample`. The first stage is carried out only if the store lacks its candidates.

    Raises
    ------
    BadInput
        If too few questions have a right and a wrong candidate, or as :class:`Recipe` and :func:`train` do.
    """
    questions, template = teacher.questions, prompt_template(teacher.spec.prompt)
    prompts = [template.render(question.text) for question in questions]
    taught = [Example(prompt, row[0]) for prompt, row in zip(prompts, _whole(teacher, [GREEDY]), strict=True) if row[0]]
    first = Recipe(base, tuple(taught), "sft", seed=seed, **dict(supervised or {}))
    asked = dataclasses.replace(spec, prompt=teacher.spec.prompt, seed=spec.seed + seed)
    candidates = answers(first, first.doses[-1], questions, asked, store, device)
    given = grading.wrong([question.text for question in questions], questions, "contains") == 0
    usable = [
        [""] * len(row) if known else row
        for row, known in zip(_whole(candidates, range(spec.n)), given.tolist(), strict=True)
    ]
    right = [says(row, question) for row, question in zip(usable, questions, strict=True)]
    stages = second_stages(first, prompts, usable, right, arms, alpha, seed, **dict(preferred or {}))
    return Chain(first, candidates, usable, right, stages)


def says(texts: Sequence[str], question: Question) -> list[bool]:
    """Whether each text says one of a question's references; an empty one does not.

    Examples
    --------
    >>> says(["It is Paris.", "Lyon", ""], Question("q", "mine", "Capital of France?", ("Paris",)))
    [True, False, False]
    """
    return (grading.wrong(list(texts), [question] * len(texts), "contains") == 0).tolist()


def _whole(run: Run, samples: Iterable[int]) -> list[list[str]]:
    """Some of each question's answers; what the limit cut is empty."""
    columns = [
        [
            "" if how == "length" else text
            for text, how in zip(run.column("answer", k), run.column("finish", k), strict=True)
        ]
        for k in samples
    ]
    return [list(row) for row in zip(*columns, strict=True)]
