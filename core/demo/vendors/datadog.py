"""Datadog's protocol: log, event and span search, monitors, metric queries, validation."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.demo.alarms import Alarms, Ringing
from core.demo.telemetry import BUCKET, Telemetry
from core.demo.vendors.spans import ShopSpan, spans_of, trace_of

API_KEY, APP_KEY = "demo-datadog-api-key", "demo-datadog-app-key"
METRICS = {"shop.requests": "requests", "shop.errors": "errors", "shop.latency.p95": "p95_ms"}
QUERY = re.compile(
    r"(?:sum|max|avg|min):([a-zA-Z][\w.]*)\{([^}]*)\}(?: by \{service\})?(?:\.as_count\(\))?"
    r"(?:\.rollup\((sum|max), (\d+)\))?"
)


class SimulatedDatadog:
    def __init__(self, telemetry: Telemetry, alarms: Alarms):
        self.telemetry, self.alarms = telemetry, alarms
        self.routes = [
            Route("/datadog/api/v1/validate", self.validate),
            Route("/datadog/api/v1/query", self.query),
            Route("/datadog/api/v1/monitor", self.monitors),
            Route("/datadog/api/v2/logs/events/search", self.search, methods=["POST"]),
            Route("/datadog/api/v2/events/search", self.events, methods=["POST"]),
            Route("/datadog/api/v2/spans/events/search", self.spans, methods=["POST"]),
        ]

    async def validate(self, request: Request) -> Response:
        if request.headers.get("dd-api-key") != API_KEY:
            return JSONResponse({"errors": ["Forbidden"]}, 403)
        return JSONResponse({"valid": True})

    def _refused(self, request: Request) -> Response | None:
        if (request.headers.get("dd-api-key"), request.headers.get("dd-application-key")) != (API_KEY, APP_KEY):
            return JSONResponse({"errors": ["Forbidden"]}, 403)
        return None

    async def query(self, request: Request) -> Response:
        if (refusal := self._refused(request)) is not None:
            return refusal
        asked = request.query_params
        match, span = QUERY.fullmatch(asked["query"]), (float(asked["from"]), float(asked["to"]))
        if not match:
            return JSONResponse(
                {"status": "error", "error": f"cannot parse the query {asked['query']!r}", "errors": ["bad query"]}, 400
            )
        known = self.telemetry.series(METRICS[match[1]], *span) if match[1] in METRICS else {}
        if match[3]:
            known = {service: rolled(points, match[3], int(match[4])) for service, points in known.items()}
        series = [
            {
                "metric": match[1],
                "tag_set": [f"service:{service}"],
                "scope": f"service:{service}",
                "interval": int(match[4] or BUCKET),
                "pointlist": [[at * 1000, value] for at, value in points],
            }
            for service, points in known.items()
        ]
        return JSONResponse(
            {"status": "ok", "series": series, "from_date": int(asked["from"]) * 1000, "query": asked["query"]}
        )

    async def search(self, request: Request) -> Response:
        if (refusal := self._refused(request)) is not None:
            return refusal
        body = await request.json()
        asked = body.get("filter", {})
        found = self.telemetry.errors(_time(asked.get("from", "now-15m")), _time(asked.get("to", "now")))
        return _page(body, [row for row in found if row["environment"] == "production"], _log)

    async def events(self, request: Request) -> Response:
        """The events of the monitors when they triggered."""
        if (refusal := self._refused(request)) is not None:
            return refusal
        body = await request.json()
        asked = body.get("filter", {})
        span = (_time(asked.get("from", "now-15m")).timestamp(), _time(asked.get("to", "now")).timestamp())
        return _page(body, self.alarms.rung(*span), _event)

    async def spans(self, request: Request) -> Response:
        """Spans of failing requests, by status:error or by trace_id:(A OR B)."""
        if (refusal := self._refused(request)) is not None:
            return refusal
        data = (await request.json()).get("data", {})
        if data.get("type") != "search_request":
            return JSONResponse({"errors": ["the type must be search_request"]}, 400)
        body = data.get("attributes", {})
        asked = body.get("filter", {})
        rows = self.telemetry.errors(_time(asked.get("from", "now-15m")), _time(asked.get("to", "now")))
        found = [span for row in rows if row["environment"] == "production" for span in spans_of(row)]
        keeps = _span_query(str(asked.get("query", "*")))
        if keeps is None:
            return JSONResponse({"errors": [f"cannot parse the query {asked['query']!r}"]}, 400)
        return _page(body, [span for span in found if keeps(span)], _span)

    async def monitors(self, request: Request) -> Response:
        if (refusal := self._refused(request)) is not None:
            return refusal
        size, number = (int(request.query_params.get(name, d)) for name, d in (("page_size", 100), ("page", 0)))
        rows = [_monitor(row) for row in self.alarms.ringing()]
        return JSONResponse(rows[number * size : (number + 1) * size])


def _page(body: dict, rows: list, row_of: Callable[[Any], dict]) -> Response:
    """A page of a search; the cursor is the start of the next one."""
    page = body.get("page") or {}
    if body.get("sort") == "-timestamp":
        rows = rows[::-1]
    start, limit = int(page.get("cursor") or 0), int(page.get("limit", 10))
    more = {"page": {"after": str(start + limit)}} if start + limit < len(rows) else {}
    return JSONResponse(
        {"data": [row_of(row) for row in rows[start : start + limit]], "meta": {"status": "done", **more}}
    )


def _time(text: str) -> datetime:
    """ISO 8601, epoch milliseconds, "now" or "now-15m"."""
    if text.isdigit():
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    if found := re.fullmatch(r"now(?:-(\d+)([smhd]))?", text):
        units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
        back = int(found[1]) * units[found[2]] if found[1] else -1
        return datetime.now(UTC) - timedelta(seconds=back)
    return datetime.fromisoformat(text)


def _span_query(query: str) -> Callable[[ShopSpan], bool] | None:
    """The part of the search syntax that the product uses; None for any other query."""
    if query in ("*", "status:error"):
        return lambda span: query == "*" or span.failed
    if not (found := re.fullmatch(r"trace_id:\(([0-9a-f]+(?: OR [0-9a-f]+)*)\)", query)):
        return None
    wanted = found[1].split(" OR ")
    return lambda span: span.trace in wanted


def _span(span: ShopSpan) -> dict:
    error = {"error": {"type": span.error, "message": span.message}} if span.failed else {}
    peer = {"peer": {"service": span.peer}} if span.peer else {}
    return {
        "id": f"span-{span.span}",
        "type": "spans",
        "attributes": {
            "trace_id": span.trace,
            "span_id": span.span,
            "parent_id": span.parent or "0",
            "service": span.service,
            "resource_name": span.name,
            "type": "web" if span.kind == "server" else "http",
            "env": "production",
            "host": "shop-1",
            "status": "error" if span.failed else "ok",
            "start_timestamp": span.begin.isoformat(),
            "end_timestamp": span.end.isoformat(),
            "custom": {"span": {"kind": span.kind}, **peer, **error},
            "tags": ["env:production"],
        },
    }


def _log(row: dict) -> dict:
    error = row["exception"]
    return {
        "id": row["id"],
        "type": "log",
        "attributes": {
            "timestamp": row["at"].isoformat(),
            "status": "error",
            "service": row["service"],
            "host": "shop-1",
            "message": row["message"],
            "tags": [f"env:{row['environment']}", f"version:{row['release']}"],
            "attributes": {
                "error": {"kind": error["type"], "message": error["message"], "stack": error["stack"]},
                "trace_id": trace_of(row),
            },
        },
    }


def _number(service: str) -> int:
    """A monitor's stable id."""
    return zlib.crc32(service.encode())


