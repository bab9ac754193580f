import math

import numpy as np
import pytest
from conftest import ask
from tiny_runs import JACCARD, hand_made, letters

from homogen import evaluation, experiment, sampling, similarity, uncertainty
from homogen.engines.transformers import TransformersEngine
from homogen.experiment.spread import Ruler
from homogen.records import BadInput, Draws, SamplingSpec


@pytest.fixture
def run():
    return hand_made([["a b c", "a b c", "a b d"], ["x y", "x y", ""], ["p q", "r s", "x w"]])


def test_selfcheck_looks_at_the_first_five_samples_and_at_all_five():
    """DESIGN: k = 5. Samples behind the fifth must not count, and the fourth and fifth must."""
    same, other, last = ["a b"] * 7, ["a b"] * 5 + ["x y", "x y"], ["a b"] * 4 + ["x y"] * 3
    run = hand_made([same, other, last], greedy=("a b",) * 3)

    def first_word(pairs):
        alike = [a.split()[0] == b.split()[0] for a, b in pairs]
        return np.array([[0.8, 0.1, 0.1] if a else [0.1, 0.2, 0.7] for a in alike]).reshape(-1, 3)

    found = experiment.signals(run, letters, [], first_word)
    vectors = [letters(["a b", *row]) for row in (same, other, last)]
    by_embedding = found["samples", "SelfCheck, embedding"]
    assert by_embedding[0] == by_embedding[1] == pytest.approx(0, abs=1e-9)
    assert by_embedding[2] == pytest.approx(1 / 5)  # one of five is orthogonal to the greedy answer
    np.testing.assert_allclose(by_embedding, uncertainty.selfcheck([v[0] for v in vectors], [v[1:6] for v in vectors]))
    # Word for word the same is entailed without asking; the fifth is contradicted with .7 of .8.
    assert found["samples", "SelfCheck, NLI"].tolist() == pytest.approx([0, 0, 0.7 / 0.8 / 5])


def test_another_runs_greedy_answers_can_be_scored_beside_the_drawn_ones(run):
    other = hand_made([["a b c"] * 3] * 3, greedy=("a b", "a", "a b c d"))
    scores = experiment.signals(run, letters, [JACCARD], answered=other)
    own = experiment.signals(other, letters, [JACCARD])
    for key, values in own.items():
        if key[0] == "greedy answer":
            np.testing.assert_array_equal(scores[key], values)
    clusters = "samples", f"number of clusters, {JACCARD}"
    np.testing.assert_array_equal(scores[clusters], experiment.signals(run, letters, [JACCARD])[clusters])


RULERS = [JACCARD, Ruler("Jaccard", 0.3, "single")]


def test_every_score_has_a_name_of_its_own_and_a_number_for_each_question(run):
    scores = experiment.signals(run, letters, RULERS)
    names = [name for _, name in scores]
    assert len(names) == len(set(names)) == 8 + 11 + 3 * len(RULERS) + 3
    assert {family for family, _ in scores} == {"greedy answer", "samples", "control"}
    for key, values in scores.items():
        assert values.shape == (3,), key
        assert values.dtype == float
        assert np.isfinite(values).all(), key


def test_the_controls_are_length_distinct_answers_and_a_constant(run):
    scores = experiment.signals(run, letters, [])
    controls = {name: values.tolist() for (family, name), values in scores.items() if family == "control"}
    assert controls == {"length in tokens": [2, 1, 3], "distinct answers": [2, 1, 3], "a constant": [0, 0, 0]}


def test_scores_are_those_of_uncertainty(run):
    scores = experiment.signals(run, letters, RULERS)
    np.testing.assert_allclose(scores["greedy answer", "mean token entropy"], [1, 2, 1])
    np.testing.assert_allclose(scores["greedy answer", "max token entropy"], [1.5, 2, 3])
    np.testing.assert_allclose(scores["greedy answer", "negative log-likelihood"], [0.75, 0.5, 1])
    np.testing.assert_allclose(scores["greedy answer", "negative log-likelihood, summed"], [1.5, 0.5, 3])
    labels = JACCARD.labels(similarity.jaccard(run.answers()))
    np.testing.assert_array_equal(
        scores["samples", f"semantic entropy, {JACCARD}"], uncertainty.semantic_entropy(labels)
    )
    # Two clusters of 2 and 1; one; three of one each
    by_hand = [math.log(3) - 2 / 3 * math.log(2), 0, math.log(3)]
    np.testing.assert_allclose(scores["samples", f"semantic entropy, {JACCARD}"], by_hand, atol=1e-12)
    assert scores["samples", f"number of clusters, {JACCARD}"].tolist() == [2, 1, 3]
    assert scores["samples", f"number of clusters, {RULERS[1]}"].tolist() == [1, 1, 3]
    cosine = similarity.cosine(run.answers(), letters)
    np.testing.assert_allclose(
        scores["samples", "degree, embedding"], uncertainty.degree([np.clip(S, 0, 1) for S in cosine])
    )


