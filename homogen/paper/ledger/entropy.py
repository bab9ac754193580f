"""Checks on the released greedy answers: token entropy by category, model and label (experiments 1, 4, 6, 12)."""

from __future__ import annotations

import functools
import itertools

import numpy as np
from scipy import stats

from homogen import cascade, evaluation
from homogen.paper import released
from homogen.paper.claims import Claim
from homogen.paper.ledger._base import Outcome, arithmetic, check, number, printed, remark, statement, within

FIRST = ("published/v1a_fluency.jsonl",)
THREE = tuple(released.GREEDY_RUNS[m] for m in ("llama3.2-3b", "qwen3-4b", "qwen3-14b"))
_SIZES = ("llama3.2-3b", "qwen3-4b", "qwen3-14b")


@functools.cache
def answers(run: str = "qwen3-14b-first"):
    """The greedy answers of a run as a table, with their length in tokens."""
    records = released.greedy_answers(run)
    return released.table(records).assign(length=[r.n_tokens for r in records])


def auroc(score, wrong) -> float:
    """AUROC without an interval; questions with NaN are left out."""
    return evaluation.auroc(score, wrong, interval=None).value


@check("C028", FIRST, convention="decided only")
@check("C085", FIRST, convention="undecided wrong")
def overall_auroc(claim: Claim, convention: str) -> Outcome:
    """AUROC of mean token entropy over all answers that the label convention decides."""
    table = answers()
    wrong = released.wrong_by(table, convention)
    others = {c: auroc(table.mean_entropy, released.wrong_by(table, c)) for c in released.CONVENTIONS}
    said = ", ".join(f"{name}: {value:.3f}" for name, value in others.items())
    note = f"{np.isfinite(wrong).sum()} of {len(wrong)} answers; by label convention: {said}"
    return number(claim, others[convention], note=note)


@check("C029", FIRST)
def effect_size(claim: Claim) -> Outcome:
    """Cohen's d of mean token entropy, incorrect against correct."""
    table = answers()
    d = evaluation.cohens_d(table.mean_entropy, released.wrong_by(table))
    return number(claim, d.value, note=f"interval [{d.low:.3f}, {d.high:.3f}], n = {d.n}")


def zone(name: str):
    """The categories that the sign of their own mean difference puts into a zone."""
    table = answers()
    return evaluation.selected_auroc(table.mean_entropy, released.wrong_by(table), table.category, select=name)


@check("C030", FIRST, name="effective")
@check("C031", FIRST, name="blind")
def zone_auroc(claim: Claim, name: str) -> Outcome:
    """AUROC pooled over the categories of the zone, and its mean with one category left out at a time."""
    table, wrong = answers(), released.wrong_by(answers())
    picked = zone(name)
    inside = table.category.isin(picked.categories).to_numpy() & np.isfinite(wrong)
    left_out = [
        auroc(table.mean_entropy[rest], wrong[rest])
        for rest in (inside & (table.category != c).to_numpy() for c in picked.categories)
    ]
    note = (
        f"{len(picked.categories)} categories picked by the sign of the same difference; leaving one out at a time the "
        f"AUROC is {min(left_out):.3f} to {max(left_out):.3f}, on average {np.mean(left_out):.3f}"
    )
    return number(claim, picked.estimate.value, note=note)


@check("C032", FIRST)
def zone_sizes(claim: Claim) -> Outcome:
    """Categories with two or more correct and incorrect answers, by the sign of their difference in mean entropy."""
    return number(claim, len(zone("effective").categories), len(zone("blind").categories))


@check("C033", FIRST, name="effective")
@check("C034", FIRST, name="blind")
def zone_questions(claim: Claim, name: str) -> Outcome:
    """Questions in the categories of the zone."""
    return number(claim, zone(name).estimate.n)


