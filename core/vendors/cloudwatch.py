"""AWS CloudWatch by boto3: log events, service metrics, alarms, and the load of hosts (cloudwatch_hosts.py).

API: logs.filter_log_events (a page may be empty while a token remains), cloudwatch.get_metric_data,
cloudwatch.describe_alarms. Signing, retries of throttled calls and the address of a region are boto3's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, ProfileNotFound
from botocore.parsers import ResponseParserError
from botocore.session import Session

from core.models import Kind, MetricPoint, Record
from core.models.counted import counted
from core.models.origin import Origin, Writers
from core.policy.infrastructure import CloudWatchMetric
from core.policy.sections import MetricNames
from core.vendors import cloudwatch_lines, line_pages
from core.vendors.base import Batch, Check, Meter, VendorError, understood
from core.vendors.cloudwatch_hosts import CloudWatchHosts
from core.vendors.logline import read_line
from core.vendors.reading import Page, ReadWindow, Stream, collect, records_of
from core.vendors.redact import Redactor

CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
UNSTATED = "unknown"  # the line has no level; matching the filter pattern is not a level
PAGE, PERIOD, QUERIES = 10_000, 60, 500
PASSING = ("Throttl", "TooManyRequests", "LimitExceeded", "ServiceUnavailable", "InternalFailure", "InternalService")
KEY = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (IAM > Users > Security credentials)"
RIGHTS = "logs:FilterLogEvents, cloudwatch:GetMetricData, cloudwatch:DescribeAlarms and cloudwatch:ListMetrics"
FIXES = {
    "UnrecognizedClientException": f"the key does not exist in this account: {KEY}",
    "InvalidClientTokenId": f"the key does not exist in this account: {KEY}",
    "InvalidSignatureException": f"the secret does not belong to the key: {KEY}",
    "SignatureDoesNotMatch": f"the secret does not belong to the key: {KEY}",
    "ExpiredTokenException": "the session has expired: sign in again (aws sso login), or use a role",
    "AccessDeniedException": f"an IAM policy with {RIGHTS} for this user or role (IAM > Policies)",
    "AccessDenied": f"an IAM policy with {RIGHTS}, and sts:AssumeRole for CLOUDWATCH_ROLE_ARN (IAM > Policies)",
    "ResourceNotFoundException": "CLOUDWATCH_LOG_GROUPS and AWS_REGION (CloudWatch > Log groups)",
    "NoCredentials": KEY,
    "ProfileNotFound": "AWS_PROFILE: a profile of ~/.aws/config (aws configure list-profiles)",
    "NoRegion": "AWS_REGION, e.g. eu-central-1",
}


class CloudWatch:
    name = "cloudwatch"
    origin = Origin("CloudWatch", Writers.TEAM)

    def __init__(
        self,
        connect: Callable[[], boto3.Session],
        groups: Sequence[str],
        *,
        pattern: str = "",
        namespace: str = "",
        services: Sequence[str] = (),
        names: MetricNames | None = None,
        dimension: str = "Service",
        endpoint: str = "",
        calls: int | None = None,
        hosts: Sequence[CloudWatchMetric] = (),
    ):
        self.connect, self.groups, self.pattern, self.endpoint = connect, list(groups), pattern, endpoint
        self.namespace, self.services, self.dimension = namespace, list(services), dimension
        self.names, self.meter, self.redact = names or MetricNames(), Meter(self.name, calls), Redactor()
        self.hosts = CloudWatchHosts(self._call, hosts)
        self.session: boto3.Session | None = None
        self.clients: dict[str, Any] = {}

    # --- signals

    def collect(self, cursor: str | None, until: datetime) -> Iterator[Batch]:
        self.meter.begin()
        streams = {"alarms": Stream(self._alarms, ascending=False)}
        if self.namespace and self.services:
            streams["metrics"] = Stream(self._metrics)
        for group in self.groups:
            streams[f"logs {group}"] = Stream(partial(self._logs, group), ascending=False)
        if self.hosts.metrics:
            streams["hosts"] = Stream(self.hosts.read, ascending=False, needs="cloudwatch:ListMetrics")
        return collect(streams, cursor, until)

    def _logs(self, group: str, window: ReadWindow) -> Page:
        """A page of log events; the lines of one stack are one record, with the identity of the first line."""
        found = self._filtered(group, window.since, window.until, window.after, self.pattern)
        lines = [cloudwatch_lines.line_of(row) for row in found["events"]]
        self.meter.unreadable += lines.count(None)
        known = [line for line in lines if line]
        names = frozenset(line.id for line in known) | line_pages.waiting(window.memory)
        if self.pattern:
            known = cloudwatch_lines.with_context(known, partial(self._context, group))
        page = line_pages.whole(known, window.memory, window.since, window.until, not found.get("nextToken"))
        rows = [cloudwatch_lines.row_of(event) for event in page.events if cloudwatch_lines.matched(event, names)]
        records = records_of(rows, lambda row: read(row, group, self.redact), self.meter)
        return Page(records, after=found.get("nextToken") or None, memory=page.memory)

    def _context(self, group: str, streams: list[str], begin: datetime, end: datetime, token: str | None) -> dict:
        return self._filtered(group, begin, end, token, logStreamNames=streams)

    def _filtered(
        self, group: str, since: datetime, until: datetime, token: str | None, pattern: str = "", **more: Any
    ) -> dict:
        found = self._call(
            "logs",
            "filter_log_events",
            logGroupName=group,
            startTime=int(since.timestamp() * 1000),
            endTime=int(until.timestamp() * 1000),
            limit=PAGE,
            **({"filterPattern": pattern} if pattern else {}),
            **({"nextToken": token} if token else {}),
            **more,
        )
        if "events" not in found:
            raise VendorError(self.name, f"answered without events (log group {group})")
        return found

    def _alarms(self, window: ReadWindow) -> Page:
        found = self._call(
            "cloudwatch",
            "describe_alarms",
            StateValue="ALARM",
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
            MaxRecords=100,
            **({"NextToken": window.after} if window.after else {}),
        )
        rows = [*(found.get("MetricAlarms") or []), *(found.get("CompositeAlarms") or [])]
        records = records_of(rows, lambda row: alarm(row, self.dimension, self.redact), self.meter)
        return Page(records, after=found.get("NextToken") or None)

    def _metrics(self, window: ReadWindow) -> Page:
        """A page of whole minutes; ``after`` is the chunk of services and the token within it."""
        chunk, _, token = (window.after or "0:").partition(":")
        size = QUERIES // 3
        services = self.services[int(chunk) * size : (int(chunk) + 1) * size]
        begin, end = _whole(window.since), _whole(window.until)
        if begin >= end:
            return Page()
        points, token = self._points(services, begin, end, token)
        if token:
            return Page(metrics=points, after=f"{chunk}:{token}")
        more = (int(chunk) + 1) * size < len(self.services)
        return Page(metrics=points, after=f"{int(chunk) + 1}:" if more else None)

    def _points(self, services: Sequence[str], begin: datetime, end: datetime, token: str = ""):
        """(points, next token) of the services in the time span."""
        asked = {f"m{i}": pair for i, pair in enumerate((s, n) for s in services for n in self._stats())}
        found = self._call(
            "cloudwatch",
            "get_metric_data",
            MetricDataQueries=[self._query(key, *pair) for key, pair in asked.items()],
            StartTime=begin,
            EndTime=end,
            ScanBy="TimestampAscending",
            **({"NextToken": token} if token else {}),
        )
        rows = found.get("MetricDataResults") or []
        return [point for row in rows for point in self._read(row, asked)], found.get("NextToken") or ""

    def _read(self, row: dict, asked: dict[str, tuple[str, str]]) -> Iterator[MetricPoint]:
        if row.get("StatusCode") in ("InternalError", "Forbidden"):
            raise VendorError(self.name, f"could not return a metric ({row['StatusCode']})")
        service, name = asked[row["Id"]]
        for at, value in zip(row.get("Timestamps") or [], row.get("Values") or [], strict=False):
            yield MetricPoint(source=self.name, service=service, name=name, at=_utc(at), value=value)

    def _stats(self) -> dict[str, tuple[str, str]]:
        return {
            "requests": (self.names.requests, "Sum"),
            "errors": (self.names.errors, "Sum"),
            "p95_ms": (self.names.p95_ms, "p95"),
        }

    def _query(self, key: str, service: str, name: str) -> dict:
        metric, stat = self._stats()[name]
        dimensions = [{"Name": self.dimension, "Value": service}]
        metric_of = {"Namespace": self.namespace, "MetricName": metric, "Dimensions": dimensions}
        return {"Id": key, "MetricStat": {"Metric": metric_of, "Period": PERIOD, "Stat": stat}}

    # --- health of services

    @understood("cloudwatch")
    def points(self, services: Sequence[str], since: datetime, until: datetime) -> list[MetricPoint]:
        points: list[MetricPoint] = []
        for start in range(0, len(services), QUERIES // 3):
            part, token = services[start : start + QUERIES // 3], None
            while token != "":
                found, token = self._points(part, _whole(since), until, token or "")
                points += [point for point in found if point.at >= since]
        return points

    # --- AWS

    def _call(self, service: str, operation: str, **kw) -> dict:
        self.meter.spend()
        try:
            return getattr(self._client(service), operation)(**kw)
        except ClientError as error:
            raise self._fault(error, kw.get("logGroupName", "")) from None
        except (NoCredentialsError, NoRegionError, ProfileNotFound) as error:
            kind = type(error).__name__.removesuffix("Error")
            raise VendorError(self.name, f"{kind}: {error}", permanent=True) from None
        except ResponseParserError as error:
            raise VendorError(
                self.name, f"returned a response that is not AWS JSON: {self.redact(str(error))[:200]}"
            ) from None
        except (BotoCoreError, ValueError) as error:
            raise VendorError(self.name, f"is unreachable: {self.redact(str(error))[:300]}") from None

    def _client(self, service: str) -> Any:
        if service not in self.clients:
            self.session = self.session or self.connect()
            self.clients[service] = self.session.client(service, endpoint_url=self.endpoint or None, config=CONFIG)
        return self.clients[service]

    def _fault(self, error: ClientError, group: str) -> VendorError:
        details, meta = error.response.get("Error") or {}, error.response.get("ResponseMetadata") or {}
        code, status = str(details.get("Code") or "unknown"), meta.get("HTTPStatusCode")
        where = f" (log group {group})" if group else ""
        message = f"{code}: {self.redact(str(details.get('Message') or ''))[:250]}{where}"
        passing = code.startswith(PASSING) or (status or 500) >= 500
        return VendorError(self.name, message, permanent=not passing, status=status)

    def check(self) -> Check:
        minute = _whole(datetime.now(UTC))
        try:
            for group in self.groups:
                self._call("logs", "filter_log_events", logGroupName=group, limit=1, startTime=0, endTime=1)
            self._call("cloudwatch", "describe_alarms", StateValue="ALARM", MaxRecords=1)
            if self.namespace and self.services:
                self._points(self.services[:1], minute - timedelta(minutes=1), minute)
        except VendorError as error:
            code = error.message.split(":")[0]
            return Check(False, error.message, FIXES.get(code, "check AWS_REGION, AWS_ENDPOINT_URL and the network"))
        return Check(True, f"{counted(len(self.groups), 'log group')}, alarms and metrics are readable")


def connect(region: str = "", profile: str = "", role: str = "") -> boto3.Session:
    """A session with boto3's default credentials, or with a role that is assumed and renewed."""
    core = Session(profile=profile or None)
    if region:
        core.set_config_variable("region", region)
    if role:
        fetcher = AssumeRoleCredentialFetcher(
            core.create_client, core.get_credentials(), role, {"RoleSessionName": "devops-intelligence-platform"}
        )
        core._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    return boto3.Session(botocore_session=core)


