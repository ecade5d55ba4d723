"""The simulators are honest: the vendors' own clients work against them, and ours agree with them.

tests/README.md holds the table of which client proved which endpoint.
"""

from __future__ import annotations

import asyncio
import smtplib
import threading
from datetime import UTC, datetime, timedelta
from functools import partial

import boto3
import pytest
import sentry_sdk
from botocore.config import Config
from botocore.exceptions import ClientError
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ForbiddenException
from datadog_api_client.v1.api.authentication_api import AuthenticationApi
from datadog_api_client.v1.api.metrics_api import MetricsApi
from datadog_api_client.v1.api.monitors_api import MonitorsApi
from datadog_api_client.v2.api.events_api import EventsApi
from datadog_api_client.v2.api.logs_api import LogsApi
from datadog_api_client.v2.api.spans_api import SpansApi
from datadog_api_client.v2.model.events_list_request import EventsListRequest
from datadog_api_client.v2.model.events_query_filter import EventsQueryFilter
from datadog_api_client.v2.model.logs_list_request import LogsListRequest
from datadog_api_client.v2.model.logs_list_request_page import LogsListRequestPage
from datadog_api_client.v2.model.logs_query_filter import LogsQueryFilter
from datadog_api_client.v2.model.logs_sort import LogsSort
from datadog_api_client.v2.model.spans_list_request import SpansListRequest
from datadog_api_client.v2.model.spans_list_request_attributes import SpansListRequestAttributes
from datadog_api_client.v2.model.spans_list_request_data import SpansListRequestData
from datadog_api_client.v2.model.spans_list_request_page import SpansListRequestPage
from datadog_api_client.v2.model.spans_list_request_type import SpansListRequestType
from datadog_api_client.v2.model.spans_query_filter import SpansQueryFilter
from datadog_api_client.v2.model.spans_sort import SpansSort
from freezegun import freeze_time
from github import Auth, BadCredentialsException, Github, GithubException, UnknownObjectException
from moto import mock_aws
from sentry_sdk.utils import event_from_exception

from core.demo.repo import git
from core.demo.vendors import cloudwatch as aws
from core.demo.vendors import datadog as dog
from core.demo.vendors import github as hub
from core.demo.vendors import newrelic as relic
from core.demo.vendors import sentry as tracker
from core.demo.vendors import smtp
from core.policy.infrastructure import CloudWatchMetric, InfrastructureRules
from core.policy.sections import MetricNames
from core.settings import Settings
from core.signals.health import by_service
from core.vendors import cloudwatch, registry
from core.vendors.base import Message
from core.vendors.http import Http
from core.vendors.sentry import Sentry
from tests.vendors.contract import nerdgraph
from tests.vendors.simulators import simulators

CRASHES = 50
NAMES = MetricNames(requests="shop.requests", errors="shop.errors", p95_ms="shop.latency.p95")


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    with simulators(tmp_path_factory.mktemp("world")) as made:
        made.emit(CRASHES * 4)
        yield made


# --- datadog-api-client


@pytest.fixture
def datadog(sim):
    settings = Configuration(api_key={"apiKeyAuth": dog.API_KEY, "appKeyAuth": dog.APP_KEY}, host=f"{sim.url}/datadog")
    with ApiClient(settings) as client:
        yield client


def test_datadog_validates_the_key(datadog, sim):
    assert AuthenticationApi(datadog).validate().valid
    wrong = Configuration(api_key={"apiKeyAuth": "x", "appKeyAuth": "y"}, host=f"{sim.url}/datadog")
    with ApiClient(wrong) as client, pytest.raises(ForbiddenException):
        LogsApi(client).list_logs()


def test_datadog_pages_through_the_logs(datadog):
    asked = LogsListRequest(
        filter=LogsQueryFilter(query="status:error", _from="now-15m", to="now"),
        sort=LogsSort.TIMESTAMP_ASCENDING,
        page=LogsListRequestPage(limit=7),
    )
    rows = list(LogsApi(datadog).list_logs_with_pagination(body=asked))
    assert len({row.id for row in rows}) == CRASHES
    assert [row.attributes.timestamp for row in rows] == sorted(row.attributes.timestamp for row in rows)
    assert rows[0].attributes.attributes["error"]["kind"] == "KeyError"


