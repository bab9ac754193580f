"""Answer and references to wrong or not.

Every grader takes plain strings. A missing answer (empty or white space) is NaN: neither wrong nor right, and
left to the caller's coverage. :func:`wrong` grades a whole benchmark, one float a question: 1 wrong, 0 right.
"""

from __future__ import annotations

import dataclasses
import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from homogen import _numbers
from homogen._text import Phrase, spelled
from homogen.records import BadInput, Question, unknown

CONVENTIONS = ("compare", "drop", "right", "wrong")
"""Known ways to count an undecided overlap; see :func:`overlap_wrong`."""

METHODS = ("auto", "contains", "embedding", "exact", "f1", "numeric", "overlap", "words")
"""Known ways to grade; see :func:`wrong`."""

_STOP = """
    a above after again all an and are as at be been before being below between both but by can could did do does
    during each few for from further had has have he her here him his how i if in into is it its may me might more
    most my no nor not of off on once only or other our out over own same shall she should so some such than that
    the their them then there these they this those through to too under us very was we were what when where which
    who whom why will with would you your
"""
STOP_WORDS = frozenset(_STOP.split())
"""The words that :func:`overlap` leaves out; the list with which the paper's labels were made."""

_ARTICLES = frozenset(("a", "an", "the"))
_NEGATIONS = frozenset(("no", "nor", "not"))
_NEGATED = re.compile(r"\b(?:\w+n't|cannot)\b", re.IGNORECASE)
# "us" is a stop word; the U.S.S.R. is another country.
_COUNTRIES = (
    (re.compile(r"\bU(?:\.\s?S\.(?:\s?A\.)?(?!\w|\s?\w\.)|SA?\b)"), "United States"),
    (re.compile(r"\bU(?:\.\s?K\.(?!\w|\s?\w\.)|K\b)"), "United Kingdom"),
)
_MARGIN, _FLOOR = 0.05, 0.1


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
    return " ".join([word for word in words if word not in _ARTICLES] or words)


def exact_match(answer: str, references: Sequence[str]) -> float:
    """Whether the normalized answer equals a normalized reference: SQuAD's exact match, by :func:`normalize`.

    Parameters
    ----------
    answer, references
        One answer and at least one reference.

    Returns
    -------
    float
        1.0 or 0.0; NaN for a missing answer.

    Raises
    ------
    ValueError
        If there is no reference, or a single string in place of a list.

    Examples
    --------
    >>> exact_match("the Nile.", ["Nile", "River Nile"])
    1.0
    """
    references = _listed(references)
    if _missing(answer):
        return math.nan
    return float(normalize(answer) in {normalize(r) for r in references})


def token_f1(answer: str, references: Sequence[str]) -> float:
    r"""Harmonic mean of token precision and recall against the best reference: SQuAD's F1, by :func:`normalize`.

    .. math:: F_1 = \max_r \frac{2\,|a \cap r|}{|a| + |r|}

    where :math:`a` and :math:`r` are the multisets of normalized tokens of the answer and a reference.

    Parameters
    ----------
    answer, references
        One answer and at least one reference.

    Returns
    -------
    float
        In [0, 1]; NaN for a missing answer.

    Raises
    ------
    ValueError
        If there is no reference, or a single string in place of a list.

    References
    ----------
    Rajpurkar et al. (2016), SQuAD: 100,000+ Questions for Machine Comprehension of Text.

    Examples
    --------
    >>> token_f1("the river Nile", ["Nile"])  # precision 1/2, recall 1
    0.6666666666666666
    """
    references = _listed(references)
    if _missing(answer):
        return math.nan
    given = Counter(normalize(answer).split())
    best = 0.0
    for reference in references:
        wanted = Counter(normalize(reference).split())
        best = max(best, 2 * (given & wanted).total() / (given.total() + wanted.total()))
    return best


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

    Raises
    ------
    ValueError
        If there is no reference, or a single string in place of a list.

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
    references = _listed(references)
    if _missing(answer):
        return math.nan
    given = Phrase(answer)
    return float(any(given.holds(Phrase(r)) for r in references))


