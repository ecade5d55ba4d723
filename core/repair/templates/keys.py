"""A key that is not there: another spelling of it that is there, before any default."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator

from core.repair.evidence import Said, missing_values, siblings
from core.repair.locate import Place
from core.repair.templates.base import Changes, change

FORMS = (("lower", str.lower), ("upper", str.upper), ("strip", str.strip), ("title", str.title))


def _lookups(place: Place) -> Iterator[tuple[ast.Subscript, object]]:
    """Subscripts of the line that may have raised, with the key that was missing."""
    try:
        missing = ast.literal_eval(place.crash.exception.message)
    except (ValueError, SyntaxError):
        missing = place.crash.exception.message
    for node in place.expressions(ast.Subscript):
        if isinstance(node.ctx, ast.Load) and place.value(node.slice) in (missing, ...):
            yield node, missing


def other_key(place: Place) -> Changes:
    for node, missing in _lookups(place):
        keys = place.value(node.value)
        if not isinstance(keys, dict) or not isinstance(missing, str):
            continue
        base, key = place.source(node.value), place.source(node.slice)
        for method, form in FORMS:
            if form(missing) in keys and not isinstance(node.slice, ast.Constant):
                says = f"{base} has its keys in another form: look up {key}.{method}()."
                said = Said("", f"{base} holds {form(missing)!r}, not {missing!r}", 0.9)
                yield change(place, place.replace(node, f"{base}[{key}.{method}()]"), says, said)
        if isinstance(node.slice, ast.Constant):
            for near in difflib.get_close_matches(missing, [k for k in keys if isinstance(k, str)], 2, 0.7):
                said = Said("", f"{base} holds {near!r}, which is spelled almost the same", 0.88)
                yield change(
                    place,
                    place.replace(node.slice, repr_like(key, near)),
                    f"The key is spelled {near!r}.",
                    said,
                )


def repr_like(old: str, value: str) -> str:
    """The value as a literal with the quotes of the old one."""
    return f'"{value}"' if old.startswith('"') else repr(value)


def default(place: Place) -> Changes:
    for node, missing in _lookups(place):
        base, key = place.source(node.value), place.source(node.slice)
        neutral = ("0",) if _in_arithmetic(place, node) else ("None", '""', "0")
        for said in [*siblings(place, missing), *missing_values(place, *neutral)]:
            says = f"{key} is not always there: {base}.get gives {said.value} when it is missing."
            yield change(place, place.replace(node, f"{base}.get({key}, {said.value})"), says, said)


def _in_arithmetic(place: Place, node: ast.Subscript) -> bool:
    return any(node in (n.left, n.right) for n in place.expressions(ast.BinOp))
