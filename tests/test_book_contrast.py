"""Two questions side by side: a figure that shows what it was given, no more."""

import dataclasses
import doctest
import json
import re
from html.parser import HTMLParser

import pytest

from homogen.book import contrast, pairs
from homogen.book.figures import PALETTE
from homogen.records import BadInput

NAN = float("nan")
ONE, TWO, SPLIT, ALL = [0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0], [0, 1, 2, 3]


def test_examples_hold():
    assert not doctest.testmod(contrast).failed


def asked(**changed):
    """Three questions at two temperatures; at 0.5 the first and the last have one cluster each."""
    cold = pairs.Drawn([["red"] * 3, ["x", "y", "z"], ["blue"] * 3], [[0, 0, 0], [0, 1, 2], [0, 0, 0]], [0, 1.1, 0])
    warm = pairs.Drawn(
        [["red", "green", "green"], ["x", "y", "z"], ["blue", "", ""]],
        [[0, 1, 1], [0, 1, 2], [0, -1, -1]],
        [0.6366, 1.0986, NAN],
    )
    made = pairs.Asked(
        ["Which colour has blood?", "Which letter?", "Which colour has grass?"],
        ["red", "a", "green"],
        ["red", "a", "blue"],
        [0, 0, 1],
        [0.25, 0.5, 0.75],
        {1.5: warm, 0.5: cold},
    )
    return dataclasses.replace(made, **changed)


class Parsed(HTMLParser):
    """Elements with their attributes, and the texts of a page; scripts are left out of them."""

    def __init__(self, markup):
        super().__init__()
        self.found, self.open, self.texts, self.cells = [], [], [], {"li": [], "dd": []}
        self.feed(markup)
        assert not self.open, "every element is closed"

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag in self.cells:
            self.cells[tag].append("")
        if tag != "input":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "script" not in self.open:
            self.texts.append(data)
            for tag in self.cells:
                if tag in self.open:
                    self.cells[tag][-1] += data

    def of(self, tag, **wanted):
        return [a for t, a in self.found if t == tag and all(a.get(k) == v for k, v in wanted.items())]


def data_of(shown):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', shown.markup)[1])


def test_it_shows_both_questions_as_they_are_at_the_reference_without_scripts():
    page = Parsed(contrast.figure({"mine": asked()}, 0.5, "See.").markup)
    assert page.cells["li"] == ["Ared"] * 3 + ["Ablue"] * 3
    assert page.cells["dd"] == ["same 1", "same 0.000", "differs 0.250", "same 1", "same 0.000", "differs 0.750"]
    text = "".join(page.texts)
    for part in ("Which colour has blood?", "✓ right", "reference: green", "greedy answer: blue", "✗ wrong"):
        assert part in text
    assert "Which letter?" not in text, "it is not one of the two"
    assert "The spread is the same: 1 cluster each, semantic entropy 0.000 nats each." in text
    assert "Token entropy is higher for the wrong answer: 0.750 against 0.250 nats." in text
    assert pairs.RULE[1:] in text


def test_the_slider_changes_the_drawn_answers_and_not_the_questions():
    data = data_of(contrast.figure({"mine": asked()}, 0.5, "See."))
    assert data["t"] == ["0.5", "1.5"]
    assert data["first"] == 0
    cold, warm = data["v"][0]

    def rows(view):
        return [[(letter, data["x"][text], colour) for colour, letter, text in row] for row in view["rows"]]

    assert rows(cold) == [[("A", "red", PALETTE[0])] * 3, [("A", "blue", PALETTE[0])] * 3]
    # The larger cluster first; what is alone has no colour, what is missing no letter.
    green = ("A", "green", PALETTE[0])
    assert rows(warm)[0] == [green, green, ("B", "red", "")]
    assert rows(warm)[1] == [("A", "blue", ""), *[("–", "(no answer)", "")] * 2]
    assert warm["n"] == [[["2", "differs"], ["1", "differs"]], [["0.637", ""], ["–", ""]]]
    assert "undefined here: fewer than two answers" in warm["said"]


@pytest.mark.parametrize(
    ("entropy", "said"),
    [
        ([0.25, 0, 0.75], "higher for the wrong answer: 0.750 against 0.250"),
        ([0.75, 0, 0.25], "lower for the wrong answer: 0.250 against 0.750"),
        ([0.2501, 0, 0.25], "Token entropy is the same too: 0.250 nats"),
        ([NAN, 0, 0.25], "Token entropy is undefined for one of the two"),
    ],
)
def test_what_it_says_of_token_entropy_is_so(entropy, said):
    assert said in contrast.figure({"mine": asked(entropy=entropy)}, 0.5, "See.").markup


def test_what_it_says_of_a_spread_that_differs_is_so():
    other = pairs.Drawn([["a", "b", "c"], [], ["d", "d", "e"]], [[0, 1, 2], [], [0, 0, 1]], [1.0986, NAN, 0.6366])
    made = asked(drawn={0.5: asked().drawn[0.5], 2.0: other})
    said = data_of(contrast.figure({"mine": made}, 0.5, "See."))["v"][0][1]["said"]
    assert said.startswith(
        "The spread differs: the wrong answer has 2 clusters and semantic entropy 0.637 nats, "
        "the right one 3 and 1.099."
    )


