"""What the checks of the team's CI mean for a fix."""

from __future__ import annotations

import pytest

from core.policy.delivery import CiRules
from core.stages.deliver.ci_checks import LOOK_SECONDS, judged, reported

ALL = CiRules(enabled=True, wait_minutes=10)
NAMED = CiRules(enabled=True, checks=["test", "lint"], wait_minutes=10)


@pytest.mark.parametrize(
    ("states", "rules", "waited", "message", "fault", "seconds"),
    [
        ({"test": "success", "docs": "skipped"}, ALL, 0, "2 CI checks passed", "", 0),
        ({"test": "success", "lint": "pending"}, ALL, 0, "Awaiting CI: lint", "", LOOK_SECONDS),
        ({"test": "failure", "lint": "pending"}, ALL, 0, "", "1 CI check failed: test (failure)", 0),
        ({"test": "cancelled"}, ALL, 0, "", "1 CI check failed: test (cancelled)", 0),
        ({}, ALL, 0, "No CI check is reported", "", LOOK_SECONDS),
        ({}, ALL, 600, "", "CI did not finish in 10 minutes. No CI check is reported", 0),
        ({"lint": "pending"}, ALL, 601, "", "CI did not finish in 10 minutes. Awaiting CI: lint", 0),
        ({"test": "success"}, NAMED, 0, "Awaiting CI: lint", "", LOOK_SECONDS),
        ({"test": "success", "lint": "neutral", "slow": "failure"}, NAMED, 0, "2 CI checks passed", "", 0),
    ],
)
def test_what_they_mean(states, rules, waited, message, fault, seconds):
    found = judged(states, rules, waited)
    assert (found.message, found.fault, found.seconds) == (message, fault, seconds)


def test_the_newest_run_counts_and_the_platforms_own_status_does_not():
    runs = [
        {"id": 2, "name": "test", "status": "completed", "conclusion": "success"},
        {"id": 1, "name": "test", "status": "completed", "conclusion": "failure"},
        {"id": 3, "name": "lint", "status": "in_progress", "conclusion": None},
    ]
    found = reported(runs, {"platform/review": "success", "ci/other": "error"})
    assert found == {"test": "success", "lint": "pending", "ci/other": "error"}


@pytest.mark.parametrize(
    ("run", "status", "worse"),
    [("success", "failure", "failure"), ("failure", "success", "failure"), ("success", "pending", "pending")],
)
def test_of_a_run_and_a_status_with_one_name_the_worse_counts(run, status, worse):
    runs = [{"id": 1, "name": "test", "status": "completed", "conclusion": run}]
    assert reported(runs, {"test": status}) == {"test": worse}
