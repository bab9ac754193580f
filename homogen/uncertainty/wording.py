r"""What a question's own words give away: how fresh its answer must be (B3), and whom it is about (for B4).

Both are plain rules that can be read here, not models. :data:`CUES` lists the words of :func:`freshness` that speak of
the day the question is asked; ignoring case, as whole words, so that *nowhere* or *currents* are none. The noun in
*electric current* is taken for a cue all the same: a rule without grammar cannot tell.
"""

from __future__ import annotations

import calendar
import datetime
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from homogen.records import BadInput, shown
from homogen.records.checks import real
from homogen.uncertainty._base import texts_of


class _ReadOnly(dict):
    """A dict that keeps what it was made with: a change that takes no effect everywhere would be half a change."""

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError("CUES is read-only: freshness looks for the words that it was made with")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse


CUES = _ReadOnly(
    {
        **dict.fromkeys(("latest", "newest", "recent", "recently", "current", "currently", "presently", "now"), 0.0),
        **dict.fromkeys(("nowadays", "today", "tonight", "at present", "at the moment", "these days", "so far"), 0.0),
        **dict.fromkeys(("this week", "this month", "this year", "this season", "to date", "up to date"), 0.0),
        **dict.fromkeys(("yesterday", "last night"), -1 / 365.25),
        **dict.fromkeys(("tomorrow",), 1 / 365.25),
        **dict.fromkeys(("last week",), -7 / 365.25),
        **dict.fromkeys(("next week",), 7 / 365.25),
        **dict.fromkeys(("last month",), -1 / 12),
        **dict.fromkeys(("next month", "upcoming"), 1 / 12),
        **dict.fromkeys(("last year",), -1.0),
        **dict.fromkeys(("next year",), 1.0),
    }
)
"""Words that date a question by the day it is asked, and how many years from that day they point. Read-only."""

_CUE = re.compile(r"\b(?:" + "|".join(re.escape(c).replace(r"\ ", r"\s+") for c in CUES) + r")\b", re.I)
_MONTHS = {name.lower(): i for i, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name[:3]: i for name, i in _MONTHS.items()} | {"sept": 9}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_YEAR = r"(?<![\w$€£¥#.,])(?P<year>(?:19|20)\d\d)(?![\w%]|[.,]\d)"
_DATES = re.compile(
    rf"(?<![\w.,])(?P<iso>(?:19|20)\d\d)-(?P<m>0[1-9]|1[0-2])(?:-(?P<d>[0-3]\d))?(?!\d)"
    rf"|\b(?:(?P<before>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?)?(?P<month>{_MONTH})\b\.?"
    rf"(?:\s+(?P<after>\d{{1,2}})(?:st|nd|rd|th)?\b)?,?\s+(?P<of>(?:19|20)\d\d)(?!\w)"
    rf"|{_YEAR}",
    re.I,
)

_WORD = re.compile(r"(?:[^\W\d_]\.){2,}|\w+(?:['’&./-]\w+)*")
_PARTICLES = "de|da|di|du|la|le|van|von|der|den|del|bin|al"
_JOINERS = {"of", "the", *_PARTICLES.split("|")}
_ABBREVIATIONS = {"Mr", "Mrs", "Ms", "Dr", "St", "Prof", "Mt", "Jr", "Sr"}
_OPENERS = re.compile(
    "A|An|The|In|On|At|By|For|From|To|Of|With|Since|After|Before|During|Between|Under|Over|About|Besides|Despite|Until"
    "|Is|Are|Was|Were|Am|Be|Do|Does|Did|Has|Have|Had|Can|Could|Will|Would|Shall|Should|May|Might|Must"
    "|Who|Whom|Whose|What|Which|When|Where|Why|How|If|And|Or|But|So|Not|Although|Though|While|Because|Than"
    "|Every|Each|All|Some|Any|No|Most|Many|My|Your|His|Her|Its|Our|Their|This|That|These|Those|It|He|She|They|We|You"
    "|Name|List|Tell|Give|Let|Please|According"
)


