import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import AgglomerativeClustering
from tiny_answers import SIMILARITY

from homogen.clustering import LINKAGES, cluster
from homogen.clustering import linkage as room
from homogen.records import BadInput

NAN = np.nan


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


def test_doctests():
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
@given(SIMILARITY, st.integers(-1000, 1000))
def test_single_linkage_has_the_fewest_clusters(S, thousandths):
    # Agglomerative linkage works on distances, in which a threshold of 1e-195 is 0: both are within its slack of 1e-12.
    threshold = thousandths / 1000
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
