import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from homogen import BadInput
from homogen import uncertainty as u

NAN = np.nan
LABELS = st.lists(st.integers(-1, 3), min_size=0, max_size=8)


def reference_entropies(labels, logprobs):
    """Discrete, renormalised, over clusters and over answers: each from its paper's formula, in loops."""
    left = [(c, lp) for c, lp in zip(labels, logprobs, strict=True) if c >= 0]
    if len(left) < 2:
        return [NAN] * 4
    clusters = sorted({c for c, _ in left})
    total = logsumexp([lp for _, lp in left])
    log_mass = {c: logsumexp([lp for other, lp in left if other == c]) for c in clusters}
    share = {c: sum(other == c for other, _ in left) / len(left) for c in clusters}
    return [
        -sum(p * np.log(p) for p in share.values()),
        -sum(np.exp(m - total) * (m - total) for m in log_mass.values()),
        -np.mean([log_mass[c] for c in clusters]),
        -np.mean([log_mass[c] for c, _ in left]),
    ]


def all_four(labels, logprobs):
    weighted = [u.semantic_entropy(labels, logprobs, normalization=name) for name in u.NORMALIZATIONS]
    return np.array([u.semantic_entropy(labels), *weighted])


def four(labels, logprobs):
    return all_four([labels], [logprobs])[:, 0]


def test_semantic_entropy_by_hand():
    # 4 answers in clusters of 2, 1, 1: (1/2) ln 2 + 2 (1/4) ln 4 = 1.5 ln 2
    np.testing.assert_allclose(u.semantic_entropy([[0, 1, 0, 2]])[0], 1.5 * np.log(2), rtol=1e-15)
    assert u.semantic_entropy([[0, 0, 0]])[0] == 0
    assert not np.signbit(u.semantic_entropy([[0, 0, 0]])[0])
    # masses 0.2 + 0.2 and 0.4: even
    np.testing.assert_allclose(u.semantic_entropy([[0, 0, 1]], [np.log([0.2, 0.2, 0.4])])[0], np.log(2), rtol=1e-14)
    # a missing answer weighs nothing, whatever is given for it
    assert u.semantic_entropy([[0, 1, -1]], [[-1.0, -1.0, NAN]])[0] == u.semantic_entropy([[0, 1]])[0]
    assert np.isnan(u.semantic_entropy([[0, 1, 1]], [[-1.0, NAN, -1.0]])[0])
    assert np.isnan(u.semantic_entropy([[0, 1], [0, 1]], [[NAN, NAN], [-1, -1]])).tolist() == [True, False]


def test_the_three_normalizations_by_hand():
    # probabilities 0.3, 0.1 | 0.2 | 0.2: masses 0.4, 0.2, 0.2 of 0.8
    labels, lp = [0, 0, 1, 2], np.log([0.3, 0.1, 0.2, 0.2])
    np.testing.assert_allclose(
        four(labels, lp)[1:],
        [
            0.5 * np.log(2) + 2 * 0.25 * np.log(4),
            -(np.log(0.4) + np.log(0.2) + np.log(0.2)) / 3,
            -(2 * np.log(0.4) + np.log(0.2) + np.log(0.2)) / 4,
        ],
        rtol=1e-14,
    )
    assert u.semantic_entropy([labels], [lp])[0] == u.semantic_entropy([labels], [lp], normalization="farquhar")[0]
    # in one cluster the renormalised form is 0, the Monte Carlo forms are minus the log of its mass
    np.testing.assert_allclose(four([0, 0], np.log([0.1, 0.3])), [0, 0, -np.log(0.4), -np.log(0.4)], atol=1e-15)


@settings(max_examples=80, deadline=None)
@given(st.lists(LABELS, min_size=1, max_size=5), st.integers(0, 999), st.sampled_from([1.0, 300.0]))
def test_semantic_entropy_agrees_with_the_definitions(questions, seed, spread):
    rng = np.random.default_rng(seed)
    logprobs = [rng.normal(-2.5 * spread, spread, len(q)).clip(max=0) for q in questions]
    together = all_four(questions, logprobs)
    for q, (labels, lp) in enumerate(zip(questions, logprobs, strict=True)):
        np.testing.assert_allclose(together[:, q], reference_entropies(labels, lp), rtol=1e-9, atol=1e-10)
        np.testing.assert_array_equal(together[:, q], four(labels, lp))  # alone as in company
        labels = np.array(labels, dtype=int)
        order = rng.permutation(len(labels))
        np.testing.assert_array_equal(four(labels[order], lp[order]), together[:, q])
        names = np.where(labels >= 0, 7 - labels, -1)  # names of clusters mean nothing
        np.testing.assert_allclose(four(names, lp), together[:, q], rtol=1e-12, atol=1e-12)
        if (labels >= 0).sum() > 1:
            assert 0 <= together[0, q] <= np.log((labels >= 0).sum()) + 1e-12


