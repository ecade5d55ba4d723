"""The saved views of the issue list."""

from __future__ import annotations

from sqlmodel import Session, col, delete, select

from core.models.kept import SavedView

LISTED = 50


def views(session: Session, owner: str) -> list[SavedView]:
    """This person's views by name, at most LISTED."""
    mine = select(SavedView).where(SavedView.owner == owner)
    return list(session.exec(mine.order_by(SavedView.name).limit(LISTED)))


def keep(session: Session, owner: str, name: str, query: str) -> SavedView:
    """Save a view; it replaces this person's view of the same name. Raises ValueError without a name."""
    name = name.strip()[:60]
    if not name:
        raise ValueError("A view needs a name.")
    found = session.exec(select(SavedView).where(SavedView.owner == owner, SavedView.name == name)).first()
    made = found or SavedView(owner=owner, name=name, query=query)
    made.query = query[:2000]
    session.add(made)
    session.flush()
    return made


def forget(session: Session, owner: str, view_id: int) -> None:
    session.exec(delete(SavedView).where(col(SavedView.id) == view_id, col(SavedView.owner) == owner))
