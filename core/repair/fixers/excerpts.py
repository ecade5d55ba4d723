"""Source excerpts for a crash, within a budget: the functions of its frames, their callees and context. Pure.

Excerpts are complete and without line numbers, so that an edit can quote them. The most important come first: the
functions of the frames from the innermost outwards, then their callees, then imports and class heads of their files.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from core.models import Crash
from core.repair.localize.locate import Place, places
from core.repair.localize.sources import called, files, parsed
from core.repair.localize.syntax import Function, class_around, functions_in, imports_of, last_line, nodes

AROUND = 40  # lines before and after the crash, for a function that is too long
LONGEST = 12_000  # maximum characters of one function
Piece = tuple[str, int, int]  # path, first and last line


def excerpts(tree: Path, crash: Crash, budget: int) -> dict[str, str]:
    """Text by path and lines, ``shop/cart.py:10-24``."""
    found: dict[str, str] = {}
    shown: dict[str, set[int]] = {}
    for path, first, last in _pieces(tree, crash):
        if set(range(first, last + 1)) <= shown.get(path, set()):
            continue
        text = "".join(_lines(tree, path)[first - 1 : last])
        if len(text) > budget:
            continue
        budget -= len(text)
        shown.setdefault(path, set()).update(range(first, last + 1))
        found[f"{path}:{first}-{last}"] = text
    return found


def _pieces(tree: Path, crash: Crash) -> Iterator[Piece]:
    frames = list(places(tree, crash))
    yield from (piece for place in frames for piece in _around(place))
    yield from (piece for place in frames for piece in _called(place))
    yield from (piece for place in frames for piece in _heads(place))


def _around(place: Place) -> Iterator[Piece]:
    """The function of a frame; for a long function or a module, the lines near the crash."""
    node = place.function
    if node is not None and len(place.source(node)) <= LONGEST:
        yield place.path, _start(node), last_line(node)
        return
    first, last = (_start(node), last_line(node)) if node is not None else (1, len(place.text.splitlines()))
    yield place.path, max(first, place.line - AROUND), min(last, place.line + AROUND)


def _called(place: Place) -> Iterator[Piece]:
    """Functions of the program that the frame's function calls, those of its own file first."""
    names = {called(call) for call in nodes(place.scope, ast.Call)} if place.function else set()
    for path in [place.path, *(path for path in files(place.tree) if path != place.path)]:
        for node in functions_in(parsed(place.tree, path)):
            if node.name in names and node is not place.function:
                yield path, _start(node), last_line(node)


def _heads(place: Place) -> Iterator[Piece]:
    """The imports of the file, and the head of the class around the frame."""
    lines = [line for node in imports_of(place.module) for line in (node.lineno, last_line(node))]
    if lines:
        yield place.path, min(lines), max(lines)
    owner = class_around(place.module, place.function)
    if owner is not None:
        methods = [n for n in owner.body if isinstance(n, Function)]
        yield place.path, owner.lineno, max(owner.lineno, min((_start(n) for n in methods), default=owner.lineno) - 1)
        yield from ((place.path, _start(n), last_line(n)) for n in methods if n.name in ("__init__", "__new__"))


def _start(node: Function) -> int:
    return min([node.lineno, *(d.lineno for d in node.decorator_list)])


def _lines(tree: Path, path: str) -> list[str]:
    file = (tree / path).resolve()
    inside = file.is_relative_to(tree.resolve()) and file.is_file()
    return file.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True) if inside else []
