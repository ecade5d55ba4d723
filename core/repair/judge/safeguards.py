"""What a change may not lose: checks, the conditions above them, and what stands around a function. Pure.

A refusal of the old text has to be found in the new one, in the same function, under a condition that is shown to
hold wherever the old one did (conditions.py). What cannot be shown counts as weakened. A further refusal is fine.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from core.repair.judge.conditions import Clause, implies
from core.repair.judge.refusals import Refusal, refusals
from core.repair.judge.unbound import filled
from core.repair.localize.syntax import Function

# decorators that decide how a function is called or kept, not who may call it
_PLAIN = {"property", "staticmethod", "classmethod", "lru_cache", "cache", "cached_property", "wraps", "dataclass"}


def lost(was: ast.Module, now: ast.Module) -> str:
    """Which safeguard of the old text is gone or weaker in the new one; empty when none is."""
    return _removed(was, now) or _weakened(was, now) or _undecorated(was, now)


def _removed(was: ast.Module, now: ast.Module) -> str:
    gone = Counter(_checks(was)) - Counter(_checks(now))
    return f"removes a check: {next(iter(gone))[:80]}" if gone else ""


def _checks(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            yield "raise " + (getattr(called, "attr", None) or getattr(called, "id", None) or "")
        elif isinstance(node, ast.Assert):
            yield "assert " + ast.unparse(node.test)


def _weakened(was: ast.Module, now: ast.Module) -> str:
    held = refusals(now)
    return next((reason for old in refusals(filled(was, now)) if (reason := _missed(old, held))), "")


def _missed(old: Refusal, held: list[Refusal]) -> str:
    """Why no refusal of the new text is known to refuse all that ``old`` did."""
    what = f"{old.kind}{f' in {old.where}' if old.where else ''}"
    alike = [new for new in held if (new.where, new.kind) == (old.where, old.kind) and old.parts <= new.inside]
    if not alike:
        return f"removes a check: {what}"[:200]
    gaps = [implies(old.condition, new.condition) for new in alike]
    if None in gaps:
        return ""
    return f"weakens a check: {what} {_told(gaps[0])}"[:200]


def _told(gap: Clause) -> str:
    return f"now also needs {' or '.join(sorted(map(str, gap)))}" if gap else "can no longer be reached"


def _undecorated(was: ast.Module, now: ast.Module) -> str:
    held = dict(decorated(now))
    for name, decorators in decorated(was):
        gone = Counter(decorators) - Counter(held.get(name, decorators))
        missing = [text for text in gone if text.partition("(")[0].rpartition(".")[2] not in _PLAIN]
        if missing:
            return f"takes the decorator {missing[0][:80]} from {name}"
    return ""


def decorated(tree: ast.AST, scope: str = "") -> Iterator[tuple[str, list[str]]]:
    """Functions and classes by their dotted names, with their decorators."""
    for node in ast.iter_child_nodes(tree):
        named = isinstance(node, Function | ast.ClassDef)
        name = f"{scope}{node.name}" if named else scope
        if named:
            yield name, [ast.unparse(d) for d in node.decorator_list]
        yield from decorated(node, f"{name}." if named else scope)
