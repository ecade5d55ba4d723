"""Verdicts on a release, as tables. The exam with hundreds of situations is tests/bench/watch."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from core.policy.sections import Watch
from core.signals.anomaly.rates import Tally, dispersion, favours, times
from core.signals.release import Event, Fault, Interval, Reach, Scene, State
from core.signals.release_judge import judge

RULES = Watch()
STEP, HISTORY, REQUESTS = 30.0, 3600.0, 300.0


def intervals(until: float, errors=lambda at: 0.0, p95=lambda at: 50.0) -> tuple[Interval, ...]:
    """Thirty seconds each with 300 requests, from an hour before the release on."""
    times_ = [-HISTORY + STEP * n for n in range(int((HISTORY + until) / STEP))]
    return tuple(Interval(at, STEP, REQUESTS, errors(at), p95(at)) for at in times_)


def every(seconds: float, start: float, stop: float, old: bool = False) -> tuple[Event, ...]:
    return tuple(Event(start + seconds * n, old=old) for n in range(int((stop - start) / seconds)))


def scene(elapsed: float, *faults: Fault, errors=lambda at: 0.0, p95=lambda at: 50.0, control=lambda at: 0.0, **more):
    services = {"shop": intervals(elapsed, errors, p95), "mail": intervals(elapsed, control, more.pop("mail_p95", p95))}
    own = Fault("own", "shop", every(3, -600, 0), own=True, reach=Reach.CHANGED)
    return Scene("shop", elapsed, HISTORY, services, frozenset({"shop"}), (more.pop("own", own), *faults), **more)


def slower(to: float) -> Callable[[float], float]:
    """A 95th percentile of about 50 ms before the release, and of about ``to`` since."""
    return lambda at: (to if at >= 0 else 50) + at % 7


def after(at: float, count: float) -> float:
    return count if at >= 0 else 0.0


OWN = Fault("own", "shop", every(3, -600, 0), own=True, reach=Reach.CHANGED)
NEW = Fault("new", "shop", every(5, 1, 120))
CASES = {
    "a cure under traffic ends early": (scene(120), State.VERIFIED),
    "no verdict that it is good before the earliest moment": (scene(50), State.WATCHING),
    "the fault goes on": (scene(60, own=replace(OWN, events=every(3, -600, 60))), State.UNCURED),
    "a third of the fault goes on": (
        scene(240, own=replace(OWN, events=(*OWN.events, *every(9, 15, 240)))),
        State.UNCURED,
    ),
    "errors of the replaced release are no sign against the cure": (
        scene(120, own=replace(OWN, events=(*OWN.events, *every(3, 0, 60, old=True)))),
        State.VERIFIED,
    ),
    "a new fault in the changed file": (scene(60, replace(NEW, reach=Reach.CHANGED)), State.HARM),
    "a new fault elsewhere in the build, from the start": (scene(120, NEW), State.HARM),
    "a new fault that began much later is a person's question": (
        scene(600, replace(NEW, events=every(5, 400, 600))),
        State.UNSURE,
    ),
    "a new fault that the release cannot reach": (scene(120, replace(NEW, reach=Reach.NONE)), State.VERIFIED),
    "a fault that was there before": (scene(120, replace(NEW, events=every(5, -900, 120))), State.VERIFIED),
    "a fault that began seconds before": (scene(120, replace(NEW, events=every(5, -20, 120))), State.VERIFIED),
    "one user who retries": (
        scene(120, replace(NEW, events=tuple(Event(20 + n / 10) for n in range(30)))),
        State.WATCHING,
    ),
    "errors without a report": (scene(60, errors=lambda at: after(at, 30)), State.HARM),
    "steady errors": (scene(120, errors=lambda at: 90.0), State.VERIFIED),
    "steady errors at the bound": (scene(600, errors=lambda at: 90.0), State.VERIFIED),
    "every service fails at once": (
        scene(120, errors=lambda at: after(at, 30), control=lambda at: after(at, 30)),
        State.WATCHING,
    ),
    "a fault that the replaced release brought seconds before": (
        scene(120, replace(NEW, events=every(5, 1, 120), reach=Reach.POSSIBLE), baseline=4),
        State.WATCHING,
    ),
    "the same, when the watch is over, is a person's question": (
        scene(1200, replace(NEW, events=every(30, 1, 1200)), baseline=4),
        State.UNSURE,
    ),
    "a fault that the replaced release shows as often": (
        scene(120, replace(NEW, events=every(5, -60, 120)), baseline=60),
        State.VERIFIED,
    ),
    "a fault of the replaced release, of which a source counts the errors together": (
        scene(
            120,
            replace(NEW, events=(Event(1, count=12, old=True), *every(5, 5, 120)), reach=Reach.CHANGED),
            baseline=60,
        ),
        State.VERIFIED,
    ),
    "a new fault, and the replaced release served for long without it": (scene(120, NEW, baseline=300), State.HARM),
    "errors without a report that the replaced release may have brought": (
        scene(60, errors=lambda at: after(at, 30), baseline=10),
        State.WATCHING,
    ),
    "errors without a report that the replaced release brought": (
        scene(600, errors=lambda at: (30 if at >= -120 else 0) + (10 if -600 <= at < 0 else 0), baseline=120),
        State.VERIFIED,
    ),
    "a slowness that the replaced release brought": (
        scene(300, p95=lambda at: (150 if at >= -120 else 50) + at % 7, mail_p95=lambda at: 50.0, baseline=120),
        State.VERIFIED,
    ),
    "a key that was revoked during the watch": (
        scene(120, replace(NEW, events=every(1, 20, 120), outside=True), errors=lambda at: after(at, 30)),
        State.VERIFIED,
    ),
    "errors at a dependency whose caller the release changed": (
        scene(60, replace(NEW, outside=True, reach=Reach.CHANGED)),
        State.HARM,
    ),
    "a new fault that nobody has analysed yet": (
        scene(60, replace(NEW, events=every(1, 1, 60), unread=True), errors=lambda at: after(at, 30)),
        State.WATCHING,
    ),
    "a new fault in the changed file needs no analysis": (
        scene(60, replace(NEW, reach=Reach.CHANGED, unread=True)),
        State.HARM,
    ),
    "a slow release": (scene(300, p95=slower(150), mail_p95=lambda at: 50.0), State.HARM),
    "a slow machine": (scene(300, p95=slower(150)), State.VERIFIED),
    "a slowdown within the noise of small figures": (scene(300, p95=slower(95)), State.VERIFIED),
    "no metric at all": (replace(scene(1200), services={}), State.UNSURE),
    "a rare fault is not exercised": (
        scene(600, own=Fault("own", "shop", (Event(-3000), Event(-1500)), own=True, reach=Reach.CHANGED)),
        State.UNEXERCISED,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "state"), CASES.values(), ids=CASES)
def test_the_verdict_on_a_look(seen, state):
    found = judge(seen, RULES)
    assert found.state is state, (found.message, found.counts)
    assert found.message


def test_every_verdict_against_a_release_names_what_it_counted():
    for seen, state in CASES.values():
        found = judge(seen, RULES)
        if state in (State.HARM, State.UNCURED):
            assert any(count.after > 0 for count in found.counts)


@pytest.mark.parametrize(
    ("seen", "rates"),
    [
        (scene(60, errors=lambda at: after(at, 30)), ("shop",)),
        (scene(120, NEW), ()),
        (scene(120, NEW, errors=lambda at: after(at, 60)), ()),
        (scene(300, p95=slower(150), mail_p95=lambda at: 50.0), ("shop",)),
        (scene(120), ()),
    ],
)
def test_harm_names_the_services_whose_figures_alone_show_it(seen, rates):
    assert judge(seen, RULES).rates == rates


def test_looking_often_does_not_raise_the_share_of_wrong_verdicts():
    """Ville's inequality on simulated counts: a steady rate is called risen in at most 5 % of 200 long looks."""
    draw, wrong = random.Random(7), 0
    for _ in range(200):
        before, seen = Tally(sum(draw.random() < 0.02 for _ in range(2000)), 2000), 0
        for look in range(1, 41):
            seen += sum(draw.random() < 0.02 for _ in range(50))
            if favours(before, Tally(seen, 50 * look), (times(2), times(5)), (times(1),)) > 3.0:
                wrong += 1
                break
    assert wrong <= 10


@pytest.mark.parametrize(
    ("counts", "least", "most"),
    [([2, 3, 2, 3, 2, 3], 1.0, 1.0), ([0, 0, 30, 0, 0, 0], 20.0, 25.0), ([1, 0, 1], 1.0, 1.0)],
)
def test_bursts_have_a_dispersion(counts, least, most):
    assert least <= dispersion(counts, [1.0] * len(counts)) <= most
