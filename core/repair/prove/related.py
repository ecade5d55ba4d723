"""The tests that a change can break first: those that import what it changes, also by way of other modules. Pure.

Imports are read from the text; what is imported only while it runs is not seen. The whole suite decides in the end.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

from core.repair.localize import sources

MOST = 40  # files of tests


def related(tree: Path, changed: Collection[str]) -> list[str]:
    """Test files that import a changed file of the program, nearest first; at most MOST."""
    imports = {path: set(_imported(tree, path)) for path in sources.files(tree)}
    tests = {path: set(_imported(tree, path)) for path in sources.files(tree, tests=True)}
    found: list[str] = []
    reached, near = set(), {sources.module_of(path) for path in changed}
    while near and len(found) < MOST:
        found += [path for path, names in tests.items() if names & near and path not in found]
        reached |= near
        near = {sources.module_of(path) for path, names in imports.items() if names & near} - reached
    return [path for path in found if not path.endswith("conftest.py")][:MOST]


def _imported(tree: Path, path: str) -> Iterator[str]:
    """Names of modules that a file imports; of ``from a import b`` both a and a.b."""
    package = sources.module_of(path).split(".")
    package = package if path.endswith("__init__.py") else package[:-1]
    for node in ast.walk(sources.parsed(tree, path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *(node.module or "").split(".")]).strip(".")
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
