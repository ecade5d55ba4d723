"""Traces of vendors: from their API to the service in which a failure began, and to the graph of calls."""

from __future__ import annotations

from datetime import datetime, timedelta

import httpx
import pytest
from sqlmodel import col, select

from core import runtime
from core.db import store
from core.models import Connector, now
from core.models.inputs import ServiceCall
from core.models.origin import Origin, Writers
from core.models.traces import FailedSpan, SpanRecord
from core.signals import service_graph
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.stages import analyze, collect
from core.vendors.base import Batch, Check
from core.vendors.datadog import Datadog
from core.vendors.http import Http
from core.vendors.newrelic import NewRelic
from tests import screens
from tests.reported import alert, grouped

EVIL = "1) OR service:(*"
TRACE = "6dcb09b5b57875f334f61aebed695e2e"


@pytest.fixture
def platform(tmp_path):
    return runtime.use(runtime.Runtime(screens.open_console(tmp_path)))


def dog_span(service: str, span: str, parent: str, ms: int, failed: bool = True, trace: str = TRACE, **custom) -> dict:
    begin = now() - timedelta(minutes=3)
    attributes = {
        "trace_id": trace,
        "span_id": span,
        "parent_id": parent,
        "service": service,
        "resource_name": f"GET /{service}",
        "type": "web",
        "env": "production",
        "status": "error" if failed else "ok",
        "start_timestamp": begin.isoformat(),
        "end_timestamp": (begin + timedelta(milliseconds=ms)).isoformat(),
        "custom": custom,
    }
    return {"id": f"s-{service}-{span}", "type": "spans", "attributes": attributes}


class Dog:
    """Datadog's span search; all else is empty. ``refuses`` is the status of a key without the scope."""

    def __init__(self, spans: list[dict], refuses: int = 0):
        self.spans, self.refuses, self.queries, self.since = spans, refuses, [], []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if "spans" not in request.url.path:
            path = request.url.path
            empty = {"/api/v1/query": {"status": "ok", "series": []}, "/api/v1/monitor": []}
            return httpx.Response(200, json=empty.get(path, {"data": []}))
        if self.refuses:
            return httpx.Response(self.refuses, json={"errors": ["Forbidden"]})
        asked = httpx.Response(200, content=request.content).json()["data"]["attributes"]["filter"]
        query = asked["query"]
        self.queries.append(query)
        self.since.append(datetime.fromisoformat(asked["from"]))
        rows = [row for row in self.spans if query != "status:error" or row["attributes"]["status"] == "error"]
        return httpx.Response(200, json={"data": rows})

    def source(self) -> Datadog:
        return Datadog(Http("datadog", "https://api.datadoghq.com", transport=httpx.MockTransport(self)))


def stored() -> list[FailedSpan]:
    with store.read() as session:
        return list(session.exec(select(FailedSpan).order_by(col(FailedSpan.id))))


def calls() -> set[tuple[str, str]]:
    with store.read() as session:
        return {(row.caller, row.callee) for row in session.exec(select(ServiceCall))}


def test_a_trace_across_services_names_the_first_failing_span_and_gives_the_graph(platform):
    dog = Dog(
        [
            dog_span("cart", "1", "0", 90),
            dog_span("pricing", "2", "1", 80),
            dog_span("tax", "3", "2", 70),
            dog_span("cache", "4", "2", 5, failed=False),
        ]
    )
    assert collect.read(dog.source(), platform.policy)["error"] is None
    assert dog.queries == ["status:error", f"trace_id:({TRACE})"]
    assert dog.since[0] - dog.since[1] == timedelta(minutes=5), "a trace begins before its failing span"
    assert calls() == {("cart", "pricing"), ("pricing", "tax"), ("pricing", "cache")}
    alert("cart", 2, "5xx errors of cart")
    (issue,) = grouped(platform)
    found = EmbeddedAnalyst().analyze(analyze.gather(platform, issue.id))
    assert "The likeliest origin is tax: the first failing span of 1 of 1 traces is 'GET /tax'" in found.root_cause
    with store.read() as session:
        assert set(service_graph.graph(session, platform.policy)["pricing"]) == {"tax", "cache"}


def test_a_page_that_is_read_again_is_stored_once(platform):
    dog = Dog([dog_span("cart", "1", "0", 90)])
    collect.read(dog.source(), platform.policy)
    collect.read(dog.source(), platform.policy)
    assert [(row.trace, row.service) for row in stored()] == [(TRACE[-16:], "cart")]


def test_a_key_without_the_scope_reads_all_else(platform):
    """The breaker stays closed, and the note names the scope."""
    for _ in range(4):
        told = collect.read(Dog([], refuses=403).source(), platform.policy)
    assert told["error"] is None and "spans cannot be read, which needs the scope apm_read" in told["note"]
    with store.read() as session:
        row = session.get_one(Connector, "datadog")
        assert (row.failures, row.open_until) == (0, None)


