"""What all measures share: shapes, order, bounds, and what bad input gets."""

import inspect
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homogen import BadInput
from homogen import uncertainty as u

NAN = np.nan
FUNCTIONS = {name: getattr(u, name) for name in u.__all__ if inspect.isfunction(getattr(u, name))}

# One question of each measure, as its positional arguments: what is drawn comes first.
EYE = [[1.0, 0.5], [0.5, 1.0]]
NLI = [[0.6, 0.2, 0.2], [0.1, 0.6, 0.3]]
ONE_QUESTION = {
    "number_of_sets": ([0, 1],),
    "semantic_entropy": ([0, 1], [-1.0, -2.0]),
    "overlapping_semantic_entropy": ([[1, 0], [1, 1]], [-1.0, -2.0]),
    "predictive_entropy": ([-1.0, -2.0],),
    "selfcheck": ([1.0, 0.0], [[1.0, 0.0], [3.0, 4.0]]),
    "selfcheck_nli": (NLI,),
    "sindex": ([[1.0, 0.0], [0.0, 1.0]],),
    "semantic_density": ([1.0, 0.5], [-1.0, -2.0], ["a", "b"]),
    "lexical_dissimilarity": (EYE,),
    "degree": (EYE,),
    "eccentricity": (EYE,),
    "laplacian": (EYE,),
    "kernel_language_entropy": (EYE,),
    "vendi_score": (EYE,),
    "entity_association": ([[1.0, 0.0], [0.0, 1.0]],),
    "grounding": (NLI,),
}
ONE_ITEM = {
    "mean_entropy": ([[0.5, 1.0]],),
    "max_entropy": ([[0.5, 1.0]],),
    "std_entropy": ([[0.5, 1.0]],),
    "high_entropy_ratio": ([[0.5, 1.0]],),
    "negative_log_likelihood": ([[-0.5, -1.0]],),
    "perplexity": ([[-0.5, -1.0]],),
    "minimum_token_probability": ([[-0.5, -1.0]],),
    "p_true": ([-0.5], [-1.0]),
    "cocoa": ([0.5], [[0.5, 1.0]]),
    "verbalized_confidence": (["85%"],),
    "freshness": (["now"], "2024-06-30"),
    "entities": (["Is Rome old?"],),
    "embedding_density": ([[1.0, 0.0], [0.0, 1.0]], 1, [[1.0, 0.0]]),
}


def test_every_function_is_in_one_of_the_tables():
    assert set(ONE_QUESTION) | set(ONE_ITEM) == set(FUNCTIONS)
    assert not set(ONE_QUESTION) & set(ONE_ITEM)


# --- shapes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ONE_QUESTION)
def test_a_list_of_questions_gives_one_score_each(name):
    measure, arguments = FUNCTIONS[name], ONE_QUESTION[name]
    (alone,) = measure(*([a] for a in arguments))
    assert math.isfinite(alone)
    for many in (list, tuple, np.array):
        together = measure(*(many([a, a, a]) for a in arguments))
        assert together.shape == (3,)
        assert together.dtype == np.float64
        np.testing.assert_array_equal(together, [alone] * 3)


BARE = {name: arguments[:1] for name, arguments in ONE_QUESTION.items()} | {
    "p_true": (-0.5,),
    "cocoa": (0.5,),
    "verbalized_confidence": ("85%",),
    "freshness": ("now",),
    "entities": ("Is Rome old?",),
}


@pytest.mark.parametrize("name", BARE)
def test_one_question_given_bare_is_refused_with_the_mend(name):
    for many in (list, np.array) if name in ONE_QUESTION else (lambda a: a,):
        first = many(BARE[name][0])
        with pytest.raises(
            BadInput, match=r"must be one .* a question, got .*; one question alone is a list of one: \["
        ):
            FUNCTIONS[name](first, *(ONE_QUESTION | ONE_ITEM)[name][1:])


