"""Converts methods of test classes to plain code: fields become variables, methods functions; no assertions. Pure."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from core.repair.localize.syntax import Function, arguments_of, identifier, last_name, nodes, targets_of
from core.repair.reproduce.test_modules import Suite, assigned, names_of

_SETUPS = ("setUpClass", "setup_class", "setUp", "setup_method", "setup")
_ASSERTS = ("assert", "fail", "expect", "skip", "addCleanup", "addTypeEqualityFunc")


class Unbound(Exception):
    """The code uses an attribute of its class that is unknown here."""


@dataclass(frozen=True)
class Methods:
    """A class of tests with its bases, the class itself first. ``suites`` are those whose classes may be its bases."""

    suite: Suite
    node: ast.ClassDef
    suites: Sequence[Suite]

    @cached_property
    def line(self) -> list[tuple[Suite, ast.ClassDef]]:
        """The class and its bases among the tests."""
        found, left = [], [(self.suite, self.node)]
        while left and len(found) < 8:
            suite, node = left.pop(0)
            found.append((suite, node))
            left += [base for name in map(last_name, node.bases) for base in _named(name, suite, self.suites)]
        return found

    @cached_property
    def methods(self) -> dict[str, tuple[Suite, Function]]:
        found = [(suite, n) for suite, node in reversed(self.line) for n in node.body if isinstance(n, Function)]
        return {n.name: (suite, n) for suite, n in found}

    @cached_property
    def constants(self) -> dict[str, ast.expr]:
        """Values that the class itself sets."""
        found = [n for _, node in reversed(self.line) for n in node.body if isinstance(n, ast.Assign)]
        return {identifier(t): n.value for n in found for t in targets_of(n) if identifier(t)}

    def setup(self) -> list[ast.stmt]:
        """The statements that run before each test."""
        return [n for name in _SETUPS if name in self.methods for n in self.methods[name][1].body]

    def plain(self, statements: list[ast.stmt]) -> tuple[list[ast.stmt], list[tuple[Suite, ast.stmt]]]:
        """(the statements without their class, constants and functions of the class that they need, each with its
        module). Raises Unbound.
        """
        inliner = _Inliner(self, _set(statements))
        made = [inliner.visit(copy.deepcopy(n)) for n in statements]
        done: dict[str, list[tuple[Suite, ast.stmt]]] = {}
        while left := [name for name in inliner.used if name not in done]:
            done[left[0]] = list(self._defined(left[0], inliner))
        return made, [part for name in reversed(done) for part in done[name]]

    def _defined(self, name: str, inliner: _Inliner) -> Iterator[tuple[Suite, ast.stmt]]:
        if name in self.constants:
            value = inliner.visit(copy.deepcopy(self.constants[name]))
            yield self.suite, assigned(name, value)
        else:
            suite, method = self.methods[name]
            yield suite, inliner.function(method)


class _Inliner(ast.NodeTransformer):
    def __init__(self, methods: Methods, fields: set[str]) -> None:
        self.methods, self.fields = methods, fields
        self.used: dict[str, None] = {}

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if identifier(node.value) not in ("self", "cls"):
            return self.generic_visit(node)
        if node.attr in self.fields:
            return ast.Name(node.attr, node.ctx)
        if node.attr not in self.methods.constants and node.attr not in self.methods.methods:
            raise Unbound(node.attr)
        self.used[node.attr] = None
        return ast.Name(node.attr, node.ctx)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in ("self", "cls", "super"):
            raise Unbound(node.id)
        return node

    def function(self, method: Function) -> ast.stmt:
        """The method as a function, without assertions."""
        made = copy.deepcopy(method)
        made.decorator_list, made.returns = [], None
        given = made.args.posonlyargs or made.args.args
        if given and given[0].arg in ("self", "cls"):
            del given[0]
        for inner in nodes(made, ast.stmt):
            for name in ("body", "orelse", "finalbody"):
                if isinstance(held := getattr(inner, name, None), list):
                    setattr(inner, name, [n for n in held if not is_assertion(n)] or ([ast.Pass()] if held else []))
        self.generic_visit(made)
        return made


def _named(name: str, suite: Suite, others: Sequence[Suite]) -> list[tuple[Suite, ast.ClassDef]]:
    return next(([(one, one.classes[name])] for one in (suite, *others) if name in one.classes), [])


def _set(statements: list[ast.stmt]) -> set[str]:
    """Fields that the statements set."""
    found = [n for statement in statements for n in nodes(statement, ast.Attribute)]
    return {n.attr for n in found if isinstance(n.ctx, ast.Store) and identifier(n.value) in ("self", "cls")}


def is_assertion(node: ast.stmt) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        return identifier(call.func.value) in ("self", "cls", "pytest") and call.func.attr.startswith(_ASSERTS)
    return isinstance(node, ast.Assert)


def tests_of(suite: Suite) -> Iterator[tuple[ast.ClassDef | None, Function]]:
    """The module's tests, each with its class."""
    for owner in (None, *suite.classes.values()):
        body = owner.body if owner else suite.module.body
        yield from ((owner, n) for n in body if isinstance(n, Function) and n.name.startswith("test"))


def unused(function: Function) -> set[str]:
    """Parameters that the function does not read."""
    return {a.arg for a in arguments_of(function)} - names_of(function.body)
