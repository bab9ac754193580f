"""Does each kind of interval that the book prints cover what it says? Simulated, seeded, within Monte Carlo error.

A kind of interval is right if, over samples from a population whose true value is known, it holds that value about 95
times of 100. Each bound below says which side matters: under-coverage is what a referee would quote.
"""

import numpy as np
import pytest
from scipy.stats import norm

from homogen import clustering
from homogen import evaluation as e
from homogen.records import Draws

RUNS = 400
"""Samples of each population. The standard error of a coverage of .95 is .011."""


def coverage(intervals, truth):
    held = [low <= truth <= high for low, high in intervals]
    return float(np.mean(held))


def ends(estimate):
    return estimate.low, estimate.high


@pytest.mark.parametrize("n", [6, 10, 12, 40])
def test_paired_differences_of_cluster_counts(n):
    """Differences of counts from 1 to 10, skewed as those of two temperatures are."""
    rng = np.random.default_rng(n)
    a, b = rng.binomial(9, 0.6, (RUNS, n)), rng.binomial(9, 0.35, (RUNS, n))
    made = [ends(e.paired_difference(x, y)) for x, y in zip(a, b, strict=True)]
    assert 0.92 <= coverage(made, 9 * 0.25) <= 0.985


def test_the_bootstrap_that_students_t_took_the_place_of_covers_less():
    rng = np.random.default_rng(0)
    d = rng.normal(size=(4 * RUNS, 10))
    boot = coverage([ends(e.mean(row, "bootstrap", draws=Draws(500))) for row in d], 0)
    student = coverage([ends(e.paired_difference(row, np.zeros(10))) for row in d], 0)
    assert boot < 0.925
    assert 0.935 < student < 0.965


@pytest.mark.parametrize("apart", [0.0, 1.0, 2.5])
@pytest.mark.parametrize(("n1", "n0"), [(2, 68), (3, 67), (5, 65), (9, 61), (20, 50), (60, 90)])
def test_auroc(n1, n0, apart):
    """Normal scores so many standard deviations apart: the true AUROC is Φ(apart/√2), .5, .760 and .961."""
    rng = np.random.default_rng(n1)
    wrong = np.arange(n1 + n0) < n1
    made = []
    for _ in range(RUNS):
        score = rng.normal(size=n1 + n0) + apart * wrong
        made.append(ends(e.auroc(score, wrong, draws=Draws(300))))
    assert coverage(made, norm.cdf(apart / np.sqrt(2))) >= 0.915


def test_auroc_by_bootstrap_with_two_wrong_answers_would_not_cover():
    rng = np.random.default_rng(2)
    wrong = np.arange(70) < 2
    made = [ends(e.auroc(rng.normal(size=70) + wrong, wrong, "bootstrap", draws=Draws(300))) for _ in range(150)]
    assert coverage(made, 0.7602499389065233) < 0.85


@pytest.mark.parametrize(("n", "rate"), [(20, 0.1), (50, 0.3), (200, 0.05)])
def test_single_cluster_rates_by_wilson(n, rate):
    rng = np.random.default_rng(n)
    made = []
    for single in rng.random((RUNS, n)) < rate:
        made.append(ends(clustering.single_cluster_rate([[0, 0] if one else [0, 1] for one in single])))
    assert coverage(made, rate) >= 0.92


def test_differences_of_rates_by_bonett_and_price():
    rng = np.random.default_rng(5)
    a = rng.random((RUNS, 40)) < 0.5
    b = np.where(rng.random((RUNS, 40)) < 0.7, a, rng.random((RUNS, 40)) < 0.2)  # true rate .5*.7 + .3*.2
    made = [(r.effect.low, r.effect.high) for r in map(e.mcnemar, a, b)]
    assert coverage(made, 0.5 - (0.7 * 0.5 + 0.3 * 0.2)) >= 0.925


def test_differences_of_rates_of_two_groups_by_newcombe():
    rng = np.random.default_rng(6)
    a, b = rng.random((RUNS, 30)) < 0.6, rng.random((RUNS, 40)) < 0.3
    made = [(r.effect.low, r.effect.high) for r in map(e.fisher, a, b)]
    assert coverage(made, 0.3) >= 0.925


def test_differences_of_auroc_by_delong():
    """Two noisy readings of one signal; equal by construction, so the true difference is 0."""
    rng = np.random.default_rng(7)
    wrong = np.arange(80) < 30
    made = []
    for _ in range(RUNS):
        signal = rng.normal(size=80) + wrong
        a, b = signal + rng.normal(size=80), signal + rng.normal(size=80)
        result = e.delong_test(a, b, wrong)
        made.append((result.effect.low, result.effect.high))
    assert coverage(made, 0) >= 0.925