def test_datadog_gives_metrics_monitors_and_events(datadog):
    now = int(datetime.now(UTC).timestamp())
    query = "sum:shop.errors{*} by {service}.as_count()"
    found = MetricsApi(datadog).query_metrics(_from=now - 900, to=now + 1, query=query)
    assert sum(point.value[1] for series in found.series for point in series.pointlist) == CRASHES
    ringing = MonitorsApi(datadog).list_monitors()
    assert [str(row.overall_state) for row in ringing] == ["Alert"] and ringing[0].tags[0] == "service:cart"
    span = EventsListRequest(filter=EventsQueryFilter(query="source:alert", _from="now-15m", to="now"))
    rows = list(EventsApi(datadog).search_events_with_pagination(body=span))
    assert [row.attributes.attributes["service"] for row in rows] == ["cart"]


def test_datadog_searches_spans_and_whole_traces(datadog):
    def found(query: str, limit: int = 7):
        span = SpansListRequestAttributes(
            filter=SpansQueryFilter(query=query, _from="now-15m", to="now"),
            sort=SpansSort.TIMESTAMP_ASCENDING,
            page=SpansListRequestPage(limit=limit),
        )
        body = SpansListRequest(data=SpansListRequestData(attributes=span, type=SpansListRequestType.SEARCH_REQUEST))
        return list(SpansApi(datadog).list_spans_with_pagination(body=body))

    rows = found("status:error")
    assert len({row.id for row in rows}) == CRASHES
    assert {row.attributes.service for row in rows} == {"cart"}
    (one,) = found(f"trace_id:({rows[0].attributes.trace_id})")
    assert one.attributes.span_id == rows[0].attributes.span_id


# --- PyGithub


@pytest.fixture
def repository(sim):
    with Github(base_url=f"{sim.url}/github", auth=Auth.Token(hub.TOKEN), retry=None, seconds_between_requests=0,
                seconds_between_writes=0) as client:  # fmt: skip
        yield client.get_repo(hub.NAME)


def test_github_refuses_another_token(sim):
    client = Github(base_url=f"{sim.url}/github", auth=Auth.Token("no"), retry=None)
    with client, pytest.raises(BadCredentialsException):
        client.get_repo(hub.NAME)


def test_github_issues_and_their_comments(repository):
    made = [repository.create_issue(f"Fault {n}", body="text", labels=["bug"]) for n in range(35)]
    made[0].edit(state="closed")
    made[1].create_comment("seen")
    assert len(list(repository.get_issues(state="open"))) == 34
    assert [i.number for i in repository.get_issues(state="closed")] == [made[0].number]
    assert [c.body for c in repository.get_issue(made[1].number).get_comments()] == ["seen"]
    changed = list(repository.get_issues(state="all", sort="updated", direction="asc"))
    assert [i.updated_at for i in changed] == sorted(i.updated_at for i in changed)
    with pytest.raises(UnknownObjectException):
        repository.get_issue(999)


def test_github_commits_branches_and_refs(repository, sim):
    commits = list(repository.get_commits())
    known = git(sim.repo.origin, "rev-list", "main").split()
    assert commits[0].sha == known[0] and sorted(commit.sha for commit in commits) == sorted(known)
    assert repository.get_commit(commits[-1].sha).files[0].filename
    assert repository.get_branch("main").commit.sha == commits[0].sha
    made = repository.create_git_ref("refs/heads/old/one", commits[1].sha)
    assert repository.get_git_ref("heads/old/one").object.sha == made.object.sha == commits[1].sha
    with pytest.raises(GithubException, match="already exists"):
        repository.create_git_ref("refs/heads/old/one", commits[1].sha)


def test_github_a_pull_request_from_its_opening_to_its_merge(repository, sim):
    git(sim.repo.team, "checkout", "--quiet", "-b", "fix/1")
    (sim.repo.team / "NOTE").write_text("x")
    sha = sim.repo._commit("A note", "Ada Noor")
    git(sim.repo.team, "push", "--quiet", "origin", "fix/1")
    pull = repository.create_pull(base="main", head="fix/1", title="Fix", body="because")
    assert pull.head.sha == sha and not pull.merged
    assert [p.number for p in repository.get_pulls(head="acme:fix/1", state="open")] == [pull.number]
    pull.edit(title="Better")
    commit = repository.get_commit(sha)
    commit.create_status("success", description="proved", context="proof")
    commit.create_status("failure", context="ci")
    assert commit.get_combined_status().state == "failure"
    repository.create_check_run("lint", sha, status="completed", conclusion="success")
    assert [(r.name, r.conclusion) for r in commit.get_check_runs()] == [("lint", "success")]
    pull.create_review(body="good", event="APPROVE")
    assert [(r.state, r.commit_id) for r in pull.get_reviews()] == [("APPROVED", sha)]
    pull.create_issue_comment("thanks")
    with pytest.raises(GithubException, match="Head branch was modified"):
        pull.merge(sha="0" * 40)
    assert pull.merge(sha=sha, merge_method="merge").merged
    assert repository.get_pull(pull.number).merged
    assert repository.get_branch("main").commit.sha == repository.get_pull(pull.number).merge_commit_sha


