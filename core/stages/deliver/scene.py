"""The scene of a release for the judge: the metric points and signals of production, from the database.

Errors of one fingerprint in one service are one fault. If several sources report an issue, only one of them counts,
so that no error is counted twice.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median_low

from sqlalchemy import Row
from sqlmodel import Session, col, func, select

from core.db import bulk, store
from core.db.columns import select_columns
from core.models import (
    Cause,
    ChangeSet,
    Connector,
    Crash,
    Deployment,
    Issue,
    Kind,
    Metric,
    MetricPoint,
    ServiceHealth,
    Signal,
)
from core.runtime import Runtime
from core.signals import health
from core.signals.analysis.corroboration import names_of
from core.signals.grouping import stack
from core.signals.health import best_source
from core.signals.release import Event, Fault, Interval, Reach, Scene
from core.stages.collect import CHUNK, LATER
from core.stages.deliver import slowness, traffic
from core.stages.review.gates import touched
from core.vendors.base import VendorError

HISTORY = timedelta(hours=1)  # before the release; errors count as new against this history
UNSETTLED = timedelta(minutes=2)  # metric intervals this young may still change
MOST_SIGNALS = 20_000
CRASHES = 3  # newest crashes of a fault from which its files are read
COUNTED = (Kind.EXCEPTION, Kind.LOG)
SHORT_SHA = 7  # vendors may shorten a commit's name to so many digits
EARLY = 60.0  # seconds before a release is found ready in which it may already serve
UNREAD = timedelta(seconds=60)  # how long a report may wait for grouping, and its fault for analysis
OUTSIDE = (Cause.UPSTREAM, Cause.CREDENTIAL, Cause.ENVIRONMENT)  # causes that a code change does not introduce
REPLACED = "replaced_since"  # key in Deployment.judged: when production began to serve the replaced deployment


@dataclass(frozen=True)
class Release:
    """The judged deployment and its change set."""

    issue: Issue
    change: ChangeSet
    row: Deployment
    services: frozenset[str]  # that run the build

    @property
    def ready(self) -> datetime:
        if self.row.ready_at is None:
            raise ValueError(f"deployment {self.row.id} was never ready")
        return self.row.ready_at

    @property
    def begun(self) -> datetime:
        """When it served its first share of the traffic; the time before that is its baseline."""
        return traffic.begun(self.row) or self.ready

    @property
    def since(self) -> datetime:
        return self.begun - HISTORY

    def outside(self, column):
        """SQL condition on a time: outside of the traffic steps, during which two releases served in parallel."""
        return (column < self.begun) | (column >= self.ready)

    @property
    def same_environment(self):
        """SQL condition on a signal: of the issue's environment. Sources name it differently; each name counts."""
        return func.lower(Signal.environment).in_(names_of(self.issue.environment))

    @property
    def files(self) -> frozenset[str]:
        return frozenset(map(stack.normal_file, touched(self.change.patch)))

    @property
    def baseline(self) -> float:
        """Seconds for which the replaced deployment had served; infinite if unknown."""
        since = self.row.judged.get(REPLACED)
        return max(0.0, -self.seconds(datetime.fromisoformat(since))) if since else math.inf

    def seconds(self, at: datetime) -> float:
        """Seconds since it began to serve; negative before that. The time of its traffic steps does not count."""
        return (at - (self.begun if at < self.begun else self.ready)).total_seconds()


def services_of(rt: Runtime, repository: str) -> frozenset[str]:
    return frozenset(name for name, service in rt.policy.services.items() if service.repository == repository)


# --- metric points -----------------------------------------------------------------------------------


def refresh(rt: Runtime, since: datetime, until: datetime) -> str:
    """Store the missing metric points of all services; returns the vendor's error, if any."""
    if rt.health is None:
        return "no source of metrics is connected"
    with store.read() as session:
        newest = session.exec(select(func.max(Metric.at)).where(Metric.source == rt.health.name)).one()
    begin = max(since, min(newest, until) - UNSETTLED) if newest else since
    try:
        keep(rt.health.points(list(rt.policy.services), begin, until))
    except VendorError as error:
        return str(error)
    return ""


def keep(points: Sequence[MetricPoint]) -> None:
    """Store points; the later value of an interval replaces the earlier one."""
    for start in range(0, len(points), CHUNK):
        with store.write() as session:
            bulk.insert(session, Metric, [point.model_dump() for point in points[start : start + CHUNK]], LATER)


