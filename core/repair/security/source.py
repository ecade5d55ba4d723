"""The source around an unsafe line: its function, single assignments, and where its values come from. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.repair.localize.syntax import Function, arguments_of, covers, functions_in, identifier, nodes, targets_of


@dataclass(frozen=True)
class UnsafeUse:
    """A line that makes code of the ``inserted`` values. ``text`` is the whole module with the safe form of the line,
    empty where no edit is certain. ``quoted``: the first value stands in a text literal.
    """

    function: ast.FunctionDef
    inserted: Sequence[ast.expr]
    text: str = ""
    quoted: bool = False


def plain_function(module: ast.Module, line: int) -> ast.FunctionDef | None:
    """The function at the top of the module that has the line, unless the line is in a function within it."""
    around = [function for function in functions_in(module) if covers(function, line)]
    if len(around) != 1 or not isinstance(around[0], ast.FunctionDef) or around[0] not in module.body:
        return None
    return None if around[0].decorator_list else around[0]


def assigned(function: Function, name: str) -> ast.expr | None:
    """The value of a name that the function assigns once and plainly; None otherwise."""
    stored = [n for n in nodes(function, ast.Name) if n.id == name and isinstance(n.ctx, ast.Store)]
    found = [
        n.value
        for n in nodes(function, ast.Assign, ast.AnnAssign)
        if n.value is not None and [identifier(target) for target in targets_of(n)] == [name]
    ]
    return found[0] if len(stored) == len(found) == 1 and name not in parameters(function) else None


def parameters(function: Function) -> list[str]:
    return [argument.arg for argument in arguments_of(function)]


def settled(function: Function, expressions: Sequence[ast.expr]) -> bool:
    """Does each name in the expressions have one value throughout the function?"""
    stores = [n.id for n in nodes(function, ast.Name) if isinstance(n.ctx, ast.Store)]
    used = {n.id for one in expressions for n in nodes(one, ast.Name)}
    return all(stores.count(name) == (name not in parameters(function)) for name in used if name in _own(function))


def _own(function: Function) -> set[str]:
    return {*parameters(function), *(n.id for n in nodes(function, ast.Name) if isinstance(n.ctx, ast.Store))}


def is_text(expression: ast.expr, function: Function) -> bool:
    """Is the value certainly a str?"""
    if isinstance(expression, ast.JoinedStr):
        return True
    if isinstance(expression, ast.Constant):
        return isinstance(expression.value, str)
    if isinstance(expression, ast.Call):
        named = getattr(expression.func, "attr", "") or identifier(expression.func)
        return named in ("str", "strip", "lower", "upper", "title", "casefold", "replace", "join")
    if name := identifier(expression):
        annotated = [a for a in arguments_of(function) if a.arg == name and identifier(a.annotation) == "str"]
        value = assigned(function, name)
        return bool(annotated) or (value is not None and is_text(value, function))
    return False


Origin = tuple[str, str]  # a parameter, and the key of it that is read; no key: the parameter itself


def origins(function: Function, expression: ast.AST, deep: int = 8) -> Iterator[Origin]:
    """The parameters from which a value is made, through single assignments."""
    if found := _of_mapping(function, expression):
        yield found
        return
    name = identifier(expression)
    if name in parameters(function):
        yield name, ""
    elif name and deep and (value := assigned(function, name)) is not None:
        yield from origins(function, value, deep - 1)
    else:
        for child in ast.iter_child_nodes(expression):
            yield from origins(function, child, deep)


def _of_mapping(function: Function, node: ast.AST) -> Origin | None:
    """``params["q"]`` or ``params.get("q", …)`` of a parameter."""
    if isinstance(node, ast.Subscript):
        owner, key = node.value, node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        owner, key = node.func.value, node.args[0]
    else:
        return None
    known = identifier(owner) in parameters(function) and isinstance(key, ast.Constant) and isinstance(key.value, str)
    return (identifier(owner), key.value) if known else None  # type: ignore[union-attr]


def call(function: Function, expressions: Sequence[ast.expr], value: str) -> str:
    """A call of the function in which every parameter behind the expressions is ``value`` (source text).

    Empty if a parameter that is not one of them has no default, one is used both whole and by its keys, or one cannot
    be given by its name.
    """
    found: dict[str, set[str]] = {}
    if function.args.posonlyargs:
        return ""
    for expression in expressions:
        for name, key in origins(function, expression):
            found.setdefault(name, set()).add(key)
    if not found or any("" in keys and len(keys) > 1 for keys in found.values()) or _needs(function) - found.keys():
        return ""
    given = [f"{name}={_argument(found[name], value)}" for name in parameters(function) if name in found]
    return f"{function.name}({', '.join(given)})"


def _argument(keys: set[str], value: str) -> str:
    return value if keys == {""} else "{" + ", ".join(f"{key!r}: {value}" for key in sorted(keys)) + "}"


def _needs(function: Function) -> set[str]:
    """Parameters without a default."""
    arguments = function.args
    needed = {a.arg for a in arguments.args[: len(arguments.args) - len(arguments.defaults)]}
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return needed | {a.arg for a, default in pairs if default is None}
