"""Checks that need no file: the paper's numbers set against each other."""

from __future__ import annotations

import itertools
import math

from scipy import stats

from homogen import clustering
from homogen.evaluation import fisher
from homogen.paper.claims import Claim, claims
from homogen.paper.ledger._base import (
    Outcome,
    arithmetic,
    check,
    comparison,
    number,
    printed,
    remark,
    reported_numbers,
    statement,
)

_PAPER = ("Sec", "Table", "App", "Abstract", "Fig")


def _p_of(claim_id: str, other: str, n: int) -> float:
    """Fisher's p for two printed rates on n questions each."""
    return _p_fisher(round(printed(claim_id) * n), n, round(printed(other) * n), n)


def _p_fisher(hits: int, n: int, other_hits: int, other_n: int) -> float:
    return fisher([1] * hits + [0] * (n - hits), [1] * other_hits + [0] * (other_n - other_hits)).pvalue


@check("C001")
def experiments(claim: Claim) -> Outcome:
    """Numbered experiments among the claims that the paper itself makes, its repository's README left out."""
    told = [c for c in claims().values() if c.source.startswith(_PAPER) and " vs " not in c.source]
    own = {c.experiment for c in told if c.experiment.isdigit()}
    return number(claim, len(own))


@check("C002")
def benchmarks(claim: Claim) -> Outcome:
    """Benchmarks named among the claims."""
    named = {name for c in claims().values() for name in c.dataset.split("+") if name}
    return number(claim, len(named), note=", ".join(sorted(named)))


@check("C003")
def freshqa_size(claim: Claim) -> Outcome:
    """Whether the size named in the scope is that of the results."""
    used = {printed("C003"), float(claims()["C078"].n)}
    note = f"n = {claims()['C075'].n} in the same section; the benchmark has {claims()['C341'].reported} questions"
    return statement(len(used) == 1, ", ".join(f"{s:g}" for s in sorted(used)), note)


@check("C008")
def power(claim: Claim) -> Outcome:
    """Power of the exact McNemar test for 0% against 28.5% on 200 questions, two-sided 0.05."""
    n, rate = int(claim.n), printed("C236")
    # With a first rate of 0 every discordant pair points one way: p = 2 / 2^d, so d = 6 is enough.
    least = next(d for d in itertools.count(1) if 2 * 0.5**d < 0.05)
    return number(claim, stats.binom.sf(least - 1, n, rate), note=f"{least} discordant pairs are enough")


@check("C010")
def low_end(claim: Claim) -> Outcome:
    """Whether no clusterer of the paper has a lower rate on the same model."""
    named = {i: printed(i) for i in ("C200", "C202", "C204")}
    said = ", ".join(f"{i}: {v:g}" for i, v in named.items())
    return statement(
        min(named.values()) >= printed("C010"), f"{min(named.values()):g}", f"by NLI on the same model, {said}"
    )


@check("C012")
def two_ranges(claim: Claim) -> Outcome:
    """Whether the range is the one that the abstract gives."""
    ends = [value for value, _ in reported_numbers(claim.reported)]
    abstract = [printed("C010"), printed("C011")]
    return statement(ends == abstract, f"{abstract[0]:.0%} to {abstract[1]:.0%}", "in the abstract")


@check("C016")
def fold_range(claim: Claim) -> Outcome:
    """Whether the ratio of two rates is 50, to the digit printed, and nearer to two orders of magnitude than to one."""
    ratio = printed("C236") / printed("C296")
    orders = math.log10(ratio)
    note = f"10 to the {orders:.2f}; the lower rate is one question of 200, so its interval is wide"
    return comparison(_is_multiple(ratio, 50) and round(orders) == 2, f"{ratio:.0f}x", note)


