"""Unsafe patterns of a change: an exit that skips work, a swallowed default, a disabled condition. Pure.

An inserted ``continue``, ``return`` or ``break`` is compared with the statements that it skips. It must not skip a
statement that advances a loop, or one that completes a unit of work (commit, close, release). It may skip a statement
that collects an item only if the program's own code shows that such items are left out. safeguards.py finds skipped
checks.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.repair.localize.sources import called, tree_of, words
from core.repair.localize.syntax import Function, covers, functions_in, identifier, names_in, nodes, receiver, stores

_COMPLETES = words(
    "commit rollback close release flush save unlock shutdown disconnect finish ack acknowledge task_done notify "
    "notify_all"
)
_COLLECTS = words("append extend add insert appendleft put put_nowait send write writelines writerow push emit")
_MOVES = words("pop popleft remove discard next advance read readline recv get get_nowait popitem")
Exit = ast.Return | ast.Continue | ast.Break
Loop = ast.For | ast.AsyncFor | ast.While
_BLOCKS = ("body", "orelse", "finalbody")


@dataclass(frozen=True)
class _Skipped:
    """The statements that an exit skips: in its own loop ``loop``, and after it in the function."""

    loop: Loop | None
    inside: Sequence[ast.stmt]
    after: Sequence[ast.stmt]


def unsafe(old: str, new: str, shown: bool = False, failed: int = 0) -> str:
    """The first unsafe pattern that the new text adds; empty if there is none.

    ``shown``: the program's own code or documentation shows that the new behaviour is intended. ``failed`` is the line
    of the old text that crashed, 0 if that is in another file.
    """
    now, added = tree_of(new), _added(old, new)
    found = [*_constant(now, added), *([] if shown else _taken_away(old, new, failed))]
    for function in nodes(now, ast.FunctionDef, ast.AsyncFunctionDef):
        found += [
            reason
            for node, skipped in _exits(function)
            if node.lineno in added
            for reason in _skips(node, skipped, added, shown)
        ]
        found += _swallowed(function, added)
    return next(iter(found), "")


def _taken_away(old: str, new: str, failed: int) -> Iterator[str]:
    """The crashing statement is removed without a replacement, so its purpose is lost.

    A whole function may be removed: then the method that it overrode applies, or nothing calls it.
    """
    around = [f.lineno for f in functions_in(tree_of(old)) if covers(f, failed)]
    came = [line.strip() for line in new.splitlines()]
    for kind, first, last, start, end in _changes_of(old, new):
        instead = [line for line in came[start:end] if line and not line.startswith("#")]
        whole = any(first < line <= last for line in around)
        if kind != "equal" and first < failed <= last and not whole and instead in ([], ["pass"]):
            yield "removes the crashing code, and nothing in the program shows that this is intended"


def _changes_of(old: str, new: str) -> Sequence[tuple[str, int, int, int, int]]:
    return difflib.SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False).get_opcodes()


def _added(old: str, new: str) -> set[int]:
    """Numbers of the lines that the new text adds."""
    return {
        line
        for kind, *_, first, last in _changes_of(old, new)
        if kind != "equal"
        for line in range(first + 1, last + 1)
    }


def _constant(tree: ast.Module, added: set[int]) -> Iterator[str]:
    """A condition with a constant result: ``False and ...``, ``if True``."""
    for node in nodes(tree, ast.If, ast.IfExp, ast.BoolOp):
        parts = node.values[:-1] if isinstance(node, ast.BoolOp) else [node.test]
        if node.lineno in added and any(isinstance(part, ast.Constant) for part in parts):
            yield "disables a condition with a constant"


# --- exits and what they skip ---------------------------------------------------------------------------


def _exits(function: Function) -> Iterator[tuple[Exit, _Skipped]]:
    yield from _within(function.body, None, (), ())


def _within(
    block: Sequence[ast.stmt], loop: Loop | None, inside: Sequence[ast.stmt], after: Sequence[ast.stmt]
) -> Iterator[tuple[Exit, _Skipped]]:
    """Exits of a block; ``inside`` are statements of the loop after the block, ``after`` those beyond the loop."""
    for position, node in enumerate(block):
        rest = [*block[position + 1 :]]
        if isinstance(node, Exit):
            yield node, _Skipped(loop, inside, after)
        elif isinstance(node, Loop):
            further = [*rest, *inside] if loop else rest
            yield from _within(node.body, node, (), [*further, *after])
            yield from _within(node.orelse, loop, [*rest, *inside], after)
        elif not isinstance(node, Function | ast.ClassDef):
            for inner in _blocks(node):
                yield from _within(inner, loop, [*rest, *inside], after)


def _blocks(node: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    yield from (getattr(node, name) for name in _BLOCKS if getattr(node, name, None))
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield part.body


def _skips(node: Exit, skipped: _Skipped, added: set[int], shown: bool) -> Iterator[str]:
    """Why the exit must not skip these statements. New statements may be skipped, because nothing relied on them."""
    word = type(node).__name__.lower()
    inside = [s for s in skipped.inside if s.lineno not in added]
    after = [s for s in skipped.after if s.lineno not in added] if isinstance(node, ast.Return) else []
    if isinstance(node, ast.Continue) and isinstance(skipped.loop, ast.While) and _moves(skipped.loop, inside, node):
        yield "an inserted continue skips the statement that advances the loop"
    if call := _call_of(_COMPLETES, [*inside, *after]):
        yield f"an inserted {word} skips the call of {call}"
    kept = inside if skipped.loop else [s for s in inside if not isinstance(s, Loop)]
    if not shown and (call := _call_of(_COLLECTS, kept, outlives=skipped.loop is None)):
        yield f"an inserted {word} skips the call of {call}, and nothing in the program shows that this is intended"


def _moves(loop: ast.While, inside: Sequence[ast.stmt], exit_: ast.stmt) -> bool:
    """Are the skipped statements the only ones that change what the loop's condition reads?"""
    read = names_in(loop.test)
    before = [s for s in loop.body if (s.end_lineno or s.lineno) < exit_.lineno]
    return bool(_changes(inside) & read) and not _changes(before) & read


