"""The text of a repr(), as reports hold it, made an expression that is safe to write into a test. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

KNOWN = {
    "datetime": "import datetime",
    "zoneinfo": "import zoneinfo",
    "Decimal": "from decimal import Decimal",
    "Fraction": "from fractions import Fraction",
    "UUID": "from uuid import UUID",
    "Path": "from pathlib import Path",
    "OrderedDict": "from collections import OrderedDict",
    "Counter": "from collections import Counter",
    "deque": "from collections import deque",
    "defaultdict": "from collections import defaultdict",
    "SimpleNamespace": "from types import SimpleNamespace",
    "asyncio": "import asyncio",
}
BUILTINS = {"set", "frozenset", "bytearray", "range", "list", "dict", "int", "str", "float", "tuple", "bool", "object"}
RENAMED = {"PosixPath": "Path", "namespace": "SimpleNamespace", "WindowsPath": "Path"}
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_SAFE = (
    ast.Expression, ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.UnaryOp, ast.USub, ast.UAdd,
    ast.Lambda, ast.arguments, ast.arg, ast.Load, ast.Call, ast.keyword, ast.Name, ast.Attribute, ast.BinOp,
    ast.Add, ast.Sub,
)  # fmt: skip


FUNCTION = re.compile(r"<(?:built-in )?(?:function|bound method|method) [^<>]*(?:<[^<>]*>[^<>]*)*>")
CALLABLE = "(lambda *_, **__: None)"  # stands in for a function of which only the name is known
AWAITABLE = "(lambda *_, **__: asyncio.sleep(0))"  # of a function whose result is awaited
OBJECT = re.compile(r"<(?:[\w.]+\.)?(\w+) object at 0x[0-9a-f]+>")


def source(
    text: str, classes: Mapping[str, str] | None = None, objects: Mapping[str, str] | None = None
) -> tuple[str, tuple[str, ...]] | None:
    """(expression, import lines) that gives an equal value; None when that cannot be told.

    ``classes`` maps names of the program's own classes to their modules: dataclasses, named tuples and
    enumerations have reprs that are calls of them. ``objects`` has expressions that build one of a class.
    """
    classes, objects = classes or {}, objects or {}
    text = OBJECT.sub(lambda m: objects.get(m[1], m[0]), text)
    text = FUNCTION.sub(CALLABLE, text)
    text = re.sub(r"<class '(?:[\w.]+\.)?(\w+)'>", r"\1", text)
    text = re.sub(r"<(\w+)\.(\w+): [^>]*>", r"\1.\2", text)
    if "[Filtered]" in text or re.search(r"\bat 0x[0-9a-f]+>", text):
        return None
    tree = _parsed(text) or _parsed(_closed(text))
    if tree is None:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = RENAMED.get(node.id, node.id)
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    if names & {"nan", "inf"}:
        return None
    if not names <= BUILTINS | set(KNOWN) | set(classes) or not all(isinstance(n, _SAFE) for n in ast.walk(tree)):
        return None
    lines = [KNOWN[n] if n in KNOWN else f"from {classes[n]} import {n}" for n in sorted(names - BUILTINS)]
    return ast.unparse(tree), tuple(lines)


def _parsed(text: str | None) -> ast.Expression | None:
    try:
        return ast.parse(text, mode="eval") if text else None
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def _closed(text: str) -> str | None:
    """A repr that was cut off, up to its last whole element, with its brackets closed."""
    if len(text) < 500:
        return None
    open_, quote, best = [], "", None
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote and text[at - 1] != "\\" else quote
        elif char in "'\"":
            quote = char
        elif char in _CLOSING:
            open_.append(char)
        elif char in ")]}" and open_:
            open_.pop()
        elif char == "," and not quote:
            best = text[:at] + "".join(_CLOSING[c] for c in reversed(open_))
    return best


def imports_for(expression: str) -> list[str]:
    """Import lines of the known names that an expression uses."""
    names = {n.id for n in ast.walk(ast.parse(expression)) if isinstance(n, ast.Name)}
    return [KNOWN[n] for n in sorted(names & set(KNOWN))]
