r"""Readings: what is written of one run alone, ``book/readings/<profile>/<chapter>.md``, held to that run's findings.

The first paragraph is the run's result; the rest follows as *What this run shows*. Numbers come from the findings, and
a sentence that compares stands below a condition that must hold::

    ---
    names: {code: "SCR, Jaccard, N=10, code", facts: "SCR, Jaccard, N=10, facts"}
    constants: {T: 1}
    ---
    % holds: code.low > facts.high
    At $T = {T}$ more questions on code have a single cluster, {code}, than questions on facts, {facts}.

``{code}`` is value and interval as the tables of findings show them, ``{code.value}``, ``{code.low}`` and
``{code.high}`` a part, ``{code.n}`` the count behind it. Behind a colon stands how: ``{code:percent}``, or so many
digits, ``{code.value:1}``. A condition is made of comparisons with ``and``, ``or`` and ``not``, of handles and their
parts, constants and numbers, with ``+ - * /``, ``abs``, ``min`` and ``max``.
"""

from __future__ import annotations

import dataclasses
import keyword
import math
import os
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from homogen.book.conditions import FUNCTIONS, Handles, holds
from homogen.book.findings import estimate_of, read_file
from homogen.book.profiles import COMMITTED
from homogen.records import BadInput, Estimate, fixed, shown, unknown
from homogen.records.checks import is_real

READINGS = Path("book/readings")
RESULTS = Path("book/results")
COMPARING = (
    *("more", "less", "fewer", "higher", "lower", "larger", "smaller", "greater", "longer", "shorter", "better"),
    *("worse", "most", "least", "highest", "lowest", "largest", "smallest", "fewest", "best", "worst", "above"),
    *("below", "than", "both", "none", "neither", "only", "always", "never", "twice", "half"),
)
"""Words that compare: a sentence with one of them needs a condition."""


@dataclasses.dataclass(frozen=True)
class Reading:
    """A reading with its numbers filled in, in Markdown: the result, and the rest, which may be empty."""

    result: str
    rest: str = ""


# How a number is written


def _written(inside: str, handles: Handles) -> str:
    """What stands in place of ``{inside}``."""
    found = re.fullmatch(r"\s*(\w+)(?:\.(\w+))?\s*(?::\s*(\w+)\s*)?", inside)
    if found is None:
        raise BadInput(f"'{{{inside}}}' is no number of a finding: {{name}}, {{name.value}} or {{name:percent}} is")
    name, part, how = (unicodedata.normalize("NFKC", text or "") for text in found.groups())
    if how and how != "percent" and not re.fullmatch("[0-6]", how):
        raise unknown("way to write a number", how, ("percent", *"0123456"))
    estimate, constant = handles.estimates.get(name), handles.constants.get(name)
    if constant is not None and not part:
        if isinstance(constant, str) and how:
            raise BadInput(f"{name} is a text, and cannot be written as {how!r}")
        return constant if isinstance(constant, str) else _number(constant, how) if how else f"{constant:,}"
    if estimate is None or part:
        value = handles.number(name, part or "value")
        if part == "n":
            if how:
                raise BadInput(f"{name}.n is a count, and cannot be written as {how!r}")
            return f"{value:,}"
        if math.isnan(value):
            raise BadInput(f"{name}.{part} is undefined")
        return _number(value, how)
    if math.isnan(estimate.value):
        return estimate.method or "undefined"
    ends = "" if math.isnan(estimate.low) else f" [{_number(estimate.low, how)}, {_number(estimate.high, how)}]"
    return _number(estimate.value, how) + ends


def _number(value: float, how: str) -> str:
    if how == "percent":
        return fixed(100 * value, 1).removesuffix(".0") + "%"
    return fixed(value, int(how) if how else 3)


# The text

