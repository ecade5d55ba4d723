"""Tables and shapes. Every time is aware UTC; every JSON column holds plain JSON.

Shapes that cross module boundaries but are not stored on their own (Crash, Record, MetricPoint) are
pydantic models, so that vendor data is validated once, on input.
"""

from core.models.audit import AuditHead, AuditRow
from core.models.base import DEEPEST, MOST, UNSTORABLE, Count, Shape, Text, Utc, countable, now, storable
from core.models.change import Approval, ChangeSet, Review, TestRun
from core.models.deployment import Deployment
from core.models.enums import (
    CURABLE,
    ENDED,
    TELLABLE,
    Cause,
    Impact,
    Kind,
    LinkKind,
    Severity,
    Stage,
    Status,
    Verdict,
)
from core.models.issue import Analysis, Decision, Issue, IssueLink, Outcome, StageRun
from core.models.platform import Connector, Migration, Notification, Round, Webhook, Worker
from core.models.signal import Crash, Frame, Linked, Metric, MetricPoint, Raised, Record, ServiceHealth, Signal

__all__ = [
    "Analysis",
    "Approval",
    "AuditHead",
    "AuditRow",
    "CURABLE",
    "TELLABLE",
    "Cause",
    "ChangeSet",
    "Connector",
    "Count",
    "Crash",
    "DEEPEST",
    "Decision",
    "Deployment",
    "ENDED",
    "Frame",
    "Impact",
    "Issue",
    "IssueLink",
    "Kind",
    "LinkKind",
    "Linked",
    "MOST",
    "Metric",
    "MetricPoint",
    "Migration",
    "Notification",
    "Outcome",
    "Raised",
    "Record",
    "Review",
    "Round",
    "ServiceHealth",
    "Severity",
    "Shape",
    "Signal",
    "Stage",
    "StageRun",
    "Status",
    "TestRun",
    "Text",
    "UNSTORABLE",
    "Utc",
    "Verdict",
    "Webhook",
    "Worker",
    "countable",
    "now",
    "storable",
]
