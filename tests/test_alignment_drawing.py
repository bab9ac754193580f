"""Answers of trained models, drawn once and trained for only if need be; log-probabilities worked out another way."""

import numpy as np
import pytest
from conftest import CHAT_TEMPLATE, END, WORDS, make_model, word_tokenizer

import homogen as hg
from homogen.alignment import Example, Recipe, answer_logprobs, answers, drawing
from homogen.engines.transformers import TransformersEngine
from homogen.models import load_model, trained
from homogen.records import BadInput, Question
from homogen.sampling import pack

pytest.importorskip("trl")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOGEN_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("base") / "tiny", word_tokenizer(WORDS), "llama", seed=5, ends=(END,))


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
