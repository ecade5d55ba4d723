"""Initializes the first entry of ``counts[x] += 1`` and ``groups[x].append(y)`` in an initially empty mapping."""

from __future__ import annotations

import ast

from core.repair.localize.locate import Place
from core.repair.localize.syntax import class_around, nodes, targets_of
from core.repair.propose.base import Changes, Clue, change, failing
from core.repair.propose.registry import operator
from core.repair.types import Evidence

_EMPTY = {"append": "[]", "extend": "[]", "insert": "[]", "add": "set()", "update": "{}", "setdefault": "{}"}
_SIGNS = {ast.Add: "+", ast.Sub: "-"}


@operator("KeyError")
def first(place: Place) -> Changes:
    """Insert an initial value that fits the operation on the entry."""
    statement = place.statement
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Subscript):
        yield from _summed(place, statement, statement.target)
        return
    for node in failing(place, ast.Subscript):
        empty = _use(place, node)
        if empty and isinstance(node.ctx, ast.Load):
            base, key = place.source(node.value), place.source(node.slice)
            text = place.replace(node, f"{base}.setdefault({key}, {empty})")
            yield change(place, text, f"The first {key} in {base} starts at {empty}.", _began_empty(place, node))


def _summed(place: Place, statement: ast.AugAssign, target: ast.Subscript) -> Changes:
    """``counts[x] = counts.get(x, 0) + 1``."""
    neutral, sign = _neutral(place, statement.value), _SIGNS.get(type(statement.op))
    base, key = place.source(target.value), place.source(target.slice)
    if neutral and sign:
        new = f"{base}[{key}] = {base}.get({key}, {neutral}) {sign} {place.source(statement.value)}"
        rationale = f"The first {key} in {base} starts at {neutral}."
        yield change(place, place.replace(statement, new), rationale, _began_empty(place, target))


def _neutral(place: Place, value: ast.expr) -> str:
    kind = place.kind(value)
    if isinstance(value, ast.List | ast.ListComp) or kind == "list":
        return "[]"
    if isinstance(value, ast.JoinedStr) or kind == "str":
        return '""'
    return "0" if kind in ("int", "float", "bool", "") else ""


def _use(place: Place, node: ast.Subscript) -> str:
    """The initial value of the entry, by the operation on it."""
    for outer in ast.walk(place.statement) if place.statement else ():
        if isinstance(outer, ast.Attribute) and outer.value is node and outer.attr in _EMPTY:
            return _EMPTY[outer.attr]
        if isinstance(outer, ast.Subscript) and outer.value is node and isinstance(outer.ctx, ast.Store):
            return "{}"
    return ""


def _began_empty(place: Place, node: ast.Subscript) -> Clue | None:
    """Evidence: the same function or class creates the mapping empty, and nothing else sets its entries."""
    base, scope = ast.unparse(node.value), place.scope
    if base.startswith("self."):
        scope = class_around(place.module, place.function) or scope
    begun = any(_makes_empty(n, base) for n in nodes(scope, ast.Assign, ast.AnnAssign))
    entries = [n for n in nodes(scope, ast.Subscript) if ast.unparse(n.value) == base]
    alone = all(n.lineno == node.lineno for n in entries if isinstance(n.ctx, ast.Store))
    words = f"{base} begins empty and is filled by this line alone"
    return Clue("", words, Evidence.TYPE) if begun and alone else None


def _makes_empty(node: ast.Assign | ast.AnnAssign, base: str) -> bool:
    value = ast.unparse(node.value) if node.value is not None else ""
    return ast.unparse(targets_of(node)[0]) == base and (value in ("{}", "dict()") or value.endswith(", {})"))
