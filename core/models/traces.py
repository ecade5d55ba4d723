"""Spans of distributed traces, as vendors and services report them, and the failing ones as stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.models.base import Shape, Text, _time

LONGEST = 1e9  # milliseconds; longer spans count as so long
DECIMALS = 39  # digits of the largest number of 128 bits
KEY = 16  # last digits of a trace's id: old tracers keep only the lower 64 bits


def _moment(at: datetime) -> datetime:
    """An aware time that every zone and a longest span's end can hold. Raises ValueError for others."""
    if not 1970 <= at.year < 9999:
        raise ValueError("the time is out of range")
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _spent(ms: float) -> float:
    return min(max(float(ms), 0.0), LONGEST)


class SpanRecord(Shape):
    """One span. ``role`` is server, client or empty; ``peer`` is the service that a client span calls, if named."""

    source: Text
    trace: Text
    span: Text
    service: Text
    at: Annotated[datetime, AfterValidator(_moment)]
    ms: Annotated[float, BeforeValidator(_spent)] = 0.0
    parent: Text = ""
    name: Text = ""
    role: Text = ""
    peer: Text = ""
    environment: Text = "production"
    failed: bool = False
    message: Text = ""

    @property
    def end(self) -> datetime:
        return self.at + timedelta(milliseconds=self.ms)


class FailedSpan(SQLModel, table=True):
    """A failing span. Those of one trace show where a failure began (core/signals/analysis/trace_origin.py)."""

    __table_args__ = (
        UniqueConstraint("trace", "span"),
        Index("ix_failedspan_service_end", "service", "ended_at"),
    )
    id: int = Field(default=None, primary_key=True)
    source: str
    trace: str  # its last KEY digits, in lower case
    span: str
    parent: str = ""
    service: str
    environment: str = "production"
    role: str = ""
    peer: str = ""
    name: str = ""
    message: str = ""
    at: datetime = _time()
    ended_at: datetime = _time(index=True)


def trace_key(trace: str) -> str:
    """The part of a trace's id that all tracers share; Datadog's tracers also write it as a decimal number."""
    if trace.isdecimal() and len(trace) not in (KEY, 2 * KEY) and len(trace) <= DECIMALS:
        return f"{int(trace):x}"[-KEY:].zfill(KEY)
    return trace.lower()[-KEY:]
