"""Ask a natural-language-inference model about pairs of texts: every pair once, in full batches, remembered.

An NLI model is any function from n pairs (premise, hypothesis) to an ``(n, 3)`` array of the probabilities of
entailment, neutral and contradiction, in this order. :func:`homogen.models.load_nli` makes one of a cross-encoder's
weights or of a language model. Two identical texts entail each other without the model being asked; an empty text is a
missing answer and must not get here. This room is arrays and strings alone: :mod:`homogen.similarity` and
:mod:`homogen.clustering` stand on it, the model itself stands in :mod:`homogen.models`.

What is no list of texts, questions of another number than lists, and anything but probabilities from the model are a
:class:`~homogen.records.BadInput`: one line that names the item and the mend.
"""

from homogen.nli.asking import (
    CHECK_PAIRS,
    CONTRADICTION,
    ENTAILMENT,
    NEUTRAL,
    NLI,
    Model,
    Pair,
    as_nli,
    examples,
    self_check,
)
from homogen.nli.texts import by_question, with_question
from homogen.records.exports import public as _public

__all__ = _public(globals())
