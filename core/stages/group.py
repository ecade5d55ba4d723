"""Group: every new signal joins its issue, opens a new one, or is suppressed and counted.

Signals are grouped in the order of arrival; if a process dies, the next round groups the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from core.db import store
from core.models import ENDED, Issue, Kind, Metric, Record, Signal, Status, now
from core.models.counted import counted
from core.models.enums import TEST_ENVIRONMENT
from core.ops import durable, notify, stage_log
from core.runtime import Runtime
from core.signals import service_graph, triage_rules
from core.signals.anomaly import degradation
from core.signals.grouping import correlation, noise
from core.signals.grouping.candidates import Candidates
from core.signals.grouping.correlation import Landscape, Overrides
from core.signals.grouping.fingerprint import Fingerprint, fingerprint
from core.signals.grouping.symptoms import plain
from core.signals.health import best_source
from core.stages import affected, caused, detecting, linking
from core.stages.analyze import as_record

log = logging.getLogger(__name__)
BATCH = 500  # signals per transaction
MEMORY = timedelta(hours=24)  # an ended issue accepts late signals for this long
LATE = timedelta(seconds=60)  # signals this soon after a verified fix are stragglers of the fault
LARGEST = 2**31 - 1  # occurrences: the limit of a column
TELLING = 8  # an issue's first signals of each source, with which later signals are compared
WAIT = timedelta(minutes=15)  # an error that does not recur within this time has not returned
GONE = "did not come back"
UNREADABLE = "it cannot be read; see the log"


@dataclass(frozen=True)
class Known:
    """The context of a batch: existing issues, the call graph, and people's triage decisions."""

    index: Candidates
    around: Landscape
    overrides: Overrides
    context: noise.Context
    rows: dict[int, Issue] = field(default_factory=dict)  # read once per batch: a session drops unreferenced rows

    def row(self, session: Session, issue_id: int) -> Issue:
        """The issue, or the one that a person merged it into."""
        if issue_id not in self.rows:
            found = session.get_one(Issue, issue_id)
            self.rows[issue_id] = self.row(session, found.merged_into) if found.merged_into else found
        return self.rows[issue_id]


def group_new(rt: Runtime) -> int:
    """Group all signals that have no issue yet; returns how many issues were opened."""
    find_degradations(rt)
    detecting.detect(rt)
    with store.read() as session:
        if not _waiting(session, 1):
            return 0
        index, around = index_of(session), Landscape(service_graph.graph(session, rt.policy), rt.policy.code_of)
    opened, more = 0, True
    while more:
        with store.write() as session:
            waiting = _waiting(session, BATCH)
            known = Known(index, around, triage_rules.overrides(session), triage_rules.context(session))
            new = [signal for signal in waiting if _place(session, known, signal)]
            opened += len(new)
            linking.explain(session, index, {signal.issue_id for signal in waiting if signal.issue_id})
            caused.link(session, rt.policy, {signal.issue_id for signal in new if signal.issue_id})
        more = len(waiting) == BATCH
    return opened


def _waiting(session: Session, most: int) -> Sequence[Signal]:
    return session.exec(
        select(Signal)
        .where(col(Signal.issue_id).is_(None), col(Signal.set_aside).is_(None))
        .order_by(col(Signal.at), col(Signal.id))
        .limit(most)
    ).all()


def index_of(session: Session) -> Candidates:
    """The issues that a signal may join: open ones, and those that ended or occurred recently."""
    index, since = Candidates(), now() - MEMORY
    recent = col(Issue.ended_at).is_(None) | (col(Issue.ended_at) > since) | (col(Issue.last_seen) > since)
    issues = session.exec(select(Issue).where(recent, col(Issue.merged_into).is_(None))).all()  # no order: index
    for issue in sorted(issues, key=lambda issue: issue.id):
        _put(session, index, issue)
    index.parents |= linking.parents(session, recent)
    return index


