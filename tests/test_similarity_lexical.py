import doctest
import itertools
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_answers import BENCHMARK

from homogen.records import BadInput
from homogen.similarity import jaccard, rouge_l
from homogen.similarity import lexical as room


def test_doctests():
    assert doctest.testmod(room).failed == 0


def slow_jaccard(a, b, unit="word-bigram"):
    """The definition, pair by pair."""

    def bigrams(text):
        parts = text.lower().split() if unit == "word-bigram" else list(text.lower().strip())
        return {tuple(parts)} if len(parts) == 1 else set(itertools.pairwise(parts))

    x, y = bigrams(a), bigrams(b)
    return len(x & y) / len(x | y) if x and y else np.nan


def test_hand_worked_answers():
    # {the cat, cat sat, sat down} · {the cat, cat sat, sat up}: 2 of 4. "the cat": 1 of 3 with either. "Down": itself.
    S = jaccard([["the cat sat down", "The  cat sat\tup", "the cat", "Down"]])[0]
    expected = [[1, 1 / 2, 1 / 3, 0], [1 / 2, 1, 1 / 3, 0], [1 / 3, 1 / 3, 1, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(S, expected)
    assert S.dtype == np.float64


def test_character_bigrams():
    # night {ni ig gh ht}, nacht {na ac ch ht}: 1 of 7; inner spaces count: "a b" {a_, _b}.
    assert jaccard([["night", "nacht"]], unit="char-bigram")[0][0, 1] == 1 / 7
    assert jaccard([["a b", "ab"]], unit="char-bigram")[0][0, 1] == 0
    assert jaccard([[" x ", "X"]], unit="char-bigram")[0][0, 1] == 1


def test_one_word_is_not_a_pair():
    # The single element (a,) must not meet any pair that starts or ends in a.
    np.testing.assert_array_equal(jaccard([["a", "a b", "b a", "a a"]])[0], np.eye(4))


def test_a_bigram_said_twice_counts_once():
    assert jaccard([["a b a b", "a b"]])[0][0, 1] == 1 / 2


def test_empty_texts_are_missing():
    S = jaccard([["a b", "", "a b", " \n"]])[0]
    assert np.isnan(S[[1, 3]]).all()
    assert np.isnan(S[:, [1, 3]]).all()
    np.testing.assert_array_equal(S[np.ix_([0, 2], [0, 2])], 1)
    assert np.isnan(jaccard([["", ""]])[0]).all()


def test_two_fifths_reach_a_threshold_of_0_4():
    # {ab bc cd de} and {ab bc, bx}: 2 of 5
    assert jaccard([["a b c d e", "a b c x"]])[0][0, 1] >= 0.4


def test_questions_do_not_mix_and_may_be_empty():
    batch = jaccard([["a b", "b c"], [], ["a b", "a b", "c"], [""]])
    assert [S.shape for S in batch] == [(2, 2), (0, 0), (3, 3), (1, 1)]
    np.testing.assert_array_equal(batch[0], np.eye(2))
    assert jaccard([]) == []
    assert [S.shape for S in jaccard([[], []])] == [(0, 0), (0, 0)]


@settings(max_examples=60, deadline=None)
@given(BENCHMARK, st.sampled_from(["word-bigram", "char-bigram"]))
def test_agrees_with_the_pairwise_definition(benchmark, unit):
    for texts, S in zip(benchmark, jaccard(benchmark, unit=unit), strict=True):
        expected = np.array([[slow_jaccard(a, b, unit) for b in texts] for a in texts]).reshape(len(texts), len(texts))
        np.testing.assert_array_equal(S, expected)


NO_NAMES = [None, "word", [], 5, np.array(["word-bigram"] * 30)]


@pytest.mark.parametrize("unit", NO_NAMES, ids=lambda x: repr(x)[:20])
def test_an_ugly_unit(unit):
    with pytest.raises(BadInput, match="unknown unit"):
        jaccard([["a b"]], unit=unit)


def slow_rouge(a, b):
    """F-measure from the textbook table of common subsequences."""
    x, y = ("".join(c if c.isalnum() else " " for c in t.lower()).split() or t.split() for t in (a, b))
    if not x or not y:
        return np.nan
    table = np.zeros((len(x) + 1, len(y) + 1), dtype=int)
    for i, j in itertools.product(range(len(x)), range(len(y))):
        table[i + 1, j + 1] = table[i, j] + 1 if x[i] == y[j] else max(table[i, j + 1], table[i + 1, j])
    P, R = table[-1, -1] / len(y), table[-1, -1] / len(x)
    return 2 * P * R / (P + R) if P + R else 0.0


def test_rouge_l_by_hand():
    # Lin's example: "police kill the gunman" and "the gunman kill police" share "the gunman", "police killed the
    # gunman" three words of four: 1/2 and 3/4.
    S = rouge_l([["police killed the gunman", "police kill the gunman", "the gunman kill police"]])[0]
    np.testing.assert_array_equal(S, [[1, 0.75, 0.5], [0.75, 1, 0.5], [0.5, 0.5, 1]])


def test_rouge_l_of_odd_texts():
    S = rouge_l([["?!", "?!", "snake_case", "snake case", "", "Ünï", "ünï 1"]])[0]
    assert S[0, 1] == 1 and S[0, 2] == 0  # noqa: PT018
    assert S[2, 3] == 1
    assert np.isnan(S[4]).all() and np.isnan(S[:, 4]).all()  # noqa: PT018
    assert S[5, 6] == 2 / 3


@pytest.mark.parametrize(
    ("a", "b", "value"),
    [
        ("\u0926\u093f\u0932", "\u0926\u093e\u0932", 0),  # heart and lentils: vowel signs belong to the word
        ("\u092f\u0939 \u0926\u093f\u0932 \u0939\u0948", "\u092f\u0939 \u0926\u093e\u0932 \u0939\u0948", 2 / 3),
        ("\u0ba8\u0bbe\u0baf\u0bcd", "\u0ba8\u0bbe\u0baf\u0bc1", 0),  # Tamil
        ("caf\u00e9 noir", "cafe\u0301 noir", 1),
        ("can\u2019t", "can't", 1),
        ("x\u0302", "x", 0),  # a letter that has no composed form
    ],
)
def test_rouge_l_words_are_letters_with_their_marks(a, b, value):
    assert rouge_l([[a, b]])[0][0, 1] == value


@pytest.mark.parametrize("unit", ["word-bigram", "char-bigram"])
@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("caf\u00e9 noir", "cafe\u0301 noir"),
        ("You can't catch it", "You can\u2019t catch it"),
        ('say "no"', "say \u201cno\u201d"),
        ("Pa\u00adris is", "Par\u200bis is"),
        ("\ufeffParis is", "paris is"),
        ("\uac00\ub098", "\u1100\u1161\u1102\u1161"),  # Hangul in syllables and in letters
    ],
)
def test_jaccard_of_one_text_in_two_spellings_is_one(a, b, unit):
    assert jaccard([[a, b]], unit=unit)[0][0, 1] == 1


