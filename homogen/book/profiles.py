"""Profiles: which chapters run with which parameters, from ``notebooks/profiles/*.yaml``.

``chapters`` lists those that a profile runs, or is ``models`` or ``files``: all that run on a model, or on released
files. Every other entry has the parameters of a chapter, and ``all`` those of every chapter that has them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homogen.book.chapters import NOTEBOOKS, Chapter, chapters
from homogen.book.parameters import validate
from homogen.records import BadInput, unknown

EVERY = ("models", "files")
"""What ``chapters`` may be in place of a list."""
BOOK = ("pocket", "released")
"""The profiles of the book: chapters that run on small models, chapters that run on the paper's released files."""
STRENGTH = ("paper", "gpu", "desk", BOOK[0])
"""Profiles of chapters on models, the strongest first: a chapter's page shows the first of them that was run."""
COMMITTED = (*STRENGTH[:-1], BOOK[1])
"""Profiles whose runs are kept with the project; the book's own is run anew on every machine."""


def profile(name: str, folder: str | os.PathLike = NOTEBOOKS) -> dict[str, dict[str, Any]]:
    """Read a profile: the chapters that it runs, in the order of the book, and for each its parameters, validated.

    Raises
    ------
    BadInput
        If the profile does not exist, has no list of chapters, names an unknown chapter or parameter, or sets
        parameters of a chapter that it does not list.
    """
    return _profile(name, folder, chapters(folder))


def _profile(name: str, folder: str | os.PathLike, every: Mapping[str, Chapter]) -> dict[str, dict[str, Any]]:
    # A name with a slash in it would send the results elsewhere.
    path = Path(folder) / "profiles" / f"{name}.yaml"
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or not path.is_file():
        raise unknown("profile", name, profiles(folder))
    content = _yaml(path)
    listed = content.pop("chapters", None)
    if listed in EVERY:
        listed = [c.name for c in every.values() if (c.files is None) == (listed == EVERY[0])]
    if not isinstance(listed, list) or not all(isinstance(chapter, str) for chapter in listed):
        raise BadInput(
            f"{path}: a list of the chapters that it runs is wanted, 'chapters: [name, …]', or models or files"
        )
    if not all(isinstance(parameters, dict | None) for parameters in content.values()):
        raise BadInput(f"{path}: a mapping 'chapter: {{parameter: value}}' is wanted")
    shared = content.pop("all", None) or {}
    for chapter in (*listed, *content):
        if chapter not in every:
            raise unknown(f"chapter in {path}", chapter, every)
        if listed.count(chapter) > 1:
            raise BadInput(f"{path} lists {chapter!r} more than once")
    for chapter in content:
        if chapter not in listed:
            raise BadInput(f"{path} sets parameters of {chapter!r}, which is not in its list 'chapters'")
    wanted = {c.name: c for c in every.values() if c.name in listed}
    own = {c.name: {p.name for p in c.parameters} for c in wanted.values()}
    for parameter in shared:
        if not any(parameter in names for names in own.values()):
            raise unknown(f"parameter in {path}", parameter, set().union(*own.values()))
    found = {}
    for name, c in wanted.items():
        try:
            found[name] = validate(c, {k: v for k, v in shared.items() if k in own[name]} | (content.get(name) or {}))
        except BadInput as mistake:
            raise BadInput(f"{path}: {mistake}") from mistake
    return found


def _yaml(path: Path) -> dict[Any, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_bytes())
    except RecursionError as error:
        raise BadInput(f"{path}: nested too deep") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise BadInput(f"{path}{f', line {mark.line + 1}' if mark else ''}: not valid YAML") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path}: a mapping 'chapter: {{parameter: value}}' is wanted")
    return content


def profiles(folder: str | os.PathLike = NOTEBOOKS) -> list[str]:
    """Find the names of the profiles, the book's first."""
    found = {p.stem for p in (Path(folder) / "profiles").glob("*.yaml")}
    return [*(name for name in BOOK if name in found), *sorted(found - set(BOOK))]


def profiles_of(folder: str | os.PathLike = NOTEBOOKS) -> dict[str, list[str]]:
    """Say for each chapter which profiles run it, the book's first."""
    every = chapters(folder)
    found = {name: set(_profile(name, folder, every)) for name in profiles(folder)}
    return {chapter: [name for name, own in found.items() if chapter in own] for chapter in every}