def _put(session: Session, index: Candidates, issue: Issue) -> None:
    """Add the issue to the correlation, rebuilt from its first signals."""
    signals = session.exec(
        select(Signal).where(Signal.issue_id == issue.id).order_by(col(Signal.at)).limit(TELLING)
    ).all()
    for signal in signals:
        record = as_record(signal)
        fp = fingerprint(record)
        if issue.id in index.issues:
            index.join(issue.id, record, fp)
        else:
            index.put(correlation.opened(issue.id, record, fp), issue.fingerprint)
    if known := index.issues.get(issue.id):
        over = issue.ended_at if issue.status in linking.OVER else None
        services = known.services | {plain(name) for name in issue.affected}
        index.put(replace(known, services=services, last_seen=issue.last_seen, ended=over))


def _place(session: Session, known: Known, signal: Signal) -> bool:
    """Assign the signal to its issue; True if that is a new one."""
    try:
        record = as_record(signal)
        fp = fingerprint(record)
    except Exception:  # one unreadable signal must not block the others; it is kept, shown and logged
        log.exception("signal %s cannot be read", signal.id)
        signal.set_aside = UNREADABLE
        return False
    signal.fingerprint = fp.key
    if reason := noise.verdict(record, _around(session, known, record, fp)):
        signal.set_aside = reason
        return False
    found = known.index.find(record, fp, known.around, known.overrides)
    if found.issue_id is None:
        return _open_issue(session, known, signal, record, fp)
    _join(session, signal, known.row(session, found.issue_id), known.around)
    known.index.join(found.issue_id, record, fp)
    return False


def _around(session: Session, known: Known, record: Record, fp: Fingerprint) -> noise.Context:
    """The correlation context of a record; the state changes of an alert are its stored signals, one per minute."""
    changes: set[datetime] = set()
    if record.kind is Kind.ALERT:
        times = select(Signal.at).where(
            Signal.fingerprint == fp.key, col(Signal.at) > record.at - noise.FLAP_SPAN, col(Signal.at) <= record.at
        )
        changes = {at.replace(second=0, microsecond=0) for at in (record.at, *session.exec(times.limit(BATCH)))}
    return replace(known.context, fingerprint=fp.key, state_changes=sorted(changes))


def _open_issue(session: Session, known: Known, signal: Signal, record: Record, fp: Fingerprint) -> bool:
    """Open an issue; reopen one that was dismissed because it had not returned. A security finding keeps its issue."""
    same = select(Issue).where(Issue.fingerprint == fp.key, col(Issue.merged_into).is_(None))
    if record.kind is not Kind.SECURITY:
        same = same.where(Issue.status == Status.DISMISSED, col(Issue.reason).endswith(GONE))
    issue = session.exec(same.order_by(col(Issue.id).desc()).limit(1)).first()
    if issue:
        _join(session, signal, issue, known.around)
    else:
        issue = new_issue(session, record, fp)
        signal.issue_id = issue.id
    known.index.put(correlation.opened(issue.id, record, fp), known.overrides.merged.get(fp.key, fp.key))
    return issue.run == 0 and issue.occurrences == record.count


def new_issue(session: Session, record: Record, fp: Fingerprint) -> Issue:
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
        counted_by=record.source,
    )
    session.add(issue)
    session.flush()
    return issue


def _join(session: Session, signal: Signal, issue: Issue, around: Landscape) -> None:
    """Count the signal in its issue; an error that returns after its fix starts a new run."""
    signal.issue_id = issue.id
    affected.note(issue, signal, around)
    issue.first_seen = min(issue.first_seen, signal.at)
    issue.last_seen = max(issue.last_seen, signal.at)
    issue.counted_by = issue.counted_by or _first_source(session, issue)
    if signal.source == issue.counted_by:  # one source counts, so that two vendors do not double them
        issue.occurrences = min(issue.occurrences + signal.count, LARGEST)
    issue.users = max(issue.users, signal.users)
    if issue.status is Status.RESOLVED and issue.ended_at and signal.at > issue.ended_at + LATE:
        issue.first_seen, issue.occurrences, issue.counted_by = signal.at, signal.count, signal.source
        affected.lead(issue, signal.service, around)
        notify.queue(
            session,
            "workflow_failed",
            issue,
            f"back-{issue.id}-{issue.run}",
            "The error returned after its fix.",
        )
        stage_log.move(session, issue.id, Status.NEW, "The error returned after its fix.")
    if issue.status is Status.DISMISSED and issue.reason.endswith(GONE):
        stage_log.move(session, issue.id, Status.NEW, "The error returned.")


