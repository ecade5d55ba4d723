"""The slowdown that a release is to cure, from the detector's report or the stored metrics."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from core.models import Cause, Issue, Kind, Signal
from core.runtime import Runtime
from core.signals import health
from core.signals.release import Slowness

BEFORE = timedelta(hours=1)  # before the issue: the usual latency of a report that names none


def of(session: Session, rt: Runtime, issue: Issue, ready: datetime) -> Slowness | None:
    """None for an issue that is not about latency, and where no figure is known. Times are relative to ``ready``."""
    if issue.cause is not Cause.PERFORMANCE:
        return None
    usual, slow = _reported(session, issue) or _stored(session, rt, issue, ready)
    if not usual or not slow or slow <= usual:
        return None
    return Slowness(usual, slow, (issue.first_seen - ready).total_seconds())


def _reported(session: Session, issue: Issue) -> tuple[float, float] | None:
    """The figures of the newest report of the detector."""
    mine = select(Signal.attributes).where(Signal.issue_id == issue.id, Signal.kind == Kind.METRIC)
    for attributes in session.exec(mine.order_by(col(Signal.at).desc()).limit(5)):
        usual, slow = attributes.get("before"), attributes.get("after")
        if attributes.get("metric") == "p95_ms" and isinstance(usual, int | float) and isinstance(slow, int | float):
            return float(usual), float(slow)
    return None


def _stored(session: Session, rt: Runtime, issue: Issue, ready: datetime) -> tuple[float, float]:
    source = health.best_source(session, rt.policy.watch.source, issue.first_seen - BEFORE)
    spans = (issue.first_seen - BEFORE, issue.first_seen), (issue.first_seen, ready)
    before, during = (health.stored(session, source, [issue.service], *span)[issue.service] for span in spans)
    return before.p95_ms or 0.0, during.p95_ms or 0.0