def build(session: Session, rt: Runtime, release: Release, at: datetime) -> Scene:
    """The scene of a deployment as of ``at``."""
    rows = _signals(session, release, at)
    history = HISTORY.total_seconds()
    if len(rows) == MOST_SIGNALS:  # older rows were left out, so nothing earlier is known
        history = min(history, max(0.0, -release.seconds(rows[-1].at)))
    services = _intervals(session, rt, release, at)
    return Scene(
        service=release.issue.service,
        elapsed=release.seconds(at),
        history=history,
        services=services,
        touched=release.services,
        faults=tuple(_faults(session, release, rows, at, frozenset(rt.policy.services) - release.services)),
        baseline=release.baseline,
        ungrouped=_ungrouped(session, release, at),
        slowness=slowness.of(session, rt, release.issue, release.ready),
        slow=slowness.known(session, release.issue, release.since, release.ready),
        lag=max(_metric_lag(release, services, at), _report_lag(session, release.issue, at)),
    )


def _metric_lag(release: Release, services: Mapping[str, Sequence[Interval]], at: datetime) -> float:
    """Seconds since the last metric interval of the released services ended."""
    elapsed = release.seconds(at)
    ends = [i.at + i.seconds for name in release.services for i in services.get(name, ())]
    return max(0.0, elapsed - max(ends, default=elapsed))


def _report_lag(session: Session, issue: Issue, at: datetime) -> float:
    """Seconds since the source that counts the issue's errors was last read: later errors may be missing."""
    source = session.get(Connector, issue.counted_by) if issue.counted_by else None
    if source is None or source.last_success is None:
        return 0.0
    return max(0.0, (at - source.last_success).total_seconds())


