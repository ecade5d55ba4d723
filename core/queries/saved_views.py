"""Tables of what people keep: versions of the policy, and views of the issue list."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Session, SQLModel, col, delete, select

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


LISTED = 50


def views(session: Session, owner: str) -> list[SavedView]:
    """This person's views by name, at most LISTED."""
    mine = select(SavedView).where(SavedView.owner == owner)
    return list(session.exec(mine.order_by(SavedView.name).limit(LISTED)))


def keep(session: Session, owner: str, name: str, query: str) -> SavedView:
    """Keep a view; the same name of the same person is replaced."""
    name = name.strip()[:60]
    if not name:
        raise ValueError("a view needs a name")
    found = session.exec(select(SavedView).where(SavedView.owner == owner, SavedView.name == name)).first()
    made = found or SavedView(owner=owner, name=name, query=query)
    made.query = query[:2000]
    session.add(made)
    session.flush()
    return made


def forget(session: Session, owner: str, view_id: int) -> None:
    session.exec(delete(SavedView).where(col(SavedView.id) == view_id, col(SavedView.owner) == owner))
