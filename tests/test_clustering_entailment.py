"""NLI clustering against the loops of the published codes, written out from their descriptions."""

import doctest
import itertools
import sys

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homogen.clustering import RULES, cluster_nli, membership_nli
from homogen.nli.asking import NLI
from homogen.records import BadInput

E, N, C = 0, 1, 2
LETTERS = "abcdefgh"


def table(seed, letters=LETTERS):
    """An NLI model that is a table of random probabilities, with a lean to entailment so that clusters form."""
    rng = np.random.default_rng(seed)
    p = {(a, b): rng.dirichlet([1.2, 0.8, 0.6]) for a, b in itertools.product(letters, letters)}
    return p, lambda pairs: np.array([p[a, b] for a, b in pairs])


def equivalent(p, a, b, rule):
    """The test of each rule on the full table."""
    if a == b:
        return True
    f, r = p[a, b], p[b, a]
    labels = {int(f.argmax()), int(r.argmax())}
    if rule in ("strict", "farquhar"):
        return labels == {E}
    if rule == "loose":
        return C not in labels and labels != {N}
    if rule in ("kuhn", "truthtorchlm"):
        return C not in labels
    if rule == "either":
        return E in labels
    if rule == "dominant":
        return bool(f[E] > f[C] and r[E] > r[C])
    return bool(f[E] > 0.5 and r[E] > 0.5)


def reference(p, answers, rule):
    """Clusters as lists of answer numbers, by the loop that each published code runs."""

    def same(i, j):
        return equivalent(p, answers[i], answers[j], rule)

    n = len(answers)
    if rule in ("strict", "truthtorchlm", "either"):
        clusters = []
        for i in range(n):
            fits = [c for c in clusters if same(c[0], i)]
            for c in fits if rule == "either" else fits[:1]:
                c.append(i)
            if not fits:
                clusters.append([i])
        return clusters
    if rule in ("farquhar", "loose"):
        ids, k = [-1] * n, 0
        for i in range(n):
            if ids[i] == -1:
                ids[i] = k
                for j in range(i + 1, n):
                    if same(i, j):
                        ids[j] = k
                k += 1
        return [[i for i in range(n) if ids[i] == c] for c in range(k)]
    if rule == "kuhn":
        unique = list(dict.fromkeys(answers))
        ids = {a: k for k, a in enumerate(unique)}
        for i, j in itertools.combinations(range(len(unique)), 2):
            if equivalent(p, unique[i], unique[j], rule):
                ids[unique[j]] = ids[unique[i]]
        return [[i for i in range(n) if ids[answers[i]] == c] for c in sorted(set(ids.values()))]
    graph = networkx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from((i, j) for i, j in itertools.combinations(range(n), 2) if same(i, j))
    return [sorted(c) for c in networkx.connected_components(graph)]


def members(clusters, n):
    """Clusters as a membership matrix, by their first answer."""
    m = np.zeros((n, len(clusters)), dtype=bool)
    for k, c in enumerate(sorted(clusters, key=min)):
        m[c, k] = True
    return m


def test_doctests():
    assert doctest.testmod(sys.modules[cluster_nli.__module__]).failed == 0


@pytest.mark.parametrize("rule", RULES)
@given(answers=st.lists(st.sampled_from(LETTERS), max_size=8), seed=st.integers(0, 10_000))
@settings(max_examples=150, deadline=None)
def test_every_rule_gives_the_partition_of_its_code(rule, answers, seed):
    p, model = table(seed)
    found = membership_nli([answers], model, rule=rule)[0]
    np.testing.assert_array_equal(found, members(reference(p, answers, rule), len(answers)))
    labels = cluster_nli([answers], model, rule=rule)[0]
    assert labels.tolist() == [int(row.argmax()) for row in found]


@pytest.mark.parametrize("rule", RULES)
def test_a_benchmark_at_once_is_the_questions_one_by_one(rule):
    _, model = table(3)
    rng = np.random.default_rng(0)
    benchmark = [["" if rng.random() < 0.1 else str(x) for x in rng.choice(list(LETTERS), n)] for n in (5, 0, 1, 8, 10)]
    together = cluster_nli(benchmark, model, rule=rule)
    for answers, labels in zip(benchmark, together, strict=True):
        np.testing.assert_array_equal(labels, cluster_nli([answers], model, rule=rule)[0])
        assert [label == -1 for label in labels] == [not answer for answer in answers]


def constant(*p):
    return lambda pairs: np.tile(p, (len(pairs), 1))


# Ten distinct answers, all 45 pairs of them settled by the forward direction or by both, or nine by chaining.
@pytest.mark.parametrize(
    ("rule", "everything_entails", "nothing_entails"),
    [
        ("strict", 18, 45),
        ("farquhar", 18, 45),
        ("loose", 18, 90),
        ("kuhn", 18, 90),
        ("truthtorchlm", 18, 18),
        ("either", 9, 90),
        ("dominant", 18, 45),
        ("liu", 18, 45),
    ],
)
def test_forward_passes_of_ten_distinct_answers(rule, everything_entails, nothing_entails):
    letters = list("abcdefghij")
    nli = NLI(constant(0.9, 0.06, 0.04))
    assert set(cluster_nli([letters], nli, rule=rule)[0]) == {0}
    assert nli.forward_passes == everything_entails
    # Neutral, with entailment below contradiction; where neutral counts as equal contradiction is the dear case.
    nli = NLI(constant(0.04, 0.9, 0.06) if rule != "kuhn" else one_way_contradiction)
    cluster_nli([letters], nli, rule=rule)
    assert nli.forward_passes == nothing_entails


def one_way_contradiction(pairs):
    return np.array([[0.1, 0.8, 0.1] if a < b else [0.0, 0.1, 0.9] for a, b in pairs])


