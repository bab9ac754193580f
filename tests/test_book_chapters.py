"""Chapters are found in the order of the book, and read whole or refused in one line."""

import jupytext
import pytest
from tiny_chapters import one_line, write

from homogen.book import chapters
from homogen.records import BadInput

# Finding chapters


def test_chapters_come_in_the_order_of_the_table_of_contents(tmp_path):
    folder = tmp_path / "nb"
    for name in ("a-draft", "first", "last-one", "middle"):
        write(folder / f"{name}.md", title=f"The {name}")
    (folder / "README.md").write_text("Not a chapter.")
    assert list(chapters.chapters(folder)) == ["a-draft", "first", "last-one", "middle"]
    lines = [f"      - file: book/chapters/{name}" for name in ("first", "gone", "middle", "last-one")]
    (tmp_path / "_toc.yml").write_text("root: book/intro\n" + "\n".join(lines) + "\n      - file: book/other\n")
    found = chapters.chapters(folder)
    assert list(found) == ["first", "middle", "last-one", "a-draft"]
    assert [c.title for c in found.values()] == ["The first", "The middle", "The last-one", "The a-draft"]
    assert chapters.listed(folder) == ["first", "gone", "middle", "last-one"]


def test_second_pages_are_no_chapters_of_their_own(tmp_path):
    folder = tmp_path / "nb"
    for name in ("one", "two"):
        write(folder / f"{name}.md")
    lines = [f"      - file: book/chapters/{name}\n" for name in ("here/two", "two", "one", "here/one")]
    (tmp_path / "_toc.yml").write_text("".join(lines))
    assert chapters.listed(folder) == list(chapters.chapters(folder)) == ["two", "one"]
    assert chapters.listed_pages(folder) == ["here/two", "two", "one", "here/one"]


def test_a_folder_without_chapters_says_where_it_looked(tmp_path):
    with pytest.raises(BadInput, match=r"no chapters in .*; run this in the project's folder") as mistake:
        chapters.chapters(tmp_path / "nowhere")
    one_line(mistake)


def test_a_chapter_without_a_title_is_a_mistake_and_hides_no_other(tmp_path):
    (tmp_path / "first.md").write_text("Prose only.\n\n```python\n# not a title\n```\n")
    with pytest.raises(BadInput, match=r"first\.md: a chapter needs a title"):
        write(tmp_path / "second.md")


# Files that a chapter runs on


def test_the_files_of_a_chapter_are_in_its_front_matter(tmp_path):
    assert write(tmp_path / "tiny.md").files is None
    known = ["published/v9_summary.json", "published/v1a_fluency.jsonl"]
    assert write(tmp_path / "tiny.md", files=known).files == tuple(known)
    assert write(tmp_path / "tiny.md", files=[]).files == ()


def test_the_front_matter_survives_a_formatter(tmp_path):
    chapter = write(tmp_path / "tiny.md", files=["published/v9_summary.json"])
    jupytext.write(jupytext.read(chapter.path), chapter.path)
    assert chapters.chapters(tmp_path)["tiny"].files == ("published/v9_summary.json",)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{files: published/v9_summary.json}", "'files' in the front matter must be"),
        ("{files: [1]}", "'files' in the front matter must be"),
        ("{file: []}", "'homogen' in the front matter must be"),
        ("{files: [], more: 1}", "'homogen' in the front matter must be"),
        ("[published/v9_summary.json]", "'homogen' in the front matter must be"),
        ("{}", "'homogen' in the front matter must be"),
        ("", "jupytext cannot read it"),
        ("{files: [", "jupytext cannot read it"),
        ("{files: [published/v9_sumary.json]}", "did you mean 'published/v9_summary.json'"),
    ],
)
def test_a_wrong_list_of_files_is_one_line(given, message, tmp_path):
    path = tmp_path / "tiny.md"
    write(path)
    path.write_text(path.read_text("utf-8").replace("---", f"---\nhomogen: {given}", 1), "utf-8")
    with pytest.raises(BadInput, match=message) as mistake:
        chapters.chapters(tmp_path)
    assert "tiny.md" in one_line(mistake)