@check("C017")
def effect_ratio(claim: Claim) -> Outcome:
    """Ratio of Cohen's d on GSM8K and on TruthfulQA."""
    ratio, judged = printed("C135") / printed("C029"), printed("C135") / printed("C195")
    note = f"from C135, C029; with the d that the paper gives under the judge's labels (C195) {judged:.1f}"
    return comparison(_is_multiple(ratio, 10), f"{ratio:.1f}", note)


def _is_multiple(ratio: float, times: int) -> bool:
    """Whether a ratio rounds to a multiple that is printed with one digit ("10x", "50x"): one rule for all of them."""
    return float(f"{ratio:.0e}") == times


@check("C026")
def tax_of_two(claim: Claim) -> Outcome:
    """The value of 1 - clusters / N for two clusters of ten answers."""
    value = clustering.alignment_tax([[0] * 5 + [1] * 5])[0]
    value = float(getattr(value, "value", value))
    return number(claim, value, note="0 would need a definition by which only a single cluster counts")


@check("C050")
@check("C051")
def tost(claim: Claim) -> Outcome:
    """Whether the p of the text, the p of the tables and the two printed t agree."""
    p = stats.t.sf(min(printed("C048"), printed("C049")), 401 - 1)
    agree = abs(p - printed(claim.claim_id)) < 0.001 and printed("C050") == printed("C051")
    return statement(
        agree,
        f"{p:.3f}",
        f"from t = {printed('C049'):g} with 400 degrees of freedom, our reading; the text has {printed('C050'):g}, two "
        f"tables {printed('C051'):g}",
    )


@check("C077")
def drop(claim: Claim) -> Outcome:
    """Accuracy before the cut-off over accuracy after 2025."""
    ratio = printed("C075") / printed("C076")
    low, high = (value for value, _ in reported_numbers("11 13"))
    return statement(low <= ratio <= high, f"{ratio:.1f}x", "from C075, C076")


@check("C080")
@check("C081")
def freshqa_auroc(claim: Claim) -> Outcome:
    """Whether the text and the table give one AUROC for entropy on FreshQA."""
    same = printed("C080") == printed("C081")
    return statement(
        same,
        f"{printed('C080'):g} and {printed('C081'):g}",
        "text and Table 17; the interval of the table excludes the text's",
    )


@check("C143")
def gsm8k_gain(claim: Claim) -> Outcome:
    """(Accuracy at half coverage - accuracy) / (1 - accuracy)."""
    return arithmetic(claim, lambda half, base: (half - base) / (1 - base), "C138", "C127")


@check("C160")
def remainder(claim: Claim) -> Outcome:
    """One less the single-cluster rate by embeddings."""
    return arithmetic(claim, lambda rate: 1 - rate, "C149", note="a rest of 1 by definition, one ruler's")


@check("C161", ids=("C161", "C162", "C163"))
@check("C163", ids=("C161", "C162", "C163"))
@check("C164", ids=("C164", "C165", "C166"))
@check("C166", ids=("C164", "C165", "C166"))
def falls_with_threshold(claim: Claim, ids: tuple[str, ...]) -> Outcome:
    """Whether the rate does not rise with the similarity threshold: more demanded cannot join more answers."""
    rates = [printed(i) for i in ids]
    shown = " then ".join(f"{r:g}" for r in rates)
    return statement(
        all(a >= b for a, b in itertools.pairwise(rates)),
        shown,
        f"as the threshold rises ({', '.join(ids)}); the appendix has it falling",
    )


@check("C167")
def appendix_order(claim: Claim) -> Outcome:
    """Whether 59% at 0.2 and 28.7% at 0.6 can stand beside 28%, 40% and 55% at 0.3, 0.4 and 0.5."""
    ends = [value for value, _ in reported_numbers(claim.reported)]
    rates = [ends[0], printed("C164"), printed("C165"), printed("C166"), ends[1]]
    falls = all(a >= b for a, b in itertools.pairwise(rates))
    return statement(
        falls,
        " then ".join(f"{r:g}" for r in rates),
        "thresholds 0.2 to 0.6; with 0.3 and 0.5 exchanged they would fall",
    )


