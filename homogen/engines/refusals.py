"""What a server's refusal means, and what mends it, in one line."""

from __future__ import annotations

from typing import NamedTuple

KEPT = "finished answers are kept, run again to go on"
"""What every error here says, as :func:`homogen.sampling.sample` writes each batch."""


class Asked(NamedTuple):
    """What a refused request was for: server, model and API, the variable with the key, log-probabilities a token."""

    server: str
    model: str
    api: str
    key_name: str
    logprobs: int | None


def refusal(code: int, said: str, asked: Asked, where: str = "", listed: str = "") -> tuple[str, bool]:
    """Say what a refusal means, and whether it is the question's own, so that others may pass.

    Parameters
    ----------
    code
        The HTTP status.
    said
        What the server says, on one line and without secrets.
    asked
        What the request was for.
    where
        Where a redirection leads, if it tells.
    listed
        The models that the server has, if it tells.

    Examples
    --------
    >>> asked = Asked("https://x.org/v1", "mine", "chat", "KEY", None)
    >>> refusal(413, "too long", asked)
    ('the server https://x.org/v1 refused the request with 413: too long', True)
    """
    server = asked.server
    if 300 <= code < 400:
        perhaps = f", perhaps {where}" if where else ""
        return (
            f"the server {server} sends requests elsewhere ({code}), where no key is sent; pass the right address as "
            f"base_url{perhaps}"
        ), False
    if code == 401:
        name = asked.key_name
        mend = f"set the environment variable {name} to a valid key" if name else "it wants a key"
        return f"the server {server} does not accept the key: {mend} ({said})", False
    if code == 403:
        return f"the server {server} does not allow this key to use {asked.model!r} ({said})", False
    if code == 404:
        has = f"it has {listed}" if listed else f"look at {server}/models"
        return f"the server {server} has no model {asked.model!r} in its {asked.api} API; {has} ({said})", False
    if code == 429:
        return f"the quota of {server} is used up ({said}); {KEPT}", False
    if code in (400, 422):
        if refused := [name for name in ("top_k", "repetition_penalty") if name in said]:
            mend = "pass dialect='openai', or 'transformers' for transformers serve"
            return f"the server {server} does not take {' and '.join(refused)}: {mend} ({said})", False
        if asked.logprobs is not None and "logprobs" in said:
            return (
                f"the server {server} does not give {asked.logprobs} log-probabilities a token: ask for fewer, or pass "
                f"logprobs=None ({said})"
            ), False
    # A prompt that is too long, or that a filter refuses: others may pass.
    return f"the server {server} refused the request with {code}: {said}", code in (400, 413, 422)
