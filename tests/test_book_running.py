"""A chapter's run is whole or marked as failed, and is run again when something that it depends on has changed."""

import contextlib
import doctest
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from tiny_chapters import DRAWS, GOOD, left, one_line, put_file, run_tiny, text_of, write

from homogen.book import chapters, pages, running, staleness
from homogen.book.checking import check
from homogen.questions import sources
from homogen.records import BadInput


@pytest.fixture
def tiny(tmp_path):
    return write(tmp_path / "nb" / "tiny.md", GOOD)


@pytest.fixture
def no_kernel(monkeypatch):
    """Fail the test if a kernel is asked for."""

    def refuse(*_, **__):
        pytest.fail("a kernel was started")

    monkeypatch.setattr("papermill.execute_notebook", refuse)


@contextlib.contextmanager
def tidy():
    """Check that whatever temporary folder is made inside is gone at the end."""
    made = []
    make = tempfile.mkstemp

    def note(*given, **named):
        file, path = make(*given, **named)
        made.extend([Path(path), Path(path).with_suffix("")])
        return file, path

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "mkstemp", note)
        yield
    assert any("homogen-" in path.name for path in made)
    assert not [path for path in made if path.exists()]


# Running


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
            "embedder: 'gemma-3-270m' is no embedder; there are: all-minilm-l6-v2, all-mpnet-base-v2, wordllama",
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
    chapter = write(tmp_path / "nb" / "tiny.md", parameters=DRAWS)
    check(chapter, {})
    with pytest.raises(BadInput, match=message) as mistake:
        running.execute(chapter, given, tmp_path / "out" / "tiny.ipynb", tmp_path / "findings")
    one_line(mistake)
    assert left(tmp_path) == ["bad.jsonl", "nb"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A chapter that was run well: chapter, executed notebook, and where it lies."""
    environment = dict(os.environ)
    with tidy():
        made = run_tiny(tmp_path_factory.mktemp("ran"))
    assert dict(os.environ) == environment
    return made


def test_a_run_is_written_whole(ran):
    chapter, executed, home = ran
    assert left(home / "out") == ["tiny.ipynb"]
    assert left(home / "findings") == ["tiny.json"]
    assert "n=7 rate=0.5 sizes=[1]" in text_of(executed)
    nbformat.validate(executed)
    (row,) = json.loads((home / "findings" / "tiny.json").read_text("utf-8"))
    assert (row["name"], row["value"]) == ("the count", 7.0)
    about = nbformat.read(home / "out" / "tiny.ipynb", as_version=4).metadata["homogen"]
    assert about["parameters"] == {"n": 7, "sizes": [1]}
    assert (about["chapter"], about["profile"]) == ("tiny", "mine")
    assert about["key"] == staleness.execution_key(chapter, {"n": 7, "sizes": [1]})
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
    chapter = write(tmp_path / "nb" / "bad.md", GOOD.replace("tiny", "bad"), source, "print('after')")
    output, findings = tmp_path / "out" / "bad.ipynb", tmp_path / "findings"
    for folder, file, text in ((output.parent, output.name, "an earlier run"), (findings, "bad.json", "[]")):
        folder.mkdir()
        (folder / file).write_text(text)
    with tidy(), pytest.raises(BadInput, match=message) as mistake:
        running.execute(chapter, {}, output, findings, live=False)
    assert "bad.failed.ipynb" in one_line(mistake)
    assert left(output.parent) == ["bad.failed.ipynb", "bad.ipynb"]
    assert output.read_text() == "an earlier run"
    assert (findings / "bad.json").read_text() == "[]", "the earlier run's findings are still those of its notebook"
    failed = nbformat.read(output.with_suffix(".failed.ipynb"), as_version=4)
    assert "n=3" in text_of(failed), "what ran before the failure is there to be read"
    assert "after" not in text_of(failed)
    assert capfd.readouterr() == ("", ""), "the mistake is said once, by whoever catches it"


def test_a_first_run_that_fails_leaves_no_findings_and_a_good_one_removes_the_failed_notebook(tmp_path):
    path, output = tmp_path / "nb" / "tiny.md", tmp_path / "out" / "tiny.ipynb"
    chapter = write(path, GOOD, "assert n > 5")
    with pytest.raises(BadInput, match="AssertionError"):
        running.execute(chapter, {}, output, tmp_path / "findings", live=False)
    assert left(output.parent) == ["tiny.failed.ipynb"]
    assert left(tmp_path / "findings") == []
    running.execute(chapter, {"n": 6}, output, tmp_path / "findings", live=False)
    assert left(output.parent) == ["tiny.ipynb"]
    assert left(tmp_path / "findings") == ["tiny.json"]


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize("given", [{"m": 1}, {"n": "1e-4"}])
def test_wrong_parameters_never_start_a_kernel(given, tiny, tmp_path):
    with pytest.raises(BadInput):
        running.execute(tiny, given, tmp_path / "out" / "tiny.ipynb", tmp_path / "findings")
    assert left(tmp_path) == ["nb"]


@pytest.mark.usefixtures("no_kernel")
def test_a_folder_that_cannot_be_written_never_starts_a_kernel(tiny, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for output, findings in (("file/out", "findings"), ("out", "file/findings")):
        with pytest.raises(BadInput, match=r"cannot write to .*file") as mistake:
            running.execute(tiny, {}, tmp_path / output / "tiny.ipynb", tmp_path / findings)
        one_line(mistake)


def test_an_interrupted_run_leaves_the_findings_as_they_were(tiny, earlier, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        aside = Path(os.environ["HOMOGEN_FINDINGS"])
        assert aside != tmp_path / "findings"
        aside.mkdir()
        (aside / "tiny.json").write_text("half of them")
        raise KeyboardInterrupt

    monkeypatch.setattr("papermill.execute_notebook", interrupt)
    with tidy(), pytest.raises(KeyboardInterrupt):
        running.execute(tiny, {}, tmp_path / "out" / "tiny.ipynb", tmp_path / "findings")
    earlier()


KILLED = """
import sys
from pathlib import Path
from homogen import cli
from homogen.book import chapters, running
home = Path(sys.argv[1])
chapter = chapters.chapters(home / "nb")["tiny"]
with cli._terminated_as_interrupted():
    running.execute(chapter, {}, home / "out" / "tiny.ipynb", home / "findings", live=False)
"""


@pytest.fixture
def waiting(tmp_path):
    """A chapter's run in a process of its own that has recorded a finding and waits: what kills it, and its folder.

    What kills it returns when the run has ended and its kernel too.
    """
    said, go_on = tmp_path / "said", tmp_path / "go_on"
    for pipe in (said, go_on):
        os.mkfifo(pipe)
    # The chapter says where it is, and then waits for what nobody writes.
    says = f"kept = open({str(said)!r}, 'w')\nprint(findings.folder().as_posix(), file=kept, flush=True)"
    write(tmp_path / "nb" / "tiny.md", GOOD, f"from homogen.book import findings\n{says}\nopen({str(go_on)!r}).read()")
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL, env=environment) as process:
        try:
            # Opened at once, so that a run that ends before it says anything is a failure and not a wait without end.
            with os.fdopen(os.open(said, os.O_RDONLY | os.O_NONBLOCK)) as pipe:
                assert select.select([pipe], [], [], 120)[0], "the run ended, or never came so far"
                os.set_blocking(pipe.fileno(), True)

                def kill(name):
                    process.send_signal(getattr(signal, name))
                    process.wait(60)
                    # The kernel alone holds the other end, to its death.
                    assert select.select([pipe], [], [], 60)[0], "the kernel lives on"
                    assert pipe.read() == ""

                yield kill, Path(pipe.readline().strip()).parent
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_a_run_that_is_killed_after_its_first_finding_leaves_none_and_is_not_current(name, waiting, tmp_path):
    """Partial findings passed as complete: the next start skipped the chapter."""
    kill, aside = waiting
    chapter = chapters.chapters(tmp_path / "nb")["tiny"]
    output, findings = tmp_path / "out" / "tiny.ipynb", tmp_path / "findings"
    assert (aside / "findings" / "tiny.json").is_file(), "the first finding is written, aside"
    kill(name)
    assert left(findings) == []
    assert left(output.parent) == []
    assert not staleness.is_current(chapter, {}, output, findings)
    if name == "SIGTERM":
        assert not list(tmp_path.glob("homogen-*")), "it cleaned up"


def empty(source, made, **_):
    """Stands in for a chapter's run: every cell has run, and said nothing."""
    notebook = nbformat.read(source, as_version=4)
    for number, cell in enumerate(c for c in notebook.cells if c.cell_type == "code"):
        cell.execution_count = number
    nbformat.write(notebook, made)


@pytest.fixture
def run_beside(tmp_path, monkeypatch):
    """Run a chapter that takes no time, its temporary folder in ``tmp_path``."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("papermill.execute_notebook", empty)
    chapter = write(tmp_path / "beside" / "tiny.md", GOOD)
    return lambda: running.execute(chapter, {}, tmp_path / "beside" / "tiny.ipynb", tmp_path / "beside")


def test_what_a_killed_run_left_is_removed_by_the_next_and_what_is_in_use_is_not(waiting, run_beside, tmp_path):
    """Every kill left a folder in the system's, for ever."""
    kill, aside = waiting
    run_beside()
    assert (aside / "findings" / "tiny.json").is_file(), "the other run goes on"
    kill("SIGKILL")
    assert aside.is_dir()
    run_beside()
    assert not list(tmp_path.glob("homogen-*"))


@pytest.mark.parametrize("kind", ["of another user", "a link", "a link as lock", "without a lock", "a file"])
def test_what_is_no_folder_of_a_killed_run_stays(kind, run_beside, tmp_path, monkeypatch):
    folder, lock = tmp_path / "homogen-run-abcdefgh", tmp_path / "homogen-run-abcdefgh.lock"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept").write_text("kept")
    if kind == "a link":
        folder.symlink_to(tmp_path / "mine")
    elif kind == "a file":
        folder.write_text("kept")
    else:
        shutil.copytree(tmp_path / "mine", folder)
    if kind == "a link as lock":
        lock.symlink_to(tmp_path / "mine" / "kept")
    elif kind != "without a lock":
        lock.write_text("")
    if kind == "of another user":
        user = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: user + 1)
    before = sorted(tmp_path.rglob("*"))
    run_beside()
    ran = {tmp_path / "beside" / "tiny.ipynb"}
    assert sorted({*tmp_path.rglob("*")} - ran) == before
    assert (tmp_path / "mine" / "kept").read_text() == "kept"


