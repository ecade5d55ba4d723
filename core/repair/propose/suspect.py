"""What operators are told of a crash: the expression that failed, and the condition under which it works. Pure."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from core.repair.localize.sources import called

HOLE = "@@"
ZERO = ("ZeroDivisionError", "DivisionByZero", "InvalidOperation")  # the last: of Decimals, nothing by nothing
KINDS = (
    *ZERO, "KeyError", "IndexError", "AttributeError", "TypeError", "ValueError", "StatisticsError", "JSONDecodeError",
    "StopIteration",
)  # fmt: skip
PURE_CALLS = {"len", "sum", "max", "min", "abs", "float", "int", "str", "list", "tuple", "set", "sorted", "isinstance"}
PURE_METHODS = {"get", "strip", "lower", "upper", "keys", "values", "items", "isdigit", "split", "total", "count"}


@dataclass(frozen=True)
class Suspect:
    """``node`` failed since ``missing`` was not as needed.

    ``good``: condition under which it works, empty when it cannot be asked; ``bad``: its negation. ``form``: the node
    with HOLE where a value for the missing goes, ``rows.get(key, HOLE)``, or empty. ``neutral``: literals that are
    harmless there. ``about``: words by which documentation speaks of it. ``key``: the key, attribute or name. ``far``:
    frames outwards, and how much wider than the crash asks the condition is.
    """

    node: ast.expr
    missing: ast.expr
    good: str = ""
    bad: str = ""
    form: str = ""
    neutral: tuple[str, ...] = ()
    about: frozenset[str] = field(default_factory=frozenset)
    key: object = None
    far: int = 0

    @property
    def asked(self) -> bool:
        """Whether the condition may be asked before the expression is evaluated."""
        return bool(self.good) and repeatable(ast.parse(self.good, mode="eval").body)


def repeatable(node: ast.expr) -> bool:
    """Whether evaluating the expression twice is the same as once."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Await | ast.Yield | ast.NamedExpr):
            return False
        if isinstance(inner, ast.Call):
            pure = PURE_METHODS if isinstance(inner.func, ast.Attribute) else PURE_CALLS
            if called(inner) not in pure:
                return False
    return True


def negated(condition: str) -> str:
    for yes, no in _OPPOSITES:
        if condition.count(yes) == 1:
            return condition.replace(yes, no)
    return f"not {condition}" if re.fullmatch(r"[\w.]+(\(.*\))?(\[.*\])?", condition) else f"not ({condition})"


_OPPOSITES = (
    (" not in ", " in "), (" in ", " not in "), (" == ", " != "),
    (" >= ", " < "), (" > ", " <= "), (" < ", " >= "), (" <= ", " > "),
)  # fmt: skip
