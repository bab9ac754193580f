import doctest
import itertools
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homogen import evaluation
from homogen.cascade import (
    DELTAS,
    SHARES,
    Boundary,
    cascade_cost,
    cost_curve,
    cross_validate,
    fit_cascade,
    learned_pointer,
    mixture,
    mixture_cascade,
    mixture_curve,
    pareto_front,
    pointer_features,
    run_cascade,
)
from homogen.evaluation import auroc
from homogen.records import BadInput

NAN = np.nan


@pytest.mark.parametrize(
    "name", [run_cascade, fit_cascade, cross_validate, mixture, learned_pointer], ids=lambda f: f.__module__
)
def test_doctests(name):
    assert doctest.testmod(sys.modules[name.__module__]).failed == 0


def test_a_hand_worked_run_of_three_boundaries():
    first = Boundary("a", 1, [0.9, 0.1, 0.5, 0.5, 0.5, NAN], flag_above=0.8, clear_below=0.2)
    second = Boundary("b", 4, [9, 9, 3, 1, 2, 2], flag_above=2.5, clear_below=1.5)
    third = Boundary("c", 15, [9, 9, 9, 9, 1, 7], flag_above=5)
    result = run_cascade([first, second, third])
    # 0 and 1 stop at a; 2 and 3 at b; 4 runs through undecided; 5 has no score at a, is in doubt at b, flagged at c.
    assert result.flagged.tolist() == [True, False, True, False, False, True]
    assert result.stage.tolist() == [0, 0, 1, 1, -1, 2]
    assert result.cost.tolist() == [1, 1, 5, 5, 20, 20]
    assert result.reached.tolist() == [1, 4 / 6, 2 / 6]
    assert result.parallel_cost == 20
    assert result.mean_cost == 52 / 6
    assert result.share_of_parallel_cost == pytest.approx(52 / 120, abs=1e-15)
    np.testing.assert_allclose(result.calls_saved, [0, 1 / 3, 2 / 3], atol=1e-15)


def test_a_threshold_itself_neither_flags_nor_clears():
    result = run_cascade([Boundary("a", 1, [0.2, 0.8], flag_above=0.8, clear_below=0.2)])
    assert result.stage.tolist() == [-1, -1]


def test_a_function_is_called_for_the_questions_that_reach_it_alone():
    seen = []

    def dear(questions):
        seen.append(list(questions))
        return [len(q) for q in questions]

    stages = [Boundary("a", 1, lambda q: [0.9 if x == "flag" else 0.5 for x in q], 0.8), Boundary("b", 9, dear, 3)]
    result = run_cascade(stages, ["flag", "long one", "abc", "flag"])
    assert seen == [["long one", "abc"]]
    assert result.flagged.tolist() == [True, True, False, True]
    assert run_cascade(stages, []).cost.tolist() == []


scores = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, NAN]), min_size=1, max_size=30)


