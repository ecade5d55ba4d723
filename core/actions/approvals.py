"""Actions on the pending approval of an issue: approve, reject, reassign, hand back."""

from __future__ import annotations

from typing import Annotated

from sqlmodel import Session

from core.access.rights import APPROVE, Actor, Refused
from core.actions import answering
from core.actions.registry import (
    About,
    ActionResult,
    Asked,
    Dialog,
    Key,
    Shown,
    action,
    note,
    once,
    why,
)
from core.models import Issue
from core.ops import notify


@action(
    APPROVE,
    "it releases a patch to production",
    About.APPROVAL,
    Dialog(
        "Approve",
        "Approve this patch for production?",
        "Exactly this patch is deployed and watched. A worse error rate or latency rolls it back. "
        "The approval is void if the patch changes.",
        shortcut="A",
        primary=True,
    ),
    in_slack=True,
)
def approve(
    approval_id: int, *, actor: Actor, patch_hash: Annotated[str, Shown(answering.patch_of)], key: str
) -> ActionResult:
    """Approve exactly this patch for production."""

    def act(session: Session, who: Actor, key: Key) -> str:
        asked = answering.asked(session, approval_id, who, patch_hash)
        answering.four_eyes(session, asked, who)
        answering.give(session, asked, who.name, True, "")
        note(session, who, "approve", asked.issue_id, key, {"approval": approval_id, "patch": asked.patch_hash})
        return "Approved. The release starts."

    return once("approve", actor, f"approval/{approval_id}", key, act, {"patch": patch_hash})


@action(
    APPROVE,
    "it answers an approval, and the platform learns from it",
    About.APPROVAL,
    Dialog("Reject", "Reject this patch?", "Nothing is deployed. The issue is escalated.", shortcut="X"),
    in_slack=True,
)
def reject(
    approval_id: int, *, actor: Actor, reason: Annotated[str, why("Why is it rejected?")], key: str
) -> ActionResult:
    """Reject the patch; the issue is escalated, and the platform learns from the rejection."""
    if not reason.strip():
        raise Refused("Enter a reason for the rejection. The platform learns from it.")

    def act(session: Session, who: Actor, key: Key) -> str:
        asked = answering.asked(session, approval_id, who)
        answering.give(session, asked, who.name, False, reason)
        detail = {"approval": approval_id, "patch": asked.patch_hash, "reason": reason}
        note(session, who, "reject", asked.issue_id, key, detail)
        return "Rejected. The issue is escalated."

    return once("reject", actor, f"approval/{approval_id}", key, act, {"reason": reason})


@action(
    APPROVE,
    "it chooses who answers an approval",
    About.APPROVAL,
    Dialog(
        "Reassign",
        "Reassign this approval?",
        "The approval stays open. Only the assignee or an admin can answer it.",
        shortcut="E",
    ),
)
def pass_on(
    approval_id: int,
    *,
    actor: Actor,
    to: Annotated[str, Asked("Person or group", "one", "Choose a person or group.")],
    reason: Annotated[str, why("Reason and context")],
    key: str,
) -> ActionResult:
    """Assign an approval to an approver or group; from then on only they or an admin can answer it."""

    def act(session: Session, who: Actor, key: Key) -> str:
        asked = answering.asked(session, approval_id, who)
        asked.assignee = answering.assignable(session, to)
        issue = session.get_one(Issue, asked.issue_id)
        message = f"{who.name} assigned this approval to {to}: {reason}".strip(": ")
        notify.queue(session, "approval_asked", issue, f"approval-{asked.id}-{key}", message)
        note(session, who, "pass_on", asked.issue_id, key, {"approval": approval_id, "to": to, "reason": reason})
        return f"Assigned to {to}. They are notified."

    return once("pass_on", actor, f"approval/{approval_id}", key, act, {"to": to, "reason": reason})


@action(
    APPROVE,
    "it chooses who answers an approval",
    About.APPROVAL,
    Dialog("Hand back", "Hand this approval back?", "Any approver can answer it again.", shortcut="H"),
)
def hand_back(approval_id: int, *, actor: Actor, reason: Annotated[str, why()], key: str) -> ActionResult:
    """Return an assigned approval, so that any approver can answer it."""

    def act(session: Session, who: Actor, key: Key) -> str:
        asked = answering.asked(session, approval_id, who)
        if asked.assignee is None:
            raise Refused("Any approver can already answer it.")
        detail = {"approval": approval_id, "from": asked.assignee, "reason": reason}
        asked.assignee = None
        note(session, who, "hand_back", asked.issue_id, key, detail)
        return "Handed back. Any approver can answer it."

    return once("hand_back", actor, f"approval/{approval_id}", key, act, {"reason": reason})
