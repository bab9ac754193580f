"""A condition is worked out as Python would, and what is none, or is undefined, is one line."""

import contextlib
import doctest
import math
import operator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_chapters import one_line

from homogen.book import conditions
from homogen.book.conditions import Handles, holds
from homogen.records import BadInput, Estimate

CODE = Estimate(0.375, 0.21, 0.57, n=1240, method="Wilson")
FACTS = Estimate(0.1, 0.05, 0.2, n=80)
NONE = Estimate.undefined("one class only", n=7)
BARE = Estimate(2.5, math.nan, math.nan, n=9)
HANDLES = Handles({"code": CODE, "facts": FACTS, "none": NONE, "bare": BARE}, {"T": 1, "set": "GSM8K"})


@pytest.mark.parametrize(
    ("condition", "true"),
    [
        ("code.low > facts.high", True),
        ("code < facts", False),
        ("code.value == 0.375", True),
        ("facts.low <= 0.05 < facts <= code", True),
        ("facts.low < 0.05", False),
        ("code - facts >= 0.2 and code.n > facts.n", True),
        ("code < facts or not facts > code", True),
        ("not (code > facts)", False),
        ("abs(facts - code) < 0.3", True),
        ("min(code, facts, T) == facts and max(code.low, facts.high) == code.low", True),
        ("-code < 0 < code * 2 / 3 + T", True),
        ("none.n == 7", True),
    ],
)
def test_a_condition_is_worked_out(condition, true):
    assert holds(condition, HANDLES) is true


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("cod > facts", "unknown handle 'cod'"),
        ("code.mean > 1", "unknown part of code 'mean'"),
        ("set > code", "set is a constant without a value"),
        ("none > 0", "'none' is undefined"),
        ("code > bare.low", "'bare.low' is undefined"),
        ("code > 0 or none > 0", "'none' is undefined"),  # also where the rest has settled it
        ("min(code, none) > 0", "is undefined"),
        ("min(none, code) > 0", "is undefined"),
        ("code * 1e308 * 1e308 > 1", "is undefined"),
        ("code / (facts - facts) > 1", "it divides by zero"),
        ("code", "'code' is no comparison"),
        ("code and facts", "'code' is no comparison"),
        ("code != facts", "is no comparison"),
        ("code in facts", "is no comparison"),
        ("code > (facts > 0)", "is no number"),
        ("code ** 2 > 0", "is no number"),
        ("code > True", "is no number"),
        ("code > 'a'", "is no number"),
        ("code > 1j", "is no number"),
        ("len(code) > 1", "is no number"),
        ("abs(code, facts) > 1", "abs wants one number"),
        ("max(code) > 1", "max wants two numbers"),
        ("max(*code) > 1", "max wants two numbers"),
        ("code.__class__ > 1", "unknown part of code '__class__'"),
        ("().__class__ > code", "is no number"),
        ("(lambda: 1)() > code", "is no number"),
        ("[code][0] > 1", "is no number"),
        ("1 < 2", "it names no finding"),
        ("T == 1", "it names no finding"),
        ("", "it cannot be worked out"),
        ("code >", "it cannot be worked out"),
        ("code = 1", "it cannot be worked out"),
        ("1if code > 0 else 2", "it cannot be worked out"),
        ("code > 1\0", "it cannot be worked out"),
        ("code > " + "9" * 400, "it cannot be worked out"),
        ("code > " + "-" * 100_000 + "1", "it cannot be worked out"),
    ],
)
def test_what_is_no_condition_is_one_line(condition, said):
    with pytest.raises(BadInput) as mistake:
        holds(condition, HANDLES)
    assert said in one_line(mistake)


FINITE = st.floats(-1e6, 1e6, allow_nan=False)
OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq}
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul}


@settings(deadline=None)
@given(FINITE, FINITE, st.sampled_from(list(OPERATORS)))
def test_a_comparison_is_pythons(a, b, sign):
    handles = Handles({"a": Estimate(a, a, a, n=1), "b": Estimate(b, b, b, n=1)})
    assert holds(f"a {sign} b", handles) is OPERATORS[sign](a, b)
    assert holds(f"not a {sign} b", handles) is not OPERATORS[sign](a, b)


def expressions():
    """Arithmetic over a and b, as text and as its value for given a and b."""
    leaf = st.sampled_from([("a", lambda a, b: a), ("b.low", lambda a, b: b), ("2.5", lambda a, b: 2.5)])

    def grow(inner):
        def join(sign, one, two):
            return f"({one[0]} {sign} {two[0]})", lambda a, b: ARITHMETIC[sign](one[1](a, b), two[1](a, b))

        def wrap(name, one, two):
            function = {"min": min, "max": max}[name]
            return f"{name}({one[0]}, {two[0]})", lambda a, b: function(one[1](a, b), two[1](a, b))

        signs, names = st.sampled_from(list(ARITHMETIC)), st.sampled_from(["min", "max"])
        return st.builds(join, signs, inner, inner) | st.builds(wrap, names, inner, inner)

    return st.recursive(leaf, grow, max_leaves=8)


@settings(deadline=None)
@given(st.floats(-9, 9), st.floats(-9, 9), expressions(), expressions())
def test_arithmetic_is_pythons(a, b, one, two):
    handles = Handles({"a": Estimate(a, a, a, n=1), "b": Estimate(b, b, b, n=1)})
    condition = f"{one[0]} <= {two[0]} and a == a"
    assert holds(condition, handles) is (one[1](a, b) <= two[1](a, b))


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_a_condition_or_a_mistake(text):
    with contextlib.suppress(BadInput):
        assert holds(text, HANDLES) in (True, False)


def test_examples_hold():
    assert not doctest.testmod(conditions).failed
