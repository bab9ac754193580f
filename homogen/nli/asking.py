"""Every pair once: what an NLI model said, remembered in memory and on disk, and a check before it is used."""

from __future__ import annotations

import contextlib
import importlib.resources
import json
import os
import types
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from homogen.records import BadInput, shown
from homogen.records.verdicts import VerdictFile

ENTAILMENT, NEUTRAL, CONTRADICTION = 0, 1, 2
"""Columns of an NLI model's answer."""
Pair = tuple[str, str]
"""Two texts: premise and hypothesis."""
Model = Callable[[list[Pair]], np.ndarray]
"""Any function from n pairs (premise, hypothesis) to ``(n, 3)`` probabilities: entailment, neutral, contradiction."""
_SELF = ("Paris is the capital of France.", "The museum opens at nine in the morning.", "Water boils at 100 degrees.")
CHECK_PAIRS: tuple[Pair, ...] = (*((text, text) for text in _SELF), ("The cat is alive and well.", "The cat is dead."))
"""What :func:`self_check` asks: three sentences paired with themselves, and two that contradict each other."""
_AT_ONCE = 2**12  # pairs a call: a kill loses no more than these, and a bar moves


class NLI:
    """An NLI model that is asked about no pair twice.

    Parameters
    ----------
    model
        A function from pairs to probabilities (see the room; :func:`homogen.models.load_nli` makes one).
    cache
        A file in which answers are kept between runs (``homogen.records.verdicts``). The model must
        then have an attribute ``name`` that identifies its weights: no model is given another one's answers.
    progress
        Whether long work (more than 256 pairs at once) shows a bar, if tqdm is installed.

    Attributes
    ----------
    forward_passes : int
        Pairs that went through the model so far.
    calls : int
        Calls of the model so far, each with as many pairs as were wanted at once.

    Examples
    --------
    >>> def model(pairs):
    ...     return np.array([[0.9, 0.1, 0.0] if len(a) >= len(b) else [0.2, 0.7, 0.1] for a, b in pairs])
    >>> nli = NLI(model)
    >>> nli([("Paris, France", "Paris"), ("Paris", "Paris, France"), ("Paris", "Paris"), ("Paris, France", "Paris")])
    array([[0.9, 0.1, 0. ],
           [0.2, 0.7, 0.1],
           [1. , 0. , 0. ],
           [0.9, 0.1, 0. ]])
    >>> nli.forward_passes, nli.calls
    (2, 1)
    """

    def __init__(self, model: Model, cache: str | Path | None = None, progress: bool = True):
        if not callable(model):
            raise BadInput(
                f"an NLI model is a function from pairs to probabilities, got {shown(model)}; "
                "homogen.models.load_nli makes one"
            )
        self.name = getattr(model, "name", None)
        if cache is not None and not self.name:
            raise BadInput("a cache of pairs on disk needs a model with a name (an attribute `name`)")
        self.forward_passes = 0
        self.calls = 0
        self._model = model
        self._progress = progress
        self._row: dict[Pair, int] = {}
        self._answers = np.empty((0, 3))
        self._file = VerdictFile(cache, f"NLI {self.name}") if cache is not None and self.name else None

    def __call__(self, pairs: Sequence[Pair]) -> np.ndarray:
        """Give the probabilities of all pairs, ``(n, 3)`` float64, asking the model about the new ones only."""
        pairs = list(pairs)
        for premise, hypothesis in pairs:
            if not (isinstance(premise, str) and isinstance(hypothesis, str)):
                raise BadInput(f"an NLI pair is two texts, got {shown(premise)} and {shown(hypothesis)}")
        new = [pair for pair in dict.fromkeys(pairs) if pair[0] != pair[1] and pair not in self._row]
        self._ask(self._recall(new))
        rows = np.array([-1 if pair[0] == pair[1] else self._row[pair] for pair in pairs], dtype=int)
        return np.where(rows[:, None] < 0, [1.0, 0.0, 0.0], np.vstack([self._answers, [np.nan] * 3])[rows])

    def check(self) -> None:
        """Put the model to :func:`self_check`, a text paired with itself included; its answers are remembered too.

        Raises
        ------
        BadInput
            If it fails; the message says at which pair.
        """
        pairs = list(CHECK_PAIRS)
        self._ask(self._recall([pair for pair in pairs if pair not in self._row]))
        try:
            self_check(lambda asked: self._answers[[self._row[pair] for pair in asked]])
        except BadInput as error:
            raise BadInput(f"{self.name}: {error}" if self.name else str(error)) from error

    def _recall(self, pairs: list[Pair]) -> list[Pair]:
        if not (pairs and self._file):
            return pairs
        known = self._file.read(pairs)
        self._remember([pair for pair in pairs if pair in known], np.array(list(known.values())).reshape(-1, 3))
        return [pair for pair in pairs if pair not in known]

    def _ask(self, pairs: list[Pair]) -> None:
        with _bar(len(pairs), self._progress) as bar:
            for start in range(0, len(pairs), _AT_ONCE):
                some = pairs[start : start + _AT_ONCE]
                answers = _checked(self._model(some), some)
                self.forward_passes += len(some)
                self.calls += 1
                self._remember(some, answers)
                if self._file:
                    self._file.write(some, answers)
                bar.update(len(some))

    def _remember(self, pairs: list[Pair], answers: np.ndarray) -> None:
        self._row.update(zip(pairs, range(len(self._answers), len(self._answers) + len(pairs)), strict=True))
        self._answers = np.concatenate([self._answers, answers])


