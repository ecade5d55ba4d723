"""Datadog's protocol: log search, metric queries, validation."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.sandbox.telemetry import BUCKET, Telemetry

API_KEY, APP_KEY = "demo-datadog-api-key", "demo-datadog-app-key"
QUERY = re.compile(
    r"(?:sum|max|avg):shop\.(requests|errors|latency\.p95)\{([^}]*)\}(?: by \{service\})?(?:\.as_count\(\))?"
)


class Datadog:
    def __init__(self, telemetry: Telemetry):
        self.telemetry = telemetry
        self.routes = [
            Route("/datadog/api/v1/validate", self.validate),
            Route("/datadog/api/v1/query", self.query),
            Route("/datadog/api/v2/logs/events/search", self.search, methods=["POST"]),
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
        match = QUERY.fullmatch(asked["query"])
        if not match:
            return JSONResponse(
                {"status": "error", "error": f"cannot parse the query {asked['query']!r}", "errors": ["bad query"]}, 400
            )
        metric = {"latency.p95": "p95_ms"}.get(match[1], match[1])
        series = [
            {
                "metric": f"shop.{match[1]}",
                "tag_set": [f"service:{service}"],
                "scope": f"service:{service}",
                "interval": BUCKET,
                "pointlist": [[at * 1000, value] for at, value in points],
            }
            for service, points in self.telemetry.series(metric, float(asked["from"]), float(asked["to"])).items()
        ]
        return JSONResponse(
            {"status": "ok", "series": series, "from_date": int(asked["from"]) * 1000, "query": asked["query"]}
        )

    async def search(self, request: Request) -> Response:
        if (refusal := self._refused(request)) is not None:
            return refusal
        body = await request.json()
        asked, page = body.get("filter", {}), body.get("page", {})
        rows = [
            r
            for r in self.telemetry.errors(_time(asked["from"]), _time(asked["to"]))
            if r["environment"] == "production"
        ]
        start, limit = int(page.get("cursor") or 0), int(page.get("limit", 10))
        found = rows[start : start + limit]
        more = {"page": {"after": str(start + limit)}} if start + limit < len(rows) else {}
        return JSONResponse({"data": [_log(row) for row in found], "meta": {"status": "done", **more}})


def _time(text: str) -> datetime:
    if text.isdigit():
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    return datetime.fromisoformat(text)


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
            "attributes": {"error": {"kind": error["type"], "message": error["message"], "stack": error["stack"]}},
        },
    }
