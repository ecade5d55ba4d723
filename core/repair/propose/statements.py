"""Positions for guards: the statement around a suspect and the loop around it; texts of guards. Pure."""

from __future__ import annotations

import ast
from dataclasses import replace

from core.repair.localize.locate import Place
from core.repair.localize.syntax import Function, names_in, nodes
from core.repair.propose.base import Clue
from core.repair.propose.suspect import Suspect
from core.repair.types import Evidence


def rationale(place: Place, suspect: Suspect, then: str) -> str:
    """The rationale of an edit for a suspect."""
    where = place.function.name if place.function else place.path
    return f"{place.source(suspect.missing)} may be missing in {where}: {then}."


def guarded(place: Place, suspect: Suspect) -> ast.stmt | None:
    """The statement before which a guard can be put; None if the condition uses names local to an expression."""
    statement = _around(place, suspect)
    if statement is None or place.function is None or isinstance(statement, Function | ast.ClassDef):
        return None
    if not suspect.asked and not _may_be_named(place, suspect, statement):
        return None
    inner = _names_inside(statement)
    if isinstance(statement, ast.For):
        inner |= names_in(statement.target)
    row = place.text.splitlines()[statement.lineno - 1].lstrip()
    is_elif = isinstance(statement, ast.If) and row.startswith("elif")
    return None if is_elif or names_in(ast.parse(suspect.good)) & inner else statement


def _may_be_named(place: Place, suspect: Suspect, statement: ast.stmt) -> bool:
    """Is the missing value the result of a call that must not be repeated? It can be assigned before the statement."""
    repeated = isinstance(statement, ast.For | ast.AsyncFor | ast.While | ast.If)
    return not repeated and bool(suspect.good) and suspect.good.startswith(place.source(suspect.missing))


def exiting(place: Place, suspect: Suspect, statement: ast.stmt, exit_: str) -> str:
    """The file's text with ``if it is missing: exit`` before the statement; a call that must run once gets a name."""
    if suspect.asked:
        return place.before(statement, f"if {suspect.bad}:", f"    {exit_}")
    call, taken = place.source(suspect.missing), names_in(place.module)
    name = next((n for n in ("found", "known", "value_found") if n not in taken), "result_found")
    here = Place(place.tree, place.path, place.replace(suspect.missing, name), place.frame, place.crash)
    return here.before(statement, f"{name} = {call}", f"if {suspect.bad.replace(call, name)}:", f"    {exit_}")


def _around(place: Place, suspect: Suspect) -> ast.stmt | None:
    """The innermost statement around the suspect's node."""
    every = [n for n in ast.walk(place.module) if isinstance(n, ast.stmt)]
    around = [n for n in every if any(x is suspect.node for x in ast.walk(n))]
    return max(around, key=lambda n: (n.lineno, n.col_offset), default=None)


def _names_inside(statement: ast.stmt) -> set[str]:
    """Names that comprehensions, lambdas and walrus expressions of the statement set."""
    set_by: list[ast.AST] = [n.target for n in nodes(statement, ast.comprehension, ast.NamedExpr)]
    return {name for node in [*set_by, *(n.args for n in nodes(statement, ast.Lambda))] for name in _named(node)}


def _named(node: ast.AST) -> set[str]:
    return names_in(node) | {a.arg for a in nodes(node, ast.arg)}


def loop_around(place: Place, statement: ast.stmt) -> ast.For | ast.AsyncFor | ast.While | None:
    """The innermost loop of the function whose body contains the statement."""
    loops = nodes(place.scope, ast.For, ast.AsyncFor, ast.While)
    around = [n for n in loops if any(x is statement for part in n.body for x in ast.walk(part))]
    return around[-1] if around else None


def indented(place: Place, statement: ast.stmt, head: str) -> str:
    """The file's text with the statement indented below a new line such as ``if condition:``."""
    rows = place.text.splitlines(keepends=True)
    indent = " " * statement.col_offset
    body = [f"    {row}" if row.strip() else row for row in rows[statement.lineno - 1 : statement.end_lineno]]
    return "".join([*rows[: statement.lineno - 1], f"{indent}{head}\n", *body, *rows[statement.end_lineno :]])


def is_part(place: Place, statement: ast.stmt, suspect: Suspect, value: str) -> bool:
    """Does the returned text have other parts without the missing value, so that a text more likely replaces a part?"""
    whole = statement.value if isinstance(statement, ast.Return) else None
    parts = nodes(whole, ast.FormattedValue) if isinstance(whole, ast.JoinedStr) else []
    if isinstance(whole, ast.BinOp) and isinstance(whole.right, ast.Tuple):
        parts = whole.right.elts
    missing = ast.unparse(suspect.missing)
    return value[:1] in ("'", '"') and len(value) > 2 and any(missing not in ast.unparse(part) for part in parts)


def weaker(clue: Clue) -> Clue:
    """The same evidence with at most the grade STYLE, because it may be about something else."""
    return replace(clue, grade=min(clue.grade, Evidence.STYLE))
