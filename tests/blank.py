"""Databases that are made once in a process and copied for each test: to migrate a new one takes a quarter of a second.

tests/db, the first worker of a kill story and every PostgreSQL are still migrated from nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from core.db import store
from core.ops import durable


def put(file: Path, content: Callable[[], bytes]) -> Path:
    """Write the database there unless there is one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.write_bytes(content())
    return file


@cache
def migrated() -> bytes:
    """Without a row."""
    return made()


@cache
def engine() -> bytes:
    """Without a row, and with DBOS's tables, as a worker leaves it at its start."""
    return made(workflows)


def workflows() -> None:
    """DBOS's tables in the open store, as a worker creates them at its start."""
    durable.client()._sys_db.run_migrations()


def made(*works: Callable[[], None]) -> bytes:
    """A migrated SQLite database after these works on the open store."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "platform.db"
        store.open_store(f"sqlite:///{file}")
        for work in works:
            work()
        store.engine().dispose()
        return file.read_bytes()
