"""The data of the Pipeline page: counts of the flow, collection cycles, connectors, queue and approvals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import case
from sqlmodel import Session, col, func, select

from core.db.columns import select_columns
from core.models import (
    Analysis,
    Approval,
    ChangeSet,
    Connector,
    Decision,
    Deployment,
    Issue,
    Metric,
    Outcome,
    Review,
    Round,
    Stage,
    StageRun,
    Status,
    TestRun,
    Verdict,
    Worker,
)
from core.models.deployment import IS_PENDING
from core.queries import counting, families

ALIVE = timedelta(seconds=90)
SETTLED = (Status.RESOLVED, Status.DISMISSED)
ENVIRONMENTS = ("preview", "production")


def by_status(session: Session) -> dict[Status, int]:
    """Issues by status; an open one that is listed with another issue is not counted."""
    every = dict(session.exec(select(Issue.status, func.count()).group_by(Issue.status)).all())
    where = families.listed_elsewhere(), col(Issue.status).not_in(SETTLED)
    elsewhere = dict(session.exec(select(Issue.status, func.count()).where(*where).group_by(Issue.status)).all())
    left = {Status(status): count - elsewhere.get(status, 0) for status, count in every.items()}
    return {status: count for status, count in left.items() if count}


def _count(session: Session, *where) -> int:
    return session.exec(select(func.count()).where(*where)).one()


def _tally(session: Session, by: tuple, *where) -> dict:
    """Rows counted by the columns ``by``: the key is a value, or a tuple of values for several columns."""
    rows = session.exec(select_columns(*by, func.count()).where(*where).group_by(*by))
    return {key[0] if len(by) == 1 else tuple(key): count for *key, count in rows}


def arrows(session: Session, since: datetime) -> dict[tuple[str, str], int]:
    """How often each transition of the flow was taken since then, by (from, to)."""
    verdicts = _tally(session, (Decision.verdict,), Decision.created_at >= since)
    reviews = _tally(session, (Review.passed,), Review.created_at >= since)
    shipped = _tally(
        session,
        (Deployment.environment, Deployment.status),
        col(Deployment.environment).in_(ENVIRONMENTS),
        Deployment.started_at >= since,
    )
    failed_in = _tally(session, (StageRun.stage,), StageRun.started_at >= since, StageRun.result == "failed")
    production = sum(n for (where, _), n in shipped.items() if where == "production")
    asked = _count(session, Approval.asked_at >= since)
    approved = _count(session, col(Approval.answered_at) >= since, Approval.state == "approved")
    return {
        ("collect", "analyze"): _count(session, Analysis.created_at >= since),
        ("analyze", "decide"): sum(verdicts.values()),
        ("decide", "fix"): verdicts.get(Verdict.AUTO_RESOLVE, 0),
        ("decide", "schedule"): verdicts.get(Verdict.SCHEDULE_MAINTENANCE, 0),
        ("decide", "escalate"): verdicts.get(Verdict.ESCALATE_HUMAN, 0),
        ("fix", "review"): sum(reviews.values()),
        ("review", "fix"): reviews.get(False, 0),
        ("review", "escalate"): failed_in.get(Stage.FIX, 0),
        ("test", "escalate"): failed_in.get(Stage.TEST, 0),
        ("approval", "escalate"): _count(
            session, col(Approval.answered_at) >= since, col(Approval.state).in_(["rejected", "expired"])
        ),
        ("rollback", "escalate"): shipped.get(("production", "rolled_back"), 0),
        ("review", "test"): _count(session, TestRun.created_at >= since),
        ("test", "preview"): sum(n for (where, _), n in shipped.items() if where == "preview"),
        ("preview", "approval"): asked,
        ("approval", "production"): approved,
        ("preview", "production"): max(0, production - approved),
        ("production", "watch"): sum(
            shipped.get(("production", s), 0) for s in ("watching", "verified", "rolled_back")
        ),
        ("watch", "learn"): shipped.get(("production", "verified"), 0),
        ("watch", "rollback"): shipped.get(("production", "rolled_back"), 0),
    }


def totals(session: Session, since: datetime) -> dict[str, int]:
    """Counts since then: signals, issues, fixed, escalated, rolled_back, deployments (production).

    Signals are summed over the rounds that read them: a day has few rounds but may have millions of signals.
    """
    ended = ("fixed", "escalated", "rolled_back")  # counted one by one: GROUP BY would scan the whole index of results
    counts = session.exec(
        select(*(func.count(case((col(Outcome.result) == name, 1))) for name in ended)).where(
            Outcome.created_at >= since
        )
    ).one()
    results = dict(zip(ended, counts, strict=True))
    return {
        "signals": session.exec(select(func.sum(Round.records)).where(Round.started_at >= since)).one() or 0,
        **results,
        "issues": _count(session, Issue.created_at >= since),
        "deployments": _count(session, Deployment.started_at >= since, Deployment.environment == "production"),
    }


def rounds(session: Session, limit: int = 10) -> list[Round]:
    return list(session.exec(select(Round).order_by(col(Round.id).desc()).limit(limit)))


def connectors(session: Session) -> list[Connector]:
    return list(session.exec(select(Connector).order_by(col(Connector.failures).desc(), Connector.name)))


def workers(session: Session, at: datetime) -> list[tuple[Worker, bool]]:
    """Every worker seen within a day, and whether its heartbeat is at most 90 s old."""
    rows = session.exec(
        select(Worker).where(Worker.heartbeat >= at - timedelta(days=1)).order_by(col(Worker.started_at))
    )
    return [(worker, at - worker.heartbeat <= ALIVE) for worker in rows]


def approvals(session: Session, limit: int = 20) -> list[tuple[Approval, Issue, ChangeSet]]:
    """Pending ones, oldest first."""
    rows = session.exec(
        select(Approval, Issue, ChangeSet)
        .join(Issue, col(Issue.id) == Approval.issue_id)
        .join(ChangeSet, col(ChangeSet.id) == Approval.change_set_id)
        .where(Approval.state == "pending")
        .order_by(col(Approval.asked_at))
        .limit(limit)
    )
    return list(rows)


def reviews(session: Session, limit: int = 20) -> list[tuple[Issue, ChangeSet]]:
    """Fixes whose pull requests wait for a person's merge, the oldest first."""
    asked = select(Approval.issue_id).where(Approval.state == "pending")
    rows = session.exec(
        select(Issue, ChangeSet)
        .join(Deployment, col(Deployment.issue_id) == Issue.id)
        .join(ChangeSet, col(ChangeSet.id) == Deployment.change_set_id)
        .where(Issue.status == Status.AWAITING_APPROVAL, col(Issue.id).not_in(asked), ChangeSet.run == Issue.run)
        .where(Deployment.environment == "production", IS_PENDING)
        .order_by(col(Deployment.id))
        .limit(limit)
    )
    return list(rows)


