"""Locates a crash in the code: frame -> file of the tree -> statement and expressions, as syntax nodes.

Edits are made on the text at the nodes' own positions, so that the author's formatting stays as it is.
(A concrete syntax tree would carry the same positions; the standard library's ``ast`` parses ten times
faster, its positions are those that tracebacks report, and a splice can only change what it names.)
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from io import StringIO
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

from core.models import Crash, Frame
from core.repair.localize.sources import literal, tree_of
from core.repair.localize.syntax import Function, Placed, covers, identifier


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
        return tree_of(self.text)

    @cached_property
    def line(self) -> int:
        """The frame's line; where the file has drifted, the nearest line with the same code."""
        lines = lines_of(self.text)
        code = self.frame.code.strip()
        if not code or (self.frame.line <= len(lines) and lines[self.frame.line - 1].strip() == code):
            return self.frame.line
        same = [n for n, line in enumerate(lines, 1) if line.strip() == code]
        return min(same, key=lambda n: abs(n - self.frame.line), default=self.frame.line)

    @cached_property
    def function(self) -> Function | None:
        """The innermost function around the line."""
        around = [n for n in ast.walk(self.module) if isinstance(n, Function) and covers(n, self.line)]
        return max(around, key=lambda n: n.lineno, default=None)

    @property
    def scope(self) -> Function | ast.Module:
        """The innermost function around the line, else the module."""
        return self.function or self.module

    @cached_property
    def statement(self) -> ast.stmt | None:
        """The innermost statement around the line."""
        around = [n for n in ast.walk(self.module) if isinstance(n, ast.stmt) and covers(n, self.line)]
        return max(around, key=lambda n: (n.lineno, -(n.end_lineno or 0), n.col_offset), default=None)

    @property
    def message(self) -> str:
        """The exception's message."""
        return self.crash.exception.message

    @property
    def kind_raised(self) -> str:
        """The exception's class, without its module."""
        return self.crash.exception.type.rsplit(".", 1)[-1]

    def expressions(self, *kinds: type) -> list:
        """Expressions of these kinds that touch the line, in source order, inner ones first."""
        return [n for n in self._touching if isinstance(n, kinds)]

    @cached_property
    def _touching(self) -> list[Any]:
        """Nodes that touch the line, in source order, inner ones first."""
        placed: list[Any] = [n for n in ast.walk(self.module) if getattr(n, "lineno", None)]
        found = [n for n in placed if covers(n, self.line)]
        return sorted(found, key=lambda n: (n.end_lineno, n.end_col_offset, -n.col_offset))

    def source(self, node: ast.AST) -> str:
        """The node's own text; ``ast.get_source_segment`` would go through the whole file for each."""
        if getattr(node, "end_lineno", None) is None:
            return ""
        start, end = extent(self.text, node)
        return self.text[start:end]

    def replace(self, node: Placed, new: str) -> str:
        """The file's text with the node's own text replaced."""
        return spliced(self.text, node, new)

    def replaced(self, news: Iterable[tuple[Placed, str]]) -> str:
        """The file's text with the text of several nodes replaced, the last first."""
        return replaced(self.text, news)

    def before(self, statement: ast.stmt, *lines: str) -> str:
        """The file's text with lines put before a statement, at its indentation."""
        return before(self.text, statement, *lines)

    @cached_property
    def failing(self) -> ast.expr | None:
        """The expression that failed, if the crash was observed with its span."""
        span = getattr(self.frame, "span", None)
        if not span:
            return None
        found = [n for n in ast.walk(self.module) if isinstance(n, ast.expr) and _span(n) == tuple(span)]
        text = [n for n in found if isinstance(n, ast.JoinedStr)]  # its parts have its span, before Python 3.12
        return (text[:1] or found[-1:] or [None])[0]

    def after(self, statement: ast.stmt, *lines: str) -> str:
        """The file's text with lines put after a statement, at its indentation."""
        indent, rows = indent_of(self.text, statement), lines_of(self.text)
        new = "".join(f"{indent}{line}\n" for line in lines)
        return "".join(rows[: statement.end_lineno]) + new + "".join(rows[statement.end_lineno :])

    def reported(self, source: str) -> Any:
        """The report's value for this name or expression if it is a literal, else ``...``."""
        text = (self.frame.locals or {}).get(source)
        return ... if text is None else literal(text)

    def kind(self, node: ast.expr) -> str:
        """Name of the expression's type when it failed; empty if unknown."""
        kind = self.reported(f"type({ast.unparse(node)})")
        value = self.value(node) if kind is ... else ...
        return kind if kind is not ... else type(value).__name__ if value is not ... else ""

    def members(self, node: ast.expr) -> list[str]:
        """Public attributes of the expression's value, if its type is one of the program."""
        names = self.reported(f"dir({ast.unparse(node)})")
        return [n for n in names if isinstance(n, str) and n.isidentifier()] if isinstance(names, list) else []

    def value(self, node: ast.expr) -> Any:
        """The value of an expression when it failed; ``...`` if unknown."""
        if isinstance(node, ast.Constant):
            return node.value
        found = self.reported(ast.unparse(node))
        if found is not ... or (self.frame.locals or {}).get(ast.unparse(node)) is not None:
            return found
        if isinstance(node, ast.Name):
            return constant(self.module, node.id)
        if isinstance(node, ast.Subscript):
            base, key = self.value(node.value), self.value(node.slice)
            try:
                return base[key]
            except (TypeError, KeyError, IndexError):
                return ...
        return self._got(node) if isinstance(node, ast.Call) else ...

    def _got(self, node: ast.Call) -> Any:
        """``mapping.get(key, default)``."""
        if not (isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args):
            return ...
        base, key = self.value(node.func.value), self.value(node.args[0])
        default = self.value(node.args[1]) if len(node.args) > 1 else None
        return base.get(key, default) if isinstance(base, dict) and key is not ... else ...


