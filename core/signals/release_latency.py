"""Whether the services that run a release became slower with it: the 95th percentiles before and since. Pure.

A slowdown counts as harm when it is beyond the allowed factor and floor, when the rank test excludes chance, when the
services that the release cannot have changed do not show it, and when it lasts: a new instance is slow until its caches
are warm, and work that waited for the cure is caught up within minutes. One that only begins to grow keeps the watch
open: a leak looks like this at first. Where another open issue had made the service slow before, the baseline begins
with that issue, and a person decides on a further slowdown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from core.policy.sections import Watch
from core.signals import timeline
from core.signals.anomaly.degradation import rank_test
from core.signals.release import Count, Finding, FindingKind, Interval, Scene

WARM = 45.0  # seconds in which a new instance may be slow: caches are cold
PATIENT = 2  # a slowdown alone is no harm in the first half of the watch: warm-up and backlog are over by then
SHARED, ALIKE = 0.4, 0.7  # of a slowdown that a control shows too: the cause is open; it is not the release
LOOKS = 5  # the rank test is made at every look; so many of them are independent
POINTS = 3  # latencies from which one judges
GROWING = 0.05  # chance of such ranks, from which growth within the allowed keeps the watch open
USED = 0.25  # share of the allowed growth from which growth matters


@dataclass(frozen=True)
class Latency:
    """``begin`` of the baseline and ``until`` when figures have arrived, in seconds from the release."""

    scene: Scene
    rules: Watch
    begin: float
    until: float

    def finding(self, service: str) -> Finding:
        slow = self.scene.slow.get(service)
        before, after = self._points(self.scene.services.get(service, ()), self.begin if slow is None else slow)
        a, b = (median(before) if before else 0.0), (median(after) if after else 0.0)
        message = f"{service}: the 95th percentile is {b:.0f} ms since the release, {a:.0f} ms before"
        kind = self._kind(before, after)
        if kind is FindingKind.HARM and slow is not None:
            kind = FindingKind.DOUBT  # two causes: a person tells them apart
        return Finding(kind, Count(service, a, b, message))

    def _kind(self, before: Sequence[float], after: Sequence[float]) -> FindingKind:
        if len(before) < POINTS or not after:
            return FindingKind.CLEAR
        lasting = min(median(after), median(_later(after)))
        shared = self._shared(lasting / max(median(before), 1e-9))
        if shared > ALIKE or not self._grows(before, after):
            return FindingKind.CLEAR
        if lasting <= self._limit(before):
            return FindingKind.SUSPECT if self._early else FindingKind.CLEAR
        if shared > SHARED:
            return FindingKind.DOUBT
        return FindingKind.HARM if self._sure(before, after) else FindingKind.SUSPECT

    @property
    def _early(self) -> bool:
        return self.until < self.rules.seconds

    def _limit(self, before: Sequence[float]) -> float:
        usual = median(before)
        return max(usual * self.rules.latency_factor, usual + self.rules.latency_floor_ms)

    def _sure(self, before: Sequence[float], after: Sequence[float]) -> bool:
        """Does it last, beyond chance and beyond what any time of this length showed before?"""
        lasts = median(_later(after)) > self._limit(before) and median(after[-POINTS:]) > self._limit(before)
        if len(after) < POINTS or not lasts or self.until < self.rules.seconds / PATIENT:
            return False
        runs = [median(before[i : i + len(after)]) for i in range(len(before) - len(after) + 1)]
        usual = max(runs, default=0.0) >= median(after)
        return not usual and rank_test(before[-4 * len(after) :], after) < self.rules.wrong_rollbacks / LOOKS

    def _grows(self, before: Sequence[float], after: Sequence[float]) -> bool:
        """Is it slower by a part of what is allowed, and not by chance? While that is open, the watch goes on."""
        usual, later = median(before), median(_later(after))
        used = (later - usual) / max(self._limit(before) - usual, 1e-9)
        return used > USED and rank_test(before, after) < (GROWING if used < 1 or not self._early else 1.0)

    def _shared(self, ratio: float) -> float:
        """The largest share of the slowdown that a service shows which the release cannot have changed."""
        return (max(self._controls(), default=1.0) - 1) / max(ratio - 1, 1e-9)

    def _controls(self) -> Iterator[float]:
        for service, points in self.scene.services.items():
            before, after = self._points(points, self.begin) if service not in self.scene.touched else ([], [])
            if before and after:
                yield median(after) / max(median(before), 1e-9)

    def _points(self, points: Sequence[Interval], begin: float) -> tuple[list[float], list[float]]:
        warm = min(WARM, self.until / 4)
        return timeline.latencies(points, max(begin, self.begin), 0.0), timeline.latencies(points, warm, self.until)


def _later(values: Sequence[float]) -> Sequence[float]:
    """The later half, and no fewer than are needed to judge."""
    return values[-max(POINTS, len(values) // 2) :]
