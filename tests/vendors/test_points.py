"""Metric points in an unexpected format are the vendor's fault: no other error may end the watch of a release."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from core.vendors.base import VendorError
from core.vendors.cloudwatch import CloudWatch
from core.vendors.datadog import Datadog
from core.vendors.http import Http
from core.vendors.newrelic import NewRelic

UNTIL = datetime(2026, 3, 1, 12, tzinfo=UTC)
SINCE = UNTIL - timedelta(minutes=10)


def answering(body: dict) -> Http:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    return Http("vendor", "https://vendor.test", transport=transport)


class Odd:
    """CloudWatch's client, which names a metric that nobody asked for."""

    def get_metric_data(self, **_):
        return {"MetricDataResults": [{"Id": "m99"}]}


def cloudwatch() -> CloudWatch:
    made = CloudWatch(lambda: None, [])  # pyright: ignore[reportArgumentType] - its client is known already
    made.clients["cloudwatch"] = Odd()
    return made


def newrelic() -> NewRelic:
    account = {"nrql": {"results": [{"facet": "cart", "requests": 3}]}}
    return NewRelic(answering({"data": {"actor": {"account": account}}}), 1)


def datadog() -> Datadog:
    return Datadog(answering({"series": [{"tag_set": ["service:cart"], "pointlist": [["soon", "many"]]}]}))


@pytest.mark.parametrize("source", [cloudwatch, newrelic, datadog])
def test_points_in_an_unknown_format_are_the_vendors_fault(source):
    with pytest.raises(VendorError, match="unknown format"):
        source().points(["cart"], SINCE, UNTIL)
