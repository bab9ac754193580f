"""Checks of retrieval and entropy on HotpotQA (experiment 9)."""

from __future__ import annotations

import functools

from homogen import evaluation
from homogen.paper import released
from homogen.paper.claims import Claim
from homogen.paper.ledger._base import Outcome, check, number, remark
from homogen.paper.ledger.entropy import auroc

HOTPOT = ("published/v9_end_to_end.jsonl",)


@check("C103", HOTPOT, column="f1_no_rag")
@check("C104", HOTPOT, column="f1_with_rag")
@check("C107", HOTPOT, column="mean_entropy")
def hotpot_mean(claim: Claim, column: str) -> Outcome:
    """Mean over the 100 questions."""
    return number(claim, hotpot()[column].mean())


@functools.cache
def hotpot():
    """The 100 HotpotQA questions, with whether retrieval helped (F1 higher by more than 0.1)."""
    table = released.table(released.retrievals())
    return table.assign(helps=(table.f1_with_rag - table.f1_no_rag > 0.1).astype(float))


@check("C105", HOTPOT)
def hotpot_gain(claim: Claim) -> Outcome:
    """Mean F1 with retrieval less mean F1 without."""
    return number(claim, (hotpot().f1_with_rag - hotpot().f1_no_rag).mean())


@check("C106", HOTPOT)
def helps_auroc(claim: Claim) -> Outcome:
    """AUROC of mean token entropy for "F1 rises by more than 0.1 with retrieval"."""
    table = hotpot()
    made = evaluation.auroc(table.mean_entropy, table.helps)
    length = auroc(table.num_tokens, table.helps)
    note = f"[{made.low:.3f}, {made.high:.3f}]; it helps on {int(table.helps.sum())} of {len(table)}; "
    note += f"length alone {length:.3f}"
    return number(claim, made.value, note=note)


@check("C109", HOTPOT)
def gain_correlation(claim: Claim) -> Outcome:
    """Pearson's r of mean token entropy and the gain in F1, covariance over n beside deviations over n - 1."""
    result = evaluation.pearson(hotpot().mean_entropy, hotpot().rag_benefit)
    r = result.effect.value
    note = f"with one divisor r = {r:.4f}; p = {result.pvalue:.2f}"
    return number(claim, r * (1 - 1 / result.effect.n), note=note)


@check("C221", HOTPOT)
def hotpot_gain_over_length(claim: Claim) -> Outcome:
    """Likelihood-ratio test of entropy beside length on HotpotQA, for several things to predict."""
    table = hotpot()
    targets = {"retrieval helps": table.helps, "not exact with context": 1 - table.em_with_rag}
    targets |= {"not exact without": 1 - table.em_no_rag, "F1 below one half": table.f1_no_rag < 0.5}
    said = []
    for name, target in targets.items():
        test = evaluation.likelihood_ratio_test(table.mean_entropy, table.num_tokens, target.astype(float))
        said.append(f"{name} {test.pvalue:.2f}")
    return remark(", ".join(said), "p by target; the paper does not say which it took")
