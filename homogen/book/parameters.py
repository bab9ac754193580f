"""Parameters of a chapter: read off its first cell, given by a user or a profile, and checked before anything runs."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import math
import os
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homogen.book.chapters import Chapter
from homogen.questions import sources
from homogen.records import TRUNCATION_PRESETS, BadInput, SamplingSpec, unknown

TYPES = {"int": int, "float": float, "str": str, "bool": bool, "list": list}


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell."""

    name: str
    type: str
    default: Any
    meaning: str


def _parameters(notebook, path: Path) -> Iterable[Parameter]:
    cell = next((c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])), None)
    for line in cell.source.splitlines() if cell else ():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = re.fullmatch(r"""(\w+): (\w+) = ("[^"]*"|'[^']*'|.+?)\s+# (.+)""", line)
        default = _literal(found[3]) if found else None
        if not found or type(default) is not TYPES.get(found[2]):
            raise BadInput(
                f"{path}: a line of the parameters cell is not 'name: type = default  # meaning' "
                f"with a plain default of that type ({', '.join(TYPES)}): {line!r}"
            )
        yield Parameter(found[1], found[2], default, found[4])


def _literal(text: str) -> Any:
    """Read a Python literal; None if it is not one."""
    with contextlib.suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return ast.literal_eval(text)


