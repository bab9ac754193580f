import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from homogen import uncertainty as u

NAN = np.nan
ROWS = st.lists(st.lists(st.floats(0, 11), max_size=6), max_size=6)
LABELS = st.lists(st.integers(-1, 3), min_size=0, max_size=8)


def test_doctests():
    assert doctest.testmod(u).failed == 0


def test_token_statistics_by_hand():
    # mean 1, deviations -1 -1 -1 3: variance 3; one of four tokens above twice the mean
    rows = [[0.0, 0.0, 0.0, 4.0], [2.0], []]
    np.testing.assert_array_equal(u.mean_entropy(rows), [1, 2, NAN])
    np.testing.assert_array_equal(u.max_entropy(rows), [4, 2, NAN])
    np.testing.assert_allclose(u.std_entropy(rows), [np.sqrt(3), 0, NAN], rtol=1e-15)
    np.testing.assert_array_equal(u.high_entropy_ratio(rows), [0.25, 0, NAN])
    np.testing.assert_array_equal(u.high_entropy_ratio(rows, threshold=1.5), [0.25, 1, NAN])
    np.testing.assert_array_equal(u.high_entropy_ratio(rows, threshold=4.0), [0, 0, NAN])


def test_log_probabilities_by_hand():
    rows = [[-1.0, -3.0], [], [0.0]]
    np.testing.assert_array_equal(u.negative_log_likelihood(rows), [2, NAN, 0])
    np.testing.assert_array_equal(u.negative_log_likelihood(rows, normalize=False), [4, NAN, 0])
    np.testing.assert_allclose(u.perplexity(rows), [np.exp(2), NAN, 1])


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_token_statistics_agree_with_numpy_row_by_row(rows):
    for ours, reference in [
        (u.mean_entropy(rows), np.mean),
        (u.max_entropy(rows), np.max),
        (u.std_entropy(rows), np.std),
        (u.high_entropy_ratio(rows, threshold=1.0), lambda x: np.mean(np.asarray(x) > 1)),
        (u.negative_log_likelihood([[-x for x in row] for row in rows]), np.mean),
        (u.negative_log_likelihood([[-x for x in row] for row in rows], normalize=False), np.sum),
    ]:
        np.testing.assert_allclose(ours, [reference(row) if row else NAN for row in rows], rtol=1e-12, atol=1e-12)
    assert not (u.high_entropy_ratio(rows) >= 0.5).any()


