"""Past decisions: counted by row, and with their outcomes, for a replay."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, func, select

from core.db.columns import select_columns
from core.decision.replay import PastDecision
from core.models import Decision, Issue, Outcome

LIMIT = 20_000  # the latest decisions of the period; the page says so if there are more


def count(session: Session, since: datetime) -> int:
    return session.exec(select(func.count(col(Decision.id))).where(Decision.created_at >= since)).one()


def newest(session: Session) -> int:
    return session.exec(select(func.max(Decision.id))).one() or 0


def by_row(session: Session, since: datetime) -> dict[int, int]:
    """How many decisions since then each row of the matrix made."""
    rows = session.exec(
        select(Decision.row, func.count()).where(Decision.created_at >= since).group_by(col(Decision.row))
    )
    return dict(rows.all())


def past(session: Session, since: datetime) -> list[PastDecision]:
    """Decisions since then, latest first, at most LIMIT."""
    rows = session.exec(
        select_columns(
            Decision.issue_id,
            Issue.title,
            Issue.service,
            Decision.created_at,
            Decision.verdict,
            Decision.needs_approval,
            Decision.confidence,
            col(Decision.receipt)["inputs"],
            func.coalesce(Outcome.result, ""),
        )
        .join(Issue, col(Issue.id) == Decision.issue_id)
        .join(Outcome, (col(Outcome.issue_id) == Decision.issue_id) & (col(Outcome.run) == Decision.run), isouter=True)
        .where(Decision.created_at >= since)
        .order_by(col(Decision.id).desc())
        .limit(LIMIT)
    )
    return [PastDecision(*past, inputs=inputs or {}, outcome=outcome) for *past, inputs, outcome in rows]
