"""Adds an early exit for something missing, as sibling functions have: a return, or the documented exception.

These are the checkers of PAR (Kim et al. 2013: null pointer, range, collection size). Values and exceptions come from
the program itself: its documentation, annotations, sibling functions and callers.
"""

from __future__ import annotations

import ast
import builtins

from core.repair.localize.locate import Place
from core.repair.localize.returning import accumulates
from core.repair.localize.sources import called, module_of
from core.repair.localize.syntax import imported_name, imports_of, names_in, nodes
from core.repair.propose.base import Changes, Clue, change, visible
from core.repair.propose.documentation import is_expression, raised
from core.repair.propose.evidence import guards_like, missing_values
from core.repair.propose.outwards import suspects
from core.repair.propose.registry import operator
from core.repair.propose.statements import exiting, guarded, is_part, loop_around, rationale, weaker
from core.repair.propose.suspect import KINDS, Suspect
from core.repair.types import Evidence


@operator(*KINDS)
def returning(place: Place) -> Changes:
    """Add ``if it is missing: return value``."""
    for here, suspect in suspects(place):
        statement = guarded(here, suspect)
        if statement is not None and not nodes(here.scope, ast.Yield):
            neutral = suspect.neutral if isinstance(statement, ast.Return) else ()
            for clue in [*_of_siblings(here, suspect)[:1], *missing_values(here, neutral, suspect.about)]:
                text = exiting(here, suspect, statement, f"return {clue.value}")
                far = suspect.far + _doubt(here, statement)
                why = weaker(clue) if is_part(here, statement, suspect, clue.value) else clue
                yield change(here, text, rationale(here, suspect, f"the result is then {clue.value}"), why, far)


def _doubt(place: Place, statement: ast.stmt) -> int:
    """Weaker evidence inside a loop or for a single step, where the value is hardly the function's whole result."""
    step = int(isinstance(statement, ast.Expr))
    if loop_around(place, statement) is None:
        return step
    return step + (3 if accumulates(place) else 1)


def _of_siblings(place: Place, suspect: Suspect) -> list[Clue]:
    """The values that sibling functions return under the same condition."""
    found = [(body.value, clue) for body, clue in guards_like(place, suspect.bad) if isinstance(body, ast.Return)]
    values = [(ast.unparse(value), clue) for value, clue in found if value is not None]
    return [Clue(text, clue.words, clue.grade, clue.far) for text, clue in values if is_expression(text)]


@operator(*KINDS)
def refusing(place: Place) -> Changes:
    """Add ``if it is missing: raise`` with the exception of siblings or of the documentation."""
    for here, suspect in suspects(place):
        statement = guarded(here, suspect)
        if statement is None:
            continue
        for name, line, clue in [*_as_siblings(here, suspect), *_as_documented(here, suspect)]:
            text = exiting(here, suspect, statement, line)
            why = rationale(here, suspect, f"{name} is raised")
            yield change(here, text, why, clue, suspect.far, raises=_tested(here, name))


def _as_siblings(place: Place, suspect: Suspect) -> list[tuple[str, str, Clue]]:
    """(exception, statement, evidence) of siblings whose raise uses only names available here."""
    found = [(body, clue) for body, clue in guards_like(place, suspect.bad) if isinstance(body, ast.Raise)]
    known = [(b, b.exc, clue) for b, clue in found if isinstance(b.exc, ast.Call) and names_in(b) <= _known(place)]
    return [(called(exc), ast.unparse(body), clue) for body, exc, clue in known]


def _known(place: Place) -> set[str]:
    return visible(place) | set(dir(builtins))


def _as_documented(place: Place, suspect: Suspect) -> list[tuple[str, str, Clue]]:
    found = [(name, sentence) for name, sentence in raised(place) if name != place.kind_raised]
    return [
        (
            name,
            f"raise {name}({_argument(place, name, suspect)})",
            Clue("", f"the documentation says: {sentence[:200]}", Evidence.DOCUMENTED),
        )
        for name, sentence in found
    ]


def _argument(place: Place, name: str, suspect: Suspect) -> str:
    """The argument of another raise of it, if its names are available here; else the missing key or value."""
    raised_here = [n.exc for n in nodes(place.module, ast.Raise) if isinstance(n.exc, ast.Call)]
    given = visible(place)
    for arguments in [exc.args for exc in raised_here if called(exc) == name]:
        if all(names_in(argument) <= given for argument in arguments):
            return ", ".join(map(place.source, arguments))
    if isinstance(suspect.node, ast.Subscript):
        return place.source(suspect.node.slice)
    return repr(f"{place.source(suspect.missing)} is missing")


def _tested(place: Place, name: str) -> str:
    """The import line that a test needs for the exception, followed by its name."""
    defined = any(isinstance(n, ast.ClassDef) and n.name == name for n in place.module.body)
    froms = [n for n in imports_of(place.module) if isinstance(n, ast.ImportFrom)]
    imported = name in {imported_name(alias) for n in froms for alias in n.names}
    return f"from {module_of(place.path)} import {name}\n{name}" if defined or imported else name
