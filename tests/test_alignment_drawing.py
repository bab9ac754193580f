"""Answers of trained models, drawn once and trained for only if need be; log-probabilities worked out another way."""

import dataclasses

import numpy as np
import pytest
from conftest import CHAT_TEMPLATE, END, WORDS, make_model, word_tokenizer

import homogen as hg
from homogen.alignment import Example, Recipe, answer_logprobs, answers, drawing, run_logprobs
from homogen.engines.transformers import TransformersEngine
from homogen.models import load_model, trained
from homogen.records import BadInput, Question
from homogen.sampling import pack

pytest.importorskip("trl")
pytestmark = pytest.mark.usefixtures("own_cache")


def test_a_model_is_trained_when_its_answers_are_asked_for_and_never_again(base, tmp_path, monkeypatch):
    recipe = Recipe(base, [Example(f"w{i:03d}", "w001") for i in range(8)], doses=(1, 3), rank=2)
    questions = [Question(f"q{i}", "mine", f"w{i:03d}", ("w001",)) for i in range(4)]
    spec = hg.SamplingSpec(model="whatever", prompt="{question}", n=2, max_new_tokens=4, seed=1)
    store = str(tmp_path / "store")
    run = answers(recipe, 3, questions, spec, store)
    assert run.spec.model == recipe.model(3)
    assert trained.folder_of(recipe.model(1)).is_dir()
    pack(store)
    monkeypatch.setenv("HOMOGEN_CACHE", str(tmp_path / "other"))
    monkeypatch.setattr(drawing, "train", lambda *_: pytest.fail("trained again"))
    assert answers(recipe, 3, questions, spec, store).answers() == run.answers()
    with pytest.raises(BadInput, match="there is no dose 2"):
        answers(recipe, 2, questions, spec, store)


@pytest.mark.parametrize("template", [None, CHAT_TEMPLATE])
def test_log_probabilities_are_the_engines_alone_and_among_others(template, tmp_path):
    folder = make_model(tmp_path / "tiny", word_tokenizer(WORDS, template), "llama", seed=5, ends=(END,))
    model = load_model(folder, "cpu", "float32")
    texts = [f"w{i:03d} w{i + 7:03d} w{2 * i:03d}"[: 4 + 5 * (i % 3)].strip() for i in range(40)]
    asked = [f"w{i:03d}" for i in range(40)]
    ended = [i % 2 == 0 for i in range(40)]
    found = answer_logprobs(model, asked, texts, ended)
    engine, space = TransformersEngine(model, workers=1), "" if model.chat else " "
    for i in range(0, 40, 7):
        text = f"{space}{texts[i]}{END if ended[i] else ''}"
        assert found[i] == pytest.approx(engine.continuation_logprobs([asked[i]], [text])[0, 0], abs=1e-4)
        alone = answer_logprobs(model, asked[i : i + 1], texts[i : i + 1], ended[i : i + 1])
        np.testing.assert_allclose(alone, found[i : i + 1], atol=1e-4)


def test_what_cannot_be_scored_is_refused(base):
    model = load_model(base, "cpu", "float32")
    with pytest.raises(BadInput, match="unequal lengths: 1 prompts, 2 texts, 1 ends"):
        answer_logprobs(model, ["w001"], ["w001", "w002"], [True])
    with pytest.raises(BadInput, match="text 1 is empty"):
        answer_logprobs(model, ["w001"] * 2, ["w001", ""], [True] * 2)
    assert answer_logprobs(model, [], [], []).shape == (0,)


def test_what_a_run_says_is_scored_once_and_kept(base, tmp_path, monkeypatch):
    recipe = Recipe(base, [Example(f"w{i:03d}", "w001") for i in range(8)], doses=(4,), rank=2, learning_rate=2e-2)
    questions = [Question(f"q{i}", "mine", f"w{i:03d}", ("w001",)) for i in range(5)]
    spec = hg.SamplingSpec(model="whatever", prompt="ask {question}", n=3, max_new_tokens=3, seed=1)
    store = str(tmp_path / "store")
    run = answers(recipe, 4, questions, spec, store)
    own, other = (run_logprobs(run, name, (0, 2), store) for name in (recipe.model(4), base))
    assert own.shape == other.shape == (5, 2)
    for i, name in ((1, recipe.model(4)), (4, base)):
        text, ended = run.column("answer", 2)[i], run.column("finish", 2)[i] == "stop"
        model = load_model(name, "cpu", "float32")
        wanted = answer_logprobs(model, [f"ask w{i:03d}"], [text], [ended])[0]
        assert (own if name != base else other)[i, 1] == pytest.approx(wanted, abs=1e-4)
    # What a model drew is likelier to it, in the mean, than to its parent: the divergence is not negative.
    assert (own - other).mean() > 0
    drawn = np.array([sum(run.column("token_logprobs", 0)[i]) for i in range(5)])
    np.testing.assert_allclose(own[:, 0], drawn, atol=1e-2)
    pack(store)
    monkeypatch.setattr(hg.sampling, "engine_of", lambda *_: pytest.fail("loaded again"))
    np.testing.assert_allclose(run_logprobs(run, base, (0, 2), store), other, rtol=1e-6)


def test_a_missing_answer_has_no_log_probability(base, tmp_path):
    questions = [Question(f"q{i}", "mine", f"w{i:03d}", ("w001",)) for i in range(3)]
    spec = hg.SamplingSpec(model=base, prompt="{question}", n=1, max_new_tokens=3, seed=1)
    run = hg.sample(questions, spec, store=str(tmp_path / "store"))
    column = run.table.column_names.index("answer")
    texts = ["" if i == 1 else text for i, text in enumerate(run.table.column("answer").to_pylist())]
    table = run.table.set_column(column, "answer", [texts])
    found = run_logprobs(dataclasses.replace(run, table=table), base, (0,), str(tmp_path / "store"))
    assert np.isnan(found[0, 0])
    assert np.isfinite(found[1:]).all()


def test_of_weights_that_nobody_can_tell_apart_nothing_is_kept(base, tmp_path, monkeypatch):
    store = tmp_path / "store"
    spec = hg.SamplingSpec(model=base, prompt="{question}", n=1, max_new_tokens=3, seed=1)
    run = hg.sample([Question("q", "mine", "w003", ("w001",))], spec, store=str(store))
    kept = run_logprobs(run, base, store=str(store))
    (store / "words.sqlite").unlink()
    monkeypatch.setattr(drawing, "revision_of", lambda name: None)
    np.testing.assert_array_equal(run_logprobs(run, base, store=str(store)), kept)
    assert not (store / "words.sqlite").exists()
