"""Two numbers of each question: differences and their tests, against scipy and counted by hand."""

import doctest
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from test_evaluation_comparison import some

from homogen import evaluation as e
from homogen.evaluation import paired
from homogen.records import BadInput

NAN = np.nan


def test_doctests():
    result = doctest.testmod(paired)
    assert result.attempted > 0
    assert result.failed == 0


def test_paired_difference_keeps_pairs_together():
    rng = np.random.default_rng(0)
    a, more = rng.normal(size=50) * 100, rng.choice([0.5, 1.5], 50)
    estimate = e.paired_difference([*a + more, NAN, 3], [*a, 2, NAN])
    interval = stats.ttest_1samp(more, 0).confidence_interval(0.95)  # a's spread of 100 has no part in it
    expected = [more.mean(), interval.low, interval.high]
    np.testing.assert_allclose([estimate.value, estimate.low, estimate.high], expected, atol=1e-10)
    assert (estimate.n, estimate.coverage) == (50, 50 / 52)
    assert estimate.method == "mean of a - b, Student's t 95% over questions"
    assert np.isnan(e.paired_difference([NAN], [1]).value)
    with pytest.raises(ValueError, match="a has 2, b has 1"):
        e.paired_difference([1, 2], [1])


def test_no_interval_of_a_difference_below_six_pairs():
    few = e.paired_difference([1, 2, 3, 4, 6], [0] * 5)
    assert (few.value, np.isnan(few.low), np.isnan(few.high)) == (3.2, True, True)
    assert few.method.endswith("no interval: fewer than 6 pairs")
    assert not np.isnan(e.paired_difference([1, 2, 3, 4, 6, 9], [0] * 6).low)


def test_wilcoxon_agrees_with_scipy_and_shifts_with_the_data():
    a, b, _ = some(80)
    test = e.paired_wilcoxon([*a, NAN], [*b, 1])
    reference = stats.wilcoxon(a, b)
    assert (test.statistic, test.pvalue, test.effect.n) == (reference.statistic, reference.pvalue, 80)
    d = a - b
    walsh = [(d[i] + d[j]) / 2 for i in range(80) for j in range(i, 80)]
    np.testing.assert_allclose(test.effect.value, np.median(walsh), rtol=1e-12)
    assert test.effect.low < test.effect.value < test.effect.high
    moved = e.paired_wilcoxon(a + 1, b)
    np.testing.assert_allclose(
        [moved.effect.low, moved.effect.high], [test.effect.low + 1, test.effect.high + 1], rtol=1e-12
    )


def every_sign(n):
    """Differences with ranks 1…n under all 2**n patterns of signs: no ties, no zeros, irregular sizes."""
    sizes = np.cumsum(np.random.default_rng(n).uniform(0.5, 1.5, n))
    for signs in itertools.product([-1, 1], repeat=n):
        yield sizes * signs


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
@pytest.mark.parametrize("n", range(1, 9))
def test_wilcoxon_interval_leaves_out_0_exactly_where_the_test_rejects(n, level):
    covered = 0
    for d in every_sign(n):
        test = e.paired_wilcoxon(d, np.zeros(n), level)
        assert (test.effect.low > 0 or test.effect.high < 0) == (test.pvalue < 1 - level)
        covered += not (test.effect.low > 0 or test.effect.high < 0)
    assert covered / 2**n >= level  # all patterns are equally likely under the hypothesis: the exact coverage


def test_wilcoxon_interval_by_hand():
    # five positive differences: p = 2/32 > 0.05, so no 95% interval exists; at 90% it is the range
    five = e.paired_wilcoxon([1, 2, 4, 8, 16], [0] * 5)
    assert (five.pvalue, np.isnan(five.effect.low), np.isnan(five.effect.high)) == (0.0625, True, True)
    wide = e.paired_wilcoxon([1, 2, 4, 8, 16], [0] * 5, level=0.9)
    assert (wide.effect.low, wide.effect.high) == (1, 16)
    # six: only rank sum 0 is rejected (2/64 < 0.05 < 4/64), so the first and the last mean are the ends
    six = e.paired_wilcoxon([1, 2, 4, 8, 16, 32], [0] * 6)
    assert (six.pvalue, six.effect.low, six.effect.high) == (0.03125, 1, 32)


