import doctest
import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
from conftest import complaint
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from homogen import evaluation as e
from homogen.evaluation import ranking
from homogen.evaluation._base import resampled
from homogen.records import BadInput, Draws
from homogen.uncertainty import number_of_sets, semantic_entropy

NAN = np.nan
ESTIMATES = [e.auroc, e.aurc, e.excess_aurc, e.prr, e.pr_auc, e.risk_reduction, e.accuracy_at_coverage]
OTHERS = [
    e.cohens_d,
    e.risk_coverage,
    e.platt,
    e.isotonic,
    lambda s, w: e.conformal_abstention(s, w, 0.1),
    lambda s, w: e.delong_test(s, s, w),
    lambda s, w: e.bootstrap_test(s, s, w),
    lambda s, w: e.partial_auroc_given(s, [0.0, 1.0], w),
    lambda s, w: e.likelihood_ratio_test(s, [0.0, 1.0], w),
    lambda s, w: e.selected_auroc(s, w, ["a", "a"]),
    lambda s, w: e.split_half(s, w, ["a", "a"]),
]


@st.composite
def scored(draw, most=25):
    """Scores with ties (a grid of few values) or without, and labels with both classes."""
    n = draw(st.integers(2, most))
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    score = rng.integers(0, 4, n) / 3 if draw(st.booleans()) else rng.normal(size=n)
    wrong = rng.random(n) < 0.5
    wrong[:2] = [True, False]
    return score, wrong


def some(n=60, seed=0):
    rng = np.random.default_rng(seed)
    wrong = rng.random(n) < 0.4
    return np.round(rng.normal(size=n) + 0.7 * wrong, 1), rng.normal(size=n) + 0.3 * wrong, wrong


def test_doctests():
    assert doctest.testmod(ranking).failed == 0


def test_every_public_name_is_there():
    assert sorted(e.__all__) == e.__all__
    assert all(getattr(e, name) is not None for name in e.__all__)


# ---------------------------------------------------------------- AUROC


def test_auroc_by_hand():
    # wrong 3, 2; right 2, 1, 0: pairs 3>2 3>1 3>0 2=2 2>1 2>0: 5.5 of 6
    assert e.auroc([3, 2, 2, 1, 0], [1, 1, 0, 0, 0]).value == 5.5 / 6


@settings(max_examples=80, deadline=None)
@given(scored())
def test_auroc_agrees_with_scikit_learn(data):
    score, wrong = data
    for interval in (None, "delong", "bootstrap"):
        value = e.auroc(score, wrong, interval, draws=Draws(5)).value
        assert abs(value - roc_auc_score(wrong, score)) < 1e-12


@pytest.mark.parametrize("interval", ["bootstrap", "delong"])
def test_a_constant_score_has_one_half_and_no_width(interval):
    for constant in (0.0, 0.1, -1e9):
        estimate = e.auroc(np.full(30, constant), np.arange(30) < 11, interval)
        assert (estimate.value, estimate.low, estimate.high) == (0.5, 0.5, 0.5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(2, 9), min_size=2, max_size=20), st.integers(0, 99))
def test_on_single_cluster_questions_any_function_of_the_labels_has_one_half(sizes, seed):
    wrong = np.random.default_rng(seed).random(len(sizes)) < 0.5
    wrong[:2] = [True, False]
    labels = [np.zeros(n, dtype=int) for n in sizes]  # one cluster, whatever the number of answers
    for score in (semantic_entropy(labels), number_of_sets(labels), [7.0 * len(set(x)) for x in labels]):
        assert e.auroc(score, wrong, "delong").value == 0.5
        assert e.prr(score, wrong, None).value == 0


def test_bootstrap_agrees_with_a_loop_over_scikit_learn():
    score, _, wrong = some(200)
    ours = e.auroc(score, wrong)
    rng = np.random.default_rng(5)
    draws = []
    for _ in range(2000):
        rows = rng.integers(0, 200, 200)
        draws.append(roc_auc_score(wrong[rows], score[rows]))
    np.testing.assert_allclose([ours.low, ours.high], np.quantile(draws, [0.025, 0.975]), atol=0.01)
    narrow = e.auroc(score, wrong, draws=Draws(level=0.5))
    assert ours.low < narrow.low < ours.value < narrow.high < ours.high


