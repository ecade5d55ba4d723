"""Sentry: issues with their latest event (frames and locals), and resolving issues whose fix was verified; spans and
releases (sentry_activity.py).

An issue can also be an alert: of a metric, uptime or cron monitor, or of a performance problem that Sentry found.

API: GET organizations/{org}/issues/, GET …/issues/{id}/events/latest/, PUT …/issues/{id}/ (trailing slashes kept).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from core.models import Crash, Frame, Kind, Linked, Raised, Record
from core.models.origin import Origin, Writers
from core.vendors.base import Batch, BudgetSpent, Check, Meter, VendorError
from core.vendors.http import Http
from core.vendors.reading import Page, ReadWindow, Stream, collect, records_of
from core.vendors.redact import Redacting
from core.vendors.sentry_activity import SentryActivity, after_of
from core.vendors.values import first, mapping, text

SECOND = timedelta(seconds=1)  # times are whole seconds; the current one belongs to the span
TEXT = 600  # maximum characters of one local
DEPTH = 30  # maximum nesting of containers; Sentry itself keeps ten levels
EVIDENCE = 20  # lines of an alert's evidence
SLOW = {"metric": "p95_ms"}  # a performance problem is a symptom of latency
ALERTS: dict[str, dict[str, str]] = {  # categories of issues that are alerts, with what they measure
    **dict.fromkeys(("performance", "db_query", "http_client", "frontend", "mobile"), SLOW),
    **dict.fromkeys(("metric", "metric_alert", "outage", "uptime", "cron"), {}),
}
RESOLVED = 100  # maximum issues that are resolved for one fix
REMEMBERED = 2000  # maximum issues whose counts are stored


class Sentry:
    name = "sentry"
    origin = Origin("Sentry", Writers.ANYONE, "which anyone who knows the DSN can write to")
    counts_all = True  # a record's count includes all occurrences since the last reading

    def __init__(self, http: Http, org: str, project: str = ""):
        self.http, self.org, self.project = http, org, project

    @property
    def meter(self) -> Meter:
        return self.http.meter

    def collect(self, cursor: str | None, until: datetime) -> Iterator[Batch]:
        """Unresolved issues seen since the last reading; the memory is each issue's count at that time."""
        self.http.meter.begin()
        streams = {"issues": Stream(self._issues, ascending=False)}
        return collect(streams | SentryActivity(self.http, self.org, self.project).streams(), cursor, until)

    def _issues(self, window: ReadWindow) -> Page:
        """A page of issues that occurred again, each with its latest event."""
        params: dict[str, Any] = {"query": "is:unresolved", "sort": "date", "limit": 100}
        params |= {"start": _iso(window.since), "end": _iso(window.until + SECOND)}
        params |= {"project": self.project} if self.project else {}
        params |= {"cursor": window.after} if window.after else {}
        answer = self.http.get(f"/api/0/organizations/{self.org}/issues/", params=params)
        counts: dict[str, int] = dict(window.memory)
        records: list[Record] = []
        cut: VendorError | None = None
        try:
            for row in answer.json(list):
                records += self._record(row, counts)
        except BudgetSpent as spent:
            cut = spent
        return Page(records, after=after_of(answer), memory=dict(list(counts.items())[-REMEMBERED:]), cut=cut)

    def _record(self, row: dict, counts: dict[str, int]) -> list[Record]:
        """The issue with its latest event; ``count`` is the number of occurrences since the last reading."""
        if not {"id", "count"} <= row.keys():
            self.meter.unreadable += 1
            return []
        total = int(row["count"] or 1)
        new = total - counts.get(row["id"], 0)
        if new <= 0:
            return []
        event = self._event(row["id"])
        counts.pop(row["id"], None)  # keep the order of last use
        counts[row["id"]] = total
        records = records_of([row], lambda row: parse(row, event, new, self.http), self.meter)
        return records or records_of([row], lambda row: parse(row, {}, new, self.http), self.meter)

    def _event(self, issue: str) -> dict:
        """The latest event; empty if Sentry has none or fails to return it: then only the issue is reported."""
        try:
            return self.http.get(f"/api/0/organizations/{self.org}/issues/{issue}/events/latest/").json()
        except VendorError as error:
            if error.status == 404 or (error.status or 0) >= 500:
                return {}
            raise

    def resolve(self, vendor_ids: Sequence[str]) -> int:
        """Mark the issues of these records as resolved; returns how many are. Idempotent."""
        names = dict.fromkeys(name.partition(":")[0] for name in vendor_ids)
        return sum(self._resolved(name) for name in [name for name in names if name.isdecimal()][:RESOLVED])

    def _resolved(self, issue: str) -> bool:
        """Mark it; False if Sentry has it no longer."""
        try:
            self.http.request("PUT", f"/api/0/organizations/{self.org}/issues/{issue}/", json={"status": "resolved"})
        except VendorError as error:
            if error.status != 404:
                raise
            return False
        return True

    def check(self) -> Check:
        try:
            self.http.get(f"/api/0/organizations/{self.org}/issues/", params={"limit": 1, "query": "is:unresolved"})
        except VendorError as error:
            return Check(False, error.message, self._whereto(error))
        return Check(True, f"organization {self.org} is readable")

    def _whereto(self, error: VendorError) -> str:
        if error.status == 429 or (error.status or 0) >= 500:
            return "no change needed here; see https://status.sentry.io"
        if error.status == 401:
            return "SENTRY_TOKEN: an auth token (Settings > Developer Settings > a new internal integration)"
        if error.status == 403:
            return "SENTRY_TOKEN with the scopes org:read, event:read and event:write (the integration's permissions)"
        if error.status == 404:
            return f"SENTRY_ORG: the slug in the address of your organization, now {self.org!r}; or SENTRY_URL's region"
        return "check SENTRY_URL (sentry.io, us.sentry.io, de.sentry.io, or your own host) and the network"


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def parse(row: dict, event: dict, count: int, http: Redacting) -> Record:
    """An issue and its latest event as a Record. Pure."""
    tags = _tags(event)
    service, release, environment = _origin(row, event, tags)
    crash = crash_of(event, service, release, environment, http)
    alert = None if crash else _alert(row)
    seen = first(event.get("eventID"), event.get("id"), f"count-{row.get('count')}")
    more = {"first_seen": row.get("firstSeen"), "handled": tags.get("handled"), "trace_id": _trace(event)}
    return Record(
        source="sentry",
        vendor_id=f"{row['id']}:{seen}",
        kind=Kind.EXCEPTION if crash else Kind.LOG if alert is None else Kind.ALERT,
        at=datetime.fromisoformat(event.get("dateCreated") or row["lastSeen"]),
        service=service,
        environment=environment,
        release=release,
        level=first(row.get("level"), "error") if alert is None else "error",
        title=http.redact(first(row.get("title"), event.get("title"), "error")),
        message=http.redact(first(shown(event), event.get("message"))),
        count=count,
        users=int(row.get("userCount") or 0),
        url=first(row.get("permalink")),
        crash=crash,
        attributes=more | (alert or {}),
    )


