"""The alarms that a team would have set up at every vendor: one for each service whose requests fail too often."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass

from core.demo.telemetry import Telemetry

SPAN, SHARE, FEWEST = 60, 0.02, 5  # seconds; share of failed requests that triggers; minimum number of errors


@dataclass(frozen=True)
class Ringing:
    service: str
    since: float  # epoch seconds
    share: float

    @property
    def id(self) -> str:
        return f"{self.service}-{int(self.since)}"


class Alarms:
    """Evaluated at each request to a vendor; an alarm that triggers again later is a new one."""

    def __init__(self, telemetry: Telemetry):
        self.telemetry, self.since = telemetry, {}
        self.lock, self.past = threading.Lock(), deque(maxlen=1000)

    def ringing(self) -> list[Ringing]:
        now = time.time()
        with self.lock:
            shares = self._shares(now)
            self.past.extend(
                Ringing(service, now, share) for service, share in shares.items() if service not in self.since
            )
            self.since = {service: self.since.get(service, now) for service in shares}
            return [Ringing(service, self.since[service], share) for service, share in shares.items()]

    def rung(self, since: float, until: float) -> list[Ringing]:
        """The alarms that triggered in the span, oldest first."""
        self.ringing()
        with self.lock:
            return [row for row in self.past if since <= row.since < until]

    def _shares(self, now: float) -> dict[str, float]:
        counts: dict[str, list[int]] = {}
        for service, _, bucket in self.telemetry.counted(now - SPAN, now + 1):
            count = counts.setdefault(service, [0, 0])
            count[0] += bucket["requests"]
            count[1] += bucket["errors"]
        return {s: failed / all_ for s, (all_, failed) in counts.items() if failed >= FEWEST and failed / all_ > SHARE}
