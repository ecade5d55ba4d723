from __future__ import annotations

from datetime import datetime
from enum import Enum
from uuid import uuid4

from pydantic import BaseModel, Field, field_validator


class State(str, Enum):
    OPEN = "open"
    PICKED = "picked"
    CANCELLED = "cancelled"


class Line(BaseModel):
    sku: str = Field(min_length=3)
    quantity: int = Field(gt=0, le=999)
    state: State = State.OPEN


class Order(BaseModel):
    id: str = Field(default_factory=lambda: uuid4().hex[:10])
    channel: str
    recipient: str
    promised_at: datetime
    lines: list[Line] = Field(min_length=1)

    @field_validator("channel")
    @classmethod
    def _lower(cls, value: str) -> str:
        return value.strip().lower()

    @property
    def active(self) -> list[Line]:
        return [line for line in self.lines if line.state is not State.CANCELLED]

    @property
    def picked(self) -> int:
        return sum(line.quantity for line in self.active if line.state is State.PICKED)

    @property
    def ordered(self) -> int:
        return sum(line.quantity for line in self.active)
