import doctest
import itertools
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homogen import evaluation as e
from homogen.evaluation import selection as room
from homogen.evaluation._base import shuffled
from homogen.records import BadInput, Draws

NAN = np.nan
CALLS = [e.selected_auroc, e.within_category_permutation, e.split_half]


def asked(n=160, seed=0, categories=8, effect=0.0):
    """Questions in categories with scores on a grid; ``effect`` is what a wrong answer adds."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(n) < 0.5
    return rng.normal(size=n).round(1) + effect * wrong, wrong, [f"c{c}" for c in rng.integers(0, categories, n)]


def picked_slowly(score, wrong, category, select, min_each=2):
    names = []
    for name in sorted(set(category)):
        here = np.array([c == name for c in category])
        bad, right = score[here & wrong], score[here & ~wrong]
        if min(len(bad), len(right)) < min_each:
            continue
        difference = bad.mean() - right.mean()
        if (difference > 1e-9) == (select == "effective"):
            names.append(name)
    return names


def pooled_slowly(score, wrong, category, names):
    rows = np.isin(category, names)
    return e.auroc(score[rows], wrong[rows], None).value


def estimate_of(result):
    return getattr(result, "estimate", getattr(result, "effect", result))


def value_of(result):
    if isinstance(result, e.SelectedGroup):
        return result.estimate.value
    return result.observed if isinstance(result, e.PermutationResult) else result.value


def test_doctests():
    assert doctest.testmod(room).failed == 0


# ---------------------------------------------------------------- the pooled AUROC


def test_selected_auroc_by_hand():
    # a: wrong 3, 4 against right 1, 2: effective. b: equal means: blind. c: one wrong only. d: reversed: blind.
    score = [1, 2, 3, 4, 1, 3, 2, 2, 9, 8, 7, 4, 3, 2, 1]
    wrong = [0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1]
    category = list("aaaabbbbcccdddd")
    effective = e.selected_auroc(score, wrong, category)
    assert (effective.estimate.value, effective.categories) == (1, ("a",))
    assert (effective.estimate.n, effective.estimate.coverage) == (4, 4 / 15)
    blind = e.selected_auroc(score, wrong, category, "blind")
    # wrong 2, 2, 2, 1 against right 1, 3, 4, 3: 2 > 1 three times, 1 = 1 once: 3.5 of 16
    assert (blind.estimate.value, blind.categories) == (3.5 / 16, ("b", "d"))
    assert "selected, no interval" in blind.estimate.method
    one = e.selected_auroc(score, wrong, category, min_each=1)
    assert one.categories == ("a", "c")


@settings(max_examples=40, deadline=None)
@given(st.integers(8, 60), st.integers(0, 9999), st.sampled_from(["effective", "blind"]), st.integers(1, 3))
def test_selected_auroc_agrees_with_a_loop(n, seed, select, min_each):
    score, wrong, category = asked(n, seed, 4)
    names = picked_slowly(score, wrong, category, select, min_each)
    ours = e.selected_auroc(score, wrong, category, select, min_each)
    assert list(ours.categories) == names
    if names:
        np.testing.assert_allclose(ours.estimate.value, pooled_slowly(score, wrong, category, names), atol=1e-12)
        assert 0 <= ours.estimate.value <= 1


def test_rounding_makes_no_category_effective():
    # the mean of three times .1 is .10000000000000002, of seven times .1 it is .09999999999999999
    score, wrong = [0.1] * 10, [1] * 3 + [0] * 7
    assert e.selected_auroc(score, wrong, ["a"] * 10).estimate.method == "undefined: no category is effective"
    assert e.selected_auroc(score, wrong, ["a"] * 10, "blind").estimate.value == 0.5


# ---------------------------------------------------------------- labels permuted within categories


@pytest.mark.parametrize("select", ["effective", "blind"])
def test_the_null_equals_a_loop_over_the_same_permutations(select):
    score, wrong, category = asked(40, 1, 4)
    order = np.lexsort([score, wrong, category])
    score, wrong, category = score[order], wrong[order], np.array(category)[order]
    _, code = np.unique(category, return_inverse=True)
    null = []
    for orders in shuffled(code, Draws(100, 3)):
        for again in wrong[orders]:
            names = picked_slowly(score, again, category, select)
            null.append(pooled_slowly(score, again, category, names) if names else NAN)
    ours = e.within_category_permutation(score, wrong, category, select, draws=Draws(100, 3, level=0.8))
    observed = pooled_slowly(score, wrong, category, picked_slowly(score, wrong, category, select))
    null = np.array(null)[~np.isnan(null)]
    np.testing.assert_allclose(ours.observed, observed, atol=1e-12)
    np.testing.assert_allclose(ours.null_mean, null.mean(), atol=1e-12)
    np.testing.assert_allclose([ours.null_low, ours.null_high], np.quantile(null, [0.1, 0.9]), atol=1e-12)
    extreme = null >= observed - 1e-9 if select == "effective" else null <= observed + 1e-9
    np.testing.assert_allclose(ours.pvalue, (1 + extreme.sum()) / (1 + len(null)), rtol=1e-12)


def test_the_null_is_that_of_all_labellings():
    # Two categories of four with two wrong: 36 labellings. Those that pick nothing have no AUROC.
    score = np.array([1.0, 2, 3, 5, 1, 2, 3, 4])
    category = list("aaaabbbb")
    every = []
    for pair in itertools.product(itertools.combinations(range(4), 2), itertools.combinations(range(4, 8), 2)):
        wrong = np.isin(np.arange(8), pair)
        names = picked_slowly(score, wrong, category, "effective")
        every.append(pooled_slowly(score, wrong, category, names) if names else NAN)
    assert len(every) == 36
    ours = e.within_category_permutation(score, [0, 0, 1, 1, 0, 1, 0, 1], category, draws=Draws(20_000))
    # standard errors at 20,000 draws are below .004 and .002
    np.testing.assert_allclose(ours.pvalue, np.mean([x >= ours.observed for x in every if x == x]), atol=0.012)
    np.testing.assert_allclose(ours.null_mean, np.nanmean(every), atol=0.005)
    left_out = int(re.search(r"([\d,]+) with no category picked left out", ours.effect.method)[1].replace(",", ""))
    np.testing.assert_allclose(left_out / 20_000, np.mean(np.isnan(every)), atol=0.012)


def test_permutations_stay_inside_categories():
    code = np.repeat([0, 1, 2, 3], [1, 5, 2, 7])
    for orders in shuffled(code, Draws(50, 0)):
        assert (code[orders] == code).all()
        assert (np.sort(orders, axis=1) == np.arange(15)).all()


def test_noise_gives_a_high_naive_auroc_a_null_that_says_so_and_halves_near_one_half():
    naive, p, half = [], [], []
    for seed in range(40):
        data = asked(160, seed)
        naive.append(e.selected_auroc(*data).estimate.value)
        p.append(e.within_category_permutation(*data, draws=Draws(99)).pvalue)
        half.append(e.split_half(*data, draws=Draws(50)).value)
    assert np.mean(naive) > 0.57  # of a score that knows nothing
    assert abs(np.mean(half) - 0.5) < 3 * np.std(half) / np.sqrt(40)
    assert 0.35 < np.mean(p) < 0.65
    blind = [e.selected_auroc(*asked(160, seed), "blind").estimate.value for seed in range(40)]
    assert np.mean(blind) < 0.43


def test_a_real_effect_survives_both():
    data = asked(200, 0, effect=1.5)
    assert e.within_category_permutation(*data, draws=Draws(200)).pvalue < 0.01
    assert e.split_half(*data, draws=Draws(100)).low > 0.7


# ---------------------------------------------------------------- halves


def test_the_other_half_had_no_part_in_the_picking():
    # One category. Right answers score 1, wrong ones 0 or 3: a half picks it if the mean of its wrong ones exceeds 1,
    # that is with at least two of the four 3s among its three; the other half then has the remaining ones.
    score, wrong = [1.0] * 6 + [3, 3, 3, 0, 0, 0], [0] * 6 + [1] * 6
    ours = e.split_half(score, wrong, ["a"] * 12, draws=Draws(20_000))
    # Of C(6,3) = 20 halves, one has three 3s, nine have two, nine one (mean exactly 1: not above), one none.
    # Picked with three: the rest is 0 0 0, AUROC 0; with two: 3 0 0, AUROC 1/3. The mean: 9/10 · 1/3.
    np.testing.assert_allclose(ours.value, 0.3, atol=0.003)  # standard error .0010
    missing = int(re.search(r"([\d,]+) without an AUROC left out", ours.method)[1].replace(",", ""))
    assert abs(missing / 20_000 - 0.5) < 0.012


def test_odd_cells_and_single_rows_fall_on_either_side():
    score, wrong = [0, 1, 2, 3, 4, 5], [0, 0, 0, 1, 1, 1]
    ours = e.split_half(score, wrong, list("aaaaaa"), draws=Draws(500))
    assert (ours.value, ours.n, ours.coverage) == (1, 6, 1)
    # with one of each a half never has both classes on both sides
    none = e.split_half([1, 2], [0, 1], ["a", "a"], min_each=1, draws=Draws(50))
    assert none.method == "undefined: no split picks a category as effective and has both classes"


# ---------------------------------------------------------------- all three


@settings(max_examples=20, deadline=None)
@given(st.integers(20, 60), st.integers(0, 999), st.sampled_from(CALLS), st.sampled_from(["effective", "blind"]))
def test_the_order_of_rows_and_the_names_do_not_matter(n, seed, call, select):
    score, wrong, category = asked(n, seed, 3)
    kind = {} if call is e.selected_auroc else {"draws": Draws(20)}
    order = np.random.default_rng(seed).permutation(n)
    ours = call(score, wrong, category, select, **kind)
    again = call(score[order], wrong[order], [category[i] for i in order], select, **kind)
    assert again == ours or np.isnan(value_of(ours))
    renamed = call(score, wrong, pd.Series([int(c[1:]) for c in category]), select, **kind)
    np.testing.assert_equal(value_of(renamed), value_of(ours))


def test_copies_of_all_questions_leave_the_pooled_auroc():
    score, wrong, category = asked()
    twice = e.selected_auroc(np.tile(score, 2), np.tile(wrong, 2), category * 2, min_each=4)
    once = e.selected_auroc(score, wrong, category, min_each=2)
    assert twice.categories == once.categories
    assert twice.estimate.value == pytest.approx(once.estimate.value, abs=1e-12)


@pytest.mark.parametrize("call", CALLS)
def test_rows_without_score_label_or_category_are_left_out(call):
    score, wrong, category = asked()
    kind = {} if call is e.selected_auroc else {"draws": Draws(50)}
    ours = call(score, wrong, category, **kind)
    more = call(
        [*score, NAN, 1, 1, 1, 1, 1],
        [*wrong, 1, NAN, 1, 0, 1, 0],
        [*category, "c0", "c0", None, NAN, "", pd.NA],
        **kind,
    )
    assert value_of(more) == value_of(ours)
    mine, other = map(estimate_of, (ours, more))
    assert mine.n == other.n
    assert other.coverage == pytest.approx(mine.coverage * 160 / 166)


@pytest.mark.parametrize("call", [e.within_category_permutation, e.split_half])
def test_every_argument_changes_something(call):
    score, wrong, category = asked()

    def ends(**change):
        r = call(score, wrong, category, **{"draws": Draws(60), **change})
        return (r.null_low, r.null_high) if call is e.within_category_permutation else (r.low, r.high)

    changes = [
        {"select": "blind"},
        {"min_each": 10},
        *({"draws": d} for d in (Draws(61), Draws(60, 1), Draws(60, level=0.5))),
    ]
    assert len({ends(**change) for change in [{}, *changes]}) == 6


@pytest.mark.parametrize("call", CALLS)
def test_bad_input_and_what_is_undefined(call):
    for change, message in (
        ({"select": "efective"}, "did you mean 'effective'"),
        ({"min_each": 0}, "min_each"),
        ({"score": [1, 2]}, "score has 2"),
        ({"category": ["a"]}, "category has 1"),
        ({"wrong": [0, 1, 2]}, "wrong must hold 0 and 1"),
        ({"score": [1, 2, np.inf]}, "infinite"),
        ({"category": [["a"], ["a"], ["b"]]}, "names or numbers"),
    ):
        with pytest.raises(BadInput, match=message):
            call(**{"score": [1, 2, 3], "wrong": [0, 1, 0], "category": ["a", "a", "b"], **change})
    if call is not e.selected_auroc:
        with pytest.raises(BadInput, match="draws must be"):
            call([], [], [], draws=100)

    def method(*data, **kind):
        return estimate_of(call(*data, **kind)).method

    assert method([], [], []) == "undefined: no questions"
    assert method([1, 2, 3], [0, 1, 1], list("aaa")) == "undefined: no category has 2 wrong and 2 right answers"
    assert method([1, 2, 3], [1, 1, 1], list("aaa")).startswith("undefined: no category has 2 wrong")
    assert method([NAN], [1], ["a"]).startswith("undefined: no category has")
    reversed_ = ([4, 3, 2, 1] * 2, [0, 0, 1, 1] * 2, ["a"] * 8)
    assert method(*reversed_).startswith("undefined: no")
    assert np.isnan(value_of(call(*reversed_)))


def test_names_and_numbers_side_by_side():
    score, wrong = [1, 2, 3, 4] * 2, [0, 0, 1, 1] * 2
    assert e.selected_auroc(score, wrong, [2] * 4 + ["b"] * 4).categories == (2, "b")
    assert e.selected_auroc(score, wrong, np.array([10] * 4 + [9] * 4)).categories == (9, 10)