def validate(chapter: Chapter, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check parameters before any kernel starts; text (from the command line) is read as the parameter's type.

    Raises
    ------
    BadInput
        If a name is unknown (with the nearest ones) or a value has the wrong type.
    """
    known = {p.name: p for p in chapter.parameters}
    for name in given:
        if name not in known:
            raise unknown(f"parameter of {chapter.name}", name, known)
    return {name: _typed(chapter, known[name], value) for name, value in given.items()}


def _typed(chapter: Chapter, parameter: Parameter, value: Any) -> Any:
    if isinstance(value, str) and parameter.type != "str":
        read = _literal({"true": "True", "false": "False"}.get(value.lower(), value))
        value = value if read is None else read
    if parameter.type == "float" and isinstance(value, int) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):
            value = float(value)
    if type(value) is not TYPES[parameter.type] or not _plain(value):
        example = """, written as '["a", "b"]'""" if parameter.type == "list" else ""
        raise BadInput(
            f"parameter {parameter.name} of {chapter.name} must be {parameter.type}{example} "
            f"(default {parameter.default!r}), got {textwrap.shorten(repr(value), 80, placeholder=' …')}"
        )
    return value


def _plain(value: Any) -> bool:
    """Whether a value is made of texts, finite numbers, truth values and lists, which a notebook can be given."""
    if isinstance(value, list):
        try:
            return all(map(_plain, value))
        except RecursionError:  # a list of YAML may hold itself
            return False
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


MODELS = ("model", "models", "base_model", "twin", "pairs", "chains", "embedder", "embedders", "nli", "nlis")
"""Parameters that name weights."""
OPTIONAL = ("base_model", "twin", "nli")
"""Parameters that may name none."""


def values_of(chapter: Chapter, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """All of a chapter's parameters: those given, the defaults of the rest."""
    return {p.name: p.default for p in chapter.parameters} | dict(parameters)


def weights_of(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Pairs of a parameter and a name of weights that it gives."""
    for parameter in MODELS:
        if parameter == "model" and values.get("base_url"):
            continue  # the name by which a server knows it
        value = values.get(parameter, [])
        if parameter == "model" and isinstance(value, str):
            # Each level of quantization is weights of its own, of another size.
            value = [value, *(f"{value}:{level}" for level in values.get("levels", ()))]
        # A chapter may call something else by such a name, as a number of pairs.
        if isinstance(value, str | list):
            yield from ((parameter, name) for name in names_in(value))


def names_in(value: Any) -> list[Any]:
    """The names in a parameter's value: one, a list, or lists within a list, a text before which is their label.

    Examples
    --------
    >>> names_in([["Zephyr", ["a/base", "a/sft"]], ["b/base", "b/instruct"]])
    ['a/base', 'a/sft', 'b/base', 'b/instruct']
    """
    if not isinstance(value, list):
        return [value]
    if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], list):
        value = value[1]
    return [name for item in value for name in names_in(item)]


DRAWN_WITH = {
    "temperatures": "temperature",
    "compared": "temperature",
    "narrow_temperature": "temperature",
    "nuclei": "top_p",
    "top_ks": "top_k",
    "lengths": "max_new_tokens",
    "short_limit": "max_new_tokens",
}
"""Parameters whose value, or whose items, are a field of a :class:`~homogen.records.SamplingSpec`."""
TINY = 1e-6
"""Least share of anything; none of it, or all, would be no share."""
RANGES = {
    **dict.fromkeys(("limit", "limits", "base_limit", "dose_limit"), (1, math.inf)),
    **dict.fromkeys(("words", "resamples", "splits", "bins", "permutations", "neighbours"), (1, math.inf)),
    "sizes": (1, math.inf),
    "folds": (2, math.inf),
    **dict.fromkeys(("jaccard_threshold", "cosine_threshold", "thresholds", "character_thresholds"), (-1, 1)),
    **dict.fromkeys(("alpha", "share"), (TINY, 1 - TINY)),
    "coverages": (TINY, 1),
}
"""Least and greatest of a parameter, or of its items."""
MOST = 10**12
"""Greatest whole number that any parameter takes."""
FILLED = (
    *("models", "pairs", "chains", "nlis", "benchmarks", "limits", "lengths", "levels"),
    *("thresholds", "sizes", "coverages", "rules"),
)
"""Lists that must name something."""
FILLED_IN = {
    "embedders": ("embedders", "baselines", "multiverse"),
    "temperatures": ("datasets", "matched-decoding"),
}
"""Lists that must name something in some chapters."""


def check(chapter: Chapter, parameters: Mapping[str, Any], here: bool = True) -> None:
    """Check what the parameters ask for, as far as that can be known before any kernel starts; loads no weights.

    The files of a chapter that has some are fetched. What it calls a model is one whose results are in them.

    Parameters
    ----------
    chapter
        The chapter to run.
    parameters
        As :func:`validate` gives them; the rest keep their defaults.
    here
        Whether it will run on this machine: without, as for a plan, neither device nor files are asked for, and no
        benchmark is fetched.

    Raises
    ------
    BadInput
        If a parameter that is a field of :class:`~homogen.records.SamplingSpec`, a limit, a threshold, or an item of a
        list of them is out of range, a list names nothing or has another length than its like, the benchmark cannot be
        read, a name of weights is unknown or of the wrong kind, or the device is not there. If a file that the chapter
        runs on is not there and cannot be fetched.
    """
    from homogen.models.devices import DEVICES, pick_device
    from homogen.questions.catalogue import BENCHMARKS, load_questions
    from homogen.sampling.drawing import engine_kind

    values = values_of(chapter, parameters)
    fields = {(f.name, f.type) for f in dataclasses.fields(SamplingSpec)}
    drawn = {p.name: values[p.name] for p in chapter.parameters if (p.name, p.type) in fields}
    SamplingSpec(**{"model": "any"} | drawn)
    if values.get("preset", "pure") not in TRUNCATION_PRESETS:
        raise unknown("preset", values["preset"], TRUNCATION_PRESETS)
    for name, value in values.items():
        if value == [] and (name in FILLED or chapter.name in FILLED_IN.get(name, ())):
            raise BadInput(f"{name} must name at least one")
        _check_value(name, value)
    _check_groups(values)
    if "limits" in values and len(values["limits"]) != len(values.get("benchmarks", values["limits"])):
        raise BadInput(f"limits must be as many as benchmarks, got {values['limits']!r} for {values['benchmarks']!r}")
    for benchmark in (*values.get("benchmarks", ()), *([values["benchmark"]] if "benchmark" in values else ())):
        if not isinstance(benchmark, str):
            raise unknown("benchmark", benchmark, BENCHMARKS)
        if here or benchmark not in BENCHMARKS:
            known = [question.id for question in load_questions(benchmark)]
            if values.get("question", "") not in ("", *known):
                raise unknown(f"question of {benchmark}", values["question"], known)
    if chapter.files is None:
        engine_kind()
        if values.get("device", "auto") not in DEVICES:
            raise unknown("device", values["device"], DEVICES)
        for parameter, name in weights_of(values):
            if name != "" or parameter not in OPTIONAL:
                _check_weights(parameter, name)
    if not here:
        return
    if chapter.files is None:
        pick_device(values.get("device", "auto"))
    for name in chapter.files or ():
        sources.fetch(name)


def _check_value(name: str, value: Any) -> None:
    """Whether a parameter, or each item of a list, lies where its name says."""
    from homogen.clustering import RULES
    from homogen.models.catalogue import BITSANDBYTES_LEVELS, GGUF_LEVELS

    items = value if isinstance(value, list) else [value]
    for item in items:
        if name == "levels" and item not in (*GGUF_LEVELS, *BITSANDBYTES_LEVELS):
            raise unknown("level of quantization", item, (*GGUF_LEVELS, *BITSANDBYTES_LEVELS))
        if name == "rules" and item not in RULES:
            raise unknown("rule", item, RULES)
        if isinstance(item, int) and abs(item) > MOST:
            raise BadInput(f"{name} must lie between {-MOST:,} and {MOST:,}")
        if field := DRAWN_WITH.get(name):
            try:
                SamplingSpec(**{"model": "any", field: item})
            except BadInput as mistake:
                raise BadInput(f"{name}: {mistake}") from mistake
        if name in RANGES:
            low, high = RANGES[name]
            if isinstance(item, bool) or not isinstance(item, int | float) or not low <= item <= high:
                wanted = f"be at least {low}" if high == math.inf else f"lie between {low} and {high}"
                raise BadInput(f"{name} must {wanted}, got {item!r}")


def _check_groups(values: Mapping[str, Any]) -> None:
    """Whether what belongs together is enough: two models of a pair, two stages of a chain, two temperatures."""
    from homogen.models.catalogue import split_quantization

    pairs = values.get("pairs", [])
    if isinstance(pairs, list):
        for pair in pairs:
            if not isinstance(pair, list) or len(pair) != 2 or pair[0] == pair[1] or isinstance(pair[1], list):
                raise BadInput(f"pairs must be lists of two models, [[base, instruct], …], got {pair!r}")
    elif isinstance(pairs, bool) or pairs < 1:
        raise BadInput(f"pairs must be at least 1, got {pairs!r}")
    for chain in values.get("chains", []):
        match chain:
            case [str(), [_, _, *_] as stages] if len(set(map(str, stages))) == len(stages):
                pass
            case _:
                raise BadInput(f"chains must be lists [label, [first stage, second stage, …]], got {chain!r}")
    if "compared" in values and len(set(map(str, values["compared"]))) != 2:
        raise BadInput(f"compared must be two temperatures, got {values['compared']!r}")
    if "levels" in values and isinstance(values.get("model"), str) and split_quantization(values["model"])[1]:
        raise BadInput(f"model must be named without a level, as levels gives them, got {values['model']!r}")
    if (url := values.get("base_url", "")) and not url.startswith(("http://", "https://")):
        raise BadInput(f"base_url must begin with http:// or https://, got {url!r}")
    for name, known in (("api", ("chat", "completions")), ("dialect", ("extended", "openai", "transformers"))):
        if values.get(name, known[0]) not in known:
            raise unknown(name, values[name], known)


def _check_weights(parameter: str, name: Any) -> None:
    """Whether a name can be that of weights: a folder, a card of the right kind, or an id of the hub."""
    from homogen.models.catalogue import CARDS, NLI_MODELS, is_hub_id, split_quantization

    wanted = next((kind for kind in ("embedder", "nli") if parameter.startswith(kind)), "model")
    known = [card.name for card in CARDS.values() if (card.stage == "embedder") == (wanted == "embedder")]
    known = list(NLI_MODELS) if wanted == "nli" else known
    what = "NLI model" if wanted == "nli" else wanted
    plain = split_quantization(name)[0] if wanted == "model" and isinstance(name, str) else name
    if plain in known or (isinstance(plain, str) and os.path.isdir(plain)):
        return
    if plain in CARDS:
        raise BadInput(f"{parameter}: {name!r} is no {what}; there are: {', '.join(known)}")
    if not is_hub_id(plain):
        raise unknown(what, name, known)