@given(scores, st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_the_mean_cost_is_the_formulas(first, seed):
    rng = np.random.default_rng(seed)
    rows = [first, rng.random(len(first)), rng.random(len(first))]
    costs = rng.integers(0, 20, 3)
    result = run_cascade([Boundary(str(k), c, s, 0.7, 0.4) for k, (c, s) in enumerate(zip(costs.tolist(), rows))])  # noqa: B905
    with np.errstate(invalid="ignore"):
        passed = np.nan_to_num(result.reached[1:] / result.reached[:-1])
    assert result.mean_cost == pytest.approx(cascade_cost(costs, passed), abs=1e-12)
    order = rng.permutation(len(first))
    shuffled = run_cascade(
        [Boundary(str(k), c, np.array(s)[order], 0.7, 0.4) for k, (c, s) in enumerate(zip(costs.tolist(), rows))]  # noqa: B905
    )
    np.testing.assert_array_equal(shuffled.stage, result.stage[order])
    np.testing.assert_array_equal(shuffled.cost, result.cost[order])


def test_cost_formula():
    assert cascade_cost([2], []) == 2
    assert cascade_cost([1, 10, 100], [0.5, 0.2]) == 1 + 5 + 10
    assert cascade_cost([1, 10, 100], [0.5, 0.2, 0.9]) == 16


def test_the_papers_two_savings_are_two_numbers():
    # Half of the questions stop at a stage that costs a tenth: 55% of the parallel cost, 50% of the calls saved.
    cheap = Boundary("cheap", 1, [0, 0, 1, 1], flag_above=0.5)
    result = run_cascade([cheap, Boundary("dear", 9, [0] * 4)])
    assert result.calls_saved[1] == 0.5
    assert result.share_of_parallel_cost == 0.55


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: run_cascade([]), "needs a boundary"),
        (lambda: Boundary("a", -1, []), "boundary 'a': cost must be a finite number"),
        (lambda: Boundary("a", np.inf, []), "finite number"),
        (lambda: Boundary("a", True, []), "finite number"),
        (lambda: Boundary("a", 1, [], flag_above=NAN), "flag_above must be a number"),
        (lambda: Boundary("a", 1, [], flag_above=0, clear_below=1), "between them it would do both"),
        (
            lambda: run_cascade([Boundary("a", 1, [1, 2]), Boundary("b", 1, [1])]),
            r"'b' has scores of shape \(1,\) for 2",
        ),
        (lambda: run_cascade([Boundary("a", 1, [np.inf])]), "scores of boundary 'a' must be finite"),
        (lambda: run_cascade([Boundary("a", 1, len)]), "'a' scores questions, but none are given"),
        (lambda: run_cascade([Boundary("a", 1, lambda q: [1])], ["x", "y"]), r"'a' has scores of shape \(1,\) for 2"),
        (lambda: cascade_cost([], []), "S costs need"),
        (lambda: cascade_cost([1, 2], []), "S costs need"),
        (lambda: cascade_cost([1, 2], [1.5]), r"in \[0, 1\]"),
        (lambda: cascade_cost([1, NAN], [0.5]), "finite"),
    ],
)
def test_bad_runs(call, message):
    with pytest.raises(BadInput, match=message):
        call()


# --- judged by cross-validation -------------------------------------------------------------------------------------


