"""What a request to an OpenAI-compatible server says, as plain data: no connection is made here."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping
from typing import Any

from homogen.engines import endings
from homogen.engines.endings import Prompt
from homogen.engines.seeds import request_seed
from homogen.records import BadInput, SamplingSpec, prompt_template

LIMIT, THINKING = "max_tokens", "chat_template_kwargs"
"""Fields that a server may not know: it then wants another name for the first, and goes without the second."""


@dataclasses.dataclass(frozen=True)
class Dialect:
    """How a client speaks to a server; the fields are those of :class:`homogen.engines.OpenAIEngine`."""

    model: str
    api: str
    name: str
    logprobs: int | None
    thinking: bool
    extra_body: Mapping[str, Any]

    def check(self, spec: SamplingSpec) -> None:
        """Refuse a spec that cannot be said: :class:`~homogen.records.BadInput`, with the mend."""
        if self.name == "openai" and (spec.top_k or spec.repetition_penalty != 1):
            raise BadInput(
                "OpenAI's own protocol has neither top_k nor repetition_penalty; "
                "use a spec without them, or dialect 'extended' if the server takes them"
            )
        if self.api == "chat" and not prompt_template(spec.prompt).chat:
            raise BadInput(
                f"prompt {spec.prompt!r} stands outside any chat template, and the chat API puts all into one; "
                "use api 'completions'"
            )

    def body(self, prompt: Prompt, sample: int, spec: SamplingSpec, unsaid: Collection[str] = ()) -> dict[str, Any]:
        """The body of the request for one answer, without the ``unsaid`` fields; ``extra_body`` wins over all."""
        spec = endings.as_asked(sample, spec)
        greedy = spec.temperature == 0
        body: dict[str, Any] = {
            "model": self.model,
            "temperature": spec.temperature,
            "top_p": spec.top_p,
            "seed": request_seed(spec.seed, prompt.question, sample),
            "max_completion_tokens" if LIMIT in unsaid else LIMIT: spec.max_new_tokens,
        }
        if prompt.stop:
            body["stop"] = list(prompt.stop)
        body |= self._asked(prompt, spec, unsaid)
        truncation = {"top_k": spec.top_k, "repetition_penalty": spec.repetition_penalty}
        if self.name == "extended":
            body |= truncation
        elif self.name == "transformers":
            drawing = {"temperature": spec.temperature, "top_p": spec.top_p, **truncation}
            told = {"repetition_penalty": spec.repetition_penalty} if greedy else drawing
            told |= {"do_sample": not greedy, "max_new_tokens": spec.max_new_tokens}
            body["generation_config"] = json.dumps(told)
            if greedy:
                del body["top_p"]
        return {**body, **self.extra_body}

    def _asked(self, prompt: Prompt, spec: SamplingSpec, unsaid: Collection[str]) -> dict[str, Any]:
        """The question, and what is wanted of the answer's tokens, in the words of either API."""
        template = prompt_template(spec.prompt)
        if self.api != "chat":
            wanted = {} if self.logprobs is None else {"logprobs": self.logprobs}
            return {"prompt": template.plain(prompt.text), **wanted}
        system = [{"role": "system", "content": template.system}] if template.system else []
        asked: dict[str, Any] = {"messages": [*system, {"role": "user", "content": prompt.text}]}
        if not self.thinking and THINKING not in unsaid:
            asked[THINKING] = {"enable_thinking": False}
        if self.logprobs is not None:
            asked |= {"logprobs": True, "top_logprobs": self.logprobs}
        return asked

    def unknown(self, body: Mapping[str, Any], said: str) -> str:
        """The dispensable field that a server's refusal of a body is about; "" if it is about none."""
        mine = body.keys() - self.extra_body.keys()
        if "max_completion_tokens" in said and LIMIT in mine:
            return LIMIT
        return THINKING if THINKING in said and THINKING in mine else ""
