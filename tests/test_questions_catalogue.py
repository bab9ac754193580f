"""Questions: every line of the embedded set, the table of benchmarks, and what the store keys an answer by."""

import ast
import csv
import doctest
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
from test_questions_readers import GOOD, write

from homogen.grading.decide import wrong
from homogen.grading.matching import normalize
from homogen.grading.numbers import extract_number
from homogen.questions import catalogue, sources
from homogen.questions.catalogue import BENCHMARKS, Benchmark, benchmarks, load_questions, question_sha
from homogen.records import BadInput, Question

LINES = (files("homogen.questions") / "data" / "pocket.jsonl").read_text(encoding="utf-8").splitlines()
RECORDS = [json.loads(line) for line in LINES]
SUMS = [r for r in RECORDS if r["kind"] == "math"]
POCKET = load_questions("pocket")
COMPUTING = load_questions("computing")
EMBEDDED = pytest.mark.parametrize("asked", [POCKET, COMPUTING], ids=["pocket", "computing"])
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


@EMBEDDED
def test_embedded_answers_do_not_clash(asked):
    for q in asked:
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


@EMBEDDED
def test_embedded_questions_grade_their_own_answers(asked):
    # Every reference is right and every distractor wrong by the overlap, not the first of each alone.
    told = [(q, r, 0.0) for q in asked if q.distractors for r in q.references]
    told += [(q, d, 1.0) for q in asked if q.distractors for d in q.distractors]
    assert len(told) > 100
    for method in ("overlap", "words"):
        graded = wrong([text for _, text, _ in told], [q for q, _, _ in told], method, convention="compare")
        assert [(q.id, text) for (q, text, want), got in zip(told, graded, strict=True) if got != want] == []


def test_pocket_grades_its_own_answers_by_auto():
    assert wrong([q.references[0] for q in POCKET], POCKET).sum() == 0
    with_distractors = [q for q in POCKET if q.distractors]
    assert wrong([q.distractors[0] for q in with_distractors], with_distractors).sum() == 60
    sums = [q for q in POCKET if q.kind == "math"]
    assert wrong([str(extract_number(q.references[0]) + 1) for q in sums], sums).sum() == 40


@EMBEDDED
def test_embedded_questions_do_not_give_the_answer_away(asked):
    assert wrong([q.references[0] for q in asked], asked).sum() == 0
    for q in asked:
        if q.kind == "factual" and not q.distractors:
            assert wrong([q.text], [q])[0] == 1, q.id


def test_computing_is_what_it_says():
    lines = (files("homogen.questions") / "data" / "computing.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert Counter(r["id"][len("computing-")] for r in records) == {"m": 40, "f": 42, "c": 50}
    kinds = {"m": "misconceptions: ", "f": "facts: ", "c": "code: "}
    keys = {"id", "kind", "category", "text", "references", "distractors"}
    for record in records:
        letter = record["id"][len("computing-")]
        assert re.fullmatch(r"computing-[mfc]\d{3}", record["id"])
        assert set(record) == (keys | {"expression"} if letter == "c" else keys)
        assert record["category"].startswith(kinds[letter])
        for text in (record["text"], *record["references"], *record["distractors"]):
            assert text == " ".join(text.split())
        assert bool(record["distractors"]) == (letter == "m")
        if letter == "m":
            assert len(record["references"]) >= 2, record["id"]
            assert len(record["distractors"]) >= 2, record["id"]
    assert len({r["text"] for r in records}) == len(records)


def test_computing_expressions_have_the_value_that_is_taken_for_right():
    lines = (files("homogen.questions") / "data" / "computing.jsonl").read_text(encoding="utf-8").splitlines()
    told = [record for record in map(json.loads, lines) if "expression" in record]
    for record in told:
        assert record["expression"] in record["text"], record["id"]
        assert record["references"] == [str(eval(record["expression"], {}))], record["id"]


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
        assert bool(entry.citation) == bool(entry.authors)
        assert entry.file or not entry.citation
        if entry.citation:
            (family,) = re.findall(rf"@\w+{{{entry.citation},\n  author = {{(\w+),", bibliography)
            assert entry.authors == f"{family} et al. {re.search(r'[0-9]{4}', entry.citation)[0]}"


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
    assert [b.name for b in benchmarks() if b.available()] == ["pocket", "computing", "dated"]
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


def test_freshqa_that_is_missing_says_where_to_get_it_and_where_to_put_it(no_data, tmp_path, monkeypatch):
    with pytest.raises(BadInput, match="get the CSV from https://github") as caught:
        load_questions("freshqa")
    assert str(caught.value).endswith("put it at benchmarks/freshqa.csv in a folder that HOMOGEN_DATA names")
    monkeypatch.setenv("HOMOGEN_DATA", str(tmp_path))
    with pytest.raises(BadInput, match=rf"and put it at {tmp_path}/benchmarks/freshqa\.csv$"):
        load_questions("freshqa")


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


# The dated set


def test_dated_questions_come_in_pairs_that_differ_in_the_year_alone():
    dated = load_questions("dated")
    assert len(dated) == BENCHMARKS["dated"].size == 40
    for old, new in zip(dated[::2], dated[1::2], strict=True):
        assert (old.category, new.category) == ("asked of 2015", "asked of 2025")
        assert (old.id[:-5], old.id[-4:], new.id[-4:]) == (new.id[:-5], "2015", "2025")
        assert old.text.replace("2015", "2025") == new.text
        assert not set(old.references) & set(new.references)


def test_dated_questions_grade_their_own_answers_and_not_those_of_the_other_year():
    from homogen.grading import wrong

    dated = load_questions("dated")
    own = [f"It was {q.references[-1]}." for q in dated]
    other = [own[i + 1 - 2 * (i % 2)] for i in range(len(own))]
    assert not wrong(own, dated, method="contains").any()
    assert wrong(other, dated, method="contains").all()
    assert not any(ref.lower() in q.text.lower() for q in dated for ref in q.references)


def test_dated_names_can_be_written_without_their_accents():
    plain = {"ó": "o", "ą": "a", "Ś": "S", "č": "c", "ł": "l", "á": "a", "í": "i", "ç": "c"}
    for q in load_questions("dated"):
        written = {"".join(plain.get(c, c) for c in ref) for ref in q.references}
        assert all(ref.isascii() for ref in written)
        assert written <= set(q.references), q.id


def test_the_dates_of_the_dated_set_are_seen():
    from homogen.uncertainty import freshness

    dated = load_questions("dated")
    scores = freshness([q.text for q in dated], cutoff="2024-10-31")
    assert len(set(scores.tolist())) == 2, "the chapter counts on it"
    found = scores > 0
    assert found.tolist() == [q.category.endswith("2025") for q in dated]
