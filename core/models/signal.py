"""Vendor data: crashes, records and metric points, as received and as stored."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict
from pydantic import Field as ShapeField
from sqlalchemy import JSON, Index, UniqueConstraint, literal_column
from sqlmodel import Field, SQLModel, col

from core.models.base import Count, Shape, Text, WebAddress, _json, _only, _time, storable
from core.models.enums import Kind


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

    schema_: int = ShapeField(default=1, alias="schema")
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
    """One item of vendor data. ``(source, vendor_id)`` is its permanent identity."""

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
    url: WebAddress = ""
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
    """The health of a service in a span of time; ``samples`` counts the metric points behind it."""

    requests: float = 0
    errors: float = 0
    p95_ms: float | None = None
    samples: int = 0

    @property
    def error_rate(self) -> float | None:
        return self.errors / self.requests if self.requests else None


class Signal(SQLModel, table=True):
    __table_args__ = (
        UniqueConstraint("source", "vendor_id"),
        Index("ix_signal_issue_at", "issue_id", "at", **_only("issue_id IS NOT NULL")),
        Index("ix_signal_service_at", "service", "at"),
        Index("ix_signal_fingerprint_at", "fingerprint", "at"),
        Index("ix_signal_waiting", "at", "id", **_only("issue_id IS NULL AND set_aside IS NULL")),
        Index("ix_signal_change", "at", **_only("kind = 'CHANGE'")),
        Index("ix_signal_aside", "received_at", "set_aside", "kind", "count", **_only("set_aside IS NOT NULL")),
    )
    id: int = Field(default=None, primary_key=True)
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


# With its value in the text of the query: SQLite uses a partial index only if it sees that its condition holds.
IS_CHANGE = col(Signal.kind) == literal_column("'CHANGE'")


class Metric(SQLModel, table=True):
    __table_args__ = (
        UniqueConstraint("source", "service", "name", "at"),
        Index("ix_metric_at", "at"),
        Index("ix_metric_sums", "source", "service", "name", "at", "value"),
    )
    id: int = Field(default=None, primary_key=True)
    source: str
    service: str
    name: str
    at: datetime = _time()
    value: float
