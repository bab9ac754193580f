import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from homogen import evaluation as e
from homogen.evaluation import calibration as room
from homogen.evaluation._base import resampled
from homogen.records import BadInput, Draws

NAN = np.nan


@st.composite
def forecasts(draw, most=40):
    """Forecasts on a grid (with ties, 0 and 1) or without, and labels of any kind."""
    n = draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    p = rng.integers(0, 11, n) / 10 if draw(st.booleans()) else rng.random(n)
    return p, rng.random(n) < draw(st.sampled_from([0.0, 0.4, 1.0]))


def some(n=80, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    return p, rng.random(n) < 0.3 + 0.4 * p


def test_doctests():
    assert doctest.testmod(room).failed == 0


# ---------------------------------------------------------------- reliability and ECE


def test_width_bins_by_hand_and_a_forecast_on_an_edge_belongs_below():
    table = e.reliability([0, 0.5, 0.50001, 1, NAN], [0, 1, 1, 0, 1], bins=2)
    assert table.n.tolist() == [2, 2]
    assert table.forecast.tolist() == [0.25, 1.50001 / 2]
    assert table.error_rate.tolist() == [0.5, 0.5]
    assert e.reliability([0.05], [1], bins=2).isna().sum().sum() == 2  # the empty bin has no means


@pytest.mark.parametrize("bins", [3, 5, 7, 10, 15, 20])
def test_no_forecast_slips_over_its_own_edge(bins):
    # 0.7 · 10 is 7.000000000000001, and 3 · (1/10) is not 3/10
    p = np.arange(1, bins + 1) / bins
    table = e.reliability(p, np.ones(bins), bins)
    assert table.n.tolist() == [1] * bins
    assert (table.high == p).all()


def test_mass_bins_by_hand_and_ties_stay_together():
    # ten distinct forecasts in three bins: middles .05 … .95 cut at 1/3 and 2/3
    assert e.reliability(np.arange(10) / 10, np.ones(10), 3, "mass").n.tolist() == [3, 4, 3]
    # six of .2 have their middle at 3/8, so they go to the first of two bins whole
    table = e.reliability([0.2] * 6 + [0.7, 0.9], [0] * 8, 2, "mass")
    assert table.n.tolist() == [6, 2]
    assert table[["low", "high"]].to_numpy().tolist() == [[0.2, 0.2], [0.7, 0.9]]
    # a constant fills one bin only, the others are left out
    assert e.reliability([0.3] * 9, [0, 1, 1] * 3, 4, "mass").n.tolist() == [9]


@settings(max_examples=60, deadline=None)
@given(forecasts(), st.integers(1, 20), st.sampled_from(["width", "mass"]))
def test_ece_is_that_of_its_table(data, bins, binning):
    p, wrong = data
    table = e.reliability(p, wrong, bins, binning)
    assert table.n.sum() == len(p)
    assert len(table) <= bins
    held = table[table.n > 0]
    assert ((held.low <= held.forecast + 1e-12) & (held.forecast <= held.high + 1e-12)).all()
    by_hand = (held.n / len(p) * (held.error_rate - held.forecast).abs()).sum()
    value = e.ece(p, wrong, bins, binning).value
    np.testing.assert_allclose(value, by_hand, atol=1e-12)
    assert 0 <= value <= 1
    for x in np.unique(p):  # equal forecasts share a bin
        above = held.low <= x if binning == "mass" or x == 0 else held.low < x
        assert (above & (x <= held.high)).sum() == 1


def test_ece_by_hand():
    # (0, .5]: forecasts .25, .35, one wrong: .5 - .3; (.5, 1]: .9 and right: .9
    value = e.ece([0.25, 0.35, 0.9], [0, 1, 0], 2).value
    np.testing.assert_allclose(value, (2 * 0.2 + 0.9) / 3, rtol=1e-12)
    assert e.ece([0, 1, 1], [0, 1, 1]).value == 0
    assert e.ece([0.25] * 4, [0, 1, 0, 0]).value == 0  # the base rate


@pytest.mark.parametrize("binning", ["width", "mass"])
def test_calibration_test_equals_a_loop_over_the_same_labels(binning):
    p, wrong = some(40)
    p = np.sort(p.round(1))  # each of eleven forecasts several times
    ours = e.calibration_test(p, wrong, 5, binning, draws=Draws(300, 3))
    values, size = np.unique(p, return_counts=True)
    bad = np.random.default_rng(3).binomial(size, values, (300, len(values)))
    labels = [np.concatenate([np.arange(n) < k for n, k in zip(size, row, strict=True)]) for row in bad]
    drawn = np.array([e.ece(p, y, 5, binning).value for y in labels])
    np.testing.assert_allclose([ours.null_low, ours.null_high], np.quantile(drawn, [0.025, 0.975]), atol=1e-12)
    assert ours.observed == e.ece(p, wrong, 5, binning).value
    assert ours.pvalue == (1 + (drawn >= ours.observed - 1e-12).sum()) / 301
    assert np.isnan(e.calibration_test([], []).pvalue)


def test_calibration_test_keeps_its_level_and_sees_what_is_off():
    rng = np.random.default_rng(0)
    p = rng.random((200, 60))
    wrong = rng.random((200, 60)) < p
    found = [e.calibration_test(a, b, draws=Draws(200)).pvalue for a, b in zip(p, wrong, strict=True)]
    # Of 200 tests at 5%, 10 with a standard deviation of 3.1.
    assert 2 <= (np.array(found) < 0.05).sum() <= 19
    off = [e.calibration_test(a**3, b, draws=Draws(200)).pvalue for a, b in zip(p[:40], wrong[:40], strict=True)]
    assert (np.array(off) < 0.05).mean() > 0.9


@settings(max_examples=40, deadline=None)
@given(forecasts(), st.integers(0, 99), st.sampled_from(["width", "mass"]))
def test_neither_order_nor_copies_matter(data, seed, binning):
    p, wrong = data
    order = np.random.default_rng(seed).permutation(len(p))
    p2, wrong2 = np.tile(p, 2), np.tile(wrong, 2)
    for call in (
        lambda p, w: e.ece(p, w, 7, binning).value,
        lambda p, w: e.brier(p, w, None).value,
        lambda p, w: e.brier_decomposition(p, w).reliability,
        lambda p, w: e.brier_decomposition(p, w, 7).within_covariance,
    ):
        assert call(p[order], wrong[order]) == call(p, wrong)
        assert call(p2, wrong2) == pytest.approx(call(p, wrong), abs=1e-12)
    assert e.reliability(p[order], wrong[order], 7, binning).equals(e.reliability(p, wrong, 7, binning))


# ---------------------------------------------------------------- Brier


@settings(max_examples=60, deadline=None)
@given(forecasts(), st.sampled_from([None, 1, 2, 5, 15]))
def test_the_parts_add_up_to_the_brier_score(data, bins):
    p, wrong = data
    score = e.brier(p, wrong, None).value
    np.testing.assert_allclose(score, ((p - wrong) ** 2).mean(), atol=1e-12)
    np.testing.assert_allclose(score, brier_score_loss(wrong, p, pos_label=True), atol=1e-10)
    parts = e.brier_decomposition(p, wrong, bins)
    np.testing.assert_allclose(parts.score, score, atol=1e-12)
    assert min(parts.reliability, parts.resolution, parts.uncertainty, parts.within_variance) >= 0
    assert parts.resolution <= parts.uncertainty + 1e-12
    if bins is None:
        assert (parts.within_variance, parts.within_covariance) == (0, 0)


def test_brier_decomposition_by_hand():
    # forecasts .2 (two of four wrong) and .8 (one of one); base rate 3/5
    parts = e.brier_decomposition([0.2, 0.2, 0.2, 0.2, 0.8], [1, 1, 0, 0, 1])
    np.testing.assert_allclose(parts.reliability, (4 * 0.3**2 + 0.2**2) / 5, rtol=1e-12)
    np.testing.assert_allclose(parts.resolution, (4 * 0.1**2 + 0.4**2) / 5, rtol=1e-12)
    np.testing.assert_allclose(parts.uncertainty, 0.6 * 0.4, rtol=1e-12)
    # one bin, mean forecast .32: variance (4 · .12² + .48²)/5, covariance 2 (.48 · .4 - .12 (2 · .4 - 2 · .6))/5
    one = e.brier_decomposition([0.2, 0.2, 0.2, 0.2, 0.8], [1, 1, 0, 0, 1], bins=1)
    np.testing.assert_allclose(one.within_variance, (4 * 0.12**2 + 0.48**2) / 5, rtol=1e-12)
    np.testing.assert_allclose(one.within_covariance, 2 * (0.48 * 0.4 + 0.12 * 0.4) / 5, rtol=1e-12)
    assert (one.resolution, one.n) == (0, 5)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 30), st.integers(0, 30))
