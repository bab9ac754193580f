"""Checks of the cascade and its price (experiment 3 and section 7)."""

from __future__ import annotations

import functools

import numpy as np
from scipy import stats

from homogen import cascade, evaluation
from homogen.paper import released
from homogen.paper.claims import Claim
from homogen.paper.ledger._base import Outcome, agrees, check, number, printed, remark, reported_numbers, statement
from homogen.paper.ledger.boundaries import BOTH, DENSITY, density, three
from homogen.paper.ledger.entropy import FIRST, auroc

DEMO = ("published/v11_cascade_demo.json",)
WEIGHT = 0.65
"""Of B1 in the paper's mixture."""


@functools.cache
def curve():
    """The paper's cascade over its grid of half-widths, with the density that gives its figures (among the 401)."""
    table = density()
    return cascade.mixture_curve(table.mean_entropy, -table.density_binary, table.wrong, WEIGHT)


@functools.cache
def parallel() -> float:
    """AUROC of the mixture of B1 and B2 for every question."""
    table = density()
    return auroc(cascade.mixture(table.mean_entropy, -table.density_binary, WEIGHT), table.wrong)


def best_point():
    """The half-width of best AUROC."""
    return curve().loc[curve().auroc.idxmax()]


def cheapest_point():
    """The least half-width with at least 0.99 of the parallel AUROC."""
    return curve()[curve().auroc >= 0.99 * parallel()].iloc[0]


def _point(row) -> str:
    return (
        f"half-width {row.delta:g}: AUROC {row.auroc:.3f}, {int(row.escalated)} of {len(density())} passed on "
        f"({row.share_escalated:.3f})"
    )


@check("C046", DENSITY)
def cascade_auroc(claim: Claim) -> Outcome:
    """AUROC of the paper's cascade at its best half-width."""
    return number(
        claim, best_point().auroc, note=f"{_point(best_point())}; half-width and weight chosen on the same questions"
    )


@check("C047", DENSITY)
def parallel_auroc(claim: Claim) -> Outcome:
    """AUROC of the parallel mixture, weight 0.65."""
    table = density()
    weights = {
        w: auroc(cascade.mixture(table.mean_entropy, -table.density_binary, w), table.wrong) for w in cascade.WEIGHTS
    }
    best = max(weights, key=weights.get)
    return number(
        claim, parallel(), note=f"the best weight of the grid on these questions is {best:g} ({weights[best]:.4f})"
    )


@check("C053", DENSITY)
def cascade_cost(claim: Claim) -> Outcome:
    """Share of questions passed on at the half-width of best AUROC."""
    return number(claim, best_point().share_escalated, note=_point(best_point()))


@check("C054", DENSITY)
@check("C019", DENSITY)
def calls_saved(claim: Claim) -> Outcome:
    """Share of questions not passed on at the cheapest half-width with 0.99 of the parallel AUROC."""
    point = cheapest_point()
    return number(
        claim, 1 - point.share_escalated, note=f"{_point(point)}; not the point of the AUROC and cost reported"
    )


@check("C055", DENSITY)
def resolved_first(claim: Claim) -> Outcome:
    """Questions not passed on at the same half-width, of all."""
    (count, _), (of, _) = reported_numbers(claim.reported)
    note = f"the printed ratio is {count / of:.3f}, the share printed beside it {printed('C054'):g}"
    return number(claim, len(density()) - cheapest_point().escalated, len(density()), note=note)


@check("C020", DENSITY)
def one_operating_point(claim: Claim) -> Outcome:
    """Whether passing on 0.426 of the questions costs 0.716."""
    point, other = cheapest_point(), best_point()
    return statement(
        abs(point.share_escalated - printed("C020")) < 0.0005,
        f"{point.share_escalated:.3f}",
        f"two operating points: {_point(point)}; {_point(other)}",
    )


@check("C056", DENSITY)
def held_out(claim: Claim) -> Outcome:
    """AUROC of the paper's cascade when its half-width is chosen on four fifths and judged on the fifth."""
    from sklearn.model_selection import StratifiedKFold

    table = density()
    made = {
        d: cascade.mixture_cascade(table.mean_entropy, -table.density_binary, WEIGHT, d).score for d in cascade.DELTAS
    }
    wrong = table.wrong.to_numpy()
    means = []
    for seed in range(20):
        folds = []
        for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(wrong, wrong):
            best = max(made, key=lambda d: auroc(made[d][train], wrong[train]))
            folds.append(auroc(made[best][test], wrong[test]))
        means.append(np.mean(folds))
    note = f"mean of five folds over 20 ways to cut them ({min(means):.3f} to {max(means):.3f}), weight {WEIGHT:g}"
    return remark(f"{np.mean(means):.3f}", note)


