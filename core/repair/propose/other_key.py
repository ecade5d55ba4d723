"""Replaces a key by another form or spelling that the mapping has, or finds the key in another mapping."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

from core.repair.localize.locate import Place
from core.repair.localize.sources import called
from core.repair.localize.syntax import identifier, nodes
from core.repair.propose.base import Changes, Clue, change, failing, modules
from core.repair.propose.other_name import is_slip, near
from core.repair.propose.registry import operator
from core.repair.propose.suspects import lookups, missing_key
from core.repair.types import Evidence

FORMS: tuple[tuple[str, Callable[[Any], object]], ...] = (
    ("{}.lower()", lambda k: k.lower()), ("{}.upper()", lambda k: k.upper()), ("{}.strip()", lambda k: k.strip()),
    ("{}.title()", lambda k: k.title()), ("{}.strip().lower()", lambda k: k.strip().lower()),
    ("{}.strip().upper()", lambda k: k.strip().upper()), ("str({})", str), ("int({})", int),
    ("{}.replace('-', '_')", lambda k: k.replace("-", "_")), ("{}.replace('_', '-')", lambda k: k.replace("_", "-")),
    ("{}.decode()", lambda k: k.decode()), ("{}.encode()", lambda k: k.encode()),
    ("tuple(sorted({}))", lambda k: tuple(sorted(k)) if isinstance(k, tuple) else ...),
    ("{}[::-1]", lambda k: k[::-1] if isinstance(k, tuple) else ...),
)  # fmt: skip
DEPTH = 3
_NO_MEMBER = re.compile(r"^(.+) is not a valid (?:\w+\.)*(\w+)$")


def form_of(missing: object, held: list) -> Iterator[tuple[str, object, bool]]:
    """(expression, value, do all keys have this form) for forms of the missing key that exist."""
    for text, form in FORMS if missing is not ... else ():
        other = _formed(form, missing)
        if other is not ... and other != missing and other in held:
            yield text, other, all(_formed(form, key) == key for key in held)


def _formed(form: Callable[[Any], object], value: object) -> object:
    """The value in another form; ``...`` if it has none."""
    try:
        return form(value)
    except (AttributeError, TypeError, ValueError):
        return ...


@operator("KeyError")
def form(place: Place) -> Changes:
    """Use ``table[name.lower()]``: the mapping has the key in another form, or as a literal in another case."""
    missing = missing_key(place)
    for node in lookups(place):
        base, key, held = place.source(node.value), place.source(node.slice), _keys(place, node.value)
        literal = isinstance(node.slice, ast.Constant)
        for text, other, alike in form_of(missing, held):
            bare = key[1:-1] if isinstance(node.slice, ast.Tuple) and key.startswith("(") else key
            inner = f"({bare})" if isinstance(node.slice, ast.Tuple) else key
            new = repr_like(key, other) if literal else text.format(inner)
            clue = Clue("", f"{base} holds {other!r}, not {missing!r}", Evidence.TYPE if alike else Evidence.STYLE)
            yield change(place, place.replace(node.slice, new), f"{base} has its keys in the form {new}.", clue)
            yield from () if literal else _where_it_is_set(place, node.slice, new, clue)


def _where_it_is_set(place: Place, key: ast.expr, new: str, clue: Clue) -> Changes:
    """Convert the key where it is assigned in the same function, so that later uses agree."""
    name = identifier(key)
    for node in nodes(place.scope, ast.Assign):
        if name and name in map(identifier, node.targets):
            text = place.replace(node.value, new.replace(name, place.source(node.value), 1))
            yield change(place, text, f"{name} is brought into the form of the keys where it is set.", clue, 1)


@operator("KeyError")
def spelled(place: Place) -> Changes:
    """Use a similarly spelled key that the mapping has."""
    missing = missing_key(place)
    for node in lookups(place) if isinstance(missing, str) else ():
        held = [k for k in _keys(place, node.value) if isinstance(k, str) and k.lower() != str(missing).lower()]
        close = [k for k in near(str(missing), set(held)) if is_slip(str(missing), k)]
        short = [other for other in held if _abbreviates(str(missing), other) or _abbreviates(other, str(missing))]
        found = close or (short if len(short) == 1 else [])
        for far, other in enumerate(found if isinstance(node.slice, ast.Constant) else ()):
            like = "is spelled almost the same" if close else "is the same word in short or in full"
            clue = Clue("", f"the mapping holds {other!r}, which {like}", Evidence.TYPE, far)
            text = place.replace(node.slice, repr_like(place.source(node.slice), other))
            yield change(place, text, f"The key is {other!r}.", clue)


def _abbreviates(short: str, word: str) -> bool:
    """Are all letters of a shorter word, in order, in the longer one: ``qty`` and ``quantity`` (Lawrie et al. 2007)?"""
    rest = iter(word.lower())
    alike = short[:1].lower() == word[:1].lower() and short[-1:].lower() == word[-1:].lower()
    return 2 < len(short) < len(word) and alike and all(letter in rest for letter in short.lower())


@operator("KeyError")
def elsewhere(place: Place) -> Changes:
    """Use ``event["data"]["customer"]`` instead of ``event["customer"]``: the key is one level further in or out."""
    missing = missing_key(place)
    for node in [n for n in lookups(place) if isinstance(n.slice, ast.Constant)]:
        for base in _outwards(node):
            if found := list(_paths(place.value(base), missing)):
                text = place.source(base) + "".join(f"[{repr_like(chr(34), step)}]" for step in found[0])
                clue = Clue("", f"{text} holds {missing!r}", Evidence.TYPE) if len(found) == 1 else None
                new = f"{text}[{place.source(node.slice)}]"
                yield change(place, place.replace(node, new), f"{missing!r} lies in {text}.", clue)
                break


def _outwards(node: ast.Subscript) -> Iterator[ast.expr]:
    """The mapping of a lookup, then its parents: ``a["b"]``, ``a``."""
    base = node.value
    yield base
    while isinstance(base, ast.Subscript):
        base = base.value
        yield base


def _paths(value: object, key: object, depth: int = DEPTH) -> Iterator[tuple[str, ...]]:
    """Paths of string keys to the mappings that have the key."""
    if not isinstance(value, dict) or not depth:
        return
    if key in value:
        yield ()
        return
    for name, inner in value.items():
        if isinstance(name, str):
            yield from ((name, *rest) for rest in _paths(inner, key, depth - 1))


@operator("ValueError")
def member(place: Place) -> Changes:
    """Convert the value of ``Status("PAID")`` for an enumeration whose values have another form."""
    match = _NO_MEMBER.search(place.message)
    name = match[2] if match else ""
    owners = [n for _, m in modules(place) for n in m.body if isinstance(n, ast.ClassDef) and n.name == name]
    values = [getattr(n.value, "value", ...) for o in owners for n in o.body if isinstance(n, ast.Assign)]
    for node in failing(place, ast.Call):
        if called(node) == name and len(node.args) == 1:
            for text, other, alike in form_of(place.value(node.args[0]), values):
                clue = Clue("", f"{name} has {other!r}, and all its values in that form", Evidence.TYPE)
                new = place.replace(node.args[0], text.format(place.source(node.args[0])))
                yield change(place, new, f"The values of {name} are looked up so.", clue if alike else None)


def _keys(place: Place, node: ast.expr) -> list:
    """The existing keys, including those of a mapping of the module whose values are not literals."""
    found = place.value(node)
    if isinstance(found, dict):
        return list(found)
    for statement in [n for n in place.module.body if isinstance(n, ast.Assign)]:
        held = statement.value
        if isinstance(node, ast.Name) and identifier(statement.targets[0]) == node.id and isinstance(held, ast.Dict):
            return [k.value for k in held.keys if isinstance(k, ast.Constant)]
    return []


def repr_like(old: str, value: object) -> str:
    """The value as a literal, with the old one's quotes if nothing has to be escaped."""
    plain = isinstance(value, str) and repr(value) == f"'{value}'" and '"' not in value
    return f'"{value}"' if old.startswith('"') and plain else repr(value)
