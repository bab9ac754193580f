"""The nouns of the project: questions, sampling specs, responses and estimates.

Everything here is a frozen dataclass that checks itself when it is made, and needs nothing but the
standard library. Heavy modules at the edge (models, engines, store) and the array modules in the middle
(clustering, uncertainty, evaluation) meet in these types and nowhere else.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
from collections.abc import Iterable

KINDS = ("factual", "math", "multihop")
"""Kinds of question; they decide how answers are graded."""

FINISH = ("stop", "length")
"""How an answer ends: by the model itself, or cut."""

GREEDY = -1
"""The ``sample`` number of the greedy answer; drawn answers are numbered from 0."""

TRUNCATION_PRESETS = {
    "pure": {"top_k": 0, "top_p": 1.0, "repetition_penalty": 1.0},
    "hf": {"top_k": 50, "top_p": 1.0, "repetition_penalty": 1.0},
    "ollama": {"top_k": 40, "top_p": 0.9, "repetition_penalty": 1.1},
}
"""What servers and libraries do to the distribution unless told otherwise, by name."""


@dataclasses.dataclass(frozen=True)
class PromptTemplate:
    """The words around a question, and the strings at which an answer is over.

    A chat model gets ``text`` as the user's message in its own chat template; a base model gets it as it is.

    Parameters
    ----------
    text
        Contains ``{question}`` once.
    stop
        An answer ends before the first of these. A base model that goes on to ask itself the next question has
        finished with ours; the same rule holds for every model, so that base and instruct are compared alike.
    """

    text: str
    stop: tuple[str, ...] = ()

    def render(self, question: str) -> str:
        """Put a question into the template."""
        return self.text.replace("{question}", question)


PROMPTS = {
    "concise": PromptTemplate("Answer the following question concisely:\n\nQ: {question}\nA:", stop=("\nQ:",)),
    "plain": PromptTemplate("{question}", stop=("\nQ:",)),
}
"""Prompt templates by name. ``concise`` is the paper's."""


def prompt_template(name: str) -> PromptTemplate:
    """Look a prompt template up; a text with ``{question}`` in it is a template of its own.

    Examples
    --------
    >>> prompt_template("concise").render("Is the Earth flat?")
    'Answer the following question concisely:\\n\\nQ: Is the Earth flat?\\nA:'
    >>> prompt_template("Frage: {question}").render("Wie spät ist es?")
    'Frage: Wie spät ist es?'
    """
    if "{question}" in name:
        return PromptTemplate(name)
    if name not in PROMPTS:
        raise unknown("prompt", name, PROMPTS)
    return PROMPTS[name]


class BadInput(ValueError):
    """A mistake in what the user gave: one line that names the thing and the mend; exit code 2."""


