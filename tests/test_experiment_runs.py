import dataclasses
import doctest

import numpy as np
import pyarrow as pa
import pytest
from conftest import WORDS, ask
from tiny_runs import hand_made

from homogen import experiment, sampling
from homogen.engines.transformers import TransformersEngine
from homogen.experiment import runs as room
from homogen.models.catalogue import Unavailable
from homogen.records import BadInput, SamplingSpec

ABSENT = "no-such-owner/no-such-model"


def test_doctests():
    assert doctest.testmod(room).failed == 0


def spec(model, **fields):
    return SamplingSpec(model=model, **{"n": 3, "max_new_tokens": 5, "seed": 3} | fields)


@pytest.fixture
def fresh_engine():
    """No model is kept from one test to the next."""
    sampling.forget()
    yield
    sampling.forget()


@pytest.mark.usefixtures("fresh_engine")
def test_a_model_that_cannot_be_had_costs_only_its_own_run(model_folders, tmp_path):
    specs = {"first": spec(model_folders["dice"]), "absent": spec(ABSENT), "last": spec(model_folders["llama"])}
    runs, missing = experiment.draw(specs, ask(2), str(tmp_path), "cpu")
    assert list(runs) == ["first", "last"]
    assert [run.spec for run in runs.values()] == [specs["first"], specs["last"]]
    assert all(len(run.table) == 2 * 4 for run in runs.values())
    assert list(missing) == ["absent"]
    assert ABSENT in missing["absent"]
    assert "\n" not in missing["absent"]


def test_what_cannot_be_had_costs_the_others_nothing():
    def load(name):
        if name == "gone":
            raise Unavailable("it is gone")
        if name == "typo":
            raise BadInput("unknown model 'typo'")
        return len(name)

    assert experiment.had(["two", "gone", "one"], load) == ({"two": 3, "one": 3}, {"gone": "it is gone"})
    assert experiment.had([], load) == ({}, {})
    with pytest.raises(BadInput, match="unknown model 'typo'"):
        experiment.had(["two", "typo"], load)


@pytest.mark.usefixtures("fresh_engine")
def test_every_other_mistake_is_raised(model_folders, tmp_path):
    with pytest.raises(BadInput, match="unknown model 'nobody'") as mistake:
        experiment.draw({"good": spec(model_folders["dice"]), "bad": spec("nobody")}, ask(1), str(tmp_path), "cpu")
    assert not isinstance(mistake.value, Unavailable)
    with pytest.raises(BadInput, match="no questions to sample"):
        experiment.draw({"good": spec(model_folders["dice"])}, [], str(tmp_path), "cpu")


def test_nothing_asked_for_is_nothing_drawn(tmp_path):
    assert experiment.draw({}, ask(1), str(tmp_path)) == ({}, {})
    assert list(tmp_path.iterdir()) == []


def test_what_was_not_run_is_shown_with_its_reason():
    table = experiment.not_run({"big": "is gated", "other": "is not there"})
    assert table.index.tolist() == ["big", "other"]
    assert table.index.name == "not run"
    assert table["why it was not run"].tolist() == ["is gated", "is not there"]
    assert len(experiment.not_run({})) == 0


@pytest.mark.usefixtures("fresh_engine")
@pytest.mark.parametrize("name", ["llama", "gemma"])
def test_a_judge_says_what_its_engine_says_of_the_words_that_go_on(name, model_folders, tiny_models):
    prompts, words = [" ".join(WORDS[:3]), WORDS[9]], ["w005", "w006 w007"]
    found = experiment.word_logprobs(model_folders[name], prompts, words, "cpu")
    # Behind a plain prompt a word begins with its space; a chat template ends where the answer begins.
    spaced = words if tiny_models[name].chat else [f" {word}" for word in words]
    assert tiny_models[name].chat == (name == "llama")
    expected = TransformersEngine(tiny_models[name]).continuation_logprobs(prompts, spaced)
    np.testing.assert_array_equal(found, expected)
    assert found.shape == (2, 2)
    assert (found < 0).all()


@pytest.mark.usefixtures("fresh_engine")
def test_what_a_model_says_of_words_is_kept_and_taken_without_the_weights(model_folders, tmp_path, monkeypatch):
    prompts, words = [" ".join(WORDS[:3]), WORDS[9], WORDS[9], WORDS[4]], ["w005", "w006"]
    once = experiment.word_logprobs(model_folders["llama"], prompts, words, "cpu")
    kept = experiment.word_logprobs(model_folders["llama"], prompts, words, "cpu", str(tmp_path))
    np.testing.assert_allclose(kept, once, atol=1e-5)
    monkeypatch.setattr("homogen.sampling.engine_of", lambda *_: pytest.fail("the model was loaded"))
    again = experiment.word_logprobs(model_folders["llama"], prompts[::-1], words, "cpu", str(tmp_path))
    np.testing.assert_array_equal(again, kept[::-1])
    # Packed, they are the same to seven digits; other words are another question.
    sampling.pack(tmp_path)
    packed = experiment.word_logprobs(model_folders["llama"], prompts, words, "cpu", str(tmp_path))
    np.testing.assert_allclose(packed, kept, rtol=1e-6)
    with pytest.raises(pytest.fail.Exception, match="the model was loaded"):
        experiment.word_logprobs(model_folders["llama"], prompts, words[::-1], "cpu", str(tmp_path))


