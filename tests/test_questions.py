"""Questions: every line of the embedded set, the reader, and what bad files get."""

import ast
import csv
import doctest
import io
import json
import operator
import os
import re
import subprocess
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from homogen.grading.decide import wrong
from homogen.grading.matching import normalize
from homogen.grading.numbers import extract_number
from homogen.questions import catalogue, readers, sources
from homogen.questions.catalogue import BENCHMARKS, Benchmark, benchmarks, load_questions, question_sha
from homogen.records import BadInput, Question

LINES = (files("homogen.questions") / "data" / "pocket.jsonl").read_text(encoding="utf-8").splitlines()
RECORDS = [json.loads(line) for line in LINES]
SUMS = [r for r in RECORDS if r["kind"] == "math"]
POCKET = load_questions("pocket")

OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
# Every word that stands for a number in a sum; a number that is neither here nor in digits fails the test.
WORD_NUMBERS = {"one": 1, "two": 2, "three": 3, "half": 2, "twice": 2, "double": 2}
WORD_NUMBERS |= {"week": 7, "dozen": 12, "percent": 100}


def evaluate(node):
    """The value of a sum: numbers, parentheses and seven operators, nothing else."""
    match node:
        case ast.Expression():
            return evaluate(node.body)
        case ast.Constant(value=int() | float()):
            return node.value
        case ast.BinOp() if type(node.op) in OPERATORS:
            return OPERATORS[type(node.op)](evaluate(node.left), evaluate(node.right))
    raise AssertionError(f"not arithmetic: {ast.dump(node)}")


def numbers_in(text):
    words = re.findall(r"[a-z]+", text.lower())
    return {float(n) for n in re.findall(r"\d+(?:\.\d+)?", text)} | {
        float(WORD_NUMBERS[w]) for w in words if w in WORD_NUMBERS
    }


def write(tmp_path, *lines, name="mine.jsonl"):
    path = tmp_path / name
    path.write_text("".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in lines), encoding="utf-8")
    return path


def test_doctests():
    result = doctest.testmod(catalogue)
    assert result.attempted >= 5
    assert result.failed == 0


# The embedded set


def check_pocket_line(record):
    keys = {"id", "kind", "category", "text", "references", "distractors"}
    letter = record["id"].removeprefix("pocket-")[0]
    assert set(record) == (keys | {"computation"} if letter == "a" else keys)
    assert re.fullmatch(r"pocket-[mfa]\d{3}", record["id"])
    assert record["kind"] == ("math" if letter == "a" else "factual")
    assert record["category"].startswith({"m": "misconceptions: ", "f": "facts: ", "a": "arithmetic: "}[letter])
    assert record["text"].endswith(("?", "."))
    for text in (record["text"], *record["references"], *record["distractors"]):
        assert text == " ".join(text.split())
    if letter == "m":
        assert 2 <= len(record["references"]) <= 4
        assert 2 <= len(record["distractors"]) <= 4
    elif letter == "a":
        assert len(record["references"]) == 1


def test_pocket_lines():
    for record in RECORDS:
        check_pocket_line(record)


def test_pocket_counts():
    assert Counter(r["id"][7] for r in RECORDS) == {"m": 60, "f": 50, "a": 40}
    assert Counter(q.kind for q in POCKET) == {"factual": 110, "math": 40}
    assert min(Counter(q.category for q in POCKET).values()) >= 5
    for letter, size in (("m", 60), ("f", 50), ("a", 40)):
        assert [r["id"] for r in RECORDS if r["id"][7] == letter] == [
            f"pocket-{letter}{i:03d}" for i in range(1, size + 1)
        ]


def test_pocket_texts_are_distinct():
    assert len({normalize(q.text) for q in POCKET}) == len(POCKET)
    words = [set(normalize(q.text).split()) for q in POCKET]
    for i, a in enumerate(words):
        for j, b in enumerate(words[:i]):
            assert len(a & b) / len(a | b) < 0.8, (POCKET[i].text, POCKET[j].text)


def test_pocket_answers_do_not_clash():
    for q in POCKET:
        rights, wrongs = [normalize(r) for r in q.references], [normalize(d) for d in q.distractors]
        assert not set(rights) & set(wrongs), q.id
        assert len(set(rights)) == len(rights), q.id
        assert len(set(wrongs)) == len(wrongs), q.id


def test_pocket_sums():
    for record in SUMS:
        tree = ast.parse(record["computation"], mode="eval")
        assert evaluate(tree) == pytest.approx(float(record["references"][0]), rel=1e-12), record["id"]
        used = {float(n.value) for n in ast.walk(tree) if isinstance(n, ast.Constant)}
        assert used <= numbers_in(record["text"]), record["id"]


def test_pocket_sum_checks_can_fail():
    assert evaluate(ast.parse("(12 * 3 + 4) / 2", mode="eval")) == 20  # 36 + 4 = 40, halved
    assert evaluate(ast.parse("7 // 2 + 7 % 2 + 2 ** 3", mode="eval")) == 12  # 3 + 1 + 8
    for bad in ("abs(3)", "x + 1", "'a' * 3", "-3", "3 if 1 else 2"):
        with pytest.raises(AssertionError, match="not arithmetic"):
            evaluate(ast.parse(bad, mode="eval"))
    assert numbers_in("Two dozen eggs, half of 0.5 a week") == {2, 12, 0.5, 7}


