"""What chapters score and compare between runs: the paper's signals, and their AUROCs as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from homogen import clustering, evaluation, similarity, uncertainty
from homogen.records import BadInput, Draws, Estimate

if TYPE_CHECKING:
    from homogen.sampling.store import Run
from homogen.experiment.spread import Ruler, Spread, remembering, similarities


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


def signals(
    run: Run,
    embedder: Any,
    spread_rulers: Sequence[Ruler],
    nli: Any = None,
    device: str = "auto",
    answered: Run | None = None,
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
    answered
        A run of the same questions whose greedy answers are scored in place of the run's own
        (:func:`homogen.experiment.graded`).

    Returns
    -------
    dict
        By family (``"greedy answer"``, ``"samples"``, ``"control"``) and name. The controls are the answer's length,
        the number of distinct answers by their very letters, and a constant: who does not beat them knows nothing.
    """
    u = uncertainty
    answered = answered or run
    entropies, logprobs = answered.column("token_entropies"), answered.column("token_logprobs")
    answers, greedy = run.answers(), answered.greedy()
    embed = remembering(embedder, device) if isinstance(embedder, str) else embedder
    vectors = similarity.embed([[g, *drawn] for g, drawn in zip(greedy, answers, strict=True)], embed)
    drawn, weights = [v[1:] for v in vectors], run.sequence_logprobs()
    cosine = similarity.cosine_of(drawn)
    words = similarity.jaccard(answers)
    # The graph measures are of similarities from 0 to 1.
    positive = [np.clip(S, 0, 1) for S in cosine]
    nll = u.negative_log_likelihood(logprobs)
    to_samples = [np.clip(S[0, 1:], 0, 1) for S in similarity.cosine_of(vectors)]
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
        between |= _by_nli(nli, answers, greedy)
    controls = {
        "length in tokens": np.array([float(len(row)) for row in logprobs]),
        "distinct answers": np.array([float(len({a for a in row if a})) for row in answers]),
        "a constant": np.zeros(len(greedy)),
    }
    families = {"greedy answer": alone, "samples": between, "control": controls}
    return {(family, name): np.asarray(v, float) for family, scores in families.items() for name, v in scores.items()}


def _by_nli(nli: Any, answers: Sequence[Sequence[str]], greedy: Sequence[str]) -> dict[str, np.ndarray]:
    """Scores that ask an NLI model, of the drawn answers and of the greedy one against them."""
    from homogen.nli.asking import as_nli

    asked = as_nli(nli)
    labels = clustering.cluster_nli(answers, asked)
    joined = clustering.cluster_nli(answers, asked, rule="liu")
    members = clustering.membership_nli(answers, asked)
    weighted = similarity.weighted_nli(answers, asked)
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
        "degree, NLI, no contradiction": uncertainty.degree(similarity.noncontradiction(answers, asked)),
    }


def auroc_table(
    scores: Mapping[tuple[str, str], Any],
    wrong: Sequence[float],
    baseline: tuple[str, str] | None = None,
    draws: Draws = Draws(),
) -> tuple[dict[tuple[str, str], Estimate], dict[tuple[str, str], evaluation.TestResult]]:
    """AUROC of each score with its interval, and each compared with a baseline on the same questions.

    Parameters
    ----------
    scores
        From :func:`signals`.
    wrong
        ``(n,)``, 1 = the answer is wrong, NaN = not graded.
    baseline
        The score that DeLong's test sets each other one against; None for the mean token entropy.
    draws
        Of the bootstrap intervals; the level is that of the tests too.

    Returns
    -------
    estimates : dict
        By the keys of ``scores``.
    tests : dict
        By the keys of the rivals: DeLong's test of the baseline's AUROC minus the rival's, over questions with both.
    """
    baseline = ("greedy answer", "mean token entropy") if baseline is None else baseline
    if baseline not in scores:
        raise BadInput(f"the baseline {baseline!r} is not among the scores")
    found = {key: evaluation.auroc(score, wrong, draws=draws) for key, score in scores.items()}
    rivals = {key: score for key, score in scores.items() if key != baseline and key[0] != "control"}
    return found, {
        key: evaluation.delong_test(scores[baseline], score, wrong, draws.level) for key, score in rivals.items()
    }
