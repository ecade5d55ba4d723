"""The data of the Audit page: the trail's rows by actor, action and subject."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, or_, select

from core.audit import chain
from core.models import AuditRow
from core.queries import counting

PAGE = 25
EXPORT = 100_000  # rows of one file


@dataclass(frozen=True)
class AuditFilter:
    """An empty field does not filter. ``text`` is searched in subject and key; ``since`` is the earliest time."""

    text: str = ""
    actor: str = ""
    action: str = ""
    since: datetime | None = None


def _where(wanted: AuditFilter) -> list:
    clauses = []
    if wanted.text:
        found = (col(column).icontains(wanted.text, autoescape=True) for column in (AuditRow.subject, AuditRow.key))
        clauses.append(or_(*found))
    if wanted.actor:
        clauses.append(AuditRow.actor == wanted.actor)
    if wanted.action:
        clauses.append(AuditRow.action == wanted.action)
    if wanted.since:
        clauses.append(AuditRow.at >= wanted.since)
    return clauses


def count(session: Session, wanted: AuditFilter = AuditFilter()) -> int:
    return session.exec(select(func.count(col(AuditRow.id))).where(*_where(wanted))).one()


def page(session: Session, wanted: AuditFilter = AuditFilter(), number: int = 1) -> list[AuditRow]:
    """Page ``number`` (from 1), latest first."""
    newest = select(AuditRow).where(*_where(wanted)).order_by(col(AuditRow.id).desc())
    return list(session.exec(newest.offset((number - 1) * PAGE).limit(PAGE)))


def names(session: Session) -> tuple[list[str], list[str]]:
    """(actors, actions) in the trail."""
    return counting.distinct(session, AuditRow.actor), counting.distinct(session, AuditRow.action)


def export(session: Session, wanted: AuditFilter) -> Iterator[dict]:
    """The rows as plain JSON, oldest first, with both hashes: enough to verify them elsewhere."""
    rows = select(*chain.COLUMNS).where(*_where(wanted)).order_by(col(AuditRow.id)).limit(EXPORT)
    for row in session.connection().execute(rows).yield_per(chain.CHUNK):
        yield {**row._mapping, "at": row.at.isoformat()}