def planted(n=300, seed=0):
    """Half of the questions are easy, the cheap score knows them well; of the hard ones only the dear score knows."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(n) < 0.5
    easy = rng.random(n) < 0.5
    cheap = np.where(easy, np.where(wrong, 3, -3), 0) + rng.normal(0, 0.5, n)
    dear = np.where(wrong, 1, -1) + rng.normal(0, 0.8, n)
    return wrong, Boundary("cheap", 1, cheap), Boundary("dear", 9, dear)


def test_the_cascade_beats_the_lot_at_the_same_price_where_the_cheap_score_knows_what_it_knows():
    wrong, cheap, dear = planted()
    found = cross_validate([cheap, dear], wrong, shares=[0.5], resamples=200)
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
    found = cross_validate([cheap, dear], wrong, resamples=100)
    assert found.table.loc["cascade", "cost"] == pytest.approx(1 + 9 * (found.stage == 1).mean(), abs=1e-12)
    assert found.table.loc["cascade", "calls_saved"] == pytest.approx((found.stage == 0).mean(), abs=1e-12)
    for name in found.evidence:
        for score in (found.evidence[name], found.prob_wrong[name]):
            assert evaluation.auroc(score, wrong, interval=None).value == found.table.loc[name, "auroc"]
    assert set(found.thresholds.columns) == {"share", "edge 0"}


def test_the_control_by_lot_is_many_lots():
    """One lot gave .754 ± .025, and moved the gain that was shown from -.010 to +.036."""
    wrong, cheap, dear = planted(120)
    made = [cross_validate([cheap, dear], wrong, shares=[0.5], seed=seed, resamples=50).table for seed in (0, 1, 2)]
    lots = [table.loc["by lot"] for table in made]
    assert all(row.low < row.auroc < row.high for row in lots)
    assert max(row.auroc for row in lots) - min(row.auroc for row in lots) < 0.02
    nobody = cross_validate([cheap, dear], wrong, shares=[0], resamples=50)
    assert nobody.table.loc["by lot", "auroc"] == pytest.approx(nobody.table.loc["cascade", "auroc"], abs=1e-12)
    assert nobody.lots_as_good == 1


def test_the_ends_of_the_shares_are_the_controls():
    wrong, cheap, dear = planted(120)
    nobody = cross_validate([cheap, dear], wrong, shares=[0], resamples=50)
    np.testing.assert_array_equal(nobody.evidence["cascade"], nobody.evidence["cheap alone"])
    everyone = cross_validate([cheap, dear], wrong, shares=[1], resamples=50)
    np.testing.assert_array_equal(everyone.evidence["cascade"], everyone.evidence["parallel"])
    assert everyone.table.loc["cascade", "share_of_parallel_cost"] == 1


def test_the_share_is_chosen_by_what_the_dear_score_is_worth():
    rng = np.random.default_rng(1)
    wrong = rng.random(300) < 0.5
    knows, noise = wrong + rng.normal(0, 0.4, 300), rng.normal(0, 1, 300)
    useless = cross_validate([Boundary("a", 1, knows), Boundary("b", 9, noise)], wrong, resamples=50)
    assert set(useless.thresholds.share) == {0.0}
    vital = cross_validate([Boundary("a", 1, noise), Boundary("b", 9, knows)], wrong, resamples=50)
    assert min(vital.thresholds.share) > 0.5
    free = cross_validate([Boundary("a", 1, noise), Boundary("b", 9, knows)], wrong, tolerance=1, resamples=50)
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
    assert abs(cross_validate(noise, wrong, resamples=50).table.auroc - 0.5).max() < 0.2  # SE of an AUROC: 0.065


def test_rows_with_a_gap_are_left_out_and_counted():
    wrong, cheap, dear = planted(120)
    score = cheap.score.copy()
    score[[3, 7]] = NAN
    labels = wrong.astype(float)
    labels[11] = NAN
    found = cross_validate([Boundary("cheap", 1, score), dear], labels, resamples=50)
    assert found.coverage == 117 / 120
    assert np.isnan(found.evidence.loc[[3, 7, 11]]).all(axis=None)
    assert found.stage[[3, 7, 11]].tolist() == [-1, -1, -1]
    assert not np.isnan(found.evidence.drop([3, 7, 11])).any(axis=None)


def test_each_argument_of_the_judgement_changes_something():
    wrong, cheap, dear = planted(150)
    base = cross_validate([cheap, dear], wrong, resamples=50)
    for change in ({"seed": 1}, {"folds": 3}, {"resamples": 60}, {"shares": [0, 1]}, {"tolerance": 0.2}):
        other = cross_validate([cheap, dear], wrong, **{"resamples": 50} | change)
        assert not other.table.equals(base.table), change
    called = cross_validate(
        [cheap, Boundary("dear", 9, lambda q: [dear.score[i] for i in q])], wrong, questions=range(150), resamples=50
    )
    assert called.table.equals(base.table)


def test_a_constant_score_is_half():
    wrong, cheap, _ = planted(120)
    found = cross_validate([Boundary("constant", 1, np.ones(120)), cheap], wrong, shares=[0], resamples=50)
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
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"seed": None}, "seed must be a whole number"),
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
    table = cross_validate([heavy, dear], wrong, resamples=50).table
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
    base, other = (cross_validate(b, w, resamples=50) for b, w in (([cheap, dear], wrong), (moved, wrong[order])))
    assert other.table.equals(base.table)
    np.testing.assert_array_equal(other.stage, base.stage[order])
    assert cost_curve(moved, wrong[order]).equals(cost_curve([cheap, dear], wrong))
    features = np.c_[cheap.score, dear.score]
    np.testing.assert_array_equal(
        learned_pointer(features[order], wrong[order]), learned_pointer(features, wrong)[order]
    )


# --- fitted on some questions, run on others ------------------------------------------------------------------------


def test_a_fitted_cascade_runs_on_new_questions_and_asks_the_dear_score_for_few():
    wrong, cheap, dear = planted(400)
    train, test = slice(0, 300), slice(300, 400)
    old = [Boundary(b.name, b.cost, b.score[train]) for b in (cheap, dear)]
    fitted = fit_cascade(old, wrong[train], share=0.4)
    asked = []

    def ask(rows):
        asked.extend(rows)
        return dear.score[test][rows]

    new = [Boundary("cheap", 1, cheap.score[test]), Boundary("dear", 9, ask)]
    result = fitted.run(new, questions=range(100))
    assert result.reached[1] == len(asked) / 100 == pytest.approx(0.4, abs=0.15)  # 3 standard errors
    assert result.share_of_parallel_cost == pytest.approx((1 + 9 * len(asked) / 100) / 10, abs=1e-12)
    assert (result.flagged == wrong[test]).mean() > 0.9
    assert (result.stage >= 0).all()
    arrays = [Boundary("cheap", 1, cheap.score[test]), Boundary("dear", 9, dear.score[test])]
    np.testing.assert_array_equal(fitted.run(arrays).flagged, result.flagged)


def test_thresholds_are_symmetric_in_log_odds_and_the_last_stage_decides():
    wrong, cheap, dear = planted(200)
    for share, edge in ((0.0, 0.0), (1.0, np.inf)):
        fitted = fit_cascade([cheap, dear], wrong, share=share)
        assert fitted.thresholds.flag_above.tolist() == [edge, 0.0]
        assert (fitted.thresholds.clear_below == -fitted.thresholds.flag_above).all()
    assert fitted.run([cheap, dear]).reached[1] == 1
    assert 0 < fit_cascade([cheap, dear], wrong).thresholds.flag_above["cheap"] < np.inf
    assert fit_cascade([cheap, dear], wrong, share=0.3).run([cheap, dear]).reached[1] == pytest.approx(0.3, abs=0.01)


def test_a_missing_score_counts_as_an_average_one():
    wrong, cheap, dear = planted(200)
    fitted = fit_cascade([cheap, dear], wrong)
    gap = fitted.run([Boundary("cheap", 1, [NAN]), Boundary("dear", 9, [2.0])])
    mean = fitted.run([Boundary("cheap", 1, [cheap.score.mean()]), Boundary("dear", 9, [2.0])])
    assert (gap.stage.tolist(), gap.flagged.tolist()) == (mean.stage.tolist(), mean.flagged.tolist())


def test_bad_fits():
    wrong, cheap, dear = planted(50)
    with pytest.raises(BadInput, match=r"share must lie in \[0, 1\], got 1.5"):
        fit_cascade([cheap, dear], wrong, share=1.5)
    with pytest.raises(BadInput, match="needs wrong and right answers, got 0 wrong of 50"):
        fit_cascade([cheap, dear], np.zeros(50))
    fitted = fit_cascade([cheap, dear], wrong)
    with pytest.raises(BadInput, match=r"fitted on the boundaries \['cheap', 'dear'\], got \['dear', 'cheap'\]"):
        fitted.run([dear, cheap])
    with pytest.raises(BadInput, match="boundary 'cheap' scores questions, but none are given"):
        fitted.run([Boundary("cheap", 1, len), Boundary("dear", 9, len)])


# --- the learned pointer --------------------------------------------------------------------------------------------


def test_features_by_hand():
    features = pointer_features(
        ["Is it true that 3 cats can't fly?", "Who, and when"],
        ['No. They "never" did, perhaps', ""],
        [[0.0, 1.0, 2.0, 0.0], []],
    )
    assert features.shape == (2, 20)
    row = features.loc[0].to_dict()
    expected = {
        "entropy_mean": 0.75,
        "entropy_max": 2,
        "entropy_first": 0,
        "entropy_last": 0,
        "entropy_high_ratio": 0.25,
        "answer_tokens": 4,
        "answer_words": 5,
        "answer_sentences": 2,
        "answer_has_number": 0,
        "answer_hedges": 1,
        "answer_negations": 2,
        "answer_unfinished": 1,
        "question_words": 8,
        "question_has_number": 1,
        "question_yes_no": 1,
        "question_who": 0,
    }
    assert {name: row[name] for name in expected} == expected
    assert row["entropy_std"] == pytest.approx(np.sqrt(0.6875), abs=1e-12)
    empty = features.loc[1]
    assert empty.filter(like="entropy").isna().all()
    assert empty[["answer_tokens", "answer_words", "answer_sentences"]].tolist() == [0, 0, 0]
    assert empty[["question_who", "question_when_where", "question_yes_no"]].tolist() == [1, 1, 0]


@pytest.mark.parametrize(("text", "unfinished"), [("Yes.", 0), ('"Yes."', 0), ("Yes!) ", 0), ("Yes, and", 1), ("", 1)])
def test_an_answer_cut_short(text, unfinished):
    assert pointer_features(["?"], [text], [[1.0]]).loc[0, "answer_unfinished"] == unfinished


def test_a_pointer_learns_what_there_is_to_learn():
    rng = np.random.default_rng(0)
    wrong = rng.random(200) < 0.5
    features = np.c_[rng.normal(0, 1, 200), wrong + rng.normal(0, 1, 200)]
    plain = learned_pointer(features, wrong)
    assert ((plain > 0) & (plain < 1)).all()
    assert evaluation.auroc(plain, wrong, interval=None).value > 0.7
    # Question embeddings that hold the answer: their leading component finds it.
    V = np.outer(np.where(wrong, 5, -5), [0.6, 0.8, 0]) + rng.normal(0, 1, (200, 3))
    helped = learned_pointer(features, wrong, embeddings=V, components=1)
    assert evaluation.auroc(helped, wrong, interval=None).value > 0.98
    for other in (learned_pointer(features, wrong, seed=1), learned_pointer(features, wrong, folds=4)):
        assert not np.array_equal(other, plain)
    assert not np.array_equal(learned_pointer(features, wrong, V, components=2), helped)


def test_a_pointers_own_row_plays_no_part_in_its_fit():
    # Features so large that one row seen in training would settle the fit: poison one label and look at that row.
    rng = np.random.default_rng(0)
    wrong = np.array([0, 1] * 30)
    X = rng.normal(0, 1, (60, 2))
    first = learned_pointer(X, wrong, folds=5)
    X[7, 0] = 1e6
    moved = learned_pointer(X, wrong, folds=5)
    same_fold = np.flatnonzero(np.isclose(first, moved, rtol=0, atol=1e-12))
    # Rows of the poisoned row's own fold are scored by a fit that has not seen it, all others by one that has.
    assert len(same_fold) == 11
    assert 7 not in same_fold


def test_a_pointers_gaps_are_gaps():
    wrong = [0, 1] * 10
    features = np.c_[np.arange(20.0), np.arange(20.0) ** 2]
    features[4, 1] = NAN
    risk = learned_pointer(features, [*wrong[:-1], NAN])
    assert np.flatnonzero(np.isnan(risk)).tolist() == [4, 19]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": [1, 2, 3]}, r"features must have 2 dimensions, got shape \(3,\)"),
        ({"features": [["x"]] * 20}, "features must be numbers"),
        ({"folds": 1}, "folds must be a whole number of at least 2, got 1"),
        ({"folds": 2.5}, "folds must be a whole number"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"seed": 2**32}, "seed must be at most 4,294,967,295, got 4294967296"),
        ({"features": [[np.inf]] * 20}, "must be finite"),
        ({"wrong": [0, 1]}, "one label for each of 20 questions"),
        ({"wrong": [0] * 20}, "5 folds need 5 wrong and 5 right answers, got 0 of one of them"),
        ({"embeddings": [[1.0]]}, r"must have shape \(20, d\)"),
        ({"embeddings": [[1.0, 2.0]] * 20, "components": 3}, "components must be at most the 2 dimensions"),
    ],
)
def test_bad_pointers(arguments, message):
    with pytest.raises(BadInput, match=message):
        learned_pointer(**{"features": [[float(i)] for i in range(20)], "wrong": [0, 1] * 10} | arguments)
    with pytest.raises(BadInput, match="lengths differ"):
        pointer_features(["?"], [], [[1.0]])
    with pytest.raises(BadInput, match="answer 0 is None, not a text"):
        pointer_features(["?"], [None], [[1.0]])
    with pytest.raises(BadInput, match="token entropies 0 must be numbers"):
        pointer_features(["?"], ["x"], [["x"]])


def test_pairs_of_everything():
    """Fewer than two stages never reach the judgement, more than two do."""
    wrong, cheap, dear = planted(100)
    middle = Boundary("middle", 3, (cheap.score + dear.score) / 2)
    found = cross_validate([cheap, middle, dear], wrong, shares=[0.5], resamples=50)
    assert set(found.stage.tolist()) == {0, 1, 2}
    spent = np.cumsum([1, 3, 9])[found.stage]
    assert found.table.loc["cascade", "cost"] == pytest.approx(spent.mean(), abs=1e-12)
    reached = [(found.stage >= k).mean() for k in range(3)]
    passed = [b / a for a, b in itertools.pairwise(reached)]
    assert found.table.loc["cascade", "cost"] == pytest.approx(cascade_cost([1, 3, 9], passed), abs=1e-12)


# The paper's own cascade


def test_the_mixture_by_hand():
    """Scaled: first 0, .4, .5, 1 (median .45); second 0, 1, 0, 1."""
    first, second = [10, 14, 15, 20], [3.0, 7.0, 3.0, 7.0]
    np.testing.assert_allclose(mixture(first, second, 0.75), [0, 0.55, 0.375, 1])
    made = mixture_cascade(first, second, weight=0.5, delta=0.05)
    np.testing.assert_allclose(made.score, [0, 0.7, 0.25, 1])
    assert made.escalated.tolist() == [False, True, True, False]
    assert made.calls_saved == 0.5


def test_the_ends_of_the_mixture_are_its_parts():
    rng = np.random.default_rng(0)
    a, b, wrong = rng.normal(size=40), rng.normal(size=40), np.arange(40) % 2
    np.testing.assert_array_equal(mixture(a, b, 1), (a - a.min()) / np.ptp(a))
    np.testing.assert_array_equal(mixture(a, b, 0), (b - b.min()) / np.ptp(b))
    everything = mixture_cascade(a, b, 0.3, delta=1)
    np.testing.assert_array_equal(everything.score, mixture(a, b, 0.3))
    assert everything.calls_saved == 0
    curve = mixture_curve(a, b, wrong, 0.3)
    assert list(curve.delta) == list(DELTAS)
    assert curve.escalated.is_monotonic_increasing
    assert curve.auroc.iloc[-1] != curve.auroc.iloc[0]
    first_alone = auroc(a, wrong, interval=None).value
    assert mixture_curve(a, b, wrong, 0.3, deltas=[0]).auroc.iloc[0] == pytest.approx(first_alone, abs=1e-12)


def test_a_score_on_the_edge_of_the_band_belongs_to_it():
    """0.3 - 0.2 is not 0.1 in floating point."""
    made = mixture_cascade([0.0, 0.1, 0.2, 0.3, 1.0], [0, 1, 0, 1, 0], delta=0.1)
    assert made.escalated.tolist() == [False, True, True, True, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"second": [1, 2]}, "3 first scores but 2 second ones"),
        ({"first": [1, 1, 1]}, "at least two values"),
        ({"first": []}, "at least two values"),
        ({"first": [1, np.nan, 2]}, "finite scores"),
        ({"weight": 1.5}, r"weight must lie in \[0, 1\], got 1.5"),
        ({"delta": -0.1}, "delta must be at least 0, got -0.1"),
        ({"delta": np.nan}, "delta must be at least 0, got nan"),
    ],
)
def test_bad_mixtures(arguments, message):
    with pytest.raises(BadInput, match=message):
        mixture_cascade(**{"first": [0, 1, 2], "second": [2, 0, 1]} | arguments)
    with pytest.raises(BadInput, match="one label for each of 3 questions"):
        mixture_curve([0, 1, 2], [2, 0, 1], [0, 1])
