"""Every recorded answer of the source vendors becomes our models, or a named error."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx
import pytest

from core.models import Kind
from core.vendors.base import VendorError
from core.vendors.datadog import Datadog, event, parse
from core.vendors.github import GitHub, report
from core.vendors.http import Http
from core.vendors.newrelic import NewRelic, error, fares
from core.vendors.reading import ReadWindow
from core.vendors.sentry import Sentry
from tests.shared import SHARED

WINDOW = ReadWindow(datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
SHA = "2a6c97f6f5dc9166cc2e5d0d95415a386805ca07"


class Replay:
    """A client whose next answers are the recorded ones, whatever it asks."""

    def __init__(self, name: str, *numbers: int):
        told = json.loads((SHARED / "fixtures" / name).read_text())["interactions"]
        self.replies = [told[n]["response"] for n in numbers or range(len(told))]
        self.http = Http(name.split("/")[0], "https://api.github.com", transport=httpx.MockTransport(self._next))

    def _next(self, _request: httpx.Request) -> httpx.Response:
        told = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        headers = {k: v for k, v in told["headers"].items() if k != "content-encoding"}
        body = told["body"]
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        return httpx.Response(told["status"], headers=headers, content=content)


def datadog(name, *numbers):
    return Datadog(Replay(f"datadog/{name}.json", *numbers).http)


def github(name, *numbers):
    return GitHub(Replay(f"github/{name}.json", *numbers).http, ["acme/shop"])


def sentry_event(name):
    """The latest event of a plain issue, as a page of issues brings it."""
    replay = Replay(f"sentry/{name}.json")
    issue = {"id": "7", "count": "3", "title": "boom", "lastSeen": "2025-01-01T00:00:00Z", "project": {"slug": "web"}}
    replay.replies.insert(0, {"status": 200, "headers": {}, "body": [issue]})
    return Sentry(replay.http, "acme")._issues(WINDOW).records[0]


def sentry_issue(name):
    """The issue as one of a page; its event is gone."""
    replay = Replay(f"sentry/{name}.json")
    replay.replies = [
        replay.replies[0] | {"body": [replay.replies[0]["body"]]},
        {"status": 404, "headers": {}, "body": {}},
    ]
    return Sentry(replay.http, "acme")._issues(WINDOW).records[0]


def sentry_other(name):
    made = Sentry(Replay(f"sentry/{name}.json").http, "acme")
    made._issues(WINDOW)
    return SimpleNamespace(unreadable=made.meter.unreadable)


def newrelic(name):
    return NewRelic(Replay(f"newrelic/{name}.json").http, 1, pause=lambda _: None)


def facets():
    rows = newrelic("nrql_facet").nrql("…")
    return [fares({"requests": row["count"], **row}) for row in rows]


TABLE = {  # fixture: (what is made of it, what has to come out)
    "datadog/logs_search_post_pagination": (
        lambda: datadog("logs_search_post_pagination", 0)._found("/api/v2/logs/events/search", "*", WINDOW, parse),
        lambda page: len(page.records) == 2 and page.after and all(r.kind is Kind.LOG for r in page.records),
    ),
    "datadog/logs_search_post_empty": (
        lambda: datadog("logs_search_post_empty")._found("/api/v2/logs/events/search", "*", WINDOW, parse),
        lambda page: not page.records and page.after is None,
    ),
    "datadog/events_search_post_pagination": (
        lambda: datadog("events_search_post_pagination", 0)._found("/api/v2/events/search", "*", WINDOW, event),
        lambda page: [r.service for r in page.records] == ["", ""] and page.records[0].title.startswith("[Synthetics]"),
    ),
    "datadog/events_search_bad_request": (
        lambda: datadog("events_search_bad_request")._found("/api/v2/events/search", "*", WINDOW, event),
        "invalid cursor",
    ),
    "datadog/metrics_query_v1": (
        lambda: list(datadog("metrics_query_v1")._series("q", WINDOW.since, WINDOW.until)),
        lambda series: series == [],  # the recorded query has no service to tell of
    ),
    "datadog/monitors_list_pagination": (
        lambda: datadog("monitors_list_pagination", 0)._monitors(WINDOW),
        lambda page: page.records == [],  # "No Data" is no alert
    ),
    "datadog/monitors_group_search": (lambda: datadog("monitors_group_search")._monitors(WINDOW), "unexpected type"),
    "datadog/rate_limit_429": (lambda: datadog("rate_limit_429")._monitors(WINDOW), "limited our request rate (429)"),
    "datadog/validate_ok": (
        lambda: datadog("validate_ok").http.get("/api/v1/validate").json(),
        lambda told: told["valid"],
    ),
    "datadog/validate_forbidden": (
        lambda: datadog("validate_forbidden").check(),
        lambda check: not check.ok and "API key required" in check.message and "DATADOG_API_KEY" in check.fix,
    ),
    "github/check_runs_for_ref": (
        lambda: github("check_runs_for_ref", 1).check_runs("a/b", SHA),
        lambda rows: len(rows) == 4 and {row["status"] for row in rows} == {"completed"},
    ),
    "github/create_file": (lambda: github("create_file", 1).open_pull("a/b", "x", "main", "t", "b"), "unexpected type"),
    "github/create_pull": (
        lambda: github("create_pull").http.post("/x").json(),
        lambda row: row["number"] == 31 and row["head"]["sha"],
    ),
    "github/create_status": (
        lambda: github("create_status", 5).statuses("a/b", SHA),
        lambda states: "success" in states.values(),
    ),
    "github/errors_422": (
        lambda: github("errors_422", 1).set_status("a/b", SHA, "c", "success", "d"),
        "Validation Failed",
    ),
    "github/git_refs": (lambda: github("git_refs", 4).branch("a/b", "test"), lambda sha: len(sha) == 40),
    "github/not_found_404": (lambda: github("not_found_404", 1).reviews("a/b", 1), "did not find"),
    "github/pull_review_comments": (
        lambda: github("pull_review_comments").reviews("a/b", 31),
        lambda rows: len(rows) == 2 and rows[0]["user"],
    ),
    "github/rate_limit": (
        lambda: github("rate_limit").http,
        lambda http: http.get("/").json()["rate"] and http.meter.vendor_left == 4904,
    ),
    "github/search_issues": (
        lambda: _report(github("search_issues", 3).http.get("/search/issues").json()["items"][0]),
        lambda record: record.kind is Kind.REPORT and record.url.startswith("https://github.com/"),
    ),
    "sentry/event_default_no_exception": (
        lambda: sentry_event("event_default_no_exception"),
        lambda record: record.kind is Kind.LOG and record.crash is None and record.count == 3,
    ),
    "sentry/event_entries_python_typeerror_int_list": (
        lambda: sentry_event("event_entries_python_typeerror_int_list"),
        lambda record: record.crash.exception.type == "TypeError" and len(record.crash.frames) >= 10,
    ),
    "sentry/event_latest_javascript": (
        lambda: sentry_event("event_latest_javascript"),
        lambda record: record.kind is Kind.EXCEPTION and record.crash.frames[-1].line > 0,
    ),
    "sentry/issue": (lambda: sentry_issue("issue"), lambda record: record.crash is None and record.title),
    "sentry/issue_csp": (lambda: sentry_issue("issue_csp"), lambda record: record.kind is Kind.LOG),
    "sentry/project": (lambda: sentry_other("project"), lambda told: told.unreadable == 1),
    "sentry/tags": (lambda: sentry_other("tags"), lambda told: told.unreadable == 19),
    "newrelic/nrql_facet": (facets, lambda rows: [row.requests for row in rows] == [1000, 500]),
    "newrelic/nrql_metric_select": (
        lambda: [error(row, newrelic("nrql_metric_select").http) for row in newrelic("nrql_metric_select").nrql("…")],
        lambda records: records and all(r.at.year > 2000 for r in records),
    ),
    "newrelic/error_too_many_requests_http200": (
        lambda: newrelic("error_too_many_requests_http200").nrql("…"),
        "some error (TOO_MANY_REQUESTS)",
    ),
    "newrelic/alerts_policies_search": (lambda: newrelic("alerts_policies_search").nrql("…"), "no 'nrql'"),
}


def _report(row):
    return report(row, "a/b", Http("github", "https://api.github.com"))


@pytest.mark.parametrize("name", TABLE)
def test_a_recorded_answer(name):
    make, wanted = TABLE[name]
    if isinstance(wanted, str):
        with pytest.raises(VendorError) as told:
            make()
        assert wanted in told.value.message
    else:
        assert wanted(make())


def test_every_fixture_is_in_the_table():
    found = {
        f"{p.parent.name}/{p.stem}"
        for v in ("datadog", "github", "sentry", "newrelic")
        for p in (SHARED / "fixtures" / v).glob("*.json")
    }
    assert found == set(TABLE)
