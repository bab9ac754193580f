"""What a model said of texts, kept on disk: rows of numbers by the sha256 of the model's name and the texts.

There are two files side by side: a SQLite file, to which rows are added one batch at a time while a model works, and a
Parquet file of the same name, read alone, into which :func:`pack_verdicts` gathers what is worth keeping. The Parquet
file is small, is committed with the project's own runs, and makes their numbers without the model.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from homogen.records.checks import BadInput
from homogen.records.files import digest, put

PACKED = ".parquet"
"""What takes the place of a verdict file's suffix where it is packed."""
_TABLE = "CREATE TABLE IF NOT EXISTS verdicts (key BLOB PRIMARY KEY, numbers BLOB) WITHOUT ROWID"
_AT_ONCE = 500  # SQLite's own limit on placeholders is 999 in old builds


class VerdictFile:
    """Verdicts of one model, of which each is a row of numbers about one or several texts.

    Parameters
    ----------
    path
        The SQLite file, made where missing. Rows that stand in the packed file beside it are read too.
    model
        What identifies the model and what it was asked; no model is given another one's verdicts.

    Raises
    ------
    BadInput
        If the file cannot be made or read.

    Examples
    --------
    >>> import tempfile
    >>> file = VerdictFile(Path(tempfile.mkdtemp()) / "said.sqlite", "judge")
    >>> file.write([("a", "b")], np.array([[0.5, 0.25, 0.25]]))
    >>> file.read([("a", "b"), ("b", "a")])
    {('a', 'b'): array([0.5 , 0.25, 0.25])}
    """

    def __init__(self, path: str | Path, model: str) -> None:
        self._path, self._model = Path(path), model
        self._packed: Mapping[bytes, np.ndarray] = {}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"the cache of verdicts {self._path} cannot be made: {error}") from error
        packed = self._path.with_suffix(PACKED)
        if packed != self._path and packed.is_file():
            self._packed = _read_packed(packed)
        self._run("SELECT count(*) FROM verdicts")

    def read(self, items: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], np.ndarray]:
        """Give the rows of those items that are known."""
        found: dict[tuple[str, ...], np.ndarray] = {}
        unknown: dict[bytes, tuple[str, ...]] = {}
        for item in dict.fromkeys(items):
            key = self._key(item)
            if key in self._packed:
                found[item] = self._packed[key].astype(np.float64)
            else:
                unknown[key] = item
        wanted = list(unknown)
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            for key, row in self._run(f"SELECT key, numbers FROM verdicts WHERE key IN ({marks})", some):
                found[unknown[key]] = np.frombuffer(row, "<f8")
        return {item: found[item] for item in items if item in found}

    def write(self, items: Sequence[tuple[str, ...]], rows: np.ndarray) -> None:
        """Keep a row for each item."""
        numbers = np.ascontiguousarray(rows, dtype="<f8")
        values = [(self._key(item), row.tobytes()) for item, row in zip(items, numbers, strict=True)]
        self._run("INSERT OR REPLACE INTO verdicts VALUES (?, ?)", values, many=True)

    def _key(self, item: tuple[str, ...]) -> bytes:
        # Lengths go in too: no two (model, text, text) run together into the same bytes.
        parts = [part.encode("utf-8", "surrogatepass") for part in (self._model, *item)]
        return bytes.fromhex(digest(b"".join(len(part).to_bytes(8, "big") + part for part in parts)))[:16]

    def _run(self, sql: str, values: Sequence = (), many: bool = False) -> list:
        return _run(self._path, sql, values, many)


def pack_verdicts(path: str | Path) -> Path | None:
    """Gather a SQLite file of verdicts and the packed file beside it in the packed one, and take the first away.

    Numbers are kept as float32: a probability to seven digits.

    Parameters
    ----------
    path
        The SQLite file.

    Returns
    -------
    pathlib.Path or None
        The packed file; None if there is no SQLite file, or nothing in it.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    if not path.is_file():
        return None
    packed = path.with_suffix(PACKED)
    rows = dict(_read_packed(packed)) if packed.is_file() else {}
    new = _run(path, "SELECT key, numbers FROM verdicts")
    for key, numbers in new:
        rows[key] = np.frombuffer(numbers, "<f8").astype(np.float32)
    if not rows:
        return None
    keys = sorted(rows)  # the same verdicts make the same file
    table = pa.table(
        {
            "key": pa.array(keys, pa.binary(16)),
            "numbers": pa.array([rows[key].tolist() for key in keys], pa.list_(pa.float32())),
        }
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    try:
        put(packed, sink.getvalue().to_pybytes())
        # What a model has added meanwhile stays.
        _run(path, "DELETE FROM verdicts WHERE key = ?", [(key,) for key, _ in new], many=True)
        if not _run(path, "SELECT 1 FROM verdicts LIMIT 1"):
            path.unlink()
    except OSError as error:
        raise BadInput(f"cannot write {packed}: {error.strerror or error}") from error
    return packed


def _read_packed(path: Path) -> dict[bytes, np.ndarray]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=["key", "numbers"])
        lists = table.column("numbers").combine_chunks()
        flat, ends = lists.values.to_numpy(), lists.offsets.to_numpy()
        keys = table.column("key").to_pylist()
    except (OSError, KeyError, ValueError, AttributeError, pa.ArrowException) as error:
        raise BadInput(f"the packed verdicts {path} cannot be read ({error}); restore the file or delete it") from error
    return {key: flat[ends[i] : ends[i + 1]] for i, key in enumerate(keys)}


def _run(path: Path, sql: str, values: Sequence = (), many: bool = False) -> list:
    try:
        connection = sqlite3.connect(path, timeout=60)
        try:
            with connection:
                connection.execute(_TABLE)  # the file may be new, or have been packed since
                execute = connection.executemany if many else connection.execute
                return execute(sql, values).fetchall()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise BadInput(f"the cache of verdicts {path} cannot be used: {error}; delete it") from error
