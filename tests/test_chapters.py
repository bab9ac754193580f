"""Chapters are checked before they run, whole or marked as failed after, and staged the same each time."""

import contextlib
import copy
import doctest
import json
import os
import shutil
import tempfile
from pathlib import Path

import nbformat
import pytest

from homogen import chapters
from homogen.records import BadInput

HEAD = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  name: python3
  display_name: Python 3
  language: python
---

# {title}

Some prose.

```{{code-cell}} ipython3
:tags: [parameters]

{parameters}
```
"""
PARAMETERS = """# what is asked
n: int = 3  # how many
rate: float = 0.5  # a share
name: str = "a # b"  # a hash inside a text
deep: bool = False  # look closer
sizes: list = [1, 2.5]  # of the samples
"""
GOOD = """import sys
from homogen import Estimate, findings
print(f"n={n} rate={rate} sizes={sizes}")
print("50%|#####     |", file=sys.stderr)
_ = findings.record("tiny", "the count", Estimate(float(n), 0.0, 9.0, n=1, method="given"))"""


def write(path, *cells, title="Tiny", parameters=PARAMETERS):
    """Write a chapter of some code cells, with a word of prose after each; give it as the package reads it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    code = "".join(f"\n```{{code-cell}} ipython3\n{source}\n```\n\nAnd so on.\n" for source in cells)
    path.write_text(HEAD.format(title=title, parameters=parameters) + code, "utf-8")
    return chapters.chapters(path.parent)[path.stem[3:].replace("_", "-")]


def one_line(mistake):
    """The message of a mistake, which must be one line."""
    text = str(mistake.value)
    assert text
    assert "\n" not in text
    return text


@pytest.fixture
def tiny(tmp_path):
    return write(tmp_path / "nb" / "01_tiny.md", GOOD)


@pytest.fixture
def no_kernel(monkeypatch):
    """Fail the test if a kernel is asked for."""

    def refuse(*_, **__):
        pytest.fail("a kernel was started")

    monkeypatch.setattr("papermill.execute_notebook", refuse)


# Finding chapters and reading their parameters


def test_chapters_come_in_the_order_of_their_numbers(tmp_path):
    for name in ("10_last_one", "02_middle", "01_first"):
        write(tmp_path / f"{name}.md", title=name)
    (tmp_path / "notes.md").write_text("# not a chapter")
    found = chapters.chapters(tmp_path)
    assert list(found) == ["first", "middle", "last-one"]
    assert [c.title for c in found.values()] == ["01_first", "02_middle", "10_last_one"]


def test_a_folder_without_chapters_says_where_it_looked(tmp_path):
    with pytest.raises(BadInput, match=r"no chapters in .*; run this in the project's folder") as mistake:
        chapters.chapters(tmp_path / "nowhere")
    one_line(mistake)


def test_a_parameters_cell_is_read(tiny):
    assert [(p.name, p.type, p.default, p.meaning) for p in tiny.parameters] == [
        ("n", "int", 3, "how many"),
        ("rate", "float", 0.5, "a share"),
        ("name", "str", "a # b", "a hash inside a text"),
        ("deep", "bool", False, "look closer"),
        ("sizes", "list", [1, 2.5], "of the samples"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "n = 3  # no type",
        "n: int = 3",
        "n: integer = 3  # unknown type",
        "n: int  # no default",
        "n: int = 2 * 3  # computed",
        "n: int = len([])  # called",
        "n: int = 0.5  # another type",
        "n: float = 1  # another type",
        "n: str = None  # nothing",
        'n: str = "open  # no end',
        "n: str = word  # no quotes",
        "  n: int = 3  # indented",
    ],
)
def test_a_malformed_parameter_is_shown(line, tmp_path):
    with pytest.raises(BadInput, match="a line of the parameters cell is not") as mistake:
        write(tmp_path / "01_tiny.md", parameters=f"good: int = 1  # one\n{line}")
    text = one_line(mistake)
    assert "01_tiny.md" in text
    assert repr(line) in text


def test_a_chapter_without_a_title_is_a_mistake_and_hides_no_other(tmp_path):
    (tmp_path / "01_first.md").write_text("Prose only.\n\n```python\n# not a title\n```\n")
    with pytest.raises(BadInput, match=r"01_first\.md: a chapter needs a title"):
        write(tmp_path / "02_second.md")


