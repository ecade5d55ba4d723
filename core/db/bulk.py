"""Bulk writes with the database driver's executemany: four times as fast as row objects.

Values are converted as SQLAlchemy's types would store them; each column's converter is looked up once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any

from sqlalchemy import JSON, Enum, Table
from sqlmodel import Session, SQLModel

from core.models.base import Utc, table_of

Convert = Callable[[Any], Any]
NOTHING = "ON CONFLICT DO NOTHING"


def insert(session: Session, model: type[SQLModel], rows: Sequence[dict], conflict: str = NOTHING) -> int:
    """Insert rows that all have the same keys; returns how many were inserted or changed."""
    if not rows:
        return 0
    dialect = session.get_bind().dialect.name
    sql, columns = _statement(table_of(model), tuple(rows[0]), dialect, conflict)
    values = [tuple(convert(row[name]) if convert else row[name] for name, convert in columns) for row in rows]
    return session.connection().exec_driver_sql(sql, values).rowcount


def replacing(keys: Sequence[str], values: Sequence[str]) -> str:
    """The conflict clause with which new values replace the stored ones."""
    return f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {', '.join(f'{v} = excluded.{v}' for v in values)}"


@cache
def _statement(table: Table, names: tuple[str, ...], dialect: str, conflict: str) -> tuple[str, list]:
    mark = "?" if dialect == "sqlite" else "%s"
    marks, quoted = ", ".join([mark] * len(names)), ", ".join(f'"{name}"' for name in names)
    sql = f'INSERT INTO "{table.name}" ({quoted}) VALUES ({marks}) {conflict}'
    return sql, [(name, _convert(table.columns[name].type, dialect)) for name in names]


def _convert(kind: Any, dialect: str) -> Convert | None:
    if isinstance(kind, Utc):
        return _text_time if dialect == "sqlite" else _naive
    if isinstance(kind, JSON):
        return json.dumps
    return attrgetter("name") if isinstance(kind, Enum) else None


def _text_time(at: datetime | None) -> str | None:
    return at and at.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def _naive(at: datetime | None) -> datetime | None:
    return at and at.astimezone(UTC).replace(tzinfo=None)
