"""The released files come back as they are, and a row that lacks something is refused by file and line."""

import dataclasses
import doctest
import inspect
import json
import os
from pathlib import Path

import numpy as np
import pytest

from homogen import uncertainty
from homogen.paper import released
from homogen.paper.released import files, labels, rows
from homogen.questions import sources
from homogen.records import BadInput

DATA = Path(os.environ.get("HOMOGEN_DATA") or "no data")
needs_data = pytest.mark.skipif(not (DATA / "published").is_dir(), reason="needs the released files (HOMOGEN_DATA)")

ANSWER = {
    "question_idx": 3,
    "category": "Law",
    "question": "Why?",
    "best_answer": "Because.",
    "best_incorrect": "Never.",
    "generated_answer": "Because of it.",
    "label": "correct",
    "correct_score": 0.5,
    "incorrect_score": 0.1,
    "entropies": "[0.0, 0.6931]",
    "mean_entropy": 0.3466,
    "max_entropy": 0.6931,
    "min_entropy": 0.0,
    "std_entropy": 0.3466,
    "high_entropy_ratio": 0.0,
}


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Let a released name stand for a file of the test's own."""

    def put(content):
        path = tmp_path / "file"
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        monkeypatch.setattr("homogen.questions.sources.fetch", lambda name: path)

    return put


@pytest.fixture
def real(monkeypatch):
    """The released files themselves."""
    monkeypatch.setenv("HOMOGEN_DATA", str(DATA))


def lines(*rows):
    """JSONL."""
    return "\n".join(map(json.dumps, rows)) + "\n"


def test_a_greedy_answer_becomes_a_record_and_a_response(put):
    put(lines(ANSWER))
    (found,) = released.greedy_answers("qwen3-4b")
    assert (found.answer, found.n_tokens, found.token_entropies) == ("Because of it.", 2, (0.0, 0.6931))
    response = found.response
    assert (response.question_id, response.sample, response.answer) == ("truthfulqa-0004", -1, "Because of it.")
    assert response.token_entropies == found.token_entropies
    assert np.isnan(response.token_logprobs).all(), "probabilities were not released, and nothing stands in for them"


@pytest.mark.parametrize("field", [k for k in ANSWER if k != "question_idx"])
def test_a_missing_key_is_an_error_that_names_line_and_key(put, field):
    """The released cascade script read a missing density as 0."""
    put(lines(ANSWER, {k: v for k, v in ANSWER.items() if k != field}))
    with pytest.raises(BadInput, match=f"qwen3-4b_fluency[.]jsonl, line 2: has no '{field}'"):
        released.greedy_answers("qwen3-4b")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("mean_entropy", None, "mean_entropy must be a finite number"),
        ("mean_entropy", "0.3", "mean_entropy must be a finite number"),
        ("mean_entropy", True, "mean_entropy must be a finite number"),
        ("correct_score", float("nan"), "correct_score must be a finite number"),
        ("correct_score", float("inf"), "correct_score must be a finite number"),
        ("question_idx", 1.5, "question_idx must be a whole number"),
        ("question", 7, "question must be a text"),
        ("entropies", "[0.1, ", "entropies must be a list of finite numbers"),
        ("entropies", [0.1, "x"], "entropies must be a list of finite numbers"),
        ("label", "corect", "unknown label in .*line 1 'corect'; did you mean 'correct'"),
    ],
)
def test_a_wrong_value_is_refused_by_line(put, field, value, message):
    put(lines(ANSWER | {field: value}))
    with pytest.raises(BadInput, match=message):
        released.greedy_answers("qwen3-4b")


def test_a_truncated_line_is_named(put):
    put(lines(ANSWER) + json.dumps(ANSWER)[:40])
    with pytest.raises(BadInput, match=r"fluency.jsonl, line 2: not valid JSON .* may have been cut"):
        released.greedy_answers("llama3.2-3b")
    put("[1, 2]\n")
    with pytest.raises(BadInput, match="line 1: expected a JSON object, got list"):
        released.densities()


def test_unknown_names_get_the_nearest():
    with pytest.raises(BadInput, match="did you mean 'qwen3-14b'"):
        released.greedy_answers("qwen3-14B")
    with pytest.raises(BadInput, match="unknown summary 'v12'"):
        released.summary("v12")
    with pytest.raises(BadInput, match="unknown label convention"):
        released.wrong_by(released.table([]).assign(label=[]), "decided")


def test_a_summary_lacks_nothing_in_silence(put):
    put({"individual_aucs": {"b1": 0.5}, "n": 401})
    found = released.summary("v11")
    assert (found["n"], found["individual_aucs"]["b1"], len(found), list(found)) == (
        401,
        0.5,
        2,
        ["individual_aucs", "n"],
    )
    with pytest.raises(BadInput, match=r"v11_cascade_demo\.json, individual_aucs: has no 'b2'"):
        found["individual_aucs"]["b2"]
    put("{")
    with pytest.raises(BadInput, match="not valid JSON"):
        released.summary("v11")
    put([1])
    with pytest.raises(BadInput, match="expected a JSON object, got list"):
        released.summary("v11")


def served(*texts):
    """The file of the served models, with one question."""
    row = {"qi": 0, "question": "Why?", "samples": list(texts), "n_clusters": 2, "single_cluster": False}
    return {"a-model": {"summary": {}, "per_question": [row]}}


