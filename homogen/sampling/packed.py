"""Packed runs: each in one small Parquet file, which is committed and read without the model that drew it.

A packed run stands in the store beside the folders of runs, as ``<model>-<benchmark>-<key>.parquet``. It has the rows
of the run's parts, with log-probabilities and entropies in 16 bits (three digits, for a third of the room), and in its
metadata what ``run.json`` says. :func:`homogen.sampling.sample` takes its answers, whatever precision they were
computed in, where the weights that drew them are the asked model's; so nobody needs a model to compute on what it said.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from homogen.models.catalogue import CARDS, is_hub_id, is_trained, split_quantization
from homogen.models.weights import GGUF, revision_of
from homogen.records import BadInput, SamplingSpec, arrow_schema
from homogen.records.files import put
from homogen.records.verdicts import pack_verdicts
from homogen.sampling.store import QUESTION_SHA, RunFolder

ABOUT = b"homogen about"
"""Under which a packed run keeps what ``run.json`` says."""
SERVED = "openai"
"""What the engine of a run is called that was had from a server (``homogen.engines.openai``)."""
_KEY = re.compile("[0-9a-f]{20}")
_HALF = {pa.list_(pa.float32()): pa.list_(pa.float16())}
_FIELDS = [*arrow_schema(), pa.field(QUESTION_SHA, pa.string(), nullable=False)]
_PACKED = pa.schema([field.with_type(_HALF.get(field.type, field.type)) for field in _FIELDS])
_FULL = pa.schema(_FIELDS)


@dataclasses.dataclass(frozen=True)
class PackedRun:
    """A packed run's file, the key of the run, and what ``run.json`` said of it."""

    path: Path
    key: str
    about: Mapping[str, Any]

    def rows(self) -> pa.Table:
        """Read its rows, as those of a part."""
        try:
            return pq.read_table(self.path).replace_schema_metadata().select(_FULL.names).cast(_FULL)
        except (OSError, KeyError, ValueError, pa.ArrowException) as error:
            raise _damaged(self.path, error) from error


def _damaged(path: Path, error: Exception) -> BadInput:
    return BadInput(f"the packed run {path} cannot be read ({error}); restore the file or delete it")


def packed_runs(store: str | os.PathLike) -> list[PackedRun]:
    """List the packed runs of a store; reads no row.

    Raises
    ------
    BadInput
        If a file with a packed run's name is none.
    """
    found = []
    for path in sorted(Path(store).glob("*.parquet")):
        if not (named := re.search(rf"-({_KEY.pattern})$", path.stem)):
            continue
        try:
            about = dict(json.loads((pq.read_schema(path).metadata or {})[ABOUT]))
        except (OSError, KeyError, ValueError, TypeError, pa.ArrowException) as error:
            raise _damaged(path, error) from error
        found.append(PackedRun(path, named[1], about))
    return found


def drawn_before(store: str | os.PathLike, asked: Mapping[str, Any]) -> list[PackedRun]:
    """The packed runs of a store that are what is asked for, in whatever precision and by whatever engine and sampler.

    They are answers of the asked model under the asked spec all the same, and their own account says how they were
    drawn. A hub id is taken for one model, whatever its commit. What a server gave is no such run, although it may be
    of the same weights: it is what is left of the spec behind the server's own options.

    Parameters
    ----------
    store
        The folder.
    asked
        ``benchmark``, ``prompt`` and ``spec``, as in ``run.json``.
    """
    wanted = json.loads(json.dumps(asked))
    model = wanted["spec"]["model"]
    # A field that specs have come to have since was at its default.
    defaults = {field.name: field.default for field in dataclasses.fields(SamplingSpec) if field.name != "model"}

    def told(run: PackedRun) -> dict[str, Any]:
        spec = {**defaults, **run.about.get("spec", {})}
        return {"benchmark": run.about.get("benchmark"), "prompt": run.about.get("prompt"), "spec": spec}

    return [
        run
        for run in packed_runs(store)
        if told(run) == {name: wanted[name] for name in ("benchmark", "prompt", "spec")}
        and run.about.get("engine", {}).get("engine") != SERVED
        and _same_weights(model, run.about.get("engine", {}).get("revision", ""))
    ]