def test_always_forecasting_the_base_rate_gives_its_uncertainty(n_wrong, n_right):
    wrong = np.repeat([1, 0], [n_wrong, n_right])
    rate = wrong.mean()
    assert e.brier(np.full(len(wrong), rate), wrong, None).value == pytest.approx(rate * (1 - rate), abs=1e-12)
    assert e.brier_decomposition(np.full(len(wrong), rate), wrong).uncertainty == rate * (1 - rate)


def test_brier_interval_equals_a_loop_over_the_same_resamples():
    p, wrong = some(40)
    order = np.lexsort((p, wrong))
    drawn = [((p[r] - wrong[r]) ** 2).mean() for rows in resampled(40, Draws(200, 3)) for r in order[rows]]
    ours = e.brier(p, wrong, draws=Draws(200, 3))
    np.testing.assert_allclose([ours.low, ours.high], np.quantile(drawn, [0.025, 0.975]), atol=1e-12)


def test_every_argument_changes_something():
    p, wrong = some()
    for call in (e.brier,):
        first = call(p, wrong, draws=Draws(100))
        for change in (
            {"draws": Draws(101)},
            {"draws": Draws(100, 1)},
            {"draws": Draws(100, level=0.5)},
            {"interval": None},
        ):
            other = call(p, wrong, **{"draws": Draws(100), **change})
            assert other.value == first.value
            assert (other.low, other.high) != (first.low, first.high)
        missing = call([*p, NAN, 0.5], [*wrong, 1, NAN], draws=Draws(100))
        assert (missing.value, missing.low, missing.n, missing.coverage) == (first.value, first.low, 80, 80 / 82)
    assert len({e.ece(p, wrong, bins, binning).value for bins in (4, 9) for binning in ("width", "mass")}) == 4
    assert e.brier_decomposition(p, wrong, 4) != e.brier_decomposition(p, wrong, 5)


