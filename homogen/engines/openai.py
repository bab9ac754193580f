"""Draw answers from a server that speaks OpenAI's protocol: a commercial one, vLLM, llama.cpp, Ollama, or a local one.

What comes back is less than a model in this process gives. A server may cut, filter or think in secret, and it knows
at most a few log-probabilities a token; so entropies are bounded (:mod:`homogen.engines.bounds`) or missing, and an
answer that was not given is recorded as missing, never as something to cluster.
"""

from __future__ import annotations

import dataclasses
import datetime
import email.utils
import json
import math
import os
import random
import re
import threading
import urllib.parse
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import openai

from homogen.engines.bounds import entropy_bounds
from homogen.engines.seeds import request_seed
from homogen.records import GREEDY, BadInput, Response, SamplingSpec, answer_of, prompt_template, unknown

CLIENT_VERSION = 1
"""Raise when the same spec would be asked for, or read, in another way than before."""

APIS = ("chat", "completions")
"""``chat`` puts the prompt into the model's chat template, ``completions`` sends it as it is."""

DIALECTS = ("extended", "openai", "transformers")
"""How a server is told top-k and repetition penalty: as fields, not at all, or in a ``generation_config``."""

KEPT = "finished answers are kept, run again to go on"
"""What every error that ends a run says, as :func:`homogen.sample` writes each batch."""

LONGEST_WAIT = 600.0
"""Seconds; a server that asks for a longer wait is not waited for."""


