"""Learn: merges a verified fix, closes its issue at every source, and records the outcome for later decisions.

A refused merge does not change this: it is retried separately (core/stages/deliver/merge.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlmodel import Session, col, select

from core.audit import effects
from core.db import store
from core.models import ChangeSet, Deployment, Issue, Outcome, Signal, Status, now
from core.models.counted import counted
from core.ops import notify, stage_log
from core.runtime import Runtime
from core.stages.context import StageContext
from core.stages.deliver import merge
from core.stages.results import Learned
from core.vendors.base import Resolver, VendorError

RECORDS = 10_000  # of an issue, among which its reports at a source are looked for


def run(context: StageContext, change_id: int) -> Learned:
    rt, issue_id, run, entry = context.runtime, context.issue_id, context.run, context.log
    with store.read() as session:
        issue, change = session.get_one(Issue, issue_id), session.get_one(ChangeSet, change_id)
    merging, message = merge.attempt(rt, issue, change)
    entry.message = "; ".join(filter(None, [message, *close_reports(rt, issue_id)]))
    with store.write() as session:
        change = session.get_one(ChangeSet, change_id)
        change.status = "merged" if merging == "merged" and change.pull_number else "deployed"
        shipped = session.exec(
            select(Deployment).where(Deployment.change_set_id == change_id, Deployment.environment == "production")
        ).all()
        for row in shipped:
            row.status, row.ended_at = ended(row), row.ended_at or now()
        remember(session, issue_id, run, "fixed", entry.message)
        issue = stage_log.move(session, issue_id, Status.RESOLVED, how(shipped))
        issue.resolution = f"{change.generator}: {change.title}"
        notify.queue(session, "resolved", issue, f"resolved-{issue_id}-{run}", issue.resolution)
        note(session, issue_id, run, "resolved", {"sha": change.head_sha})
        if merging == "refused":
            merge.outstanding(session, issue, change, message)
    return Learned(ok=True, outstanding=merging != "merged")


def ended(row: Deployment) -> str:
    return "superseded" if row.status == "superseded" else "verified"


def how(shipped: Sequence[Deployment]) -> str:
    """Why the issue counts as fixed, in words."""
    last = max(shipped, key=lambda row: row.id, default=None)
    if last and last.status == "superseded":
        return f"fixed; {last.note}"
    return f"Fixed, deployed and kept by {last.kept_by}" if last and last.kept_by else "Fixed, deployed and verified"


def close_reports(rt: Runtime, issue_id: int) -> Iterator[str]:
    """Resolve the issue's reports at their sources; a vendor's refusal does not undo a verified fix."""
    for source in rt.sources:
        if isinstance(source, Resolver):
            yield _closed(source, _reported(issue_id, source.name))


def _closed(source: Resolver, reported: Sequence[str]) -> str:
    """The result in words; empty if the source has no report of the issue."""
    try:
        closed = source.resolve(reported) if reported else 0
    except VendorError as error:
        return f"not resolved at {source.name}: {error.message}"
    return f"{counted(closed, 'report')} resolved at {source.name}" if closed else ""


def _reported(issue_id: int, source: str) -> Sequence[str]:
    """The names of the newest records of a source in the issue."""
    mine = select(Signal.vendor_id).where(Signal.issue_id == issue_id, Signal.source == source)
    with store.read() as session:
        return session.exec(mine.order_by(col(Signal.id).desc()).limit(RECORDS)).all()


KEPT = ("fixed", "rolled_back", "rejected")  # results of a fix; a person's resolution is a separate fact


def remember(session: Session, issue_id: int, run: int, result: str, message: str, by: str = "platform") -> None:
    """Record one outcome for each run. It is final, except that a rollback replaces the outcome of a fix."""
    row = _outcome(session, issue_id, run, result)
    if row.id is None or row.result not in KEPT or (row.result == "fixed" and result == "rolled_back"):
        row.result, row.note, row.by = result, message[:2000], by


def resolved(session: Session, issue_id: int, run: int, how: str, by: str) -> None:
    """A person resolved the issue of this run. This sets the result "human" only for a run without a fix."""
    row = _outcome(session, issue_id, run, "human")
    row.resolution, row.resolved_by = how[:2000], by
    if row.result in ("human", "escalated"):
        row.result, row.note, row.by = "human", how[:2000], by


def _outcome(session: Session, issue_id: int, run: int, result: str) -> Outcome:
    """The outcome of this run, created if missing, with the issue's current figures."""
    issue = session.get_one(Issue, issue_id)
    row = session.exec(select(Outcome).where(Outcome.issue_id == issue_id, Outcome.run == run)).first()
    row = row or Outcome(issue_id=issue_id, run=run, pattern=issue.pattern, result=result)
    row.service, row.pattern, row.verdict, row.confidence = (
        issue.service,
        issue.pattern,
        issue.verdict,
        issue.confidence,
    )
    row.detect_seconds = (issue.created_at - issue.first_seen).total_seconds()
    row.total_seconds = (now() - issue.first_seen).total_seconds()
    session.add(row)
    return row


def note(session: Session, issue_id: int, run: int, action: str, detail: dict) -> None:
    """An audit row of a platform action, once for each run."""
    effects.once(session, action, f"issue/{issue_id}", detail, f"issue-{issue_id}-run-{run}-{action}")