@pytest.mark.parametrize(("n", "least"), [(3, 0.87), (6, 0.88), (12, 0.895), (39, 0.92), (40, 0.91), (70, 0.915)])
def test_means(n, least):
    """Token entropies are skewed, and of so few questions no interval of a mean covers all that it says."""
    rng = np.random.default_rng(n)
    made = [ends(e.mean(x, draws=Draws(400))) for x in rng.gamma(2.0, 0.5, (2 * RUNS, n))]
    assert coverage(made, 1.0) >= least


def test_differences_of_auroc_by_bootstrap():
    rng = np.random.default_rng(10)
    wrong = np.arange(70) < 25
    made = []
    for _ in range(RUNS):
        signal = rng.normal(size=70) + wrong
        result = e.bootstrap_test(signal + rng.normal(size=70), signal + rng.normal(size=70), wrong, draws=Draws(300))
        made.append((result.effect.low, result.effect.high))
    assert coverage(made, 0) >= 0.925


def test_brier_scores():
    """Forecasts that mean what they say: the true score is the mean of p (1 - p), of Beta(2, 3) its .2."""
    rng = np.random.default_rng(11)
    made = []
    for p in rng.beta(2, 3, (RUNS, 70)):
        made.append(ends(e.brier(p, rng.random(70) < p, draws=Draws(300))))
    assert coverage(made, 0.2) >= 0.915


@pytest.mark.parametrize("measure", [e.prr, e.excess_aurc])
def test_rejection(measure):
    """These two cover about .91 where they say .95; the page on numbers says so."""
    rng = np.random.default_rng(12)
    big = rng.random(200_000) < 0.35
    truth = measure(rng.normal(size=len(big)) + big, big, None).value
    made = []
    for wrong in rng.random((RUNS, 70)) < 0.35:
        made.append(ends(measure(rng.normal(size=70) + wrong, wrong, draws=Draws(300))))
    assert 0.875 <= coverage(made, truth) <= 0.95


def test_correlations_of_what_does_not_tie():
    rng = np.random.default_rng(13)
    made = []
    for _ in range(RUNS):
        x, noise = rng.normal(size=(2, 30))
        result = e.pearson(x, 0.5 * x + np.sqrt(0.75) * noise)
        made.append((result.effect.low, result.effect.high))
    assert coverage(made, 0.5) >= 0.925


def test_mean_clusters_and_agreement_of_two_clusterings():
    """Bootstrap over 40 questions; the truth is that of very many."""
    rng = np.random.default_rng(14)

    def labelled(questions):
        return list(rng.integers(0, rng.integers(1, 6, (questions, 1)), (questions, 10)))

    def other(labels):
        return [np.where(rng.random(10) < 0.8, row, 5) for row in labels]

    many = labelled(4_000)
    counts = np.mean([len(set(row)) for row in many])
    agreed = clustering.adjusted_rand_index(many, other(many), draws=Draws(1)).value
    clusters, rand = [], []
    for _ in range(RUNS // 2):
        few = labelled(40)
        clusters.append(ends(clustering.mean_number_of_clusters(few, draws=Draws(200))))
        rand.append(ends(clustering.adjusted_rand_index(few, other(few), draws=Draws(200))))
    assert coverage(clusters, counts) >= 0.9
    assert coverage(rand, agreed) >= 0.9


def test_ratios_of_two_rates_by_the_score_interval():
    from statsmodels.stats.proportion import confint_proportions_2indep

    rng = np.random.default_rng(15)
    counts = zip(rng.binomial(200, 0.3, RUNS), rng.binomial(200, 0.03, RUNS), strict=True)
    options = {"method": "score", "compare": "ratio"}
    made = [confint_proportions_2indep(a, 200, b, 200, **options) for a, b in counts if b]
    assert coverage(made, 10) >= 0.925


def test_a_fitted_score_is_judged_by_refits():
    """Labels that say nothing: a fitted score's test must stay quiet.

    60 tests at 5%: three on average, nine or more with a chance of 0.3%.
    """
    rng = np.random.default_rng(9)
    found = []
    for _ in range(60):
        score, wrong = rng.normal(size=40), rng.permutation(np.arange(40) < 12)

        def fit(labels, score=score):
            return e.platt(score, labels, folds=5)

        found.append(e.fitted_test(fit, wrong, draws=Draws(39, 1)))
    assert np.mean([r.pvalue <= 0.05 for r in found]) <= 0.15


@pytest.mark.parametrize(("n1", "n0", "strata"), [(20, 30, 1), (30, 40, 4), (130, 200, 12)])
def test_differences_within_strata(n1, n0, strata):
    """Cluster counts whose mean and whose strata differ between the groups; 0.5 apart within each stratum."""
    rng = np.random.default_rng(n1)
    group = np.repeat([1, 0], [n1, n0])
    made = []
    for _ in range(RUNS):
        s = np.r_[rng.binomial(strata - 1, 0.4, n1), rng.binomial(strata - 1, 0.6, n0)]
        x = 1 + s + rng.poisson(1 + 0.5 * group)
        made.append(ends(e.stratified_difference(x, group, s, Draws(300))))
    assert 0.915 <= coverage(made, 0.5) <= 0.985
