"""Vendors in memory: each holds a set of records and serves it in pages as the vendor does, faults included.

A world answers requests without a network, below the client's own transport: httpx's mock transport, or boto3's
hook before sending. ``faults`` are served first, one for each request; what they are is in ``FAULTS``.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import httpx
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from core.vendors import cloudwatch, datadog, github, newrelic, sentry
from core.vendors.base import Batch
from core.vendors.http import Http

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@dataclass
class Reply:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raises: str = ""  # timeout or reset

    @property
    def content(self) -> bytes:
        return (
            self.body if isinstance(self.body, bytes) else b"" if self.body is None else json.dumps(self.body).encode()
        )


@dataclass
class Thing:
    """A record of the vendor's: its number is its identity."""

    number: int
    at: datetime


class World:
    """``records`` may grow between two rounds; ``asked`` is every request as (method, path, query, body)."""

    source_name = ""
    page = 3

    def __init__(self, count: int = 0):
        self.things: list[Thing] = []
        self.faults: list[Reply | Callable[[Reply], Reply] | None] = []
        self.asked: list[tuple[str, str, dict, Any]] = []
        self.add(count)

    def add(self, count: int, begin: datetime = NOW - timedelta(minutes=14), step: float = 20.0) -> None:
        first = len(self.things)
        self.things += [Thing(first + i, begin + timedelta(seconds=step * i)) for i in range(count)]

    @property
    def ids(self) -> set[str]:
        return {self.identity(thing) for thing in self.things}

    def identity(self, thing: Thing) -> str:
        return str(thing.number)

    def receive(self, method: str, url: str, headers: dict, body: bytes) -> Reply:
        parts = urlsplit(url)
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        told = json.loads(body) if body else None
        self.asked.append((method, parts.path, query, told))
        fault = self.faults.pop(0) if self.faults and self.counts(parts.path, headers, told) else None
        if isinstance(fault, Reply):
            return fault
        reply = self.serve(parts.path, query, headers, told)
        return fault(reply) if fault else reply

    def counts(self, path: str, headers: dict, body: Any) -> bool:
        """Whether this request is one that the faults are for: the records', not the metrics'."""
        return True

    def serve(self, path: str, query: dict, headers: dict, body: Any) -> Reply:
        raise NotImplementedError

    def empty(self, token: str) -> Reply:
        """An empty page that says there is another."""
        raise NotImplementedError

    def transport(self) -> httpx.MockTransport:
        def handle(request: httpx.Request) -> httpx.Response:
            reply = self.receive(request.method, str(request.url), dict(request.headers), request.content)
            if reply.raises:
                raise (httpx.ReadTimeout if reply.raises == "timeout" else httpx.ReadError)(
                    "simulated", request=request
                )
            return httpx.Response(reply.status, headers=reply.headers, content=reply.content)

        return httpx.MockTransport(handle)

    def http(self, base: str, calls: int | None = None) -> Http:
        return Http(self.source_name, base, transport=self.transport(), calls=calls)

    def source(self, calls: int | None = None):
        raise NotImplementedError

    def between(self, since: float, until: float) -> list[Thing]:
        return [t for t in sorted(self.things, key=lambda t: (t.at, t.number)) if since <= t.at.timestamp() < until]


class DatadogWorld(World):
    source_name = "datadog"

    def source(self, calls=None):
        return datadog.Datadog(self.http("https://api.datadoghq.com", calls))

    def identity(self, thing):
        return f"log-{thing.number}"

    def counts(self, path, headers, body):
        return path.endswith("logs/events/search")

    def serve(self, path, query, headers, body):
        if path == "/api/v1/query":
            return Reply(body={"status": "ok", "series": []})
        if path == "/api/v1/monitor":
            return Reply(body=[])
        if "spans" in path:
            return Reply(body={"data": []})
        span, start = body["filter"], int(body["page"].get("cursor", 0))
        rows = self.between(_epoch(span["from"]), _epoch(span["to"])) if "logs" in path else []
        more = {"page": {"after": str(start + self.page)}} if start + self.page < len(rows) else {}
        return Reply(body={"data": [self.log(t) for t in rows[start : start + self.page]], "meta": more})

    def log(self, thing):
        told = {
            "timestamp": thing.at.isoformat(),
            "status": "error",
            "service": "cart",
            "message": f"boom {thing.number}",
        }
        return {"id": self.identity(thing), "type": "log", "attributes": told}

    def empty(self, token):
        return Reply(body={"data": [], "meta": {"page": {"after": token}}})


