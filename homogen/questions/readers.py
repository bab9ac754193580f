"""Bytes to questions: JSONL of users, and the layouts in which the public benchmarks come.

Every reader takes the bytes, the benchmark's name and what error messages call the file. What users write is checked to
the column; the JSON of public benchmarks has had its checksum compared and is only read.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from typing import Any

from homogen.grading import extract_number
from homogen.records import BadInput, Question


def _decoded(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{source}, line {line}: not valid UTF-8; save the file as UTF-8") from None


def _collect(rows: Iterator[tuple[int, Callable[[], Question]]], source: str) -> list[Question]:
    """Make the questions of a file, each from its line; ``source`` is what error messages call the file."""
    questions: list[Question] = []
    line_of: dict[str, int] = {}
    for number, make in rows:
        try:
            question = make()
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


# JSON: one object a line, or one list


def jsonl(
    data: bytes, benchmark: str, source: str, make: Callable[[dict, str, int], Question] | None = None
) -> list[Question]:
    """Read JSONL bytes into questions; ``make`` knows the fields of a line."""
    # Not splitlines(): a JSON string may hold U+2028 and its like, which end no line of JSONL.
    lines = enumerate(_decoded(data, source).split("\n"), 1)
    make = make or _question
    made = ((n, partial(_made, make, line, benchmark, n)) for n, line in lines if line.strip())
    return _collect(made, source)


def _made(make: Callable[[dict, str, int], Question], line: str, benchmark: str, number: int) -> Question:
    return make(_record(line), benchmark, number)


def _record(line: str) -> dict:
    """Read one line of JSON."""
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
    return record


def _question(record: dict, benchmark: str, number: int) -> Question:
    """Make one question from one line of a user's JSONL file."""
    text, references = _field(record, *_TEXT), _field(record, *_REFERENCES)
    lacking = _TEXT * (text is None) + _REFERENCES * (references is None)
    for name in lacking:
        if record.get(name) is not None:
            raise BadInput(f"{name} is NaN, which is no text")
    if text is None:
        raise BadInput("needs 'text' (or 'question')")
    if references is None:
        raise BadInput("needs 'references' (or 'answers' or 'answer')")
    if references is _field(record, *_CORRECT):
        # The fields of TruthfulQA: the best answer comes first.
        best = _field(record, "best_answer")
        references = list(dict.fromkeys([*([] if best is None else _as_list(best)), *_as_list(references)]))
    identity = _field(record, "id")
    category, kind, context = (_field(record, name) for name in ("category", "kind", "context"))
    for name, value in (("category", category), ("kind", kind), ("context", context)):
        if value is not None and not isinstance(value, str):
            raise BadInput(f"{name} must be a string, got {value!r}")
    references = _as_list(references)
    if kind in (None, "math"):
        worked = [last for last in map(_after_hashes, references) if last]
        if len(worked) == len(references):
            kind, references = "math", tuple(worked)
    question = Question(
        id=f"{benchmark}-{number}" if identity is None else _as_text(identity),
        benchmark=benchmark,
        text=text,
        references=references,
        distractors=_as_list(_field(record, "distractors", "incorrect_answers") or ()),
        category=category or "",
        kind=kind or "factual",
        context=context or "",
    )
    if question.kind == "math" and not any(extract_number(r) is not None for r in question.references):
        raise BadInput(
            f"question {question.id!r}: no number in the references {_cut_short(question.references)}, by which a "
            "question of kind 'math' is graded; give one, or leave 'kind' out"
        )
    return question


_TEXT = ("text", "question")
_CORRECT = ("correct_answers", "best_answer")
_REFERENCES = ("references", "answers", "answer", *_CORRECT)


def _cut_short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


def _after_hashes(reference: object) -> str | None:
    """The number on which a solution in the manner of GSM8K ends, ``#### 12``; None of any other answer."""
    before, mark, last = reference.rpartition("####") if isinstance(reference, str) else ("", "", "")
    last = last.strip()
    if not mark or before.rstrip(" \t").endswith("#") or not last or "\n" in last:
        return None
    # Digits alone are meant for a number; with words, a text without a number is an answer of another kind.
    digits = re.search(r"\d", last) and not re.search(r"[^\W\d_]", last)
    return _gold(last) if digits or extract_number(last) is not None else None


