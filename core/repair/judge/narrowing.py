"""A failed assertion that only narrows a type may become a condition: what relied on it still runs only under it. Pure.

``assert x is not None; use(x)`` becomes ``if x: use(x)``. Every statement after the assertion must be in an ``if`` that
implies it, and must not occur elsewhere in the function more often than before.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence

from core.repair.judge.conditions import clauses, implies
from core.repair.localize.fixability import narrows
from core.repair.localize.syntax import Function, covers, functions_in, nodes


def conditions_now(was: ast.Module, now: ast.Module, failed: Sequence[int]) -> list[ast.Assert]:
    """The narrowing assertions on the failed lines of ``was`` that are conditions in ``now``."""
    there = {function.name: function for function in functions_in(now)}
    return [
        found
        for function in functions_in(was)
        for found, rest in _failed(function, failed)
        if rest and function.name in there and _guarded(function, there[function.name], found, rest)
    ]


def _failed(function: Function, failed: Sequence[int]) -> Iterator[tuple[ast.Assert, list[ast.stmt]]]:
    """The assertion with the statements after it in its block."""
    inside = [node for node in ast.walk(function) if isinstance(node, ast.stmt | ast.ExceptHandler)]
    for block in (getattr(node, name, []) for node in inside for name in ("body", "orelse", "finalbody")):
        for position, inner in enumerate(block):
            if isinstance(inner, ast.Assert) and narrows(inner) and any(covers(inner, line) for line in failed):
                yield inner, block[position + 1 :]


def _guarded(old: Function, new: Function, found: ast.Assert, rest: Sequence[ast.stmt]) -> bool:
    wanted = clauses(found.test)
    under = [n for n in nodes(new, ast.If) if implies(clauses(n.test), wanted) is None]
    inside = {ast.unparse(statement) for n in under for statement in n.body}
    before, after = _statements(old), _statements(new)
    return all(text in inside and after[text] <= before[text] for text in map(ast.unparse, rest))


def _statements(function: Function) -> Counter[str]:
    return Counter(ast.unparse(node) for node in ast.walk(function) if isinstance(node, ast.stmt))
