import doctest
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special
from sklearn.isotonic import IsotonicRegression

from homogen import evaluation as e
from homogen.evaluation import forecasts as room
from homogen.evaluation.forecasts import dealt
from homogen.records import BadInput

NAN = np.nan


SCALERS = [e.platt, e.isotonic, e.temperature]


def some(n=80, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    return p, rng.random(n) < 0.3 + 0.4 * p


def test_doctests():
    assert doctest.testmod(room).failed == 0


def by_hand(call, x, y, new):
    """What the fit on x, y says of new, by another way than the package's, before folds are put on one prior."""
    if call is e.isotonic:
        return IsotonicRegression(out_of_bounds="clip").fit(x, y).predict(new)
    if call is e.temperature:
        z = special.logit(x)
        loss = lambda t: np.logaddexp(0, z * t).sum() - (z * t)[y > 0].sum()  # noqa: E731
        cold = optimize.minimize_scalar(loss, bounds=(0.01, 100), method="bounded", options={"xatol": 1e-12}).x
        return special.expit(cold * special.logit(new))
    n1 = y.sum()
    target = np.where(y > 0, (n1 + 1) / (n1 + 2), 1 / (len(y) - n1 + 2))
    X = np.column_stack([x, np.ones(len(x))])
    b = optimize.root(lambda b: X.T @ (special.expit(X @ b) - target), np.zeros(2), tol=1e-13).x
    return special.expit(b[0] * new + b[1])


def prior_by_hand(call, x, y, every):
    """Log-odds that the fit on x, y has for a question of which nothing is known."""
    if call is e.temperature:
        typical = special.expit(special.logit(every).mean())
        return special.logit(by_hand(call, x, y, np.array([typical])))[0]
    n1, n0 = y.sum(), (1 - y).sum()
    smooth = (n1 * (n1 + 1) / (n1 + 2) + n0 / (n0 + 2)) / len(y)
    return special.logit(smooth if call is e.platt else y.mean())


@pytest.mark.parametrize("call", SCALERS)
@pytest.mark.parametrize("folds", [2, 5])
def test_a_forecast_is_the_fit_of_the_other_folds(call, folds):
    p, wrong = some()
    y = wrong.astype(float)
    fold = dealt(p, y, folds, seed=0)
    ours = call(p, wrong, folds)
    priors = [prior_by_hand(call, p[fold != k], y[fold != k], p) for k in range(folds)]
    for k in range(folds):
        alone = by_hand(call, p[fold != k], y[fold != k], p[fold == k])
        shifted = special.expit(special.logit(alone) - priors[k] + np.mean(priors))
        # tolerance: the stopping rules of two optimisers
        np.testing.assert_allclose(ours[fold == k], shifted, atol=1e-6)
        np.testing.assert_allclose(ours[fold == k], alone, atol=0.02)  # and one prior changes little
        assert abs((fold == k).sum() - 80 / folds) <= 1
        assert abs(wrong[fold == k].sum() - wrong.sum() / folds) <= 1


def swaps_that_leave_the_deal_alone(p, wrong, fold):
    """Labels, those of two questions of one fold exchanged, and which questions are in it.

    Labels also steer the deal: the pairs are those whose exchange leaves it as it is.
    """
    for i, j in itertools.combinations(range(len(p)), 2):
        if fold[i] == fold[j] and wrong[i] != wrong[j]:
            poisoned = wrong.copy()
            poisoned[[i, j]] = wrong[[j, i]]
            if (dealt(p, poisoned.astype(float), 5, seed=0) == fold).all():
                yield poisoned, fold == fold[i]


@pytest.mark.parametrize("call", SCALERS)
def test_a_poisoned_label_does_not_reach_its_own_fold(call):
    p, wrong = some()
    fold = dealt(p, wrong.astype(float), 5, seed=0)
    clean = call(p, wrong)
    reached = 0
    for poisoned, own in swaps_that_leave_the_deal_alone(p, wrong, fold):
        other = call(p, poisoned)
        # The common prior moves, and nothing else: one shift in log-odds for all, 0 and 1 stay.
        inside = own & (clean > 0) & (clean < 1)
        shift = special.logit(other[inside]) - special.logit(clean[inside])
        assert inside.sum() > 5
        assert np.ptp(shift) < 1e-9
        assert abs(shift[0]) < 0.1  # two labels of 80
        assert (other[own & ~inside] == clean[own & ~inside]).all()
        reached += (other[~own] != clean[~own]).any()
    assert reached > 5


@pytest.mark.parametrize("call", SCALERS)
@pytest.mark.parametrize(("n", "n1", "folds"), [(99, 33, 5), (61, 13, 3), (40, 20, 4), (23, 7, 5), (401, 57, 5)])
def test_a_constant_score_has_one_forecast_and_auroc_one_half(call, n, n1, folds):
    y = np.random.default_rng(n).permutation(np.arange(n) < n1)
    for constant in (0.0, 0.3, 0.5, 0.9, 1.0):
        ours = call(np.full(n, constant), y, folds)
        assert len(np.unique(ours)) == 1
        assert e.auroc(ours, y, None).value == 0.5
        if call is not e.temperature or constant == 0.3:  # one half stays, and what is worse than that ends near it
            assert e.brier(ours, y, None).value == pytest.approx(n1 / n * (1 - n1 / n), abs=2e-3 / n)
    # a question without a label has the same
    assert len(np.unique(call(np.full(n + 1, 0.3), [*y, NAN], folds))) == 1


def test_the_order_of_training_rates_is_no_evidence():
    # The old trap: each fold's constant is its training error rate, against which the labels of the fold run.
    y = np.arange(99) < 33
    fold = dealt(np.ones(99), y.astype(float), 5, seed=0)
    rate = np.array([y[fold != k].mean() for k in fold])
    assert e.auroc(rate, y, None).value < 0.48
    assert e.auroc(e.platt(np.ones(99), y), y, None).value == 0.5


@pytest.mark.parametrize("call", SCALERS)
def test_missing_scores_stay_missing_and_missing_labels_teach_nothing(call):
    p, wrong = some()
    plain = call(p, wrong)
    ours = call([*p, NAN, 0.4, NAN], [*wrong, 1, NAN, NAN])
    assert (ours[:80] == plain).all()
    assert np.isnan(ours[[80, 82]]).all()
    np.testing.assert_allclose(ours[81], by_hand(call, p, wrong.astype(float), np.array([0.4]))[0], atol=1e-3)
    assert ((plain >= 0) & (plain <= 1)).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 999), st.sampled_from(SCALERS))
