"""What a refusal means: one line that names the mend, and whether other questions may still pass."""

import doctest

import pytest

from homogen.engines import refusals
from homogen.engines.refusals import KEPT, Asked, refusal

ASKED = Asked("https://x.org/v1", "mine", "chat", "MY_KEY", 5)


def test_doctests():
    assert doctest.testmod(refusals).failed == 0


@pytest.mark.parametrize(
    ("code", "said", "given", "parts", "own"),
    [
        (301, "moved", {"where": "https://y.org/v1"}, ["elsewhere (301)", "perhaps https://y.org/v1"], False),
        (308, "moved", {}, ["pass the right address as base_url"], False),
        (401, "bad key", {}, ["environment variable MY_KEY to a valid key (bad key)"], False),
        (403, "no", {}, ["does not allow this key to use 'mine' (no)"], False),
        (404, "none", {"listed": "a, b"}, ["no model 'mine' in its chat API; it has a, b (none)"], False),
        (404, "none", {}, ["look at https://x.org/v1/models"], False),
        (429, "spent", {}, ["quota", KEPT], False),
        (
            400,
            "top_k and repetition_penalty?",
            {},
            ["does not take top_k and repetition_penalty: pass dialect="],
            False,
        ),
        (422, "too many top_logprobs", {}, ["does not give 5 log-probabilities a token: ask for fewer"], False),
        (400, "too long", {}, ["refused the request with 400: too long"], True),
        (413, "too large", {}, ["refused the request with 413"], True),
        (422, "filtered", {}, ["refused the request with 422"], True),
        (500, "oops", {}, ["refused the request with 500"], False),
        (413, "top_k", {}, ["refused the request with 413"], True),
    ],
)
def test_what_a_refusal_means(code, said, given, parts, own):
    line, alone = refusal(code, said, ASKED, **given)
    assert alone is own
    assert line.count("https://x.org/v1") == 1 + ("/models" in line)
    assert "\n" not in line
    assert all(part in line for part in parts)


def test_without_key_or_log_probabilities_nothing_is_said_of_them():
    bare = ASKED._replace(key_name="", logprobs=None)
    assert "it wants a key" in refusal(401, "who?", bare)[0]
    assert refusal(400, "logprobs?", bare) == (
        "the server https://x.org/v1 refused the request with 400: logprobs?",
        True,
    )
