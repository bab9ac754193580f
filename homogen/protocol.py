"""What the chapters on models have in common: draw answers, measure them with rulers, score them, compare.

A *ruler* is a similarity with its threshold and linkage: a single-cluster rate means nothing without one. Here the
pure rooms meet: answers go through ``similarity`` and ``clustering``, scores through ``uncertainty``, both through
``evaluation``. A chapter says which models, which rulers and which comparison; how is said once, here.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from homogen import clustering, evaluation, sampling, similarity, uncertainty
from homogen.cards import Unavailable
from homogen.models import load_embedder
from homogen.records import BadInput, Estimate, Question, SamplingSpec, fixed

if TYPE_CHECKING:
    import pandas as pd

    from homogen.evaluation import TestResult
    from homogen.store import Run

LEXICAL: Mapping[str, Callable[[Sequence[Sequence[str]]], list[np.ndarray]]] = {
    "Jaccard": similarity.jaccard_batch,
    "character Jaccard": functools.partial(similarity.jaccard_batch, unit="char-bigram"),
    "ROUGE-L": similarity.rouge_l_batch,
}
"""Similarities that need no model, by the name that a :class:`Ruler` gives them."""


GREEDY_DEPARTS = "a greedy answer as short as the samples, without a system prompt (theirs: 200 tokens, with one)"
"""In what the answer that chapters grade departs from the paper's (:func:`homogen.findings.record`)."""
GRADED_DEPARTS = "graded by the nearest reference, not by a language model"
"""The same of how it is graded."""


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

    def labels(self, matrices: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Cluster each question's answers by their matrix of similarities."""
        return clustering.cluster_batch(matrices, self.threshold, self.linkage)


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


def draw(
    specs: Mapping[str, SamplingSpec], questions: Sequence[Question], store: str = "runs", device: str = "auto"
) -> tuple[dict[str, Run], dict[str, str]]:
    """Draw a run for each spec whose weights can be had; what cannot be had is named, with the reason.

    One model that is gated or not downloaded must not cost the results of the others.

    Parameters
    ----------
    specs
        By the name under which the chapter shows them. Runs of one model should stand side by side: it is loaded once.
    questions, store, device
        As in :func:`homogen.sample`.

    Returns
    -------
    runs : dict of str to Run
        In the order of ``specs``.
    missing : dict of str to str
        One line for each spec that could not be drawn.

    Raises
    ------
    BadInput
        For every other mistake (:func:`homogen.sample`).
    """
    runs, missing = {}, {}
    for name, spec in specs.items():
        try:
            runs[name] = sampling.sample(questions, spec, store=store, device=device)
        except Unavailable as reason:
            missing[name] = str(reason)
    return runs, missing


def had(names: Iterable[str], load: Callable[[str], Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Load each of some models; what cannot be had is named, with the reason, and costs the others nothing.

    Parameters
    ----------
    names
        Of embedders or NLI models.
    load
        What loads one by its name.

    Returns
    -------
    loaded : dict of str to object
        In the order of ``names``.
    missing : dict of str to str
        One line for each that could not be had.

    Raises
    ------
    BadInput
        For every other mistake that ``load`` finds, such as a name that no model has.

    Examples
    --------
    >>> def load(name):
    ...     if name == "gated":
    ...         raise Unavailable("accept its licence first")
    ...     return name.upper()
    >>> had(["open", "gated"], load)
    ({'open': 'OPEN'}, {'gated': 'accept its licence first'})
    """
    loaded, missing = {}, {}
    for name in names:
        try:
            loaded[name] = load(name)
        except Unavailable as reason:
            missing[name] = str(reason)
    return loaded, missing


def judge(
    model: str, prompts: Sequence[str], words: Sequence[str] = ("True", "False"), device: str = "auto"
) -> np.ndarray:
    """Log-probabilities that a model goes on from each prompt with each of some words: what P(True) needs.

    Parameters
    ----------
    model, device
        As in :func:`draw`; the model that has drawn last is not loaded again.
    prompts
        Without the chat template.
    words
        To go on with.

    Returns
    -------
    numpy.ndarray
        ``(len(prompts), len(words))``, natural logarithms.

    Raises
    ------
    BadInput
        If the model cannot be loaded, or a word has no tokens.
    """
    engine = sampling.engine_of(model, device, "transformers")
    # After a plain prompt a word begins with its space; a chat template ends where the answer begins.
    return engine.continuation_logprobs(prompts, [w if engine.model.chat else f" {w}" for w in words])


def not_run(missing: Mapping[str, str]) -> pd.DataFrame:
    """Show what could not be had, as a table: what, and why."""
    import pandas as pd

    return pd.DataFrame({"why it was not run": dict(missing)}).rename_axis("not run")


class Spread:
    """How a set of runs over the same questions spreads under a set of rulers.

    Similarities are computed once a run and similarity, whatever the number of rulers that use it.

    Parameters
    ----------
    runs
        By name; each may be a :class:`~homogen.store.Run` or a list of lists of answers.
    rulers
        To measure with.
    device
        Of the embedders.

    Raises
    ------
    BadInput
        If an embedder is unknown or a threshold is out of range.
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

        Parameters
        ----------
        reference
            The run that the others are compared with: a control, where there is one.
        ruler
            To count with.
        against
            The other runs; all by default.
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
    """Matrices of similarities, one a question.

    Parameters
    ----------
    answers
        A list of answers a question; empty texts are missing.
    kind
        As :class:`Ruler` names similarities.
    device
        Of an embedder.

    Examples
    --------
    >>> similarities([["a b c", "a b d"]], "Jaccard")[0].round(2).tolist()
    [[1.0, 0.33], [0.33, 1.0]]
    """
    if kind in LEXICAL:
        return LEXICAL[kind](answers)
    return similarity.cosine_batch(answers, remembering(kind, device))


@functools.lru_cache(maxsize=8)
def remembering(embedder: str, device: str = "auto") -> Callable[[Sequence[str]], np.ndarray]:
    """An embedder that keeps its vectors: a chapter looks at the same answers in several ways and embeds them once.

    Parameters
    ----------
    embedder, device
        As in :func:`homogen.models.load_embedder`.
    """
    load, known = load_embedder(embedder, device), {}

    def embed(texts: Sequence[str]) -> np.ndarray:
        if new := [text for text in dict.fromkeys(texts) if text not in known]:
            known.update(zip(new, load(new), strict=True))
        return np.stack([known[text] for text in texts]) if len(texts) else load([])

    return embed


def conduct(runs: Mapping[str, Run]) -> pd.DataFrame:
    """What to know of runs before their spread: missing and cut answers, length, and entropy of the greedy answer.

    Parameters
    ----------
    runs
        By name.

    Returns
    -------
    pandas.DataFrame
        A row a run: share of drawn answers that are missing, that the length limit cut, mean tokens of an answer, and
        the mean over questions of the greedy answer's mean token entropy (nats).
    """
    import pandas as pd

    rows = {}
    for name, run in runs.items():
        drawn = run.to_pandas().query("sample >= 0")
        rows[name] = {
            "answers missing": f"{drawn['answer'].eq('').mean():.0%}",
            "cut by the limit": f"{drawn['finish'].eq('length').mean():.0%}",
            "tokens an answer": f"{drawn['token_logprobs'].map(len).mean():.1f}",
            "entropy, greedy (nats)": f"{'at least ' * bounded(run)}{fixed(entropy(run).value)}",
        }
    return pd.DataFrame(rows).T.rename_axis("run")


def measures(spread: Spread, name: str, run: Run, embedder: str) -> dict[str, np.ndarray]:
    """What chapters compare between runs, one number a question: clusters, closeness, entropy and length.

    Parameters
    ----------
    spread, name
        The run is ``name`` in it.
    run
        With its token statistics.
    embedder
        One of the spread's similarities, for the mean cosine.

    Returns
    -------
    dict of str to numpy.ndarray
        Clusters by each ruler, ``"mean cosine"`` of the drawn answers, ``"token entropy, greedy"`` (nats) and ``"tokens
        an answer"``, the mean over the drawn ones.
    """
    tokens = np.array([len(row) for row in run.table.column("token_logprobs").to_pylist()], float)
    found = {f"clusters, {ruler}": spread.counts(name, ruler) for ruler in spread.rulers}
    found["mean cosine"] = spread.closeness(name, embedder)
    found["token entropy, greedy"] = uncertainty.mean_entropy(run.column("token_entropies"))
    # Each question's rows are the greedy answer's and those of the drawn ones.
    found["tokens an answer"] = tokens.reshape(-1, run.spec.n + 1)[:, 1:].mean(axis=1)
    return found


def bounded(run: Run) -> bool:
    """Whether a run's entropies are lower bounds, because its engine saw the likeliest tokens alone."""
    column = "token_entropies_high"
    return column in run.table.column_names and run.table.column(column).null_count < len(run.table)


def entropy(run: Run, seed: int = 0) -> Estimate:
    """Mean over questions of the greedy answer's mean token entropy, in nats, with a bootstrap interval."""
    return evaluation.mean(uncertainty.mean_entropy(run.column("token_entropies")), seed=seed)


def signals(
    run: Run, embedder: Any, spread_rulers: Sequence[Ruler], nli: Any = None, device: str = "auto"
) -> dict[tuple[str, str], Any]:
    """Every score of ``uncertainty`` that a run can give, one number a question, higher = less certain.

    Parameters
    ----------
    run
        Greedy and drawn answers with their token statistics.
    embedder
        A name or a function from texts to vectors.
    spread_rulers
        Rulers of the scores that are read off clusters; a score each.
    nli
        A name or function for the scores that need an NLI model; they are left out without one.
    device
        Of the embedders.

    Returns
    -------
    dict
        By family (``"greedy answer"``, ``"samples"``, ``"control"``) and name. The controls are the answer's length,
        the number of distinct answers by their very letters, and a constant: who does not beat them knows nothing.
    """
    u = uncertainty
    entropies, logprobs = run.column("token_entropies"), run.column("token_logprobs")
    answers, greedy = run.answers(), run.greedy()
    embed = remembering(embedder, device) if isinstance(embedder, str) else embedder
    vectors = similarity.embed([[g, *drawn] for g, drawn in zip(greedy, answers, strict=True)], embed)
    drawn, weights = [v[1:] for v in vectors], run.sequence_logprobs()
    cosine = [similarity.cosine_of(v) for v in drawn]
    words = similarity.jaccard_batch(answers)
    # The graph measures are of similarities from 0 to 1.
    positive = [np.clip(S, 0, 1) for S in cosine]
    nll = u.negative_log_likelihood(logprobs)
    to_samples = [np.clip(similarity.cosine_of(v)[0, 1:], 0, 1) for v in vectors]
    alone = {
        "mean token entropy": u.mean_entropy(entropies),
        "max token entropy": u.max_entropy(entropies),
        "std of token entropy": u.std_entropy(entropies),
        "high-entropy ratio": u.high_entropy_ratio(entropies),
        "negative log-likelihood": nll,
        "negative log-likelihood, summed": u.negative_log_likelihood(logprobs, normalize=False),
        "perplexity": u.perplexity(logprobs),
        "least likely token": u.minimum_token_probability(logprobs),
    }
    between = {
        "predictive entropy, length-normalised": u.predictive_entropy(weights),
        "SINdex": u.sindex(drawn),
        "SelfCheck, embedding": u.selfcheck([v[0] for v in vectors], [v[1:6] for v in vectors]),
        "lexical dissimilarity, Jaccard": u.lexical_dissimilarity(words),
        "degree, embedding": u.degree(positive),
        "eccentricity, embedding": u.eccentricity(positive),
        "Laplacian, embedding": u.laplacian(positive),
        "kernel language entropy, embedding": u.kernel_language_entropy(positive),
        "Vendi score, embedding": u.vendi_score(cosine),
        "semantic density, embedding": u.semantic_density(to_samples, weights, answers),
        "CoCoA, embedding": u.cocoa(nll, to_samples),
    }
    for ruler in spread_rulers:
        S = words if ruler.similarity == "Jaccard" else similarities(answers, ruler.similarity, device)
        labels = ruler.labels(S)
        between[f"number of clusters, {ruler}"] = u.number_of_sets(labels)
        between[f"semantic entropy, {ruler}"] = u.semantic_entropy(labels)
        between[f"semantic entropy, weighted, {ruler}"] = u.semantic_entropy(labels, weights)
    if nli is not None:
        between |= _by_nli(nli, run)
    controls = {
        "length in tokens": np.array([float(len(row)) for row in logprobs]),
        "distinct answers": np.array([float(len({a for a in row if a})) for row in answers]),
        "a constant": np.zeros(len(greedy)),
    }
    families = {"greedy answer": alone, "samples": between, "control": controls}
    return {(family, name): np.asarray(v, float) for family, scores in families.items() for name, v in scores.items()}


def _by_nli(nli: Any, run: Run) -> dict[str, np.ndarray]:
    """Scores that ask an NLI model, of the drawn answers and of the greedy one against them."""
    from homogen.nli import as_nli

    asked = as_nli(nli)
    answers, greedy = run.answers(), run.greedy()
    labels = clustering.cluster_nli_batch(answers, asked)
    joined = clustering.cluster_nli_batch(answers, asked, rule="liu")
    members = clustering.membership_nli_batch(answers, asked)
    weighted = similarity.weighted_nli_batch(answers, asked)
    pairs = [
        [(sample, g) for sample in drawn[:5] if sample] if g else [] for g, drawn in zip(greedy, answers, strict=True)
    ]
    flat = asked([pair for row in pairs for pair in row])
    rows = np.split(np.asarray(flat).reshape(-1, 3), np.cumsum([len(row) for row in pairs])[:-1])
    return {
        "semantic entropy, NLI strict": uncertainty.semantic_entropy(labels),
        "number of clusters, NLI strict": uncertainty.number_of_sets(labels),
        "semantic entropy, NLI liu": uncertainty.semantic_entropy(joined),
        "semantic entropy, overlapping, NLI either": uncertainty.overlapping_semantic_entropy(members),
        "SelfCheck, NLI": uncertainty.selfcheck_nli(rows),
        "kernel language entropy, NLI": uncertainty.kernel_language_entropy(weighted),
        "degree, NLI": uncertainty.degree(weighted),
    }


def auroc_table(
    scores: Mapping[tuple[str, str], Any],
    wrong: Sequence[float],
    baseline: tuple[str, str] | None = None,
    resamples: int = 10_000,
    seed: int = 0,
) -> tuple[dict[tuple[str, str], Estimate], pd.DataFrame]:
    """AUROC of each score with its interval, and each compared with a baseline on the same questions.

    Parameters
    ----------
    scores
        From :func:`signals`.
    wrong
        ``(n,)``, 1 = the answer is wrong, NaN = not graded.
    baseline
        The score that DeLong's test sets each other one against; None for the mean token entropy.
    resamples, seed
        Of the bootstrap intervals.

    Returns
    -------
    estimates : dict
        By the keys of ``scores``.
    tests : pandas.DataFrame
        A row a rival: the baseline's AUROC minus the rival's, its DeLong interval, the questions that both score, p and
        p by Holm's method.

    Raises
    ------
    BadInput
        If the baseline is not among the scores.
    """
    import pandas as pd

    baseline = ("greedy answer", "mean token entropy") if baseline is None else baseline
    if baseline not in scores:
        raise BadInput(f"the baseline {baseline!r} is not among the scores")
    found = {key: evaluation.auroc(score, wrong, resamples=resamples, seed=seed) for key, score in scores.items()}
    rivals = {key: score for key, score in scores.items() if key != baseline and key[0] != "control"}
    tests = {key: evaluation.delong_test(scores[baseline], score, wrong) for key, score in rivals.items()}
    table = pd.DataFrame(
        [(t.difference, t.low, t.high, t.n, t.pvalue) for t in tests.values()],
        columns=["baseline minus rival", "low", "high", "n", "p"],
        index=pd.MultiIndex.from_tuples(tests, names=["family", "rival"]),
    )
    table["p, Holm"] = evaluation.holm(table["p"]) if len(table) else []
    return found, table


def _read(estimate: Estimate, digits: int = 3) -> tuple[str, str]:
    """Value and interval as text; an undefined value gives its reason."""
    if np.isnan(estimate.value):
        return estimate.method or "undefined", "–"
    interval = f"[{fixed(estimate.low, digits)}, {fixed(estimate.high, digits)}]"
    return fixed(estimate.value, digits), "–" if np.isnan(estimate.low) else interval
