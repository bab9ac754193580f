"""Labels from similarities: connected components, greedy leader, average and complete linkage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.cluster import hierarchy

from homogen.records import BadInput
from homogen.records.checks import floats, listed_by_question, one_a_question, one_of, real

LINKAGES = ("single", "average", "complete", "greedy")
"""Known ways from similarities to clusters."""

_SLACK = 1e-6  # float32 similarities are symmetric and at most 1 only to about this
_MERGE = 1e-12  # the average of equal distances can come out a few ulps above them; it still merges


def cluster(similarities: Iterable[np.ndarray], threshold: float = 0.4, linkage: str = "single") -> list[np.ndarray]:
    r"""Group answers whose similarity reaches a threshold :math:`\tau`.

    .. math:: i \sim j \iff S_{ij} \ge \tau, \qquad
              \text{and clusters } A, B \text{ merge while} \quad
              \mathop{\mathrm{mean}}_{i \in A,\, j \in B} S_{ij} \ge \tau \quad \text{or} \quad
              \min_{i \in A,\, j \in B} S_{ij} \ge \tau

    for single linkage (the classes are the connected components), average and complete linkage.

    Parameters
    ----------
    similarities
        One ``(N, N)`` matrix :math:`S` a question, in [-1, 1], symmetric, ones on the diagonal. A row and column of NaN
        is a missing answer. The matrices may differ in size.
    threshold
        :math:`\tau` in [-1, 1]. A similarity of exactly :math:`\tau` is similar enough.
    linkage
        ``"single"``: connected components of the graph :math:`S_{ij} \ge \tau`, so two unlike answers meet
        in one cluster if a chain of likenesses leads from one to the other.
        ``"greedy"``: in sample order, each answer joins the first cluster whose *first* member is similar
        enough, or opens its own; the outcome depends on the order.
        ``"average"``, ``"complete"``: agglomerative on the distances :math:`1 - S`; the closest two clusters merge
        until the mean (the largest) distance between members exceeds :math:`1 - \tau`.

    Returns
    -------
    list of numpy.ndarray
        One ``(N,)`` array of int labels a question, 0-based in order of first appearance; -1 for a missing answer.

    Notes
    -----
    Raising the threshold removes edges, so it can never lower the number of single-linkage clusters nor raise
    a single-cluster rate made of them.

    scikit-learn's ``AgglomerativeClustering`` builds the same tree but keeps two clusters apart when
    their distance *equals* ``distance_threshold``; here they merge, as in the other linkages, and so do distances
    within 1e-12 above it, because an average of equal numbers is not always equal to them in floating point.
    Where distances tie, average and complete linkage may depend on the order of the answers.

    Questions of equal size are stacked. Single linkage then is one search for connected components over all of them,
    and greedy clustering N steps over whole stacks.

    References
    ----------
    P. H. A. Sneath (1957), "The application of computers to taxonomy", *J. Gen. Microbiol.* 17 (single linkage).
    R. R. Sokal and C. D. Michener (1958), "A statistical method for evaluating systematic relationships",
    *Univ. Kansas Sci. Bull.* 38 (average linkage).

    Examples
    --------
    A chain: 0 is like 1, 1 is like 2, but 0 is not like 2.

    >>> S = np.array([[1.0, 0.5, 0.1],
    ...               [0.5, 1.0, 0.4],
    ...               [0.1, 0.4, 1.0]])
    >>> for linkage in LINKAGES:
    ...     print(linkage, cluster([S, np.eye(2)], threshold=0.4, linkage=linkage))
    single [array([0, 0, 0]), array([0, 1])]
    average [array([0, 0, 1]), array([0, 1])]
    complete [array([0, 0, 1]), array([0, 1])]
    greedy [array([0, 0, 1]), array([0, 1])]
    """
    one_of("linkage", linkage, LINKAGES)
    real(threshold, "threshold must be a number in [-1, 1]", lambda x: -1 <= x <= 1)
    matrices = [_numbers(S, q) for q, S in enumerate(listed_by_question(similarities, "similarities", "matrix"))]
    by_size = defaultdict(list)
    for q, S in enumerate(matrices):
        if S.ndim < 2:
            raise one_a_question("similarities", "matrix", S, q)
        if S.ndim != 2 or S.shape[0] != S.shape[1]:
            raise BadInput(f"similarity matrix {q} must be square, got shape {S.shape}")
        by_size[len(S)].append(q)
    labels: list[np.ndarray] = [np.empty(0, dtype=int)] * len(matrices)
    for n, questions in by_size.items():
        if not n:
            continue
        stack = np.stack([matrices[q] for q in questions])
        present = _check(stack, questions)
        if linkage == "single":
            groups = _single(stack, threshold)
        elif linkage == "greedy":
            groups = _greedy(stack, present, threshold)
        else:
            groups = _agglomerative(stack, present, threshold, linkage)
        for q, row in zip(questions, _in_order_of_appearance(groups, present), strict=True):
            labels[q] = row
    return labels


def _numbers(S: np.ndarray, question: int) -> np.ndarray:
    """One question's matrix of floats."""
    values = floats(S, f"similarity matrix {question} must be numbers in rows of equal length")
    return values.reshape(0, 0) if values.shape == (0,) else values  # a list of no rows


