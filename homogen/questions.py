"""Benchmarks as lists of :class:`~homogen.records.Question`: the embedded ``pocket`` set and JSONL files of one's own.

A benchmark is a name in :data:`BENCHMARKS`; anything that ends in ``.jsonl`` is a file. Both go through the same
reader, so that the embedded set can be no better checked than a user's.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.resources
import json
import os
from pathlib import Path

from homogen.records import BadInput, Question, unknown


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """A set of questions that :func:`load_questions` knows by name.

    Parameters
    ----------
    name
        What the user types.
    title
        One line that says what is asked.
    size
        How many questions it holds.
    kinds
        The kinds of question in it (:data:`homogen.records.KINDS`).
    licence
        SPDX identifier of the licence of its text.
    home
        Where the text lives; ``"embedded"`` for a set that comes with the package.
    citation
        Key in the book's bibliography, or an empty string.
    """

    name: str
    title: str
    size: int
    kinds: tuple[str, ...]
    licence: str
    home: str
    citation: str = ""


BENCHMARKS = {
    "pocket": Benchmark(
        name="pocket",
        title="60 common misconceptions, 50 short facts, 40 small sums; written for this project",
        size=150,
        kinds=("factual", "math"),
        licence="MIT",
        home="embedded",
    ),
}
"""The benchmarks that load by name."""


def benchmarks() -> list[Benchmark]:
    """List the benchmarks that load by name.

    Returns
    -------
    list of Benchmark
        In the order in which they are listed to the user.

    Examples
    --------
    >>> [b.name for b in benchmarks()]
    ['pocket']
    """
    return list(BENCHMARKS.values())


def load_questions(
    name_or_path: str | os.PathLike, limit: int | None = None, stratified: bool = False
) -> list[Question]:
    """Load a benchmark by name, or one's own questions from a JSONL file.

    Each line of a file is a JSON object with ``text`` (or ``question``) and ``references`` (or ``answers`` or
    ``answer``; a single answer need not be in a list), and, if wanted, ``id``, ``distractors``, ``category`` and
    ``kind``. A line without an id gets ``"<stem>-<line number>"``; the file's stem is the benchmark's name. Other
    fields are ignored, and so are blank lines, a byte-order mark and the kind of line end.

    Parameters
    ----------
    name_or_path
        A name in :data:`BENCHMARKS`, or a path that ends in ``.jsonl``.
    limit
        Load only so many questions, at least 1; all of them if there are fewer.
    stratified
        Without it the limit takes the first questions of the file. With it the limit takes one question after the
        other from each (kind, category), in the order in which those first appear, so that even a few questions
        reach across the categories (evenly, not in proportion to their sizes).

    Returns
    -------
    list of Question
        Always in the order of the file.

    Raises
    ------
    BadInput
        If the name is unknown, the file is missing, empty or not UTF-8, a line is not a valid question (the message
        has its number), two lines share an id, or the limit is not a whole number of at least 1.

    Examples
    --------
    >>> [q.id for q in load_questions("pocket", limit=2)]
    ['pocket-m001', 'pocket-m002']
    >>> {q.kind for q in load_questions("pocket", limit=30, stratified=True)} == {"factual", "math"}
    True
    """
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int)):
        raise BadInput(f"limit must be a whole number, got {limit!r}")
    if limit is not None and limit < 1:
        raise BadInput(f"limit must be at least 1, got {limit}")
    given = os.fspath(name_or_path)
    if given in BENCHMARKS:
        embedded = importlib.resources.files("homogen") / "data" / f"{given}.jsonl"
        questions = _parse(embedded.read_bytes(), given, f"benchmark {given}")
    elif given.lower().endswith(".jsonl"):
        try:
            data = Path(given).read_bytes()
        except FileNotFoundError:
            raise BadInput(f"no such question file: {given}") from None
        except OSError as error:
            raise BadInput(f"cannot read question file {given}: {error.strerror}") from None
        questions = _parse(data, Path(given).stem, given)
    elif isinstance(name_or_path, Path) or os.sep in given or Path(given).is_file():
        raise BadInput(f"a question file must end in .jsonl, got {given}")
    else:
        raise unknown("benchmark", given, BENCHMARKS)
    if limit is None:
        return questions
    return _balanced(questions, limit) if stratified else questions[:limit]


def question_sha(question: Question) -> str:
    """Identify what a model is asked: SHA-256 of benchmark, id and text.

    References, distractors, category and kind decide how an answer is graded, not what it is, so a correction of
    those leaves stored answers valid.

    Parameters
    ----------
    question
        The question.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> asked = Question("q1", "mine", "Why?", references=("Because.",))
    >>> question_sha(asked) == question_sha(Question("q1", "mine", "Why?", references=("Why not?",)))
    True
    >>> question_sha(asked)[:12]
    '2cdafc292d40'
    """
    # A JSON list keeps the fields apart: "ab" + "c" and "a" + "bc" must not meet.
    asked = json.dumps([question.benchmark, question.id, question.text])
    return hashlib.sha256(asked.encode("ascii")).hexdigest()


def _parse(data: bytes, benchmark: str, source: str) -> list[Question]:
    """Read JSONL bytes into questions; ``source`` is what error messages call them."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{source}, line {line}: not valid UTF-8; save the file as UTF-8") from None
    questions: list[Question] = []
    line_of: dict[str, int] = {}
    # Not splitlines(): a JSON string may hold U+2028 and its like, which end no line of JSONL.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            question = _question(line, benchmark, number)
        except BadInput as error:
            raise BadInput(f"{source}, line {number}: {error}") from None
        if question.id in line_of:
            raise BadInput(
                f"{source}, lines {line_of[question.id]} and {number}: both have the id {question.id!r}; "
                "ids must be unique"
            )
        line_of[question.id] = number
        questions.append(question)
    if not questions:
        raise BadInput(f"{source}: holds no questions")
    return questions


