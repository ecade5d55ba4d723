"""The distinct values of an indexed column, one index look-up a value (a loose index scan), not one a row."""

from __future__ import annotations

from sqlmodel import Session, func, select


def values(session: Session, column, *where, limit: int = 200) -> list:
    """The first ``limit`` values in order, nulls left out. PostgreSQL's wiki calls the query "Loose indexscan"."""
    found = select(func.min(column).label("value")).where(*where).cte("found", recursive=True)
    after = select(func.min(column)).where(*where, column > found.c.value).correlate(found).scalar_subquery()
    found = found.union_all(select(after).where(found.c.value.is_not(None)))
    return list(session.exec(select(found.c.value).where(found.c.value.is_not(None)).limit(limit)))
