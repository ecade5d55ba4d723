"""The input of operators: the expression that failed, and the condition under which it works. Pure."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from core.repair.localize.sources import called

HOLE = "@@"
ZERO = ("ZeroDivisionError", "DivisionByZero", "InvalidOperation")  # the last: Decimal(0) / Decimal(0)
# exceptions by which a call says that it cannot read its argument, each with the class that a handler names
REJECTS = {
    "ValueError": "ValueError", "JSONDecodeError": "ValueError", "UnicodeDecodeError": "UnicodeDecodeError",
    "UnicodeEncodeError": "UnicodeEncodeError", "OverflowError": "OverflowError", "InvalidOperation": "ArithmeticError",
}  # fmt: skip
KINDS = (
    *ZERO, *REJECTS, "KeyError", "IndexError", "AttributeError", "TypeError", "StatisticsError", "StopIteration",
)  # fmt: skip
PURE_CALLS = {"len", "sum", "max", "min", "abs", "float", "int", "str", "list", "tuple", "set", "sorted", "isinstance"}
PURE_METHODS = {"get", "strip", "lower", "upper", "keys", "values", "items", "isdigit", "split", "total", "count"}


@dataclass(frozen=True)
class Suspect:
    """``node`` failed because ``missing`` did not have the needed value.

    ``good``: condition under which it works, empty if it cannot be tested; ``bad``: its negation. ``form``: the node
    with HOLE in the position of a replacement value, ``rows.get(key, HOLE)``, or empty. ``neutral``: harmless literals
    for that position. ``about``: words with which documentation may refer to it. ``key``: the key, attribute or name.
    ``far``: number of outer frames, plus how much wider the condition is than the crash requires. ``error``: instead
    of a condition, the exception that a handler around the statement catches.
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
    error: str = ""

    @property
    def asked(self) -> bool:
        """Can the condition be tested before the expression is evaluated?"""
        return bool(self.good) and repeatable(ast.parse(self.good, mode="eval").body)


def repeatable(node: ast.expr) -> bool:
    """Does evaluating the expression twice have the same effect as once?"""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Await | ast.Yield | ast.NamedExpr):
            return False
        if isinstance(inner, ast.Call):
            pure = PURE_METHODS if isinstance(inner.func, ast.Attribute) else PURE_CALLS
            if called(inner) not in pure:
                return False
    return True


def negated(condition: str) -> str:
    whole = ast.parse(condition, mode="eval").body
    for yes, no in _OPPOSITES if isinstance(whole, ast.Compare) and len(whole.ops) == 1 else ():
        if condition.count(yes) == 1:
            return condition.replace(yes, no)
    return f"not {condition}" if re.fullmatch(r"[\w.]+(\(.*\))?(\[.*\])?", condition) else f"not ({condition})"


_OPPOSITES = (
    (" not in ", " in "), (" in ", " not in "), (" == ", " != "),
    (" >= ", " < "), (" > ", " <= "), (" < ", " >= "), (" <= ", " > "),
)  # fmt: skip
