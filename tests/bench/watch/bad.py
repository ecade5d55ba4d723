"""Families of releases that do harm, and of those that do not cure."""

from __future__ import annotations

from dataclasses import replace

from core.signals.release import Reach
from tests.bench.watch import good
from tests.bench.watch.draws import Draw
from tests.bench.watch.production import Errors, World


def _touched(d: Draw, world: World) -> str:
    return d.pick([s.name for s in world.services if s.touched])


# --- harm ---------------------------------------------------------------------------------------------


def crash_in_the_change(d: Draw) -> World:
    world = d.world()
    return world.plus(d.harm(world.service, d.log(0.04, 0.6)))


def crash_of_a_caller(d: Draw) -> World:
    world = d.world()
    return world.plus(d.harm(_touched(d, world), d.log(0.04, 0.6), Reach.POSSIBLE))


def rare_crash(d: Draw) -> World:
    world = d.world(rps=(2.0, 40.0))
    return world.plus(d.harm(world.service, d.between(0.008, 0.015), d.pick((Reach.CHANGED, Reach.POSSIBLE))))


def _grown(d: Draw, share: float, factor: float) -> World:
    world = d.world(rps=(3.0, 40.0), share=(0.03, 0.3), histories=(600.0, 1800.0, 3600.0))
    reach, issue = d.pick((Reach.CHANGED, Reach.POSSIBLE)), d.pick((None, None, d.issue()))
    return world.plus(d.other(world.service, share, new=share * factor, reach=reach, issue=issue))


def grown_fivefold(d: Draw) -> World:
    return _grown(d, d.log(0.006, 0.1), d.between(4.5, 5.5))


def grown_twofold(d: Draw) -> World:
    return _grown(d, d.log(0.03, 0.2), d.between(2.0, 2.5))


def errors_without_fingerprint(d: Draw) -> World:
    world = d.world(rps=(1.5, 40.0))
    share = d.pick((0.0, d.log(0.002, 0.05)))
    return world.plus(Errors(_touched(d, world), share, share + d.log(0.05, 0.4)))


def slower_release(d: Draw) -> World:
    world = d.world(rps=(1.5, 40.0)).with_services(p95_ms=d.log(90, 500))
    return world.with_one(_touched(d, world), slower=d.between(2.0, 3.5))


def leak(d: Draw) -> World:
    """Latencies creep up from the start; after five minutes requests fail too."""
    world = d.world(rps=(2.0, 40.0)).with_services(p95_ms=d.log(90, 400))
    world = world.with_one(world.service, slower=d.between(3, 8), creep=d.between(300, 600))
    return world.plus(d.harm(world.service, d.log(0.1, 0.5), d.pick(tuple(Reach)[:2]), begin=300, ramp=120))


def late_crash(d: Draw) -> World:
    """A job of the new release fails from its first run on, minutes after the release; nothing shows before."""
    world = d.world(rps=(1.0, 40.0))
    return world.plus(d.harm(world.service, d.log(0.05, 0.5), begin=d.between(90, 400)))


def crash_under_noise(d: Draw) -> World:
    world = d.world(share=(0.03, 0.25), histories=(1800.0, 3600.0))
    noise = d.other(world.service, d.log(0.03, 0.3), spread=d.between(0.3, 0.9))
    return world.plus(noise, d.harm(_touched(d, world), d.log(0.04, 0.4), d.pick((Reach.CHANGED, Reach.POSSIBLE))))


def crash_beside_another_fault(d: Draw) -> World:
    world = d.world(share=(0.03, 0.25))
    another = d.later(world.service, d.log(0.03, 0.3), begin=d.between(-40, 120))
    return world.plus(another, d.harm(_touched(d, world), d.log(0.05, 0.4), d.pick((Reach.CHANGED, Reach.POSSIBLE))))


def crash_during_an_outage(d: Draw) -> World:
    """An upstream outage fails all services, and the release's own crash is one voice of many."""
    world = good.upstream_outage(d)
    return world.plus(d.harm(world.service, d.between(0.1, 0.3)))


def crash_at_low_traffic(d: Draw) -> World:
    world = d.world(rps=(0.01, 0.2), share=(0.2, 0.8), histories=(3600.0,))
    return world.plus(d.harm(world.service, d.between(0.3, 0.9)))


