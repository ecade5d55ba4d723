"""The only engine, its transactions and migrations.

SQLite has one writer: a write transaction starts IMMEDIATE, is short, and never spans a network call.
About migrations: after simonw/llm, numbered functions in a list and a table of the names applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine, make_url
from sqlmodel import Session, SQLModel, create_engine, select

from core import models

_engine: Engine | None = None


def make_engine(url: str) -> Engine:
    """An engine that survives power cuts: WAL, synchronous FULL, IMMEDIATE transactions, 30 s of patience."""
    parsed = make_url(url)
    if not parsed.drivername.startswith("sqlite"):
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    engine = create_engine(parsed, connect_args={"check_same_thread": False, "timeout": 30})
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection, _record) -> None:
    connection.isolation_level = "IMMEDIATE"  # DBOS, which shares this engine, counts on it too
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def open_store(url: str) -> Engine:
    """Open (and migrate) the database of this process; a second call replaces the first."""
    global _engine
    if url.startswith("sqlite:///"):
        Path(make_url(url).database).parent.mkdir(parents=True, exist_ok=True)
    _engine = make_engine(url)
    migrate(_engine)
    return _engine


def engine() -> Engine:
    if _engine is None:
        raise RuntimeError("the store is not open: an entry point calls open_store() first")
    return _engine


@contextmanager
def write() -> Iterator[Session]:
    """One short write transaction; what it reads cannot change before it commits."""
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        if engine().dialect.name == "sqlite":
            session.connection().exec_driver_sql("BEGIN IMMEDIATE")
        yield session


@contextmanager
def read() -> Iterator[Session]:
    """A session for reading; it never takes the writer's lock."""
    with Session(engine(), expire_on_commit=False) as session:
        yield session


# --- migrations: numbered functions and a table of applied names (after simonw/llm) --------------


def m001_first_schema(connection: Connection) -> None:
    SQLModel.metadata.create_all(connection)


MIGRATIONS: list[Callable[[Connection], None]] = [m001_first_schema]


def migrate(target: Engine) -> list[str]:
    """Apply what is missing, each in its own transaction; returns the names applied."""
    models.Migration.__table__.create(target, checkfirst=True)
    applied = []
    for step in MIGRATIONS:
        with Session(target) as session, session.begin():
            if session.exec(select(models.Migration).where(models.Migration.name == step.__name__)).first():
                continue
            step(session.connection())
            session.add(models.Migration(name=step.__name__))
            applied.append(step.__name__)
    return applied
