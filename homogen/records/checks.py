"""The user's mistake, and what is checked of an argument in more rooms than one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BadInput(ValueError):
    """A mistake in what the user gave: one line that names the thing and the mend; exit code 2."""

    __module__ = "homogen.records"  # where users find it, and what a traceback says


def shown(value: object) -> str:
    """What was given, on one short line, for the message of an error.

    Examples
    --------
    >>> shown("Paris"), shown(list(range(100)))
    ("'Paris'", '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16...')
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def unknown(what: str, name: object, known: Iterable[str]) -> BadInput:
    """Say that a name is not known, and which known names come nearest.

    Parameters
    ----------
    what
        The kind of thing, as the user would call it ("model", "benchmark").
    name
        What was given.
    known
        The names that would have been accepted.

    Returns
    -------
    BadInput
        To be raised by the caller.

    Examples
    --------
    >>> print(unknown("preset", "olama", ["hf", "ollama", "pure"]))
    unknown preset 'olama'; did you mean 'ollama'? (known: hf, ollama, pure)
    """
    names, given = sorted(known), str(name).lower()

    def likeness(known_name: str) -> float:
        whole = known_name.lower()
        # A long name's beginning is what people type: "smolm2" is near "smollm2-135m-instruct".
        return max(difflib.SequenceMatcher(None, given, part).ratio() for part in (whole, whole[: len(given)]))

    name = name if len(str(name)) <= 60 else f"{str(name)[:57]}..."
    near = sorted((n for n in names if likeness(n) >= 0.6), key=likeness, reverse=True)[:2]
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return BadInput(f"unknown {what} {str(name)!r}{hint} (known: {', '.join(names)})")
