"""Benchmarks as lists of :class:`~homogen.records.Question`: embedded, public, or files of one's own.

A benchmark is a name in :data:`BENCHMARKS`; anything that ends in ``.jsonl`` or ``.csv`` is a file. The embedded
``pocket`` set goes through the same reader as a user's file, so that it can be no better checked. The text of public
benchmarks is not part of the package: :mod:`homogen.questions.sources` fetches and checks it.
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from homogen.questions import readers, sources
from homogen.records import BadInput, Question, unknown
from homogen.records.checks import is_whole
from homogen.records.files import digest_of_json


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
    authors
        The same in short, as ``"Lin et al. 2022"``; or an empty string.
    file
        Its place below ``$HOMOGEN_DATA``: a name in :data:`homogen.questions.sources.SOURCES`, or a file that nobody
        may pass on and that users get for themselves; an empty string for a set that comes with the package.
    read
        From the file's bytes, the benchmark's name and what messages call the file to questions
        (``homogen.questions.readers``); None for JSONL as :func:`load_questions` takes it.
    """

    name: str
    title: str
    size: int
    kinds: tuple[str, ...]
    licence: str
    home: str
    citation: str = ""
    authors: str = ""
    file: str = ""
    read: Callable[[bytes, str, str], list[Question]] | None = None

    def available(self) -> bool:
        """Whether it loads without the network.

        Examples
        --------
        >>> BENCHMARKS["pocket"].available()
        True
        """
        if self.file in sources.SOURCES:
            return sources.available(self.file)
        return not self.file or _brought(self) is not None

    def whereabouts(self) -> str:
        """Say in a few words where its text is, or what would have to happen for it to be there.

        Examples
        --------
        >>> BENCHMARKS["pocket"].whereabouts()
        'comes with the package'
        """
        if not self.file:
            return "comes with the package"
        if self.file in sources.SOURCES:
            return sources.whereabouts(self.file)
        return f"at hand in {sources.data_folder()}" if self.available() else f"not here: {_how_to_get(self)}"


BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark(
            name="pocket",
            title="60 common misconceptions, 50 short facts, 40 small sums; written for this project",
            size=150,
            kinds=("factual", "math"),
            licence="MIT",
            home="embedded",
        ),
        Benchmark(
            name="computing",
            title="40 misconceptions, 42 facts and 50 Python expressions about computing; written for this project",
            size=132,
            kinds=("factual",),
            licence="MIT",
            home="embedded",
        ),
        Benchmark(
            name="dated",
            title="20 questions asked of 2015 and of 2025; written for this project",
            size=40,
            kinds=("factual",),
            licence="MIT",
            home="embedded",
        ),
        Benchmark(
            name="truthfulqa",
            title="what many people answer falsely, in 37 categories; the paper's main benchmark",
            size=790,
            kinds=("factual",),
            licence="Apache-2.0",
            home="https://github.com/sylinrl/TruthfulQA",
            citation="lin2022truthfulqa",
            authors="Lin et al. 2022",
            file="benchmarks/truthfulqa.csv",
            read=partial(readers.sheet, kind="TruthfulQA"),
        ),
        Benchmark(
            name="gsm8k",
            title="grade-school sums in words, the test split; graded by the final number",
            size=1319,
            kinds=("math",),
            licence="MIT",
            home="https://github.com/openai/grade-school-math",
            citation="cobbe2021training",
            authors="Cobbe et al. 2021",
            file="benchmarks/gsm8k_test.jsonl",
            read=readers.gsm8k,
        ),
        Benchmark(
            name="webquestions",
            title="what people ask a search engine, answered from Freebase; the test split",
            size=2032,
            kinds=("factual",),
            licence="CC-BY-4.0",
            home="https://github.com/brmson/dataset-factoid-webquestions",
            citation="berant2013semantic",
            authors="Berant et al. 2013",
            file="benchmarks/webquestions_test.json",
            read=readers.webquestions,
        ),
        Benchmark(
            name="hotpotqa",
            title="two facts to be joined, with the paragraphs that hold them; the paper's 100 hard ones",
            size=100,
            kinds=("multihop",),
            licence="CC-BY-SA-4.0",
            home="https://hotpotqa.github.io",
            citation="yang2018hotpotqa",
            authors="Yang et al. 2018",
            file="benchmarks/hotpot_100.json",
            read=readers.hotpotqa,
        ),
        Benchmark(
            name="freshqa",
            title="answers that change with time, premises that are false; as many as your sheet has",
            size=600,
            kinds=("factual", "multihop"),
            licence="none stated",
            home="https://github.com/freshllms/freshqa",
            citation="vu2024freshllms",
            authors="Vu et al. 2024",
            file="benchmarks/freshqa.csv",
            read=partial(readers.sheet, kind="FreshQA"),
        ),
    )
}
"""The benchmarks that load by name."""


