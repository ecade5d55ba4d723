from datetime import datetime, timedelta, timezone

import pytest

from orders.domain import Line, Order
from orders.slots import STOPS, Planner, is_urgent, remaining, slot_start

PROMISE = datetime(2026, 3, 2, 15, 30, tzinfo=timezone.utc)


def order(**values):
    lines = [Line(sku="LAMP-1", quantity=1)]
    return Order(**{"channel": "web", "recipient": "Ida", "promised_at": PROMISE, "lines": lines, **values})


def test_slots_start_at_even_hours():
    assert slot_start(PROMISE).hour == 14


@pytest.mark.parametrize(("hours", "urgent"), [(1, True), (3, True), (5, False)])
def test_urgent(hours, urgent):
    assert is_urgent(order(), PROMISE - timedelta(hours=hours)) is urgent


def test_a_missed_promise_has_no_time_left():
    assert remaining(order(), PROMISE + timedelta(hours=1)) == timedelta(0)


def test_a_full_slot_sends_orders_to_the_one_before():
    planner = Planner()
    slots = [planner.assign(order()) for _ in range(STOPS + 1)]
    assert slots[0].start.hour == 12
    assert slots[-1].start.hour == 10


def test_an_order_is_planned_once():
    planner, one = Planner(), order()
    assert planner.assign(one) is planner.assign(one)


def test_a_day_that_is_full():
    planner = Planner()
    for _ in range(6 * STOPS):
        assert planner.assign(order())
    assert planner.assign(order()) is None