def test_nan_tokens_make_an_answer_undefined_and_nothing_else():
    rows = [[1.0, NAN], [1.0]]
    for measure in (u.mean_entropy, u.max_entropy, u.std_entropy, u.high_entropy_ratio):
        assert np.isnan(measure(rows)).tolist() == [True, False]
    assert np.isnan(u.high_entropy_ratio(rows, threshold=0.5)).tolist() == [True, False]
    assert u.mean_entropy([]).shape == (0,)
    assert np.isnan(u.mean_entropy([[], []])).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: u.mean_entropy([0.1, 0.2]), "row 0 .* one row an answer"),
        (lambda: u.mean_entropy([[0.1], [np.inf]]), "row 1: entropy below 0 or infinite"),
        (lambda: u.max_entropy([[0.1], [-0.5]]), "row 1: entropy below 0"),
        (lambda: u.negative_log_likelihood([[0.9]]), "row 0: log-probability above 0"),
        (lambda: u.perplexity([[-np.inf]]), "row 0: log-probability"),
        (lambda: u.high_entropy_ratio([[1.0]], threshold=-1), "threshold"),
        (lambda: u.high_entropy_ratio([[1.0]], threshold=NAN), "threshold"),
        (lambda: u.semantic_entropy([0.5, 1.0]), "labels"),
        (lambda: u.semantic_entropy([[0, 1], [-2]]), "question 1: labels"),
        (lambda: u.number_of_sets([[0, 1], [0.5]]), "question 1: labels"),
        (lambda: u.semantic_entropy([0, 1], [-1.0]), "question 0: 2 labels but 1 log-prob"),
        (lambda: u.semantic_entropy([[0, 1]], [[-1.0, -1.0]] * 2), "labels of 1 questions but"),
        (lambda: u.semantic_entropy([0, 1], [-1.0, -np.inf]), "infinite"),
        (lambda: u.selfcheck([[1.0, 0.0]], []), "1 greedy answers but samples of 0"),
        (lambda: u.selfcheck([1.0, 0.0], [[1.0, 0.0, 0.0]]), "2 and 3 dimensions"),
        (lambda: u.selfcheck([0.0, 0.0], [[1.0, 0.0]]), "no direction"),
        (lambda: u.selfcheck([1.0, 0.0], [1.0, 0.0]), r"shape \(N, d\)"),
        (lambda: u.sindex([np.eye(2), np.zeros((2, 2))]), "question 1: an embedding is zero"),
        (lambda: u.sindex(np.eye(2), threshold=0), "threshold"),
        (lambda: u.sindex(np.eye(2), threshold=1.1), "threshold"),
        (lambda: u.lexical_dissimilarity(np.ones((2, 3))), "square"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_rounding_on_the_wrong_side_of_zero_is_forgiven():
    np.testing.assert_allclose(u.mean_entropy([[-1e-6, 1.0]]), [0.5], atol=1e-5)
    np.testing.assert_allclose(u.negative_log_likelihood([[1e-6, -1.0]]), [0.5], atol=1e-5)


def test_semantic_entropy_by_hand():
    # 4 answers in clusters of 2, 1, 1: (1/2) ln 2 + 2 (1/4) ln 4 = 1.5 ln 2
    np.testing.assert_allclose(u.semantic_entropy([0, 1, 0, 2]), 1.5 * np.log(2), rtol=1e-15)
    assert u.semantic_entropy([0, 0, 0]) == 0
    assert not np.signbit(u.semantic_entropy([0, 0, 0]))
    # masses 0.2 + 0.2 and 0.4: even
    np.testing.assert_allclose(u.semantic_entropy([0, 0, 1], np.log([0.2, 0.2, 0.4])), np.log(2), rtol=1e-14)
    # a missing answer weighs nothing, whatever is given for it
    assert u.semantic_entropy([0, 1, -1], [-1.0, -1.0, NAN]) == u.semantic_entropy([0, 1])
    assert np.isnan(u.semantic_entropy([0, 1, 1], [-1.0, NAN, -1.0]))
    assert np.isnan(u.semantic_entropy([[0, 1], [0, 1]], [[NAN, NAN], [-1, -1]])).tolist() == [True, False]


def test_one_question_gives_a_float_and_a_list_an_array():
    assert isinstance(u.semantic_entropy([0, 1]), float)
    assert isinstance(u.semantic_entropy(np.array([0, 1])), float)
    assert u.semantic_entropy([[0, 1]]).shape == (1,)
    assert u.semantic_entropy(np.array([[0, 1], [0, 0]])).shape == (2,)
    assert u.semantic_entropy([[0, 1], [0, 0]], [[-1, -1], [-1, -2]]).shape == (2,)
    for measure in (u.semantic_entropy, u.number_of_sets, u.sindex, u.lexical_dissimilarity):
        assert np.isnan(measure([]))
    assert isinstance(u.sindex(np.eye(2)), float)
    assert u.sindex([np.eye(2), np.eye(3)]).shape == (2,)
    assert isinstance(u.lexical_dissimilarity(np.eye(2)), float)
    assert u.lexical_dissimilarity([np.eye(2), np.eye(3)]).shape == (2,)


def test_fewer_than_two_answers_are_undefined():
    for labels in ([0], [-1, 0, -1], [-1, -1]):
        assert np.isnan(u.semantic_entropy(labels))
        assert np.isnan(u.number_of_sets(labels))
    np.testing.assert_array_equal(u.number_of_sets([[], [0, 1], [-1, 2]]), [NAN, 2, NAN])
    np.testing.assert_array_equal(u.semantic_entropy([[], [0, 0], []]), [NAN, 0, NAN])
    assert np.isnan(u.sindex([[1.0, 0.0], [NAN, NAN]]))
    assert np.isnan(u.sindex([[NAN, NAN]]))
    np.testing.assert_array_equal(u.sindex([np.empty((0, 3)), np.ones((2, 3))]), [NAN, 0])
    assert np.isnan(u.lexical_dissimilarity([[1.0, NAN], [NAN, NAN]]))
    assert np.isnan(u.lexical_dissimilarity(np.empty((0, 0))))


@settings(max_examples=80, deadline=None)
@given(st.lists(LABELS, min_size=1, max_size=5), st.integers(0, 999))
def test_semantic_entropy_agrees_with_the_definition(questions, seed):
    rng = np.random.default_rng(seed)
    logprobs = [rng.normal(-800, 300, len(q)) for q in questions]
    discrete, weighted = u.semantic_entropy(questions), u.semantic_entropy(questions, logprobs)
    for labels, lp, d, w in zip(questions, logprobs, discrete, weighted, strict=True):
        labels = np.array(labels, dtype=int)
        left = labels >= 0
        if left.sum() < 2:
            assert np.isnan(d)
            assert np.isnan(w)
            continue
        for weights, ours in ((np.zeros(len(lp)), d), (lp, w)):
            mass = np.array([logsumexp(weights[labels == c]) for c in np.unique(labels[left])])
            log_p = mass - logsumexp(weights[left])
            np.testing.assert_allclose(ours, -(np.exp(log_p) * log_p).sum(), rtol=1e-9, atol=1e-12)
        assert 0 <= d <= np.log(left.sum()) + 1e-12
        order = rng.permutation(len(labels))
        assert u.semantic_entropy(labels[order]) == d
        np.testing.assert_allclose(u.semantic_entropy(labels[order], lp[order]), w, rtol=1e-12, atol=1e-15)
        assert u.semantic_entropy(np.where(left, 7 - labels, -1)) == d  # names of clusters mean nothing


def test_equal_cluster_sizes_are_exact_ties():
    # 1 + 2 + 3 + 4 of ten in 24 orders: added up as they come, some differ in the last bit
    rng = np.random.default_rng(0)
    questions = [np.repeat(rng.permutation(4), rng.permutation([1, 2, 3, 4])) for _ in range(200)]
    assert len(set(u.semantic_entropy(questions).tolist())) == 1


def test_selfcheck_by_hand_and_batched():
    # cosines with (1, 0): 1, 0.6, -1 -> mean 0.2
    samples = [[5.0, 0.0], [3.0, 4.0], [-2.0, 0.0], [NAN, NAN]]
    np.testing.assert_allclose(u.selfcheck([2.0, 0.0], samples), 0.8, rtol=1e-12)
    batch = u.selfcheck(
        [[2.0, 0.0], [NAN, NAN], [1.0, 0.0], [0.0, 1.0]], [samples, samples, [[NAN, NAN]], [[0.0, 9.0]]]
    )
    np.testing.assert_allclose(batch, [0.8, NAN, NAN, 0.0], rtol=1e-12)
    assert np.isnan(u.selfcheck([1.0, 0.0], []))


def test_identical_embeddings_score_exactly_zero():
    rng = np.random.default_rng(1)
    for _ in range(50):
        vector = rng.normal(size=384)
        assert u.sindex(np.tile(vector, (10, 1))) == 0
        assert u.selfcheck(vector, np.tile(vector, (5, 1))) == 0


def test_sindex_by_hand():
    # Angles 0, 10, 90 degrees: cos 10 = 0.9848 joins the first; p' = (2/3) 0.9848 and 1/3.
    angles = np.radians([0, 10, 90])
    V = np.c_[np.cos(angles), np.sin(angles)]
    p = np.array([2 / 3 * np.cos(np.radians(10)), 1 / 3])
    np.testing.assert_allclose(u.sindex(V), -(p * np.log(p)).sum(), rtol=1e-10)
    np.testing.assert_allclose(u.sindex(V, threshold=0.99), np.log(3), rtol=1e-10)
    assert u.sindex(np.ones((4, 3)), threshold=1) == 0


def slow_sindex(V, threshold=0.95):
    """The released script's way, pair by pair."""
    V = V / np.linalg.norm(V, axis=1, keepdims=True)
    clusters = []
    for i in range(len(V)):
        for c in clusters:
            if sum(1 - V[i] @ V[j] for j in c) / len(c) <= 1 - threshold + 1e-12:
                c.append(i)
                break
        else:
            clusters.append([i])
    total = 0.0
    for c in clusters:
        pairs = [V[a] @ V[b] for x, a in enumerate(c) for b in c[x + 1 :]]
        p = len(c) / len(V) * (np.mean(pairs) if pairs else 1.0)
        total -= p * np.log(p)
    return total


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.integers(2, 9), st.sampled_from([0.5, 0.9, 0.95]))
def test_sindex_agrees_with_a_loop(seed, n, threshold):
    V = np.random.default_rng(seed).normal(1, 0.3, (n, 4))
    np.testing.assert_allclose(u.sindex(V, threshold), slow_sindex(V, threshold), atol=1e-10)


def test_lexical_dissimilarity_by_hand():
    # pairs 0.5, 0, 0.25: mean 0.25; a missing answer takes its pairs with it
    S = np.array([[1, 0.5, 0, NAN], [0.5, 1, 0.25, NAN], [0, 0.25, 1, NAN], [NAN] * 4])
    assert u.lexical_dissimilarity(S) == 0.75
    assert u.lexical_dissimilarity(np.ones((5, 5))) == 0
    order = [2, 3, 0, 1]
    assert u.lexical_dissimilarity(S[np.ix_(order, order)]) == 0.75
