"""Noise: signals that are counted and shown but open no issue. Each verdict is its reason in plain words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatch

from core.models import Kind, Record
from core.models.patterns import Linear

MILD = ("debug", "info", "notice", "warning", "warn")
OWN_FAULT = frozenset({400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 422, 428, 431})
STATUS_NAMES = ("http.status_code", "status_code", "http_status", "response.status", "status", "statusCode")
STATUS_TEXT = Linear(r'(?:HTTP/\d(?:\.\d)?"?|\bstatus(?:[ _]code)?[=: ]+)\s*(4\d\d)\b', "i", 2000)
FLAPS = 4  # changes of state within FLAP_SPAN
FLAP_SPAN = timedelta(minutes=30)


@dataclass(frozen=True)
class ActiveSilence:
    """A silence until ``end``: globs of service and title, or the fingerprints of one issue."""

    end: datetime
    service: str = "*"
    title: str = "*"
    by: str = ""
    start: datetime | None = None
    prints: frozenset[str] | None = None

    def covers(self, record: Record, fingerprint: str) -> bool:
        if not (self.start is None or self.start <= record.at) or record.at >= self.end:
            return False
        if self.prints is not None:
            return fingerprint in self.prints
        return fnmatch(record.service, self.service) and fnmatch(record.title, self.title)


@dataclass(frozen=True)
class PlannedMaintenance:
    start: datetime
    end: datetime
    services: tuple[str, ...] = ("*",)
    title: str = "*"


@dataclass(frozen=True)
class Context:
    """The context of a record. ``known`` maps a fingerprint's key to the reason why it needs no attention."""

    silences: Sequence[ActiveSilence] = ()
    maintenance: Sequence[PlannedMaintenance] = ()
    known: dict[str, str] | None = None
    fingerprint: str = ""
    state_changes: Sequence[datetime] = ()  # recent times when this alert opened or closed


def verdict(record: Record, context: Context = Context()) -> str | None:  # noqa: B008 - frozen
    """Why a record is suppressed, or None if it may open an issue."""
    return next(filter(None, (rule(record, context) for rule in RULES)), None)


def _change(record: Record, _context: Context) -> str | None:
    return "a change, not a fault" if record.kind is Kind.CHANGE else None


def _silenced(record: Record, context: Context) -> str | None:
    for silence in context.silences:
        if silence.covers(record, context.fingerprint):
            by = f" by {silence.by}" if silence.by else ""
            return f"silenced{by} until {silence.end:%Y-%m-%d %H:%M} UTC"
    return None


def _maintained(record: Record, context: Context) -> str | None:
    for window in context.maintenance:
        meant = any(fnmatch(record.service, service) for service in window.services)
        if meant and fnmatch(record.title, window.title) and window.start <= record.at < window.end:
            return f"planned maintenance until {window.end:%Y-%m-%d %H:%M} UTC"
    return None


def _known(_record: Record, context: Context) -> str | None:
    why = (context.known or {}).get(context.fingerprint)
    return f"known: {why}" if why else None


def _own_fault(record: Record, _context: Context) -> str | None:
    if record.kind not in (Kind.EXCEPTION, Kind.LOG):
        return None
    status, crashed = _status(record), bool(record.crash and record.crash.frames)
    if status in OWN_FAULT and not (crashed and record.level in ("error", "fatal")):
        return f"a user's own error (HTTP {status})"
    return None


def _status(record: Record) -> int | None:
    nested = record.attributes.get("http")
    flat = record.attributes | ({f"http.{k}": v for k, v in nested.items()} if isinstance(nested, dict) else {})
    for name in STATUS_NAMES:
        status = str(flat.get(name, ""))[:4]
        if len(status) == 3 and status.isdecimal():
            return int(status)
    found = STATUS_TEXT.search(record.message or record.title)
    return int(found[1]) if found else None


def _mild(record: Record, _context: Context) -> str | None:
    if record.level.lower() not in MILD or record.kind not in (Kind.EXCEPTION, Kind.LOG):
        return None
    if record.kind is Kind.EXCEPTION or record.attributes.get("handled") is True:
        return f"handled: the program reports it as {record.level}"
    return f"logged as {record.level}: an expected rejection or a notice"


def _flapping(record: Record, context: Context) -> str | None:
    recent = sum(record.at - FLAP_SPAN <= at <= record.at for at in context.state_changes)
    if record.kind is not Kind.ALERT or recent < FLAPS:
        return None
    return f"flapping: {recent} state changes in {FLAP_SPAN.seconds // 60} min"


def _recovered(record: Record, _context: Context) -> str | None:
    states = {"ok", "resolved", "closed", "recovered", "deactivated"}
    state = str(record.attributes.get("state", record.attributes.get("status", ""))).lower()
    return "an alert's recovery" if record.kind is Kind.ALERT and state in states else None


RULES: tuple[Callable[[Record, Context], str | None], ...] = (
    _change,
    _silenced,
    _maintained,
    _known,
    _recovered,
    _flapping,
    _own_fault,
    _mild,
)
