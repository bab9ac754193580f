"""What the likeliest few tokens say about the entropy of the whole next-token distribution.

A server gives at most a handful of log-probabilities a token. The rest of the distribution is unknown, but not
free: its mass is what the known tokens leave, and none of its tokens is likelier than the last of the likeliest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from homogen.records import BadInput


def entropy_bounds(
    top_logprobs: Sequence[float], vocabulary_size: int | None = None, chosen: float | None = None
) -> tuple[float, float]:
    r"""Bound the entropy of a distribution of which only the likeliest tokens are known.

    With known probabilities :math:`p_1 \ge \dots \ge p_k`, the rest :math:`r = 1 - \sum p_i` and the entropy of the
    known part :math:`H_k = -\sum p_i \ln p_i`,

    .. math::

        H_k - m\,p_k \ln p_k - q \ln q \;\le\; H \;\le\; H_k - r \ln \frac{r}{V - k},
        \qquad m = \lfloor r / p_k \rfloor,\; q = r - m\,p_k .

    Below, the rest is packed into as few tokens as can be, as none of them exceeds :math:`p_k` (entropy is concave,
    so its minimum lies in such a corner); above, it is spread evenly over the other :math:`V - k` tokens.

    Parameters
    ----------
    top_logprobs
        Natural log-probabilities of the ``k`` likeliest tokens, in any order, shape ``(k,)``; may be empty.
    vocabulary_size
        Tokens that the model can choose from, :math:`V`; None if unknown, which leaves no upper bound.
    chosen
        Log-probability of the token that was drawn, if it is *not* among the likeliest: it is known too, but says
        nothing about how likely the others can be.

    Returns
    -------
    low, high : float
        In nats. They are equal if the whole vocabulary is known; ``high`` is NaN without a vocabulary size.

    Examples
    --------
    Half and a quarter are known. A quarter is left: one token at the least, two equal ones if there are four in all.

    >>> low, high = entropy_bounds(np.log([0.5, 0.25]), vocabulary_size=4)
    >>> round(low / math.log(2), 3), round(high / math.log(2), 3)
    (1.5, 1.75)
    >>> entropy_bounds([math.log(0.5)])
    (0.6931471805599453, nan)
    """
    top = np.asarray(top_logprobs, dtype=float).reshape(-1)
    known = top if chosen is None else np.append(top, float(chosen))
    # Servers round; a probability of 1.00002 is not a mistake worth stopping for.
    if np.isnan(known).any() or (known > 1e-3).any():
        raise BadInput(f"log-probabilities must be numbers of at most 0, got {known.tolist()}")
    p = np.exp(known)
    if p.sum() > 1.01:
        raise BadInput(f"the probabilities of {len(p)} tokens sum to {p.sum():.3g}; they cannot exceed 1")
    others = None if vocabulary_size is None else vocabulary_size - len(p)
    if others is not None and others < 0:
        raise BadInput(f"{len(p)} log-probabilities were given for a vocabulary of {vocabulary_size} tokens")
    head = -float(np.sum(p[p > 0] * np.log(p[p > 0])))
    rest = max(0.0, 1.0 - float(p.sum()))
    if others == 0 or rest == 0.0:
        return head, math.nan if others is None else head
    cap = min(1.0, float(np.exp(top.min()))) if len(top) else 1.0
    low = head + _packed(rest, cap)
    high = math.nan if others is None else max(low, head - rest * math.log(rest / others))
    return low, high


def _packed(rest: float, cap: float) -> float:
    """Entropy of a mass in as few tokens as can be, none above ``cap``."""
    if cap <= 0.0:
        return 0.0  # the k-th token is impossible, so the rest is rounding
    full = math.floor(rest / cap)
    last = max(0.0, rest - full * cap)
    return -full * cap * math.log(cap) - (last * math.log(last) if last > 0 else 0.0)
