"""Parameters of a chapter: read off its first cell, given by a user or a profile.

A line is ``name: type = default  # meaning [what it may be]``. What it may be is a range or a word, and counts for each
item of a list::

    limit: int = 70  # questions [at least 1]
    alpha: float = 0.2  # the share that may get through [between 0 and 1]
    models: list = ["smollm2-135m-instruct"]  # to compare [model]
    nuclei: list = [0.9]  # values of top-p [top_p?]

A range is ``at least 1``, ``above 0``, ``-1 to 1`` or ``between 0 and 1``, which leaves out its ends. A choice is
``chat | completions``. A word is one of :data:`WORDS`, or a field of a :class:`~homogen.records.SamplingSpec`.
A question mark allows an empty text or list, ``unless base_url`` anything where that parameter says something, and
``2 different`` and ``as many as benchmarks`` say how long a list is. :mod:`homogen.book.checking` holds values
against it.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import math
import re
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homogen.records import BadInput, SamplingSpec, unknown

if TYPE_CHECKING:
    from homogen.book.chapters import Chapter

TYPES = {"int": int, "float": float, "str": str, "bool": bool, "list": list}
WEIGHTS = ("model", "embedder", "nli", "pair")
"""Words for names of weights. A pair is two models, before and after a stage of training or otherwise compared."""
WORDS = (
    *WEIGHTS,
    *("benchmark", "convention", "date", "experiment", "level", "preset", "question", "rule", "url", "verdict"),
)
"""Words for what a parameter may be, beside the fields of a spec."""
FIELDS = tuple(field.name for field in dataclasses.fields(SamplingSpec))


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a parameter, or each item of a list, may be.

    Parameters
    ----------
    word
        One of :data:`WORDS`, a field of a spec, or "" where only a range is said.
    least, most
        Ends of a range.
    inside
        Whether the ends themselves are left out.
    choices
        The texts that it may be.
    optional
        Whether an empty text or list is allowed.
    unless
        A parameter which, if it says something, lifts the rule.
    different
        How many different items the list has.
    as_many_as
        A parameter whose list is as long.
    """

    word: str = ""
    least: float = -math.inf
    most: float = math.inf
    inside: bool = False
    choices: tuple[str, ...] = ()
    optional: bool = False
    unless: str = ""
    different: int | None = None
    as_many_as: str = ""


_TERMS = {
    r"at least (?P<least>\S+)": {},
    r"above (?P<least>\S+)": {"inside": True},
    r"(?P<least>\S+) to (?P<most>\S+)": {},
    r"between (?P<least>\S+) and (?P<most>\S+)": {"inside": True},
    r"(?P<different>\d+) different": {},
    r"as many as (?P<as_many_as>\w+)": {},
    r"(?P<word>\w+)": {},
}


def kind_of(text: str) -> Kind:
    """Read what a parameter may be.

    Examples
    --------
    >>> kind_of("between 0 and 1").most, kind_of("model?").optional, kind_of("chat | completions").choices
    (1.0, True, ('chat', 'completions'))
    """
    found: dict[str, Any] = {}
    if unless := re.search(r" unless (\w+)$", text):
        text, found["unless"] = text[: unless.start()], unless[1]
    if text.endswith("?"):
        text, found["optional"] = text[:-1], True
    if " | " in text:
        return Kind(choices=tuple(text.split(" | ")), **found)
    for term in text.split(", "):
        match, more = next(((m, more) for rule, more in _TERMS.items() if (m := re.fullmatch(rule, term))), (None, {}))
        if match is None or ((word := match.groupdict().get("word")) and word not in (*WORDS, *FIELDS)):
            raise BadInput(
                f"{term!r} does not say what a parameter may be: a range (at least 1, 0 to 1, between 0 and 1), a "
                f"choice (a | b), or one of {', '.join((*WORDS, *FIELDS))}"
            )
        numbers = {"least": float, "most": float, "different": int}
        try:
            found |= {k: numbers.get(k, str)(v) for k, v in match.groupdict().items()} | more
        except ValueError:
            raise BadInput(f"{term!r} is no range of numbers") from None
    return Kind(**found)


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell; ``allowed`` is what it may be, as written."""

    name: str
    type: str
    default: Any
    meaning: str
    allowed: str = ""

    @property
    def kind(self) -> Kind:
        """What it may be."""
        return kind_of(self.allowed) if self.allowed else Kind(optional=True)


def _parameters(notebook, path: Path) -> Iterable[Parameter]:
    cell = next((c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])), None)
    for line in cell.source.splitlines() if cell else ():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = re.fullmatch(r"""(\w+): (\w+) = ("[^"]*"|'[^']*'|.+?)\s+# (.+?)(?: \[([^\[\]]+)\])?""", line)
        default = _literal(found[3]) if found else None
        if not found or type(default) is not TYPES.get(found[2]):
            raise BadInput(
                f"{path}: a line of the parameters cell is not 'name: type = default  # meaning [what it may be]' "
                f"with a plain default of that type ({', '.join(TYPES)}): {line!r}"
            )
        try:
            parameter = Parameter(found[1], found[2], default, found[4], found[5] or "")
            _ = parameter.kind
        except BadInput as mistake:
            raise BadInput(f"{path}: {found[1]}: {mistake}") from mistake
        yield parameter


def _literal(text: str) -> Any:
    """Read a Python literal; None if it is not one."""
    with contextlib.suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return ast.literal_eval(text)


def validate(chapter: Chapter, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check parameters before any kernel starts; text (from the command line) is read as the parameter's type."""
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
        with contextlib.suppress(OverflowError):
            value = float(value)
    if type(value) is not TYPES[parameter.type] or not _plain(value):
        example = """, written as '["a", "b"]'""" if parameter.type == "list" else ""
        raise BadInput(
            f"parameter {parameter.name} of {chapter.name} must be {parameter.type}{example} "
            f"(default {parameter.default!r}), got {textwrap.shorten(repr(value), 80, placeholder=' …')}"
        )
    return value


def _plain(value: Any) -> bool:
    """Whether a value is made of texts, finite numbers, truth values and lists, which a notebook can be given."""
    if isinstance(value, list):
        try:
            return all(map(_plain, value))
        except RecursionError:  # a list of YAML may hold itself
            return False
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def values_of(chapter: Chapter, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """All of a chapter's parameters: those given, the defaults of the rest."""
    return {p.name: p.default for p in chapter.parameters} | dict(parameters)


def names_in(value: Any) -> list[Any]:
    """The names in a parameter's value: one, a list, or lists within a list.

    Examples
    --------
    >>> names_in([["a/base", "a/sft"], ["b/base", "b/instruct"]])
    ['a/base', 'a/sft', 'b/base', 'b/instruct']
    """
    if not isinstance(value, list):
        return [value]
    return [name for item in value for name in names_in(item)]
