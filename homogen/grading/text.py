"""When two texts are one text: spelling, words, and the tokens in which a short fact is looked for.

What a keyboard, a browser or a tokenizer makes of a text (composed or decomposed accents, typographic marks, characters
that nobody sees) must not decide whether an answer is right. Standard library only; every rule is one pass.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence

_APOSTROPHES = "‘’‚‛ʹʻʼʾʿˈ′＇´"
_QUOTES = "“”„‟«»‹›″〝〞〟＂"
_HYPHENS = "‐‑‒–−⁃﹣－"  # each of them may stand for a minus
_DASHES = "—―⸺⸻"  # these part clauses
_INVISIBLE = {0x034F, *range(0xFE00, 0xFE10)}  # the marks among what nobody sees: joiner and variation selectors


def _invisible(code: int) -> bool:
    return code in _INVISIBLE or unicodedata.category(chr(code)) == "Cf"


class _Spelling(dict):
    """What each character is written as, worked out when it is first met: the table of ``str.translate``."""

    def __missing__(self, code: int) -> str:
        c = chr(code)
        self[code] = "'" if c in _APOSTROPHES else '"' if c in _QUOTES else "" if _invisible(code) else c
        return self[code]


class _Folding(_Spelling):
    """The same, and dashes, digits of other scripts, fractions and raised digits."""

    def __missing__(self, code: int) -> str:
        c = chr(code)
        if c in _HYPHENS:
            self[code] = "-"
        elif c in _DASHES:
            self[code] = " \u2014 "
        elif c in "⁄∕":
            self[code] = "/"
        elif c in "٫٬":
            self[code] = "." if c == "٫" else ","
        elif c in "×™℠":
            self[code] = " x " if c == "×" else " "
        elif unicodedata.category(c) == "Nd":
            self[code] = str(unicodedata.decimal(c))
        elif "<fraction>" in unicodedata.decomposition(c):
            # Without the space 3½ would become 31/2.
            self[code] = " " + unicodedata.normalize("NFKC", c).replace("⁄", "/")
        elif c in "⁺⁻":
            self[code] = "^+" if c == "⁺" else "^-"
        elif "<super>" in unicodedata.decomposition(c) and unicodedata.normalize("NFKC", c).isdecimal():
            self[code] = "^" + unicodedata.normalize("NFKC", c)
        else:
            return super().__missing__(code)
        return self[code]


class _Words(dict):
    """Letters and digits of every script with the marks that belong to them; anything else parts words."""

    def __missing__(self, code: int) -> str:
        c = chr(code)
        self[code] = c if c.isalnum() or unicodedata.category(c).startswith("M") else " "
        return self[code]


class _Tokens(_Words):
    """The same, and ASCII punctuation stays to be judged in its place; a symbol is a token of its own."""

    def __missing__(self, code: int) -> str:
        c, kind = chr(code), unicodedata.category(chr(code))
        self[code] = c if code < 128 or c in _CURRENCY else f" {c} " if kind[0] == "S" else super().__missing__(code)
        return self[code]


_CURRENCY = "$€£¥₹°‰"
_SPELLING, _FOLDING, _WORDS, _TOKENS = _Spelling(), _Folding(), _Words(), _Tokens()
_ODD = re.compile(
    f"[{_APOSTROPHES}{_QUOTES}\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000110bd-\U000e007f]"
)


def spelled(text: str) -> str:
    """The text in composed characters, with plain apostrophes and quotes and nothing invisible; case stays.

    Equal for texts that a reader cannot tell apart.

    Examples
    --------
    >>> spelled("Cafe\u0301 \u201cdon\u2019t\u201d")
    'Café "don\\'t"'
    """
    if text.isascii():
        return text
    if _ODD.search(text):
        text = text.translate(_SPELLING)
    return unicodedata.normalize("NFC", text)


def fold(text: str) -> str:
    """The text in one spelling: besides :func:`spelled`, case, width, dashes, digits and fractions are one (NFKC).

    Examples
    --------
    >>> fold("ＰＡＲＩＳ \u2212５½"), fold("Stra\u00dfe")
    ('paris -5 1/2', 'strasse')
    """
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", text.translate(_FOLDING)).casefold()
    # Once more, because folding may leave what the tables know; and the dotted capital I leaves its dot.
    return unicodedata.normalize("NFKC", text.translate(_SPELLING)).replace("i\u0307", "i")


def words(text: str) -> list[str]:
    """The words of a text: runs of letters and digits, each with its marks (vowel signs, accents); case stays.

    Examples
    --------
    >>> words("snake_case, don't!"), words("\u0926\u093f\u0932")  # heart: its vowel sign belongs to it
    (['snake', 'case', 'don', 't'], ['दिल'])
    """
    return text.translate(_WORDS).split()


_UNSPACED = re.compile(
    "[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9d\U00020000-\U000323af]"
)
"""Letters of scripts that put no space between words: Thai, Lao, Burmese, Khmer, kana and Chinese characters."""


def unspaced(text: str) -> bool:
    """Whether most of a text is in a script without spaces, so that a sentence of it would pass for one word.

    False for a single such character.

    Examples
    --------
    >>> unspaced("东京是首都"), unspaced("The Japanese write 東京."), unspaced("Paris")
    (True, False, False)
    """
    if text.isascii() or not _UNSPACED.search(text):
        return False
    letters = _UNSPACED.findall(text)
    return len(set(letters)) > 1 and len(letters) > sum(map(str.isalnum, text)) / 2


# Tokens of short facts

_ARTICLES = frozenset(("a", "an", "the"))
_UNIT_OF_SIGN = {"%": "percent", "$": "dollar", "€": "euro", "£": "pound", "¥": "yen", "₹": "rupee", "°": "degree"}
_UNIT_OF_SIGN |= {"‰": "permille", "'": "foot", '"': "inch"}
_UNITS = frozenset(_UNIT_OF_SIGN.values())
_UNIT_OF_WORD = {f"{unit}s": unit for unit in _UNITS}
_UNIT_OF_WORD |= {"pct": "percent", "feet": "foot", "ft": "foot", "inches": "inch"}
_OPERATORS = {"<=": "≤", ">=": "≥", "!=": "≠", "*": "x"}
_MAGNITUDES = frozenset(("hundred", "thousand", "million", "billion", "trillion"))
_W = r"[^\s!-/:-@\[-`{-~$€£¥₹°‰]"  # a letter, digit or mark of any script, once _TOKENS has been at the text
_L = r"[^\W\d_]"
_OPERAND = rf"(?:\d|(?<!{_W}){_L})"
_TOKEN = re.compile(
    # A minus stands before its number and behind no operand: 2-3 days is from 2 to 3.
    rf"(?P<minus>(?<![^\s(\[{{<>=:;,|\"'*_~/$€£¥₹])-[$€£¥₹]?|[$€£¥₹]-)?(?<!{_W})(?<!\d\.)"
    rf"(?P<number>(?:\d++(?:[.,:/-]\d++)++|\d++(?!{_W})|\.\d++)(?:\^-?\d++)?)"
    rf"(?P<unit>\ ?[%‰°]|\ ?[$€£¥₹](?!\d)|['\"](?!{_L}))?"
    r"|(?P<tag><!--|-->|</?(?:a|abbr|b|big|blockquote|body|br|center|cite|code|dd|del|div|dl|dt|em|font|h[1-6]|hr|html"
    r"|i|img|ins|kbd|li|mark|ol|p|pre|q|s|small|span|strike|strong|table|tbody|td|tfoot|th|thead|tr|tt|u|ul)"
    r"(?:[\s/][^<>]*)?>)"
    # A sign counts between operands, and a comparison also before a number.
    rf"|(?P<operator>[<>!]=|(?<![-=<>])[<>](?=\ ?(?:[-+.$€£¥₹]{{0,2}}\d|{_L}(?!{_W})))"
    rf"|(?:(?<={_OPERAND})|(?<={_OPERAND}\ ))(?:\+|==)(?=\ ?(?:\d|{_L}(?!{_W})))|(?:(?<=\d)|(?<=\d\ ))[*/](?=\ ?\d))"
    # From the first letter alone: A.B.C.De is tried once.
    rf"|(?P<short>(?<!{_W})(?<!(?<!{_W}){_L}\.)(?:{_L}(?:\.{_L})++\.?(?!{_W})|{_L}\.(?:\ {_L}\.(?!{_W}))++"
    r"|ph\.d\b\.?))"  # U.S., J. R. R.
    rf"|(?P<dotted>(?<![^\s(\[{{\"'*_|`])\.(?={_L}){_W}++)"  # .NET
    rf"|(?P<word>{_W}++(?:\+\+(?!{_L})|\+(?!{_W})|(?<=(?<!{_W}){_L})\#(?!{_W})"  # C++, C++20, C#, Canal+
    rf"|(?:(?<=(?<!{_W}){_L})|(?<=(?<!{_W}){_L}{_L}))-(?![-\w>]))?)"  # A-, Cl-
    r"|(?P<and>&)|(?P<currency>[$€£¥₹])"
)
_GROUPED = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})+,\d{3})(?:\.\d+)?")
_ONE_VALUE = re.compile(  # decimals and versions, times and ratios, fractions, dates
    r"\d+(?:\.\d+)*|\d+(?::\d+)+|(?!\d{4}/)\d+(?:\.\d+)?/\d+(?:\.\d+)?|\d{1,2}/\d{1,2}/\d{2,4}|\d{4}/\d{1,2}/\d{1,2}"
    r"|\d{4}-\d{1,2}-\d{1,2}|\d{1,2}-\d{1,2}-\d{4}"
)
_ENTITY = re.compile(r"&#?\w{1,31};")
_MEASURE = re.compile(r"(?<=\d)(?=(?:km|kg|cm|mm|mg|ml|lbs?|ft|mph|[kmg]?hz|[kmgt]b|am|pm)(?!\w))")
_ELISIONS = frozenset(("qu", "all", "dell", "nell", "dall", "un"))
_GROUP = re.compile("(?<=\\d)(?:['’\u00a0\u2007\u2009\u202f](?=\\d{3}(?!\\d))| (?=(?:\\d{3} ){0,4}000(?!\\d)))")
_QUOTED = re.compile(r"""(?<!\w)(["'])([^"'\n]*)\1(?!\w)""")
_LETTER_A = re.compile(  # no article: before no word, or a capital inside a sentence or before its verb
    r"(?<![\w.'’&+])(?:[Aa](?![\w'’&+-]|\.\w|\s+[\w\"'“‘(*$£€])|(?<=\w\s)A(?=\s)|A(?=\s+(?:\(|(?:is|was|and|or)\b)))"
)
_GLUE = re.compile(rf"(?<={_L})['.&/-](?={_L})|(?<={_L})-(?=\d)|(?<=\d)-(?={_L})")


class Phrase:
    """A text as the tokens in which short facts are looked for.

    Numbers are whole values, with sign, decimals, grouping, ratio, fraction or date; what tells one word from another
    stays (``C++``, ``.NET``); other punctuation parts tokens. The sign of a unit becomes its word.

    Examples
    --------
    >>> Phrase("At -1,000.50 m, the U.S. <b>uses</b> C++: 3/4 of 50%\u2014Paris's").tokens
    ['at', '-1000.5', 'm', 'us', 'uses', 'c++', '3/4', 'of', '50', 'percent', 'paris', "'s"]
    """

    def __init__(self, text: str) -> None:
        self._raw, self._text = text, _prepared(text)
        self._views: dict[str, tuple[list[str], dict[int, str]]] = {}

    @property
    def tokens(self) -> list[str]:
        """All tokens but tags and articles; those too if there are no others, and none only of a blank text."""
        return [token for token in self.every if token not in _ARTICLES] or self.every

    @property
    def every(self) -> list[str]:
        """The same with all articles."""
        return self._view()[0]

    def holds(self, other: Phrase) -> bool:
        """Whether another text stands in this one as a phrase of whole tokens.

        Articles do not count, except an "a" at the very end: vitamin A is another than vitamin C. An "a" that is all
        there is stands for the letter, not for an article.

        Examples
        --------
        >>> Phrase("It is 3.5 percent.").holds(Phrase("3.5%")), Phrase("35 percent").holds(Phrase("3.5 percent"))
        (True, False)
        """
        wanted, units = other._view()
        if not wanted:
            return False
        if wanted[-1] == "a" and _ARTICLES.issuperset(wanted):
            return self.every == wanted or bool(_LETTER_A.search(self._raw))
        if _stands(wanted, self._view("tags" if wanted[0][0] == "<" else "")[0]):
            return True
        # The sign of a unit may be left out, on either side; but another unit makes another value.
        if units or self._view()[1]:
            (wanted, units), (given, own) = other._view("unsigned"), self._view("unsigned")
            if _stands(wanted, given, units, own):
                return True
        # E-mail and email, AC/DC and ACDC, O'Brien and OBrien.
        glued = _GLUE.search(self._text) or _GLUE.search(other._text)
        return bool(glued) and _stands(other._view("glued")[0], self._view("glued")[0])

    def _view(self, how: str = "") -> tuple[list[str], dict[int, str]]:
        """Tokens, and by place the units that signs gave them.

        ``how``: with ``tags``; ``unsigned``, so that no sign becomes a token; ``glued``, so that what stands between
        the letters of a word goes.
        """
        if how not in self._views:
            text = _GLUE.sub("", self._text) if how == "glued" else self._text
            tokens, units = _cut(text, how == "tags", how != "unsigned")
            if not tokens:
                tokens, units = _cut(text, True, how != "unsigned")
            self._views[how] = tokens or self._text.split() or self._raw.split(), units
        return self._views[how]


def _prepared(text: str) -> str:
    """The text in one spelling, with entities, raised and lowered digits, and units that touch their number undone."""
    text = _ENTITY.sub(lambda m: html.unescape(m[0]), text) if "&" in text else text
    text = fold(_GROUP.sub(",", text))
    if "<su" in text:
        text = re.sub(r"</?sub>|</sup>", "", text).replace("<sup>", "^")
    if "^" in text:
        # 10^2 is not 102, but mc^2 is often written mc2.
        text = re.sub(r"\^\{(-?\d+)\}", r"^\1", text)
        text = re.sub(rf"(?<={_L})\^(?=\d)|\^(?=[+-](?![\^\d]))", "", text)
        text = re.sub(r"(?<=\d)\^-?(?:\^?\d)+", lambda m: "^" + m[0].replace("^", ""), text)
    text = re.sub(r"(?<=\d)x(?=\d)", " x ", text.replace("'n'", " n "))
    text = _QUOTED.sub(r" \2 ", text)  # what is left behind a number is of feet or inches
    text = re.sub(r"(?<!\w)(ab|[b-z])[ -]negative(?!\w| \d)", r"\1-", text)  # a blood group
    return _MEASURE.sub(" ", re.sub(r"\bper cent\b", "percent", text)).translate(_TOKENS)


def _cut(text: str, tags: bool, signs: bool) -> tuple[list[str], dict[int, str]]:
    """Cut a prepared text into tokens; the sign of a unit is noted, and with ``signs`` it is a token as well."""
    found: list[str] = []
    units: dict[int, str] = {}
    ahead = due = ""  # the unit of a currency sign until its number has come, and until that number is whole
    end = 0

    def settle(unit: str) -> None:
        units[len(found) - 1] = unit
        found.extend([unit] * signs)

    for m in _TOKEN.finditer(text):
        kind, token = m.lastgroup, m[0]
        if due:
            if token in _MAGNITUDES:
                found.append(token)  # $5 million is 5 million dollars
            settle(due)
            due = ""
            if token in _MAGNITUDES:
                end = m.end()
                continue
        if ahead and not m["number"]:
            found.append(ahead)  # a sign without a number
            ahead = ""
        if m["number"]:
            values = _values(m["number"])
            sign = m["minus"] or ""
            operand = "".join(found[-2:-1])[-1:].isdecimal()  # 10 minus 5
            if found[-1:] in (["minus"], ["negative"]) and not (sign or operand):
                sign = "-"
                found.pop()
            found += ["-" * ("-" in sign) + values[0], *values[1:]]
            due, ahead = _UNIT_OF_SIGN.get(sign.strip("-"), ahead), ""
            if m["unit"]:
                settle(_UNIT_OF_SIGN[m["unit"].strip()])
                due = ""
        elif kind == "currency":
            ahead = _UNIT_OF_SIGN[token]
        elif kind == "tag":
            found += [token] * tags
        elif kind == "operator":
            found.append(_OPERATORS.get(token, token))
        elif kind == "and":
            found.append("and")
        elif kind == "short":
            found.append(re.sub("[. ]", "", token))
        else:
            behind = text[end : m.start()] == "'" and end > 0 and bool(found)  # of an apostrophe inside a word
            if behind and token == "s":
                found.append("'s")
            elif behind and len(found[-1]) > 1 and found[-1] not in _ELISIONS:
                found[-1] += token  # don't, but l'Angleterre
            else:
                found.append(_UNIT_OF_WORD.get(token, token))
        end = m.end()
    if due:
        settle(due)
    if ahead:
        found.append(ahead)
    return found, units


def _values(run: str) -> list[str]:
    """The values in a run of digits with points, commas, colons, slashes or hyphens between them."""
    run, power, exponent = run.partition("^")
    run = f"0{run}" if run[0] == "." else run
    if _GROUPED.fullmatch(run):
        run = run.replace(",", "")
    elif re.fullmatch(r"\d{1,3},\d{1,2}", run):
        run = run.replace(",", ".")  # the decimal comma
    if _ONE_VALUE.fullmatch(run):
        # 5.0 is 5 and 0.50 is 0.5; 09:30 is 9:30, and 07/04/1776 is 7/4/1776.
        if re.fullmatch(r"\d+\.\d+", run):
            run = run.rstrip("0").rstrip(".")
        elif re.search("[:/-]", run):
            run = re.sub(r"(?<![\d.:])0(?=\d)", "", run)
        return [run + power + exponent]
    part = next(c for c in "-/,:." if c in run)
    values = [value for piece in run.split(part) for value in _values(piece)]
    return [*values[:-1], values[-1] + power + exponent]


def _stands(
    wanted: list[str],
    given: list[str],
    wanted_units: Mapping[int, str] = {},
    given_units: Mapping[int, str] = {},
) -> bool:
    """Whether tokens stand among others side by side; where units are given, no number may have two."""
    last = wanted[-1] == "a" and len(wanted) > 1  # then articles count
    first = next((i for i, token in enumerate(wanted[:-1]) if token not in _ARTICLES), len(wanted) - 1)
    mine = range(first, len(wanted)) if last else _places(wanted)
    theirs = range(len(given)) if last else _places(given)
    line, phrase = (f" {' '.join([row[i] for i in places])} " for row, places in ((given, theirs), (wanted, mine)))
    at = line.find(phrase)
    if at < 0 or not wanted_units:
        return at >= 0
    asked = [(k, wanted_units[i]) for k, i in enumerate(mine) if i in wanted_units]
    count = seen = 0
    while at >= 0:
        count, seen = count + line.count(" ", seen, at), at
        if all(_unit(given, given_units, theirs[count + k]) in ("", unit) for k, unit in asked):
            return True
        at = line.find(phrase, at + 1)
    return False


def _places(tokens: list[str]) -> Sequence[int]:
    """Where the tokens stand that are no articles; all of them if there are no others."""
    return [i for i, token in enumerate(tokens) if token not in _ARTICLES] or range(len(tokens))


def _unit(tokens: list[str], units: Mapping[int, str], place: int) -> str:
    """The unit of a number, by a sign or by the word behind it; or an empty string."""
    after = "".join(tokens[place + 1 : place + 2])
    return units.get(place) or (after if after in _UNITS else "")
