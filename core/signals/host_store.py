"""The load of the hosts that ran a service around an issue's onset, from the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from sqlmodel import Session, col, select

from core.models import Issue, Record
from core.models.hosts import HostMetric
from core.policy.reader import Policy
from core.signals.analysis.host_pressure import HostSamples

BEFORE = timedelta(hours=1)  # what is usual
AFTER = timedelta(minutes=1)  # clocks and intervals differ
HOSTS = 50
ROWS = 20_000  # the latest ones, because those at the onset count most


def around(session: Session, policy: Policy, issue: Issue, records: Iterable[Record]) -> list[HostSamples]:
    """The samples of the hosts that the issue's signals or the policy name for its services."""
    onset = issue.first_seen - timedelta(minutes=policy.infrastructure.minutes)
    since, until = onset - BEFORE, issue.first_seen + AFTER
    hosts = _hosts(session, policy, issue.affected, records, since, until)
    if not hosts:
        return []
    rows = session.exec(
        select(HostMetric)
        .where(col(HostMetric.host).in_(hosts), HostMetric.at >= since, HostMetric.at < until)
        .order_by(col(HostMetric.at).desc())
        .limit(ROWS)
    ).all()
    found: dict[tuple[str, str], tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for row in reversed(rows):
        found[row.host, row.name][row.at >= onset].append(row.value)
    return [HostSamples(host, name, *samples) for (host, name), samples in found.items()]


def _hosts(
    session: Session,
    policy: Policy,
    services: Sequence[str],
    records: Iterable[Record],
    since: datetime,
    until: datetime,
) -> list[str]:
    """The measured hosts that run one of the services: as its signals say, by [services] hosts, or of its own name."""
    known = [policy.services[name] for name in services if name in policy.services]
    globs = [glob.lower() for service in known for glob in service.hosts]
    named = {*_told(records), *(name.lower() for name in services)}
    rows = select(HostMetric.host).where(HostMetric.at >= since, HostMetric.at < until).distinct()
    found = session.exec(rows.order_by(HostMetric.host))
    return [host for host in found if host.lower() in named or _fits(host.lower(), globs)][:HOSTS]


def _told(records: Iterable[Record]) -> set[str]:
    """The hosts that the signals name; whoever writes a public one can name any."""
    hosts = (record.attributes.get("host") for record in records if not record.attributes.get("public"))
    return {str(host).lower() for host in hosts if host}


def _fits(host: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(host, glob) for glob in globs)
