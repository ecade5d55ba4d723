"""Of which kind a function's results are: annotated, and as its returns build them. Pure."""

from __future__ import annotations

import ast
import re

from core.repair.localize.locate import Place
from core.repair.localize.sources import UNREADABLE


def fits(place: Place, value: str) -> bool:
    """Whether the function's return annotation allows the value."""
    told = ast.unparse(place.function.returns) if place.function and place.function.returns else ""
    if not told or told in ("Any", "object"):
        return True
    kinds = {"[]": "list", "{}": "dict", '""': "str", "''": "str", "set()": "set"}
    try:
        kind = kinds.get(value) or type(ast.literal_eval(value)).__name__
    except UNREADABLE:
        return True
    named = set(re.findall(r"\w+", told))
    if kind == "NoneType":
        return bool(named & {"None", "Optional"})
    plain = {"int", "float", "str", "bool", "bytes", "list", "dict", "tuple", "set"}
    numbers = {"int", "float"} if kind == "int" else {kind}
    outer = {name[0] for part in told.split("|") if (name := re.match(r"\w+", part.strip()))}
    return bool(outer & numbers) or not outer & plain


_SHAPES = (
    ((ast.Dict, ast.DictComp), "dict"),
    ((ast.List, ast.ListComp), "list"),
    ((ast.Set, ast.SetComp), "set"),
    ((ast.JoinedStr,), "str"),
    ((ast.Compare,), "bool"),
)


def alike(place: Place, value: str) -> bool:
    """Whether the value is of the kind that the function's other returns build; None always may be."""
    if value == "None" or place.function is None:
        return True
    returns = [n.value for n in ast.walk(place.function) if isinstance(n, ast.Return) and n.value is not None]
    shown = [*returns, *_gathered(place, returns)]
    built = {kind for node in shown for kinds, kind in _SHAPES if isinstance(node, kinds)}
    built |= {"tuple" for node in returns if isinstance(node, ast.Tuple) and node.elts}
    built |= {"str" for n in returns if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Mod) and _is_text(n.left)}
    built |= {"number" for n in returns if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Div | ast.Sub)}
    try:
        kind = "set" if value == "set()" else type(ast.literal_eval(value)).__name__
    except UNREADABLE:
        return True
    return not built or kind in built or (kind in ("int", "float") and "number" in built)


def _gathered(place: Place, returns: list[ast.expr]) -> list[ast.expr]:
    """What the returned names begin as: ``found = []``."""
    names = {n.id for n in returns if isinstance(n, ast.Name)}
    assigned = [n for n in ast.walk(place.function) if isinstance(n, ast.Assign)]
    return [n.value for n in assigned if getattr(n.targets[0], "id", None) in names]


def accumulates(place: Place) -> bool:
    """Whether the function returns what it gathers in a container of its own."""
    returns = [n.value for n in ast.walk(place.function) if isinstance(n, ast.Return) and n.value is not None]
    return any(isinstance(n, ast.List | ast.Dict | ast.Set) for n in _gathered(place, returns))


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
