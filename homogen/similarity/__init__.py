"""How alike are N answers to one question: texts to an ``(N, N)`` similarity matrix.

Every measure returns a symmetric float64 matrix with ones on the diagonal, and NaN in the row and the column of
a missing answer (an empty text), so that :func:`homogen.clustering.cluster` leaves it out. The batched forms take
a list of lists, one list of answers a question, and do a whole benchmark at once: that is where the speed is.
"""

from homogen.similarity.embedding import Embedder, cosine, cosine_batch, cosine_of, embed
from homogen.similarity.entailment import (
    entailment,
    entailment_batch,
    noncontradiction,
    noncontradiction_batch,
    weighted_nli,
    weighted_nli_batch,
)
from homogen.similarity.lexical import jaccard, jaccard_batch, rouge_l, rouge_l_batch

__all__ = [
    "Embedder",
    "cosine",
    "cosine_batch",
    "cosine_of",
    "embed",
    "entailment",
    "entailment_batch",
    "jaccard",
    "jaccard_batch",
    "noncontradiction",
    "noncontradiction_batch",
    "rouge_l",
    "rouge_l_batch",
    "weighted_nli",
    "weighted_nli_batch",
]
