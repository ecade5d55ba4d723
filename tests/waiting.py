"""A pending approval with a workflow that really waits for the answer."""

from __future__ import annotations

from sqlmodel import select

from core.db import store
from core.models import Approval, Issue, Status
from core.ops import durable
from tests import scenes


def question(service: str = "checkout", requested_by: str | None = None, **values) -> tuple[int, int, str]:
    """(approval id, issue id, patch hash). The workflow is enqueued: no worker runs it, and it receives messages."""
    with store.write() as session:
        issue = scenes.story(session, Status.AWAITING_APPROVAL, service=service)
        asked = session.exec(select(Approval).where(Approval.issue_id == issue.id)).one()
        asked.sqlmodel_update({"requested_by": requested_by, **values})
        session.add(asked)
        durable.start_in(session, "journey", asked.workflow_id, issue.id, issue.run)
        return asked.id, issue.id, asked.patch_hash


def state(approval_id: int) -> Approval:
    with store.read() as session:
        return session.get_one(Approval, approval_id)


def issue(issue_id: int) -> Issue:
    with store.read() as session:
        return session.get_one(Issue, issue_id)