class OpenAIEngine:
    """A model behind an OpenAI-compatible server.

    Every answer is a request of its own with its own seed, made from ``(seed, question id, sample)`` as the
    transformers engine makes its random streams; whether a server honours seeds is its own affair, and most promise
    no more than to try. The greedy answer is asked for at temperature 0.

    Parameters
    ----------
    model
        The id to send, as the server lists it.
    base_url
        Such as ``http://127.0.0.1:8000/v1``; None takes ``OPENAI_BASE_URL``, or OpenAI's own.
    api
        ``"chat"`` or ``"completions"``; a base model has no chat template and wants ``"completions"``.
    logprobs
        Likeliest tokens to ask log-probabilities of, at each token; None asks for none. They are taken at the
        server's word: most give them at T = 1, before truncation.
    concurrency
        Requests under way at a time.
    retries
        Times that a request is sent again after a time-out, a broken connection, a rate limit (429), a server's
        error (5xx) or a reply that cannot be read; the wait doubles each time and is never shorter than the server's
        ``Retry-After``.
    timeout
        Seconds until a request counts as lost.
    vocabulary_size
        Of the model; without it, entropies have no upper bound.
    api_key_env
        Name of the environment variable that holds the key; None sends none. The key itself is nowhere written.
    extra_body
        Fields for every request beside those of the spec, such as ``{"reasoning_effort": "low"}``; they count in the
        run's key.
    thinking
        False asks a reasoning model in the chat API not to reason (``chat_template_kwargs``); a server that does not
        know the field is asked without it from then on. A length limit cuts reasoning too, and an answer that was
        never reached is missing.
    dialect
        ``"extended"`` sends ``top_k`` and ``repetition_penalty`` as fields (vLLM, SGLang), ``"openai"`` sends neither
        and refuses a spec that needs them, ``"transformers"`` sends a whole ``generation_config``
        (``transformers serve``). A server that refuses a field is reported; one that ignores it cannot be noticed.
    revision
        What identifies the weights, where that is known; it then stands for model id and address in the run's key.
    sleep
        Called with the seconds of each wait; for tests.

    Attributes
    ----------
    identity : dict
        What can change an answer and is known before the first one. ``system_fingerprint`` and the dated name of a
        model come with the replies only and are not in it: a commercial model may change behind its name.
    batch_rows : int
        Answers to hand over in one call: few, because a batch is what an error loses.

    Raises
    ------
    BadInput
        If an option is out of range, or the key is not in the environment where OpenAI itself is asked.

    Examples
    --------
    >>> engine = OpenAIEngine("tiny", "http://user:secret@127.0.0.1:8000/v1?token=secret", api_key_env=None)
    >>> engine
    OpenAIEngine('tiny', 'http://127.0.0.1:8000/v1', api='chat')
    >>> import homogen as hg
    >>> run = hg.sample(questions, spec, engine=engine)                  # doctest: +SKIP
    """

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        api: str = "chat",
        logprobs: int | None = None,
        concurrency: int = 8,
        retries: int = 5,
        timeout: float = 60,
        vocabulary_size: int | None = None,
        api_key_env: str | None = "OPENAI_API_KEY",
        extra_body: Mapping[str, Any] | None = None,
        thinking: bool = False,
        dialect: str = "extended",
        revision: str | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        if api not in APIS:
            raise unknown("api", api, APIS)
        if dialect not in DIALECTS:
            raise unknown("dialect", dialect, DIALECTS)
        numbers = (("logprobs", logprobs, 0), ("vocabulary_size", vocabulary_size, 1))
        for name, value, low in (*numbers, ("concurrency", concurrency, 1), ("retries", retries, 0)):
            optional = value is None and name in ("logprobs", "vocabulary_size")
            if not optional and (isinstance(value, bool) or not isinstance(value, int) or value < low):
                raise BadInput(f"{name} must be a whole number of at least {low}, got {value!r}")
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < math.inf:
            raise BadInput(f"timeout must be a number of seconds above 0, got {timeout!r}")
        self.model, self.api, self.logprobs = model, api, logprobs
        self.concurrency, self.retries, self.timeout = concurrency, retries, timeout
        self.vocabulary_size, self.thinking, self.dialect = vocabulary_size, thinking, dialect
        own = "https://api.openai.com/v1"
        self._url = base_url or os.environ.get("OPENAI_BASE_URL") or own
        self.base_url = _public(self._url)
        self._key_name = api_key_env
        self._key()
        self.extra_body = dict(extra_body or {})
        self._unsaid: set[str] = set()  # fields that this server has turned out not to know
        self._lock = threading.Lock()
        self._sleep = sleep
        self.batch_rows = 4 * concurrency
        where = {"revision": revision} if revision else {"model": model, "base_url": self.base_url}
        self.identity = {
            "engine": "openai",
            "client": CLIENT_VERSION,
            **where,
            "api": api,
            "dialect": dialect,
            "logprobs": logprobs,
            "vocabulary_size": vocabulary_size,
            "thinking": thinking,
            "extra_body": self._scrubbed_copy(self.extra_body),
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r}, {self.base_url!r}, api={self.api!r})"

    def generate(self, prompts: Sequence[tuple[str, str]], spec: SamplingSpec) -> Iterator[Response]:
        """Answer prompts, ``spec.n`` times each and once greedily.

        Parameters
        ----------
        prompts
            Pairs of a question's id and its rendered prompt (without the chat template).
        spec
            How to draw. ``spec.model`` is not looked at: this engine has its model.

        Yields
        ------
        Response
            In the order in which answers come.

        Raises
        ------
        BadInput
            If the server refuses (at once), or fails more often than ``retries``.
        """
        if self.dialect == "openai" and (spec.top_k or spec.repetition_penalty != 1):
            raise BadInput(
                "OpenAI's own protocol has neither top_k nor repetition_penalty; "
                "use a spec without them, or dialect 'extended' if the server takes them"
            )
        tasks = [(q, text, k) for q, text in prompts for k in range(GREEDY, spec.n)]
        cancelled, failed = threading.Event(), []

        def work(client, task: tuple[str, str, int]) -> Response | None:
            try:
                return self._answer(client, *task, spec, cancelled)
            except BaseException as error:
                failed.append(error)  # what follows from it, in other threads, comes behind it
                cancelled.set()
                return None

        with (
            openai.OpenAI(
                api_key=self._key() or "none", base_url=self._url, max_retries=0, timeout=self.timeout
            ) as client,
            ThreadPoolExecutor(self.concurrency) as pool,
        ):
            futures = [pool.submit(work, client, task) for task in tasks]
            try:
                for future in as_completed(futures):
                    response = future.result()
                    if failed:
                        raise failed[0]
                    if response is not None:
                        yield response
            finally:
                cancelled.set()
                pool.shutdown(wait=True, cancel_futures=True)

    def _key(self) -> str | None:
        if self._key_name is None:
            return None
        key = os.environ.get(self._key_name)
        if not key and urllib.parse.urlsplit(self._url).hostname == "api.openai.com":
            raise BadInput(f"no key: set the environment variable {self._key_name} to the key of {self.base_url}")
        return key or None

    def _scrub(self, text: object) -> str:
        """One short line without the key and without what an address may carry."""
        line = " ".join(str(text).split()).replace(self._url, self.base_url)
        for secret in (self._key(), urllib.parse.urlsplit(self._url).password):
            line = line.replace(secret, "…") if secret else line
        return line[:300]

    def _scrubbed_copy(self, body: dict) -> dict:
        try:
            text = json.dumps(body, sort_keys=True)
        except (TypeError, ValueError) as error:
            raise BadInput(f"extra_body must be what JSON can say: {error}") from error
        if (key := self._key()) and key in text:
            raise BadInput(f"extra_body holds the key of {self._key_name}; it would be written down, so leave it out")
        return json.loads(text)

    # --- one request ------------------------------------------------------------------------------------------------

    def _answer(
        self, client, question: str, prompt: str, sample: int, spec: SamplingSpec, cancelled
    ) -> Response | None:
        attempt = 0
        while not cancelled.is_set():
            body = self._body(question, prompt, sample, spec)
            try:
                reply = self._send(client, body)
                return self._response(reply, question, sample, spec)
            except openai.APIStatusError as error:
                if self._adapts(error, body):
                    continue
                if not _passing(error):
                    raise self._refusal(error, client) from None
                fault, least = f"answered {error.status_code} ({self._scrub(_message(error))})", _retry_after(error)
            except openai.APITimeoutError:
                fault, least = f"did not answer within {self.timeout:g} s", 0.0
            except openai.APIConnectionError as error:
                fault, least = f"cannot be reached ({self._scrub(error.__cause__ or error)})", 0.0
            except _Garbage as error:
                fault, least = f"sent a reply that cannot be read ({self._scrub(error)})", 0.0
            attempt += 1
            if attempt > self.retries or least > LONGEST_WAIT:
                tries = f"{attempt} time{'s' * (attempt > 1)}"
                raise BadInput(f"the server {self.base_url} {fault}, tried {tries}; {KEPT}")
            self._wait(max(least, min(60.0, 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.5)), cancelled)
        return None

    def _wait(self, seconds: float, cancelled: threading.Event) -> None:
        if self._sleep is not None:
            self._sleep(seconds)
        else:
            cancelled.wait(seconds)

    def _body(self, question: str, prompt: str, sample: int, spec: SamplingSpec) -> dict:
        greedy = sample == GREEDY or spec.temperature == 0
        limit = "max_completion_tokens" if "max_tokens" in self._unsaid else "max_tokens"
        stop = list(prompt_template(spec.prompt).stop)
        body: dict[str, Any] = {
            "model": self.model,
            "temperature": 0.0 if greedy else spec.temperature,
            "top_p": 1.0 if greedy else spec.top_p,
            "seed": request_seed(spec.seed, question, sample),
            limit: spec.max_new_tokens,
        }
        if stop:
            body["stop"] = stop
        if self.api == "chat":
            body["messages"] = [{"role": "user", "content": prompt}]
            if not self.thinking and "chat_template_kwargs" not in self._unsaid:
                body["chat_template_kwargs"] = {"enable_thinking": False}
            if self.logprobs is not None:
                body |= {"logprobs": True, "top_logprobs": self.logprobs}
        else:
            body["prompt"] = prompt
            if self.logprobs is not None:
                body["logprobs"] = self.logprobs
        truncation = {"top_k": 0 if greedy else spec.top_k, "repetition_penalty": spec.repetition_penalty}
        if self.dialect == "extended":
            body |= truncation
        elif self.dialect == "transformers":
            drawing = {"temperature": spec.temperature, "top_p": spec.top_p, **truncation}
            told = {"repetition_penalty": spec.repetition_penalty} if greedy else drawing
            told |= {"do_sample": not greedy, "max_new_tokens": spec.max_new_tokens}
            body["generation_config"] = json.dumps(told)
            if greedy:
                del body["top_p"]
        return {**body, **self.extra_body}

    def _send(self, client, body: dict) -> dict:
        create = (client.chat.completions if self.api == "chat" else client.completions).with_raw_response.create
        asked = {"messages", "prompt", "model"}
        # All else goes as extra fields, so that the client neither knows better nor adds anything.
        extra = {name: value for name, value in body.items() if name not in asked}
        raw = create(**{name: body[name] for name in asked & body.keys()}, extra_body=extra)
        try:
            reply = json.loads(raw.content)
        except ValueError:
            raise _Garbage(f"not JSON: {raw.content[:60]!r}") from None
        if not isinstance(reply, dict):
            raise _Garbage(f"a {type(reply).__name__} where an object should be")
        return reply

    def _adapts(self, error: openai.APIStatusError, body: dict) -> bool:
        """Learn from a refusal which of two dispensable spellings this server does not know."""
        said = _message(error)
        if error.status_code not in (400, 422):
            return False
        mine = body.keys() - self.extra_body.keys()
        if "max_completion_tokens" in said and "max_tokens" in mine:
            self._unsaid.add("max_tokens")
            return True
        if "chat_template_kwargs" in said and "chat_template_kwargs" in mine:
            with self._lock:
                first = "chat_template_kwargs" not in self._unsaid
                self._unsaid.add("chat_template_kwargs")
            if first:
                warnings.warn(
                    f"{self.base_url} does not know chat_template_kwargs: a model that reasons cannot be told not to",
                    stacklevel=2,
                )
            return True
        return False

    def _refusal(self, error: openai.APIStatusError, client) -> BadInput:
        """Say in one line what a refusal means and what mends it."""
        code, said = error.status_code, self._scrub(_message(error))
        if code == 401:
            mend = (
                f"set the environment variable {self._key_name} to a valid key" if self._key_name else "it wants a key"
            )
            return BadInput(f"the server {self.base_url} does not accept the key: {mend} ({said})")
        if code == 403:
            return BadInput(f"the server {self.base_url} does not allow this key to use {self.model!r} ({said})")
        if code == 404:
            listed = self._listed(client)
            has = f"it has {', '.join(listed)}" if listed else f"look at {self.base_url}/models"
            return BadInput(
                f"the server {self.base_url} has no model {self.model!r} in its {self.api} API; {has} ({said})"
            )
        if code == 429:
            return BadInput(f"the quota of {self.base_url} is used up ({said}); {KEPT}")
        if code in (400, 422):
            if refused := [name for name in ("top_k", "repetition_penalty") if name in said]:
                mend = "pass dialect='openai', or 'transformers' for transformers serve"
                return BadInput(f"the server {self.base_url} does not take {' and '.join(refused)}: {mend} ({said})")
            if self.logprobs is not None and "logprobs" in said:
                return BadInput(
                    f"the server {self.base_url} does not give {self.logprobs} log-probabilities a token: "
                    f"ask for fewer, or pass logprobs=None ({said})"
                )
        return BadInput(f"the server {self.base_url} refused the request with {code}: {said}")

    def _listed(self, client) -> list[str]:
        """The ids of the server's models, if it tells."""
        try:
            found = json.loads(client.models.with_raw_response.list().content)["data"]
            return sorted(str(model["id"]) for model in found)[:12]
        except (openai.OpenAIError, ValueError, TypeError, KeyError):
            return []

    def _response(self, reply: dict, question: str, sample: int, spec: SamplingSpec) -> Response:
        given = _read(reply, self.logprobs or 0)
        text, finish, tokens = given.text, given.finish, given.tokens
        marks = [text.find(mark) for mark in prompt_template(spec.prompt).stop if mark in text]
        if marks:  # a server may give the stop string along, or not know stop strings at all
            text, finish = text[: min(marks)], "stop"
        tokens = _tokens_of(text, tokens)
        try:
            bounds = [entropy_bounds(t.top, self.vocabulary_size, t.aside) for t in tokens]
        except BadInput as error:
            raise _Garbage(error) from None
        return Response(
            question,
            sample,
            text,
            "" if given.withheld else answer_of(text),
            finish,
            tuple(t.logprob for t in tokens),
            tuple(low for low, _ in bounds),
            tuple(high for _, high in bounds) if bounds else None,
        )