def test_pocket_grades_its_own_answers():
    # Every reference is right and every distractor wrong by the overlap, not the first of each alone.
    told = [(q, r, 0.0) for q in POCKET if q.distractors for r in q.references]
    told += [(q, d, 1.0) for q in POCKET if q.distractors for d in q.distractors]
    for method in ("overlap", "words"):
        graded = wrong([text for _, text, _ in told], [q for q, _, _ in told], method, convention="compare")
        assert [(q.id, text) for (q, text, want), got in zip(told, graded, strict=True) if got != want] == []


def test_pocket_grades_its_own_answers_by_auto():
    assert wrong([q.references[0] for q in POCKET], POCKET).sum() == 0
    with_distractors = [q for q in POCKET if q.distractors]
    assert wrong([q.distractors[0] for q in with_distractors], with_distractors).sum() == 60
    sums = [q for q in POCKET if q.kind == "math"]
    assert wrong([str(extract_number(q.references[0]) + 1) for q in sums], sums).sum() == 40


def test_pocket_questions_do_not_give_the_answer_away():
    for q in POCKET:
        if q.kind == "factual" and not q.distractors:
            assert wrong([q.text], [q])[0] == 1, q.id


# The table of benchmarks


DATA = Path(os.environ.get("HOMOGEN_DATA") or "no data")
PUBLIC = [b.name for b in benchmarks() if b.file]


@pytest.fixture
def data(monkeypatch):
    """The folder with the public files; a test that needs one which is not there is skipped."""
    if not (DATA / "benchmarks").is_dir():
        pytest.skip("the public files are not on this machine")
    monkeypatch.setenv("HOMOGEN_DATA", str(DATA))
    return DATA


