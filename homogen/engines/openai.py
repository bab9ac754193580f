"""Draw answers from a server that speaks OpenAI's protocol: a commercial one, vLLM, llama.cpp, Ollama, or a local one.

What comes back is less than a model in this process gives. A server may cut, filter or think in secret, and it knows
at most a few log-probabilities a token; so entropies are bounded (:mod:`homogen.engines.bounds`) or missing, and an
answer that was not given is recorded as missing, never as something to cluster.
"""

from __future__ import annotations

import datetime
import email.utils
import json
import math
import os
import random
import threading
import urllib.parse
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import openai

from homogen.engines.bounds import entropy_bounds
from homogen.engines.replies import Garbage, read, tokens_of
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
                api_key=self._key() or "none",
                base_url=self._url,
                max_retries=0,
                timeout=self.timeout,
                # A proxy stands between this machine and others, not between it and itself.
                http_client=openai.DefaultHttpxClient(trust_env=not _local(self._url)),
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
            except Garbage as error:
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
            raise Garbage(f"not JSON: {raw.content[:60]!r}") from None
        if not isinstance(reply, dict):
            raise Garbage(f"a {type(reply).__name__} where an object should be")
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
        given = read(reply, self.logprobs or 0)
        text, finish, tokens = given.text, given.finish, given.tokens
        marks = [text.find(mark) for mark in prompt_template(spec.prompt).stop if mark in text]
        if marks:  # a server may give the stop string along, or not know stop strings at all
            text, finish = text[: min(marks)], "stop"
        tokens = tokens_of(text, tokens)
        try:
            bounds = [entropy_bounds(t.top, self.vocabulary_size, t.aside) for t in tokens]
        except BadInput as error:
            raise Garbage(error) from None
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


# --- refusals and waits ---------------------------------------------------------------------------------------------


def _public(url: str) -> str:
    """An address without user, password and query."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput("base_url must be an address such as 'http://127.0.0.1:8000/v1'")
    host = parts.hostname + (f":{parts.port}" if parts.port else "")
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def _local(url: str) -> bool:
    host = urllib.parse.urlsplit(url).hostname or ""
    return host == "localhost" or host == "::1" or host.startswith("127.")


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
