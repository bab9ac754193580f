import re
from itertools import pairwise

import numpy as np
import pytest
from conftest import complaint
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm, fractional_matrix_power, logm

from homogen import BadInput
from homogen import uncertainty as u

NAN = np.nan
MEASURES = [
    u.lexical_dissimilarity,
    u.degree,
    u.eccentricity,
    u.laplacian,
    u.kernel_language_entropy,
    u.vendi_score,
]


def kernel(rng, n, distinct=None):
    """A positive semidefinite similarity of n answers, ``distinct`` of them different."""
    V = np.abs(rng.normal(size=(n, 4)))
    V = V[rng.integers(0, min(distinct, n), n)] if distinct else V
    V /= np.linalg.norm(V, axis=1, keepdims=True)
    return np.clip(V @ V.T, 0, 1)


def noise(rng, n):
    """A symmetric one with no other structure, hardly ever positive semidefinite."""
    S = rng.random((n, n))
    S = (S + S.T) / 2
    np.fill_diagonal(S, 1)
    return S


def blocks(*sizes):
    """Answers in cliques: 1 within, 0 between."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return (labels[:, None] == labels).astype(float)


def with_missing(S, *where):
    """The same matrix with missing answers put in."""
    for i in where:
        S = np.insert(np.insert(S, i, NAN, axis=0), i, NAN, axis=1)
    return S


def normalised_laplacian(S):
    D = np.diag([sum(row) for row in S])
    root = np.linalg.inv(fractional_matrix_power(D, 0.5))
    return root @ (D - S) @ root


def slow_degree(S):
    N = len(S)
    D = np.diag(S.sum(axis=1))
    return np.trace(N * np.eye(N) - D) / N**2


def slow_eccentricity(S, threshold=0.9):
    """Distances of the answers from their centre, answer by answer, as in the authors' code."""
    values, vectors = np.linalg.eigh(normalised_laplacian(S))
    X = vectors[:, values < threshold]
    distance = [np.linalg.norm(x - X.mean(axis=0)) for x in X]
    return np.linalg.norm(distance)


def slow_laplacian(S):
    return sum(max(0.0, 1 - value) for value in np.linalg.eig(normalised_laplacian(S))[0].real)


def slow_kle(S, t=0.3):
    """Edges of networkx's kind, no loops, both directions added; the entropy by the matrix logarithm."""
    N = len(S)
    W = S + S.T
    np.fill_diagonal(W, 0)
    K = expm(-t * (np.diag(W.sum(axis=0)) - W))
    d = np.sqrt(np.diag(K))
    K = K / np.outer(d, d) / N
    return -np.trace(K @ logm(K)).real


def slow_vendi(S):
    values = np.linalg.eig(S / len(S))[0].real
    values = values[values > 0]
    return np.exp(-sum(v * np.log(v) for v in values))


def test_two_answers_by_hand():
    # S = [[1, s], [s, 1]]: degrees 1 + s; D^-1/2 S D^-1/2 has eigenvalues 1 and (1 - s)/(1 + s)
    s = 0.25
    S = [[1, s], [s, 1]]
    assert u.lexical_dissimilarity([S])[0] == 0.75
    assert u.degree([S])[0] == 0.375
    np.testing.assert_allclose(u.laplacian([S])[0], 1 + 0.75 / 1.25, atol=1e-12)
    # the second eigenvalue of L is 0.4; its vector (1, -1)/sqrt 2 is centred and of length 1
    assert u.eccentricity([S])[0] == 1
    assert u.eccentricity([S], threshold=0.3)[0] == 0
    # L = 2 s [[1, -1], [-1, 1]]: heat keeps (1 + h)/2 and passes on (1 - h)/2 with h = e^(-4 s t)
    h = np.exp(-4 * s * 0.3)
    r = (1 - h) / (1 + h)
    p = np.array([1 + r, 1 - r]) / 2
    np.testing.assert_allclose(u.kernel_language_entropy([S])[0], -(p * np.log(p)).sum(), atol=1e-12)
    p = np.array([1 + s, 1 - s]) / 2
    np.testing.assert_allclose(u.vendi_score([S])[0], np.exp(-(p * np.log(p)).sum()), atol=1e-12)


