"""Examples and pairs to train on, made of answers that a model drew and of which it is known which are right."""

from __future__ import annotations

import dataclasses
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from homogen.records import BadInput, unknown
from homogen.records.checks import whole
from homogen.records.files import put

CHOICES = ("random", "length", "rare")
"""How a pair is chosen out of the right and the wrong answers to a question (:func:`paired`)."""
SPREADS = ("one", "alike", "diverse")
"""How many different answers to a question :func:`chosen_examples` takes."""


@dataclasses.dataclass(frozen=True)
class Example:
    """A prompt, and the answer that the model is to give; a chat model gets the prompt in its template."""

    prompt: str
    answer: str


@dataclasses.dataclass(frozen=True)
class Preference:
    """A prompt, the answer to it that is preferred, and the one that is not."""

    prompt: str
    chosen: str
    rejected: str


def _checked(prompts: Sequence[str], answers: Sequence[Sequence[str]], right: Sequence[Sequence[bool]]) -> None:
    if not len(prompts) == len(answers) == len(right):
        raise BadInput(
            f"unequal lengths: {len(prompts)} prompts, {len(answers)} lists of answers, {len(right)} of right"
        )
    for i, (texts, known) in enumerate(zip(answers, right, strict=True)):
        if len(texts) != len(known):
            raise BadInput(f"prompt {i}: {len(texts)} answers, of which {len(known)} are known to be right or wrong")


def _parted(texts: Sequence[str], known: Sequence[bool]) -> tuple[list[str], list[str]]:
    """The right and the wrong answers; a missing one is neither."""
    good = [text for text, is_right in zip(texts, known, strict=True) if text and is_right]
    return good, [text for text, is_right in zip(texts, known, strict=True) if text and not is_right]


def paired(
    prompts: Sequence[str],
    answers: Sequence[Sequence[str]],
    right: Sequence[Sequence[bool]],
    choice: str = "random",
    seed: int = 0,
) -> list[Preference]:
    """Make one pair of each prompt that has a right and a wrong answer: the first is chosen, the second rejected.

    Parameters
    ----------
    prompts
        m texts, with what stands around a question, without a chat template.
    answers
        For each prompt what the model drew; an empty text is a missing answer.
    right
        For each answer whether it is right.
    choice
        ``"random"`` takes any right and any wrong answer. ``"length"`` takes the two that are nearest in length, in
        words, so that no length is preferred. ``"rare"`` takes the right answer that was drawn least often and the
        wrong one that was drawn most often, which rewards difference (DivPO; Lanchantin et al. 2025, *Diverse
        Preference Optimization*). Ties are broken by the seed.
    seed
        Of every random choice; that of a prompt depends on its own place alone.

    Returns
    -------
    list of Preference
        At most m, in the order of the prompts.

    Raises
    ------
    BadInput
        If the lengths differ, or the choice is unknown.

    Examples
    --------
    >>> drawn = [["Paris", "It is Lyon", "Paris", "Nice"], ["1843", "1843"]]
    >>> known = [[True, False, True, False], [True, True]]
    >>> paired(["Capital?", "When?"], drawn, known, "length")
    [Preference(prompt='Capital?', chosen='Paris', rejected='Nice')]
    """
    if choice not in CHOICES:
        raise unknown("choice", choice, CHOICES)
    _checked(prompts, answers, right)
    whole("seed", seed, 0)
    found = []
    for i, (prompt, texts, known) in enumerate(zip(prompts, answers, right, strict=True)):
        good, bad = _parted(texts, known)
        if not good or not bad:
            continue
        rng = np.random.default_rng((seed, i))
        both = [(a, b) for a in _shuffled(good, rng) for b in _shuffled(bad, rng) if a != b]
        if not both:
            continue
        if choice == "length":
            both.sort(key=lambda pair: abs(len(pair[0].split()) - len(pair[1].split())))
        elif choice == "rare":
            count = Counter(good + bad)
            both.sort(key=lambda pair: (count[pair[0]], -count[pair[1]]))
        found.append(Preference(prompt, *both[0]))
    return found


def _shuffled(texts: Sequence[str], rng: np.random.Generator) -> list[str]:
    return [texts[k] for k in rng.permutation(len(texts))]


