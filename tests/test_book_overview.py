"""The overview sets findings beside the ledger, and says what has not been run."""

from pathlib import Path

import pytest

from homogen import paper
from homogen.book import chapters, findings, overview
from homogen.paper import ledger
from homogen.records import BadInput, Estimate

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
KNOWN = chapters.chapters(NOTEBOOKS)
ALIGNMENT = KNOWN["alignment"]


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A book's folder of results with one finding of the pocket profile and one at the paper's scale."""

    def leave(profile, chapter, *rows):
        monkeypatch.setenv("HOMOGEN_FINDINGS", str(tmp_path / profile / "findings"))
        made = findings.Chapter(chapter)
        for row in rows:
            made.record(*row)

    one, two = (
        ("SCR", Estimate(0.35, 0.3, 0.45, n=70), "C148"),
        ("by", Estimate(0.1, 0.05, 0.2, n=70), "C149"),
    )
    leave("pocket", "single-clusters", one, two)
    leave("pocket", "decoding", ("something else", Estimate(1.0, 0.5, 1.5, n=12)))
    one, two = ("SCR", Estimate(0.41, 0.37, 0.44, n=790), "C148"), ("by", Estimate(0.5, 0.47, 0.53, n=790), "C149")
    leave("paper", "single-clusters", one, two)
    return tmp_path


def row(results, claim):
    table = overview.table(results, NOTEBOOKS)
    return table[table["claim"] == claim].iloc[0]


def test_our_value_stands_in_its_column_with_a_sign_for_whether_it_holds_the_papers(results):
    assert paper.claims()["C148"].reported == "0.4"
    assert row(results, "C148")["pocket (CPU)"] == "∋ 0.35 [0.3, 0.45]"
    assert row(results, "C149")["pocket (CPU)"] == "∌ 0.1 [0.05, 0.2]"


def test_at_the_papers_scale_a_value_is_reproduced_if_it_rounds_to_the_printed_one(results, monkeypatch):
    assert row(results, "C148")["paper scale"] == "✓ reproduced: 0.41 [0.37, 0.44]"
    assert row(results, "C149")["paper scale"] == "∌ 0.5 [0.47, 0.53]"
    monkeypatch.setenv("HOMOGEN_FINDINGS", str(results / "paper" / "findings"))
    wide = Estimate(0.2, 0.0, 0.9, n=5)  # an interval that holds nearly everything reproduces nothing
    findings.Chapter("single-clusters").record("SCR", wide, "C148")
    assert row(results, "C148")["paper scale"] == "∋ 0.2 [0, 0.9]"


def test_bounds_and_values_without_an_interval_can_be_reproduced_too():
    def cell(reported, value, low=None, high=None):
        found = {"alignment": [{"claim": "C", "value": value, "low": low, "high": high}]}
        return overview._cell(found, ALIGNMENT, "C", reported, True)

    assert cell("0.41", 0.414) == "✓ reproduced: 0.414"
    assert cell("0.41", 0.42) == "0.42"
    assert cell("<=0.12", 0.11, 0.1, 0.12) == "✓ reproduced: 0.11 [0.1, 0.12]"
    assert cell("<=0.12", 0.14, 0.1, 0.2) == "0.14 [0.1, 0.2]"
    assert cell("16/24", 16.0) == "16"


def test_what_departs_from_the_papers_protocol_is_marked_and_reproduces_nothing():
    def cell(departs, same_model):
        found = {"alignment": [{"claim": "C", "value": 0.41, "low": 0.3, "high": 0.5, **departs}]}
        return overview._cell(found, ALIGNMENT, "C", "0.41", same_model)

    assert cell({}, True) == "✓ reproduced: 0.41 [0.3, 0.5]"
    assert cell({"departs": "shorter"}, True) == cell({"departs": "shorter"}, False) == "∋ 0.41 [0.3, 0.5]*"


def test_what_was_not_run_says_so(results):
    table = overview.table(results, NOTEBOOKS)
    assert set(table["gpu"]) == set(table["desk (CPU, 1.5B)"]) == {overview.NOT_RUN}
    assert list(table.columns)[-4:] == ["pocket (CPU)", "desk (CPU, 1.5B)", "gpu", "paper scale"]
    assert row(results, "C249")["pocket (CPU)"] == overview.ELSEWHERE  # ran, and left no number beside this one
    assert row(results, "C105")["pocket (CPU)"] == overview.NO_RUN  # on the released files alone
    assert row(results, "C235")["pocket (CPU)"] == overview.NOT_RUN  # its chapter left nothing
    assert row(results, "C235")["gpu"] == overview.NOT_RUN


def test_an_undefined_value_is_none(results, monkeypatch):
    monkeypatch.setenv("HOMOGEN_FINDINGS", str(results / "pocket" / "findings"))
    findings.Chapter("single-clusters").record("SCR", Estimate.undefined("no answers"), "C148")
    assert row(results, "C148")["pocket (CPU)"] == "– undefined"


def test_a_claim_that_is_no_number_gets_a_value_without_a_sign(results, monkeypatch):
    assert paper.claims()["C042"].reported == "16/24"
    monkeypatch.setenv("HOMOGEN_FINDINGS", str(results / "pocket" / "findings"))
    findings.Chapter("cheapest-first").record("covered", Estimate(0.5, 0.4, 0.6, n=3), "C042")
    assert row(results, "C042")["pocket (CPU)"] == "0.5 [0.4, 0.6]"


def test_the_released_column_is_the_ledgers_verdict(results):
    table = overview.table(results, NOTEBOOKS)
    for claim, released in zip(table["claim"], table["released"], strict=True):
        kept = ledger.committed()[claim]
        assert released.startswith(f"{ledger.MARKS[kept.verdict]} {kept.verdict}")
        assert kept.recomputed in released


def test_every_chapter_of_an_experiment_is_in_the_overview():
    shown = {name for name, c in KNOWN.items() if c.overview} | {c.repeated_in for c in KNOWN.values()} - {""}
    assert shown <= set(KNOWN)
    # What prepares, what goes beyond the paper, and what is made of the released files alone.
    assert set(KNOWN) - shown == {
        *("see-it", "primer", "where-aligned", "matched-decoding", "multiverse", "ledger", "disagreements"),
        *("cut-short", "sft-against-dpo"),
    }


def test_every_claim_has_a_chapter_that_shows_its_row():
    leads = {claim.claim_id: overview.chapter_of(claim, KNOWN) for claim in paper.claims().values()}
    assert leads["C028"] == leads["C015"] == "token-entropy"  # by its experiment, and by name
    assert leads["C303"] == "quantization"  # no check decides it, a chapter on models repeats it
    assert leads["C339"] == "disagreements"
    assert {leads[i] for i in ledger.checks()} <= {n for n, c in KNOWN.items() if c.files is not None}
    with pytest.raises(BadInput, match="no chapter shows C028; one must have 'decided' or 'undecided'"):
        overview.chapter_of(paper.claims()["C028"], {})


def test_the_page_has_every_row_and_its_signs(results):
    markup = overview.rendered(results, NOTEBOOKS).markup
    assert markup.count('<th scope="row">') == len(overview.table(results, NOTEBOOKS))
    assert 'data-mark="∋"' in markup
    assert 'data-mark="–"' in markup
    assert 'href="chapters/single-clusters.html"' in markup


def test_findings_that_are_damaged_are_not_hidden(results):
    (results / "pocket" / "findings" / "single-clusters.json").write_text("[")
    for table in (overview.table, overview.claims):
        with pytest.raises(BadInput, match=r"single-clusters\.json holds no findings"):
            table(results=results)
