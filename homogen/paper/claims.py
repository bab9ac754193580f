"""What the paper reports: every number, as printed there, with its protocol."""

from __future__ import annotations

import csv
import dataclasses
import functools
import importlib.resources
import math
from collections.abc import Mapping

from homogen.records import BadInput


@dataclasses.dataclass(frozen=True)
class Claim:
    """One number that the paper reports, as printed there.

    Parameters
    ----------
    claim_id
        The claim's number in the ledger.
    quantity
        What was measured.
    reported, low, high, p
        The value, its interval and p-value as the paper prints them; empty where it gives none.
    dataset, n, model, method
        The protocol, as far as the paper says.
    source
        Where in the paper.
    settings
        Of the protocol what another run can be held against, as ``name=value; …``: fields of a sampling spec, the names
        of :data:`SETTINGS`.
    """

    claim_id: str
    experiment: str
    quantity: str
    reported: str
    low: str
    high: str
    p: str
    dataset: str
    n: str
    model: str
    method: str
    source: str
    settings: str = ""

    def __str__(self) -> str:
        interval = f" [{self.low}, {self.high}]" if self.low else ""
        return f"{self.reported}{interval}"

    @property
    def setting(self) -> str:
        """The protocol in one line."""
        count = f"n={self.n}" if self.n else ""
        return ", ".join(part for part in (self.model, self.dataset, count, self.method) if part)

    def differs(self, settings: Mapping[str, object]) -> list[str]:
        """Name the settings that are others than the claim's; what only one of the two says is not compared.

        Examples
        --------
        >>> claims()["C148"].settings
        'temperature=1; n=10; max_new_tokens=40; similarity=Jaccard; threshold=0.4; linkage=single'
        >>> claims()["C148"].differs({"temperature": 0.2, "n": 10, "seed": 3})
        ['temperature']
        """
        own = _settings(self.settings)
        return [name for name, value in settings.items() if name in own and own[name] != _plain(value)]

    @property
    def count(self) -> tuple[int, int]:
        """Questions with the property and questions asked, of a claim that is a rate of ``n`` questions.

        Raises
        ------
        BadInput
            If the claim is no rate from 0 to 1, or has no n.

        Examples
        --------
        >>> claims()["C236"].reported, claims()["C236"].n, claims()["C236"].count
        ('0.285', '200', (57, 200))
        """
        try:
            rate, of = float(self.reported), int(self.n)
        except ValueError:
            rate, of = math.nan, 0
        if not 0 <= rate <= 1:
            raise BadInput(
                f"claim {self.claim_id} is no rate of a number of questions: {self.reported!r}, n={self.n!r}"
            )
        return round(rate * of), of


def _settings(text: str) -> dict[str, str | float]:
    return {name: _plain(value) for name, _, value in (part.partition("=") for part in text.split("; ") if part)}


def _plain(value: object) -> str | float:
    """A number as a number, anything else as its text."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return str(value)


@functools.cache
def claims() -> dict[str, Claim]:
    """Load the paper's numbers of the experiments that the chapters repeat, by claim id.

    Examples
    --------
    >>> print(claims()["C148"], "-", claims()["C148"].source)
    0.4 - Sec.5.12; App.A
    """
    text = importlib.resources.files("homogen.paper").joinpath("data/claims.csv").read_text("utf-8")
    return {row["claim_id"]: Claim(**row) for row in csv.DictReader(text.splitlines())}


SETTINGS = (
    *("similarity", "threshold", "linkage", "embedder", "nli", "rule", "level", "neighbours", "weight"),
    *("benchmark", "stage", "checkpoint", "answers", "min_each", "helps_above", "agree_above", "text", "convention"),
)
"""Names of settings in the claims, beside the fields of a sampling spec.

``checkpoint`` is the last part of a model's name on the hub, ``stage`` base or instruct, ``answers`` whose released
answers they are, ``text`` what was clustered, ``convention`` how undecided labels count.
"""
