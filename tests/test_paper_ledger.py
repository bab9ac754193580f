"""Every row of the ledger has a verdict that code comes to, and a wrong number cannot get a good one."""

import dataclasses
import doctest
import os
import re
from pathlib import Path

import numpy as np
import pytest

from homogen import paper
from homogen.book import chapters, findings, overview
from homogen.paper import ledger
from homogen.paper.ledger import _base, boundaries, cascades, printed
from homogen.paper.ledger._base import NOT_CHECKABLE, NOT_RUN, REPRODUCED, VERDICTS, Outcome
from homogen.questions import sources
from homogen.records import BadInput, Estimate

DATA = Path(os.environ.get("HOMOGEN_DATA") or "no data")
needs_data = pytest.mark.skipif(not (DATA / "published").is_dir(), reason="needs the released files (HOMOGEN_DATA)")

CLAIMS = paper.claims()
ledger.outcomes([])  # loads the checks
CHECKED = [claim for claim in CLAIMS if claim in ledger.CHECKS]


@pytest.fixture(scope="module")
def real():
    """The released files, for a whole module."""
    patch = pytest.MonkeyPatch()
    patch.setenv("HOMOGEN_DATA", str(DATA))
    yield
    patch.undo()


def claim(reported):
    """A claim with that value."""
    return dataclasses.replace(CLAIMS["C028"], reported=reported)


def test_the_ledger_is_whole():
    assert list(CLAIMS) == [f"C{i:03d}" for i in range(1, 366)]
    assert all(c.quantity and c.reported and c.source and c.experiment for c in CLAIMS.values())


UNCHECKED = (
    "7 9 11 18 21-23 27 48 49 57 74-76 78 79 82 86-89 91 93-96 98-102 127-142 145-159 162 165 168-190 195-218 222 "
    "227 228 230 233 235-241 244-271 275-286 290-301 303-310 312-320 322 323 326-328 338 341 344-346 348"
)
"""Every claim that nothing decides, so that one that loses its check is noticed."""


def spread(text):
    """Claim ids of numbers and ranges."""
    ends = [[int(n) for n in part.split("-")] for part in text.split()]
    return {f"C{n:03d}" for end in ends for n in range(end[0], end[-1] + 1)}


def test_what_has_no_check_is_known():
    assert {i for i in CLAIMS if i not in ledger.CHECKS} == spread(UNCHECKED)


def test_every_claim_has_a_check_or_a_missing_artifact():
    for claim_id, claim in CLAIMS.items():
        check = ledger.CHECKS.get(claim_id)
        assert check or ledger.missing_for(claim), claim_id
        if check:
            assert check.how, "readers are told how"
            assert not check.how.endswith("."), claim_id
            assert set(check.files) <= set(sources.SOURCES), claim_id


def test_every_artifact_is_missed_by_a_claim_and_says_what_would_settle_it():
    missed = {ledger.missing_for(c).name for i, c in CLAIMS.items() if i not in ledger.CHECKS}
    remarked = {a.name for i in CHECKED if (a := ledger.missing_for(CLAIMS[i]))}
    assert set(ledger.ARTIFACTS) <= missed | remarked
    assert all(a.what and a.settle for a in ledger.ARTIFACTS.values())


def test_no_verdict_is_written_by_hand():
    """A check may only come to one through the functions that compare."""
    for room in Path(ledger.__file__).parent.glob("*.py"):
        if room.name not in ("_base.py", "__init__.py"):
            source = room.read_text("utf-8")
            assert not re.search(r"\bOutcome\(", source), room.name
            assert not re.search(r"verdict\s*=|(?:statement|comparison|identity)\((?:True|False)", source), room.name


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0.571", [(0.571, 0.0005)]),
        ("0.7", [(0.7, 0.05)]),
        ("-0.64", [(-0.64, 0.005)]),
        ("228/401", [(228, 0.5), (401, 0.5)]),
        ("0.551->0.610", [(0.551, 0.0005), (0.61, 0.0005)]),
        ("54.6/45.4%", [(0.546, 0.0005), (0.454, 0.0005)]),
        ("4e-05", [(4e-05, 5e-06)]),
        ("~0.5", [(0.5, 0.05)]),
        ("5x", [(5, 0.5)]),
        ("causal", []),
    ],
)
def test_numbers_are_read_with_half_a_unit_of_their_last_digit(text, numbers):
    assert [pytest.approx(pair) for pair in numbers] == ledger.reported_numbers(text)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("0.571", [0.5714999], True),
        ("0.571", [0.5716], False),
        ("0.571", [0.5705], True),  # a half goes either way
        ("0.054", [0.05350258952110717], True),
        ("<=0.12", [0.1186], True),
        ("<=0.12", [0.126], False),
        (">0.99", [0.5], False),
        ("<1e-6", [1e-9], True),
        ("12/12", [12, 12], True),
        ("12/12", [12, 11], False),
        ("0.5", [float("nan")], False),
    ],
)
def test_agreement_is_the_printed_rounding(text, values, expected):
    assert ledger.agrees(text, values) is expected


