"""Builds objects and arguments: as code and tests do, by factories, by annotation and by use. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypeGuard

from core.repair.localize.sources import (
    called,
    class_named,
    decorators,
    defaults,
    files,
    members_of,
    module_of,
    parameters,
    parsed,
)
from core.repair.localize.syntax import Function, classes_of, identifier, nodes
from core.repair.reproduce.attributes import IMPORT, namespace
from core.repair.reproduce.infer import shaped
from core.repair.reproduce.value_classes import ValueClass, value_classes
from core.repair.reproduce.values import Part, source

WAYS = 3  # maximum ways of building one object
_MAKING = ("from_", "of", "parse", "load", "create", "make", "build", "new", "open", "read")
_OF_BUILTINS = {name for kind in (str, bytes, dict, list, set, tuple, int, float) for name in dir(kind)}
Classes = Mapping[str, ValueClass]


def with_import(part: Part, name: str, known: Classes) -> Part:
    """The construction of an object, with the line that imports its class."""
    return part[0], (f"from {known[name].module} import {name}", *part[1])


def constructions(tree: Path, name: str, reported: dict[str, str], known: Classes, depth: int = 1) -> Iterator[Part]:
    """Ways to build an object of the program's class: as its code and tests do, else with values for its parameters.

    ``known`` are all of the program's classes. ``reported`` holds the report's values by name; only value
    classes are built from them.
    """
    found = class_named(tree, name)
    if found is None:
        return
    made = (
        source(ast.unparse(ast.Call(ast.Name(name), node.args, node.keywords)), known)
        for path in [*files(tree, tests=True), *files(tree)]
        for node in nodes(parsed(tree, path), ast.Call)
        if called(node) == name
    )
    seen: set[str] = set()
    for part in filter(None, made):
        if part[0] not in seen:
            seen.add(part[0])
            yield part
    yield _blank_object(tree, found[1], reported, known, depth)
    yield from islice(_factories(tree, *found, known, depth), WAYS)


def _factories(tree: Path, path: str, node: ast.ClassDef, known: Classes, depth: int) -> Iterator[Part]:
    """Class methods that make an object (``from_...``), and functions of its module that say they return one."""
    made = [n for n in node.body if isinstance(n, Function) and "classmethod" in decorators(n)]
    for method in [n for n in made if n.name.startswith(_MAKING)] if depth else ():
        for arguments in islice(guesses(tree, method, node.name, known), 1):
            yield f"{node.name}.{method.name}({', '.join(text for text, _ in arguments)})", _lines(arguments)
    for function in [n for n in parsed(tree, path).body if _returns(n, node.name)] if depth else ():
        for arguments in islice(guesses(tree, function, "", known), 1):
            line = f"from {module_of(path)} import {function.name}"
            inner = ", ".join(text for text, _ in arguments)
            yield f"{function.name}({inner})", (line, *_lines(arguments))


def _returns(node: ast.stmt, name: str) -> TypeGuard[ast.FunctionDef]:
    annotation = node.returns if isinstance(node, ast.FunctionDef) else None
    return annotation is not None and ast.unparse(annotation).strip("'\"") == name


def _lines(arguments: list[Part]) -> tuple[str, ...]:
    return tuple(line for _, needed in arguments for line in needed)


def _blank_object(tree: Path, node: ast.ClassDef, reported: dict[str, str], known: Classes, depth: int) -> Part:
    """An object built with the report's values of names like its parameters, else with inferred values."""
    init = next((n for n in node.body if isinstance(n, Function) and n.name == "__init__"), None)
    values = value_classes(tree) if reported else {}
    texts: list[str] = []
    lines: list[str] = []
    for free in _required(node, init):
        part = source(reported.get(free.arg, "[Filtered]"), values)
        text, needed = part or _ways(tree, free, init or _NO_INIT, known, depth)[0]
        texts.append(f"{free.arg}={text}")
        lines += needed
    return f"{node.name}({', '.join(texts)})", tuple(lines)


