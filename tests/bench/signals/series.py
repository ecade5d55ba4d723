"""Metric series of many kinds with labelled anomalies, made here: none of them is anybody's measured series.

A base (how a healthy series moves) and, put into it, anomalies of the kinds that operators label. Windows are as the
Numenta Anomaly Benchmark lays them: a tenth of the rows over all anomalies of a series, centred on each.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import datetime, timedelta

from tests.bench.signals.nab_score import Series

START = datetime(2026, 1, 5)
Values = list[float]


def _day(row: int, step: int) -> float:
    """Time of day, 0..1."""
    return row * step % 1440 / 1440


def _weekend(row: int, step: int) -> bool:
    return row * step // 1440 % 7 >= 5


def idle_cpu(rows: int, step: int, chance: random.Random) -> Values:
    level, noise = chance.uniform(1, 60), chance.uniform(0.02, 0.6)
    return [max(0.0, chance.gauss(level, noise)) for _ in range(rows)]


def busy_cpu(rows: int, step: int, chance: random.Random) -> Values:
    """A base load and jobs of an hour or less that come at random."""
    level, values, left, job = chance.uniform(10, 40), [], 0, 0.0
    for _ in range(rows):
        if left == 0 and chance.random() < 0.01:
            left, job = chance.randint(1, 12), chance.uniform(5, 30)
        left, job = max(0, left - 1), job if left else 0.0
        values.append(max(0.0, chance.gauss(level + job, 1.5)))
    return values


def requests(rows: int, step: int, chance: random.Random) -> Values:
    """Counts with a day's and a week's rhythm, over-dispersed."""
    top, depth = chance.uniform(50, 400), chance.uniform(0.3, 0.9)
    values = []
    for row in range(rows):
        rhythm = 1 - depth * (0.5 + 0.5 * math.cos(2 * math.pi * _day(row, step)))
        mean = top * rhythm * (0.6 if _weekend(row, step) else 1) * chance.gammavariate(20, 1 / 20)
        values.append(float(max(0, round(chance.gauss(mean, math.sqrt(mean))))))
    return values


def traffic_bytes(rows: int, step: int, chance: random.Random) -> Values:
    """Heavy-tailed bytes with a batch job at a fixed time."""
    period, size = chance.choice((60, 180, 1440)), chance.uniform(3, 20)
    return [1e5 * chance.lognormvariate(0, 0.4) * (size if row * step % period < step else 1) for row in range(rows)]


def temperature(rows: int, step: int, chance: random.Random) -> Values:
    level, pull, values = 0.0, chance.uniform(0.002, 0.02), []
    for _ in range(rows):
        level += -pull * level + chance.gauss(0, 1)
        values.append(70 + level + chance.gauss(0, 0.5))
    return values


def square_day(rows: int, step: int, chance: random.Random) -> Values:
    low, high, noise = 20.0, chance.uniform(60, 90), chance.choice((0.0, 1.0, 4.0))
    begin, end = 0.35, chance.uniform(0.5, 0.8)
    return [(high if begin < _day(row, step) < end else low) + chance.uniform(-noise, noise) for row in range(rows)]


def prices(rows: int, step: int, chance: random.Random) -> Values:
    spread = chance.uniform(0.2, 0.7)
    return [0.1 * chance.lognormvariate(0, spread) for _ in range(rows)]


def rare_counts(rows: int, step: int, chance: random.Random) -> Values:
    often = chance.uniform(0.05, 0.5)
    return [float(chance.randint(1, 4)) if chance.random() < often else 0.0 for _ in range(rows)]


def mentions(rows: int, step: int, chance: random.Random) -> Values:
    """Counts that excite themselves, with a day's rhythm and bursts of all sizes."""
    mean, excited, values = chance.uniform(3, 40), 0.0, []
    for row in range(rows):
        rhythm = 1 - 0.6 * (0.5 + 0.5 * math.cos(2 * math.pi * _day(row, step)))
        excited = 0.7 * excited + (mean * chance.paretovariate(2.5) if chance.random() < 0.004 else 0)
        rate = mean * rhythm + excited
        values.append(float(max(0, round(chance.gauss(rate, math.sqrt(rate) * 1.2)))))
    return values


def sawtooth(rows: int, step: int, chance: random.Random) -> Values:
    """Memory that fills and is freed, again and again."""
    level, values = 30.0, []
    for _ in range(rows):
        level += chance.uniform(0, 0.8)
        if level > chance.uniform(70, 75):
            level = 30.0
        values.append(level + chance.gauss(0, 0.4))
    return values


def batch_writes(rows: int, step: int, chance: random.Random) -> Values:
    """Nothing, and batches of minutes to hours, of a size that changes every few days, as often as not."""
    values: Values = []
    size, often = chance.uniform(1e6, 1e8), chance.uniform(0.002, 0.02)
    while len(values) < rows:
        if chance.random() < often / 10:
            size *= chance.uniform(0.8, 1.25)
        if chance.random() < often:
            values += [size * chance.uniform(0.9, 1.0) for _ in range(chance.choice((1, 1, 2, 6, 30)))]
        values.append(chance.choice((0.0, 0.0, 0.0, size / 500)))
    return values[:rows]