def test_a_number_too_many_is_a_mistake_of_the_check():
    with pytest.raises(ValueError, match="2 numbers are printed in '12/12' but 1 were found"):
        ledger.agrees("12/12", [12])


def test_numbers_get_their_verdict_and_show_one_digit_more():
    assert _base.number(claim("0.571"), 0.57056) == Outcome("reproduced", "0.5706")
    assert _base.number(claim("0.571"), 0.58) == Outcome("differs", "0.5800")
    assert _base.number(claim("88%"), 0.8846) == Outcome("reproduced", "88.5%")
    assert _base.number(claim("12/12"), 12, 11).recomputed == "12; 11"
    assert _base.number(claim("0.5"), float("nan")) == Outcome("differs", "undefined")


def test_a_free_choice_reproduces_if_any_choice_does():
    assert _base.within(claim("0.074"), 0.0667, 0.0769, 0.0705).verdict == "reproduced"
    assert _base.within(claim("0.074"), 0.0667, 0.0725, 0.0705).verdict == "differs"
    assert _base.within(claim("0.074"), 0.0705, 0.0705, 0.0705).recomputed == "0.0705"


def test_arithmetic_allows_for_the_rounding_of_what_goes_in():
    """8.63 - 9.28 is -0.65, but 8.634 - 9.276 is -0.642."""
    change = dataclasses.replace(CLAIMS["C272"], reported="-0.64")
    assert _base.arithmetic(change, lambda a, b: a - b, "C265", "C262").verdict == "reproduced"
    change = dataclasses.replace(CLAIMS["C272"], reported="-0.63")
    assert _base.arithmetic(change, lambda a, b: a - b, "C265", "C262").verdict == "differs"


def test_statements_and_identities():
    assert _base.statement(True, "x").verdict == "reproduced"
    assert _base.statement(False, "x").verdict == "contradicted by its own data"
    assert _base.identity(True, "x").verdict == "true by construction"
    assert _base.remark("x", "y").verdict == "not checkable"
    with pytest.raises(AssertionError, match="no identity"):
        _base.identity(False, "x")


def test_a_check_whose_files_are_not_at_hand_is_not_run():
    found = ledger.outcomes(["C028", "C242", "C181"], available=lambda name: False)
    assert [o.verdict for o in found.values()] == [NOT_RUN, REPRODUCED, NOT_CHECKABLE]
    assert found["C028"].note == "needs published/v1a_fluency.jsonl"
    assert found["C181"].note == "not released: the LLM judge's labels of the 790 answers"


def test_unknown_claims_and_experiments_are_refused():
    with pytest.raises(BadInput, match="unknown claim 'C366'"):
        ledger.outcomes(["C366"])
    with pytest.raises(BadInput, match="unknown experiment '29'"):
        ledger.table("29")
    orphan = dataclasses.replace(CLAIMS["C028"], claim_id="C999", experiment="global")
    with pytest.raises(BadInput, match="C999 has neither a check nor a missing artifact"):
        _base.decide(orphan, lambda name: True)


def test_a_claim_has_one_check_and_a_check_has_a_claim():
    with pytest.raises(ValueError, match="C028 has two checks"):
        _base.check("C028")(lambda claim: None)
    with pytest.raises(ValueError, match="there is no claim C999"):
        _base.check("C999")(lambda claim: None)


def test_committed_verdicts_are_whole():
    kept = ledger.committed()
    assert list(kept) == list(CLAIMS)
    assert {o.verdict for o in kept.values()} <= set(VERDICTS) - {NOT_RUN}


def test_a_changed_verdict_is_noticed():
    assert ledger.changed({"C028": Outcome("differs")}) == ["C028: reproduced, now differs"]
    assert ledger.changed({"C028": Outcome("reproduced"), "C029": Outcome(NOT_RUN)}) == []


