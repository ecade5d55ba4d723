"""The parent and the children of an issue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import Session, col, select

from core.db.columns import select_columns
from core.models import Issue, IssueLink
from core.stages.linking import HOLDING

MOST = 50


@dataclass(frozen=True)
class LinkedIssue:
    """A parent or a child, with the link to it."""

    issue: Issue
    link: IssueLink


def linked(session: Session, where, other) -> list[LinkedIssue]:
    """The issues in the column ``other`` of the links that stand and match, the oldest first."""
    rows = select(Issue, IssueLink).join(IssueLink, col(Issue.id) == other)
    rows = rows.where(where, col(IssueLink.ended_at).is_(None)).order_by(col(Issue.id)).limit(MOST)
    return [LinkedIssue(issue, link) for issue, link in session.exec(rows)]


def numbers(session: Session, issue_id: int) -> dict[str, object]:
    """The numbers of the parent and of the children, with the kind of each link."""
    above = linked(session, IssueLink.child_id == issue_id, IssueLink.parent_id)
    below = linked(session, IssueLink.parent_id == issue_id, IssueLink.child_id)
    return {"parent": next(map(_number, above), None), "children": [_number(one) for one in below]}


def _number(one: LinkedIssue) -> dict[str, object]:
    return {"issue": one.issue.id, "kind": one.link.kind.value}


def explainers(session: Session, issues: Sequence[Issue]) -> dict[int, int]:
    """Of these issues, those that another one explains, each with that one's number."""
    rows = select_columns(IssueLink.child_id, IssueLink.parent_id).where(
        col(IssueLink.child_id).in_([issue.id for issue in issues]),
        col(IssueLink.ended_at).is_(None),
        col(IssueLink.kind).in_(HOLDING),
    )
    return dict(session.exec(rows).all())


def listed_elsewhere() -> ColumnElement[bool]:
    """Merged, or explained by another issue, which is listed instead; a person's own issue stays listed."""
    child = and_(col(Issue.id).in_(explained()), col(Issue.assignee).is_(None))
    return or_(col(Issue.merged_into).is_not(None), child)


def explained():
    """The ids of the issues that another one explains, as a subquery."""
    return select(IssueLink.child_id).where(col(IssueLink.ended_at).is_(None), col(IssueLink.kind).in_(HOLDING))
