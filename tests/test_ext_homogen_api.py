"""The book's API reference: every public name has its place, read off the modules and off the built pages."""

import ast
import doctest
import importlib
import importlib.util
import inspect
import re
import sys
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

import homogen

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "book" / "api"
BUILT = ROOT / "_build" / "html" / "book" / "api"


def load_extension():
    """The local extension, as Sphinx loads it."""
    spec = importlib.util.spec_from_file_location("homogen_api", ROOT / "book" / "_ext" / "homogen_api.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


api = load_extension()
ROOMS = api.rooms()


def expected(module):
    """``__all__``; else the functions and classes that a module defines under a public name."""
    if hasattr(module, "__all__"):
        return set(module.__all__)
    own = {name: thing for name, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__}
    return {name for name, thing in own.items() if not name.startswith("_") and callable(thing)}


@pytest.fixture(params=ROOMS)
def room(request):
    return importlib.import_module(request.param)


def test_every_module_of_the_package_has_a_page():
    assert {name.split(".")[1] for name in ROOMS} == set(homogen._MODULES)


def test_every_page_is_in_the_table_of_contents_and_begins_with_words_for_the_reader():
    listed = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))["parts"]
    chapters = [chapter for part in listed for chapter in part["chapters"]]
    (index,) = (chapter for chapter in chapters if chapter["file"] == "book/api/index")
    assert {s["file"] for s in index["sections"]} == {f"book/api/{p.stem}" for p in PAGES.glob("*.md")} - {
        index["file"]
    }
    for page in set(PAGES.glob("*.md")) - {PAGES / "index.md"}:
        words = page.read_text("utf-8").split("\n\n")[1]
        assert re.match(r"[A-Z{`]", words), page
        assert len(words.split()) > 10, page


def test_every_public_name_is_on_its_page_once(room):
    shown = [d.name for d in api.public(room)]
    assert expected(room) <= set(shown)
    assert len(shown) == len(set(shown))
    page = api.room(room.__name__)
    for name in shown:
        entry = rf"^\.\. (?:auto\w+:: {room.__name__}::|py:\w+:: ){name}$"
        assert len(re.findall(entry, page, re.MULTILINE)) == 1, name


def test_every_public_name_has_a_claim_in_the_table(room):
    assert [d.name for d in api.public(room) if not d.claim] == []
    table = api.names()
    for d in api.public(room):
        assert f":py:{api.KINDS[d.kind]}:`~{room.__name__}.{d.name}`\n     - {d.claim}\n" in table + "\n"


def test_names_stand_under_the_file_that_defines_them():
    parts = api.groups(importlib.import_module("homogen.evaluation"))
    assert list(parts)[:2] == ["ranking", "rivals"], "the order in which the package's text names them"
    assert list(parts)[-1] == api.SHARED
    assert {d.name for d in parts[api.SHARED]} >= {"Row", "TestResult"}
    for part, definitions in list(parts.items())[:-1]:
        module = importlib.import_module(f"homogen.evaluation.{part}")
        lines = [inspect.getsourcelines(getattr(module, d.name))[1] for d in definitions if d.kind == "function"]
        assert lines == sorted(lines)


