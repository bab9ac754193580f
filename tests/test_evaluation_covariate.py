import dataclasses
import doctest
import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from homogen import evaluation as e
from homogen.evaluation import covariate as room
from homogen.evaluation._base import resampled
from homogen.records import BadInput, Draws

NAN = np.nan
SEPARATED = "perfect separation, the likelihood has no maximum"


def measured(n=60, seed=0, k=1):
    rng = np.random.default_rng(seed)
    length = np.round(rng.gamma(4, 10, (n, k)))
    wrong = rng.random(n) < 0.4
    wrong[:2] = [True, False]
    score = 0.02 * length.sum(axis=1) + 0.7 * wrong + rng.normal(size=n)
    return score, length[:, 0] if k == 1 else length, wrong


def slow(score, covariate, wrong):
    X = np.column_stack([np.ones(len(score)), covariate])
    left = score - X @ np.linalg.lstsq(X, score, rcond=None)[0]
    return roc_auc_score(wrong, left.round(9))


def test_doctests():
    assert doctest.testmod(room).failed == 0


# ---------------------------------------------------------------- AUROC given a covariate


@settings(max_examples=40, deadline=None)
@given(st.integers(5, 40), st.integers(0, 9999), st.integers(1, 3))
def test_partial_auroc_agrees_with_least_squares_and_scikit_learn(n, seed, k):
    score, length, wrong = measured(n, seed, k)
    assert abs(e.partial_auroc_given(score, length, wrong, None).value - slow(score, length, wrong)) < 1e-12


def test_partial_auroc_refits_the_line_in_every_resample():
    score, length, wrong = measured(40)
    order = np.lexsort([wrong, length, score])
    score, length, wrong = score[order], length[order], wrong[order]
    drawn = [slow(score[r], length[r], wrong[r]) for rows in resampled(40, Draws(200, 3)) for r in rows]
    ours = e.partial_auroc_given(score, length, wrong, draws=Draws(200, 3))
    np.testing.assert_allclose([ours.low, ours.high], np.quantile(drawn, [0.025, 0.975]), rtol=1e-12)


def test_partial_auroc_takes_away_what_is_linear_in_the_covariate():
    score, length, wrong = measured(300, 1)
    plain = e.partial_auroc_given(score, length, wrong, None).value
    for moved in (score + 5 * length, 1000 * score - 3 * length + 7):
        assert e.partial_auroc_given(moved, length, wrong, None).value == pytest.approx(plain, abs=1e-9)
    # what orders answers by length alone, and errors follow length
    long = length > np.median(length)
    assert e.auroc(length, long, None).value == 1
    line = e.partial_auroc_given(3 * length + 2, length, long, draws=Draws(50))
    assert (line.value, line.low, line.high) == (0.5, 0.5, 0.5)


@settings(max_examples=25, deadline=None)
@given(st.integers(8, 40), st.integers(0, 9999), st.integers(1, 2))
def test_neither_order_units_nor_copies_matter(n, seed, k):
    score, length, wrong = measured(n, seed, k)
    order = np.random.default_rng(seed).permutation(n)
    value = e.partial_auroc_given(score, length, wrong, None).value
    assert 0 <= value <= 1
    assert e.partial_auroc_given(score[order], length[order], wrong[order], None).value == value
    assert e.partial_auroc_given(1e6 * score, 1e-6 * length, wrong, None).value == pytest.approx(value, abs=1e-12)
    twice = e.partial_auroc_given(np.tile(score, 2), np.concatenate([length, length]), np.tile(wrong, 2), None).value
    assert twice == pytest.approx(value, abs=1e-12)
    collinear = np.column_stack([length, length, np.ones(n)])
    assert e.partial_auroc_given(score, collinear, wrong, None).value == pytest.approx(value, abs=1e-12)


def test_a_constant_covariate_leaves_the_auroc_and_a_constant_score_one_half():
    score, length, wrong = measured()
    assert e.partial_auroc_given(score, np.full(60, 7.0), wrong, None).value == e.auroc(score, wrong, None).value
    constant = e.partial_auroc_given(np.full(60, 0.1), length, wrong, draws=Draws(50))
    assert (constant.value, constant.low, constant.high) == (0.5, 0.5, 0.5)


