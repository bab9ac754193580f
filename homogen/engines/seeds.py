"""Seeds: of a sequence's stream, and of a request to an engine that draws in another program."""

from __future__ import annotations

from homogen.records.files import digest


def stream_seed(seed: int, question: str, sample: int) -> bytes:
    """Seed of the stream that one answer is drawn with: 32 bytes that depend on nothing else."""
    return bytes.fromhex(digest(f"{seed}|{question}|{sample}"))


def request_seed(seed: int, question: str, sample: int) -> int:
    """Seed of one request: 31 bits (servers keep seeds in 32) of what seeds the transformers engine.

    Of the spec's seed, the question's id and the number of the answer, -1 for the greedy one.

    Examples
    --------
    >>> request_seed(42, "q001", 0) == request_seed(42, "q001", 0) != request_seed(42, "q001", 1)
    True
    """
    return int.from_bytes(stream_seed(seed, question, sample)[:4]) >> 1
