"""Starts a new run when production has changed so much, while a fix waited for its release, that it no longer applies.

The next run diagnoses the issue on what production runs now, and its fix is proved, reviewed and approved anew. After
``MOST`` such runs a person gets the issue.
"""

from __future__ import annotations

from sqlmodel import col, func, select

from core.db import store
from core.models import ChangeSet, Issue, Status
from core.ops import durable, stage_log
from core.runtime import Runtime

MOST = 3  # of one issue


def begin(rt: Runtime, issue_id: int, run: int, change_id: int, why: str) -> dict:
    """{"begun": whether the issue has a new run}. A repeated call finds the run that the first one started."""
    with store.write() as session:
        issue, change = session.get_one(Issue, issue_id), session.get_one(ChangeSet, change_id)
        if issue.run != run:
            return {"begun": True}
        before = select(func.count()).where(ChangeSet.issue_id == issue_id, col(ChangeSet.status) == "stale")
        if session.exec(before).one() >= MOST:
            return {"begun": False}
        change.status, change.note = "stale", why[:2000]
        durable.begin(session, issue)
        stage_log.move(session, issue_id, Status.ANALYZING, f"Started again: {why}")
    return {"begun": True}
