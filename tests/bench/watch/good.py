"""Families of good fixes: whatever else happens, the release is not to blame."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from core.signals.release import Reach
from tests.bench.watch.draws import Draw
from tests.bench.watch.production import Slow, World


def quiet(d: Draw) -> World:
    return d.world(hum=0.0)


def steady_background(d: Draw) -> World:
    world = d.world(share=(0.03, 0.35))
    share = max(d.log(0.001, 0.6), 12 / (world.rps * world.history))
    return world.plus(d.other(world.service, min(share, 0.6), failing=d.chance(0.9)))


def background_of_a_sibling(d: Draw) -> World:
    world, sibling = d.with_sibling(d.world())
    return world.plus(d.other(sibling, d.log(0.02, 0.6)))


def background_in_metrics_only(d: Draw) -> World:
    world = d.world(share=(0.03, 0.35))
    share = d.log(0.005, 0.5)
    cause = d.other(world.service, share, fingerprint=None, issue=None, spread=d.pick((0.0, 0.3)))
    return world.plus(cause)


def retrying_user(d: Draw) -> World:
    world = d.world(histories=(1800.0, 3600.0))
    an_hour = d.between(8, 30)
    cause = d.other(world.service, an_hour, burst=int(d.between(8, 60)), reach=d.pick((Reach.POSSIBLE, Reach.NONE)))
    return world.plus(cause)


def uneven_background(d: Draw) -> World:
    world = d.world(histories=(1800.0, 3600.0)).with_services(spread=d.between(0.3, 0.6))
    return world.plus(d.other(world.service, d.log(0.01, 0.2), spread=d.between(0.4, 1.0)))


def fault_before(d: Draw) -> World:
    """Another fault of the service began some minutes before the release and goes on, or ends during the watch."""
    world = d.world(histories=(600.0, 1800.0, 3600.0))
    end = d.pick((inf, inf, d.between(60, 600)))
    return world.plus(d.other(world.service, d.log(0.03, 0.5), begin=-d.between(60, 0.8 * world.history), end=end))


def fault_during(d: Draw) -> World:
    world = d.world()
    return world.plus(d.later(world.service, d.log(0.03, 0.5), begin=d.between(-5, 45)))


def fault_after(d: Draw) -> World:
    world = d.world()
    return world.plus(d.later(world.service, d.log(0.03, 0.5), begin=d.between(45, 500)))


def fault_of_a_sibling(d: Draw) -> World:
    world, sibling = d.with_sibling(d.world())
    return world.plus(d.later(sibling, d.log(0.03, 0.6), begin=d.between(-20, 300)))


def fault_of_a_control(d: Draw) -> World:
    world = d.world()
    return world.plus(d.elsewhere(d.control(world), d.log(0.03, 0.7), begin=d.between(-60, 400)))


def fault_seconds_before(d: Draw) -> World:
    """Seen a few times before the release: that is all that acquits it."""
    world = d.world(rps=(1.5, 40.0))
    begin = -d.between(8, 45)
    return world.plus(d.other(world.service, d.between(0.1, 0.5), begin=begin, issue=d.pick((None, d.issue()))))


def revoked_credential(d: Draw) -> World:
    """Every request that needs the credential fails from a moment of the watch on, here and in a control."""
    world = d.world()
    begin, issue = d.between(5, 420), d.issue()
    cause = d.later(world.service, d.between(0.1, 0.6), begin=begin)
    return world.plus(cause, d.elsewhere(d.control(world), d.between(0.1, 0.6), begin=begin, issue=issue))


def upstream_outage(d: Draw) -> World:
    """An outage hits all services within seconds, the controls first, for minutes or for the rest of the watch."""
    world = d.world(rps=(2.0, 40.0), share=(0.03, 0.3))
    begin, lasts, known = d.between(-40, 400), d.pick((inf, d.between(90, 400))), d.chance(0.5)
    issue = d.issue() if known else None
    faults = []
    for service in world.services:
        reach = d.pick((Reach.NONE, Reach.POSSIBLE)) if service.touched else Reach.NONE
        at = begin + (d.between(1, 8) if service.touched else 0)
        share = d.between(0.1, 0.5) if service.touched else d.between(0.4, 0.8)
        faults.append(d.other(service.name, share, begin=at, end=at + lasts, reach=reach, issue=issue))
    return world.plus(*faults)


def slow_machine(d: Draw) -> World:
    """The latencies of all services rise, those of the controls too; sometimes time-outs come with it."""
    world = d.world(rps=(1.0, 40.0))
    begin, factor = d.pick((0.0, d.between(-30, 60), d.between(-200, 300))), d.between(1.8, 3.5)
    lasts = d.pick((inf, d.between(120, 500)))
    services = tuple(
        replace(s, slow=(Slow(begin + d.between(0, 10), begin + lasts, factor * d.between(0.85, 1.15)),))
        for s in world.services
    )
    return replace(world, services=services)


def season(d: Draw) -> World:
    """The day's tide of the traffic, and a background fault that comes with every so many requests."""
    world = d.world(histories=(3600.0, 7200.0)).with_services(season=d.between(0.5, 0.95), phase=d.between(0, 1))
    return world.plus(d.other(world.service, d.log(0.01, 0.2)))