class Named:
    """An NLI model that counts what it is asked; entailment where the first text holds the second."""

    name = "named"

    def __init__(self):
        self.asked = 0

    def __call__(self, pairs):
        self.asked += len(pairs)
        return np.array([[0.8, 0.1, 0.1] if b in a else [0.1, 0.1, 0.8] for a, b in pairs])


@pytest.mark.usefixtures("fresh_engine")
def test_a_judge_that_cannot_be_had_is_named():
    with pytest.raises(Unavailable, match=ABSENT):
        experiment.word_logprobs(ABSENT, ["w001"], device="cpu")


@pytest.fixture
def run():
    return hand_made([["a b c", "a b c", "a b d"], ["x y", "x y", ""], ["p q", "r s", "x w"]])


def test_conduct_shows_missing_cut_length_and_entropy(run):
    table = experiment.conduct({"mine": run})
    assert table.index.tolist() == ["mine"]
    # One of nine is empty, three of nine are cut; 9 + 4 + 6 tokens in nine; (1 + 2 + 1) / 3 nats
    assert table.loc["mine"].tolist() == ["11%", "33%", "2.1", "1.333"]
    assert len(experiment.conduct({})) == 0


def test_conduct_says_that_bounds_are_bounds(run):
    high = pa.array([[v + 1 for v in row] for row in run.table.column("token_entropies").to_pylist()])
    column = run.table.schema.get_field_index("token_entropies_high")
    field = run.table.schema.field(column)
    bounded = dataclasses.replace(run, table=run.table.set_column(column, field, high.cast(field.type)))
    shown = experiment.conduct({"exact": run, "bounded": bounded})["entropy, greedy (nats)"]
    assert shown.to_dict() == {"exact": "1.333", "bounded": "at least 1.333"}


def test_entropy_is_the_mean_over_questions_of_the_greedy_answers_mean(run):
    found = experiment.entropy(run)
    assert found.value == pytest.approx(4 / 3)
    half = 4.302653 * 1 / 3  # Student's t of three questions: 1, 1 and 2
    assert (found.low, found.high, found.n) == (pytest.approx(4 / 3 - half), pytest.approx(4 / 3 + half), 3)


@pytest.mark.usefixtures("fresh_engine")
def test_first_tokens_are_the_models_own_distribution_and_kept(model_folders, tiny_models, tmp_path, monkeypatch):
    prompts, name, store = [" ".join(WORDS[:3]), WORDS[9], WORDS[9]], model_folders["llama"], str(tmp_path)
    found = experiment.first_tokens(name, prompts, 4, "cpu", store)
    model = tiny_models["llama"]
    for i, prompt in enumerate(prompts):
        ids = model.tokenizer(model.wrap(prompt), add_special_tokens=False, return_tensors="pt")["input_ids"]
        logprobs = model.network(ids).logits[0, -1].double().log_softmax(-1).detach().numpy()
        assert found.vocabulary == len(logprobs)
        assert found.entropy[i] == pytest.approx(-(np.exp(logprobs) * logprobs).sum(), rel=1e-5)
        np.testing.assert_allclose(found.logprobs[i], np.sort(logprobs)[::-1][:4], rtol=1e-5)
    monkeypatch.setattr("homogen.sampling.engine_of", lambda *_: pytest.fail("the model was loaded"))
    again = experiment.first_tokens(name, prompts[::-1], 4, "cpu", store)
    np.testing.assert_array_equal(again.logprobs, found.logprobs[::-1])
    assert experiment.first_tokens(name, [], 4, "cpu", store).logprobs.shape == (0, 4)


@pytest.mark.usefixtures("fresh_engine")
def test_beyond_the_vocabulary_no_token_has_a_probability(model_folders, tmp_path):
    found = experiment.first_tokens(model_folders["llama"], ["w001"], 10_000, "cpu", str(tmp_path))
    assert np.isfinite(found.logprobs[0, : found.vocabulary]).all()
    assert np.isneginf(found.logprobs[0, found.vocabulary :]).all()
    assert np.exp(found.logprobs[0, : found.vocabulary]).sum() == pytest.approx(1)
