"""Counts whose cost does not grow with the table."""

from __future__ import annotations

from sqlmodel import Session, func, select

from core.models.counted import counted

LISTED = 200  # values of a filter


def distinct(session: Session, column, *where, limit: int = LISTED) -> list:
    """The distinct values of an indexed column, with one index look-up per value (a loose index scan).

    The first ``limit`` values in order, without nulls. The query is from PostgreSQL's wiki, "Loose indexscan".
    """
    found = select(func.min(column).label("value")).where(*where).cte("found", recursive=True)
    after = select(func.min(column)).where(*where, column > found.c.value).correlate(found).scalar_subquery()
    found = found.union_all(select(after).where(found.c.value.is_not(None)))
    return list(session.exec(select(found.c.value).where(found.c.value.is_not(None)).limit(limit)))


MOST = 10_000


def up_to(session: Session, column, *where) -> int:
    """The number of matching rows, counted up to MOST + 1: a page then shows "more than 10,000"."""
    some = select(column).where(*where).limit(MOST + 1).subquery()
    return session.exec(select(func.count()).select_from(some)).one()


def words(number: int) -> str:
    return f"{number:,}" if number <= MOST else f"more than {MOST:,}"


def with_noun(number: int, noun: str) -> str:
    """A number from ``up_to`` with its noun."""
    return counted(number, noun) if number <= MOST else f"{words(number)} {noun}s"
