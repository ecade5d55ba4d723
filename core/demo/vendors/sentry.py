"""Sentry's protocol: envelopes in from the shop's SDK; issues, events and resolving out."""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SPANS = 2000  # kept in memory
ORG, TOKEN = "acme", "sntrys_demo_0123456789abcdef0123"


class SimulatedSentry:
    def __init__(self):
        self.issues: dict[str, dict[str, Any]] = {}
        self.spans: deque[dict[str, Any]] = deque(maxlen=SPANS)
        self.deploys: list[dict[str, Any]] = []
        self.lock = threading.Lock()
        org = f"/sentry/api/0/organizations/{ORG}/issues/"
        self.routes = [
            Route("/api/{project}/envelope/", self.envelope, methods=["POST"]),
            Route(org, self.list),
            Route(org + "{id}/", self.update, methods=["PUT"]),
            Route(org + "{id}/events/latest/", self.latest),
            Route(f"/sentry/api/0/organizations/{ORG}/events/", self.explore),
            Route(f"/sentry/api/0/organizations/{ORG}/releases/", self.releases),
        ]

    async def envelope(self, request: Request) -> Response:
        encoding = {"content-encoding": request.headers.get("content-encoding", "identity")}
        body = httpx.Response(200, headers=encoding, content=await request.body()).content
        head, *rest = body.split(b"\n")
        event_id = json.loads(head).get("event_id", "")
        for header, payload in zip(rest[::2], rest[1::2], strict=False):
            if header and json.loads(header).get("type") == "event":
                self._keep(json.loads(payload))
        return JSONResponse({"id": event_id})

    def _keep(self, event: dict) -> None:
        if event.get("environment") != "production":
            return
        last = event["exception"]["values"][-1]
        frames = [f for f in last["stacktrace"]["frames"] if f.get("in_app")]
        key = f"{last['type']} {frames[-1]['filename'] if frames else ''} {frames[-1]['function'] if frames else ''}"
        now = datetime.now(UTC).isoformat()
        with self.lock:
            self._trace(event)
            issue = self.issues.setdefault(
                key, {"id": str(len(self.issues) + 1001), "first": now, "count": 0, "users": set()}
            )
            issue["users"].add((event.get("user") or {}).get("id"))
            issue.update(
                count=issue["count"] + 1,
                last=now,
                event=event,
                status="unresolved",
                title=f"{last['type']}: {last.get('value')}",
            )

    def _trace(self, event: dict) -> None:
        """Keep the span in which an error occurred. Its project has no tracing, so that no other span is known."""
        trace = (event.get("contexts") or {}).get("trace") or {}
        if trace.get("trace_id"):
            ids = {"id": trace["span_id"], "trace": trace["trace_id"], "parent_span": trace.get("parent_span_id")}
            name = event.get("transaction") or ""
            told = {"project": "shop", "environment": event.get("environment"), "transaction": name}
            ended = datetime.now(UTC).timestamp()
            times = {"precise.start_ts": ended, "precise.finish_ts": ended}
            self.spans.append(ids | told | times | {"span.status": "internal_error", "span.op": "http.server"})

    async def explore(self, request: Request) -> Response:
        """The dataset of spans, by span.status:[A,B] or by trace:[A,B]."""
        if (refusal := refused(request)) is not None:
            return refusal
        asked = request.query_params
        found = re.fullmatch(r"(span\.status|trace):\[([\w,]+)\]", asked.get("query", ""))
        if asked.get("dataset") != "spans" or not found:
            return JSONResponse({"detail": "Parse error in the query"}, 400)
        start, end = (datetime.fromisoformat(asked[name]).timestamp() for name in ("start", "end"))
        with self.lock:
            rows = [
                r for r in self.spans if r[found[1]] in found[2].split(",") and start <= r["precise.finish_ts"] < end
            ]
        names = asked.getlist("field")
        page, link = _page(request, rows, int(asked.get("per_page", 100)))
        data = [{name: row.get(name) for name in names} for row in page]
        return JSONResponse({"data": data, "meta": {"fields": {}}}, headers={"Link": link})

    async def releases(self, request: Request) -> Response:
        return refused(request) or JSONResponse(self.deploys[::-1])

    async def list(self, request: Request) -> Response:
        if (refusal := refused(request)) is not None:
            return refusal
        asked = request.query_params
        start, end = (datetime.fromisoformat(asked[name]) if name in asked else None for name in ("start", "end"))
        with self.lock:
            rows = [i for i in self.issues.values() if i["status"] == "unresolved" and _within(i, start, end)]
        rows.sort(key=lambda issue: issue["last"], reverse=True)
        page, link = _page(request, rows, int(asked.get("limit", 100)))
        return JSONResponse([_issue(row) for row in page], headers={"Link": link})

    async def latest(self, request: Request) -> Response:
        if (refusal := refused(request)) is not None:
            return refusal
        row = self._find(request.path_params["id"])
        return JSONResponse(_event(row["event"])) if row else JSONResponse({"detail": "not found"}, 404)

    async def update(self, request: Request) -> Response:
        if (refusal := refused(request)) is not None:
            return refusal
        row = self._find(request.path_params["id"])
        if row is None:
            return JSONResponse({"detail": "not found"}, 404)
        row["status"] = (await request.json()).get("status", row["status"])
        return JSONResponse(_issue(row))

    def _find(self, issue_id: str) -> dict | None:
        return next((row for row in self.issues.values() if row["id"] == issue_id), None)


