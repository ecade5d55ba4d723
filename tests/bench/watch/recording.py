"""One course of events, drawn from the rates of a ``World``, and what of it has arrived by a look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from core.signals.release import Event, Fault, Interval, Scene
from tests.bench.watch.production import Delivery, Errors, Service, Slow, World

BIN = 5.0  # seconds; rates are constant within a bin, and time 0 is a bin's edge
BLOCK = 6  # bins that share one draw of over-dispersion
LOGIT_95 = np.log(0.95 / 0.05)
PIECES = 5  # events into which the errors of one bin are gathered at most


@dataclass(frozen=True)
class Course:
    """One service's draw, by bin: all requests, failed ones, and the interval reports with their arrival."""

    times: np.ndarray
    requests: np.ndarray
    errors: np.ndarray
    intervals: tuple[tuple[float, Interval], ...]


@dataclass(frozen=True)
class Trace:
    """One cause's draw: events with their arrival; ``before``/``shown``: errors on the replaced and the new release."""

    cause: Errors
    events: tuple[tuple[float, Event], ...]
    before: int  # errors before the release
    shown: int  # errors on the new release


@dataclass(frozen=True)
class Recording:
    world: World
    courses: dict[str, Course]
    traces: tuple[Trace, ...]

    def scene(self, elapsed: float) -> Scene:
        """What has arrived ``elapsed`` seconds after the release."""
        world = self.world
        return Scene(
            service=world.service,
            elapsed=elapsed,
            history=world.history,
            services={name: self._intervals(course, elapsed) for name, course in self.courses.items()},
            touched=frozenset(service.name for service in world.services if service.touched),
            faults=tuple(self._faults(elapsed)),
            lag=world.delivery.lag,
        )

    def _faults(self, elapsed: float) -> Iterator[Fault]:
        for trace in self.traces:
            cause, events = trace.cause, tuple([event for arrives, event in trace.events if arrives <= elapsed])
            if cause.fingerprint and (events or cause.own):
                yield Fault(cause.fingerprint, cause.service, events, cause.own, cause.reach, cause.issue)

    def _intervals(self, course: Course, elapsed: float) -> tuple[Interval, ...]:
        shown = [interval for arrives, interval in course.intervals if arrives <= elapsed]
        if self.world.delivery.partial:
            filling = [(a, i) for a, i in course.intervals if a > elapsed]
            shown += [part for a, i in filling if (part := _so_far(course, i, elapsed - (a - i.at - i.seconds)))]
        return tuple(shown)


def _so_far(course: Course, interval: Interval, until: float) -> Interval | None:
    """The interval with the counts of its bins that end by ``until``; None before the first of them."""
    times, end = course.times, min(until, interval.at + interval.seconds)
    seen = (times >= interval.at) & (times + BIN <= end)
    requests, errors = float(course.requests[seen].sum()), float(course.errors[seen].sum())
    return replace(interval, requests=requests, errors=errors) if requests else None


def record(world: World, rng: np.random.Generator, until: float) -> Recording:
    times = np.arange(-world.history, until, BIN)
    courses, traces = {}, []
    for service in world.services:
        causes = [cause for cause in world.errors if cause.service == service.name]
        requests, counts = _draw(world, service, causes, times, rng)
        failed = sum((old + new for cause, (old, new) in zip(causes, counts, strict=True) if cause.failing), 0 * times)
        course = Course(times, requests, failed, ())
        reports = _reports(world.delivery, service, course, _progress(world, service, times), rng)
        courses[service.name] = replace(course, intervals=reports if world.delivery.metrics else ())
        traces += [_trace(world, cause, times, *count, rng) for cause, count in zip(causes, counts, strict=True)]
    order = rng.permutation(len(traces))
    return Recording(world, courses, tuple(traces[i] for i in order))


def _progress(world: World, service: Service, times: np.ndarray) -> np.ndarray:
    """The share of requests that the new release serves: 0 before it, 1 once the old instances are gone."""
    if not service.touched:
        return np.where(times >= 0, 1.0, 0.0)
    return np.where(times >= 0, 1.0 if world.drain <= 0 else np.clip((times + BIN) / world.drain, 0, 1), 0.0)


