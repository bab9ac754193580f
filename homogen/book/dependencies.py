"""What of this package some code can reach, and what of that can change a result.

A chapter's outputs are kept until something that they depend on changes. That is its own code, and the modules that
its code reaches by imports; not the rest of the package, and not docstrings, comments and blank lines.
"""

from __future__ import annotations

import ast
import functools
import io
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = Path(__file__).parent.parent


def reached(code: str) -> dict[str, bytes]:
    """Give the files of the package that some code can reach, by their names in it, as far as they can change a result.

    Imports are followed wherever they stand, also inside functions, module by module: of a room those files count that
    are imported, and its ``__init__``, which runs with any of them. Of the data beside the modules the files count that
    a reached module names, or whose names it may make (``f"{name}.jsonl"``, ``"*.csv"``). Where imports cannot be told
    from the text, everything counts. Code is Python, such as the cells of a notebook put together; of a module its
    :func:`essence` is given, of any other file its bytes.

    Examples
    --------
    >>> sorted(reached("from homogen.records import Estimate"))[:3]
    ['__init__.py', 'records/__init__.py', 'records/answers.py']
    >>> found = reached("import homogen as hg; hg.load_questions('pocket')")
    >>> {"questions/data/pocket.jsonl", "questions/catalogue.py"} <= set(found), "models/load.py" in found
    (True, False)
    """
    modules = _modules()
    found, todo = {"homogen"}, [code]
    while todo:
        for name in _named(todo.pop(), frozenset(modules)):
            for module in _with_parents(name, modules) - found:
                found.add(module)
                todo.append(modules[module].read_text("utf-8"))
    files = {modules[m].relative_to(PACKAGE).as_posix(): essence(modules[m].read_text("utf-8")) for m in sorted(found)}
    text = "\n".join(files.values())
    data = {
        path.relative_to(PACKAGE).as_posix(): path.read_bytes()
        for path in sorted(PACKAGE.rglob("*"))
        if path.is_file() and path.suffix not in (".py", ".pyc") and not path.name.startswith(".")
        if any(name in text for name in (path.name, f"}}{path.suffix}", f"*{path.suffix}"))
    }
    return {name: content.encode() for name, content in files.items()} | data


def _modules() -> dict[str, Path]:
    """The package's modules by their full names."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(("homogen", *(parts[:-1] if parts[-1] == "__init__" else parts)))] = path
    return found


def _with_parents(name: str, modules: Mapping[str, Path]) -> set[str]:
    """The module that a dotted name lies in, and the packages around it, which are imported before it."""
    parts = name.split(".")
    while parts and ".".join(parts) not in modules:
        parts.pop()
    return {".".join(parts[:i]) for i in range(1, len(parts) + 1)} & set(modules)


@functools.lru_cache(maxsize=512)
def _named(code: str, everything: frozenset[str]) -> frozenset[str]:
    """Dotted names below ``homogen`` that some code names; ``everything`` if it cannot be told."""
    from homogen import _NAMES

    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):  # such as a notebook's %magic
        return everything
    found, bound = set(), set()
    nodes = list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "homogen":
                    found.add(alias.name)
                    # "import homogen.models" binds homogen, "import homogen.models as m" does not.
                    bound |= {alias.asname or "homogen"} if alias.name == "homogen" or not alias.asname else set()
        elif isinstance(node, ast.ImportFrom):
            if node.level:  # here imports are written in full
                return everything
            found |= {f"{node.module}.{a.name}" for a in node.names if node.module.split(".")[0] == "homogen"}
        elif isinstance(node, ast.Constant) and str(node.value).startswith("homogen."):  # importlib.import_module
            start = str(node.value)
            # f"homogen.engines.{name}" may be any of them; what homogen's own __init__ makes is told by those who ask.
            begun = start.endswith(".") and start != "homogen."
            found |= {name for name in everything if name.startswith(start)} if begun else {start}
    chains, used = set(), set()
    for node in nodes:
        if isinstance(node, ast.Attribute) and (chain := _chain(node)) and chain[0] in bound:
            chains.add(".".join(("homogen", *chain[1:])))
            used.add((node.value.lineno, node.value.col_offset))
    names = [n for n in nodes if isinstance(n, ast.Name) and n.id in bound]
    if any((n.lineno, n.col_offset) not in used for n in names) or any(name.endswith(".*") for name in found):
        return everything  # getattr(hg, name), from homogen import *
    told = found | chains
    short = {f"homogen.{name}": f"homogen.{home}.{name}" for name, home in _NAMES.items()}
    return frozenset(short.get(".".join(name.split(".")[:2]), name) for name in told)


def _chain(node: ast.Attribute) -> list[str]:
    """The parts of ``a.b.c``; nothing if it does not begin with a name."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else []


@functools.lru_cache(maxsize=512)
def essence(source: str) -> str:
    r"""Strip a module's source of docstrings, other bare strings, comments and blank lines; the same on every Python.

    Line ends are ``\n``. What is left need not be valid Python any more.

    Examples
    --------
    >>> print(essence('def two():\n    "Give 2."\n\n    return 2  # always\n'))
    def two():
        return 2
    """
    lines = source.split("\n")
    cuts, kept = [], set()
    for node in _strings(ast.parse(source)):
        start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
        if isinstance(node, ast.Expr):
            cuts.append(tuple((row, len(lines[row - 1].encode()[:column].decode())) for row, column in (start, end)))
        else:  # blank lines and spaces at line ends are part of a string
            kept |= set(range(start[0], end[0]))
    comments = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.COMMENT]
    kept -= {t.start[0] for t in comments}
    for (first, left), (last, right) in sorted([*cuts, *((t.start, t.end) for t in comments)], reverse=True):
        lines[first - 1 : last] = [lines[first - 1][:left] + lines[last - 1][right:], *[""] * (last - first)]
    return "\n".join(
        line if number in kept else line.rstrip()
        for number, line in enumerate(lines, 1)
        if number in kept or line.strip()
    )


def _strings(node: ast.AST) -> Iterator[ast.expr | ast.Expr]:
    """Find bare strings as statements, and all other strings as expressions.

    What is inside an f-string is passed over: before Python 3.12 it has wrong positions.
    """
    for child in ast.iter_child_nodes(node):
        bare = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        constant = child.value if bare else child
        if isinstance(child, ast.JoinedStr) or (
            isinstance(constant, ast.Constant) and isinstance(constant.value, str | bytes)
        ):
            yield child
        else:
            yield from _strings(child)
