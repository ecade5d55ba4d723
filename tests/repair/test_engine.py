"""The proof cannot be fooled, and the sandbox holds: real runs in bubblewrap."""

import os
from pathlib import Path

import pytest

from core.models import Crash
from core.policy.sections import FixRules
from core.repair import bench
from core.repair.engine import repair
from core.repair.prove.proof import prove
from core.repair.sandbox.runner import BubblewrapRunner
from core.repair.types import Candidate, Evidence, RegressionTest
from core.vendors.command import git

OLD = "def f(x):\n    return 1 / x\n"
GOOD = "def f(x):\n    return 1 / x if x else 0.0\n"
WRONG = "def f(x):\n    return 0.0\n"
COMMAND = ["python", "-m", "pytest", "-q"]
CRASH = Crash(
    exception={"type": "ZeroDivisionError"},
    frames=[{"file": "a.py", "line": 2, "function": "f", "code": "return 1 / x", "locals": {"x": "0"}}],
)


@pytest.fixture
def tree(tmp_path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "a.py").write_text(OLD)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    (tmp_path / "tests/test_a.py").write_text("from a import f\n\ndef test_f():\n    assert f(1) == 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "x")
    return tmp_path


class Scripted:
    name = "scripted"

    def __init__(self, *texts):
        self.texts, self.asked = texts, 0

    def propose(self, tree, crash, feedback=()):
        self.asked += 1
        for text in self.texts:
            yield Candidate("t", {"a.py": text}, "r", ("docstring",), Evidence.DOCUMENTED)


def repaired(tree, *texts, crash=CRASH, fixer=None):
    return repair(
        tree, crash, fixers=[fixer or Scripted(*texts)], rules=FixRules(), allowed=["**"], source=["."],
        tests="tests", test_command=COMMAND, runner=BubblewrapRunner(),
    )  # fmt: skip


def test_a_good_patch_is_proved_and_left_applied(tree):
    result = repaired(tree, WRONG, GOOD)
    assert (result.decision, result.proof.complete) == ("fix", True)
    assert (tree / "a.py").read_text() == GOOD
    assert "a result changed" in result.attempts[0].reason


@pytest.mark.parametrize(("ran", "decision"), [(0, "escalate"), (1, "fix"), (9, "fix")])
def test_a_run_of_the_inputs_that_is_cut_short_judges_by_those_that_ran(tree, monkeypatch, ran, decision):
    """A busy machine ends it after some inputs, or before the first; the second pass lacks its end in any case."""
    whole = bench.probe
    monkeypatch.setattr(bench, "probe", lambda tree, calls, *rest: whole(tree, calls, *rest)[:ran])
    result = repaired(tree, GOOD)
    assert result.decision == decision, result.reason
    assert (tree / "a.py").read_text() == (GOOD if ran else OLD)


def test_one_that_breaks_an_older_test_is_refused_and_the_next_is_proved(tree):
    (tree / "tests/test_b.py").write_text("import a\n\ndef test_tidy():\n    assert not hasattr(a, 'X')\n")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "y")
    untidy = GOOD.replace("if x else", "if x  else") + "X=1\n"  # what it does for f is the same, and it is as sure
    result = repaired(tree, untidy, GOOD + "\n# longer than the other, so that it is chosen after it\n")
    assert (result.decision, result.proof.complete) == ("fix", True)
    assert "X" not in (tree / "a.py").read_text()
    assert [bool(attempt.reason) for attempt in result.attempts] == [True, False]
    assert "tests/test_b.py::test_tidy" in result.attempts[0].reason


def test_other_inputs_are_tried_without_asking_the_fixer_again(tree):
    """The reported input ends in another error with the right fix: an input that does not is looked for."""
    (tree / "a.py").write_text("def f(x):\n    return unknown(x)\n")
    (tree / "tests/test_a.py").write_text("import a\n\ndef test_a():\n    assert a.f\n")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "y")
    frame = {"file": "a.py", "line": 2, "function": "f", "code": "return unknown(x)", "locals": {"x": "'a'"}}
    said = {"type": "NameError", "message": "name 'unknown' is not defined"}
    fixer = Scripted("def f(x):\n    return int(x)\n")
    result = repaired(tree, crash=Crash(exception=said, frames=[frame]), fixer=fixer)
    assert (result.decision, fixer.asked, len(result.attempts)) == ("fix", 1, 1), result.attempts
    assert "'a'" not in result.test.code


@pytest.mark.parametrize("texts", [(), (WRONG,), (GOOD, GOOD.replace("0.0", "1.0"))])
def test_nothing_wrong_or_contradicting_goes_to_a_person(tree, texts):
    assert repaired(tree, *texts).decision == "escalate"
    assert git(tree, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("def test_x():\n    assert True\n", "proves nothing"),
        ("import missing\n\ndef test_x():\n    pass\n", "another reason"),
        ("def test_x():\n    raise ZeroDivisionError\n", "another reason"),
    ],
)
def test_a_test_that_proves_nothing(tree, body, says):
    test = RegressionTest("tests/test_regression_1.py", body)
    good = Candidate("t", {"a.py": GOOD}, "r")
    proof = prove(tree, {"a.py": OLD}, good, test, BubblewrapRunner(), COMMAND, CRASH)
    assert not proof.complete
    assert says in proof.messages[0]


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('127.0.0.1', 22), 1)",
        "open('/usr/x', 'w')",
        "open('/etc/shadow')",
        f"open({str(Path(__file__).resolve())!r})",
        "open('.git/hooks/pre-commit', 'x'); open('.git/config')",
        "import os; os.environ['CANARY_SECRET']",
        "assert b'CANARY' in open('/proc/1/environ', 'rb').read()",
        "import os; [os.fork() for _ in range(12)]",
        "open('big', 'wb').write(b'x' * (100 << 20))",
    ],
)
def test_the_sandbox_holds(tree, monkeypatch, code):
    monkeypatch.setitem(os.environ, "CANARY_SECRET", "CANARY")
    done = BubblewrapRunner().run(["python", "-c", code + "\nprint('ESCAPED')"], tree, 20)
    assert not (done.ok and "ESCAPED" in done.stdout and "fork" not in code)
    assert not (tree / ".git/hooks/pre-commit").exists()
    assert git(tree, "status", "--porcelain", "a.py") == ""