class NewRelicWorld(World):
    """Pages by time, as the client asks for them; ``newrelic.ROWS`` is set to the page's size by the tests."""

    source_name = "newrelic"

    def source(self, calls=None):
        return newrelic.NewRelic(self.http("https://api.newrelic.com/graphql", calls), 1, pause=lambda _: None)

    def identity(self, thing):
        return newrelic.identity(self.row(thing))

    def counts(self, path, headers, body):
        return "TransactionError" in body["variables"].get("nrql", "")

    def row(self, thing):
        at = int(thing.at.timestamp() * 1000)
        return {"timestamp": at, "appName": "cart", "error.class": "KeyError", "guid": f"{thing.number:016x}"}

    def serve(self, path, query, headers, body):
        nrql = body["variables"].get("nrql", "")
        if "AiIssues" in headers.get("nerd-graph-unsafe-experimental-opt-in", ""):
            return _account({"aiIssues": {"issues": {"issues": [], "nextCursor": None}}})
        rows: list[dict] = []
        if "TransactionError" in nrql:
            since, until = int(re.search(r"SINCE (\d+)", nrql)[1]), int(re.search(r"UNTIL (\d+)", nrql)[1])
            offset = int(found[1]) if (found := re.search(r"OFFSET (\d+)", nrql)) else 0
            rows = [self.row(t) for t in self.between(0, 4e9)]
            rows = [row for row in rows if since <= row["timestamp"] < until][offset : offset + newrelic.ROWS]
        return _account({"nrql": {"results": rows, "queryProgress": {"completed": True, "queryId": None}}})

    def empty(self, token):
        progress = {"completed": False, "queryId": token, "retryAfter": 1}
        return _account({"nrql": {"results": None, "queryProgress": progress}})


def _account(told: dict) -> Reply:
    return Reply(body={"data": {"actor": {"account": told}}})


class GitHubWorld(World):
    """``github.PAGE`` is set to the page's size by the tests."""

    source_name = "github"

    def source(self, calls=None):
        return github.GitHub(self.http("https://api.github.com", calls), ["acme/shop"])

    def identity(self, thing):
        return f"acme/shop#{thing.number + 1}"

    def counts(self, path, headers, body):
        return path.endswith("/issues")

    def serve(self, path, query, headers, body):
        if not path.endswith("/issues"):
            return Reply(body={"workflow_runs": []} if path.endswith("/runs") else [])
        rows = [self.issue(t) for t in self.between(0, 4e9)]
        rows = [row for row in rows if row["updated_at"] >= query["since"]]
        size, number = int(query["per_page"]), int(query.get("page", 1))
        return Reply(body=rows[(number - 1) * size : number * size])

    def issue(self, thing):
        at = thing.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "number": thing.number + 1,
            "title": "it fails",
            "body": "",
            "labels": [],
            "created_at": at,
            "updated_at": at,
        }

    def empty(self, token):
        return Reply(body=[], headers={"link": '<https://api.github.com/repos/acme/shop/issues?page=9>; rel="next"'})


