"""Readers: files of one's own, the layouts of the public benchmarks, and what bad files get."""

import csv
import io
import json
import os
import re
from pathlib import Path

import pytest

from homogen.questions import readers
from homogen.questions.catalogue import BENCHMARKS, load_questions
from homogen.records import BadInput, Question


def write(tmp_path, *lines, name="mine.jsonl"):
    path = tmp_path / name
    path.write_text("".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in lines), encoding="utf-8")
    return path


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
    assert readers.gsm8k(data, "gsm8k", "test.jsonl") == [
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
        readers.gsm8k(data, "gsm8k", "test.jsonl")


def test_webquestions_list():
    data = json.dumps([{"qId": "wqs1", "answers": ["Ada", "Grace"], "qText": "who?"}]).encode()
    assert readers.webquestions(data, "webquestions", "test.json") == [
        Question("wqs1", "webquestions", "who?", ("Ada", "Grace"))
    ]


def test_hotpotqa_list():
    record = {"_id": "5a", "question": "Who?", "answer": "Ada", "type": "bridge", "level": "hard"}
    record["supporting_facts"] = [["B", 0], ["C", 1], ["C", 0]]
    record["context"] = [["A", ["no"]], ["C", ["One.", " Two."]], ["B", ["Three."]]]
    (question,) = readers.hotpotqa(json.dumps([record]).encode(), "hotpotqa", "hotpot.json")
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