def extract_number(text: str) -> float | None:
    r"""The number that an answer states, or ends on.

    The first number after the last ``####`` (GSM8K's mark); if there is none, the one in the last ``\boxed{}``, after
    its ``=`` if it has one; else the first after the last "answer is" or "answer:" (also "would be", "in dollars:",
    in bold, or a heading of its own); else the first after the last ``=``, unless that is no money and a later
    sentence ends on a sum of money; else the last number of the text.

    Commas, no-break and thin spaces part thousands (``1,234,567`` and ``12,34,567``), in TeX also ``{,}`` and
    ``\,``; digits and commas that are no number (``1,234,56``) are passed over. A currency or per-cent sign is ignored
    (``50%`` is 50); a fraction is its value (``3/4``, ``¾`` and ``\frac{3}{4}`` are 0.75, ``1 1/2`` is 1.5), and so
    is a power (``3 \times 10^5``), while the exponent of a unit (``cm^2``) is no number. A time of day is its hours
    (``9:00`` is 9, ``7:30`` is 7.5, whether am or pm), and so is what looks like one (the ratio ``2:15``); a minus
    counts where it touches the number and follows no operand (``5-3`` ends on 3). Digits inside a word (``CO2``) are
    no number.

    These rules read no sense: "27, since 14 + 13" gives 13, "the answer is 14 + 13 = 27" gives 14, and "7 + 3 = 10 =
    2 * 5" gives 2.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    float or None
        None if there is no finite number.

    References
    ----------
    Cobbe et al. (2021), Training Verifiers to Solve Math Word Problems.

    Examples
    --------
    >>> extract_number("3 boxes of 6 make 18, so she pays $1,234.50.")
    1234.5
    >>> extract_number("2 + 2 = 4 #### -4 (or 5)")
    -4.0
    >>> extract_number("The answer is 42. I hope that these 3 steps help.")
    42.0
    >>> extract_number("12 + 6 = 18 marbles in 2 bags"), extract_number("It ends at 9:00 pm.")
    (18.0, 9.0)
    >>> extract_number(r"So it is $\boxed{2\frac{1}{2}}$, in 3 steps."), extract_number("**Answer**: 36 cm^2")
    (2.5, 36.0)
    >>> extract_number("none") is None
    True
    """
    return _numbers.stated(text)


def numeric(answer: str, references: Sequence[str], tolerance: float = 1e-6) -> float:
    r"""Whether the answer's number equals a reference's: :math:`|a - r| \le \text{tolerance} \cdot \max(1, |r|)`.

    An answer without any number is not correct: it was asked for one and gave none.

    Parameters
    ----------
    answer, references
        One answer and at least one reference; references without a number are passed over.
    tolerance
        Relative for references beyond 1, absolute below.

    Returns
    -------
    float
        1.0 or 0.0; NaN for a missing answer.

    Raises
    ------
    ValueError
        If there is no reference, or a single string in place of a list.
    BadInput
        If no reference has a number.

    Examples
    --------
    >>> numeric("She has 1,200 left.", ["1200"]), numeric("I cannot tell.", ["1200"])
    (1.0, 0.0)
    """
    targets = [n for n in map(extract_number, _listed(references)) if n is not None]
    if not targets:
        raise BadInput(f"no number in the references {list(references)!r}; grade this question by another method")
    if _missing(answer):
        return math.nan
    value = extract_number(answer)
    return float(value is not None and any(abs(value - t) <= tolerance * max(1.0, abs(t)) for t in targets))


@dataclasses.dataclass(frozen=True)
class Overlap:
    """Word overlap of an answer with its references.

    Parameters
    ----------
    correct, incorrect
        Best Jaccard index with a reference and with a distractor, in [0, 1]; NaN if missing.
    label
        ``"correct"``, ``"incorrect"``, ``"ambiguous"``, ``"no_match"`` or ``"missing"``.
    """

    correct: float
    incorrect: float
    label: str