# Checking parameters


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("n", 4, 4),
        ("n", "4", 4),
        ("n", "-4", -4),
        ("rate", 2, 2.0),
        ("rate", "2", 2.0),
        ("rate", "1e-4", 1e-4),
        ("rate", ".25", 0.25),
        ("name", "4", "4"),
        ("name", "true", "true"),
        ("deep", "true", True),
        ("deep", "False", False),
        ("deep", True, True),
        ("sizes", "[0.1, 2, 'x']", [0.1, 2, "x"]),
        ("sizes", [], []),
    ],
)
def test_a_value_is_read_as_the_type_of_its_parameter(name, given, wanted, tiny):
    (got,) = chapters.validate(tiny, {name: given}).values()
    assert got == wanted
    assert type(got) is type(wanted)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("n", "1e-4"),
        ("n", "four"),
        ("n", 4.0),
        ("n", True),
        ("n", None),
        ("n", ""),
        ("n", "-" * 100_000 + "1"),
        ("rate", "abc"),
        ("rate", "nan"),
        ("rate", "1e999"),
        ("sizes", "[1, -1e999]"),
        ("rate", True),
        ("rate", [0.5]),
        ("rate", "{[]: 1}"),
        ("name", 4),
        ("name", None),
        ("deep", "yes"),
        ("deep", 1),
        ("sizes", "1, 2"),
        ("sizes", "[1, 2"),
        ("sizes", (1, 2)),
        ("sizes", "[{1}]"),
        ("sizes", "[[1j]]"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(name, given, tiny):
    kind = {"n": "int", "rate": "float", "name": "str", "deep": "bool", "sizes": "list"}[name]
    with pytest.raises(BadInput, match=f"parameter {name} of tiny must be {kind} ") as mistake:
        chapters.validate(tiny, {name: given})
    assert "default" in one_line(mistake)


def test_an_unknown_parameter_gets_the_nearest_names(tiny):
    with pytest.raises(BadInput, match="unknown parameter of tiny 'size'; did you mean 'sizes'") as mistake:
        chapters.validate(tiny, {"size": "[1]"})
    one_line(mistake)


# Profiles


@pytest.fixture
def two(tmp_path):
    """Two chapters that share one parameter."""
    write(tmp_path / "01_one.md", parameters="n: int = 1  # how many\nrate: float = 0.5  # a share")
    write(tmp_path / "02_two.md", parameters="n: int = 1  # how many\nlimit: int = 9  # questions")
    return tmp_path


def put_profile(folder, text, name="mine"):
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "profiles" / f"{name}.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())


def test_all_applies_where_the_parameter_exists_and_a_chapter_wins(two):
    put_profile(two, "all: {n: 5, limit: 3}\none: {rate: 1e-4, n: 6}\n")
    assert chapters.profile("mine", two) == {"one": {"n": 6, "rate": 1e-4}, "two": {"n": 5, "limit": 3}}
    put_profile(two, "all:\ntwo:\n")
    assert chapters.profile("mine", two) == {"one": {}, "two": {}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("three: {n: 1}", r"unknown chapter in .*mine\.yaml 'three'"),
        ("ones: {n: 1}", "did you mean 'one'"),
        ("one: {limit: 1}", "unknown parameter of one 'limit'"),
        ("all: {limits: 1}", r"unknown parameter in .*mine\.yaml 'limits'; did you mean 'limit'"),
        ("two: {limit: many}", "parameter limit of two must be int"),
        ("all: {n: 1.5}", "parameter n of one must be int"),
        ("one:\n  n: [1\ntwo: {}\n", r"mine\.yaml, line \d+: not valid YAML"),
        ("one: {}\n\t- x", r"mine\.yaml, line 2: not valid YAML"),
        (b"one: {n: \xff}", r"mine\.yaml.*: not valid YAML"),
        ("- one\n- two", r"mine\.yaml: a mapping 'chapter: \{parameter: value\}' is wanted"),
        ("", r"mine\.yaml: a mapping"),
        ("just a text", r"mine\.yaml: a mapping"),
        ("one: 5", r"mine\.yaml: a mapping"),
        ("one: [n]", r"mine\.yaml: a mapping"),
        ("all: [n]", r"mine\.yaml: a mapping"),
        ("1: {n: 1}", r"unknown chapter in .* '1'"),
    ],
)
def test_a_wrong_profile_is_one_line(text, message, two):
    put_profile(two, text)
    with pytest.raises(BadInput, match=message) as mistake:
        chapters.profile("mine", two)
    one_line(mistake)


