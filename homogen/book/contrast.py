"""Two questions side by side, one answered right and one wrong, whose drawn answers spread alike: the book's opening.

The two are chosen by a rule (:mod:`homogen.book.pairs`), and all that the figure shows comes from the data given.
Answers are a model's: they may hold anything, and are shown as text.
"""

from __future__ import annotations

import dataclasses
import html
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from homogen.book.figures import PALETTE, Shown
from homogen.book.pairs import RULE, Asked, Pair, pick, sizes
from homogen.records import BadInput, fixed

LONGEST = 240
"""Characters of a text that are kept; the page shows two or three lines of them."""


@dataclasses.dataclass(frozen=True, repr=False)
class Contrast(Shown):
    """The figure; where HTML is not shown, its plain text stands for it."""

    alternative: str

    def __repr__(self) -> str:
        return self.alternative


def figure(sets: Mapping[str, Asked], reference: float, caption: str) -> Contrast:
    """Show the chosen pair of each set, with a switch between sets and a slider for the temperature.

    Without scripts the first set is shown at the reference temperature. It needs no network and no kernel, and holds no
    ids, so that several can stand on one page.

    Parameters
    ----------
    sets
        By name. All have been drawn at the same temperatures.
    reference
        The temperature at which the two questions of a set are chosen, and which is shown first.
    caption
        What is shown; the rule (``homogen.book.pairs.RULE``) follows it.

    Raises
    ------
    BadInput
        If there is no set, no answers were drawn at the reference, or sets were drawn at different temperatures.

    Examples
    --------
    >>> from homogen.book.pairs import Drawn
    >>> drawn = Drawn([["4", "4"], ["Rome", "Rome"]], [[0, 0], [0, 0]], [0.0, 0.0])
    >>> asked = Asked(["2 + 2?", "Capital of Peru?"], ["4", "Lima"], ["4", "Rome"], [0, 1], [0.1, 0.4], {1.0: drawn})
    >>> shown = figure({"mine": asked}, 1.0, "Two questions.")
    >>> shown.markup.count("<li"), "http" in shown.markup
    (4, False)
    """
    temperatures = _temperatures(sets, reference)
    start = temperatures.index(float(reference))
    texts: dict[str, int] = {}
    blocks, states = [], []
    for number, asked in enumerate(sets.values()):
        pair = pick(asked.drawn[reference].labels, asked.wrong)
        views = [] if pair.reason else [_view(asked, pair, t, texts) for t in temperatures]
        blocks.append(_block(asked, pair, views[start] if views else None, list(texts), hidden=number > 0))
        states.append(views)
    data = {"t": [f"{t:g}" for t in temperatures], "first": start, "x": list(texts), "v": states}
    # A model may write "</script>" or "<!--": no < is left for the browser to find.
    packed = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", r"\u003c")
    chosen = f"How the two were chosen, by rule: {RULE[0].lower()}{RULE[1:]}"
    # MathJax passes over texts of this class: a dollar of a model's is a dollar.
    return Contrast(
        '<figure class="homogen contrast tex2jax_ignore">'
        f"{_controls(list(sets), temperatures, start)}{''.join(blocks)}"
        f"<figcaption>{_text(caption)} {_text(chosen)}</figcaption>"
        f'<script type="application/json">{packed}</script><script>{_SCRIPT}</script></figure>',
        alternative(sets, reference),
    )


def alternative(sets: Mapping[str, Asked], reference: float) -> str:
    """Say in plain text what the figure shows before anything is moved.

    Parameters
    ----------
    sets, reference
        As for :func:`figure`.

    Examples
    --------
    >>> from homogen.book.pairs import Drawn
    >>> drawn = Drawn([["4", "4"], ["Rome", "Rome"]], [[0, 0], [0, 0]], [0.0, 0.0])
    >>> asked = Asked(["2 + 2?", "Capital of Peru?"], ["4", "Lima"], ["4", "Rome"], [0, 1], [0.1, 0.4], {1.0: drawn})
    >>> print(alternative({"mine": asked}, 1.0))
    mine, T = 1
    2 + 2? Greedy answer: 4 (right; reference: 4). Drawn: A 4 | A 4
    Capital of Peru? Greedy answer: Rome (wrong; reference: Lima). Drawn: A Rome | A Rome
    The spread is the same: 1 cluster each, semantic entropy 0.000 nats each. It cannot tell the wrong answer from the \
right one. Token entropy is higher for the wrong answer: 0.400 against 0.100 nats.
    """
    _temperatures(sets, reference)
    lines = []
    for name, asked in sets.items():
        lines.append(f"{name}, T = {reference:g}")
        pair = pick(asked.drawn[reference].labels, asked.wrong)
        if pair.reason:
            lines.append(f"No pair to show: {pair.reason}.")
            continue
        texts: dict[str, int] = {}
        view = _view(asked, pair, reference, texts)
        known = list(texts)
        for place, word, rows in zip((pair.right, pair.wrong), ("right", "wrong"), view["rows"], strict=True):
            drawn = " | ".join(f"{letter} {known[text]}" for _, letter, text in rows)
            lines.append(
                f"{plain(asked.questions[place])} Greedy answer: {plain(asked.greedy[place])} ({word}; reference: "
                f"{plain(asked.references[place])}). Drawn: {drawn}"
            )
        lines.append(view["said"])
    return "\n".join(lines)