def test_cliques_are_counted():
    # 2 + 1 + 1 answers: a disconnected graph with two isolated answers
    S = blocks(2, 1, 1)
    np.testing.assert_allclose(u.lexical_dissimilarity([S])[0], 5 / 6, rtol=1e-15)
    np.testing.assert_allclose(u.degree([S])[0], 1 - 6 / 16, rtol=1e-15)
    assert u.laplacian([S])[0] == 3
    # three eigenvalues 0, and 1 lies in their span: sqrt(3 - 1)
    np.testing.assert_allclose(u.eccentricity([S])[0], np.sqrt(2), atol=1e-12)
    np.testing.assert_allclose(u.vendi_score([S])[0], np.exp(1.5 * np.log(2)), atol=1e-12)  # shares 1/2, 1/4, 1/4
    for sizes in ([5], [1] * 5, [3, 2], [4, 4, 1, 1]):
        assert u.laplacian([blocks(*sizes)])[0] == len(sizes)
        np.testing.assert_allclose(u.eccentricity([blocks(*sizes)])[0], np.sqrt(len(sizes) - 1), atol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_identical_answers_have_the_least_score_and_unlike_ones_the_most(n):
    same, unlike = np.ones((n, n)), np.eye(n)
    least, most = np.transpose([m([same, unlike]) for m in MEASURES])
    assert np.delete(least, MEASURES.index(u.kernel_language_entropy)).tolist() == [0, 0, 0, 1, 1]
    np.testing.assert_allclose(most, [1, 1 - 1 / n, np.sqrt(n - 1), n, np.log(n), n], rtol=1e-12)
    # every answer keeps 1/n + (1 - 1/n) h and gets h' = (1 - h)/n of each other, h = e^(-2 n t)
    h = np.exp(-2 * n * 0.3)
    r = (1 - h) / (1 + (n - 1) * h)
    p = np.array([1 + (n - 1) * r, *[1 - r] * (n - 1)]) / n
    np.testing.assert_allclose(u.kernel_language_entropy([same])[0], -(p * np.log(p)).sum(), atol=1e-12)


def test_a_fully_connected_graph_of_weak_edges():
    # all pairs 0.5: one eigenvalue 0, the others 1 - 0.5/(1 + 0.5 (N - 1)); over 0.9 for N = 10, not for N = 4
    for n, expected in ((10, 0), (4, np.sqrt(3))):
        S = np.full((n, n), 0.5) + 0.5 * np.eye(n)
        np.testing.assert_allclose(u.eccentricity([S])[0], expected, atol=1e-12)
        np.testing.assert_allclose(u.eccentricity([S], threshold=2)[0], np.sqrt(n - 1), atol=1e-12)
        np.testing.assert_allclose(u.laplacian([S])[0], 1 + (n - 1) * 0.5 / (0.5 + 0.5 * n), atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.integers(2, 9), st.sampled_from([None, 2, 3]))
def test_spectral_measures_agree_with_the_papers_formulas(seed, n, distinct):
    rng = np.random.default_rng(seed)
    S = kernel(rng, n, distinct)
    R = noise(rng, n)
    for M in (S, R):
        np.testing.assert_allclose(u.degree([M])[0], slow_degree(M), atol=1e-10)
        np.testing.assert_allclose(u.eccentricity([M])[0], slow_eccentricity(M), atol=1e-7 if distinct else 1e-10)
        np.testing.assert_allclose(
            u.eccentricity([M], 0.5)[0], slow_eccentricity(M, 0.5), atol=1e-7 if distinct else 1e-10
        )
        np.testing.assert_allclose(u.laplacian([M])[0], slow_laplacian(M), atol=1e-10)
        for t in (0.1, 0.3, 1.0):
            np.testing.assert_allclose(u.kernel_language_entropy([M], t)[0], slow_kle(M, t), atol=1e-10)
        np.testing.assert_allclose(u.kernel_language_entropy([M], scale=True)[0], slow_kle(M) / np.log(n), atol=1e-10)
    # eig of a singular matrix leaves 1e-17 above or below 0, which is no matter
    np.testing.assert_allclose(u.vendi_score([S])[0], slow_vendi(S), atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.integers(2, 8))
def test_bounds(seed, n):
    rng = np.random.default_rng(seed)
    for S in (kernel(rng, n), noise(rng, n), noise(rng, n) ** 8 * (1 - np.eye(n)) + np.eye(n)):
        low = [0, 0, 0, 1, u.kernel_language_entropy([np.ones((n, n))])[0], 1]
        high = [1, 1 - 1 / n, np.sqrt(n - 1), n, np.log(n), n]
        for measure, least, most in zip(MEASURES, low, high, strict=True):
            assert least - 1e-10 <= measure([S])[0] <= most + 1e-10, measure.__name__


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.integers(2, 8))
def test_the_order_of_answers_and_questions_changes_nothing(seed, n):
    rng = np.random.default_rng(seed)
    S = [kernel(rng, n, 3), noise(rng, n + 1), blocks(n, 2), noise(rng, n), with_missing(noise(rng, n), 1)]
    orders = [rng.permutation(len(M)) for M in S]
    for measure in MEASURES:
        scores = measure(S)
        shuffled = measure([M[np.ix_(o, o)] for M, o in zip(S, orders, strict=True)])
        np.testing.assert_allclose(shuffled, scores, rtol=0, atol=2e-12)
        np.testing.assert_allclose(measure(S[::-1])[::-1], scores, rtol=0, atol=2e-12)
        np.testing.assert_allclose(
            [*map(measure, [[M] for M in S])], scores[:, None], rtol=0, atol=2e-12
        )  # alone as in company


