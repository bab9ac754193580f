"""Files and what identifies them: one digest, and one way to write a file whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any


def digest(data: str | bytes) -> str:
    """The sha256 of bytes or of a text in UTF-8, in hexadecimal digits.

    Examples
    --------
    >>> digest("Paris") == digest(b"Paris"), digest("Paris")[:12]
    (True, '5dd272b4f316')
    """
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def digest_of_json(parts: Any) -> str:
    """The sha256 of what JSON can hold; the order of a mapping's keys does not count.

    JSON keeps fields apart: ["ab", "c"] and ["a", "bc"] do not meet.

    Examples
    --------
    >>> digest_of_json({"a": 1, "b": 2}) == digest_of_json({"b": 2, "a": 1})
    True
    """
    return digest(json.dumps(parts, sort_keys=True))


def file_digest(path: str | os.PathLike) -> str:
    """The sha256 of a file's bytes, however large it is."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def put(path: Path, data: str | bytes) -> None:
    """Write a file whole or not at all: under another name beside it, which is then renamed.

    Whoever is killed in between leaves ``.<name>.tmp``; an error leaves nothing, and the file that was there before.

    Raises
    ------
    OSError
        What the disk refuses; the caller knows in which words to say it.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
