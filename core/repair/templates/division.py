"""Division by zero: give the documented value instead, for every division of the function by the same thing."""

from __future__ import annotations

import ast

from core.repair.evidence import missing_values
from core.repair.locate import Place
from core.repair.templates.base import Changes, change

PURE_CALLS = {"len", "sum", "max", "min", "abs", "float", "int"}


def guard(place: Place) -> Changes:
    divisions = [n for n in place.expressions(ast.BinOp) if isinstance(n.op, ast.Div | ast.FloorDiv | ast.Mod)]
    for node in divisions:
        divisor = node.right
        if not _repeatable(divisor) or place.value(divisor) not in (0, 0.0, ...):
            continue
        neutral = "0.0" if isinstance(node.op, ast.Div) else "0"
        for said in missing_values(place, neutral):
            yield from _both(place, node, said)


def _both(place: Place, node: ast.BinOp, said) -> Changes:
    name = place.source(node.right)
    says = f"When {name} is zero there is nothing to divide by: give {said.value} instead of raising ZeroDivisionError."
    if place.function and _returns_number(place) and isinstance(place.statement, ast.Return):
        yield change(
            place,
            place.before(place.statement, f"if not {_bare(name)}:", f"    return {said.value}"),
            says,
            said,
        )
    new = f"({place.source(node)} if {_bare(name)} else {said.value})"
    yield change(place, place.replace(node, new), says, said, 0.87)


def _bare(name: str) -> str:
    return name[1:-1] if name.startswith("(") and name.endswith(")") and name.count("(") == 1 else name


def _returns_number(place: Place) -> bool:
    return not any(isinstance(n, ast.Yield) for n in ast.walk(place.function))


def _repeatable(node: ast.expr) -> bool:
    """Whether evaluating the expression twice is the same as once."""
    return all(
        isinstance(n.func, ast.Name) and n.func.id in PURE_CALLS for n in ast.walk(node) if isinstance(n, ast.Call)
    )
