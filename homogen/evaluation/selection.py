"""Groups picked by the thing that is then reported: what the picking alone would give.

A category qualifies with at least ``min_each`` wrong and as many right answers. It is "effective" if the mean score of
its wrong answers is above that of its right ones, and "blind" if not. AUROC over the questions of the picked categories
is then high, or low, also where the score knows nothing at all: the sign was looked at first. Two comparisons show how
much of it that makes: labels permuted within categories, with the picking done again each time; and picking on one half
of the questions, reporting on the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable

import numpy as np

from homogen.evaluation._base import (
    NAN,
    Labels,
    PermutationResult,
    Row,
    against_null,
    auroc_of,
    check_binary,
    in_order,
    in_units,
    labels_of,
    no_label,
    percent,
    percentiles,
    row,
    same_length,
    shuffled,
)
from homogen.records import Draws, Estimate
from homogen.records.checks import one_of, whole
from homogen.records.draws import check_draws

SELECTIONS = ("effective", "blind")


@dataclasses.dataclass(frozen=True)
class SelectedGroup:
    """AUROC pooled over the picked categories, and their names.

    Attributes
    ----------
    estimate
        The AUROC, without an interval.
    categories
        Names of the picked categories, sorted.
    """

    estimate: Estimate
    categories: tuple[Hashable, ...]


def selected_auroc(
    score: Row, wrong: Row, category: Labels, select: str = "effective", min_each: int = 2
) -> SelectedGroup:
    r"""AUROC over the categories that were picked by its own sign, as it is usually reported.

    .. math:: \mathrm{AUROC}\bigl(\{i : c_i \in E\}\bigr), \qquad
              E = \{c : \bar s_{c,\text{wrong}} - \bar s_{c,\text{right}} > 0\}

    E are the "effective" categories among those that qualify, with :math:`\le 0` the "blind" ones. It has no interval:
    one that takes the categories as given would be too narrow and in the wrong place. Set it beside
    :func:`within_category_permutation` and :func:`split_half`.

    Parameters
    ----------
    score
        ``(n,)``; higher = less certain.
    wrong
        ``(n,)`` of 0 and 1.
    category
        ``(n,)`` names. A question with a NaN, or without a category (None, NaN, an empty string), is left out.
    select
        ``"effective"`` or ``"blind"``; a difference of 0 (up to rounding) is blind.
    min_each
        Wrong and right answers that a category needs to qualify, at least 1.

    Returns
    -------
    SelectedGroup
        ``estimate.coverage`` is the share of the given questions that the picked categories hold. Undefined where no
        category qualifies or none is picked.

    References
    ----------
    Kriegeskorte, Simmons, Bellgowan and Baker (2009), *Nat. Neurosci.* 12, on picking and reporting by one number.

    Examples
    --------
    >>> group = selected_auroc([1, 2, 3, 4, 4, 3, 2, 1], [0, 0, 1, 1, 0, 0, 1, 1], list("aaaabbbb"))
    >>> group.estimate.value, group.categories
    (1.0, ('a',))
    """
    data = _Grouped(score, wrong, category, select, min_each)
    n = len(data.score)
    if not n:
        return SelectedGroup(Estimate.undefined(data.missing), ())
    labels = data.wrong[None]
    picked = data.picked(labels)
    names = tuple(name for name, yes in zip(data.names, picked[0], strict=True) if yes)
    if not names:
        return SelectedGroup(Estimate.undefined(f"no category is {select}", n, n / data.given), ())
    value, held = float(data.pooled(labels, picked)[0]), int(picked[0][data.code].sum())
    method = f"AUROC over {len(names)} of {len(data.names)} categories picked as {select} (selected, no interval)"
    return SelectedGroup(Estimate(value, NAN, NAN, held, held / data.given, method), names)


def within_category_permutation(
    score: Row, wrong: Row, category: Labels, select: str = "effective", min_each: int = 2, draws: Draws = Draws()
) -> PermutationResult:
    r"""What :func:`selected_auroc` gives where the score knows nothing of errors inside a category.

    .. math:: p = \frac{1 + \#\{b : A_b \ge A\}}{1 + B}

    A is the selected AUROC, :math:`A_b` that of the b-th of B permutations (:math:`\le` for ``"blind"``). Labels are
    permuted within each category, which keeps its error rate and its scores, and the picking is done again.
    ``null_mean`` is then the AUROC that picking alone gives, and ``pvalue`` one-sided in the direction of the picking:
    the share of permutations with an AUROC as high ("effective") or as low ("blind"). Permutations in which no category
    is picked are left out and counted in ``method``.

    Parameters
    ----------
    score, wrong, category, select, min_each
        As in :func:`selected_auroc`.
    draws
        Of the permutations, and the share of them in [``null_low``, ``null_high``].

    Returns
    -------
    PermutationResult
        ``observed`` is the selected AUROC. Undefined where no category qualifies or none is picked.

    References
    ----------
    Phipson and Smyth (2010), *Stat. Appl. Genet. Mol. Biol.* 9.

    Examples
    --------
    Two of the six ways to label four questions pick the category, with AUROC 1 and 3/4, so picking alone gives 0.87:

    >>> null = within_category_permutation([1, 2, 3, 4], [0, 0, 1, 1], list("aaaa"), draws=Draws(1000))
    >>> print(f"{null.observed:.2f}, null {null.null_mean:.2f}, p = {null.pvalue:.2f}")
    1.00, null 0.87, p = 0.48
    """
    check_draws(draws)
    data = _Grouped(score, wrong, category, select, min_each)
    n = len(data.score)
    if not n:
        return PermutationResult.undefined(data.missing, 0, data.given)
    labels = data.wrong[None]
    observed = float(data.pooled(labels, data.picked(labels))[0])
    if np.isnan(observed):
        return PermutationResult.undefined(f"no category is {select}", n, data.given)
    pieces = []
    for order in shuffled(data.code, draws):
        labels = data.wrong[order]
        pieces.append(data.pooled(labels, data.picked(labels)))
    null = np.concatenate(pieces)
    none = int(np.isnan(null).sum())
    note = f", {none:,} with no category picked left out" if none else ""
    method = f"AUROC over {select} categories, {draws.resamples:,} permutations within categories{note}"
    effect = Estimate(observed, np.nan, np.nan, n, n / data.given, method)
    return against_null(effect, null, draws.level, sign=1 if select == "effective" else -1)


def split_half(
    score: Row,
    wrong: Row,
    category: Labels,
    select: str = "effective",
    min_each: int = 2,
    draws: Draws = Draws(1000),
) -> Estimate:
    r"""AUROC of picked categories on questions that had no part in the picking: mean over random halves.

    .. math:: \frac{1}{B} \sum_{b=1}^{B} \mathrm{AUROC}\bigl(\{i \in H_b' : c_i \in E(H_b)\}\bigr)

    :math:`H_b` and :math:`H_b'` are the two halves of split b, E(H) the categories that half H picks. Each category's
    wrong and right answers are split in two (the odd one at random); the picking is done on one half of the categories
    that qualify on all questions, AUROC on the other. ``low`` and ``high`` are percentiles over the splits, which share
    their questions: a range, not a confidence interval. A score that knows nothing of errors gives 0.5 on average; half
    the questions also mean that more is picked by accident than from the whole.

    Parameters
    ----------
    score, wrong, category, select, min_each
        As in :func:`selected_auroc`. A category of which a half lacks a class is not picked in that split.
    draws
        Of the splits, and the share of them in the range. Those without an AUROC are left out and counted in
        ``method``.

    Returns
    -------
    Estimate
        From 0 to 1; a range without width says that all splits agree, and no more. Undefined where no category
        qualifies, and where no split has an AUROC.

    References
    ----------
    Kriegeskorte, Simmons, Bellgowan and Baker (2009), *Nat. Neurosci.* 12.

    Examples
    --------
    >>> score, wrong = [1, 2, 3, 4] * 4, [0, 0, 1, 1] * 4
    >>> print(split_half(score, wrong, list("aaaabbbb" * 2), draws=Draws(100)))
    1.000 [1.000, 1.000], n=16, coverage 100%
    """
    check_draws(draws)
    data = _Grouped(score, wrong, category, select, min_each)
    n = len(data.score)
    if not n:
        return Estimate.undefined(data.missing)
    # Rows come category by category, right before wrong: cells of a category and a class are blocks.
    cell = 2 * data.code + data.wrong
    _, size = np.unique(cell, return_counts=True)
    place = np.arange(n) - np.repeat(size.cumsum() - size, size)
    odd = np.random.default_rng([draws.seed, 1])
    pieces = []
    for order in shuffled(np.repeat(np.arange(len(size)), size), draws):
        half = np.repeat((size + odd.integers(0, 2, (len(order), len(size)))) // 2, size, axis=1)
        first = np.empty(order.shape, dtype=bool)
        np.put_along_axis(first, order, place < half, axis=1)
        labels = np.broadcast_to(data.wrong, first.shape)
        pieces.append(data.pooled(labels, data.picked(labels, first), ~first))
    values = np.concatenate(pieces)
    if np.isnan(values).all():
        return Estimate.undefined(f"no split picks a category as {select} and has both classes", n, n / data.given)
    low, high, none = percentiles(values, draws.level)
    note = f", {none:,} without an AUROC left out" if none else ""
    method = f"AUROC over {select} categories, picked on the other half, {draws.resamples:,} splits{note}"
    method += f", range {percent(draws.level)}"
    return Estimate(float(np.nanmean(values)), low, high, n, n / data.given, method)


class _Grouped:
    """The qualifying rows, category by category, and the picking for many labellings ``(B, n)`` at once."""

    def __init__(self, score: Row, wrong: Row, category: Labels, select: str, min_each: int):
        one_of("selection", select, SELECTIONS)
        whole("min_each", min_each, 1)
        s, w = row("score", score), row("wrong", wrong)
        check_binary("wrong", w)
        category = labels_of("category", category)
        same_length(score=s, wrong=w, category=category)
        self.effective = select == "effective"
        self.given = len(s)
        known = ~np.isnan(s) & ~np.isnan(w)
        kept = [i for i, c in enumerate(category) if known[i] and not no_label(c)]
        s, w = s[kept], w[kept].astype(bool)
        names = [category[i] for i in kept]
        self.names = in_order(names)
        number = {name: j for j, name in enumerate(self.names)}
        code = np.array([number[name] for name in names], dtype=np.int64)
        n1, n0 = (np.bincount(code[w == c], minlength=len(self.names)) for c in (True, False))
        enough = (n1 >= min_each) & (n0 >= min_each)
        self.missing = (
            f"no category has {min_each} wrong and {min_each} right answers" if self.given else "no questions"
        )
        self.names = [name for name, yes in zip(self.names, enough, strict=True) if yes]
        rows = np.flatnonzero(enough[code])
        rows = rows[np.lexsort([s[rows], w[rows], code[rows]])]  # so the order given plays no part
        (self.score,), _ = in_units(s[rows])
        self.wrong = w[rows]
        self.code = np.cumsum(np.diff(code[rows], prepend=code[rows][:1]) > 0)
        if len(rows):
            self.starts = np.flatnonzero(np.diff(self.code, prepend=-1))
            # Around their mean, so that a large offset does not eat the digits of small differences.
            self.around = self.score - self.score.mean()
            self.distinct, self.place = np.unique(self.score, return_inverse=True)

    def picked(self, labels: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
        """Which categories are picked, ``(B, C)``, by the rows ``among`` (all)."""
        among = np.ones_like(labels) if among is None else among

        def mean(rows: np.ndarray) -> np.ndarray:
            count = np.add.reduceat(rows, self.starts, axis=1, dtype=np.int64)
            with np.errstate(invalid="ignore"):  # 0/0: no row of this class, which picks nothing
                return np.add.reduceat(rows * self.around, self.starts, axis=1) / count

        difference = mean(labels & among) - mean(~labels & among)
        equal = np.abs(difference) <= 1e-12 * np.abs(self.score).max()  # up to rounding
        return (difference > 0) & ~equal if self.effective else (difference < 0) | equal

    def pooled(self, labels: np.ndarray, picked: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
        """AUROC over the rows ``among`` (all) of the picked categories, ``(B,)``, NaN without both classes."""
        rows = picked[:, self.code] if among is None else picked[:, self.code] & among
        G = len(self.distinct)
        # A cell for each score and class, and a spare block of cells for what is not picked.
        cell = self.place + G * np.where(rows, labels, 2) + 3 * G * np.arange(len(labels))[:, None]
        counts = np.bincount(cell.ravel(), minlength=3 * G * len(labels)).reshape(-1, 3, G)
        return auroc_of(counts[:, 0], counts[:, 1])
