"""Answers of a trained model, and how far training has moved it from its base."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from homogen import sampling
from homogen.alignment.recipe import Recipe
from homogen.alignment.training import train
from homogen.models.catalogue import Unavailable
from homogen.models.load import LoadedModel
from homogen.models.weights import revision_of
from homogen.records import BadInput, Question, SamplingSpec, prompt_template
from homogen.records.verdicts import VerdictFile

if TYPE_CHECKING:
    from homogen.sampling.store import Run

_KEPT_TOGETHER = 128  # answers a call: a kill loses no more than these
_TOGETHER = 8  # texts in one forward pass: each token has a number for every word of the vocabulary


def answers(
    recipe: Recipe,
    dose: int,
    questions: Sequence[Question],
    spec: SamplingSpec,
    store: str = "runs",
    device: str = "auto",
) -> Run:
    """Draw the answers of the model that a training has made at a dose; where the store lacks some, train it first.

    Parameters
    ----------
    recipe, dose
        Which model.
    questions, store, device
        As in :func:`homogen.sampling.sample`.
    spec
        How to draw; its model is left out of account.

    Returns
    -------
    Run
        Of what the store has nothing is trained or drawn.

    Raises
    ------
    BadInput
        As :func:`train` and :func:`homogen.sampling.sample` do.
    """
    asked = dataclasses.replace(spec, model=recipe.model(dose))
    try:
        return sampling.sample(questions, asked, store=store, device=device)
    except Unavailable:
        train(recipe, device)
        return sampling.sample(questions, asked, store=store, device=device)


def answer_logprobs(
    model: LoadedModel, prompts: Sequence[str], texts: Sequence[str], ended: Sequence[bool]
) -> np.ndarray:
    r"""Log-probability that a model gives each text as its answer.

    .. math:: \ln p(y \mid x) = \sum_t \ln p(y_t \mid x, y_{<t})

    Its difference between a trained model and its base, on answers that the trained one drew at temperature 1, has the
    divergence :math:`KL(\pi \,\|\, \pi_0)` as its mean.

    Parameters
    ----------
    model
        Of :func:`homogen.models.load_model`.
    prompts
        n texts, with what stands around a question; a chat model gets them in its template.
    texts
        n answers, none of them empty. They are split into tokens anew, which can be others than were drawn.
    ended
        Whether each answer was over; the token that ends it counts where it was.

    Returns
    -------
    numpy.ndarray
        (n,) float64, nats.

    Raises
    ------
    BadInput
        If the lengths differ, or a text is empty.
    """
    if not len(prompts) == len(texts) == len(ended):
        raise BadInput(f"unequal lengths: {len(prompts)} prompts, {len(texts)} texts, {len(ended)} ends")
    if not all(texts):
        raise BadInput(f"text {next(i for i, text in enumerate(texts) if not text)} is empty")
    space, end = ("" if model.chat else " "), model.tokenizer.eos_token or ""
    rows = []
    for prompt, text, over in zip(prompts, texts, ended, strict=True):
        asked = model.tokenizer(model.wrap(prompt), add_special_tokens=not model.chat)["input_ids"]
        given = f"{space}{text.strip()}{end if over else ''}"
        rows.append((len(asked), [*asked, *model.tokenizer(given, add_special_tokens=False)["input_ids"]]))
    found = np.empty(len(rows))
    order = sorted(range(len(rows)), key=lambda i: -len(rows[i][1]))
    for begin in range(0, len(order), _TOGETHER):
        some = order[begin : begin + _TOGETHER]
        found[some] = _scored(model, [rows[i] for i in some])
    return found


def run_logprobs(
    run: Run, model: str, samples: Sequence[int] = (0,), store: str = "runs", device: str = "auto"
) -> np.ndarray:
    """Log-probability that a model gives the answers of a run, its own or another's; kept in the store.

    Parameters
    ----------
    run
        Whose answers.
    model
        The model that is asked, by its name: the one that drew them, its base, or any other.
    samples
        Which of each question's drawn answers.
    store
        Folder that keeps what was said; what stands in it is taken without the weights. Of weights without a revision
        nothing is kept: it could be another one's.
    device
        As in :func:`homogen.sampling.sample`.

    Returns
    -------
    numpy.ndarray
        ``(questions, len(samples))``, nats; NaN where an answer is missing.

    Raises
    ------
    Unavailable
        If the weights cannot be had and the store lacks an answer.
    """
    template = prompt_template(run.spec.prompt)
    asked = [template.render(question.text) for question in run.questions]
    texts = np.array([run.column("answer", k) for k in samples], object).reshape(len(samples), len(asked)).T
    over = np.array([run.column("finish", k) for k in samples], object).reshape(texts.shape[::-1]).T == "stop"
    items = [
        (prompt, text, "over" if ended else "cut")
        for prompt, row, ends in zip(asked, texts, over, strict=True)
        for text, ended in zip(row, ends, strict=True)
    ]
    revision = revision_of(model)
    kept = None if revision is None else VerdictFile(Path(store) / "words.sqlite", f"{revision} answers")
    known = {} if kept is None else kept.read(items)
    new = [item for item in dict.fromkeys(items) if item[1] and item not in known]
    for begin in range(0, len(new), _KEPT_TOGETHER):
        some = new[begin : begin + _KEPT_TOGETHER]
        prompts, said, ends = zip(*some, strict=True)
        found = answer_logprobs(_loaded(model, device), prompts, said, [end == "over" for end in ends])
        if kept is not None:
            kept.write(some, found[:, None])
        known.update(zip(some, found[:, None], strict=True))
    return np.array([known[item][0] if item[1] else np.nan for item in items]).reshape(texts.shape)


def _loaded(model: str, device: str) -> LoadedModel:
    """The engine's own, so that a model that has just drawn is not loaded again."""
    loaded: LoadedModel = sampling.engine_of(model, device, "transformers").model
    return loaded


def _scored(model: LoadedModel, rows: list[tuple[int, list[int]]]) -> np.ndarray:
    """Of each row of tokens the log-probability of those behind its start."""
    import torch

    network: Any = model.network
    ids = torch.zeros(len(rows), max(len(tokens) for _, tokens in rows), dtype=torch.long, device=model.device)
    mask, wanted = torch.zeros_like(ids), torch.zeros_like(ids)
    for i, (start, tokens) in enumerate(rows):
        ids[i, : len(tokens)] = torch.tensor(tokens, device=model.device)
        mask[i, : len(tokens)] = 1
        wanted[i, start : len(tokens)] = 1
    with torch.inference_mode():
        logprobs = network(ids, attention_mask=mask).logits[:, :-1].float().log_softmax(-1)
        said = logprobs.gather(-1, ids[:, 1:, None])[..., 0]
        return np.asarray((said * wanted[:, 1:]).sum(1).double().cpu().numpy())
