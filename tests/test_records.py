"""The nouns: they check themselves when they are made, and say in one line what is wrong."""

import dataclasses
import doctest
import importlib
import math
import os
import re
import subprocess
import sys

import pyarrow as pa
import pytest

from homogen.records import (
    KINDS,
    PROMPTS,
    TRUNCATION_PRESETS,
    BadInput,
    Draws,
    Estimate,
    PromptTemplate,
    Question,
    Response,
    SamplingSpec,
    answer_of,
    arrow_schema,
    files,
    prompt_template,
    reasoning_opened,
    unknown,
    without_marks,
)

HARMONY = "<|channel|>analysis<|message|>Sydney? No.<|end|>"


@pytest.mark.parametrize("file", ["answers", "checks", "draws", "exports", "files", "nouns", "prompts", "results"])
def test_doctests(file):
    found = doctest.testmod(importlib.import_module(f"homogen.records.{file}"))
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("made", [Question, SamplingSpec, Response, Estimate, PromptTemplate])
def test_records_are_frozen_and_every_field_is_described(made):
    assert dataclasses.fields(made)
    assert made.__dataclass_params__.frozen
    described = {n.strip() for line in re.findall(r"(?m)^    (\w[\w, ]*)$", made.__doc__) for n in line.split(",")}
    if made is not Response:  # its own list is checked against the schema below
        assert {f.name for f in dataclasses.fields(made)} <= described | {"n"}


# --- prompts --------------------------------------------------------------------------------------------------------


def test_a_template_takes_a_question_as_it_is():
    assert PROMPTS["concise"].render("A {question}? \\1 {x}") == (
        "Answer the following question concisely:\n\nQ: A {question}? \\1 {x}\nA:"
    )


@pytest.mark.parametrize("name", PROMPTS)
def test_named_prompts_hold_the_question_once_and_stop_at_the_next_one(name):
    template = prompt_template(name)
    assert template is PROMPTS[name]
    assert template.text.count("{question}") == 1
    assert template.stop == ("\nQ:",)


def test_a_text_is_a_template_of_its_own_and_an_unknown_name_is_refused():
    assert prompt_template("Say: {question}") == PromptTemplate("Say: {question}", ())
    with pytest.raises(BadInput, match="unknown prompt 'consise'; did you mean 'concise'"):
        prompt_template("consise")
    with pytest.raises(BadInput, match="unknown prompt"):
        SamplingSpec(model="m", prompt="no place for it")


def test_unknown_names_what_comes_near_and_all_that_is_known():
    assert str(unknown("fruit", "appel", ["kiwi", "apple"])) == (
        "unknown fruit 'appel'; did you mean 'apple'? (known: apple, kiwi)"
    )
    assert str(unknown("fruit", "zzz", ["pear"])) == "unknown fruit 'zzz' (known: pear)"
    assert str(unknown("fruit", 7, ["pear"])) == "unknown fruit '7' (known: pear)"
    assert isinstance(unknown("fruit", None, []), BadInput)
    assert len(str(unknown("fruit", "a" * 5000, ["pear"]))) < 120
    assert issubclass(BadInput, ValueError)


# --- questions ------------------------------------------------------------------------------------------------------


def question(**fields):
    return Question(**{"id": "q", "benchmark": "b", "text": "Why?", "references": ("So.",), **fields})


def test_lists_become_tuples_so_that_a_question_can_be_hashed():
    made = question(references=["a", "b"], distractors=["c"])
    assert (made.references, made.distractors) == (("a", "b"), ("c",))
    assert len({made, question(references=("a", "b"), distractors=("c",))}) == 1


