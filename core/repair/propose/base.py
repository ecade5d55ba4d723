"""Shared parts of operators: the change that they return, its evidence, and queries about the failing line."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from core.models import Frame
from core.repair.localize.locate import Place
from core.repair.localize.sources import files, parsed
from core.repair.localize.syntax import Function, imported_name, imports_of, nodes, stores
from core.repair.types import Evidence


@dataclass(frozen=True)
class Clue:
    """Evidence for a change: a ``value`` to use, a sentence (``words``) on its source, and its ``grade``.

    ``far``: steps that it is further away from the crash than other evidence of its grade.
    """

    value: str = ""
    words: str = ""
    grade: Evidence = Evidence.NONE
    far: int = 0


@dataclass(frozen=True)
class Change:
    """``path`` gets the new ``text``; ``message`` is the rationale, ``why`` the evidence with its ``grade``.

    ``far`` counts the steps from the evidence to the edit: outer frames, and a condition that is wider than the crash
    requires. Within a grade, the nearest comes first. ``raises``: see Candidate.
    """

    path: str
    text: str
    message: str
    why: str = ""
    grade: Evidence = Evidence.NONE
    far: int = 0
    raises: str = ""


Changes = Iterator[Change]


def change(place: Place, text: str, message: str, clue: Clue | None = None, far: int = 0, raises: str = "") -> Change:
    """A change of the place's own file, with the evidence ``clue``."""
    why = clue or Clue()
    return Change(place.path, text, message, why.words, why.grade, why.far + far, raises)


def at(place: Place, path: str, line: int = 0) -> Place:
    """A place in another file of the program, by default at its beginning, without known values."""
    text = place.text if path == place.path else (place.tree / path).read_text(encoding="utf-8")
    return Place(place.tree, path, text, Frame(file=path, line=line), place.crash)


def inside(place: Place, path: str, function: Function) -> Place:
    """The place at the end of a function of the program."""
    return at(place, path, function.body[-1].lineno)


def modules(place: Place) -> Iterator[tuple[str, ast.Module]]:
    """Every source module of the tree that parses, without tests, the place's own first."""
    yield place.path, place.module
    for path in files(place.tree):
        if path != place.path:
            yield path, parsed(place.tree, path)


def failing(place: Place, *kinds: type) -> list:
    """The failed expression and its subexpressions if its span was observed, else all expressions of the line."""
    if place.failing is not None:
        inside = [n for n in ast.walk(place.failing) if isinstance(n, kinds)]
        if inside:
            return inside
    return place.expressions(*kinds)


def visible(place: Place) -> set[str]:
    """Names that are available at the place: the function's own, and those that the module defines or imports."""
    given = {a.arg for a in nodes(place.scope, ast.arg)} | {n.id for n in stores(place.scope)}
    return given | module_names(place.module)


def module_names(module: ast.Module) -> set[str]:
    """Names that the module defines, assigns and imports at its top level."""
    defined = {n.name for n in module.body if isinstance(n, Function | ast.ClassDef)}
    plain = [n for n in module.body if isinstance(n, ast.Assign | ast.AnnAssign)]
    imported = {imported_name(a).split(".")[0] for n in imports_of(module) for a in n.names}
    return defined | imported | {name.id for n in plain for name in stores(n)}


def opened(place: Place, call: ast.Call) -> str:
    """The call's text without its closing bracket, ready for one more argument."""
    text = place.source(call)[:-1].rstrip().rstrip(",")
    only = call.args[0] if len(call.args) == 1 and not call.keywords else None
    if isinstance(only, ast.GeneratorExp) and place.source(call).endswith(place.source(only)):
        text = f"{place.source(call.func)}({place.source(only)}"  # a generator that shares the brackets of its call
    return text if text.endswith("(") else f"{text}, "
