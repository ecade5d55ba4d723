"""What a change must keep: checks, their conditions, and the decorators of functions. Pure.

Every refusal of the old text must exist in the same function of the new one, under a condition that is shown to hold
wherever the old one did (conditions.py); otherwise it counts as weakened. Additional refusals are allowed.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence

from core.repair.judge.conditions import Clause, implies
from core.repair.judge.narrowing import conditions_now
from core.repair.judge.refusals import Refusal, refusals
from core.repair.judge.unbound import filled
from core.repair.localize.syntax import Function, covers, functions_in, names_in, nodes, stores

# decorators that change how a function is called or cached, not who may call it
_PLAIN = {"property", "staticmethod", "classmethod", "lru_cache", "cache", "cached_property", "wraps", "dataclass"}


def lost(was: ast.Module, now: ast.Module, failed: Sequence[int] = ()) -> str:
    """The safeguard of the old text that is missing or weaker in the new one; empty if there is none.

    ``failed`` are the lines of the old text that were running when it crashed.
    """
    kept = conditions_now(was, now, failed)
    return _removed(was, now, kept) or _weakened(was, now, failed, kept) or _undecorated(was, now)


def _removed(was: ast.Module, now: ast.Module, kept: Sequence[ast.Assert]) -> str:
    gone = Counter(_checks(was)) - Counter(_checks(now)) - Counter(one for node in kept for one in _checks(node))
    return f"removes a check: {next(iter(gone))[:80]}" if gone else ""


def _checks(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            yield "raise " + (getattr(called, "attr", None) or getattr(called, "id", None) or "")
        elif isinstance(node, ast.Assert):
            yield "assert " + ast.unparse(node.test)


def _weakened(was: ast.Module, now: ast.Module, failed: Sequence[int], kept: Sequence[ast.Assert]) -> str:
    held, narrowing = refusals(now), {("assert", node.lineno) for node in kept}
    unset = [found for line in failed for found in _unset(was, line)]
    return next(
        (
            reason
            for old in refusals(filled(was, now))
            if (old.kind, old.line) not in narrowing
            and (reason := _missed(old, held))
            and not any(_on_unset(old, *found) for found in unset)
        ),
        "",
    )


def _unset(was: ast.Module, line: int) -> Iterator[tuple[Function, int, set[str]]]:
    """The function of a failed line, the line, and the names that got no value because of the failure."""
    around = [f for f in functions_in(was) if covers(f, line)]
    if not around:
        return
    statements = sorted(nodes(around[-1], ast.Assign, ast.AnnAssign, ast.AugAssign), key=lambda n: n.lineno)
    names: set[str] = set()
    for node in statements:
        if covers(node, line) or (node.lineno > line and names & names_in(node)):
            names |= {name.id for name in stores(node)}
    yield around[-1], line, names


def _on_unset(old: Refusal, function: Function, line: int, names: set[str]) -> bool:
    """Is it a later check of a value that was never computed? Inputs that crashed did not reach it."""
    read = {name for clause in old.condition for literal in clause for name in names_in(literal.node)}
    return line < old.line and covers(function, old.line) and bool(read & names)


def _missed(old: Refusal, held: list[Refusal]) -> str:
    """Why no refusal of the new text is shown to refuse everything that ``old`` refused."""
    what = f"{old.kind}{f' in {old.where}' if old.where else ''}"
    alike = [new for new in held if (new.where, new.kind) == (old.where, old.kind) and old.parts <= new.inside]
    if not alike:
        return f"removes a check: {what}"[:200]
    gaps = [implies(old.condition, new.condition) for new in alike]
    gap = gaps[0]
    if gap is None or None in gaps:
        return ""
    return f"weakens a check: {what} {_told(gap)}"[:200]


def _told(gap: Clause) -> str:
    return f"now also needs {' or '.join(sorted(map(str, gap)))}" if gap else "can no longer be reached"


def _undecorated(was: ast.Module, now: ast.Module) -> str:
    held = {name for name, _ in decorated(now)}
    gone = Counter(_each(was)) - Counter(_each(now))
    missing = [one for one in gone if one[0] in held and one[1].partition("(")[0].rpartition(".")[2] not in _PLAIN]
    return f"takes the decorator {missing[0][1][:80]} from {missing[0][0]}" if missing else ""


def _each(tree: ast.Module) -> list[tuple[str, str]]:
    """(name, decorator) pairs; a name may be defined several times, e.g. with ``@overload``."""
    return [(name, decorator) for name, decorators in decorated(tree) for decorator in decorators]


def decorated(tree: ast.AST, scope: str = "") -> Iterator[tuple[str, list[str]]]:
    """Functions and classes by their dotted names, with their decorators."""
    for node in ast.iter_child_nodes(tree):
        named = isinstance(node, Function | ast.ClassDef)
        name = f"{scope}{node.name}" if named else scope
        if named:
            yield name, [ast.unparse(d) for d in node.decorator_list]
        yield from decorated(node, f"{name}." if named else scope)
