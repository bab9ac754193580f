"""Ugly inputs, the same for every public function of the cascade: one line of BadInput, never a library's error."""

import dataclasses
import datetime
import inspect
from functools import partial

import numpy as np
import pandas as pd
import pytest

from homogen import cascade as c
from homogen.records import BadInput, Draws

N = 30
RNG = np.random.default_rng(0)
ROW = RNG.random(N).tolist()
WRONG = [0, 1, 1] * (N // 3)
BOUNDARIES = [c.Boundary("cheap", 1, ROW), c.Boundary("dear", 9, ROW[::-1])]
GOOD = {
    "boundaries": BOUNDARIES,
    "wrong": WRONG,
    "first": ROW,
    "second": ROW[::-1],
    "values": ROW,
    "weight": 0.5,
    "features": [[x, y] for x, y in zip(ROW, ROW[::-1], strict=True)],
    "costs": [1, 9],
    "passed_on": [0.5],
    "cost": [1, 2, 3],
    "auroc": [0.5, 0.6, 0.7],
    "questions": ["Who was it?"] * N,
    "answers": ["Nobody."] * N,
    "token_entropies": [[0.5, 1.0]] * N,
}
TEXTS = ("questions", "answers")
FUNCTIONS = sorted(name for name in c.__all__ if inspect.isfunction(getattr(c, name)))

NO_ROWS = [
    "abc",
    ["a"] * N,
    [str(x) for x in ROW],
    [[0.1], *[[0.2, 0.3]] * (N - 1)],
    [1j] * N,
    [datetime.datetime(2020, 1, 1)] * N,
    np.array(["2020-01-01"] * N, dtype="datetime64[D]"),
    [np.inf, *ROW[1:]],
    [10**400, *ROW[1:]],
    [{}] * N,
    {"x": 1},
    (x for x in ROW),
    None,
    0.5,
    object(),
    np.zeros((2, 2, 2)),
]
NO_NUMBER = [None, "a", "0.5", [0.5], np.array([[0.1, 0.2], [0.3, 0.4]]), np.nan, -0.1, 1j, object(), pd.Series([0.5])]
NO_SHARE = [*NO_NUMBER, True, 1.5, 10**400]
NO_WHOLE = [None, "a", 2.5, [2], np.array([1, 2]), -1, True, object()]
NO_BOUNDARIES = [None, 5, [], "ab", [1], [None], object(), [{"name": "a"}], np.zeros(2)]
NO_TEXTS = [5, "abc", None, [1] * N, [None] * N, [np.zeros((9, 9))] * N]
UGLY = {
    **dict.fromkeys(("wrong", "first", "second", "values", "features", "costs", "passed_on", "cost", "auroc"), NO_ROWS),
    "token_entropies": [x for k, x in enumerate(NO_ROWS) if k != 3 and not isinstance(x, dict)],  # rows of any length
    "boundaries": NO_BOUNDARIES,
    "weight": NO_SHARE,
    "share": NO_SHARE,
    "tolerance": NO_SHARE,
    "delta": NO_NUMBER,
    "deltas": [x for x in NO_ROWS if not isinstance(x, list) or not isinstance(x[0], float)],
    "shares": NO_ROWS,
    "folds": [*NO_WHOLE, 1, 0],
    "seed": NO_WHOLE,
    "draws": [None, 100, {"seed": 1}, Draws, object()],
    "components": [*NO_WHOLE, 0],
    "embeddings": [x for x in NO_ROWS if x is not None],
    **dict.fromkeys(TEXTS, NO_TEXTS),
}


def cases():
    for name in FUNCTIONS:
        for parameter in inspect.signature(getattr(c, name)).parameters:
            # Any list of questions will do where no score is a function of them.
            every = parameter != "questions" or name == "pointer_features"
            yield pytest.param(name, parameter, UGLY[parameter][: None if every else 2], id=f"{name}-{parameter}")


def call(name, **changes):
    known = inspect.signature(getattr(c, name)).parameters
    needed = {k: GOOD[k] for k, p in known.items() if p.default is p.empty}
    if "draws" in known:
        needed["draws"] = Draws(10)
    if "components" in changes:
        needed["embeddings"] = GOOD["features"]
    return getattr(c, name)(**needed | changes)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_good_input_is_good_and_gives_the_same_again(name):
    first, again = call(name), call(name)
    assert first is not None
    assert repr(first) == repr(again)


@pytest.mark.parametrize(("name", "parameter", "ugly"), list(cases()))
def test_ugly_input_is_one_line_of_bad_input(name, parameter, ugly):
    for value in ugly:
        with pytest.raises(BadInput) as refused:
            call(name, **{parameter: value})
        message = str(refused.value)
        assert message
        assert "\n" not in message
        assert len(message) < 300


@pytest.mark.parametrize("name", ["run_cascade", "fit_cascade", "cross_validate", "cost_curve", "run of a fitted one"])
def test_ugly_scores_of_a_boundary(name):
    run = c.fit_cascade(BOUNDARIES, WRONG).run if name == "run of a fitted one" else partial(call, name)
    for score in NO_ROWS:
        with pytest.raises(BadInput) as refused:
            run(boundaries=[dataclasses.replace(BOUNDARIES[0], score=score), BOUNDARIES[1]])
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("field", ["cost", "flag_above", "clear_below"])
@pytest.mark.parametrize("value", [None, "1", [1], np.zeros((9, 9)), np.nan, True, 1j])
def test_ugly_boundaries(field, value):
    with pytest.raises(BadInput, match=f"boundary 'a': {field} must be") as refused:
        c.Boundary(**{"name": "a", "cost": 1, "score": ROW} | {field: value})
    assert "\n" not in str(refused.value)
