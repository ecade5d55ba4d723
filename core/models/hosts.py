"""The load of hosts: processor, memory, disk and any metric that the policy names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator
from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.models.base import Shape, Text, _time

CPU, MEMORY, DISK = "cpu", "memory", "disk"  # percent in use


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


class HostPoint(Shape):
    """One value of one host. ``name`` is cpu, memory or disk (percent in use), or a name of the policy."""

    source: Text
    host: Text
    name: Text
    at: Annotated[datetime, AfterValidator(_aware)]
    value: float


class HostMetric(SQLModel, table=True):
    __table_args__ = (
        UniqueConstraint("source", "host", "name", "at"),
        Index("ix_hostmetric_host_at", "host", "at"),
    )
    id: int = Field(default=None, primary_key=True)
    source: str
    host: str
    name: str
    at: datetime = _time(index=True)
    value: float
