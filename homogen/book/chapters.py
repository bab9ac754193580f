"""Chapters: find them, read their parameters and profiles, check what they ask for.

A chapter is a MyST notebook ``notebooks/NN_name.md`` with a cell tagged ``parameters`` of lines
``name: type = default  # meaning``. One that runs on released files, rather than on a model, names them in its front
matter: ``homogen: {files: [published/v1a_fluency.jsonl]}``. One that draws answers says there how many, in terms of its
parameters, so that a plan can be made without running it: ``homogen: {draws: [{models: models, runs: 2}]}``
(:mod:`homogen.book.cost`). A profile is ``notebooks/profiles/NAME.yaml``: the
``chapters`` that it runs, and for each the parameters that it sets.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from pathlib import Path

from homogen.book.parameters import Parameter, _parameters
from homogen.questions import sources
from homogen.records import BadInput, unknown

NOTEBOOKS = Path("notebooks")


@dataclasses.dataclass(frozen=True)
class Chapter:
    """A notebook that can be run.

    ``files`` are the public files that it runs on, None for a chapter that runs on a model. ``draws`` are the answers
    that it draws, as its front matter gives them.
    """

    name: str
    path: Path
    title: str
    parameters: tuple[Parameter, ...]
    files: tuple[str, ...] | None = None
    draws: tuple[Mapping[str, str], ...] = ()


def chapters(folder: str | os.PathLike = NOTEBOOKS) -> dict[str, Chapter]:
    """Find the chapters of a folder, in the order of their numbers; ``02_single_clusters.md`` is ``single-clusters``.

    Raises
    ------
    BadInput
        If the folder has no chapter, or a chapter's parameters cell or list of files cannot be read.
    """
    paths = sorted(Path(folder).glob("[0-9][0-9]_*.md"))
    if not paths:
        raise BadInput(f"no chapters in {Path(folder).resolve()}; run this in the project's folder")
    return {c.name: c for c in map(_chapter, paths)}


def _chapter(path: Path) -> Chapter:
    notebook = read(path)
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    title = re.search(r"^# (.+)$", prose, re.MULTILINE)
    if title is None:
        raise BadInput(f"{path}: a chapter needs a title, a line '# …'")
    name = path.stem[3:].replace("_", "-")
    parameters = tuple(_parameters(notebook, path))
    files, draws = _front_matter(notebook, path)
    return Chapter(name, path, title[1], parameters, files, draws)


def read(path: Path):
    """Read a chapter's notebook."""
    import jupytext

    try:
        return jupytext.read(path)
    except Exception as error:  # of its parsers, each with errors of its own
        raise BadInput(f"{path}: jupytext cannot read it: {' '.join(repr(error).split())}") from error


DRAWS = {"models": None, "runs": "1", "questions": "limit", "answers": "n + 1", "tokens": "max_new_tokens"}
"""What an entry of ``draws`` may say, with what holds where it does not."""


def _front_matter(notebook, path: Path) -> tuple[tuple[str, ...] | None, tuple[Mapping[str, str], ...]]:
    """The public files that a chapter runs on, None where it names none; and what it draws."""
    own = notebook.metadata.get("homogen", {})
    if not isinstance(own, dict) or not set(own) <= {"files", "draws"} or ("homogen" in notebook.metadata and not own):
        raise BadInput(
            f"{path}: 'homogen' in the front matter must be {{files: [name, …]}} or {{draws: [{{models: …}}, …]}}, "
            f"got {own!r}"
        )
    files, draws = own.get("files"), own.get("draws", [])
    if files is not None and (not isinstance(files, list) or not all(isinstance(name, str) for name in files)):
        raise BadInput(f"{path}: 'homogen' in the front matter must be {{files: [name, …]}}, got {own!r}")
    for name in files or ():
        if name not in sources.SOURCES:
            raise unknown(f"file in {path}", name, sources.SOURCES)
    if not isinstance(draws, list) or not all(isinstance(entry, dict) and "models" in entry for entry in draws):
        raise BadInput(f"{path}: 'draws' in the front matter must be [{{models: …, runs: …}}, …], got {draws!r}")
    for entry in draws:
        for name in entry:
            if name not in DRAWS:
                raise unknown(f"entry of 'draws' in {path}", name, DRAWS)
    defaults = {name: value for name, value in DRAWS.items() if value is not None}
    said = tuple({k: str(v) for k, v in (defaults | entry).items()} for entry in draws)
    return None if files is None else tuple(files), said
