"""What is trained on: pairs and examples by hand, their controls, and files of one's own."""

import doctest
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homogen.alignment import data as room
from homogen.alignment.data import (
    CHOICES,
    SPREADS,
    Example,
    Preference,
    chosen_examples,
    every_example,
    paired,
    read_pairs,
    summary,
    swapped,
    write_pairs,
)
from homogen.records import BadInput

PROMPTS = ["first", "second", "third", "fourth"]
DRAWN = [
    ["yes it is", "no", "yes", "never ever", "yes it is", ""],
    ["right", "right", "right", "right", "right", "right"],
    ["wrong", "", "", "", "", ""],
    ["a b c", "d e f", "d e f", "x", "y z", "a b c d e"],
]
RIGHT = [
    [True, False, True, False, True, True],
    [True] * 6,
    [False] * 6,
    [True, False, False, False, False, True],
]


def test_doctests():
    assert doctest.testmod(room).failed == 0


@pytest.mark.parametrize("choice", CHOICES)
def test_a_pair_is_of_a_right_and_a_wrong_answer_to_the_same_prompt(choice):
    for seed in range(5):
        pairs = paired(PROMPTS, DRAWN, RIGHT, choice, seed)
        assert [pair.prompt for pair in pairs] == ["first", "fourth"]
        for pair in pairs:
            i = PROMPTS.index(pair.prompt)
            known = dict(zip(DRAWN[i], RIGHT[i], strict=True))
            assert known[pair.chosen]
            assert not known[pair.rejected]
            assert pair.chosen, "a missing answer is neither right nor wrong"


def test_pairs_by_hand():
    # Lengths: "yes" and "no" are one word each; "a b c" and "d e f" are three.
    assert paired(PROMPTS, DRAWN, RIGHT, "length") == [
        Preference("first", "yes", "no"),
        Preference("fourth", "a b c", "d e f"),
    ]
    rare = paired(PROMPTS, DRAWN, RIGHT, "rare")
    assert (rare[0].chosen, rare[1].rejected) == ("yes", "d e f")  # drawn once of three, twice of four
    several = {paired(PROMPTS, DRAWN, RIGHT, "random", seed)[1] for seed in range(40)}
    assert len(several) == 2 * 3, "two right answers, three different wrong ones"


def test_a_text_that_is_marked_both_ways_is_not_preferred_to_itself():
    assert paired(["q"], [["a", "a"]], [[True, False]]) == []
    assert paired(["q"], [["a", "a", "b c"]], [[True, False, False]], "length") == [Preference("q", "a", "b c")]


def test_a_prompts_pair_hangs_on_its_own_place_alone():
    whole = paired(PROMPTS, DRAWN, RIGHT, "random", 3)
    other = [["?"] * 6, *DRAWN[1:]]
    assert paired(PROMPTS, other, RIGHT, "random", 3)[-1] == whole[-1]


@given(st.integers(0, 30), st.integers(0, 5))
def test_half_of_the_pairs_are_swapped_and_nothing_is_lost(count, seed):
    pairs = [Preference("q", f"good {i}", f"bad {i}") for i in range(count)]
    found = swapped(pairs, seed)
    assert sum(pair.chosen.startswith("bad") for pair in found) == count // 2
    assert [{p.chosen, p.rejected} for p in found] == [{p.chosen, p.rejected} for p in pairs]
    assert swapped(pairs, seed) == found


@pytest.mark.parametrize("spread", SPREADS)
def test_examples_of_right_answers_round_by_round(spread):
    rows = chosen_examples(PROMPTS, DRAWN, RIGHT, spread, times=4)
    assert [row.prompt for row in rows] == ["first", "second", "fourth"] * 4
    first = [row.answer for row in rows if row.prompt == "first"]
    if spread == "diverse":
        assert first == ["yes", "yes it is", "yes", "yes it is"]
    else:
        assert len(set(first)) == 1
        assert spread == "one" or first[0] == "yes it is"


def test_every_answer_is_an_example_once():
    rows = every_example(PROMPTS, DRAWN)
    assert sorted(row.answer for row in rows) == sorted(text for text in itertools.chain(*DRAWN) if text)
    assert [row.prompt for row in rows[:4]] == PROMPTS


def test_what_is_trained_on_is_counted():
    pairs = paired(PROMPTS, DRAWN, RIGHT, "length")
    assert summary(pairs) == {
        "rows": 2,
        "prompts": 2,
        "words, chosen": 2.0,
        "different, chosen": 1.0,
        "words, rejected": 2.0,
        "different, rejected": 1.0,
        "chosen longer": 0.0,
    }
    assert summary([Example("q", "a b"), Example("q", "a b")])["different, answer"] == 0.5
    assert summary([])["rows"] == 0


def test_pairs_go_to_a_file_and_back(tmp_path):
    pairs = [Preference("Où?", "à Paris\n", 'in "Nice"'), Preference("q", "\u2028", "b")]
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    assert read_pairs(tmp_path / "pairs.jsonl") == pairs


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"prompt": "q", "chosen": "a"}', "line 2: no JSON object with prompt, chosen and rejected"),
        ("nonsense", "line 2: no JSON object"),
        ("[1, 2]", "line 2: no JSON object"),
        ('{"prompt": "q", "chosen": "a", "rejected": ""}', "line 2: prompt, chosen and rejected must be texts"),
        ('{"prompt": "q", "chosen": ["a"], "rejected": "b"}', "line 2: prompt, chosen and rejected must be texts"),
    ],
)
def test_a_line_that_is_no_pair_is_named(line, message, tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text('{"prompt": "q", "chosen": "a", "rejected": "b", "score": 3}\n' + line, "utf-8")
    with pytest.raises(BadInput, match=message):
        read_pairs(path)


def test_what_cannot_be_read_or_does_not_fit_is_said(tmp_path):
    with pytest.raises(BadInput, match=r"cannot read .*none"):
        read_pairs(tmp_path / "none.jsonl")
    with pytest.raises(BadInput, match="cannot write"):
        write_pairs(tmp_path / "no" / "such" / "folder", [])
    with pytest.raises(BadInput, match="unequal lengths: 4 prompts, 3 lists of answers, 4 of right"):
        paired(PROMPTS, DRAWN[:3], RIGHT)
    with pytest.raises(BadInput, match="prompt 0: 6 answers, of which 5 are known"):
        chosen_examples(PROMPTS, DRAWN, [RIGHT[0][:5], *RIGHT[1:]])
    with pytest.raises(BadInput, match="unequal lengths"):
        every_example(PROMPTS, DRAWN[:3])
    with pytest.raises(BadInput, match="unknown choice 'rarest'"):
        paired(PROMPTS, DRAWN, RIGHT, "rarest")
    with pytest.raises(BadInput, match="unknown spread"):
        chosen_examples(PROMPTS, DRAWN, RIGHT, "all")
    with pytest.raises(BadInput, match="seed"):
        paired(PROMPTS, DRAWN, RIGHT, seed=-1)
    with pytest.raises(BadInput, match="times"):
        chosen_examples(PROMPTS, DRAWN, RIGHT, times=0)
