"""OTLP metrics reduced to requests, errors and latencies of services. Pure.

Duration metrics are those of OpenTelemetry's semantic conventions for servers and consumers, 1.x and before, and of
Micrometer. For a team's own counters, ``[metrics]`` of the policy has the names. Other metrics are accepted but not
stored. Latencies are counted in the buckets of core/inputs/latency.py: the requests of an OTLP bucket are spread evenly
over its width, as by the linear interpolation of Prometheus's ``histogram_quantile``.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from core.inputs.latency import latency_class
from core.inputs.otlp import STREAM, Reduced, attributes_of, first, resources, server_error
from core.policy.reader import Policy

DURATIONS = {  # name -> unit if the metric states none
    "http.server.request.duration": "s",
    "http.server.duration": "ms",
    "http.server.requests": "ms",  # Micrometer
    "rpc.server.call.duration": "s",
    "rpc.server.duration": "ms",
    "messaging.process.duration": "s",
}
MILLISECONDS = {"s": 1000.0, "ms": 1.0, "us": 0.001, "ns": 1e-6, "min": 60_000.0}
CODE = ("http.response.status_code", "http.status_code", "status")
GRPC_FAULTS = {
    "2",
    "4",
    "12",
    "13",
    "14",
    "15",
    "UNKNOWN",
    "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
}  # fmt: skip - of a server, as the conventions for gRPC have them
PARTS = 8  # into which a bucket is divided to spread its requests
MOST = 20_000  # maximum points of a request


def metrics(request: Any, owner: str, policy: Policy) -> Reduced:
    found = Reduced()

    def count(group: Any) -> int:
        return sum(len(_points(metric)) for scope in group.scope_metrics for metric in scope.metrics)

    for group, resource in resources(request.resource_metrics, owner, policy, count, found):
        around = attributes_of(group.resource.attributes)
        resource["stream"] = "/".join(str(around.get(name) or "") for name in STREAM).strip("/")[:400]
        for metric in (metric for scope in group.scope_metrics for metric in scope.metrics):
            if role := _role(metric, policy):
                found.rows += [row | {"role": role} for row in _rows(metric, resource)][: MOST - len(found.rows)]
    return found


def _role(metric: Any, policy: Policy) -> str:
    """The role of a metric: duration, requests or errors; empty if it is not stored."""
    kind, names = metric.WhichOneof("data"), policy.metrics
    if kind in ("histogram", "exponential_histogram"):
        return "duration" if metric.name in DURATIONS else ""
    counting = kind == "sum" and metric.sum.is_monotonic
    return {names.requests: "requests", names.errors: "errors"}.get(metric.name, "") if counting else ""


def _points(metric: Any) -> Any:
    kind = metric.WhichOneof("data")
    return getattr(metric, kind).data_points if kind else ()


def _rows(metric: Any, resource: dict) -> Iterator[dict]:
    data = getattr(metric, metric.WhichOneof("data"))
    delta = data.aggregation_temporality == AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
    unit = MILLISECONDS.get(metric.unit) or MILLISECONDS[DURATIONS.get(metric.name, "ms")]
    for point in data.data_points:
        attributes = attributes_of(point.attributes)
        yield resource | {
            "name": metric.name,
            "key": hashlib.sha256(json.dumps(attributes, sort_keys=True, default=str).encode()).hexdigest()[:16],
            "failed": failed(attributes),
            "start": point.start_time_unix_nano,
            "at": point.time_unix_nano,
            "delta": delta,
            **_counted(metric, point, unit),
        }


def _counted(metric: Any, point: Any, unit: float) -> dict:
    """{count, latencies: {bucket: requests}} of a point. A count that is no finite number counts nothing."""
    kind = metric.WhichOneof("data")
    if kind == "sum":
        value = point.as_int if point.HasField("as_int") else point.as_double
        return {"count": value if math.isfinite(value) else 0, "latencies": {}}
    buckets = _explicit(point) if kind == "histogram" else _exponential(point)
    counts: Counter[str] = Counter()
    for low, high, number in buckets:
        for part in range(PARTS if high > low else 1):
            middle = low + (high - low) * (part + 0.5) / PARTS if high > low else high
            counts[str(latency_class(middle * unit))] += number / (PARTS if high > low else 1)  # pyright: ignore[reportArgumentType]
    return {"count": point.count, "latencies": dict(counts)}


def _explicit(point: Any) -> Iterator[tuple[float, float, int]]:
    """(lower bound, upper bound, requests); values beyond the last bound are assumed to lie at it."""
    bounds = [0.0, *(bound for bound in point.explicit_bounds if bound > 0 and math.isfinite(bound))]
    for number, low, high in zip(point.bucket_counts, bounds, [*bounds[1:], bounds[-1]], strict=False):
        if number:
            yield low, high, number


def _exponential(point: Any) -> Iterator[tuple[float, float, int]]:
    if point.zero_count:
        yield 0.0, 0.0, point.zero_count
    step = 2.0 ** -max(min(point.scale, 20), -10)
    for place, number in enumerate(point.positive.bucket_counts):
        if number:
            low, high = (2.0 ** min((point.positive.offset + place + more) * step, 100) for more in (0, 1))
            yield low, high, number


def failed(attributes: dict[str, Any]) -> bool:
    """Do these attributes mark requests that failed through the server's fault?"""
    code = first(attributes, CODE)
    if code.isdigit():
        return server_error(code)
    grpc = first(attributes, ("rpc.grpc.status_code", "rpc.response.status_code"))
    if grpc:
        return grpc in GRPC_FAULTS
    return first(attributes, ("outcome",)) == "SERVER_ERROR" or bool(
        first(attributes, ("error.type", "exception.type"))
    )
