"""Ugly inputs, the same for every public function: one line of BadInput, never NumPy's or scikit-learn's error."""

import datetime
import inspect

import numpy as np
import pandas as pd
import pytest

from homogen import evaluation as e
from homogen.records import BadInput, Draws, Estimate

ROW = [0.1, 0.4, 0.3, 0.9, 0.6, 0.2, 0.8, 0.5, 0.35, 0.75]
WRONG = [0, 1, 0, 1, 1, 0, 1, 0, 1, 0]
GOOD = {
    "score": ROW,
    "score_a": ROW,
    "score_b": ROW[::-1],
    "prob_wrong": ROW,
    "wrong": WRONG,
    "covariate": ROW[::-1],
    "category": list("aaaaabbbbb"),
    "group": WRONG,
    "strata": list("aaaaabbbbb"),
    "values": ROW,
    "pvalues": ROW,
    "a": ROW,
    "b": ROW[::-1],
    "margin": 0.5,
    "alpha": 0.3,
    "successes": 3,
    "n": 10,
    "null": ROW,
    "effect": Estimate(0.5, 0.4, 0.6, 10),
    "fit": lambda labels: ROW,
    "draw": lambda rng: rng.random(),
}
CLASSES = {"AbstentionRule", "BrierParts", "PermutationResult", "Row", "SelectedGroup", "TestResult"}
FUNCTIONS = sorted(set(e.__all__) - CLASSES)
BINARY = {"mcnemar", "fisher"}

ROWS = [
    "abc",
    ["a"] * 10,
    [str(x) for x in ROW],
    [b"1"] * 10,
    [*ROW[:-1], "0.5"],
    [[0.1], *[[0.2, 0.3]] * 9],
    [ROW],
    [1j] * 10,
    np.array(ROW) + 1j,
    [datetime.datetime(2020, 1, 1)] * 10,
    np.array(["2020-01-01"] * 10, dtype="datetime64[D]"),
    [np.inf, *ROW[1:]],
    [10**400, *ROW[1:]],
    [{}] * 10,
    {"x": 1},
    {0.1, 0.2},
    (x for x in ROW),
    None,
    0.5,
    True,
    object(),
    pd.DataFrame({"x": ROW, "y": ROW}),
    pd.Series(ROW).astype(str),
]
COUNTS = [0, -1, 2.5, 2.0, True, None, "x", np.nan, [5], 10**400]
UGLY = {
    **dict.fromkeys(("score", "score_a", "score_b", "prob_wrong", "values", "pvalues", "null", "a", "b"), ROWS),
    "wrong": [*ROWS, [2] * 10, [0.5] * 10, [-1] * 10],
    "covariate": [*[x for x in ROWS if not isinstance(x, pd.DataFrame)], np.ones((10, 0)), np.ones((10, 2, 1))],
    "category": [None, 5, [["a"]] * 10, [{}] * 10, [np.zeros(2)] * 10, "ab", object()],
    "group": [*ROWS, [2] * 10, [0.5] * 10, [-1] * 10],
    "strata": [5, [["a"]] * 10, [{}] * 10, [np.zeros(2)] * 10, "ab", object()],
    "seed": [-1, None, 2.5, True, "x", np.nan, [1], (1, 2)],
    "level": ["x", "95%", 0, 1, -0.5, 95, None, True, np.nan, np.inf, [0.95], 1j],
    "draws": [None, 100, {"seed": 1}, (100, 0), e.mean],
    "lots": [1, *COUNTS[:-1]],
    "measure": [5, "x", lambda score, labels: None, lambda score, labels: "abc", lambda score, labels: [0.5]],
    "fit": [None, 5, "x", lambda labels: ROW[:-1], lambda labels: "abc"],
    "effect": [None, 0.5, ROW, "x"],
    "sign": [0, 2, True, None, "x", 1.0, [1]],
    "draw": [None, 5, "x", lambda rng: np.inf, lambda rng: "abc"],
    "folds": [1, *COUNTS],
    "bins": [x for x in COUNTS if x is not None],
    "min_each": COUNTS[:-1],
    "coverage": ["x", 0, -1, 1.5, None, True, np.nan, [0.5]],
    "alpha": ["x", 0, 1, -1, None, True, np.nan, [0.5]],
    "margin": ["x", 0, -1, None, True, np.nan, np.inf, [0.5]],
    "successes": [-1, 11, 2.5, None, "x", True, [3]],
    "n": [-1, 2, 2.5, None, "x", True, 10**400],
    **{
        key: ["nonsense", "", 5, ["bootstrap"], {}, True, np.array(["a", "b"])]
        for key in ("interval", "metric", "guarantee", "binning", "estimator", "select")
    },
}


def arguments(name):
    taken = inspect.signature(getattr(e, name)).parameters
    good = {key: value for key, value in GOOD.items() if key in taken}
    if name in BINARY:
        good |= {"a": WRONG, "b": WRONG[::-1]}
    if "min_each" in taken:
        good["min_each"] = 1
    if "draws" in taken:
        good["draws"] = Draws(20)
    return good, list(taken)


def test_the_table_knows_every_argument():
    assert {key for name in FUNCTIONS for key in arguments(name)[1]} == set(UGLY)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_ugly_input_is_one_line_of_bad_input(name):
    call = getattr(e, name)
    good, taken = arguments(name)
    call(**good)
    for key in taken:
        for value in UGLY[key]:
            try:
                call(**{**good, key: value})
            except BadInput as error:
                caught = str(error)
            else:
                pytest.fail(f"{key}={value!r:.60} passed")
            assert caught
            assert "\n" not in caught, (key, value)
        if (
            key in good
            and key not in ("margin", "alpha", "successes", "n", "min_each", "draws", "fit")
            and len(good) > 2
        ):
            if name == "fisher":  # two groups of any sizes
                continue
            with pytest.raises(BadInput, match="lengths differ"):
                call(**{**good, key: good[key][:-1]})


def test_answers_of_ugly_scores():
    rule = e.conformal_abstention(ROW, WRONG, 0.3)
    for value in ROWS:
        with pytest.raises(BadInput):
            rule.answers(value)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_docstring_teaches(name):
    text = inspect.getdoc(getattr(e, name))
    for section in ("Parameters\n---", "Returns\n---", "References\n---", "Examples\n---", ".. math::"):
        assert section in text, section
    for key in arguments(name)[1]:
        assert key in text.split("Returns\n---")[0].split("Parameters\n---")[1]


@pytest.mark.parametrize("name", sorted(CLASSES - {"Row"}))
def test_every_result_names_its_parts(name):
    thing = getattr(e, name)
    assert "Attributes\n---" in inspect.getdoc(thing)
    for field in thing.__dataclass_fields__:
        assert field in inspect.getdoc(thing)


@pytest.mark.parametrize("name", ["auroc", "pr_auc", "delong_test", "pearson", "mean", "brier"])
def test_what_is_masked_is_missing(name):
    good, _ = arguments(name)
    hidden = np.arange(10) == 3
    masked = {key: np.ma.masked_array(value, hidden) if len(value) == 10 else value for key, value in _rows(good)}
    missing = {key: np.where(hidden, np.nan, np.asarray(value, float)) for key, value in _rows(good)}
    assert repr(getattr(e, name)(**{**good, **masked})) == repr(getattr(e, name)(**{**good, **missing}))


def _rows(good):
    return [(key, value) for key, value in good.items() if isinstance(value, list)]
