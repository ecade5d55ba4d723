"""Edits of slow patterns that are certain to keep the result of plain data. Pure: a function in, its new text out.

- Work that is the same in each turn of a loop moves before it: a pattern that is compiled, a query, a collection that
  is sorted or built.
- A list that a loop searches is searched as a set.

Only the pattern is certain: the benchmark and the tests decide whether a candidate is faster and gives the same.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.repair.localize.locate import before, indent_of, lines_of, replaced, spliced
from core.repair.localize.sources import UNREADABLE, called, tree_of
from core.repair.localize.syntax import Function, functions_in, identifier, names_in, nodes, receiver, targets_of
from core.repair.speed.loops import Loop, base, changed_in_place, loops

EXTREMES = {"min", "max"}  # they fail on an empty collection
BUILDING = {"sorted", "set", "frozenset", "tuple", "sum", *EXTREMES}
LISTS = {"list", "sorted"}
FETCHING = {"fetchall", "fetchone"}
MOST = 5  # edits of one function


@dataclass(frozen=True)
class PatternEdit:
    """The text of a file after one edit, and the reason in a sentence."""

    text: str
    message: str


def quickened(text: str, name: str) -> tuple[str, list[str]]:
    """The file's text with all edits of the functions of that name, one after the other, and their reasons."""
    reasons: list[str] = []
    while len(reasons) < MOST and (edit := next(_edits(text, name), None)):
        text = edit.text
        reasons.append(edit.message)
    return text, reasons


def _edits(text: str, name: str) -> Iterator[PatternEdit]:
    try:
        module = tree_of(text)
    except UNREADABLE:
        return
    for function in functions_in(module):
        for loop in loops(function) if function.name == name else ():
            for pattern in PATTERNS:
                yield from pattern(text, function, loop)


# --- work that is the same in each turn ------------------------------------------------------------


def repeated(text: str, function: Function, loop: Loop) -> Iterator[PatternEdit]:
    changed = loop.changed
    for node in loop.inside(ast.Call):
        if (what := _same_each_time(node, loop)) and not names_in(node) & changed and _alone(text, loop.anchor):
            new = _free(text, what)
            made = before(spliced(text, node, new), loop.anchor, f"{new} = {_moved(node)}")
            yield PatternEdit(made, f"{ast.unparse(node)[:80]} runs once instead of in each turn of the loop.")


def _moved(node: ast.Call) -> str:
    """The call as it stands before the loop, where it must not fail if the loop has no turn."""
    return f"{ast.unparse(node)[:-1]}, default=None)" if identifier(node.func) in EXTREMES else ast.unparse(node)


def _same_each_time(node: ast.Call, loop: Loop) -> str:
    """A name for the result of a call that always gives the same for the same names; empty for any other call."""
    if base(node.func) == "re" and called(node) == "compile" and all(isinstance(a, ast.Constant) for a in node.args):
        return "pattern"
    if identifier(node.func) in BUILDING and _plain(node) and _only_read(node, loop):
        return called(node) + ("_of_all" if called(node) in ("set", "sum", "min", "max") else "_once")
    return "rows" if _is_query(node) and all(map(_reads, _queries(loop))) and not _writes(loop) else ""


def _plain(node: ast.Call) -> bool:
    """Only names and constants as arguments, and at least one name."""
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    return bool(names_in(node) - {identifier(node.func)}) and all(isinstance(a, ast.Name | ast.Constant) for a in given)


def _only_read(node: ast.Call, loop: Loop) -> bool:
    """Is the result a number, or is it only searched, indexed or iterated, so that nobody changes it?

    The largest or smallest item counts only of what the loop goes through: without items, the loop has no turn.
    """
    if called(node) in EXTREMES:
        return [*map(identifier, node.args)] == [loop.over] and not node.keywords
    if called(node) == "sum":
        return True
    searched = (c for n in loop.inside(ast.Compare) if isinstance(n.ops[0], ast.In | ast.NotIn) for c in n.comparators)
    indexed = (n.value for n in loop.inside(ast.Subscript) if isinstance(n.ctx, ast.Load))
    iterated = (n.iter for n in loop.inside(ast.For, ast.comprehension))
    return any(node is one for one in (*searched, *indexed, *iterated))


