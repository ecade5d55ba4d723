"""Sentry: issues with their latest event (frames and locals), and resolving what was verified.

API: GET organizations/{org}/issues/, GET …/issues/{id}/events/latest/, PUT …/issues/{id}/ (trailing slashes kept).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from core.models import Crash, Frame, Kind, Linked, Raised, Record
from core.vendors.base import Batch, Check, VendorError
from core.vendors.http import Http

FIRST_LOOK = timedelta(minutes=15)
OVERLAP = timedelta(seconds=60)  # clocks differ; what is read twice is stored once
PAGES = 50
TEXT = 600  # characters of one local's text


class Sentry:
    name = "sentry"

    def __init__(self, http: Http, org: str, project: str = ""):
        self.http, self.org, self.project = http, org, project

    def collect(self, cursor: str | None, until: datetime) -> Iterator[Batch]:
        """Issues whose last event is newer than the cursor; ``cursor`` is JSON {"since", "counts"}."""
        state = json.loads(cursor) if cursor else {"since": (until - FIRST_LOOK).isoformat(), "counts": {}}
        since = datetime.fromisoformat(state["since"]) - OVERLAP
        counts: dict[str, int] = dict(state["counts"])
        records = []
        for row in self._issues(since):
            if datetime.fromisoformat(row["lastSeen"]) <= since:
                break
            if (record := self._record(row, counts)) is not None:
                records.append(record)
        yield Batch(
            records=records,
            cursor=json.dumps({"since": until.isoformat(), "counts": dict(list(counts.items())[-500:])}),
        )

    def _issues(self, since: datetime) -> Iterator[dict]:
        """Unresolved issues, newest first; ends at the last page, or at a page that comes again."""
        params: dict[str, Any] = {
            "query": "is:unresolved",
            "sort": "date",
            "statsPeriod": "24h",
            "limit": 100,
        }
        if self.project:
            params["project"] = self.project
        seen: set[str] = set()
        for _ in range(PAGES):
            answer = self.http.get(f"/api/0/organizations/{self.org}/issues/", params=params)
            yield from answer.json(list)
            link = answer.next_link()
            if not link or link.get("results") != "true" or link.get("cursor") in seen:
                return
            seen.add(link["cursor"])
            params["cursor"] = link["cursor"]

    def _record(self, row: dict, counts: dict[str, int]) -> Record | None:
        """The issue with its latest event; ``count`` is how many occurrences came since the last look."""
        total = int(row.get("count") or 1)
        new = total - counts.get(row["id"], 0)
        if new <= 0:
            return None
        event = self.http.get(f"/api/0/organizations/{self.org}/issues/{row['id']}/events/latest/").json()
        counts[row["id"]] = total
        return parse(row, event, new, self.http)

    def resolve(self, vendor_id: str) -> None:
        """Mark the issue of a record as resolved; doing it again changes nothing."""
        issue = vendor_id.split(":")[0]
        self.http.request("PUT", f"/api/0/organizations/{self.org}/issues/{issue}/", json={"status": "resolved"})

    def check(self) -> Check:
        try:
            self.http.get(f"/api/0/organizations/{self.org}/issues/", params={"limit": 1, "query": "is:unresolved"})
        except VendorError as error:
            return Check(
                False,
                error.message,
                "SENTRY_URL, SENTRY_ORG, and SENTRY_TOKEN with event:read (Settings > Auth Tokens)",
            )
        return Check(True, f"organization {self.org} can be read")


def parse(row: dict, event: dict, count: int, http: Http) -> Record:
    """An issue and its latest event as a Record. Pure."""
    tags = {tag["key"]: tag["value"] for tag in event.get("tags") or [] if tag.get("key")}
    project = (row.get("project") or {}).get("slug", "")
    release = tags.get("release") or (event.get("release") or {}).get("version")
    at = datetime.fromisoformat(event.get("dateCreated") or row["lastSeen"])
    crash = crash_of(event, tags.get("service") or project, release, tags.get("environment") or "production", http)
    title = http.redact(str(row.get("title") or event.get("title") or "error"))
    return Record(
        source="sentry",
        vendor_id=f"{row['id']}:{event.get('eventID') or event.get('id')}",
        kind=Kind.EXCEPTION if crash else Kind.LOG,
        at=at,
        service=tags.get("service") or project,
        environment=tags.get("environment") or "production",
        release=release,
        level=str(row.get("level") or "error"),
        title=title,
        message=http.redact(str(event.get("message") or "")),
        count=count,
        users=int(row.get("userCount") or 0),
        url=str(row.get("permalink") or ""),
        crash=crash,
        attributes={"first_seen": row.get("firstSeen"), "handled": tags.get("handled")},
    )


def crash_of(event: dict, service: str, release: str | None, environment: str, http: Http) -> Crash | None:
    """The exception of an event; None when it has none (a message, a CSP report)."""
    values = next(
        (entry["data"].get("values") or [] for entry in event.get("entries") or [] if entry.get("type") == "exception"),
        [],
    )
    values = [value for value in values if value.get("type")]
    if not values:
        return None
    last, earlier = values[-1], values[:-1]
    return Crash(
        source="sentry",
        service=service,
        environment=environment,
        release=release,
        exception=Raised(
            type=last["type"], module=last.get("module"), message=http.redact(str(last.get("value") or ""))
        ),
        frames=_frames(last, http),
        chain=tuple(
            Linked(
                type=v["type"],
                module=v.get("module"),
                message=http.redact(str(v.get("value") or "")),
                frames=_frames(v, http),
            )
            for v in reversed(earlier)
        ),
    )


def _frames(value: dict, http: Http) -> tuple[Frame, ...]:
    frames = ((value.get("stacktrace") or {}).get("frames")) or []
    return tuple(
        Frame(
            file=str(frame.get("filename") or frame.get("absPath") or "?"),
            line=frame.get("lineNo") or 0,
            function=str(frame.get("function") or "?"),
            code=_line(frame),
            in_app=bool(frame.get("inApp")),
            locals={str(name): http.redact(literal(v))[:TEXT] for name, v in (frame.get("vars") or {}).items()} or None,
        )
        for frame in frames
    )


def _line(frame: dict) -> str:
    return next(
        (str(text).strip() for number, text in frame.get("context") or [] if number == frame.get("lineNo")),
        "",
    )


def literal(value: Any) -> str:
    """The text of a repr() from Sentry's databag: containers of JSON whose leaves are reprs already."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {literal(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(literal(v) for v in value) + "]"
    return value if isinstance(value, str) else repr(value)


def _key(key: str) -> str:
    return key if key[:1] in "'\"" else repr(key)
