"""Chapters: find them, check their parameters, run them with papermill, stage them for the book.

A chapter is a MyST notebook ``notebooks/NN_name.md`` with a cell tagged ``parameters`` of lines
``name: type = default  # meaning``. A profile is ``notebooks/profiles/NAME.yaml``: for each chapter the parameters
that it sets.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import dataclasses
import datetime
import hashlib
import importlib.metadata
import json
import logging
import math
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from homogen.records import BadInput, SamplingSpec, unknown

NOTEBOOKS = Path("notebooks")
RESULTS = Path("book/results")
STAGED = Path("book/chapters")
TYPES = {"int": int, "float": float, "str": str, "bool": bool, "list": list}


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell."""

    name: str
    type: str
    default: Any
    meaning: str


@dataclasses.dataclass(frozen=True)
class Chapter:
    """A notebook that can be run."""

    name: str
    path: Path
    title: str
    parameters: tuple[Parameter, ...]


def chapters(folder: str | os.PathLike = NOTEBOOKS) -> dict[str, Chapter]:
    """Find the chapters of a folder, in the order of their numbers; ``02_single_clusters.md`` is ``single-clusters``.

    Raises
    ------
    BadInput
        If the folder has no chapter, or a chapter's parameters cell cannot be read.
    """
    paths = sorted(Path(folder).glob("[0-9][0-9]_*.md"))
    if not paths:
        raise BadInput(f"no chapters in {Path(folder).resolve()}; run this in the project's folder")
    return {c.name: c for c in map(_chapter, paths)}


def _chapter(path: Path) -> Chapter:
    notebook = _read(path)
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    title = re.search(r"^# (.+)$", prose, re.MULTILINE)
    if title is None:
        raise BadInput(f"{path}: a chapter needs a title, a line '# …'")
    return Chapter(path.stem[3:].replace("_", "-"), path, title[1], tuple(_parameters(notebook, path)))


def _read(path: Path):
    import jupytext

    return jupytext.read(path)


def _parameters(notebook, path: Path) -> Iterable[Parameter]:
    cell = next((c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])), None)
    for line in cell.source.splitlines() if cell else ():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = re.fullmatch(r"""(\w+): (\w+) = ("[^"]*"|'[^']*'|.+?)\s+# (.+)""", line)
        default = _literal(found[3]) if found else None
        if not found or type(default) is not TYPES.get(found[2]):
            raise BadInput(
                f"{path}: a line of the parameters cell is not 'name: type = default  # meaning' "
                f"with a plain default of that type ({', '.join(TYPES)}): {line!r}"
            )
        yield Parameter(found[1], found[2], default, found[4])


def _literal(text: str) -> Any:
    """Read a Python literal; None if it is not one."""
    with contextlib.suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return ast.literal_eval(text)


