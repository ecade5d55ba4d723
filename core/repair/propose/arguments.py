"""Repairs calls that do not match the signature of the callee: wrong keyword, wrong kind, missing argument."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from core.repair.localize.locate import Place
from core.repair.localize.sources import called, decorators, defaults, parameters
from core.repair.localize.syntax import Function, class_around, functions_in, last_name, names_in, nodes, stores
from core.repair.propose.base import Changes, Clue, change, failing, inside, modules, opened
from core.repair.propose.documentation import documented, words_of
from core.repair.propose.other_name import likely, near, own_members
from core.repair.propose.registry import operator
from core.repair.types import Evidence

UNEXPECTED = re.compile(r"\b(\w+)\(\) got an unexpected keyword argument '(\w+)'")
ABSENT = re.compile(r"\b(\w+)\(\) missing \d+ required (?:positional|keyword-only) arguments?: '(\w+)'")
TOO_MANY = re.compile(r"\b(?:(\w+)\.)?(\w+)\(\) takes (?:from \d+ to )?(\d+) positional arguments? but (\d+)")


def named(place: Place, wanted: str) -> Iterator[tuple[Place, Function]]:
    """The program's functions and methods of this name, each with its place."""
    for path, module in modules(place):
        yield from ((inside(place, path, n), n) for n in functions_in(module) if n.name == wanted)


def _calls(place: Place, name: str) -> list[ast.Call]:
    return [n for n in failing(place, ast.Call) if called(n) == name or name == "__init__"]


@operator("TypeError")
def renamed(place: Place) -> Changes:
    """Replace an unexpected keyword by a similarly named parameter, or by the only required one without a value."""
    match = UNEXPECTED.search(place.message)
    if not match:
        return
    for call in _calls(place, match[1]):
        for word in [k for k in call.keywords if k.arg == match[2]]:
            for name, clue in _names_for(place, call, match[1], match[2]):
                text = place.replace(word, f"{name}={place.source(word.value)}")
                yield change(place, text, f"The argument is called {name}.", clue)


def _names_for(place: Place, call: ast.Call, function: str, wrong: str) -> Iterator[tuple[str, Clue]]:
    for _, target in named(place, function):
        names = {a.arg for a in parameters(target, "x" if function == "__init__" else "")}
        yield from likely(wrong, near(wrong, names, 0.5), f"{function} has the parameter {{}}", Evidence.TYPE)
        free = [a for a in _free(call, target) if a not in defaults(target)]
        if len(free) == 1 and not target.args.kwarg:
            yield free[0], Clue("", f"{function} needs {free[0]}, which alone has no value", Evidence.TYPE)


def _free(call: ast.Call, target: Function) -> list[str]:
    """Parameters that the call does not pass."""
    names = [a.arg for a in target.args.args if a.arg not in ("self", "cls")]
    names = names[len(call.args) :] + [a.arg for a in target.args.kwonlyargs]
    return [n for n in names if n not in {k.arg for k in call.keywords}]


@operator("TypeError")
def handed_on(place: Place) -> Changes:
    """Add a missing argument: a value of the same name in the caller, or a documented default."""
    match = ABSENT.search(place.message)
    if not match:
        return
    for given in _at_hand(place, match[2]):
        for call in _calls(place, match[1]):
            clue = Clue("", f"the caller has {given}", Evidence.SIBLING)
            text = place.replace(call, f"{opened(place, call)}{match[2]}={given})")
            yield change(place, text, f"{match[2]} is handed on.", clue)
    for there, target in named(place, match[1]):
        yield from _defaulted(there, target, match[2])


def _at_hand(place: Place, wanted: str) -> list[str]:
    """The caller's expression for a value of this name: an attribute, a variable or a parameter."""
    own = {n.id for n in stores(place.scope)} | {a.arg for a in nodes(place.scope, ast.arg)}
    return [f"self.{wanted}"] if wanted in own_members(place) else [wanted] if wanted in own else []


def _defaulted(there: Place, target: Function, wanted: str) -> Changes:
    """Give the parameter its documented default, if all parameters after it have one."""
    names = [a.arg for a in target.args.args]
    after = names[names.index(wanted) + 1 :] if wanted in names else []
    for argument in [a for a in nodes(target.args, ast.arg) if a.arg == wanted and set(after) <= set(defaults(target))]:
        for clue in documented(there, words_of(wanted)):
            gap = " = " if argument.annotation else "="
            text = there.replace(argument, f"{there.source(argument)}{gap}{clue.value}")
            yield change(there, text, f"{wanted} is optional: {clue.value} by default.", clue)


@operator("TypeError")
def by_keyword(place: Place) -> Changes:
    """Pass keyword-only arguments by keyword: ``send(text, channel)`` of ``def send(text, *, channel)``."""
    match = TOO_MANY.search(place.message)
    for call in _calls(place, match[2]) if match else ():
        for _, target in named(place, match[2]) if match else ():
            over = call.args[len([a for a in target.args.args if a.arg not in ("self", "cls")]) :]
            free = [n for n in _free(call, target) if n in {a.arg for a in target.args.kwonlyargs}]
            same = {last_name(a) for a in over} <= set(free)
            if over and (same or len(over) == len(free) == 1):
                clue = Clue("", f"{target.name} takes {', '.join(free)} by keyword only", Evidence.TYPE)
                words = [last_name(a) for a in over] if same else free
                news = [(a, f"{word}={place.source(a)}") for a, word in zip(over, words, strict=True)]
                yield change(place, place.replaced(news), f"{', '.join(words)} is given by keyword.", clue)


@operator("TypeError")
def without_self(place: Place) -> Changes:
    """Add ``self`` to a method that uses it, or make a method without an object a static method."""
    match = TOO_MANY.search(place.message)
    if not match or int(match[4]) != int(match[3]) + 1:
        return
    for there, method in named(place, match[2]):
        taken = [a.arg for a in method.args.args]
        plain = decorators(method) & {"staticmethod", "classmethod"} or taken[:1] in (["self"], ["cls"])
        if class_around(there.module, method) is None or plain:
            continue
        if "self" in names_in(method):
            clue = Clue("", f"{method.name} uses self and does not take it", Evidence.TYPE)
            yield change(there, _taking_self(there, method), f"{method.name} takes its object.", clue)
        else:
            clue = Clue("", f"{method.name} takes no object and is called on one", Evidence.TYPE)
            yield change(there, there.before(method, "@staticmethod"), f"{method.name} needs no object.", clue)


def _taking_self(there: Place, method: Function) -> str:
    head = re.compile(rf"(def\s+{method.name}\s*\()")
    rows = there.text.splitlines(keepends=True)
    new = r"\1self, " if method.args.args else r"\1self"
    rows[method.lineno - 1] = head.sub(new, rows[method.lineno - 1], count=1)
    return "".join(rows)
