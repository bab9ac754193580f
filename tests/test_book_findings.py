"""What a chapter leaves behind comes back as it was, and stands beside the paper's own numbers."""

import csv
import dataclasses
import doctest
import importlib
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from homogen import paper
from homogen.book import findings
from homogen.records import BadInput, Estimate

ONE = Estimate(0.25, 0.1, 0.4, n=80, coverage=0.975, method="Wilson")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A folder of findings of the test's own."""
    monkeypatch.setenv("HOMOGEN_FINDINGS", str(tmp_path / "left" / "here"))
    return tmp_path / "left" / "here"


def test_an_estimate_comes_back_as_it_was_recorded(home):
    assert findings.record("tiny", "SCR, Jaccard ≥ 0.4", ONE, "C148", unit="share") is ONE
    (row,) = findings.read("tiny")
    assert findings.estimate_of(row) == ONE
    assert (row["name"], row["unit"], row["claim"]) == ("SCR, Jaccard ≥ 0.4", "share", "C148")
    assert [p.name for p in home.iterdir()] == ["tiny.json"], "no temporary file is left"
    assert "Jaccard ≥ 0.4" in (home / "tiny.json").read_text("utf-8"), "people read the file too"


def test_nothing_recorded_reads_as_nothing():
    assert findings.read("tiny") == []


def test_undefined_numbers_are_null_in_the_file_and_nan_in_the_estimate(home):
    findings.record("tiny", "AUROC", Estimate.undefined("one class only", n=7))

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    (row,) = json.loads((home / "tiny.json").read_text("utf-8"), parse_constant=refuse)
    assert [row[k] for k in ("value", "low", "high")] == [None] * 3
    back = findings.estimate_of(row)
    assert all(math.isnan(v) for v in (back.value, back.low, back.high))
    assert (back.n, back.coverage, back.method) == (7, 0.0, "undefined: one class only")


def test_numpy_numbers_are_recorded_as_plain_ones():
    estimate = Estimate(np.float32(0.5), np.float32("nan"), np.float64("nan"), n=np.int64(3), method="by hand")
    findings.record("tiny", "a", estimate)
    (row,) = findings.read("tiny")
    assert (row["value"], row["low"], row["high"], row["n"]) == (0.5, None, None, 3)


def test_a_second_result_of_the_same_name_replaces_the_first_in_its_place():
    for name, value in (("a", 0.1), ("b", 0.2), ("a", 0.3)):
        findings.record("tiny", name, dataclasses.replace(ONE, value=value))
    assert [(row["name"], row["value"]) for row in findings.read("tiny")] == [("a", 0.3), ("b", 0.2)]


def test_chapters_keep_apart():
    findings.record("one", "a", ONE)
    findings.record("two", "b", ONE)
    assert [row["name"] for row in findings.read("one")] == ["a"]


def test_a_run_that_begins_forgets_what_its_chapter_left_and_no_other(home):
    for chapter in ("one", "two"):
        findings.begin(chapter)
        findings.record(chapter, "a", ONE)
    findings.begin("one")
    assert findings.read("one") == []
    assert [p.name for p in home.iterdir()] == ["two.json"]
    findings.record("one", "b", ONE)
    assert [row["name"] for row in findings.read("one")] == ["b"]


def test_findings_that_cannot_be_removed_are_said_in_one_line(home):
    (home / "tiny.json").mkdir(parents=True)
    with pytest.raises(BadInput, match=r"cannot remove the earlier findings .*tiny\.json") as mistake:
        findings.begin("tiny")
    assert "\n" not in str(mistake.value)


def test_an_unknown_claim_names_the_nearest_and_leaves_nothing(home):
    with pytest.raises(BadInput, match=r"unknown claim 'C1488'; did you mean 'C148'") as mistake:
        findings.record("tiny", "a", ONE, "C1488")
    assert "\n" not in str(mistake.value)
    assert not home.exists()


@pytest.mark.parametrize("wrong", [0.5, None, (0.5, 0.4, 0.6), {"value": 0.5}])
def test_only_an_estimate_can_be_recorded(wrong, home):
    with pytest.raises(TypeError, match="finding 'a': an Estimate is wanted"):
        findings.record("tiny", "a", wrong)
    assert not home.exists()


def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HOMOGEN_FINDINGS", str(tmp_path / "file" / "findings"))
    with pytest.raises(BadInput, match="cannot write the findings") as mistake:
        findings.record("tiny", "a", ONE)
    assert "\n" not in str(mistake.value)
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_failed_write_keeps_the_old_findings(home, monkeypatch):
    findings.record("tiny", "a", ONE)
    before = (home / "tiny.json").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(BadInput, match="No space left on device"):
        findings.record("tiny", "b", ONE)
    assert (home / "tiny.json").read_bytes() == before


