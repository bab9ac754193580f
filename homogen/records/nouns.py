"""Questions, sampling specs and responses: what goes into a run and what comes out of it."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from homogen.records.checks import BadInput, is_real, is_whole, shown, unknown
from homogen.records.prompts import prompt_template

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = ("factual", "math", "multihop")
"""Kinds of question; they decide how answers are graded."""

FINISH = ("stop", "length")
"""How an answer ends: by the model itself, or cut."""

GREEDY = -1
"""The ``sample`` number of the greedy answer; drawn answers are numbered from 0."""

TRUNCATION_PRESETS: dict[str, dict[str, Any]] = {
    "pure": {"top_k": 0, "top_p": 1.0, "repetition_penalty": 1.0},
    "hf": {"top_k": 50, "top_p": 1.0, "repetition_penalty": 1.0},
    "ollama": {"top_k": 40, "top_p": 0.9, "repetition_penalty": 1.1},
}
"""What servers and libraries do to the distribution unless told otherwise, by name."""


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
            if not is_whole(value):
                raise BadInput(f"{name} must be a whole number, got {value!r}")
            if value < low:
                raise BadInput(f"{name} must be at least {low}, got {value}")
        for name in ("temperature", "top_p", "repetition_penalty"):
            value = getattr(self, name)
            if not is_real(value) or not math.isfinite(value):
                raise BadInput(f"{name} must be a finite number, got {value!r}")
            object.__setattr__(self, name, float(value))
        if self.temperature < 0:
            raise BadInput(f"temperature must be at least 0, got {self.temperature:g}")
        if not 0 < self.top_p <= 1:
            raise BadInput(f"top_p must lie in (0, 1], got {self.top_p:g}")
        if self.repetition_penalty <= 0:
            raise BadInput(f"repetition_penalty must be above 0, got {self.repetition_penalty:g}")

    @classmethod
    def preset(cls, name: str, **fields: Any) -> SamplingSpec:
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


def arrow_schema() -> pa.Schema:
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
