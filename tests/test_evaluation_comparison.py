import doctest

import numpy as np
import pytest
from scipy import stats

from homogen import evaluation as e
from homogen.evaluation import comparison
from homogen.records import BadInput, Draws

NAN = np.nan


def some(n=60, seed=0):
    rng = np.random.default_rng(seed)
    wrong = rng.random(n) < 0.4
    return np.round(rng.normal(size=n) + 0.7 * wrong, 1), rng.normal(size=n) + 0.3 * wrong, wrong


def test_doctests():
    assert doctest.testmod(comparison).failed == 0


# ---------------------------------------------------------------- means and proportions


def test_mean_agrees_with_scipy():
    x = np.random.default_rng(0).gamma(2, size=150)
    ours = e.mean([*x, NAN])
    reference = stats.bootstrap((x,), np.mean, method="percentile", n_resamples=9999).confidence_interval
    np.testing.assert_allclose([ours.low, ours.high], reference, atol=0.02)
    np.testing.assert_allclose(ours.value, x.mean(), rtol=1e-14)
    assert (ours.n, ours.coverage) == (150, 150 / 151)
    assert e.mean([*x[::-1], NAN]) == ours
    assert e.mean(x, draws=Draws(seed=1)).low != ours.low
    assert e.mean([]).method == "undefined: no values"
    one = e.mean([2.0])
    assert (one.value, np.isnan(one.low)) == (2, True)
    few = e.mean([*x[:39], NAN])
    student = stats.t.interval(0.95, 38, x[:39].mean(), stats.sem(x[:39]))
    np.testing.assert_allclose([few.low, few.high], student, rtol=1e-12)
    assert "Student" in few.method
    assert e.mean(x[:40]).method.startswith("mean, bootstrap")
    assert e.mean(x[:39], "bootstrap").low != few.low
    with pytest.raises(BadInput, match="unknown interval 'median'"):
        e.mean(x, "median")


def test_mean_over_lots_by_hand():
    lots = iter([1.0, 2.0, NAN, 4.0, 5.0])
    found = e.mean_over_lots(lambda rng: next(lots), lots=5)
    assert (found.value, found.n, found.coverage) == (3, 4, 4 / 5)
    np.testing.assert_allclose([found.low, found.high], np.quantile([1, 2, 4, 5], [0.025, 0.975]))
    assert found.method == "mean over 4 lots, range of 95% of them"
    one, other = (e.mean_over_lots(lambda rng: rng.normal(), seed=s) for s in (0, 1))
    assert one != other
    assert e.mean_over_lots(lambda rng: rng.normal(), seed=0) == one
    assert e.mean_over_lots(lambda rng: NAN, lots=3).method == "undefined: no lot has a value"
    with pytest.raises(BadInput, match="infinite"):
        e.mean_over_lots(lambda rng: np.inf)


def test_cohens_d_by_hand():
    # means 4 and 2, both variances 1: d = 2; Var = 6/9 + 4/12 = 1
    estimate = e.cohens_d([3, 4, 5, 1, 2, 3, NAN], [1, 1, 1, 0, 0, 0, 1])
    z = stats.norm.ppf(0.975)
    np.testing.assert_allclose([estimate.value, estimate.low, estimate.high], [2, 2 - z, 2 + z], rtol=1e-12)
    assert estimate.coverage == 6 / 7
    assert "vary" in e.cohens_d([0.1] * 7, [1, 1, 1, 0, 0, 0, 0]).method
    assert "two wrong" in e.cohens_d([1, 2, 3], [1, 0, 0]).method
    assert "two wrong" in e.cohens_d([], []).method


def test_values_without_spread_have_no_bootstrap_interval():
    a = np.random.default_rng(0).normal(size=50) * 100
    for estimate, value in (
        (e.mean([0.3] * 20), 0.3),
        (e.mean([1, 1, 1]), 1),
        (e.paired_difference(a + 1, a), 1),  # equal up to rounding
        (e.paired_difference(a, a), 0),
    ):
        assert estimate.value == pytest.approx(value, abs=1e-12)
        assert np.isnan([estimate.low, estimate.high]).all()
        assert estimate.method.endswith("no interval: the values do not vary")
    assert e.mean([2.0]).method.endswith("one question says nothing of how questions vary")