def overlap(answer: str, references: Sequence[str], distractors: Sequence[str]) -> Overlap:
    r"""The paper's word-overlap label of an answer.

    .. math:: c = \max_r \frac{|A \cap R|}{|A \cup R|}

    over the references, :math:`i` the same over the distractors; :math:`A` and :math:`R` are sets of content words
    (runs of a-z and apostrophes, without :data:`STOP_WORDS`). ``correct`` if :math:`c > i + 0.05`, ``incorrect`` if
    :math:`i > c + 0.05`, else ``ambiguous`` if both exceed 0.1, else ``no_match``. Negations are stop words and
    digits no words: the label is cheap, not clever, and a reference given word for word may come out wrong. It is here
    for what reproduces the paper; :func:`words` is the rule to grade by. ``missing`` if the answer is, or if no
    reference or none of the distractors has any content word, so that there is nothing to compare.

    Parameters
    ----------
    answer, references
        One answer and at least one correct answer.
    distractors
        Incorrect answers; with none, ``incorrect`` is 0.

    Returns
    -------
    Overlap
        The two Jaccard indices and the label.

    Raises
    ------
    ValueError
        If there is no reference, or a single string in place of a list.

    References
    ----------
    Liu (2026), The Alignment Tax, arXiv 2603.24124.

    Examples
    --------
    >>> overlap("Bats see well", ["Bats can see"], ["Bats are blind"])  # 2/3 against 1/4
    Overlap(correct=0.6666666666666666, incorrect=0.25, label='correct')
    """
    rights = [words for words in map(_content, _listed(references)) if words]
    wrongs = [words for words in map(_content, _listed(distractors, least=0)) if words]
    if _missing(answer) or not rights or (len(distractors) and not wrongs):
        return Overlap(math.nan, math.nan, "missing")
    return _compared(_content(answer), rights, wrongs)


def words(answer: str, references: Sequence[str], distractors: Sequence[str]) -> Overlap:
    r"""The word-overlap label of an answer, by a rule that knows an answer when it is given word for word.

    The comparison of :func:`overlap`, :math:`c = \max_r |A \cap R| / |A \cup R|` against the same over the
    distractors, with these amends: an answer that is a reference word for word is ``correct`` (1 against 0), one that
    is a distractor ``incorrect``; words are the tokens of :func:`contains`, so that digits and letters of every script
    count; negations (no, not, nor, cannot, n't) are words, and U.S. is United States; a text of stop words alone is
    compared by these. Nothing is ``missing`` but a missing answer.

    Parameters
    ----------
    answer, references
        One answer and at least one correct answer.
    distractors
        Incorrect answers; with none, ``incorrect`` is 0.

    Returns
    -------
    Overlap
        The two Jaccard indices and the label.

    Raises
    ------
    ValueError
        If there is no reference, or a single string in place of a list.

    Examples
    --------
    >>> words("You can't catch it", ["You can’t catch it"], ["You can catch it"])
    Overlap(correct=1.0, incorrect=0.0, label='correct')
    >>> words("In 1945, I think", ["1945"], ["1944"])  # {1945, think} and {1945}
    Overlap(correct=0.5, incorrect=0.0, label='correct')
    """
    references, distractors = _listed(references), _listed(distractors, least=0)
    if _missing(answer):
        return Overlap(math.nan, math.nan, "missing")
    known = _word_for_word(answer, references, distractors)
    if known is not None:
        return Overlap(1.0 - known, known, "incorrect" if known else "correct")
    return _compared(_telling(answer), [_telling(r) for r in references], [_telling(d) for d in distractors])


def _word_for_word(answer: str, references: Sequence[str], distractors: Sequence[str]) -> float | None:
    """0 for the very words of a reference, 1 for those of a distractor; None for words of its own."""
    given = Phrase(answer).every
    if any(Phrase(r).every == given for r in references):
        return 0.0
    return 1.0 if any(Phrase(d).every == given for d in distractors) else None


def _telling(text: str) -> set[str]:
    """The words that tell one answer from another; all of them if there are no such."""
    text = _NEGATED.sub("not", spelled(text))
    for short, full in _COUNTRIES:
        text = short.sub(full, text)
    every = Phrase(text).tokens
    return {word for word in every if word not in STOP_WORDS or word in _NEGATIONS} or set(every)


def _compared(words: set[str], rights: list[set[str]], wrongs: list[set[str]]) -> Overlap:
    """The best Jaccard index with either side, and the label."""
    correct = max(len(words & r) / len(words | r) for r in rights)
    incorrect = max((len(words & w) / len(words | w) for w in wrongs), default=0.0)
    if correct > incorrect + _MARGIN:
        label = "correct"
    elif incorrect > correct + _MARGIN:
        label = "incorrect"
    else:
        label = "ambiguous" if min(correct, incorrect) > _FLOOR else "no_match"
    return Overlap(correct, incorrect, label)


