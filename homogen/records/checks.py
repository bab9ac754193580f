"""The user's mistake, and what is checked of an argument in more rooms than one."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Set, Sized
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


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


def is_real(value: object) -> bool:
    """Whether this is one real number, of whatever type; a truth value is none.

    Examples
    --------
    >>> is_real(1), is_real(0.5), is_real(True), is_real("1")
    (True, True, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: object) -> bool:
    """Whether this is one whole number, of whatever type; a truth value is none.

    Examples
    --------
    >>> is_whole(1), is_whole(1.0), is_whole(True)
    (True, False, False)
    """
    return isinstance(value, Integral) and not isinstance(value, bool)


def real(value: Any, rule: str, fits: Callable[[float], bool] = lambda x: True) -> float:
    """One real number that fits; the rule says in words what fits.

    Examples
    --------
    >>> real(True, "decay must be a number above 0", lambda x: x > 0)
    Traceback (most recent call last):
        ...
    homogen.records.BadInput: decay must be a number above 0, got True
    """
    if not is_real(value) or not fits(value):
        raise BadInput(f"{rule}, got {shown(value)}")
    return float(value)


def ranged(name: str, value: Any, least: float, most: float) -> float:
    """One number within bounds, which belong to the range.

    Examples
    --------
    >>> ranged("weight", 1, 0, 1)
    1.0
    """
    where = f"lie in [{least}, {most}]" if most < math.inf else f"be at least {least}"
    return real(value, f"{name} must {where}", lambda x: least <= x <= most)


def share(name: str, value: Any) -> float:
    """One number between 0 and 1 that is neither: the level of an interval, or of a test.

    Examples
    --------
    >>> share("level", 0.95)
    0.95
    """
    return real(value, f"{name} must be a number between 0 and 1", lambda x: 0 < x < 1)


def whole(name: str, value: Any, least: int, most: float = math.inf) -> int:
    """One whole number, of whatever integer type.

    Examples
    --------
    >>> whole("folds", 1, 2)
    Traceback (most recent call last):
        ...
    homogen.records.BadInput: folds must be a whole number of at least 2, got 1
    """
    if not is_whole(value) or value < least:
        raise BadInput(f"{name} must be a whole number of at least {least}, got {shown(value)}")
    if value > most:
        raise BadInput(f"{name} must be at most {most:,}, got {shown(value)}")
    return int(value)


def one_of(what: str, name: Any, known: Sequence[str]) -> str:
    """A name that is known.

    Examples
    --------
    >>> one_of("linkage", "singel", ["single", "greedy"])
    Traceback (most recent call last):
        ...
    homogen.records.BadInput: unknown linkage 'singel'; did you mean 'single'? (known: greedy, single)
    """
    if not isinstance(name, str) or name not in known:
        raise unknown(what, name, known)
    return name


def floats(values: Any, complaint: str) -> np.ndarray:
    """An array of floats. None and what is masked are missing; a text is no number, and a complex one has no order.

    Examples
    --------
    >>> floats([[1, None]], "rows must be numbers")
    array([[ 1., nan]])
    >>> floats([["1"]], "rows must be numbers")
    Traceback (most recent call last):
        ...
    homogen.records.BadInput: rows must be numbers
    """
    import numpy as np

    try:
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)
        elif isinstance(values, np.ndarray) and values.dtype == object:
            values = values.tolist()  # rows of one length become a table
        array = np.asarray(values)
        texts = array.dtype.kind == "O" and any(isinstance(x, str | bytes) for x in array.flat)
        if not texts and array.dtype.kind in "biufO":
            return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RecursionError):  # rows of different length, or without end
        pass
    raise BadInput(complaint)


def label_row(labels: Any, question: object, what: str = "labels") -> np.ndarray:
    """One question's cluster numbers as an array.

    Examples
    --------
    >>> label_row([0, 1, -1], 0)
    array([ 0,  1, -1])
    """
    import numpy as np

    try:
        row = np.asarray(labels)
    except (TypeError, ValueError, RecursionError):  # rows of different length, or nested without end
        row = np.empty((0, 0, 1))
    if not row.ndim:
        raise one_a_question("labels", "row", labels, question)
    if row.ndim != 1 or (row.size and (row.dtype.kind not in "iu" or row.min() < -1)):
        whole_numbers = "one row of whole numbers from 0, with -1 for a missing answer"
        raise BadInput(f"question {question}: {what} must be {whole_numbers}")
    return row if row.size else np.empty(0, dtype=int)


def one_a_question(what: str, unit: str, got: object, question: object = None) -> BadInput:
    """Say that questions come in a list, and how one alone is given.

    Examples
    --------
    >>> print(one_a_question("answers", "list", "Paris", question=0))
    answers must be one list a question, got 'Paris' for question 0; one question alone is a list of one: [answers]
    """
    given = shown(got) if question is None else f"{shown(got)} for question {question}"
    return BadInput(f"{what} must be one {unit} a question, got {given}; one question alone is a list of one: [{what}]")


def listed(values: Any, what: str) -> list:
    """The items of a list, an array, a column or a generator; not of a text, a set or a mapping.

    Examples
    --------
    >>> listed(range(3), "labels")
    [0, 1, 2]
    >>> listed("0 1 2", "labels")
    Traceback (most recent call last):
        ...
    homogen.records.BadInput: labels must be a list or an array, got '0 1 2'
    """
    if not isinstance(values, str | bytes | Mapping | Set):
        if hasattr(values, "__array__"):
            values = values.__array__()  # a table would list the names of its columns
        try:
            return list(values)
        except TypeError:
            pass
    raise BadInput(f"{what} must be a list or an array, got {shown(values)}")


def sized(values: object, what: str) -> None:
    """Refuse a text, and what has no length, where a list is wanted that stays as it is.

    Examples
    --------
    >>> sized("Who?", "questions")
    Traceback (most recent call last):
        ...
    homogen.records.BadInput: questions must be a list, got 'Who?'
    """
    if isinstance(values, str) or not isinstance(values, Sized):
        raise BadInput(f"{what} must be a list, got {shown(values)}")


def listed_by_question(values: object, what: str, unit: str) -> list:
    """The items of a list that has one a question; see :func:`listed`."""
    try:
        return listed(values, what)
    except BadInput:
        raise one_a_question(what, unit, values) from None


def unknown(what: str, name: object, known: Iterable[str]) -> BadInput:
    """Say that a name is not known, and which known names come nearest; for the caller to raise.

    ``what`` is the kind of thing, as the user would call it ("model", "benchmark").

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
