"""A key that is not there: another spelling or form of it that is, before any default."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator

from core.repair.localize.locate import Place
from core.repair.localize.sources import UNREADABLE, called
from core.repair.propose.base import Changes, change
from core.repair.propose.evidence import Said, modules
from core.repair.propose.suspects import failing

FORMS = (
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


def other_key(place: Place) -> Changes:
    for node, missing in lookups(place):
        keys = _keys(place, node.value)
        if keys:
            yield from _in_other_form(place, node, missing, keys)
            yield from _spelled(place, node, missing, keys)


def enum_member(place: Place) -> Changes:
    """``Status("PAID")`` of an enumeration whose values are written otherwise."""
    match = _NO_MEMBER.search(place.crash.exception.message)
    values = [v for _, m in modules(place) for v in _values(m, match[2])] if match else []
    for node in failing(place, ast.Call) if values else ():
        missing = place.value(node.args[0]) if called(node) == match[2] and len(node.args) == 1 else ...
        for text, form in FORMS if missing is not ... else ():
            try:
                other = form(missing)
            except (AttributeError, TypeError, ValueError):
                continue
            if other != missing and other in values and all(_same(form, v) for v in values):
                said = Said("", f"{match[2]} has {other!r}, and all its values in that form", 0.9)
                new = text.format(place.source(node.args[0]))
                text = place.replace(node.args[0], new)
                yield change(place, text, f"The values of {match[2]} are looked up so.", said)
                return


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
    for statement in place.module.body:
        named = isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == getattr(
            node, "id", None
        )
        if named and isinstance(statement.value, ast.Dict):
            return [k.value for k in statement.value.keys if isinstance(k, ast.Constant)]
    return []


def _in_other_form(place: Place, node: ast.Subscript, missing: object, keys: list) -> Changes:
    base, key = place.source(node.value), place.source(node.slice)
    if isinstance(node.slice, ast.Constant):
        yield from _constant_form(place, node, missing, keys)
        return
    for text, form in FORMS:
        try:
            other = form(missing)
        except (AttributeError, TypeError, ValueError):
            continue
        if other != missing and other in keys:
            uniform = all(_same(form, k) for k in keys)
            new = text.format(key)
            said = Said("", f"{base} holds {other!r}, not {missing!r}", 0.9 if uniform else 0.78)
            yield change(
                place, place.replace(node.slice, new), f"{base} has its keys in another form: look up {new}.", said
            )
            yield from _at_assignment(place, node.slice, new, said)


def _same(form, key: object) -> bool:
    try:
        return form(key) == key
    except (AttributeError, TypeError, ValueError):
        return False


def _at_assignment(place: Place, key: ast.expr, new: str, said: Said) -> Changes:
    """Where the key is taken from a text in the same function, so that later uses agree."""
    if not isinstance(key, ast.Name) or place.function is None:
        return
    for node in ast.walk(place.function):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == key.id for t in node.targets):
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
    if not isinstance(node.slice, ast.Constant) or not isinstance(missing, str):
        return
    for near in difflib.get_close_matches(missing, texts, 2, 0.7):
        if near.lower() == missing.lower():
            continue
        used = _used_elsewhere(place, near)
        said = Said("", f"the mapping holds {near!r}, which is spelled almost the same{used}", 0.9 if used else 0.85)
        yield change(
            place, place.replace(node.slice, repr_like(place.source(node.slice), near)), f"The key is {near!r}.", said
        )


def _used_elsewhere(place: Place, key: str) -> str:
    same = [n for n in ast.walk(place.module) if isinstance(n, ast.Constant) and n.value == key]
    return f", as line {same[0].lineno} does" if same else ""


def repr_like(old: str, value: str) -> str:
    """The value as a literal, with the quotes of the old one where nothing in it has to be escaped."""
    plain = repr(value) == f"'{value}'" and '"' not in value
    return f'"{value}"' if old.startswith('"') and plain else repr(value)
