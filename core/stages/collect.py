"""Collect: read every connected source from its cursor and store what it says, once.

A page and the cursor behind it commit together, and ``(source, vendor_id)`` is unique: a crash between
two pages loses nothing and doubles nothing. One source's failure never stops the round; a source that
fails again and again rests (circuit breaker) and says so.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

from core import store
from core.models import Connector, Kind, Metric, Record, Signal, now
from core.runtime import Runtime
from core.vendors.base import Batch, Source, VendorError

log = logging.getLogger(__name__)
BREAK_AFTER = 3  # failures in a row
REST_FIRST, REST_MOST = timedelta(seconds=30), timedelta(minutes=10)
CHUNK = 500  # rows of one transaction, so that the writer's lock is short


class Collector:
    """Reads the sources side by side; a source that is still being read is not read twice."""

    def __init__(self, workers: int = 6):
        self.pool = ThreadPoolExecutor(workers, thread_name_prefix="collect")
        self.reading: dict[str, Future] = {}

    def round(self, rt: Runtime, patience: float = 45.0) -> dict[str, dict]:
        """Read all sources; returns by source its records, seconds and error. Waits at most ``patience`` s."""
        for source in rt.sources:
            if source.name not in self.reading:
                self.reading[source.name] = self.pool.submit(read, source)
        wait(self.reading.values(), timeout=patience)
        results = {
            name: future.result() if future.done() else _late(name, patience) for name, future in self.reading.items()
        }
        self.reading = {name: future for name, future in self.reading.items() if not future.done()}
        return results

    def close(self) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)


def _late(name: str, patience: float) -> dict:
    error = f"still reading after {patience:.0f} s; the next round goes on without waiting for it"
    with store.write() as session:
        connector = _connector(session, name)
        connector.error, connector.failures = error, connector.failures + 1
    return {"records": 0, "seconds": patience, "error": error}


def read(source: Source) -> dict:
    """Read one source to its end; what came before a failure is kept."""
    started, records = time.monotonic(), 0
    with store.write() as session:
        connector = _connector(session, source.name)
        connector.last_attempt, cursor, rest = now(), connector.cursor, connector.open_until
    if rest and rest > now():
        return {
            "records": 0,
            "seconds": 0.0,
            "error": f"rests until {rest:%H:%M:%S} UTC after repeated failures",
        }
    error = None
    try:
        for batch in source.collect(cursor, now()):
            records += keep(source.name, batch)
    except VendorError as fault:
        error = fault.message
    except Exception as fault:  # a fault of ours must not stop the other sources either; it is shown and logged
        log.exception("reading %s failed", source.name)
        error = f"reading failed: {type(fault).__name__}: {fault}"
    _tell(source.name, error)
    return {"records": records, "seconds": round(time.monotonic() - started, 2), "error": error}


def keep(name: str, batch: Batch) -> int:
    """Store a page and its cursor; returns how many of its records were new."""
    signals = [_signal_row(record) for record in batch.records]
    metrics = [point.model_dump() for point in batch.metrics]
    new = 0
    for table, rows in ((Metric, metrics), (Signal, signals)):
        for start in range(0, len(rows), CHUNK):
            with store.write() as session:
                count = _insert_new(session, table, rows[start : start + CHUNK])
            new += count if table is Signal else 0
    with store.write() as session:
        connector = _connector(session, name)
        connector.records += new
        if batch.cursor is not None:
            connector.cursor = batch.cursor
        if batch.records:
            newest = max(record.at for record in batch.records)
            connector.lag_seconds = round((now() - newest).total_seconds(), 1)
    return new


def _signal_row(record: Record) -> dict:
    row = record.model_dump(exclude={"crash"})
    return row | {
        "crash": record.crash.model_dump(mode="json", by_alias=True) if record.crash else None,
        "fingerprint": "",
        "received_at": now(),
        "set_aside": "a change, not a fault" if record.kind is Kind.CHANGE else None,
    }


def _insert_new(session: Session, table: type[SQLModel], rows: list[dict]) -> int:
    if not rows:
        return 0
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    return session.connection().execute(dialect.insert(table).on_conflict_do_nothing(), rows).rowcount


def _connector(session: Session, name: str) -> Connector:
    row = session.get(Connector, name)
    if row is None:
        row = Connector(name=name)
        session.add(row)
    return row


def _tell(name: str, error: str | None) -> None:
    with store.write() as session:
        connector = _connector(session, name)
        connector.error = error
        connector.failures = connector.failures + 1 if error else 0
        connector.open_until = _rest(connector.failures)
        if error is None:
            connector.last_success = now()


def _rest(failures: int) -> datetime | None:
    """Until when a failing source rests: 30 s after the third failure in a row, doubling up to 10 minutes."""
    if failures < BREAK_AFTER:
        return None
    return now() + min(REST_FIRST * 2 ** (failures - BREAK_AFTER), REST_MOST)