@pytest.mark.parametrize("n", [6, 12, 30, 50, 51, 80])
def test_wilcoxon_interval_ends_where_its_own_test_stops_rejecting(n):
    rng = np.random.default_rng(n)
    for _ in range(20):
        d = rng.normal(0.3, 1, n)
        test = e.paired_wilcoxon(d, np.zeros(n))
        assert (test.effect.low > 0 or test.effect.high < 0) == (test.pvalue < 0.05)
        for end, inwards in ((test.effect.low, 1e-9), (test.effect.high, -1e-9)):
            assert e.paired_wilcoxon(d - end - inwards, np.zeros(n)).pvalue >= 0.05
            assert e.paired_wilcoxon(d - end + inwards, np.zeros(n)).pvalue < 0.05


def test_wilcoxon_of_equal_pairs_of_few_and_of_none():
    same = e.paired_wilcoxon([1, 2, 3], [1, 2, 3])
    assert (same.statistic, same.pvalue, same.effect.value) == (0, 1, 0)
    few = e.paired_wilcoxon([1, 2], [0, 0])
    assert np.isnan(few.effect.low)
    assert e.paired_wilcoxon([], []).effect.method == "undefined: no pairs"
    with pytest.raises(ValueError, match="a has 1, b has 2"):
        e.paired_wilcoxon([1], [1, 2])


def test_wilcoxon_takes_rounding_for_what_it_is():
    # .1 + .2 is .30000000000000004, and none of the other differences is quite .1
    a, b = [0.1 + 0.2, 0.5, 0.7, 0.9, 1.1, 1.3], [0.3, 0.4, 0.6, 0.8, 1.0, 1.2]
    tenths, whole = e.paired_wilcoxon(a, b), e.paired_wilcoxon([3, 5, 7, 9, 11, 13], [3, 4, 6, 8, 10, 12])
    assert (
        (tenths.pvalue, tenths.statistic, tenths.effect.low)
        == (whole.pvalue, whole.statistic, whole.effect.low)
        == (0.0625, 0, 0)
    )
    assert tenths.effect.method == whole.effect.method
    np.testing.assert_allclose([10 * tenths.effect.value, 10 * tenths.effect.high], [1, 1], rtol=1e-12)
    assert whole.effect.value == whole.effect.high == 1
    # what is small beside nothing else counts
    assert e.paired_wilcoxon([1e-15, 2e-15, 4e-15], [0] * 3).statistic == 0
    assert e.paired_wilcoxon([1e-15, 2e-15, 4e-15], [0] * 3).pvalue == 0.25


def counted(d):
    """P-value by counting all patterns of signs over the ranks."""
    d = np.asarray(d)[np.asarray(d) != 0]
    rank = stats.rankdata(np.abs(d))
    observed = min(rank[d > 0].sum(), rank[d < 0].sum())
    sums = [sum(r for r, plus in zip(rank, signs, strict=True) if plus) for signs in every_pattern(len(d))]
    return min(1, 2 * np.mean(np.array(sums) <= observed + 1e-9))


def every_pattern(n):
    return itertools.product([False, True], repeat=n)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=10))
def test_wilcoxon_is_exact_also_with_ties_and_zeros(d):
    test = e.paired_wilcoxon(d, [0] * len(d))
    if any(d):
        np.testing.assert_allclose(test.pvalue, counted(d), rtol=1e-12)
    else:
        assert test.pvalue == 1
    assert test.effect.method.startswith("signed-rank test (exact")
    assert ("ties" in test.effect.method) == (len({abs(x) for x in d if x}) < sum(x != 0 for x in d))
    assert ("equal pairs left out" in test.effect.method) == (0 in d)


