"""The collector of the process: a failure of one cycle never ends the reading of a source."""

from __future__ import annotations

from sqlalchemy.exc import OperationalError

from core.models import now
from core.models.origin import Origin, Writers
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
