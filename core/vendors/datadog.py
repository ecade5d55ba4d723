"""Datadog: error logs, alerts (monitors and their events), service metrics, and traces (datadog_spans.py).

API: POST /api/v2/logs/events/search and /api/v2/events/search (cursor meta.page.after), GET /api/v1/monitor (pages by
number), GET /api/v1/query (pointlist in ms), GET /api/v1/validate. Any site but the key's own returns 403.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from core.models import Kind, MetricPoint, Record
from core.models.origin import Origin, Writers
from core.models.traces import SpanRecord
from core.policy.sections import MetricNames
from core.vendors import datadog_lines, datadog_spans, line_pages
from core.vendors.base import Batch, Check, Meter, VendorError, understood
from core.vendors.http import Http, VendorAnswer
from core.vendors.reading import Page, ReadWindow, Stream, collect, records_of
from core.vendors.redact import Redacting
from core.vendors.values import first, mapping
from core.vendors.whole_traces import EARLIER, traces_of

SITES = (
    *(f"{zone}datadoghq.com" for zone in ("", "us3.", "us5.", "ap1.", "ap2.", "uk1.")),
    "datadoghq.eu",
    "ddog-gov.com",
    "us2.ddog-gov.com",
)
PAGE = 1000
SPANS = "apm_read"  # the scope that reading spans needs
ALERTS = "source:alert status:error"  # events of monitors that were triggered


class Datadog:
    name = "datadog"
    origin = Origin("Datadog", Writers.TEAM)

    def __init__(
        self,
        http: Http,
        query: str = "status:error",
        names: MetricNames | None = None,
        scope: str = "*",
        failing: str = "status:error",
    ):
        self.http, self.query, self.names, self.scope = http, query, names or MetricNames(), scope
        self.failing = failing

    @property
    def meter(self) -> Meter:
        return self.http.meter

    # --- signals

    def collect(self, cursor: str | None, until: datetime) -> Iterator[Batch]:
        self.http.meter.begin()
        streams = {
            "metrics": Stream(self._metrics),
            "monitors": Stream(self._monitors, ascending=False),
            "events": Stream(lambda window: self._found("/api/v2/events/search", ALERTS, window, event)),
            "logs": Stream(self._logs),
            "spans": Stream(self._spans, ascending=False, needs=f"the scope {SPANS} of DATADOG_APP_KEY"),
        }
        return collect(streams, cursor, until)

    def _logs(self, window: ReadWindow) -> Page:
        """A page of log events; the single lines of one stack are one record, with the identity of the first."""
        rows, after = self._search("/api/v2/logs/events/search", self.query, window)
        lines, others = datadog_lines.split(rows)
        page = line_pages.whole(lines, window.memory, window.since, window.until, not after)
        joined = [datadog_lines.row_of(event) for event in page.events]
        return Page(self._records([*others, *joined], parse), after=after, memory=page.memory)

    def _found(self, path: str, query: str, window: ReadWindow, read: Callable[[dict, Redacting], Record]) -> Page:
        """A page of a search; logs and events have the same format."""
        rows, after = self._search(path, query, window)
        return Page(self._records(rows, read), after=after)

    def _search(self, path: str, query: str, window: ReadWindow) -> tuple[list, str | None]:
        """(rows, cursor of the next page)."""
        span = {"query": query, "from": _iso(window.since), "to": _iso(window.until)}
        page = {"limit": PAGE} | ({"cursor": window.after} if window.after else {})
        body = {"filter": span, "sort": "timestamp", "page": page}
        answer = self.http.post(path, json=body, idempotent=True)
        return answer.rows("data"), _cursor(answer)

    def _spans(self, window: ReadWindow) -> Page:
        """A page of failing spans with all spans of their traces, which show who called whom."""
        rows, after = self._spans_of(self.failing, window.since, window.until, window.after)
        failing = frozenset(str(row.get("id")) for row in rows if isinstance(row, dict))
        found = self._read_spans(rows, failing)
        if traces := traces_of(found):
            rows, _ = self._spans_of(datadog_spans.whole(traces), window.since - EARLIER, window.until)
            found += self._read_spans(rows, failing)
        return Page(spans=found, after=after)

    def _spans_of(
        self, query: str, since: datetime, until: datetime, after: str | None = None
    ) -> tuple[list, str | None]:
        body = datadog_spans.search(query, _iso(since), _iso(until), PAGE, after)
        answer = self.http.post(datadog_spans.PATH, json=body, idempotent=True)
        return answer.rows("data"), _cursor(answer)

    def _read_spans(self, rows: list, failing: frozenset[str]) -> list[SpanRecord]:
        return records_of(rows, lambda row: datadog_spans.span(row, self.http, failing), self.meter)

    def _monitors(self, window: ReadWindow) -> Page:
        """Triggered monitors; each trigger is a separate alert."""
        number = int(window.after or 0)
        rows = self.http.get("/api/v1/monitor", params={"page": number, "page_size": PAGE}).json(list)
        ringing = [row for row in rows if row.get("overall_state") == "Alert"]
        return Page(self._records(ringing, monitor), after=str(number + 1) if len(rows) == PAGE else None)

    def _records(self, rows: list, read: Callable[[dict, Redacting], Record]) -> list[Record]:
        return records_of(rows, lambda row: read(row, self.http), self.meter)

    def _metrics(self, window: ReadWindow) -> Page:
        return Page(metrics=list(self._all_points(window.since, window.until)))

    # --- health of services

    @understood("datadog")
    def points(self, services: Sequence[str], since: datetime, until: datetime) -> list[MetricPoint]:
        return [p for p in self._all_points(since, until) if p.at >= since and p.service in services]

    def _all_points(self, since: datetime, until: datetime) -> Iterator[MetricPoint]:
        """The services' requests, errors and p95_ms in the time span."""
        for name, query in self._queries().items():
            for service, at, value in self._series(query, since, until):
                yield MetricPoint(source=self.name, service=service, name=name, at=at, value=value)

    def _queries(self) -> dict[str, str]:
        """Queries with a fixed interval: by default it grows with the time span, and counts would overlap."""
        total, highest = f"as_count().rollup(sum, {self.names.step})", f"rollup(max, {self.names.step})"
        return {
            "requests": f"sum:{self.names.requests}{{{self.scope}}} by {{service}}.{total}",
            "errors": f"sum:{self.names.errors}{{{self.scope}}} by {{service}}.{total}",
            "p95_ms": f"max:{self.names.p95_ms}{{{self.scope}}} by {{service}}.{highest}",
        }

    def _series(self, query: str, since: datetime, until: datetime) -> Iterator[tuple[str, datetime, float]]:
        params = {"from": int(since.timestamp()), "to": int(until.timestamp()), "query": query}
        answer = self.http.get("/api/v1/query", params=params)
        if answer.json().get("status") == "error":
            raise VendorError(self.name, f"refused a metric query: {answer.json().get('error')}", permanent=True)
        for series in answer.rows("series"):
            service = next(
                (tag.split(":", 1)[1] for tag in series.get("tag_set") or [] if tag.startswith("service:")),
                "",
            )
            for at_ms, value in series.get("pointlist") or []:
                if value is not None and service:
                    yield service, datetime.fromtimestamp(at_ms / 1000, UTC), float(value)

    def check(self) -> Check:
        step = "DATADOG_API_KEY"
        try:
            self.http.get("/api/v1/validate").json()
            step = "timeseries_query"
            self.http.get("/api/v1/query", params={"from": 0, "to": 1, "query": self._queries()["requests"]})
            step = "logs_read_data"
            span = {"query": self.query, "from": "now-1m", "to": "now"}
            self.http.post("/api/v2/logs/events/search", json={"filter": span, "page": {"limit": 1}}, idempotent=True)
            step = "monitors_read"
            self.http.get("/api/v1/monitor", params={"page": 0, "page_size": 1})
        except VendorError as error:
            return Check(False, error.message, self._whereto(error, step))
        return Check(True, "logs, monitors and metrics are readable")

    def _whereto(self, error: VendorError, step: str) -> str:
        site = self.http.base_url.split("://")[-1].removeprefix("api.")
        if error.status in (401, 403) and step == "DATADOG_API_KEY":
            return (
                "DATADOG_API_KEY (Organization Settings > API Keys), or DATADOG_SITE: the key does not belong to "
                f"{site}; "
                "the site is the address in your browser"
            )
        if error.status in (401, 403):
            return (
                f"DATADOG_APP_KEY: an application key of the same organization with the scope {step} "
                "(Organization Settings > Application Keys)"
            )
        if error.status == 429 or (error.status or 0) >= 500:
            return "no change needed here; see https://status.datadoghq.com"
        if error.status is None or error.status == 404:
            return f"DATADOG_SITE, one of {', '.join(SITES)}; now it is {site}"
        return "check DATADOG_QUERY, or the names under [metrics] in platform.toml"


