"""An issue, its analysis and decisions, and the outcomes of its runs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Index, UniqueConstraint, and_, false, or_
from sqlmodel import Field, SQLModel, col

from core.models.base import _json, _maybe_time, _only, _time
from core.models.enums import Cause, Impact, Kind, LinkKind, Severity, Stage, Status, Verdict

NEWLINE = "\n"


class Issue(SQLModel, table=True):
    __table_args__ = (
        Index("ix_issue_merged_into", "merged_into", **_only("merged_into IS NOT NULL")),
        Index("ix_issue_needs", "status", "merged_into", "assignee"),  # counted on every page
    )
    id: int = Field(default=None, primary_key=True)
    fingerprint: str = Field(index=True)
    because: str = ""  # why its signals are one issue
    title: str
    kind: Kind = Kind.EXCEPTION
    service: str = Field(index=True)
    environment: str = "production"
    release: str | None = None
    pattern: str = Field(default="", index=True)  # the key of learning, e.g. "KeyError/missing-key"
    status: Status = Status.NEW
    severity: Severity | None = None
    impact: Impact | None = None
    cause: Cause | None = None
    confidence: float | None = None
    verdict: Verdict | None = None
    reason: str = ""  # the reason for its status, in plain words
    run: int = 0  # how often its workflow was started
    restarts: int = 0  # how often this run's workflow was restarted from one of its steps
    at_once: bool = False  # a person started this run: it does not wait for a maintenance window
    occurrences: int = Field(default=0, index=True)
    users: int = 0
    assignee: str | None = None
    owner: str | None = None  # the person or group that looks after it; the platform goes on with its work
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = _maybe_time()
    first_seen: datetime = _time(index=True)
    last_seen: datetime = _time(index=True)
    created_at: datetime = _time(index=True)
    ended_at: datetime | None = _maybe_time(index=True)
    resolution: str | None = None
    requested_by: str | None = None  # the person who requested this run; None for the platform
    reverts: str | None = None  # the commit that this run proposes to take out, at that person's request
    scheduled_for: datetime | None = _maybe_time()
    counted_by: str | None = None  # the source whose signals count as its occurrences: the first to report it
    merged_into: int | None = None  # the issue that a person merged it into
    also_affects: str = Field(default="", index=True)  # further affected services, one a line, each with its newline

    @property
    def affected(self) -> list[str]:
        """All affected services; the first one is the service whose error opened the issue."""
        return [name for name in (self.service, *self.also_affects.splitlines()) if name]

    @property
    def where(self) -> str:
        """The affected services, in words."""
        return ", ".join(self.affected)

    def affects(self, service: str) -> None:
        """Add a service."""
        name = " ".join(service.split())
        if name and name not in self.affected:
            self.also_affects = f"{self.also_affects or NEWLINE}{name}{NEWLINE}"

    @classmethod
    def of_service(cls, *names: str) -> ColumnElement[bool]:
        """The issues that affect one of these services; both ways are found by an index."""
        also = [col(cls.also_affects).contains(f"\n{name}\n", autoescape=True) for name in names]
        return or_(col(cls.service).in_(names), and_(col(cls.also_affects) > "", or_(false(), *also)))

    @property
    def workflow_id(self) -> str:
        return self.workflow_of(self.restarts)

    def workflow_of(self, restarts: int) -> str:
        """The workflow of this run after this many restarts."""
        return f"issue-{self.id}-run-{self.run}" + (f"-restart-{restarts}" if restarts else "")


class IssueLink(SQLModel, table=True):
    """An issue that another one explains or caused. An ended link is kept: the platform does not make it again."""

    __table_args__ = (Index("ix_issuelink_child", "child_id", unique=True, **_only("ended_at IS NULL")),)
    id: int = Field(default=None, primary_key=True)
    child_id: int = Field(foreign_key="issue.id")
    parent_id: int = Field(foreign_key="issue.id", index=True)
    kind: LinkKind
    change_set_id: int | None = None  # the fix that caused the child
    reason: str = ""
    by: str = "platform"
    at: datetime = _time()
    ended_at: datetime | None = _maybe_time()
    ended_by: str | None = None
    end_reason: str = ""


class Analysis(SQLModel, table=True):
    __table_args__ = (Index("ix_analysis_counts", "created_at"),)
    id: int = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    run: int
    analyst: str  # all that answered, separated by commas: embedded, openai, kestra
    root_cause: str
    cause: Cause
    next_step: str = ""  # for a person, if no code change fixes it
    severity: Severity
    impact: Impact
    confidence: float
    simplicity: float  # 1 = one line in one file, 0 = not understood
    pattern: str = ""
    culprit: str = ""  # file:line, release or upstream
    evidence: list = _json(list)  # [{"says": "...", "weight": 0.2}, ...]
    created_at: datetime = _time()


class Decision(SQLModel, table=True):
    __table_args__ = (Index("ix_decision_counts", "created_at", "row", "verdict"),)
    id: int = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    analysis_id: int = Field(foreign_key="analysis.id")
    run: int
    verdict: Verdict
    confidence: float
    row: int
    needs_approval: bool
    receipt: dict = _json()  # terms, row, guards, inputs, and the closest alternative outcome
    created_at: datetime = _time(index=True)


class Outcome(SQLModel, table=True):
    """The outcome of one run of one issue: the memory that learning reads.

    The fix's ``result`` and a person's ``resolution`` of the issue are two separate facts.
    """

    __table_args__ = (
        UniqueConstraint("issue_id", "run"),
        # a covering index: the KPIs of a period are read without its rows
        Index("ix_outcome_figures", "created_at", "result", "verdict", "confidence", "total_seconds", "detect_seconds"),
    )
    id: int = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    run: int
    pattern: str = Field(index=True)
    service: str = ""
    result: str = Field(index=True)  # fixed, rolled_back, failed, escalated, human
    by: str = "platform"
    note: str = ""
    verdict: Verdict | None = None
    confidence: float | None = None
    detect_seconds: float | None = None
    total_seconds: float | None = None  # first error to verified
    resolution: str | None = None  # how a person resolved the issue of this run
    resolved_by: str | None = None
    created_at: datetime = _time(index=True)


class StageRun(SQLModel, table=True):
    """One stage of one issue's run, as it happened."""

    __table_args__ = (
        UniqueConstraint("issue_id", "run", "stage", "attempt"),
        Index("ix_stagerun_counts", "started_at", "result", "stage"),
    )
    id: int = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    run: int
    stage: Stage
    attempt: int = 1
    started_at: datetime = _time(index=True)
    ended_at: datetime | None = _maybe_time()
    result: str = "running"  # running, ok, failed, refused, waiting
    says: str = ""
    detail: dict = _json()
