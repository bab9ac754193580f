import doctest

import numpy as np
import pytest
from tiny_answers import letters

from homogen.records import BadInput
from homogen.similarity import cosine, cosine_of, embed
from homogen.similarity import embedding as room


def test_doctests():
    assert doctest.testmod(room).failed == 0


def test_cosine_by_hand():
    vectors = {"x": [2.0, 0.0], "y": [3.0, 4.0], "z": [-1.0, 0.0]}
    S = cosine([["x", "y", "z", "", "x"]], lambda texts: np.array([vectors[t] for t in texts]))[0]
    np.testing.assert_allclose(S[0], [1, 0.6, -1, np.nan, 1], atol=1e-15)
    assert S[0, 4] == 1
    assert np.isnan(S[3]).all()


def test_identical_texts_are_exactly_one_whatever_the_rounding():
    rng = np.random.default_rng(0)
    table = {str(i): rng.normal(size=384) * 10.0 ** rng.integers(-200, 200) for i in range(50)}
    texts = [str(i) for i in range(50)] * 2
    S = cosine([texts], lambda given: np.array([table[t] for t in given]))[0]
    assert (np.diag(S) == 1).all()
    assert (S[np.arange(50), np.arange(50) + 50] == 1).all()


def test_each_distinct_text_is_embedded_once_in_one_call():
    calls = []

    def embedder(texts):
        calls.append(list(texts))
        return letters(texts)

    benchmark = [["a", "b", "a", ""], [], ["b", "c"]]
    vectors = embed(benchmark, embedder)
    assert calls == [["a", "b", "c"]]
    assert [v.shape for v in vectors] == [(4, 11), (0, 11), (2, 11)]
    assert np.isnan(vectors[0][3]).all()
    np.testing.assert_allclose(np.linalg.norm(vectors[2], axis=1), 1, atol=1e-15)
    for S, v in zip(cosine(benchmark, letters), vectors, strict=True):
        np.testing.assert_array_equal(S, cosine_of([v])[0])


def test_nothing_to_embed_calls_nothing():
    def never(texts):
        raise AssertionError

    assert np.isnan(cosine([["", " "]], never)[0]).all()
    assert cosine([[]], never)[0].shape == (0, 0)
    assert cosine([], never) == []


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([[1.0, 0.0], [0.0, 0.0]], "'second' is zero"),
        ([[1.0, 0.0], [np.nan, 0.0]], "'second' holds NaN"),
        ([[1.0, 0.0], [np.inf, 0.0]], "'second' holds NaN or infinity"),
        ([1.0, 2.0], r"shape \(2,\) for 2 texts"),
        ([[1.0, 2.0]], r"shape \(1, 2\) for 2 texts"),
    ],
)
def test_bad_embeddings_name_the_text(vectors, message):
    with pytest.raises(ValueError, match=message):
        cosine([["first", "second"]], lambda texts: np.array(vectors))


def test_bad_vectors_at_hand():
    with pytest.raises(ValueError, match="shape"):
        cosine_of([np.ones((1, 1, 3))])
    with pytest.raises(ValueError, match="embedding 2 is zero"):
        cosine_of([[[1.0, 0.0], [np.nan, np.nan], [0.0, 0.0]]])
    with pytest.raises(ValueError, match="embedding 0 holds NaN"):
        cosine_of([[[1.0, np.nan]]])


def test_ragged_vectors_are_one_line_each():
    with pytest.raises(BadInput, match="embeddings must be numbers in rows of equal length"):
        cosine_of([[[1, 0], [1]]])
    with pytest.raises(BadInput, match="the embedder returned no array of numbers for 2 texts"):
        cosine([["a", "b"]], lambda texts: [[1, 0], [1]])


@pytest.mark.parametrize("embedder", [None, 5, [], object(), np.eye(2), "all-minilm-l6-v2"], ids=lambda x: repr(x)[:20])
def test_what_is_no_embedder(embedder):
    with pytest.raises(BadInput, match="an embedder is a function from texts to vectors, got"):
        cosine([["a"]], embedder)


@pytest.mark.parametrize("vectors", [[["1", "0"]], [[1j, 0]], [[10**400, 0]], [["1", 0]], [[{}]]])
def test_vectors_that_are_no_numbers(vectors):
    with pytest.raises(BadInput, match="embeddings must be numbers in rows of equal length"):
        cosine_of([vectors])
    with pytest.raises(BadInput, match="the embedder returned no array of numbers"):
        cosine([["a"]], lambda texts: vectors)
