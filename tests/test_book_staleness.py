"""A run is current until something that it depends on has changed, and says how its results came about."""

import copy
import dataclasses
import hashlib
import shutil

import nbformat
import pytest
from tiny_chapters import DRAWS, GOOD, edit, run_tiny, write

from homogen.book import dependencies, staleness


@pytest.fixture
def tiny(tmp_path):
    return write(tmp_path / "nb" / "tiny.md", GOOD)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A chapter that was run well: chapter, executed notebook, and where it lies."""
    return run_tiny(tmp_path_factory.mktemp("ran"))


TWO = hashlib.sha256(b"[]").hexdigest()
"""The digest of findings that are an empty list."""


@pytest.fixture
def current(ran, tmp_path, monkeypatch):
    """Whether the run is current, in a project whose chapter, package and lock file the test may change."""
    chapter, executed, _ = ran
    package = shutil.copytree(dependencies.PACKAGE, tmp_path / "homogen", ignore=shutil.ignore_patterns("*c"))
    monkeypatch.setattr(dependencies, "PACKAGE", package)
    monkeypatch.chdir(tmp_path)
    copied = write(tmp_path / "nb" / chapter.path.name, GOOD, "n * 2")
    (tmp_path / "requirements.txt").write_text("numpy==2.0.0\n")
    made, output = copy.deepcopy(executed), tmp_path / "tiny.ipynb"
    made.metadata["homogen"] |= {"key": staleness.execution_key(copied, {"n": 7}), "findings": TWO}
    (tmp_path / "findings").mkdir()
    (tmp_path / "findings" / "tiny.json").write_text("[]")
    nbformat.write(made, output)

    def check(parameters=None):
        given = {"n": 7} if parameters is None else parameters
        return staleness.is_current(copied, given, output, tmp_path / "findings")

    assert check()
    return check


def test_another_engine_or_device_makes_a_run_of_a_model_stale(tmp_path, monkeypatch):
    made = write(tmp_path / "tiny.md", GOOD)
    released = dataclasses.replace(made, files=())
    keys = {staleness.execution_key(made, {})}
    same = {staleness.execution_key(released, {})}
    monkeypatch.setenv("HOMOGEN_ENGINE", "vllm")
    for chapter, found in ((made, keys), (released, same)):
        found.add(staleness.execution_key(chapter, {}))
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    for chapter, found in ((made, keys), (released, same)):
        found.add(staleness.execution_key(chapter, {}))
    assert (len(keys), len(same)) == (3, 1)


def test_a_run_made_elsewhere_is_held_to_its_own_engine_and_device(ran, monkeypatch):
    chapter, executed, _ = ran
    about, given = dict(executed.metadata["homogen"]), {"n": 7, "sizes": [1]}
    monkeypatch.setenv("HOMOGEN_ENGINE", "vllm")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert about["key"] != staleness.execution_key(chapter, given)
    assert staleness.is_of_this_code(chapter, given, about)
    assert not staleness.is_of_this_code(chapter, {"n": 8, "sizes": [1]}, about)
    there = staleness.execution_key(chapter, given, "vllm", "cuda")
    elsewhere = {"key": there, "engine": "vllm", "device": "NVIDIA H200, CUDA 12.8, driver 1"}
    monkeypatch.delenv("HOMOGEN_ENGINE")
    assert staleness.is_of_this_code(chapter, given, elsewhere)
    assert not staleness.is_of_this_code(chapter, given, elsewhere | {"engine": "transformers"})
    assert not staleness.is_of_this_code(chapter, given, elsewhere | {"device": "CPU, 2 cores"})


def test_findings_are_those_of_the_run_or_not(tmp_path):
    path = tmp_path / "tiny.json"
    assert staleness.has_its_findings({"findings": False}, path)
    assert not staleness.has_its_findings({"findings": TWO}, path)
    path.write_text("[]")
    assert staleness.has_its_findings({"findings": TWO}, path)
    assert staleness.has_its_findings({}, path)  # an older run says only that there are some
    path.write_text("[ ]")
    assert not staleness.has_its_findings({"findings": TWO}, path)


def test_weights_that_can_be_had_now_make_a_run_without_them_stale(ran, tmp_path):
    chapter, executed, _ = ran
    made, output = copy.deepcopy(executed), tmp_path / "tiny.ipynb"
    made.metadata["homogen"] |= {"key": staleness.execution_key(chapter, {}), "findings": TWO}
    made.metadata["homogen"]["absent"] = ["a/gated", "b/large"]
    (tmp_path / "tiny.json").write_text("[]")
    nbformat.write(made, output)
    for absent, current in ((None, True), ({"b/large", "a/gated"}, True), ({"b/large"}, False), (set(), False)):
        assert staleness.is_current(chapter, {}, output, tmp_path, absent) == current


def test_prose_does_not_make_a_run_stale(current, tmp_path):
    edit(tmp_path / "nb" / "tiny.md", "Some prose.", "Other prose.\n\n+++\n\nAnd more.")
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
        ("nb/tiny.md", "n * 2", "n * 3"),
        ("nb/tiny.md", "rate: float = 0.5", "rate: float = 0.6"),
        ("homogen/book/findings.py", "return ", "return  "),
        ("homogen/records/nouns.py", "import", "import  "),
        ("homogen/book/figures.py", "PALETTE", "COLOURS"),  # findings use it, inside a function
        ("homogen/__init__.py", "_MODULES", "_NO_MODULES"),
        ("homogen/paper/data/claims.csv", "C148", "C941"),
        ("requirements.txt", "2.0.0", "2.0.1"),
    ],
)
def test_what_can_change_a_result_makes_a_run_stale(file, old, new, current, tmp_path):
    edit(tmp_path / file, old, new)
    assert not current()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("homogen/book/findings.py", "import json\n", "# of the chapters\n\nimport json  # a list\n"),
        ("homogen/book/findings.py", '"""What a chapter leaves behind', '"""All that a chapter leaves behind'),
        ("homogen/records/nouns.py", "from __future__", "\n\n# a comment\nfrom __future__"),
        ("homogen/grading/decide.py", "import", "import  "),
        ("homogen/book/running.py", "import", "import  "),
        ("homogen/engines/transformers.py", "import", "import  "),
        ("homogen/questions/data/pocket.jsonl", "?", "!"),
    ],
)
def test_what_cannot_change_a_result_leaves_a_run_current(file, old, new, current, tmp_path):
    edit(tmp_path / file, old, new)
    assert current()


def test_what_is_missing_or_damaged_is_not_current(current, tmp_path):
    for damage in ("", "{", "{}"):
        (tmp_path / "tiny.ipynb").write_text(damage)
        assert not current()
    (tmp_path / "tiny.ipynb").unlink()
    assert not current()


def test_findings_that_are_missing_make_a_run_stale(current, tmp_path):
    (tmp_path / "findings" / "tiny.json").unlink()
    assert not current()
    made = nbformat.read(tmp_path / "tiny.ipynb", as_version=4)
    assert made.metadata["homogen"]["findings"] == TWO
    made.metadata["homogen"]["findings"] = False
    nbformat.write(made, tmp_path / "tiny.ipynb")
    assert current(), "a chapter that records nothing has none to miss"


@pytest.mark.parametrize("name", ["benchmark", "model", "embedders"])
def test_files_and_folders_that_parameters_name_are_part_of_the_key(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chapter = write(tmp_path / "nb" / "tiny.md", parameters=DRAWS)
    file = tmp_path / ("mine.jsonl" if name == "benchmark" else "weights/in/model.safetensors")
    value = str(file.relative_to(tmp_path).parts[0])
    given = {name: [value] if name == "embedders" else value}
    keys = [staleness.execution_key(chapter, given)]
    file.parent.mkdir(parents=True, exist_ok=True)
    for text in ("a", "bb"):
        file.write_text(text)
        keys.append(staleness.execution_key(chapter, given))
    assert len(set(keys)) == 3
    assert staleness.execution_key(chapter, given) == keys[-1]


def test_what_a_run_stores_does_not_make_it_stale(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chapter = write(tmp_path / "nb" / "tiny.md", parameters=DRAWS)
    before = staleness.execution_key(chapter, {})
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "part.parquet").write_text("answers")
    assert staleness.execution_key(chapter, {}) == before
