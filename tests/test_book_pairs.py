"""The rule that chooses two questions whose drawn answers spread alike."""

import doctest

import pytest

from homogen.book import pairs
from homogen.records import BadInput

NAN = float("nan")
ONE, TWO, SPLIT, ALL = [0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0], [0, 1, 2, 3]


def test_examples_hold():
    assert not doctest.testmod(pairs).failed


@pytest.mark.parametrize(
    ("labels", "wrong", "pair"),
    [
        ([ONE, ONE], [0, 1], (0, 1)),
        ([ONE, ONE], [1, 0], (1, 0)),
        # The first of each in the benchmark's order.
        ([TWO, ONE, ONE, ONE, ONE], [0, 1, 0, 0, 1], (2, 1)),
        # One cluster on one side alone is no pair; the fewest that both have.
        ([ONE, ALL, TWO, ALL, TWO], [0, 0, 0, 1, 1], (2, 4)),
        # As many clusters of other sizes have another semantic entropy.
        ([SPLIT, TWO, ALL, ALL], [0, 1, 0, 1], (2, 3)),
        # The largest cluster as large as can be.
        ([SPLIT, SPLIT, TWO, [0, 0, 0, 1]], [0, 1, 0, 1], (2, 3)),
        # What was not graded, and where fewer than two answers are left, is passed over.
        ([ONE, ONE, ONE], [NAN, 0, 1], (1, 2)),
        ([[0, -1, -1, -1], [0, -1, -1, -1], TWO, TWO], [0, 1, 1, 0], (3, 2)),
    ],
)
def test_the_pair_follows_from_clusters_and_grades(labels, wrong, pair):
    found = pairs.pick(labels, wrong)
    assert (found.right, found.wrong, found.reason) == (*pair, "")


@pytest.mark.parametrize(
    ("labels", "wrong", "reason"),
    [
        ([ONE, TWO], [0, 0], "no greedy answer is wrong"),
        ([ONE, TWO], [1, NAN], "no greedy answer is right"),
        ([], [], "no greedy answer is right"),
        ([ONE, TWO], [0, 1], "no right and no wrong greedy answer have drawn answers in clusters of the same sizes"),
    ],
)
def test_where_there_is_no_pair_it_says_why_and_makes_none_up(labels, wrong, reason):
    found = pairs.pick(labels, wrong)
    assert (found.right, found.wrong, found.reason) == (-1, -1, reason)


def test_lengths_that_differ_are_refused():
    with pytest.raises(BadInput, match="unequal lengths: 1 rows of labels, 2 greedy answers"):
        pairs.pick([ONE], [0, 1])
