"""Tables with more to say than fits a column: read on a phone, and searched in the page without a kernel."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

import pandas as pd

from homogen.book.figures import Shown
from homogen.records import unknown

__all__ = ["browse", "listing"]

SIGNS = "✓≠✗≡?–∋∌"
"""Signs at the beginning of a cell that the page colours."""


def listing(
    table: pd.DataFrame, details: Mapping[str, str] | None = None, links: Mapping[object, str] | None = None
) -> Shown:
    """Make a short table whose long texts stand below their row; on a narrow screen every row is a block of its own.

    Parameters
    ----------
    table, links
        As in :func:`browse`.
    details
        Columns that stand below the row, with what each is called there (an empty name for none).

    Raises
    ------
    ValueError
        If the table is empty.

    Examples
    --------
    >>> rows = pd.DataFrame({"value": [1, 2], "note": ["", "rare"]}, index=["x", "y"])
    >>> listing(rows, {"note": ""}).markup.count("rare")
    1
    """
    return Shown(
        f'<figure class="homogen browse listing">{_table(table, details or {}, links or {}, buttons=False)}</figure>'
    )


def browse(
    table: pd.DataFrame,
    caption: str,
    choices: Sequence[str] = (),
    details: Mapping[str, str] | None = None,
    links: Mapping[object, str] | None = None,
) -> Shown:
    """Make a table with a search box, a menu for each of some columns, and columns that sort when clicked.

    Without scripts all rows are there, in their order. On a narrow screen every row becomes a block of its own.

    Parameters
    ----------
    table
        A row an entry, at least one; the index, shown first, names the rows.
    caption
        What is listed and how to use it.
    choices
        Columns of few values, each with a menu.
    details
        Columns that are folded under the first one, with what each is called there; empty ones are left out.
    links
        Where the name of a row leads; none for rows that are not in it.

    Raises
    ------
    ValueError
        If the table is empty.

    Examples
    --------
    >>> rows = pd.DataFrame({"value": [1, 2], "kind": ["a", "b"], "note": ["", "rare"]}, index=["x", "y"])
    >>> shown = browse(rows, "Two rows.", choices=["kind"], details={"note": "note"})
    >>> shown.markup.count("<tr"), shown.markup.count("<option")
    (3, 3)
    """
    details, links = details or {}, links or {}
    body = _table(table, details, links, buttons=True)
    columns = [name for name in table.columns if name not in details]
    for name in choices:
        if name not in columns:
            raise unknown("column", name, map(str, columns))
    menus = "".join(_menu(table[name], columns.index(name) + 1) for name in choices)
    return Shown(
        f'<figure class="homogen browse"><div class="controls" hidden>'
        f'<label>search <input type="search"></label>{menus}'
        f'<output aria-live="polite">{len(table)} of {len(table)}</output></div>'
        f"{body}<figcaption>{_text(caption)}</figcaption><script>{_SCRIPT}</script></figure>"
    )


def _table(table: pd.DataFrame, details: Mapping[str, str], links: Mapping[object, str], buttons: bool) -> str:
    if table.empty:
        raise ValueError("a table without rows shows nothing")
    for name in details:
        if name not in table.columns:
            raise unknown("column", name, map(str, table.columns))
    columns = [name for name in table.columns if name not in details]
    heads = [_text(name) for name in (table.index.name or "", *columns)]
    if buttons:
        heads = [f'<button type="button" data-column="{i}">{name}</button>' for i, name in enumerate(heads)]
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    rows = "".join(_row(key, row, columns, details, links, folded=buttons) for key, row in table.iterrows())
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _text(value: object) -> str:
    return html.escape(str(value))


def _menu(column: pd.Series, place: int) -> str:
    options = "".join(f"<option>{_text(value)}</option>" for value in dict.fromkeys(column))
    menu = f'<select data-column="{place}"><option value="">all</option>{options}</select>'
    return f"<label>{_text(column.name)} {menu}</label>"


def _row(
    key: object,
    row: pd.Series,
    columns: Sequence[str],
    details: Mapping[str, str],
    links: Mapping[object, str],
    folded: bool,
) -> str:
    name = f'<a href="{_text(links[key])}">{_text(key)}</a>' if key in links else _text(key)
    said = [(called, row[column]) for column, called in details.items() if row[column] != ""]
    cells = [_cell(column, row[column]) for column in columns]
    if folded and said:
        terms = "".join(f"<dt>{_text(called)}</dt><dd>{_text(value)}</dd>" for called, value in said)
        more = f"<details><summary>more</summary><dl>{terms}</dl></details></td>"
        cells[0] = cells[0].removesuffix("</td>") + more
    made = f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>'
    if said and not folded:
        text = "; ".join(f"{called}: {value}" if called else str(value) for called, value in said)
        made += f'<tr class="below"><td></td><td colspan="{len(columns)}">{_text(text)}</td></tr>'
    return made


def _cell(column: object, value: object) -> str:
    """A cell; one that begins with a sign says so, for the page's colours, which say nothing that the sign does not."""
    text = str(value)
    sign = f' data-mark="{_text(text[0])}"' if text[:1] in SIGNS and text[1:2] in ("", " ") and text else ""
    return f'<td data-label="{_text(column)}"{sign}><span>{_text(text)}</span></td>'


_SCRIPT = re.sub(
    r"\n\s*",
    "",
    """
    (function(){
    var f=document.currentScript.parentNode, body=f.querySelector('tbody');
    var rows=Array.prototype.slice.call(body.rows), out=f.querySelector('output');
    var search=f.querySelector('input'), menus=f.querySelectorAll('select'), last=-1, down=false;
    function said(row,i){var c=row.cells[i]; return (i?c.querySelector('span'):c).textContent;}
    rows.forEach(function(r){r.all=r.textContent.toLowerCase();});
    function narrow(){
    var words=search.value.toLowerCase().split(/\\s+/), shown=0;
    rows.forEach(function(r){
    var fits=words.every(function(w){return r.all.indexOf(w)>=0;});
    menus.forEach(function(m){if(m.value&&said(r,+m.dataset.column)!==m.value)fits=false;});
    r.hidden=!fits; shown+=fits;
    });
    out.textContent=shown+' of '+rows.length;
    }
    f.querySelectorAll('thead button').forEach(function(b){b.addEventListener('click',function(){
    var i=+b.dataset.column; down=i===last&&!down; last=i;
    rows.sort(function(x,y){
    var order=said(x,i).localeCompare(said(y,i),undefined,{numeric:true});
    return down?-order:order;
    });
    rows.forEach(function(r){body.appendChild(r);});
    f.querySelectorAll('thead th').forEach(function(t){t.removeAttribute('aria-sort');});
    b.parentNode.setAttribute('aria-sort',down?'descending':'ascending');
    });});
    search.addEventListener('input',narrow);
    menus.forEach(function(m){m.addEventListener('change',narrow);});
    f.querySelector('.controls').hidden=false;
    })();
    """,
)
