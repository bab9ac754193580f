"""Assemble the book's chapters: run what has changed, take what is committed, stage all as pages."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

from homogen.book import readings, runs
from homogen.book.chapters import NOTEBOOKS, TOC, Chapter, chapters, listed, listed_pages
from homogen.book.pages import stage, with_current_prose
from homogen.book.profiles import BOOK, profile
from homogen.book.running import disk, execute, put
from homogen.book.runs import results_folder
from homogen.book.staleness import about_run, execution_key, is_current, is_of_this_code
from homogen.models import memory, pick_device
from homogen.questions import sources
from homogen.records import BadInput
from homogen.records.checks import whole

STAGED = Path("book/chapters")
HERE = "here"
"""Folder within :data:`STAGED` of second pages: chapters as run on this machine whose own page shows a stronger run."""
PART = "On this machine"
"""Of the table of contents, where second pages are listed."""
ROOM = 4 * 10**9
"""Bytes of memory that a chapter of the book's own profile may take: no more of them run at once than have so much."""


class Planned(NamedTuple):
    """A chapter of the book, the profile that runs it, and its parameters there."""

    chapter: Chapter
    profile: str
    parameters: Mapping[str, Any]

    @property
    def output(self) -> Path:
        """Its executed notebook."""
        return runs.run_of(self.chapter, self.profile).output

    @property
    def findings(self) -> Path:
        """Folder of what it records."""
        return results_folder(self.profile) / "findings"


class Kept(NamedTuple):
    """A run of a chapter that is stronger than the book's own and is shown as it was kept."""

    run: runs.Run
    about: Mapping[str, Any]
    outdated: bool


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


def run_book(
    profile_name: str = BOOK[0],
    force: bool = False,
    folder: str | os.PathLike = NOTEBOOKS,
    jobs: int | None = 1,
) -> list[Path]:
    """Bring every chapter of the book up to date and stage it; returns the staged pages.

    A chapter that runs on released files is run where these are at hand. Elsewhere its page is made of the outputs
    that are there, and says so if the code has changed since. A chapter on models is run under the profile given. If it
    was run under a stronger one (:data:`~homogen.book.profiles.STRENGTH`), its page shows that run as it was kept, and
    the book's own run is a second page, in the folder ``here``.

    Parameters
    ----------
    profile_name
        The profile to run, beside ``released``.
    force
        Run chapters that are up to date too.
    folder
        Where the notebooks lie.
    jobs
        Chapters that run side by side, each in a process of its own with its share of the cores; None takes as many as
        the machine has cores and memory for (:func:`side_by_side`).

    Raises
    ------
    BadInput
        If ``jobs`` is no count; if a chapter is in neither profile, fails, or has neither its files nor outputs; if a
        kept run is damaged; if the table of contents does not list what is staged; if a reading does not hold.
    """
    from tqdm import tqdm

    if jobs is not None:
        whole("jobs", jobs, 1)
    planned = plan(profile_name, folder)
    # Known at once, and so said before the chapters that take minutes.
    absent = {p.chapter.name: _absent(p) for p in planned}
    kept = {p.chapter.name: _kept(p, folder) for p in planned}
    _check_contents(planned, kept, folder)
    readings.check_all([p.chapter.name for p in planned])
    with disk(STAGED):
        STAGED.mkdir(parents=True, exist_ok=True)
    due = [
        p
        for p in planned
        if not absent[p.chapter.name] and (force or not is_current(p.chapter, p.parameters, p.output, p.findings))
    ]
    with tqdm(total=len(due), desc="chapters", unit="chapter", file=sys.stderr, disable=not due) as bar:
        _execute_all(due, jobs or side_by_side(profile_name), bar)
    pages = []
    for p in planned:
        missing = absent[p.chapter.name]
        outdated = bool(missing) and about_run(p.output)["key"] != execution_key(p.chapter, p.parameters)
        if missing and (force or outdated):
            print(f"{p.chapter.name}: not run for want of {', '.join(missing)}", file=sys.stderr)
        pages += _stage(p, kept[p.chapter.name], outdated)
    _remove_others(pages)
    return pages


