"""What stands around one issue on its page: its rate now, links to its code, and what is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from core.models import Issue, Metric, Signal
from core.policy.reader import Policy
from core.queries import code_links
from core.queries.code_links import CodeLinks
from core.queries.issues import Story
from core.queries.unknowns import unknowns

RATE = timedelta(minutes=5)
OF_REQUESTS = ("requests", "errors")


@dataclass(frozen=True)
class IssueRate:
    """Reports of the issue in RATE, and the failing share of its service's requests; None without a measurement."""

    reports: int = 0
    failing: float | None = None

    @property
    def a_minute(self) -> float:
        return self.reports / (RATE.total_seconds() / 60)


@dataclass(frozen=True)
class IssueSurroundings:
    rate: IssueRate
    links: CodeLinks | None
    unknown: Sequence[str]


def around(session: Session, api: str, policy: Policy, story: Story, at: datetime) -> IssueSurroundings:
    """``api`` is the address of the code host's API."""
    issue = story.issue
    links = code_links.of(api, policy, issue.service, issue.release)
    return IssueSurroundings(rate(session, policy.watch.source, issue, at), links, unknowns(session, policy, story, at))


def rate(session: Session, source: str, issue: Issue, at: datetime) -> IssueRate:
    """Of several sources that report the issue, the one with the most reports counts, so that none counts twice."""
    by_source = session.exec(
        select(Signal.source, func.sum(Signal.count))
        .where(Signal.issue_id == issue.id, col(Signal.at) >= at - RATE)
        .group_by(Signal.source)
    )
    reports = max((int(count) for _, count in by_source), default=0)
    return IssueRate(reports, _failing(session, source, issue.service, at))


def _failing(session: Session, source: str, service: str, at: datetime) -> float | None:
    rows = session.exec(
        select(Metric.name, func.sum(Metric.value))
        .where(
            Metric.source == source,
            Metric.service == service,
            col(Metric.name).in_(OF_REQUESTS),
            col(Metric.at) >= at - RATE,
        )
        .group_by(Metric.name)
    )
    sums = dict(rows.all())
    return sums.get("errors", 0.0) / sums["requests"] if sums.get("requests") else None
