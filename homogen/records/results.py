"""A number with its interval, and how it is written."""

from __future__ import annotations

import dataclasses
import math


def fixed(value: float, digits: int = 3) -> str:
    """A number with so many digits behind the point, without the minus of what rounds to 0.

    Examples
    --------
    >>> fixed(-0.0004), fixed(-0.0005001), fixed(0.12, 1)
    ('0.000', '-0.001', '0.1')
    """
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if not text.strip("-0.") else text


def percent(share: float) -> str:
    """A share as a percentage that rounds nothing away.

    Examples
    --------
    >>> percent(0.95), percent(0.999)
    ('95%', '99.9%')
    """
    return f"{100 * share:g}%"


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number with its interval, the count behind it and how it was made.

    Parameters
    ----------
    value, low, high
        The estimate and its interval's ends; NaN where undefined, with the reason in ``method``.
    n
        Units (usually questions) that the value rests on.
    coverage
        Share of the units asked for that could be used (missing answers and scores lower it).
    method
        How value and interval were made, or ``"undefined: …"``.
    classes
        How many of the n are wrong and how many right, of what sets the two against each other (an AUROC).

    Examples
    --------
    >>> print(Estimate(0.612, 0.551, 0.671, n=150, coverage=0.98, method="AUROC, bootstrap", classes=(40, 110)))
    0.612 [0.551, 0.671], n=150 (40 wrong), coverage 98%
    """

    value: float
    low: float
    high: float
    n: int
    coverage: float = 1.0
    method: str = ""
    classes: tuple[int, int] | None = None

    @property
    def count(self) -> str:
        """n, and how many of them are wrong where that matters, as a table shows it."""
        return f"{self.n:,}" + (f" ({self.classes[0]:,} wrong)" if self.classes else "")

    def __str__(self) -> str:
        if math.isnan(self.value):
            return f"{self.method or 'undefined'}, n={self.count}"
        interval = "" if math.isnan(self.low) and math.isnan(self.high) else f" [{fixed(self.low)}, {fixed(self.high)}]"
        return f"{fixed(self.value)}{interval}, n={self.count}, coverage {self.coverage:.0%}"

    def times(self, factor: float) -> Estimate:
        """The same in another unit or with the other sign.

        Examples
        --------
        >>> print(Estimate(0.25, 0.125, 0.5, n=8).times(-100))
        -25.000 [-50.000, -12.500], n=8, coverage 100%
        """
        low, high = sorted((factor * self.low, factor * self.high))
        return dataclasses.replace(self, value=factor * self.value, low=low, high=high)

    @classmethod
    def undefined(cls, reason: str, n: int = 0, coverage: float = 0.0) -> Estimate:
        """An estimate that does not exist, and why."""
        return cls(math.nan, math.nan, math.nan, n, coverage, f"undefined: {reason}")
