"""Reduces a bound that is one too large, after an index error: "off-by-one" of PAR (Kim et al. 2013)."""

from __future__ import annotations

import ast
import re

from core.repair.localize.locate import Place
from core.repair.localize.syntax import covers, names_in, nodes
from core.repair.propose.base import Changes, Clue, change, failing
from core.repair.propose.registry import operator
from core.repair.types import Evidence

_STRICT = {ast.LtE: "<", ast.GtE: ">"}


@operator("IndexError")
def strict(place: Place) -> Changes:
    """``i <= len(rows)`` allows ``rows[len(rows)]``; so do ``range(len(rows) + 1)`` and ``range(1, ...)``."""
    clue = Clue("", "the last position is one below the length", Evidence.TYPE)
    used = {name for n in failing(place, ast.Subscript) for name in names_in(n.slice)}
    for test in [n.test for n in nodes(place.scope, ast.While, ast.If) if covers(n, place.line)]:
        for node in nodes(test, ast.Compare):
            sign = _STRICT.get(type(node.ops[0])) if len(node.ops) == 1 else None
            if sign and "len(" in ast.unparse(node) and names_in(node.left) & used:
                new = f"{place.source(node.left)} {sign} {place.source(node.comparators[0])}"
                yield change(place, place.replace(node, new), "The bound is exclusive.", clue)
    for node in _ranges(place, used):
        bound = place.source(node)
        yield change(place, place.replace(node, _less(bound)), f"The range ends at {_less(bound)}.", clue)


def _ranges(place: Place, used: set[str]) -> list[ast.expr]:
    """Ends of the ranges over a length that the index iterates, if the index or the end has 1 added."""
    loops = [n for n in nodes(place.scope, ast.For, ast.comprehension) if names_in(n.target) & used]
    calls = [n.iter for n in loops if isinstance(n.iter, ast.Call) and ast.unparse(n.iter.func) == "range"]
    ends = [n.args[-1] if len(n.args) < 3 else n.args[1] for n in calls if n.args]
    ahead = any("+ 1" in ast.unparse(n.slice) for n in failing(place, ast.Subscript))
    return [n for n in ends if "len(" in ast.unparse(n) and (ahead or ast.unparse(n).endswith("+ 1"))]


def _less(text: str) -> str:
    return re.sub(r" \+ 1$", "", text) if text.endswith("+ 1") else f"{text} - 1"
