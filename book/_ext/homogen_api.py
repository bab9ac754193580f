"""The API pages: every public name of a module, under the path that users type, grouped by where it is defined.

A page says ``{room} homogen.evaluation``, and ``{names}`` is the table of all rooms. Both become text before
the page is parsed, and are read off the modules, so that neither can go stale.

Signatures, docstrings and members are autodoc's work. What it cannot do, and this file does: say what a constant or a
type means that one file defines and the room's ``__init__`` hands on (autodoc reads the text under an assignment in
the defining file alone); group a room's names by those files under the path that users type (``automodule`` takes
either the path or the grouping); and the table of all names (``autosummary`` wants them listed by hand, or pages of its
own that ``_toc.yml`` does not know).
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import sys
import typing
from pathlib import Path
from types import ModuleType

PAGES = Path(__file__).parent.parent / "api"
ROOM = re.compile(r"^```\{room\} (?P<module>[\w.]+)\n```$", re.MULTILINE)
NAMES = re.compile(r"^```\{names\}\n```$", re.MULTILINE)
SHARED = "Shared"
"""Heading of what a package's private files define for all of its rooms."""

DATA = (str, bytes, int, float, tuple, list, dict, set, frozenset, re.Pattern)
KINDS = {"function": "func", "class": "class", "exception": "class", "type": "class", "data": "data"}
"""What a name is, and the role that links to it."""


class Definition(typing.NamedTuple):
    """A public name: what it is, the file that defines it, the place there, and for constants text and value."""

    name: str
    kind: str
    home: str
    line: int
    claim: str
    text: str
    source: str


# Read off the modules


def _files(module: ModuleType) -> dict[str, ast.Module]:
    """A module's own file, and those of its parts if it is a package; public ones first."""
    parts = [m.name for m in pkgutil.iter_modules(getattr(module, "__path__", []))]
    names = [module.__name__, *(f"{module.__name__}.{p}" for p in sorted(parts, key=lambda p: (p.startswith("_"), p)))]
    return {name: ast.parse(Path(importlib.import_module(name).__file__).read_text("utf-8")) for name in names}


def _defined(tree: ast.Module) -> dict[str, tuple[int, str, str]]:
    """Names that a file defines: line, the text under an assignment, the assignment's right side."""
    found = {}
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = (node.lineno, "", "")
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            text = ""
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and type(after.value.value) is str:
                text = inspect.cleandoc(after.value.value)
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for name in target.elts if isinstance(target, ast.Tuple) else [target]:
                    if isinstance(name, ast.Name):
                        found[name.id] = (node.lineno, text, ast.unparse(node.value))
    return found


def _kind(thing: object) -> str:
    if inspect.isroutine(thing):
        return "function"
    if inspect.isclass(thing) and typing.get_origin(thing) is None:
        return "exception" if issubclass(thing, BaseException) else "class"
    return "data" if isinstance(thing, DATA) else "type"


def _claim(text: str) -> str:
    """The first paragraph, as one line."""
    return " ".join(text.strip().split("\n\n")[0].split())


def public(module: ModuleType) -> list[Definition]:
    """The public names of a module: its ``__all__``, else what it defines; in the order of the files."""
    files = {name: _defined(tree) for name, tree in _files(module).items()}
    names = getattr(module, "__all__", None)
    if names is None:
        own = files[module.__name__]
        names = [n for n in own if not n.startswith("_") and (_kind(getattr(module, n)) != "data" or own[n][1])]
    found = []
    for name in names:
        thing = getattr(module, name)
        homes = [home for home, own in files.items() if name in own]
        if not homes:
            raise ValueError(f"{module.__name__}.{name} is public, but no file of {module.__name__} defines it")
        line, text, source = files[homes[0]][name]
        kind = _kind(thing)
        shown = text if kind in ("data", "type") else inspect.getdoc(thing) or ""
        found.append(Definition(name, kind, homes[0], line, _claim(shown), text, source))
    places = list(files)
    return sorted(found, key=lambda d: (places.index(d.home), d.line))


def groups(module: ModuleType) -> dict[str, list[Definition]]:
    """Public names by the file that defines them, in the order in which the package's text names the files."""
    members: dict[str, list[Definition]] = {}
    for definition in public(module):
        part = definition.home.removeprefix(module.__name__).lstrip(".")
        members.setdefault(SHARED if part.startswith("_") else part, []).append(definition)
    told = re.findall(r"``(\w+)``", module.__doc__ or "")
    rank = {part: i for i, part in reversed(list(enumerate(told)))}
    return dict(sorted(members.items(), key=lambda item: (item[0] == SHARED, rank.get(item[0], len(rank)))))


# Written for Sphinx


