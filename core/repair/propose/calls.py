"""Calls that do not fit what is called, and views and generators that are taken for lists."""

from __future__ import annotations

import ast
import re

from core.repair.localize.locate import Place
from core.repair.localize.sources import Function, called, decorators
from core.repair.propose.base import Changes, at, change
from core.repair.propose.evidence import Said, modules
from core.repair.propose.names import functions
from core.repair.propose.suspects import failing

_TOO_MANY = re.compile(r"\b(?:(\w+)\.)?(\w+)\(\) takes (?:from \d+ to )?(\d+) positional arguments? but (\d+)")
_LAZY = re.compile(
    r"'(dict_keys|dict_values|dict_items|map|filter|zip|generator|odict_keys)' object is not subscriptable|"
    r"object of type '(generator|map|filter|zip)' has no len\(\)"
)
_TIES = re.compile(r"'[<>]=?' not supported between instances of '(\w+)' and '(\w+)'")
_SORTING = {"sorted", "sort", "max", "min", "nlargest", "nsmallest"}


def without_self(place: Place) -> Changes:
    """A method that uses ``self`` and does not take it; one that uses no object and stands in a class."""
    match = _TOO_MANY.search(place.crash.exception.message)
    if not match or int(match[4]) != int(match[3]) + 1:
        return
    for path, owner, node in _methods(place, match[2]):
        taken = [a.arg for a in node.args.args]
        if taken[:1] in (["self"], ["cls"]) or decorators(node) & {"staticmethod", "classmethod"}:
            continue
        there = at(place, path)
        if any(isinstance(n, ast.Name) and n.id == "self" for n in ast.walk(node)):
            said = Said("", f"{node.name} uses self, which {owner.name} does not give it otherwise", 0.93)
            head = re.compile(rf"(def\s+{node.name}\s*\()")
            rows = there.text.splitlines(keepends=True)
            line = rows[node.lineno - 1]
            rows[node.lineno - 1] = head.sub(r"\1self, " if taken else r"\1self", line, count=1)
            yield change(there, "".join(rows), f"{node.name} takes its object.", said)
        else:
            said = Said("", f"{node.name} takes no object and is called on one", 0.9)
            yield change(there, there.before(node, "@staticmethod"), f"{node.name} needs no object.", said)


def _methods(place: Place, name: str):
    for path, module in modules(place):
        for owner in [n for n in module.body if isinstance(n, ast.ClassDef)]:
            yield from ((path, owner, n) for n in owner.body if isinstance(n, Function) and n.name == name)


def by_keyword(place: Place) -> Changes:
    """``send(text, channel)`` of ``def send(text, *, channel)``."""
    match = _TOO_MANY.search(place.crash.exception.message)
    for node in failing(place, ast.Call) if match else ():
        if called(node) != match[2] or any(isinstance(a, ast.Starred) for a in node.args):
            continue
        for _, target in functions(place, match[2]):
            names = [a.arg for a in target.args.args if a.arg not in ("self", "cls")]
            over, free = node.args[len(names) :], [a.arg for a in target.args.kwonlyargs]
            free = [n for n in free if n not in {k.arg for k in node.keywords}]
            same = [a for a in over if getattr(a, "id", getattr(a, "attr", "")) in free]
            if over and (same == over or len(over) == len(free) == 1):
                said = Said("", f"{match[2]} takes {', '.join(free)} by keyword only", 0.92 if same == over else 0.84)
                words = [getattr(a, "id", getattr(a, "attr", "")) if same == over else free[0] for a in over]
                news = [(a, f"{word}={place.source(a)}") for a, word in zip(over, words, strict=True)]
                yield change(place, place.replaced(news), f"{', '.join(words)} is given by keyword.", said)


def listed(place: Place) -> Changes:
    """``d.keys()[0]``, ``len(found)`` of a generator: a list of it, where it is set when it is used again."""
    match = _LAZY.search(place.crash.exception.message)
    if not match:
        return
    kind = match[1] or match[2]
    said = Said("", f"a {kind} has neither positions nor a length; a list of it has", 0.91)
    taken = [n.value for n in failing(place, ast.Subscript)]
    taken += [n.args[0] for n in failing(place, ast.Call) if called(n) == "len" and n.args]
    for node in taken:
        if place.kind(node) not in (kind, ""):
            continue
        where = _assignments(place, node)
        for value in where:
            new = f"list({_bare(place.source(value))})"
            yield change(place, place.replace(value, new), f"{ast.unparse(node)} is made a list.", said)
        text = place.replace(node, f"list({_bare(place.source(node))})")
        yield change(place, text, f"A list of {ast.unparse(node)} is taken.", said, less=0.04 if where else 0.0)


def _assignments(place: Place, node: ast.expr) -> list[ast.expr]:
    """Values that the function gives the name."""
    found = [n for n in ast.walk(place.function or place.module) if isinstance(n, ast.Assign)]
    return [n.value for n in found if isinstance(node, ast.Name) and getattr(n.targets[0], "id", "") == node.id]


def _bare(text: str) -> str:
    return text[1:-1] if text.startswith("(") and text.endswith(")") and " for " in text else text


def by_first(place: Place) -> Changes:
    """Pairs whose first parts are the same are compared by their second, which have no order: the first decides."""
    match = _TIES.search(place.crash.exception.message)
    if not match or match[1] != match[2]:
        return
    for node in failing(place, ast.Call):
        pairs = node.args[-1:] if called(node) in _SORTING and not any(k.arg == "key" for k in node.keywords) else []
        made = [p.elt for p in pairs if isinstance(p, ast.GeneratorExp | ast.ListComp)]
        if (made and isinstance(made[0], ast.Tuple)) or _zipped(pairs):
            text = place.source(node)
            inner = text[text.index("(") + 1 : -1].rstrip().rstrip(",")
            bare = isinstance(pairs[0], ast.GeneratorExp) and len(node.args) == 1 and not node.keywords
            inner = f"({inner})" if bare else inner
            said = Said("", f"the first part is what is compared; a {match[1]} has no order", 0.86)
            new = f"{text[: text.index('(')]}({inner}, key=lambda pair: pair[0])"
            yield change(place, place.replace(node, new), "The first part of each pair decides.", said)


def _zipped(values: list[ast.expr]) -> bool:
    return bool(values) and isinstance(values[0], ast.Call) and called(values[0]) in ("zip", "enumerate", "items")
