"""The rows of the released files: one declaration for each kind, a line a column.

A line gives a column's name here and its type, what it means, and its name in the file where that is another. Reading
and checking (``read``) and the documentation of the records follow from it.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, dataclass_transform

from homogen.paper.released.labels import LABELS
from homogen.records import BadInput, Response, answer_of, shown, unknown


def column(meaning: str, *keys: str, among: Sequence[str] = ()) -> Any:
    """Declare a column: what it means, its names in the file if ours is not the one, and what alone it may be."""
    return dataclasses.field(metadata={"meaning": meaning, "keys": keys, "among": among})


@dataclass_transform(frozen_default=True, field_specifiers=(column,))
def record(kind: type) -> type:
    """Make a class of columns a record, and write them into its docstring."""
    kind = dataclasses.dataclass(frozen=True)(kind)
    said = [f"{field.name}\n    {field.metadata['meaning']}" for field in dataclasses.fields(kind)]
    kind.__doc__ = "\n".join([inspect.cleandoc(kind.__doc__ or ""), "", "Parameters", "----------", *said])
    return kind


def read(kind: type, row: object, where: str) -> Any:
    """Make a record of a row of a file; every column must be there, of its type, and finite.

    Examples
    --------
    >>> read(Density, {"question_idx": 3}, "a file, line 1")
    Traceback (most recent call last):
        ...
    homogen.records.BadInput: a file, line 1: has no 'category'
    """
    given, values = json_object(row, where), {}
    for field in dataclasses.fields(kind):
        keys, among = field.metadata["keys"] or (field.name,), field.metadata["among"]
        key = next((key for key in keys if key in given), None)
        if key is None:
            raise BadInput(f"{where}: has no {' or '.join(map(repr, keys))}")
        need, convert = _TYPES[field.type]
        try:
            value = values[field.name] = convert(given[key])
        except (ValueError, TypeError):
            raise BadInput(f"{where}: {key} must be {need}, got {shown(given[key])}") from None
        if among and value not in among:
            raise unknown(f"{key} in {where}", value, among)
    return kind(**values)


def json_object(value: object, where: object) -> dict[str, Any]:
    """What stands in a file as a JSON object."""
    if not isinstance(value, dict):
        raise BadInput(f"{where}: expected a JSON object, got {type(value).__name__}")
    return value


def _just(kind: type, value: Any) -> Any:
    if type(value) is not kind:  # a truth value is no number
        raise TypeError
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _truth(value: Any) -> bool:
    if value not in (0, 1):  # two files write 0 and 1 for false and true
        raise ValueError
    return bool(value)


def _numbers(value: Any) -> tuple[float, ...]:
    # The greedy runs hold their entropies as the text of a list.
    return tuple(map(_number, _just(list, json.loads(value) if isinstance(value, str) else value)))


_TYPES: dict[Any, tuple[str, Callable[[Any], Any]]] = {
    "int": ("a whole number", partial(_just, int)),
    "float": ("a finite number", _number),
    "bool": ("true or false", _truth),
    "str": ("a text", partial(_just, str)),
    "tuple[float, ...]": ("a list of finite numbers", _numbers),
    "tuple[str, ...]": ("a list of texts", lambda value: tuple(_just(str, text) for text in _just(list, value))),
}
"""What a column of each type must be, in words, and how it is made of what a file holds."""


@record
class _Asked:
    """A question of TruthfulQA."""

    question_idx: int = column("Row of the question in TruthfulQA, from 0.")
    category: str = column("The benchmark's.")
    question: str = column("The benchmark's.")


@record
class GreedyAnswer(_Asked):
    """One greedy answer to a TruthfulQA question, with the entropy of each token."""

    best_answer: str = column("The benchmark's.")
    best_incorrect: str = column("The benchmark's.")
    answer: str = column("What the model said.", "generated_answer")
    label: str = column("One of :data:`LABELS`, by word overlap.", among=LABELS)
    correct_score: float = column("The largest overlap with a correct reference.")
    incorrect_score: float = column("The largest overlap with an incorrect reference.")
    token_entropies: tuple[float, ...] = column("Nats, full vocabulary, rounded to 1e-4 by the authors.", "entropies")
    mean_entropy: float = column("The authors' own statistic of the entropies, rounded to 1e-4.")
    max_entropy: float = column("As ``mean_entropy``.")
    min_entropy: float = column("As ``mean_entropy``.")
    std_entropy: float = column("As ``mean_entropy``.")
    high_entropy_ratio: float = column("As ``mean_entropy``.")

    @property
    def n_tokens(self) -> int:
        """How many tokens the answer has."""
        return len(self.token_entropies)

    @property
    def response(self) -> Response:
        """The answer as a :class:`~homogen.records.Response`; its log-probabilities were not released (NaN)."""
        nothing = (math.nan,) * len(self.token_entropies)
        question = f"truthfulqa-{self.question_idx + 1:04d}"
        return Response(question, -1, self.answer, answer_of(self.answer), "stop", nothing, self.token_entropies)


@record
class Density(_Asked):
    """How near other questions lie: mean cosine to the 10 nearest, among all 790 questions or among the 401."""

    label: str = column("As in :class:`GreedyAnswer`.", among=LABELS)
    mean_entropy: float = column("Of the greedy answer.")
    high_entropy_ratio: float = column("Of the greedy answer.")
    density_all: float = column("Among all questions.")
    density_binary: float = column("Among those labelled correct or incorrect.")


@record
class Association(_Asked):
    """The entities found in a question and the mean embedding distance of their pairs (0 with fewer than two)."""

    entities: tuple[str, ...] = column("As the authors found them.")
    n_entities: int = column("How many.")
    b4_score: float = column("Mean embedding distance of their pairs; 0 with fewer than two entities.")
    correct_score: float = column("As in :class:`GreedyAnswer`.")
    incorrect_score: float = column("As in :class:`GreedyAnswer`.")
    mean_entropy: float = column("Of the greedy answer.")


@record
class Retrieval:
    """A HotpotQA question answered without and with its gold paragraphs; entropies are of the answer without."""

    question_idx: int = column("Row of the question, from 0.")
    question: str = column("The benchmark's.")
    gold_answer: str = column("The benchmark's.")
    type: str = column("The benchmark's: bridge or comparison.")
    answer_no_rag: str = column("What the model said without the paragraphs.")
    answer_with_rag: str = column("What the model said with them.")
    f1_no_rag: float = column("Overlap of words of the answer without.")
    f1_with_rag: float = column("Overlap of words of the answer with.")
    em_no_rag: float = column("Whether the answer without is the gold one.")
    em_with_rag: float = column("Whether the answer with is the gold one.")
    rag_benefit: float = column("The gain in overlap.")
    mean_entropy: float = column("Of the answer without.")
    max_entropy: float = column("Of the answer without.")
    std_entropy: float = column("Of the answer without.")
    num_tokens: int = column("Of the answer without.")


@record
class ServedQuestion:
    """Ten raw answers of a served model to one question.

    ``texts`` are as released. ``responses`` are the same without their reasoning: where nothing is left, the answer is
    missing and ``finish`` is ``"length"``; an answer that does not end like a sentence is taken for cut too. (Whether
    a sample was cut was not released; both are inferred from the text.)
    """

    model: str = column("As the server names it.")
    question_idx: int = column("Row of the question in TruthfulQA, from 0.", "qi")
    question: str = column("The benchmark's.")
    texts: tuple[str, ...] = column("The answers.", "samples")
    n_clusters: int = column("By the authors.")
    single_cluster: bool = column("Whether there is but one.")

    @property
    def responses(self) -> tuple[Response, ...]:
        """The answers without their reasoning."""
        identity = f"truthfulqa-{self.question_idx + 1:04d}"
        made = []
        for k, text in enumerate(self.texts):
            answer = answer_of(text)
            whole = answer.rstrip("\"')*”’").endswith((".", "!", "?"))
            made.append(Response(identity, k, text, answer, "stop" if whole else "length", (), ()))
        return tuple(made)


@record
class HeadToHead:
    """Cluster counts and scores of ten Mistral-7B samples beside the entropy and label of Qwen3-14B's greedy answer."""

    question_idx: int = column("Row of the question in TruthfulQA, from 0.", "qi")
    question: str = column("The benchmark's.")
    category: str = column("The benchmark's.")
    y_true: int = column("1 where the greedy answer is labelled incorrect, else 0.")
    n_samples: int = column("How many samples.")
    n_clusters_jaccard: int = column("By word overlap.")
    n_clusters_emb: int = column("By embeddings.")
    se_jaccard: float = column("Semantic entropy of the clusters by word overlap.")
    se_emb: float = column("Semantic entropy of the clusters by embeddings.")
    sindex: float = column("SINdex of the samples.")
    b1_entropy: float = column("Mean token entropy of the greedy answer.")
    single_jaccard: bool = column("Whether word overlap finds one cluster.", "scr_jaccard")
    single_emb: bool = column("Whether embeddings find one cluster.", "scr_emb")


@record
class Adjudication:
    """What an NLI cross-encoder says of the 45 pairs of ten samples that embeddings put into one cluster or several."""

    question: str = column("The benchmark's.")
    single: bool = column("Whether embeddings find one cluster.")
    n_samples: int = column("How many samples.")
    n_jaccard_clusters: int = column("By word overlap.")
    n_emb_clusters: int = column("By embeddings.")
    entailed_pairs: int = column("Pairs that entail each other in both directions.", "nli_entail_pairs")
    total_pairs: int = column("All pairs.", "nli_total_pairs")
    agrees: bool = column("Whether the cross-encoder confirms the embeddings.", "nli_agrees", "nli_agrees_multi")

    @property
    def entailed_share(self) -> float:
        """Share of pairs that entail each other in both directions."""
        return self.entailed_pairs / self.total_pairs
