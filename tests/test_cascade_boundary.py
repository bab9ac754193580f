"""Cascades with thresholds that were given: worked by hand, and what they cost."""

import doctest
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homogen.cascade import Boundary, cascade_cost, run_cascade
from homogen.records import BadInput

NAN = np.nan


def test_doctests():
    assert doctest.testmod(sys.modules[run_cascade.__module__]).failed == 0


def test_a_hand_worked_run_of_three_boundaries():
    first = Boundary("a", 1, [0.9, 0.1, 0.5, 0.5, 0.5, NAN], flag_above=0.8, clear_below=0.2)
    second = Boundary("b", 4, [9, 9, 3, 1, 2, 2], flag_above=2.5, clear_below=1.5)
    third = Boundary("c", 15, [9, 9, 9, 9, 1, 7], flag_above=5)
    result = run_cascade([first, second, third])
    # 0 and 1 stop at a; 2 and 3 at b; 4 runs through undecided; 5 has no score at a, is in doubt at b, flagged at c.
    assert result.flagged.tolist() == [True, False, True, False, False, True]
    assert result.stage.tolist() == [0, 0, 1, 1, -1, 2]
    assert result.cost.tolist() == [1, 1, 5, 5, 20, 20]
    assert result.reached.tolist() == [1, 4 / 6, 2 / 6]
    assert result.parallel_cost == 20
    assert result.mean_cost == 52 / 6
    assert result.share_of_parallel_cost == pytest.approx(52 / 120, abs=1e-15)
    np.testing.assert_allclose(result.calls_saved, [0, 1 / 3, 2 / 3], atol=1e-15)


def test_a_threshold_itself_neither_flags_nor_clears():
    result = run_cascade([Boundary("a", 1, [0.2, 0.8], flag_above=0.8, clear_below=0.2)])
    assert result.stage.tolist() == [-1, -1]


def test_a_function_is_called_for_the_questions_that_reach_it_alone():
    seen = []

    def dear(questions):
        seen.append(list(questions))
        return [len(q) for q in questions]

    stages = [Boundary("a", 1, lambda q: [0.9 if x == "flag" else 0.5 for x in q], 0.8), Boundary("b", 9, dear, 3)]
    result = run_cascade(stages, ["flag", "long one", "abc", "flag"])
    assert seen == [["long one", "abc"]]
    assert result.flagged.tolist() == [True, True, False, True]
    assert run_cascade(stages, []).cost.tolist() == []


scores = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, NAN]), min_size=1, max_size=30)


@given(scores, st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_the_mean_cost_is_the_formulas(first, seed):
    rng = np.random.default_rng(seed)
    rows = [first, rng.random(len(first)), rng.random(len(first))]
    costs = rng.integers(0, 20, 3)
    result = run_cascade([Boundary(str(k), c, s, 0.7, 0.4) for k, (c, s) in enumerate(zip(costs.tolist(), rows))])  # noqa: B905
    with np.errstate(invalid="ignore"):
        passed = np.nan_to_num(result.reached[1:] / result.reached[:-1])
    assert result.mean_cost == pytest.approx(cascade_cost(costs, passed), abs=1e-12)
    order = rng.permutation(len(first))
    shuffled = run_cascade(
        [Boundary(str(k), c, np.array(s)[order], 0.7, 0.4) for k, (c, s) in enumerate(zip(costs.tolist(), rows))]  # noqa: B905
    )
    np.testing.assert_array_equal(shuffled.stage, result.stage[order])
    np.testing.assert_array_equal(shuffled.cost, result.cost[order])


def test_cost_formula():
    assert cascade_cost([2], []) == 2
    assert cascade_cost([1, 10, 100], [0.5, 0.2]) == 1 + 5 + 10
    assert cascade_cost([1, 10, 100], [0.5, 0.2, 0.9]) == 16


def test_the_papers_two_savings_are_two_numbers():
    # Half of the questions stop at a stage that costs a tenth: 55% of the parallel cost, 50% of the calls saved.
    cheap = Boundary("cheap", 1, [0, 0, 1, 1], flag_above=0.5)
    result = run_cascade([cheap, Boundary("dear", 9, [0] * 4)])
    assert result.calls_saved[1] == 0.5
    assert result.share_of_parallel_cost == 0.55


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: run_cascade([]), "needs a boundary"),
        (lambda: Boundary("a", -1, []), "boundary 'a': cost must be a finite number"),
        (lambda: Boundary("a", np.inf, []), "finite number"),
        (lambda: Boundary("a", True, []), "finite number"),
        (lambda: Boundary("a", 1, [], flag_above=NAN), "flag_above must be a number"),
        (lambda: Boundary("a", 1, [], flag_above=0, clear_below=1), "between them it would do both"),
        (
            lambda: run_cascade([Boundary("a", 1, [1, 2]), Boundary("b", 1, [1])]),
            r"'b' has scores of shape \(1,\) for 2",
        ),
        (lambda: run_cascade([Boundary("a", 1, [np.inf])]), "scores of boundary 'a' must be finite"),
        (lambda: run_cascade([Boundary("a", 1, len)]), "'a' scores questions, but none are given"),
        (lambda: run_cascade([Boundary("a", 1, lambda q: [1])], ["x", "y"]), r"'a' has scores of shape \(1,\) for 2"),
        (lambda: cascade_cost([], []), "S costs need"),
        (lambda: cascade_cost([1, 2], []), "S costs need"),
        (lambda: cascade_cost([1, 2], [1.5]), r"in \[0, 1\]"),
        (lambda: cascade_cost([1, NAN], [0.5]), "finite"),
    ],
)
def test_bad_runs(call, message):
    with pytest.raises(BadInput, match=message):
        call()