def test_a_question_has_no_context_unless_it_is_given_one():
    assert question().context == ""
    assert question(context="A passage.").context == "A passage."


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_accepted(kind):
    assert question(kind=kind).kind == kind


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": ""}, "id must be a non-empty string"),
        ({"id": 3}, "id must be a non-empty string"),
        ({"benchmark": " "}, "benchmark must be a non-empty string"),
        ({"text": "\n"}, "text must be a non-empty string"),
        ({"text": None}, "text must be a non-empty string"),
        ({"references": ()}, "needs at least one reference"),
        ({"references": "Paris"}, "references must be a list of non-empty strings"),
        ({"references": ("Paris", "")}, "references must be a list of non-empty strings"),
        ({"references": (4,)}, "references must be a list of non-empty strings"),
        ({"distractors": "Lyon"}, "distractors must be a list of non-empty strings"),
        ({"kind": "facts"}, "unknown kind of question 'q' 'facts'"),
        ({"context": None}, "context must be a string, got None"),
        ({"context": ["A passage."]}, "context must be a string, got ['A passage.']"),
    ],
)
def test_a_bad_question_is_refused(fields, message):
    with pytest.raises(BadInput, match=re.escape(message)) as refused:
        question(**fields)
    assert "\n" not in str(refused.value)


# --- specs ----------------------------------------------------------------------------------------------------------


def test_nothing_is_truncated_unless_asked_for():
    spec = SamplingSpec(model="m")
    assert (spec.temperature, spec.top_p, spec.top_k, spec.repetition_penalty) == (1.0, 1.0, 0, 1.0)
    assert spec == SamplingSpec.preset("pure", model="m")


@pytest.mark.parametrize("name", TRUNCATION_PRESETS)
def test_presets_say_everything_that_truncates_and_give_way_to_fields(name):
    preset = TRUNCATION_PRESETS[name]
    assert set(preset) == {"top_k", "top_p", "repetition_penalty"}
    spec = SamplingSpec.preset(name, model="m", n=4)
    assert {key: getattr(spec, key) for key in preset} == preset
    assert spec.n == 4
    assert SamplingSpec.preset(name, model="m", top_k=7).top_k == 7


def test_an_unknown_preset_is_refused():
    with pytest.raises(BadInput, match="unknown preset 'olama'; did you mean 'ollama'"):
        SamplingSpec.preset("olama", model="m")


def test_whole_numbers_become_floats_so_that_equal_specs_are_equal():
    spec = SamplingSpec(model="m", temperature=1, top_p=1, repetition_penalty=2)
    assert all(isinstance(v, float) for v in (spec.temperature, spec.top_p, spec.repetition_penalty))


@pytest.mark.parametrize(
    ("field", "low", "below"),
    [("n", 1, 0), ("top_k", 0, -1), ("max_new_tokens", 1, 0), ("seed", 0, -1), ("temperature", 0.0, -0.1)],
)
def test_limits_are_inclusive(field, low, below):
    assert getattr(SamplingSpec(model="m", **{field: low}), field) == low
    with pytest.raises(BadInput, match=f"{field} must be at least"):
        SamplingSpec(model="m", **{field: below})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": ""}, "model must be a non-empty string"),
        ({"model": None}, "model must be a non-empty string"),
        ({"prompt": 3}, "prompt must be a non-empty string"),
        ({"model": "m\ud83d"}, "model holds half of a character (a lone surrogate), got 'm\\ud83d'; take it out"),
        ({"prompt": "\ude00 {question}"}, "prompt holds half of a character (a lone surrogate)"),
        ({"n": 2.0}, "n must be a whole number, got 2.0"),
        ({"n": "10"}, "n must be a whole number, got '10'"),
        ({"n": True}, "n must be a whole number, got True"),
        ({"seed": None}, "seed must be a whole number"),
        ({"temperature": "hot"}, "temperature must be a finite number"),
        ({"temperature": math.nan}, "temperature must be a finite number"),
        ({"temperature": math.inf}, "temperature must be a finite number"),
        ({"temperature": True}, "temperature must be a finite number"),
        ({"top_p": 0}, "top_p must lie in (0, 1], got 0"),
        ({"top_p": 1.1}, "top_p must lie in (0, 1], got 1.1"),
        ({"repetition_penalty": 0}, "repetition_penalty must be above 0"),
    ],
)
def test_a_bad_spec_is_refused(fields, message):
    with pytest.raises(BadInput, match=re.escape(message)) as refused:
        SamplingSpec(**{"model": "m", **fields})
    assert "\n" not in str(refused.value)


