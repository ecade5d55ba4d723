"""A rise of latency is found, and nothing else."""

from __future__ import annotations

import random

import pytest

from core.signals.anomaly.degradation import degraded

CALM, SLOW = [0.5, 0.4, 0.6, 0.5, 0.7, 0.4], [500, 570, 990, 500, 480, 460, 430, 640]


@pytest.mark.parametrize(
    ("values", "since"),
    [
        (CALM + SLOW, 6),  # short calm before it
        (CALM * 20 + SLOW, 120),
        (CALM + SLOW * 3, 6),  # found late: most of the window is already high
        (CALM + [0.5, 480, 0.6] + SLOW, 9),  # one high point before it
        (CALM * 4 + [40, 60, 55, 70, 65, 58], 24),
    ],
)
def test_a_lasting_rise_is_found_with_its_start(values, since):
    found = degraded(values)
    assert found and abs(found.since - since) <= 2, found
    assert found.before < 1 < found.after


@pytest.mark.parametrize(
    "values",
    [
        [],
        CALM[:4] + SLOW,  # too little before it
        CALM + SLOW[:3],  # too few high points
        CALM * 3,
        CALM + [480, 0.5, 0.6, 470, 0.5, 0.4, 0.6, 0.5],  # two spikes
        SLOW * 3,  # always slow
        SLOW + CALM * 2,  # a fall
        CALM * 2 + SLOW + CALM * 2,  # over
        [100, 110, 95, 105, 100, 98, 120, 130, 125, 118, 122, 119],  # a rise by a fifth is too small
        [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 20, 22, 21, 25, 24, 22],  # a large factor, but 20 ms go unnoticed
    ],
)
def test_other_series_are_not_degradations(values):
    assert degraded(values) is None


def test_noise_raises_no_alarm():
    chance = random.Random(5)
    series = ([chance.lognormvariate(3, 0.8) for _ in range(180)] for _ in range(100))
    assert sum(degraded(values) is not None for values in series) == 0
