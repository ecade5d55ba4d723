"""The data of the Code generation page."""

from __future__ import annotations

from sqlalchemy import case
from sqlmodel import Session, col, func, select

from core.db.columns import select_columns
from core.models import ChangeSet, Issue
from core.queries import counting
from core.queries.issues import ChangeDetails, with_checks

SHIPPED = ("deployed", "merged")
PAGE = 10
ROWS = 50  # of the statistics
ATTEMPTS = 20  # for one issue
COUNTED = 2000  # change sets that the statistics cover
NAMES = (
    "generator",
    "kind",
    "template",
    "written",
    "proved",
    "shipped",
    "rolled_back",
    "seconds",
    "tokens",
    "cost_usd",
)


KINDS = {  # the list's filters
    "All": (),
    "In progress": ("proposed", "proved", "reviewed"),
    "Shipped": SHIPPED,
    "Not shipped": ("refused", "unproved"),
    "Rolled back": ("rolled_back",),
}


def _where(kind: str) -> list:
    return [col(ChangeSet.status).in_(KINDS[kind])] if KINDS.get(kind) else []


def count(session: Session, kind: str = "All") -> int:
    return counting.up_to(session, ChangeSet.id, *_where(kind))


def attempts(session: Session, change_set: ChangeSet) -> list[ChangeSet]:
    """The attempts for the same issue, latest first."""
    rows = select(ChangeSet).where(ChangeSet.issue_id == change_set.issue_id)
    return list(session.exec(rows.order_by(col(ChangeSet.id).desc()).limit(ATTEMPTS)))


def page(session: Session, number: int = 1, kind: str = "All") -> list[tuple[ChangeSet, Issue]]:
    """Page ``number`` (from 1) of the change sets with their issues, latest first."""
    return list(
        session.exec(
            select(ChangeSet, Issue)
            .join(Issue, col(Issue.id) == ChangeSet.issue_id)
            .where(*_where(kind))
            .order_by(col(ChangeSet.id).desc())
            .offset((number - 1) * PAGE)
            .limit(PAGE)
        )
    )


def one(session: Session, change_set_id: int) -> tuple[ChangeDetails, Issue] | None:
    change_set = session.get(ChangeSet, change_set_id)
    if change_set is None:
        return None
    return with_checks(session, [change_set])[0], session.get_one(Issue, change_set.issue_id)


def statistics(session: Session) -> list[dict]:
    """By generator, template (kind) and edit (template) over the last COUNTED change sets, as dicts of NAMES.

    written, proved, shipped and rolled_back count; seconds is the mean; tokens and cost_usd are sums.
    """
    last = select(ChangeSet).order_by(col(ChangeSet.id).desc()).limit(COUNTED).subquery().c

    def those(*states: str):
        return func.count(case((last.status.in_(states), 1)))

    rows = session.exec(
        select_columns(
            last.generator,
            last.kind,
            last.template,
            func.count(),
            those("proved", "reviewed", *SHIPPED, "rolled_back"),
            those(*SHIPPED),
            those("rolled_back"),
            func.avg(last.seconds),
            func.sum(last.tokens),
            func.sum(last.cost_usd),
        )
        .group_by(last.generator, last.kind, last.template)
        .order_by(func.count().desc())
        .limit(ROWS)
    )
    return [dict(zip(NAMES, row, strict=True)) for row in rows]
