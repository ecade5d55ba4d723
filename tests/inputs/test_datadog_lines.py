"""Datadog's log search where each line is an event of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.signals.grouping import stack
from core.vendors import datadog
from core.vendors.datadog import Datadog
from core.vendors.http import Http
from tests.inputs.test_joining import CHAINED, PYTHON

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


def row(number: int, text: str, host: str = "web-1", at: datetime = NOW - timedelta(minutes=1), **own) -> dict:
    told = {
        "message": text,
        "host": host,
        "service": "cart",
        "status": "error",
        "tags": ["env:prod", "version:4f1c2ab"],
    }
    return {"id": f"{host}-{number}", "attributes": {**told, "timestamp": at.isoformat(), "attributes": own}}


class Search(Datadog):
    """Answers the log search from rows, a page at a time."""

    def __init__(self, rows, size=1000):
        super().__init__(Http("datadog", "https://api.datadoghq.com"))
        self.rows, self.size = rows, size

    def _search(self, path, query, window):
        if "logs" not in path:
            return [], None
        begin = int(window.after or 0)
        end = begin + self.size
        return self.rows[begin:end], str(end) if end < len(self.rows) else None


def read(of, cursor=None, until=NOW):
    records = []
    for batch in datadog.collect({"logs": datadog.Stream(of._logs)}, cursor, until):
        records += batch.records
        cursor = batch.cursor or cursor
    return records, cursor


@pytest.mark.parametrize("size", [1000, 5, 1])
def test_the_lines_of_two_hosts_are_one_record_each(size):
    lines = CHAINED.splitlines()
    rows = [row(n, line, host) for n, line in enumerate(lines) if line for host in ("web-1", "web-2")]
    records, _ = read(Search(rows, size))
    assert [record.vendor_id for record in records] == ["web-1-0", "web-2-0"]
    crash = stack.crash_of(records[0])
    assert (crash.exception.type, crash.chain[0].type) == ("ValueError", "KeyError")
    assert (records[0].service, records[0].environment, records[0].release) == ("cart", "prod", "4f1c2ab")


def test_what_is_cut_by_the_end_of_a_cycle_is_completed_in_the_next():
    lines = PYTHON.splitlines()
    rows = [row(n, line, at=NOW - timedelta(seconds=1)) for n, line in enumerate(lines)]
    first, cursor = read(Search(rows[:4]))
    second, _ = read(Search(rows), cursor, NOW + timedelta(minutes=1))
    assert first == [] and [record.message for record in second] == [PYTHON]


def test_whole_events_stay_as_they_are():
    rows = [
        row(1, "failed", error={"stack": PYTHON, "kind": "KeyError", "message": "x"}),
        row(2, PYTHON),
        row(3, "plain"),
    ]
    records, _ = read(Search(rows))
    assert sorted(record.vendor_id for record in records) == ["web-1-1", "web-1-2", "web-1-3"]
