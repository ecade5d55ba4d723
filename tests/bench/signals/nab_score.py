"""The scoring of the Numenta Anomaly Benchmark, standard profile.

Source: Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms – the Numenta Anomaly Benchmark",
ICMLA 2015, section II; written after the paper and the published scorer, not copied from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE = 1.0, 0.11, 1.0
PROBATION_SHARE, PROBATION_ROWS = 0.15, 750


@dataclass(frozen=True)
class Series:
    """One labelled series; ``windows`` are (first, last) row numbers, both inside."""

    name: str
    times: Sequence[datetime]
    values: Sequence[float]
    windows: Sequence[tuple[int, int]]

    @property
    def probation(self) -> int:
        """Rows at the start that are not scored."""
        return min(int(PROBATION_SHARE * len(self.values)), PROBATION_ROWS)


@dataclass(frozen=True)
class Marks:
    """What one or more series earned; ``raw`` is in units of one window."""

    raw: float = 0.0
    windows: int = 0
    found: int = 0
    false_alarms: int = 0
    rows: int = 0  # scored rows

    def __add__(self, other: Marks) -> Marks:
        return Marks(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    @property
    def normalised(self) -> float:
        """0 is the detector that never fires, 100 the one that fires at the start of every window only."""
        null, perfect = -FALSE_NEGATIVE * self.windows, TRUE_POSITIVE * self.windows
        return 100 * (self.raw - null) / (perfect - null)

    @property
    def false_per_thousand(self) -> float:
        return 1000 * self.false_alarms / self.rows


def scaled_sigmoid(position: float) -> float:
    """1 well before the right edge of a window (0), -1 from three window lengths behind it."""
    return -1.0 if position >= 3 else 2 / (1 + math.exp(5 * position)) - 1


def score(series: Series, alarms: Sequence[bool]) -> Marks:
    """Marks of one series; ``alarms`` has one entry for each row."""
    best = dict.fromkeys(series.windows, -FALSE_NEGATIVE)
    found, false, cost = set(), 0, 0.0
    for row in range(series.probation, len(series.values)):
        if not alarms[row]:
            continue
        window = next((w for w in series.windows if w[0] <= row <= w[1]), None)
        if window:
            found.add(window)
            best[window] = max(best[window], TRUE_POSITIVE * _earliness(window, row))
        else:
            false += 1
            cost += FALSE_POSITIVE * _lateness(series.windows, row)
    rows = len(series.values) - series.probation
    return Marks(sum(best.values()) + cost, len(best), len(found), false, rows)


def _earliness(window: tuple[int, int], row: int) -> float:
    first, last = window
    return scaled_sigmoid(-(last - row + 1) / (last - first + 1)) / scaled_sigmoid(-1.0)


def _lateness(windows: Sequence[tuple[int, int]], row: int) -> float:
    before = [w for w in windows if w[1] < row]
    if not before:
        return scaled_sigmoid(3.0)
    first, last = max(before, key=lambda w: w[1])
    return scaled_sigmoid((row - last) / max(last - first, 1))
