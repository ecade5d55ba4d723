"""A change for an issue: its patch, review, tests, and approval."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.models.base import _json, _maybe_time, _time


class ChangeSet(SQLModel, table=True):
    __table_args__ = (
        UniqueConstraint("issue_id", "run", "attempt"),
        Index("ix_changeset_status", "status"),
    )
    id: int = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    run: int
    attempt: int
    generator: str  # embedded, openai, cline
    kind: str = "bug_fix"  # the template of the fix (core/models/templates.py)
    template: str = ""  # the edit operator, model or revert
    title: str = ""
    rationale: str = ""
    status: str = "proposed"  # proposed, refused, proved, unproved, reviewed, deployed, merged, rolled_back, stale
    branch: str = ""
    base_sha: str = ""
    head_sha: str = ""
    patch: str = ""
    commit: str = ""  # the commit's text, from which any worker can recreate the commit
    patch_hash: str = Field(default="", index=True)  # of the diff without its line numbers
    test_path: str = ""
    test_code: str = ""
    grade: str = ""  # name of core.repair.types.Evidence; empty in a change of an older version
    confidence: float = 0.0  # measured precision of its class; 0: not measured
    proof: dict = _json()  # {"fails_before": true, "passes_after": true, "fails_reverted": true, ...}
    pull_number: int | None = None
    pull_url: str = ""
    tokens: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0
    note: str = ""  # why it was not shipped
    created_at: datetime = _time(index=True)


class Review(SQLModel, table=True):
    __table_args__ = (Index("ix_review_counts", "created_at", "passed"),)
    id: int = Field(default=None, primary_key=True)
    change_set_id: int = Field(foreign_key="changeset.id", index=True)
    passed: bool
    gates: list = _json(list)  # [{"gate": "complexity", "passed": true, "value": 4, "limit": 10, "says": ""}]
    findings: list = _json(list)  # [{"gate", "path", "line", "severity", "says"}]
    seconds: float = 0.0
    created_at: datetime = _time()


class TestRun(SQLModel, table=True):
    __test__ = False  # despite its name, pytest must not collect it
    __table_args__ = (Index("ix_testrun_counts", "created_at"),)
    id: int = Field(default=None, primary_key=True)
    change_set_id: int = Field(foreign_key="changeset.id", index=True)
    command: str
    passed: bool
    tests: int = 0
    failures: int = 0
    runner: str = ""  # bubblewrap or limited
    output: str = ""
    seconds: float = 0.0
    created_at: datetime = _time()


class Approval(SQLModel, table=True):
    __table_args__ = (
        Index("ix_approval_asked", "asked_at"),
        Index("ix_approval_answered", "answered_at", "state"),
    )
    id: int = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    change_set_id: int = Field(foreign_key="changeset.id")
    workflow_id: str
    patch_hash: str
    asks: str  # the approval's question and its reason
    state: str = Field(default="pending", index=True)  # pending, approved, rejected, expired, stale
    by: str | None = None
    reason: str = ""
    requested_by: str | None = None  # who requested the run: for a critical service they cannot approve it
    assignee: str | None = None  # the person or group it is assigned to; None: any approver
    asked_at: datetime = _time()
    expires_at: datetime = _time()
    answered_at: datetime | None = _maybe_time()
