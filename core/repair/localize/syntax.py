"""Common queries of syntax trees: nodes of a kind, names, targets, extents. Pure."""

from __future__ import annotations

import ast
from typing import Protocol, TypeVar

Function = ast.FunctionDef | ast.AsyncFunctionDef
Node = TypeVar("Node", bound=ast.AST)


class Placed(Protocol):
    """A syntax node with a position in the text: a statement, an expression, an argument, a keyword."""

    lineno: int
    col_offset: int
    end_lineno: int | None
    end_col_offset: int | None


def nodes(tree: ast.AST, *kinds: type[Node]) -> list[Node]:
    """All nodes of these kinds in the tree, itself included, outer ones first."""
    return [n for n in ast.walk(tree) if isinstance(n, kinds)]


def functions_in(tree: ast.AST) -> list[Function]:
    return nodes(tree, ast.FunctionDef, ast.AsyncFunctionDef)


def classes_of(module: ast.Module) -> list[ast.ClassDef]:
    """Classes at the top of the module."""
    return [n for n in module.body if isinstance(n, ast.ClassDef)]


def class_around(module: ast.Module, function: ast.AST | None) -> ast.ClassDef | None:
    """The class whose method the function is; None for a plain function."""
    return next((n for n in classes_of(module) if function in n.body), None)


def imports_of(module: ast.Module) -> list[ast.Import | ast.ImportFrom]:
    """Import statements at the top of the module."""
    return [n for n in module.body if isinstance(n, ast.Import | ast.ImportFrom)]


def is_text(node: ast.stmt) -> bool:
    """Is it a docstring, or another constant that nothing uses?"""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def imported_name(alias: ast.alias) -> str:
    """The name that an import gives."""
    return alias.asname or alias.name


def identifier(node: ast.AST | None) -> str:
    """``x`` of the name x; empty for anything else."""
    return node.id if isinstance(node, ast.Name) else ""


def last_name(node: ast.AST | None) -> str:
    """``x`` of the name x, and of ``a.b.x``; empty for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else identifier(node)


def names_in(tree: ast.AST) -> set[str]:
    return {n.id for n in nodes(tree, ast.Name)}


def stores(tree: ast.AST) -> list[ast.Name]:
    """Names that the code assigns."""
    return [n for n in nodes(tree, ast.Name) if isinstance(n.ctx, ast.Store)]


def targets_of(node: ast.AST) -> list[ast.expr]:
    """The targets of an assignment."""
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign | ast.AugAssign) else []


def arguments_of(function: Function) -> list[ast.arg]:
    """Parameters with a name, in order; ``*args`` and ``**kwargs`` left out."""
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def receiver(call: ast.Call) -> ast.expr | None:
    """The receiver of a method call."""
    return call.func.value if isinstance(call.func, ast.Attribute) else None


def documentation(node: Function | ast.ClassDef | ast.Module | None) -> str:
    return (ast.get_docstring(node) or "") if node is not None else ""


def covers(node: Placed, line: int) -> bool:
    """Is the line one of the node's lines?"""
    return node.lineno <= line <= last_line(node)


def last_line(node: Placed) -> int:
    return node.end_lineno or node.lineno


def importing(node: ast.Import | ast.ImportFrom, names: list[ast.alias]) -> ast.Import | ast.ImportFrom:
    """The import statement, reduced to these names."""
    return ast.ImportFrom(node.module, names, node.level) if isinstance(node, ast.ImportFrom) else ast.Import(names)
