"""Restarts a run of an issue from one of its steps, as a fork of its workflow that keeps the earlier results.

A fork is a separate workflow. ``Issue.restarts`` counts the forks of a run and identifies the current one
(Issue.workflow_id). The count is raised before the fork is created: if the process dies in between, the workflow is
missing, and the next sweep creates it (core/stages/sweep.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dbos import SetWorkflowID
from sqlmodel import Session, col, or_, select

from core import runtime
from core.db import store
from core.models import Approval, Deployment, Issue
from core.ops import durable

ENDED = {
    "SUCCESS": "has ended",
    "ERROR": "has failed",
    "CANCELLED": "was cancelled",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "stopped after too many recovery attempts",
}
MISSING = "is missing"
AT_ONCE = 500  # workflows per query of the durable engine
# the steps that a person can restart from; for earlier ones there is "Start new run"
STAGES = {
    "review.run": "Review",
    "peer.look": "CodeRabbit review",
    "test.run": "Tests",
    "deploy.preview": "Preview",
    "deploy.ask": "Approval",
    "deploy.lane": "Release",
}


@dataclass(frozen=True)
class Step:
    """One recorded step of a workflow; a fork can start at its ``number``; ``error`` is its failure."""

    number: int
    name: str
    error: str = ""
    child: str = ""
    started_ms: int | None = None
    ended_ms: int | None = None

    @property
    def stage(self) -> str:
        return STAGES.get(self.name, "")


def ended(workflow_id: str) -> str:
    """How the workflow ended, in words; empty while it is live."""
    return how_ended([workflow_id])[workflow_id]


def how_ended(workflow_ids: Sequence[str]) -> dict[str, str]:
    """Like ``ended``, for many workflows at once.

    An issue whose stages Kestra runs has no workflow. A missing workflow is therefore normal if a Kestra server is
    connected, or if DBOS was never started.
    """
    if not durable.started():
        return dict.fromkeys(workflow_ids, "")
    missing = "" if runtime.current().settings.kestra_url else MISSING
    found = dict.fromkeys(workflow_ids, missing)
    for first in range(0, len(workflow_ids), AT_ONCE):
        asked = list(workflow_ids[first : first + AT_ONCE])
        for status in durable.client().list_workflows(workflow_ids=asked, load_input=False):
            found[status.workflow_id] = ENDED.get(status.status, "")
    return found


def steps(workflow_id: str) -> list[Step]:
    """The workflow's recorded steps in order; none for an unknown workflow."""
    if not durable.known(workflow_id):
        return []
    return [
        Step(
            row["function_id"],
            row["function_name"],
            str(row["error"] or ""),
            row["child_workflow_id"] or "",
            row.get("started_at_epoch_ms"),
            row.get("completed_at_epoch_ms"),
        )
        for row in durable.client().list_workflow_steps(workflow_id)
    ]


def choices(issue_id: int) -> dict[int, str]:
    """The steps that an issue's current run can be restarted from: their numbers and stages."""
    with store.read() as session:
        issue = session.get(Issue, issue_id)
    return {step.number: step.stage for step in steps(issue.workflow_id) if step.stage} if issue else {}


def resume_at(recorded: Sequence[Step], alive: Iterable[str] = ()) -> int:
    """The step where a fork must start to keep all finished work.

    A release whose result was not received starts again from its admission.
    """
    at = 1
    for step in recorded:
        lost = step.child and step.child not in alive
        if step.number != at or step.error or lost:
            return at
        at = step.number + 1
    return at


def count(session: Session, issue: Issue) -> str:
    """Count a restart of this run, in the caller's transaction; returns the id of the workflow to fork."""
    source = issue.workflow_id
    issue.restarts += 1
    issue.ended_at = None
    session.add(issue)
    return source


def fork(source: str, target: str, start: int) -> None:
    """Start ``target`` as a fork of ``source`` at this step; does nothing if it was started before."""
    if durable.known(target):
        return
    with SetWorkflowID(target):
        durable.client().fork_workflow(source, start, application_version=durable.VERSION, queue_name=durable.ISSUES)


def follow(issue: Issue, source: str) -> None:
    """Move the approvals of the forked workflow to the new one, which also receives an existing answer."""
    with store.write() as session:
        rows = session.exec(select(Approval).where(Approval.workflow_id == source)).all()
        for row in rows:
            row.workflow_id = issue.workflow_id
            if row.state in ("approved", "rejected"):
                answer = {"approved": row.state == "approved", "by": row.by, "reason": row.reason}
                topic, key = f"approval:{row.patch_hash}", f"approval-{row.id}-{issue.restarts}"
                durable.send_in(session, issue.workflow_id, answer, topic, key)


def in_production(session: Session, issue: Issue, *states: str) -> Deployment | None:
    """A production deployment of this issue that may be live: it is watched, or already at the vendor."""
    return session.exec(
        select(Deployment).where(
            Deployment.issue_id == issue.id,
            Deployment.environment == "production",
            or_(
                col(Deployment.status).in_(("watching", "reverting", *states)),
                (col(Deployment.status) == "pending") & (col(Deployment.vendor_id) != ""),
            ),
        )
    ).first()


def asleep(workflow_id: str) -> bool:
    """Does the workflow sleep until its window without receiving messages, as the first version did?"""
    return [step.name for step in steps(workflow_id)[-2:]] == ["decide.schedule", "DBOS.sleep"]


def wake(session: Session, issue: Issue, key: str, asleep: bool, requested_by: str | None = None) -> None:
    """End the wait of a scheduled issue, in the caller's transaction.

    A workflow that receives no messages starts again, and the caller cancels the old one.
    """
    if asleep:
        durable.begin(session, issue, requested_by)
    else:
        durable.wake(session, issue, key)
