"""A language model as an NLI model: asked in words, answered by the likelihoods of three words.

The prompt explains the three labels and ends in a pair; what counts is how likely each label is to come next. A model
likes some label better than others whatever it is asked, so the likelihoods are divided by their mean over a few pairs
of which as many have each label. (A pair without content, "N/A" and "N/A", is the usual measure of that liking (Zhao et
al. 2021, *Calibrate Before Use*); of this task it is none, as it reads like a contradiction.) What all prompts begin
with is read once a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from homogen.models.load import LoadedModel
from homogen.nli.asking import self_check
from homogen.records import BadInput
from homogen.records.files import digest

LABELS = ("entailment", "neutral", "contradiction")
"""The words whose likelihoods are compared, in the order of an NLI model's answer."""
PROMPT = """Read a premise and a hypothesis. Say entailment if the premise makes the hypothesis certain, \
contradiction if the premise makes it impossible, and neutral if the premise leaves it open.

Premise: {premise}
Hypothesis: {hypothesis}
Relation:"""
"""What a model is asked."""
CALIBRATION = (
    ("Two dogs run over a green meadow.", "There are animals outdoors."),
    ("Anna is older than Ben, and Ben is older than Carla.", "Anna is older than Carla."),
    ("The soup is too hot to eat.", "The soup is hot."),
    ("Both lamps are broken.", "At least one lamp is broken."),
    ("A man is playing a guitar on a stage.", "The man is a famous singer."),
    ("Most guests came by bus.", "The bus was crowded."),
    ("The letter arrived on Friday.", "The letter was written by hand."),
    ("The program is written in Rust.", "The program is fast."),
    ("The shop opens at nine.", "The shop never opens before noon."),
    ("The lake is frozen from shore to shore.", "People are swimming across the lake."),
    ("The parcel weighs two kilograms.", "The parcel weighs five kilograms."),
    ("Nobody answered the door.", "The owner opened the door and answered."),
)
"""Four pairs of each label, in their order; the mean of what is said of them is what a model says anyway."""
TOKENS = {"cpu": 2**11, "cuda": 2**15}
"""Tokens of a batch on a device, beside what all its prompts begin with."""


class LanguageJudge:
    r"""Probabilities of entailment, neutral and contradiction of pairs (premise, hypothesis), by a generator.

    .. math:: P(l) \propto P(l \mid \text{pair}) \Big/ \frac{1}{12} \sum_{c} P(l \mid c)

    over the calibrating pairs :math:`c` (``CALIBRATION``), where the likelihoods of the three labels sum to 1.

    The weights are loaded when the first pair is asked about that no cache knows, and are then put to the same check as
    a cross-encoder (:func:`homogen.nli.self_check`).

    Parameters
    ----------
    load
        Gives the generator.
    name
        What identifies its weights; a cache of pairs is keyed by it and by the prompt, not by the precision.
    check
        Whether the model must pass the self-check.

    Attributes
    ----------
    name : str
        Of the weights and the prompt.
    truncated : int
        Always 0: nothing is cut.

    Raises
    ------
    BadInput
        When it is first asked: if the model fails the check, or its tokenizer begins two labels alike.
    """

    def __init__(self, load: Callable[[], LoadedModel], name: str, check: bool = True) -> None:
        self.name = f"{name}, asked in words, prompt {digest(PROMPT + repr(CALIBRATION))[:8]}"
        self.truncated = 0
        self._load, self._model, self._check = load, None, check
        self._labels: list[int] = []
        self._bias = np.zeros(3)

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Give ``(n, 3)`` float64 probabilities: entailment, neutral, contradiction."""
        if not pairs:
            return np.empty((0, 3))
        if self._model is None:
            self._begin()
        return softmax(self._logprobs(pairs) - self._bias, axis=1)

    def _begin(self) -> None:
        model = self._load()
        # After a plain prompt a word begins with its space; a chat template ends where the answer begins.
        words = [label if model.chat else f" {label}" for label in LABELS]
        first = [model.tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in words]
        if len(set(first)) < 3:
            raise BadInput(
                f"{model.name} cannot judge: its tokenizer begins two of the words {', '.join(LABELS)} alike"
            )
        self._model, self._labels = model, first
        self._bias = np.log(softmax(self._logprobs(CALIBRATION), axis=1).mean(0))
        if self._check:
            try:
                self_check(self)
            except BadInput as error:
                self._model = None  # and so it is checked again, whoever asks
                raise BadInput(f"{model.name}: {error}") from error

    def _logprobs(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Log-likelihood that each label's first token comes next, ``(n, 3)``, up to a constant a row."""
        model: Any = self._model
        texts = [
            model.wrap(PROMPT.format(premise=" ".join(a.split()), hypothesis=" ".join(b.split()))) for a, b in pairs
        ]
        ids = [model.tokenizer(text, add_special_tokens=not model.chat)["input_ids"] for text in texts]
        start = shared_length(ids)
        order = np.argsort([-len(row) for row in ids], kind="stable")
        found = np.empty((len(pairs), 3))
        room = TOKENS.get(model.device, 2**11)
        begin = 0
        while begin < len(order):
            longest = len(ids[order[begin]]) - start
            rows = order[begin : begin + max(1, room // longest)]
            found[rows] = self._forward([ids[i] for i in rows], start)
            begin += len(rows)
        return found

    def _forward(self, ids: list[list[int]], start: int) -> np.ndarray:
        import torch
        from transformers import DynamicCache

        model: Any = self._model
        with torch.inference_mode():
            device, count = model.device, len(ids)
            cache = DynamicCache(config=model.network.config)
            if start:
                head = torch.tensor([ids[0][:start]], device=device)
                model.network(head, past_key_values=cache, logits_to_keep=1)
                cache.batch_repeat_interleave(count)
            width = max(len(row) for row in ids) - start
            tokens = torch.zeros(count, width, dtype=torch.long, device=device)
            mask = torch.zeros(count, start + width, dtype=torch.long, device=device)
            mask[:, :start] = 1
            for i, row in enumerate(ids):
                own = len(row) - start
                tokens[i, :own], mask[i, start : start + own] = torch.tensor(row[start:], device=device), 1
            # Padding stands at the end: a window over the last positions would count any that stands between.
            ends = torch.tensor([len(row) - start - 1 for row in ids], device=device)
            kept, place = ends.unique(return_inverse=True)
            output = model.network(tokens, attention_mask=mask, past_key_values=cache, logits_to_keep=kept)
            rows = torch.arange(count, device=device)
            return output.logits[rows, place][:, self._labels].double().cpu().numpy()


def shared_length(ids: list[list[int]]) -> int:
    """How many tokens all rows begin with, but for their last one."""
    first, last = min(ids), max(ids)
    common = 0
    for a, b in zip(first[:-1], last[:-1], strict=False):
        if a != b:
            break
        common += 1
    return min(common, *(len(row) - 1 for row in ids)) if len(ids) > 1 else common
