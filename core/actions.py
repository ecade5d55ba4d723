"""What a person may do. Each action is one transaction: the change, its audit row, and the message to the
waiting workflow commit together, so that a second click, a second person or a crash changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session, col, select, update

from core import audit, durable, journal, notify, policies, runtime, store
from core.models import Approval, ChangeSet, Deployment, Issue, Status, now
from core.settings import ConfigurationError
from core.stages import learn, verify
from core.vendors.base import VendorError


@dataclass(frozen=True)
class Receipt:
    """``done`` is False when the very same action had been carried out before."""

    done: bool
    says: str


class Refused(Exception):
    """The action is not possible as things stand; the message says why."""


def approve(approval_id: int, *, actor: str, patch_hash: str, key: str) -> Receipt:
    """Release exactly the patch with this hash."""
    return _once(key, lambda session: _answer(session, approval_id, actor, True, "", key, patch_hash))


def reject(approval_id: int, *, actor: str, reason: str, key: str) -> Receipt:
    """Refuse the patch; the issue goes to a person and the refusal is learned from."""
    if not reason.strip():
        raise Refused("a rejection needs a reason: the platform learns from it")
    return _once(key, lambda session: _answer(session, approval_id, actor, False, reason, key, None))


def _answer(
    session: Session, approval_id: int, actor: str, yes: bool, reason: str, key: str, patch_hash: str | None
) -> str:
    asked = _get(session, Approval, approval_id, "this approval")
    if patch_hash is not None and asked.patch_hash != patch_hash:
        raise Refused("the patch has changed since you saw it; look at the new one first")
    if asked.state == "pending" and asked.expires_at <= now():
        raise Refused("the question has expired; retry the issue to ask again")
    claimed = session.exec(
        update(Approval)
        .where(col(Approval.id) == approval_id, col(Approval.state) == "pending")
        .values(state="approved" if yes else "rejected", by=actor, reason=reason, answered_at=now())
    )
    if claimed.rowcount != 1:
        raise Refused(f"already {asked.state}" + (f" by {asked.by}" if asked.by else ""))
    durable.send_in(
        session,
        asked.workflow_id,
        {"approved": yes, "by": actor, "reason": reason},
        f"approval:{asked.patch_hash}",
        f"approval-{approval_id}",
    )
    _note(
        session,
        actor,
        "approve" if yes else "reject",
        f"issue/{asked.issue_id}",
        key,
        {"approval": approval_id, "patch": asked.patch_hash, "reason": reason},
    )
    return "approved: the release starts" if yes else "rejected: a person takes over"


def escalate(issue_id: int, *, actor: str, to: str, reason: str, key: str) -> Receipt:
    """Take the issue from the platform and give it to a named person or group."""

    def act(session: Session) -> str:
        issue = _get(session, Issue, issue_id, "this issue")
        if issue.status in (Status.RESOLVED, Status.DISMISSED):
            raise Refused(f"the issue is {issue.status}")
        if issue.status in (Status.DEPLOYING, Status.WATCHING, Status.ROLLING_BACK):
            raise Refused("a deployment is under way; wait for its watch to end, or roll it back")
        waiting = session.exec(
            select(Approval).where(Approval.issue_id == issue_id, Approval.state == "pending")
        ).first()
        if waiting:
            _answer(session, waiting.id, actor, False, reason or f"escalated to {to}", f"{key}-answer", None)
        elif issue.status is not Status.ESCALATED:
            learn.remember(session, issue_id, issue.run, "escalated", reason, by=actor)
        issue.assignee = to
        journal.move(session, issue_id, Status.ESCALATED, f"escalated to {to} by {actor}. {reason}".strip())
        notify.queue(session, "escalated", issue, f"escalated-{issue_id}-{key}", issue.reason)
        _note(session, actor, "escalate", f"issue/{issue_id}", key, {"to": to, "reason": reason})
        return f"escalated to {to}"

    receipt = _once(key, act)
    _cancel(issue_id)
    return receipt


def retry(issue_id: int, *, actor: str, key: str) -> Receipt:
    """Start the issue's journey anew, with everything learned since."""

    def act(session: Session) -> str:
        issue = _get(session, Issue, issue_id, "this issue")
        if issue.status not in (Status.ESCALATED, Status.DISMISSED):
            raise Refused(f"the issue is {issue.status}: only an escalated or dismissed one can be tried again")
        durable.begin(session, issue)
        _note(session, actor, "retry", f"issue/{issue_id}", key, {"run": issue.run})
        return f"run {issue.run} has started"

    return _once(key, act)


