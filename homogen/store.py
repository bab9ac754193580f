"""A run on disk: what was asked for, Parquet parts, and how to go on after anything.

A run's folder holds ``run.json`` and parts ``part-<sha256>.parquet``, each the finished answers of some questions,
written under another name, flushed and renamed. A part's name is the checksum of its bytes, so a torn or altered
part gives itself away and its questions are drawn again. One process writes at a time (a lock that the system
releases when the process dies); reading needs no lock.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import filelock
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from homogen.records import GREEDY, BadInput, Question, Response, SamplingSpec, arrow_schema

QUESTION_SHA = "question_sha"
"""Extra column of a part: rows whose question has changed since are not read."""


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


def run_key(benchmark: str, prompt: str, spec: SamplingSpec, identity: dict) -> str:
    """Hash what can change an answer, beside the question itself (whose hash is stored with each answer).

    Parameters
    ----------
    benchmark
        Its name, so that equal ids of two benchmarks never share a run. Random streams know the id alone.
    prompt
        The template's text and stop strings.
    spec
        Every field counts.
    identity
        The engine's: weights, precision, sampler version.
    """
    parts = {"benchmark": benchmark, "prompt": prompt, "spec": dataclasses.asdict(spec), "engine": identity}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:20]


class RunFolder:
    """The folder of one run.

    Parameters
    ----------
    store
        Folder that holds the runs; made if absent.
    key
        From :func:`run_key`.
    about
        Written to ``run.json`` for people and tools that look into the folder.
    """

    def __init__(self, store: str | os.PathLike, key: str, about: dict) -> None:
        self.path = Path(store) / key
        self.key, self.about = key, about

    def read(self) -> dict[tuple[str, str], list[dict]]:
        """Read every sound part: (question id, question sha) -> rows. Unsound ones are set aside with a warning."""
        found: dict[tuple[str, str], list[dict]] = {}
        for path in sorted(self.path.glob("part-*.parquet")):
            try:
                data = path.read_bytes()
                sound = hashlib.sha256(data).hexdigest() == path.stem.removeprefix("part-")
                if not sound:
                    path.replace(path.with_suffix(".corrupt"))
            except OSError as error:
                raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
            if not sound:
                warnings.warn(
                    f"{path} does not match its checksum; set aside, its questions are drawn again",
                    stacklevel=3,  # the caller of homogen.sampling.sample, which calls this
                )
                continue
            for row in pq.read_table(pa.BufferReader(data)).to_pylist():
                found.setdefault((row["question_id"], row.pop(QUESTION_SHA)), []).append(row)
        return found

    def write(self, responses: Sequence[Response], shas: dict[str, str]) -> Path:
        """Write the finished answers of some questions as one part, all or nothing."""
        rows = [{**dataclasses.asdict(r), QUESTION_SHA: shas[r.question_id]} for r in responses]
        schema = arrow_schema().append(pa.field(QUESTION_SHA, pa.string(), nullable=False))
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), sink, compression="zstd")
        data = sink.getvalue().to_pybytes()
        return self._put(f"part-{hashlib.sha256(data).hexdigest()}.parquet", data)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the run for writing; refuse at once if another process does."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"cannot make the run folder {self.path}: {error.strerror or error}") from error
        lock = filelock.FileLock(self.path / "lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise BadInput(
                f"another process is writing the run {self.key} in {self.path.parent}; "
                "wait for it, or use another store"
            ) from None
        except OSError as error:
            raise BadInput(f"cannot write in the run folder {self.path}: {error.strerror or error}") from error
        try:
            for stale in self.path.glob(".*.tmp"):
                stale.unlink()
            self._put("run.json", json.dumps(self.about, indent=1, ensure_ascii=False).encode())
            yield
        finally:
            lock.release()

    def _put(self, name: str, data: bytes) -> Path:
        path, temporary = self.path / name, self.path / f".{name}.tmp"
        try:
            with open(temporary, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise BadInput(
                f"cannot write {path}: {error.strerror or error}; answers written before are kept, run again to go on"
            ) from error
        return path