@pytest.mark.parametrize("call", [e.reliability, e.ece, e.brier, e.brier_decomposition, e.temperature])
def test_bad_forecasts(call):
    for p, wrong, message in (
        ([0.5, 1.1], [0, 1], "probabilities in"),
        ([-0.1, 0.5], [0, 1], "probabilities in"),
        ([0.5], [0, 1], "lengths differ"),
        ([0.5, np.inf], [0, 1], "infinite"),
        ([0.5, 0.5], [0, 2], "wrong must hold 0 and 1"),
        (["a", "b"], [0, 1], "row of numbers"),
    ):
        with pytest.raises(BadInput, match=message):
            call(p, wrong)


def test_bad_arguments_and_what_is_undefined():
    for change in ({"bins": 0}, {"bins": 2.5}, {"bins": True}, {"binning": "widht"}):
        for call in (e.reliability, e.ece):
            with pytest.raises(BadInput, match="binning" if "binning" in change else "bins"):
                call([0.5], [1], **change)
    with pytest.raises(BadInput, match="bins"):
        e.brier_decomposition([0.5], [1], 0)
    for call in (e.ece, e.brier):
        assert call([], []).method == "undefined: no questions"
    with pytest.raises(BadInput, match="interval"):
        e.brier([0.5], [1], interval="delong")
    assert e.brier_decomposition([], []).method == "undefined: no questions"
    assert np.isnan(e.brier_decomposition([NAN], [1]).score)
    assert e.reliability([], [], 3).n.tolist() == [0, 0, 0]
    assert len(e.reliability([], [], 3, "mass")) == 0
    assert e.ece([0.4], [1]).value == 0.6


def test_more_bins_than_memory_holds_are_refused_and_many_are_no_matter():
    p, wrong = some(40)
    for call in (e.reliability, e.ece, e.brier_decomposition):
        with pytest.raises(BadInput, match="at most 1,000,000"):
            call(p, wrong, 10**12)
    each = np.abs(p - wrong).mean()  # a bin for each forecast
    for binning in ("width", "mass"):
        assert e.ece(p, wrong, 10**6, binning).value == pytest.approx(each, abs=1e-12)
