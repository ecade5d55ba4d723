"""Builds calls that may crash: from the report's locals, from calls in the code, or with inferred values. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from core.models import Crash, Frame
from core.repair.localize.sources import (
    called,
    decorators,
    defaults,
    definition,
    files,
    importable,
    module_of,
    parameters,
    parsed,
)
from core.repair.localize.syntax import Function, nodes
from core.repair.reproduce.building import Classes, constructions, guesses, with_import
from core.repair.reproduce.content import FACTORIES, stream
from core.repair.reproduce.infer import stand_in
from core.repair.reproduce.value_classes import program_classes, value_classes
from core.repair.reproduce.values import CALLABLE, Part, classes_named, imports_for, objects_named, source
from core.repair.sandbox.probe import Call

SECRET: Part = ("'text'", ())  # what a monitoring tool removes from its report is nearly always a text
RECEIVERS = 6  # maximum ways of building a method's object


def recorded_calls(tree: Path, crash: Crash) -> list[Call]:
    """Calls with the arguments of the report's locals, outermost frame first."""
    known = value_classes(tree)
    return [c for f in crash.frames if f.in_app and f.locals is not None for c in _recorded(tree, f, known)]


def _recorded(tree: Path, frame: Frame, known: Classes) -> Iterator[Call]:
    found = definition(tree, frame)
    if found is None:
        yield from _of_import(frame)
        return
    (owner, node), own = found, program_classes(tree).keys()
    recorded = [_local(frame, a.arg, "") for a in parameters(node, owner)]
    named = sorted({name for text in recorded for name in objects_named(text)})
    built = {name: _built(tree, name) for name in named if name in own}
    built |= {name: [FACTORIES[name]] for name in named if name in FACTORIES and name not in own}
    for turn in range(max(map(len, built.values()), default=1)):
        objects = {name: ways[turn % len(ways)] for name, ways in built.items() if ways}
        arguments = _arguments(frame, owner, node, known, objects)
        if arguments is not None:
            yield from calls_to(tree, frame, owner, node, arguments)


def _local(frame: Frame, name: str, otherwise: str = "[Filtered]") -> str:
    """The report's value of the frame's variable."""
    return (frame.locals or {}).get(name, otherwise)


def _of_import(frame: Frame) -> Iterator[Call]:
    """For a crash at the top level of a module: an import of it."""
    if frame.function == "<module>" and importable(module_of(frame.file)):
        yield Call("", "None", f"import {module_of(frame.file)}")


def _built(tree: Path, name: str) -> list[Part]:
    known = program_classes(tree)
    return [with_import(part, name, known) for part in islice(constructions(tree, name, {}, known), RECEIVERS)]


def _arguments(frame: Frame, owner: str, node: Function, known: Classes, objects: dict[str, Part]) -> list[Part] | None:
    """The arguments from the frame's locals; None if a required one is unknown."""
    optional, arguments = defaults(node), []
    positional = {a.arg for a in node.args.posonlyargs}
    for name in [a.arg for a in parameters(node, owner)]:
        value = source(_local(frame, name), known, objects) or stream(_local(frame, name))
        value = value or (SECRET if _local(frame, name, "") == "[Filtered]" else None)
        if value is None and name not in optional:
            return None
        if value is not None:
            text, lines = _awaitable(node, name, value)
            arguments.append((text if name in positional else f"{name}={text}", lines))
    return [*arguments, *_starred(frame, node, known, objects)]


def _starred(frame: Frame, node: Function, known: Classes, objects: dict[str, Part]) -> Iterator[Part]:
    """``*args`` and ``**kwargs`` that are not empty."""
    for star, extra in (("*", node.args.vararg), ("**", node.args.kwarg)):
        value = source(_local(frame, extra.arg, ""), known, objects) if extra else None
        if value and value[0] not in ("()", "{}"):
            yield f"{star}{value[0]}", value[1]


def _awaitable(node: Function, name: str, value: Part) -> Part:
    """Replace the stub of a function by an async one if its result is awaited."""
    return (stand_in(node, name), value[1]) if value[0] == CALLABLE else value


def calls_to(tree: Path, frame: Frame, owner: str, node: Function, arguments: list[Part]) -> Iterator[Call]:
    """The call of a function with these arguments; for a method, on each object that can be built."""
    if not importable(module_of(frame.file)):
        return
    lines = [line for _, needed in arguments for line in needed]
    inner = ", ".join(text for text, _ in arguments)
    for receiver, needed in _receivers(tree, frame, owner, node):
        expression = _called(node, receiver, inner)
        own = [f"from {module_of(frame.file)} import {owner or node.name}"] if not needed or not owner else []
        yield Call(_joined([*needed, *lines, *imports_for(expression), *own]), expression)


