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
from homogen.paper.claims import SETTINGS
from homogen.records import BadInput, Estimate, SamplingSpec

ONE = Estimate(0.25, 0.1, 0.4, n=80, coverage=0.975, method="Wilson")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A folder of findings of the test's own."""
    monkeypatch.setenv("HOMOGEN_FINDINGS", str(tmp_path / "left" / "here"))
    return tmp_path / "left" / "here"


@pytest.fixture
def tiny():
    return findings.Chapter("tiny")


def left(name="tiny"):
    return findings.read_file(findings.folder() / f"{name}.json")


def test_an_estimate_comes_back_as_it_was_recorded(home, tiny):
    assert tiny.record("SCR, Jaccard ≥ 0.4", ONE, "C148", unit="share") is ONE
    (row,) = left()
    assert findings.estimate_of(row) == ONE
    assert (row["name"], row["unit"], row["claim"]) == ("SCR, Jaccard ≥ 0.4", "share", "C148")
    assert [p.name for p in home.iterdir()] == ["tiny.json"], "no temporary file is left"
    assert "Jaccard ≥ 0.4" in (home / "tiny.json").read_text("utf-8"), "people read the file too"


def test_nothing_recorded_reads_as_nothing():
    assert left() == []


def test_undefined_numbers_are_null_in_the_file_and_nan_in_the_estimate(home, tiny):
    tiny.record("AUROC", Estimate.undefined("one class only", n=7))

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    (row,) = json.loads((home / "tiny.json").read_text("utf-8"), parse_constant=refuse)
    assert [row[k] for k in ("value", "low", "high")] == [None] * 3
    back = findings.estimate_of(row)
    assert all(math.isnan(v) for v in (back.value, back.low, back.high))
    assert (back.n, back.coverage, back.method) == (7, 0.0, "undefined: one class only")


def test_numpy_numbers_are_recorded_as_plain_ones(tiny):
    estimate = Estimate(np.float32(0.5), np.float32("nan"), np.float64("nan"), n=np.int64(3), method="by hand")
    tiny.record("a", estimate)
    (row,) = left()
    assert (row["value"], row["low"], row["high"], row["n"]) == (0.5, None, None, 3)


def test_a_second_result_of_the_same_name_replaces_the_first_in_its_place(tiny):
    for name, value in (("a", 0.1), ("b", 0.2), ("a", 0.3)):
        tiny.record(name, dataclasses.replace(ONE, value=value))
    assert [(row["name"], row["value"]) for row in left()] == [("a", 0.3), ("b", 0.2)]


def test_chapters_keep_apart():
    findings.Chapter("one").record("a", ONE)
    findings.Chapter("two").record("b", ONE)
    assert [row["name"] for row in left("one")] == ["a"]


def test_a_run_that_begins_forgets_what_its_chapter_left_and_no_other(home):
    for name in ("one", "two"):
        findings.Chapter(name).record("a", ONE)
    one = findings.Chapter("one")
    assert left("one") == []
    assert [p.name for p in home.iterdir()] == ["two.json"]
    one.record("b", ONE)
    assert [row["name"] for row in left("one")] == ["b"]


def test_findings_that_cannot_be_removed_are_said_in_one_line(home):
    (home / "tiny.json").mkdir(parents=True)
    with pytest.raises(BadInput, match=r"cannot remove the earlier findings .*tiny\.json") as mistake:
        findings.Chapter("tiny")
    assert "\n" not in str(mistake.value)


def test_an_unknown_claim_names_the_nearest_and_leaves_nothing(home, tiny):
    with pytest.raises(BadInput, match=r"unknown claim 'C1488'; did you mean 'C148'") as mistake:
        tiny.record("a", ONE, "C1488")
    assert "\n" not in str(mistake.value)
    assert not home.exists()


T1 = {"temperature": 1, "n": 10, "max_new_tokens": 40, "similarity": "Jaccard", "threshold": 0.4, "linkage": "single"}


@pytest.mark.parametrize(
    ("claim", "settings", "beside"),
    [
        ("C148", T1, "C148"),
        ("C148", T1 | {"seed": 7, "prompt": "concise"}, "C148"),  # the claim says nothing of them
        ("C148", T1 | {"temperature": 0.2}, None),
        ("C148", T1 | {"similarity": "embedding"}, None),
        ("C148", {}, "C148"),  # nothing was said, so nothing differs
        ("C148", {"n": 10.0}, "C148"),
        ("C148", {"n": "10"}, "C148"),
        (("C145", "C146", "C148"), T1, "C148"),  # the first whose settings say nothing else
        (("C145", "C146", "C148"), T1 | {"n": 5}, "C146"),
        (("C145", "C146"), T1, None),
        ((), T1, None),
        (None, T1, None),
        ("C001", T1, "C001"),  # a claim without settings
    ],
)
def test_a_claim_stands_beside_what_was_got_as_it_was(claim, settings, beside, tiny):
    tiny.record("SCR", ONE, claim, settings=settings, departs="shorter")
    (row,) = left()
    assert row["claim"] == beside
    assert row.get("departs") == ("shorter" if beside else None)


def test_a_setting_that_no_claim_and_no_spec_has_is_refused(tiny, home):
    with pytest.raises(BadInput, match="unknown setting 'treshold'; did you mean 'threshold'") as mistake:
        tiny.record("SCR", ONE, "C148", settings={"treshold": 0.4})
    assert "\n" not in str(mistake.value)
    assert not home.exists()


