"""The table of the regular health checks of production."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from core.models.base import _time


class HealthHour(SQLModel, table=True):
    """The health checks of a repository's production address in one hour."""

    __table_args__ = (UniqueConstraint("repository", "hour"),)
    id: int = Field(default=None, primary_key=True)
    repository: str
    hour: datetime = _time(index=True)  # its beginning
    checks: int = 0
    failed: int = 0
    fault: str = ""  # why the latest failed one failed
    last_at: datetime = _time()  # when the latest one began
