"""One step of the decode loop: the model's own distribution, the token that is drawn from it, and the row it joins.

Drawing is an exponential race: token ``v`` wins if ``p_v / e_v`` is largest, with ``e_v`` independent standard
exponentials; ``v`` then wins with probability ``p_v`` (the Gumbel-max trick without the logarithm). Unlike inverting
the cumulative distribution, the winner changes only if two candidates tie to rounding. In float32, as on a CPU, the
text of a sample therefore does not depend on which other rows share its batch; in bfloat16, as on a GPU, the batch
moves logits in their third digit and such ties are common, so that another batch draws another, equally fair, sample.
"""

from __future__ import annotations

import numpy as np
import torch

from homogen.engines import endings
from homogen.engines.endings import Prompt
from homogen.engines.seeds import stream_seed
from homogen.records import Response, SamplingSpec

NUCLEUS_WIDTH = 1024
"""The nucleus is looked for among so many tokens first; a full sort follows only where they do not reach top_p."""


class Row:
    """One sequence while it is being drawn: its random stream, tokens and statistics."""

    def __init__(self, prompt: Prompt, sample: int, spec: SamplingSpec, device: str, begun: str = "") -> None:
        self.prompt, self.sample, self.begun = prompt, sample, begun
        self.greedy = endings.as_asked(sample, spec).temperature == 0
        self.tokens: list[int] = []
        self.logprobs: list[float] = []
        self.entropies: list[float] = []
        self.ended = False
        digest = stream_seed(spec.seed, prompt.question, sample)
        if device == "cpu":
            self.stream = np.random.Generator(np.random.SFC64(np.frombuffer(digest, np.uint32)))
        else:
            self.stream = torch.Generator(device).manual_seed(int.from_bytes(digest[:7]))

    def race(self, out: torch.Tensor) -> None:
        """Fill a row with standard exponentials.

        They are drawn in double precision: float32 generators return an exact 0 about twice in 10 million draws, and
        with a vocabulary of 50,000 a zero would hand one token in a hundred to a random word.
        """
        if isinstance(self.stream, np.random.Generator):
            out.copy_(torch.from_numpy(self.stream.standard_exponential(out.shape[0])))
        else:
            out.copy_(out.new_empty(out.shape, dtype=torch.float64).exponential_(generator=self.stream))

    def take(self, token: int, logprob: float, entropy: float, ends, tokenizer) -> bool:
        """Add a token; True if the answer is over."""
        if token in ends:
            self.ended = True
            return True
        self.tokens.append(token)
        self.logprobs.append(logprob)
        self.entropies.append(entropy)
        if self.prompt.stop:
            tail = tokenizer.decode(self.tokens[-12:], skip_special_tokens=True)
            self.ended = endings.cut(tail, self.prompt.stop) is not None
        return self.ended

    def response(self, tokenizer) -> Response:
        """Close the sequence, as every engine does (:func:`homogen.engines.endings.end`)."""

        def written(count: int) -> str:
            return tokenizer.decode(self.tokens[:count], skip_special_tokens=True)

        count = len(self.tokens)
        ending = endings.end(written(count), self.prompt.stop, not self.ended, count, written, self.begun)
        return ending.response(self.prompt.question, self.sample, self.logprobs, self.entropies)


def distribution(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Probabilities of the next token ``(rows, vocabulary)``, and their entropy in nats ``(rows,)``.

    .. math:: H = -\sum_v p_v \ln p_v

    Summed term by term, each of which is small. The shorter :math:`\operatorname{logsumexp} - \sum_v p_v z_v` is the
    difference of two large numbers: in float32 it is too high by up to 5e-3 nats, and moves with the batch. A logit of
    minus infinity is a probability of 0, and adds 0. A softmax in float32 sums to 1 within 1e-5, how well hangs on the
    processor; what it lacks is made up for: :math:`H = -\sum_v p_v \ln p_v / S + \ln S` with :math:`S = \sum_v p_v`.

    Examples
    --------
    >>> import torch
    >>> probs, entropy = distribution(torch.tensor([[0.0, 0.0, float("-inf")]]))
    >>> probs.tolist(), round(entropy.item(), 4)
    ([[0.5, 0.5, 0.0]], 0.6931)
    """
    probs = logits.softmax(-1)
    total = probs.sum(-1)
    return probs, torch.special.entr(probs).sum(-1) / total + total.log()


def drawn(logits, probs, rows, spec, seen) -> torch.Tensor:
    """Choose each row's next token, shape (rows, 1), under the spec's temperature, truncation and penalty."""
    plain = spec.temperature == 1 and spec.top_k == 0 and spec.top_p == 1 and seen is None
    if not plain:
        logits = logits if seen is None else penalize(logits, seen, spec.repetition_penalty)
        best = logits.argmax(-1, keepdim=True)
        if all(row.greedy for row in rows):
            return best
        # The maximum comes off first and the divisor stays where float32 has its inverse: else a tiny temperature
        # makes infinities, their difference NaN, and the answer nothing; so it ends in the greedy one.
        below = logits - logits.amax(-1, keepdim=True)
        probs = truncate(below.div_(max(spec.temperature, 1e-30)).softmax(-1), spec.top_k, spec.top_p)
    else:
        best = None
    noise = torch.ones_like(probs)
    for i, row in enumerate(rows):
        if not row.greedy:
            row.race(noise[i])
    token = (probs / noise).argmax(-1, keepdim=True)
    if best is not None:
        greedy = torch.tensor([[row.greedy] for row in rows], device=token.device)
        token = torch.where(greedy, best, token)
    return token


def penalize(logits: torch.Tensor, seen: torch.Tensor, penalty: float) -> torch.Tensor:
    """Make tokens already seen less likely: positive logits are divided by ``penalty``, negative ones multiplied."""
    return torch.where(seen, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


def truncate(probs: torch.Tensor, top_k: int, top_p: float) -> torch.Tensor:
    """Zero the probabilities that top-k and then nucleus truncation leave out; the rest is not renormalised.

    Tokens that tie with the last one kept are kept. A nucleus that reaches ``top_p`` to one in a million is enough:
    in float32, 0.4 + 0.25 + 0.15 + 0.1 may fall short of 0.9.

    Examples
    --------
    >>> import torch
    >>> truncate(torch.tensor([[0.5, 0.2, 0.2, 0.1]]), top_k=0, top_p=0.6)
    tensor([[0.5000, 0.2000, 0.2000, 0.0000]])
    """
    size = probs.shape[-1]
    if 0 < top_k < size:
        probs = torch.where(probs < probs.topk(top_k).values[:, -1:], 0, probs)
    if top_p < 1:
        probs = probs / probs.sum(-1, keepdim=True)
        values = probs.topk(min(NUCLEUS_WIDTH, size)).values
        reach = top_p * (1 - 1e-6)
        if bool((values.sum(-1) < reach).any()):
            values = probs.sort(descending=True).values
        before = torch.nn.functional.pad(values.cumsum(-1)[:, :-1], (1, 0))  # the mass of the likelier tokens
        inside = before < reach
        floor = values.gather(1, inside.sum(-1, keepdim=True) - 1)
        probs = torch.where(probs < floor, 0, probs)
    return probs


def seen_in(ids: torch.Tensor, mask: torch.Tensor, size: int) -> torch.Tensor:
    """Which tokens of a vocabulary stand in each row, ``(rows, size)``; where the mask is 0 there is only padding."""
    return torch.zeros(len(ids), size, dtype=torch.long, device=ids.device).scatter_add_(1, ids, mask) > 0
