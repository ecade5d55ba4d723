"""Infers the type of a function's results from its annotation and its return statements. Pure."""

from __future__ import annotations

import ast
import re

from core.repair.localize.locate import Place
from core.repair.localize.sources import UNREADABLE
from core.repair.localize.syntax import Function, identifier, nodes, targets_of


def fits(place: Place, value: str) -> bool:
    """Whether the function's return annotation allows the value."""
    annotation = ast.unparse(place.function.returns) if place.function and place.function.returns else ""
    kind = _kind_of(value)
    if annotation in ("", "Any", "object") or not kind:
        return True
    if kind == "NoneType":
        return bool(set(re.findall(r"\w+", annotation)) & {"None", "Optional"})
    outer = {name[0] for part in annotation.split("|") if (name := re.match(r"\w+", part.strip()))}
    return bool(outer & ({"int", "float"} if kind == "int" else {kind})) or not outer & _PLAIN


_PLAIN = {"int", "float", "str", "bool", "bytes", "list", "dict", "tuple", "set"}


def _kind_of(value: str) -> str:
    """The type of a literal; empty for any other expression."""
    try:
        return "set" if value == "set()" else type(ast.literal_eval(value)).__name__
    except UNREADABLE:
        return ""


_SHAPES = (
    ((ast.Dict, ast.DictComp), "dict"),
    ((ast.List, ast.ListComp), "list"),
    ((ast.Set, ast.SetComp), "set"),
    ((ast.JoinedStr,), "str"),
    ((ast.Compare,), "bool"),
)


def alike(place: Place, value: str) -> bool:
    """Is the value of the type that the function's other returns build? None is always allowed, and where it returns
    nothing, only None is.
    """
    kind = _kind_of(value)
    if value == "None" or place.function is None or not kind:
        return True
    if not _returned(place.function) and not place.function.returns:
        return False
    built = _built_by(place.function)
    return not built or kind in built or (kind in ("int", "float") and "number" in built)


def _built_by(function: Function) -> set[str]:
    """The types that the function's return statements build, as far as they are known."""
    returns = _returned(function)
    shown = [*returns, *_gathered(function, returns)]
    return {kind for node in shown for kinds, kind in _SHAPES if isinstance(node, kinds)} | {
        _computed_kind(node) for node in returns
    } - {""}


def _computed_kind(node: ast.expr) -> str:
    """The type of a returned expression if its form shows it: ``(a, b)``, ``"%s" % a``, ``a / b``."""
    if isinstance(node, ast.Tuple):
        return "tuple" if node.elts else ""
    operator = node.op if isinstance(node, ast.BinOp) else None
    if isinstance(operator, ast.Mod) and isinstance(node, ast.BinOp):
        return "str" if _is_text(node.left) else ""
    return "number" if isinstance(operator, ast.Div | ast.Sub) else ""


def _returned(function: Function) -> list[ast.expr]:
    return [n.value for n in nodes(function, ast.Return) if n.value is not None]


def _gathered(function: Function, returns: list[ast.expr]) -> list[ast.expr]:
    """The initial values of the returned names: ``found = []``."""
    names = {identifier(n) for n in returns} - {""}
    return [n.value for n in nodes(function, ast.Assign) if identifier(targets_of(n)[0]) in names]


def accumulates(place: Place) -> bool:
    """Does the function return a container that it fills itself?"""
    gathered = _gathered(place.function, _returned(place.function)) if place.function else []
    return any(isinstance(n, ast.List | ast.Dict | ast.Set) for n in gathered)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