def test_github_runs_deployments_and_releases(repository, sim):
    sha = git(sim.repo.origin, "rev-parse", "main").strip()
    sim.hub.activity.run("ci", sha, "failure")
    sim.hub.activity.run("ci", sha, "success", branch="other")
    since = (datetime.now(UTC) - timedelta(hours=1)).strftime(">=%Y-%m-%dT%H:%M:%SZ")
    (run,) = repository.get_workflow_runs(branch="main", status="completed", created=since)
    assert (run.name, run.conclusion, run.head_sha) == ("ci", "failure", sha)
    made = repository.create_deployment(sha, environment="production")
    made.create_status("success")
    (deployment,) = repository.get_deployments()
    assert [status.state for status in deployment.get_statuses()] == ["success"]
    repository.create_git_release("v1.2", "June", "text")
    assert [release.tag_name for release in repository.get_releases()] == ["v1.2"]


def test_github_files_of_a_pull_request(repository, sim):
    git(sim.repo.team, "checkout", "--quiet", "-b", "wip", "main")
    (sim.repo.team / "WIP").write_text("x")
    sim.repo._commit("In work", "Ada Noor")
    git(sim.repo.team, "push", "--quiet", "origin", "wip")
    pull = repository.create_pull(base="main", head="wip", title="In work", body="")
    assert [file.filename for file in pull.get_files()] == ["WIP"]
    assert [p.number for p in repository.get_pulls(state="open", sort="updated", direction="desc")][0] == pull.number


# --- sentry-sdk


def crash(address: dict) -> str:
    return address["city"]["name"]


@pytest.mark.parametrize("how", ["br", "gzip", "plain"])
def test_sentry_takes_what_its_sdk_sends(sim, how):
    """The SDK's envelope in each of its encodings; our client reads the crash with its frames and locals."""
    level = 0 if how == "plain" else 5
    sdk = sentry_sdk.Client(
        dsn=sim.url.replace("http://", "http://public@") + "/1",
        environment="production",
        release=f"r-{how}",
        default_integrations=False,
        auto_enabling_integrations=False,
        _experiments={"transport_compression_algo": how, "transport_compression_level": level},
    )
    scope = sentry_sdk.Scope(client=sdk)
    scope.set_tag("service", f"cart-{how}")
    try:
        crash({"city": None})
    except TypeError as error:
        sdk.capture_event(*event_from_exception(error, client_options=sdk.options), scope=scope)
    sdk.close(timeout=5)
    http = Http("sentry", f"{sim.url}/sentry", {"Authorization": f"Bearer {tracker.TOKEN}"})
    source = Sentry(http, tracker.ORG)
    batches = list(source.collect(None, datetime.now(UTC) + timedelta(seconds=2)))
    record = [r for batch in batches for r in batch.records][-1]
    assert record.attributes["trace_id"] in {span.trace for batch in batches for span in batch.spans if span.failed}
    assert (record.service, record.release, record.crash.exception.type) == (f"cart-{how}", f"r-{how}", "TypeError")
    assert record.crash.frames[-1].locals == {"address": "{'city': None}"}
    assert record.crash.frames[-1].code == 'return address["city"]["name"]'
    assert source.resolve([record.vendor_id]) == 1
    assert not [r for batch in source.collect(None, datetime.now(UTC)) for r in batch.records]


# --- boto3


