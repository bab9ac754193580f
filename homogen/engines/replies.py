"""Read what an OpenAI-compatible server replies: the text, why it ended, and the tokens' log-probabilities.

Two APIs and many servers say the same in different shapes; here each becomes one :class:`Reply`, or is refused.
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any


class Garbage(Exception):
    """A reply that is not what the protocol says; may be better next time."""


@dataclasses.dataclass(frozen=True)
class Token:
    """One token of an answer: its bytes, its log-probability and those of the likeliest."""

    raw: bytes
    logprob: float
    top: tuple[float, ...]
    among: bool  # whether it is one of the likeliest

    @property
    def aside(self) -> float | None:
        """The log-probability that counts beside the likeliest ones; None if the token is one of them."""
        return None if self.among else self.logprob


@dataclasses.dataclass(frozen=True)
class Reply:
    """An answer as it came: its text, ``"stop"`` or ``"length"``, whether it was withheld, and its tokens."""

    text: str
    finish: str
    withheld: bool
    tokens: tuple[Token, ...]


def read(reply: dict, asked: int) -> Reply:
    """Text, end and tokens of a reply of either API, of which so many log-probabilities a token were asked."""
    try:
        choice = reply["choices"][0]
        reason = choice.get("finish_reason")
        message = choice.get("message")
        text = choice["text"] if message is None else _said(message, reason)
        if not isinstance(text, str):
            raise Garbage(f"no text, finish_reason {reason!r}")
        tokens = _tokens(choice.get("logprobs"), asked)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        said = reply.get("error") or f"{type(error).__name__}: {error}"
        raise Garbage(f"not a completion: {said}") from None
    # An answer that a filter took away, or that became the call of a tool, was not given.
    withheld = reason not in ("stop", "length", "eos", "eos_token", "stop_sequence", "max_tokens", None)
    return Reply(text, "length" if reason in ("length", "max_tokens") else "stop", withheld, tokens)


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


def _tokens(logprobs: Any, asked: int) -> tuple[Token, ...]:
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


def _token(text: str, logprob: float, raw: list[int] | None, top: list[tuple[str, float]], asked: int) -> Token:
    """One token. A drawn token that is not one of the likeliest may stand behind them in the list, or be left out."""
    value = _floor(logprob)
    likeliest = sorted((_floor(v) for _, v in top), reverse=True)
    among = any(t == text and abs(v - logprob) < 1e-3 for t, v in top)
    if among and len(likeliest) > asked and value <= likeliest[-1] + 1e-3:
        likeliest.pop()  # behind the ones asked for: its probability is no ceiling for the rest
        among = False
    return Token(text.encode() if raw is None else bytes(raw), value, tuple(likeliest), among)


def _floor(logprob: float) -> float:
    """Servers write -9999 for what is impossible, and a hair above 0 for what is certain."""
    if math.isnan(value := float(logprob)):
        raise ValueError("a log-probability that is no number")
    return min(0.0, max(value, -9999.0))


def tokens_of(text: str, tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    """The fewest first tokens that write a text: without the end token and what follows a stop string."""
    raw = b""
    for count, token in enumerate((None, *tokens)):
        raw += token.raw if token else b""
        written = raw.decode("utf-8", "replace")
        # Some servers take the white space off an answer's start.
        if written.startswith(text) or written.lstrip().startswith(text.lstrip()):
            return tokens[:count]
    return tokens  # the text is not the tokens' own (reasoning taken out, say): keep them all
