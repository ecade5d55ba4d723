"""Counts and exposures of a scene, on the metric intervals of one service. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.signals.anomaly.rates import Tally, dispersion
from core.signals.release import Event, Interval, Scene

STEP = 10.0  # seconds of a bin for a service without request counts
SLACK = 0.5  # seconds of rounding
MOMENT = 5.0  # seconds within which errors count as one burst


@dataclass(frozen=True)
class Bin:
    start: float
    end: float
    exposure: float  # requests, or seconds


def bins(scene: Scene, service: str, start: float, end: float) -> list[Bin]:
    """The service's whole intervals within [start, end), with their requests; without any, equal steps of time."""
    intervals = sorted(scene.services.get(service, ()), key=lambda i: i.at)
    if any(i.requests for i in intervals):
        whole = [i for i in intervals if start <= i.at and i.at + i.seconds <= end + SLACK]
        return [Bin(i.at, i.at + i.seconds, i.requests) for i in whole]
    steps = max(1, round((end - start) / STEP))
    edges = [start + (end - start) * i / steps for i in range(steps + 1)]
    return [Bin(a, b, b - a) for a, b in pairwise(edges)] if end > start else []


def parts(scene: Scene, service: str, start: float, end: float) -> list[Bin]:
    """Like ``bins``, but an interval that contains ``start`` or the release is split, its requests in proportion.

    Only for errors with their own time.
    """
    intervals = sorted(scene.services.get(service, ()), key=lambda i: i.at)
    if not any(i.requests for i in intervals):
        return bins(scene, service, start, end)
    whole = [i for i in intervals if end <= 0 or i.at + i.seconds <= end + SLACK]
    cut = [(max(i.at, start), min(i.at + i.seconds, end), i) for i in whole]
    return [Bin(a, b, i.requests * (b - a) / i.seconds) for a, b, i in cut if a < b and i.seconds > 0]


def counted(events: Sequence[Event], spans: Sequence[Bin], stragglers: bool = False) -> list[float]:
    """Events in each bin; after the release, those of the replaced release only where ``stragglers`` are asked for.

    The bins come in the order of time and do not overlap.
    """
    starts, found = [span.start for span in spans], [0.0] * len(spans)
    for event in events:
        place = bisect_right(starts, event.at) - 1
        if place >= 0 and event.at < spans[place].end and (stragglers or not event.old or event.at < 0):
            found[place] += event.count
    return found


def tally(counts: Sequence[float], spans: Sequence[Bin], spread: float = 1.0) -> Tally:
    return Tally(sum(counts), sum(span.exposure for span in spans), spread)


def spread(counts: Sequence[float], spans: Sequence[Bin]) -> float:
    return dispersion(counts, [span.exposure for span in spans])


def moments(events: Sequence[Event], start: float) -> int:
    """Distinct short moments with errors since ``start``: one user who retries is one moment, not twenty errors."""
    return len({int(e.at // MOMENT) for e in events if e.at >= start and not e.old})


def latencies(points: Sequence[Interval], start: float, end: float) -> list[float]:
    return [p.p95_ms for p in sorted(points, key=lambda p: p.at) if start <= p.at < end and p.p95_ms is not None]