def test_bootstrap_statistics_equal_those_of_the_resampled_rows():
    # The same draws, evaluated row by row: the interval's ends must be the same numbers.
    score, _, wrong = some(40)
    order = np.lexsort((score, wrong))
    kinds = [(f, {}) for f in ESTIMATES[:-1]] + [(e.accuracy_at_coverage, {"coverage": 0.3})]
    for estimate, kind in kinds:
        draws = []
        for rows in resampled(40, Draws(200, 3)):
            for row in rows:
                again = order[row]
                draws.append(estimate(score[again], wrong[again], interval=None, **kind).value)
        ours = estimate(score, wrong, draws=Draws(200, 3), **kind)
        np.testing.assert_allclose([ours.low, ours.high], np.quantile(draws, [0.025, 0.975]), rtol=1e-12)


def test_resamples_with_one_class_are_dropped_and_counted():
    estimate = e.auroc([1, 2, 5, 4, 3], [0, 0, 0, 1, 1], "bootstrap", draws=Draws(1000))
    assert 0 <= estimate.low < estimate.value == 2 / 3 < estimate.high == 1
    assert "with one class dropped" in estimate.method
    dropped = int(estimate.method.split("resamples, ")[1].split()[0])
    assert abs(dropped / 1000 - (0.6**5 + 0.4**5)) < 0.03


