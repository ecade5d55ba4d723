"""Repairs attributes that a class sets too late, only on some paths, or in a base initializer that is not called."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import takewhile

from core.repair.localize.locate import Place
from core.repair.localize.sources import called, defaults, first_statement, parameters
from core.repair.localize.syntax import Function, classes_of, identifier, last_name, nodes
from core.repair.propose.base import Changes, Clue, at, change, inside, modules
from core.repair.propose.documentation import documented, words_of
from core.repair.propose.registry import operator
from core.repair.types import Evidence

LACKS = re.compile(r"'(?:[\w.]+\.)?(\w+)' object has no attribute '(\w+)'")


@operator("AttributeError")
def base_not_called(place: Place) -> Changes:
    """Add ``super().__init__(name)`` in a class whose base sets the missing attribute."""
    for path, owner, wrong in _lacking(place):
        own, base = _init(owner), _setting_base(place, owner, wrong)
        if own is None or base is None or any(called(n) in ("super", "__init__") for n in _calls(own)):
            continue
        given = _given(own, base)
        if given is not None:
            there = at(place, path)
            text = there.before(first_statement(own), f"super().__init__({given})")
            clue = Clue("", f"the base's __init__ sets {wrong} and {owner.name} does not call it", Evidence.TYPE)
            yield change(there, text, f"{owner.name} lets its base begin.", clue)


@operator("AttributeError")
def begun(place: Place) -> Changes:
    """Set an attribute in ``__init__`` that another method sets too late, to its documented first value."""
    for path, owner, wrong in _lacking(place):
        own = _init(owner)
        if own is not None and wrong in {s.attr for s in _stored(owner)} - {s.attr for s in _stored(own)}:
            there = inside(place, path, own)
            for clue in documented(there, words_of(wrong)):
                text = there.after(own.body[-1], f"self.{wrong} = {clue.value}")
                yield change(there, text, f"{wrong} begins as {clue.value}.", clue)


def _lacking(place: Place) -> Iterator[tuple[str, ast.ClassDef, str]]:
    """(path, class, attribute) of the object without the attribute."""
    match = LACKS.search(place.message)
    if match:
        for path, module in modules(place):
            yield from ((path, n, match[2]) for n in classes_of(module) if n.name == match[1])


def _init(owner: ast.ClassDef) -> Function | None:
    return next((n for n in owner.body if isinstance(n, Function) and n.name == "__init__"), None)


def _calls(node: ast.AST) -> list[ast.Call]:
    return nodes(node, ast.Call)


def _setting_base(place: Place, owner: ast.ClassDef, wrong: str) -> Function | None:
    """The __init__ of a base, or of a base's base, that sets the attribute."""
    known = {n.name: n for _, module in modules(place) for n in classes_of(module)}
    for base in [known[n] for n in map(last_name, owner.bases) if n in known and known[n] is not owner]:
        init = _init(base)
        if init is None:
            return _setting_base(place, base, wrong)
        if wrong in {s.attr for s in _stored(init)}:
            return init
    return None


def _stored(node: ast.AST) -> list[ast.Attribute]:
    """``self.x`` that the code sets."""
    return [n for n in nodes(node, ast.Attribute) if isinstance(n.ctx, ast.Store) and identifier(n.value) == "self"]


def _given(own: Function, base: Function) -> str | None:
    """The base's arguments, from parameters of the same names; None if a required one is missing."""
    names = {a.arg for a in parameters(own, "x")}
    wanted = [a.arg for a in parameters(base, "x")]
    if set(wanted) - names - set(defaults(base)):
        return None
    keyword = {a.arg for a in base.args.kwonlyargs}
    first = list(takewhile(lambda name: name in names and name not in keyword, wanted))
    return ", ".join([*first, *(f"{name}={name}" for name in wanted[len(first) :] if name in names)])