def test_equal_cluster_sizes_are_exact_ties():
    # 1 + 2 + 3 + 4 of ten in 24 orders: added up as they come, some differ in the last bit
    rng = np.random.default_rng(0)
    questions = [np.repeat(rng.permutation(4), rng.permutation([1, 2, 3, 4])) for _ in range(200)]
    assert len(set(u.semantic_entropy(questions).tolist())) == 1


def test_answers_far_less_likely_than_others_do_not_underflow():
    # e^-800 is 0 in double precision
    labels, lp = [0, 1, 1], [-1.0, -800.0, -801.0]
    mass = -800 + np.log1p(np.exp(-1))
    np.testing.assert_allclose(four(labels, lp)[1:], [0, (1 - mass) / 2, (1 - 2 * mass) / 3], rtol=1e-14, atol=1e-300)


def test_a_list_or_an_array_of_questions_gives_an_array():
    assert u.semantic_entropy(np.array([[0, 1], [0, 0]])).shape == (2,)
    assert u.semantic_entropy([[0, 1], [0, 0]], [[-1, -1], [-1, -2]]).shape == (2,)
    assert u.predictive_entropy([[-1.0, -2.0]]).shape == (1,)
    for measure in (u.semantic_entropy, u.number_of_sets, u.predictive_entropy):
        assert measure([]).shape == (0,)
        assert np.isnan(measure([[], []])).tolist() == [True, True]


def test_fewer_than_two_answers_are_undefined():
    for labels in ([0], [-1, 0, -1], [-1, -1]):
        lp = [-1.0] * len(labels)
        assert np.isnan(four(labels, lp)).all()
        assert np.isnan(u.number_of_sets([labels])[0])
    np.testing.assert_array_equal(u.number_of_sets([[], [0, 1], [-1, 2]]), [NAN, 2, NAN])
    np.testing.assert_array_equal(u.semantic_entropy([[], [0, 0], []]), [NAN, 0, NAN])
    np.testing.assert_array_equal(u.predictive_entropy([[-1.0, NAN], [NAN, NAN], [-1, -1]]), [NAN, NAN, 1])


def test_predictive_entropy_by_hand():
    assert u.predictive_entropy([[-1.0, -2.0, -6.0]])[0] == 3
    assert u.predictive_entropy([[-1.0, NAN, -2.0, None]])[0] == 1.5
    assert u.predictive_entropy([[0.0, 0.0]])[0] == 0
    assert not np.signbit(u.predictive_entropy([[0.0, 0.0]])[0])