def _tags(event: dict) -> dict:
    return {tag["key"]: tag["value"] for tag in event.get("tags") or [] if tag.get("key")}


def _origin(row: dict, event: dict, tags: dict) -> tuple[str, str | None, str]:
    """Service, release and environment; the service is the project's name if no tag names one."""
    service = tags.get("service") or (row.get("project") or {}).get("slug", "")
    release = tags.get("release") or (event.get("release") or {}).get("version")
    return service, release, tags.get("environment") or "production"


def _alert(row: dict) -> dict[str, str] | None:
    """What an issue that is an alert tells of itself; None if its category is no alert's."""
    category = first(row.get("issueCategory"))
    if category not in ALERTS:
        return None
    return {"transaction": first(row.get("culprit")), "category": category, **ALERTS[category]}


def shown(event: dict) -> str:
    """What an alert's event shows: its evidence, one line each; empty for an error."""
    rows = mapping(event.get("occurrence")).get("evidenceDisplay") or []
    lines = (f"{text(mapping(row).get('name'))}: {text(mapping(row).get('value'))}" for row in rows[:EVIDENCE])
    return "\n".join(lines)


def _trace(event: dict) -> str | None:
    return text(mapping(mapping(event.get("contexts")).get("trace")).get("trace_id")) or None


def crash_of(event: dict, service: str, release: str | None, environment: str, http: Redacting) -> Crash | None:
    """The exception of an event; None if it has none (a message, a CSP report)."""
    values = _exceptions(event)
    if not values:
        return None
    return Crash(
        source="sentry",
        service=service,
        environment=environment,
        release=release,
        exception=Raised(**_raised(values[-1], http)),
        frames=_frames(values[-1], http),
        chain=tuple(Linked(**_raised(v, http), frames=_frames(v, http)) for v in reversed(values[:-1])),
    )


def _exceptions(event: dict) -> list[dict]:
    """The exceptions of an event that name their type; the last one ended the request."""
    entries = (entry["data"] for entry in event.get("entries") or [] if entry.get("type") == "exception")
    return [value for value in next(entries, {}).get("values") or [] if value.get("type")]


def _raised(value: dict, http: Redacting) -> dict[str, Any]:
    return {"type": value["type"], "module": value.get("module"), "message": http.redact(first(value.get("value")))}


def _frames(value: dict, http: Redacting) -> tuple[Frame, ...]:
    return tuple(_frame(frame, http) for frame in (value.get("stacktrace") or {}).get("frames") or [])


def _frame(frame: dict, http: Redacting) -> Frame:
    return Frame(
        file=first(frame.get("filename"), frame.get("absPath"), "?"),
        line=frame.get("lineNo") or 0,
        function=first(frame.get("function"), "?"),
        code=_line(frame),
        in_app=bool(frame.get("inApp")),
        locals={str(name): http.redact(literal(v))[:TEXT] for name, v in (frame.get("vars") or {}).items()} or None,
    )


def _line(frame: dict) -> str:
    return next(
        (str(text).strip() for number, text in frame.get("context") or [] if number == frame.get("lineNo")),
        "",
    )


def literal(value: Any, depth: int = DEPTH) -> str:
    """The text of a repr() from Sentry's databag: JSON containers whose leaves are reprs."""
    if isinstance(value, dict | list) and not depth:
        return "..."
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {literal(v, depth - 1)}" for key, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(literal(v, depth - 1) for v in value) + "]"
    return value if isinstance(value, str) else repr(value)


def _key(key: str) -> str:
    return key if key[:1] in "'\"" else repr(key)
