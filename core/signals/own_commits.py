"""The platform's own commits among those that the vendors report: its fixes, and the merges of their pull requests."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from core.models import AuditRow, ChangeSet, Deployment

MERGE = "merge"  # the action of the audit trail, whoever merged the platform's pull request
LATER = timedelta(days=1)  # by which clocks differ; a release and the record of a merge come after the commit
ISSUE = "issue/"  # the subject
MOST = 500  # merges that are read


def issues_of(session: Session, commits: Collection[str], since: datetime) -> dict[str, int]:
    """The issue that each of these commits fixes, for those that are the platform's; none is older than ``since``."""
    wanted = {commit for commit in commits if commit}
    if not wanted:
        return {}
    merged = _merged(session, since - LATER)
    recent = col(Deployment.sha).in_(wanted), Deployment.started_at >= since - LATER
    released = session.exec(select(Deployment.sha, Deployment.issue_id).where(*recent)).all()
    branches = select(ChangeSet.head_sha, ChangeSet.issue_id).where(col(ChangeSet.issue_id).in_(set(merged.values())))
    found = {**dict(session.exec(branches).all()), **dict(released), **merged}
    return {commit: found[commit] for commit in wanted & found.keys()}


def _merged(session: Session, since: datetime) -> dict[str, int]:
    """The issue of each merge since then. People merge issues under the same name, which makes no commit."""
    rows = session.exec(
        select(AuditRow.subject, AuditRow.detail)
        .where(AuditRow.action == MERGE, AuditRow.at >= since, col(AuditRow.subject).startswith(ISSUE))
        .order_by(col(AuditRow.id).desc())
        .limit(MOST)
    )
    return {str(detail["sha"]): int(subject.removeprefix(ISSUE)) for subject, detail in rows if detail.get("sha")}
