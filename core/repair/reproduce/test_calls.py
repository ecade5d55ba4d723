"""Collects calls from the existing tests: the statements of each test up to a call, without assertions. Pure.

Seeding the search with tests: Derakhshanfar et al., "Search-based Crash Reproduction using Behavioral Model Seeding",
2020.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from pathlib import Path

from core.models import Crash
from core.repair.localize.sources import called, files, parsed, words
from core.repair.localize.syntax import Function, arguments_of, identifier, is_text, nodes
from core.repair.reproduce.mutate import types_in
from core.repair.reproduce.test_methods import Methods, Unbound, is_assertion, tests_of, unused
from core.repair.reproduce.test_modules import Suite, assigned, defines, names_of, suites
from core.repair.sandbox.probe import Call

MOST, EACH, ROWS, DEPTH, LINES = 40, 3, 8, 4, 60
_GIVEN = {
    "tmp_path": "tmp_path = pathlib.Path(tempfile.mkdtemp())",
    "tmpdir": "tmpdir = pathlib.Path(tempfile.mkdtemp())",
}
_NEUTRAL = words("raises approx len list sorted set dict type isinstance repr str all any next")
Row = dict[str, ast.expr]


def scaffolds(tree: Path, crash: Crash, wanted_only: bool = False, most: int = MOST) -> list[Call]:
    """Calls that the tests make of the program, those of the crash's functions first, or these alone."""
    wanted = {f.function for f in crash.frames if f.in_app} - {"<module>"}
    read = suites(tree, crash)
    each = [of_suite(suite, read, wanted) for suite in read]
    found = list(islice((one for row in zip_longest(*each) for one in row if one), most * 2))
    direct = [c for c, hit in found if hit]
    if wanted_only:
        return list(dict.fromkeys(direct))[:most]
    return list(dict.fromkeys([*direct, *(c for c, hit in found if not hit)]))[:most]


def of_suite(suite: Suite, read: list[Suite], wanted: set[str]) -> Iterator[tuple[Call, bool]]:
    """Some calls of each of a module's tests: of wanted functions, and the last of the others."""
    for owner, node in sorted(tests_of(suite), key=lambda found: not wanted & _mentioned(found[1])):
        methods = Methods(suite, owner, read) if owner else None
        rows = list(islice(_rows(suite, [*(owner.decorator_list if owner else []), *node.decorator_list]), ROWS))
        for row in rows or [{}]:
            try:
                yield from _of_test(suite, methods, node, row, wanted)
            except (Unbound, RecursionError):
                break


def _mentioned(function: Function) -> set[str]:
    return {called(c) for c in nodes(function, ast.Call)}


# --- parameters and fixtures of a test -----------------------------------------------------------


def _rows(suite: Suite, decorators: list[ast.expr]) -> Iterator[Row]:
    """The rows of a test's parametrize tables; of several tables, the first rows combined."""
    tables = [table for d in decorators if (table := _table(suite, d))]
    for group in zip_longest(*tables):
        filled = [row or table[0] for row, table in zip(group, tables, strict=True)]
        yield {name: value for row in filled for name, value in row.items()}


def _table(suite: Suite, decorator: ast.expr) -> list[Row]:
    if not (isinstance(decorator, ast.Call) and called(decorator) == "parametrize" and len(decorator.args) > 1):
        return []
    names, values = _listed(decorator.args[0]), _literal(suite, decorator.args[1])
    rows = [_parts(row, len(names)) for row in values]
    return [dict(zip(names, row, strict=True)) for row in rows if len(row) == len(names)]


def _listed(node: ast.expr) -> list[str]:
    """``"name, age"`` and ``("name", "age")``."""
    try:
        names = ast.literal_eval(node)
    except ValueError:
        return []
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else list(map(str, names))


def _literal(suite: Suite, node: ast.expr) -> list[ast.expr]:
    """The items of a literal list, or of the module's constant of that name."""
    if name := identifier(node):
        set_ = (n.value for n in suite.helpers if isinstance(n, ast.Assign) and name in defines(n))
        node = next(set_, node)
    return node.elts if isinstance(node, ast.List | ast.Tuple) else []


