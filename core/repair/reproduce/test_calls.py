"""The existing tests as ways into the program: what each does up to a call, with its assertions left out. Pure."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from pathlib import Path

from core.models import Crash
from core.repair.localize.sources import called, decorators, files, parsed
from core.repair.localize.syntax import Function
from core.repair.reproduce.mutate import types_in
from core.repair.sandbox.probe import Call

MOST = 40
_GIVEN = {
    "tmp_path": "tmp_path = pathlib.Path(tempfile.mkdtemp())",
}


def scaffolds(tree: Path, crash: Crash, wanted_only: bool = False) -> list[Call]:
    """Calls that the tests make of the program, those of the crash's functions first, or these alone."""
    wanted = {f.function for f in crash.frames if f.in_app} - {"<module>"}
    found = [c for path in files(tree, tests=True) for c in _of_module(parsed(tree, path), wanted)]
    direct = [c for c, hit in found if hit]
    if wanted_only:
        return list(dict.fromkeys(direct))[:MOST]
    return list(dict.fromkeys([*direct, *(c for c, hit in found if not hit)]))[:MOST]


def _of_module(module: ast.Module, wanted: set[str]) -> Iterator[tuple[Call, bool]]:
    imports = [ast.unparse(n) for n in module.body if isinstance(n, ast.Import | ast.ImportFrom)]
    imports = [line for line in imports if "__future__" not in line]
    fixtures = {n.name: n for n in module.body if isinstance(n, Function) and "fixture" in decorators(n)}
    helpers = [n for n in module.body if _is_helper(n)]
    for node in module.body:
        if isinstance(node, Function) and node.name.startswith("test"):
            bound = _bound(node, fixtures)
            if bound is not None:
                yield from _of_test(node, imports, helpers, bound, wanted)


def _is_helper(node: ast.stmt) -> bool:
    """Constants, classes and functions that tests use; fixtures become calls."""
    return isinstance(node, ast.Assign | ast.ClassDef) or (
        isinstance(node, Function) and not node.name.startswith("test")
    )


def _bound(node: Function, fixtures: dict[str, Function]) -> list[ast.stmt] | None:
    """Statements that set the test's parameters: fixtures of the module, the first row of a table; None: unknown."""
    rows = dict(_rows(node))
    found = []
    for argument in node.args.args:
        if argument.arg in rows:
            found.append(ast.parse(f"{argument.arg} = {rows[argument.arg]}").body[0])
        elif argument.arg in fixtures and not fixtures[argument.arg].args.args:
            found.append(ast.parse(f"{argument.arg} = {argument.arg}()").body[0])
        elif argument.arg in _GIVEN:
            found += ast.parse(f"import pathlib, tempfile\n{_GIVEN[argument.arg]}").body
        elif argument.arg != "self":
            return None
    return found


def _rows(node: Function) -> Iterator[tuple[str, str]]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and called(decorator) == "parametrize" and len(decorator.args) > 1:
            names, table = decorator.args[:2]
            names = ast.literal_eval(names) if isinstance(names, ast.Constant | ast.Tuple | ast.List) else ""
            names = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
            row = table.elts[0] if isinstance(table, ast.List | ast.Tuple) and table.elts else None
            parts = row.elts if isinstance(row, ast.Tuple | ast.List) and len(names) > 1 else [row]
            if row is not None and len(parts) == len(names):
                yield from zip(names, map(ast.unparse, parts), strict=True)


def _of_test(node, imports, helpers, bound, wanted) -> Iterator[tuple[Call, bool]]:
    before = list(bound)
    for statement in _flat(node.body):
        for call in _outer_calls(statement):
            if called(call) in ("raises", "approx", "len", "list", "sorted", "set", "dict", "type", "isinstance"):
                continue
            used = _needed([*before, ast.Expr(call)], helpers)
            setup = "\n".join(ast.unparse(_bare(n)) for n in [*used, *before])
            hit = bool({called(c) for c in ast.walk(call) if isinstance(c, ast.Call)} & wanted)
            yield Call("\n".join(imports), ast.unparse(call), setup), hit
        if not isinstance(statement, ast.Assert):
            before.append(statement)


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements in order; of a block that expects an error, what is inside of it."""
    for statement in body:
        if isinstance(statement, ast.With) and any("raises" in ast.unparse(i) for i in statement.items):
            yield from statement.body
        elif not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            yield statement


def _outer_calls(statement: ast.stmt) -> Iterator[ast.Call]:
    """The outermost calls of a simple statement, and what a sequence function is given."""
    if isinstance(statement, ast.For | ast.While | ast.If | ast.With | ast.Try | Function | ast.ClassDef):
        return
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.Call):
            yield node
            pending += node.args if called(node) in ("list", "len", "sorted", "set", "dict", "approx", "round") else []
        elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp | ast.SetComp):
            pending.append(node.generators[0].iter)
        elif not isinstance(node, ast.Await | ast.Lambda):
            pending += ast.iter_child_nodes(node)


def _needed(body: list[ast.stmt], helpers: list[ast.stmt]) -> list[ast.stmt]:
    """Helpers that the statements use, with those that these use, in the module's order."""
    wanted = _names(body)
    for helper in reversed(helpers):
        if wanted & _defines(helper):
            wanted |= _names([helper])
    return [h for h in helpers if wanted & _defines(h)]


def _names(nodes: list[ast.stmt]) -> set[str]:
    return {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)}


def _defines(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Assign):
        return {t.id for t in node.targets if isinstance(t, ast.Name)}
    return {node.name}


def _bare(node: ast.stmt) -> ast.stmt:
    """A fixture as a plain function that returns what it gives."""
    if not (isinstance(node, Function) and "fixture" in decorators(node)):
        return node
    plain = copy.deepcopy(node)
    plain.decorator_list = []
    for inner in ast.walk(plain):
        for name, value in ast.iter_fields(inner):
            if isinstance(value, list):
                setattr(inner, name, [_returned(v) for v in value])
    return plain


def _returned(node: ast.AST) -> ast.AST:
    given = isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield)
    return ast.Return(node.value.value) if given else node


def literals(tree: Path) -> list[str]:
    """Mappings and texts that the tests write out: what the program is given elsewhere."""
    found: dict[type, dict[str, None]] = {ast.Dict: {}, ast.Constant: {}}
    for path in files(tree, tests=True):
        for node in ast.walk(parsed(tree, path)):
            text = isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 400
            if text or (isinstance(node, ast.Dict) and node.keys and _is_literal(node)):
                found[type(node)][ast.unparse(node)] = None
    return [*list(found[ast.Dict])[:12], *list(found[ast.Constant])[:20]]


def _is_literal(node: ast.expr) -> bool:
    try:
        return ast.literal_eval(node) is not None
    except ValueError:
        return False


def seen_types(tree: Path) -> dict[str, set[str]]:
    """Types that the tests give to fields and parameters of each name."""
    found: dict[str, set[str]] = {}
    for path in files(tree, tests=True):
        for name, kinds in types_in(parsed(tree, path)).items():
            found.setdefault(name, set()).update(kinds)
    return found
