import json

import pytest

from homogen.engines.endings import Prompt
from homogen.engines.requests import LIMIT, THINKING, Dialect
from homogen.engines.seeds import request_seed
from homogen.records import GREEDY, BadInput, SamplingSpec

ASKED = Prompt("q1", "Why?", ("\n",))


def dialect(**fields):
    given = {"model": "m", "api": "chat", "name": "openai", "logprobs": None, "thinking": False, "extra_body": {}}
    return Dialect(**given | fields)


def spec(**fields):
    return SamplingSpec("m", **{"prompt": "{question}", "temperature": 0.7, "top_p": 0.9, "seed": 3} | fields)


def test_a_chat_request_says_what_openais_protocol_has_words_for():
    assert dialect().body(ASKED, 2, spec()) == {
        "model": "m",
        "temperature": 0.7,
        "top_p": 0.9,
        "seed": request_seed(3, "q1", 2),
        "max_tokens": 40,
        "stop": ["\n"],
        "messages": [{"role": "user", "content": "Why?"}],
        THINKING: {"enable_thinking": False},
    }


def test_a_greedy_answer_is_asked_for_without_truncation():
    body = dialect(name="extended").body(ASKED, GREEDY, spec(top_k=5))
    assert (body["temperature"], body["top_p"], body["top_k"]) == (0, 1, 0)
    told = dialect(name="transformers").body(ASKED, GREEDY, spec(top_k=5, repetition_penalty=1.2))
    assert json.loads(told["generation_config"]) == {
        "repetition_penalty": 1.2,
        "do_sample": False,
        "max_new_tokens": 40,
    }
    assert "top_p" not in told


def test_both_apis_ask_for_log_probabilities_in_their_own_words():
    chat, plain = (dialect(api=api, logprobs=5).body(ASKED, 0, spec()) for api in ("chat", "completions"))
    assert (chat["logprobs"], chat["top_logprobs"]) == (True, 5)
    assert (plain["logprobs"], plain["prompt"], "messages" in plain, THINKING in plain) == (5, "Why?", False, False)


def test_what_a_server_does_not_know_is_left_out_or_called_otherwise_and_ones_own_fields_win():
    body = dialect(extra_body={"top_p": None}).body(ASKED, 0, spec(), {LIMIT, THINKING})
    assert (body["max_completion_tokens"], body["top_p"]) == (40, None)
    assert not {LIMIT, THINKING} & body.keys()


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("use max_completion_tokens instead", LIMIT),
        (f"unknown {THINKING}", THINKING),
        ("temperature must be 1", ""),
    ],
)
def test_a_refusal_names_the_field_that_can_be_dispensed_with(said, field):
    one = dialect()
    body = one.body(ASKED, 0, spec())
    assert one.unknown(body, said) == field
    # What is gone already, or the user's own, is not dispensed with.
    assert one.unknown(one.body(ASKED, 0, spec(), {LIMIT, THINKING}), said) == ""
    own = dialect(extra_body={THINKING: {}, LIMIT: 3})
    assert own.unknown(own.body(ASKED, 0, spec()), said) == ""


def test_what_cannot_be_said_is_refused_before_anything_is_sent():
    with pytest.raises(BadInput, match="neither top_k nor repetition_penalty"):
        dialect().check(spec(top_k=3))
    with pytest.raises(BadInput, match="prompt 'bare' stands outside any chat template"):
        dialect().check(spec(prompt="bare"))
    dialect(api="completions").check(spec(prompt="bare"))
    dialect(name="extended").check(spec(top_k=3))
