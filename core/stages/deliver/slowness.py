"""Slowdowns that are known at a release: the one that it is to cure, and those of other open issues.

Figures are from the detector's report or the stored metrics. Times are seconds from the release; negative is before it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from core.models import Cause, Issue, Kind, Signal, Status
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


def known(session: Session, issue: Issue, since: datetime, ready: datetime) -> dict[str, float]:
    """By service, when its latency rose, for each other open issue about latency that began in this span."""
    slow = (Issue.cause == Cause.PERFORMANCE) | (col(Signal.attributes)["metric"].as_string() == "p95_ms")
    rows = session.exec(
        select(Signal.service, func.min(Signal.at))
        .join(Issue, col(Issue.id) == Signal.issue_id)
        .where(
            slow,
            Issue.id != issue.id,
            col(Issue.status).not_in((Status.RESOLVED, Status.DISMISSED)),
            col(Signal.at) >= since,
            col(Signal.at) < ready,
        )
        .group_by(Signal.service)
    )
    return {service: (at - ready).total_seconds() for service, at in rows}


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
