"""Unpacking: separators that come more often, or not at all."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from core.repair.localize.locate import Place
from core.repair.propose.base import Changes, change
from core.repair.propose.evidence import SKIPPED, Said, documented, missing_values, sentences, words_of

UNPACK = re.compile(r"(not enough|too many) values to unpack \(expected (?:at least )?(\d+)")


def unpack(place: Place) -> Changes:
    match = UNPACK.search(place.crash.exception.message)
    if not match:
        return
    expected = int(match[2])
    for node in _splits(place):
        if match[1] == "too many" and len(node.args) == 1:
            yield from _at_most(place, node, expected)
        elif match[1] == "not enough":
            yield from _too_few(place, node, expected)


def _splits(place: Place) -> Iterator[ast.Call]:
    """Splits of the statement, or those that set a name which the statement unpacks."""
    names = {n.id for n in place.expressions(ast.Name)}
    nodes = list(place.expressions(ast.Call))
    for statement in ast.walk(place.function or place.module):
        if isinstance(statement, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id in names for t in statement.targets
        ):
            nodes += [n for n in ast.walk(statement.value) if isinstance(n, ast.Call)]
    for node in dict.fromkeys(nodes):
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("split", "rsplit"):
            yield node


def _at_most(place: Place, node: ast.Call, expected: int) -> Changes:
    base, sep = place.source(node.func.value), place.source(node.args[0])
    about = words_of(*(n.id for n in place.expressions(ast.Name)))
    last = any(re.search(r"\b(last|final|from the (right|end))\b", s.text, re.I) for s in sentences(place, about))
    for method in ("split", "rsplit"):
        right = (method == "rsplit") == last and (method == node.func.attr or last)
        said = Said("", f"{expected} parts are taken: what follows the separator belongs to the last", 0.88)
        if last:
            said = Said("", "the documentation speaks of the last separator", 0.88)
        new = f"{base}.{method}({sep}, {expected - 1})"
        says = f"{sep} may come again in the text: it is split {expected - 1} times."
        yield change(place, place.replace(node, new), says, said if right else None)


def _too_few(place: Place, node: ast.Call, expected: int) -> Changes:
    """The documented value for the part that is missing, the row left out, or an early return."""
    base, sep = place.source(node.func.value), place.source(node.args[0]) if node.args else "None"
    about = words_of(*(n.id for n in place.expressions(ast.Name)), place.function.name if place.function else "")
    statement, names = place.statement, _targets(place.statement)
    values = missing_values(place, (), about)
    parts = documented(place, about)
    empty = next((s for s in parts if s.value in ('""', "''")), None)
    if expected == 2 and node.args and isinstance(node.args[0], ast.Constant):
        says = f"{sep} may be missing: the second part is then empty."
        yield change(place, place.replace(node, f"{base}.partition({sep})[::2]"), says, empty)
        if len(names) == 2 and isinstance(statement, ast.Assign) and statement.value is node:
            yield from _filled(place, node, base, sep, names, parts)
    condition = f"{sep} not in {base}" if node.args and expected == 2 else f"len({place.source(node)}) != {expected}"
    if statement is not None and place.function is not None and not isinstance(statement, ast.For):
        for said in values:
            lines = (f"if {condition}:", f"    return {said.value}")
            yield change(place, place.before(statement, *lines), f"Without {sep} the result is {said.value}.", said)
        yield from _skipped(place, statement, condition, about)


def _targets(statement: ast.stmt | None) -> list[str]:
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    return [ast.unparse(t) for t in target.elts] if isinstance(target, ast.Tuple) else []


def _filled(place: Place, node: ast.Call, base: str, sep: str, names: list[str], values: list[Said]) -> Changes:
    for said in values:
        new = f"{place.source(node)} if {sep} in {base} else ({base}, {said.value})"
        yield change(place, place.replace(node, new), f"Without {sep}, {names[1]} is {said.value}.", said, less=0.01)


def _skipped(place: Place, statement: ast.stmt, condition: str, about: frozenset[str]) -> Changes:
    told = next((s for s in sentences(place, about) if SKIPPED.search(s.text)), None)
    loops = [n for n in ast.walk(place.function) if isinstance(n, ast.For | ast.While)]
    if any(statement in n.body for n in loops):
        said = Said("", f"the documentation says: {told.text[:200]}", told.trust + 0.03) if told else None
        text = place.before(statement, f"if {condition}:", "    continue")
        yield change(place, text, "Such a row is left out.", said)
