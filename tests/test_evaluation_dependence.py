import dataclasses
import doctest
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import mutual_info_score

from homogen import evaluation as e
from homogen.evaluation import dependence as room
from homogen.records import BadInput, Draws, Estimate

NAN = np.nan
NULLS = [e.distance_correlation, e.hsic, e.mutual_information]


@st.composite
def pairs(draw, least=3, most=25):
    """Pairs of numbers that vary, on a grid (ties) or not, related or not."""
    n = draw(st.integers(least, most))
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    a = rng.integers(0, 3, n).astype(float) if draw(st.booleans()) else rng.normal(size=n)
    b = rng.normal(size=n) + draw(st.sampled_from([0, 1])) * a**2
    a[:2], b[:2] = [0, 1], [1, 0]
    return a, b


def some(n=60, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    return a, 0.5 * a**2 + rng.normal(size=n)


def test_doctests():
    assert doctest.testmod(room).failed == 0


# ---------------------------------------------------------------- Pearson


@settings(max_examples=40, deadline=None)
@given(pairs(least=4), st.sampled_from([0.5, 0.95]))
def test_pearson_agrees_with_scipy(data, level):
    a, b = data
    ours, scipys = e.pearson(a, b, level), stats.pearsonr(a, b)
    np.testing.assert_allclose([ours.effect.value, ours.pvalue], scipys, rtol=1e-8, atol=1e-12)
    if min(len(set(a)), len(set(b))) < 0.9 * len(a):
        assert np.isnan([ours.effect.low, ours.effect.high]).all()
        assert ours.effect.method.endswith("no interval: values tie")
    else:
        np.testing.assert_allclose([ours.effect.low, ours.effect.high], scipys.confidence_interval(level), atol=1e-10)
    np.testing.assert_allclose(2 * stats.t.sf(abs(ours.statistic), len(a) - 2), ours.pvalue, rtol=1e-8)
    again = e.pearson(1e6 * b[::-1] + 3, 1e-6 * a[::-1])
    np.testing.assert_allclose(again.effect.value, ours.effect.value, atol=1e-12)


def test_pearson_by_hand_and_at_its_ends():
    # deviations -1, 0, 1 and -1, 1, 0: 1 / 2
    half = e.pearson([1, 2, 3], [1, 3, 2])
    assert half.effect.value == pytest.approx(0.5, abs=1e-15)
    assert (half.effect.low, half.effect.high) == (-1, 1)
    for sign in (1, -1):
        line = e.pearson([1, 2, 4, 8, NAN], [sign * 0.1, sign * 0.2, sign * 0.4, sign * 0.8, 1])
        assert (line.effect.value, line.effect.low, line.effect.high, line.pvalue, line.effect.n) == (
            sign,
            sign,
            sign,
            0,
            4,
        )
        assert line.statistic == sign * np.inf
    # a small spread at a large mean is no constant
    assert e.pearson(1e9 + np.arange(5), [2, 1, 4, 3, 5]).effect.value == pytest.approx(0.8, abs=1e-9)


# ---------------------------------------------------------------- values


@settings(max_examples=30, deadline=None)
@given(pairs())
def test_distance_correlation_agrees_with_its_definition(data):
    a, b = data
    A, B = (np.abs(x[:, None] - x) for x in data)
    A, B = (D - D.mean(axis=0) - D.mean(axis=1)[:, None] + D.mean() for D in (A, B))
    expected = np.sqrt((A * B).mean() / np.sqrt((A * A).mean() * (B * B).mean()))
    ours = e.distance_correlation(a, b, draws=Draws(5))
    np.testing.assert_allclose(ours.observed, expected, atol=1e-10)


def test_distance_correlation_agrees_with_statsmodels():
    from statsmodels.stats.dist_dependence_measures import distance_correlation as reference

    for seed in range(20):
        a, b = some(3 + 7 * seed, seed)
        a = a.round(seed % 3)  # with ties
        ours = e.distance_correlation(a, b, draws=Draws(5))
        np.testing.assert_allclose(ours.observed, reference(a, b), atol=1e-10)


@settings(max_examples=30, deadline=None)
@given(pairs())
def test_hsic_agrees_with_its_definition(data):
    n, gram = len(data[0]), []
    for x in data:
        gaps = [abs(x[i] - x[j]) for i in range(n) for j in range(i)]
        width = np.median(gaps) or np.median([g for g in gaps if g])
        gram.append(np.exp(-(np.subtract.outer(x, x) ** 2) / (2 * width**2)))
    H = np.eye(n) - 1 / n
    expected = np.trace(gram[0] @ H @ gram[1] @ H) / n**2
    np.testing.assert_allclose(e.hsic(*data, draws=Draws(5)).observed, expected, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(pairs(), st.integers(2, 9))
def test_mutual_information_agrees_with_scikit_learn(data, bins):
    cells = [room._cells(x, bins)[0] for x in data]
    assert all(2 <= len(np.unique(c)) <= bins for c in cells)
    ours = e.mutual_information(*data, bins, draws=Draws(5))
    np.testing.assert_allclose(ours.observed, mutual_info_score(*cells), atol=1e-10)
    joint = len({*zip(*cells, strict=True)})
    a, b = (len(np.unique(c)) for c in cells)
    less = e.mutual_information(*data, bins, "miller-madow", draws=Draws(5))
    np.testing.assert_allclose(ours.observed - less.observed, (joint - a - b + 1) / (2 * len(data[0])), atol=1e-12)


def test_mutual_information_by_hand():
    # 0/1 against 0/1, cells 2 0 / 1 1: 1/2 ln(4/3) + 1/4 ln(2/3) + 1/4 ln 2 = .2158 nats
    m = e.mutual_information([0, 0, 1, 1], [0, 0, 0, 1], draws=Draws(5))
    np.testing.assert_allclose(m.observed, np.log(4 / 3) / 2 + np.log(2 / 3) / 4 + np.log(2) / 4, atol=1e-12)
    # four values in two bins of two
    assert e.mutual_information([1, 2, 3, 4], [4, 3, 2, 1], 2, draws=Draws(5)).observed == pytest.approx(np.log(2))
    a, b = some()
    assert e.mutual_information(np.exp(a), b**3).observed == pytest.approx(
        e.mutual_information(a, b).observed, abs=1e-12
    )


def test_the_null_of_mutual_information_has_the_bias_of_independent_data():
    rng = np.random.default_rng(0)
    m = e.mutual_information(rng.normal(size=2000), rng.normal(size=2000), bins=8)
    assert m.null_mean == pytest.approx(7**2 / (2 * 2000), rel=0.03)
    less = e.mutual_information(rng.normal(size=2000), rng.normal(size=2000), 8, "miller-madow")
    assert abs(less.null_mean) < 0.001


# ---------------------------------------------------------------- permutations


@pytest.mark.parametrize("call", NULLS)
def test_the_null_is_that_of_all_permutations(call):
    # Six pairs have 720 orders: the exact mean and p beside 20,000 random ones (standard errors below a third of atol).
    a, b = np.array([0.0, 1, 2, 4, 7, 8]), np.array([0.0, 1, 4, 3, 9, 7])
    every = np.array([call(a, b[list(order)], draws=Draws(1)).observed for order in itertools.permutations(range(6))])
    ours = call(a, b, draws=Draws(20_000))
    exact = np.mean(every >= ours.observed - 1e-12)
    np.testing.assert_allclose(ours.pvalue, exact, atol=0.01)
    np.testing.assert_allclose(ours.null_mean, every.mean(), rtol=0.01)
    assert every.min() - 1e-12 <= ours.null_low < ours.null_high <= every.max() + 1e-12


@pytest.mark.parametrize("call", NULLS)
def test_a_parabola_is_seen_and_noise_is_not(call):
    a, b = some(300)
    assert call(a, b, draws=Draws(200)).pvalue < 0.02
    rng = np.random.default_rng(3)
    noise = call(rng.normal(size=150), rng.normal(size=150), draws=Draws(200))
    assert noise.pvalue > 0.05
    assert noise.null_low < noise.observed < noise.null_high
    assert noise.null_mean > 0  # which is why it is reported


@pytest.mark.parametrize("call", NULLS)
def test_p_values_of_independent_pairs_are_not_too_small(call):
    rng = np.random.default_rng(0)
    p = np.array([call(rng.normal(size=20), rng.integers(0, 3, 20), draws=Draws(39)).pvalue for _ in range(200)])
    assert (p <= 0.05).mean() < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert p.min() >= 1 / 40


@settings(max_examples=20, deadline=None)
@given(pairs(), st.integers(0, 99), st.sampled_from(NULLS))
def test_neither_order_sides_nor_units_matter(data, seed, call):
    a, b = data
    order = np.random.default_rng(seed).permutation(len(a))
    ours = call(a, b, draws=Draws(20))
    assert call(a[order], b[order], draws=Draws(20)) == ours
    assert ours.observed >= -1e-12
    np.testing.assert_allclose(call(b, a, draws=Draws(20)).observed, ours.observed, atol=1e-10)
    np.testing.assert_allclose(call(1e3 * a + 5, 0.01 * b, draws=Draws(20)).observed, ours.observed, atol=1e-9)
    assert 1 / 21 <= ours.pvalue <= 1


@pytest.mark.parametrize("call", [e.distance_correlation, e.mutual_information])
def test_copies_of_all_pairs_leave_the_value(call):
    a, b = some(30)
    once, twice = (call(np.tile(a, k), np.tile(b, k), draws=Draws(5)).observed for k in (1, 2))
    np.testing.assert_allclose(once, twice, atol=1e-12)


@pytest.mark.parametrize("call", NULLS)
def test_every_argument_changes_something(call):
    a, b = some()
    first = call(a, b, draws=Draws(100))
    more = call([*a, NAN, 1], [*b, 1, NAN], draws=Draws(100))
    assert more == dataclasses.replace(first, effect=dataclasses.replace(first.effect, coverage=60 / 62))
    for change in ({"draws": Draws(120)}, {"draws": Draws(100, 1)}, {"draws": Draws(100, level=0.5)}):
        other = call(a, b, **{"draws": Draws(100), **change})
        assert other.observed == first.observed
        assert (other.null_low, other.null_high) != (first.null_low, first.null_high)
    with pytest.raises(BadInput, match="draws must be"):
        call([], [], draws=100)


def test_bins_and_estimator_change_something_and_nonsense_is_refused():
    a, b = some()
    values = {
        e.mutual_information(a, b, bins, estimator, draws=Draws(5)).observed
        for bins in (4, 8)
        for estimator in ("plugin", "miller-madow")
    }
    assert len(values) == 4
    for change, message in (({"bins": 1}, "bins"), ({"bins": 2.5}, "bins"), ({"estimator": "ksg"}, "estimator")):
        with pytest.raises(BadInput, match=message):
            e.mutual_information(a, b, **change)


@pytest.mark.parametrize("call", [e.pearson, *NULLS])
@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        ([], [], "needs three pairs"),
        ([1, 2], [2, 1], "needs three pairs"),
        ([1, 2, NAN, 4], [2, 1, 5, NAN], "needs three pairs"),
        ([0.1] * 7, np.arange(7), "a does not vary"),
        (np.arange(7), [0.1] * 7, "b does not vary"),
        ([0.3] * 7, [0.1] * 7, "a and b do not vary"),
    ],
)
def test_what_is_undefined_says_why(call, a, b, reason):
    result = call(a, b)
    assert result.effect.method == f"undefined: {reason}"
    assert np.isnan(result.pvalue)