def test_every_argument_of_partial_auroc_changes_something():
    score, length, wrong = measured()
    first = e.partial_auroc_given(score, length, wrong, draws=Draws(100))
    assert first.low < first.value < first.high
    for change in ({"draws": Draws(101)}, {"draws": Draws(100, 1)}, {"draws": Draws(100, level=0.5)}):
        other = e.partial_auroc_given(score, length, wrong, **{"draws": Draws(100), **change})
        assert other.value == first.value
        assert (other.low, other.high) != (first.low, first.high)
    more = e.partial_auroc_given([*score, 1, NAN], [*length, NAN, 1], [*wrong, 1, 0], draws=Draws(100))
    assert (more.value, more.low, more.n, more.coverage) == (first.value, first.low, 60, 60 / 62)
    for change in ({"interval": "delong"}, {"draws": 100}):
        with pytest.raises(BadInput):
            e.partial_auroc_given(score, length, wrong, **change)


@pytest.mark.parametrize(
    ("score", "covariate", "wrong", "reason"),
    [
        ([], [], [], "no questions"),
        ([NAN], [1], [1], "no question has a score, a covariate and a label"),
        ([1, 2, 3], [1, 2, 4], [1, 1, 1], "every answer is wrong"),
        ([1, 2, 3], [1, 2, 4], [0, 0, 0], "no answer is wrong"),
        ([1, 2], [1, 2], [0, 1], "2 coefficients need 3 questions"),
    ],
)
def test_what_is_undefined_says_why(score, covariate, wrong, reason):
    assert e.partial_auroc_given(score, covariate, wrong).method == f"undefined: {reason}"


@pytest.mark.parametrize("call", [e.partial_auroc_given, e.likelihood_ratio_test])
def test_bad_covariates(call):
    for covariate, message in (
        ([1, 2], "covariate has 2"),
        (np.ones((3, 2, 1)), "shape"),
        (np.ones((3, 0)), "shape"),
        (["a", "b", "c"], "covariate must be numbers"),
        ([1, np.inf, 2], "covariate must be finite"),
        ([[1, 2], [3, np.inf], [5, 6]], "covariate 1 must be finite"),
    ):
        with pytest.raises(BadInput, match=message):
            call([1, 2, 3], covariate, [0, 1, 0])


# ---------------------------------------------------------------- likelihood-ratio test


@pytest.mark.parametrize("k", [1, 2])
def test_likelihood_ratio_agrees_with_statsmodels_on_the_raw_columns(k):
    import statsmodels.api as sm

    score, length, wrong = measured(200, 3, k)
    small = sm.Logit(wrong.astype(float), sm.add_constant(length)).fit(disp=0, tol=1e-12)
    full = sm.Logit(wrong.astype(float), sm.add_constant(np.column_stack([length, score]))).fit(disp=0, tol=1e-12)
    test = e.likelihood_ratio_test(score, length, wrong, level=0.9)
    np.testing.assert_allclose(test.statistic, 2 * (full.llf - small.llf), rtol=1e-10)
    np.testing.assert_allclose(test.pvalue, stats.chi2.sf(test.statistic, 1), rtol=1e-10)
    np.testing.assert_allclose(test.effect.value, full.params[-1] * score.std(), rtol=1e-8)
    np.testing.assert_allclose([test.effect.low, test.effect.high], full.conf_int(0.1)[-1] * score.std(), rtol=1e-8)


def test_likelihood_ratio_by_hand():
    # Covariate constant, score 0/1: 1 of 4 wrong against 3 of 4. Log-odds differ by 2 ln 3, score's deviation is 1/2.
    # The likelihoods: 8 ln 1/2 against 2 (ln 1/4 + 3 ln 3/4); the coefficient's variance is 4 (1 + 1/3).
    test = e.likelihood_ratio_test([0] * 4 + [1] * 4, [5] * 8, [1, 0, 0, 0, 1, 1, 1, 0])
    np.testing.assert_allclose(test.effect.value, np.log(3), rtol=1e-9)
    full, small = 2 * (np.log(1 / 4) + 3 * np.log(3 / 4)), 8 * np.log(1 / 2)
    np.testing.assert_allclose(test.statistic, 2 * (full - small), rtol=1e-9)
    half = stats.norm.ppf(0.975) * np.sqrt(2 * (1 + 1 / 3)) / 2
    np.testing.assert_allclose([test.effect.low, test.effect.high], [np.log(3) - half, np.log(3) + half], rtol=1e-8)


