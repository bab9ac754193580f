"""Print how fast answers are drawn on this machine's GPU, with transformers and, where it is installed, with vLLM.

``make bench-gpu`` runs it. The questions are TruthfulQA's where they are at hand, else those of the pocket set over and
over: what the clock sees is how many there are. Loading the model is not counted, and is printed beside.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import importlib.util
import itertools
import sys
import tempfile
import time

import torch
from bench import Table

import homogen as hg
from homogen.models.devices import describe_device, pick_device
from homogen.questions.catalogue import BENCHMARKS
from homogen.records import BadInput, Question
from homogen.sampling.drawing import ENGINES

SECONDS, TIMES = 180, 3
"""Seconds that 790 questions may take with transformers, and how many times as fast vLLM must be."""
SIZE = 790
"""Questions of TruthfulQA."""


def questions(count: int) -> list[Question]:
    """So many questions of one benchmark, each under an id of its own."""
    if BENCHMARKS["truthfulqa"].available():
        return hg.load_questions("truthfulqa", limit=count)
    pocket = itertools.islice(itertools.cycle(hg.load_questions("pocket")), count)
    return [dataclasses.replace(q, id=f"{q.id}-{i}") for i, q in enumerate(pocket)]


def draw(kind: str, spec: hg.SamplingSpec, asked: list[Question], device: str) -> tuple[float, float, int]:
    """Seconds to load the model and to draw all answers into a new store, and the tokens drawn."""
    started = time.perf_counter()
    engine = _engine(kind, spec.model, device)
    loaded = time.perf_counter()
    with tempfile.TemporaryDirectory() as store:
        # The first batch pays for kernels that are made on the way.
        hg.sample(asked[:4], dataclasses.replace(spec, seed=spec.seed + 1), store=store, engine=engine)
        begun = time.perf_counter()
        run = hg.sample(asked, spec, store=store, engine=engine)
        ended = time.perf_counter()
    tokens = sum(len(row) for row in run.table.column("token_logprobs").to_pylist())
    return loaded - started, ended - begun, tokens


def _engine(kind: str, model: str, device: str):
    if kind == "vllm":
        from homogen.engines.vllm import VLLMEngine

        return VLLMEngine(model)
    from homogen.engines.transformers import TransformersEngine

    return TransformersEngine(model, device)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--questions", type=int, default=SIZE)
    parser.add_argument("--device", default="cuda", help="cpu tries the script out; it says nothing of a GPU")
    given = parser.parse_args()
    device = pick_device(given.device)
    asked = questions(given.questions)
    spec = hg.SamplingSpec(model=given.model, n=10, temperature=1.0, max_new_tokens=40, seed=42)
    print(f"{describe_device(device)}; {len(asked)} questions of {asked[0].benchmark}, {spec.n} answers and the greedy")
    table, whole, plain = Table(), device == "cuda" and len(asked) == SIZE, None
    for kind in ENGINES:
        if kind == "vllm" and (device != "cuda" or importlib.util.find_spec("vllm") is None):
            table.row(kind, f"{TIMES}x transformers", "not installed, or no GPU", None)
            continue
        loading, seconds, tokens = draw(kind, spec, asked, device)
        gc.collect()
        if device == "cuda":
            torch.cuda.empty_cache()  # the next engine measures what is free
        here = f"{seconds:.0f} s, {tokens / seconds:,.0f} tokens/s (loaded in {loading:.0f} s)"
        if kind == "transformers":
            plain = seconds
            table.row(kind, f"under {SECONDS} s", here, seconds < SECONDS if whole else None)
        else:
            times = plain / seconds
            table.row(kind, f"{TIMES}x transformers", f"{times:.1f}x, {here}", times >= TIMES if whole else None)


if __name__ == "__main__":
    try:
        main()
    except BadInput as mistake:
        print(f"bench: {mistake}", file=sys.stderr)
        sys.exit(2)
