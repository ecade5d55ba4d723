"""Converts the stored parts of OTLP requests to records. Pure.

The same exception can arrive several times: from each span that it passes, and from the log. Within one trace it is
one signal, identified by its stack, because some senders shorten the message (KeyError 'x' becomes x).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

from core.models import Kind, Record
from core.signals.grouping import stack
from core.vendors.logline import read_line

SOURCE = "otlp"


def moment(nanoseconds: int) -> datetime:
    """A time from nanoseconds. Raises ValueError, OverflowError or OSError if it is out of range."""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


def read(kind: str, row: dict) -> list[Record]:
    return [of_log(row)] if kind == "logs" else [*of_span(row)]


def of_span(row: dict) -> Iterator[Record]:
    for exception in row["exceptions"]:
        level = "error" if row["failed"] else "warning"
        yield _exception(row, exception, int(exception["at"]) or int(row["at"]), level, row["name"])


def of_log(row: dict) -> Record:
    if row["exception.type"] or row["exception.stacktrace"]:
        return _exception(row, row, int(row["at"]), row["level"], row["body"])
    line = read_line(row["body"])
    return Record(
        source=SOURCE,
        vendor_id=identity(row),
        kind=Kind.EXCEPTION if line.stack else Kind.LOG,
        at=moment(int(row["at"])),
        service=row["service"],
        environment=row["environment"],
        release=row["release"] or None,
        level=row["level"],
        title=line.title[:300],
        message=(line.stack or line.message)[:20_000],
        attributes={"trace_id": row["trace"] or None},
    )


def identity(row: dict) -> str:
    """The identity of a log record without an exception: sent twice, it is one signal."""
    return _digest(row["service"], row["at"], row["span"], row["body"])


def _exception(row: dict, exception: dict, at: int, level: str, where: str) -> Record:
    kind, message, text = (exception[f"exception.{part}"] for part in ("type", "message", "stacktrace"))
    crash = stack.read(text)
    place = crash.frames[-1] if crash and crash.frames else None
    if crash:
        kind, message = kind or crash.exception.type, crash.exception.message or message
    return Record(
        source=SOURCE,
        vendor_id=_digest(row["service"], row["trace"] or at, kind, message, place and (place.file, place.line)),
        kind=Kind.EXCEPTION,
        at=moment(at),
        service=row["service"],
        environment=row["environment"],
        release=row["release"] or None,
        level=level,
        title=f"{kind}: {message}"[:300] if kind else message[:300] or "exception",
        message=(text or message)[-20_000:],
        attributes={
            "exception.type": kind,
            "exception.message": message[:2000],
            "trace_id": row["trace"] or None,
            "where": where[:300],
        },
    )


def _digest(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "replace")).hexdigest()[:32]
