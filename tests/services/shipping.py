"""How a service's signals leave its machine, by the protocol of the vendor or of the platform's own endpoints."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from core.demo.telemetry import Telemetry

Count = Callable[[str, int, float], None]


def utc() -> datetime:
    return datetime.now(UTC)


# --- measurements -----------------------------------------------------------------------------------


class IngressSpans:
    """A server span for each request, as an ingress with OpenTelemetry sends it."""

    def __init__(self, endpoint: str, token: str, service: str):
        resource = Resource.create({"service.name": service, "deployment.environment.name": "production"})
        exporter = OTLPSpanExporter(f"{endpoint}/v1/traces", headers={"Authorization": f"Bearer {token}"})
        self.provider = TracerProvider(resource=resource)
        self.provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
        self.tracer = self.provider.get_tracer("ingress")

    def count(self, route: str, status: int, ms: float) -> None:
        end = time.time_ns()
        span = self.tracer.start_span(route, kind=SpanKind.SERVER, start_time=end - int(ms * 1e6))
        span.set_attribute("http.response.status_code", status)
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end)

    def close(self) -> None:
        self.provider.shutdown()


class VendorMetrics:
    """The requests that a vendor's agent or load balancer counts; the simulators answer queries from them."""

    def __init__(self, telemetry: Telemetry, service: str):
        self.telemetry, self.service = telemetry, service

    def count(self, route: str, status: int, ms: float) -> None:
        row = {"event": "request", "service": self.service, "status": status, "duration_ms": ms}
        self.telemetry.line(json.dumps({"ts": utc().isoformat(), **row}), "production")


# --- log lines --------------------------------------------------------------------------------------


class LogStream:
    """Each line as a log event of its own, as the awslogs driver of a container runtime sends it."""

    def __init__(self, telemetry: Telemetry, release: Callable[[], str]):
        self.telemetry, self.release = telemetry, release

    def hear(self, line: str) -> None:
        with self.telemetry.lock:
            self.telemetry.count += 1
            self.telemetry.logs.append(
                {
                    "id": f"line-{self.telemetry.count:08d}",
                    "at": utc(),
                    "environment": "production",
                    "line": line,
                    "release": self.release(),
                }
            )


class LogAgent:
    """A vendor's agent that reads JSON lines with the attributes of an error (``error.kind``, ``error.stack``)."""

    def __init__(self, telemetry: Telemetry, counts: Count):
        self.telemetry, self.counts = telemetry, counts

    def hear(self, line: str) -> None:
        try:
            row = json.loads(line)
        except ValueError:
            return
        if row.get("name") == "celery.app.trace":
            self._task(row)
        if isinstance(row.get("error"), dict):
            self._error(row)

    def _task(self, row: dict) -> None:
        """Tasks that ended, as the agent's Celery integration counts them."""
        data = row.get("data") or {}
        if row.get("status") == "error" or "runtime" in data:
            ms = float(data.get("runtime") or 0.01) * 1000
            self.counts(str(data.get("name")), 500 if row["status"] == "error" else 200, ms)

    def _error(self, row: dict) -> None:
        error = row["error"]
        with self.telemetry.lock:
            self.telemetry.count += 1
            self.telemetry.logs.append(
                {
                    "id": f"log-{self.telemetry.count:08d}",
                    "at": utc(),
                    "environment": row["env"],
                    "service": row["service"],
                    "message": row["message"],
                    "release": row["version"],
                    "exception": {"type": error["kind"], "message": error["message"], "stack": error["stack"]},
                    "line": json.dumps(row),
                }
            )


class LineShipper:
    """Plain lines to the platform's own endpoint, once a second, as a log forwarder does."""

    def __init__(self, url: str, token: str, release: Callable[[], str]):
        self.client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=20)
        self.release, self.lines, self.lock = release, [], threading.Lock()
        self.over = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def hear(self, line: str) -> None:
        with self.lock:
            self.lines.append(line)

    def _run(self) -> None:
        while not self.over.wait(1.0):
            with self.lock:
                lines, self.lines = self.lines, []
            if lines and not self._sent("\n".join(lines)):
                with self.lock:
                    self.lines = [*lines, *self.lines]

    def _sent(self, text: str) -> bool:
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        told = {"stream": "stdout", "release": self.release()}
        try:
            answer = self.client.post("/ingest/lines", content=text.encode(), headers=headers, params=told)
        except httpx.HTTPError:
            return False
        return answer.status_code < 500

    def close(self) -> None:
        self.over.set()


class Alertmanager:
    """A rule over the service's own /metrics (more than two per cent of the requests fail) and its webhook."""

    def __init__(self, scrape: Callable[[], str], url: str, token: str, labels: dict[str, str]):
        self.scrape, self.labels = scrape, labels
        self.client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=20)
        self.since: datetime | None = None
        self.before: tuple[float, float] = (0.0, 0.0)
        self.over = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while not self.over.wait(5.0):
            try:
                self._evaluate(self.scrape())
            except httpx.HTTPError:
                continue  # a scrape that failed, or a platform that does not answer: the next turn brings it

    def _evaluate(self, text: str) -> None:
        now = counters(text)
        requests, failed = (max(a - b, 0.0) for a, b in zip(now, self.before, strict=True))
        self.before = now
        firing = failed > 0 and failed / requests > 0.02
        if firing or self.since:
            self.since = self.since or utc()
            self._send("firing" if firing else "resolved")
            self.since = self.since if firing else None

    def _send(self, status: str) -> None:
        labels = {"alertname": "OrdersErrors", "severity": "page", **self.labels}
        alert = {
            "status": status,
            "labels": labels,
            "annotations": {"summary": "More than 2 % of the requests fail", "runbook": "docs/oncall.md"},
            "startsAt": (self.since or utc()).isoformat(),
            "endsAt": utc().isoformat() if status == "resolved" else "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example/graph",
            "fingerprint": "7d1fa7f2c5a1b0e4",
        }
        body = {
            "version": "4",
            "groupKey": '{}:{alertname="OrdersErrors"}',
            "truncatedAlerts": 0,
            "status": status,
            "receiver": "platform",
            "groupLabels": {"alertname": "OrdersErrors"},
            "commonLabels": labels,
            "commonAnnotations": alert["annotations"],
            "externalURL": "http://alertmanager.example",
            "alerts": [alert],
        }
        self.client.post("/hooks/alertmanager", json=body)

    def close(self) -> None:
        self.over.set()


def counters(text: str) -> tuple[float, float]:
    """(all requests, those that failed) of a /metrics page."""
    rows = [line for line in text.splitlines() if line.startswith("orders_requests_total{")]
    values = [(line, float(line.rsplit(" ", 1)[1])) for line in rows]
    return sum(v for _, v in values), sum(v for line, v in values if 'status="5' in line)