def read(row: dict, group: str, redact: Redactor) -> Record:
    """A log event as a Record; a JSON message contains its service and its error. Pure."""
    line = read_line(str(row.get("message") or ""))
    text = redact(line.stack or line.message)
    return Record(
        source="cloudwatch",
        vendor_id=str(row["eventId"]),
        kind=Kind.EXCEPTION if line.stack else Kind.LOG,
        at=datetime.fromtimestamp(row["timestamp"] / 1000, UTC),
        service=line.service or group.rstrip("/").rsplit("/", 1)[-1],
        environment=line.environment or "production",
        release=line.release or None,
        level=line.level or ("error" if line.stack else UNSTATED),
        title=redact(line.title)[:300],
        message=text[:20_000],
        attributes={"log_group": group, "log_stream": row.get("logStreamName"), "trace_id": line.trace or None},
    )


def alarm(row: dict, dimension: str, redact: Redactor) -> Record:
    """A triggered alarm as a Record; each trigger is a new record. Pure."""
    since = _utc(row.get("StateTransitionedTimestamp") or row["StateUpdatedTimestamp"])
    named = {d["Name"]: d["Value"] for d in row.get("Dimensions") or []}
    return Record(
        source="cloudwatch",
        vendor_id=f"{row['AlarmArn']}@{since.isoformat()}",
        kind=Kind.ALERT,
        at=since,
        service=named.get(dimension, ""),
        title=redact(f"{row['AlarmName']}: {row.get('AlarmDescription') or 'alarm'}")[:300],
        message=redact(str(row.get("StateReason") or ""))[:20_000],
        attributes={"alarm_name": row["AlarmName"], "state": row.get("StateValue"), "metric": row.get("MetricName")},
    )


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _whole(at: datetime) -> datetime:
    return datetime.fromtimestamp(int(at.timestamp()) // PERIOD * PERIOD, UTC)
