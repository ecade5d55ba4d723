"""Finds the code that runs when a module is imported: top level, class bodies, defaults, annotations. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from core.repair.judge.forbidden_names import BUILDING
from core.repair.localize.sources import called
from core.repair.localize.syntax import Function, arguments_of


def runs_at_import(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls that importing the module makes, except decorators and those that only build a value."""
    for node in _reached(tree):
        if isinstance(node, ast.Call) and not _builds(node):
            yield node


def _builds(node: ast.Call) -> bool:
    """``re.compile`` builds a pattern; the built-in ``compile`` makes code."""
    return called(node) in BUILDING and not (isinstance(node.func, ast.Name) and node.func.id == "compile")


def _reached(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in _inner(node):
        yield from _reached(child)


def _inner(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, Function | ast.Lambda):
        yield from (default for default in (*node.args.defaults, *node.args.kw_defaults) if default)
        yield from _annotations(node) if isinstance(node, Function) else ()
    elif isinstance(node, ast.ClassDef):
        yield from (*node.bases, *node.keywords, *node.body)
    elif not _is_main(node):
        yield from ast.iter_child_nodes(node)


def _annotations(node: Function) -> Iterator[ast.AST]:
    given = [node.returns, *(a.annotation for a in (*arguments_of(node), node.args.vararg, node.args.kwarg) if a)]
    yield from (annotation for annotation in given if annotation)


def _is_main(node: ast.AST) -> bool:
    """``if __name__ == "__main__":`` is not run by an import."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("__name__ == '__main__'", "'__main__' == __name__")