def test_an_unknown_profile_gets_the_nearest_name(two):
    put_profile(two, "all: {}", "pocket")
    with pytest.raises(BadInput, match=r"unknown profile 'poket'; did you mean 'pocket'\? \(known: pocket\)"):
        chapters.profile("poket", two)


@pytest.mark.parametrize("name", ["../profiles/mine", "./mine", "profiles/../mine", "mi.ne", "mine\n", ""])
def test_a_profile_is_a_name_and_no_path(name, two):
    put_profile(two, "all: {}")
    put_profile(two, "all: {}", "mi.ne")
    with pytest.raises(BadInput, match="unknown profile") as mistake:
        chapters.profile(name, two)
    one_line(mistake)


def test_outside_the_project_the_folder_is_named_not_the_profile(tmp_path):
    with pytest.raises(BadInput, match="no chapters in"):
        chapters.profile("pocket", tmp_path)


# Running


DRAWS = """model: str = "smollm2-135m-instruct"  # who answers
base_model: str = ""  # beside it
benchmark: str = "pocket"  # what is asked
limit: int = 5  # questions
base_limit: int = 5  # questions
n: int = 3  # answers
temperature: float = 1.0  # of the draws
top_p: float = 1.0  # nucleus
prompt: str = "concise"  # the words around
embedder: str = "wordllama"  # one
embedders: list = ["wordllama"]  # some
device: str = "cpu"  # where
store: str = "runs"  # what is drawn
"""


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n": 0}, "n must be at least 1, got 0"),
        ({"temperature": -1.0}, "temperature must be at least 0, got -1"),
        ({"top_p": 2.0}, r"top_p must lie in \(0, 1\], got 2"),
        ({"prompt": "x"}, "unknown prompt 'x'"),
        ({"limit": 0}, "limit must be at least 1, got 0"),
        ({"base_limit": -1}, "base_limit must be at least 1, got -1"),
        ({"benchmark": "poket"}, "unknown benchmark 'poket'; did you mean 'pocket'"),
        ({"benchmark": "none.jsonl"}, r"no such question file: none\.jsonl"),
        ({"benchmark": "bad.jsonl"}, r"bad\.jsonl, line 1: not valid JSON"),
        ({"model": "smollm2"}, "unknown model 'smollm2'; did you mean 'smollm2-135m-instruct'"),
        ({"model": ""}, "model must be a non-empty string"),
        ({"model": "./no-one/nothing"}, "unknown model './no-one/nothing'"),
        ({"model": "wordllama"}, "model: 'wordllama' is no model; there are: smollm2-135m-instruct, gemma-3-270m"),
        ({"base_model": "gemma"}, "unknown model 'gemma'; did you mean 'gemma-3-270m'"),
        (
            {"embedder": "gemma-3-270m"},
            "embedder: 'gemma-3-270m' is no embedder; there are: all-minilm-l6-v2, wordllama",
        ),
        ({"embedder": ""}, "unknown embedder ''"),
        ({"embedders": ["wordllama", "minilm"]}, "unknown embedder 'minilm'"),
        ({"embedders": [1]}, "unknown embedder '1'"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"device": "cuda"}, "device 'cuda' was asked for, but torch sees no GPU here"),
    ],
)
def test_what_can_be_known_before_a_kernel_starts_is_said_before(given, message, tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.jsonl").write_text("{")
    chapter = write(tmp_path / "nb" / "01_tiny.md", parameters=DRAWS)
    chapters.check(chapter, {})
    with pytest.raises(BadInput, match=message) as mistake:
        chapters.execute(chapter, given, tmp_path / "out" / "01_tiny.ipynb", tmp_path / "findings")
    one_line(mistake)
    assert left(tmp_path) == ["bad.jsonl", "nb"]


def test_folders_and_hub_ids_can_be_weights(tmp_path):
    chapter = write(tmp_path / "nb" / "01_tiny.md", parameters=DRAWS)
    for name in (str(tmp_path), "owner/name"):
        chapters.check(chapter, {"model": name, "base_model": name, "embedder": name, "embedders": [name]})


def left(folder):
    """The files in a folder, sorted."""
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []


@contextlib.contextmanager
def tidy():
    """Check that whatever temporary folder is made inside is gone at the end."""
    made = []
    make = tempfile.mkdtemp

    def note(*given, **named):
        made.append(Path(make(*given, **named)))
        return str(made[-1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "mkdtemp", note)
        yield
    assert any("homogen-" in path.name for path in made)
    assert not [path for path in made if path.exists()]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A chapter that was run well: chapter, executed notebook, and where it lies."""
    home = tmp_path_factory.mktemp("ran")
    chapter = write(home / "nb" / "01_tiny.md", GOOD, "n * 2")
    environment = dict(os.environ)
    given = {"n": "7", "sizes": [1]}
    output = home / "out" / "01_tiny.ipynb"
    with tidy():
        executed = chapters.execute(chapter, given, output, home / "findings", "mine", live=False, given=["sizes"])
    assert dict(os.environ) == environment
    return chapter, executed, home


def text_of(notebook):
    return "".join(o.text for c in notebook.cells for o in c.get("outputs", ()) if o.output_type == "stream")


def test_a_run_is_written_whole(ran):
    chapter, executed, home = ran
    assert left(home / "out") == ["01_tiny.ipynb"]
    assert left(home / "findings") == ["tiny.json"]
    assert "n=7 rate=0.5 sizes=[1]" in text_of(executed)
    nbformat.validate(executed)
    (row,) = json.loads((home / "findings" / "tiny.json").read_text("utf-8"))
    assert (row["name"], row["value"]) == ("the count", 7.0)
    about = nbformat.read(home / "out" / "01_tiny.ipynb", as_version=4).metadata["homogen"]
    assert about["parameters"] == {"n": 7, "sizes": [1]}
    assert (about["chapter"], about["profile"]) == ("tiny", "mine")
    assert about["key"] == chapters.execution_key(chapter, {"n": 7, "sizes": [1]})
    assert about["seconds"] > 0
    assert {"homogen", "torch", "numpy"} <= set(about["versions"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise ValueError('first line\\nsecond line')", "chapter bad failed: ValueError: first line second line; see"),
        ("assert not n", "chapter bad failed: AssertionError; see"),
        ("import os\nos._exit(1)", "chapter bad failed: DeadKernelError: Kernel died; see"),
        ("import sys\nsys.exit(0)", "chapter bad failed: 2 of its code cells did not run"),
        # As libzmq does now and then when a kernel is stopped: past Python, straight to the terminal.
        ("import os\nos.write(2, b'Assertion failed')\nassert not n", "chapter bad failed: AssertionError; see"),
    ],
)
def test_a_failed_run_keeps_what_was_there_and_shows_what_happened(source, message, tmp_path, capfd):
    chapter = write(tmp_path / "nb" / "01_bad.md", GOOD.replace("tiny", "bad"), source, "print('after')")
    output, findings = tmp_path / "out" / "01_bad.ipynb", tmp_path / "findings"
    for folder, file, text in ((output.parent, output.name, "an earlier run"), (findings, "bad.json", "[]")):
        folder.mkdir()
        (folder / file).write_text(text)
    with tidy(), pytest.raises(BadInput, match=message) as mistake:
        chapters.execute(chapter, {}, output, findings, live=False)
    assert "01_bad.failed.ipynb" in one_line(mistake)
    assert left(output.parent) == ["01_bad.failed.ipynb", "01_bad.ipynb"]
    assert output.read_text() == "an earlier run"
    assert (findings / "bad.json").read_text() == "[]", "the earlier run's findings are still those of its notebook"
    failed = nbformat.read(output.with_suffix(".failed.ipynb"), as_version=4)
    assert "n=3" in text_of(failed), "what ran before the failure is there to be read"
    assert "after" not in text_of(failed)
    assert capfd.readouterr() == ("", ""), "the mistake is said once, by whoever catches it"


def test_a_first_run_that_fails_leaves_no_findings_and_a_good_one_removes_the_failed_notebook(tmp_path):
    path, output = tmp_path / "nb" / "01_tiny.md", tmp_path / "out" / "01_tiny.ipynb"
    chapter = write(path, GOOD, "assert n > 5")
    with pytest.raises(BadInput, match="AssertionError"):
        chapters.execute(chapter, {}, output, tmp_path / "findings", live=False)
    assert left(output.parent) == ["01_tiny.failed.ipynb"]
    assert left(tmp_path / "findings") == []
    chapters.execute(chapter, {"n": 6}, output, tmp_path / "findings", live=False)
    assert left(output.parent) == ["01_tiny.ipynb"]
    assert left(tmp_path / "findings") == ["tiny.json"]


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize("given", [{"m": 1}, {"n": "1e-4"}])
def test_wrong_parameters_never_start_a_kernel(given, tiny, tmp_path):
    with pytest.raises(BadInput):
        chapters.execute(tiny, given, tmp_path / "out" / "01_tiny.ipynb", tmp_path / "findings")
    assert left(tmp_path) == ["nb"]


@pytest.mark.usefixtures("no_kernel")
def test_a_folder_that_cannot_be_written_never_starts_a_kernel(tiny, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for output, findings in (("file/out", "findings"), ("out", "file/findings")):
        with pytest.raises(BadInput, match=r"cannot write to .*file") as mistake:
            chapters.execute(tiny, {}, tmp_path / output / "01_tiny.ipynb", tmp_path / findings)
        one_line(mistake)


def test_an_interrupted_run_puts_the_findings_back(tiny, tmp_path, monkeypatch):
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings" / "tiny.json").write_text("[]")

    def interrupt(*_, **__):
        (tmp_path / "findings" / "tiny.json").write_text("half of them")
        raise KeyboardInterrupt

    monkeypatch.setattr("papermill.execute_notebook", interrupt)
    with pytest.raises(KeyboardInterrupt):
        chapters.execute(tiny, {}, tmp_path / "out" / "01_tiny.ipynb", tmp_path / "findings")
    assert (tmp_path / "findings" / "tiny.json").read_text() == "[]"
    assert left(tmp_path / "out") == []


def test_findings_that_a_killed_run_set_aside_are_put_back(tiny, tmp_path, monkeypatch):
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings" / "tiny.before").write_text("[]")
    (tmp_path / "findings" / "tiny.json").write_text("half of them")
    monkeypatch.setattr("papermill.execute_notebook", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        chapters.execute(tiny, {}, tmp_path / "out" / "01_tiny.ipynb", tmp_path / "findings")
    assert left(tmp_path / "findings") == ["tiny.json"]
    assert (tmp_path / "findings" / "tiny.json").read_text() == "[]"


@pytest.fixture
def earlier(tmp_path):
    """An earlier run's notebook and findings, and a check that they are as they were."""
    files = {tmp_path / "out" / "01_tiny.ipynb": "an earlier run", tmp_path / "findings" / "tiny.json": "[]"}
    for path, text in files.items():
        path.parent.mkdir()
        path.write_text(text)

    def kept():
        assert {p: p.read_text() for p in files} == files
        assert [len(left(p.parent)) for p in files] == [1, 1]

    return kept


@pytest.mark.parametrize("step", ["running", "writing", "renaming"])
def test_a_full_disk_is_one_line_and_leaves_what_was_there(step, tiny, earlier, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    def run(source, made, **_):
        if step == "running":
            full()
        notebook = nbformat.read(source, as_version=4)
        for number, cell in enumerate(c for c in notebook.cells if c.cell_type == "code"):
            cell.execution_count = number
        nbformat.write(notebook, made)
        (tmp_path / "findings" / "tiny.json").write_text("[1]")

    def half(path, text, *_):
        with open(path, "w") as file:
            file.write(text[:9])
        full()

    replace = os.replace
    monkeypatch.setattr("papermill.execute_notebook", run)
    if step == "writing":
        monkeypatch.setattr(Path, "write_text", half)
    if step == "renaming":
        monkeypatch.setattr(os, "replace", lambda a, b: full() if str(b).endswith("ipynb") else replace(a, b))
    with pytest.raises(BadInput, match=r"cannot write to .*: No space left on device") as mistake:
        chapters.execute(tiny, {}, tmp_path / "out" / "01_tiny.ipynb", tmp_path / "findings")
    one_line(mistake)
    monkeypatch.undo()
    earlier()


def test_a_missing_kernel_is_one_line_and_leaves_what_was_there(tiny, earlier, tmp_path, monkeypatch):
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    def none(_, name):
        raise NoSuchKernel(name)

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", none)
    with tidy(), pytest.raises(BadInput, match="jupyter has no kernel 'python3'; run: pip install") as mistake:
        chapters.execute(tiny, {}, tmp_path / "out" / "01_tiny.ipynb", tmp_path / "findings", live=False)
    one_line(mistake)
    earlier()


@pytest.mark.parametrize(("device", "named"), [("cpu", "CPU, "), ("cuda", "a GPU"), ("auto", "a GPU")])
def test_provenance_names_the_device_that_was_used(device, named, tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    chapter = write(tmp_path / "01_tiny.md", parameters=DRAWS)
    about = chapters.provenance(chapter, {"device": device}, "", 1.0, "key")
    assert about["device"].startswith(named)
    assert chapters.provenance(chapter, {}, "", 1.0, "key")["device"].startswith("CPU, "), "the chapter's default"


def test_provenance_identifies_the_weights(tmp_path):
    chapter = write(tmp_path / "01_tiny.md", parameters=DRAWS)
    given = {"embedder": "all-minilm-l6-v2", "embedders": ["wordllama", "owner/name"]}
    about = chapters.provenance(chapter, given, "", 1.0, "key")
    assert about["weights"] == {
        "smollm2-135m-instruct": "b179c9523d0e",
        "all-minilm-l6-v2": "53aa51172d14",
        "wordllama": "64b47a2dc493",
        "owner/name": "",
    }
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Tiny")], metadata={"homogen": about})
    fold = chapters.stage(page, chapter).cells[-1].source
    assert "Weights: `smollm2-135m-instruct` b179c9523d0e…, " in fold
    assert "`wordllama` 64b47a2dc493…, `owner/name`. Python" in fold


def test_an_executions_key_is_computed_once(tiny, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(chapters, "execution_key", lambda *_: calls.append(1) or "the key")
    executed = chapters.execute(tiny, {}, tmp_path / "out" / "01_tiny.ipynb", tmp_path / "findings", live=False)
    assert executed.metadata["homogen"]["key"] == "the key"
    assert calls == [1]


def test_sources_that_change_while_a_chapter_runs_make_it_stale(tmp_path, monkeypatch):
    chapter = write(tmp_path / "nb" / "01_tiny.md", "n")

    def run_and_edit(source, made, **_):
        notebook = nbformat.read(source, as_version=4)
        for number, cell in enumerate(c for c in notebook.cells if c.cell_type == "code"):
            cell.execution_count = number
        nbformat.write(notebook, made)
        write(chapter.path, "n + 1")

    monkeypatch.setattr("papermill.execute_notebook", run_and_edit)
    output = tmp_path / "out" / "01_tiny.ipynb"
    chapters.execute(chapter, {}, output, tmp_path / "findings")
    assert output.is_file()
    assert not chapters.is_current(chapter, {}, output, tmp_path / "findings")


def test_progress_reaches_the_terminal_and_nothing_else_does(capsys):
    live = chapters._Live()
    for text in ("\rsampling:  50%|#####     | 5/10", "FutureWarning: old\n", "\r"):
        live.write(text)
    live.flush()
    assert capsys.readouterr().err == "\rsampling:  50%|#####     | 5/10\r"


# Staging


def outputs_of(page):
    return [o for c in page.cells for o in c.get("outputs", ())]


def test_a_staged_page_has_the_results_and_how_they_came_about(ran):
    chapter, executed, _ = ran
    page = chapters.stage(executed, chapter)
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
        ["`n`", "`7`", "mine", "how many"],
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
    one, two = (nbformat.writes(chapters.stage(executed, chapter)) for _ in range(2))
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
    page = chapters.stage(messy, tiny)
    assert messy == before
    text = nbformat.writes(page)
    for gone in ("a warning", "widget", "\\u001b", "An Exception", "n = 3", "n = 4"):
        assert gone not in text
    stream, shown, _ = outputs_of(page)
    assert stream.text == "bold word\n"
    assert shown.data == {"text/plain": "bar"}


def test_a_failed_page_says_so_at_the_top_and_hides_the_machine(messy, tiny):
    page = chapters.stage(messy, tiny)
    assert page.cells[0].source == "# Tiny"
    assert "{error}" in page.cells[1].source
    assert "This chapter stopped with ValueError: no" in page.cells[1].source
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
    trace = outputs_of(chapters.stage(messy, tiny))[-1].traceback
    assert len(trace) == 6
    assert "…" not in trace


@pytest.mark.parametrize("text", ["", "first\nsecond", "``` in it"])
def test_any_error_can_be_shown(text, messy, tiny):
    messy.cells[-1].outputs[0].evalue = text
    banner = chapters.stage(messy, tiny).cells[1].source
    opening, *body, closing = banner.splitlines()
    assert opening == "````{error}"
    assert closing == "````"
    assert len(body) == 1
    assert text.split("\n")[0] in body[0]


def test_a_page_without_provenance_can_be_staged(tiny):
    page = chapters.stage(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Tiny")]), tiny)
    assert "an unknown device" in page.cells[-1].source


# Prose and code, old and new


def sources(notebook, kind):
    return [c.source for c in notebook.cells if c.cell_type == kind]


def test_changed_prose_is_taken_over(ran, tmp_path):
    _, executed, _ = ran
    chapter = write(tmp_path / "01_tiny.md", GOOD, "n * 2", title="A better title")
    chapter.path.write_text(chapter.path.read_text().replace("And so on.", "And on it goes.", 1) + "\nThe end.\n")
    before = copy.deepcopy(executed)
    page = chapters.with_current_prose(executed, chapter)
    assert executed == before
    assert sources(page, "markdown") == [
        "# A better title\n\nSome prose.",
        "And on it goes.",
        "And so on.\n\nThe end.",
    ]
    assert outputs_of(page) == outputs_of(executed), "every output stays with its code"
    assert sorted(sources(page, "code")) == sorted(sources(executed, "code"))
    nbformat.validate(page)
    staged = chapters.stage(page, chapter)
    assert staged.cells[0].source.startswith("# A better title")
    assert "n=7" in text_of(staged)


def test_changed_code_is_not_taken_over(ran, tmp_path):
    _, executed, _ = ran
    chapter = write(tmp_path / "01_tiny.md", GOOD, "n * 3", title="A better title")
    page = chapters.with_current_prose(executed, chapter)
    assert page == executed
    assert page is not executed


def test_prose_can_be_added_between_cells(ran, tmp_path):
    _, executed, _ = ran
    chapter = write(tmp_path / "01_tiny.md", GOOD, "n * 2")
    text = chapter.path.read_text().replace("Some prose.", "Some prose.\n\n+++\n\nA cell of its own.")
    chapter.path.write_text(text)
    page = chapters.stage(chapters.with_current_prose(executed, chapter), chapter)
    assert "A cell of its own." in sources(page, "markdown")
    assert "Parameters of this run" in page.cells[2].source


# What makes a run stale


@pytest.fixture
def current(ran, tmp_path, monkeypatch):
    """Whether the run is current, in a project whose chapter, package and lock file the test may change."""
    chapter, executed, _ = ran
    package = shutil.copytree(Path(chapters.__file__).parent, tmp_path / "homogen", ignore=shutil.ignore_patterns("*c"))
    monkeypatch.setattr(chapters, "__file__", str(package / "chapters.py"))
    monkeypatch.chdir(tmp_path)
    copied = write(tmp_path / "nb" / chapter.path.name, GOOD, "n * 2")
    (tmp_path / "requirements.txt").write_text("numpy==2.0.0\n")
    made, output = copy.deepcopy(executed), tmp_path / "01_tiny.ipynb"
    made.metadata["homogen"]["key"] = chapters.execution_key(copied, {"n": 7})
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings" / "tiny.json").write_text("[]")
    nbformat.write(made, output)

    def check(parameters=None):
        given = {"n": 7} if parameters is None else parameters
        return chapters.is_current(copied, given, output, tmp_path / "findings")

    assert check()
    return check


def edit(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_prose_does_not_make_a_run_stale(current, tmp_path):
    edit(tmp_path / "nb" / "01_tiny.md", "Some prose.", "Other prose.\n\n+++\n\nAnd more.")
    (tmp_path / "homogen" / "__pycache__").mkdir()
    (tmp_path / "homogen" / "__pycache__" / "figures.pyc").write_bytes(b"compiled")
    assert current()


def test_parameters_make_a_run_stale(current):
    for other in ({"n": 8}, {}, {"n": 7, "rate": 0.5}):
        assert not current(other)
    assert current()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("nb/01_tiny.md", "n * 2", "n * 3"),
        ("nb/01_tiny.md", "rate: float = 0.5", "rate: float = 0.6"),
        ("homogen/figures.py", "PALETTE", "COLOURS"),
        ("homogen/engines/transformers.py", "import", "import  "),
        ("homogen/data/claims.csv", "C148", "C941"),
        ("homogen/data/pocket.jsonl", "?", "!"),
        ("requirements.txt", "2.0.0", "2.0.1"),
    ],
)
def test_what_can_change_a_result_makes_a_run_stale(file, old, new, current, tmp_path):
    edit(tmp_path / file, old, new)
    assert not current()


def test_what_is_missing_or_damaged_is_not_current(current, tmp_path):
    for damage in ("", "{", "{}"):
        (tmp_path / "01_tiny.ipynb").write_text(damage)
        assert not current()
    (tmp_path / "01_tiny.ipynb").unlink()
    assert not current()


def test_findings_that_are_missing_make_a_run_stale(current, tmp_path):
    (tmp_path / "findings" / "tiny.json").unlink()
    assert not current()
    made = nbformat.read(tmp_path / "01_tiny.ipynb", as_version=4)
    assert made.metadata["homogen"]["findings"] is True
    made.metadata["homogen"]["findings"] = False
    nbformat.write(made, tmp_path / "01_tiny.ipynb")
    assert current(), "a chapter that records nothing has none to miss"


@pytest.mark.parametrize("name", ["benchmark", "model", "embedders"])
def test_files_and_folders_that_parameters_name_are_part_of_the_key(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chapter = write(tmp_path / "nb" / "01_tiny.md", parameters=DRAWS)
    file = tmp_path / ("mine.jsonl" if name == "benchmark" else "weights/in/model.safetensors")
    value = str(file.relative_to(tmp_path).parts[0])
    given = {name: [value] if name == "embedders" else value}
    keys = [chapters.execution_key(chapter, given)]
    file.parent.mkdir(parents=True, exist_ok=True)
    for text in ("a", "bb"):
        file.write_text(text)
        keys.append(chapters.execution_key(chapter, given))
    assert len(set(keys)) == 3
    assert chapters.execution_key(chapter, given) == keys[-1]


def test_what_a_run_stores_does_not_make_it_stale(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chapter = write(tmp_path / "nb" / "01_tiny.md", parameters=DRAWS)
    before = chapters.execution_key(chapter, {})
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "part.parquet").write_text("answers")
    assert chapters.execution_key(chapter, {}) == before


# The whole book


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of two chapters, in the working folder."""
    for number, name in enumerate(("one", "two"), 1):
        write(tmp_path / "notebooks" / f"0{number}_{name}.md", GOOD.replace("tiny", name), title=name)
    put_profile(tmp_path / "notebooks", "all: {n: 8}\ntwo: {rate: 1e-4}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_book_runs_what_has_changed_and_nothing_else(project, monkeypatch):
    executed = []
    run = chapters.execute

    def watch(chapter, *given):
        executed.append(chapter.name)
        return run(chapter, *given)

    monkeypatch.setattr(chapters, "execute", watch)
    staged, results = project / "book" / "chapters", project / "book" / "results" / "mine"
    staged.mkdir(parents=True)
    (staged / "09_gone.ipynb").write_text("a chapter that was removed")

    pages = chapters.run_book("mine")
    assert [str(p) for p in pages] == ["book/chapters/01_one.ipynb", "book/chapters/02_two.ipynb"]
    assert executed == ["one", "two"]
    assert left(staged) == ["01_one.ipynb", "02_two.ipynb"]
    assert left(results) == ["01_one.ipynb", "02_two.ipynb", "findings"]
    assert left(results / "findings") == ["one.json", "two.json"]
    assert "n=8 rate=0.0001" in text_of(nbformat.read(pages[1], as_version=4))
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in pages}

    executed.clear()
    chapters.run_book("mine")
    assert executed == []
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in pages} == before, "so that the build has nothing to do"

    edit(project / "notebooks" / "01_one.md", "Some prose.", "Mended prose.")
    chapters.run_book("mine")
    assert executed == []
    assert "Mended prose." in pages[0].read_text("utf-8")
    assert "n=8" in text_of(nbformat.read(pages[0], as_version=4))

    edit(project / "notebooks" / "profiles" / "mine.yaml", "1e-4", "0.25")
    chapters.run_book("mine")
    assert executed == ["two"]
    assert "rate=0.25" in text_of(nbformat.read(pages[1], as_version=4))

    executed.clear()
    monkeypatch.setattr(chapters, "execute", lambda chapter, *_: executed.append(chapter.name))
    chapters.run_book("mine", force=True)
    assert executed == ["one", "two"]


def test_a_book_that_fails_keeps_the_pages_it_had(project, monkeypatch):
    staged = project / "book" / "chapters"
    staged.mkdir(parents=True)
    (staged / "01_one.ipynb").write_text("an earlier page")
    (staged / "02_two.ipynb").write_text("an earlier page")

    def fail(*_):
        raise BadInput("chapter one failed: no")

    monkeypatch.setattr(chapters, "execute", fail)
    with pytest.raises(BadInput, match="chapter one failed"):
        chapters.run_book("mine")
    assert left(staged) == ["01_one.ipynb", "02_two.ipynb"]


@pytest.mark.usefixtures("no_kernel")
def test_an_unknown_profile_leaves_nothing(project):
    with pytest.raises(BadInput, match="unknown profile 'min'"):
        chapters.run_book("min")
    assert left(project) == ["notebooks"]


def test_examples_hold():
    assert not doctest.testmod(chapters).failed
