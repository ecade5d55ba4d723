"""Tables and shapes. Every time is aware UTC; every JSON column holds plain JSON.

Shapes that cross module borders but are not stored on their own (Crash, Record, MetricPoint) are
pydantic models, so that what a vendor sent is checked once, at the border.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic import Field as ShapeField
from sqlalchemy import JSON, DateTime, Index, UniqueConstraint, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


def now() -> datetime:
    return datetime.now(UTC)


class Utc(TypeDecorator):
    """Aware datetimes in and out; stored as UTC, which SQLite would otherwise forget."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return value.astimezone(UTC).replace(tzinfo=None) if value else value

    def process_result_value(self, value, dialect):
        return value.replace(tzinfo=UTC) if value else value


# --- words -------------------------------------------------------------------------------------


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Impact(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Verdict(StrEnum):
    AUTO_RESOLVE = "AUTO_RESOLVE"
    SCHEDULE_MAINTENANCE = "SCHEDULE_MAINTENANCE"
    ESCALATE_HUMAN = "ESCALATE_HUMAN"


class Stage(StrEnum):
    COLLECT = "collect"
    ANALYZE = "analyze"
    DECIDE = "decide"
    FIX = "fix"
    REVIEW = "review"
    TEST = "test"
    DEPLOY = "deploy"
    VERIFY = "verify"
    LEARN = "learn"


class Status(StrEnum):
    """Where an issue stands. The flow's diagram, flow.py and the console use these very names."""

    NEW = "new"
    ANALYZING = "analyzing"
    DECIDING = "deciding"
    SCHEDULED = "scheduled"
    FIXING = "fixing"
    REVIEWING = "reviewing"
    TESTING = "testing"
    PREVIEWING = "previewing"
    AWAITING_APPROVAL = "awaiting_approval"
    QUEUED = "queued"
    DEPLOYING = "deploying"
    WATCHING = "watching"
    ROLLING_BACK = "rolling_back"
    RESOLVED = "resolved"
    ESCALATED = "escalated"
    DISMISSED = "dismissed"


ENDED = (Status.RESOLVED, Status.ESCALATED, Status.DISMISSED)


class Kind(StrEnum):
    EXCEPTION = "exception"
    LOG = "log"
    ALERT = "alert"
    REPORT = "report"  # an issue somebody wrote
    METRIC = "metric"  # an anomaly found in metric points
    CHANGE = "change"  # a release or deployment by anybody


class Cause(StrEnum):
    """What kind of cause an analysis names; only CODE is ever given to a fixer."""

    CODE = "code"
    DELIBERATE = "deliberate"  # the program's own raise
    UPSTREAM = "upstream"
    CREDENTIAL = "credential"
    ENVIRONMENT = "environment"
    DATA = "data"
    PERFORMANCE = "performance"
    UNKNOWN = "unknown"


# --- shapes that cross borders -------------------------------------------------------------------


UNSTORABLE = re.compile("[\0\ud800-\udfff]")
DEEPEST = 30  # levels of nested attributes that are kept
MOST = 10**9  # of one record; an issue's sum of them stays a number that databases hold


def storable(value: Any) -> Any:
    """The value with U+FFFD for what JSON can carry but UTF-8 and PostgreSQL cannot: NUL, and halves of pairs.

    One record with such a character would otherwise stop the whole page that it came with, for ever.
    """
    return _storable(value, DEEPEST)


def _storable(value: Any, deeper: int) -> Any:
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if not isinstance(value, dict | list | tuple):
        return value
    if not deeper:
        return "\u2026"
    if isinstance(value, dict):
        return {_storable(key, 1): _storable(inner, deeper - 1) for key, inner in value.items()}
    return [_storable(inner, deeper - 1) for inner in value]


def countable(value: Any) -> Any:
    """A number at most MOST, at least 0; what is no number is left for the shape to refuse."""
    return min(max(value, 0), MOST) if isinstance(value, int | float) and value == value else value


Text = Annotated[str, BeforeValidator(storable)]
Count = Annotated[int, BeforeValidator(countable)]


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Frame(Shape):
    """One call of a stack. ``locals`` maps a name to the text of its repr()."""

    file: Text
    line: Count = 0
    function: Text = "<module>"
    code: Text = ""
    in_app: bool = True
    locals: dict[Text, Text] | None = None


class Raised(Shape):
    type: Text
    module: Text | None = None
    message: Text = ""


class Linked(Raised):
    """An exception that led to the one reported; ``relation`` is cause or context."""

    relation: Text = "cause"
    frames: tuple[Frame, ...] = ()


class Crash(Shape):
    """A crash as a monitoring tool reports it; frames are outermost first."""

    schema_: int = ShapeField(1, alias="schema")
    source: Text = "sentry"
    service: Text = ""
    environment: Text = "production"
    release: Text | None = None
    level: Text = "error"
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    count: Count = 1
    tags: dict[Text, Text] = ShapeField(default_factory=dict)
    exception: Raised
    chain: tuple[Linked, ...] = ()
    frames: tuple[Frame, ...] = ()
    traceback: Text = ""
    logs: tuple[Text, ...] = ()

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Record(Shape):
    """One thing that a vendor told us. ``(source, vendor_id)`` is its identity for ever."""

    source: Text
    vendor_id: Text
    kind: Kind
    at: datetime
    service: Text = ""
    environment: Text = "production"
    release: Text | None = None
    level: Text = "error"
    title: Text
    message: Text = ""
    count: Count = 1
    users: Count = 0
    url: Text = ""
    crash: Crash | None = None
    attributes: Annotated[dict[str, Any], BeforeValidator(storable)] = ShapeField(default_factory=dict)


class MetricPoint(Shape):
    """One value of one series: ``name`` is requests, errors (both counts in the interval) or p95_ms."""

    source: str
    service: str
    name: str
    at: datetime
    value: float


class ServiceHealth(Shape):
    """What a service did in a span of time; ``samples`` counts the metric points that say so."""

    requests: float = 0
    errors: float = 0
    p95_ms: float | None = None
    samples: int = 0

    @property
    def error_rate(self) -> float | None:
        return self.errors / self.requests if self.requests else None


# --- tables --------------------------------------------------------------------------------------


def _time(**kw) -> Any:
    return Field(default_factory=now, sa_type=Utc, **kw)


def _maybe_time(**kw) -> Any:
    return Field(default=None, sa_type=Utc, nullable=True, **kw)


def _json(factory=dict) -> Any:
    return Field(default_factory=factory, sa_type=JSON)


def _only(where: str) -> dict:
    """The condition of a partial index, for both databases."""
    return {"sqlite_where": text(where), "postgresql_where": text(where)}


class Connector(SQLModel, table=True):
    """One row a source: where its reading stands, and how it fares."""

    name: str = Field(primary_key=True)
    cursor: str | None = None
    last_attempt: datetime | None = _maybe_time()
    last_success: datetime | None = _maybe_time()
    lag_seconds: float | None = None
    records: int = 0
    failures: int = 0  # in a row
    error: str | None = None
    open_until: datetime | None = _maybe_time()  # circuit breaker
    note: str = ""  # what is no fault, but worth knowing: a budget that ended before the reading did
    calls_left: int | None = None  # of the last round's budget
    vendor_left: int | None = None  # of the vendor's own limit, by its last answer


class Issue(SQLModel, table=True):
    __table_args__ = (Index("ix_issue_merged_into", "merged_into", **_only("merged_into IS NOT NULL")),)
    id: int | None = Field(default=None, primary_key=True)
    fingerprint: str = Field(index=True)
    because: str = ""  # why its signals are one issue
    title: str
    kind: Kind = Kind.EXCEPTION
    service: str = Field(index=True)
    environment: str = "production"
    release: str | None = None
    pattern: str = Field(default="", index=True)  # what learning counts by, e.g. "KeyError/missing-key"
    status: Status = Field(default=Status.NEW, index=True)
    severity: Severity | None = None
    impact: Impact | None = None
    cause: Cause | None = None
    confidence: float | None = None
    verdict: Verdict | None = None
    reason: str = ""  # why it stands where it stands, in a person's words
    run: int = 0  # how often its workflow was started
    restarts: int = 0  # how often this run's workflow was restarted from one of its steps
    at_once: bool = False  # a person started this run: it waits for no maintenance window
    occurrences: int = Field(default=0, index=True)
    users: int = 0
    assignee: str | None = None
    first_seen: datetime = _time(index=True)
    last_seen: datetime = _time(index=True)
    created_at: datetime = _time(index=True)
    ended_at: datetime | None = _maybe_time(index=True)
    resolution: str | None = None
    requested_by: str | None = None  # the person who asked for this run; the platform itself: nobody
    scheduled_for: datetime | None = _maybe_time()
    counted_by: str | None = None  # the source whose signals are its occurrences: the first that told
    merged_into: int | None = None  # the issue that a person made it a part of

    @property
    def workflow_id(self) -> str:
        return self.workflow_of(self.restarts)

    def workflow_of(self, restarts: int) -> str:
        """The workflow of this run after so many restarts."""
        return f"issue-{self.id}-run-{self.run}" + (f"-restart-{restarts}" if restarts else "")


class Signal(SQLModel, table=True):
    __table_args__ = (
        UniqueConstraint("source", "vendor_id"),
        Index("ix_signal_issue_at", "issue_id", "at", **_only("issue_id IS NOT NULL")),
        Index("ix_signal_service_at", "service", "at"),
        Index("ix_signal_fingerprint_at", "fingerprint", "at"),
        Index("ix_signal_waiting", "at", "id", **_only("issue_id IS NULL AND set_aside IS NULL")),
        Index("ix_signal_aside", "received_at", "set_aside", "kind", "count", **_only("set_aside IS NOT NULL")),
    )
    id: int | None = Field(default=None, primary_key=True)
    source: str
    vendor_id: str
    kind: Kind
    service: str = ""
    environment: str = "production"
    release: str | None = None
    level: str = "error"
    title: str
    message: str = ""
    count: int = 1
    users: int = 0
    url: str = ""
    crash: dict | None = Field(default=None, sa_type=JSON)
    attributes: dict = _json()
    fingerprint: str = ""
    issue_id: int | None = Field(default=None, foreign_key="issue.id")
    set_aside: str | None = None  # why it opened no issue: known, silenced, a user's own error ...
    at: datetime = _time()
    received_at: datetime = _time(index=True)


class Metric(SQLModel, table=True):
    __table_args__ = (
        UniqueConstraint("source", "service", "name", "at"),
        Index("ix_metric_at", "at"),
        Index("ix_metric_sums", "source", "service", "name", "at", "value"),
    )
    id: int | None = Field(default=None, primary_key=True)
    source: str
    service: str
    name: str
    at: datetime = _time()
    value: float


class Analysis(SQLModel, table=True):
    __table_args__ = (Index("ix_analysis_counts", "created_at"),)
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    run: int
    analyst: str  # embedded, openai, kestra
    root_cause: str
    cause: Cause
    next_step: str = ""  # for a person, when no code change cures it
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
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    analysis_id: int = Field(foreign_key="analysis.id")
    run: int
    verdict: Verdict
    confidence: float
    row: int
    needs_approval: bool
    receipt: dict = _json()  # terms, row, guards, inputs, and the smallest change that flips it
    created_at: datetime = _time(index=True)


class ChangeSet(SQLModel, table=True):
    __table_args__ = (
        UniqueConstraint("issue_id", "run", "attempt"),
        Index("ix_changeset_status", "status"),
    )
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    run: int
    attempt: int
    generator: str  # embedded, openai, cline
    template: str = ""
    title: str = ""
    rationale: str = ""
    status: str = "proposed"  # proposed, refused, proved, unproved, reviewed, deployed, merged, rolled_back, stale
    branch: str = ""
    base_sha: str = ""
    head_sha: str = ""
    patch: str = ""
    commit: str = ""  # the commit's own text, by which any worker can write the same one again
    patch_hash: str = Field(default="", index=True)  # of the diff without its line numbers
    test_path: str = ""
    test_code: str = ""
    confidence: float = 0.0
    proof: dict = _json()  # {"fails_before": true, "passes_after": true, "fails_reverted": true, ...}
    pull_number: int | None = None
    pull_url: str = ""
    tokens: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0
    note: str = ""  # why nothing came of it
    created_at: datetime = _time(index=True)


class Review(SQLModel, table=True):
    __table_args__ = (Index("ix_review_counts", "created_at", "passed"),)
    id: int | None = Field(default=None, primary_key=True)
    change_set_id: int = Field(foreign_key="changeset.id", index=True)
    passed: bool
    gates: list = _json(list)  # [{"gate": "complexity", "passed": true, "value": 4, "limit": 10, "says": ""}]
    findings: list = _json(list)  # [{"gate", "path", "line", "severity", "says"}]
    seconds: float = 0.0
    created_at: datetime = _time()


class TestRun(SQLModel, table=True):
    __test__ = False  # the name is the field's; pytest must not collect it
    __table_args__ = (Index("ix_testrun_counts", "created_at"),)
    id: int | None = Field(default=None, primary_key=True)
    change_set_id: int = Field(foreign_key="changeset.id", index=True)
    command: str
    passed: bool
    tests: int = 0
    failures: int = 0
    runner: str = ""  # bubblewrap or limited
    output: str = ""
    seconds: float = 0.0
    created_at: datetime = _time()


class Deployment(SQLModel, table=True):
    __table_args__ = (Index("ix_deployment_counts", "environment", "started_at", "status", "automatic"),)
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)  # idempotency: issue, run, attempt, environment
    issue_id: int = Field(foreign_key="issue.id", index=True)
    change_set_id: int = Field(foreign_key="changeset.id")
    repository: str
    environment: str  # preview or production
    sha: str = ""
    vendor_id: str = ""
    url: str = ""
    previous_vendor_id: str = ""  # what a rollback returns to
    automatic: bool = True
    status: str = "pending"  # pending, ready, failed, watching, verified, superseded, rolled_back
    note: str = ""
    alarm: str = ""  # why production may serve this build although nobody could confirm it or roll it back
    before: dict = _json()  # ServiceHealth by service
    after: dict = _json()
    judged: dict = _json()  # the newest look: state, says, counts, checks; "before": the checks before the release
    kept_by: str | None = None  # the person who kept it while the watch was undecided
    promote_seconds: float | None = None  # how long moving production to it took
    rollback_seconds: float | None = None  # how long moving production back from it took
    started_at: datetime = _time(index=True)
    ready_at: datetime | None = _maybe_time()
    ended_at: datetime | None = _maybe_time()


