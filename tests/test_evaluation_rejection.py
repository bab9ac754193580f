import doctest
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homogen import evaluation as e
from homogen.evaluation import rejection
from homogen.records import BadInput, Draws

NAN = np.nan


ESTIMATES = [e.auroc, e.aurc, e.excess_aurc, e.prr, e.pr_auc, e.risk_reduction, e.accuracy_at_coverage]


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
    prr = e.prr(score, wrong, draws=Draws(20))
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


@pytest.mark.parametrize("coverage", [0.3, 0.5, 1])
def test_risk_reduction_is_the_share_of_errors_that_declining_saves(coverage):
    rng = np.random.default_rng(5)
    score, wrong = rng.integers(0, 5, 31), rng.integers(0, 2, 31)
    kept = e.accuracy_at_coverage(score, wrong, coverage, None).value
    base = 1 - wrong.mean()
    found = e.risk_reduction(score, wrong, coverage, None).value
    np.testing.assert_allclose(found, (kept - base) / (1 - base), atol=1e-12)


def test_risk_reduction_where_little_can_be_saved():
    """All wrong: declining half saves none of the rate. One answer: nor can it be divided. NaN is left out."""
    assert e.risk_reduction([1, 2, 3, 4], [1, 1, 1, 1], interval=None).value == 0
    assert e.risk_reduction([1], [1], interval=None).value == 0
    assert e.risk_reduction([1], [0]).method == "undefined: no answer is wrong"
    assert e.risk_reduction([], []).method == "undefined: no questions"
    some = e.risk_reduction([1, 2, NAN, 3, 4], [0, 0, 1, 1, 1], interval=None)
    assert (some.value, some.n, some.coverage) == (1, 4, 0.8)


def test_risk_reduction_of_an_oracle_a_constant_and_a_liar():
    assert e.risk_reduction([1, 2, 3, 4], [0, 0, 1, 1], interval=None).value == 1
    assert e.risk_reduction([4, 3, 2, 1], [0, 0, 1, 1], interval=None).value == -1
    same = e.risk_reduction([1, 1, 1, 1], [0, 1, 1, 0])
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert e.risk_reduction([1, 2], [0, 0]).method == "undefined: no answer is wrong"
    for wrong_coverage in (0, 1.5, True):
        with pytest.raises(BadInput, match="coverage"):
            e.risk_reduction([1, 2], [0, 1], wrong_coverage)
