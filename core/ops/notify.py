"""Notifications. A message is queued in the transaction that causes it, and sent afterwards.

The policy's [routes] choose the channels; an issue's subscribers get each of its messages (core/ops/subscribers.py).
The key removes duplicates: a second message with it only counts as a repeat. A failure is stored with its reason and
retried with growing waits, a bounded number of times. A process that is killed between sending and recording sends
again: nothing is lost, and the Message-ID of an e-mail lets mail clients merge the two.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, or_, select, update

from core import runtime
from core.db import store
from core.models import Approval, Issue, Notification, now
from core.models.counted import counted
from core.ops import subscribers
from core.runtime import Runtime
from core.vendors.base import Message, Notifier, Question, VendorError

SUBJECTS = {
    "workflow_failed": "Workflow failed",
    "error_rate": "High error rate",
    "deployment_failed": "Deployment failed",
    "rolled_back": "Rolled back",
    "ready_for_review": "Ready for review",
    "reverting": "Revert ready for review",
    "watch_unsure": "Keep or roll back?",
    "superseded": "Another deployment serves production",
    "tests_failed": "Tests failed",
    "no_fix": "No fix found",
    "escalated": "Issue escalated",
    "low_confidence": "Low confidence",
    "refused": "Fix rejected",
    "approval_asked": "Approval needed",
    "approval_expired": "Approval expired",
    "rate_limit": "Deployment limit reached",
    "performance": "Performance degradation",
    "resolved": "Fixed and verified",
    "unverified": "Production serves an unverified build",
    "merge_outstanding": "Merge pending",
    "audit_head": "Audit trail head",
    "audit_failed": "Audit trail verification failed",
    "brake": "Automatic releases on hold",
    "stopped": "Releases stopped or started",
}
ATTEMPTS = 6  # over about eight minutes
FIRST_WAIT, LONGEST_WAIT = 15.0, 600.0  # seconds between attempts
LEASE = timedelta(minutes=3)  # longer than any sending takes; after it, another process may retry
BURST = 5  # messages of a channel per pass, every five seconds: Slack allows one per second


def queue(session: Session, event: str, issue: Issue, key: str, body: str, approval_id: int | None = None) -> None:
    """Queue one message for each channel of the event's route, in the caller's transaction."""
    about = f"{issue.title[:120]} ({issue.where})"
    _queue(session, event, key, about, body, issue_id=issue.id, approval_id=approval_id)


def once(session: Session, event: str, issue: Issue, key: str, body: str) -> None:
    """Like ``queue``, but a second message with the key is ignored and does not count as a repeat."""
    queued = col(Notification.key).startswith(f"{key}-", autoescape=True)
    if session.exec(select(Notification.id).where(queued).limit(1)).first() is None:
        queue(session, event, issue, key, body)


def announce(session: Session, event: str, key: str, about: str, body: str) -> None:
    """Like ``queue``, for messages without an issue."""
    _queue(session, event, key, about, body)


def _queue(session: Session, event: str, key: str, about: str, body: str, **of: Any) -> None:
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    route = getattr(runtime.current().policy.routes, event)
    for channel, receiver in [*((name, "") for name in route), *subscribers.ways(session, of.get("issue_id"), route)]:
        row = Notification(
            key=f"{key}-{channel}" + (f"-{receiver}" if receiver else ""),
            channel=channel,
            receiver=receiver,
            event=event,
            subject=f"{SUBJECTS[event]}: {about}",
            body=body[:4000],
            state="sent" if channel == "console" else "pending",
            **of,
        )
        session.connection().execute(
            dialect.insert(Notification)
            .values(row.model_dump(exclude={"id"}))
            .on_conflict_do_update(index_elements=["key"], set_={"repeats": col(Notification.repeats) + 1})
        )


def deliver(rt: Runtime) -> int:
    """Send due messages, and update messages whose approval was answered; returns how many were sent."""
    senders = {notifier.name: notifier for notifier in rt.notifiers}
    sent = sum(_send(rt, senders.get(row.channel), row) for row in _due())
    return sent + refresh(rt)


def _is_due():
    return or_(col(Notification.next_at).is_(None), col(Notification.next_at) <= now())


def _due() -> list[Notification]:
    with store.read() as session:
        rows = session.exec(
            select(Notification)
            .where(Notification.state == "pending", _is_due())
            .order_by(col(Notification.id))
            .limit(100)
        ).all()
    taken: Counter[str] = Counter()
    due = []
    for row in rows:
        taken[row.channel] += 1
        if taken[row.channel] <= BURST:
            due.append(row)
    return due


def _claim(row: Notification) -> bool:
    """Claim this attempt: only one process can change the row."""
    with store.write() as session:
        claimed = session.exec(
            update(Notification)
            .where(
                col(Notification.id) == row.id,
                col(Notification.state) == row.state,
                col(Notification.told) == row.told,
                col(Notification.attempts) == row.attempts,
            )
            .values(attempts=row.attempts + 1, next_at=now() + LEASE)
        )
    return claimed.rowcount == 1


def _send(rt: Runtime, sender: Notifier | None, row: Notification) -> bool:
    if not _claim(row):
        return False
    message, fault, reference = _message(rt, row), None, ""
    if sender is None:
        fault = VendorError(row.channel, "is not connected", permanent=True)
    else:
        try:
            reference = sender.send(message)
        except VendorError as error:
            fault = error
    with store.write() as session:
        row = session.get_one(Notification, row.id)
        row.error = fault and fault.message
        if fault is None:
            row.state, row.sent_at, row.reference, row.next_at = "sent", now(), reference or "", None
            row.told = message.question.state if message.question else ""
        elif fault.permanent or row.attempts >= ATTEMPTS:
            row.state = "failed"
        else:
            row.next_at = now() + timedelta(seconds=wait(row.attempts, fault.retry_after))
    return fault is None


def wait(attempts: int, asked: float | None = None) -> float:
    """Seconds until the next attempt: doubling each time, and at least the vendor's requested wait."""
    return max(min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT), asked or 0.0)


