"""Every request that a source client can send, against the vendor's own specification."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import boto3
import httpx
import pytest
from botocore.stub import Stubber
from openapi_core.exceptions import OpenAPIError

from core.policy.infrastructure import InfrastructureRules
from core.policy.sections import MetricNames
from core.vendors import base
from core.vendors.cloudwatch import CloudWatch
from core.vendors.datadog import Datadog
from core.vendors.github import HEADERS, GitHub
from core.vendors.http import Http
from core.vendors.newrelic import ADDRESSES, NewRelic
from core.vendors.sentry import Sentry
from tests.vendors.contract import conforms, conforms_to_nerdgraph

UNTIL = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SINCE = UNTIL - timedelta(minutes=10)
SHA, NAME = "6dcb09b5b57875f334f61aebed695e2e4193db5e", "acme/shop"


class Recorder:
    """A transport that keeps what was sent and answers by path; a second page where ``replies`` has two."""

    def __init__(self, replies: dict[str, list]):
        self.replies, self.sent = {k: list(v) for k, v in replies.items()}, []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        key = f"{request.method} {request.url.path}"
        queue = next((q for pattern, q in self.replies.items() if re.fullmatch(pattern, key)), None)
        assert queue, f"no answer prepared for {key}"
        told = queue.pop(0) if len(queue) > 1 else queue[0]
        status, body, headers = told if isinstance(told, tuple) else (200, told, {})
        return httpx.Response(status, json=body, headers=headers)

    def http(self, vendor: str, host: str, headers: dict | None = None) -> Http:
        return Http(vendor, host, headers, transport=httpx.MockTransport(self))


def public(kind: type) -> set[str]:
    """What a client offers; a new method without a contract test is found by this."""
    return {name for name in vars(kind) if not name.startswith("_") and callable(getattr(kind, name))}


# --- Datadog

DD = "https://api.datadoghq.eu"
LOGS = {"data": [], "meta": {"page": {"after": "abc"}}}
SPAN = {
    "trace_id": "6dcb09b5b57875f334f61aebed695e2e",
    "span_id": "7",
    "service": "cart",
    "start_timestamp": "2026-11-24T11:59:00Z",
    "end_timestamp": "2026-11-24T11:59:01Z",
}
SPANS = {"data": [{"id": "s-1", "type": "spans", "attributes": SPAN}], "meta": {"page": {"after": "abc"}}}
DATADOG = {
    "POST /api/v2/spans/events/search": [SPANS, SPANS, {"data": []}],
    "POST /api/v2/logs/events/search": [LOGS, {"data": []}],
    "POST /api/v2/events/search": [LOGS, {"data": []}],
    "GET /api/v1/query": [{"status": "ok", "series": []}],
    "GET /api/v1/monitor": [[]],
    "GET /api/v1/validate": [{"valid": True}],
}
DATADOG_CALLS = {
    "collect": lambda c: list(c.collect(None, UNTIL)),
    "points": lambda c: c.points(["cart"], SINCE, UNTIL),
    "check": lambda c: c.check(),
}


@pytest.mark.parametrize("call", DATADOG_CALLS)
def test_datadog(call):
    seen = Recorder(DATADOG)
    DATADOG_CALLS[call](
        Datadog(seen.http("datadog", DD, {"DD-API-KEY": "a", "DD-APPLICATION-KEY": "b"}), names=MetricNames())
    )
    assert seen.sent
    for request in seen.sent:
        conforms(request, f"datadog-{request.url.path[5:7]}.json", DD)
    assert public(Datadog) <= {*DATADOG_CALLS}


# --- Sentry

SY = "https://de.sentry.io"
NEXT = '<https://de.sentry.io/x>; rel="next"; results="true"; cursor="0:100:0"'
SY_SPAN = {"id": "a" * 16, "trace": "b" * 32, "precise.start_ts": 1.0, "precise.finish_ts": 2.0, "project": "cart"}
ISSUE = {"id": "7", "count": "2", "title": "boom", "lastSeen": UNTIL.isoformat()}
SENTRY = {
    r"GET /api/0/organizations/acme/issues/": [(200, [ISSUE], {"link": NEXT}), []],
    r"GET /api/0/organizations/acme/issues/7/events/latest/": [{"eventID": "e", "entries": []}],
    r"PUT /api/0/organizations/acme/issues/7/": [{}],
    r"GET /api/0/organizations/acme/events/": [(200, {"data": [SY_SPAN]}, {"link": NEXT}), {"data": []}],
    r"GET /api/0/organizations/acme/releases/": [[]],
}
SENTRY_CALLS = {
    "collect": lambda c: list(c.collect(None, UNTIL)),
    "resolve": lambda c: c.resolve(["7:e"]),
    "check": lambda c: c.check(),
}


@pytest.mark.parametrize("call", SENTRY_CALLS)
@pytest.mark.parametrize("project", ["", "shop", "4504"])
def test_sentry(call, project):
    seen = Recorder(SENTRY)
    SENTRY_CALLS[call](Sentry(seen.http("sentry", SY, {"Authorization": "Bearer t"}), "acme", project))
    assert seen.sent and all(request.url.path.endswith("/") for request in seen.sent)
    for request in seen.sent:
        conforms(request, "sentry-releases.json" if "/releases/" in request.url.path else "sentry.json", SY)
    assert public(Sentry) <= {*SENTRY_CALLS}


# --- GitHub

GH = "https://api.github.com"
COMMIT = {"sha": SHA, "commit": {"message": "x", "committer": {"date": "2026-11-24T11:00:00Z"}}}
PULL = {"number": 5, "state": "open", "head": {"sha": SHA}}
CLOSED = {"number": 6, "state": "closed", "merged": False, "closed_at": "2026-11-24T11:00:00Z"}
PAGE2 = {"link": f'<{GH}/repos/{NAME}/commits?since=2026-11-24T11:00:00Z&per_page=100&page=2>; rel="next"'}
R = f"/repos/{NAME}"
OPEN = {"number": 7, "state": "open", "updated_at": "2026-11-24T11:58:00Z", "head": {"sha": SHA, "ref": "x"}}
MERGED = {"number": 8, "state": "closed", "updated_at": "2026-11-24T11:58:00Z", "merged_at": "2026-11-24T11:58:00Z"}
MERGED |= {"closed_at": "2026-11-24T11:58:00Z", "merged": True, "merge_commit_sha": SHA}
RUN = {"id": 2, "name": "ci", "head_sha": SHA, "conclusion": "failure", "updated_at": "2026-11-24T11:58:00Z"}
RUNS = {"total_count": 2, "workflow_runs": [RUN]}
NEXT_RUNS = {"link": f'<{GH}{R}/actions/runs?branch=main&status=completed&page=2>; rel="next"'}
GITHUB = {
    f"GET {R}/issues": [
        [
            {"number": n, "title": "t", "created_at": "2026-11-24T11:00:00Z", "updated_at": "2026-11-24T11:50:00Z"}
            for n in range(3)
        ],
        [],
    ],
    f"GET {R}/commits": [(200, [COMMIT], PAGE2), []],
    f"GET {R}/commits/{SHA}": [{"files": [{"filename": "a.py"}]}],
    f"GET {R}/commits/{SHA}/check-runs": [{"total_count": 1, "check_runs": [{"name": "ci"}]}],
    f"GET {R}/commits/{SHA}/status": [{"state": "success", "statuses": [{"context": "ci", "state": "success"}]}],
    f"GET {R}/pulls/5/reviews": [[]],
    f"GET {R}/pulls": [[]],
    f"GET {R}/pulls/8": [MERGED],
    f"GET {R}/pulls/[78]/reviews": [[{"state": "APPROVED", "user": {"login": "eve"}}]],
    f"GET {R}/pulls/7/files": [[{"filename": "a.py"}]],
    f"GET {R}/actions/runs": [(200, RUNS, NEXT_RUNS), {"workflow_runs": []}],
    f"GET {R}/releases": [[{"id": 4, "tag_name": "v1", "published_at": "2026-11-24T11:50:00Z"}]],
    f"POST {R}/pulls": [(201, PULL, {})],
    f"PATCH {R}/pulls/5": [PULL],
    f"GET {R}/pulls/5": [PULL],
    f"GET {R}/pulls/6": [CLOSED],
    f"GET {R}/issues/6": [{"number": 6, "closed_by": {"login": "eve"}}],
    f"GET {R}/issues/6/comments": [[{"body": "no", "user": {"login": "eve"}}]],
    f"GET {R}/deployments": [
        [{"id": 3, "sha": SHA, "environment": "production", "created_at": "2026-11-24T11:50:00Z"}]
    ],
    f"GET {R}/deployments/3/statuses": [[{"state": "success", "created_at": "2026-11-24T11:00:00Z"}]],
    f"PUT {R}/pulls/5/merge": [{"sha": SHA, "merged": True}],
    f"POST {R}/statuses/{SHA}": [(201, {}, {})],
    f"GET {R}/issues/5/comments": [[]],
    f"POST {R}/issues/5/comments": [(201, {}, {})],
    f"GET {R}": [{}],
    "GET /rate_limit": [{}],
}
GITHUB_CALLS = {
    "collect": lambda c: list(c.collect(None, UNTIL)),
    "open_pull": lambda c: c.open_pull(NAME, "fix/1", "main", "Fix", "because"),
    "set_status": lambda c: c.set_status(NAME, SHA, "proof", "success", "proved", "https://console.example/1"),
    "comment": lambda c: c.comment(NAME, 5, "k", "text"),
    "merge": lambda c: c.merge(NAME, 5, SHA),
    "pull_state": lambda c: c.pull_state(NAME, 6),
    "releases": lambda c: c.releases(NAME),
    "close_pull": lambda c: c.close_pull(NAME, 5, SHA, "k", "refused"),
    "reviews": lambda c: c.reviews(NAME, 5),
    "check_runs": lambda c: c.check_runs(NAME, SHA),
    "statuses": lambda c: c.statuses(NAME, SHA),
    "permissions": lambda c: c.permissions(NAME),
    "check": lambda c: c.check(),
}


@pytest.mark.parametrize("call", GITHUB_CALLS)
def test_github(call):
    seen = Recorder(GITHUB | ({f"GET {R}/pulls": [[OPEN, MERGED]]} if call == "collect" else {}))
    GITHUB_CALLS[call](GitHub(seen.http("github", GH, HEADERS | {"Authorization": "Bearer t"}), [NAME]))
    assert seen.sent
    for request in seen.sent:
        delivery = any(part in request.url.path for part in ("/deployments", "/releases", "/actions/"))
        conforms(request, "github-delivery.json" if delivery else "github.json", GH)
        assert request.headers["x-github-api-version"] == "2022-11-28" and request.headers["user-agent"]


def test_github_updates_the_pull_request_that_is_there():
    seen = Recorder(GITHUB | {f"GET {R}/pulls": [[PULL]]})
    GitHub(seen.http("github", GH)).open_pull(NAME, "fix/1", "main", "Fix", "because")
    assert [conforms(r, "github.json", GH).split()[0] for r in seen.sent] == ["GET", "PATCH"]


@pytest.mark.parametrize("told", [PULL | {"state": "closed"}, PULL | {"head": {"sha": "f" * 40}}])
def test_github_closes_no_pull_request_that_is_closed_or_stands_elsewhere(told):
    seen = Recorder(GITHUB | {f"GET {R}/pulls/5": [told]})
    GitHub(seen.http("github", GH)).close_pull(NAME, 5, SHA, "k", "refused")
    assert [r.method for r in seen.sent] == ["GET"]


def test_every_method_of_the_github_client_has_its_contract():
    assert public(GitHub) <= {*GITHUB_CALLS}
    assert public(base.CodeHost) <= {*GITHUB_CALLS}


# --- New Relic

NERDGRAPH_CALLS = {
    "collect": lambda c: list(c.collect(None, UNTIL)),
    "points": lambda c: c.points(["cart"], SINCE, UNTIL),
    "nrql": lambda c: c.nrql("SELECT count(*) FROM Transaction"),
    "check": lambda c: c.check(),
}


@pytest.mark.parametrize("region", ADDRESSES)
@pytest.mark.parametrize("call", NERDGRAPH_CALLS)
def test_newrelic(call, region):
    """Queries that are not done at once are followed by their id."""
    waiting = {"nrql": {"results": None, "queryProgress": {"queryId": "q1", "completed": False, "retryAfter": 1}}}
    done = {"results": [], "queryProgress": {"completed": True}}
    account = {"id": 1, "name": "Shop", "aiIssues": {"issues": {"issues": [], "nextCursor": None}}}
    replies = [{"data": {"actor": {"account": account | told}}} for told in (waiting, {"nrql": done})]
    seen = Recorder({"POST /graphql": [*replies]})
    http = seen.http("newrelic", ADDRESSES[region], {"API-Key": "NRAK-x"})
    made = NewRelic(http, 1, pause=lambda _: None, hosts=True)
    NERDGRAPH_CALLS[call](made)
    assert public(NewRelic) <= {*NERDGRAPH_CALLS}
    for request in seen.sent:
        body = json.loads(request.content)
        fields = conforms_to_nerdgraph(body)
        opted = request.headers.get("nerd-graph-unsafe-experimental-opt-in")
        assert (opted == "AiIssues") == any("aiIssues" in field for field in fields)
        assert request.headers["api-key"] == "NRAK-x"


# --- CloudWatch: botocore's own service models validate every parameter, and the answers of the stub too


def test_cloudwatch():
    session = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="eu-central-1")
    made = CloudWatch(
        lambda: session, ["/shop/production"], pattern="?ERROR", namespace="Shop", services=["cart"], calls=50
    )
    logs, metrics = Stubber(made._client("logs")), Stubber(made._client("cloudwatch"))
    event = {"eventId": "1", "timestamp": int(UNTIL.timestamp() * 1000), "message": "ERROR x"}
    data = [
        {"Id": f"m{i}", "Label": "x", "Timestamps": [SINCE], "Values": [3.0], "StatusCode": "Complete"}
        for i in range(3)
    ]
    metrics.add_response("describe_alarms", {"MetricAlarms": [], "NextToken": "n"})
    metrics.add_response("describe_alarms", {"CompositeAlarms": []})
    metrics.add_response("get_metric_data", {"MetricDataResults": data[:1], "NextToken": "n"})
    metrics.add_response("get_metric_data", {"MetricDataResults": data[1:]})
    logs.add_response("filter_log_events", {"events": [], "nextToken": "n"})
    logs.add_response("filter_log_events", {"events": [event]})
    logs.activate(), metrics.activate()
    batches = list(made.collect(None, UNTIL))
    assert [r.vendor_id for b in batches for r in b.records] == ["1"]
    assert [p.name for b in batches for p in b.metrics] == ["requests", "errors", "p95_ms"]
    metrics.add_response("get_metric_data", {"MetricDataResults": data})
    assert sum(p.value for p in made.points(["cart"], SINCE, UNTIL) if p.name == "requests") == 3
    logs.add_response("filter_log_events", {"events": []})
    metrics.add_response("describe_alarms", {"MetricAlarms": []})
    metrics.add_response("get_metric_data", {"MetricDataResults": data})
    assert made.check().ok
    logs.assert_no_pending_responses(), metrics.assert_no_pending_responses()
    assert public(CloudWatch) <= {"collect", "points", "check"}


def test_cloudwatch_hosts():
    session = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name="eu-central-1")
    rules = InfrastructureRules().cloudwatch[:2]
    made = CloudWatch(lambda: session, [], hosts=rules)
    metrics = Stubber(made._client("cloudwatch"))
    disks = [
        {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Dimensions": [{"Name": "InstanceId", "Value": "i-1"}]}
        for _ in range(2)
    ]
    data = [
        {"Id": f"h{i}", "Label": "x", "Timestamps": [SINCE], "Values": [40.0 + i], "StatusCode": "Complete"}
        for i in range(2)
    ]
    metrics.add_response("describe_alarms", {"MetricAlarms": []})
    metrics.add_response("list_metrics", {"Metrics": disks})
    metrics.add_response("get_metric_data", {"MetricDataResults": data[:1], "NextToken": "n"})
    metrics.add_response("get_metric_data", {"MetricDataResults": data[1:]})
    metrics.add_response("list_metrics", {"Metrics": []})
    metrics.activate()
    found = [point for batch in made.collect(None, UNTIL) for point in batch.hosts]
    assert [(p.host, p.name, p.value) for p in found] == [("i-1", "cpu", 41.0)], "the fullest of its disks counts"
    metrics.assert_no_pending_responses()


# --- the validators themselves can fail

WRONG = [
    ("GET", f"{GH}{R}/issues?colour=red", None, "github.json", GH),
    ("POST", f"{GH}{R}/pulls", {"titel": "x", "head": "h", "base": "b"}, "github.json", GH),
    ("GET", f"{GH}{R}/nothing", None, "github.json", GH),
    ("POST", f"{DD}/api/v2/logs/events/search", {"page": {"limit": 2000}}, "datadog-v2.json", DD),
    ("POST", f"{DD}/api/v2/logs/events/search", {"filter": {"frm": "now"}}, "datadog-v2.json", DD),
    ("GET", f"{DD}/api/v1/query?from=x&to=1&query=a", None, "datadog-v1.json", DD),
    ("GET", f"{SY}/api/0/organizations/acme/issues/?sort=colour", None, "sentry.json", SY),
    ("PUT", f"{SY}/api/0/organizations/acme/issues/7/", {"status": "done"}, "sentry.json", SY),
]


@pytest.mark.parametrize(("method", "url", "body", "name", "host"), WRONG)
def test_what_the_specification_does_not_know_is_refused(method, url, body, name, host):
    signed = {"Authorization": "Bearer t", "DD-API-KEY": "a", "DD-APPLICATION-KEY": "b"}
    with pytest.raises((AssertionError, OpenAPIError)):
        conforms(httpx.Request(method, url, json=body, headers=signed), name, host)


@pytest.mark.parametrize("query", ["{ actor { colour } }", "{ actor { account { id } } }"])
def test_what_nerdgraph_does_not_know_is_refused(query):
    with pytest.raises(AssertionError):
        conforms_to_nerdgraph({"query": query})
