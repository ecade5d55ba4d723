"""What the service's figures and logs showed while an issue occurred, and which error rate is usual."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles

from sqlmodel import Session, col, or_, select

from core.models import Crash, Issue, Kind, Metric, Signal
from core.policy.reader import Policy
from core.queries import failing, pipeline
from core.queries.failing import Mark, Point
from core.queries.issues import Story

AROUND = timedelta(minutes=15)  # before the first error and after the last one
LONGEST = timedelta(hours=3)
DAY = timedelta(days=1)
FEWEST = 60  # intervals from which it is known what is usual
NEAR = timedelta(minutes=2)  # around the first and the last error
LATENCY, TRAFFIC = OTHERS = "p95_ms", "requests"  # metrics besides errors that an issue is about
HALF_HOUR = timedelta(minutes=30)
LINES = 20
MOST = 20_000  # intervals read


@dataclass(frozen=True)
class Beside:
    """``usual`` is the value that 99 % of the intervals of the day before did not exceed; None if too few.

    Traffic follows the hour: its ``usual`` and ``least`` (99 % did not fall below it) are those of the day before at
    the same time.

    ``metric`` is what the issue is about (p95_ms or requests), with its ``values``; empty if it is errors.
    """

    service: str
    points: Sequence[Point]
    marks: Sequence[Mark]
    usual: float | None
    lines: Sequence[str]  # log lines that the reports of the crash carry
    logs: Sequence[Signal]  # errors logged by the affected services at the time, of other issues
    metric: str = ""
    values: Sequence[tuple[datetime, float]] = ()
    least: float = 0.0


def beside(session: Session, policy: Policy, story: Story, at: datetime) -> Beside:
    issue = story.issue
    begin = issue.first_seen - AROUND
    end = min(at, issue.last_seen + AROUND, begin + LONGEST)
    source, mine = policy.watch.source, [issue.service]
    points = pipeline.error_rate(session, source, begin, end, mine).get(issue.service, [])
    marks = failing.changed(session, policy, begin, end).get(issue.service, [])
    metric = next((name for s in story.signals if (name := s.attributes.get("metric")) in OTHERS), "")
    values = _values(session, source, issue.service, metric, begin, end) if metric else []
    least, usual = 0.0, usual_rates(session, source, begin, mine).get(issue.service) if not metric else None
    if metric:
        times = _compared(metric, begin, end)
        least, usual = _band([value for _, value in _values(session, source, issue.service, metric, *times)])
    logs = _logs(session, issue)
    return Beside(issue.service, points, marks, usual, _lines(story), logs, metric, values, least)


def _compared(metric: str, begin: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The time whose values are usual: the day before, of traffic only about the same hour."""
    if metric != TRAFFIC:
        return begin - DAY, begin
    return begin - DAY - HALF_HOUR, end - DAY + HALF_HOUR


def _values(
    session: Session, source: str, service: str, metric: str, begin: datetime, end: datetime
) -> list[tuple[datetime, float]]:
    rows = select(Metric.at, Metric.value).where(
        Metric.source == source, Metric.service == service, Metric.name == metric, Metric.at >= begin, Metric.at < end
    )
    return [(at, value) for at, value in session.exec(rows.order_by(col(Metric.at)).limit(MOST))]


def _usual(values: Sequence[float]) -> float | None:
    return _band(values)[1]


def _band(values: Sequence[float]) -> tuple[float, float | None]:
    """The lowest and the highest value that 99 % of the intervals keep; None if there are too few."""
    if len(values) < FEWEST:
        return 0.0, None
    cuts = quantiles(values, n=100)
    return max(0.0, cuts[0]), cuts[-1]


def usual_rates(session: Session, source: str, until: datetime, services: Sequence[str] = ()) -> dict[str, float]:
    """By service: the 99th percentile of the error rates of the intervals in the day before ``until``."""
    rates: dict[str, list[float]] = defaultdict(list)
    for service, points in pipeline.error_rate(session, source, until - DAY, until, services, MOST).items():
        rates[service] = [errors / requests for _, requests, errors in points if requests]
    return {service: usual for service, found in rates.items() if (usual := _usual(found)) is not None}


def _lines(story: Story) -> list[str]:
    crash = next((s.crash for s in story.signals if s.crash and s.crash.get("logs")), None)
    return list(Crash.model_validate(crash).logs[-LINES:]) if crash else []


def _logs(session: Session, issue: Issue) -> list[Signal]:
    spans = [(at - NEAR, at + NEAR) for at in (issue.first_seen, issue.last_seen)]
    rows = select(Signal).where(
        Signal.kind == Kind.LOG,
        col(Signal.service).in_(issue.affected),
        or_(col(Signal.issue_id).is_(None), Signal.issue_id != issue.id),
        or_(*(col(Signal.at).between(*span) for span in spans)),
    )
    return list(session.exec(rows.order_by(col(Signal.at)).limit(LINES)))
