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
    stored = memory.get(CUT, [])
    waited = [StreamLine(text, stream, datetime.fromisoformat(at), name) for name, at, stream, text in stored]
    known = {line.id for line in waited}
    events = joined([*waited, *(line for line in lines if line.id not in known)])
    complete = [event for event in events if not (event.headless and _at(event.first, since) < since + GAP)]
    open_ = [event for event in complete if event.open and event.stack]
    cut = [event for event in open_ if (not last or until - _at(event.last, until) < SETTLE)]
    held = cut[-HELD:]
    while sum(len(event.lines) for event in held) > HELD_LINES:
        held = held[1:]
    waiting = {id(event) for event in held}
    rows = [[line.id, _at(line, since).isoformat(), line.stream, line.text] for event in held for line in event.lines]
    memory = {name: value for name, value in memory.items() if name != CUT} | ({CUT: rows} if rows else {})
    return PageEvents([event for event in complete if id(event) not in waiting], memory)


def text_of(event: LogEvent) -> str:
    """A single line unchanged; the lines of a longer event without their prefixes."""
    return event.text if len(event.lines) > 1 else event.first.text


def _at(line: StreamLine, otherwise: datetime) -> datetime:
    return line.at or otherwise