def _varied(spread: float, size: int, rng: np.random.Generator) -> np.ndarray:
    """Factors of mean 1 and the coefficient of variation ``spread``, the same for the bins of one block."""
    if spread <= 0:
        return np.ones(size)
    shape = 1 / spread**2
    return np.repeat(rng.gamma(shape, 1 / shape, size // BLOCK + 1), BLOCK)[:size]


def _traffic(service: Service, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    day = 1 + service.season * np.sin(2 * np.pi * (times / 86_400 + service.phase))
    begin, seconds = service.ramp
    ramp = service.factor ** np.clip((times - begin) / seconds, 0, 1)
    admitted = np.where(times >= 0, service.admitted, 1.0)
    return service.rps * BIN * day * ramp * admitted * _varied(service.spread, len(times), rng)


def activity(cause: Errors, times: np.ndarray) -> np.ndarray:
    """0 to 1 by bin: whether the cause is at work, and how far it has grown."""
    grown = np.clip((times - cause.begin) / cause.ramp, 0, 1) if cause.ramp else np.ones(len(times))
    active = np.where((times >= cause.begin) & (times < cause.end), grown, 0.0)
    if cause.every:
        active = np.where((times % cause.every) < cause.lasts, active, 0.0)
    return active


def _draw(world: World, service: Service, causes: list[Errors], times: np.ndarray, rng: np.random.Generator):
    """(requests by bin, [(errors on the old release, on the new one) by bin] for each cause)."""
    progress = _progress(world, service, times)
    requests = rng.poisson(_traffic(service, times, rng))
    on_new = rng.binomial(requests, progress)
    works = [(cause, activity(cause, times) * _varied(cause.spread, len(times), rng)) for cause in causes]
    old = _failures(requests - on_new, [0 * work if cause.burst else work * cause.old for cause, work in works], rng)
    new = _failures(on_new, [0 * work if cause.burst else work * cause.new for cause, work in works], rng)
    counts = []
    for k, (cause, work) in enumerate(works):
        more_old, more_new = _bursts(cause, work, progress, rng)
        requests = requests + (more_old + more_new if cause.failing else 0)
        counts.append((old[:, k] + more_old, new[:, k] + more_new))
    return requests, counts


def _failures(requests: np.ndarray, shares: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Failed requests by bin and cause; a request fails for one cause at most."""
    if not shares:
        return np.zeros((len(requests), 0), dtype=int)
    share = np.stack(shares, axis=1)
    share = share / np.maximum(share.sum(axis=1, keepdims=True), 1.0)
    rest = np.clip(1 - share.sum(axis=1, keepdims=True), 0, 1)
    return rng.multinomial(requests, np.concatenate([share, rest], axis=1))[:, :-1]


def _bursts(cause: Errors, work: np.ndarray, progress: np.ndarray, rng: np.random.Generator):
    """Failures of users who retry: each burst spreads over up to a minute and adds as many requests."""
    old, new = np.zeros(len(work), dtype=int), np.zeros(len(work), dtype=int)
    if cause.burst:
        rates = (cause.old * (1 - progress), cause.new * progress)
        for counts, an_hour in zip((old, new), rates, strict=True):
            for begin in np.flatnonzero(rng.random(len(work)) < an_hour * work * BIN / 3600):
                spots = begin + rng.integers(0, rng.integers(2, 13), rng.poisson(cause.burst))
                np.add.at(counts, np.minimum(spots, len(work) - 1), 1)
    return old, new


def _trace(world: World, cause: Errors, times: np.ndarray, old: np.ndarray, new: np.ndarray, rng) -> Trace:
    told = [*_events(world, cause, times, old, True, rng), *_events(world, cause, times, new, False, rng)]
    told.sort(key=lambda pair: pair[1].at)
    before = int((old + new)[times < 0].sum())
    return Trace(cause, tuple(told), before, int(new[times >= 0].sum()))


def _events(world: World, cause: Errors, times: np.ndarray, counts: np.ndarray, old: bool, rng):
    """Events with their arrival; a bin of many errors becomes a few events with counts."""
    delivery, kept = world.delivery, rng.binomial(counts, cause.captured)
    pieces = np.minimum(kept, PIECES)
    which = np.repeat(np.arange(len(times)), pieces)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    sizes = kept[which] // pieces[which] + (nth < kept[which] % pieces[which])
    copies = np.where(times[which] >= cause.copies_from, cause.copies, 1)
    at, sizes = np.repeat(times[which], copies), np.repeat(sizes, copies)
    at = at + rng.uniform(0, BIN, len(at))
    arrives, stated = at + _delays(delivery, len(at), rng), at + delivery.skew
    marked = (stated >= 0) | delivery.tagged_before if old and delivery.tagged else np.zeros(len(at), dtype=bool)
    told = (Event(*row) for row in zip(stated.tolist(), sizes.tolist(), marked.tolist(), strict=True))
    return zip(arrives.tolist(), told, strict=True)


def _delays(delivery: Delivery, size: int, rng: np.random.Generator) -> np.ndarray:
    usual = np.minimum(rng.exponential(delivery.lag / 3, size), delivery.lag)
    return np.where(rng.random(size) < delivery.strays, delivery.lag * rng.uniform(1, 4, size), usual)


def _reports(delivery: Delivery, service: Service, course: Course, progress: np.ndarray, rng: np.random.Generator):
    """The service's intervals, each with its arrival."""
    bins, seconds = int(delivery.interval / BIN), delivery.interval
    first, count = delivery.phase % bins, (len(course.times) - delivery.phase % bins) // bins
    end, at = first + count * bins, course.times[first] + np.arange(count) * seconds
    sums = [a[first:end].reshape(count, bins).sum(axis=1) for a in (course.requests, course.errors, progress)]
    requests, errors, p95 = sums[0], sums[1], _p95(service, sums[0], at, seconds, sums[2] / bins, rng)
    known = (rng.random(count) < delivery.p95) & (requests > 0)
    arrives = at + seconds + delivery.lag * rng.uniform(0.3, 1, count)
    lost = sum(((begin < at + seconds) & (at < end) for begin, end in delivery.gaps), np.zeros(count, dtype=bool))
    kept = np.flatnonzero(~lost & (delivery.empty | (requests > 0)))
    rows = zip(*(a[kept].tolist() for a in (arrives, at, requests, errors, p95, known)), strict=True)
    return tuple((t, Interval(a, seconds, float(n), float(e), p if k else None)) for t, a, n, e, p, k in rows)


def _p95(service: Service, requests: np.ndarray, at: np.ndarray, seconds: float, progress: np.ndarray, rng):
    """The 95th percentiles of log-logistic latencies: the order statistic of as many requests, times the interval's
    own noise. Few requests make it wild, as they do in production."""
    count, size = np.maximum(requests, 1), len(at)
    rank = np.ceil(0.95 * count)
    place = np.clip(rng.beta(rank, count - rank + 1), 1e-6, 1 - 1e-6)
    sampled = np.exp(0.3 * (np.log(place / (1 - place)) - LOGIT_95))
    spikes = np.where(rng.random(size) < service.spikes, rng.uniform(2, 12, size), 1.0)
    slow = np.prod([_slowed(span, at, seconds) for span in service.slow] or [np.ones(size)], axis=0)
    grown = np.clip(at / service.creep, 0, 1) if service.creep else progress
    noise = np.exp(rng.normal(0, service.noise, size)) * spikes
    return service.p95_ms * sampled * noise * slow * (1 + (service.slower - 1) * grown)


def _slowed(span: Slow, at: np.ndarray, seconds: float) -> np.ndarray:
    """The span's factors for intervals; an interval that it covers by half shows it in full."""
    overlap = np.clip(np.minimum(span.end, at + seconds) - np.maximum(span.begin, at), 0, None) / seconds
    return 1 + (span.factor - 1) * np.minimum(1.0, 2 * overlap)
