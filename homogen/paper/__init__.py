"""The paper: what it reports, the files that were released with it, and the ledger that holds one to the other.

A claim, experiment or file that is not known is a :class:`~homogen.records.BadInput` with the nearest names.
"""

from homogen.paper.claims import Claim, claims
from homogen.records.exports import public as _public

__all__ = _public(globals())
