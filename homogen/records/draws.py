"""How often chance is asked, and what is shown of its answers: one word for bootstraps, permutations and splits."""

from __future__ import annotations

import dataclasses

from homogen.records.checks import BadInput, share, shown, whole


@dataclasses.dataclass(frozen=True)
class Draws:
    """Random draws, such as a bootstrap's resamples of the questions, and the share of them that is shown.

    Parameters
    ----------
    resamples
        How many: of a bootstrap, of permutations, of splits or of refits; at least 1.
    seed
        Of all of them, a whole number from 0: the same seed gives the same numbers.
    level
        The confidence level of an interval, or the share of the draws that a range holds; between 0 and 1.

    Examples
    --------
    >>> Draws(2000, seed=1)
    Draws(resamples=2000, seed=1, level=0.95)
    >>> Draws(0)
    Traceback (most recent call last):
        ...
    homogen.records.BadInput: resamples must be a whole number of at least 1, got 0
    """

    resamples: int = 10_000
    seed: int = 0
    level: float = 0.95

    def __post_init__(self) -> None:
        whole("resamples", self.resamples, 1)
        whole("seed", self.seed, 0)
        share("level", self.level)


def check_draws(draws: object) -> None:
    """Refuse anything else, such as a bare number."""
    if not isinstance(draws, Draws):
        raise BadInput(f"draws must be Draws(resamples, seed, level), got {shown(draws)}")
