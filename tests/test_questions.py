"""Questions: every line of the embedded set, the reader, and what bad files get."""

import ast
import doctest
import json
import operator
import re
import subprocess
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

import homogen.questions
from homogen.grading import extract_number, normalize, wrong
from homogen.questions import BENCHMARKS, Benchmark, benchmarks, load_questions, question_sha
from homogen.records import BadInput, Question

LINES = (files("homogen") / "data" / "pocket.jsonl").read_text(encoding="utf-8").splitlines()
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
    result = doctest.testmod(homogen.questions)
    assert result.attempted >= 5
    assert result.failed == 0


# The embedded set


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r["id"])
def test_pocket_line(record):
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


@pytest.mark.parametrize("record", SUMS, ids=lambda r: r["id"])
def test_pocket_sum(record):
    tree = ast.parse(record["computation"], mode="eval")
    assert evaluate(tree) == pytest.approx(float(record["references"][0]), rel=1e-12)
    used = {float(n.value) for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    assert used <= numbers_in(record["text"]), used - numbers_in(record["text"])


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
    graded = wrong([text for _, text, _ in told], [q for q, _, _ in told], method="overlap", convention="compare")
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


def test_every_listed_benchmark_loads_and_is_what_it_says():
    assert [b.name for b in benchmarks()] == list(BENCHMARKS)
    for entry in benchmarks():
        assert isinstance(entry, Benchmark)
        questions = load_questions(entry.name)
        assert len(questions) == entry.size
        assert {q.kind for q in questions} == set(entry.kinds)
        assert {q.benchmark for q in questions} == {entry.name}
        assert len({q.id for q in questions}) == entry.size
        assert entry.title
        assert entry.licence
        assert entry.home


def test_the_list_is_a_copy():
    benchmarks().clear()
    assert benchmarks()


def test_loading_imports_nothing_heavy():
    code = (
        "import sys, homogen.questions as q; q.load_questions('pocket'); "
        "print([m for m in ('numpy', 'pandas', 'pyarrow', 'torch', 'scipy', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


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


# A user's own file


def test_own_file(tmp_path):
    path = write(
        tmp_path,
        {"question": "Why?", "answers": ["Because.", "So."], "extra": [1]},
        "",
        "   ",
        {"id": 7, "text": "Sum?", "answer": 12, "kind": "math", "category": "sums", "distractors": "13"},
        {"id": "c", "text": "Half?", "references": [0.5], "distractors": None, "category": None},
    )
    assert load_questions(path) == [
        Question("mine-1", "mine", "Why?", ("Because.", "So.")),
        Question("7", "mine", "Sum?", ("12",), ("13",), "sums", "math"),
        Question("c", "mine", "Half?", ("0.5",)),
    ]
    assert load_questions(str(path)) == load_questions(path)


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
    for given in (tmp_path / "mine.json", str(tmp_path / "mine.json"), Path("mine.csv")):
        with pytest.raises(BadInput, match=r"must end in \.jsonl"):
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
