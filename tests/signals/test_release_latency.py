"""Whether the services that run a release became slower with it: a row a guard."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from core.policy.sections import Watch
from core.signals.release import FindingKind, Interval, Scene
from core.signals.release_latency import Latency

RULES = Watch(seconds=600, latency_factor=1.5, latency_floor_ms=50)
LENIENT = RULES.model_copy(update={"wrong_rollbacks": 0.45})
STEP = 10.0


def points(before: Sequence[float | None], after: Sequence[float | None], first: float = 0.0) -> tuple[Interval, ...]:
    rows = [(-STEP * (len(before) - n), value) for n, value in enumerate(before)]
    rows += [(first + STEP * n, value) for n, value in enumerate(after)]
    return tuple(Interval(at, STEP, 100.0, 0.0, value) for at, value in rows)


def kind(before, after, until=400.0, first=0.0, rules: Watch = RULES, slow=None, **controls) -> FindingKind:
    services = {"shop": points(before, after, first)}
    services |= {name: points(*pair, first) for name, pair in controls.items()}
    scene = Scene("shop", until, 3600, services, frozenset({"shop"}), slow={} if slow is None else {"shop": slow})
    return Latency(scene, rules, -3600, until).finding("shop").kind


def steady(count: int, at: float = 100.0) -> list[float]:
    """A figure with a little noise of its own, so that ranks can be told apart."""
    return [at + n % 5 for n in range(count)]


CLEAR, SUSPECT, DOUBT, HARM = FindingKind.CLEAR, FindingKind.SUSPECT, FindingKind.DOUBT, FindingKind.HARM
BEFORE = steady(60)
CASES = {
    "slow for the whole time": (kind, (BEFORE, steady(40, 300)), {}, HARM),
    "as slow as another open issue made it": (
        kind, ([*BEFORE, *steady(10, 300)], steady(40, 300)), {"slow": -100.0}, CLEAR
    ),
    "slower than another open issue made it": (
        kind, ([*BEFORE, *steady(10, 300)], steady(40, 900)), {"slow": -100.0}, DOUBT
    ),
    "another open issue made it slow right before": (
        kind, ([*BEFORE, *steady(2, 300)], steady(40, 900)), {"slow": -20.0}, CLEAR
    ),
    "as fast as before": (kind, (BEFORE, steady(40)), {}, CLEAR),
    "two latencies before are no baseline": (kind, (steady(2), steady(40, 300)), {}, CLEAR),
    "no latency since": (kind, (BEFORE, [None] * 40), {}, CLEAR),
    "within the factor": (kind, (BEFORE, steady(40, 145)), {"until": 600}, CLEAR),
    "within the factor of a slow service": (kind, (steady(60, 400), steady(40, 500)), {"until": 600}, CLEAR),
    "within the floor of a fast service": (kind, (steady(60, 20), steady(40, 60)), {"until": 600}, CLEAR),
    "beyond the floor of a fast service": (kind, (steady(60, 20), steady(40, 100)), {}, HARM),
    "growth within the allowed keeps the watch open": (kind, (BEFORE, steady(40, 140)), {"until": 300}, SUSPECT),
    "a little growth within the allowed does not": (kind, (BEFORE, steady(40, 108)), {"until": 300}, CLEAR),
    "a control that became as slow": (
        kind, (BEFORE, steady(40, 300)), {"mail": (BEFORE, steady(40, 300))}, CLEAR
    ),
    "a control with half of the slowdown": (
        kind, (BEFORE, steady(40, 300)), {"mail": (BEFORE, steady(40, 200))}, DOUBT
    ),
    "a control with a little of it": (kind, (BEFORE, steady(40, 300)), {"mail": (BEFORE, steady(40, 130))}, HARM),
    "a control without figures before": (kind, (BEFORE, steady(40, 300)), {"mail": ([], steady(40, 300))}, HARM),
    "the first half of the watch": (kind, (BEFORE, steady(25, 300)), {"until": 299}, SUSPECT),
    "from the second half on": (kind, (BEFORE, steady(25, 300)), {"until": 300}, HARM),
    "it was slow and is no more": (kind, (BEFORE, [*steady(36, 300), *steady(4)]), {}, SUSPECT),
    "the later half is fast": (kind, (BEFORE, [*steady(18, 300), *steady(22)]), {"until": 600}, CLEAR),
    "the earlier half is fast": (kind, (BEFORE, [*steady(18), *steady(22, 300)]), {"until": 600}, HARM),
    "it was slow and is within the factor": (
        kind, (BEFORE, [*steady(24, 300), *steady(16, 140)]), {"until": 600}, CLEAR
    ),
    "slow for less than half of the time": (kind, (BEFORE, [*steady(26), *steady(19, 300)]), {"until": 600}, CLEAR),
    "it was as slow before for as long": (kind, ([*steady(41, 300), *steady(100)], steady(40, 300)), {}, SUSPECT),
    "growth that chance explains": (kind, ([80.0, 130.0] * 30, [130.0] * 3), {"until": 70, "first": 30}, CLEAR),
    "the later half has three latencies": (
        kind, (BEFORE, [300.0, 100.0, 100.0, 300.0]), {"until": 80, "first": 40}, CLEAR
    ),
    "two latencies since, whatever the rules": (
        kind, (BEFORE, steady(2, 300)), {"until": 400, "first": 350, "rules": LENIENT}, SUSPECT
    ),
    "two latencies since": (kind, (BEFORE, steady(40, 300)[:2]), {"until": 400, "first": 350}, SUSPECT),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_the_latencies_show(name):
    work, given, more, found = CASES[name]
    assert work(*given, **more) is found


def test_a_new_instance_may_be_slow_until_it_is_warm():
    cold = [2000.0] * 4 + steady(40)
    assert kind(BEFORE, cold, until=440) is CLEAR
    assert kind(BEFORE, [2000.0] * 30, until=300) is HARM, "not for ever"


def test_one_that_was_watched_for_a_short_time_is_warm_sooner():
    """A quarter of what is known: else a short watch would have no figure at all."""
    scene = Scene("shop", 40, 3600, {"shop": points(BEFORE, steady(4, 300))}, frozenset({"shop"}))
    assert Latency(scene, RULES, -3600, 40).finding("shop").count.after == 302
    assert Latency(scene, RULES, -3600, 40).finding("shop").kind is SUSPECT


def test_the_baseline_begins_where_it_is_told_to():
    older = [*steady(100, 300), *steady(30)]
    scene = Scene("shop", 400, 3600, {"shop": points(older, steady(40, 300))}, frozenset({"shop"}))
    found = {begin: Latency(scene, RULES, begin, 400).finding("shop") for begin in (-3600, -300)}
    assert (found[-3600].kind, found[-300].kind) == (CLEAR, HARM)
    assert found[-300].count.before == 102 and "since the release, 102 ms before" in found[-300].count.message


def test_chance_is_excluded():
    """Figures that jump about as much as this are as slow now and then."""
    wild = [100.0, 400.0] * 30
    assert kind(wild, [400.0, 390.0, 100.0] * 13) is not HARM
    assert kind(wild, [400.0, 390.0, 410.0] * 13) is not CLEAR


def test_a_service_that_nobody_knows_is_clear():
    scene = Scene("shop", 400, 3600, {}, frozenset({"shop"}))
    assert Latency(scene, RULES, -3600, 400).finding("shop").kind is CLEAR
