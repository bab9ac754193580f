"""A reading says of a run what its findings say, or is refused in one line that names file, line and sentence."""

import contextlib
import doctest
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_chapters import one_line

from homogen.book import readings
from homogen.book.readings import Reading, render
from homogen.records import BadInput, Estimate

CODE = Estimate(0.375, 0.21, 0.57, n=1240, method="Wilson")
FACTS = Estimate(0.1, 0.05, 0.2, n=80)
NONE = Estimate.undefined("one class only", n=7)
BARE = Estimate(2.5, math.nan, math.nan, n=9)
ESTIMATES = {"SCR, code / N=10": CODE, "facts": FACTS, "none": NONE, "bare": BARE}
FRONT = '---\nnames: {code: "SCR, code / N=10"}\nconstants: {T: 1, share: 0.85, set: GSM8K}\n---\n'


def rendered(body, front=FRONT):
    return render(front + body, ESTIMATES, "r.md")


def refused(body, front=FRONT):
    with pytest.raises(BadInput) as mistake:
        rendered(body, front)
    return one_line(mistake)


# Numbers


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("{code}", "0.375 [0.210, 0.570]"),
        ("{code.value}", "0.375"),
        ("{code.low}", "0.210"),
        ("{code.high}", "0.570"),
        ("{code.n}", "1,240"),
        ("{code:percent}", "37.5% [21%, 57%]"),
        ("{code.value:percent}", "37.5%"),
        ("{code.value:1}", "0.4"),
        ("{ code.high : 0 }", "1"),
        ("{bare}", "2.500"),
        ("{none}", "undefined: one class only"),
        ("{none.n}", "7"),
        ("{facts.value}", "0.100"),  # by its own name, which is short
        ("{T}", "1"),
        ("{share}", "0.85"),
        ("{share:percent}", "85%"),
        ("{set}", "GSM8K"),
        ("$T = {T}$", "$T = 1$"),
        ("`{code}` and {term}`SCR`", "`{code}` and {term}`SCR`"),  # code and roles are left alone
        ("[{facts.n}](x.ipynb)", "[80](x.ipynb)"),
    ],
)
def test_a_number_is_written_as_the_tables_write_it(place, text):
    assert rendered(f"We saw {place} there.") == Reading(f"We saw {text} there.")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("{cod}", "unknown handle 'cod'; did you mean 'code'"),
        ("{code.mean}", "unknown part of code 'mean'"),
        ("{code:per}", "unknown way to write a number 'per'"),
        ("{code:9}", "unknown way to write a number '9'"),
        ("{code.n:percent}", "code.n is a count"),
        ("{none.low}", "none.low is undefined"),
        ("{bare.low}", "bare.low is undefined"),
        ("{set:percent}", "set is a text"),
        ("{T.low}", "T is a constant without a low"),
        ("{}", "'{}' is no number of a finding"),
        ("{code.value.low}", "is no number of a finding"),
        ("{code + facts}", "is no number of a finding"),
        ("$x^{a}$", "unknown handle 'a'"),
    ],
)
def test_what_is_no_number_of_a_finding_names_file_line_and_sentence(place, said):
    told = refused(f"All is well. Then we saw\nsomething. Here {place} stood.")
    assert said in told
    assert told.startswith("r.md, line 6: ")
    assert told.endswith(f"'Here {place} stood.'")


# Sentences and what they need


@settings(deadline=None)
@given(st.text(alphabet="a1{}.:%-# \n`[]()|>~é½", max_size=80))
def test_any_text_is_a_reading_or_a_mistake(text):
    with contextlib.suppress(BadInput):
        assert render(text, {"a": CODE}).result


def test_a_sentence_that_compares_stands_below_a_condition_that_holds():
    body = "% holds: code.low > facts.high\n% holds: code.n > facts.n\nMore have one on code, {code}, than on facts.\n"
    assert rendered(body) == Reading("More have one on code, 0.375 [0.210, 0.570], than on facts.")
    comment = body.replace("% holds: code.low > facts.high", "<!-- holds: code.low > facts.high -->")
    assert rendered(comment) == rendered(body)


def test_a_condition_that_does_not_hold_names_file_line_and_sentence():
    told = refused(
        "What came out.\n\n% holds: code.high < facts.low\nFewer have one on code\nthan on facts. And so on."
    )
    assert told == (
        "r.md, line 7: 'code.high < facts.low' does not hold, so that this is not so: "
        "'Fewer have one on code than on facts.'"
    )


@pytest.mark.parametrize(
    ("condition", "said"),
    [("none > 1", "'none' is undefined"), ("code / 0 > 1", "divides by zero"), ("cod > 1", "unknown handle 'cod'")],
)
def test_a_condition_that_cannot_be_worked_out_does_so_too(condition, said):
    told = refused(f"% holds: {condition}\nMore was seen.")
    assert told.startswith(f"r.md, line 5: the condition {condition!r}: ")
    assert said in told
    assert told.endswith("above: 'More was seen.'")