def _cursor(answer: VendorAnswer) -> str | None:
    """The cursor of the next page of a search."""
    return ((answer.json().get("meta") or {}).get("page") or {}).get("after") or None


def parse(row: dict, http: Redacting) -> Record:
    """One log event as a Record; a stack trace in it stays text, which grouping reads. Pure.

    Browsers send logs with a client token, which every visitor of the page can read; such logs are public.
    """
    outer = row.get("attributes") or {}
    own = outer.get("attributes") or {}
    error = mapping(own.get("error"))
    stack, message = first(error.get("stack")), first(outer.get("message"), own.get("message"))
    tags = tags_of(outer.get("tags"))
    public = "source:browser" in (outer.get("tags") or [])
    return Record(
        source="datadog",
        vendor_id=str(row["id"]),
        kind=Kind.EXCEPTION if stack else Kind.LOG,
        at=datetime.fromisoformat(str(outer["timestamp"])),
        service=first(outer.get("service"), tags.get("service")),
        environment=tags.get("env", "production"),
        release=tags.get("version"),
        level=first(outer.get("status"), "error"),
        title=http.redact(_title(error, message))[:300],
        message=http.redact(stack or message)[:20_000],
        attributes={"host": outer.get("host"), "trace_id": own.get("trace_id"), "public": public},
    )


