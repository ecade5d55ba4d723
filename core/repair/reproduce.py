"""A regression test that raises the reported exception in the reported frame on the old code."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

from core.models import Crash
from core.repair.fixability import deepest_in_app
from core.repair.inputs import calls_of, recorded_calls
from core.repair.probe import Call, Outcome, probe
from core.repair.shapes import RegressionTest, Runner


def fingerprint(crash: Crash) -> str:
    """Ten hex digits of exception type, file and function of the deepest frame of the program."""
    frame = deepest_in_app(crash)
    where = f"{frame.file}:{frame.function}" if frame else ""
    return hashlib.sha256(f"{crash.exception.type}|{where}".encode()).hexdigest()[:10]


def is_crash(outcome: Outcome, crash: Crash) -> bool:
    """Same exception type, deepest in the same function of the same file."""
    frame = deepest_in_app(crash)
    kind = crash.exception.type.rsplit(".", 1)[-1]
    place = (outcome.file, outcome.function)
    return bool(frame) and outcome.error == kind and place == (frame.file, frame.function)


def crashing_call(tree: Path, crash: Crash, runner: Runner) -> Call | None:
    """First likely call that crashes as reported: the outermost frame that can be rebuilt."""
    for calls in (recorded_calls(tree, crash), calls_of(tree, crash)):
        outcomes = probe(tree, calls, runner) if calls else []
        for call, outcome in zip(calls, outcomes, strict=False):
            if is_crash(outcome, crash):
                return call
    return None


def regression_test(tree: Path, crash: Crash, runner: Runner) -> RegressionTest | None:
    """The test as a file to be written; None when no call was seen to crash as reported."""
    call = crashing_call(tree, crash, runner)
    return written(call, crash) if call else None


def written(call: Call, crash: Crash) -> RegressionTest:
    """A test that fails by the exception itself: a call that returns, or refuses otherwise, is no crash."""
    frame, kind = deepest_in_app(crash), crash.exception.type.rsplit(".", 1)[-1]
    names = {n.id for n in ast.walk(ast.parse(call.expression)) if isinstance(n, ast.Name)}
    callee = ast.parse(call.expression, mode="eval").body
    needed = [f"import {m}" for m in ("datetime",) if m in names]
    needed += ["from decimal import Decimal"] if "Decimal" in names else []
    own = _root(callee)
    head = "\n".join(needed) + "\n\n" if needed else ""
    code = (
        f'"""{kind} in {frame.function} ({frame.file}), as reported from {crash.environment}."""\n\n'
        f"{head}from {call.module} import {own}\n\n\n"
        f"def test_{own.lower()}_does_not_raise_{kind.lower()}():\n"
        f"    {call.expression}\n"
    )
    path = f"tests/test_regression_{fingerprint(crash)}.py"
    return RegressionTest(path, code, call.expression)


def _root(node: ast.AST) -> str:
    while not isinstance(node, ast.Name):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id
