"""Runs the anomaly detectors of all services: each cycle reads the new metric points, and an alarm becomes a signal.

The detectors live in this process. After a restart they read the last two days again; an alarm is identified by its
service, metric and minute, so that a repeated alarm opens no issue. While an open issue of a service still occurs, it
explains that service's errors: they open no further issue.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from core.db import store
from core.models import Issue, Kind, Metric, Record, Signal, Status, now
from core.runtime import Runtime
from core.signals.anomaly.service_stream import ERRORS, LATENCY, REQUESTS, ServiceAlarm, ServiceInterval, ServiceStream
from core.signals.health import best_source

HISTORY = timedelta(days=2)
SETTLED = timedelta(minutes=2)  # vendors may still change younger points
NEWS = timedelta(minutes=30)  # older alarms open no signal
EXPLAINED = timedelta(minutes=15)  # errors of an open issue in this time explain an alarm
OVER = (Status.RESOLVED, Status.DISMISSED)
TITLES = {
    ERRORS: "Error rate of {service} rose from {before:.1f} to {after:.1f} % of requests",
    REQUESTS: "Traffic of {service} fell from {before} to {after} requests an interval",
    LATENCY: "Latency of {service} rose from {before:.0f} to {after:.0f} ms (95th percentile)",
}
NAMES = {ERRORS: "error_rate", REQUESTS: "requests", LATENCY: "p95_ms"}


class ServiceDetectors:
    """The detector streams of one database's services, and the position up to which each was read."""

    def __init__(self) -> None:
        self.streams: dict[tuple[str, str], ServiceStream] = {}
        self.read: dict[tuple[str, str], datetime] = {}
        self.unstored: list[tuple[str, ServiceAlarm]] = []
        self.lock = threading.Lock()

    def step(self, rt: Runtime, at: datetime) -> int:
        """Read what is new; returns how many signals it made."""
        with self.lock:
            with store.read() as session:
                source = best_source(session, rt.policy.watch.source, at - HISTORY)
                for name in rt.policy.services:
                    self.unstored += [(name, alarm) for alarm in self._alarms(session, rt, source, name, at)]
            self.unstored = [(name, alarm) for name, alarm in self.unstored if alarm.began >= at - NEWS]
            if not self.unstored:
                return 0
            with store.write() as session:
                made = sum(_stored(session, name, alarm) for name, alarm in self.unstored)
            self.unstored = []  # only now: a write that fails is repeated by the next cycle
            return made

    def _alarms(self, session: Session, rt: Runtime, source: str, name: str, at: datetime) -> Iterator[ServiceAlarm]:
        key = source, name
        stream = self.streams.setdefault(key, ServiceStream(rt.policy.watch))
        for row in intervals(session, source, name, self.read.get(key, at - HISTORY), at - SETTLED):
            self.read[key] = row.at
            yield from stream.step(row)


_detectors: WeakKeyDictionary[Engine, ServiceDetectors] = WeakKeyDictionary()


def detect(rt: Runtime) -> int:
    """Run the detectors of this process's database once."""
    return _detectors.setdefault(store.engine(), ServiceDetectors()).step(rt, now())


def intervals(session: Session, source: str, service: str, after: datetime, until: datetime) -> list[ServiceInterval]:
    """The intervals of a service in (after, until], in order."""
    found: dict[datetime, dict[str, float]] = {}
    rows = session.exec(
        select(Metric.at, Metric.name, Metric.value)
        .where(Metric.source == source, Metric.service == service)
        .where(Metric.at > after, Metric.at <= until, col(Metric.name).in_(list(TITLES)))
        .order_by(col(Metric.at))
    )
    for at, name, value in rows:
        found.setdefault(at, {})[name] = value
    return [ServiceInterval(at, row.get("requests"), row.get("errors"), row.get("p95_ms")) for at, row in found.items()]


def _stored(session: Session, service: str, alarm: ServiceAlarm) -> bool:
    """Store the alarm as a signal, unless it is known or explained."""
    record = as_signal(service, alarm)
    known = select(Signal.id).where(Signal.source == record.source, Signal.vendor_id == record.vendor_id)
    if session.exec(known).first() is not None or _explained(session, service, alarm):
        return False
    session.add(Signal(**record.model_dump(exclude={"crash"})))
    session.flush()
    return True


def _explained(session: Session, service: str, alarm: ServiceAlarm) -> bool:
    """An open issue of the service that still occurs or concerns the same metric."""
    open_ = select(Issue.id).where(Issue.of_service(service), col(Issue.status).not_in(OVER))
    recent = open_.where(Issue.last_seen >= alarm.began - EXPLAINED)
    same = open_.where(Issue.kind == Kind.METRIC)
    return session.exec(recent.limit(1)).first() is not None or session.exec(same.limit(1)).first() is not None


def few(value: float) -> str:
    """With a decimal where a whole number would hide the difference."""
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"


def as_signal(service: str, alarm: ServiceAlarm) -> Record:
    metric, scale = NAMES[alarm.name], 100 if alarm.name == ERRORS else 1
    values = {"before": alarm.before * scale, "after": alarm.after * scale}
    if alarm.name == REQUESTS:
        values = {name: few(value) for name, value in values.items()}
    title = TITLES[alarm.name].format(service=service, **values)
    return Record(
        source="platform",
        vendor_id=f"{metric}:{service}:{alarm.began:%Y%m%d%H%M}",
        kind=Kind.METRIC,
        at=alarm.began,
        service=service,
        title=title,
        message="Found by the anomaly detector of this service; no open issue explains it.",
        attributes={"metric": metric, "before": alarm.before, "after": alarm.after},
    )
