"""Deployments, to a preview and to production."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, literal_column
from sqlmodel import Field, SQLModel, col

from core.models.base import _json, _maybe_time, _only, _time


class Deployment(SQLModel, table=True):
    __table_args__ = (
        Index("ix_deployment_counts", "environment", "started_at", "status", "automatic"),
        Index("ix_deployment_ready", "environment", "ready_at"),
        Index("ix_deployment_alarm", "id", **_only("alarm != ''")),  # every page asks for alarms
        Index("ix_deployment_pending", "environment", "issue_id", **_only("status = 'pending'")),
        Index("ix_deployment_rollback", "repository", "environment", **_only("rollback_seconds IS NOT NULL")),
    )
    id: int = Field(default=None, primary_key=True)
    key: str = Field(unique=True)  # idempotency key: issue, run, attempt, environment
    issue_id: int = Field(foreign_key="issue.id", index=True)
    change_set_id: int = Field(foreign_key="changeset.id")
    repository: str
    environment: str  # preview or production
    sha: str = ""
    vendor_id: str = ""
    url: str = ""
    previous_vendor_id: str = ""  # what a rollback returns to
    automatic: bool = True
    status: str = "pending"  # pending, ready, failed, watching, verified, superseded, reverting, rolled_back
    note: str = ""
    alarm: str = ""  # why production may serve this build although it was neither confirmed nor rolled back
    before: dict = _json()  # ServiceHealth by service
    after: dict = _json()
    judged: dict = _json()  # the newest look: state, says, counts, checks; "before": the checks before the release
    kept_by: str | None = None  # the person who kept it while the watch was undecided
    promote_seconds: float | None = None  # duration of its promotion to production
    rollback_seconds: float | None = None  # duration of its rollback
    started_at: datetime = _time(index=True)
    ready_at: datetime | None = _maybe_time()
    ended_at: datetime | None = _maybe_time()


# With their values in the text of the query: SQLite uses a partial index only if it sees that its condition holds.
IN_ALARM = col(Deployment.alarm) != literal_column("''")
IS_PENDING = col(Deployment.status) == literal_column("'pending'")