def traffic_ramp(d: Draw) -> World:
    """The traffic triples or falls to a third around the release; the shares stay what they were."""
    factor = d.pick((d.between(2, 5), 1 / d.between(2, 5)))
    world = d.world(rps=(2.0, 30.0)).with_services(factor=factor, ramp=(d.between(-120, 60), d.between(60, 600)))
    return world.plus(d.other(world.service, d.log(0.01, 0.3)))


def low_traffic(d: Draw) -> World:
    return d.world(rps=(0.02, 0.2), share=(0.2, 0.9), histories=(3600.0,))


def hardly_any_traffic(d: Draw) -> World:
    return d.world(rps=(0.002, 0.02), share=(0.5, 0.95), histories=(14_400.0,))


def rare_fault(d: Draw) -> World:
    """Seen about three times in an hour, and cured."""
    world = d.world(rps=(1.0, 30.0), histories=(3600.0,))
    return world.with_own(old=d.between(3, 6) / (3600 * world.rps), begin=-inf)


def stragglers(d: Draw) -> World:
    """Old instances serve, and fail, for a while; their events name the old release."""
    world = replace(d.world(rps=(1.0, 40.0)), drain=d.between(30, 180)).with_delivery(tagged=True)
    return world.plus(d.other(world.service, d.log(0.01, 0.1))) if d.chance(0.3) else world


def unmarked_stragglers(d: Draw) -> World:
    """The same for a shorter while, and nothing tells which release failed."""
    return replace(d.world(rps=(1.0, 40.0)), drain=d.between(15, 45)).with_delivery(tagged=False)


def late_data(d: Draw) -> World:
    world = d.world().with_delivery(lag=d.between(45, 150), strays=d.pick((0.0, 0.01, 0.03)))
    return world.plus(d.other(world.service, d.log(0.01, 0.3))) if d.chance(0.5) else world


def metric_gaps(d: Draw) -> World:
    starts = [d.between(-400, 500) for _ in range(d.pick((1, 2, 3)))]
    world = d.world().with_delivery(gaps=tuple((at, at + d.between(60, 300)) for at in starts))
    return world.plus(d.other(world.service, d.log(0.01, 0.3))) if d.chance(0.5) else world


def missing_p95(d: Draw) -> World:
    return d.world().with_delivery(p95=d.pick((0.0, 0.3, 0.7)))


def skewed_clock(d: Draw) -> World:
    """The clock of the events is some seconds off, so the last errors before the release seem to follow it."""
    skew = d.pick((1, -1)) * d.between(2, 8)
    return d.world(rps=(1.0, 40.0)).with_delivery(skew=skew, tagged=d.chance(0.5))


