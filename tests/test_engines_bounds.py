"""Bounds of an entropy from the likeliest tokens: always around the truth, and as tight as can be."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import homogen.engines.bounds as module
from homogen.engines.bounds import entropy_bounds
from homogen.records import BadInput


def entropy(p):
    p = np.asarray(p, dtype=float)
    return -float(np.sum(p[p > 0] * np.log(p[p > 0])))


def dirichlet(seed, size, concentration):
    return np.sort(np.random.default_rng(seed).dirichlet(np.full(size, concentration)))[::-1]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.floats(0.02, 20), st.floats(0, 1), st.booleans(), st.randoms())
def test_the_bounds_bracket_the_exact_entropy(seed, size, concentration, share, unlikely, random):
    p = dirichlet(seed, size, concentration)
    k = int(share * (size - 1))
    chosen = random.randrange(k, size) if unlikely else None
    with np.errstate(divide="ignore"):
        logp = np.log(p)
    low, high = entropy_bounds(random.sample(list(logp[:k]), k), size, None if chosen is None else logp[chosen])
    assert low - 1e-9 <= entropy(p) <= high + 1e-9
    assert high <= math.log(size) + 1e-9
    unknown = entropy_bounds(logp[:k], None, None if chosen is None else logp[chosen])
    assert unknown[0] == pytest.approx(low, abs=1e-12)
    assert math.isnan(unknown[1])


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.floats(0.1, 20))
def test_the_whole_vocabulary_gives_the_exact_entropy(seed, size, concentration):
    p = dirichlet(seed, size, concentration)
    with np.errstate(divide="ignore"):
        low, high = entropy_bounds(np.log(p), size)
    assert low == pytest.approx(entropy(p), abs=1e-9)
    assert high == pytest.approx(entropy(p), abs=1e-9)


@pytest.mark.parametrize("k", range(1, 8))
def test_more_known_tokens_never_widen_the_bounds(k):
    logp = np.log(dirichlet(3, 9, 0.7))
    (low, high), (tighter_low, tighter_high) = entropy_bounds(logp[:k], 9), entropy_bounds(logp[: k + 1], 9)
    assert low <= tighter_low + 1e-12
    assert tighter_high <= high + 1e-12


def test_a_case_by_hand():
    """0.4 is known, 0.6 is left: 0.4 + 0.2 at the least, four times 0.15 at the most."""
    low, high = entropy_bounds([math.log(0.4)], 5)
    assert low == pytest.approx(entropy([0.4, 0.4, 0.2]), abs=1e-12)
    assert high == pytest.approx(entropy([0.4, 0.15, 0.15, 0.15, 0.15]), abs=1e-12)


def test_a_drawn_token_beside_the_likeliest_is_known_but_is_no_ceiling():
    """0.5 and a drawn 0.01 are known; 0.49 fits into one token, as nothing says that it may not exceed 0.01."""
    low, high = entropy_bounds([math.log(0.5)], 4, chosen=math.log(0.01))
    assert low == pytest.approx(entropy([0.5, 0.01, 0.49]), abs=1e-12)
    assert high == pytest.approx(entropy([0.5, 0.01, 0.245, 0.245]), abs=1e-12)
    assert entropy_bounds(np.log([0.5, 0.01]), 60)[0] > low


def test_the_drawn_token_alone_leaves_everything_else_open():
    low, high = entropy_bounds([], 3, chosen=math.log(0.25))
    assert low == pytest.approx(entropy([0.25, 0.75]))
    assert high == pytest.approx(entropy([0.25, 0.375, 0.375]))


@pytest.mark.parametrize("certain", [0.0, 1e-6])
def test_a_certain_token_has_no_entropy(certain):
    assert entropy_bounds([certain, -9999.0, -math.inf], 50_000) == pytest.approx((0.0, 0.0), abs=1e-5)


def test_rounding_left_to_a_vanishing_token_does_not_blow_up():
    low, high = entropy_bounds([math.log1p(-1e-7), -80.0], 50_000)
    assert 0 < low <= high < 1e-4


@pytest.mark.parametrize(
    ("top", "size", "message"),
    [
        ([math.log(0.9), math.log(0.5)], 9, "the probabilities of 2 tokens sum to 1.4; they cannot exceed 1"),
        ([0.5], 9, r"log-probabilities must be numbers of at most 0, got \[0.5\]"),
        ([math.nan], 9, "must be numbers of at most 0"),
        ([-1.0, -2.0], 1, "2 log-probabilities were given for a vocabulary of 1 tokens"),
    ],
)
def test_bad_input_is_named(top, size, message):
    with pytest.raises(BadInput, match=message):
        entropy_bounds(top, size)


def test_doctests():
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