def _first_source(session: Session, issue: Issue) -> str | None:
    """The source that reported the issue first in its current run."""
    query = select(Signal.source).where(Signal.issue_id == issue.id, col(Signal.at) >= issue.first_seen)
    return session.exec(query.order_by(col(Signal.at)).limit(1)).first()


def recount(session: Session, issue: Issue) -> None:
    """Recount an issue whose signals were moved: by its first source, since its first error."""
    session.flush()
    issue.counted_by = _first_source(session, issue)
    mine = (Signal.issue_id == issue.id, col(Signal.at) >= issue.first_seen)
    counted = select(func.coalesce(func.sum(Signal.count), 0)).where(*mine, Signal.source == issue.counted_by)
    issue.occurrences = min(session.exec(counted).one(), LARGEST)
    first, last, issue.users = session.exec(
        select(func.min(Signal.at), func.max(Signal.at), func.coalesce(func.max(Signal.users), 0)).where(*mine)
    ).one()
    issue.first_seen, issue.last_seen = first or issue.first_seen, last or issue.last_seen
    affected.recount(session, issue)
    session.add(issue)


def start_new(rt: Runtime, begin: Callable[[Session, Issue], None] = durable.begin) -> list[int]:
    """Start the run of every issue with enough evidence; set the waiting reason of the others."""
    rt.policy  # noqa: B018 - reading it finds out whether it can be read
    with store.write() as session:
        new = session.exec(select(Issue).where(Issue.status == Status.NEW)).all()
        ready = [issue for issue in new if not _holds(session, rt, issue)]
        for issue in ready:
            begin(session, issue)
        return [issue.id for issue in ready]


def _holds(session: Session, rt: Runtime, issue: Issue) -> bool:
    """Whether an issue must wait, and for what; one that does not return is dismissed without an alert.

    On a critical service, even a single error is analyzed, after a minute in which others can join it.
    """
    if issue.environment == TEST_ENVIRONMENT:
        issue.reason = "A test event of the setup. It starts no run; remove it on the Setup page."
        return True
    least, quiet = rt.policy.guards.minimum_occurrences, now() - max(issue.created_at, issue.last_seen)
    if parent := linking.holding(session, issue):
        issue.reason = linking.waits(parent)
    elif rt.policy_error:
        issue.reason = f"Waiting for a valid policy: {rt.policy_error}"
    elif issue.occurrences >= least or _confirmed(session, rt, issue, quiet):
        return False
    elif quiet < WAIT:
        issue.reason = f"Waiting for evidence: {issue.occurrences} of {counted(least, 'required occurrence')} so far."
    else:
        seen = "once" if issue.occurrences == 1 else f"{issue.occurrences} times"
        stage_log.move(session, issue.id, Status.DISMISSED, f"Seen {seen}, {GONE}")
    return True


def _confirmed(session: Session, rt: Runtime, issue: Issue, quiet: timedelta) -> bool:
    """Is a single report enough?"""
    critical = rt.policy.is_critical(*issue.affected)
    return (
        issue.kind not in (Kind.EXCEPTION, Kind.LOG) or critical and quiet >= LATE or linking.explains(session, issue)
    )


# --- performance -----------------------------------------------------------------------------------

BASELINE = timedelta(minutes=15)  # of latency with which the newest values are compared


def find_degradations(rt: Runtime) -> None:
    """Turn a rise in a service's latency into a signal, identified by its hour."""
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
        message=found.message,
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
