import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homogen import BadInput
from homogen import uncertainty as u

NAN = np.nan


def test_p_true_by_hand():
    np.testing.assert_allclose(u.p_true([np.log(0.3)])[0], 0.7, rtol=1e-15)
    # 0.3 of 0.3 + 0.1
    np.testing.assert_allclose(u.p_true([np.log(0.3)], [np.log(0.1)])[0], 0.25, rtol=1e-15)
    np.testing.assert_allclose(u.p_true([0.0, NAN, -np.log(4)]), [0, NAN, 0.75])
    np.testing.assert_allclose(u.p_true([np.log(0.5), -1.0], [np.log(0.5), NAN]), [0.5, NAN])
    assert u.p_true([]).shape == (0,)
    assert u.p_true([1e-6])[0] == 0
    # neither probability can be told from 0, their ratio can
    np.testing.assert_allclose(u.p_true([-800.0], [-801.0])[0], 1 / (1 + np.e), rtol=1e-12)


@given(st.floats(-50, 0), st.floats(0, 10))
def test_p_true_falls_as_the_probability_rises(low, more):
    high = min(low + more, 0.0)
    assert 0 <= u.p_true([high])[0] <= u.p_true([low])[0] <= 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: u.p_true([0.5]), "question 0: log-probability above 0"),
        (lambda: u.p_true([-1.0, -np.inf]), "question 1: log-probability above 0 or infinite"),
        (lambda: u.p_true([-1.0], [-1.0, -1.0]), "shapes"),
        (lambda: u.p_true([[-1.0]]), "one number a question"),
        (lambda: u.p_true([-1.0, -0.1], [-1.0, -0.1]), "question 1: P"),
        (lambda: u.p_true("yes"), "numbers"),
        (lambda: u.verbalized_confidence(["85%", 0.85]), "question 1: must be a text"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(BadInput, match=message):
        call()


STATED = {
    "85%": 0.85,
    " 85 %\n": 0.85,
    "85 percent": 0.85,
    "85 per cent, I think": 0.85,
    "Confidence: 85/100": 0.85,
    "85 out of 100": 0.85,
    "I'd give it 7/10.": 0.7,
    "7.5 out of 10": 0.75,
    "0.85": 0.85,
    ".85": 0.85,
    "0,85": 0.85,
    "85,5 %": 0.855,
    "99.9%": 0.999,
    "0.85%": 0.0085,
    "1.0": 1,
    "0": 0,
    "0%": 0,
    "100.0%": 1,
    "85": 0.85,
    "Confidence: 85": 0.85,
    "Confidence level = 0.85.": 0.85,
    "Confidence:\n85%": 0.85,
    "Confidence: - 85%": 0.85,  # a dash, not a sign
    "Probability is 0.3": 0.3,
    "a probability of 0.3": 0.3,
    "Guess: 3\nP: 0.85": 0.85,
    "８５％": 0.85,  # full width
    "I say ８５％, friend": 0.85,
    "85٪": 0.85,  # the Arabic sign
    "about 85%": 0.85,
    "~85%": 0.85,
    "In 1969 they landed. 85%": 0.85,
    "It is 384,400 km away (90%)": 0.9,
    "60% of people say so. Confidence: 85%.": 0.85,
    "60% of people say so, and I am 85% sure": 0.85,
    "85% sure, so 85 percent.": 0.85,
    "The Earth is not flat. Confidence: 85%": 0.85,
    "I'm 90% confident, not that it matters": 0.9,
    "Confidence (0-100): 85": 0.85,
    "Confidence (0–100): 8": 0.08,
    "Confidence (0-100%): 85%": 0.85,
    "Confidence level (0 to 1): 0.85": 0.85,
    "Confidence (0.0-1.0): 1": 1,
    "Confidence (1-10): 8": 0.8,
    "Confidence (out of 10): 8": 0.8,
    "Confidence (in %) = 8": 0.08,
    "Confidence (my own): 85": 0.85,
    "Confidence (85%): high": 0.85,
    "My confidence is 85": 0.85,
    "My confidence is 85. Paris has 3 airports.": 0.85,
    "(my confidence is 85)": 0.85,
    "P(True) = 0.8": 0.8,
    "P(correct): 80": 0.8,
    '{"confidence": 85}': 0.85,
    '{"confidence": 0.85}': 0.85,
    '{"confidence": "85%"}': 0.85,
    "{'confidence': 85}": 0.85,
    '{"answer": "Paris", "confidence": 85}': 0.85,
    '{"answer":"No","confidence":85}': 0.85,
    '{"confidence":85,"answer":"not"}': 0.85,
    '{"confidence_score": 85}': 0.85,
    '{"Confidence": 85.5}': 0.855,
    '```json\n{"answer": "Paris",\n "confidence": 85\n}\n```': 0.85,
    '{"probability": 0.3}': 0.3,
    "<confidence>85</confidence>": 0.85,
    "<answer>No</answer><confidence>85%</confidence>": 0.85,
    "<answer>Paris</answer>\n<confidence>0.85</confidence>": 0.85,
    "<Confidence> 85 </Confidence>": 0.85,
    '<answer confidence="85">x</answer>': 0.85,
    "<confidence>\n85\n</confidence>": 0.85,
    "**Confidence**: 85": 0.85,
    "**Confidence:** 85": 0.85,
    "Confidence: **85**": 0.85,
    "85% chance": 0.85,
    "85% right": 0.85,
    "I'm 9/10 sure": 0.9,
    "7/10 that it is so": 0.7,
    "85% that it is Paris": 0.85,
    "71% of the Earth is water. Confidence: 85%": 0.85,
    "P: 0.85": 0.85,
    "Guess: Paris\nP: 0.85": 0.85,
    "Confidence: 85% of my best": 0.85,
    "p = 0.05. Confidence: 85%": 0.85,
    "confidence=85": 0.85,
    "Confidence: 9/10": 0.9,
    "Confidence: 9 out of 10 points": 0.9,
    '<confidence value="85"/>': 0.85,
    '{"P(True)": 0.8}': 0.8,
    '{"p_true": 0.8}': 0.8,
    "Paris (85%)": 0.85,
    "I would rate my answer as 85%.": 0.85,
    "The proposed answer is 100% correct, but": 1.0,
    "The answer is 90%.\n\nTo calculate the": 0.9,
    "The turnout was 71%. I am 85% sure": 0.85,
}


def test_a_stated_confidence_is_read():
    found = dict(zip(STATED, 1 - u.verbalized_confidence(list(STATED)), strict=True))
    assert {text: x for text, x in found.items() if x != pytest.approx(STATED[text], abs=1e-12)} == {}


NONE_ALONE = [
    "",
    "Paris",
    "quite sure",
    "I am 100% not sure 3 of 5",
    "3 of 5",
    "I'm not 85% sure",
    "I don't think it is 85%",
    "80% uncertain",
    "90% likely to be wrong",
    "The Earth is not flat (85%)",  # cannot tell what is negated
    "150%",
    "11/10",
    "-5%",
    "−5%",
    "Confidence: -5%",
    "80-90%",
    "80–90%",
    "80% to 90%",
    "70 or 80%",
    "either 20% or 70%",
    "I am 85% sure that 60% of people lie",
    "at least 90%",
    "over 90%",
    "less than 10%",
    "≥ 90%",
    "nearly 100%",
    "1,000%",
    "3.14.15%",
    "1",  # 1 % or all of it
    "Confidence: 1",
    "Confidence: 7",  # of ten, or of a hundred
    "Confidence: 7.5",
    "confidence of 3",
    "Confidence: 250",
    "2048",
    "In 2019",
    "It weighs 0.85 kg",
    "12/05/2024",
    "5/7",
    "9/100.5",
    "1e-3",
    "½",
    "GPT-4",
    "Paris. 85",  # a bare number that is not all there is
    "Confidence (0-100): 0.85",  # of one, or of a hundred
    "Confidence (1-5): 4",
    "Confidence (0-10): 85",
    "Confidence (0-1): 85",
    "Confidence (0-100)",
    "My confidence is 85 points",
    "My confidence is 7",
    "the likelihood of 50 such cases",
    "P(False) = 0.2",
    "P(A) = 0.8",
    "P(True) = 8",
    "p = 0.05",
    "p=0.05",
    "significant (p = 0.05)",
    "p < 0.05",
    "P = 0.03, so it is significant",
    "The p-value is 0.05",
    "p-value: 0.05",
    "P-value = 0.05",
    "9/10 people",
    "9/10 people agree",
    "9 out of 10 dentists",
    "7/10 of them",
    "71 % of the Earth",
    "71% of the Earth is water",
    "Water covers 71 percent of the Earth",
    "The Earth is 71% water",
    "a 95% confidence interval",
    "95% CI",
    "with 95 % confidence interval of 3",
    "9 out of 10 people are sure",
    "The turnout was 71%",
    "The unemployment rate was 5.4 %.",
    "inflation of 3%",
    "Oxygen: 21%",
    "I scored 9/10 on the test",
    "The film has 9/10 on IMDb",
    "9/10 on IMDb",
    "8/10 would recommend",
    "up 5% since 1990",
    "It is 71%",
    "71% is water",
    "at least 90%, so 85%",
    "not 85%, 90%",
    '{"confidence": 1}',
    '{"confidence": null}',
    '{"confidence": "high"}',
    '{"confidence": 8}',
    '{"confidence": 150}',
    '{"confidence": -5}',
    '{"confidence": "80-90%"}',
    "(p: 0.05)",
]


def test_what_is_no_confidence_or_not_one_alone_is_nan():
    found = dict(zip(NONE_ALONE, u.verbalized_confidence(NONE_ALONE), strict=True))
    assert {text: x for text, x in found.items() if not np.isnan(x)} == {}


@pytest.mark.parametrize("unit", ['"confidence": ', "<confidence>", 'confidence="', "9/10 ", "5% ", "\np:", "p(", "*"])
def test_a_very_long_text_is_read_in_one_pass(unit):
    score = u.verbalized_confidence([unit * (100_000 // len(unit))])[0]
    assert np.isnan(score) or 0 <= score <= 1


def test_a_list_of_texts_gives_an_array():
    np.testing.assert_allclose(u.verbalized_confidence(["85%", None, "no idea", "0.5"]), [0.15, NAN, NAN, 0.5])
    assert u.verbalized_confidence([]).shape == (0,)
    assert u.verbalized_confidence(["85%"])[0] == u.verbalized_confidence(["0.85"])[0]  # tied to the last bit


@given(st.text(alphabet="0123456789.,%/-− \nnotsure:outfPC％", max_size=20))
def test_any_text_gives_a_number_in_range_or_nan(text):
    score = u.verbalized_confidence([text])[0]
    assert np.isnan(score) or 0 <= score <= 1


def test_a_clause_is_looked_at_once_however_many_numbers_it_holds():
    # Looked at again for each of 40 000 numbers, it would take minutes.
    assert u.verbalized_confidence(["I am 85% sure of 1 2 3 4 " + "5 6 7 8 " * 10_000])[0] == 0.15
