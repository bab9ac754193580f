"""How the results of a chapter came about, and whether they still hold."""

from __future__ import annotations

import datetime
import importlib.metadata
import importlib.util
import json
import os
import platform
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from homogen.book import dependencies
from homogen.book.chapters import Chapter, chapters, read
from homogen.book.checking import weights_of
from homogen.book.parameters import values_of
from homogen.questions import sources
from homogen.records import BadInput, files

NUMERICAL = ("numpy", "scipy", "scikit-learn", "pandas", "statsmodels", "matplotlib", "seaborn")
"""What the numbers and figures of a chapter without a model hang on."""
MODELLING = ("torch", "transformers", "sentence-transformers", "numpy", "scipy", "scikit-learn")
"""The same for a chapter with a model."""
ACCELERATING = ("vllm", "bitsandbytes")
"""What it may hang on besides, where it is installed."""


def provenance(
    chapter: Chapter,
    parameters: Mapping[str, Any],
    profile_name: str,
    seconds: float,
    key: str,
    given: Collection[str] = (),
) -> dict[str, Any]:
    """Say how a chapter's results came about: profile, device, weights, versions, duration, key of the execution.

    ``weights`` has by name the first 12 digits of a card's sha256 or of the hub's commit, and an empty text for a
    folder and for what is not here. A chapter on released files has those of ``files`` in their place, and no device.
    """
    about = {
        "chapter": chapter.name,
        "profile": profile_name,
        "key": key,
        "parameters": dict(parameters),
        "given": sorted(given),
        "python": platform.python_version(),
        "seconds": round(seconds, 1),
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    if chapter.files is None:
        from homogen.models.devices import describe_device
        from homogen.sampling.drawing import engine_kind

        values, packages = values_of(chapter, parameters), MODELLING
        about["engine"] = engine_kind()
        about["device"] = describe_device(values.get("device", "auto"))
        about["weights"] = {n: _identity(n) for *_, n in weights_of(chapter, parameters) if n}
        packages = (*packages, *(name for name in ACCELERATING if importlib.util.find_spec(name)))
    else:
        packages = NUMERICAL
        about["files"] = {name: sources.SOURCES[name].sha256[:12] for name in chapter.files}
    return about | {"versions": {name: importlib.metadata.version(name) for name in ("homogen", *packages)}}


def _identity(name: str) -> str:
    from homogen.models import hub
    from homogen.models.catalogue import CARDS, NLI_MODELS, split_quantization

    plain = split_quantization(name)[0]
    if os.path.isdir(plain) or plain not in CARDS:
        return "" if os.path.isdir(plain) else hub.commit(NLI_MODELS.get(plain, plain))[:12]
    return CARDS[plain].sha256[:12]


def execution_key(
    chapter: Chapter, parameters: Mapping[str, Any], engine: str | None = None, device: str | None = None
) -> str:
    """Hash what can change a chapter's results: code cells, parameters, files, what it reaches of the package, locks.

    The key is the same on every machine and every Python; that of a chapter with a model has the engine and the kind of
    device in it: of this machine, or those given. Prose does not count, nor do comments and docstrings
    (:mod:`homogen.book.dependencies`).
    """
    code = [cell.source for cell in read(chapter.path).cells if cell.cell_type == "code"]
    parts = [source.encode() + b"\0" for source in code]
    parts.append(json.dumps(dict(parameters), sort_keys=True).encode())
    for name, value in sorted(values_of(chapter, parameters).items()):
        for text in value if isinstance(value, list) else [value]:
            # The store changes while a chapter runs, and checks its runs by keys of its own.
            if isinstance(text, str) and name != "store":
                parts.append(_content(text))
    reached = dependencies.reached("\n".join(code))
    if "book/chapters.py" in reached:  # what it says of the other chapters stands in their front matter
        beside = {c.name: (c.files, c.shows, c.repeated_in) for c in chapters(chapter.path.parent).values()}
        parts.append(repr(beside).encode())
    for name, content in sorted((reached | _locks(chapter)).items()):
        parts.append(f"\0{name}\0{len(content)}\0".encode() + content)
    if chapter.files is None:
        from homogen.models.devices import pick_device
        from homogen.sampling.drawing import engine_kind

        asked = values_of(chapter, parameters).get("device", "auto")
        used = (device or pick_device()) if asked == "auto" else asked
        parts.append(f"\0{engine or engine_kind()}\0{used}".encode())
    for name in sorted(chapter.files or ()):
        parts.append(f"\0{name}\0{sources.SOURCES[name].sha256}".encode())
    return files.digest(b"".join(parts))[:20]


def _locks(chapter: Chapter) -> dict[str, bytes]:
    """The lock files; for a chapter without a model the pins of its numerical libraries alone."""
    paths = [p for p in map(Path, ("requirements.txt", "requirements-weights.txt")) if p.is_file()]
    if chapter.files is None:
        return {path.name: path.read_bytes() for path in paths}
    pins = [line.split() for path in paths[:1] for line in path.read_text("utf-8").splitlines()]
    return {"requirements": "\n".join(sorted(p[0] for p in pins if p and p[0].split("==")[0] in NUMERICAL)).encode()}


def _content(path: str) -> bytes:
    """What tells one content of a file or folder from another; nothing if there is none of that name."""
    try:
        if os.path.isfile(path):
            return bytes.fromhex(files.file_digest(path))
        inside = [p for p in sorted(Path(path).rglob("*")) if p.is_file()] if os.path.isdir(path) else []
        return "".join(f"{p}:{p.stat().st_size}:{p.stat().st_mtime_ns}\0" for p in inside).encode()
    except OSError as error:
        raise BadInput(f"cannot read {error.filename or path}: {error.strerror or error}") from error


def is_current(
    chapter: Chapter,
    parameters: Mapping[str, Any],
    output: Path,
    findings: Path,
    absent: Collection[str] | None = None,
) -> bool:
    """Whether an executed notebook and its findings are there and nothing that they depend on has changed.

    ``absent`` names the weights that cannot be had now: a run that went on without others than these is outdated.
    """
    about = about_run(output)
    if about is None or not has_its_findings(about, findings / f"{chapter.name}.json"):
        return False
    if absent is not None and about.get("absent", sorted(absent)) != sorted(absent):
        return False
    return about.get("key") == execution_key(chapter, parameters)


def is_of_this_code(chapter: Chapter, parameters: Mapping[str, Any], about: Mapping[str, Any]) -> bool:
    """Whether nothing has changed since a run that was made elsewhere, by its own engine on its own kind of device."""
    device = "cpu" if str(about.get("device", "")).startswith("CPU") else "cuda"
    return about.get("key") == execution_key(chapter, parameters, about.get("engine"), device)


def has_its_findings(about: Mapping[str, Any], path: Path) -> bool:
    """Whether the findings beside a notebook are those that it left; an older notebook says only that some are."""
    said = about.get("findings", True)
    if not said:
        return True
    try:
        return path.is_file() and (said is True or files.digest(path.read_text("utf-8")) == said)
    except (OSError, ValueError):
        return False


def about_run(output: Path) -> dict[str, Any] | None:
    """Read what :func:`provenance` said of a run; None if its notebook is missing or damaged."""
    import nbformat

    try:
        return nbformat.read(output, as_version=4).metadata.get("homogen", {})
    except Exception:
        return None
