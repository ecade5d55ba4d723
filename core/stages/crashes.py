"""The most informative report of an issue's crash."""

from __future__ import annotations

from sqlmodel import Session, col, select

from core.models import Crash, Signal
from core.signals.grouping.fingerprint import fingerprint
from core.stages.analyze import as_record


def best_crash(session: Session, issue_id: int) -> Crash | None:
    """The newest report with locals; if there is none, the newest with a stack, which may be part of its text."""
    rows = session.exec(
        select(Signal).where(Signal.issue_id == issue_id).order_by(col(Signal.at).desc()).limit(20)
    ).all()
    crashes = [crash for row in rows if (crash := fingerprint(as_record(row)).crash)]
    with_locals = [c for c in crashes if any(frame.locals for frame in c.frames)]
    return next(iter(with_locals or crashes), None)
