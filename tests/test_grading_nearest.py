"""Grading by the nearest reference: shared words and embeddings."""

import doctest
import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_grading_matching import BLANK, PHRASES, PRESENT, same

from homogen.grading.decide import wrong
from homogen.grading.nearest import STOP_WORDS, Overlap, embedding, overlap, overlap_wrong, words
from homogen.records import BadInput, Question


def test_doctests():
    assert doctest.testmod(sys.modules[overlap.__module__]).failed == 0


# Word overlap


def test_overlap_by_hand():
    # Content words {bats, see, well}; {bats, see} shares 2 of 3; {bats, blind} shares 1 of 4. 2/3 > 1/4 + 0.05.
    assert overlap("Bats can see well.", ["Bats can see"], ["Bats are blind"]) == Overlap(2 / 3, 1 / 4, "correct")
    assert overlap("Bats can see well.", ["Bats are blind"], ["Bats can see"]) == Overlap(1 / 4, 2 / 3, "incorrect")
    # {red, fish} against {red, bird} and {red, dog}: 1/3 each, both above 0.1
    assert overlap("red fish", ["red bird"], ["red dog"]) == Overlap(1 / 3, 1 / 3, "ambiguous")
    assert overlap("green tea", ["red bird"], ["red dog"]) == Overlap(0.0, 0.0, "no_match")
    # the best of each list counts
    assert overlap("red fish", ["cat", "red fish"], ["dog"]) == Overlap(1.0, 0.0, "correct")
    assert overlap("red fish", ["red bird"], []) == Overlap(1 / 3, 0.0, "correct")


def test_overlap_margin():
    # k of 20 words with the reference, 4 of 20 with the distractor: 0.25 is not more than 0.2 + 0.05, 0.3 is.
    words = [f"q{'abcdefghijklmnopqrst'[i]}" for i in range(20)]
    answer, distractor = " ".join(words), " ".join(words[:4])
    assert overlap(answer, [" ".join(words[:5])], [distractor]).label == "ambiguous"
    assert overlap(answer, [" ".join(words[:6])], [distractor]).label == "correct"
    # 2 of 20 and 1 of 20: within the margin, and 0.1 is not above 0.1
    assert overlap(answer, [" ".join(words[:2])], [words[0]]).label == "no_match"


def test_overlap_margin_and_floor_to_the_hundredth():
    # 2 of 18 words against 1 of 18: 0.111 exceeds 0.056 by 0.0556, more than 0.05 and less than 0.06.
    many = [f"q{letter}" for letter in "abcdefghijklmnopqr"]
    answer = " ".join(many)
    for rule in (overlap, words):
        assert rule(answer, [" ".join(many[:2])], [many[2]]).label == "correct"
        assert rule(answer, [many[2]], [" ".join(many[:2])]).label == "incorrect"
        # 1 of 9 on both sides: 0.111 is above 0.1 and below 0.12.
        assert rule(" ".join(many[:9]), [many[0]], [many[1]]).label == "ambiguous"
        # 1 of 11 on both sides: 0.091 is not.
        assert rule(" ".join(many[:11]), [many[0]], [many[1]]).label == "no_match"


@pytest.mark.parametrize(
    ("answer", "references", "distractors", "false"),
    [
        ("1945", ["1945", "It ended in 1945"], ["1944", "It ended in 1944"], 0),
        ("It ended in 1945", ["1945", "It ended in 1945"], ["1944", "It ended in 1944"], 0),
        ("You can’t catch it", ["You can't catch it"], ["You can catch it"], 0),
        ("You can't catch it", ["You can't catch it"], ["You can catch it"], 0),
        ("born in the United States", ["He was born in the U.S."], ["He was born in Kenya"], 0),
        ("1944", ["1945"], ["1944"], 1),
        ("It ended in 1944.", ["1945", "It ended in 1945"], ["1944", "It ended in 1944"], 1),
        ("You can catch it", ["You can't catch it"], ["You can catch it"], 1),
        ("You cannot catch it", ["You can't catch it"], ["You can catch it"], 0),
        ("No", ["No"], ["Yes"], 0),
        ("He is", ["He is"], ["She is"], 0),  # stop words alone
        ("she is", ["He is"], ["She is"], 1),
        ("It is he", ["He is"], ["She is"], 0),
        ("東京", ["東京"], ["京都"], 0),
        ("京都", ["東京"], ["京都"], 1),
        ("Cafe\u0301!", ["caf\u00e9"], ["bar"], 0),
        ("?!", ["?!"], ["!"], 0),
        ("the same", ["The same."], ["the SAME"], 0),  # both: it counts as right
        ("one step for man", ["one step for a man"], ["one step for man"], 1),  # the article is the question
        ("He lived in the U.S.S.R.", ["The USSR"], ["The U.S."], 0),
        ("He lived in the U. S. A.", ["The United States"], ["The U.S.S.R."], 0),
    ],
)
def test_words_know_an_answer_that_is_given_word_for_word(answer, references, distractors, false):
    question = Question("q", "t", "?", tuple(references), tuple(distractors))
    assert wrong([answer], [question], "words")[0] == false
    assert wrong([answer], [question])[0] == false  # the default without an embedder
    assert words(answer, references, distractors).label != "missing"


