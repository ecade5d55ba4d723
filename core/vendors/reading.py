"""Reads a source in streams, page by page, each with a mark that survives restarts.

A stream's mark is where its next reading begins. During a reading it also contains the vendor's cursor of the next
page, so that a reading interrupted by a crash, a fault or the budget continues where it stopped. After a complete
reading the mark is the newest record's time. The next reading overlaps it by ``OVERLAP``, for records that the vendor
indexed late; records that are read twice are stored once, by the vendor's id.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from core.models import MetricPoint, Record
from core.models.hosts import HostPoint
from core.models.traces import SpanRecord
from core.vendors.base import FAULTS, Batch, BudgetSpent, Meter, VendorError

log = logging.getLogger(__name__)

FIRST_LOOK = timedelta(minutes=15)
OVERLAP = timedelta(minutes=5)
QUIET = timedelta(hours=1)  # how far the mark of a silent stream stays behind, because clocks differ
TURN = "next in turn"  # in the marks: the stream that the next cycle reads first
GONE = (400, 404, 410, 422)  # statuses of a vendor for an expired page cursor


Item = TypeVar("Item")  # a record, or a span


@dataclass(frozen=True)
class ReadWindow:
    """The span to read, [since, until), from the page ``after`` on; ``memory`` is the stream's stored memory."""

    since: datetime
    until: datetime
    after: str | None = None
    memory: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """``after`` is the cursor of the next page, None for the last page. ``memory``: None means unchanged.

    ``cut``: why the page could not be read completely; the records so far are kept, and the page is read again.
    """

    records: Sequence[Record] = ()
    metrics: Sequence[MetricPoint] = ()
    after: str | None = None
    memory: dict[str, Any] | None = None
    cut: VendorError | None = None
    spans: Sequence[SpanRecord] = ()
    hosts: Sequence[HostPoint] = ()

    def newest(self, before: datetime) -> datetime:
        items = (*self.records, *self.metrics, *self.spans, *self.hosts)
        return max((item.at for item in items), default=before)


@dataclass(frozen=True)
class Stream:
    """``ascending``: pages come oldest first, so that everything before the newest record was read.

    ``needs``: the permission of a stream that is read where the credential has it; if the vendor refuses it for good,
    that is a note and no fault of the source.
    """

    read: Callable[[ReadWindow], Page]
    ascending: bool = True
    first_look: timedelta = FIRST_LOOK
    overlap: timedelta = OVERLAP
    needs: str = ""


def collect(streams: Mapping[str, Stream], cursor: str | None, until: datetime) -> Iterator[Batch]:
    """Read every stream to its end or until the budget is used up; a failing stream does not stop the others.

    ``cursor`` is JSON: stream -> {"since"} and, during a reading, {"until", "after", "newest"}. After all streams,
    raises the first fault, or BudgetSpent if there is more to read; the next cycle then begins where this one stopped,
    so that the streams take turns.
    """
    marks = marks_of(cursor)
    names = _in_turn(list(streams), str(marks.pop(TURN, {}).get("stream")))
    begun = {name: {"since": (until - s.first_look).isoformat()} for name, s in streams.items() if name not in marks}
    if begun:  # store where a reading begins before anything can fail
        marks |= begun
        yield Batch(cursor=json.dumps(marks))
    faults: list[VendorError] = []
    for name in names:
        stream, before = streams[name], marks[name]
        try:
            for page, mark in _readings(stream, marks[name], until):
                marks[name] = mark
                yield _batch(page, json.dumps(marks))
        except BudgetSpent as spent:
            if TURN not in marks:
                following = names[(names.index(name) + 1) % len(names)]
                marks[TURN] = {"stream": following if marks[name] != before else name}
                yield Batch(cursor=json.dumps(marks))
            faults.append(spent)
        except VendorError as error:
            if stream.needs and error.permanent:
                yield Batch(note=f"{name} cannot be read, which needs {stream.needs}: {error.message}")
            else:
                faults.append(error)
    raise_first(faults)


def _in_turn(names: list[str], first: str) -> list[str]:
    """The names in the same order, from ``first`` on; from the beginning if it is unknown."""
    start = names.index(first) if first in names else 0
    return names[start:] + names[:start]


def _batch(page: Page, cursor: str) -> Batch:
    return Batch(records=page.records, metrics=page.metrics, spans=page.spans, hosts=page.hosts, cursor=cursor)