def test_the_settings_of_the_claims_have_the_names_and_values_of_the_house():
    known = {field.name for field in dataclasses.fields(SamplingSpec)} | set(SETTINGS)
    used = set()
    for claim in paper.claims().values():
        names = [part.partition("=")[0] for part in claim.settings.split("; ") if part]
        assert len(names) == len(set(names)), claim.claim_id
        used |= set(names)
        own = dict(part.split("=") for part in claim.settings.split("; ") if part)
        assert claim.differs(own) == []
        SamplingSpec(model="any", **{k: float(own[k]) for k in ("temperature", "top_p") if k in own})
    assert used <= known
    assert set(SETTINGS) <= used, "a name that no claim uses says nothing"


@pytest.mark.parametrize("wrong", [0.5, None, (0.5, 0.4, 0.6), {"value": 0.5}])
def test_only_an_estimate_can_be_recorded(wrong, home, tiny):
    with pytest.raises(TypeError, match="finding 'a': an Estimate is wanted"):
        tiny.record("a", wrong)
    assert not home.exists()


def test_a_folder_that_cannot_be_written_is_said_in_one_line(tiny, home):
    home.parent.write_text("in the way")
    with pytest.raises(BadInput, match="cannot write the findings") as mistake:
        tiny.record("a", ONE)
    assert "\n" not in str(mistake.value)
    assert home.parent.read_text() == "in the way"
    with pytest.raises(BadInput, match="cannot remove the earlier findings"):
        findings.Chapter("tiny")


def test_a_failed_write_keeps_the_old_findings(home, monkeypatch, tiny):
    tiny.record("a", ONE)
    before = (home / "tiny.json").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(BadInput, match="No space left on device"):
        tiny.record("b", ONE)
    assert (home / "tiny.json").read_bytes() == before


def test_a_damaged_file_is_named(home, tiny):
    home.mkdir(parents=True)
    (home / "tiny.json").write_text('[{"name": "a", ')
    with pytest.raises(BadInput, match=r"tiny\.json holds no findings"):
        tiny.record("b", ONE)


def test_the_environment_says_where_findings_go(monkeypatch, tmp_path):
    monkeypatch.setenv("HOMOGEN_FINDINGS", str(tmp_path / "elsewhere"))
    assert findings.folder() == tmp_path / "elsewhere"
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("HOMOGEN_FINDINGS")
        else:
            monkeypatch.setenv("HOMOGEN_FINDINGS", unset)
        assert findings.folder() == Path("findings")


def test_the_table_sets_each_finding_beside_the_paper(tiny):
    tiny.record("single-cluster rate", ONE, "C148")
    tiny.record("mean clusters", dataclasses.replace(ONE, value=4.5, low=4, high=5), unit="clusters")
    tiny.record("AUROC", Estimate.undefined("one class only", n=3), "C181")
    tiny.record("one question", Estimate(8.0, math.nan, math.nan, n=1, method="one question"))
    table = tiny.beside_paper()
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


def test_a_protocol_that_departs_from_the_papers_is_said_beside_it(tiny):
    tiny.record("rate", ONE, "C148", departs="half as long")
    tiny.record("other", ONE, departs="no claim, nothing to depart from")
    assert [row.get("departs") for row in left()] == ["half as long", None]
    said = tiny.beside_paper()["what the paper measured"]
    assert said.iloc[0].endswith("(Sec.5.12; App.A). Ours: half as long")
    assert said.iloc[1] == "–"


def test_the_table_of_a_chapter_without_findings_is_empty(tiny):
    assert tiny.beside_paper().empty


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
        del row["settings"]  # ours alone
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
    with pytest.raises(BadInput, match="a chapter's name has letters"):
        findings.Chapter(name)
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
def test_altered_findings_are_one_line(text, tiny, home):
    home.mkdir(parents=True)
    tiny.path.write_text(text)
    for call in (left, tiny.beside_paper):
        with pytest.raises(BadInput, match="holds no findings") as caught:
            call()
        assert "\n" not in str(caught.value)


def test_the_n_of_each_class_comes_back(tiny):
    estimate = Estimate(0.7, 0.5, 0.9, 12, 1.0, "AUROC", classes=(4, 8))
    tiny.record("AUROC", estimate)
    (row,) = left()
    assert findings.estimate_of(row) == estimate
    assert tiny.beside_paper()["n"].tolist() == ["12 (4 wrong)"]
    counted = dataclasses.replace(estimate, n=np.int64(12), classes=(np.int64(4), np.int64(8)))
    tiny.record("AUROC", counted)
    assert findings.estimate_of(left()[0]) == estimate


@pytest.mark.parametrize("field", [{"value": "0.5"}, {"n": -1}, {"classes": (1, 2, 3)}, {"method": None}])
def test_what_could_not_be_read_again_is_not_recorded(field, tiny):
    with pytest.raises(BadInput, match="finding 'rate' cannot be kept"):
        tiny.record("rate", dataclasses.replace(Estimate(0.5, 0.4, 0.6, 12), **field))
    with pytest.raises(BadInput, match="cannot be kept"):
        tiny.record("rate", Estimate(0.5, 0.4, 0.6, 12), "C028", departs=3)
    assert left() == []


def test_a_threshold_that_abstains_always_is_kept(tiny):
    tiny.record("threshold", Estimate(-math.inf, math.nan, math.nan, 3))
    assert findings.estimate_of(left()[0]).value == -math.inf
