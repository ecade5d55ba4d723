"""A history as a JSON file: rows of the product and of the durable engine, the repository, and the vendors' state."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Boolean, Integer, MetaData, Table, inspect, text
from sqlmodel import SQLModel, select

from core.db import store
from core.models import Migration, now
from core.vendors.command import git

ENGINE = ("workflow_status", "workflow_input", "workflow_output", "operation_outputs", "notifications")
LEFT_OUT = {"worker", Migration.__tablename__}  # what belongs to the process and the schema, not to the work
SCALARS = (bool, int, float, str, type(None))


def models() -> dict[str, type[SQLModel]]:
    """The product's tables by name."""
    found = {m.class_.__tablename__: m.class_ for m in SQLModel._sa_registry.mappers}
    return {name: model for name, model in found.items() if name not in LEFT_OUT}


def engine_tables() -> list[Table]:
    """The durable engine's tables as this database has them."""
    schema = None if store.engine().dialect.name == "sqlite" else "dbos"
    there = set(inspect(store.engine()).get_table_names(schema=schema))
    names = [name for name in ENGINE if name in there]
    metadata = MetaData()
    metadata.reflect(store.engine(), schema=schema, only=names)
    return [next(t for t in metadata.tables.values() if t.name == name) for name in names]


# --- writing -----------------------------------------------------------------------------------


def dump(world) -> dict:
    """All that a history holds. ``executor`` of the workflows is left open: whoever loads it takes them up."""
    with store.read() as session:
        rows = {
            name: [row.model_dump(mode="json") for row in session.exec(select(model))]
            for name, model in sorted(models().items())
        }
        engine = {
            table.name: [_plain(row) for row in session.execute(table.select()).mappings()] for table in engine_tables()
        }
    files = {path.stem: json.loads(path.read_text()) for path in sorted(world.ledger.folder.glob("*.json"))}
    return {
        "recorded_at": now().isoformat(),
        "rows": {name: found for name, found in rows.items() if found},
        "engine": {name: found for name, found in engine.items() if found},
        "repository": git(world.origin, "fast-export", "--all"),
        "vendors": files,
        "effects": world.ledger.effects(),
    }


def _plain(row) -> dict:
    kept = {name: value if isinstance(value, SCALARS) else str(value) for name, value in row.items()}
    return {**kept, "executor_id": None} if "executor_id" in kept else kept


# --- reading -----------------------------------------------------------------------------------


def load(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def restore_repository(history: dict, origin: Path) -> None:
    """The commits with the very hashes that the history names."""
    git(origin.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    git(origin, "fast-import", "--quiet", input=history["repository"])


def restore_vendors(history: dict, folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, value in history["vendors"].items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    (folder / "effects").write_text("".join(line + "\n" for line in history["effects"]))


def restore_rows(history: dict, executor: str, later: timedelta = timedelta()) -> None:
    """Insert every row, its times moved as if the history had been recorded ``later`` before now."""
    since = now() - datetime.fromisoformat(history["recorded_at"]) - later
    known = models()
    with store.write() as session:
        for table in SQLModel.metadata.sorted_tables:
            for row in history["rows"].get(table.name, []):
                session.merge(known[table.name].model_validate(_later(row, table, since)))
            session.flush()
        for table in engine_tables():
            for row in history["engine"].get(table.name, []):
                session.execute(table.insert().values(_fitting(row, table, executor, since)))
        _number_on(session)


def _later(row: dict, table: Table, since: timedelta) -> dict:
    times = {column.name for column in table.columns if type(column.type).__name__ == "Utc"}
    return {
        name: datetime.fromisoformat(value) + since if name in times and value else value for name, value in row.items()
    }


def _fitting(row: dict, table: Table, executor: str, since: timedelta) -> dict:
    """The row as this database's types want it. A durable sleep keeps the seconds that it had left."""
    kept = {name: value for name, value in row.items() if name in table.columns}
    for name, value in kept.items():
        if isinstance(table.columns[name].type, Boolean) and value is not None:
            kept[name] = bool(value)
    if "executor_id" in kept:
        kept["executor_id"] = executor
    if row.get("function_name") == "DBOS.sleep":
        kept["output"] = json.dumps(json.loads(row["output"]) + since.total_seconds())
    return kept


def _number_on(session) -> None:
    """PostgreSQL counts ids by itself: its counters go on after the loaded rows."""
    if store.engine().dialect.name == "sqlite":
        return
    for name, model in models().items():
        if "id" in model.model_fields and isinstance(model.__table__.c.id.type, Integer):
            session.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), "
                    f'(SELECT COALESCE(MAX(id), 0) + 1 FROM "{name}"), false)'
                )
            )
