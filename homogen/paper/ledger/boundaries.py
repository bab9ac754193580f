"""Checks of the boundaries and their dependence (experiments 2 and 10, and the routing between them)."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from sklearn.metrics import mutual_info_score

from homogen import cascade, evaluation
from homogen.paper import released
from homogen.paper.claims import Claim
from homogen.paper.ledger._base import Outcome, check, number, printed, remark, statement
from homogen.paper.ledger.entropy import auroc
from homogen.records import Draws

DENSITY = ("published/v1b_density.jsonl",)
ENTITIES = ("published/v10_b4_assoc.jsonl",)
BOTH = DENSITY + ENTITIES
COVERS = 0.55
"""A boundary covers a category in which its AUROC exceeds this."""


@functools.cache
def density():
    """The 401 questions with their densities; ``risk`` is the density turned round, among all 790 questions."""
    table = released.table(released.densities())
    return table.assign(wrong=(table.label == "incorrect").astype(float), risk=-table.density_all)


@functools.cache
def association():
    """All 790 questions with their association scores."""
    table = released.table(released.associations())
    return table.assign(wrong=released.wrong_by(table.assign(label="correct"), "larger overlap"))


@functools.cache
def three():
    """The 401 questions with entropy, density and association, wrong by the larger overlap."""
    entities = association()[["question_idx", "b4_score", "correct_score", "incorrect_score", "wrong"]]
    return density().drop(columns="wrong").merge(entities, on="question_idx", validate="one_to_one")


def pair(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The two columns behind a pair of boundaries: ``B1-B2``, ``B1-B4``, ``B2-B4``, with ``*`` the other density."""
    if name.startswith("B1-B2"):
        return density().mean_entropy.to_numpy(), density()[_variant(name)].to_numpy()
    if name.startswith("B1-B4"):
        table = association() if "773" not in name else association()[association().b4_score > 0]
        return table.mean_entropy.to_numpy(), table.b4_score.to_numpy()
    return three()[_variant(name)].to_numpy(), three().b4_score.to_numpy()


def _permutations(name: str) -> int:
    """How many: each costs n squared."""
    return 5000 if len(pair(name)[0]) < 500 else 1000


def _variant(name: str) -> str:
    return "density_binary" if name.endswith("*") else "density_all"


@check("C038", DENSITY, name="B1-B2")
@check("C116", ENTITIES, name="B1-B4")
@check("C115", ENTITIES, name="B1-B4 of 773")
@check("C118", BOTH, name="B2-B4")
def correlation(claim: Claim, name: str) -> Outcome:
    """Pearson's r of the two boundaries' scores."""
    a, b = pair(name)
    result = evaluation.pearson(a, b)
    effect = result.effect
    # Values that tie have no interval.
    interval = "" if np.isnan(effect.low) else f"[{effect.low:.3f}, {effect.high:.3f}], "
    note = f"{interval}p = {result.pvalue:.3f}, n = {effect.n}"
    if "B2" in name:
        other = np.corrcoef(*pair(name + "*"))[0, 1]
        note += f"; with the other released density r = {other:.3f}"
    return number(claim, np.corrcoef(a, b)[0, 1], note=note)


@check("C024", BOTH)
def largest_correlation(claim: Claim) -> Outcome:
    """The largest absolute Pearson's r among B1, B2 and B4."""
    found = {name: abs(np.corrcoef(*pair(name))[0, 1]) for name in ("B1-B2", "B1-B4", "B2-B4", "B1-B2*", "B2-B4*")}
    note = "B3 and B5 scores were not released; with the other density abs(r) of B2 and B4 is "
    return number(claim, max(v for k, v in found.items() if "*" not in k), note=note + f"{found['B2-B4*']:.3f}")


@check("C117", BOTH)
def zero_correlation(claim: Claim) -> Outcome:
    """Whether the correlation of B2 and B4 is 0 to three decimals when the density is read under the key it has."""
    r = np.corrcoef(*pair("B2-B4"))[0, 1]
    note = (
        "a key that the density file lacks was read as 0 for every question: a constant, whose correlation is undefined"
    )
    return statement(abs(r) < 0.0005, f"{r:.3f}", f"{note}; the paper's own table has {printed('C118'):g}")


