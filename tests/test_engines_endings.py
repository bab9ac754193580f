"""How an answer ends, and what greedy means: one rule for every engine."""

import doctest

import pytest

from homogen.engines import endings
from homogen.engines.endings import Prompt, as_asked, end, tokens_of
from homogen.records import GREEDY, Response, SamplingSpec

STOP = ("\nQ:",)


def ended(pieces, limited=True, stop=STOP, **options):
    """An answer of these tokens."""
    return end("".join(pieces), stop, limited, len(pieces), lambda m: "".join(pieces[:m]), **options)


def kept(ending):
    return ending.text, ending.answer, ending.finish, ending.tokens


def test_examples():
    assert doctest.testmod(endings).failed == 0


def test_a_prompt_is_a_tuple_and_a_pair_has_no_stop_strings():
    assert Prompt("q", "Why?") == ("q", "Why?", ())


@pytest.mark.parametrize(("limited", "finish"), [(True, "length"), (False, "stop")])
def test_the_limit_cuts_what_the_model_does_not_end(limited, finish):
    assert kept(ended(["Ro", "me"], limited)) == ("Rome", "Rome", finish, 2)


@pytest.mark.parametrize("limited", [True, False])
def test_the_first_stop_string_ends_an_answer_whatever_the_limit_did(limited):
    assert kept(ended(["Rome", "\n", "Q:", " And"], limited)) == ("Rome", "Rome", "stop", 1)
    assert kept(ended(["Rome. ", "A: x", "\nQ:"], limited, ("\nQ:", "A:"))) == ("Rome. ", "Rome.", "stop", 1)
    assert kept(ended(["\nQ:"], limited)) == ("", "", "stop", 0)
    assert kept(ended(["Rome", "\nQ:"], limited, ())) == ("Rome\nQ:", "Rome\nQ:", "length" if limited else "stop", 2)


def test_a_token_that_the_stop_string_cuts_in_two_wrote_a_part_of_the_text():
    assert kept(ended(["Ro", "me\nQ", ":"])) == ("Rome", "Rome", "stop", 2)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Rome", 2),  # neither the end token nor what is hidden behind the text
        (" Rome", 2),
        ("  Rome", 2),  # a server or a tokenizer that is free with the white space in front
        ("Ro", 1),
        ("R", 1),
        ("", 0),
        (" ", 0),
        ("Paris", 4),  # not the tokens' own text
    ],
)
def test_the_fewest_first_tokens_that_write_a_text(text, count):
    pieces = [" Ro", "me", "", "<end>"]
    assert tokens_of(text, len(pieces), lambda m: "".join(pieces[:m])) == count


def test_half_a_letter_is_none_of_the_text():
    """After the first byte of é the text so far is as long as the whole, and yet not the whole."""
    raw = "café".encode()
    assert tokens_of("café", len(raw), lambda m: raw[:m].decode("utf-8", "replace")) == 5


def test_tokens_that_are_not_the_texts_own_are_not_decoded_over_and_over():
    asked = []

    def written(count):
        asked.append(count)
        return "ab" * count

    assert tokens_of("x" * 10_000, 20_000, written) == 20_000
    assert tokens_of("ab" * 10_000, 20_000, written) == 10_000
    assert len(asked) < 40


def test_reasoning_stays_in_the_text_and_leaves_the_answer():
    assert kept(ended(["<think>", "Hm.", "</think>", " Rome"])) == ("<think>Hm.</think> Rome", "Rome", "length", 4)
    assert kept(ended(["<think>", "Hm"])) == ("<think>Hm", "", "length", 2)  # cut open: no answer was given


def test_reasoning_that_the_prompt_opened_or_the_tokenizer_hid_has_its_mark_put_in_front():
    opened = endings.opening("<|assistant|>\n<think>\n")
    assert kept(ended(["Hm", "."], begun=opened)) == ("<think>Hm.", "", "length", 2)
    for begun in (opened, ""):
        assert kept(ended(["Hm.", "</think>", "Rome"], begun=begun)) == ("<think>Hm.</think>Rome", "Rome", "length", 3)


def test_a_stop_string_within_reasoning_leaves_no_answer():
    assert kept(ended(["<think>", "Hm", "\nQ: ", "</think>Rome"])) == ("<think>Hm", "", "stop", 2)
    assert kept(ended(["Hm", "\nQ: ", "so</think>Rome"])) == ("<think>Hm", "", "stop", 1)


def test_what_was_withheld_is_no_answer_whatever_its_text_says():
    assert kept(ended(["I can", "not."], withheld=True)) == ("I cannot.", "", "length", 2)


def test_a_response_has_the_statistics_of_the_kept_tokens():
    found = ended(["Rome", "\nQ", ":"]).response("q", 2, [-1.0, -2.0, -3.0], [0.1, 0.2, 0.3], [0.4, 0.5, 0.6])
    assert found == Response("q", 2, "Rome", "Rome", "stop", (-1.0,), (0.1,), (0.4,))
    assert ended(["Rome"]).response("q", 2, [-1.0], [0.1]).token_entropies_high is None


HARD = SamplingSpec(model="tiny", temperature=0.7, top_p=0.9, top_k=40, repetition_penalty=1.1, seed=3)


def test_greedy_is_sample_minus_1_and_every_sample_at_temperature_0():
    cold = SamplingSpec(model="tiny", temperature=0, top_p=0.9, top_k=40)
    assert [as_asked(k, HARD) == HARD for k in (GREEDY, 0, 1)] == [False, True, True]
    assert [as_asked(k, cold).top_k for k in (GREEDY, 0, 1)] == [0, 0, 0]
    assert as_asked(GREEDY, HARD) == SamplingSpec(model="tiny", temperature=0, repetition_penalty=1.1, seed=3)
