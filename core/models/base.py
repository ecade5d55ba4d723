"""Building blocks of all tables: time columns, JSON columns, and storable texts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from sqlalchemy import JSON, DateTime, Table, inspect, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


def now() -> datetime:
    return datetime.now(UTC)


class Utc(TypeDecorator):
    """Aware datetimes in and out, stored as UTC; SQLite itself keeps no zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return value.astimezone(UTC).replace(tzinfo=None) if value else value

    def process_result_value(self, value, dialect):
        return value.replace(tzinfo=UTC) if value else value


UNSTORABLE = re.compile("[\0\ud800-\udfff]")
WEB = re.compile("https?://", re.I)
DEEPEST = 30  # levels of nested attributes that are kept
MOST = 10**9  # of one record; an issue's sum still fits into a database column


def storable(value: Any) -> Any:
    """The value with U+FFFD for characters valid in JSON but not in UTF-8 or PostgreSQL: NUL and lone surrogates.

    Otherwise, one record with such a character would block its whole page of results.
    """
    return _storable(value, DEEPEST)


def _storable(value: Any, deeper: int) -> Any:
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if not isinstance(value, dict | list | tuple):
        return value
    if not deeper:
        return "\u2026"
    if isinstance(value, dict):
        return {_storable(key, 1): _storable(inner, deeper - 1) for key, inner in value.items()}
    return [_storable(inner, deeper - 1) for inner in value]


def countable(value: Any) -> Any:
    """A number between 0 and MOST; other values are unchanged, and the model refuses them."""
    return min(max(value, 0), MOST) if isinstance(value, int | float) and value == value else value


def web_address(value: Any) -> Any:
    """A storable http(s) address; empty for any other, because a click on ``javascript:`` runs a sender's script."""
    value = storable(value)
    return value if not isinstance(value, str) or WEB.match(value) else ""


Text = Annotated[str, BeforeValidator(storable)]
WebAddress = Annotated[str, BeforeValidator(web_address)]
Count = Annotated[int, BeforeValidator(countable)]


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def _time(**kw) -> Any:
    return Field(default_factory=now, sa_type=Utc, **kw)


def _maybe_time(**kw) -> Any:
    return Field(default=None, sa_type=Utc, nullable=True, **kw)


def _json(factory: type[dict] | type[list] = dict) -> Any:
    return Field(default_factory=factory, sa_type=JSON)


def table_of(model: type[SQLModel]) -> Table:
    """The table of a model."""
    table = inspect(model).local_table
    assert isinstance(table, Table), model
    return table


def _only(where: str) -> dict:
    """The condition of a partial index, for both databases."""
    return {"sqlite_where": text(where), "postgresql_where": text(where)}