def test_only_whole_ledgers_are_kept(tmp_path):
    with pytest.raises(BadInput, match="1 claims could not be run"):
        ledger.write({"C001": Outcome(NOT_RUN, "", "needs a file")}, tmp_path / "kept.csv")
    assert not (tmp_path / "kept.csv").exists()
    ledger.write({"C001": Outcome("reproduced", "22", "a, b")}, tmp_path / "kept.csv")
    assert (tmp_path / "kept.csv").read_bytes() == b'claim_id,verdict,recomputed,note\nC001,reproduced,22,"a, b"\n'


def test_nothing_asked_of_the_kept_ledger_is_an_empty_table():
    assert ledger.kept().empty
    assert ledger.kept().columns.equals(ledger.kept("19").columns)


def test_what_needs_no_file_is_decided_anywhere():
    ids = [i for i in CLAIMS if i not in ledger.CHECKS or not ledger.CHECKS[i].files]
    found = ledger.outcomes(ids, available=lambda name: False)
    assert len(found) > 200
    assert {i: (o.verdict, o.recomputed) for i, o in found.items()} == {
        i: (ledger.committed()[i].verdict, ledger.committed()[i].recomputed) for i in ids
    }


def test_the_ledger_as_a_table(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOGEN_FINDINGS", str(tmp_path / "pocket" / "findings"))
    one = findings.Chapter("one")
    one.record("a", Estimate(0.25, 0.1, 0.5, 8), "C148")
    one.record("b", Estimate.undefined("one class"), "C148")
    one.record("c", Estimate(1.0, np.nan, np.nan, 8))
    table = overview.claims(results=tmp_path)
    assert list(table.index) == list(CLAIMS)
    assert table.loc["C148", "pocket"] == "0.25 [0.1, 0.5]; undefined"
    assert table.loc["C148", "gpu"] == ""
    assert set(table.verdict) <= set(VERDICTS)
    assert table.loc["C181", "how"].startswith("would be settled by ")
    assert table.loc["C028", "how"].startswith("AUROC of mean token entropy")
    assert (table.loc["C028", "reported"], table.loc["C028", "recomputed"]) == ("0.52", "0.520")


def test_a_chapters_rows():
    rows = ledger.table("13", ids=["C013"] if (DATA / "published").is_dir() else [])
    assert {"C242", "C243", "C343"} <= set(rows.index)
    assert "C235" not in rows.index, "what was not released is on the ledger's own page"
    assert rows.loc["C242", "verdict"] == "reproduced"


def test_information_by_hand():
    """Two equal 0/1 rows share one bit; independent ones none."""
    a = np.repeat([0.0, 1.0], 50)
    assert boundaries.information(a, a) == pytest.approx(1)
    assert boundaries.information(a, np.tile([0.0, 1.0], 50)) == pytest.approx(0, abs=1e-12)
    assert boundaries.chance_information(a, a, permutations=200) < 0.05


def test_the_examples_run():
    modules = [ledger, _base, __import__("homogen.paper.ledger.missing", fromlist=["missing"])]
    assert [doctest.testmod(m).failed for m in modules] == [0, 0, 0]
    assert doctest.testmod(_base).attempted > 5


@pytest.fixture(scope="module")
def recomputed(real):
    """Every verdict, computed anew once."""
    return ledger.outcomes()


@needs_data
def test_the_committed_verdict_is_what_the_released_data_give(recomputed):
    kept = ledger.committed()
    assert {i: recomputed[i] for i in CHECKED} == {i: kept[i] for i in CHECKED}


@needs_data
def test_the_authors_own_summaries_come_out(recomputed):
    """Read off the authors' files, not off this project's."""
    from homogen.paper import released

    v9, v10, v11 = (released.summary(name) for name in ("v9", "v10", "v11"))
    assert f"->{v10['union_coverage']})" in recomputed["C125"].recomputed
    assert f"({v10['union_coverage'] - len(v10['new_from_b4'])}->" in recomputed["C125"].recomputed
    assert cascades.combined(False) == pytest.approx(v11["combined_auc"], abs=1e-12)
    assert f"is {v11['best_cascade']['mean_cost']:.3f}, the summary's" in recomputed["C334"].note
    assert f"{float(recomputed['C109'].recomputed):.4f}" == str(v9["entropy_rag_pearson_r"])
    assert recomputed["C044"].recomputed == "0.5848"
    assert boundaries.pair("B1-B4 of 773")[0].size == v10["n_valid"]
    assert np.corrcoef(*boundaries.pair("B1-B4 of 773"))[0, 1] == pytest.approx(v10["b1_b4_pearson_r"], abs=1e-12)


@needs_data
def test_nothing_else_is_left_over(recomputed):
    assert not [i for i, o in recomputed.items() if o.verdict == NOT_RUN]
    assert ledger.changed(recomputed) == []


NUMBERS = [
    i
    for i in CHECKED
    if re.fullmatch(r"-?\d*\.\d+", CLAIMS[i].reported)
    and ledger.committed()[i].verdict == REPRODUCED
    and not ledger.CHECKS[i].how.startswith("Whether")
]


WIDE = {"C143", "C225", "C243"}  # what goes in is rounded, or ties leave a choice: near numbers are possible too


@needs_data
def test_no_check_agrees_with_any_number(real):
    """Had the paper printed a number some units away, the same check would say that it differs."""
    for claim_id in NUMBERS:
        value, half = ledger.reported_numbers(CLAIMS[claim_id].reported)[0]
        digits = len(CLAIMS[claim_id].reported.partition(".")[2])
        units = 60 if claim_id in WIDE else 6
        away = dataclasses.replace(CLAIMS[claim_id], reported=f"{value + units * half:.{digits}f}")
        assert ledger.CHECKS[claim_id].decide(away).verdict == "differs", claim_id


FLIPS = {
    "C016": {"C296": "0.0057"},
    "C017": {"C029": "0.05"},
    "C050": {"C051": "0.027", "C050": "0.027"},
    "C077": {"C075": "0.5"},
    "C080": {"C080": "0.657"},
    "C161": {"C161": "0.95", "C162": "0.93"},
    "C167": {"C164": "0.55", "C166": "0.287"},
    "C219": {"C219": "~0.6 (13%)"},
    "C234": {"C213": "40/60%"},
    "C274": {"C265": "9.2", "C268": "8.0", "C294": "9.4", "C297": "9.0"},
    "C287": {"C283": "0.2"},
    "C288": {"C283": "0.1"},
    "C311": {"C306": "0.633"},
    "C337": {"C190": "0.01"},
    "C339": {"C270": "0.0001", "C300": "0.0001", "C301": "0.0001"},
    "C342": {"C267": "0.02"},
    "C343": {"C236": "0.02"},
}


@pytest.mark.parametrize("claim_id", FLIPS)
def test_other_printed_numbers_would_turn_the_statement(claim_id, monkeypatch):
    """A statement that no number can turn would be no check."""
    before = ledger.CHECKS[claim_id].decide(CLAIMS[claim_id]).verdict
    altered = CLAIMS | {i: dataclasses.replace(CLAIMS[i], reported=r) for i, r in FLIPS[claim_id].items()}
    for room in (_base, printed):
        monkeypatch.setattr(room, "claims", lambda: altered)
    assert ledger.CHECKS[claim_id].decide(altered[claim_id]).verdict != before


def rows_shown_by(stem):
    """The claims that a chapter's page shows, as far as its code names them."""
    text = (NOTEBOOKS / f"{stem}.md").read_text("utf-8").split("\n---\n", 1)[1]  # its front matter shows nothing
    experiments = set(re.findall(r'"([^"]*)"', " ".join(re.findall(r"ledger\.table\((.*?)\)", text, re.DOTALL))))
    named = set(re.findall(r"\bC\d{3}\b", text))
    return {i for i, c in CLAIMS.items() if i in named or c.experiment in experiments}


NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def test_every_decided_claim_is_on_the_page_that_its_row_leads_to():
    known = chapters.chapters(NOTEBOOKS)
    leads = {claim_id: overview.chapter_of(CLAIMS[claim_id], known) for claim_id in CHECKED}
    lost = {i: name for i, name in leads.items() if name != "disagreements" and i not in rows_shown_by(name)}
    assert lost == {}


@needs_data
def test_a_file_that_is_not_the_released_one_is_refused(tmp_path, monkeypatch):
    """A changed digit in a released file must not become a verdict."""
    (tmp_path / "published").mkdir()
    text = (DATA / "published" / "v9_summary.json").read_text("utf-8")
    (tmp_path / "published" / "v9_summary.json").write_text(text.replace("0.0809", "0.0817"), "utf-8")
    monkeypatch.setenv("HOMOGEN_DATA", str(tmp_path))
    from homogen.paper import released

    with pytest.raises(BadInput, match=r"v9_summary\.json"):
        released.summary("v9")