@pytest.mark.parametrize("word", readings.COMPARING)
def test_a_word_that_compares_needs_a_condition(word):
    told = refused(f"All is well.\nIt is {word.capitalize()} so.")
    assert f"r.md, line 6: {word.capitalize()!r} compares" in told
    assert told.endswith(f"'It is {word.capitalize()} so.'")
    assert rendered(f"% holds: code > facts\nIt is {word} so.")


def test_a_condition_is_of_the_sentence_below_it_alone():
    assert "'fewer' compares" in refused("% holds: code > facts\nIt is more. There are fewer.")
    assert "'fewer' compares" in refused("% holds: code > facts\nIt is more.\n\nThere are fewer.")
    assert "'fewer' compares" in refused("There are fewer.\n% holds: code > facts\nIt is more.")
    assert "'fewer' compares" in refused("It is so.\n\n% holds: code > facts\n- It is more\n- There are fewer")
    body = "% holds: code > facts\nIt is more.\n% holds: facts < code\nThere are fewer, e.g. here. That is it."
    assert rendered(body) == Reading("It is more.\nThere are fewer, e.g. here. That is it.")


@pytest.mark.parametrize(
    "text",
    [
        "Furthermore, the half-width and a non-most word.",
        "It is `more` code, and {term}`most common answer`.",
        "See [this](more-than.ipynb) and <https://x.org/more>.",
        "It is said [@more2020].",
    ],
)
def test_words_that_do_not_compare_need_none(text):
    assert rendered(text) == Reading(text)


@pytest.mark.parametrize("digit", ["7", "0.5", "x2", "GSM8K", "٣", "½", "²", "Ⅳ", "T=1"])
def test_a_digit_that_is_typed_is_refused(digit):
    told = refused(f"All is well.\n\nThen we saw\n{digit} of them. And so on.")
    assert told.startswith("r.md, line 7: ")
    assert "is typed by hand" in told
    assert told.endswith(f"'Then we saw {digit} of them.'")


@pytest.mark.parametrize(
    "text",
    [
        "The model `qwen2.5-1.5b`, ``a ` 2``, {cite}`liu2026` and [@liu2026].",
        "As [experiment 12](x-2.ipynb) and https://x.org/2 have it.",
        "So.\n\n### Run 2\n\nIt was.",
        "So.\n\n```\nx = 2\n```",
        "So.\n\n1. One\n2. Another",
    ],
)
def test_digits_that_are_no_numbers_of_ours_may_stand(text):
    made = rendered(text)
    assert "\n\n".join(filter(None, (made.result, made.rest))) == text


def test_only_the_marker_of_a_list_is_no_typed_digit():
    assert "'3' is typed by hand" in refused("So.\n\n- of 3. kind")
    assert "'3' is typed by hand" in refused("So (as in 3) it is.")


# The text as a whole


def test_the_first_paragraph_is_the_result_and_the_rest_keeps_its_form():
    body = (
        "One rate, {code.value},\nand `code`.\n% holds: code > facts\nIt is more.\n\n"
        "### How\n\n- {facts.n} of them\n% holds: code > facts\n- more of those\n\n:::{note}\nMind {T}.\n:::\n\n"
        "| a | b |\n|---|---|\n| {code.n} | x |\n\n```\n{code} # 12 more\n\nthan\n```\n"
    )
    assert rendered(body) == Reading(
        "One rate, 0.375,\nand `code`.\nIt is more.",
        "### How\n\n- 80 of them\n- more of those\n\n:::{note}\nMind 1.\n:::\n\n"
        "| a | b |\n|---|---|\n| 1,240 | x |\n\n```\n{code} # 12 more\n\nthan\n```",
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "r.md: a reading begins with a paragraph"),
        ("\n \n", "r.md: a reading begins with a paragraph"),
        ("### How\n\nSo.", "r.md, line 5: a reading begins with a paragraph"),
        ("- So", "r.md, line 5: a reading begins with a paragraph"),
        ("```\nx\n```", "r.md, line 5: a reading begins with a paragraph"),
        ("So.\n\n## How", "r.md, line 7: a reading is a part of its page; its headings begin with ###"),
        ("So.\n\n### How {code}", "r.md, line 7: a reading is a part of its page; its headings begin with ###"),
        ("So.\n\n:::{admonition} More than 2\nx\n:::", "r.md, line 7: what a directive says stands below"),
        ("So.\n---", "r.md, line 6: '---' makes a heading"),
        ("So.\n\n```{note}\nx 2\n```", "r.md, line 7: write a directive with colons"),
        ("So.\n% hold: code > 1\nMore.", "r.md, line 6: a line that begins with % is a condition"),
        ("% holds: code > 0\n\nMore.", "r.md, line 6: the condition 'code > 0' has no sentence"),
        ("So.\n% holds: code > 0\n### More", "r.md, line 7: the condition 'code > 0' has no sentence"),
        ("So.\n% holds: code > 0", "r.md: the condition 'code > 0' has no sentence"),
    ],
)
def test_a_text_that_is_no_reading_is_refused(body, said):
    assert refused(body).startswith(said)


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ("---\nnames: {}\n", "r.md: the front matter, from --- to ---, has no end"),
        ("---\nnames: [\n---\n", "r.md: the front matter is not valid YAML"),
        ("---\n- a\n---\n", "r.md: 'names: {handle: finding}' and"),
        ("---\nname: {a: facts}\n---\n", "r.md: 'names: {handle: finding}' and"),
        ("---\nnames: [a]\n---\n", "r.md: 'names: {handle: finding}' and"),
        ("---\nnames: {a: fact}\n---\n", "unknown finding in r.md 'fact'; did you mean 'facts'"),
        ("---\nnames: {a: [facts]}\n---\n", "unknown finding in r.md"),
        ("---\nnames: {a b: facts}\n---\n", "r.md: a handle is a short name"),
        ("---\nnames: {min: facts}\n---\n", "r.md: a handle is a short name"),
        ("---\nnames: {and: facts}\n---\n", "r.md: a handle is a short name"),
        ("---\nnames: {1: facts}\n---\n", "r.md: a handle is a short name"),
        ("---\nnames: {facts: bare}\n---\n", "r.md: 'facts' stands for two things"),
        ("---\nnames: {a: bare}\nconstants: {a: 1}\n---\n", "r.md: 'a' stands for two things"),
        ("---\nconstants: {a: yes}\n---\n", "r.md: the constant 'a' must be a number or a text"),
        ("---\nconstants: {a: .nan}\n---\n", "r.md: the constant 'a' must be a number or a text"),
        ("---\nconstants: {a: [1]}\n---\n", "r.md: the constant 'a' must be a number or a text"),
    ],
)
def test_front_matter_that_says_something_else_is_refused(front, said):
    assert refused("So.\n", front).startswith(said)


