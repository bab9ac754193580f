r"""What a model says of its own answer when it is asked: P(True), and a confidence in words.

How :func:`verbalized_confidence` reads a text. After Unicode normalisation (NFKC: full-width digits and per cent signs
become plain ones) it looks for *mentions*:

- a percentage: a number and ``%``, ``percent``, ``per cent`` or ``pct``;
- a score on a named scale: a number and ``/`` or ``out of`` and ``10`` or ``100``;
- a bare number, if it is all the text there is, or follows a label (*confidence*, *confidence level*, *probability*,
  *certainty*, *likelihood*, *P(True)*, or *P:* at the beginning of a line; *p = 0.05* is of a test) and ``:`` or ``=``;
  JSON (``{"confidence": 85}``) and XML (``<confidence>85</confidence>``) are read as a label, and bold does not matter.
  After *is* and *of* a decimal up to 1 counts as well, after *is* also a number above 10 that ends its clause (*My
  confidence is 85.*). With a decimal sign and at most 1 it is a probability, 0 is 0, above 10 it is a percentage;
  anything else up to 10 may be either, or stand on a ten-point scale: ambiguous.

A percentage or score before a word that is none of confidence, and none of a short list of small words, counts
something else (*71 % of the Earth*, *9/10 people*, *a 95% confidence interval*): it is no mention, unless a label
stands before it, and ambiguous if its clause has a word of confidence. Without such a word it is no mention either if
its clause begins with more than hedges (*I say*, *about*, *the answer is*; but *the turnout was 71%*, *Oxygen: 21%*), a
bracket apart; *100% correct* is one whatever stands before it.

A bracket may stand between a label and what follows it. If it names a scale, ``(0-1)``, ``(0-10)``, ``(1-10)``,
``(0-100)``, ``(1-100)``, ``(%)`` or the like, the number is read on it, and one above 0 and up to 1 on a scale to 10 or
100 is ambiguous; any other digits in the bracket leave the number ambiguous. What stands in it is no mention itself.

The decimal sign is a point or a comma (``0,85``); three digits after a comma and a non-zero number are thousands and
ambiguous. If any mention stands in one clause with a word of confidence (*confident, certain, sure, probably, likely,
chance, credence, …*), the others are not looked at. What is left must agree on one number in [0, 1]. Otherwise the
score is NaN, and so it is if a mention is out of range or negative, one end of a range (``80-90%``), a bound (*over*,
*at least*, *less than*, *<*, *≥*, …), or in one clause with a negation (*not, n't, never, no, unsure, uncertain,
unlikely, doubt, wrong, incorrect, false, mistaken*). Clauses end at ``. , ; ! ?`` before a space, and at line ends.
Better no confidence than a wrong one: the share of NaN is a result of its own.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from homogen.records import BadInput
from homogen.records.checks import one_a_question
from homogen.uncertainty._base import ROUNDING, numbers, texts_of

_NUMBER = re.compile(r"(?<![\w.,])[-−]?(?:\d+(?:[.,]\d+)*|[.,]\d+)")
_PERCENT = re.compile(r"\s*(?:%|٪|percent\b|per\s+cent\b|pct\b)", re.I)
_SCALE = re.compile(r"\s*(?:/|out\s+of)\s*(100?)(?![\w/]|[.,]\d)", re.I)
_RANGE = re.compile(r"\d ?%? ?(?:[-–—−~]|\b(?:to|or|and)\b) ?$", re.I)
_BOUND = re.compile(r"[<>≤≥]|\b(?:than|over|under|above|below|at (?:least|most|best)|up to|almost|nearly)\b", re.I)
_LABEL = re.compile(
    r"\b(?:(?:confidence|probability|certainty|likelihood)(?: (?:level|score|rating|estimate))?"
    r"(?: ?\((?P<bracket>[^()\n]{0,40})\))?|p ?\( ?(?:true|correct) ?\)|(?:(?<=\n)|(?<![\w\W]))p(?= ?:))"
    r"(?: ?(?P<sign>[:=])| (?P<word>is|of)\b) ?",
    re.I,
)
_ON_SCALE = re.compile(
    r"(?:(?:from |between |on a scale (?:of |from ))?[01](?:\.0)? ?%? ?(?:[-–—−]|to|and) ?|out of |/ ?)"
    r"(?:(?P<to>100?|1)(?:\.0)?|100 ?%)|(?:in |as a )?(?:%|percent(?:age)?|per cent|pct)",
    re.I,
)
_SURE = re.compile(
    r"\b(?:confiden\w+|certain(?:ty)?|sure|probab\w+|likel\w+|chances?|credence"
    r"|p ?\( ?(?:true|correct) ?\) ?[:=])|^p ?:",
    re.I,
)
_NOT = re.compile(
    r"n['’]t\b|\b(?:not|never|no|cannot|unsure|uncertain(?:ty)?|unlikely|doubt\w*|wrong|incorrect|false|mistaken)\b",
    re.I,
)
_CLAUSE_END = re.compile(r"[.,;!?](?=\s|$)|\n")
_ENDS = re.compile(r"[ )*\"'”’]*(?:[.,;!?](?=\s|$)|\n|$)")
_WORD = re.compile(r"\w")
_NAME = r"(?:answer[ _-]?)?(?:confidence|probability|certainty|likelihood)(?:[ _-]?(?:level|score|rating|estimate))?"
_NAME = rf"(?:{_NAME}|p ?[_(]? ?(?:true|correct)\)?)"
_FIELD = re.compile(
    rf"[\"']{_NAME}[\"'] ?: ?[\"']?(?P<json>[^\s\"',{{}}\[\]]{{1,20}}(?: ?%)?)[\"']?"
    rf"|<{_NAME}>\s?(?P<xml>[^<>]{{1,40}})\s?</{_NAME}>|\b{_NAME}(?:\svalue)?=[\"'](?P<attribute>[^<>\"']{{1,20}})[\"']",
    re.I,
)
_NEXT = re.compile(r" ?([^\W\d_]+)")
_INTERVAL = re.compile(r" ?(?:confidence |credible )?(?:intervals?|limits?|bounds?|ci)\b", re.I)
_SMALL_WORDS = """
    absolutely accurate and based because but certain certainly chance chances completely confidence
    confident confidently convinced correct fairly for given here i if in is it likelihood likely my not on or overall
    positive probability probable quite right since so sure surely that there this though to true uncertain unlikely
    unsure very with yes
