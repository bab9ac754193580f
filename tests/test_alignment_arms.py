"""The arms of a training experiment: the same prompts and steps in each, and what differs."""

import doctest

import pytest

from homogen.alignment import ARMS, Example, Recipe, second_stages
from homogen.alignment import arms as room
from homogen.records import BadInput

PROMPTS = [f"Q{i}" for i in range(10)]
DRAWN = [[f"yes {i}", f"no {i}", f"yes {i}", f"yes it is {i}", "no no no", ""] for i in range(9)] + [["yes"] * 6]
RIGHT = [[True, False, True, True, False, False]] * 9 + [[True] * 6]
FIRST = Recipe("gemma-3-270m", [Example(prompt, "yes") for prompt in PROMPTS], doses=(5, 10))


def stages(**fields):
    return second_stages(FIRST, PROMPTS, DRAWN, RIGHT, **{"doses": (3, 6), **fields})


def test_doctests():
    assert doctest.testmod(room).failed == 0


def test_every_arm_has_the_same_prompts_steps_and_start():
    found = stages(seed=1)
    assert list(found) == list(ARMS)
    for name, recipe in found.items():
        assert {row.prompt for row in recipe.rows} == set(PROMPTS[:9]), "the tenth has no wrong answer"
        assert (recipe.doses, recipe.batch, recipe.seed) == ((3, 6), 4, 1)
        assert recipe.base == ("gemma-3-270m" if name == "DPO from the base" else FIRST.model(10))
        assert recipe.objective == ("sft" if name.startswith("SFT") else "dpo")
    assert len({recipe.key for recipe in found.values()}) == len(found)


def test_what_differs_is_what_the_name_says():
    found = stages(seed=1, alpha=2.0)
    pairs = found["DPO"].rows
    assert [(row.prompt, row.answer) for row in found["SFT again"].rows] == [(p.prompt, p.chosen) for p in pairs]
    assert found["DPO from the base"].rows == pairs
    assert found["H-DPO"].rows == pairs
    assert (found["H-DPO"].alpha, found["DPO"].alpha) == (2.0, 1.0)
    assert [{p.chosen, p.rejected} for p in found["DPO swapped"].rows] == [{p.chosen, p.rejected} for p in pairs]
    assert sum(p != q for p, q in zip(found["DPO swapped"].rows, pairs, strict=True)) == 4
    assert len(found["SFT on all"].rows) == 9 * 5
    # 6 steps of 4 rows go three times round 9 prompts.
    alike, diverse = (found[f"SFT {kind}"].rows for kind in ("alike", "diverse"))
    assert [row.answer for row in alike if row.prompt == "Q2"] == ["yes 2"] * 3
    assert [row.answer for row in diverse if row.prompt == "Q2"] == ["yes it is 2", "yes 2", "yes it is 2"]
    assert all(len(p.chosen.split()) == len(p.rejected.split()) for p in found["DPO of one length"].rows)
    assert all(p.chosen.startswith("yes it is") for p in found["DivPO"].rows)


def test_an_arm_that_is_asked_for_alone_is_the_same():
    assert stages(arms=["DPO swapped"])["DPO swapped"].key == stages()["DPO swapped"].key
    assert stages(seed=2)["DPO"].key != stages()["DPO"].key


def test_what_cannot_be_made_is_refused():
    with pytest.raises(BadInput, match="unknown arm 'PPO'"):
        stages(arms=["PPO"])
    with pytest.raises(BadInput, match="2 of 2 prompts have a right and a wrong answer, and a step takes 4"):
        second_stages(FIRST, PROMPTS[:2], DRAWN[:2], RIGHT[:2], ["DPO"])
    with pytest.raises(BadInput, match="must be different from one another"):
        second_stages(FIRST, ["Q"] * 10, DRAWN, RIGHT)
