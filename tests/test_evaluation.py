import doctest
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from homogen import evaluation as e
from homogen.records import BadInput
from homogen.uncertainty import number_of_sets, semantic_entropy

NAN = np.nan
ESTIMATES = [e.auroc, e.aurc, e.prr, e.accuracy_at_coverage]


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
    assert doctest.testmod(e).failed == 0


# ---------------------------------------------------------------- AUROC


def test_auroc_by_hand():
    # wrong 3, 2; right 2, 1, 0: pairs 3>2 3>1 3>0 2=2 2>1 2>0: 5.5 of 6
    assert e.auroc([3, 2, 2, 1, 0], [1, 1, 0, 0, 0]).value == 5.5 / 6


@settings(max_examples=80, deadline=None)
@given(scored())
def test_auroc_agrees_with_scikit_learn(data):
    score, wrong = data
    for interval in (None, "delong", "bootstrap"):
        value = e.auroc(score, wrong, interval, resamples=5).value
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
    narrow = e.auroc(score, wrong, level=0.5)
    assert ours.low < narrow.low < ours.value < narrow.high < ours.high


def test_bootstrap_statistics_equal_those_of_the_resampled_rows():
    # The same draws, evaluated row by row: the interval's ends must be the same numbers.
    score, _, wrong = some(40)
    order = np.lexsort((score, wrong))
    for estimate, kind in ((e.auroc, {}), (e.aurc, {}), (e.prr, {}), (e.accuracy_at_coverage, {"coverage": 0.3})):
        draws = []
        for rows in e._resampled(40, 200, seed=3):
            for row in rows:
                again = order[row]
                draws.append(estimate(score[again], wrong[again], interval=None, **kind).value)
        ours = estimate(score, wrong, resamples=200, seed=3, **kind)
        np.testing.assert_allclose([ours.low, ours.high], np.quantile(draws, [0.025, 0.975]), rtol=1e-12)


def test_resamples_with_one_class_are_dropped_and_counted():
    estimate = e.auroc([1, 2, 3, 4], [0, 0, 0, 1], resamples=1000)
    assert (estimate.value, estimate.low, estimate.high) == (1, 1, 1)
    assert "with one class dropped" in estimate.method
    dropped = int(estimate.method.split("resamples, ")[1].split()[0])
    assert abs(dropped / 1000 - (0.75**4 + 0.25**4)) < 0.06


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_seeded_and_blind_to_the_order_of_rows(estimate):
    score, _, wrong = some()
    first = estimate(score, wrong, resamples=300)
    order = np.random.default_rng(0).permutation(len(score))
    assert estimate(score[order], wrong[order], resamples=300) == first
    other = estimate(score, wrong, resamples=300, seed=1)
    assert other.value == first.value
    assert (other.low, other.high) != (first.low, first.high)
    assert first.low < first.value < first.high


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_missing_scores_and_labels_lower_coverage(estimate):
    score, _, wrong = some()
    whole = estimate(score, wrong, resamples=50)
    more = estimate([*score, NAN, 1.0, 2.0, NAN], [*wrong, True, NAN, None, NAN], resamples=50)
    assert (more.value, more.low, more.high, more.n) == (whole.value, whole.low, whole.high, 60)
    assert more.coverage == 60 / 64
    assert whole.coverage == 1
    assert estimate(pd.Series(score), pd.Series(wrong), interval=None).value == whole.value


