import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from homogen import BadInput
from homogen import uncertainty as u

NAN = np.nan


def test_embedding_density_by_hand():
    # angles 0, 0, 60, 90 degrees: the nearest other of each, and the two nearest
    angles = np.radians([0, 0, 60, 90])
    E = np.c_[np.cos(angles), np.sin(angles)] * [[1], [7], [2], [0.1]]  # lengths do not matter
    c60, c30 = 0.5, np.sqrt(0.75)
    np.testing.assert_allclose(u.embedding_density(E, k=1), [0, 0, 1 - c30, 1 - c30], atol=1e-12)
    np.testing.assert_allclose(
        u.embedding_density(E, k=2), 1 - np.array([1 + c60, 1 + c60, c30 + c60, c30]) / 2, atol=1e-12
    )
    np.testing.assert_allclose(u.embedding_density(E[2:], k=1, reference=E[:1]), [0.5, 1], atol=1e-12)
    assert u.embedding_density(E[:1], k=1, reference=E)[0] == 0  # it finds itself there
    assert u.embedding_density([]).shape == (0,)


def test_missing_questions_are_nobodys_neighbours():
    E = np.array([[1.0, 0], [NAN, NAN], [0, 1], [1, 1]])
    c = np.sqrt(0.5)
    np.testing.assert_allclose(u.embedding_density(E, k=1), [1 - c, NAN, 1 - c, 1 - c], atol=1e-12)
    np.testing.assert_allclose(u.embedding_density(E, k=1, reference=E[:2]), [0, NAN, 1, 1 - c], atol=1e-12)
    assert np.isnan(u.embedding_density([[NAN, NAN]] * 2, k=5)).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 5), st.integers(7, 40))
def test_embedding_density_agrees_with_scikit_learn_in_any_order(seed, k, n):
    rng = np.random.default_rng(seed)
    E = rng.normal(size=(n, 6))
    scores = u.embedding_density(E, k)
    nearest = NearestNeighbors(n_neighbors=k + 1, metric="cosine", algorithm="brute").fit(E).kneighbors(E)[0][:, 1:]
    np.testing.assert_allclose(scores, nearest.mean(axis=1), atol=1e-10)
    order = rng.permutation(n)
    np.testing.assert_allclose(u.embedding_density(E[order], k), scores[order], rtol=0, atol=1e-11)
    assert ((scores >= 0) & (scores <= 2)).all()


def test_more_questions_than_a_block_holds_change_nothing():
    E = np.random.default_rng(0).normal(size=(2100, 4))  # 4.4 million similarities; a block holds 4
    nearest = NearestNeighbors(n_neighbors=4, metric="cosine", algorithm="brute").fit(E).kneighbors(E)[0]
    np.testing.assert_allclose(u.embedding_density(E, 3), nearest[:, 1:].mean(axis=1), rtol=0, atol=1e-11)
    np.testing.assert_allclose(u.embedding_density(E, 4, reference=E), nearest.mean(axis=1), rtol=0, atol=1e-11)


def test_entity_association_by_hand():
    # cosines 0, 0.6, 0.8
    E = [[2.0, 0.0], [0.0, 1.0], [3.0, 4.0]]
    np.testing.assert_allclose(u.entity_association([E])[0], 1 - 1.4 / 3, rtol=1e-12)
    np.testing.assert_allclose(u.entity_association([[*E, [NAN, NAN]]])[0], 1 - 1.4 / 3, rtol=1e-12)
    assert u.entity_association([[E[0]] * 4])[0] == 0
    assert u.entity_association([[[1.0, 0.0], [-1.0, 0.0]]])[0] == 2
    np.testing.assert_array_equal(
        u.entity_association([E[:2], E[:1], np.empty((0, 2)), [[NAN, NAN]]]), [1, NAN, NAN, NAN]
    )
    assert np.isnan(u.entity_association([[]])[0])


@given(st.integers(0, 9999), st.integers(2, 8))
def test_entity_association_is_a_mean_over_pairs_in_any_order(seed, n):
    rng = np.random.default_rng(seed)
    E = rng.normal(size=(n, 5))
    pairs = [1 - E[i] @ E[j] / np.linalg.norm(E[i]) / np.linalg.norm(E[j]) for i in range(n) for j in range(i + 1, n)]
    np.testing.assert_allclose(u.entity_association([E])[0], np.mean(pairs), atol=1e-10)
    np.testing.assert_allclose(
        u.entity_association([E[rng.permutation(n)]])[0], u.entity_association([E])[0], rtol=0, atol=1e-11
    )


def test_grounding_by_hand():
    P = [[0.2, 0.7, 0.1], [0.75, 0.25, 0.0], [NAN] * 3]
    assert u.grounding([P])[0] == 0.25
    np.testing.assert_allclose(u.grounding([P, P[:1], P[2:], []]), [0.25, 0.8, NAN, NAN])
    assert u.grounding([[[1, 0, 0]]])[0] == 0
    assert u.grounding([[[0, 0, 1]]])[0] == 1
    assert u.grounding([P[::-1]])[0] == u.grounding([P])[0]
    assert np.isnan(u.grounding([[]])[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: u.embedding_density(np.eye(5)), "k=10 neighbours asked for but there are 4; lower k"),
        (lambda: u.embedding_density(np.eye(5), k=2, reference=np.eye(5)[:1]), "k=2 .* there are 1"),
        (lambda: u.embedding_density(np.eye(5), k=0), "k must be"),
        (lambda: u.embedding_density(np.eye(5), k=1.5), "k must be"),
        (lambda: u.embedding_density(np.eye(5), k=True), "k must be"),
        (lambda: u.embedding_density(np.ones(5), k=1), r"shape \(Q, d\)"),
        (lambda: u.embedding_density([[1.0, 0.0], [0.0, 0.0]], k=1), "embeddings, row 1, is zero"),
        (lambda: u.embedding_density([[NAN], [1.0], [np.inf]], k=1), "embeddings, row 2, is zero or infinite"),
        (lambda: u.embedding_density(np.eye(2), k=1, reference=np.eye(3)), "2 dimensions but a reference of 3"),
        (lambda: u.embedding_density([[1.0], [1.0, 2.0]], k=1), "embeddings: must be numbers"),
        (lambda: u.entity_association([np.eye(2), np.zeros((2, 2))]), "question 1: embedding 0 is zero"),
        (lambda: u.entity_association([[1.0, 2.0]]), "question 0"),
        (lambda: u.grounding([[0.5, 0.3, 0.2]]), r"one \(k, 3\) array a question, got .* for question 0"),
        (lambda: u.grounding([[[1, 0, 0]], [[0.5, 0.2, 0.2]]]), "question 1: .* add up to 1"),
        (lambda: u.grounding([[[np.inf, 0, 0]]]), "question 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(BadInput, match=message):
        call()
