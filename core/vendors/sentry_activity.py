"""Sentry's spans and releases: failing transactions and spans with their traces, and deployments to production.

API: GET organizations/{org}/events/ with the dataset ``spans``, GET organizations/{org}/releases/ (newest first).

Anyone who knows a DSN can send events, and thereby name a release. A deployment is only made with a token, so that only
releases with one are changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from core.models import Kind, Record
from core.models.traces import SpanRecord
from core.signals.analysis.corroboration import PRODUCTION, names_of
from core.signals.analysis.suspects import commit_of
from core.vendors.http import Http, VendorAnswer
from core.vendors.reading import Page, ReadWindow, Stream, records_of
from core.vendors.redact import Redacting
from core.vendors.values import mapping, text
from core.vendors.whole_traces import EARLIER, traces_of

FIRST_LOOK = timedelta(hours=24)
PAGE = 100  # rows
FAILING = "span.status:[internal_error,unavailable,deadline_exceeded,resource_exhausted,data_loss]"
FAILED = frozenset(FAILING.partition("[")[2].rstrip("]").split(","))
FIELDS = (
    "id",
    "trace",
    "parent_span",
    "project",
    "environment",
    "span.op",
    "span.description",
    "span.status",
    "transaction",
    "precise.start_ts",
    "precise.finish_ts",
)
OPS = {"http.server": "server", "queue.process": "server", "http.client": "client", "queue.publish": "client"}


class SentryActivity:
    def __init__(self, http: Http, org: str, project: str = ""):
        self.http, self.path = http, f"/api/0/organizations/{org}"
        self.project = {"project": project} if project else {}

    def streams(self) -> dict[str, Stream]:
        return {
            "spans": Stream(self._spans, False, needs="the dataset of spans, and event:read of SENTRY_TOKEN"),
            "releases": Stream(self._releases, False, FIRST_LOOK, FIRST_LOOK, "project:releases of SENTRY_TOKEN"),
        }

    def _spans(self, window: ReadWindow) -> Page:
        """A page of failing spans with the spans of their traces."""
        answer = self._asked(FAILING, window, window.since, window.after)
        found = self._read(answer)
        if traces := traces_of(found):
            whole = self._asked(f"trace:[{','.join(traces)}]", window, window.since - EARLIER)
            found += self._read(whole)
        return Page(spans=found, after=after_of(answer))

    def _asked(self, query: str, window: ReadWindow, since: datetime, after: str | None = None) -> VendorAnswer:
        params: dict[str, Any] = {"dataset": "spans", "field": FIELDS, "query": query, "per_page": PAGE}
        params |= {"start": _iso(since), "end": _iso(window.until), "sort": "precise.finish_ts"}
        return self.http.get(
            f"{self.path}/events/", params={**params, **self.project, **({"cursor": after} if after else {})}
        )

    def _read(self, answer: VendorAnswer) -> list[SpanRecord]:
        return records_of(answer.rows("data"), lambda row: span(row, self.http), self.http.meter)

    def _releases(self, window: ReadWindow) -> Page:
        """The releases of the first page that were deployed to production since."""
        rows = self.http.get(f"{self.path}/releases/", params={"per_page": PAGE, **self.project}).json(list)
        pairs = [{"release": row, "project": slug} for row in rows for slug in slugs(row)]
        found = records_of(pairs, lambda one: release(one, window.since, self.http), self.http.meter)
        return Page([record for record in found if record])


def after_of(answer: VendorAnswer) -> str | None:
    """The cursor of the next page; Sentry's link says whether there is one."""
    link = answer.next_link() or {}
    return link.get("cursor") if link.get("results") == "true" else None


def span(row: dict, http: Redacting) -> SpanRecord:
    """One span or transaction. Pure."""
    begin, end = (float(row[f"precise.{edge}_ts"]) for edge in ("start", "finish"))
    return SpanRecord(
        source="sentry",
        trace=text(row["trace"]),
        span=text(row["id"]),
        parent=text(row.get("parent_span")),
        service=text(row.get("project")),
        environment=text(row.get("environment")) or PRODUCTION,
        name=http.redact(text(row.get("span.description")) or text(row.get("transaction")))[:300],
        role=OPS.get(text(row.get("span.op")), ""),
        at=datetime.fromtimestamp(begin, UTC),
        ms=(end - begin) * 1000,
        failed=row.get("span.status") in FAILED,
        message=text(row.get("span.status")),
    )


def slugs(row: Any) -> Iterator[str]:
    return (text(mapping(project).get("slug")) for project in mapping(row).get("projects") or [])


def deployed(row: dict, since: datetime) -> bool:
    """Was the release deployed to production since then?"""
    deploy = mapping(row.get("lastDeploy"))
    if PRODUCTION not in names_of(text(deploy.get("environment"))):
        return False
    at = datetime.fromisoformat(text(deploy.get("dateFinished")))
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) >= since


def release(one: dict, since: datetime, http: Redacting) -> Record | None:
    """The deployment of a release of one project as a change; None if it was not in production since. Pure."""
    row, project = one["release"], one["project"]
    if not deployed(row, since):
        return None
    version, deploy = str(row["version"]), row["lastDeploy"]
    return Record(
        source="sentry",
        vendor_id=f"release:{project}:{version}:{deploy['id']}",
        kind=Kind.CHANGE,
        at=deploy["dateFinished"],
        service=project,
        release=version,
        level="info",
        title=http.redact(f"Release {text(row.get('shortVersion')) or version}")[:300],
        url=text(deploy.get("url")),
        attributes={
            "sha": text(mapping(row.get("lastCommit")).get("id")) or commit_of(version),
            "author": names(row.get("authors") or []),
        },
    )


def names(authors: Sequence[Any]) -> str:
    return ", ".join(text(mapping(one).get("name")) for one in authors[:3])[:100]


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