def _span(node: Placed) -> tuple[int, int | None, int, int | None]:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


def offset(text: str, line: int, column: int) -> int:
    """Character offset of a syntax position, whose columns count UTF-8 bytes."""
    rows, starts = _rows(text)
    return starts[line - 1] + len(rows[line - 1].encode()[:column].decode())


@lru_cache(maxsize=64)
def _rows(text: str) -> tuple[list[str], list[int]]:
    """Lines as the parser counts them, which ends none at a form feed, and where each begins."""
    rows = list(StringIO(text, newline=""))
    return rows, list(accumulate(map(len, rows), initial=0))


def lines_of(text: str) -> list[str]:
    """The lines as the parser counts them, with their ends."""
    return _rows(text)[0]


def indent_of(text: str, statement: ast.stmt) -> str:
    """The white space before a statement, which may be tabs; as much of it where other code comes first."""
    head = lines_of(text)[statement.lineno - 1][: statement.col_offset]
    return " " * statement.col_offset if head.strip() else head


def before(text: str, statement: ast.stmt, *lines: str) -> str:
    """The text with lines put before a statement, at its indentation."""
    indent, rows = indent_of(text, statement), lines_of(text)
    first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))]) - 1
    return "".join([*rows[:first], *(f"{indent}{line}\n" for line in lines), *rows[first:]])


def extent(text: str, node: Any) -> tuple[int, int]:
    """Character offsets of a placed node's beginning and end."""
    return offset(text, node.lineno, node.col_offset), offset(text, node.end_lineno, node.end_col_offset)


def spliced(text: str, node: Placed, new: str) -> str:
    start, end = extent(text, node)
    return text[:start] + new + text[end:]


def replaced(text: str, news: Iterable[tuple[Placed, str]]) -> str:
    """The text with the text of several nodes replaced, the last first."""
    for node, new in sorted(news, key=lambda pair: (pair[0].lineno, pair[0].col_offset), reverse=True):
        text = spliced(text, node, new)
    return text


