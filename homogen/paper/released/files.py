"""Readers of the released files: one for each kind of row, and the figures that the authors' scripts wrote."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from homogen.paper.released.rows import (
    Adjudication,
    Association,
    Density,
    GreedyAnswer,
    HeadToHead,
    Retrieval,
    ServedQuestion,
    json_object,
    read,
)
from homogen.records import BadInput, unknown

GREEDY_RUNS = {
    "qwen3-14b": "published/v4_qwen3-14b_fluency.jsonl",
    "qwen3-14b-first": "published/v1a_fluency.jsonl",
    "qwen3-4b": "published/v4_qwen3-4b_fluency.jsonl",
    "llama3.2-3b": "published/v4_llama3.2-3b_fluency.jsonl",
}
"""The greedy runs and their files; ``qwen3-14b`` and ``qwen3-14b-first`` hold the same answers."""

SUMMARIES = {
    "v9": "published/v9_summary.json",
    "v10": "published/v10_summary.json",
    "v11": "published/v11_cascade_demo.json",
    "exp26": "published/exp26_minimax_scr.json",
    "exp27": "published/exp27_sindex_headtohead.json",
    "exp28": "published/exp28_nli_validation.json",
}
"""The figures that the authors' scripts wrote, by name."""


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
        self._content, self.source = content, source

    def __getitem__(self, key: str) -> Any:
        if key not in self._content:
            raise BadInput(f"{self.source}: has no {key!r} (there are: {', '.join(map(str, self._content))})")
        value = self._content[key]
        return Summary(value, f"{self.source}, {key}") if isinstance(value, dict) else value

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
    return _lines(GreedyAnswer, GREEDY_RUNS[run])


def densities() -> list[Density]:
    """Read the embedding densities of the 401 questions labelled correct or incorrect."""
    return _lines(Density, "published/v1b_density.jsonl")


def associations() -> list[Association]:
    """Read the entities of all 790 questions and their association scores."""
    return _lines(Association, "published/v10_b4_assoc.jsonl")


def retrievals() -> list[Retrieval]:
    """Read the 100 HotpotQA questions answered with and without retrieval."""
    return _lines(Retrieval, "published/v9_end_to_end.jsonl")


def served() -> dict[str, list[ServedQuestion]]:
    """Read the raw samples of the two served models, 50 questions each, by model."""
    content = summary("exp26")
    return {model: _rows(ServedQuestion, content[model], "per_question", {"model": model}) for model in content}


def head_to_head() -> list[HeadToHead]:
    """Read the 200 questions on which SINdex, semantic entropy and token entropy were compared."""
    return _rows(HeadToHead, summary("exp27"), "per_question")


def adjudications() -> list[Adjudication]:
    """Read the verdicts of the NLI cross-encoder on 30 single-cluster and 20 multi-cluster questions."""
    results = summary("exp28")["results"]
    one = _rows(Adjudication, results, "single_cluster", {"single": True, "n_emb_clusters": 1})
    return one + _rows(Adjudication, results, "multi_cluster", {"single": False})


def summary(name: str) -> Summary:
    """Read the figures that one of the authors' scripts wrote.

    Parameters
    ----------
    name
        A name in :data:`SUMMARIES`: ``"v9"``, ``"v10"``, ``"v11"``, ``"exp26"``, ``"exp27"``, ``"exp28"``.

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
    return Summary(json_object(content, path), SUMMARIES[name])


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


def _fetch(name: str) -> Path:
    from homogen.questions import sources

    return sources.fetch(name)


def _lines(kind: type, name: str) -> list:
    """Read a JSONL file of one kind of record."""
    found = []
    for number, line in enumerate(_fetch(name).read_text("utf-8").split("\n"), 1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadInput(f"{where}: not valid JSON ({error}); the line may have been cut") from None
        found.append(read(kind, row, where))
    return found


def _rows(kind: type, content: Summary, key: str, known: Mapping[str, Any] = {}) -> list:
    """Read the rows of one kind of record in a file of figures, with what is known of all of them."""
    named = ((row, f"{content.source}, {key} {i}") for i, row in enumerate(content[key]))
    return [read(kind, {**known, **json_object(row, where)}, where) for row, where in named]
