"""How alike are the answers to each question: one list of texts to one ``(N, N)`` similarity matrix.

Every measure takes a list of questions, each the list of its N answers, and does all of them at once: that is where the
speed is. It gives one symmetric float64 matrix a question, with ones on the diagonal, and NaN in the row and the column
of a missing answer (an empty text), so that :func:`homogen.clustering.cluster` leaves it out. A question alone is a
list of one. ``lexical`` compares words, ``embedding`` vectors; ``entailment`` asks an NLI model.

An argument of the wrong kind or out of range is a :class:`~homogen.records.BadInput`, one line that names the question
and the mend; so are embeddings of another shape than ``(n, d)``, or with a vector that is zero, NaN or infinite (it
names the text), and what an NLI model returns that is no row of probabilities.
"""

from homogen.records.exports import public as _public
from homogen.similarity.embedding import Embedder, cosine, cosine_of, embed
from homogen.similarity.entailment import entailment, noncontradiction, weighted_nli
from homogen.similarity.lexical import jaccard, rouge_l

__all__ = _public(globals())
