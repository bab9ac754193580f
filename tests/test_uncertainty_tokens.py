import doctest
import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homogen import BadInput
from homogen import uncertainty as u

NAN = np.nan
ROOMS = ["tokens", "stated", "samples", "consistency", "graphs", "boundaries", "wording"]
ROWS = st.lists(st.lists(st.floats(0, 11), max_size=6), max_size=6)


@pytest.mark.parametrize("room", ROOMS)
def test_doctests(room):
    result = doctest.testmod(importlib.import_module(f"homogen.uncertainty.{room}"))
    assert result.failed == 0
    assert result.attempted > 0


def test_every_public_function_lives_in_one_room_and_has_an_example():
    for name in set(u.__all__) - {"CUES", "NORMALIZATIONS"}:
        function = getattr(u, name)
        assert function.__module__.rsplit(".", 1)[1] in ROOMS
        assert ">>> " in function.__doc__, name
    assert sorted(u.__all__, key=str.lower) == sorted(set(u.__all__), key=str.lower)


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
    # the least likely token of the first has e^-3
    np.testing.assert_allclose(u.minimum_token_probability(rows), [1 - np.exp(-3), NAN, 0], rtol=1e-15)
    assert not np.signbit(u.minimum_token_probability([[0.0]]))[0]


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_token_statistics_agree_with_numpy_row_by_row(rows):
    negative = [[-x for x in row] for row in rows]
    for ours, reference in [
        (u.mean_entropy(rows), np.mean),
        (u.max_entropy(rows), np.max),
        (u.std_entropy(rows), np.std),
        (u.high_entropy_ratio(rows, threshold=1.0), lambda x: np.mean(np.asarray(x) > 1)),
        (u.negative_log_likelihood(negative), np.mean),
        (u.negative_log_likelihood(negative, normalize=False), np.sum),
        (u.minimum_token_probability(negative), lambda x: 1 - np.min(np.exp(-np.asarray(x)))),
    ]:
        np.testing.assert_allclose(ours, [reference(row) if row else NAN for row in rows], rtol=1e-12, atol=1e-12)
    assert not (u.high_entropy_ratio(rows) >= 0.5).any()


def test_nan_tokens_make_an_answer_undefined_and_nothing_else():
    rows = [[1.0, NAN], [1.0]]
    for measure in (u.mean_entropy, u.max_entropy, u.std_entropy, u.high_entropy_ratio):
        assert np.isnan(measure(rows)).tolist() == [True, False]
    for measure in (u.negative_log_likelihood, u.perplexity, u.minimum_token_probability):
        assert np.isnan(measure([[-1.0, NAN], [-1.0]])).tolist() == [True, False]
    assert np.isnan(u.high_entropy_ratio(rows, threshold=0.5)).tolist() == [True, False]
    assert u.mean_entropy([]).shape == (0,)
    assert np.isnan(u.mean_entropy([[], []])).all()


def test_pro_with_one_answer_is_the_likelihood_and_the_entropy_is_no_function_of_it():
    # PRO's bound, -ln p_K - sum_i p_i ln(p_i / p_K), with K = 1
    p = 0.2 * 0.5
    pro = -np.log(p) - p * np.log(p / p)
    np.testing.assert_allclose(u.negative_log_likelihood([np.log([0.2, 0.5])], normalize=False), [pro], rtol=1e-15)
    # two distributions that give the picked token 1/2, and differ in all else
    two, many = np.array([0.5, 0.5]), np.array([0.5, *[0.05] * 10])
    entropy = u.mean_entropy([[-(q * np.log(q)).sum()] for q in (two, many)])
    nll = u.negative_log_likelihood([np.log([0.5])] * 2)
    assert nll[0] == nll[1]
    assert entropy[1] - entropy[0] > 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: u.mean_entropy([0.1, 0.2]), "row 0 .* one row an answer"),
        (lambda: u.mean_entropy([["a"]]), "row 0: entropy: must be numbers"),
        (lambda: u.mean_entropy([[0.1], [np.inf]]), "row 1: entropy below 0 or infinite"),
        (lambda: u.max_entropy([[0.1], [], [-0.5]]), "row 2: entropy below 0"),
        (lambda: u.negative_log_likelihood([[0.9]]), "row 0: log-probability above 0"),
        (lambda: u.perplexity([[-np.inf]]), "row 0: log-probability"),
        (lambda: u.minimum_token_probability([[-1.0], [0.5]]), "row 1: log-probability above 0"),
        (lambda: u.high_entropy_ratio([[1.0]], threshold=-1), "threshold"),
        (lambda: u.high_entropy_ratio([[1.0]], threshold=NAN), "threshold"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(BadInput, match=message):
        call()


def test_rounding_on_the_wrong_side_of_zero_is_forgiven():
    np.testing.assert_allclose(u.mean_entropy([[-1e-6, 1.0]]), [0.5], atol=1e-5)
    np.testing.assert_allclose(u.negative_log_likelihood([[1e-6, -1.0]]), [0.5], atol=1e-5)
    assert u.minimum_token_probability([[1e-6]]) == 0