def test_what_is_not_ascii_is_taken_as_it_is():
    estimates = {"Größe (≥ 0.4)": CODE, "größe": FACTS}
    front = "\ufeff---\nnames: {ﬁt: 'Größe (≥ 0.4)'}\n---\n"
    text = "% holds: fit > größe\nMehr, {ﬁt.value}, „als“ {größe.value} 答え。\n"
    assert render(front + text, estimates) == Reading("Mehr, 0.375, „als“ 0.100 答え。")


# Files


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book's folder with one run and its reading, in the working folder; gives the reading's path."""
    left = tmp_path / "book" / "results" / "desk" / "findings"
    left.mkdir(parents=True)
    fields = {"value": 0.5, "low": 0.25, "high": None, "n": 8, "coverage": 1.0, "method": "", "unit": "", "claim": None}
    (left / "one.json").write_text(json.dumps([{"name": "a"} | fields]))
    path = tmp_path / "book" / "readings" / "desk" / "one.md"
    path.parent.mkdir(parents=True)
    path.write_text("% holds: a > 0.4\nMore {term}`x`,\n{a.value}.\n\nAnd so on.\n")
    monkeypatch.chdir(tmp_path)
    return path


def test_a_reading_is_read_with_the_findings_of_its_run(book):
    assert readings.reading("desk", "one") == Reading("More {term}`x`,\n0.500.", "And so on.")
    assert readings.result_sentence("desk", "one") == "More {term}`x`, 0.500."
    readings.check_all(["one", "two"])


def test_where_nothing_was_written_there_is_no_reading(book):
    assert readings.reading("desk", "two") is None
    assert readings.reading("paper", "one") is None
    assert readings.result_sentence("desk", "two") == ""


def test_a_book_without_readings_is_well(tmp_path):
    readings.check_all(["one"], tmp_path / "readings", tmp_path)


def test_a_reading_without_its_runs_findings_is_refused(book):
    (book.parents[2] / "results" / "desk" / "findings" / "one.json").unlink()
    for check in (lambda: readings.check_all(["one"]), lambda: readings.result_sentence("desk", "one")):
        with pytest.raises(BadInput, match=r"desk/one\.md: its run has left no findings at .*one\.json") as mistake:
            check()
        one_line(mistake)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("desk/tow.md", "unknown chapter of the reading book/readings/desk/tow.md 'tow'; did you mean 'two'"),
        (
            "dest/one.md",
            "book/readings/dest/one.md: a reading is of a run that is kept, under paper, gpu, desk, released",
        ),
        ("pocket/one.md", "book/readings/pocket/one.md: a reading is of a run that is kept"),
    ],
)
def test_a_reading_of_no_chapter_or_profile_is_refused(name, said, book):
    path = book.parents[1] / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("So.")
    with pytest.raises(BadInput) as mistake:
        readings.check_all(["one", "two"])
    assert one_line(mistake).startswith(said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "desk/one.md: a reading begins with a paragraph"),
        (b"\xff\xfe", "cannot read book/readings/desk/one.md"),
        (b"More.", "desk/one.md, line 1: 'More' compares"),
        (b"% holds: a > 1\r\nMore.\r\n", "desk/one.md, line 1: 'a > 1' does not hold"),
    ],
)
def test_every_reading_is_checked(content, said, book):
    book.write_bytes(content)
    with pytest.raises(BadInput) as mistake:
        readings.check_all(["one"])
    assert said in one_line(mistake)


def test_examples_hold():
    assert not doctest.testmod(readings).failed
