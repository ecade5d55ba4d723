"""The only engine, its transactions and migrations.

SQLite has one writer: a write transaction starts IMMEDIATE, is short, and never spans a network call.
Migrations are numbered functions in a list and a table of applied names (after simonw/llm).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import event, inspect
from sqlalchemy.engine import URL, Engine, make_url
from sqlmodel import Session, SQLModel, create_engine, select

from core import models
from core.db import outages
from core.db.migrations import MIGRATIONS
from core.models.base import table_of

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=30000",
    "foreign_keys=ON",
    "cache_size=-16384",  # 16 MB per connection: keeps the indexes of the screens in memory
)
ONE_WRITER = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(20260)"}
_engine: Engine | None = None
Row = TypeVar("Row", bound=SQLModel)


def make_engine(url: str) -> Engine:
    """An engine that survives power cuts: WAL, synchronous FULL, IMMEDIATE transactions, 30 s of patience.

    Errors hide the values of the statement, because they reach logs and pages, and rows hold private texts and digests.
    """
    parsed = make_url(url)
    if parsed.drivername.startswith("sqlite"):
        engine = create_engine(parsed, connect_args={"check_same_thread": False, "timeout": 30}, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
    else:
        parsed = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
        event.listen(engine, "connect", _prepare_postgres)
    outages.listen(engine)
    return engine


def _prepare_sqlite(connection, _record) -> None:
    connection.isolation_level = "IMMEDIATE"  # DBOS, which shares this engine, relies on it too
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _prepare_postgres(connection, _record) -> None:
    """Limit idle transactions: a suspended worker must not hold the writer's lock for ever."""
    with connection.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = '60s'")
    connection.commit()


def sqlite_file(url: URL) -> Path:
    """The file of a SQLite database. Raises ValueError for one without a file."""
    if not url.database:
        raise ValueError("the address of the SQLite database names no file")
    return Path(url.database)


def open_store(url: str) -> Engine:
    """Open (and migrate) the database of this process; a second call replaces the first."""
    global _engine
    if url.startswith("sqlite:///"):
        sqlite_file(make_url(url)).parent.mkdir(parents=True, exist_ok=True)
    _engine = make_engine(url)
    migrate(_engine)
    return _engine


def engine() -> Engine:
    if _engine is None:
        raise RuntimeError("the store is not open: an entry point calls open_store() first")
    return _engine


_fences: dict[Engine, Callable[[Session], None]] = {}


def fence(check: Callable[[Session], None] | None) -> None:
    """Call ``check`` first in each write transaction of this process; None removes the check."""
    _fences.clear()
    if check:
        _fences[engine()] = check


def clock(session: Session) -> datetime:
    """The database's time, the common clock of all workers. SQLite runs in this process and uses its clock."""
    if engine().dialect.name == "sqlite":
        return models.now()
    return session.connection().exec_driver_sql("SELECT clock_timestamp()").scalar_one().astimezone(UTC)


def time() -> datetime:
    """``clock`` in a separate session."""
    with read() as session:
        return clock(session)


@event.listens_for(Session, "before_flush")
def _storable(session: Session, *_: object) -> None:
    """Replace characters that a column cannot hold: output of programs and models can contain any."""
    for row in (*session.new, *session.dirty):
        for name, value in list(row.__dict__.items()):
            if isinstance(value, str) and (kept := models.storable(value)) != value:
                setattr(row, name, kept)


@contextmanager
def write() -> Iterator[Session]:
    """One short write transaction. The data it reads cannot change before it commits: there is one writer at a time
    (SQLite's own lock, or an equivalent one on PostgreSQL). Limits, claims and the audit chain rely on this.
    """
    with _writing(engine()) as session:
        if check := _fences.get(engine()):
            check(session)
        yield session


@contextmanager
def _writing(target: Engine) -> Iterator[Session]:
    """A transaction that holds the writer's lock."""
    with Session(target, expire_on_commit=False) as session, session.begin():
        session.connection().exec_driver_sql(ONE_WRITER[target.dialect.name])
        yield session


@contextmanager
def read() -> Iterator[Session]:
    """A session for reading; it never takes the writer's lock."""
    with Session(engine(), expire_on_commit=False) as session:
        yield session


def row_of(session: Session, table: type[Row], **key: Any) -> Row:
    """The row with these column values, added to the session if there is none."""
    row = session.exec(select(table).filter_by(**key)).first()
    if row is None:
        row = table(**key)
        session.add(row)
    return row


# --- migrations ---------------------------------------------------------------------------------


def migrate(target: Engine) -> list[str]:
    """Apply missing migrations, each in its own transaction; returns their names.

    Each transaction takes the writer's lock first: of several processes that start at once, one applies a migration,
    and one that is killed leaves no half of it. A start that has nothing to apply takes no lock.
    """
    known, applied = _applied(target), []
    for step in MIGRATIONS:
        if step.__name__ in known:
            continue
        with _writing(target) as session:
            table_of(models.Migration).create(session.connection(), checkfirst=True)
            if session.exec(select(models.Migration).where(models.Migration.name == step.__name__)).first():
                continue
            step(session.connection())
            session.add(models.Migration(name=step.__name__))
            applied.append(step.__name__)
    return applied


def _applied(target: Engine) -> set[str]:
    """Names of the applied migrations; none in a new database."""
    with Session(target) as session:
        if not inspect(session.connection()).has_table(table_of(models.Migration).name):
            return set()
        return set(session.exec(select(models.Migration.name)).all())