def test_several_sets_have_a_switch_and_the_first_is_shown():
    sets = {"one": asked(), "<two>": asked(wrong=[0, 0, 0])}
    shown = contrast.figure(sets, 1.5, "See.")
    page = Parsed(shown.markup)
    assert [("checked" in a, a["value"]) for a in page.of("input", type="radio")] == [(True, "0"), (False, "1")]
    assert ["hidden" in a for t, a in page.found if a.get("class") == "set"] == [False, True]
    assert "No pair to show: no greedy answer is wrong." in "".join(page.texts)
    assert data_of(shown)["v"][1] == []
    assert "<two>" not in shown.markup


def test_the_slider_can_be_used_by_keyboard_and_has_a_name():
    page = Parsed(contrast.figure({"mine": asked()}, 0.5, "See.").markup)
    (slider,) = page.of("input", type="range")
    assert slider["aria-label"]
    assert (slider["min"], slider["max"], slider["value"], slider["aria-valuetext"]) == ("0", "1", "0", "T = 0.5")
    assert {"0.5", "1.5"} <= set(page.texts), "its ticks"


def test_what_cannot_be_moved_has_no_control():
    page = Parsed(contrast.figure({"mine": asked(drawn={0.5: asked().drawn[0.5]})}, 0.5, "See.").markup)
    assert page.of("input") == []
    assert "T = 0.5" in page.texts


WILD = '</script><script>alert(1)</script>\n<!--<script> "$x$" & `a`\n\n```{note}\n`````'


def test_a_model_may_answer_anything():
    drawn = pairs.Drawn([[WILD] * 3, [], [WILD] * 3], [[0] * 3, [], [0] * 3], [0, NAN, 0])
    texts = {"questions": [WILD] * 3, "references": [WILD] * 3, "greedy": [WILD] * 3}
    shown = contrast.figure({WILD: asked(drawn={0.5: drawn, 1.0: drawn}, **texts)}, 0.5, WILD)
    page = Parsed(shown.markup)
    assert len(page.of("script")) == 2
    flat = " ".join(WILD.split())
    assert page.cells["li"] == [f"A{flat}"] * 6
    assert data_of(shown)["x"] == [flat]
    assert "\n" not in shown.markup, "no line of it can end the block of HTML that a page puts it in"
    assert "<!--" not in shown.markup
    assert "tex2jax_ignore" in page.of("figure")[0]["class"].split(), "a dollar is a dollar"


def test_two_figures_can_stand_on_one_page_and_need_no_network():
    markup = contrast.figure({"a": asked(), "b": asked()}, 0.5, "See.").markup
    page = Parsed(markup)
    assert [a for _, a in page.found if "id" in a] == []
    assert page.open == []
    # Radio buttons of one name are one group within their form.
    assert markup.index("<form") < markup.index('type="radio"') < markup.index("</form>")
    assert not re.search(r"https?:|//[a-z]|\bsrc=|@import|fetch|XMLHttpRequest|\bimport\(", markup)


def test_long_answers_are_cut_and_the_figure_stays_small():
    answers = [[f"{q}{k} " + "word " * 99 for k in range(10)] for q in range(3)]
    drawn = pairs.Drawn(answers, [list(range(10))] * 3, [2.3] * 3)
    made = asked(drawn={0.2: drawn, 0.5: drawn, 1.0: drawn})
    shown = contrast.figure({"a": made, "b": made}, 0.5, "See.")
    assert all(len(text) == contrast.LONGEST and text.endswith("…") for text in data_of(shown)["x"])
    assert len(shown.markup.encode()) < 40_000
    assert ".title=" in shown.markup


def test_its_plain_text_stands_where_html_does_not():
    sets = {"mine": asked(), "none": asked(wrong=[1, 1, 1])}
    shown = contrast.figure(sets, 0.5, "See.")
    assert repr(shown) == shown.alternative == contrast.alternative(sets, 0.5)
    assert "none, T = 0.5\nNo pair to show: no greedy answer is right." in repr(shown)
    assert "<" not in repr(shown)


def test_what_cannot_be_shown_is_refused():
    with pytest.raises(BadInput, match="no set of questions"):
        contrast.figure({}, 1.0, "See.")
    with pytest.raises(BadInput, match=r"reference must be one of the temperatures 0\.5, 1\.5, got 1"):
        contrast.figure({"mine": asked()}, 1.0, "See.")
    with pytest.raises(BadInput, match="drawn at the same temperatures"):
        contrast.figure({"a": asked(), "b": asked(drawn={0.5: asked().drawn[0.5]})}, 0.5, "See.")


def test_more_clusters_than_letters_or_colours_keep_names_of_their_own():
    labels = [i // 2 for i in range(60)]
    answers = [str(i) for i in labels]
    drawn = pairs.Drawn([answers, [], answers], [labels, [], labels], [3.4, NAN, 3.4])
    rows = data_of(contrast.figure({"m": asked(drawn={1.0: drawn})}, 1.0, "See."))["v"][0][0]["rows"][0]
    letters = [letter for _, letter, _ in rows]
    assert len(set(letters)) == 30
    assert letters[-1] == "30"
    assert {colour for colour, *_ in rows} == set(PALETTE)
