"""The number that a text states, read out of prose, Markdown and TeX. Standard library only, one pass a rule."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence

from homogen.grading._base import _listed, _missing
from homogen.grading.text import spelled
from homogen.records import BadInput

_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_VULGAR = re.compile("[¼-¾⅐-⅞]")
_TEX_FRACTION = re.compile(
    r"(?P<minus>-?)\\(?:[cdts]|nice)?frac\s?(?:\{\s?(?P<over>-?[\d.,]+)\s?\}|(?P<digit>\d))"
    r"\s?(?:\{\s?(?P<under>-?[\d.,]+)\s?\}|(?P<last>\d))"
)
_TIMES_TEN = re.compile(r"(?<=\d)\s?(?:\\times|\\cdot|[×·⋅*xX])\s?10(?:\^|\*\*)\{?([+-]?\d{1,4})\}?(?!\d)")
_EXPONENT = re.compile(r"(?<!\d)\^(?:\{[^{}]{0,20}\}|[+-]?\d+)")

_GAP = "[,\u00a0\u2009\u202f']"  # what parts thousands: commas, no-break and thin spaces, the Swiss apostrophe
_FRACTION = r"(?<![\w/.,])(?:(?P<whole>\d+)[ ])?(?P<over>\d+)/(?P<under>\d+)(?![\d/]|\.\d)"
_CLOCK = r"(?<![^\W_])(?<!\d[.:,])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?![\d:]|\.\d)"
_POWER = r"(?<![^\W_])(?<!\d[.,])(?P<base>\d++(?:\.\d++)?)\^\{?(?P<exponent>[+-]?\d{1,4})\}?(?!\d)"
_DECIMAL = (
    r"(?<![^\W_])(?<!\d[.,])"  # neither inside a word nor the tail of 1.2.3 or 1,2345
    rf"(?P<decimal>(?:\d{{1,3}}(?:{_GAP}\d{{3}})++(?!\d)|\d{{1,2}}(?:,\d{{2}}(?!\d))++,\d{{3}}(?!\d)|\d++)"
    r"(?:\.\d++)?(?:[eE][+-]?\d++)?(?![,.]\d)|(?<!\.)\.\d++)"  # read whole or not at all
)
_NUMBER = re.compile(f"{_FRACTION}|{_CLOCK}|{_POWER}|{_DECIMAL}")
_SIGN = re.compile(r"(?<![^\W_])(?<![)\]%}])(?:-[$€£¥₹]?|[$€£¥₹]-)\Z")
_MONEY = re.compile(r"[$€£¥₹]-?\Z")
_SENTENCE = re.compile(r"[.!?]\s|\n")
_RATE = re.compile(r"\s?(?:/|(?:an?|each|every|per|apiece)\b)", re.IGNORECASE)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s?\{|\\boxed(?=\s?[\d-])")
_BOLD = r"(?:[*_`]{1,3}|</?[a-z]\w{0,9}>){0,2}"
_ADVERB = r"(?:\s(?:then|thus|therefore|hence|now|also|just|simply))?"
_ANSWER = re.compile(
    rf"(?<![^\W_])answer(?![^\W_]){_BOLD}(?:"
    rf"(?:\s?[(\[][^()\[\]\n]{{0,40}}[)\]])?(?:\sin\s[^.:=\d\n]{{0,30}}?)?{_BOLD}\s*[:=]"
    rf"|{_ADVERB}\s+is\b|['’]s\b"
    # "The answer should be short" is followed by no number.
    rf"|(?:\s(?:to|of|for|in)\s[^.:=\d\n]{{0,60}}?)?{_BOLD}{_ADVERB}\s+(?:is|was|(?:(?:w|c|sh)ould|will|must|has\sto)"
    rf"{_ADVERB}\sbe|equals|comes\s(?:out\s)?to)\b(?=[^.\n\d]{{0,40}}\d)"
    # A heading of its own: "## Answer", and the number below.
    rf")|^[ \t#*_>-]{{0,12}}{_BOLD}(?:the |my |final ){{0,2}}answer[ \t*_]{{0,8}}{_BOLD}$",
    re.IGNORECASE | re.MULTILINE,
)
_MARKS = (_ANSWER, re.compile("="))


def stated(text: str) -> float | None:
    """The finite number that a text states or ends on, or None; see :func:`homogen.grading.extract_number`.

    Examples
    --------
    >>> stated("It is $-1,234.50 in all"), stated(r"so \\boxed{2\\frac{1}{2}} in 3 steps"), stated("12,34")
    (-1234.5, 2.5, None)
    """
    text = _plain(text)
    found = None
    hashes = text.rfind("####")
    if hashes >= 0:
        found = _NUMBER.search(text, hashes)
    box = None if found else _boxed(text)
    if box and _NUMBER.search(box):
        text = box
        found = _NUMBER.search(text, text.rfind("=") + 1)
    for mark in () if found else _MARKS:
        end = max((m.end() for m in mark.finditer(text)), default=len(text))
        if found := _NUMBER.search(text, end):
            if mark.pattern == "=":
                found = _concluded(found) or found
            break
    if found is None:
        found = max(_NUMBER.finditer(text), key=re.Match.start, default=None)
    if found is None:
        return None
    value = _value(found)
    # Three characters back are enough for the sign, a currency sign and what stands before them.
    if _SIGN.search(text[max(0, found.start() - 3) : found.start()]):
        value = -value
    return value if math.isfinite(value) else None


def _concluded(inner: re.Match) -> re.Match | None:
    """The sum of money on which a later sentence ends, where the last "=" gives none: "= 9 eggs. So she has $18"."""
    text = inner.string
    if _MONEY.search(text[max(0, inner.start() - 3) : inner.start()]):
        return None
    sentence = _SENTENCE.search(text, inner.end())
    last = max(_NUMBER.finditer(text, sentence.end()), key=re.Match.start, default=None) if sentence else None
    if last is None or _RATE.match(text, last.end()):
        return None
    return last if _MONEY.search(text[max(0, last.start() - 3) : last.start()]) else None


def _plain(text: str) -> str:
    """The text with one minus, and with fractions, grouping and powers as they are written in plain text."""
    text = re.sub("[−﹣－]", "-", text)
    if not text.isascii():
        text = spelled(text)
        text = _VULGAR.sub(lambda m: " " + unicodedata.normalize("NFKC", m[0]), text).replace("⁄", "/")
        text = re.sub(r"(?<=\d)[⁺⁻]?[⁰¹²³⁴-⁹]+", lambda m: "^" + m[0].translate(_RAISED), text)
    if "\\" in text or "{,}" in text or "~0" in text:
        # A TeX space parts thousands, or a whole number from its fraction; \! takes space away.
        text = re.sub(r"\{(,|\\[,;: ])\}", r"\1", text).replace("\\!", "").replace("\\left", "").replace("\\right", "")
        text = re.sub(r"(?<=\d)(?:\\[,;: ](?=\d)|~(?=0\d\d))", "\u2009", text)  # 100~200 is a range
        text = re.sub(r"(?<=\d)\s?(?:\\[,;: ]|~)\s?(?=\\\w{0,5}frac)", " ", text)
        text = re.sub(r"\\([$%#&])", r"\1", text)
        text = _TEX_FRACTION.sub(_fraction, text)
    if "^" in text or "**" in text:
        # Two stars behind a short word are a power, unless they make it bold.
        text = re.sub(r"(?<![\w*])(\w{1,4})\*\*(?=[+-]?\d{1,4}(?![\d*]|[.,]\d))", r"\1^", text)
        text = re.sub(r" ?\^ ?", "^", text)
        text = _TIMES_TEN.sub(r"e\1", text)
        text = _EXPONENT.sub(" ", text)  # of a unit or a letter: cm^2
    return text


def _fraction(m: re.Match) -> str:
    """A fraction of TeX in plain text: behind a whole number with a space between, and with one sign in front."""
    over, under = m["over"] or m["digit"], m["under"] or m["last"]
    sign = "-" * ((m["minus"] + over + under).count("-") % 2)
    over, under = (part.strip("-").replace(",", "") for part in (over, under))
    behind = " " * m.string[max(0, m.start() - 1) : m.start()].isdecimal()
    if m["minus"] and behind:
        return f"-{_fraction_text(over, under)}"  # 5-\frac{1}{2} is a difference
    return f"{behind}{sign}{_fraction_text(over, under)}"


def _fraction_text(over: str, under: str) -> str:
    if over.isdecimal() and under.isdecimal():
        return f"{over}/{under}"
    try:
        return repr(float(over) / float(under))
    except (ValueError, ZeroDivisionError):
        return " "


def _boxed(text: str) -> str | None:
    """What stands in the last box of a text; up to its end if the box is not closed."""
    last = max(_BOXED.finditer(text), key=re.Match.start, default=None)
    if last is None:
        return None
    if not last[0].endswith("{"):
        return text[last.end() :]
    depth = 1
    for brace in re.compile(r"[{}]").finditer(text, last.end()):
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return text[last.end() : brace.start()]
    return text[last.end() :]


def _value(found: re.Match) -> float:
    if found["hour"]:
        return int(found["hour"]) + int(found["minute"]) / 60
    # float() of a string, unlike int(), takes any number of digits.
    if found["base"]:
        try:
            return float(found["base"]) ** int(found["exponent"])
        except (OverflowError, ZeroDivisionError):
            return math.nan
    if found["decimal"]:
        return float(re.sub(_GAP, "", found["decimal"]))
    under = float(found["under"])
    return float(found["whole"] or 0) + float(found["over"]) / under if under else math.nan


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
    return stated(text)


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
