"""How a row of the ledger comes to its verdict: what a check returns, and how that is held to what was printed."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from homogen.paper.claims import Claim, claims
from homogen.records import BadInput

REPRODUCED = "reproduced"
DIFFERS = "differs"
CONTRADICTED = "contradicted by its own data"
BY_CONSTRUCTION = "true by construction"
NOT_CHECKABLE = "not checkable"
NOT_RUN = "not run"
VERDICTS = {
    REPRODUCED: "recomputed from what was released, or from the paper's other numbers; equal to the printed rounding",
    DIFFERS: "recomputed the way the paper or its script says; another number came out",
    CONTRADICTED: "a statement that the paper's own numbers or files rule out",
    BY_CONSTRUCTION: "an identity: any data would give it",
    NOT_CHECKABLE: "what it would take was not released; the missing artifact is named",
    NOT_RUN: "there is a check, but its files are not at hand here",
}
"""The verdicts, with what they say."""

MARKS = dict(zip(VERDICTS, "✓≠✗≡?–", strict=True))
"""A sign for each verdict, so that none is told by colour alone."""

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|(?<![\w.])[-+]?\.\d+")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a check found.

    Parameters
    ----------
    verdict
        One of :data:`VERDICTS`.
    recomputed
        The number or numbers found, as text; empty if there are none.
    note
        What a reader should know beside it.
    """

    verdict: str
    recomputed: str = ""
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Check:
    """A function that decides one claim, and the files that it reads."""

    claim_id: str
    how: str
    files: tuple[str, ...]
    decide: Callable[[Claim], Outcome]


CHECKS: dict[str, Check] = {}
"""Every claim that a function decides."""


def check(claim_id: str, files: Sequence[str] = (), **arguments: Any) -> Callable:
    """Register a function as the check of a claim; the first line of its docstring says how it decides.

    The function takes the claim and ``arguments``, and returns an :class:`Outcome`. One function may decide several
    claims, with other arguments for each.
    """

    def register(function: Callable) -> Callable:
        if claim_id in CHECKS:
            raise ValueError(f"claim {claim_id} has two checks")
        if claim_id not in claims():
            raise ValueError(f"there is no claim {claim_id}")
        how = (function.__doc__ or "").strip().splitlines()[0].rstrip(".")
        CHECKS[claim_id] = Check(claim_id, how, tuple(files), functools.partial(function, **arguments))
        return function

    return register


def reported_numbers(text: str) -> list[tuple[float, float]]:
    """The numbers in a printed value, each with half a unit of its last digit; percentages as shares.

    Examples
    --------
    >>> reported_numbers("0.571")
    [(0.571, 0.0005)]
    >>> reported_numbers("12/12")
    [(12.0, 0.5), (12.0, 0.5)]
    >>> [round(x, 3) for x, _ in reported_numbers("0.551->0.610")]
    [0.551, 0.61]
    >>> reported_numbers("88%")
    [(0.88, 0.005)]
    """
    scale = 100 if "%" in text else 1
    found = []
    for number in _NUMBER.findall(text):
        mantissa, _, exponent = number.lower().partition("e")
        digits = len(mantissa.partition(".")[2])
        half = 0.5 * 10.0 ** (int(exponent or 0) - digits)
        found.append((float(number) / scale, half / scale))
    return found


def agrees(reported: str, values: Sequence[float]) -> bool:
    """Whether numbers round to what was printed, or keep to a bound that was printed.

    Examples
    --------
    >>> agrees("0.571", [0.57056]), agrees("0.571", [0.5704])
    (True, False)
    >>> agrees("<=0.12", [0.1186]), agrees(">0.99", [0.98])
    (True, False)
    """
    printed = reported_numbers(reported)
    if len(printed) != len(values):
        raise ValueError(f"{len(printed)} numbers are printed in {reported!r} but {len(values)} were found")
    if any(map(math.isnan, values)):
        return False
    if reported.lstrip().startswith(("<", ">")):
        (bound, half), value = printed[0], values[0]
        return value <= bound + half if "<" in reported else value >= bound - half
    # The last bit of a sum must not decide: 0.0535 is printed 0.054 from either side.
    return all(abs(value - x) <= half * (1 + 1e-9) + 1e-12 for (x, half), value in zip(printed, values, strict=True))