@check("C035", FIRST, category="Religion")
@check("C036", FIRST, category="Advertising")
@check("C037", FIRST, category="Health")
def category_auroc(claim: Claim, category: str) -> Outcome:
    """AUROC of mean token entropy within the category."""
    table = answers()
    wrong = released.wrong_by(table)
    inside = (table.category == category).to_numpy() & np.isfinite(wrong)
    score, y = table.mean_entropy[inside], wrong[inside]
    exact = evaluation.auroc(score, y, interval="delong")
    p = stats.mannwhitneyu(score[y == 1], score[y == 0], method="exact" if len(y) < 10 else "auto").pvalue
    span = (
        f"DeLong [{exact.low:.2f}, {exact.high:.2f}]" if np.isfinite(exact.low) else "no interval: perfectly separated"
    )
    return number(claim, exact.value, note=f"{len(y)} questions, {span}, Mann-Whitney p = {p:.3f}")


@check("C090", FIRST, category="Confusion: People")
@check("C092", FIRST, category="Education")
def blind_category(claim: Claim, category: str) -> Outcome:
    """AUROC of mean token entropy within the category, under each label convention."""
    table = answers()
    inside = (table.category == category).to_numpy()
    found = {
        name: auroc(table.mean_entropy[inside], released.wrong_by(table[inside], name)) for name in released.CONVENTIONS
    }
    note = ", ".join(f"{name}: {'undefined' if np.isnan(v) else f'{v:.3f}'}" for name, v in found.items())
    return remark(note, "by label convention; the paper does not say which labels it used")


@functools.cache
def differences():
    """Mean entropy of the incorrect less that of the correct, by category and model, where all three models qualify."""
    import pandas as pd

    found = {}
    for model in _SIZES:
        table = answers(model)
        wrong = released.wrong_by(table)
        rows = table.assign(wrong=wrong)[np.isfinite(wrong)]
        means = rows.pivot_table(index="category", columns="wrong", values="mean_entropy", aggfunc=["mean", "count"])
        enough = (means["count"].fillna(0) >= 2).all(axis=1)
        found[model] = (means["mean"][1.0] - means["mean"][0.0])[enough]
    return pd.DataFrame(found).dropna()


def _zone(model: str, effective: bool):
    by_category = differences()[model]
    return by_category.index[(by_category > 0) == effective]


@check("C058", THREE, model="llama3.2-3b", effective=True)
@check("C059", THREE, model="llama3.2-3b", effective=False)
@check("C062", THREE, model="qwen3-4b", effective=True)
@check("C063", THREE, model="qwen3-4b", effective=False)
@check("C066", THREE, model="qwen3-14b", effective=True)
@check("C067", THREE, model="qwen3-14b", effective=False)
def zone_share(claim: Claim, model: str, effective: bool) -> Outcome:
    """Share of the categories that qualify in all three models in which the model's difference has that sign."""
    count = len(_zone(model, effective))
    return number(claim, count / len(differences()), note=f"{count} of {len(differences())} categories")


@check("C060", THREE, model="llama3.2-3b", effective=True)
@check("C064", THREE, model="qwen3-4b", effective=True)
@check("C068", THREE, model="qwen3-14b", effective=True)
@check("C061", THREE, model="llama3.2-3b")
@check("C065", THREE, model="qwen3-4b")
@check("C069", THREE, model="qwen3-14b")
def model_auroc(claim: Claim, model: str, effective: bool | None = None) -> Outcome:
    """AUROC pooled over the model's effective categories, or over all categories that qualify in all three models."""
    value, n = pooled(model, effective)
    note = f"{n} questions"
    if effective is None:
        table = answers(model)
        wrong = released.wrong_by(table)
        note += f" of {len(differences())} categories; over all {np.isfinite(wrong).sum()} decided questions it is "
        note += f"{auroc(table.mean_entropy, wrong):.3f}"
    return number(claim, value, note=note)