@pytest.fixture
def no_data(tmp_path, monkeypatch):
    """Neither a data folder nor anything in the cache, and a network that would be noticed."""
    monkeypatch.delenv("HOMOGEN_DATA", raising=False)
    monkeypatch.setenv("HOMOGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("pooch.retrieve", lambda *_, **__: pytest.fail("something was downloaded"))


@pytest.mark.parametrize("entry", benchmarks(), ids=lambda b: b.name)
def test_every_listed_benchmark_loads_and_is_what_it_says(entry, request):
    if entry.file:
        data = request.getfixturevalue("data")
        if not (data / entry.file).is_file():
            pytest.skip(f"{entry.file} is not on this machine")
        assert entry.available()
        assert entry.whereabouts() == f"at hand in {data.absolute()}"
    questions = load_questions(entry.name)
    assert {q.kind for q in questions} == set(entry.kinds)
    assert {q.benchmark for q in questions} == {entry.name}
    assert len({q.id for q in questions}) == len(questions)
    if entry.name != "freshqa":  # as long as the user's own copy
        assert len(questions) == entry.size


def test_every_listed_benchmark_says_what_it_is():
    assert [b.name for b in benchmarks()] == list(BENCHMARKS)
    bibliography = (Path(__file__).parent.parent / "book" / "references.bib").read_text("utf-8")
    for entry in benchmarks():
        assert isinstance(entry, Benchmark)
        assert entry.title
        assert entry.licence
        assert entry.home
        assert bool(entry.citation) == bool(entry.authors) == bool(entry.file)
        if entry.citation:
            (family,) = re.findall(rf"@\w+{{{entry.citation},\n  author = {{(\w+),", bibliography)
            assert entry.authors == f"{family} et al. {re.search(r'[0-9]{4}', entry.citation)[0]}"
    assert set(readers.PUBLIC) == set(PUBLIC)


def test_the_licence_of_a_pinned_benchmark_is_that_of_its_file():
    for entry in benchmarks():
        if entry.file in sources.SOURCES:
            source = sources.SOURCES[entry.file]
            assert (entry.licence, entry.citation) == (source.licence, source.citation)


def test_the_list_is_a_copy():
    benchmarks().clear()
    assert benchmarks()


def test_loading_imports_nothing_heavy():
    code = (
        "import sys, homogen.questions as q; q.load_questions('pocket'); "
        "print([m for m in ('pandas', 'pyarrow', 'torch', 'scipy', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_where_a_benchmark_is_can_be_asked_without_downloading_it(no_data):
    assert [b.name for b in benchmarks() if b.available()] == ["pocket"]
    said = {b.name: b.whereabouts() for b in benchmarks()}
    assert said["pocket"] == "comes with the package"
    assert said["gsm8k"] == "downloaded when first asked for, from github.com/openai/grade-school-math"
    assert said["freshqa"].startswith(
        "not here: it may not be passed on; get the CSV from https://github.com/freshllms"
    )


def test_a_damaged_public_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOGEN_DATA", str(tmp_path))
    path = tmp_path / "benchmarks" / "truthfulqa.csv"
    path.parent.mkdir()
    path.write_text("Question,Best Answer\n")
    with pytest.raises(BadInput, match=rf"{path} is not the published file: its sha256 is \w+, expected b8d8"):
        load_questions("truthfulqa")


def test_unknown_name():
    with pytest.raises(BadInput, match=r"unknown benchmark 'poket'; did you mean 'pocket'\?"):
        load_questions("poket")


# Limits


def test_limit_takes_the_first():
    assert load_questions("pocket", limit=3) == POCKET[:3]
    assert load_questions("pocket", limit=151) == POCKET


@pytest.mark.parametrize("limit", [0, -1])
def test_limit_below_one(limit):
    with pytest.raises(BadInput, match=f"limit must be at least 1, got {limit}"):
        load_questions("pocket", limit=limit)


@pytest.mark.parametrize("limit", [2.0, "3", True])
def test_limit_of_a_wrong_type(limit):
    with pytest.raises(BadInput, match="limit must be a whole number"):
        load_questions("pocket", limit=limit)


def test_stratified_by_hand(tmp_path):
    # Groups in order of first appearance: x = q1 q2 q5, y = q3, math x = q4. Round robin gives q1, q3, q4, q2, q5.
    categories = [("q1", "x"), ("q2", "x"), ("q3", "y"), ("q4", "x"), ("q5", "x")]
    lines = [{"id": i, "text": f"{i}?", "answer": "1", "category": c} for i, c in categories]
    lines[3]["kind"] = "math"
    path = write(tmp_path, *lines)

    def ids(limit):
        return [q.id for q in load_questions(path, limit=limit, stratified=True)]

    assert ids(1) == ["q1"]
    assert ids(2) == ["q1", "q3"]
    assert ids(3) == ["q1", "q3", "q4"]
    assert ids(4) == ["q1", "q2", "q3", "q4"]  # picked fourth, yet kept in the order of the file
    assert ids(5) == ids(99) == ids(None) == ["q1", "q2", "q3", "q4", "q5"]


def test_stratified_is_balanced():
    for limit in (1, 23, 24, 60, 149):
        questions = load_questions("pocket", limit=limit, stratified=True)
        assert len(questions) == limit
        sizes = Counter(q.category for q in POCKET)
        taken = Counter(q.category for q in questions)
        # No group is a whole turn ahead of another that still had questions to give.
        assert all(taken[c] >= min(sizes[c], max(taken.values()) - 1) for c in sizes)
        assert questions == [q for q in POCKET if q in questions]


def test_proportional_by_hand(tmp_path):
    # 5 x, 3 y, 1 z of 9. Limit 4: quotas 20/9, 12/9, 4/9, whole 2 + 1 + 0, remainders 2/9, 3/9, 4/9: z gets the last.
    categories = "xxyzxyxyx"
    path = write(
        tmp_path, *({"id": str(i), "text": "A?", "answer": "1", "category": c} for i, c in enumerate(categories))
    )

    def picked(limit):
        return "".join(q.id for q in load_questions(path, limit=limit, stratified="proportional"))

    assert picked(4) == "0123"
    assert picked(3) == "012"  # 15/9, 9/9, 3/9: whole 1 + 1 + 0, remainders 6/9, 0, 3/9: x gets the last
    assert picked(6) == "012345"  # 30/9, 18/9, 6/9: whole 3 + 2 + 0, the last to z
    assert picked(9) == picked(99) == picked(None) == "012345678"


def test_equal_remainders_go_to_the_earlier_category(tmp_path):
    path = write(tmp_path, *({"id": c, **GOOD, "category": c} for c in "abc"))
    assert [q.id for q in load_questions(path, limit=2, stratified="proportional")] == ["a", "b"]


def test_proportional_keeps_the_shares():
    sizes = Counter((q.kind, q.category) for q in POCKET)
    for limit in range(1, 151):
        questions = load_questions("pocket", limit=limit, stratified="proportional")
        assert len(questions) == limit
        taken = Counter((q.kind, q.category) for q in questions)
        assert all(abs(taken[g] - limit * sizes[g] / 150) < 1 for g in sizes)
        for g in sizes:
            mine = [q for q in POCKET if (q.kind, q.category) == g]
            assert [q for q in questions if (q.kind, q.category) == g] == mine[: taken[g]]
        assert questions == [q for q in POCKET if q in questions]


@pytest.mark.parametrize("stratified", ["proportionally", None, 2, ["proportional"]])
def test_stratified_of_another_kind(stratified):
    with pytest.raises(BadInput, match="stratified must be True, False or 'proportional'"):
        load_questions("pocket", limit=3, stratified=stratified)


# A user's own file


def test_own_file(tmp_path):
    path = write(
        tmp_path,
        {"question": "Why?", "answers": ["Because.", "So."], "extra": [1]},
        "",
        "   ",
        {"id": 7, "text": "Sum?", "answer": 12, "kind": "math", "category": "sums", "distractors": "13"},
        {"id": "c", "text": "Half?", "references": [0.5], "distractors": None, "category": None},
        {"id": "d", "text": "Who?", "answer": "Ada", "context": "Ada wrote it."},
    )
    assert load_questions(path) == [
        Question("mine-1", "mine", "Why?", ("Because.", "So.")),
        Question("7", "mine", "Sum?", ("12",), ("13",), "sums", "math"),
        Question("c", "mine", "Half?", ("0.5",)),
        Question("d", "mine", "Who?", ("Ada",), context="Ada wrote it."),
    ]
    assert load_questions(str(path)) == load_questions(path)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"question": "Q?", "answer": 12.0}', {"references": ("12",)}),
        ('{"question": "Q?", "answer": 1e16}', {"references": ("10000000000000000",)}),
        (
            '{"question": "Q?", "answers": [-0.0, 0.5, 1e-7, 2.50, -3.0]}',
            {"references": ("0", "0.5", "0.0000001", "2.5", "-3")},
        ),
        ('{"question": "Q?", "answer": "12.0"}', {"references": ("12.0",)}),  # a text is left alone
        ('{"id": 1.0, "question": "Q?", "answer": "A"}', {"id": "1"}),
        ('{"id": NaN, "question": "Q?", "answer": "A"}', {"id": "mine-1"}),
        ('{"question": "Q?", "answer": "A", "distractors": NaN}', {"distractors": ()}),
        ('{"question": "Q?", "answers": ["A", NaN], "distractors": ["B", NaN, 3.0]}', {"references": ("A",)}),
        ('{"question": "Q?", "answers": ["A", NaN], "distractors": ["B", NaN, 3.0]}', {"distractors": ("B", "3")}),
        ('{"question": "Q?", "answer": "A", "category": NaN, "kind": NaN, "context": NaN}', {"kind": "factual"}),
        ('{"text": NaN, "question": "Q?", "answer": "A"}', {"text": "Q?"}),
        ('{"question": "Q?", "answer": "3 bags of 4 are 12.\\n#### 12"}', {"kind": "math", "references": ("12",)}),
        ('{"question": "Q?", "answer": "so\\n#### 1,234 "}', {"kind": "math", "references": ("1234",)}),
        ('{"question": "Q?", "answer": "so\\n#### 12", "kind": "math"}', {"kind": "math", "references": ("12",)}),
        ('{"question": "Q?", "answer": "so\\n#### 12", "kind": "factual"}', {"references": ("so\n#### 12",)}),
        ('{"question": "Q?", "answer": "#### 1{,}000"}', {"kind": "math", "references": ("1000",)}),
        ('{"question": "Q?", "answer": "#### ½"}', {"kind": "math", "references": ("½",)}),
        ('{"question": "Q?", "answer": "#### Section 1.2.3"}', {"kind": "factual"}),
        ('{"question": "Q?", "answer": "#### Paris"}', {"kind": "factual", "references": ("#### Paris",)}),
        ('{"question": "Q?", "answer": "#### 3 facts\\nParis"}', {"kind": "factual"}),  # a heading ends nothing
        ('{"question": "Q?", "answer": "C####"}', {"kind": "factual"}),
        ('{"question": "Q?", "answers": ["none", "0"], "kind": "math"}', {"references": ("none", "0")}),
        ('{"question": "Q?", "answer": "\\\\frac{3}{4}", "kind": "math"}', {"kind": "math"}),
        (
            '{"question": "Q?", "best_answer": "B", "correct_answers": ["A", "B"], "incorrect_answers": ["C"]}',
            {"references": ("B", "A"), "distractors": ("C",)},
        ),
    ],
)
def test_what_tables_and_other_peoples_files_write(tmp_path, line, expected):
    (question,) = load_questions(write(tmp_path, line))
    assert {field: getattr(question, field) for field in expected} == expected


