"""Checks on the released samples and cluster counts (experiments 26 to 28), and on the benchmark's 200 questions."""

from __future__ import annotations

import functools

import numpy as np

from homogen import clustering, evaluation, questions, similarity, uncertainty
from homogen.paper import released
from homogen.paper.claims import Claim
from homogen.paper.ledger._base import Outcome, check, comparison, identity, number, printed, statement
from homogen.paper.ledger.entropy import FIRST, auroc

BENCHMARK = ("benchmarks/truthfulqa.csv",)
SERVED = ("published/exp26_minimax_scr.json",)
DUEL = ("published/exp27_sindex_headtohead.json",)
JUDGED = ("published/exp28_nli_validation.json",)


@check("C005", BENCHMARK)
def categories(claim: Claim) -> Outcome:
    """Categories in the benchmark file."""
    return number(claim, len({q.category for q in questions.load_questions("truthfulqa")}))


@check("C006", BENCHMARK)
def benchmark_size(claim: Claim) -> Outcome:
    """Questions in the benchmark file."""
    return number(claim, len(questions.load_questions("truthfulqa")))


@check("C004", (*BENCHMARK, "benchmarks/tqa_200q.json"))
def same_mix(claim: Claim) -> Outcome:
    """Whether the 200 questions have the categories of the 790 (total variation distance 0)."""
    import json

    from homogen.questions import sources

    every = questions.load_questions("truthfulqa")
    subset = json.loads(sources.fetch("benchmarks/tqa_200q.json").read_text("utf-8"))
    first = subset == [q.text for q in every[: len(subset)]]
    names = sorted({q.category for q in every})
    shares = [
        np.array([sum(q.category == name for q in group) for name in names]) / len(group)
        for group in (every, [q for q in every if q.text in set(subset)])
    ]
    distance = np.abs(shares[0] - shares[1]).sum() / 2
    which = "they are the first rows of the file" if first else "not the first rows"
    note = f"{which}; {(shares[1] > 0).sum()} of {len(names)} categories occur"
    return statement(distance < 0.0005, f"{distance:.3f}", note)


@functools.cache
def served_clusters(stripped: bool = False):
    """Cluster counts of the served models' samples by model, raw or without reasoning (NaN below two answers)."""
    found = {}
    for model, rows in released.served().items():
        texts = [[r.answer for r in row.responses] if stripped else list(row.texts) for row in rows]
        labels = clustering.cluster(similarity.jaccard(texts), threshold=0.4)
        counts = uncertainty.number_of_sets(labels).astype(float)
        counts[[sum(label >= 0) < 2 for label in labels]] = np.nan
        found[model] = counts
    return found


def _answered(model: str) -> str:
    rows = released.served()[model]
    given = [bool(r.answer) for row in rows for r in row.responses]
    usable = np.isfinite(served_clusters(True)[model]).sum()
    return (
        f"only {sum(given)} of {len(given)} samples hold an answer behind their reasoning; {usable} of {len(rows)} "
        "questions have two or more"
    )


@check("C349", SERVED, model="MiniMax-M2.7")
@check("C351", SERVED, model="MiniMax-M2.7-highspeed")
def served_rate(claim: Claim, model: str) -> Outcome:
    """Single-cluster rate of the raw samples, word-bigram Jaccard at 0.4, single linkage."""
    return number(claim, (served_clusters()[model] == 1).mean(), note=_answered(model))


@check("C350", SERVED, model="MiniMax-M2.7")
@check("C352", SERVED, model="MiniMax-M2.7-highspeed")
def served_mean(claim: Claim, model: str) -> Outcome:
    """Mean number of clusters of the raw samples, word-bigram Jaccard at 0.4, single linkage."""
    return number(claim, served_clusters()[model].mean(), note=_answered(model))


@functools.cache
def duel():
    """The 200 questions of the head to head."""
    return released.table(released.head_to_head())


@check("C353", DUEL, column="b1_entropy")
@check("C354", DUEL, column="se_jaccard")
@check("C355", DUEL, column="se_emb")
@check("C356", DUEL, column="sindex")
def duel_auroc(claim: Claim, column: str) -> Outcome:
    """AUROC of the released score against the released labels."""
    made = evaluation.auroc(duel()[column], duel().y_true)
    return number(claim, made.value, note=f"[{made.low:.3f}, {made.high:.3f}]; ambiguous and no_match count as right")


@check("C357", DUEL, column="n_clusters_jaccard")
@check("C358", DUEL, column="n_clusters_emb")
@check("C321", DUEL, column="n_clusters_emb")
@check("C014", DUEL, column="n_clusters_emb")
def duel_rate(claim: Claim, column: str) -> Outcome:
    """Share of the 200 questions with one cluster."""
    rate = evaluation.wilson(int((duel()[column] == 1).sum()), len(duel()))
    other = (duel().n_clusters_jaccard == 1).mean()
    note = f"[{rate.low:.3f}, {rate.high:.3f}]"
    if column != "n_clusters_jaccard":
        note += f"; the same answers clustered by word overlap: {other:.3f}"
    return number(claim, rate.value, note=note)


