"""What every similarity needs: all texts of a benchmark in one row, and the distinct ones among them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from homogen.records import BadInput


def flatten(texts_by_question: Iterable[Sequence[str]]) -> tuple[list[str], np.ndarray]:
    """All texts in one list, and how many belong to each question."""
    texts: list[str] = []
    lengths: list[int] = []
    for q, answers in enumerate(texts_by_question):
        if isinstance(answers, str):
            raise BadInput(f"expected a list of answers, got one text: {answers[:40]!r}")
        for i, text in enumerate(answers):
            if not isinstance(text, str):
                raise BadInput(f"answer {i} of question {q} is {text!r}, not a text (a missing answer is '')")
        texts.extend(answers)
        lengths.append(len(answers))
    return texts, np.array(lengths, dtype=int)


def distinct_texts(texts: list[str]) -> tuple[np.ndarray, list[str]]:
    """The number of each text among the distinct ones, and those in order of first appearance."""
    number = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    return np.fromiter(map(number.__getitem__, texts), dtype=int, count=len(texts)), list(number)
