"""The enums of the product: status, severity, verdict and others."""

from __future__ import annotations

from enum import StrEnum


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
    """The state of an issue. The flow's diagram, flow.py and the console use the same names."""

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


TEST_ENVIRONMENT = "platform-test"  # of a test event, which shows how a signal is processed and starts no run
PENDING = "pending"  # level of a change that production does not have yet: an open pull request
ENDED = (Status.RESOLVED, Status.ESCALATED, Status.DISMISSED)


class Kind(StrEnum):
    EXCEPTION = "exception"
    LOG = "log"
    ALERT = "alert"
    REPORT = "report"  # an issue written by a person
    METRIC = "metric"  # an anomaly found in metric points
    CHANGE = "change"  # a release or deployment by anyone
    SECURITY = "security"  # a vulnerable package or an unsafe line (core/stages/security)


class LinkKind(StrEnum):
    """How a child belongs to its parent."""

    SYMPTOM = "symptom"  # the parent's crash explains the child's alerts: the child starts no run of its own
    FIX = "fix"  # a fix of the parent caused the child
    PERSON = "person"  # a person linked them: the child starts no run of its own


class Cause(StrEnum):
    """The kind of cause that an analysis names; only those of CURABLE go to a fixer."""

    CODE = "code"
    DELIBERATE = "deliberate"  # raised by the program itself
    UPSTREAM = "upstream"
    CREDENTIAL = "credential"
    ENVIRONMENT = "environment"
    DATA = "data"
    PERFORMANCE = "performance"
    SECURITY = "security"
    UNKNOWN = "unknown"


CURABLE = (Cause.CODE, Cause.SECURITY)
TELLABLE = tuple(cause for cause in Cause if cause is not Cause.SECURITY)  # by an analyst; a finding has its own
