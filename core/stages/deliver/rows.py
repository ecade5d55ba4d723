"""The row of a deployment: found by its key, or made."""

from __future__ import annotations

from sqlmodel import Session, col, func, select

from core.db import store
from core.models import ChangeSet, Deployment


def of(session: Session, change: ChangeSet, repository: str, environment: str, automatic: bool) -> Deployment:
    """Find the deployment of a change by its key, or create it.

    There is one preview for each commit, and one production deployment, followed by another if it was superseded.
    """
    key = f"issue-{change.issue_id}-run-{change.run}-attempt-{change.attempt}-{environment}"
    if environment == "preview":
        key += f"-{change.head_sha[:12]}"
    elif before := _superseded(session, change):
        key += f"-{before + 1}"
    found = session.exec(select(Deployment).where(Deployment.key == key)).first()
    if found is None:
        found = Deployment(
            key=key,
            issue_id=change.issue_id,
            change_set_id=change.id,
            repository=repository,
            environment=environment,
            automatic=automatic,
        )
    if not found.vendor_id:
        found.sha = change.head_sha
    session.add(found)
    return found


def _superseded(session: Session, change: ChangeSet) -> int:
    where = (Deployment.change_set_id == change.id, Deployment.status == "superseded")
    return session.exec(select(func.count()).where(*where)).one()


def update(key: str, **values) -> Deployment:
    with store.write() as session:
        row = session.exec(select(Deployment).where(Deployment.key == key)).one()
        row.sqlmodel_update(values)
        session.add(row)
    return row


def newest(session: Session, change_id: int) -> Deployment | None:
    """The production deployment of a change."""
    return session.exec(
        select(Deployment)
        .where(Deployment.change_set_id == change_id, Deployment.environment == "production")
        .order_by(col(Deployment.id).desc())
        .limit(1)
    ).first()
