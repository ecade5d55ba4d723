from datetime import date, datetime, timezone
from decimal import Decimal

import pytest

from courtside.models import Booking, Court, Member, Plan, Surface
from courtside.prices import discount_of, needs_light, price


def at(month=5, day=11, hour=10):
    return datetime(2026, month, day, hour, tzinfo=timezone.utc)


@pytest.mark.parametrize(("when", "light"), [(at(), False), (at(hour=20), True), (at(month=12, hour=16), True)])
def test_floodlight(when, light):
    assert needs_light(when) is light


@pytest.mark.parametrize(
    ("plan", "day", "discount"),
    [(Plan.FULL, 9, 100), (Plan.JUNIOR, 11, 50), (Plan.WEEKDAY, 11, 100), (Plan.WEEKDAY, 9, 25)],
)
def test_discounts(plan, day, discount):
    member = Member(email="x@example.com", name="X", plan=plan, joined=date(2020, 1, 1))
    assert discount_of(member, at(day=day)) == discount


def test_price_with_guests_and_light():
    court = Court(number=1, surface=Surface.HARD, hourly=Decimal("20"))
    booking = Booking(court_number=1, starts_at=at(hour=21), half_hours=3, email="x@example.com", guests=2)
    assert price(court, booking, 50) == Decimal("27.00")
