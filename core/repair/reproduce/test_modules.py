"""Modules of the repository's tests: their imports, helpers, fixtures and classes, by name. Pure.

Names are resolved as pytest does: a fixture in the class's module, else in the nearest conftest.py above it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from core.models import Crash
from core.repair.localize.sources import decorators, files, module_of, parsed
from core.repair.localize.syntax import Function, classes_of, identifier, imported_name, names_in, nodes, targets_of

LOOKED_AT, MOST = 4_000, 30  # modules that are searched for words, and that are read, for one crash


@dataclass(frozen=True)
class Suite:
    """One module of tests."""

    tree: Path
    path: str

    @cached_property
    def module(self) -> ast.Module:
        return parsed(self.tree, self.path)

    @cached_property
    def imports(self) -> list[ast.Import | ast.ImportFrom]:
        """Import statements one name each, those of a package's own modules by their full names."""
        found = [n for n in nodes(self.module, ast.Import, ast.ImportFrom) if _place(n) != "__future__"]
        return [_alone(self._absolute(n), alias) for n in found for alias in n.names]

    def _absolute(self, node: ast.Import | ast.ImportFrom) -> ast.Import | ast.ImportFrom:
        if isinstance(node, ast.Import) or not node.level:
            return node
        package = module_of(self.path).split(".")
        above = package[: len(package) - node.level + self.path.endswith("__init__.py")]
        return ast.ImportFrom(".".join(filter(None, [*above, node.module or ""])), node.names, 0)

    @cached_property
    def helpers(self) -> list[ast.stmt]:
        """Statements at the top that define what tests use; tests and fixtures left out."""
        found = [n for n in self.module.body if not isinstance(n, ast.Import | ast.ImportFrom | ast.Expr)]
        return [n for n in found if not (isinstance(n, Function) and (n.name.startswith("test") or _is_fixture(n)))]

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        return {n.name: n for n in classes_of(self.module)}

    @cached_property
    def fixtures(self) -> dict[str, Function]:
        return {n.name: n for n in self.module.body if isinstance(n, Function) and _is_fixture(n)}

    def conftests(self) -> Iterator[Suite]:
        """Those that hold for the module, the nearest first."""
        for folder in PurePosixPath(self.path).parents:
            path = (folder / "conftest.py").as_posix()
            if (self.tree / path).is_file():
                yield Suite(self.tree, path)

    def fixture(self, name: str) -> tuple[Suite, Function] | None:
        around = (self, *self.conftests())
        return next(((suite, suite.fixtures[name]) for suite in around if name in suite.fixtures), None)

    def imports_for(self, names: set[str]) -> list[str]:
        """Import lines for these names; what ``*`` gives is not known, so it stays."""
        kept = [n for n in self.imports if imported_name(n.names[0]).split(".")[0] in names | {"*"}]
        return list(dict.fromkeys(ast.unparse(n) for n in kept))

    def needed(self, names: set[str]) -> list[ast.stmt]:
        """Helpers that define the names, with those that these use, in the module's order."""
        wanted, found = set(names), set()
        while new := [at for at, (given, _) in enumerate(self._names) if at not in found and wanted & given]:
            found |= set(new)
            wanted = wanted.union(*(self._names[at][1] for at in new))
        return [self.helpers[at] for at in sorted(found)]

    @cached_property
    def _names(self) -> list[tuple[set[str], set[str]]]:
        """(names that it defines, names that it uses) of each helper."""
        return [(defines(h), names_in(h)) for h in self.helpers]


def _is_fixture(node: Function) -> bool:
    return "fixture" in decorators(node)


def _place(node: ast.Import | ast.ImportFrom) -> str:
    return (node.module or "") if isinstance(node, ast.ImportFrom) else ""


def _alone(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> ast.Import | ast.ImportFrom:
    return ast.ImportFrom(node.module, [alias], 0) if isinstance(node, ast.ImportFrom) else ast.Import([alias])


def names_of(statements: list[ast.stmt]) -> set[str]:
    return {name for node in statements for name in names_in(node)}


def defines(node: ast.stmt) -> set[str]:
    if isinstance(node, Function | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.If | ast.Try | ast.With):
        return {name for inner in node.body if isinstance(inner, ast.stmt) for name in defines(inner)}
    return {identifier(t) for t in targets_of(node)} - {""}


def assigned(name: str, value: ast.expr) -> ast.stmt:
    """``name = value``."""
    return ast.Assign([ast.Name(name, ast.Store())], value, lineno=0)


def suites(tree: Path, crash: Crash) -> list[Suite]:
    """The modules of tests, those first that name most of the crash's functions and modules."""
    own = [f for f in crash.frames if f.in_app]
    words = {f.function for f in own} | {module_of(f.file).rsplit(".", 1)[-1] for f in own}
    asked = re.compile(rf"\b({'|'.join(map(re.escape, sorted(words)))})\b")
    counted = {path: len(set(asked.findall(_text(tree / path)))) for path in files(tree, tests=True, most=LOOKED_AT)}
    ranked = sorted(counted, key=lambda path: -counted[path])
    return [Suite(tree, path) for path in ranked if not path.endswith("conftest.py")][:MOST]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")[:200_000]
    except (OSError, UnicodeDecodeError):
        return ""