def client(sim, service: str, secret: str = aws.SECRET, key: str = aws.KEY):
    return boto3.client(
        service,
        endpoint_url=f"{sim.url}/aws",
        region_name=aws.REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_aws_log_events_by_its_own_paginator(sim, monkeypatch):
    monkeypatch.setattr(aws, "SCAN", 9)
    pages = client(sim, "logs").get_paginator("filter_log_events")
    asked = {"logGroupName": aws.GROUP, "startTime": 0}
    found = [page["events"] for page in pages.paginate(**asked, filterPattern="?KeyError ?Nothing")]
    assert len(found) == 6 and len({row["eventId"] for page in found for row in page}) == CRASHES
    empty = [page["events"] for page in pages.paginate(**asked, filterPattern="nothing-like-it")]
    assert empty == [[]] * 6  # pages may be empty although there is another
    groups = client(sim, "logs").describe_log_groups()["logGroups"]
    assert [g["logGroupName"] for g in groups] == [aws.GROUP]


def test_aws_metrics_and_alarms(sim):
    until = datetime.now(UTC)
    metric = {
        "Namespace": aws.NAMESPACE,
        "MetricName": "shop.errors",
        "Dimensions": [{"Name": "Service", "Value": "cart"}],
    }
    query = {"Id": "m0", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    found = client(sim, "cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=until - timedelta(minutes=10), EndTime=until + timedelta(minutes=1)
    )
    assert sum(found["MetricDataResults"][0]["Values"]) == CRASHES
    alarms = client(sim, "cloudwatch").describe_alarms(StateValue="ALARM")["MetricAlarms"]
    assert [a["AlarmName"] for a in alarms] == ["shop-cart-errors"]
    assert alarms[0]["StateTransitionedTimestamp"].tzinfo is not None


def test_aws_load_of_hosts(sim):
    at = datetime.now(UTC) - timedelta(minutes=2)
    sim.telemetry.sample("i-1", at, cpu=97.0, memory=40.0)
    metrics = client(sim, "cloudwatch")
    (found,) = metrics.list_metrics(Namespace="CWAgent", MetricName="mem_used_percent", RecentlyActive="PT3H")[
        "Metrics"
    ]
    query = {"Id": "h0", "MetricStat": {"Metric": found, "Period": 60, "Stat": "Average"}}
    span = {"StartTime": at - timedelta(minutes=2), "EndTime": at + timedelta(minutes=2)}
    assert metrics.get_metric_data(MetricDataQueries=[query], **span)["MetricDataResults"][0]["Values"] == [40.0]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"secret": "wrong"}, "InvalidSignatureException"),
        ({"key": "AKIAUNKNOWN000000000"}, "UnrecognizedClientException"),
    ],
)
def test_aws_verifies_signatures(sim, given, code):
    with pytest.raises(ClientError) as told:
        client(sim, "logs", **given).describe_log_groups()
    assert told.value.response["Error"]["Code"] == code


# --- ours: what each client collects from the same shop is the same


@pytest.fixture
def settings(sim, tmp_path, monkeypatch) -> Settings:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.SECRET)
    path = tmp_path / "platform.toml"
    names = "\n".join(f'{name} = "{value}"' for name, value in NAMES.model_dump().items())
    path.write_text(
        f'[repositories.shop]\nremote = "/nowhere/shop.git"\n[services.cart]\nrepository = "shop"\n[metrics]\n{names}\n'
    )
    return Settings(
        platform_file=path,
        datadog_url=f"{sim.url}/datadog",
        datadog_api_key=dog.API_KEY,
        datadog_app_key=dog.APP_KEY,
        newrelic_url=f"{sim.url}/newrelic/graphql",
        newrelic_api_key=relic.KEY,
        newrelic_account_id=relic.ACCOUNT,
        aws_endpoint_url=f"{sim.url}/aws",
        aws_region=aws.REGION,
        cloudwatch_log_groups=aws.GROUP,
        cloudwatch_namespace=aws.NAMESPACE,
    )


@pytest.mark.parametrize("name", ["datadog", "newrelic", "cloudwatch"])
def test_every_source_tells_of_the_same_crashes_and_alarm(settings, name):
    source = registry.CONNECTORS[name].build(settings)
    assert source.check().ok, source.check()
    batches = list(source.collect(None, datetime.now(UTC)))
    records = [record for batch in batches for record in batch.records]
    crashes = [r for r in records if r.kind == "exception"]
    assert len({r.vendor_id for r in crashes}) == CRASHES
    assert {(r.service, r.release, r.title) for r in crashes} == {("cart", "abcdef0123456789", "KeyError: 'x'")}
    assert {r.service for r in records if r.kind == "alert"} == {"cart"}
    counted = [p for batch in batches for p in batch.metrics if p.name == "requests"]
    assert sum(p.value for p in counted) > 100  # the minute that has not ended is not told yet


