"""The program's own files: syntax trees, classes, functions, and the names under which they are imported. Pure."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from core.models import Frame
from core.repair.localize.syntax import (
    Function,
    arguments_of,
    classes_of,
    covers,
    identifier,
    last_name,
    nodes,
    targets_of,
)

# errors of the parser: deep nesting is a MemoryError or a RecursionError, a lone surrogate a ValueError
UNREADABLE = (SyntaxError, ValueError, MemoryError, RecursionError)
MOST_FILES = 400


def words(text: str) -> frozenset[str]:
    """The words of a text as a frozenset; tables of names are written this way."""
    return frozenset(text.split())


Reader = Callable[[str], ast.Module]  # a parser that knows a newer syntax (core/repair/sandbox/newer_syntax.py)
_reader: ContextVar[Reader | None] = ContextVar("reader", default=None)


@contextmanager
def reading(reader: Reader | None) -> Iterator[None]:
    """Within the block, this parser reads what the platform's own parser cannot."""
    token = _reader.set(reader)
    try:
        yield
    finally:
        _reader.reset(token)


@lru_cache(maxsize=64)
def _expression(text: str) -> ast.Expression | None:
    try:
        return ast.parse(text.lstrip(" \t"), mode="eval")
    except UNREADABLE:
        return None


def literal(text: str, otherwise: object = ...) -> Any:
    """The value of a text that is a literal, else ``otherwise``. One report's text is asked for many times."""
    try:
        found = _expression(text)
        return otherwise if found is None else ast.literal_eval(found)
    except UNREADABLE:
        return otherwise


@lru_cache(maxsize=512)
def tree_of(text: str) -> ast.Module:
    """The text's syntax tree, cached and shared: its nodes must not be changed. Raises SyntaxError."""
    try:
        return ast.parse(text)
    except SyntaxError:
        if (reader := _reader.get()) is None:
            raise
        return reader(text)


def parsed(tree: Path, file: str) -> ast.Module:
    """Syntax tree of a file of the tree; an empty one when it is outside, missing or not Python."""
    path = (tree / file).resolve()
    if not path.is_relative_to(tree.resolve()) or not path.is_file():
        return ast.Module([], [])
    try:
        return tree_of(path.read_text(encoding="utf-8"))
    except UNREADABLE:
        return ast.Module([], [])


_roots: ContextVar[tuple[str, ...]] = ContextVar("roots", default=("src",))


@contextmanager
def rooted(roots: Iterable[str]) -> Iterator[None]:
    """Within the block, code is also imported from these folders of the tree; the longest match wins."""
    token = _roots.set(tuple(sorted(roots, key=len, reverse=True)))
    try:
        yield
    finally:
        _roots.reset(token)


def module_of(file: str) -> str:
    """Name under which a file is imported; a folder like ``src`` is on the path, not in the name."""
    root = next((f"{root}/" for root in _roots.get() if file.startswith(f"{root}/")), "")
    return file.removeprefix(root).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def importable(module: str) -> bool:
    """Can an import statement name the module? Files may have any name."""
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in module.split("."))


def is_test(path: str) -> bool:
    folders, _, name = path.rpartition("/")
    return name.startswith(("test_", "conftest")) or not {"test", "tests"}.isdisjoint(folders.split("/"))


def files(tree: Path, tests: bool = False, most: int = MOST_FILES) -> Iterator[str]:
    """The program's Python files, or those of its tests, without hidden folders and links."""
    found = (file.relative_to(tree).as_posix() for file in sorted(tree.rglob("*.py")))
    shown = (path for path in found if not path.startswith(".") and "/." not in path and is_test(path) == tests)
    yield from islice((path for path in shown if not (tree / path).is_symlink()), most)


def class_named(tree: Path, name: str) -> tuple[str, ast.ClassDef] | None:
    for path in files(tree):
        for node in parsed(tree, path).body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return path, node
    return None


def members_of(node: ast.ClassDef) -> set[str]:
    """Methods, fields and attributes of a class of the program."""
    found = {n.name for n in node.body if isinstance(n, Function)}
    found |= {identifier(t) for n in node.body if isinstance(n, ast.Assign | ast.AnnAssign) for t in targets_of(n)}
    return (found | {n.attr for n in nodes(node, ast.Attribute) if isinstance(n.ctx, ast.Store)}) - {""}


def definition(tree: Path, frame: Frame) -> tuple[str, Function] | None:
    """(class name or "", function) of the frame, if it is at the top level of a module or class."""
    module = parsed(tree, frame.file)
    for owner in [module, *classes_of(module)]:
        for node in owner.body:
            if isinstance(node, Function) and node.name == frame.function and covers(node, frame.line):
                return getattr(owner, "name", ""), node
    return None


def first_statement(node: Function) -> ast.stmt:
    """The first statement after the docstring."""
    return node.body[1 if ast.get_docstring(node) and len(node.body) > 1 else 0]


def decorators(node: Function) -> set[str]:
    return {last_name(d) for d in node.decorator_list}


def parameters(node: Function, owner: str = "") -> list[ast.arg]:
    """Parameters that a caller passes, without the receiver of a method."""
    named = arguments_of(node)
    return named[1:] if owner and named and named[0].arg in ("self", "cls") else named


def defaults(node: Function) -> dict[str, ast.expr]:
    """Default values by parameter name."""
    positional = [*node.args.posonlyargs, *node.args.args]
    count = len(node.args.defaults)
    found = {a.arg: d for a, d in zip(positional[len(positional) - count :], node.args.defaults, strict=True)}
    keyword = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    return found | {a.arg: d for a, d in keyword if d is not None}


def called(node: ast.Call) -> str:
    """The last part of the called name."""
    return last_name(node.func)
