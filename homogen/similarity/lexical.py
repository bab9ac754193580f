"""Likeness of wording: shared bigrams and longest common subsequences."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise

import numpy as np
import pandas as pd
from scipy import sparse

from homogen.grading import text as _text
from homogen.records.checks import one_of
from homogen.similarity._base import distinct_texts, flatten

_UNITS = ("char-bigram", "word-bigram")
_BLOCK = 1600  # answers at a time: the tables of more outgrow the processor's cache and want new memory each time
# What str.split() takes for white space, by the bytes and the characters.
_IS_SPACE = bytes(byte < 128 and chr(byte).isspace() for byte in range(256))
_OTHER_SPACES = [c for c in map(chr, range(128, sys.maxunicode + 1)) if c.isspace()]
_NO_BYTES = np.array([2**64 - 256**n for n in range(9)], dtype="<u8")


def jaccard(answers: Iterable[Sequence[str]], unit: str = "word-bigram") -> list[np.ndarray]:
    r"""Share of bigrams that two answers have in common.

    .. math:: S_{ij} = \frac{|A_i \cap A_j|}{|A_i \cup A_j|}

    where :math:`A_i` is the *set* of adjacent pairs of words (or of characters) of text :math:`i`, lower-cased
    and split on white space. A text of one word (or one character) is its own single element. Accents, composed or not,
    typographic apostrophes and quotes, and characters that nobody sees are one spelling.

    Parameters
    ----------
    answers
        One list of texts a question; the lists may differ in length. An empty text, or one of white space alone, is
        missing.
    unit
        ``"word-bigram"``, the paper's, or ``"char-bigram"``: pairs of neighbouring characters, inner spaces
        included, of the text without the white space around it.

    Returns
    -------
    list of numpy.ndarray
        One ``(N, N)`` float64 matrix a question, in [0, 1], symmetric, ones on the diagonal; NaN where an answer is
        missing.

    Notes
    -----
    Every distinct text is taken apart once and its bigrams become whole numbers. Each question then gets columns of its
    own in one sparse 0/1 matrix ``X`` with a row an answer, so that ``X @ X.T`` holds the sizes of all intersections
    within questions and nothing between them. Blocks of some hundred questions keep these tables small.

    Punctuation stays: "Paris" and "Paris." are different words. Two answers of one word are therefore
    either the same (1) or unlike (0), whatever they mean. Each value is one correctly rounded division, so
    a similarity of two fifths is equal to a threshold written ``0.4`` and not a rounding error below it.

    Chinese, Japanese, Thai and other scripts put no space between words, so that a sentence would be one word: pairs of
    words of such texts warn, and ``unit="char-bigram"`` is the form for them.

    References
    ----------
    P. Jaccard (1912), "The distribution of the flora in the alpine zone", *New Phytologist* 11(2), 37-50.

    Examples
    --------
    Of the four bigrams "the cat", "cat sat", "sat down" and "sat up" two are shared:

    >>> first, second = jaccard([["the cat sat down", "The cat sat up"], ["Paris", "paris", " "]])
    >>> first
    array([[1. , 0.5],
           [0.5, 1. ]])
    >>> second
    array([[ 1.,  1., nan],
           [ 1.,  1., nan],
           [nan, nan, nan]])
    """
    one_of("unit", unit, _UNITS)
    texts, lengths = flatten(answers)
    if unit == "word-bigram":
        _warn_of_unspaced(texts, "word bigrams")
    ends = np.cumsum(lengths)
    cuts = np.flatnonzero(np.diff(ends // _BLOCK)) + 1
    edges = [0, *ends[cuts - 1].tolist(), len(texts)]
    blocks = zip(pairwise(edges), np.split(lengths, cuts), strict=True)
    return [S for (start, end), own in blocks for S in _jaccard(texts[start:end], own, unit)]


def _jaccard(texts: list[str], lengths: np.ndarray, unit: str) -> list[np.ndarray]:
    """Similarities of some questions, whose texts lie one after the other."""
    if not texts:
        return [np.empty((0, 0)) for _ in lengths]
    text_of, distinct = distinct_texts(texts)
    bigrams, size = _bigrams(distinct, unit)

    # A row a distinct answer of each question, and columns of its own for each question.
    question = np.repeat(np.arange(len(lengths)), lengths)
    row, row_of = np.unique(question * len(distinct) + text_of, return_inverse=True)
    row_question, row_text = np.divmod(row, len(distinct))
    count = size[row_text]
    first = np.cumsum(size) - size
    flat = np.arange(count.sum()) + np.repeat(first[row_text] - (np.cumsum(count) - count), count)
    column, seen = pd.factorize(np.repeat(row_question, count) * (bigrams.max(initial=0) + 1) + bigrams[flat])
    indptr = np.concatenate([[0], np.cumsum(count)])
    X = sparse.csr_array((np.ones(len(column), dtype=np.int32), column, indptr), shape=(len(row), len(seen)))
    X.sum_duplicates()
    X.data[:] = 1  # a bigram said twice counts once
    shared = (X @ X.T).tocoo()

    # Blocks lie flat one after the other: row r of a question of m distinct answers starts m places after row r-1.
    rows = np.bincount(row_question, minlength=len(lengths))
    start, width = _block_starts(rows, row_question)
    first_row = (np.cumsum(rows) - rows)[row_question]
    intersection = np.zeros(width.sum())
    intersection[start[shared.row] + shared.col - first_row[shared.row]] = shared.data

    # Every pair of answers looks up the pair of its texts.
    own = np.where(np.diff(X.indptr) > 0, np.diff(X.indptr), np.nan)  # a missing answer makes its row and column NaN
    out, N = _block_starts(lengths, question)
    a = np.repeat(np.arange(len(texts)), N)
    b = np.arange(len(a)) + ((np.cumsum(lengths) - lengths)[question] - out)[a]
    i, j = row_of[a], row_of[b]
    common = intersection[start[i] + j - first_row[i]]
    ratio = common / (own[i] + own[j] - common)
    ends = np.cumsum(lengths**2).tolist()
    return [ratio[end - n * n : end].reshape(n, n) for n, end in zip(lengths.tolist(), ends, strict=True)]


def _block_starts(sizes: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each row of square blocks that lie flat one after the other starts, and how long it is."""
    width = sizes[owner]
    return np.cumsum(width) - width, width


