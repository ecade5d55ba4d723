"""Recovered: an issue that consists of alerts ends when their source has resolved all of them."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session, col, select

from core.db import store
from core.models import Issue, Kind, Signal, Status, now
from core.ops import stage_log
from core.stages import learn
from core.stages.collect import OVER
from core.stages.group import GONE

RECENT = timedelta(days=1)  # how long a resolved alert is remembered, because a run in progress may end later
OPEN = (Status.NEW, Status.ESCALATED)


def close() -> list[int]:
    """End the issues whose alerts are all resolved, unless they are in progress or a person has them; returns them."""
    with store.write() as session:
        over = _over(session)
        opened = select(Signal.issue_id).where(col(Signal.vendor_id).in_(over), col(Signal.issue_id).is_not(None))
        issues = session.exec(select(Issue).where(col(Issue.id).in_(opened), col(Issue.status).in_(OPEN))).all()
        ended = [issue for issue in issues if issue.assignee is None and _all_over(session, issue, over)]
        for issue in ended:
            _end(session, issue)
        return [issue.id for issue in ended]


def _over(session: Session) -> set[str]:
    """The identities of the recently resolved alerts."""
    rows = select(Signal.attributes).where(Signal.set_aside == OVER, col(Signal.received_at) > now() - RECENT)
    return {str(row["over"]) for row in session.exec(rows)}


def _all_over(session: Session, issue: Issue, over: set[str]) -> bool:
    rows = session.exec(select(Signal).where(Signal.issue_id == issue.id, col(Signal.at) >= issue.first_seen)).all()
    return all(row.kind is Kind.ALERT and row.vendor_id in over for row in rows)


def _end(session: Session, issue: Issue) -> None:
    """Dismiss an issue that nobody worked on, until its alert fires again; note the end on an escalated issue."""
    if issue.status is Status.NEW:
        stage_log.move(session, issue.id, Status.DISMISSED, f"The alert is over and {GONE}")
        return
    reason = "The alert is over: its source reports it as resolved."
    learn.resolved(session, issue.id, issue.run, reason, "platform")
    issue.resolution = reason
    learn.note(session, issue.id, issue.run, "alert_over", {"says": reason})
    stage_log.move(session, issue.id, Status.RESOLVED, reason)