def test_reasoning_is_stripped_and_what_was_cut_is_recorded(put):
    put(served("<think>\nHm.\n</think>", "<think>x</think> It is so.", "<think>x</think> It is", "<think>open", "Yes!"))
    (question,) = released.served()["a-model"]
    assert question.texts[0] == "<think>\nHm.\n</think>", "the raw text stays"
    assert [r.answer for r in question.responses] == ["", "It is so.", "It is", "", "Yes!"]
    assert [r.finish for r in question.responses] == ["length", "stop", "length", "length", "stop"]
    assert {r.question_id for r in question.responses} == {"truthfulqa-0001"}
    assert [r.sample for r in question.responses] == [0, 1, 2, 3, 4]


def test_a_sample_that_is_no_text_is_refused(put):
    put(served("a", None))
    with pytest.raises(BadInput, match="a-model, per_question 0: samples must be a list of texts"):
        released.served()


def test_conventions_by_hand(put):
    put(lines(*(ANSWER | {"label": label, "correct_score": c, "incorrect_score": i} for label, c, i in LABELLED)))
    table = released.table(released.greedy_answers())
    expected = {
        "decided only": [0, 1, np.nan, np.nan],
        "undecided wrong": [0, 1, 1, 1],
        "undecided right": [0, 1, 0, 0],
        "larger overlap": [0, 1, 1, 0],  # a tie of the overlaps is wrong
    }
    assert expected.keys() == released.CONVENTIONS.keys()
    for name, wanted in expected.items():
        np.testing.assert_array_equal(released.wrong_by(table, name), wanted)


LABELLED = [("correct", 0.5, 0.1), ("incorrect", 0.1, 0.5), ("ambiguous", 0.2, 0.2), ("no_match", 0.1, 0.0)]


def test_every_released_file_has_a_reader_and_a_source():
    read = {*released.GREEDY_RUNS.values(), *released.SUMMARIES.values()}
    read |= {"published/v1b_density.jsonl", "published/v10_b4_assoc.jsonl", "published/v9_end_to_end.jsonl"}
    assert read == {name for name in sources.SOURCES if name.startswith("published/")}
    assert len(read) == 13


KINDS = [kind for kind in vars(released).values() if dataclasses.is_dataclass(kind)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_says_what_it_means_where_it_is_read(kind):
    parts = inspect.getdoc(kind).split("\nParameters\n----------\n")
    assert len(parts) == 2
    said = iter(parts[1].splitlines())
    for field in dataclasses.fields(kind):
        assert next(said) == field.name
        assert next(said).strip().endswith(".")
    assert next(said, None) is None


def test_a_verdict_has_either_of_two_names_in_the_file(put):
    row = {"question": "Why?", "n_samples": 10, "n_jaccard_clusters": 8, "nli_entail_pairs": 9, "nli_total_pairs": 45}
    many = row | {"n_emb_clusters": 4, "nli_agrees_multi": True}
    put({"results": {"single_cluster": [row | {"nli_agrees": False}], "multi_cluster": [many]}})
    one, other = released.adjudications()
    assert (one.single, one.n_emb_clusters, one.agrees, one.entailed_share) == (True, 1, False, 0.2)
    assert (other.single, other.n_emb_clusters, other.agrees) == (False, 4, True)
    put({"results": {"single_cluster": [row], "multi_cluster": []}})
    with pytest.raises(BadInput, match="results, single_cluster 0: has no 'nli_agrees' or 'nli_agrees_multi'"):
        released.adjudications()
    put({"results": {"single_cluster": [3], "multi_cluster": []}})
    with pytest.raises(BadInput, match="single_cluster 0: expected a JSON object, got int"):
        released.adjudications()


def test_the_examples_run():
    for room, least in ((files, 3), (labels, 4), (rows, 1)):
        found = doctest.testmod(room)
        assert found.attempted >= least
        assert found.failed == 0


@needs_data
def test_all_rows_of_all_files_are_read(real):
    assert [len(released.greedy_answers(run)) for run in released.GREEDY_RUNS] == [790] * 4
    counts = [len(read()) for read in (released.densities, released.associations, released.retrievals)]
    assert counts == [401, 790, 100]
    assert (len(released.head_to_head()), len(released.adjudications())) == (200, 50)
    assert [(len(rows), {len(q.texts) for q in rows}) for rows in released.served().values()] == [(50, {10})] * 2
    assert all(len(released.summary(name)) for name in released.SUMMARIES)


@needs_data
def test_two_of_the_greedy_runs_are_the_same_answers(real):
    assert released.greedy_answers("qwen3-14b") == released.greedy_answers("qwen3-14b-first")


@needs_data
@pytest.mark.parametrize("run", released.GREEDY_RUNS)
def test_the_authors_statistics_are_those_of_the_tokens(real, run):
    """To 1e-4: tokens and statistics were rounded there before they were released."""
    answers = released.greedy_answers(run)
    tokens = [a.token_entropies for a in answers]
    for name, function in (
        ("mean_entropy", uncertainty.mean_entropy),
        ("max_entropy", uncertainty.max_entropy),
        ("std_entropy", uncertainty.std_entropy),
    ):
        np.testing.assert_allclose(function(tokens), [getattr(a, name) for a in answers], atol=1.01e-4)


@needs_data
def test_the_files_agree_with_each_other(real):
    """What two files say of one question is the same."""
    greedy = released.greedy_answers("qwen3-14b-first")
    for row in (*released.densities(), *released.associations()):
        same = greedy[row.question_idx]
        assert (row.question, row.mean_entropy) == (same.question, same.mean_entropy)
    assert {r.question_idx for r in released.densities()} == {
        a.question_idx for a in greedy if a.label in ("correct", "incorrect")
    }
    for row in released.head_to_head():
        assert row.b1_entropy == greedy[row.question_idx].mean_entropy
        assert row.single_emb == (row.n_clusters_emb == 1)
        assert row.single_jaccard == (row.n_clusters_jaccard == 1)
