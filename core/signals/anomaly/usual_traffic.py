"""How many requests an interval has at this time of day: counts of slots of ten minutes, of the days before."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import datetime

SLOT = 10  # minutes
SLOTS = 1440 // SLOT
AROUND = 3  # slots before and after whose counts count, too
SHIFT = 12  # slots by which a day may be earlier or later than those before
DAYS = 7  # days that are kept
FEWEST = 30  # intervals from which a time of day is known

Counted = tuple[int, float, int]  # day, requests, intervals


@dataclass(frozen=True)
class Usual:
    """Requests an interval of the days before: their mean at this time, and their lowest mean within two hours."""

    mean: float
    lowest: float


class UsualTraffic:
    """The daily rhythm of one service's traffic; ``step`` is O(1) but once in a slot."""

    def __init__(self) -> None:
        self.slots: dict[int, deque[Counted]] = defaultdict(lambda: deque(maxlen=DAYS + 1))
        self.known: tuple[int, int] = (-1, -1)  # day and slot of ``usual``
        self.usual: Usual | None = None

    def step(self, at: datetime, requests: float) -> Usual | None:
        """What is usual at this time, None if the days before do not tell; then counts ``requests``."""
        day, slot = at.toordinal(), (at.hour * 60 + at.minute) // SLOT
        if self.known != (day, slot):
            self.known, self.usual = (day, slot), self._usual(day, slot)
        counted = self.slots[slot]
        _, total, rows = counted.pop() if counted and counted[-1][0] == day else (day, 0.0, 0)
        counted.append((day, total + requests, rows + 1))
        return self.usual

    def _usual(self, day: int, slot: int) -> Usual | None:
        mean = self._mean(day, slot, 0)
        if mean is None:
            return None
        near = (self._mean(day, slot, off) for off in range(-SHIFT, SHIFT + 1))
        return Usual(mean, min(found for found in near if found is not None))

    def _mean(self, day: int, slot: int, off: int) -> float | None:
        """The mean of the days before around the slot that is ``off`` slots from this one."""
        places = [divmod(slot + off + step, SLOTS) for step in range(-AROUND, AROUND + 1)]
        before = [one for passed, place in places for one in self.slots[place] if one[0] < day + passed]
        rows = sum(one[2] for one in before)
        return sum(one[1] for one in before) / rows if rows >= FEWEST else None