def pooled(model: str, effective: bool | None) -> tuple[float, int]:
    """AUROC of a model over its effective (or blind, or all) shared categories, and how many questions that is."""
    table = answers(model)
    wrong = released.wrong_by(table)
    names = differences().index if effective is None else _zone(model, effective)
    inside = table.category.isin(names).to_numpy() & np.isfinite(wrong)
    return auroc(table.mean_entropy[inside], wrong[inside]), int(inside.sum())


@check("C070", THREE)
def same_direction(claim: Claim) -> Outcome:
    """Share of the shared categories in which the difference has one sign in all three models."""
    positive = differences() > 0
    same = positive.all(axis=1) | ~positive.any(axis=1)
    by_chance = sum(np.prod(signs) for signs in zip(*((m, 1 - m) for m in positive.mean()), strict=True))
    return number(claim, same.mean(), note=f"signs drawn independently at these rates would agree in {by_chance:.2f}")


@check("C071", THREE, pair=("qwen3-4b", "llama3.2-3b"))
@check("C072", THREE, pair=("qwen3-14b", "llama3.2-3b"))
def rank_correlation(claim: Claim, pair: tuple[str, str]) -> Outcome:
    """Spearman's rho of the differences of two models over the shared categories."""
    result = stats.spearmanr(*(differences()[m] for m in pair))
    return number(claim, result.statistic, note=f"p = {result.pvalue:.2f}, {len(differences())} categories")


@check("C073", THREE)
def falls_with_size(claim: Claim) -> Outcome:
    """Whether the AUROC on effective categories falls from the 3B to the 4B to the 14B model."""
    values = [pooled(model, True)[0] for model in _SIZES]
    everywhere = [auroc(answers(m).mean_entropy, released.wrong_by(answers(m))) for m in _SIZES]
    ordered = all(a > b for a, b in itertools.pairwise(values))
    note = "each over another set of categories, picked by its own sign; over all decided questions "
    note += " > ".join(f"{v:.3f}" for v in everywhere) + ". The 3B model is of another family"
    return statement(ordered, " > ".join(f"{v:.3f}" for v in values), note)


@check("C083", FIRST, label="correct")
@check("C084", FIRST, label="ambiguous")
def label_share(claim: Claim, label: str) -> Outcome:
    """Share of the 790 answers with that label."""
    count = int((answers().label == label).sum())
    return number(claim, count / len(answers()), note=f"{count} of {len(answers())}")


@check("C108", FIRST)
def mean_entropy(claim: Claim) -> Outcome:
    """Mean over the questions of the mean token entropy."""
    return number(claim, answers().mean_entropy.mean())


@check("C232", FIRST)
def entropy_range(claim: Claim) -> Outcome:
    """Mean and greatest value, over the questions, of the mean token entropy."""
    return number(claim, answers().mean_entropy.mean(), answers().mean_entropy.max())


@check("C144", FIRST)
def length_baseline(claim: Claim) -> Outcome:
    """AUROC of the answer's length beside that of its entropy, under each label convention."""
    table, said, ahead = answers(), [], 0
    for name in released.CONVENTIONS:
        wrong = released.wrong_by(table, name)
        length, entropy = auroc(table.length, wrong), auroc(table.mean_entropy, wrong)
        ahead += abs(length - 0.5) > abs(entropy - 0.5)
        said.append(f"{name}: length {length:.3f}, entropy {entropy:.3f}")
    note = f"length is further from 0.5 than entropy under {ahead} of {len(said)} conventions"
    return remark("; ".join(said), note)


@check("C223", FIRST)
def area_under_risk_coverage(claim: Claim) -> Outcome:
    """AURC of mean entropy, whatever is not correct counted as wrong, ties in expectation."""
    table = answers()
    wrong = released.wrong_by(table, "undecided wrong")
    value = evaluation.aurc(table.mean_entropy, wrong, interval=None).value
    return number(claim, value, note=f"always wrong would be 1, a random order {wrong.mean():.3f}")


