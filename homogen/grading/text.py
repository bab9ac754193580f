"""When two texts are one text: marks, spelling and words.

What a keyboard, a browser or a tokenizer makes of a text (composed or decomposed accents, typographic marks, characters
that nobody sees) must not decide whether an answer is right. Standard library only; every rule is one pass.
"""

from __future__ import annotations

import re
import unicodedata

_APOSTROPHES = "‘’‚‛ʹʻʼʾʿˈ′＇´"
_QUOTES = "“”„‟«»‹›″〝〞〟＂"
MINUSES = "−﹣－"
_HYPHENS = f"‐‑‒–⁃{MINUSES}"  # each of them may stand for a minus
_DASHES = "—―⸺⸻"  # these part clauses
CURRENCY = "$€£¥₹"
GAPS = "'\u00a0\u2009\u202f"  # what parts thousands beside the comma: the Swiss apostrophe, no-break and thin spaces
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_INVISIBLE = {0x034F, *range(0xFE00, 0xFE10)}  # the marks among what nobody sees: joiner and variation selectors


def _invisible(code: int) -> bool:
    return code in _INVISIBLE or unicodedata.category(chr(code)) == "Cf"


def written_out(fraction: str) -> str:
    """One of the characters that are a fraction, in digits; without the space before it 3½ would become 31/2."""
    return " " + unicodedata.normalize("NFKC", fraction).replace("⁄", "/")


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
            self[code] = written_out(c)
        elif code in RAISED:
            self[code] = "^" + c.translate(RAISED)
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
        self[code] = c if code < 128 or c in _UNIT_SIGNS else f" {c} " if kind[0] == "S" else super().__missing__(code)
        return self[code]


_UNIT_SIGNS = f"{CURRENCY}°‰"
_SPELLING, _FOLDING, _WORDS, TOKENS = _Spelling(), _Folding(), _Words(), _Tokens()
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
