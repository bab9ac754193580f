"""The overview: each experiment's main numbers beside the paper, the released files and our own runs, in one table.

Nothing in it is typed: the paper's numbers are the claims, the verdicts the ledger's, our own values the findings that
chapters left, a column a profile. A profile that has not been run says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from homogen import paper
from homogen.book.figures import Shown
from homogen.book.findings import read_file
from homogen.book.tables import browse
from homogen.paper import ledger

PROFILES = {"pocket": "pocket (CPU)", "gpu": "gpu", "paper": "paper scale"}
"""Columns of our own runs: the profile, and how its column is headed."""
HOLDS, MISSES = "∋", "∌"
"""Whether our interval holds the paper's number."""
DEPARTS = "*"
"""Behind a value whose protocol is not the paper's in more than model and questions."""
NOT_RUN, NO_RUN, ELSEWHERE = "– not run", "–", "– see chapter"
"""In place of a value: it was not run; no chapter on models repeats it; one does, and set no number beside this one."""
REPEATED = {
    "21_token_entropy": "04_entropy_vs_spread",
    "22_boundaries": "17_cheapest_first",
    "23_cascade": "17_cheapest_first",
    "26_same_meaning": "11_nli_scale",
    "28_calibration": "16_selective_prediction",
}
"""Chapters on released files, and those that do the like on models."""

EXPERIMENTS: Mapping[str, tuple[str, Sequence[str]]] = {
    "token entropy": ("21_token_entropy", ("C028", "C030", "C031")),
    "boundaries": ("22_boundaries", ("C038", "C041", "C042", "C110")),
    "cascade": ("23_cascade", ("C046", "C047", "C054", "C053")),
    "learned pointer": ("23_cascade", ("C097", "C098", "C101", "C334")),
    "retrieval": ("24_retrieval", ("C105", "C106", "C109")),
    "single clusters": ("02_single_clusters", ("C145", "C148", "C149")),
    "decoding": ("03_decoding", ("C249", "C250", "C252", "C258")),
    "entropy against spread": ("04_entropy_vs_spread", ("C181", "C182", "C183", "C184", "C205")),
    "base and instruct": ("05_base_and_instruct", ("C235", "C236", "C237", "C238")),
    "families": ("06_families", ("C244", "C246")),
    "stages": ("07_stages", ("C261", "C264", "C267", "C296", "C347")),
    "answer length": ("08_answer_length", ("C275", "C279", "C283", "C321")),
    "quantization": ("09_quantization", ("C305", "C306", "C311")),
    "embedders": ("10_embedders", ("C313", "C316", "C318")),
    "NLI scale": ("11_nli_scale", ("C202", "C200", "C204", "C185")),
    "same meaning": ("26_same_meaning", ("C361", "C363")),
    "datasets": ("12_datasets", ("C326", "C327", "C328")),
    "baselines": ("13_baselines", ("C191", "C192", "C193", "C194")),
    "head to head": ("25_head_to_head", ("C353", "C354", "C360")),
    "stated confidence": ("14_stated_confidence", ("C233", "C234")),
    "math and length": ("15_math_and_length", ("C127", "C130", "C131", "C135", "C138", "C143")),
    "selective prediction": ("16_selective_prediction", ("C224",)),
    "calibration": ("28_calibration", ("C227", "C228", "C231")),
    "served models": ("18_served_models", ("C349", "C350", "C351")),
}
"""Experiments in the order of the table: the chapter that a row leads to, and the claims shown of it."""


def table(results: str | Path = "book/results"):
    """Give the overview as a DataFrame, a row a claim.

    Parameters
    ----------
    results
        The book's folder of executed chapters and findings by profile.

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

    every, kept = paper.claims(), ledger.committed()
    own = {profile: _findings(Path(results) / profile / "findings") for profile in PROFILES}
    rows = []
    for experiment, (chapter, ids) in EXPERIMENTS.items():
        for claim in ids:
            verdict = kept[claim].verdict
            released = f"{ledger.MARKS[verdict]} {verdict}"
            if kept[claim].recomputed:
                released += f": {kept[claim].recomputed}"
            row = {
                "quantity": every[claim].quantity,
                "claim": claim,
                "experiment": experiment,
                "chapter": chapter,
                "paper": str(every[claim]),
                "released": released,
            }
            for profile, title in PROFILES.items():
                row[title] = _cell(own[profile], chapter, claim, every[claim].reported, profile == "paper")
            rows.append(row)
    return pd.DataFrame(rows).set_index("quantity")


def shown(results: str | Path = "book/results", chapters: str = "chapters") -> Shown:
    """Give the overview as the book shows it.

    Parameters
    ----------
    results
        As in :func:`table`.
    chapters
        Folder of the chapters' pages, as seen from the page.
    """
    rows = table(results)
    links = {name: f"{chapters}/{stem}.html" for name, stem in rows["chapter"].items()}
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
        and ``note``, and what our own runs found beside it, a column a profile (``pocket``, ``gpu``, ``paper``); those
        are other models, so that they carry no verdict.

    Examples
    --------
    >>> table = claims()
    >>> len(table), table.loc["C028", "verdict"]
    (365, 'reproduced')
    """
    import pandas as pd

    found = ledger.outcomes() if recompute else ledger.committed()
    own = {profile: _beside_claims(Path(results) / profile / "findings") for profile in ("pocket", "gpu", "paper")}
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
    found: dict[str, list[dict[str, Any]]] | None, chapter: str, claim: str, reported: str, same_model: bool
) -> str:
    own = REPEATED.get(chapter, chapter)[3:].replace("_", "-")
    if not found:
        return NOT_RUN
    # The chapter's own finding comes first; some claims stand beside findings of another.
    rows = [row for name in sorted(found, key=lambda name: name != own) for row in found[name]]
    row = next((row for row in rows if row["claim"] == claim), None)
    if row is None:
        if own in found:
            return ELSEWHERE
        return NO_RUN if (REPEATED.get(chapter, chapter) >= "21") else NOT_RUN
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
