"""The ledger: every number that the paper reports, with a verdict that code computes.

A claim has a *check*, a function that recomputes it from the released files or from the paper's other numbers, or it
hangs on a *missing artifact*, which is named. The verdict is what the check finds at the rounding of the printed
figure; none is written by hand. ``data/verdicts.csv`` keeps what was found when all files were at hand, so that the
ledger can be read without them, and so that ``homogen claims --check`` notices when a verdict changes.
"""

from __future__ import annotations

import csv
import functools
import importlib
import importlib.resources
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from homogen.paper.claims import Claim
from homogen.paper.claims import claims as reported
from homogen.paper.ledger._base import (
    CHECKS,
    MARKS,
    NOT_RUN,
    VERDICTS,
    Check,
    Outcome,
    agrees,
    decide,
    reported_numbers,
)
from homogen.paper.ledger.missing import ARTIFACTS, Artifact, missing_for
from homogen.records import BadInput, unknown
from homogen.records.files import put

__all__ = [
    "ARTIFACTS",
    "CHECKS",
    "MARKS",
    "VERDICTS",
    "Artifact",
    "Check",
    "Outcome",
    "agrees",
    "changed",
    "checks",
    "committed",
    "kept",
    "missing_for",
    "outcomes",
    "reported_numbers",
    "table",
    "write",
]

_ROOMS = ("entropy", "boundaries", "cascades", "retrieval", "samples", "printed")
COLUMNS = ("claim_id", "verdict", "recomputed", "note")


@functools.cache
def checks() -> dict[str, Check]:
    """Every check by claim id; the files that hold them load when they are first wanted."""
    for room in _ROOMS:
        importlib.import_module(f"homogen.paper.ledger.{room}")
    return CHECKS


def outcomes(
    ids: Iterable[str] | None = None,
    available: Callable[[str], bool] | None = None,
    progress: Callable[[list[Claim]], Iterable[Claim]] | None = None,
) -> dict[str, Outcome]:
    """Recompute claims.

    Parameters
    ----------
    ids
        Which; all of them by default.
    available
        Whether a file can be read; :func:`homogen.questions.sources.available` by default. A claim whose files
        cannot is "not run".
    progress
        Wraps the list of claims, as tqdm does.

    Returns
    -------
    dict of str to Outcome
        By claim id, in the order of the ledger.

    Raises
    ------
    BadInput
        If an id is unknown, or a file is not the released one.
    """
    from homogen.questions import sources

    every = reported()
    wanted = list(every) if ids is None else list(ids)
    for claim_id in wanted:
        if claim_id not in every:
            raise unknown("claim", claim_id, every)
    checks()
    rows = [every[claim_id] for claim_id in wanted]
    return {c.claim_id: decide(c, available or sources.available) for c in (progress(rows) if progress else rows)}


@functools.cache
def committed() -> dict[str, Outcome]:
    """What was found when all files were at hand, as the project keeps it."""
    file = importlib.resources.files("homogen.paper").joinpath("data/verdicts.csv")
    rows = csv.DictReader(io.StringIO(file.read_text("utf-8"), newline=""))
    return {row["claim_id"]: Outcome(row["verdict"], row["recomputed"], row["note"]) for row in rows}


def changed(found: dict[str, Outcome]) -> list[str]:
    """The claims whose verdict is another than the committed one; what could not be run is not compared.

    Examples
    --------
    >>> changed({"C013": Outcome("differs")})
    ['C013: true by construction, now differs']
    """
    kept = committed()
    pairs = (
        (i, kept.get(i, Outcome("no verdict")).verdict, o.verdict) for i, o in found.items() if o.verdict != NOT_RUN
    )
    return [f"{i}: {before}, now {now}" for i, before, now in pairs if before != now]


def write(found: dict[str, Outcome], path: str | Path) -> None:
    """Write verdicts as the project keeps them.

    Raises
    ------
    BadInput
        If one is "not run": what is kept must be whole.
    """
    lacking = [i for i, o in found.items() if o.verdict == NOT_RUN]
    if lacking:
        raise BadInput(f"{len(lacking)} claims could not be run ({found[lacking[0]].note}, …); verdicts are kept whole")
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows((i, o.verdict, o.recomputed, o.note) for i, o in found.items())
    put(Path(path), text.getvalue())


def table(*experiments: str, ids: Iterable[str] = ()):
    """The rows of some experiments as a chapter shows them: reported, recomputed, verdict, and what to know.

    Parameters
    ----------
    *experiments
        Experiments, as the ledger names them.
    ids
        Further claims.

    Returns
    -------
    pandas.DataFrame
        Only rows that a check decides; what was not released is listed on the ledger's own page.
    """
    wanted = [c for c in _of(experiments, ids) if c.claim_id in checks()]
    found = outcomes(c.claim_id for c in wanted)
    import pandas as pd

    rows = [
        (
            c.claim_id,
            c.quantity,
            str(c),
            found[c.claim_id].recomputed,
            found[c.claim_id].verdict,
            found[c.claim_id].note,
        )
        for c in wanted
    ]
    columns = ["claim", "quantity", "reported", "recomputed", "verdict", "note"]
    return pd.DataFrame(rows, columns=columns).set_index("claim")


def kept(*experiments: str, ids: Iterable[str] = ()):
    """The paper's rows of some experiments with the committed verdicts; needs none of the released files.

    Parameters
    ----------
    *experiments
        Experiments, as the ledger names them.
    ids
        Further claims.

    Returns
    -------
    pandas.DataFrame
        Indexed by claim id: what the paper reports, what came out of the released files, the verdict, and what would
        settle a row that was not checkable.

    Examples
    --------
    >>> kept("19")["verdict"].unique().tolist()
    ['not checkable', 'contradicted by its own data']
    """
    import pandas as pd

    rows = _of(experiments, ids)
    found = {c.claim_id: committed()[c.claim_id] for c in rows}
    table = [
        {
            "claim": c.claim_id,
            "quantity": c.quantity,
            "reported": str(c),
            "recomputed": found[c.claim_id].recomputed or "–",
            "verdict": found[c.claim_id].verdict,
            "would be settled by": "" if c.claim_id in checks() else missing_for(c).settle,
        }
        for c in rows
    ]
    columns = ["claim", "quantity", "reported", "recomputed", "verdict", "would be settled by"]
    return pd.DataFrame(table, columns=columns).set_index("claim")


def _of(experiments: Sequence[str], ids: Iterable[str]) -> list[Claim]:
    """The claims of some experiments and some further ones, in the order of the ledger."""
    every, ids = reported(), set(ids)
    known = {c.experiment for c in every.values()}
    for name in experiments:
        if name not in known:
            raise unknown("experiment", name, known)
    for name in sorted(ids - set(every)):
        raise unknown("claim", name, every)
    return [c for c in every.values() if c.experiment in experiments or c.claim_id in ids]
