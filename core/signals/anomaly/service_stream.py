"""Alarms about one service: its error rate, its traffic and its latency, each watched by a detector of its own.

The detector says that a value is unusual for this series, or the hour before says that it changed suddenly (sudden.py),
or the counts of hours and days say that most of the traffic is lost (lost_traffic.py). That is an alarm about the
service only if it matters, too: the change lasts, exceeds what the policy allows, and is not what the same time of the
day before was like.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from statistics import fmean, median

from core.policy.sections import Watch
from core.signals.anomaly import sudden
from core.signals.anomaly.anomaly import Detector
from core.signals.anomaly.lost_traffic import LOST, LostTraffic

USUAL = 60  # intervals before the alarm that say what is usual
LASTS = 4  # latest intervals that are compared with the usual
PATIENCE = 20  # intervals after an alarm of the detector in which the change may come to matter
REST = 80  # intervals after an alarm in which a sudden change is still the same incident
DAY = timedelta(days=1)
NEAR = timedelta(minutes=20)  # of the day before
FEW = 5.0  # errors in these, and requests of an interval: fewer prove nothing
ERRORS, REQUESTS, LATENCY = "errors", "requests", "p95_ms"
LEAST = {ERRORS: 2, REQUESTS: LASTS, LATENCY: LASTS}  # intervals that a change must last


@dataclass(frozen=True)
class ServiceInterval:
    """What was measured of a service in one interval; None where nothing was."""

    at: datetime
    requests: float | None = None
    errors: float | None = None
    p95_ms: float | None = None

    @property
    def rate(self) -> float | None:
        return (self.errors or 0.0) / self.requests if self.requests else None


@dataclass(frozen=True)
class ServiceAlarm:
    """``name`` is ERRORS (shares of requests), REQUESTS (per interval) or LATENCY (ms); ``began`` with this one."""

    name: str
    began: datetime
    before: float
    after: float


class ServiceStream:
    """The detectors of one service. Intervals come in the order of time; one incident is one alarm."""

    def __init__(self, rules: Watch):
        self.rules = rules
        self.detectors = {name: Detector() for name in READ}
        self.traffic = LostTraffic()
        self.day: deque[ServiceInterval] = deque()
        self.noticed: dict[str, tuple[datetime, int, float]] = {}  # began, intervals left, what was usual
        self.rest: dict[str, int] = {}  # intervals left of an incident that is known

    def step(self, row: ServiceInterval) -> list[ServiceAlarm]:
        """Alarms that this interval completes."""
        self.day.append(row)
        while self.day[0].at < row.at - DAY - NEAR:
            self.day.popleft()
        lost = self._lost(row)
        found = [self._watched(name, row, lost if name == REQUESTS else None) for name in READ]
        return [alarm for alarm in found if alarm]

    def _lost(self, row: ServiceInterval) -> ServiceAlarm | None:
        loss = self.traffic.step(row.at, row.requests) if row.requests is not None else None
        if self.rest.get(REQUESTS):
            self.traffic.restart()
            return None
        return ServiceAlarm(REQUESTS, loss.began, loss.before, loss.after) if loss else None

    def _watched(self, name: str, row: ServiceInterval, lost: ServiceAlarm | None) -> ServiceAlarm | None:
        resting = self.rest[name] = max(0, self.rest.get(name, 0) - 1)
        told = resting > REST - PATIENCE
        if self.detectors[name].step(row.at, READ[name](row)).alarm and name not in self.noticed and not told:
            self.noticed[name] = row.at, PATIENCE, self._usual(name)
        spans = sudden.SPANS if name in COUNTED and not resting else ()
        alarm = self._lasting(name) or next(filter(None, (self._sudden(name, span) for span in spans)), lost)
        if alarm:
            self.rest[name] = REST
            self.noticed.pop(name, None)
        return alarm

    def _lasting(self, name: str) -> ServiceAlarm | None:
        """The alarm of what the detector noticed, as soon as it matters."""
        if name not in self.noticed:
            return None
        began, left, usual = self.noticed.pop(name)
        late = [one for one in self._latest(PATIENCE + 1) if one.at >= began][-LASTS:]
        after = _value(late, name)
        if after is not None and len(late) >= LEAST[name] and self._matters(name, usual, after, late):
            return ServiceAlarm(name, late[0].at, usual, after)
        if left:
            self.noticed[name] = began, left - 1, usual
        return None

    def _sudden(self, name: str, latest: int) -> ServiceAlarm | None:
        """The alarm of a change in the latest intervals that those before prove; the worst one alone is not enough."""
        rows = self._latest(USUAL + latest)
        late, usual = rows[-latest:], _usual(rows[:-latest], name)
        after, lasting = _value(late, name), _without_worst(late, name)
        rest = _value(lasting, name)
        if after is None or rest is None or not self._changed(name, usual, rest, lasting):
            return None
        test, size = COUNTED[name]
        if not test(self._latest(size + latest)[:-latest], late):
            return None
        began = next((one.at for one in late if self._beyond(name, usual, one)), late[0].at)
        return ServiceAlarm(name, began, usual, _value([one for one in late if one.at >= began], name) or after)

    def _before(self, late: Sequence[ServiceInterval]) -> list[ServiceInterval]:
        return [one for one in self._latest(sudden.HALF_DAY) if one.at < late[0].at]

    def _latest(self, count: int) -> list[ServiceInterval]:
        return list(islice(reversed(self.day), count))[::-1]

    def _usual(self, name: str) -> float:
        return _usual(self._latest(USUAL + 1)[:-1], name)

    def _matters(self, name: str, usual: float, after: float, late: Sequence[ServiceInterval]) -> bool:
        if name != LATENCY:
            proved = usual >= FEW if name == REQUESTS else sudden.fails_more(self._before(late), late, sudden.LIKELY)
            return proved and self._changed(name, usual, after, late)
        least = max(usual * self.rules.latency_factor, usual + self.rules.latency_floor_ms)
        return all((one.p95_ms or 0.0) >= least for one in late)

    def _changed(self, name: str, usual: float, after: float, late: Sequence[ServiceInterval]) -> bool:
        """Whether errors or traffic changed by more than the policy allows, and unlike the day before."""
        if name == ERRORS:
            large = after >= usual + self.rules.error_rate_margin and sum(one.errors or 0.0 for one in late) >= FEW
        else:
            large = after <= usual * LOST
        return large and self._unlike_yesterday(name, after, late[-1].at)

    def _beyond(self, name: str, usual: float, one: ServiceInterval) -> bool:
        value = READ[name](one)
        if value is None:
            return False
        return value <= usual * LOST if name == REQUESTS else value >= usual + self.rules.error_rate_margin

    def _unlike_yesterday(self, name: str, after: float, at: datetime) -> bool:
        """The same time of the day before was better; also true if nothing is known of it."""
        then = [v for one in self.day if abs(one.at - (at - DAY)) <= NEAR and (v := READ[name](one)) is not None]
        if not then:
            return True
        usual = fmean(then)
        return after <= usual * LOST if name == REQUESTS else after >= usual + self.rules.error_rate_margin


READ = {  # the value of an interval that each detector watches; no traffic at all is a value
    ERRORS: lambda row: row.rate,
    REQUESTS: lambda row: row.requests,
    LATENCY: lambda row: row.p95_ms,
}

# What tells a sudden change, and from how many intervals before it: traffic follows the day, a share of errors hardly.
COUNTED = {ERRORS: (sudden.fails_more, sudden.HALF_DAY), REQUESTS: (sudden.serves_less, sudden.HOUR)}


def _usual(rows: Sequence[ServiceInterval], name: str) -> float:
    return _value(rows, name) or 0.0


def _without_worst(late: Sequence[ServiceInterval], name: str) -> list[ServiceInterval]:
    worst = max(late, key=lambda one: (one.errors or 0.0) if name == ERRORS else -(one.requests or 0.0))
    return [one for one in late if one is not worst]


def _value(late: Sequence[ServiceInterval], name: str) -> float | None:
    """The value over these intervals: of all requests for errors, else the median."""
    if name == ERRORS:
        requests = sum(one.requests or 0.0 for one in late)
        return sum(one.errors or 0.0 for one in late) / requests if requests else None
    values = [v for one in late if (v := READ[name](one)) is not None]
    return median(values) if values else None
