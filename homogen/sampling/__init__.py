"""Questions + spec + engine -> run: ``drawing`` draws what a run lacks, ``store`` keeps what it has.

What is asked for wrongly is a :class:`~homogen.records.BadInput` before anything is drawn: one line that names the
thing and the mend.
"""

from homogen.records.exports import public as _public
from homogen.sampling.drawing import ENGINES, PATIENCE, Engine, engine_kind, engine_of, forget, sample
from homogen.sampling.packed import pack

__all__ = _public(globals())
