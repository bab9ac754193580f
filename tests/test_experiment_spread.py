import doctest
import math

import numpy as np
import pytest
from tiny_runs import EQUAL, JACCARD, letters

from homogen import clustering, evaluation, experiment, similarity
from homogen.experiment import spread as room
from homogen.experiment.spread import Ruler, Spread
from homogen.records import BadInput


def test_doctests():
    assert doctest.testmod(room).failed == 0


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
