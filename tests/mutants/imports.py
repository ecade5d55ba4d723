"""Which project modules import another one, directly or indirectly: they must be reimported if it changes."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("core", "console", "pages", "tests")


def apart_from(changed: Path, names: Iterable[str]) -> list[str]:
    """The modules that do not import ``changed``; excludes all of tests and console."""
    target = changed.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    names = list(names)
    imports = {name: _imports(name) for name in names if name.partition(".")[0] == "core"}
    leading = {target}
    while more := {name for name, found in imports.items() if name not in leading and found & leading}:
        leading |= more
    return [name for name in names if name in imports and name not in leading or name.partition(".")[0] not in OURS]


def _imports(name: str) -> set[str]:
    path = ROOT / name.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found