@pytest.mark.parametrize(
    "name",
    [
        "x" * 5000,
        "x" * 5000 + ".jsonl",
        "y" * 300 + ".csv",
        "a\0b.jsonl",
        "a\0b",
        "\ud800.jsonl",
        "\ud800",
        "a\nb",
        "a\nb.csv",
    ],
    ids=lambda name: ascii(name)[:12],
)
def test_a_name_that_no_file_can_have_is_one_line(name, tmp_path):
    for given in (name, Path(tmp_path) / name, f"{tmp_path}/{name}"):
        with pytest.raises(BadInput) as caught:
            load_questions(given)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize("given", [5, None, b"pocket", ["pocket"]])
def test_what_is_no_name(given):
    with pytest.raises(BadInput, match="a benchmark is a name or a path, got"):
        load_questions(given)


def test_a_file_whose_name_is_no_text(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.jsonl"
    with open(path, "w") as file:
        file.write(json.dumps(GOOD))
    with pytest.raises(BadInput, match="rename the file") as caught:
        load_questions(os.fsdecode(path))
    assert str(caught.value).isprintable()


def test_own_file_with_byte_order_mark_and_windows_line_ends(tmp_path):
    path = tmp_path / "w.JSONL"
    path.write_bytes(
        b'\xef\xbb\xbf{"text": "A?", "answer": "a"}\r\n\r\n{"text": "\xc3\x89?", "answer": "\xe2\x82\xac"}'
    )
    assert [(q.id, q.text, q.references) for q in load_questions(path)] == [
        ("w-1", "A?", ("a",)),
        ("w-3", "É?", ("€",)),
    ]


def test_a_line_separator_inside_a_string_ends_no_line(tmp_path):
    path = tmp_path / "sep.jsonl"
    path.write_text('{"text": "one\u2028two\x85?", "answer": "x"}\n', encoding="utf-8")
    assert [q.text for q in load_questions(path)] == ["one\u2028two\x85?"]


def test_missing_file(tmp_path):
    with pytest.raises(BadInput, match=r"no such question file: .*nowhere\.jsonl"):
        load_questions(tmp_path / "nowhere.jsonl")


def test_folder_in_place_of_a_file(tmp_path):
    (tmp_path / "d.jsonl").mkdir()
    with pytest.raises(BadInput, match=r"cannot read question file .*d\.jsonl"):
        load_questions(tmp_path / "d.jsonl")


def test_another_ending(tmp_path):
    write(tmp_path, {"text": "A?", "answer": "a"}, name="mine.json")
    for given in (tmp_path / "mine.json", str(tmp_path / "mine.json"), Path("mine.txt")):
        with pytest.raises(BadInput, match=r"must end in \.jsonl or \.csv"):
            load_questions(given)


@pytest.mark.parametrize("content", [b"", b"\n \r\n\n", b"\xef\xbb\xbf"])
def test_empty_file(tmp_path, content):
    path = tmp_path / "empty.jsonl"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"empty\.jsonl: holds no questions"):
        load_questions(path)