_CODE = re.compile(r"(?:\{[\w:.-]+\})?(?P<ticks>`+)(?!`)(?:(?!\n\s*\n).)+?(?<!`)(?P=ticks)(?!`)", re.DOTALL)
"""A span of code, or a role with what it holds."""
_PLACE = re.compile(rf"{_CODE.pattern}|\{{(?P<inside>[^{{}}\n]*)\}}", re.DOTALL)
_CITED = r"<?https?://[^\s>]+>?|\[-?@[^\]]*\]"
_LINK = re.compile(rf"\[[^\]]*\]\([^)]*\)|{_CITED}")
_TARGET = re.compile(rf"(?<=\])\([^)]*\)|{_CITED}")
_MARKER = re.compile(r"\A\s*(?:[-*+]\s|\d+[.)]\s|>|\|)")
"""What begins an item of a list, a quotation or a row of a table."""
_CONDITION = re.compile(r"\s*(?:%\s*holds:(?P<line>.*)|<!--\s*holds:(?P<comment>.*?)-->)\s*")
_END = re.compile(r"[.!?][\"'”’)\]*_]*(?=\s+[^\sa-z])")
_SHORT = re.compile(r"\b(?:e\.g|i\.e|cf|vs|al|approx|Fig|Tab|Sec)\.$")
_COMPARES = re.compile(rf"(?<![\w-])(?:{'|'.join(COMPARING)})(?![\w-])", re.IGNORECASE)


@dataclasses.dataclass
class _Stretch:
    """Lines of a text that belong together: prose, to be checked and filled, or something else.

    ``line`` is the number of the first, ``conditions`` stand above it, ``marked`` says that it begins with a marker.
    """

    line: int
    text: str
    prose: bool
    conditions: tuple[tuple[int, str], ...] = ()
    marked: bool = False


def render(text: str, estimates: Mapping[str, Estimate], where: str = "reading") -> Reading:
    """Check a reading against the findings of its run, by their names, and fill its numbers in.

    Raises
    ------
    BadInput
        If a condition does not hold or cannot be worked out, a handle is unknown, a digit is typed by hand, or a
        sentence compares without a condition: with file, line and sentence.

    Examples
    --------
    >>> text = "% holds: SCR.high < 0.6\\nFewer questions, {SCR}, have one cluster than have several.\\n\\nOf {SCR.n}."
    >>> render(text, {"SCR": Estimate(0.25, 0.1, 0.4, n=80)})
    Reading(result='Fewer questions, 0.250 [0.100, 0.400], have one cluster than have several.', rest='Of 80.')
    """
    lines = text.removeprefix("\ufeff").splitlines()
    front = 0
    if lines and lines[0].rstrip() == "---":
        front = next((n for n, line in enumerate(lines) if n and line.rstrip() == "---"), 0) + 1
        if front == 1:
            raise BadInput(f"{where}: the front matter, from --- to ---, has no end")
    handles = _handles("\n".join(lines[1 : front - 1] if front else []), estimates, where)
    stretches = list(_stretches(lines, front, where))
    first = next((s for s in stretches if s.text.strip()), None)
    if first is None or not first.prose or first.marked:
        at = where if first is None else f"{where}, line {first.line}"
        raise BadInput(f"{at}: a reading begins with a paragraph, the run's result")
    filled = []
    for stretch in stretches:
        filled.append(_checked(stretch, handles, where) if stretch.prose else stretch.text)
    start = stretches.index(first)
    end = next((n for n, s in enumerate(stretches) if n > start and not s.prose), len(stretches))
    return Reading("\n".join(filled[start:end]).strip(), "\n".join(filled[end:]).strip("\n"))


