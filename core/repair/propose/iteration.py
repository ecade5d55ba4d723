"""Repairs changes during iteration, coroutines without await, and confusion of methods and properties."""

from __future__ import annotations

import ast
import re

from core.repair.localize.locate import Place
from core.repair.localize.sources import called, decorators
from core.repair.localize.syntax import covers, functions_in, nodes
from core.repair.propose.base import Changes, Clue, change, failing, modules
from core.repair.propose.outwards import shrinking_loops
from core.repair.propose.registry import operator
from core.repair.types import Evidence


@operator("RuntimeError")
def copy(place: Place) -> Changes:
    """Iterate over a copy in ``for x in things`` whose body changes ``things``."""
    if not re.search(r"changed (size )?during iteration|mutated during iteration", place.message):
        return
    loops = [n.iter for n in nodes(place.scope, ast.For, ast.AsyncFor) if covers(n, place.line)]
    made = place.expressions(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    clue = Clue("", "the loop changes what it iterates; a copy keeps its order and its entries", Evidence.TYPE)
    for node in [*loops, *(n.generators[0].iter for n in made)]:
        yield change(place, place.replace(node, f"list({place.source(node)})"), "Iterate over a copy.", clue)


@operator("IndexError")
def shrinking(place: Place) -> Changes:
    """Iterate backwards in ``for i in range(len(rows))`` whose body removes rows, so that positions stay valid."""
    for loop in shrinking_loops(place):
        clue = Clue(
            "", "the loop takes entries out of what it counts; backwards the others keep their places", Evidence.TYPE
        )
        text = place.replace(loop.iter, f"reversed({place.source(loop.iter)})")
        yield change(place, text, "The positions are gone through from the end.", clue)


@operator("AttributeError", "TypeError")
def awaited(place: Place) -> Changes:
    """Await a coroutine whose result is used, here or where the value was assigned."""
    function = place.function
    if "coroutine" not in place.message or not isinstance(function, ast.AsyncFunctionDef):
        return
    waiting = {n.value for n in nodes(function, ast.Await)}
    names = {n.name for _, m in modules(place) for n in nodes(m, ast.AsyncFunctionDef)}
    whole = {n.value for n in nodes(function, ast.Assign, ast.Return, ast.Expr)}
    clue = Clue("", "the call gives a coroutine, and its result is used", Evidence.TYPE)
    for node in nodes(function, ast.Call):
        if called(node) in names and node not in waiting and node.lineno <= place.line:
            new = f"await {place.source(node)}"
            text = place.replace(node, new if node in whole else f"({new})")
            yield change(place, text, "The coroutine was not awaited.", clue)


@operator("AttributeError", "TypeError")
def called_or_not(place: Place) -> Changes:
    """Remove the call of a property or value, or call a method that is not called."""
    if "is not callable" in place.message:
        yield from _property(place)
    elif re.search(r"'(method|function|builtin_function_or_method)'|bound method", place.message):
        yield from _method(place)


_CALLABLE = ("method", "function", "builtin_function_or_method")


def _property(place: Place) -> Changes:
    properties = {
        n.name for _, m in modules(place) for n in functions_in(m) if decorators(n) & {"property", "cached_property"}
    }
    for node in failing(place, ast.Call):
        if isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
            name = node.func.attr
            clue = Clue("", f"{name} is a value", Evidence.TYPE)
            if name in properties:
                clue = Clue("", f"{name} is a property", Evidence.TYPE)
            if name in properties or place.kind(node.func) not in ("", *_CALLABLE):
                yield change(place, place.replace(node, place.source(node.func)), f"{name} is not called.", clue)


def _method(place: Place) -> Changes:
    called_here = [n.func for n in place.expressions(ast.Call)]
    for node in place.expressions(ast.Attribute, ast.Name):
        if place.kind(node) in _CALLABLE and node not in called_here:
            text = place.source(node)
            clue = Clue("", f"{text} is a method; what it gives is used", Evidence.TYPE)
            yield change(place, place.replace(node, f"{text}()"), f"{text} is called.", clue)
