"""Which answers are wrong: by the number, by the text, or by the nearest known answer.

``decide`` picks the rule that suits a question; ``numbers``, ``matching`` and ``nearest`` are the rules, and
``judging`` asks a language model. How far each can be trusted is measured on answers labelled by hand
(:func:`labelled`).

A method, convention or label that is not known is a :class:`~homogen.records.BadInput` with the nearest names. Answers
of another number than questions, a question without a reference, and a single string in place of a list are a
ValueError: both are one line.
"""

from homogen.grading.decide import METHODS, wrong
from homogen.grading.judging import judge_prompts, judged, labelled
from homogen.grading.matching import contains, exact_match, normalize, token_f1
from homogen.grading.nearest import CONVENTIONS, STOP_WORDS, Overlap, embedding, overlap, overlap_wrong, words
from homogen.grading.numbers import extract_number, numeric
from homogen.records.exports import public as _public

__all__ = _public(globals())