def _same_weights(model: str, revision: str) -> bool:
    if is_trained(model):
        return revision == model
    plain, level = split_quantization(model)
    if plain in CARDS:
        return revision == CARDS[plain].sha256 + (f":{level}" if level else "")
    if Path(plain).exists():
        return revision == revision_of(model)
    return is_hub_id(plain) and not plain.endswith(GGUF)


def pack(store: str | os.PathLike) -> list[Path]:
    """Gather every run folder of a store in a packed run, and take the folder away; gives the files.

    What is packed already under the same key stays in it. Answers whose question is not answered in full are left out,
    and their folder stays.
    Verdicts that stand in the store are packed too (``homogen.records.verdicts``).

    Raises
    ------
    BadInput
        If there is no such folder, a run is being written, or a file cannot be.
    """
    if not Path(store).is_dir():
        raise BadInput(f"there is no store {store}")
    before = {run.key: run for run in packed_runs(store)}
    made = []
    for note in sorted(Path(store).glob("*/run.json")):
        if not _KEY.fullmatch(note.parent.name):
            warnings.warn(f"{note.parent} is named like no run, and is left as it is", stacklevel=2)
            continue
        packed = _pack_one(note, before)
        made += [] if packed is None else [packed]
    verdicts = [pack_verdicts(path) for path in sorted(Path(store).glob("*.sqlite"))]
    return [*made, *(path for path in verdicts if path is not None)]


def _pack_one(note: Path, before: Mapping[str, PackedRun]) -> Path | None:
    """Pack a run's folder. It goes only if all that is in it is in the file; else it stays beside it, and says so."""
    store, key = note.parent.parent, note.parent.name
    try:
        about = json.loads(note.read_text("utf-8"))
        n = about["spec"]["n"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BadInput(f"{note} cannot be read ({error}); delete its folder") from error
    folder = RunFolder(store, key, about)
    with folder.writing():
        parts = dict(folder.parts())
        earlier = [before[key].rows()] if key in before else []
        rows = pa.concat_tables([_FULL.empty_table(), *earlier, *parts.values()]).to_pandas()
        rows = rows.drop_duplicates(["question_id", QUESTION_SHA, "sample"], keep="last")
        size = rows.groupby(["question_id", QUESTION_SHA])["sample"].transform("size")
        whole = rows[size == n + 1].sort_values(["question_id", QUESTION_SHA, "sample"])
        path = _write(store, key, about, whole) if len(whole) else None
        aside = [p for p in folder.path.iterdir() if p.suffix in (".corrupt", ".foreign")]
        if len(whole) < len(rows) or aside or not parts:
            warnings.warn(f"{folder.path} is kept: not all that is in it could be packed", stacklevel=3)
            return path
        try:
            for name in parts:
                (folder.path / name).unlink()
            note.unlink()
        except OSError as error:
            raise BadInput(f"cannot remove what is packed of {folder.path}: {error.strerror or error}") from error
    # What is left is the lock. Whoever holds it by now has begun the run anew, and keeps it.
    with contextlib.suppress(OSError):
        if not any(folder.path.glob("*.*")):
            shutil.rmtree(folder.path)
    return path


def _write(store: Path, key: str, about: Mapping[str, Any], rows: Any) -> Path:
    table = pa.Table.from_pandas(rows, schema=_FULL, preserve_index=False).cast(_PACKED)
    table = table.replace_schema_metadata({ABOUT: json.dumps(about, ensure_ascii=False, sort_keys=True).encode()})
    names = [re.sub(r"[^\w.]+", "-", name).strip("-") for name in (about["spec"]["model"], about["benchmark"])]
    path = store / f"{'-'.join(names)}-{key}.parquet"
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=12)
    with contextlib.suppress(FileExistsError):
        store.mkdir(parents=True)
    try:
        put(path, sink.getvalue().to_pybytes())
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error
    return path
