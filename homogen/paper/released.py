"""The paper's released artifacts as records: thirteen files of per-question results, and nothing filled in.

Every reader here fetches its file (:func:`homogen.questions.sources.fetch`), checks each row and refuses one that lacks
a field: a missing key read as 0 is how one of the released scripts came to a correlation of 0.000.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from homogen.records import BadInput, Response, answer_of, unknown

__all__ = [
    "CONVENTIONS",
    "GREEDY_RUNS",
    "LABELS",
    "Adjudication",
    "Association",
    "Density",
    "GreedyAnswer",
    "HeadToHead",
    "Retrieval",
    "ServedQuestion",
    "Summary",
    "adjudications",
    "associations",
    "densities",
    "greedy_answers",
    "head_to_head",
    "retrievals",
    "served",
    "summary",
    "table",
    "wrong_by",
]

GREEDY_RUNS = {
    "qwen3-14b": "published/v4_qwen3-14b_fluency.jsonl",
    "qwen3-14b-first": "published/v1a_fluency.jsonl",
    "qwen3-4b": "published/v4_qwen3-4b_fluency.jsonl",
    "llama3.2-3b": "published/v4_llama3.2-3b_fluency.jsonl",
}
"""The greedy runs and their files; ``qwen3-14b`` and ``qwen3-14b-first`` hold the same answers."""

LABELS = ("correct", "incorrect", "ambiguous", "no_match")
"""What word overlap with the references makes of an answer."""

CONVENTIONS = {
    "decided only": "incorrect is wrong, correct is right, the undecided are left out",
    "undecided wrong": "whatever is not correct is wrong",
    "undecided right": "only incorrect is wrong",
    "larger overlap": "wrong unless the overlap with a correct reference is the larger one; every question decided",
}
"""The four ways in which the paper's scripts make right and wrong of the labels, by name."""

SUMMARIES = {
    "v9": "published/v9_summary.json",
    "v10": "published/v10_summary.json",
    "v11": "published/v11_cascade_demo.json",
    "exp26": "published/exp26_minimax_scr.json",
    "exp27": "published/exp27_sindex_headtohead.json",
    "exp28": "published/exp28_nli_validation.json",
}
"""The figures that the authors' scripts wrote, by name."""


@dataclasses.dataclass(frozen=True)
class GreedyAnswer:
    """One greedy answer to a TruthfulQA question, with the entropy of each token.

    Parameters
    ----------
    question_idx
        Row of the question in TruthfulQA, from 0.
    category, question, best_answer, best_incorrect
        The benchmark's.
    answer
        What the model said.
    label
        One of :data:`LABELS`, by word overlap.
    correct_score, incorrect_score
        The largest overlap with a correct and with an incorrect reference.
    token_entropies
        Nats, full vocabulary, rounded to 1e-4 by the authors.
    mean_entropy, max_entropy, min_entropy, std_entropy, high_entropy_ratio
        The authors' own statistics of them, rounded to 1e-4.
    """

    question_idx: int
    category: str
    question: str
    best_answer: str
    best_incorrect: str
    answer: str
    label: str
    correct_score: float
    incorrect_score: float
    token_entropies: tuple[float, ...]
    mean_entropy: float
    max_entropy: float
    min_entropy: float
    std_entropy: float
    high_entropy_ratio: float

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


@dataclasses.dataclass(frozen=True)
class Density:
    """How near other questions lie: mean cosine to the 10 nearest, among all 790 questions or among the 401."""

    question_idx: int
    category: str
    question: str
    label: str
    mean_entropy: float
    high_entropy_ratio: float
    density_all: float
    density_binary: float


@dataclasses.dataclass(frozen=True)
class Association:
    """The entities found in a question and the mean embedding distance of their pairs (0 with fewer than two)."""

    question_idx: int
    category: str
    question: str
    entities: tuple[str, ...]
    n_entities: int
    b4_score: float
    correct_score: float
    incorrect_score: float
    mean_entropy: float


@dataclasses.dataclass(frozen=True)
class Retrieval:
    """A HotpotQA question answered without and with its gold paragraphs; entropies are of the answer without."""

    question_idx: int
    question: str
    gold_answer: str
    type: str
    answer_no_rag: str
    answer_with_rag: str
    f1_no_rag: float
    f1_with_rag: float
    em_no_rag: float
    em_with_rag: float
    rag_benefit: float
    mean_entropy: float
    max_entropy: float
    std_entropy: float
    num_tokens: int


@dataclasses.dataclass(frozen=True)
class ServedQuestion:
    """Ten raw answers of a served model to one question.

    ``texts`` are as released. ``responses`` are the same without their reasoning: where nothing is left, the answer is
    missing and ``finish`` is ``"length"``; an answer that does not end like a sentence is taken for cut too. (Whether
    a sample was cut was not released; both are inferred from the text.)
    """

    model: str
    question_idx: int
    question: str
    texts: tuple[str, ...]
    n_clusters: int
    single_cluster: bool

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