# --- reading replies ------------------------------------------------------------------------------------------------


class _Garbage(Exception):
    """A reply that is not what the protocol says; may be better next time."""


@dataclasses.dataclass(frozen=True)
class _Token:
    """One token of an answer: its bytes, its log-probability and those of the likeliest."""

    raw: bytes
    logprob: float
    top: tuple[float, ...]
    among: bool  # whether it is one of the likeliest

    @property
    def aside(self) -> float | None:
        return None if self.among else self.logprob


@dataclasses.dataclass(frozen=True)
class _Reply:
    text: str
    finish: str
    withheld: bool
    tokens: tuple[_Token, ...]


def _read(reply: dict, asked: int) -> _Reply:
    """Text, end and tokens of a reply of either API, of which so many log-probabilities a token were asked."""
    try:
        choice = reply["choices"][0]
        reason = choice.get("finish_reason")
        message = choice.get("message")
        text = choice["text"] if message is None else _said(message, reason)
        if not isinstance(text, str):
            raise _Garbage(f"no text, finish_reason {reason!r}")
        tokens = _tokens(choice.get("logprobs"), asked)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        said = reply.get("error") or f"{type(error).__name__}: {error}"
        raise _Garbage(f"not a completion: {said}") from None
    # An answer that a filter took away, or that became the call of a tool, was not given.
    withheld = reason not in ("stop", "length", "eos", "eos_token", "stop_sequence", "max_tokens", None)
    return _Reply(text, "length" if reason in ("length", "max_tokens") else "stop", withheld, tokens)


