"""A key that is not there: another spelling or form of it that is, before any default."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from core.repair.localize.locate import Place
from core.repair.localize.sources import UNREADABLE, called
from core.repair.localize.syntax import identifier, nodes
from core.repair.propose.base import Changes, change
from core.repair.propose.documentation import Said
from core.repair.propose.evidence import modules
from core.repair.propose.registry import template
from core.repair.propose.suspects import failing

FORMS: tuple[tuple[str, Callable[[Any], object]], ...] = (
    ("{}.lower()", lambda k: k.lower()), ("{}.upper()", lambda k: k.upper()), ("{}.strip()", lambda k: k.strip()),
    ("{}.title()", lambda k: k.title()), ("{}.strip().lower()", lambda k: k.strip().lower()),
    ("{}.strip().upper()", lambda k: k.strip().upper()), ("{}.casefold()", lambda k: k.casefold()),
    ("{}.replace('-', '_')", lambda k: k.replace("-", "_")), ("{}.replace('_', '-')", lambda k: k.replace("_", "-")),
    ("str({})", str), ("int({})", int), ("{}.decode()", lambda k: k.decode()), ("{}.encode()", lambda k: k.encode()),
)  # fmt: skip


_NO_MEMBER = re.compile(r"^(.+) is not a valid (?:\w+\.)*(\w+)$")


def lookups(place: Place) -> Iterator[tuple[ast.Subscript, object]]:
    """Subscripts that may have raised, with the key that was missing."""
    try:
        missing = ast.literal_eval(place.crash.exception.message)
    except UNREADABLE:
        missing = place.crash.exception.message
    for node in failing(place, ast.Subscript):
        if isinstance(node.ctx, ast.Load) and place.value(node.slice) in (missing, ...):
            yield node, missing


@template("KeyError")
def other_key(place: Place) -> Changes:
    """Another form or another spelling of the key, which the mapping holds."""
    for node, missing in lookups(place):
        if keys := _keys(place, node.value):
            if isinstance(node.slice, ast.Constant):
                yield from _constant_form(place, node, missing, keys)
                yield from _spelled(place, node, missing, keys)
            else:
                yield from _in_other_form(place, node, missing, keys)


@template("ValueError")
def enum_member(place: Place) -> Changes:
    """``Status("PAID")`` of an enumeration whose values are written otherwise."""
    match = _NO_MEMBER.search(place.message)
    name = match[2] if match else ""
    values = [v for _, m in modules(place) for v in _values(m, name)]
    for node in failing(place, ast.Call):
        if called(node) == name and len(node.args) == 1:
            for text, other in islice(_forms(place.value(node.args[0]), values), 1):
                said = Said("", f"{name} has {other!r}, and all its values in that form", 0.9)
                new = place.replace(node.args[0], text.format(place.source(node.args[0])))
                yield change(place, new, f"The values of {name} are looked up so.", said)


def _forms(missing: object, held: list, all_alike: bool = True) -> Iterator[tuple[str, object]]:
    """(expression, value) of the forms in which what is missing is held; ``all_alike``: as is all that is held."""
    for text, form in FORMS if missing is not ... else ():
        other = _formed(form, missing)
        if other is not ... and other != missing and other in held and (not all_alike or _uniform(form, held)):
            yield text, other


def _formed(form: Callable[[Any], object], value: object) -> object:
    """The value in another form; ... when it has none."""
    try:
        return form(value)
    except (AttributeError, TypeError, ValueError):
        return ...


def _uniform(form: Callable[[Any], object], held: list) -> bool:
    return all(_formed(form, value) == value for value in held)


def _values(module: ast.Module, name: str) -> list:
    """Values of the enumeration's members."""
    owners = [n for n in module.body if isinstance(n, ast.ClassDef) and n.name == name]
    members = [n for owner in owners for n in owner.body if isinstance(n, ast.Assign)]
    return [n.value.value for n in members if isinstance(n.value, ast.Constant)]


def _keys(place: Place, node: ast.expr) -> list:
    """The keys that are there; those of a mapping of the module, also when its values are no literals."""
    found = place.value(node)
    if isinstance(found, dict):
        return list(found)
    for statement in [n for n in place.module.body if isinstance(n, ast.Assign)]:
        held = statement.value
        if isinstance(node, ast.Name) and identifier(statement.targets[0]) == node.id and isinstance(held, ast.Dict):
            return [k.value for k in held.keys if isinstance(k, ast.Constant)]
    return []


def _in_other_form(place: Place, node: ast.Subscript, missing: object, keys: list) -> Changes:
    base, key = place.source(node.value), place.source(node.slice)
    sure = [text for text, _ in _forms(missing, keys)]
    for text, other in _forms(missing, keys, all_alike=False):
        new = text.format(key)
        said = Said("", f"{base} holds {other!r}, not {missing!r}", 0.9 if text in sure else 0.78)
        says = f"{base} has its keys in another form: look up {new}."
        yield change(place, place.replace(node.slice, new), says, said)
        yield from _at_assignment(place, node.slice, new, said)


def _at_assignment(place: Place, key: ast.expr, new: str, said: Said) -> Changes:
    """Where the key is taken from a text in the same function, so that later uses agree."""
    if not isinstance(key, ast.Name) or place.function is None:
        return
    for node in nodes(place.function, ast.Assign):
        if key.id in {identifier(t) for t in node.targets}:
            text = place.source(node.value)
            says = f"{key.id} is brought into the form of the keys where it is read."
            yield change(place, place.replace(node.value, new.replace(key.id, text, 1)), says, said, less=0.02)


def _constant_form(place: Place, node: ast.Subscript, missing: object, keys: list) -> Changes:
    """The literal in the keys' own case, where the mapping is normalised."""
    if not isinstance(missing, str):
        return
    quoted = place.source(node.slice)
    for other in [k for k in keys if isinstance(k, str) and k != missing and k.lower() == missing.lower()]:
        said = Said("", f"the keys are {other!r} and the like, in another case", 0.9)
        yield change(place, place.replace(node.slice, repr_like(quoted, other)), f"The key is {other!r}.", said)


def _spelled(place: Place, node: ast.Subscript, missing: object, keys: list) -> Changes:
    texts = [k for k in keys if isinstance(k, str)]
    if not isinstance(missing, str):
        return
    for near in difflib.get_close_matches(missing, texts, 2, 0.7):
        if near.lower() == missing.lower():
            continue
        used = _used_elsewhere(place, near)
        said = Said("", f"the mapping holds {near!r}, which is spelled almost the same{used}", 0.9 if used else 0.85)
        new = place.replace(node.slice, repr_like(place.source(node.slice), near))
        yield change(place, new, f"The key is {near!r}.", said)


def _used_elsewhere(place: Place, key: str) -> str:
    same = [n for n in nodes(place.module, ast.Constant) if n.value == key]
    return f", as line {same[0].lineno} does" if same else ""


def repr_like(old: str, value: str) -> str:
    """The value as a literal, with the quotes of the old one where nothing in it has to be escaped."""
    plain = repr(value) == f"'{value}'" and '"' not in value
    return f'"{value}"' if old.startswith('"') and plain else repr(value)
