"""More practice: releases that do harm, and fixes that do not cure, written without sight of the exam."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from core.signals.release import Reach
from tests.bench.watch.draws import Draw
from tests.bench.watch.more_views import Drawn, capped
from tests.bench.watch.production import Errors, Slow, World

LONG = (1800.0, 3600.0)
NEAR = (Reach.CHANGED, Reach.POSSIBLE)


# --- harm -----------------------------------------------------------------------------------------


def one_endpoint(d: Draw) -> World:
    world = d.world(rps=(2.0, 40.0))
    return world.plus(d.harm(world.service, d.log(0.004, 0.03), Reach.CHANGED))


def one_host(d: Draw) -> World:
    world, hosts = d.world(rps=(1.5, 40.0)), d.pick((3, 4, 6))
    cause = d.harm(world.service, d.between(0.4, 1) / hosts, Reach.POSSIBLE)
    return world.plus(cause if d.chance(0.5) else replace(cause, fingerprint=None))


def one_tenant_breaks(d: Draw) -> World:
    world = d.world(rps=(1.0, 40.0))
    return world.plus(d.harm(world.service, d.between(60, 200), d.pick(NEAR), burst=int(d.between(3, 15))))


def slow_leak(d: Draw) -> World:
    world = d.world(rps=(1.5, 40.0)).with_services(p95_ms=d.log(90, 500))
    return world.with_one(world.service, slower=d.between(3, 6), creep=d.between(200, 700))


def growing_queue(d: Draw) -> World:
    """Time-outs grow from nothing."""
    world = d.world(rps=(1.5, 40.0))
    cause = d.harm(world.service, d.between(0.1, 0.5), d.pick(NEAR), begin=0.0, ramp=d.between(120, 500))
    return world.plus(cause if d.chance(0.7) else replace(cause, fingerprint=None))


def breaks_at_load(d: Draw) -> World:
    begin, seconds = d.between(0, 150), d.between(60, 200)
    world = d.world(rps=(2.0, 15.0)).with_services(factor=d.between(2, 4), ramp=(begin, seconds))
    return world.plus(d.harm(world.service, d.between(0.05, 0.3), d.pick(NEAR), begin=begin, ramp=seconds))


def breaks_when_the_cache_ends(d: Draw) -> World:
    world = d.world(rps=(1.0, 40.0))
    return world.plus(d.harm(world.service, d.between(0.05, 0.4), Reach.CHANGED, begin=d.between(30, 150)))


def errors_begin_late(d: Draw) -> World:
    """Of no fingerprint, or of none that the change names."""
    world = d.world(rps=(1.0, 40.0))
    cause = d.harm(world.service, d.between(0.05, 0.4), Reach.POSSIBLE, begin=d.between(30, 120))
    return replace(world.plus(cause if d.chance(0.5) else replace(cause, fingerprint=None)), ambiguous=True)


def masked_by_falling_traffic(d: Draw) -> World:
    ramp = (d.between(-100, 20), d.between(30, 150))
    world = d.world(rps=(4.0, 40.0), histories=LONG).with_services(factor=1 / d.between(2, 4), ramp=ramp)
    share = d.log(0.01, 0.08)
    return world.plus(
        replace(d.other(world.service, share, reach=d.pick(NEAR), issue=None), new=share * d.between(4, 7))
    )


def within_an_incident(d: Draw) -> World:
    world = d.world(rps=(2.0, 40.0), share=(0.03, 0.3), histories=LONG)
    other = d.other(world.service, d.between(0.1, 0.4), begin=-d.between(300, 1500), spread=0.2)
    harm = d.harm(world.service, d.between(0.05, 0.3), d.pick(NEAR))
    return world.plus(other, harm)


def less_than_what_it_cured(d: Draw) -> World:
    """The cured fault failed more requests than the new one does; in some, only a sample of them was reported."""
    world = d.world(rps=(3.0, 40.0), share=(0.3, 0.5)).with_own(captured=d.pick((1.0, d.between(0.1, 0.4))))
    return world.plus(Errors(world.service, 0.0, d.between(0.05, 0.1)))


def never_warms(d: Draw) -> World:
    world = d.world(rps=(1.5, 40.0)).with_services(p95_ms=d.log(100, 500))
    return world.with_one(world.service, slower=d.between(1.9, 3), slow=(Slow(0.0, d.between(30, 90), 3.0),))


def slower_and_noisy(d: Draw) -> World:
    world = d.world(rps=(3.0, 40.0)).with_services(p95_ms=d.log(100, 500), noise=d.between(0.2, 0.35))
    return world.with_one(world.service, slower=d.between(2.2, 3.5))


def callers_fail_too(d: Draw) -> World:
    """The build answers wrongly, and a service of another team that calls it fails some seconds later."""
    world, reach = d.world(rps=(2.0, 40.0)), d.pick(NEAR)
    caller = d.elsewhere(d.control(world), d.between(0.05, 0.2), begin=d.between(5, 20))
    harm = d.harm(world.service, d.between(0.1, 0.5), reach)
    return replace(world.plus(harm, caller), ambiguous=reach is not Reach.CHANGED)


def harm_in_sampled_reports(d: Draw) -> World:
    world, captured = d.world(rps=(3.0, 40.0)), d.log(0.03, 0.3)
    return world.with_own(captured=captured).plus(d.harm(world.service, d.between(0.05, 0.3), captured=captured))


def harm_in_a_gap(d: Draw) -> World:
    """No metrics for the first minutes."""
    world = d.world(rps=(1.0, 40.0)).with_delivery(gaps=((-20.0, d.between(60, 240)),))
    return world.plus(d.harm(world.service, d.between(0.05, 0.4), d.pick(NEAR)))


def harm_told_late(d: Draw) -> World:
    world = d.world(rps=(1.0, 40.0)).with_delivery(lag=d.between(45, 120))
    return world.plus(d.harm(world.service, d.between(0.05, 0.4), d.pick(NEAR)))


def harm_with_few_requests(d: Draw) -> World:
    world = d.world(rps=(0.05, 0.4), share=(0.1, 0.6), histories=(3600.0,))
    return world.plus(d.harm(world.service, d.between(0.3, 0.8), d.pick(NEAR)))


def rolls_out_slowly(d: Draw) -> World:
    world = replace(d.world(rps=(2.0, 40.0)), drain=d.between(120, 400))
    return world.plus(d.harm(world.service, d.between(0.1, 0.5), d.pick(NEAR)))


def in_spells(d: Draw) -> World:
    """A pool runs dry again and again."""
    world, every = d.world(rps=(1.5, 40.0)), d.between(60, 150)
    cause = d.harm(world.service, d.between(0.3, 0.7), d.pick(NEAR), every=every, lasts=every * d.between(0.2, 0.4))
    return world.plus(cause if d.chance(0.7) else replace(cause, fingerprint=None))


def clients_back_off(d: Draw) -> World:
    world = d.world(rps=(2.0, 40.0)).with_services(True, admitted=d.between(0.5, 0.8))
    cause = d.harm(world.service, d.between(0.05, 0.3), Reach.POSSIBLE)
    return world.plus(cause if d.chance(0.5) else replace(cause, fingerprint=None))


def requests_stop(d: Draw) -> World:
    """The build answers nothing that counts: its traffic goes away."""
    world = d.world(rps=(1.0, 40.0))
    return world.with_one(world.service, admitted=d.log(0.01, 0.3))


# --- uncured --------------------------------------------------------------------------------------


def goes_on_in_a_sample(d: Draw) -> World:
    world = d.world(rps=(3.0, 40.0), share=(0.05, 0.5)).with_own(captured=d.log(0.03, 0.3))
    return world.with_own(new=world.own.old)


def goes_on_under_a_cap(d: Draw) -> Drawn:
    world = d.world(rps=(4.0, 40.0), share=(0.1, 0.6))
    return world.with_own(new=world.own.old * d.between(0.5, 1.0)), capped(d.pick((5, 20, 60)))


def goes_on_with_few_requests(d: Draw) -> World:
    world = d.world(rps=(0.1, 0.5), share=(0.1, 0.6), histories=(3600.0,))
    return world.with_own(new=world.own.old)


def goes_on_on_one_host(d: Draw) -> World:
    world = d.world(rps=(2.0, 40.0), share=(0.05, 0.5))
    return world.with_own(new=world.own.old * d.between(0.42, 0.6))


def goes_on_in_spells(d: Draw) -> World:
    world, every = d.world(rps=(1.0, 40.0), share=(0.1, 0.5), histories=LONG), d.between(60, 300)
    return world.with_own(new=world.own.old, every=every, lasts=every * d.between(0.3, 0.6), begin=-inf)


def comes_back(d: Draw) -> World:
    """Gone at first, and back after a minute or two."""
    world = d.world(rps=(1.0, 40.0), share=(0.05, 0.5))
    own = world.own
    return world.plus(replace(own, old=0.0, new=own.old, begin=d.between(40, 120)))


def goes_on_as_clients_back_off(d: Draw) -> World:
    world = d.world(rps=(2.0, 40.0)).with_services(True, admitted=d.between(0.5, 0.8))
    return world.with_own(new=world.own.old)


def goes_on_with_clocks_apart(d: Draw) -> World:
    world = d.world().with_delivery(skew=d.between(-20, 20), tagged=d.chance(0.5))
    return world.with_own(new=world.own.old)


def moves_to_a_sibling(d: Draw) -> World:
    world, sibling = d.with_sibling(d.world(rps=(1.0, 40.0), share=(0.05, 0.5)))
    return world.plus(d.harm(sibling, world.own.old, Reach.POSSIBLE, moved=True))


HARM = (
    one_endpoint, one_host, one_tenant_breaks, slow_leak, growing_queue, breaks_at_load, breaks_when_the_cache_ends,
    errors_begin_late, masked_by_falling_traffic, within_an_incident, less_than_what_it_cured, never_warms,
    slower_and_noisy, callers_fail_too, harm_in_sampled_reports, harm_in_a_gap, harm_told_late,
    harm_with_few_requests, rolls_out_slowly, in_spells, clients_back_off, requests_stop,
)  # fmt: skip
UNCURED = (
    goes_on_in_a_sample, goes_on_under_a_cap, goes_on_with_few_requests, goes_on_on_one_host, goes_on_in_spells,
    comes_back, goes_on_as_clients_back_off, goes_on_with_clocks_apart, moves_to_a_sibling,
)  # fmt: skip
