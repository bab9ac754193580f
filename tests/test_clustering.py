import doctest
import inspect
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.cluster import AgglomerativeClustering

from homogen import clustering
from homogen.clustering import (
    LINKAGES,
    adjusted_rand_index,
    alignment_tax,
    cluster,
    confirmed_single_cluster_rate,
    is_single_cluster,
    linkage,
    mean_number_of_clusters,
    rates,
    single_cluster_rate,
)
from homogen.records import BadInput, Draws

NAN = np.nan


def random_similarity(seed, n, grid=None):
    """Symmetric, ones on the diagonal; on a grid (many ties, as with bigrams) or not."""
    rng = np.random.default_rng(seed)
    upper = rng.random((n, n)) if grid is None else rng.integers(0, grid + 1, (n, n)) / grid
    S = np.triu(upper, 1)
    return S + S.T + np.eye(n)


SIMILARITY = st.builds(random_similarity, st.integers(0, 10_000), st.integers(1, 8), st.sampled_from([None, 5, 10]))


def slow_greedy(S, threshold):
    firsts, labels = [], []
    for i in range(len(S)):
        for label, first in enumerate(firsts):
            if S[first, i] >= threshold:
                labels.append(label)
                break
        else:
            labels.append(len(firsts))
            firsts.append(i)
    return labels


def renumbered(labels):
    seen = {}
    return [seen.setdefault(x, len(seen)) for x in labels]


@pytest.mark.parametrize("room", [linkage, rates])
def test_doctests(room):
    assert doctest.testmod(room).failed == 0


def test_hand_worked_chain():
    # 0-1 and 1-2 and 3-4 are alike (0.5), 0-2 is not (0.1); 2-3 just misses. Mean of 2 to {0, 1}: 0.3.
    S = np.eye(5)
    for i, j, s in [(0, 1, 0.5), (1, 2, 0.5), (0, 2, 0.1), (3, 4, 0.5), (2, 3, 0.39)]:
        S[i, j] = S[j, i] = s
    assert cluster([S], 0.4)[0].tolist() == [0, 0, 0, 1, 1]
    assert cluster([S], 0.39)[0].tolist() == [0, 0, 0, 0, 0]
    assert cluster([S], 0.4, "greedy")[0].tolist() == [0, 0, 1, 2, 2]
    assert cluster([S], 0.4, "average")[0].tolist() == [0, 0, 1, 2, 2]
    assert cluster([S], 0.3, "average")[0].tolist() == [0, 0, 0, 1, 1]
    assert cluster([S], 0.3, "complete")[0].tolist() == [0, 0, 1, 2, 2]