@given(st.lists(st.floats(-40, 0), min_size=2, max_size=9), st.randoms())
def test_predictive_entropy_is_a_mean_in_any_order(logprobs, random):
    score = u.predictive_entropy([logprobs])[0]
    assert score == pytest.approx(-np.mean(logprobs), abs=1e-12)
    assert score >= u.semantic_entropy([[0] * len(logprobs)], [logprobs], normalization="polygraph")[0] - 1e-12
    random.shuffle(logprobs)
    assert u.predictive_entropy([logprobs])[0] == score


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: u.semantic_entropy([[0.5, 1.0]]), "labels"),
        (lambda: u.semantic_entropy([[0, 1], [-2]]), "question 1: labels"),
        (lambda: u.semantic_entropy([[0, 1], ["a"]]), "question 1: labels"),
        (lambda: u.number_of_sets([[0, 1], [0.5]]), "question 1: labels"),
        (lambda: u.number_of_sets([[[0], [0, 1]]]), "question 0: labels"),
        (lambda: u.semantic_entropy([[0, 1]], [[-1.0]]), "question 0: 2 labels but 1 log-prob"),
        (lambda: u.semantic_entropy([[0, 1]], [[-1.0, -1.0]] * 2), "labels of 1 questions but"),
        (lambda: u.semantic_entropy([[0, 1]], [[-1.0, -np.inf]]), "question 0: log-probability above 0 or infinite"),
        (lambda: u.semantic_entropy([0, 1], [-1.0, -1.0], normalization="kuhnn"), "did you mean 'kuhn'"),
        (lambda: u.semantic_entropy([0, 1], normalization="kuhn"), "needs logprobs"),
        (lambda: u.predictive_entropy([[-1.0, -1.0], [0.5, -1.0]]), "question 1: log-probability above 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(BadInput, match=message):
        call()


# --- overlapping clusters -------------------------------------------------------------------------------------------


def slow_overlapping(member, weight):
    """uqlm's own way: add up probabilities cluster by cluster, divide by their total."""
    mass = [sum(w for w, row in zip(weight, member, strict=True) if row[k]) for k in range(len(member[0]))]
    return -sum(m / sum(mass) * np.log(m / sum(mass)) for m in mass)


def test_overlapping_clusters_by_hand():
    # Masses 3, 1 and 2 of 6.
    member = [[1, 0, 0], [1, 1, 0], [0, 0, 1], [1, 0, 1]]
    expected = -(3 / 6 * np.log(3 / 6) + 1 / 6 * np.log(1 / 6) + 2 / 6 * np.log(2 / 6))
    assert u.overlapping_semantic_entropy([member])[0] == pytest.approx(expected, abs=1e-15)
    lp = np.log([0.1, 0.2, 0.3, 0.4])
    assert u.overlapping_semantic_entropy([member], [lp])[0] == pytest.approx(
        slow_overlapping(member, [0.1, 0.2, 0.3, 0.4]), abs=1e-14
    )
    # Far below what exp can hold, the ratios are the same.
    assert u.overlapping_semantic_entropy([member], [lp - 5000])[0] == pytest.approx(
        u.overlapping_semantic_entropy([member], [lp])[0], abs=1e-10
    )


@given(st.lists(st.integers(0, 3), min_size=2, max_size=8), st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_without_overlap_it_is_semantic_entropy(labels, seed):
    present = sorted(set(labels))
    member = np.array(labels)[:, None] == np.array(present)
    lp = np.random.default_rng(seed).normal(-1, 1, len(labels)).clip(max=0)
    assert u.overlapping_semantic_entropy([member])[0] == pytest.approx(u.semantic_entropy([labels])[0], abs=1e-12)
    assert u.overlapping_semantic_entropy([member], [lp])[0] == pytest.approx(
        u.semantic_entropy([labels], [lp])[0], abs=1e-12
    )
    order = np.random.default_rng(seed).permutation(len(labels))
    assert u.overlapping_semantic_entropy([member[order]])[0] == u.overlapping_semantic_entropy([member])[0]


def test_overlapping_clusters_of_several_questions_and_of_none():
    rows = [np.eye(2, dtype=bool), np.ones((3, 1), dtype=bool), np.zeros((2, 0), dtype=bool), [[True], [False]]]
    found = u.overlapping_semantic_entropy(rows)
    np.testing.assert_allclose(found, [np.log(2), 0, np.nan, np.nan], atol=1e-15)
    gap = u.overlapping_semantic_entropy(rows, [[-1, np.nan], [-1, -1, -1], [-1, -1], [-1, -1]])
    np.testing.assert_allclose(gap, [np.nan, 0, np.nan, np.nan], atol=1e-15)
    assert np.isnan(u.overlapping_semantic_entropy([np.zeros((0, 0))])[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[[0.5, 1], [1, 0]]],), "question 0: membership must be a matrix of true and false"),
        (([[[1, 0], [0, 1]]], [[-1.0]]), "question 0: 2 answers but 1 log-probabilities"),
        (([[[1], [1]]], [[-1, -1], [-1]]), "memberships of 1 questions but log-probabilities of 2"),
        (([[[1, 0], [0, 1]]], [[-np.inf, -1.0]]), "question 0: log-probability above 0 or infinite"),
    ],
)
def test_bad_memberships(arguments, message):
    with pytest.raises(BadInput, match=message):
        u.overlapping_semantic_entropy(*arguments)