# --- responses ------------------------------------------------------------------------------------------------------


def test_a_response_checks_its_finish_and_that_its_statistics_pair_up():
    with pytest.raises(BadInput, match="unknown finish 'eos'"):
        Response("q", 0, "t", "t", "eos", (), ())
    with pytest.raises(ValueError, match="response q/0: 1 log-probabilities but 2 entropies"):
        Response("q", 0, "t", "t", "stop", (-1.0,), (0.5, 0.5))


def test_the_schema_has_a_responses_fields_in_their_order():
    schema = arrow_schema()
    assert schema.names == [field.name for field in dataclasses.fields(Response)]
    response = Response("q", -1, "t", "t", "stop", (-1.0,), (0.5,))
    table = pa.Table.from_pylist([dataclasses.asdict(response)], schema=schema)
    (row,) = table.to_pylist()
    assert Response(**{**row, **{k: tuple(v) for k, v in row.items() if isinstance(v, list)}}) == response
    assert [field.name for field in schema if field.nullable] == ["token_entropies_high"]


def test_bounds_of_entropies_come_in_pairs():
    bounded = Response("q", 0, "t", "t", "stop", (-1.0, -2.0), (0.5, 0.1), (0.75, 0.2))
    assert bounded.token_entropies_high == (0.75, 0.2)
    assert Response("q", 0, "t", "t", "stop", (), ()).token_entropies_high is None
    with pytest.raises(ValueError, match="response q/0: 2 lower but 1 upper bounds of entropies"):
        Response("q", 0, "t", "t", "stop", (-1.0, -2.0), (0.5, 0.1), (0.75,))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Paris", "Paris"),
        ("  Paris\n", "Paris"),
        ("", ""),
        ("<think>a\nb</think>\n\nParis", "Paris"),
        ("<thinking>a</thinking>Paris<think>b</think>.", "Paris."),
        ("<reasoning>a</reasoning> Paris", "Paris"),
        ("<think>cut open", ""),
        ("Paris <think>cut open", "Paris"),
        ("<think>a</think>", ""),
        ("<think>a</think> Paris <think>cut", "Paris"),
        ("<thinker>a</thinker> Paris", "<thinker>a</thinker> Paris"),
        ("</think> Paris", "</think> Paris"),
        # whatever the case, and the other names
        ("<THINK>a</Think>Paris", "Paris"),
        ("\n<thought>a</thought>\nParis", "Paris"),
        ("<seed:think>a</seed:think>Paris", "Paris"),
        ("<think>a</reasoning>Paris", ""),
        # blocks behind each other and within each other
        ("<think>a</think> <reasoning>b</reasoning> Paris", "Paris"),
        ("<think>a</think>\n<think>b", ""),
        ("<think>a <think>b</think> c</think> Paris", "Paris"),
        ("<think>Not <think> here.</think> Paris", "Paris"),
        ("<think>a</think></think>Paris", "Paris"),
        ("Paris.\n<think>\nOr is it", "Paris."),
        # in the middle of a text
        ("Sure! <think>\nx\n</think>\nParis", "Sure! \nParis"),
        ("Sure!\r\n<think>\r\nx\r\n</think>Paris", "Sure!\r\nParis"),
        ("Sure.\n\n<think> x </think> Paris", "Sure.\n\n Paris"),
        ("Sure. <think> x </think> Paris", "Sure.  Paris"),
        ("Paris<think> x </think>.", "Paris."),
        ("Paris. <think>\ncut", "Paris."),
        ("Paris. <think> \ncut", "Paris."),
        ("[think]a[/think]Paris", "Paris"),
        # or a mention with the first word: the two cannot be told apart
        ("<think> is a tag used by models.", ""),
        ("<think> Okay, the user asks", ""),
        # Magistral, Kimi
        ("[THINK]a[/THINK]Paris", "Paris"),
        ("[THINK]a", ""),
        ("◁think▷a◁/think▷Paris", "Paris"),
        ("◁think▷a", ""),
        ("[THINK]a <think> b[/THINK]Paris", "Paris"),
    ],
)
def test_the_answer_is_what_stands_outside_reasoning(text, answer):
    assert answer_of(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "use the <think> tag",
        "Use the <think> tag to open, and </think> to close it.",
        "Write `<think>` first.",
        "The marks are <think>, [THINK] and ◁think▷.",
        "It begins with <think>",
        "the tags <think> and </think> mark reasoning",
        "<think> and </think> mark reasoning.",
        "It has tags. <think> and </think> mark reasoning, e.g. <think> x </think>.",
        "Its tags:\n<think> or </think>",
        "List: [think]ing is hard",
        "[think]ing is hard",
        "The end.\n<think> is a tag.",
        "Put it between <think> and </think>, or <reasoning>…</reasoning>.",
        "analysis of variance",
        "analysis's end",
        "analysis",
        "Analysis: Paris",
        "The assistantfinal channel",
    ],
)
def test_an_answer_that_speaks_of_a_mark_stays_whole(text):
    assert answer_of(text) == text
    assert answer_of(f"<think>Hm.</think>\n{text}") == text
    assert reasoning_opened(text) == text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (f"{HARMONY}<|start|>assistant<|channel|>final<|message|>Paris<|return|>", "Paris"),
        (f"{HARMONY}<|start|>assistant<|channel|>final<|message|>Paris", "Paris"),
        (f"{HARMONY}<|start|>assistant<|channel|>final <|constrain|>json<|message|>Paris<|end|>", "Paris"),
        (f"<|start|>assistant{HARMONY}<|start|>assistant<|channel|>final<|message|>Paris<|return|>", "Paris"),
        (f"{HARMONY}<|start|>assistant<|channel|>commentary to=functions.x<|message|>{{}}<|call|>", ""),
        ("<|channel|>analysis<|message|>Sydney? No", ""),
        ("<|channel|>final<|message|>Paris<|return|>", "Paris"),
        ("analysisSydney? No.assistantfinalParis", "Paris"),
        ("analysisSydney? No.assistantcommentaryWait.assistantfinal\nParis\n", "Paris"),
        ('analysis"Capital" means the seat', ""),
        ("analysis The user asks.assistantfinalParis", "Paris"),
        ("analysisSydney? No.assistantfinal", ""),
    ],
)
def test_of_channels_only_the_final_one_is_the_answer(text, answer):
    assert answer_of(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>" * 100_000, ""),
        ("<think>" * 100_000 + "</think>" * 100_000 + "Paris", "Paris"),
        ("<think>a" * 100_000 + "</think>Paris", "Paris"),
        ("<think>a</think>" * 100_000 + "Paris", "Paris"),
        ("<think>a[THINK]" * 100_000 + "[/THINK]", ""),
        ("Paris <think> " * 100_000, ("Paris <think> " * 100_000).strip()),
        ("the <think> " * 100_000 + "</think>", "the <think> " * 100_000 + "</think>"),
        ("[think]a" * 100_000, "[think]a" * 100_000),
        ("the <think> and </think>" * 50_000, "the <think> and </think>" * 50_000),
        ("a <think>" + " " * 100_000 + "</think>", "a <think>" + " " * 100_000 + "</think>"),
        ("analysis" + "assistant" * 100_000, ""),
        ("<|channel|>final" * 100_000, ""),
    ],
    ids=range(12),
)
def test_a_text_full_of_marks_is_read_once(text, answer):
    """A search that began anew at each mark would take minutes."""
    assert answer_of(text) == answer
    reasoning_opened(text)


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("hm</think>Paris", "<think>hm</think>Paris"),
        ("hm.\n</think>\n\nParis", "<think>hm.\n</think>\n\nParis"),
        ("hm.</THINK> Paris", "<THINK>hm.</THINK> Paris"),
        ("hm[/THINK]Paris", "[THINK]hm[/THINK]Paris"),
        ("hm◁/think▷Paris", "◁think▷hm◁/think▷Paris"),
        ("<think>hm</think>Paris", "<think>hm</think>Paris"),
        ("Paris", "Paris"),
    ],
)
def test_a_block_whose_beginning_is_not_in_the_text_is_given_one(text, opened):
    assert reasoning_opened(text) == opened
    assert answer_of(opened) == "Paris"


