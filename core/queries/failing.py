"""What fails now: each service with errors or with an open issue whose errors still come, the worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, case, col, select

from core.models import Deployment, Issue, Severity, Signal, Status
from core.models.enums import PENDING
from core.models.signal import IS_CHANGE
from core.policy.reader import Policy
from core.queries import families, pipeline
from core.signals import own_commits

Point = tuple[datetime, float, float]  # time, requests, errors
Mark = tuple[datetime, str]  # time of a release or a change, and its words

ServiceChart = tuple[Sequence[Point], Sequence[Mark]]

CHART = timedelta(minutes=30)
MARKS = 50  # releases and changes of a chart
RECENT = timedelta(minutes=3)  # the rate "now": vendors measure by the minute, and the newest minute may be late
STILL = timedelta(minutes=15)  # an error that was not seen for so long is not failing now
NOTED = 0.01  # share of failing requests from which a service without an issue is shown
MOST = 500  # issues that still fail; many more are one outage
FEW = 3  # errors in RECENT: fewer are chance
SETTLED = (Status.RESOLVED, Status.DISMISSED)
RANK = {Severity.CRITICAL: 4, Severity.HIGH: 3, Severity.MEDIUM: 2, Severity.LOW: 1, None: 0}


@dataclass(frozen=True)
class FailingService:
    """``rate`` is the share of failing requests in RECENT (None without a measurement), ``errors`` their number.

    ``lately`` are the errors in the latest third of it: without any, the failing is over.

    ``issues`` are open and their errors still come, the worst first. ``users`` is the largest number that one of them
    affects: the same person may be in several. ``marks`` are the releases in the chart.
    """

    service: str
    points: Sequence[Point]
    marks: Sequence[Mark]
    rate: float | None
    errors: float
    lately: float
    issues: Sequence[Issue]
    since: datetime

    @property
    def users(self) -> int:
        return max((issue.users for issue in self.issues), default=0)


def failing(session: Session, policy: Policy, at: datetime) -> tuple[list[FailingService], dict[str, ServiceChart]]:
    """The failing services, the worst first, and the charts of all others."""
    points = pipeline.error_rate(session, policy.watch.source, at - CHART)
    issues, marks = still_seen(session, at), changed(session, policy, at - CHART)
    names = sorted({*points, *issues})
    every = [_service(n, points.get(n, []), marks.get(n, []), issues.get(n, []), at) for n in names]
    shown = sorted((one for one in every if _fails(one, at)), key=_badness)
    return shown, {one.service: (one.points, one.marks) for one in every if not _fails(one, at)}


def changed(session: Session, policy: Policy, since: datetime, until: datetime | None = None) -> dict[str, list[Mark]]:
    """By service: the platform's releases and the team's changes of its repository in the span."""
    marks: dict[str, list[Mark]] = {}
    for repository, at, words in [*_released(session, since, until), *_changed(session, policy, since, until)]:
        for name, service in policy.services.items():
            if service.repository == repository:
                marks.setdefault(name, []).append((at, words))
    return marks


def _released(session: Session, since: datetime, until: datetime | None):
    ready = col(Deployment.ready_at)
    rows = select(Deployment.repository, Deployment.ready_at, Deployment.sha).where(
        Deployment.environment == "production", ready >= since, *([ready <= until] if until else [])
    )
    for repository, at, sha in session.exec(rows.order_by(ready.desc()).limit(MARKS)):
        yield repository, at, f"The platform released {sha[:7]}"


def _changed(session: Session, policy: Policy, since: datetime, until: datetime | None):
    hosted = {one.github: name for name, one in policy.repositories.items() if one.github}
    rows = select(Signal).where(
        col(Signal.set_aside).is_not(None),
        Signal.received_at >= since,
        IS_CHANGE,
        Signal.level != PENDING,
        Signal.at >= since,
        *([col(Signal.at) <= until] if until else []),
    )
    found = session.exec(rows.order_by(col(Signal.received_at).desc()).limit(MARKS)).all()
    ours = own_commits.issues_of(session, [row.release or "" for row in found], since)
    for row in found:
        if row.release not in ours and (name := hosted.get(str(row.attributes.get("repository")))) is not None:
            yield name, row.at, f"{(row.release or '')[:7]} {row.title[:80]}".strip()


def still_seen(session: Session, at: datetime) -> dict[str, list[Issue]]:
    """By service: the open issues whose errors still come, the worst first and at most MOST."""
    rank = case(*((col(Issue.severity) == one, number) for one, number in RANK.items() if one), else_=0)
    rows = session.exec(
        select(Issue)
        .where(
            Issue.last_seen >= at - STILL,
            col(Issue.status).not_in(SETTLED),
            col(Issue.merged_into).is_(None),
            col(Issue.id).not_in(families.explained()),
        )
        .order_by(rank.desc(), col(Issue.occurrences).desc(), col(Issue.id))
        .limit(MOST)
    )
    found: dict[str, list[Issue]] = {}
    for issue in rows:
        for service in issue.affected or [""]:
            found.setdefault(service, []).append(issue)
    return found


def _service(
    name: str, points: Sequence[Point], marks: Sequence[Mark], issues: Sequence[Issue], at: datetime
) -> FailingService:
    recent = [point for point in points if point[0] >= at - RECENT]
    requests, errors = sum(p[1] for p in recent), sum(p[2] for p in recent)
    lately = sum(p[2] for p in recent[-max(2, len(recent) // 3) :])
    since = min([issue.first_seen for issue in issues], default=None) or _onset(points) or at
    return FailingService(name, points, marks, errors / requests if requests else None, errors, lately, issues, since)


def _onset(points: Sequence[Point]) -> datetime | None:
    """When the present run of failing intervals began."""
    began = None
    for when, requests, errors in reversed(points):
        if not requests or errors / requests < NOTED:
            break
        began = when
    return began


def _fails(one: FailingService, at: datetime) -> bool:
    """Its requests fail, or errors of an open issue still come. A measured rate of zero shortens the wait for these."""
    still = RECENT if one.rate == 0 else STILL
    return any(i.last_seen >= at - still for i in one.issues) or (
        (one.rate or 0) >= NOTED and one.errors >= FEW and one.lately > 0
    )


def _badness(one: FailingService) -> tuple:
    worst = one.issues[0].severity if one.issues else None
    return -RANK[worst], -one.errors, one.service
