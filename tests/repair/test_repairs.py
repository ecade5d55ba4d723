"""Whole repairs of small broken programs: right by their hidden check and proved, or handed to a person.

The rest of the cases is measured by tests/bench/repair/bench_dev_cases.py.
"""

import pytest

from core.policy.sections import FixRules
from core.repair.engine import repair
from core.repair.fixers.embedded import EmbeddedFixer
from core.repair.sandbox.runner import BubblewrapRunner
from core.repair.types import Evidence
from core.vendors.command import git
from tests.bench.repair.casefile import DEV, load
from tests.repair.casework import checked, make

CASES = {case.id: case for case in load(DEV)}
FIXED = (
    "profile-none", "documented-error", "skip-documented", "average-empty", "unset-branch", "header-casing",
    "csv-number-origin", "property-called", "missing-import", "dict-mutated", "none-last-sort",
    "returns-none-elsewhere", "sibling-guard", "listed-wrong-case", "daily-optional-callback",
    "fresh-key-written-elsewhere",
)  # fmt: skip
FOR_A_PERSON = (
    "deliberate-helper", "deliberate-from", "assert-invariant", "tls-expired", "timeout-upstream", "disk-full",
    "schema-missing-column", "memory", "sign-in", "env-required", "documented-raise", "ambiguous-key", "upstream-null",
)  # fmt: skip
LIBRARY_FAULTS = {"tls-expired": "environment", "timeout-upstream": "upstream", "disk-full": "environment"}


def repaired(case, repo):
    crash = make(case, repo)
    return repair(
        repo, crash, fixers=[EmbeddedFixer()], rules=FixRules(), allowed=["**"], source=["."], tests="tests",
        test_command=["python", "-m", "pytest", "-q"], runner=BubblewrapRunner(),
    )  # fmt: skip


# `make test` repairs every other one, `make long` all
@pytest.mark.parametrize(
    "name", [name if number % 2 else pytest.param(name, marks=pytest.mark.long) for number, name in enumerate(FIXED)]
)
def test_right_and_proved(name, tmp_path):
    result = repaired(CASES[name], tmp_path)
    assert result.decision == "fix", result.reason
    assert result.proof.complete
    assert result.candidate.evidence
    assert result.candidate.grade >= Evidence.SIBLING
    assert checked(CASES[name], tmp_path) == ""


@pytest.mark.parametrize("name", FOR_A_PERSON)
def test_left_to_a_person(name, tmp_path):
    result = repaired(CASES[name], tmp_path)
    assert result.decision == "escalate"
    assert result.reason
    assert result.next_step
    assert git(tmp_path, "status", "--porcelain") == ""
    assert result.cause == LIBRARY_FAULTS.get(name, result.cause)
