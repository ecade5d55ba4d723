"""The health of services from stored metric points of one source at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, func, select

from core.models import Metric, MetricPoint, ServiceHealth

FEWEST_ERRORS = 5  # fewer failed requests are weak evidence
FEWEST_POINTS = 3  # minimum number of metric points: one slow moment is not a trend


def stored(
    session: Session, source: str, services: list[str], since: datetime, until: datetime
) -> dict[str, ServiceHealth]:
    """Health by service in [since, until). p95_ms is the (lower) median of the intervals' 95th percentiles."""
    rows = session.exec(
        select(Metric).where(
            Metric.source == source,
            col(Metric.service).in_(services),
            col(Metric.at) >= since,
            col(Metric.at) < until,
        )
    ).all()
    return {service: summarize([row for row in rows if row.service == service]) for service in services}


def by_service(points: Sequence[MetricPoint], services: Sequence[str]) -> dict[str, ServiceHealth]:
    """Health of each service from its own points."""
    return {service: summarize([p for p in points if p.service == service]) for service in services}


def summarize(points: list) -> ServiceHealth:
    """ServiceHealth of points that have ``name`` (requests, errors, p95_ms) and ``value``."""
    by_name: dict[str, list[float]] = {"requests": [], "errors": [], "p95_ms": []}
    for point in points:
        if point.name in by_name:
            by_name[point.name].append(point.value)
    latencies = sorted(by_name["p95_ms"])
    return ServiceHealth(
        requests=sum(by_name["requests"]),
        errors=sum(by_name["errors"]),
        p95_ms=latencies[(len(latencies) - 1) // 2] if latencies else None,
        samples=len(by_name["requests"]),
    )


def slower(before: ServiceHealth, after: ServiceHealth, factor: float, noise_ms: float) -> bool:
    """Has the 95th percentile grown ``factor``-fold, and by more than the noise (ms)?"""
    if before.p95_ms is None or after.p95_ms is None:
        return False
    return after.p95_ms > max(before.p95_ms * factor, before.p95_ms + noise_ms)


def best_source(session: Session, preferred: str, since: datetime) -> str:
    """The preferred source if it has points since then; otherwise the one with the most points."""
    counts = dict(
        session.exec(select(Metric.source, func.count()).where(col(Metric.at) >= since).group_by(Metric.source)).all()
    )
    return preferred if counts.get(preferred) else max(counts, key=lambda source: counts[source], default=preferred)


def combine(parts: list[ServiceHealth]) -> ServiceHealth:
    """Several services as one; the latency is the worst of theirs."""
    latencies = [part.p95_ms for part in parts if part.p95_ms is not None]
    return ServiceHealth(
        requests=sum(p.requests for p in parts),
        errors=sum(p.errors for p in parts),
        p95_ms=max(latencies, default=None),
        samples=sum(p.samples for p in parts),
    )