_NO_INIT = ast.FunctionDef("__init__", ast.arguments([], [], None, [], [], None, []), [], [])


def _required(node: ast.ClassDef, init: Function | None) -> list[ast.arg]:
    """Parameters that have no default; without ``__init__`` the fields, as a dataclass takes them."""
    if init is not None:
        return [a for a in parameters(init, node.name) if a.arg not in defaults(init)]
    fields = [n for n in node.body if isinstance(n, ast.AnnAssign) and _is_required(n.value)]
    return [ast.arg(identifier(n.target), n.annotation) for n in fields if identifier(n.target)]


def _is_required(value: ast.expr | None) -> bool:
    """Has the field no default: none at all, or ``Field(min_length=1)``, which only states rules?"""
    if not isinstance(value, ast.Call) or called(value) not in ("Field", "field"):
        return value is None
    given = value.args and not (isinstance(value.args[0], ast.Constant) and value.args[0].value is ...)
    return not given and not {"default", "default_factory", "init"} & {k.arg for k in value.keywords}


def guesses(tree: Path, node: Function, owner: str, known: Classes) -> Iterator[list[Part]]:
    """Arguments for the required parameters: objects of the program's classes, else values of the inferred type."""
    free = [a for a in parameters(node, owner) if a.arg not in defaults(node)]
    found = [(a.arg, _ways(tree, a, node, known)) for a in free]
    for turn in range(max((len(ways) for _, ways in found), default=1)):
        chosen = [(name, *ways[turn % len(ways)]) for name, ways in found]
        yield [(f"{name}={text}" if not node.args.posonlyargs else text, lines) for name, text, lines in chosen]


def _ways(tree: Path, argument: ast.arg, node: Function, known: Classes, depth: int = 2) -> list[Part]:
    """Expressions for a parameter: objects of a class of the program, else one value of the inferred type."""
    annotation = ast.unparse(argument.annotation).strip("'\"") if argument.annotation else ""
    named, several = _meant(tree, argument.arg, annotation, node, known)
    built = islice(constructions(tree, named, {}, known, depth - 1), WAYS) if named and depth else ()
    made = [with_import(part, named, known) for part in built]
    plain: list[Part] = [(shaped(argument.annotation, node, argument.arg), ())]
    like = namespace(node, argument.arg)
    stand_ins: list[Part] = [(like, (IMPORT,))] if like and not annotation else []
    return [*([(f"[{text}]" if several else text, lines) for text, lines in made] or plain), *stand_ins]


def _meant(tree: Path, name: str, annotation: str, node: Function, known: Classes) -> tuple[str, bool]:
    """(the class of the program by a parameter's annotation or use, does the parameter take several objects)."""
    if annotation:
        several = re.match(r"(?:typing\.)?(?:list|List|Iterable|Sequence|tuple|set|Iterator|Collection)\[", annotation)
        return next((n for n in re.findall(r"\w+", annotation) if n in known), ""), bool(several)
    looped = _loop_variable(node, name)
    return _used_as(tree, node, looped or name), bool(looped)


def _loop_variable(node: Function, name: str) -> str:
    """The loop variables of iterations over the parameter."""
    targets = [n.target for n in nodes(node, ast.For, ast.comprehension) if identifier(n.iter) == name]
    return next(filter(None, map(identifier, targets)), "")


def _used_as(tree: Path, node: Function, name: str) -> str:
    """The class of the program with all attributes that the function uses, except one that may be wrong."""
    wanted = {n.attr for n in nodes(node, ast.Attribute) if identifier(n.value) == name}
    if wanted <= _OF_BUILTINS:
        return ""
    owners = [n for path in files(tree) for n in classes_of(parsed(tree, path))]
    having = {owner.name: len(wanted & members_of(owner)) for owner in owners}
    best = max(having, key=lambda owner: having[owner], default="")
    return best if best and having[best] >= max(1, len(wanted) - 1) else ""
