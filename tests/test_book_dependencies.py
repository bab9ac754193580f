"""What a chapter reaches of the package, and what of a source counts: the same on every machine and every Python."""

import doctest
import textwrap

import pytest

from homogen.book import dependencies

EVERY = {p.relative_to(dependencies.PACKAGE).as_posix() for p in dependencies.PACKAGE.rglob("*.py")}


# What counts of a source


SOURCE = '''
"""What it is."""
import os

LIMIT = 3
"""How many."""


class Thing(Exception):
    """A thing."""

    size: int = 1


async def one():
    """Give one,

    after a while.
    """
    return "a"


def two(text="#"):
    return f"""
# {text}

   """ + """ b{spaces}

  c """
'''.replace("{spaces}", "   ")  # that no editor takes away


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""What it is."""', '"""What it\n\nis not."""'),
        ('"""What it is."""', ""),
        ('"""How many."""', '"""How many, at most."""'),
        ('    """A thing."""\n', ""),
        ("after a while", "at once  # '''"),
        ("import os", "# the system\nimport os  # all of it"),
        ("LIMIT = 3", "\n\n\nLIMIT = 3   "),
        ("    return", "    # so that it is one\n\n    return"),
        ('text="#"):', 'text="#"):  # "#"'),
        ('"""How many."""', '"""Größe."""  # "of it"'),
    ],
)
def test_words_about_the_code_do_not_count(old, new):
    assert old in SOURCE
    assert dependencies.essence(SOURCE.replace(old, new, 1)) == dependencies.essence(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ('"#"', '"# "'),
        ("# {text}", "{text}"),
        ("# {text}\n\n", "# {text}\n"),
        (" b   \n", " b\n"),
        ("b   \n\n", "b   \n"),
        ('   """ +', '  """ +'),
        ("    return f", "     return f"),
        ('return "a"', 'return "b"'),
        ("import os", "x = '''import\n\nos'''"),
    ],
)
def test_code_counts_and_so_does_all_that_stands_in_a_string(old, new):
    assert old in SOURCE
    assert dependencies.essence(SOURCE.replace(old, new, 1)) != dependencies.essence(SOURCE)


def test_what_is_left_of_a_source_is_known():
    source = """
        '''About.'''

        # A comment
        def f():  # another
            "Give one."
            return ("ä # no comment"  # a comment
                    "b")

        def g(): "Nothing."
    """
    wanted = """
        def f():
            return ("ä # no comment"
                    "b")
        def g():
    """
    assert dependencies.essence(textwrap.dedent(source)) == textwrap.dedent(wanted).strip("\n")


@pytest.mark.parametrize("source", ["", "\n\n", "# only a comment", '"""Only a docstring."""'])
def test_a_source_may_have_nothing_that_counts(source):
    assert dependencies.essence(source) == ""


# What is reached

RECORDS = {
    f"records/{name}.py"
    for name in ("__init__", "answers", "checks", "draws", "exports", "nouns", "prompts", "results")
}


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("", set()),
        ("import numpy as np\nfrom os import path", set()),
        ("from homogen.records import Estimate", RECORDS),
        ("import homogen.records", RECORDS),
        ("import homogen.records as r\nr.Estimate", RECORDS),
        ("from homogen import records", RECORDS),
        ("from homogen import Estimate", RECORDS),
        ("import homogen as hg\nhg.Estimate(1, n=2)", RECORDS),
        ("import homogen\nhomogen.records.Estimate", RECORDS),
        ("def later():\n    from homogen import BadInput\n    raise BadInput", RECORDS),
        ("import importlib\nimportlib.import_module('homogen.records')", RECORDS),
        ("import homogen as hg\nhg.__version__", set()),
    ],
)
def test_every_way_to_name_a_module_reaches_it(code, wanted):
    assert set(dependencies.reached(code)) == {"__init__.py"} | wanted


def test_imports_are_followed_module_by_module():
    found = set(dependencies.reached("import homogen as hg\nhg.clustering.cluster"))
    assert {"clustering/__init__.py", "clustering/linkage.py", "clustering/rates.py", "records/nouns.py"} <= found
    assert {"nli/__init__.py", "nli/asking.py"} <= found, "clustering stands on it"
    assert not any(name.startswith(("models/", "engines/", "book/", "evaluation/", "grading/")) for name in found)
    assert "cli.py" not in found


def test_of_a_room_only_what_is_imported_counts():
    found = set(dependencies.reached("from homogen.book import figures"))
    assert {"book/__init__.py", "book/figures.py"} <= found
    assert found.isdisjoint({"book/running.py", "book/chapters.py"})


def test_what_a_name_is_made_of_may_be_any_module_of_a_room():
    found = set(dependencies.reached("import homogen as hg\nhg.engines.OpenAIEngine"))
    assert {"engines/openai.py", "engines/vllm.py", "models/weights.py"} <= found


@pytest.mark.parametrize(
    "code",
    [
        "import homogen as hg\ngetattr(hg, name)",
        "from homogen import *",
        "%matplotlib inline\nfrom homogen import records",
        "import homogen as hg\nhere = hg\nhere.records",
        "from . import records",
    ],
)
def test_what_cannot_be_told_reaches_everything(code):
    assert set(dependencies.reached(code)) >= EVERY


def test_data_files_count_where_a_reached_module_names_them():
    assert "paper/data/claims.csv" in dependencies.reached("from homogen.book import findings")
    assert "questions/data/pocket.jsonl" in dependencies.reached("from homogen import load_questions")
    assert not any("data/" in name for name in dependencies.reached("from homogen import records"))


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of a few lines in the place of ours."""
    files = {
        "__init__.py": "",
        "one.py": "from homogen.rooms import two\nNAMES = [f'{n}.txt' for n in 'ab']",
        "rooms/__init__.py": "",
        "rooms/two.py": "from homogen import three",
        "rooms/aside.py": "",
        "rooms/table.csv": "1",
        "three.py": "import homogen.four",
        "four.py": "from homogen import one  # in a circle\nX = 'table.json'",
        "five.py": "",
        "data/a.txt": "a",
        "data/table.json": "{}",
        "data/table.yaml": "{}",
        "rooms/__pycache__/two.pyc": "compiled",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(dependencies, "PACKAGE", tmp_path)
    return tmp_path


def test_circles_and_files_beside_modules(package):
    assert sorted(dependencies.reached("import homogen.one")) == [
        "__init__.py",
        "data/a.txt",
        "data/table.json",
        "four.py",
        "one.py",
        "rooms/__init__.py",
        "rooms/two.py",
        "three.py",
    ]
    assert sorted(dependencies.reached("import homogen.five")) == ["__init__.py", "five.py"]


def test_a_file_that_only_a_comment_names_does_not_count(package):
    (package / "five.py").write_text("# beside table.yaml\nX = 1")
    assert "data/table.yaml" not in dependencies.reached("import homogen.five")
    (package / "five.py").write_text("X = 'table.yaml'")
    assert "data/table.yaml" in dependencies.reached("import homogen.five")


def test_a_room_that_is_moved_counts(package):
    before = dependencies.reached("import homogen.five")
    (package / "five.py").rename(package / "six.py")
    assert dependencies.reached("import homogen.six") != before


def test_examples_hold():
    assert not doctest.testmod(dependencies).failed