def _rst(*blocks: str) -> str:
    return "`````{eval-rst}\n" + "\n\n".join(blocks) + "\n`````\n"


def _indented(text: str) -> str:
    return "\n".join(f"   {line}" if line else "" for line in text.splitlines())


def _entry(module: ModuleType, definition: Definition) -> str:
    name, kind = definition.name, definition.kind
    if kind in ("function", "class", "exception"):
        members = "\n   :members:\n   :member-order: bysource\n   :special-members: __call__"
        options = "" if kind == "function" else members
        return f".. auto{kind}:: {module.__name__}::{name}{options}"
    thing, text, head = getattr(module, name), definition.text, f".. py:{kind}:: {name}\n   :module: {module.__name__}"
    if kind == "type":
        return f"{head}\n   :canonical: {definition.source}\n\n{_indented(text)}"
    value = repr(thing)
    if len(value) <= 120:
        return f"{head}\n   :value: {value}\n\n{_indented(text)}"
    if isinstance(thing, dict):
        text += "\n\nKeys: " + ", ".join(f"``{key}``" for key in thing) + "."
    return f"{head}\n\n{_indented(text)}"


def room(name: str) -> str:
    """The text of a module's page: what the module says of itself, then its names."""
    module = importlib.import_module(name)
    here = f".. py:currentmodule:: {name}"
    parts = groups(module)
    page = [_rst(f".. automodule:: {name}")]
    for part, definitions in parts.items():
        if len(parts) > 1 and part:
            page.append(f"## {part.replace('_', ' ').capitalize()}\n")
            if part != SHARED:
                page.append(_rst(here, inspect.getdoc(sys.modules[f"{name}.{part}"])))
        page.append(_rst(here, *(_entry(module, d) for d in definitions)))
    return "\n".join(page)


def rooms() -> dict[str, str]:
    """Every module that a page of the book shows, and its page, in the order of the pages."""
    import yaml

    content = yaml.safe_load((PAGES.parent.parent / "_toc.yml").read_text("utf-8"))
    chapters = [chapter for part in content["parts"] for chapter in part["chapters"]]
    pages = [s["file"] for c in chapters if c["file"] == "book/api/index" for s in c["sections"]]
    texts = {Path(page).name: (PAGES.parent.parent / f"{page}.md").read_text("utf-8") for page in pages}
    return {m["module"]: page for page, text in texts.items() for m in ROOM.finditer(text)}


def names() -> str:
    """The table of all public names with their claims, one a room."""
    page = []
    for name, file in rooms().items():
        module = importlib.import_module(name)
        rows = [d for part in groups(module).values() for d in part]
        lines = [".. list-table::\n   :class: names\n   :widths: 30 70\n"]
        lines += [f"   * - :py:{KINDS[d.kind]}:`~{name}.{d.name}`\n     - {d.claim}" for d in rows]
        page.append(f"### [{name.removeprefix('homogen.')}]({file}.md)\n")
        page.append(_rst(f".. py:currentmodule:: {name}", "\n".join(lines)))
    return "\n".join(page)


def _expand(app, docname, source) -> None:
    if not (ROOM.search(source[0]) or NAMES.search(source[0])):
        return
    shown = [m["module"] for m in ROOM.finditer(source[0])] or list(rooms())
    for name in shown:
        for file in _files(importlib.import_module(name)):
            app.env.note_dependency(sys.modules[file].__file__)
    source[0] = ROOM.sub(lambda m: room(m["module"]), source[0])
    source[0] = NAMES.sub(lambda m: names(), source[0])


def _initials(app, what, name, thing, options, lines):
    """An author's initial at the beginning of a line ("P. Jaccard") opens no list."""
    lines[:] = [re.sub(r"^(\s*[A-Z])\. (?=[A-Z])", r"\1\\. ", line) for line in lines]


def _resolve(app, env, node, contnode):
    """Link what one page alone defines, and show other types, those of libraries, as plain code; the rest warns."""
    from sphinx.util.nodes import make_refnode

    if node.get("refdomain") != "py":
        return None
    target, objects = node["reftarget"], env.get_domain("py").objects
    of_a_type = "refexplicit" not in node or node.get("refspecific")
    if of_a_type and target.startswith("homogen."):
        target = target.rpartition(".")[2]  # written out by autodoc: where it is defined, not where users find it
    found = [(n, entry) for n, entry in objects.items() if n.endswith(f".{target}") and not entry.aliased]
    if len(found) == 1:
        (name, entry), *_ = found
        return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, name)
    return contnode if of_a_type else None


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.connect("source-read", _expand)
    app.connect("autodoc-process-docstring", _initials, priority=900)
    app.connect("missing-reference", _resolve)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
