"""The proof cannot be fooled: by its test, by the patch, or by the program under test."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.models import Crash
from core.policy.sections import FixRules
from core.policy.services import Service
from core.repair.judge.policy import refuse
from core.repair.prove.proof import prove
from core.repair.sandbox.runner import BubblewrapRunner
from core.repair.types import Candidate, RegressionTest
from core.vendors.command import git
from tests.real import need

OLD = 'import os\n\n\ndef f(x):\n    if x == "neg":\n        raise ValueError(x)\n    return 1 / x\n'
LINE = "    return 1 / x\n"
GOOD = OLD.replace(LINE, "    return 1 / x if x else 0.0\n")
COMMAND = ["python", "-m", "pytest", "-q"]
CRASH = Crash(
    exception={"type": "ZeroDivisionError"},
    frames=[{"file": "a.py", "line": 7, "function": "f", "locals": {"x": "0", "order": "'order-77'"}}],
)  # fmt: skip
TESTS = {  # name: (the new test's text, why it proves nothing)
    "says nothing": ("def test_x():\n    assert True\n", "proves nothing"),
    "expects the crash": (
        "import pytest\nfrom a import f\n\n\ndef test_x():\n    with pytest.raises(ZeroDivisionError):\n        f(0)\n",
        "proves nothing",
    ),
    "catches the crash": (
        "from a import f\n\n\ndef test_x():\n    try:\n        f(0)\n    except ZeroDivisionError:\n        pass\n",
        "proves nothing",
    ),
    "has no test": ("x = 1\n", "was not run"),
    "is skipped": (
        "import pytest\nfrom a import f\n\n\n@pytest.mark.skip\ndef test_x():\n    f(0)\n",
        "another reason: skipped",
    ),
    "is expected to fail": (
        "import pytest\nfrom a import f\n\n\n@pytest.mark.xfail\ndef test_x():\n    f(0)\n",
        "another reason: skipped",
    ),
    "cannot be imported": ("import missing\n\n\ndef test_x():\n    pass\n", "another reason"),
    "is no Python": ("def test_x(:\n", "another reason"),
    "raises by itself": ("def test_x():\n    raise ZeroDivisionError\n", "another reason"),
    "divides by itself": ("from a import f\n\n\ndef test_x():\n    assert f(1) / 0\n", "another reason"),
    "fails by another error": ("from a import f\n\n\ndef test_x():\n    f('neg')\n", "another reason"),
    "fails by its assertion": ("from a import f\n\n\ndef test_x():\n    assert f(2) == 7\n", "another reason"),
    "names the frame itself": (
        "def f(x):\n    raise ZeroDivisionError\n\n\ndef test_x():\n    f(0)\n", "another reason"
    ),
    "fails in its fixture": (
        "import pytest\nfrom a import f\n\n\n@pytest.fixture\ndef y():\n    f(0)\n\n\ndef test_x(y):\n    pass\n",
        "another reason: error",
    ),
}  # fmt: skip


@pytest.fixture
def tree(tmp_path) -> Path:
    need("bwrap")
    (tmp_path / "tests").mkdir()
    (tmp_path / "a.py").write_text(OLD)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    (tmp_path / "tests/test_a.py").write_text("from a import f\n\n\ndef test_f():\n    assert f(1) == 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "x")
    return tmp_path


def proved(tree, test, text=GOOD):
    new = RegressionTest("tests/test_regression_1.py", test)
    return prove(tree, {"a.py": OLD}, Candidate("t", {"a.py": text}, "r"), new, BubblewrapRunner(), COMMAND, CRASH)


@pytest.mark.parametrize("name", TESTS)
def test_a_test_that_proves_nothing(name, tree):
    body, says = TESTS[name]
    proof = proved(tree, body)
    assert not proof.complete and says in proof.messages[0]


HONEST = "from a import f\n\n\ndef test_x():\n    f(0)\n"


def test_an_honest_test_proves(tree):
    assert proved(tree, HONEST).complete


@pytest.mark.parametrize(("text", "whole"), [(GOOD, True), (OLD.replace(LINE, "    return 2 / (x or 1)\n"), False)])
def test_a_suite_whose_options_need_a_missing_plugin_runs_without_them(tree, text, whole):
    with (tree / "pyproject.toml").open("a") as settings:
        settings.write('addopts = ["--of-a-missing-plugin", "--strict-config"]\n')
    git(tree, "commit", "-qam", "y")
    proof = proved(tree, HONEST, text)
    assert proof.complete is whole
    assert "without the options" in " ".join(proof.messages) if whole else "test_f" in " ".join(proof.messages)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (OLD, "does not pass"),
        (OLD.replace(LINE, "    return 2 / x if x else 0.0\n"), "test_f"),
        (OLD.replace("def f", "def g"), "test_f"),
        ("import os\nos._exit(0)\n", "does not pass"),
        ("raise SystemExit\n", "does not pass"),
    ],
)
def test_a_patch_that_does_not_do_it(text, says, tree):
    proof = proved(tree, HONEST, text)
    assert not proof.complete and says in " ".join(proof.messages)


def test_a_test_that_counts_its_runs_proves_nothing(tree):
    """Red, green, red by a file it keeps between the runs, whatever the patch does."""
    body = (
        "import pathlib\nfrom a import f\n\n\ndef test_x():\n    p = pathlib.Path('runs')\n"
        "    n = len(p.read_text()) if p.exists() else 0\n    p.write_text('x' * (n + 1))\n"
        "    if n != 1:\n        f(0)\n"
    )
    assert not proved(tree, body, OLD + "# nothing\n").complete


# --- patches that are refused before they run -----------------------------------------------------


def body(text: str) -> str:
    return OLD.replace(LINE, text)


def guarded(handler: str, kind: str = "ZeroDivisionError") -> str:
    return body(f"    try:\n        return 1 / x\n    except {kind}:\n        {handler}\n")


PATCHES = {  # name: (path, new text, reason)
    "edits the test": ("tests/test_a.py", "x = 1\n", "may not touch tests"),
    "adds a test": ("tests/test_b.py", "x = 1\n", "may not touch tests"),
    "adds a conftest": ("tests/conftest.py", "x = 1\n", "forbids"),
    "stands in for pytest": ("pytest.py", "x = 1\n", "hides the module pytest"),
    "stands in for pytest's inner part": ("_pytest/__init__.py", "x = 1\n", "hides the module _pytest"),
    "stands in for a module": ("json.py", "x = 1\n", "hides the module json"),
    "is loaded at the start": ("sitecustomize.py", "x = 1\n", "hides the module sitecustomize"),
    "configures pytest": ("pytest.ini", "[pytest]\n", "not a Python source"),
    "swallows by pass": ("a.py", guarded("pass"), "swallows"),
    "swallows by a constant": ("a.py", guarded("return 0.0"), "swallows"),
    "swallows by an empty list": ("a.py", guarded("return []"), "swallows"),
    "swallows by a variable": (
        "a.py", body("    try:\n        y = 1 / x\n    except ArithmeticError:\n        y = 0\n    return y\n"),
        "swallows",
    ),
    "swallows after a log line": ("a.py", guarded("print(x)\n        return None"), "swallows"),
    "swallows in finally": (
        "a.py", body("    try:\n        return 1 / x\n    finally:\n        return 0\n"), "leaving in finally"
    ),
    "swallows by suppress": (
        "a.py", body("    with contextlib.suppress(ZeroDivisionError):\n        return 1 / x\n"), "suppress"
    ),
    "catches all": ("a.py", guarded("return x", "Exception"), "catches every"),
    "catches all by name": ("a.py", guarded("return x", "(ValueError, BaseException)"), "catches every"),
    "special-cases the input": ("a.py", body(f"    if x == 'order-77':\n        return 0\n{LINE}"), "special-cases"),
    "special-cases by membership": (
        "a.py", body(f"    if x in ('order-77', 'b'):\n        return 0\n{LINE}"), "special-cases"
    ),
    "special-cases by a table": ("a.py", body("    return {'order-77': 0}.get(x) or 1 / x\n"), "special-cases"),
    "special-cases by match": (
        "a.py", body(f"    match x:\n        case 'order-77':\n            return 0\n{LINE}"), "special-cases"
    ),
    "special-cases by part": ("a.py", body(f"    if x.startswith('order-'):\n        x = 1\n{LINE}"), "special-cases"),
    "asks whether it is tested": (
        "a.py", body(f"    if os.environ.get('PYTEST_CURRENT_TEST'):\n        return 0\n{LINE}"), "reads the env"
    ),
    "asks for pytest": (
        "a.py", "import sys\n" + body(f"    if 'pytest' in sys.modules:\n        return 0\n{LINE}"), "into modules"
    ),
    "asks who calls": ("a.py", "import sys\n" + body(f"    if sys._getframe(1):\n        x = 1\n{LINE}"), "_getframe"),
    "writes the report": ("a.py", body(f"    open('.proof-x.xml', 'w').write('')\n{LINE}"), "writes a file"),
    "removes the raise": ("a.py", "import os\n\n\ndef f(x):\n    return 1 / x if x else 0\n", "removes a check"),
    "leaks the environment": ("a.py", body("    return str(dict(os.environ))\n"), "reads the environment"),
    "calls by a bare name": ("a.py", "from os import system\n" + GOOD, "newly imports os.system"),
    "calls by a star": ("a.py", "from os import *\n" + GOOD, "newly imports os.*"),
    "calls by a computed name": ("a.py", body("    getattr(os, 'sys' + 'tem')('id')\n"), "computed name"),
    "calls by an inner table": ("a.py", body("    os.__dict__['system']('id')\n"), "reaches into __dict__"),
    "calls out by urllib": ("a.py", "import urllib.request\n" + GOOD, "newly imports urllib"),
    "asks for the stack": ("a.py", "import inspect\n" + body("    return inspect.stack()\n"), "newly imports inspect"),
    "takes the stack's function": ("a.py", "from inspect import stack\n" + GOOD, "newly imports inspect"),
    "questions by another name": ("a.py", "import inspect as i\n" + GOOD, "newly imports inspect"),
    "hands the questions on": ("a.py", "import inspect\n" + body("    return g(inspect)\n"), "newly imports inspect"),
    "drops bytes": ("a.py", body("    return x.decode(errors='ignore')\n"), "passes errors=ignore"),
}  # fmt: skip


@pytest.mark.parametrize("name", PATCHES)
def test_a_patch_that_cheats_is_refused_with_its_reason(name):
    path, text, reason = PATCHES[name]
    before = {"a.py": OLD, "tests/test_a.py": "from a import f\n"}
    assert reason in (refuse(before, Candidate("t", {path: text}, "r"), FixRules(), ["**"], CRASH) or "not refused")


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        guarded("raise ValueError(x) from None"),
        "from urllib.parse import quote\n" + GOOD,
        "from inspect import isawaitable\n" + GOOD,
        "import inspect\nSTRICT = 's' in inspect.signature(int).parameters\n" + GOOD,
        body("    if not x:\n        return 0.0\n    return 1 / x\n"),
        guarded("return f(x + 1)"),
    ],
)
def test_an_honest_patch_passes(text):
    assert refuse({"a.py": OLD}, Candidate("t", {"a.py": text}, "r"), FixRules(), ["**"], CRASH) is None


def test_a_missing_import_of_what_is_used_passes():
    old = "def f(x):\n    return shutil.which(x)\n"
    assert refuse({"a.py": old}, Candidate("t", {"a.py": "import shutil\n" + old}, "r"), FixRules(), ["**"]) is None


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        (Service(repository="r", forbidden=["a.py"]), "forbids"),
        (Service(repository="r", max_lines=1), "at most 1 are allowed"),
        (Service(repository="r", max_lines=500), None),
        (Service(repository="r", max_files=1), None),
    ],
)
def test_a_service_can_only_make_the_policy_stricter(service, reason):
    rules = FixRules().of(service)
    told = refuse({"a.py": OLD}, Candidate("t", {"a.py": GOOD}, "r"), rules, ["**"], CRASH)
    assert told is None if reason is None else reason in told
    assert rules.max_lines <= FixRules().max_lines and set(FixRules().forbidden) <= set(rules.forbidden)
