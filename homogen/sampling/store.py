"""A run on disk: what was asked for, Parquet parts, and how to go on after anything.

A run's folder holds ``run.json`` and parts ``part-<sha256>.parquet``, each the finished answers of some questions,
written under another name, flushed and renamed. A part's name is the checksum of its bytes, so a torn or altered
part gives itself away and its questions are drawn again. One process writes at a time (a lock that the system
releases when the process dies); reading needs no lock.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import sys
import warnings
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path

import filelock
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from homogen.records import GREEDY, BadInput, PromptTemplate, Question, Response, SamplingSpec, arrow_schema
from homogen.records.files import digest, digest_of_json, put

QUESTION_SHA = "question_sha"
"""Extra column of a part: rows whose question has changed since are not read."""

_PART = arrow_schema().append(pa.field(QUESTION_SHA, pa.string(), nullable=False))
_KEY = b"homogen run"
"""Under which a part names the run that it belongs to."""


@dataclasses.dataclass(frozen=True)
class Run:
    """All responses of one spec to some questions of one benchmark, in the questions' order.

    Parameters
    ----------
    key
        Hash of everything that can change an answer.
    spec
        How the answers were drawn.
    questions
        The questions, in the order in which every accessor gives their answers.
    table
        One row a response (:func:`homogen.records.arrow_schema`): per question the greedy one, then 0…n-1.
    identity
        The engine's account of itself (weights, precision, sampler).
    """

    key: str
    spec: SamplingSpec
    questions: tuple[Question, ...]
    table: pa.Table
    identity: dict

    def to_pandas(self):
        """Give the table as a pandas DataFrame."""
        return self.table.to_pandas()

    def greedy(self) -> list[str]:
        """List the greedy answers, one a question; an empty string is a missing answer."""
        return self.column("answer", GREEDY)

    def answers(self) -> list[list[str]]:
        """List the drawn answers, ``n`` a question; an empty string is a missing answer."""
        n = self.spec.n
        flat = self.table.column("answer").to_pylist()
        return [flat[i + 1 : i + 1 + n] for i in range(0, len(flat), n + 1)]

    def column(self, name: str, sample: int = GREEDY) -> list:
        """List one column of one sample of every question, e.g. ``column("token_entropies")`` of the greedy answer.

        ``column("token_entropies_high")`` has None for an answer whose entropies are exact.
        """
        if not GREEDY <= sample < self.spec.n:
            raise BadInput(f"sample must lie in -1…{self.spec.n - 1}, got {sample}")
        column = self.table.column(name).take(np.arange(sample + 1, len(self.table), self.spec.n + 1))
        return column.to_numpy(zero_copy_only=False).tolist() if name.startswith("token_") else column.to_pylist()

    def sequence_logprobs(self) -> list[list[float]]:
        """List each drawn answer's length-normalised log-probability (mean over tokens; NaN without tokens)."""
        n = self.spec.n
        flat = [float(np.mean(v)) if len(v) else float("nan") for v in self.table.column("token_logprobs").to_pylist()]
        return [flat[i + 1 : i + 1 + n] for i in range(0, len(flat), n + 1)]


def run_key(benchmark: str, prompt: PromptTemplate, spec: SamplingSpec, identity: dict) -> str:
    """Hash what can change an answer, beside the question itself (whose hash is stored with each answer).

    Parameters
    ----------
    benchmark
        Its name, so that equal ids of two benchmarks never share a run. Random streams know the id alone.
    prompt
        The template.
    spec
        Every field counts.
    identity
        The engine's: weights, precision, sampler version.
    """
    words = "\x1f".join((prompt.text, *prompt.stop))
    parts = {"benchmark": benchmark, "prompt": words, "spec": dataclasses.asdict(spec), "engine": identity}
    # Templates have come to have more since; of those that have not, keys are what they were.
    parts |= {name: value for name, value in prompt.told().items() if name not in ("text", "stop")}
    return digest_of_json(parts)[:20]