@pytest.mark.parametrize("name", ["datadog", "newrelic", "cloudwatch"])
def test_every_health_source_sees_the_same_error_rate(settings, name):
    until = datetime.now(UTC) + timedelta(seconds=60)
    points = registry.CONNECTORS[name].build(settings).points(["cart", "search"], until - timedelta(minutes=10), until)
    health = by_service(points, ["cart", "search"])
    assert health["cart"].error_rate == pytest.approx(0.25, abs=0.02)
    assert health["cart"].p95_ms and health["search"].error_rate is None


def test_newrelic_reads_the_spans_and_the_hosts_of_the_shop(settings, sim):
    until = datetime.now(UTC)
    sim.telemetry.sample("shop-1", until - timedelta(minutes=3), cpu=97.0, memory=40.0)
    batches = list(registry.newrelic(settings).collect(None, until))
    spans = {span.span: span for batch in batches for span in batch.spans}
    assert len(spans) == CRASHES and {(s.service, s.role, s.failed) for s in spans.values()} == {
        ("cart", "server", True)
    }
    loads = {(p.name, p.value) for batch in batches for p in batch.hosts if p.host == "shop-1"}
    assert loads == {("cpu", 97.0), ("memory", 40.0)}


def test_newrelic_follows_a_query_that_takes_long(settings, monkeypatch):
    waits = []
    source = registry.newrelic(settings)
    source.pause = waits.append
    hours = int(datetime.now(UTC).timestamp() * 1000) - 7_200_000
    rows = source.nrql(f"SELECT count(*) FROM Transaction SINCE {hours} LIMIT MAX")
    assert rows[0]["count"] == CRASHES * 4 and waits == [1.0]


def test_the_simulated_nerdgraph_is_a_part_of_the_vendors_own():
    """Every field of the simulator's schema is in New Relic's, with the same type and arguments."""
    for name, kind in relic.SCHEMA.type_map.items():
        if name.startswith("__") or name in ("Query", "Int", "String", "Boolean", "ID", "Float"):
            continue
        real = nerdgraph().type_map[name]
        for field, told in getattr(kind, "fields", {}).items():
            assert str(told.type) == str(real.fields[field].type), f"{name}.{field}"
            for argument, given in getattr(told, "args", {}).items():
                assert str(given.type) == str(real.fields[field].args[argument].type), f"{name}.{field}({argument})"
        assert set(getattr(kind, "values", ())) <= set(getattr(real, "values", ()))


# --- moto: another implementation of AWS than ours


