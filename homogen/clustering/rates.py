"""What a benchmark's labels say together: single-cluster rate, number of clusters, agreement of two clusterings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from scipy import stats

from homogen.records import BadInput, Draws, Estimate
from homogen.records.checks import label_row, listed_by_question, share
from homogen.records.draws import check_draws
from homogen.records.results import percent


def alignment_tax(labels: Iterable[Sequence[int]]) -> np.ndarray:
    r"""Share of a question's answers that repeat another: its alignment tax.

    .. math:: \mathrm{AT}(q) = 1 - \frac{|\text{clusters}|}{N}

    Parameters
    ----------
    labels
        One ``(N_i,)`` array a question, -1 for a missing answer, which does not count towards N.

    Returns
    -------
    numpy.ndarray
        ``(Q,)``, 0 if all answers differ, 1 - 1/N if all are alike; NaN with fewer than two answers left. Higher is
        *less* diverse: as a score of uncertainty it points the wrong way round.

    References
    ----------
    Liu (2026), arXiv 2603.24124.

    Examples
    --------
    >>> alignment_tax([[0, 0, 1, 0], [0, 0], [0, -1]])
    array([0.5, 0.5, nan])
    """
    left = _all_present(labels)
    return np.array([1 - len(np.unique(x)) / len(x) if len(x) > 1 else math.nan for x in left], dtype=np.float64)


def single_cluster_rate(labels: Iterable[Sequence[int]], level: float = 0.95) -> Estimate:
    r"""Share of the questions whose answers all fall into one cluster (SCR), with Wilson's interval.

    .. math:: \mathrm{SCR} = \frac{1}{Q} \sum_{q=1}^{Q} \mathbf{1}\{|\text{clusters}_q| = 1\}

    On these questions no function of the clusters can tell right from wrong: all score the same.

    Parameters
    ----------
    labels
        One ``(N_i,)`` array a question, -1 for a missing answer.
    level
        Confidence level of the interval.

    Returns
    -------
    Estimate
        The rate in [0, 1]. A question with fewer than two answers left is not counted and lowers ``coverage``;
        undefined (NaN with the reason) if none is left.

    References
    ----------
    E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference", *J. Am. Stat. Assoc.*
    22.

    Examples
    --------
    >>> print(single_cluster_rate([[0, 0, 0], [0, 1, 0], [0, 0, -1], [0, -1, -1]]))
    0.667 [0.208, 0.939], n=3, coverage 75%
    """
    share("level", level)
    counts, given = _cluster_counts(labels)
    n = len(counts)
    if not n:
        return Estimate.undefined(_NONE_LEFT)
    single = counts.count(1)
    low, high = stats.binomtest(single, n).proportion_ci(level, method="wilson")
    method = f"single-cluster rate, Wilson {percent(level)}"
    return Estimate(single / n, float(low), float(high), n, n / given, method)


def is_single_cluster(labels: Iterable[Sequence[int]]) -> np.ndarray:
    r"""Which questions have all their answers in one cluster: the questions that :func:`single_cluster_rate` counts.

    .. math:: N_q \ge 2 \;\wedge\; |\text{clusters}_q| = 1

    with :math:`N_q` the answers that are not missing.

    Parameters
    ----------
    labels
        One ``(N_i,)`` array a question, -1 for a missing answer.

    Returns
    -------
    numpy.ndarray
        ``(Q,)`` bool; False too for a question with fewer than two answers left.

    Examples
    --------
    >>> is_single_cluster([[0, 0, 0], [0, 1, 0], [0, -1, -1]])
    array([ True, False, False])
    """
    left = _all_present(labels)
    return np.array([len(x) > 1 and len(np.unique(x)) == 1 for x in left], dtype=bool)


def mean_number_of_clusters(labels: Iterable[Sequence[int]], draws: Draws = Draws()) -> Estimate:
    r"""Mean number of clusters a question, with a bootstrap interval over questions.

    .. math:: \frac{1}{Q} \sum_{q=1}^{Q} |\text{clusters}_q|

    The interval is the middle share (the level) of the means of as many resamples of Q questions with replacement.

    Parameters
    ----------
    labels
        One ``(N_i,)`` array a question, -1 for a missing answer.
    draws
        Resamples of the questions, and the level of the percentile interval.

    Returns
    -------
    Estimate
        At least 1. A question with fewer than two answers left is not counted and lowers ``coverage``; undefined if
        none is left; without an interval if only one is.

    References
    ----------
    B. Efron and R. J. Tibshirani (1993), *An Introduction to the Bootstrap*, chapter 13.

    Examples
    --------
    >>> print(mean_number_of_clusters([[0, 0, 0], [0, 1, 0], [0, 1, 2], [0, 0, 1]]))
    2.000 [1.250, 2.750], n=4, coverage 100%
    """
    check_draws(draws)
    counts, given = _cluster_counts(labels)
    return _mean_over_questions(counts, given, "mean number of clusters", draws)


def adjusted_rand_index(
    labels_a: Iterable[Sequence[int]], labels_b: Iterable[Sequence[int]], draws: Draws = Draws()
) -> Estimate:
    r"""Mean adjusted Rand index of two clusterings of the same answers, with a bootstrap interval over questions.

    .. math:: \mathrm{ARI} = \frac{\sum_{kl} \binom{n_{kl}}{2} - E}{\frac{1}{2}
              \bigl[\sum_k \binom{a_k}{2} + \sum_l \binom{b_l}{2}\bigr] - E}, \qquad
              E = \sum_k \binom{a_k}{2} \sum_l \binom{b_l}{2} \Big/ \binom{n}{2}

    where :math:`n_{kl}` answers are in cluster k of the one and l of the other clustering, with row and column sums
    :math:`a_k` and :math:`b_l`. 1 is the same partition, 0 what chance gives for these cluster sizes.

    Parameters
    ----------
    labels_a, labels_b
        One ``(N_i,)`` array a question each, -1 for a missing answer; an answer missing from one is left out of both.
    draws
        As in :func:`mean_number_of_clusters`.

    Returns
    -------
    Estimate
        At most 1. A question with fewer than two answers left is not counted and lowers ``coverage``; undefined if
        none is left; without an interval if only one is.

    Notes
    -----
    Where one clustering has a single cluster (or nothing but singletons) the index is 1 if the other agrees exactly and
    0 if not: on homogenized answers it is close to yes or no. Read it beside :func:`confirmed_single_cluster_rate`.

    References
    ----------
    L. Hubert and P. Arabie (1985), "Comparing partitions", *J. Classification* 2. The index itself is
    scikit-learn's ``adjusted_rand_score``.

    Examples
    --------
    >>> print(adjusted_rand_index([[0, 0, 1, 1], [0, 0, 0]], [[0, 0, 1, 2], [0, 0, 0]], draws=Draws(1000)))
    0.786 [0.571, 1.000], n=2, coverage 100%
    """
    from sklearn.metrics import adjusted_rand_score

    check_draws(draws)
    pairs, given = _paired(labels_a, labels_b)
    values = [float(adjusted_rand_score(a, b)) for a, b in pairs]
    return _mean_over_questions(values, given, "mean adjusted Rand index", draws)


def confirmed_single_cluster_rate(
    labels_a: Iterable[Sequence[int]], labels_b: Iterable[Sequence[int]], level: float = 0.95
) -> Estimate:
    r"""Share of one clustering's single-cluster questions that another confirms, with Wilson's interval.

    .. math:: \frac{\sum_q \mathbf{1}\{|\text{clusters}^a_q| = 1\} \, \mathbf{1}\{|\text{clusters}^b_q| = 1\}}
              {\sum_q \mathbf{1}\{|\text{clusters}^a_q| = 1\}}

    Parameters
    ----------
    labels_a
        One ``(N_i,)`` array a question, -1 for a missing answer: the clustering that picks the questions.
    labels_b
        The same answers by the clustering that is asked to confirm.
    level
        Confidence level of the interval.

    Returns
    -------
    Estimate
        ``n`` is the number of questions that the first clustering picked, ``coverage`` their share of the questions
        with two answers left; undefined if there is none.

    Notes
    -----
    The rate is not symmetric. A clustering that lumps everything confirms all, whatever the answers say. An answer
    missing from one is left out of both. The interval is Wilson's, as in :func:`single_cluster_rate`.

    Examples
    --------
    >>> print(confirmed_single_cluster_rate([[0, 0], [0, 0], [0, 0], [0, 1]], [[0, 0], [0, 1], [0, 0], [0, 0]]))
    0.667 [0.208, 0.939], n=3, coverage 75%
    """
    share("level", level)
    pairs, _ = _paired(labels_a, labels_b)
    picked = [b for a, b in pairs if len(np.unique(a)) == 1]
    n = len(picked)
    if not n:
        return Estimate.undefined("the first clustering has no question with a single cluster")
    confirmed = sum(len(np.unique(b)) == 1 for b in picked)
    low, high = stats.binomtest(confirmed, n).proportion_ci(level, method="wilson")
    method = f"confirmed single-cluster rate, Wilson {percent(level)}"
    return Estimate(confirmed / n, float(low), float(high), n, n / len(pairs), method)


_NONE_LEFT = "no question has two answers left"


def _all_present(labels: Iterable[Sequence[int]]) -> list[np.ndarray]:
    """The labels of every question's answers that are not missing."""
    rows = [label_row(row, q) for q, row in enumerate(listed_by_question(labels, "labels", "row"))]
    return [row[row >= 0] for row in rows]


