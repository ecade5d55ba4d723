"""Gives the failing expression another value: ``x.get(key, 0)``, ``(x or [])``, ``a / b if b else 0.0``.

The values come from the program: its documentation, siblings' defaults for the same key, the function's annotation.
TBar (Liu et al. 2019) lists such patterns as null pointer checkers and range checkers.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from core.repair.localize.locate import Place
from core.repair.localize.returning import alike, fits
from core.repair.localize.sources import called
from core.repair.propose.base import Changes, Clue, change
from core.repair.propose.documentation import STAYS, best, documented, sentences, words_of
from core.repair.propose.evidence import annotated, optional, siblings
from core.repair.propose.outwards import suspects
from core.repair.propose.registry import operator
from core.repair.propose.statements import exiting, grounded, guarded, is_part, rationale, weaker
from core.repair.propose.suspect import HOLE, KINDS, Suspect
from core.repair.types import Evidence


@operator(*KINDS)
def instead(place: Place) -> Changes:
    for here, suspect in suspects(place):
        for clue in _ingredients(here, suspect):
            yield from _in_its_form(here, suspect, clue)
            yield from _for_the_whole(here, suspect, clue)
            yield from _in_a_handler(here, suspect, clue)


def _ingredients(place: Place, suspect: Suspect) -> list[Clue]:
    """Values for the missing one: the key's own default, documented values, None of an optional, neutral values."""
    found = [
        *(siblings(place, suspect.key) if suspect.key else ()),
        *_own_default(place, suspect),
        *_itself(place, suspect),
    ]
    found += [*documented(place, suspect.about), *annotated(place)]
    words = optional(place, suspect.key) if suspect.key else ""
    found += [Clue(v, words, Evidence.TYPE) for v in suspect.neutral if words and v in ("()", "{}", "[]")]
    return best([*(grounded(place, suspect, clue) for clue in found), *map(Clue, suspect.neutral)])


def _own_default(place: Place, suspect: Suspect) -> Iterator[Clue]:
    """The default of ``x.get(key, default)`` that gave None."""
    node = suspect.missing
    if isinstance(node, ast.Call) and called(node) == "get" and len(node.args) == 2:
        value = place.source(node.args[1])
        yield Clue(value, f"the code itself gives {value} by default; null means the same", Evidence.DOCUMENTED)


def _itself(place: Place, suspect: Suspect) -> Iterator[Clue]:
    """The key of a lookup, if the documentation says that unknown keys stay unchanged."""
    node = suspect.node
    if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Constant):
        for sentence in [s for s in sentences(place, suspect.about) if STAYS.search(s.text)]:
            yield Clue(place.source(node.slice), sentence.words, sentence.grade, sentence.far)


def _in_its_form(place: Place, suspect: Suspect, clue: Clue) -> Changes:
    form = suspect.form
    if not form or (clue.value == "None" and f" or {HOLE}" in form):
        return  # None instead of None changes nothing
    own = any(word in clue.words for word in (" default", "null means")) or clue.grade == Evidence.TYPE
    text = place.replace(suspect.node, _said_once(place, suspect, clue).replace(HOLE, clue.value))
    why = clue if own else _about(place, suspect, clue)
    yield change(
        place, text, rationale(place, suspect, f"{clue.value} is taken instead"), why, suspect.far + 2 * (not own)
    )


def _about(place: Place, suspect: Suspect, clue: Clue) -> Clue:
    """The evidence, weaker if it is a sentence on the function's result and the expression is only a part of that.

    Without a key, the sentence speaks of the whole expression; else it or the function's name must name the key.
    """
    told = words_of(clue.words, place.function.name if place.function else "")
    named = words_of(str(suspect.key)) & told if suspect.key else _alone(place.statement, suspect.node)
    return clue if named or "documentation says" not in clue.words else weaker(clue)


def _said_once(place: Place, suspect: Suspect, clue: Clue) -> str:
    """Write ``x.get(key) or default`` instead of ``x.get(key, default) or default``."""
    node = suspect.missing
    if "null means" not in clue.words or not isinstance(node, ast.Call):
        return suspect.form
    return suspect.form.replace(place.source(node), f"{place.source(node.func)}({place.source(node.args[0])})", 1)


def _for_the_whole(place: Place, suspect: Suspect, clue: Clue) -> Changes:
    """Write ``(expression if condition else value)`` for the failing part, its chain, or the whole arithmetic."""
    own_default = " default" in clue.words and "documentation" not in clue.words
    if not suspect.asked or own_default or not _fits_whole(place, clue.value) or _unpacks(place.statement):
        return
    clue = _about(place, suspect, clue) if suspect.key and not _alone(place.statement, suspect.node) else clue
    longest = _chain(place, suspect.node)
    for far, node in enumerate(dict.fromkeys((_figure(place, longest), longest, suspect.node))):
        if isinstance(place.statement, ast.Expr) and place.statement.value is node:
            continue  # a step whose value is unused is skipped by another operator
        part = place.statement is not None and is_part(place, place.statement, suspect, clue.value)
        clue = weaker(clue) if part and _alone(place.statement, node) else clue
        new = f"({place.source(node)} if {suspect.good} else {clue.value})"
        text = place.replace(node, new[1:-1] if _alone(place.statement, node) else new)
        yield change(
            place, text, rationale(place, suspect, f"{clue.value} is taken instead"), clue, suspect.far + 1 + far
        )


def _in_a_handler(place: Place, suspect: Suspect, clue: Clue) -> Changes:
    """Assign the value where the expression cannot be read."""
    statement = guarded(place, suspect) if suspect.error else None
    if isinstance(statement, ast.Assign) and statement.value is suspect.node and not _unpacks(statement):
        text = exiting(place, suspect, statement, f"{place.source(statement.targets[0])} = {clue.value}")
        yield change(place, text, rationale(place, suspect, f"{clue.value} is taken instead"), clue, suspect.far)


def _fits_whole(place: Place, value: str) -> bool:
    """Can the value replace the whole returned expression?"""
    return not isinstance(place.statement, ast.Return) or (fits(place, value) and alike(place, value))


def _unpacks(statement: ast.stmt | None) -> bool:
    return isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Tuple)


def _alone(statement: ast.stmt | None, node: ast.expr) -> bool:
    return isinstance(statement, ast.Return | ast.Assign) and statement.value is node


def _chain(place: Place, node: ast.expr) -> ast.expr:
    """The longest run of attributes, subscripts and calls that starts with the node."""
    for outer in place.expressions(ast.Attribute, ast.Subscript, ast.Call):
        inner = outer.func if isinstance(outer, ast.Call) else outer.value
        if inner is node:
            return _chain(place, outer)
    return node


def _figure(place: Place, node: ast.expr) -> ast.expr:
    """The whole arithmetic around the node, because documentation describes its result."""
    for outer in place.expressions(ast.BinOp, ast.UnaryOp, ast.Call):
        if isinstance(outer, ast.Call):
            parts = outer.args if called(outer) in ("round", "int", "float", "abs") else []
        else:
            parts = list(ast.iter_child_nodes(outer))
        node = outer if any(part is node for part in parts) else node
    return node
