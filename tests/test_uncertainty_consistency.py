import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homogen import BadInput
from homogen import uncertainty as u

NAN = np.nan
LOST = [NAN] * 3


def test_selfcheck_by_hand_and_batched():
    # cosines with (1, 0): 1, 0.6, -1 -> mean 0.2
    samples = [[5.0, 0.0], [3.0, 4.0], [-2.0, 0.0], [NAN, NAN]]
    np.testing.assert_allclose(u.selfcheck([[2.0, 0.0]], [samples])[0], 0.8, rtol=1e-12)
    batch = u.selfcheck(
        [[2.0, 0.0], [NAN, NAN], [1.0, 0.0], [0.0, 1.0]], [samples, samples, [[NAN, NAN]], [[0.0, 9.0]]]
    )
    np.testing.assert_allclose(batch, [0.8, NAN, NAN, 0.0], rtol=1e-12)
    assert np.isnan(u.selfcheck([[1.0, 0.0]], [[]])[0])


def test_selfcheck_nli_by_hand():
    # contradiction among the decided: 0.2/0.8, 0.3/0.4, none decided
    P = [[0.6, 0.2, 0.2], [0.1, 0.6, 0.3], [0.0, 1.0, 0.0], LOST]
    np.testing.assert_allclose(u.selfcheck_nli([P])[0], 0.5, rtol=1e-15)
    np.testing.assert_allclose(u.selfcheck_nli([P, P[:1], [LOST], [], [[0, 1, 0]]]), [0.5, 0.25, NAN, NAN, NAN])
    assert u.selfcheck_nli([[[1.0, 0.0, 0.0]] * 5])[0] == 0
    assert u.selfcheck_nli([[[0.0, 0.0, 1.0]] * 5])[0] == 1
    assert np.isnan(u.selfcheck_nli([[]])[0])
    # sentences of one greedy answer: an array a sentence, then their mean
    assert u.selfcheck_nli([P, P[:1]]).mean() == pytest.approx(0.375)


def slow_sindex(V, threshold=0.95):
    """The released script's way, pair by pair."""
    V = V / np.linalg.norm(V, axis=1, keepdims=True)
    clusters = []
    for i in range(len(V)):
        for c in clusters:
            if sum(1 - V[i] @ V[j] for j in c) / len(c) <= 1 - threshold + 1e-12:
                c.append(i)
                break
        else:
            clusters.append([i])
    total = 0.0
    for c in clusters:
        pairs = [V[a] @ V[b] for x, a in enumerate(c) for b in c[x + 1 :]]
        p = len(c) / len(V) * (np.mean(pairs) if pairs else 1.0)
        total -= p * np.log(p)
    return total


def test_sindex_by_hand():
    # Angles 0, 10, 90 degrees: cos 10 = 0.9848 joins the first; p' = (2/3) 0.9848 and 1/3.
    angles = np.radians([0, 10, 90])
    V = np.c_[np.cos(angles), np.sin(angles)]
    p = np.array([2 / 3 * np.cos(np.radians(10)), 1 / 3])
    np.testing.assert_allclose(u.sindex([V])[0], -(p * np.log(p)).sum(), rtol=1e-10)
    np.testing.assert_allclose(u.sindex([V], threshold=0.99)[0], np.log(3), rtol=1e-10)
    assert u.sindex([np.ones((4, 3))], threshold=1)[0] == 0
    assert np.isnan(u.sindex([[[1.0, 0.0], [NAN, NAN]]])[0])
    assert np.isnan(u.sindex([[[NAN, NAN]]])[0])
    assert np.isnan(u.sindex([[]])[0])
    np.testing.assert_array_equal(u.sindex([np.empty((0, 3)), np.ones((2, 3))]), [NAN, 0])
    assert u.sindex([np.eye(2), np.eye(3)]).shape == (2,)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.integers(2, 9), st.sampled_from([0.5, 0.9, 0.95]))
