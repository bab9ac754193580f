"""The overview: each experiment's main numbers beside the paper, the released files and our own runs, in one table.

Nothing in it is typed: the paper's numbers are the claims, the verdicts the ledger's, our own values the findings that
chapters left, a column a profile. A profile that has not been run says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homogen import paper
from homogen.book.chapters import NOTEBOOKS, Chapter, chapters
from homogen.book.figures import Shown
from homogen.book.findings import read_file
from homogen.book.tables import browse
from homogen.paper import ledger
from homogen.paper.claims import Claim
from homogen.records import BadInput

PROFILES = {"pocket": "pocket (CPU)", "desk": "desk (CPU, 1.5B)", "gpu": "gpu", "paper": "paper scale"}
"""Columns of our own runs: the profile, and how its column is headed."""
HOLDS, MISSES = "∋", "∌"
"""Whether our interval holds the paper's number."""
DEPARTS = "*"
"""Behind a value whose protocol is not the paper's in more than model and questions."""
NOT_RUN, NO_RUN, ELSEWHERE = "– not run", "–", "– see chapter"
"""In place of a value: it was not run; no chapter on models repeats it; one does, and set no number beside this one."""


def table(results: str | Path = "book/results", folder: str | Path = NOTEBOOKS):
    """Give the overview as a DataFrame, a row a claim.

    Parameters
    ----------
    results
        The book's folder of executed chapters and findings by profile.
    folder
        Of the notebooks, whose front matter says which claims are shown under which experiment.

    Returns
    -------
    pandas.DataFrame
        Indexed by what was measured: ``claim``, ``experiment``, ``chapter``, ``paper``, ``released`` with its verdict,
        and a column a profile of :data:`PROFILES`. Our own values come from other models than the paper's, but for the
        paper's scale: a sign says whether their interval holds the paper's number, and is no verdict. At the paper's
        scale a value that rounds to what was printed is called reproduced, as in the ledger, unless an asterisk says
        that its protocol departs from the paper's.
    """
    import pandas as pd

    every, kept, known = paper.claims(), ledger.committed(), chapters(folder)
    own = {profile: _findings(Path(results) / profile / "findings") for profile in PROFILES}
    rows = []
    for chapter, experiment, ids in ((c, e, ids) for c in known.values() for e, ids in c.overview.items()):
        on_models = known.get(chapter.repeated_in, chapter)
        for claim in ids:
            verdict = kept[claim].verdict
            released = f"{ledger.MARKS[verdict]} {verdict}"
            if kept[claim].recomputed:
                released += f": {kept[claim].recomputed}"
            row = {
                "quantity": every[claim].quantity,
                "claim": claim,
                "experiment": experiment,
                "chapter": chapter.name,
                "paper": str(every[claim]),
                "released": released,
            }
            for profile, title in PROFILES.items():
                row[title] = _cell(own[profile], on_models, claim, every[claim].reported, profile == "paper")
            rows.append(row)
    return pd.DataFrame(rows).set_index("quantity")


def rendered(results: str | Path = "book/results", folder: str | Path = NOTEBOOKS, pages: str = "chapters") -> Shown:
    """Give the overview (:func:`table`) as the book shows it.

    ``pages`` is the folder of the chapters' pages, as seen from the page.
    """
    rows = table(results, folder)
    links = {name: f"{pages}/{chapter}.html" for name, chapter in rows["chapter"].items()}
    columns = ["experiment", "paper", "released", *PROFILES.values()]
    return browse(
        rows[columns],
        f"{len(rows)} of the paper's numbers, by experiment. Released: what came out of the published files, with the "
        f"ledger's verdict. The last columns are our own runs, on other models but for the paper's scale: {HOLDS} the "
        f"95% interval holds the paper's number, {MISSES} it does not; {DEPARTS} the protocol differs in more than "
        "model and questions, and the chapter's findings say in what; at the paper's scale "
        f"{ledger.MARKS['reproduced']} our value rounds to what was printed.",
        choices=["experiment"],
        links=links,
    )


