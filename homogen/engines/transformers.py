"""Draw answers with a model in this process: one decode loop that does three jobs at once (``steps`` has each step).

Each step (1) records the log-probability and the full-vocabulary entropy of the model's own distribution, (2) draws
the next token with random numbers that belong to the sequence alone, and (3) drops finished rows from the key–value
cache, so that a batch gets cheaper as its answers end. Only the current step's logits are ever held: memory grows
with rows x vocabulary, not with length. A batch that does not fit into a card's memory is halved and tried again; what
it had finished is kept, and later batches begin smaller.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from transformers import DynamicCache

from homogen.engines import endings
from homogen.engines.endings import Prompt
from homogen.engines.steps import Row, distribution, drawn, seen_in
from homogen.models.load import LoadedModel, load_model
from homogen.models.memory import LARGE
from homogen.records import GREEDY, BadInput, Response, SamplingSpec, prompt_template

SAMPLER_VERSION = 3
"""Raise when the same spec and seed would draw other texts or statistics than before; a test pins them.

Version 2 draws the same tokens as 1, has entropies that are right to float32, and the answers of more kinds of
reasoning. Version 3 draws them too, knows a reasoning block whose opening mark the tokenizer hides, and counts no token
that wrote nothing behind the text.
"""

ROWS_ON_CPU = 160
"""Sequences that one core decodes together; more are slower."""

ROWS_OF_LARGE = 480
"""Sequences that all cores decode together of a model above 300 million weights, whose steps with few rows left are
slow: each reads all the weights."""

MOST_ROWS = 2048
"""Sequences that a card decodes together at the most; more gain nothing and lose more when a run is killed."""

SCORED_TOGETHER = 32
"""Pairs of prompt and continuation in one forward pass."""


class TransformersEngine:
    """A causal language model; in float32 its samples do not depend on the batch (in bfloat16 see the module).

    Parameters
    ----------
    model
        What :func:`homogen.models.load_model` takes, or a model it has loaded.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    workers
        Threads on the CPU, each decoding its own half (third, …) of a batch on one core, which for a small model is 1.4
        times as fast as one thread that uses two cores for each product. None: as many as torch has threads; one for a
        model above 300 million weights.
    rows
        Sequences that are decoded together by one worker. None: 160 on the CPU (480 of a model above 300 million
        weights), and on a GPU as many as its free memory holds. It halves itself where that was too many.

    Attributes
    ----------
    identity : dict
        What can change an answer: engine, sampler version, weights and precision.
    batch_rows : int
        Sequences to hand over in one call.
    """

    def __init__(
        self, model: str | LoadedModel, device: str = "auto", workers: int | None = None, rows: int | None = None
    ) -> None:
        self.model = model if isinstance(model, LoadedModel) else load_model(model, device)
        on_cpu = self.model.device == "cpu"
        large = sum(p.numel() for p in self.model.network.parameters()) > LARGE * 10**6
        self.workers = (workers or (1 if large else torch.get_num_threads())) if on_cpu else 1
        few = ROWS_OF_LARGE if large else ROWS_ON_CPU
        self.rows = rows or (few if on_cpu else rows_that_fit(self.model.network))
        self.batch_rows = self.rows * self.workers
        self.identity = {
            "engine": "transformers",
            "sampler": SAMPLER_VERSION,
            "revision": self.model.revision,
            "dtype": str(self.model.network.dtype).removeprefix("torch."),
        }
        if self.model.thinks:
            self.identity["thinking"] = "off"
        if not self.model.chat and getattr(self.model.tokenizer, "chat_template", None):
            self.identity["chat template"] = "left out, a base model"

    def generate(self, prompts: Sequence[Prompt], spec: SamplingSpec) -> Iterator[Response]:
        """Answer prompts, as :class:`~homogen.sampling.Engine` says, each when it is done."""
        done: queue.SimpleQueue = queue.SimpleQueue()
        cancelled = threading.Event()
        asked = [Prompt(*prompt) for prompt in prompts]
        shares = [asked[i :: self.workers] for i in range(min(self.workers, len(asked)))]
        threads = torch.get_num_threads()

        def work(share: list[Prompt]) -> None:
            if len(shares) > 1:
                torch.set_num_threads(1)
            try:
                self._decode_all(share, spec, done.put, cancelled)
            except BaseException as error:
                done.put(error)
            else:
                done.put(None)

        with ThreadPoolExecutor(max(len(shares), 1)) as pool:
            try:
                for share in shares:
                    pool.submit(work, share)
                running = len(shares)
                while running:
                    item = done.get()
                    if isinstance(item, BaseException):
                        raise item
                    if item is None:
                        running -= 1
                    else:
                        yield item
            finally:
                cancelled.set()
                torch.set_num_threads(threads)

    def _decode_all(self, prompts, spec, emit, cancelled) -> None:
        """Decode in batches that fit into memory, each row once, whatever has to be tried again."""
        samples = tuple(range(GREEDY, spec.n))
        waiting = [[(prompt, samples) for prompt in prompts]]
        while waiting and not cancelled.is_set():
            work = waiting.pop()
            finished: set[tuple[str, int]] = set()

            def note(response: Response, finished: set = finished) -> None:
                finished.add((response.question_id, response.sample))
                emit(response)

            size = sum(len(samples) for _, samples in work)
            # On the CPU a batch is what was handed over; there memory does not run out by a batch.
            if self.model.device != "cpu" and size > self.rows and size > 1:
                waiting += reversed(_halves(work))
                continue
            try:
                self._decode(work, spec, note, cancelled)
            except torch.OutOfMemoryError:
                left = [(prompt, tuple(k for k in ks if (prompt.question, k) not in finished)) for prompt, ks in work]
                left = [item for item in left if item[1]]
                self.rows = max(size // 2, 1)
                if size == 1:
                    raise BadInput(
                        f"model {self.model.name!r} leaves too little memory on the card for a single answer of "
                        f"{spec.max_new_tokens} tokens; take a smaller model, or {self.model.name}:nf4"
                    ) from None
                waiting += reversed(_halves(left)) if sum(len(samples) for _, samples in left) > 1 else [left]
            else:
                continue
            # Outside the handler: the error holds on to the tensors that were too many.
            torch.cuda.empty_cache()

    @torch.inference_mode()
    def _decode(self, work, spec, emit, cancelled) -> None:
        network, tokenizer, device = self.model.network, self.model.tokenizer, self.model.device
        template = prompt_template(spec.prompt)
        rendered = [self.model.wrap(prompt.text, template) for prompt, _ in work]
        ids, mask = self._encode(rendered, self.model.chat and template.chat)
        source = torch.tensor([i for i, (_, samples) in enumerate(work) for _ in samples], device=ids.device)
        rows = [
            Row(prompt, sample, spec, device, endings.opening(text))
            for (prompt, samples), text in zip(work, rendered, strict=True)
            for sample in samples
        ]
        ends = _end_tokens(network, tokenizer)

        cache = DynamicCache(config=network.config)
        # Prompts are padded on the left; without their own positions padded rows would count the padding.
        position = (mask.cumsum(-1) - 1).clamp_min_(0)
        output = network(ids, attention_mask=mask, position_ids=position, past_key_values=cache, logits_to_keep=1)
        # A prompt is read once, and its keys and values copied for each of its answers.
        _select(cache, source)
        logits = output.logits[:, -1][source]
        seen = seen_in(ids, mask, logits.shape[-1])[source] if spec.repetition_penalty != 1 else None
        mask = mask[source]
        position = mask.sum(-1, keepdim=True)

        for step in range(spec.max_new_tokens):
            logits = logits.float()
            norm = logits.logsumexp(-1, keepdim=True)
            probs, entropy = distribution(logits)
            token = drawn(logits, probs, rows, spec, seen)
            logprob = (logits.gather(1, token) - norm).squeeze(1)
            if seen is not None:
                seen.scatter_(1, token, True)
            last = step + 1 == spec.max_new_tokens
            keep = []
            values = zip(rows, token.squeeze(1).tolist(), logprob.tolist(), entropy.tolist(), strict=True)
            for i, (row, chosen, lp, h) in enumerate(values):
                if row.take(chosen, lp, h, ends, tokenizer) or last:
                    emit(row.response(tokenizer))
                else:
                    keep.append(i)
            if not keep or cancelled.is_set():
                return
            if len(keep) < len(rows):
                index = torch.tensor(keep, device=device)
                _select(cache, index)
                rows = [rows[i] for i in keep]
                token, mask, position = token[index], mask[index], position[index]
                seen = None if seen is None else seen[index]
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], 1)
            output = network(token, attention_mask=mask, position_ids=position, past_key_values=cache)
            logits, position = output.logits[:, -1], position + 1

    def _encode(self, rendered: list[str], chat: bool) -> tuple[torch.Tensor, torch.Tensor]:
        tokenizer = self.model.tokenizer
        # A chat template writes its own special tokens; a plain prompt gets the tokenizer's.
        batch = tokenizer(
            rendered,
            return_tensors="pt",
            padding=True,
            add_special_tokens=not chat,
        )
        return batch["input_ids"].to(self.model.device), batch["attention_mask"].to(self.model.device)

    @torch.inference_mode()
    def continuation_logprobs(self, prompts: Sequence[str], continuations: Sequence[str]) -> np.ndarray:
        r"""Log-probability that the model goes on from a prompt with each of some given texts.

        .. math:: \ln p(c \mid x) = \sum_t \ln p(c_t \mid x, c_{<t})

        Parameters
        ----------
        prompts
            Without the chat template, which is put around them as in :meth:`generate`.
        continuations
            For example ``["True", "False"]``: what P(True) needs. After a plain prompt a word begins with its space.

        Returns
        -------
        numpy.ndarray
            ``(len(prompts), len(continuations))`` float64, natural logarithms, of the model's own distribution.

        Raises
        ------
        BadInput
            If a continuation has no tokens.
        """
        tokenizer, device = self.model.tokenizer, self.model.device
        ends = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in continuations]
        if empty := [text for text, end in zip(continuations, ends, strict=True) if not end]:
            raise BadInput(f"continuation {empty[0]!r} has no tokens")
        starts = [
            tokenizer(self.model.wrap(text), add_special_tokens=not self.model.chat)["input_ids"] for text in prompts
        ]
        pairs = sorted(
            ((i, j) for i in range(len(starts)) for j in range(len(ends))),
            key=lambda pair: -len(starts[pair[0]]) - len(ends[pair[1]]),
        )
        found = np.zeros((len(starts), len(ends)))
        for begin in range(0, len(pairs), SCORED_TOGETHER):
            batch = pairs[begin : begin + SCORED_TOGETHER]
            width, longest = len(starts[batch[0][0]]) + len(ends[batch[0][1]]), max(map(len, ends))
            ids = torch.full((len(batch), width), tokenizer.pad_token_id, device=device)
            mask = torch.zeros_like(ids)
            for row, (i, j) in enumerate(batch):
                text = torch.tensor(starts[i] + ends[j], device=device)
                ids[row, width - len(text) :], mask[row, width - len(text) :] = text, 1
            position = (mask.cumsum(-1) - 1).clamp_min_(0)
            keep = min(longest + 1, width)
            logits = self.model.network(ids, attention_mask=mask, position_ids=position, logits_to_keep=keep).logits
            logprobs = logits[:, :-1].float().log_softmax(-1)
            steps = logprobs.gather(2, ids[:, -keep:][:, 1:, None]).squeeze(2).double().cpu().numpy()
            for row, (i, j) in enumerate(batch):
                found[i, j] = steps[row, -len(ends[j]) :].sum()
        return found

    @torch.inference_mode()
    def next_logprobs(self, prompts: Sequence[str]) -> Iterator[np.ndarray]:
        """The model's distribution over the first token of an answer, a prompt at a time.

        Parameters
        ----------
        prompts
            Without the chat template, which is put around them as in :meth:`generate`.

        Yields
        ------
        numpy.ndarray
            Log-probabilities of all tokens of the vocabulary, float64.
        """
        for text in prompts:
            ids, mask = self._encode([self.model.wrap(text)], self.model.chat)
            logits = self.model.network(ids, attention_mask=mask, logits_to_keep=1).logits[0, -1]
            yield logits.double().log_softmax(-1).cpu().numpy()


def _select(cache: DynamicCache, index: torch.Tensor) -> None:
    """Keep some rows of a cache, or repeat them; the layers of a model that is shared out lie on several cards."""
    for layer in cache.layers:
        if not hasattr(layer, "keys"):
            raise BadInput("this model keeps more than keys and values between tokens; draw from it with vLLM")
        layer.batch_select_indices(index.to(layer.keys.device))


def _halves(work: list) -> list[list]:
    """Cut a batch in two: between questions, or between the answers of the one that is left."""
    if len(work) > 1:
        return [work[: len(work) // 2], work[len(work) // 2 :]]
    ((prompt, samples),) = work
    middle = len(samples) // 2
    return [[(prompt, samples[:middle])], [(prompt, samples[middle:])]]


def rows_that_fit(network, free: int | None = None, tokens: int = 512) -> int:
    """How many sequences a card has room for beside the weights: keys, values and five copies of the logits each.

    Parameters
    ----------
    network
        On its card.
    free
        Bytes; what the card says if None.
    tokens
        Length that is reckoned with, prompt and answer.
    """
    config = network.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    keys_and_values = 2 * config.num_hidden_layers * heads * width * tokens * network.dtype.itemsize
    # The exponential noise is of double precision.
    logits = config.vocab_size * (5 * 4 + 8)
    room = torch.cuda.mem_get_info()[0] if free is None else free
    return max(1, min(MOST_ROWS, int(0.8 * room) // (keys_and_values + logits)))


def _end_tokens(network, tokenizer) -> set[int]:
    ends = getattr(network.generation_config, "eos_token_id", None)
    ends = set(ends) if isinstance(ends, list | tuple) else {ends}
    return (ends | {tokenizer.eos_token_id}) - {None}