@check("C324")
def two_rates(claim: Claim) -> Outcome:
    """Whether Table 15 and the appendix give one rate for the same 200 questions and threshold 0.85."""
    rate = reported_numbers(claim.reported)[1][0]
    note = "Table 15 and the appendix, n = 200; the row is of another model than the table's other rows"
    return statement(rate == printed("C175"), f"{rate:g} and {printed('C175'):g}", note)


@check("C191", other="C183")
@check("C192", other="C184")
@check("C193", other="C182")
@check("C194", other="C185")
def auroc_difference(claim: Claim, other: str) -> Outcome:
    """Difference of the two printed AUROC."""
    note = "on 790 and on 200 questions" if claims()[other].n != claims()["C181"].n else ""
    return arithmetic(claim, lambda a, b: a - b, "C181", other, note=note)


@check("C336")
def nli_scale(claim: Claim) -> Outcome:
    """Difference of the printed AUROC with the largest and the smallest NLI model."""
    return arithmetic(claim, lambda a, b: a - b, "C185", "C187", note="each has an interval about 0.18 wide")


@check("C219")
def semantic_energy(claim: Claim) -> Outcome:
    """Whether the AUROC lies as far above chance as the percentage beside it says."""
    (value, _), (said, half) = (reported_numbers(part)[0] for part in claim.reported.split())
    gain = value / 0.5 - 1
    note = f"{value} against 0.5; the figure itself is cited from elsewhere"
    return statement(abs(gain - said) <= half, f"{gain:.0%}", note)


@check("C229")
def ece_reduction(claim: Claim) -> Outcome:
    """One less the ratio of the two printed ECE."""
    return arithmetic(claim, lambda after, before: 1 - after / before, "C228", "C227")


@check("C231")
def base_rate_brier(claim: Claim) -> Outcome:
    """Brier score of always forecasting the base rate, from the judge's share of wrong answers."""
    wrong = reported_numbers(claims()["C213"].reported)[1][0]
    note = f"what always forecasting {wrong:.1%} gives; the printed {claim.reported} is hardly better than that"
    return remark(f"{wrong * (1 - wrong):.4f}", note)


@check("C234")
def p_true_shares(claim: Claim) -> Outcome:
    """Whether the shares allow the accuracy of 54.6%: at best all answers not called true are right."""
    said, right = (value for value, _ in reported_numbers(claim.reported))
    accuracy = reported_numbers(claims()["C213"].reported)[0][0]
    highest = said * right + (1 - said)
    return statement(highest >= accuracy, f"at most {highest:.3f}", f"against {accuracy:.3f} right overall (C213)")


@check("C242")
def cluster_ratio(claim: Claim) -> Outcome:
    """Mean clusters of the base over those of the instruct model."""
    return arithmetic(claim, lambda a, b: a / b, "C237", "C238")


@check("C243")
def rate_difference(claim: Claim) -> Outcome:
    """Difference of the two single-cluster rates in percentage points."""
    return arithmetic(claim, lambda a, b: 100 * (a - b), "C236", "C235")


@check("C343")
def instruct_fisher(claim: Claim) -> Outcome:
    """Whether the two rates on 200 questions have Fisher p below 1e-6."""
    p = _p_of("C236", "C235", 200)
    return statement(
        p < 1e-6, f"p = {p:.0e}", "the same questions were asked of both, so a paired test would be sharper"
    )


@check("C272", pair=("C265", "C262"))
@check("C273", pair=("C268", "C265"))
def cluster_change(claim: Claim, pair: tuple[str, str]) -> Outcome:
    """Difference of the two printed means."""
    return arithmetic(claim, lambda after, before: after - before, *pair)


