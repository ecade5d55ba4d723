"""Calls that may lead to a crash: rebuilt from the report's locals, from calls in the code, or inferred. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from core.models import Crash, Frame
from core.repair.infer import shaped, stand_in
from core.repair.probe import Call
from core.repair.sources import (
    Function,
    called,
    class_named,
    classes,
    decorators,
    defaults,
    definition,
    files,
    members_of,
    module_of,
    parameters,
    parsed,
)
from core.repair.values import CALLABLE, OBJECT, imports_for, source

WAYS = 3  # ways of building an object that is given
RECEIVERS = 6  # ways of building the object of a method that are tried
_OF_BUILTINS = {name for kind in (str, bytes, dict, list, set, tuple, int, float) for name in dir(kind)}
Part = tuple[str, tuple[str, ...]]  # expression, its import lines


def recorded_calls(tree: Path, crash: Crash) -> list[Call]:
    """Calls whose arguments the report's locals hold, outermost frame first."""
    known = classes(tree)
    return [c for f in crash.frames if f.in_app and f.locals is not None for c in _recorded(tree, f, known)]


def _recorded(tree: Path, frame: Frame, known: dict[str, str]) -> Iterator[Call]:
    found = definition(tree, frame)
    if found is None:
        if frame.function == "<module>":
            yield Call("", "None", f"import {module_of(frame.file)}")
        return
    owner, node = found
    told = [frame.locals.get(a.arg, "") for a in parameters(node, owner)]
    built = {name: _built(tree, name, known) for text in told for name in OBJECT.findall(text) if name in known}
    for turn in range(max(map(len, built.values()), default=1)):
        objects = {name: ways[turn % len(ways)] for name, ways in built.items() if ways}
        arguments = _arguments(frame, owner, node, known, objects)
        if arguments is not None:
            yield from calls_to(tree, frame, owner, node, arguments)


def _built(tree: Path, name: str, known: dict[str, str]) -> list[str]:
    return [expression for expression, _ in islice(constructions(tree, name, {}, known), RECEIVERS)]


def _arguments(frame: Frame, owner: str, node: Function, known: dict, objects: dict) -> list[Part] | None:
    """The arguments by the frame's locals; None when a required one cannot be told."""
    given = [(a.arg, source(frame.locals.get(a.arg, "[Filtered]"), known, objects)) for a in parameters(node, owner)]
    optional = defaults(node)
    if any(value is None and name not in optional for name, value in given):
        return None
    positional = {a.arg for a in node.args.posonlyargs}
    pairs = [(name, _awaitable(node, name, value)) for name, value in given if value is not None]
    arguments = [(v[0] if name in positional else f"{name}={v[0]}", v[1]) for name, v in pairs]
    for extra in (node.args.vararg, node.args.kwarg):
        value = source(frame.locals.get(extra.arg, ""), known, objects) if extra else None
        star = "*" if extra is node.args.vararg else "**"
        arguments += [(f"{star}{value[0]}", value[1])] if value and value[0] not in ("()", "{}") else []
    return arguments


def _awaitable(node: Function, name: str, value: Part) -> Part:
    """A function that the report only names is given back by one whose result can be awaited, where it is."""
    return (stand_in(node, name), value[1]) if value[0] == ast.unparse(ast.parse(CALLABLE)) else value


def calls_to(tree: Path, frame: Frame, owner: str, node: Function, arguments: list[Part]) -> Iterator[Call]:
    """The call of a function with these arguments; of a method, on each object that can be built."""
    lines = [line for _, needed in arguments for line in needed]
    inner = ", ".join(text for text, _ in arguments)
    for receiver, needed in _receivers(tree, frame, owner, node):
        name = f"{receiver}.{node.name}" if owner else node.name
        bare = decorators(node) & {"property", "cached_property"}
        expression = name if bare else f"{name}({inner})"
        if isinstance(node, ast.AsyncFunctionDef):
            expression = f"asyncio.run({expression})"
        elif _yields(node):
            expression = f"list({expression})"
        own = f"from {module_of(frame.file)} import {owner or node.name}"
        yield Call(_joined([*needed, *lines, *imports_for(expression), own]), expression)


def _joined(lines: list[str]) -> str:
    return "\n".join(sorted(dict.fromkeys(lines), key=lambda line: (line.startswith("from "), line)))


def _yields(node: Function) -> bool:
    nested = {
        id(n) for f in ast.walk(node) if isinstance(f, Function | ast.Lambda) and f is not node for n in ast.walk(f)
    }
    return any(isinstance(n, ast.Yield | ast.YieldFrom) and id(n) not in nested for n in ast.walk(node))


def _receivers(tree: Path, frame: Frame, owner: str, node: Function) -> Iterator[Part]:
    """Expressions for the method's object: its own repr, its class without arguments, calls in tests and code."""
    if not owner or decorators(node) & {"staticmethod", "classmethod"}:
        yield owner, ()
        return
    known = classes(tree)
    told = source((frame.locals or {}).get("self", "[Filtered]"), known)
    if told:
        yield told
    yield from islice(constructions(tree, owner, frame.locals or {}, known), RECEIVERS)


