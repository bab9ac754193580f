"""Figures as a page shows them: in the page's colours, with words for those who do not see them, the same each time."""

import doctest
import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from homogen import evaluation
from homogen.book import figures
from homogen.records import Estimate


def drawn():
    """A figure with all that ours have: points, lines, bands, bars, an image with its colour bar, a legend, a note."""
    figure, panels = figures.axes(6, 3, panels=3)
    table = pd.DataFrame(
        {"t": [0, 1] * 2, "ruler": ["a"] * 2 + ["b"] * 2, "value": [0.5] * 4, "low": [0.4] * 4, "high": [0.6] * 4}
    )
    figures.bands(table, "t", "ruler", panels[0])
    estimates = {"A & B <i>": Estimate(0.6, 0.5, 0.7, 9), "nothing": Estimate.undefined("one class only")}
    figures.forest(estimates, panels[1], reference=0.5)
    panels[1].set(title="T = 0.3", xlabel="AUROC")
    image = panels[2].imshow(np.eye(3), cmap="viridis")
    panels[2].set_xticks(range(3), list("xyz"))
    figure.colorbar(image, label="similarity")
    return figure


def svg_of(shown):
    """The drawing inside a figure's markup, parsed strictly."""
    return ElementTree.fromstring(re.search(r"<svg .*</svg>", shown.markup, re.DOTALL).group(0))


@pytest.fixture(scope="module")
def shown():
    return figures.show(drawn(), 'A <caption> & "more"', "Alternative <text> & 'more' \"words\"")


@pytest.mark.parametrize(("caption", "alt"), [("", "alt"), ("caption", ""), (" \n", "alt"), ("caption", "\t ")])
def test_a_figure_needs_a_caption_and_an_alternative_text(caption, alt):
    figure, _ = figures.axes()
    with pytest.raises(ValueError, match="a caption and an alternative text"):
        figures.show(figure, caption, alt)


def test_a_figure_is_one_image_with_a_name_and_a_caption(shown):
    svg = svg_of(shown)
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == "Alternative <text> & 'more' \"words\""
    assert shown.markup.startswith('<figure class="homogen">')
    assert "<figcaption>A &lt;caption&gt; &amp; &quot;more&quot;</figcaption></figure>" in shown.markup
    assert shown._repr_html_() == shown.markup
    assert "<metadata" not in shown.markup
    assert "<?xml" not in shown.markup
    assert "<!DOCTYPE" not in shown.markup


def test_words_in_a_figure_are_text_and_escaped(shown):
    words = ["".join(t.itertext()) for t in svg_of(shown).findall(".//{*}text")]
    assert "A & B <i>" in words
    assert "undefined: one class only" in words


def test_a_figure_takes_the_width_of_the_page(shown):
    svg = svg_of(shown)
    assert svg.get("width") is None
    assert svg.get("height") is None
    assert "max-width:600px" in svg.get("style")
    assert [float(v) for v in svg.get("viewBox").split()] == [0, 0, 6 * 72, 3 * 72]


def test_ink_is_the_colour_of_the_page(shown):
    assert "currentColor" in shown.markup
    for ink in ("#010203", "#000000", "black"):
        assert ink not in shown.markup.lower()
    assert svg_of(shown).get("fill") == "currentColor", "matplotlib leaves black out where it is SVG's default"
    named = re.compile(r"(?:fill|stroke|opacity|color): *([^;\"]+)")
    used = {m.group(1).lower() for m in named.finditer(shown.markup)}
    colours = {c for c in used if c.startswith("#")}
    assert colours <= {c.lower() for c in figures.PALETTE} | {"#ffffff"} | {
        to_hex(mpl.colormaps["viridis"](i)) for i in range(256)
    }, "only data have a colour of their own"


def test_nothing_but_a_colour_bar_is_painted_on_white():
    figure, panels = figures.axes(panels=2)
    table = pd.DataFrame({"t": [0, 1], "value": [0, 1], "low": [0, 0], "high": [1, 1]})
    figures.bands(pd.concat([table.assign(r=r) for r in "ab"]), "t", "r", panels[0])
    figures.forest({"x": Estimate.undefined("no data")}, panels[1])
    assert "#ffffff" not in figures.show(figure, "c", "a").markup


