"""A result that a function forgot on some way, as its documentation gives it."""

from __future__ import annotations

import ast

from core.repair.localize.locate import Place
from core.repair.localize.sources import called
from core.repair.propose.base import Changes, change, inside
from core.repair.propose.evidence import missing_values, words_of
from core.repair.propose.names import functions
from core.repair.propose.suspects import failing


def returned_value(place: Place) -> Changes:
    """A function of the program that forgot its documented result on some way: it gave None to its caller."""
    if "NoneType" not in place.crash.exception.message:
        return
    for node in failing(place, ast.Call, ast.Name):
        for at, function in _giving_none(place, node):
            for said in missing_values(at, (), words_of(function.name)):
                if said.value != "None" and said.words:
                    last = function.body[-1]
                    rows = at.text.splitlines(keepends=True)
                    line = f"{' ' * last.col_offset}return {said.value}\n"
                    text = "".join([*rows[: last.end_lineno], line, *rows[last.end_lineno :]])
                    yield change(
                        at, text, f"{function.name} gives {said.value} where it gave nothing.", said, less=0.01
                    )


def _giving_none(place: Place, node: ast.expr):
    """The function whose result the expression holds, when it can end without a return."""
    wanted = (
        {called(node)}
        if isinstance(node, ast.Call)
        else {
            called(n.value)
            for n in ast.walk(place.function or place.module)
            if isinstance(n, ast.Assign)
            and isinstance(n.value, ast.Call)
            and getattr(n.targets[0], "id", None) == getattr(node, "id", "")
        }
    )
    for name_ in wanted - {""}:
        for path, function in functions(place, name_):
            returns = [n for n in ast.walk(function) if isinstance(n, ast.Return) and n.value is not None]
            if returns and not isinstance(function.body[-1], ast.Return | ast.Raise):
                yield inside(place, path, function), function
