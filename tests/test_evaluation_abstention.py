import doctest
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homogen import evaluation as e
from homogen.evaluation import abstention
from homogen.records import BadInput

NAN = np.nan


@st.composite
def scored(draw, most=25):
    """Scores with ties (a grid of few values) or without, and labels with both classes."""
    n = draw(st.integers(2, most))
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    score = rng.integers(0, 4, n) / 3 if draw(st.booleans()) else rng.normal(size=n)
    wrong = rng.random(n) < 0.5
    wrong[:2] = [True, False]
    return score, wrong


def test_doctests():
    assert doctest.testmod(abstention).failed == 0


def leave_one_out(rows, alpha, guarantee):
    """Share of the exchangeable draws in which the new question is answered and wrong, and the bound stated."""
    bad, bounds = [], {0.0}
    for i, (score, wrong) in enumerate(rows):
        others = rows[:i] + rows[i + 1 :]
        rule = e.conformal_abstention([s for s, _ in others], [w for _, w in others], alpha, guarantee)
        if wrong or guarantee == "joint":
            bad.append(bool(wrong and rule.answers([score])[0]))
            bounds.add(rule.bound)
    return np.mean(bad) if bad else 0.0, max(bounds)


@pytest.mark.parametrize("guarantee", ["wrong", "joint"])
@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_the_guarantee_holds_in_every_small_population(n, guarantee):
    # Given the rows as a set, each is equally likely to be the new one: all sets of n with ties among three scores.
    kinds = list(itertools.product([0, 1, 2], [0, 1]))
    for rows in itertools.combinations_with_replacement(kinds, n):
        for alpha in (0.1, 0.25, 0.34, 0.5, 0.8):
            share, bound = leave_one_out(rows, alpha, guarantee)
            assert share <= bound + 1e-15 <= alpha + 1e-15


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 25), st.integers(0, 9999), st.floats(0.05, 0.95), st.sampled_from(["wrong", "joint"]))
def test_the_guarantee_is_sharp_without_ties(n, seed, alpha, guarantee):
    rng = np.random.default_rng(seed)
    rows = [(float(s), int(w)) for s, w in zip(rng.permutation(n), rng.random(n) < 0.6, strict=True)]
    m = sum(w for _, w in rows)
    share, _ = leave_one_out(rows, alpha, guarantee)
    N = m if guarantee == "wrong" else n  # of the N + 1 exchangeable places, here those of the set itself
    K = max(k for k in range(N + 1) if k / N <= alpha) if N else 0
    if m:
        np.testing.assert_allclose(share, min(K, m) / N, rtol=1e-12)
    assert share <= alpha


def test_conformal_threshold_by_hand():
    score, wrong = [1, 2, 3, 4, 5, 6, 9], [0, 1, 0, 0, 1, 1, 1]
    # wrong: N = 4, K = floor(.6 · 5) = 3; joint: N = 7, K = floor(.6 · 8) = 4, the largest wrong score
    assert e.conformal_abstention(score, wrong, 0.6).threshold == 6
    joint = e.conformal_abstention(score, wrong, 0.6, "joint")
    assert (joint.threshold, joint.bound, joint.n, joint.coverage) == (9, 0.5, 7, 6 / 7)
    # joint at .7: K = 5 > 4 wrong answers, so even answering everything keeps the promise
    everything = e.conformal_abstention(score, wrong, 0.7, "joint")
    assert (everything.threshold, everything.coverage) == (math.inf, 1)
    tied = e.conformal_abstention([1, 5, 5, 5], [0, 1, 1, 1], 0.5)
    assert tied.answers([4, 5, NAN]).tolist() == [True, False, False]
    assert e.conformal_abstention([*score, NAN, 1], [*wrong, 1, NAN], 0.6).threshold == 6


def test_an_alpha_that_rounding_puts_below_its_own_product():
    # .29 · 100 is 28.999999999999996, yet the 29th of 99 wrong answers is meant
    assert e.conformal_abstention(np.arange(99), np.ones(99), 0.29).threshold == 28


@settings(max_examples=40, deadline=None)
@given(scored(), st.integers(0, 99), st.sampled_from(["wrong", "joint"]))
def test_abstention_does_not_depend_on_the_order_of_rows_and_grows_with_alpha(data, seed, guarantee):
    score, wrong = data
    order = np.random.default_rng(seed).permutation(len(score))
    rules = [e.conformal_abstention(score, wrong, alpha, guarantee) for alpha in (0.1, 0.3, 0.6, 0.9)]
    assert rules[1] == e.conformal_abstention(score[order], wrong[order], 0.3, guarantee)
    assert all(a.threshold <= b.threshold and a.coverage <= b.coverage for a, b in itertools.pairwise(rules))
    for rule, alpha in zip(rules, (0.1, 0.3, 0.6, 0.9), strict=True):
        assert 0 <= rule.bound <= alpha
        assert 0 <= rule.coverage <= 1


def test_too_few_rows_abstain_always_and_say_why():
    rule = e.conformal_abstention([1, 2, 3], [0, 1, 1], 0.1)
    assert (rule.threshold, rule.bound, rule.coverage, rule.n) == (-math.inf, 0, 0, 2)
    assert rule.method.endswith("abstains always: needs 9 wrong answers, has 2")
    assert not rule.answers([-1e300]).any()
    none = e.conformal_abstention([], [], 0.2, "joint")
    assert none.method.endswith("abstains always: needs 4 answers, has 0")
    assert math.isnan(none.coverage)
    assert e.conformal_abstention(np.arange(9), np.ones(9), 0.1).threshold == 0  # nine are enough
    for alpha in (5e-324, 1e-300, 1e-12):
        tiny = e.conformal_abstention([1, 2, 3], [0, 1, 1], alpha)
        assert tiny.method.endswith("abstains always: needs over a billion wrong answers, has 2")
    bad = [{"alpha": alpha} for alpha in (0, 1, NAN, "5%", None)] + [{"alpha": 0.1, "guarantee": "right"}]
    for change in bad:
        with pytest.raises(BadInput):
            e.conformal_abstention([1, 2], [0, 1], **change)