def test_ids_are_unique_and_every_reference_has_its_target(shown):
    ids = re.findall(r'\bid="([^"]+)"', shown.markup)
    assert ids
    assert len(ids) == len(set(ids))
    used = {a or b for a, b in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', shown.markup)}
    assert set(ids) == used, "an id that nothing uses can only clash with one of another figure"


def test_the_same_figure_is_the_same_markup():
    one, two = (figures.show(drawn(), "caption", "alt").markup for _ in range(2))
    assert one == two


def test_two_figures_of_a_page_share_no_id():
    one, two = (
        set(re.findall(r'\bid="([^"]+)"', figures.show(drawn(), caption, "alt").markup)) for caption in ("one", "two")
    )
    assert one
    assert not one & two


def test_drawing_leaves_the_settings_of_others_alone():
    before = dict(mpl.rcParams)
    figures.show(drawn(), "caption", "alt")
    assert dict(mpl.rcParams) == before


def test_forest_puts_a_pale_bar_where_nothing_is_shown():
    _, ax = figures.axes()
    estimates = {"a": Estimate(0.6, 0.5, 0.7, 9), "b": Estimate(0.2, float("nan"), float("nan"), 9)}
    figures.forest(estimates, ax, nulls={"b": (0.4, 0.6)})
    (bar,) = (line for line in ax.lines if line.get_alpha())
    assert bar.get_xydata().tolist() == [[0.4, 1.0], [0.6, 1.0]]
    assert bar.get_zorder() == 0


def test_forest_draws_one_row_an_estimate_first_on_top():
    _, ax = figures.axes()
    estimates = {
        "a": Estimate(0.6, 0.5, 0.7, 9),
        "none": Estimate.undefined("one class only"),
        "b": Estimate(0.2, 0.1, 0.4, 9),
    }
    assert figures.forest(estimates, ax, reference=0.5, color="#228833") is ax
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "none", "b"]
    bottom, top = ax.get_ylim()
    assert bottom > top
    lines = {tuple(map(tuple, line.get_xydata().tolist())): line for line in ax.lines}
    assert set(lines) == {
        ((0.5, 0.0), (0.7, 0.0)),
        ((0.6, 0.0),),
        ((0.1, 2.0), (0.4, 2.0)),
        ((0.2, 2.0),),
        ((0.5, 0.0), (0.5, 1.0)),  # the reference, in the height of the axes
    }
    assert lines[((0.6, 0.0),)].get_color() == "#228833"
    assert [(t.get_text(), t.get_position()[1]) for t in ax.texts] == [("undefined: one class only", 1)]


@pytest.mark.parametrize("groups", [1, 3, 6, 8])
def test_bands_draws_one_line_a_hue_with_its_marker(groups):
    rows = [
        {"N": n, "ruler": f"r{g}", "value": g + n, "low": g + n - 1, "high": g + n + 1}
        for g in range(groups)
        for n in (1, 2, 3)
    ]
    _, ax = figures.axes()
    figures.bands(pd.DataFrame(rows), "N", "ruler", ax)
    assert [line.get_label() for line in ax.lines] == [f"r{g}" for g in range(groups)]
    assert [line.get_marker() for line in ax.lines] == [(figures.MARKERS * 2)[g] for g in range(groups)]
    assert [line.get_color().upper() for line in ax.lines] == [(figures.PALETTE * 2)[g] for g in range(groups)]
    assert [list(line.get_ydata()) for line in ax.lines] == [[g + 1, g + 2, g + 3] for g in range(groups)]
    assert len(ax.collections) == groups
    assert (ax.get_legend() is not None) == (groups > 1)
    low, high = ax.collections[0].get_paths()[0].get_extents().get_points()
    assert (low.tolist(), high.tolist()) == ([1, 0], [3, 4])


def test_a_table_of_estimates_is_in_long_form():
    table = figures.estimates_table({0.3: Estimate(0.2, 0.1, 0.3, 7), 0.4: Estimate.undefined("no data")}, "threshold")
    assert list(table.columns) == ["threshold", "value", "low", "high", "n"]
    assert table.iloc[0].tolist() == [0.3, 0.2, 0.1, 0.3, 7]
    assert np.isnan(table.iloc[1]["value"])


def test_a_table_of_estimates_to_show_has_a_column_for_each_part():
    estimates = {
        0.3: Estimate(0.2, 0.1, 0.34567, 7, 0.875),
        0.4: Estimate.undefined("no data", n=3, coverage=0.5),
        0.5: Estimate(4.0, float("nan"), float("nan"), 1, method="one question"),
    }
    table = figures.estimates_table(estimates, "threshold", shown=True)
    assert table.index.name == "threshold"
    assert list(table.index) == [0.3, 0.4, 0.5]
    assert list(table.columns) == ["value", "95% interval", "n", "coverage"]
    assert table.to_numpy().tolist() == [
        ["0.200", "[0.100, 0.346]", 7, "88%"],
        ["undefined: no data", "–", 3, "50%"],
        ["4.000", "–", 1, "100%"],
    ]
    none = figures.estimates_table({}, "threshold", shown=True)
    assert (len(none), list(none.columns)) == (0, list(table.columns))


def test_each_colour_has_its_marker_and_none_twice():
    assert len(figures.PALETTE) == len(set(figures.PALETTE)) == len(figures.MARKERS) == len(set(figures.MARKERS))


