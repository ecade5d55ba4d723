"""Counts by interval before and since a release: windows, the rank test, and what lasts."""

from __future__ import annotations

from itertools import pairwise

import pytest

from core.signals.anomaly.rates import times
from core.signals.release_series import Series, length, windows
from core.signals.timeline import Bin


def bins(count: int, start: float = 0.0, seconds: float = 10.0, exposure: float = 100.0) -> list[Bin]:
    edges = [start + seconds * n for n in range(count + 1)]
    return [Bin(a, b, exposure) for a, b in pairwise(edges)]


def series(was: list[float], now: list[float], exposure: float = 100.0) -> Series:
    return Series(was, bins(len(was), -10.0 * len(was)), now, bins(len(now), 0.0, exposure=exposure))


@pytest.mark.parametrize(
    ("seconds", "found"),
    [
        (10, [(1, 0, 10), (2, 10, 20), (3, 20, 30)]),
        (20, [(3, 0, 20), (5, 10, 30)]),
        (20.4, [(3, 0, 20), (5, 10, 30)]),  # rounding of an interval's length is no reason for another bin
        (21, [(6, 0, 30)]),
        (30, [(6, 0, 30)]),
        (40, []),
        (0, []),
    ],
)
def test_a_window_is_the_shortest_run_of_bins_that_covers_the_seconds(seconds, found):
    assert [(n, span.start, span.end) for n, span in windows([1, 2, 3], bins(3), seconds)] == found


def test_a_window_has_the_exposure_of_its_own_bins():
    spans = [Bin(0, 10, 5), Bin(10, 20, 7), Bin(20, 30, 11)]
    assert [span.exposure for _, span in windows([0, 0, 0], spans, 20)] == [12, 18]


def test_the_length_leaves_gaps_out():
    assert length([Bin(0, 10, 1), Bin(50, 55, 1)]) == 15 and length([]) == 0


def test_tallies_count_both_sides_with_the_spread_of_before():
    found = series([0, 40, 0, 40], [6, 7])
    assert (found.before.count, found.before.exposure) == (80, 400)
    assert (found.after.count, found.after.exposure) == (13, 200)
    assert found.before.dispersion == found.after.dispersion == found.spread > 10
    assert series([10, 10, 10, 10], [6, 7]).spread == 1


@pytest.mark.parametrize(("now", "sign"), [([30, 30], 1), ([10, 10], -1)])
def test_the_odds_speak_for_the_change_that_explains_the_counts(now, sign):
    assert series([10] * 6, now).odds([times(3)]) * sign > 3


def test_the_odds_can_be_taken_against_another_change_than_none():
    found = series([10] * 6, [30, 30])
    assert found.odds([times(3)], [times(3)]) == 0 < found.odds([times(3)])


@pytest.mark.parametrize(("now", "later"), [([1, 2, 3, 4], [3, 4]), ([1, 2, 3], [2, 3]), ([5], [5]), ([], [])])
def test_the_later_half_keeps_the_odd_bin(now, later):
    found = series([1], now).later
    assert (
        list(found.now) == later
        and [span.end for span in found.new] == [span.end for span in bins(len(now))][len(now) - len(later) :]
    )


@pytest.mark.parametrize(
    ("was", "now", "usual"),
    [
        ([0, 0, 9, 0], [8], True),
        ([0, 0, 9, 0], [9], True),
        ([0, 0, 9, 0], [10], False),
        ([0, 9, 0, 9], [8, 8], False),  # of the length of the time since: no window of twenty seconds had so many
        ([9, 9, 0, 0], [8, 8], True),
        ([0, 0, 0, 0], [0], False),  # no errors at all are not "as many as ever"
        ([9], [8, 8], False),  # the history is too short to say
        ([], [5], False),
    ],
)
def test_a_rate_is_usual_when_a_window_of_this_length_had_it_before(was, now, usual):
    assert series(was, now).usual is usual


def test_a_window_without_exposure_says_nothing():
    quiet = Series([9, 0], bins(2, -20, exposure=0.0), [1], bins(1))
    assert quiet.usual is False
