"""Questions + spec + engine -> run: draws what a run lacks and keeps what it has."""

from __future__ import annotations

import dataclasses
import gc
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from homogen.engines.endings import Prompt
from homogen.engines.replies import Unanswered
from homogen.models.catalogue import Unavailable, split_quantization
from homogen.questions.catalogue import question_sha
from homogen.records import BadInput, Question, Response, SamplingSpec, prompt_template, unknown
from homogen.sampling.packed import PackedRun, drawn_before, packed_runs
from homogen.sampling.store import Run, RunFolder, in_order, run_key


class Engine(Protocol):
    """What :func:`sample` needs of an engine."""

    identity: dict
    batch_rows: int

    def generate(self, prompts: Sequence[Prompt], spec: SamplingSpec) -> Iterable[Response]:
        """Answer each (question id, text, stop strings) ``spec.n`` times and once greedily (``sample`` -1).

        A pair has no stop strings. The text is what is asked: ``spec.prompt`` has been put around the question, and is
        not looked at again, nor is ``spec.model``: an engine has its model. It may raise
        ``homogen.engines.replies.Unanswered`` at the end, about questions that got no answer.
        """


PATIENCE = 8
"""Questions without an answer in a row, the shortest one last, after which no more are asked: it is the server then."""


def sample(
    questions: Sequence[Question],
    spec: SamplingSpec,
    store: str | os.PathLike = "runs",
    engine: Engine | None = None,
    device: str = "auto",
    progress: bool = True,
) -> Run:
    """Draw ``spec.n`` answers and the greedy one for each question, going on where an earlier call stopped.

    The random numbers of sample ``k`` of question ``q`` depend on ``(seed, q, k)`` alone. In float32, as on a CPU, so
    does its text: not on the batch, the order of the questions, a resume or the process that drew it. In bfloat16, as
    on a GPU, what shares its batch moves the last digits of its probabilities, and now and then its text with them.
    Finished questions are never drawn twice; at most one batch is lost when the process dies.

    Parameters
    ----------
    questions
        Of one benchmark, with distinct ids.
    spec
        How to draw.
    store
        Folder that keeps runs; any subset of a benchmark's questions shares one run. What a packed run in it has is
        taken from there (:func:`homogen.sampling.pack`). While another process draws the same run, this one waits.
    engine
        Draws the answers, whatever ``spec.model`` says; None loads ``spec.model`` with transformers, if answers are
        missing from the packed run.
    device
        For that engine: ``"auto"``, ``"cpu"`` or ``"cuda"``.
    progress
        Show a bar with an estimate of the time left.

    Returns
    -------
    Run
        With one row a response, in the order of ``questions``; without those that a server did not answer, or that were
        not asked any more because it answered none for a while. A warning names them; the next call asks for them.

    Raises
    ------
    BadInput
        If there is no question, none was answered, ids repeat, the model cannot be loaded, or the store cannot be
        written.

    Examples
    --------
    >>> import homogen as hg
    >>> questions = hg.load_questions("pocket", limit=2)
    >>> spec = hg.SamplingSpec(model="smollm2-135m-instruct", n=3, seed=42)
    >>> run = hg.sample(questions, spec, store="runs")          # doctest: +SKIP
    >>> run.answers()                                           # doctest: +SKIP
    """
    questions = tuple(questions)
    _check(questions)
    template = prompt_template(spec.prompt)
    about = {
        "benchmark": questions[0].benchmark,
        "prompt": template.told(),
        "spec": dataclasses.asdict(spec),
    }
    shas = {q.id: question_sha(q) for q in questions}
    before = drawn_before(store, about)
    for run in before if engine is None else ():
        table = in_order([run.rows()], shas, spec.n)
        if len(table) == len(questions) * (spec.n + 1):
            return Run(run.key, spec, questions, table, dict(run.about["engine"]))
    try:
        engine = engine or engine_of(spec.model, device)
    except Unavailable as error:
        if not before:
            raise
        raise Unavailable(f"{_lacking(before[0], shas, spec.n)}; {error}") from error
    key = run_key(questions[0].benchmark, template, spec, engine.identity)
    same = [run.rows() for run in packed_runs(store) if run.key == key]
    folder = RunFolder(store, key, about | {"engine": engine.identity}, same)
    table, lost = folder.table(shas, spec.n), {}
    if len(_ids(table, spec.n)) < len(questions):
        with folder.writing(wait=True):
            # Read again under the lock: another process may have finished some of them since.
            have = _ids(folder.table(shas, spec.n), spec.n)
            missing = [q for q in questions if q.id not in have]
            prompts = [Prompt(q.id, template.render(q.text), template.stop) for q in missing]
            lost = _draw(engine, prompts, spec, folder, shas, progress, bool(have))
            table = folder.table(shas, spec.n)
    if lost:
        questions = _without(questions, lost, spec.model)
    have = _ids(table, spec.n)
    if left := [q.id for q in questions if q.id not in have]:
        raise BadInput(
            f"engine {type(engine).__name__} did not give the greedy and {spec.n} drawn answers to question {left[0]!r}"
        )
    if table.column("token_entropies_high").null_count < len(table):
        warnings.warn(
            f"{spec.model}: only the likeliest tokens' log-probabilities are known; token_entropies are lower bounds",
            stacklevel=2,
        )
    return Run(key, spec, questions, table, engine.identity)


def _lacking(run: PackedRun, shas: dict[str, str], n: int) -> str:
    have = set(in_order([run.rows()], shas, n).column("question_id").to_pylist())
    lost = [question for question in shas if question not in have]
    some = ", ".join([*map(repr, lost[:3]), *["…"] * (len(lost) > 3)])
    return (
        f"the answers kept in {run.path} lack {len(lost)} of the {len(shas)} questions, or were given to another "
        f"wording of them ({some})"
    )


