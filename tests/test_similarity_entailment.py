import doctest
import sys

import numpy as np
import pytest

from homogen import similarity
from homogen.nli.asking import NLI
from homogen.records import BadInput
from homogen.similarity import entailment, noncontradiction, weighted_nli

# Directed probabilities of three texts, worked by hand below.
TABLE = {
    ("a", "b"): [0.7, 0.2, 0.1],
    ("b", "a"): [0.5, 0.1, 0.4],
    ("a", "c"): [0.0, 0.4, 0.6],
    ("c", "a"): [0.2, 0.6, 0.2],
    ("b", "c"): [0.9, 0.1, 0.0],
    ("c", "b"): [0.8, 0.0, 0.2],
}


def model(pairs):
    return np.array([TABLE[pair] for pair in pairs])


def matrix(ab, ac, bc):
    return np.array([[1, ab, ac], [ab, 1, bc], [ac, bc, 1]])


def test_doctests():
    assert doctest.testmod(sys.modules[entailment.__module__]).failed == 0


@pytest.mark.parametrize(
    ("measure", "both", "expected"),
    [
        (entailment, "min", matrix(0.5, 0.0, 0.8)),
        (entailment, "max", matrix(0.7, 0.2, 0.9)),
        (entailment, "mean", matrix(0.6, 0.1, 0.85)),
        (noncontradiction, "min", matrix(0.6, 0.4, 0.8)),
        (noncontradiction, "mean", matrix(0.75, 0.6, 0.9)),
        # One way: ab .8, ba .55; ac .2, ca .5; bc .95, cb .8.
        (weighted_nli, "mean", matrix(0.675, 0.35, 0.875)),
        (weighted_nli, "min", matrix(0.55, 0.2, 0.8)),
    ],
)
def test_hand_worked_matrices(measure, both, expected):
    np.testing.assert_allclose(measure([["a", "b", "c"]], model, both=both), [expected], atol=1e-15)


def test_defaults_are_the_cautious_ones():
    texts = [["a", "b", "c"]]
    for measure, both in ((entailment, "min"), (noncontradiction, "min"), (weighted_nli, "mean")):
        np.testing.assert_array_equal(measure(texts, model), measure(texts, model, both=both))


def test_repeats_are_one_text_and_missing_answers_are_nan():
    nli = NLI(model)
    S = entailment([["b", "a", "", "b", " "]], nli)[0]
    expected = np.full((5, 5), np.nan)
    expected[np.ix_([0, 1, 3], [0, 1, 3])] = [[1, 0.5, 1], [0.5, 1, 0.5], [1, 0.5, 1]]
    np.testing.assert_array_equal(S, expected)
    assert nli.forward_passes == 2


def test_a_benchmark_goes_through_the_model_once():
    nli = NLI(model)
    first, second, none = entailment([["a", "b"], ["b", "a", "c"], []], nli)
    np.testing.assert_array_equal(first, [[1, 0.5], [0.5, 1]])
    np.testing.assert_array_equal(second, entailment([["b", "a", "c"]], model)[0])
    assert none.shape == (0, 0)
    assert (nli.forward_passes, nli.calls) == (6, 1)
    assert entailment([], nli) == []


@pytest.mark.parametrize("name", ["entailment", "noncontradiction", "weighted_nli"])
def test_the_question_goes_before_both_texts(name):
    asked = []

    def listening(pairs):
        asked.extend(pairs)
        return np.tile([0.5, 0.3, 0.2], (len(pairs), 1))

    getattr(similarity, name)([["x", "y", ""], ["u", "v"]], listening, questions=["Q?", "R?"])
    assert {pair for pair in asked if pair[0] != pair[1]} == {
        ("Q? x", "Q? y"),
        ("Q? y", "Q? x"),
        ("R? u", "R? v"),
        ("R? v", "R? u"),
    }


def test_bad_input():
    with pytest.raises(BadInput, match="unknown way to put both directions together 'mn'"):
        entailment([["a", "b"]], model, both="mn")
    with pytest.raises(BadInput, match=r"unknown way to put both directions together '\[\]'"):
        entailment([["a", "b"]], model, both=[])
    with pytest.raises(BadInput, match="answer 0 of question 0 is 3"):
        entailment([[3]], model)
    with pytest.raises(BadInput, match="returned shape"):
        entailment([["a", "b"]], lambda pairs: np.ones((1, 3)) / 3)
