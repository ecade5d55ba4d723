"""Watch situations with a known truth: what a judge of releases sits an exam on.

``exam(seed)`` draws the same situations for the same seed, whatever is drawn besides. ``practice(count, seed)`` draws
from the families marked ``dev`` only, evenly, and from seeds of their own. Whoever writes the judge may look at
practice; the other families are there to show how it does on what it was not built for.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.policy.sections import Watch
from core.signals.release import Reach, Scene
from tests.bench.watch import bad, good
from tests.bench.watch.draws import Draw
from tests.bench.watch.production import Errors, World
from tests.bench.watch.recording import Recording, Trace, record

PATIENCE = 2  # times the policy's seconds: the bound of a watch
SLACK = 60.0  # seconds recorded past the bound: the last look may be late
FEWEST = 3  # errors from which an expert no longer asks whether they mean anything
ATTEMPTS = 200


@dataclass(frozen=True)
class Family:
    """``count`` situations of one kind in an exam. ``dev``: whoever writes the judge may see such ones."""

    make: Callable[[Draw], World]
    truth: str
    count: int
    dev: bool

    @property
    def name(self) -> str:
        return self.make.__name__


def _table(truth: str, module, rows: str) -> tuple[Family, ...]:
    cells = [row.split() for row in rows.strip().splitlines()]
    return tuple(Family(getattr(module, c[0]), truth, int(c[1]), c[2:] == ["dev"]) for c in cells)


FAMILIES = (
    *_table("good", good, """
        quiet 7 dev
        steady_background 8 dev
        background_of_a_sibling 4 dev
        background_in_metrics_only 5
        retrying_user 5 dev
        uneven_background 5
        fault_before 5 dev
        fault_during 6
        fault_after 6 dev
        fault_of_a_sibling 5
        fault_of_a_control 4 dev
        fault_seconds_before 5 dev
        revoked_credential 5
        upstream_outage 5 dev
        slow_machine 5 dev
        season 4
        traffic_ramp 5 dev
        low_traffic 5 dev
        hardly_any_traffic 4
        rare_fault 5 dev
        stragglers 5 dev
        unmarked_stragglers 4
        late_data 5 dev
        metric_gaps 4
        missing_p95 3 dev
        skewed_clock 4
        noisy_latency 5 dev
        cold_start 4
        two_faults 5 dev
        several_faults 5
        duplicate_source 4
        sampled_source 3
        nothing_changed 8
        other_release 3
        no_metrics 2
        periodic_job 3
        scanner 2
    """),
    *_table("harm", bad, """
        crash_in_the_change 9 dev
        crash_of_a_caller 8 dev
        rare_crash 7 dev
        grown_fivefold 5 dev
        grown_twofold 5
        errors_without_fingerprint 7 dev
        slower_release 7 dev
        leak 3
        late_crash 2
        crash_under_noise 6 dev
        crash_beside_another_fault 6
        crash_during_an_outage 3
        crash_at_low_traffic 5
        cure_and_crash_elsewhere 6 dev
        crash_told_late 4
        crash_in_a_ramp 4
        crash_as_the_old_drains 4
        errors_on_a_slow_machine 3
        slower_under_noise 3
        crash_without_metrics 2
        silence 2
    """),
    *_table("uncured", bad, """
        goes_on 7 dev
        falls_to_60 5 dev
        falls_to_30 5
        moves 6 dev
        nothing_changed_nor_cured 5
        goes_on_at_low_traffic 4
        goes_on_as_traffic_falls 4 dev
        goes_on_beside_another_fault 4
        goes_on_in_a_job 3
        goes_on_told_late 3
        goes_on_as_the_old_drains 3
    """),
)  # fmt: skip
PRACTICE = tuple(family for family in FAMILIES if family.dev)


@dataclass(frozen=True)
class Situation:
    """One watch. ``world`` is its recipe; ``looks`` gives what the judge sees, in time."""

    family: str
    truth: str
    key: tuple[int, ...]  # seeds the draw
    world: World
    rules: Watch

    @cached_property
    def recording(self) -> Recording:
        return record(self.world, np.random.default_rng((*self.key, 1)), self.bound + SLACK)

    @property
    def bound(self) -> float:
        return self.rules.seconds * PATIENCE

    @property
    def ambiguous_ok(self) -> bool:
        """Would even an expert ask a person?"""
        return self.world.ambiguous or any(_doubtful(trace) for trace in self.recording.traces)

    @property
    def harm_shows(self) -> float:
        """Seconds after the release from which the harm can be seen: its errors begin, or its latency has grown by
        what the policy allows. 0 when at once."""
        errors = [max(cause.begin, 0.0) for cause in self.world.errors if _harmful(cause)]
        allowed = self.rules.latency_factor - 1
        latency = [s.creep * allowed / (s.slower - 1) for s in self.world.services if s.slower > 1]
        return min(errors + latency, default=0.0)

    def looks(self) -> Iterator[Scene]:
        """A scene for each look, some seconds more than ``every`` apart, up to the first one past the bound."""
        chance, elapsed = np.random.default_rng((*self.key, 2)), 0.0
        while elapsed < self.bound:
            elapsed = round(elapsed + self.rules.every + float(chance.uniform(0, 2)), 1)
            yield self.recording.scene(elapsed)


def exam(seed: int, rules: Watch | None = None) -> Iterator[Situation]:
    rules = rules or Watch()
    return (draw(family, "exam", seed, i, rules) for family in FAMILIES for i in range(family.count))


def practice(count: int, seed: int = 0, rules: Watch | None = None) -> Iterator[Situation]:
    rules, chance = rules or Watch(), np.random.default_rng((zlib.crc32(b"mix"), seed))
    return (draw(PRACTICE[chance.integers(len(PRACTICE))], "practice", seed, i, rules) for i in range(count))


def draw(family: Family, space: str, seed: int, index: int, rules: Watch) -> Situation:
    """The first draw that is fair: what decides it can be seen in its events."""
    for attempt in range(ATTEMPTS):
        key = (zlib.crc32(f"{space} {family.name}".encode()), seed, index, attempt)
        world = family.make(Draw(np.random.default_rng((*key, 0))))
        situation = Situation(family.name, truth(world), key, world, rules)
        if fair(situation):
            return situation
    raise AssertionError(f"{family.name}: no fair draw in {ATTEMPTS}")


# --- the truth -------------------------------------------------------------------------------------


def truth(world: World) -> str:
    """What the stated rates say: compared is the release with what the replaced one would have done."""
    slower = any(service.slower > 1 or service.admitted < 0.5 for service in world.services)
    if slower or any(_harmful(cause) for cause in world.errors):
        return "harm"
    return "uncured" if any((c.own or c.moved) and c.new > 0 for c in world.errors) else "good"


def _harmful(cause: Errors) -> bool:
    return cause.new > cause.old and not cause.own and not cause.moved


def _guilty(cause: Errors) -> bool:
    return cause.new > 0 if cause.own else cause.new > cause.old


def _suspect(cause: Errors) -> bool:
    """Is it another's fault that reach alone does not acquit?"""
    return bool(cause.fingerprint) and not cause.own and cause.old == cause.new and cause.reach is not Reach.NONE


def fair(situation: Situation) -> bool:
    traces = situation.recording.traces
    known = all(trace.before >= FEWEST for trace in traces if trace.cause.own)
    seen = all(trace.shown > 0 for trace in traces if _guilty(trace.cause))
    acquitted = all(t.before >= FEWEST for t in traces if _suspect(t.cause) and t.cause.begin < 0 and not t.cause.issue)
    return known and seen and acquitted


def _doubtful(trace: Trace) -> bool:
    """Too few errors to be sure of; a cure by two thirds; a growth that an open issue may explain; a suspect that
    was not seen before the release, or that a second source tells of only since."""
    cause = trace.cause
    if _guilty(cause):
        partly = cause.own and cause.new < 0.4 * cause.old
        return trace.shown < FEWEST or partly or (cause.issue is not None)
    return _suspect(cause) and (trace.before < FEWEST or cause.copies_from > 0)
