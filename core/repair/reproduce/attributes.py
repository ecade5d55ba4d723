"""A stub for an object of which a function only reads attributes: a namespace that has them. Pure.

Objects of a framework, such as rows of an object-relational mapper, cannot be built without the framework.
"""

from __future__ import annotations

import ast

from core.repair.localize.syntax import nodes

IMPORT = "from types import SimpleNamespace"
METHOD = "(lambda *_, **__: 3)"
DEPTH = 4
_OF_TEXT = {name for name in dir(str) if not name.startswith("_")}


def namespace(function: ast.AST, path: str, depth: int = DEPTH) -> str:
    """``SimpleNamespace(...)`` with what the function reads of ``path`` (a name, or attributes of one); else empty."""
    read = dict.fromkeys(n.attr for n in nodes(function, ast.Attribute) if ast.unparse(n.value) == path)
    called = {ast.unparse(n.func) for n in nodes(function, ast.Call)}
    if not depth or all(name in _OF_TEXT and f"{path}.{name}" in called for name in read):
        return ""
    parts = [f"{name}={_value(function, f'{path}.{name}', called, depth)}" for name in read]
    return f"SimpleNamespace({', '.join(parts)})"


def _value(function: ast.AST, path: str, called: set[str], depth: int) -> str:
    return METHOD if path in called else namespace(function, path, depth - 1) or "'text'"
