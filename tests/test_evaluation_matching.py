"""Two groups compared within strata: worked by hand, against plain means, and on questions in any order."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homogen import evaluation as e
from homogen.evaluation import matching
from homogen.records import BadInput, Draws

NAN = np.nan
FEW = Draws(200)


def test_doctests():
    result = doctest.testmod(matching)
    assert result.attempted > 0
    assert result.failed == 0


def test_worked_by_hand():
    # a: means 3 and 1, weight 2; b: means 10 and 4, weight 1; c has no second, d no first group.
    values = [2, 4, 1, 10, 3, 5, 99, 77]
    group = [1, 1, 0, 1, 0, 0, 1, 0]
    strata = ["a", "a", "a", "b", "b", "b", "c", "d"]
    found = e.stratified_difference(values, group, strata)
    assert found.value == pytest.approx((2 * 2 + 1 * 6) / 3)
    assert (found.n, found.coverage) == (6, 6 / 8)
    assert "within strata, 2 of 4 have both groups, 3 of 4 and 3 of 4 questions matched" in found.method
    assert found.method.endswith("no interval: fewer than 6 matched questions on a side")
    assert np.isnan([found.low, found.high]).all()


def test_weights_are_the_first_groups():
    """The effect is 0 in one stratum and 4 in the other; who is the target says how the two are averaged."""
    values = [0] * 9 + [0] + [4] + [0] * 9
    group = [1] * 9 + [0] + [1] + [0] * 9
    strata = ["one"] * 10 + ["other"] * 10
    assert e.stratified_difference(values, group, strata).value == pytest.approx(0.4)
    swapped = e.stratified_difference(values, [1 - g for g in group], strata).value
    assert swapped == pytest.approx(-3.6)


def test_what_the_strata_explain_is_gone_and_what_they_do_not_is_left():
    rng = np.random.default_rng(0)
    strata = np.r_[rng.integers(0, 3, 300), rng.integers(1, 4, 300)]
    group = np.repeat([1, 0], 300)
    values = 5.0 * strata + rng.normal(size=600)
    raw, matched = (e.stratified_difference(values, group, s, FEW) for s in (None, strata))
    assert raw.high < -3
    assert matched.low < 0 < matched.high
    assert abs(matched.value) < 0.3
    moved = e.stratified_difference(values + 2 * group, group, strata, FEW)
    np.testing.assert_allclose(
        [moved.value, moved.low, moved.high], np.add([matched.value, matched.low, matched.high], 2)
    )


def test_without_strata_it_is_the_difference_of_the_means_with_its_standard_error():
    rng = np.random.default_rng(1)
    a, b = rng.normal(1, 1, 80), rng.normal(0, 2, 120)
    found = e.stratified_difference([*a, *b, NAN], [1] * 80 + [0] * 121)
    assert found.value == pytest.approx(a.mean() - b.mean())
    half = 1.96 * np.sqrt(a.var() / 80 + b.var() / 120)
    np.testing.assert_allclose([found.low, found.high], [found.value - half, found.value + half], atol=0.04)
    assert (found.n, found.coverage) == (200, 200 / 201)
    assert found.method == "difference of means, bootstrap 95% over questions within groups, 10,000 resamples"


def test_two_groups_of_one_size_are_not_drawn_alike():
    """One stream of random numbers a group: with the same rows drawn in both, two equal groups would never differ."""
    values = list(range(20))
    found = e.stratified_difference(values * 2, [1] * 20 + [0] * 20, None, FEW)
    assert found.value == 0
    assert found.low < -1 < 1 < found.high


def test_missing_values_and_strata_are_left_out():
    nothing = [None, NAN, "", "a"]
    found = e.stratified_difference([1, 1, 1, 3, NAN, 2], [1, 1, 1, 1, 1, 0], [*nothing, "a", "a"])
    assert (found.value, found.n, found.coverage) == (1, 2, 2 / 6)
    assert e.stratified_difference([1, 2, 5], [1, NAN, 0], [1, 1, 1]).value == -4


@pytest.mark.parametrize(
    ("values", "group", "strata", "reason"),
    [
        ([], [], [], "the first group is empty"),
        ([1, 2], [0, 0], None, "the first group is empty"),
        ([1, 2], [1, 1], ["a", "a"], "the second group is empty"),
        ([1, NAN], [1, 0], ["a", "a"], "the second group is empty"),
        ([1, 2], [1, 0], ["a", "b"], "none of 2 strata has both groups"),
        ([1, 2], [1, 0], ["", None], "the first group is empty"),
    ],
)
def test_what_cannot_be_compared_says_why(values, group, strata, reason):
    found = e.stratified_difference(values, group, strata)
    assert np.isnan([found.value, found.low, found.high]).all()
    assert found.method == f"undefined: {reason}"


def test_no_interval_where_nothing_varies():
    found = e.stratified_difference([1] * 10 + [0] * 10, [1] * 10 + [0] * 10, [1] * 20, FEW)
    assert (found.value, np.isnan(found.low)) == (1, True)
    assert found.method.endswith("no interval: the resamples do not vary")


def test_resamples_without_a_match_are_counted():
    # One question of each group shares a stratum with the other group: many resamples lack it.
    values, group = [*range(12)], [1] * 6 + [0] * 6
    found = e.stratified_difference(values, group, ["m", *"abcde", "m", *"fghij"], FEW)
    assert "1 of 11 have both groups" in found.method
    assert "without a match dropped" in found.method


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strata": ["a"]}, "lengths differ: values has 3, group has 3, strata has 1"),
        ({"group": [1, 0]}, "lengths differ: values has 3, group has 2, strata has 3"),
        ({"group": [1, 2, 0]}, "group must hold 0 and 1"),
        ({"values": [1, np.inf, 2]}, "values must be finite, but number 1 is infinite"),
        ({"strata": [["a"], ["b"], ["c"]]}, "strata must hold names or numbers, one a question"),
        ({"draws": 100}, "draws must be Draws"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(BadInput, match=message):
        e.stratified_difference(**{"values": [1, 2, 3], "group": [1, 0, 1], "strata": ["a", "a", "b"], **change})


ROWS = st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 1), st.integers(0, 3)), min_size=1, max_size=25)


@settings(max_examples=80, deadline=None)
@given(ROWS, st.randoms())
def test_the_order_of_questions_and_the_names_of_strata_play_no_part(rows, random):
    values, group, strata = (list(column) for column in zip(*rows, strict=True))
    found = e.stratified_difference(values, group, strata, FEW)
    shuffled = random.sample(rows, len(rows))
    values, group, strata = (list(column) for column in zip(*shuffled, strict=True))
    again = e.stratified_difference(values, group, [("mark", s) for s in strata], FEW)
    np.testing.assert_equal(vars(again), vars(found))


@settings(max_examples=80, deadline=None)
@given(ROWS)
def test_it_is_the_weighted_mean_of_the_differences_within_strata(rows):
    x, g, s = (np.array(column) for column in zip(*rows, strict=True))
    found = e.stratified_difference(x, g, s, FEW)
    total = weight = 0
    for one in range(4):
        first, second = x[(s == one) & (g == 1)], x[(s == one) & (g == 0)]
        if len(first) and len(second):
            total += len(first) * (first.mean() - second.mean())
            weight += len(first)
    np.testing.assert_allclose(found.value, total / weight if weight else NAN, atol=1e-12)
    if not np.isnan(found.low):
        assert found.low <= found.high
        spread = np.ptp(x)
        assert -spread - 1e-9 <= found.low <= found.high <= spread + 1e-9


@settings(max_examples=50, deadline=None)
@given(ROWS, st.integers(-3, 3), st.sampled_from([1e-300, 0.5, 1.0, 3.0, 1e300]))
def test_a_shift_changes_nothing_and_a_unit_is_a_factor(rows, shift, unit):
    x, g, s = (np.array(column, float) for column in zip(*rows, strict=True))
    plain = e.stratified_difference(x, g, s, FEW)
    np.testing.assert_allclose(e.stratified_difference(x + shift, g, s, FEW).value, plain.value, atol=1e-12)
    scaled = e.stratified_difference(x * unit, g, s, FEW)
    wanted = np.array([plain.value, plain.low, plain.high]) * unit
    np.testing.assert_allclose([scaled.value, scaled.low, scaled.high], wanted, rtol=1e-9, atol=1e-12 * unit)
