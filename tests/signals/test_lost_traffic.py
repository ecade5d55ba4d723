"""Traffic of two requests a minute: a large loss is found in the counts; rhythm, restarts and chance are none."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from core.signals.anomaly.lost_traffic import Loss, LostTraffic
from tests.bench.signals.bench_services import poisson

THURSDAY = datetime(2026, 3, 5, tzinfo=UTC)
DAY, AT = 1440, 2 * 1440 + 600  # minutes; of the loss
Rate = Callable[[int], float]


def losses(rate: Rate, until: int, seed: int = 7) -> list[tuple[int, Loss]]:
    """The losses from the third day on, with their minutes; each is known afterwards, as in a stream."""
    chance, traffic, found, rest = random.Random(seed), LostTraffic(), [], 0
    for minute in range(until):
        loss = traffic.step(THURSDAY + timedelta(minutes=minute), float(poisson(rate(minute), chance)))
        rest = max(0, rest - 1)
        if rest:
            traffic.restart()
        elif loss and minute >= 2 * DAY:
            found, rest = [*found, (minute, loss)], 80
    return found


def lost(usual: float, share: float, minutes: int) -> Rate:
    return lambda minute: usual * (1 - share if AT <= minute < AT + minutes else 1.0)


@pytest.mark.parametrize(
    ("usual", "share", "within"),
    [(2.0, 0.8, 30), (2.0, 1.0, 15), (0.5, 1.0, 45), (0.3, 1.0, 90), (20.0, 0.6, 12), (800.0, 0.8, 12)],
)
def test_a_large_loss_is_told_at_any_rate(usual, share, within):
    ((minute, loss),) = losses(lost(usual, share, 120), AT + 120)
    assert minute - AT <= within
    assert abs((loss.began - THURSDAY) / timedelta(minutes=1) - AT) <= 15
    assert loss.after <= loss.before / 2


@pytest.mark.parametrize(
    "rate",
    [
        lost(2.0, 0.0, 0),
        lost(2.0, 0.3, 240),  # traffic that is a little lower
        lost(60.0, 1.0, 4),  # a restart
        lambda minute: 2.0 if 480 <= minute % DAY < 1080 else 0.02,  # an office: no night is a loss
        lambda minute: 2.0 / (1 + minute / DAY),  # users who leave day by day
        lambda minute: 0.01,
    ],
)
def test_rhythm_and_chance_are_no_loss(rate):
    assert losses(rate, 4 * DAY) == []


def test_a_morning_without_the_usual_visitors_is_no_loss():
    """At the week's end the rhythm of the days before does not fit; the hour before does."""
    assert losses(lambda minute: 2.0 if minute < 2 * DAY and 480 <= minute % DAY < 1080 else 0.1, 4 * DAY) == []


def test_a_loss_that_goes_on_is_told_once():
    assert len(losses(lost(2.0, 0.9, 600), AT + 600)) == 1


def test_the_first_day_knows_no_rhythm():
    traffic = LostTraffic()
    at = [THURSDAY + timedelta(minutes=minute) for minute in range(DAY)]
    assert not any(traffic.step(when, 2.0 if when < at[700] else 0.0) for when in at)
