"""Uses a failing test that a model wrote: its file name, and the calls in it for judging. Pure except for probing."""

from __future__ import annotations

import ast
from pathlib import Path, PurePosixPath

from core.models import Crash
from core.repair.localize.sources import UNREADABLE
from core.repair.localize.syntax import imports_of, is_text
from core.repair.reproduce.reproduce import fingerprint, is_crash
from core.repair.sandbox.probe import Call, probe
from core.repair.types import RegressionTest, Runner


def placed(code: str, crash: Crash, tests: str) -> RegressionTest:
    """The test renamed to a regression test's name."""
    path = PurePosixPath(tests, f"test_regression_{fingerprint(crash)}.py").as_posix()
    return RegressionTest(path, code if code.endswith("\n") else f"{code}\n")


def calls_of(tree: Path, test: RegressionTest, crash: Crash, runner: Runner) -> list[Call]:
    """Calls that crash as reported: the test's last call after its setup, else the test as a whole."""
    found = _calls(test.code)
    outcomes = probe(tree, found, runner) if found else []
    return [call for call, outcome in zip(found, outcomes, strict=False) if is_crash(outcome, crash)][:1]


def _calls(code: str) -> list[Call]:
    try:
        module = ast.parse(code)
    except UNREADABLE:
        return []
    return [*_last(module), *_whole(module, code)]


def _last(module: ast.Module) -> list[Call]:
    """The setup and the outermost call of the last statement, without its assertion."""
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    if not functions:
        return []
    *setup, last = [n for n in functions[-1].body if not is_text(n)] or [ast.Pass()]
    call = next((n for n in ast.walk(last) if isinstance(n, ast.Call)), None)
    if call is None:
        return []
    imports = "\n".join(map(ast.unparse, imports_of(module)))
    return [Call(imports, ast.unparse(call), "\n".join(map(ast.unparse, setup)))]


def _whole(module: ast.Module, code: str) -> list[Call]:
    name = next((node.name for node in module.body if isinstance(node, ast.FunctionDef)), "")
    return [Call("", f"{name}()", code)] if name else []