def noisy_latency(d: Draw) -> World:
    return d.world().with_services(noise=d.between(0.3, 0.6), spikes=d.between(0.03, 0.15))


def cold_start(d: Draw) -> World:
    """One slow moment: caches are cold for the first seconds, or one interval stalls."""
    world = d.world(rps=(1.0, 40.0))
    begin = d.pick((0.0, d.between(20, 400)))
    return world.with_services(touched=True, slow=(Slow(begin, begin + d.between(10, 50), d.between(2, 8)),))


def two_faults(d: Draw) -> World:
    """Two faults of one service began together; the release cures one of them."""
    world = d.world(rps=(1.0, 40.0))
    begin = -d.between(60, world.history)
    return world.with_own(begin=begin).plus(d.other(world.service, d.log(0.03, 0.4), begin=begin))


def several_faults(d: Draw) -> World:
    """A bad hour: several open faults, some older than the release, some younger, in the same service and others."""
    world, sibling = d.with_sibling(d.world(rps=(1.0, 40.0), share=(0.03, 0.25)))
    older = d.other(world.service, d.log(0.02, 0.2), begin=-d.between(60, 250))
    younger = d.later(d.pick((world.service, sibling)), d.log(0.05, 0.3), begin=d.between(0, 240))
    ending = d.other(sibling, d.log(0.05, 0.3), begin=-d.between(60, 250), end=d.between(20, 400))
    return world.plus(older, younger, ending)


def duplicate_source(d: Draw) -> World:
    """Two sources tell of each error; of another fault the second one tells only from a moment of the watch on."""
    world = d.world(rps=(1.0, 40.0)).with_own(copies=2)
    begin = d.pick((-inf, d.between(10, 200)))
    return world.plus(d.other(world.service, d.log(0.02, 0.3), copies=2, copies_from=begin))


def sampled_source(d: Draw) -> World:
    """The source keeps only some of the events; the metrics count all."""
    captured = d.between(0.1, 0.5)
    world = d.world(rps=(2.0, 40.0)).with_own(captured=captured)
    return world.plus(d.other(world.service, d.log(0.02, 0.3), captured=captured))


def nothing_changed(d: Draw) -> World:
    """The drill of the past: one service errs steadily, the release changes nothing for that, the own fault is gone."""
    world = d.world(rps=(0.7, 10.0))
    share, spread = d.between(0.15, 0.5), d.pick((0.0, 0.2, 0.4))
    if d.chance(0.3):
        return world.plus(d.elsewhere(d.control(world), share, spread=spread))
    return world.plus(d.other(world.service, share, reach=d.pick((Reach.NONE, Reach.POSSIBLE)), spread=spread))


def other_release(d: Draw) -> World:
    """A control service is released during the watch, and fails for a minute while it restarts."""
    world = d.world()
    begin, name = d.between(0, 300), d.control(world)
    return world.plus(d.elsewhere(name, d.between(0.2, 0.9), begin=begin, end=begin + d.between(30, 90)))


def no_metrics(d: Draw) -> World:
    """Events are all there is: whether anybody asks the service cannot be seen."""
    return replace(d.world(rps=(1.0, 40.0)).with_delivery(metrics=False), ambiguous=True)


def periodic_job(d: Draw) -> World:
    """The own fault came with a job that runs every few minutes."""
    world = d.world(rps=(1.0, 20.0), share=(0.2, 0.8), histories=(1800.0, 3600.0))
    return world.with_own(every=d.between(90, 300), lasts=d.between(10, 25), begin=-inf)


def scanner(d: Draw) -> World:
    """Somebody probes the service for a minute, long after the release; only the metrics tell of it."""
    world = d.world(rps=(1.0, 20.0))
    begin = d.between(60, 400)
    share = d.between(0.1, 0.4)
    cause = d.other(world.service, share, fingerprint=None, begin=begin, end=begin + d.between(20, 60), issue=None)
    return replace(world.plus(cause), ambiguous=True)
