"""What the chapters on models have in common: runs, rulers, spread, scores and their comparison."""

import dataclasses
import doctest
import math

import numpy as np
import pyarrow as pa
import pytest
from conftest import WORDS, ask

from homogen import clustering, evaluation, experiment, sampling, similarity, uncertainty
from homogen.engines.transformers import TransformersEngine
from homogen.experiment.spread import Ruler, Spread
from homogen.models.catalogue import Unavailable
from homogen.records import GREEDY, BadInput, Draws, Question, Response, SamplingSpec, arrow_schema
from homogen.sampling.store import Run

ABSENT = "no-such-owner/no-such-model"
JACCARD, EQUAL = Ruler("Jaccard", 0.4, "single"), Ruler("Jaccard", 1.0, "single")


def test_the_examples_in_the_docstrings_hold():
    found = [doctest.testmod(module) for module in (experiment.runs, experiment.spread, experiment.scores)]
    assert sum(f.attempted for f in found) >= 6
    assert not any(f.failed for f in found)


# Rulers


def test_a_ruler_says_its_similarity_threshold_and_linkage():
    assert str(Ruler("ROUGE-L", 0.55, "complete")) == "ROUGE-L ≥ 0.55, complete"
    assert str(Ruler("x/y", 1.0, "average")) == "x/y ≥ 1, average"
    assert Ruler("Jaccard", 0.4, "single") == JACCARD
    assert len({JACCARD, Ruler("Jaccard", 0.4, "single"), EQUAL}) == 2


def test_a_ruler_joins_what_its_threshold_and_linkage_join():
    # 0 and 1 are alike, 1 and 2 are, 0 and 2 are not: a chain for single linkage alone.
    S = np.array([[1, 0.5, 0.1], [0.5, 1, 0.5], [0.1, 0.5, 1]])
    assert [len(set(Ruler("Jaccard", 0.5, linkage).labels([S])[0])) for linkage in ("single", "complete")] == [1, 2]
    assert len(set(Ruler("Jaccard", 0.51, "single").labels([S])[0])) == 3


@pytest.mark.parametrize(
    ("ruler", "message"), [(Ruler("Jaccard", 1.5, "single"), "threshold"), (Ruler("Jaccard", 0.4, "sngle"), "linkage")]
)
def test_a_ruler_that_cannot_be_is_refused(ruler, message):
    with pytest.raises(BadInput, match=message):
        Spread({"run": [["a b", "a c"]]}, [ruler]).labels("run", ruler)


def test_the_papers_rulers_are_jaccard_and_one_for_each_embedder():
    assert experiment.rulers() == [JACCARD]
    assert experiment.rulers(["a", "b"], 0.3, 0.9) == [
        Ruler("Jaccard", 0.3, "single"),
        Ruler("a", 0.9, "average"),
        Ruler("b", 0.9, "average"),
    ]


# Spread, by hand: bigrams of "a b c" are ab, bc; of "a b d" ab, bd; they share 1 of 3

ANSWERS = {
    "close": [["a b c", "a b c", "a b d"], ["x y", "x y", "x y"], ["x y", "x y", ""]],
    "apart": [["a b", "c d", "e f"], ["x y", "x y", "z w"], ["p q", "r s", "p q"]],
}


@pytest.fixture
def spread():
    return Spread(ANSWERS, [JACCARD, EQUAL])


def test_clusters_are_counted_question_by_question(spread):
    assert spread.counts("close", JACCARD).tolist() == [2, 1, 1]
    assert spread.counts("apart", JACCARD).tolist() == [3, 2, 2]
    assert spread.single("close", JACCARD).tolist() == [0, 1, 1]
    # A third of the bigrams in common is enough for a ruler of a third.
    assert Spread(ANSWERS, [Ruler("Jaccard", 0.3, "single")]).counts("close", Ruler("Jaccard", 0.3, "single"))[0] == 1


def test_a_question_with_one_answer_left_has_no_count_and_belongs_to_no_rate():
    spread = Spread({"run": [["a b", ""], ["a b", "a b"]]}, [JACCARD])
    np.testing.assert_array_equal(spread.counts("run", JACCARD), [math.nan, 1])
    np.testing.assert_array_equal(spread.single("run", JACCARD), [math.nan, 1])
    rate = spread.rate("run", JACCARD)
    assert (rate.value, rate.n, rate.coverage) == (1.0, 1, 0.5)