@pytest.mark.parametrize("call", [e.pearson, *NULLS])
def test_bad_input(call):
    for a, b, message in (
        ([1, 2, 3], [1, 2], "a has 3, b has 2"),
        ([1, 2, np.inf], [1, 2, 3], "a must be finite"),
        ([1, 2, 3], [[1, 2, 3]], "b must be one row"),
        ([1, 2, 3], ["x", "y", "z"], "b must be one row"),
    ):
        with pytest.raises(BadInput, match=message):
            call(a, b)
    with pytest.raises(BadInput, match="level"):
        e.pearson([1, 2, 3], [1, 3, 2], level=95)


def test_half_of_the_pairs_tied_still_have_a_bandwidth():
    a = [0] * 9 + [1]
    h = e.hsic(a, a, draws=Draws(50))
    assert 0 < h.observed < 1


def test_correlation_test_is_pearsons_r_against_dealt_partners():
    a, b = [1, 1, 2, 3, 3, 4, 5], [2, 1, 1, 3, 4, 4, 4]
    found = e.correlation_test(a, b, draws=Draws(2000, 1))
    assert found.observed == pytest.approx(abs(np.corrcoef(a, b)[0, 1]), abs=1e-12)
    reversed_ = e.correlation_test(a, np.negative(b), draws=Draws(2000, 1))
    assert reversed_.observed == pytest.approx(found.observed, abs=1e-12)
    rng = np.random.default_rng(0)
    dealt = [abs(np.corrcoef(a, rng.permutation(b))[0, 1]) for _ in range(2000)]
    assert abs(found.null_high - np.quantile(dealt, 0.975)) < 0.05
    assert abs(found.pvalue - np.mean(np.array(dealt) >= found.observed - 1e-12)) < 0.01
    assert "does not vary" in e.correlation_test([1, 1, 1], [1, 2, 3]).effect.method


def test_an_estimate_stands_beside_any_draws_of_chance():
    count = Estimate(3, NAN, NAN, 8, method="count")
    found = e.against_null(count, [0, 1, 2, 3, NAN])
    assert (found.observed, found.pvalue, found.null_mean, found.null_median) == (3, 2 / 5, 1.5, 1.5)
    assert (found.effect.n, found.effect.method) == (8, "count; p = 0.400, 95% of draws 0.075 to 2.925")
    assert e.against_null(count, [0, 1, 2, 3], sign=-1).pvalue == 1
    assert e.against_null(count, []).effect.method == "undefined: no draw has a value"
    for bad in ({"null": [[1]]}, {"null": [np.inf]}, {"null": [1], "level": 1}):
        with pytest.raises(BadInput):
            e.against_null(count, **bad)