def _handles(front: str, estimates: Mapping[str, Estimate], where: str) -> Handles:
    """What the text may name: by the front matter's short names, and findings whose own name is short."""
    import yaml

    shape = "'names: {handle: finding}' and 'constants: {handle: number or text}' are what the front matter may hold"
    try:
        given = yaml.safe_load(front) or {}
    except (yaml.YAMLError, RecursionError) as error:
        raise BadInput(f"{where}: the front matter is not valid YAML; {shape}") from error
    if not isinstance(given, dict) or not set(given) <= {"names", "constants"}:
        raise BadInput(f"{where}: {shape}")
    names, constants = (given.get(key) or {} for key in ("names", "constants"))
    if not isinstance(names, dict) or not isinstance(constants, dict):
        raise BadInput(f"{where}: {shape}")
    found = {unicodedata.normalize("NFKC", name): e for name, e in estimates.items() if _is_handle(name)}
    kept: dict[str, int | float | str] = {}
    for kind, handle, value in [("name", *item) for item in names.items()] + [
        ("", *item) for item in constants.items()
    ]:
        if not _is_handle(handle):
            raise BadInput(f"{where}: a handle is a short name of letters, digits and _, got {shown(handle)}")
        short = unicodedata.normalize("NFKC", handle)  # as Python reads it in a condition
        if short in found or short in kept:
            raise BadInput(f"{where}: {handle!r} stands for two things")
        if kind:
            if not isinstance(value, str) or value not in estimates:
                raise unknown(f"finding in {where}", value, estimates)
            found[short] = estimates[value]
        elif isinstance(value, str) or (is_real(value) and math.isfinite(value)):
            kept[short] = value
        else:
            raise BadInput(f"{where}: the constant {handle!r} must be a number or a text, got {shown(value)}")
    return Handles(found, kept)


def _is_handle(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name) and name not in FUNCTIONS


def _stretches(lines: list[str], front: int, where: str) -> Iterator[_Stretch]:
    """Part a text, front matter left out, into stretches; lines of conditions go to what stands below them."""
    fence, kept = "", None
    conditions: list[tuple[int, str]] = []
    for number, line in enumerate(lines[front:], front + 1):
        at = f"{where}, line {number}"
        opened = re.match(r"\s*(`{3,}|~{3,})(.*)", line)
        condition = None if fence else _CONDITION.fullmatch(line)
        heading = re.match(r"\s{0,3}(#{1,6})(?:\s|$)", line)
        plain = bool(fence or opened or heading or not line.strip() or line.lstrip().startswith(":::"))
        if plain and conditions:
            raise BadInput(f"{at}: the condition {conditions[-1][1]!r} has no sentence on the line below")
        if condition or plain or _MARKER.match(line) or conditions:
            if kept:
                yield kept
            kept = None
        if condition:
            conditions.append((number, (condition["line"] or condition["comment"] or "").strip()))
        elif plain:
            yield _Stretch(number, line, False)
            if fence:
                fence = "" if opened and opened[1].startswith(fence) and not opened[2].strip() else fence
            elif opened:
                fence = opened[1]
                if "{" in opened[2]:
                    raise BadInput(f"{at}: write a directive with colons, ':::{{note}}', so that its text is checked")
            elif heading and (len(heading[1]) < 3 or "{" in line):
                raise BadInput(f"{at}: a reading is a part of its page; its headings begin with ###, without a number")
            elif line.strip() and not heading and not re.fullmatch(r"\s*:{3,}(?:\{[\w-]+\})?\s*", line):
                raise BadInput(f"{at}: what a directive says stands below its first line, where it is checked")
        elif line.lstrip().startswith("%"):
            raise BadInput(f"{at}: a line that begins with % is a condition, '% holds: …'; got {line.strip()!r}")
        elif re.fullmatch(r"\s*(?:=+|-+)\s*", line):
            raise BadInput(f"{at}: {line.strip()!r} makes a heading of what stands above it; headings begin with ###")
        elif kept:
            kept.text += f"\n{line}"
        else:
            kept = _Stretch(number, line, True, tuple(conditions), bool(_MARKER.match(line)))
            conditions = []
    if conditions:
        raise BadInput(f"{where}: the condition {conditions[-1][1]!r} has no sentence on the line below")
    if kept:
        yield kept


