"""Answers to an approval: whether it is pending, who may answer it, and the answer itself.

An approval is bound to the hash of one patch. It is void if the patch changes, if it expires, and after the first
answer.
"""

from __future__ import annotations

from sqlmodel import Session, col, update

from core import runtime
from core.access import accounts
from core.access.rights import APPROVE, Actor, Refused
from core.db import store
from core.models import Approval, ChangeSet, Issue, now
from core.models.access import Role
from core.ops import durable, restart
from core.policy.reader import Policy


def asked(session: Session, approval_id: int, who: Actor, patch_hash: str | None = None) -> Approval:
    """The pending approval, if ``who`` may answer it. Raises Refused."""
    row = session.get(Approval, approval_id)
    if row is None:
        raise Refused("This approval does not exist.")
    if row.state != "pending":
        way_out = ". No work waits for this answer. Restart the issue from a stage, or start a new run."
        by = f" by {row.by}" if row.by else ""
        raise Refused(f"Already {row.state}{by}" + (way_out if row.state == "stale" else ""))
    if row.expires_at <= now():
        raise Refused("The approval has expired. Start a new run of the issue to request another.")
    change = session.get_one(ChangeSet, row.change_set_id)
    if change.patch_hash != row.patch_hash:
        raise Refused("The patch has changed since the approval was requested. The approval is void.")
    if patch_hash is not None and patch_hash != row.patch_hash:
        raise Refused("The patch has changed since you saw it. Review the new patch first.")
    if ended := restart.ended(row.workflow_id):
        raise Refused(
            f"No work waits for this answer: the workflow that requested it {ended}. The next collection cycle "
            "restarts it, or you can restart it from a stage on the issue's page."
        )
    if not mine(row, who, runtime.current().policy):
        raise Refused(f"Assigned to {row.assignee}. Only they or an admin can answer it.")
    return row


def patch_of(approval_id: int) -> str:
    """The hash of the approval's patch; empty if there is no such approval."""
    with store.read() as session:
        row = session.get(Approval, approval_id)
        return row.patch_hash if row else ""


def mine(row: Approval, who: Actor, policy: Policy) -> bool:
    """Does its assignee allow this approver to answer it?"""
    if row.assignee is None:
        return True
    members = policy.access.groups.get(row.assignee, ())
    return who.name == row.assignee or who.name in members or who.role is Role.ADMIN


def barred(row: Approval, service: str, who: Actor, policy: Policy) -> str:
    """Why the four-eyes rule bars this person from approving; empty if they may approve."""
    return barred_from(row.requested_by, service, who, policy)


def barred_from(requested_by: str | None, service: str, who: Actor, policy: Policy) -> str:
    """Like ``barred``, for a fix that this person requested."""
    watched = policy.approval.four_eyes == "always" or policy.is_critical(service)
    if watched and requested_by == who.name:
        return f"Four eyes: {who.name} requested this fix of {service}, so somebody else must approve it."
    return ""


def four_eyes(session: Session, row: Approval, who: Actor) -> None:
    """Raises Refused if the requester of the fix would approve it."""
    policy = runtime.current().policy
    service = policy.worst_of(session.get_one(Issue, row.issue_id).affected)
    if message := barred(row, service, who, policy):
        raise Refused(message)


def assignable(session: Session, to: str) -> str:
    """A group of the policy, or a person who may approve. Raises Refused."""
    if to in assignees(session, runtime.current().policy):
        return to
    raise Refused(f"{to!r} is neither a group nor an approver.")


def assignees(session: Session, policy: Policy) -> list[str]:
    """Who an approval can be assigned to: the groups, then the approvers."""
    return [*sorted(policy.access.groups), *accounts.holders(session, APPROVE)]


def give(session: Session, row: Approval, by: str, yes: bool, reason: str) -> None:
    """Answer it and notify the waiting workflow, in the caller's transaction; refuse a simultaneous second answer."""
    claimed = session.exec(
        update(Approval)
        .where(col(Approval.id) == row.id, col(Approval.state) == "pending")
        .values(state="approved" if yes else "rejected", by=by, reason=reason, answered_at=now())
    )
    if claimed.rowcount != 1:
        session.refresh(row)
        raise Refused(f"Already {row.state}" + (f" by {row.by}" if row.by else ""))
    durable.send_in(
        session,
        row.workflow_id,
        {"approved": yes, "by": by, "reason": reason},
        f"approval:{row.patch_hash}",
        f"approval-{row.id}",
    )
