"""What one look at a release finds: each fault, each service, its latency, and the fault that it was to cure.

Cured: the issue's own fingerprints are gone while requests arrive that would have met them. Harm: a fingerprint within
the release's reach is new or grew, or a service that runs the build has more errors or is slower, and the rise began
with the release and not with something else: services that cannot have changed are the control, and a rise that
began elsewhere in time, or that another open issue explains, is not the release's. What stays ambiguous is a person's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from core.models.counted import counted
from core.policy.sections import Watch
from core.signals import timeline
from core.signals.anomaly.rates import Change, plus, times
from core.signals.release import Count, Fault, Finding, FindingKind, Reach, Scene
from core.signals.release_latency import Latency
from core.signals.release_own import Own
from core.signals.release_series import Series, begun_elsewhere
from core.signals.release_speed import recovered
from core.signals.release_traffic import Traffic
from core.signals.timeline import Bin

SETTLE = 15.0  # seconds in which instances of the replaced release may still answer
EXCHANGE = 30.0  # seconds after which the instances are exchanged, so that failures are no longer those of the exchange

GROWTH = tuple(times(factor) for factor in (2, 4, 10, 100, 1000))
FALLEN = tuple(times(factor) for factor in (0.7, 0.5, 0.25, 0.1))
GONE = (times(0.02), times(0.0005))
LATE = math.log(20)  # odds from which a rise began elsewhere
COMMON = math.log(20)  # odds from which a control service rose too
MENTION = math.log(3)  # odds below which evidence is not worth more than a bare mention (Kass and Raftery 1995)
FEWEST_MOMENTS = 4  # bursts from which a fault counts as going on
CHANGED_MOMENTS = 3  # the same for a fault in a changed file
FEW_REPORTS = 5  # reports of the fault with which nothing can be tested
FEWEST_BINS = 3  # intervals that make a baseline
SAMPLED = 3  # times as many failures as reports: the reports are a sample


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
    def settled(self) -> bool:
        """Is the exchange of instances over? Until then both releases answer, and connections break."""
        return self.scene.elapsed >= min(EXCHANGE, self.rules.earliest, self.rules.seconds / 2)

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
        return timeline.parts(self.scene, fault.service, max(begin, fault.onset), 0.0)

    def after(self, service: str) -> list[Bin]:
        return timeline.bins(self.scene, service, self.start, self.until)

    def counts(self, fault: Fault, begin: float | None = None) -> Series:
        """Its errors before the release, from ``begin`` or else from its own beginning, and since.

        A source that sums up its errors dates the sum by the last of them. An error that names the replaced release
        therefore counts as one from before this release, whatever its time.
        """
        old = self.since(fault) if begin is None else timeline.parts(self.scene, fault.service, begin, 0.0)
        new = timeline.parts(self.scene, fault.service, self.start, self.until)
        was = timeline.counted(fault.events, old)
        if was:
            was[-1] += sum(event.count for event in fault.stragglers if event.at >= 0)
        return Series(was, old, timeline.counted(fault.events, new), new)

    def fault(self, fault: Fault) -> Finding:
        """Whether another fingerprint speaks against the release."""
        series = self.counts(fault)
        name, was, now = f"{fault.fingerprint} in {fault.service}", sum(series.was), sum(series.now)
        if fault.reach is Reach.NONE or not (now or self._fresh(fault)):
            return Finding(FindingKind.CLEAR, Count(name, was, now, "not affected by the release"))
        return Finding(self._kind(fault, series), self._told(name, was, now, series.new))

    def _fresh(self, fault: Fault) -> bool:
        """Is it new, and so young that the metrics do not reach it yet?"""
        return not fault.older and any(e.at >= self.start and not e.old for e in fault.events)

    def _kind(self, fault: Fault, series: Series) -> FindingKind:
        if fault.outside and fault.excused:
            return FindingKind.CLEAR
        rise, enough = series.odds(GROWTH), math.log(20) if fault.reach is Reach.CHANGED else self.certain
        if rise < enough or not self._goes_on(fault) or series.usual:
            suspect = not fault.known and (rise > 0 or self._fresh(fault))
            return FindingKind.SUSPECT if suspect else FindingKind.CLEAR
        return self._of_rise(fault, series)

    def _of_rise(self, fault: Fault, series: Series) -> FindingKind:
        """It rose for certain: is the rise the release's?"""
        changed = fault.reach is Reach.CHANGED
        if fault.excused or not (changed or self.settled):
            return FindingKind.SUSPECT
        if changed and not fault.older:
            return FindingKind.HARM  # whenever it began: nobody has seen it, and its stack leads through the change
        if self.elsewhere(fault.service, fault, series.spread) > LATE:
            return FindingKind.CLEAR if fault.known else FindingKind.DOUBT
        return FindingKind.DOUBT if self._ambiguous(fault) else FindingKind.HARM

    def _ambiguous(self, fault: Fault) -> bool:
        """May load have caused its rise, or what else rose, the replaced release or another open issue?"""
        if fault.older and self._requests.busier(fault.service):
            return True
        return fault.reach is not Reach.CHANGED and (self.common or self.short or fault.known)

    def _goes_on(self, fault: Fault) -> bool:
        """Does it come in several bursts, and in the later half of the time since the release too?"""
        fewest = CHANGED_MOMENTS if fault.reach is Reach.CHANGED else FEWEST_MOMENTS
        half = (self.start + self.until) / 2
        return timeline.moments(fault.events, self.start) >= fewest and timeline.moments(fault.events, half) > 0

    def elsewhere(self, service: str, fault: Fault, loose: float) -> float:
        """ln odds that the fault's rise began at another time than the release."""
        spans = [*self._recent(self.before(service)), *timeline.bins(self.scene, service, 0.0, self.until)]
        return begun_elsewhere(timeline.counted(fault.events, spans), spans, loose)

    def _recent(self, spans: Sequence[Bin]) -> list[Bin]:
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
        there = [f for f in self.scene.faults if f.service == service and f is not but]
        explained = [f.events if f.own or id(f) in self._innocents else f.stragglers for f in there]
        explained.append(self.scene.ungrouped.get(service, ()))
        columns = [timeline.counted(events, spans, stragglers=True) for events in explained]
        known = [sum(column) for column in zip(*columns, strict=True)]
        return [max(0.0, e - k) for e, k in zip(self._errors(service, spans), known, strict=True)]

    def _errors(self, service: str, spans: Sequence[Bin]) -> list[float]:
        errors = {i.at: i.errors for i in self.scene.services.get(service, ())}
        return [errors.get(span.start, 0.0) for span in spans]

    @cached_property
    def _innocents(self) -> set[int]:
        return {id(fault) for fault, found in self.faults if self._innocent(fault, found)}

    def _innocent(self, fault: Fault, found: Finding) -> bool:
        """Does it explain errors of its service that the release did not bring?"""
        if fault.excused:
            return True
        older = fault.older or (fault.reach is Reach.NONE and found.kind is FindingKind.CLEAR)
        return found.kind is FindingKind.DOUBT or (found.kind is not FindingKind.HARM and older)

    def rates(self, service: str) -> Series:
        """A service's errors; of one that runs the build those that nothing explains."""
        old, new = self.before(service), self.after(service)
        left = self._residual if service in self.scene.touched else self._errors
        old = self._calm(service, old, left(service, old))
        return Series(left(service, old), old, left(service, new), new)

    def _calm(self, service: str, old: list[Bin], counts: Sequence[float]) -> list[Bin]:
        """The baseline before the cured fault, where errors that no report tells of came with that fault: its source
        samples, and what it hides would hide as many errors of the release."""
        first = min((e.at for f in self.scene.faults if f.own and f.service == service for e in f.events), default=0.0)
        calm = sum(span.end <= first for span in old)
        if calm < FEWEST_BINS or service not in self.scene.touched:
            return old
        dirty = Series(counts[:calm], old[:calm], counts[calm:], old[calm:]).odds(self._more)
        return old[:calm] if dirty > LATE else old

    @cached_property
    def common(self) -> bool:
        """Did something rise that the release cannot have changed: a service's errors, or a fault of it?"""
        touched = self.scene.touched
        others = [f for f in self.scene.faults if f.service not in touched and self._goes_on(f)]
        rises = [self.rates(s).odds(self._more) for s in self.scene.services if s not in touched]
        return max([*rises, *(self.counts(fault, self.begin).odds(GROWTH) for fault in others)], default=0.0) > COMMON

    @property
    def _more(self) -> list[Change]:
        return [plus(self.rules.error_rate_margin * n) for n in (1, 3, 10, 30)]

    def service(self, service: str) -> Finding:
        """More errors of a service that runs the build, beyond what known faults explain."""
        series = self.rates(service)
        was, now, seen = series.before.rate, series.after.rate, series.after.exposure
        message = f"{service}: {now:.1%} of {counted(seen, 'request')} failed since the release, {was:.1%} before"
        return Finding(self._risen(service, series), Count(service, was, now, message))

    def _risen(self, service: str, series: Series) -> FindingKind:
        odds, lately, margin = series.odds(self._more), series.later.odds(self._more), self.rules.error_rate_margin
        if series.after.rate <= series.before.rate + margin / 2 or odds <= MENTION or lately < -MENTION:
            return FindingKind.SUSPECT if self._hidden(service, series) else FindingKind.CLEAR
        spans = timeline.bins(self.scene, service, 0.0, self.until)
        if odds < self.certain or lately <= MENTION or not self._provable(series, len(spans)):
            return FindingKind.SUSPECT
        spans = [*(self._recent(series.old) or series.old), *spans]
        return FindingKind.DOUBT if self._doubtful(service, spans, series.spread) else FindingKind.HARM

    def _provable(self, series: Series, intervals: int) -> bool:
        """Is it enough to judge by: after the exchange, and more than the service has had before?"""
        return self.settled and not series.usual and series.after.count >= 5 and intervals >= 2

    def _doubtful(self, service: str, spans: Sequence[Bin], loose: float) -> bool:
        """May what else rose or the replaced release have caused the rise, or did it begin at another time?"""
        if self.common or self.short:
            return True
        return begun_elsewhere(self._residual(service, spans), spans, loose) > LATE

    def _hidden(self, service: str, series: Series) -> bool:
        """Did unexplained errors fall with the cure, but not go? Before, they were the cured fault's where a source
        samples its reports; so those that are left may be new."""
        if service != self.scene.service or series.after.rate <= self.rules.error_rate_margin:
            return False
        others = [f for f in self.scene.faults if f.service == service and not f.own and f.older]
        return not any(sum(self.counts(f).now) for f in others) and series.odds(FALLEN) > LATE

    @property
    def _requests(self) -> Traffic:
        return Traffic(self.scene, self.begin, self.start, self.until)

    def traffic(self, service: str) -> Finding:
        return self._requests.finding(service)

    def latency(self, service: str) -> Finding:
        found = Latency(self.scene, self.rules, self.begin, self.until).finding(service)
        return replace(found, kind=FindingKind.DOUBT) if self.short and found.kind is FindingKind.HARM else found

    # --- the own fault --------------------------------------------------------------------------

    @cached_property
    def own(self) -> Own:
        """How the issue's own fingerprints fare, all of them together; of a slowdown, how the latency does."""
        if self.scene.slowness:
            return recovered(self.scene, self.scene.slowness, self.start, self.until)
        mine = [fault for fault in self.scene.faults if fault.own]
        parts = [self._own(fault) for fault in mine]
        names = ("odds", "lately", "was", "now", "expected", "bursts")
        sums: dict[str, Any] = {name: sum(getattr(part, name) for part in parts) for name in names}
        return Own(**sums, fingerprints=tuple(sorted({fault.fingerprint for fault in mine})))

    def _own(self, fault: Fault) -> Own:
        series, bursts = self.counts(fault), timeline.moments(fault.events, self.start)
        if self._sampled(fault, sum(series.was)):
            old, new = self._past(fault), self.after(fault.service)
            left = (self._residual(fault.service, spans, but=fault) for spans in (old, new))
            series = Series(next(left), old, next(left), new)
            bursts = sum(count > 0 for count in series.now)
        kept = [times(self.rules.cured_share), times(0.5), times(1)]
        before, after = series.before, series.after
        lately = series.later.later.odds(GONE, kept)
        return Own(series.odds(GONE, kept), lately, before.count, after.count, before.rate * after.exposure, bursts)

    def _sampled(self, fault: Fault, reported: float) -> bool:
        """Are there too few reports to judge by, but many failures that no other fault explains?"""
        others = [f for f in self.scene.faults if not f.own and f.service == fault.service and f.older]
        old = self._past(fault)
        left = timeline.tally(self._residual(fault.service, old, but=fault), old)
        many = left.count > SAMPLED * max(reported, 1) and left.rate > self.rules.error_rate_margin
        return many and reported < FEW_REPORTS and not others

    def _past(self, fault: Fault) -> list[Bin]:
        """Whole intervals before the release, from the fault's beginning."""
        whole = timeline.bins(self.scene, fault.service, -self.scene.history, 0.0)
        onset = fault.onset
        return [span for span in whole if span.start >= onset]

    def uncured(self) -> bool:
        own = self.own
        return (
            self.settled
            and own.odds < -self.certain
            and own.lately < 0
            and own.bursts >= FEWEST_MOMENTS
            and own.now >= 3
        )

    # --- no harm --------------------------------------------------------------------------------

    def cleared(self) -> bool:
        """Is harm excluded with the stated probability of a miss, so that the watch may end early?"""
        wanted = math.log(1 / self.rules.missed_harm)
        return all(self._cleared(service) > wanted for service in self.scene.touched)

    def _cleared(self, service: str) -> float:
        series = self.rates(service)
        step = max(self.rules.error_rate_margin, series.before.rate / 4)
        return -series.odds([plus(step), plus(3 * step)])

    def blind(self) -> bool:
        """Has no metric interval of the released services come since the release?"""
        points = [i for s in self.scene.touched for i in self.scene.services.get(s, ()) if i.at >= 0]
        return not points

    def requests(self) -> float:
        return sum(s.exposure for service in self.scene.touched for s in self.after(service))
