"""An open issue as correlation sees it, and how each record that joins it adds to it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

from core.models import Kind, Record
from core.signals.grouping import symptoms
from core.signals.grouping.fingerprint import Fingerprint
from core.signals.grouping.masking import mask, words
from core.signals.grouping.symptoms import plain

TOKEN = re.compile(r"[a-z][\w-]+")


@dataclass(frozen=True)
class Open:
    """``words`` are the significant words of its messages; ``services`` are all that it affects, as spelled plainly.

    ``symptom`` is set for an issue of alerts. ``ended`` is when a person, a fix or the vendor ended it.
    """

    id: int
    fingerprint: str
    service: str
    kind: Kind
    type: str
    root: str
    subject: str
    message: str  # template of the exception's message, or of the line
    words: frozenset[str]
    calls: tuple[str, ...]
    release: str | None
    first_seen: datetime
    last_seen: datetime
    pattern: str = ""
    code: str = ""  # the statement that failed
    named: frozenset[str] = frozenset()  # names in a report's title, perhaps a service
    services: frozenset[frozenset[str]] = frozenset()
    symptom: str = ""
    endpoints: frozenset[str] = frozenset()
    ended: datetime | None = None

    @property
    def operation(self) -> str:
        return self.pattern.partition("/")[2]


def opened(issue_id: int, record: Record, fp: Fingerprint) -> Open:
    """The issue that a record opens."""
    message = fp.crash.exception.message if fp.crash else record.message or record.title
    endpoint = symptoms.endpoint(record)
    return Open(
        id=issue_id,
        fingerprint=fp.key,
        service=record.service,
        kind=record.kind,
        type=fp.type,
        root=fp.root,
        subject=fp.subject,
        message=mask(message),
        words=words(f"{record.title} {message if fp.crash else record.message}"),
        calls=fp.calls,
        release=record.release,
        first_seen=record.at,
        last_seen=record.at,
        pattern=fp.pattern,
        code=fp.code,
        named=frozenset(TOKEN.findall(record.title.lower())) if record.kind is Kind.REPORT else frozenset(),
        services=frozenset([plain(record.service)] if record.service else []),
        symptom=symptoms.symptom(record),
        endpoints=frozenset([endpoint] if endpoint else []),
    )


def absorb(issue: Open, record: Record, fp: Fingerprint) -> Open:
    """The issue after a record joined it, with its unknown fields filled in."""
    new = opened(issue.id, record, fp)
    known = {"service": issue.service or new.service, "release": issue.release or new.release}
    if issue.kind in symptoms.SIGNS:  # an alert came first: the record is more specific
        known["kind"] = new.kind
    if not issue.type or (new.type == issue.type and not issue.calls):
        known |= {name: getattr(new, name) or getattr(issue, name) for name in ("type", "root", "calls", "code")}
        known |= {"subject": new.subject or issue.subject, "pattern": new.pattern or issue.pattern}
        known |= {"message": new.message if new.type else issue.message, "words": issue.words | new.words}
    span = {
        "first_seen": min(issue.first_seen, record.at),
        "last_seen": max(issue.last_seen, record.at),
        "services": issue.services | new.services,
        "endpoints": issue.endpoints | new.endpoints,
    }
    return replace(issue, **known, **span)


def gap(a: Open, b: Open) -> float:
    """Seconds between two spans of time; 0 if they overlap."""
    return max(0.0, (a.first_seen - b.last_seen).total_seconds(), (b.first_seen - a.last_seen).total_seconds())