def test_an_outage_of_the_search_is_a_fault(platform):
    assert "had an internal error (500)" in collect.read(Dog([], refuses=500).source(), platform.policy)["error"]


def test_a_trace_id_is_never_a_part_of_a_query_that_it_can_change(platform):
    dog = Dog([dog_span("cart", "1", "0", 90, trace=EVIL), dog_span("cart", "2", "0", 90)])
    collect.read(dog.source(), platform.policy)
    assert dog.queries == ["status:error", f"trace_id:({TRACE})"]


@pytest.mark.parametrize(
    "odd", [{"start_timestamp": "9999-12-31T23:59:59Z"}, {"start_timestamp": None}, {"trace_id": {"a": 1}, "env": []}]
)
def test_a_span_that_makes_no_sense_does_not_stop_the_others(platform, odd):
    bad = dog_span("cart", "1", "0", 90)
    bad["attributes"] |= odd
    told = collect.read(Dog([bad, dog_span("cart", "2", "0", 90)]).source(), platform.policy)
    assert told["error"] is None and "2" in [row.span for row in stored()]


class Public:
    """A source that outsiders can write to."""

    name, origin = "sentry", Origin("Sentry", Writers.ANYONE)

    def collect(self, cursor, until):
        spans = [
            SpanRecord(
                source="sentry", trace="a" * 32, span=str(n), parent=str(n - 1), service=name, at=now(), failed=True
            )
            for n, name in enumerate(("cart", "pricing"))
        ]
        yield Batch(spans=spans)

    def check(self):
        return Check(True, "")


def test_spans_of_outsiders_make_no_calls_and_are_named_as_such(platform):
    platform.sources = [Public()]
    collect.read(Public(), platform.policy)
    assert calls() == set() and len(stored()) == 2
    alert("cart", 2, "5xx errors of cart")
    (issue,) = grouped(platform)
    (found,) = analyze.gather(platform, issue.id).traces
    assert found.message.endswith("sentry reports it, where outsiders can write")


# --- New Relic


def relic_span(service: str, span: str, parent: str, ms: int, trace: str = TRACE, **more) -> dict:
    at = int((now() - timedelta(minutes=3)).timestamp() * 1000)
    row = {"timestamp": at, "trace.id": trace, "guid": span, "parentId": parent, "appName": service}
    return row | {"name": f"GET /{service}", "duration.ms": ms, "nr.entryPoint": True, **more}


class Relic:
    """NerdGraph whose only rows are spans."""

    def __init__(self, spans: list[dict]):
        self.spans, self.queries = spans, []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        nrql = httpx.Response(200, content=request.content).json()["variables"].get("nrql", "")
        rows: list[dict] = []
        if "FROM Span" in nrql:
            self.queries.append(nrql)
            rows = [row for row in self.spans if "trace.id` IN" in nrql or row.get("error.class")]
        parts = {"aiIssues": {"issues": {"issues": []}}, "nrql": {"results": rows}}
        return httpx.Response(200, json={"data": {"actor": {"account": parts}}})

    def source(self) -> NewRelic:
        http = Http("newrelic", "https://api.newrelic.com/graphql", transport=httpx.MockTransport(self))
        return NewRelic(http, 1, pause=lambda _: None)


def test_a_trace_of_new_relic_names_the_first_failing_span(platform):
    error = {"error.class": "TimeoutError", "error.message": "no answer"}
    relic = Relic(
        [
            relic_span("cart", "1", "", 90, **error),
            relic_span(
                "cart", "2", "1", 80, **{"nr.entryPoint": None, "category": "http", "peer.hostname": "tax.local"}
            ),
            relic_span("tax", "3", "2", 70, **error),
        ]
    )
    assert collect.read(relic.source(), platform.policy)["error"] is None
    assert f"WHERE `trace.id` IN ('{TRACE}') SINCE" in relic.queries[1]
    assert ("cart", "tax") in calls()
    alert("cart", 2, "5xx errors of cart", source="newrelic")
    (issue,) = grouped(platform)
    (found,) = analyze.gather(platform, issue.id).traces
    assert found.service == "tax" and "tax <- cart" in found.message


def test_a_trace_id_changes_no_nrql(platform):
    evil = relic_span("cart", "1", "", 90, trace="x') OR appName LIKE ('%", **{"error.class": "E"})
    relic = Relic([evil])
    collect.read(relic.source(), platform.policy)
    assert len(relic.queries) == 1 and "LIKE" not in relic.queries[0]


def test_a_service_with_an_endless_name_stops_nothing(platform):
    """PostgreSQL's indexes refuse entries of some 2,700 bytes."""
    dog = Dog([dog_span("cart", "1", "0", 90), dog_span("é" * 5_000, "2", "1", 80)])
    assert collect.read(dog.source(), platform.policy)["error"] is None
    assert calls() == {("cart", "é" * 200)}
    assert {len(row.service) for row in stored()} == {4, 200}
