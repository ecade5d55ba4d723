"""Changing what is being iterated, coroutines that nobody awaited, methods and properties taken for each other."""

from __future__ import annotations

import ast
import re

from core.repair.localize.locate import Place
from core.repair.localize.sources import called, decorators
from core.repair.propose.base import Changes, change
from core.repair.propose.evidence import Said, modules
from core.repair.propose.suspects import failing


def copy(place: Place) -> Changes:
    """``for x in things`` whose body changes ``things``."""
    if not re.search(r"changed (size )?during iteration|mutated during iteration", place.crash.exception.message):
        return
    loops = [n for n in ast.walk(place.function or place.module) if isinstance(n, ast.For | ast.AsyncFor)]
    said = Said("", "the loop changes what it iterates; a copy keeps its order and its entries", 0.92)
    for node in loops:
        if node.lineno <= place.line <= node.end_lineno:
            yield change(
                place, place.replace(node.iter, f"list({place.source(node.iter)})"), "Iterate over a copy.", said
            )
    for whole in place.expressions(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp):
        first = whole.generators[0].iter
        yield change(place, place.replace(first, f"list({place.source(first)})"), "Iterate over a copy.", said)


def shrinking(place: Place) -> Changes:
    """``for i in range(len(rows))`` whose body takes rows out: from the end, what is left to come stays in place."""
    for loop in shrinking_loops(place):
        said = Said("", "the loop takes entries out of what it counts; backwards the others keep their places", 0.9)
        text = place.replace(loop.iter, f"reversed({place.source(loop.iter)})")
        yield change(place, text, "The positions are gone through from the end.", said)


def shrinking_loops(place: Place) -> list[ast.For]:
    loops = [n for n in ast.walk(place.function or place.module) if isinstance(n, ast.For)]
    around = [n for n in loops if n.lineno <= place.line <= n.end_lineno]
    counted = [(n, re.fullmatch(r"range\(len\((.+)\)\)", ast.unparse(n.iter))) for n in around]
    return [n for n, match in counted if match and _shrinks(n, match[1])]


def _shrinks(loop: ast.For, name: str) -> bool:
    for node in ast.walk(loop):
        if isinstance(node, ast.Delete) and any(ast.unparse(getattr(t, "value", t)) == name for t in node.targets):
            return True
        if isinstance(node, ast.Call) and called(node) in ("pop", "remove") and ast.unparse(node.func.value) == name:
            return True
    return False


def awaited(place: Place) -> Changes:
    """A coroutine whose result is used where nobody awaited it, here or where the value was set."""
    if "coroutine" not in place.crash.exception.message or not isinstance(place.function, ast.AsyncFunctionDef):
        return
    waiting = {n.value for n in ast.walk(place.function) if isinstance(n, ast.Await)}
    names = {n.name for _, m in modules(place) for n in ast.walk(m) if isinstance(n, ast.AsyncFunctionDef)}
    said = Said("", "the call gives a coroutine, and its result is used", 0.9)
    for node in ast.walk(place.function):
        if isinstance(node, ast.Call) and called(node) in names and node not in waiting and node.lineno <= place.line:
            text = place.source(node)
            whole = any(
                isinstance(n, ast.Assign | ast.Return | ast.Expr) and n.value is node for n in ast.walk(place.function)
            )
            new = f"await {text}" if whole else f"(await {text})"
            yield change(place, place.replace(node, new), "The coroutine was not awaited.", said)


def called_or_not(place: Place) -> Changes:
    """A property that is called, a method that is not."""
    message = place.crash.exception.message
    if "is not callable" in message:
        yield from _property(place)
    elif re.search(r"'(method|function|builtin_function_or_method)'|bound method", message):
        yield from _method(place)


def _property(place: Place) -> Changes:
    for node in failing(place, ast.Call):
        if isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
            name = node.func.attr
            told = any(n.name == name for n in _functions(place) if decorators(n) & {"property", "cached_property"})
            known = place.kind(node.func) not in ("", "method", "function", "builtin_function_or_method")
            said = Said("", f"{name} is a property" if told else f"{name} is a value", 0.92 if told else 0.88)
            if told or known:
                yield change(place, place.replace(node, place.source(node.func)), f"{name} is not called.", said)


def _method(place: Place) -> Changes:
    for node in place.expressions(ast.Attribute, ast.Name):
        if place.kind(node) not in ("method", "function", "builtin_function_or_method"):
            continue
        if any(isinstance(n, ast.Call) and n.func is node for n in place.expressions(ast.Call)):
            continue
        text = place.source(node)
        said = Said("", f"{text} is a method; what it gives is used", 0.9)
        yield change(place, place.replace(node, f"{text}()"), f"{text} is called.", said)


def _functions(place: Place) -> list:
    return [n for _, m in modules(place) for n in ast.walk(m) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
