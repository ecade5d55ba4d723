"""What the shop's processes say on standard output, kept as logs and five-second buckets. Bounded in memory."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict, deque
from datetime import datetime

BUCKET = 5  # seconds
LOGS, BUCKETS = 20_000, 2_000


class Telemetry:
    def __init__(self):
        self.logs: deque[dict] = deque(maxlen=LOGS)
        self.buckets: OrderedDict[tuple[str, int], dict] = OrderedDict()
        self.lock, self.count = threading.Lock(), 0

    def line(self, text: str, environment: str) -> None:
        """One line of a process; what is not JSON is an ordinary log line of no service."""
        try:
            row = json.loads(text)
            at = datetime.fromisoformat(row["ts"])
        except (ValueError, KeyError, TypeError):
            return
        with self.lock:
            if row.get("event") == "request" and environment == "production":
                self._request(row, at)
            elif row.get("event") == "error":
                self.count += 1
                self.logs.append({"id": f"log-{self.count:08d}", "at": at, "environment": environment, **row})

    def _request(self, row: dict, at: datetime) -> None:
        key = (row["service"], int(at.timestamp()) // BUCKET * BUCKET)
        bucket = self.buckets.setdefault(key, {"requests": 0, "errors": 0, "durations": []})
        bucket["requests"] += 1
        bucket["errors"] += row["status"] >= 500
        bucket["durations"].append(row["duration_ms"])
        while len(self.buckets) > BUCKETS:
            self.buckets.popitem(last=False)

    def series(self, metric: str, since: float, until: float) -> dict[str, list[tuple[int, float]]]:
        """By service the (epoch seconds, value) of requests, errors or p95_ms."""
        found: dict[str, list[tuple[int, float]]] = {}
        with self.lock:
            for (service, at), bucket in sorted(self.buckets.items()):
                if since <= at < until:
                    found.setdefault(service, []).append((at, _value(bucket, metric)))
        return found

    def errors(self, since: datetime, until: datetime) -> list[dict]:
        with self.lock:
            return [row for row in self.logs if since <= row["at"] < until]


def _value(bucket: dict, metric: str) -> float:
    if metric == "p95_ms":
        durations = sorted(bucket["durations"])
        return durations[min(len(durations) - 1, int(0.95 * len(durations)))]
    return float(bucket[metric])
