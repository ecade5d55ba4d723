"""Detects that another issue has the same fix in progress: one bug can crash in several ways but needs one fix."""

from __future__ import annotations

import re
from datetime import timedelta

from sqlmodel import Session, col, select

from core.db import store
from core.models import ENDED, ChangeSet, Deployment, Issue, Signal, Status
from core.ops import notify, stage_log
from core.stages import learn
from core.stages.context import StepContext
from core.stages.results import Done

PLACE = re.compile(r"^(?:index |@@ ).*$\n?", re.M)  # object names and line numbers are not part of the change


def source(change: ChangeSet) -> str:
    """The patch without its regression test, whose name and input differ for each issue."""
    parts = re.split(r"^(?=diff --git )", change.patch, flags=re.M)
    kept = [p for p in parts if p.strip() and not p.startswith(f"diff --git a/{change.test_path} ")]
    return PLACE.sub("", "".join(kept))


def find(session: Session, change: ChangeSet, services: list[str]) -> Issue | None:
    """Another open issue of these services whose newest fix changes the program in the same way."""
    rows = session.exec(
        select(Issue, ChangeSet)
        .join(ChangeSet, col(ChangeSet.issue_id) == Issue.id)
        .where(
            Issue.id != change.issue_id,
            Issue.of_service(*services),
            col(Issue.status).not_in(ENDED),
            ChangeSet.head_sha != "",
        )
        .order_by(col(ChangeSet.id))
    ).all()
    newest = {issue.id: (issue, made) for issue, made in rows}
    return next((issue for issue, made in newest.values() if source(made) == source(change)), None)


STRAGGLING = timedelta(seconds=15)  # instances of the replaced release may respond for this long


def end(context: StepContext, original_id: int) -> Done:
    """End an issue that another issue's fix resolved: ``ok`` if it has not occurred since that fix went live."""
    issue_id, run = context.issue_id, context.run
    with store.write() as session:
        original = session.get_one(Issue, original_id)
        if original.status is not Status.RESOLVED or _seen_since(session, issue_id, original_id):
            return Done(ok=False)
        message = f"Fixed by the fix of issue {original_id}: {original.resolution or original.reason}"
        learn.remember(session, issue_id, run, "fixed", message)
        issue = stage_log.move(session, issue_id, Status.RESOLVED, message)
        issue.resolution = message[:2000]
        notify.queue(session, "resolved", issue, f"resolved-{issue_id}-{run}", message)
        learn.note(session, issue_id, run, "resolved", {"twin": original_id})
    return Done(ok=True)


def _seen_since(session: Session, issue_id: int, original_id: int) -> bool:
    released = session.exec(
        select(Deployment.ready_at)
        .where(
            Deployment.issue_id == original_id,
            Deployment.environment == "production",
            col(Deployment.ready_at).is_not(None),
        )
        .order_by(col(Deployment.id).desc())
        .limit(1)
    ).first()
    if released is None:
        return True
    after = (Signal.issue_id == issue_id, col(Signal.at) > released + STRAGGLING)
    return session.exec(select(Signal.id).where(*after).limit(1)).first() is not None