def _page(request: Request, rows: Sequence[dict], limit: int) -> tuple[Sequence[dict], str]:
    """(rows of the page, Link header to the next one)."""
    first = int(request.query_params.get("cursor", "0:0:0").split(":")[1])
    more = str(first + limit < len(rows)).lower()
    return rows[first : first + limit], (f'<{request.url}>; rel="next"; results="{more}"; cursor="0:{first + limit}:0"')


def _within(issue: dict, start: datetime | None, end: datetime | None) -> bool:
    """Whether the issue occurred in the span."""
    first, last = datetime.fromisoformat(issue["first"]), datetime.fromisoformat(issue["last"])
    return not (start and last < start) and not (end and first > end)


def refused(request: Request) -> Response | None:
    if request.headers.get("authorization") != f"Bearer {TOKEN}":
        return JSONResponse({"detail": "Invalid token"}, 401)
    return None


def _issue(row: dict) -> dict:
    return {
        "id": row["id"],
        "title": row["title"],
        "level": "error",
        "status": row["status"],
        "count": str(row["count"]),
        "userCount": len(row["users"]),
        "firstSeen": row["first"],
        "lastSeen": row["last"],
        "culprit": None,
        "project": {"id": "1", "slug": "shop", "name": "shop", "platform": "python"},
        "permalink": "",
    }


def _event(event: dict) -> dict:
    """The SDK's event as the API gives it: camelCase frames, context as [line, text]."""
    values = [
        {
            "type": v["type"],
            "value": v.get("value"),
            "module": v.get("module"),
            "stacktrace": {"frames": [_frame(f) for f in (v.get("stacktrace") or {}).get("frames", [])]},
        }
        for v in event["exception"]["values"]
    ]
    tags = {**event.get("tags", {}), "release": event.get("release"), "environment": event.get("environment")}
    return {
        "id": event["event_id"],
        "eventID": event["event_id"],
        "title": "",
        "message": "",
        "dateCreated": event["timestamp"],
        "tags": [{"key": k, "value": v} for k, v in tags.items() if v],
        "platform": "python",
        "entries": [{"type": "exception", "data": {"values": values}}],
        "contexts": event.get("contexts") or {},
    }


def _frame(frame: dict) -> dict:
    line = frame.get("lineno") or 0
    before = frame.get("pre_context") or []
    texts = [*before, frame.get("context_line") or "", *(frame.get("post_context") or [])]
    return {
        "filename": frame.get("filename"),
        "absPath": frame.get("abs_path"),
        "lineNo": line,
        "function": frame.get("function"),
        "inApp": bool(frame.get("in_app")),
        "module": frame.get("module"),
        "vars": frame.get("vars"),
        "context": [[number, text] for number, text in enumerate(texts, line - len(before))],
    }