def validate(chapter: Chapter, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check parameters before any kernel starts; text (from the command line) is read as the parameter's type.

    Raises
    ------
    BadInput
        If a name is unknown (with the nearest ones) or a value has the wrong type.
    """
    known = {p.name: p for p in chapter.parameters}
    for name in given:
        if name not in known:
            raise unknown(f"parameter of {chapter.name}", name, known)
    return {name: _typed(chapter, known[name], value) for name, value in given.items()}


def _typed(chapter: Chapter, parameter: Parameter, value: Any) -> Any:
    if isinstance(value, str) and parameter.type != "str":
        read = _literal({"true": "True", "false": "False"}.get(value.lower(), value))
        value = value if read is None else read
    if parameter.type == "float" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not TYPES[parameter.type] or not _plain(value):
        raise BadInput(
            f"parameter {parameter.name} of {chapter.name} must be {parameter.type} "
            f"(default {parameter.default!r}), got {value!r}"
        )
    return value


def _plain(value: Any) -> bool:
    """Whether a value is made of texts, finite numbers, truth values and lists, which a notebook can be given."""
    if isinstance(value, list):
        return all(map(_plain, value))
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


MODELS = ("model", "base_model", "embedder", "embedders")
"""Parameters that name weights."""


def _values(chapter: Chapter, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """All of a chapter's parameters: those given, the defaults of the rest."""
    return {p.name: p.default for p in chapter.parameters} | dict(parameters)


def _weights(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Pairs of a parameter and a name of weights that it gives."""
    for parameter in MODELS:
        value = values.get(parameter, [])
        yield from ((parameter, name) for name in (value if isinstance(value, list) else [value]))


def check(chapter: Chapter, parameters: Mapping[str, Any]) -> None:
    """Check what the parameters ask for, as far as that can be known before any kernel starts; loads no weights.

    Parameters
    ----------
    chapter
        The chapter to run.
    parameters
        As :func:`validate` gives them; the rest keep their defaults.

    Raises
    ------
    BadInput
        If a parameter that is a field of :class:`~homogen.records.SamplingSpec` or a limit is out of range, the
        benchmark cannot be read, a name of weights is unknown or of the wrong kind, or the device is not there.
    """
    from homogen.models import pick_device
    from homogen.questions import load_questions

    values = _values(chapter, parameters)
    fields = {(f.name, f.type) for f in dataclasses.fields(SamplingSpec)}
    drawn = {p.name: values[p.name] for p in chapter.parameters if (p.name, p.type) in fields}
    SamplingSpec(**{"model": "any"} | drawn)
    for name in ("limit", "base_limit"):
        if values.get(name, 1) < 1:
            raise BadInput(f"{name} must be at least 1, got {values[name]}")
    if "benchmark" in values:
        load_questions(values["benchmark"])
    for parameter, name in _weights(values):
        if (parameter, name) != ("base_model", ""):
            _check_weights(parameter, name)
    pick_device(values.get("device", "auto"))


def _check_weights(parameter: str, name: Any) -> None:
    """Whether a name can be that of weights: a folder, a card of the right kind, or an id of the hub."""
    from homogen.models import CARDS

    wanted = "embedder" if parameter.startswith("embedder") else "model"
    known = [card.name for card in CARDS.values() if (card.stage == "embedder") == (wanted == "embedder")]
    if name in known or (isinstance(name, str) and os.path.isdir(name)):
        return
    if name in CARDS:
        raise BadInput(f"{parameter}: {name!r} is no {wanted}; there are: {', '.join(known)}")
    if not isinstance(name, str) or name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise unknown(wanted, name, known)


def profile(name: str, folder: str | os.PathLike = NOTEBOOKS) -> dict[str, dict[str, Any]]:
    """Read a profile: chapter name -> parameters, validated.

    Raises
    ------
    BadInput
        If the profile does not exist, is not a mapping of chapters, or names an unknown chapter or parameter.
    """
    import yaml

    every = chapters(folder)
    home = Path(folder) / "profiles"
    path = home / f"{name}.yaml"
    # A name with a slash in it would send the results elsewhere.
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or not path.is_file():
        raise unknown("profile", name, [p.stem for p in home.glob("*.yaml")])
    try:
        content = yaml.safe_load(path.read_bytes())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise BadInput(f"{path}{f', line {mark.line + 1}' if mark else ''}: not valid YAML") from error
    if not isinstance(content, dict) or not all(isinstance(v, dict | None) for v in content.values()):
        raise BadInput(f"{path}: a mapping 'chapter: {{parameter: value}}' is wanted")
    shared = content.pop("all", None) or {}
    for chapter in content:
        if chapter not in every:
            raise unknown(f"chapter in {path}", chapter, every)
    for name_ in shared:
        if not any(p.name == name_ for c in every.values() for p in c.parameters):
            raise unknown(f"parameter in {path}", name_, {p.name for c in every.values() for p in c.parameters})
    result = {}
    for chapter_name, chapter in every.items():
        own = {p.name for p in chapter.parameters}
        wanted = {k: v for k, v in shared.items() if k in own} | (content.get(chapter_name) or {})
        result[chapter_name] = validate(chapter, wanted)
    return result


def execute(
    chapter: Chapter,
    parameters: Mapping[str, Any],
    output: Path,
    findings: Path,
    profile_name: str = "",
    live: bool = True,
    given: Collection[str] = (),
):
    """Run a chapter with papermill and write the executed notebook, complete or with its error.

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

    Returns
    -------
    nbformat.NotebookNode
        The executed notebook.

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
    notebook = _read(chapter.path)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    # What is changed while the chapter runs must make it stale, so the key is of the sources as they are now.
    key = execution_key(chapter, parameters)
    left = findings / f"{chapter.name}.json"
    environment = {"HOMOGEN_FINDINGS": str(findings.resolve())}
    started = time.monotonic()
    with (
        _fresh(left, output.parent),
        _disk(Path(tempfile.gettempdir())),
        tempfile.TemporaryDirectory(prefix="homogen-") as folder,
        _environment(environment),
    ):
        source, made = Path(folder) / "in.ipynb", Path(folder) / "out.ipynb"
        nbformat.write(notebook, source)
        nbformat.write(notebook, made)
        logging.getLogger("papermill").setLevel(logging.CRITICAL)
        error = None
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
            error = _summary(failure.ename, failure.evalue)
        except NoSuchKernel as failure:
            raise BadInput("jupyter has no kernel 'python3'; run: pip install -r requirements.txt") from failure
        except RuntimeError as failure:
            error = _summary(type(failure).__name__, str(failure))
        executed = nbformat.read(made, as_version=4)
        if error is None and (silent := _not_run(executed)):
            error = f"{silent} of its code cells did not run (the kernel died?)"
        about = provenance(chapter, parameters, profile_name, time.monotonic() - started, key, given)
        executed.metadata["homogen"] = about | {"findings": left.is_file()}
        target = output if error is None else output.with_suffix(".failed.ipynb")
        _put(target, nbformat.writes(executed) + "\n")
        if error is not None:
            raise BadInput(f"chapter {chapter.name} failed: {error}; see {target}")
    output.with_suffix(".failed.ipynb").unlink(missing_ok=True)
    return executed


@contextlib.contextmanager
def _fresh(findings: Path, folder: Path) -> Iterator[None]:
    """Begin without a chapter's earlier findings, and put them back if the run does not end well."""
    before = findings.with_suffix(".before")
    with _disk(findings):
        for home in (folder, findings.parent):
            home.mkdir(parents=True, exist_ok=True)
        # One that is there already is from a run that was killed, and is the one to keep.
        if findings.is_file() and not before.exists():
            os.replace(findings, before)
        findings.unlink(missing_ok=True)
    try:
        yield
    except BaseException:
        findings.unlink(missing_ok=True)
        if before.exists():
            os.replace(before, findings)
        raise
    before.unlink(missing_ok=True)


@contextlib.contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Turn what the disk refuses (no room, no right, no such place) into the user's one line."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"cannot write to {error.filename or path}: {error.strerror or error}") from error


def _put(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_suffix(".tmp")
    with _disk(path):
        try:
            temporary.write_text(text, "utf-8")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def _summary(name: str, text: str) -> str:
    """Say in one line what stopped a chapter."""
    return " ".join(_ANSI.sub("", f"{name}: {text}").split()).removesuffix(":")


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


def provenance(
    chapter: Chapter,
    parameters: Mapping[str, Any],
    profile_name: str,
    seconds: float,
    key: str,
    given: Collection[str] = (),
) -> dict[str, Any]:
    """Say how a chapter's results came about: profile, device, weights, versions, duration, key of the execution.

    ``weights`` has the first 12 digits of a card's sha256 by its name, and an empty text for a folder or a hub id.
    """
    from homogen.models import CARDS, describe_device

    values = _values(chapter, parameters)
    packages = ("homogen", "torch", "transformers", "sentence-transformers", "numpy", "scipy", "scikit-learn")
    return {
        "chapter": chapter.name,
        "profile": profile_name,
        "key": key,
        "parameters": dict(parameters),
        "given": sorted(given),
        "device": describe_device(values.get("device", "auto")),
        "weights": {n: CARDS[n].sha256[:12] if n in CARDS else "" for _, n in _weights(values) if n},
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "seconds": round(seconds, 1),
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def execution_key(chapter: Chapter, parameters: Mapping[str, Any]) -> str:
    """Hash what can change a chapter's results: code cells, parameters, files that they name, package, lock file."""
    digest = hashlib.sha256()
    for cell in _read(chapter.path).cells:
        if cell.cell_type == "code":
            digest.update(cell.source.encode() + b"\0")
    digest.update(json.dumps(dict(parameters), sort_keys=True).encode())
    for name, value in sorted(_values(chapter, parameters).items()):
        for text in value if isinstance(value, list) else [value]:
            # The store changes while a chapter runs, and checks its runs by keys of its own.
            if isinstance(text, str) and name != "store":
                digest.update(_content(text))
    package = Path(__file__).parent
    files = [p for p in sorted(package.rglob("*")) if p.suffix in {".py", ".jsonl", ".csv"}]
    for path in [*files, *(p for p in map(Path, ("requirements.txt", "requirements-weights.txt")) if p.is_file())]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:20]


def _content(path: str) -> bytes:
    """What tells one content of a file or folder from another; nothing if there is none of that name."""
    try:
        if os.path.isfile(path):
            with open(path, "rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
        inside = [p for p in sorted(Path(path).rglob("*")) if p.is_file()] if os.path.isdir(path) else []
        return "".join(f"{p}:{p.stat().st_size}:{p.stat().st_mtime_ns}\0" for p in inside).encode()
    except OSError as error:
        raise BadInput(f"cannot read {error.filename or path}: {error.strerror or error}") from error


def is_current(chapter: Chapter, parameters: Mapping[str, Any], output: Path, findings: Path) -> bool:
    """Whether an executed notebook and its findings are there and nothing that they depend on has changed."""
    import nbformat

    if not output.is_file():
        return False
    try:
        made = nbformat.read(output, as_version=4)
    except Exception:
        return False
    about = made.metadata.get("homogen", {})
    if about.get("findings", True) and not (findings / f"{chapter.name}.json").is_file():
        return False
    return about.get("key") == execution_key(chapter, parameters)


def stage(executed, chapter: Chapter):
    """Turn an executed notebook into a page of the book; pure, the notebook given is left as it is.

    The prose is the source's as it is now. The parameters cells become one table; standard error, widgets and colour
    codes go; long tracebacks are shortened; a fold at the end says how the results came about; a failed cell gets a
    banner at the top.
    """
    import nbformat

    page = copy.deepcopy(executed)
    about = page.metadata.get("homogen", {})
    cells, failed = [], None
    for cell in page.cells:
        tags = cell.metadata.get("tags", [])
        if "injected-parameters" in tags or "papermill-error-cell-tag" in tags:
            continue
        if "parameters" in tags:
            cell = nbformat.v4.new_markdown_cell(_parameter_table(chapter, about))
        if cell.cell_type == "code":
            cell.outputs = [o for o in map(_clean, cell.outputs) if o is not None]
            failed = failed or next((o for o in cell.outputs if o.output_type == "error"), None)
        cell.metadata.pop("papermill", None)
        cells.append(cell)
    if failed is not None:
        reason = _MACHINE.sub("…/", _summary(failed.ename, failed.evalue))
        banner = f"````{{error}}\nThis chapter stopped with {reason}\n````"
        cells.insert(1, nbformat.v4.new_markdown_cell(banner))
    cells.append(nbformat.v4.new_markdown_cell(_provenance_fold(about)))
    page.cells = cells
    for number, cell in enumerate(page.cells):
        cell.id = f"cell-{number}"
    page.metadata = {k: v for k, v in page.metadata.items() if k in ("kernelspec", "language_info", "mystnb")}
    return page


def _parameter_table(chapter: Chapter, about: Mapping[str, Any]) -> str:
    values, given = about.get("parameters", {}), about.get("given", ())
    rows = ["| parameter | value | set by | meaning |", "|---|---|---|---|"]
    for p in chapter.parameters:
        value = values.get(p.name, p.default)
        by = about.get("profile") if p.name not in given else ""
        by = (by or "command line") if p.name in values else "default"
        rows.append(f"| `{p.name}` | `{value!r}` | {by} | {p.meaning} |")
    return (
        "```{dropdown} Parameters of this run\n:class-container: parameters\n\n" + "\n".join(rows) + "\n\n"
        f"Change any of them: `homogen run {chapter.name} -p NAME VALUE`.\n```"
    )


def _provenance_fold(about: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in about.get("versions", {}).items())
    weights = ", ".join(f"`{name}` {sha}…" if sha else f"`{name}`" for name, sha in about.get("weights", {}).items())
    return (
        "```{dropdown} How these results came about\n"
        f"Profile **{about.get('profile') or 'none'}**, run on {about.get('device', 'an unknown device')} in "
        f"{about.get('seconds', 0):.0f} seconds, finished {about.get('finished', 'at an unknown time')}. "
        f"{f'Weights: {weights}. ' if weights else ''}"
        f"Python {about.get('python', '?')}; {versions}. Execution key `{about.get('key', '?')}`.\n```"
    )


_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_MACHINE = re.compile(r"(?:/[\w.-]+)+/(?=(?:site-packages|homogen|python3[.\d]*)/)")


def _clean(output):
    if output.output_type == "stream":
        if output.name == "stderr":
            return None
        output.text = _ANSI.sub("", output.text)
    elif output.output_type == "error":
        lines = [_MACHINE.sub("…/", _ANSI.sub("", line)) for line in output.traceback]
        output.traceback = lines if len(lines) <= 8 else [*lines[:3], "…", *lines[-4:]]
    else:
        for kind in [k for k in output.data if k.startswith("application/vnd.jupyter.widget")]:
            del output.data[kind]
        if not output.data:
            return None
    output.pop("metadata", None) if output.output_type in ("stream", "error") else None
    return output


def results_folder(profile_name: str) -> Path:
    """Where a profile's executed notebooks and findings lie."""
    return RESULTS / profile_name


def run_book(profile_name: str = "pocket", force: bool = False, folder: str | os.PathLike = NOTEBOOKS) -> list[Path]:
    """Bring every chapter of a profile up to date and stage it; returns the staged pages.

    Parameters
    ----------
    profile_name
        The profile to run.
    force
        Run chapters that are up to date too.
    folder
        Where the notebooks lie.
    """
    import nbformat
    from tqdm import tqdm

    wanted = profile(profile_name, folder)
    every = chapters(folder)
    home = results_folder(profile_name)
    with _disk(STAGED):
        STAGED.mkdir(parents=True, exist_ok=True)
    pages = []
    with tqdm(every.values(), desc="chapters", unit="chapter", file=sys.stderr) as bar:
        for chapter in bar:
            bar.set_postfix_str(chapter.name)
            output = home / f"{chapter.path.stem}.ipynb"
            given = wanted[chapter.name]
            if force or not is_current(chapter, given, output, home / "findings"):
                execute(chapter, given, output, home / "findings", profile_name)
            page = STAGED / output.name
            text = nbformat.writes(stage(with_current_prose(nbformat.read(output, as_version=4), chapter), chapter))
            if not page.is_file() or page.read_text("utf-8") != text:
                _put(page, text)
            pages.append(page)
    for stale in set(STAGED.glob("*.ipynb")) - set(pages):
        stale.unlink()
    return pages


def with_current_prose(executed, chapter: Chapter):
    """Put the source's prose as it is now around the outputs, so that mending a sentence needs no new run."""
    page, source = copy.deepcopy(executed), _read(chapter.path).cells
    kept = [c for c in page.cells if c.metadata.get("tags", []) != ["injected-parameters"]]
    injected = [c for c in page.cells if c.metadata.get("tags", []) == ["injected-parameters"]]
    code = [c for c in kept if c.cell_type == "code"]
    if [c.source for c in code] != [c.source for c in source if c.cell_type == "code"]:
        return page
    outputs = iter(code)
    page.cells = [next(outputs) if c.cell_type == "code" else c for c in source] + injected
    return page
