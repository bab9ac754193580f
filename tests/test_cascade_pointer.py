"""The learned pointer: which boundary answers which question."""

import doctest
import itertools
import sys

import numpy as np
import pytest
from test_cascade_validation import planted

from homogen import evaluation
from homogen.cascade import Boundary, cascade_cost, cross_validate, learned_pointer, pointer_features
from homogen.records import BadInput, Draws

NAN = np.nan


def test_doctests():
    assert doctest.testmod(sys.modules[learned_pointer.__module__]).failed == 0


def test_features_by_hand():
    features = pointer_features(
        ["Is it true that 3 cats can't fly?", "Who, and when"],
        ['No. They "never" did, perhaps', ""],
        [[0.0, 1.0, 2.0, 0.0], []],
    )
    assert features.shape == (2, 20)
    row = features.loc[0].to_dict()
    expected = {
        "entropy_mean": 0.75,
        "entropy_max": 2,
        "entropy_first": 0,
        "entropy_last": 0,
        "entropy_high_ratio": 0.25,
        "answer_tokens": 4,
        "answer_words": 5,
        "answer_sentences": 2,
        "answer_has_number": 0,
        "answer_hedges": 1,
        "answer_negations": 2,
        "answer_unfinished": 1,
        "question_words": 8,
        "question_has_number": 1,
        "question_yes_no": 1,
        "question_who": 0,
    }
    assert {name: row[name] for name in expected} == expected
    assert row["entropy_std"] == pytest.approx(np.sqrt(0.6875), abs=1e-12)
    empty = features.loc[1]
    assert empty.filter(like="entropy").isna().all()
    assert empty[["answer_tokens", "answer_words", "answer_sentences"]].tolist() == [0, 0, 0]
    assert empty[["question_who", "question_when_where", "question_yes_no"]].tolist() == [1, 1, 0]


@pytest.mark.parametrize(("text", "unfinished"), [("Yes.", 0), ('"Yes."', 0), ("Yes!) ", 0), ("Yes, and", 1), ("", 1)])
def test_an_answer_cut_short(text, unfinished):
    assert pointer_features(["?"], [text], [[1.0]]).loc[0, "answer_unfinished"] == unfinished


def test_a_pointer_learns_what_there_is_to_learn():
    rng = np.random.default_rng(0)
    wrong = rng.random(200) < 0.5
    features = np.c_[rng.normal(0, 1, 200), wrong + rng.normal(0, 1, 200)]
    plain = learned_pointer(features, wrong)
    assert ((plain > 0) & (plain < 1)).all()
    assert evaluation.auroc(plain, wrong, interval=None).value > 0.7
    # Question embeddings that hold the answer: their leading component finds it.
    V = np.outer(np.where(wrong, 5, -5), [0.6, 0.8, 0]) + rng.normal(0, 1, (200, 3))
    helped = learned_pointer(features, wrong, embeddings=V, components=1)
    assert evaluation.auroc(helped, wrong, interval=None).value > 0.98
    for other in (learned_pointer(features, wrong, seed=1), learned_pointer(features, wrong, folds=4)):
        assert not np.array_equal(other, plain)
    assert not np.array_equal(learned_pointer(features, wrong, V, components=2), helped)


def test_a_pointers_own_row_plays_no_part_in_its_fit():
    # Features so large that one row seen in training would settle the fit: poison one label and look at that row.
    rng = np.random.default_rng(0)
    wrong = np.array([0, 1] * 30)
    X = rng.normal(0, 1, (60, 2))
    first = learned_pointer(X, wrong, folds=5)
    X[7, 0] = 1e6
    moved = learned_pointer(X, wrong, folds=5)
    same_fold = np.flatnonzero(np.isclose(first, moved, rtol=0, atol=1e-12))
    # Rows of the poisoned row's own fold are scored by a fit that has not seen it, all others by one that has.
    assert len(same_fold) == 11
    assert 7 not in same_fold


def test_a_pointers_gaps_are_gaps():
    wrong = [0, 1] * 10
    features = np.c_[np.arange(20.0), np.arange(20.0) ** 2]
    features[4, 1] = NAN
    risk = learned_pointer(features, [*wrong[:-1], NAN])
    assert np.flatnonzero(np.isnan(risk)).tolist() == [4, 19]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": [1, 2, 3]}, r"features must have 2 dimensions, got shape \(3,\)"),
        ({"features": [["x"]] * 20}, "features must be numbers"),
        ({"folds": 1}, "folds must be a whole number of at least 2, got 1"),
        ({"folds": 2.5}, "folds must be a whole number"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"seed": 2**32}, "seed must be at most 4,294,967,295, got 4294967296"),
        ({"features": [[np.inf]] * 20}, "must be finite"),
        ({"wrong": [0, 1]}, "one label for each of 20 questions"),
        ({"wrong": [0] * 20}, "5 folds need 5 wrong and 5 right answers, got 0 of one of them"),
        ({"embeddings": [[1.0]]}, r"must have shape \(20, d\)"),
        ({"embeddings": [[1.0, 2.0]] * 20, "components": 3}, "components must be at most the 2 dimensions"),
    ],
)
def test_bad_pointers(arguments, message):
    with pytest.raises(BadInput, match=message):
        learned_pointer(**{"features": [[float(i)] for i in range(20)], "wrong": [0, 1] * 10} | arguments)
    with pytest.raises(BadInput, match="lengths differ"):
        pointer_features(["?"], [], [[1.0]])
    with pytest.raises(BadInput, match="answer 0 is None, not a text"):
        pointer_features(["?"], [None], [[1.0]])
    with pytest.raises(BadInput, match="token entropies 0 must be numbers"):
        pointer_features(["?"], ["x"], [["x"]])


def test_pairs_of_everything():
    """Fewer than two stages never reach the judgement, more than two do."""
    wrong, cheap, dear = planted(100)
    middle = Boundary("middle", 3, (cheap.score + dear.score) / 2)
    found = cross_validate([cheap, middle, dear], wrong, shares=[0.5], draws=Draws(50))
    assert set(found.stage.tolist()) == {0, 1, 2}
    spent = np.cumsum([1, 3, 9])[found.stage]
    assert found.table.loc["cascade", "cost"] == pytest.approx(spent.mean(), abs=1e-12)
    reached = [(found.stage >= k).mean() for k in range(3)]
    passed = [b / a for a, b in itertools.pairwise(reached)]
    assert found.table.loc["cascade", "cost"] == pytest.approx(cascade_cost([1, 3, 9], passed), abs=1e-12)
