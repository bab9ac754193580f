"""A whole benchmark graded: which rule decides which question, and what is missing."""

import doctest
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_grading_matching import same
from test_grading_nearest import Counting

from homogen.grading.decide import METHODS, wrong
from homogen.grading.nearest import CONVENTIONS
from homogen.records import BadInput, Question

SUM = Question("s", "t", "2 + 3?", ("5",), kind="math")
FACT = Question("f", "t", "Longest river of Africa?", ("Nile",))
MYTH = Question("m", "t", "Bats?", ("Bats can see",), ("Bats are blind",))
SUM_WITH_DISTRACTORS = Question("d", "t", "2 + 2?", ("4",), ("5",), kind="math")


def test_doctests():
    assert doctest.testmod(sys.modules[wrong.__module__]).failed == 0


def test_auto_picks_by_question():
    questions = [SUM, FACT, MYTH, SUM_WITH_DISTRACTORS]
    right = ["It is 5.", "The Nile, I think", "they see", "4"]
    false = ["It is 6.", "Niger", "blind", "5"]
    assert same(wrong(right, questions), [0, 0, 0, 0])
    assert same(wrong(false, questions), [1, 1, 1, 1])
    assert same(wrong(["", " ", "", ""], questions), [math.nan] * 4)
    assert same(wrong([None] * 4, questions), [math.nan] * 4)
    assert wrong([], []).shape == (0,)


def test_auto_uses_the_embedder_only_where_there_are_distractors():
    embedder = Counting("ds")  # d only in "blind", s in "see" and "Bats"
    assert same(wrong(["5", "Nile", "ddd"], [SUM, FACT, MYTH], embedder=embedder), [0, 0, 1])
    assert sorted(embedder.calls[0]) == ["Bats are blind", "Bats can see", "ddd"]
    # the overlap finds no word shared and says wrong; the embedder says right
    assert same(wrong(["sss"], [MYTH]), [1])
    assert same(wrong(["sss"], [MYTH], embedder=embedder), [0])


def test_each_method():
    questions, answers = [FACT, FACT, FACT], ["nile", "the river Nile", "Lake Victoria"]
    assert same(wrong(answers, questions, "exact"), [0, 1, 1])
    assert same(wrong(answers, questions, "contains"), [0, 0, 1])
    # F1 of "river nile" is 2/3
    assert same(wrong(answers, questions, "f1"), [0, 0, 1])
    assert same(wrong(answers, questions, "f1", threshold=0.7), [0, 1, 1])
    assert same(wrong(answers, questions, "f1", threshold=2 / 3), [0, 0, 1])
    assert same(wrong(["5", "6", "no", ""], [SUM] * 4, "numeric"), [0, 1, 1, math.nan])
    assert same(wrong(["Bats see", "blind bats", "tea"], [MYTH] * 3, "overlap"), [0, 1, 1])
    assert same(wrong(["Bats see", "blind bats", "tea"], [MYTH] * 3, "overlap", convention="drop"), [0, 1, math.nan])
    assert same(wrong(["ddd", "sss"], [MYTH] * 2, "embedding", Counting("ds")), [1, 0])
    assert same(wrong(["ddd"], [FACT], "embedding", Counting("ds")), [math.nan])


def no_judge(prompts):
    pytest.fail("a missing answer was judged")


def test_every_method_leaves_a_missing_answer_missing():
    for method in METHODS:
        for convention in CONVENTIONS:
            graded = wrong(
                ["", None], [SUM, MYTH if method != "numeric" else SUM], method, Counting(), 0.5, convention, no_judge
            )
            assert same(graded, [math.nan, math.nan])


def test_wrong_refuses():
    with pytest.raises(ValueError, match="unequal lengths: 1 answers to 2 questions"):
        wrong(["a"], [SUM, FACT])
    with pytest.raises(BadInput, match=r"unknown grading method 'exat'; did you mean 'exact'"):
        wrong(["a"], [FACT], "exat")
    with pytest.raises(BadInput, match="unknown convention 'dorp'"):
        wrong(["a"], [FACT], convention="dorp")
    with pytest.raises(BadInput, match="needs an embedder"):
        wrong(["a"], [MYTH], "embedding")
    with pytest.raises(BadInput, match="question 'f': no number in the references"):
        wrong(["5", "5"], [SUM, FACT], "numeric")


@given(st.permutations(range(4)))
def test_the_order_of_the_questions_does_not_matter(order):
    questions, answers = [SUM, FACT, MYTH, SUM_WITH_DISTRACTORS], ["5", "Niger", "ddd", ""]
    graded = wrong(answers, questions, embedder=Counting("ds"))
    shuffled = wrong([answers[i] for i in order], [questions[i] for i in order], embedder=Counting("ds"))
    assert same(shuffled, graded[list(order)])