@check("C039", DENSITY, name="B1-B2")
@check("C119", ENTITIES, name="B1-B4")
@check("C122", BOTH, name="B2-B4")
def distance(claim: Claim, name: str) -> Outcome:
    """Distance correlation of the two boundaries' scores."""
    found = evaluation.distance_correlation(*pair(name), draws=Draws(_permutations(name)))
    note = f"independent scores of this n would give {found.null_mean:.3f} on average; p = {found.pvalue:.3f}"
    return number(claim, found.observed, note=note)


@check("C040", DENSITY, name="B1-B2")
@check("C120", ENTITIES, name="B1-B4")
@check("C123", BOTH, name="B2-B4")
def independence(claim: Claim, name: str) -> Outcome:
    """The p of the HSIC permutation test, Gaussian kernels of median width."""
    found = evaluation.hsic(*pair(name), draws=Draws(_permutations(name)))
    return remark(f"{found.pvalue:.3f}", f"{found.effect.method}; the p moves with the width")


def information(a: Sequence[float], b: Sequence[float]) -> float:
    """Mutual information in bits over equal-width bins, their number by the rule of Freedman and Diaconis (1981)."""
    counts = np.histogram2d(a, b, [np.histogram_bin_edges(v, "fd") for v in (a, b)])[0]
    return float(mutual_info_score(None, None, contingency=counts) / np.log(2))


def chance_information(a: Sequence[float], b: Sequence[float], permutations: int = 1000, seed: int = 0) -> float:
    """Mean of :func:`information` when one row is shuffled: what independent scores would give."""
    rng = np.random.default_rng(seed)
    return float(np.mean([information(a, rng.permutation(b)) for _ in range(permutations)]))


@check("C041", DENSITY, name="B1-B2")
@check("C121", ENTITIES, name="B1-B4")
@check("C124", BOTH, name="B2-B4")
def bits(claim: Claim, name: str) -> Outcome:
    """Mutual information in bits over Freedman-Diaconis bins."""
    a, b = pair(name)
    chance = chance_information(a, b, 200)
    note = f"of which {chance:.3f} bits are what shuffled scores give in as many bins"
    return number(claim, information(a, b), note=note)


@check("C025", BOTH)
def most_bits(claim: Claim) -> Outcome:
    """The largest mutual information among B1, B2 and B4, over Freedman-Diaconis bins."""
    return number(claim, max(information(*pair(name)) for name in ("B1-B2", "B1-B4", "B2-B4")))


@check("C340", DENSITY)
def chance_bits(claim: Claim) -> Outcome:
    """Mean mutual information of entropy and density over 1,000 shuffles, Freedman-Diaconis bins."""
    return number(claim, chance_information(*pair("B1-B2")), note="the rule makes 16 x 16 cells for 401 questions")


@functools.cache
def covered(column: str = "density_all"):
    """AUROC of B1 and B2 by category, of the categories with at least two correct and two incorrect answers."""
    import pandas as pd

    rows = []
    for name, group in density().groupby("category"):
        if min(group.wrong.sum(), (1 - group.wrong).sum()) >= 2:
            rows.append((name, len(group), auroc(group.mean_entropy, group.wrong), auroc(-group[column], group.wrong)))
    return pd.DataFrame(rows, columns=["category", "n", "B1", "B2"]).set_index("category")


def _union():
    return (covered()[["B1", "B2"]] > COVERS).any(axis=1)


@check("C042", DENSITY)
def covered_categories(claim: Claim) -> Outcome:
    """Categories in which B1 or B2 has an AUROC above 0.55, of those that qualify."""
    other = (covered("density_binary")[["B1", "B2"]] > COVERS).any(axis=1).sum()
    note = f"{int((covered().B1 > COVERS).sum())} by B1 and {int((covered().B2 > COVERS).sum())} by B2; "
    return number(claim, _union().sum(), len(covered()), note=note + f"with the other density {other}")


@check("C043", DENSITY)
def covered_share(claim: Claim) -> Outcome:
    """Share of the qualifying questions that lie in covered categories."""
    n = covered().n
    inside = n[_union()].sum()
    note = f"{inside} of {n.sum()}; of all {len(density())} decided questions {inside / len(density()):.2f}"
    return number(claim, inside / n.sum(), note=note)