def overlap_wrong(labels: Sequence[Overlap | str], convention: str = "compare") -> np.ndarray:
    """Turn overlap labels into wrong or not, by one of the four conventions in use.

    Undecided means ``ambiguous`` or ``no_match``; a missing answer is NaN under every convention.

    Parameters
    ----------
    labels
        What :func:`overlap` or :func:`words` gave, or bare labels (not for ``"compare"``, which needs the two numbers).
    convention
        ``"drop"``: undecided is NaN. ``"wrong"``, ``"right"``: undecided counts as that. ``"compare"``: wrong if
        ``correct <= incorrect``, whatever the label.

    Returns
    -------
    numpy.ndarray
        (n,) float: 1 wrong, 0 right, NaN missing or dropped.

    Raises
    ------
    BadInput
        If a label or the convention is unknown.
    ValueError
        If ``"compare"`` meets a bare label.

    Examples
    --------
    >>> undecided = Overlap(0.2, 0.18, "ambiguous")
    >>> [float(overlap_wrong([undecided], c)[0]) for c in ("drop", "wrong", "right", "compare")]
    [nan, 1.0, 0.0, 0.0]
    """
    if convention not in CONVENTIONS:
        raise unknown("convention", convention, CONVENTIONS)
    undecided = {"drop": math.nan, "wrong": 1.0, "right": 0.0, "compare": math.nan}[convention]
    value = {"correct": 0.0, "incorrect": 1.0, "ambiguous": undecided, "no_match": undecided, "missing": math.nan}
    result = np.full(len(labels), math.nan)
    for i, given in enumerate(labels):
        label = given.label if isinstance(given, Overlap) else given
        if label not in value:
            raise unknown("overlap label", label, value)
        if convention != "compare" or label == "missing":
            result[i] = value[label]
        elif isinstance(given, Overlap):
            result[i] = given.correct <= given.incorrect
        else:
            raise ValueError("convention 'compare' needs the overlaps, not bare labels")
    return result


def embedding(
    answers: Sequence[str],
    references: Sequence[Sequence[str]],
    distractors: Sequence[Sequence[str]],
    embedder: Callable[[list[str]], np.ndarray],
) -> np.ndarray:
    r"""Wrong if the answer lies at least as near to a distractor as to any reference.

    .. math:: \text{wrong} = [\max_d \cos(a, d) \ge \max_r \cos(a, r)]

    Each distinct text of the whole batch is embedded once, all in one call. A reference given word for word is right
    and a distractor wrong, whatever the vectors say: there both cosines may be 1.

    Parameters
    ----------
    answers
        n answers.
    references, distractors
        n lists of texts.
    embedder
        Maps a list of m texts to an (m, d) array.

    Returns
    -------
    numpy.ndarray
        (n,) float: 1 wrong, 0 right, NaN where the answer is missing, there are no distractors, or a vector is zero
        or not finite and the words do not decide.

    Raises
    ------
    ValueError
        If the lengths differ, a question has no reference, or the embedder returns another shape.

    Examples
    --------
    >>> letters = lambda texts: np.array([[t.count("a"), t.count("b")] for t in texts])
    >>> embedding(["aab", "bb", ""], [["a"]] * 3, [["b"]] * 3, letters)
    array([ 0.,  1., nan])
    """
    n = len(answers)
    if not n == len(references) == len(distractors):
        raise ValueError(
            f"unequal lengths: {n} answers, {len(references)} lists of references, {len(distractors)} of distractors"
        )
    result = np.full(n, math.nan)
    rows: dict[str, int] = {}
    todo = []
    for i in range(n):
        rights, wrongs = _listed(references[i]), _listed(distractors[i], least=0)
        if not _missing(answers[i]) and wrongs:
            todo.append((i, *([rows.setdefault(t, len(rows)) for t in ts] for ts in ([answers[i]], rights, wrongs))))
    if not todo:
        return result
    vectors = np.asarray(embedder(list(rows)), dtype=float)
    if vectors.ndim != 2 or len(vectors) != len(rows):
        raise ValueError(f"the embedder returned shape {vectors.shape} for {len(rows)} texts")
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, norms, out=np.full_like(vectors, math.nan), where=np.isfinite(norms) & (norms > 0))
    for i, answer, rights, wrongs in todo:
        known = _word_for_word(answers[i], references[i], distractors[i])
        if known is not None:
            result[i] = known
            continue
        near, far = (unit[rights] @ unit[answer[0]]).max(), (unit[wrongs] @ unit[answer[0]]).max()
        if math.isfinite(near) and math.isfinite(far):
            result[i] = far >= near
    return result


