"""Collect: reads every connected source from its cursor and stores its records once.

The last rows of a page and the next cursor commit together, and ``(source, vendor_id)`` is unique: after a crash at
any point nothing is lost or stored twice. A failing source never stops the cycle; one that fails repeatedly is paused
(circuit breaker), and the System page shows it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import Session, SQLModel

from core.db import bulk, store
from core.inputs import hosts, traces
from core.models import Connector, Kind, Metric, Record, Signal, now
from core.models.bounds import bounded
from core.models.counted import counted
from core.models.origin import Writers
from core.policy.reader import Policy
from core.runtime import Runtime
from core.stages.recount import recounted
from core.vendors.base import Batch, BudgetSpent, Meter, Source, VendorError

log = logging.getLogger(__name__)
SHOWN = 300  # characters of an unexpected error
BREAK_AFTER = 3  # failures in a row
REST_FIRST, REST_MOST = timedelta(seconds=30), timedelta(minutes=10)
LONGEST_WAIT = 3600.0  # seconds that a vendor may ask for
LATER = bulk.replacing(("source", "service", "name", "at"), ("value",))
OVER = "the alert is over"  # why the end of an alert opens no issue
CHUNK = 1000  # rows of one transaction, so that the writer's lock is short


class Collector:
    """Reads the sources in parallel, but never reads one source twice at the same time."""

    def __init__(self, workers: int = 6):
        self.pool = ThreadPoolExecutor(workers, thread_name_prefix="collect")
        self.reading: dict[str, Future] = {}

    def round(self, rt: Runtime, patience: float = 45.0, inputs_only: bool = False) -> dict[str, dict]:
        """Read all sources, or only the inputs that were sent to the platform.

        Returns records, seconds and error by source. Waits at most ``patience`` seconds.
        """
        for source in rt.sources:
            if source.name not in self.reading and _wanted(source, inputs_only):
                self.reading[source.name] = self.pool.submit(read, source, rt.policy)
        wait(self.reading.values(), timeout=patience)
        reading, self.reading = self.reading, {}
        results = {}
        for name, future in reading.items():
            if future.done():
                results[name] = _result(name, future)
            else:
                self.reading[name], results[name] = future, _late(name, patience)
        return results

    def close(self) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)


def _wanted(source: Source, inputs_only: bool) -> bool:
    """A vendor, or an input (core/inputs) that is in use."""
    in_use = getattr(source, "connected", None)
    return not inputs_only if in_use is None else in_use


def _result(name: str, future: Future) -> dict:
    """The result of a source's reading. A failure of the database is its error, and the next cycle reads again."""
    if (fault := future.exception()) is None:
        return future.result()
    log.error("reading %s failed", name, exc_info=fault)
    return {"records": 0, "seconds": 0.0, "error": _failed(fault), "note": ""}


def _failed(fault: BaseException) -> str:
    """The first line: that of the database is followed by its statement, with the texts that were to be stored."""
    first, _, _ = str(fault).partition("\n")
    return f"reading failed: {type(fault).__name__}: {first[:SHOWN]}"


def _late(name: str, patience: float) -> dict:
    error = f"still reading after {patience:.0f} s; the next collection cycle does not wait for it"
    with store.write() as session:
        connector = _connector(session, name)
        connector.error, connector.failures = error, connector.failures + 1
    return {"records": 0, "seconds": patience, "error": error}


def read(source: Source, policy: Policy | None = None) -> dict:
    """Read one source until it has no more records or its budget is used up; records read before a failure are kept."""
    started, records = time.monotonic(), 0
    with store.write() as session:
        connector = _connector(session, source.name)
        connector.last_attempt, cursor, rest = now(), connector.cursor, connector.open_until
    if rest and rest > now():
        return {"records": 0, "seconds": 0.0, "error": f"paused until {rest:%H:%M:%S} UTC: {connector.error or ''}"}
    error, notes, wait = None, [], None
    meter = getattr(source, "meter", None) or Meter(source.name)
    try:
        policy = policy or Policy()
        for batch in limited(source.collect(cursor, now()), policy.environment.most):
            _keep_around(source, batch, policy)
            records += keep(source.name, batch, getattr(source, "counts_all", False))
            notes.append(batch.note)
    except BudgetSpent as spent:
        notes.append(spent.message)
    except VendorError as fault:
        error, wait = fault.message, fault.retry_after
    except Exception as fault:  # a fault of ours must not stop the other sources either; it is shown and logged
        log.exception("reading %s failed", source.name)
        error = _failed(fault)
    note = _note(source, notes, meter)
    _tell(source.name, error, note, wait, meter)
    return {"records": records, "seconds": round(time.monotonic() - started, 2), "error": error, "note": note}


