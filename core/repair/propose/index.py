"""Unpacking: separators that come more often, or not at all."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from core.repair.localize.locate import Place
from core.repair.localize.sources import called
from core.repair.localize.syntax import identifier, nodes, receiver
from core.repair.propose.base import Changes, change
from core.repair.propose.documentation import SKIPPED, Said, documented, sentences, words_of
from core.repair.propose.evidence import missing_values
from core.repair.propose.registry import template

UNPACK = re.compile(r"(not enough|too many) values to unpack \(expected (?:at least )?(\d+)")


@template("ValueError")
def unpack(place: Place) -> Changes:
    match = UNPACK.search(place.message)
    if not match:
        return
    for node in _splits(place):
        if match[1] == "too many" and len(node.args) == 1:
            yield from _at_most(place, node, int(match[2]))
        elif match[1] == "not enough":
            yield from _too_few(place, node, int(match[2]))


def _splits(place: Place) -> Iterator[ast.Call]:
    """Splits of the statement, or those that set a name which the statement unpacks."""
    names = {n.id for n in place.expressions(ast.Name)}
    found = list(place.expressions(ast.Call))
    for statement in nodes(place.scope, ast.Assign):
        if names & {identifier(t) for t in statement.targets}:
            found += nodes(statement.value, ast.Call)
    yield from (n for n in dict.fromkeys(found) if receiver(n) is not None and called(n) in ("split", "rsplit"))


def _at_most(place: Place, node: ast.Call, expected: int) -> Changes:
    base, sep = _receiver_text(place, node), place.source(node.args[0])
    about = words_of(*(n.id for n in place.expressions(ast.Name)))
    last = any(re.search(r"\b(last|final|from the (right|end))\b", s.text, re.I) for s in sentences(place, about))
    words = f"{expected} parts are taken: what follows the separator belongs to the last"
    said = Said("", "the documentation speaks of the last separator" if last else words, 0.88)
    for method in ("split", "rsplit"):
        right = (method == "rsplit") == last and (method == called(node) or last)
        new = f"{base}.{method}({sep}, {expected - 1})"
        says = f"{sep} may come again in the text: it is split {expected - 1} times."
        yield change(place, place.replace(node, new), says, said if right else None)


def _receiver_text(place: Place, node: ast.Call) -> str:
    base = receiver(node)
    return place.source(base) if base is not None else ""


def _too_few(place: Place, node: ast.Call, expected: int) -> Changes:
    """The documented value for the part that is missing, the row left out, or an early return."""
    about = words_of(*(n.id for n in place.expressions(ast.Name)), place.function.name if place.function else "")
    if expected == 2 and node.args:
        yield from _halved(place, node, about)
    if place.statement is not None and place.function is not None and not isinstance(place.statement, ast.For):
        yield from _without(place, node, expected, about)


def _without(place: Place, node: ast.Call, expected: int, about: frozenset[str]) -> Changes:
    """An early return, or the row left out, where there are too few parts."""
    base, sep = _receiver_text(place, node), place.source(node.args[0]) if node.args else "None"
    condition = f"{sep} not in {base}" if node.args and expected == 2 else f"len({place.source(node)}) != {expected}"
    statement = place.statement
    if statement is None:
        return
    for said in missing_values(place, (), about):
        lines = (f"if {condition}:", f"    return {said.value}")
        yield change(place, place.before(statement, *lines), f"Without {sep} the result is {said.value}.", said)
    yield from _skipped(place, statement, condition, about)


def _halved(place: Place, node: ast.Call, about: frozenset[str]) -> Changes:
    """``name, value = text.split("=")`` of a text without one: the second part is empty, or as documented."""
    if not isinstance(node.args[0], ast.Constant):
        return
    base, sep = _receiver_text(place, node), place.source(node.args[0])
    parts = documented(place, about)
    empty = next((s for s in parts if s.value in ('""', "''")), None)
    says = f"{sep} may be missing: the second part is then empty."
    yield change(place, place.replace(node, f"{base}.partition({sep})[::2]"), says, empty)
    names = _targets(place.statement)
    if len(names) == 2 and isinstance(place.statement, ast.Assign) and place.statement.value is node:
        yield from _filled(place, node, base, sep, names, parts)


def _targets(statement: ast.stmt | None) -> list[str]:
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    return [ast.unparse(t) for t in target.elts] if isinstance(target, ast.Tuple) else []


def _filled(place: Place, node: ast.Call, base: str, sep: str, names: list[str], values: list[Said]) -> Changes:
    for said in values:
        new = f"{place.source(node)} if {sep} in {base} else ({base}, {said.value})"
        yield change(place, place.replace(node, new), f"Without {sep}, {names[1]} is {said.value}.", said, less=0.01)


def _skipped(place: Place, statement: ast.stmt, condition: str, about: frozenset[str]) -> Changes:
    told = next((s for s in sentences(place, about) if SKIPPED.search(s.text)), None)
    if any(statement in loop.body for loop in nodes(place.scope, ast.For, ast.While)):
        said = Said("", f"the documentation says: {told.text[:200]}", told.trust + 0.03) if told else None
        text = place.before(statement, f"if {condition}:", "    continue")
        yield change(place, text, "Such a row is left out.", said)
