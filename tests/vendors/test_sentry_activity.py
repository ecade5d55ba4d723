"""Sentry beyond errors: alerts, performance problems, transactions and releases by its API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from core import runtime
from core.models import Cause, Kind, now
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.stages import analyze, collect
from core.vendors.http import Http
from core.vendors.sentry import Sentry
from tests import screens
from tests.reported import grouped

TRACE, SPAN = "b" * 32, "a" * 16
ORG = "/api/0/organizations/acme"


def issue(**more) -> dict:
    row = {"id": "7", "count": "3", "title": "boom", "lastSeen": now().isoformat(), "project": {"slug": "cart"}}
    return row | more


def span(trace: str = TRACE, status: str = "internal_error", **more) -> dict:
    at = (now() - timedelta(minutes=2)).timestamp()
    times = {"precise.start_ts": at, "precise.finish_ts": at + 1}
    return (
        {"id": SPAN, "trace": trace, "project": "cart", "span.op": "http.server", "span.status": status} | times | more
    )


def deployed(environment: str = "production", **more) -> dict:
    deploy = {"id": "3", "environment": environment, "dateFinished": now().isoformat(), "url": None}
    row = {"version": "shop@4f1c2ab", "shortVersion": "4f1c2ab", "projects": [{"slug": "cart"}, {"slug": "search"}]}
    return row | {"lastDeploy": deploy, "lastCommit": {"id": "f" * 40}, "authors": [{"name": "Ada"}], **more}


class Tracker:
    """Sentry's API; ``refuses`` maps the end of a path to a status."""

    def __init__(self, issues=(), spans=(), releases=(), event=None, refuses=None):
        self.issues, self.spans, self.deploys = list(issues), list(spans), list(releases)
        self.event, self.refuses, self.queries = event or {}, refuses or {}, []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        status = next((s for end, s in self.refuses.items() if path.endswith(end)), 200)
        if status != 200:
            return httpx.Response(status, json={"detail": "no"})
        if path.endswith("/events/latest/"):
            return httpx.Response(200, json={"eventID": "e", "dateCreated": now().isoformat(), **self.event})
        if path == f"{ORG}/events/":
            self.queries.append(request.url.params["query"])
            return httpx.Response(200, json={"data": self.spans})
        return httpx.Response(200, json=self.deploys if path.endswith("/releases/") else self.issues)

    def source(self) -> Sentry:
        return Sentry(Http("sentry", "https://sentry.io", transport=httpx.MockTransport(self)), "acme")

    def records(self):
        return [r for batch in self.source().collect(None, datetime.now(UTC)) for r in batch.records]


@pytest.fixture
def platform(tmp_path):
    return runtime.use(runtime.Runtime(screens.open_console(tmp_path)))


@pytest.mark.parametrize("category", ["performance", "db_query", "http_client"])
def test_a_performance_problem_is_a_slowdown(platform, category):
    problem = issue(title="N+1 Query", issueCategory=category, level="info", culprit="/cart")
    evidence = [{"name": "Repeating Spans", "value": "SELECT price (48)", "important": True}]
    tracker = Tracker([problem], event={"occurrence": {"evidenceDisplay": evidence}})
    (record,) = tracker.records()
    assert (record.kind, record.level, record.message) == (Kind.ALERT, "error", "Repeating Spans: SELECT price (48)")
    collect.read(tracker.source(), platform.policy)
    (made,) = grouped(platform)
    found = EmbeddedAnalyst().analyze(analyze.gather(platform, made.id))
    assert found.cause is Cause.PERFORMANCE and "N+1 Query" in found.root_cause


@pytest.mark.parametrize("category", ["metric", "outage"])
def test_a_monitor_that_fired_is_an_alert(category):
    (record,) = Tracker([issue(title="Errors of cart above 5", issueCategory=category)]).records()
    assert (record.kind, record.service) == (Kind.ALERT, "cart")


def test_an_error_stays_an_error():
    (record,) = Tracker([issue(issueCategory="error")]).records()
    assert record.kind is Kind.LOG and "category" not in record.attributes


def test_failing_spans_are_read_with_their_traces():
    tracker = Tracker(spans=[span(), span(id="c" * 16, status="ok", parent_span=SPAN)])
    found = [s for batch in tracker.source().collect(None, datetime.now(UTC)) for s in batch.spans]
    assert tracker.queries[0].startswith("span.status:[internal_error,") and tracker.queries[1] == f"trace:[{TRACE}]"
    assert {(s.service, s.role, s.failed) for s in found} == {("cart", "server", True), ("cart", "server", False)}


def test_a_trace_id_changes_no_query():
    tracker = Tracker(spans=[span(trace="x] OR project:*")])
    list(tracker.source().collect(None, datetime.now(UTC)))
    assert len(tracker.queries) == 1


@pytest.mark.parametrize(
    ("row", "services"),
    [
        (deployed(), ["cart", "search"]),
        (deployed("staging"), []),
        (deployed(lastDeploy=None), []),  # anyone who knows the DSN can name a release
    ],
)
def test_a_release_is_a_change_once_it_is_deployed_to_production(row, services):
    found = [r for r in Tracker(releases=[row]).records() if r.kind is Kind.CHANGE]
    assert [r.service for r in found] == services
    assert all(
        (r.release, r.attributes["sha"], r.attributes["author"]) == ("shop@4f1c2ab", "f" * 40, "Ada") for r in found
    )


def test_a_release_that_cannot_be_read_hides_no_other():
    unreadable = deployed(lastDeploy={"id": "4", "environment": "production", "dateFinished": None})
    found = [r for r in Tracker(releases=[unreadable, "x", deployed()]).records() if r.kind is Kind.CHANGE]
    assert [r.service for r in found] == ["cart", "search"]


def test_a_server_without_spans_or_a_token_without_releases_reads_all_else(platform):
    tracker = Tracker([issue()], refuses={f"{ORG}/events/": 400, "/releases/": 403})
    told = collect.read(tracker.source(), platform.policy)
    assert (told["error"], told["records"]) == (None, 1)
    assert "spans cannot be read" in told["note"] and "project:releases of SENTRY_TOKEN" in told["note"]


def test_each_issue_of_the_records_is_resolved_once_and_one_that_is_gone_stops_no_other():
    sent = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append((request.method, request.url.path, request.content))
        return httpx.Response(404 if "/8/" in request.url.path else 200, json={})

    source = Sentry(Http("sentry", "https://sentry.io", {}, transport=httpx.MockTransport(answer)), "acme")
    assert source.resolve(["7:a", "8:b", "9:c", "7:d", "metric_alert:5@now", "release:shop:1:3"]) == 2
    assert sent == [("PUT", f"{ORG}/issues/{name}/", b'{"status":"resolved"}') for name in ("7", "8", "9")]
