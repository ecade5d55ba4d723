"""Whether a service lost most of its traffic, told from counts: also where two requests a minute are usual.

Each interval has an expected count: the usual one at this time of day (usual_traffic.py) times the level of the hours
before. A CUSUM sums how much better the counts fit a share of it than all of it: Page, Continuous Inspection Schemes,
Biometrika 41, 1954; for counts Lucas, Counted Data CUSUM's, Technometrics 27, 1985; with an expected count that follows
the season Höhle, Paul, Count data regression charts, Computational Statistics & Data Analysis 52, 2008. The sum of the
smallest share is the time since the last request, measured in usual requests. The loss began where a sum began to rise.

A high sum is only a suspicion: the rhythm of other days may not fit this one, as on a weekend. The counts since it
began are then compared with those before (rates.py), with and without the rhythm.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from statistics import fmean

from core.signals.anomaly import rates
from core.signals.anomaly.rates import Tally, times
from core.signals.anomaly.usual_traffic import UsualTraffic

SHARES = 0.02, 0.1, 0.3  # of the expected traffic, for which a loss is looked for
LEVEL = 180  # intervals before that say today's level
HOUR = 60  # intervals before, without the rhythm
LONGEST = 120  # intervals of a loss: over longer ones the day itself changes
FEWEST = 8  # intervals: a shorter loss is a restart
MISSED = 3.0  # expected requests, without which no request is no sign
PARTS = 3  # of a loss, of which each has to be one
BLOCK = 10  # intervals that are counted together for the dispersion: bursts last minutes
SUSPECT, CERTAIN, LIKELY = (math.log(odds) for odds in (1e3, 5e3, 1e2))
LOST = 0.5  # share of the usual traffic from which a fall matters
SAME, LESS = (times(1.0), times(0.8)), tuple(map(times, (0.4, 0.2, 0.05, 0.001)))


@dataclass(frozen=True)
class TrafficCount:
    """The requests of an interval, and those of the days before: at this time, and the lowest of the hours around."""

    at: datetime
    requests: float
    usual: float
    lowest: float


Exposure = Callable[[TrafficCount], float]


@dataclass(frozen=True)
class Loss:
    """Requests an interval before and after."""

    began: datetime
    before: float
    after: float


class LostTraffic:
    """The traffic of one service; intervals come in the order of time."""

    def __init__(self) -> None:
        self.rhythm = UsualTraffic()
        self.rows: deque[TrafficCount] = deque(maxlen=LEVEL + LONGEST)
        self.level: deque[TrafficCount] = deque()
        self.seen = self.expected = 0.0  # sums of ``level``
        self.sums: dict[float, tuple[float, int]] = {}  # share -> the sum, the intervals since it was zero
        self.restart()

    def step(self, at: datetime, requests: float) -> Loss | None:
        """The loss that lasts to this interval, if there is one."""
        usual = self.rhythm.step(at, requests)
        if usual is None:
            return None
        row = TrafficCount(at, requests, usual.mean, usual.lowest)
        spans = set(self._suspicious(row, self._rate() * row.usual))
        self._keep(row)
        return next((loss for span in sorted(spans) if (loss := self._proved(span))), None)

    def restart(self) -> None:
        """Begin anew: a loss up to now is known."""
        self.sums = dict.fromkeys(SHARES, (0.0, 0))

    def _suspicious(self, row: TrafficCount, expected: float) -> Iterator[int]:
        for share, (height, length) in self.sums.items():
            higher = height + row.requests * math.log(share) + expected * (1 - share)
            self.sums[share] = (higher, min(LONGEST, length + 1)) if higher > 0 else (0.0, 0)
            if higher > SUSPECT:
                yield self.sums[share][1]

    def _rate(self) -> float:
        """Today's level: 1 is as on the days before."""
        return (self.seen + 1) / (self.expected + 1)

    def _keep(self, row: TrafficCount) -> None:
        self.rows.append(row)
        self.level.append(row)
        self.seen, self.expected = self.seen + row.requests, self.expected + row.usual
        if len(self.level) > LEVEL:
            old = self.level.popleft()
            self.seen, self.expected = self.seen - old.requests, self.expected - old.usual

    def _proved(self, span: int) -> Loss | None:
        rows = list(islice(reversed(self.rows), span + LEVEL))[::-1]
        before, late = rows[:-span], rows[-span:]
        hour = before[-HOUR:]
        if span < FEWEST or len(hour) < HOUR or not (_unlike_before(before, late) and _throughout(hour, late)):
            return None
        level = max(1.0, _mean(hour))
        proved = _lost(hour, late, lambda _row: level, LIKELY) and _lost(before, late, _usual, CERTAIN)
        return Loss(late[0].at, _mean(hour), _mean(late)) if proved else None


def _throughout(hour: Sequence[TrafficCount], late: Sequence[TrafficCount]) -> bool:
    """Whether each third is low: the last, so that it is not over, and the first, so that it is no slow fall."""
    size = -(-len(late) // PARTS)
    thirds = [late[i : i + size] for i in range(0, len(late), size)]
    first, *others = (sum(row.requests for row in third) for third in thirds)
    return first <= 2 * fmean(others) + 2 and all(_mean(third) <= LOST * _mean(hour) for third in thirds)


def _mean(rows: Sequence[TrafficCount]) -> float:
    return fmean(row.requests for row in rows)


def _usual(row: TrafficCount) -> float:
    return row.usual


def _unlike_before(before: Sequence[TrafficCount], late: Sequence[TrafficCount]) -> bool:
    """Whether so little traffic is unlike the days before, too, even if today is earlier or later than they were."""
    level = sum(row.requests for row in before) / max(1e-9, sum(row.usual for row in before))
    expected = min(1.0, level) * sum(row.lowest for row in late)
    return expected >= MISSED and sum(row.requests for row in late) <= LOST * expected


def _lost(before: Sequence[TrafficCount], late: Sequence[TrafficCount], exposure: Exposure, least: float) -> bool:
    """Whether the counts favour a loss, where each interval has this exposure."""
    spread = _dispersion(before, exposure)
    then, now = (Tally(sum(row.requests for row in rows), sum(map(exposure, rows)), spread) for rows in (before, late))
    return now.rate <= LOST * then.rate and rates.favours(then, now, LESS, SAME) > least


def _dispersion(rows: Sequence[TrafficCount], exposure: Exposure) -> float:
    blocks = [rows[i : i + BLOCK] for i in range(0, len(rows), BLOCK)]
    counts = [sum(row.requests for row in block) for block in blocks]
    return rates.dispersion(counts, [sum(map(exposure, block)) for block in blocks])
