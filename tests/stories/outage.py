"""A database that is away: connections that exist are lost, new ones are refused, until so many were refused."""

from __future__ import annotations

import sqlite3
import threading
import time
from types import SimpleNamespace

import psycopg
from dbos import _sys_db
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DisconnectionError


def _sqlite() -> sqlite3.Error:
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_CANTOPEN, "SQLITE_CANTOPEN"
    return error


def _postgres() -> psycopg.Error:
    return psycopg.OperationalError("failed to resolve host 'db': Name or service not known")


class Outage:
    """``with Outage(engine, refusals, monkeypatch)``; the waits of DBOS between its attempts are short meanwhile."""

    def __init__(self, engine: Engine, refusals: int, monkeypatch):
        self.engine, self.left, self.lock = engine, refusals, threading.Lock()
        self.on = self.over = False
        self.error = _sqlite if engine.dialect.name == "sqlite" else _postgres
        short = SimpleNamespace(**{name: getattr(time, name) for name in dir(time) if not name.startswith("_")})
        short.sleep = lambda seconds: time.sleep(min(seconds, 0.02))
        monkeypatch.setattr(_sys_db, "time", short)
        event.listen(engine, "checkout", self._checkout)
        event.listen(engine, "do_connect", self._connect)

    def _checkout(self, *_: object) -> None:
        if self.on:
            raise DisconnectionError("the server closed the connection")

    def _connect(self, *_: object) -> None:
        if not self.on:
            return
        with self.lock:
            self.left -= 1
            if self.left <= 0:
                self.on, self.over = False, True
        raise self.error()

    def begin(self) -> None:
        self.on = True

    def __enter__(self) -> Outage:
        self.begin()
        return self

    def end(self) -> None:
        self.on, self.over = False, True

    def __exit__(self, *_: object) -> None:
        self.end()