def as_nli(nli: NLI | Model) -> NLI:
    """Wrap what a caller brought: a function, or an :class:`NLI`, which is returned as it is.

    Examples
    --------
    >>> nli = as_nli(lambda pairs: np.tile([0.2, 0.5, 0.3], (len(pairs), 1)))
    >>> as_nli(nli) is nli
    True
    """
    return nli if isinstance(nli, NLI) else NLI(nli)


def self_check(model: Model) -> None:
    """Refuse an NLI model that cannot tell a text from its opposite: most often its labels are read in a wrong order.

    Raises
    ------
    BadInput
        If entailment is not the likeliest answer to three sentences paired with themselves, or contradiction is not
        to one pair that plainly contradicts; the message says which.

    Notes
    -----
    cross-encoder/nli-deberta-v3-* answer in the order contradiction, entailment, neutral, roberta-large-mnli in the
    order contradiction, neutral, entailment. Code that assumes one order reads the other model's neutral as entailment
    and reports next to no clusters, or one.

    Examples
    --------
    >>> def swapped(pairs):  # calls every pair neutral where it should say entailment
    ...     return np.tile([0.1, 0.8, 0.1], (len(pairs), 1))
    >>> self_check(swapped)
    Traceback (most recent call last):
        ...
    homogen.records.BadInput: the NLI model fails its self-check: 'Paris is the capital of France.' does not entail \
itself (entailment 0.10, neutral 0.80, contradiction 0.10); are its labels in another order?
    """
    answers = _checked(model(list(CHECK_PAIRS)), list(CHECK_PAIRS))
    for (premise, hypothesis), p in zip(CHECK_PAIRS, answers, strict=True):
        wanted = ENTAILMENT if premise == hypothesis else CONTRADICTION
        if p.argmax() != wanted:
            what = "does not entail itself" if wanted == ENTAILMENT else f"does not contradict {hypothesis!r}"
            said = f"entailment {p[0]:.2f}, neutral {p[1]:.2f}, contradiction {p[2]:.2f}"
            raise BadInput(
                f"the NLI model fails its self-check: {premise!r} {what} ({said}); are its labels in another order?"
            )


def examples() -> list[tuple[Pair, int]]:
    """Forty pairs with the label that a careful reader gives them: 13 entailments, 13 neutral, 14 contradictions.

    They are written for this project, in the manner of short answers, and say how good a judge is; none of them is in
    the prompt of a language model that judges.

    Returns
    -------
    list
        Of a pair and the column of its label.

    Examples
    --------
    >>> pair, label = examples()[0]
    >>> pair[1], label == ENTAILMENT
    ('Canberra is the capital of Australia.', True)
    """
    columns = {"entailment": ENTAILMENT, "neutral": NEUTRAL, "contradiction": CONTRADICTION}
    lines = importlib.resources.files("homogen.nli").joinpath("data/examples.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [((row["premise"], row["hypothesis"]), columns[row["label"]]) for row in rows]


def _bar(pairs: int, wanted: bool) -> contextlib.AbstractContextManager:
    """A progress bar with an estimate for long work; without one, something that takes its place."""
    with contextlib.suppress(ImportError):
        if wanted and pairs > 256 and not os.environ.get("TQDM_DISABLE"):
            import tqdm

            return tqdm.tqdm(total=pairs, desc="NLI", unit="pair", disable=False)
    return contextlib.nullcontext(types.SimpleNamespace(update=lambda n: None))


def _checked(answers: np.ndarray, pairs: list[Pair]) -> np.ndarray:
    try:
        p = np.asarray(answers, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput(f"the NLI model returned no array of numbers for {len(pairs)} pairs") from None
    if p.shape != (len(pairs), 3):
        raise BadInput(f"the NLI model returned shape {p.shape} for {len(pairs)} pairs, expected ({len(pairs)}, 3)")
    bad = ~(np.isfinite(p).all(axis=1) & (p >= 0).all(axis=1) & (np.abs(p.sum(axis=1) - 1) < 1e-2))
    if bad.any():
        i = int(np.argmax(bad))
        raise BadInput(f"the NLI model returned {p[i].tolist()} for {pairs[i]!r}: no probabilities (logits?)")
    total = p.sum(axis=1, keepdims=True)
    return np.where(np.abs(total - 1) > 1e-9, p / total, p)  # what low precision has left over
