"""Handover: escalates the issue with all findings."""

from __future__ import annotations

from sqlmodel import Session, col, or_, select

from core.db import store
from core.models import Approval, ChangeSet, Deployment, Issue, Notification, Status
from core.ops import notify, stage_log
from core.runtime import Runtime
from core.stages import learn, pull_request
from core.stages.context import StepContext
from core.stages.deliver import admission, brakes
from core.stages.results import Done

# how a run ended -> the outcome that learning counts
OUTCOMES = {
    "rolled_back": "rolled_back",
    "refused": "rejected",
    "escalated": "escalated",
    "low_confidence": "escalated",
    "superseded": "escalated",
}
REFUSED = ("refused", "tests_failed", "no_fix")  # the publications of such a run are withdrawn


def run(context: StepContext, event: str, reason: str) -> Done:
    rt, issue_id, run = context.runtime, context.issue_id, context.run
    if event in REFUSED:
        reason = "; ".join([reason, *_withdrawn(rt, issue_id, run, reason)])
    with store.write() as session:
        learn.remember(session, issue_id, run, OUTCOMES.get(event, "failed"), reason)
        admission.return_places(session, reason, Deployment.issue_id == issue_id)
        _void_questions(session, issue_id)
        known = _known(session, issue_id, run)
        issue = stage_log.move(session, issue_id, Status.ESCALATED, reason)
        if not known:
            notify.queue(session, event, issue, f"{event}-{issue_id}-{run}", reason)
        learn.note(session, issue_id, run, "escalate", {"event": event, "says": reason[:500]})
        if service := rt.policy.services.get(issue.service):
            brakes.brake_if_due(session, rt.policy, service.repository)
    return Done(ok=True)


def _void_questions(session: Session, issue_id: int) -> None:
    """Void the pending approvals."""
    for row in session.exec(select(Approval).where(Approval.issue_id == issue_id, Approval.state == "pending")).all():
        row.state = "stale"


def _known(session: Session, issue_id: int, run: int) -> bool:
    """Were people already notified of this event, by an earlier handover or by the rollback before it?"""
    if session.get_one(Issue, issue_id).status is Status.ESCALATED:
        return True
    rolled_back = session.exec(
        select(Deployment.key).where(
            Deployment.issue_id == issue_id,
            col(Deployment.key).startswith(f"issue-{issue_id}-run-{run}-", autoescape=True),
            Deployment.status == "rolled_back",
        )
    ).all()
    keys = [col(Notification.key).startswith(f"rollback-{key}", autoescape=True) for key in rolled_back]
    return bool(keys) and session.exec(select(Notification.id).where(or_(*keys))).first() is not None


def _withdrawn(rt: Runtime, issue_id: int, run: int, why: str) -> list[str]:
    """Withdraw what this run published; returns a description of what could not be withdrawn.

    The issue is escalated in any case.
    """
    with store.read() as session:
        rows = session.exec(
            select(ChangeSet)
            .where(ChangeSet.issue_id == issue_id, ChangeSet.run == run, ChangeSet.branch != "")
            .order_by(col(ChangeSet.id).desc())
        ).all()
    return [left for row in rows if (left := pull_request.withdraw(rt, row, why))]
