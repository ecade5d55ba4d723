"""What the service's figures and logs showed while an issue occurred, and which error rate is usual."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles

from sqlmodel import Session, col, or_, select

from core.models import Crash, Issue, Kind, Signal
from core.policy.reader import Policy
from core.queries import failing, pipeline
from core.queries.failing import Mark, Point
from core.queries.issues import Story

AROUND = timedelta(minutes=15)  # before the first error and after the last one
LONGEST = timedelta(hours=3)
DAY = timedelta(days=1)
FEWEST = 60  # intervals from which it is known what is usual
NEAR = timedelta(minutes=2)  # around the first and the last error
LINES = 20
MOST = 20_000  # intervals read


@dataclass(frozen=True)
class Beside:
    """``usual`` is the error rate that 99 % of the intervals of the day before did not exceed; None if too few."""

    service: str
    points: Sequence[Point]
    marks: Sequence[Mark]
    usual: float | None
    lines: Sequence[str]  # log lines that the reports of the crash carry
    logs: Sequence[Signal]  # errors logged by the affected services at the time, of other issues


def beside(session: Session, policy: Policy, story: Story, at: datetime) -> Beside:
    issue = story.issue
    begin = issue.first_seen - AROUND
    end = min(at, issue.last_seen + AROUND, begin + LONGEST)
    source, mine = policy.watch.source, [issue.service]
    points = pipeline.error_rate(session, source, begin, end, mine).get(issue.service, [])
    marks = [m for m in failing.changed(session, policy, begin).get(issue.service, []) if m[0] <= end]
    usual = usual_rates(session, source, begin, mine).get(issue.service)
    return Beside(issue.service, points, marks, usual, _lines(story), _logs(session, issue))


def usual_rates(session: Session, source: str, until: datetime, services: Sequence[str] = ()) -> dict[str, float]:
    """By service: the 99th percentile of the error rates of the intervals in the day before ``until``."""
    rates: dict[str, list[float]] = defaultdict(list)
    for service, points in pipeline.error_rate(session, source, until - DAY, until, services, MOST).items():
        rates[service] = [errors / requests for _, requests, errors in points if requests]
    return {service: quantiles(found, n=100)[-1] for service, found in rates.items() if len(found) >= FEWEST}


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
