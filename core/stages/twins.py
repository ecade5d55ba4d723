"""The same fix under way for another issue: one defect may crash in several ways, and needs one pull request."""

from __future__ import annotations

import re

from sqlmodel import Session, col, select

from core.models import ENDED, ChangeSet, Issue

PLACE = re.compile(r"^(?:index |@@ ).*$\n?", re.M)  # object names and line numbers say nothing of the change


def source(change: ChangeSet) -> str:
    """The patch without its regression test, whose name and input are each issue's own."""
    parts = re.split(r"^(?=diff --git )", change.patch, flags=re.M)
    kept = [p for p in parts if p.strip() and not p.startswith(f"diff --git a/{change.test_path} ")]
    return PLACE.sub("", "".join(kept))


def find(session: Session, change: ChangeSet, services: list[str]) -> Issue | None:
    """Another issue of these services, not ended yet, whose newest fix changes the program in the same way."""
    rows = session.exec(
        select(Issue, ChangeSet)
        .join(ChangeSet, col(ChangeSet.issue_id) == Issue.id)
        .where(
            Issue.id != change.issue_id,
            col(Issue.service).in_(services),
            col(Issue.status).not_in(ENDED),
            ChangeSet.head_sha != "",
        )
        .order_by(col(ChangeSet.id))
    ).all()
    newest = {issue.id: (issue, made) for issue, made in rows}
    return next((issue for issue, made in newest.values() if source(made) == source(change)), None)
