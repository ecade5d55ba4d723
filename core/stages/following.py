"""Children follow their parent: they end with it, and one that goes on after it starts a run of its own."""

from __future__ import annotations

from sqlmodel import Session, col, select

from core.db import store
from core.models import Issue, IssueLink, Status
from core.ops import stage_log
from core.stages import linking
from core.stages.group import GONE, LATE

IDLE = (Status.NEW, Status.ESCALATED)  # no work goes on


def follow() -> list[int]:
    """One look at all children without work of their own; returns those whose status or link changed."""
    with store.write() as session:
        rows = session.exec(
            select(IssueLink, Issue)
            .join(Issue, col(Issue.id) == IssueLink.child_id)
            .where(col(IssueLink.ended_at).is_(None), col(IssueLink.kind).in_(linking.HOLDING))
            .where(col(Issue.status).in_(IDLE))
            .order_by(col(IssueLink.id))
        ).all()
        return [child.id for link, child in rows if _followed(session, link, child)]


def _followed(session: Session, link: IssueLink, child: Issue) -> bool:
    parent = _present(session, link.parent_id)
    if parent.id == child.id or child.merged_into:
        linking.end(session, link, linking.PLATFORM, "The two were merged.")
        return True
    link.parent_id = parent.id
    if parent.status not in linking.OVER:
        return _escalated(session, child, parent)
    if parent.ended_at and child.last_seen > parent.ended_at + LATE:
        linking.end(session, link, linking.PLATFORM, f"It went on after issue {parent.id} had ended.")
        return True
    return _ended(session, child, parent)


def _present(session: Session, issue_id: int) -> Issue:
    """The issue, or the one that it was merged into."""
    issue = session.get_one(Issue, issue_id)
    return _present(session, issue.merged_into) if issue.merged_into else issue


def _escalated(session: Session, child: Issue, parent: Issue) -> bool:
    """A child waits with its parent, and is with a person as soon as its parent is; only the parent is announced."""
    if child.status is not Status.NEW or parent.status is not Status.ESCALATED:
        return False
    stage_log.move(session, child.id, Status.ESCALATED, linking.waits(parent))
    return True


def _ended(session: Session, child: Issue, parent: Issue) -> bool:
    if child.assignee:
        return False
    if parent.status is Status.RESOLVED:
        reason = f"Ended with issue {parent.id}, which explains it. {parent.reason}".strip()
        child.resolution = parent.resolution
        stage_log.move(session, child.id, Status.RESOLVED, reason)
    else:
        stage_log.move(session, child.id, Status.DISMISSED, f"It ended with issue {parent.id} and {GONE}")
    child.ended_at = parent.ended_at  # an alert since then is a return
    return True
