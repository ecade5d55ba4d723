"""Daily and weekly seasonality: the usual value of a series at a time, learned row by row."""

from __future__ import annotations

from datetime import datetime

SLOT = 15  # minutes of a day's slot
WEEK_SLOT = 30
CLIP = 4.0  # deviations; an outlier moves its slot by at most this
HELPS = 0.8  # a rhythm counts if its error is at most this share of the error without it
TRUST = 0.7  # weight of the slot's own deviation in its scale; the rest is the whole series' deviation
ERROR_RATE = 1 / 500
EXPERIENCE = 500  # rows before a rhythm may count


class Rhythm:
    """One profile: the usual value and deviation of each slot of a period."""

    def __init__(self, slots: int, rate: float):
        self.values: list[float | None] = [None] * slots
        self.deviations = [0.0] * slots
        self.rate = rate
        self.error = self.plain = 0.0
        self.rows = 0

    @property
    def helps(self) -> bool:
        return self.rows > EXPERIENCE and self.error < HELPS * self.plain

    def scale(self, slot: int, spread: float) -> float:
        return TRUST * self.deviations[slot] + (1 - TRUST) * spread + 1e-300

    def learn(self, slot: int, x: float, base: float, spread: float) -> None:
        usual = self.values[slot]
        if usual is None:
            self.values[slot], self.deviations[slot] = x, spread
            return
        self.rows += 1
        rate = max(ERROR_RATE, 1 / self.rows)
        self.error += rate * (abs(x - usual) - self.error)
        self.plain += rate * (abs(x - base) - self.plain)
        most = CLIP * self.scale(slot, spread)
        off = min(most, max(-most, x - usual))
        self.values[slot] = usual + self.rate * off
        self.deviations[slot] += self.rate * (abs(off) - self.deviations[slot])


class Season:
    """The daily and weekly rhythm; the one with the smaller error is used, if it helps."""

    def __init__(self):
        self.day = Rhythm(1440 // SLOT, 0.08)
        self.week = Rhythm(7 * 1440 // WEEK_SLOT, 0.15)

    def expected(self, at: datetime, spread: float) -> tuple[float, float] | None:
        """(usual value, its scale) at this time, or None if no rhythm helps."""
        day, week = self._slots(at)
        best, slot = (self.week, week) if self._week_is_better(week) else (self.day, day)
        usual = best.values[slot]
        if usual is None or not best.helps:
            return None
        return usual, best.scale(slot, spread)

    def _week_is_better(self, slot: int) -> bool:
        week = self.week
        return week.helps and week.values[slot] is not None and week.error < 0.9 * self.day.error

    def learn(self, at: datetime, x: float, base: float, spread: float) -> None:
        day, week = self._slots(at)
        self.day.learn(day, x, base, spread)
        self.week.learn(week, x, base, spread)

    @staticmethod
    def _slots(at: datetime) -> tuple[int, int]:
        minute = at.hour * 60 + at.minute
        return minute // SLOT, (at.weekday() * 1440 + minute) // WEEK_SLOT