def _title(error: dict, message: str) -> str:
    kind = first(error.get("kind"))
    if kind:
        return ": ".join(filter(None, (kind, first(error.get("message")))))
    return next(iter(message.splitlines()), "log line")


def event(row: dict, http: Redacting) -> Record:
    """A monitor's event as an alert; webhooks identify it by the number in ``evt.id``. Pure."""
    outer = row.get("attributes") or {}
    own = outer.get("attributes") or {}
    rung = mapping(own.get("monitor"))
    tags = tags_of(outer.get("tags"))
    message = http.redact(str(outer.get("message") or ""))
    return Record(
        source="datadog",
        vendor_id=f"event:{mapping(own.get('evt')).get('id') or row['id']}",
        kind=Kind.ALERT,
        at=datetime.fromisoformat(str(outer["timestamp"])),
        service=_service(own.get("service"), tags),
        environment=tags.get("env", "production"),
        level=str(own.get("status") or "error"),
        title=http.redact(str(own.get("title") or message.split("\n")[0] or "alert"))[:300],
        message=message[:20_000],
        attributes={"monitor_id": own.get("monitor_id") or rung.get("id"), "state": own.get("status")},
    )


def monitor(row: dict, http: Redacting) -> Record:
    """A triggered monitor as an alert; ``overall_state_modified`` is when it triggered. Pure."""
    tags = tags_of(row.get("tags"))
    began = row.get("overall_state_modified") or row.get("modified") or row.get("created")
    return Record(
        source="datadog",
        vendor_id=f"monitor:{row['id']}@{began}",
        kind=Kind.ALERT,
        at=datetime.fromisoformat(str(began)),
        service=_service(None, tags),
        environment=tags.get("env") or tags.get("environment") or "production",
        title=http.redact(str(row.get("name") or "monitor"))[:300],
        message=http.redact(str(row.get("message") or ""))[:20_000],
        attributes={"monitor_id": row["id"], "state": row.get("overall_state"), "query": row.get("query")},
    )


def tags_of(tags: Sequence[str] | None) -> dict[str, str]:
    return dict(tag.split(":", 1) for tag in tags or [] if ":" in tag)


def _service(name: object, tags: dict[str, str]) -> str:
    """Events name an unknown service "undefined"."""
    return str(name) if name and name != "undefined" else tags.get("service", "")


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