class Outcome(SQLModel, table=True):
    """How one run of one issue ended: the memory that learning reads.

    What became of the fix (``result``) and how a person resolved the issue (``resolution``) are two facts.
    """

    __table_args__ = (
        UniqueConstraint("issue_id", "run"),
        # what the KPIs count lies in the index: a period is read without its rows
        Index("ix_outcome_figures", "created_at", "result", "verdict", "confidence", "total_seconds", "detect_seconds"),
    )
    id: int | None = Field(default=None, primary_key=True)
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


class Approval(SQLModel, table=True):
    __table_args__ = (
        Index("ix_approval_asked", "asked_at"),
        Index("ix_approval_answered", "answered_at", "state"),
    )
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    change_set_id: int = Field(foreign_key="changeset.id")
    workflow_id: str
    patch_hash: str
    asks: str  # what is asked and why
    state: str = Field(default="pending", index=True)  # pending, approved, rejected, expired, stale
    by: str | None = None
    reason: str = ""
    requested_by: str | None = None  # who asked for the run: of a critical service they cannot approve it
    assignee: str | None = None  # the person or group it was escalated to; nobody: any approver
    asked_at: datetime = _time()
    expires_at: datetime = _time()
    answered_at: datetime | None = _maybe_time()


class Notification(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)  # folds duplicates
    channel: str  # slack, email, console
    event: str
    issue_id: int | None = None
    subject: str
    body: str = ""
    state: str = Field(default="pending", index=True)  # pending, sent, failed
    attempts: int = 0
    repeats: int = 0
    error: str | None = None
    created_at: datetime = _time(index=True)
    sent_at: datetime | None = _maybe_time()
    next_at: datetime | None = _maybe_time()  # not before: the wait after a failed attempt
    approval_id: int | None = None  # the question that its buttons answer
    reference: str = ""  # the channel's own name of the message, to update it: "C0DEMO 1503435956.000247"
    told: str = ""  # the state of the question that the message shows


