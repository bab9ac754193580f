"""What every engine agrees on: what it is asked, what greedy means, and how an answer ends.

An answer ends before the first stop string, or where the model or the limit ends it; the tokens that count are the
fewest first ones that write what is left. What the model thought first is in the text and not in the answer. Engines
differ in how they come by tokens, and in nothing else. Whoever changes what is kept here raises the version of each.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from homogen.records import GREEDY, Response, SamplingSpec, answer_of, reasoning_opened

OPEN, CLOSE = "<think>", "</think>"
"""What opens and ends a reasoning block where an engine has to write the marks itself."""


class Prompt(NamedTuple):
    """A question as an engine is asked it.

    Parameters
    ----------
    question
        Its id: with the spec's seed and the sample's number it fixes the random numbers.
    text
        What to answer: the user's message to a chat model (without the chat template), a base model's text.
    stop
        Strings before the first of which an answer ends.
    """

    question: str
    text: str
    stop: tuple[str, ...] = ()


def as_asked(sample: int, spec: SamplingSpec) -> SamplingSpec:
    """The spec of one answer: at temperature 0 and without truncation if it is greedy, as it is otherwise.

    Greedy is sample -1, and at temperature 0 every sample. The repetition penalty stays: it moves the likeliest token,
    and draws nothing by lot.

    Examples
    --------
    >>> spec = SamplingSpec(model="tiny", temperature=0.7, top_k=40, repetition_penalty=1.1)
    >>> greedy = as_asked(-1, spec)
    >>> greedy.temperature, greedy.top_k, greedy.repetition_penalty
    (0.0, 0, 1.1)
    >>> as_asked(0, spec) == spec
    True
    """
    if sample != GREEDY and spec.temperature != 0:
        return spec
    return dataclasses.replace(spec, temperature=0.0, top_p=1.0, top_k=0)


def cut(text: str, stop: Iterable[str]) -> str | None:
    """A text up to the first of some stop strings; None if none is in it.

    Examples
    --------
    >>> cut("Rome.\\nQ: And?", ("\\nQ:", "And")), cut("Rome.", ("\\nQ:",))
    ('Rome.', None)
    """
    marks = [text.find(mark) for mark in stop if mark in text]
    return text[: min(marks)] if marks else None


def opening(rendered: str) -> str:
    """What a prompt in its chat template has begun of the answer: the mark of a reasoning block, or nothing.

    Without it, reasoning that the limit cut could not be told from an answer.

    Examples
    --------
    >>> opening("<user> Why? <assistant> <think>\\n"), opening("<user> Why? <assistant>")
    ('<think>', '')
    """
    return OPEN if rendered.rstrip().endswith(OPEN) else ""


def tokens_of(text: str, count: int, written: Callable[[int], str]) -> int:
    """How many first tokens, the fewest, write a text: without an end token and what follows a stop string.

    White space at the start is not compared: some tokenizers drop it where they decode a first word, some servers take
    it off. A text that is not the tokens' own (a server took the reasoning out, say) keeps them all.

    Parameters
    ----------
    text
        The kept one.
    count
        All tokens of the answer.
    written
        What so many first ones write; more tokens write more.

    Examples
    --------
    >>> pieces = [" Par", "is", "\\nQ", ":", "<end>"]
    >>> tokens_of("Paris", len(pieces), lambda m: "".join(pieces[:m]))
    2
    """
    bare = text.lstrip()
    return bisect.bisect_left(range(count), True, key=lambda m: written(m).lstrip().startswith(bare))


@dataclasses.dataclass(frozen=True)
class Ending:
    """What is kept of one answer.

    Parameters
    ----------
    text
        As the model wrote it, up to a stop string; a reasoning block whose opening mark it did not write itself has it.
    finish
        ``"stop"`` or ``"length"``.
    tokens
        How many of the first tokens wrote it.
    withheld
        Whether what came in its place is none (a filter took it, or it became the call of a tool).
    """

    text: str
    finish: str
    tokens: int
    withheld: bool = False

    @property
    def answer(self) -> str:
        """The text without a reasoning block; empty, which means missing, if one was cut open or it was withheld."""
        return "" if self.withheld else answer_of(self.text)

    def response(
        self,
        question: str,
        sample: int,
        logprobs: Sequence[float],
        entropies: Sequence[float],
        high: Sequence[float] | None = None,
    ) -> Response:
        """The answer with the statistics of its tokens, of which more may be given than were kept."""
        n = self.tokens
        bounds = None if high is None else tuple(high[:n])
        kept = tuple(logprobs[:n]), tuple(entropies[:n])
        return Response(question, sample, self.text, self.answer, self.finish, *kept, bounds)


def end(
    text: str,
    stop: Iterable[str],
    limited: bool,
    count: int,
    written: Callable[[int], str],
    begun: str = "",
    withheld: bool = False,
) -> Ending:
    """Decide how an answer ends.

    Parameters
    ----------
    text
        All that the model wrote.
    stop
        Of the prompt. Looked for here whatever the engine was told: a server may give the stop string along, or not
        know stop strings at all.
    limited
        Whether the length limit ended it, and not the model itself.
    count, written
        As in :func:`tokens_of`.
    begun
        What the prompt had begun of it (:func:`opening`).
    withheld
        As in :class:`Ending`.

    Examples
    --------
    >>> words = ["Hm.", "</think>", "Rome", "\\nQ:", " Why?"]
    >>> ending = end("".join(words), ("\\nQ:",), True, len(words), lambda m: "".join(words[:m]))
    >>> ending.text, ending.answer, ending.finish, ending.tokens
    ('<think>Hm.</think>Rome', 'Rome', 'stop', 3)
    """
    kept = cut(text, stop)
    finish = "length" if limited and kept is None else "stop"
    kept = text if kept is None else kept
    # A tokenizer may hide the mark that opens the block as a special token: then only its end is in the text.
    front = reasoning_opened(begun + text).removesuffix(text)
    return Ending(front + kept, finish, tokens_of(kept, count, written), withheld)