def _parts(node: ast.expr, count: int) -> list[ast.expr]:
    if isinstance(node, ast.Call) and called(node) == "param":
        return node.args
    return node.elts if count > 1 and isinstance(node, ast.Tuple | ast.List) else [node]


class _Setup:
    """Statements that precede a test's own, with the modules whose imports they need."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.parts: list[tuple[Suite, ast.stmt]] = []

    def bind(self, function: Function, row: Row, depth: int = DEPTH) -> None:
        """Sets the function's parameters: rows of tables, fixtures, folders. Raises Unbound."""
        for name in [a.arg for a in arguments_of(function) if a.arg not in ("self", "cls")]:
            if name in row:
                self.parts.append((self.suite, assigned(name, row[name])))
            elif name in _GIVEN:
                lines = ast.parse(f"import pathlib, tempfile\n{_GIVEN[name]}").body
                self.parts += [(self.suite, line) for line in lines]
            elif name not in unused(function):
                self._fixture(name, depth)

    def _fixture(self, name: str, depth: int) -> None:
        found = self.suite.fixture(name)
        if found is None or not depth:
            raise Unbound(name)
        suite, function = found
        self.bind(function, {}, depth - 1)
        given = ", ".join(a.arg for a in arguments_of(function))
        self.parts += [(suite, _bare(function)), (suite, ast.parse(f"{name} = {name}({given})").body[0])]

    def before(self, body: list[ast.stmt], others: Sequence[Suite]) -> tuple[list[ast.stmt], list[str]]:
        """(statements before the body, import lines for both); a name missing in one module is searched in the next."""
        names = names_of([*(n for _, n in self.parts), *body])
        helpers: list[ast.stmt] = []
        lines: list[str] = []
        for suite in dict.fromkeys([self.suite, *(suite for suite, _ in self.parts), *others]):
            found = suite.needed(names)
            helpers += found
            lines += suite.imports_for(names | names_of(found))
        return [*helpers, *(n for _, n in self.parts)], lines


# --- statements of a test ------------------------------------------------------------------------


def _of_test(
    suite: Suite, methods: Methods | None, node: Function, row: Row, wanted: set[str]
) -> Iterator[tuple[Call, bool]]:
    setup = _Setup(suite)
    setup.bind(node, row)
    body = list(_flat([*(methods.setup() if methods else []), *node.body]))
    calls = [(at, call) for at, statement in enumerate(body) for call in outer_calls(statement)]
    direct = [(at, call) for at, call in calls if {called(c) for c in nodes(call, ast.Call)} & wanted]
    for at, call in [*direct[:EACH], *[one for one in calls if one not in direct][-1:]]:
        made = _made(setup, methods, [*(n for n in body[:at] if not is_assertion(n)), ast.Expr(call)])
        if made:
            yield made, (at, call) in direct


def _made(setup: _Setup, methods: Methods | None, statements: list[ast.stmt]) -> Call | None:
    """The last statement as a call, with the others as setup; None if it is too long for a test."""
    own, more = methods.plain(statements) if methods else (statements, [])
    whole = _Setup(setup.suite)
    whole.parts = [*setup.parts, *more]
    before, lines = whole.before(own, [suite for suite, _ in methods.line] if methods else [])
    text = _here("\n".join(ast.unparse(n) for n in [*before, *own[:-1]]), setup.suite)
    made = Call("\n".join(dict.fromkeys(lines)), _here(ast.unparse(own[-1]), setup.suite), text)
    return made if text.count("\n") < LINES else None


