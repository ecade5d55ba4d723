"""Calls that do not fit the signature of what is called: the parameter's name, its kind, the value at hand."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from core.repair.localize.locate import Place
from core.repair.localize.sources import called, decorators, defaults, parameters
from core.repair.localize.syntax import Function, class_around, functions_in, last_name, names_in, nodes, stores
from core.repair.propose.base import Changes, Said, change, failing, inside, modules, opened
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
    """A keyword that the function knows under another name, or the one required parameter that has no value."""
    match = UNEXPECTED.search(place.message)
    if not match:
        return
    for call in _calls(place, match[1]):
        for word in [k for k in call.keywords if k.arg == match[2]]:
            for name, said in _names_for(place, call, match[1], match[2]):
                text = place.replace(word, f"{name}={place.source(word.value)}")
                yield change(place, text, f"The argument is called {name}.", said)


def _names_for(place: Place, call: ast.Call, function: str, wrong: str) -> Iterator[tuple[str, Said]]:
    for _, target in named(place, function):
        names = {a.arg for a in parameters(target, "x" if function == "__init__" else "")}
        yield from likely(wrong, near(wrong, names, 0.5), f"{function} has the parameter {{}}", Evidence.TYPE)
        free = [a for a in _free(call, target) if a not in defaults(target)]
        if len(free) == 1 and not target.args.kwarg:
            yield free[0], Said("", f"{function} needs {free[0]}, which alone has no value", Evidence.TYPE)


def _free(call: ast.Call, target: Function) -> list[str]:
    """Parameters that the call does not give."""
    names = [a.arg for a in target.args.args if a.arg not in ("self", "cls")]
    names = names[len(call.args) :] + [a.arg for a in target.args.kwonlyargs]
    return [n for n in names if n not in {k.arg for k in call.keywords}]


@operator("TypeError")
def handed_on(place: Place) -> Changes:
    """An argument that is missing: the caller has a value of the very name, or its documentation has a default."""
    match = ABSENT.search(place.message)
    if not match:
        return
    for given in _at_hand(place, match[2]):
        for call in _calls(place, match[1]):
            said = Said("", f"the caller has {given}", Evidence.SIBLING)
            text = place.replace(call, f"{opened(place, call)}{match[2]}={given})")
            yield change(place, text, f"{match[2]} is handed on.", said)
    for there, target in named(place, match[1]):
        yield from _defaulted(there, target, match[2])


def _at_hand(place: Place, wanted: str) -> list[str]:
    """How the caller names its own value of this name: a member, a variable or a parameter."""
    own = {n.id for n in stores(place.scope)} | {a.arg for a in nodes(place.scope, ast.arg)}
    return [f"self.{wanted}"] if wanted in own_members(place) else [wanted] if wanted in own else []


def _defaulted(there: Place, target: Function, wanted: str) -> Changes:
    """The parameter's default, as its documentation gives it; all after it have one."""
    names = [a.arg for a in target.args.args]
    after = names[names.index(wanted) + 1 :] if wanted in names else []
    for argument in [a for a in nodes(target.args, ast.arg) if a.arg == wanted and set(after) <= set(defaults(target))]:
        for said in documented(there, words_of(wanted)):
            gap = " = " if argument.annotation else "="
            text = there.replace(argument, f"{there.source(argument)}{gap}{said.value}")
            yield change(there, text, f"{wanted} is optional: {said.value} by default.", said)


@operator("TypeError")
def by_keyword(place: Place) -> Changes:
    """``send(text, channel)`` of ``def send(text, *, channel)``."""
    match = TOO_MANY.search(place.message)
    for call in _calls(place, match[2]) if match else ():
        for _, target in named(place, match[2]) if match else ():
            over = call.args[len([a for a in target.args.args if a.arg not in ("self", "cls")]) :]
            free = [n for n in _free(call, target) if n in {a.arg for a in target.args.kwonlyargs}]
            same = {last_name(a) for a in over} <= set(free)
            if over and (same or len(over) == len(free) == 1):
                said = Said("", f"{target.name} takes {', '.join(free)} by keyword only", Evidence.TYPE)
                words = [last_name(a) for a in over] if same else free
                news = [(a, f"{word}={place.source(a)}") for a, word in zip(over, words, strict=True)]
                yield change(place, place.replaced(news), f"{', '.join(words)} is given by keyword.", said)


@operator("TypeError")
def without_self(place: Place) -> Changes:
    """A method that uses ``self`` and does not take it; one that uses no object and stands in a class."""
    match = TOO_MANY.search(place.message)
    if not match or int(match[4]) != int(match[3]) + 1:
        return
    for there, method in named(place, match[2]):
        taken = [a.arg for a in method.args.args]
        plain = decorators(method) & {"staticmethod", "classmethod"} or taken[:1] in (["self"], ["cls"])
        if class_around(there.module, method) is None or plain:
            continue
        if "self" in names_in(method):
            said = Said("", f"{method.name} uses self and does not take it", Evidence.TYPE)
            yield change(there, _taking_self(there, method), f"{method.name} takes its object.", said)
        else:
            said = Said("", f"{method.name} takes no object and is called on one", Evidence.TYPE)
            yield change(there, there.before(method, "@staticmethod"), f"{method.name} needs no object.", said)


def _taking_self(there: Place, method: Function) -> str:
    head = re.compile(rf"(def\s+{method.name}\s*\()")
    rows = there.text.splitlines(keepends=True)
    new = r"\1self, " if method.args.args else r"\1self"
    rows[method.lineno - 1] = head.sub(new, rows[method.lineno - 1], count=1)
    return "".join(rows)