@check("C274")
def only_dpo(claim: Claim) -> Outcome:
    """Whether DPO removes clusters and SFT does not, on both chains."""
    zephyr = printed("C265") - printed("C262"), printed("C268") - printed("C265")
    tulu = printed("C294") - printed("C291"), printed("C297") - printed("C294")
    said = (
        f"Zephyr: SFT {zephyr[0]:+.2f}, DPO {zephyr[1]:+.2f}; Tulu-3: SFT {tulu[0]:+.2f}, DPO and RLVR {tulu[1]:+.2f}"
    )
    p = _p_of("C267", "C264", 200)
    holds = all(dpo < sft for sft, dpo in (zephyr, tulu))
    return statement(
        holds, said, f"clusters a question; SCR after SFT and after DPO, 3 and 8 of 200: Fisher p = {p:.2f}"
    )


@check("C287")
def four_of_fifty(claim: Claim) -> Outcome:
    """Whether the rate on 50 questions against none is significant at 0.05."""
    n = int(claim.n)
    hits = round(printed("C283") * n)
    p, paired = _p_fisher(hits, n, 0, n), 2 * 0.5**hits
    return statement(
        min(p, paired) < 0.05, f"p = {p:.2f}", f"Fisher; paired by question, exact McNemar p = {paired:.3f}"
    )


@check("C288")
def single_throughout(claim: Claim) -> Outcome:
    """Whether five questions can be single-cluster at all lengths."""
    at_200 = round(printed("C283") * 50)
    return statement(at_200 >= 5, f"at most {at_200}", f"{printed('C283'):.0%} of 50 at 200 tokens")


@check("C289")
def saturates(claim: Claim) -> Outcome:
    """Difference of the rates at 100 and 200 tokens in percentage points."""
    return arithmetic(claim, lambda a, b: 100 * (a - b), "C279", "C283", note="5 and 4 of 50 questions")


@check("C302")
def stage_ratio(claim: Claim) -> Outcome:
    """Ratio of the two printed rates."""
    return arithmetic(claim, lambda a, b: a / b, "C267", "C296", note="8 and 1 of 200 questions")


@check("C342")
def recipes(claim: Claim) -> Outcome:
    """Whether the two rates on 200 questions differ at 0.05."""
    p = _p_of("C267", "C296", 200)
    return statement(p < 0.05, f"p = {p:.3f}", "Fisher; base models, data and a further stage (RLVR) differ too")


@check("C311")
def quantized(claim: Claim) -> Outcome:
    """Whether the two rates are the same at both printed thresholds."""
    pairs = [(printed("C305"), printed("C306")), (printed("C307"), printed("C308"))]
    p = _p_fisher(*(x for v in pairs[0] for x in (round(30 * v), 30)))
    said = "; ".join(f"{a:g} and {b:g}" for a, b in pairs)
    return statement(
        all(a == b for a, b in pairs), said, f"at 0.6 and at 0.7; 19 and 8 of 30 at 0.6: Fisher p = {p:.3f}"
    )


@check("C337")
def beats_all(claim: Claim) -> Outcome:
    """Whether all printed p of entropy against a baseline are below 0.05."""
    ps = {i: printed(i) for i in ("C188", "C189", "C190")}
    return statement(
        max(ps.values()) < 0.05,
        f"{max(ps.values()):g}",
        f"against SelfCheck (C190); {', '.join(f'{i}: {v:g}' for i, v in ps.items())}",
    )


@check("C339")
def all_stages(claim: Claim) -> Outcome:
    """Whether all printed p between stages are below 0.0003."""
    ps = {i: printed(i) for i in ("C270", "C271", "C299", "C300", "C301")}
    largest = max(ps.values())
    return statement(largest < printed("C339"), f"{largest:g}", ", ".join(f"{i}: {v:g}" for i, v in ps.items()))


@check("C347")
def retained(claim: Claim) -> Outcome:
    """Ratio of the two printed mean entropies."""
    return arithmetic(claim, lambda after, before: after / before, "C346", "C345")
