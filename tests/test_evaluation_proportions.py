import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from homogen import evaluation as e
from homogen.evaluation import proportions
from homogen.records import BadInput

NAN = np.nan


def some(n=60, seed=0):
    rng = np.random.default_rng(seed)
    wrong = rng.random(n) < 0.4
    return np.round(rng.normal(size=n) + 0.7 * wrong, 1), rng.normal(size=n) + 0.3 * wrong, wrong


def test_doctests():
    assert doctest.testmod(proportions).failed == 0


@pytest.mark.parametrize(("k", "n"), [(0, 10), (10, 10), (3, 7), (56, 200), (1, 1)])
def test_wilson_agrees_with_the_formula_and_scipy(k, n):
    z = stats.norm.ppf(0.95)
    centre = (k + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(k * (n - k) / n + z**2 / 4)
    estimate = e.wilson(k, n, level=0.9)
    np.testing.assert_allclose([estimate.low, estimate.high], [centre - half, centre + half], atol=1e-12)
    assert (estimate.value, estimate.n) == (k / n, n)


def test_wilson_of_nothing_and_of_nonsense():
    assert e.wilson(0, 0).method == "undefined: no trials"
    for k, n in ((3, 2), (-1, 2), (0.5, 2)):
        with pytest.raises(BadInput, match="successes"):
            e.wilson(k, n)
    with pytest.raises(BadInput, match="level"):
        e.wilson(1, 2, level=1)


def test_mcnemar_by_hand():
    # 5 yes/no, 1 no/yes, 4 alike. P(at most 1 of 6) = 7/64, twice: 7/32
    a, b = [1] * 5 + [0] + [1, 1, 0, 0], [0] * 5 + [1] + [1, 1, 0, 0]
    test = e.mcnemar([*a, NAN], [*b, 1])
    np.testing.assert_allclose(test.pvalue, 7 / 32, rtol=1e-12)
    assert (test.statistic, test.effect.value, test.effect.n) == (1, 0.4, 10)
    assert -1 <= test.effect.low < test.effect.value < test.effect.high <= 1
    # Bonett and Price: p = 6/12 and 2/12
    half = stats.norm.ppf(0.975) * np.sqrt((8 / 12 - (4 / 12) ** 2) / 12)
    np.testing.assert_allclose([test.effect.low, test.effect.high], [4 / 12 - half, 4 / 12 + half], rtol=1e-12)
    assert e.mcnemar([1, 0], [1, 0]).pvalue == 1
    assert e.mcnemar([], []).effect.method == "undefined: no pairs"
    with pytest.raises(BadInput, match="b must hold 0 and 1"):
        e.mcnemar([1, 0], [1, 3])
    with pytest.raises(ValueError, match="lengths differ"):
        e.mcnemar([1, 0], [1])


def test_newcombe_published_example():
    # Newcombe (1998), table II, method 10: 56/70 against 48/80 has [0.0524, 0.3339]
    test = e.fisher([1] * 56 + [0] * 14, [1] * 48 + [0] * 32)
    assert (round(test.effect.low, 4), round(test.effect.high, 4)) == (0.0524, 0.3339)
    np.testing.assert_allclose(test.effect.value, 0.2, rtol=1e-12)


def test_fisher_by_hand():
    # 3 of 4 against 1 of 4, 4 yes in all: (C(4,3) C(4,1) + C(4,4) C(4,0)) / C(8,4) = 17/70, twice
    test = e.fisher([1, 1, 1, 0, NAN], [0, 0, 0, 1])
    np.testing.assert_allclose(test.pvalue, 34 / 70, rtol=1e-12)
    assert (test.statistic, test.effect.value, test.effect.n) == (9, 0.5, 8)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.floats(0.5, 0.99))
def test_fisher_agrees_with_scipy_and_newcombe_with_two_wilson_intervals(a1, a0, b1, b0, level):
    a, b = [1] * a1 + [0] * a0, [1] * b1 + [0] * b0
    test = e.fisher(a, b, level)
    if not a or not b:
        assert test.effect.method == "undefined: a group is empty"
        return
    np.testing.assert_allclose(test.pvalue, stats.fisher_exact([[a1, a0], [b1, b0]]).pvalue, rtol=1e-10)
    x, y = e.wilson(a1, len(a), level), e.wilson(b1, len(b), level)
    d = x.value - y.value
    low = d - np.hypot(x.value - x.low, y.high - y.value)
    high = d + np.hypot(x.high - x.value, y.value - y.low)
    np.testing.assert_allclose([test.effect.value, test.effect.low, test.effect.high], [d, low, high], atol=1e-10)
    swapped = e.fisher(b[::-1], a, level)
    np.testing.assert_allclose(
        [swapped.effect.low, swapped.effect.high], [-test.effect.high, -test.effect.low], atol=1e-12
    )


def test_fisher_with_empty_cells():
    assert e.fisher([1, 1], [0, 0]).statistic == np.inf
    assert e.fisher([0, 0], [1, 0]).statistic == 0
    nobody = e.fisher([0, 0, 0], [0, 0])
    assert np.isnan(nobody.statistic)
    assert nobody.pvalue == 1
    with pytest.raises(BadInput, match="b must hold 0 and 1"):
        e.fisher([1], [2])
    with pytest.raises(BadInput, match="level"):
        e.fisher([1], [0], level=1)
