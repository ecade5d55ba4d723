"""Audit rows of what the platform did by itself, written once each however often a step is repeated."""

from __future__ import annotations

from sqlmodel import Session

from core.audit import chain
from core.db import store

ACTOR = "platform"


def once(session: Session, action: str, subject: str, detail: dict, key: str) -> None:
    """Append a row in the caller's transaction unless this key has one."""
    try:
        chain.record(session, ACTOR, action, subject, detail, key=key)
    except chain.AlreadyDone:
        return


def of_issue(issue_id: int | None, action: str, key: object, **detail: object) -> None:
    """``once`` in a transaction of its own, directly after an effect outside of this database.

    A step that is cut off between the effect and the row is repeated: the effect is found, and the row is added.
    """
    with store.write() as session:
        once(session, action, f"issue/{issue_id}", detail, f"platform-{action}-{key}")