@pytest.fixture
def moto(monkeypatch):
    for name, value in {
        "ACCESS_KEY_ID": "testing",
        "SECRET_ACCESS_KEY": "testing",
        "DEFAULT_REGION": aws.REGION,
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        yield


def test_cloudwatch_reads_what_moto_keeps(moto):
    at = datetime.now(UTC)
    ms = int(at.timestamp() * 1000)
    logs, metrics = boto3.client("logs"), boto3.client("cloudwatch")
    logs.create_log_group(logGroupName="/ecs/cart")
    logs.create_log_stream(logGroupName="/ecs/cart", logStreamName="s")
    lines = [{"timestamp": ms - 60_000 + i, "message": f"ERROR KeyError: {i}"} for i in range(5)]
    logs.put_log_events(logGroupName="/ecs/cart", logStreamName="s", logEvents=lines)
    dimensions = [{"Name": "Service", "Value": "cart"}]
    data = {"MetricName": "errors", "Dimensions": dimensions, "Value": 2.0, "Timestamp": at - timedelta(minutes=3)}
    metrics.put_metric_data(Namespace="Shop", MetricData=[data, data])
    metrics.put_metric_alarm(
        AlarmName="cart-errors", MetricName="errors", Namespace="Shop", Statistic="Sum", Period=60, Threshold=1,
        EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold", Dimensions=dimensions,
    )  # fmt: skip
    metrics.set_alarm_state(AlarmName="cart-errors", StateValue="ALARM", StateReason="too many")
    connect = partial(cloudwatch.connect, aws.REGION, role="arn:aws:iam::123456789012:role/reader")
    source = cloudwatch.CloudWatch(connect, ["/ecs/cart"], namespace="Shop", services=["cart"])
    assert source.check().ok, source.check()
    batches = list(source.collect(None, at))
    records = [record for batch in batches for record in batch.records]
    assert sorted(r.title for r in records if r.kind == "log") == [f"ERROR KeyError: {i}" for i in range(5)]
    assert [(r.service, r.attributes["alarm_name"]) for r in records if r.kind == "alert"] == [("cart", "cart-errors")]
    assert [(p.name, p.value) for batch in batches for p in batch.metrics] == [("errors", 4.0)]


@pytest.mark.parametrize("second", [0, 1, 59])
def test_cloudwatch_checks_a_whole_minute_at_every_second(monkeypatch, second):
    spans = []
    source = cloudwatch.CloudWatch(boto3.Session, [], namespace="Shop", services=["cart"])
    monkeypatch.setattr(source, "_call", lambda *_, **asked: spans.append(asked) or {})
    with freeze_time(f"2026-05-04 10:30:{second:02}.5"):
        assert source.check().ok
    span = spans[-1]
    assert (span["StartTime"].isoformat(), span["EndTime"].isoformat()) == (
        "2026-05-04T10:29:00+00:00",
        "2026-05-04T10:30:00+00:00",
    )


def test_cloudwatch_reads_the_load_of_hosts_that_moto_keeps(moto):
    at = datetime.now(UTC)
    for disk, value in (("/", 40.0), ("/data", 97.0)):
        dimensions = [{"Name": "InstanceId", "Value": "i-1"}, {"Name": "path", "Value": disk}]
        data = {"MetricName": "disk_used_percent", "Dimensions": dimensions, "Value": value}
        boto3.client("cloudwatch").put_metric_data(
            Namespace="CWAgent", MetricData=[data | {"Timestamp": at - timedelta(minutes=3)}]
        )
    own = CloudWatchMetric(name="queue", namespace="Shop", metric="depth", host="Queue")
    depth = {"MetricName": "depth", "Dimensions": [{"Name": "Queue", "Value": "mails"}], "Value": 900.0}
    boto3.client("cloudwatch").put_metric_data(
        Namespace="Shop", MetricData=[depth | {"Timestamp": at - timedelta(minutes=3)}]
    )
    rules = [*InfrastructureRules().cloudwatch, own]
    source = cloudwatch.CloudWatch(partial(cloudwatch.connect, aws.REGION), [], hosts=rules)
    found = [point for batch in source.collect(None, at) for point in batch.hosts]
    assert [(p.host, p.name, p.value) for p in found] == [("i-1", "disk", 97.0), ("mails", "queue", 900.0)]


def test_cloudwatch_says_which_log_group_is_missing(moto):
    check = cloudwatch.CloudWatch(partial(cloudwatch.connect, aws.REGION), ["/ecs/nobody"]).check()
    assert not check.ok and "/ecs/nobody" in check.message and "CLOUDWATCH_LOG_GROUPS" in check.fix


# --- smtplib, and our own client


@pytest.fixture
def mail():
    """The sandbox's mail server in a loop of its own; yields it and its port."""
    loop, server = asyncio.new_event_loop(), smtp.MailServer()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield server, asyncio.run_coroutine_threadsafe(server.start(), loop).result(5)
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)


def test_mail_arrives_only_with_the_sign_in(mail):
    server, port = mail
    refused = pytest.raises(smtplib.SMTPSenderRefused, match="Authentication required")
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as client, refused:
        client.sendmail(smtp.SENDER, [smtp.RECEIVER], "Subject: no\n\n")
    client = smtplib.SMTP("127.0.0.1", port, timeout=5)
    with pytest.raises(smtplib.SMTPException):
        client.login(smtp.USER, "another")
    client.close()
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
        client.login(smtp.USER, smtp.PASSWORD)
        client.sendmail(smtp.SENDER, [smtp.RECEIVER], "Subject: yes\n\ntext")
    assert [(m["subject"], m["to"]) for m in server.mails] == [("yes", [smtp.RECEIVER])]


def test_our_mail_reaches_the_sandbox(mail):
    server, port = mail
    given = {
        "smtp_user": smtp.USER,
        "smtp_password": smtp.PASSWORD,
        "email_from": smtp.SENDER,
        "email_to": smtp.RECEIVER,
    }
    client = registry.email(Settings(smtp_host="127.0.0.1", smtp_port=port, smtp_starttls=False, **given))
    assert client.check().ok, client.check()
    client.send(Message("k", "Rolled back", "because", "http://console.example/1"))
    assert server.mails[0]["subject"] == "Rolled back" and "because" in server.mails[0]["body"]