def _cluster_counts(labels: Iterable[Sequence[int]]) -> tuple[list[int], int]:
    """Cluster numbers of the questions with two answers or more, and how many questions were given."""
    left = _all_present(labels)
    return [len(np.unique(x)) for x in left if len(x) > 1], len(left)


def _paired(
    labels_a: Iterable[Sequence[int]], labels_b: Iterable[Sequence[int]]
) -> tuple[list[tuple[np.ndarray, np.ndarray]], int]:
    """Both labels of the answers that neither misses, where two or more are left; and how many questions were given."""
    rows_a, rows_b = (listed_by_question(rows, "labels", "row") for rows in (labels_a, labels_b))
    if len(rows_a) != len(rows_b):
        raise BadInput(f"two clusterings of the same questions are needed, got {len(rows_a)} and {len(rows_b)}")
    pairs = []
    for q, (a, b) in enumerate(zip(rows_a, rows_b, strict=True)):
        a, b = label_row(a, q), label_row(b, q, "labels of the other clustering")
        if len(a) != len(b):
            raise BadInput(f"question {q}: {len(a)} labels but {len(b)} in the other clustering")
        both = (a >= 0) & (b >= 0)
        if both.sum() > 1:
            pairs.append((a[both], b[both]))
    return pairs, len(rows_a)


def _mean_over_questions(values: Sequence[float], given: int, name: str, draws: Draws) -> Estimate:
    """Mean and percentile interval of one number a question."""
    n = len(values)
    if not n:
        return Estimate.undefined(_NONE_LEFT)
    low = high = math.nan
    if n > 1:
        # Drawing n questions with replacement is one multinomial draw over the few distinct values.
        value, times = np.unique(values, return_counts=True)
        means = np.random.default_rng(draws.seed).multinomial(n, times / n, size=draws.resamples) @ value / n
        low, high = (float(end) for end in np.quantile(means, [(1 - draws.level) / 2, (1 + draws.level) / 2]))
    method = f"{name}, bootstrap {percent(draws.level)} over questions, {draws.resamples:,} resamples"
    return Estimate(float(np.mean(values)), low, high, n, n / given, method)