def _gold(last: str) -> str:
    """What stands after the hashes, without the commas of its number, which must be one as it is written."""
    number = extract_number(last)
    plain = last.replace("{,}", ",").replace(",", "")
    if number is None or extract_number(plain) != number:
        raise BadInput(f"{_cut_short(last)} after '####' is no number; write it in the manner of 1234.5 or 1,234.5")
    return plain


def _field(record: dict, *names: str) -> Any:
    """The first of the named fields that is there and neither null nor NaN, as a table's missing cell is written."""
    return next((record[name] for name in names if not _absent(record.get(name))), None)


def _absent(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _as_list(value: object) -> tuple:
    """A list of answers as a tuple of texts, without NaN; one answer is a list of one."""
    if not isinstance(value, list | tuple):
        return (_as_text(value),)
    return tuple(_as_text(v) for v in value if not (isinstance(v, float) and math.isnan(v)))


def _as_text(value: Any) -> Any:
    """A number as a person writes it (``12.0`` is ``"12"``); anything else as it is, for Question to judge."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        raise BadInput("holds NaN or Infinity where a text or a number is needed")
    return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")


def _gsm8k(record: dict, benchmark: str, number: int) -> Question:
    """The answer works the sum out; what counts is the number after the last ``####``."""
    solution, marker, gold = str(record.get("answer", "")).rpartition("####")
    if not marker or not solution.strip():
        raise BadInput("'answer' has no '####' with the number after it")
    gold = gold.strip() and _gold(gold.strip())
    text: Any = record.get("question")  # for Question to judge
    return Question(f"{benchmark}-{number:04d}", benchmark, text, (gold,), kind="math")


def gsm8k(data: bytes, benchmark: str, source: str) -> list[Question]:
    """GSM8K's JSONL: the reference is what follows ``####``."""
    return jsonl(data, benchmark, source, _gsm8k)


def webquestions(data: bytes, benchmark: str, source: str) -> list[Question]:
    """WebQuestions' list, under its own ids."""
    return [Question(r["qId"], benchmark, r["qText"], tuple(r["answers"])) for r in json.loads(data)]


def hotpotqa(data: bytes, benchmark: str, source: str) -> list[Question]:
    """HotpotQA's list, with the supporting paragraphs as context."""
    return [
        Question(r["_id"], benchmark, r["question"], (r["answer"],), (), r["type"], "multihop", context=_supporting(r))
        for r in json.loads(data)
    ]


def _supporting(record: dict) -> str:
    """The paragraphs with the supporting facts, to the letter as the paper put them into its prompt."""
    titles = {title for title, _ in record["supporting_facts"]}
    return "\n".join(f"{title}: {' '.join(text)}" for title, text in record["context"] if title in titles)


# CSV: the sheets of TruthfulQA and FreshQA


@dataclasses.dataclass(frozen=True)
class _Sheet:
    """The columns of a CSV file and what makes a question of a row; every row has the text of every column in it."""

    needs: tuple[str, ...]
    may_have: tuple[str, ...]
    make: Callable[[dict[str, str], str, int], Question]


def _truthfulqa(row: dict[str, str], benchmark: str, rank: int) -> Question:
    correct, incorrect = (_split(row[name]) for name in ("Correct Answers", "Incorrect Answers"))
    best = row["Best Answer"]
    return Question(
        id=f"{benchmark}-{rank:04d}",
        benchmark=benchmark,
        text=row["Question"],
        references=tuple(dict.fromkeys([best, *correct] if best else correct)),
        distractors=tuple(dict.fromkeys(incorrect)),
        category=row["Category"],
    )


def _split(cell: str) -> list[str]:
    if cell.startswith(("['", '["')) and cell.endswith("]"):
        raise BadInput(f"{_cut_short(cell)} is a list; part the answers of a cell by semicolons")
    return [answer.strip() for answer in cell.split(";") if answer.strip()]


def _freshqa(row: dict[str, str], benchmark: str, rank: int) -> Question:
    premise = row["false_premise"].upper()
    if premise not in ("TRUE", "FALSE"):
        raise BadInput(f"false_premise must be TRUE or FALSE, got {row['false_premise']!r}")
    answers = [row[name] for name in _ANSWERS if row.get(name)]
    return Question(
        id=f"{benchmark}-{row['id']}" if row["id"] else "",
        benchmark=benchmark,
        text=row["question"],
        references=tuple(dict.fromkeys(answers)),
        category="false-premise" if premise == "TRUE" else row["fact_type"],
        kind="multihop" if row["num_hops"].lower().startswith("multi") else "factual",
    )


_ANSWERS = tuple(f"answer_{i}" for i in range(10))
_SHEETS = {
    "TruthfulQA": _Sheet(
        needs=("Category", "Question", "Best Answer", "Correct Answers", "Incorrect Answers"),
        may_have=("Type", "Best Incorrect Answer", "Source"),
        make=_truthfulqa,
    ),
    "FreshQA": _Sheet(
        needs=("id", "question", "false_premise", "num_hops", "fact_type", "answer_0"),
        may_have=("split", "effective_year", "next_review", "source", "note", *_ANSWERS[1:]),
        make=_freshqa,
    ),
}


def sheet(data: bytes, benchmark: str, source: str, kind: str | None = None) -> list[Question]:
    """Read CSV bytes into questions; the header tells which sheet it is, if it is not known already."""
    rows = _rows(_decoded(data, source), source)
    known = {
        name: {_key(column): column for column in layout.needs + layout.may_have} for name, layout in _SHEETS.items()
    }
    above = []
    for line, cells in rows:
        likeness = {name: len(set(columns) & set(map(_key, cells))) for name, columns in known.items()}
        name = max(likeness, key=likeness.__getitem__)
        # A title above the header may hold a column's name by chance, but not two.
        if likeness[name] > 1 and kind in (None, name):
            header = [known[name].get(_key(cell), cell) for cell in _without_empty_end(cells, 0)]
            _check_header(header, name, f"{source}, line {line}")
            ranked = enumerate(rows, 1)
            return _collect(((n, _maker(header, row, name, benchmark, rank)) for rank, (n, row) in ranked), source)
        above.append(line)
    if not above:
        raise BadInput(f"{source}: holds no questions")
    wanted = " or ".join(f"{name}'s ({', '.join(_SHEETS[name].needs)})" for name in known if kind in (None, name))
    raise BadInput(f"{source}, line {above[0]}: no header with the columns that are needed: {wanted}")


def _key(column: str) -> str:
    """A column's name without case, spaces and underscores: ``best_answer`` is ``Best Answer``."""
    return re.sub(r"[\s_-]+", "", column).lower()


def _rows(text: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that hold anything, each with the number of its first line; white space around cells is dropped."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    while True:
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise BadInput(f"{source}, line {line}: not valid CSV ({error}); is a quote left open?") from None
        if any(cells):
            yield line, cells
        line = reader.line_num + 1


def _check_header(header: list[str], name: str, place: str) -> None:
    layout = _SHEETS[name]
    for column in layout.needs:
        if column not in header:
            raise BadInput(f"{place}: the column {column!r} of {name} is missing; export the whole sheet")
    for column in header:
        if column not in layout.needs + layout.may_have:
            raise BadInput(f"{place}: {name} has no column {column!r}; take it out")
        if header.count(column) > 1:
            raise BadInput(f"{place}: the column {column!r} is there twice; take one out")


def _without_empty_end(cells: list[str], least: int) -> list[str]:
    """A row without the empty cells that spreadsheets put at its end; ``least`` cells stay."""
    width = len(cells)
    while width > least and not cells[width - 1]:
        width -= 1
    return cells[:width]


def _maker(header: list[str], row: list[str], name: str, benchmark: str, rank: int) -> Callable[[], Question]:
    def make() -> Question:
        cells = _without_empty_end(row, len(header))
        if len(cells) != len(header):
            raise BadInput(f"has {len(cells)} cells where the header has {len(header)}; is a comma not in quotes?")
        return _SHEETS[name].make(dict(zip(header, cells, strict=True)), benchmark, rank)

    return make
