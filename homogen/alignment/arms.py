"""The arms of an experiment that asks what makes answers alike: a chain of two stages, and what it is held against."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

from homogen.alignment.data import Example, chosen_examples, every_example, paired, swapped
from homogen.alignment.recipe import Recipe
from homogen.records import BadInput, unknown

ARMS = {
    "DPO": "preference optimisation on pairs of the first stage's own answers, a right and a wrong one",
    "SFT again": "supervised training on the same chosen answers: what DPO is held against",
    "DPO from the base": "the same pairs without a first stage",
    "SFT on all": "supervised training on every answer, right or wrong: nothing is chosen",
    "SFT alike": "supervised training on the commonest right answer to each question, again and again",
    "SFT diverse": "supervised training on each question's right answers in turn, the rarest first",
    "DPO swapped": "the same pairs, half of them turned round at random: optimisation without a preference",
    "DPO of one length": "pairs of a right and a wrong answer that are nearest in length",
    "H-DPO": "the same pairs, with more weight on the policy's own term",
    "DivPO": "pairs of the rarest right and the commonest wrong answer",
}
"""What the second stage can be, and in what it differs."""


def second_stages(
    first: Recipe,
    prompts: Sequence[str],
    answers: Sequence[Sequence[str]],
    right: Sequence[Sequence[bool]],
    arms: Collection[str] = tuple(ARMS),
    alpha: float = 1.5,
    seed: int = 0,
    **settings: Any,
) -> dict[str, Recipe]:
    """Say what each arm of the second stage is: the same prompts, rows a step and steps; what differs is in its name.

    Parameters
    ----------
    first
        The first stage. Its last model is what the arms begin with, and its base what one of them does.
    prompts
        m texts, as in :func:`paired`. Only those with a right and a wrong answer are used, in every arm.
    answers
        For each prompt what the first stage's last model drew; an empty text is a missing answer.
    right
        For each answer whether it is right.
    arms
        Which; names of :data:`ARMS`.
    alpha
        Of the arm ``H-DPO``.
    seed
        Of every choice of rows, and of the trainings.
    **settings
        Of :class:`Recipe`, the same for all arms: ``doses``, ``batch``, ``learning_rate``, ``beta``, ``rank``.

    Returns
    -------
    dict of str to Recipe
        In the order of ``arms``.

    Raises
    ------
    BadInput
        If an arm is unknown, or too few prompts have a right and a wrong answer.

    Examples
    --------
    >>> first = Recipe("gemma-3-270m", [Example(f"Q{i}", "yes") for i in range(8)], doses=(8,))
    >>> drawn, known = [["yes", "no", "yes it is"]] * 8, [[True, False, True]] * 8
    >>> stages = second_stages(first, [f"Q{i}" for i in range(8)], drawn, known, ["DPO", "SFT again"], doses=(4, 8))
    >>> [(name, stage.objective, stage.base == first.model(8)) for name, stage in stages.items()]
    [('DPO', 'dpo', True), ('SFT again', 'sft', True)]
    """
    for name in arms:
        if name not in ARMS:
            raise unknown("arm", name, ARMS)
    pairs = paired(prompts, answers, right, seed=seed)
    used = {pair.prompt for pair in pairs}
    if len(used) < len(pairs):
        raise BadInput("the prompts of a training must be different from one another")
    batch = int(settings.get("batch", Recipe.batch))
    if len(pairs) < batch:
        raise BadInput(
            f"{len(pairs)} of {len(prompts)} prompts have a right and a wrong answer, and a step takes {batch}; "
            "take more prompts, or draw more answers to each"
        )
    kept = [i for i, prompt in enumerate(prompts) if prompt in used]
    same = ([prompts[i] for i in kept], [answers[i] for i in kept], [right[i] for i in kept])
    parent = first.models[-1]

    def stage(objective: str, rows: Sequence, base: str = parent, **own: float) -> Recipe:
        return Recipe(base, tuple(rows), objective, seed=seed, **{**settings, **own})

    def again(spread: str) -> Recipe:
        probe = stage("sft", [Example(pair.prompt, pair.chosen) for pair in pairs])
        times = math.ceil(probe.doses[-1] * probe.batch / len(pairs))
        return stage("sft", chosen_examples(*same, spread, times, seed))

    makers: dict[str, Callable[[], Recipe]] = {
        "DPO": lambda: stage("dpo", pairs),
        "SFT again": lambda: stage("sft", [Example(pair.prompt, pair.chosen) for pair in pairs]),
        "DPO from the base": lambda: stage("dpo", pairs, first.base),
        "SFT on all": lambda: stage("sft", every_example(*same[:2])),
        "SFT alike": lambda: again("alike"),
        "SFT diverse": lambda: again("diverse"),
        "DPO swapped": lambda: stage("dpo", swapped(pairs, seed)),
        "DPO of one length": lambda: stage("dpo", paired(*same, "length", seed)),
        "H-DPO": lambda: stage("dpo", pairs, alpha=alpha),
        "DivPO": lambda: stage("dpo", paired(*same, "rare", seed)),
    }
    return {name: makers[name]() for name in arms}