def constructions(tree: Path, name: str, told: dict[str, str], known: dict[str, str], depth: int = 1) -> Iterator[Part]:
    """Ways to build an object of the program's class."""
    found = class_named(tree, name)
    if found is None:
        return
    seen = set()
    for path in [*files(tree, tests=True), *files(tree)]:
        for node in ast.walk(parsed(tree, path)):
            if isinstance(node, ast.Call) and called(node) == name:
                made = source(ast.unparse(ast.Call(ast.Name(name), node.args, node.keywords)), known)
                if made and made[0] not in seen:
                    seen.add(made[0])
                    yield made
    yield _blank_object(tree, found[1], told, known, depth)


def _blank_object(tree: Path, node: ast.ClassDef, told: dict[str, str], known: dict[str, str], depth: int) -> Part:
    """Built with what the report says of names like its parameters, else with inferred values."""
    name, init = node.name, next((n for n in node.body if isinstance(n, Function) and n.name == "__init__"), None)
    if init is None:
        fields = [n for n in node.body if isinstance(n, ast.AnnAssign) and n.value is None]
        free = [ast.arg(n.target.id, n.annotation) for n in fields if isinstance(n.target, ast.Name)]
        init = ast.FunctionDef("__init__", ast.arguments([], [], None, [], [], None, []), [], [])
    else:
        free = [a for a in parameters(init, name) if a.arg not in defaults(init)]
    given = [
        (a.arg, source(told.get(a.arg, "[Filtered]"), known) or _ways(tree, a, init, known, depth)[0]) for a in free
    ]
    return f"{name}({', '.join(f'{n}={v[0]}' for n, v in given)})", tuple(line for _, v in given for line in v[1])


def calls_in_code(tree: Path, crash: Crash) -> Iterator[Call]:
    """Literal calls of the frames' functions anywhere in the program, then calls with inferred arguments."""
    known = classes(tree)
    for frame in (f for f in crash.frames if f.in_app):
        found = definition(tree, frame)
        if found is None:
            if frame.function == "<module>":
                yield Call("", "None", f"import {module_of(frame.file)}")
            continue
        owner, node = found
        for path in files(tree):
            for call in ast.walk(parsed(tree, path)):
                if isinstance(call, ast.Call) and called(call) == node.name:
                    yield from _literal_call(tree, frame, owner, node, call, known)
        for guessed in guesses(tree, node, owner, known):
            yield from calls_to(tree, frame, owner, node, guessed)


def guesses(tree: Path, node: Function, owner: str, known: dict[str, str]) -> Iterator[list[Part]]:
    """Arguments for what a call has to give: objects of the program's classes, else values of the shape in use."""
    free = [a for a in parameters(node, owner) if a.arg not in defaults(node)]
    found = [(a.arg, _ways(tree, a, node, known)) for a in free]
    for turn in range(max((len(ways) for _, ways in found), default=1)):
        chosen = [(name, *ways[turn % len(ways)]) for name, ways in found]
        yield [(f"{name}={text}" if not node.args.posonlyargs else text, lines) for name, text, lines in chosen]


def _ways(tree: Path, argument: ast.arg, node: Function, known: dict[str, str], depth: int = 2) -> list[Part]:
    plain = [(shaped(argument.annotation, node, argument.arg), ())]
    told = ast.unparse(argument.annotation).strip("'\"") if argument.annotation else ""
    named = next((n for n in re.findall(r"\w+", told) if n in known), "")
    looped = "" if told or named else _loop_variable(node, argument.arg)
    named = named or ("" if told else _used_as(tree, node, looped or argument.arg))
    built = list(islice(constructions(tree, named, {}, known, depth - 1), WAYS)) if named and depth else []
    made = [part for text, _ in built if (part := source(text, known))]  # with its imports
    several = looped or re.match(r"(?:typing\.)?(?:list|List|Iterable|Sequence|tuple|set|Iterator|Collection)\[", told)
    return [(f"[{text}]", lines) if several else (text, lines) for text, lines in made] or plain


def _loop_variable(node: Function, name: str) -> str:
    """What the entries of the parameter are called where they are gone through."""
    loops = [n for n in ast.walk(node) if isinstance(n, ast.For | ast.comprehension)]
    targets = [n.target for n in loops if getattr(n.iter, "id", "") == name]
    return next((t.id for t in targets if isinstance(t, ast.Name)), "")


def _used_as(tree: Path, node: Function, name: str) -> str:
    """The class of the program that has all that the function uses of the parameter, but for one that may be wrong."""
    uses = [n for n in ast.walk(node) if isinstance(n, ast.Attribute) and getattr(n.value, "id", "") == name]
    wanted = {n.attr for n in uses}
    if wanted <= _OF_BUILTINS:
        return ""
    owners = [n for path in files(tree) for n in parsed(tree, path).body if isinstance(n, ast.ClassDef)]
    having = {owner.name: len(wanted & members_of(owner)) for owner in owners}
    best = max(having, key=having.get, default="")
    return best if best and having[best] >= max(1, len(wanted) - 1) else ""


def _literal_call(tree, frame, owner, node, call, known) -> Iterator[Call]:
    told = [(source(ast.unparse(a), known), "") for a in call.args]
    told += [(source(ast.unparse(k.value), known), f"{k.arg}=") for k in call.keywords if k.arg]
    if all(value for value, _ in told):
        yield from calls_to(tree, frame, owner, node, [(f"{name}{value[0]}", value[1]) for value, name in told])