# Two thresholds, three questions with up to three answers: one question splits, and one has no answer left.
COUNTS = np.array([[1, 1, 2], [1, 3, 0]])
BY_HAND = [[2, 1, 0], [1, 0, 1]]


def slider(counts=None, **options):
    given = {"thresholds": [0.25, 0.5], "samples": 3, "caption": "Drag <it>", "start": 0.45} | options
    return figures.threshold_slider(counts or {"Jaccard, single": COUNTS, "other": COUNTS[::-1]}, **given)


def slider_data(shown):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', shown.markup).group(1))


def test_the_slider_holds_the_counts_of_every_threshold():
    assert slider_data(slider()) == {
        "t": [0.25, 0.5],
        "g": {"Jaccard, single": BY_HAND, "other": BY_HAND[::-1]},
    }


def test_a_question_without_clusters_is_left_out_of_the_slider():
    shown = slider({"one": np.array([[1, np.nan, 2, 1], [1, np.nan, 3, np.nan]])})
    assert slider_data(shown)["g"] == {"one": [[2, 1, 0], [1, 0, 1]]}
    assert "single-cluster rate 50.0% of 2 questions" in svg_of(shown).get("aria-label")


def test_the_slider_refuses_tables_of_another_length():
    with pytest.raises(ValueError, match="'short' has 1 rows for 2 thresholds"):
        slider({"good": COUNTS, "short": COUNTS[:1]})


def test_the_slider_needs_no_network():
    markup = slider().markup
    assert not re.search(r"https?:|//[a-z]|\bsrc=|@import|fetch|XMLHttpRequest|\bimport\(", markup)


def test_the_slider_reads_without_scripts():
    svg = svg_of(slider())
    bars = [(float(r.get("height")), float(r.get("y"))) for r in svg.findall(".//{*}rect")]
    assert bars == [(160, 38), (0, 198), (160, 38)], "the start nearest to 0.45 is 0.5: one, none, one"
    assert svg.get("aria-label") == "Jaccard, single, threshold 0.5: single-cluster rate 50.0% of 2 questions"
    assert "<output>0.50 → single-cluster rate 50.0%</output>" in slider().markup
    empty = slider({"none left": np.zeros((2, 3), int)})
    assert "single-cluster rate undefined" in empty.markup


def test_the_slider_starts_where_it_says():
    assert 'min="0" max="1" value="1"' in slider().markup
    assert 'min="0" max="1" value="0"' in slider(start=0.1).markup


def test_the_slider_has_names_for_its_controls():
    class Controls(HTMLParser):
        """Counts inputs and labels."""

        def __init__(self):
            super().__init__()
            self.found = []

        def handle_starttag(self, tag, attrs):
            self.found.append((tag, dict(attrs)))

    parser = Controls()
    parser.feed(slider().markup)
    radios = [a for t, a in parser.found if t == "input" and a["type"] == "radio"]
    assert [a["value"] for a in radios] == ["Jaccard, single", "other"]
    assert ["checked" in a for a in radios] == [True, False]
    assert len({a["name"] for a in radios}) == 1
    assert next(a for t, a in parser.found if t == "input" and a["type"] == "range")["aria-label"]
    assert "<figcaption>Drag &lt;it&gt;</figcaption>" in slider().markup


def test_a_name_cannot_end_the_sliders_script():
    name = 'my/</script><b id="x">model'
    shown = slider({name: COUNTS})
    assert list(slider_data(shown)["g"]) == [name]
    assert shown.markup.count("</script>") == 2
    assert '<b id="x">' not in shown.markup


def test_examples_hold():
    assert not doctest.testmod(figures).failed


def test_tests_stand_beside_one_another_with_p_by_holm():
    same = evaluation.mcnemar([1, 0, 1], [1, 0, 1])
    found = {("a", "b"): evaluation.mcnemar([1] * 6, [0] * 6), ("a", "c"): same, ("b", "c"): evaluation.mcnemar([], [])}
    table = figures.tests_table(found, "change")
    assert table.columns.tolist() == ["change", "low", "high", "p", "p, Holm"]
    assert table.index.nlevels == 2
    assert table["change"].tolist()[:2] == [1, 0]
    assert table["p"].tolist()[:2] == [2 / 64, 1]
    assert table["p, Holm"].tolist()[:2] == [4 / 64, 1]  # the test that could not be made does not count
    assert np.isnan(table.loc[("b", "c")]).all()
    assert figures.tests_table({}, "change").shape == (0, 5)
    bare = evaluation.TestResult(0.0, 0.05, Estimate(-0.0002, -0.1, -0.0003, 9))
    assert not np.signbit(figures.tests_table({"a": bare}, "change")[["change", "high"]].to_numpy()).any()