def test_the_rate_is_the_share_of_questions_with_one_cluster(spread):
    rate = spread.rate("close", JACCARD)
    assert rate.value == pytest.approx(2 / 3)
    # Wilson: (2/3 + z²/6 ± z √((2/9)/3 + z²/36)) / (1 + z²/3) with z = 1.959964
    assert (rate.low, rate.high) == pytest.approx((0.2077, 0.9385), abs=1e-4)
    assert spread.rate("apart", JACCARD).value == 0
    assert set(spread.rates()) == {(run, str(ruler)) for run in ANSWERS for ruler in (JACCARD, EQUAL)}
    assert spread.rates()["close", str(JACCARD)] == rate
    assert spread.clusters("apart", JACCARD).value == pytest.approx(7 / 3)


def test_closeness_is_the_mean_similarity_of_two_answers(spread):
    np.testing.assert_allclose(spread.closeness("close", "Jaccard"), [(1 + 1 / 3 + 1 / 3) / 3, 1, 1], atol=1e-12)
    np.testing.assert_allclose(spread.closeness("apart", "Jaccard"), [0, 1 / 3, 1 / 3], atol=1e-12)


def test_the_table_shows_rate_interval_and_clusters_of_each_run_and_ruler(spread):
    table = spread.table()
    assert list(table.index) == [(run, str(ruler)) for run in ANSWERS for ruler in (JACCARD, EQUAL)]
    assert table.loc[("close", str(JACCARD))].tolist() == ["0.667", "[0.208, 0.939]", "1.33", 3, "100%"]


def test_an_undefined_rate_is_shown_with_its_reason():
    (row,) = Spread({"run": [["a b", ""]]}, [JACCARD]).table().itertuples()
    assert row.SCR.startswith("undefined")
    assert (row.n, row.coverage) == (0, "0%")


@pytest.fixture
def control():
    """Eight questions: two runs that part from the reference in one direction, and one that does not."""
    one, two, three = ["a b", "a b", "a b"], ["a b", "a b", "c d"], ["a b", "c d", "e f"]
    return Spread(
        {"control": [one] * 8, "wide": [three] * 8, "wider": [two] * 5 + [one] * 3, "same": [one] * 8}, [JACCARD]
    )


def test_each_run_is_tested_against_the_reference_and_adjusted_by_holm(control):
    table = control.tests("control", JACCARD)
    assert table.index.tolist() == ["wide", "wider", "same"]
    assert table.index.name == str(JACCARD)
    assert table["clusters minus control"].tolist() == [2, 5 / 8, 0]
    # All differences of one sign: 2 of the 2⁸ equally likely signs are as extreme, and 2 of the 2⁵.
    assert table["p"].tolist()[:2] == pytest.approx([2 / 2**8, 2 / 2**5])
    expected = [evaluation.paired_wilcoxon(control.counts(run, JACCARD), [1] * 8).pvalue for run in table.index]
    np.testing.assert_allclose(table["p"], expected)
    np.testing.assert_allclose(table["p, Holm"], evaluation.holm(expected))
    assert table["p, Holm"].iloc[0] > table["p"].iloc[0]


def test_a_change_is_paired_by_question(control):
    change = control.change("wider", "control", JACCARD)
    assert (change.value, change.n) == (5 / 8, 8)
    assert change == evaluation.paired_difference([2] * 5 + [1] * 3, [1] * 8)
    assert 0 < change.low < 5 / 8 < change.high < 1.1
    assert control.change("control", "wider", JACCARD).value == -5 / 8


def test_tests_can_be_of_some_runs_only_or_of_none(control):
    assert control.tests("control", JACCARD, against=["wider", "control"]).index.tolist() == ["wider"]
    alone = control.tests("control", JACCARD, against=["wider"])
    assert alone["p, Holm"].tolist() == alone["p"].tolist()
    assert len(control.tests("control", JACCARD, against=[])) == 0


def letters(texts):
    """A vector a text: how often each of some letters is in it."""
    return np.array([[text.count(letter) for letter in "abcdefpqrswxyz"] for text in texts], float).reshape(-1, 14)


@pytest.fixture
def embedded(monkeypatch):
    """A stand-in for every embedder; gives the texts that it was asked, call by call."""
    asked = []

    def load(name, device):
        def embed(texts):
            asked.append((name, list(texts)))
            return letters(texts)

        return embed

    experiment.remembering.cache_clear()
    monkeypatch.setattr(experiment.spread, "load_embedder", load)
    yield asked
    experiment.remembering.cache_clear()


