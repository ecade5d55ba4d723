"""Every record once, whatever the pages, the faults, the restarts and the budgets were."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.vendors.base import BudgetSpent, VendorError
from tests.vendors.worlds import NOW, WORLDS, Reply, Shelf

FAULTS = st.sampled_from(
    [
        Reply(500),
        Reply(502, b"<html>bad gateway"),
        Reply(429, headers={"retry-after": "120"}),
        Reply(raises="timeout"),
        Reply(raises="reset"),
        Reply(200, b'{"data": [{"id": "lo'),
        Reply(200, {"errors": ["later"]}),
        Reply(403, {"message": "no"}),
    ]
)
ROUND = st.fixed_dictionaries(
    {
        "arrive": st.lists(st.integers(0, 290), max_size=9),  # seconds ago at the round, within the overlap
        "faults": st.lists(st.one_of(st.none(), FAULTS), max_size=4),
        "calls": st.integers(5, 30),
        "dies_after": st.one_of(st.none(), st.integers(0, 5)),  # pages
        "minutes": st.integers(1, 50),  # until the next round
    }
)


def read_round(world, shelf, until, calls=None, dies_after=None) -> VendorError | None:
    """One round by a new process; ``dies_after`` so many pages it is gone."""
    try:
        for number, batch in enumerate(world.source(calls).collect(shelf.cursor, until)):
            if number == dies_after:
                return None
            shelf.keep(batch)
    except VendorError as error:
        return error
    return None


@pytest.mark.parametrize("name", WORLDS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(ROUND, min_size=1, max_size=6))
def test_what_is_stored_is_what_the_vendor_has(name, rounds):
    world, shelf, at = WORLDS[name](), Shelf(), NOW
    read_round(world, shelf, at)
    for told in rounds:
        for ago in told["arrive"]:
            world.add(1, begin=at - timedelta(seconds=ago + 1))
        world.faults = list(told["faults"])
        read_round(world, shelf, at, told["calls"], told["dies_after"])
        at += timedelta(minutes=told["minutes"])
    world.faults = []
    for _ in range(40):  # the vendor is well again; small budgets need several rounds
        if not isinstance(read_round(world, shelf, at, calls=10), BudgetSpent):
            break
        at += timedelta(seconds=10)
    assert set(shelf.kept) == world.ids
    assert all(count == 1 for count in shelf.kept.values())


@pytest.mark.parametrize("name", WORLDS)
def test_a_long_outage_is_caught_up_with(name):
    """Nothing answers for two days; what the vendor kept meanwhile is collected, also by a small budget."""
    world, shelf = WORLDS[name](5), Shelf()
    assert read_round(world, shelf, NOW) is None
    world.add(60, begin=NOW + timedelta(minutes=1), step=2500)
    for hour in range(48):
        world.faults = [Reply(503)] * 50
        assert read_round(world, shelf, NOW + timedelta(hours=hour)) is not None
    world.faults = []
    for number in range(30):
        with contextlib.suppress(BudgetSpent):
            read_round(world, shelf, NOW + timedelta(hours=48, minutes=number), calls=12)
    assert set(shelf.kept) == world.ids


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("ahead", [timedelta(minutes=40), timedelta(minutes=-40)])
def test_a_clock_that_is_wrong_loses_nothing(name, ahead):
    """Our clock is set wrong by 40 minutes while records come in one by one; it is right only at the end."""
    world, shelf, at = WORLDS[name](), Shelf(), NOW
    read_round(world, shelf, at)
    for _ in range(12):
        world.add(1, begin=at - timedelta(seconds=5))
        read_round(world, shelf, at + ahead)
        at += timedelta(minutes=5)
    read_round(world, shelf, at)
    assert set(shelf.kept) == world.ids