def _checked(stretch: _Stretch, handles: Handles, where: str) -> str:
    """A stretch of prose with its numbers filled in; a mistake names file, line and sentence."""
    hidden = _hide(_hide(stretch.text, _PLACE), _MARKER)
    begin, first, filled = 0, True, []
    for end in _ends(hidden):
        sentence, covered = stretch.text[begin:end], hidden[begin:end]
        line = stretch.line + stretch.text[:begin].count("\n") + sentence[: -len(sentence.lstrip()) or None].count("\n")
        told = textwrap.shorten(sentence, 160, placeholder=" …")
        conditions = stretch.conditions if first else ()
        for at, condition in conditions:
            try:
                true = holds(condition, handles)
            except BadInput as mistake:
                raise BadInput(
                    f"{where}, line {at}: the condition {condition!r}: {mistake}; above: {told!r}"
                ) from mistake
            if not true:
                raise BadInput(f"{where}, line {at}: {condition!r} does not hold, so that this is not so: {told!r}")
        bare = _hide(covered, _LINK)
        if digit := next((c for c in bare if unicodedata.category(c) in ("Nd", "Nl", "No")), None):
            raise BadInput(
                f"{where}, line {line}: {digit!r} is typed by hand; a number is {{handle}} of a finding, or a constant "
                f"of the front matter: {told!r}"
            )
        if not conditions and (word := _COMPARES.search(_hide(covered, _TARGET))):
            raise BadInput(
                f"{where}, line {line}: {word[0]!r} compares; the sentence needs a condition on the line above, "
                f"'% holds: …': {told!r}"
            )
        try:
            filled.append(_PLACE.sub(lambda m: m[0] if m["ticks"] else _written(m["inside"], handles), sentence))
        except BadInput as mistake:
            raise BadInput(f"{where}, line {line}: {mistake}: {told!r}") from mistake
        begin, first = end, False
    return "".join(filled)


def _ends(text: str) -> Iterator[int]:
    """Where the sentences of a text end."""
    for found in _END.finditer(text):
        if not _SHORT.search(text[: found.start() + 1]):
            yield found.end()
    yield len(text)


def _hide(text: str, pattern: re.Pattern) -> str:
    """Put dots over what is not to be looked at; lengths and lines stay."""
    return pattern.sub(lambda m: re.sub(r"[^\n]", "·", m[0]), text)


# The files


def reading(
    profile: str, chapter: str, readings: str | os.PathLike = READINGS, results: str | os.PathLike = RESULTS
) -> Reading | None:
    """Read what is written of a chapter's run under a profile, checked and filled in; None if nothing is.

    Raises
    ------
    BadInput
        If the reading does not hold (:func:`render`), or the run has left no findings.
    """
    path = Path(readings) / profile / f"{chapter}.md"
    if not path.is_file():
        return None
    left = Path(results) / profile / "findings" / f"{chapter}.json"
    if not left.is_file():
        raise BadInput(f"{path}: its run has left no findings at {left}; a reading is of a run that is there")
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read {path}: {' '.join(str(error).split())}") from error
    return render(text, {row["name"]: estimate_of(row) for row in read_file(left)}, str(path))


def result_sentence(
    profile: str, chapter: str, readings: str | os.PathLike = READINGS, results: str | os.PathLike = RESULTS
) -> str:
    """Give the result of a chapter's run under a profile, as its reading says it; empty if there is no reading."""
    found = reading(profile, chapter, readings, results)
    return " ".join(found.result.split()) if found else ""


def check_all(
    chapters: Iterable[str], readings: str | os.PathLike = READINGS, results: str | os.PathLike = RESULTS
) -> None:
    """Check every reading that there is.

    Raises
    ------
    BadInput
        If one is of no profile whose runs are kept, of none of the chapters, or does not hold.
    """
    known = list(chapters)
    for path in sorted(Path(readings).glob("*/*.md")):
        profile, chapter = path.parent.name, path.stem
        if profile not in COMMITTED:
            raise BadInput(f"{path}: a reading is of a run that is kept, under {', '.join(COMMITTED)}; not {profile!r}")
        if chapter not in known:
            raise unknown(f"chapter of the reading {path}", chapter, known)
        reading(profile, chapter, readings, results)
