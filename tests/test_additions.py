"""A measure, a benchmark and a chapter are added to a copy of the project, exactly as CONTRIBUTING.md shows it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("homogen", "notebooks", "book", "tests", "_toc.yml", "pyproject.toml", "CONTRIBUTING.md")
MADE = shutil.ignore_patterns("__pycache__", "results", "chapters")
STEP = re.compile(
    r"(At the end of|In|A new file,)\s`([^`\n]+)`:\n\n(`{3,})(python|diff|markdown)\n(.*?)\n\3\n", re.DOTALL
)


def additions():
    """The files that each addition touches, and what it does there."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    text = text[text.index("## Three additions") : text.index("## Rules of the house")]
    sections = re.split(r"^### A (\w+)$", text, flags=re.MULTILINE)[1:]
    return {name: STEP.findall(steps) for name, steps in zip(sections[::2], sections[1::2], strict=True)}


def changed(text, block):
    """A text with the lines that a diff adds behind those that it begins with."""
    lines = block.splitlines()
    before, after = ("\n".join(x[1:] for x in lines if x[0] in kinds) + "\n" for kinds in (" ", " +"))
    assert text.count(before) == 1, f"CONTRIBUTING.md: not one place has {before!r}"
    return text.replace(before, after)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The project with all three additions."""
    folder = tmp_path_factory.mktemp("project")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=MADE)
        else:
            shutil.copy(ROOT / name, folder / name)
    for steps in additions().values():
        for how, path, _, kind, block in steps:
            file = folder / path
            assert file.is_file() != (how == "A new file,"), path
            assert (kind == "diff") == (how == "In"), path
            if kind == "diff":
                file.write_text(changed(file.read_text("utf-8"), block), "utf-8")
            else:
                with file.open("a", encoding="utf-8") as end:
                    end.write(f"\n\n{block}\n" if kind == "python" else f"{block}\n")
    return folder


def run(folder, *command):
    """Run Python in the copy, which alone it imports."""
    given = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    given.pop("HOMOGEN_DATA", None)
    found = subprocess.run([sys.executable, *command], cwd=folder, env=given, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout[-3000:] + found.stderr[-3000:]
    return found.stdout


def passed(folder, files, chosen):
    """How many tests of some files ran, of those whose names hold a text."""
    paths = [f"tests/test_{file}.py" for file in files]
    told = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths, "-k", chosen)
    return int(re.search(r"(\d+) passed", told)[1])


def test_each_addition_is_three_files_by_hand_and_fits_on_a_screen():
    steps = additions()
    assert {name: len({path for _, path, *_ in own}) for name, own in steps.items()} == {
        "measure": 3,
        "benchmark": 3,
        "chapter": 2,
    }
    for own in steps.values():
        assert sum(len(block.splitlines()) for *_, block in own) <= 60


def test_a_measure_is_in_its_room_and_keeps_what_all_promise(copy):
    assert run(copy, "-c", "from homogen import uncertainty as u; print('variation_ratio' in u.__all__)") == "True\n"
    assert passed(copy, ["uncertainty", "uncertainty_samples"], "variation_ratio or tables or doctests") > 5


def test_a_benchmark_loads(copy):
    assert passed(copy, ["questions_catalogue"], "capitals or what_it_is or doctests") > 2


def test_a_chapter_is_found_planned_and_run(copy):
    assert passed(copy, ["notebooks"], "reference-lengths or table_of_contents or one_profile") > 10
    code = """
from pathlib import Path
from homogen.book import assembly, chapters, running
name = "reference-lengths"
assert list(chapters.chapters()).index(name) == list(chapters.chapters()).index("multiverse") + 1
(planned,) = [p for p in assembly.plan() if p.chapter.name == name]
running.execute(planned.chapter, planned.parameters, Path("out.ipynb"), Path("findings"), planned.profile, live=False)
print(planned.profile, Path("findings", name + ".json").read_text())
"""
    told = run(copy, "-c", code)
    assert told.startswith("pocket ")
    assert "words of a reference, pocket" in told


def test_the_additions_are_in_the_house_style(copy):
    run(copy, "-m", "ruff", "check", "-q", "homogen", "tests")
    run(copy, "-m", "ruff", "format", "-q", "--check", "homogen", "tests")
