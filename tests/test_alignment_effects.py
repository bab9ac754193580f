"""Effects over trainings and questions: the crossed analysis of variance worked another way, and coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from homogen.alignment import average, crossed, farthest_both
from homogen.records import BadInput


def anova(d, level=0.95):
    """The interval of the mean of a crossed table by sums of squares, as a textbook has it."""
    seeds, questions = d.shape
    total = ((d - d.mean()) ** 2).sum()
    by_seed = questions * ((d.mean(1) - d.mean()) ** 2).sum()
    by_question = seeds * ((d.mean(0) - d.mean()) ** 2).sum()
    df = seeds - 1, questions - 1, (seeds - 1) * (questions - 1)
    ms, mq, me = np.array([by_seed, by_question, total - by_seed - by_question]) / df
    variance = max(mq, ms + mq - me)
    freedom = variance**2 / (ms**2 / df[0] + mq**2 / df[1] + me**2 / df[2])
    return stats.t.interval(level, freedom, d.mean(), np.sqrt(variance / d.size))


@pytest.mark.parametrize("between", [0.0, 0.5, 3.0])
def test_a_mean_has_the_interval_of_the_analysis_of_variance(between):
    rng = np.random.default_rng(7)
    d = rng.normal(size=(3, 1)) * between + rng.normal(size=(1, 20)) + rng.normal(size=(3, 20))
    found = crossed(np.mean, d)
    np.testing.assert_allclose((found.low, found.high), anova(d), rtol=1e-9)
    assert (found.n, found.coverage, found.value) == (20, 1.0, pytest.approx(d.mean()))


def test_one_seed_is_students_interval_over_questions():
    d = np.random.default_rng(1).normal(size=(1, 30))
    found = crossed(np.mean, d)
    np.testing.assert_allclose(
        (found.low, found.high), stats.t.interval(0.95, 29, d.mean(), stats.sem(d[0])), rtol=1e-9
    )
    assert "of one seed" in found.method


def test_seeds_that_differ_widen_what_seeds_that_do_not_leave_narrow():
    d = np.random.default_rng(2).normal(size=(1, 40)).repeat(3, axis=0)
    same, apart = crossed(np.mean, d), crossed(np.mean, d + np.array([[-1.0], [0.0], [1.0]]))
    assert apart.value == pytest.approx(same.value)
    assert apart.high - apart.low > 3 * (same.high - same.low)
    np.testing.assert_allclose((same.low, same.high), stats.t.interval(0.95, 39, d.mean(), stats.sem(d[0])))


@pytest.mark.parametrize(("between", "least"), [(0.3, 0.91), (2.0, 0.86)])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(between, least):
    """400 crossed experiments of three seeds. Where seeds matter much, two degrees of freedom are few."""
    rng, held, width = np.random.default_rng(3), 0, []
    for _ in range(400):
        d = between * rng.normal(size=(3, 1)) + rng.normal(size=(1, 24)) + 1.5 * rng.normal(size=(3, 24))
        found = crossed(np.mean, d)
        held += found.low <= 0 <= found.high
        width.append(found.high - found.low)
    assert least <= held / 400 <= 0.985
    error = np.sqrt(between**2 / 3 + 1 / 24 + 1.5**2 / 72)
    assert 3 < np.median(width) / error < 9, "four standard errors, or as many more as two degrees of freedom ask for"


def test_where_nothing_varies_there_is_no_interval():
    found = crossed(np.mean, np.zeros((3, 60)))
    assert (found.value, found.n, found.method) == (0.0, 60, "no interval: nothing varies")
    assert np.isnan([found.low, found.high]).all()
    once = np.zeros((1, 8))
    once[0, 0] = 1  # without it there is nothing to divide by
    found = crossed(lambda a: a[a > 0].mean() if (a > 0).any() else np.nan, once)
    assert found.method == "no interval: undefined without one of the questions or seeds"


def test_an_interval_ends_where_the_statistic_does():
    rare = np.zeros((3, 60))
    rare[0, :2] = 1
    assert crossed(np.mean, rare).low < 0
    found = crossed(np.mean, rare, bounds=(0, 1))
    assert (found.low, found.high) == (0.0, crossed(np.mean, rare).high)


def test_what_is_missing_is_left_out_and_counted():
    d = np.array([[1.0, 2.0, np.nan, 4.0, np.nan], [1.5, np.nan, 3.0, 5.0, np.nan]])
    found = crossed(average, d)
    assert found.value == pytest.approx(np.nanmean(d))
    assert (found.n, found.coverage) == (4, 0.6)
    assert np.isfinite([found.low, found.high]).all()
    other = crossed(lambda a, b: average(a) - average(b), d, np.where(np.arange(5) == 0, np.nan, 1.0) + 0 * d)
    assert other.n == 3


def test_what_cannot_be_measured_says_why():
    assert crossed(np.mean, np.full((2, 3), np.nan)).method == "undefined: not a number"
    assert crossed(np.mean, np.full((2, 3), np.nan), undefined="nobody came").method == "undefined: nobody came"
    assert crossed(np.mean, [[1.0], [2.0]]).method == "undefined: one question"
    assert crossed(np.mean, np.empty((0, 4))).method.startswith("undefined")
    with pytest.raises(BadInput, match="a row a seed"):
        crossed(np.mean, [1.0, 2.0])
    with pytest.raises(BadInput, match="unequal seeds or questions"):
        crossed(lambda a, b: 0.0, np.ones((2, 3)), np.ones((3, 3)))
    with pytest.raises(BadInput, match="level"):
        crossed(np.mean, np.ones((2, 3)), level=1.5)


@given(arrays(float, (3, 5), elements=st.integers(-40, 40).map(lambda k: k / 8)), st.floats(-3, 3), st.floats(0.1, 3))
def test_shift_and_scale_move_estimate_and_interval(d, shift, scale):
    one, two = crossed(np.mean, d), crossed(np.mean, scale * d + shift)
    np.testing.assert_allclose(two.value, scale * one.value + shift, atol=1e-9)
    np.testing.assert_allclose(two.high - two.low, scale * (one.high - one.low), rtol=1e-6, atol=1e-6)


def test_arms_are_compared_where_both_have_come():
    far = np.array([[[0.0, 0.0], [2.0, 6.0], [16.0, 16.0]]])  # roots of the means: 0, 2, 4
    near = np.array([[[0.0, 0.0], [1.0, 1.0], [9.0, 9.0]]])  # 0, 1, 3
    falls, level = np.array([[[0.0] * 2, [-2.0] * 2, [-4.0] * 2]]), np.zeros_like(near)
    assert farthest_both(far, falls, near, level) == -3.0
    assert farthest_both(near, level, far, falls) == 3.0
    gone = np.full_like(far, np.nan)
    assert np.isnan(farthest_both(gone, falls, near, level))
    some = np.where(np.arange(3)[:, None] == 2, np.nan, far)
    assert farthest_both(some, falls, near, level) == -2.0, "a dose without a number is left out"
    below = np.where(np.arange(3)[:, None] == 0, -0.1, far) - np.array([[[0.2], [0.0], [0.0]]])
    assert farthest_both(below, falls, near, level) == -3.0, "an estimate below 0 is the start still"


def test_an_arm_that_has_hardly_moved_is_not_compared_at_the_common_start():
    far = np.array([[[0.0], [5.0], [40.0]]])
    near = np.array([[[0.0], [0.1], [0.5]]])
    assert np.isnan(farthest_both(far, -far, near, -near))
