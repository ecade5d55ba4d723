from datetime import date
from decimal import Decimal

import pytest

from invoicing.feed import BadFeed, lines, read_usage

ROW = {"customer": " Acme ", "plan": "Team", "day": "2026-03-31", "seats": "12", "discount": "10"}


def test_a_row_is_read():
    usage = read_usage(ROW)
    assert (usage.customer, usage.plan, usage.seats) == ("Acme", "team", 12)
    assert usage.day == date(2026, 3, 31)
    assert usage.discount == 10


def test_what_may_be_left_out():
    usage = read_usage({k: v for k, v in ROW.items() if k != "discount"})
    assert usage.gigabytes == Decimal("0")
    assert usage.discount == 0
    assert usage.reference == ""


def test_missing_columns_are_named():
    with pytest.raises(BadFeed, match="missing: plan, seats"):
        read_usage({"customer": "Acme", "day": "2026-03-31"})


def test_lines_skip_blanks():
    assert list(lines('{"a": 1}\n\n{"a": 2}\n')) == [{"a": 1}, {"a": 2}]


def test_a_broken_line_is_named():
    with pytest.raises(BadFeed, match="line 2"):
        list(lines('{"a": 1}\n{"a"\n'))