@pytest.mark.parametrize("rule", RULES)
def test_identical_answers_cost_nothing(rule):
    nli = NLI(constant(0.0, 0.0, 1.0))
    assert cluster_nli([["same"] * 10], nli, rule=rule)[0].tolist() == [0] * 10
    assert nli.forward_passes == 0


def test_strict_asks_a_third_of_all_ordered_pairs_on_clustered_answers():
    # 10 answers in groups of 5, 3 and 2 that entail one another: the opener of the first group is compared with all 9
    # (4 back), that of the second with the 4 left (2 back), the third with 1 (1 back): 21 of 90 ordered pairs.
    group = dict(zip("abcdefghij", "0000011122", strict=True))
    nli = NLI(lambda pairs: np.array([[0.8, 0.1, 0.1] if group[a] == group[b] else [0.1, 0.8, 0.1] for a, b in pairs]))
    assert cluster_nli([list("afbgichdje")], nli)[0].tolist() == [0, 1, 0, 1, 2, 0, 1, 0, 2, 0]
    assert nli.forward_passes == 9 + 4 + 4 + 2 + 1 + 1


def test_pairs_are_shared_across_questions_and_rounds_are_few():
    nli = NLI(constant(0.1, 0.8, 0.1))
    cluster_nli([list("abcd")] * 50, nli)
    assert nli.forward_passes == 6
    assert nli.calls == 3  # one a round: three openers have something after them


def test_the_rules_differ_on_one_hand_worked_table():
    # a=b strongly both ways, b->c one way only, c neutral to the rest, d contradicts everything.
    p = {pair: [0.1, 0.8, 0.1] for pair in itertools.permutations("abcd", 2)}
    p |= {("a", "b"): [0.6, 0.3, 0.1], ("b", "a"): [0.6, 0.3, 0.1], ("b", "c"): [0.45, 0.4, 0.15]}
    p |= {pair: [0.1, 0.1, 0.8] for pair in p if "d" in pair}
    labels = {
        rule: cluster_nli([list("abcd")], lambda pairs: np.array([p[x] for x in pairs]), rule)[0] for rule in RULES
    }
    assert {rule: "".join(map(str, row)) for rule, row in labels.items()} == {
        "strict": "0012",
        "farquhar": "0012",
        "loose": "0012",  # a opens: c is neutral to it both ways; b, placed, opens nothing
        "kuhn": "0001",
        "truthtorchlm": "0001",
        "either": "0012",
        "dominant": "0012",
        "liu": "0012",
    }


def test_a_later_opener_takes_over_under_farquhar_and_not_under_strict():
    # c is equivalent to both openers a and b, which are not equivalent to each other.
    same = {("a", "c"), ("c", "a"), ("b", "c"), ("c", "b")}
    model = lambda pairs: np.array([[0.8, 0.1, 0.1] if x in same else [0.1, 0.8, 0.1] for x in pairs])  # noqa: E731
    assert cluster_nli([list("abc")], model, "strict")[0].tolist() == [0, 1, 0]
    assert cluster_nli([list("abc")], model, "farquhar")[0].tolist() == [0, 1, 1]
    assert cluster_nli([list("abc")], model, "liu")[0].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(membership_nli([list("abc")], model)[0], [[1, 0], [0, 1], [1, 1]])
    # A repeat of a after b has opened: a is one with it, byte for byte, whatever b says.
    assert cluster_nli([list("abac")], model, "farquhar")[0].tolist() == [0, 1, 0, 1]


def test_the_question_goes_before_both_texts():
    asked = []

    def model(pairs):
        asked.extend(pairs)
        return np.tile([0.1, 0.8, 0.1], (len(pairs), 1))

    cluster_nli([["1969", "1970", ""], ["x", "y"]], model, questions=["Moon landing?", "Q"])
    assert asked == [("Moon landing? 1969", "Moon landing? 1970"), ("Q x", "Q y")]
    cluster_nli([["u", "v"]], model, rule="either", questions=["Q"])  # uqlm's own separator
    assert asked[2:] == [("Q\nu", "Q\nv"), ("Q\nv", "Q\nu")]


def test_missing_answers_and_empty_lists():
    model = constant(1.0, 0.0, 0.0)
    assert cluster_nli([[]], model)[0].tolist() == []
    assert cluster_nli([["", " "]], model)[0].tolist() == [-1, -1]
    assert cluster_nli([["", "a", " ", "b"]], model)[0].tolist() == [-1, 0, -1, 0]
    assert membership_nli([["", "a"]], model)[0].tolist() == [[False], [True]]
    assert cluster_nli([], model) == []
    assert [m.shape for m in membership_nli([["", ""]], model)] == [(2, 0)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: cluster_nli([["a"]], m, rule="stric"), "unknown rule 'stric'; did you mean 'strict'"),
        (lambda m: cluster_nli([["a"]], m, rule=[]), r"unknown rule '\[\]'"),
        (
            lambda m: cluster_nli(["abc"], m),
            "answers must be one list a question, got 'abc' for question 0; one question",
        ),
        (lambda m: cluster_nli(None, m), "answers must be one list a question, got None"),
        (lambda m: cluster_nli([["a"]], m, questions=5), "expected one text a question, got 5"),
        (lambda m: cluster_nli([["a"]], m, questions=[np.eye(9)]), "question must be a text or None"),
        (lambda m: cluster_nli([["a"]], np.eye(9)), "an NLI model is a function from pairs to probabilities, got"),
        (lambda m: cluster_nli([["a", None]], m), "answer 1 of question 0 is None"),
        (lambda m: cluster_nli([["a"]], m, questions=["Q", "R"]), "as many questions"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(BadInput, match=message):
        call(constant(1.0, 0.0, 0.0))
