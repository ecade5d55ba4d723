"""Corroborate: gathers the team's own data about a report, and calls the pure function.

The collection cycles store metric points and log records; this stage calls no vendor. Once the fix is ready, it waits
for late data for a limited time before it requests an approval.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from core.db import store
from core.db.columns import select_columns
from core.models import Cause, Connector, Decision, Issue, Kind, Metric, Signal, now
from core.models.origin import Origin, Writers
from core.ops import stage_log
from core.policy.sections import CorroborationRules
from core.runtime import Runtime
from core.signals.analysis import corroboration
from core.signals.analysis.corroboration import (
    FAILED,
    PRODUCTION,
    Claim,
    Corroboration,
    FailureCount,
    Logged,
    Span,
    Witness,
    names_of,
)
from core.stages.context import StepContext
from core.stages.results import Corroborated
from core.vendors.base import Source

LOOK = 10.0  # seconds between two looks while waiting for late metrics and logs
LEAST = 600.0  # minimum seconds of background for a rate of log records
JUMPS = 24 * 7  # gaps of an hour that an episode may span


def judged(rt: Runtime, session: Session, issue: Issue) -> Corroboration:
    """Whether the stored data corroborates the issue's report."""
    rules = rt.policy.corroboration
    if issue.kind is Kind.SECURITY:
        return Corroboration(True, "a security finding", "A finding is about code, not about failures")
    if issue.kind is Kind.METRIC and issue.cause is Cause.PERFORMANCE:
        return Corroboration(True, "the service's own metrics", "The service's own metrics show the slowdown")
    span, before = _spans(session, issue, rules)
    witnesses = list(_witnesses(rt, session, issue, span, before)) if span else []
    return corroboration.judge(_claim(rt, session, issue, span), witnesses, rules)


def trusted(rt: Runtime) -> list[Source]:
    """Connected sources that only the team can write to."""
    public = rt.policy.corroboration.public_sources
    return [s for s in rt.sources if s.origin.writers is Writers.TEAM and s.name not in public]


# --- the claim -------------------------------------------------------------------------------------


def _spans(session: Session, issue: Issue, rules: CorroborationRules) -> tuple[Span | None, Span]:
    """(the span of the report with its slack, the background before it).

    The times in a report are untrusted, so they are compared with its arrival: a report about a time long before its
    arrival has no span.
    """
    at, reach, slack = now(), timedelta(minutes=rules.span_minutes), timedelta(seconds=rules.slack_seconds)
    received = select(func.min(Signal.received_at), func.max(Signal.received_at)).where(*_of(issue))
    first, last = session.exec(received).one()
    until = min(issue.last_seen, at)
    begin = min(max(_began(session, issue, reach), (first or at) - reach), until) - slack
    before = Span(begin - timedelta(minutes=rules.background_minutes), begin)
    if last and until < last - reach:
        return None, before
    return Span(max(begin, until - reach - slack), min(until + slack, at)), before


def _claim(rt: Runtime, session: Session, issue: Issue, span: Span | None) -> Claim:
    if span is None:
        return Claim(issue.service, None, issue.occurrences, 0.0, _reporters(rt, session, issue))
    reports = _occurrences(session, issue, span), _elsewhere(session, issue, span)
    return Claim(issue.service, span, *reports, _reporters(rt, session, issue))


def _of(issue: Issue) -> tuple:
    """The signals of the issue's current run."""
    return Signal.issue_id == issue.id, col(Signal.at) >= issue.first_seen


def _began(session: Session, issue: Issue, gap: timedelta) -> datetime:
    """The start of the current episode, before which no error occurred for ``gap``."""
    at = issue.last_seen
    for _ in range(JUMPS):
        near = (col(Signal.at) >= at - gap, col(Signal.at) < at)
        earlier = session.exec(select(func.min(Signal.at)).where(*_of(issue), *near)).one()
        if earlier is None:
            break
        at = earlier
    return at


def _occurrences(session: Session, issue: Issue, span: Span) -> int:
    """The report's occurrences in the span, from the source that counts them; at least one."""
    counting = [Signal.source == issue.counted_by] if issue.counted_by else []
    within = (col(Signal.at) >= span.begin, col(Signal.at) < span.end)
    sources = session.exec(select(func.sum(Signal.count)).where(*_of(issue), *within, *counting)).one()
    return max(1, min(sources or issue.occurrences, issue.occurrences))


def _elsewhere(session: Session, issue: Issue, span: Span) -> float:
    """Crashes of the service in the span that belong to other issues, each from the source that counts them."""
    return session.exec(
        select(func.coalesce(func.sum(Signal.count), 0))
        .join(Issue, col(Issue.id) == Signal.issue_id)
        .where(
            col(Signal.service).in_(issue.affected),
            Signal.kind == Kind.EXCEPTION,
            Signal.issue_id != issue.id,
            Signal.source == Issue.counted_by,
            func.lower(Signal.environment).in_(names_of(issue.environment)),
            col(Signal.at) >= span.begin,
            col(Signal.at) < span.end,
        )
    ).one()


