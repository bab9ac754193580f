"""Pages are staged the same each time, and show what a reader needs and nothing of the machine."""

import copy
import doctest
import html
import json
import re
from pathlib import Path

import nbformat
import pytest
from tiny_chapters import GOOD, outputs_of, run_tiny, text_of, write

from homogen.book import chapters, pages
from homogen.book.readings import Reading

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


@pytest.fixture
def tiny(tmp_path):
    return write(tmp_path / "nb" / "tiny.md", GOOD)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A chapter that was run well: chapter, executed notebook, and where it lies."""
    return run_tiny(tmp_path_factory.mktemp("ran"))


# Staging


def test_a_staged_page_has_the_results_and_how_they_came_about(ran):
    chapter, executed, _ = ran
    page = pages.stage(executed, chapter)
    nbformat.validate(page)
    assert "n=7 rate=0.5 sizes=[1]" in text_of(page)
    assert "#####" in text_of(executed), "the run did write progress"
    assert "#####" not in text_of(page)
    tags = [t for c in page.cells for t in c.metadata.get("tags", [])]
    assert "parameters" not in tags
    assert "injected-parameters" not in tags
    (table,) = [c for c in page.cells if "Parameters of this run" in c.source]
    assert table.cell_type == "markdown"
    rows = [[cell.strip() for cell in r.strip("|").split("|")] for r in table.source.splitlines() if r.startswith("|")]
    assert rows == [
        ["parameter", "value", "set by", "meaning"],
        ["---"] * 4,
        ["`n`", "`7`", "mine", "how many (at least 1)"],
        ["`rate`", "`0.5`", "default", "a share"],
        ["`name`", "`'a # b'`", "default", "a hash inside a text"],
        ["`deep`", "`False`", "default", "look closer"],
        ["`sizes`", "`[1]`", "command line", "of the samples"],
    ]
    assert "homogen run tiny -p NAME VALUE" in table.source
    assert page.cells.index(table) == next(i for i, c in enumerate(executed.cells) if c.cell_type == "code")
    fold, about = page.cells[-1].source, executed.metadata["homogen"]
    assert fold.startswith("```{dropdown} How these results came about")
    for said in ("**mine**", about["key"], about["finished"], about["device"], f"torch {about['versions']['torch']}"):
        assert said in fold
    assert set(page.metadata) <= {"kernelspec", "language_info", "mystnb"}
    assert not any("papermill" in c.metadata for c in page.cells)


def test_staging_changes_nothing_and_gives_the_same_bytes(ran):
    chapter, executed, _ = ran
    before = copy.deepcopy(executed)
    one, two = (nbformat.writes(pages.stage(executed, chapter)) for _ in range(2))
    assert executed == before
    assert one == two
    ids = [c["id"] for c in json.loads(one)["cells"]]
    assert len(ids) == len(set(ids))


@pytest.fixture
def messy(tiny):
    """A notebook with everything that a page should not show."""
    v4 = nbformat.v4
    widget = "application/vnd.jupyter.widget-view+json"
    here = "/opt/some/one"
    lines = [
        "\x1b[31m---------------------------------\x1b[39m",
        "\x1b[31mValueError\x1b[39m            Traceback (most recent call last)",
        "Cell In[3], line 1",
        *(f"inner frame {i}" for i in range(20)),
        f"File {here}/lib/python3.11/site-packages/numpy/core.py:3, in mean()",
        f"File {here}/checkout/homogen/sampling.py:12, in sample(questions)",
        f"File {here}/lib/python3.11/json/decoder.py:1, in decode()",
        "\x1b[31mValueError\x1b[39m: no",
    ]
    code = [
        v4.new_code_cell("n = 3", metadata={"tags": ["parameters"]}),
        v4.new_code_cell("n = 4", metadata={"tags": ["injected-parameters"]}),
        v4.new_code_cell(
            "show()",
            outputs=[
                v4.new_output("stream", name="stdout", text="\x1b[1mbold\x1b[0m word\n"),
                v4.new_output("stream", name="stderr", text="a warning\n"),
                v4.new_output("display_data", data={widget: {"model_id": "1"}}),
                v4.new_output("display_data", data={widget: {"model_id": "2"}, "text/plain": "bar"}),
            ],
        ),
        v4.new_markdown_cell("**An Exception**", metadata={"tags": ["papermill-error-cell-tag"]}),
        v4.new_code_cell("fail()", outputs=[v4.new_output("error", ename="ValueError", evalue="no", traceback=lines)]),
    ]
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("# Tiny"), *code])
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}
    notebook.metadata["homogen"] = {"parameters": {"n": 4}, "profile": ""}
    return notebook


def test_stderr_widgets_and_colour_codes_are_dropped(messy, tiny):
    before = copy.deepcopy(messy)
    page = pages.stage(messy, tiny)
    assert messy == before
    text = nbformat.writes(page)
    for gone in ("a warning", "widget", "\\u001b", "An Exception", "n = 3", "n = 4"):
        assert gone not in text
    stream, shown, _ = outputs_of(page)
    assert stream.text == "bold word\n"
    assert shown.data == {"text/plain": "bar"}


def test_a_failed_page_says_so_at_the_top_and_hides_the_machine(messy, tiny):
    page = pages.stage(messy, tiny)
    assert page.cells[0].source == "# Tiny"
    assert "{error}" in page.cells[1].source
    assert "This chapter stopped with `ValueError: no`" in page.cells[1].source
    trace = outputs_of(page)[-1].traceback
    assert len(trace) == 8
    assert trace[3] == "…"
    assert trace[0].strip("-") == ""
    assert trace[-1] == "ValueError: no"
    assert trace[-4:-1] == [
        "File …/site-packages/numpy/core.py:3, in mean()",
        "File …/homogen/sampling.py:12, in sample(questions)",
        "File …/python3.11/json/decoder.py:1, in decode()",
    ]
    assert "/opt/some" not in nbformat.writes(page)


def test_a_short_traceback_stays_whole(messy, tiny):
    error = messy.cells[-1].outputs[0]
    error.traceback = error.traceback[:3] + error.traceback[-3:]
    trace = outputs_of(pages.stage(messy, tiny))[-1].traceback
    assert len(trace) == 6
    assert "…" not in trace


@pytest.mark.parametrize("text", ["", "first\nsecond", "``` in it"])
def test_any_error_can_be_shown(text, messy, tiny):
    messy.cells[-1].outputs[0].evalue = text
    banner = pages.stage(messy, tiny).cells[1].source
    opening, *body, closing = banner.splitlines()
    assert opening == "````{error}"
    assert closing == "````"
    assert len(body) == 1
    assert text.split("\n")[0] in html.unescape(body[0])


@pytest.mark.parametrize(
    "text", ["a|b", "`x`", "<script>alert(1)</script>", "$x$", "{ref}`x`", "**b**", "a\nb", "[x](y)", "", " ", "![]"]
)
def test_a_value_is_shown_as_text_whatever_it_holds(text, ran):
    from markdown_it import MarkdownIt

    chapter, executed, _ = ran
    executed = copy.deepcopy(executed)
    executed.metadata["homogen"]["parameters"]["name"] = text
    executed.metadata["homogen"]["weights"] = {text: "abc"}
    (table,) = [c for c in pages.stage(executed, chapter).cells if "Parameters of this run" in c.source]
    lines = [line for line in table.source.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(chapter.parameters)
    made = MarkdownIt().enable("table").render("\n".join(lines))
    cells = re.findall(r"<td>(.*?)</td>", made, re.DOTALL)
    assert len(cells) == 4 * len(chapter.parameters)
    (shown,) = [cells[i + 1] for i in range(0, len(cells), 4) if cells[i] == "<code>name</code>"]
    assert re.fullmatch(r"<code>[^<>]*</code>", shown)
    assert html.unescape(shown[6:-7]) == " ".join(repr(text).split())
    assert "<script" not in "".join(c.source for c in pages.stage(executed, chapter).cells)


def test_a_page_without_provenance_can_be_staged(tiny):
    page = pages.stage(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Tiny")]), tiny)
    assert "an unknown device" in page.cells[-1].source


# Prose and code, old and new


def sources(notebook, kind):
    return [c.source for c in notebook.cells if c.cell_type == kind]


def test_changed_prose_is_taken_over(ran, tmp_path):
    _, executed, _ = ran
    chapter = write(tmp_path / "tiny.md", GOOD, "n * 2", title="A better title")
    chapter.path.write_text(chapter.path.read_text().replace("And so on.", "And on it goes.", 1) + "\nThe end.\n")
    before = copy.deepcopy(executed)
    page = pages.with_current_prose(executed, chapter)
    assert executed == before
    assert sources(page, "markdown") == [
        "# A better title\n\nSome prose.",
        "And on it goes.",
        "And so on.\n\nThe end.",
    ]
    assert outputs_of(page) == outputs_of(executed), "every output stays with its code"
    assert sorted(sources(page, "code")) == sorted(sources(executed, "code"))
    nbformat.validate(page)
    staged = pages.stage(page, chapter)
    assert staged.cells[0].source.startswith("# A better title")
    assert "n=7" in text_of(staged)


def test_changed_code_is_not_taken_over(ran, tmp_path):
    _, executed, _ = ran
    chapter = write(tmp_path / "tiny.md", GOOD, "n * 3", title="A better title")
    page = pages.with_current_prose(executed, chapter)
    assert page == executed
    assert page is not executed


def test_prose_can_be_added_between_cells(ran, tmp_path):
    _, executed, _ = ran
    chapter = write(tmp_path / "tiny.md", GOOD, "n * 2")
    text = chapter.path.read_text().replace("Some prose.", "Some prose.\n\n+++\n\nA cell of its own.")
    chapter.path.write_text(text)
    page = pages.stage(pages.with_current_prose(executed, chapter), chapter)
    assert "A cell of its own." in sources(page, "markdown")
    assert "Parameters of this run" in page.cells[2].source


# Pages of released files


ABOUT = {
    "profile": "released",
    "files": {"published/a.csv": "0123456789ab", "published/b.json": "ba9876543210"},
    "seconds": 3.2,
    "finished": "2026-02-03T04:05:06+00:00",
    "key": "k",
    "versions": {"numpy": "2.0.0"},
}


def page_of(about):
    cells = [nbformat.v4.new_markdown_cell("# Tiny"), nbformat.v4.new_code_cell("1 + 1")]
    return nbformat.v4.new_notebook(cells=cells, metadata={"homogen": about})


def test_a_page_of_released_files_lists_them_and_names_no_device(tiny):
    fold = pages.stage(page_of(ABOUT), tiny).cells[-1].source
    assert "Profile **released**, run in 3 seconds, finished 2026-02-03T04:05:06+00:00. Python ?; numpy 2.0.0." in fold
    assert "device" not in fold
    assert "\n- `published/a.csv` 0123456789ab…\n- `published/b.json` ba9876543210…\n```" in fold


def test_a_chapter_that_needs_no_file_lists_none(tiny):
    fold = pages.stage(page_of(ABOUT | {"files": {}}), tiny).cells[-1].source
    assert "sha256" not in fold
    assert "device" not in fold


def test_outputs_of_earlier_code_say_so_at_the_top(tiny):
    page = pages.stage(page_of(ABOUT), tiny, outdated=True)
    nbformat.validate(page)
    assert page.cells[0].source == "# Tiny"
    note = page.cells[1].source
    assert note.startswith("````{warning}\n")
    assert note.endswith("\n````")
    for said in ("2026-02-03)", "`published/a.csv`, `published/b.json`", "`HOMOGEN_DATA`", "`homogen book`"):
        assert said in note
    assert not any("{warning}" in c.source for c in pages.stage(page_of(ABOUT), tiny).cells)


def test_a_kept_run_of_a_model_says_how_it_is_made_again(tiny):
    about = {"profile": "desk", "finished": ABOUT["finished"], "device": "CPU"}
    note = pages.stage(page_of(about), tiny, outdated=True).cells[1].source
    assert "were made (2026-02-03)" in note
    assert note.endswith("run `homogen run --profile desk`.\n````")
    assert "HOMOGEN_DATA" not in note


# What stands on a page beside the chapter


def cells_of(*sources, **staged):
    """What a page shows whose prose is this, with a cell of code behind the first."""
    v4 = nbformat.v4
    made = [v4.new_markdown_cell(source) for source in sources]
    notebook = v4.new_notebook(cells=[*made[:1], v4.new_code_cell("1 + 1"), *made[1:]])
    found = pages.stage(notebook, staged.pop("chapter"), **staged)
    nbformat.validate(found)
    return [cell.source for cell in found.cells]


def test_a_line_stands_under_the_title(tiny):
    found = cells_of("# Tiny $\\alpha$\n\nProse.\n\n# not again", chapter=tiny, line=r"*This \1 page*")
    assert found[0] == "# Tiny $\\alpha$\n\n*This \\1 page*\n\nProse.\n\n# not again"


READING = Reading("It was `so`.\n```` and", "### How\n\nThus.")


@pytest.mark.parametrize(
    ("prose", "around"),
    [
        (["So.\n\n## Findings\n\nAs said."], ["So.", "## Findings\n\nAs said."]),
        (["So.\n\n(a)=\n(b)=\n## Findings"], ["So.", "(a)=\n(b)=\n## Findings"]),
        (["(a)=\n## Findings"], [None, "(a)=\n## Findings"]),
        (["## Findings", "End."], [None, "## Findings", "End."]),
        (["So.\n\n```\n## Findings\n```\n\n## Findings"], ["So.\n\n```\n## Findings\n```", "## Findings"]),
        (["So. `x\n## Findings`\n\n### Findings"], ["So. `x\n## Findings`\n\n### Findings", None]),
        (["So.", "The end."], ["So.", "The end.", None]),
    ],
)
def test_a_reading_stands_behind_the_introduction_and_before_the_findings(prose, around, tiny):
    first, result, one, *rest, _ = cells_of("# Tiny\n\nProse.", *prose, chapter=tiny, reading=READING)
    assert first == "# Tiny\n\nProse."
    assert result == "``````{admonition} Result\n:class: result\n\nIt was `so`.\n```` and\n``````"
    assert one == "1 + 1"
    shown = "## What this run shows\n\n### How\n\nThus."
    if None in around:
        assert rest == [shown if text is None else text for text in around]
    else:
        assert rest == [around[0], shown, around[1]]


def test_a_reading_may_be_a_result_alone(tiny):
    found = cells_of("# Tiny", "## Findings", chapter=tiny, reading=Reading("So."), outdated=True)
    assert [text.split("\n")[0] for text in found[1:4]] == ["````{warning}", "``````{admonition} Result", "1 + 1"]
    assert not any("What this run shows" in text for text in found)


# A second page of the same chapter


def test_two_pages_of_a_chapter_of_the_book_share_no_label():
    # Sphinx makes a warning of each that they share, and a warning ends the build.
    label = re.compile(r"^ *:(?:label|name): *(\S+)|^\((\S+)\)=|\$\$ *\(([^)]+)\) *$", re.MULTILINE)
    for name, chapter in chapters.chapters(NOTEBOOKS).items():
        notebook = chapters.read(chapter.path)
        notebook.metadata = {}
        one, two = (
            {m[0] for c in pages.stage(notebook, chapter, second=s).cells for m in label.finditer(c.source)}
            for s in (False, True)
        )
        assert one, name
        assert one.isdisjoint(two), name
        assert len(one) == len(two)
        second = "".join(c.source for c in pages.stage(notebook, chapter, second=True).cells)
        assert re.findall(r"\{solution\} (\S+)(?<!-here)$", second, re.MULTILINE) == []


# Files that another run writes the same


def test_what_differs_between_runs_is_stripped_and_the_rest_is_kept(ran):
    _, executed, _ = ran
    before = copy.deepcopy(executed)
    kept = pages.reproducible(executed)
    assert executed == before
    nbformat.validate(kept)
    assert kept.metadata["homogen"] == executed.metadata["homogen"]
    assert set(kept.metadata) == {"homogen", "kernelspec", "language_info"}
    assert "version" not in kept.metadata["language_info"]
    assert [c.source for c in kept.cells] == [c.source for c in executed.cells]
    assert [c.id for c in kept.cells] == [f"cell-{i}" for i in range(len(kept.cells))]
    assert not any({"papermill", "execution"} & set(c.metadata) for c in kept.cells)
    assert [c.metadata.get("tags", []) for c in kept.cells] == [c.metadata.get("tags", []) for c in executed.cells]
    assert "n=7" in text_of(kept)
    assert "#####" not in text_of(kept)


def test_printed_texts_are_joined_wherever_the_kernel_cut_them(tiny):
    v4 = nbformat.v4

    def cell(*outputs):
        return v4.new_notebook(cells=[v4.new_code_cell("show()", outputs=list(outputs))])

    def printed(text, name="stdout"):
        return v4.new_output("stream", name=name, text=text)

    shown = v4.new_output("display_data", data={"text/plain": "a"})
    cut = cell(printed("a\n"), printed("careful", "stderr"), printed("b\n"), shown, printed("c\n"))
    whole = cell(printed("a\nb\n"), shown, printed("c\n"))
    assert pages.reproducible(cut) == pages.reproducible(whole)
    assert [o.get("text") for o in outputs_of(pages.reproducible(cut))] == ["a\nb\n", None, "c\n"]


def test_examples_hold():
    assert not doctest.testmod(pages).failed


def test_what_records_the_findings_is_folded_and_a_failed_cell_is_not(tiny):
    made, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    failed = code("record()", outputs=[nbformat.v4.new_output("error", ename="E", evalue="e", traceback=[])])
    cells = [made("# Tiny\n\n## Look"), code("look()"), made("So.\n\n## Findings\n\nThese:"), code("record()")]
    cells += [made("More prose."), code("record()", metadata={"tags": ["hide-input"]}), failed, made("## What to try")]
    page = pages.stage(nbformat.v4.new_notebook(cells=[*cells, code("try_it()")]), tiny)
    tags = [c.metadata.get("tags", []) for c in page.cells if c.cell_type == "code"]
    assert tags == [[], ["hide-cell"], ["hide-input", "hide-cell"], [], []]
