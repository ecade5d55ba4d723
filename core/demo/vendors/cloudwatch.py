"""CloudWatch's protocol (AWS JSON, signed requests): log events, metric data and alarms of the shop."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
from datetime import UTC, datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.demo.alarms import Alarms, Ringing
from core.demo.telemetry import Telemetry

KEY, SECRET, REGION = "AKIADEMO0123456789AB", "demo/aws/secret/0123456789abcdefghijklmn", "eu-central-1"
GROUP, NAMESPACE, ACCOUNT = "/shop/production", "Shop", "123456789012"
SCAN = 2000  # events that one call scans, so a page may be empty although another one follows
METRICS = {"shop.requests": "requests", "shop.errors": "errors", "shop.latency.p95": "durations"}
LOADS = {
    ("AWS/EC2", "CPUUtilization"): "cpu",
    ("CWAgent", "mem_used_percent"): "memory",
    ("CWAgent", "disk_used_percent"): "disk",
}
SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>(?P<day>\d+)/(?P<region>[^/]+)/(?P<service>[^/]+)"
    r"/aws4_request), ?"
    r"SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>\w+)"
)


class AwsError(Exception):
    def __init__(self, code: str, message: str):
        self.code, self.message = code, message


class SimulatedCloudWatch:
    def __init__(self, telemetry: Telemetry, alarms: Alarms, group: str = GROUP):
        self.telemetry, self.alarms, self.group = telemetry, alarms, group
        self.operations = {
            "Logs_20140328.FilterLogEvents": self.filter_log_events,
            "Logs_20140328.DescribeLogGroups": self.describe_log_groups,
            "GraniteServiceVersion20100801.GetMetricData": self.get_metric_data,
            "GraniteServiceVersion20100801.ListMetrics": self.list_metrics,
            "GraniteServiceVersion20100801.DescribeAlarms": self.describe_alarms,
        }
        self.routes = [Route(path, self.answer, methods=["POST"]) for path in ("/aws", "/aws/")]

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        try:
            check_signature(request, body)
            target = request.headers.get("x-amz-target", "")
            if target not in self.operations:
                raise AwsError("UnknownOperationException", f"{target or 'no target'} is not simulated")
            status, payload = 200, self.operations[target](json.loads(body or b"{}"))
        except AwsError as error:
            status, payload = 400, {"__type": error.code, "message": error.message}
        kind = request.headers.get("content-type", "application/x-amz-json-1.1")
        return Response(json.dumps(payload), status, {"x-amzn-RequestId": "demo"}, media_type=kind)

    # --- logs

    def describe_log_groups(self, asked: dict) -> dict:
        return {
            "logGroups": [
                {"logGroupName": self.group, "arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{self.group}"}
            ]
        }

    def filter_log_events(self, asked: dict) -> dict:
        if asked.get("logGroupName") != self.group:
            raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
        since, until = (_utc(asked.get(name, default)) for name, default in (("startTime", 0), ("endTime", 4e12)))
        rows = [r for r in self.telemetry.errors(since, until) if r["environment"] == "production"]
        start, limit = int(asked.get("nextToken") or 0), min(asked.get("limit", 10_000), 10_000)
        terms = [term.lstrip("?") for term in (asked.get("filterPattern") or "").split()]
        found, at = [], start
        while at < min(len(rows), start + SCAN) and len(found) < limit:
            if not terms or any(term in rows[at]["line"] for term in terms):
                found.append(_event(rows[at], self.group))
            at += 1
        return {"events": found, "searchedLogStreams": [], **({"nextToken": str(at)} if at < len(rows) else {})}

    # --- metrics

    def get_metric_data(self, asked: dict) -> dict:
        since, until = float(asked["StartTime"]), float(asked["EndTime"])
        rows = [self._series(query, since, until) for query in asked["MetricDataQueries"]]
        return {"MetricDataResults": rows, "Messages": []}

    def list_metrics(self, asked: dict) -> dict:
        """The series of the hosts' metrics."""
        key = asked.get("Namespace"), asked.get("MetricName")
        hosts = sorted({row["host"] for row in self.telemetry.hosts}) if key in LOADS else []
        named = {"Namespace": key[0], "MetricName": key[1]}
        return {"Metrics": [named | {"Dimensions": [{"Name": "InstanceId", "Value": host}]} for host in hosts]}

    def _loads(self, metric: dict, since: float, until: float) -> list[tuple[float, float]]:
        host = {d["Name"]: d["Value"] for d in metric.get("Dimensions") or []}.get("InstanceId")
        name = LOADS[metric["Namespace"], metric["MetricName"]]
        rows = (row for row in self.telemetry.hosts if row["host"] == host and name in row)
        return [(row["at"], row[name]) for row in rows if since <= row["at"] < until]

    def _series(self, query: dict, since: float, until: float) -> dict:
        stat, metric = query["MetricStat"], query["MetricStat"]["Metric"]
        service = {d["Name"]: d["Value"] for d in metric.get("Dimensions") or []}.get("Service")
        values: dict[float, list[float]] = {}
        if (metric["Namespace"], metric["MetricName"]) in LOADS:
            for at, value in self._loads(metric, since, until):
                values.setdefault(at // stat["Period"] * stat["Period"], []).append(value)
        if metric["Namespace"] == NAMESPACE and metric["MetricName"] in METRICS:
            for name, at, bucket in self.telemetry.counted(since, until):
                if name == service:
                    value = bucket[METRICS[metric["MetricName"]]]
                    values.setdefault(at // stat["Period"] * stat["Period"], []).extend(
                        value if isinstance(value, list) else [float(value)]
                    )
        return {
            "Id": query["Id"],
            "Label": metric["MetricName"],
            "Timestamps": list(values),
            "Values": [_statistic(stat["Stat"], sorted(v)) for v in values.values()],
            "StatusCode": "Complete",
        }

    # --- alarms

    def describe_alarms(self, asked: dict) -> dict:
        ringing = self.alarms.ringing() if asked.get("StateValue") in (None, "ALARM") else []
        return {"MetricAlarms": [_alarm(row) for row in ringing], "CompositeAlarms": []}


def _statistic(name: str, values: list[float]) -> float:
    if name[:1] == "p" and name[1:].replace(".", "", 1).isdigit():
        return values[max(0, math.ceil(float(name[1:]) / 100 * len(values)) - 1)]
    made = {"Sum": sum, "Maximum": max, "Minimum": min, "SampleCount": len, "Average": lambda v: sum(v) / len(v)}
    if name not in made:
        raise AwsError("ValidationError", f"Invalid statistic {name}")
    return float(made[name](values))


def _utc(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _event(row: dict, group: str) -> dict:
    at = int(row["at"].timestamp() * 1000)
    return {
        "eventId": hashlib.sha256(row["id"].encode()).hexdigest()[:56],
        "logStreamName": f"{group.split('/')[1]}/{row['release'][:12]}",
        "timestamp": at,
        "ingestionTime": at + 100,
        "message": row["line"],
    }


def _alarm(found: Ringing) -> dict:
    name = f"shop-{found.service}-errors"
    return {
        "AlarmName": name,
        "AlarmArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}",
        "AlarmDescription": f"requests of {found.service} fail with errors",
        "StateValue": "ALARM",
        "StateReason": f"Threshold Crossed: 1 datapoint [{found.share:.3f}] was greater than the threshold (0.02).",
        "StateUpdatedTimestamp": found.since,
        "StateTransitionedTimestamp": found.since,
        "MetricName": "shop.errors",
        "Namespace": NAMESPACE,
        "Statistic": "Sum",
        "Dimensions": [{"Name": "Service", "Value": found.service}],
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0.02,
        "ComparisonOperator": "GreaterThanThreshold",
    }


def check_signature(request: Request, body: bytes) -> None:
    """Check AWS Signature Version 4 as the services do. Raises AwsError."""
    found = SIGNED.fullmatch(request.headers.get("authorization", ""))
    if not found:
        raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token")
    if found["key"] != KEY:
        raise AwsError("UnrecognizedClientException", "The security token included in the request is invalid.")
    names = found["headers"].split(";")
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names)
    query = "&".join(f"{quote(k, '-_.~')}={quote(v, '-_.~')}" for k, v in sorted(request.query_params.items()))
    path = quote(request.url.path, "/-_.~")
    canonical = "\n".join([request.method, path, query, headers, found["headers"], hashlib.sha256(body).hexdigest()])
    stamp = request.headers.get("x-amz-date", "")
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{found['scope']}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in (found["day"], found["region"], found["service"], "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    if not hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), found["signature"]):
        raise AwsError("InvalidSignatureException", "The request signature we calculated does not match.")
