"""Who hears of what. Messages are queued with the change that causes them and sent afterwards.

The key folds duplicates: a second message with it only counts as a repeat.
"""

from __future__ import annotations

from sqlmodel import Session, col, select

from core import store
from core.models import Issue, Notification, now
from core.runtime import Runtime
from core.vendors.base import Message, VendorError

ROUTES: dict[str, tuple[str, ...]] = {
    "workflow_failed": ("slack",),
    "error_rate": ("email", "slack"),
    "deployment_failed": ("slack", "email"),
    "rolled_back": ("slack", "email"),
    "tests_failed": ("slack",),
    "no_fix": ("console",),
    "escalated": ("slack",),
    "low_confidence": ("console",),
    "refused": ("console",),
    "approval_asked": ("slack",),
    "approval_expired": ("slack", "email"),
    "rate_limit": ("slack",),
    "performance": ("email",),
    "resolved": ("slack",),
}
SUBJECTS = {
    "workflow_failed": "Workflow failed",
    "error_rate": "High error rate",
    "deployment_failed": "Deployment failed",
    "rolled_back": "Rolled back",
    "tests_failed": "Tests failed",
    "no_fix": "No fix found",
    "escalated": "A person is needed",
    "low_confidence": "Low confidence",
    "refused": "Fix refused",
    "approval_asked": "Approval needed",
    "approval_expired": "Approval expired",
    "rate_limit": "Deployment limit reached",
    "performance": "Performance degradation",
    "resolved": "Fixed and verified",
}
ATTEMPTS = 5


def queue(session: Session, event: str, issue: Issue, key: str, body: str) -> None:
    """Queue one message a channel that the event is routed to, in the caller's transaction."""
    for channel in ROUTES[event]:
        own = f"{key}-{channel}"
        found = session.exec(select(Notification).where(Notification.key == own)).first()
        if found:
            found.repeats += 1
            continue
        session.add(
            Notification(
                key=own,
                channel=channel,
                event=event,
                issue_id=issue.id,
                subject=f"{SUBJECTS[event]}: {issue.title[:120]} ({issue.service})",
                body=body[:4000],
                state="sent" if channel == "console" else "pending",
            )
        )


def deliver(rt: Runtime) -> int:
    """Send what is pending; returns how many went out. A failure is kept with its reason and tried again."""
    senders = {notifier.name: notifier for notifier in rt.notifiers}
    with store.read() as session:
        pending = session.exec(
            select(Notification).where(Notification.state == "pending").order_by(col(Notification.id)).limit(50)
        ).all()
    return sum(_send(rt, senders.get(row.channel), row) for row in pending)


def _send(rt: Runtime, sender, row: Notification) -> bool:
    error, permanent = None, False
    if sender is None:
        error, permanent = f"{row.channel} is not connected", True
    else:
        try:
            link = f"{rt.settings.public_url}/issues?issue={row.issue_id}" if row.issue_id else rt.settings.public_url
            sender.send(Message(key=row.key, subject=row.subject, body=row.body, link=link))
        except VendorError as fault:
            error, permanent = fault.message, fault.permanent
    with store.write() as session:
        row = session.get_one(Notification, row.id)
        row.attempts += 1
        row.error = error
        if error is None:
            row.state, row.sent_at = "sent", now()
        elif permanent or row.attempts >= ATTEMPTS:
            row.state = "failed"
    return error is None
