"""What one look at a release finds: each fault, each service, its latency, and the fault that it was to cure.

Cured: the issue's own fingerprints are gone while requests arrive that would have met them. Harm: a fingerprint within
the release's reach is new or grew, or a service that runs the build has more errors or is slower, and the rise began
with the release and not with something else: services that cannot have changed are the control, and a rise that
began elsewhere in time, or that another open issue explains, is not the release's. What stays ambiguous is a person's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from statistics import median

from core.models.counted import counted
from core.policy.sections import Watch
from core.signals import timeline
from core.signals.anomaly.degradation import rank_test
from core.signals.anomaly.rates import elsewhere, favours, plus, times
from core.signals.release import Count, Event, Fault, Interval, Reach, Scene
from core.signals.timeline import Bin

SETTLE = 15.0  # seconds in which instances of the replaced release may still answer
NEAR = 30.0  # seconds around the release within which a rise counts as begun with it
GROWTH = tuple(times(factor) for factor in (2, 4, 10, 100, 1000))
SAME = (times(1),)
GONE = (times(0.02), times(0.0005))
LATE = math.log(20)  # odds from which a rise began elsewhere
COMMON = math.log(20)  # odds from which a control service rose too
FEWEST_MOMENTS = 4  # bursts from which a fault counts as going on
CHANGED_MOMENTS = 3  # the same for a fault in a changed file
SHARED, ALIKE = 0.4, 0.7  # of a slowdown that a control shows too: the cause is open; it is not the release
WARM = 45.0  # seconds in which a new instance may be slow: caches are cold
LOOKS = 5  # the rank test is made at every look; so many of them are independent
POINTS = 3  # latencies from which one judges
FEW_REPORTS = 5  # reports of the fault with which nothing can be tested
NAMED = 3  # fingerprints that a sentence names
SAMPLED = 3  # times as many failures as reports: the reports are a sample


class FindingKind(StrEnum):
    CLEAR = "clear"
    SUSPECT = "suspect"  # something rose; too little to say
    DOUBT = "doubt"  # it rose for sure; whether by the release is open
    HARM = "harm"


@dataclass(frozen=True)
class Finding:
    kind: FindingKind
    count: Count


@dataclass(frozen=True)
class Own:
    """The issue's own errors: ln odds of a cure, counts before and after, and what the old rate would have brought."""

    odds: float
    was: float
    now: float
    expected: float
    bursts: int
    fingerprints: tuple[str, ...] = ()

    @property
    def count(self) -> Count:
        name = f"the issue's own error ({', '.join(self.fingerprints[:NAMED]) or 'no reports'})"
        says = f"{name}: {counted(self.now, 'error')} since the release, {self.expected:.1f} expected at its old rate"
        return Count(name, self.was, self.now, says)


