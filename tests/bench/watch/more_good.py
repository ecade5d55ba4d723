"""More practice: good releases on days that an operator knows, written without sight of the exam.

Each function is a family. It returns a world, with a ``View`` when the sources tell it in a way of their own.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

from core.signals.release import Reach
from tests.bench.watch.draws import Draw
from tests.bench.watch.more_views import BUCKETS, Drawn, analysed, bucketed, capped, reset, rounded
from tests.bench.watch.production import Errors, Slow, World

LONG = (1800.0, 3600.0)


def metrics_only(service: str, share: float, **changes) -> Errors:
    """Failed requests that no report tells of, as many on the release as before it."""
    return Errors(service, share, share, **changes)


# --- traffic and latency --------------------------------------------------------------------


def day_rises(d: Draw) -> World:
    world = d.world(rps=(1.0, 30.0), histories=(3600.0,)).with_services(
        season=d.between(0.3, 0.9), phase=d.between(0, 1)
    )
    return world.plus(d.other(world.service, d.log(0.01, 0.1)))


def bursty_traffic(d: Draw) -> World:
    world = d.world(rps=(1.0, 20.0)).with_services(spread=d.between(0.5, 1.2))
    return world.plus(d.other(world.service, d.log(0.01, 0.2), spread=0.3))


def cold_caches(d: Draw) -> World:
    """The first minutes of the build are slow."""
    warm = Slow(0.0, d.between(30, 150), d.between(2, 6))
    return d.world(rps=(1.0, 40.0)).with_services(True, slow=(warm,))


def switch_blip(d: Draw) -> World:
    """While instances are exchanged some connections are reset; soon it is over."""
    world = d.world(rps=(1.0, 40.0))
    return world.plus(metrics_only(world.service, d.between(0.03, 0.15), begin=-5.0, end=d.between(5, 25)))


def switch_reports(d: Draw) -> World:
    """The same, with reports of a fault that nobody knew."""
    world = d.world(rps=(1.0, 40.0))
    blip = Errors(world.service, 0.15, 0.15, d.print_(), begin=d.pick((0.0, -2.0)), end=d.between(10, 25))
    return replace(world.plus(blip), ambiguous=True)


def old_instances_fail_unnamed(d: Draw) -> World:
    """Instances of the replaced release still fail for a while, and their reports do not say whose they are."""
    return replace(d.world(rps=(1.0, 40.0)), drain=d.between(15, 50)).with_delivery(tagged=False)


def catches_up(d: Draw) -> World:
    """What waited for the cure is worked off: more traffic, and slow for some minutes."""
    end = d.between(60, 200)
    world = d.world(rps=(1.0, 20.0)).with_services(True, factor=d.between(1.5, 4), ramp=(0.0, 10.0))
    return world.with_one(world.service, slow=(Slow(0.0, end, d.between(1.5, 2.5)),))


def clients_stop_retrying(d: Draw) -> World:
    """The fault made clients ask again; with the cure fewer requests come, so others fail in a larger share."""
    world, stay = d.world(rps=(2.0, 40.0), share=(0.2, 0.5)), d.between(0.65, 0.9)
    share = d.log(0.005, 0.08)
    other = d.other(world.service, share, reach=Reach.POSSIBLE)
    return world.with_one(world.service, admitted=stay).plus(replace(other, new=share / stay))


def slow_job(d: Draw) -> World:
    """A job slows the service at regular times."""
    every, first, lasts, factor = d.between(200, 600), d.between(0, 200), d.between(30, 90), d.between(2, 5)
    spans = tuple(Slow(first + every * n, first + every * n + lasts, factor) for n in range(-18, 8))
    world = d.world(histories=LONG)
    return world.with_one(world.service, slow=spans)


def long_tail(d: Draw) -> World:
    return d.world(rps=(0.5, 20.0)).with_services(noise=d.between(0.5, 0.9), spikes=d.between(0.05, 0.25))


def few_requests_a_percentile(d: Draw) -> World:
    world = d.world(rps=(0.03, 0.4), share=(0.1, 0.6), histories=(3600.0,))
    return world.with_services(noise=d.between(0.2, 0.6)).with_delivery(interval=d.pick((10.0, 30.0)))


def bucketed_latency(d: Draw) -> Drawn:
    return d.world().with_services(p95_ms=d.pick(BUCKETS[2:11]) * d.between(0.93, 1.07)), bucketed


def third_party_slows(d: Draw) -> World:
    """A dependency of this service alone slows down, long after the release."""
    world, begin = d.world(rps=(1.0, 40.0)), d.between(150, 500)
    slow = Slow(begin, begin + d.pick((inf, d.between(60, 200))), d.between(2, 4))
    return replace(world.with_one(world.service, slow=(slow,)), ambiguous=True)


# --- other faults ---------------------------------------------------------------------------


def nightly_job(d: Draw) -> World:
    """A job fails requests at regular times; the metrics alone know it."""
    world = d.world(histories=LONG)
    every = d.between(200, 600)
    return world.plus(metrics_only(world.service, d.between(0.1, 0.5), every=every, lasts=every * d.between(0.1, 0.25)))


def one_tenant(d: Draw) -> World:
    """A tenant with a broken set-up asks in spells."""
    world, every = d.world(histories=LONG), d.between(60, 300)
    return world.plus(d.other(world.service, d.between(0.05, 0.3), every=every, lasts=every * d.between(0.3, 0.6)))


def rare_endpoint(d: Draw) -> World:
    """An old fault of an endpoint that is seldom asked."""
    world = d.world(rps=(0.1, 1.0), share=(0.1, 0.6), histories=(3600.0,))
    return world.plus(d.other(world.service, d.between(4, 12), burst=d.pick((1, 2, 4))))


def an_incident_goes_on(d: Draw) -> World:
    world = d.world(histories=LONG)
    end, begin = d.pick((inf, d.between(30, 500))), -d.between(120, 1500)
    other = d.other(world.service, d.between(0.2, 0.6), begin=begin, end=end, spread=d.between(0.1, 0.5))
    return world.plus(other)


def flaps(d: Draw) -> World:
    world, every = d.world(histories=LONG), d.between(120, 400)
    reach = d.pick((Reach.POSSIBLE, Reach.NONE))
    return world.plus(d.other(world.service, d.between(0.05, 0.4), every=every, lasts=every / 2, reach=reach))


def an_upstream_that_is_analysed_later(d: Draw) -> Drawn:
    """A key is revoked, or a dependency goes away, during the watch. A minute later the analysis knows."""
    world, begin = d.world(), d.between(20, 400)
    fault = Errors(world.service, 0.3, 0.3, d.print_(), reach=Reach.POSSIBLE, issue=d.issue(), begin=begin)
    return world.plus(fault), analysed(fault.fingerprint, begin + 60)


def a_dependency_restarts(d: Draw) -> World:
    """Some seconds of errors that nobody had seen before, long after the release."""
    world, begin = d.world(), d.between(60, 400)
    cause = Errors(world.service, 0.3, 0.3, d.print_(), begin=begin, end=begin + d.between(5, 25))
    return replace(world.plus(cause), ambiguous=True)


def another_team_deploys(d: Draw) -> World:
    """A control service breaks a moment before the release; its callers in the build fail with it."""
    world, at = d.world(rps=(2.0, 40.0)), -d.between(0, 30)
    control = d.elsewhere(d.control(world), d.between(0.2, 0.7), begin=at)
    caller = Errors(world.service, 0.1, 0.1, d.print_(), begin=at + d.between(1, 5))
    return replace(world.plus(control, caller), ambiguous=True)


def time_outs_at_load(d: Draw) -> World:
    """Time-outs that the replaced release had too grow with the traffic."""
    begin, seconds = d.between(-100, 200), d.between(60, 300)
    world = d.world(rps=(1.0, 15.0), histories=LONG).with_services(factor=d.between(2, 4), ramp=(begin, seconds))
    name, share, issue = d.print_(), d.log(0.01, 0.05), d.pick((None, d.issue()))
    base = Errors(world.service, share, share, name, issue=issue)
    more = Errors(world.service, 3 * share, 3 * share, name, issue=issue, begin=begin, ramp=seconds)
    return replace(world.plus(base, more), ambiguous=True)


# --- how the sources tell it -----------------------------------------------------------------


def sampled_reports(d: Draw) -> World:
    world = d.world(rps=(2.0, 40.0))
    captured = d.log(0.03, 0.4)
    return world.with_own(captured=captured).plus(d.other(world.service, d.log(0.05, 0.3), captured=captured))


def capped_reports(d: Draw) -> Drawn:
    return d.world(rps=(4.0, 40.0), share=(0.1, 0.6)), capped(d.pick((5, 20, 60)))


def clocks_apart(d: Draw) -> World:
    return d.world().with_delivery(skew=d.between(-20, 20), tagged=d.chance(0.5))


def counters_reset(d: Draw) -> Drawn:
    """The interval in which instances restart has lost its counts."""
    world = d.world(hum=1.0)
    return world.plus(d.other(world.service, d.log(0.01, 0.2))), reset


def metrics_stop_for_a_while(d: Draw) -> World:
    begin = d.between(-60, 200)
    return d.world(hum=1.0).with_delivery(gaps=((begin, begin + d.between(60, 300)),))


def rounded_rates(d: Draw) -> Drawn:
    """The source gives rates in whole per cent."""
    return d.world(hum=1.0), rounded


def short_past(d: Draw) -> World:
    return d.world(rps=(2.0, 40.0), share=(0.05, 0.5), histories=(120.0, 180.0))


def the_team_had_just_deployed(d: Draw) -> Drawn:
    """The replaced release had served for a moment, and brought a fault that goes on."""
    world, since = d.world(rps=(1.0, 40.0)), d.between(5, 50)
    fault = Errors(world.service, 0.2, 0.2, d.print_(), begin=-since)
    return replace(world.plus(fault), ambiguous=True), lambda scene: replace(scene, baseline=since)


GOOD = (
    day_rises, bursty_traffic, cold_caches, switch_blip, switch_reports, old_instances_fail_unnamed, catches_up,
    clients_stop_retrying, slow_job, long_tail,
    few_requests_a_percentile, bucketed_latency, third_party_slows, nightly_job, one_tenant, rare_endpoint,
    an_incident_goes_on, flaps, an_upstream_that_is_analysed_later, a_dependency_restarts, another_team_deploys,
    time_outs_at_load, sampled_reports, capped_reports, clocks_apart, counters_reset, metrics_stop_for_a_while,
    rounded_rates, short_past, the_team_had_just_deployed,
)  # fmt: skip
