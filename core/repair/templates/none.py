"""None where a value was meant: take the missing for empty, give the documented value, or set a default."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from core.repair.evidence import Said, missing_values, siblings
from core.repair.locate import Place
from core.repair.templates.base import Changes, change

ATTRIBUTE = re.compile(r"'NoneType' object has no attribute '(\w+)'")
NEUTRAL_BY_METHOD = (
    {name: "{}" for name in ("get", "items", "keys", "values", "setdefault", "copy")}
    | {name: '""' for name in dir(str) if not name.startswith("_")}
    | {name: "[]" for name in ("append", "extend", "sort")}
)


def guard(place: Place) -> Changes:
    message = place.crash.exception.message
    if "NoneType" not in message:
        return
    for node, neutral in _suspects(place, message):
        if isinstance(node, ast.Constant) or place.value(node) not in (None, ...):
            continue
        yield from _instead(place, node, neutral)
        yield from _early_return(place, node)


def _suspects(place: Place, message: str) -> Iterator[tuple[ast.expr, str]]:
    """Expressions of the line that may have been None, with what is neutral there."""
    if match := ATTRIBUTE.search(message):
        for node in place.expressions(ast.Attribute):
            if node.attr == match[1]:
                yield node.value, NEUTRAL_BY_METHOD.get(match[1], "")
    elif "not subscriptable" in message:
        for node in place.expressions(ast.Subscript):
            yield node.value, "{}" if isinstance(place.value(node.slice), str) else "()"
    elif "no len()" in message:
        yield from _measured(place)
    elif "not iterable" in message or "iterable" in message:
        yield from _iterated(place)
    elif "operand" in message or "not supported between" in message or "argument" in message:
        yield from _operands(place)


def _measured(place: Place) -> Iterator[tuple[ast.expr, str]]:
    for node in place.expressions(ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id == "len" and node.args:
            yield node.args[0], "()"


def _iterated(place: Place) -> Iterator[tuple[ast.expr, str]]:
    for node in place.expressions(
        ast.For, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Compare, ast.Call, ast.Starred
    ):
        if isinstance(node, ast.For):
            yield node.iter, "()"
        elif isinstance(node, ast.Compare):
            yield from (
                (c, "()")
                for op, c in zip(node.ops, node.comparators, strict=True)
                if isinstance(op, ast.In | ast.NotIn)
            )
        elif isinstance(node, ast.Call):
            yield from (
                (a, "()") for a in node.args if isinstance(a, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
            )
        elif isinstance(node, ast.Starred):
            yield node.value, "()"
        else:
            yield from ((g.iter, "()") for g in node.generators)


def _operands(place: Place) -> Iterator[tuple[ast.expr, str]]:
    for node in place.expressions(ast.BinOp, ast.Compare, ast.AugAssign, ast.Call):
        parts = (
            [node.left, node.right]
            if isinstance(node, ast.BinOp)
            else [node.left, *node.comparators]
            if isinstance(node, ast.Compare)
            else [node.value]
            if isinstance(node, ast.AugAssign)
            else node.args
        )
        for part in parts:
            if isinstance(part, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
                yield part, '""' if "str" in place.crash.exception.message else "0"


def _instead(place: Place, node: ast.expr, neutral: str) -> Changes:
    """``(x or neutral)``, with the default that the code names already where it names one."""
    text = place.source(node)
    says = f"{text} can be None: what is missing counts as empty."
    if _is_get(node) and len(node.args) == 2:
        bare, default = f"{place.source(node.func)}({place.source(node.args[0])})", place.source(node.args[1])
        said = Said(default, f"the code itself gives {default} for a missing value; null means the same", 0.92)
        yield change(place, place.replace(node, f"({bare} or {default})"), says, said)
    if _is_get(node) and isinstance(node.args[0], ast.Constant):
        for said in siblings(place, node.args[0].value):
            yield change(place, place.replace(node, f"({text} or {said.value})"), says, said)
    if neutral:
        said = (
            Said(neutral, f"a None is treated like {neutral}, for which this code is written", 0.82)
            if neutral in ("()", "{}")
            else None
        )
        yield change(place, place.replace(node, f"({text} or {neutral})"), says, said)


def _is_get(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get"
        and bool(node.args)
    )


def _early_return(place: Place, node: ast.expr) -> Changes:
    """Return the documented value when it is None."""
    if not place.function or isinstance(node, ast.Call) or place.statement is place.function:
        return
    text = place.source(node)
    for said in missing_values(place):
        lines = (f"if {text} is None:", f"    return {said.value}")
        says = f"{text} can be None: the function then gives {said.value}."
        if isinstance(node, ast.Name | ast.Attribute) and _in_body(place):
            yield change(place, place.before(place.statement, *lines), says, said)


def _in_body(place: Place) -> bool:
    """The statement is the function's own, not inside a comprehension's or nested function's scope."""
    return any(place.statement is n for n in ast.walk(place.function) if isinstance(n, ast.stmt))
