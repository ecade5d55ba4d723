"""The cure of a slowdown: a release is confirmed or rolled back by the latency of the issue's service."""

from __future__ import annotations

import pytest

from core.policy.sections import Watch
from core.signals.release import Interval, Scene, Slowness, State
from core.signals.release_judge import judge
from core.signals.release_speed import recovery

SLOW = Slowness(usual=10.0, slow=1000.0, since=-200.0)  # the middle is 100 ms
RULES = Watch(seconds=300, earliest=60, minimum_requests=10)
STEP = 10.0


@pytest.mark.parametrize(
    ("before", "after", "now", "cured"),
    [
        ([900.0] * 10, [12.0] * 5, 0, True),
        ([900.0] * 10, [12.0] * 9 + [900.0], 1, True),  # one slow interval, as any service has
        ([900.0] * 10, [900.0] * 5, 5, False),
        ([900.0] * 10, [101.0] * 5, 5, False),
        ([900.0, 12.0] * 10, [900.0, 12.0] * 10, 10, False),  # it was slow half of the time, and still is
        ([900.0] * 10, [12.0] * 2, 0, None),  # too few to say
        ([], [12.0] * 5, 0, True),
        ([900.0] * 10, [], 0, None),
    ],
)
def test_the_odds_of_a_cure(before, after, now, cured):
    found = recovery(SLOW, before, after)
    assert found.now == now
    assert found.odds == 0 if cured is None else (found.odds > 0) is cured
    assert f"{now} of {len(after)} interval" in found.count.message and "above 100 ms" in found.count.message


def scene(after: list[float], slowness: Slowness | None = SLOW, errors: float = 0.0) -> Scene:
    times = [STEP * n for n in range(-30, len(after))]
    p95 = [12.0] * 10 + [900.0] * 20 + after
    points = [
        Interval(at, STEP, 100.0, errors if at >= 0 else 0.0, value) for at, value in zip(times, p95, strict=True)
    ]
    services = {"shop": tuple(points)}
    return Scene("shop", STEP * len(after), 3600, services, frozenset({"shop"}), slowness=slowness)


@pytest.mark.parametrize(
    ("after", "more", "state"),
    [
        ([12.0] * 12, {}, State.VERIFIED),
        ([12.0] * 4, {}, State.WATCHING),  # earlier than any release is confirmed
        ([900.0] * 12, {}, State.UNCURED),
        ([12.0] * 6 + [900.0] * 12, {}, State.UNCURED),  # it became slow again
        ([12.0] * 31, {"errors": 60.0}, State.HARM),  # fast, because it fails
        ([12.0] * 31, {"slowness": None}, State.UNEXERCISED),  # an issue without errors and without a latency
    ],
)
def test_the_verdict_on_a_look(after, more, state):
    assert judge(scene(after, **more), RULES).state is state


def test_the_middle_of_two_latencies_is_their_geometric_mean():
    assert "above 100 ms" in recovery(SLOW, [], []).message
    assert "above 3 ms" in recovery(Slowness(0.0, 100.0, -1.0), [], []).message  # sqrt(0.1 * 100)
