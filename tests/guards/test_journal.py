"""An issue's reason while its stage waits, and afterwards."""

from __future__ import annotations

import pytest
from dbos import error as engine
from sqlmodel import select

from core.db import store
from core.models import Issue, Stage, StageRun, Status
from core.ops import stage_log
from tests.guards.stored import issue_in, one


def said(issue: Issue, *faults: str) -> str:
    for fault in faults:
        with store.write() as session:
            stage_log.waits(session, issue.id, fault)
    return one(Issue, issue.id).reason


def moved(issue: Issue, reason: str | None = None) -> str:
    with store.write() as session:
        stage_log.move(session, issue.id, Status.QUEUED, reason)
    return one(Issue, issue.id).reason


@pytest.mark.parametrize(
    ("reason", "faults", "says"),
    [
        ("", ["vercel: is away"], "vercel: is away; the platform tries again"),
        ("Row 4", ["vercel: is away"], "Row 4\nvercel: is away; the platform tries again"),
        ("Row 4", ["vercel: away", "git: fatal\nno\n path"], "Row 4\ngit: fatal no path; the platform tries again"),
        ("Row 4\nand more", ["x"], "Row 4\nand more\nx; the platform tries again"),
    ],
)  # fmt: skip
def test_a_failure_is_shown_below_the_reason_until_the_status_changes(console, reason, faults, says):
    issue = issue_in(Status.FIXING, reason=reason)
    assert said(issue, *faults) == says
    assert moved(issue) == reason


def test_a_new_reason_replaces_both(console):
    issue = issue_in(Status.FIXING, reason="Row 4")
    said(issue, "vercel: is away")
    assert moved(issue, "waits for business hours") == "waits for business hours"
    assert moved(issue) == "waits for business hours"


def test_a_stage_that_a_cancelled_workflow_leaves_is_not_recorded_as_ok(console):
    issue = issue_in(Status.FIXING)
    with (
        pytest.raises(engine.DBOSWorkflowCancelledError),
        stage_log.stage(issue.id, issue.run, Stage.FIX, 1, Status.FIXING),
    ):
        raise engine.DBOSWorkflowCancelledError("the workflow was cancelled")
    with store.read() as session:
        line = session.exec(select(StageRun).where(StageRun.issue_id == issue.id)).one()
    assert (line.result, bool(line.ended_at)) == ("failed", True)