def test_a_damaged_file_is_named(home):
    home.mkdir(parents=True)
    (home / "tiny.json").write_text('[{"name": "a", ')
    with pytest.raises(BadInput, match=r"tiny\.json holds no findings"):
        findings.record("tiny", "b", ONE)


def test_the_environment_says_where_findings_go(monkeypatch, tmp_path):
    monkeypatch.setenv("HOMOGEN_FINDINGS", str(tmp_path / "elsewhere"))
    assert findings.folder() == tmp_path / "elsewhere"
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("HOMOGEN_FINDINGS")
        else:
            monkeypatch.setenv("HOMOGEN_FINDINGS", unset)
        assert findings.folder() == Path("findings")


def test_the_table_sets_each_finding_beside_the_paper():
    findings.record("tiny", "single-cluster rate", ONE, "C148")
    findings.record("tiny", "mean clusters", dataclasses.replace(ONE, value=4.5, low=4, high=5), unit="clusters")
    findings.record("tiny", "AUROC", Estimate.undefined("one class only", n=3), "C181")
    findings.record("tiny", "one question", Estimate(8.0, math.nan, math.nan, n=1, method="one question"))
    table = findings.beside_paper("tiny")
    assert table.index.name == "finding"
    assert list(table.index) == ["single-cluster rate", "mean clusters (clusters)", "AUROC", "one question"]
    assert list(table.columns) == ["ours", "95% interval", "n", "coverage", "paper", "what the paper measured"]
    assert list(table["ours"]) == ["0.250", "4.500", "undefined: one class only", "8.000"]
    assert list(table["95% interval"]) == ["[0.100, 0.400]", "[4.000, 5.000]", "–", "–"]
    assert list(table["n"]) == [80, 80, 3, 1]
    assert list(table["coverage"]) == ["98%", "98%", "0%", "100%"]
    assert list(table["paper"]) == ["0.4", "–", "0.599 [0.559, 0.637]", "–"]
    assert table["what the paper measured"].iloc[0] == (
        "SCR Jaccard N=10; Qwen3-14B-4bit, TruthfulQA, n=790, Jaccard .4,T=1.0 (Sec.5.12; App.A)"
    )
    assert list(table["what the paper measured"].iloc[[1, 3]]) == ["–", "–"]


def test_a_protocol_that_departs_from_the_papers_is_said_beside_it():
    findings.record("tiny", "rate", ONE, "C148", departs="half as long")
    findings.record("tiny", "other", ONE, departs="no claim, nothing to depart from")
    assert [row.get("departs") for row in findings.read("tiny")] == ["half as long", None]
    said = findings.beside_paper("tiny")["what the paper measured"]
    assert said.iloc[0].endswith("(Sec.5.12; App.A). Ours: half as long")
    assert said.iloc[1] == "–"


def test_the_table_of_a_chapter_without_findings_is_empty():
    assert findings.beside_paper("tiny").empty


