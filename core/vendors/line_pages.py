"""Joins pages of log lines into whole events, for vendors that deliver each line as a separate event. Pure.

An event that is cut by the end of a page or of a cycle is kept in the stream's memory, which is stored with its mark,
and is completed by the next page or cycle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.vendors.joining import GAP, LogEvent, StreamLine, joined

SETTLE = timedelta(seconds=10)  # how long to wait for the rest of a stack at the end of a cycle
HELD, HELD_LINES = 50, 2000  # maximum incomplete events and lines in memory
CUT = "open"  # name in the stream's memory


@dataclass(frozen=True)
class PageEvents:
    """Complete events, and the memory with the lines of incomplete ones."""

    events: list[LogEvent]
    memory: dict[str, Any]


def waiting(memory: dict[str, Any]) -> frozenset[str]:
    """Identities of the lines in memory."""
    return frozenset(row[0] for row in memory.get(CUT, []))


def whole(
    lines: Sequence[StreamLine], memory: dict[str, Any], since: datetime, until: datetime, last: bool
) -> PageEvents:
    """The events of a page in [since, until); ``last``: no page follows.

    Consecutive cycles overlap. An event that begins before ``since`` was already read completely and is left out.
    """
    known = waiting(memory)
    events = joined([*_waited(memory), *(line for line in lines if line.id not in known)])
    complete = [event for event in events if not _read_before(event, since)]
    held = _bounded([event for event in complete if _cut(event, until, last)])
    held_ids = {id(event) for event in held}
    return PageEvents([event for event in complete if id(event) not in held_ids], _stored(memory, held, since))


def _waited(memory: dict[str, Any]) -> list[StreamLine]:
    rows = memory.get(CUT, [])
    return [StreamLine(text, stream, datetime.fromisoformat(at), name) for name, at, stream, text in rows]


def _stored(memory: dict[str, Any], held: list[LogEvent], since: datetime) -> dict[str, Any]:
    rows = [[line.id, _at(line, since).isoformat(), line.stream, line.text] for event in held for line in event.lines]
    return {name: value for name, value in memory.items() if name != CUT} | ({CUT: rows} if rows else {})


def _read_before(event: LogEvent, since: datetime) -> bool:
    return event.headless and _at(event.first, since) < since + GAP


def _cut(event: LogEvent, until: datetime, last: bool) -> bool:
    """May the rest of its stack still come?"""
    return event.open and event.stack and (not last or until - _at(event.last, until) < SETTLE)


def _bounded(cut: list[LogEvent]) -> list[LogEvent]:
    """The newest of them, as many as the memory may hold."""
    held = cut[-HELD:]
    while sum(len(event.lines) for event in held) > HELD_LINES:
        held = held[1:]
    return held


def text_of(event: LogEvent) -> str:
    """A single line unchanged; the lines of a longer event without their prefixes."""
    return event.text if len(event.lines) > 1 else event.first.text


def _at(line: StreamLine, otherwise: datetime) -> datetime:
    return line.at or otherwise