def drifting(rows: int, step: int, chance: random.Random) -> Values:
    """A level that rises or falls over weeks, with a day's rhythm and noise that grows with it."""
    level, drift, depth = chance.uniform(100, 500), chance.uniform(-0.6, 1.0), chance.uniform(0, 0.3)
    values = []
    for row in range(rows):
        mean = level * (1 + drift * row / rows) * (1 + depth * math.sin(2 * math.pi * _day(row, step)))
        values.append(mean * chance.lognormvariate(0, 0.05))
    return values


def travel_time(rows: int, step: int, chance: random.Random) -> Values:
    base = chance.uniform(100, 400)
    return [
        base * (1 + 0.8 * math.exp(-(((_day(row, step) - 0.72) / 0.05) ** 2))) * chance.lognormvariate(0, 0.15)
        + (chance.expovariate(1 / base) if chance.random() < 0.02 else 0)
        for row in range(rows)
    ]


BASES: tuple[Callable[[int, int, random.Random], Values], ...] = (
    idle_cpu,
    busy_cpu,
    requests,
    traffic_bytes,
    temperature,
    square_day,
    prices,
    rare_counts,
    mentions,
    sawtooth,
    batch_writes,
    drifting,
    travel_time,
)


# --- anomalies: each changes ``values`` in place from row ``at`` on -----------------------------------


def _scale(values: Values) -> tuple[float, float, float, float]:
    """(median, 5th percentile, 95th percentile, largest) of the healthy series."""
    ranked = sorted(values)
    n = len(ranked)
    return ranked[n // 2], ranked[n // 20], ranked[n * 19 // 20], ranked[-1]


def _size(values: Values) -> float:
    _, low, high, _ = _scale(values)
    return max(high - low, 0.02 * abs(high), 1e-9)


def spike(values: Values, at: int, chance: random.Random) -> None:
    top, size = _scale(values)[3], _size(values)
    grade = chance.uniform(0.2, 2)
    for row in range(at, at + chance.randint(1, 4)):
        values[row] = top + size * grade


def dip(values: Values, at: int, chance: random.Random) -> None:
    floor = min(values) - _size(values) * chance.uniform(0.2, 1) if min(values) > 0 else 0.0
    for row in range(at, at + chance.randint(3, 30)):
        values[row] = max(floor, 0.0) if chance.random() < 0.5 else 0.0


def shift(values: Values, at: int, chance: random.Random) -> None:
    """For hours, or for good."""
    by = _size(values) * chance.choice((-1, 1, 1)) * chance.uniform(0.3, 1.5)
    for row in range(at, min(len(values), at + chance.choice((60, 150, len(values))))):
        values[row] = max(0.0, values[row] + by)


def unrest(values: Values, at: int, chance: random.Random) -> None:
    size, grade = _size(values), chance.uniform(0.3, 1)
    for row in range(at, at + chance.randint(30, 120)):
        values[row] = max(0.0, values[row] + chance.gauss(0, size * grade))


def stuck(values: Values, at: int, chance: random.Random) -> None:
    held = values[at]
    for row in range(at, min(len(values), at + chance.randint(60, 250))):
        values[row] = held


def busier(values: Values, at: int, chance: random.Random) -> None:
    middle, factor = _scale(values)[0], chance.uniform(1.4, 2.5)
    for row in range(at, min(len(values), at + chance.randint(30, 150))):
        values[row] = middle + (values[row] - middle) * factor + abs(middle) * (factor - 1) * 0.3


def quiet(values: Values, at: int, chance: random.Random) -> None:
    """A day's rhythm that fails to come: the series stays near its low."""
    low = _scale(values)[1]
    for row in range(at, min(len(values), at + chance.randint(100, 280))):
        values[row] = low + (values[row] - low) * 0.1


ANOMALIES = (spike, spike, spike, dip, shift, shift, unrest, stuck, busier, quiet)


def generate(seed: int) -> Series:
    """One series; the same seed gives the same."""
    chance = random.Random(seed)
    base = BASES[seed % len(BASES)]
    rows = chance.choice((1500, 2500, 4000, 4000, 5000, 15000)) + chance.randint(0, 500)
    step = chance.choice((5, 5, 5, 15, 60))
    values = base(rows, step, chance)
    count = chance.choice((0, 1, 1, 2, 2, 3))
    places = _places(rows, count, chance)
    for at in places:
        chance.choice(ANOMALIES)(values, at, chance)
    half = rows // 10 // max(count, 1) // 2
    windows = [(max(0, at - half), min(rows - 1, at + half)) for at in places]
    times, at = [], START
    for _ in range(rows):
        times.append(at)
        at += timedelta(minutes=step)
    return Series(f"{base.__name__}-{seed}", times, values, windows)


def _places(rows: int, count: int, chance: random.Random) -> list[int]:
    """Rows after the probation, far enough apart that windows do not meet."""
    first, last, apart = int(rows * 0.25), int(rows * 0.94) - 5, rows // 8
    while True:
        places = sorted(chance.randint(first, last) for _ in range(count))
        if all(b - a >= apart for a, b in zip(places, places[1:], strict=False)):
            return places