def _here(text: str, suite: Suite) -> str:
    """The text with ``__file__`` replaced by the module's path relative to the root, where tests run."""
    return re.sub(r"\b__file__\b", repr(suite.path), text)


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements in order; blocks that expect an error or only name a part of the test are unwrapped."""
    for statement in body:
        if isinstance(statement, ast.With) and any(_is_frame(i.context_expr) for i in statement.items):
            yield from _flat(statement.body)
        elif isinstance(statement, ast.For) and isinstance(statement.iter, ast.List | ast.Tuple):
            yield from _unrolled(statement, statement.iter.elts)
        elif not is_text(statement):
            yield statement


def _is_frame(node: ast.expr) -> bool:
    """``pytest.raises(...)``, ``self.assertRaises(...)``, ``self.subTest(...)``."""
    name = called(node).lower() if isinstance(node, ast.Call) else ""
    return any(word in name for word in ("raises", "warns", "subtest", "suppress"))


def _unrolled(loop: ast.For, values: list[ast.expr]) -> Iterator[ast.stmt]:
    for value in values[:ROWS]:
        yield ast.Assign([loop.target], value, lineno=0)
        yield from _flat(loop.body)


def outer_calls(statement: ast.stmt) -> Iterator[ast.expr]:
    """The outermost calls of a simple statement, and the arguments of functions such as list()."""
    if isinstance(statement, ast.For | ast.While | ast.If | ast.With | ast.Try | Function | ast.ClassDef):
        return
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.Call) and not _is_checking(node):
            yield node
        elif isinstance(node, ast.Call):
            pending += [*node.args[called(node) in ("raises", "assertRaises") :], *(k.value for k in node.keywords)]
        elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp | ast.SetComp):
            pending.append(node.generators[0].iter)
        elif isinstance(node, ast.Await):
            yield ast.Call(ast.Attribute(ast.Name("asyncio"), "run"), [node.value], [])
        elif isinstance(node, ast.Subscript | ast.Attribute) and _reads(node):
            yield node
        elif not isinstance(node, ast.Lambda):
            pending += ast.iter_child_nodes(node)


def _reads(node: ast.Subscript | ast.Attribute) -> bool:
    """Is it a read that may run code of the program: ``basket.total``, ``doc["a"]``?"""
    return isinstance(node.ctx, ast.Load) and not nodes(node, ast.Call)


def _is_checking(node: ast.Call) -> bool:
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    return called(node) in _NEUTRAL or (identifier(owner) in ("self", "cls") and called(node).startswith("assert"))


def _bare(node: Function) -> ast.stmt:
    """A fixture as a plain function that returns its value."""
    plain = copy.deepcopy(node)
    plain.decorator_list = []
    for inner in ast.walk(plain):
        for name, value in ast.iter_fields(inner):
            if isinstance(value, list):
                setattr(inner, name, [_returned(v) for v in value])
    return plain


def _returned(node: ast.AST) -> ast.AST:
    given = node.value if isinstance(node, ast.Expr) else None
    return ast.Return(given.value) if isinstance(given, ast.Yield) else node


# --- values in tests -----------------------------------------------------------------------------


def literals(tree: Path, read: list[Suite] | None = None, most: int = 20) -> list[str]:
    """Literal mappings and texts in the tests."""
    mappings: dict[str, None] = {}
    texts: dict[str, None] = {}
    paths = [suite.path for suite in read] if read is not None else files(tree, tests=True)
    for path in paths:
        for node in nodes(parsed(tree, path), ast.Dict, ast.Constant):
            if isinstance(node, ast.Dict) and node.keys and _is_literal(node):
                mappings[ast.unparse(node)] = None
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 400:
                texts[ast.unparse(node)] = None
    return [*list(mappings)[:12], *list(texts)[:most]]


def _is_literal(node: ast.expr) -> bool:
    try:
        return ast.literal_eval(node) is not None
    except ValueError:
        return False


def seen_types(tree: Path) -> dict[str, set[str]]:
    """Field or parameter name -> types that the tests pass for it."""
    found: dict[str, set[str]] = {}
    for path in files(tree, tests=True):
        for name, kinds in types_in(parsed(tree, path)).items():
            found.setdefault(name, set()).update(kinds)
    return found
