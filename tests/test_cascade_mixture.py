"""The paper's own cascade of two scores."""

import doctest
import sys

import numpy as np
import pytest

from homogen.cascade import DELTAS, mixture, mixture_cascade, mixture_curve
from homogen.evaluation import auroc
from homogen.records import BadInput


def test_doctests():
    assert doctest.testmod(sys.modules[mixture.__module__]).failed == 0


def test_the_mixture_by_hand():
    """Scaled: first 0, .4, .5, 1 (median .45); second 0, 1, 0, 1."""
    first, second = [10, 14, 15, 20], [3.0, 7.0, 3.0, 7.0]
    np.testing.assert_allclose(mixture(first, second, 0.75), [0, 0.55, 0.375, 1])
    made = mixture_cascade(first, second, weight=0.5, delta=0.05)
    np.testing.assert_allclose(made.score, [0, 0.7, 0.25, 1])
    assert made.escalated.tolist() == [False, True, True, False]
    assert made.calls_saved == 0.5


def test_the_ends_of_the_mixture_are_its_parts():
    rng = np.random.default_rng(0)
    a, b, wrong = rng.normal(size=40), rng.normal(size=40), np.arange(40) % 2
    np.testing.assert_array_equal(mixture(a, b, 1), (a - a.min()) / np.ptp(a))
    np.testing.assert_array_equal(mixture(a, b, 0), (b - b.min()) / np.ptp(b))
    everything = mixture_cascade(a, b, 0.3, delta=1)
    np.testing.assert_array_equal(everything.score, mixture(a, b, 0.3))
    assert everything.calls_saved == 0
    curve = mixture_curve(a, b, wrong, 0.3)
    assert list(curve.delta) == list(DELTAS)
    assert curve.escalated.is_monotonic_increasing
    assert curve.auroc.iloc[-1] != curve.auroc.iloc[0]
    first_alone = auroc(a, wrong, interval=None).value
    assert mixture_curve(a, b, wrong, 0.3, deltas=[0]).auroc.iloc[0] == pytest.approx(first_alone, abs=1e-12)


def test_a_score_on_the_edge_of_the_band_belongs_to_it():
    """0.3 - 0.2 is not 0.1 in floating point."""
    made = mixture_cascade([0.0, 0.1, 0.2, 0.3, 1.0], [0, 1, 0, 1, 0], delta=0.1)
    assert made.escalated.tolist() == [False, True, True, True, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"second": [1, 2]}, "3 first scores but 2 second ones"),
        ({"first": [1, 1, 1]}, "at least two values"),
        ({"first": []}, "at least two values"),
        ({"first": [1, np.nan, 2]}, "finite scores"),
        ({"weight": 1.5}, r"weight must lie in \[0, 1\], got 1.5"),
        ({"delta": -0.1}, "delta must be at least 0, got -0.1"),
        ({"delta": np.nan}, "delta must be at least 0, got nan"),
    ],
)
def test_bad_mixtures(arguments, message):
    with pytest.raises(BadInput, match=message):
        mixture_cascade(**{"first": [0, 1, 2], "second": [2, 0, 1]} | arguments)
    with pytest.raises(BadInput, match="one label for each of 3 questions"):
        mixture_curve([0, 1, 2], [2, 0, 1], [0, 1])
