"""The one plot style, and a few functions from a table to Axes.

Figures are shown as inline SVG whose text and lines take the page's own colour, so that they read on a light and on a
dark page; each carries its caption and an alternative text.
"""

from __future__ import annotations

import contextlib
import dataclasses
import html
import io
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from homogen.evaluation import TestResult, holm
from homogen.records import Estimate, fixed

PALETTE = ("#4477AA", "#EE6677", "#228833", "#AA7700", "#66A9CC", "#AA3377")
"""Colours that stay apart for colour-blind readers, on white and on black (after Paul Tol's bright scheme)."""

MARKERS = ("o", "s", "^", "D", "v", "P")
"""One for each colour: nothing is told by colour alone."""

_INK = "#010203"  # stands for the page's text colour until the SVG is written

_STYLE = {
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.titlecolor": _INK,
    "axes.facecolor": "none",
    "axes.grid": False,
    "axes.prop_cycle": mpl.cycler(color=PALETTE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",
    "figure.figsize": (5.6, 3.4),
    "font.size": 10.5,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw in the house style inside a ``with`` block."""
    with mpl.rc_context(_STYLE):
        yield


@dataclasses.dataclass(frozen=True)
class Shown:
    """Something to see in a notebook: HTML with a caption and an alternative text."""

    markup: str

    def _repr_html_(self) -> str:
        return self.markup


def axes(width: float = 5.6, height: float = 3.4, panels: int = 1):
    """Make a figure in the house style: ``(figure, axes)``, sizes in inches.

    Several panels stand one above the other and share their x axis, so that they stay legible on a phone.
    """
    with style():
        figure = Figure(figsize=(width, height))
        return figure, figure.subplots(panels, 1, sharex=True)


def show(figure: Figure, caption: str, alt: str) -> Shown:
    """Finish a figure: inline SVG in the page's colours, with caption and alternative text.

    Parameters
    ----------
    figure
        From :func:`axes`.
    caption
        What is plotted and what to see in it; plain text.
    alt
        What a reader who cannot see the figure needs to know, with the main numbers.

    Raises
    ------
    ValueError
        If caption or alternative text is empty.
    """
    if not caption.strip() or not alt.strip():
        raise ValueError("a figure needs a caption and an alternative text")
    # The salt makes matplotlib's ids the same in every run, and different from those of the page's other figures.
    with style(), mpl.rc_context({"svg.hashsalt": caption + alt}), io.StringIO() as out:
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        svg = out.getvalue()
    # What a notebook draws outside the style is black, which is ink too.
    svg = re.sub(f"{_INK}|#000000", "currentColor", svg[svg.index("<svg") :])
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    used = set(re.findall(r'(?:href="#|url\(#)([\w-]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda m: m.group(0) if m.group(1) in used else "", svg)
    width = round(float(figure.get_figwidth()) * 100)
    look = f'fill="currentColor" style="width:100%;max-width:{width}px;height:auto"'
    head = f'<svg role="img" aria-label="{html.escape(alt)}" {look} '
    svg = head + re.sub(r' (?:width|height)="[\d.]+pt"', "", svg[len("<svg ") :], count=2)
    return Shown(f'<figure class="homogen">\n{svg}<figcaption>{html.escape(caption)}</figcaption></figure>')


def forest(
    estimates: Mapping[str, Estimate],
    ax: Axes,
    reference: float | None = None,
    color: str = PALETTE[0],
    nulls: Mapping[str, tuple[float, float]] | None = None,
) -> Axes:
    """Draw estimates with their intervals, one a row, first on top; undefined ones say why.

    Parameters
    ----------
    estimates
        By the label of the row.
    ax
        Where to draw.
    reference
        A vertical line, such as 0.5 for AUROC.
    color
        Of points and intervals.
    nulls
        By the label of the row, where values fall that say nothing: a pale bar behind the point.
    """
    with style():
        for row, (name, estimate) in enumerate(estimates.items()):
            if nulls and name in nulls:
                bar = {"linewidth": 8, "alpha": 0.3, "solid_capstyle": "butt"}
                ax.plot(nulls[name], [row, row], color=PALETTE[2], zorder=0, **bar)
            if np.isnan(estimate.value):
                where = ax.get_yaxis_transform()
                ax.text(0.02, row, estimate.method, transform=where, va="center", style="italic", size=9)
                continue
            ax.plot([estimate.low, estimate.high], [row, row], color=color)
            ax.plot(estimate.value, row, MARKERS[0], color=color)
        if reference is not None:
            ax.axvline(reference, color=_INK, linestyle=":", linewidth=1)
        ax.set_yticks(range(len(estimates)), list(estimates))
        ax.set_ylim(len(estimates) - 0.5, -0.5)
    return ax


def bands(table: pd.DataFrame, x: str, hue: str, ax: Axes) -> Axes:
    """Draw one line with its interval for each value of ``hue``.

    Parameters
    ----------
    table
        Long form with columns ``x``, ``hue``, ``value``, ``low`` and ``high``.
    x, hue
        Column names.
    ax
        Where to draw.
    """
    groups = list(table.groupby(hue, sort=False))
    colors = sns.color_palette(PALETTE, len(groups)).as_hex()
    with style():
        for (name, rows), color, marker in zip(groups, colors, itertools.cycle(MARKERS), strict=False):
            ax.fill_between(rows[x], rows["low"], rows["high"], color=color, alpha=0.18, linewidth=0)
            ax.plot(rows[x], rows["value"], marker=marker, color=color, label=str(name))
        if len(groups) > 1:
            ax.legend()
    return ax


def estimates_table(estimates: Mapping[object, Estimate], x: str, shown: bool = False) -> pd.DataFrame:
    """Put estimates into a table, one a row: to plot, or to show.

    Parameters
    ----------
    estimates
        By what they were made for.
    x
        What that is.
    shown
        Make a table for readers rather than for a plot.

    Returns
    -------
    pandas.DataFrame
        To plot: columns ``x``, value, low, high and n, all numbers. To show: ``x`` is the index, and value, 95%
        interval, n and coverage are columns as they should be read; an undefined value gives its reason.

    Examples
    --------
    >>> rates = {"T = 1": Estimate(0.25, 0.1, 0.4, n=80), "T = 0": Estimate.undefined("no answer")}
    >>> print(estimates_table(rates, "setting", shown=True).to_string(index_names=False))
                          value    95% interval   n coverage
    T = 1                 0.250  [0.100, 0.400]  80     100%
    T = 0  undefined: no answer               –   0       0%
    """
    if not shown:
        rows = [{x: key, "value": e.value, "low": e.low, "high": e.high, "n": e.n} for key, e in estimates.items()]
        return pd.DataFrame(rows)
    rows = [
        {
            x: key,
            "value": e.method or "undefined" if np.isnan(e.value) else fixed(e.value),
            "95% interval": "–" if np.isnan(e.low) else f"[{fixed(e.low)}, {fixed(e.high)}]",
            "n": e.count if e.classes else e.n,
            "coverage": f"{e.coverage:.0%}",
        }
        for key, e in estimates.items()
    ]
    return pd.DataFrame(rows, columns=[x, "value", "95% interval", "n", "coverage"]).set_index(x)


def tests_table(tests: Mapping[object, TestResult], effect: str) -> pd.DataFrame:
    """Set tests beside one another: effect, its interval, p, and p adjusted by Holm's method for all of them.

    Parameters
    ----------
    tests
        By what they compare; a key of several texts gives several index columns.
    effect
        The heading of the effect.

    Returns
    -------
    pandas.DataFrame
        A row a test: ``effect``, low and high to three digits, p and "p, Holm"; NaN where a test could not be made.

    Examples
    --------
    >>> from homogen.evaluation import mcnemar
    >>> found = {"a": mcnemar([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 1, 0]), "b": mcnemar([1, 0], [0, 1])}
    >>> print(tests_table(found, "difference").round(3).to_string())
       difference   low  high      p  p, Holm
    a       0.667  0.01  0.99  0.125     0.25
    b       0.000 -0.98  0.98  1.000     1.00
    """
    rows = [(t.effect.value, t.effect.low, t.effect.high, t.pvalue) for t in tests.values()]
    index = pd.Index(list(tests)) if tests else pd.Index([], dtype=object)
    table = pd.DataFrame(rows, columns=[effect, "low", "high", "p"], index=index, dtype=float)
    # Rounded here, so that what rounds to 0 loses its minus.
    table.iloc[:, :3] = table.iloc[:, :3].round(3) + 0.0
    table["p, Holm"] = holm(table["p"]) if len(table) else []
    return table


def threshold_slider(
    counts: Mapping[str, np.ndarray], thresholds: Sequence[float], samples: int, caption: str, start: float
) -> Shown:
    """Make a figure with a slider for the similarity threshold; it needs no network and no kernel.

    For each threshold it shows how many questions have 1, 2, … clusters, and the single-cluster rate.

    Parameters
    ----------
    counts
        For each name (one button each) an ``(T, Q)`` array: the number of clusters of question q at threshold t.
        NaN (fewer than two answers, so nothing to cluster) is left out of the bars and of the rate.
    thresholds
        The T thresholds, rising.
    samples
        Answers a question: the most clusters there can be.
    caption
        What to do with it and what to see.
    start
        The threshold shown first; without scripts, the only one.
    """
    grid = {}
    for name, table in counts.items():
        table = np.asarray(table, dtype=float)
        if table.shape[0] != len(thresholds):
            raise ValueError(f"{name!r} has {table.shape[0]} rows for {len(thresholds)} thresholds")
        known = [row[~np.isnan(row)].astype(int) for row in table]
        grid[name] = [np.bincount(row, minlength=samples + 1)[1 : samples + 1].tolist() for row in known]
    first = int(np.argmin(np.abs(np.asarray(thresholds) - start)))
    data = {"t": [round(float(t), 3) for t in thresholds], "g": grid}
    packed = json.dumps(data, separators=(",", ":")).replace("</", r"<\/")
    names = list(grid)
    key = re.sub(r"\W+", "-", names[0])
    # Drawn here as the script draws it, for readers without scripts.
    row = grid[names[0]][first]
    heights = [160 * count / max(*row, sum(row) / 2, 1) for count in row]
    rate = f"{100 * row[0] / sum(row):.1f}%" if sum(row) else "undefined"
    bars = "".join(
        f'<g><rect x="{20 + 44 * i}" width="34" y="{198 - h:.6g}" height="{h:.6g}" fill="{PALETTE[0]}"></rect>'
        f'<text x="{37 + 44 * i}" y="{193 - h:.6g}" text-anchor="middle">{count or ""}</text>'
        f'<text x="{37 + 44 * i}" y="214" text-anchor="middle">{i + 1}</text></g>'
        for i, (count, h) in enumerate(zip(row, heights, strict=True))
    )
    width = 30 + 44 * samples
    options = "".join(
        f'<label><input type="radio" name="{key}" value="{html.escape(n)}"{" checked" if i == 0 else ""}> '
        f"{html.escape(n)}</label> "
        for i, n in enumerate(names)
    )
    return Shown(
        f'<figure class="homogen slider" id="slider-{key}">'
        f'<div class="controls" role="group" aria-label="similarity">{options}</div>'
        f'<label class="threshold">similarity threshold <input type="range" min="0" max="{len(thresholds) - 1}" '
        f'value="{first}" aria-label="similarity threshold"> '
        f"<output>{thresholds[first]:.2f} → single-cluster rate {rate}</output></label>"
        f'<svg role="img" viewBox="0 0 {width} 236" style="width:100%;max-width:560px;height:auto" '
        f'aria-label="{html.escape(names[0])}, threshold {thresholds[first]:g}: '
        f'single-cluster rate {rate} of {sum(row)} questions">{bars}'
        f'<text x="{width / 2}" y="232" text-anchor="middle">number of clusters</text></svg>'
        f"<figcaption>{html.escape(caption)}</figcaption>"
        f'<script type="application/json">{packed}</script>'
        f"<script>{_SLIDER}</script></figure>"
    )


_SLIDER = """
(function(){
  var f=document.currentScript.parentNode, d=JSON.parse(f.querySelector('script[type="application/json"]').textContent);
  var r=f.querySelector('input[type=range]'), o=f.querySelector('output'), s=f.querySelector('svg');
  function draw(){
    var name=f.querySelector('input[type=radio]:checked').value, row=d.g[name][+r.value], all=0, top=0;
    row.forEach(function(v){all+=v; top=Math.max(top,v);});
    s.querySelectorAll('g').forEach(function(g,i){
      var h=160*row[i]/Math.max(top,all/2,1), b=g.querySelector('rect'), t=g.querySelectorAll('text')[0];
      b.setAttribute('y',198-h); b.setAttribute('height',h);
      t.setAttribute('y',193-h); t.textContent=row[i]||'';
    });
    var scr=all?(100*row[0]/all).toFixed(1)+'%':'undefined';
    o.textContent=d.t[+r.value].toFixed(2)+' → single-cluster rate '+scr;
    s.setAttribute('aria-label',name+', threshold '+d.t[+r.value]+': single-cluster rate '+scr+' of '+all+' questions');
  }
  f.addEventListener('input',draw); draw();
})();
"""
