"""Positions that are not there: empty sequences, bounds, and unpacking."""

from __future__ import annotations

import ast
import re

from core.repair.evidence import Said, missing_values
from core.repair.locate import Place
from core.repair.templates.base import Changes, change


def guard(place: Place) -> Changes:
    for node in place.expressions(ast.Subscript):
        if not isinstance(node.ctx, ast.Load) or isinstance(node.slice, ast.Slice):
            continue
        base, text = place.source(node.value), place.source(node)
        enough = _enough(place, node)
        for said in missing_values(place, "None"):
            says = f"{base} may be too short: the result is then {said.value}."
            if place.function and isinstance(place.statement, ast.Return | ast.Assign | ast.AugAssign):
                lines = (
                    f"if not {base}:" if enough == base else f"if not {enough}:",
                    f"    return {said.value}",
                )
                yield change(place, place.before(place.statement, *lines), says, said)
            yield change(place, place.replace(node, f"({text} if {enough} else {said.value})"), says, said, 0.86)
        yield from _condition(place, node, enough)


def _enough(place: Place, node: ast.Subscript) -> str:
    """The condition under which the position exists."""
    base, at = place.source(node.value), node.slice
    if isinstance(at, ast.Constant) and at.value == 0 or isinstance(at, ast.UnaryOp):
        return base
    return f"len({base}) > {place.source(at)}"


def _condition(place: Place, node: ast.Subscript, enough: str) -> Changes:
    """The bound joins the condition that the position stands in."""
    for test in [n.test for n in place.expressions(ast.If, ast.While, ast.IfExp) if n.test.lineno <= place.line]:
        if any(n is node for n in ast.walk(test)):
            says = f"The position is looked at only where it exists: {enough}."
            yield change(
                place,
                place.replace(test, f"{enough} and {place.source(test)}"),
                says,
                Said("", "a condition about what is not there does not hold", 0.84),
            )


UNPACK = re.compile(r"(not enough|too many) values to unpack \(expected (\d+)")


def unpack(place: Place) -> Changes:
    match = UNPACK.search(place.crash.exception.message)
    if not match:
        return
    for node in place.expressions(ast.Call):
        if not (isinstance(node.func, ast.Attribute) and node.func.attr in ("split", "rsplit") and node.args):
            continue
        expected, base, sep = int(match[2]), place.source(node.func.value), place.source(node.args[0])
        if match[1] == "too many":
            for method in ("split", "rsplit"):
                said = Said("", f"{expected} parts are taken: all after the separator belongs to the last", 0.86)
                yield change(
                    place,
                    place.replace(node, f"{base}.{method}({sep}, {expected - 1})"),
                    f"{sep} may come again in the text: split it {expected - 1} times.",
                    said if method == node.func.attr else None,
                )
        elif expected == 2:
            said = next(iter(missing_values(place)), None)
            yield change(
                place,
                place.replace(node, f"{base}.partition({sep})[::2]"),
                f"{sep} may be missing: the second part is then empty.",
                said if said and said.value in ('""', "''") else None,
            )


def first_of(place: Place) -> Changes:
    for node in place.expressions(ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id == "next" and len(node.args) == 1:
            for said in missing_values(place, "None"):
                new = f"next({_wrapped(place, node.args[0])}, {said.value})"
                yield change(place, place.replace(node, new), f"There may be none: {said.value} is given then.", said)


def _wrapped(place: Place, node: ast.expr) -> str:
    text = place.source(node)
    return f"({text})" if isinstance(node, ast.GeneratorExp) and not text.startswith("(") else text