def test_greedy_depends_on_the_order_and_looks_at_first_members_only():
    S = np.array([[1, 0.5, 0.1], [0.5, 1, 0.5], [0.1, 0.5, 1]])
    assert cluster([S], 0.4, "greedy")[0].tolist() == [0, 0, 1]
    order = [1, 0, 2]
    assert cluster([S[np.ix_(order, order)]], 0.4, "greedy")[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("linkage", LINKAGES)
def test_missing_answers_get_no_cluster(linkage):
    S = np.ones((4, 4))
    S[[0, 2]] = NAN
    S[:, [0, 2]] = NAN
    assert cluster([S], 0.4, linkage)[0].tolist() == [-1, 0, -1, 0]
    assert cluster([np.full((2, 2), NAN)], 0.4, linkage)[0].tolist() == [-1, -1]
    assert cluster([np.empty((0, 0))], 0.4, linkage)[0].tolist() == []
    assert cluster([[]], 0.4, linkage)[0].tolist() == []
    assert cluster([[[1.0]]], 1, linkage)[0].tolist() == [0]
    assert cluster([[[NAN]]], 0.4, linkage)[0].tolist() == [-1]


@pytest.mark.parametrize("linkage", LINKAGES)
@pytest.mark.parametrize("threshold", [0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.85, 0.95, 1.0])
def test_a_similarity_exactly_at_the_threshold_merges(linkage, threshold):
    # All pairs equal: the averages that linkage takes of 1 - S may lie an ulp above 1 - threshold.
    S = np.full((7, 7), threshold)
    np.fill_diagonal(S, 1)
    assert cluster([S], threshold, linkage)[0].tolist() == [0] * 7
    below = np.where(np.eye(7), 1, threshold - 1e-6)
    assert cluster([below], threshold, linkage)[0].tolist() == list(range(7))


@settings(max_examples=100, deadline=None)
@given(SIMILARITY, st.sampled_from([0.2, 0.35, 0.4, 0.5, 0.77]), st.sampled_from(["average", "complete", "single"]))
def test_agrees_with_scikit_learn(S, threshold, linkage):
    if len(S) < 2:
        return
    # scikit-learn keeps clusters apart at the threshold itself; a hair more lets them merge.
    reference = AgglomerativeClustering(
        n_clusters=None, distance_threshold=1 - threshold + 2e-12, metric="precomputed", linkage=linkage
    ).fit_predict(1 - S)
    assert cluster([S], threshold, linkage)[0].tolist() == renumbered(reference.tolist())


@settings(max_examples=60, deadline=None)
@given(st.lists(SIMILARITY, max_size=6), st.floats(-1, 1), st.sampled_from(LINKAGES))
def test_many_agree_with_one_at_a_time_and_labels_are_in_order(matrices, threshold, linkage):
    for S, labels in zip(matrices, cluster(matrices, threshold, linkage), strict=True):
        assert labels.tolist() == cluster([S], threshold, linkage)[0].tolist() == renumbered(labels.tolist())
        if linkage == "greedy":
            assert labels.tolist() == slow_greedy(S, threshold)


@settings(max_examples=60, deadline=None)
@given(SIMILARITY, st.floats(-1, 1), st.floats(-1, 1))
def test_raising_the_threshold_never_lowers_the_number_of_single_linkage_clusters(S, a, b):
    low, high = sorted([a, b])
    assert cluster([S], low)[0].max() <= cluster([S], high)[0].max()  # labels count from 0


@settings(max_examples=60, deadline=None)
@given(SIMILARITY, st.floats(-1, 1), st.integers(0, 1000))
def test_single_linkage_does_not_depend_on_the_order_of_samples(S, threshold, seed):
    order = np.random.default_rng(seed).permutation(len(S))
    shuffled = cluster([S[np.ix_(order, order)]], threshold)[0]
    assert shuffled.tolist() == renumbered(cluster([S], threshold)[0][order].tolist())


@settings(max_examples=30, deadline=None)
@given(SIMILARITY, st.floats(-1, 1))
def test_single_linkage_has_the_fewest_clusters(S, threshold):
    counts = {linkage: cluster([S], threshold, linkage)[0].max() for linkage in LINKAGES}
    assert counts["single"] == min(counts.values())


def bad(i, j, value):
    S = np.eye(3)
    S[i, j] = value
    return S


@pytest.mark.parametrize(
    ("S", "message"),
    [
        (np.ones((2, 3)), r"matrix 0 must be square, got shape \(2, 3\)"),
        (np.ones((2, 2, 2)), "square"),
        (bad(0, 1, 0.5), "not symmetric"),
        (bad(0, 1, NAN), "NaN in part"),
        (bad(0, 0, NAN), "NaN in part"),
        (np.full((2, 2), 1.5), "outside"),
        (np.full((2, 2), np.inf), "outside"),
        (1 - np.eye(3), "ones on its diagonal"),
    ],
)
def test_bad_matrices(S, message):
    with pytest.raises(BadInput, match=message):
        cluster([S])


def test_a_bad_matrix_among_others_is_named():
    with pytest.raises(BadInput, match="matrix 2 is not symmetric"):
        cluster([np.eye(3), np.eye(2), bad(0, 1, 0.5)])


@pytest.mark.parametrize("threshold", [1.01, -2, NAN, np.inf, "0.4", None, True])
def test_bad_thresholds(threshold):
    with pytest.raises(BadInput, match="threshold"):
        cluster([np.eye(2)], threshold)


def test_unknown_linkage_names_the_nearest():
    with pytest.raises(BadInput, match="did you mean 'single'"):
        cluster([np.eye(2)], linkage="singel")


def test_float32_similarities_and_slightly_asymmetric_ones_are_accepted():
    S = np.array([[1.0000001, 0.5], [0.5000001, 1.0]], dtype=np.float32)
    for name in LINKAGES:
        assert cluster([S], 0.4, name)[0].tolist() == [0, 0]


def test_alignment_tax():
    tax = alignment_tax([[0, 0, 0, 0], [0, 1, 2, -1], [0, -1], []])
    np.testing.assert_array_equal(tax, [3 / 4, 0, np.nan, np.nan])
    assert alignment_tax([]).shape == (0,)


@pytest.mark.parametrize(
    ("call", "mend"),
    [
        (lambda: cluster(np.eye(3)), r"similarities must be one matrix a question, got .*: \[similarities\]"),
        (lambda: cluster([[1.0, 0.5], [0.5, 1.0]]), "similarities must be one matrix a question"),
        (
            lambda: alignment_tax([0, 1, 0]),
            r"labels must be one row a question, got 0 for question 0; .* is a list of one: \[labels\]",
        ),
        (lambda: single_cluster_rate(np.array([0, 1, 0])), "labels must be one row a question"),
        (lambda: confirmed_single_cluster_rate([0, 1], [0, 1]), "labels must be one row a question"),
    ],
)
def test_one_question_given_bare_is_refused_with_the_mend(call, mend):
    with pytest.raises(BadInput, match=mend):
        call()


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


@pytest.mark.parametrize("level", [0, 1, 95, NAN, "x", None, True, [0.9]])
def test_bad_levels(level):
    for call in (single_cluster_rate, lambda x, level: confirmed_single_cluster_rate(x, x, level)):
        with pytest.raises(BadInput, match="level must be a number between 0 and 1"):
            call([[0, 0]], level=level)


def test_a_level_is_printed_as_it_is_meant():
    assert single_cluster_rate([[0, 0]], level=0.999).method == "single-cluster rate, Wilson 99.9%"
    assert single_cluster_rate([[0, 0]]).method == "single-cluster rate, Wilson 95%"
    assert "bootstrap 99.9% over" in mean_number_of_clusters([[0, 0], [0, 1]], draws=Draws(level=0.999)).method
    assert confirmed_single_cluster_rate([[0, 0]], [[0, 0]], level=0.975).method.endswith("Wilson 97.5%")


ITSELF: list = []
ITSELF.append(ITSELF)
UGLY = [None, 3, "ab", b"ab", {"a": 1}, object(), [[1, 0.5], [0.5]], [["a", "b"], ["b", "a"]], [["1", "0"], ["0", "1"]]]
UGLY += [np.array([[1, 1j], [1j, 1]]), [[[1.0]]], [None, None], [[object()]], [[10**400]], ITSELF, np.array(1.0)]


@pytest.mark.parametrize("ugly", UGLY, ids=lambda x: type(x).__name__)
def test_ugly_input_is_refused_in_one_line(ugly):
    calls = [lambda: cluster([ugly]), lambda: cluster([np.eye(2), ugly]), lambda: alignment_tax([ugly])]
    calls += [lambda f=f: f(ugly) for f in (single_cluster_rate, is_single_cluster, mean_number_of_clusters)]
    calls += [lambda f=f: f([[0, 0]], ugly) for f in (adjusted_rand_index, confirmed_single_cluster_rate)]
    calls += [lambda: cluster([np.eye(2)], ugly), lambda: cluster([np.eye(2)], linkage=ugly)]
    for call in calls:
        with pytest.raises(BadInput) as complaint:
            call()
        assert "\n" not in str(complaint.value)
    with pytest.raises(BadInput):
        cluster(3)


@pytest.mark.parametrize("name", [name for name in clustering.__all__ if name.islower() and "nli" not in name])
def test_docstrings_have_all_their_parts(name):
    doc = inspect.getdoc(getattr(clustering, name))
    for section in ("Parameters", "Returns", "Examples"):
        assert f"\n{section}\n{'-' * len(section)}\n" in doc, (name, section)
    assert ".. math::" in doc


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


@given(SIMILARITY, st.floats(-1, 1), st.sampled_from(["single", "complete"]), st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_order_of_answers_leaves_components_alone(S, threshold, name, seed):
    order = np.random.default_rng(seed).permutation(len(S))
    labels, moved = cluster([S], threshold, name)[0], cluster([S[np.ix_(order, order)]], threshold, name)[0]
    if name == "single":  # complete linkage may break ties between equal distances by the order
        together = labels[order][:, None] == labels[order]
        np.testing.assert_array_equal(moved[:, None] == moved, together)
    else:
        distinct = len(np.unique(S[np.triu_indices(len(S), 1)])) == len(S) * (len(S) - 1) // 2
        assert not distinct or len(np.unique(moved)) == len(np.unique(labels))
