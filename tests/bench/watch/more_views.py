"""How some sources tell a course of events: in buckets, in whole per cents, capped, with a reset, or analysed late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from core.signals.release import Event, Fault, Interval, Scene
from tests.bench.watch.production import World

View = Callable[[Scene], Scene]
Drawn = World | tuple[World, View]
BUCKETS = (10, 25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1200, 2000, 5000)  # ms


def seen(scene: Scene, change: Callable[[Interval], Interval]) -> Scene:
    return replace(scene, services={name: tuple(map(change, told)) for name, told in scene.services.items()})


def bucketed(scene: Scene) -> Scene:
    def up(value: float | None) -> float | None:
        return None if value is None else float(min((b for b in BUCKETS if b >= value), default=BUCKETS[-1]))

    return seen(scene, lambda i: replace(i, p95_ms=up(i.p95_ms)))


def rounded(scene: Scene) -> Scene:
    return seen(scene, lambda i: replace(i, errors=round(i.errors / i.requests, 2) * i.requests if i.requests else 0.0))


def reset(scene: Scene) -> Scene:
    return seen(scene, lambda i: replace(i, requests=0.0, errors=0.0) if i.at <= 0 < i.at + i.seconds else i)


def capped(a_minute: int) -> View:
    """At most so many reports a minute and fault."""

    def events(told: Sequence[Event]) -> tuple[Event, ...]:
        left: dict[int, int] = {}
        kept = []
        for event in sorted(told, key=lambda e: e.at):
            minute = int(event.at // 60)
            room = min(event.count, left.setdefault(minute, a_minute))
            left[minute] -= room
            kept += [replace(event, count=room)] if room else []
        return tuple(kept)

    return lambda scene: replace(scene, faults=tuple(replace(f, events=events(f.events)) for f in scene.faults))


def analysed(fingerprint: str | None, at: float) -> View:
    def known(fault: Fault, now: float) -> Fault:
        return replace(fault, outside=now >= at, unread=now < at) if fault.fingerprint == fingerprint else fault

    return lambda scene: replace(scene, faults=tuple(known(f, scene.elapsed) for f in scene.faults))