YES_OR_NO = [
    # An answer, references, distractors, and what it is: 0 right, 1 wrong, None if its words are compared.
    ("Yes.", ["No, they do not", "They never do"], ["Yes, they do", "They do"], 1),
    ("no", ["No, they do not"], ["Yes, they do"], 0),
    ("**No**, and yes they do, they do", ["No, they do not"], ["Yes, they do"], 0),
    ("Yes!", ["Yes, often"], ["They do not"], 0),
    ("Yes", ["Yes, often", "No, seldom"], ["No, never"], None),
    ("Yes", ["Yes, often"], ["Yes, always"], None),
    ("Yes", ["Yes, often"], ["Yes, always", "No, never"], None),
    ("Yes", ["They do"], ["No, they do not"], None),
    ("No one does", ["No, they do not"], ["Yes, they do"], None),
    ("Yesterday", ["No, they do not"], ["Yes, they do"], None),
    ("No one says", ["No one knows"], ["Yes, they do"], None),
]


@pytest.mark.parametrize(("answer", "references", "distractors", "false"), YES_OR_NO)
def test_a_yes_or_no_decides_where_references_and_distractors_do(answer, references, distractors, false):
    near_the_wrong = np.array([1.0, 0.0]), np.array([0.0, 1.0])

    def embedder(texts):
        return np.array([near_the_wrong[text in references] for text in texts])

    known = {None: 1.0, 0: 0.0, 1: 1.0}[false]
    assert embedding([answer], [references], [distractors], embedder).tolist() == [known]
    found = words(answer, references, distractors)
    assert (found == Overlap(0.0, 1.0, "incorrect")) == (false == 1)
    assert (found == Overlap(1.0, 0.0, "correct")) == (false == 0)


def test_words_by_hand():
    # {bats, not, blind}: 2 of 3 with the reference {not, blind}, 2 of 3 with the distractor {bats, blind}
    assert words("Bats aren't blind", ["not blind"], ["Bats are blind"]) == Overlap(2 / 3, 2 / 3, "ambiguous")
    # {1945, think}: 1 of 2, 0 of 3
    assert words("I think in 1945", ["1945"], ["1944"]) == Overlap(1 / 2, 0.0, "correct")
    assert words("tea", ["coffee"], []) == Overlap(0.0, 0.0, "no_match")


@given(PRESENT, st.lists(PRESENT, min_size=1, max_size=3), st.lists(PRESENT, max_size=3))
def test_a_reference_is_right_and_nothing_is_missing_whatever_the_texts(answer, references, distractors):
    assert words(references[0], references, distractors).label == "correct"
    assert words(answer, references, distractors).label != "missing"


@pytest.mark.parametrize("answer", BLANK)
def test_words_of_a_missing_answer(answer):
    assert words(answer, ["right"], ["left"]).label == "missing"
    assert math.isnan(words(answer, ["right"], ["left"]).correct)


def test_overlap_words():
    # "not" and "do" are stop words, so that a denial overlaps wholly with what it denies
    assert overlap("They do not see", ["blind"], ["They see"]) == Overlap(0.0, 1.0, "incorrect")
    # letters and apostrophes only: 1945 is no word, don't is one
    assert overlap("war 1945", ["war 1918"], ["peace"]).correct == 1
    assert overlap("don't", ["don t"], ["do"]).label == "missing"  # {do} is all stop words: nothing to compare
    assert len(STOP_WORDS) == 105
    assert {"not", "no", "who", "further"} <= STOP_WORDS
    assert "yes" not in STOP_WORDS


@pytest.mark.parametrize("answer", BLANK)
def test_overlap_of_a_missing_answer(answer):
    result = overlap(answer, ["right"], ["left"])
    assert result.label == "missing"
    assert math.isnan(result.correct)
    assert math.isnan(result.incorrect)


@pytest.mark.parametrize(
    ("rights", "wrongs"), [(["1945"], ["1944"]), (["1945"], ["war"]), (["war"], ["1945"]), (["東京"], ["京都"])]
)
def test_overlap_without_words_to_compare_is_missing_not_wrong(rights, wrongs):
    result = overlap(rights[0], rights, wrongs)
    assert result.label == "missing"
    assert math.isnan(overlap_wrong([result], "compare")[0])


@given(PRESENT, st.lists(PHRASES, min_size=1), st.lists(PHRASES))
def test_overlap_bounds_and_mirror(answer, references, distractors):
    result = overlap(answer, references, distractors)
    assert math.isnan(result.correct) or (0 <= result.correct <= 1 and 0 <= result.incorrect <= 1)
    if distractors:
        mirror = overlap(answer, distractors, references)
        swap = {"correct": "incorrect", "incorrect": "correct"}
        assert mirror.label == swap.get(result.label, result.label)


