"""Actions on issues: escalate, retry, resolve, dismiss.

Each action first checks the right against the person's current role. It is one transaction: the change, its audit row
and the message to the waiting workflow commit together, so a second click, a second person or a crash changes nothing
(core/actions/registry.py). ``actor`` is authenticated by a session, a token or a signed Slack payload.
"""

from __future__ import annotations

from typing import Annotated

from sqlmodel import Session, select

from core.access.rights import OPERATE, Actor, Refused
from core.actions import answering
from core.actions.registry import (
    About,
    ActionResult,
    Asked,
    Dialog,
    Key,
    action,
    get,
    note,
    once,
    why,
)
from core.db import store
from core.models import Approval, Issue, Status
from core.ops import durable, notify, stage_log
from core.signals import triage_rules
from core.stages import learn


@action(
    OPERATE,
    "it rejects a pending approval, and stops the work",
    About.ISSUE,
    Dialog("Escalate", "Escalate this issue to a person?", "Automatic work on it stops.", shortcut="E"),
    in_slack=True,
)
def escalate(
    issue_id: int,
    *,
    actor: Actor,
    to: Annotated[str, Asked("Who should take it?", "line", otherwise="on-call")],
    reason: Annotated[str, why("Reason and context")],
    key: str,
) -> ActionResult:
    """Stop automatic work on the issue and assign it to a person or group."""

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = get(session, Issue, issue_id, "this issue")
        if issue.status in (Status.RESOLVED, Status.DISMISSED):
            raise Refused(f"The issue is already {issue.status}.")
        if issue.status in (Status.DEPLOYING, Status.WATCHING, Status.ROLLING_BACK):
            raise Refused("A deployment is in progress. Wait for its watch to end, or roll it back.")
        waiting = session.exec(
            select(Approval).where(Approval.issue_id == issue_id, Approval.state == "pending")
        ).first()
        if waiting:
            answering.give(session, waiting, who.name, False, reason or f"escalated to {to}")
        elif issue.status is not Status.ESCALATED:
            learn.remember(session, issue_id, issue.run, "escalated", reason, by=who.name)
        issue.assignee = to
        stage_log.move(session, issue_id, Status.ESCALATED, f"escalated to {to} by {who.name}. {reason}".strip())
        notify.queue(session, "escalated", issue, f"escalated-{issue_id}-{key}", issue.reason)
        note(session, who, "escalate", issue_id, key, {"to": to, "reason": reason})
        return f"Escalated to {to}."

    receipt = once("escalate", actor, f"issue/{issue_id}", key, act, {"to": to, "reason": reason})
    _cancel(issue_id)
    return receipt


@action(
    OPERATE,
    "it starts work, and records the person whom four eyes keep from approving it",
    About.ISSUE,
    Dialog("Start new run", "Start a new run?", "The issue is analyzed, decided and fixed again.", shortcut="N"),
)
def retry(issue_id: int, *, actor: Actor, key: str) -> ActionResult:
    """Start a new run of the issue, with everything learned since."""

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = get(session, Issue, issue_id, "this issue")
        if issue.status not in (Status.ESCALATED, Status.DISMISSED):
            raise Refused(f"The issue is {issue.status}. Only an escalated or dismissed issue can start a new run.")
        if issue.merged_into:
            raise Refused(f"The issue was merged into issue {issue.merged_into}. Start a new run of that one.")
        triage_rules.unknow(session, issue_id)
        durable.begin(session, issue, requested_by=who.name)
        note(session, who, "retry", issue_id, key, {"run": issue.run})
        return f"Run {issue.run} has started."

    return once("retry", actor, f"issue/{issue_id}", key, act, {})


@action(
    OPERATE,
    "it ends an issue, and similar issues are judged by it",
    About.ISSUE,
    Dialog(
        "Resolve",
        "Record your own resolution?",
        "The platform learns from it. Similar issues will show how this one was resolved.",
        shortcut="S",
    ),
)
def resolve(
    issue_id: int,
    *,
    actor: Actor,
    how: Annotated[str, why("How was it resolved?")],
    cured: Annotated[bool, Asked("The cause is fixed, not only the symptom", "switch", otherwise=True)],
    key: str,
) -> ActionResult:
    """Record a person's own resolution; similar issues show it from now on."""
    if not how.strip():
        raise Refused("Enter how it was resolved. Similar issues will show it.")

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = get(session, Issue, issue_id, "this issue")
        if issue.status is not Status.ESCALATED:
            raise Refused(f"The issue is {issue.status}. Escalate it before you resolve it yourself.")
        learn.resolved(session, issue_id, issue.run, how, who.name)
        issue.resolution = how
        stage_log.move(session, issue_id, Status.RESOLVED if cured else Status.DISMISSED, f"{how} ({who.name})")
        note(session, who, "resolve", issue_id, key, {"how": how, "cured": cured})
        return "Recorded. Similar issues will show it."

    return once("resolve", actor, f"issue/{issue_id}", key, act, {"how": how, "cured": cured})


@action(
    OPERATE,
    "it ends an issue, and later errors of its kind alert nobody",
    About.ISSUE,
    Dialog(
        "Dismiss",
        "Dismiss this issue?",
        "The issue is closed without a fix. You can start a new run later.",
        shortcut="D",
    ),
)
def dismiss(issue_id: int, *, actor: Actor, reason: Annotated[str, why()], key: str) -> ActionResult:
    """Close the issue without a fix."""

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = get(session, Issue, issue_id, "this issue")
        if issue.status not in (Status.ESCALATED, Status.NEW):
            raise Refused(f"The issue is {issue.status}. Escalate it first.")
        stage_log.move(session, issue_id, Status.DISMISSED, reason)
        triage_rules.know(session, issue_id, reason, who.name)
        note(session, who, "dismiss", issue_id, key, {"reason": reason})
        return "Dismissed."

    return once("dismiss", actor, f"issue/{issue_id}", key, act, {"reason": reason})


def _cancel(issue_id: int) -> None:
    """Cancel work that still runs for an issue that a person has taken over."""
    with store.read() as session:
        issue = session.get_one(Issue, issue_id)
    if issue.status is Status.ESCALATED and issue.run:
        durable.cancel(issue.workflow_id)
