"""The answer in a model's text: what is left without its reasoning."""

from __future__ import annotations

import re

_MARKS = re.compile(r"</?(?:think|thinking|reasoning|thought|seed:think)>|\[/?think\]|◁/?think▷", re.IGNORECASE)
"""What opens and ends a reasoning block: most models' tags, Magistral's brackets, Kimi's triangles."""

_LINE_END = re.compile(r"[ \t]*\r?\n")
_APART = re.compile(r"(?:\w|\n[ \t]*|(?<!\.\w)[.!?]\s*)\Z")
"""What may stand in front of a block that is closed: a word without a blank, a line's end, a sentence (not "e.g.")."""

_PAIR = re.compile(r"\s+(?:and|or)\s+")
"""What stands between two marks that are only spoken of."""

_CHANNEL = re.compile(r"\s*(?:<\|start\|>\s*assistant\s*)?<\|channel\|>")
_FINAL = re.compile(r"<\|channel\|>\s*final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>")
_CHANNEL_END = re.compile(r"<\|(?:return|end|start|call)\|>")
# Channels as they read where a tokenizer hides special tokens. No word goes on behind "analysis" without a blank.
_PLAIN_CHANNEL = re.compile(r"\s*analysis(?=[\w\"“*])|\s*(?:analysis|commentary)(?=.*?assistantfinal)", re.DOTALL)
_PLAIN_FINAL = "assistantfinal"


def answer_of(text: str) -> str:
    """The answer in a model's text: without its reasoning, white space trimmed.

    Reasoning stands between the marks of a block (``<think>`` and its kin in any case, ``[THINK]``, ``◁think▷``) or in
    the channels of gpt-oss, of which only the final one is an answer. A block that the length limit cut open leaves no
    answer, because none was given.

    A mark opens a block at the beginning, behind another block, at the end of a line, or where a word follows it
    directly; if the block is closed, also at the start of a line, behind a sentence, and directly behind a word. One
    that stands among words is only spoken of, and stays; so do ``<think> and </think>``, and the ``[think]`` of a
    quotation. A text that speaks of a mark with its first word (``<think> is a tag``) cannot be told from a block that
    was cut: it is no answer, and nor is one that begins with ``analysis"``.

    Examples
    --------
    >>> answer_of("<think>Sydney? No.</think> Canberra.")
    'Canberra.'
    >>> answer_of("<think>Sydney is the largest city, but")
    ''
    >>> answer_of("Put it behind the <think> tag.")
    'Put it behind the <think> tag.'
    >>> answer_of("Sure! <think>\\nSydney? No.\\n</think> Canberra.")
    'Sure!  Canberra.'
    >>> answer_of("<|channel|>analysis<|message|>Sydney?<|end|><|start|>assistant<|channel|>final<|message|>Canberra.")
    'Canberra.'
    """
    if _CHANNEL.match(text):
        final = _FINAL.search(text)
        return _CHANNEL_END.split(text[final.end() :], maxsplit=1)[0].strip() if final else ""
    if _PLAIN_CHANNEL.match(text):
        return text.partition(_PLAIN_FINAL)[2].strip()
    marks = [(m, *_kind(m)) for m in _MARKS.finditer(text)]
    last = {name: j for j, (_, name, closes) in enumerate(marks) if closes}
    kept, at, front, i = [], 0, True, 0
    while i < len(marks):
        mark, name, closes = marks[i]
        front = front and not text[at : mark.start()].strip()
        if closes:
            if front and at:  # the end of the same block, said twice
                at = mark.end()
        elif _opens(text, marks, i, front, last.get(name, -1) > i):
            kept.append(text[at : mark.start()])
            end = _block_end(marks, i)
            if end is None:
                return "".join(kept).strip()
            i, at = end, marks[end][0].end()
        i += 1
    return "".join([*kept, text[at:]]).strip()


def reasoning_opened(text: str) -> str:
    """A text whose first mark ends a reasoning block, with the mark that opens it put in front; others as they are.

    Some chat templates open the block themselves, and some tokenizers hide its first mark. An ending mark with blanks
    around it is a word of the text.

    Examples
    --------
    >>> reasoning_opened("Sydney? No.</think> Canberra.")
    '<think>Sydney? No.</think> Canberra.'
    >>> reasoning_opened("Close it with </think> then.")
    'Close it with </think> then.'
    """
    mark = _MARKS.search(text)
    if mark is None or not _kind(mark)[1]:
        return text
    before, after = text[: mark.start()][-1:], text[mark.end() :][:1]
    if before in (" ", "`", '"', "'", "“", "(") and not (after.isalnum() or after == "\n"):
        return text
    return mark.group().replace("/", "") + text


def without_marks(text: str) -> str:
    """A text in which nothing opens or ends a reasoning block: a blank stands in each mark.

    Examples
    --------
    >>> without_marks("I close it with </think> then.")
    'I close it with < /think> then.'
    """
    return _MARKS.sub(lambda mark: f"{mark.group()[0]} {mark.group()[1:]}", text)


def _kind(mark: re.Match) -> tuple[str, bool]:
    """What a mark belongs to, and whether it closes."""
    whole = mark.group().lower()
    return whole.replace("/", ""), "/" in whole


def _opens(text: str, marks: list[tuple[re.Match, str, bool]], i: int, front: bool, closed: bool) -> bool:
    """Whether an opening mark opens a block: nothing stands in front of it, or what is around it says so."""
    mark, name, _ = marks[i]
    if closed and marks[i + 1][1:] == (name, True) and _PAIR.fullmatch(text, mark.end(), marks[i + 1][0].start()):
        return False
    if text[mark.end() : mark.end() + 1].isalnum():
        return closed or mark.group() != "[think]"
    before = text[max(0, mark.start() - 8) : mark.start()]
    return front or bool(_LINE_END.match(text, mark.end()) or (closed and _APART.search(before)))


def _block_end(marks: list[tuple[re.Match, str, bool]], i: int) -> int | None:
    """The number of the mark that closes the block which mark ``i`` opens; None if it is cut open.

    Reasoning may hold marks itself: their pairs count, and if they have none the block ends with the last that closes.
    """
    depth, last = 0, None
    for j in range(i, len(marks)):
        _, name, closes = marks[j]
        if name == marks[i][1]:
            depth += -1 if closes else 1
            last = j if closes else last
            if depth == 0:
                return j
    return last
