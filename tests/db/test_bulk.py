"""Bulk writes store the same values as the models, on each database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlmodel import SQLModel, func, select

from core.db import bulk, store
from core.models import Kind, Metric, Signal
from tests.postgres import postgres

AT = datetime(2026, 11, 24, 13, 0, tzinfo=timezone(timedelta(hours=1)))
ROW = {
    "source": "datadog",
    "vendor_id": "a",
    "kind": Kind.EXCEPTION,
    "title": 'it\'s "broken" ünd %s ? :x',
    "crash": {"exception": {"type": "KeyError"}},
    "attributes": {"a": [1, None]},
    "at": AT,
    "received_at": AT + timedelta(microseconds=7),
    "fingerprint": "",
    "environment": "production",
    "level": "error",
    "message": "",
    "service": "cart",
    "count": 3,
    "users": 0,
    "url": "",
}
LATER = bulk.replacing(("source", "service", "name", "at"), ("value",))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        yield store.open_store(f"sqlite:///{folder / 'bulk.db'}")
        return
    with postgres() as address:
        engine = store.open_store(address)
        yield engine
        engine.dispose()


def raw(vendor_id: str) -> dict:
    """A signal as stored, without its number and name."""
    with store.read() as session:
        found = (
            session.connection()
            .exec_driver_sql(f"SELECT * FROM signal WHERE vendor_id = '{vendor_id}'")
            .mappings()
            .one()
        )
        return {k: v for k, v in found.items() if k not in ("id", "vendor_id")}


def test_a_row_is_stored_as_the_model_stores_it(database):
    with store.write() as session:
        session.add(Signal(**ROW | {"vendor_id": "model"}))
        assert bulk.insert(session, Signal, [ROW | {"vendor_id": "bulk"}]) == 1
    assert raw("bulk") == raw("model")
    with store.read() as session:
        row = session.exec(select(Signal).where(Signal.vendor_id == "bulk")).one()
    assert (row.at, row.kind, row.crash, row.title) == (AT.astimezone(UTC), Kind.EXCEPTION, ROW["crash"], ROW["title"])


def test_an_existing_row_is_not_counted_again(database):
    rows = [ROW | {"vendor_id": f"n-{i}"} for i in range(5)]
    with store.write() as session:
        assert bulk.insert(session, Signal, rows[:3]) == 3
        assert bulk.insert(session, Signal, rows) == 2
        assert bulk.insert(session, Signal, []) == 0


def test_a_later_value_replaces_an_earlier_one(database):
    row = {"source": "datadog", "service": "cart", "name": "requests", "at": AT, "value": 3.0}
    with store.write() as session:
        bulk.insert(session, Metric, [row], LATER)
        bulk.insert(session, Metric, [row | {"value": 9.0}], LATER)
    with store.read() as session:
        assert session.exec(select(Metric.value)).all() == [9.0]
        assert session.exec(select(func.count()).select_from(Metric)).one() == 1


def test_every_column_type_of_the_schema_is_known():
    """A column of a new type would be stored unconverted: it must be added to bulk first."""
    known = {"INTEGER", "VARCHAR", "FLOAT", "BOOLEAN", "DATETIME", "JSON", "TEXT"}
    for table in SQLModel.metadata.tables.values():
        for column in table.columns:
            kind = str(column.type).split("(")[0]
            assert kind in known or hasattr(column.type, "enums"), f"{table.name}.{column.name}: {kind}"
