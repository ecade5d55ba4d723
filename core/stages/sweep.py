"""The sweep of each round: every open issue has a live workflow, and no wait outlasts its cause.

An open issue whose workflow ended, was cancelled or is missing is restarted from its last finished step. After
``RESTARTS`` restarts of one run it is escalated, with the reason; an issue whose deployment may be live is restarted
without a limit, because its watch must not stop.
"""

from __future__ import annotations

import logging

from sqlmodel import col, select

from core.db import store
from core.decision import windows
from core.models import ENDED, Issue, Status, Worker, now
from core.models.counted import counted
from core.ops import durable, restart
from core.runtime import Runtime
from core.stages import handover
from core.stages.context import StepContext
from core.stages.deliver import admission

log = logging.getLogger(__name__)
RESTARTS = 3  # per run


def sweep(rt: Runtime) -> list[int]:
    """Run the sweep; returns the ids of the issues that were restarted or escalated."""
    _adopt()
    with store.write() as session:
        admission.return_abandoned(session)
    issues = _open()
    ended = restart.how_ended([issue.workflow_id for issue in issues])
    return [issue.id for issue in issues if _mended(rt, issue, ended[issue.workflow_id])]


def _mended(rt: Runtime, issue: Issue, how: str) -> bool:
    """Repair one issue. A failure is retried in the next round and does not block other issues."""
    try:
        return _mend(rt, issue, how)
    except Exception:
        log.exception("the workflow of issue %s could not be repaired", issue.id)
        return False


def _open() -> list[Issue]:
    with store.read() as session:
        rows = select(Issue).where(col(Issue.status).not_in((*ENDED, Status.NEW)), Issue.run > 0)
        return list(session.exec(rows.order_by(col(Issue.id))))


def _adopt() -> None:
    """Adopt the work of executors without a process: reap misses a worker that was shut down normally."""
    if not durable.started():
        return
    with store.read() as session:
        known = set(session.exec(select(Worker.executor_id)).all())
    for status in durable.client().list_workflows(status="PENDING", load_input=False):
        if status.executor_id not in known:
            log.warning("adopted workflow %s, which had no worker", status.workflow_id)
            durable.client().resume_workflow(status.workflow_id, queue_name=status.queue_name or durable.ISSUES)


def _mend(rt: Runtime, issue: Issue, how: str) -> bool:
    if not how:
        if issue.status is Status.SCHEDULED:
            _wake(rt, issue)
        return False
    if how == restart.MISSING and issue.restarts:
        _fork(issue, issue.workflow_of(issue.restarts - 1))  # counted, but not forked
        return True
    return _restart(rt, issue, how)


def _restart(rt: Runtime, issue: Issue, how: str) -> bool:
    """Restart the issue if it is unchanged: of two simultaneous sweeps, only one succeeds."""
    with store.write() as session:
        kept = session.get_one(Issue, issue.id)
        if kept.status in ENDED or kept.workflow_id != issue.workflow_id:
            return False
        if how == restart.MISSING:
            durable.start_in(session, "journey", kept.workflow_id, kept.id, kept.run)
            return True
        done = how == restart.ENDED["SUCCESS"] or kept.restarts >= RESTARTS
        done = done and restart.in_production(session, kept) is None
        if not done:
            source = restart.count(session, kept)
    if done:
        tried = f" It was restarted {counted(kept.restarts, 'time')} without success." if kept.restarts else ""
        reason = f"The workflow {how}.{tried}"
        handover.run(StepContext(rt, issue.id, issue.run), "workflow_failed", reason)
        return True
    log.warning("issue %s: its workflow %s; it is restarted", issue.id, how)
    _fork(kept, source)
    return True


def _fork(issue: Issue, source: str) -> None:
    alive = {status.workflow_id for status in durable.family(source) if status.status in (*durable.LIVE, "SUCCESS")}
    restart.fork(source, issue.workflow_id, restart.resume_at(restart.steps(source), alive))
    restart.follow(issue, source)


def _wake(rt: Runtime, issue: Issue) -> None:
    """Wake a scheduled issue whose window opened earlier than planned."""
    at = now()
    due = issue.scheduled_for is None or issue.scheduled_for <= at  # it wakes without help
    if not due and windows.maintenance_opens(at, rt.policy.maintenance) <= at:
        wake(issue, f"window-{at:%Y%m%d%H%M}")


def wake(issue: Issue, key: str) -> None:
    """End the wait of a scheduled issue."""
    asleep = restart.asleep(issue.workflow_id)
    with store.write() as session:
        kept = session.get_one(Issue, issue.id)
        if kept.status is not Status.SCHEDULED or kept.workflow_id != issue.workflow_id:
            return
        restart.wake(session, kept, key, asleep)
    if asleep:
        durable.cancel(issue.workflow_id)
