"""What the KPIs are computed from, within a span of time."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, func, select

from core.kpis import Deployed, Ended
from core.models import Decision, Deployment, Metric, Outcome

LIMIT = 20_000  # outcomes of one period; beyond it the page says that it shows the latest


def ended(session: Session, since: datetime, until: datetime) -> list[Ended]:
    """Runs that ended in the span, each with the decision that it followed."""
    latest = select(func.max(Decision.id).label("id")).group_by(Decision.issue_id, Decision.run).subquery()
    rows = session.exec(
        select(
            Outcome.created_at,
            Outcome.result,
            Outcome.by,
            Outcome.detect_seconds,
            Outcome.total_seconds,
            Decision.verdict,
            Decision.confidence,
            Outcome.issue_id,
            Outcome.service,
            Outcome.pattern,
        )
        .join(
            Decision,
            (Decision.issue_id == Outcome.issue_id)
            & (Decision.run == Outcome.run)
            & Decision.id.in_(select(latest.c.id)),
            isouter=True,
        )
        .where(Outcome.created_at >= since, Outcome.created_at < until)
        .order_by(Outcome.id.desc())
        .limit(LIMIT)
    )
    return [Ended(*row) for row in rows]


def deployed(session: Session, since: datetime, until: datetime) -> Deployed:
    """Production deployments started in the span that came to an end, and those rolled back."""
    rows = dict(
        session.exec(
            select(Deployment.status, func.count())
            .where(
                Deployment.environment == "production",
                Deployment.started_at >= since,
                Deployment.started_at < until,
            )
            .group_by(Deployment.status)
        ).all()
    )
    back = rows.get("rolled_back", 0)
    return Deployed(ended=rows.get("verified", 0) + back, rolled_back=back)


def requests(session: Session, source: str, since: datetime, until: datetime) -> tuple[float, float]:
    """(requests, errors) that ``source`` counted in the span, all services together."""
    sums = dict(
        session.exec(
            select(Metric.name, func.sum(Metric.value))
            .where(
                Metric.source == source,
                Metric.at >= since,
                Metric.at < until,
                Metric.name.in_(["requests", "errors"]),
            )
            .group_by(Metric.name)
        ).all()
    )
    return sums.get("requests", 0.0), sums.get("errors", 0.0)
