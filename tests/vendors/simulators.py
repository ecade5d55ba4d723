"""The simulators of the source vendors on a loopback port, fed by a shop that a test writes itself."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from core.demo.alarms import Alarms
from core.demo.repo import ShopRepo
from core.demo.telemetry import Telemetry
from core.demo.vendors import cloudwatch, datadog, github, newrelic, osv, sentry

STACK = 'Traceback (most recent call last):\n  File "/srv/shop/cart.py", line 3, in show\n    x["x"]\nKeyError: \'x\'\n'


@dataclass
class Simulators:
    url: str
    telemetry: Telemetry
    repo: ShopRepo
    hub: github.SimulatedGitHub

    def emit(self, count: int, *, service: str = "cart", failing: int = 4, seconds: int = 200) -> None:
        """``count`` requests over the last ``seconds``; each ``failing``-th one crashes."""
        now = datetime.now(UTC)
        for i in range(count):
            at = (now - timedelta(seconds=seconds * (1 - i / count))).isoformat()
            row = {
                "ts": at,
                "service": service,
                "route": f"/{service}",
                "user": f"u-{i}",
                "release": "abcdef0123456789",
            }
            bad = i % failing == 0
            self._line(row | {"event": "request", "status": 500 if bad else 200, "duration_ms": float(i % 50)})
            if bad:
                told = {"type": "KeyError", "message": "'x'", "stack": STACK}
                self._line(row | {"event": "error", "level": "error", "message": "'x'", "exception": told})

    def _line(self, row: dict) -> None:
        self.telemetry.line(json.dumps(row), "production")


@contextlib.contextmanager
def serving(routes: list) -> Iterator[str]:
    """An address on loopback that serves the routes until the block is left."""
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(5)


@contextlib.contextmanager
def simulators(folder: Path) -> Iterator[Simulators]:
    telemetry, repo = Telemetry(), ShopRepo(folder).build()
    alarms = Alarms(telemetry)
    hub, empty = github.SimulatedGitHub(repo, ""), osv.SimulatedOsv("/empty")
    empty.rows.clear()
    others = (
        sentry.SimulatedSentry(),
        datadog.SimulatedDatadog(telemetry, alarms),
        newrelic.SimulatedNewRelic(telemetry, alarms),
        cloudwatch.SimulatedCloudWatch(telemetry, alarms),
        osv.SimulatedOsv(),
        empty,
    )
    with serving([route for made in (*others, hub) for route in made.routes]) as url:
        hub.at(url)
        yield Simulators(url, telemetry, repo, hub)