def rouge_l(answers: Iterable[Sequence[str]]) -> list[np.ndarray]:
    r"""ROUGE-L: words that two answers have in common in the same order.

    .. math:: S_{ij} = \frac{2 P R}{P + R} = \frac{2\,\mathrm{LCS}(w_i, w_j)}{|w_i| + |w_j|}

    the F-measure of precision :math:`P = \mathrm{LCS}/|w_j|` and recall :math:`R = \mathrm{LCS}/|w_i|`, where
    :math:`\mathrm{LCS}` is the length of the longest common subsequence of the words, which need not be adjacent.

    Parameters
    ----------
    answers
        As in :func:`jaccard`.

    Returns
    -------
    list of numpy.ndarray
        One ``(N, N)`` float64 matrix a question, in [0, 1], symmetric, ones on the diagonal; NaN where an answer is
        missing.

    Notes
    -----
    Words are runs of letters and digits with their marks (accents, vowel signs), lower-cased, as in the ``rouge-score``
    package without its stemmer; letters of every script count, where that package knows a-z alone, and spelling is one
    as in :func:`jaccard`. Scripts without spaces warn as there. A text without any word (``"?!"``) is one of its own.
    The common subsequence is found bit-parallel: one row of the table is one whole number, whatever its length. A pair
    of texts that several questions share is compared once.

    References
    ----------
    C.-Y. Lin (2004), "ROUGE: A package for automatic evaluation of summaries", ACL workshop *Text Summarization
    Branches Out*. H. Hyyrö (2004), "Bit-parallel LCS-length computation revisited", AWOCA.

    Examples
    --------
    "the cat … down" is common, 3 words of 4 and 4:

    >>> rouge_l([["The cat sat down.", "The cat lay down."]])
    [array([[1.  , 0.75],
           [0.75, 1.  ]])]
    """
    texts, lengths = flatten(answers)
    text_of, distinct = distinct_texts(texts)
    _warn_of_unspaced(distinct, "ROUGE-L")
    words = [_text.words(_text.spelled(text).lower()) or text.split() for text in distinct]
    # Where each word of a text stands, as bits of a whole number.
    places: list[dict[str, int]] = []
    for row in words:
        bits: dict[str, int] = {}
        for k, word in enumerate(row):
            bits[word] = bits.get(word, 0) | 1 << k
        places.append(bits)
    known: dict[tuple[int, int], float] = {}
    matrices = []
    for ids in np.split(text_of, np.cumsum(lengths)[:-1]) if len(lengths) else []:
        own, place = np.unique(ids, return_inverse=True)
        S = np.ones((len(own), len(own)))
        for a, i in enumerate(own.tolist()):
            for b, j in enumerate(own[:a].tolist()):
                if (i, j) not in known:
                    total = len(words[i]) + len(words[j])
                    known[i, j] = 2 * _lcs(places[i], len(words[i]), words[j]) / total if total else 0.0
                S[a, b] = S[b, a] = known[i, j]
        missing = [not words[i] for i in own.tolist()]
        S[missing] = S[:, missing] = np.nan
        matrices.append(S[np.ix_(place, place)])
    return matrices


