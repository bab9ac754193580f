"""Cascades judged by cross-validation, beside their controls."""

import doctest
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homogen import evaluation
from homogen.cascade import SHARES, Boundary, cost_curve, cross_validate, fit_cascade, learned_pointer, pareto_front
from homogen.records import BadInput, Draws

NAN = np.nan


def planted(n=300, seed=0):
    """Half of the questions are easy, the cheap score knows them well; of the hard ones only the dear score knows."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(n) < 0.5
    easy = rng.random(n) < 0.5
    cheap = np.where(easy, np.where(wrong, 3, -3), 0) + rng.normal(0, 0.5, n)
    dear = np.where(wrong, 1, -1) + rng.normal(0, 0.8, n)
    return wrong, Boundary("cheap", 1, cheap), Boundary("dear", 9, dear)


def test_doctests():
    assert doctest.testmod(sys.modules[cross_validate.__module__]).failed == 0


def test_the_cascade_beats_the_lot_at_the_same_price_where_the_cheap_score_knows_what_it_knows():
    wrong, cheap, dear = planted()
    found = cross_validate([cheap, dear], wrong, shares=[0.5], draws=Draws(200))
    table = found.table
    assert table.loc["cascade", "cost"] == table.loc["by lot", "cost"]
    assert table.loc["cascade", "calls_saved"] == table.loc["by lot", "calls_saved"] == pytest.approx(0.5, abs=0.05)
    assert table.loc["cascade", "auroc"] > table.loc["by lot", "auroc"] + 0.03
    assert found.lots_as_good == 1 / 201
    assert table.loc["cascade", "auroc"] > table.loc["cheap alone", "auroc"] + 0.05
    assert table.loc["parallel", "share_of_parallel_cost"] == 1
    assert table.loc["dear alone", ["cost", "calls_saved"]].tolist() == [9, 0]
    assert table.loc["cheap alone", ["cost", "calls_saved"]].tolist() == [1, 1]


def test_cost_and_auroc_come_from_one_operating_point():
    wrong, cheap, dear = planted()
    found = cross_validate([cheap, dear], wrong, draws=Draws(100))
    assert found.table.loc["cascade", "cost"] == pytest.approx(1 + 9 * (found.stage == 1).mean(), abs=1e-12)
    assert found.table.loc["cascade", "calls_saved"] == pytest.approx((found.stage == 0).mean(), abs=1e-12)
    for name in found.evidence:
        for score in (found.evidence[name], found.prob_wrong[name]):
            assert evaluation.auroc(score, wrong, interval=None).value == found.table.loc[name, "auroc"]
    assert set(found.thresholds.columns) == {"share", "edge 0"}


def test_the_control_by_lot_is_many_lots():
    """One lot gave .754 ± .025, and moved the gain that was shown from -.010 to +.036."""
    wrong, cheap, dear = planted(120)
    made = [cross_validate([cheap, dear], wrong, shares=[0.5], draws=Draws(50, seed)).table for seed in (0, 1, 2)]
    lots = [table.loc["by lot"] for table in made]
    assert all(row.low < row.auroc < row.high for row in lots)
    assert max(row.auroc for row in lots) - min(row.auroc for row in lots) < 0.02
    nobody = cross_validate([cheap, dear], wrong, shares=[0], draws=Draws(50))
    assert nobody.table.loc["by lot", "auroc"] == pytest.approx(nobody.table.loc["cascade", "auroc"], abs=1e-12)
    assert nobody.lots_as_good == 1


def test_the_ends_of_the_shares_are_the_controls():
    wrong, cheap, dear = planted(120)
    nobody = cross_validate([cheap, dear], wrong, shares=[0], draws=Draws(50))
    np.testing.assert_array_equal(nobody.evidence["cascade"], nobody.evidence["cheap alone"])
    everyone = cross_validate([cheap, dear], wrong, shares=[1], draws=Draws(50))
    np.testing.assert_array_equal(everyone.evidence["cascade"], everyone.evidence["parallel"])
    assert everyone.table.loc["cascade", "share_of_parallel_cost"] == 1


def test_the_share_is_chosen_by_what_the_dear_score_is_worth():
    rng = np.random.default_rng(1)
    wrong = rng.random(300) < 0.5
    knows, noise = wrong + rng.normal(0, 0.4, 300), rng.normal(0, 1, 300)
    useless = cross_validate([Boundary("a", 1, knows), Boundary("b", 9, noise)], wrong, draws=Draws(50))
    assert set(useless.thresholds.share) == {0.0}
    vital = cross_validate([Boundary("a", 1, noise), Boundary("b", 9, knows)], wrong, draws=Draws(50))
    assert min(vital.thresholds.share) > 0.5
    free = cross_validate([Boundary("a", 1, noise), Boundary("b", 9, knows)], wrong, tolerance=1, draws=Draws(50))
    assert set(free.thresholds.share) == {0.0}


def test_constant_features_are_half():
    wrong = np.array([1] * 7 + [0] * 16)  # neither class divides by five
    risk = learned_pointer(np.ones((23, 2)), wrong)
    assert evaluation.auroc(risk, wrong, interval=None).value == 0.5
    assert risk.mean() == pytest.approx(7 / 23, abs=0.01)


def test_noise_stays_noise_out_of_fold():
    # Forty features that single rows out would fit 80 labels by heart; out of fold they know nothing.
    rng = np.random.default_rng(3)
    wrong = rng.random(80) < 0.5
    features = np.eye(80)
    inside = evaluation.auroc(learned_pointer(features, wrong), wrong, interval=None).value
    assert inside < 0.6
    noise = [Boundary(str(k), 1, rng.normal(0, 1, 80)) for k in range(3)]
    assert abs(cross_validate(noise, wrong, draws=Draws(50)).table.auroc - 0.5).max() < 0.2  # SE of an AUROC: 0.065


def test_rows_with_a_gap_are_left_out_and_counted():
    wrong, cheap, dear = planted(120)
    score = cheap.score.copy()
    score[[3, 7]] = NAN
    labels = wrong.astype(float)
    labels[11] = NAN
    found = cross_validate([Boundary("cheap", 1, score), dear], labels, draws=Draws(50))
    assert found.coverage == 117 / 120
    assert np.isnan(found.evidence.loc[[3, 7, 11]]).all(axis=None)
    assert found.stage[[3, 7, 11]].tolist() == [-1, -1, -1]
    assert not np.isnan(found.evidence.drop([3, 7, 11])).any(axis=None)


def test_each_argument_of_the_judgement_changes_something():
    wrong, cheap, dear = planted(150)
    base = cross_validate([cheap, dear], wrong, draws=Draws(50))
    draws = [{"draws": d} for d in (Draws(60), Draws(50, 1), Draws(50, level=0.5))]
    for change in (*draws, {"folds": 3}, {"shares": [0, 1]}, {"tolerance": 0.2}):
        other = cross_validate([cheap, dear], wrong, **{"draws": Draws(50)} | change)
        assert not other.table.equals(base.table), change
    called = cross_validate(
        [cheap, Boundary("dear", 9, lambda q: [dear.score[i] for i in q])], wrong, questions=range(150), draws=Draws(50)
    )
    assert called.table.equals(base.table)


def test_a_constant_score_is_half():
    wrong, cheap, _ = planted(120)
    found = cross_validate([Boundary("constant", 1, np.ones(120)), cheap], wrong, shares=[0], draws=Draws(50))
    # Each fold gives its own error rate to all its rows; pooled as they are, these would say 0.48.
    assert found.table.loc["constant alone", ["auroc", "low", "high"]].tolist() == [0.5, 0.5, 0.5]
    assert found.table.loc["cascade", "auroc"] == 0.5


def test_the_curve_of_cost():
    wrong, cheap, dear = planted()
    curve = cost_curve([cheap, dear], wrong)
    assert curve.share.tolist() == list(SHARES)
    assert (curve.cost.diff().dropna() >= 0).all()
    assert curve.cost.iloc[[0, -1]].tolist() == [1, 10]
    assert curve.calls_saved.iloc[[0, -1]].tolist() == [1, 0]
    np.testing.assert_allclose(curve.cost, 1 + 9 * (1 - curve.calls_saved), atol=1e-12)
    assert (curve.calls_saved - (1 - curve.share)).abs().max() < 0.05
    assert curve.on_front.tolist() == pareto_front(curve.cost, curve.auroc).tolist()
    assert cost_curve([cheap, dear], wrong, seed=1).auroc.tolist() != curve.auroc.tolist()
    assert cost_curve([cheap, dear], wrong, folds=3).auroc.tolist() != curve.auroc.tolist()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12))
@settings(max_examples=200, deadline=None)
def test_the_front_is_who_nobody_beats(points):
    def beats(p, q):
        return p[0] <= q[0] and p[1] >= q[1] and p != q

    expected = [not any(beats(p, q) for p in points) for q in points]
    assert pareto_front([p[0] for p in points], [p[1] for p in points]).tolist() == expected


def test_an_undefined_point_is_off_the_front():
    assert pareto_front([1, 2, NAN], [NAN, 0.5, 0.9]).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boundaries": [Boundary("a", 1, [0, 1] * 10)]}, "needs two boundaries, got 1"),
        ({"wrong": [0, 1] * 9}, r"'a' has scores of shape \(20,\) for 18 questions"),
        ({"wrong": [0, 2] * 10}, "wrong must hold 0 and 1"),
        ({"wrong": [0] * 20}, "need 10 wrong and 10 right answers, got 0 and 20"),
        ({"shares": [1.5]}, r"shares must be numbers in \[0, 1\]"),
        ({"shares": []}, "at least one"),
        ({"folds": 1}, "folds must be a whole number of at least 2"),
        ({"draws": 100}, "draws must be Draws"),
        ({"shares": ["x"]}, "shares must be numbers"),
        ({"wrong": ["x"] * 20}, "wrong must be numbers"),
        ({"boundaries": [Boundary("a", 1, [0, 1] * 10)] * 2}, "two boundaries have one name: 'a', 'a'"),
        ({"tolerance": -0.1}, r"tolerance must lie in \[0, 1\]"),
        (
            {"boundaries": [Boundary("a", 1, len), Boundary("b", 1, [0, 1] * 10)]},
            "'a' scores questions, but none are given",
        ),
    ],
)
def test_bad_judgements(change, message):
    both = [Boundary("a", 1, [0, 1] * 10), Boundary("b", 1, [0, 1, 1, 0] * 5)]
    with pytest.raises(BadInput, match=message):
        cross_validate(**{"boundaries": both, "wrong": [0, 1] * 10} | change)
    with pytest.raises(BadInput, match="rows of equal length"):
        pareto_front([1, 2], [0.5])
    with pytest.raises(BadInput, match="cost must be numbers"):
        pareto_front(["x"], [0.5])


def test_a_score_with_a_heavy_tail_does_not_run_into_one():
    # exp of a normal score, as a perplexity is: as a probability the largest would be exactly 1, its log-odds infinite.
    wrong, cheap, dear = planted(200)
    heavy = Boundary("heavy", 1, np.exp(6 * cheap.score))
    table = cross_validate([heavy, dear], wrong, draws=Draws(50)).table
    assert np.isfinite(table.to_numpy()).all()
    assert np.isfinite(
        cross_validate([Boundary("one", 1, [*cheap.score[:-1], 1e300]), dear], wrong).evidence.to_numpy()
    ).all()


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5, 0.9])
def test_a_share_is_a_share_where_scores_tie(share):
    # Four fifths of the questions have one cluster and so one score: passed on as a block they would all go.
    rng = np.random.default_rng(0)
    wrong = rng.random(600) < 0.5
    entropy = np.where(rng.random(600) < 0.8, 0.0, rng.integers(1, 4, 600) + wrong)
    stages = [Boundary("entropy", 1, entropy), Boundary("dear", 9, wrong + rng.normal(0, 1, 600))]
    curve = cost_curve(stages, wrong, shares=[share])
    tolerance = 4 * np.sqrt(share * (1 - share) / 600)
    assert 1 - curve.calls_saved[0] == pytest.approx(share, abs=tolerance)
    fitted = fit_cascade(stages, wrong, share=share)
    result = fitted.run(stages)
    assert result.reached[1] == pytest.approx(share, abs=tolerance)
    assert (result.stage >= 0).all()  # who is not passed on is decided
    again, other = fitted.run(stages), fitted.run(stages, seed=1)
    assert np.array_equal(result.stage, again.stage)
    assert not np.array_equal(result.stage, other.stage)


@pytest.mark.parametrize(("share", "passed"), [(0.0, 0), (1.0, 1)])
def test_all_or_nobody_is_passed_on_where_every_score_is_the_same(share, passed):
    wrong, _, dear = planted(60)
    stages = [Boundary("constant", 1, np.ones(60)), dear]
    result = fit_cascade(stages, wrong, share=share).run(stages)
    assert result.reached.tolist() == [1, passed]


def test_the_order_of_rows_plays_no_part():
    wrong, cheap, dear = planted(150)
    order = np.random.default_rng(0).permutation(150)
    moved = [Boundary(b.name, b.cost, b.score[order]) for b in (cheap, dear)]
    base, other = (cross_validate(b, w, draws=Draws(50)) for b, w in (([cheap, dear], wrong), (moved, wrong[order])))
    assert other.table.equals(base.table)
    np.testing.assert_array_equal(other.stage, base.stage[order])
    assert cost_curve(moved, wrong[order]).equals(cost_curve([cheap, dear], wrong))
    features = np.c_[cheap.score, dear.score]
    np.testing.assert_array_equal(
        learned_pointer(features[order], wrong[order]), learned_pointer(features, wrong)[order]
    )
