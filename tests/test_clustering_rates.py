import doctest
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tiny_answers import SIMILARITY

from homogen.clustering import (
    LINKAGES,
    adjusted_rand_index,
    alignment_tax,
    cluster,
    confirmed_single_cluster_rate,
    is_single_cluster,
    mean_number_of_clusters,
    single_cluster_rate,
)
from homogen.clustering import rates as room
from homogen.records import BadInput, Draws


def test_doctests():
    assert doctest.testmod(room).failed == 0


def test_alignment_tax():
    tax = alignment_tax([[0, 0, 0, 0], [0, 1, 2, -1], [0, -1], []])
    np.testing.assert_array_equal(tax, [3 / 4, 0, np.nan, np.nan])
    assert alignment_tax([]).shape == (0,)


@pytest.mark.parametrize("labels", [[0.0, 1.0], [-2, 0], [[0, 1]], ["a"], 3])
def test_bad_labels(labels):
    with pytest.raises(BadInput, match="labels"):
        alignment_tax([labels])
    for measure in (single_cluster_rate, is_single_cluster, mean_number_of_clusters):
        with pytest.raises(BadInput, match="labels"):
            measure([[0, 0], labels])


def test_single_cluster_rate_by_hand():
    # 3 questions count (one has a single answer left), 2 of them are single-cluster
    estimate = single_cluster_rate([[0, 0, 0], [0, 1, 0], [0, 0, -1], [0, -1, -1]])
    low, high = stats.binomtest(2, 3).proportion_ci(0.95, method="wilson")
    assert (estimate.value, estimate.n, estimate.coverage) == (2 / 3, 3, 0.75)
    np.testing.assert_allclose([estimate.low, estimate.high], [low, high], rtol=1e-12)
    wide = single_cluster_rate([[0, 0, 0], [0, 1, 0], [0, 0, -1]], level=0.99)
    assert wide.low < estimate.low < estimate.high < wide.high


@pytest.mark.parametrize("estimate", [single_cluster_rate, mean_number_of_clusters])
def test_rates_of_nothing_are_undefined(estimate):
    for labels in ([], [[]], [[0], [-1, -1], [0, -1]]):
        nothing = estimate(labels)
        assert np.isnan(nothing.value)
        assert nothing.method == "undefined: no question has two answers left"


def test_mean_number_of_clusters():
    labels = [[0, 0, 0], [0, 1, 0], [0, 1, 2], [0, 0, 1], [0]]
    estimate = mean_number_of_clusters(labels)
    assert (estimate.value, estimate.n, estimate.coverage) == (2.0, 4, 0.8)
    assert estimate == mean_number_of_clusters(labels[::-1])
    few = [mean_number_of_clusters(labels * 20, draws=Draws(11, seed)) for seed in range(5)]
    assert {e.value for e in few} == {2.0}
    assert len({(e.low, e.high) for e in few}) > 1
    # against SciPy's own bootstrap of the same counts
    counts = np.repeat([1, 2, 3, 2], 50)
    reference = stats.bootstrap((counts,), np.mean, method="percentile", n_resamples=9999).confidence_interval
    ours = mean_number_of_clusters(labels[:4] * 50)
    np.testing.assert_allclose([ours.low, ours.high], reference, atol=0.012)
    assert np.isnan(mean_number_of_clusters([[0, 1]]).low)
    constant = mean_number_of_clusters([[0, 1], [0, 1]])
    assert (constant.low, constant.high) == (2, 2)
    with pytest.raises(BadInput, match="draws must be Draws"):
        mean_number_of_clusters(labels, 1000)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(-1, 2), max_size=4), max_size=8), st.integers(0, 99))
def test_rates_do_not_depend_on_the_order_or_on_doubling_of_questions(labels, seed):
    order = np.random.default_rng(seed).permutation(len(labels))
    shuffled = [labels[i] for i in order]
    for estimate in (single_cluster_rate, lambda x: mean_number_of_clusters(x, draws=Draws(20))):
        assert str(estimate(labels)) == str(estimate(shuffled))
        np.testing.assert_allclose(estimate(labels * 2).value, estimate(labels).value, atol=1e-15)


def test_single_cluster_questions_are_those_that_the_rate_counts():
    labels = [[0, 0, 0], [0, 1, 0], [0, 0, -1], [0, -1, -1], [-1, -1, -1]]
    single = is_single_cluster(labels)
    assert single.dtype == bool
    assert single.tolist() == [True, False, True, False, False]
    rate = single_cluster_rate(labels)
    assert rate.value * rate.n == single.sum()
    assert is_single_cluster([[3, 3]]).tolist() == [True]  # whatever the label
    nothing = is_single_cluster([])
    assert (nothing.shape, nothing.dtype) == ((0,), bool)


def slow_rand(a, b):
    """Hubert and Arabie's index by counting pairs of answers."""
    pairs = list(itertools.combinations(range(len(a)), 2))
    together_a = {(i, j) for i, j in pairs if a[i] == a[j]}
    together_b = {(i, j) for i, j in pairs if b[i] == b[j]}
    expected = len(together_a) * len(together_b) / len(pairs)
    largest = (len(together_a) + len(together_b)) / 2
    return 1.0 if largest == expected else (len(together_a & together_b) - expected) / (largest - expected)