def resolve(issue_id: int, *, actor: str, how: str, cured: bool, key: str) -> Receipt:
    """Record a person's own resolution; it is shown with similar issues from now on."""
    if not how.strip():
        raise Refused("say how it was resolved: the next similar issue will show it")

    def act(session: Session) -> str:
        issue = _get(session, Issue, issue_id, "this issue")
        if issue.status is not Status.ESCALATED:
            raise Refused(f"the issue is {issue.status}: escalate it before you resolve it by hand")
        learn.remember(session, issue_id, issue.run, "human", how, by=actor)
        issue.resolution = how
        journal.move(session, issue_id, Status.RESOLVED if cured else Status.DISMISSED, f"{how} ({actor})")
        _note(session, actor, "resolve", f"issue/{issue_id}", key, {"how": how, "cured": cured})
        return "recorded; similar issues will show it"

    return _once(key, act)


def dismiss(issue_id: int, *, actor: str, reason: str, key: str) -> Receipt:
    """Close the issue without a fix."""

    def act(session: Session) -> str:
        issue = _get(session, Issue, issue_id, "this issue")
        if issue.status not in (Status.ESCALATED, Status.NEW):
            raise Refused(f"the issue is {issue.status}: escalate it first")
        journal.move(session, issue_id, Status.DISMISSED, reason)
        _note(session, actor, "dismiss", f"issue/{issue_id}", key, {"reason": reason})
        return "dismissed"

    return _once(key, act)


def roll_back(deployment_id: int, *, actor: str, reason: str, key: str) -> Receipt:
    """Return production to what it served before this deployment; its issue is handed to a person."""
    with store.read() as session:
        row = _get(session, Deployment, deployment_id, "this deployment")
        if row.environment != "production" or row.status not in ("verified", "watching"):
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
    with store.read() as session:
        if _done(session, key):
            return Receipt(False, "already rolled back")
        issue = session.get_one(Issue, row.issue_id)
    durable.cancel(issue.workflow_id)
    try:
        says = verify.restore(runtime.current(), row)
    except VendorError as error:
        raise Refused(str(error)) from None

    def act(session: Session) -> str:
        fresh = session.get_one(Deployment, deployment_id)
        fresh.status, fresh.ended_at, fresh.note = "rolled_back", now(), f"{reason} ({actor})"
        session.get_one(ChangeSet, row.change_set_id).status = "rolled_back"
        issue = session.get_one(Issue, row.issue_id)
        learn.remember(session, issue.id, issue.run, "rolled_back", reason, by=actor)
        journal.move(session, issue.id, Status.ESCALATED, f"rolled back by {actor}: {reason}")
        notify.queue(session, "rolled_back", issue, f"rollback-{row.key}", f"{reason}. {says}")
        _note(session, actor, "roll_back", f"deployment/{deployment_id}", key, {"reason": reason, "says": says})
        return says

    return _once(key, act)


def change_policy(text: str, *, actor: str, reason: str, based_on: str, key: str) -> Receipt:
    """Put this text of platform.toml in force; ``based_on`` is the digest of the one it was made from."""
    if not reason.strip():
        raise Refused("a change of the policy needs a reason: it is kept in the audit trail")
    path = runtime.current().settings.platform_file

    def act(session: Session) -> str:
        made = policies.put_in_force(session, path, text, by=actor, reason=reason, based_on=based_on)
        detail = {"version": made.id, "before": based_on, "after": made.sha256, "reason": reason}
        _note(session, actor, "change_policy", "policy", key, detail)
        return f"version {made.id} of the policy is in force; the next decision follows it"

    try:
        return _once(key, act)
    except (policies.Stale, ConfigurationError) as error:
        raise Refused(str(error)) from None


# --- in common -------------------------------------------------------------------------------------


def _once(key: str, act) -> Receipt:
    """Carry out ``act(session)`` unless its key was used before."""
    with store.write() as session:
        if _done(session, key):
            return Receipt(False, "already done")
        says = act(session)
    with store.read() as session:
        audit.save_head(session, runtime.current().settings.data_dir)
    return Receipt(True, says)


def _done(session: Session, key: str) -> bool:
    return session.exec(select(audit.AuditRow.id).where(audit.AuditRow.key == key)).first() is not None


def _note(session: Session, actor: str, action: str, subject: str, key: str, detail: dict) -> None:
    audit.record(session, actor, action, subject, detail, key=key)


def _get(session: Session, table, row_id: int, what: str):
    row = session.get(table, row_id)
    if row is None:
        raise Refused(f"{what} does not exist")
    return row


def _cancel(issue_id: int) -> None:
    """Stop what still runs for an issue that a person has taken over."""
    with store.read() as session:
        issue = session.get_one(Issue, issue_id)
    if issue.status is Status.ESCALATED and issue.run:
        durable.cancel(issue.workflow_id)