def _readings(stream: Stream, mark: dict, until: datetime) -> Iterator[tuple[Page, dict]]:
    """Finish the interrupted reading, then read up to now."""
    if mark.get("after"):
        for page, mark in _pages(stream, mark, until):  # noqa: B020 - the last mark is where the next begins
            yield page, mark
    yield from _pages(stream, mark, until)


def records_of(rows: Iterable[dict], read: Callable[[dict], Item], meter: Meter) -> list[Item]:
    """The rows as records, or as spans. An unreadable row is counted and logged, and does not stop the others."""
    records = []
    for row in rows:
        try:
            records.append(read(row))
        except FAULTS as error:
            meter.unreadable += 1
            named = (
                {k: str(row[k])[:100] for k in ("id", "number", "eventId", "issueId") if k in row}
                if isinstance(row, dict)
                else ""
            )
            log.warning("%s sent an unreadable record %s: %.300r", meter.vendor, named, error)
    return records


def marks_of(cursor: str | None) -> dict[str, dict]:
    """The marks in a cursor; an unreadable cursor counts as empty, so that reading starts from the beginning."""
    try:
        found = json.loads(cursor) if cursor else {}
    except (ValueError, RecursionError):
        return {}
    return {k: v for k, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}


def raise_first(faults: Sequence[VendorError]) -> None:
    """Faults come before a spent budget: a fault needs a person, a spent budget only the next cycle."""
    for error in sorted(faults, key=lambda fault: isinstance(fault, BudgetSpent)):
        raise error


def _pages(stream: Stream, mark: dict, until: datetime) -> Iterator[tuple[Page, dict]]:
    """Each page with the mark after it; while one is stored, the next one is already requested."""
    window, newest = _window(stream, mark, until)
    seen = {window.after}
    with ThreadPoolExecutor(1, thread_name_prefix="next-page") as reader:
        page, window = _first(stream, window, mark, until)
        while True:
            newest = min(page.newest(newest), window.until) if stream.ascending else page.newest(newest)
            window = replace(window, memory=window.memory if page.memory is None else page.memory)
            if page.cut:
                yield page, _mark(stream, window, newest, window.after is None, mark)
                raise page.cut
            window = replace(window, after=page.after)
            repeated = page.after is not None and page.after in seen
            following = reader.submit(_read, stream, window) if page.after and not repeated else None
            yield page, _mark(stream, window, newest, repeated, mark)
            if repeated:
                raise VendorError("source", "returned the same page again; the next collection cycle retries")
            if following is None:
                return
            seen.add(page.after)
            page = following.result()


def _first(stream: Stream, window: ReadWindow, mark: dict, until: datetime) -> tuple[Page, ReadWindow]:
    """The first page; if the vendor no longer knows the stored cursor, the reading starts from the beginning."""
    try:
        return _read(stream, window), window
    except VendorError as error:
        if window.after is None or error.status not in GONE:
            raise
    window = replace(window, since=_begin(stream, mark, until), until=until, after=None)
    return _read(stream, window), window


def _read(stream: Stream, window: ReadWindow) -> Page:
    """The next page. A response in an unspecified format is reported as the vendor's fault."""
    try:
        return stream.read(window)
    except FAULTS as error:
        log.exception("a response has an unknown format")
        message = f"returned an unknown format ({type(error).__name__}: {str(error)[:200]})"
        raise VendorError("source", message) from None


def _window(stream: Stream, mark: dict, until: datetime) -> tuple[ReadWindow, datetime]:
    memory = mark.get("memory") or {}
    if mark.get("after"):
        since, end = datetime.fromisoformat(mark["from"]), datetime.fromisoformat(mark["until"])
        return ReadWindow(since, end, mark["after"], memory), datetime.fromisoformat(mark["newest"])
    return ReadWindow(_begin(stream, mark, until), until, None, memory), datetime.fromisoformat(mark["since"])


def _begin(stream: Stream, mark: dict, until: datetime) -> datetime:
    return min(datetime.fromisoformat(mark["since"]), until) - stream.overlap


def _mark(stream: Stream, window: ReadWindow, newest: datetime, anew: bool, before: dict) -> dict:
    """The mark of the next reading, never before records that were certainly read. ``anew``: without a page cursor."""
    kept = {"memory": window.memory} if window.memory else {}
    reached = max(newest, window.since)
    if window.after is None and not anew:
        return {"since": min(max(reached, window.until - QUIET), window.until).isoformat()} | kept
    begin = reached.isoformat() if stream.ascending else before["since"]
    if anew:
        return {"since": begin} | kept
    span = {"from": window.since.isoformat(), "until": window.until.isoformat(), "newest": newest.isoformat()}
    return {"since": begin, "after": window.after} | span | kept
