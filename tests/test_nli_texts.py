import doctest

import numpy as np
import pytest

from homogen.nli import texts as room
from homogen.nli.texts import by_question, with_question
from homogen.records import BadInput


def test_doctests():
    assert doctest.testmod(room).failed == 0


def test_questions_before_answers():
    assert with_question(["Paris", " "], "Capital?") == ["Capital? Paris", " "]
    assert with_question(["Paris"], None) == ["Paris"]
    assert by_question([["a", ""], ["b"]], ["Q1", "Q2"]) == [["Q1 a", ""], ["Q2 b"]]
    with pytest.raises(BadInput, match="2 lists of answers need as many questions, got 1"):
        by_question([["a"], ["b"]], ["Q"])
    with pytest.raises(BadInput, match="got 'a' for question 0; one question alone is a list of one: "):
        by_question(["a"], None)
    for gap in (np.nan, None, 3):
        with pytest.raises(BadInput, match=f"answers must be one list a question, got {gap} for question 1"):
            by_question([["a"], gap], None)
    assert with_question(["Paris"], "Capital?", separator="\n") == ["Capital?\nParis"]
    with pytest.raises(BadInput, match="answer 1 of question 0 is None"):
        by_question([["a", None]], None)
    with pytest.raises(BadInput, match="question must be a text or None"):
        with_question(["a"], 3)
