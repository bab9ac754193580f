"""Draw answers with vLLM on a GPU: thousands at a time, for full benchmarks and models of several billion weights.

vLLM is an optional extra (``pip install -e '.[vllm]'``) and is imported when an engine is made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from homogen.engines import endings
from homogen.engines.bounds import entropy_bounds
from homogen.engines.endings import Prompt
from homogen.engines.seeds import request_seed
from homogen.models.catalogue import Unavailable
from homogen.models.devices import pick_device
from homogen.models.load import asked_in_template, in_template
from homogen.models.memory import check_room
from homogen.models.weights import resolve_weights
from homogen.records import GREEDY, BadInput, PromptTemplate, Response, SamplingSpec, prompt_template

ENGINE_VERSION = 2
"""Raise when the same spec would be asked for, or read, in another way than before."""

WINDOW = 4096
"""Longest prompt and answer together, in tokens, where nothing else is said."""

FULL_ROWS, ROWS = 64, 8192
"""Answers to hand over in one call, with the whole vocabulary's log-probabilities and with a few."""


class VLLMEngine:
    """A model in vLLM, offline, in bfloat16.

    Each answer is a request of its own with its own seed; prompts are shared by prefix caching, so ten answers to a
    question read it once. In bfloat16 the batch moves logits in their last digits: sample ``k`` of a question comes
    out the same as long as no two candidates are that close, not always.

    Log-probabilities are those of the untouched distribution (``logprobs_mode="raw_logprobs"``): T = 1, before
    truncation and penalty.

    Parameters
    ----------
    model
        A card's name, a folder, or a hub id ``owner/name``, as in :func:`homogen.models.load_model`.
    top_logprobs
        Likeliest tokens whose log-probabilities are kept at each step; entropies are then bounded
        (:func:`~homogen.engines.entropy_bounds`). None keeps the whole vocabulary: exact entropies, some 150,000
        numbers a token in main memory, and slow; good for short answers.
    max_model_len
        Longest prompt and answer together, in tokens; None takes 4096, or what the model was made for if that is less.
        The cards' memory is set aside for it.
    tensor_parallel_size
        GPUs that share the model; None takes all that are here.
    thinking
        False tells a reasoning model's chat template not to reason.
    **options
        For ``vllm.LLM``, such as ``gpu_memory_utilization`` or ``quantization``; they count in the run's key.

    Attributes
    ----------
    identity : dict
        What can change an answer: engine, versions, weights, precision, options.
    batch_rows : int
        Answers to hand over in one call.

    Raises
    ------
    BadInput
        If vLLM is not installed, there is no GPU, or an option is unknown or out of range.
    Unavailable
        If the model cannot be had, or vLLM does not take it.
    """

    def __init__(
        self,
        model: str,
        top_logprobs: int | None = 20,
        max_model_len: int | None = None,
        tensor_parallel_size: int | None = None,
        thinking: bool = False,
        **options: Any,
    ) -> None:
        numbers = (("top_logprobs", top_logprobs, 0), ("max_model_len", max_model_len, 1))
        for name, value, low in (*numbers, ("tensor_parallel_size", tensor_parallel_size, 1)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < low):
                raise BadInput(f"{name} must be a whole number of at least {low}, or None, got {value!r}")
        if "trust_remote_code" in options:
            raise BadInput("trust_remote_code cannot be set: no program of a model's repository is run")
        self._vllm = _import_vllm()
        pick_device("cuda")
        import torch

        check_room(f"{model}:nf4" if options.get("quantization") == "bitsandbytes" else model, "cuda")
        weights, revision = resolve_weights(model, "bfloat16")
        self.model, self.top_logprobs, self.thinking = model, top_logprobs, thinking
        try:
            self._llm = self._vllm.LLM(
                model=weights,
                dtype="bfloat16",
                trust_remote_code=False,  # a model's repository brings weights, no programs
                tensor_parallel_size=tensor_parallel_size or torch.cuda.device_count(),
                max_model_len=_window(Path(weights)) if max_model_len is None else max_model_len,
                enable_prefix_caching=True,
                max_logprobs=-1 if top_logprobs is None else max(top_logprobs, 1),
                logprobs_mode="raw_logprobs",
                seed=0,
                **options,
            )
        except (OSError, ValueError, RuntimeError, TypeError) as error:
            kind = BadInput if isinstance(error, TypeError) else Unavailable
            raise kind(f"vLLM could not load {model!r}: {' '.join(str(error).split())[:240]}") from error
        self._tokenizer = self._llm.get_tokenizer()
        self._chat = asked_in_template(model, self._tokenizer)
        config = self._llm.llm_engine.model_config
        self._vocabulary = config.get_vocab_size()
        self.batch_rows = FULL_ROWS if top_logprobs is None else ROWS
        self.identity = {
            "engine": "vllm",
            "sampler": ENGINE_VERSION,
            "version": self._vllm.__version__,
            "revision": revision or getattr(config.hf_config, "_commit_hash", None) or "unknown",
            "dtype": "bfloat16",
            "top_logprobs": top_logprobs,
            "thinking": thinking,
            "options": {name: str(value) for name, value in sorted(options.items())},
        }
        if not self._chat and getattr(self._tokenizer, "chat_template", None):
            self.identity["chat template"] = "left out, a base model"

    def generate(self, prompts: Sequence[Prompt], spec: SamplingSpec) -> Iterator[Response]:
        """Answer prompts, as :class:`~homogen.sampling.Engine` says, question by question.

        Raises
        ------
        BadInput
            If a prompt is longer than the model reads.
        """
        tasks = [(Prompt(*prompt), sample) for prompt in prompts for sample in range(GREEDY, spec.n)]
        if not tasks:
            return
        template = prompt_template(spec.prompt)
        rendered = {prompt.question: self._render(prompt.text, template) for prompt, k in tasks if k == GREEDY}
        chat = self._chat and template.chat
        tokens = {question: self._encode(text, chat) for question, text in rendered.items()}
        inputs = [{"prompt_token_ids": tokens[prompt.question]} for prompt, _ in tasks]
        try:
            found = self._llm.generate(inputs, [self._params(*task, spec) for task in tasks], use_tqdm=False)
        except ValueError as error:
            raise BadInput(f"vLLM refused a prompt: {' '.join(str(error).split())[:240]}") from error
        for (prompt, sample), output in zip(tasks, found, strict=True):
            yield self._response(prompt, sample, output.outputs[0], endings.opening(rendered[prompt.question]))

    def _params(self, prompt: Prompt, sample: int, spec: SamplingSpec) -> Any:
        spec = endings.as_asked(sample, spec)
        return self._vllm.SamplingParams(
            n=1,
            temperature=spec.temperature,
            top_p=spec.top_p,
            top_k=spec.top_k,
            min_p=0.0,
            repetition_penalty=spec.repetition_penalty,
            max_tokens=spec.max_new_tokens,
            seed=request_seed(spec.seed, prompt.question, sample),
            stop=list(prompt.stop) or None,
            logprobs=-1 if self.top_logprobs is None else self.top_logprobs,
            skip_special_tokens=True,
        )

    def _render(self, text: str, template: PromptTemplate) -> str:
        """A prompt in the model's chat template where it is asked in one, as the transformers engine does it."""
        if not (self._chat and template.chat):
            return template.plain(text)
        # Templates ignore what they do not know, so a model that never reasons is told too.
        return in_template(self._tokenizer, text, template, **({} if self.thinking else {"enable_thinking": False}))

    def _encode(self, rendered: str, chat: bool) -> list[int]:
        return list(self._tokenizer(rendered, add_special_tokens=not chat)["input_ids"])

    def _response(self, prompt: Prompt, sample: int, output: Any, begun: str) -> Response:
        ids = list(output.token_ids)

        def written(count: int) -> str:
            return self._tokenizer.decode(ids[:count], skip_special_tokens=True)

        limited = output.finish_reason == "length"
        ending = endings.end(output.text, prompt.stop, limited, len(ids), written, begun)
        steps = [self._step(token, known) for token, known in zip(ids[: ending.tokens], output.logprobs, strict=False)]
        high = None if self.top_logprobs is None else [high for _, _, high in steps]
        return ending.response(prompt.question, sample, [lp for lp, _, _ in steps], [low for _, low, _ in steps], high)

    def _step(self, token: int, known: Any) -> tuple[float, float, float]:
        """Log-probability of a token, and bounds of the entropy where it was drawn.

        vLLM adds the drawn token to the likeliest where it is not one of them; its rank tells.
        """
        logprob = known[token].logprob
        if self.top_logprobs is None:
            values = [entry.logprob for entry in known.values()]
            low, _ = entropy_bounds(values, len(values))
            return logprob, low, low
        top = [entry.logprob for entry in known.values() if entry.rank is not None and entry.rank <= self.top_logprobs]
        aside = None if known[token].rank is not None and known[token].rank <= self.top_logprobs else logprob
        return logprob, *entropy_bounds(top, self._vocabulary, aside)


def _window(folder: Path) -> int:
    """Tokens to set memory aside for: at most what the model's configuration says that it reads."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        read = (config.get("text_config") or config).get("max_position_embeddings")
    except (OSError, ValueError, AttributeError, RecursionError):
        return WINDOW
    return min(read, WINDOW) if isinstance(read, int) else WINDOW


def _import_vllm() -> Any:
    try:
        import vllm
    except ImportError as error:
        raise BadInput(
            f"the engine vllm needs the package vllm ({error}); run: pip install -e '.[vllm]' in the project's folder"
        ) from None
    return vllm
