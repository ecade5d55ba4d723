"""Anomalies of one metric stream: online, one pass, no look ahead, one setting for every series.

Several statistics of the stream (level, step, means of minutes and hours, volatility, constancy, deviation from the
daily and weekly rhythm, recent distribution, gaps) each learn their own tail (tail.py). The most surprising one counts.
It is an alarm if it exceeds a bar (bar.py) that rises with each alarm and sinks slowly, so that the long-run rate of
alarms is bounded for every series. After an alarm the detector pauses: one incident is one alarm.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from core.signals.anomaly.bar import Bar
from core.signals.anomaly.season import Season
from core.signals.anomaly.tail import Tail

THRESHOLD = 0.5  # the lowest score of an alarm
QUIET = 0.499  # the highest score of a row below the bar or within a known incident
REST = 80  # rows that still belong to an incident after its last unusual row
LOUDER = 2.0  # unless they are this much more surprising
WARM_UP = 100  # rows
MOST = 1e100  # larger values are clipped, so that sums stay finite
MEMORY = 2000  # rows of the slow averages
SHORT, LONG, LATE = 10, 60, 52  # rows of the means, and of the recent distribution
BINS, SAMPLE = 8, 150  # bins of the distribution, and rows that define their edges
FAST, SLOW, VERY_SLOW = 12, 24, 30  # rows of a block of peaks
# each statistic's kind, which has its own handicap; rows of its blocks of peaks; its description
STATISTICS = {
    "high": ("high", FAST, "higher than ever"),
    "low": ("low", FAST, "lower than ever"),
    "rise": ("change", FAST, "a sudden rise"),
    "fall": ("change", FAST, "a sudden fall"),
    "mean+": ("mean", FAST, "high for minutes"),
    "mean-": ("mean", FAST, "low for minutes"),
    "long+": ("long", VERY_SLOW, "high for hours"),
    "long-": ("long", VERY_SLOW, "low for hours"),
    "unrest": ("unrest", SLOW, "more restless than usual"),
    "calm": ("calm", SLOW, "calmer than usual"),
    "same": ("same", SLOW, "stuck at one value"),
    "season+": ("season", FAST, "higher than usual at this time"),
    "season-": ("season", FAST, "lower than usual at this time"),
    "over": ("deviation", FAST, "above what was expected"),
    "under": ("deviation", FAST, "below what was expected"),
    "mix": ("mix", VERY_SLOW, "an unusual mix of values"),
    "gap": ("gap", SLOW, "data is missing"),
}


@dataclass(frozen=True)
class Reading:
    """The result for a row: ``score`` 0..1, and the band expected before the row was seen (infinite: unknown)."""

    score: float
    low: float
    high: float
    why: str

    @property
    def alarm(self) -> bool:
        return self.score >= THRESHOLD


class RollingMean:
    """The mean of the last ``size`` values."""

    def __init__(self, size: int):
        self.values: deque[float] = deque()
        self.size, self.total = size, 0.0

    def push(self, x: float) -> float:
        self.values.append(x)
        self.total += x
        if len(self.values) > self.size:
            self.total -= self.values.popleft()
        return self.total / len(self.values)


class Mixture:
    """The recent distribution of values compared with all before: Kullback-Leibler divergence over quantile bins.

    After Wang, Viswanathan et al. 2011 (relative entropy), with one distribution for the past.
    """

    def __init__(self):
        self.sample: list[float] = []
        self.edges: list[float] | None = None
        self.past, self.late = [1.0] * BINS, [0] * BINS
        self.order: deque[int] = deque()

    def push(self, x: float) -> float:
        if self.edges is None:
            self.sample.append(x)
            if len(self.sample) == SAMPLE:
                ranked = sorted(self.sample)
                self.edges = sorted({ranked[SAMPLE * k // BINS] for k in range(1, BINS)})
            return 0.0
        found = bisect_right(self.edges, x)
        self.order.append(found)
        self.late[found] += 1
        if len(self.order) > LATE:
            self.late[self.order.popleft()] -= 1
        size, total = len(self.order), sum(self.past)
        distance = sum(
            n / size * math.log(n * total / (size * p)) for n, p in zip(self.late, self.past, strict=True) if n
        )
        self.past[found] += 1
        return distance if size >= LATE - BINS else 0.0


class Detector:
    """The detector of one stream."""

    def __init__(self):
        self.rows = 0
        self.tails = {name: Tail(block) for name, (_, block, _) in STATISTICS.items()}
        self.season, self.mixture = Season(), Mixture()
        self.short, self.long, self.off = RollingMean(SHORT), RollingMean(LONG), RollingMean(6)
        self.base = self.spread = self.smooth = self.previous = 0.0
        self.unrest = self.usual_unrest = self.usual_log = 0.0
        self.same = 0
        self.at: datetime | None = None
        self.interval = 0.0
        self.bar, self.resting, self.loudest = Bar(), 0, 0.0

    def step(self, at: datetime, x: float | None) -> Reading:
        """Process a row; None or NaN is a missing value. Times may be irregular, but must be in order."""
        if x is None or not math.isfinite(x):
            return self._judge([("gap", self._gap(at, missing=True))], (-math.inf, math.inf))
        x, gap = min(MOST, max(-MOST, x)), self._gap(at, missing=False)
        band, expected, scale = self._expect(at, x)
        found = [("gap", gap), *self._levels(x), *self._changes(x), *self._deviations(x, expected, scale)]
        self._learn(at, x)
        return self._judge(found, band)

    # --- the alarm ---------------------------------------------------------------------------------

    def _judge(self, found: list[tuple[str, float]], band: tuple[float, float]) -> Reading:
        self.bar.sink()
        why, surprise = "", 0.0
        for name, level in found:
            if level > surprise and (left := level - self.bar.handicap(STATISTICS[name][0])) > surprise:
                why, surprise = name, left
        resting = self.resting > 0 and surprise < LOUDER * self.loudest
        self.resting = max(0, self.resting - 1)
        if not why:
            return Reading(0.0, *band, "")
        kind, _, message = STATISTICS[why]
        height = self.bar.height()
        if surprise < height or resting or self.rows < WARM_UP:
            if resting and surprise >= height:
                self.resting = REST  # the incident continues
            return Reading(min(QUIET, 0.5 * surprise / height), *band, message)
        self.bar.rise(kind)
        self.resting, self.loudest = REST, surprise
        return Reading(1 - 0.5 * height / surprise, *band, message)

    # --- the statistics: (name, surprise) -------------------------------------------------------------

    @property
    def _grain(self) -> float:
        return max(1e-3 * abs(self.base), 0.02 * self.spread, 1e-12)

    def _expect(self, at: datetime, x: float) -> tuple[tuple[float, float], float, float | None]:
        """(band, expected value, scale of the season or None) from the values before ``x``."""
        usual = self.season.expected(at, self.spread)
        expected = usual[0] if usual else self.smooth
        if not self.rows:
            return (-math.inf, math.inf), x, None
        height, grain = self.bar.height() + self.bar.handicap("deviation"), self._grain
        down, up = (self.tails[name].limit(height, 0.0, grain) for name in ("under", "over"))
        return (expected - down, expected + up), expected, usual[1] if usual else None

    def _levels(self, x: float) -> Iterator[tuple[str, float]]:
        if not self.rows:
            self.base = self.smooth = self.previous = x
        rate = max(1 / (self.rows + 1), 1 / MEMORY)
        self.base += rate * (x - self.base)
        self.spread += rate * (abs(x - self.base) - self.spread)
        base, grain, tails = self.base, self._grain, self.tails
        yield "high", tails["high"].step(x, base, grain)
        yield "low", tails["low"].step(-x, -base, grain)
        short, long = self.short.push(x), self.long.push(x)
        if self.rows > SHORT:
            yield "mean+", tails["mean+"].step(short, base, grain)
            yield "mean-", tails["mean-"].step(-short, -base, grain)
        if self.rows > LONG:
            yield "long+", tails["long+"].step(long, base, grain)
            yield "long-", tails["long-"].step(-long, -base, grain)
        yield "mix", tails["mix"].step(self.mixture.push(x), 0.0, 0.05)

    def _changes(self, x: float) -> Iterator[tuple[str, float]]:
        change, grain, tails = x - self.previous, self._grain, self.tails
        yield "rise", tails["rise"].step(change, 0.0, grain)
        yield "fall", tails["fall"].step(-change, 0.0, grain)
        rate = max(1 / (self.rows + 1), 1 / MEMORY)
        self.unrest += max(rate, 0.08) * (abs(change) - self.unrest)
        self.usual_unrest += rate * (abs(change) - self.usual_unrest)
        level = math.log(self.unrest + 0.05 * self.usual_unrest + 1e-9 * abs(self.base) + 1e-12)
        self.usual_log += rate * (level - self.usual_log)
        yield "unrest", tails["unrest"].step(level, self.usual_log, 0.1)
        yield "calm", tails["calm"].step(-level, -self.usual_log, 0.1)
        self.same = self.same + 1 if change == 0 else 0
        yield "same", tails["same"].step(math.log1p(self.same), 0.0, 0.15)

    def _deviations(self, x: float, expected: float, scale: float | None) -> Iterator[tuple[str, float]]:
        grain, tails = self._grain, self.tails
        yield "over", tails["over"].step(x - expected, 0.0, grain)
        yield "under", tails["under"].step(expected - x, 0.0, grain)
        if scale is not None:
            off = self.off.push((x - expected) / scale)
            yield "season+", tails["season+"].step(off, 0.0, 0.1)
            yield "season-", tails["season-"].step(-off, 0.0, 0.1)

    def _gap(self, at: datetime, missing: bool) -> float:
        """Surprise of the time since the last value, measured in usual intervals."""
        if self.at is None:
            self.at = at
            return 0.0
        seconds = max(0.0, (at - self.at).total_seconds())
        longer = math.log(max(1.0, seconds / self.interval)) if self.interval else 0.0
        tail = self.tails["gap"]
        if missing:
            return tail.rarity + max(0.0, longer - max(0.0, tail.level)) / 0.5 if tail.k else 0.0
        self.at = at
        most = 4 * self.interval or seconds
        self.interval += max(0.02, 1 / (self.rows + 1)) * (min(seconds, most) - self.interval)
        return tail.step(longer, 0.0, 0.5)

    def _learn(self, at: datetime, x: float) -> None:
        self.season.learn(at, x, self.base, self.spread)
        self.smooth += 0.2 * (x - self.smooth)
        self.previous = x
        self.rows += 1


def watch(points: Iterable[tuple[datetime, float | None]]) -> list[Reading]:
    """The reading of each point, in order: the band expected before it, and whether it is an anomaly.

    A value of None is missing; a last point ``(now, None)`` checks whether a stream has stopped.
    """
    detector = Detector()
    return [detector.step(at, value) for at, value in points]
