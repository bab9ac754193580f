"""Run a chapter with papermill: in a kernel of its own, with all that it leaves put in place together or not at all."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from homogen.book.chapters import Chapter, read
from homogen.book.checking import check
from homogen.book.pages import reproducible, stopped, summary
from homogen.book.parameters import validate
from homogen.book.profiles import COMMITTED
from homogen.book.staleness import execution_key, provenance
from homogen.records import BadInput, files

NOTHING = "NothingToShow"
"""The error by which a chapter says that it can go no further (:class:`homogen.experiment.NothingToShow`)."""


def execute(
    chapter: Chapter,
    parameters: Mapping[str, Any],
    output: Path,
    findings: Path,
    profile_name: str = "",
    live: bool = True,
    given: Collection[str] = (),
    offline: bool = False,
    absent: Collection[str] | None = None,
):
    """Run a chapter with papermill and write the executed notebook, complete or with its error.

    Of a chapter that runs on released files, another run writes the same bytes but for how long it took and when.

    Parameters
    ----------
    chapter
        What to run.
    parameters
        Checked here again; the rest keep their defaults.
    output
        The ``.ipynb`` to write. It appears under this name only when the run has ended.
    findings
        Folder for what the chapter records.
    profile_name
        Written into the provenance.
    live
        Show the chapter's progress bars on the terminal.
    given
        Names of the parameters that come from the command line rather than from the profile.
    offline
        Fetch no weights from the hub: the chapter goes on with what is here.
    absent
        Names of the weights that cannot be had, as far as that was found out; None if nobody looked.

    Raises
    ------
    BadInput
        If a parameter is wrong (:func:`check`), a file cannot be written, or there is no kernel. If a cell failed or
        did not run; the notebook with the error is kept beside ``output`` as ``….failed.ipynb``. An earlier run's
        notebook and findings stay as they are.
    """
    import nbformat
    import papermill
    from jupyter_client.kernelspec import NoSuchKernel

    parameters = validate(chapter, parameters)
    check(chapter, parameters)
    notebook = read(chapter.path)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    # What is changed while the chapter runs must make it stale, so the key is of the sources as they are now.
    key = execution_key(chapter, parameters)
    final = findings / f"{chapter.name}.json"
    started = time.monotonic()
    with disk(findings):
        for home in (output.parent, findings):
            home.mkdir(parents=True, exist_ok=True)
    with (
        disk(Path(tempfile.gettempdir())),
        _workroom() as folder,
        _environment({"HOMOGEN_FINDINGS": f"{folder}/findings"} | ({"HF_HUB_OFFLINE": "1"} if offline else {})),
    ):
        source, made = Path(folder) / "in.ipynb", Path(folder) / "out.ipynb"
        # Written aside: what a run that is killed has recorded so far must not pass for its findings.
        left = Path(folder) / "findings" / final.name
        nbformat.write(notebook, source)
        nbformat.write(notebook, made)
        logging.getLogger("papermill").setLevel(logging.CRITICAL)
        error, nothing = None, ""
        try:
            papermill.execute_notebook(
                str(source),
                str(made),
                parameters=dict(parameters),
                kernel_name="python3",
                progress_bar=False,
                stderr_file=_Live() if live else None,
                kernel_manager_class=_kernel_manager(folder),
                # A kernel that is told to stop may say so on the terminal.
                extra_arguments=["--log-level=CRITICAL"],
            )
        except papermill.PapermillExecutionError as failure:
            if failure.ename == NOTHING:
                nothing = failure.evalue or "nothing was said why"
            else:
                error = summary(failure.ename, failure.evalue)
        except NoSuchKernel as failure:
            raise BadInput("jupyter has no kernel 'python3'; run: pip install -r requirements.txt") from failure
        except RuntimeError as failure:
            error = summary(type(failure).__name__, str(failure))
        executed = nbformat.read(made, as_version=4)
        if nothing:
            executed = stopped(executed)
        elif error is None and (silent := _not_run(executed)):
            error = f"{silent} of its code cells did not run (the kernel died?)"
        about = provenance(chapter, parameters, profile_name, time.monotonic() - started, key, given)
        about |= {} if absent is None else {"absent": sorted(absent)}
        about |= {"nothing": nothing} if nothing else {}
        found = left.read_text("utf-8") if left.is_file() else None
        executed.metadata["homogen"] = about | {"findings": found is not None and files.digest(found)}
        # What is committed must not differ between two runs of the same, nor say where a machine keeps its files.
        if (chapter.files is not None or profile_name in COMMITTED) and error is None:
            executed = reproducible(executed)
        target = output if error is None else output.with_suffix(".failed.ipynb")
        # The notebook names its findings by their digest: killed between the two, the run is not current.
        with _replaced(final, found) if error is None else contextlib.nullcontext():
            put(target, nbformat.writes(executed) + "\n")
        if error is not None:
            raise BadInput(f"chapter {chapter.name} failed: {error}; see {target}")
    output.with_suffix(".failed.ipynb").unlink(missing_ok=True)
    return executed


@contextlib.contextmanager
def _replaced(path: Path, text: str | None) -> Iterator[None]:
    """Put a file in place, or none, and what was there before back if what follows does not end well.

    By renaming alone, so that a full disk cannot keep it from coming back.
    """
    before = path.with_suffix(".before")
    with disk(path):
        if path.is_file():
            os.replace(path, before)
    try:
        if text is not None:
            put(path, text)
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        if before.is_file():
            os.replace(before, path)
        raise
    before.unlink(missing_ok=True)


@contextlib.contextmanager
def disk(path: Path) -> Iterator[None]:
    """Turn what the disk refuses (no room, no right, no such place) into the user's one line."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"cannot write to {error.filename or path}: {error.strerror or error}") from error


