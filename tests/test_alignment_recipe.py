"""What a training is called, and what it refuses before anything is loaded."""

import doctest

import numpy as np
import pytest

from homogen.alignment import Example, Preference, Recipe
from homogen.alignment import recipe as room
from homogen.models.catalogue import CARDS, Unavailable
from homogen.records import BadInput

EXAMPLES = [Example(f"q{i}", f"a{i}") for i in range(8)]
PAIRS = [Preference(f"q{i}", f"a{i}", f"b{i}") for i in range(8)]


def made(**fields):
    return Recipe(**{"base": "gemma-3-270m", "rows": EXAMPLES, **fields})


def test_doctests():
    assert doctest.testmod(room).failed == 0


def test_all_that_can_change_the_weights_is_in_the_key_and_nothing_else():
    same = made()
    assert made().key == same.key
    assert made(doses=(1, 2)).key == same.key, "longer is the same training, gone on with"
    others = [
        made(base="smollm2-135m-instruct"),
        made(rows=EXAMPLES[::-1]),
        made(batch=2),
        made(learning_rate=1e-3),
        made(rank=8),
        made(max_length=64),
        made(seed=1),
        made(objective="dpo", rows=PAIRS),
        made(objective="dpo", rows=PAIRS, beta=0.2),
        made(objective="dpo", rows=PAIRS, alpha=2),
    ]
    keys = [recipe.key for recipe in (same, *others)]
    assert len(set(keys)) == len(keys)
    assert made(beta=0.2).key == same.key, "supervised training has no beta"


def test_numbers_of_numpy_are_numbers():
    recipe = made(rank=np.int64(16), seed=np.int32(0), doses=np.array([2, 4]), learning_rate=np.float32(0.5))
    assert recipe.key == made(learning_rate=0.5, doses=(2, 4)).key
    assert recipe.models == made(learning_rate=0.5, doses=(2, 4)).models


def test_a_base_of_the_hub_has_its_commit_in_the_key_or_no_name_at_all(monkeypatch):
    with pytest.raises(Unavailable, match="owner/name"):
        made(base="owner/name").model(10)
    with pytest.raises(BadInput, match="unknown model 'nope'"):
        made(base="nope").model(10)
    keys = []
    for commit in ("a" * 40, "b" * 40):
        monkeypatch.setattr("homogen.models.hub.commit", lambda name, commit=commit: commit)
        keys.append(made(base="owner/name").key)
    assert keys[0] != keys[1]


def test_the_bases_weights_are_in_the_key(monkeypatch):
    before = made().key
    monkeypatch.setitem(CARDS, "gemma-3-270m", CARDS["smollm2-135m-instruct"])
    assert made().key != before


def test_stages_make_a_chain_by_name():
    first = made(doses=(4, 8))
    second = made(base=first.model(8), objective="dpo", rows=PAIRS)
    assert second.told()["base"] == second.told()["revision"] == f"trained-{first.key}-8"
    assert made(base=first.model(4), objective="dpo", rows=PAIRS).key != second.key
    with pytest.raises(BadInput, match="there is no dose 5; doses: 4, 8"):
        first.model(5)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"objective": "ppo"}, "unknown objective 'ppo'"),
        ({"doses": ()}, "doses must be numbers of steps"),
        ({"doses": (4, 2)}, "doses must be numbers of steps, at least 1 and rising"),
        ({"doses": (0, 2)}, "doses must be"),
        ({"batch": 0}, "batch"),
        ({"rank": 1.5}, "rank"),
        ({"seed": -1}, "seed"),
        ({"learning_rate": 0}, "learning_rate must be a finite number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be"),
        ({"objective": "dpo", "rows": PAIRS, "beta": -1}, "beta must be"),
        ({"objective": "dpo", "rows": PAIRS, "alpha": float("inf")}, "alpha must be"),
        ({"rows": EXAMPLES[:3]}, "3 rows are too few: a step takes 4"),
        ({"rows": PAIRS}, "sft is trained on examples; row 0 is"),
        ({"objective": "dpo"}, "dpo is trained on preferences; row 0 is"),
        ({"rows": [*EXAMPLES, Example("q", None)]}, "sft is trained on examples; row 8 is"),
        ({"rows": None}, "rows must be a list, got None"),
        ({"doses": 5}, "doses must be a list, got 5"),
        ({"doses": (1.0, 2.0)}, "doses must be numbers of steps"),
        ({"doses": ("a",)}, "doses must be numbers of steps"),
        ({"doses": (True, 2)}, "doses must be numbers of steps"),
        ({"objective": "dpo", "rows": [*PAIRS, Preference("q", "a", "a")]}, "row 8 prefers an answer to itself"),
    ],
)
def test_what_cannot_be_trained_is_refused(fields, message):
    with pytest.raises(BadInput, match=message):
        made(**fields)
