"""What a reader makes of a crash: the expression that failed, and the condition under which it would not have. Pure."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from core.repair.localize.locate import Place
from core.repair.localize.sources import called

HOLE = "@@"
ZERO = ("ZeroDivisionError", "DivisionByZero", "InvalidOperation")  # the last: of Decimals, nothing by nothing
DIVISIONS = ("Div", "FloorDiv", "Mod")
PURE_CALLS = {"len", "sum", "max", "min", "abs", "float", "int", "str", "list", "tuple", "set", "sorted", "isinstance"}
PURE_METHODS = {"get", "strip", "lower", "upper", "keys", "values", "items", "isdigit", "split", "total", "count"}


@dataclass(frozen=True)
class Suspect:
    """``node`` failed since ``missing`` was not as needed.

    ``good``: condition under which it works, empty when it cannot be asked; ``bad``: its negation.
    ``forms``: texts for the node with HOLE where a value for the missing goes: ``rows.get(key, HOLE)``.
    ``neutral``: literals that are harmless there. ``about``: words by which documentation speaks of it.
    """

    node: ast.expr
    missing: ast.expr
    good: str = ""
    bad: str = ""
    forms: tuple[str, ...] = ()
    neutral: tuple[str, ...] = ()
    about: frozenset[str] = field(default_factory=frozenset)
    key: object = None
    doubt: float = 0.0  # taken off what evidence gives: a wider condition than the crash asks for


def failing(place: Place, *kinds: type) -> list:
    """The expression that failed when its span was observed, with those inside; else all of the line."""
    if place.failing is not None:
        inside = [n for n in ast.walk(place.failing) if isinstance(n, kinds)]
        if inside:
            return inside
    return place.expressions(*kinds)


def repeatable(node: ast.expr) -> bool:
    """Whether evaluating the expression twice is the same as once."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Await | ast.Yield | ast.NamedExpr):
            return False
        if isinstance(inner, ast.Call):
            name = called(inner)
            if name not in (PURE_METHODS if isinstance(inner.func, ast.Attribute) else PURE_CALLS):
                return False
    return True