@pytest.mark.parametrize("name", ONE_QUESTION)
def test_questions_without_answers_have_no_score_and_no_questions_have_none(name):
    measure, n = FUNCTIONS[name], len(ONE_QUESTION[name])
    for nothing in ([], (), np.empty(0), np.empty((0,) * np.ndim([ONE_QUESTION[name][0]]))):
        scores = measure(*[nothing] * n)
        assert (scores.shape, scores.dtype) == ((0,), np.float64)
    for empty in ([], (), np.empty(0)):
        for many in (1, 2, 3):
            scores = measure(*[[empty] * many] * n)
            assert scores.shape == (many,)
            assert np.isnan(scores).all()
    # beside one that is not empty
    arguments = [[[], a, []] for a in ONE_QUESTION[name]]
    assert np.isnan(measure(*arguments)).tolist() == [True, False, True]


@pytest.mark.parametrize("name", ONE_ITEM)
def test_measures_of_items_give_one_score_each(name):
    measure, arguments = FUNCTIONS[name], ONE_ITEM[name]
    if name == "embedding_density":
        assert len(measure(*arguments)) == 2
        assert measure([]).shape == (0,)
        return
    rest = arguments[1:] if name == "freshness" else ()
    lists = arguments[:1] if name == "freshness" else arguments
    assert len(measure(*(a * 3 for a in lists), *rest)) == 3
    assert len(measure(*([] for _ in lists), *rest)) == 0


def test_columns_of_tables_are_lists_of_questions():
    labels = pd.Series([[0, 1], [0, 0, 1]], index=[7, 9])
    np.testing.assert_array_equal(u.number_of_sets(labels), [2, 2])
    vectors = pd.Series([np.eye(2), np.ones((3, 2))])
    np.testing.assert_array_equal(u.sindex(vectors), [u.sindex([np.eye(2)])[0], 0])
    np.testing.assert_array_equal(u.mean_entropy(pd.Series([[1.0, 2.0], [3.0]])), [1.5, 3])
    np.testing.assert_array_equal(u.predictive_entropy(pd.DataFrame([[-1.0, -2.0], [-3.0, -4.0]])), [1.5, 3.5])


# --- order ----------------------------------------------------------------------------------------------------------


def drawn(rng, n):
    """Arguments of every measure of drawn answers, each with the answers along its first axis."""
    labels = rng.integers(0, 4, n)
    lp = -rng.exponential(1.0, n)
    E = rng.normal(size=(n, 24))[rng.integers(0, n, n)]
    P = rng.dirichlet(np.ones(3), n)
    member = rng.random((n, 3)) < 0.6
    text = rng.choice(["a", "b", "c"], n)
    similarity = rng.random(n)
    return {
        "number_of_sets": (u.number_of_sets, [labels]),
        "semantic_entropy": (u.semantic_entropy, [labels]),
        "weighted": (u.semantic_entropy, [labels, lp]),
        "kuhn": (lambda a, b: u.semantic_entropy(a, b, normalization="kuhn"), [labels, lp]),
        "polygraph": (lambda a, b: u.semantic_entropy(a, b, normalization="polygraph"), [labels, lp]),
        "overlapping": (u.overlapping_semantic_entropy, [member]),
        "overlapping, weighted": (u.overlapping_semantic_entropy, [member, lp]),
        "predictive_entropy": (u.predictive_entropy, [lp]),
        "selfcheck": (lambda s: u.selfcheck([E[0]] * len(s), s), [E]),
        "selfcheck_nli": (u.selfcheck_nli, [P]),
        "semantic_density": (u.semantic_density, [similarity, lp]),
        "semantic_density of texts": (u.semantic_density, [similarity, lp, text]),
        "cocoa": (lambda s: u.cocoa([0.7] * len(s), s), [similarity]),
        "entity_association": (u.entity_association, [E]),
        "grounding": (u.grounding, [P]),
    }


def in_order(arguments, order):
    return [[a[i] for i in order] if isinstance(a, list) else a[order] for a in arguments]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 99_999), st.integers(2, 12))
