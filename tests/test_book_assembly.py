"""The book runs what has changed, takes what is committed, and stages it all."""

import doctest
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from tiny_chapters import GOOD, edit, left, one_line, put_file, put_profile, text_of, write

from homogen.book import assembly, chapters, profiles, running, runs
from homogen.book.chapters import read
from homogen.book.staleness import execution_key
from homogen.records import BadInput


@pytest.fixture
def no_kernel(monkeypatch):
    """Fail the test if a kernel is asked for."""
    monkeypatch.setattr("papermill.execute_notebook", lambda *_, **__: pytest.fail("a kernel was started"))


# The whole book


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of two chapters, in the working folder."""
    for name in ("one", "two"):
        write(tmp_path / "notebooks" / f"{name}.md", GOOD.replace("tiny", name), title=name)
    put_profile(tmp_path / "notebooks", "chapters: [one, two]\nall: {n: 8}\ntwo: {rate: 1e-4}\n")
    put_profile(tmp_path / "notebooks", "chapters: []", "released")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_book_runs_what_has_changed_and_nothing_else(project, monkeypatch):
    executed = []
    run = assembly.execute

    def watch(chapter, *given, offline=False):
        executed.append(chapter.name)
        return run(chapter, *given, offline=offline)

    monkeypatch.setattr(assembly, "execute", watch)
    staged, results = project / "book" / "chapters", project / "book" / "results" / "mine"
    staged.mkdir(parents=True)
    (staged / "gone.ipynb").write_text("a chapter that was removed")

    pages = assembly.run_book("mine")
    assert [str(p) for p in pages] == ["book/chapters/one.ipynb", "book/chapters/two.ipynb"]
    assert executed == ["one", "two"]
    assert left(staged) == ["one.ipynb", "two.ipynb"]
    assert left(results) == ["findings", "one.ipynb", "two.ipynb"]
    assert left(results / "findings") == ["one.json", "two.json"]
    assert "n=8 rate=0.0001" in text_of(nbformat.read(pages[1], as_version=4))
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in pages}

    executed.clear()
    assembly.run_book("mine")
    assert executed == []
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in pages} == before, "so that the build has nothing to do"

    edit(project / "notebooks" / "one.md", "Some prose.", "Mended prose.")
    assembly.run_book("mine")
    assert executed == []
    assert "Mended prose." in pages[0].read_text("utf-8")
    assert "n=8" in text_of(nbformat.read(pages[0], as_version=4))

    edit(project / "notebooks" / "profiles" / "mine.yaml", "1e-4", "0.25")
    assembly.run_book("mine")
    assert executed == ["two"]
    assert "rate=0.25" in text_of(nbformat.read(pages[1], as_version=4))

    executed.clear()
    monkeypatch.setattr(assembly, "execute", lambda chapter, *_, **__: executed.append(chapter.name))
    assembly.run_book("mine", force=True)
    assert executed == ["one", "two"]


@pytest.mark.parametrize(("name", "offline"), [("pocket", True), ("mine", False)])
def test_only_the_standard_book_fetches_no_weights(project, monkeypatch, name, offline):
    put_profile(project / "notebooks", "chapters: [one, two]", name)
    found, run = [], assembly.execute

    def watch(*given, offline=False):
        found.append(offline)
        return run(*given, offline=offline)

    monkeypatch.setattr(assembly, "execute", watch)
    assembly.run_book(name)
    assert found == [offline, offline]


def test_a_book_that_fails_keeps_the_pages_it_had(project, monkeypatch):
    staged = project / "book" / "chapters"
    staged.mkdir(parents=True)
    (staged / "one.ipynb").write_text("an earlier page")
    (staged / "two.ipynb").write_text("an earlier page")

    def fail(*_, **__):
        raise BadInput("chapter one failed: no")

    monkeypatch.setattr(assembly, "execute", fail)
    with pytest.raises(BadInput, match="chapter one failed"):
        assembly.run_book("mine")
    assert left(staged) == ["one.ipynb", "two.ipynb"]


@pytest.mark.usefixtures("no_kernel")
def test_an_unknown_profile_leaves_nothing(project):
    with pytest.raises(BadInput, match="unknown profile 'min'"):
        assembly.run_book("min")
    assert left(project) == ["notebooks"]


# Side by side

MEET = """import os, pathlib, time
pathlib.Path("{own}").write_text(os.environ["OMP_NUM_THREADS"])
while not pathlib.Path("{other}").exists():
    time.sleep(0.05)"""


@pytest.mark.slow
def test_chapters_run_at_once_each_with_its_share_of_the_cores(project, monkeypatch, capsys):
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    for name, other in (("one", "two"), ("two", "one")):
        meet = MEET.format(own=project / name, other=project / other)  # one alone would wait for ever
        write(project / "notebooks" / f"{name}.md", meet, GOOD.replace("tiny", name), title=name)
    pages = assembly.run_book("mine", jobs=2)
    assert [p.name for p in pages] == ["one.ipynb", "two.ipynb"]
    assert [(project / name).read_text() for name in ("one", "two")] == ["3", "3"]
    assert "OMP_NUM_THREADS" not in os.environ
    assert "2/2" in capsys.readouterr().err
    monkeypatch.setattr(assembly, "execute", lambda *_, **__: pytest.fail("what is up to date was run again"))
    assert assembly.run_book("mine", jobs=2) == pages


@pytest.mark.slow
def test_one_that_fails_beside_others_is_named(project):
    write(project / "notebooks" / "two.md", "1 / 0", title="two")
    with pytest.raises(BadInput, match="chapter two failed: ZeroDivisionError"):
        assembly.run_book("mine", jobs=2)
    assert left(project / "book" / "chapters") == []


KILLED = """
import sys
from homogen.book import assembly
assembly.run_book("mine", jobs=2)
"""


@pytest.mark.slow
def test_what_runs_beside_it_ends_with_a_book_that_is_killed(project):
    for name in ("one", "two"):
        wait = (
            f'import os, pathlib, time; pathlib.Path("{project / name}").write_text(str(os.getppid()))\ntime.sleep(600)'
        )
        write(project / "notebooks" / f"{name}.md", wait, title=name)
    book = subprocess.Popen([sys.executable, "-c", KILLED], cwd=project, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    said = [project / "one", project / "two"]
    while not all(path.is_file() and path.read_text() for path in said):
        assert book.poll() is None, "the book ended"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    workers = {int(path.read_text()) for path in said}
    book.kill()
    book.wait()
    while any(os.path.exists(f"/proc/{worker}") for worker in workers):
        assert time.monotonic() < deadline, "a worker goes on"
        time.sleep(0.05)
    assert len(workers) == 2


def test_as_many_run_at_once_as_there_are_cores_and_memory_for(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for cores, memory, jobs in ((2, 24, 2), (2, 7, 1), (1, 24, 1), (16, 64, 4), (8, 13, 3), (2, 1, 1)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        monkeypatch.setattr(assembly.memory, "free_memory", lambda device, free=memory: [free * 10**9])
        assert assembly.side_by_side() == jobs
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    assert assembly.side_by_side("desk") == 1
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert assembly.side_by_side() == 1


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize("jobs", [0, -1, 1.5])
def test_jobs_are_a_count(jobs, project):
    with pytest.raises(BadInput, match="jobs"):
        assembly.run_book("mine", jobs=jobs)


# Which profile runs which chapter


def test_the_books_own_profiles_are_the_default(project):
    put_profile(project / "notebooks", "chapters: [two]\ntwo: {n: 2}", "released")
    put_profile(project / "notebooks", "chapters: [one]\none: {n: 1}", "pocket")
    found = [(p.chapter.name, p.profile, p.parameters) for p in assembly.plan()]
    assert found == [("one", "pocket", {"n": 1}), ("two", "released", {"n": 2})]


def test_a_profile_that_is_asked_for_goes_before_released(project):
    put_profile(project / "notebooks", "chapters: [one, two]", "released")
    put_profile(project / "notebooks", "chapters: [two]", "mine")
    assert [(p.chapter.name, p.profile) for p in assembly.plan("mine")] == [("one", "released"), ("two", "mine")]
    assert [p.profile for p in assembly.plan("released")] == ["released"] * 2


@pytest.mark.usefixtures("no_kernel")
def test_a_chapter_in_no_profile_of_the_book_is_a_mistake(project):
    put_profile(project / "notebooks", "chapters: [one]", "mine")
    put_profile(project / "notebooks", "chapters: [one, two]", "another")
    with pytest.raises(BadInput, match="two must be in the list 'chapters' of the profile mine or released") as mistake:
        assembly.run_book("mine")
    one_line(mistake)
    assert left(project) == ["notebooks"]


# Chapters on released files


def run_nothing(chapter, parameters, output, findings, profile):
    """Write what a run would, without one."""
    notebook = read(chapter.path)
    notebook.metadata["homogen"] = {
        "profile": profile,
        "key": execution_key(chapter, parameters),
        "findings": False,
        "finished": "2026-02-03T04:05:06+00:00",
        "files": dict.fromkeys(chapter.files or (), "0123456789ab"),
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, output)


@pytest.fixture
def mixed(project, monkeypatch):
    """The project, with a third chapter on a released file; gives the file, and the names of chapters as they run."""
    file = put_file(monkeypatch, project / "data")
    # One that is kept elsewhere must not be found in its place.
    monkeypatch.setenv("HOMOGEN_CACHE", str(project / "cache"))
    write(project / "notebooks" / "three.md", "n", title="three", files=["published/tiny.csv"])
    put_profile(project / "notebooks", "chapters: [one, two]", "pocket")
    put_profile(project / "notebooks", "chapters: [three]\nthree: {n: 9}", "released")
    ran = []

    def run(chapter, *given, offline=False):
        ran.append(chapter.name)
        run_nothing(chapter, *given)

    monkeypatch.setattr(assembly, "execute", run)
    return file, ran


OUTPUT = Path("book/results/released/three.ipynb")
PAGE = Path("book/chapters/three.ipynb")
NOTEBOOK = Path("notebooks/three.md")


def test_a_book_has_the_chapters_of_both_profiles(mixed, project):
    _, ran = mixed
    pages = assembly.run_book()
    assert ran == ["one", "three", "two"]
    assert [p.name for p in pages] == ["one.ipynb", "three.ipynb", "two.ipynb"]
    assert left(project / "book" / "results" / "pocket") == ["one.ipynb", "two.ipynb"]
    assert OUTPUT.is_file()
    ran.clear()
    assembly.run_book()
    assert ran == []
    assembly.run_book(force=True)
    assert ran == ["one", "three", "two"]


def test_with_its_files_a_chapter_is_run_when_its_code_changes(mixed):
    _, ran = mixed
    assembly.run_book()
    ran.clear()
    edit(NOTEBOOK, "\nn\n", "\nn + 1\n")
    assembly.run_book()
    assert ran == ["three"]
    assert "n + 1" in PAGE.read_text("utf-8")
    assert "{warning}" not in PAGE.read_text("utf-8")


def test_without_its_files_the_outputs_that_are_there_are_used_as_they_are(mixed, capsys):
    file, ran = mixed
    assembly.run_book()
    ran.clear()
    page, output = PAGE.read_bytes(), OUTPUT.read_bytes()
    file.unlink()
    edit(NOTEBOOK, "Some prose.", "Mended prose.")
    assembly.run_book()
    assert ran == []
    assert PAGE.read_bytes() == page.replace(b"Some prose.", b"Mended prose.")
    edit(NOTEBOOK, "Mended prose.", "Some prose.")
    file.write_text("not what was published")
    assembly.run_book()
    assert ran == []
    assert PAGE.read_bytes() == page
    assert OUTPUT.read_bytes() == output
    assert "not run" not in capsys.readouterr().err


def test_without_its_files_a_page_of_changed_code_says_so(mixed, capsys):
    file, ran = mixed
    assembly.run_book()
    ran.clear()
    output = OUTPUT.read_bytes()
    file.unlink()
    edit(NOTEBOOK, "\nn\n", "\nn + 1\n")
    assembly.run_book()
    assert ran == []
    assert OUTPUT.read_bytes() == output
    cells = nbformat.read(PAGE, as_version=4).cells
    assert cells[0].source.startswith("# three")
    assert "{warning}" in cells[1].source
    assert "(2026-02-03)" in cells[1].source
    assert "`published/tiny.csv`" in cells[1].source
    assert "n + 1" not in [c.source for c in cells]
    assert "three: not run for want of published/tiny.csv" in capsys.readouterr().err
    file.write_text("a,b\n1,2\n")
    assembly.run_book()
    assert ran == ["three"]
    assert "{warning}" not in PAGE.read_text("utf-8")


def test_force_runs_what_can_be_run(mixed, capsys):
    file, ran = mixed
    assembly.run_book()
    ran.clear()
    file.unlink()
    assembly.run_book(force=True)
    assert ran == ["one", "two"]
    assert "three: not run" in capsys.readouterr().err
    assert "{warning}" not in PAGE.read_text("utf-8"), "the code is still that of the outputs"


@pytest.mark.parametrize("damage", [None, "", "{", "{}"])
def test_with_neither_files_nor_outputs_the_files_are_named_before_anything_runs(damage, mixed, monkeypatch):
    file, ran = mixed
    file.unlink()
    if damage is not None:
        OUTPUT.parent.mkdir(parents=True)
        OUTPUT.write_text(damage)
    with pytest.raises(BadInput, match=r"chapter three needs published/tiny\.csv, and there are no ") as mistake:
        assembly.run_book()
    assert str(file.parent.parent) in one_line(mistake)
    assert ran == []
    monkeypatch.delenv("HOMOGEN_DATA")
    with pytest.raises(BadInput, match="in a folder that HOMOGEN_DATA names, or let 'homogen run three' fetch them"):
        assembly.run_book()


def test_a_page_without_its_files_is_staged_the_same_each_time(mixed):
    file, _ = mixed
    assembly.run_book()
    file.unlink()
    edit(NOTEBOOK, "\nn\n", "\nn + 1\n")
    assembly.run_book()
    before = PAGE.stat().st_mtime_ns
    assembly.run_book()
    assert PAGE.stat().st_mtime_ns == before


# Chapters that were run under a stronger profile

FIRST, SECOND = Path("book/chapters/one.ipynb"), Path("book/chapters/here/one.ipynb")
TOC = "parts:\n" + "".join(f"      - file: book/chapters/{name}\n" for name in ("one", "two", "here/one"))


def run_under(name, profile):
    """Run a chapter of the project for real under a profile, as 'homogen run --profile' does."""
    chapter = chapters.chapters()[name]
    run = runs.run_of(chapter, profile)
    parameters = profiles.profile(profile)[name]
    running.execute(chapter, parameters, run.output, run.findings.parent, profile, live=False)
    return run


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """A project whose first chapter was run under desk; its second page is in the table of contents."""
    home = tmp_path_factory.mktemp("two_runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        for name in ("one", "two"):
            write(home / "notebooks" / f"{name}.md", GOOD.replace("tiny", name), title=name)
        edit(home / "notebooks" / "one.md", "And so on.", "See [](two.ipynb).\n\n## Findings\n\nAs said.")
        put_profile(home / "notebooks", "chapters: [one, two]\nall: {n: 8}\n", "pocket")
        put_profile(home / "notebooks", "chapters: [one]\nall: {n: 5}\n", "desk")
        put_profile(home / "notebooks", "chapters: []", "released")
        (home / "_toc.yml").write_text(TOC)
        run_under("one", "desk")
        assembly.run_book()
    return home


@pytest.fixture
def desk(two_runs, tmp_path, monkeypatch):
    """A copy of it, in the working folder; gives the names of chapters as they run."""
    shutil.copytree(two_runs, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    ran = []

    def run(chapter, *given, offline=False):
        ran.append(chapter.name)
        running.execute(chapter, *given, offline=offline)

    monkeypatch.setattr(assembly, "execute", run)
    return ran


def page(path):
    return nbformat.read(path, as_version=4)


def test_a_page_shows_the_strongest_run_and_a_second_one_the_run_on_this_machine(desk):
    assert left(Path("book/chapters")) == ["here", "one.ipynb", "two.ipynb"]
    assert left(Path("book/chapters/here")) == ["one.ipynb"]
    first, second, other = page(FIRST), page(SECOND), page("book/chapters/two.ipynb")
    assert [text_of(p).split()[0] for p in (first, second, other)] == ["n=5", "n=8", "n=8"]
    heads = [p.cells[0].source.split("\n\n") for p in (first, second, other)]
    assert [head[0] for head in heads] == ["# one", "# one", "# two"]
    assert heads[0][1].startswith("*This page:* profile **desk**; CPU, ")
    assert heads[0][1].endswith(". [The same chapter, run on this machine](here/one.ipynb).")
    assert heads[1][1].startswith("*Run on this machine:* profile **pocket**; CPU, ")
    assert heads[1][1].endswith(". [The chapter's own page](../one.ipynb) shows the strongest run there is.")
    assert heads[2][1].startswith("*This page:* profile **pocket**; CPU, ")
    assert "](" not in heads[2][1]
    assert "See [](two.ipynb)." in first.cells[-2].source + first.cells[-3].source
    assert "See [](../two.ipynb)." in "".join(c.source for c in second.cells)
    assert not any("{warning}" in c.source for p in (first, second, other) for c in p.cells)


def test_the_run_on_this_machine_is_made_anew_and_the_kept_one_is_not(desk):
    kept = Path("book/results/desk/one.ipynb").read_bytes()
    assembly.run_book()
    assert desk == []
    edit(Path("notebooks/one.md"), "print(", "print('now', ")
    assert assembly.run_book()[:2] == [FIRST, SECOND]
    assert desk == ["one"]
    assert Path("book/results/desk/one.ipynb").read_bytes() == kept
    banner = page(FIRST).cells[1].source
    assert banner.startswith("````{warning}\nThe code of this chapter, ")
    assert "run `homogen run --profile desk`." in banner
    assert "HOMOGEN_DATA" not in banner
    assert "n=5" in text_of(page(FIRST))
    assert text_of(page(SECOND)).startswith("now n=8")
    assert "{warning}" not in SECOND.read_text("utf-8")
    assembly.run_book(force=True)
    assert desk == ["one", "one", "two"]
    assert Path("book/results/desk/one.ipynb").read_bytes() == kept


def test_other_parameters_of_its_profile_make_a_kept_run_outdated(desk):
    put_profile(Path("notebooks"), "chapters: [one]\nall: {n: 6}\n", "desk")
    assembly.run_book()
    assert "{warning}" in page(FIRST).cells[1].source
    assert desk == []


def test_when_the_stronger_run_goes_so_does_the_second_page(desk):
    Path("book/results/desk/one.ipynb").unlink()
    with pytest.raises(BadInput, match="take out '- file: book/chapters/here/one' ") as mistake:
        assembly.run_book()
    assert "there is no stronger run" in one_line(mistake)
    edit(Path("_toc.yml"), "      - file: book/chapters/here/one\n", "")
    assert assembly.run_book() == [FIRST, Path("book/chapters/two.ipynb")]
    assert left(Path("book/chapters")) == ["one.ipynb", "two.ipynb"]
    assert "n=8" in text_of(page(FIRST))
    assert desk == []


def test_a_stronger_run_still_takes_the_page(desk):
    put_profile(Path("notebooks"), "chapters: [one, two]\nall: {n: 4}\n", "paper")
    run_under("one", "paper")
    assembly.run_book()
    assert "n=4" in text_of(page(FIRST))
    assert "profile **paper**" in page(FIRST).cells[0].source
    assert "n=8" in text_of(page(SECOND))


# What is wrong with it is said before anything runs


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "      - file: book/chapters/here/one\n",
            "",
            "_toc.yml does not list every page: add '- file: book/chapters/here/one' to its part 'On this machine'",
        ),
        (
            "here/one",
            "here/one\n      - file: book/chapters/here/two",
            "_toc.yml lists pages that there will not be: take out '- file: book/chapters/here/two' (of this chapter",
        ),
        (
            "chapters/two",
            "chapters/two\n      - file: book/chapters/three",
            "take out '- file: book/chapters/three' (there is no such chapter)",
        ),
    ],
)
def test_the_table_of_contents_is_held_to_the_pages(old, new, said, desk):
    edit(Path("_toc.yml"), old, new)
    with pytest.raises(BadInput) as mistake:
        assembly.run_book(force=True)
    assert said in one_line(mistake)


def test_without_a_table_of_contents_all_is_staged(desk):
    Path("_toc.yml").unlink()
    assert SECOND in assembly.run_book()


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("book/results/desk/one.ipynb", "{", "book/results/desk/one.ipynb is no executed chapter"),
        ("book/results/desk/findings/one.json", "[]", "findings/one.json does not hold the findings that"),
        ("notebooks/profiles/desk.yaml", "chapters: [two]", "one.ipynb is a run under a profile that does not list"),
        ("book/readings/desk/one.md", "More.", "desk/one.md, line 1: 'More' compares"),
        ("book/readings/dusk/one.md", "So.", "book/readings/dusk/one.md: a reading is of a run that is kept"),
        ("book/readings/desk/onc.md", "So.", "unknown chapter of the reading book/readings/desk/onc.md"),
    ],
)
def test_a_kept_run_and_its_reading_are_checked(path, text, said, desk):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    with pytest.raises(BadInput) as mistake:
        assembly.run_book(force=True)
    assert said in one_line(mistake)


# What is written of a run


def test_a_reading_is_on_the_page_of_its_run_alone_and_runs_nothing(desk):
    path = Path("book/readings/desk/one.md")
    path.parent.mkdir(parents=True)
    path.write_text("---\nnames: {count: the count}\n---\nWe counted {count.value:0}.\n\nIn one run: {count.n}.\n")
    before = SECOND.stat().st_mtime_ns
    assembly.run_book()
    cells = [c.source for c in page(FIRST).cells]
    assert cells[0].startswith("# one")
    assert cells[1] == "``````{admonition} Result\n:class: result\n\nWe counted 5.\n``````"
    at = cells.index("## What this run shows\n\nIn one run: 1.")
    assert cells[at + 1].startswith("## Findings\n")
    assert "We counted" not in SECOND.read_text("utf-8")
    assert SECOND.stat().st_mtime_ns == before
    edit(path, "We counted", "There were")
    assembly.run_book()
    assert "There were 5." in FIRST.read_text("utf-8")
    assert desk == []


def test_examples_hold():
    assert not doctest.testmod(assembly).failed