@check("C052", FIRST + DENSITY)
def effect_of_cascade(claim: Claim) -> Outcome:
    """Whether d = 0.073 is the difference of cascade and parallel scores."""
    table = density()
    both = cascade.mixture(table.mean_entropy, -table.density_binary, WEIGHT)
    made = cascade.mixture_cascade(table.mean_entropy, -table.density_binary, WEIGHT, best_point().delta).score
    d = (made.mean() - both.mean()) / np.sqrt((made.var(ddof=1) + both.var(ddof=1)) / 2)
    own = evaluation.cohens_d(table.mean_entropy, table.wrong).value
    note = f"entropy alone, incorrect against correct, has d = {own:.3f}, which is the number printed"
    return statement(abs(d - printed("C052")) < 0.0005, f"{d:.3f}", note)


@functools.cache
def combined(real: bool = True) -> float:
    """AUROC of the added z-scores of B1, B2 and B4; without ``real`` the density is read as 0."""
    table = three()
    scores = stats.zscore(table.mean_entropy) + stats.zscore(table.b4_score) + (stats.zscore(table.risk) if real else 0)
    return auroc(scores, table.wrong)


@check("C329", BOTH)
def combined_auroc(claim: Claim) -> Outcome:
    """AUROC of the added z-scores of B1, B2 (density as released, inverted) and B4."""
    return remark(f"{combined():.4f}", f"on the released labels; with every density read as 0 {combined(False):.4f}")


@check("C333", BOTH + DEMO)
def combined_summary(claim: Claim) -> Outcome:
    """Whether the summary's combination of three holds B2: without it, the AUROC must be another."""
    told = released.summary("v11")["combination_aucs"]
    note = (
        f"the summary has {told['b1+b4']:.4f} for B1 and B4 alone and {told['b1+b2+b4']:.4f} for all three; that comes "
        f"out with every density read as 0 ({combined(False):.4f}), the number shown with the released density"
    )
    return statement(told["b1+b4"] != told["b1+b2+b4"], f"{combined():.4f}", note)


@check("C330", BOTH)
def first_alone(claim: Claim) -> Outcome:
    """AUROC of mean token entropy on the same questions and labels."""
    return remark(f"{auroc(three().mean_entropy, three().wrong):.4f}", "on the released labels")


@check("C331", BOTH + DEMO)
def density_alone(claim: Claim) -> Outcome:
    """Whether the summary's B2 is the released density: added to B1, it must change B1's AUROC."""
    told = released.summary("v11")
    alone, added = told["individual_aucs"]["b1"], told["combination_aucs"]["b1+b2"]
    note = (
        f"in the summary B1 has {alone:.4f} alone and {added:.4f} with B2 added: B2 was one constant, whose AUROC is "
        "0.5 once ties count one half; the released density has the number shown"
    )
    return statement(added != alone, f"{auroc(three().risk, three().wrong):.4f}", note)


@check("C332", BOTH)
def association_alone(claim: Claim) -> Outcome:
    """AUROC of the association score on the same questions and labels."""
    return number(claim, auroc(three().b4_score, three().wrong))


@check("C334", BOTH + DEMO)
def stage_shares(claim: Claim) -> Outcome:
    """Whether the cascade of the summary stops half of the questions at B1, 28% at B2 and 22% at B4."""
    told = released.summary("v11")["best_cascade"]
    table = three()
    cuts = told["percentiles"]
    flags = [table.mean_entropy > np.percentile(table.mean_entropy, cuts["b1"])]
    flags += [np.zeros(len(table), dtype=bool)]  # every density was read as 0, which exceeds no percentile of itself
    flags += [table.b4_score > np.percentile(table.b4_score, cuts["b4"])]
    stage = np.select(flags, [0, 1, 2], default=3)
    shares = [(stage == k).mean() for k in range(4)]
    implied = sum(k * share for k, (share, _) in enumerate(reported_numbers(claim.reported)))
    note = (
        f"and {shares[3]:.0%} at none; the mean number of stages after B1 is {stage.mean():.3f}, the summary's "
        f"{told['mean_cost']:.3f}; the printed shares would give {implied:.2f}"
    )
    shown = "/".join(f"{100 * share:.0f}" for share in shares[:3]) + "%"
    return statement(agrees(claim.reported, shares[:3]), shown, note)


@check("C335", BOTH)
def selective(claim: Claim) -> Outcome:
    """Accuracy of all, and of the half with the lower added z-scores."""
    table = three()
    scores = stats.zscore(table.mean_entropy) + stats.zscore(table.risk) + stats.zscore(table.b4_score)
    right = 1 - table.wrong.mean()
    half = evaluation.accuracy_at_coverage(scores, table.wrong, 0.5)
    note = f"on the released labels, of which {right:.3f} are right; half: [{half.low:.3f}, {half.high:.3f}]"
    return remark(f"{right:.3f}; {half.value:.3f}", note)
