"""The plain reference: sums of the metrics in two windows of one length, as the product judged releases at first.

It knows no fingerprints, so another fault's errors read as "not cured", and the tail of chance as harm.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.models import ServiceHealth
from core.policy.sections import Watch
from core.signals.health import FEWEST_ERRORS, FEWEST_POINTS, slower
from core.signals.release import Interval, Judgement, Scene, State

CURED_SHARE = 0.5  # the service's error rate must fall below this share of what it was
PATIENCE = 2  # windows to wait for enough requests before the watch is called blind


def judge(scene: Scene, rules: Watch) -> Judgement:
    before = {name: _sum(i for i in scene.services[name] if -rules.seconds <= i.at < 0) for name in scene.touched}
    after = {name: _sum(i for i in scene.services[name] if i.at >= 0) for name in scene.touched}
    over, requests = scene.elapsed >= rules.seconds, sum(health.requests for health in after.values())
    enough = requests >= rules.minimum_requests
    if enough and any(_harm(before[name], after[name], rules, over) for name in scene.touched):
        return Judgement(State.HARM, "a service's error rate or latency rose")
    if enough and _uncured(before[scene.service], after[scene.service], rules):
        return Judgement(State.UNCURED, "the error it was made for goes on")
    if over and enough:
        return Judgement(State.VERIFIED, "healthy")
    blind = scene.elapsed >= rules.seconds * PATIENCE
    return Judgement(State.UNCURED if blind else State.WATCHING, f"{requests:.0f} requests")


def _sum(intervals: Iterable[Interval]) -> ServiceHealth:
    parts = list(intervals)
    latencies = sorted(i.p95_ms for i in parts if i.p95_ms is not None)
    return ServiceHealth(
        requests=sum(i.requests for i in parts),
        errors=sum(i.errors for i in parts),
        p95_ms=latencies[(len(latencies) - 1) // 2] if latencies else None,
        samples=len(parts),
    )


def _harm(before: ServiceHealth, after: ServiceHealth, rules: Watch, over: bool) -> bool:
    was, is_ = before.error_rate or 0.0, after.error_rate or 0.0
    rose = is_ > was + rules.error_rate_margin and after.errors - was * after.requests >= FEWEST_ERRORS
    settled = over or after.samples >= FEWEST_POINTS
    return rose or (settled and slower(before, after, rules.latency_factor, rules.latency_floor_ms))


def _uncured(before: ServiceHealth, after: ServiceHealth, rules: Watch) -> bool:
    was, is_ = before.error_rate or 0.0, after.error_rate or 0.0
    return was > rules.error_rate_margin and after.errors >= FEWEST_ERRORS and is_ > was * CURED_SHARE
