"""What holds for every similarity: symmetry, bounds, and what is refused."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_answers import WORDS, letters

from homogen.records import BadInput
from homogen.similarity import cosine, cosine_of, embed, jaccard, rouge_l


@settings(max_examples=40, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_symmetry_bounds_and_order_of_samples(texts, random):
    order = list(range(len(texts)))
    random.shuffle(order)
    shuffled = [texts[i] for i in order]
    for measure in (jaccard, partial(cosine, embedder=letters)):
        S, again = measure([texts, shuffled])
        np.testing.assert_array_equal(S, S.T)
        there = [bool(text.strip()) for text in texts]
        np.testing.assert_array_equal(np.diag(S)[there], 1)
        assert np.nanmin(S, initial=1) >= -1
        assert np.nanmax(S, initial=1) <= 1
        np.testing.assert_allclose(again, S[np.ix_(order, order)], atol=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: jaccard([["a"]], unit="trigram"), "unknown unit 'trigram'"),
        (lambda: jaccard([["a", None]]), "answer 1 of question 0 is None"),
        (
            lambda: jaccard(["a b", "c d"]),
            "one list a question, got 'a b' for question 0; one question alone is a list of",
        ),
        (lambda: jaccard("a b"), r"one list a question, got 'a b'; one question alone is a list of one: \[answers\]"),
        (lambda: cosine_of(np.eye(2)), r"one \(N, d\) array a question, got .*; one question alone is a list of one"),
        (lambda: cosine([["a", 3]], letters), "answer 1 of question 0 is 3"),
    ],
)
def test_bad_texts_and_units(call, message):
    with pytest.raises(ValueError, match=message):
        call()


NO_LISTS = [None, 5, "abc", object(), [5], ["abc"], [[5]], [[None]], [[np.zeros((9, 9))]]]


@pytest.mark.parametrize("given", NO_LISTS, ids=lambda x: repr(x)[:20])
@pytest.mark.parametrize(
    "measure",
    [jaccard, rouge_l, *(partial(f, embedder=len) for f in (cosine, embed))],
    ids=["jaccard", "rouge", "cosine", "embed"],
)
def test_what_is_no_list_of_lists_of_texts_is_one_line_of_bad_input(measure, given):
    with pytest.raises(BadInput) as refused:
        measure(given)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200