def _said(message: dict, reason: str | None) -> str | None:
    """What a chat message says, its reasoning in a block in front."""
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content)
    if content is None:
        content = message.get("refusal")
    thoughts = message.get("reasoning_content") or message.get("reasoning")
    if content is None and (thoughts or reason not in ("stop", None)):
        content = ""  # cut while it reasoned, or withheld: missing, and no reason to ask again
    if content is None:
        return None
    if isinstance(thoughts, str) and thoughts:
        # Reasoning that the limit cut has no end, and its block none either.
        closed = content or reason not in ("length", "max_tokens")
        return f"<think>{thoughts}" + (f"</think>{content}" if closed else "")
    # Some chat templates open the block themselves, and only its end is in the text.
    if re.search(r"\A(?:(?!<think>).)*</think>", content, re.DOTALL):
        return f"<think>{content}"
    return content


def _tokens(logprobs: Any, asked: int) -> tuple[_Token, ...]:
    """Tokens with their log-probabilities, from either API's form; none if the server gives none."""
    if not logprobs:
        return ()
    if logprobs.get("content") is not None:
        entries = [
            (
                e["token"],
                e["logprob"],
                e.get("bytes"),
                [(t["token"], t["logprob"]) for t in e.get("top_logprobs") or ()],
            )
            for e in logprobs["content"]
        ]
    else:
        texts, values = logprobs.get("tokens") or (), logprobs.get("token_logprobs") or ()
        tops = logprobs.get("top_logprobs") or [None] * len(texts)
        rows = zip(texts, values, tops, strict=True)
        entries = [(text, value, None, list((top or {}).items())) for text, value, top in rows]
    return tuple(_token(*entry, asked) for entry in entries)


