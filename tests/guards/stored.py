"""The rows that a person's action may write, before and after it."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text
from sqlmodel import select

from core.access.rights import Refused
from core.db import store
from core.models import Approval, AuditRow, ChangeSet, Deployment, Issue, Notification, Outcome, Status
from core.models.kept import PolicyVersion, Ruling
from core.ops import durable
from tests import factories
from tests.who import by

TABLES = (Issue, Approval, ChangeSet, Deployment, Outcome, Notification, Ruling, AuditRow, PolicyVersion)


def stored() -> dict[str, list[dict]]:
    """Every row that an action may write, and the messages and workflows of the durable engine."""
    with store.read() as session:
        rows = {t.__name__: [row.model_dump() for row in session.exec(select(t)).all()] for t in TABLES}
        for table in ("notifications", "workflow_status"):
            rows[table] = [dict(row) for row in session.execute(text(f"SELECT * FROM {table}")).mappings()]
    return rows


def one(table, row_id: int):
    with store.read() as session:
        return session.get_one(table, row_id)


def rows(table, *where) -> list:
    with store.read() as session:
        return list(session.exec(select(table).where(*where)).all())


def issue_in(status: Status, **values) -> Issue:
    with store.write() as session:
        return factories.issue(session, status=status, **values)


def refused(work, *given, says: str, **named) -> None:
    """Assert that the action is refused with this message and changes no row."""
    before = stored()
    with pytest.raises(Refused, match=says):
        work(*given, actor=by("approver"), key="refused", **named)
    assert stored() == before


def workflow(name: str) -> str | None:
    found = durable.client().list_workflows(workflow_ids=[name], load_input=False)
    return found[0].status if found else None


def answers_sent() -> list[dict]:
    """The messages to waiting workflows."""
    return [json.loads(message["message"]) for message in stored()["notifications"]]


def audited(action: str) -> list[tuple]:
    return [(row.actor, row.subject, row.detail) for row in rows(AuditRow, AuditRow.action == action)]


def notified(event: str) -> list[Notification]:
    return rows(Notification, Notification.event == event)
