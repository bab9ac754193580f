"""Read what an OpenAI-compatible server replies: the text, why it ended, and the tokens' log-probabilities.

Two APIs and many servers say the same in different shapes; here each becomes one :class:`Reply`, or is refused.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from homogen.engines.endings import CLOSE, OPEN
from homogen.records import BadInput, without_marks

WITHHELD = {
    *("contentfilter", "contentfiltered", "refusal", "safety", "recitation", "blocklist", "prohibitedcontent", "spii"),
    *("toolcall", "toolcalls", "tooluse", "functioncall", "functioncalls"),
}
"""Reasons for which no answer was given, in small letters alone: a filter took it, or it became the call of a tool."""

CUT = re.compile(r"length|limit|max\w*token|exceeded|truncated")
"""What is in the names of the end by a limit, in small letters alone: ``max_tokens``, ``token_limit``."""


class Garbage(Exception):
    """A reply that is not what the protocol says; may be better next time."""


class Unanswered(BadInput):
    """Some questions got no answer that can be read; raised when those to all others have been given.

    Parameters
    ----------
    questions
        Why, by the question's id; at least one.
    hint
        What to do about it.
    """

    def __init__(self, questions: Mapping[str, str], hint: str) -> None:
        self.questions = dict(questions)
        first, reason = next(iter(self.questions.items()))
        many = (
            f"{len(self.questions)} questions, such as {first!r}" if len(self.questions) > 1 else f"question {first!r}"
        )
        super().__init__(f"{many}: {reason}; {hint}")


@dataclasses.dataclass(frozen=True)
class Token:
    """One token of an answer: its bytes, its log-probability (NaN if not given) and those of the likeliest."""

    raw: bytes
    logprob: float
    top: tuple[float, ...]
    among: bool  # whether it is one of the likeliest

    @property
    def aside(self) -> float | None:
        """The log-probability that counts beside the likeliest ones; None if the token is one of them, or has none."""
        return None if self.among or math.isnan(self.logprob) else self.logprob


@dataclasses.dataclass(frozen=True)
class Reply:
    """An answer as it came: its text, whether the limit ended it, whether it was withheld, and its tokens."""

    text: str
    limited: bool
    withheld: bool
    tokens: tuple[Token, ...]


def read(reply: dict, asked: int) -> Reply:
    """Text, end and tokens of a reply of either API, of which so many log-probabilities a token were asked."""
    try:
        choice = reply["choices"][0]
        if choice.get("error"):
            raise Garbage(f"an error in place of an answer: {choice['error']}")
        # What the servers of this world call an end is no closed list: a reason that nobody knows keeps the answer.
        reason = re.sub(r"[^a-z]", "", str(choice.get("finish_reason")).lower())
        cut = bool(CUT.search(reason))
        message = choice.get("message")
        if message is None and "text" not in choice and choice.get("finish_reason") is None:
            raise Garbage("neither an answer nor its end")
        text = (choice.get("text") or "") if message is None else _said(message, cut)
        if not isinstance(text, str):
            raise Garbage(f"no text, finish_reason {choice.get('finish_reason')!r}")
        tokens = _tokens(choice.get("logprobs"), asked)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        said = reply.get("error") or f"{type(error).__name__}: {error}"
        raise Garbage(f"not a completion: {said}") from None
    return Reply(_whole(text), cut, reason in WITHHELD, tokens)


def _said(message: dict, cut: bool) -> str:
    """What a chat message says, its reasoning in a block in front; nothing is an empty answer."""
    content = message.get("content")
    thoughts = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(content, list):
        thoughts = "".join(map(_thought, content)) or thoughts
        content = "".join(map(_part, content))
    if content is None:
        content = message.get("refusal") or ""
    if isinstance(thoughts, str) and thoughts:
        # Reasoning that the limit cut has no end, and its block none either.
        return f"{OPEN}{without_marks(thoughts)}" + (f"{CLOSE}{content}" if content or not cut else "")
    return content


def _part(part: dict | str | None) -> str:
    """The text of a part of a message; that of its reasoning is none."""
    return part if isinstance(part, str) else (part or {}).get("text") or ""


def _thought(part: dict | str | None) -> str:
    thoughts = "" if isinstance(part, str) else (part or {}).get("thinking") or ""
    return thoughts if isinstance(thoughts, str) else "".join(map(_part, thoughts))


def _whole(text: str) -> str:
    """A text whose halves of characters (lone surrogates, which no file takes) are U+FFFD; two that fit are joined."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _tokens(logprobs: Any, asked: int) -> tuple[Token, ...]:
    """Tokens with their log-probabilities, from either API's form; none if the server gives none."""
    if not logprobs:
        return ()
    if logprobs.get("content") is not None:
        entries = [
            (
                e["token"],
                e.get("logprob"),
                e.get("bytes"),
                [(t["token"], t.get("logprob")) for t in e.get("top_logprobs") or ()],
            )
            for e in logprobs["content"]
        ]
    elif logprobs.get("token_logprobs") is None:
        return ()
    else:
        texts, values = logprobs.get("tokens") or (), logprobs["token_logprobs"]
        tops = logprobs.get("top_logprobs") or [None] * len(texts)
        rows = zip(texts, values, tops, strict=True)
        entries = [(text, value, None, list((top or {}).items())) for text, value, top in rows]
    return tuple(_token(*entry, asked) for entry in entries)


def _token(
    text: str, logprob: float | None, raw: list[int] | None, top: list[tuple[str, float | None]], asked: int
) -> Token:
    """One token. A drawn token that is not one of the likeliest may stand behind them in the list, or be left out."""
    value = _number(logprob)
    top = [(t, v) for t, v in ((t, _number(v)) for t, v in top) if not math.isnan(v)]
    likeliest = sorted((v for _, v in top), reverse=True)
    among = any(t == text and not abs(v - value) >= 1e-3 for t, v in top)  # or the token has no value of its own
    if among and len(likeliest) > asked and value <= likeliest[-1] + 1e-3:
        likeliest.pop()  # behind the ones asked for: its probability is no ceiling for the rest
        among = False
    return Token(_whole(text).encode() if raw is None else bytes(raw), value, tuple(likeliest), among)


def _number(logprob: float | None) -> float:
    """NaN if it is missing. Servers write -9999 for what is impossible, and a hair above 0 for what is certain."""
    value = math.nan if logprob is None else float(logprob)
    return value if math.isnan(value) else min(0.0, max(value, -9999.0))


def written_by(tokens: tuple[Token, ...]) -> Callable[[int], str]:
    """What so many first tokens write: letters of several bytes may lie across two of them."""
    ends = [0]
    for token in tokens:
        ends.append(ends[-1] + len(token.raw))
    raw = b"".join(token.raw for token in tokens)
    return lambda count: raw[: ends[count]].decode("utf-8", "replace")
