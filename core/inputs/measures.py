"""Turns server spans and metrics into metric points, and spans into calls between services.

Each accepted request is counted exactly once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from sqlmodel import Session, col, delete, select, update

from core.db import store
from core.inputs import meters
from core.inputs.latency import latency_class, percentile
from core.inputs.naming import known
from core.inputs.otlp_records import SOURCE, moment
from core.models import MetricPoint, now
from core.models.bounds import COUNT
from core.models.inputs import Payload, ServiceCall, SpanLink, SpanWindow
from core.policy.reader import Policy
from core.signals.analysis.corroboration import PRODUCTION, names_of
from core.vendors.base import FAULTS

KINDS = ("traces", "metrics")
STEP = 20  # length of a window in seconds
LINKS = 500  # spans of a request whose peer span is searched; a sample shows the calls as well as all spans
UNRESOLVED = timedelta(minutes=10)
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
        _connect(session, new, policy)
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


# --- calls between services ------------------------------------------------------------------------


def _connect(session: Session, rows: Sequence[dict], policy: Policy) -> None:
    found: set[tuple[str, str]] = set()
    for row in rows[:LINKS]:
        if row["role"] == "client":
            found |= {(row["service"], callee) for callee in _peer(row["peer"], policy)}
            found |= _other_side(session, f"{row['trace']}:{row['span']}", caller=row["service"])
        elif row["role"] == "server" and row["parent"]:
            found |= _other_side(session, f"{row['trace']}:{row['parent']}", callee=row["service"])
    for caller, callee in sorted(found):
        if caller != callee:
            _seen(session, caller, callee)


def _peer(name: str, policy: Policy) -> list[str]:
    """The called service: the first label of the host name, unless the host is an IP address or this machine."""
    if not name or name == "localhost":
        return []
    try:
        ip_address(name)
    except ValueError:
        return [known(name, policy) or known(name.split(".")[0], policy) or name.lower()[:100]]
    return []


def _other_side(session: Session, key: str, **mine: str) -> set[tuple[str, str]]:
    link = session.get(SpanLink, key) or SpanLink(id=key)
    link.sqlmodel_update(mine)
    session.add(link)
    return {(link.caller, link.callee)} if link.caller and link.callee else set()


def _seen(session: Session, caller: str, callee: str) -> None:
    where = (ServiceCall.caller == caller, ServiceCall.callee == callee)
    row = session.exec(select(ServiceCall).where(*where)).first() or ServiceCall(caller=caller, callee=callee)
    row.last_seen = now()
    session.add(row)


def _prune(session: Session, policy: Policy) -> None:
    meters.prune(session)
    session.exec(delete(SpanLink).where(col(SpanLink.at) < now() - UNRESOLVED))
    session.exec(delete(SpanWindow).where((col(SpanWindow.at) < now() - KEPT) | (col(SpanWindow.at) > now() + AHEAD)))
    forgotten = now() - timedelta(days=policy.inputs.edge_days)
    session.exec(delete(ServiceCall).where(col(ServiceCall.last_seen) < forgotten))
