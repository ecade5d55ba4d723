"""Tables of what people keep: versions of the policy, and views of the issue list."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from core.models import Utc, now


class PolicyVersion(SQLModel, table=True):
    """The text of platform.toml as it was put in force. ``by`` is "file" for an edit outside of the console."""

    id: int | None = Field(default=None, primary_key=True)
    sha256: str = Field(index=True)
    text: str
    by: str
    reason: str = ""
    at: datetime = Field(default_factory=now, sa_type=Utc, index=True)


class SavedView(SQLModel, table=True):
    """A named filter of the issue list: ``query`` is the address's query, e.g. status=escalated&service=cart."""

    __table_args__ = (UniqueConstraint("owner", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    owner: str = Field(index=True)
    name: str
    query: str
    at: datetime = Field(default_factory=now, sa_type=Utc)
