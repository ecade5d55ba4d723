"""Alarms about one service: what lasts and matters is one alarm, with its onset; chance and nights are none."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from core.policy.sections import Watch
from core.signals.anomaly.service_stream import ERRORS, REQUESTS, ServiceAlarm, ServiceInterval, ServiceStream
from tests.bench.signals.bench_services import poisson

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY, AT = 1440, 2 * 1440 + 600  # minutes; of the fault
Row = tuple[float, float]  # requests, errors


def alarms(level: float, share: float, fault: Callable[[int, Row], Row], until: int = AT + 40) -> list[ServiceAlarm]:
    """Of the third day of a service with so many requests a minute by day, and a tenth by night."""
    chance, stream, found = random.Random(7), ServiceStream(Watch()), []
    for minute in range(until):
        wave = 0.55 - 0.45 * math.cos(minute / DAY * 2 * math.pi)
        requests = poisson(level * wave, chance)
        row = (float(requests), float(sum(chance.random() < share for _ in range(requests))))
        requests, errors = fault(minute, row) if minute >= 2 * DAY else row
        told = stream.step(ServiceInterval(START + timedelta(minutes=minute), requests, errors, 100.0))
        found += [alarm for alarm in told if minute >= 2 * DAY]
    return found


def from_(begin: int, change: Callable[[Row], Row], end: int = 10**6) -> Callable[[int, Row], Row]:
    return lambda minute, row: change(row) if begin <= minute < end else row


@pytest.mark.parametrize(
    ("level", "change", "name"),
    [
        (120, lambda row: (round(row[0] / 5), 0.0), REQUESTS),  # still more than in a usual night
        (4, lambda row: (0.0, 0.0), REQUESTS),
        (2, lambda row: (float(row[0] > 3), 0.0), REQUESTS),  # about a tenth is left of two requests a minute
        (1, lambda row: (row[0], row[0]), ERRORS),
        (120, lambda row: (row[0], row[0] * 0.6), ERRORS),
    ],
)
def test_a_change_that_lasts_is_one_alarm_with_its_onset(level, change, name):
    (found,) = alarms(level, 0.0, from_(AT, change))
    assert found.name == name
    assert timedelta(minutes=-20) <= found.began - START - timedelta(minutes=AT) <= timedelta(minutes=20)


@pytest.mark.parametrize(
    "fault",
    [
        lambda minute, row: row,
        from_(AT, lambda row: (row[0], row[0]), AT + 1),  # one minute
        from_(AT, lambda row: (round(row[0] * 0.7), row[1])),  # less than the limit
    ],
)
def test_chance_and_what_passes_are_no_alarm(fault):
    assert alarms(20, 0.01, fault) == []
