"""The samples of a service and of all that it calls around an issue, from stored metric points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from core.models import Metric
from core.signals.analysis.components import REQUESTS, ComponentSeries, Graph, Incident, reached

NORMAL = timedelta(hours=2)  # before the issue began
STEP = 60.0  # seconds of a sample
SAMPLES = 60  # at most, from the beginning of the issue
LATENCY, ERRORS = "latency", "error rate"

Points = Mapping[str, Mapping[int, Mapping[str, float]]]  # service, minute, name of the value: value


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
            series[name, kind] = ComponentSeries(normal, [read(minutes.get(m, {})) for m in range(first, last + 1)])
    return Incident(service, metric, graph, series)


def _points(session: Session, source: str, names: Sequence[str], since: datetime, until: datetime) -> Points:
    found: dict[str, dict[int, dict[str, float]]] = {}
    rows = session.exec(
        select(Metric).where(
            Metric.source == source,
            col(Metric.service).in_(names),
            col(Metric.at) >= since,
            col(Metric.at) < until,
        )
    )
    for row in rows:
        found.setdefault(row.service, {}).setdefault(_minute(row.at), {})[row.name] = row.value
    return found


def _minute(at: datetime) -> int:
    return int(at.timestamp() // STEP)


def _share(row: Mapping[str, float]) -> float | None:
    """Failing requests as a share of all; None where none were measured."""
    return row.get("errors", 0.0) / row["requests"] if row.get("requests") else None


VALUES = {LATENCY: lambda row: row.get("p95_ms"), ERRORS: _share, REQUESTS: lambda row: row.get("requests")}
