"""Loops of a function: what runs again in each turn, and which names change meanwhile. Pure.

A loop is a statement or a comprehension. What a name holds may change in it by an assignment, by a method that changes
its object, or by a call of a function or method of the program that gets it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.repair.localize.sources import called, words
from core.repair.localize.syntax import Function, identifier, names_in, nodes, receiver

PURE = words(
    "sorted set frozenset tuple list sum min max len any all enumerate zip range str int float repr print isinstance"
)
CHANGING = words(
    "append add extend insert update remove discard pop popitem popleft clear sort reverse setdefault appendleft write"
)
READING = words(  # methods, and functions of modules, that change neither their object nor what they get
    "get keys values items count index copy join split strip lower upper replace startswith endswith format encode "
    "decode compile match search findall sub sqrt floor ceil execute fetchall fetchone"
)
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True)
class Loop:
    """``anchor`` is the statement before which work can be moved; ``again`` are the nodes that run in each turn.

    ``over`` is the name whose items it goes through; empty for anything else.
    """

    anchor: ast.stmt
    again: Sequence[ast.AST]
    over: str = ""

    @property
    def changed(self) -> set[str]:
        """Names whose value or object may change in the loop."""
        found: set[str] = set()
        for part in self.again:
            found |= {n.id for n in nodes(part, ast.Name) if not isinstance(n.ctx, ast.Load)}
            found |= {n.arg for n in nodes(part, ast.arg)}  # of a lambda
            found |= changed_in_place(part)
        return found

    def inside(self, *kinds: type[ast.AST]) -> list:
        return [node for part in self.again for node in nodes(part, *kinds)]


def changed_in_place(part: ast.AST, without: Sequence[ast.Call] = ()) -> set[str]:
    """The names whose objects may change, but for what the calls ``without`` do."""
    found = {base(n) for n in nodes(part, ast.Subscript, ast.Attribute) if not isinstance(n.ctx, ast.Load)}
    return found.union(*(_given_away(call) for call in nodes(part, ast.Call) if call not in without))


def _given_away(call: ast.Call) -> set[str]:
    """The names whose objects a call may change."""
    owner, values = receiver(call), [*call.args, *(keyword.value for keyword in call.keywords)]
    given = {name for value in values for name in names_in(value)}
    if owner is None:
        return set() if identifier(call.func) in PURE else given
    if called(call) in CHANGING:
        return {base(owner)}
    return set() if called(call) in READING else given | {base(owner)}


def base(node: ast.AST) -> str:
    """``a`` of ``a.b[0].c``."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return identifier(node)


def loops(function: Function) -> Iterator[Loop]:
    """The loops of a function, outer ones first."""
    for statement in nodes(function, ast.stmt):
        if isinstance(statement, ast.For):
            yield Loop(statement, [statement.target, *statement.body], identifier(statement.iter))
        elif isinstance(statement, ast.While):
            yield Loop(statement, [statement.test, *statement.body])
        if not isinstance(statement, Function | ast.ClassDef | ast.For | ast.While | ast.If | ast.With | ast.Try):
            yield from _comprehensions(statement)


def _comprehensions(statement: ast.stmt) -> Iterator[Loop]:
    for node in nodes(statement, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp):
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        first, *others = node.generators
        later: list[ast.AST] = [first.target, *first.ifs, *others]
        yield Loop(statement, [*later, *results], identifier(first.iter))
