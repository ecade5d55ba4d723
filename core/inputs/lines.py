"""Log lines as records: joined into events by stream, across requests. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.models import Kind, Record
from core.models.inputs import Payload
from core.vendors.joining import LogEvent, StreamLine, joined
from core.vendors.logline import LEVEL, LogLine, read_line

SOURCE = "lines"
MOST = 20_000  # lines of one request
SETTLE = timedelta(seconds=5)  # how long to wait for the rest of a stack
TROUBLE = ("fatal", "critical", "error")


@dataclass(frozen=True)
class ReadLines:
    """Records of complete events; ``unfinished`` are the payloads with a part of an event that may continue."""

    records: list[Record]
    unfinished: list[int]


def read(payloads: Sequence[Payload], at: datetime) -> ReadLines:
    """Records of the errors in these payloads, which are given in order of arrival."""
    owners = {payload.id: payload for payload in payloads}
    events = joined(line for payload in payloads for line in _lines(payload))
    kept, unfinished = [], set()
    for event in events:
        if event.open and _fresh(event, at):
            unfinished |= {_owner(line) for line in event.lines}
        elif record := _record(event, owners[_owner(event.first)]):
            kept.append(record)
    return ReadLines(kept, sorted(unfinished))


def _lines(payload: Payload):
    stream = f"{payload.service}/{payload.kind}"
    for number, text in enumerate(payload.body["lines"]):
        yield StreamLine(text, stream, payload.received_at, f"{payload.id}:{number}")


def _owner(line: StreamLine) -> int:
    return int(line.id.partition(":")[0])


def _fresh(event: LogEvent, at: datetime) -> bool:
    return event.last.at is not None and at - event.last.at < SETTLE


def trouble(event: LogEvent, stated: str = "") -> tuple[LogLine, str] | None:
    """(parsed line, level) of an event that is an error or contains a stack; None for any other event.

    ``stated`` is the level that the sender set.
    """
    line = read_line(event.text)
    stack = line.stack or (event.text if event.kind or event.headless else "")
    level = stated if stated in TROUBLE else line.level or ("error" if stack else "")
    if level not in TROUBLE and not (stack and not LEVEL.match(event.text)):
        return None
    return line, level


def _record(event: LogEvent, payload: Payload) -> Record | None:
    if (found := trouble(event)) is None:
        return None
    (line, level), parsed = found, payload.body
    return Record(
        source=SOURCE,
        vendor_id=event.id,
        kind=Kind.EXCEPTION if line.stack else Kind.LOG,
        at=payload.received_at,
        service=payload.service,
        environment=line.environment or parsed.get("environment") or "production",
        release=line.release or parsed.get("release") or None,
        level=level,
        title=line.title[:300],
        message=(line.stack or line.message)[-20_000:],
        attributes={"stream": payload.kind, "trace_id": line.trace or None},
    )
