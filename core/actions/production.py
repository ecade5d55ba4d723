"""Actions on a deployment in production: roll it back, or keep it."""

from __future__ import annotations

from typing import Annotated

from sqlmodel import Session, col, select

from core import runtime
from core.access.rights import APPROVE, Actor, Refused
from core.actions.registry import (
    About,
    ActionResult,
    Dialog,
    Key,
    action,
    ask,
    bind,
    done,
    get,
    note,
    once,
    why,
)
from core.db import store
from core.models import ChangeSet, Deployment, Issue, Status, now
from core.ops import durable, notify, stage_log
from core.stages import learn
from core.stages.deliver import restoring
from core.stages.deliver.reverting import Restored
from core.vendors.base import VendorError


@action(
    APPROVE,
    "it changes what production runs",
    About.DEPLOYMENT,
    Dialog(
        "Roll back",
        "Roll production back?",
        "Production returns to the previous version. Where people merge, the revert is opened as a pull request. The "
        "issue is reopened and escalated.",
        shortcut="B",
    ),
)
def roll_back(deployment_id: int, *, actor: Actor, reason: Annotated[str, why()], key: str) -> ActionResult:
    """Return production to the previous deployment; the issue is escalated."""
    subject, content = f"deployment/{deployment_id}", {"reason": reason}
    who = ask("roll_back", actor, subject)
    with store.read() as session:
        if done(session, who, "roll_back", subject, bind(who, "roll_back", subject, key, content)):
            return ActionResult(False, "already rolled back")
        row = _may_roll_back(session, deployment_id)
        issue = session.get_one(Issue, row.issue_id)
    try:
        back = restoring.restore(runtime.current(), row)  # first: the guard holds until it has succeeded
    except VendorError as error:
        raise Refused(str(error)) from None
    durable.cancel(issue.workflow_id)

    def act(session: Session, who: Actor, key: Key) -> str:
        fresh = session.get_one(Deployment, deployment_id)
        fresh.status, fresh.ended_at, fresh.note, fresh.alarm = back.status, now(), f"{reason} ({who.name})", ""
        if back.status != "reverting":  # until the revert is merged, production serves the change
            session.get_one(ChangeSet, row.change_set_id).status = "rolled_back"
        issue = session.get_one(Issue, row.issue_id)
        _tell_rollback(session, issue, row, back, who.name, reason)
        note(session, who, "roll_back", f"deployment/{deployment_id}", key, {"reason": reason, "says": back.message})
        return back.message

    return once("roll_back", actor, subject, key, act, content)


def _tell_rollback(session: Session, issue: Issue, row: Deployment, back: Restored, who: str, reason: str) -> None:
    """Escalate the issue. It counts as rolled back only if production changed, not if a newer deployment stays."""
    if back.status == "reverting":
        learn.remember(session, issue.id, issue.run, "failed", reason, by=who)
        stage_log.move(session, issue.id, Status.ESCALATED, f"{back.message}; {who} asked for it: {reason}")
        notify.queue(session, "reverting", issue, f"reverting-{row.key}", f"{reason}. {back.message}")
        return
    moved = back.status == "rolled_back"
    learn.remember(session, issue.id, issue.run, "rolled_back" if moved else "escalated", reason, by=who)
    message = f"rolled back by {who}: {reason}" if moved else f"{back.message}; {who} asked for its rollback: {reason}"
    stage_log.move(session, issue.id, Status.ESCALATED, message)
    if moved:
        notify.queue(session, "rolled_back", issue, f"rollback-{row.key}", f"{reason}. {back.message}")


@action(
    APPROVE,
    "it ends the watch of what production runs",
    About.DEPLOYMENT,
    Dialog(
        "Keep",
        "Keep this deployment?",
        "The watch ends at its next look, unless that look finds a regression. The issue then counts as fixed.",
        shortcut="K",
    ),
)
def keep(
    deployment_id: int, *, actor: Actor, reason: Annotated[str, why("Why is it safe to keep?")], key: str
) -> ActionResult:
    """Confirm a deployment that is still watched; its watch ends at the next look unless that finds a regression."""
    if not reason.strip():
        raise Refused("Enter a reason. It is recorded in the audit trail.")

    def act(session: Session, who: Actor, key: Key) -> str:
        row = get(session, Deployment, deployment_id, "this deployment")
        if row.environment != "production" or row.status != "watching":
            raise Refused(f"This {row.environment} deployment is {row.status} and not being watched.")
        row.kept_by = who.name
        note(session, who, "keep", f"deployment/{deployment_id}", key, {"reason": reason})
        return "Kept. The watch ends at its next look, unless that look finds a regression."

    return once("keep", actor, f"deployment/{deployment_id}", key, act, {"reason": reason})


def _may_roll_back(session: Session, deployment_id: int) -> Deployment:
    row = get(session, Deployment, deployment_id, "this deployment")
    if row.environment != "production" or not (row.status in ("verified", "watching") or row.alarm):
        raise Refused(f"This {row.environment} deployment is {row.status} and cannot be rolled back.")
    newer = session.exec(
        select(Deployment.id).where(
            Deployment.repository == row.repository,
            Deployment.environment == "production",
            col(Deployment.id) > row.id,
            col(Deployment.status).in_(("verified", "watching")),
        )
    ).first()
    if newer:
        raise Refused(f"Deployment {newer} is newer. Roll that back first.")
    return row