# What a chapter is to the rest of the book


def test_what_a_chapter_shows_is_in_its_front_matter(tmp_path):
    plain = write(tmp_path / "tiny.md")
    assert (plain.shows, plain.overview, plain.repeated_in) == ((), {}, "")
    front = '{shows: ["12", C015, decided], overview: {spread: [C145, C148]}, repeated_in: other}'
    text = plain.path.read_text("utf-8").replace("jupytext:", f"homogen: {front}\njupytext:", 1)
    plain.path.write_text(text, "utf-8")
    found = chapters.chapters(tmp_path)["tiny"]
    assert found.shows == ("12", "C015", "decided")
    assert found.overview == {"spread": ("C145", "C148")}
    assert found.repeated_in == "other"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{shows: C015}", "'shows' in the front matter must be"),
        ("{shows: [12]}", "'shows' in the front matter must be"),
        ('{shows: ["99"]}', "unknown experiment or claim in .*tiny.md '99'"),
        ("{shows: [decide]}", "did you mean 'decided'"),
        ("{overview: [C145]}", "'overview' in the front matter must be"),
        ("{overview: {spread: C145}}", "'overview' in the front matter must be"),
        ("{overview: {spread: [C1455]}}", "did you mean 'C145'"),
        ("{repeated_in: [other]}", "'repeated_in' in the front matter must be"),
    ],
)
def test_a_wrong_place_in_the_book_is_one_line(given, message, tmp_path):
    path = write(tmp_path / "tiny.md").path
    path.write_text(path.read_text("utf-8").replace("---", f"---\nhomogen: {given}", 1), "utf-8")
    with pytest.raises(BadInput, match=message) as mistake:
        chapters.chapters(tmp_path)
    assert "tiny.md" in one_line(mistake)


# What a chapter draws


def test_what_a_chapter_draws_is_in_its_front_matter_with_what_holds_by_default(tmp_path):
    assert write(tmp_path / "tiny.md").draws == ()
    assert write(tmp_path / "tiny.md", draws=[]).draws == ()
    given = [{"models": "model"}, {"models": "pairs", "runs": 2, "answers": "n", "questions": "few", "tokens": 8}]
    assert write(tmp_path / "tiny.md", draws=given).draws == (
        {"models": "model", "runs": "1", "questions": "limit", "answers": "n + 1", "tokens": "max_new_tokens"},
        {"models": "pairs", "runs": "2", "questions": "few", "answers": "n", "tokens": "8"},
    )


def test_files_and_draws_can_stand_side_by_side_and_survive_a_formatter(tmp_path):
    chapter = write(tmp_path / "tiny.md", files=["published/v9_summary.json"], draws=[{"models": "model"}])
    jupytext.write(jupytext.read(chapter.path), chapter.path)
    found = chapters.chapters(tmp_path)["tiny"]
    assert found.files == ("published/v9_summary.json",)
    assert [entry["models"] for entry in found.draws] == ["model"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{draws: model}", "'draws' in the front matter must be"),
        ("{draws: {models: model}}", "'draws' in the front matter must be"),
        ("{draws: [model]}", "'draws' in the front matter must be"),
        ("{draws: [{runs: 2}]}", "'draws' in the front matter must be"),
        ("{draw: []}", "'homogen' in the front matter must be"),
        ("{draws: [{models: model, run: 2}]}", "unknown entry of 'draws' in .*did you mean 'runs'"),
        ("{draws: [{models: model, 2: runs}]}", "unknown entry of 'draws' in"),
    ],
)
def test_a_wrong_entry_of_draws_is_one_line(given, message, tmp_path):
    path = tmp_path / "tiny.md"
    write(path)
    path.write_text(path.read_text("utf-8").replace("---", f"---\nhomogen: {given}", 1), "utf-8")
    with pytest.raises(BadInput, match=message) as mistake:
        chapters.chapters(tmp_path)
    assert "tiny.md" in one_line(mistake)
