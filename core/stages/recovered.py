"""Recovered: an issue of alerts ends when each of its alerts is over, as their source says."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session, col, select

from core.db import store
from core.models import Issue, Kind, Signal, Status, now
from core.ops import stage_log
from core.stages import learn
from core.stages.collect import OVER
from core.stages.group import GONE

RECENT = timedelta(days=1)  # for which an end is remembered: a run that is under way may end later
OPEN = (Status.NEW, Status.ESCALATED)


def close() -> list[int]:
    """End the issues whose alerts are all over, unless work on them goes on or a person has them; returns them."""
    with store.write() as session:
        over = _over(session)
        opened = select(Signal.issue_id).where(col(Signal.vendor_id).in_(over), col(Signal.issue_id).is_not(None))
        issues = session.exec(select(Issue).where(col(Issue.id).in_(opened), col(Issue.status).in_(OPEN))).all()
        ended = [issue for issue in issues if issue.assignee is None and _all_over(session, issue, over)]
        for issue in ended:
            _end(session, issue)
        return [issue.id for issue in ended]


def _over(session: Session) -> set[str]:
    """The identities of the alerts that ended of late."""
    rows = select(Signal.attributes).where(Signal.set_aside == OVER, col(Signal.received_at) > now() - RECENT)
    return {str(told["over"]) for told in session.exec(rows)}


def _all_over(session: Session, issue: Issue, over: set[str]) -> bool:
    rows = session.exec(select(Signal).where(Signal.issue_id == issue.id, col(Signal.at) >= issue.first_seen)).all()
    return all(row.kind is Kind.ALERT and row.vendor_id in over for row in rows)


def _end(session: Session, issue: Issue) -> None:
    """One that nobody worked on is dismissed until the alert fires again; of an escalated one the end is kept."""
    if issue.status is Status.NEW:
        stage_log.move(session, issue.id, Status.DISMISSED, f"The alert is over and {GONE}")
        return
    says = "The alert is over: its source reports it as resolved."
    learn.resolved(session, issue.id, issue.run, says, "platform")
    issue.resolution = says
    learn.note(session, issue.id, issue.run, "alert_over", {"says": says})
    stage_log.move(session, issue.id, Status.RESOLVED, says)
