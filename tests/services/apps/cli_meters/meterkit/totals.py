"""What a day of readings sums up to."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Iterable, List, NamedTuple, Tuple

from meterkit.readings import Reading

INTERVAL = timedelta(minutes=15)


class Day(NamedTuple):
    meter: str
    day: date
    kwh: Decimal
    readings: int
    trusted: int

    @property
    def trust(self) -> float:
        """Share of the readings that were measured."""
        return self.trusted / self.readings


def _day_of(reading: Reading) -> date:
    # an interval is named by its end: midnight belongs to the day before
    return (reading.at - timedelta(minutes=1)).date()


def daily(readings: Iterable[Reading]) -> List[Day]:
    groups = defaultdict(list)
    for reading in readings:
        groups[reading.meter, _day_of(reading)].append(reading)
    days = []
    for (meter, day), rows in sorted(groups.items()):
        kwh = sum((row.kwh for row in rows), Decimal(0))
        days.append(Day(meter, day, kwh, len(rows), sum(row.trusted for row in rows)))
    return days


def gaps(readings: Iterable[Reading]) -> List[Tuple[str, str]]:
    """(meter, time) after which an interval is missing."""
    last, found = {}, []
    for reading in sorted(readings, key=lambda r: (r.meter, r.at)):
        before = last.get(reading.meter)
        if before is not None and reading.at - before > INTERVAL:
            found.append((reading.meter, before.isoformat(timespec="minutes")))
        last[reading.meter] = reading.at
    return found