@pytest.mark.parametrize("n", [6, 60, 600])
@pytest.mark.parametrize("estimate", [e.auroc, e.pr_auc, e.prr, e.excess_aurc])
def test_a_zero_width_bootstrap_interval_does_not_pass_for_certainty(estimate, n):
    estimate = partial(estimate, interval="bootstrap")
    perfect = estimate(np.arange(n), np.arange(n) >= n // 2, draws=Draws(200))
    assert perfect.value == pytest.approx(0 if estimate.func is e.excess_aurc else 1, abs=1e-12)
    assert np.isnan([perfect.low, perfect.high]).all()
    assert perfect.method.endswith("no interval: the resamples do not vary")
    if estimate.func is e.auroc:
        reversed_ = estimate(-np.arange(n), np.arange(n) >= n // 2, draws=Draws(200))
        assert (reversed_.value, np.isnan(reversed_.low)) == (0, True)
    inverted = estimate([*range(1, n), 0], np.arange(n) >= n // 2, draws=Draws(200))
    assert inverted.low < inverted.high  # one wrong answer below the others is enough


def test_one_question_or_one_class_has_no_bootstrap_interval():
    for call in (e.aurc, e.excess_aurc, e.pr_auc, e.accuracy_at_coverage, e.brier):
        for score, wrong in (([0.3], [1]), ([0.2, 0.2, 0.2], [1, 1, 1]), ([0.2, 0.2, 0.2, 0.2], [True] * 4)):
            estimate = call(score, wrong, draws=Draws(50))
            assert not np.isnan(estimate.value)
            assert np.isnan([estimate.low, estimate.high]).all()
            one = "one question says nothing of how questions vary"
            assert estimate.method.endswith(f"no interval: {one if len(score) == 1 else 'the resamples do not vary'}")
    # what is so by construction keeps its interval
    wrong = np.arange(30) < 11
    for call, value in ((e.auroc, 0.5), (e.prr, 0), (e.brier, 0.25)):
        estimate = call(np.full(30, 0.5), wrong, draws=Draws(50))
        assert (estimate.value, estimate.low, estimate.high) == (value, value, value)
    left = e.partial_auroc_given(np.arange(30.0) + 20 * wrong, np.arange(30.0) % 7, wrong[::-1], draws=Draws(50))
    assert left.value == 1.0 or left.low < left.high


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_seeded_and_blind_to_the_order_of_rows(estimate):
    score, _, wrong = some()
    first = estimate(score, wrong, draws=Draws(300))
    order = np.random.default_rng(0).permutation(len(score))
    assert estimate(score[order], wrong[order], draws=Draws(300)) == first
    other = estimate(score, wrong, draws=Draws(300, 1))
    assert other.value == first.value
    assert (other.low, other.high) != (first.low, first.high)
    assert first.low < first.value < first.high


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_missing_scores_and_labels_lower_coverage(estimate):
    score, _, wrong = some()
    whole = estimate(score, wrong, draws=Draws(50))
    more = estimate([*score, NAN, 1.0, 2.0, NAN], [*wrong, True, NAN, None, NAN], draws=Draws(50))
    assert (more.value, more.low, more.high, more.n) == (whole.value, whole.low, whole.high, 60)
    assert more.coverage == 60 / 64
    assert whole.coverage == 1
    assert estimate(pd.Series(score), pd.Series(wrong), interval=None).value == whole.value


@pytest.mark.parametrize(
    ("score", "wrong", "message"),
    [
        ([1.0, 2.0], [1], "has 2.*wrong has 1"),
        ([1.0, np.inf], [1, 0], "number 1 is infinite"),
        ([1.0, 2.0], [1, 2], "wrong must hold 0 and 1"),
        ([[1.0, 2.0]], [1, 0], "shape"),
        (["a", "b"], [1, 0], "row of numbers"),
        ([[1.0], [1.0, 2.0]], [1, 0], "row of numbers"),
    ],
)
def test_bad_input(score, wrong, message):
    for k, call in enumerate([*ESTIMATES, *OTHERS]):
        assert re.search(message, complaint(call, score, wrong)), f"call {k}, {call.__name__}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"interval": "delogn"}, "did you mean 'delong'"),
        ({"draws": 1000}, "draws must be Draws"),
        ({"interval": None, "draws": None}, "draws must be Draws"),
    ],
)
def test_bad_arguments(change, message):
    for score, wrong in (([1, 2, 3, 4], [0, 1, 0, 1]), ([], [])):  # an undefined result hides no mistake
        with pytest.raises(BadInput, match=message):
            e.auroc(score, wrong, **change)
    with pytest.raises(BadInput, match="interval"):
        e.aurc([1, 2], [0, 1], interval="delong")
    for coverage in (0, -0.5, 1.5, NAN):
        with pytest.raises(BadInput, match="coverage"):
            e.accuracy_at_coverage([1, 2], [0, 1], coverage)


def test_what_is_undefined_says_why():
    for interval in ("bootstrap", "delong", None):
        assert e.auroc([], [], interval).method == "undefined: no questions"
        assert e.auroc([NAN], [1], interval).method == "undefined: no question has both a score and a label"
        one = e.auroc([1, 2, NAN], [1, 1, 0], interval)
        assert (one.method, one.n, one.coverage) == ("undefined: every answer is wrong", 2, 2 / 3)
        assert np.isnan([one.value, one.low, one.high]).all()
        assert e.auroc([1, 2], [0, 0], interval).method == "undefined: no answer is wrong"
    assert e.prr([1, 2], [0, 0]).method == "undefined: no answer is wrong"
    assert e.aurc([1, 2], [1, 1]).value == 1
    assert np.isnan(e.aurc([], []).value)
    assert len(e.risk_coverage([], [])) == 0
    short = e.auroc([1, 2, 3], [0, 1, 0], "delong")
    assert (short.value, np.isnan(short.low)) == (0.5, True)
    assert "no interval" in short.method


# ---------------------------------------------------------------- DeLong


# ---------------------------------------------------------------- PR-AUC


@settings(max_examples=80, deadline=None)
@given(scored())
def test_pr_auc_agrees_with_scikit_learn(data):
    score, wrong = data
    assert abs(e.pr_auc(score, wrong, None).value - average_precision_score(wrong, score)) < 1e-10


def test_pr_auc_by_hand_and_at_its_ends():
    # from the top: wrong (precision 1), right, wrong (2/3), right: (1 + 2/3) / 2
    assert e.pr_auc([4, 3, 2, 1], [1, 0, 1, 0], None).value == (1 + 2 / 3) / 2
    assert e.pr_auc([7] * 8, [1, 0, 0, 0] * 2, None).value == 0.25  # a constant score: the error rate
    assert e.pr_auc([1, 2], [1, 1], None).value == 1
    assert e.pr_auc([1, 2], [0, 0]).method == "undefined: no answer is wrong"


# ---------------------------------------------------------------- bootstrap test


# ---------------------------------------------------------------- few of a class


def test_newcombes_interval_solves_its_equation():
    score, wrong = [5, 4, 3, 2, 1, 0, 6], [1, 1, 0, 0, 0, 0, 0]
    found = e.auroc(score, wrong, "newcombe")
    z, n1, n0 = stats.norm.ppf(0.975), 2, 5
    for t in (found.low, found.high):
        variance = t * (1 - t) / (n1 * n0) * (1 + ((n1 + n0) / 2 - 1) * ((1 - t) / (2 - t) + t / (1 + t)))
        np.testing.assert_allclose(abs(found.value - t), z * np.sqrt(variance), rtol=1e-8)
    assert found.low < found.value == 0.8 < found.high
    assert found.classes == (2, 5)
    assert str(found).endswith("n=7 (2 wrong), coverage 100%")


def test_newcombes_interval_mirrors_with_the_score_and_stays_inside():
    score, wrong = np.array([5, 4, 3, 2, 1, 0, 6]), [1, 1, 0, 0, 0, 0, 0]
    one, other = e.auroc(score, wrong), e.auroc(-score, wrong)
    np.testing.assert_allclose([one.low, one.high], [1 - other.high, 1 - other.low], atol=1e-9)
    perfect = e.auroc([1, 2, 3, 4], [0, 0, 1, 1])
    assert 0 < perfect.low < perfect.high == 1


@pytest.mark.parametrize(
    ("n1", "n0", "kind"),
    [(1, 69, "no interval"), (69, 1, "no interval"), (2, 68, "Newcombe"), (9, 61, "Newcombe"), (30, 40, "bootstrap")],
)
def test_the_smaller_class_decides_which_interval_an_auroc_has(n1, n0, kind):
    score, wrong = some(n1 + n0)[0], np.arange(n1 + n0) < n1
    found = e.auroc(score, wrong, draws=Draws(200))
    assert kind in found.method
    assert found.classes == (n1, n0)
    assert np.isnan(found.low) == (kind == "no interval")


def test_beside_the_ends_an_auroc_has_newcombes_interval():
    wrong = np.arange(70) < 20
    assert "bootstrap" in e.auroc(np.where(np.arange(70) < 8, 2.0, 1.0), wrong, draws=Draws(50)).method
    assert "Newcombe" in e.auroc(np.where(np.arange(70) < 18, 2.0, 1.0), wrong, draws=Draws(50)).method


def test_perfect_separation_keeps_a_doubt():
    found = e.auroc(np.arange(40), np.arange(40) >= 20, draws=Draws(200))
    assert (found.value, found.high, "Newcombe" in found.method) == (1, 1, True)
    assert 0.8 < found.low < 1


def test_a_fitted_score_can_be_judged_by_another_measure():
    wrong = np.array([0, 1, 0, 1, 1, NAN])

    def hits(score, labels):
        assert np.isnan(labels[5])
        return (score == labels)[:5].mean()

    found = e.fitted_test(lambda labels: np.array([0, 1, 0, 1, 1, 0]), wrong, draws=Draws(500), measure=hits)
    assert found.observed == 1
    assert found.pvalue == pytest.approx(0.1, abs=0.04)  # one order of ten
    assert found.null_median == pytest.approx(0.6)
    assert found.effect.method.startswith("hits of a fitted score")


def test_fitted_test_deals_and_fits_anew():
    seen = []

    def fit(labels):
        seen.append(tuple(labels[~np.isnan(labels)]))
        return score

    score, wrong = np.arange(12.0), np.array([0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 1, NAN])
    found = e.fitted_test(fit, wrong, draws=Draws(300, 1))
    assert found.observed == e.auroc(score, wrong, None).value
    assert len(seen) == 301
    assert {sum(labels) for labels in seen} == {5}  # dealt, not drawn
    assert abs(found.null_mean - 0.5) < 0.03
    assert found.pvalue < 0.02
    assert found.effect.n == 11
    assert np.isnan(e.fitted_test(lambda w: score, [1] * 12).pvalue)
