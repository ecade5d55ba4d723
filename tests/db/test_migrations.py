"""A migrated database and a fresh one have the same schema (after procrastinate's migration tests)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlmodel import Session, select

from core.db import store
from core.models import Cause, Issue, Kind, Migration
from tests import postgres

FIRST = Path(__file__).parent / "migrations" / "schema_1.sql"


def shape(engine) -> dict:
    found = inspect(engine)
    return {
        table: {
            "columns": {c["name"]: (str(c["type"]), c["nullable"]) for c in found.get_columns(table)},
            "indexes": {i["name"] for i in found.get_indexes(table)},
        }
        for table in found.get_table_names()
    }


@pytest.fixture
def old(tmp_path):
    """A database of the first release, with one issue in it."""
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(FIRST.read_text())
        connection.execute("INSERT INTO migration (name, applied_at) VALUES ('m001_first_schema', '2026-11-24')")
        connection.execute(
            "INSERT INTO issue (id, fingerprint, because, title, kind, service, environment, pattern, status, reason,"
            " run, occurrences, users, first_seen, last_seen, created_at) VALUES (1, 'f', '', 'kept', 'EXCEPTION',"
            " 'shop', 'production', '', 'NEW', '', 0, 1, 0, '2026-11-24', '2026-11-24', '2026-11-24')"
        )
    connection.close()
    return path


def test_a_migrated_database_is_like_a_fresh_one(old, tmp_path):
    fresh = shape(store.open_store(f"sqlite:///{tmp_path / 'fresh.db'}"))
    migrated = store.open_store(f"sqlite:///{old}")
    assert shape(migrated) == fresh
    with Session(migrated) as session:
        names = session.exec(select(Migration.name)).all()
        assert sorted(names) == sorted(step.__name__ for step in store.MIGRATIONS)
        assert session.get_one(store.models.Issue, 1).title == "kept"


def test_migrating_again_changes_nothing(tmp_path):
    engine = store.open_store(f"sqlite:///{tmp_path / 'x.db'}")
    assert store.migrate(engine) == []


def test_a_migration_that_breaks_off_leaves_nothing_and_is_applied_later(tmp_path, monkeypatch):
    """A killed process must not leave a column whose migration then fails for ever because it exists."""
    engine = store.open_store(f"sqlite:///{tmp_path / 'new.db'}")
    killed = [True]

    def m999_flags(connection):
        connection.exec_driver_sql("CREATE TABLE flag (id INTEGER)")
        if killed.pop():
            raise KeyboardInterrupt

    monkeypatch.setattr(store, "MIGRATIONS", [*store.MIGRATIONS, m999_flags])
    with pytest.raises(KeyboardInterrupt):
        store.migrate(engine)
    killed.append(False)
    assert store.migrate(engine) == ["m999_flags"]
    assert inspect(engine).has_table("flag")


def test_an_older_postgresql_takes_security_findings():
    """Its enum types are from before them; a fresh one has them from its first migration."""
    old = {
        "kind": [one for one in Kind if one is not Kind.SECURITY],
        "cause": [one for one in Cause if one is not Cause.SECURITY],
    }
    with postgres.server() as server:
        engine = store.make_engine(server.address)
        with engine.begin() as connection:
            for name, values in old.items():
                connection.execute(text(f"CREATE TYPE {name} AS ENUM ({', '.join(repr(one.name) for one in values)})"))
        store.open_store(server.address)
        with store.write() as session:
            session.add(Issue(fingerprint="f", title="x", service="s", kind=Kind.SECURITY, cause=Cause.SECURITY))
        with store.read() as session:
            assert session.exec(select(Issue)).one().kind is Kind.SECURITY
        store.engine().dispose()
        engine.dispose()
