"""Whether what a chapter is asked for can be: known before any kernel starts, and without loading weights."""

from __future__ import annotations

import dataclasses
import datetime
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

from homogen.book.chapters import Chapter
from homogen.book.parameters import FIELDS, WEIGHTS, Parameter, names_in, values_of
from homogen.paper.claims import claims
from homogen.questions import sources
from homogen.records import TRUNCATION_PRESETS, BadInput, SamplingSpec, unknown

MOST = 10**12
"""Greatest whole number that any parameter takes."""


def weights_of(chapter: Chapter, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Name the weights that parameters ask for: the parameter, its kind (model, embedder or nli), and the name.

    Each level of quantization of a model is weights of its own. What a server knows by a name is none of ours.
    """
    values = values_of(chapter, parameters)
    levels = [value for p in chapter.parameters if p.kind.word == "level" for value in values[p.name]]
    for p in chapter.parameters:
        kind = p.kind
        if kind.word not in WEIGHTS or values.get(kind.unless):
            continue
        value = values[p.name]
        if kind.word == "model" and isinstance(value, str):
            value = [value, *(f"{value}:{level}" for level in levels)]
        for name in names_in(value):
            yield p.name, kind.word if kind.word in ("embedder", "nli") else "model", name


def check(chapter: Chapter, parameters: Mapping[str, Any], here: bool = True) -> None:
    """Check what the parameters ask for, as far as that can be known before any kernel starts; loads no weights.

    The files of a chapter that has some are fetched.

    Parameters
    ----------
    chapter
        The chapter to run.
    parameters
        As :func:`~homogen.book.parameters.validate` gives them; the rest keep their defaults.
    here
        Whether it will run on this machine: without, as for a plan, neither device nor files are asked for, and no
        benchmark is fetched.

    Raises
    ------
    BadInput
        If a parameter that is a field of :class:`~homogen.records.SamplingSpec` is out of range, or any other is not
        what its line says that it may be; if a file that the chapter runs on is not there and cannot be fetched.
    """
    from homogen.models.devices import pick_device
    from homogen.sampling.drawing import engine_kind

    values = values_of(chapter, parameters)
    fields = {(f.name, f.type) for f in dataclasses.fields(SamplingSpec)}
    drawn = {p.name: values[p.name] for p in chapter.parameters if (p.name, p.type) in fields}
    SamplingSpec(**{"model": "any"} | drawn)
    if chapter.files is None:
        engine_kind()
    for p in chapter.parameters:
        _check(chapter, p, values, here)
    if here and chapter.files is None:
        pick_device(values.get("device", "auto"))
    for name in chapter.files or () if here else ():
        sources.fetch(name)


def _check(chapter: Chapter, p: Parameter, values: Mapping[str, Any], here: bool) -> None:
    """Whether a parameter is what its line says that it may be."""
    value, kind = values[p.name], p.kind
    items = value if isinstance(value, list) else [value]
    for item in items:
        if isinstance(item, int) and abs(item) > MOST:
            raise BadInput(f"{p.name} must lie between {-MOST:,} and {MOST:,}")
    if values.get(kind.unless) or (value in ("", []) and kind.optional):
        return
    if value == []:
        raise BadInput(f"{p.name} must name at least one")
    if kind.different is not None and (len(items) != kind.different or len(set(map(str, items))) != len(items)):
        raise BadInput(f"{p.name} must be {kind.different} different values, got {value!r}")
    if kind.as_many_as and len(items) != len(values[kind.as_many_as]):
        other = kind.as_many_as
        raise BadInput(f"{p.name} must be as many as {other}, got {value!r} for {values[other]!r}")
    if kind.word == "model" and any(q.kind.word == "level" for q in chapter.parameters):
        _check_plain(p.name, value)
    for item in items:
        _check_item(p, kind.word, item, values, here)
    for name, word, weights in weights_of(chapter, values) if kind.word in WEIGHTS else ():
        if name == p.name:
            _check_weights(name, word, weights)


def _check_item(p: Parameter, word: str, item: Any, values: Mapping[str, Any], here: bool) -> None:
    from homogen.clustering import RULES
    from homogen.models.catalogue import BITSANDBYTES_LEVELS, GGUF_LEVELS
    from homogen.paper.ledger import VERDICTS
    from homogen.paper.released import CONVENTIONS
    from homogen.questions.catalogue import BENCHMARKS, load_questions

    kind = p.kind
    _check_range(p, item)
    known = {
        "convention": ("convention", tuple(CONVENTIONS)),
        "experiment": ("experiment", tuple({claim.experiment for claim in claims().values()})),
        "verdict": ("verdict", tuple(VERDICTS)),
        "level": ("level of quantization", (*GGUF_LEVELS, *BITSANDBYTES_LEVELS)),
        "rule": ("rule", RULES),
        "preset": ("preset", tuple(TRUNCATION_PRESETS)),
    }
    what, names = known.get(word, (p.name, kind.choices))
    if names and (not isinstance(item, str) or item not in names):
        raise unknown(what, item, names)
    if word in FIELDS and word != "model" and p.name != word:
        try:
            SamplingSpec(**{"model": "any", word: item})
        except BadInput as mistake:
            raise BadInput(f"{p.name}: {mistake}") from mistake
    if word == "url" and not item.startswith(("http://", "https://")):
        raise BadInput(f"{p.name} must begin with http:// or https://, got {item!r}")
    if word == "date":
        try:
            datetime.date.fromisoformat(item)
        except ValueError:
            raise BadInput(f"{p.name} must be a day written as YYYY-MM-DD, got {item!r}") from None
    if word == "benchmark":
        if not isinstance(item, str):
            raise unknown("benchmark", item, BENCHMARKS)
        if here or item not in BENCHMARKS:
            load_questions(item)
    if word == "question" and (here or values["benchmark"] not in BENCHMARKS):
        ids = [question.id for question in load_questions(values["benchmark"])]
        if item not in ids:
            raise unknown(f"question of {values['benchmark']}", item, ids)
    if word == "pair" and (not isinstance(item, list) or len(item) != 2 or item[0] == item[1] or _nested(item)):
        raise BadInput(f"{p.name} must be lists of two models, [[before, after], …], got {item!r}")


def _nested(item: list) -> bool:
    return any(isinstance(part, list) for part in item)


def _check_range(p: Parameter, item: Any) -> None:
    kind = p.kind
    if kind.least == -math.inf and kind.most == math.inf:
        return
    number = isinstance(item, int | float) and not isinstance(item, bool)
    ends = number and item in (kind.least, kind.most)
    if not number or not kind.least <= item <= kind.most or (kind.inside and ends):
        low, high = f"{kind.least:g}", f"{kind.most:g}"
        if kind.most == math.inf:
            wanted = f"be above {low}" if kind.inside else f"be at least {low}"
        else:
            wanted = f"lie between {low} and {high}" + (f", neither {low} nor {high}" if kind.inside else "")
        raise BadInput(f"{p.name} must {wanted}, got {item!r}")


def _check_plain(name: str, value: Any) -> None:
    from homogen.models.catalogue import split_quantization

    if isinstance(value, str) and split_quantization(value)[1]:
        raise BadInput(f"{name} must be named without a level, as levels gives them, got {value!r}")


def _check_weights(parameter: str, kind: str, name: Any) -> None:
    """Whether a name can be that of weights: a folder, a GGUF file, a card of the right kind, or an id of the hub."""
    from homogen.models.catalogue import CARDS, NLI_MODELS, is_hub_id, is_trained, split_quantization

    if kind == "model" and isinstance(name, str) and is_trained(name):
        return
    known = [card.name for card in CARDS.values() if (card.stage == "embedder") == (kind == "embedder")]
    if kind == "nli":  # a generator can judge, too
        known = [*NLI_MODELS, *(card.name for card in CARDS.values() if card.stage != "embedder")]
    what = "NLI model" if kind == "nli" else kind
    plain = split_quantization(name)[0] if kind == "model" and isinstance(name, str) else name
    if plain in known or (isinstance(plain, str) and os.path.isdir(plain)):
        return
    if isinstance(plain, str) and plain.endswith(".gguf") and kind in ("model", "nli"):
        if not os.path.isfile(plain):
            raise BadInput(f"{parameter}: there is no file {plain}")
        return
    if plain in CARDS:
        raise BadInput(f"{parameter}: {name!r} is no {what}; there are: {', '.join(known)}")
    if not is_hub_id(plain):
        raise unknown(what, name, known)