def test_sindex_agrees_with_a_loop(seed, n, threshold):
    V = np.random.default_rng(seed).normal(1, 0.3, (n, 4))
    np.testing.assert_allclose(u.sindex([V], threshold)[0], slow_sindex(V, threshold), atol=1e-10)


def test_identical_embeddings_score_exactly_zero():
    rng = np.random.default_rng(1)
    for _ in range(50):
        vector = rng.normal(size=384)
        assert u.sindex([np.tile(vector, (10, 1))])[0] == 0
        assert u.selfcheck([vector], [np.tile(vector, (5, 1))])[0] == 0


def test_semantic_density_by_hand():
    # weights 0.6 and 0.2, distances 0 and 0.75
    s, lp = [1.0, 0.25], np.log([0.6, 0.2])
    np.testing.assert_allclose(u.semantic_density([s], [lp])[0], 0.2 * 0.75 / 0.8, rtol=1e-14)
    # a repeated text counts once, with the highest probability given for it; empty texts and NaN are missing
    s, lp = [1.0, 0.25, 1.0, 0.0, 0.0, NAN], np.log([0.6, 0.2, 0.5, 0.9, 0.9, 0.9])
    np.testing.assert_allclose(
        u.semantic_density([s], [lp], [["y", "n", "y", " ", None, "?"]])[0], 0.2 * 0.75 / 0.8, rtol=1e-14
    )
    assert u.semantic_density([[1.0, 1.0]], [[-1.0, -5.0]])[0] == 0
    assert u.semantic_density([[0.0, 0.0]], [[-1.0, -5.0]])[0] == 1
    assert u.semantic_density([[0.5]], [[-900.0]])[0] == 0.5  # one answer is enough, however unlikely
    batch = u.semantic_density([[1.0, 0.25], [NAN], [1.0], []], [np.log([0.6, 0.2]), [-1.0], [NAN], []])
    np.testing.assert_allclose(batch, [0.1875, NAN, NAN, NAN], rtol=1e-14)
    assert np.isnan(u.semantic_density([[]], [[]])[0])
    # how likely an answer that is there was must be known, as for semantic entropy; a missing one's plays no part
    assert np.isnan(u.semantic_density([[0.5, 0.0]], [[-1.0, NAN]])[0])
    assert u.semantic_density([[0.5, NAN]], [[-1.0, NAN]])[0] == 0.5
    assert u.semantic_density([[0.5, 0.0]], [[-1.0, NAN]], [["y", ""]])[0] == 0.5


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 9))
def test_semantic_density_agrees_with_the_formula_and_with_lm_polygraphs_reading(seed, n):
    rng = np.random.default_rng(seed)
    entail, neutral, contradict = rng.dirichlet(np.ones(3), n).T
    lp = rng.normal(-1, 0.3, n).clip(max=0)
    answers = rng.choice(["a", "b", "c", "d"], n)
    first = [list(answers).index(a) for a in sorted(set(answers))]
    lp = lp[[list(answers).index(a) for a in answers]]  # the same words have the same probability
    s = entail + neutral / 2
    s = s[[list(answers).index(a) for a in answers]]
    squared = (contradict + neutral / 2)[first]
    weight = np.exp(lp[first])
    np.testing.assert_allclose(
        u.semantic_density([s], [lp], [answers])[0],
        1 - (weight * (1 - squared)).sum() / weight.sum(),
        rtol=1e-10,
        atol=1e-12,
    )
    # lm-polygraph counts the judged answer, of probability p, as one more of kernel 1
    p = 0.4
    polygraph = ((weight * (1 - squared)).sum() + p) / (weight.sum() + p)
    ours = u.semantic_density([[*s, 1.0]], [[*lp, np.log(p)]], [[*answers, "judged"]])[0]
    np.testing.assert_allclose(ours, 1 - polygraph, rtol=1e-10, atol=1e-12)
    order = rng.permutation(n)
    assert (
        u.semantic_density([s[order]], [lp[order]], [answers[order]])[0] == u.semantic_density([s], [lp], [answers])[0]
    )


