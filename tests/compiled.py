"""SQL is compiled once in a process, not once for each test's database.

SQLAlchemy keeps a compiled statement for its engine, and knows it again by its dialect, of which each engine has its
own. All SQLite engines of the product are alike, so their dialects count as equal, and share what is compiled.
"""

from __future__ import annotations

from functools import wraps

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Engine
from sqlalchemy.util import LRUCache

from core.db import store

KEPT = 2000  # statements


def share() -> None:
    make, kept = store.make_engine, LRUCache(KEPT)
    SQLiteDialect_pysqlite.__hash__ = lambda self: hash(type(self))
    SQLiteDialect_pysqlite.__eq__ = lambda self, other: type(self) is type(other)

    @wraps(make)
    def made(url: str) -> Engine:
        engine = make(url)
        if engine.dialect.name == "sqlite":
            engine.update_execution_options(compiled_cache=kept)
        return engine

    store.make_engine = made