def test_the_order_of_answers_does_not_change_the_last_bit(seed, n):
    rng = np.random.default_rng(seed)
    for name, (measure, arguments) in drawn(rng, n).items():
        orders = [range(n), *(rng.permutation(n) for _ in range(3))]
        scores = measure(*zip(*(in_order(arguments, order) for order in orders), strict=True))
        assert np.isnan(scores).all() or len(set(scores.tolist())) == 1, name


def test_permuted_answers_are_ties_for_selfcheck_and_overlapping_clusters():
    rng = np.random.default_rng(0)
    g, E = rng.normal(size=384), rng.normal(size=(10, 384))
    member, lp = rng.random((10, 4)) < 0.5, -rng.exponential(1.0, 10)
    orders = [rng.permutation(10) for _ in range(200)]
    assert len(set(u.selfcheck([g] * 200, [E[o] for o in orders]).tolist())) == 1
    columns = [rng.permutation(4) for _ in orders]  # clusters are numbered as they appear
    tied = u.overlapping_semantic_entropy(
        [member[o][:, c] for o, c in zip(orders, columns, strict=True)], [lp[o] for o in orders]
    )
    assert len(set(tied.tolist())) == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 99_999), st.integers(2, 12))
def test_names_of_clusters_do_not_change_the_last_bit(seed, n):
    rng = np.random.default_rng(seed)
    labels, lp = rng.integers(0, 4, n), -rng.exponential(1.0, n)
    names = rng.permutation(4) * 10 ** rng.integers(0, 18)
    for normalization in (None, *u.NORMALIZATIONS):
        given_lp = None if normalization is None else [lp, lp]
        assert len(set(u.semantic_entropy([names[labels], labels], given_lp, normalization).tolist())) == 1


# --- bounds, signs, huge and tiny -----------------------------------------------------------------------------------


def test_rounding_beyond_a_bound_is_clipped_to_it():
    for measure in (u.mean_entropy, u.max_entropy, u.std_entropy, u.high_entropy_ratio):
        assert measure([[-0.0009]]) == 0
    assert u.negative_log_likelihood([[0.0009]]) == 0
    assert not np.signbit(u.negative_log_likelihood([[0.0009]]))[0]
    assert u.negative_log_likelihood([[0.0009, 0.0009]], normalize=False) == 0
    assert u.perplexity([[0.0009]]) == 1
    assert u.minimum_token_probability([[0.0009]]) == 0
    assert u.predictive_entropy([[0.0009, 0.0009]])[0] == 0
    assert u.p_true([0.0009])[0] == 0
    assert u.cocoa([-0.0009], [[0.5]])[0] == 0
    assert u.semantic_entropy([[0, 0]], [[0.0009, 0.0]])[0] == 0
    assert u.grounding([[[1.0005, 0.0, 0.0]]])[0] == 0


@pytest.mark.parametrize("positive", [[0.5, -1.0], [12.0, 3.0]])
def test_positive_log_probabilities_are_no_log_probabilities(positive):
    for call in (
        lambda: u.semantic_entropy([[0, 1]], [positive]),
        lambda: u.semantic_entropy([[0, 1]], [positive], normalization="kuhn"),
        lambda: u.overlapping_semantic_entropy([[[1, 0], [0, 1]]], [positive]),
        lambda: u.predictive_entropy([positive]),
    ):
        with pytest.raises(BadInput, match="question 0: log-probability above 0"):
            call()


def test_a_perplexity_beyond_a_float_is_infinite_without_a_warning():
    rows = [[-1e4], [-1.0], [-2e4]]
    np.testing.assert_array_equal(u.perplexity(rows), [np.inf, np.e, np.inf])
    assert u.negative_log_likelihood(rows).tolist() == [1e4, 1, 2e4]  # still told apart


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1e200, 1e308])
def test_huge_and_tiny_vectors_have_a_direction(scale):
    V = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert u.sindex([V * scale])[0] == u.sindex([V])[0]
    assert u.selfcheck([V[0] * scale], [V * scale])[0] == u.selfcheck([V[0]], [V])[0]
    assert u.entity_association([V * scale])[0] == u.entity_association([V])[0]
    np.testing.assert_array_equal(u.embedding_density(V * scale, k=1), u.embedding_density(V, k=1))