def freshness(
    texts: Sequence[str | None],
    cutoff: datetime.date | str,
    asked: datetime.date | str | None = None,
    decay: float = 1.0,
) -> np.ndarray:
    r"""Boundary B3: how far past the training cut-off a question's own words point.

    .. math:: 1 - e^{-\lambda \Delta t}

    where :math:`\Delta t \ge 0` is the time in years from the cut-off to the latest day the question speaks of. The
    paper lets confidence decay as :math:`e^{-\lambda \Delta t}`; this is one minus it. Two kinds of cue:

    - **a date** in the text: a year from 1900 to 2099 (*2025*), a month (*March 2025*, *2025-03*) or a day (*14 March
      2025*, *March 14th, 2025*, *2025-03-14*), taken at its last day. Not a year: a number with a currency sign, a
      decimal or per cent, or letters at its end (*2020s*).
    - **a word of** :data:`~homogen.uncertainty.CUES`, such as *latest*, *currently* or *this year*: the day the
      question is asked, or so long before or after it.

    Parameters
    ----------
    texts
        One question each; None or an empty text is missing.
    cutoff
        The model's training cut-off, a date or ``"YYYY-MM-DD"``.
    asked
        The day the questions are asked. Never taken from the clock. None means unknown: then nothing is known of what
        is latest or current, and such a word alone scores 1.
    decay
        :math:`\lambda` a year, above 0. The paper does not give its own; with 1, a year past the cut-off scores 0.63.

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` from 0 (a timeless question, or one of the time before the cut-off) to 1; NaN for a missing one.

    References
    ----------
    Liu (2026), arXiv 2603.24124.

    Examples
    --------
    >>> questions = ["Who wrote Hamlet?", "Who won the cup in 2025?", "Who is the current champion?"]
    >>> freshness(questions, cutoff="2024-12-31", asked="2026-12-31").round(4)
    array([0.    , 0.6319, 0.8645])
    >>> freshness(["Who is the current champion?"], cutoff="2024-12-31")
    array([1.])
    """
    real(decay, "decay must be a number above 0 a year and finite", lambda x: 0 < x < math.inf)
    start, day = _date(cutoff, "cutoff"), None if asked is None else _date(asked, "asked")

    def score(text: str) -> float:
        if not text.strip():
            return math.nan
        spans = [_years(start, _last_day(match)) for match in _DATES.finditer(text)]
        for match in _CUE.finditer(text):
            away = CUES[" ".join(match.group().lower().split())]
            spans.append(math.inf if day is None else _years(start, day) + away)
        return -math.expm1(-decay * max([0.0, *spans]))

    return np.array([score(text) for text in texts_of(texts)], dtype=np.float64)


def entities(texts: Sequence[str | None]) -> list[list[str]]:
    """Names in a question, by a rule of capitals: what to embed for :func:`~homogen.uncertainty.entity_association`.

    Entities are, in order of appearance and each once (ignoring case):

    - what stands between double quotes;
    - runs of capitalised words, numbers inside or at the end included (*Apollo 11*), joined over *of*, *the*, *de*,
      *van* and the like (*Lord of the Rings*) but not over punctuation or *and*. A word is capitalised if it has a
      capital anywhere (*iPhone*). A possessive ``'s`` is taken off; *I* is none.

    The first word of a sentence is capitalised anyway. It counts only if it has a capital further in (*NASA*), comes
    again with its capital elsewhere, or is followed by a capitalised word or a number and is no question word, article,
    preposition, pronoun or auxiliary. Numbers alone are no entities. In a text in capitals everything is one.

    Parameters
    ----------
    texts
        One question each; None is a missing text.

    Returns
    -------
    list of list
        The names in each. The paper's own rule also takes runs of any content words, which makes *veins appear
        blue* an entity; a question without names has none here.

    References
    ----------
    M. Liu (2026), arXiv:2603.24124 (the entities of boundary B4).

    Examples
    --------
    >>> entities(["Did Marie Curie's daughter see \\"The Kid\\" at the University of Paris before Apollo 11?"])
    [['Marie Curie', 'The Kid', 'University of Paris', 'Apollo 11']]
    >>> entities(["Why do veins appear blue?", "Is NASA older than ESA?"])
    [[], ['NASA', 'ESA']]
    """
    return [_entities(text) for text in texts_of(texts)]


