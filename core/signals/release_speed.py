"""Whether a release cured a slowdown: the 95th percentiles of the issue's service before and since. Pure.

A point is slow if it lies above the middle (geometric mean) between the usual latency and that of the slowdown. The
odds of a cure are those of a sequential test (Wald 1945, "Sequential Tests of Statistical Hypotheses"): a cured service
has a slow point now and then, a slow one has as many as it had.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.models.counted import counted
from core.signals import timeline
from core.signals.release import Scene, Slowness
from core.signals.release_own import Own

CURED = 0.1  # share of the points of a cured service that are slow nevertheless
LEAST, MOST = 0.5, 0.9  # bounds of the share that a slow service has
POINTS = 3  # points from which one judges
TINY = 0.1  # ms


def recovered(scene: Scene, slow: Slowness, start: float, until: float) -> Own:
    """How the latency of the issue's service fares: since the slowdown began, and from ``start`` to ``until``."""
    points = scene.services.get(scene.service, ())
    before = timeline.latencies(points, max(slow.since, -scene.history), 0.0)
    return recovery(slow, before, timeline.latencies(points, start, until))


def recovery(slow: Slowness, before: Sequence[float], after: Sequence[float]) -> Own:
    """The same for 95th percentiles in ms, oldest first. The counts are intervals that are slow."""
    limit = math.sqrt(max(slow.usual, TINY) * max(slow.slow, TINY))
    was, now = (sum(value > limit for value in values) for values in (before, after))
    share = min(max(was / len(before) if before else MOST, LEAST), MOST)
    odds, lately = _odds(after, limit, share), _odds(after[-max(POINTS, len(after) // 4) :], limit, share)
    found = f"{now} of {counted(len(after), 'interval')} slow since the release (above {limit:.0f} ms)"
    message = f"the latency of the service: {found}, {was} of {len(before)} before"
    return Own(odds, lately, was, now, share * len(after), now, message=message)


def _odds(values: Sequence[float], limit: float, share: float) -> float:
    if len(values) < POINTS:
        return 0.0
    slow = sum(value > limit for value in values)
    return slow * math.log(CURED / share) + (len(values) - slow) * math.log((1 - CURED) / (1 - share))