@check("C224", FIRST, column="mean_entropy")
@check("C225", FIRST, column="max_entropy")
def gain_at_half_coverage(claim: Claim, column: str) -> Outcome:
    """(Accuracy of the surer half - accuracy) / (1 - accuracy), what the paper calls PRR at 50%."""
    table = answers()
    right = 1 - released.wrong_by(table, "undecided wrong")
    base, score = right.mean(), table[column].to_numpy()
    kept = len(score) // 2
    edge = np.sort(score)[kept - 1]
    sure, tied = score < edge, right[score == edge]
    open_places = kept - int(sure.sum())
    ends = [right[sure].sum() + np.sort(tied)[::step][:open_places].sum() for step in (1, -1)]
    low, high = ((end / kept - base) / (1 - base) for end in ends)
    value = ((right[sure].sum() + open_places * tied.mean()) / kept - base) / (1 - base)
    prr = evaluation.prr(score, 1 - right, interval=None).value
    return within(claim, low, high, value, note=f"the prediction rejection ratio over all coverages is {prr:.3f}")


@check("C226")
def weaker_than_mathematics(claim: Claim) -> Outcome:
    """Ratio of the two figures of PRR at 50%, GSM8K over TruthfulQA (mean entropy)."""
    note = f"with max entropy (C225) {printed('C143') / printed('C225'):.1f}"
    return arithmetic(claim, lambda maths, facts: maths / facts, "C143", "C224", note=note)


@check("C015", FIRST)
def rank_equivalent(claim: Claim) -> Outcome:
    """Whether entropy follows from the chosen token's probability: two distributions that give it the same one."""
    table = answers()
    wrong = released.wrong_by(table, "undecided wrong")
    columns = ("mean_entropy", "max_entropy", "std_entropy", "high_entropy_ratio")
    values = {c.replace("_", " "): auroc(table[c], wrong) for c in columns}
    # Two distributions that give the chosen token the same probability and differ in all else.
    peaked, flat = np.array([0.5, 0.5, 0.0, 0.0]), np.array([0.5, 1 / 6, 1 / 6, 1 / 6])
    same_token = (
        f"entropies {stats.entropy(peaked):.3f} and {stats.entropy(flat):.3f} nats at one token probability of 0.5"
    )
    said = ", ".join(f"{name} {v:.3f}" for name, v in values.items())
    note = f"so no order is shared by construction; AUROC of functions of the same released entropies: {said}"
    return statement(bool(np.isclose(stats.entropy(peaked), stats.entropy(flat))), same_token, note)


@check("C220", FIRST)
def gain_over_length(claim: Claim) -> Outcome:
    """Likelihood-ratio test of entropy beside length, first 200 questions, under each label convention."""
    table, pvalues = answers()[:200], {}
    for name in released.CONVENTIONS:
        wrong = released.wrong_by(table, name)
        keep = np.isfinite(wrong)
        test = evaluation.likelihood_ratio_test(table.mean_entropy[keep], table.length[keep], wrong[keep])
        pvalues[name] = test.pvalue
    below = sum(p < 0.05 for p in pvalues.values())
    return remark(
        ", ".join(f"{name} {p:.2f}" for name, p in pvalues.items()),
        f"p by label convention on the first 200 answers, {below or 'none'} of {len(pvalues)} below 0.05; "
        "all answers are tested in the chapter",
    )


@check("C097", FIRST)
def entropy_router(claim: Claim) -> Outcome:
    """AUROC of a logistic regression on the released entropy statistics, five folds, undecided counted as wrong."""
    table = answers()
    columns = ["mean_entropy", "max_entropy", "min_entropy", "std_entropy", "high_entropy_ratio"]
    wrong = released.wrong_by(table, "undecided wrong")
    made = [cascade.learned_pointer(table[columns].to_numpy(), wrong, seed=seed) for seed in range(5)]
    values = [auroc(forecast, wrong) for forecast in made]
    note = f"{min(values):.3f} to {max(values):.3f} over five ways to cut the folds; five statistics are released"
    return remark(f"{np.mean(values):.3f}", note)