@check("C359", DUEL + FIRST)
def duel_positives(claim: Claim) -> Outcome:
    """Questions labelled wrong, and whether they are Qwen3-14B's incorrect answers."""
    labels = np.array([a.label == "incorrect" for a in released.greedy_answers("qwen3-14b-first")[: len(duel())]])
    same = (labels == (duel().y_true == 1)).mean()
    note = f"{same:.0%} of the labels are those of Qwen3-14B's greedy answers; the samples are Mistral-7B's"
    return number(claim, duel().y_true.sum(), note=note)


@check("C360", DUEL)
def entropy_wins(claim: Claim) -> Outcome:
    """Whether token entropy has at least the AUROC of semantic entropy, by word overlap and by embeddings."""
    own = auroc(duel().b1_entropy, duel().y_true)
    others = {name: auroc(duel()[name], duel().y_true) for name in ("se_jaccard", "se_emb")}
    ps = [evaluation.delong_test(duel().b1_entropy, duel()[name], duel().y_true).pvalue for name in others]
    shown = f"{own:.3f} against {' and '.join(f'{v:.3f}' for v in others.values())}"
    said = " and ".join(f"{p:.2f}" for p in evaluation.holm(ps))
    note = f"DeLong p by Holm {said}; labels and entropy are of Qwen3-14B, the samples of Mistral-7B"
    return comparison(own >= max(others.values()), shown, note)


@check("C325", DUEL)
def robust_at_scale(claim: Claim) -> Outcome:
    """Whether the two rates compare: the same answers must give the same rate by the ruler of the other."""
    by_words = (duel().n_clusters_jaccard == 1).mean()
    by_embedding = (duel().n_clusters_emb == 1).mean()
    note = (
        f"33.5% is by embeddings on Mistral-7B, {printed('C283'):.0%} by word overlap on Qwen3-14B; Mistral's same "
        f"answers have {by_words:.1%} by word overlap"
    )
    return statement(abs(by_words - by_embedding) < 0.05, f"{by_embedding:.3f} against {by_words:.3f}", note)


@check("C013", DUEL)
def one_cluster(claim: Claim) -> Outcome:
    """AUROC of any function of the clusters on the questions that the same clusters call single."""
    single = duel()[duel().n_clusters_emb == 1]
    by_cluster = {name: auroc(single[name], single.y_true) for name in ("se_emb", "n_clusters_emb")}
    others = {name: auroc(single[name], single.y_true) for name in ("se_jaccard", "sindex", "b1_entropy")}
    said = ", ".join(f"{name} {v:.3f}" for name, v in others.items())
    note = f"a constant score has AUROC 1/2; on the same {len(single)} questions scores from elsewhere have {said}"
    return identity(all(v == 0.5 for v in by_cluster.values()), "0.5", note)


@functools.cache
def judged(single: bool):
    """The adjudicated questions of a kind."""
    table = released.table(released.adjudications())
    table = table[table.single == single]
    return table.assign(share=table.entailed_pairs / table.total_pairs)


@check("C361", JUDGED, single=True)
@check("C363", JUDGED, single=False)
def agreement(claim: Claim, single: bool) -> Outcome:
    """Share of questions on which the pairs' verdict agrees with the embedding clusters (more or less than 0.7)."""
    agreed = judged(single).share > 0.7 if single else judged(single).share < 0.7
    rate = evaluation.wilson(int(agreed.sum()), len(agreed))
    note = f"{agreed.sum()} of {len(agreed)}, [{rate.low:.3f}, {rate.high:.3f}]"
    if not single:
        rejected = (judged(True).share < 0.7).mean()
        note += f"; the same verdict, less than 0.7, falls on {rejected:.0%} of the single-cluster questions too"
    return number(claim, rate.value, note=note)


@check("C362", JUDGED, single=True)
@check("C364", JUDGED, single=False)
def mean_entailment(claim: Claim, single: bool) -> Outcome:
    """Mean share of the 45 pairs that entail each other."""
    made = evaluation.mean(judged(single).share)
    return number(claim, made.value, note=f"[{made.low:.3f}, {made.high:.3f}], n = {made.n}")


@check("C365", JUDGED)
def same_meaning(claim: Claim) -> Outcome:
    """Whether the paper's own NLI clusterings of the same model find that many single clusters."""
    rates = [printed(i) for i in ("C200", "C202", "C204")]
    agreed = (judged(True).share > 0.7).sum()
    note = f"the adjudication, on another model, confirms {agreed} of {len(judged(True))} single embedding clusters"
    return statement(max(rates) >= printed("C365"), f"at most {max(rates):g}", note)
