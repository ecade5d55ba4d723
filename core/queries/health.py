"""The state of the platform on the Settings page: messages by channel, and recent runners."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, func, select

from core.models import Notification, TestRun
from core.models.access import Person


def messages(session: Session, since: datetime) -> dict[tuple[str, str], int]:
    """Messages since then by (event, state)."""
    rows = session.exec(
        select(Notification.event, Notification.state, func.count())
        .where(Notification.created_at >= since)
        .group_by(Notification.event, Notification.state)
    )
    return {(event, state): number for event, state, number in rows}


def last_failure(session: Session) -> Notification | None:
    """The newest undelivered message."""
    failed = select(Notification).where(Notification.state == "failed")
    return session.exec(failed.order_by(col(Notification.id).desc()).limit(1)).first()


def last_runner(session: Session) -> str:
    """The runner of the newest test run; "" without one."""
    return session.exec(select(TestRun.runner).order_by(col(TestRun.id).desc()).limit(1)).first() or ""


PEOPLE = 200


def people(session: Session) -> list[Person]:
    """Everyone with an account, by name, at most PEOPLE."""
    return list(session.exec(select(Person).order_by(Person.name).limit(PEOPLE)))
