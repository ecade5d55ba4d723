"""Joins CloudWatch log events that are single lines (awslogs, journald) into whole events.

A filter pattern returns only matching lines, so a stack is incomplete: the lines around its beginning are read again
without the pattern, from its own stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.vendors.base import FAULTS
from core.vendors.joining import LogEvent, StreamLine, begins_stack
from core.vendors.line_pages import text_of

BEHIND = timedelta(seconds=2)  # time in which a program writes its stack
SPANS, STREAMS, PAGES = 20, 100, 3  # maximum calls for one page; streams of one call; pages of one span
Context = Callable[[list[str], datetime, datetime, str | None], dict]


@dataclass(frozen=True)
class ContextSpan:
    """A time span with stacks that began near each other."""

    streams: tuple[str, ...]
    begin: datetime
    end: datetime


def line_of(row: dict) -> StreamLine | None:
    """The row as a line; None if it is unreadable, which the reader of records counts."""
    try:
        at = datetime.fromtimestamp(row["timestamp"] / 1000, UTC)
        return StreamLine(str(row.get("message") or ""), str(row.get("logStreamName") or ""), at, str(row["eventId"]))
    except FAULTS:
        return None


def row_of(event: LogEvent) -> dict:
    """The joined event as a row: the time of its first line, the identity of its stack, and the whole text."""
    first = event.first
    return {
        "eventId": event.id,
        "timestamp": first.at.timestamp() * 1000 if first.at else 0,
        "logStreamName": first.stream,
        "message": text_of(event),
    }


def with_context(lines: Sequence[StreamLine], context: Context) -> list[StreamLine]:
    """The lines, and those around each beginning of a stack, in order of time."""
    near: dict[str, StreamLine] = {}
    for span in spans(lines):
        for row in _rows(span, context):
            if line := line_of(row):
                near.setdefault(line.id, line)
    others = [line for line in lines if line.id not in near]
    return sorted([*others, *near.values()], key=lambda line: line.at or datetime.min.replace(tzinfo=UTC))


def _rows(span: ContextSpan, context: Context) -> Iterator[dict]:
    token: str | None = None
    for _ in range(PAGES):
        found = context(list(span.streams), span.begin, span.end, token)
        yield from found.get("events") or []
        if not (token := found.get("nextToken")):
            return


def spans(lines: Sequence[StreamLine]) -> list[ContextSpan]:
    """The spans in which stacks begin, the latest ones if there are too many; simultaneous stacks share a span."""
    found: list[ContextSpan] = []
    begun = [line for line in lines if line.at and line.stream and begins_stack(line.text)]
    for line in sorted(begun, key=lambda line: line.at or datetime.max):
        assert line.at
        own = ContextSpan((line.stream,), line.at, line.at + BEHIND)
        if found and (both := _merged(found[-1], own)):
            found[-1] = both
        else:
            found.append(own)
    return found[-SPANS:]


def _merged(last: ContextSpan, span: ContextSpan) -> ContextSpan | None:
    """One span of both; None if they are apart, or if it would have too many streams."""
    streams = tuple(dict.fromkeys((*last.streams, *span.streams)))
    return ContextSpan(streams, last.begin, span.end) if span.begin <= last.end and len(streams) <= STREAMS else None


def matched(event: LogEvent, names: frozenset[str]) -> bool:
    """Did the pattern match a line of the event? The context also contains irrelevant lines."""
    return any(line.id in names for line in event.lines)
