"""The messages that the console keeps for one person: those about the issues that they subscribed to."""

from __future__ import annotations

from sqlmodel import Session, col, select

from core.models import Notification
from core.ops.subscribers import CONSOLE

SHOWN = 20


def of(session: Session, person: str) -> list[Notification]:
    """The latest SHOWN, newest first."""
    mine = select(Notification).where(Notification.receiver == person, Notification.channel == CONSOLE)
    return list(session.exec(mine.order_by(col(Notification.id).desc()).limit(SHOWN)))
