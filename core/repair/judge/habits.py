"""Swallowed exceptions that a file swallows in several places, around the same kind of statement. Pure.

Statements are of one kind if they differ in names and literals alone: ``del x[0]`` and ``del rows[key]``.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator

from core.repair.judge.forbidden_code import violations
from core.repair.localize.syntax import nodes

Block = tuple[str, tuple[str, ...]]  # what the block swallows, and its statements, each by its kind


def usual(was: ast.Module, now: ast.Module) -> set[str]:
    """Reasons of the new blocks that are no offence, because the old file has such blocks more than once."""
    old = list(_swallowing(was))
    new = Counter(_swallowing(now)) - Counter(old)
    known = {(reason, kind) for reason, kinds in old for kind in kinds}
    often = {reason for reason, times in Counter(reason for reason, _ in old).items() if times > 1}
    odd = {reason for reason, kinds in new if not all((reason, kind) in known for kind in kinds)}
    return often - odd


def _swallowing(tree: ast.Module) -> Iterator[Block]:
    for node in nodes(tree, ast.Try, ast.With):
        bare = copy.copy(node)
        bare.body = [ast.Pass()]
        reasons = [r for r in violations(ast.Module([bare], [])) if r.startswith("swallows ")]
        yield from ((reason, tuple(map(_kind, node.body))) for reason in reasons)


def _kind(node: ast.stmt) -> str:
    node = copy.deepcopy(node)
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            inner.id = "x"
        elif isinstance(inner, ast.Constant):
            inner.value = 0
    return ast.unparse(node)
