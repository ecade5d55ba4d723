"""Whether a latency has risen: a robust comparison of two short samples.

Both must hold: the medians differ by a factor and by a floor that a person would notice, and the
Mann-Whitney rank test (normal approximation, one-sided) says that chance does not explain it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

FEWEST_BEFORE, FEWEST_AFTER = 8, 4
FACTOR, FLOOR_MS = 3.0, 50.0
P_VALUE = 0.01


@dataclass(frozen=True)
class Degradation:
    """Medians before and after, in the unit of the samples, and the chance of seeing this by luck."""

    before: float
    after: float
    p_value: float

    @property
    def says(self) -> str:
        return f"median {self.before:.0f} -> {self.after:.0f} ms, chance explains it with p = {self.p_value:.1g}"


def degraded(before: Sequence[float], after: Sequence[float]) -> Degradation | None:
    """The rise of ``after`` over ``before``, or None where there is none or too little to say."""
    if len(before) < FEWEST_BEFORE or len(after) < FEWEST_AFTER:
        return None
    was, now = median(before), median(after)
    if now < was * FACTOR or now < was + FLOOR_MS:
        return None
    chance = rank_test(before, after)
    return Degradation(was, now, chance) if chance < P_VALUE else None


def rank_test(before: Sequence[float], after: Sequence[float]) -> float:
    """One-sided p value that ``after`` tends to be larger (Mann and Whitney 1947, normal approximation)."""
    wins = sum((b > a) + 0.5 * (b == a) for b in after for a in before)
    n, m = len(after), len(before)
    mean, deviation = n * m / 2, math.sqrt(n * m * (n + m + 1) / 12)
    return 1 - NormalDist().cdf((wins - mean - 0.5) / deviation)
