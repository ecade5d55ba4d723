"""Production as rates: services, their traffic and latency, what makes requests fail, and how the sources report it.

Every cause of errors has a share on the replaced release (``old``) and one on the release (``new``), so the truth is
counterfactual: the release did harm when its share is the larger one. Times are seconds from the release.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf

from core.signals.release import Reach


@dataclass(frozen=True)
class Errors:
    """One cause of failed requests in one service.

    ``old`` and ``new`` are shares of the requests, or bursts an hour when ``burst`` (failures in one) is set.
    Without ``fingerprint`` only the metrics tell of it; without ``failing`` only the events do. ``spread``: the
    share's coefficient of variation. ``every``/``lasts``: a periodic job. ``captured``/``copies``: a source that
    samples, two sources that tell the same.
    """

    service: str
    old: float
    new: float
    fingerprint: str | None = None
    own: bool = False
    moved: bool = False  # the own fault under another fingerprint
    reach: Reach = Reach.POSSIBLE
    issue: int | None = None
    begin: float = -inf
    end: float = inf
    ramp: float = 0.0
    every: float = 0.0
    lasts: float = 0.0
    burst: int = 0
    spread: float = 0.0
    failing: bool = True
    captured: float = 1.0
    copies: int = 1
    copies_from: float = -inf


@dataclass(frozen=True)
class Slow:
    """A span in which the service's latencies are ``factor`` times as long."""

    begin: float
    end: float
    factor: float


@dataclass(frozen=True)
class Service:
    """``admitted`` is the share of the traffic that still arrives once the release serves.

    ``slower`` multiplies its latencies, at once or over ``creep`` seconds.
    """

    name: str
    touched: bool
    rps: float
    season: float = 0.0  # amplitude of the day
    phase: float = 0.0  # part of the day at which the release begins
    factor: float = 1.0  # of a ramp of the traffic
    ramp: tuple[float, float] = (0.0, 1.0)  # begin, seconds
    spread: float = 0.0
    admitted: float = 1.0
    p95_ms: float = 120.0
    noise: float = 0.1
    spikes: float = 0.0  # chance of an interval to be several times as slow
    slow: tuple[Slow, ...] = ()
    slower: float = 1.0
    creep: float = 0.0


@dataclass(frozen=True)
class Delivery:
    """How the sources report. ``partial``: an interval is shown while it fills. ``skew``: of the events' clock."""

    interval: float = 30.0
    phase: int = 0  # bins by which intervals begin after the first moment of the history
    partial: bool = False
    lag: float = 0.0
    strays: float = 0.0  # share of events that arrive even later than the lag
    skew: float = 0.0
    gaps: tuple[tuple[float, float], ...] = ()
    p95: float = 1.0  # share of intervals that have one
    empty: bool = True  # intervals without requests are reported
    tagged: bool = True  # events name their release, so stragglers are known as such
    tagged_before: bool = False  # and those before the release are marked as old too
    metrics: bool = True


@dataclass(frozen=True)
class World:
    service: str
    history: float
    services: tuple[Service, ...]
    errors: tuple[Errors, ...]
    drain: float = 0.0  # seconds in which the replaced release still serves some requests
    delivery: Delivery = field(default_factory=Delivery)
    ambiguous: bool = False

    @property
    def own(self) -> Errors:
        return next(cause for cause in self.errors if cause.own)

    @property
    def rps(self) -> float:
        return next(service.rps for service in self.services if service.name == self.service)

    def plus(self, *causes: Errors) -> World:
        return replace(self, errors=(*self.errors, *causes))

    def with_own(self, **changes) -> World:
        return replace(self, errors=tuple(replace(c, **changes) if c.own else c for c in self.errors))

    def with_services(self, touched: bool | None = None, **changes) -> World:
        """All services changed, or the (un)touched ones."""
        wanted = (True, False) if touched is None else (touched,)
        return replace(self, services=tuple(replace(s, **changes) if s.touched in wanted else s for s in self.services))

    def with_one(self, name: str, **changes) -> World:
        return replace(self, services=tuple(replace(s, **changes) if s.name == name else s for s in self.services))

    def with_delivery(self, **changes) -> World:
        return replace(self, delivery=replace(self.delivery, **changes))