CHINESE = ["法国的首都是巴黎", "巴黎是法国的首都"]


@pytest.mark.parametrize("measure", [jaccard, rouge_l])
@pytest.mark.parametrize("text", [CHINESE[0], "パリはフランスの首都です", "ปารีสเป็นเมืองหลวง", "ប៉ារីសជារដ្ឋធានី"])
def test_words_of_a_script_without_spaces_warn_once_and_name_the_character_form(measure, text):
    with pytest.warns(UserWarning, match=r'without spaces.*unit="char-bigram"') as said:
        measure([[text, "Paris"], [text, *CHINESE]])
    assert len(said) == 1


def test_characters_of_a_script_without_spaces_do_not_warn():
    # eight characters, seven pairs each; 法国 国的 的首 首都 巴黎 are common: 5 of 9
    assert jaccard([CHINESE], unit="char-bigram")[0][0, 1] == 5 / 9
    # Words are parted here, or there is but a name.
    for text in ("서울은 수도이다", "Столица Париж", "The Japanese write 東京.", "यह दिल है"):
        jaccard([[text, "a b"]])
        rouge_l([[text, "a b"]])


@given(BENCHMARK)
@settings(max_examples=200, deadline=None)
def test_rouge_l_agrees_with_the_textbook_table(benchmark):
    for texts, S in zip(benchmark, rouge_l(benchmark), strict=True):
        expected = np.array([[slow_rouge(a, b) for b in texts] for a in texts]).reshape(len(texts), len(texts))
        np.testing.assert_allclose(S, expected, rtol=0, atol=1e-15)


def test_rouge_l_of_long_texts_agrees_with_the_textbook_table():
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(list("abcdef"), n)) for n in (63, 64, 65, 200)]
    expected = [[slow_rouge(a, b) for b in texts] for a in texts]
    np.testing.assert_allclose(rouge_l([texts])[0], expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("unit", ["word-bigram", "char-bigram"])
def test_a_null_character_is_a_word_like_any_other(unit):
    """Texts are split in one go with a mark between them; a text that holds the mark must not be cut there."""
    texts = ["a \0 b", "a \0", "\0", "a b", "a", "\0a", ""]
    plain = [text.replace("\0", "z") for text in texts]
    np.testing.assert_array_equal(jaccard([texts], unit=unit)[0], jaccard([plain], unit=unit)[0])


SPACES = [c for c in map(chr, range(sys.maxunicode + 1)) if c.isspace()]
PARTS = ["a", "B", "é", "Σ", "İ", "中", "😀", "\ud800", "\0", "\1", "\xff", "longer than 8: ", "longerthan8", *SPACES]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(st.sampled_from(PARTS), max_size=20).map("".join), min_size=1, max_size=5))
def test_words_are_those_that_python_finds(texts):
    expected = [[slow_jaccard(a, b) for b in texts] for a in texts]
    np.testing.assert_array_equal(jaccard([texts])[0], np.array(expected))


def test_words_that_differ_after_their_eighth_byte_are_different():
    words = ["abcdefgh", "abcdefghi", "abcdefghj", "abcdefg", "abcdefg\0", "ééééé", "éééé", "éééèe"]
    np.testing.assert_array_equal(jaccard([words])[0], np.eye(len(words)))


def test_white_space_of_every_script_parts_words():
    for space in SPACES:
        assert jaccard([[f"a{space}b", "a b"]])[0][0, 1] == 1, hex(ord(space))


def test_a_text_may_hold_every_character_below_128():
    texts = ["".join(map(chr, range(128))), "a b", "".join(map(chr, range(9)))]
    expected = [[slow_jaccard(a, b) for b in texts] for a in texts]
    np.testing.assert_array_equal(jaccard([texts])[0], np.array(expected))


@pytest.mark.parametrize("unit", ["word-bigram", "char-bigram"])
def test_blocks_of_questions_change_nothing(unit):
    rng = np.random.default_rng(5)
    sizes = [0, *rng.integers(0, 40, 150).tolist(), 3000, 0, 0, 7]  # one question is larger than a block
    benchmark = [[" ".join(rng.choice(list("abcde"), rng.integers(0, 5))) for _ in range(n)] for n in sizes]
    whole = jaccard(benchmark, unit=unit)
    assert len(whole) == len(benchmark)
    for texts, S in zip(benchmark, whole, strict=True):
        np.testing.assert_array_equal(S, jaccard([texts], unit=unit)[0])
