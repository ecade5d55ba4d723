"""Suppressed signals: how many opened no issue, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func

from core.db.columns import select_columns
from core.models import Kind, Signal

REASONS = 50  # reasons shown


@dataclass(frozen=True)
class Aside:
    """Signals of one reason; ``occurrences`` is the vendors' count of the underlying events."""

    reason: str
    signals: int
    occurrences: int
    last: datetime


def by_reason(session: Session, since: datetime) -> list[Aside]:
    """Suppressed signals received since then, the most frequent reason first. Changes are not counted."""
    number = func.count()
    rows = session.exec(
        select_columns(Signal.set_aside, number, func.sum(Signal.count), func.max(Signal.received_at))
        .where(col(Signal.set_aside).is_not(None), Signal.received_at >= since, Signal.kind != Kind.CHANGE)
        .group_by(Signal.set_aside)
        .order_by(number.desc(), col(Signal.set_aside))
        .limit(REASONS)
    )
    return [Aside(*row) for row in rows]
