"""What the chapters on models have in common: draw answers, measure them with rulers, score them, compare.

Here the pure rooms meet: answers go through ``similarity`` and ``clustering``, scores through ``uncertainty``, both
through ``evaluation``. A chapter says which models, which rulers and which comparison; how is said once, in
``runs``, ``graded``, ``spread`` and ``scores``.

Names that are not known and arguments out of range are a :class:`~homogen.records.BadInput`: one line that names the
thing and the mend. What could not be had is ``NothingToShow``, or is left out and listed.
"""

from homogen.experiment.graded import Graded, graded
from homogen.experiment.runs import (
    GRADED_DEPARTS,
    GREEDY_DEPARTS,
    FirstTokens,
    NothingToShow,
    bounded,
    conduct,
    draw,
    entropy,
    first_tokens,
    had,
    judge,
    not_run,
    word_logprobs,
)
from homogen.experiment.scores import auroc_table, measures, signals
from homogen.experiment.spread import LEXICAL, Ruler, Spread, first_words, remembering, rulers, similarities
from homogen.records.exports import public as _public

__all__ = _public(globals())