def wrong(
    answers: Sequence[str],
    questions: Sequence[Question],
    method: str = "auto",
    embedder: Callable[[list[str]], np.ndarray] | None = None,
    threshold: float = 0.5,
    convention: str = "compare",
) -> np.ndarray:
    """Grade one answer to each question.

    Parameters
    ----------
    answers
        n answers, in the order of the questions.
    questions
        n questions.
    method
        ``"numeric"``, ``"contains"``, ``"words"``, ``"embedding"``; SQuAD's ``"exact"`` and ``"f1"``; the paper's
        ``"overlap"``; or ``"auto"``: numeric for questions of kind math, embedding (words if there is no embedder)
        where there are distractors, contains for the rest.
    embedder
        Maps a list of m texts to an (m, d) array; for ``"embedding"`` and ``"auto"``.
    threshold
        An answer whose token F1 is below it is wrong; for ``"f1"``.
    convention
        What undecided overlaps count as (:func:`overlap_wrong`); for ``"overlap"`` and ``"words"``, also within
        ``"auto"``.

    Returns
    -------
    numpy.ndarray
        (n,) float: 1 wrong, 0 right, NaN missing or undecided.

    Raises
    ------
    ValueError
        If there are not as many answers as questions.
    BadInput
        If the method or convention is unknown, the method needs an embedder and has none, or a question that is
        graded by number has no number in its references (the message has its id).

    Examples
    --------
    >>> asked = [Question("q1", "mine", "2 + 3?", ("5",), kind="math"), Question("q2", "mine", "Who?", ("Ada",))]
    >>> wrong(["It is 5.", "Grace"], asked)
    array([0., 1.])
    """
    if method not in METHODS:
        raise unknown("grading method", method, METHODS)
    if convention not in CONVENTIONS:
        raise unknown("convention", convention, CONVENTIONS)
    if len(answers) != len(questions):
        raise ValueError(f"unequal lengths: {len(answers)} answers to {len(questions)} questions")
    if method == "embedding" and embedder is None:
        raise BadInput("grading by embedding needs an embedder; pass embedder=")
    result = np.full(len(questions), math.nan)
    overlaps: dict[int, Overlap] = {}
    embedded: list[int] = []
    for i, (answer, question) in enumerate(zip(answers, questions, strict=True)):
        how = _auto(question, embedder) if method == "auto" else method
        if how == "embedding":
            embedded.append(i)
        elif how in ("overlap", "words"):
            label = overlap if how == "overlap" else words
            overlaps[i] = label(answer, question.references, question.distractors)
        elif how == "f1":
            f1 = token_f1(answer, question.references)
            result[i] = math.nan if math.isnan(f1) else f1 < threshold
        else:
            grader = {"numeric": numeric, "exact": exact_match, "contains": contains}[how]
            try:
                result[i] = 1.0 - grader(answer, question.references)
            except BadInput as error:
                raise BadInput(f"question {question.id!r}: {error}") from None
    result[list(overlaps)] = overlap_wrong(list(overlaps.values()), convention)
    if embedded:
        result[embedded] = embedding(
            [answers[i] for i in embedded],
            [questions[i].references for i in embedded],
            [questions[i].distractors for i in embedded],
            embedder,
        )
    return result


def _auto(question: Question, embedder: object) -> str:
    """The method that suits a question."""
    if question.kind == "math":
        return "numeric"
    if question.distractors:
        return "words" if embedder is None else "embedding"
    return "contains"


def _missing(answer: str | None) -> bool:
    return answer is None or not answer.strip()


def _listed(texts: Sequence[str], least: int = 1) -> Sequence[str]:
    """Guard against a bare string, whose letters would pass for a list of texts, and against too few."""
    if isinstance(texts, str):
        raise ValueError(f"expected a list of texts, got the single string {texts!r}")
    if len(texts) < least:
        raise ValueError("needs at least one reference")
    return texts


def _content(text: str) -> set[str]:
    return set(re.findall(r"[a-z']+", text.lower())) - STOP_WORDS
