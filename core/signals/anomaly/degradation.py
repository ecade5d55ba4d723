"""Whether a latency has risen, and since when: the best change point of a short series.

Every position with enough points on both sides is tried. Three conditions must hold: the medians differ by a
factor, they differ by an amount that a person would notice, and the Mann-Whitney rank test (normal approximation,
one-sided, Bonferroni-corrected for the positions tried) is significant. The newest points must be high too: a
rise that is over is not a degradation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

FEWEST_BEFORE, FEWEST_AFTER = 5, 4
FACTOR, FLOOR_MS = 3.0, 50.0
P_VALUE = 0.01


@dataclass(frozen=True)
class Degradation:
    """Medians before and after, in the unit of the series; ``since`` is the index of the first high point."""

    since: int
    before: float
    after: float
    p_value: float

    @property
    def message(self) -> str:
        return f"median {self.before:.0f} -> {self.after:.0f} ms, chance explains it with p = {self.p_value:.1g}"


def degraded(values: Sequence[float]) -> Degradation | None:
    """The rise that lasts to the end of a series (oldest first); None without one or with too few points."""
    places = range(FEWEST_BEFORE, len(values) - FEWEST_AFTER + 1)
    found = [rise for place in places if (rise := _rise(values, place, len(places)))]
    best = min(found, key=lambda rise: rise.p_value, default=None)
    return best if best and best.p_value < P_VALUE and _high(best, median(values[-FEWEST_AFTER:])) else None


def _rise(values: Sequence[float], place: int, tried: int) -> Degradation | None:
    before, after = values[:place], values[place:]
    rise = Degradation(place, median(before), median(after), 1.0)
    if not _high(rise, rise.after):
        return None
    return Degradation(place, rise.before, rise.after, min(1.0, tried * rank_test(before, after)))


def _high(rise: Degradation, value: float) -> bool:
    return value >= max(rise.before * FACTOR, rise.before + FLOOR_MS)


def rank_test(before: Sequence[float], after: Sequence[float]) -> float:
    """One-sided p-value of ``after`` being larger (Mann and Whitney 1947, normal approximation)."""
    wins = sum((b > a) + 0.5 * (b == a) for b in after for a in before)
    n, m = len(after), len(before)
    mean, deviation = n * m / 2, math.sqrt(n * m * (n + m + 1) / 12)
    return 1 - NormalDist().cdf((wins - mean - 0.5) / deviation)
