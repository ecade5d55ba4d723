"""Metric series of further kinds, with irregular times and rows that never came; otherwise as series.py."""

from __future__ import annotations

import math
import random
from datetime import timedelta

from tests.bench.signals import series
from tests.bench.signals.nab_score import Series
from tests.bench.signals.series import START, Values, _day, _places, _size, _weekend

JITTER = (0, 0, 0, 1, 2)  # steps that an irregular row may be late by


def rides(rows: int, step: int, chance: random.Random) -> Values:
    """Counts of a city: two peaks on a working day, late nights at the weekend."""
    top, values = chance.uniform(5_000, 30_000), []
    for row in range(rows):
        day, weekend = _day(row, step), _weekend(row, step)
        morning = 0 if weekend else 0.4 * math.exp(-(((day - 0.36) / 0.08) ** 2))
        night = 0.4 if weekend and day < 0.15 else 0
        evening = 0.75 * math.exp(-(((day - 0.8) / 0.2) ** 2))
        values.append(top * (0.25 + morning + evening + night) * chance.lognormvariate(0, 0.06))
    return values


def flat(rows: int, step: int, chance: random.Random) -> Values:
    level, noise = chance.choice((0.0, 45.0, 100.0)), chance.choice((0.0, 0.0, 0.5))
    return [level + chance.uniform(-noise, noise) for _ in range(rows)]


def speed(rows: int, step: int, chance: random.Random) -> Values:
    """Whole numbers, with jams that come mostly in the morning and the evening."""
    values, left = [], 0
    for row in range(rows):
        rush = 0.3 < _day(row, step) < 0.4 or 0.68 < _day(row, step) < 0.78
        if left == 0 and chance.random() < (0.02 if rush else 0.001):
            left = chance.randint(2, 12)
        left = max(0, left - 1)
        values.append(float(max(3, round(chance.gauss(25, 6) if left else chance.gauss(70, 4)))))
    return values


def occupancy(rows: int, step: int, chance: random.Random) -> Values:
    return [
        15 * (0.2 + math.exp(-(((_day(row, step) - 0.45) / 0.2) ** 2))) * chance.lognormvariate(0, 0.45)
        for row in range(rows)
    ]


def sessions(rows: int, step: int, chance: random.Random) -> Values:
    """Nothing most of the time; by day, spells of use."""
    values, left = [], 0
    for row in range(rows):
        if left == 0 and chance.random() < 0.01 and 0.3 < _day(row, step) < 0.9:
            left = chance.randint(5, 60)
        left = max(0, left - 1)
        values.append(chance.gammavariate(2, 0.04) if left else chance.choice((0.0, 0.0, 0.0, 0.02)))
    return values


def machine(rows: int, step: int, chance: random.Random) -> Values:
    """A slow walk on a day's rhythm."""
    level, values = 0.0, []
    for row in range(rows):
        level += -0.003 * level + chance.gauss(0, 0.45)
        values.append(85 + level + 4 * math.sin(2 * math.pi * _day(row, step)) + chance.gauss(0, 0.8))
    return values


def heavy_tail(rows: int, step: int, chance: random.Random) -> Values:
    base = chance.uniform(100, 1e6)
    return [
        base * (chance.lognormvariate(0, 0.15) + (chance.paretovariate(1.3) if chance.random() < 0.01 else 0))
        for _ in range(rows)
    ]


def two_states(rows: int, step: int, chance: random.Random) -> Values:
    state, often, values = 0, chance.uniform(0.002, 0.01), []
    for _ in range(rows):
        state ^= chance.random() < often
        values.append(chance.gauss(20 + 50 * state, 1))
    return values


def filling(rows: int, step: int, chance: random.Random) -> Values:
    rate = chance.uniform(0.0005, 0.004)
    return [30 + rate * row + chance.gauss(0, 0.05) for row in range(rows)]


def schedule(rows: int, step: int, chance: random.Random) -> Values:
    """A job of two rows, every so many rows."""
    every, phase = chance.choice((12, 48, 288)), chance.randint(0, 11)
    return [chance.gauss(5, 0.3) + (chance.gauss(60, 5) if (row + phase) % every < 2 else 0) for row in range(rows)]


BASES = (rides, flat, speed, occupancy, sessions, machine, heavy_tail, two_states, filling, schedule)
IRREGULAR = (speed, occupancy)


def drop(values: Values, at: int, chance: random.Random) -> None:
    for row in range(at, min(len(values), at + chance.randint(10, 100))):
        values[row] = 0.0


def climb(values: Values, at: int, chance: random.Random) -> None:
    by, rows = _size(values) * chance.uniform(0.5, 2), chance.randint(60, 200)
    for row in range(at, min(len(values), at + rows)):
        values[row] += by * (row - at) / rows


def burst(values: Values, at: int, chance: random.Random) -> None:
    by = _size(values) * chance.uniform(0.5, 3)
    for row in range(at, min(len(values), at + 40)):
        if chance.random() < 0.4:
            values[row] += by * chance.random()


def missing(values: Values, at: int, chance: random.Random) -> None:
    """No value changes: the rows before this one never came (``generate``)."""


ANOMALIES = (
    *(series.spike, series.dip, series.shift, series.stuck, series.unrest, series.quiet),
    *(drop, climb, burst, missing),
)


def generate(seed: int) -> Series:
    """One series; the same seed gives the same."""
    chance = random.Random(10_000 + seed)
    base = BASES[seed % len(BASES)]
    step = 30 if base is rides else chance.choice((1, 5, 5, 15, 60))
    rows = chance.choice((1600, 2500, 4000, 4000, 10_000, 15_000))
    values, count = base(rows, step, chance), chance.choice((0, 1, 1, 2, 2, 3))
    places = {at: chance.choice(ANOMALIES) for at in _places(rows, count, chance)}
    for at, anomaly in places.items():
        anomaly(values, at, chance)
    times, at = [], START
    for row in range(rows):
        late = chance.randint(20, 200) if places.get(row) is missing else 0
        late += chance.choice(JITTER) if base in IRREGULAR else 0
        at += timedelta(minutes=step * (1 + late))
        times.append(at)
    half = rows // 10 // max(count, 1) // 2
    windows = [(max(0, at - half), min(rows - 1, at + half)) for at in places]
    return Series(f"{base.__name__}-{seed}", times, values, windows)
