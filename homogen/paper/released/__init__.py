"""The paper's released artifacts as records: thirteen files of per-question results, and nothing filled in.

Every reader here (``files``) fetches its file (:func:`homogen.questions.sources.fetch`), checks each row by the columns
that ``rows`` declares and refuses one that lacks a column: a missing key read as 0 is how one of the released scripts
came to a correlation of 0.000. What is right and wrong is a convention on their ``labels``. A name that is not known is
a :class:`~homogen.records.BadInput` with the nearest ones.
"""

from homogen.paper.released.files import (
    GREEDY_RUNS,
    SUMMARIES,
    Summary,
    adjudications,
    associations,
    densities,
    greedy_answers,
    head_to_head,
    retrievals,
    served,
    summary,
    table,
)
from homogen.paper.released.labels import CONVENTIONS, LABELS, wrong_by
from homogen.paper.released.rows import (
    Adjudication,
    Association,
    Density,
    GreedyAnswer,
    HeadToHead,
    Retrieval,
    ServedQuestion,
)

__all__ = [
    "CONVENTIONS",
    "GREEDY_RUNS",
    "LABELS",
    "SUMMARIES",
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