"""
_SMALL = frozenset(_SMALL_WORDS.split())
_HEDGE_WORDS = """
    about above accurate almost am and answer approximately around as at because below between but correct d don either
    estimate give guess here i it least less m maybe more most my nearly never no not only or over overall perhaps
    positive put rate right roughly say so t than that think to true under would yes
"""
_HEDGES = frozenset(_HEDGE_WORDS.split())
_RIGHT = frozenset({"accurate", "correct", "right", "true"})
_ANSWER_IS = re.compile(r"\b(?:(?:the|my|this) )?(?:proposed |given )?answer is\b", re.I)


def p_true(true_logprob: Sequence[float], false_logprob: Sequence[float] | None = None) -> np.ndarray:
    r"""One minus P(True), the probability a model gives to its own answer being right.

    .. math:: 1 - P(\text{True}) \quad \text{or, of the two options alone,} \quad
              1 - \frac{P(\text{True})}{P(\text{True}) + P(\text{False})}

    The model is shown the question and its answer, and asked whether the answer is (A) true or (B) false.

    Parameters
    ----------
    true_logprob
        Natural log-probability of the token that says true, one number a question; NaN where missing.
    false_logprob
        The same of the token that says false. With it the mass on all other tokens is left out.

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` from 0 (certain that it is right) to 1. lm-polygraph reports :math:`-\ln P(\text{True})`, which ranks
        as the form with one option does.

    References
    ----------
    S. Kadavath et al. (2022), "Language models (mostly) know what they know", arXiv:2207.05221.

    Examples
    --------
    >>> p_true(np.log([0.6, 0.1])).round(6)
    array([0.4, 0.9])
    >>> p_true(np.log([0.6, 0.1]), np.log([0.2, 0.1])).round(6)
    array([0.25, 0.5 ])
    """
    true = numbers(true_logprob, "true_logprob")
    given = [true] if false_logprob is None else [true, numbers(false_logprob, "false_logprob")]
    for values in given:
        if not values.ndim:
            raise one_a_question("true_logprob", "number", float(values))
        if values.ndim > 1:
            raise BadInput(f"log-probabilities must be one number a question, got shape {values.shape}")
        bad = np.isinf(values) | (values > ROUNDING)
        if bad.any():
            raise BadInput(f"question {np.flatnonzero(bad)[0]}: log-probability above 0 or infinite")
    if false_logprob is None:
        return -np.expm1(np.minimum(true, 0)) + 0.0
    false = given[1]
    if true.shape != false.shape:
        raise BadInput(f"log-probabilities of True and False have shapes {true.shape} and {false.shape}")
    bad = np.exp(true) + np.exp(false) > 1 + ROUNDING
    if bad.any():
        raise BadInput(f"question {np.flatnonzero(bad)[0]}: P(True) and P(False) add up to more than 1")
    return expit(false - true)


def verbalized_confidence(texts: Sequence[str | None]) -> np.ndarray:
    r"""One minus the confidence that a model states in words.

    .. math:: 1 - c, \qquad c = \begin{cases}
              x / 100 & \text{``} x \text{ \%'', or a bare } x > 10 \\
              x / m & \text{``} x / m \text{'', `` } x \text{ out of } m \text{'', or a label with a scale to } m \\
              x & \text{a bare decimal } x \le 1 \text{, or } 0
              \end{cases}

    Nothing is guessed: a text without a number that can be read in one way alone has no score.

    Parameters
    ----------
    texts
        What the model wrote when asked how sure it is, one text a question. None is a missing text.

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` from 0 (certain) to 1; NaN where the text states no confidence, or not one alone. The
        grammar stands at the head of this section.

    References
    ----------
    S. Lin, J. Hilton and O. Evans (2022), "Teaching models to express their uncertainty in words", *TMLR*.
    K. Tian et al. (2023), "Just ask for calibration: Strategies for eliciting calibrated confidence scores from
    language models fine-tuned with human feedback", EMNLP.

    Examples
    --------
    >>> verbalized_confidence(["Paris. Confidence: 85%", "0.85", "I am 90 out of 100 sure"])
    array([0.15, 0.15, 0.1 ])
    >>> verbalized_confidence(["between 80 and 90%", "I am 100% not sure", "Paris"])
    array([nan, nan, nan])
    """
    return np.array([_stated(text) for text in texts_of(texts)], dtype=np.float64)


def _stated(text: str) -> float:
    """One minus the confidence of one text, by the grammar above; in one pass, however long it is."""
    text = re.sub(r"[^\S\n]+", " ", unicodedata.normalize("NFKC", text))
    text = re.sub(r"[*`]+", "", text)
    text = _FIELD.sub(lambda m: f"\nconfidence: {m['json'] or m['xml'] or m['attribute']}\n", text)
    text = re.sub(r"([:=])\s+", r"\1 ", text)  # a number may stand on the line after its label
    matches = list(_NUMBER.finditer(text))
    starts = {match.start() for match in matches}
    labels = {label.end(): label for label in _LABEL.finditer(text) if label.end() in starts}
    brackets = [label.span("bracket") for label in labels.values() if label["bracket"]]
    words = [i for i in (_first_word(text), len(text) - 1 - _first_word(text[::-1])) if 0 <= i < len(text)]
    ends = [m.span() for m in _CLAUSE_END.finditer(text)] + [(len(text), len(text))]
    found: list[tuple[bool, float]] = []
    at = start = bracket = 0
    clause = None
    for match in matches:
        while bracket < len(brackets) and brackets[bracket][1] <= match.start():
            bracket += 1
        if bracket < len(brackets) and brackets[bracket][0] <= match.start():
            continue
        while ends[at][0] < match.end():
            start, at, clause = ends[at][1], at + 1, None
        if clause is None:
            said = text[start : ends[at][0]]
            bound = _BOUND.search(said)
            clause = bool(_SURE.search(said)), bool(_NOT.search(said)), start + bound.end() if bound else math.inf
        sure, negated, bounded = clause
        alone = all(match.start() <= i < match.end() for i in words)
        value = _mentioned(match, labels.get(match.start()), alone)
        if value is not None:
            counted = not labels.get(match.start()) and _counts_something(match, start, sure)
            if counted and not sure:
                continue
            before = text[max(start, match.start() - 12) : match.start()]  # room for one end of a range
            if counted or negated or bounded <= match.start() or _RANGE.search(before):
                value = math.nan
            found.append((sure, value))
    if any(sure for sure, _ in found):
        found = [(sure, value) for sure, value in found if sure]
    values = {value for _, value in found}
    value = values.pop() if len(values) == 1 else math.nan
    return round(1 - value, 12) if 0 <= value <= 1 else math.nan


def _first_word(text: str) -> int:
    """Where the first letter or digit stands; behind the end if there is none."""
    word = _WORD.search(text)
    return word.start() if word else len(text)


def _counts_something(match: re.Match, start: int, sure: bool) -> bool:
    """Whether the words around a percentage or score, in its clause from ``start``, say what it is a share of."""
    text, end = match.string, match.end()
    sign = _PERCENT.match(text, end) or _SCALE.match(text, end)
    if not sign:
        return False
    after = _NEXT.match(text, sign.end())
    word = after[1].lower() if after else "and"
    if word not in _SMALL or not (sure or word in _HEDGES) or _INTERVAL.match(text, sign.end()):
        return True
    if word in _RIGHT:
        return False
    before = text[max(start, match.start() - 40) : match.start()].rpartition("(")[2]  # room for hedges
    before = _ANSWER_IS.sub(" ", before)
    return not (sure or _HEDGES.issuperset(re.findall(r"[^\W\d_]+", before.lower())))


def _mentioned(match: re.Match, label: re.Match | None, alone: bool) -> float | None:
    """The confidence that a number states: NaN if ambiguous, None if it is no mention."""
    number, text, end = match.group(), match.string, match.end()
    value = _value(number)
    percent, scale = _PERCENT.match(text, end), _SCALE.match(text, end)
    if percent:
        return round(value / 100, 12)
    if scale:
        return round(value / int(scale.group(1)), 12)
    share = ("." in number or "," in number) and value <= 1
    linked = label and (
        label["sign"] or share or (label["word"].lower() == "is" and value > 10 and bool(_ENDS.match(text, end)))
    )
    if _WORD.match(text, end) or not (alone or linked):
        return None
    highest = _scale(label["bracket"]) if label else None
    if highest is not None:
        value = value / highest if value <= 0 or value > 1 or highest == 1 else math.nan
    elif not (value <= 0 or share):
        value = value / 100 if value > 10 else math.nan
    return round(value, 12)


def _scale(bracket: str | None) -> float | None:
    """The end of the scale that a label's bracket names: None if it names none, NaN if it is not understood."""
    if not bracket or not re.search(r"[\d%]|per ?cent|pct", bracket, re.I):
        return None
    named = _ON_SCALE.fullmatch(bracket.strip())
    return int(named["to"] or 100) if named else math.nan


def _value(number: str) -> float:
    """A number with a decimal point or comma; NaN where a comma may as well divide thousands."""
    if len(re.findall(r"[.,]", number)) > 1 or re.fullmatch(r"[-−]?0*[1-9]\d*,\d{3}", number):
        return math.nan
    return float(number.replace(",", ".").replace("−", "-"))
