"""Attributes the failures of a service to its issues, in proportion to their own reports.

Metrics count the failures of a whole service. A second fault in the service, or in another one at the same time, must
not raise the severity or the impact of this issue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session, col, func

from core.db.columns import select_columns
from core.models import Issue, Kind, ServiceHealth, Signal
from core.signals.analysis.corroboration import names_of

FAILING = 0.01  # a service fails from this share of its requests
REPORTED = (Kind.EXCEPTION, Kind.LOG)


@dataclass(frozen=True)
class ReportShares:
    """``own``: reports of the issue; ``others``: of other issues of its service; both in the same span.

    ``foreign``: reports of other faults, by service.
    """

    own: float = 0.0
    others: float = 0.0
    foreign: Mapping[str, float] = field(default_factory=dict)

    def share(self, errors: float) -> float:
        """The issue's share of its service's ``errors``, 0..1; 1 if it has no reports.

        Never less than its own reports: forged reports of another fault cannot lower the issue's impact.
        """
        if not self.own:
            return 1.0
        return min(1.0, max(self.own / (self.own + self.others), self.own / max(errors, self.own)))


def reports(
    session: Session, issue: Issue, service: str, services: Collection[str], since: datetime, until: datetime
) -> ReportShares:
    """Count the reports in [since, until) of the issue in one of its services.

    The source with the most reports of an issue counts, so that two sources do not double them.
    """
    rows = session.exec(
        select_columns(Issue.id, Issue.pattern, Signal.service, Signal.source, func.sum(Signal.count))
        .join(Signal, col(Signal.issue_id) == Issue.id)
        .where(
            col(Signal.service).in_([*services, service]),
            col(Signal.kind).in_(REPORTED),
            func.lower(Signal.environment).in_(names_of(issue.environment)),
            col(Signal.at) >= since,
            col(Signal.at) < until,
        )
        .group_by(col(Issue.id), Issue.pattern, Signal.service, Signal.source)
    ).all()
    most: dict[tuple[int, str, str], float] = defaultdict(float)
    for number, pattern, name, _, count in rows:
        most[number, pattern, name] = max(most[number, pattern, name], count)
    here = {number: count for (number, _, name), count in most.items() if name == service}
    foreign: dict[str, float] = defaultdict(float)
    for (number, pattern, name), count in most.items():
        if number != issue.id and (pattern != issue.pattern or not pattern):  # the same pattern may have the same cause
            foreign[name] += count
    own = here.pop(issue.id, 0.0)
    return ReportShares(own, sum(here.values()), foreign)


def failing(state: ServiceHealth, foreign: float) -> bool:
    """Do the reports of other faults fail to explain most of a service's failures?"""
    return (state.error_rate or 0) > FAILING and foreign < state.errors / 2
