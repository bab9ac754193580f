"""Which answers are wrong: by the number, by the text, or by the nearest known answer.

``decide`` picks the rule that suits a question; ``numbers``, ``matching`` and ``nearest`` are the rules.
"""

from homogen.grading.decide import METHODS, wrong
from homogen.grading.matching import contains, exact_match, normalize, token_f1
from homogen.grading.nearest import CONVENTIONS, STOP_WORDS, Overlap, embedding, overlap, overlap_wrong, words
from homogen.grading.numbers import extract_number, numeric

__all__ = [
    "CONVENTIONS",
    "METHODS",
    "STOP_WORDS",
    "Overlap",
    "contains",
    "embedding",
    "exact_match",
    "extract_number",
    "normalize",
    "numeric",
    "overlap",
    "overlap_wrong",
    "token_f1",
    "words",
    "wrong",
]