@settings(max_examples=25, deadline=None)
@given(st.integers(6, 40), st.integers(0, 9999))
@example(7, 53)  # a coefficient of 2891, whose last digit is more than Newton's tolerance
def test_likelihood_ratio_is_blind_to_order_units_and_lines_in_the_covariate(n, seed):
    score, length, wrong = measured(n, seed)
    order = np.random.default_rng(seed).permutation(n)
    test = e.likelihood_ratio_test(score, length, wrong)
    again = e.likelihood_ratio_test(score[order], length[order], wrong[order])
    if np.isnan(test.statistic):
        assert again.effect.method == test.effect.method == f"undefined: {SEPARATED}"
        return
    assert again == test
    assert test.statistic >= 0
    assert 0 <= test.pvalue <= 1
    # rtol: Newton's last step, worse where a near separation makes the maximum flat
    scaled = e.likelihood_ratio_test(1e6 * score, 1e-6 * length, wrong)
    both = [test.statistic, test.effect.value]
    np.testing.assert_allclose([scaled.statistic, scaled.effect.value], both, rtol=1e-5, atol=1e-9)
    moved = e.likelihood_ratio_test(score + 3 * length, length, wrong)
    np.testing.assert_allclose(moved.statistic, test.statistic, rtol=1e-5, atol=1e-9)
    twice = e.likelihood_ratio_test(np.tile(score, 2), np.tile(length, 2), np.tile(wrong, 2))
    np.testing.assert_allclose(
        [twice.statistic, twice.effect.value], [2 * test.statistic, test.effect.value], rtol=1e-5, atol=1e-9
    )


@pytest.mark.parametrize(
    ("score", "covariate", "wrong", "reason"),
    [
        ([], [], [], "no questions"),
        ([1, 2, 3], [1, 3, 2], [1, 1, 1], "every answer is wrong"),
        ([1, 2, 3], [1, 3, 2], [0, 0, 0], "no answer is wrong"),
        ([0.1] * 6, [1, 3, 2, 5, 1, 0], [0, 1, 0, 1, 1, 0], "the score does not vary"),
        ([3, 5, 4, 7], [1, 2, 1.5, 3], [0, 1, 1, 0], "the score is a line in the covariate"),
        (
            [1, 2, 3, 4, 5, 6],
            [1, 0, 1, 0, 1, 0],
            [0, 0, 0, 1, 1, 1],
            SEPARATED,
        ),
        # quasi-complete: the threshold itself has one of each
        (
            [1, 2, 3, 3, 4, 5],
            [1, 0, 1, 1, 1, 0],
            [0, 0, 0, 1, 1, 1],
            SEPARATED,
        ),
        # the covariate alone separates
        (
            [1, 0, 1, 1, 2, 0],
            [1, 2, 3, 4, 5, 6],
            [0, 0, 0, 1, 1, 1],
            SEPARATED,
        ),
    ],
)
def test_an_undefined_likelihood_ratio_says_why(score, covariate, wrong, reason):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        test = e.likelihood_ratio_test(score, covariate, wrong)
    assert test.effect.method == f"undefined: {reason}"
    assert np.isnan([test.statistic, test.pvalue, test.effect.value, test.effect.low, test.effect.high]).all()


def test_likelihood_ratio_level_and_missing_rows():
    score, length, wrong = measured()
    test, narrow = (e.likelihood_ratio_test(score, length, wrong, level=x) for x in (0.95, 0.5))
    assert (
        test.effect.low
        < narrow.effect.low
        < narrow.effect.value
        == test.effect.value
        < narrow.effect.high
        < test.effect.high
    )
    more = e.likelihood_ratio_test([*score, NAN], [*length, 1], [*wrong, 1])
    assert more == dataclasses.replace(test, effect=dataclasses.replace(test.effect, coverage=60 / 61))
    with pytest.raises(BadInput, match="level"):
        e.likelihood_ratio_test(score, length, wrong, level=95)
