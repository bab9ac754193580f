"""What to ask: benchmarks and files of your own as lists of :class:`~homogen.records.Question`.

``catalogue`` knows the benchmarks, ``readers`` their formats, ``sources`` where public files are and what they must be.

A name that is not known, a file that cannot be read and a line that is no question are a
:class:`~homogen.records.BadInput`: one line with the nearest names, or the file and the line's number.
"""

from homogen.questions.catalogue import BENCHMARKS, Benchmark, benchmarks, load_questions, question_sha
from homogen.records.exports import public as _public

__all__ = _public(globals())
