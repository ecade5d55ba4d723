"""Adds a documented result that a function does not return on some path."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from core.repair.localize.locate import Place
from core.repair.localize.sources import called
from core.repair.localize.syntax import Function, identifier, nodes
from core.repair.propose.arguments import named
from core.repair.propose.base import Changes, change, failing
from core.repair.propose.documentation import NOTHING, words_of
from core.repair.propose.evidence import missing_values
from core.repair.propose.registry import operator


@operator("AttributeError", "TypeError")
def returned_value(place: Place) -> Changes:
    """Return the documented value at the end of a function that returned None to the crashing caller."""
    if "NoneType" not in place.message:
        return
    for node in failing(place, ast.Call, ast.Name):
        for at, function in _giving_none(place, node):
            for clue in missing_values(at, (), words_of(function.name) | NOTHING):
                if clue.value != "None" and clue.words:
                    text = at.after(function.body[-1], f"return {clue.value}")
                    rationale = f"{function.name} gives {clue.value} where it gave nothing."
                    yield change(at, text, rationale, clue, 1)


def _giving_none(place: Place, node: ast.Call | ast.Name) -> Iterator[tuple[Place, Function]]:
    """The function whose result the expression is, if it can end without a return."""
    wanted = {called(node)} if isinstance(node, ast.Call) else _setting(place, node.id)
    for name in wanted - {""}:
        for there, function in named(place, name):
            returns = any(n.value is not None for n in nodes(function, ast.Return))
            if returns and not isinstance(function.body[-1], ast.Return | ast.Raise):
                yield there, function


def _setting(place: Place, name: str) -> set[str]:
    """Functions whose results are assigned to the name."""
    set_here = [n.value for n in nodes(place.scope, ast.Assign) if identifier(n.targets[0]) == name]
    return {called(value) for value in set_here if isinstance(value, ast.Call)}
