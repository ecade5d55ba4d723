"""Group: every new signal joins the issue it belongs to, opens one, or is set aside and counted.

Signals are taken in the order they came; what is not grouped when a process dies is grouped by the
next round.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlmodel import Session, col, func, select

from core import durable, journal, notify, store
from core.health import best_source
from core.models import ENDED, Issue, Kind, Metric, Record, Signal, Status, now
from core.runtime import Runtime
from core.signals import correlation, degradation, noise
from core.signals.candidates import Candidates
from core.signals.fingerprint import Fingerprint, fingerprint
from core.stages.analyze import as_record

BATCH = 500  # signals of one transaction
MEMORY = timedelta(hours=24)  # an ended issue still takes in its late signals for this long
LATE = timedelta(seconds=60)  # signals this close behind a verified fix are stragglers of the fault


def group_new(rt: Runtime) -> int:
    """Group all signals that have no issue yet; returns how many issues were opened."""
    find_degradations(rt)
    with store.read() as session:
        index = _index(session)
    opened = 0
    while True:
        with store.write() as session:
            waiting = session.exec(
                select(Signal)
                .where(col(Signal.issue_id).is_(None), col(Signal.set_aside).is_(None))
                .order_by(col(Signal.at), col(Signal.id))
                .limit(BATCH)
            ).all()
            opened += sum(_place(session, rt, index, signal) for signal in waiting)
        if not waiting:
            return opened


def _index(session: Session) -> Candidates:
    """The issues that a signal may join: open ones, and those that ended of late."""
    index = Candidates()
    issues = session.exec(
        select(Issue).where(col(Issue.ended_at).is_(None) | (col(Issue.ended_at) > now() - MEMORY)).order_by(Issue.id)
    ).all()
    for issue in issues:
        index.put(*_as_open(session, issue))
    return index


def _as_open(session: Session, issue: Issue):
    """The issue as correlation sees it, rebuilt from its telling signals, and all its fingerprints."""
    signals = session.exec(select(Signal).where(Signal.issue_id == issue.id).order_by(col(Signal.id)).limit(20)).all()
    shape = None
    for signal in signals:
        record = as_record(signal)
        fp = fingerprint(record)
        shape = correlation.absorb(shape, record, fp) if shape else correlation.opened(issue.id, record, fp)
    return shape, *{signal.fingerprint for signal in signals}


def _place(session: Session, rt: Runtime, index: Candidates, signal: Signal) -> bool:
    """Give the signal its issue; True when that is a new one."""
    record = as_record(signal)
    if aside := noise.verdict(record):
        signal.set_aside = aside
        return False
    fp = fingerprint(record)
    signal.fingerprint = fp.key
    near = index.near(correlation.opened(0, record, fp), {})
    found = correlation.match(record, fp, near)
    if found.issue_id is None:
        return _open_issue(session, index, signal, record, fp)
    _join(session, rt, signal, session.get_one(Issue, found.issue_id))
    index.put(correlation.absorb(index.issues[found.issue_id], record, fp), fp.key)
    return False


def _open_issue(session: Session, index: Candidates, signal: Signal, record: Record, fp: Fingerprint) -> bool:
    issue = Issue(
        fingerprint=fp.key,
        because=fp.because,
        title=record.title[:300],
        kind=record.kind,
        service=record.service,
        environment=record.environment,
        release=record.release,
        pattern=fp.pattern,
        occurrences=record.count,
        users=record.users,
        first_seen=record.at,
        last_seen=record.at,
    )
    session.add(issue)
    session.flush()
    signal.issue_id = issue.id
    index.put(correlation.opened(issue.id, record, fp))
    return True


def _join(session: Session, rt: Runtime, signal: Signal, issue: Issue) -> None:
    """Count the signal on its issue; one that comes back after its fix starts a new run."""
    signal.issue_id = issue.id
    issue.first_seen = min(issue.first_seen, signal.at)
    issue.last_seen = max(issue.last_seen, signal.at)
    if signal.source == _counting_source(session, issue):
        issue.occurrences += signal.count
    issue.users = max(issue.users, signal.users)
    if issue.status is Status.RESOLVED and issue.ended_at and signal.at > issue.ended_at + LATE:
        issue.first_seen, issue.occurrences = signal.at, signal.count
        notify.queue(
            session,
            "workflow_failed",
            issue,
            f"back-{issue.id}-{issue.run}",
            "the fault came back after its fix",
        )
        journal.move(session, issue.id, Status.NEW, "the fault came back after its fix")


def _counting_source(session: Session, issue: Issue) -> str:
    """Occurrences are counted by one source, the first that told, so that two vendors do not double them."""
    return session.exec(
        select(Signal.source).where(Signal.issue_id == issue.id).order_by(col(Signal.id)).limit(1)
    ).one()


def start_new(rt: Runtime, begin: Callable[[Session, Issue], None] = durable.begin) -> list[int]:
    """Begin the journey of every issue that has enough evidence; says of the others what they wait for."""
    rt.policy  # noqa: B018 - reading it finds out whether it can be read
    with store.write() as session:
        new = session.exec(select(Issue).where(Issue.status == Status.NEW)).all()
        ready = [issue for issue in new if not _holds(rt, issue)]
        for issue in ready:
            begin(session, issue)
        return [issue.id for issue in ready]


def _holds(rt: Runtime, issue: Issue) -> bool:
    """Whether an issue has to wait, and for what."""
    least = rt.policy.guards.minimum_occurrences
    if rt.policy_error:
        issue.reason = f"waits: {rt.policy_error}"
    elif issue.kind in (Kind.EXCEPTION, Kind.LOG) and issue.occurrences < least and issue.first_seen > now() - LATE:
        issue.reason = f"waits for evidence: seen {issue.occurrences} of {least} times"
    else:
        return False
    return True


# --- performance -----------------------------------------------------------------------------------

BASELINE = timedelta(minutes=15)  # of latency that is looked at


def find_degradations(rt: Runtime) -> None:
    """A service whose latency has risen becomes a signal like any other; its hour is its identity."""
    with store.write() as session:
        source = best_source(session, rt.policy.watch.source, now() - BASELINE)
        for service in rt.policy.services:
            if record := _degradation(session, source, service):
                known = session.exec(
                    select(func.count())
                    .select_from(Signal)
                    .where(Signal.source == record.source, Signal.vendor_id == record.vendor_id)
                ).one()
                if not known:
                    session.add(Signal(**record.model_dump(exclude={"crash"})))


def _degradation(session: Session, source: str, service: str) -> Record | None:
    points = session.exec(
        select(Metric.at, Metric.value)
        .where(
            Metric.source == source,
            Metric.service == service,
            Metric.name == "p95_ms",
            Metric.at > now() - BASELINE,
        )
        .order_by(col(Metric.at))
    ).all()
    found = degradation.degraded([value for _, value in points])
    if not found or _ongoing(session, service):
        return None
    began = points[found.since][0]
    return Record(
        source="platform",
        vendor_id=f"p95:{service}:{began:%Y%m%d%H%M}",
        kind=Kind.METRIC,
        at=began,
        service=service,
        title=f"Latency of {service} rose from {found.before:.0f} to {found.after:.0f} ms (95th percentile)",
        message=found.says,
        count=len(points) - found.since,
        attributes={"metric": "p95_ms", "before": found.before, "after": found.after},
    )


def _ongoing(session: Session, service: str) -> bool:
    """Is there an issue about this service's latency already?"""
    return (
        session.exec(
            select(Issue.id).where(
                Issue.service == service,
                Issue.kind == Kind.METRIC,
                col(Issue.status).not_in([s for s in ENDED if s is not Status.ESCALATED]),
            )
        ).first()
        is not None
    )
