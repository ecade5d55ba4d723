"""What needs a person: pending approvals, escalated issues, one approval with its pros and cons, and past answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import Session, col, func, select

from core.access.rights import Actor
from core.actions import answering
from core.db import store
from core.models import Analysis, Approval, ChangeSet, Decision, Deployment, Issue, Status
from core.policy.reader import Policy
from core.queries import families
from core.queries.failing import RANK
from core.queries.issues import ChangeDetails, with_checks
from core.stages.deliver.release_words import REHEARSAL

PAGE = 50
NEEDS = (Status.AWAITING_APPROVAL, Status.ESCALATED)


@dataclass(frozen=True)
class Rehearsal:
    """The measured duration of a rollback; ``deployment`` is the one that was moved."""

    kind: str  # rollback, rehearsal or promotion
    seconds: float
    deployment: Deployment


@dataclass(frozen=True)
class OpenApproval:
    approval: Approval
    issue: Issue
    change: ChangeDetails
    analysis: Analysis | None
    decision: Decision | None
    live: Deployment | None  # what production serves now; a rollback returns to it
    rehearsal: Rehearsal | None
    critical: bool
    mine: bool  # it is not assigned to somebody else
    barred: str  # why this person cannot approve it (four eyes), or empty


def count(session: Session) -> int:
    return session.exec(select(func.count(col(Approval.id))).where(Approval.state == "pending")).one()


def needs(session: Session) -> int:
    """How many issues need a person: for an approval, for a merge, or because they were escalated."""
    rows = select(func.count(col(Issue.id))).where(col(Issue.status).in_(NEEDS), ~families.listed_elsewhere())
    return session.exec(rows).one()


def escalated(session: Session, limit: int = PAGE) -> list[Issue]:
    """Issues that were handed to a person: those with errors in the last day first, of these the worst first."""
    where = Issue.status == Status.ESCALATED, ~families.listed_elsewhere()
    rows = session.exec(select(Issue).where(*where).order_by(col(Issue.last_seen).desc()).limit(max(limit, PAGE)))
    day = store.clock(session) - timedelta(days=1)
    return sorted(rows, key=lambda i: -RANK[i.severity] if i.last_seen >= day else 1)[:limit]


def waiting(session: Session) -> list[tuple[Approval, Issue]]:
    """Pending approvals, the earliest to expire first."""
    return list(
        session.exec(
            select(Approval, Issue)
            .join(Issue, col(Issue.id) == Approval.issue_id)
            .where(Approval.state == "pending")
            .order_by(col(Approval.expires_at), col(Approval.id))
            .limit(PAGE)
        )
    )


def answered(session: Session, limit: int = 10) -> list[tuple[Approval, Issue]]:
    """The latest closed approvals, with any answer."""
    return list(
        session.exec(
            select(Approval, Issue)
            .join(Issue, col(Issue.id) == Approval.issue_id)
            .where(Approval.state != "pending")
            .order_by(col(Approval.id).desc())
            .limit(limit)
        )
    )


def question(session: Session, approval_id: int, who: Actor, policy: Policy) -> OpenApproval | None:
    """One approval as this person sees it; None if it does not exist."""
    row = session.get(Approval, approval_id)
    if row is None:
        return None
    issue, made = session.get_one(Issue, row.issue_id), session.get_one(ChangeSet, row.change_set_id)
    service = policy.services.get(issue.service)
    repository = service.repository if service else _repository(session, made)
    return OpenApproval(
        row,
        issue,
        with_checks(session, [made])[0],
        _newest(session, Analysis, Analysis.issue_id == issue.id, Analysis.run == made.run),
        _newest(session, Decision, Decision.issue_id == issue.id, Decision.run == made.run),
        _newest(session, Deployment, *_production(repository), col(Deployment.status).in_(("verified", "watching"))),
        rehearsal(session, repository),
        policy.is_critical(*issue.affected),
        answering.mine(row, who, policy),
        answering.barred(row, policy.worst_of(issue.affected), who, policy),
    )


def rehearsal(session: Session, repository: str) -> Rehearsal | None:
    """The latest rollback of this repository, the last one that was rehearsed, or its latest promotion; None if none
    was measured.
    """
    if found := _newest(session, Deployment, *_production(repository), col(Deployment.rollback_seconds).is_not(None)):
        return Rehearsal("rollback", found.rollback_seconds or 0.0, found)
    found = _newest(session, Deployment, *_production(repository), col(Deployment.promote_seconds).is_not(None))
    if found is None:
        return None
    tried = found.judged.get(REHEARSAL, {})
    if tried.get("ok"):
        return Rehearsal("rehearsal", tried["seconds"], found)
    return Rehearsal("promotion", found.promote_seconds or 0.0, found)


def _production(repository: str) -> Sequence:
    return Deployment.repository == repository, Deployment.environment == "production"


def _repository(session: Session, made: ChangeSet) -> str:
    found = _newest(session, Deployment, Deployment.change_set_id == made.id)
    return found.repository if found else ""


def _newest(session: Session, table, *where):
    return session.exec(select(table).where(*where).order_by(col(table.id).desc()).limit(1)).first()