def number(claim: Claim, *values: float, note: str = "", as_text: str = "") -> Outcome:
    """A number, or several, set against the printed ones: reproduced or differs."""
    shown = as_text or "; ".join(_show(value, claim.reported) for value in values)
    return Outcome(REPRODUCED if agrees(claim.reported, values) else DIFFERS, shown, note)


def within(claim: Claim, low: float, high: float, value: float, note: str = "") -> Outcome:
    """A number that a free choice, such as the order of ties, moves between two ends."""
    (printed, half), *_ = reported_numbers(claim.reported)
    fits = low - half <= printed <= high + half
    between = f"{_show(low, claim.reported)} to {_show(high, claim.reported)}"
    shown = f"{_show(value, claim.reported)} ({between})" if low < high else _show(value, claim.reported)
    return Outcome(REPRODUCED if fits else DIFFERS, shown, note)


def arithmetic(claim: Claim, formula: Callable[..., float], *ids: str, note: str = "") -> Outcome:
    """A number that follows from other printed numbers: it must be possible for values that round to them."""
    inputs = [reported_numbers(claims()[i].reported)[0] for i in ids]
    corners = [formula(*values) for values in itertools.product(*((x - half, x + half) for x, half in inputs))]
    return _possible(claim, formula(*(x for x, _ in inputs)), min(corners), max(corners), ids, note)


def _possible(claim: Claim, value: float, low: float, high: float, ids: Sequence[str], note: str) -> Outcome:
    (printed, half), *_ = reported_numbers(claim.reported)
    fits = printed + half >= low - 1e-12 and printed - half <= high + 1e-12
    said = f"from {', '.join(dict.fromkeys(ids))}"
    return Outcome(REPRODUCED if fits else DIFFERS, _show(value, claim.reported), f"{said}; {note}" if note else said)


def statement(holds: bool, shown: str, note: str = "") -> Outcome:
    """A statement that the paper's own data bear out or rule out."""
    return Outcome(REPRODUCED if holds else CONTRADICTED, shown, note)


def comparison(holds: bool, shown: str, note: str = "") -> Outcome:
    """A comparison of two quantities that comes out again on the released data, or does not."""
    return Outcome(REPRODUCED if holds else DIFFERS, shown, note)


def identity(holds: bool, shown: str, note: str = "") -> Outcome:
    """A statement that would hold for any data; if it does not, the check is wrong."""
    if not holds:
        raise AssertionError(f"no identity: {shown}")
    return Outcome(BY_CONSTRUCTION, shown, note)


def remark(shown: str, note: str) -> Outcome:
    """A number that does not decide the claim, but that a reader should have beside it."""
    return Outcome(NOT_CHECKABLE, shown, note)


def printed(claim_id: str) -> float:
    """The first number of what a claim reports."""
    return reported_numbers(claims()[claim_id].reported)[0][0]


def _show(value: float, reported: str) -> str:
    """One digit more than was printed, so that a reader sees the rounding."""
    scale, unit = (100, "%") if "%" in reported else (1, "")
    decimals = [len(n.partition(".")[2]) for n in _NUMBER.findall(reported) if "e" not in n.lower()]
    digits = max(decimals, default=2) + (0 if float(value).is_integer() and not any(decimals) else 1)
    return f"{value * scale:.{digits}f}{unit}" if not math.isnan(value) else "undefined"


def decide(claim: Claim, available: Callable[[str], bool]) -> Outcome:
    """Come to a verdict on one claim with the files that are ``available``.

    Raises
    ------
    BadInput
        If the claim has neither a check nor a missing artifact; a test sees to it that none is left so.
    """
    from homogen.paper.ledger.missing import missing_for

    found = CHECKS.get(claim.claim_id)
    absent = missing_for(claim)
    if found is None:
        if absent is None:
            raise BadInput(f"claim {claim.claim_id} has neither a check nor a missing artifact")
        return Outcome(NOT_CHECKABLE, "", f"not released: {absent.what}")
    if lacking := [name for name in found.files if not available(name)]:
        return Outcome(NOT_RUN, "", f"needs {', '.join(lacking)}")
    outcome = found.decide(claim)
    if outcome.verdict == NOT_CHECKABLE and absent is not None:
        return dataclasses.replace(outcome, note=f"{outcome.note}; not released: {absent.what}")
    return outcome