def _check(stack: np.ndarray, questions: list[int]) -> np.ndarray:
    """Which answers are there, ``(Q, n)`` bool; or a complaint about the first matrix that is none."""
    nan = np.isnan(stack)
    present = ~nan.all(axis=2)
    both = present[:, :, None] & present[:, None, :]
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf, or 1e308 twice; the range check reports it
        asymmetric = np.abs(stack - stack.transpose(0, 2, 1)) > _SLACK
    diagonal = np.diagonal(stack, axis1=1, axis2=2)
    for wrong, complaint in (
        (nan & both, "is NaN in part; a missing answer is a whole row and column of NaN"),
        (asymmetric | (nan != nan.transpose(0, 2, 1)), "is not symmetric"),
        (np.abs(stack) > 1 + _SLACK, "has values outside [-1, 1]"),
        (np.abs(diagonal - 1) > _SLACK, "does not have ones on its diagonal (a distance instead of a similarity?)"),
    ):
        if wrong.any():
            raise BadInput(f"similarity matrix {questions[np.argwhere(wrong)[0, 0]]} {complaint}")
    return present


def _in_order_of_appearance(groups: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Number each row's groups from 0 as they first appear; -1 where no answer is present."""
    distinct = groups + (groups.max() + 1) * np.arange(len(groups))[:, None]
    # Numbered across all rows first; what the rows above used up comes off again.
    labels = np.full(groups.shape, -1)
    labels[present] = pd.factorize(distinct[present])[0]
    lowest = np.where(present, labels, labels.size).min(axis=1, keepdims=True)
    return np.where(present, labels - lowest, -1)


def _single(stack: np.ndarray, threshold: float) -> np.ndarray:
    n = stack.shape[1]
    joined = stack >= threshold  # NaN reaches no threshold: a missing answer stays alone
    joined |= joined.transpose(0, 2, 1)  # a last bit that differs between (i, j) and (j, i) joins from either side
    # A row an answer of any question, its edges those to later answers; columns begin where the question does.
    row, later = np.divmod(np.flatnonzero(np.triu(joined, 1)), n)
    indptr = np.searchsorted(row, np.arange(len(stack) * n + 1))
    graph = (np.ones(len(row), dtype=np.int8), row // n * n + later, indptr)
    edges = sparse.csr_array(graph, shape=(len(stack) * n,) * 2)
    return sparse.csgraph.connected_components(edges, directed=False)[1].reshape(len(stack), n)


def _greedy(stack: np.ndarray, present: np.ndarray, threshold: float) -> np.ndarray:
    questions, n = present.shape
    group = np.zeros((questions, n), dtype=int)
    opens = np.zeros((questions, n), dtype=bool)
    for i in range(n):
        fits = opens & (stack[:, :, i] >= threshold)
        joins = fits.any(axis=1)
        opens[:, i] = present[:, i] & ~joins
        group[:, i] = np.where(joins, fits.argmax(axis=1), i)
    return group


def _agglomerative(stack: np.ndarray, present: np.ndarray, threshold: float, linkage: str) -> np.ndarray:
    group = np.zeros(present.shape, dtype=int)
    for q, here in enumerate(present):
        where = np.flatnonzero(here)
        if len(where) > 1:
            i, j = np.triu_indices(len(where), k=1)
            tree = hierarchy.linkage(np.maximum(1 - stack[q, where[i], where[j]], 0), method=linkage)
            group[q, where] = hierarchy.fcluster(tree, 1 - threshold + _MERGE, criterion="distance")
    return group