GOOD = {"text": "A?", "answer": "a"}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{text: 1}", r"not valid JSON \(Expecting property name.*column 2\)"),
        ('{"text": "A?"', "not valid JSON"),
        ('{"text": "A?", "answer": "a"} {}', "Extra data"),
        ("[" * 100_000, "not valid JSON"),
        ('{"text": "A?", "answer": ' + "9" * 5000 + "}", "a number too long"),
        ('["A?", "a"]', "expected a JSON object, got list"),
        ("3", "expected a JSON object, got int"),
        ('{"text": "A?", "answer": "\\ud800"}', "surrogate"),
        ('{"text": "A?", "answer": "a", "id": "\\udc00"}', "surrogate"),
        ('{"text": "A?", "answer": NaN}', "answer is NaN, which is no text"),
        ('{"question": NaN, "answer": "a"}', "question is NaN, which is no text"),
        ('{"text": "A?", "answer": [NaN]}', "at least one reference"),
        ('{"text": "A?", "answer": Infinity}', "NaN or Infinity"),
        ('{"text": "A?", "answer": ["a", -Infinity]}', "NaN or Infinity"),
        ('{"text": "A?", "answer": 1e400}', "NaN or Infinity"),
        ('{"text": "A?", "answer": "a", "id": Infinity}', "NaN or Infinity"),
        ({"text": "A?", "answer": "seven", "kind": "math"}, "no number in the references .*'seven'.* leave 'kind' out"),
        ({"text": "A?", "answer": "so\n#### seven", "kind": "math"}, "no number in the references"),
        ({"text": "A?", "answer": "so\n#### 1,234,56"}, "'1,234,56' after '####' is no number; write it"),
        ({"text": "A?", "answer": "so\n#### 3,50", "kind": "math"}, "'3,50' after '####' is no number"),
        ({"answer": "a"}, "needs 'text'"),
        ({"text": None, "answer": "a"}, "needs 'text'"),
        ({"text": " ", "answer": "a"}, "text must be a non-empty string"),
        ({"text": 5, "answer": "a"}, "text must be a non-empty string"),
        ({"text": "A?"}, "needs 'references'"),
        ({"text": "A?", "referances": ["a"]}, "needs 'references'"),
        ({"text": "A?", "references": []}, "at least one reference"),
        ({"text": "A?", "references": ["a", ""]}, "references must be a list of non-empty strings"),
        ({"text": "A?", "references": [True]}, "references must be a list of non-empty strings"),
        ({"text": "A?", "references": {"a": 1}}, "references must be a list of non-empty strings"),
        ({"text": "A?", "answer": "a", "distractors": [None]}, "distractors must be a list of non-empty strings"),
        ({"text": "A?", "answer": "a", "kind": "maths"}, r"unknown kind .*did you mean 'math'\?"),
        ({"text": "A?", "answer": "a", "kind": ["math"]}, "kind must be a string"),
        ({"text": "A?", "answer": "a", "category": 3}, "category must be a string"),
        ({"text": "A?", "answer": "a", "context": ["b"]}, "context must be a string"),
        ({"text": "A?", "answer": "a", "id": ""}, "id must be a non-empty string"),
        ({"text": "A?", "answer": "a", "id": False}, "id must be a non-empty string"),
    ],
)
def test_bad_line(tmp_path, line, says):
    path = write(tmp_path, GOOD, "", line)
    with pytest.raises(BadInput, match=rf"(?s)mine\.jsonl, line 3: .*{says}") as caught:
        load_questions(path)
    assert "\n" not in str(caught.value)


def test_not_utf8(tmp_path):
    path = tmp_path / "latin.jsonl"
    path.write_bytes(b'{"text": "A?", "answer": "a"}\n{"text": "\xe9?", "answer": "a"}\n')
    with pytest.raises(BadInput, match=r"latin\.jsonl, line 2: not valid UTF-8"):
        load_questions(path)


def test_duplicate_ids(tmp_path):
    path = write(tmp_path, GOOD, {"id": "a", **GOOD}, GOOD, {"id": "a", **GOOD})
    with pytest.raises(BadInput, match=r"mine\.jsonl, lines 2 and 4: both have the id 'a'"):
        load_questions(path)


def test_a_given_id_that_meets_a_generated_one(tmp_path):
    path = write(tmp_path, {"id": "mine-2", **GOOD}, GOOD)
    with pytest.raises(BadInput, match="lines 1 and 2: both have the id 'mine-2'"):
        load_questions(path)


# Public benchmarks, by the layout of their files


def csv_text(*rows):
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


TRUTHFULQA = ["Type", "Category", "Question", "Best Answer", "Best Incorrect Answer", "Correct Answers"]
TRUTHFULQA += ["Incorrect Answers", "Source"]
FRESHQA = ["id", "split", "question", "effective_year", "next_review", "false_premise", "num_hops", "fact_type"]
FRESHQA += ["source", *(f"answer_{i}" for i in range(10)), "note"]


def fresh(identity="7", question="Who leads?", premise="FALSE", hops="one-hop", answers=("Ada",), note=""):
    row = [identity, "TEST", question, "2026", "weekly", premise, hops, "fast-changing", "https://a.example"]
    return [*row, *answers, *[""] * (10 - len(answers)), note]