def constant(module: ast.Module, name: str) -> Any:
    """The value of a module's constant; ``...`` if the name is not a constant."""
    for node in module.body:
        if isinstance(node, ast.Assign) and any(identifier(t) == name for t in node.targets):
            try:
                return ast.literal_eval(node.value)
            except ValueError:
                return ...
    return ...


LONGEST_PATH, DEEPEST = 1000, 30  # characters and folders of a path that are compared; a report may name any text
PLAIN = re.compile(r"[\w./+ -]{1,300}")  # no character that means something in a pattern


def find(tree: Path, file: str) -> str | None:
    """The tree's file for a frame's file: the longest common path suffix wins, whatever prefix a container adds."""
    return next(_ends(tree, file), None)


def _ends(tree: Path, file: str) -> Iterator[str]:
    """The tree's files that match a suffix of the path, the longest suffix first.

    Reports may give a module's path without its source folder (``src``) or service folder: if no suffix is a path from
    the root, it is searched below.
    """
    parts = Path(file[-LONGEST_PATH:].replace("\\", "/")).parts[-DEEPEST:]
    ends = [path for start in range(len(parts)) if _inside(path := Path(*parts[start:]))]
    found = [path for path in ends if _is_file(tree / path)]
    yield from (path.as_posix() for path in found or filter(None, [_below(tree, ends)]))


def _inside(path: Path) -> bool:
    return not path.is_absolute() and ".." not in path.parts


def _below(tree: Path, ends: Sequence[Path]) -> Path | None:
    """The only file of the tree with the longest of these suffixes; None if there is none or more than one.

    A bare file name is ambiguous and does not match.
    """
    for end in ends:
        if len(end.parts) > 1 and PLAIN.fullmatch(end.as_posix()):
            found = [path for path in islice(tree.rglob(end.as_posix()), 2) if path.is_file()]
            if found:
                return found[0].relative_to(tree) if len(found) == 1 else None
    return None


def _of_frame(tree: Path, frame: Frame) -> str | None:
    """The tree's file for a frame: of several, the first one that has the frame's code at its line."""
    found = list(_ends(tree, frame.file))
    if len(found) > 1 and frame.code.strip():
        same = [path for path in found if _line(tree / path, frame.line) == frame.code.strip()]
        found = same or found
    return found[0] if found else None


def _line(path: Path, number: int) -> str:
    try:
        return path.read_text(encoding="utf-8").splitlines()[number - 1].strip()
    except (OSError, UnicodeDecodeError, IndexError):
        return ""


def _is_file(path: Path) -> bool:
    """Can this be a file? A report may give an invalid path: too long, or with a null character."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def located(tree: Path, crash: Crash) -> Crash:
    """The crash with the tree's paths and lines; a frame of the program without a file in the tree is foreign."""
    return crash.model_copy(update={"frames": tuple(_located(tree, crash, frame) for frame in crash.frames)})


def _located(tree: Path, crash: Crash, frame: Frame) -> Frame:
    path = _of_frame(tree, frame) if frame.in_app else None
    if path is None or not path.endswith(".py"):
        return frame.model_copy(update={"in_app": False})
    try:
        text = (tree / path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return frame.model_copy(update={"in_app": False})
    line = Place(tree, path, text, frame, crash).line
    return frame.model_copy(update={"file": path, "line": line})


def places(tree: Path, crash: Crash) -> Iterator[Place]:
    """The program's own frames that lie in the tree, innermost first."""
    for frame in reversed(crash.frames):
        place = place_of(tree, crash, frame) if frame.in_app else None
        if place:
            yield place


def place_of(tree: Path, crash: Crash, frame: Frame) -> Place | None:
    """The frame's place in the tree; None if there is no such statement."""
    path = find(tree, frame.file)
    if path is None or not path.endswith(".py"):
        return None
    try:
        place = Place(tree, path, (tree / path).read_text(encoding="utf-8"), frame, crash)
        return place if place.module and place.statement else None
    except (OSError, UnicodeDecodeError, SyntaxError):
        return None
