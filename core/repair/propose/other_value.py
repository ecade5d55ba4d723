"""Another value in the place of the failing expression: ``x.get(key, 0)``, ``(x or [])``, ``a / b if b else 0.0``.

The values are ingredients of the program: what it documents, what siblings give the same key, what the function is
annotated to give. TBar (Liu et al. 2019) has such a pattern for null pointers, range checks and divisors.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from core.repair.localize.locate import Place
from core.repair.localize.returning import alike, fits
from core.repair.localize.sources import called
from core.repair.propose.base import Changes, Said, change
from core.repair.propose.documentation import STAYS, best, documented, sentences, words_of
from core.repair.propose.evidence import annotated, optional, returned, siblings
from core.repair.propose.outwards import troubles
from core.repair.propose.registry import operator
from core.repair.propose.statements import is_part, says, weaker
from core.repair.propose.troubles import HOLE, KINDS, Trouble
from core.repair.types import Evidence


@operator(*KINDS)
def instead(place: Place) -> Changes:
    for here, trouble in troubles(place):
        for said in _ingredients(here, trouble):
            yield from _in_its_form(here, trouble, said)
            yield from _for_the_whole(here, trouble, said)


def _ingredients(place: Place, trouble: Trouble) -> list[Said]:
    """What may stand for the missing: this key's own default, what is documented, an optional's empty, the neutral."""
    found = [
        *(siblings(place, trouble.key) if trouble.key else ()),
        *_own_default(place, trouble),
        *_itself(place, trouble),
    ]
    found += [*documented(place, trouble.about), *annotated(place), *returned(place)]
    words = optional(place, trouble.key) if trouble.key else ""
    found += [Said(v, words, Evidence.TYPE) for v in trouble.neutral if words and v in ("()", "{}", "[]")]
    return best([*found, *map(Said, trouble.neutral)])


def _own_default(place: Place, trouble: Trouble) -> Iterator[Said]:
    """``x.get(key, default)`` that gave None: the code names its default already."""
    node = trouble.missing
    if isinstance(node, ast.Call) and called(node) == "get" and len(node.args) == 2:
        value = place.source(node.args[1])
        yield Said(value, f"the code itself gives {value} by default; null means the same", Evidence.DOCUMENTED)


def _itself(place: Place, trouble: Trouble) -> Iterator[Said]:
    """The key of a lookup, where the documentation says that what is unknown stays as it is."""
    node = trouble.node
    if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Constant):
        for sentence in [s for s in sentences(place, trouble.about) if STAYS.search(s.text)]:
            yield Said(place.source(node.slice), sentence.words, sentence.grade, sentence.far)


def _in_its_form(place: Place, trouble: Trouble, said: Said) -> Changes:
    form = trouble.form
    if not form or (said.value == "None" and f" or {HOLE}" in form):
        return  # None in the place of a None mends nothing
    own = any(word in said.words for word in (" default", "null means")) or said.grade == Evidence.TYPE
    text = place.replace(trouble.node, _said_once(place, trouble, said).replace(HOLE, said.value))
    about_key = not trouble.key or own or words_of(str(trouble.key)) & words_of(said.words)
    why = said if about_key else weaker(said)  # a value for the function's result is hardly one for this part
    yield change(place, text, says(place, trouble, f"{said.value} is taken instead"), why, trouble.far + 2 * (not own))


def _said_once(place: Place, trouble: Trouble, said: Said) -> str:
    """``x.get(key) or default`` says once what ``x.get(key, default) or default`` says twice."""
    node = trouble.missing
    if "null means" not in said.words or not isinstance(node, ast.Call):
        return trouble.form
    return trouble.form.replace(place.source(node), f"{place.source(node.func)}({place.source(node.args[0])})", 1)


def _for_the_whole(place: Place, trouble: Trouble, said: Said) -> Changes:
    """``(expression if it can be had else value)``: the failing part, its chain, the whole figure around it."""
    own_default = " default" in said.words and "documentation" not in said.words
    if not trouble.asked or own_default or not _fits_whole(place, said.value) or _unpacks(place.statement):
        return
    longest = _chain(place, trouble.node)
    for far, node in enumerate(dict.fromkeys((_figure(place, longest), longest, trouble.node))):
        if isinstance(place.statement, ast.Expr) and place.statement.value is node:
            continue  # a step whose value nobody takes is left out instead
        part = place.statement is not None and is_part(place, place.statement, trouble, said.value)
        said = weaker(said) if part and _alone(place.statement, node) else said
        new = f"({place.source(node)} if {trouble.good} else {said.value})"
        text = place.replace(node, new[1:-1] if _alone(place.statement, node) else new)
        yield change(place, text, says(place, trouble, f"{said.value} is taken instead"), said, trouble.far + 1 + far)


def _fits_whole(place: Place, value: str) -> bool:
    """Whether the value may stand for the whole of a returned expression."""
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
    """The whole arithmetic around the node: documentation speaks of the figure that comes out."""
    for outer in place.expressions(ast.BinOp, ast.UnaryOp, ast.Call):
        if isinstance(outer, ast.Call):
            parts = outer.args if called(outer) in ("round", "int", "float", "abs") else []
        else:
            parts = list(ast.iter_child_nodes(outer))
        node = outer if any(part is node for part in parts) else node
    return node
