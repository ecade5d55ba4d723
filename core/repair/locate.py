"""Where a crash is in the code: frame -> file of the tree -> statement and expressions, as syntax nodes.

Edits are made on the text at the nodes' own positions, so that the author's formatting stays as it is.
(The design names libcst for this; the standard library's ``ast`` carries the same positions, parses ten
times faster and needs no wrapper, and a splice can only change what it names.)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from core.models import Crash, Frame

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Place:
    """One frame in one file of the tree."""

    tree: Path
    path: str
    text: str
    frame: Frame
    crash: Crash

    @cached_property
    def module(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def line(self) -> int:
        """The frame's line; where the file has drifted, the nearest line with the same code."""
        lines = self.text.splitlines()
        code = self.frame.code.strip()
        if not code or (self.frame.line <= len(lines) and lines[self.frame.line - 1].strip() == code):
            return self.frame.line
        same = [n for n, line in enumerate(lines, 1) if line.strip() == code]
        return min(same, key=lambda n: abs(n - self.frame.line), default=self.frame.line)

    @cached_property
    def function(self) -> Function | None:
        """The innermost function around the line."""
        around = [n for n in ast.walk(self.module) if isinstance(n, Function) and _holds(n, self.line)]
        return max(around, key=lambda n: n.lineno, default=None)

    @cached_property
    def statement(self) -> ast.stmt | None:
        """The innermost statement around the line."""
        around = [n for n in ast.walk(self.module) if isinstance(n, ast.stmt) and _holds(n, self.line)]
        return max(around, key=lambda n: (n.lineno, -(n.end_lineno or 0), n.col_offset), default=None)

    def expressions(self, *kinds: type) -> list:
        """Expressions of these kinds that touch the line, in source order, inner ones first."""
        found = [n for n in ast.walk(self.module) if isinstance(n, kinds) and _holds(n, self.line)]
        return sorted(found, key=lambda n: (n.end_lineno, n.end_col_offset, -n.col_offset))

    def source(self, node: ast.AST) -> str:
        return ast.get_source_segment(self.text, node) or ""

    def replace(self, node: ast.AST, new: str) -> str:
        """The file's text with the node's own text replaced."""
        start, end = (
            offset(self.text, node.lineno, node.col_offset),
            offset(self.text, node.end_lineno, node.end_col_offset),
        )
        return self.text[:start] + new + self.text[end:]

    def before(self, statement: ast.stmt, *lines: str) -> str:
        """The file's text with lines put before a statement, at its indentation."""
        indent = " " * statement.col_offset
        rows = self.text.splitlines(keepends=True)
        first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
        return "".join(rows[: first - 1]) + "".join(f"{indent}{line}\n" for line in lines) + "".join(rows[first - 1 :])

    def local(self, name: str):
        """The value of a local by its repr, or ... when it is not known or not a literal."""
        text = (self.frame.locals or {}).get(name)
        try:
            return ast.literal_eval(text) if text is not None else ...
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return ...

    def value(self, node: ast.AST):
        """The value of an expression of locals, attributes aside; ... when it cannot be told."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            found = self.local(node.id)
            return found if found is not ... else constant(self.module, node.id)
        if isinstance(node, ast.Subscript):
            base, key = self.value(node.value), self.value(node.slice)
            try:
                return base[key]
            except (TypeError, KeyError, IndexError):
                return ...
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "get"
            and node.args
        ):
            base, key = self.value(node.func.value), self.value(node.args[0])
            default = self.value(node.args[1]) if len(node.args) > 1 else None
            return base.get(key, default) if isinstance(base, dict) and key is not ... else ...
        return ...


def offset(text: str, line: int, column: int) -> int:
    """Character offset of a syntax position, whose columns count UTF-8 bytes."""
    rows = text.splitlines(keepends=True)
    return sum(map(len, rows[: line - 1])) + len(rows[line - 1].encode()[:column].decode())


def _holds(node: ast.AST, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def constant(module: ast.Module, name: str):
    """The value of a module's constant, or ... when it is none."""
    for node in module.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            try:
                return ast.literal_eval(node.value)
            except ValueError:
                return ...
    return ...


def find(tree: Path, file: str) -> str | None:
    """The tree's file for a frame's: the longest common end of the path wins."""
    parts = Path(file.replace("\\", "/")).parts
    for start in range(len(parts)):
        path = Path(*parts[start:])
        if not path.is_absolute() and ".." not in path.parts and (tree / path).is_file():
            return path.as_posix()
    return None


def places(tree: Path, crash: Crash) -> Iterator[Place]:
    """The program's own frames that lie in the tree, innermost first."""
    for frame in reversed(crash.frames):
        path = find(tree, frame.file) if frame.in_app else None
        if path is None or not path.endswith(".py"):
            continue
        try:
            text = (tree / path).read_text(encoding="utf-8")
            place = Place(tree, path, text, frame, crash)
            if place.module and place.statement:
                yield place
        except (OSError, UnicodeDecodeError, SyntaxError):
            continue