_ROOM = "homogen-run-"
"""How the name of a run's temporary folder begins, and that of the lock beside it."""


@contextlib.contextmanager
def _workroom() -> Iterator[str]:
    """Make a temporary folder; those of runs that were killed are removed first.

    Its lock lies beside it and is held before the folder is there: a folder whose lock can be had is nobody's.
    """
    import filelock

    for left in Path(tempfile.gettempdir()).glob(f"{_ROOM}*"):
        _remove_if_left(left)
    file, name = tempfile.mkstemp(".lock", _ROOM)
    os.close(file)
    path, folder = Path(name), name.removesuffix(".lock")
    lock = filelock.FileLock(path, timeout=0)
    try:
        try:
            lock.acquire()
        except (OSError, NotImplementedError):
            path.unlink()  # a disk without locks: nobody must take the folder for one that was left
        os.mkdir(folder, 0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            path.unlink(missing_ok=True)
        lock.release()


def _remove_if_left(folder: Path) -> None:
    """Remove a temporary folder of this user's runs whose lock nobody holds, and nothing else."""
    import filelock

    lock = folder.with_name(f"{folder.name}.lock")
    with contextlib.suppress(OSError, NotImplementedError):  # it is gone, or its lock is held
        for path, is_right in ((folder, stat.S_ISDIR), (lock, stat.S_ISREG)):
            about = path.lstat()
            if not is_right(about.st_mode) or about.st_uid != os.getuid():
                return
        with filelock.FileLock(lock, timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                lock.unlink()


def put(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    with disk(path):
        files.put(path, text)


def _kernel_manager(folder: str) -> type:
    from jupyter_client import AsyncKernelManager

    class IpcKernelManager(AsyncKernelManager):
        """Talks to its kernel through files of its own: no ports to race for, nothing on the network."""

        def __init__(self, **options: Any) -> None:
            super().__init__(**options, transport="ipc", ip=os.path.join(folder, "ipc"))

        async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
            # What a cell prints comes by message. What libraries in C say when a kernel is stopped or dies does not,
            # and would stand on the terminal beside the one line that says what happened.
            with open(os.path.join(folder, "stderr"), "ab") as file:
                await super()._async_launch_kernel(kernel_cmd, **options, stderr=file)

    return IpcKernelManager


def _not_run(notebook) -> int:
    code = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    return sum(c.execution_count is None or any(o.output_type == "error" for o in c.outputs) for c in code)


class _Live:
    """Passes a chapter's progress bars on to the terminal, and nothing else that it writes to stderr."""

    def write(self, text: str) -> None:
        if "\r" in text or "%|" in text:
            sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class _environment:
    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in self.values}
        os.environ.update(self.values)

    def __exit__(self, *_: object) -> None:
        for name, value in self.before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