def save(tmp_path, text, name="sheet.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_truthfulqa_sheet(tmp_path):
    text = csv_text(
        TRUTHFULQA,
        [
            "Adversarial",
            "Bats",
            "Are bats blind?",
            "They see",
            "They are",
            "No; They see ; No;",
            " Yes; They are;",
            "x",
        ],
        ["Adversarial", "Law", 'Is "it", so?', "Unheard of", "", "No; Rarely", "Yes", "x"],
        ["Adversarial", "Law", "May I?", "", "", "No", "", "x"],
    )
    assert load_questions(save(tmp_path, text)) == [
        Question("sheet-0001", "sheet", "Are bats blind?", ("They see", "No"), ("Yes", "They are"), "Bats"),
        Question("sheet-0002", "sheet", 'Is "it", so?', ("Unheard of", "No", "Rarely"), ("Yes",), "Law"),
        Question("sheet-0003", "sheet", "May I?", ("No",), (), "Law"),
    ]


@pytest.mark.parametrize("case", [str.lower, str.upper, lambda c: c.lower().replace(" ", "_"), lambda c: f" {c} "])
def test_columns_in_another_case_are_the_same_columns(tmp_path, case):
    row = ["x", "Bats", "Are bats blind?", "They see", "They are", "No; They see", "Yes", "x"]
    (question,) = load_questions(save(tmp_path, csv_text([case(c) for c in TRUTHFULQA], row)))
    assert question == Question("sheet-0001", "sheet", "Are bats blind?", ("They see", "No"), ("Yes",), "Bats")
    (question,) = load_questions(save(tmp_path, csv_text([case(c) for c in FRESHQA], fresh())))
    assert (question.id, question.references) == ("sheet-7", ("Ada",))


def test_a_cell_that_holds_a_list_is_refused(tmp_path):
    row = ["x", "Bats", "Are bats blind?", "They see", "", "['No' 'They see']", "['Yes']", "x"]
    with pytest.raises(BadInput, match=r"line 2: .*is a list; part the answers of a cell by semicolons"):
        load_questions(save(tmp_path, csv_text(TRUTHFULQA, row)))


def test_gsm8k_lines():
    lines = [
        {"question": "2 + 3?", "answer": "2 + 3 = <<2+3=5>>5\n#### 5"},
        {"question": "Many?", "answer": "#### in the text\n#### 1,234 "},
        {"question": "In TeX?", "answer": "so\n#### 1{,}000"},
    ]
    data = "\n".join(map(json.dumps, lines)).encode()
    assert readers.PUBLIC["gsm8k"](data, "gsm8k", "test.jsonl") == [
        Question("gsm8k-0001", "gsm8k", "2 + 3?", ("5",), kind="math"),
        Question("gsm8k-0002", "gsm8k", "Many?", ("1234",), kind="math"),
        Question("gsm8k-0003", "gsm8k", "In TeX?", ("1000",), kind="math"),
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"question": "2 + 3?", "answer": "2 + 3', "not valid JSON"),
        ({"question": "2 + 3?", "answer": "5"}, "'answer' has no '####' with the number after it"),
        ({"question": "2 + 3?"}, "'answer' has no '####'"),
        ({"question": "2 + 3?", "answer": "so\n####"}, "references must be a list of non-empty strings"),
        ({"answer": "so\n#### 5"}, "text must be a non-empty string"),
        ({"question": "2 + 3?", "answer": "so\n#### 1,234,56"}, "'1,234,56' after '####' is no number"),
        ({"question": "2 + 3?", "answer": "so\n#### five"}, "'five' after '####' is no number"),
    ],
)
def test_a_bad_gsm8k_line(line, says):
    good = json.dumps({"question": "1 + 1?", "answer": "so\n#### 2"})
    data = f"{good}\n{line if isinstance(line, str) else json.dumps(line)}\n".encode()
    with pytest.raises(BadInput, match=rf"^test\.jsonl, line 2: .*{re.escape(says)}"):
        readers.PUBLIC["gsm8k"](data, "gsm8k", "test.jsonl")


def test_webquestions_list():
    data = json.dumps([{"qId": "wqs1", "answers": ["Ada", "Grace"], "qText": "who?"}]).encode()
    assert readers.PUBLIC["webquestions"](data, "webquestions", "test.json") == [
        Question("wqs1", "webquestions", "who?", ("Ada", "Grace"))
    ]


def test_hotpotqa_list():
    record = {"_id": "5a", "question": "Who?", "answer": "Ada", "type": "bridge", "level": "hard"}
    record["supporting_facts"] = [["B", 0], ["C", 1], ["C", 0]]
    record["context"] = [["A", ["no"]], ["C", ["One.", " Two."]], ["B", ["Three."]]]
    (question,) = readers.PUBLIC["hotpotqa"](json.dumps([record]).encode(), "hotpotqa", "hotpot.json")
    context = "C: One.  Two.\nB: Three."
    assert question == Question("5a", "hotpotqa", "Who?", ("Ada",), (), "bridge", "multihop", context)


WARNING = ["Warning: the answers change; do not click, question"] + [""] * (len(FRESHQA) - 1)