def benchmarks() -> list[Benchmark]:
    """List the benchmarks that load by name, in the order in which users see them.

    Examples
    --------
    >>> [b.name for b in benchmarks()][:3]
    ['pocket', 'computing', 'dated']
    """
    return list(BENCHMARKS.values())


def load_questions(
    name_or_path: str | os.PathLike, limit: int | None = None, stratified: bool | str = False
) -> list[Question]:
    """Load a benchmark by name, or questions from a JSONL or CSV file of one's own.

    Each line of a JSONL file is an object with ``text`` (or ``question``) and ``references`` (or ``answers`` or
    ``answer``; a single answer need not be in a list), and, if wanted, ``id``, ``distractors``, ``category``, ``kind``
    and ``context``. A line without an id gets ``"<stem>-<line number>"``; the file's stem is the benchmark's name.
    A number is read as a person writes it (``12.0`` as 12); NaN is a missing value. A solution that ends on
    ``#### 12``, as in GSM8K, is the reference 12 of a question of kind math, unless the line names another kind; a
    question of kind math needs a reference with a number in it. TruthfulQA's ``best_answer``, ``correct_answers`` and
    ``incorrect_answers`` are references and distractors. Other fields are ignored, and so are blank lines, a
    byte-order mark and the kind of line end.

    A CSV file has the columns of TruthfulQA's sheet or of FreshQA's, as their authors publish them, in any case and
    with spaces or underscores; lines above the header are passed over.

    What becomes of the public benchmarks:

    - ``truthfulqa``: references are the correct answers, the best one first; distractors the incorrect ones. The first
      200 are the paper's subset.
    - ``gsm8k``: the reference is the number after ``####``, without commas.
    - ``webquestions``: the test split, under its own ids. The first 200 are the paper's subset.
    - ``dated``: category is the year that is asked of; the two questions of a pair differ in it alone.
    - ``hotpotqa``: category is bridge or comparison; ``context`` holds the paragraphs with the supporting facts, one a
      line, as the paper gave them to its model.
    - ``freshqa``: from a CSV that you bring. Category is ``false-premise``, or how fast the answer changes; questions
      of several hops are of kind multihop.

    Parameters
    ----------
    name_or_path
        A name in :data:`BENCHMARKS`, or a path that ends in ``.jsonl`` or ``.csv``.
    limit
        Load only so many questions, at least 1; all of them if there are fewer.
    stratified
        Without it the limit takes the first questions of the file. With ``True`` the limit takes one question after
        the other from each (kind, category), in the order in which those first appear, so that even a few questions
        reach across the categories, evenly and not in proportion to their sizes. With ``"proportional"`` each (kind,
        category) keeps its share of the whole: :math:`m_g = \\lfloor L n_g / n \\rfloor` of its :math:`n_g` questions
        for a limit :math:`L` of :math:`n`, and one more where the remainders are largest (the earlier one where they
        are equal); of each the first ones. A category with a small share may then have none.

    Returns
    -------
    list of Question
        Always in the order of the file.

    Raises
    ------
    BadInput
        If the name is unknown, the text of a public benchmark cannot be had
        (:func:`homogen.questions.sources.fetch`), the file is missing, empty or not UTF-8, a line is not a valid
        question or a column is missing or unknown (the message has the line's number), two lines share an id, or the
        limit is not a whole number of at least 1.

    Examples
    --------
    >>> [q.id for q in load_questions("pocket", limit=2)]
    ['pocket-m001', 'pocket-m002']
    >>> {q.kind for q in load_questions("pocket", limit=30, stratified=True)} == {"factual", "math"}
    True
    >>> sum(q.kind == "math" for q in load_questions("pocket", limit=30, stratified="proportional"))  # 40 of the 150
    8
    """
    if limit is not None and not is_whole(limit):
        raise BadInput(f"limit must be a whole number, got {limit!r}")
    if limit is not None and limit < 1:
        raise BadInput(f"limit must be at least 1, got {limit}")
    if stratified not in (True, False, "proportional"):
        raise BadInput(f"stratified must be True, False or 'proportional', got {stratified!r}")
    questions = _load(name_or_path)
    if limit is None or limit >= len(questions) or not stratified:
        return questions[:limit]
    if stratified == "proportional":
        return _proportional(questions, limit)
    return _balanced(questions, limit)


