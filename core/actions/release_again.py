"""Which patch can be released again, and how it becomes a new run with its review and the approval."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlmodel import Session, SQLModel, col, select

from core.access.rights import Actor
from core.db import store
from core.models import Approval, ChangeSet, Decision, Deployment, Issue, Review, Status, now
from core.ops import durable, restart
from core.stages.deliver.rehearsal import ANYWAY, KEPT_BACK

Row = TypeVar("Row", bound=SQLModel)


def releasable(session: Session, issue: Issue) -> ChangeSet | None:
    """The patch of the issue's last run, if it passed its review and was rolled back, kept back or never answered."""
    if issue.status is not Status.ESCALATED or issue.merged_into or restart.in_production(session, issue, "verified"):
        return None
    change = session.exec(
        select(ChangeSet)
        .where(ChangeSet.issue_id == issue.id, ChangeSet.run == issue.run, ChangeSet.head_sha != "")
        .order_by(col(ChangeSet.id).desc())
        .limit(1)
    ).first()
    if change is None or not (_review_of(session, change) and _decision_of(session, issue)):
        return None
    ended = _rolled_back(session, change) or _kept_back(session, change) or _expired(session, change)
    return change if ended else None


def patch_of(issue_id: int) -> str:
    """The hash of the patch that may be released again; empty without one."""
    with store.read() as session:
        issue = session.get(Issue, issue_id)
        change = releasable(session, issue) if issue else None
        return change.patch_hash if change else ""


def _rolled_back(session: Session, change: ChangeSet) -> bool:
    where = (Deployment.change_set_id == change.id, Deployment.environment == "production")
    return session.exec(select(Deployment.id).where(*where, Deployment.status == "rolled_back")).first() is not None


def _kept_back(session: Session, change: ChangeSet) -> bool:
    """Was nothing deployed because its rollback could not be rehearsed, or the target not be shared?"""
    where = (Deployment.change_set_id == change.id, Deployment.environment == "production")
    found = session.exec(select(Deployment).where(*where, Deployment.status == "failed", Deployment.vendor_id == ""))
    return any(row.judged.get(KEPT_BACK) for row in found)


def _expired(session: Session, change: ChangeSet) -> bool:
    """Did its last approval expire without an answer?"""
    last = session.exec(
        select(Approval).where(Approval.change_set_id == change.id).order_by(col(Approval.id).desc()).limit(1)
    ).first()
    return last is not None and last.state == "expired" and last.patch_hash == change.patch_hash


def _review_of(session: Session, change: ChangeSet) -> Review | None:
    """Its newest review, if it passed."""
    found = session.exec(
        select(Review).where(Review.change_set_id == change.id).order_by(col(Review.id).desc()).limit(1)
    ).first()
    return found if found and found.passed else None


def _decision_of(session: Session, issue: Issue) -> Decision | None:
    where = (Decision.issue_id == issue.id, Decision.run == issue.run)
    return session.exec(select(Decision).where(*where).order_by(col(Decision.id).desc()).limit(1)).first()


def _copied(row: Row, **values: Any) -> Row:
    """A new row like this one, with these values."""
    return type(row)(**row.model_dump(exclude={"id", "created_at"}) | values)


def as_new_run(session: Session, issue: Issue, old: ChangeSet, who: Actor, reason: str) -> ChangeSet:
    """The same patch with its review, its decision and the person's approval, as a new run."""
    review, decision = _review_of(session, old), _decision_of(session, issue)
    if review is None or decision is None:
        raise ValueError(f"the patch of change set {old.id} has no passed review, or no decision")
    durable.new_run(session, issue, None)
    made = _copied(old, run=issue.run, attempt=1)
    made.status, made.note = "reviewed", f"released anyway by {who.name}: {reason}"[:2000]
    session.add(made)
    session.flush()
    session.add(_copied(review, change_set_id=made.id))
    session.add(_copied(decision, run=issue.run, needs_approval=True))
    session.add(
        Approval(
            issue_id=issue.id,
            change_set_id=made.id,
            workflow_id=issue.workflow_id,
            patch_hash=made.patch_hash,
            asks=ANYWAY,
            state="approved",
            by=who.name,
            reason=reason[:2000],
            requested_by=issue.requested_by,
            expires_at=now(),
            answered_at=now(),
        )
    )
    return made


# --- restart -----------------------------------------------------------------------------------


def no_restart(session: Session, issue: Issue, dead: str) -> str:
    """Why the issue's run cannot be restarted from a stage; empty if it can. ``dead``: how its workflow ended."""
    if restart.in_production(session, issue):
        return "A deployment of this issue may be live. Wait for its watch to end, or roll it back."
    if issue.status in (Status.RESOLVED, Status.DISMISSED):
        return f"The issue is {issue.status}. Start a new run instead."
    if issue.status is not Status.ESCALATED and not dead:
        return f"The issue is {issue.status} and its workflow is running. Escalate it first."
    if issue.merged_into:
        return f"The issue was merged into issue {issue.merged_into}. Restart that one."
    if _released(session, issue):
        return "This run was released and did not hold. Use Release anyway, or Start new run."
    return ""


def _released(session: Session, issue: Issue) -> bool:
    """Did a change of the current run reach production?"""
    mine = select(ChangeSet.id).where(ChangeSet.issue_id == issue.id, ChangeSet.run == issue.run)
    where = (col(Deployment.change_set_id).in_(mine), Deployment.environment == "production")
    return session.exec(select(Deployment.id).where(*where, Deployment.vendor_id != "")).first() is not None
