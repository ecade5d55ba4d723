"""The inputs of a benchmark: calls that the repository's tests and examples make, and larger ones like them. Pure.

A test passes few items where production passes thousands. Each literal list, text and mapping of a recorded call is
therefore grown: the same items again, with texts and numbers made distinct. The function decides whether that is still
an input: only calls that give a result are measured.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from core.models import Crash
from core.repair.localize.syntax import nodes
from core.repair.reproduce.examples import examples
from core.repair.reproduce.test_calls import scaffolds
from core.repair.sandbox.probe import Call

RECORDED, GROWN = 40, 12  # recorded calls, and those of them that are grown
FACTORS = (30, 1000)


def inputs(tree: Path, report: Crash) -> list[Call]:
    """Recorded calls, those of the reported functions first, then the grown ones."""
    recorded = list(dict.fromkeys([*scaffolds(tree, report, most=RECORDED), *examples(tree, report)]))[:RECORDED]
    larger = [more for call in recorded[:GROWN] for factor in FACTORS for more in grown(call, factor)]
    return list(dict.fromkeys([*recorded, *larger]))


def grown(call: Call, factor: int) -> Iterator[Call]:
    """The call with all of its literal items ``factor`` times as many; nothing if it has none."""
    try:
        setup, expression = ast.parse(call.setup), ast.parse(call.expression, mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        return
    growing = _Growing(factor)
    made = replace(
        call,
        setup=ast.unparse(ast.fix_missing_locations(growing.visit(setup))),
        expression=ast.unparse(ast.fix_missing_locations(growing.visit(expression))),
    )
    if growing.grew:
        yield made


class _Growing(ast.NodeTransformer):
    """Replaces literal lists and mappings by expressions that make larger ones; inner ones stay as they are."""

    def __init__(self, factor: int):
        self.factor, self.grew = factor, False

    def visit_List(self, node: ast.List) -> ast.AST:
        return self._larger(node, _of_list(node, self.factor))

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        return self._larger(node, _of_mapping(node, self.factor))

    def _larger(self, node: ast.expr, text: str) -> ast.AST:
        if not text:
            return self.generic_visit(node)
        self.grew = True
        return ast.parse(text, mode="eval").body


def _of_list(node: ast.List, factor: int) -> str:
    """Texts and whole numbers are made distinct; other items are repeated."""
    if not node.elts or nodes(node, ast.Starred, ast.Name, ast.Call):
        return ""
    text, values = ast.unparse(node), [item.value if isinstance(item, ast.Constant) else None for item in node.elts]
    if all(type(value) is str for value in values):
        return f"[item + str(n) for n in range({factor}) for item in {text}]"
    if all(type(value) is int for value in values):
        span = max(map(abs, values)) + 1  # pyright: ignore[reportArgumentType] - all are int
        return f"[item + n * {span} for n in range({factor}) for item in {text}]"
    return f"{text} * {factor}" if isinstance(node.ctx, ast.Load) else ""


def _of_mapping(node: ast.Dict, factor: int) -> str:
    """A mapping of texts to values of one kind, as counts and tables are; a record with fields stays as it is."""
    keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
    kinds = {type(value) for value in node.values}
    if len(keys) < 2 or not all(type(key) is str for key in keys) or len(kinds) > 1 or nodes(node, ast.Name, ast.Call):
        return ""
    return f"{{key + str(n): value for n in range({factor}) for key, value in {ast.unparse(node)}.items()}}"