def test_a_new_public_name_needs_no_page_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "attic.py").write_text(
        '"""An attic."""\nfrom json import loads\n\ndef lamp(oil: "Oil"):\n    """Light."""\n\ndef _dust(): ...\n\n'
        'Oil = list[float]\n"""Drops."""\n\nWICKS = ("a", "b")\n"""Known wicks."""\n\nHIDDEN = 3\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    attic = importlib.import_module("attic")
    assert [(d.name, d.kind, d.claim) for d in api.public(attic)] == [
        ("lamp", "function", "Light."),
        ("Oil", "type", "Drops."),
        ("WICKS", "data", "Known wicks."),
    ]
    assert ".. py:type:: Oil\n   :module: attic\n   :canonical: list[float]\n\n   Drops." in api.room("attic")
    attic.__all__ = ["loads"]
    with pytest.raises(ValueError, match=r"attic\.loads is public, but no file of attic defines it"):
        api.public(attic)
    del sys.modules["attic"]


def test_types_keep_their_names_in_signatures():
    aliases = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["sphinx"]["config"]["autodoc_type_aliases"]
    public = [d for name in ROOMS for d in api.public(importlib.import_module(name))]
    assert aliases == {d.name: d.name for d in public if d.kind == "type"}


def test_an_initial_opens_no_list():
    lines = ["P. Jaccard (1912)", "    A. N. Other", "No. 3", "a. b"]
    api._initials(None, "function", "f", None, None, lines)
    assert lines == [r"P\. Jaccard (1912)", r"    A\. N. Other", "No. 3", "a. b"]


def test_references_stay_plain_or_warn():
    def resolve(target, module="homogen.evaluation", **more):
        domain = SimpleNamespace(objects={})
        env = SimpleNamespace(get_domain=lambda name: domain)
        return api._resolve(None, env, {"refdomain": "py", "reftarget": target, "py:module": module, **more}, "plain")

    assert resolve("np.ndarray") == "plain", "a type of another library"
    assert resolve("aurok", refexplicit=False) is None, "a misspelt reference warns"
    assert api._resolve(None, None, {"refdomain": "std"}, "plain") is None


def test_reading_the_other_pages_loads_no_engine():
    for name in set(ROOMS) - {"homogen.engines"}:
        assert not any(file.startswith("homogen.engines.") for file in api._files(importlib.import_module(name)))


def test_docstrings_with_formulas_are_raw(room):
    """Else ``\\frac`` and ``\\text`` would lose their first letters."""
    for file, tree in api._files(room).items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and (text := ast.get_docstring(node)):
                assert not re.search(r"[\x07\x08\t\x0b\x0c]", text), f"{file}: {node.name}"


def test_the_example_of_the_overview_gives_what_it_shows():
    (example,) = re.findall(r"```pycon\n(.*?)```", (PAGES / "index.md").read_text("utf-8"), re.DOTALL)
    test = doctest.DocTestParser().get_doctest(example, {}, "book/api/index.md", None, None)
    assert doctest.DocTestRunner().run(test) == (0, 6)


# The built pages


def is_current():
    """Whether a built reference is there and younger than the package and its own sources."""
    if not (BUILT / "index.html").is_file():
        return False
    sources = [*Path(homogen.__file__).parent.rglob("*.py"), *PAGES.glob("*.md"), ROOT / "_toc.yml", Path(api.__file__)]
    return all(p.stat().st_mtime <= (BUILT / "index.html").stat().st_mtime for p in sources)


built = pytest.mark.skipif(not is_current(), reason="no book is built at _build/html, or it is older than the package")


@built
def test_the_built_page_has_every_name(room):
    text = (BUILT / f"{ROOMS[room.__name__]}.html").read_text("utf-8")
    overview = (BUILT / "index.html").read_text("utf-8")
    for d in api.public(room):
        anchor = f"{room.__name__}.{d.name}"
        assert f'id="{anchor}"' in text, anchor
        assert f'#{anchor}"' in overview, anchor


@built
def test_the_built_page_has_the_formulas_and_no_trace_of_the_machine(room):
    text = (BUILT / f"{ROOMS[room.__name__]}.html").read_text("utf-8")
    things = [getattr(room, d.name) for d in api.public(room) if d.kind == "function"]
    formulas = sum((inspect.getdoc(thing) or "").count(".. math::") for thing in things)
    assert text.count('<div class="math') >= formulas
    assert not re.search(r"object at 0x|&lt;function|problematic|system-message", text)
    assert not re.search(r"\bcollections\.abc\.|\btyping\.|NoneType", unescape(re.sub(r"<[^>]+>", "", text)))
