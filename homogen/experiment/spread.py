"""Rulers, and how sets of answers spread under them.

A *ruler* is a similarity with its threshold and linkage: a single-cluster rate means nothing without one.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from homogen import clustering, evaluation, similarity, uncertainty
from homogen.models.embedder import load_embedder
from homogen.records import Estimate, fixed

if TYPE_CHECKING:
    import pandas as pd

    from homogen.evaluation import TestResult


LEXICAL: Mapping[str, Callable[[Sequence[Sequence[str]]], list[np.ndarray]]] = {
    "Jaccard": similarity.jaccard,
    "character Jaccard": functools.partial(similarity.jaccard, unit="char-bigram"),
    "ROUGE-L": similarity.rouge_l,
}
"""Similarities that need no model, by the name that a :class:`Ruler` gives them."""


@dataclasses.dataclass(frozen=True)
class Ruler:
    """A similarity with its threshold and linkage.

    Parameters
    ----------
    similarity
        ``"Jaccard"`` (word bigrams), ``"character Jaccard"``, ``"ROUGE-L"``, or the name of an embedder for the cosine
        of its vectors.
    threshold
        Two answers at least so similar may be joined.
    linkage
        ``"single"``, ``"greedy"``, ``"average"`` or ``"complete"`` (:func:`homogen.clustering.cluster`).

    Examples
    --------
    >>> print(Ruler("Jaccard", 0.4, "single"))
    Jaccard ≥ 0.4, single
    """

    similarity: str
    threshold: float
    linkage: str

    def __str__(self) -> str:
        return f"{self.similarity} ≥ {self.threshold:g}, {self.linkage}"

    @property
    def settings(self) -> dict[str, Any]:
        """What a claim's settings can be held against (:meth:`homogen.book.findings.Chapter.record`)."""
        found: dict[str, Any] = {"similarity": self.similarity, "threshold": self.threshold, "linkage": self.linkage}
        if self.similarity not in LEXICAL:
            found |= {"similarity": "embedding", "embedder": self.similarity.split("/")[-1]}
        return found

    def labels(self, matrices: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Cluster each question's answers by their matrix of similarities."""
        return clustering.cluster(matrices, self.threshold, self.linkage)


def rulers(
    embedders: Iterable[str] = (), jaccard_threshold: float = 0.4, cosine_threshold: float = 0.85
) -> list[Ruler]:
    """The paper's rulers: word-bigram Jaccard with single linkage, embedders with average linkage.

    Parameters
    ----------
    embedders
        Names of embedders, a ruler each.
    jaccard_threshold, cosine_threshold
        The paper's are 0.4 and 0.85.

    Examples
    --------
    >>> [str(ruler) for ruler in rulers(["wordllama"])]
    ['Jaccard ≥ 0.4, single', 'wordllama ≥ 0.85, average']
    """
    cosines = [Ruler(name, cosine_threshold, "average") for name in embedders]
    return [Ruler("Jaccard", jaccard_threshold, "single"), *cosines]


class Spread:
    """How a set of runs over the same questions spreads under a set of rulers.

    Similarities are computed once a run and similarity, whatever the number of rulers that use it.

    Parameters
    ----------
    runs
        By name; each may be a :class:`~homogen.sampling.store.Run` or a list of lists of answers.
    rulers
        To measure with.
    device
        Of the embedders.

    Raises
    ------
    Unavailable
        If an embedder's weights cannot be had.

    Examples
    --------
    >>> answers = {"alike": [["a b", "a b"], ["c d", "c d"]], "apart": [["a b", "a b"], ["c d", "e f"]]}
    >>> spread = Spread(answers, rulers())
    >>> [round(spread.rate(run, spread.rulers[0]).value, 2) for run in answers]
    [1.0, 0.5]
    """

    def __init__(self, runs: Mapping[str, Any], rulers: Sequence[Ruler], device: str = "auto") -> None:
        self.rulers = list(rulers)
        self.answers = {name: run.answers() if hasattr(run, "answers") else run for name, run in runs.items()}
        self.matrices = {
            (name, kind): similarities(answers, kind, device)
            for kind in dict.fromkeys(ruler.similarity for ruler in self.rulers)
            for name, answers in self.answers.items()
        }
        self._labels: dict[tuple[str, Ruler], list[np.ndarray]] = {}

    def labels(self, run: str, ruler: Ruler) -> list[np.ndarray]:
        """Labels of each question's answers, ``(N,)`` each."""
        if (run, ruler) not in self._labels:
            self._labels[run, ruler] = ruler.labels(self.matrices[run, ruler.similarity])
        return self._labels[run, ruler]

    def counts(self, run: str, ruler: Ruler) -> np.ndarray:
        """Number of clusters of each question; NaN where fewer than two answers are left."""
        return uncertainty.number_of_sets(self.labels(run, ruler))

    def single(self, run: str, ruler: Ruler) -> np.ndarray:
        """Whether each question has one cluster: 1, 0, or NaN where fewer than two answers are left."""
        counts = self.counts(run, ruler)
        return np.where(np.isnan(counts), np.nan, counts == 1)

    def rate(self, run: str, ruler: Ruler) -> Estimate:
        """The single-cluster rate with its Wilson interval."""
        return clustering.single_cluster_rate(self.labels(run, ruler))

    def clusters(self, run: str, ruler: Ruler) -> Estimate:
        """Mean number of clusters with its bootstrap interval."""
        return clustering.mean_number_of_clusters(self.labels(run, ruler))

    def closeness(self, run: str, similarity: str) -> np.ndarray:
        """Mean similarity of two answers to each question: moves where cluster counts are stuck at 1 or N."""
        return 1 - uncertainty.lexical_dissimilarity(self.matrices[run, similarity])

    def rates(self) -> dict[tuple[str, str], Estimate]:
        """Single-cluster rates by run and ruler."""
        return {(run, str(ruler)): self.rate(run, ruler) for run in self.answers for ruler in self.rulers}

    def table(self) -> pd.DataFrame:
        """Rates and mean clusters of all runs and rulers, as a reader should see them."""
        import pandas as pd

        rows = []
        for run in self.answers:
            for ruler in self.rulers:
                rate, clusters = self.rate(run, ruler), self.clusters(run, ruler)
                rows.append((run, str(ruler), *_read(rate), *_read(clusters, 2)[:1], rate.n, f"{rate.coverage:.0%}"))
        columns = ["run", "ruler", "SCR", "95% interval", "mean clusters", "n", "coverage"]
        return pd.DataFrame(rows, columns=columns).set_index(["run", "ruler"])

    def change(self, run: str, reference: str, ruler: Ruler) -> Estimate:
        """Clusters a question of one run minus another's, paired by question, with Student's t interval."""
        return evaluation.paired_difference(self.counts(run, ruler), self.counts(reference, ruler))

    def tests(self, reference: str, ruler: Ruler, against: Iterable[str] | None = None) -> pd.DataFrame:
        """Wilcoxon's signed-rank test of each run's cluster counts against one run's, with Holm's adjustment.

        The one is ``reference``, a control where there is one; the others are those of ``against``, or all.
        """
        import pandas as pd

        others = [name for name in (self.answers if against is None else against) if name != reference]
        found: dict[str, TestResult] = {
            name: evaluation.paired_wilcoxon(self.counts(name, ruler), self.counts(reference, ruler)) for name in others
        }
        table = pd.DataFrame(
            {name: (self.change(name, reference, ruler).value, t.pvalue) for name, t in found.items()},
            index=[f"clusters minus {reference}", "p"],
        ).T
        table["p, Holm"] = evaluation.holm(table["p"]) if len(table) else []
        return table.rename_axis(str(ruler))


def first_words(answers: Sequence[Sequence[str]], words: int) -> list[list[str]]:
    """Cut every answer to its first words, so that answers of different length can be compared at one.

    Examples
    --------
    >>> first_words([["It is Paris.", "", "Paris"]], 2)
    [['It is', '', 'Paris']]
    """
    return [[" ".join(answer.split()[:words]) for answer in row] for row in answers]


def similarities(answers: Sequence[Sequence[str]], kind: str, device: str = "auto") -> list[np.ndarray]:
    """Matrices of similarities of a kind (as :class:`Ruler` names them), one a question; empty texts are missing.

    Examples
    --------
    >>> similarities([["a b c", "a b d"]], "Jaccard")[0].round(2).tolist()
    [[1.0, 0.33], [0.33, 1.0]]
    """
    if kind in LEXICAL:
        return LEXICAL[kind](answers)
    return similarity.cosine(answers, remembering(kind, device))


@functools.lru_cache(maxsize=8)
def remembering(embedder: str, device: str = "auto") -> Callable[[Sequence[str]], np.ndarray]:
    """An embedder that keeps its vectors: a chapter looks at the same answers in several ways and embeds them once."""
    load, known = load_embedder(embedder, device), {}

    def embed(texts: Sequence[str]) -> np.ndarray:
        if new := [text for text in dict.fromkeys(texts) if text not in known]:
            known.update(zip(new, load(new), strict=True))
        return np.stack([known[text] for text in texts]) if len(texts) else load([])

    return embed


def _read(estimate: Estimate, digits: int = 3) -> tuple[str, str]:
    """Value and interval as text; an undefined value gives its reason."""
    if np.isnan(estimate.value):
        return estimate.method or "undefined", "–"
    interval = f"[{fixed(estimate.low, digits)}, {fixed(estimate.high, digits)}]"
    return fixed(estimate.value, digits), "–" if np.isnan(estimate.low) else interval
