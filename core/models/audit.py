"""The audit trail."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from core.models.base import _json, _time


class AuditRow(SQLModel, table=True):
    id: int = Field(default=None, primary_key=True)
    at: datetime = _time(index=True)
    actor: str = Field(index=True)
    action: str = Field(index=True)
    subject: str = Field(index=True)  # issue/12, deployment/3, policy
    detail: dict = _json()
    key: str | None = Field(default=None, unique=True)  # idempotency key of the action, bound to person and subject
    previous: str = ""
    hash: str = ""
    request: str = ""  # SHA-256 of the action's content, which binds the key to it; not in the chain


class AuditHead(SQLModel, table=True):
    """A host that keeps a signed head of the audit chain on its disk, and the head that it last sent outside."""

    keeper: str = Field(primary_key=True)  # host and folder
    line: str  # in the format of core/audit/head.py
    sent: str  # the day, YYYY-MM-DD, UTC
