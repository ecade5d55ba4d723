"""What was kept of OTLP requests as records. Pure.

The same exception can arrive several times: from each span that it passes, and from the log. Within one trace it is
one signal. The stack tells it best: some senders shorten the message (the KeyError 'x' becomes x).
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
    """Raises ValueError, OverflowError or OSError for a time that no calendar has."""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


def read(kind: str, row: dict) -> list[Record]:
    return [of_log(row)] if kind == "logs" else [*of_span(row)]


def of_span(row: dict) -> Iterator[Record]:
    for told in row["exceptions"]:
        level = "error" if row["failed"] else "warning"
        yield _exception(row, told, int(told["at"]) or int(row["at"]), level, row["name"])


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
    """Of a log record without an exception: sent twice, it is one signal."""
    return _digest(row["service"], row["at"], row["span"], row["body"])


def _exception(row: dict, told: dict, at: int, level: str, where: str) -> Record:
    kind, says, text = (told[f"exception.{part}"] for part in ("type", "message", "stacktrace"))
    crash = stack.read(text)
    place = crash.frames[-1] if crash and crash.frames else None
    if crash:
        kind, says = kind or crash.exception.type, crash.exception.message or says
    return Record(
        source=SOURCE,
        vendor_id=_digest(row["service"], row["trace"] or at, kind, says, place and (place.file, place.line)),
        kind=Kind.EXCEPTION,
        at=moment(at),
        service=row["service"],
        environment=row["environment"],
        release=row["release"] or None,
        level=level,
        title=f"{kind}: {says}"[:300] if kind else says[:300] or "exception",
        message=(text or says)[-20_000:],
        attributes={
            "exception.type": kind,
            "exception.message": says[:2000],
            "trace_id": row["trace"] or None,
            "where": where[:300],
        },
    )


def _digest(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "replace")).hexdigest()[:32]
