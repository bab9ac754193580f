"""Seeds for engines that draw in another program: one a request, as the transformers engine has a stream a sequence."""

from __future__ import annotations

import hashlib


def request_seed(seed: int, question: str, sample: int) -> int:
    """Seed of one request: 31 bits (servers keep seeds in 32) of the digest that seeds the transformers engine.

    Parameters
    ----------
    seed
        Of the spec.
    question
        Its id.
    sample
        Number of the answer; -1 for the greedy one.

    Examples
    --------
    >>> request_seed(42, "q001", 0) == request_seed(42, "q001", 0) != request_seed(42, "q001", 1)
    True
    """
    return int.from_bytes(hashlib.sha256(f"{seed}|{question}|{sample}".encode()).digest()[:4]) >> 1
