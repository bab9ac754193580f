"""Conditions on the findings of a run, as a reading states them: worked out from their text, without ``eval``."""

from __future__ import annotations

import ast
import dataclasses
import itertools
import math
import operator
import warnings
from collections.abc import Callable, Mapping

from homogen.records import BadInput, Estimate, unknown

PARTS = ("value", "low", "high", "n")
"""What may stand behind the dot of a handle."""


@dataclasses.dataclass(frozen=True)
class Handles:
    """What a text may name: estimates of the run and constants, by short names."""

    estimates: Mapping[str, Estimate]
    constants: Mapping[str, int | float | str] = dataclasses.field(default_factory=dict)

    def number(self, name: str, part: str = "value") -> float:
        """The number that a handle stands for, NaN where it is undefined; :class:`BadInput` if there is none."""
        if part not in PARTS:
            raise unknown(f"part of {name}", part, PARTS)
        if name in self.estimates:
            return getattr(self.estimates[name], part)
        if name not in self.constants:
            raise unknown("handle", name, (*self.estimates, *self.constants))
        constant = self.constants[name]
        if isinstance(constant, str) or part != "value":
            raise BadInput(f"{name} is a constant without a {part}")
        return constant


_ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_COMPARISONS = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
}
FUNCTIONS: dict[str, Callable[..., float]] = {"abs": abs, "min": min, "max": max}
"""What a condition may call; no handle has such a name."""


def holds(condition: str, handles: Handles) -> bool:
    """Work out whether a condition holds.

    Raises
    ------
    BadInput
        If it is no comparison of handles, names a handle or part that is not there, divides by zero, or compares what
        is undefined. All of it is looked at, also behind an ``or`` that is settled.

    Examples
    --------
    >>> handles = Handles({"a": Estimate(0.5, 0.4, 0.6, n=10), "b": Estimate(0.2, 0.1, 0.3, n=10)})
    >>> holds("a.low > b.high and a.n == 10", handles), holds("abs(b - a) < 0.1", handles)
    (True, False)
    """

    def number(node: ast.AST) -> float:
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return value
            case ast.Name(id=name):
                return handles.number(name)
            case ast.Attribute(value=ast.Name(id=name), attr=part):
                return handles.number(name, part)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -number(inner)
            case ast.BinOp(op=kind) if type(kind) in _ARITHMETIC:
                return _ARITHMETIC[type(kind)](number(node.left), number(node.right))
            case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in FUNCTIONS:
                if len(given) != 1 if name == "abs" else len(given) < 2:
                    raise BadInput(f"{name} wants {'one number' if name == 'abs' else 'two numbers or more'}")
                numbers = [number(item) for item in given]
                # Python's min and max pass over what is undefined, or do not, by the order of their arguments.
                return math.nan if any(map(math.isnan, numbers)) else FUNCTIONS[name](*numbers)
        raise BadInput(f"{ast.unparse(node)!r} is no number: handles, their parts, + - * /, abs, min and max are")

    def truth(node: ast.AST) -> bool:
        match node:
            case ast.BoolOp(op=kind, values=parts):
                found = [truth(part) for part in parts]
                return all(found) if isinstance(kind, ast.And) else any(found)
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return not truth(inner)
            case ast.Compare(left=left, ops=kinds, comparators=rest) if all(type(k) in _COMPARISONS for k in kinds):
                numbers = [number(side) for side in (left, *rest)]
                for side, value in zip((left, *rest), numbers, strict=True):
                    if not math.isfinite(value):
                        raise BadInput(f"{ast.unparse(side)!r} is undefined, and cannot be compared")
                sides = zip(kinds, itertools.pairwise(numbers), strict=True)
                return all(_COMPARISONS[type(kind)](*two) for kind, two in sides)
        raise BadInput(f"{ast.unparse(node)!r} is no comparison: < <= > >= ==, and, or, not are")

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of code that Python finds odd
            tree = ast.parse(condition.strip(), mode="eval").body
        named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - set(FUNCTIONS)
        if named <= set(handles.constants):
            raise BadInput("it names no finding, and so says nothing of the run")
        return truth(tree)
    except ZeroDivisionError:
        raise BadInput("it divides by zero") from None
    except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput("it cannot be worked out") from error