def test_a_text_without_marks_closes_no_block():
    for text in (
        "a</think>b",
        "a<think>b",
        "[/THINK]",
        "◁/think▷",
        "<<think>think>",
        "</Seed:Think>",
        "</th</think>ink>",
    ):
        plain = without_marks(text)
        assert plain.replace(" ", "") == text
        assert answer_of(f"<think>{plain}</think>Paris") == "Paris"
        assert answer_of(f"<think>{plain}") == ""


# --- estimates ------------------------------------------------------------------------------------------------------


def test_an_undefined_estimate_says_why():
    estimate = Estimate.undefined("one class only", n=3)
    assert all(map(math.isnan, (estimate.value, estimate.low, estimate.high)))
    assert (estimate.n, estimate.coverage) == (3, 0.0)
    assert str(estimate) == "undefined: one class only, n=3"
    assert str(Estimate(math.nan, math.nan, math.nan, 0)) == "undefined, n=0"
    assert str(Estimate(1, math.nan, math.nan, 5)) == "1.000, n=5, coverage 100%"


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch, call):
    path = tmp_path / "kept.json"
    files.put(path, "é")
    assert files.file_digest(path) == files.digest("é")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left"):
        files.put(path, "other")
    assert [p.name for p in tmp_path.iterdir()] == ["kept.json"]
    assert path.read_text("utf-8") == "é"


