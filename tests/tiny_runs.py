"""What the tests of what chapters share have in common: a run by hand, of three questions with three drawn answers."""

import math

import numpy as np
import pyarrow as pa

from homogen.experiment.spread import Ruler
from homogen.records import GREEDY, Question, Response, SamplingSpec, arrow_schema
from homogen.sampling.store import Run

JACCARD, EQUAL = Ruler("Jaccard", 0.4, "single"), Ruler("Jaccard", 1.0, "single")


def letters(texts):
    """A vector a text: how often each of some letters is in it."""
    return np.array([[text.count(letter) for letter in "abcdefpqrswxyz"] for text in texts], float).reshape(-1, 14)


ENTROPIES = [(0.5, 1.5), (2.0,), (0.0, 0.0, 3.0)]


def hand_made(answers, entropies=ENTROPIES, greedy=("a b", "x y", "p q")):
    """A run with these answers; a drawn answer has a token a word, each of probability one half."""
    questions = tuple(Question(f"q{i}", "mine", f"what {i}", references=("a b",)) for i in range(len(answers)))
    rows = []
    for question, first, own, drawn in zip(questions, greedy, entropies, answers, strict=True):
        logprobs = tuple(-0.5 * (k + 1) for k in range(len(own)))
        rows.append(Response(question.id, GREEDY, first, first, "stop", logprobs, own))
        for k, text in enumerate(drawn):
            half = (math.log(0.5),) * len(text.split())
            rows.append(Response(question.id, k, text, text, "length" if k == 2 else "stop", half, (1.0,) * len(half)))
    table = pa.Table.from_pylist([vars(row) for row in rows], schema=arrow_schema())
    return Run("key", SamplingSpec(model="any", n=len(answers[0])), questions, table, {})
