"""The nouns of the project: questions, sampling specs, responses and estimates.

Everything here is a frozen dataclass that checks itself when it is made, and needs nothing but the
standard library. A field of the wrong kind or out of range is a :class:`~homogen.records.BadInput`, one line that names
the thing and the mend. Heavy modules at the edge (models, engines, store) and the array modules in the middle
(clustering, uncertainty, evaluation) meet in these types and nowhere else.
"""

from homogen.records.answers import answer_of, reasoning_opened, without_marks
from homogen.records.checks import BadInput, shown, unknown
from homogen.records.draws import Draws
from homogen.records.exports import public as _public
from homogen.records.nouns import (
    FINISH,
    GREEDY,
    KINDS,
    TRUNCATION_PRESETS,
    Question,
    Response,
    SamplingSpec,
    arrow_schema,
)
from homogen.records.prompts import PROMPTS, PromptTemplate, prompt_template
from homogen.records.results import Estimate, fixed

__all__ = _public(globals())
