"""A fix keeps the judge's other inputs as rows of a second test: which ones, how they are written, what is refused."""

from __future__ import annotations

import pytest

from core.models import Crash
from core.repair.prove.generated_tests import refused
from core.repair.prove.kept_rows import MOST, kept
from core.repair.reproduce.reproduce import written
from core.repair.sandbox.probe import Call, ProbeOutcome
from core.repair.types import RegressionTest
from tests.repair.test_engine import CRASH, GOOD, OLD, WRONG, repaired, tree  # noqa: F401 - the fixture

IMPORT = "from a import f"
HIT = Call(IMPORT, "f(0)")


def gave(expression: str, literal: str, imports: str = IMPORT, setup: str = "") -> tuple[Call, ProbeOutcome]:
    return Call(imports, expression, setup), ProbeOutcome(result=f"int {literal}", literal=literal)


def rows(*found: tuple[Call, ProbeOutcome], hit: Call = HIT):
    made = kept(hit, [call for call, _ in found], [outcome for _, outcome in found])
    return list(made.rows) if made else []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([gave("f(1)", "2")], [("(1,)", "2")]),
        ([gave("f(1)", "2"), gave("f(1)", "2")], [("(1,)", "2")]),
        ([gave("f(1)", "2"), gave("f(3)", "2"), gave("f(4)", "5")], [("(1,)", "2"), ("(4,)", "5"), ("(3,)", "2")]),
        ([gave('f("it\'s")', "None")], [('("it\'s",)', "None")]),
        ([(Call(IMPORT, "f(2)"), ProbeOutcome(error="ValueError"))], []),  # it gave no result
        ([(Call(IMPORT, "f(2)"), ProbeOutcome(result="object <a.X>"))], []),  # and this one has no literal
        ([gave("g(1)", "2")], []),
        ([gave("f(x)", "2")], []),
        ([gave("f(f(1))", "2")], []),
        ([gave("f(n=1)", "2")], []),
        ([gave("f(1)", "2", setup="x = 1")], []),
        ([gave("f(1)", "2", imports="from b import f")], []),
        ([gave(f"f({'1' * 120})", "2")], []),
        ([gave("f(1)", "'" + "x" * 120 + "'")], []),
        ([gave("f(", "2")], []),
    ],
)  # fmt: skip
def test_which_inputs_become_rows(found, expected):
    assert rows(*found) == expected


def test_the_rows_are_bounded():
    assert len(rows(*(gave(f"f({n})", str(n)) for n in range(1, 20)))) == MOST


def test_arguments_by_name_are_kept_too():
    found = rows(gave("f(n=2)", "4"), gave("f(2)", "4"), hit=Call(IMPORT, "f(n=0)"))
    assert found == [("{'n': 2}", "4")]


CODE = '''"""ZeroDivisionError in f (a.py), as reported from production."""

import pytest
from a import f


def test_f_does_not_raise_zerodivisionerror():
    assert f(0) == 0.0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((1,), 1.0),
        ((-2,), -0.5),
    ],
)
def test_f_keeps_other_results(given, expected):
    assert f(*given) == expected
'''


def test_the_test_that_is_written():
    others = kept(HIT, *zip(gave("f(1)", "1.0"), gave("f(-2)", "-0.5"), strict=True))
    test = written(HIT, Crash(**CRASH.model_dump()), gives="0.0", known=True, kept=others)
    assert test.code.replace("f (a.py), as reported from .", "f (a.py), as reported from production.") == CODE
    compile(test.code, test.path, "exec")


BASE = {"a.py": OLD, "tests/test_a.py": "import pytest\nfrom a import f\n"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("assert f(*given)", "assert print(*given) or f(*given)"),
        ("assert f(*given)", "assert f(*given, **given)"),
        ("assert f(*given)", "assert f(*open(given))"),
        ("((1,), 1.0)", "((print(1),), 1.0)"),
        ("(-2,), -0.5", "(__import__('os'),), -0.5"),
        ("        ((1,), 1.0),\n", "        ((1,), 1.0),\n" * MOST),
        ("pytest.mark.parametrize", "pytest.mark.usefixtures"),
        ("(given, expected):", "(given, expected=print()):"),
        ("(given, expected):", "(given, expected) -> print():"),
        (" == expected", " == expected, print()"),
        ("def test_f_keeps", "def keeps"),
        ("def test_f_keeps", "@pytest.fixture(autouse=True)\ndef test_f_keeps"),
    ],
)  # fmt: skip
def test_any_other_second_test_is_refused(old, new):
    path = "tests/test_regression_0123456789.py"
    assert not refused(RegressionTest(path, CODE), BASE)
    assert CODE.count(old) == 1
    assert (
        refused(RegressionTest(path, CODE.replace(old, new)), BASE)
        == "it contains more than imports and one plain test"
    )


@pytest.mark.parametrize("callee", ["eval", "f.__globals__.get", "os.system"])
def test_a_row_calls_nothing_that_a_test_may_not(callee):
    code = CODE.replace("assert f(*given)", f"assert {callee}(*given)").replace(
        "import pytest", "import os\nimport pytest"
    )
    known = "import pytest\nimport os\nfrom a import f\n"
    assert refused(RegressionTest("tests/test_regression_0123456789.py", code), BASE | {"tests/test_a.py": known})


def test_a_fix_brings_the_inputs_on_which_it_was_judged(tree):  # noqa: F811
    result = repaired(tree, WRONG, GOOD)
    assert (result.decision, result.proof.complete) == ("fix", True)
    assert "def test_f_keeps_other_results(given, expected):\n    assert f(**given) == expected\n" in result.test.code
    assert result.test.code.count("        ({'x': ") in range(1, MOST + 1)
    assert not refused(result.test, BASE)


CLOCK = "import time\n\n\ndef f(x):\n    return round(time.time() * 1e6) / x\n"


def test_without_inputs_that_keep_their_results_there_are_no_rows(tree):  # noqa: F811
    (tree / "a.py").write_text(CLOCK)
    (tree / "tests/test_a.py").write_text("from a import f\n\n\ndef test_f():\n    assert f(1)\n")
    from core.vendors.command import git

    git(tree, "commit", "-qam", "clock")
    crash = CRASH.model_copy(update={"frames": [CRASH.frames[0].model_copy(update={"line": 5})]})
    text = CLOCK.replace("/ x\n", "/ x if x else 0.0\n")
    result = repaired(tree, text, crash=crash)
    assert result.decision == "fix" and "parametrize" not in result.test.code
