"""The samples of a service and of all that it calls around an issue, from stored metric points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from core.models import Metric, ServiceHealth
from core.signals import health
from core.signals.analysis.components import REQUESTS, ComponentSeries, Graph, Incident, reached

NORMAL = timedelta(hours=2)  # before the issue began
STEP = 60.0  # seconds of a sample
SAMPLES = 60  # at most, from the beginning of the issue
LATENCY, ERRORS = "latency", "error rate"

Points = Mapping[str, Mapping[int, ServiceHealth]]  # by service and minute


def stored(
    session: Session, source: str, graph: Graph, service: str, metric: str, began: datetime, until: datetime
) -> Incident | None:
    """The incident of a service whose ``metric`` (LATENCY or ERRORS) failed; None without a callee that is measured."""
    names = reached(service, graph)
    until = min(until, began + SAMPLES * timedelta(seconds=STEP))
    points = _points(session, source, names, began - NORMAL, until)
    if len(points) < 2 or service not in points:
        return None
    first, last = _minute(began), _minute(until)
    series = {}
    for name, minutes in points.items():
        for kind, read in ((metric, VALUES[metric]), (REQUESTS, VALUES[REQUESTS])):
            normal = [read(row) for minute, row in sorted(minutes.items()) if minute < first]
            series[name, kind] = ComponentSeries(
                normal, [read(minutes.get(m, ServiceHealth())) for m in range(first, last + 1)]
            )
    return Incident(service, metric, graph, series)


def _points(session: Session, source: str, names: Sequence[str], since: datetime, until: datetime) -> Points:
    """The health of each minute, of all its intervals together."""
    found: dict[str, dict[int, list[Metric]]] = {}
    rows = session.exec(
        select(Metric).where(
            Metric.source == source,
            col(Metric.service).in_(names),
            col(Metric.at) >= since,
            col(Metric.at) < until,
        )
    )
    for row in rows:
        found.setdefault(row.service, {}).setdefault(_minute(row.at), []).append(row)
    return {name: {at: health.summarize(part) for at, part in minutes.items()} for name, minutes in found.items()}


def _minute(at: datetime) -> int:
    return int(at.timestamp() // STEP)


VALUES: Mapping[str, Callable[[ServiceHealth], float | None]] = {  # None where nothing was measured
    LATENCY: lambda found: found.p95_ms,
    ERRORS: lambda found: found.error_rate,
    REQUESTS: lambda found: found.requests if found.samples else None,
}