NO_COUNTS = (-1, None, 2.5, 2.0, True, "x", math.nan, [1], (1, 2))


@pytest.mark.parametrize(
    ("field", "wrong", "rule"),
    [
        ("resamples", (0, *NO_COUNTS), "a whole number of at least 1"),
        ("seed", NO_COUNTS, "a whole number of at least 0"),
        ("level", ("x", "95%", 0, 1, -0.5, 95, None, True, math.nan, math.inf, [0.95], 1j), "a number between 0 and 1"),
    ],
)
def test_draws_that_cannot_be_are_refused_in_one_line(field, wrong, rule):
    for value in wrong:
        with pytest.raises(BadInput, match=f"^{field} must be {rule}, got [^\n]*$"):
            Draws(**{field: value})
    assert Draws() == Draws(10_000, 0, 0.95)


def test_digests_are_those_that_keys_of_runs_were_made_of():
    # What another digest would draw again.
    assert files.digest_of_json({"b": [1, "é"], "a": None})[:20] == "1c3d52eb78675f43aa6a"


def test_records_need_only_the_standard_library():
    code = (
        "import sys; before = set(sys.modules); import homogen.records; "
        "print(sorted({m.split('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "['homogen']"


def test_a_template_tells_what_is_not_as_usual():
    assert PromptTemplate("{question}", ("\n",)).told() == {"text": "{question}", "stop": ("\n",)}
    other = PromptTemplate("{question}", system="Be brief.", chat=False)
    assert other.told() == {"text": "{question}", "stop": (), "system": "Be brief.", "chat": False}
    assert (other.plain("Why?"), PromptTemplate("{question}").plain("Why?")) == ("Be brief.\n\nWhy?", "Why?")


def test_the_bare_prompt_is_the_concise_one_without_the_template():
    concise, bare = prompt_template("concise"), prompt_template("bare")
    assert (bare.text, bare.stop, bare.system) == (concise.text, concise.stop, concise.system)
    assert (concise.chat, bare.chat) == (True, False)
