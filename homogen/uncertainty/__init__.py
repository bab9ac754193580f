"""How unsure a model is of its answer: one number a question, *higher = less certain*.

Three sources:

- ``tokens``: what the model said of its own tokens while it answered once: entropies and log-probabilities, a row of T
  numbers an answer, rows of different length. ``stated``: what it says when asked how sure it is.
- ``questions`` and ``wording``: the question alone, the paper's boundaries B2 to B4, and its evidence, B5.
- ``samples``, ``consistency`` and ``graphs``: whether N drawn answers to one question agree, read off labels,
  log-probabilities, embeddings, NLI or similarities. It says nothing where all answers are alike.

**Direction.** Higher = less certain holds for every score, whatever its name: a probability, a density, a degree or a
confidence goes in the other direction and comes out turned round. The least score is not always 0.

**Missing and undefined.** Missing answers (label -1, a row and column of NaN, a row of NaN, NaN) are left out; an
embedding or a row of probabilities that is NaN *in part* is a mistake. What is undefined is NaN, never 0: an answer
without tokens or with NaN among them, a question with fewer than two answers left. Natural logarithms throughout
(nats). A value on the wrong side of a bound by at most .001, which low precision may leave, is taken for the bound.

**Shapes.** A list of questions goes in and one score a question comes out, an array; a question alone is a list of one.
The measures of tokens take a list of answers, and give one score an answer. No questions have no scores; a question
without answers scores NaN.

**Mistakes.** All raise :class:`~homogen.records.BadInput`, a ValueError of one line that names the answer or question,
if a type, a shape, a sign, a range or an infinity is wrong.

**Order.** The order of the drawn answers changes nothing, not the last bit, which could untie two equal questions. Two
exceptions: SINdex clusters in that order by its own definition, and scores read off eigenvalues agree to 12 decimals.
"""

from homogen.records.exports import public as _public
from homogen.uncertainty.boundaries import embedding_density, entity_association, grounding
from homogen.uncertainty.consistency import cocoa, selfcheck, selfcheck_nli, semantic_density, sindex
from homogen.uncertainty.graphs import (
    degree,
    eccentricity,
    kernel_language_entropy,
    laplacian,
    lexical_dissimilarity,
    vendi_score,
)
from homogen.uncertainty.samples import (
    NORMALIZATIONS,
    number_of_sets,
    overlapping_semantic_entropy,
    predictive_entropy,
    semantic_entropy,
)
from homogen.uncertainty.stated import p_true, verbalized_confidence
from homogen.uncertainty.tokens import (
    high_entropy_ratio,
    max_entropy,
    mean_entropy,
    minimum_token_probability,
    negative_log_likelihood,
    perplexity,
    std_entropy,
)
from homogen.uncertainty.wording import CUES, entities, freshness

__all__ = _public(globals())