@pytest.mark.parametrize("call", [*ESTIMATES, e.cohens_d, e.risk_coverage, lambda s, w: e.delong_test(s, s, w)])
@pytest.mark.parametrize(
    ("score", "wrong", "message"),
    [
        ([1.0, 2.0], [1], "has 2.*wrong has 1"),
        ([1.0, np.inf], [1, 0], "number 1 is infinite"),
        ([1.0, 2.0], [1, 2], "wrong must hold 0 and 1"),
        ([[1.0, 2.0]], [1, 0], "shape"),
    ],
)
def test_bad_input(call, score, wrong, message):
    with pytest.raises(ValueError, match=message):
        call(score, wrong)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"interval": "delogn"}, "did you mean 'delong'"),
        ({"level": 95}, "level"),
        ({"resamples": 0}, "resamples"),
        ({"resamples": 10.5}, "resamples"),
        ({"interval": "delong", "level": 0}, "level"),
    ],
)
def test_bad_arguments(change, message):
    with pytest.raises(BadInput, match=message):
        e.auroc([1, 2, 3, 4], [0, 1, 0, 1], **change)
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
    assert abs(test.difference - (value[0] - value[1])) < 1e-12
    if variance > 1e-20:
        z = (value[0] - value[1]) / np.sqrt(variance)
        np.testing.assert_allclose(test.statistic, z, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(test.pvalue, 2 * stats.norm.sf(abs(z)), rtol=1e-8)
        np.testing.assert_allclose(test.high - test.low, 2 * stats.norm.ppf(0.975) * np.sqrt(variance), rtol=1e-9)
    one = e.auroc(a, wrong, "delong", level=0.5)
    reach = stats.norm.ppf(0.75) * np.sqrt(S[0, 0])
    ends = [NAN, NAN] if value[0] in (0, 1) else np.clip([value[0] - reach, value[0] + reach], 0, 1)
    np.testing.assert_allclose([one.low, one.high], ends, atol=1e-12)


def test_delong_by_hand():
    # wrong 3, 1; right 2, 0. psi: 3>2 3>0 1<2 1>0. V10 = 1, 1/2; V01 = 1/2, 1: both variances 1/8.
    # Var = (1/8)/2 + (1/8)/2 = 1/8.
    _, S = slow_delong([np.array([3, 1, 2, 0])] * 2, np.array([True, True, False, False]))
    assert S[0, 0] == 1 / 8
    estimate = e.auroc([3, 1, 2, 0], [1, 1, 0, 0], "delong", level=0.5)
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
    assert (same.statistic, same.pvalue, same.difference, same.low, same.high) == (0, 1, 0, 0, 0)
    swapped = e.delong_test(b, a, wrong)
    assert swapped.statistic == -e.delong_test(a, b, wrong).statistic
    fixed = e.delong_test([4, 3, 2, 1], [1, 2, 3, 4], [1, 1, 0, 0])
    assert (fixed.difference, np.isnan(fixed.pvalue)) == (1, True)
    assert fixed.method.startswith("undefined: the difference does not vary")
    few = e.delong_test([1, 2, 3], [1, 2, 3], [1, 0, NAN])
    assert few.method == "undefined: needs two wrong and two right answers"
    dropped = e.delong_test([*a, NAN, 1], [*b, 1, NAN], [*wrong, 1, 0])
    assert dropped == e.delong_test(a, b, wrong)


# ---------------------------------------------------------------- rankings


def all_orders(score, wrong):
    """Cumulative errors under every order of the rows that keeps the scores ascending."""
    score, wrong = np.asarray(score), np.asarray(wrong)
    blocks = [np.flatnonzero(score == value) for value in np.unique(score)]
    for parts in itertools.product(*(itertools.permutations(block) for block in blocks)):
        yield np.cumsum(wrong[np.concatenate([np.array(p) for p in parts])])


@settings(max_examples=40, deadline=None)
@given(scored(most=6))
def test_risk_aurc_and_prr_are_the_mean_over_the_orders_of_ties(data):
    score, wrong = data
    k = np.arange(1, len(score) + 1)
    risks = np.array([errors / k for errors in all_orders(score, wrong)])
    curve = e.risk_coverage(score, wrong)
    np.testing.assert_allclose(curve.risk, risks.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(curve.coverage, k / len(k), atol=1e-15)
    area = risks.mean()
    np.testing.assert_allclose(e.aurc(score, wrong, None).value, area, atol=1e-12)
    oracle = (np.cumsum(np.sort(wrong)) / k).mean()
    expected = (wrong.mean() - area) / (wrong.mean() - oracle)
    np.testing.assert_allclose(e.prr(score, wrong, None).value, expected, atol=1e-10)
    for kept in k:
        accuracy = e.accuracy_at_coverage(score, wrong, kept / len(k), None).value
        np.testing.assert_allclose(accuracy, 1 - risks.mean(axis=0)[kept - 1], atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(scored(), st.integers(0, 999))
def test_point_estimates_do_not_depend_on_the_order_of_rows(data, seed):
    score, wrong = data
    order = np.random.default_rng(seed).permutation(len(score))
    for estimate in ESTIMATES:
        assert estimate(score, wrong, interval=None).value == estimate(score[order], wrong[order], interval=None).value
    for estimate in (e.auroc, e.aurc, e.accuracy_at_coverage):
        assert 0 <= estimate(score, wrong, interval=None).value <= 1
    assert e.prr(score, wrong, None).value <= 1 + 1e-12
    assert abs(e.prr(wrong.astype(float), wrong, None).value - 1) < 1e-12  # the oracle


@settings(max_examples=30, deadline=None)
@given(scored())
def test_doubling_all_questions_leaves_point_estimates(data):
    score, wrong = data
    for estimate in (e.auroc, lambda s, w, interval: e.accuracy_at_coverage(s, w, 0.37, interval)):
        once, twice = (estimate(np.tile(score, k), np.tile(wrong, k), interval=None).value for k in (1, 2))
        np.testing.assert_allclose(once, twice, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.floats(-10, 10))
def test_a_constant_score_has_prr_exactly_zero_and_the_error_rate_as_area(n_wrong, n_right, constant):
    wrong = np.repeat([True, False], [n_wrong, n_right])
    score = np.full(len(wrong), constant)
    prr = e.prr(score, wrong, resamples=20)
    assert (prr.value, prr.low, prr.high) == (0, 0, 0)
    assert e.aurc(score, wrong, None).value == n_wrong / len(wrong)
    np.testing.assert_allclose(e.accuracy_at_coverage(score, wrong, 0.3, None).value, n_right / len(wrong), atol=1e-12)
    assert e.auroc(score, wrong, None).value == 0.5


def test_a_boundary_inside_a_question_takes_its_share():
    # 0.375 of 4 rows is 1.5 rows: the first (right) and half of the second (wrong)
    assert e.accuracy_at_coverage([1, 2, 3, 4], [0, 1, 0, 1], 0.375, None).value == 1 - 0.5 / 1.5


# ---------------------------------------------------------------- means and proportions


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


def test_bootstrap_mean_agrees_with_scipy():
    x = np.random.default_rng(0).gamma(2, size=150)
    ours = e.bootstrap_mean([*x, NAN])
    reference = stats.bootstrap((x,), np.mean, method="percentile", n_resamples=9999).confidence_interval
    np.testing.assert_allclose([ours.low, ours.high], reference, atol=0.02)
    np.testing.assert_allclose(ours.value, x.mean(), rtol=1e-14)
    assert (ours.n, ours.coverage) == (150, 150 / 151)
    assert e.bootstrap_mean([*x[::-1], NAN]) == ours
    assert e.bootstrap_mean(x, seed=1).low != ours.low
    assert e.bootstrap_mean([]).method == "undefined: no values"
    one = e.bootstrap_mean([2.0])
    assert (one.value, np.isnan(one.low)) == (2, True)


def test_paired_difference_keeps_pairs_together():
    a = np.random.default_rng(0).normal(size=50) * 100
    estimate = e.paired_bootstrap_difference([*a + 1, NAN, 3], [*a, 2, NAN])
    np.testing.assert_allclose([estimate.value, estimate.low, estimate.high], 1, atol=1e-10)
    assert (estimate.n, estimate.coverage) == (50, 50 / 52)
    assert estimate.method.startswith("mean of a - b, bootstrap")
    assert np.isnan(e.paired_bootstrap_difference([NAN], [1]).value)
    with pytest.raises(ValueError, match="a has 2, b has 1"):
        e.paired_bootstrap_difference([1, 2], [1])


def test_cohens_d_by_hand():
    # means 4 and 2, both variances 1: d = 2; Var = 6/9 + 4/12 = 1
    estimate = e.cohens_d([3, 4, 5, 1, 2, 3, NAN], [1, 1, 1, 0, 0, 0, 1])
    z = stats.norm.ppf(0.975)
    np.testing.assert_allclose([estimate.value, estimate.low, estimate.high], [2, 2 - z, 2 + z], rtol=1e-12)
    assert estimate.coverage == 6 / 7
    assert "vary" in e.cohens_d([0.1] * 7, [1, 1, 1, 0, 0, 0, 0]).method
    assert "two wrong" in e.cohens_d([1, 2, 3], [1, 0, 0]).method
    assert "two wrong" in e.cohens_d([], []).method


# ---------------------------------------------------------------- tests of pairs


def test_holm_by_hand():
    # sorted .01 .02 .03 .04 times 4 3 2 1: .04 .06 .06 .04, made rising
    np.testing.assert_allclose(e.holm([0.04, 0.01, 0.03, 0.02]), [0.06, 0.04, 0.06, 0.06], rtol=1e-12)
    np.testing.assert_allclose(e.holm([0.02, NAN, 0.9]), [0.04, NAN, 0.9], rtol=1e-12)
    assert e.holm([0.5, 0.6]).tolist() == [1, 1]
    assert e.holm([]).shape == (0,)
    with pytest.raises(BadInput, match="p-values"):
        e.holm([1.2])


def test_wilcoxon_agrees_with_scipy_and_shifts_with_the_data():
    a, b, _ = some(80)
    test = e.paired_wilcoxon([*a, NAN], [*b, 1])
    reference = stats.wilcoxon(a, b)
    assert (test.statistic, test.pvalue, test.n) == (reference.statistic, reference.pvalue, 80)
    d = a - b
    walsh = [(d[i] + d[j]) / 2 for i in range(80) for j in range(i, 80)]
    np.testing.assert_allclose(test.difference, np.median(walsh), rtol=1e-12)
    assert test.low < test.difference < test.high
    moved = e.paired_wilcoxon(a + 1, b)
    np.testing.assert_allclose([moved.low, moved.high], [test.low + 1, test.high + 1], rtol=1e-12)


def every_sign(n):
    """Differences with ranks 1…n under all 2**n patterns of signs: no ties, no zeros, irregular sizes."""
    sizes = np.cumsum(np.random.default_rng(n).uniform(0.5, 1.5, n))
    for signs in itertools.product([-1, 1], repeat=n):
        yield sizes * signs


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
@pytest.mark.parametrize("n", range(1, 9))
def test_wilcoxon_interval_leaves_out_0_exactly_where_the_test_rejects(n, level):
    covered = 0
    for d in every_sign(n):
        test = e.paired_wilcoxon(d, np.zeros(n), level)
        assert (test.low > 0 or test.high < 0) == (test.pvalue < 1 - level)
        covered += not (test.low > 0 or test.high < 0)
    assert covered / 2**n >= level  # all patterns are equally likely under the hypothesis: the exact coverage


def test_wilcoxon_interval_by_hand():
    # five positive differences: p = 2/32 > 0.05, so no 95% interval exists; at 90% it is the range
    five = e.paired_wilcoxon([1, 2, 4, 8, 16], [0] * 5)
    assert (five.pvalue, np.isnan(five.low), np.isnan(five.high)) == (0.0625, True, True)
    wide = e.paired_wilcoxon([1, 2, 4, 8, 16], [0] * 5, level=0.9)
    assert (wide.low, wide.high) == (1, 16)
    # six: only rank sum 0 is rejected (2/64 < 0.05 < 4/64), so the first and the last mean are the ends
    six = e.paired_wilcoxon([1, 2, 4, 8, 16, 32], [0] * 6)
    assert (six.pvalue, six.low, six.high) == (0.03125, 1, 32)


@pytest.mark.parametrize("n", [6, 12, 30, 50, 51, 80])
def test_wilcoxon_interval_ends_where_its_own_test_stops_rejecting(n):
    rng = np.random.default_rng(n)
    for _ in range(20):
        d = rng.normal(0.3, 1, n)
        test = e.paired_wilcoxon(d, np.zeros(n))
        assert (test.low > 0 or test.high < 0) == (test.pvalue < 0.05)
        for end, inwards in ((test.low, 1e-9), (test.high, -1e-9)):
            assert e.paired_wilcoxon(d - end - inwards, np.zeros(n)).pvalue >= 0.05
            assert e.paired_wilcoxon(d - end + inwards, np.zeros(n)).pvalue < 0.05


def test_wilcoxon_of_equal_pairs_of_few_and_of_none():
    same = e.paired_wilcoxon([1, 2, 3], [1, 2, 3])
    assert (same.statistic, same.pvalue, same.difference) == (0, 1, 0)
    few = e.paired_wilcoxon([1, 2], [0, 0])
    assert np.isnan(few.low)
    assert e.paired_wilcoxon([], []).method == "undefined: no pairs"
    with pytest.raises(ValueError, match="a has 1, b has 2"):
        e.paired_wilcoxon([1], [1, 2])


def test_mcnemar_by_hand():
    # 5 yes/no, 1 no/yes, 4 alike. P(at most 1 of 6) = 7/64, twice: 7/32
    a, b = [1] * 5 + [0] + [1, 1, 0, 0], [0] * 5 + [1] + [1, 1, 0, 0]
    test = e.mcnemar([*a, NAN], [*b, 1])
    np.testing.assert_allclose(test.pvalue, 7 / 32, rtol=1e-12)
    assert (test.statistic, test.difference, test.n) == (1, 0.4, 10)
    assert -1 <= test.low < test.difference < test.high <= 1
    # Bonett and Price: p = 6/12 and 2/12
    half = stats.norm.ppf(0.975) * np.sqrt((8 / 12 - (4 / 12) ** 2) / 12)
    np.testing.assert_allclose([test.low, test.high], [4 / 12 - half, 4 / 12 + half], rtol=1e-12)
    assert e.mcnemar([1, 0], [1, 0]).pvalue == 1
    assert e.mcnemar([], []).method == "undefined: no pairs"
    with pytest.raises(BadInput, match="b must hold 0 and 1"):
        e.mcnemar([1, 0], [1, 3])
    with pytest.raises(ValueError, match="lengths differ"):
        e.mcnemar([1, 0], [1])
