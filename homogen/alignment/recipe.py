"""What a training is: its base, its rows and its settings; and what the models are called that come of it."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

from homogen.alignment.data import Example, Preference
from homogen.models import trained
from homogen.models.weights import resolve_weights, revision_of
from homogen.records import BadInput, shown, unknown
from homogen.records.checks import is_real, is_whole, whole
from homogen.records.files import digest_of_json

OBJECTIVES = ("sft", "dpo")
"""What is made small: the surprise at an answer, or at which of two answers is preferred."""
TRAINER_VERSION = 1
"""Raise when the same recipe would make other weights than before."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    r"""A training with low-rank adapters on all linear layers, at a constant learning rate after five steps.

    Supervised fine-tuning minimises :math:`-\ln \pi(\text{answer} \mid \text{prompt})`, a mean over the answers'
    tokens. Preference optimisation minimises

    .. math:: -\ln \sigma\Big(\beta \big[\alpha \ln \pi(c) - \ln \pi_0(c)\big]
              - \beta \big[\alpha \ln \pi(r) - \ln \pi_0(r)\big]\Big)

    for a chosen answer :math:`c` and a rejected one :math:`r`, where :math:`\pi_0` is the base. With
    :math:`\alpha = 1` it is DPO (Rafailov et al. 2023); with a larger one the optimum has more entropy (H-DPO,
    Omura et al. 2024; the same loss is Soft Preference Learning, Slocum et al. 2025).

    Parameters
    ----------
    base
        What is trained: any name of a generator, or that of a trained one, so that stages make a chain.
    rows
        Examples for ``"sft"``, pairs for ``"dpo"``. They are shuffled anew each time round.
    objective
        ``"sft"`` or ``"dpo"``.
    doses
        Steps after which the model is kept, rising; the last is the end.
    batch
        Rows a step.
    learning_rate
        Of AdamW.
    beta, alpha
        As in the formula; ``"sft"`` has neither.
    rank
        Of the adapters, which are scaled by 2.
    max_length
        Tokens after which an answer is cut; a prompt that leaves no room for one is refused.
    seed
        Of the adapters' first weights and of the order of the rows.

    Raises
    ------
    BadInput
        If a setting is out of range, there are fewer rows than a step takes, a row is of the other kind or holds what
        is no text, or a pair prefers an answer to itself.

    Examples
    --------
    >>> rows = tuple(Example(f"Q: {i}?", f"{i}") for i in range(8))
    >>> recipe = Recipe("gemma-3-270m", rows, doses=(2, 4))
    >>> recipe.models == [recipe.model(2), recipe.model(4)], recipe.model(4).endswith("-4")
    (True, True)
    """

    base: str
    rows: tuple[Example, ...] | tuple[Preference, ...]
    objective: str = "sft"
    doses: tuple[int, ...] = (10, 20, 40, 80)
    batch: int = 4
    learning_rate: float = 1e-4
    beta: float = 0.1
    alpha: float = 1.0
    rank: int = 16
    max_length: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise unknown("objective", self.objective, OBJECTIVES)
        for name in ("rows", "doses"):
            try:
                object.__setattr__(self, name, tuple(getattr(self, name)))
            except TypeError:
                raise BadInput(f"{name} must be a list, got {shown(getattr(self, name))}") from None
        for name, low in (("batch", 1), ("rank", 1), ("max_length", 8), ("seed", 0)):
            whole(name, getattr(self, name), low)
            object.__setattr__(self, name, int(getattr(self, name)))
        for name in ("learning_rate", "beta", "alpha"):
            value = getattr(self, name)
            if not is_real(value) or not math.isfinite(value) or value <= 0:
                raise BadInput(f"{name} must be a finite number above 0, got {shown(value)}")
            object.__setattr__(self, name, float(value))
        rising = all(map(is_whole, self.doses)) and list(self.doses) == sorted(set(self.doses))
        if not self.doses or not rising or self.doses[0] < 1:
            raise BadInput(f"doses must be numbers of steps, at least 1 and rising, got {shown(self.doses)}")
        object.__setattr__(self, "doses", tuple(map(int, self.doses)))
        kind = Example if self.objective == "sft" else Preference
        for i, row in enumerate(self.rows):
            if not (isinstance(row, kind) and all(isinstance(text, str) for text in vars(row).values())):
                raise BadInput(f"{self.objective} is trained on {kind.__name__.lower()}s; row {i} is {shown(row)}")
            if isinstance(row, Preference) and row.chosen == row.rejected:
                raise BadInput(f"row {i} prefers an answer to itself ({shown(row.chosen)}); leave it out")
        if len(self.rows) < self.batch:
            raise BadInput(f"{len(self.rows)} rows are too few: a step takes {self.batch}")

    @functools.cached_property
    def key(self) -> str:
        """Sixteen digits that stand for the training: weights of the base, rows, settings.

        Another machine or other versions of the libraries move the weights by rounding and keep the key. So do more
        doses, and another place of the same base.
        """
        return digest_of_json({name: value for name, value in self.told().items() if name != "base"})[:16]

    def told(self) -> dict[str, Any]:
        """What an account of the training says: base, settings, and a digest of the rows.

        Raises
        ------
        Unavailable
            If the base is one of the hub whose weights are not here and cannot be fetched: its commit is part of it.
        """
        names = [field.name for field in dataclasses.fields(self) if field.name not in ("rows", "doses")]
        fields = {name: getattr(self, name) for name in names}
        if self.objective == "sft":
            del fields["beta"], fields["alpha"]
        rows = digest_of_json([dataclasses.astuple(row) for row in self.rows])
        revision = revision_of(self.base) or resolve_weights(self.base)[1]
        return fields | {"revision": revision, "rows": rows, "trainer": TRAINER_VERSION}

    def model(self, dose: int) -> str:
        """What the model after so many steps is called, wherever a model is named."""
        if dose not in self.doses:
            raise BadInput(f"there is no dose {dose}; doses: {', '.join(map(str, self.doses))}")
        return trained.name_of(self.key, dose)

    @property
    def models(self) -> list[str]:
        """What the models are called, a dose each."""
        return [self.model(dose) for dose in self.doses]