@pytest.mark.parametrize("label", [2**31, 2**62, 2**63 - 1, np.uint64(2**64 - 1)])
def test_a_huge_label_is_one_like_another(label):
    row = np.array([0, label, label], dtype=np.uint64 if label > 2**63 else np.int64)
    expected = u.semantic_entropy([[0, 1, 1]])[0]
    np.testing.assert_array_equal(u.semantic_entropy([[0, 1, 2]] * 5 + [row])[5], expected)
    assert u.number_of_sets([row])[0] == 2
    if row.dtype.kind == "i":
        assert u.semantic_entropy([[-1, 0, label, label]])[0] == expected  # missing stays missing


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: u.sindex([[[1, NAN], [1, 0], [0, 1]]]), "question 0: embeddings, row 0 is NaN in part"),
        (lambda: u.selfcheck([[1, NAN]], [[[1, 0]]]), "question 0: embeddings, row 0 is NaN in part"),
        (lambda: u.selfcheck([[1, 0]], [[[1, 0], [NAN, 0]]]), "question 0: embeddings, row 1 is NaN in part"),
        (lambda: u.entity_association([np.eye(2), [[1, 0], [NAN, 0]]]), "question 1: embeddings, row 1 is NaN in part"),
        (lambda: u.embedding_density([[1, 0], [0, 1], [0, None]], k=1), "embeddings, row 2 is NaN in part"),
        (lambda: u.embedding_density(np.eye(2), 1, [[NAN, 1]]), "reference, row 0 is NaN in part"),
        (lambda: u.selfcheck_nli([[[0.5, NAN, 0.5]]]), "question 0: NLI probabilities, row 0 is NaN in part"),
        (lambda: u.grounding([[[1, 0, 0]], [[1, 0, NAN]]]), "question 1: NLI probabilities, row 0 is NaN in part"),
    ],
)
def test_a_row_that_is_nan_in_part_is_a_mistake_not_a_missing_answer(call, message):
    with pytest.raises(BadInput, match=message):
        call()


def test_semantic_density_refuses_answers_that_are_no_texts():
    with pytest.raises(BadInput, match="question 0: answers must be texts or None, got nan"):
        u.semantic_density([[0.5, 0.5]], [[-1.0, -1.0]], answers=[["a", float("nan")]])


# --- ugly input -----------------------------------------------------------------------------------------------------


def nested(levels):
    value = [1.0]
    for _ in range(levels):
        value = [value]
    return value


OBJECTS = np.empty(2, dtype=object)
OBJECTS[:] = [[1.0, 0.0], [1.0]]
ITSELF = []
ITSELF.append(ITSELF)
UGLY = {
    "None": None,
    "a number": 3,
    "a truth value": True,
    "an array without dimensions": np.array(1.0),
    "a text": "0.5",
    "bytes": b"0.5",
    "a set": {1, 2},
    "a dict": {"a": 1},
    "an object": object(),
    "a type": int,
    "a list of None": [None],
    "a list of objects": [object(), object()],
    "texts": ["a", "b"],
    "numbers in texts": ["0.5", "0.5"],
    "rows of texts": [["a", "b"], ["c", "d"]],
    "ragged": [[1.0, 0.0], [1.0]],
    "ragged deep": [[[1.0, 0.0], [1.0]], [[1.0]]],
    "an object array of ragged rows": OBJECTS,
    "an object array of texts": np.array([["a", 1.0], ["b", 2.0]], dtype=object),
    "mixed depths": [[1.0], 2.0, [[3.0]]],
    "a row of dicts": [{"a": 1}, {"b": 2}],
    "complex": [[1j, 0], [0, 1j]],
    "a complex array": np.array([[1j, 0], [0, 1]]),
    "dates": np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[D]"),
    "an int beyond 64 bits": [10**400, 1],
    "infinite": [[np.inf, -np.inf], [1.0, 0.0]],
    "nested too deep": nested(6),
    "nested far too deep": nested(80),
    "a list that holds itself": ITSELF,
    "a table of texts": pd.DataFrame({"a": ["x", "y"]}),
}
NEVER = {name for name in UGLY if name not in ("a list of None", "a truth value", "a number")} - {
    "an array without dimensions"
}
TEXTUAL = {"verbalized_confidence", "freshness", "entities"}
ROWS = set(ONE_ITEM) - TEXTUAL - {"p_true", "cocoa", "embedding_density"}


