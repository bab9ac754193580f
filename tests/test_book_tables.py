"""A table that is searched in the page: whole without scripts, safe, and named for those who cannot see it."""

import doctest
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from homogen.book import tables
from homogen.records import BadInput

ROWS = pd.DataFrame(
    {"what": ["rate", "score <b>"], "kind": ["new", "old"], "note": ["", "a & b"], "how": ["counted", ""]},
    index=pd.Index(["C1", "C2"], name="claim"),
)


class Outline(HTMLParser):
    """Tags that were opened and closed, and the text of table cells."""

    def __init__(self, markup):
        super().__init__()
        self.open, self.seen, self.cells = [], [], []
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag != "input":
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.cells and {"td", "th"} & set(self.open):
            self.cells[-1] += data


def browse(**options):
    return tables.browse(
        ROWS, "Two rows.", **{"choices": ["kind"], "details": {"note": "to know", "how": "how"}} | options
    )


def test_all_rows_are_there_without_scripts_and_every_tag_is_closed():
    outline = Outline(browse().markup)
    assert outline.open == []
    assert outline.cells[:3] == ["claim", "what", "kind"]
    assert outline.cells[3:] == ["C1", "ratemorehowcounted", "new", "C2", "score <b>moreto knowa & b", "old"]
    assert not any(tag == "tr" and "hidden" in attrs for tag, attrs in outline.seen)
    controls = next(a for t, a in outline.seen if t == "div")
    assert "hidden" in controls, "what does nothing without scripts is not shown without them"


def test_texts_cannot_become_markup():
    assert "score <b>" not in browse().markup
    assert "score &lt;b&gt;" in browse().markup


def test_empty_details_are_left_out():
    bare = tables.browse(ROWS.assign(note="", how=""), "x", details={"note": "to know", "how": "how"}).markup
    assert "<details>" not in bare
    assert browse().markup.count("<details>") == 2


def test_a_menu_for_each_choice_offers_each_value_once():
    outline = Outline(
        tables.browse(pd.concat([ROWS, ROWS.rename(index={"C1": "C3"})]), "x", choices=["kind", "what"]).markup
    )
    assert [a["data-column"] for t, a in outline.seen if t == "select"] == ["2", "1"]
    assert sum(t == "option" for t, _ in outline.seen) == 6


def test_rows_lead_where_they_are_told():
    outline = Outline(browse(links={"C2": 'page.html"x'}).markup)
    assert [a for t, a in outline.seen if t == "a"] == [{"href": 'page.html"x'}]


def test_it_needs_no_network_and_every_control_has_a_name():
    markup = browse().markup
    assert not re.search(r"https?:|src=|@import", markup)
    assert "<label>search <input" in markup
    assert "<label>kind <select" in markup
    assert 'scope="row"' in markup
    assert "//" not in re.search(r"<script>(.*)</script>", markup)[1], "a comment would swallow the one line"
    assert "<figcaption>Two rows.</figcaption>" in markup


@pytest.mark.parametrize("option", ["choices", "details"])
def test_unknown_columns_are_refused(option):
    given = {"nots": "x"} if option == "details" else ["nots"]
    with pytest.raises(BadInput, match="unknown column 'nots'"):
        browse(**{option: given})


def test_a_listing_has_its_long_texts_below_their_row():
    shown = tables.listing(ROWS, {"note": "to know", "how": ""}, links={"C1": "page.html"})
    outline = Outline(shown.markup)
    assert outline.open == []
    assert outline.cells[3:] == ["C1", "rate", "new", "", "counted", "C2", "score <b>", "old", "", "to know: a & b"]
    assert not {"script", "button", "details"} & {tag for tag, _ in outline.seen}
    assert tables.listing(ROWS[["what"]]).markup.count("<tr") == 3
    with pytest.raises(BadInput, match="did you mean 'note'"):
        tables.listing(ROWS, {"nots": ""})
    with pytest.raises(ValueError, match="without rows"):
        tables.listing(ROWS[:0])


def test_an_empty_table_is_refused():
    with pytest.raises(ValueError, match="without rows"):
        tables.browse(ROWS[:0], "x")


def test_the_example_runs():
    assert doctest.testmod(tables).attempted
    assert doctest.testmod(tables).failed == 0


@pytest.mark.parametrize(
    ("text", "marked"), [("✓ yes", True), ("–", True), ("–3", False), ("yes ✓", False), ("", False)]
)
def test_a_cell_that_begins_with_a_sign_says_so_for_the_colours(text, marked):
    markup = tables.browse(pd.DataFrame({"what": [text]}, index=["row"]), "One row.").markup
    assert ("data-mark=" in markup) == marked
