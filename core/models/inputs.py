"""Tables of the data that services and vendors send: payloads, tokens, counts, latencies and calls."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.models.base import _maybe_time, _only, _time

NOTHING = "nothing received yet"  # how the note of a connector begins that waits for its first payload


class Payload(SQLModel, table=True):
    """One accepted request. It is stored before the response; a collection cycle turns it into signals."""

    __table_args__ = (Index("ix_payload_waiting", "due_at", "id", **_only("taken_at IS NULL")),)
    id: int = Field(default=None, primary_key=True)
    input: str = Field(index=True)  # sentry, github, datadog, vercel, otlp, alertmanager, events, lines
    kind: str = ""  # the event that a vendor names in a header, the OTLP signal, or the stream of log lines
    service: str = ""  # the token's service; empty: any service
    size: int = 0  # bytes as received
    urgent: bool = False  # starts a collection cycle; metrics and spans without errors wait for the next one
    measured: bool = False  # its spans are counted
    received_at: datetime = _time(index=True)
    due_at: datetime = _time()  # when a cycle starts for it: log lines wait for the rest of their stack
    taken_at: datetime | None = _maybe_time()
    body: Any = Field(default=None, sa_type=JSON, nullable=True)  # redacted; last, so that sizes are read without it


class IngestToken(SQLModel, table=True):
    """A token with which a service, or a collector for all services, sends its signals. It gives no other right."""

    id: int = Field(default=None, primary_key=True)
    service: str  # "*": every service of platform.toml
    label: str = ""
    secret: str = Field(unique=True)  # SHA-256 of the token
    created_at: datetime = _time()
    last_used: datetime | None = _maybe_time()
    revoked_at: datetime | None = _maybe_time()


class InputState(SQLModel, table=True):
    """What an input has received so far."""

    input: str = Field(primary_key=True)
    accepted: int = 0  # requests
    refused: int = 0  # requests, and records within accepted requests
    last_at: datetime | None = _maybe_time()
    last_refused_at: datetime | None = _maybe_time()
    last_refusal: str = ""


class SpanWindow(SQLModel, table=True):
    """Requests of one service in one interval, from its server spans. Latencies are counted by powers of 1.1 ms."""

    __table_args__ = (UniqueConstraint("service", "at"),)
    id: int = Field(default=None, primary_key=True)
    service: str
    at: datetime = _time(index=True)  # start of the interval
    requests: int = 0
    errors: int = 0
    latencies: dict = Field(default_factory=dict, sa_type=JSON)  # {"exponent": requests}


class MeterStream(SQLModel, table=True):
    """The last values of one metric of one process, which later cumulative values are compared with."""

    id: str = Field(primary_key=True)  # digest of service, environment, release, process and metric
    service: str = Field(index=True)
    role: str = ""  # duration, requests or errors
    seen: datetime = _time(index=True)
    series: dict = Field(default_factory=dict, sa_type=JSON)  # {attributes: {first, start, at, count, latencies}}


class ServiceCall(SQLModel, table=True):
    """A call from one service to another, from their spans."""

    __table_args__ = (UniqueConstraint("caller", "callee"),)
    id: int = Field(default=None, primary_key=True)
    caller: str
    callee: str
    last_seen: datetime = _time(index=True)


class SpanLink(SQLModel, table=True):
    """A recent call between services with one known side: the two spans arrive in separate requests."""

    id: str = Field(primary_key=True)  # trace id and id of the caller's span
    caller: str = ""
    callee: str = ""
    at: datetime = _time(index=True)