def test_tied_graphs_are_tied_to_the_last_bit():
    # the same graph in 50 orders: eigenvalue routines round each differently
    rng = np.random.default_rng(3)
    S = noise(rng, 10)
    orders = [rng.permutation(10) for _ in range(50)]
    for measure in MEASURES:
        assert len(set(measure([S[np.ix_(o, o)] for o in orders]).tolist())) == 1, measure.__name__


def test_eccentricity_does_not_hang_on_the_basis_of_an_eigenspace():
    # three cliques of two: eigenvalue 0 three times over, in any basis the solver likes; weights are turned slightly
    S = blocks(2, 2, 2)
    expected = np.sqrt(2)
    for order in ([0, 2, 4, 1, 3, 5], [5, 0, 3, 2, 4, 1]):
        np.testing.assert_allclose(u.eccentricity([S[np.ix_(order, order)]])[0], expected, atol=1e-12)
    # by a basis chosen at random, from the definition
    rng = np.random.default_rng(0)
    values, vectors = np.linalg.eigh(normalised_laplacian(S))
    for _ in range(5):
        X = vectors[:, values < 0.9] @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
        np.testing.assert_allclose(np.linalg.norm(X - X.mean(axis=0)), expected, atol=1e-12)


def test_an_eigenvalue_on_the_threshold_is_left_out_with_its_whole_space():
    # two cliques of five, similarity 0.9/1.1 across: the second eigenvalue is exactly 1 - (1 - c)/(1 + c) = 0.9
    c = 0.9 / 1.1
    S = blocks(5, 5)
    S = S + c * (1 - S)
    assert abs(1 - (1 - c) / (1 + c) - 0.9) < 1e-15
    rng = np.random.default_rng(0)
    scores = [u.eccentricity([S[np.ix_(o, o)]])[0] for o in (rng.permutation(10) for _ in range(20))]
    assert set(scores) == {0.0}
    assert u.eccentricity([S], threshold=0.9001)[0] == pytest.approx(1, abs=1e-12)


def test_missing_answers_are_left_out():
    rng = np.random.default_rng(5)
    S = noise(rng, 6)
    for measure in MEASURES:
        (expected,) = measure([S])
        together = measure([with_missing(S, 0, 3, 8), with_missing(S, 2), S, with_missing(S, 0, 0)])
        np.testing.assert_allclose(together, [expected] * 4, rtol=0, atol=2e-12)
        assert np.isnan(measure([np.full((4, 4), NAN), with_missing(np.ones((1, 1)), 0), [[1.0]], []])).all()
        np.testing.assert_allclose(measure([np.empty((0, 0)), S, [[1.0]]]), [NAN, expected, NAN], rtol=0, atol=2e-12)
        # a NaN between two answers that are both there cannot be left out
        hole = S.copy()
        hole[1, 2] = hole[2, 1] = NAN
        assert np.isnan(measure([hole, S])).tolist() == [True, False]


def test_a_duplicate_never_adds_a_meaning():
    S = noise(np.random.default_rng(6), 4)
    twice = [0, 0, 1, 1, 2, 2, 3, 3]
    D = S[np.ix_(twice, twice)]
    np.testing.assert_allclose(u.laplacian([D])[0], u.laplacian([S])[0], atol=1e-10)
    np.testing.assert_allclose(u.vendi_score([D])[0], u.vendi_score([S])[0], atol=1e-10)


def test_lexical_dissimilarity_by_hand():
    # pairs 0.5, 0, 0.25: mean 0.25; a missing answer takes its pairs with it
    S = np.array([[1, 0.5, 0, NAN], [0.5, 1, 0.25, NAN], [0, 0.25, 1, NAN], [NAN] * 4])
    assert u.lexical_dissimilarity([S])[0] == 0.75
    assert u.lexical_dissimilarity([np.ones((5, 5))])[0] == 0
    order = [2, 3, 0, 1]
    assert u.lexical_dissimilarity([S[np.ix_(order, order)]])[0] == 0.75
    assert u.lexical_dissimilarity([[[1, -1], [-1, 1]]])[0] == 2  # cosines may be negative
    assert u.vendi_score([[[1, -1], [-1, 1]]])[0] == 1