def chapter_of(claim: Claim, known: Mapping[str, Chapter]) -> str:
    """Name the chapter that shows a claim's row of the ledger, as the chapters' front matter has it.

    A chapter that names the claim itself comes first, then one on released files that names its experiment. What a
    check decides otherwise is among the rest (``decided``). Of what none decides, a chapter on models may name the
    experiment; the rest is ``undecided``.

    Examples
    --------
    >>> import types
    >>> one, rest = (types.SimpleNamespace(shows=shows, files=()) for shows in (["1"], ["decided", "undecided"]))
    >>> [chapter_of(paper.claims()[claim], {"one": one, "rest": rest}) for claim in ("C028", "C339")]
    ['one', 'rest']
    """

    def first(word: str, files: bool | None = None) -> list[str]:
        return [n for n, c in known.items() if word in c.shows and files in (None, c.files is not None)]

    if claim.claim_id in ledger.checks():
        found = [*first(claim.claim_id), *first(claim.experiment, files=True), *first("decided")]
    else:
        found = [*first(claim.claim_id), *first(claim.experiment), *first("undecided")]
    if not found:
        raise BadInput(f"no chapter shows {claim.claim_id}; one must have 'decided' or 'undecided' among its 'shows'")
    return found[0]


def claims(recompute: bool = False, results: str | Path = "book/results"):
    """The ledger as a DataFrame, a row a claim.

    Parameters
    ----------
    recompute
        Compute every verdict anew from the files at hand, instead of showing the committed ones.
    results
        The book's folder of findings by profile; their columns are empty where it is not there.

    Returns
    -------
    pandas.DataFrame
        Indexed by claim id: what the paper reports (``experiment``, ``quantity``, ``reported``, ``low``, ``high``,
        ``p``, ``dataset``, ``n``, ``model``, ``method``, ``source``), what was ``recomputed`` with ``verdict``, ``how``
        and ``note``, and what our own runs found beside it, a column a profile (``pocket``, ``desk``, ``gpu``,
        ``paper``); those are other models, so that they carry no verdict.

    Examples
    --------
    >>> table = claims()
    >>> len(table), table.loc["C028", "verdict"]
    (365, 'reproduced')
    """
    import pandas as pd

    found = ledger.outcomes() if recompute else ledger.committed()
    own = {profile: _beside_claims(Path(results) / profile / "findings") for profile in PROFILES}
    rows = []
    for claim in paper.claims().values():
        outcome, made = found[claim.claim_id], ledger.checks().get(claim.claim_id)
        how = made.how if made else f"would be settled by {ledger.missing_for(claim).settle}"
        rows.append(
            vars(claim)
            | {"recomputed": outcome.recomputed, "verdict": outcome.verdict, "how": how, "note": outcome.note}
            | {profile: values.get(claim.claim_id, "") for profile, values in own.items()}
        )
    return pd.DataFrame(rows).set_index("claim_id")


def _findings(folder: Path) -> dict[str, list[dict[str, Any]]] | None:
    """What a profile's chapters left, by chapter; None if the profile has not been run."""
    paths = sorted(folder.glob("*.json"))
    return {path.stem: read_file(path) for path in paths} if paths else None


def _cell(
    found: dict[str, list[dict[str, Any]]] | None, chapter: Chapter, claim: str, reported: str, same_model: bool
) -> str:
    own = chapter.name
    if not found:
        return NOT_RUN
    # The chapter's own finding comes first; some claims stand beside findings of another.
    rows = [row for name in sorted(found, key=lambda name: name != own) for row in found[name]]
    row = next((row for row in rows if row["claim"] == claim), None)
    if row is None:
        if own in found:
            return ELSEWHERE
        return NOT_RUN if chapter.files is None else NO_RUN
    if row["value"] is None:
        return "– undefined"
    text = f"{row['value']:.3g}"
    interval = row["low"] is not None and row["high"] is not None
    if interval:
        text += f" [{row['low']:.3g}, {row['high']:.3g}]"
    departs = bool(row.get("departs"))
    text += DEPARTS * departs
    same = same_model and not departs
    if same and len(ledger.reported_numbers(reported)) == 1 and ledger.agrees(reported, [row["value"]]):
        return f"{ledger.MARKS['reproduced']} reproduced: {text}"
    try:
        number = float(reported)
    except ValueError:
        number = math.nan
    if math.isnan(number) or not interval:
        return text
    return f"{HOLDS if row['low'] <= number <= row['high'] else MISSES} {text}"


def _beside_claims(folder: Path) -> dict[str, str]:
    """What a profile's chapters left beside claims, as short text by claim id."""
    found: dict[str, list[str]] = {}
    for rows in (_findings(folder) or {}).values():
        for row in rows:
            if row.get("claim"):
                value, low, high = (row[k] for k in ("value", "low", "high"))
                text = "undefined" if value is None else f"{value:.3g}"
                if None not in (value, low, high):
                    text += f" [{low:.3g}, {high:.3g}]"
                found.setdefault(row["claim"], []).append(text)
    return {claim: "; ".join(texts) for claim, texts in found.items()}
