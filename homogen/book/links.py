"""Links and labels of Markdown, for a page that stands in another folder, or beside another of the same chapter."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_INLINE = (
    r"\{(?P<role>[\w:.-]+)\}`(?P<inside>[^`]+)`"
    r"|(?<!`)(?P<span>`{1,2})(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)(?P=span)(?!`)"
)
"""A role, and a span of code: what looks like a link in there is none."""


def _parted(text: str) -> list[tuple[bool, str]]:
    """Part Markdown into prose (True), directives with what they hold among it, and fenced blocks of code."""
    parts: list[tuple[bool, str]] = []
    directives: list[str] = []
    code = ""
    for line in text.splitlines(keepends=True):
        fence = re.match(r"[ \t]*(`{3,}|~{3,})(.*)", line)
        prose = not code
        if fence and code:
            code = "" if fence[1].startswith(code) and not fence[2].strip() else code
        elif fence and directives and fence[1].startswith(directives[-1]) and not fence[2].strip():
            directives.pop()
        elif fence and re.match(r"\{(?!code|raw)", fence[2]):
            directives.append(fence[1])
        elif fence:
            code, prose = fence[1], False
        if parts and parts[-1][0] == prose:
            parts[-1] = prose, parts[-1][1] + line
        else:
            parts.append((prose, line))
    return parts


def _in_prose(pattern: str, change: Callable[[re.Match], str], text: str) -> str:
    """Change what matches in the prose of some Markdown; what stands in blocks of code stays."""
    return "".join(re.sub(pattern, change, part, flags=re.M | re.S) if prose else part for prose, part in _parted(text))


def line_at(text: str, line: str) -> int:
    """Where a line of prose begins in some Markdown; -1 if there is no such line.

    Examples
    --------
    >>> line_at("```\\n## Findings\\n```\\nSo.\\n## Findings", "## Findings")
    24
    """
    begin = 0
    for prose, part in _parted(text):
        for found in re.finditer(rf"{_INLINE}|(?P<line>^{re.escape(line)}[ \t]*$)", part if prose else "", re.M | re.S):
            if found["line"]:
                return begin + found.start()
        begin += len(part)
    return -1


def relinked(text: str, way: str) -> str:
    """Lead the relative links of some Markdown from another folder: ``way`` is the way from there to the old one.

    Examples
    --------
    >>> relinked("[](primer.ipynb), [x](https://x.org), {doc}`a <../api/a>`, `f[a](b)`", "../")
    '[](../primer.ipynb), [x](https://x.org), {doc}`a <../../api/a>`, `f[a](b)`'
    """
    elsewhere = r"[a-z][a-z0-9+.-]*:|[#/]"

    def lead(found: re.Match) -> str:
        if found["role"] in ("doc", "download"):
            inside = re.sub(rf"\A(.*<)?(?!{elsewhere})(?=[^<>]+>?\Z)", rf"\g<1>{way}", found["inside"], flags=re.S)
            return f"{{{found['role']}}}`{inside}`"
        return f"{found['link']}{way}" if found["link"] else found[0]

    return _in_prose(rf"{_INLINE}|(?P<link>\]\()(?!{elsewhere})(?=[^)\s])", lead, text)


_LABEL = r"^[ \t]*:(?:label|name):[ \t]*|^\((?=[^()\n]+\)=)|\$\$[ \t]*\((?=[\w:.-]+\)[ \t]*$)"


def relabelled(texts: Sequence[str], ending: str) -> list[str]:
    """Give the labels that some Markdown defines an ending, there and where it refers to them.

    Two pages of one chapter in a book must not define the same label.

    Examples
    --------
    >>> relabelled(["(part)=\\n## A part", "See {ref}`part` and {ref}`other`."], "here")
    ['(part-here)=\\n## A part', 'See {ref}`part-here` and {ref}`other`.']
    """
    labels = {m[1] for text in texts for m in re.finditer(rf"(?:{_LABEL})([\w:.-]+)", text, re.M)}

    def renamed(label: str) -> str:
        return f"{label}-{ending}" if label in labels else label

    def rename(found: re.Match) -> str:
        if found["role"] in ("ref", "numref", "eq", "prf:ref"):
            inside = re.sub(r"[\w:.-]+(?=>?$)", lambda m: renamed(m[0]), found["inside"])
            return f"{{{found['role']}}}`{inside}`"
        return found["before"] + renamed(found["label"]) if found["label"] else found[0]

    before = rf"{_LABEL}|\{{solution(?:-\w+)?\}}[ \t]+|\]\(#"
    return [_in_prose(rf"{_INLINE}|(?P<before>{before})(?P<label>[\w:.-]+)", rename, text) for text in texts]