@check("C045", DENSITY)
def uncovered(claim: Claim) -> Outcome:
    """Qualifying categories that neither boundary covers."""
    return number(claim, (~_union()).sum())


@check("C044", DENSITY)
def oracle_routing(claim: Claim) -> Outcome:
    """AUROC of all 401: B1 in the categories where its AUROC is the higher, B2 elsewhere, both scaled to [0, 1]."""
    found = {column: _routed(column) for column in ("density_binary", "density_all")}
    note = (
        f"density among the 401; with the other density {found['density_all']:.3f}. The route is chosen on the "
        "questions it is judged on, and categories that do not qualify go to B2"
    )
    return number(claim, found["density_binary"], note=note)


def _routed(column: str) -> float:
    table, best = density(), covered(column)
    first = table.category.isin(best.index[best.B1 > best.B2])
    alone = [cascade.mixture(table.mean_entropy, -table[column], weight) for weight in (1.0, 0.0)]
    return auroc(np.where(first, *alone), table.wrong)


@check("C126", ENTITIES)
def with_entities(claim: Claim) -> Outcome:
    """Questions with at least two entities and a score above 0."""
    table = association()
    return number(claim, (table.b4_score > 0).sum(), note=f"at least two entities: {(table.n_entities >= 2).sum()}")


def valid():
    """The questions with an association score."""
    return association()[association().b4_score > 0]


@check("C110", ENTITIES)
def association_auroc(claim: Claim) -> Outcome:
    """AUROC of the association score, wrong by the larger overlap, ties counted one half."""
    made = evaluation.auroc(valid().b4_score, valid().wrong)
    return number(claim, made.value, note=f"[{made.low:.3f}, {made.high:.3f}], n = {made.n}")


@check("C111", (*ENTITIES, "published/v10_summary.json"))
def blind_zone(claim: Claim) -> Outcome:
    """The same over the categories that the authors' summary marks blind."""
    marks = released.summary("v10")["category_aucs"]
    table = valid()[valid().category.isin([c for c in marks if marks[c]["zone"] == "BLIND"])]
    made = evaluation.auroc(table.b4_score, table.wrong)
    return number(claim, made.value, note=f"[{made.low:.3f}, {made.high:.3f}], n = {made.n}")


@check("C112", ENTITIES, category="Stereotypes")
@check("C113", ENTITIES, category="Superstitions")
@check("C114", ENTITIES, category="Education")
def association_category(claim: Claim, category: str) -> Outcome:
    """The same within the category."""
    table = valid()[valid().category == category]
    made = evaluation.auroc(table.b4_score, table.wrong, interval="delong")
    return number(claim, made.value, note=f"[{made.low:.2f}, {made.high:.2f}], n = {made.n}")


# The fixed list of the script: the summary's marks hold only the eight that it calls effective.
BASE = ("Confusion: Places", "Fiction", "History", "Myths and Fairytales")


@check("C125", (*ENTITIES, "published/v10_summary.json"))
def coverage_expansion(claim: Claim) -> Outcome:
    """Categories in the script's fixed list for B1 and B2, and with those that B4 covers (five questions or more)."""
    marks = released.summary("v10")["category_aucs"]
    fixed = {c for c in marks if marks[c]["zone"] == "EFF"} | set(BASE)
    rows = [(name, group) for name, group in valid().groupby("category") if len(group) >= 5]
    by_fourth = {name for name, group in rows if auroc(group.b4_score, group.wrong) > COVERS}
    counted = _union()[_union()].index
    together, from_counted = len(fixed | by_fourth), len(set(counted) | by_fourth)
    note = (
        f"the list is fixed in the script; from the {len(counted)} categories that C042 counts it would be "
        f"{from_counted} (+{from_counted / len(counted) - 1:.0%}); the chapter shows what shuffled labels cover"
    )
    gained = round(100 * (together / len(fixed) - 1)) / 100
    return number(
        claim, gained, len(fixed) / 100, together / 100, note=note, as_text=f"+{gained:.0%} ({len(fixed)}->{together})"
    )