@dataclasses.dataclass(frozen=True)
class HeadToHead:
    """Cluster counts and scores of ten Mistral-7B samples beside the entropy and label of Qwen3-14B's greedy answer."""

    question_idx: int
    question: str
    category: str
    y_true: int
    n_samples: int
    n_clusters_jaccard: int
    n_clusters_emb: int
    se_jaccard: float
    se_emb: float
    sindex: float
    b1_entropy: float
    single_jaccard: bool
    single_emb: bool


@dataclasses.dataclass(frozen=True)
class Adjudication:
    """What an NLI cross-encoder says of the 45 pairs of ten samples that embeddings put into one cluster or several."""

    question: str
    single: bool
    n_samples: int
    n_jaccard_clusters: int
    n_emb_clusters: int
    entailed_pairs: int
    total_pairs: int
    agrees: bool

    @property
    def entailed_share(self) -> float:
        """Share of pairs that entail each other in both directions."""
        return self.entailed_pairs / self.total_pairs


class Summary(Mapping):
    """A mapping whose missing keys are errors that name the file, at every depth.

    Examples
    --------
    >>> Summary({"auc": {"b1": 0.52}}, "a file")["auc"]["b1"]
    0.52
    >>> Summary({"auc": {"b1": 0.52}}, "a file")["auc"]["b2"]
    Traceback (most recent call last):
        ...
    homogen.records.BadInput: a file, auc: has no 'b2' (there are: b1)
    """

    def __init__(self, content: Mapping[str, Any], source: str):
        self._content, self._source = content, source

    def __getitem__(self, key: str) -> Any:
        if key not in self._content:
            raise BadInput(f"{self._source}: has no {key!r} (there are: {', '.join(map(str, self._content))})")
        value = self._content[key]
        return Summary(value, f"{self._source}, {key}") if isinstance(value, dict) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)


def greedy_answers(run: str = "qwen3-14b") -> list[GreedyAnswer]:
    """Read a greedy run over TruthfulQA.

    Parameters
    ----------
    run
        A name in :data:`GREEDY_RUNS`.

    Returns
    -------
    list of GreedyAnswer
        790, in the order of the benchmark.

    Raises
    ------
    BadInput
        If the file cannot be had or is not the released one.
    """
    if run not in GREEDY_RUNS:
        raise unknown("greedy run", run, GREEDY_RUNS)
    renamed = {"answer": "generated_answer", "token_entropies": "entropies"}
    return _rows(GreedyAnswer, GREEDY_RUNS[run], renamed)


def densities() -> list[Density]:
    """Read the embedding densities of the 401 questions labelled correct or incorrect."""
    return _rows(Density, "published/v1b_density.jsonl")


def associations() -> list[Association]:
    """Read the entities of all 790 questions and their association scores."""
    return _rows(Association, "published/v10_b4_assoc.jsonl")


def retrievals() -> list[Retrieval]:
    """Read the 100 HotpotQA questions answered with and without retrieval."""
    return _rows(Retrieval, "published/v9_end_to_end.jsonl")


def served() -> dict[str, list[ServedQuestion]]:
    """Read the raw samples of the two served models, 50 questions each, by model."""
    renamed = {"question_idx": "qi", "texts": "samples"}
    found = {}
    for model in (content := summary("exp26")):
        where = f"{SUMMARIES['exp26']}, {model}, per_question"
        rows = ({"model": model} | row for row in content[model]["per_question"])
        found[model] = [_record(ServedQuestion, row, f"{where} {i}", renamed) for i, row in enumerate(rows)]
    return found


def head_to_head() -> list[HeadToHead]:
    """Read the 200 questions on which SINdex, semantic entropy and token entropy were compared."""
    renamed = {"question_idx": "qi", "single_jaccard": "scr_jaccard", "single_emb": "scr_emb"}
    where = f"{SUMMARIES['exp27']}, per_question"
    rows = summary("exp27")["per_question"]
    return [_record(HeadToHead, row, f"{where} {i}", renamed) for i, row in enumerate(rows)]


def adjudications() -> list[Adjudication]:
    """Read the verdicts of the NLI cross-encoder on 30 single-cluster and 20 multi-cluster questions."""
    found = []
    for kind, verdict in (("single_cluster", "nli_agrees"), ("multi_cluster", "nli_agrees_multi")):
        renamed = {"entailed_pairs": "nli_entail_pairs", "total_pairs": "nli_total_pairs", "agrees": verdict}
        for i, row in enumerate(summary("exp28")["results"][kind]):
            single = kind == "single_cluster"
            given = {"single": single} | ({"n_emb_clusters": 1} if single else {}) | row
            found.append(_record(Adjudication, given, f"{SUMMARIES['exp28']}, {kind} {i}", renamed))
    return found


