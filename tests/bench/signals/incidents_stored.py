"""The generated incidents in a store: the product's own cycles group and link them, a few records at a time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlmodel import col, select

from core import runtime
from core.db import store
from core.models import IssueLink, Record, Signal, now
from core.settings import Settings
from core.stages import collect, group
from core.vendors.base import Batch
from tests.bench.signals.incident_stream import System, Told
from tests.bench.signals.incidents import START

CYCLE = 60  # records
AGO = timedelta(days=9)


def grouped(system: System, folder: Path, most: int) -> tuple[list[Told], list[int], dict[int, int]]:
    """The first records, the issue of each, and the parent of each child."""
    rt = _runtime(system, folder)
    rows = [row for row in system.days() if row.record and row.issue != system.storming][:most]
    shift = now() - AGO - START
    names = [f"record-{i}" for i in range(len(rows))]
    for i in range(0, len(rows), CYCLE):
        told = zip(rows[i : i + CYCLE], names[i : i + CYCLE], strict=True)
        moved = [_moved(row, name, shift) for row, name in told]
        collect.keep("incidents", Batch(moved))
        group.group_new(rt)
    with store.read() as session:
        issues = {name: issue or 0 for name, issue in session.exec(select(Signal.vendor_id, Signal.issue_id))}
        links = session.exec(select(IssueLink.child_id, IssueLink.parent_id).where(col(IssueLink.ended_at).is_(None)))
        return rows, [issues[name] for name in names], dict(links.all())


def _moved(row: Told, name: str, shift: timedelta) -> Record:
    assert row.record
    return row.record.model_copy(update={"vendor_id": name, "at": row.record.at + shift})


def _runtime(system: System, folder: Path) -> runtime.Runtime:
    policy = folder / "platform.toml"
    homes = {code: code.replace(" ", "-") for code in system.code.values()}
    repositories = (f'[repositories.{name}]\nremote = "https://git.example/{name}.git"\n' for name in homes.values())
    services = (f'[services.{name}]\nrepository = "{homes[code]}"\n' for name, code in system.code.items())
    policy.write_text("".join([*repositories, *services]))
    settings = Settings(data_dir=folder, database_url=f"sqlite:///{folder}/incidents.db", platform_file=policy)
    store.open_store(settings.database)
    return runtime.use(runtime.Runtime(settings))