ENGINES = ("transformers", "vllm")
"""What can draw answers in this process, by the name that ``HOMOGEN_ENGINE`` may give."""


def engine_of(model: str, device: str = "auto", kind: str | None = None) -> Any:
    """Give the engine that :func:`sample` uses for a model, loaded once; a second model takes the first one's place.

    Parameters
    ----------
    model, device
        As in :class:`~homogen.records.SamplingSpec` and :func:`sample`.
    kind
        ``"transformers"`` or ``"vllm"``; None takes what the environment variable ``HOMOGEN_ENGINE`` says, and
        transformers where it says nothing.
    """
    return _engine(model, device, kind or engine_kind(), _stamp(model))


def engine_kind() -> str:
    """The engine that ``HOMOGEN_ENGINE`` names, transformers where it says nothing; :class:`BadInput` if unknown."""
    kind = os.environ.get("HOMOGEN_ENGINE") or ENGINES[0]
    if kind not in ENGINES:
        raise unknown("engine", kind, ENGINES)
    return kind


def _check(questions: tuple[Question, ...]) -> None:
    if not questions:
        raise BadInput("there are no questions to sample")
    if len({q.benchmark for q in questions}) > 1:
        raise BadInput("a run holds questions of one benchmark; sample each benchmark by itself")
    ids = [q.id for q in questions]
    if len(set(ids)) < len(ids):
        raise BadInput(f"question id {next(i for i in ids if ids.count(i) > 1)!r} occurs more than once")


def _ids(table: pa.Table, n: int) -> set[str]:
    """The questions of a table that has every answer of each."""
    return set(table.column("question_id").take(np.arange(0, len(table), n + 1)).to_pylist())


def _without(questions: tuple[Question, ...], lost: dict[str, str], model: str) -> tuple[Question, ...]:
    """Leave out the questions that got no answer, and say so; :class:`BadInput` if none is left."""
    kept = tuple(q for q in questions if q.id not in lost)
    some = ", ".join([*map(repr, list(lost)[:3]), *["…"] * (len(lost) > 3)])
    reason = _first(lost)
    if not kept:
        raise BadInput(f"{model}: none of the {len(questions)} questions was answered ({some}): {reason}")
    warnings.warn(
        f"{model}: {len(lost)} of {len(questions)} questions were not answered and are left out ({some}): {reason}; "
        "run again to ask for them again",
        stacklevel=3,  # the caller of sample
    )
    return kept


def _draw(engine, prompts, spec, folder, shas, progress, answered) -> dict[str, str]:
    """Draw and write; give the questions that got no answer, with the reasons; :class:`BadInput` if all did not."""
    lost: dict[str, str] = {}
    prompts = sorted(prompts, key=lambda prompt: (len(prompt.text), prompt.question))
    size = max(1, getattr(engine, "batch_rows", 64) // (spec.n + 1))
    # Batches take prompts of like length, longest first: the estimate then errs on the safe side.
    batches, silent = [prompts[i : i + size] for i in range(0, len(prompts), size)], 0
    with tqdm(
        total=len(prompts) * (spec.n + 1),
        desc=f"sampling {spec.model}",
        unit="answer",
        disable=not progress or bool(os.environ.get("TQDM_DISABLE")),
        file=sys.stderr,
    ) as bar:
        while batches:
            # What is too long for a server is no sign that it has gone: ask shorter ones, the shortest before the end.
            last = silent > 0 and silent + size >= PATIENCE
            batch = batches.pop(0 if last else (len(batches) - 1) >> silent)
            responses = []
            try:
                for response in engine.generate(batch, spec):
                    responses.append(response)
                    bar.update()
            except Unanswered as error:
                lost |= error.questions
                silent += len(error.questions)
            whole = [r for r in responses if r.question_id not in lost]
            if whole:
                folder.write(sorted(whole, key=lambda r: (r.question_id, r.sample)), shas)
                answered, silent = True, 0
            if last and silent >= PATIENCE:
                if not answered:
                    raise BadInput(f"none of the first {len(lost)} questions was answered: {_first(lost)}")
                reason = list(lost.values())[-1]
                lost |= {prompt.question: reason for rest in batches for prompt in rest}
                break
    return lost


def _first(lost: dict[str, str]) -> str:
    """The first reason, on one line."""
    return " ".join(next(iter(lost.values())).split())


def _stamp(model: str) -> tuple:
    """Name, size and time of a model's own files: weights that were trained anew are loaded anew."""
    path = Path(model)
    files = path.iterdir() if path.is_dir() else [path] if path.is_file() else []
    return tuple(sorted((p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in files))


_loaded: dict[tuple, Any] = {}
"""The one engine that is in memory, by what it was made of."""


def forget() -> None:
    """Let go of the model that is kept in memory from one call of :func:`sample` to the next."""
    _loaded.clear()
    gc.collect()
    if (torch := sys.modules.get("torch")) is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _engine(*wanted: Any) -> Any:
    if wanted not in _loaded and _loaded:
        # A card must have the first model's memory back before the second one is measured against what is free.
        forget()
    if wanted not in _loaded:
        _loaded[wanted] = _load(*wanted)
    return _loaded[wanted]


def _load(model: str, device: str, kind: str, stamp: tuple) -> Any:
    if kind == "transformers":
        from homogen.engines.transformers import TransformersEngine

        return TransformersEngine(model, device)
    from homogen.engines.vllm import VLLMEngine

    plain, level = split_quantization(model)
    if level not in ("", "nf4"):
        raise Unavailable(f"vLLM does not draw from {model!r}; unset HOMOGEN_ENGINE, or take {plain} or {plain}:nf4")
    return VLLMEngine(plain, **({"quantization": "bitsandbytes"} if level else {}))