def cure_and_crash_elsewhere(d: Draw) -> World:
    """The own fault is cured; another service of the same build fails anew."""
    world, sibling = d.with_sibling(d.world())
    return world.plus(d.harm(sibling, d.log(0.05, 0.6), Reach.POSSIBLE))


def crash_told_late(d: Draw) -> World:
    world = good.late_data(d)
    return world.plus(d.harm(world.service, d.log(0.05, 0.5), d.pick((Reach.CHANGED, Reach.POSSIBLE))))


def crash_in_a_ramp(d: Draw) -> World:
    world = good.traffic_ramp(d)
    return world.plus(d.harm(world.service, d.log(0.05, 0.5)))


def crash_as_the_old_drains(d: Draw) -> World:
    """The new release takes over slowly, so its crash grows as the own fault's stragglers fade."""
    world = good.stragglers(d)
    return world.plus(d.harm(world.service, d.log(0.05, 0.5), d.pick((Reach.CHANGED, Reach.POSSIBLE))))


def errors_on_a_slow_machine(d: Draw) -> World:
    world = good.slow_machine(d)
    return world.plus(Errors(world.service, 0.0, d.between(0.08, 0.4)))


def slower_under_noise(d: Draw) -> World:
    """The latencies of the release triple where they always were restless."""
    world = d.world(rps=(3.0, 40.0), histories=(1800.0, 3600.0)).with_services(p95_ms=d.log(90, 500), noise=0.25)
    return world.with_one(world.service, slower=d.between(3.0, 5.0), spikes=0.03)


def crash_without_metrics(d: Draw) -> World:
    world = d.world(rps=(1.0, 40.0)).with_delivery(metrics=False)
    return world.plus(d.harm(world.service, d.log(0.05, 0.5), d.pick((Reach.CHANGED, Reach.POSSIBLE))))


def silence(d: Draw) -> World:
    """The release answers next to nothing: its traffic is gone at once, that of the controls goes on."""
    world = d.world(rps=(3.0, 40.0)).with_services(touched=True, admitted=d.between(0.0, 0.03))
    return replace(world, ambiguous=True)


# --- not cured -------------------------------------------------------------------------------------------


def goes_on(d: Draw) -> World:
    world = d.world()
    return world.with_own(new=world.own.old * d.between(0.9, 1.1))


def falls_to_60(d: Draw) -> World:
    world = d.world(rps=(1.5, 40.0), share=(0.04, 0.5))
    return world.with_own(new=world.own.old * d.between(0.55, 0.65))


def falls_to_30(d: Draw) -> World:
    world = d.world(rps=(1.5, 40.0), share=(0.04, 0.5))
    return world.with_own(new=world.own.old * d.between(0.27, 0.33))


def moves(d: Draw) -> World:
    """The own fingerprint is gone; as many errors come under a new one from the changed file."""
    world = d.world()
    return world.plus(d.harm(world.service, world.own.old * d.between(0.9, 1.1), moved=True))


def nothing_changed_nor_cured(d: Draw) -> World:
    world = good.nothing_changed(d)
    return world.with_own(new=world.own.old)


def goes_on_at_low_traffic(d: Draw) -> World:
    world = good.low_traffic(d)
    return world.with_own(new=world.own.old)


def goes_on_as_traffic_falls(d: Draw) -> World:
    """Fewer errors because there are fewer requests; each is as likely to fail as before."""
    ramp = (d.between(-60, 20), d.between(30, 200))
    world = d.world(rps=(3.0, 40.0)).with_services(factor=1 / d.between(2.5, 5), ramp=ramp)
    return world.with_own(new=world.own.old)


def goes_on_beside_another_fault(d: Draw) -> World:
    world = d.pick((good.fault_before, good.two_faults, good.several_faults))(d)
    return world.with_own(new=world.own.old * d.between(0.8, 1.1))


def goes_on_in_a_job(d: Draw) -> World:
    """The fault comes with a job that runs every few minutes: silence between its runs is no cure."""
    world = good.periodic_job(d)
    return world.with_own(new=world.own.old)


def goes_on_told_late(d: Draw) -> World:
    world = good.late_data(d)
    return world.with_own(new=world.own.old * d.between(0.8, 1.1))


def goes_on_as_the_old_drains(d: Draw) -> World:
    world = good.stragglers(d)
    return world.with_own(new=world.own.old)
