"""Tables of the platform's own work: collection cycles, connectors, workers, notifications, webhooks, migrations."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.models.base import _json, _maybe_time, _only, _time


class Connector(SQLModel, table=True):
    """The state of one source: its cursor and its health."""

    name: str = Field(primary_key=True)
    cursor: str | None = None
    last_attempt: datetime | None = _maybe_time()
    last_success: datetime | None = _maybe_time()
    lag_seconds: float | None = None
    records: int = 0
    failures: int = 0  # in a row
    error: str | None = None
    open_until: datetime | None = _maybe_time()  # circuit breaker
    note: str = ""  # information that is not an error, e.g. a budget that ran out before the end
    calls_left: int | None = None  # of the last round's budget
    vendor_left: int | None = None  # of the vendor's own limit, from its last response


class Notification(SQLModel, table=True):
    __table_args__ = (Index("ix_notification_receiver", "receiver", "id", **_only("receiver != ''")),)
    id: int = Field(default=None, primary_key=True)
    key: str = Field(unique=True)  # merges duplicates
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
    next_at: datetime | None = _maybe_time()  # time of the next attempt after a failure
    approval_id: int | None = None  # the approval that its buttons answer
    reference: str = ""  # the channel's id of the message, to update it: "C0DEMO 1503435956.000247"
    told: str = ""  # the state of the approval that the message shows
    receiver: str = ""  # the subscriber whom it is for; empty: everyone on the channel


class Webhook(SQLModel, table=True):
    """A verified delivery. Neither its id nor its body is accepted twice."""

    __table_args__ = (UniqueConstraint("vendor", "delivery_id"), UniqueConstraint("vendor", "digest"))
    id: int = Field(default=None, primary_key=True)
    vendor: str
    delivery_id: str
    digest: str  # SHA-256 of the body
    received_at: datetime = _time(index=True)
    served: bool = Field(default=False, index=True)  # a round has processed it


class Round(SQLModel, table=True):
    """One pass of collect. ``slot`` is its interval; inserting the row claims it."""

    id: int = Field(default=None, primary_key=True)
    slot: str = Field(unique=True)
    worker: str
    started_at: datetime = _time(index=True)
    ended_at: datetime | None = _maybe_time()
    result: str = "running"  # running, ok, partial, failed, interrupted
    records: int = 0
    issues: int = 0
    detail: dict = _json()  # by source: {"records": 3, "error": null, "seconds": 0.2}


class Worker(SQLModel, table=True):
    """A live process; its executor id is held by a file lock on this machine. Times are the database's."""

    executor_id: str = Field(primary_key=True)
    host: str
    pid: int
    role: str
    life: str = ""  # new at each start: a process whose life is missing from its row was taken over
    started_at: datetime = _time()
    heartbeat: datetime = _time()


class Migration(SQLModel, table=True):
    name: str = Field(primary_key=True)
    applied_at: datetime = _time()