def test_similarities_are_computed_once_a_run_and_similarity_whatever_the_rulers(monkeypatch, embedded):
    calls = []

    def counting(kind):
        return lambda answers: calls.append(kind) or similarity.jaccard(answers)

    for kind in experiment.LEXICAL:
        monkeypatch.setitem(experiment.LEXICAL, kind, counting(kind))
    rulers = [JACCARD, EQUAL, Ruler("ROUGE-L", 0.5, "single")]
    rulers += [Ruler("letters", threshold, "average") for threshold in (0.8, 0.9)]
    spread = Spread(ANSWERS, rulers)
    for _ in range(2):
        for run in ANSWERS:
            spread.closeness(run, "letters")
            for ruler in rulers:
                spread.rate(run, ruler)
                spread.counts(run, ruler)
    assert sorted(calls) == ["Jaccard", "Jaccard", "ROUGE-L", "ROUGE-L"]
    assert len(embedded) == 2


def test_labels_are_computed_once(monkeypatch, spread):
    calls = []
    whole = clustering.cluster
    monkeypatch.setattr(clustering, "cluster", lambda *given: calls.append(given) or whole(*given))
    for _ in range(3):
        spread.counts("close", JACCARD)
        spread.rate("close", JACCARD)
    assert len(calls) == 1


def test_similarities_are_those_of_their_names(embedded):
    answers = [["a b c", "a b d"], ["x y", "z w"]]
    assert set(experiment.LEXICAL) == {"Jaccard", "character Jaccard", "ROUGE-L"}
    for kind, direct in {
        "Jaccard": similarity.jaccard(answers),
        "character Jaccard": similarity.jaccard(answers, unit="char-bigram"),
        "ROUGE-L": similarity.rouge_l(answers),
        "letters": similarity.cosine(answers, letters),
    }.items():
        for found, expected in zip(experiment.similarities(answers, kind), direct, strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-12)
    # Two of three words in common, in their order; two of three letters.
    assert experiment.similarities(answers, "ROUGE-L")[0][0, 1] == pytest.approx(2 / 3)
    assert experiment.similarities(answers, "letters")[0][0, 1] == pytest.approx(2 / 3)


def test_each_text_is_embedded_once(embedded):
    embed = experiment.remembering("letters")
    assert experiment.remembering("letters") is embed
    np.testing.assert_array_equal(embed(["a", "b", "a"]), letters(["a", "b", "a"]))
    np.testing.assert_array_equal(embed(["b", "c"]), letters(["b", "c"]))
    assert embed(["a", "c"]).shape == (2, 14)
    assert [texts for _, texts in embedded] == [["a", "b"], ["c"]]
    experiment.remembering("other")(["a"])
    assert embedded[-1] == ("other", ["a"])


def test_nothing_is_embedded_to_no_rows(embedded):
    assert experiment.remembering("letters")([]).shape == (0, 14)


def test_an_unknown_embedder_is_named():
    with pytest.raises(BadInput, match="unknown embedder 'minilm'"):
        Spread(ANSWERS, experiment.rulers(["minilm"]))


# Drawing


def spec(model, **fields):
    return SamplingSpec(model=model, **{"n": 3, "max_new_tokens": 5, "seed": 3} | fields)


@pytest.fixture
def fresh_engine():
    """No model is kept from one test to the next."""
    sampling.forget()
    yield
    sampling.forget()


@pytest.mark.usefixtures("fresh_engine")
def test_a_model_that_cannot_be_had_costs_only_its_own_run(model_folders, tmp_path):
    specs = {"first": spec(model_folders["dice"]), "absent": spec(ABSENT), "last": spec(model_folders["llama"])}
    runs, missing = experiment.draw(specs, ask(2), str(tmp_path), "cpu")
    assert list(runs) == ["first", "last"]
    assert [run.spec for run in runs.values()] == [specs["first"], specs["last"]]
    assert all(len(run.table) == 2 * 4 for run in runs.values())
    assert list(missing) == ["absent"]
    assert ABSENT in missing["absent"]
    assert "\n" not in missing["absent"]


def test_what_cannot_be_had_costs_the_others_nothing():
    def load(name):
        if name == "gone":
            raise Unavailable("it is gone")
        if name == "typo":
            raise BadInput("unknown model 'typo'")
        return len(name)

    assert experiment.had(["two", "gone", "one"], load) == ({"two": 3, "one": 3}, {"gone": "it is gone"})
    assert experiment.had([], load) == ({}, {})
    with pytest.raises(BadInput, match="unknown model 'typo'"):
        experiment.had(["two", "typo"], load)


@pytest.mark.usefixtures("fresh_engine")
def test_every_other_mistake_is_raised(model_folders, tmp_path):
    with pytest.raises(BadInput, match="unknown model 'nobody'") as mistake:
        experiment.draw({"good": spec(model_folders["dice"]), "bad": spec("nobody")}, ask(1), str(tmp_path), "cpu")
    assert not isinstance(mistake.value, Unavailable)
    with pytest.raises(BadInput, match="no questions to sample"):
        experiment.draw({"good": spec(model_folders["dice"])}, [], str(tmp_path), "cpu")


