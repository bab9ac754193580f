"""Grading by a language model: what it is asked, how its words are read, and the labels that it is held against."""

import doctest
import math

import numpy as np
import pytest

from homogen.grading import judging as room
from homogen.grading.decide import wrong
from homogen.grading.judging import judge_prompts, judged, labelled
from homogen.questions.catalogue import load_questions
from homogen.records import BadInput, Question

ASKED = [
    Question("q1", "mine", "Who?", ("Ada", "Lovelace", "Ada L.", "A. Lovelace"), ("Grace",)),
    Question("q2", "mine", "When?", ("1843",)),
    Question("q3", "mine", "Where?", ("London",)),
]


def test_doctests():
    result = doctest.testmod(room)
    assert result.attempted >= 6
    assert result.failed == 0


def test_an_answer_is_wrong_if_no_is_likelier_than_yes():
    seen = []

    def judge(prompts):
        seen.extend(prompts)
        return np.log([[0.1, 0.2], [0.5, 0.5]])

    found = judged(["It was Grace", "", "in London"], ASKED, judge)
    assert found[0] == 1
    assert math.isnan(found[1])
    assert found[2] == 0  # a draw is no verdict against the answer
    assert len(seen) == 2
    np.testing.assert_array_equal(wrong(["It was Grace", "", "in London"], ASKED, "judge", judge=judge), found)


def test_no_more_than_three_references_are_shown():
    first, second, _ = judge_prompts(["Ada\nor so", "1843", "x"], ASKED)
    assert "Right: Ada / Lovelace / Ada L.\nWrong: Grace\nGiven answer: Ada or so\n" in first
    assert "Wrong" not in second


def test_nothing_to_ask_asks_nothing():
    assert np.isnan(judged(["", " "], ASKED[:2], lambda prompts: pytest.fail("asked"))).all()


@pytest.mark.parametrize("said", [np.zeros((2, 3)), np.zeros(2), np.full((2, 2), np.nan)])
def test_what_is_no_pair_of_log_probabilities_is_refused(said):
    with pytest.raises(BadInput, match="expected two log-probabilities each"):
        judged(["a", "b"], ASKED[:2], lambda prompts: said)


def test_a_judge_must_be_given():
    with pytest.raises(BadInput, match="grading by a judge needs one; pass judge="):
        wrong(["a"], ASKED[:1], "judge")
    with pytest.raises(ValueError, match="unequal lengths: 1 answers to 3 questions"):
        judged(["a"], ASKED, lambda prompts: np.zeros((1, 2)))


def test_the_labels_are_of_the_questions_as_they_are():
    labels = labelled()
    questions = load_questions("computing")
    assert [question for _, question, *_ in labels] == [q.id for q in questions]
    by_id = {q.id: q for q in questions}
    # Short facts leave nothing to judge: there the labels and the rule agree throughout.
    facts = [(answer, by_id[q], told) for _, q, answer, told in labels if q.startswith("computing-f")]
    graded = wrong([answer for answer, *_ in facts], [q for _, q, _ in facts])
    assert graded.tolist() == [float(told) for *_, told in facts]


def test_the_rules_agree_with_a_reader_on_what_was_labelled():
    """How far the rule by words can be trusted: 127 of 132, and on misconceptions 35 of 40."""
    by_id = {q.id: q for q in load_questions("computing")}
    labels = [(answer, by_id[q], told) for _, q, answer, told in labelled()]
    graded = wrong([answer for answer, *_ in labels], [q for _, q, _ in labels])
    agree = [value == told for value, (*_, told) in zip(graded, labels, strict=True)]
    assert sum(agree) == 127
    assert sum(same for same, (_, q, _) in zip(agree, labels, strict=True) if q.distractors) == 35
