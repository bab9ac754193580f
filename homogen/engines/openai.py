"""Draw answers from a server that speaks OpenAI's protocol: a commercial one, vLLM, llama.cpp, Ollama, or a local one.

What comes back is less than a model in this process gives. A server may cut, filter or think in secret, and it knows
at most a few log-probabilities a token; so entropies are bounded (:func:`~homogen.engines.entropy_bounds`) or missing,
and an answer that was not given is recorded as missing, never as something to cluster.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
import os
import random
import time
import urllib.parse
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import openai

from homogen.engines import endings
from homogen.engines.access import Access, redirected
from homogen.engines.bounds import entropy_bounds
from homogen.engines.endings import Prompt
from homogen.engines.refusals import KEPT, Asked, refusal
from homogen.engines.replies import Garbage, Token, Unanswered, read, written_by
from homogen.engines.requests import THINKING, Dialect
from homogen.engines.wire import BoundedClient, from_loop, message_of, nobody, passing, retry_after
from homogen.records import GREEDY, BadInput, Response, SamplingSpec, unknown

CLIENT_VERSION = 3
"""Raise when the same spec would be asked for, or read, in another way than before.

Version 3 looks for a reasoning block without its opening mark in the completions API too, as everywhere.
"""

APIS = ("chat", "completions")
"""``chat`` puts the prompt into the model's chat template, ``completions`` sends it as it is."""

