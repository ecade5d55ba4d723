"""Repeats what the program does elsewhere: a conversion in the same role, a function that gives the value.

Edits that repeat other code of the repository are the most likely to be right (Hindle et al. 2012; Martinez et al.
2014; ssFix, Xin and Reiss 2017). The expression is copied unchanged, from the nearest code first.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from core.repair.localize.locate import Place
from core.repair.localize.sources import called, module_of, parsed
from core.repair.localize.syntax import Function, arguments_of, names_in, nodes, receiver
from core.repair.propose.base import Changes, Clue, change, failing, module_names, modules
from core.repair.propose.imports import with_import
from core.repair.propose.registry import operator
from core.repair.propose.suspects import key_of
from core.repair.types import Evidence

_LOOKS = {"len", "print", "isinstance", "type", "repr", "hasattr", "getattr", "callable", "id", "iter", "next", "super"}
MOST = 4  # maximum conversions that are proposed for one expression


@operator("KeyError", "TypeError", "ValueError", "AttributeError", "UnicodeDecodeError", "UnicodeEncodeError")
def converted(place: Place) -> Changes:
    """Convert ``table[name]`` if the file has ``name.lower()``, ``total + amount`` if it has ``Decimal(amount)``."""
    for node in failing(place, ast.Name, ast.Attribute, ast.Subscript):
        named = len(str(key_of(node) or "")) > 1 and key_of(node) not in ("self", "cls")
        found = _uses(place, node) if isinstance(node.ctx, ast.Load) and named else ()
        for new, line, clue in found:
            text = with_import(place, line, place.replace(node, new))
            yield change(place, text, f"{place.source(node)} is read as elsewhere: {new}.", clue)


def _uses(place: Place, node: ast.expr) -> list[tuple[str, str, Clue]]:
    """(expression, import line, evidence) of conversions that other code applies to it in the same role, or to the
    same field.
    """
    found: dict[str, tuple[str, str, Clue]] = {}
    inside = {id(n) for n in ast.walk(place.statement)} if place.statement else set()
    running = {frame.function for frame in place.crash.frames}
    for far, path, call in _calls(place):
        subject = _subject(call)
        if subject is None or key_of(subject) != key_of(node) or id(call) in inside or called(call) in running:
            continue
        line = _import_line(place, path, call) if _alike(place, node, path, call, subject) else None
        if line is not None:
            form = ast.unparse(call).replace(ast.unparse(subject), place.source(node), 1)
            clue = Clue("", f"{path}:{call.lineno} reads {key_of(node)} so", Evidence.SIBLING, far + 1)
            found.setdefault(form, (form, line, clue))
    return list(found.values())[:MOST]


def _alike(place: Place, node: ast.expr, path: str, call: ast.Call, subject: ast.expr) -> bool:
    """Does the conversion show how to read it? A name alone shows nothing, because a variable may hold anything."""
    role = _role(place.module, node)
    mistyped = place.kind_raised in ("TypeError", "AttributeError") and "NoneType" not in place.message
    same = role is not None and _role(parsed(place.tree, path), call) == role
    return same or (mistyped and _is_field(node) and _is_field(subject))


def _is_field(node: ast.expr) -> bool:
    """``row["day"]`` or ``row.day``, which has one type wherever it is read; a variable's name may mean anything."""
    return isinstance(node, ast.Attribute | ast.Call) or isinstance(getattr(node, "slice", None), ast.Constant)


def _role(module: ast.Module, node: ast.expr) -> tuple[str, str] | None:
    """What the expression is for: the key of which mapping, or the only argument of which function."""
    for outer in nodes(module, ast.Subscript, ast.Compare, ast.Call):
        match outer:
            case ast.Subscript(value=base, slice=key) if key is node:
                return "key", ast.unparse(base)
            case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[base]) if key is node:
                return "key", ast.unparse(base)
            case ast.Call(func=ast.Attribute(attr="get" | "pop" | "setdefault", value=base), args=[key, *_]) if (
                key is node
            ):
                return "key", ast.unparse(base)
            case ast.Call(func=function, args=[argument]) if argument is node:
                return "argument", ast.unparse(function)
    return None


def _calls(place: Place) -> Iterator[tuple[int, str, ast.Call]]:
    """(distance, path, call) of the program's calls: 0 in the function, 1 in the file, 2 in other files."""
    yield from ((0, place.path, n) for n in nodes(place.scope, ast.Call))
    for path, module in modules(place):
        yield from ((1 if path == place.path else 2, path, n) for n in nodes(module, ast.Call))


def _subject(call: ast.Call) -> ast.expr | None:
    """The converted expression of a call: its only argument, or the receiver of a method with literal arguments."""
    plain = all(isinstance(a, ast.Constant) for a in call.args) and not call.keywords
    if (owner := receiver(call)) is not None and plain:
        return owner if key_of(owner) else None
    single = len(call.args) == 1 and not call.keywords and called(call) not in _LOOKS
    return call.args[0] if single and isinstance(call.func, ast.Name | ast.Attribute) else None


def _import_line(place: Place, path: str, call: ast.Call) -> str | None:
    """The import line that the call needs here, empty if none; None if its names cannot be imported."""
    of_function = isinstance(call.func, ast.Name) or bool(call.args)
    lacking = names_in(call.func) - set(dir(builtins)) - module_names(place.module) if of_function else set()
    if not lacking:
        return ""
    defines = path != place.path and lacking <= module_names(dict(modules(place))[path])
    return f"from {module_of(path)} import {', '.join(sorted(lacking))}" if defines else None


@operator("KeyError", "AttributeError", "TypeError", "IndexError", "ValueError")
def reused(place: Place) -> Changes:
    """Call ``user_of(event)`` for ``event["user"]``: a function that gives this, and else what stands for it."""
    for node in failing(place, ast.Subscript, ast.Attribute, ast.Call):
        for base in [
            n for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute | ast.Subscript) and n is not node
        ]:
            for path, function in _giving(place, node, base):
                line = "" if path == place.path else f"from {module_of(path)} import {function.name}"
                text = with_import(place, line, place.replace(node, f"{function.name}({place.source(base)})"))
                clue = Clue(
                    "", f"{path}:{function.lineno} {function.name} gives it, and knows other cases", Evidence.SIBLING
                )
                yield change(place, text, f"{function.name} is asked for it.", clue)


def _giving(place: Place, node: ast.expr, base: ast.expr) -> Iterator[tuple[str, Function]]:
    """Functions of one parameter that return the same expression of it in one case, and another in the others."""
    for path, module in modules(place):
        for function in [n for n in module.body if isinstance(n, Function) and n is not place.function]:
            wanted = [a.arg for a in arguments_of(function)]
            given = [ast.unparse(n.value) for n in nodes(function, ast.Return) if n.value is not None]
            if len(wanted) == 1 and len(set(given)) > 1 and not function.args.vararg and not function.args.kwarg:
                expression = ast.unparse(node).replace(ast.unparse(base), wanted[0], 1)
                if expression in given and all(wanted[0] in names_in(ast.parse(text)) for text in given):
                    yield path, function
