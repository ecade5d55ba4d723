"""The messages that the console keeps: those for everyone, and those for one person who subscribed to an issue."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from core.models import Notification
from core.ops.subscribers import CONSOLE

SHOWN = 20


def of(session: Session, person: str) -> list[Notification]:
    """The latest SHOWN for this person, newest first."""
    return _newest(session, Notification.receiver == person)


def for_all(session: Session, since: datetime) -> list[Notification]:
    """The latest SHOWN for everyone since a time, newest first; [routes] says which events come here."""
    return _newest(session, Notification.receiver == "", col(Notification.created_at) >= since)


def _newest(session: Session, *where) -> list[Notification]:
    rows = select(Notification).where(Notification.channel == CONSOLE, *where)
    return list(session.exec(rows.order_by(col(Notification.id).desc()).limit(SHOWN)))
