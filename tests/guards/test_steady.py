"""How far the database's clock is ahead of the machine's own clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.stages.watch.steady import JUMP, follow

BEGUN = datetime(2026, 3, 2, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGUN + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("looks", "ahead"),  # of each look: the machine, its own clock, the database's clock
    [
        ([("a", 0, 0)], 0),
        ([("a", 0, 0), ("a", 900, 900)], 0),  # a pause between looks: real time passed
        ([("a", 0, 0), ("a", 30, 30 + JUMP)], 0),
        ([("a", 0, 0), ("a", 30, 31 + JUMP)], 1 + JUMP),
        ([("a", 0, 0), ("a", 30, 630), ("a", 60, 660)], 600),
        ([("a", 0, 0), ("a", 30, 630), ("a", 60, 1260)], 1200),
        ([("a", 0, 0), ("a", 30, 630), ("a", 60, 60)], 0),  # and back
        ([("a", 0, 0), ("a", 30, -600)], 0),  # behind: the watch takes longer
        ([("a", 0, 0), ("b", 7, 630)], 0),  # another machine's clock is not comparable
        ([("a", 0, 0), ("a", 30, 630), ("b", 7, 660), ("b", 37, 690)], 600),
    ],
)
def test_how_far_the_database_clock_is_ahead(looks, ahead):
    seen: dict = {}
    for machine, tick, second in looks:
        seen = follow(seen, machine, tick, at(second))
    assert seen["ahead"] == ahead
