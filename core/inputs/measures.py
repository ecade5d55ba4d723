"""Turns server spans and metrics into metric points, and spans into calls between services and failing spans.

Each accepted request is counted exactly once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlmodel import Session, col, delete, select, update

from core.db import store
from core.inputs import calls, meters, traces
from core.inputs.latency import latency_class, percentile
from core.inputs.otlp_records import SOURCE, moment
from core.models import MetricPoint, now
from core.models.bounds import COUNT
from core.models.inputs import Payload, SpanWindow
from core.policy.reader import Policy
from core.signals.analysis.corroboration import PRODUCTION, names_of
from core.vendors.base import FAULTS

KINDS = ("traces", "metrics")
STEP = 20  # length of a window in seconds
KEPT = timedelta(days=2)  # how long a window is kept for late spans
AHEAD = timedelta(minutes=10)  # how far a sender's clock may be ahead; a later window would never grow old
Window = tuple[str, datetime]


def measure(payloads: Sequence[Payload], policy: Policy) -> list[MetricPoint]:
    """Count the spans of these payloads, once; returns the points of every window that they touch."""
    rows = {payload.id: _rows(payload) for payload in payloads if payload.kind in KINDS}
    if not rows:
        return []
    with store.write() as session:
        fresh = session.exec(select(Payload.id).where(col(Payload.id).in_(list(rows)), ~col(Payload.measured))).all()
        new = [row for number in fresh for row in rows[number]]
        _count(session, new)
        spans = [span for row in new if (span := traces.of_otlp(row))]
        calls.connect(session, spans, policy)
        traces.store(session, spans)
        session.exec(update(Payload).where(col(Payload.id).in_(fresh)).values(measured=True))
        _prune(session, policy)
        counted = ("server", *meters.ORDER)
        return _points(session, {_window(row) for spans in rows.values() for row in spans if row["role"] in counted})


def _rows(payload: Payload) -> list[dict]:
    """The readable rows: one that cannot be counted must not stop all others, in this cycle and in each later one."""
    found = []
    for row in (payload.body or {}).get("rows") or []:
        try:
            at = _window(row)[1]
            if at <= now() + AHEAD and math.isfinite(float(row.get("count", 0))):
                found.append(row)
        except FAULTS:
            continue
    return found


def _production(row: dict) -> bool:
    return PRODUCTION in names_of(row["environment"])


def _window(row: dict) -> Window:
    """The window in which the span, or the interval of the metric, ended."""
    end = int(row["at"]) + int(float(row.get("ms", 0)) * 1e6)
    moment(end)
    return row["service"], datetime.fromtimestamp(end // 1_000_000_000 // STEP * STEP, UTC)


def _count(session: Session, rows: Sequence[dict]) -> None:
    """Server spans and metrics of production. If a service's metrics are counted, its spans only show its calls."""
    metered = [row for row in rows if row["role"] in meters.ORDER]
    for one in meters.added(session, [row for row in metered if _production(row)]):
        _add(session, one)
    spans = [row for row in rows if row["role"] == "server" and _production(row)]
    silent = {service for service in {row["service"] for row in spans} if meters.measured_by(session, service)}
    for row in spans:
        if row["service"] not in silent:
            latency = Counter({str(latency_class(float(row["ms"]))): 1})
            _add(session, meters.Added(row, 1, int(row["failed"]), latency))


def _add(session: Session, one: meters.Added) -> None:
    window = _stored(session, *_window(one.row))
    window.requests = min(window.requests + round(one.requests), COUNT)
    window.errors = min(window.errors + round(one.errors), COUNT)
    latencies = Counter(window.latencies)
    latencies.update(one.latencies)
    window.latencies = dict(latencies)


def _stored(session: Session, service: str, at: datetime) -> SpanWindow:
    return store.row_of(session, SpanWindow, service=service, at=at)


def _points(session: Session, windows: Iterable[Window]) -> list[MetricPoint]:
    points = []
    for service, at in sorted(windows):
        found = session.exec(select(SpanWindow).where(SpanWindow.service == service, SpanWindow.at == at)).first()
        if found is None:
            continue
        values = {"requests": found.requests, "errors": found.errors}
        values |= {"p95_ms": percentile(found.latencies)} if found.latencies else {}  # counters have no latency
        points += [
            MetricPoint(source=SOURCE, service=service, name=name, at=at, value=round(value, 3))
            for name, value in values.items()
        ]
    return points


def _prune(session: Session, policy: Policy) -> None:
    meters.prune(session)
    calls.prune(session, policy)
    traces.prune(session)
    session.exec(delete(SpanWindow).where((col(SpanWindow.at) < now() - KEPT) | (col(SpanWindow.at) > now() + AHEAD)))
