"""The data of the Deployments page."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from core.models import ChangeSet, Deployment, Issue
from core.queries import counting

PAGE = 15
MARKS = 60  # of the timeline
LIVE = ("watching", "verified")


def count(session: Session, environment: str = "") -> int:
    where = [Deployment.environment == environment] if environment else []
    return counting.up_to(session, Deployment.id, *where)


def page(session: Session, environment: str = "", number: int = 1) -> list[tuple[Deployment, Issue, ChangeSet]]:
    """Page ``number`` (from 1), latest first."""
    where = [Deployment.environment == environment] if environment else []
    return list(
        session.exec(
            select(Deployment, Issue, ChangeSet)
            .join(Issue, col(Issue.id) == Deployment.issue_id)
            .join(ChangeSet, col(ChangeSet.id) == Deployment.change_set_id)
            .where(*where)
            .order_by(col(Deployment.id).desc())
            .offset((number - 1) * PAGE)
            .limit(PAGE)
        )
    )


def marks(session: Session, since: datetime, limit: int = MARKS) -> list[tuple[int, datetime, str, str]]:
    """(id, start, environment, status) of the last deployments since then, oldest first: the timeline's marks."""
    rows = session.exec(
        select(Deployment.id, Deployment.started_at, Deployment.environment, Deployment.status)
        .where(Deployment.started_at >= since)
        .order_by(col(Deployment.started_at).desc())
        .limit(limit)
    ).all()
    return [(id_, at, environment, status) for id_, at, environment, status in reversed(rows)]


def one(session: Session, deployment_id: int) -> tuple[Deployment, Issue, ChangeSet] | None:
    deployment = session.get(Deployment, deployment_id)
    if deployment is None:
        return None
    return (
        deployment,
        session.get_one(Issue, deployment.issue_id),
        session.get_one(ChangeSet, deployment.change_set_id),
    )


def can_roll_back(session: Session, deployment: Deployment) -> bool:
    """Would the action roll it back: is it live or in alarm, with a known previous one and no newer live one?"""
    if deployment.environment != "production" or not (deployment.status in LIVE or deployment.alarm):
        return False
    newer = session.exec(
        select(Deployment.id)
        .where(
            Deployment.repository == deployment.repository,
            Deployment.environment == "production",
            col(Deployment.status).in_(LIVE),
            col(Deployment.id) > deployment.id,
        )
        .limit(1)
    ).first()
    return newer is None and bool(deployment.previous_vendor_id)