def test_cocoa_by_hand():
    # mean distance of 0, 0.5, 1 is 0.5
    assert u.cocoa([3.0], [[1.0, 0.5, 0.0, NAN]])[0] == 1.5
    np.testing.assert_array_equal(
        u.cocoa([3.0, 3.0, NAN, 3.0, 0.0], [[1.0, 1.0], [0.0], [0.5], [NAN], [0.5]]), [0, 3, NAN, NAN, 0]
    )
    assert u.cocoa([], []).shape == (0,)
    assert u.cocoa([-1e-6], [[0.5]])[0] == 0  # rounding
    assert u.cocoa([1.0], [[-1.0]])[0] == 2


@given(st.floats(0, 20), st.lists(st.floats(0, 1), min_size=1, max_size=9), st.randoms())
def test_cocoa_is_a_product_in_any_order(doubt, similarity, random):
    score = u.cocoa([doubt], [similarity])[0]
    assert score == pytest.approx(doubt * (1 - np.mean(similarity)), abs=1e-12)
    random.shuffle(similarity)
    assert u.cocoa([doubt], [similarity])[0] == score


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: u.selfcheck([[1.0, 0.0]], []), "greedy answers of 1 questions but samples of 0"),
        (lambda: u.selfcheck([[1.0, 0.0]], [[[1.0, 0.0, 0.0]]]), "2 and 3 dimensions"),
        (lambda: u.selfcheck([[0.0, 0.0]], [[[1.0, 0.0]]]), "no direction"),
        (lambda: u.selfcheck([[1.0, 0.0]], [[1.0, 0.0]]), r"one \(N, d\) array a question, got .* for question 0"),
        (lambda: u.sindex([np.eye(2), np.zeros((2, 2))]), "question 1: embedding 0 is zero"),
        (lambda: u.sindex([[[1.0, 0.0], [np.inf, 0.0]]]), "infinite"),
        (lambda: u.sindex([[[1.0, 0.0], [1.0]]]), "question 0: embeddings: must be numbers in rows of equal length"),
        (lambda: u.sindex([np.eye(2)], threshold=0), "threshold"),
        (lambda: u.sindex([np.eye(2)], threshold=1.1), "threshold"),
        (lambda: u.selfcheck_nli([[[0.5, 0.5]]]), r"question 0: .* shape \(k, 3\)"),
        (lambda: u.selfcheck_nli([[[1, 0, 0]], [[0.5, 0.5, 0.5]]]), "question 1: .* add up to 1"),
        (lambda: u.selfcheck_nli([[[1.5, -0.5, 0.0]]]), "question 0: .* lie in"),
        (lambda: u.semantic_density([[0.5]], [[-1.0, -1.0]]), "question 0: 1 similarities but 2 log-prob"),
        (lambda: u.semantic_density([[0.5]], [[-1.0]], [["a", "b"]]), "question 0: 1 similarities but 2 answers"),
        (lambda: u.semantic_density([[0.5]], []), "1 questions but log-probabilities of 0"),
        (lambda: u.semantic_density([[0.5]], [[-1.0]], []), "1 questions but answers of 0"),
        (
            lambda: u.semantic_density([[0.5], [1.5]], [[-1.0], [-1.0]]),
            r"question 1: similarities must lie in \[0, 1\]",
        ),
        (lambda: u.semantic_density([[0.5]], [[0.5]]), "question 0: log-probabilities must be finite and at most 0"),
        (
            lambda: u.semantic_density([[0.5]], [[-np.inf]]),
            "question 0: log-probabilities must be finite and at most 0",
        ),
        (lambda: u.cocoa([-1.0], [[0.5]]), "question 0: uncertainty below 0"),
        (lambda: u.cocoa([1.0, np.inf], [[0.5], [0.5]]), "question 1: uncertainty below 0 or infinite"),
        (lambda: u.cocoa([1.0], [[0.5], [0.5]]), "similarities of 2 questions"),
        (lambda: u.cocoa([1.0], [[1.5]]), "question 0: similarities must lie"),
        (lambda: u.cocoa([1.0], [[[0.5]]]), "one number an answer"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(BadInput, match=message):
        call()