DIALECTS = ("extended", "openai", "transformers")
"""How a server is told top-k and repetition penalty: as fields, not at all, or in a ``generation_config``."""

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
        Such as ``http://127.0.0.1:8000/v1``; None takes ``OPENAI_BASE_URL``, or OpenAI's own. User, password and
        query (``?api-version=…``) are sent with each request, and neither shown nor stored.
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
        ``Retry-After``. A question that all of this does not help is left out of the run; from then on, until the next
        answer, no request is sent again when that would take it beyond ``timeout``.
    timeout
        Seconds until a request counts as lost, from its first byte to the last one of the reply.
    vocabulary_size
        Of the model; without it, entropies have no upper bound.
    api_key_env
        Name of the environment variable that holds the key; None sends none. A key of 8 characters or more is nowhere
        written: where a server says it back, even in an answer, "…" stands in its place. A shorter one hides nothing
        (``EMPTY``, ``ollama``) and may be a word of an answer, which stays; in errors it is hidden from 4 on.
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
        If an option is out of range, the key is not in the environment where OpenAI itself is asked, or what is there
        can be no key.

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
        self._access = Access(base_url or os.environ.get("OPENAI_BASE_URL") or own, api_key_env)
        self.base_url = self._access.public
        self.extra_body = dict(extra_body or {})
        self._dialect = Dialect(model, api, dialect, logprobs, thinking, self.extra_body)
        self._unsaid: set[str] = set()  # fields that this server has turned out not to know
        self._met = False  # whether anybody has been there
        self._silent = False  # whether a question was given up and none has been answered since
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
            "extra_body": self._plain_copy(self.extra_body),
        }
        if self._access.within(json.dumps(self.identity, ensure_ascii=False, default=str)):
            raise BadInput("model, revision or base_url holds the key or a password; it would be written down")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r}, {self.base_url!r}, api={self.api!r})"

    def generate(self, prompts: Sequence[Prompt], spec: SamplingSpec) -> Iterator[Response]:
        """Answer prompts, as :class:`~homogen.sampling.Engine` says, each when it comes.

        Raises
        ------
        Unanswered
            At the end, if the server refused some questions, or failed at them more often than ``retries``; the answers
            to all others have been given.
        BadInput
            If nobody is there, or the server refuses what all requests have in common: the key, the model, a field.
        """
        self._dialect.check(spec)
        lost: dict[str, str] = {}

        async def everything(put: Callable[[Response], None]) -> None:
            wanted = [(Prompt(*prompt), k) for prompt in prompts for k in range(GREEDY, spec.n)]
            tasks = iter(wanted)

            async def work() -> None:
                for prompt, sample in tasks:
                    if prompt.question in lost:
                        continue  # an answer of it is missing for good, the others would not be kept
                    try:
                        put(await self._answer(client, prompt, sample, spec))
                    except _Lost as reason:
                        lost.setdefault(prompt.question, str(reason))

            async with self._client() as client:
                workers = [asyncio.create_task(work()) for _ in wanted[: self.concurrency]]
                try:
                    await asyncio.gather(*workers)
                finally:
                    for worker in workers:
                        worker.cancel()
                    await asyncio.gather(*workers, return_exceptions=True)

        yield from from_loop(everything)
        if lost:
            raise Unanswered(lost, KEPT)

    def _client(self) -> openai.AsyncOpenAI:
        # A proxy stands between this machine and others, not between it and itself.
        options = {"trust_env": not _local(self._access.url), "params": self._access.query()}
        return openai.AsyncOpenAI(
            api_key=self._access.key() or "none",
            base_url=self._access.request_url(),
            max_retries=0,  # the library's would wait neither as long as a server says nor for a reply that is garbage
            timeout=None,
            http_client=BoundedClient(self.timeout, **options),
        )

    def _plain_copy(self, body: dict) -> dict:
        try:
            text = json.dumps(body, sort_keys=True)
        except (TypeError, ValueError, RecursionError) as error:
            raise BadInput(f"extra_body must be what JSON can say: {self._access.line(error)}") from None
        if self._access.within(text):
            raise BadInput(
                f"extra_body holds the key of {self._access.key_name}, or a password; it would be written down, "
                "so leave it out"
            )
        return json.loads(text)

    # --- one request ------------------------------------------------------------------------------------------------

    async def _answer(self, client: openai.AsyncOpenAI, prompt: Prompt, sample: int, spec: SamplingSpec) -> Response:
        attempt, began = 0, time.monotonic()
        while True:
            body = self._dialect.body(prompt, sample, spec, self._unsaid)
            end: Exception | None = None
            absent = False
            try:
                response = self._response(await self._send(client, body), prompt, sample)
                self._met, self._silent = True, False
                return response
            except openai.APIStatusError as error:
                if self._adapts(error, body):
                    continue
                if not passing(error):
                    end = await self._refusal(error, client)
                fault = f"answered {error.status_code} ({self._access.line(message_of(error))})"
                least = retry_after(error)
            except openai.APITimeoutError:
                fault, least = f"did not answer within {self.timeout:g} s", 0.0
            except (openai.APIConnectionError, Garbage, RecursionError) as error:
                cause = error.__cause__ if isinstance(error, openai.APIConnectionError) else error
                absent, least = nobody(cause), 0.0
                said = "nested too deeply" if isinstance(cause, RecursionError) else self._access.line(cause or error)
                replied = isinstance(cause, Garbage | RecursionError)
                fault = f"sent a reply that cannot be read ({said})" if replied else f"cannot be reached ({said})"
            self._met |= not absent
            # Outside of the handlers, so that no error drags the one behind it, and what that quotes, along.
            if end is not None:
                raise end
            attempt += 1
            wait = max(least, min(60.0, 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.5))
            # Else a server that has gone would cost all retries for each question that is left.
            late = self._silent and time.monotonic() - began + wait > self.timeout
            if attempt > self.retries or least > LONGEST_WAIT or late:
                line = f"the server {self.base_url} {fault}, tried {attempt} time{'s' * (attempt > 1)}"
                if not self._met:
                    raise BadInput(f"{line}; {KEPT}")
                self._silent = True
                raise _Lost(line)
            await self._wait(wait)

    async def _wait(self, seconds: float) -> None:
        if self._sleep is None:
            await asyncio.sleep(seconds)
        else:
            await asyncio.to_thread(self._sleep, seconds)

    async def _send(self, client: openai.AsyncOpenAI, body: dict) -> dict:
        create = (client.chat.completions if self.api == "chat" else client.completions).with_raw_response.create
        asked = {"messages", "prompt", "model"}
        # All else goes as extra fields, so that the client neither knows better nor adds anything.
        extra = {name: value for name, value in body.items() if name not in asked}
        raw = await create(**{name: body[name] for name in asked & body.keys()}, extra_body=extra)
        text = raw.content.decode(json.detect_encoding(raw.content), "replace")
        try:
            reply = json.loads(text)
        except ValueError:
            reply = None
        if not isinstance(reply, dict):
            raise Garbage(f"no JSON object: {self._access.hide(text)[:60]!r}")
        return reply

    def _adapts(self, error: openai.APIStatusError, body: dict) -> bool:
        """Learn from a refusal which of two dispensable spellings this server does not know."""
        unknown = self._dialect.unknown(body, message_of(error)) if error.status_code in (400, 422) else ""
        if unknown == THINKING and unknown not in self._unsaid:
            warnings.warn(
                f"{self.base_url} does not know {THINKING}: a model that reasons cannot be told not to", stacklevel=2
            )
        self._unsaid |= {unknown} - {""}
        return bool(unknown)

    async def _refusal(self, error: openai.APIStatusError, client: openai.AsyncOpenAI) -> Exception:
        """What a refusal costs: the run, or, where it is the question's own, only that."""
        code, access = error.status_code, self._access
        asked = Asked(self.base_url, self.model, self.api, access.key_name, self.logprobs)
        where = access.line(redirected(access.url, error.response.headers.get("location", "")) or "")
        listed = access.line(", ".join(await self._listed(client))) if code == 404 else ""
        line, own = refusal(code, access.line(message_of(error)), asked, where, listed)
        return _Lost(line) if own else BadInput(line)

    async def _listed(self, client: openai.AsyncOpenAI) -> list[str]:
        """The ids of the server's models, if it tells."""
        try:
            found = json.loads((await client.models.with_raw_response.list()).content)["data"]
            return sorted(str(model["id"]) for model in found)[:12]
        except (openai.OpenAIError, Garbage, ValueError, TypeError, KeyError, RecursionError):
            return []

    def _response(self, reply: dict, prompt: Prompt, sample: int) -> Response:
        given = read(reply, self.logprobs or 0)
        count, written = len(given.tokens), written_by(given.tokens)
        ending = endings.end(given.text, prompt.stop, given.limited, count, written, withheld=given.withheld)
        tokens = given.tokens[: ending.tokens]
        try:
            bounds = [self._bounds(t) for t in tokens]
        except BadInput as error:
            raise Garbage(error) from None
        high = [high for _, high in bounds] if bounds else None
        # Hidden last: the tokens wrote what was there.
        ending = dataclasses.replace(ending, text=self._access.hide(ending.text))
        logprobs, low = [t.logprob for t in tokens], [low for low, _ in bounds]
        return ending.response(prompt.question, sample, logprobs, low, high)

    def _bounds(self, token: Token) -> tuple[float, float]:
        if not token.top and token.aside is None:
            return math.nan, math.nan  # nothing is known of it
        return entropy_bounds(token.top, self.vocabulary_size, token.aside)


class _Lost(Exception):
    """A question that gets no answer; the others may."""


def _local(url: str) -> bool:
    host = urllib.parse.urlsplit(url).hostname or ""
    return host == "localhost" or host == "::1" or host.startswith("127.")
