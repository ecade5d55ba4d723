"""Tables of what people add to an issue: their notes, and their subscriptions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from core.models.base import _time


class Remark(SQLModel, table=True):
    """A note, or an event that a person adds to the timeline: ``at`` is when it happened."""

    id: int = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    by: str
    text: str
    at: datetime = _time()
    created_at: datetime = _time()


class Subscription(SQLModel, table=True):
    """A person who gets every message about an issue."""

    __table_args__ = (UniqueConstraint("issue_id", "person"),)
    id: int = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    person: str = Field(foreign_key="person.name", index=True)
    since: datetime = _time()


class LineComment(SQLModel, table=True):
    """A person's comment on a line of a change; the fixer reads it before its next attempt on the issue."""

    id: int = Field(default=None, primary_key=True)
    change_set_id: int = Field(foreign_key="changeset.id", index=True)
    path: str
    line: int  # of the new text
    text: str
    by: str
    created_at: datetime = _time()

    @property
    def message(self) -> str:
        """The comment as feedback for a fixer."""
        return f"A reviewer on {self.path}:{self.line}: {self.text}"
