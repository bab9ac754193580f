"""Right or wrong by the text itself: the same answer, the same words, or the reference inside of it."""

from __future__ import annotations

import operator
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence

from homogen.grading._base import _best
from homogen.grading.phrase import ARTICLES, Phrase


def normalize(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces, after Unicode NFKC.

    SQuAD's normalization, except that a text made of nothing but articles or punctuation keeps them: the answers
    ``"A"`` and ``"+"`` would else be equal to every other such answer. As there, nothing takes the place of
    punctuation, so that 3.5 and 35 are one, and C and C++; :func:`contains` keeps them apart.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    str
        Empty only if the text is empty or white space.

    References
    ----------
    Rajpurkar et al. (2016), SQuAD: 100,000+ Questions for Machine Comprehension of Text.

    Examples
    --------
    >>> normalize("  The  Río de la Plata! ")
    'río de la plata'
    >>> normalize("A")
    'a'
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    bare = "".join(c for c in text if not (c in string.punctuation or unicodedata.category(c).startswith("P")))
    words = bare.split() or text.split()
    return " ".join([word for word in words if word not in ARTICLES] or words)


def exact_match(answer: str, references: Sequence[str]) -> float:
    """Whether the normalized answer equals a normalized reference: SQuAD's exact match, by :func:`normalize`.

    Parameters
    ----------
    answer, references
        As in :func:`contains`.

    Returns
    -------
    float
        1.0 or 0.0; NaN for a missing answer.

    Examples
    --------
    >>> exact_match("the Nile.", ["Nile", "River Nile"])
    1.0
    """
    return _best(answer, references, normalize, operator.eq)


def token_f1(answer: str, references: Sequence[str]) -> float:
    r"""Harmonic mean of token precision and recall against the best reference: SQuAD's F1, by :func:`normalize`.

    .. math:: F_1 = \max_r \frac{2\,|a \cap r|}{|a| + |r|}

    where :math:`a` and :math:`r` are the multisets of normalized tokens of the answer and a reference.

    Parameters
    ----------
    answer, references
        As in :func:`contains`.

    Returns
    -------
    float
        In [0, 1]; NaN for a missing answer.

    References
    ----------
    Rajpurkar et al. (2016), SQuAD: 100,000+ Questions for Machine Comprehension of Text.

    Examples
    --------
    >>> token_f1("the river Nile", ["Nile"])  # precision 1/2, recall 1
    0.6666666666666666
    """

    def f1(given: Counter[str], wanted: Counter[str]) -> float:
        return 2 * (given & wanted).total() / (given.total() + wanted.total())

    return _best(answer, references, lambda text: Counter(normalize(text).split()), f1)


def contains(answer: str, references: Sequence[str]) -> float:
    """Whether a reference stands in the answer as a phrase of whole tokens.

    Also called inclusion match; the default for short facts. What a token is:

    - Case, accents composed or not, width, typographic apostrophes, quotes and dashes, and characters that nobody sees
      make no difference.
    - A number is one whole value with its sign, decimals, ratio, fraction or date: 3.5 is not 35, -5 not 5, 1:10 not
      110; 1,000 is 1000 (so are 1'000 and, with a no-break space, 1 000), ½ is 1/2, 0.50 is 0.5, 07/04/1776 is
      7/4/1776. A minus stands before its number and behind no operand: "2-3 days" holds "3 days".
    - The sign of a unit (``%``, ``‰``, ``°``, ``$`` and other currencies, ``'`` and ``"`` for feet and inches) is its
      word, and may be missing; another unit makes another value. ``<``, ``>``, ``!=`` and ``+`` between operands count.
    - ``C++``, ``C#``, ``A+``, ``A-`` and ``.NET`` are other words than those without the signs; U.S. is US.
    - Any other punctuation parts tokens, and so do HTML tags: dash, slash, table and Markdown; a possessive 's stands
      alone. A compound may also be written as one word: e-mail is email, O'Brien is OBrien.
    - Articles do not count, except an "a" that ends the reference: vitamin A is not vitamin C. The reference "A" is the
      letter, which "a dog" is not.

    Lenient: an answer that names the reference in order to deny it ("it is not Tokyo") counts as well. Scripts that put
    no space between words need :func:`exact_match` or an embedder.

    Parameters
    ----------
    answer, references
        One answer and at least one reference.

    Returns
    -------
    float
        1.0 or 0.0; NaN for a missing answer.

    Examples
    --------
    >>> contains("It is the river Nile, I think.", ["Nile"])
    1.0
    >>> contains("Juniper", ["June"]), contains("35 percent", ["3.5 percent"])
    (0.0, 0.0)
    >>> contains("|Capital|Paris|", ["Paris"]), contains("Paris's river", ["Paris"])
    (1.0, 1.0)
    >>> contains("It is not Tokyo.", ["Tokyo"])
    1.0
    """
    return _best(answer, references, Phrase, Phrase.holds)
