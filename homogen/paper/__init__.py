"""The paper: what it reports, the files that were released with it, and the ledger that holds one to the other."""

from homogen.paper.claims import Claim, claims

__all__ = ["Claim", "claims"]
