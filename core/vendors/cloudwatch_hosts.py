"""The load of hosts in CloudWatch: the metrics of [infrastructure], each for all values of its host's dimension.

API: cloudwatch.list_metrics finds the series of a metric that were active in the last three hours,
cloudwatch.get_metric_data reads them. A host with several series of one metric (its disks) counts by the highest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from core.models.hosts import HostPoint
from core.policy.infrastructure import CloudWatchMetric
from core.vendors.base import VendorError
from core.vendors.reading import Page, ReadWindow

SERIES, PERIOD = 500, 60  # of one request; seconds
Call = Callable[..., dict]  # (service, operation, **parameters)


class CloudWatchHosts:
    """Reads one metric of the policy a page; ``after`` is the metric's number."""

    def __init__(self, call: Call, metrics: Sequence[CloudWatchMetric]):
        self.call, self.metrics = call, metrics

    def read(self, window: ReadWindow) -> Page:
        number = int(window.after or 0)
        begin, end = _whole(window.since), _whole(window.until)
        if number >= len(self.metrics) or begin >= end:
            return Page()
        metric = self.metrics[number]
        more = number + 1 < len(self.metrics)
        found = self._points(metric, self._series(metric), begin, end)
        return Page(hosts=found, after=str(number + 1) if more else None)

    def _series(self, metric: CloudWatchMetric) -> list[dict]:
        """The series of a metric that name a host; those of its first page."""
        asked = {"Namespace": metric.namespace, "MetricName": metric.metric, "RecentlyActive": "PT3H"}
        found = self.call("cloudwatch", "list_metrics", **asked, Dimensions=[{"Name": metric.host}])
        return [row for row in found.get("Metrics") or [] if _host(row, metric)][:SERIES]

    def _points(self, metric: CloudWatchMetric, series: list[dict], begin: datetime, end: datetime) -> list[HostPoint]:
        if not series:
            return []
        found: dict[tuple[str, datetime], float] = {}
        asked, token = [_query(number, row, metric) for number, row in enumerate(series)], ""
        while True:
            more = {"NextToken": token} if token else {}
            span = {"StartTime": begin, "EndTime": end, "ScanBy": "TimestampAscending"}
            answer = self.call("cloudwatch", "get_metric_data", MetricDataQueries=asked, **span, **more)
            for row in answer.get("MetricDataResults") or []:
                _add(found, row, _host(series[int(row["Id"][1:])], metric))
            if not (token := answer.get("NextToken") or ""):
                break
        return [
            HostPoint(source="cloudwatch", host=host, name=metric.name, at=at, value=value)
            for (host, at), value in found.items()
        ]


def _add(found: dict[tuple[str, datetime], float], row: Mapping[str, Any], host: str) -> None:
    if row.get("StatusCode") in ("InternalError", "Forbidden"):
        raise VendorError("cloudwatch", f"could not return a metric of a host ({row['StatusCode']})")
    for at, value in zip(row.get("Timestamps") or [], row.get("Values") or [], strict=False):
        found[host, at] = max(value, found.get((host, at), value))


def _host(row: dict, metric: CloudWatchMetric) -> str:
    return next((str(one["Value"]) for one in row.get("Dimensions") or [] if one.get("Name") == metric.host), "")


def _query(number: int, row: dict, metric: CloudWatchMetric) -> dict:
    one = {"Namespace": metric.namespace, "MetricName": metric.metric, "Dimensions": row["Dimensions"]}
    return {"Id": f"h{number}", "MetricStat": {"Metric": one, "Period": PERIOD, "Stat": metric.statistic}}


def _whole(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