class RunFolder:
    """The folder of one run, in the ``store`` that holds them all; made if absent.

    ``about`` goes into ``run.json``, for people and tools that look into the folder; ``packed`` are answers of the run
    that stand elsewhere (``homogen.sampling.packed``).
    """

    def __init__(self, store: str | os.PathLike, key: str, about: dict, packed: Sequence[pa.Table] = ()) -> None:
        self.path = Path(store) / key
        self.key, self.about, self._packed = key, about, packed
        self._wanted: tuple[dict[str, str], int] = ({}, 0)
        self._kept: dict[str, pa.Table] = {}

    def parts(self, known: Container[str] = ()) -> Iterator[tuple[str, pa.Table]]:
        """Give the name and the rows of every sound part, but of those known; others are set aside with a warning."""
        for path in sorted(self.path.glob("part-*.parquet")):
            # What was set aside may be written again under the same name, the checksum of the same answers.
            if path.name not in known and (part := self._part(path)) is not None:
                yield path.name, part

    def _part(self, path: Path) -> pa.Table | None:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
        if digest(data) != path.stem.removeprefix("part-"):
            return self._aside(path, "corrupt", "does not match its checksum")
        try:
            part = pq.read_table(pa.BufferReader(data))
        except (pa.ArrowException, OSError):
            return self._aside(path, "foreign", "is no Parquet file")
        key = (part.schema.metadata or {}).get(_KEY, self.key.encode())  # parts of earlier versions carry none
        if key != self.key.encode():
            return self._aside(path, "foreign", f"belongs to the run {key.decode(errors='replace')[:20]}")
        if "token_entropies_high" not in part.column_names:  # as in parts of earlier versions
            high = pa.nulls(len(part), _PART.field("token_entropies_high").type)
            part = part.append_column("token_entropies_high", high)
        try:
            return part.replace_schema_metadata().select(_PART.names).cast(_PART)
        except (KeyError, ValueError, pa.ArrowException):
            return self._aside(path, "foreign", "has other columns than a part of a run")

    def _aside(self, path: Path, why: str, says: str) -> None:
        try:
            path.replace(path.with_suffix(f".{why}"))
        except OSError as error:
            raise BadInput(f"cannot set aside {path}: {error.strerror or error}") from error
        warnings.warn(
            f"{path} {says}; set aside, its questions are drawn again",
            stacklevel=6,  # the caller of homogen.sampling.sample, which calls table, and that parts
        )

    def table(self, shas: Mapping[str, str], n: int) -> pa.Table:
        """Read the answers of the questions that are unchanged and have every one: in this order, rows by sample.

        ``shas`` are those of each question that is asked for, by id; ``n`` answers are drawn for each, beside the
        greedy one.
        """
        if self._wanted != (wanted := (dict(shas), n)):
            self._wanted, self._kept = wanted, {}
        for name, part in self.parts(self._kept):
            self._kept[name] = _asked(part, shas, n)
        return in_order([*self._packed, *(self._kept[name] for name in sorted(self._kept))], shas, n)

    def write(self, responses: Sequence[Response], shas: dict[str, str]) -> Path:
        """Write the finished answers of some questions as one part, all or nothing."""
        rows = [{**dataclasses.asdict(r), QUESTION_SHA: shas[r.question_id]} for r in responses]
        table = pa.Table.from_pylist(rows, schema=_PART.with_metadata({_KEY: self.key.encode()}))
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        data = sink.getvalue().to_pybytes()
        return self._put(f"part-{digest(data)}.parquet", data)

    @contextlib.contextmanager
    def writing(self, wait: bool = False) -> Iterator[None]:
        """Hold the run for writing; if another process does, refuse at once, or wait until it is done or dead."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"cannot make the run folder {self.path}: {error.strerror or error}") from error
        lock = filelock.FileLock(self.path / "lock")
        try:
            if not _at_once(lock):
                if not wait:
                    raise BadInput(
                        f"another process is writing the run {self.key} in {self.path.parent}; "
                        "wait for it, or use another store"
                    )
                said = f"waiting for another process, which draws the run {self.key}"
                with tqdm(desc=said, bar_format="{desc}", leave=False, file=sys.stderr):
                    lock.acquire()
        except (OSError, NotImplementedError) as error:
            why = getattr(error, "strerror", None) or error
            raise BadInput(f"cannot lock the run folder {self.path}: {why}; use a store on another disk") from error
        try:
            for stale in self.path.glob(".*.tmp"):
                _remove(stale)
            self._put("run.json", json.dumps(self.about, indent=1, ensure_ascii=False).encode())
            yield
        finally:
            lock.release()

    def _put(self, name: str, data: bytes) -> Path:
        path = self.path / name
        try:
            put(path, data)
        except OSError as error:
            raise BadInput(
                f"cannot write {path}: {error.strerror or error}; answers written before are kept, run again to go on"
            ) from error
        return path


def in_order(parts: Sequence[pa.Table], shas: Mapping[str, str], n: int) -> pa.Table:
    """Rows of the questions that are unchanged and have every answer: in the order of ``shas``, rows by sample.

    ``parts`` have the columns of a part; ``shas`` are those of each question asked for, by id; ``n`` answers are drawn
    for each, beside the greedy one. Of a row that was written twice the later one counts.
    """
    whole = pa.concat_tables([_PART.empty_table(), *(_asked(part, shas, n) for part in parts)])
    place = {question: i for i, question in enumerate(shas)}
    ids, sample = whole.column("question_id").to_pylist(), whole.column("sample").to_numpy()
    at = np.fromiter((place[question] for question in ids), np.int64, len(ids)) * (n + 1) + sample + 1
    slots, last = np.unique(at[::-1], return_index=True)
    rows = np.full(len(shas) * (n + 1), -1)
    rows[slots] = len(at) - 1 - last
    rows = rows.reshape(len(shas), n + 1)
    rows = rows[(rows >= 0).all(axis=1)].ravel()
    return whole.take(pa.array(rows)).drop_columns([QUESTION_SHA]).cast(arrow_schema())


def _asked(part: pa.Table, shas: Mapping[str, str], n: int) -> pa.Table:
    """The rows of a part that are the greedy answer or one of n to a question as it is now."""
    pairs = zip(part.column("question_id").to_pylist(), part.column(QUESTION_SHA).to_pylist(), strict=True)
    kept = np.fromiter((shas.get(question) == sha for question, sha in pairs), bool, len(part))
    sample = part.column("sample").to_numpy()
    return part.filter(pa.array(kept & (sample >= GREEDY) & (sample < n)))


def _at_once(lock: filelock.BaseFileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return False
    return True


def _remove(path: Path) -> None:
    """Take away what a killed writer left, be it a file or a folder."""
    try:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    except OSError as error:
        raise BadInput(f"cannot remove {path}: {error.strerror or error}") from error
