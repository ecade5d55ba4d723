"""Implication between conditions: does one hold wherever another does? Syntactic, so "no" means "not shown". Pure.

A condition is converted to conjunctive normal form: a set of clauses that all hold, each a set of literals of which
one holds. ``a`` implies ``b`` if each clause of ``b`` has all literals of some clause of ``a``, or weaker ones.
"""

from __future__ import annotations

import ast
import builtins
import copy
from dataclasses import dataclass, field
from itertools import product

RAISED = "raised"  # stands for being in a handler of the named exceptions
MOST = 64  # maximum clauses; a larger condition is treated as one literal
_OPPOSITE = {ast.Is: ast.IsNot, ast.Eq: ast.NotEq, ast.In: ast.NotIn, ast.IsNot: ast.Is, ast.NotEq: ast.Eq,
             ast.NotIn: ast.In}  # fmt: skip
_MIRRORED = {ast.Gt: ast.Lt, ast.GtE: ast.LtE}


@dataclass(frozen=True)
class Literal:
    """An expression that is true (``holds``) or false; ``node`` is the expression."""

    text: str
    holds: bool
    node: ast.expr = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.text if self.holds else f"not {self.text}"


Clause = frozenset[Literal]
Clauses = frozenset[Clause]


def clauses(node: ast.expr, holds: bool = True) -> Clauses:
    """The normal form of the expression being true, or of it being false."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return clauses(node.operand, not holds)
    if isinstance(node, ast.Constant):
        return frozenset() if bool(node.value) == holds else frozenset({frozenset()})
    if isinstance(node, ast.BoolOp):
        parts = [clauses(value, holds) for value in node.values]
        return frozenset().union(*parts) if isinstance(node.op, ast.And) == holds else _any(parts, node, holds)
    if isinstance(node, ast.Compare) and len(node.ops) > 1:
        return clauses(ast.BoolOp(ast.And(), _pairs(node)), holds)
    if isinstance(node, ast.Call) and _is_bool(node):
        return clauses(node.args[0], holds)
    return frozenset({frozenset({_literal(node, holds)})})


def _is_bool(node: ast.Call) -> bool:
    return getattr(node.func, "id", "") == "bool" and len(node.args) == 1


def implies(old: Clauses, new: Clauses) -> Clause | None:
    """None if ``new`` is shown to hold wherever ``old`` does; else the first clause that is not shown."""
    left = sorted(new, key=lambda clause: sorted(map(str, clause)))
    return next((clause for clause in left if not any(_within(given, clause) for given in old)), None)


def _any(parts: list[Clauses], node: ast.expr, holds: bool) -> Clauses:
    """The disjunction of the parts: each combination of one clause per part is a clause."""
    size = 1
    for part in parts:
        size *= max(1, len(part))
    if size > MOST:
        return frozenset({frozenset({Literal(ast.unparse(node), holds, node)})})
    return frozenset(frozenset().union(*choice) for choice in product(*parts))


def _pairs(node: ast.Compare) -> list[ast.expr]:
    sides = [node.left, *node.comparators]
    return [ast.Compare(sides[i], [op], [sides[i + 1]]) for i, op in enumerate(node.ops)]


def _literal(node: ast.expr, holds: bool) -> Literal:
    """``not a is b`` is ``a is not b``, and ``a > b`` is ``b < a``. ``not a < b`` stays: a NaN is neither."""
    if isinstance(node, ast.Compare):
        left, op, right = node.left, type(node.ops[0]), node.comparators[0]
        if op in _OPPOSITE and not holds:
            op, holds = _OPPOSITE[op], True
        swapped = op in _MIRRORED or (op in (ast.Eq, ast.NotEq, ast.Is, ast.IsNot) and isinstance(left, ast.Constant))
        if swapped:
            left, op, right = right, _MIRRORED.get(op, op), left
        node = ast.Compare(left, [op()], [right])
    return Literal(ast.unparse(_Plain().visit(copy.deepcopy(node))), holds, node)


class _Plain(ast.NodeTransformer):
    """``compare_digest`` takes bytes or raises, so a strict conversion inside it does not weaken the check."""

    inside = False

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
        around, self.inside = self.inside, self.inside or name == "compare_digest"
        self.generic_visit(node)
        converts = around and name in ("encode", "decode") and len(node.args) < 2 and not node.keywords
        self.inside = around
        return node.func.value if converts and isinstance(node.func, ast.Attribute) else node


def _within(given: Clause, wanted: Clause) -> bool:
    return all(any(_weaker(one, other) for other in wanted) for one in given)


# --- implication between literals --------------------------------------------------------------------


def _weaker(one: Literal, other: Literal) -> bool:
    """Does the second hold wherever the first does?"""
    return one == other or any(rule(one, other) for rule in (_empty, _member, _beyond, _kinds, _caught))


def _parts(literal: Literal) -> tuple[str, type | None, ast.expr | None]:
    node = literal.node
    if not isinstance(node, ast.Compare):
        return literal.text, None, None
    return ast.unparse(node.left), type(node.ops[0]), node.comparators[0]


def _empty(one: Literal, other: Literal) -> bool:
    """``x is None`` and ``x == 0`` imply that x is false; a true x implies that x is not None."""
    left, op, right = _parts(one)
    if op in (ast.Is, ast.Eq) and one.holds and isinstance(right, ast.Constant) and not right.value:
        return (other.text, other.holds) == (left, False)
    return op is None and one.holds and other.holds and other.text == f"{one.text} is not None"


def _member(one: Literal, other: Literal) -> bool:
    """``x == 1`` implies ``x in (1, 2)`` and ``x != 3``; ``x not in (1, 2)`` implies ``x not in (1,)``."""
    (left, op, right), (other_left, other_op, other_right) = _parts(one), _parts(other)
    mine, theirs = _values(op, right), _values(other_op, other_right)
    if left != other_left or not (one.holds and other.holds) or mine is None or theirs is None:
        return False
    among, other_among = op in (ast.Eq, ast.In), other_op in (ast.Eq, ast.In)
    if among and not other_among:
        return not _shares(mine, theirs)
    return among == other_among and (_all_in(mine, theirs) if among else _all_in(theirs, mine))


def _shares(some: list[object], others: list[object]) -> bool:
    return any(value in others for value in some)


def _all_in(some: list[object], others: list[object]) -> bool:
    return all(value in others for value in some)


def _values(op: type | None, node: ast.expr | None) -> list[object] | None:
    """The constants of a comparison; equal constants (1 and True) count as the same."""
    if op in (ast.Eq, ast.NotEq):
        return [node.value] if isinstance(node, ast.Constant) else None
    if op not in (ast.In, ast.NotIn) or not isinstance(node, ast.Tuple | ast.List | ast.Set):
        return None
    values: list[object] = [e.value for e in node.elts if isinstance(e, ast.Constant)]
    return values if len(values) == len(node.elts) else None


def _beyond(one: Literal, other: Literal) -> bool:
    """``x < 1`` implies ``x < 2`` and ``x <= 1``; ``2 < x`` implies ``1 < x``. Negations imply the reverse."""
    if one.holds != other.holds:
        return False
    first, second = (_bound(one), _bound(other)) if one.holds else (_bound(other), _bound(one))
    if first is None or second is None or first[:2] != second[:2]:
        return False
    (_, upper, limit, closed), (*_, wider, wider_closed) = first, second
    further = wider > limit if upper else wider < limit
    return further or (wider == limit and (wider_closed or not closed))


def _bound(literal: Literal) -> tuple[str, bool, float, bool] | None:
    """(expression, is the limit an upper one, limit, is the limit itself allowed)."""
    node = literal.node
    if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Lt | ast.LtE):
        return None
    right = node.comparators[0]
    above = isinstance(right, ast.Constant)
    limit, bounded = (right, node.left) if above else (node.left, right)
    value = limit.value if isinstance(limit, ast.Constant) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return ast.unparse(bounded), above, value, isinstance(node.ops[0], ast.LtE)


def _kinds(one: Literal, other: Literal) -> bool:
    """``isinstance(x, A)`` implies ``isinstance(x, (A, B))``."""
    if one.holds != other.holds:
        return False
    first, second = (_types(one), _types(other)) if one.holds else (_types(other), _types(one))
    if first is None or second is None:
        return False
    return first[0] == second[0] and first[1] <= second[1]


def _types(literal: Literal) -> tuple[str, frozenset[str]] | None:
    node = literal.node
    if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "isinstance" or len(node.args) != 2:
        return None
    kinds = node.args[1].elts if isinstance(node.args[1], ast.Tuple) else [node.args[1]]
    return ast.unparse(node.args[0]), frozenset(map(ast.unparse, kinds))


def _caught(one: Literal, other: Literal) -> bool:
    """``except LookupError`` is entered wherever ``except KeyError`` is, ``except (A, B)`` wherever ``except A`` is."""
    few, many = _handled(one), _handled(other)
    return bool(few) and one.holds == other.holds and all(any(_is_kind(b, a) for a in many) for b in few)


def _handled(literal: Literal) -> list[str]:
    """Names of the exceptions of ``<raised>(...)`` (refusals.py); empty for any other literal."""
    node = literal.node
    if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != f"<{RAISED}>" or not literal.holds:
        return []
    return [str(a.value) for a in node.args if isinstance(a, ast.Constant)]


def _is_kind(name: str, of: str) -> bool:
    """Are they the same, or built-in exceptions of which one is a kind of the other?"""
    kind, base = (getattr(builtins, each, None) for each in (name, of))
    return name == of or (isinstance(kind, type) and isinstance(base, type) and issubclass(kind, base))