def _reporters(rt: Runtime, session: Session, issue: Issue) -> list[Origin]:
    sources = session.exec(select(Signal.source).where(*_of(issue)).distinct()).all()
    return [source.origin for source in rt.sources if source.name in sources]


# --- the team's own data ---------------------------------------------------------------------------


def _witnesses(rt: Runtime, session: Session, issue: Issue, span: Span, before: Span) -> Iterator[Witness]:
    for source in trusted(rt):
        title, trouble = source.origin.title, _trouble(session, source.name)
        if PRODUCTION in names_of(issue.environment):
            during = _measured(session, source.name, issue.affected, span)
            earlier = _measured(session, source.name, issue.affected, before)
            yield Witness(title, "metrics", during, earlier, trouble)
        yield Witness(title, "logs", *_logged(session, source.name, issue, span, before), trouble)


def _trouble(session: Session, name: str) -> str:
    row = session.get(Connector, name)
    return row.error[:200] if row and row.error else ""


def _measured(session: Session, source: str, services: Sequence[str], span: Span) -> FailureCount:
    """Failed requests out of all requests, from the source's metric points."""
    rows = session.exec(
        select(Metric.name, func.sum(Metric.value))
        .where(
            Metric.source == source,
            col(Metric.service).in_(services),
            col(Metric.name).in_(("requests", "errors")),
            col(Metric.at) >= span.begin,
            col(Metric.at) < span.end,
        )
        .group_by(Metric.name)
    ).all()
    health = dict(rows)
    return FailureCount(health.get("errors", 0.0), health.get("requests", 0.0))


def _logged(session: Session, source: str, issue: Issue, span: Span, before: Span) -> tuple[FailureCount, FailureCount]:
    """Error records in the span and before it; the rate before starts at its first record."""
    now_, _ = _records(session, source, issue, span, col(Signal.set_aside).is_(None))
    then, first = _records(session, source, issue, before)
    during, earlier = corroboration.count_logs(now_, then)
    seconds = max((before.end - (first or before.begin)).total_seconds(), LEAST)
    return FailureCount(during, (span.end - span.begin).total_seconds()), FailureCount(earlier, seconds)


def _records(session: Session, source: str, issue: Issue, span: Span, *where) -> tuple[list[Logged], datetime | None]:
    """(records of level error, similar ones merged; the time of the first).

    Signals suppressed in the span are not failures: they are known, silenced, or a user's own error.
    """
    rows = session.exec(
        select_columns(Signal.kind, Signal.fingerprint, Signal.issue_id, func.sum(Signal.count), func.min(Signal.at))
        .where(
            Signal.source == source,
            col(Signal.service).in_(issue.affected) | (Signal.issue_id == issue.id),
            col(Signal.kind).in_((Kind.EXCEPTION, Kind.LOG)),
            func.lower(Signal.level).in_(FAILED),
            func.lower(Signal.environment).in_(names_of(issue.environment)),
            col(Signal.attributes)["public"].as_boolean().is_not(True),
            col(Signal.at) >= span.begin,
            col(Signal.at) < span.end,
            *where,
        )
        .group_by(Signal.kind, Signal.fingerprint, col(Signal.issue_id))
    ).all()
    return [Logged(kind, print_, of == issue.id, n) for kind, print_, of, n, _ in rows], min(
        (row[4] for row in rows), default=None
    )


# --- late metrics and logs -------------------------------------------------------------------------


def look(context: StepContext) -> Corroborated:
    """Whether the report is corroborated now; ``seconds`` until the next look, 0 without one."""
    rt, issue_id = context.runtime, context.issue_id
    with store.write() as session:
        issue = session.get_one(Issue, issue_id)
        found, left = judged(rt, session, issue), _left(rt, session, issue_id, context.run)
        if found.corroborated or left <= 0 or not trusted(rt):
            return Corroborated(corroborated=found.corroborated)
        end = now() + timedelta(seconds=left)
        stage_log.move(
            session, issue_id, issue.status, f"Waits for late metrics and logs until {end:%H:%M} UTC. {found.message}"
        )
        return Corroborated(min(LOOK, left))


def _left(rt: Runtime, session: Session, issue_id: int, run: int) -> float:
    """The remaining seconds of the wait, which starts with the run's first decision."""
    where = (Decision.issue_id == issue_id, Decision.run == run)
    decided = session.exec(select(func.min(Decision.created_at)).where(*where)).one()
    return rt.policy.corroboration.wait_seconds - (now() - decided).total_seconds()