def _intervals(session: Session, rt: Runtime, release: Release, at: datetime) -> Mapping[str, tuple[Interval, ...]]:
    source = best_source(session, rt.policy.watch.source, release.since)
    rows = session.exec(
        select(Metric.service, Metric.at, Metric.name, Metric.value).where(
            Metric.source == source,
            release.outside(col(Metric.at)),
            col(Metric.service).in_(list(rt.policy.services)),
            col(Metric.at) >= release.since,
            col(Metric.at) < at,
        )
    ).all()
    found: dict[str, dict[float, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for service, when, name, value in rows:
        found[service][release.seconds(when)][name] = value
    return {service: _joined(points) for service, points in found.items()}


def _joined(points: Mapping[float, Mapping[str, float]]) -> tuple[Interval, ...]:
    """Merge the points of one time into one interval, of the usual length or until the next one begins."""
    times = sorted(points)
    gaps = [b - a for a, b in pairwise(times)]
    usual = median_low(gaps) if gaps else 0.0
    return tuple(_interval(at, min(usual, gap), points[at]) for at, gap in zip(times, [*gaps, usual], strict=True))


def _interval(at: float, seconds: float, values: Mapping[str, float]) -> Interval:
    return Interval(at, seconds, values.get("requests", 0.0), values.get("errors", 0.0), values.get("p95_ms"))


def health_before(rt: Runtime, services: Sequence[str], at: datetime) -> dict[str, ServiceHealth]:
    """The services' health in the watch time before a release; its points are kept."""
    if rt.health is None:
        return {}
    points = rt.health.points(list(rt.policy.services), at - HISTORY, at)
    keep(points)
    recent = [p for p in points if p.at >= at - timedelta(seconds=rt.policy.watch.seconds)]
    return health.by_service(recent, services)


# --- faults ------------------------------------------------------------------------------------------


def _signals(session: Session, release: Release, at: datetime) -> Sequence[Row]:
    """Errors of the issue's environment, newest first. An error that is not grouped yet has no fingerprint."""
    grouped = col(Signal.issue_id).is_not(None) | col(Signal.set_aside).is_not(None)
    return session.connection().execute(
        select_columns(
            Signal.id, Signal.source, Signal.service, Signal.at, col(Signal.count).label("number"),
            Signal.release, Signal.fingerprint, Signal.title, Signal.issue_id,
        )
        .where(
            col(Signal.at) >= release.since,
            col(Signal.at) <= at,
            release.outside(col(Signal.at)),
            col(Signal.kind).in_(COUNTED),
            release.same_environment,
            grouped,
        )
        .order_by(col(Signal.at).desc())
        .limit(MOST_SIGNALS)
    ).all()  # fmt: skip


def _groups(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    """The rows of each fingerprint in each service."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[_name(row), row.service].append(row)
    return groups


def _is_own(issue: Issue, known: Collection[int], fingerprint: str) -> bool:
    return issue.id in known or fingerprint == issue.fingerprint


def _faults(
    session: Session, release: Release, rows: Sequence[Row], at: datetime, elsewhere: Collection[str]
) -> Iterator[Fault]:
    """``elsewhere`` are services of other repositories: a release cannot cure the copy of its bug that they run."""
    causes = _causes(session, {row.issue_id for row in rows if row.issue_id})
    for (fingerprint, service), signals in _groups(_counted(release, rows)).items():
        known = {row.issue_id for row in signals if row.issue_id}
        found = {causes.get(issue) for issue in known}
        yield Fault(
            fingerprint,
            service,
            tuple(_event(release, row) for row in reversed(signals)),
            own=_is_own(release.issue, known, fingerprint) and service not in elsewhere,
            reach=_reach(session, release, service, signals),
            issue=next(iter(known - {release.issue.id}), None),
            outside=bool(found) and found <= set(OUTSIDE),
            unread=_unread(release, signals, found, at),
        )


def _causes(session: Session, issues: Collection[int]) -> dict[int, Cause | None]:
    """The cause that the analysis found, by issue; None if it is not analysed yet."""
    rows = session.exec(select_columns(Issue.id, Issue.cause).where(col(Issue.id).in_(issues)))
    return {id_: cause for id_, cause in rows}


def _unread(release: Release, signals: Sequence[Row], causes: Collection[Cause | None], at: datetime) -> bool:
    """Is it not analysed yet, and is its first report since the release young?"""
    since = [row.at for row in signals if row.at >= release.ready]
    return None in causes and bool(since) and at - min(since) < UNREAD


def _ungrouped(session: Session, release: Release, at: datetime) -> dict[str, tuple[Event, ...]]:
    """Recent errors since the release that are not grouped yet, by service, from the source with the most of them."""
    rows = session.exec(
        select(Signal.service, Signal.source, Signal.at, Signal.count).where(
            col(Signal.issue_id).is_(None),
            col(Signal.set_aside).is_(None),
            col(Signal.kind).in_(COUNTED),
            release.same_environment,
            col(Signal.at) >= release.ready,
            col(Signal.at) <= at,
            col(Signal.received_at) > at - UNREAD,
        )
    ).all()
    events: dict[str, dict[str, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for service, source, when, count in rows:
        events[service][source].append(Event(release.seconds(when), count))
    return {service: tuple(max(by.values(), key=_total)) for service, by in events.items()}


def _total(events: Sequence[Event]) -> int:
    return sum(event.count for event in events)


def _counted(release: Release, rows: Sequence[Row]) -> Iterator[Row]:
    """Each issue's errors from one source: the one with the most errors since the release, then the most in total, then
    the most distinct times.
    """
    totals: dict[object, dict[str, tuple[int, int, int]]] = defaultdict(dict)
    for row in rows:
        since, all_, times = totals[_cause(row)].get(row.source, (0, 0, 0))
        since += row.number * (row.at >= release.ready)
        totals[_cause(row)][row.source] = (since, all_ + row.number, times + 1)
    best = {cause: max(sources, key=lambda source: (*sources[source], source)) for cause, sources in totals.items()}
    return (row for row in rows if row.source == best[_cause(row)])


def _name(row: Row) -> str:
    return row.fingerprint or f"{row.source}:{row.title[:120]}"


def _cause(row: Row) -> object:
    return row.issue_id or _name(row)


def _event(release: Release, row: Row) -> Event:
    """An error that names this release is no older than it, although the release was found ready a moment later."""
    at = release.seconds(row.at)
    early = -EARLY < at < 0 and _names(row.release, (release.row.sha, release.row.vendor_id))
    return Event(0.0 if early else at, row.number, _replaced(row.release, release))


def _replaced(named: str | None, release: Release) -> bool:
    """Does the error name the replaced release? Where people merge, that is the commit before the merge."""
    return _names(named, (release.change.base_sha, release.row.previous_vendor_id))


def _names(named: str | None, known: Collection[str | None]) -> bool:
    """Is it one of the identifiers, or the beginning of one?"""
    return named is not None and len(named) >= SHORT_SHA and any((one or "").startswith(named) for one in known)


def _reach(session: Session, release: Release, service: str, signals: Sequence[Row]) -> Reach:
    if service not in release.services:
        return Reach.NONE
    newest = [row.id for row in signals[:CRASHES]]
    crashes = session.exec(select(Signal.crash).where(col(Signal.id).in_(newest))).all()
    crashes = [Crash.model_validate(crash) for crash in crashes if crash]
    passed = {stack.normal_file(frame.file) for crash in crashes for frame in crash.frames if frame.in_app}
    return Reach.CHANGED if passed & release.files else Reach.POSSIBLE