def _message(rt: Runtime, row: Notification) -> Message:
    base = rt.settings.public_url
    link = f"{base}/issues?issue={row.issue_id}" if row.issue_id else base
    body = row.body + (f"\n(repeated {counted(row.repeats, 'more time')})" if row.repeats else "")
    return Message(row.key, row.subject, body, link, _question(row), row.receiver)


def _question(row: Notification) -> Question | None:
    if row.approval_id is None:
        return None
    with store.read() as session:
        asked = session.get_one(Approval, row.approval_id)
    return Question(asked.id, asked.issue_id, asked.patch_hash, asked.state, asked.by or "")


def refresh(rt: Runtime) -> int:
    """Remove the buttons of messages whose approval was answered on any channel; returns how many changed."""
    senders = {notifier.name: notifier for notifier in rt.notifiers if hasattr(notifier, "update")}
    with store.read() as session:
        rows = session.exec(
            select(Notification)
            .join(Approval, col(Approval.id) == Notification.approval_id)
            .where(Notification.state == "sent", Notification.reference != "", _is_due())
            .where(Notification.told != Approval.state, col(Notification.channel).in_(senders))
            .limit(BURST)
        ).all()
    return sum(_update(rt, senders[row.channel], row) for row in rows if _claim(row))


def _update(rt: Runtime, sender, row: Notification) -> bool:
    message, fault = _message(rt, row), None
    try:
        sender.update(row.reference, message)
    except VendorError as error:
        fault = error
    with store.write() as session:
        row = session.get_one(Notification, row.id)
        row.error = fault and f"not updated: {fault.message}"
        if fault is None or fault.permanent or row.attempts >= 2 * ATTEMPTS:
            row.told, row.next_at = message.question.state if message.question else "", None
        else:
            row.next_at = now() + timedelta(seconds=wait(1, fault.retry_after))
    return fault is None
