"""Two scores of the same questions: tests against slow formulas, loops and a published example."""

import dataclasses
import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from test_evaluation_ranking import some

from homogen import evaluation as e
from homogen.evaluation import rivals
from homogen.evaluation._base import resampled
from homogen.records import BadInput, Draws

NAN = np.nan


def test_doctests():
    result = doctest.testmod(rivals)
    assert result.attempted > 0
    assert result.failed == 0


def slow_delong(scores, wrong):
    """Structural components pair by pair, as in the paper of 1988."""
    ones, zeros = np.flatnonzero(wrong), np.flatnonzero(~wrong)
    psi = [np.array([[(s[i] > s[j]) + (s[i] == s[j]) / 2 for j in zeros] for i in ones]) for s in scores]
    v10 = np.array([p.mean(axis=1) for p in psi])
    v01 = np.array([p.mean(axis=0) for p in psi])
    return np.array([p.mean() for p in psi]), np.cov(v10) / len(ones) + np.cov(v01) / len(zeros)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.integers(6, 30))
def test_delong_agrees_with_the_quadratic_formula(seed, n):
    a, b, wrong = some(n, seed)
    wrong[:4] = [True, True, False, False]
    value, S = slow_delong([a, b], wrong)
    variance = S[0, 0] + S[1, 1] - 2 * S[0, 1]
    test = e.delong_test(a, b, wrong)
    assert abs(test.effect.value - (value[0] - value[1])) < 1e-12
    if variance > 1e-20:
        z = (value[0] - value[1]) / np.sqrt(variance)
        np.testing.assert_allclose(test.statistic, z, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(test.pvalue, 2 * stats.norm.sf(abs(z)), rtol=1e-8)
        np.testing.assert_allclose(
            test.effect.high - test.effect.low, 2 * stats.norm.ppf(0.975) * np.sqrt(variance), rtol=1e-9
        )
    one = e.auroc(a, wrong, "delong", draws=Draws(level=0.5))
    reach = stats.norm.ppf(0.75) * np.sqrt(S[0, 0])
    ends = [NAN, NAN] if value[0] in (0, 1) else np.clip([value[0] - reach, value[0] + reach], 0, 1)
    np.testing.assert_allclose([one.low, one.high], ends, atol=1e-12)


def test_delong_by_hand():
    # wrong 3, 1; right 2, 0. psi: 3>2 3>0 1<2 1>0. V10 = 1, 1/2; V01 = 1/2, 1: both variances 1/8.
    # Var = (1/8)/2 + (1/8)/2 = 1/8.
    _, S = slow_delong([np.array([3, 1, 2, 0])] * 2, np.array([True, True, False, False]))
    assert S[0, 0] == 1 / 8
    estimate = e.auroc([3, 1, 2, 0], [1, 1, 0, 0], "delong", draws=Draws(level=0.5))
    np.testing.assert_allclose(estimate.low, 0.75 - stats.norm.ppf(0.75) / np.sqrt(8), rtol=1e-12)


def test_delong_at_perfect_separation_has_no_interval_and_says_so():
    for score in ([4, 3, 2, 1], [1, 2, 3, 4], [5, 5, 0, 0]):
        estimate = e.auroc(score, [1, 1, 0, 0], "delong")
        assert (estimate.value, np.isnan(estimate.low), np.isnan(estimate.high)) == (float(score[0] > 1), True, True)
        assert estimate.method == "AUROC, DeLong 95%, no interval: degenerate, perfect separation"
    assert "degenerate" not in e.auroc([7, 7, 7, 7], [1, 1, 0, 0], "delong").method
    assert "degenerate" not in e.auroc([4, 2, 2, 1], [1, 1, 0, 0], "delong").method


def test_delong_of_a_score_with_itself_and_of_a_perfect_with_a_reversed_one():
    a, b, wrong = some()
    same = e.delong_test(a, np.exp(a), wrong)
    assert (same.statistic, same.pvalue, same.effect.value, same.effect.low, same.effect.high) == (0, 1, 0, 0, 0)
    swapped = e.delong_test(b, a, wrong)
    assert swapped.statistic == -e.delong_test(a, b, wrong).statistic
    fixed = e.delong_test([4, 3, 2, 1], [1, 2, 3, 4], [1, 1, 0, 0])
    assert (fixed.effect.value, np.isnan(fixed.pvalue)) == (1, True)
    assert fixed.effect.method.startswith("undefined: the difference does not vary")
    both = e.delong_test([3, 4, 1, 2], [4, 3, 2, 1], [1, 1, 0, 0])  # no more can be told of two that are perfect
    assert (both.effect.value, np.isnan(both.pvalue), both.effect.method) == (0, True, fixed.effect.method)
    assert e.delong_test([3, 4, 1, 2], [30, 40, 10, 20], [1, 1, 0, 0]).pvalue == 1
    few = e.delong_test([1, 2, 3], [1, 2, 3], [1, 0, NAN])
    assert few.effect.method == "undefined: needs two wrong and two right answers"
    dropped = e.delong_test([*a, NAN, 1], [*b, 1, NAN], [*wrong, 1, 0])
    whole = e.delong_test(a, b, wrong)
    assert dropped == dataclasses.replace(whole, effect=dataclasses.replace(whole.effect, coverage=60 / 62))


def test_delong_on_the_ratings_of_hanley_and_mcneil():
    # 109 CT images rated 1 to 5 (Hanley and McNeil 1982, table I): area .893, standard error .032.
    normal, abnormal = [33, 6, 6, 11, 2], [3, 2, 2, 11, 33]
    score = np.repeat([1, 2, 3, 4, 5] * 2, normal + abnormal)
    wrong = np.repeat([False, True], [58, 51])
    estimate = e.auroc(score, wrong, "delong", draws=Draws(level=0.5))
    assert round(estimate.value, 3) == 0.893
    se = (estimate.high - estimate.low) / 2 / stats.norm.ppf(0.75)
    assert abs(se - 0.032) < 0.002  # theirs is another estimate of the same variance
    np.testing.assert_allclose(se**2, slow_delong([score] * 2, wrong)[1][0, 0], rtol=1e-10)


@pytest.mark.parametrize("metric", ["auroc", "aurc", "prr", "pr_auc"])
def test_bootstrap_test_equals_a_loop_over_the_same_resamples(metric):
    a, b, wrong = some(40)
    one = getattr(e, metric)
    order = np.lexsort((a, b, wrong))
    drawn = []
    for rows in resampled(40, Draws(200, 3)):
        for row in order[rows]:
            drawn.append(one(a[row], wrong[row], None).value - one(b[row], wrong[row], None).value)
    test = e.bootstrap_test(a, b, wrong, metric, draws=Draws(200, 3, level=0.9))
    np.testing.assert_allclose(test.effect.value, one(a, wrong, None).value - one(b, wrong, None).value, atol=1e-12)
    np.testing.assert_allclose([test.effect.low, test.effect.high], np.quantile(drawn, [0.05, 0.95]), atol=1e-12)
    tail = min(np.sum(np.array(drawn) <= 0), np.sum(np.array(drawn) >= 0))
    np.testing.assert_allclose(test.pvalue, min(1, 2 * (tail + 1) / 201), rtol=1e-12)
    np.testing.assert_allclose(test.statistic, test.effect.value / np.std(drawn), rtol=1e-9)


def test_bootstrap_test_is_near_delong_and_its_interval_agrees_with_its_p():
    a, b, wrong = some(300, 1)
    ours, delong = e.bootstrap_test(a, b, wrong), e.delong_test(a, b, wrong)
    assert ours.effect.value == pytest.approx(delong.effect.value, abs=1e-12)
    np.testing.assert_allclose([ours.effect.low, ours.effect.high], [delong.effect.low, delong.effect.high], atol=0.01)
    assert abs(ours.pvalue - delong.pvalue) < 0.03  # resampling and a normal variance, at n = 300
    assert (ours.effect.low > 0 or ours.effect.high < 0) == (ours.pvalue < 0.05)


@pytest.mark.parametrize("metric", ["auroc", "aurc", "prr", "pr_auc"])
def test_scores_that_rank_alike_have_p_one(metric):
    a, _, wrong = some()
    test = e.bootstrap_test(a, np.exp(a), wrong, metric, draws=Draws(100))
    assert (test.statistic, test.pvalue, test.effect.value, test.effect.low, test.effect.high) == (0, 1, 0, 0, 0)


def test_bootstrap_test_takes_every_argument_and_no_order_of_rows():
    a, b, wrong = some()
    first = e.bootstrap_test(a, b, wrong, draws=Draws(300))
    order = np.random.default_rng(0).permutation(60)
    assert e.bootstrap_test(a[order], b[order], wrong[order], draws=Draws(300)) == first
    more = e.bootstrap_test([*a, NAN, 1], [*b, 1, NAN], [*wrong, 1, 0], draws=Draws(300))
    assert more == dataclasses.replace(first, effect=dataclasses.replace(first.effect, coverage=60 / 62))
    for change in (
        {"metric": "prr"},
        {"draws": Draws(301)},
        {"draws": Draws(300, 1)},
        {"draws": Draws(300, level=0.5)},
    ):
        other = e.bootstrap_test(a, b, wrong, **{"draws": Draws(300), **change})
        assert (other.effect.low, other.effect.high) != (first.effect.low, first.effect.high)
    assert e.bootstrap_test(b, a, wrong, draws=Draws(300)).effect.value == -first.effect.value
    for change in ({"metric": "auc"}, {"draws": 300}):
        with pytest.raises(BadInput):
            e.bootstrap_test(a, b, wrong, **change)


def test_bootstrap_test_of_what_is_undefined():
    assert e.bootstrap_test([], [], []).effect.method == "undefined: needs two questions"
    assert e.bootstrap_test([1, 2], [2, 1], [1, 1]).effect.method == "undefined: every answer is wrong"
    assert e.bootstrap_test([1, 2], [2, 1], [0, 0], "pr_auc").effect.method == "undefined: no answer is wrong"
    fixed = e.bootstrap_test([4, 3, 2, 1], [1, 2, 3, 4], [1, 1, 0, 0])
    assert (fixed.effect.value, fixed.effect.method) == (1, "undefined: the difference does not vary")
    both = e.bootstrap_test([3, 4, 1, 2], [4, 3, 2, 1], [1, 1, 0, 0], draws=Draws(100))
    assert (both.effect.value, np.isnan(both.pvalue), both.effect.method) == (0, True, fixed.effect.method)
    assert e.bootstrap_test([3, 4, 1, 2], [30, 40, 10, 20], [1, 1, 0, 0], draws=Draws(100)).pvalue == 1
    assert "with one class dropped" in e.bootstrap_test([1, 2, 3, 4], [2, 1, 3, 4], [1, 0, 0, 0]).effect.method


# 113 patients with aneurysmal subarachnoid haemorrhage (Turck et al. 2010, Intensive Care Med. 36): poor outcome, WFNS
# grade, S100B in 0.01 µg/l; the worked example of the R package pROC (Robin et al. 2011, BMC Bioinformatics 12:77).
POOR = (
    "00001101001011001011101000000000100110110000000001100010001010011101101111000110100000010000000000001111110001000"
)


WFNS = (
    "11113254125255125225211112121134214541425511241125521251222151125214524414121421232421451154221113125225552445111"
)


S100B = """
    13 14 10 4 13 10 47 16 18 10 12 10 44 71 4 8 49 4 7 33 9 9 7 11 7 17 7 11 13 19 5 16 41 14 34 35 48 9 96 25
    50 46 16 7 43 45 11 8 9 86 52 8 6 13 207 10 14 15 7 6 77 5 9 30 3 9 4 23 70 9 27 71 8 26 8 16 9 13 10 8 11
    33 11 28 7 10 32 22 7 5 24 38 10 15 8 14 10 7 4 19 56 14 58 32 82 74 15 47 17 44 15 50 48
"""


def test_delong_against_the_published_example_of_proc():
    wrong, wfns = [int(c) for c in POOR], [int(c) for c in WFNS]
    s100b = [int(x) for x in S100B.split()]
    assert len(wrong) == len(wfns) == len(s100b) == 113
    # As printed by pROC 1.18.0; its manual shows Z = 2.209, p-value = 0.02718 and the intervals to four digits.
    test = e.delong_test(wfns, s100b, wrong)
    assert test.statistic == pytest.approx(2.20898359144, abs=1e-10)
    assert test.pvalue == pytest.approx(0.0271757822292, abs=1e-12)
    assert (test.effect.low, test.effect.high) == pytest.approx((0.01040618, 0.17421442), abs=1e-8)
    a = e.auroc(wfns, wrong, interval="delong")
    b = e.auroc(s100b, wrong, interval="delong")
    assert (a.value, b.value) == pytest.approx((0.823678861789, 0.731368563686), abs=1e-11)
    assert (a.low, a.high) == pytest.approx((0.7485, 0.8988), abs=5e-5)
    assert (b.low, b.high) == pytest.approx((0.630118211762, 0.832618915610), abs=1e-11)
