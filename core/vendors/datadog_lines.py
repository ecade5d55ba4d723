"""Joins Datadog log events that are single lines of one stack into whole events. Pure.

The agent reads a container's output line by line, and sets the status error on lines from stderr. Lines of the same
host, service and tags are one stream.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from core.vendors.base import FAULTS
from core.vendors.joining import LogEvent, StreamLine
from core.vendors.line_pages import text_of


def split(rows: Iterable[dict]) -> tuple[list[StreamLine], list[dict]]:
    """(rows that are plain lines, rows that are whole events or unreadable)."""
    lines, others = [], []
    for row in rows:
        line = line_of(row)
        if line:
            lines.append(line)
        else:
            others.append(row)
    return lines, others


def line_of(row: dict) -> StreamLine | None:
    """The row as a line; None for a row with attributes or with several lines, and for an unreadable one."""
    try:
        attributes = row["attributes"]
        text = attributes.get("message")
        if attributes.get("attributes") or not isinstance(text, str) or "\n" in text.strip():
            return None
        stream = [*(attributes.get(name) for name in ("host", "service", "status")), attributes.get("tags") or []]
        at = datetime.fromisoformat(str(attributes["timestamp"]))
        return StreamLine(text, json.dumps(stream), at if at.tzinfo else None, str(row["id"]))
    except FAULTS:
        return None


def row_of(event: LogEvent) -> dict[str, Any]:
    """The joined event as a row: the identity of its stack, the time of its first line, and the whole text."""
    host, service, status, tags = json.loads(event.first.stream)
    at = event.first.at.isoformat() if event.first.at else ""
    values = {"message": text_of(event), "host": host, "service": service, "status": status, "tags": tags}
    return {"id": event.id, "attributes": {**values, "timestamp": at}}
