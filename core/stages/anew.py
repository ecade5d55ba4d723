"""Starts a new run when a fix that waited for its release no longer applies, because production has changed.

The new run diagnoses the issue on the commit that production runs now; its fix is proved, reviewed and approved again.
After ``MOST`` such runs the issue is escalated.
"""

from __future__ import annotations

from sqlmodel import col, func, select

from core.db import store
from core.models import ChangeSet, Issue, Status
from core.ops import durable, stage_log
from core.stages.context import StepContext
from core.stages.results import NewRun

MOST = 3  # of one issue


def begin(context: StepContext, change_id: int, why: str) -> NewRun:
    """Start the next run. Idempotent: a repeated call returns the run that the first call started."""
    issue_id = context.issue_id
    with store.write() as session:
        issue, change = session.get_one(Issue, issue_id), session.get_one(ChangeSet, change_id)
        if issue.run != context.run:
            return NewRun(begun=True)
        before = select(func.count()).where(ChangeSet.issue_id == issue_id, col(ChangeSet.status) == "stale")
        if session.exec(before).one() >= MOST:
            return NewRun(begun=False)
        change.status, change.note = "stale", why[:2000]
        durable.begin(session, issue)
        stage_log.move(session, issue_id, Status.ANALYZING, f"Started again: {why}")
    return NewRun(begun=True)