def test_an_nli_model_adds_the_scores_that_ask_it(run):
    asked = []

    def same_first_word(pairs):
        asked.extend(pairs)
        alike = [a.split()[0] == b.split()[0] for a, b in pairs]
        return np.array([[0.8, 0.1, 0.1] if a else [0.1, 0.2, 0.7] for a in alike]).reshape(-1, 3)

    without, found = experiment.signals(run, letters, RULERS), experiment.signals(run, letters, RULERS, same_first_word)
    more = {name for _, name in set(found) - set(without)}
    assert more == {
        "degree, NLI, no contradiction",
        "semantic entropy, NLI strict",
        "number of clusters, NLI strict",
        "semantic entropy, NLI liu",
        "semantic entropy, overlapping, NLI either",
        "SelfCheck, NLI",
        "kernel language entropy, NLI",
        "degree, NLI",
    }
    assert all(np.array_equal(found[key], values) for key, values in without.items())
    assert found["samples", "number of clusters, NLI strict"].tolist() == [1, 1, 3]
    for rule in ("NLI strict", "NLI liu", "overlapping, NLI either"):
        np.testing.assert_allclose(found["samples", f"semantic entropy, {rule}"], [0, 0, math.log(3)], atol=1e-12)
    # The third greedy answer is drawn once, word for word, which nobody has to ask; two other answers contradict it.
    direct = uncertainty.selfcheck_nli([same_first_word([(s, "p q") for s in ("r s", "x w")])])
    assert found["samples", "SelfCheck, NLI"][2] > found["samples", "SelfCheck, NLI"][0]
    assert found["samples", "SelfCheck, NLI"][2] < direct[0]
    assert all(premise and hypothesis for premise, hypothesis in asked)


def test_a_run_without_any_answers_has_undefined_scores_and_asks_no_judge():
    run = hand_made([["", "", ""]], [()], [""])
    scores = experiment.signals(run, letters, RULERS, lambda pairs: pytest.fail("a judge was asked"))
    assert all(np.isnan(values).all() for (family, _), values in scores.items() if family != "control")


WRONG = np.array([1, 1, 1, 0, 0, 0, 1, 0.0])
SCORES = {
    ("greedy answer", "mean token entropy"): np.array([3, 2, 5, 1, 2, 0, 4, 1.0]),
    ("samples", "clusters"): np.array([1, 2, 1, 2, 1, 1, 3, 2.0]),
    ("samples", "spread"): np.array([5, 4, 3, 2, 1, 0, 2, 3.0]),
    ("control", "a constant"): np.zeros(8),
}


def test_the_table_of_aurocs_agrees_with_the_calls_it_is_made_of():
    found, tests = experiment.auroc_table(SCORES, WRONG, draws=Draws(200, 5))
    assert list(found) == list(SCORES)
    for key, score in SCORES.items():
        assert found[key] == evaluation.auroc(score, WRONG, draws=Draws(200, 5))
    # Of 4 × 4 pairs one is tied.
    assert found["greedy answer", "mean token entropy"].value == 15.5 / 16
    assert found["control", "a constant"].value == 0.5
    assert list(tests) == [("samples", "clusters"), ("samples", "spread")]
    baseline = SCORES["greedy answer", "mean token entropy"]
    for key, test in tests.items():
        assert test == evaluation.delong_test(baseline, SCORES[key], WRONG)


def test_another_baseline_can_be_chosen():
    _, tests = experiment.auroc_table(SCORES, WRONG, ("samples", "spread"), draws=Draws(50))
    assert list(tests) == [("greedy answer", "mean token entropy"), ("samples", "clusters")]
    below, above = (t.effect.value for t in tests.values())
    assert below < 0 < above


def test_an_unknown_baseline_is_refused():
    with pytest.raises(BadInput, match=r"the baseline \('samples', 'spred'\) is not among the scores"):
        experiment.auroc_table(SCORES, WRONG, ("samples", "spred"))
    with pytest.raises(BadInput, match="mean token entropy"):
        experiment.auroc_table({("samples", "spread"): SCORES["samples", "spread"]}, WRONG)


def test_a_baseline_without_rivals_is_compared_with_none():
    key = ("greedy answer", "mean token entropy")
    found, tests = experiment.auroc_table({key: SCORES[key]}, WRONG, draws=Draws(50))
    assert list(found) == [key]
    assert tests == {}


def test_measures_are_those_of_the_rooms_one_a_question(tmp_path, tiny_models):
    questions, asked = ask(3), SamplingSpec(model="tiny", prompt="{question}", n=4, max_new_tokens=9)
    run = sampling.sample(
        questions, asked, store=tmp_path, engine=TransformersEngine(tiny_models["llama"]), progress=False
    )
    ruler = experiment.Ruler("Jaccard", 0.4, "single")
    spread = experiment.Spread({"run": run}, [ruler])
    found = experiment.measures(spread, "run", run, "Jaccard")
    np.testing.assert_array_equal(found[f"clusters, {ruler}"], spread.counts("run", ruler))
    np.testing.assert_array_equal(found["mean cosine"], spread.closeness("run", "Jaccard"))
    np.testing.assert_array_equal(
        found["token entropy, greedy"], uncertainty.mean_entropy(run.column("token_entropies"))
    )
    lengths = [[len(row) for row in run.column("token_logprobs", k)] for k in range(4)]
    np.testing.assert_allclose(found["tokens an answer"], np.mean(lengths, axis=0))
    assert len(set(found["tokens an answer"])) > 1