def plain(text: str) -> str:
    """Make one line of a text, cut with an ellipsis where it is long; an empty one says so.

    Examples
    --------
    >>> plain(" a\\n b "), plain(""), len(plain("x" * 999)) == LONGEST
    ('a b', '(no answer)', True)
    """
    text = " ".join(text.split())
    return (text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…") or "(no answer)"


def _temperatures(sets: Mapping[str, Asked], reference: float) -> list[float]:
    """The temperatures of all sets, rising."""
    every = [sorted(map(float, asked.drawn)) for asked in sets.values()]
    if not every:
        raise BadInput("there is no set of questions to show")
    if any(found != every[0] for found in every):
        raise BadInput("every set of questions must be drawn at the same temperatures")
    if float(reference) not in every[0]:
        told = ", ".join(f"{t:g}" for t in every[0])
        raise BadInput(f"reference must be one of the temperatures {told}, got {reference:g}")
    return every[0]


# What is shown at one temperature


def _view(asked: Asked, pair: Pair, temperature: float, texts: dict[str, int]) -> dict[str, Any]:
    """What hangs on the temperature: rows of answers, numbers, and what they say; new texts are added to ``texts``."""
    drawn, places = asked.drawn[temperature], (pair.right, pair.wrong)
    counts = [len(sizes(drawn.labels[p])) for p in places]
    numbers = [[str(c) for c in counts], [_number(drawn.semantic_entropy[p]) for p in places]]
    return {
        "rows": [_rows(drawn.answers[p], drawn.labels[p], texts) for p in places],
        "n": [[(value, _sign(*row)) for value in row] for row in numbers],
        "said": f"{_spread_said(counts, numbers[1])} {_entropy_said(*(asked.entropy[p] for p in places))}",
    }


def _rows(answers: Sequence[str], labels: Sequence[int], texts: dict[str, int]) -> list[list]:
    """Answers as colour, letter and number of the text: by cluster, the largest first, each in the order drawn.

    A colour says that an answer is not alone; a letter says with whom it stands.
    """
    members: dict[int, list[int]] = {}
    for i, label in enumerate(labels):
        members.setdefault(int(label), []).append(i)
    missing = members.pop(-1, [])
    rows = []
    for rank, own in enumerate(sorted(members.values(), key=len, reverse=True)):
        letter = chr(ord("A") + rank) if rank < 26 else str(rank + 1)
        colour = PALETTE[rank % len(PALETTE)] if len(own) > 1 else ""
        rows += [[colour, letter, texts.setdefault(plain(answers[i]), len(texts))] for i in own]
    return rows + [["", "–", texts.setdefault(plain(""), len(texts))] for _ in missing]


def _number(value: float) -> str:
    return "–" if math.isnan(value) else fixed(abs(value) if abs(value) < 1e-9 else value)


def _sign(right: str, wrong: str) -> str:
    """Say whether two numbers are equal as they are shown."""
    return "" if "–" in (right, wrong) else "same" if right == wrong else "differs"


def _spread_said(counts: Sequence[int], entropies: Sequence[str]) -> str:
    if "–" in entropies:
        return "The spread of one of them is undefined here: fewer than two answers are left."
    if counts[0] == counts[1] and entropies[0] == entropies[1]:
        clusters = f"{counts[0]} cluster{'s' * (counts[0] != 1)}"
        return (
            f"The spread is the same: {clusters} each, semantic entropy {entropies[0]} nats each. It cannot tell the "
            "wrong answer from the right one."
        )
    return (
        f"The spread differs: the wrong answer has {counts[1]} cluster{'s' * (counts[1] != 1)} and semantic entropy "
        f"{entropies[1]} nats, the right one {counts[0]} and {entropies[0]}."
    )


def _entropy_said(right: float, wrong: float) -> str:
    a, b = _number(right), _number(wrong)
    if "–" in (a, b):
        return "Token entropy is undefined for one of the two."
    if a == b:
        return f"Token entropy is the same too: {a} nats."
    return f"Token entropy is {'higher' if wrong > right else 'lower'} for the wrong answer: {b} against {a} nats."


# Markup


def _text(value: str) -> str:
    return html.escape(" ".join(value.split()))


def _controls(names: Sequence[str], temperatures: Sequence[float], start: int) -> str:
    """A form of its own, in which the buttons belong together however many figures a page has."""
    buttons = "".join(
        f'<label><input type="radio" name="set" value="{i}"{" checked" if i == 0 else ""}> {_text(name)}</label>'
        for i, name in enumerate(names)
    )
    if len(names) > 1:
        made = f'<span class="sets" role="group" aria-label="set of questions">questions: {buttons}</span>'
    else:
        made = f'<span class="sets">questions: {_text(names[0])}</span>'
    now = f"T = {temperatures[start]:g}"
    if len(temperatures) > 1:
        ticks = "".join(f"<span>{t:g}</span>" for t in temperatures)
        made += (
            '<span class="temperature">temperature <span class="range">'
            f'<input type="range" min="0" max="{len(temperatures) - 1}" step="1" value="{start}" '
            f'aria-label="temperature of the drawn answers" aria-valuetext="{now}">'
            f'<span class="ticks" aria-hidden="true">{ticks}</span></span> <output>{now}</output></span>'
        )
    else:
        made += f'<span class="temperature">{now}</span>'
    return f'<form class="controls" onsubmit="return false">{made}</form>'


def _block(asked: Asked, pair: Pair, view: dict[str, Any] | None, texts: Sequence[str], hidden: bool) -> str:
    """One set: its two questions, or the reason why there are none."""
    shut = " hidden" if hidden else ""
    if view is None:
        return f'<div class="set"{shut}><p class="none">No pair to show: {_text(pair.reason)}.</p></div>'
    sides = "".join(_side(asked, pair, i, view, () if hidden else texts) for i in (0, 1))
    return (
        f'<div class="set"{shut}><div class="pair">{sides}</div><p class="said" role="status">{view["said"]}</p></div>'
    )


def _side(asked: Asked, pair: Pair, i: int, view: dict[str, Any], texts: Sequence[str]) -> str:
    place, mark = ((pair.right, "✓ right"), (pair.wrong, "✗ wrong"))[i]
    # What is hidden at first is written by the script when it is wanted.
    rows = "".join(_item(colour, letter, texts[text]) for colour, letter, text in (view["rows"][i] if texts else ()))
    entropies = [_number(asked.entropy[p]) for p in (pair.right, pair.wrong)]
    numbers = [
        ("clusters", view["n"][0][i], ' class="moves"'),
        ("semantic entropy, nats", view["n"][1][i], ' class="moves"'),
        ("token entropy, nats", (entropies[i], _sign(*entropies)), ""),
    ]
    scores = "".join(
        f"<dt>{name}</dt><dd{kind}><small>{sign}</small> <b>{value}</b></dd>" for name, (value, sign), kind in numbers
    )
    return (
        f'<section class="side" aria-label="the question with the {mark[2:]} greedy answer">'
        f'<p class="question">{_text(plain(asked.questions[place]))}</p>'
        f'<p class="greedy"><strong data-mark="{mark[0]}">{mark}</strong> '
        f"<span>greedy answer: <em>{_text(plain(asked.greedy[place]))}</em></span> "
        f'<span class="reference">reference: {_text(plain(asked.references[place]))}</span></p>'
        f'<p class="drawn">{len(view["rows"][i])} drawn answers, by cluster:</p>'
        f"<ol>{rows}</ol><dl>{scores}</dl></section>"
    )


def _item(colour: str, letter: str, text: str) -> str:
    look = f' style="--c:{colour}"' if colour else ""
    return f"<li{look}><b>{letter}</b><span>{_text(text)}</span></li>"


_SCRIPT = re.sub(
    r"\n\s*",
    "",
    """
    (function(){
    var f=document.currentScript.parentNode;
    var d=JSON.parse(f.querySelector('script[type="application/json"]').textContent);
    var r=f.querySelector('input[type=range]'), o=f.querySelector('output'), sets=f.querySelectorAll('.set');
    function row(p){
    var e=document.createElement('li'), b=document.createElement('b'), s=document.createElement('span');
    b.textContent=p[1]; s.textContent=d.x[p[2]];
    if(d.x[p[2]].length>60)s.title=d.x[p[2]];
    if(p[0])e.style.setProperty('--c',p[0]);
    e.appendChild(b); e.appendChild(s); return e;
    }
    function draw(){
    var on=f.querySelector('input[type=radio]:checked'), s=on?+on.value:0, t=r?+r.value:d.first;
    sets.forEach(function(block,i){
    block.hidden=i!==s;
    var v=d.v[i][t];
    if(!v||i!==s)return;
    block.querySelectorAll('.side').forEach(function(side,k){
    var list=side.querySelector('ol'); list.textContent='';
    v.rows[k].forEach(function(p){list.appendChild(row(p));});
    side.querySelectorAll('dd.moves').forEach(function(cell,j){
    cell.lastChild.textContent=v.n[j][k][0]; cell.firstChild.textContent=v.n[j][k][1];
    });
    });
    block.querySelector('.said').textContent=v.said;
    });
    if(r){o.textContent='T = '+d.t[t]; r.setAttribute('aria-valuetext','T = '+d.t[t]);}
    }
    f.addEventListener('input',draw); draw();
    })();
    """,
)