LABELS = st.lists(st.integers(0, 3), min_size=2, max_size=7)


@given(st.lists(LABELS, min_size=1, max_size=4), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_adjusted_rand_index_agrees_with_counting_pairs(rows, random):
    others = [[random.randint(0, 3) for _ in row] for row in rows]
    expected = np.mean([slow_rand(a, b) for a, b in zip(rows, others, strict=True)])
    one_way = adjusted_rand_index(rows, others, draws=Draws(10))
    other_way = adjusted_rand_index(others, rows, draws=Draws(10))
    assert one_way.value == pytest.approx(expected, abs=1e-12)
    assert one_way.value == pytest.approx(other_way.value, abs=1e-12)
    assert adjusted_rand_index(rows, rows, draws=Draws(10)).value == 1


def test_agreement_leaves_out_what_either_misses():
    a, b = [[0, 0, -1, 1], [0, -1], [0, 0, 0]], [[0, 0, 1, -1], [0, 0], [0, 0, 1]]
    rand = adjusted_rand_index(a, b, draws=Draws(100))
    # First question: two answers left, together in both (1). Third: together against apart (0). Second: one left.
    assert (rand.value, rand.n, rand.coverage) == (0.5, 2, 2 / 3)
    rate = confirmed_single_cluster_rate(a, b)
    assert (rate.value, rate.n, rate.coverage) == (0.5, 2, 1.0)
    back = confirmed_single_cluster_rate(b, a)
    assert (back.value, back.n, back.coverage) == (1.0, 1, 0.5)


def test_agreement_interval_depends_on_its_arguments():
    a = [[0, 0, 1], [0, 1, 1], [0, 1, 2], [0, 0, 0]] * 3
    b = [[0, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]] * 3
    base = adjusted_rand_index(a, b)
    assert base.low < base.value < base.high
    assert adjusted_rand_index(a, b, draws=Draws(50, 1)) != adjusted_rand_index(a, b, draws=Draws(50, 2))
    assert adjusted_rand_index(a, b, draws=Draws(level=0.5)).low > base.low
    assert confirmed_single_cluster_rate(a, b, level=0.5).low > confirmed_single_cluster_rate(a, b).low


def test_agreement_where_there_is_nothing_to_agree_on():
    assert math.isnan(adjusted_rand_index([], []).value)
    none = confirmed_single_cluster_rate([[0, 1]], [[0, 0]])
    assert math.isnan(none.value)
    assert "no question with a single cluster" in none.method
    with pytest.raises(BadInput, match="two clusterings of the same questions"):
        adjusted_rand_index([[0, 1]], [])
    with pytest.raises(BadInput, match="question 0: 2 labels but 3"):
        confirmed_single_cluster_rate([[0, 1]], [[0, 1, 1]])
    with pytest.raises(BadInput, match="whole numbers"):
        adjusted_rand_index([[0.5, 1]], [[0, 1]])


@pytest.mark.parametrize("level", [0, 1, 95, np.nan, "x", None, True, [0.9]])
def test_bad_levels(level):
    for call in (single_cluster_rate, lambda x, level: confirmed_single_cluster_rate(x, x, level)):
        with pytest.raises(BadInput, match="level must be a number between 0 and 1"):
            call([[0, 0]], level=level)


def test_a_level_is_printed_as_it_is_meant():
    assert single_cluster_rate([[0, 0]], level=0.999).method == "single-cluster rate, Wilson 99.9%"
    assert single_cluster_rate([[0, 0]]).method == "single-cluster rate, Wilson 95%"
    assert "bootstrap 99.9% over" in mean_number_of_clusters([[0, 0], [0, 1]], draws=Draws(level=0.999)).method
    assert confirmed_single_cluster_rate([[0, 0]], [[0, 0]], level=0.975).method.endswith("Wilson 97.5%")


BENCHMARK = st.lists(SIMILARITY, min_size=1, max_size=5)


@given(BENCHMARK, st.sampled_from(np.linspace(0, 1, 11).tolist()), st.sampled_from(np.linspace(0, 1, 11).tolist()))
@settings(max_examples=100, deadline=None)
def test_raising_the_threshold_never_raises_a_single_cluster_rate(benchmark, a, b):
    low, high = (single_cluster_rate(cluster(benchmark, t)).value for t in sorted((a, b)))
    assert math.isnan(low) == math.isnan(high)
    assert math.isnan(low) or high <= low


@given(BENCHMARK, st.sampled_from(LINKAGES), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_order_and_duplicates_of_questions_leave_point_estimates_alone(benchmark, name, random):
    labels = cluster(benchmark, 0.5, name)
    other = cluster(benchmark, 0.7, name)
    order = random.sample(range(len(labels)), len(labels))
    measures = {
        "rate": lambda a, b: single_cluster_rate(a),
        "clusters": lambda a, b: mean_number_of_clusters(a, draws=Draws(5)),
        "rand": lambda a, b: adjusted_rand_index(a, b, draws=Draws(5)),
        "confirmed": lambda a, b: confirmed_single_cluster_rate(a, b),
    }
    for what, measure in measures.items():
        value = measure(labels, other).value
        for rows in (order, [*range(len(labels))] * 2):
            found = measure([labels[q] for q in rows], [other[q] for q in rows]).value
            assert found == pytest.approx(value, abs=1e-12, nan_ok=True), what
