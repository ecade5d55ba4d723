"""Checks whether a generated regression test may be run and committed. Pure: texts in, a reason out.

The rules for patches apply (policy.py), and it must consist of imports, one test function, and at most one more with
rows of literals (kept_rows.py). A statement that would be
refused in a patch is allowed only if the repository's own tests contain the same one, from which setup is copied. The
measure that the platform itself writes around a call is left out (measures.py).
"""

from __future__ import annotations

import ast
import copy
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from core.repair.judge.forbidden_code import violations
from core.repair.judge.forbidden_names import ENVIRONMENT
from core.repair.judge.identifiers import odd_names
from core.repair.judge.policy import SILENCERS, is_test
from core.repair.localize.sources import module_of, tree_of
from core.repair.localize.syntax import Function, importing, nodes
from core.repair.prove.kept_rows import only_rows
from core.repair.prove.measures import bare
from core.repair.reproduce.constructors import KNOWN
from core.repair.types import RegressionTest

NAME = re.compile(r"test_[a-z0-9_]{1,80}\.py")
OWN = re.compile(r"test_regression_[0-9a-f]{10}\.py")  # the test of an earlier fix at the same place
LONGEST, LINES = 60_000, 600
_MEANT = {"newly imports pytest"}
_GIVEN = {"pytest", "tempfile", "pathlib"}  # by reproduce.py and core/repair/reproduce/test_calls.py
_INNER = ("body", "orelse", "finalbody", "handlers", "cases")


def refused(test: RegressionTest, before: Mapping[str, str], tests: str = "tests") -> str:
    """Why the test must not be run or committed; empty if it may.

    ``before`` maps the repository's Python files to their texts, ``tests`` is the folder of its tests.
    """
    path = PurePosixPath(test.path)
    if not NAME.fullmatch(path.name) or path.as_posix() != test.path or path.parent != PurePosixPath(tests):
        return f"its path is not one of a regression test: {test.path[:80]!r}"
    if test.path in before and not OWN.fullmatch(path.name):
        return "it replaces a test of the repository"
    if reason := _text(test.code, before):
        return reason
    try:
        tree = ast.parse(bare(test.code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "it is not valid Python"
    if reason := _shape(tree):
        return reason
    rest = ast.Module([_without_decorators(node) for node in tree.body], [])
    return _foreign(rest, before) or _forbidden(rest, before)


def _text(code: str, before: Mapping[str, str]) -> str:
    if len(code) > LONGEST or code.count("\n") > LINES:
        return "it is too long"
    if any(unicodedata.category(c) in ("Cf", "Cs") or c == "\0" for c in set(code)):
        return "it has invisible or binary characters"
    if SILENCERS.search(code):
        return "it silences a checker by a comment"
    return odd_names("" if code.isascii() else "\n".join(before.values()), code)


def _shape(tree: ast.Module) -> str:
    """A docstring, imports, one test without parameters or decorators, and rows that an earlier fix keeps."""
    parts = tree.body[bool(ast.get_docstring(tree, clean=False)) :]
    *head, test = _without_rows(parts) or [None]
    plain = _is_plain_test(test) and all(isinstance(n, ast.Import | ast.ImportFrom) for n in head)
    return "" if plain else "it contains more than imports and one plain test"


def _without_rows(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements without a last test of rows, which holds literals alone and calls one function."""
    return body[:-1] if body and only_rows(body[-1]) else body


def _without_decorators(node: ast.stmt) -> ast.stmt:
    """The statement; a test of rows without them, because its shape was checked."""
    if not isinstance(node, ast.FunctionDef):
        return node
    plain = copy.copy(node)
    plain.decorator_list = []
    return plain


def _is_plain_test(node: ast.stmt | None) -> bool:
    if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
        return False
    return not (node.decorator_list or any(ast.iter_child_nodes(node.args)) or node.returns)


def _foreign(tree: ast.Module, before: Mapping[str, str]) -> str:
    """Imported modules that neither the program nor its tests import, and that no value needs."""
    own = {part for path in before for part in (module_of(path).split(".")[0], path.split("/")[0].removesuffix(".py"))}
    needed = {module for line in KNOWN.values() for module, _ in _modules(ast.parse(line))}
    used = {module for path, text in before.items() for module, _ in _modules(_parsed(text))}
    for module, level in _modules(tree):
        if not level and module not in own | needed | used | _GIVEN:
            return f"it imports {module[:60]}, which the program does not"
    return ""


def _modules(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0], node.level


def _forbidden(tree: ast.Module, before: Mapping[str, str]) -> str:
    own = [_parsed(old) for path, old in before.items() if is_test(path)]
    known = {text for module in own for text, _ in _pieces(module)}
    requests = {ast.unparse(n) for module in own for n in nodes(module, ast.Attribute) if n.attr in ENVIRONMENT}
    tamed = _AsRequests(requests - {f"os.{name}" for name in ENVIRONMENT})
    new = [tamed.visit(copy.deepcopy(piece)) for text, piece in _pieces(tree) if text not in known]
    reasons = (reason for piece in new for reason in violations(_in_function(piece)))
    return next((reason for reason in reasons if reason not in _MEANT), "")


class _AsRequests(ast.NodeTransformer):
    """Takes ``.environ`` from the objects on which the own tests read it: a WSGI request has one (PEP 3333)."""

    def __init__(self, texts: set[str]) -> None:
        self.texts = texts

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return node.value if ast.unparse(node) in self.texts else self.generic_visit(node)


def _in_function(piece: ast.stmt) -> ast.Module:
    """The statement inside a function, so that it does not count as an effect of the import."""
    around = ast.parse("def test():\n    pass")
    for function in around.body:
        if isinstance(function, ast.FunctionDef):
            function.body = [piece]
    return around


def _pieces(tree: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    """Single statements with their text: blocks without their bodies, imports name by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            alone = [importing(node, [alias]) for alias in node.names]
            yield from ((ast.unparse(piece), piece) for piece in alone)
        elif isinstance(node, ast.stmt):
            piece = _emptied(node)
            yield ast.unparse(piece), piece


def _emptied(node: ast.stmt) -> ast.stmt:
    if not isinstance(node, Function | ast.ClassDef | ast.If | ast.For | ast.While | ast.With | ast.Match):
        return node  # a try statement is kept whole, because its handlers depend on its body
    piece = copy.copy(node)
    for name in _INNER:
        if hasattr(piece, name):
            setattr(piece, name, [ast.Pass()] if name == "body" else [])
    return piece


def _parsed(text: str) -> ast.Module:
    try:
        return tree_of(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])
