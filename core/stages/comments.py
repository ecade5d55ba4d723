"""People's comments on the lines of an issue's changes, as feedback for the next attempt of the fixer."""

from __future__ import annotations

from sqlmodel import Session, col, select

from core.models import ChangeSet
from core.models.following import LineComment

MOST = 10  # the newest comments; the review's findings need room too


def feedback(session: Session, issue_id: int) -> list[str]:
    """The newest comments, oldest first."""
    rows = (
        select(LineComment)
        .join(ChangeSet, col(ChangeSet.id) == LineComment.change_set_id)
        .where(ChangeSet.issue_id == issue_id)
        .order_by(col(LineComment.id).desc())
        .limit(MOST)
    )
    return [comment.message for comment in reversed(session.exec(rows).all())]
