"""Runs of chapters that are there: under which profiles, which of them is the strongest, and what each was."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from homogen.book import cost, staleness
from homogen.book.chapters import Chapter
from homogen.book.checking import weights_of
from homogen.book.pages import code
from homogen.book.parameters import values_of
from homogen.book.profiles import BOOK, STRENGTH
from homogen.models.catalogue import is_hub_id
from homogen.questions.catalogue import benchmarks
from homogen.records import BadInput

RESULTS = Path("book/results")


class Run(NamedTuple):
    """Where the run of a chapter under a profile lies: its executed notebook, and the file of its findings."""

    profile: str
    output: Path
    findings: Path


def results_folder(profile_name: str, results: str | os.PathLike = RESULTS) -> Path:
    """Where a profile's executed notebooks and findings lie."""
    return Path(results) / profile_name


def run_of(chapter: Chapter, profile_name: str, results: str | os.PathLike = RESULTS) -> Run:
    """Say where a chapter's run under a profile lies, whether it is there or not."""
    folder = results_folder(profile_name, results)
    output = folder / f"{chapter.path.stem}.ipynb"
    return Run(profile_name, output, folder / "findings" / f"{chapter.name}.json")


def runs_of(chapter: Chapter, results: str | os.PathLike = RESULTS) -> list[Run]:
    """Find the runs of a chapter that are there: the strongest first, then those whose strength nobody ranks."""
    found = {path.parent.name for path in Path(results).glob(f"*/{chapter.path.stem}.ipynb")}
    names = [*(name for name in STRENGTH if name in found), *sorted(found - set(STRENGTH))]
    return [run_of(chapter, name, results) for name in names]


def shown(chapter: Chapter, executed: str = "", results: str | os.PathLike = RESULTS) -> str:
    """Name the profile whose run a chapter's page shows: the strongest that was run.

    Parameters
    ----------
    chapter
        On models, or on files: what such a chapter gives does not hang on the machine, and has one page.
    executed
        The profile under which the book runs the chapter; without one, that of the standard book. What is weaker is not
        looked for; a profile that :data:`~homogen.book.profiles.STRENGTH` does not name is the weakest.
    results
        The book's folder of executed chapters by profile.
    """
    executed = executed or BOOK[0 if chapter.files is None else 1]
    if chapter.files is not None:
        return executed
    stronger = STRENGTH[: STRENGTH.index(executed)] if executed in STRENGTH else STRENGTH[:-1]
    return next((run.profile for run in runs_of(chapter, results) if run.profile in stronger), executed)


def about(chapter: Chapter, run: Run) -> dict[str, Any]:
    """Read what a kept run says of itself (:func:`~homogen.book.staleness.provenance`).

    Raises
    ------
    BadInput
        If its notebook is damaged, or the findings beside it are not those that it left: what is written of such a run
        could be of another.
    """
    found = staleness.about_run(run.output) or {}
    again = f"put both back as they were, or make them again: 'homogen run --profile {run.profile}'"
    if not found.get("key"):
        raise BadInput(f"{run.output} is no executed chapter (it was altered); {again}")
    if not staleness.has_its_findings(found, run.findings):
        raise BadInput(f"{run.findings} does not hold the findings that {run.output} left; {again}")
    return found


def told(chapter: Chapter, about: Mapping[str, Any]) -> str:
    """Say in a line of Markdown what a run was: its profile, models, device and questions."""
    own = {p.name for p in chapter.parameters}
    parameters = {name: value for name, value in about.get("parameters", {}).items() if name in own}
    # A run goes on without weights that it cannot have, and tells which: they are none of its models.
    weights, absent = about.get("weights", {}), about.get("absent", ())
    models = [name for _, kind, name in weights_of(chapter, parameters) if kind == "model" and name]
    models = [n for n in dict.fromkeys(models) if n not in absent and (weights.get(n) or not is_hub_id(n))]
    parts = [f"profile **{about.get('profile') or 'none'}**", ", ".join(map(code, models))]
    parts += [about.get("device") or "an unknown device", _questions(chapter, parameters)]
    return "; ".join(part for part in parts if part)


def _questions(chapter: Chapter, parameters: Mapping[str, Any]) -> str:
    """How many questions a run asked, of what; nothing where the chapter's parameters do not say."""
    values = values_of(chapter, parameters)
    asked = values.get("benchmarks", values.get("benchmark"))
    counts = []
    with contextlib.suppress(BadInput):  # a run may have had other parameters than today's front matter speaks of
        counts = [cost.evaluate(entry["questions"], values) for entry in chapter.draws]
    if not counts or not asked:
        return ""
    most = max(counts)
    if isinstance(asked, list):
        return f"up to {most:,} questions each of {', '.join(map(code, asked))}{_precision(most)} at best"
    most = min([most, *(b.size for b in benchmarks() if b.name == asked)])
    return f"{most:,} question{'s' * (most != 1)} of {code(asked)}{_precision(most)}"


def _precision(n: int) -> str:
    """What so many questions can tell: half of the 95% Wilson interval of a rate near one half."""
    half = 1.96 / (2 * math.sqrt(n + 1.96**2))
    return f", which {'tells' if n == 1 else 'tell'} a rate near one half to ±{half:.2f}"
