"""Anomalies of one stream: each kind is found and named, healthy streams stay quiet, no look-ahead."""

from __future__ import annotations

import math
import pickle
import random
from datetime import UTC, datetime, timedelta

import pytest

from core.signals.anomaly.anomaly import THRESHOLD, WARM_UP, Detector, watch
from tests.bench.signals import bench_nab
from tests.bench.signals.nab_score import Marks

START = datetime(2026, 1, 5, tzinfo=UTC)
STEP = timedelta(minutes=5)
AT = 2500  # row of the anomaly
ROWS = 2600


def points(value, rows: int = ROWS, seed: int = 1) -> list[tuple[datetime, float | None]]:
    chance = random.Random(seed)
    return [(START + row * STEP, value(row, chance)) for row in range(rows)]


def noise(row: int, chance: random.Random) -> float:
    return chance.gauss(50, 2)


def daily(row: int, chance: random.Random) -> float:
    return 100 + 60 * math.sin(2 * math.pi * row / 288) + chance.gauss(0, 3)


def after(base, change):
    """``base``, changed by ``change`` from row AT on."""
    return lambda row, chance: change(base(row, chance), row) if row >= AT else base(row, chance)


def silent(given: list) -> list:
    """The stream with missing rows."""
    return given[:AT] + given[AT + 60 :]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (points(after(noise, lambda x, _: x + 40)), "higher|above|rise"),
        (points(after(noise, lambda x, _: 0.0)), "lower|below|fall"),
        (points(after(noise, lambda x, _: x + 4)), "high for|higher|mix"),
        (points(after(noise, lambda x, row: x + 0.15 * (row - AT))), "high for|higher|mix|above"),
        (points(after(noise, lambda x, _: 50.0)), "stuck"),
        (points(after(noise, lambda x, row: x + 12 * (-1) ** row)), "restless|rise|fall|higher|lower|above|below"),
        (points(after(daily, lambda x, _: 150.0 + x % 1)), "at this time|stuck|calmer|above|mix"),
        (silent(points(noise)), "missing"),
        (points(after(noise, lambda x, _: None)), "missing"),
        (points(after(noise, lambda x, _: math.nan)), "missing"),
        (points(after(lambda row, chance: 7.0, lambda x, _: 8.0)), "higher|rise|above|restless"),
    ],
)
def test_each_kind_is_found_early_and_named(given, says):
    readings = watch(given)
    alarms = [row for row in range(AT, len(readings)) if readings[row].alarm]
    assert alarms and alarms[0] < AT + 60
    assert any(word in readings[alarms[0]].why for word in says.split("|"))
    assert sum(r.alarm for r in readings[:AT]) <= 2


@pytest.mark.parametrize("base", [noise, daily, lambda row, chance: 0.0, lambda row, chance: chance.expovariate(1)])
def test_a_healthy_stream_raises_few_alarms(base):
    alarms = sum(reading.alarm for reading in watch(points(base, rows=10_000)))
    assert alarms <= 6  # 0.6 in 1,000 rows


def test_no_row_depends_on_a_later_one():
    given = points(after(daily, lambda x, _: x + 100))
    assert watch(given)[: AT + 5] == watch(given[: AT + 5])


def test_one_incident_is_one_alarm():
    readings = watch(points(after(noise, lambda x, _: x + 40), rows=AT + 500))
    assert [row for row in range(AT, len(readings)) if readings[row].alarm] == [AT]


@pytest.mark.parametrize("unit", [1e-6, 1e9])
def test_the_unit_of_a_series_does_not_matter(unit):
    given = points(after(noise, lambda x, _: x + 30))
    assert [r.alarm for r in watch([(at, x * unit) for at, x in given])] == [r.alarm for r in watch(given)]


def test_the_band_is_the_expectation():
    given = points(after(daily, lambda x, _: x + 150))
    readings = watch(given)
    healthy = range(1000, AT)
    inside = sum(readings[row].low <= given[row][1] <= readings[row].high for row in healthy)
    assert inside > 0.99 * len(healthy)
    assert max(readings[row].high - readings[row].low for row in healthy) < 120  # narrower than the daily range
    assert given[AT][1] > readings[AT].high and readings[AT].alarm


def test_any_number_is_accepted():
    wild = (0.0, -1e308, 1e308, math.inf, math.nan, None, 5e-324, -0.0)
    readings = watch(points(lambda row, chance: wild[chance.randrange(len(wild))] if row % 3 else 1.0))
    assert all(0 <= reading.score <= 1 for reading in readings)
    assert not any(reading.alarm for reading in readings[:WARM_UP])
    assert all(reading.alarm == (reading.score >= THRESHOLD) for reading in readings)


def test_times_may_repeat_or_go_back():
    times = [START, START, START - STEP, START + STEP]
    assert [reading.alarm for reading in watch([(at, 1.0) for at in times] * 300)] == [False] * 1200


def test_memory_does_not_grow_with_the_rows():
    detector, sizes = Detector(), []
    for row, (at, value) in enumerate(points(daily, rows=12_001)):
        detector.step(at, value)
        if row in (6_000, 12_000):
            sizes.append(len(pickle.dumps(detector)))
    assert sizes[1] < 1.1 * sizes[0]


def test_the_bench_reaches_its_target():
    public, cost = bench_nab.measure(bench_nab.public())
    earned = sum(public.values(), Marks())
    assert earned.normalised > bench_nab.AIM
    assert earned.false_per_thousand <= bench_nab.FALSE_ALARMS
    assert cost > 0


def test_the_bench_prints_its_figures(capsys):
    bench_nab.main(2)
    told = capsys.readouterr().out
    assert "Numenta HTM 70.1" in told and "public series" in told and "false alarms per 1,000 rows" in told
