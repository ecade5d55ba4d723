"""Delivery slots: two hours each, a limited number of stops."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from orders.domain import Order

LENGTH = timedelta(hours=2)
STOPS = 12
URGENT = timedelta(hours=4)


def utcnow() -> datetime:
    return datetime.now(timezone.utc)


@dataclass
class Slot:
    start: datetime
    stops: list[str] = field(default_factory=list)

    @property
    def end(self) -> datetime:
        return self.start + LENGTH

    @property
    def free(self) -> int:
        return STOPS - len(self.stops)


def slot_start(moment: datetime) -> datetime:
    """The start of the slot that a moment lies in; slots start at even hours."""
    return moment.replace(hour=moment.hour - moment.hour % 2, minute=0, second=0, microsecond=0)


def remaining(order: Order, now: datetime | None = None) -> timedelta:
    """Time until the promise; never negative."""
    now = now or utcnow()
    return max(order.promised_at - now, timedelta(0))


def is_urgent(order: Order, now: datetime | None = None) -> bool:
    return remaining(order, now) < URGENT


class Planner:
    """Puts orders into slots, at the latest the one before their promise."""

    def __init__(self) -> None:
        self.slots: dict[datetime, Slot] = {}

    def slot(self, start: datetime) -> Slot:
        return self.slots.setdefault(start, Slot(start))

    def assign(self, order: Order) -> Slot | None:
        """The last slot with room that ends before the promise; None when all of the day are full."""
        start = slot_start(order.promised_at) - LENGTH
        for _ in range(6):
            slot = self.slot(start)
            if order.id in slot.stops:
                return slot
            if slot.free > 0:
                slot.stops.append(order.id)
                return slot
            start -= LENGTH
        return None

    def of(self, order_id: str) -> Slot | None:
        return next((slot for slot in self.slots.values() if order_id in slot.stops), None)