def outcome(measure, arguments):
    """The answer, or the one line of the complaint; anything else that is raised fails the test."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return measure(*arguments)
    except BadInput as complaint:
        text = str(complaint)
        assert text
        assert "\n" not in text
        return text


@pytest.mark.parametrize("name", FUNCTIONS)
def test_ugly_input_is_answered_or_refused_in_one_line(name):
    measure, arguments = FUNCTIONS[name], (ONE_QUESTION | ONE_ITEM)[name]
    for what, ugly in UGLY.items():
        for place in range(len(arguments)):
            for value in (ugly, [ugly], [arguments[place], ugly]):
                result = outcome(measure, [*arguments[:place], value, *arguments[place + 1 :]])
                assert isinstance(result, str | float | list | np.ndarray), (what, place)
                assert not isinstance(result, np.ndarray) or result.dtype == np.float64, (what, place)


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - TEXTUAL))
def test_what_no_measure_can_mean_is_refused(name):
    # Rows may differ in length in some; there the signs or the kind of number decide.
    uneven = {"ragged", "an object array of ragged rows"} if name in {*ROWS, "number_of_sets"} else set()
    arguments = (ONE_QUESTION | ONE_ITEM)[name]
    for what in sorted(NEVER - uneven):
        assert isinstance(outcome(FUNCTIONS[name], [UGLY[what], *arguments[1:]]), str), what


ARGUMENTS = [
    lambda x: u.sindex([np.eye(2)], threshold=x),
    lambda x: u.eccentricity([np.eye(2)], threshold=x),
    lambda x: u.kernel_language_entropy([np.eye(2)], t=x),
    lambda x: u.embedding_density(np.eye(3), k=x),
    lambda x: u.freshness(["now"], "2024-06-30", decay=x),
    lambda x: u.freshness(["now"], x),
    lambda x: u.semantic_entropy([[0, 1]], [[-1.0, -1.0]], normalization=x),
    lambda x: u.high_entropy_ratio([[1.0]], threshold=x),
]


@pytest.mark.parametrize("call", ARGUMENTS)
def test_ugly_arguments_are_refused_in_one_line(call):
    for ugly in ("x", True, NAN, np.inf, -1, [0.5], np.eye(9), object(), {}, 1j):
        assert isinstance(outcome(call, [ugly]), str), ugly


# --- what the docstrings promise ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstrings_have_all_their_parts(name):
    doc = inspect.getdoc(FUNCTIONS[name])
    assert doc.split("\n")[0].endswith(".")
    for section in ("Parameters", "Returns", "Examples"):
        assert f"\n{section}\n{'-' * len(section)}\n" in doc, section
    if name != "entities":  # a rule, not a score
        assert ".. math::" in doc
        assert "\nReferences\n" in doc


def test_the_cues_cannot_be_changed():
    for change in (
        lambda: u.CUES.update(soon=1.0),
        lambda: u.CUES.pop("now"),
        lambda: u.CUES.clear(),
        lambda: u.CUES.__setitem__("soon", 1.0),
        lambda: u.CUES.__delitem__("now"),
    ):
        with pytest.raises(TypeError, match="read-only"):
            change()
    assert u.CUES["now"] == 0
