"""What a person may do. Each action asks the right first, with the role that the store gives at this moment, and is
one transaction: the change, its audit row, and the message to the waiting workflow commit together, so that a
second click, a second person or a crash changes nothing (core/actions/registry.py). What people decide of signals is in
core/actions/triage.py.

``actor`` is somebody who proved who they are: a session, a token, or a user of a signed Slack payload.
"""

from __future__ import annotations

from typing import Annotated

from sqlmodel import Session, col, select

from core import runtime
from core.access.rights import ADMINISTER, APPROVE, OPERATE, Actor, Refused
from core.actions import approvals
from core.actions.registry import (
    About,
    ActionResult,
    Asked,
    Dialog,
    Key,
    Shown,
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
from core.models import Approval, ChangeSet, Deployment, Issue, Status, now
from core.ops import durable, notify, stage_log
from core.policy import versions
from core.settings import ConfigurationError
from core.signals import triage_rules
from core.stages import learn
from core.stages.deliver import restoring
from core.stages.deliver.restoring import Restored
from core.vendors.base import VendorError


@action(
    APPROVE,
    "it releases a patch to production",
    About.APPROVAL,
    Dialog(
        "Approve",
        "Approve this patch for production?",
        "Exactly this patch is deployed and watched; a worse error rate or latency rolls it back. "
        "The approval is void if the patch changes.",
        shortcut="A",
        primary=True,
    ),
    in_slack=True,
)
def approve(
    approval_id: int, *, actor: Actor, patch_hash: Annotated[str, Shown(approvals.patch_of)], key: str
) -> ActionResult:
    """Release exactly the patch with this hash."""

    def act(session: Session, who: Actor, key: Key) -> str:
        asked = approvals.asked(session, approval_id, who, patch_hash)
        approvals.four_eyes(session, asked, who)
        approvals.give(session, asked, who.name, True, "")
        note(session, who, "approve", asked.issue_id, key, {"approval": approval_id, "patch": asked.patch_hash})
        return "approved: the release starts"

    return once("approve", actor, f"approval/{approval_id}", key, act, {"patch": patch_hash})


@action(
    APPROVE,
    "it answers an approval, and the platform learns from it",
    About.APPROVAL,
    Dialog("Reject", "Reject this patch?", "Nothing is deployed; the issue goes to a person.", shortcut="X"),
    in_slack=True,
)
def reject(
    approval_id: int, *, actor: Actor, reason: Annotated[str, why("Why is it rejected?")], key: str
) -> ActionResult:
    """Refuse the patch; the issue goes to a person and the refusal is learned from."""
    if not reason.strip():
        raise Refused("a rejection needs a reason: the platform learns from it")

    def act(session: Session, who: Actor, key: Key) -> str:
        asked = approvals.asked(session, approval_id, who)
        approvals.give(session, asked, who.name, False, reason)
        detail = {"approval": approval_id, "patch": asked.patch_hash, "reason": reason}
        note(session, who, "reject", asked.issue_id, key, detail)
        return "rejected: a person takes over"

    return once("reject", actor, f"approval/{approval_id}", key, act, {"reason": reason})


@action(
    APPROVE,
    "it chooses who answers an approval",
    About.APPROVAL,
    Dialog(
        "Escalate",
        "Whom should it be escalated to?",
        "The question stays open. From then on, only they or an admin can answer it.",
        shortcut="E",
    ),
)
def pass_on(
    approval_id: int,
    *,
    actor: Actor,
    to: Annotated[str, Asked("Person or group", "one", "Choose the person or group that is to answer.")],
    reason: Annotated[str, why("Why, and what should they know?")],
    key: str,
) -> ActionResult:
    """Escalate a question to a named approver or group; from then on they alone answer it."""

    def act(session: Session, who: Actor, key: Key) -> str:
        asked = approvals.asked(session, approval_id, who)
        asked.assignee = approvals.assignable(session, to)
        issue = session.get_one(Issue, asked.issue_id)
        says = f"{who.name} asks {to} to answer: {reason}".strip(": ")
        notify.queue(session, "approval_asked", issue, f"approval-{asked.id}-{key}", says)
        note(session, who, "pass_on", asked.issue_id, key, {"approval": approval_id, "to": to, "reason": reason})
        return f"escalated to {to}: they are asked now"

    return once("pass_on", actor, f"approval/{approval_id}", key, act, {"to": to, "reason": reason})


@action(
    APPROVE,
    "it chooses who answers an approval",
    About.APPROVAL,
    Dialog("Hand back", "Hand this question back?", "Every approver can answer it again.", shortcut="H"),
)
def hand_back(approval_id: int, *, actor: Actor, reason: Annotated[str, why()], key: str) -> ActionResult:
    """Give a question that was escalated to oneself back to every approver."""

    def act(session: Session, who: Actor, key: Key) -> str:
        asked = approvals.asked(session, approval_id, who)
        if asked.assignee is None:
            raise Refused("it is open to every approver already")
        detail = {"approval": approval_id, "from": asked.assignee, "reason": reason}
        asked.assignee = None
        note(session, who, "hand_back", asked.issue_id, key, detail)
        return "handed back: every approver can answer it"

    return once("hand_back", actor, f"approval/{approval_id}", key, act, {"reason": reason})


@action(
    OPERATE,
    "it answers an open approval with no, and stops the work",
    About.ISSUE,
    Dialog("Escalate", "Hand this issue to a person?", "Automatic work on it stops.", shortcut="E"),
    in_slack=True,
)
def escalate(
    issue_id: int,
    *,
    actor: Actor,
    to: Annotated[str, Asked("Who should take it?", "line", otherwise="on-call")],
    reason: Annotated[str, why("Why, and what should they know?")],
    key: str,
) -> ActionResult:
    """Take the issue from the platform and give it to a named person or group."""

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = get(session, Issue, issue_id, "this issue")
        if issue.status in (Status.RESOLVED, Status.DISMISSED):
            raise Refused(f"the issue is {issue.status}")
        if issue.status in (Status.DEPLOYING, Status.WATCHING, Status.ROLLING_BACK):
            raise Refused("a deployment is under way; wait for its watch to end, or roll it back")
        waiting = session.exec(
            select(Approval).where(Approval.issue_id == issue_id, Approval.state == "pending")
        ).first()
        if waiting:
            approvals.give(session, waiting, who.name, False, reason or f"escalated to {to}")
        elif issue.status is not Status.ESCALATED:
            learn.remember(session, issue_id, issue.run, "escalated", reason, by=who.name)
        issue.assignee = to
        stage_log.move(session, issue_id, Status.ESCALATED, f"escalated to {to} by {who.name}. {reason}".strip())
        notify.queue(session, "escalated", issue, f"escalated-{issue_id}-{key}", issue.reason)
        note(session, who, "escalate", issue_id, key, {"to": to, "reason": reason})
        return f"escalated to {to}"

    receipt = once("escalate", actor, f"issue/{issue_id}", key, act, {"to": to, "reason": reason})
    _cancel(issue_id)
    return receipt


@action(
    OPERATE,
    "it starts work, and names the person whom four eyes bar from approving it",
    About.ISSUE,
    Dialog("Try again", "Start a new run?", "The issue is analyzed, decided and fixed anew.", shortcut="N"),
)
def retry(issue_id: int, *, actor: Actor, key: str) -> ActionResult:
    """Start the issue's journey anew, with everything learned since."""

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = get(session, Issue, issue_id, "this issue")
        if issue.status not in (Status.ESCALATED, Status.DISMISSED):
            raise Refused(f"the issue is {issue.status}: only an escalated or dismissed one can be tried again")
        if issue.merged_into:
            raise Refused(f"the issue was merged into issue {issue.merged_into}: try that one")
        triage_rules.unknow(session, issue_id)
        durable.begin(session, issue, requested_by=who.name)
        note(session, who, "retry", issue_id, key, {"run": issue.run})
        return f"run {issue.run} has started"

    return once("retry", actor, f"issue/{issue_id}", key, act, {})


@action(
    OPERATE,
    "it ends an issue, and similar issues are judged by it",
    About.ISSUE,
    Dialog(
        "Resolve",
        "Record your own resolution?",
        "The platform learns from it: the next similar issue shows what cured this one.",
        shortcut="S",
    ),
)
def resolve(
    issue_id: int,
    *,
    actor: Actor,
    how: Annotated[str, why("What cured it?")],
    cured: Annotated[bool, Asked("The cause is cured, not only the symptom", "switch", otherwise=True)],
    key: str,
) -> ActionResult:
    """Record a person's own resolution; it is shown with similar issues from now on."""
    if not how.strip():
        raise Refused("say how it was resolved: the next similar issue will show it")

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = get(session, Issue, issue_id, "this issue")
        if issue.status is not Status.ESCALATED:
            raise Refused(f"the issue is {issue.status}: escalate it before you resolve it by hand")
        learn.resolved(session, issue_id, issue.run, how, who.name)
        issue.resolution = how
        stage_log.move(session, issue_id, Status.RESOLVED if cured else Status.DISMISSED, f"{how} ({who.name})")
        note(session, who, "resolve", issue_id, key, {"how": how, "cured": cured})
        return "recorded; similar issues will show it"

    return once("resolve", actor, f"issue/{issue_id}", key, act, {"how": how, "cured": cured})


@action(
    OPERATE,
    "it ends an issue, and later errors of its kind call nobody",
    About.ISSUE,
    Dialog("Dismiss", "Dismiss this issue?", "It is closed as not worth a fix and can be tried again.", shortcut="D"),
)
def dismiss(issue_id: int, *, actor: Actor, reason: Annotated[str, why()], key: str) -> ActionResult:
    """Close the issue without a fix."""

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = get(session, Issue, issue_id, "this issue")
        if issue.status not in (Status.ESCALATED, Status.NEW):
            raise Refused(f"the issue is {issue.status}: escalate it first")
        stage_log.move(session, issue_id, Status.DISMISSED, reason)
        triage_rules.know(session, issue_id, reason, who.name)
        note(session, who, "dismiss", issue_id, key, {"reason": reason})
        return "dismissed"

    return once("dismiss", actor, f"issue/{issue_id}", key, act, {"reason": reason})


@action(
    APPROVE,
    "it changes what production runs",
    About.DEPLOYMENT,
    Dialog(
        "Roll back",
        "Roll production back?",
        "Traffic returns to the version before; the issue is reopened and goes to a person.",
        shortcut="B",
    ),
)
def roll_back(deployment_id: int, *, actor: Actor, reason: Annotated[str, why()], key: str) -> ActionResult:
    """Return production to what it served before this deployment; its issue is handed to a person."""
    subject, content = f"deployment/{deployment_id}", {"reason": reason}
    who = ask("roll_back", actor, subject)
    with store.read() as session:
        if done(session, who, "roll_back", subject, bind(who, "roll_back", subject, key, content)):
            return ActionResult(False, "already rolled back")
        row = _may_roll_back(session, deployment_id)
        issue = session.get_one(Issue, row.issue_id)
    try:
        back = restoring.restore(runtime.current(), row)  # first: until it has succeeded the guard holds on
    except VendorError as error:
        raise Refused(str(error)) from None
    durable.cancel(issue.workflow_id)

    def act(session: Session, who: Actor, key: Key) -> str:
        fresh = session.get_one(Deployment, deployment_id)
        fresh.status, fresh.ended_at, fresh.note, fresh.alarm = back.status, now(), f"{reason} ({who.name})", ""
        session.get_one(ChangeSet, row.change_set_id).status = "rolled_back"
        issue = session.get_one(Issue, row.issue_id)
        _tell_rollback(session, issue, row, back, who.name, reason)
        note(session, who, "roll_back", f"deployment/{deployment_id}", key, {"reason": reason, "says": back.says})
        return back.says

    return once("roll_back", actor, subject, key, act, content)


def _tell_rollback(session: Session, issue: Issue, row: Deployment, back: Restored, who: str, reason: str) -> None:
    """The issue is a person's; it was rolled back only if production was moved, and not left to a newer deployment."""
    moved = back.status == "rolled_back"
    learn.remember(session, issue.id, issue.run, "rolled_back" if moved else "escalated", reason, by=who)
    says = f"rolled back by {who}: {reason}" if moved else f"{back.says}; {who} asked for its rollback: {reason}"
    stage_log.move(session, issue.id, Status.ESCALATED, says)
    if moved:
        notify.queue(session, "rolled_back", issue, f"rollback-{row.key}", f"{reason}. {back.says}")


@action(
    APPROVE,
    "it ends the watch of what production runs",
    About.DEPLOYMENT,
    Dialog(
        "Keep",
        "Keep this deployment?",
        "The watch ends at its next look unless that finds harm, and the issue counts as fixed.",
        shortcut="K",
    ),
)
def keep(
    deployment_id: int, *, actor: Actor, reason: Annotated[str, why("Why is it right?")], key: str
) -> ActionResult:
    """Confirm a deployment that is still watched: its watch ends at the next look unless that finds harm."""
    if not reason.strip():
        raise Refused("keeping a deployment needs a reason: it is kept in the audit trail")

    def act(session: Session, who: Actor, key: Key) -> str:
        row = get(session, Deployment, deployment_id, "this deployment")
        if row.environment != "production" or row.status != "watching":
            raise Refused(f"a {row.environment} deployment that is {row.status} is not being watched")
        row.kept_by = who.name
        note(session, who, "keep", f"deployment/{deployment_id}", key, {"reason": reason})
        return "kept: the watch ends at its next look unless that finds harm"

    return once("keep", actor, f"deployment/{deployment_id}", key, act, {"reason": reason})


def _may_roll_back(session: Session, deployment_id: int) -> Deployment:
    row = get(session, Deployment, deployment_id, "this deployment")
    if row.environment != "production" or not (row.status in ("verified", "watching") or row.alarm):
        raise Refused(f"a {row.environment} deployment that is {row.status} cannot be rolled back")
    newer = session.exec(
        select(Deployment.id).where(
            Deployment.repository == row.repository,
            Deployment.environment == "production",
            col(Deployment.id) > row.id,
            col(Deployment.status).in_(("verified", "watching")),
        )
    ).first()
    if newer:
        raise Refused(f"deployment {newer} came after it: roll that back first")
    return row


@action(
    ADMINISTER,
    "it decides what needs an approval at all",
    About.POLICY,
    Dialog(
        "Put in force",
        "Put this policy in force?",
        "The next decision follows it; past decisions stay as they are. The present text is kept as a version that "
        "you can return to.",
        shortcut="P",
        primary=True,
    ),
)
def change_policy(text: str, *, actor: Actor, reason: Annotated[str, why()], based_on: str, key: str) -> ActionResult:
    """Put this text of platform.toml in force; ``based_on`` is the digest of the one it was made from."""
    if not reason.strip():
        raise Refused("a change of the policy needs a reason: it is kept in the audit trail")
    path = runtime.current().settings.platform_file

    def act(session: Session, who: Actor, key: Key) -> str:
        made = versions.put_in_force(session, path, text, by=who.name, reason=reason, based_on=based_on)
        detail = {"version": made.id, "before": based_on, "after": made.sha256, "reason": reason}
        note(session, who, "change_policy", "policy", key, detail)
        return f"version {made.id} of the policy is in force; the next decision follows it"

    try:
        return once("change_policy", actor, "policy", key, act, {"text": text, "reason": reason})
    except (versions.Stale, ConfigurationError) as error:
        raise Refused(str(error)) from None


def _cancel(issue_id: int) -> None:
    """Stop what still runs for an issue that a person has taken over."""
    with store.read() as session:
        issue = session.get_one(Issue, issue_id)
    if issue.status is Status.ESCALATED and issue.run:
        durable.cancel(issue.workflow_id)