def _question(line: str, benchmark: str, number: int) -> Question:
    """Make one question from one line of JSON."""
    try:
        record = json.loads(line)
        json.dumps(record, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise BadInput(f"not valid JSON ({error.msg}, column {error.colno})") from None
    except UnicodeEncodeError:
        raise BadInput("holds half of a surrogate pair (\\ud800 to \\udfff), which is no character") from None
    except (RecursionError, ValueError):
        raise BadInput("not valid JSON (nested too deep, or a number too long)") from None
    if not isinstance(record, dict):
        raise BadInput(f"expected a JSON object, got {type(record).__name__}")
    text = _field(record, "text", "question")
    references = _field(record, "references", "answers", "answer")
    if text is None:
        raise BadInput("needs 'text' (or 'question')")
    if references is None:
        raise BadInput("needs 'references' (or 'answers' or 'answer')")
    identity = _field(record, "id")
    category, kind = _field(record, "category"), _field(record, "kind")
    for name, value in (("category", category), ("kind", kind)):
        if value is not None and not isinstance(value, str):
            raise BadInput(f"{name} must be a string, got {value!r}")
    return Question(
        id=f"{benchmark}-{number}" if identity is None else _as_text(identity),
        benchmark=benchmark,
        text=text,
        references=_as_list(references),
        distractors=_as_list(_field(record, "distractors") or ()),
        category=category or "",
        kind=kind or "factual",
    )


def _field(record: dict, *names: str) -> object:
    """The first of the named fields that is there and not null."""
    return next((record[name] for name in names if record.get(name) is not None), None)


def _as_list(value: object) -> tuple:
    """A list of answers as a tuple of texts; one answer is a list of one."""
    return tuple(map(_as_text, value)) if isinstance(value, list | tuple) else (_as_text(value),)


def _as_text(value: object) -> object:
    """A number as its text (users write ``"answer": 12``); anything else as it is, for Question to judge."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _balanced(questions: list[Question], limit: int) -> list[Question]:
    """Pick ``limit`` questions round robin over (kind, category); keep their order."""
    groups: dict[tuple[str, str], list[int]] = {}
    for index, question in enumerate(questions):
        groups.setdefault((question.kind, question.category), []).append(index)
    # Sorted by turn first: the k-th question of every group comes before the (k+1)-th of any.
    turns = sorted(
        (turn, rank, index) for rank, members in enumerate(groups.values()) for turn, index in enumerate(members)
    )
    return [questions[index] for index in sorted(index for _, _, index in turns[:limit])]
