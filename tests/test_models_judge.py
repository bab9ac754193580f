"""A language model as an NLI judge: its probabilities worked out another way, its check, its names."""

import numpy as np
import pytest
from conftest import CHAT_TEMPLATE, END, WORDS, make_model, word_tokenizer

from homogen import models, nli
from homogen.engines.transformers import TransformersEngine
from homogen.models import judge as room
from homogen.models.catalogue import CARDS, Unavailable
from homogen.models.judge import CALIBRATION, LABELS, PROMPT, LanguageJudge
from homogen.models.load import load_model
from homogen.records import BadInput

PAIRS = [("w001 w002", "w003"), ("w004", "w005 w006 w007 w008"), ("w001 w002", "w002"), ("w009", "w003  w001\nw002")]


@pytest.fixture(scope="module", params=["llama", "gemma"])
def folder(request, tmp_path_factory):
    """A tiny model that knows the three words; with a chat template and without."""
    words = [*WORDS, *LABELS]
    tokenizer = word_tokenizer(words, CHAT_TEMPLATE if request.param == "llama" else None)
    home = tmp_path_factory.mktemp("judge") / request.param
    return make_model(home, tokenizer, request.param, seed=5, ends=(END,))


@pytest.fixture
def judge(folder):
    return LanguageJudge(lambda: load_model(folder, "cpu"), "tiny", check=False)


def by_hand(folder, pairs):
    """Likelihoods of the words by the engine, a prompt at a time, over their mean on the calibrating pairs."""
    engine = TransformersEngine(folder, "cpu")
    words = [label if engine.model.chat else f" {label}" for label in LABELS]

    def said(some):
        texts = [PROMPT.format(premise=" ".join(a.split()), hypothesis=" ".join(b.split())) for a, b in some]
        p = np.exp([engine.continuation_logprobs([text], words)[0] for text in texts])
        return p / p.sum(1, keepdims=True)

    p = said(pairs) / said(CALIBRATION).mean(0)
    return p / p.sum(1, keepdims=True)


def test_probabilities_are_those_of_the_words_set_against_the_calibrating_pairs(folder, judge):
    found = judge(PAIRS)
    assert found.shape == (4, 3)
    np.testing.assert_allclose(found, by_hand(folder, PAIRS), atol=2e-6)
    assert np.ptp(found, axis=0).max() > 0.01, "the pairs should differ"


def test_a_pair_is_judged_alike_alone_and_among_others(judge, monkeypatch):
    together = judge(PAIRS)
    np.testing.assert_allclose(np.vstack([judge([pair]) for pair in PAIRS]), together, atol=2e-6)
    monkeypatch.setitem(room.TOKENS, "cpu", 1)  # one row a batch
    np.testing.assert_allclose(judge(PAIRS), together, atol=2e-6)
    assert judge([]).shape == (0, 3)


def test_calibrating_pairs_have_each_label_alike_often_and_are_no_examples():
    assert len(CALIBRATION) == 12
    told = {text for (a, b), _ in nli.examples() for text in (a, b)}
    assert not told & {text for pair in CALIBRATION for text in pair}
    assert not any(text in PROMPT for text in told)


def test_what_all_prompts_begin_with_is_read_once():
    assert room.shared_length([[1, 2, 3, 4], [1, 2, 5, 6], [1, 2, 3, 9]]) == 2
    assert room.shared_length([[1, 2, 3]]) == 2  # the last token is read with its row
    assert room.shared_length([[1, 2], [1, 2, 3]]) == 1
    assert room.shared_length([[1], [2]]) == 0


def test_a_judge_that_fails_its_check_is_named_with_the_pair(folder):
    judge = LanguageJudge(lambda: load_model(folder, "cpu"), "tiny")
    for _ in range(2):  # and again, whoever asks
        with pytest.raises(BadInput, match=r"fails its self-check: '.*' does not (entail itself|contradict)"):
            judge(PAIRS)


def test_a_tokenizer_that_begins_two_words_alike_cannot_judge(model_folders):
    judge = LanguageJudge(lambda: load_model(model_folders["bytes"], "cpu"), "bytes")
    for _ in range(2):
        with pytest.raises(BadInput, match="begins two of the words entailment, neutral, contradiction alike"):
            judge(PAIRS)


def test_weights_are_loaded_at_the_first_pair(folder):
    loads = []
    judge = LanguageJudge(lambda: loads.append(folder) or load_model(folder, "cpu"), "tiny", check=False)
    assert loads == []
    assert judge([]).shape == (0, 3)
    assert loads == []
    for _ in range(2):
        judge(PAIRS[:1])
    assert len(loads) == 1


def test_generators_are_given_out_as_judges(folder):
    models.forget()
    judge = models.load_nli(folder, "cpu", check=False)
    assert isinstance(judge, LanguageJudge)
    assert judge is models.load_nli(folder, "cpu", check=False)
    assert judge(PAIRS[:1]).shape == (1, 3)
    for name in ("smollm2-135m-instruct", "qwen2.5-coder-1.5b-instruct"):
        assert models.load_nli(name, "cpu").name.startswith(f"{name}@{CARDS[name].sha256[:12]}, asked in words")
    with pytest.raises(BadInput, match=r"there is no file \./none\.gguf"):
        models.load_nli("./none.gguf", "cpu")
    with pytest.raises(BadInput, match="reads pairs whole, and takes no padded_tokens and no max_length"):
        models.load_nli(folder, "cpu", max_length=64)


def test_names_tell_prompts_apart(folder, monkeypatch):
    first = LanguageJudge(lambda: None, "tiny").name
    monkeypatch.setattr(room, "PROMPT", PROMPT + " ")
    assert LanguageJudge(lambda: None, "tiny").name != first


def test_missing_weights_are_missing_when_asked(monkeypatch):
    def gone():
        raise Unavailable("not installed")

    judge = LanguageJudge(gone, "gone")
    with pytest.raises(Unavailable, match="not installed"):
        judge(PAIRS)
