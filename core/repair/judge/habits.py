"""Swallowed exceptions that a file swallows in several places, around the same kind of statement. Pure.

Statements are of one kind if they differ in names and literals alone: ``del x[0]`` and ``del rows[key]``. One place is
enough for a whole block of the same kind that only looks something up and else takes another value, as a sibling
function does.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator

from core.repair.judge.forbidden_code import violations
from core.repair.localize.syntax import nodes

Block = tuple[str, tuple[str, ...], str]  # what it swallows; the kinds of its statements, and of a whole lookup


def usual(was: ast.Module, now: ast.Module) -> set[str]:
    """Reasons of the new blocks that are no offence, because the old file has such blocks."""
    old = list(_swallowing(was))
    new = Counter(_swallowing(now)) - Counter(old)
    known = {(reason, kind) for reason, kinds, _ in old for kind in kinds}
    often = {reason for reason, times in Counter(reason for reason, *_ in old).items() if times > 1}
    siblings = {(reason, whole) for reason, _, whole in old if whole}
    odd = {
        reason
        for reason, kinds, whole in new
        if (reason, whole) not in siblings and not (reason in often and all((reason, kind) in known for kind in kinds))
    }
    return {reason for reason, *_ in new} - odd


def _swallowing(tree: ast.Module) -> Iterator[Block]:
    for node in nodes(tree, ast.Try, ast.With):
        bare = copy.copy(node)
        bare.body = [ast.Pass()]
        reasons = [r for r in violations(ast.Module([bare], [])) if r.startswith("swallows ")]
        whole = _kind(node) if _looks_up(node) else ""
        yield from ((reason, tuple(map(_kind, node.body)), whole) for reason in reasons)


def _looks_up(node: ast.Try | ast.With) -> bool:
    """Does each handler set what the only statement of the block sets, and is nothing called?"""
    match node:
        case ast.Try(body=[ast.Assign(targets=[target])], handlers=handlers):
            return not nodes(node, ast.Call) and all(_sets(handler.body, ast.unparse(target)) for handler in handlers)
    return False


def _sets(body: list[ast.stmt], name: str) -> bool:
    match body:
        case [ast.Assign(targets=[target])]:
            return ast.unparse(target) == name
    return False


def _kind(node: ast.stmt) -> str:
    node = copy.deepcopy(node)
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            inner.id = "x"
        elif isinstance(inner, ast.Constant):
            inner.value = 0
    return ast.unparse(node)
