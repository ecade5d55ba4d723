from __future__ import annotations

import enum
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Date, DateTime, Enum, ForeignKey, Numeric, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Plan(enum.StrEnum):
    FULL = "full"
    WEEKDAY = "weekday"
    JUNIOR = "junior"


class Surface(enum.StrEnum):
    CLAY = "clay"
    HARD = "hard"
    CARPET = "carpet"


class Member(Base):
    __tablename__ = "members"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(200), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    plan: Mapped[Plan] = mapped_column(Enum(Plan, native_enum=False, length=20))
    joined: Mapped[date] = mapped_column(Date)


class Court(Base):
    __tablename__ = "courts"

    number: Mapped[int] = mapped_column(primary_key=True)
    surface: Mapped[Surface] = mapped_column(Enum(Surface, native_enum=False, length=20))
    hourly: Mapped[Decimal] = mapped_column(Numeric(8, 2))


class Booking(Base):
    __tablename__ = "bookings"
    __table_args__ = (UniqueConstraint("court_number", "starts_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    court_number: Mapped[int] = mapped_column(ForeignKey("courts.number"))
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    half_hours: Mapped[int] = mapped_column(default=2)
    email: Mapped[str] = mapped_column(String(200))
    guests: Mapped[int] = mapped_column(default=0)
