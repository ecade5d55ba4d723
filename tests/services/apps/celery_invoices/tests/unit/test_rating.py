from datetime import date
from decimal import Decimal

import pytest

from invoicing.feed import Usage
from invoicing.rating import amount, period, with_tax

PLAN = {"seat": "9.90", "gb": "0.25", "free_seats": "2", "included_gb": "10"}


def usage(seats=5, gigabytes="10", discount=0):
    return Usage("acme", "team", date(2026, 3, 31), seats, Decimal(gigabytes), discount, "")


@pytest.mark.parametrize(
    "given, expected",
    [
        (usage(), "29.70"),
        (usage(seats=1), "0.00"),
        (usage(gigabytes="14"), "30.70"),
        (usage(discount=50), "14.85"),
    ],
)
def test_amount(given, expected):
    assert amount(given, PLAN) == Decimal(expected)


def test_tax():
    assert with_tax(Decimal("100")) == Decimal("108.10")


def test_period():
    assert period(usage()) == "2026-03"
