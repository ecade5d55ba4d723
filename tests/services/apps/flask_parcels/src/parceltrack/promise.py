"""When a parcel will arrive, and how we say it."""

from __future__ import annotations

from datetime import date, timedelta

from parceltrack.models import Parcel, Stage

REMOTE = ("25", "27", "98")  # islands and valleys: one day more
LABELS = {
    Stage.ANNOUNCED: "The shop has announced your parcel",
    Stage.IN_TRANSIT: "Your parcel is on its way",
    Stage.OUT_FOR_DELIVERY: "Your parcel is in the van",
    Stage.DELIVERED: "Your parcel has been delivered",
    Stage.RETURNED: "Your parcel goes back to the shop",
}


def next_working_day(day: date, steps: int = 1) -> date:
    while steps:
        day += timedelta(days=1)
        if day.weekday() < 6:  # we deliver on Saturdays
            steps -= 1
    return day


def expected(parcel: Parcel, cutoff_hour: int = 16) -> date | None:
    """The day of delivery; None when the parcel has arrived or goes back."""
    if parcel.stage in (Stage.DELIVERED, Stage.RETURNED):
        return None
    if parcel.stage is Stage.OUT_FOR_DELIVERY:
        return parcel.last_scan().at.date()
    start = parcel.announced_at
    days = 1 if start.hour < cutoff_hour else 2
    if parcel.postcode.startswith(REMOTE):
        days += 1
    if parcel.is_heavy():
        days += 1
    return next_working_day(start.date(), days)


def status_line(parcel: Parcel, cutoff_hour: int = 16) -> dict:
    """What a customer reads."""
    scan = parcel.last_scan()
    due = expected(parcel, cutoff_hour)
    return {
        "number": parcel.number,
        "text": LABELS[parcel.stage],
        "place": scan.depot.replace("-", " ").title(),
        "expected": due.isoformat() if due else None,
    }
