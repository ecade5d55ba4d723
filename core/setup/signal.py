"""The step "test event": sends an event that passes all stations of a real one, up to an issue on screen.

Its environment marks it as a test: it starts no run, and can be removed with its issue.
"""

from __future__ import annotations

import json
import time

from sqlmodel import Session, col, delete, or_, select

from core.access import accounts
from core.access.rights import ADMINISTER, Actor, Refused, require
from core.audit import chain
from core.db import store
from core.inputs import accepting, events
from core.inputs.accepting import NotAccepted
from core.models import Issue, IssueLink, Outcome, Signal, now
from core.models.enums import TEST_ENVIRONMENT
from core.models.following import Remark, Subscription
from core.runtime import Runtime
from core.setup.jobs import Tell
from core.setup.results import SetupFinding

KIND = "SetupTestEvent"
PATIENCE, LOOK = 60.0, 0.5  # seconds
OF_ISSUE = (Signal, Remark, Subscription, Outcome)  # what belongs to an issue that has had no run


def send(rt: Runtime, service: str) -> str:
    """Store the event as the events endpoint does; returns the identity of its signal. Raises NotAccepted."""
    at = now()
    identity = f"setup-{at.timestamp()}"
    event = {"type": KIND, "message": f"test event of the setup, sent at {at:%H:%M:%S} UTC", "service": service,
             "environment": TEST_ENVIRONMENT, "id": identity}  # fmt: skip
    accepting.events(rt.settings, service, rt.policy, {}, {}, json.dumps(event).encode())
    return f"{service}:{identity}"


def _issue_with(session: Session, identity: str) -> int | None:
    """The issue of the signal with this identity; None until a collection cycle has grouped it."""
    mine = (Signal.source == events.SOURCE, Signal.vendor_id == identity)
    return session.exec(select(Signal.issue_id).where(*mine)).first()


def issue_of(session: Session, service: str) -> Issue | None:
    """The newest issue of the service's test events."""
    mine = (Issue.service == service, Issue.environment == TEST_ENVIRONMENT)
    return session.exec(select(Issue).where(*mine).order_by(col(Issue.id).desc())).first()


def test(rt: Runtime, service: str, tell: Tell) -> SetupFinding:
    """Send the event, and wait for its issue."""
    try:
        identity = send(rt, service)
    except NotAccepted as refusal:
        return SetupFinding(False, str(refusal), "Save the service first.")
    tell("The event is stored; waiting for the next collection cycle")
    until = time.monotonic() + PATIENCE
    while True:
        with store.read() as session:
            if issue_id := _issue_with(session, identity):
                return SetupFinding(True, f"The event is issue {issue_id}.", facts=(("Issue", str(issue_id)),))
        if time.monotonic() >= until:
            return SetupFinding(
                False,
                f"The event is stored, but no collection cycle has read it in {PATIENCE:.0f} s.",
                "Is the engine running? See Workers on the Settings page; with CONSOLE_ENGINE=false start "
                "python -m core worker.",
            )
        _wait()


def _wait() -> None:
    time.sleep(LOOK)


def remove(actor: Actor, service: str) -> str:
    """Remove the test's issues and signals. Raises Forbidden or Refused."""
    with store.write() as session:
        who = require(accounts.actor(session, actor), ADMINISTER)
        rows = session.exec(select(Issue).where(Issue.service == service, Issue.environment == TEST_ENVIRONMENT)).all()
        if any(row.run for row in rows):
            raise Refused("A person has started a run of the test's issue. Dismiss it on its page.")
        for row in rows:
            for table in OF_ISSUE:
                session.exec(delete(table).where(col(table.issue_id) == row.id))
            session.exec(delete(IssueLink).where(or_(IssueLink.child_id == row.id, IssueLink.parent_id == row.id)))
            session.delete(row)
            chain.record(session, who.name, "test_event_removed", f"issue/{row.id}", {"service": service})
    return "The test event and its issue are removed."