@dataclass(frozen=True)
class Look:
    """One scene with the rules it is judged by, and what several findings share."""

    scene: Scene
    rules: Watch

    @property
    def until(self) -> float:
        return max(0.0, self.scene.elapsed - self.scene.lag)

    @property
    def start(self) -> float:
        """Where counting begins after the release."""
        return min(SETTLE, self.until / 4)

    @property
    def certain(self) -> float:
        """ln odds at which harm is certain, shared by all that is compared."""
        compared = 2 * len(self.scene.touched) + len(self.scene.faults)
        return math.log(max(compared, 1) / self.rules.wrong_rollbacks)

    @cached_property
    def faults(self) -> list[tuple[Fault, Finding]]:
        foreign = [f for f in self.scene.faults if not f.own]
        return [(fault, self.fault(fault)) for fault in foreign]

    # --- faults ---------------------------------------------------------------------------------

    @property
    def short(self) -> bool:
        """Did the replaced deployment serve too short a time to be compared with? Older ones then show what is normal,
        but a rise may be its work as well as the release's."""
        return self.scene.baseline < self.rules.earliest

    @property
    def begin(self) -> float:
        """Where the baseline begins: with the replaced deployment, if that served for long enough."""
        return -self.scene.history if self.short else -min(self.scene.history, self.scene.baseline)

    def before(self, service: str) -> list[Bin]:
        return timeline.bins(self.scene, service, self.begin, 0.0)

    def since(self, fault: Fault) -> list[Bin]:
        """Before the release, from the fault's beginning: the calm before that is no part of its rate.

        The fault that the release fixes is older than the replaced deployment, and so is what is known of its rate.
        """
        begin = -self.scene.history if fault.own else self.begin
        return timeline.parts(self.scene, fault.service, max(begin, _onset(fault)), 0.0)

    def after(self, service: str) -> list[Bin]:
        return timeline.bins(self.scene, service, self.start, self.until)

    def fault(self, fault: Fault) -> Finding:
        """Whether another fingerprint speaks against the release."""
        old, new = self.since(fault), timeline.parts(self.scene, fault.service, self.start, self.until)
        was, is_ = timeline.counted(fault.events, old), timeline.counted(fault.events, new)
        name = f"{fault.fingerprint} in {fault.service}"
        if fault.reach is Reach.NONE or not sum(is_):
            return Finding(FindingKind.CLEAR, Count(name, sum(was), sum(is_), "not affected by the release"))
        loose = timeline.spread(was, old)
        rise = favours(timeline.tally(was, old, loose), timeline.tally(is_, new, loose), GROWTH, SAME)
        return Finding(self._kind(fault, rise, loose), self._told(name, sum(was), sum(is_), new))

    def _kind(self, fault: Fault, rise: float, loose: float) -> FindingKind:
        changed = fault.reach is Reach.CHANGED
        bursts = timeline.moments(fault.events, self.start)
        sure = math.log(20) if changed else self.certain
        if fault.outside and fault.excused:
            return FindingKind.CLEAR
        if rise < sure or bursts < (CHANGED_MOMENTS if changed else FEWEST_MOMENTS):
            suspect = not _known(fault) and (rise > 0 or (changed and not _before(fault)))
            return FindingKind.SUSPECT if suspect else FindingKind.CLEAR
        if fault.excused:
            return FindingKind.SUSPECT
        if self.elsewhere(fault.service, fault, loose) > LATE:
            return FindingKind.CLEAR if _known(fault) else FindingKind.DOUBT
        return FindingKind.DOUBT if (self.common or self.short or _known(fault)) and not changed else FindingKind.HARM

    def elsewhere(self, service: str, fault: Fault, loose: float) -> float:
        """ln odds that the fault's rise began at another time than the release."""
        spans = [*self._recent(self.before(service)), *timeline.bins(self.scene, service, 0.0, self.until)]
        return _elsewhere(timeline.counted(fault.events, spans), spans, loose)

    def _recent(self, spans: list[Bin]) -> list[Bin]:
        reach = -max(300.0, self.scene.elapsed)
        return [span for span in spans if span.start >= reach]

    def _told(self, name: str, was: float, now: float, spans: Sequence[Bin]) -> Count:
        seen = "new" if not was else f"{was:.0f} before"
        over = sum(span.exposure for span in spans)
        return Count(
            name, was, now, f"{name}: {counted(now, 'error')} in {counted(over, 'request')} since the release, {seen}"
        )

    # --- services -------------------------------------------------------------------------------

    def _residual(self, service: str, spans: Sequence[Bin], but: Fault | None = None) -> list[float]:
        """Errors of each bin that no innocent fault and no ungrouped report explains; those of ``but`` stay in."""
        innocent = {id(f) for f, found in self.faults if self._innocent(f, found)}
        there = [f for f in self.scene.faults if f.service == service and f is not but]
        explained = [f.events if f.own or id(f) in innocent else _stragglers(f) for f in there]
        explained.append(self.scene.ungrouped.get(service, ()))
        columns = [timeline.counted(events, spans, stragglers=True) for events in explained]
        known = [sum(column) for column in zip(*columns, strict=True)]
        return [max(0.0, e - k) for e, k in zip(self._errors(service, spans), known, strict=True)]

    def _errors(self, service: str, spans: Sequence[Bin]) -> list[float]:
        errors = {i.at: i.errors for i in self.scene.services.get(service, ())}
        return [errors.get(span.start, 0.0) for span in spans]

    def _innocent(self, fault: Fault, found: Finding) -> bool:
        """Does it explain errors of its service that the release did not bring?"""
        if fault.excused:
            return True
        older = _before(fault) or fault.reach is Reach.NONE
        return found.kind is FindingKind.DOUBT or (found.kind is FindingKind.CLEAR and older)

    def rise(self, service: str) -> tuple[float, float, float, float]:
        """(ln odds of a rise, rate before, rate after, dispersion) of a service's unexplained errors."""
        old, new = self.before(service), self.after(service)
        left = self._residual if service in self.scene.touched else self._errors
        was, is_ = left(service, old), left(service, new)
        loose = timeline.spread(was, old)
        a, b = timeline.tally(was, old, loose), timeline.tally(is_, new, loose)
        margin = self.rules.error_rate_margin
        return favours(a, b, [plus(margin * n) for n in (1, 3, 10, 30)], SAME), a.rate, b.rate, loose

    @cached_property
    def common(self) -> bool:
        """Did a service rise that the release cannot have changed?"""
        controls = [s for s in self.scene.services if s not in self.scene.touched]
        return any(self.rise(service)[0] > COMMON for service in controls)

    def service(self, service: str) -> Finding:
        """More errors of a service that runs the build, beyond what known faults explain."""
        odds, was, now, loose = self.rise(service)
        seen = sum(s.exposure for s in self.after(service))
        says = f"{service}: {now:.1%} of {counted(seen, 'request')} failed since the release, {was:.1%} before"
        count = Count(service, was, now, says)
        if now <= was + self.rules.error_rate_margin / 2 or odds <= 0:
            return Finding(FindingKind.CLEAR, count)
        if odds < self.certain or now * seen < 5:
            return Finding(FindingKind.SUSPECT, count)
        spans = [*self._recent(self.before(service)), *timeline.bins(self.scene, service, 0.0, self.until)]
        late = _elsewhere(self._residual(service, spans), spans, loose) > LATE
        return Finding(FindingKind.DOUBT if late or self.common or self.short else FindingKind.HARM, count)

    # --- latency --------------------------------------------------------------------------------

    def latency(self, service: str) -> Finding:
        """A 95th percentile that is higher for good, by factor, floor and rank test, and not so in the controls."""
        points = self.scene.services.get(service, ())
        ratio = self._slowdown(points)
        before, after = self._latencies(points)
        a, b = (median(before) if before else 0.0), (median(after) if after else 0.0)
        count = Count(
            service, a, b, f"{service}: the 95th percentile is {b:.0f} ms since the release, {a:.0f} ms before"
        )
        if ratio is None:
            return Finding(FindingKind.CLEAR, count)
        controls = [r for s, p in self.scene.services.items() if s not in self.scene.touched and (r := self._slower(p))]
        if controls and max(controls) > 1 + (ratio - 1) * SHARED:
            return Finding(FindingKind.CLEAR if max(controls) > 1 + (ratio - 1) * ALIKE else FindingKind.DOUBT, count)
        p_value = rank_test(before[-4 * len(after) :], after)
        sure = len(after) >= POINTS and p_value < self.rules.wrong_rollbacks / LOOKS
        return Finding((FindingKind.DOUBT if self.short else FindingKind.HARM) if sure else FindingKind.SUSPECT, count)

    def _latencies(self, points: Sequence[Interval]) -> tuple[list[float], list[float]]:
        warm = min(WARM, self.until / 4)
        return timeline.latencies(points, self.begin, 0.0), timeline.latencies(points, warm, self.until)

    def _slower(self, points: Sequence[Interval]) -> float | None:
        before, after = self._latencies(points)
        return median(after) / max(median(before), 1e-9) if before and after else None

    def _slowdown(self, points: Sequence[Interval]) -> float | None:
        """Median after over median before, when it is beyond factor and floor and still high; else None."""
        before, after = self._latencies(points)
        if len(before) < POINTS or not after:
            return None
        limit = max(median(before) * self.rules.latency_factor, median(before) + self.rules.latency_floor_ms)
        lasting = min(median(after), median(after[-POINTS:]))
        return lasting / median(before) if lasting > limit else None

    # --- the own fault --------------------------------------------------------------------------

    @cached_property
    def own(self) -> Own:
        """How the issue's own fingerprints fare, all of them together."""
        mine = [fault for fault in self.scene.faults if fault.own]
        parts = [self._own(fault) for fault in mine]
        odds = sum(part.odds for part in parts)
        was, now, expected = (sum(getattr(p, name) for p in parts) for name in ("was", "now", "expected"))
        names = tuple(sorted({fault.fingerprint for fault in mine}))
        return Own(odds, was, now, expected, sum(part.bursts for part in parts), names)

    def _own(self, fault: Fault) -> Own:
        old, new = self.since(fault), timeline.parts(self.scene, fault.service, self.start, self.until)
        a, b = timeline.counted(fault.events, old), timeline.counted(fault.events, new)
        bursts = timeline.moments(fault.events, self.start)
        if self._sampled(fault, sum(a)):
            old, new = self._past(fault), self.after(fault.service)
            a, b = self._residual(fault.service, old, but=fault), self._residual(fault.service, new, but=fault)
            bursts = sum(count > 0 for count in b)
        loose = timeline.spread(a, old)
        before, after = timeline.tally(a, old, loose), timeline.tally(b, new, loose)
        odds = favours(before, after, GONE, [times(self.rules.cured_share), times(0.5), times(1)])
        return Own(odds, before.count, after.count, before.rate * after.exposure, bursts)

    def _sampled(self, fault: Fault, reported: float) -> bool:
        """Are there too few reports to judge by, but many failures that no other fault explains?"""
        others = [f for f in self.scene.faults if not f.own and f.service == fault.service and _before(f)]
        old = self._past(fault)
        left = timeline.tally(self._residual(fault.service, old, but=fault), old)
        many = left.count > SAMPLED * max(reported, 1) and left.rate > self.rules.error_rate_margin
        return many and reported < FEW_REPORTS and not others

    def _past(self, fault: Fault) -> list[Bin]:
        """Whole intervals before the release, from the fault's beginning."""
        whole = timeline.bins(self.scene, fault.service, -self.scene.history, 0.0)
        return [span for span in whole if span.start >= _onset(fault)]

    def uncured(self) -> bool:
        own = self.own
        return own.odds < -self.certain and own.bursts >= FEWEST_MOMENTS and own.now >= 3

    # --- no harm --------------------------------------------------------------------------------

    def cleared(self) -> bool:
        """Is harm excluded with the stated probability of a miss, so that the watch may end early?"""
        wanted = math.log(1 / self.rules.missed_harm)
        return all(self._cleared(service) > wanted for service in self.scene.touched)

    def _cleared(self, service: str) -> float:
        old, new = self.before(service), self.after(service)
        was, is_ = self._residual(service, old), self._residual(service, new)
        loose = timeline.spread(was, old)
        a, b = timeline.tally(was, old, loose), timeline.tally(is_, new, loose)
        step = max(self.rules.error_rate_margin, a.rate / 4)
        return favours(a, b, SAME, [plus(step), plus(3 * step)])

    def blind(self) -> bool:
        """Has no metric interval of the released services come since the release?"""
        points = [i for s in self.scene.touched for i in self.scene.services.get(s, ()) if i.at >= 0]
        return not points

    def requests(self) -> float:
        return sum(s.exposure for service in self.scene.touched for s in self.after(service))


def _onset(fault: Fault) -> float:
    """When a fault from before the release began: the calm before it is no part of its rate."""
    first = min((e.at for e in fault.events), default=0.0)
    return first if first < 0 else -math.inf


def _before(fault: Fault) -> bool:
    return any(e.at < 0 for e in fault.events)


def _stragglers(fault: Fault) -> tuple[Event, ...]:
    return tuple(e for e in fault.events if e.old)


def _known(fault: Fault) -> bool:
    """Does an open issue explain it that began before the release?"""
    return fault.issue is not None and _before(fault)


def _elsewhere(counts: Sequence[float], spans: Sequence[Bin], loose: float) -> float:
    here = [i for i, span in enumerate(spans) if i and abs(span.start) <= NEAR]
    if not here:
        return 0.0
    return elsewhere(counts, [s.exposure for s in spans], range(here[0], here[-1] + 1), loose)
