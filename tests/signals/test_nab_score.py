"""The benchmark's own scoring equals NAB's published scorer (nab/sweeper.py) for the same alarms."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.bench.signals.nab_score import Marks, Series, score

TWO = [(300, 399), (700, 799)]


def marks(rows: int, windows: list[tuple[int, int]], alarms: list[int]) -> Marks:
    times = [datetime(2026, 1, 5) + timedelta(minutes=5 * row) for row in range(rows)]
    told = set(alarms)
    return score(Series("s", times, [0.0] * rows, windows), [row in told for row in range(rows)])


@pytest.mark.parametrize(
    ("rows", "windows", "alarms", "raw"),
    [
        (1000, TWO, [10, 200, 300, 350, 405, 450, 620, 760, 800, 999], 1.328179),
        (10000, [(5000, 5499)], [749, 750, 5499, 5501], -0.106034),
        (1000, TWO[:1], [], -1.0),
        (1000, [], [500, 501], -0.22),
    ],
)
def test_scores_equal_those_of_the_published_scorer(rows, windows, alarms, raw):
    assert marks(rows, windows, alarms).raw == pytest.approx(raw, abs=1e-6)


def test_no_alarm_scores_0_and_the_first_row_of_each_window_100():
    assert marks(1000, TWO, []).normalised == 0
    assert marks(1000, TWO, [300, 700]).normalised == pytest.approx(100)