def _note(source: Source, notes: Sequence[str], meter: Meter) -> str:
    note = "; ".join(filter(None, notes)) or getattr(source, "note", "")
    if not meter.unreadable:
        return note
    return f"{counted(meter.unreadable, 'record')} could not be read; see the log. {note}".strip()


def limited(batches: Iterable[Batch], most: int | None) -> Iterator[Batch]:
    """The pages with at most ``most`` records in all; the cursor passes the rest, so that no cycle falls behind."""
    left, dropped = most, 0
    for batch in batches:
        if left is None:
            yield batch
            continue
        over = max(0, len(batch.records) - left)
        left, dropped = max(0, left - len(batch.records)), dropped + over
        yield replace(batch, records=batch.records[: len(batch.records) - over])
    if dropped:
        yield Batch(note=f"the limit of {counted(most or 0, 'record')} a cycle dropped {dropped:,}")


def keep(name: str, batch: Batch, counts_all: bool = False) -> int:
    """Store a page, then its cursor with the last rows of it; returns how many of its records were new.

    ``counts_all``: a record's count includes occurrences that the vendor's webhook already reported one by one.
    """
    parts = [*_parts(Metric, [point.model_dump() for point in batch.metrics])]
    parts += _parts(Signal, [_signal_row(record) for record in batch.records])
    new = 0
    for table, rows in parts[:-1]:
        with store.write() as session:
            new += _insert_new(session, table, rows, counts_all)
    with store.write() as session:
        new += sum(_insert_new(session, table, rows, counts_all) for table, rows in parts[-1:])
        connector = _connector(session, name)
        connector.records += new
        if batch.cursor is not None:
            connector.cursor = batch.cursor
        if batch.records:
            newest = max(record.at for record in batch.records)
            connector.lag_seconds = round((now() - newest).total_seconds(), 1)
    return new


def _keep_around(source: Source, batch: Batch, policy: Policy) -> None:
    """Store what traces and hosts show, before the cursor; a page that is read again stores it once."""
    if batch.spans or batch.hosts:
        with store.write() as session:
            traces.keep(session, batch.spans, policy, source.origin.writers is Writers.TEAM)
            hosts.keep(session, batch.hosts)


def _parts(table: type[SQLModel], rows: list[dict]) -> Iterator[tuple[type[SQLModel], list[dict]]]:
    for start in range(0, len(rows), CHUNK):
        yield table, rows[start : start + CHUNK]


def _signal_row(record: Record) -> dict:
    return bounded(record) | {
        "fingerprint": "",
        "received_at": now(),
        "set_aside": _aside(record),
    }


def _aside(record: Record) -> str | None:
    """Why the record opens no issue; None if it may."""
    if record.kind is Kind.CHANGE:
        return "a change, not a fault"
    return OVER if "over" in record.attributes else None


def _insert_new(session: Session, table: type[SQLModel], rows: list[dict], counts_all: bool) -> int:
    """Store rows; returns the number of new signals. A metric interval that was read before its end is updated."""
    if table is Metric:
        bulk.insert(session, Metric, rows, LATER)
        return 0
    return bulk.insert(session, table, recounted(session, rows) if counts_all else rows)


def _connector(session: Session, name: str) -> Connector:
    return store.row_of(session, Connector, name=name)


def _tell(name: str, error: str | None, note: str, wait: float | None, meter: Meter) -> None:
    with store.write() as session:
        connector = _connector(session, name)
        connector.error, connector.note = error, note
        connector.failures = connector.failures + 1 if error else 0
        connector.open_until = _rest(connector.failures, wait)
        connector.calls_left, connector.vendor_left = meter.left, meter.vendor_left
        if error is None:
            connector.last_success = now()


def _rest(failures: int, wait: float | None) -> datetime | None:
    """Until when a failing source is paused: 30 s after the third failure in a row, doubling up to 10 minutes.

    If the vendor asked for a longer pause, that is used.
    """
    asked = timedelta(seconds=min(wait or 0.0, LONGEST_WAIT))
    rest = min(REST_FIRST * 2 ** min(failures - BREAK_AFTER, 10), REST_MOST) if failures >= BREAK_AFTER else asked
    return now() + max(rest, asked) if rest or asked else None
