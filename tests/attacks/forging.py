"""A shop whose vendors are the demo's simulators, and an attacker who sends events by Sentry's own SDK."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import sentry_sdk
from sqlmodel import col, select

from core import scheduler
from core.db import store
from core.demo.telemetry import Telemetry
from core.demo.vendors import cloudwatch, datadog, sentry
from core.models import Crash, Issue, Status
from core.repair.types import FixResult
from core.stages.collect import Collector
from tests.stories.world import World, until, write_known_fix

METRICS = '\n[metrics]\nrequests = "shop.requests"\nerrors = "shop.errors"\np95_ms = "shop.latency.p95"\n'
STACK = (
    'Traceback (most recent call last):\n  File "/srv/shop/shop.py", line 2, in share\n    return part / whole\n'
    "ZeroDivisionError: division by zero\n"
)
OTHER = (
    'Traceback (most recent call last):\n  File "/srv/shop/stock.py", line 9, in count\n    x["x"]\nKeyError: \'x\'\n'
)
RESTS = (Status.RESOLVED, Status.ESCALATED, Status.AWAITING_APPROVAL)


@dataclass
class Shop:
    """A world whose vendors are the demo's simulators, and how its services really fare."""

    world: World
    url: str
    telemetry: Telemetry
    collector: Collector = field(default_factory=Collector)
    rounds: int = 0

    def serve(self, service: str = "pricing", ago: float = 600, until: float = 0, failing: int = 0, **logged) -> None:
        """A request a second between ``ago`` and ``until`` seconds before now; each ``failing``-th one fails."""
        for second in range(int(ago), int(until), -1):
            bad = failing and second % failing == 0
            self.request(service, second, 500 if bad else 200)
            if bad and logged:
                self.error(service, second, **logged)

    def request(self, service: str, ago: float, status: int) -> None:
        self._line(service, ago, event="request", status=status, duration_ms=20.0)

    def error(self, service: str, ago: float, stack: str = STACK) -> None:
        kind, _, message = stack.strip().rsplit("\n", 1)[-1].partition(": ")
        told = {"type": kind, "message": message, "stack": stack}
        self._line(service, ago, event="error", level="error", message=message, exception=told)

    def _line(self, service: str, ago: float, **row) -> None:
        at = (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()
        told = {"ts": at, "service": service, "route": f"/{service}", "user": "u-1", "release": "4f1c2ab", **row}
        self.telemetry.line(json.dumps(told), "production")

    def report(self, service: str = "pricing", times: int = 5, ago: float = 0, every: float = 0) -> None:
        """What the SDK sends for a crash in shop.py; nothing but the DSN is needed to send it."""
        dsn = self.url.replace("http://", "http://public@") + "/1"
        quiet = {"default_integrations": False, "auto_enabling_integrations": False}
        sdk = sentry_sdk.Client(
            dsn=dsn, environment="production", release="4f1c2ab", transport_queue_size=1000, **quiet
        )
        for number in range(times):
            at = datetime.now(UTC) - timedelta(seconds=ago + number * every)
            sdk.capture_event(forged(service, at))
        sdk.close(timeout=20)

    def round(self) -> dict:
        self.rounds += 1
        return scheduler.run_round(self.world.rt, self.collector, "test", slot=f"attack-{self.rounds}")

    def outcome(self) -> Issue:
        """The issue, where it comes to rest after a round."""
        self.round()
        issue = until(lambda: next(iter(rows(Issue, col(Issue.run) > 0)), None))
        return until(lambda: self.world.get(issue.id) if self.world.get(issue.id).status in RESTS else None)


def forged(service: str, at: datetime) -> dict:
    frame = {"filename": "shop.py", "abs_path": "/srv/shop/shop.py", "function": "share", "lineno": 2, "in_app": True}
    frame |= {"context_line": "    return part / whole", "vars": {"part": "0", "whole": "0"}}
    value = {"type": "ZeroDivisionError", "value": "division by zero", "stacktrace": {"frames": [frame]}}
    return {"exception": {"values": [value]}, "level": "error", "timestamp": at, "tags": {"service": service}}


def fix_the_forged(tree, crash: Crash, **_) -> FixResult:
    """A fix for the crash in shop.py alone, so that no other issue's release stands in the way of it."""
    if crash.exception.type != "ZeroDivisionError":
        return FixResult("escalate", "not this story's fault")
    return write_known_fix(tree, crash)


def rows(table, *where):
    with store.read() as session:
        return session.exec(select(table).where(*where)).all()


def connected(url: str) -> dict:
    return {
        "sentry_url": f"{url}/sentry",
        "sentry_token": sentry.TOKEN,
        "sentry_org": sentry.ORG,
        "datadog_url": f"{url}/datadog",
        "datadog_api_key": datadog.API_KEY,
        "datadog_app_key": datadog.APP_KEY,
        "aws_endpoint_url": f"{url}/aws",
        "aws_region": cloudwatch.REGION,
        "cloudwatch_log_groups": cloudwatch.GROUP,
        "cloudwatch_namespace": cloudwatch.NAMESPACE,
    }