def journeys(session: Session, limit: int = 8) -> list[Issue]:
    """Issues in progress, latest first; then the latest ended ones. None that another one explains."""
    own = select(Issue).where(col(Issue.id).not_in(families.explained()))
    latest = own.order_by(col(Issue.id).desc()).limit(limit)
    under_way = list(session.exec(latest.where(col(Issue.ended_at).is_(None))))
    if len(under_way) == limit:
        return under_way
    ended = session.exec(latest.where(col(Issue.ended_at).is_not(None)).limit(limit - len(under_way)))
    return under_way + list(ended)


def error_rate(
    session: Session,
    source: str,
    since: datetime,
    until: datetime | None = None,
    services: Sequence[str] = (),
    most: int = 5000,
) -> dict[str, list[tuple[datetime, float, float]]]:
    """By service: (time, requests, errors) of each interval that ``source`` measured since then, at most ``most``.

    ``services`` are those asked for; all if empty.
    """
    upper = [Metric.at < until] if until else []
    rows = session.exec(
        select(
            Metric.service,
            Metric.at,
            func.sum(case((col(Metric.name) == "requests", Metric.value), else_=0)),
            func.sum(case((col(Metric.name) == "errors", Metric.value), else_=0)),
        )
        .where(
            Metric.source == source,
            col(Metric.service).in_(services or counting.distinct(session, Metric.service, Metric.source == source)),
            col(Metric.name).in_(["requests", "errors"]),
            Metric.at >= since,
            *upper,
        )
        .group_by(Metric.service, col(Metric.at))
        .order_by(Metric.service, col(Metric.at))
        .limit(most)
    )
    found: dict[str, list] = {}
    for service, at, requests, errors in rows:
        found.setdefault(service, []).append((at, requests, errors))
    return found