def _entities(text: str) -> list[str]:
    found = [(m.start(), m.group(1).strip()) for m in re.finditer(r'["“”„«]([^"“”„«»]+)["“”»]', text)]
    text = re.sub(r'["“”„«]([^"“”„«»]+)["“”»]', lambda m: " " + "|" * (len(m.group()) - 1), text)
    words = list(_WORD.finditer(text))
    inside = {word.group() for i, word in enumerate(words) if not _first(text, words, i)}
    capital = [_capitalised(text, words, i, inside) for i in range(len(words))]
    i = 0
    while i < len(words):
        if capital[i] and not words[i].group()[0].isdigit():
            last = j = i
            while j + 1 < len(words) and re.fullmatch(
                _gap(words[j].group()), text[words[j].end() : words[j + 1].start()]
            ):
                j += 1
                if capital[j] or words[j].group().isdigit():
                    last = j
                elif words[j].group() not in _JOINERS:
                    break
            name = re.sub(r"['’]s$", "", text[words[i].start() : words[last].end()])
            found.append((words[i].start(), " ".join(name.split())))
            i = last
        i += 1
    names: dict[str, str] = {}
    for _, name in sorted(found):
        if name:
            names.setdefault(name.lower(), name)
    return list(names.values())


def _gap(word: str) -> str:
    """What may stand between two words of one name: a space, after an abbreviation or an initial also its point."""
    if re.search(r"['’]s$", word):
        return "(?!)"
    return r"\.?\s+" if word in _ABBREVIATIONS or len(word) == 1 else r"\s+"


def _capitalised(text: str, words: list[re.Match], i: int, inside: set[str]) -> bool:
    word = words[i].group()
    if not any(c.isupper() for c in word) or word in ("I", "I'm", "I’m", "I'd", "I’d", "I've", "I’ve", "I'll", "I’ll"):
        return False
    if any(c.isupper() for c in word[1:]) or not _first(text, words, i):
        return True
    if word in inside:
        return True
    rest = re.compile(_gap(word) + rf"(?:(?:{_PARTICLES})\s+)*(\w)").match(text, words[i].end())
    return rest is not None and (rest[1].isupper() or rest[1].isdigit()) and not _OPENERS.fullmatch(word)


def _first(text: str, words: list[re.Match], i: int) -> bool:
    """Whether a word opens a sentence; a point after an abbreviation or an initial ends none."""
    if i == 0:
        return True
    before = words[i - 1].group()
    gap = text[words[i - 1].end() : words[i].start()]
    if "." in gap and not re.search("[!?\n]", gap):
        return before not in _ABBREVIATIONS and len(before) > 1
    return bool(re.search("[!?\n:]", gap))


def _date(value: datetime.date | str, what: str) -> datetime.date:
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    try:
        return datetime.date.fromisoformat(value)
    except (TypeError, ValueError):
        raise BadInput(f"{what} must be a date or 'YYYY-MM-DD', got {shown(value)}") from None


def _last_day(match: re.Match) -> datetime.date:
    """The last day of the year, month or day that a text speaks of."""
    year = int(match["iso"] or match["of"] or match["year"])
    month = int(match["m"]) if match["m"] else _MONTHS[match["month"].lower()] if match["month"] else 12
    last = calendar.monthrange(year, month)[1]
    day = int(match["d"] or match["before"] or match["after"] or last)
    return datetime.date(year, month, day if 1 <= day <= last else last)


def _years(start: datetime.date, end: datetime.date) -> float:
    return (end - start).days / 365.25
