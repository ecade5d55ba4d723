"""Turns a service's metrics into requests, errors and latencies, counted once for each interval.

Cumulative values, OpenTelemetry's default, count from the start of a process. The last value of each series is stored,
and the difference counts. For a new stream whose process started earlier, the first value is only the baseline.
Duration metrics take precedence over the counters of the policy, and both over spans, which may be sampled.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlmodel import Session, col, delete, select

from core.models import now
from core.models.inputs import MeterStream

ACTIVE = timedelta(minutes=15)  # how long a stream without new values still counts as the service's metrics
KEPT = timedelta(days=2)
SERIES = 2000  # maximum series of one stream
STARTED = 120 * 10**9  # nanoseconds: a process that started this recently is counted from its start
ORDER = ("duration", "requests", "errors")


@dataclass
class Added:
    """The increase that one point adds to the window in which its interval ends."""

    row: dict
    requests: float = 0.0
    errors: float = 0.0
    latencies: Counter[str] = field(default_factory=Counter)


def added(session: Session, rows: Sequence[dict]) -> list[Added]:
    """The increase of each series, oldest first; rows that are already counted add nothing."""
    streams: dict[str, MeterStream] = {}
    found: list[Added] = []
    for row in sorted(rows, key=lambda row: (ORDER.index(row["role"]), int(row["at"]))):
        stream = _stream(session, streams, row)
        if row["role"] == "duration" or not measured_by(session, row["service"], ("duration",)):
            found += _increase(stream, row)
        stream.seen = now()
    session.flush()
    return found


def measured_by(session: Session, service: str, roles: Sequence[str] = ("duration", "requests")) -> bool:
    """Does the service have an active stream of one of these roles?"""
    where = (MeterStream.service == service, col(MeterStream.role).in_(roles), col(MeterStream.seen) > now() - ACTIVE)
    return session.exec(select(MeterStream.id).where(*where).limit(1)).first() is not None


def _stream(session: Session, known: dict[str, MeterStream], row: dict) -> MeterStream:
    parts = (row["service"], row["environment"], row["release"], row["stream"], row["name"])
    key = hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
    if key not in known:
        found = session.get(MeterStream, key) or MeterStream(id=key, service=row["service"], role=row["role"])
        found.series = dict(found.series)  # a copy to change: the ORM compares it with the loaded value
        session.add(found)
        known[key] = found
    return known[key]


def _increase(stream: MeterStream, row: dict) -> Iterator[Added]:
    at, start = int(row["at"]), int(row["start"])
    count, latencies = float(row["count"]), {name: float(n) for name, n in row["latencies"].items()}
    series = stream.series.get(row["key"])
    if _left_out(stream, series, at):
        return
    before = None if row["delta"] else _before(stream, series, start, at, count)
    kept = {} if row["delta"] else latencies
    begun = series["first"] if series else at
    stream.series[row["key"]] = {"first": begun, "start": start, "at": at, "count": count, "latencies": kept}
    if before:
        count -= before["count"]
        latencies = {name: n - before["latencies"].get(name, 0.0) for name, n in latencies.items()}
    if count > 0:
        yield _added(row, count, latencies)


def _left_out(stream: MeterStream, series: dict | None, at: int) -> bool:
    """Is the value already counted, or its series one too many?"""
    return at <= series["at"] if series else len(stream.series) >= SERIES


def _added(row: dict, count: float, latencies: dict[str, float]) -> Added:
    of_errors = row["role"] == "errors"
    errors, requests = count if row["failed"] or of_errors else 0.0, 0.0 if of_errors else count
    return Added(row, requests, errors, Counter({name: n for name, n in latencies.items() if n > 1e-9}))  # pyright: ignore[reportArgumentType]


def _before(stream: MeterStream, series: dict | None, start: int, at: int, count: float) -> dict | None:
    """The earlier value to subtract from a cumulative one; None if all of it is new."""
    if series:
        return series if start == series["start"] and count >= series["count"] else None  # else the process restarted
    known = any(one["first"] < at for one in stream.series.values())  # an earlier export would contain this series
    begun = start > 0 and at - start <= STARTED
    return None if known or begun else {"count": count, "latencies": {}}


def prune(session: Session) -> None:
    session.exec(delete(MeterStream).where(col(MeterStream.seen) < now() - KEPT))