def method_calls(tree: Path, frames: Sequence[Frame], call: Call, name: str, owner: str) -> Iterator[Call]:
    """The frames' methods of a class, called as reported on an object that a call created: a variable or its result."""
    known, others = value_classes(tree), FACTORIES.keys() - program_classes(tree)
    receiver = f"({call.expression})" if name == "_value" else name
    before = [] if name == "_value" else _done(call)
    for frame in frames:
        found = definition(tree, frame)
        if found and found[0] == owner and found[1].name != "__init__" and frame.locals is not None:
            parts = _arguments(frame, owner, found[1], known, {kind: FACTORIES[kind] for kind in others})
            for arguments in (
                [parts] if parts is not None else islice(guesses(tree, found[1], owner, program_classes(tree)), 1)
            ):
                expression = _called(found[1], receiver, ", ".join(text for text, _ in arguments))
                lines = [*call.imports.splitlines(), *(line for _, needed in arguments for line in needed)]
                setup = "\n".join(filter(None, [call.setup, *before]))
                yield Call(_joined([*lines, *imports_for(expression)]), expression, setup)


def _done(call: Call) -> list[str]:
    """The call as a statement of the setup, because its effects may cause the crash."""
    return [] if call.expression.isidentifier() else [call.expression]


_OPERATORS = {
    "__str__": "str({0})", "__repr__": "repr({0})", "__len__": "len({0})", "__bool__": "bool({0})",
    "__iter__": "list({0})", "__hash__": "hash({0})", "__int__": "int({0})", "__float__": "float({0})",
    "__bytes__": "bytes({0})", "__call__": "{0}({1})",
}  # fmt: skip


def _called(node: Function, receiver: str, inner: str) -> str:
    """The call of a function of this kind on a receiver: operators and properties in their own syntax; coroutines are
    run, generators exhausted, context managers entered.
    """
    kinds, name = decorators(node), f"{receiver}.{node.name}" if receiver else node.name
    if node.name == "__init__":
        return f"{receiver}({inner})"
    if receiver and node.name in _OPERATORS:
        return _OPERATORS[node.name].format(receiver, inner)
    expression = name if kinds & {"property", "cached_property"} else f"{name}({inner})"
    if kinds & {"contextmanager", "asynccontextmanager"}:
        expression = f"{expression}.__{'aenter' if 'asynccontextmanager' in kinds else 'enter'}__()"
    elif _yields(node):
        expression = f"{expression}.__anext__()" if isinstance(node, ast.AsyncFunctionDef) else f"list({expression})"
    return f"asyncio.run({expression})" if isinstance(node, ast.AsyncFunctionDef) else expression


def _joined(lines: list[str]) -> str:
    return "\n".join(sorted(dict.fromkeys(lines), key=lambda line: (line.startswith("from "), line)))


def _yields(node: Function) -> bool:
    inner = [n for n in nodes(node, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda) if n is not node]
    nested = {id(n) for function in inner for n in ast.walk(function)}
    return any(id(n) not in nested for n in nodes(node, ast.Yield, ast.YieldFrom))


def _receivers(tree: Path, frame: Frame, owner: str, node: Function) -> Iterator[Part]:
    """Expressions for the method's object: its own repr, then objects of its class at the time of the crash, then of
    the class that defines the method, as tests and code build them. For a constructor, the class itself.
    """
    known, held = program_classes(tree), frame.locals or {}
    own_repr = held.get("self", held.get("cls", "[Filtered]"))
    running = [name for name in sorted({*objects_named(own_repr), *classes_named(own_repr)}) if name in known]
    if not owner or decorators(node) & {"staticmethod", "classmethod"} or node.name == "__init__":
        yield from ((name, with_import((name, ()), name, known)[1]) for name in running if owner and name != owner)
        yield owner, ()
        return
    if value := source(own_repr, value_classes(tree)):
        if own_repr[:1] in "[{('\"" or own_repr[:1].isdigit():  # a container's repr is the container itself
            yield f"{owner}({value[0]})", value[1]
        yield value
    for name in dict.fromkeys([*running, owner]):
        made = islice(constructions(tree, name, held, known), RECEIVERS)
        yield from (with_import(part, name, known) if name in known else part for part in made)


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


def _literal_call(tree, frame, owner, node, call, known) -> Iterator[Call]:
    arguments_given = [(source(ast.unparse(a), known), "") for a in call.args]
    arguments_given += [(source(ast.unparse(k.value), known), f"{k.arg}=") for k in call.keywords if k.arg]
    parts = [(f"{name}{value[0]}", value[1]) for value, name in arguments_given if value]
    if len(parts) == len(arguments_given):
        yield from calls_to(tree, frame, owner, node, parts)
