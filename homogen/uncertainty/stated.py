r"""What a model says of its own answer when it is asked: P(True), and a confidence in words.

How :func:`verbalized_confidence` reads a text. After Unicode normalisation (NFKC: full-width digits and per cent signs
become plain ones) it looks for *mentions*:

- a percentage: a number and ``%``, ``percent``, ``per cent`` or ``pct``;
- a score on a named scale: a number and ``/`` or ``out of`` and ``10`` or ``100``;
- a bare number, if it is all the text there is, or follows a label (*confidence*, *confidence level*, *probability*,
  *certainty*, *likelihood*, *P*) and ``:`` or ``=`` (a decimal up to 1 may also follow *is* or *of*). With a decimal
  sign and at most 1 it is a probability, 0 is 0, above 10 it is a percentage; anything else up to 10 may be either, or
  stand on a ten-point scale: ambiguous.

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
from homogen.uncertainty._base import ROUNDING, numbers

_NUMBER = re.compile(r"(?<![\w.,])[-−]?(?:\d+(?:[.,]\d+)*|[.,]\d+)")
_PERCENT = re.compile(r"\s*(?:%|٪|percent\b|per\s+cent\b|pct\b)", re.I)
_SCALE = re.compile(r"\s*(?:/|out\s+of)\s*(100?)(?![\w/]|[.,]\d)", re.I)
_RANGE = re.compile(r"\d\s*%?\s*(?:[-–—−~]|\b(?:to|or|and)\b)\s*$", re.I)
_BOUND = re.compile(r"[<>≤≥]|\b(?:than|over|under|above|below|at (?:least|most|best)|up to|almost|nearly)\b", re.I)
_LABEL = re.compile(
    r"\b(?:(?:confidence|probability|certainty|likelihood)(?:\s+(?:level|score|rating|estimate))?|p)\s*([:=]|is|of)\s*$",
    re.I,
)
_SURE = re.compile(r"\b(?:confiden\w+|certain(?:ty)?|sure|probab\w+|likel\w+|chances?|credence|p\s*[:=])", re.I)
_NOT = re.compile(
    r"n['’]t\b|\b(?:not|never|no|cannot|unsure|uncertain(?:ty)?|unlikely|doubt\w*|wrong|incorrect|false|mistaken)\b",
    re.I,
)
_CLAUSE_END = re.compile(r"[.,;!?](?=\s|$)|\n")


def p_true(
    true_logprob: float | Sequence[float], false_logprob: float | Sequence[float] | None = None
) -> float | np.ndarray:
    r"""One minus P(True), the probability a model gives to its own answer being right (Kadavath et al. 2022).

    .. math:: 1 - P(\text{True}) \quad \text{or, of the two options alone,} \quad
              1 - \frac{P(\text{True})}{P(\text{True}) + P(\text{False})}

    The model is shown the question and its answer, and asked whether the answer is (A) true or (B) false
    (arXiv:2207.05221).

    Parameters
    ----------
    true_logprob
        Natural log-probability of the token that says true, one number a question; NaN where missing.
    false_logprob
        The same of the token that says false. With it the mass on all other tokens is left out.

    Returns
    -------
    float or numpy.ndarray
        From 0 to 1. lm-polygraph reports :math:`-\ln P(\text{True})`, which ranks as the form with one option does.

    Raises
    ------
    BadInput
        If a log-probability is above 0 or infinite, the two shapes differ, or the two probabilities exceed 1 together.

    Examples
    --------
    >>> round(p_true(np.log(0.6)), 6)
    0.4
    >>> p_true(np.log([0.6, 0.1]), np.log([0.2, 0.1])).round(6)
    array([0.25, 0.5 ])
    """
    true = numbers(true_logprob, "true_logprob")
    given = [true] if false_logprob is None else [true, numbers(false_logprob, "false_logprob")]
    for values in given:
        if values.ndim > 1:
            raise BadInput(f"log-probabilities must be one number a question, got shape {values.shape}")
        bad = np.atleast_1d(np.isinf(values) | (values > ROUNDING))
        if bad.any():
            raise BadInput(f"question {np.flatnonzero(bad)[0]}: log-probability above 0 or infinite")
    if false_logprob is None:
        score = -np.expm1(np.minimum(true, 0)) + 0.0
    else:
        false = given[1]
        if true.shape != false.shape:
            raise BadInput(f"log-probabilities of True and False have shapes {true.shape} and {false.shape}")
        bad = np.atleast_1d(np.exp(true) + np.exp(false) > 1 + ROUNDING)
        if bad.any():
            raise BadInput(f"question {np.flatnonzero(bad)[0]}: P(True) and P(False) add up to more than 1")
        score = expit(false - true)
    return score if true.ndim else float(score)


def verbalized_confidence(texts: str | Sequence[str | None]) -> float | np.ndarray:
    """One minus the confidence that a model states in words.

    (Lin, Hilton and Evans 2022, *TMLR*; Tian et al. 2023, EMNLP.)

    Parameters
    ----------
    texts
        What the model wrote when asked how sure it is; a list of such. None is a missing text.

    Returns
    -------
    float or numpy.ndarray
        From 0 (certain) to 1; NaN where the text states no confidence, or not one alone. The module's own
        documentation gives the grammar.

    Examples
    --------
    >>> verbalized_confidence("Paris. Confidence: 85%")
    0.15
    >>> verbalized_confidence(["0.85", "I am 90 out of 100 sure", "between 80 and 90%", "I am 100% not sure", "Paris"])
    array([0.15, 0.1 ,  nan,  nan,  nan])
    """
    if isinstance(texts, str):
        return _stated(texts)
    for i, text in enumerate(texts):
        if not (text is None or isinstance(text, str)):
            raise BadInput(f"question {i}: must be a text or None, got {text!r}")
    return np.array([_stated(text or "") for text in texts], dtype=np.float64)


def _stated(text: str) -> float:
    """One minus the confidence of one text, by the grammar above."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"([:=])\s+", r"\1 ", text)  # a number may stand on the line after its label
    found = []
    for match in _NUMBER.finditer(text):
        start = max((m.end() for m in _CLAUSE_END.finditer(text, 0, match.start())), default=0)
        ends = _CLAUSE_END.search(text, match.end())
        clause = text[start : ends.start() if ends else len(text)]
        value = _mentioned(match.group(), text[start : match.start()], text[match.end() :])
        if value is not None:
            found.append((bool(_SURE.search(clause)), math.nan if _NOT.search(clause) else value))
    if any(sure for sure, _ in found):
        found = [(sure, value) for sure, value in found if sure]
    values = {value for _, value in found}
    value = values.pop() if len(values) == 1 else math.nan
    return round(1 - value, 12) if 0 <= value <= 1 else math.nan


def _mentioned(number: str, before: str, after: str) -> float | None:
    """The confidence that a number states: NaN if ambiguous, None if it is no mention."""
    value = _value(number)
    percent, scale = _PERCENT.match(after), _SCALE.match(after)
    if percent or scale:
        value /= 100 if percent else int(scale.group(1))
    else:
        label = _LABEL.search(before)
        decimal = "." in number or "," in number
        alone = not re.search(r"\w", before) and not re.search(r"\w", after)
        linked = label and (label.group(1) in ":=" or (decimal and value <= 1))
        if re.match(r"\w", after) or not (alone or linked):
            return None
        if not (value <= 0 or (decimal and value <= 1)):
            value = value / 100 if value > 10 else math.nan
    return math.nan if _RANGE.search(before) or _BOUND.search(before) else round(value, 12)


def _value(number: str) -> float:
    """A number with a decimal point or comma; NaN where a comma may as well divide thousands."""
    if len(re.findall(r"[.,]", number)) > 1 or re.fullmatch(r"[-−]?0*[1-9]\d*,\d{3}", number):
        return math.nan
    return float(number.replace(",", ".").replace("−", "-"))