def _token(text: str, logprob: float, raw: list[int] | None, top: list[tuple[str, float]], asked: int) -> _Token:
    """One token. A drawn token that is not one of the likeliest may stand behind them in the list, or be left out."""
    value = _floor(logprob)
    likeliest = sorted((_floor(v) for _, v in top), reverse=True)
    among = any(t == text and abs(v - logprob) < 1e-3 for t, v in top)
    if among and len(likeliest) > asked and value <= likeliest[-1] + 1e-3:
        likeliest.pop()  # behind the ones asked for: its probability is no ceiling for the rest
        among = False
    return _Token(text.encode() if raw is None else bytes(raw), value, tuple(likeliest), among)


def _floor(logprob: float) -> float:
    """Servers write -9999 or nothing at all for what is impossible; and a hair above 0 for what is certain."""
    return min(0.0, max(float(logprob), -9999.0))


def _tokens_of(text: str, tokens: tuple[_Token, ...]) -> tuple[_Token, ...]:
    """The fewest first tokens that write a text: without the end token and what follows a stop string."""
    raw = b""
    for count, token in enumerate((None, *tokens)):
        raw += token.raw if token else b""
        written = raw.decode("utf-8", "replace")
        # Some servers take the white space off an answer's start.
        if written.startswith(text) or written.lstrip().startswith(text.lstrip()):
            return tokens[:count]
    return tokens  # the text is not the tokens' own (reasoning taken out, say): keep them all


# --- refusals and waits ---------------------------------------------------------------------------------------------


def _public(url: str) -> str:
    """An address without user, password and query."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput("base_url must be an address such as 'http://127.0.0.1:8000/v1'")
    host = parts.hostname + (f":{parts.port}" if parts.port else "")
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def _message(error: openai.APIStatusError) -> str:
    body = error.body
    if isinstance(body, dict):
        body = body.get("message") or body.get("detail") or body.get("error") or body
    if isinstance(body, dict):
        body = body.get("message") or body
    return str(body or error.message)


def _passing(error: openai.APIStatusError) -> bool:
    """Whether a refusal may be over soon. A quota that is used up answers 429 too, for good."""
    used_up = error.status_code == 429 and "insufficient_quota" in f"{error.code} {error.type} {error.body}"
    return not used_up and (error.status_code in (408, 409, 429) or error.status_code >= 500)


def _retry_after(error: openai.APIStatusError) -> float:
    """Seconds that the server asks to wait: a number, or a date."""
    said = error.response.headers.get("retry-after", "")
    try:
        return max(0.0, float(said)) if math.isfinite(float(said)) else 0.0
    except ValueError:
        pass
    try:
        when = email.utils.parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    now = datetime.datetime.now(datetime.UTC)
    return max(0.0, (when.replace(tzinfo=when.tzinfo or datetime.UTC) - now).total_seconds())