def summary(name: str) -> Summary:
    """Read the figures that one of the authors' scripts wrote.

    Parameters
    ----------
    name
        A name in ``SUMMARIES``: ``"v9"``, ``"v10"``, ``"v11"``, ``"exp26"``, ``"exp27"``, ``"exp28"``.

    Returns
    -------
    Summary
        A mapping that raises :class:`~homogen.records.BadInput` for a key that it lacks.
    """
    if name not in SUMMARIES:
        raise unknown("summary", name, SUMMARIES)
    path = _fetch(SUMMARIES[name])
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise BadInput(f"{path}: not valid JSON ({error})") from None
    if not isinstance(content, dict):
        raise BadInput(f"{path}: expected a JSON object, got {type(content).__name__}")
    return Summary(content, SUMMARIES[name])


def table(records: Iterable[Any]):
    """Records of one kind as a pandas DataFrame, a column a field.

    Examples
    --------
    >>> one = Density(0, "Law", "Why?", "correct", 0.1, 0.2, 0.5, 0.4)
    >>> table([one]).density_all.tolist()
    [0.5]
    """
    import pandas as pd

    rows = list(records)
    names = [field.name for field in dataclasses.fields(rows[0])] if rows else []
    return pd.DataFrame({name: [getattr(row, name) for row in rows] for name in names})


def wrong_by(answers, convention: str = "decided only"):
    """Right and wrong of answers under one of the four label conventions.

    Parameters
    ----------
    answers
        A DataFrame with columns ``label``, ``correct_score`` and ``incorrect_score``, as :func:`table` makes of
        :func:`greedy_answers`.
    convention
        A name in :data:`CONVENTIONS`.

    Returns
    -------
    numpy.ndarray
        Floats: 1 wrong, 0 right, NaN left out.

    Examples
    --------
    >>> import pandas as pd
    >>> labels = ["correct", "incorrect", "ambiguous"]
    >>> made = pd.DataFrame({"label": labels, "correct_score": [0.5, 0.1, 0.3], "incorrect_score": [0.1, 0.5, 0.2]})
    >>> for name in CONVENTIONS:
    ...     print(wrong_by(made, name))
    [ 0.  1. nan]
    [0. 1. 1.]
    [0. 1. 0.]
    [0. 1. 0.]
    """
    import numpy as np

    label = answers["label"].to_numpy()
    if convention == "decided only":
        return np.where(label == "incorrect", 1.0, np.where(label == "correct", 0.0, np.nan))
    if convention == "undecided wrong":
        return (label != "correct").astype(float)
    if convention == "undecided right":
        return (label == "incorrect").astype(float)
    if convention == "larger overlap":
        return (answers["correct_score"] <= answers["incorrect_score"]).to_numpy(dtype=float)
    raise unknown("label convention", convention, CONVENTIONS)


def _fetch(name: str) -> Path:
    from homogen.questions import sources

    return sources.fetch(name)


def _rows(kind: type, name: str, renamed: Mapping[str, str] = {}) -> list:
    """Read a JSONL file of one kind of record."""
    path = _fetch(name)
    found = []
    for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadInput(f"{name}, line {number}: not valid JSON ({error}); the line may have been cut") from None
        found.append(_record(kind, row, f"{name}, line {number}", renamed))
    return found


def _record(kind: type, row: object, where: str, renamed: Mapping[str, str]) -> Any:
    """Make a record of a row; every field must be there, of its type, and finite."""
    if not isinstance(row, dict):
        raise BadInput(f"{where}: expected a JSON object, got {type(row).__name__}")
    fields = {}
    for field in dataclasses.fields(kind):
        key = renamed.get(field.name, field.name)
        if key not in row:
            raise BadInput(f"{where}: has no {key!r}")
        try:
            fields[field.name] = _READ[field.type](row[key])
        except (ValueError, TypeError):
            raise BadInput(f"{where}: {key} must be {_NEED[field.type]}, got {str(row[key])[:60]!r}") from None
    if "label" in fields and fields["label"] not in LABELS:
        raise unknown(f"label in {where}", fields["label"], LABELS)
    return kind(**fields)


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _truth(value: object) -> bool:
    if value not in (0, 1):  # two files write 0 and 1 for false and true
        raise ValueError
    return bool(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _numbers(value: object) -> tuple[float, ...]:
    # The greedy runs hold their entropies as the text of a list.
    return tuple(map(_number, json.loads(value) if isinstance(value, str) else list(value)))


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(map(_text, value))


_READ = {
    "int": _integer,
    "float": _number,
    "bool": _truth,
    "str": _text,
    "tuple[float, ...]": _numbers,
    "tuple[str, ...]": _texts,
}
_NEED = {
    "int": "a whole number",
    "float": "a finite number",
    "bool": "true or false",
    "str": "a text",
    "tuple[float, ...]": "a list of finite numbers",
    "tuple[str, ...]": "a list of texts",
}