# ---------------------------------------------------------------- tests of pairs


def test_holm_by_hand():
    # sorted .01 .02 .03 .04 times 4 3 2 1: .04 .06 .06 .04, made rising
    np.testing.assert_allclose(e.holm([0.04, 0.01, 0.03, 0.02]), [0.06, 0.04, 0.06, 0.06], rtol=1e-12)
    np.testing.assert_allclose(e.holm([0.02, NAN, 0.9]), [0.04, NAN, 0.9], rtol=1e-12)
    assert e.holm([0.5, 0.6]).tolist() == [1, 1]
    assert e.holm([]).shape == (0,)
    for bad in ([1.2], [-0.1], [np.inf], [[0.1]], ["a"]):
        with pytest.raises(BadInput, match="p-values"):
            e.holm(bad)


def test_a_level_is_printed_as_it_is():
    assert e.wilson(1, 2, 0.999).method.endswith("99.9%")
    assert e.wilson(1, 2).method.endswith("95%")
    assert "99.5%" in e.mean([1, 2, 3], draws=Draws(level=0.995)).method
    assert e.tost([1, 2, 4], [0, 1, 2], 3, level=0.975).effect.method.endswith("t-interval 95%")
    assert e.cohens_d([1, 2, 3, 4], [0, 0, 1, 1], 0.29).method.endswith("29%")
    assert "99.99%" in e.paired_wilcoxon([1, 2], [2, 1], 0.9999).effect.method


# ---------------------------------------------------------------- huge numbers


@pytest.mark.parametrize("size", [1e200, 1e300, 1e-200, 1e-300])
def test_huge_and_tiny_numbers_are_the_same_in_another_unit(size):
    a, b, wrong = [1.0, 5.0, 2.0, 4.0, 8.0, 7.5], [2.0, 1.0, 4.0, 0.5, 6.0, 3.0], [0, 1, 0, 0, 1, 1]
    A, B = np.array(a) * size, np.array(b) * size

    def same(x, y, unit):
        np.testing.assert_allclose(np.array(x) / np.array(unit), y, rtol=1e-12)

    big, small = e.cohens_d(A, wrong), e.cohens_d(a, wrong)
    same([big.value, big.low, big.high], [small.value, small.low, small.high], 1)
    for call in (e.paired_difference, lambda x, y: e.mean(x)):
        big, small = call(A, B), call(a, b)
        same([big.value, big.low, big.high], [small.value, small.low, small.high], size)
    for call, margin in ((lambda x, y, m: e.paired_wilcoxon(x, y, 0.9), 1), (e.tost, 3)):
        big, small = call(A, B, margin * size), call(a, b, margin)
        same([big.statistic, big.pvalue], [small.statistic, small.pvalue], 1)
        same(
            [big.effect.value, big.effect.low, big.effect.high],
            [small.effect.value, small.effect.low, small.effect.high],
            size,
        )
    same(e.pearson(A, b).pvalue, e.pearson(a, b).pvalue, 1)
    for call in (e.hsic, e.distance_correlation, e.mutual_information):
        same(call(A, b, draws=Draws(50)).observed, call(a, b, draws=Draws(50)).observed, 1)
    for call in (e.platt, e.isotonic):
        np.testing.assert_allclose(call(A, wrong, 3), call(a, wrong, 3), rtol=1e-12)
    many = np.tile(A, 3) + np.arange(18) % 5 * size
    covariate, labels = np.tile(B, 3), np.array([0, 1, 0, 1, 1, 0] * 3)
    given = e.partial_auroc_given(many, covariate, labels, None).value
    assert given == e.partial_auroc_given(many / size, covariate / size, labels, None).value
    lr = e.likelihood_ratio_test(many, covariate, labels)
    same(lr.statistic, e.likelihood_ratio_test(many / size, covariate / size, labels).statistic, 1)
    picked = e.selected_auroc(many, labels, ["c"] * 18), e.selected_auroc(many / size, labels, ["c"] * 18)
    assert picked[0] == picked[1]
