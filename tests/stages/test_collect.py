"""The collector of the process: a failure of one cycle never ends the reading of a source."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from core.db import store
from core.models import Connector, Kind, Record, Signal, now
from core.models.origin import Origin, Writers
from core.policy.environment import EnvironmentRules
from core.policy.reader import Policy
from core.runtime import Runtime
from core.stages import collect
from core.vendors.base import Batch, Check
from tests import screens


class OneRecordless:
    """A source whose every reading returns one empty page."""

    name = "metrics"
    origin = Origin("Metrics", Writers.TEAM)

    def collect(self, cursor, until):
        yield Batch(cursor=until.isoformat())

    def check(self) -> Check:
        return Check(True, "")


def test_a_source_is_read_again_after_the_database_failed_during_a_reading(tmp_path, monkeypatch):
    rt = Runtime(screens.open_console(tmp_path), sources=[OneRecordless()])
    collector, kept = collect.Collector(), collect._tell
    monkeypatch.setattr(collect, "_tell", _locked)
    failed = collector.round(rt)
    monkeypatch.setattr(collect, "_tell", kept)
    assert failed["metrics"]["error"] == "reading failed: OperationalError: (builtins.Exception) database is locked"
    assert collector.round(rt)["metrics"]["error"] is None
    collector.close()


def _locked(*_) -> None:
    raise OperationalError("UPDATE connector", {"at": now()}, Exception("database is locked"))


class Pages:
    """A source with ``pages`` of 100 records each; the cursor is the number of the page."""

    name, origin = "logs", Origin("Logs", Writers.TEAM)

    def __init__(self, pages: int):
        self.pages = pages

    def collect(self, cursor, until):
        for page in range(self.pages):
            rows = [
                Record(source="logs", vendor_id=f"{page}-{n}", kind=Kind.LOG, at=until, title="x") for n in range(100)
            ]
            yield Batch(rows, cursor=str(page))


@pytest.mark.parametrize(
    ("rules", "kept", "note"),
    [
        ({}, 300, ""),
        ({"name": "staging"}, 200, "the limit of 200 records a cycle dropped 100"),
        ({"name": "staging", "records_a_cycle": 150}, 150, "the limit of 150 records a cycle dropped 150"),
        ({"records_a_cycle": 300}, 300, ""),
    ],
)
def test_staging_keeps_a_limited_part_of_the_records(rules, kept, note, tmp_path):
    screens.open_console(tmp_path)
    result = collect.read(Pages(3), Policy(environment=EnvironmentRules(**rules)))
    assert (result["records"], result["error"], result["note"]) == (kept, None, note)
    with store.read() as session:
        assert len(session.exec(select(Signal)).all()) == kept
        assert session.exec(select(Connector.cursor)).one() == "2", "the next cycle does not read the dropped ones"