def test_the_four_conventions():
    labels = [
        Overlap(0.5, 0.1, "correct"),
        Overlap(0.1, 0.5, "incorrect"),
        Overlap(0.22, 0.2, "ambiguous"),
        Overlap(0.2, 0.22, "ambiguous"),
        Overlap(0.0, 0.0, "no_match"),
        Overlap(math.nan, math.nan, "missing"),
    ]
    nan = math.nan
    assert same(overlap_wrong(labels, "drop"), [0, 1, nan, nan, nan, nan])
    assert same(overlap_wrong(labels, "wrong"), [0, 1, 1, 1, 1, nan])
    assert same(overlap_wrong(labels, "right"), [0, 1, 0, 0, 0, nan])
    assert same(overlap_wrong(labels, "compare"), [0, 1, 0, 1, 1, nan])  # a tie counts as wrong
    for convention in ("drop", "wrong", "right"):
        assert same(overlap_wrong([o.label for o in labels], convention), overlap_wrong(labels, convention))
    assert overlap_wrong([], "drop").shape == (0,)


def test_conventions_that_do_not_fit():
    with pytest.raises(BadInput, match=r"unknown convention 'wrnog'; did you mean 'wrong'\?"):
        overlap_wrong([], "wrnog")
    with pytest.raises(BadInput, match=r"unknown overlap label 'nomatch'; did you mean 'no_match'\?"):
        overlap_wrong(["nomatch"], "drop")
    with pytest.raises(ValueError, match="needs the overlaps"):
        overlap_wrong(["correct"], "compare")


# Embeddings
class Counting:
    """An embedder that counts letters, and remembers what it was asked."""

    def __init__(self, letters="abc"):
        self.letters, self.calls = letters, []

    def __call__(self, texts):
        self.calls.append(list(texts))
        return np.array([[text.count(letter) for letter in self.letters] for text in texts])


def test_embedding_by_hand():
    # aab = (2, 1): cosine 2/√5 with a, 1/√5 with b. ab: 1/√2 with each, and a tie counts as wrong.
    answers = ["aab", "abb", "ab", "aab", "", "aab"]
    references = [["a"], ["a"], ["a"], ["b", "a"], ["a"], ["a"]]
    distractors = [["b"], ["b"], ["b"], ["b"], ["b"], []]
    nan = math.nan
    assert same(embedding(answers, references, distractors, Counting()), [0, 1, 1, 0, nan, nan])


def test_embedding_never_overrules_the_very_words_of_a_reference():
    def constant(texts):
        return np.ones((len(texts), 2))

    def void(texts):
        return np.zeros((len(texts), 2))

    answers = ["You can’t", "you can", "Maybe"]
    for embedder, other in ((constant, 1), (void, math.nan)):
        assert same(embedding(answers, [["You can't"]] * 3, [["You can"]] * 3, embedder), [0, 1, other])
    assert same(embedding(["x"], [["X."]], [["x"]], constant), [0])  # both: it counts as right


def test_embedding_ignores_length_of_vectors():
    assert same(embedding(["aaab"], [["a"]], [["b" * 50]], Counting()), [0])


def test_each_text_is_embedded_once_in_one_call():
    embedder = Counting()
    embedding(["a", "a", "b", " "], [["a", "c"]] * 4, [["b"], ["b"], [], ["bb"]], embedder)
    (texts,) = embedder.calls
    assert sorted(texts) == ["a", "b", "c"]  # nothing for a question that cannot be graded


def test_nothing_to_embed_calls_nothing():
    embedder = Counting()
    assert same(embedding(["", "a"], [["a"], ["a"]], [["b"], []], embedder), [math.nan, math.nan])
    assert embedding([], [], [], embedder).shape == (0,)
    assert embedder.calls == []


def test_a_zero_or_infinite_vector_decides_nothing():
    assert same(embedding(["x", "a"], [["a"], ["x"]], [["b"], ["b"]], Counting()), [math.nan, math.nan])
    assert same(embedding(["a"], [["b"]], [["c"]], lambda texts: np.full((len(texts), 2), np.inf)), [math.nan])


def test_embedding_refuses():
    with pytest.raises(ValueError, match="unequal lengths: 2 answers, 1 lists of references, 2 of distractors"):
        embedding(["a", "b"], [["a"]], [["b"], ["b"]], Counting())
    with pytest.raises(ValueError, match=r"shape \(1, 2\) for 2 texts"):
        embedding(["a"], [["a"]], [["b"]], lambda texts: np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"shape \(2,\) for 2 texts"):
        embedding(["a"], [["a"]], [["b"]], lambda texts: np.ones(2))
    with pytest.raises(ValueError, match="at least one reference"):
        embedding(["a"], [[]], [["b"]], Counting())
