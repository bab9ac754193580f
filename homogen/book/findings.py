"""What a chapter leaves behind: named estimates, and the paper's numbers that they stand beside."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homogen.paper.claims import SETTINGS, claims
from homogen.records import BadInput, Estimate, SamplingSpec, shown, unknown
from homogen.records.files import put

if TYPE_CHECKING:
    import pandas as pd

_NAME = re.compile(r"[^\W_][\w.-]*")


def folder() -> Path:
    """Where findings are written: ``$HOMOGEN_FINDINGS``, else ``findings`` in the working folder."""
    return Path(os.environ.get("HOMOGEN_FINDINGS") or "findings")


class Chapter:
    """What a chapter leaves behind; made at its top, it forgets what an earlier run left.

    Parameters
    ----------
    name
        The chapter's. It need not have left anything.
    """

    def __init__(self, name: str) -> None:
        # A name with a path in it would leave the folder.
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise BadInput(f"a chapter's name has letters, digits, '-', '_' and '.' only, got {shown(name)}")
        self.path = folder() / f"{name}.json"
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise BadInput(f"cannot remove the earlier findings {self.path}: {error.strerror or error}") from error

    def record(
        self,
        name: str,
        estimate: Estimate,
        claim: str | Sequence[str] | None = None,
        unit: str = "",
        settings: Mapping[str, Any] | None = None,
        departs: str = "",
    ) -> Estimate:
        """Leave a named result, and give it back; a second result of the same name replaces the first.

        Parameters
        ----------
        name
            What the number is, in words that stand alone.
        estimate
            Value, interval, n, coverage, method.
        claim
            The paper's claim that it may stand beside, or several, or None.
        unit
            Of the value: "" for rates and AUROC, else for example "clusters" or "nats".
        settings
            How it was got, by the names that the claims have in their column ``settings`` or a sampling spec in its
            fields. The claim that it stands beside is the first whose settings say nothing else; what only one of the
            two says is not compared.
        departs
            In what else the protocol is not the claim's, beyond the model and the questions. Such a value may lie near
            the paper's; it cannot reproduce it.
        """
        if not isinstance(estimate, Estimate):
            raise TypeError(f"finding {name!r}: an Estimate is wanted, got {type(estimate).__name__}")
        beside = _beside(claim, settings or {})
        found = {row["name"]: row for row in read_file(self.path)}
        fields = {k: _plain(v) for k, v in vars(estimate).items() if v is not None}
        row = {"name": name, **fields, "unit": unit, "claim": beside}
        if beside is not None and departs:
            row["departs"] = departs
        if not _is_finding(row):
            raise BadInput(f"finding {shown(name)} cannot be kept: a field of it is of another kind than an Estimate's")
        found[name] = row
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            put(self.path, json.dumps(list(found.values()), indent=1, ensure_ascii=False) + "\n")
        except OSError as error:
            raise BadInput(f"cannot write the findings {self.path}: {error.strerror or error}") from error
        return estimate

    def beside_paper(self) -> pd.DataFrame:
        """Set each finding beside the paper's number, as a table to show; see :func:`beside_paper`."""
        return beside_paper(read_file(self.path))


def _beside(claim: str | Sequence[str] | None, settings: Mapping[str, Any]) -> str | None:
    """The first of some claims that was got by these settings, as far as both say."""
    wanted = [claim] if isinstance(claim, str) else list(claim or ())
    for one in wanted:
        if one not in claims():
            raise unknown("claim", one, claims())
    known = {*(field.name for field in dataclasses.fields(SamplingSpec)), *SETTINGS}
    for name in settings:
        if name not in known:
            raise unknown("setting", name, known)
    return next((one for one in wanted if not claims()[one].differs(settings)), None)


def _plain(value: Any) -> Any:
    """Turn a field into what JSON has: numpy's numbers into Python's, NaN into null."""
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and math.isnan(value) else value


def read_file(path: Path) -> list[dict[str, Any]]:
    """Read findings from a file of them; an empty list if it is not there."""
    try:
        rows = json.loads(path.read_text("utf-8")) if path.is_file() else []
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} holds no findings (not valid JSON); delete it and run the chapter again") from error
    except OSError as error:
        raise BadInput(f"cannot read the findings {path}: {error.strerror or error}") from error
    if not isinstance(rows, list) or not all(map(_is_finding, rows)):
        raise BadInput(f"{path} holds no findings (it was altered); delete it and run the chapter again")
    return rows


def _is_finding(row: Any) -> bool:
    """Whether this is a row that :meth:`Chapter.record` could have written."""
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("name", "method", "unit")):
        return False
    if not all(key in row and (row[key] is None or _number(row[key])) for key in ("value", "low", "high")):
        return False
    if not (_whole(row.get("n")) and _number(row.get("coverage")) and row["coverage"] >= 0):
        return False
    classes, claim = row.get("classes"), row.get("claim")
    if classes is not None and not (isinstance(classes, list) and len(classes) == 2 and all(map(_whole, classes))):
        return False
    return isinstance(row.get("departs", ""), str) and (claim is None or (isinstance(claim, str) and claim in claims()))


def _number(value: Any) -> bool:
    """A number that a float can hold; NaN is written as null."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value == value if isinstance(value, float) else abs(value) < 1e300


def _whole(value: Any) -> bool:
    return isinstance(value, int) and _number(value) and value >= 0


def estimate_of(row: Mapping[str, Any]) -> Estimate:
    """Turn a row of :func:`read_file` back into an :class:`Estimate`."""
    classes = row.get("classes")
    fields = {field.name: row[field.name] for field in dataclasses.fields(Estimate) if field.name != "classes"}
    numbers = {k: math.nan if v is None else v for k, v in fields.items()}
    return Estimate(**numbers, classes=tuple(classes) if classes else None)


def beside_paper(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Set findings beside the paper's numbers.

    Value, interval, n and coverage are ours; an undefined value gives its reason. The two were got on different models:
    the last column says what the paper measured, on which model and questions, where it says so, and in what else our
    protocol departs from it; a dash sets no number of the paper beside ours. The table compares; it does not claim that
    one should equal the other.
    """
    import pandas as pd

    from homogen.book.figures import estimates_table

    if not rows:
        return pd.DataFrame()
    names = [row["name"] + (f" ({row['unit']})" if row["unit"] else "") for row in rows]
    found = [claims().get(row["claim"] or "") for row in rows]
    ours = dict(zip(names, map(estimate_of, rows), strict=True))
    table = estimates_table(ours, "finding", shown=True).rename(columns={"value": "ours"})
    table["paper"] = [str(claim) if claim else "–" for claim in found]
    other = [f". Ours: {row['departs']}" if row.get("departs") else "" for row in rows]
    table["what the paper measured"] = [
        f"{claim.quantity}; {claim.setting} ({claim.source}){ours}" if claim else "–"
        for claim, ours in zip(found, other, strict=True)
    ]
    return table