@pytest.mark.parametrize("above", [(), (WARNING,), (WARNING, [""] * len(FRESHQA), ["id"])])
def test_a_freshqa_sheet(tmp_path, above):
    text = csv_text(
        *above,
        FRESHQA,
        fresh("0", "Who leads?", answers=("Ada", "Ada L.", "Ada")),
        fresh("1", "Why did\nhe?", "true", "multi-hop", ("He did not",), "a note"),
        [],
        fresh("2", answers=("", "Grace")),
    )
    expected = [
        Question("freshqa-0", "freshqa", "Who leads?", ("Ada", "Ada L."), category="fast-changing"),
        Question("freshqa-1", "freshqa", "Why did\nhe?", ("He did not",), (), "false-premise", "multihop"),
        Question("freshqa-2", "freshqa", "Who leads?", ("Grace",), category="fast-changing"),
    ]
    assert load_questions(save(tmp_path, text, "freshqa.csv")) == expected


def test_freshqa_by_name_is_the_users_copy(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOGEN_DATA", str(tmp_path))
    (tmp_path / "benchmarks").mkdir()
    save(tmp_path / "benchmarks", csv_text(FRESHQA, fresh()), "freshqa.csv")
    assert [q.id for q in load_questions("freshqa")] == ["freshqa-7"]
    assert BENCHMARKS["freshqa"].available()
    assert BENCHMARKS["freshqa"].whereabouts() == f"at hand in {tmp_path}"


def test_a_copy_under_another_name_is_another_benchmark(tmp_path):
    (question,) = load_questions(save(tmp_path, csv_text(FRESHQA, fresh()), "FreshQA_v2.CSV"))
    assert (question.benchmark, question.id) == ("FreshQA_v2", "FreshQA_v2-7")


def test_freshqa_that_is_missing_says_where_to_get_it_and_where_to_put_it(no_data, tmp_path, monkeypatch):
    with pytest.raises(BadInput, match="get the CSV from https://github") as caught:
        load_questions("freshqa")
    assert str(caught.value).endswith("put it at benchmarks/freshqa.csv in a folder that HOMOGEN_DATA names")
    monkeypatch.setenv("HOMOGEN_DATA", str(tmp_path))
    with pytest.raises(BadInput, match=rf"and put it at {tmp_path}/benchmarks/freshqa\.csv$"):
        load_questions("freshqa")


def test_empty_columns_at_the_end_of_a_sheet_do_not_count(tmp_path):
    text = csv_text([*FRESHQA, "", ""], [*fresh(), "", ""], fresh("8"))
    assert [q.id for q in load_questions(save(tmp_path, text))] == ["sheet-7", "sheet-8"]


def without(header, column):
    return [c for c in header if c != column]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (csv_text(without(FRESHQA, "question"), fresh()), "line 1: the column 'question' of FreshQA is missing"),
        (csv_text(WARNING, without(FRESHQA, "fact_type")), "line 2: the column 'fact_type' of FreshQA is missing"),
        (csv_text(without(TRUTHFULQA, "Best Answer")), "line 1: the column 'Best Answer' of TruthfulQA is missing"),
        (csv_text([*FRESHQA, "my answer"], fresh()), "line 1: FreshQA has no column 'my answer'; take it out"),
        (csv_text([*FRESHQA[:3], "", *FRESHQA[3:]]), "line 1: FreshQA has no column ''; take it out"),
        (csv_text([*TRUTHFULQA, "Source"]), "line 1: the column 'Source' is there twice"),
        (csv_text(["question", "answer"], ["Who?", "Ada"]), "line 1: no header with the columns that are needed: Tru"),
        (csv_text(WARNING, fresh()), "line 1: no header with the columns that are needed"),
        (csv_text(FRESHQA), "sheet.csv: holds no questions"),
        ("", "sheet.csv: holds no questions"),
        ("\ufeff\n\n , \n", "sheet.csv: holds no questions"),
        (csv_text(FRESHQA, fresh(), fresh("8")[:-1]), "line 3: has 19 cells where the header has 20"),
        (csv_text(FRESHQA, [*fresh(), "more"]), "line 2: has 21 cells where the header has 20"),
        (csv_text(FRESHQA, fresh(), fresh()), "lines 2 and 3: both have the id 'sheet-7'"),
        (csv_text(FRESHQA, fresh("")), "line 2: question '': id must be a non-empty string"),
        (csv_text(FRESHQA, fresh(question=" ")), "line 2: question 'sheet-7': text must be a non-empty string"),
        (csv_text(FRESHQA, fresh(answers=())), "line 2: question 'sheet-7': needs at least one reference answer"),
        (csv_text(FRESHQA, fresh(premise="maybe")), "line 2: false_premise must be TRUE or FALSE, got 'maybe'"),
        # the broken row is named by its first line, though a row before it takes two
        (csv_text(FRESHQA, fresh(question="two\nlines")) + '8,"TEST\n\n', "line 4: not valid CSV (unexpected end of"),
        (csv_text(FRESHQA) + '8,"TE"ST,Who?\n', "line 2: not valid CSV"),
    ],
)
def test_a_bad_sheet(tmp_path, text, says):
    path = save(tmp_path, text)
    with pytest.raises(BadInput, match=re.escape(says)) as caught:
        load_questions(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_a_sheet_that_is_not_utf8(tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes(csv_text(FRESHQA, fresh(question="\xe9?")).encode("latin-1"))
    with pytest.raises(BadInput, match=r"latin\.csv, line 2: not valid UTF-8"):
        load_questions(path)


def test_a_freshqa_file_with_another_benchmarks_columns_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOGEN_DATA", str(tmp_path))
    (tmp_path / "benchmarks").mkdir()
    save(tmp_path / "benchmarks", csv_text(TRUTHFULQA), "freshqa.csv")
    with pytest.raises(BadInput, match=r"freshqa\.csv, line 1: no header .*: FreshQA's \(id, question, "):
        load_questions("freshqa")


# Public benchmarks, where their files are


def first_two_hundred(data, name):
    return json.loads((data / "benchmarks" / name).read_text("utf-8"))


def test_the_first_200_of_truthfulqa_are_the_papers(data):
    assert [q.text for q in load_questions("truthfulqa", limit=200)] == first_two_hundred(data, "tqa_200q.json")


def test_the_first_200_of_webquestions_are_the_papers(data):
    assert [
        {"qi": i, "question": q.text, "answers": list(q.references)}
        for i, q in enumerate(load_questions("webquestions", limit=200))
    ] == first_two_hundred(data, "webq_200q.json")


def test_truthfulqa_is_whole(data):
    questions = load_questions("truthfulqa")
    with open(data / "benchmarks" / "truthfulqa.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [q.id for q in questions] == [f"truthfulqa-{i:04d}" for i in range(1, 791)]
    for q, row in zip(questions, rows, strict=True):
        assert (q.text, q.category) == (row["Question"], row["Category"])
        assert q.references[0] == row["Best Answer"].strip()
        # the best answer is among the correct ones in every row, so none is added
        assert set(q.references) == {a.strip() for a in row["Correct Answers"].split(";")} - {""}
        assert set(q.distractors) == {a.strip() for a in row["Incorrect Answers"].split(";")} - {""}
        assert q.distractors
    assert len({q.text for q in questions}) == 790


def test_every_truthfulqa_answer_grades_itself(data):
    questions = load_questions("truthfulqa")
    rights = [(q, r) for q in questions for r in q.references]
    wrongs = [(q, d) for q in questions for d in q.distractors if d not in q.references]
    assert (len(rights), len(wrongs)) == (2775, 3248)  # two are on both lists
    for rows, false in ((rights, 0), (wrongs, 1)):
        graded = wrong([text for _, text in rows], [q for q, _ in rows], "words")
        assert [(q.id, text) for (q, text), got in zip(rows, graded, strict=True) if got != false] == []
    # the paper's rule is not so sure of them
    assert wrong([text for _, text in rights], [q for q, _ in rights], "overlap").sum() == 88
    assert wrong([q.references[0] for q in questions], questions, "overlap").sum() == 16


def test_the_papers_subset_has_not_the_mix_of_categories_that_the_benchmark_has(data):
    def mix(**how):
        return Counter(q.category for q in load_questions("truthfulqa", **how))

    whole = mix()
    assert len(whole) == 37
    assert len(mix(limit=200)) == 21  # the page on questions says so
    shares = mix(limit=200, stratified="proportional")
    assert set(shares) == set(whole)
    assert all(abs(shares[c] - 200 * whole[c] / 790) < 1 for c in whole)
    assert max(mix(limit=200, stratified=True).values()) <= 7


def test_every_gsm8k_answer_is_a_number_that_grades_itself(data):
    questions = load_questions("gsm8k")
    assert {bool(re.fullmatch(r"-?\d+", q.references[0])) for q in questions} == {True}
    assert wrong([f"The answer is {q.references[0]}." for q in questions], questions).sum() == 0
    assert wrong([f"The answer is {2 * int(q.references[0]) + 1}." for q in questions], questions).mean() == 1


def test_every_hotpotqa_context_is_that_of_its_question(data):
    questions = load_questions("hotpotqa")
    records = json.loads((data / "benchmarks" / "hotpot_100.json").read_text("utf-8"))
    for q, record in zip(questions, records, strict=True):
        assert (q.id, q.text, q.references) == (record["_id"], record["question"], (record["answer"],))
        assert q.context.count("\n") == len({title for title, _ in record["supporting_facts"]}) - 1 == 1
    yes_or_no = {"yes", "no"}
    held = [q.references[0].lower() in q.context.lower() for q in questions if q.references[0] not in yes_or_no]
    assert sum(held) / len(held) > 0.95


# What the store keys an answer by


def test_question_sha_is_stable():
    # sha256 of the bytes ["pocket", "q1", "Why?"], by sha256sum
    expected = "33122021fdeb3b797e74f2adc813fe17c6c7995a95c853b8fcbcb2860610a7b0"
    assert question_sha(Question("q1", "pocket", "Why?", ("x",))) == expected


def test_question_sha_hangs_on_what_can_change_an_answer():
    base = Question("q1", "b", "Why?", ("x",))
    same = [
        Question("q1", "b", "Why?", ("y",)),
        Question("q1", "b", "Why?", ("x",), ("z",), "category", "math"),
        Question("q1", "b", "Why?", ("x",), context="A passage."),  # which no model is shown
    ]
    other = [
        Question("q2", "b", "Why?", ("x",)),
        Question("q1", "c", "Why?", ("x",)),
        Question("q1", "b", "Why ?", ("x",)),
        Question("1", "bq", "Why?", ("x",)),  # the fields joined read the same
    ]
    assert {question_sha(q) for q in same} == {question_sha(base)}
    assert len({question_sha(q) for q in [base, *other]}) == 5


def test_question_sha_takes_any_text():
    assert len({question_sha(Question("q", "b", text, ("x",))) for text in ("é", "e\u0301", "🙂", "\udc80")}) == 4


def test_pocket_shas_are_distinct():
    assert len({question_sha(q) for q in POCKET}) == 150