def test_scaling_does_not_depend_on_the_order_of_rows(seed, call):
    p, wrong = some(40, seed)
    order = np.random.default_rng(seed).permutation(40)
    assert (call(p[order], wrong[order], 3) == call(p, wrong, 3)[order]).all()


@pytest.mark.parametrize("call", SCALERS)
def test_folds_and_seed_change_the_forecasts_and_nonsense_is_refused(call):
    p, wrong = some()
    first = call(p, wrong)
    assert (call(p, wrong) == first).all()
    assert (call(p, wrong, seed=1) != first).any()
    assert (call(p, wrong, folds=4) != first).any()
    for change in ({"folds": 1}, {"folds": 2.0}, {"folds": 70}, {"seed": -1}, {"seed": None}):
        with pytest.raises(BadInput, match=next(iter(change))):
            call(p, wrong, **change)
    for score, label in (([], []), ([0.1, 0.2, 0.3], [1, 1, 1]), ([NAN] * 20, [0, 1] * 10)):
        with pytest.raises(BadInput, match="5 folds need 5 wrong and 5 right answers"):
            call(score, label)
    with pytest.raises(BadInput, match="lengths differ"):
        call(p, wrong[1:])


@pytest.mark.parametrize("call", SCALERS)
def test_perfect_separation_and_a_constant_have_finite_forecasts(call):
    wrong = np.repeat([0, 1], 20)
    p = np.concatenate([np.linspace(0, 0.4, 20), np.linspace(0.6, 1, 20)])
    ours = call(p, wrong)
    assert (ours[:20] < 0.5).all()
    assert (ours[20:] > 0.5).all()
    constant = call(np.full(40, 0.5), wrong, 4)  # each fold leaves 15 of each class
    np.testing.assert_allclose(constant, 0.5, atol=1e-12)


def test_temperature_cools_heats_and_keeps_one_half():
    rng = np.random.default_rng(0)
    p = rng.random(4000)
    wrong = rng.random(4000) < p  # calibrated
    for factor in (0.25, 4.0):
        ours = e.temperature(special.expit(factor * special.logit(p)), wrong)
        assert np.abs(ours - p).max() < 0.05  # T is estimated from 3,200 questions
    reversed_ = e.temperature(1 - p, wrong)
    assert np.abs(reversed_ - 0.5).max() < 0.04  # worse than nothing: T = 100 takes log-odds of 14 to .14
    assert e.temperature([*p, 0.5], [*wrong, NAN])[-1] == pytest.approx(0.5, abs=1e-4)
    assert np.isfinite(e.temperature(p.round(), wrong)).all()  # forecasts of 0 and 1


def test_platt_mends_a_calibration_error():
    p, wrong = some(2000)
    before, after = e.ece(p, wrong).value, e.ece(e.platt(p, wrong), wrong).value
    assert before > 0.1 > 0.05 > after
