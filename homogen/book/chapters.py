"""Chapters: find them, put them in order, read their parameters and what their front matter says.

A chapter is a MyST notebook ``notebooks/NAME.md`` with a cell tagged ``parameters``
(:mod:`homogen.book.parameters`). Its place in the book is its line in ``_toc.yml``. What it is to the rest of the book
stands in its front matter, under ``homogen``, and nowhere in the package:

- ``files: [published/v1a_fluency.jsonl]``: the released files that it runs on, rather than on a model;
- ``draws: [{models: models, runs: 2}]``: what it draws, so that a plan can be made without running it
  (:mod:`homogen.book.cost`);
- ``shows: ["12", C015, decided]``: the rows of the ledger that have their place in it, by the paper's experiment or by
  claim; ``decided`` and ``undecided`` are the rest of those that a check decides, and of all others;
- ``overview: {single clusters: [C145, C148]}``: its rows in the overview, by experiment;
- ``repeated_in: cheapest-first``: the chapter that does on models what this one does on files.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homogen.book.parameters import Parameter, _parameters
from homogen.paper.claims import claims
from homogen.questions import sources
from homogen.records import BadInput, unknown

NOTEBOOKS = Path("notebooks")
TOC = "_toc.yml"
"""Beside the folder of notebooks: the order of the chapters."""
REST = ("decided", "undecided")
"""What ``shows`` may name beside experiments and claims."""


@dataclasses.dataclass(frozen=True)
class Chapter:
    """A notebook that can be run, and what its front matter says (see the top of this module).

    ``files`` is None for a chapter that runs on a model.
    """

    name: str
    path: Path
    title: str
    parameters: tuple[Parameter, ...]
    files: tuple[str, ...] | None = None
    draws: tuple[Mapping[str, str], ...] = ()
    shows: tuple[str, ...] = ()
    overview: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    repeated_in: str = ""


def chapters(folder: str | os.PathLike = NOTEBOOKS) -> dict[str, Chapter]:
    """Find the chapters of a folder in the order of the table of contents; those that it does not list come last."""
    paths = {path.stem: path for path in sorted(Path(folder).glob("[a-z]*.md"))}
    if not paths:
        raise BadInput(f"no chapters in {Path(folder).resolve()}; run this in the project's folder")
    order = [name for name in listed(folder) if name in paths]
    return {name: _chapter(paths[name]) for name in dict.fromkeys((*order, *paths))}


def listed(folder: str | os.PathLike = NOTEBOOKS) -> list[str]:
    """Chapters that the table of contents beside a folder lists, in its order; none where there is no such table."""
    return [name for name in listed_pages(folder) if "/" not in name]


def listed_pages(folder: str | os.PathLike = NOTEBOOKS) -> list[str]:
    """Pages of chapters that the table of contents lists: as :func:`listed`, and second pages as ``here/NAME``."""
    path = Path(folder).resolve().parent / TOC
    text = path.read_text("utf-8") if path.is_file() else ""
    return re.findall(r"^\s*- file: book/chapters/(\S+?)\s*$", text, re.MULTILINE)


def _chapter(path: Path) -> Chapter:
    notebook = read(path)
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    title = re.search(r"^# (.+)$", prose, re.MULTILINE)
    if title is None:
        raise BadInput(f"{path}: a chapter needs a title, a line '# …'")
    parameters = tuple(_parameters(notebook, path))
    names = [p.name for p in parameters]
    for other in (other for p in parameters for other in (p.kind.unless, p.kind.as_many_as) if other):
        if other not in names:
            raise unknown(f"parameter in {path}", other, names)
    return Chapter(path.stem, path, title[1], parameters, **_front_matter(notebook, path))


def read(path: Path):
    """Read a chapter's notebook."""
    import jupytext

    try:
        return jupytext.read(path)
    except Exception as error:  # of its parsers, each with errors of its own
        raise BadInput(f"{path}: jupytext cannot read it: {' '.join(repr(error).split())}") from error


DRAWS = {"models": None, "runs": "1", "questions": "limit", "answers": "n + 1", "tokens": "max_new_tokens"}
"""What an entry of ``draws`` may say, with what holds where it does not."""


_SHAPES = {
    "files": "{files: [name, …]}",
    "draws": "{draws: [{models: …}, …]}",
    "shows": "{shows: [experiment or claim, …]}",
    "overview": "{overview: {experiment: [claim, …]}}",
    "repeated_in": "{repeated_in: chapter}",
}


def _front_matter(notebook, path: Path) -> dict[str, Any]:
    """What a chapter's front matter says, by the fields of :class:`Chapter`."""
    own = notebook.metadata.get("homogen", {})
    if not isinstance(own, dict) or not set(own) <= set(_SHAPES) or ("homogen" in notebook.metadata and not own):
        raise BadInput(
            f"{path}: 'homogen' in the front matter must be made of {', '.join(_SHAPES.values())}, got {own!r}"
        )

    def wrong(name: str) -> BadInput:
        return BadInput(f"{path}: {name!r} in the front matter must be {_SHAPES[name]}, got {own[name]!r}")

    found: dict[str, Any] = {}
    for name in ("files", "shows"):
        if name in own:
            if not _texts(own[name]):
                raise wrong(name)
            found[name] = tuple(own[name])
    for name in found.get("files", ()):
        if name not in sources.SOURCES:
            raise unknown(f"file in {path}", name, sources.SOURCES)
    if "repeated_in" in own:
        if not isinstance(own["repeated_in"], str):
            raise wrong("repeated_in")
        found["repeated_in"] = own["repeated_in"]
    if "overview" in own:
        if not isinstance(own["overview"], dict) or not all(map(_texts, own["overview"].values())):
            raise wrong("overview")
        found["overview"] = {str(name): tuple(ids) for name, ids in own["overview"].items()}
    every = {*claims(), *(claim.experiment for claim in claims().values()), *REST}
    for name in found.get("shows", ()):
        if name not in every:
            raise unknown(f"experiment or claim in {path}", name, every)
    for claim in (claim for ids in found.get("overview", {}).values() for claim in ids):
        if claim not in claims():
            raise unknown(f"claim in {path}", claim, claims())
    return found | _draws(own, path, wrong)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _draws(own: Mapping[str, Any], path: Path, wrong: Any) -> dict[str, Any]:
    draws = own.get("draws", [])
    if not isinstance(draws, list) or not all(isinstance(entry, dict) and "models" in entry for entry in draws):
        raise wrong("draws")
    for entry in draws:
        for name in entry:
            if name not in DRAWS:
                raise unknown(f"entry of 'draws' in {path}", name, DRAWS)
    defaults = {name: value for name, value in DRAWS.items() if value is not None}
    return {"draws": tuple({k: str(v) for k, v in (defaults | entry).items()} for entry in draws)}
