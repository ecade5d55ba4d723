"""The standard output of the shop's processes, kept as logs and five-second buckets. Bounded in memory."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime

BUCKET = 5  # seconds
LOGS, BUCKETS = 20_000, 2_000


class Telemetry:
    def __init__(self):
        self.logs: deque[dict] = deque(maxlen=LOGS)
        self.buckets: OrderedDict[tuple[str, int], dict] = OrderedDict()
        self.hosts: deque[dict] = deque(maxlen=LOGS)  # samples of hosts; the demo's own machine is not measured
        self.lock, self.count = threading.Lock(), 0
        self.readers: list[Callable[[dict], None]] = []  # called with each production error

    def line(self, text: str, environment: str) -> None:
        """Record one line of a process; a line that is not JSON is ignored."""
        try:
            row = json.loads(text)
            at = datetime.fromisoformat(row["ts"])
        except (ValueError, KeyError, TypeError):
            return
        if row.get("event") == "request" and environment == "production":
            with self.lock:
                self._request(row, at)
        elif row.get("event") == "error":
            self._error(row, at, environment, text)

    def sample(self, host: str, at: datetime, **percent: float) -> None:
        """Add a sample of a host: cpu, memory and disk."""
        with self.lock:
            self.hosts.append({"host": host, "at": at.timestamp(), **percent})

    def _error(self, row: dict, at: datetime, environment: str, text: str) -> None:
        with self.lock:
            self.count += 1
            kept = {"id": f"log-{self.count:08d}", "at": at, "environment": environment, "line": text.strip(), **row}
            self.logs.append(kept)
        if environment == "production":
            for reader in self.readers:
                reader(kept)

    def _request(self, row: dict, at: datetime) -> None:
        key = (row["service"], int(at.timestamp()) // BUCKET * BUCKET)
        bucket = self.buckets.setdefault(key, {"requests": 0, "errors": 0, "durations": []})
        bucket["requests"] += 1
        bucket["errors"] += row["status"] >= 500
        bucket["durations"].append(row["duration_ms"])
        while len(self.buckets) > BUCKETS:
            self.buckets.popitem(last=False)

    def series(self, metric: str, since: float, until: float) -> dict[str, list[tuple[int, float]]]:
        """(epoch seconds, value) of requests, errors or p95_ms, by service."""
        found: dict[str, list[tuple[int, float]]] = {}
        with self.lock:
            for (service, at), bucket in sorted(self.buckets.items()):
                if since <= at < until:
                    found.setdefault(service, []).append((at, _value(bucket, metric)))
        return found

    def counted(self, since: float, until: float) -> list[tuple[str, int, dict]]:
        """(service, epoch seconds, bucket) of the buckets that began in the span, oldest first."""
        with self.lock:
            found = [(s, at, {**b, "durations": [*b["durations"]]}) for (s, at), b in self.buckets.items()]
        return sorted((row for row in found if since <= row[1] < until), key=lambda row: row[1])

    def errors(self, since: datetime, until: datetime) -> list[dict]:
        with self.lock:
            return [row for row in self.logs if since <= row["at"] < until]


def _value(bucket: dict, metric: str) -> float:
    if metric == "p95_ms":
        durations = sorted(bucket["durations"])
        return durations[min(len(durations) - 1, int(0.95 * len(durations)))]
    return float(bucket[metric])
