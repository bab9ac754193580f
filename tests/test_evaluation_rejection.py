import doctest
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homogen import evaluation as e
from homogen.evaluation import rejection
from homogen.records import BadInput

NAN = np.nan
ESTIMATES = [e.auroc, e.aurc, e.excess_aurc, e.prr, e.pr_auc, e.accuracy_at_coverage]


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
    assert doctest.testmod(rejection).failed == 0


# ---------------------------------------------------------------- rankings


def all_orders(score, wrong):
    """Cumulative errors under every order of the rows that keeps the scores ascending."""
    score, wrong = np.asarray(score), np.asarray(wrong)
    blocks = [np.flatnonzero(score == value) for value in np.unique(score)]
    for parts in itertools.product(*(itertools.permutations(block) for block in blocks)):
        yield np.cumsum(wrong[np.concatenate([np.array(p) for p in parts])])


@settings(max_examples=40, deadline=None)
@given(scored(most=6))
def test_risk_aurc_and_prr_are_the_mean_over_the_orders_of_ties(data):
    score, wrong = data
    k = np.arange(1, len(score) + 1)
    risks = np.array([errors / k for errors in all_orders(score, wrong)])
    curve = e.risk_coverage(score, wrong)
    np.testing.assert_allclose(curve.risk, risks.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(curve.coverage, k / len(k), atol=1e-15)
    area = risks.mean()
    np.testing.assert_allclose(e.aurc(score, wrong, None).value, area, atol=1e-12)
    oracle = (np.cumsum(np.sort(wrong)) / k).mean()
    np.testing.assert_allclose(e.excess_aurc(score, wrong, None).value, area - oracle, atol=1e-12)
    expected = (wrong.mean() - area) / (wrong.mean() - oracle)
    np.testing.assert_allclose(e.prr(score, wrong, None).value, expected, atol=1e-10)
    for kept in k:
        accuracy = e.accuracy_at_coverage(score, wrong, kept / len(k), None).value
        np.testing.assert_allclose(accuracy, 1 - risks.mean(axis=0)[kept - 1], atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(scored(), st.integers(0, 999))
def test_point_estimates_do_not_depend_on_the_order_of_rows(data, seed):
    score, wrong = data
    order = np.random.default_rng(seed).permutation(len(score))
    for estimate in ESTIMATES:
        assert estimate(score, wrong, interval=None).value == estimate(score[order], wrong[order], interval=None).value
    for estimate in (e.auroc, e.aurc, e.excess_aurc, e.pr_auc, e.accuracy_at_coverage):
        assert 0 <= estimate(score, wrong, interval=None).value <= 1
    assert e.prr(score, wrong, None).value <= 1 + 1e-12
    assert abs(e.prr(wrong.astype(float), wrong, None).value - 1) < 1e-12  # the oracle
    assert e.excess_aurc(score, wrong, None).value >= 0
    assert e.excess_aurc(wrong.astype(float), wrong, None).value < 1e-12


@settings(max_examples=30, deadline=None)
@given(scored())
def test_doubling_all_questions_leaves_point_estimates(data):
    score, wrong = data
    for estimate in (e.auroc, e.pr_auc, lambda s, w, interval: e.accuracy_at_coverage(s, w, 0.37, interval)):
        once, twice = (estimate(np.tile(score, k), np.tile(wrong, k), interval=None).value for k in (1, 2))
        np.testing.assert_allclose(once, twice, atol=1e-12)


def test_doubling_all_questions_moves_areas_by_one_over_n_and_less_as_n_grows():
    rng = np.random.default_rng(2)
    wrong = rng.random(30) < 0.4
    score = rng.normal(size=30) + 0.8 * wrong

    def at(call, copies):
        return call(np.tile(score, copies), np.tile(wrong, copies), None).value

    # the numbers that the docstrings quote
    assert [round(at(e.aurc, k), 3) for k in (1, 2)] == [0.295, 0.292]
    assert [round(at(e.prr, k), 3) for k in (1, 2)] == [0.440, 0.445]
    assert [round(at(e.excess_aurc, k), 4) for k in (1, 2)] == [0.1762, 0.1766]
    for call in (e.aurc, e.excess_aurc, e.prr):
        moved = np.array([at(call, 2 * k) - at(call, k) for k in (1, 4, 16, 64)])
        shrinks = moved[1:] / moved[:-1]  # O(1/n): four times n, a quarter, or faster
        assert (shrinks < 0.31).all()
        assert call is e.excess_aurc or (shrinks > 0.2).all()
        assert abs(moved[-1]) < 1e-4


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.floats(-10, 10))
def test_a_constant_score_has_prr_exactly_zero_and_the_error_rate_as_area(n_wrong, n_right, constant):
    wrong = np.repeat([True, False], [n_wrong, n_right])
    score = np.full(len(wrong), constant)
    prr = e.prr(score, wrong, resamples=20)
    assert (prr.value, prr.low, prr.high) == (0, 0, 0)
    assert e.aurc(score, wrong, None).value == n_wrong / len(wrong)
    np.testing.assert_allclose(e.accuracy_at_coverage(score, wrong, 0.3, None).value, n_right / len(wrong), atol=1e-12)
    assert e.auroc(score, wrong, None).value == 0.5


def test_a_boundary_inside_a_question_takes_its_share():
    # 0.375 of 4 rows is 1.5 rows: the first (right) and half of the second (wrong)
    assert e.accuracy_at_coverage([1, 2, 3, 4], [0, 1, 0, 1], 0.375, None).value == 1 - 0.5 / 1.5


def test_a_coverage_near_zero_is_the_lowest_score_alone():
    for coverage in (5e-324, 1e-300, 1e-9):
        assert e.accuracy_at_coverage([1, 2, 3], [0, 1, 1], coverage, None).value == 1
        assert e.accuracy_at_coverage([1, 1, 1, 2], [0, 1, 1, 0], coverage, None).value == pytest.approx(1 / 3)
    assert "accuracy at 99.9% coverage" in e.accuracy_at_coverage([1, 2, 3], [0, 1, 1], 0.999).method


def test_excess_aurc_by_hand():
    # wrong, right, right: risks 1, 1/2, 1/3; the oracle's 0, 0, 1/3: the mean of 1, 1/2, 0
    np.testing.assert_allclose(e.excess_aurc([1, 2, 3], [1, 0, 0], None).value, 0.5, rtol=1e-12)
    assert e.excess_aurc([1, 2, 3], [0, 0, 1], None).value == 0
    assert e.excess_aurc([1, 2], [1, 1], None).value == e.excess_aurc([1, 2], [0, 0], None).value == 0
    assert e.excess_aurc([], []).method == "undefined: no questions"


# ---------------------------------------------------------------- conformal abstention


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
