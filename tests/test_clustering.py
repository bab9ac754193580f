"""What all of the room's functions do with input that is none, and what their docstrings hold."""

import inspect

import numpy as np
import pytest

from homogen import clustering
from homogen.clustering import (
    adjusted_rand_index,
    alignment_tax,
    cluster,
    confirmed_single_cluster_rate,
    is_single_cluster,
    mean_number_of_clusters,
    single_cluster_rate,
)
from homogen.records import BadInput


@pytest.mark.parametrize(
    ("call", "mend"),
    [
        (lambda: cluster(np.eye(3)), r"similarities must be one matrix a question, got .*: \[similarities\]"),
        (lambda: cluster([[1.0, 0.5], [0.5, 1.0]]), "similarities must be one matrix a question"),
        (
            lambda: alignment_tax([0, 1, 0]),
            r"labels must be one row a question, got 0 for question 0; .* is a list of one: \[labels\]",
        ),
        (lambda: single_cluster_rate(np.array([0, 1, 0])), "labels must be one row a question"),
        (lambda: confirmed_single_cluster_rate([0, 1], [0, 1]), "labels must be one row a question"),
    ],
)
def test_one_question_given_bare_is_refused_with_the_mend(call, mend):
    with pytest.raises(BadInput, match=mend):
        call()


ITSELF: list = []
ITSELF.append(ITSELF)
UGLY = [None, 3, "ab", b"ab", {"a": 1}, object(), [[1, 0.5], [0.5]], [["a", "b"], ["b", "a"]], [["1", "0"], ["0", "1"]]]
UGLY += [np.array([[1, 1j], [1j, 1]]), [[[1.0]]], [None, None], [[object()]], [[10**400]], ITSELF, np.array(1.0)]


@pytest.mark.parametrize("ugly", UGLY, ids=lambda x: type(x).__name__)
def test_ugly_input_is_refused_in_one_line(ugly):
    calls = [lambda: cluster([ugly]), lambda: cluster([np.eye(2), ugly]), lambda: alignment_tax([ugly])]
    calls += [lambda f=f: f(ugly) for f in (single_cluster_rate, is_single_cluster, mean_number_of_clusters)]
    calls += [lambda f=f: f([[0, 0]], ugly) for f in (adjusted_rand_index, confirmed_single_cluster_rate)]
    calls += [lambda: cluster([np.eye(2)], ugly), lambda: cluster([np.eye(2)], linkage=ugly)]
    for call in calls:
        with pytest.raises(BadInput) as complaint:
            call()
        assert "\n" not in str(complaint.value)
    with pytest.raises(BadInput):
        cluster(3)


@pytest.mark.parametrize("name", [name for name in clustering.__all__ if name.islower() and "nli" not in name])
def test_docstrings_have_all_their_parts(name):
    doc = inspect.getdoc(getattr(clustering, name))
    for section in ("Parameters", "Returns", "Examples"):
        assert f"\n{section}\n{'-' * len(section)}\n" in doc, (name, section)
    assert ".. math::" in doc
