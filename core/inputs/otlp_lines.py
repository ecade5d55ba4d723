"""Joins OTLP log records that are single lines of a stack, as collectors send them, by stream and time. Pure.

A record with an exception attribute or without a text is not such a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from core.inputs.lines import SETTLE, ReadLines, trouble
from core.inputs.otlp_records import SOURCE, identity, moment, of_log
from core.models import Kind, Record
from core.models.inputs import Payload
from core.vendors.base import FAULTS
from core.vendors.joining import LogEvent, StreamLine, joined

Known = dict[str, tuple[Payload, dict]]  # by the identity of a line


def read(payloads: Sequence[Payload], at: datetime) -> ReadLines:
    """Records of the lines in these payloads, which are given in order of arrival.

    ``unfinished``: payloads with a part of a stack whose other lines may still arrive, judged by their arrival times.
    """
    known: Known = {}
    events = joined(line for payload in payloads for line in _lines(payload, known))
    kept, unfinished = [], set()
    for event in events:
        owner = known[event.last.id][0]
        if event.open and event.stack and at - owner.received_at < SETTLE:
            unfinished |= {known[line.id][0].id for line in event.lines}
        elif record := _record(event, known):
            kept.append(record)
    return ReadLines(kept, sorted(unfinished))


def is_line(row: dict) -> bool:
    return bool(row.get("line"))  # rows of an older release lack this mark


def _lines(payload: Payload, known: Known) -> Iterator[StreamLine]:
    for row in filter(is_line, payload.body["rows"]):
        try:
            at, stream = moment(int(row["at"])), f"{row['service']}/{row['environment']}/{row['stream']}"
        except FAULTS:
            continue
        line = StreamLine(row["body"], stream, at, identity(row))
        known[line.id] = payload, row
        yield line


def _record(event: LogEvent, known: Known) -> Record | None:
    """The record of an event. A single line becomes the same record as without joining."""
    _, row = known[event.id]
    if (found := trouble(event, row["level"])) is None:
        return None
    line, level = found
    if len(event.lines) == 1:
        return of_log(row | {"level": level})
    return Record(
        source=SOURCE,
        vendor_id=event.id,
        kind=Kind.EXCEPTION if line.stack else Kind.LOG,
        at=moment(int(row["at"])),
        service=row["service"],
        environment=row["environment"],
        release=row["release"] or line.release or None,
        level=level,
        title=line.title[:300],
        message=(line.stack or line.message)[-20_000:],
        attributes={"trace_id": row["trace"] or line.trace or None},
    )
