"""Calls that do not fit what is called, and views and generators that are taken for lists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from core.repair.localize.locate import Place
from core.repair.localize.sources import called, decorators
from core.repair.localize.syntax import Function, classes_of, identifier, last_name, names_in, nodes
from core.repair.propose.base import Changes, at, change
from core.repair.propose.documentation import Said
from core.repair.propose.evidence import modules
from core.repair.propose.names import functions
from core.repair.propose.registry import template
from core.repair.propose.suspects import failing

_TOO_MANY = re.compile(r"\b(?:(\w+)\.)?(\w+)\(\) takes (?:from \d+ to )?(\d+) positional arguments? but (\d+)")
_LAZY = re.compile(
    r"'(dict_keys|dict_values|dict_items|map|filter|zip|generator|odict_keys)' object is not subscriptable|"
    r"object of type '(generator|map|filter|zip)' has no len\(\)"
)
_TIES = re.compile(r"'[<>]=?' not supported between instances of '(\w+)' and '(\w+)'")
_SORTING = {"sorted", "sort", "max", "min", "nlargest", "nsmallest"}


@template("TypeError")
def without_self(place: Place) -> Changes:
    """A method that uses ``self`` and does not take it; one that uses no object and stands in a class."""
    match = _TOO_MANY.search(place.message)
    if not match or int(match[4]) != int(match[3]) + 1:
        return
    for path, owner, node in _methods(place, match[2]):
        taken = [a.arg for a in node.args.args]
        if taken[:1] in (["self"], ["cls"]) or decorators(node) & {"staticmethod", "classmethod"}:
            continue
        there = at(place, path)
        if "self" in names_in(node):
            said = Said("", f"{node.name} uses self, which {owner.name} does not give it otherwise", 0.93)
            yield change(there, _taking_self(there, node, bool(taken)), f"{node.name} takes its object.", said)
        else:
            said = Said("", f"{node.name} takes no object and is called on one", 0.9)
            yield change(there, there.before(node, "@staticmethod"), f"{node.name} needs no object.", said)


def _taking_self(there: Place, node: Function, more: bool) -> str:
    head = re.compile(rf"(def\s+{node.name}\s*\()")
    rows = there.text.splitlines(keepends=True)
    rows[node.lineno - 1] = head.sub(r"\1self, " if more else r"\1self", rows[node.lineno - 1], count=1)
    return "".join(rows)


def _methods(place: Place, name: str) -> Iterator[tuple[str, ast.ClassDef, Function]]:
    for path, module in modules(place):
        for owner in classes_of(module):
            yield from ((path, owner, n) for n in owner.body if isinstance(n, Function) and n.name == name)


@template("TypeError")
def by_keyword(place: Place) -> Changes:
    """``send(text, channel)`` of ``def send(text, *, channel)``."""
    match = _TOO_MANY.search(place.message)
    for node in failing(place, ast.Call) if match else ():
        if match and called(node) == match[2] and not any(isinstance(a, ast.Starred) for a in node.args):
            for _, target in functions(place, match[2]):
                yield from _named(place, node, target)


def _named(place: Place, node: ast.Call, target: Function) -> Changes:
    """The call with what it gives beyond the positional parameters given by keyword."""
    over, free = node.args[len(_positional(target)) :], _free(node, target)
    same = {last_name(a) for a in over} <= set(free)
    if not over or not (same or len(over) == len(free) == 1):
        return
    said = Said("", f"{target.name} takes {', '.join(free)} by keyword only", 0.92 if same else 0.84)
    words = [last_name(a) for a in over] if same else free
    news = [(a, f"{word}={place.source(a)}") for a, word in zip(over, words, strict=True)]
    yield change(place, place.replaced(news), f"{', '.join(words)} is given by keyword.", said)


def _positional(target: Function) -> list[str]:
    """Parameters that a call gives by position."""
    return [a.arg for a in target.args.args if a.arg not in ("self", "cls")]


def _free(node: ast.Call, target: Function) -> list[str]:
    """Keyword-only parameters that the call does not give."""
    given = {k.arg for k in node.keywords}
    return [a.arg for a in target.args.kwonlyargs if a.arg not in given]


@template("TypeError")
def listed(place: Place) -> Changes:
    """``d.keys()[0]``, ``len(found)`` of a generator: a list of it, where it is set when it is used again."""
    match = _LAZY.search(place.message)
    if not match:
        return
    kind = match[1] or match[2]
    said = Said("", f"a {kind} has neither positions nor a length; a list of it has", 0.91)
    for node in _taken(place):
        if place.kind(node) not in (kind, ""):
            continue
        where = _assignments(place, node)
        for value in where:
            new = f"list({_bare(place.source(value))})"
            yield change(place, place.replace(value, new), f"{ast.unparse(node)} is made a list.", said)
        text = place.replace(node, f"list({_bare(place.source(node))})")
        yield change(place, text, f"A list of {ast.unparse(node)} is taken.", said, less=0.04 if where else 0.0)


def _taken(place: Place) -> list[ast.expr]:
    """What has a position or a length asked of it."""
    measured = [n for n in failing(place, ast.Call) if called(n) == "len" and n.args]
    return [*(n.value for n in failing(place, ast.Subscript)), *(n.args[0] for n in measured)]


def _assignments(place: Place, node: ast.expr) -> list[ast.expr]:
    """Values that the function gives the name."""
    name = identifier(node)
    return [n.value for n in nodes(place.scope, ast.Assign) if name and identifier(n.targets[0]) == name]


def _bare(text: str) -> str:
    return text[1:-1] if text.startswith("(") and text.endswith(")") and " for " in text else text


@template("TypeError")
def by_first(place: Place) -> Changes:
    """Pairs whose first parts are the same are compared by their second, which have no order: the first decides."""
    match = _TIES.search(place.message)
    if not match or match[1] != match[2]:
        return
    said = Said("", f"the first part is what is compared; a {match[1]} has no order", 0.86)
    for node in failing(place, ast.Call):
        if called(node) in _SORTING and "key" not in {k.arg for k in node.keywords} and _is_paired(node.args[-1:]):
            new = _keyed(place, node)
            yield change(place, place.replace(node, new), "The first part of each pair decides.", said)


def _is_paired(values: list[ast.expr]) -> bool:
    """``(a, b) for ...``, ``zip(...)``: values that come as pairs."""
    last = values[0] if values else None
    if isinstance(last, ast.GeneratorExp | ast.ListComp):
        return isinstance(last.elt, ast.Tuple)
    return isinstance(last, ast.Call) and called(last) in ("zip", "enumerate", "items")


def _keyed(place: Place, node: ast.Call) -> str:
    """The call with a key that takes the first part; a bare generator gets its brackets."""
    head, _, rest = place.source(node).partition("(")
    inner = rest[:-1].rstrip().rstrip(",")
    bare = isinstance(node.args[-1], ast.GeneratorExp) and len(node.args) == 1 and not node.keywords
    return f"{head}({f'({inner})' if bare else inner}, key=lambda pair: pair[0])"