def swapped(pairs: Sequence[Preference], seed: int = 0) -> list[Preference]:
    """Exchange chosen and rejected in half of the pairs, at random: the same answers, and nothing to prefer.

    With an odd number, one pair more stays as it is.

    Examples
    --------
    >>> pairs = [Preference("q", f"good {i}", f"bad {i}") for i in range(5)]
    >>> sum(pair.chosen.startswith("bad") for pair in swapped(pairs))
    2
    """
    half = set(np.random.default_rng(seed).permutation(len(pairs))[: len(pairs) // 2].tolist())
    return [Preference(p.prompt, p.rejected, p.chosen) if i in half else p for i, p in enumerate(pairs)]


def chosen_examples(
    prompts: Sequence[str],
    answers: Sequence[Sequence[str]],
    right: Sequence[Sequence[bool]],
    spread: str = "one",
    times: int = 1,
    seed: int = 0,
) -> list[Example]:
    """Make examples of the right answers, each prompt ``times`` times.

    Parameters
    ----------
    prompts, answers, right
        As in :func:`paired`. A prompt without a right answer makes no example.
    spread
        ``"one"`` takes a right answer at random, the same each time. ``"alike"`` takes the one that was drawn most
        often, each time. ``"diverse"`` takes one after another, the rarest first, and begins again after the last.
    times
        How often a prompt stands in the list; one round of all prompts follows another.
    seed
        Of every random choice.

    Raises
    ------
    BadInput
        If the lengths differ, the spread is unknown, or ``times`` is less than 1.

    Examples
    --------
    >>> drawn, known = [["Paris", "Paris", "In Paris", "Nice"]], [[True, True, True, False]]
    >>> [example.answer for example in chosen_examples(["Capital?"], drawn, known, "alike", times=3)]
    ['Paris', 'Paris', 'Paris']
    >>> [example.answer for example in chosen_examples(["Capital?"], drawn, known, "diverse", times=3)]
    ['In Paris', 'Paris', 'In Paris']
    """
    if spread not in SPREADS:
        raise unknown("spread", spread, SPREADS)
    whole("times", times, 1)
    _checked(prompts, answers, right)
    whole("seed", seed, 0)
    rows = []
    for i, (prompt, texts, known) in enumerate(zip(prompts, answers, right, strict=True)):
        good = _shuffled(_parted(texts, known)[0], np.random.default_rng((seed, i)))
        if good:
            count = Counter(good)
            rarest = sorted(dict.fromkeys(good), key=lambda text, count=count: count[text])
            rows.append((prompt, {"one": good[:1], "alike": rarest[-1:], "diverse": rarest}[spread]))
    return [Example(prompt, some[k % len(some)]) for k in range(times) for prompt, some in rows]


def every_example(prompts: Sequence[str], answers: Sequence[Sequence[str]]) -> list[Example]:
    """Make an example of every answer that is not missing, right or wrong; one round of all prompts follows another.

    Examples
    --------
    >>> [example.answer for example in every_example(["Capital?", "When?"], [["Paris", "Nice"], ["1843", ""]])]
    ['Paris', '1843', 'Nice']
    """
    if len(prompts) != len(answers):
        raise BadInput(f"unequal lengths: {len(prompts)} prompts, {len(answers)} lists of answers")
    most = max(map(len, answers), default=0)
    return [
        Example(prompt, texts[k])
        for k in range(most)
        for prompt, texts in zip(prompts, answers, strict=True)
        if k < len(texts) and texts[k]
    ]


def summary(rows: Sequence[Example] | Sequence[Preference]) -> dict[str, float]:
    """Count what is trained on: rows, prompts, words of the answers, and how many of the answers are different.

    Returns
    -------
    dict
        Of pairs also the share whose chosen answer is the longer one. Without rows the means are NaN.

    Examples
    --------
    >>> summary([Preference("q", "It is Paris", "Nice"), Preference("r", "1843", "In 1844")])["chosen longer"]
    0.5
    """
    sides = ("chosen", "rejected") if rows and isinstance(rows[0], Preference) else ("answer",)
    found: dict[str, float] = {"rows": len(rows), "prompts": len({row.prompt for row in rows})}
    words = {side: [len(getattr(row, side).split()) for row in rows] for side in sides}
    for side in sides:
        found[f"words, {side}"] = float(np.mean(words[side])) if rows else np.nan
        found[f"different, {side}"] = len({getattr(row, side) for row in rows}) / len(rows) if rows else np.nan
    if len(sides) == 2:
        found["chosen longer"] = float(np.mean(np.greater(*words.values())))
    return found


def write_pairs(path: str | os.PathLike, pairs: Iterable[Preference]) -> None:
    """Write pairs as JSON lines with ``prompt``, ``chosen`` and ``rejected``, as trl and others read them."""
    lines = [json.dumps(dataclasses.asdict(pair), ensure_ascii=False) for pair in pairs]
    try:
        put(Path(path), "".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error


def read_pairs(path: str | os.PathLike) -> list[Preference]:
    """Read pairs of one's own from JSON lines with ``prompt``, ``chosen`` and ``rejected``; other fields are left out.

    Raises
    ------
    BadInput
        If the file cannot be read, or a line is no such object; the message names the line.
    """
    try:
        lines = Path(path).read_text("utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    return [_read(line, f"{path}, line {i}") for i, line in enumerate(lines, 1) if line.strip()]


def _read(line: str, where: str) -> Preference:
    try:
        row: Mapping[str, Any] = json.loads(line)
        fields = [row[name] for name in ("prompt", "chosen", "rejected")]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise BadInput(f"{where}: no JSON object with prompt, chosen and rejected ({error})") from error
    if not all(isinstance(field, str) and field for field in fields):
        raise BadInput(f"{where}: prompt, chosen and rejected must be texts that are not empty")
    return Preference(*fields)