def test_nothing_asked_for_is_nothing_drawn(tmp_path):
    assert experiment.draw({}, ask(1), str(tmp_path)) == ({}, {})
    assert list(tmp_path.iterdir()) == []


def test_what_was_not_run_is_shown_with_its_reason():
    table = experiment.not_run({"big": "is gated", "other": "is not there"})
    assert table.index.tolist() == ["big", "other"]
    assert table.index.name == "not run"
    assert table["why it was not run"].tolist() == ["is gated", "is not there"]
    assert len(experiment.not_run({})) == 0


@pytest.mark.usefixtures("fresh_engine")
@pytest.mark.parametrize("name", ["llama", "gemma"])
def test_a_judge_says_what_its_engine_says_of_the_words_that_go_on(name, model_folders, tiny_models):
    prompts, words = [" ".join(WORDS[:3]), WORDS[9]], ["w005", "w006 w007"]
    found = experiment.judge(model_folders[name], prompts, words, "cpu")
    # Behind a plain prompt a word begins with its space; a chat template ends where the answer begins.
    spaced = words if tiny_models[name].chat else [f" {word}" for word in words]
    assert tiny_models[name].chat == (name == "llama")
    expected = TransformersEngine(tiny_models[name]).continuation_logprobs(prompts, spaced)
    np.testing.assert_array_equal(found, expected)
    assert found.shape == (2, 2)
    assert (found < 0).all()


@pytest.mark.usefixtures("fresh_engine")
def test_a_judge_that_cannot_be_had_is_named():
    with pytest.raises(Unavailable, match=ABSENT):
        experiment.judge(ABSENT, ["w001"], device="cpu")


# A run by hand: three questions, three drawn answers each

ENTROPIES = [(0.5, 1.5), (2.0,), (0.0, 0.0, 3.0)]


def hand_made(answers, entropies=ENTROPIES, greedy=("a b", "x y", "p q")):
    """A run with these answers; a drawn answer has a token a word, each of probability one half."""
    questions = tuple(Question(f"q{i}", "mine", f"what {i}", references=("a b",)) for i in range(len(answers)))
    rows = []
    for question, first, own, drawn in zip(questions, greedy, entropies, answers, strict=True):
        logprobs = tuple(-0.5 * (k + 1) for k in range(len(own)))
        rows.append(Response(question.id, GREEDY, first, first, "stop", logprobs, own))
        for k, text in enumerate(drawn):
            half = (math.log(0.5),) * len(text.split())
            rows.append(Response(question.id, k, text, text, "length" if k == 2 else "stop", half, (1.0,) * len(half)))
    table = pa.Table.from_pylist([vars(row) for row in rows], schema=arrow_schema())
    return Run("key", SamplingSpec(model="any", n=len(answers[0])), questions, table, {})


@pytest.fixture
def run():
    return hand_made([["a b c", "a b c", "a b d"], ["x y", "x y", ""], ["p q", "r s", "x w"]])


def test_conduct_shows_missing_cut_length_and_entropy(run):
    table = experiment.conduct({"mine": run})
    assert table.index.tolist() == ["mine"]
    # One of nine is empty, three of nine are cut; 9 + 4 + 6 tokens in nine; (1 + 2 + 1) / 3 nats
    assert table.loc["mine"].tolist() == ["11%", "33%", "2.1", "1.333"]
    assert len(experiment.conduct({})) == 0


def test_conduct_says_that_bounds_are_bounds(run):
    high = pa.array([[v + 1 for v in row] for row in run.table.column("token_entropies").to_pylist()])
    column = run.table.schema.get_field_index("token_entropies_high")
    field = run.table.schema.field(column)
    bounded = dataclasses.replace(run, table=run.table.set_column(column, field, high.cast(field.type)))
    shown = experiment.conduct({"exact": run, "bounded": bounded})["entropy, greedy (nats)"]
    assert shown.to_dict() == {"exact": "1.333", "bounded": "at least 1.333"}


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


def test_entropy_is_the_mean_over_questions_of_the_greedy_answers_mean(run):
    found = experiment.entropy(run)
    assert found.value == pytest.approx(4 / 3)
    half = 4.302653 * 1 / 3  # Student's t of three questions: 1, 1 and 2
    assert (found.low, found.high, found.n) == (pytest.approx(4 / 3 - half), pytest.approx(4 / 3 + half), 3)


# Scores


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


# Comparison

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
