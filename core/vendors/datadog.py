"""Datadog: error logs, metrics of the services, and how they fare.

API: POST /api/v2/logs/events/search (cursor meta.page.after), GET /api/v1/query (pointlist in ms),
GET /api/v1/validate.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from core.models import Kind, MetricPoint, Record, ServiceHealth
from core.settings import MetricNames
from core.vendors.base import Batch, Check, VendorError
from core.vendors.http import Http

FIRST_LOOK = timedelta(minutes=15)
OVERLAP = timedelta(seconds=60)
PAGES, PAGE = 100, 1000


class Datadog:
    name = "datadog"

    def __init__(self, http: Http, query: str = "status:error", names: MetricNames | None = None):
        self.http, self.query, self.names = http, query, names or MetricNames()

    def collect(self, cursor: str | None, until: datetime) -> Iterator[Batch]:
        """Metrics, then error logs page by page; ``cursor`` is JSON {"since"} and moves when all was read."""
        since = datetime.fromisoformat(json.loads(cursor)["since"]) if cursor else until - FIRST_LOOK
        since -= OVERLAP
        yield Batch(metrics=list(self.points(since, until)))
        for records in self._logs(since, until):
            yield Batch(records=records)
        yield Batch(cursor=json.dumps({"since": until.isoformat()}))

    def _logs(self, since: datetime, until: datetime) -> Iterator[list[Record]]:
        page: dict = {"limit": PAGE}
        seen: set[str] = set()
        for _ in range(PAGES):
            body = {
                "filter": {"query": self.query, "from": since.isoformat(), "to": until.isoformat()},
                "sort": "timestamp",
                "page": page,
            }
            answer = self.http.post("/api/v2/logs/events/search", json=body, idempotent=True).json()
            yield [parse(row, self.http) for row in answer.get("data") or []]
            after = ((answer.get("meta") or {}).get("page") or {}).get("after")
            if not answer.get("data") or not after or after in seen:
                return
            seen.add(after)
            page = {"limit": PAGE, "cursor": after}

    def points(self, since: datetime, until: datetime) -> Iterator[MetricPoint]:
        """The services' requests, errors and p95 in the span."""
        for name, query in self._queries().items():
            for service, at, value in self._series(query, since, until):
                yield MetricPoint(source=self.name, service=service, name=name, at=at, value=value)

    def _queries(self) -> dict[str, str]:
        return {
            "requests": f"sum:{self.names.requests}{{*}} by {{service}}.as_count()",
            "errors": f"sum:{self.names.errors}{{*}} by {{service}}.as_count()",
            "p95_ms": f"max:{self.names.p95_ms}{{*}} by {{service}}",
        }

    def _series(self, query: str, since: datetime, until: datetime) -> Iterator[tuple[str, datetime, float]]:
        params = {"from": int(since.timestamp()), "to": int(until.timestamp()), "query": query}
        answer = self.http.get("/api/v1/query", params=params).json()
        if answer.get("status") == "error":
            raise VendorError(self.name, f"refused a metric query: {answer.get('error')}", permanent=True)
        for series in answer.get("series") or []:
            service = next(
                (tag.split(":", 1)[1] for tag in series.get("tag_set") or [] if tag.startswith("service:")),
                "",
            )
            for at_ms, value in series.get("pointlist") or []:
                if value is not None and service:
                    yield service, datetime.fromtimestamp(at_ms / 1000, UTC), float(value)

    def health(self, services: Sequence[str], since: datetime, until: datetime) -> dict[str, ServiceHealth]:
        """How each service did; intervals that began before ``since`` do not count."""
        found: dict[str, dict[str, list[float]]] = {s: {"requests": [], "errors": [], "p95_ms": []} for s in services}
        for point in self.points(since, until):
            if point.service in found and point.at >= since:
                found[point.service][point.name].append(point.value)
        return {
            service: ServiceHealth(
                requests=sum(v["requests"]),
                errors=sum(v["errors"]),
                samples=len(v["requests"]),
                p95_ms=sorted(v["p95_ms"])[len(v["p95_ms"]) // 2] if v["p95_ms"] else None,
            )
            for service, v in found.items()
        }

    def check(self) -> Check:
        try:
            self.http.get("/api/v1/validate").json()
            self.http.get("/api/v1/query", params={"from": 0, "to": 1, "query": self._queries()["requests"]})
        except VendorError as error:
            return Check(
                False,
                error.message,
                "DATADOG_SITE, DATADOG_API_KEY, and DATADOG_APP_KEY with logs_read_data and "
                "timeseries_query (Organization Settings > Application Keys)",
            )
        return Check(True, "logs and metrics can be read")


def parse(row: dict, http: Http) -> Record:
    """One log event as a Record; a stack trace in it stays text, which grouping reads. Pure."""
    outer = row.get("attributes") or {}
    own = outer.get("attributes") or {}
    error = own.get("error") if isinstance(own.get("error"), dict) else {}
    stack, kind = str(error.get("stack") or ""), str(error.get("kind") or "")
    message = str(outer.get("message") or own.get("message") or "")
    tags = dict(tag.split(":", 1) for tag in outer.get("tags") or [] if ":" in tag)
    title = f"{kind}: {error.get('message')}" if kind else message.splitlines()[0] if message else "log line"
    return Record(
        source="datadog",
        vendor_id=str(row["id"]),
        kind=Kind.EXCEPTION if stack else Kind.LOG,
        at=datetime.fromisoformat(str(outer["timestamp"])),
        service=str(outer.get("service") or tags.get("service") or ""),
        environment=tags.get("env", "production"),
        release=tags.get("version"),
        level=str(outer.get("status") or "error"),
        title=http.redact(title)[:300],
        message=http.redact(stack or message)[:20_000],
        attributes={"host": outer.get("host"), "trace_id": own.get("trace_id")},
    )