def side_by_side(profile_name: str = BOOK[0]) -> int:
    """How many chapters to run at once: one a core of the processor, each with :data:`ROOM`, four at the most.

    One alone where there is a GPU, whose memory they would share, and under other profiles than the book's own, whose
    models may be of any size.
    """
    if profile_name != BOOK[0] or pick_device() != "cpu":
        return 1
    return max(1, min((os.cpu_count() or 1), sum(memory.free_memory("cpu")) // ROOM, 4))


def _execute(planned: Planned, **how: Any) -> None:
    # The standard book fetches no weights: who builds it has not asked for gigabytes.
    chapter, name, parameters = planned
    execute(chapter, parameters, planned.output, planned.findings, name, offline=name == BOOK[0], **how)


def _execute_all(due: Sequence[Planned], jobs: int, bar: Any) -> None:
    """Run chapters, some at once; what one of them has drawn for the store another finds there."""
    if min(jobs, len(due)) <= 1:
        for p in due:
            bar.set_postfix_str(p.chapter.name)
            _execute(p)
            bar.update()
        return
    # Two kernels on one core each are done sooner than one on two: little in a chapter fills two.
    jobs = min(jobs, len(due))
    threads = max(1, (os.cpu_count() or 1) // jobs)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _begin_worker, (threads,)) as pool:
        running = {pool.submit(_execute, p, live=False): p.chapter.name for p in due}
        try:
            for ended in as_completed(running):
                if ended.exception() is not None:
                    bar.write(f"{running[ended]} failed; waiting for what runs beside it", file=sys.stderr)
                ended.result()
                bar.set_postfix_str(f"{running[ended]} done")
                bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _begin_worker(threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the terminal interrupts all; who waits for this process says so
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))


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


def _kept(planned: Planned, folder: str | os.PathLike) -> Kept | None:
    """The run that a chapter's page shows in place of the book's own, if there is a stronger one."""
    chapter, name = planned.chapter, runs.shown(planned.chapter, planned.profile)
    if name == planned.profile:
        return None
    run = runs.run_of(chapter, name)
    about = runs.about(chapter, run)
    own = profile(name, folder)
    if chapter.name not in own:
        raise BadInput(
            f"{run.output} is a run under a profile that does not list its chapter; add {chapter.name} to the list "
            f"'chapters' of {Path(folder) / 'profiles' / name}.yaml, or delete the run"
        )
    return Kept(run, about, not is_of_this_code(chapter, own[chapter.name], about))


def _check_contents(planned: Iterable[Planned], kept: Mapping[str, Kept | None], folder: str | os.PathLike) -> None:
    """Hold the table of contents, which is written by hand, to the pages that will be staged."""
    told = listed_pages(folder)
    if not told:
        return
    wanted = [p.chapter.name for p in planned] + [f"{HERE}/{name}" for name, run in kept.items() if run]
    lines = {name: f"'- file: {(STAGED / name).as_posix()}'" for name in (*wanted, *told)}
    if more := [lines[name] for name in wanted if name not in told]:
        raise BadInput(
            f"{TOC} does not list every page: add {', '.join(more)} to its part {PART!r}, as the chapter's own page "
            "shows a stronger run"
        )
    if less := [lines[name] for name in told if name not in wanted]:
        second = any(f"/{HERE}/" in line for line in less)
        why = (
            "of this chapter there is no stronger run, and so one page alone" if second else "there is no such chapter"
        )
        raise BadInput(f"{TOC} lists pages that there will not be: take out {', '.join(less)} ({why})")


def _stage(planned: Planned, kept: Kept | None, outdated: bool) -> list[Path]:
    """Write the page of a chapter, and its second one where the first shows a stronger run; gives their paths."""
    chapter, own = planned.chapter, runs.run_of(planned.chapter, planned.profile)
    page = STAGED / own.output.name
    line = runs.told(chapter, about_run(own.output) or {}) if chapter.files is None else ""
    if kept is None:
        _put_page(page, chapter, own, outdated, f"*This page:* {line}." if line else "")
        return [page]
    second = STAGED / HERE / own.output.name
    first = (
        f"*This page:* {runs.told(chapter, kept.about)}. [The same chapter, run on this machine]({HERE}/{page.name})."
    )
    _put_page(page, chapter, kept.run, kept.outdated, first)
    line = f"*Run on this machine:* {line}. [The chapter's own page]({page.name}) shows the strongest run there is."
    with disk(second):
        second.parent.mkdir(exist_ok=True)
    _put_page(second, chapter, own, outdated, line, second=True)
    return [page, second]


def _put_page(path: Path, chapter: Chapter, run: runs.Run, outdated: bool, line: str, second: bool = False) -> None:
    """Write a page if it is not there as it should be: the build makes anew what was written."""
    import nbformat

    executed = with_current_prose(nbformat.read(run.output, as_version=4), chapter)
    reading = readings.reading(run.profile, chapter.name)
    text = nbformat.writes(stage(executed, chapter, outdated, line, reading, second))
    if not path.is_file() or path.read_text("utf-8") != text:
        put(path, text)


def _remove_others(pages: Iterable[Path]) -> None:
    """Remove pages of chapters and runs that are no more."""
    for stale in {*STAGED.glob("*.ipynb"), *(STAGED / HERE).glob("*.ipynb")} - set(pages):
        stale.unlink()
    with contextlib.suppress(OSError):  # it is not there, or it is in use
        (STAGED / HERE).rmdir()


def _end_with_parent() -> None:
    """A worker holds its own queue open, and would wait for ever for a parent that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