def test_vendi_score_of_what_is_not_positive_semidefinite():
    # a ~ b ~ c but a and c unlike: eigenvalues 1 and 1 +- sqrt 2, one of them negative
    S = np.array([[1.0, 1, 0], [1, 1, 1], [0, 1, 1]])
    p = np.array([1, 1 + np.sqrt(2)]) / (2 + np.sqrt(2))
    np.testing.assert_allclose(u.vendi_score([S])[0], np.exp(-(p * np.log(p)).sum()), atol=1e-12)
    assert slow_vendi(S) < u.vendi_score([S])[0] - 0.1  # dropped but not divided by the sum


def test_lm_polygraphs_kernel_language_entropy_on_nli_probabilities():
    rng = np.random.default_rng(7)
    P = rng.dirichlet(np.ones(3), (6, 6))  # entailment, neutral, contradiction of ordered pairs
    weight = P[..., 0] + P[..., 1] / 2
    W = weight + weight.T
    K = expm(-0.3 * (np.diag(W.sum(axis=0)) - W))
    K = K / np.sqrt(np.outer(np.diag(K), np.diag(K))) / 6
    values = np.linalg.eigvals(K).real
    S = W / 2
    np.fill_diagonal(S, 1)  # loops cancel in the Laplacian
    np.testing.assert_allclose(
        u.kernel_language_entropy([S], scale=True)[0], -sum(v * np.log(v) for v in values) / np.log(6), atol=1e-10
    )


def test_each_argument_changes_the_result():
    S = noise(np.random.default_rng(8), 6)
    assert u.eccentricity([S], threshold=0.5)[0] != u.eccentricity([S])[0]
    scores = [u.kernel_language_entropy([S], t)[0] for t in (0.01, 0.1, 0.3, 1, 10)]
    assert all(a > b for a, b in pairwise(scores))  # the longer the heat spreads, the more alike
    assert u.kernel_language_entropy([S], scale=True)[0] != u.kernel_language_entropy([S])[0]
    assert u.kernel_language_entropy([S], t=1e6)[0] == pytest.approx(0, abs=1e-10)
    assert not np.signbit(u.kernel_language_entropy([np.ones((3, 3))], t=1e6)[0])


def test_half_precision_is_forgiven():
    S = kernel(np.random.default_rng(9), 6).astype(np.float16)
    S[0, 1] += np.float16(0.0005)
    S[np.arange(6), np.arange(6)] = np.float16(1.0005)
    for measure in MEASURES:
        assert np.isfinite(measure([S])).all()
    # a diagonal that is 1 but for rounding is 1
    T = noise(np.random.default_rng(9), 6)
    for measure in MEASURES:
        assert len(set(measure([T - 0.0005 * np.eye(6), T]).tolist())) == 1


@pytest.mark.parametrize(
    ("S", "message"),
    [
        ([np.ones((2, 3))], "question 0: similarities must be square"),
        ([np.eye(2), np.ones((3, 1))], "question 1: similarities must be square"),
        ([np.eye(2), np.ones(3)], "similarities must be one matrix a question, got .* for question 1"),
        ([np.eye(2), [[1, 0.5], [0.4, 1]]], "question 1: .* symmetric"),
        ([[[1, NAN], [0.4, 1]]], "question 0: .* symmetric"),
        ([[[1, 1.5], [1.5, 1]]], r"question 0: .* lie in \[-?[01], 1\]"),
        ([[[1, -1.5], [-1.5, 1]]], "question 0: .* lie in"),
        ([np.eye(2), np.eye(3), [[1, np.inf], [np.inf, 1]]], "question 2: .* finite"),
        ([np.zeros((2, 2))], "question 0: .* 1 on the diagonal"),
        ([[[1, 0.5], [0.5]]], "question 0: similarities: must be numbers in rows of equal length"),
        ([[["a", "b"], ["b", "a"]]], "question 0: similarities: must be numbers"),
    ],
)
def test_bad_matrices(S, message):
    for measure in MEASURES:
        assert re.search(message, complaint(measure, S)), measure.__name__


@pytest.mark.parametrize("measure", MEASURES[1:5])
def test_edges_cannot_be_negative(measure):
    with pytest.raises(BadInput, match=r"question 0: similarities must lie in \[0, 1\]"):
        measure([[[1, -0.5], [-0.5, 1]]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: u.eccentricity([np.eye(2)], threshold=0), "threshold"),
        (lambda: u.eccentricity([np.eye(2)], threshold=2.1), "threshold"),
        (lambda: u.eccentricity([np.eye(2)], threshold=NAN), "threshold"),
        (lambda: u.kernel_language_entropy([np.eye(2)], t=0), "t must be"),
        (lambda: u.kernel_language_entropy([np.eye(2)], t=np.inf), "t must be"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(BadInput, match=message):
        call()
