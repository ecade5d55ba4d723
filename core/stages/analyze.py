"""Analyze: the analysts get everything known about an issue, and return cause, severity and confidence.

All analysts are asked, and their opinions are combined (core/signals/analysis/opinions.py). The analysis notes each
that does not respond. The last one is the embedded analysis, which needs neither model nor network.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from core.db import store
from core.models import Analysis, Cause, Issue, Kind, Outcome, Record, Signal, now
from core.models.counted import counted
from core.models.enums import PENDING
from core.models.origin import Writers
from core.ops import notify
from core.policy.reader import Policy
from core.policy.services import Service
from core.runtime import Runtime
from core.signals import health, host_store, incident, own_commits, service_graph, trace_store
from core.signals.analysis import memory, security, trace_origin
from core.signals.analysis.components import Incident, reached
from core.signals.analysis.host_pressure import pressure
from core.signals.analysis.types import IssueFacts, latency_rise
from core.stages import asking, excerpted, linking, shares
from core.stages.context import StageContext
from core.stages.results import AnalysisResult

RECENT = timedelta(minutes=10)  # "now", for rates
BEFORE = timedelta(hours=1)  # the reference for "now"
CHANGES = timedelta(hours=24)
RECORDS = 50
CHANGED = 200  # latest changes; a busy repository has several workflow runs for each commit
REMEMBERED = 50  # compared outcomes of each kind
RESULTS = {"human": "resolved", "failed": "no fix was found", "rolled_back": "its fix was rolled back",
           "rejected": "its fix was rejected", "escalated": "escalated"}  # fmt: skip


def run(context: StageContext) -> AnalysisResult:
    rt, issue_id, entry = context.runtime, context.issue_id, context.log
    evidence = gather(rt, issue_id)
    if len(rt.analysts) > 1:  # the embedded analysis needs no code
        evidence = replace(evidence, code=excerpted.around(rt, issue_id, context.run, evidence))
    if security.concerns(evidence):  # no model is asked: the cause of a finding decides that a person approves its fix
        finding, notes = security.conclude(evidence), []
    else:
        finding, notes = asking.ask(rt.analysts, evidence)
    with store.write() as session:
        issue = session.get_one(Issue, issue_id)
        analysis = Analysis(
            issue_id=issue_id,
            run=context.run,
            analyst=finding.analyst,
            root_cause=finding.root_cause,
            cause=finding.cause,
            next_step=finding.next_step,
            severity=finding.severity,
            impact=finding.impact,
            confidence=finding.confidence,
            simplicity=finding.simplicity,
            pattern=finding.pattern,
            culprit=finding.culprit,
            evidence=[*finding.evidence, *notes],
        )
        session.add(analysis)
        issue.severity, issue.impact, issue.cause = finding.severity, finding.impact, finding.cause
        issue.pattern = finding.pattern or issue.pattern
        session.flush()
        alert(session, rt, issue, evidence)
        entry.message, entry.detail = finding.root_cause, {"analysis": analysis.id, "analyst": finding.analyst}
        return AnalysisResult(analysis.id)


def alert(session: Session, rt: Runtime, issue: Issue, evidence: IssueFacts) -> None:
    """Notify of a high error rate and of a degradation, once an hour for each service; repeats are counted."""
    state = evidence.health
    hour, slow = f"{evidence.service}-{now():%Y%m%d%H}", issue.cause is Cause.PERFORMANCE
    if not slow and state.errors >= health.FEWEST_ERRORS and (state.error_rate or 0) >= rt.policy.severity.high:
        message = f"{state.error_rate:.0%} of {counted(state.requests, 'request')} to {evidence.service} fail"
        notify.queue(session, "error_rate", issue, f"error-rate-{hour}", message)
    if slow:
        rise = latency_rise(evidence)
        grown = f" (95th percentile {rise[0]:.0f} -> {rise[1]:.0f} ms)" if rise else ""
        notify.queue(session, "performance", issue, f"performance-{hour}", f"{evidence.service} has slowed down{grown}")


def gather(rt: Runtime, issue_id: int) -> IssueFacts:
    policy = rt.policy
    with store.read() as session:
        issue = session.get_one(Issue, issue_id)
        signals = session.exec(
            select(Signal).where(Signal.issue_id == issue_id).order_by(col(Signal.at).desc()).limit(RECORDS)
        ).all()
        known = policy.services.get(policy.worst_of(issue.affected), Service(repository=""))
        records = [as_record(signal) for signal in signals]
        service, recent, before, others, share = _rates(session, policy.watch.source, issue, list(policy.services))
        return IssueFacts(
            title=issue.title,
            service=service,
            records=records,
            health=recent,
            before=before,
            share=share,
            critical=policy.is_critical(*issue.affected),
            impact=known.impact,
            others=others,
            rules=policy.severity,
            noise_ms=policy.watch.latency_floor_ms,
            changes=_changes(session, rt, issue),
            upstreams=service_graph.graph(session, policy).get(service, ()),
            past=_past(session, issue),
            incident=_incident(session, rt, issue, service, recent.error_rate, before.error_rate),
            traces=trace_origin.origins(trace_store.failing(session, issue, records), _public(rt)),
            pressure=pressure(host_store.around(session, policy, issue, records), policy.infrastructure),
            confirmed_by=linking.confirming(session, issue),
        )


def _public(rt: Runtime) -> set[str]:
    """The sources that outsiders can write to."""
    open_ = {source.name for source in rt.sources if source.origin.writers is Writers.ANYONE}
    return open_ | set(rt.policy.corroboration.public_sources)


def as_record(signal: Signal) -> Record:
    return Record.model_validate(
        signal.model_dump(exclude={"id", "received_at", "set_aside", "issue_id", "fingerprint"})
    )


def _rates(session: Session, preferred: str, issue: Issue, services: list[str]):
    """(service, its health now, before it began, other services that fail now, the issue's share of its failures).

    Of several affected services the one that fails the most counts. "Now" begins with the issue, so that the calm
    before a short fault does not dilute its rate.
    """
    until, begin = now(), max(issue.first_seen, now() - RECENT)
    source = health.best_source(session, preferred, begin - BEFORE)
    mine = issue.affected or [issue.service]
    recent = health.stored(session, source, [*services, *mine], begin, until)
    reports = {name: shares.reports(session, issue, name, services, begin, until) for name in mine}
    worst = max(mine, key=lambda name: (recent[name].error_rate or 0.0) * reports[name].share(recent[name].errors))
    before = health.stored(session, source, [worst], issue.first_seen - BEFORE, issue.first_seen)
    foreign = reports[worst].foreign
    others = [name for name, state in recent.items() if shares.failing(state, foreign.get(name, 0.0))]
    others = [name for name in others if name not in mine]
    return worst, recent[worst], before[worst], others, reports[worst].share(recent[worst].errors)


def _incident(
    session: Session, rt: Runtime, issue: Issue, service: str, now_: float | None, usual: float | None
) -> Incident | None:
    """The samples around an issue; of errors where their rate rose by more than the watch allows, else of latency."""
    rules = rt.policy.watch
    failing = (now_ or 0.0) > (usual or 0.0) + rules.error_rate_margin
    graph, source = service_graph.graph(session, rt.policy), health.best_source(session, rules.source, issue.first_seen)
    metric = incident.ERRORS if failing else incident.LATENCY
    return incident.stored(session, source, graph, service, metric, issue.first_seen, now())


def _changes(session: Session, rt: Runtime, issue: Issue) -> list[Record]:
    """Changes before the issue and at its time, of the service, of what it calls, and of their repositories."""
    related = _related(service_graph.graph(session, rt.policy), issue)
    live, pending = col(Signal.level) != PENDING, col(Signal.level) == PENDING  # the two do not displace each other
    rows = [row for kind in (live, pending) for row in _latest_changes(session, issue, kind)]
    ours = own_commits.issues_of(session, [row.release or "" for row in rows], issue.first_seen - CHANGES)
    hosted = _hosted(rt.policy, related)
    records = [_authored(as_record(row), ours) for row in rows]
    return [one for one in records if one.service in related or (not one.service and _of_repository(one, hosted))]


def _related(graph: Mapping[str, Sequence[str]], issue: Issue) -> set[str]:
    return {name for service in issue.affected or [""] for name in reached(service, graph)}


def _hosted(policy: Policy, services: Collection[str]) -> set[str]:
    """Where GitHub hosts the repositories of these services."""
    owners = [policy.services[name].repository for name in services if name in policy.services]
    return {policy.repositories[name].github for name in owners if name in policy.repositories}


def _latest_changes(session: Session, issue: Issue, kind: ColumnElement[bool]) -> Sequence[Signal]:
    rows = select(Signal).where(Signal.kind == Kind.CHANGE, kind, col(Signal.at) >= issue.first_seen - CHANGES)
    return session.exec(rows.order_by(col(Signal.at).desc()).limit(CHANGED)).all()


def _authored(change: Record, ours: Mapping[str, int]) -> Record:
    """The change with the platform as its author where it is a fix or a merge of the platform."""
    issue_id = ours.get(change.release or "")
    if issue_id is None:
        return change
    author = f"the platform, for issue {issue_id}"
    return change.model_copy(update={"attributes": {**change.attributes, "author": author}})


def _of_repository(change: Record, hosted: set[str]) -> bool:
    """Whether it belongs to one of these repositories; one that names none may be of any."""
    named = change.attributes.get("repository")
    return not named or named in hosted


def _past(session: Session, issue: Issue) -> list[str]:
    """Similar earlier issues, the most similar first, each with its outcome and resolution."""
    runs = {outcome.issue_id: outcome for outcome in _ended(session, issue)}
    issues = session.exec(select(Issue).where(col(Issue.id).in_(list(runs)))).all()
    found = memory.similar(_remembered(issue), [_remembered(past, runs[past.id]) for past in issues])
    return [f"issue {past.id} ({past.title[:80]}), {alike:.0%} alike: {past.cure}" for past, alike in found]


def _ended(session: Session, issue: Issue) -> list[Outcome]:
    """The latest outcomes of this fingerprint, pattern and service, oldest first; one index look-up each."""
    latest = select(Outcome).order_by(col(Outcome.created_at).desc()).limit(REMEMBERED)
    kin = select(Issue.id).where(Issue.fingerprint == issue.fingerprint).limit(REMEMBERED)
    same = select(Issue.id).where(Issue.of_service(*issue.affected)).order_by(col(Issue.id).desc()).limit(REMEMBERED)
    wheres = [col(Outcome.issue_id).in_(kin), col(Outcome.issue_id).in_(same)]
    wheres += [Outcome.pattern == issue.pattern] if issue.pattern else []
    rows = {row.id: row for where in wheres for row in session.exec(latest.where(where)).all()}
    return sorted(rows.values(), key=lambda row: (row.created_at, row.id))


def _remembered(issue: Issue, outcome: Outcome | None = None) -> memory.PastIssue:
    """The issue as memory stores it. A person's resolution names the person; a fix names the change."""
    cure = ""
    if outcome:
        by = f" by {outcome.by}" if outcome.result == "human" else ""
        how = (issue.resolution if outcome.result in ("fixed", "human") else "") or outcome.note
        cure = f"{RESULTS.get(outcome.result, outcome.result)}{by}" + (f": {how[:200]}" if how else "")
        if outcome.resolution and outcome.result != "human":  # independent of the fix's result
            cure += f"; then resolved by {outcome.resolved_by}: {outcome.resolution[:200]}"
    return memory.PastIssue(issue.id, issue.fingerprint, issue.pattern, issue.service, issue.title, cure)
