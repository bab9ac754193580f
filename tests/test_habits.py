"""Habits of these tests: what they may reach into, and how their files are named."""

import ast
from pathlib import Path

import pytest

import homogen

TESTS = Path(__file__).parent
FILES = sorted(TESTS.glob("*.py"))


def private(name):
    """The first private part of a dotted name; a dunder is none."""
    return next((part for part in name.split(".") if part.startswith("_") and not part.endswith("__")), None)


def patched(tree):
    """Private names that a module sets on something that is not its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("setattr", "delattr", "setitem", "patch", "object"):
                for given in node.args[:2]:
                    # Of a dictionary the name is in front: setitem(module._CACHE, …).
                    name = given.value if isinstance(given, ast.Constant) else ast.unparse(given)
                    if isinstance(name, str) and name.replace(".", "").isidentifier() and private(name):
                        yield private(name)
        targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [getattr(node, "target", None)]
        for target in targets:
            if isinstance(target, ast.Attribute) and ast.unparse(target.value) not in ("self", "cls"):
                yield from filter(None, [private(target.attr)])


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('monkeypatch.setattr("homogen.sampling.drawing._load", load)', ["_load"]),
        ('monkeypatch.setattr(drawing, "_load", load)', ["_load"]),
        ("patch.setitem(room._CACHE, 'key', 1)", ["_CACHE"]),
        ("engine._sleep = print", ["_sleep"]),
        ("engine.waits = []; self._kept = 1; del server.over", []),
        ('monkeypatch.setattr("homogen.questions.sources.fetch", fetch)', []),
        ('monkeypatch.setattr(kind, "__init__", fail); monkeypatch.setitem(CARDS, "made-up", card)', []),
    ],
)
def test_a_patched_private_name_is_seen(source, found):
    assert list(patched(ast.parse(source))) == found


def test_no_test_patches_what_is_private():
    """A test that does must be changed with code that it does not test; what it needs is an argument or a call."""
    seen = {(path.name, name) for path in FILES for name in patched(ast.parse(path.read_text("utf-8")))}
    assert seen == set()


PACKAGE = Path(homogen.__file__).parent
ROOMS = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
OUTSIDE = {
    "additions": "CONTRIBUTING.md",
    "bench": "benchmarks/bench.py",
    "ext_homogen_api": "book/_ext/homogen_api.py",
    "ext_homogen_book": "book/_ext/homogen_book.py",
    "habits": "tests",
    "layers": "homogen",
    "notebooks": "notebooks",
    "notebooks_on_models": "notebooks",
}
"""Tests of what is not in a room, and what that is."""
WHOLE = {"evaluation_intervals"}
"""Tests that hold for all modules of a room, under a name of their own; ``test_<room>.py`` is one without."""


def mirrored(name):
    """Whether a test of this name has what it is named for."""
    if name in OUTSIDE:
        return (TESTS.parent / OUTSIDE[name]).exists()
    room, _, module = name.partition("_")
    if not module or name in WHOLE:
        return room in ROOMS
    return (PACKAGE / room / f"{module}.py").is_file() or (PACKAGE / room / module / "__init__.py").is_file()


def test_a_test_file_is_named_for_the_room_or_the_module_that_it_tests():
    names = [path.stem.removeprefix("test_") for path in TESTS.glob("test_*.py")]
    assert [name for name in names if not mirrored(name)] == []