def test_a_disk_without_locks_runs_chapters_too(run_beside, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise NotImplementedError("no flock here")

    def run(source, made, **_):
        empty(source, made)
        locks = [path.name for path in tmp_path.glob("homogen-*.lock")]
        assert locks == ["homogen-run-abcdefgh.lock"], "what cannot be locked must not look as if it could be"

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    monkeypatch.setattr("papermill.execute_notebook", run)
    (tmp_path / "homogen-run-abcdefgh").mkdir()
    (tmp_path / "homogen-run-abcdefgh.lock").write_text("")
    run_beside()
    assert left(tmp_path) == ["beside", "homogen-run-abcdefgh", "homogen-run-abcdefgh.lock"]


def test_findings_that_are_not_the_notebooks_own_make_a_run_stale(ran):
    chapter, _, home = ran
    output, findings = home / "out" / "tiny.ipynb", home / "findings"
    whole = (findings / "tiny.json").read_text()
    assert staleness.is_current(chapter, staleness.about_run(output)["parameters"], output, findings)
    (findings / "tiny.json").write_text(whole.replace("0.", "1."))
    assert not staleness.is_current(chapter, staleness.about_run(output)["parameters"], output, findings)
    (findings / "tiny.json").write_text(whole)


@pytest.fixture
def earlier(tmp_path):
    """An earlier run's notebook and findings, and a check that they are as they were."""
    files = {tmp_path / "out" / "tiny.ipynb": "an earlier run", tmp_path / "findings" / "tiny.json": "[]"}
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
        empty(source, made)
        aside = Path(os.environ["HOMOGEN_FINDINGS"])
        aside.mkdir()
        with open(aside / "tiny.json", "w") as file:
            file.write("[1]")

    replace = os.replace
    monkeypatch.setattr("papermill.execute_notebook", run)
    if step == "writing":
        monkeypatch.setattr(os, "fsync", full)
    if step == "renaming":
        monkeypatch.setattr(os, "replace", lambda a, b: full() if str(b).endswith("ipynb") else replace(a, b))
    with pytest.raises(BadInput, match=r"cannot write to .*: No space left on device") as mistake:
        running.execute(tiny, {}, tmp_path / "out" / "tiny.ipynb", tmp_path / "findings")
    one_line(mistake)
    monkeypatch.undo()
    earlier()


def test_a_missing_kernel_is_one_line_and_leaves_what_was_there(tiny, earlier, tmp_path, monkeypatch):
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    def none(_, name):
        raise NoSuchKernel(name)

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", none)
    with tidy(), pytest.raises(BadInput, match="jupyter has no kernel 'python3'; run: pip install") as mistake:
        running.execute(tiny, {}, tmp_path / "out" / "tiny.ipynb", tmp_path / "findings", live=False)
    one_line(mistake)
    earlier()


@pytest.mark.parametrize(("device", "named"), [("cpu", "CPU, "), ("cuda", "a GPU"), ("auto", "a GPU")])
def test_provenance_names_the_device_that_was_used(device, named, tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    chapter = write(tmp_path / "tiny.md", parameters=DRAWS)
    about = staleness.provenance(chapter, {"device": device}, "", 1.0, "key")
    assert about["device"].startswith(named)
    assert staleness.provenance(chapter, {}, "", 1.0, "key")["device"].startswith("CPU, "), "the chapter's default"


def test_provenance_identifies_the_weights(tmp_path):
    chapter = write(tmp_path / "tiny.md", parameters=DRAWS)
    given = {"embedder": "all-minilm-l6-v2", "embedders": ["wordllama", "owner/name"]}
    about = staleness.provenance(chapter, given, "", 1.0, "key")
    assert about["weights"] == {
        "smollm2-135m-instruct": "b179c9523d0e",
        "all-minilm-l6-v2": "53aa51172d14",
        "wordllama": "64b47a2dc493",
        "owner/name": "",
    }
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Tiny")], metadata={"homogen": about})
    fold = pages.stage(page, chapter).cells[-1].source
    assert "Weights: `smollm2-135m-instruct` b179c9523d0e…, " in fold
    assert "`wordllama` 64b47a2dc493…, `owner/name`. Python" in fold


def test_an_executions_key_is_computed_once(tiny, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(running, "execution_key", lambda *_: calls.append(1) or "the key")
    executed = running.execute(tiny, {}, tmp_path / "out" / "tiny.ipynb", tmp_path / "findings", live=False)
    assert executed.metadata["homogen"]["key"] == "the key"
    assert calls == [1]


def test_sources_that_change_while_a_chapter_runs_make_it_stale(tmp_path, monkeypatch):
    chapter = write(tmp_path / "nb" / "tiny.md", "n")

    def run_and_edit(source, made, **_):
        empty(source, made)
        write(chapter.path, "n + 1")

    monkeypatch.setattr("papermill.execute_notebook", run_and_edit)
    output = tmp_path / "out" / "tiny.ipynb"
    running.execute(chapter, {}, output, tmp_path / "findings")
    assert output.is_file()
    assert not staleness.is_current(chapter, {}, output, tmp_path / "findings")


def test_progress_reaches_the_terminal_and_nothing_else_does(capsys):
    live = running._Live()
    for text in ("\rsampling:  50%|#####     | 5/10", "FutureWarning: old\n", "\r"):
        live.write(text)
    live.flush()
    assert capsys.readouterr().err == "\rsampling:  50%|#####     | 5/10\r"


# Chapters on released files


READ = """import csv, os, time, warnings
from pathlib import Path
from homogen import Estimate
from homogen.book import findings
with open(Path(os.environ["HOMOGEN_DATA"], "published/tiny.csv")) as file:
    rows = list(csv.reader(file))
print("rows:", len(rows), flush=True)
time.sleep(0.2)
print("columns:", len(rows[0]), flush=True)
warnings.warn(f"now it is {time.time()}")
_ = findings.Chapter("tiny").record("rows", Estimate(float(len(rows)), 0.0, 9.0, n=2, method="count"))"""


@pytest.fixture
def released(tmp_path, monkeypatch):
    """A chapter on a released file that is at hand."""
    put_file(monkeypatch, tmp_path / "data")
    return write(tmp_path / "nb" / "tiny.md", READ, "len(rows)", files=["published/tiny.csv"])


def test_a_run_on_released_files_names_them_and_no_device(released, tmp_path):
    output = tmp_path / "out" / "tiny.ipynb"
    executed = running.execute(released, {"n": 4}, output, tmp_path / "findings", "released", live=False)
    about = executed.metadata["homogen"]
    assert about["files"] == {"published/tiny.csv": sources.SOURCES["published/tiny.csv"].sha256[:12]}
    assert about.keys().isdisjoint({"device", "weights"})
    assert set(about["versions"]) == {"homogen", *staleness.NUMERICAL}
    assert about["key"] == staleness.execution_key(released, {"n": 4})
    assert staleness.is_current(released, {"n": 4}, output, tmp_path / "findings")


def test_another_run_on_released_files_differs_in_its_times_alone(released, tmp_path):
    texts = []
    for folder in ("one", "two"):
        output = tmp_path / folder / "tiny.ipynb"
        running.execute(released, {}, output, tmp_path / folder / "findings", "released", live=False)
        texts.append(output.read_text("utf-8").splitlines())
    differ = [a.split(":")[0].strip() for a, b in zip(*texts, strict=True) if a != b]
    assert set(differ) <= {'"finished"', '"seconds"'}
    found = [(tmp_path / folder / "findings" / "tiny.json").read_bytes() for folder in ("one", "two")]
    assert found[0] == found[1]
    assert "UserWarning" not in "".join(texts[0])


@pytest.mark.usefixtures("no_kernel")
def test_a_file_that_is_not_there_stops_a_run_before_a_kernel_starts(released, tmp_path, monkeypatch):
    (tmp_path / "data" / "published" / "tiny.csv").write_text("not what was published")
    with pytest.raises(BadInput, match=r"tiny\.csv is not the published file") as mistake:
        running.execute(released, {}, tmp_path / "out" / "tiny.ipynb", tmp_path / "findings")
    one_line(mistake)
    monkeypatch.setattr(sources, "fetch", lambda name: (_ for _ in ()).throw(BadInput(f"cannot fetch {name}")))
    with pytest.raises(BadInput, match=r"cannot fetch published/tiny\.csv"):
        running.execute(released, {}, tmp_path / "out" / "tiny.ipynb", tmp_path / "findings")
    assert left(tmp_path) == ["data", "nb"]


@pytest.mark.parametrize(
    ("lock", "counts"),
    [
        ("numpy==2.0.0\nscipy==1.17.1\n", False),
        ("# pins\nscipy==1.17.1\nnumpy==2.0.0  # arrays\ntorch==2.9.0\n", False),
        ("numpy==2.0.1\nscipy==1.17.1\n", True),
        ("numpy==2.0.0\n", True),
        ("numpy==2.0.0\nscipy==1.17.1\nseaborn==0.13.2\n", True),
    ],
)
def test_of_the_pins_only_the_numerical_ones_make_a_run_on_released_files_stale(
    lock, counts, released, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "requirements.txt").write_text("numpy==2.0.0\nscipy==1.17.1\ntorch==2.8.0\nsphinx==7\n")
    before = staleness.execution_key(released, {})
    (tmp_path / "requirements.txt").write_text(lock)
    (tmp_path / "requirements-weights.txt").write_text("weights==1\n")
    assert (staleness.execution_key(released, {}) != before) is counts


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-weights.txt"])
def test_packages_and_weights_pinned_anew_make_a_run_on_models_stale(name, tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tiny.files is None
    for lock in ("requirements.txt", "requirements-weights.txt"):
        (tmp_path / lock).write_text("a==1\n")
    before = staleness.execution_key(tiny, {})
    (tmp_path / name).write_text("a==2\n")
    assert staleness.execution_key(tiny, {}) != before


def test_a_file_pinned_anew_makes_a_run_stale_and_one_that_is_missing_does_not(released, tmp_path, monkeypatch):
    before = staleness.execution_key(released, {})
    (tmp_path / "data" / "published" / "tiny.csv").unlink()
    assert staleness.execution_key(released, {}) == before
    put_file(monkeypatch, tmp_path / "data", text="a,b\n1,3\n")
    assert staleness.execution_key(released, {}) != before


def test_examples_hold():
    assert not doctest.testmod(running).failed
