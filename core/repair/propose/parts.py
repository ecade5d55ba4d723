"""How much of an expression a documented value stands for: the part that fails, its chain, all of the figure."""

from __future__ import annotations

import ast

from core.repair.localize.locate import Place
from core.repair.localize.sources import called
from core.repair.localize.syntax import nodes
from core.repair.propose.base import Changes, change
from core.repair.propose.documentation import Said
from core.repair.propose.suspects import DIVISIONS, ZERO, Suspect, repeatable


def whole(place: Place, suspect: Suspect, said: Said, says: str) -> Changes:
    """``(expression if it can be had else value)``: the failing part, then the chain that it begins."""
    if not suspect.good or not repeatable(ast.parse(suspect.good, mode="eval").body):
        return
    longest = chain(place, suspect.node)
    for node in dict.fromkeys((suspect.node, longest, _computed(place, longest))):
        if isinstance(place.statement, ast.Expr) and place.statement.value is node:
            continue  # a step whose value nobody takes is left out instead
        new = f"({place.source(node)} if {suspect.good} else {said.value})"
        yield change(place, _unwrapped(place, node, new), says, said, 0.9, 0.02)
        if place.crash.exception.type.rsplit(".", 1)[-1] in ZERO:
            yield change(place, _every_division(place, said.value), says, said, 0.9, 0.03)


def _unwrapped(place: Place, node: ast.expr, new: str) -> str:
    """Without brackets where the expression is the whole of a return or an assignment."""
    statement = place.statement
    alone = isinstance(statement, ast.Return | ast.Assign) and statement.value is node
    return place.replace(node, new[1:-1] if alone else new)


def chain(place: Place, node: ast.expr) -> ast.expr:
    """The longest run of attributes, subscripts and calls that starts with the node."""
    grown = True
    while grown:
        grown = False
        for outer in place.expressions(ast.Attribute, ast.Subscript, ast.Call):
            inner = outer.func if isinstance(outer, ast.Call) else outer.value
            if inner is node:
                node, grown = outer, True
                break
    return node


def _computed(place: Place, node: ast.expr) -> ast.expr:
    """The whole arithmetic around the node: documentation speaks of the figure that comes out."""
    for outer in place.expressions(ast.BinOp, ast.UnaryOp, ast.Call):
        if isinstance(outer, ast.Call):
            parts = outer.args if called(outer) in ("round", "int", "float", "abs") else []
        else:
            parts = [] if _begins_with_text(outer) else list(ast.iter_child_nodes(outer))
        node = outer if any(part is node for part in parts) else node
    return node


def _begins_with_text(node: ast.expr) -> bool:
    left = node.left if isinstance(node, ast.BinOp) else None
    return isinstance(left, ast.JoinedStr) or (isinstance(left, ast.Constant) and isinstance(left.value, str))


def _every_division(place: Place, value: str) -> str:
    """All divisions of the function by what could be zero give the value instead."""
    divisions = nodes(place.function or place.statement or place.module, ast.BinOp)
    return place.replaced(
        (node, f"({place.source(node)} if {place.source(node.right)} else {value})")
        for node in divisions
        if _may_fail(node)
    )


def _may_fail(node: ast.BinOp) -> bool:
    """A division by what is computed; of a text, it is formatting."""
    computed = not isinstance(node.right, ast.Constant) and not isinstance(node.left, ast.Constant | ast.JoinedStr)
    return computed and type(node.op).__name__ in DIVISIONS and repeatable(node.right)


def is_part(statement: ast.stmt, value: str, missing: str) -> bool:
    """A documented text that is likelier for one part of the returned text: other parts do without the missing."""
    if value[:1] not in ("'", '"') or len(value) <= 2:
        return False
    texts = [ast.unparse(part) for part in _parts(statement)]
    return any(ast.unparse(ast.parse(missing)) not in text for text in texts)


def _parts(statement: ast.stmt) -> list[ast.expr]:
    """What a returned text is made of: the values of ``f"{a} {b}"`` and of ``"%s %s" % (a, b)``."""
    whole = statement.value if isinstance(statement, ast.Return) else None
    if isinstance(whole, ast.JoinedStr):
        return [n.value for n in whole.values if isinstance(n, ast.FormattedValue)]
    formatted = isinstance(whole, ast.BinOp) and isinstance(whole.op, ast.Mod) and isinstance(whole.right, ast.Tuple)
    return whole.right.elts if formatted and isinstance(whole.right, ast.Tuple) else []