def _warn_of_unspaced(texts: list[str], what: str) -> None:
    """Say once of a batch that some text has no spaces to part its words."""
    if any(not text.isascii() and _text.unspaced(text) for text in texts):
        # Always the same words, so that Python says them once however many questions there are.
        warnings.warn(
            f"{what}: some texts are in a script without spaces, where a sentence passes for one word; compare "
            'characters, by similarity.jaccard(answers, unit="char-bigram")',
            stacklevel=3,
        )


def _lcs(places: dict[str, int], n: int, other: list[str]) -> int:
    """Length of the longest common subsequence: zeros among the n low bits once every word of the other has passed."""
    full = (1 << n) - 1
    row = full
    for word in other:
        matched = row & places.get(word, 0)
        row = (row + matched | row - matched) & full
    return n - row.bit_count()


def _bigrams(texts: list[str], unit: str) -> tuple[np.ndarray, np.ndarray]:
    """Bigrams of all texts as whole numbers, one text after the other, and how many each text has."""
    texts = [text if text.isascii() else _text.spelled(text) for text in texts]
    code = _words(texts) if unit == "word-bigram" else _characters(texts)
    end = code[-1]
    ends = np.flatnonzero(code == end)
    parts = np.diff(ends, prepend=-1) - 1
    # The end of a text begins no pair, and neither does its last part, unless it is the only one: then it and the end
    # make the pair that stands for it.
    begins = code != end
    begins[ends[parts > 1] - 1] = False
    return (code * (code.max() + 1) + np.roll(code, -1))[begins], np.where(parts > 1, parts - 1, parts)


def _characters(texts: list[str]) -> np.ndarray:
    """The characters of all texts as whole numbers, lower-cased, with a mark of its own kind after each text."""
    parts = list(chain.from_iterable((*text.lower().strip(), "") for text in texts))  # no character is empty
    return pd.factorize(np.fromiter(parts, dtype=object, count=len(parts)))[0]


def _words(texts: list[str]) -> np.ndarray:
    """The words of all texts as whole numbers, lower-cased, with a mark of its own kind after each text.

    Short words are numbered by their bytes and never become strings of their own, which would be half of all the work.
    """
    mark = "\0"
    if any(mark in text for text in texts):
        used = set(" ".join(texts).lower())
        others = (c for c in map(chr, range(sys.maxunicode + 1)) if c.lower() == c and not c.isspace())
        mark = next(c for c in others if c not in used)
    joined = f" {mark} ".join([*texts, ""]).lower()
    if not joined.isascii():
        for other in _OTHER_SPACES:
            joined = joined.replace(other, " ")
    raw = f" {joined}        ".encode("utf-8", "surrogatepass")
    space = np.frombuffer(raw.translate(_IS_SPACE), dtype=bool)
    edges = np.flatnonzero(space[1:] != space[:-1]) + 1
    start, length = edges[::2], edges[1::2] - edges[::2]
    # Eight bytes from each place of the text as one number; the byte 255, which UTF-8 never has, stands for no byte.
    eight = np.ndarray(len(raw) - 7, dtype="<u8", buffer=raw, strides=(1,))
    code, short = pd.factorize(eight[start] | _NO_BYTES[np.minimum(length, 8)])
    long = np.flatnonzero(length > 8)
    words = [raw[i : i + n] for i, n in zip(start[long].tolist(), length[long].tolist(), strict=True)]
    code[long] = len(short) + pd.factorize(np.fromiter(words, dtype=object, count=len(words)))[0]
    return code