def _changes(statements: Sequence[ast.stmt]) -> set[str]:
    """Names that statements set, or from whose objects they remove items."""
    found = {name.id for s in statements for name in stores(s)}
    calls = [c for s in statements for c in nodes(s, ast.Call) if called(c) in _MOVES | _COLLECTS]
    return found | {identifier(receiver(c)) for c in calls}


def _call_of(names: frozenset[str], statements: Sequence[ast.stmt], outlives: bool = False) -> str:
    """A method of these names that one of the statements calls; ``outlives``: on more than a local variable."""
    own = {name.id for s in statements for name in stores(s)}
    for call in (c for s in statements for c in nodes(s, ast.Call)):
        on = receiver(call)
        if (
            on is not None
            and called(call) in names
            and not (outlives and isinstance(on, ast.Name) and on.id not in own)
        ):
            return ast.unparse(call.func)[:60]
    return ""


# --- swallowed defaults ----------------------------------------------------------------------------------


def _swallowed(function: Function, added: set[int]) -> Iterator[str]:
    """A name gets a default on an added line, and a later broad ``except`` hides the errors that it causes."""
    given = {
        n.id: n.lineno
        for s in nodes(function, ast.Assign)
        if s.lineno in added and _defaulted(s.value)
        for n in stores(s)
    }
    for block in nodes(function, ast.Try):
        read = {name for s in block.body for name in names_in(s)}
        hidden = [name for name, line in given.items() if name in read and line < block.lineno]
        if hidden and any(map(_hides, block.handlers)):
            yield f"a later broad except hides errors that the default of {hidden[0]} causes"


def _defaulted(value: ast.expr) -> bool:
    """A constant, or an expression that falls back to one."""
    match value:
        case ast.Constant():
            return True
        case ast.IfExp(body=body, orelse=other):
            return isinstance(body, ast.Constant) or isinstance(other, ast.Constant)
        case ast.BoolOp(op=ast.Or(), values=[*_, last]):
            return isinstance(last, ast.Constant)
        case ast.Call(func=ast.Attribute(attr="get")):
            return True
    return False


def _hides(handler: ast.ExceptHandler) -> bool:
    broad = handler.type is None or identifier(handler.type) in ("Exception", "BaseException")
    return broad and not nodes(handler, ast.Raise)