def _is_query(node: ast.Call) -> bool:
    """``connection.execute("SELECT ...").fetchall()``."""
    inner = receiver(node)
    return called(node) in FETCHING and isinstance(inner, ast.Call) and called(inner) == "execute" and _reads(inner)


def _queries(loop: Loop) -> list[ast.Call]:
    return [call for call in loop.inside(ast.Call) if called(call).startswith("execute")]


def _reads(call: ast.Call) -> bool:
    query = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    return isinstance(query, str) and query.lstrip()[:6].upper() == "SELECT"


def _writes(loop: Loop) -> bool:
    return any(called(call) in ("commit", "rollback", "insert", "update", "delete") for call in loop.inside(ast.Call))


# --- a list that is searched -------------------------------------------------------------------------


def searched(text: str, function: Function, loop: Loop) -> Iterator[PatternEdit]:
    found = [c for n in loop.inside(ast.Compare) for op, c in zip(n.ops, n.comparators, strict=True)
             if isinstance(op, ast.In | ast.NotIn) and identifier(c)]  # fmt: skip
    for name in sorted({identifier(node) for node in found}):
        made = _as_set(text, function, loop, [node for node in found if identifier(node) == name], name)
        if made:
            yield PatternEdit(made, f"{name} is searched as a set in the loop.")


def _as_set(text: str, function: Function, loop: Loop, uses: list[ast.expr], name: str) -> str:
    made = [n for n in nodes(function, ast.Assign, ast.AnnAssign) if name in map(identifier, targets_of(n))]
    if len(made) != 1 or not _is_list(made[0].value) or not _alone(text, loop.anchor):
        return ""
    new = _free(text, f"{name}_set")
    if name not in loop.changed:
        edits = [(node, new) for node in uses]
        return before(replaced(text, edits), loop.anchor, f"{new} = set({name})")
    grown = _appended(function, name)
    if grown is None or not isinstance(made[0].value, ast.List) or made[0].value.elts:
        return ""
    if not all(_alone(text, statement) for statement, _ in grown):
        return ""
    adds = [(statement, f"{ast.unparse(statement)}\n{indent_of(text, statement)}{new}.add({ast.unparse(value)})")
            for statement, value in grown]  # fmt: skip
    return before(replaced(text, [*((node, new) for node in uses), *adds]), made[0], f"{new} = set()")


def _is_list(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        return identifier(value.func) in LISTS
    return isinstance(value, ast.List | ast.ListComp)


def _appended(function: Function, name: str) -> list[tuple[ast.Expr, ast.expr]] | None:
    """The statements that append a name to the list; None if anything else may change it."""
    calls = [(s, s.value) for s in nodes(function, ast.Expr) if isinstance(s.value, ast.Call)]
    found = [(s, c) for s, c in calls if identifier(receiver(c)) == name and called(c) == "append" and len(c.args) == 1]
    stores = [n for n in nodes(function, ast.Name) if n.id == name and not isinstance(n.ctx, ast.Load)]
    kept = [n for n in nodes(function, ast.Assign, ast.AnnAssign, ast.NamedExpr) if identifier(n.value) == name]
    plain = all(isinstance(c.args[0], ast.Name | ast.Constant) for _, c in found)
    if not found or not plain or kept or len(stores) != 1 or name in changed_in_place(function, [c for _, c in found]):
        return None
    return [(statement, call.args[0]) for statement, call in found]


# --- texts -------------------------------------------------------------------------------------------


def _alone(text: str, statement: ast.stmt) -> bool:
    """Does the statement begin its line, so that a line can be put before it?"""
    return not lines_of(text)[statement.lineno - 1][: statement.col_offset].strip()


def _free(text: str, name: str) -> str:
    """A name that the file does not use."""
    taken = names_in(tree_of(text))
    return next(free for free in (name, *(f"{name}_{n}" for n in range(2, 99))) if free not in taken)


PATTERNS: tuple[Callable[[str, Function, Loop], Iterator[PatternEdit]], ...] = (repeated, searched)
