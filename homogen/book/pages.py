"""Turn executed notebooks into pages of the book, and into files that another run writes the same; pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from homogen.book.chapters import Chapter, read
from homogen.book.links import line_at, relabelled, relinked
from homogen.book.parameters import Parameter

if TYPE_CHECKING:
    from homogen.book.readings import Reading


def stage(
    executed,
    chapter: Chapter,
    outdated: bool = False,
    line: str = "",
    reading: Reading | None = None,
    second: bool = False,
):
    """Turn an executed notebook into a page of the book; pure, the notebook given is left as it is.

    The prose is the source's as it is now. The parameters cells become one table; the cells of the findings are folded;
    standard error, widgets and colour codes go; long tracebacks are shortened; a fold at the end says how the results
    came about; a failed cell, and outputs of an earlier state of the code (``outdated``), get a banner at the top.

    Parameters
    ----------
    executed
        The notebook.
    chapter
        Whose page it is.
    outdated
        Whether the code has changed since the notebook was executed.
    line
        Markdown to stand under the title; links in it, as in the prose, lead from the first page's folder.
    reading
        What is written of this run alone: its result stands behind the introduction, the rest before the findings.
    second
        Whether this is the chapter's second page, one folder further down: its links lead from there, and its labels
        are its own.
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
            cell.outputs = _cleaned(cell.outputs)
            failed = failed or next((o for o in cell.outputs if o.output_type == "error"), None)
        cell.metadata.pop("papermill", None)
        cells.append(cell)
    if line and cells and cells[0].cell_type == "markdown":
        cells[0].source = re.sub(r"^# .+$", lambda title: f"{title[0]}\n\n{line}", cells[0].source, count=1, flags=re.M)
    _fold_findings(cells)
    _insert(cells, reading)
    if failed is not None:
        reason = _MACHINE.sub("…/", summary(failed.ename, failed.evalue))
        banner = f"````{{error}}\nThis chapter stopped with {code(reason)}\n````"
        cells.insert(1, nbformat.v4.new_markdown_cell(banner))
    if about.get("nothing"):
        ran = max((n for n, c in enumerate(cells) if c.get("execution_count")), default=0)
        reason = code(_MACHINE.sub("…/", about["nothing"]))
        note = f"````{{note}}\nThis run has nothing to show from here on: {reason}\n````"
        cells.insert(ran + 1, nbformat.v4.new_markdown_cell(note))
    if outdated:
        cells.insert(1, nbformat.v4.new_markdown_cell(_outdated_note(about)))
    cells.append(nbformat.v4.new_markdown_cell(_provenance_fold(about)))
    page.cells = cells
    if second:
        prose = [cell for cell in page.cells if cell.cell_type == "markdown"]
        for cell, text in zip(prose, relabelled([cell.source for cell in prose], "here"), strict=True):
            cell.source = relinked(text, "../")
    for number, cell in enumerate(page.cells):
        cell.id = f"cell-{number}"
    page.metadata = {k: v for k, v in page.metadata.items() if k in ("kernelspec", "language_info", "mystnb")}
    return page


FOLDED = "hide-cell"
"""Tag of a cell that a page shows folded."""


def _fold_findings(cells: list) -> None:
    """Fold the cells under the heading *Findings*: what they record stands in figures and tables above."""
    under = False
    for cell in cells:
        if cell.cell_type == "markdown":
            for title in re.findall(r"^## .+$", cell.source, re.M):
                under = title.strip() == "## Findings"
        elif under and cell.cell_type == "code" and not any(output.output_type == "error" for output in cell.outputs):
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), FOLDED]


def _insert(cells: list, reading: Reading | None) -> None:
    """Put a reading into a page: its result behind the introduction, the rest before the findings, else at the end."""
    import nbformat

    if reading is None:
        return
    made = nbformat.v4.new_markdown_cell
    if reading.rest:
        rest = made(f"## What this run shows\n\n{reading.rest}")
        place, start = next(
            (
                (n, at)
                for n, c in enumerate(cells)
                if c.cell_type == "markdown" and (at := line_at(c.source, "## Findings")) >= 0
            ),
            (len(cells), 0),
        )
        # A label above the heading is the heading's.
        if start and (label := re.search(r"(?:^\([^()\n]+\)=[ \t]*\n)+\Z", cells[place].source[:start], re.M)):
            start = label.start()
        if start:
            before, after = cells[place].source[:start].rstrip("\n"), cells[place].source[start:]
            cells[place : place + 1] = [made(before), rest, made(after)]
        else:
            cells.insert(place, rest)
    cells.insert(1, made(f"``````{{admonition}} Result\n:class: result\n\n{reading.result}\n``````"))


_PLAIN = re.compile(r"[\w '\".,:;/#%+=@()\[\]-]*")


def code(text: str) -> str:
    r"""Show a text as code, whatever it holds: no table, Markdown or browser takes part of it for its own.

    Examples
    --------
    >>> code("Qwen/Qwen3-4B"), code("a|<b>")
    ('`Qwen/Qwen3-4B`', '<code>a&#124;&#60;b&#62;</code>')
    """
    text = " ".join(text.split()) if text.strip() else text
    if text.strip() and _PLAIN.fullmatch(text):
        return f"`{text}`"
    return "<code>" + "".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in text) + "</code>"


