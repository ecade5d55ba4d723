"""Faults of the endpoints that give evidence: traces, activity and hosts. The records beside them are not lost.

Every row is a cycle in which the evidence's requests meet the fault, and a cycle after it in which nothing does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest
from sqlmodel import select

from core.db import store
from core.models import Connector, Signal, now
from core.models.traces import FailedSpan
from core.stages import collect
from core.vendors.datadog import Datadog
from core.vendors.github import GitHub
from core.vendors.http import Http
from core.vendors.newrelic import NewRelic
from core.vendors.sentry import Sentry
from tests import blank
from tests.vendors.test_faults import ALWAYS, TABLE
from tests.vendors.worlds import Reply

AT = now() - timedelta(minutes=4)
STAMP, MS, TRACE = AT.isoformat(), int(AT.timestamp() * 1000), "6dcb09b5b57875f334f61aebed695e2e"
DOG_SPAN = {"trace_id": TRACE, "span_id": "1", "service": "cart", "start_timestamp": STAMP, "end_timestamp": STAMP}
RELIC_SPAN = {"timestamp": MS, "trace.id": TRACE, "guid": "1", "appName": "cart", "error.class": "E"}
RELIC_ERROR = {"timestamp": MS, "appName": "cart", "error.class": "KeyError", "guid": "1"}
TIMES = {"precise.start_ts": AT.timestamp(), "precise.finish_ts": AT.timestamp()}
SENTRY_SPAN = {"id": "1", "trace": TRACE, "project": "cart", "span.status": "internal_error", **TIMES}
RUN = {"id": 3, "name": "ci", "head_sha": "c" * 40, "conclusion": "failure", "updated_at": STAMP}
REPORT = {"number": 1, "title": "it fails", "created_at": STAMP, "updated_at": STAMP}


@pytest.fixture(autouse=True)
def recent(monkeypatch):
    """The clock that the records were dated by: a long run of tests imports this module long before it runs it."""
    late = now() - timedelta(minutes=4) - AT
    for record, names in ((RELIC_SPAN, ["timestamp"]), (RELIC_ERROR, ["timestamp"])):
        for name in names:
            monkeypatch.setitem(record, name, record[name] + int(late.total_seconds() * 1000))


def _account(**parts) -> dict:
    return {"data": {"actor": {"account": parts}}}


def datadog(path: str, body: dict) -> tuple[bool, object]:
    if path.endswith("spans/events/search"):
        return True, {"data": [{"id": "s", "attributes": DOG_SPAN}]}
    log = {"id": "l", "attributes": {"timestamp": STAMP, "status": "error", "service": "cart", "message": "boom"}}
    found = {"/api/v1/query": {"status": "ok", "series": []}, "/api/v1/monitor": []}
    return False, found.get(path, {"data": [log] if "logs" in path else []})


def newrelic(path: str, body: dict) -> tuple[bool, object]:
    nrql = body["variables"].get("nrql", "")
    rows = [RELIC_SPAN] if "FROM Span" in nrql else [RELIC_ERROR] if "TransactionError" in nrql else []
    return "FROM Span" in nrql, _account(nrql={"results": rows}, aiIssues={"issues": {"issues": []}})


def sentry(path: str, body: dict) -> tuple[bool, object]:
    if path.endswith("/acme/events/"):
        return True, {"data": [SENTRY_SPAN]}
    if path.endswith("/latest/"):
        return False, {"eventID": "e", "dateCreated": STAMP}
    issue = {"id": "7", "count": "1", "title": "boom", "lastSeen": STAMP}
    return False, [issue] if path.endswith("/issues/") else []


def github(path: str, body: dict) -> tuple[bool, object]:
    if path.endswith("/actions/runs"):
        return True, {"workflow_runs": [RUN]}
    return False, [REPORT] if path.endswith("/issues") else []


BUILD = {
    "datadog": (datadog, lambda http: Datadog(http)),
    "newrelic": (newrelic, lambda http: NewRelic(http, 1, pause=lambda _: None)),
    "sentry": (sentry, lambda http: Sentry(http, "acme")),
    "github": (github, lambda http: GitHub(http, ["acme/shop"])),
}
OPTIONAL = ("401", "403", "404", "409", "422", "redirect")  # refusals for good: a note, and no fault of the source
FAULTS = [
    *OPTIONAL,
    "429 for ever",
    "500 for ever",
    "time-out for ever",
    "reset for ever",
    "HTML with 200",
    "other JSON",
]


@dataclass
class Evidence:
    """A vendor whose evidence meets the faults first."""

    serve: Callable[[str, dict], tuple[bool, object]]
    faults: list[Reply]
    asked: int = field(default=0)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        evidence, found = self.serve(request.url.path, body)
        self.asked += evidence
        if evidence and self.faults:
            fault = self.faults.pop(0)
            if fault.raises:
                raise (httpx.ReadTimeout if fault.raises == "timeout" else httpx.ReadError)(
                    "simulated", request=request
                )
            return httpx.Response(fault.status, headers=fault.headers, content=fault.content)
        return httpx.Response(200, json=found)


@pytest.fixture
def database(tmp_path):
    store.open_store(f"sqlite:///{blank.put(tmp_path / 'faults.db', blank.migrated)}")


def kept(name: str) -> tuple[int, int]:
    """(records that are no evidence, evidence)."""
    with store.read() as session:
        signals = session.exec(select(Signal)).all()
        runs = [one for one in signals if "/runs/" in one.vendor_id]
        spans = session.exec(select(FailedSpan)).all()
        return len(signals) - len(runs), len(runs) if name == "github" else len(spans)


@pytest.mark.parametrize("name", BUILD)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_evidence(database, name, fault):
    serve, build = BUILD[name]
    vendor = Evidence(serve, TABLE[fault][0][:1] * ALWAYS)
    source = build(Http(name, "https://vendor.example", transport=httpx.MockTransport(vendor), calls=200))
    told = collect.read(source)
    assert kept(name) == (1, 0), "the records beside it are kept"
    assert vendor.asked <= 3, "retries are bounded"
    assert (told["error"] is None) == (fault in OPTIONAL)
    assert fault not in OPTIONAL or "cannot be read, which needs" in told["note"]
    vendor.faults = []
    with store.write() as session:
        session.get_one(Connector, name).open_until = None
    assert collect.read(source)["error"] is None
    assert kept(name) == (1, 1)