def shown(value: object) -> str:
    """What was given, on one short line, for the message of an error.

    Examples
    --------
    >>> shown("Paris"), shown(list(range(100)))
    ("'Paris'", '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16...')
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def fixed(value: float, digits: int = 3) -> str:
    """A number with so many digits behind the point, without the minus of what rounds to 0.

    Examples
    --------
    >>> fixed(-0.0004), fixed(-0.0005001), fixed(0.12, 1)
    ('0.000', '-0.001', '0.1')
    """
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if not text.strip("-0.") else text


def unknown(what: str, name: object, known: Iterable[str]) -> BadInput:
    """Say that a name is not known, and which known names come nearest.

    Parameters
    ----------
    what
        The kind of thing, as the user would call it ("model", "benchmark").
    name
        What was given.
    known
        The names that would have been accepted.

    Returns
    -------
    BadInput
        To be raised by the caller.

    Examples
    --------
    >>> print(unknown("preset", "olama", TRUNCATION_PRESETS))
    unknown preset 'olama'; did you mean 'ollama'? (known: hf, ollama, pure)
    """
    names, given = sorted(known), str(name).lower()

    def likeness(known_name: str) -> float:
        whole = known_name.lower()
        # A long name's beginning is what people type: "smolm2" is near "smollm2-135m-instruct".
        return max(difflib.SequenceMatcher(None, given, part).ratio() for part in (whole, whole[: len(given)]))

    name = name if len(str(name)) <= 60 else f"{str(name)[:57]}..."
    near = sorted((n for n in names if likeness(n) >= 0.6), key=likeness, reverse=True)[:2]
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return BadInput(f"unknown {what} {str(name)!r}{hint} (known: {', '.join(names)})")


@dataclasses.dataclass(frozen=True)
class Question:
    """One benchmark question with the answers that count as right and as wrong.

    Parameters
    ----------
    id
        Unique within its benchmark, and stable: the random numbers of a sample hang on it.
    benchmark
        Name of the benchmark it belongs to.
    text
        The question as it is put to the model (without the prompt around it).
    references
        Answers that count as right; at least one.
    distractors
        Answers that are known to be wrong (TruthfulQA's "incorrect answers"); may be empty.
    category
        The benchmark's own category, or an empty string.
    kind
        ``"factual"``, ``"math"`` or ``"multihop"``; decides how answers are graded.
    context
        Passages that hold the answer, for those who want to give them to the model; or an empty string.

    Raises
    ------
    BadInput
        If the id or text is empty, there is no reference, the kind is unknown, or the context is not a string.
    """

    id: str
    benchmark: str
    text: str
    references: tuple[str, ...]
    distractors: tuple[str, ...] = ()
    category: str = ""
    kind: str = "factual"
    context: str = ""

    def __post_init__(self) -> None:
        for field in ("id", "benchmark", "text"):
            value = getattr(self, field)
            if not isinstance(value, str) or not value.strip():
                raise BadInput(f"question {self.id!r}: {field} must be a non-empty string, got {value!r}")
        for field in ("references", "distractors"):
            value = getattr(self, field)
            if isinstance(value, str) or not all(isinstance(v, str) and v.strip() for v in value):
                raise BadInput(f"question {self.id!r}: {field} must be a list of non-empty strings")
            object.__setattr__(self, field, tuple(value))
        if not self.references:
            raise BadInput(f"question {self.id!r}: needs at least one reference answer")
        if self.kind not in KINDS:
            raise unknown(f"kind of question {self.id!r}", self.kind, KINDS)
        if not isinstance(self.context, str):
            raise BadInput(f"question {self.id!r}: context must be a string, got {self.context!r}")


@dataclasses.dataclass(frozen=True)
class SamplingSpec:
    """How answers are drawn. Nothing that changes an answer is left to a library's default.

    Parameters
    ----------
    model
        A card name (``homogen models``), a folder, or a hub id.
    prompt
        Name of a prompt template (:data:`PROMPTS`), or a text with ``{question}`` in it.
    n
        Answers drawn for each question, beside the greedy one; at least 1.
    temperature
        Divides the logits before drawing; 0 makes every drawn answer the greedy one.
    top_p
        Nucleus: keep the fewest tokens whose probability reaches ``top_p``. 1 means no truncation.
    top_k
        Keep the ``top_k`` likeliest tokens. 0 means no truncation.
    repetition_penalty
        Divides positive and multiplies negative logits of tokens already seen (prompt included). 1 means none.
    max_new_tokens
        An answer is cut after so many tokens (``finish="length"``).
    seed
        With the question's id and the sample's number, fixes the random numbers of a sample.

    Raises
    ------
    BadInput
        If a field has the wrong type or lies out of range.

    Examples
    --------
    >>> SamplingSpec(model="smollm2-135m-instruct", n=10, temperature=0.7).top_k
    0
    >>> SamplingSpec.preset("ollama", model="smollm2-135m-instruct").repetition_penalty
    1.1
    """

    model: str
    prompt: str = "concise"
    n: int = 10
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    max_new_tokens: int = 40
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("model", "prompt"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                raise BadInput(f"{name} must be a non-empty string, got {value!r}")
            if any("\ud800" <= letter <= "\udfff" for letter in value):
                raise BadInput(f"{name} holds half of a character (a lone surrogate), got {shown(value)}; take it out")
        prompt_template(self.prompt)
        for name, low in (("n", 1), ("top_k", 0), ("max_new_tokens", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise BadInput(f"{name} must be a whole number, got {value!r}")
            if value < low:
                raise BadInput(f"{name} must be at least {low}, got {value}")
        for name in ("temperature", "top_p", "repetition_penalty"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise BadInput(f"{name} must be a finite number, got {value!r}")
            object.__setattr__(self, name, float(value))
        if self.temperature < 0:
            raise BadInput(f"temperature must be at least 0, got {self.temperature:g}")
        if not 0 < self.top_p <= 1:
            raise BadInput(f"top_p must lie in (0, 1], got {self.top_p:g}")
        if self.repetition_penalty <= 0:
            raise BadInput(f"repetition_penalty must be above 0, got {self.repetition_penalty:g}")

    @classmethod
    def preset(cls, name: str, **fields: object) -> SamplingSpec:
        """Make a spec whose truncation is that of a known server or library.

        Parameters
        ----------
        name
            ``"pure"`` (none), ``"hf"`` (transformers' top-k 50) or ``"ollama"`` (top-k 40, top-p 0.9, penalty 1.1).
        **fields
            The other fields of the spec; they win over the preset's.
        """
        if name not in TRUNCATION_PRESETS:
            raise unknown("preset", name, TRUNCATION_PRESETS)
        return cls(**{**TRUNCATION_PRESETS[name], **fields})


@dataclasses.dataclass(frozen=True)
class Response:
    """One answer of a model, with what the model's own distribution said while giving it.

    Parameters
    ----------
    question_id
        The question answered.
    sample
        -1 for the greedy answer, 0…n-1 for drawn ones.
    text
        What the model wrote, up to the end token or a stop string.
    answer
        ``text`` without a reasoning block (:func:`answer_of`); empty means missing.
    finish
        ``"stop"`` if the model ended by itself, ``"length"`` if it was cut.
    token_logprobs
        Natural log-probability of each token of ``text`` under the model (T = 1, no truncation).
    token_entropies
        Entropy in nats of the full next-token distribution (T = 1) at each token of ``text``; a lower bound of it
        where ``token_entropies_high`` is given. A server that gives no log-probabilities leaves both lists empty.
    token_entropies_high
        Upper bounds of the same entropies, from an engine that sees only the likeliest tokens (NaN where the size of
        the vocabulary is unknown); None where ``token_entropies`` is exact.

    Raises
    ------
    BadInput
        If ``finish`` is unknown.
    ValueError
        If the lists are of unequal length.
    """

    question_id: str
    sample: int
    text: str
    answer: str
    finish: str
    token_logprobs: tuple[float, ...]
    token_entropies: tuple[float, ...]
    token_entropies_high: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.finish not in FINISH:
            raise unknown("finish", self.finish, FINISH)
        if len(self.token_logprobs) != len(self.token_entropies):
            raise ValueError(
                f"response {self.question_id}/{self.sample}: {len(self.token_logprobs)} log-probabilities "
                f"but {len(self.token_entropies)} entropies"
            )
        if self.token_entropies_high is not None and len(self.token_entropies_high) != len(self.token_entropies):
            raise ValueError(
                f"response {self.question_id}/{self.sample}: {len(self.token_entropies)} lower "
                f"but {len(self.token_entropies_high)} upper bounds of entropies"
            )


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number with its interval, the count behind it and how it was made.

    Parameters
    ----------
    value, low, high
        The estimate and its interval's ends; NaN where undefined, with the reason in ``method``.
    n
        Units (usually questions) that the value rests on.
    coverage
        Share of the units asked for that could be used (missing answers and scores lower it).
    method
        How value and interval were made, or ``"undefined: …"``.
    classes
        How many of the n are wrong and how many right, of what sets the two against each other (an AUROC).

    Examples
    --------
    >>> print(Estimate(0.612, 0.551, 0.671, n=150, coverage=0.98, method="AUROC, bootstrap", classes=(40, 110)))
    0.612 [0.551, 0.671], n=150 (40 wrong), coverage 98%
    """

    value: float
    low: float
    high: float
    n: int
    coverage: float = 1.0
    method: str = ""
    classes: tuple[int, int] | None = None

    @property
    def count(self) -> str:
        """n, and how many of them are wrong where that matters, as a table shows it."""
        return f"{self.n:,}" + (f" ({self.classes[0]:,} wrong)" if self.classes else "")

    def __str__(self) -> str:
        if math.isnan(self.value):
            return f"{self.method or 'undefined'}, n={self.count}"
        interval = "" if math.isnan(self.low) and math.isnan(self.high) else f" [{fixed(self.low)}, {fixed(self.high)}]"
        return f"{fixed(self.value)}{interval}, n={self.count}, coverage {self.coverage:.0%}"

    def times(self, factor: float) -> Estimate:
        """The same in another unit or with the other sign.

        Examples
        --------
        >>> print(Estimate(0.25, 0.125, 0.5, n=8).times(-100))
        -25.000 [-50.000, -12.500], n=8, coverage 100%
        """
        low, high = sorted((factor * self.low, factor * self.high))
        return dataclasses.replace(self, value=factor * self.value, low=low, high=high)

    @classmethod
    def undefined(cls, reason: str, n: int = 0, coverage: float = 0.0) -> Estimate:
        """An estimate that does not exist, and why."""
        return cls(math.nan, math.nan, math.nan, n, coverage, f"undefined: {reason}")


_MARKS = re.compile(r"</?(?:think|thinking|reasoning|thought|seed:think)>|\[/?think\]|◁/?think▷", re.IGNORECASE)
"""What opens and ends a reasoning block: most models' tags, Magistral's brackets, Kimi's triangles."""

_LINE_END = re.compile(r"[ \t]*\r?\n")
_APART = re.compile(r"(?:\w|\n[ \t]*|(?<!\.\w)[.!?]\s*)\Z")
"""What may stand in front of a block that is closed: a word without a blank, a line's end, a sentence (not "e.g.")."""

_PAIR = re.compile(r"\s+(?:and|or)\s+")
"""What stands between two marks that are only spoken of."""

_CHANNEL = re.compile(r"\s*(?:<\|start\|>\s*assistant\s*)?<\|channel\|>")
_FINAL = re.compile(r"<\|channel\|>\s*final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>")
_CHANNEL_END = re.compile(r"<\|(?:return|end|start|call)\|>")
# Channels as they read where a tokenizer hides special tokens. No word goes on behind "analysis" without a blank.
_PLAIN_CHANNEL = re.compile(r"\s*analysis(?=[\w\"“*])|\s*(?:analysis|commentary)(?=.*?assistantfinal)", re.DOTALL)
_PLAIN_FINAL = "assistantfinal"


def answer_of(text: str) -> str:
    """The answer in a model's text: without its reasoning, white space trimmed.

    Reasoning stands between the marks of a block (``<think>`` and its kin in any case, ``[THINK]``, ``◁think▷``) or in
    the channels of gpt-oss, of which only the final one is an answer. A block that the length limit cut open leaves no
    answer, because none was given.

    A mark opens a block at the beginning, behind another block, at the end of a line, or where a word follows it
    directly; if the block is closed, also at the start of a line, behind a sentence, and directly behind a word. One
    that stands among words is only spoken of, and stays; so do ``<think> and </think>``, and the ``[think]`` of a
    quotation. A text that speaks of a mark with its first word (``<think> is a tag``) cannot be told from a block that
    was cut: it is no answer, and nor is one that begins with ``analysis"``.

    Examples
    --------
    >>> answer_of("<think>Sydney? No.</think> Canberra.")
    'Canberra.'
    >>> answer_of("<think>Sydney is the largest city, but")
    ''
    >>> answer_of("Put it behind the <think> tag.")
    'Put it behind the <think> tag.'
    >>> answer_of("Sure! <think>\\nSydney? No.\\n</think> Canberra.")
    'Sure!  Canberra.'
    >>> answer_of("<|channel|>analysis<|message|>Sydney?<|end|><|start|>assistant<|channel|>final<|message|>Canberra.")
    'Canberra.'
    """
    if _CHANNEL.match(text):
        final = _FINAL.search(text)
        return _CHANNEL_END.split(text[final.end() :], maxsplit=1)[0].strip() if final else ""
    if _PLAIN_CHANNEL.match(text):
        return text.partition(_PLAIN_FINAL)[2].strip()
    marks = [(m, *_kind(m)) for m in _MARKS.finditer(text)]
    last = {name: j for j, (_, name, closes) in enumerate(marks) if closes}
    kept, at, front, i = [], 0, True, 0
    while i < len(marks):
        mark, name, closes = marks[i]
        front = front and not text[at : mark.start()].strip()
        if closes:
            if front and at:  # the end of the same block, said twice
                at = mark.end()
        elif _opens(text, marks, i, front, last.get(name, -1) > i):
            kept.append(text[at : mark.start()])
            end = _block_end(marks, i)
            if end is None:
                return "".join(kept).strip()
            i, at = end, marks[end][0].end()
        i += 1
    return "".join([*kept, text[at:]]).strip()


def reasoning_opened(text: str) -> str:
    """A text whose first mark ends a reasoning block, with the mark that opens it put in front; others as they are.

    Some chat templates open the block themselves, and some tokenizers hide its first mark. An ending mark with blanks
    around it is a word of the text.

    Examples
    --------
    >>> reasoning_opened("Sydney? No.</think> Canberra.")
    '<think>Sydney? No.</think> Canberra.'
    >>> reasoning_opened("Close it with </think> then.")
    'Close it with </think> then.'
    """
    mark = _MARKS.search(text)
    if mark is None or not _kind(mark)[1]:
        return text
    before, after = text[: mark.start()][-1:], text[mark.end() :][:1]
    if before in (" ", "`", '"', "'", "“", "(") and not (after.isalnum() or after == "\n"):
        return text
    return mark.group().replace("/", "") + text


def without_marks(text: str) -> str:
    """A text in which nothing opens or ends a reasoning block: a blank stands in each mark.

    Examples
    --------
    >>> without_marks("I close it with </think> then.")
    'I close it with < /think> then.'
    """
    return _MARKS.sub(lambda mark: f"{mark.group()[0]} {mark.group()[1:]}", text)


def _kind(mark: re.Match) -> tuple[str, bool]:
    """What a mark belongs to, and whether it closes."""
    whole = mark.group().lower()
    return whole.replace("/", ""), "/" in whole


def _opens(text: str, marks: list[tuple[re.Match, str, bool]], i: int, front: bool, closed: bool) -> bool:
    """Whether an opening mark opens a block: nothing stands in front of it, or what is around it says so."""
    mark, name, _ = marks[i]
    if closed and marks[i + 1][1:] == (name, True) and _PAIR.fullmatch(text, mark.end(), marks[i + 1][0].start()):
        return False
    if text[mark.end() : mark.end() + 1].isalnum():
        return closed or mark.group() != "[think]"
    before = text[max(0, mark.start() - 8) : mark.start()]
    return front or bool(_LINE_END.match(text, mark.end()) or (closed and _APART.search(before)))


def _block_end(marks: list[tuple[re.Match, str, bool]], i: int) -> int | None:
    """The number of the mark that closes the block which mark ``i`` opens; None if it is cut open.

    Reasoning may hold marks itself: their pairs count, and if they have none the block ends with the last that closes.
    """
    depth, last = 0, None
    for j in range(i, len(marks)):
        _, name, closes = marks[j]
        if name == marks[i][1]:
            depth += -1 if closes else 1
            last = j if closes else last
            if depth == 0:
                return j
    return last


def arrow_schema():
    """The Arrow schema of a run: one row a response, as :class:`Response` names its fields."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("question_id", pa.string(), nullable=False),
            pa.field("sample", pa.int32(), nullable=False),
            pa.field("text", pa.string(), nullable=False),
            pa.field("answer", pa.string(), nullable=False),
            pa.field("finish", pa.string(), nullable=False),
            pa.field("token_logprobs", pa.list_(pa.float32()), nullable=False),
            pa.field("token_entropies", pa.list_(pa.float32()), nullable=False),
            pa.field("token_entropies_high", pa.list_(pa.float32()), nullable=True),
        ]
    )