def _parameter_table(chapter: Chapter, about: Mapping[str, Any]) -> str:
    values, given = about.get("parameters", {}), about.get("given", ())
    rows = ["| parameter | value | set by | meaning |", "|---|---|---|---|"]
    for p in chapter.parameters:
        value = values.get(p.name, p.default)
        by = about.get("profile") if p.name not in given else ""
        by = (by or "command line") if p.name in values else "default"
        rows.append(f"| `{p.name}` | {code(repr(value))} | {by} | {p.meaning}{_allowed(p)} |")
    return (
        "```{dropdown} Parameters of this run\n:class-container: parameters\n\n" + "\n".join(rows) + "\n\n"
        f"Change any of them: `homogen run {chapter.name} -p NAME VALUE`.\n```"
    )


def _allowed(p: Parameter) -> str:
    """What a parameter may be, in words."""
    text = p.allowed.replace(" | ", " or ").replace("?", " or none")
    return f" ({text})" if text else ""


def _outdated_note(about: Mapping[str, Any]) -> str:
    if "files" in about:
        files = ", ".join(code(name) for name in about["files"])
        again = f"put the released files ({files}) in a folder that `HOMOGEN_DATA` names, and run `homogen book`"
    else:
        again = f"run `homogen run --profile {about.get('profile')}`"
    return (
        "````{warning}\nThe code of this chapter, or of the package that it uses, has changed since the outputs below "
        f"were made ({about.get('finished', 'at an unknown time')[:10]}). They are what the code gave then. To make "
        f"them again, {again}.\n````"
    )


def _provenance_fold(about: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in about.get("versions", {}).items())
    weights = ", ".join(f"{code(name)} {sha}…" if sha else code(name) for name, sha in about.get("weights", {}).items())
    device = "" if "files" in about else f"on {about.get('device', 'an unknown device')} "
    return (
        "```{dropdown} How these results came about\n"
        f"Profile **{about.get('profile') or 'none'}**, run {device}in "
        f"{about.get('seconds', 0):.0f} seconds, finished {about.get('finished', 'at an unknown time')}. "
        f"{f'Weights: {weights}. ' if weights else ''}"
        f"Python {about.get('python', '?')}; {versions}. Execution key `{about.get('key', '?')}`.\n"
        f"{_files(about.get('files', {}))}```"
    )


def _files(files: Mapping[str, str]) -> str:
    rows = "".join(f"- {code(name)} {sha}…\n" for name, sha in files.items())
    return f"\nComputed from these files, each with the beginning of its sha256:\n\n{rows}" if rows else ""


_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_MACHINE = re.compile(r"(?:/[\w.-]+)+/(?=(?:site-packages|homogen|python3[.\d]*)/)")


def summary(name: str, text: str) -> str:
    """Say in one line what stopped a chapter."""
    return " ".join(_ANSI.sub("", f"{name}: {text}").split()).removesuffix(":")


def _cleaned(outputs: Iterable) -> list:
    """The outputs of a cell without standard error, widgets, colour codes and where the machine keeps its files."""
    return [o for o in map(_clean, outputs) if o is not None]


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


def reproducible(executed):
    """Strip an executed notebook of what differs between two runs of the same; the notebook given is left as it is.

    Times of cells, random ids, the exact Python and standard error go; texts that were printed in one go or in several
    become one. What is said of the whole run (:func:`~homogen.book.staleness.provenance`) stays, with its two times.
    """
    notebook = copy.deepcopy(executed)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        for timed in ("papermill", "execution"):
            cell.metadata.pop(timed, None)
        if cell.cell_type == "code":
            cell.outputs = _joined(_cleaned(cell.outputs))
    notebook.metadata = {k: v for k, v in notebook.metadata.items() if k in ("homogen", "kernelspec", "language_info")}
    notebook.metadata.get("language_info", {}).pop("version", None)
    return notebook


def stopped(executed):
    """Give a notebook that could go no further without the error that ended it; the one given is left as it is."""
    notebook = copy.deepcopy(executed)
    notebook.cells = [c for c in notebook.cells if "papermill-error-cell-tag" not in c.metadata.get("tags", [])]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.output_type != "error"]
    return notebook


def _joined(outputs: Iterable) -> list:
    """Join texts printed one after the other: where they are cut depends on the kernel's timing."""
    joined = []
    for output in outputs:
        if joined and output.output_type == joined[-1].output_type == "stream":
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def with_current_prose(executed, chapter: Chapter):
    """Put the source's prose as it is now around the outputs, so that mending a sentence needs no new run."""
    page, source = copy.deepcopy(executed), read(chapter.path).cells
    kept = [c for c in page.cells if c.metadata.get("tags", []) != ["injected-parameters"]]
    injected = [c for c in page.cells if c.metadata.get("tags", []) == ["injected-parameters"]]
    code = [c for c in kept if c.cell_type == "code"]
    if [c.source for c in code] != [c.source for c in source if c.cell_type == "code"]:
        return page
    outputs = iter(code)
    page.cells = [next(outputs) if c.cell_type == "code" else c for c in source] + injected
    return page
