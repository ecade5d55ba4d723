"""Tests of the unsafe input: what an attacker sends is data afterwards. Pure.

Each test calls the function of the unsafe line through its own parameters. It must fail on the old code, where the
input is effective, and pass with the fix.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator

from core.repair.localize.sources import importable, module_of
from core.repair.security.source import UnsafeUse, call
from core.repair.types import RegressionTest

UNKNOWN = "zq"  # a text that a program does not have
TEXTS = ("zq' OR 1=1 -- ", "zq' OR '1'='1", "zq'")
NUMBERS = ("-1 OR 1=1", "-1 OR 1=1 -- ")
OBJECT = "!!python/object/apply:builtins.list [[1]]"  # harmless: an empty call of a builtin


def of_query(path: str, use: UnsafeUse, tests: str) -> Iterator[RegressionTest]:
    """What an injection finds is what any unknown value finds."""
    payloads, plain = (TEXTS, UNKNOWN) if use.quoted else (NUMBERS, "-1")
    neutral = call(use.function, use.inserted, repr(plain))
    for payload in payloads if neutral else ():
        made = call(use.function, use.inserted, repr(payload))
        body = f"    assert {made} == {neutral}\n"
        yield _test(path, use.function, tests, "an_injection_is_data", body)


def of_document(path: str, use: UnsafeUse, tests: str) -> Iterator[RegressionTest]:
    """A document that names a Python object is refused."""
    if made := call(use.function, use.inserted, repr(OBJECT)):
        body = f"    with pytest.raises(yaml.YAMLError):\n        {made}\n"
        yield _test(path, use.function, tests, "an_object_is_refused", body, "import pytest\nimport yaml\n")


def of_command(path: str, use: UnsafeUse, tests: str) -> Iterator[RegressionTest]:
    """A command within the input is not run."""
    if made := call(use.function, use.inserted, 'f"x; echo injected > {mark}"'):
        body = (
            "    with tempfile.TemporaryDirectory() as folder:\n"
            '        mark = pathlib.Path(folder, "injected")\n'
            f"        {made}\n"
            "        assert not mark.exists()\n"
        )
        yield _test(path, use.function, tests, "a_command_is_data", body, "import pathlib\nimport tempfile\n")


def _test(path: str, function: ast.FunctionDef, tests: str, name: str, body: str, imports: str = "") -> RegressionTest:
    module = module_of(path)
    between = "\n" if imports else ""
    code = f"{imports}{between}from {module} import {function.name}\n\n\ndef test_{name}():\n{body}"
    digest = hashlib.sha256(code.encode()).hexdigest()[:10]
    return RegressionTest(f"{tests.rstrip('/')}/test_regression_{digest}.py", code)


def usable(tests: Iterator[RegressionTest], path: str) -> list[RegressionTest]:
    """The tests, if the module of the unsafe line can be imported by its name."""
    return list(tests) if importable(module_of(path)) else []
