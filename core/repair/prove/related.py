"""The tests most likely to break by a change: those that import the changed modules, also indirectly. Pure.

Imports are read from the text; dynamic imports are not seen. The whole suite makes the final decision.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

from core.repair.localize import sources

MOST = 40  # maximum number of test files


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
    """Names of the modules that a file imports; ``from a import b`` gives a and a.b."""
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