@pytest.mark.parametrize("n", [14, 30, 50])
def test_wilcoxon_stays_exact_where_scipy_turns_to_the_normal_distribution(n):
    rng = np.random.default_rng(n)
    smooth = rng.normal(0.2, 1, n)
    reference = stats.wilcoxon(smooth, method="exact")
    np.testing.assert_allclose(e.paired_wilcoxon(smooth, np.zeros(n)).pvalue, reference.pvalue, rtol=1e-10)
    tied = rng.integers(-3, 5, n)
    ours, normal = e.paired_wilcoxon(tied, np.zeros(n)), stats.wilcoxon(tied)
    assert ours.statistic == normal.statistic
    assert 0 < abs(ours.pvalue - normal.pvalue) < 0.05
    signs = rng.choice([-1, 1], (100_000, n))  # the exact p by simulation, standard error below .002
    rank = stats.rankdata(np.abs(tied[tied != 0]))
    sums = ((signs[:, : len(rank)] > 0) * rank).sum(axis=1)
    np.testing.assert_allclose(ours.pvalue, min(1, 2 * (sums <= ours.statistic).mean()), atol=0.01)


def test_wilcoxon_names_its_distribution_and_beyond_fifty_does_not_contradict_itself_silently():
    rng = np.random.default_rng(0)
    assert "(normal)" in e.paired_wilcoxon(rng.normal(size=51), np.zeros(51)).effect.method
    disagree = 0
    for n in (8, 20, 60, 80):
        for _ in range(100):
            d = rng.integers(-2, 4, n) if n > 8 else rng.integers(-1, 5, n)
            test = e.paired_wilcoxon(d, np.zeros(n))
            differ = (test.effect.low > 0 or test.effect.high < 0) != (test.pvalue < 0.05)
            assert differ == test.effect.method.endswith("which disagree about 0")
            disagree += differ
    assert disagree  # it does happen
    assert "no interval: too few pairs" in e.paired_wilcoxon([1, 2], [0, 0]).effect.method


def test_a_difference_beyond_the_largest_number_is_refused():
    with pytest.raises(BadInput, match="beyond"):
        e.paired_wilcoxon([1.7e308] * 6, [-1.7e308] * 6)
    with pytest.raises(BadInput, match="beyond"):
        e.paired_difference([1.7e308, 1e308], [-1.7e308, -1e308])
    assert e.auroc([1.7e308, -1.7e308, 0], [1, 0, 0], None).value == 1


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 30), st.integers(0, 9999), st.floats(0.05, 2), st.sampled_from([0.9, 0.95, 0.99]))
def test_tost_agrees_with_two_one_sided_tests_of_scipy(n, seed, margin, level):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0.2, 1, n), rng.normal(0, 1, n)
    test = e.tost(a, b, margin, level)
    above = stats.ttest_1samp(a - b, -margin, alternative="greater")
    below = stats.ttest_1samp(a - b, margin, alternative="less")
    worse = max(above, below, key=lambda t: t.pvalue)
    np.testing.assert_allclose([test.statistic, test.pvalue], [worse.statistic, worse.pvalue], rtol=1e-9)
    interval = stats.ttest_1samp(a - b, 0).confidence_interval(2 * level - 1)
    np.testing.assert_allclose([test.effect.low, test.effect.high], interval, atol=1e-10)
    assert (test.pvalue < 1 - level) == (-margin < test.effect.low and test.effect.high < margin)
    order = rng.permutation(n)
    assert e.tost(a[order], b[order], margin, level) == test


def test_tost_by_hand():
    # differences 1, 2, 3: mean 2, standard error 1/sqrt(3); against 4: t = -2 sqrt(3) with 2 degrees of freedom
    test = e.tost([1, 2, 3, NAN], [0, 0, 0, 1], margin=4)
    np.testing.assert_allclose(test.statistic, -2 * np.sqrt(3), rtol=1e-12)
    np.testing.assert_allclose(test.pvalue, stats.t.cdf(-2 * np.sqrt(3), 2), rtol=1e-12)
    assert (test.effect.value, test.effect.n) == (2, 3)
    assert "90%" in test.effect.method


def test_tost_of_what_is_undefined():
    assert e.tost([1], [0], 1).effect.method == "undefined: needs two pairs"
    fixed = e.tost([0.1, 0.2, 0.3], [1.1, 1.2, 1.3], 2)
    assert fixed.effect.method == "undefined: the differences do not vary"
    np.testing.assert_allclose(fixed.effect.value, -1, rtol=1e-12)
    for change in ({"margin": 0}, {"margin": -1}, {"margin": np.inf}, {"margin": 1, "level": 0.5}):
        with pytest.raises(BadInput):
            e.tost([1, 2], [2, 1], **change)
