"""Types for judging a release from what production reports: is the error fixed, and did the release cause a regression?

Pure. A ``Scene`` holds everything one look can know; ``judge`` returns a ``Judgement``. All times are seconds from
the moment the release began to serve (``ready_at``): negative is before it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Reach(StrEnum):
    """How far a fault lies within what the release can touch."""

    CHANGED = "changed"  # its stack passes through a file that the release changed
    POSSIBLE = "possible"  # same deployment: its code imports a changed file, or is imported by one
    NONE = "none"  # another deployment, or code that shares nothing with the change


@dataclass(frozen=True)
class Interval:
    """One metric interval of one service. ``at`` is its start; ``requests`` and ``errors`` are counts."""

    at: float
    seconds: float
    requests: float
    errors: float
    p95_ms: float | None = None


@dataclass(frozen=True)
class Event:
    """``count`` errors at one time. ``old``: they name the replaced release, so they are stragglers of it."""

    at: float
    count: int = 1
    old: bool = False


@dataclass(frozen=True)
class Fault:
    """One fingerprint's errors in one service, before and after the release.

    ``own``: the issue that the release fixes. ``issue``: another open issue that explains it, when there is one.
    ``outside``: the analysis found its cause outside of the code. ``unread``: it is not analysed yet.
    """

    fingerprint: str
    service: str
    events: tuple[Event, ...]
    own: bool = False
    reach: Reach = Reach.POSSIBLE
    issue: int | None = None
    outside: bool = False
    unread: bool = False

    @property
    def excused(self) -> bool:
        """Is something else than the release its cause, or may be until it is analysed?"""
        return self.reach is not Reach.CHANGED and (self.outside or self.unread)

    @property
    def older(self) -> bool:
        """Was it seen before the release, or in the replaced one?"""
        return any(event.at < 0 or event.old for event in self.events)

    @property
    def onset(self) -> float:
        """When a fault from before the release began: the calm before it is no part of its rate."""
        first = min((event.at for event in self.events), default=0.0)
        return first if first < 0 else -math.inf

    @property
    def known(self) -> bool:
        """Does an open issue explain it that began before the release?"""
        return self.issue is not None and self.older

    @property
    def stragglers(self) -> tuple[Event, ...]:
        return tuple(event for event in self.events if event.old)


@dataclass(frozen=True)
class Slowness:
    """The slowdown that a release is to cure: the usual 95th percentile and that of the slowdown, in ms.

    ``since``: when it began.
    """

    usual: float
    slow: float
    since: float


@dataclass(frozen=True)
class Scene:
    """What one look knows. ``elapsed``: seconds since the release. ``history``: seconds before it that are covered.

    ``services`` holds the metric intervals of every service; those named in ``touched`` run the released build, the
    others are controls that no release of this repository can change. Metrics and events may arrive late: whatever
    happened in the last ``lag`` seconds may still be missing. ``baseline``: seconds for which the replaced deployment
    had served. What came before is another build's: it says nothing about what this release changed. ``ungrouped``:
    errors since the release by service whose fault is not known yet. ``slow``: when services became slow before the
    release, by another open issue.
    """

    service: str  # of the issue
    elapsed: float
    history: float
    services: Mapping[str, tuple[Interval, ...]]
    touched: frozenset[str]
    faults: tuple[Fault, ...] = ()
    lag: float = 0.0
    baseline: float = math.inf
    ungrouped: Mapping[str, tuple[Event, ...]] = field(default_factory=dict)
    slowness: Slowness | None = None  # of an issue about latency, which has no errors of its own
    slow: Mapping[str, float] = field(default_factory=dict)


class State(StrEnum):
    WATCHING = "watching"  # undecided: look again
    VERIFIED = "verified"  # cured, and no harm
    UNEXERCISED = "unexercised"  # no harm within the bound, but nothing met the fixed code
    UNCURED = "uncured"  # the error persists: roll back
    HARM = "harm"  # the release does harm: roll back
    UNSURE = "unsure"  # ambiguous at the end of the bound: ask a person


@dataclass(frozen=True)
class Count:
    """One line of evidence: a fingerprint or a service, its counts before and after, and a sentence."""

    name: str
    before: float
    after: float
    message: str


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
class Judgement:
    state: State
    message: str
    counts: tuple[Count, ...] = field(default=())
    rates: tuple[str, ...] = ()  # the harm is seen in these services' own figures alone, and in no fingerprint
    open: bool = False  # undecided: something rose, or too few requests came, so harm may show yet