class SentryWorld(World):
    """Each thing is an issue with one event; newest first, as Sentry sorts."""

    source_name = "sentry"

    def source(self, calls=None):
        return sentry.Sentry(self.http("https://sentry.io", calls), "acme")

    def identity(self, thing):
        return f"{thing.number + 1}:event-{thing.number}"

    def counts(self, path, headers, body):
        return path.endswith("/issues/")

    def serve(self, path, query, headers, body):
        if found := re.search(r"/issues/(\d+)/events/latest/$", path):
            thing = next(t for t in self.things if t.number == int(found[1]) - 1)
            return Reply(body={"eventID": f"event-{thing.number}", "dateCreated": thing.at.isoformat(), "entries": []})
        if not path.endswith("/issues/"):
            return Reply(body=[] if path.endswith("/releases/") else {"data": []})
        rows = self.between(_epoch(query["start"]), _epoch(query["end"]) + 1)[::-1]
        start = int(query.get("cursor", "0:0:0").split(":")[1])
        more = start + self.page < len(rows)
        link = f'<https://sentry.io/x>; rel="next"; results="{str(more).lower()}"; cursor="0:{start + self.page}:0"'
        return Reply(body=[self.issue(t) for t in rows[start : start + self.page]], headers={"link": link})

    def issue(self, thing):
        at = thing.at.isoformat()
        return {"id": str(thing.number + 1), "title": "boom", "count": "1", "lastSeen": at, "project": {"slug": "cart"}}

    def empty(self, token):
        link = f'<https://sentry.io/x>; rel="next"; results="true"; cursor="{token}"'
        return Reply(body=[], headers={"link": link})


class CloudWatchWorld(World):
    """The clients are slow to make, so all worlds share them; the newest world answers."""

    source_name = "cloudwatch"
    clients: dict = {}
    newest: CloudWatchWorld

    def source(self, calls=None):
        made, CloudWatchWorld.newest = cloudwatch.CloudWatch(self.session, ["/shop/production"], calls=calls), self
        if not self.clients:
            self.clients.update({name: made._client(name) for name in ("logs", "cloudwatch")})
            for client in self.clients.values():
                client.meta.events.register("before-send.*.*", lambda **kw: CloudWatchWorld.newest.send(**kw))
        made.clients = self.clients
        return made

    def session(self) -> boto3.Session:
        return boto3.Session(
            "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY", region_name="eu-central-1"
        )

    def send(self, request, **_):
        reply = self.receive(request.method, request.url, dict(request.headers), request.body or b"")
        if reply.raises == "timeout":
            raise ReadTimeoutError(endpoint_url=request.url)
        if reply.raises:
            raise ConnectionClosedError(endpoint_url=request.url)
        raw = type(
            "Raw", (), {"stream": lambda self, **_: iter([reply.content]), "read": lambda self, *_: reply.content}
        )
        return AWSResponse(request.url, reply.status, reply.headers, raw())

    def identity(self, thing):
        return f"{thing.number:056d}"

    def counts(self, path, headers, body):
        return b"FilterLogEvents" in headers.get("X-Amz-Target", b"")

    def serve(self, path, query, headers, body):
        if not self.counts(path, headers, body):
            return Reply(body={"MetricAlarms": [], "CompositeAlarms": []})
        rows = self.between(body["startTime"] / 1000, body["endTime"] / 1000)
        start = int(body.get("nextToken", 0))
        more = {"nextToken": str(start + self.page)} if start + self.page < len(rows) else {}
        return Reply(body={"events": [self.event(t) for t in rows[start : start + self.page]], **more})

    def event(self, thing):
        at = int(thing.at.timestamp() * 1000)
        return {"eventId": self.identity(thing), "timestamp": at, "message": "ERROR boom", "logStreamName": "s"}

    def empty(self, token):
        return Reply(body={"events": [], "nextToken": token})


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


WORLDS = {w.source_name: w for w in (DatadogWorld, NewRelicWorld, GitHubWorld, SentryWorld, CloudWatchWorld)}


class Shelf:
    """What collect keeps, in memory: a page and its cursor together, each record once."""

    def __init__(self):
        self.cursor: str | None = None
        self.kept: dict[str, int] = {}

    def keep(self, batch: Batch) -> None:
        for record in batch.records:
            self.kept.setdefault(record.vendor_id, record.count)
        self.cursor = batch.cursor or self.cursor


def http_date(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(time.time() + seconds, UTC), usegmt=True)
