"""Database errors that resolve by themselves: an unavailable server, a lock, a full disk.

DBOS retries its own database calls without a limit if an error is a lost connection. It recognizes few of these
errors, so the engine marks the others as lost connections too (SQLAlchemy's ``handle_error``): a workflow then waits
for the database instead of ending.
"""

from __future__ import annotations

import errno
import sqlite3

import psycopg
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

SQLITE_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
SQLITE_AWAY = {
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}
# SQLSTATE classes and codes: connection, resources, operator intervention, a read-only server
POSTGRES_AWAY = ("08", "53", "57P", "58", "25006", "25P03", "40")
DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}


def listen(engine: Engine) -> None:
    """Make the engine mark transient errors as lost connections; other connections of the pool stay."""

    @event.listens_for(engine, "handle_error")
    def _mark(context: ExceptionContext) -> None:
        if _away(context.original_exception):
            context.is_disconnect = True
            if engine.dialect.name == "sqlite":
                context.invalidate_pool_on_disconnect = False


def _away(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.Error):
        return _sqlite_code(error) in SQLITE_AWAY
    if isinstance(error, psycopg.Error):
        state = error.sqlstate or ""
        return state.startswith(POSTGRES_AWAY) if state else isinstance(error, psycopg.OperationalError)
    return False


def _sqlite_code(error: sqlite3.Error) -> int:
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF  # the primary code without the extended one


def of_database(error: BaseException) -> bool:
    """Does the error resolve when the database is available again?"""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    locked = isinstance(error.orig, sqlite3.Error) and _sqlite_code(error.orig) in SQLITE_LOCKED
    return error.connection_invalidated or locked or _away(error.orig)


def of_machine(error: BaseException) -> bool:
    """Does the error resolve when the disk has space or the network is available again?"""
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    return isinstance(error, OSError) and error.errno in DISK
