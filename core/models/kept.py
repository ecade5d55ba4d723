"""Tables of people's decisions: holds, triage rules, policy versions, and saved views."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.models import Utc, now

_STANDING = text("ended_at IS NULL")


class Hold(SQLModel, table=True):
    """A stop or a brake; it is active until ``ended_at`` is set. Each scope has at most one active hold."""

    __table_args__ = (
        Index("ix_hold_standing", "scope", unique=True, sqlite_where=_STANDING, postgresql_where=_STANDING),
    )
    id: int = Field(default=None, primary_key=True)
    scope: str
    by: str  # a person, or "platform" for a brake
    reason: str = ""
    at: datetime = Field(default_factory=now, sa_type=Utc)
    ended_by: str | None = None
    ended_at: datetime | None = Field(default=None, sa_type=Utc, nullable=True)


class Ruling(SQLModel, table=True):
    """One fingerprint that a person merged into another one, split off, or marked as known."""

    __table_args__ = (UniqueConstraint("fingerprint", "kind"),)
    id: int = Field(default=None, primary_key=True)
    fingerprint: str = Field(index=True)
    kind: str  # merged, split, known
    into: str = Field(default="", index=True)  # if merged: the fingerprint that it counts as
    issue_id: int = Field(index=True)  # the issue that got its signals
    reason: str = ""
    by: str = ""
    at: datetime = Field(default_factory=now, sa_type=Utc)


class Silence(SQLModel, table=True):
    """Until ``ends_at``, the covered signals open no issue: a service and title, or one issue's signals."""

    id: int = Field(default=None, primary_key=True)
    service: str = "*"  # glob
    title: str = "*"  # glob
    issue_id: int | None = None  # if set, ``prints`` apply instead of the globs
    prints: list = Field(default_factory=list, sa_type=JSON)
    planned: bool = False  # planned maintenance, not a silence
    starts_at: datetime = Field(default_factory=now, sa_type=Utc)
    ends_at: datetime = Field(default_factory=now, sa_type=Utc, index=True)
    reason: str = ""
    by: str = ""
    ended_by: str | None = None  # who ended it early
    created_at: datetime = Field(default_factory=now, sa_type=Utc)


class PolicyVersion(SQLModel, table=True):
    """The text of platform.toml when it took effect. ``by`` is "file" for an edit outside the console."""

    id: int = Field(default=None, primary_key=True)
    sha256: str = Field(index=True)
    text: str
    by: str
    reason: str = ""
    at: datetime = Field(default_factory=now, sa_type=Utc, index=True)


class SavedView(SQLModel, table=True):
    """A named filter of the issue list: ``query`` is the URL query, e.g. status=escalated&service=cart."""

    __table_args__ = (UniqueConstraint("owner", "name"),)
    id: int = Field(default=None, primary_key=True)
    owner: str = Field(index=True)
    name: str
    query: str
    at: datetime = Field(default_factory=now, sa_type=Utc)
