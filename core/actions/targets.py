"""The target of an action on an issue: the issue, its pending approval, its deployment or its silence."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlmodel import Session, col, select

from core.access.rights import Refused
from core.actions.registry import About
from core.db import store
from core.models import Approval, Deployment
from core.signals import triage_rules

OF_RELEASES = frozenset({About.RELEASES, About.REPOSITORY})


def of(about: About, issue_id: int) -> int:
    """The id of the action's target. Raises Refused if the issue has no such target."""
    with store.read() as session:
        return OF_ISSUE[about](session, issue_id)


def question(session: Session, issue_id: int) -> Approval | None:
    """The pending approval of an issue."""
    return session.exec(select(Approval).where(Approval.issue_id == issue_id, Approval.state == "pending")).first()


def _question(session: Session, issue_id: int) -> int:
    if (asked := question(session, issue_id)) is None:
        raise Refused(f"Issue {issue_id} has no pending approval.")
    return asked.id


def _deployment(session: Session, issue_id: int) -> int:
    """Its newest deployment to production."""
    where = (Deployment.issue_id == issue_id, Deployment.environment == "production")
    found = session.exec(select(Deployment.id).where(*where).order_by(col(Deployment.id).desc())).first()
    if found is None:
        raise Refused(f"Issue {issue_id} has no production deployment.")
    return found


def _silence(session: Session, issue_id: int) -> int:
    if not (found := triage_rules.standing(session, triage_rules.Silence.issue_id == issue_id)):
        raise Refused(f"Issue {issue_id} is not silenced.")
    return found[0].id


OF_ISSUE: Mapping[About, Callable[[Session, int], int]] = {
    About.ISSUE: lambda _session, issue_id: issue_id,
    About.APPROVAL: _question,
    About.DEPLOYMENT: _deployment,
    About.SILENCE: _silence,
}
