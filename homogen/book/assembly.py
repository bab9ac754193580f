"""Assemble the book's chapters: run what has changed, take what is committed, stage all as pages."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from homogen.book.chapters import NOTEBOOKS, TOC, Chapter, chapters, listed
from homogen.book.pages import stage, with_current_prose
from homogen.book.profiles import BOOK, profile
from homogen.book.running import disk, execute, put
from homogen.book.staleness import about_run, execution_key, is_current
from homogen.questions import sources
from homogen.records import BadInput

RESULTS = Path("book/results")
STAGED = Path("book/chapters")


class Planned(NamedTuple):
    """A chapter of the book, the profile that runs it, and its parameters there."""

    chapter: Chapter
    profile: str
    parameters: Mapping[str, Any]

    @property
    def output(self) -> Path:
        """Its executed notebook."""
        return results_folder(self.profile) / f"{self.chapter.path.stem}.ipynb"

    @property
    def findings(self) -> Path:
        """Folder of what it records."""
        return results_folder(self.profile) / "findings"


def results_folder(profile_name: str) -> Path:
    """Where a profile's executed notebooks and findings lie."""
    return RESULTS / profile_name


def plan(profile_name: str = BOOK[0], folder: str | os.PathLike = NOTEBOOKS) -> list[Planned]:
    """Say which profile runs which chapter of the book: the one given, else ``released``."""
    every, told = chapters(folder), listed(folder)
    if told and (untold := [name for name in every if name not in told]):
        raise BadInput(
            f"no chapter may be left out of the book: {', '.join(untold)} must have a line in {TOC}, "
            f"'- file: book/chapters/{untold[0]}'"
        )
    names = dict.fromkeys((profile_name, BOOK[1]))
    wanted = {name: profile(name, folder) for name in names}
    homeless = [chapter for chapter in every if not any(chapter in own for own in wanted.values())]
    if homeless:
        raise BadInput(
            f"no chapter may be left out of the book: {', '.join(homeless)} must be in the list 'chapters' of the "
            f"profile {' or '.join(names)} ({Path(folder) / 'profiles'})"
        )
    where = {chapter: next(name for name in names if chapter in wanted[name]) for chapter in every}
    return [Planned(every[chapter], name, wanted[name][chapter]) for chapter, name in where.items()]


def run_book(profile_name: str = BOOK[0], force: bool = False, folder: str | os.PathLike = NOTEBOOKS) -> list[Path]:
    """Bring every chapter of the book up to date and stage it; returns the staged pages.

    A chapter that runs on released files is run where these are at hand. Elsewhere its page is made of the outputs
    that are there, and says so if the code has changed since.

    Parameters
    ----------
    profile_name
        The profile to run, beside ``released``.
    force
        Run chapters that are up to date too.
    folder
        Where the notebooks lie.

    Raises
    ------
    BadInput
        If a chapter is in neither profile, fails, or has neither its files nor outputs.
    """
    import nbformat
    from tqdm import tqdm

    planned = plan(profile_name, folder)
    # Known at once, and so said before the chapters that take minutes.
    absent = {p.chapter.name: _absent(p) for p in planned}
    with disk(STAGED):
        STAGED.mkdir(parents=True, exist_ok=True)
    pages = []
    with tqdm(planned, desc="chapters", unit="chapter", file=sys.stderr) as bar:
        for p in bar:
            bar.set_postfix_str(p.chapter.name)
            missing = absent[p.chapter.name]
            if not missing and (force or not is_current(p.chapter, p.parameters, p.output, p.findings)):
                # The standard book fetches no weights: who builds it has not asked for gigabytes.
                execute(p.chapter, p.parameters, p.output, p.findings, p.profile, offline=p.profile == BOOK[0])
            outdated = bool(missing) and about_run(p.output)["key"] != execution_key(p.chapter, p.parameters)
            if missing and (force or outdated):
                bar.write(f"{p.chapter.name}: not run for want of {', '.join(missing)}", file=sys.stderr)
            page = STAGED / p.output.name
            executed = with_current_prose(nbformat.read(p.output, as_version=4), p.chapter)
            text = nbformat.writes(stage(executed, p.chapter, outdated))
            if not page.is_file() or page.read_text("utf-8") != text:
                put(page, text)
            pages.append(page)
    for stale in set(STAGED.glob("*.ipynb")) - set(pages):
        stale.unlink()
    return pages


def _absent(planned: Planned) -> list[str]:
    """The files that a chapter needs and that are not at hand; a mistake if it has no outputs either."""
    missing = [name for name in planned.chapter.files or () if not sources.available(name)]
    if missing and not (about_run(planned.output) or {}).get("key"):
        folder = sources.data_folder() or "a folder that HOMOGEN_DATA names"
        raise BadInput(
            f"chapter {planned.chapter.name} needs {', '.join(missing)}, and there are no outputs of it at "
            f"{planned.output}; put the files under these names in {folder}, or let "
            f"'homogen run {planned.chapter.name}' fetch them"
        )
    return missing
