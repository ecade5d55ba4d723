"""Calls that may lead to a crash: rebuilt from the report's locals, from calls in the code, or inferred. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from core.models import Crash, Frame
from core.repair.localize.sources import (
    called,
    class_named,
    decorators,
    defaults,
    definition,
    files,
    importable,
    members_of,
    module_of,
    parameters,
    parsed,
)
from core.repair.localize.syntax import Function
from core.repair.reproduce.infer import shaped, stand_in
from core.repair.reproduce.value_classes import ValueClass, program_classes, value_classes
from core.repair.reproduce.values import CALLABLE, Part, imports_for, objects_named, source
from core.repair.sandbox.probe import Call

WAYS = 3  # ways of building an object that is given
RECEIVERS = 6  # ways of building the object of a method that are tried
_OF_BUILTINS = {name for kind in (str, bytes, dict, list, set, tuple, int, float) for name in dir(kind)}
Classes = Mapping[str, ValueClass]


def recorded_calls(tree: Path, crash: Crash) -> list[Call]:
    """Calls whose arguments the report's locals hold, outermost frame first."""
    known = value_classes(tree)
    return [c for f in crash.frames if f.in_app and f.locals is not None for c in _recorded(tree, f, known)]


def _recorded(tree: Path, frame: Frame, known: Classes) -> Iterator[Call]:
    found = definition(tree, frame)
    if found is None:
        yield from _of_import(frame)
        return
    owner, node = found
    told = [frame.locals.get(a.arg, "") for a in parameters(node, owner)]
    built = {name: _built(tree, name) for text in told for name in sorted(objects_named(text))}
    for turn in range(max(map(len, built.values()), default=1)):
        objects = {name: ways[turn % len(ways)] for name, ways in built.items() if ways}
        arguments = _arguments(frame, owner, node, known, objects)
        if arguments is not None:
            yield from calls_to(tree, frame, owner, node, arguments)


def _of_import(frame: Frame) -> Iterator[Call]:
    """A crash at the top of a module is met by importing it."""
    if frame.function == "<module>" and importable(module_of(frame.file)):
        yield Call("", "None", f"import {module_of(frame.file)}")


def _built(tree: Path, name: str) -> list[Part]:
    known = program_classes(tree)
    return [_with_import(part, name, known) for part in islice(constructions(tree, name, {}, known), RECEIVERS)]


def _with_import(part: Part, name: str, known: Classes) -> Part:
    """The construction of an object with the line that imports its class."""
    return part[0], (f"from {known[name].module} import {name}", *part[1])


def _arguments(frame: Frame, owner: str, node: Function, known: Classes, objects: dict[str, Part]) -> list[Part] | None:
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
    return (stand_in(node, name), value[1]) if value[0] == CALLABLE else value


def calls_to(tree: Path, frame: Frame, owner: str, node: Function, arguments: list[Part]) -> Iterator[Call]:
    """The call of a function with these arguments; of a method, on each object that can be built."""
    if not importable(module_of(frame.file)):
        return
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
    told = source((frame.locals or {}).get("self", "[Filtered]"), value_classes(tree))
    if told:
        yield told
    yield from islice(constructions(tree, owner, frame.locals or {}, program_classes(tree)), RECEIVERS)


def constructions(tree: Path, name: str, told: dict[str, str], known: Classes, depth: int = 1) -> Iterator[Part]:
    """Ways to build an object of the program's class: as its code and tests do, else with values for its parameters.

    ``known`` are all of the program's classes. What the report tells (``told``) stays within its values.
    """
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


def _blank_object(tree: Path, node: ast.ClassDef, told: dict[str, str], known: Classes, depth: int) -> Part:
    """Built with what the report says of names like its parameters, else with inferred values."""
    name, init = node.name, next((n for n in node.body if isinstance(n, Function) and n.name == "__init__"), None)
    if init is None:
        fields = [n for n in node.body if isinstance(n, ast.AnnAssign) and n.value is None]
        free = [ast.arg(n.target.id, n.annotation) for n in fields if isinstance(n.target, ast.Name)]
        init = ast.FunctionDef("__init__", ast.arguments([], [], None, [], [], None, []), [], [])
    else:
        free = [a for a in parameters(init, name) if a.arg not in defaults(init)]
    values = value_classes(tree) if told else {}
    given = [
        (a.arg, source(told.get(a.arg, "[Filtered]"), values) or _ways(tree, a, init, known, depth)[0]) for a in free
    ]
    return f"{name}({', '.join(f'{n}={v[0]}' for n, v in given)})", tuple(line for _, v in given for line in v[1])


def calls_in_code(tree: Path, crash: Crash) -> Iterator[Call]:
    """Literal calls of the frames' functions anywhere in the program, then calls with inferred arguments."""
    known = program_classes(tree)
    for frame in (f for f in crash.frames if f.in_app):
        found = definition(tree, frame)
        if found is None:
            yield from _of_import(frame)
            continue
        owner, node = found
        for path in files(tree):
            for call in ast.walk(parsed(tree, path)):
                if isinstance(call, ast.Call) and called(call) == node.name:
                    yield from _literal_call(tree, frame, owner, node, call, known)
        for guessed in guesses(tree, node, owner, known):
            yield from calls_to(tree, frame, owner, node, guessed)


def guesses(tree: Path, node: Function, owner: str, known: Classes) -> Iterator[list[Part]]:
    """Arguments for what a call has to give: objects of the program's classes, else values of the shape in use."""
    free = [a for a in parameters(node, owner) if a.arg not in defaults(node)]
    found = [(a.arg, _ways(tree, a, node, known)) for a in free]
    for turn in range(max((len(ways) for _, ways in found), default=1)):
        chosen = [(name, *ways[turn % len(ways)]) for name, ways in found]
        yield [(f"{name}={text}" if not node.args.posonlyargs else text, lines) for name, text, lines in chosen]


def _ways(tree: Path, argument: ast.arg, node: Function, known: Classes, depth: int = 2) -> list[Part]:
    plain = [(shaped(argument.annotation, node, argument.arg), ())]
    told = ast.unparse(argument.annotation).strip("'\"") if argument.annotation else ""
    named = next((n for n in re.findall(r"\w+", told) if n in known), "")
    looped = "" if told or named else _loop_variable(node, argument.arg)
    named = named or ("" if told else _used_as(tree, node, looped or argument.arg))
    built = list(islice(constructions(tree, named, {}, known, depth - 1), WAYS)) if named and depth else []
    made = [_with_import(part, named, known) for part in built]
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
