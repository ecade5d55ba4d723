"""The parent and the children of an issue."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session, col, select

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


def explained():
    """The ids of the issues that another one explains, as a subquery."""
    return select(IssueLink.child_id).where(col(IssueLink.ended_at).is_(None), col(IssueLink.kind).in_(HOLDING))
