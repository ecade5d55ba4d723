"""Where a stranger's text enters, as evidence that holds it: one entry a field that somebody outside can fill.

Every place is a function ``text -> IssueFacts``: the same issue each time, with the text in one field.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from core.models import Crash, Frame, Kind, Linked, Raised, Record, ServiceHealth
from core.signals.analysis.types import IssueFacts

AT = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
FRAME = Frame(file="shop.py", line=2, function="share", code="return part / whole", locals={"part": "3", "whole": "0"})
CRASH = Crash(
    service="pricing",
    exception=Raised(type="ZeroDivisionError", message="division by zero"),
    frames=(FRAME,),
    logs=("GET /share",),
)
HEALTH = ServiceHealth(requests=1000, errors=20, samples=10)


def record(crash: Crash | None = CRASH, **values: Any) -> Record:
    usual = {"source": "sentry", "vendor_id": "1", "kind": Kind.EXCEPTION, "at": AT, "service": "pricing"}
    return Record(**{**usual, "title": "ZeroDivisionError: division by zero", "crash": crash, **values})


def evidence(record: Record, *changes: Record, title: str = "") -> IssueFacts:
    return IssueFacts(
        title=title or record.title, service="pricing", records=[record], health=HEALTH, changes=list(changes)
    )


def change(**values: Any) -> Record:
    usual = {"source": "github", "vendor_id": "c1", "kind": Kind.CHANGE, "crash": None, "title": "Faster shares"}
    return record(**{**usual, **values})


def crash(**values: Any) -> IssueFacts:
    return evidence(record(Crash(**{**CRASH.__dict__, **values})))


def frame(**values: Any) -> IssueFacts:
    return crash(frames=(Frame(**{**FRAME.__dict__, **values}),))


def exception(**values: Any) -> IssueFacts:
    return crash(exception=Raised(**{**CRASH.exception.__dict__, **values}))


def report(**values: Any) -> IssueFacts:
    """An issue that somebody wrote, beside the crash that it is about."""
    usual = {"source": "github", "vendor_id": "7", "kind": Kind.REPORT, "crash": None, "title": "The shop is broken"}
    found = evidence(record())
    return IssueFacts(**{**found.__dict__, "records": [*found.records, record(**{**usual, **values})]})


def log(text: str) -> IssueFacts:
    """A line that a log holds beside the crash."""
    found = evidence(record())
    line = record(None, source="datadog", kind=Kind.LOG, title=text[:200], message=text)
    return IssueFacts(**{**found.__dict__, "records": [*found.records, line]})


PLACES: dict[str, Callable[[str], IssueFacts]] = {
    "log line": log,
    "log line of the crash": lambda t: crash(logs=(t,)),
    "exception type": lambda t: exception(type=f"ZeroDivisionError{t}"),
    "exception module": lambda t: exception(module=t),
    "exception message": lambda t: exception(message=f"division by zero {t}"),
    "linked exception": lambda t: crash(chain=(Linked(type=t, message=t, relation="context"),)),
    "local name": lambda t: frame(locals={**FRAME.locals, t: "1"}),
    "local value": lambda t: frame(locals={**FRAME.locals, "note": repr(t)}),
    "local value as it came": lambda t: frame(locals={**FRAME.locals, "note": t}),
    "frame code": lambda t: frame(code=t),
    "traceback": lambda t: crash(traceback=f"Traceback (most recent call last):\n{t}\nZeroDivisionError: {t}"),
    "crash.environment": lambda t: crash(environment=t),
    "crash.release": lambda t: crash(release=t),
    "crash.level": lambda t: crash(level=t),
    "tag": lambda t: crash(tags={"browser": t, t: "x"}),
    "signal title": lambda t: evidence(record(title=f"ZeroDivisionError: division by zero {t}")),
    "signal message": lambda t: evidence(record(message=t)),
    "environment": lambda t: evidence(record(environment=t)),
    "release": lambda t: evidence(record(release=t)),
    "level": lambda t: evidence(record(level=t)),
    "url": lambda t: evidence(record(url=t)),
    "vendor id": lambda t: evidence(record(vendor_id=t)),
    "user": lambda t: evidence(record(attributes={"user": {"email": t, "id": t}})),
    "request": lambda t: evidence(record(attributes={"request": {"url": t, "headers": {t: t}}})),
    "issue title": lambda t: evidence(record(), title=f"ZeroDivisionError: division by zero {t}"),
    "title of a report": lambda t: report(title=t),
    "body of a report": lambda t: report(message=t),
    "labels of a report": lambda t: report(attributes={"labels": [t], "author": t}),
    "commit message": lambda t: evidence(record(), change(title=t, message=t)),
    "deployment note": lambda t: evidence(
        record(), change(source="vercel", attributes={"note": t, "ref": t}, release=t)
    ),
}