def packaged():
    """The rows of the package's own list of claims, read by nothing of ours."""
    with open(Path(paper.__file__).parent / "data" / "claims.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_list_of_claims_is_whole():
    rows = packaged()
    ids = [row["claim_id"] for row in rows]
    assert len(ids) == len(set(ids)) == len(paper.claims()) == 365
    assert ids == sorted(ids)
    fields = {field.name for field in dataclasses.fields(paper.Claim)}
    for row in rows:
        assert set(row) == fields, "a row with too many or too few commas"
        assert None not in row.values()
        assert row["quantity"]
        assert row["source"]
        assert row["reported"]
        assert bool(row["low"]) == bool(row["high"])
        if row["low"]:
            assert float(row["low"]) <= float(row["reported"]) <= float(row["high"])
        assert paper.claims()[row["claim_id"]] == paper.Claim(**row)


def ledger():
    """The full ledger of the paper's claims, beside the folder $HOMOGEN_DATA."""
    data = os.environ.get("HOMOGEN_DATA")
    places = [Path(data).parent, Path(data)] if data else []
    return next((p / "claims.csv" for p in places if (p / "claims.csv").is_file()), None)


@pytest.mark.skipif(ledger() is None, reason="the full ledger of claims is not on this machine")
def test_the_claims_are_those_of_the_ledger():
    with open(ledger(), newline="", encoding="utf-8") as file:
        full = {row["claim_id"]: row for row in csv.DictReader(file)}
    names = {"reported": "reported_value", "low": "ci_low", "high": "ci_high", "p": "p_value"}
    experiments = {"Sec7 cascade (script v11)": "sec7", "20 (script)": "20"}  # shorter names here
    for row in packaged():
        theirs = full[row["claim_id"]]
        theirs["experiment"] = experiments.get(theirs["experiment"], theirs["experiment"])
        assert {k: theirs[names.get(k, k)] for k in row} == row


def test_examples_hold():
    for room in (findings, paper.claims.__module__):
        result = doctest.testmod(importlib.import_module(room) if isinstance(room, str) else room)
        assert not result.failed
    assert result.attempted


def test_a_rate_has_a_count_and_what_is_no_rate_has_none():
    claims = paper.claims()
    assert claims["C261"].count == (0, 200)
    assert claims["C361"].count == (3, 30)
    for claim in ("C235", "C244", "C275", "C305"):
        single, of = claims[claim].count
        assert single / of == pytest.approx(float(claims[claim].reported), abs=5e-4)
    for claim in ("C238", "C234", "C347"):  # mean clusters; two numbers; no n
        with pytest.raises(BadInput, match=f"claim {claim} is no rate of a number of questions"):
            _ = claims[claim].count


@pytest.mark.parametrize("name", ["../x", "a/b", "/tmp/x", "..", "", ".hidden", "a\nb", None, "a\\b"])
def test_names_never_leave_their_folder(name, tmp_path, monkeypatch):
    home = tmp_path / "findings"
    home.mkdir()
    (tmp_path / "x.json").write_text("[]")
    monkeypatch.setenv("HOMOGEN_FINDINGS", str(home))
    for call in (
        lambda: findings.record(name, "rate", Estimate(0.5, 0.4, 0.6, 10)),
        lambda: findings.begin(name),
        lambda: findings.read(name),
    ):
        with pytest.raises(BadInput, match="a chapter's name has letters"):
            call()
    assert (tmp_path / "x.json").read_text() == "[]"
    assert list(home.iterdir()) == []


WHOLE = {"name": "r", "value": 1, "low": 0, "high": 1, "n": 3, "coverage": 1, "method": "", "unit": "", "claim": None}


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[1]",
        "[[]]",
        '[{"name": "rate"}]',
        *(json.dumps([{**WHOLE, **change}]) for change in ({"name": 1}, {"value": "x"}, {"n": -3}, {"claim": "C9x"})),
        *(json.dumps([{**WHOLE, **change}]) for change in ({"classes": [1]}, {"coverage": None}, {"method": 3})),
        *(json.dumps([{**WHOLE, **change}]) for change in ({"value": 10**400}, {"n": 10**400}, {"low": float("nan")})),
        *(json.dumps([{**WHOLE, **change}]) for change in ({"departs": 3}, {"classes": [-1, 4]}, {"n": True})),
        "[" * 100_000,
    ],
)
def test_altered_findings_are_one_line(text, tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOGEN_FINDINGS", str(tmp_path))
    (tmp_path / "tiny.json").write_text(text)
    for call in (findings.read, findings.beside_paper):
        with pytest.raises(BadInput, match="holds no findings") as caught:
            call("tiny")
        assert "\n" not in str(caught.value)


def test_the_n_of_each_class_comes_back(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOGEN_FINDINGS", str(tmp_path))
    estimate = Estimate(0.7, 0.5, 0.9, 12, 1.0, "AUROC", classes=(4, 8))
    findings.record("tiny", "AUROC", estimate)
    (row,) = findings.read("tiny")
    assert findings.estimate_of(row) == estimate
    assert findings.beside_paper("tiny")["n"].tolist() == ["12 (4 wrong)"]
    counted = dataclasses.replace(estimate, n=np.int64(12), classes=(np.int64(4), np.int64(8)))
    findings.record("tiny", "AUROC", counted)
    assert findings.estimate_of(findings.read("tiny")[0]) == estimate


@pytest.mark.parametrize("field", [{"value": "0.5"}, {"n": -1}, {"classes": (1, 2, 3)}, {"method": None}])
def test_what_could_not_be_read_again_is_not_recorded(field, tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOGEN_FINDINGS", str(tmp_path))
    with pytest.raises(BadInput, match="finding 'rate' cannot be kept"):
        findings.record("tiny", "rate", dataclasses.replace(Estimate(0.5, 0.4, 0.6, 12), **field))
    with pytest.raises(BadInput, match="cannot be kept"):
        findings.record("tiny", "rate", Estimate(0.5, 0.4, 0.6, 12), "C028", departs=3)
    assert findings.read("tiny") == []


def test_a_threshold_that_abstains_always_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOGEN_FINDINGS", str(tmp_path))
    findings.record("tiny", "threshold", Estimate(-math.inf, math.nan, math.nan, 3))
    assert findings.estimate_of(findings.read("tiny")[0]).value == -math.inf