def question_sha(question: Question) -> str:
    """Identify what a model is asked: SHA-256 of benchmark, id and text.

    References, distractors, category and kind decide how an answer is graded, not what it is, so a correction of
    those leaves stored answers valid. So does one of the context, which no prompt sends: who wants a model to read it
    asks a question with the context in its text.

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
    asked = [question.benchmark, question.id, question.text]
    return digest_of_json(asked)


def _load(name_or_path: str | os.PathLike) -> list[Question]:
    """Load all questions of a benchmark or a file."""
    if not isinstance(name_or_path, str | os.PathLike) or not isinstance(os.fspath(name_or_path), str):
        raise BadInput(f"a benchmark is a name or a path, got {_shown(repr(name_or_path))}")
    given = os.fspath(name_or_path)
    ending = Path(given).suffix.lower()
    if given in BENCHMARKS:
        return _load_benchmark(BENCHMARKS[given])
    if ending in (".jsonl", ".csv"):
        data = _read(Path(given))
        if not Path(given).stem.isprintable():
            raise BadInput(f"the name of {_shown(given)} holds what cannot be printed; rename the file")
        return (readers.jsonl if ending == ".jsonl" else readers.sheet)(data, Path(given).stem, _shown(given))
    if isinstance(name_or_path, Path) or os.sep in given or _is_file(given):
        raise BadInput(f"a question file must end in .jsonl or .csv, got {_shown(given)}")
    raise unknown("benchmark", given if len(given) <= 300 else _shown(given), BENCHMARKS)


def _shown(text: str) -> str:
    """A name or path as a message shows it: in one line, and not for pages."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return text if len(text) <= 300 else f"{text[:297]}..."


def _is_file(given: str) -> bool:
    try:
        return Path(given).is_file()
    except (OSError, ValueError):  # longer than the file system allows, or no name at all
        return False


def _load_benchmark(benchmark: Benchmark) -> list[Question]:
    name, read = benchmark.name, benchmark.read or readers.jsonl
    if not benchmark.file:
        embedded = importlib.resources.files("homogen.questions") / "data" / f"{name}.jsonl"
        return read(embedded.read_bytes(), name, f"benchmark {name}")
    path = sources.fetch(benchmark.file) if benchmark.file in sources.SOURCES else _brought(benchmark)
    if path is None:
        raise BadInput(f"the text of {name} is not here: {_how_to_get(benchmark)}")
    return read(_read(path), name, str(path))


def _brought(benchmark: Benchmark) -> Path | None:
    """The file that users bring themselves, if it is where it is looked for."""
    folder = sources.data_folder()
    return folder / benchmark.file if folder and (folder / benchmark.file).is_file() else None


def _how_to_get(benchmark: Benchmark) -> str:
    folder = sources.data_folder()
    place = folder / benchmark.file if folder else f"{benchmark.file} in a folder that HOMOGEN_DATA names"
    return f"it may not be passed on; get the CSV from {benchmark.home} and put it at {place}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"no such question file: {_shown(str(path))}") from None
    except OSError as error:
        raise BadInput(f"cannot read question file {_shown(str(path))}: {error.strerror}") from None
    except ValueError:  # a null character, or half of a surrogate pair
        raise BadInput(f"no file can have this name: {_shown(str(path))}") from None


# Which of the questions


def _groups(questions: list[Question]) -> list[list[int]]:
    """Places of the questions of each (kind, category), in the order in which those first appear."""
    groups: dict[tuple[str, str], list[int]] = {}
    for index, question in enumerate(questions):
        groups.setdefault((question.kind, question.category), []).append(index)
    return list(groups.values())


def _balanced(questions: list[Question], limit: int) -> list[Question]:
    """Pick ``limit`` questions round robin over (kind, category); keep their order."""
    # Sorted by turn first: the k-th question of every group comes before the (k+1)-th of any.
    turns = sorted(
        (turn, rank, index) for rank, members in enumerate(_groups(questions)) for turn, index in enumerate(members)
    )
    return [questions[index] for index in sorted(index for _, _, index in turns[:limit])]


def _proportional(questions: list[Question], limit: int) -> list[Question]:
    """Pick ``limit`` questions, each (kind, category) by its share (largest remainder); keep their order."""
    groups, total = _groups(questions), len(questions)
    counts = [limit * len(members) // total for members in groups]
    # In whole numbers, because shares that are equal must not differ by rounding.
    by_remainder = sorted(range(len(groups)), key=lambda g: (-(limit * len(groups[g]) % total), g))
    for g in by_remainder[: limit - sum(counts)]:
        counts[g] += 1
    chosen = (index for members, count in zip(groups, counts, strict=True) for index in members[:count])
    return [questions[index] for index in sorted(chosen)]