class Webhook(SQLModel, table=True):
    """A delivery that was verified. Neither its id nor its body is taken a second time."""

    __table_args__ = (UniqueConstraint("vendor", "delivery_id"), UniqueConstraint("vendor", "digest"))
    id: int | None = Field(default=None, primary_key=True)
    vendor: str
    delivery_id: str
    digest: str  # SHA-256 of the body
    received_at: datetime = _time(index=True)
    served: bool = Field(default=False, index=True)  # a round has taken it up


class AuditRow(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    at: datetime = _time(index=True)
    actor: str = Field(index=True)
    action: str = Field(index=True)
    subject: str  # issue/12, deployment/3, policy
    detail: dict = _json()
    key: str | None = Field(default=None, unique=True)  # idempotency of the action, bound to person and subject
    previous: str = ""
    hash: str = ""
    request: str = ""  # SHA-256 of the action's content, so that its key is not used for another; not in the chain


class AuditHead(SQLModel, table=True):
    """That a host keeps a signed head of the audit chain on its disk, and the one that it last sent outside."""

    keeper: str = Field(primary_key=True)  # host and folder
    line: str  # as core/audit_head.py writes it
    sent: str  # the day, YYYY-MM-DD, UTC


class Round(SQLModel, table=True):
    """One pass of collect. ``slot`` is the interval it belongs to: claimed by inserting it."""

    id: int | None = Field(default=None, primary_key=True)
    slot: str = Field(unique=True)
    worker: str
    started_at: datetime = _time(index=True)
    ended_at: datetime | None = _maybe_time()
    result: str = "running"  # running, ok, partial, failed, interrupted
    records: int = 0
    issues: int = 0
    detail: dict = _json()  # by source: {"records": 3, "error": null, "seconds": 0.2}


class StageRun(SQLModel, table=True):
    """One stage of one issue's journey, as it happened."""

    __table_args__ = (
        UniqueConstraint("issue_id", "run", "stage", "attempt"),
        Index("ix_stagerun_counts", "started_at", "result", "stage"),
    )
    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    run: int
    stage: Stage
    attempt: int = 1
    started_at: datetime = _time(index=True)
    ended_at: datetime | None = _maybe_time()
    result: str = "running"  # running, ok, failed, refused, waiting
    says: str = ""
    detail: dict = _json()


class Worker(SQLModel, table=True):
    """A live process; its executor id is held by a file lock on this machine. Times are the database's."""

    executor_id: str = Field(primary_key=True)
    host: str
    pid: int
    role: str
    life: str = ""  # a new one at each start: a process whose life is gone from its row was given up
    started_at: datetime = _time()
    heartbeat: datetime = _time()


class Migration(SQLModel, table=True):
    name: str = Field(primary_key=True)
    applied_at: datetime = _time()