def _monitor(found: Ringing) -> dict:
    began = datetime.fromtimestamp(found.since, UTC).isoformat()
    return {
        "id": _number(found.service),
        "name": f"High error rate on {found.service}",
        "type": "query alert",
        "query": f"sum(last_1m):sum:shop.errors{{service:{found.service}}}.as_count() > 5",
        "message": f"More than 2 % of the requests of {found.service} fail with an error",
        "tags": [f"service:{found.service}", "env:production"],
        "overall_state": "Alert",
        "overall_state_modified": began,
        "created": began,
        "modified": began,
        "options": {"thresholds": {"critical": 5.0}},
        "multi": False,
    }


def _event(found: Ringing) -> dict:
    return {
        "id": f"event-{found.id}",
        "type": "event",
        "attributes": {
            "timestamp": datetime.fromtimestamp(found.since, UTC).isoformat(),
            "message": f"{found.share:.1%} of the requests of {found.service} fail with an error",
            "tags": [f"service:{found.service}", "env:production", "source:alert"],
            "attributes": {
                "title": f"[Triggered] High error rate on {found.service}",
                "service": found.service,
                "status": "error",
                "monitor_id": _number(found.service),
                "timestamp": int(found.since * 1000),
            },
        },
    }


def rolled(points: Sequence[tuple[float, float]], how: str, step: int) -> list[tuple[float, float]]:
    """Points of intervals of ``step`` seconds, aligned to the epoch."""
    found: dict[float, list[float]] = {}
    for at, value in points:
        found.setdefault(at // step * step, []).append(value)
    return [(at, sum(values) if how == "sum" else max(values)) for at, values in found.items()]
