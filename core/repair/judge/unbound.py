"""Replaces unbound names of the old code as a change does, because the old code never got past them. Pure."""

from __future__ import annotations

import ast
import builtins
import copy
from collections.abc import Iterable, Iterator

from core.repair.localize.syntax import Function

_FIXED = {(ast.Call, "func"), (ast.ExceptHandler, "type"), (ast.Raise, "exc")}  # called, caught, raised names


def filled(was: ast.Module, now: ast.Module) -> ast.Module:
    """The old tree with each unbound name replaced as in the new tree, if nothing else changed at that place.

    A condition that reads such a name always raised NameError, so it can only be compared in its corrected form.
    """
    around = _global(was)
    missing = {name: _read(node) - _bound(ast.walk(node)) - around for name, node in _functions(was)}
    if not any(missing.values()):
        return was
    was, new = copy.deepcopy(was), dict(_functions(now))
    for name, node in _functions(was):
        if missing[name] and name in new:
            _fill(node, new[name], missing[name])
    return was


def _functions(tree: ast.AST, scope: str = "") -> Iterator[tuple[str, Function]]:
    """The outermost functions and methods by their dotted names."""
    for node in ast.iter_child_nodes(tree):
        name = f"{scope}.{node.name}" if isinstance(node, Function | ast.ClassDef) else scope
        if isinstance(node, Function):
            yield name, node
        else:
            yield from _functions(node, name)


def _read(tree: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _global(tree: ast.Module) -> set[str]:
    """Names of the module and of Python itself; a star import may give any."""
    declared = [name for n in ast.walk(tree) if isinstance(n, ast.Global) for name in n.names]
    starred = any(isinstance(n, ast.alias) and n.name == "*" for n in ast.walk(tree))
    found = _bound(_outside(tree)) | set(declared) | set(dir(builtins)) | {"__file__", "__path__", "__class__"}
    return found | _read(tree) if starred else found


def _outside(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes outside of functions, including the function definitions themselves."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, Function | ast.Lambda):
            yield from _outside(child)


def _bound(nodes: Iterable[ast.AST]) -> set[str]:
    """Names that the nodes bind: by assignment, import, definition, or as a parameter."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        else:
            found |= {getattr(node, field, None) or "" for field in ("arg", "name", "rest")}
    return found


def _fill(old: ast.AST, new: ast.AST, missing: set[str]) -> None:
    """Pairs of corresponding nodes, as long as both trees have the same structure."""
    for field, mine in ast.iter_fields(old):
        theirs = getattr(new, field, None)
        if (type(old), field) in _FIXED and isinstance(mine, ast.Name):
            continue
        if isinstance(mine, ast.AST):
            setattr(old, field, _taken(mine, theirs, missing))
        elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
            setattr(old, field, [_taken(one, other, missing) for one, other in zip(mine, theirs, strict=True)])


def _taken(old: object, new: object, missing: set[str]) -> object:
    if isinstance(old, ast.Name) and old.id in missing and isinstance(new, ast.Name | ast.Attribute):
        return new
    if isinstance(old, ast.AST) and isinstance(new, ast.AST) and type(old) is type(new):
        _fill(old, new, missing)
    return old
