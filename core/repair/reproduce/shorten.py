"""Shortens a call from a test: the crashing statement comes last, and unused results are removed. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from core.repair.localize.sources import UNREADABLE
from core.repair.localize.syntax import identifier, names_in
from core.repair.sandbox.probe import Call


def cut(call: Call) -> Iterator[Call]:
    """The call cut off after each statement of its setup, shortest first."""
    steps = steps_of(call.setup)
    for at, step in enumerate(steps):
        if isinstance(step, ast.Expr | ast.Assign) and any(isinstance(n, ast.Call) for n in ast.walk(step.value)):
            yield replace(call, setup=_text(steps[:at]), expression=ast.unparse(step.value))


def without_unread(call: Call) -> Iterator[Call]:
    """The call without all unused results, then without each single one."""
    steps = steps_of(call.setup)
    unread = [at for at, step in enumerate(steps) if _name(step) and not _read(_name(step), steps[at + 1 :], call)]
    for left_out in [unread, *([at] for at in unread)]:
        if left_out:
            yield replace(call, setup=_text([step for at, step in enumerate(steps) if at not in left_out]))


def _name(step: ast.stmt) -> str:
    return identifier(step.targets[0]) if isinstance(step, ast.Assign) and len(step.targets) == 1 else ""


def _read(name: str, later: list[ast.stmt], call: Call) -> bool:
    return any(name in names_in(node) for node in [*later, *steps_of(call.expression)])


def steps_of(text: str) -> list[ast.stmt]:
    """The statements of a text; none if it does not parse."""
    try:
        return ast.parse(text).body
    except UNREADABLE:
        return []


def _text(steps: list[ast.stmt]) -> str:
    return "\n".join(map(ast.unparse, steps))
