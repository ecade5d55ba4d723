"""Where no input is found, a model may write the failing test; without one, its change is a proposal for a person."""

from __future__ import annotations

import pytest

from core.models import Crash
from core.policy.sections import FixRules
from core.repair import engine
from core.repair.fixers.prompting import FAILING
from core.repair.sandbox.runner import BubblewrapRunner
from core.repair.types import Candidate
from core.vendors.command import git

OLD = "def f(x):\n    return 1 / x\n"
GOOD = "def f(x):\n    return 1 / x if x else 0.0\n"
CRASH = Crash(
    exception={"type": "ZeroDivisionError", "message": "division by zero"},
    frames=[{"file": "a.py", "line": 2, "function": "f", "code": "return 1 / x"}],
)
TEST = "from a import f\n\n\ndef test_f():\n    f(0)\n"
TESTS = {  # what the model writes: why it does not count
    "it passes": (TEST.replace("f(0)", "f(1)"), "passes: it proves nothing"),
    "it raises by itself": ("def test_f():\n    raise ZeroDivisionError\n", "another reason"),
    "it imports what the program does not": (f"import socket\n{TEST}", "it imports socket"),
    "it is more than a test": (f"{TEST}\n\nf(1)\n", "it contains more than imports and one plain test"),
    "it is no Python": ("def test_f(:\n", "not valid Python"),
}


class Model:
    name = "openai"

    def __init__(self, *codes: str, text: str = GOOD):
        self.codes, self.text, self.heard = codes, text, []

    def tests(self, tree, crash, feedback=()):
        yield from self.codes

    def propose(self, tree, crash, feedback=()):
        self.heard = list(feedback)
        yield Candidate("model", {"a.py": self.text}, "r", generator=self.name)


@pytest.fixture
def repair(tmp_path, monkeypatch):
    """The engine over a program whose crash the search does not find."""
    monkeypatch.setattr(engine, "crashing_calls", lambda *_: [])
    (tmp_path / "tests").mkdir()
    (tmp_path / "a.py").write_text(OLD)
    (tmp_path / "tests/test_a.py").write_text("from a import f\n\n\ndef test_f():\n    assert f(1) == 1\n")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        git(tmp_path, *command)

    def run(*fixers):
        return engine.repair(
            tmp_path, CRASH, fixers=fixers, rules=FixRules(), allowed=["**"], source=["."], tests="tests",
            test_command=["python", "-m", "pytest", "-q"], runner=BubblewrapRunner(),
        )  # fmt: skip

    return run


def test_a_failing_test_of_a_model_reproduces_the_crash(repair):
    model = Model(TESTS["it passes"][0], TEST)
    result = repair(model)
    assert (result.decision, result.proof.complete, result.test.code) == ("fix", True, TEST), result.reason
    assert result.proof.open and FAILING + TEST in model.heard


@pytest.mark.parametrize("name", TESTS)
def test_a_test_that_does_not_show_the_crash_does_not_count(repair, name):
    code, why = TESTS[name]
    result = repair(Model(code))
    assert (result.decision, result.final) == ("escalate", False)
    assert why in result.attempts[0].reason
    assert result.candidate.files == {"a.py": GOOD} and "an unproved proposal" in result.reason


def test_a_proposal_is_held_to_the_policy_too(repair):
    result = repair(Model(text="import socket\n" + GOOD))
    assert result.candidate is None and "newly imports socket" in result.attempts[0].reason
