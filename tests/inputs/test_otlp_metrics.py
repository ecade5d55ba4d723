"""Metrics by OTLP, judged by OpenTelemetry's own SDK: requests, errors and latencies, as vendors' metrics give them."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation
from opentelemetry.sdk.resources import Resource
from sqlmodel import select

from core.db import store
from core.inputs.otlp_metrics import failed
from core.models import Metric
from core.models.inputs import MeterStream
from tests.inputs.test_otlp import session_of, tracer

SECONDS = {
    "unit": "s",
    "explicit_bucket_boundaries_advisory": [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
}
OK, FAULT, USER = ({"http.request.method": "GET", "http.response.status_code": code} for code in (200, 500, 404))
DELTA = {Histogram: AggregationTemporality.DELTA, Counter: AggregationTemporality.DELTA}


class Service:
    """A service with OpenTelemetry's SDK; ``export`` is one turn of its reader."""

    def __init__(self, world, token="", instance="one", exponential=False, temporality=None, environment="production"):
        session, self.routes = session_of(world.client)
        more = {Histogram: ExponentialBucketHistogramAggregation()} if exponential else None
        exporter = OTLPMetricExporter(
            endpoint="http://platform/otlp/v1/metrics",
            headers={"authorization": f"Bearer {token or world.token()}"},
            session=session,
            preferred_temporality=temporality,
            preferred_aggregation=more,
        )
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
        resource = {
            "service.name": "cart",
            "service.instance.id": instance,
            "deployment.environment.name": environment,
        }
        self.provider, self.world = MeterProvider([reader], Resource(resource)), world
        self.meter = self.provider.get_meter("shop")
        self.duration = self.meter.create_histogram("http.server.request.duration", **SECONDS)

    def export(self) -> dict:
        self.provider.force_flush()
        assert {answer.status_code for answer in self.routes.answers} <= {200}
        self.world.cycle()
        return self.world.points()


@pytest.fixture(autouse=True)
def windows(monkeypatch):
    """Each export is in an interval of its own."""
    monkeypatch.setattr("core.inputs.measures.STEP", 1)


@pytest.mark.parametrize("temporality", [None, DELTA])
@pytest.mark.parametrize("exponential", [False, True])
def test_requests_errors_and_latency_come_from_the_durations_of_a_server(world, temporality, exponential):
    service = Service(world, temporality=temporality, exponential=exponential)
    for number in range(100):
        service.duration.record(0.02 if number < 90 else 0.4, OK if number % 10 else FAULT)
    told = service.export()
    assert (told["cart", "requests"], told["cart", "errors"]) == (100, 10)
    assert 250 < told["cart", "p95_ms"] <= 500 and (not exponential or 380 < told["cart", "p95_ms"] < 420)
    assert service.export() == told, "nothing is counted twice"
    service.duration.record(0.02, OK)
    service.duration.record(0.02, USER)
    told = service.export()
    assert (told["cart", "requests"], told["cart", "errors"]) == (102, 10)


def test_a_process_that_ran_before_is_counted_from_its_first_export_on(world, monkeypatch):
    service = Service(world)
    service.duration.record(0.02, OK)
    monkeypatch.setattr("core.inputs.meters.STARTED", 0)
    assert service.export() == {}
    service.duration.record(0.02, OK)
    service.duration.record(0.02, FAULT)  # its first error, in a series of its own
    told = service.export()
    assert (told["cart", "requests"], told["cart", "errors"]) == (2, 1)


def test_a_process_that_starts_again_and_one_beside_it_are_counted(world):
    for _ in range(2):
        service = Service(world)
        service.duration.record(0.02, OK)
        told = service.export()
    Service(world, instance="two").export()
    other = Service(world, instance="two")
    other.duration.record(0.02, FAULT)
    told = other.export()
    assert (told["cart", "requests"], told["cart", "errors"]) == (3, 1)


def test_a_request_that_is_sent_again_after_a_lost_answer_is_counted_once(world):
    service = Service(world, token=world.token(), temporality=DELTA)
    service.duration.record(0.02, OK)
    service.export()
    first = service.routes.sent[0]
    world.client.request(first.method, first.path_url, content=first.body, headers=dict(first.headers))
    world.cycle()
    assert world.points()["cart", "requests"] == 1


def test_spans_of_a_service_whose_metrics_are_counted_are_not_counted_beside_them(world):
    token = world.token()
    service, (spans, _) = Service(world, token), tracer(world, token)
    service.duration.record(0.02, OK)
    service.export()
    with spans.start_as_current_span("GET /", kind=trace.SpanKind.SERVER):
        pass
    world.cycle()
    assert world.points()["cart", "requests"] == 1


def test_counters_that_the_policy_names_are_counted_where_there_are_no_durations(world):
    service = Service(world)
    service.meter.create_counter("requests").add(10)
    service.meter.create_counter("errors").add(2)
    told = service.export()
    assert told == {("cart", "requests"): 10, ("cart", "errors"): 2}
    service.duration.record(0.02, OK)
    service.export()
    service.meter.create_counter("requests").add(5)
    assert service.export()["cart", "requests"] == 11, "from now on the durations are counted"


def test_other_metrics_and_other_environments_are_accepted_and_not_counted(world):
    service = Service(world)
    service.meter.create_counter("cache.hits").add(1)
    service.meter.create_histogram("http.client.request.duration", unit="s").record(1)
    staging = Service(world, environment="staging")
    staging.duration.record(0.02, OK)
    assert service.export() == staging.export() == {}


def test_points_are_stored_as_a_vendors_are_and_one_row_keeps_the_last_values(world):
    service = Service(world)
    for _ in range(2):
        service.duration.record(0.02, OK)
        service.export()
    with store.read() as session:
        rows = session.exec(select(Metric)).all()
        streams = session.exec(select(MeterStream)).all()
    assert {row.source for row in rows} == {"otlp"} and {row.name for row in rows} == {"requests", "errors", "p95_ms"}
    assert [(row.service, row.role, len(row.series)) for row in streams] == [("cart", "duration", 1)]


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({"http.response.status_code": 503}, True),
        ({"http.status_code": 200}, False),
        ({"status": "500", "outcome": "SERVER_ERROR"}, True),
        ({"http.response.status_code": 404, "error.type": "404"}, False),
        ({"error.type": "KeyError"}, True),
        ({"rpc.grpc.status_code": 13}, True),
        ({"rpc.grpc.status_code": 5}, False),
        ({}, False),
    ],
)
def test_which_requests_failed(told, fault):
    assert failed(told) is fault
