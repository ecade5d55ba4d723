"""Code under test that lies about its tests: what it prints, rewrites, hides or replaces is not believed.

The patches here are given to the proof and the gates as they are; most of them the policy refuses before.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.models import Crash
from core.policy.sections import FixRules
from core.policy.services import Repository
from core.repair.prove.proof import prove, run_tests
from core.repair.sandbox.probe import Call, probes
from core.repair.sandbox.runner import BubblewrapRunner
from core.repair.types import Candidate, RegressionTest
from core.stages.review import runtime_gates
from core.stages.test import failed, faults
from core.vendors.command import git
from tests.real import need

OLD = "def f(x):\n    return 1 / x\n"
GOOD = "def f(x):\n    return 1 / x if x else 0.0\n"
COMMAND = ["python", "-m", "pytest", "-q"]
REPOSITORY = Repository(remote="https://git.example/shop.git")
NEW = RegressionTest("tests/test_regression_1.py", "from a import f\n\n\ndef test_x():\n    f(0)\n")
CRASH = Crash(exception={"type": "ZeroDivisionError"}, frames=[{"file": "a.py", "line": 2, "function": "f"}])
AT_END = "import atexit, glob, os\n\n\n@atexit.register\ndef lie():\n"


@pytest.fixture
def tree(tmp_path) -> Path:
    need("bwrap")
    (tmp_path / "tests").mkdir()
    (tmp_path / "a.py").write_text(OLD)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    (tmp_path / "tests/test_a.py").write_text(
        "from a import f\n\n\ndef test_one():\n    assert f(1) == 1\n\n\ndef test_half():\n    assert f(2) == 0.5\n"
    )
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "x")
    return tmp_path


# --- the test stage ------------------------------------------------------------------------------------

RUNS = {  # name: (file, text, what is wrong)
    "prints a pass and ends": ("a.py", "print('12 passed in 0.01s', flush=True)\nimport os\nos._exit(0)\n", "finish"),
    "prints a pass at the end": (
        "a.py", f"{AT_END}    print('12 passed', flush=True)\n    os._exit(0)\n\n\ndef f(x):\n    return 7\n", "failed"
    ),
    "is ended by a test": (
        "tests/test_b.py", "import os\n\n\ndef test_end():\n    print('3 passed')\n    os._exit(0)\n", "did not finish"
    ),
    "deselects by a setting": (
        "pytest.ini", "[pytest]\npythonpath = .\naddopts = -k half\n", "tests/test_a.py::test_one"
    ),
    "ignores by a setting": ("pytest.ini", "[pytest]\npythonpath = .\naddopts = --deselect tests/test_a.py::test_one\n",
                             "tests/test_a.py::test_one"),
    "hides by a conftest": ("tests/conftest.py", "collect_ignore = ['test_a.py']\n", "no tests ran"),
    "writes its own report": (
        "a.py",
        f"{AT_END}    for r in glob.glob('.desk-*/report'):\n        open(r, 'a').write('0 {{}}\\n')\n\n\n{GOOD}",
        "report is not",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_lies_has_not_passed(name, tree):
    file, text, says = RUNS[name]
    before = run_tests(tree, COMMAND, BubblewrapRunner(), ["--collect-only"])
    assert before.collected == ["tests/test_a.py::test_one", "tests/test_a.py::test_half"]
    (tree / file).write_text(text)
    told = run_tests(tree, COMMAND, BubblewrapRunner())
    wrong = faults(told, before.collected, "")
    assert wrong and says in "; ".join(wrong)


def test_an_honest_run_passes(tree):
    (tree / "a.py").write_text(GOOD)
    told = run_tests(tree, COMMAND, BubblewrapRunner())
    assert not faults(told, ["tests/test_a.py::test_one"], "tests/test_a.py")


def test_a_test_that_failed_before_does_not_block_and_no_other_is_excused(tree):
    (tree / "tests/test_b.py").write_text("def test_broken():\n    assert False\n")
    before = run_tests(tree, COMMAND, BubblewrapRunner())
    known = failed(before)
    assert known == {"tests/test_b.py::test_broken"}
    (tree / "a.py").write_text(GOOD)
    told = run_tests(tree, COMMAND, BubblewrapRunner())
    assert not faults(told, before.collected, "", known) and faults(told, before.collected, "")
    (tree / "a.py").write_text("def f(x):\n    return 7\n")
    wrong = "; ".join(faults(run_tests(tree, COMMAND, BubblewrapRunner()), before.collected, "", known))
    assert "test_a.py" in wrong and "test_broken" not in wrong
    assert not failed(replace(before, finished=False)), "a run that did not end excuses nothing"


@pytest.mark.parametrize("new", ["tests/test_gone.py", NEW.path])
def test_the_new_test_has_to_be_among_those_that_passed(new, tree):
    (tree / NEW.path).write_text(NEW.code)
    told = run_tests(tree, COMMAND, BubblewrapRunner())
    assert "the new test did not pass" in faults(told, told.collected, new)


# --- the proof -----------------------------------------------------------------------------------------

BAD = "def f(x):\n    if x == 2:\n        return 0.4\n    return 1 / x if x else 0.0\n"
LIES = {
    "rewrites the report of the tests": (
        f"{AT_END}    for r in glob.glob('.proof-*.xml'):\n        t = open(r).read()\n"
        "        i, j = t.index('<failure'), t.index('</failure>') + 10\n        open(r, 'w').write(t[:i] + t[j:])\n"
        "    for r in glob.glob('.desk-*/report'):\n        t = open(r).read().replace('failed', 'passed')\n"
        f"        open(r, 'w').write(t)\n\n\n{BAD}"
    ),
    "skips the older test": (
        f"import unittest\n\n\n{BAD.replace('return 0.4', 'raise unittest.SkipTest')}"
    ),
    "replaces how pytest judges": (
        "import sys\n\nrunner = sys.modules.get('_pytest.runner')\nif runner:\n"
        "    first = runner.CallInfo.from_call\n\n"
        f"    runner.CallInfo.from_call = lambda func, *a, **k: first(lambda: None, *a, **k)\n\n\n{BAD}"
    ),
    "adds a hook by a plugin that is there": (
        "import pytest\n\n\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport(item, call):\n"
        f"    report = yield\n    report.outcome = 'passed'\n    report.longrepr = None\n    return report\n\n\n{BAD}"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_patch_that_lies_about_an_older_test_is_not_proved(name, tree):
    (tree / "conftest.py").write_text("pytest_plugins = ['a']\n")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "the team's plugin")
    candidate = Candidate("t", {"a.py": LIES[name]}, "r")
    proof = prove(tree, {"a.py": OLD}, candidate, NEW, BubblewrapRunner(), COMMAND, CRASH)
    assert proof.fails_before and not proof.complete


def test_an_honest_patch_is_proved(tree):
    candidate = Candidate("t", {"a.py": GOOD}, "r")
    assert prove(tree, {"a.py": OLD}, candidate, NEW, BubblewrapRunner(), COMMAND, CRASH).complete


# --- judging and measuring -------------------------------------------------------------------------------


def test_a_candidate_cannot_write_the_outcomes_of_its_calls(tree):
    lie = (
        "import glob, json\n\nfor r in glob.glob('.probe-*') + glob.glob('.desk-*/report'):\n"
        "    with open(r, 'a') as out:\n        print(json.dumps([0, 0, {'result': 'float 0.0'}]), file=out)\n"
        f"        print('0' * 64, json.dumps([0, 0, {{'result': 'float 0.0'}}]), file=out)\n\n\n{OLD}"
    )
    calls = [Call("from a import f", "f(0)")]
    lied, other = probes(tree, calls, [{"a.py": lie}, {"a.py": OLD}], BubblewrapRunner())
    assert [outcome.error for outcome in (*lied, *other)] == ["ZeroDivisionError"] * 2


@pytest.mark.parametrize("first", ["", "print(MARK, flush=True)\nos._exit(0)\n"])
def test_coverage_is_not_what_the_program_prints(first, tree):
    mark = """'COVERED {"a.py": {"all": [9], "missed": []}}'"""
    head = f"import atexit, os\n{first.replace('MARK', mark)}\natexit.register(print, {mark})\n\n\n"
    lie = f"{head}def f(x):\n    if x == 77:\n        return 0.0\n    return 1 / x\n"
    (tree / "a.py").write_text(lie)
    line = lie.splitlines().index("        return 0.0") + 1
    gate = runtime_gates.coverage(tree, {"a.py": {line}}, REPOSITORY, 0.8, BubblewrapRunner())
    assert not gate.passed


def test_timing_is_not_what_the_program_prints(tree):
    slow = "    for _ in range(200_000):\n        x = x + 0\n"
    mark = """'TIMED {"a.py:f": {"old": 1.0, "new": 1.0, "calls": 1, "noise": 0.0}}'"""
    lie = f"import atexit\n\natexit.register(print, {mark})\n\n\ndef f(x):\n{slow}    return 1 / x\n"
    (tree / "a.py").write_text(lie)
    line = lie.splitlines().index("    return 1 / x") + 1
    rules = FixRules()
    asked = runtime_gates._all_asked(tree, {"a.py": {line}}, {"a.py": OLD})
    gate = runtime_gates.performance(tree, asked, REPOSITORY, rules, BubblewrapRunner())
    assert not gate.passed, gate.message
