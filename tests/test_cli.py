"""The command line: what it prints, and what a mistake gets: one line, exit code 2, nothing written."""

import doctest
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_chapters import GOOD, PARAMETERS, put_profile, write

from homogen import cli
from homogen.book import assembly, chapters, profiles, running, staleness
from homogen.book.checking import check
from homogen.book.parameters import values_of
from homogen.models import hub
from homogen.models.catalogue import Unavailable, cards
from homogen.questions.catalogue import benchmarks
from homogen.records import BadInput

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = ("models", "benchmarks", "sample", "run", "book")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of the notebooks in a working folder of the test's own."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder):
    return sorted(p.relative_to(folder) for p in folder.rglob("*"))


# What works


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_is_printed(command, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([*command, "--help"])
    assert end.value.code == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"usage: homogen {' '.join(command)}".rstrip())
    assert err == ""


def test_the_program_runs_by_itself():
    done = subprocess.run([sys.executable, "-m", "homogen.cli", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert set(COMMANDS) <= set(done.stdout.split())
    assert done.stderr == ""


def test_models_lists_every_card(capsys):
    assert cli.main(["models"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()][:-2] == [card.name for card in cards()]
    assert "folder" in out.splitlines()[-2]
    assert out.splitlines()[-1].startswith("NLI models, from the hub alone: deberta-v3-xsmall, deberta-v3-base")
    assert err == ""


@pytest.fixture(params=["no data", "data"])
def at_hand(request, tmp_path, monkeypatch):
    """Whether the user's data folder holds anything; the cache is empty."""
    monkeypatch.setenv("HOMOGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HOMOGEN_DATA", raising=False)
    if request.param == "no data":
        return False
    monkeypatch.setenv("HOMOGEN_DATA", str(tmp_path))
    (tmp_path / "benchmarks").mkdir()
    for name in ("freshqa.csv", "truthfulqa.csv"):
        (tmp_path / "benchmarks" / name).write_text("not the published bytes")
    return True


def test_pack_names_the_files_that_it_makes(tmp_path, monkeypatch, capsys):
    made = tmp_path / "model-mine-0.parquet"
    made.write_bytes(bytes(250_000))
    asked = []
    monkeypatch.setattr("homogen.sampling.pack", lambda store: asked.append(store) or [made])
    assert cli.main(["pack"]) == 0
    assert cli.main(["pack", "elsewhere"]) == 0
    assert asked == ["runs", "elsewhere"]
    assert capsys.readouterr().out == f"{made}  0.2 MB\n" * 2


def test_benchmarks_lists_every_benchmark(capsys, at_hand, tmp_path):
    assert cli.main(["benchmarks"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    paragraphs = {}
    for benchmark in benchmarks():
        (first,) = [i for i, line in enumerate(lines) if line.split()[0] == benchmark.name]
        rest = itertools.takewhile(lambda line: line.startswith("    "), lines[first + 1 :])
        paragraphs[benchmark.name] = " ".join(" ".join([lines[first], *rest]).split())
        for shown in (str(benchmark.size), ", ".join(benchmark.kinds), benchmark.licence, benchmark.authors):
            assert shown in lines[first]
        assert benchmark.title in paragraphs[benchmark.name]
    assert paragraphs["pocket"].endswith("comes with the package")
    assert paragraphs["gsm8k"].endswith("downloaded when first asked for, from github.com/openai/grade-school-math")
    if at_hand:
        assert paragraphs["freshqa"].endswith(f"at hand in {tmp_path}")
        assert "refused: " in paragraphs["truthfulqa"]
        assert paragraphs["truthfulqa"].endswith(f"{tmp_path}/benchmarks/truthfulqa.csv is not the published file")
    else:
        assert "https://github.com/freshllms/freshqa" in paragraphs["freshqa"]
        assert paragraphs["freshqa"].endswith("benchmarks/freshqa.csv in a folder that HOMOGEN_DATA names")
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= 100
    assert ".jsonl" in "".join(lines[-2:])
    assert err == ""


@pytest.mark.parametrize("arguments", [["run", "--list"], ["run"]])
def test_run_lists_chapters_and_parameters(arguments, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert cli.main(arguments) == 0
    out, err = capsys.readouterr()
    listed = profiles.profiles_of(ROOT / "notebooks")
    for chapter in chapters.chapters(ROOT / "notebooks").values():
        own = listed[chapter.name]
        assert own
        assert f"{chapter.name}: {chapter.title}\n    --profile {' | '.join(own)}\n" in out
        for name in chapter.files or ():
            assert f"    runs on {name}\n" in out
        for p in chapter.parameters:
            assert f"    -p {p.name} {p.default!r}  ({p.type}) {p.meaning}\n" in out
    assert err == ""


def test_run_gives_a_chapter_the_profile_and_its_own_parameters(project, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(running, "execute", lambda *given, **named: calls.append((*given, named)))
    arguments = ["-p", "limit", "4", "-p", "n", "2", "-p", "limit", "5", "--output", "mine"]
    assert cli.main(["run", "decoding", *arguments]) == 0
    ((chapter, parameters, output, findings, profile, named),) = calls
    assert chapter.name == "decoding"
    assert parameters == profiles.profile("pocket")["decoding"] | {"limit": 5, "n": 2}
    assert list(named) == ["given"]
    assert sorted(named["given"]) == ["limit", "n"]
    assert (output, findings, profile) == (Path("mine/decoding.ipynb"), Path("mine/findings"), "pocket")
    assert capsys.readouterr().out == "notebook: mine/decoding.ipynb\nfindings: mine/findings/decoding.json\n"


@pytest.fixture
def other(project):
    """The project with a chapter on a released file, in two profiles that are not the default."""
    for word in ("models", "files"):  # a list, so that what is added is in none
        path = project / "notebooks" / "profiles" / {"models": "pocket.yaml", "files": "released.yaml"}[word]
        listed = ", ".join(c.name for c in chapters.chapters().values() if (c.files is None) == (word == "models"))
        path.write_text(path.read_text("utf-8").replace(f"chapters: {word}", f"chapters: [{listed}]"), "utf-8")
    text = (project / "notebooks" / "primer.md").read_text("utf-8")
    front = "homogen: {files: [published/v9_summary.json]}\njupytext:"
    (project / "notebooks" / "other.md").write_text(text.replace("jupytext:", front, 1), "utf-8")
    for name, text in {"zoo": "[other, primer]\nother: {n: 5}", "big": "[other]\nother: {n: 3}"}.items():
        (project / "notebooks" / "profiles" / f"{name}.yaml").write_text(f"chapters: {text}")
    return project


@pytest.mark.parametrize(
    ("arguments", "profile", "n"),
    [(["other"], "big", 3), (["other", "--profile", "zoo"], "zoo", 5), (["primer"], "pocket", 10)],
)
def test_run_takes_the_first_profile_that_lists_the_chapter(arguments, profile, n, other, monkeypatch):
    calls, fetched = [], []
    # A fresh machine has neither the released files nor, while tests run, a network to fetch them.
    monkeypatch.delenv("HOMOGEN_DATA", raising=False)
    monkeypatch.setattr("homogen.questions.sources.fetch", fetched.append)
    monkeypatch.setattr(running, "execute", lambda *given, **_: calls.append(given))
    assert cli.main(["run", *arguments]) == 0
    assert set(fetched) <= {"published/v9_summary.json"}
    ((chapter, parameters, _, _, name),) = calls
    assert (chapter.name, name, values_of(chapter, parameters)["n"]) == (arguments[0], profile, n)


def test_run_lists_the_files_and_all_profiles_of_a_chapter(other, capsys):
    (other / "notebooks" / "homeless.md").write_text((other / "notebooks" / "primer.md").read_text("utf-8"))
    assert cli.main(["run", "--list"]) == 0
    out = capsys.readouterr().out
    assert "\n    --profile big | zoo\n    runs on published/v9_summary.json\n    -p " in out
    assert "\n    --profile (none lists it)\n" in out


def test_run_lists_the_profiles_under_which_a_chapter_was_run(other, capsys):
    for name in ("pocket", "zoo", "desk"):
        folder = other / "book" / "results" / name
        folder.mkdir(parents=True)
        (folder / "primer.ipynb").write_text("{}")
    (other / "book" / "results" / "zoo" / "other.failed.ipynb").write_text("{}")
    assert cli.main(["run", "--list"]) == 0
    out = capsys.readouterr().out
    assert out.count("was run under") == 1
    assert "\n    was run under desk, pocket, zoo\n    -p " in out[out.index("primer: ") :]


def test_run_says_which_profiles_list_a_chapter(other, capsys):
    (other / "notebooks" / "homeless.md").write_text((other / "notebooks" / "primer.md").read_text("utf-8"))
    said = mistake(["run", "other", "--profile", "pocket"], capsys)
    assert "profile 'pocket' does not list 'other'; these do: big, zoo" in said
    assert "no profile lists 'homeless'; add it to the list 'chapters'" in mistake(["run", "homeless"], capsys)
    assert "homeless" not in str(files(other / "notebooks" / "profiles"))


def test_a_file_that_cannot_be_fetched_is_named_before_a_kernel_starts(other, monkeypatch, capsys):
    def nowhere(name):
        raise BadInput(f"cannot fetch {name}")

    monkeypatch.setattr("homogen.questions.sources.fetch", nowhere)
    monkeypatch.setattr("papermill.execute_notebook", lambda *_, **__: pytest.fail("a kernel was started"))
    before = files(other)
    assert "cannot fetch published/v9_summary.json" in mistake(["run", "other"], capsys)
    assert files(other) == before


def test_a_chapter_that_no_profile_of_the_book_lists_is_named(other, capsys):
    said = mistake(["book", "--no-build"], capsys)
    assert "other must be in the list 'chapters' of the profile pocket or released" in said


def test_book_can_stop_before_the_build(project, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(assembly, "run_book", lambda *given, **named: calls.append((*given, named)))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a build was started"))
    assert cli.main(["book", "--force", "--no-build"]) == 0
    assert cli.main(["book", "--jobs", "3", "--no-build"]) == 0
    assert calls == [("pocket", True, {"jobs": None}), ("pocket", False, {"jobs": 3})]


@pytest.mark.parametrize(("code", "built"), [(0, True), (1, True), (0, False)])
def test_a_book_is_a_success_only_if_it_is_there_and_without_warnings(code, built, project, monkeypatch, capsys):
    index = project / "_build" / "html" / "index.html"
    index.parent.mkdir(parents=True)
    index.write_text("an earlier book")

    def build(command, **_):
        assert {"build", "-W", "-n", "--all"} <= set(command)
        if built:
            index.write_text("the book")
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(assembly, "run_book", lambda *_, **__: None)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "jupyter-book")
    monkeypatch.setattr(subprocess, "run", build)
    if code == 0 and built:
        assert cli.main(["book"]) == 0
        assert str(index) in capsys.readouterr().out
    else:
        assert "the book was not built without warnings" in mistake(["book"], capsys)


def test_a_missing_builder_is_named(project, monkeypatch, capsys):
    monkeypatch.setattr(assembly, "run_book", lambda *_, **__: None)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    assert "jupyter-book is not installed" in mistake(["book"], capsys)


# What does not


SAMPLE = ("sample", "pocket", "--model", "smollm2-135m-instruct")
MISTAKES = {
    "unknown model": (
        ["sample", "pocket", "--model", "smollm2-135m"],
        "unknown model 'smollm2-135m'; did you mean 'smollm2-135m-instruct'",
    ),
    "an embedder as a model": (["sample", "pocket", "--model", "wordllama"], "'wordllama' is an embedder"),
    "missing folder": (["sample", "pocket", "--model", "./no/such"], "unknown model './no/such'"),
    "empty folder": (["sample", "pocket", "--model", "notebooks"], "model 'notebooks' could not be loaded"),
    "missing weights": (
        ["sample", "pocket", "--model", "no-one/nothing"],
        "no-one/nothing is not in the hub's cache and the hub cannot be reached",
    ),
    "unknown benchmark": (
        ["sample", "poket", "--model", "smollm2-135m-instruct"],
        "unknown benchmark 'poket'; did you mean 'pocket'",
    ),
    "missing file": (["sample", "mine.jsonl", "--model", "x"], "no such question file: mine.jsonl"),
    "wrong ending": (["sample", "./mine.txt", "--model", "x"], "must end in .jsonl or .csv"),
    "missing sheet": (["sample", "mine.csv", "--model", "x"], "no such question file: mine.csv"),
    "missing benchmark": (
        ["sample", "freshqa", "--model", "x"],
        "get the CSV from https://github.com/freshllms/freshqa",
    ),
    "limit": ([*SAMPLE, "--limit", "0"], "limit must be at least 1, got 0"),
    "n": ([*SAMPLE, "--n", "0"], "n must be at least 1, got 0"),
    "temperature": ([*SAMPLE, "--temperature", "-1"], "temperature must be at least 0, got -1"),
    "temperature nan": ([*SAMPLE, "--temperature", "nan"], "temperature must be a finite number"),
    "top-p": ([*SAMPLE, "--top-p", "0"], "top_p must lie in (0, 1], got 0"),
    "top-k": ([*SAMPLE, "--top-k", "-1"], "top_k must be at least 0"),
    "penalty": ([*SAMPLE, "--repetition-penalty", "0"], "repetition_penalty must be above 0"),
    "length": ([*SAMPLE, "--max-new-tokens", "0"], "max_new_tokens must be at least 1"),
    "seed": ([*SAMPLE, "--seed", "-1"], "seed must be at least 0"),
    "preset": ([*SAMPLE, "--preset", "olama"], "unknown preset 'olama'; did you mean 'ollama'"),
    "prompt": ([*SAMPLE, "--prompt", "consise"], "unknown prompt 'consise'; did you mean 'concise'"),
    "device": ([*SAMPLE, "--device", "gpu"], "unknown device 'gpu'"),
    "no gpu": ([*SAMPLE, "--device", "cuda"], "device 'cuda' was asked for, but torch sees no GPU here"),
    "unknown chapter": (["run", "decodings"], "unknown chapter 'decodings'; did you mean 'decoding'"),
    "unknown profile": (["run", "decoding", "--profile", "poket"], "unknown profile 'poket'; did you mean 'pocket'"),
    "unknown parameter": (["run", "decoding", "-p", "limits", "3"], "unknown parameter of decoding 'limits'; did you"),
    "wrong type": (["run", "decoding", "-p", "limit", "many"], "parameter limit of decoding must be int"),
    "negative": (["run", "decoding", "-p", "limit", "-0.5"], "parameter limit of decoding must be int"),
    "profile elsewhere": (
        ["run", "decoding", "--profile", "../profiles/pocket"],
        "unknown profile '../profiles/pocket'",
    ),
    "book's profile elsewhere": (["book", "--profile", "../profiles/pocket"], "unknown profile '../profiles/pocket'"),
    "run: n": (["run", "primer", "-p", "n", "-1"], "n must be at least 1, got -1"),
    "run: temperature": (["run", "primer", "-p", "temperature", "-1"], "temperature must be at least 0, got -1"),
    "run: endless": (["run", "primer", "-p", "temperature", "1e999"], "parameter temperature of primer must be float"),
    "run: model": (["run", "primer", "-p", "model", "smolm2"], "unknown model 'smolm2'; did you mean 'smollm2-135m-"),
    "run: embedder": (["run", "decoding", "-p", "embedder", "minilm"], "unknown embedder 'minilm'"),
    "run: benchmark": (["run", "primer", "-p", "benchmark", "poket"], "unknown benchmark 'poket'; did you mean"),
    "run: limit": (["run", "decoding", "-p", "limit", "0"], "limit must be at least 1, got 0"),
    "run: device": (["run", "decoding", "-p", "device", "gpu"], "unknown device 'gpu'"),
    "output": (["run", "decoding", "--output", "notebooks/decoding.md"], "cannot write to notebooks/decoding.md"),
    "book's profile": (["book", "--profile", "poket"], "unknown profile 'poket'; did you mean 'pocket'"),
}


@pytest.fixture
def no_work(monkeypatch):
    """No GPU, no kernel, and no weights that could be converted."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("papermill.execute_notebook", lambda *_, **__: pytest.fail("a kernel was started"))
    monkeypatch.setattr("homogen.models.weights.converted", lambda *_: pytest.fail("weights were converted"))


def mistake(arguments, capsys):
    """Run a command that must fail; give its one line."""
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("homogen: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_and_leaves_nothing(name, project, capsys):
    arguments, message = MISTAKES[name]
    before = files(project)
    assert message in mistake(arguments, capsys)
    assert files(project) == before


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "Why?", ', "mine.jsonl, line 3: not valid JSON"),
        ('{"text": "Why?"}', "mine.jsonl, line 3: needs 'references'"),
        ('{"text": "Why?", "references": ["So."], "kind": "fact"}', "mine.jsonl, line 3: unknown kind"),
    ],
)
def test_a_wrong_line_of_a_question_file_is_named(line, message, project, capsys):
    good = json.dumps({"text": "What is 1 + 1?", "references": ["2"]})
    (project / "mine.jsonl").write_text(f"{good}\n\n{line}\n", "utf-8")
    before = files(project)
    assert message in mistake(["sample", "mine.jsonl", "--model", "smollm2-135m-instruct"], capsys)
    assert files(project) == before


@pytest.mark.parametrize("arguments", [["run", "decoding"], ["run", "--list"], ["book"]])
def test_outside_the_project_the_folder_is_the_mistake(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert f"no chapters in {tmp_path}" in mistake(arguments, capsys)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["samples"],
            "unknown command 'samples'; did you mean 'sample'? (known: benchmarks, book, claims, models, pack, run,",
        ),
        (["sample", "pocket"], "the following arguments are required: --model; see homogen sample --help"),
        (["sample", "pocket", "--model", "x", "--n", "many"], "argument --n: invalid int value: 'many'"),
        (["sample", "pocket", "--model", "x", "--temperature", "hot"], "argument --temperature: invalid float value"),
        (["run", "decoding", "-p", "limit"], "argument -p: expected 2 arguments; see homogen run --help"),
        (["models", "--of\nmine"], "unrecognized arguments: --of mine; see homogen --help"),
        (["--version"], "the following arguments are required: COMMAND; see homogen --help"),
    ],
)
def test_a_command_that_cannot_be_read_is_one_line(arguments, message, capsys):
    assert message in mistake(arguments, capsys)


def test_homogen_alone_shows_the_help(capsys):
    assert cli.main([]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("usage: homogen")
    assert err == ""


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["benchmarks"], ["--help"], []])
def test_a_reader_that_goes_away_gets_no_traceback(arguments, unbuffered):
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "homogen.cli", *arguments]
    with open(write, "wb") as out:
        environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, env=environment, check=False)
    assert done.stderr == b""
    # A help that cannot be written at once is passed over by argparse itself in newer Pythons (3.11.7, not 3.11.2).
    by_argparse = {0} if unbuffered and "benchmarks" not in arguments else set()
    assert done.returncode in {141} | by_argparse


def test_an_interruption_says_how_to_go_on(monkeypatch, capsys):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("homogen.models.catalogue.cards", interrupt)
    assert cli.main(["models"]) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "\nhomogen: interrupted; finished work is kept, run the same command to go on\n"


def test_an_error_of_ours_is_not_passed_off_as_the_users(monkeypatch):
    def fail(mistake):
        raise mistake

    monkeypatch.setattr("homogen.models.catalogue.cards", lambda: fail(ValueError("a bug")))
    with pytest.raises(ValueError, match="a bug"):
        cli.main(["models"])
    monkeypatch.setattr("homogen.models.catalogue.cards", lambda: fail(BadInput("a mistake")))
    assert cli.main(["models"]) == 2


# All chapters of a profile


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Three tiny chapters and profiles of them in a working folder; gives what was executed, which does nothing."""
    monkeypatch.chdir(tmp_path)
    parameters = (
        PARAMETERS
        + """model: str = "mine/own"  # who answers [model]
device: str = "cpu"  # where [auto | cpu | cuda]
limit: int = 5  # questions [at least 1]
max_new_tokens: int = 7  # of an answer
"""
    )
    for name in ("first", "second", "third"):
        drawn = None if name == "third" else [{"models": "model", "runs": 2}]
        write(tmp_path / "notebooks" / f"{name}.md", GOOD, parameters=parameters, draws=drawn)
    put_profile(tmp_path / "notebooks", "chapters: [second, first]\nall: {n: 4}\nsecond: {limit: 2}", "two")
    put_profile(tmp_path / "notebooks", "chapters: [first, second, third]", "three")
    put_profile(tmp_path / "notebooks", "chapters: [first, second]\nsecond: {device: cuda}", "gpu")
    put_profile(tmp_path / "notebooks", "chapters: []", "none")
    calls = []
    monkeypatch.setattr(running, "execute", lambda *given, **named: calls.append((given, named)))
    return calls


@pytest.mark.parametrize(
    ("more", "folder"), [([], "book/results/two"), (["--output", "elsewhere"], "elsewhere")], ids=["default", "output"]
)
def test_a_profile_without_a_chapter_runs_all_that_it_lists(more, folder, shelf, capsys):
    assert cli.main(["run", "--profile", "two", *more]) == 0
    found = [(c.name, parameters, output, findings, name) for (c, parameters, output, findings, name), _ in shelf]
    folder = Path(folder)
    assert found == [
        ("first", {"n": 4}, folder / "first.ipynb", folder / "findings", "two"),
        ("second", {"n": 4, "limit": 2}, folder / "second.ipynb", folder / "findings", "two"),
    ]
    assert capsys.readouterr().out == f"2 of 2 chapters in {folder}\n"


def test_what_is_current_is_not_run_again(shelf, monkeypatch):
    monkeypatch.setattr(staleness, "is_current", lambda chapter, *_: chapter.name == "first")
    assert cli.main(["run", "--profile", "two"]) == 0
    assert [given[0].name for given, _ in shelf] == ["second"]


def test_what_is_current_is_run_again_if_that_is_asked_for(shelf, monkeypatch):
    monkeypatch.setattr(staleness, "is_current", lambda *_: True)
    assert cli.main(["run", "--profile", "two", "--force"]) == 0
    assert [given[0].name for given, _ in shelf] == ["first", "second"]


def test_a_run_is_told_what_of_its_own_weights_cannot_be_had(shelf, monkeypatch):
    asked = []
    monkeypatch.setattr(staleness, "is_current", lambda chapter, *given: asked.append(given[-1]))
    monkeypatch.setattr("homogen.book.cost.unavailable", lambda plans: {"mine/own": "gated", "other/s": "gated"})
    assert cli.main(["run", "--profile", "two"]) == 0
    assert asked == [{"mine/own"}] * 2
    assert [named for _, named in shelf] == [{"offline": False, "absent": {"mine/own"}}] * 2


def test_a_chapter_that_fails_does_not_stop_the_others(shelf, monkeypatch, capsys):
    def execute(chapter, *given, offline, absent):
        shelf.append(chapter.name)
        if chapter.name != "third":
            raise BadInput(f"{chapter.name} went wrong")

    monkeypatch.setattr(running, "execute", execute)
    assert cli.main(["run", "--profile", "three"]) == 2
    assert shelf == ["first", "second", "third"]
    out, err = capsys.readouterr()
    assert out == "1 of 3 chapters in book/results/three\n"
    missing, *failed = err.splitlines()
    # What cannot be had is said once, before anything starts.
    assert missing.startswith("homogen: cannot be had, mine/own: mine/own is not in the hub's cache")
    assert failed == [
        "homogen: first went wrong",
        "homogen: second went wrong",
        "homogen: 2 of 3 failed: first, second; what was finished is kept",
    ]


def test_a_chapter_starts_only_if_something_is_left_of_what_the_user_asked_for(shelf, monkeypatch, capsys):
    write(Path("notebooks/fourth.md"), GOOD, parameters='models: list = ["mine/own"]  # who answer [model]')
    put_profile(Path("notebooks"), "chapters: [fourth]", "four")

    def fetch(repository):
        if repository != "there/is":
            raise Unavailable(f"the hub has no model {repository}")

    monkeypatch.setattr(hub, "cached", lambda repository: False)
    monkeypatch.setattr(hub, "fetch", fetch)
    said = mistake(["run", "fourth", "-p", "models", '["not/here", "nor/there"]'], capsys)
    assert said == "homogen: models: the hub has no model not/here; the hub has no model nor/there\n"
    assert shelf == []
    assert cli.main(["run", "fourth", "-p", "models", '["not/here", "there/is"]']) == 0
    # What a profile names may be missing altogether: the chapter's page says so.
    assert cli.main(["run", "fourth"]) == 0
    assert len(shelf) == 2
    assert capsys.readouterr().err.splitlines() == [
        "homogen: cannot be had, not/here: the hub has no model not/here",
        "homogen: cannot be had, mine/own: the hub has no model mine/own",
    ]


def test_a_profile_that_lists_nothing_runs_nothing(shelf, capsys):
    assert cli.main(["run", "--profile", "none"]) == 0
    assert capsys.readouterr().out == "0 of 0 chapters in book/results/none\n"
    assert shelf == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--profile", "thre"], "unknown profile 'thre'; did you mean 'three'"),
        (["--profile", "two", "-p", "n", "3"], "-p sets a parameter of one chapter; name the chapter, or set it in"),
        (["--profile", "gpu"], "device 'cuda' was asked for, but torch sees no GPU here"),
        (["second", "--profile", "gpu"], "device 'cuda' was asked for, but torch sees no GPU here"),
        (["--profile", "thre", "--dry-run"], "unknown profile 'thre'; did you mean 'three'"),
        (["third", "--profile", "two", "--dry-run"], "profile 'two' does not list 'third'; these do: three"),
        (["second", "-p", "limit", "0", "--dry-run"], "limit must be at least 1, got 0"),
        (["second", "-p", "model", "gema-3-270m", "--dry-run"], "unknown model 'gema-3-270m'; did you mean 'gemma-3-"),
    ],
)
@pytest.mark.usefixtures("no_work")
def test_a_profile_that_cannot_run_is_refused_before_any_chapter_starts(arguments, message, shelf, monkeypatch, capsys):
    # A single chapter is checked by execute itself, before it starts a kernel.
    monkeypatch.setattr(running, "execute", lambda c, p, *_, **__: check(c, p) or shelf.append(c))
    before = files(Path())
    assert message in mistake(["run", *arguments], capsys)
    assert shelf == []
    assert files(Path()) == before


@pytest.mark.usefixtures("no_work")
def test_a_dry_run_says_what_would_be_drawn_and_runs_nothing(shelf, capsys):
    before = files(Path())
    assert cli.main(["run", "--profile", "two", "--dry-run"]) == 0
    out, err = capsys.readouterr()
    lines = [line.split() for line in out.splitlines()]
    # 2 runs of 5 and of 2 questions, 5 answers each of at most 7 tokens
    assert ["first", "2", "50", "350", "16"] in lines
    assert ["second", "2", "20", "140", "16"] in lines
    assert ["in", "all", "4", "70", "490", "32"] in lines
    assert "mine/own" in out
    assert "GPU hours" not in out
    assert err == ""
    assert shelf == []
    assert files(Path()) == before


@pytest.mark.usefixtures("no_work")
def test_a_dry_run_is_of_one_chapter_with_its_own_parameters_if_one_is_named(shelf, capsys):
    assert cli.main(["run", "second", "--profile", "two", "-p", "n", "1", "--dry-run"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["second", "2", "8", "56", "16"] in lines
    assert "first" not in [line[0] for line in lines if line]
    assert shelf == []


@pytest.mark.usefixtures("no_work")
def test_what_a_gpu_would_do_can_be_asked_without_one(shelf, capsys):
    assert cli.main(["run", "--profile", "gpu", "--dry-run"]) == 0
    assert "GPU hours: about 0, without 4 runs of models of unknown size" in capsys.readouterr().out


# With a tiny model of the test's own


@pytest.fixture
def questions(project):
    rows = [{"text": text, "references": ["x"], "id": text} for text in ("w001 w002", "w003", "w004 w005 w006")]
    (project / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return project


def test_sample_draws_once_and_keeps(questions, model_folders, monkeypatch, capsys):
    command = ["sample", "mine.jsonl", "--model", model_folders["llama"], "--device", "cpu", "--n", "2"]
    command += ["--max-new-tokens", "4", "--store", "kept", "--prompt", "{question}"]
    assert cli.main(command) == 0
    out, err = capsys.readouterr()
    assert out.startswith("3 questions, 9 answers in kept/")
    assert err == ""
    run = Path(out.split()[-1])
    assert (run / "run.json").is_file()
    parts = {p.name: p.read_bytes() for p in run.glob("part-*.parquet")}
    assert parts

    def refuse(*_):
        pytest.fail("an answer was drawn twice")

    monkeypatch.setattr("homogen.engines.transformers.TransformersEngine.generate", refuse)
    assert cli.main(command) == 0
    assert capsys.readouterr().out == out
    assert {p.name: p.read_bytes() for p in run.glob("part-*.parquet")} == parts


def test_a_store_that_cannot_be_written_is_one_line(questions, model_folders, capsys):
    (questions / "file").write_text("in the way")
    command = ["sample", "mine.jsonl", "--model", model_folders["llama"], "--device", "cpu", "--store", "file/runs"]
    before = files(questions)
    assert "cannot make the run folder file/runs" in mistake(command, capsys)
    assert files(questions) == before


@pytest.mark.slow
def test_a_chapter_runs_on_a_model_of_ones_own(project, model_folders, capsys):
    given = {"model": model_folders["bytes"], "n": "3", "max_new_tokens": "8", "temperature": "1.0", "device": "cpu"}
    options = [part for name, value in given.items() for part in ("-p", name, value)]
    assert cli.main(["run", "primer", *options]) == 0
    assert capsys.readouterr().out == "notebook: output/primer.ipynb\nfindings: output/findings/primer.json\n"
    assert (project / "output" / "primer.ipynb").is_file()
    found = {row["name"]: row["value"] for row in json.loads((project / "output/findings/primer.json").read_text())}
    assert 1 <= found["clusters of the worked question"] <= 3
    assert found["mean token entropy of the worked question"] > 0


@pytest.mark.slow
def test_a_mistake_that_shows_only_in_the_chapter_is_one_line_too(project, capsys):
    (project / "owner" / "name").mkdir(parents=True)
    assert cli.main(["run", "primer", "-p", "model", "owner/name", "-p", "device", "cpu"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "chapter primer failed: BadInput: model 'owner/name' could not be loaded" in err
    assert err.endswith("; see output/primer.failed.ipynb\n")


def test_examples_hold():
    assert not doctest.testmod(cli).failed


def test_claims_are_listed_by_experiment_and_verdict(capsys):
    assert cli.main(["claims", "--experiment", "13", "--verdict", "reproduced"]) == 0
    out = capsys.readouterr().out
    assert "C242 [13] NC reduction factor: 2.6 -> 2.59  (reproduced)\n     from C237, C238" in out
    assert out.endswith("3 reproduced; 3 claims\n")
    assert cli.main(["claims"]) == 0
    assert capsys.readouterr().out.endswith("; 365 claims\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--experiment", "99"], "unknown experiment '99'"),
        (["--verdict", "diffrs"], "unknown verdict 'diffrs'; did you mean 'differs'?"),
        (["--csv", "no/such/folder/x.csv"], "cannot write 'no/such/folder/x.csv'"),
        (["--csv", ""], "cannot write ''"),
        (["--check", "--experiment", "28"], "compute the whole ledger; leave out --experiment"),
        (["--check", "--update"], "not allowed with argument --check"),
    ],
)
def test_what_is_wrong_with_claims_is_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["claims", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_claims_go_to_a_file_with_how_each_was_decided(tmp_path, capsys):
    assert cli.main(["claims", "--experiment", "28", "--csv", str(tmp_path / "x.csv")]) == 0
    assert "5 claims in" in capsys.readouterr().out
    header = (tmp_path / "x.csv").read_text("utf-8").splitlines()[0].split(",")
    assert {"claim_id", "reported", "recomputed", "verdict", "how", "note"} <= set(header)


def test_a_changed_verdict_is_exit_code_1(monkeypatch, capsys, tmp_path):
    """Without any file at hand the checks that need one are counted, and the rest still compared."""
    monkeypatch.setenv("HOMOGEN_DATA", str(tmp_path))
    monkeypatch.setenv("HOMOGEN_CACHE", str(tmp_path / "cache"))
    assert cli.main(["claims", "--check"]) == 2
    assert "files are not at hand: benchmarks/tqa_200q.json, benchmarks/truthfulqa.csv" in capsys.readouterr().err
    assert cli.main(["claims", "--check", "--allow-not-run"]) == 0
    assert " not run\n" in capsys.readouterr().out
    from homogen.paper import ledger

    kept = ledger.committed() | {"C242": ledger.Outcome("differs")}
    monkeypatch.setattr(ledger, "committed", lambda: kept)
    assert cli.main(["claims", "--check", "--allow-not-run"]) == 1
    assert "C242: differs, now reproduced\n" in capsys.readouterr().out


def test_verdicts_are_not_kept_unless_all_could_be_computed(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("HOMOGEN_DATA", str(tmp_path))
    monkeypatch.setenv("HOMOGEN_CACHE", str(tmp_path / "cache"))
    assert cli.main(["claims", "--update", "--allow-not-run"]) == 2
    assert "files are not at hand" in capsys.readouterr().err
