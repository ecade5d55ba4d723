"""Whose failures are they: those of a service are shared among its issues by their own reports.

Metrics count the failures of a whole service. Two faults in one service, or a fault in another one that fails at the
same time, say nothing about how bad or how broad this issue is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session, col, func

from core.db.columns import select_columns
from core.models import Issue, Kind, ServiceHealth, Signal

FAILING = 0.01  # share of its requests from which a service fails
REPORTED = (Kind.EXCEPTION, Kind.LOG)


@dataclass(frozen=True)
class ReportShares:
    """``own``: reports of the issue; ``others``: of the other issues of its service; both in the same span.

    ``foreign``: reports of other faults, by service.
    """

    own: float = 0.0
    others: float = 0.0
    foreign: Mapping[str, float] = field(default_factory=dict)

    def share(self, errors: float) -> float:
        """The issue's share of its service's ``errors``, 0..1; all of them where it has no reports to go by.

        Never fewer than are reported of it: made-up reports of another fault make no issue look milder.
        """
        if not self.own:
            return 1.0
        return min(1.0, max(self.own / (self.own + self.others), self.own / max(errors, self.own)))


def told(session: Session, issue: Issue, services: Collection[str], since: datetime, until: datetime) -> ReportShares:
    """Count the reports in [since, until). Each issue is counted by the source that has most, so that two sources do
    not double it.
    """
    rows = session.exec(
        select_columns(Issue.id, Issue.pattern, Signal.service, Signal.source, func.sum(Signal.count))
        .join(Signal, col(Signal.issue_id) == Issue.id)
        .where(
            col(Signal.service).in_([*services, issue.service]),
            col(Signal.kind).in_(REPORTED),
            Signal.environment == issue.environment,
            col(Signal.at) >= since,
            col(Signal.at) < until,
        )
        .group_by(col(Issue.id), Issue.pattern, Signal.service, Signal.source)
    ).all()
    most: dict[tuple[int, str, str], float] = defaultdict(float)
    for number, pattern, service, _, count in rows:
        most[number, pattern, service] = max(most[number, pattern, service], count)
    here = {number: count for (number, _, service), count in most.items() if service == issue.service}
    foreign: dict[str, float] = defaultdict(float)
    for (number, pattern, service), count in most.items():
        if number != issue.id and (pattern != issue.pattern or not pattern):  # a like one may have the same cause
            foreign[service] += count
    own = here.pop(issue.id, 0.0)
    return ReportShares(own, sum(here.values()), foreign)


def failing(state: ServiceHealth, foreign: float) -> bool:
    """Does a service fail for a reason that no other fault's reports explain, for the most part?"""
    return (state.error_rate or 0) > FAILING and foreign < state.errors / 2
